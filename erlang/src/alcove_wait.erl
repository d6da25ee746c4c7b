%% SPDX-License-Identifier: ISC

%% @doc Waiting for what sends no message.
%% @hidden
-module(alcove_wait).

-export([until/2]).

%% How often it is looked at, in milliseconds: at first often, for what takes no time, then less.
-define(SHORTEST, 1).
-define(LONGEST, 16).

%% @doc Waits until a function returns true, as long as it returns false.
-spec until(fun(() -> boolean() | {error, Reason}), timeout()) ->
    ok | {error, timeout | Reason}.
until(Fun, infinity) ->
    % any integer is less than an atom
    wait(Fun, infinity, ?SHORTEST);
until(Fun, Timeout) ->
    wait(Fun, erlang:monotonic_time(millisecond) + Timeout, ?SHORTEST).

wait(Fun, Deadline, Interval) ->
    case Fun() of
        true ->
            ok;
        {error, _} = Error ->
            Error;
        false ->
            case erlang:monotonic_time(millisecond) < Deadline of
                true ->
                    timer:sleep(Interval),
                    wait(Fun, Deadline, min(2 * Interval, ?LONGEST));
                false ->
                    {error, timeout}
            end
    end.
