%% @doc Ends processes for certain, with all that they have started.
%%
%% {@link alcove_drv:stop/1} and {@link alcove:eof/2} ask programs to end. Some do not, some have
%% started others which nobody asks. {@link stop/3} asks all of them, waits, kills those that
%% are left, and returns when they are gone:
%%
%% ```
%% 1> {ok, Pid} = alcove:fork(Drv, []).
%% 2> ok = alcove:execvp(Drv, [Pid], "sh", ["sh", "-c", "trap '' TERM; sleep 1000 & wait"]).
%% 3> alcove_stop:stop(Drv, [Pid], [{grace, 1000}]).
%% {ok,{termsig,sigkill}}
%% '''
%%
%% What belongs to a process are its descendants, and all processes of the sessions and process
%% groups that these lead. Its parent finds them in `/proc', again and again until there are
%% no more, and stops them before it kills them, so that none starts another meanwhile. One
%% thing escapes: a process that has left its parent and its session before the first look, as
%% daemons do. To be certain of those too give the process a control group:
%%
%% ```
%% 1> ok = alcove_cgroup:create(Drv, [], ["job"]).
%% 2> ok = alcove_cgroup:set(Drv, [], <<>>, ["job"], "tasks", integer_to_list(Pid)).
%% 3> ok = alcove:execvp(Drv, [Pid], "daemon", ["daemon"]).
%% 4> alcove_stop:stop(Drv, [Pid], [{cgroup, ["job"]}]).
%% {ok,{exit_status,0}}
%% '''
%%
%% or a pid namespace, with {@link alcove:clone/3}: the kernel kills all of it with its first
%% process. Without `/proc' only the process and its group are found, and a dead process counts
%% as one of the group until its parent, which may be init, has reaped it.
-module(alcove_stop).

-include("alcove.hrl").

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

-type reason() :: esrch | {still_running, [alcove:pid_t(), ...]} | {cgroup, alcove:posix()}.

%% How often processes are looked at, in milliseconds.
-define(INTERVAL, 50).

%% For how long new ones are looked for before the killing begins.
-define(ROUNDS, 20).

%% A process as /proc shows it.
-record(process, {
    state :: byte(),
    parent :: alcove:pid_t(),
    group :: alcove:pid_t(),
    session :: alcove:pid_t(),
    start :: non_neg_integer()
}).

%% What is to end.
-record(family, {
    drv :: alcove_drv:ref(),
    % the parent of the roots
    at :: [alcove:pid_t()],
    roots :: [alcove:pid_t()],
    cgroup = none :: alcove_cgroup:namespace() | none,
    % all that have been found, dead ones too; a pid that is used again has another start
    known = #{} :: #{alcove:pid_t() => Start :: non_neg_integer()},
    % those that are not dead
    alive = [] :: [alcove:pid_t()],
    % whether /proc shows them
    is_seen = false :: boolean(),
    % roots that nobody but the owner waits for
    ended = #{} :: #{alcove:pid_t() => ended()}
}).

%% @equiv stop(Drv, Pids, [])
-spec stop(alcove_drv:ref(), [alcove:pid_t()]) -> {ok, ended()} | {error, reason()}.
stop(Drv, Pids) ->
    stop(Drv, Pids, []).

