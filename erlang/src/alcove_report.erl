%% SPDX-License-Identifier: ISC

%% @doc What reports of a crash do not show: arguments, environments, input and output, which may be secret.
%% @hidden
-module(alcove_report).

-export([
    drop_messages/0,
    crash/2,
    without_arguments/1
]).

%% @doc Takes all messages out of the mailbox, which the report would show.
-spec drop_messages() -> ok.
drop_messages() ->
    receive
        _ -> drop_messages()
    after 0 -> ok
    end.

%% @doc Raises an error again: only its kind and the functions are left.
-spec crash(Reason :: term(), Stack :: list()) -> no_return().
crash(Reason, Stack) ->
    erlang:raise(error, kind(Reason), without_arguments(Stack)).

kind(Reason) when is_atom(Reason) -> Reason;
kind(Reason) when is_tuple(Reason), tuple_size(Reason) > 0, is_atom(element(1, Reason)) -> element(1, Reason);
kind(_Reason) -> error.

%% @doc Returns a stack with the number of arguments in their place.
-spec without_arguments(Stack :: list()) -> list().
without_arguments(Stack) ->
    [
        case Frame of
            {Module, Function, Args, Location} when is_list(Args) -> {Module, Function, length(Args), Location};
            {Fun, Args, Location} when is_list(Args) -> {Fun, length(Args), Location};
            _ -> Frame
        end
     || Frame <- Stack
    ].
