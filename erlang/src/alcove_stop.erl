%% SPDX-License-Identifier: ISC

%% @doc Ends processes with all that they have started, and tells when that is certain.
%%
%% {@link alcove_drv:stop/1} and {@link alcove:eof/2} ask programs to end. Some do not, some have
%% started others which nobody asks. {@link stop/3} asks all of them, waits, kills those that
%% are left, and returns when they are gone.
%%
%% A program can start others that leave it: whose parent has ended is a child of init, or of the
%% nearest process above that was made a subreaper. So run it below one that {@link prepare/2}
%% makes. That takes no rights:
%%
%% ```
%% 1> {ok, Keeper} = alcove_stop:prepare(Drv, []).
%% 2> {ok, Pid} = alcove:fork(Drv, [Keeper]).
%% 3> ok = alcove:execvp(Drv, [Keeper, Pid], "sh", ["sh", "-c", "(sleep 1000 &); sleep 1000"]).
%% 4> alcove_stop:stop(Drv, [Keeper, Pid]).
%% {ok,{termsig,sigterm}}
%% '''
%%
%% What {@link stop/3} returns says how much is known:
%%
%% <dl>
%% <dt>`{ok, Ended}'</dt>
%%   <dd>All that the program has started has ended, for certain. There are three means:
%%   <ul>
%%   <li>a process that was prepared, or process 1 of a pid namespace, with nothing else below it:
%%     one program at a time, and it serves for the next one then. That nothing is left is
%%     proven by its wait, which fails with ECHILD. Several programs end together when the
%%     prepared process itself is stopped</li>
%%   <li>the end of process 1 of a pid namespace, see {@link alcove:clone/3}: the kernel ends
%%     all others with it</li>
%%   <li>the option `cgroup' with a group of version 2 that the program was moved to before it
%%     was executed and cannot leave. The kernel kills its members, and says when it is empty</li>
%%   </ul></dd>
%% <dt>`{unconfirmed, Ended}'</dt>
%%   <dd>The program has ended, and all that could be found: descendants, process groups, and on
%%   kernels that do not list children sessions. What left it before the first look, as daemons
%%   do, may live</dd>
%% <dt>`{error, {still_running, Pids}}'</dt>
%%   <dd>Processes do not die, because they belong to another user or wait for a device</dd>
%% </dl>
%%
%% A program with rights over others can undo all of it: it can kill the prepared process, enter
%% another pid namespace or another control group, or have a service start something for it.
-module(alcove_stop).

-include("alcove.hrl").

-export([
    prepare/2,
    subreaper/2,
    is_empty/2
]).
-export([stop/2, stop/3]).

-export_type([
    option/0,
    ended/0,
    reason/0
]).

-type option() ::
    {signal, alcove:constant()}
    | {grace, Milliseconds :: non_neg_integer()}
    | {timeout, Milliseconds :: non_neg_integer()}
    | {cgroup, alcove_cgroup:namespace()}.
%% An option of {@link stop/3}.

-type ended() :: {exit_status, byte()} | {termsig, atom()} | gone.
%% How the process has ended; `gone' if that is not reported, see {@link alcove:setopt/4}.

-type reason() ::
    esrch
    | badarg
    | {still_running, [alcove:pid_t(), ...]}
    | {cgroup, alcove:posix()}.

%% How often it is looked whether they have ended, in milliseconds: less often as time passes.
%% The end of the program itself is a message.
-define(SHORTEST, 8).
-define(LONGEST, 64).

%% How long a process that is to end may take for a call.
-define(PATIENCE, 5000).

%% A job: to end all below a process, or some of it.
-record(job, {
    drv :: alcove_drv:ref(),
    at :: [alcove:pid_t()],
    what = all :: all | alcove_family:family(),
    % the child whose end is of interest
    pid = none :: alcove:pid_t() | none,
    ended = gone :: ended(),
    % who waits for children: the owner, if he has asked for their signals
    is_taken = false :: boolean(),
    group =
        none :: none | {alcove_cgroup:namespace(), At :: [alcove:pid_t()], IsCertain :: boolean()}
}).

%%
%% Certainty
%%

