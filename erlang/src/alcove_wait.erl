%% @doc Waiting for what sends no message.
%% @hidden
-module(alcove_wait).

-export([until/2]).

%% How often it is looked at, in milliseconds.
-define(INTERVAL, 10).

%% @doc Waits until a function returns true, as long as it returns false.
-spec until(fun(() -> boolean() | {error, Reason}), timeout()) ->
    ok | {error, timeout | Reason}.
until(Fun, infinity) ->
    % any integer is less than an atom
    wait(Fun, infinity);
until(Fun, Timeout) ->
    wait(Fun, erlang:monotonic_time(millisecond) + Timeout).

wait(Fun, Deadline) ->
    case Fun() of
        true ->
            ok;
        {error, _} = Error ->
            Error;
        false ->
            case erlang:monotonic_time(millisecond) < Deadline of
                true ->
                    timer:sleep(?INTERVAL),
                    wait(Fun, Deadline);
                false ->
                    {error, timeout}
            end
    end.
