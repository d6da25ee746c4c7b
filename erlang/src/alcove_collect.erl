%% SPDX-License-Identifier: ISC

%% @doc One program below a keeper, to its end: its input, its output within a limit, its time.
%%
%% It is called in the process that owns the driver.
%% @hidden
-module(alcove_collect).

-export([run/4]).

%% How long programs that were killed may take to be gone.
-define(KILLED, 5000).

-record(run, {
    job :: alcove_job:job(),
    drv :: alcove_drv:ref(),
    % who may end meanwhile: the driver, and the one who waits for the result
    driver :: reference(),
    caller :: reference() | none,
    path :: [alcove:pid_t()],
    keeper :: [alcove:pid_t()],
    grace :: non_neg_integer(),
    phase = running :: running | asked | killed,
    why = none :: none | timeout | output_limit | abandoned,
    deadline :: integer() | infinity,
    limit :: non_neg_integer() | infinity,
    % many small pieces take more memory than one that they are appended to
    stdout = <<>> :: binary(),
    stderr = <<>> :: binary(),
    truncated = [] :: [stdout | stderr],
    used = #{} :: #{} | alcove_job:used()
}).

%% @doc Runs a program to its end. Caller is a monitor: when that process ends, the program is
%% ended and the result is `abandoned'. After `{lost, Error}' the keeper is of no use any more.
-spec run(alcove_job:keeper(), alcove_job:spec(), [alcove_job:before()], reference() | none) ->
    {ok, alcove_run:result()}
    | {error, {alcove_run:step(), term()}}
    | {lost, {error, {alcove_run:step(), term()}}}
    | abandoned.
run(Keeper, #{timeout := Timeout} = Spec, Before, Caller) ->
    Begin = erlang:monotonic_time(microsecond),
    case alcove_job:start(Keeper, Spec, Before, Timeout) of
        {ok, Job} ->
            {Drv, Path} = {alcove_job:drv(Job), alcove_job:path(Job)},
            Ref = monitor(process, Drv),
            Run = #run{
                job = Job,
                drv = Drv,
                driver = Ref,
                caller = Caller,
                path = Path,
                keeper = lists:droplast(Path),
                grace = maps:get(grace, Spec),
                limit = maps:get(output_limit, Spec),
                deadline = deadline(Begin, Timeout)
            },
            Result = await(Run, Begin),
            demonitor(Ref, [flush]),
            Result;
        {error, {Step, _}} = Error when
            Step =:= stop; Step =:= driver; Step =:= keeper; Step =:= fork
        ->
            {lost, Error};
        {error, {_, timeout}} = Error ->
            not_started(Error, Timeout, wall(Begin));
        Error ->
            Error
    end.

%% A program that was not executed in its time, or not in that of a start.
not_started(_Error, Timeout, Wall) when Timeout * 1000 =< Wall ->
    {ok, #{
        status => timeout,
        stdout => <<>>,
        stderr => <<>>,
        truncated => [],
        usage => #{wall_us => Wall}
    }};
not_started(Error, _Timeout, _Wall) ->
    Error.

wall(Begin) ->
    erlang:monotonic_time(microsecond) - Begin.

