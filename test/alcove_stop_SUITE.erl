%% SPDX-License-Identifier: ISC

%% Ending processes for certain: the willing, the stubborn and those who hide.
-module(alcove_stop_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    willing_program_ends_when_it_is_asked/1,
    program_is_asked_with_the_signal_that_it_wants/1,
    last_words_of_a_program_are_kept/1,
    stubborn_program_is_killed_with_all_that_it_has_started/1,
    willing_program_leaves_no_stubborn_children/1,
    program_that_starts_others_all_the_time_is_ended/1,
    stopped_program_is_ended/1,
    processes_that_run_the_port_are_ended_with_those_below/1,
    first_process_of_a_pid_namespace_is_ended/1,
    daemon_is_ended_with_its_control_group/1,
    unknown_control_group_is_an_error/1,
    owner_who_waits_for_children_is_told_how_they_ended/1,
    end_that_is_not_reported_is_an_end/1,
    process_that_is_not_there_is_an_error/1,
    process_that_may_not_be_killed_is_named/1,
    end_that_is_told_late_is_known/1,
    group_of_a_process_is_ended_without_proc/1,
    session_of_a_program_is_ended_where_children_are_not_listed/1,
    port_itself_is_ended_with_all_processes/1
]).

-define(LIMIT, 30000).
%% Of the stubborn there is nothing to hope for.
-define(IMPATIENT, [{grace, 0}]).

all() ->
    alcove_os:cases(?MODULE).

init_per_testcase(Case, Config) ->
    case alcove_os:rooted(Config, capabilities(Case)) of
        {skip, _} = Skip ->
            Skip;
        Rooted ->
            Drv = alcove_ct:start(?config(port, Rooted)),
            {ok, Keeper} = alcove_stop:prepare(Drv, []),
            [{drv, Drv}, {keeper, Keeper} | Config]
    end.

capabilities(first_process_of_a_pid_namespace_is_ended) -> [cap_sys_admin];
capabilities(daemon_is_ended_with_its_control_group) -> [cap_dac_override];
capabilities(process_that_may_not_be_killed_is_named) -> [cap_setuid];
capabilities(end_that_is_told_late_is_known) -> [cap_setuid];
capabilities(group_of_a_process_is_ended_without_proc) -> [cap_sys_chroot];
capabilities(session_of_a_program_is_ended_where_children_are_not_listed) -> [cap_sys_admin];
capabilities(_) -> [].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(?config(drv, Config)).

%% A shell that says, with the pids of others, when it is ready.
shell(Drv, At, Script) ->
    {ok, Pid} = alcove:fork(Drv, At),
    alcove_os:execute(Drv, At ++ [Pid], ["sh", "-c", Script]),
    {Pid, words(Drv, At ++ [Pid], <<>>)}.

words(Drv, Pids, Said) ->
    case binary:split(Said, <<"\n">>) of
        [Line, <<>>] -> [binary_to_integer(Word) || Word <- string:lexemes(Line, " ")];
        _ -> words(Drv, Pids, <<Said/binary, (alcove_ct:message(Drv, Pids, alcove_stdout))/binary>>)
    end.

running(Pids) ->
    [Pid || Pid <- Pids, alcove_ct:is_running(Pid)].

willing_program_ends_when_it_is_asked(Config) ->
    Drv = ?config(drv, Config),
    Keeper = ?config(keeper, Config),
    {Pid, [Child]} = shell(Drv, [Keeper], "sleep 1000 & echo $!; wait"),
    ?assertEqual({ok, {termsig, sigterm}}, alcove_stop:stop(Drv, [Keeper, Pid])),
    ?assertEqual([], running([Pid, Child])),
    ?assertEqual([], alcove:cpid(Drv, [Keeper])).

program_is_asked_with_the_signal_that_it_wants(Config) ->
    Drv = ?config(drv, Config),
    Keeper = ?config(keeper, Config),
    Script = "trap 'kill $!; exit 7' INT; sleep 1000 & echo $!; wait",
    {Pid, [Child]} = shell(Drv, [Keeper], Script),
    ?assertEqual({ok, {exit_status, 7}}, alcove_stop:stop(Drv, [Keeper, Pid], [{signal, sigint}])),
    ?assertEqual([], running([Pid, Child])).

last_words_of_a_program_are_kept(Config) ->
    Drv = ?config(drv, Config),
    Keeper = ?config(keeper, Config),
    Script = "trap 'echo bye; exit 0' TERM; echo 0; while :; do sleep 0.01; done",
    {Pid, [0]} = shell(Drv, [Keeper], Script),
    ?assertEqual({ok, {exit_status, 0}}, alcove_stop:stop(Drv, [Keeper, Pid])),
    ?assertEqual([<<"bye\n">>], alcove:stdout(Drv, [Keeper, Pid])),
    ?assertEqual(false, alcove:event(Drv, [Keeper, Pid], 0)).