%% @doc Forks a process below which programs can be ended for certain.
%%
%% It is a subreaper: all that is started below it stays there. It takes calls as any process of
%% the port, and serves for one program after the other. The error is `enotsup' where there are no
%% subreapers, as with the program in C.
%%
%% ```
%% 1> {ok, Keeper} = alcove_stop:prepare(Drv, []).
%% {ok,4711}
%% '''
-spec prepare(alcove_drv:ref(), [alcove:pid_t()]) ->
    {ok, alcove:pid_t()} | {error, enotsup | alcove:posix()}.
prepare(Drv, Pids) ->
    case alcove:fork(Drv, Pids) of
        {ok, Pid} ->
            case subreaper(Drv, Pids ++ [Pid]) of
                ok ->
                    {ok, Pid};
                {error, _} = Error ->
                    _ = stop(Drv, Pids ++ [Pid]),
                    Error
            end;
        {error, _} = Error ->
            Error
    end.

%% @doc Makes a process one of the kind that {@link prepare/2} forks, the port itself for
%% instance. It must not have children: the error is `ebusy' then.
%%
%% ```
%% 1> {ok, Drv} = alcove_drv:start().
%% 2> alcove_stop:subreaper(Drv, []).
%% ok
%% '''
-spec subreaper(alcove_drv:ref(), [alcove:pid_t()]) -> ok | {error, ebusy | enotsup}.
subreaper(Drv, Pids) ->
    case alcove:setopt(Drv, Pids, subreaper, 1) of
        true ->
            ok;
        false ->
            case alcove:getopt(Drv, Pids, subreaper) =:= 0 andalso not is_empty(Drv, Pids) of
                true -> {error, ebusy};
                false -> {error, enotsup}
            end
    end.

