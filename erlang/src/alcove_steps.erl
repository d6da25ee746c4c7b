%% SPDX-License-Identifier: ISC

%% @doc Calls that have names: a failure says what it was that could not be done.
%%
%% Everything that needs no answer in between is one round trip, see {@link alcove_linux:batch/3}.
%% @hidden
-module(alcove_steps).

-export([
    run/4,
    fork/5,
    call/5
]).

-export_type([step/1]).

-type step(Name) :: {Name, {alcove_proto:call(), Args :: [term()]}}.
%% A call of {@link alcove} with its arguments behind the pipeline, and what it is for.

%% What fits in a batch: bytes of a frame, with room for headers, and calls.
-define(MAXBATCH, 60000).
-define(MAXCALLS, 200).

%% @doc Makes the calls in a process that was told to answer extensions, up to the first that fails.
%%
%% The replies are those of all calls, without that of one that has executed a program.
-spec run(alcove_drv:ref(), [alcove:pid_t()], [step(Name)], timeout()) ->
    {ok, Replies :: [term()]} | {error, {Name, Reason :: term()}}.
run(Drv, Path, Steps, Timeout) ->
    run_all(Drv, Path, batches(Steps), deadline(Timeout), []).

run_all(_Drv, _Path, [], _Deadline, Replies) ->
    {ok, lists:append(lists:reverse(Replies))};
run_all(Drv, Path, [[{Step, {Name, Args}}] | Batches], Deadline, Replies) ->
    case call(Drv, Path, Name, Args, left(Deadline)) of
        {error, Reason} -> {error, {Step, Reason}};
        false -> {error, {Step, einval}};
        Failed when Failed =:= badarg; Failed =:= undef -> {error, {Step, Failed}};
        Reply -> run_all(Drv, Path, Batches, Deadline, [[Reply] | Replies])
    end;
run_all(Drv, Path, [Steps | Batches], Deadline, Replies) ->
    case outcome(call(Drv, Path, batch, [calls(Steps)], left(Deadline)), Steps) of
        {ok, More} -> run_all(Drv, Path, Batches, Deadline, [More | Replies]);
        {error, _} = Error -> Error
    end.

calls(Steps) ->
    [Call || {_, Call} <- Steps].

%% What the reply to a batch says of its steps.
outcome({ok, Replies}, _Steps) ->
    {ok, Replies};
outcome({error, N, Failed}, Steps) ->
    {Step, _} = lists:nth(N, Steps),
    {error, {Step, reason(lists:last(Failed))}};
outcome({error, Reason}, Steps) ->
    {Step, _} = lists:last(Steps),
    {error, {Step, Reason}};
outcome(ok, _Steps) ->
    {ok, []};
outcome(Refused, Steps) ->
    {Step, _} = hd(Steps),
    {error, {Step, Refused}}.

deadline(infinity) -> infinity;
deadline(Timeout) -> erlang:monotonic_time(millisecond) + Timeout.

left(infinity) -> infinity;
left(Deadline) -> max(0, Deadline - erlang:monotonic_time(millisecond)).

reason({error, Reason}) -> Reason;
reason(false) -> einval;
reason(Reason) -> Reason.

%% @doc Makes a call that forks, and calls in the child, in one round trip. They have to fit in one frame.
%% The process and the child were told to answer extensions.
-spec fork(alcove_drv:ref(), [alcove:pid_t()], step(Name), [step(Name), ...], timeout()) ->
    {ok, [alcove:pid_t(), ...], {ok, Replies :: [term()]} | {error, {Name, Reason :: term()}}}
    | {error, {Name, Reason :: term()}}.
fork(Drv, At, {Step, _} = Fork, Steps, Timeout) ->
    case run(Drv, At, [Fork, {Step, {batch, [calls(Steps)]}}], Timeout) of
        {ok, [{ok, Pid}]} -> {ok, At ++ [Pid], outcome(reply(Drv, At, Pid, Timeout), Steps)};
        {error, _} = Error -> Error
    end.

%% To the driver nobody waits for it. It does not come if the child ends, or the process itself.
reply(Drv, At, Pid, Timeout) ->
    Path = At ++ [Pid],
    Ref = monitor(process, Drv),
    Reply =
        receive
            {alcove_call, Drv, Path, Said} ->
                Said;
            {alcove_event, Drv, Who, {End, _} = How} when
                Who =:= At orelse Who =:= Path, End =:= exit_status orelse End =:= termsig
            ->
                {error, How};
            {'DOWN', Ref, process, _, Reason} ->
                {error, {driver, Reason}}
        after Timeout -> {error, timeout}
        end,
    demonitor(Ref, [flush]),
    Reply.

%% A frame has room for so much. A call that is too large by itself is refused.
batches(Steps) ->
    batches(Steps, 0, 0, [], []).

batches([{_, Call} = Step | Steps], N, Size, Batch, Batches) ->
    CallSize = erlang:external_size(Call),
    case N < ?MAXCALLS andalso Size + CallSize =< ?MAXBATCH of
        true -> batches(Steps, N + 1, Size + CallSize, [Step | Batch], Batches);
        false when N =:= 0 -> batches(Steps, 0, 0, [], [[Step] | Batches]);
        false -> batches([Step | Steps], 0, 0, [], [lists:reverse(Batch) | Batches])
    end;
batches([], _N, _Size, [], Batches) ->
    lists:reverse(Batches);
batches([], N, Size, Batch, Batches) ->
    batches([], N, Size, [], [lists:reverse(Batch) | Batches]).

%% @doc Makes one call. A driver that is gone is an error like any other.
-spec call(alcove_drv:ref(), [alcove:pid_t()], alcove_proto:call(), [term()], timeout()) -> term().
call(Drv, Path, Name, Args, Timeout) ->
    try alcove_drv:call(Drv, Path, Name, Args, Timeout) of
        {alcove_error, Reason} -> {error, Reason};
        Reply -> Reply
    catch
        exit:{Reason, {gen_server, call, _}} -> {error, {driver, Reason}}
    end.