%% Children in the same session, in one of their own, and one without its parent.
stubborn_program_is_killed_with_all_that_it_has_started(Config) ->
    Drv = ?config(drv, Config),
    Keeper = ?config(keeper, Config),
    Script =
        "trap '' TERM\n"
        "sleep 1000 & a=$!\n"
        "setsid sleep 1000 & b=$!\n"
        "c=$(sleep 1000 >&- 2>&- & echo $!)\n"
        "echo $a $b $c\n"
        "wait",
    {ok, Pid} = alcove:fork(Drv, [Keeper]),
    {ok, _} = alcove:setsid(Drv, [Keeper, Pid]),
    alcove_os:execute(Drv, [Keeper, Pid], ["sh", "-c", Script]),
    Others = words(Drv, [Keeper, Pid], <<>>),
    ?assertEqual(Others, running(Others)),
    ?assertEqual({ok, {termsig, sigkill}}, alcove_stop:stop(Drv, [Keeper, Pid], [{grace, 100}])),
    ?assertEqual([], running([Pid | Others])).

%% They have no parent by then.
willing_program_leaves_no_stubborn_children(Config) ->
    Drv = ?config(drv, Config),
    Keeper = ?config(keeper, Config),
    Script =
        "(trap '' TERM; exec sleep 1000) & a=$!\n"
        "(trap '' TERM; exec setsid sleep 1000) & b=$!\n"
        "echo $a $b; wait",
    {Pid, Others} = shell(Drv, [Keeper], Script),
    % the signal is ignored by then
    alcove_ct:until(fun() -> [comm(P) || P <- Others] =:= [<<"sleep\n">>, <<"sleep\n">>] end),
    ?assertEqual({ok, {termsig, sigterm}}, alcove_stop:stop(Drv, [Keeper, Pid], [{grace, 200}])),
    ?assertEqual([], running([Pid | Others])).

comm(Pid) ->
    case file:read_file(["/proc/", integer_to_list(Pid), "/comm"]) of
        {ok, Name} -> Name;
        {error, _} = Error -> Error
    end.

%% Each writes its pid to a file, so that all are known in the end.
program_that_starts_others_all_the_time_is_ended(Config) ->
    Drv = ?config(drv, Config),
    Keeper = ?config(keeper, Config),
    File = filename:join(?config(priv_dir, Config), "started"),
    ok = file:write_file(File, ""),
    Script = [
        "export FILE=", alcove_ct:quoted(File), "; trap '' TERM; echo 0; while :; do",
        " setsid sh -c 'trap \"\" TERM; echo $$ >>\"$FILE\"; exec sleep 1000' & sleep 0.02; done"
    ],
    {Pid, [0]} = shell(Drv, [Keeper], Script),
    alcove_ct:until(fun() -> length(started(File)) >= 5 end),
    ?assertEqual({ok, {termsig, sigkill}}, alcove_stop:stop(Drv, [Keeper, Pid], ?IMPATIENT)),
    ?assertEqual([], running([Pid | started(File)])).

started(File) ->
    {ok, Text} = file:read_file(File),
    [binary_to_integer(Pid) || Pid <- binary:split(Text, <<"\n">>, [global, trim_all])].

stopped_program_is_ended(Config) ->
    Drv = ?config(drv, Config),
    Keeper = ?config(keeper, Config),
    {Pid, [Child]} = shell(Drv, [Keeper], "sleep 1000 & echo $!; wait"),
    [ok = alcove:kill(Drv, [], P, sigstop) || P <- [Pid, Child]],
    ?assertEqual({ok, {termsig, sigterm}}, alcove_stop:stop(Drv, [Keeper, Pid])),
    ?assertEqual([], running([Pid, Child])).

%% They have handlers for all signals and end with their input.
processes_that_run_the_port_are_ended_with_those_below(Config) ->
    Drv = ?config(drv, Config),
    Keeper = ?config(keeper, Config),
    [_, A, B] = alcove_ct:chain(Drv, [Keeper], 2),
    {Pid, [Child]} = shell(Drv, [Keeper, A, B], "trap '' TERM; sleep 1000 & echo $!; wait"),
    {Other, []} = shell(Drv, [Keeper, A], "echo; exec cat"),
    ?assertEqual({ok, {exit_status, 0}}, alcove_stop:stop(Drv, [Keeper, A], [{grace, 200}])),
    ?assertEqual([], running([A, B, Pid, Child, Other])),
    ?assertEqual([], alcove:cpid(Drv, [Keeper])).