%% @doc Ends the last process of a pipeline and all that belongs to it.
%%
%% Options:
%%
%% <dl>
%% <dt>`{signal, Signal}'</dt>
%%   <dd>what asks a process to end, `sigterm' by default. It goes to process groups as a whole;
%%   a process that runs the port program is asked by the end of its input</dd>
%% <dt>`{grace, Milliseconds}'</dt>
%%   <dd>how long they may take, 5000 by default; those that are left are killed then</dd>
%% <dt>`{timeout, Milliseconds}'</dt>
%%   <dd>how long the kernel may take for that, 5000 by default</dd>
%% <dt>`{cgroup, Namespace}'</dt>
%%   <dd>a control group whose processes belong to it as well; it stays, empty</dd>
%% </dl>
%%
%% Returns how the process has ended; that event is taken from the mailbox, its output stays
%% there. With `[]' all processes below the port end, then the port and its driver, which is
%% unlinked.
%%
%% The errors are `esrch' if there is no such process, `{cgroup, Posix}' if there is no such
%% group, and `{still_running, Pids}' when processes do not die, because they belong to another
%% user or wait for a device.
%%
%% ```
%% 1> alcove_stop:stop(Drv, [Pid], [{signal, sigint}, {grace, 10000}]).
%% {ok,{exit_status,130}}
%% 2> alcove_stop:stop(Drv, []).
%% {ok,{exit_status,0}}
%% '''
-spec stop(alcove_drv:ref(), [alcove:pid_t()], [option()]) -> {ok, ended()} | {error, reason()}.
stop(Drv, [], Options) ->
    Roots = [Pid || #alcove_pid{pid = Pid} <- alcove:cpid(Drv, [])],
    case end_family(family(Drv, [], Roots, Options), Options) of
        {ok, _} -> end_port(Drv, timeout(Options));
        {error, _} = Error -> Error
    end;
stop(Drv, Pids, Options) ->
    {At, [Pid]} = lists:split(length(Pids) - 1, Pids),
    case lists:keymember(Pid, #alcove_pid.pid, alcove:cpid(Drv, At)) of
        true ->
            case end_family(family(Drv, At, [Pid], Options), Options) of
                {ok, #{Pid := Ended}} -> {ok, Ended};
                {ok, #{}} -> {ok, ended(Drv, At, Pid, timeout(Options))};
                {error, _} = Error -> Error
            end;
        false ->
            {error, esrch}
    end.

family(Drv, At, Roots, Options) ->
    Cgroup = proplists:get_value(cgroup, Options, none),
    scan(#family{drv = Drv, at = At, roots = Roots, cgroup = Cgroup}).

timeout(Options) ->
    proplists:get_value(timeout, Options, 5000).

%% The driver notices the end of the port and ends, which would end its owner.
end_port(Drv, Timeout) ->
    unlink(Drv),
    Ref = monitor(process, Drv),
    ok = alcove:exit(Drv, [], 0),
    receive
        {'DOWN', Ref, process, Drv, _} -> {ok, {exit_status, 0}}
    after Timeout ->
        demonitor(Ref, [flush]),
        alcove_drv:stop(Drv),
        {ok, gone}
    end.

%% What the parent has to say of the end, if it is to say it.
ended(Drv, At, Pid, Timeout) ->
    Reported = [alcove:getopt(Drv, At, Option) || Option <- [exit_status, termsig]],
    Pids = At ++ [Pid],
    receive
        {alcove_event, Drv, Pids, {exit_status, _} = Event} -> Event;
        {alcove_event, Drv, Pids, {termsig, _} = Event} -> Event
    after wait_for_report(Reported, Timeout) -> gone
    end.

wait_for_report([1, 1], Timeout) -> Timeout;
wait_for_report(_, _) -> 0.

%%
%% Asking, waiting, killing
%%

end_family(#family{} = Family, Options) ->
    ask(Family, proplists:get_value(signal, Options, sigterm)),
    case wait(Family, fun(F) -> F end, deadline(proplists:get_value(grace, Options, 5000))) of
        {gone, #family{cgroup = none, ended = Ended}} -> {ok, Ended};
        {_, Left} -> end_rest(Left, timeout(Options))
    end.

%% What is in the control group counts from here on.
end_rest(Family, Timeout) ->
    case kill_cgroup(freeze(Family, ?ROUNDS), Timeout) of
        ok ->
            case wait(Family, fun kill/1, deadline(Timeout)) of
                {gone, #family{ended = Ended}} -> {ok, Ended};
                {left, #family{roots = Roots, alive = []}} -> {error, {still_running, Roots}};
                {left, #family{alive = Alive}} -> {error, {still_running, lists:sort(Alive)}}
            end;
        {error, Posix} ->
            {error, {cgroup, Posix}}
    end.

kill_cgroup(#family{cgroup = none} = Family, _Timeout) ->
    _ = kill(Family),
    ok;
kill_cgroup(#family{drv = Drv, at = At, cgroup = Cgroup} = Family, Timeout) ->
    _ = kill(Family),
    case alcove_cgroup:kill(Drv, At, Cgroup, Timeout) of
        % those that are left are found below
        {error, timeout} -> ok;
        Killed -> Killed
    end.

deadline(Timeout) ->
    erlang:monotonic_time(millisecond) + Timeout.

%% Those in a group that belongs to the family are asked once, with their group. One that runs
%% the port program has handlers for all signals.
ask(#family{drv = Drv, at = At, roots = Roots, known = Known} = Family, Signal) ->
    Processes = processes(Family),
    Groups = lists:usort(
        Roots ++
            [
                Group
             || {Pid, #process{group = Group}} <- maps:to_list(Processes),
                maps:is_key(Pid, Known),
                maps:is_key(Group, Known)
            ]
    ),
    Others = [
        Pid
     || Pid <- members(Family),
        not is_in(Groups, maps:get(Pid, Processes, none))
    ],
    Targets = [-Group || Group <- Groups] ++ Others,
    _ = [alcove:kill(Drv, At, Target, Signal) || Target <- Targets],
    _ = [alcove:kill(Drv, At, Target, sigcont) || Target <- Targets],
    lists:foreach(
        fun(Pid) ->
            case alcove:getcpid(Drv, At, Pid, fdctl) of
                FD when is_integer(FD), FD >= 0 -> alcove:eof(Drv, At ++ [Pid]);
                _ -> ok
            end
        end,
        Roots
    ).

is_in(Groups, #process{group = Group}) -> lists:member(Group, Groups);
is_in(_Groups, none) -> false.

members(#family{cgroup = none, alive = Alive, roots = Roots}) ->
    lists:usort(Roots ++ Alive);
members(#family{drv = Drv, at = At, cgroup = Cgroup} = Family) ->
    Members = [Pid || Pid <- alcove_cgroup:members(Drv, At, Cgroup), Pid =/= 0],
    lists:usort(Members ++ members(Family#family{cgroup = none})).

%% Those that have been stopped start no others. A process that forks faster than it is found
%% is killed together with what it has forked in the rounds that follow.
freeze(Family, 0) ->
    Family;
freeze(#family{drv = Drv, at = At, known = Before} = Family, Rounds) ->
    _ = [alcove:kill(Drv, At, Pid, sigstop) || Pid <- targets(Family)],
    case scan(Family) of
        #family{known = Before} = Same -> Same;
        More -> freeze(More, Rounds - 1)
    end.

kill(#family{drv = Drv, at = At} = Family) ->
    _ = [alcove:kill(Drv, At, Pid, sigkill) || Pid <- targets(Family)],
    Family.

%% A root may lead a group whose members cannot be seen.
targets(#family{roots = Roots} = Family) ->
    [-Root || Root <- Roots] ++ members(Family).

wait(Family0, Fun, Deadline) ->
    case reap(scan(Family0)) of
        #family{roots = [], alive = []} = Family ->
            {gone, Family};
        Family ->
            case erlang:monotonic_time(millisecond) < Deadline of
                true ->
                    timer:sleep(?INTERVAL),
                    wait(Fun(Family), Fun, Deadline);
                false ->
                    {left, Family}
            end
    end.

%% A root is gone when it has been waited for, by the loop of the parent unless its owner has
%% taken that over.
reap(#family{drv = Drv, at = At, roots = Roots} = Family) ->
    IsTaken = alcove:sigaction(Drv, At, sigchld, []) =:= {ok, sig_info},
    Taken = [Status || IsTaken, Pid <- Roots, Status <- wait_for_child(Drv, At, Pid)],
    Ended = maps:merge(Family#family.ended, maps:from_list(Taken)),
    Left = [Pid || Pid <- Roots, not is_gone(Family, Pid)],
    Family#family{roots = Left, ended = Ended}.

wait_for_child(Drv, At, Pid) ->
    case alcove:waitpid(Drv, At, Pid, [wnohang]) of
        {ok, Pid, _, [{exit_status, _} = Status]} -> [{Pid, Status}];
        {ok, Pid, _, [{termsig, _} = Status]} -> [{Pid, Status}];
        _ -> []
    end.

%% Its pid is not used again as long as there is a group of that number.
is_gone(#family{drv = Drv, at = At, is_seen = IsSeen}, Pid) ->
    IsGone = fun(Target) -> alcove:kill(Drv, At, Target, 0) =:= {error, esrch} end,
    IsGone(Pid) andalso (IsSeen orelse IsGone(-Pid)).

%%
%% Finding
%%

%% Adds what has come to belong to the family.
scan(#family{roots = Roots, known = Known0} = Family) ->
    Processes = processes(Family),
    Known1 = maps:filter(
        fun(Pid, Start) ->
            case Processes of
                #{Pid := #process{start = Other}} -> Other =:= Start;
                #{} -> true
            end
        end,
        Known0
    ),
    Known2 = maps:merge(
        Known1, maps:map(fun(_, #process{start = Start}) -> Start end, maps:with(Roots, Processes))
    ),
    Known = grow(Known2, Processes),
    Alive = [
        Pid
     || Pid <- maps:keys(Known),
        #{Pid := #process{state = State}} <- [Processes],
        State =/= $Z,
        State =/= $X
    ],
    Family#family{known = Known, alive = Alive, is_seen = map_size(Processes) > 0}.

grow(Known, Processes) ->
    More = maps:filter(
        fun(Pid, #process{parent = Parent, group = Group, session = Session}) ->
            not maps:is_key(Pid, Known) andalso
                lists:any(fun(P) -> maps:is_key(P, Known) end, [Parent, Group, Session])
        end,
        Processes
    ),
    case map_size(More) of
        0 -> Known;
        _ -> grow(maps:merge(Known, maps:map(fun(_, P) -> P#process.start end, More)), Processes)
    end.

%% None where /proc is missing or is that of another pid namespace, whose pids mean nothing
%% here.
processes(#family{drv = Drv, at = At}) ->
    Self = integer_to_binary(alcove:getpid(Drv, At)),
    case alcove_file:read(Drv, At, <<"/proc/self/stat">>) of
        {ok, Stat} ->
            case binary:split(Stat, <<" ">>) of
                [Self, _] -> maps:from_list(all_processes(Drv, At));
                _ -> #{}
            end;
        {error, _} ->
            #{}
    end.

all_processes(Drv, At) ->
    {ok, Names} = alcove:readdir(Drv, At, <<"/proc">>),
    [
        {binary_to_integer(Name), process(Stat)}
     || <<Digit, _/binary>> = Name <- Names,
        Digit >= $0,
        Digit =< $9,
        % it may be gone by now
        {ok, Stat} <- [alcove_file:read(Drv, At, <<"/proc/", Name/binary, "/stat">>)]
    ].

%% The name, in parentheses, may have any bytes. See proc(5).
process(Stat) ->
    [_, Fields] = string:split(Stat, ") ", trailing),
    [<<State>>, Parent, Group, Session | Rest] = binary:split(Fields, <<" ">>, [global]),
    #process{
        state = State,
        parent = binary_to_integer(Parent),
        group = binary_to_integer(Group),
        session = binary_to_integer(Session),
        start = binary_to_integer(lists:nth(16, Rest))
    }.