%% @doc True if nothing is below a process. If it was prepared that is the proof that all that was
%% ever started below it has ended.
%%
%% ```
%% 1> alcove_stop:is_empty(Drv, [Keeper]).
%% true
%% '''
-spec is_empty(alcove_drv:ref(), [alcove:pid_t()]) -> boolean().
is_empty(Drv, Pids) ->
    alcove_below:is_empty(Drv, Pids).

%%
%% Stop
%%

%% @equiv stop(Drv, Pids, [])
-spec stop(alcove_drv:ref(), [alcove:pid_t()]) ->
    {ok | unconfirmed, ended()} | {error, reason()}.
stop(Drv, Pids) ->
    stop(Drv, Pids, []).

%% @doc Ends the last process of a pipeline and all that belongs to it.
%%
%% Options:
%%
%% <dl>
%% <dt>`{signal, Signal}'</dt>
%%   <dd>what asks a process to end, `sigterm' by default. Processes that run the port program
%%   are told last, by the end of their input, when the programs below them have ended</dd>
%% <dt>`{grace, Milliseconds}'</dt>
%%   <dd>how long they may take, 5000 by default; those that are left are killed then</dd>
%% <dt>`{timeout, Milliseconds}'</dt>
%%   <dd>how long the kernel may take for that, 5000 by default</dd>
%% <dt>`{cgroup, Namespace}'</dt>
%%   <dd>a control group whose processes belong to it as well; it stays, empty</dd>
%% </dl>
%%
%% Returns how the process has ended, and whether the end of all is certain, see above; that event
%% is taken from the mailbox, the output of the process stays there. With `[]' all processes below
%% the port end, then the port and its driver, which is unlinked.
%%
%% Other errors are `esrch' if there is no such process, `badarg' for an unknown signal, and
%% `{cgroup, Posix}' if there is no such group; nothing is done then.
%%
%% ```
%% 1> alcove_stop:stop(Drv, [Keeper, Pid], [{signal, sigint}, {grace, 10000}]).
%% {ok,{exit_status,130}}
%% 2> alcove_stop:stop(Drv, []).
%% {unconfirmed,{exit_status,0}}
%% '''
-spec stop(alcove_drv:ref(), [alcove:pid_t()], [option()]) ->
    {ok | unconfirmed, ended()} | {error, reason()}.
stop(Drv, [], Options) ->
    case checked(#job{drv = Drv, at = []}, Options) of
        {ok, Job, Signal} ->
            case end_all(Job, Signal, Options) of
                {ok, Certainty, _} -> {Certainty, end_port(Drv, timeout(Options))};
                {error, _} = Error -> Error
            end;
        {error, _} = Error ->
            Error
    end;
stop(Drv, Pids, Options) ->
    {At, [Pid]} = lists:split(length(Pids) - 1, Pids),
    Children = alcove:cpid(Drv, At),
    case lists:keyfind(Pid, #alcove_pid.pid, Children) of
        false ->
            {error, esrch};
        #alcove_pid{fdctl = FD} ->
            case checked(#job{drv = Drv, at = At, pid = Pid}, Options) of
                {ok, Job, Signal} when FD >= 0 -> end_process(Job, Children, Signal, Options);
                {ok, Job, Signal} -> end_program(Job, Children, Signal, Options);
                {error, _} = Error -> Error
            end
    end.

grace(Options) -> proplists:get_value(grace, Options, 5000).

timeout(Options) -> proplists:get_value(timeout, Options, 5000).

%% All errors that can be known before anybody is asked to end.
checked(#job{drv = Drv, at = At} = Job, Options) ->
    IsTaken = alcove:sigaction(Drv, At, sigchld, []) =:= {ok, sig_info},
    case number(Drv, At, proplists:get_value(signal, Options, sigterm)) of
        Signal when is_integer(Signal) ->
            case group(Job, proplists:get_value(cgroup, Options, none)) of
                {ok, Group} -> {ok, Job#job{group = Group, is_taken = IsTaken}, Signal};
                {error, Posix} -> {error, {cgroup, Posix}}
            end;
        unknown ->
            {error, badarg}
    end.

number(Drv, At, Signal) when is_atom(Signal) -> alcove:signal_constant(Drv, At, Signal);
number(_Drv, _At, Signal) -> Signal.

%% The kernel ends those who are in a group of version 2, so the program has to be one of them.
group(_Job, none) ->
    {ok, none};
group(#job{drv = Drv, at = At, pid = Pid}, Group) ->
    case alcove_cgroup:fold(Drv, At, <<>>, Group, fun(_, _) -> true end, false) of
        true ->
            IsMember = lists:member(Pid, alcove_cgroup:members(Drv, At, Group)),
            {ok, {Group, At, IsMember andalso alcove_cgroup:version(Drv, At) =:= 2}};
        false ->
            {error, enoent}
    end.

%% A program. If it is alone, all below its parent belongs to it.
end_program(#job{drv = Drv, at = At, pid = Pid} = Job, Children, Signal, Options) ->
    IsFirst = alcove_proc:is_first(Drv, At, Pid),
    Done =
        case Children of
            [_] -> end_all(Job, Signal, Options);
            _ -> run(Job#job{what = alcove_family:find(Drv, At, [Pid])}, Signal, Options)
        end,
    case Done of
        {ok, _, Last} when IsFirst -> {ok, ended(Last, timeout(Options))};
        {ok, Certainty, Last} -> {Certainty, ended(Last, timeout(Options))};
        {error, _} = Error -> Error
    end.

%% A process that runs the port ends after all below it, whatever becomes of them.
end_process(#job{drv = Drv, at = At, pid = Pid} = Job, Children, Signal, Options) ->
    Path = At ++ [Pid],
    _ = alcove:kill(Drv, At, Pid, sigcont),
    case alcove_drv:call(Drv, Path, getpid, [], ?PATIENCE) of
        Self when is_integer(Self) ->
            Below = end_all(Job#job{at = Path, pid = none, is_taken = false}, Signal, Options),
            end_last(Job, Children, Below, Self =:= 1, Options);
        % it waits in a call of its own
        {alcove_error, _} ->
            end_last(Job, Children, {error, busy}, false, Options)
    end.

end_last(#job{drv = Drv, at = At, pid = Pid} = Job, Children, Below, IsFirst, Options) ->
    % those that it could not end
    Family = [alcove_family:find(Drv, At, [Pid]) || {error, _} <- [Below], length(Children) > 1],
    _ = alcove:eof(Drv, At ++ [Pid]),
    case end_reaped(Job, timeout(Options)) of
        {gone, Last} ->
            case below(Last, Children, Below, Family, IsFirst, Options) of
                {ok, Certainty, Told} -> {Certainty, ended(Told, timeout(Options))};
                {error, _} = Error -> Error
            end;
        {left, _} ->
            {error, {still_running, [Pid]}}
    end.

end_reaped(#job{drv = Drv, at = At, pid = Pid} = Job, Timeout) ->
    Kill = fun(Left) ->
        _ = alcove:kill(Drv, At, Pid, sigkill),
        Left
    end,
    case await(Job, fun is_reaped/1, fun(Left) -> Left end, Timeout div 2) of
        {left, Left} -> await(Kill(Left), fun is_reaped/1, Kill, Timeout);
        Gone -> Gone
    end.

%% Returns what is known of those that were below the process once that has ended, and the job, which may have been
%% told of the end meanwhile. If it was alone, what it has left has fallen to its parent, should that be one to which
%% it falls.
below(Job, _Children, {ok, ok, _}, _Family, _IsFirst, _Options) -> {ok, ok, Job};
below(Job, _Children, _Below, _Family, true, _Options) -> {ok, ok, Job};
below(Job, [_], _Below, _Family, false, Options) -> end_all(Job, 0, [{grace, 0} | Options]);
below(Job, _Children, {ok, Certainty, _}, [], false, _Options) -> {ok, Certainty, Job};
below(Job, _Children, _Below, [Family], false, Options) ->
    run(Job#job{what = Family}, 0, [{grace, 0} | Options]).

is_reaped(#job{drv = Drv, at = At, pid = Pid}) ->
    not lists:keymember(Pid, #alcove_pid.pid, alcove:cpid(Drv, At)).

%% The driver notices the end of the port and ends, which would end its owner.
end_port(Drv, Timeout) ->
    unlink(Drv),
    Ref = monitor(process, Drv),
    ok = alcove:exit(Drv, [], 0),
    receive
        {'DOWN', Ref, process, Drv, _} -> {exit_status, 0}
    after Timeout ->
        demonitor(Ref, [flush]),
        alcove_drv:stop(Drv),
        gone
    end.

%% What the parent has to say of the end, if it is to say it.
ended(#job{ended = gone, drv = Drv, at = At, pid = Pid} = Job, Timeout) ->
    % an error if the parent is gone
    Reported = [
        alcove_drv:call(Drv, At, getopt, [Option], infinity)
     || Option <- [exit_status, termsig]
    ],
    Last = take_event(collect(Job), wait_for_report(Reported, Timeout), At ++ [Pid]),
    Last#job.ended;
ended(#job{ended = Ended}, _Timeout) ->
    Ended.

wait_for_report([1, 1], Timeout) -> Timeout;
wait_for_report(_, _) -> 0.

%%
%% Asking, waiting, killing
%%

%% All below a process. Who loses his parent meanwhile stays in sight, also where that was not so
%% before. Where the process cannot look for them itself they are found from here.
end_all(#job{drv = Drv, at = At} = Job, Signal, Options) ->
    try
        IsKeeper = alcove_below:is_keeper(Drv, At),
        alcove_below:adopting(Drv, At, fun() -> end_all(Job, IsKeeper, Signal, Options) end)
    catch
        % with it goes what is known of those below it
        throw:lost -> {ok, unconfirmed, Job};
        error:badpid -> {ok, unconfirmed, Job};
        error:{Ended, _} when Ended =:= exit_status; Ended =:= termsig -> {ok, unconfirmed, Job}
    end.

end_all(#job{drv = Drv, at = At} = Job, IsKeeper, Signal, Options) ->
    case alcove_below:signal(Drv, At, Signal) of
        true ->
            ask_group(Job, Signal),
            finish(Job, IsKeeper, Options);
        false ->
            Roots = [Pid || #alcove_pid{pid = Pid} <- alcove:cpid(Drv, At)],
            run(Job#job{what = alcove_family:find(Drv, At, Roots)}, Signal, Options)
    end.

run(#job{what = Family} = Job, Signal, Options) ->
    ok = alcove_family:ask(Family, Signal),
    ask_group(Job, Signal),
    finish(Job, false, Options).

ask_group(#job{group = none}, _Signal) ->
    ok;
ask_group(#job{drv = Drv, group = {Group, At, _}}, Signal) ->
    Members = alcove_cgroup:members(Drv, At, Group),
    lists:foreach(fun(Pid) -> alcove:kill(Drv, At, Pid, Signal) end, Members -- [0]).

finish(#job{group = Group} = Job0, IsKeeper, Options) ->
    case await(Job0, fun is_gone/1, fun(Job) -> Job end, grace(Options)) of
        {gone, #job{group = none} = Job} -> {ok, certain(IsKeeper, Group), Job};
        {_, Job} -> kill(Job, IsKeeper, timeout(Options))
    end.

certain(true, _Group) -> ok;
certain(false, {_, _, true}) -> ok;
certain(false, _Group) -> unconfirmed.

%% The group is killed even if it looks empty: there may be others below it.
kill(#job{group = Group} = Job, IsKeeper, Timeout) ->
    Killed = kill_all(Job, IsKeeper),
    case kill_group(Job, Timeout) of
        ok ->
            Again = fun(Left) -> kill_all(Left, IsKeeper) end,
            case await(Killed, fun is_gone/1, Again, Timeout) of
                {gone, Last} -> {ok, certain(IsKeeper, Group), Last};
                {left, Last} -> {error, {still_running, left(Last)}}
            end;
        {error, timeout} ->
            {error, {still_running, left(Killed)}};
        {error, Posix} ->
            {error, {cgroup, Posix}}
    end.

%% Orphans of those who are killed are lost sight of, except below a keeper. So the others are
%% stopped first.
kill_all(#job{what = all, drv = Drv, at = At} = Job, IsKeeper) ->
    _ = IsKeeper orelse alcove:setopt(Drv, At, signalbelow, sigstop(Drv, At)),
    _ = alcove:setopt(Drv, At, signalbelow, sigkill(Drv, At)),
    Job;
kill_all(#job{what = Family, drv = Drv, at = At} = Job, _IsKeeper) ->
    Children = [Pid || #alcove_pid{pid = Pid} <- alcove:cpid(Drv, At)],
    Job#job{what = alcove_family:kill(Family, Children)}.

kill_group(#job{group = none}, _Timeout) -> ok;
kill_group(#job{drv = Drv, group = {Group, At, _}}, Timeout) ->
    alcove_cgroup:kill(Drv, At, Group, Timeout).

%% Whose end is waited for by the loop of the parent, unless its owner has taken that over.
is_gone(#job{what = all, drv = Drv, at = At} = Job) ->
    case alcove_below:settle(Drv, At) of
        lost -> throw(lost);
        IsSettled -> IsSettled andalso is_group_empty(Job)
    end;
is_gone(#job{what = Family} = Job) ->
    alcove_family:left(Family) =:= [] andalso is_group_empty(Job).

is_group_empty(#job{group = none}) -> true;
is_group_empty(#job{drv = Drv, group = {Group, At, _}}) ->
    alcove_cgroup:members(Drv, At, Group) =:= [].

%% Those that can be named.
left(#job{what = all, drv = Drv, at = At}) ->
    Self = alcove:getpid(Drv, At),
    Found = alcove_family:find(Drv, At, [Self]),
    case alcove_family:left(Found) -- [Self] of
        [] -> [Pid || #alcove_pid{pid = Pid} <- alcove:cpid(Drv, At)];
        Left -> Left
    end;
left(#job{what = Family}) ->
    alcove_family:left(Family).

%% Waits until they are gone. The end of the child is noticed at once if it is reported.
await(Job, IsGone, Between, Timeout) ->
    await(Job, IsGone, Between, erlang:monotonic_time(millisecond) + Timeout, ?SHORTEST).

await(#job{at = At, pid = Pid} = Job0, IsGone, Between, Deadline, Interval) ->
    Left = max(0, Deadline - erlang:monotonic_time(millisecond)),
    Job = collect(take_event(Job0, min(Interval, Left), At ++ [Pid])),
    case IsGone(Job) of
        true -> {gone, Job};
        false when Left =:= 0 -> {left, Job};
        false -> await(Between(Job), IsGone, Between, Deadline, min(2 * Interval, ?LONGEST))
    end.

take_event(#job{drv = Drv, ended = gone} = Job, Timeout, Pids) ->
    receive
        {alcove_event, Drv, Pids, {exit_status, _} = Event} -> Job#job{ended = Event};
        {alcove_event, Drv, Pids, {termsig, _} = Event} -> Job#job{ended = Event}
    after Timeout -> Job
    end;
take_event(Job, Timeout, _Pids) ->
    timer:sleep(Timeout),
    Job.

collect(#job{is_taken = true, what = all} = Job) ->
    collect(Job, -1);
collect(#job{is_taken = true, pid = Pid} = Job) ->
    collect(Job, Pid);
collect(Job) ->
    Job.

collect(#job{drv = Drv, at = At, pid = Pid} = Job, Which) ->
    case alcove_drv:call(Drv, At, waitpid, [Which, [wnohang]], infinity) of
        {ok, Pid, _, [{exit_status, _} = Ended]} -> collect(Job#job{ended = Ended}, Which);
        {ok, Pid, _, [{termsig, _} = Ended]} -> collect(Job#job{ended = Ended}, Which);
        {ok, Other, _, _} when is_integer(Other), Other > 0 -> collect(Job, Which);
        _ -> Job
    end.

sigkill(Drv, At) -> alcove:signal_constant(Drv, At, sigkill).

sigstop(Drv, At) -> alcove:signal_constant(Drv, At, sigstop).