%% It ignores what it has no handler for, and with it everything ends.
first_process_of_a_pid_namespace_is_ended(Config) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newpid]),
    alcove_os:execute(Drv, [Pid], ["sh", "-c", "sleep 1000 & echo $!; wait; sleep 1000"]),
    ?assertEqual([2], words(Drv, [Pid], <<>>)),
    ?assertEqual({ok, {termsig, sigkill}}, alcove_stop:stop(Drv, [Pid], [{grace, 100}])),
    ?assertEqual([], running([Pid])).

%% Its parent is gone, its session is its own: nothing tells whose it was.
daemon_is_ended_with_its_control_group(Config) ->
    Drv = ?config(drv, Config),
    Group = ["alcove_stop." ++ os:getpid()],
    Script = "trap '' TERM; setsid sh -c 'sleep 1000 >&- 2>&- & echo $!'; sleep 1000",
    ok = alcove_cgroup:create(Drv, [], Group),
    {ok, Pid} = alcove:fork(Drv, []),
    enter(Drv, Group, Pid),
    alcove_os:execute(Drv, [Pid], ["sh", "-c", Script]),
    [Daemon] = words(Drv, [Pid], <<>>),
    Options = [{cgroup, Group} | ?IMPATIENT],
    Certainty = maps:get(alcove_cgroup:version(Drv, []), #{1 => unconfirmed, 2 => ok}),
    ?assertEqual({Certainty, {termsig, sigkill}}, alcove_stop:stop(Drv, [Pid], Options)),
    ?assertEqual([], running([Pid, Daemon])),
    ?assertEqual([], alcove_cgroup:members(Drv, [], Group)),
    ?assertEqual(ok, alcove_cgroup:destroy(Drv, [], Group)).

%% In version 1 not every controller takes a process at once.
enter(Drv, Group, Pid) ->
    _ = alcove_cgroup:set(Drv, [], <<>>, Group, <<"tasks">>, integer_to_list(Pid)),
    ?assertEqual([Pid], alcove_cgroup:members(Drv, [], Group)).

unknown_control_group_is_an_error(Config) ->
    Drv = ?config(drv, Config),
    {Pid, []} = shell(Drv, [], "echo; exec sleep 1000"),
    ?assertEqual(
        {error, {cgroup, enoent}}, alcove_stop:stop(Drv, [Pid], [{cgroup, ["no_such_group"]}])
    ).

owner_who_waits_for_children_is_told_how_they_ended(Config) ->
    Drv = ?config(drv, Config),
    Keeper = ?config(keeper, Config),
    {ok, sig_dfl} = alcove:sigaction(Drv, [Keeper], sigchld, sig_info),
    {Pid, []} = shell(Drv, [Keeper], "echo; exec sleep 1000"),
    ?assertEqual({ok, {termsig, sigterm}}, alcove_stop:stop(Drv, [Keeper, Pid])),
    ?assertEqual({error, echild}, alcove:waitpid(Drv, [Keeper], Pid, [wnohang])).

end_that_is_not_reported_is_an_end(Config) ->
    Drv = ?config(drv, Config),
    Keeper = ?config(keeper, Config),
    true = alcove:setopt(Drv, [Keeper], termsig, 0),
    {Pid, []} = shell(Drv, [Keeper], "echo; exec sleep 1000"),
    ?assertEqual({ok, gone}, alcove_stop:stop(Drv, [Keeper, Pid])),
    ?assertEqual([], running([Pid])).

process_that_is_not_there_is_an_error(Config) ->
    Drv = ?config(drv, Config),
    [Parent] = alcove_ct:chain(Drv, 1),
    {Pid, []} = shell(Drv, [Parent], "echo; exec sleep 1000"),
    % a child of another
    ?assertEqual({error, esrch}, alcove_stop:stop(Drv, [Pid])),
    ?assertEqual({unconfirmed, {termsig, sigterm}}, alcove_stop:stop(Drv, [Parent, Pid])),
    ?assertEqual({error, esrch}, alcove_stop:stop(Drv, [Parent, Pid])).

process_that_may_not_be_killed_is_named(Config) ->
    Drv = ?config(drv, Config),
    [Parent] = alcove_ct:chain(Drv, 1),
    {Pid, []} = shell(Drv, [Parent], "echo; exec sleep 1000"),
    ok = alcove:setuid(Drv, [Parent], 65534),
    Options = [{grace, 0}, {timeout, 100}],
    ?assertEqual(
        {error, {still_running, [Pid]}}, alcove_stop:stop(Drv, [Parent, Pid], Options)
    ),
    ?assertEqual({unconfirmed, {exit_status, 0}}, alcove_stop:stop(Drv, [Parent])),
    ?assertEqual([], running([Pid])).

%% The event comes when the process is no child any more, and while what it has left is ended.
end_that_is_told_late_is_known(Config) ->
    Drv = ?config(drv, Config),
    [Parent] = alcove_ct:chain(Drv, 1),
    {Pid, []} = shell(Drv, [Parent], "echo; exec sleep 1000"),
    ok = alcove:setuid(Drv, [Parent], 65534),
    Self = self(),
    Late = spawn_link(fun() -> late(Drv, [Parent], [], Self) end),
    ok = alcove_drv:controlling_process(Drv, Late),
    ?assertEqual({unconfirmed, {exit_status, 0}}, alcove_stop:stop(Late, [Parent], ?IMPATIENT)),
    ?assertEqual([], running([Pid])),
    Late ! back,
    receive
        {back, Result} -> ok = Result
    end.

%% Stands for the driver, whose owner it is. It holds an event back until something is killed.
late(Drv, Path, Held, To) ->
    receive
        {alcove_event, Drv, Path, End} ->
            late(Drv, Path, [End], To);
        {'$gen_cast', {call, To, Call, Frame}} ->
            Kept = [End || End <- Held, element(1, Call) =/= kill],
            _ = [To ! {alcove_event, self(), Path, End} || End <- Held -- Kept],
            ok = gen_server:cast(Drv, {call, self(), Call, Frame}),
            late(Drv, Path, Kept, To);
        {'$gen_call', From, Request} ->
            gen_server:reply(From, gen_server:call(Drv, Request)),
            late(Drv, Path, Held, To);
        back ->
            To ! {back, alcove_drv:controlling_process(Drv, To)}
    end.

%% The process leads it.
group_of_a_process_is_ended_without_proc(Config) ->
    Drv = ?config(drv, Config),
    [Parent, Pid] = alcove_ct:chain(Drv, 2),
    % a dead process is one of its group until it is reaped, which not every init does
    {ok, 0, 1, 0, 0, 0} = alcove:prctl(Drv, [Parent], pr_set_child_subreaper, 1, 0, 0, 0),
    ok = alcove:setpgid(Drv, [Parent, Pid], 0, 0),
    Script = "trap '' TERM; sleep 1000 & echo $!; wait",
    alcove_os:execute(Drv, [Parent, Pid], ["sh", "-c", Script]),
    [Child] = words(Drv, [Parent, Pid], <<>>),
    ok = alcove:chroot(Drv, [Parent], ?config(priv_dir, Config)),
    ?assertEqual(
        {unconfirmed, {termsig, sigkill}}, alcove_stop:stop(Drv, [Parent, Pid], [{grace, 100}])
    ),
    ?assertEqual([], running([Pid, Child])).

%% As on kernels without CONFIG_PROC_CHILDREN: where a thread has the file there is an empty
%% folder. All of /proc is looked at then, so that the session tells whose an orphan is.
session_of_a_program_is_ended_where_children_are_not_listed(Config) ->
    Drv = ?config(drv, Config),
    {ok, Parent} = alcove:clone(Drv, [], [clone_newns]),
    ok = alcove:mount(Drv, [Parent], "none", "/", [], [ms_rec, ms_private], [], []),
    {ok, Pid} = alcove:fork(Drv, [Parent]),
    {ok, Pid} = alcove:setsid(Drv, [Parent, Pid]),
    Script =
        "trap '' TERM\n"
        "a=$(sleep 1000 >&- 2>&- & echo $!)\n"
        "setsid sleep 1000 & b=$!\n"
        "echo $a $b; wait",
    alcove_os:execute(Drv, [Parent, Pid], ["sh", "-c", Script]),
    Others = words(Drv, [Parent, Pid], <<>>),
    _ = [
        begin
            Thread = ["/proc/", integer_to_list(P), "/task/", integer_to_list(P)],
            ok = alcove:mount(Drv, [Parent], "none", Thread, "tmpfs", [], [], []),
            {ok, [_, _]} = alcove:readdir(Drv, [Parent], Thread)
        end
     || P <- [Parent, Pid]
    ],
    ?assertEqual(Others, running(Others)),
    ?assertEqual(
        {unconfirmed, {termsig, sigkill}}, alcove_stop:stop(Drv, [Parent, Pid], [{grace, 100}])
    ),
    ?assertEqual([], running([Pid | Others])).

%% Its end is not that of its owner.
port_itself_is_ended_with_all_processes(Config) ->
    Drv = alcove_ct:start(),
    ok = alcove_stop:subreaper(Drv, []),
    Port = alcove:getpid(Drv, []),
    {Pid, [Child]} = shell(Drv, [], "trap '' TERM; setsid sleep 1000 & echo $!; wait"),
    [A, B] = alcove_ct:chain(Drv, 2),
    ?assertEqual({ok, {exit_status, 0}}, alcove_stop:stop(Drv, [], [{grace, 100}])),
    ?assertEqual([], running([Port, Pid, Child, A, B])),
    ?assertNot(is_process_alive(Drv)),
    ?assert(is_process_alive(?config(drv, Config))).