await(
    #run{drv = Drv, path = Path, keeper = Keeper, driver = Driver, caller = Caller} = Run, Begin
) ->
    receive
        {_, Drv, Path, _} = Message ->
            heard(alcove_job:news(Message, Run#run.job), Run, Begin);
        {_, Drv, Keeper, _} = Message ->
            heard(alcove_job:news(Message, Run#run.job), Run, Begin);
        {alcove_event, Drv, [_ | _] = Above, _} = Message when length(Above) < length(Keeper) ->
            heard(alcove_job:news(Message, Run#run.job), Run, Begin);
        {'DOWN', Driver, process, _, Reason} ->
            lost({driver, Reason}, alcove_job:await_end(Run#run.job));
        {'DOWN', Caller, process, _, _} ->
            await(abandon(Run), Begin);
        {alcove_pool, stop} when Caller =/= none ->
            % again, for the loop that is behind this one
            self() ! {alcove_pool, stop},
            await(abandon(Run#run{caller = none}), Begin)
    after left(Run#run.deadline) ->
        late(Run, Begin)
    end.

heard({output, Stream, Bytes}, Run, Begin) ->
    in_time(keep(Stream, Bytes, Run), Begin);
heard({written, _, Job}, Run, Begin) ->
    await(Run#run{job = Job}, Begin);
heard({used, Used}, Run, Begin) ->
    await(Run#run{used = Used}, Begin);
heard({ended, Status, Job}, Run, Begin) ->
    ended(Status, Run#run{job = Job}, Begin);
heard({lost, Reason}, Run, _Begin) ->
    % what was below it is ended by whoever ends the driver, or else only the program
    _ = alcove_job:kill_group(Run#run.job),
    {lost, {error, {keeper, Reason}}};
heard(none, Run, Begin) ->
    await(Run, Begin).

%% Output that comes without a pause does not put off the end.
in_time(#run{phase = Phase, deadline = Deadline} = Run, Begin) ->
    case Phase =/= killed andalso left(Deadline) of
        0 -> late(Run, Begin);
        _ -> await(Run, Begin)
    end.

lost(Reason, ok) -> {lost, {error, Reason}};
lost(_Reason, Left) -> {lost, Left}.

%% Output is read while the program is being ended, so that it can end, and thrown away.
keep(Stream, Bytes, #run{limit = Limit, job = Job0} = Run) ->
    Job = alcove_job:read(byte_size(Bytes), Job0),
    case byte_size(Bytes) of
        Size when Size =< Limit ->
            kept(Stream, Bytes, Run#run{job = Job, limit = less(Limit, Size)});
        _ -> cut(Stream, binary:part(Bytes, 0, Limit), Run#run{job = Job, limit = 0})
    end.

less(infinity, _Size) -> infinity;
less(Limit, Size) -> Limit - Size.

kept(stdout, Bytes, #run{stdout = Kept} = Run) -> Run#run{stdout = <<Kept/binary, Bytes/binary>>};
kept(stderr, Bytes, #run{stderr = Kept} = Run) -> Run#run{stderr = <<Kept/binary, Bytes/binary>>}.

cut(Stream, Bytes, #run{truncated = Truncated} = Run) ->
    stop(output_limit, kept(Stream, Bytes, Run#run{truncated = lists:usort([Stream | Truncated])})).

late(#run{phase = running} = Run, Begin) ->
    await(stop(timeout, Run), Begin);
late(#run{phase = asked, job = Job} = Run, Begin) ->
    case alcove_job:ask(Job, sigkill) of
        {error, timeout} -> {lost, {error, {keeper, timeout}}};
        _ -> await(Run#run{phase = killed, deadline = deadline(?KILLED)}, Begin)
    end;
late(#run{phase = killed}, _Begin) ->
    % who ends the keeper finds out what lives
    {lost, {error, {keeper, timeout}}}.

stop(Why, #run{phase = running, job = Job, grace = Grace} = Run) ->
    case alcove_job:ask(Job, sigterm) of
        % nor will it do anything else
        {error, timeout} -> Run#run{phase = killed, why = Why, deadline = deadline(0)};
        _ -> Run#run{phase = asked, why = Why, deadline = deadline(Grace)}
    end;
stop(_Why, Run) ->
    Run.

abandon(Run) ->
    (stop(abandoned, Run))#run{why = abandoned, limit = 0}.

ended(Status, #run{job = Job} = Run, Begin) ->
    case alcove_job:finish(Job, grace(Run)) of
        ok ->
            result(Status, rest(Run), wall(Begin));
        {error, {driver, _} = Reason} ->
            lost(Reason, alcove_job:await_end(Job));
        {error, _} = Error ->
            {lost, Error}
    end.

%% The time that is left to what the program leaves.
grace(#run{phase = running, grace = Grace}) -> Grace;
grace(#run{phase = asked, deadline = Deadline}) -> left(Deadline);
grace(#run{phase = killed}) -> 0.

%% What has come meanwhile.
rest(#run{drv = Drv, path = Path, job = Job} = Run) ->
    receive
        {_, Drv, Path, _} = Message ->
            case alcove_job:news(Message, Job) of
                {output, Stream, Bytes} -> rest(keep_more(Stream, Bytes, Run));
                _ -> rest(Run)
            end
    after 0 -> Run
    end.

keep_more(Stream, Bytes, #run{limit = Limit} = Run) when byte_size(Bytes) =< Limit ->
    kept(Stream, Bytes, Run#run{limit = less(Limit, byte_size(Bytes))});
keep_more(Stream, Bytes, #run{limit = Limit, truncated = Truncated} = Run) ->
    kept(
        Stream,
        binary:part(Bytes, 0, Limit),
        Run#run{limit = 0, truncated = lists:usort([Stream | Truncated])}
    ).

result(_Status, #run{why = abandoned}, _Wall) ->
    abandoned;
result(Status, #run{why = Why, used = Used, job = Job} = Run, Wall) ->
    {ok, #{
        status => status(alcove_job:verdict(Job, Status, Used), Why),
        stdout => Run#run.stdout,
        stderr => Run#run.stderr,
        truncated => Run#run.truncated,
        usage => Used#{wall_us => Wall}
    }}.

status(Status, none) -> Status;
status(_Status, Why) -> Why.

deadline(_Begin, infinity) -> infinity;
deadline(Begin, Timeout) -> Begin div 1000 + Timeout.

deadline(Timeout) -> erlang:monotonic_time(millisecond) + Timeout.

left(infinity) -> infinity;
left(Deadline) -> max(0, Deadline - erlang:monotonic_time(millisecond)).
