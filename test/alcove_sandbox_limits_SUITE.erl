%% SPDX-License-Identifier: ISC

%% Limits of a sandbox that control groups keep, by what the kernel has counted in them: as root in
%% the groups of the machine, and as an ordinary user in one of version 2 that was delegated to him.
-module(alcove_sandbox_limits_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, groups/0, init_per_group/2, end_per_group/2, init_per_testcase/2, end_per_testcase/2]).
-export([
    memory_of_one_process_is_limited/1,
    memory_of_all_processes_is_limited_together/1,
    memory_in_files_is_limited/1,
    memory_of_a_run_is_not_counted_for_the_next/1,
    memory_without_swap_is_limited/1,
    swap_is_limited/1,
    fork_bomb_is_limited/1,
    fork_bomb_that_is_out_of_memory_ends/1,
    processors_are_limited/1,
    processors_beyond_those_of_the_machine_are_no_limit/1,
    priorities_of_the_port_are_not_those_of_a_program/1,
    support_says_that_limits_hold/1,
    group_is_that_of_the_limits_and_gone_with_them/1,
    program_does_not_change_its_limits/1,
    unit_that_has_processes_is_named/1
]).

-define(TIMEOUT, 120000).
-define(MIB, 1048576).
-define(PERIOD, 100000).

%% The user of the group.
-define(USER, "1234").
-define(CONTROLLERS, ["cpu", "memory", "pids"]).
-define(DELEGATED, ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"]).

all() ->
    [{group, root}, {group, delegated}].

suite() ->
    [{timetrap, {minutes, 10}}].

groups() ->
    Cases = [
        memory_of_one_process_is_limited,
        memory_of_all_processes_is_limited_together,
        memory_in_files_is_limited,
        memory_of_a_run_is_not_counted_for_the_next,
        memory_without_swap_is_limited,
        swap_is_limited,
        fork_bomb_is_limited,
        fork_bomb_that_is_out_of_memory_ends,
        processors_are_limited,
        processors_beyond_those_of_the_machine_are_no_limit,
        priorities_of_the_port_are_not_those_of_a_program,
        support_says_that_limits_hold,
        group_is_that_of_the_limits_and_gone_with_them,
        program_does_not_change_its_limits
    ],
    [{root, [], Cases}, {delegated, [], Cases ++ [unit_that_has_processes_is_named]}].

init_per_group(root, Config) ->
    alcove_os:needs(Config, [cap_sys_admin, cap_setuid], fun() ->
        [{exec, alcove_ct:exec()}, {rights, root} | Config]
    end);
init_per_group(delegated, Config) ->
    alcove_os:needs(Config, [cap_sys_admin, cap_setuid, cap_chown], fun() -> delegated(Config) end).

%% As a service manager does for a unit: the user's processes are in a group below the delegated one.
delegated(Config) ->
    case tree() of
        {ok, Tree, []} ->
            Dir = filename:join("/tmp", "limits." ++ os:getpid()),
            ok = file:make_dir(Dir),
            as_root(["echo ", [["+", Name, " "] || Name <- ?CONTROLLERS], "> ", Tree, "/cgroup.subtree_control"]),
            Unit = filename:join(Tree, "alcove_limits." ++ os:getpid()),
            Main = filename:join(Unit, "main"),
            as_root(unit(Unit)),
            as_root(["mkdir ", Main, " && chown -R ", ?USER, $\s, Main]),
            [{exec, member(Main, Dir)}, {rights, delegated}, {tree, Tree}, {unit, Unit}, {dir, Dir} | Config];
        {ok, _Tree, Missing} ->
            {skip, {no_controllers_of_version_2, Missing}};
        error ->
            {skip, no_control_groups_of_version_2}
    end.

%% Makes a group that belongs to the user.
unit(Group) ->
    Files = [[$\s, filename:join(Group, File)] || File <- ?DELEGATED],
    ["mkdir ", Group, " && chown ", ?USER, Files].

%% Starts a port as the user in a group. There is no blank in the path of a wrapper.
member(Group, Dir) ->
    Script = alcove_ct:script([{priv_dir, Dir}], filename:basename(Group), [
        "echo $$ > ", Group, "/cgroup.procs || exit 9\n",
        "exec setpriv --reuid ", ?USER, " --regid ", ?USER, " --clear-groups \"$@\"\n"
    ]),
    lists:flatten(lists:join($\s, [Word || Word <- [alcove_ct:exec(), Script], Word =/= ""])).

%% The tree of version 2, and the controllers that it lacks.
tree() ->
    {ok, Mounts} = file:read_file("/proc/mounts"),
    case re:run(Mounts, " (\\S+) cgroup2 ", [{capture, all_but_first, list}]) of
        {match, [Tree]} ->
            {ok, Controllers} = file:read_file(filename:join(Tree, "cgroup.controllers")),
            {ok, Tree, ?CONTROLLERS -- words(Controllers)};
        nomatch ->
            error
    end.

as_root(Command) ->
    Exec = string:lexemes(alcove_ct:exec(), " "),
    Argv = Exec ++ ["sh", "-c", lists:flatten(Command)],
    {ok, #{status := {exit, 0}}} = alcove_run:run(Argv, #{timeout => ?TIMEOUT}),
    ok.

end_per_group(delegated, Config) ->
    Unit = proplists:get_value(unit, Config),
    as_root(["rmdir ", Unit, "/main ", Unit]),
    ok = file:del_dir_r(proplists:get_value(dir, Config));
end_per_group(root, _Config) ->
    ok.

%% What the machine lacks for a case; of version 1 that is one for each controller.
init_per_testcase(Case, Config) ->
    case lacking(maps:to_list(limits(Case)), Config) of
        [] -> Config;
        Lacking -> {skip, Lacking}
    end.

end_per_testcase(_Case, _Config) ->
    ok.

limits(memory_without_swap_is_limited) -> #{memory => 32 * ?MIB, swap => 0};
limits(swap_is_limited) -> #{memory => 32 * ?MIB, swap => 96 * ?MIB};
limits(fork_bomb_is_limited) -> #{processes => 16};
limits(processors_are_limited) -> #{cpu_quota => 0.2};
limits(processors_beyond_those_of_the_machine_are_no_limit) -> #{cpu_quota => 1000};
limits(priorities_of_the_port_are_not_those_of_a_program) -> #{};
limits(unit_that_has_processes_is_named) -> #{};
limits(support_says_that_limits_hold) -> #{memory => 64 * ?MIB, processes => 16, cpu_quota => 0.5};
limits(fork_bomb_that_is_out_of_memory_ends) -> #{memory => 32 * ?MIB, processes => 10000};
limits(_Case) -> #{memory => 32 * ?MIB}.

lacking(Limits, Config) ->
    [
        Lacking
     || {Name, Value} <- Limits,
        {error, Lacking} <- [attempt(#{limits => maps:merge(least(Name), #{Name => Value})}, Config)],
        is_of_the_machine(Lacking)
    ].

attempt(Spec, Config) ->
    case prepared(Spec, Config) of
        {ok, Sandbox} -> alcove_sandbox:close(Sandbox);
        Error -> Error
    end.

least(swap) -> #{memory => 32 * ?MIB};
least(_) -> #{}.

%% Version 1 has no controller where another tree or none has it; version 2 has no file for swap then.
is_of_the_machine({_, no_control_groups}) -> true;
is_of_the_machine({_, {missing, _}}) -> true;
is_of_the_machine({swap, {_, enoent}}) -> true;
is_of_the_machine(_) -> false.

%%
%% Memory
%%

memory_of_one_process_is_limited(Config) ->
    with(?FUNCTION_NAME, Config, fun(Sandbox) ->
        [?assertEqual(out_of_memory, status(uses(48), Sandbox)) || _ <- [1, 2]],
        ?assertEqual({exit, 0}, status(uses(8), Sandbox)),
        % how it ends otherwise is told from that
        ?assertEqual({exit, 3}, status("exit 3", Sandbox)),
        ?assertEqual({signal, sigkill}, status("kill -9 $$", Sandbox)),
        % what has ended well in spite of it is no reason for how the next one ends
        ?assert(lists:member(status([uses(48), "; exit 0"], Sandbox), [{exit, 0}, out_of_memory])),
        ?assertEqual([{exit, 3}, {exit, 3}], [status("exit 3", Sandbox) || _ <- [1, 2]])
    end).

%% Each of two by itself has less than the limit, and keeps it until the other one has it, too.
memory_of_all_processes_is_limited_together(Config) ->
    with(?FUNCTION_NAME, Config, fun(Sandbox) ->
        Both = fun(MiB) ->
            [
                "perl -e 'pipe(R, W); $child = fork() == 0; $x = \"x\" x (", integer_to_list(MiB), " << 20); "
                "if ($child) { syswrite(W, \"x\"); sleep(1000) } close(W); exit(sysread(R, $x, 1) ? 0 : 1)'"
            ]
        end,
        ?assertEqual(out_of_memory, status(Both(20), Sandbox)),
        ?assertEqual({exit, 0}, status(Both(4), Sandbox))
    end).

memory_in_files_is_limited(Config) ->
    with(?FUNCTION_NAME, Config, fun(Sandbox) ->
        [
            ?assertEqual(out_of_memory, status(["dd if=/dev/zero of=", File, " bs=1M count=48"], Sandbox))
         || File <- ["/tmp/full", "/dev/shm/full"]
        ]
    end).

%% Nobody is there any more who uses it, but the kernel frees it later. Its sums are not exact.
memory_of_a_run_is_not_counted_for_the_next(Config) ->
    {ok, Pool} = alcove_pool:start_link(#{
        size => 1, sandbox => #{limits => limits(?FUNCTION_NAME)}, exec => proplists:get_value(exec, Config)
    }),
    Shared = "$id = shmget(1, 22 << 20, 01600); shmwrite($id, \"x\" x (1 << 20), $_ << 20, 1 << 20) for 0 .. 20",
    Run = fun() ->
        {ok, #{status := Status}} = alcove_run:run(["perl", "-e", Shared], #{pool => Pool, timeout => ?TIMEOUT}),
        alcove_ct:until(fun() -> maps:get(busy, alcove_pool:info(Pool)) =:= 0 end),
        {Status, counted("memory.stat", "shmem", Config) div (8 * ?MIB)}
    end,
    ?assertEqual(lists:duplicate(20, {{exit, 0}, 0}), [Run() || _ <- lists:seq(1, 20)]),
    ok = alcove_pool:stop(Pool).

memory_without_swap_is_limited(Config) ->
    with(?FUNCTION_NAME, Config, fun(Sandbox) ->
        ?assertEqual(out_of_memory, status(uses(48), Sandbox)),
        ?assertEqual({exit, 0}, status(uses(8), Sandbox))
    end).

%% More than the memory goes to swap space, where the machine has as much, and no more than the limit does.
swap_is_limited(Config) ->
    with(?FUNCTION_NAME, Config, fun(Sandbox) ->
        ?assertEqual(out_of_memory, status(uses(192), Sandbox)),
        Swapping = status(uses(48), Sandbox),
        case free_swap() > 128 * ?MIB of
            true -> ?assertEqual({exit, 0}, Swapping);
            false -> ?assertEqual(out_of_memory, Swapping)
        end
    end).

free_swap() ->
    {ok, Text} = file:read_file("/proc/meminfo"),
    {match, [KiB]} = re:run(Text, "SwapFree: *(\\d+)", [{capture, all_but_first, list}]),
    list_to_integer(KiB) * 1024.

%% A process that has so many MiB in use, or twice as many.
uses(MiB) ->
    ["perl -e '$x = \"x\" x (", integer_to_list(MiB), " << 20)'"].

%%
%% Processes
%%

%% The kernel counts what it has refused.
fork_bomb_is_limited(Config) ->
    with(?FUNCTION_NAME, Config, fun(Sandbox) ->
        Bomb = "perl -e 'alarm(60); for (;;) { fork() }'",
        {ok, #{status := timeout}} = alcove_run:run(
            ["sh", "-c", Bomb], #{sandbox => Sandbox, timeout => 3000, grace => 100}
        ),
        ?assert(counted("pids.events", "max", Config) > 0),
        ?assertEqual({exit, 0}, status("for i in 1 2 3 4 5 6 7; do sleep 0 & done; wait", Sandbox))
    end).

fork_bomb_that_is_out_of_memory_ends(Config) ->
    with(?FUNCTION_NAME, Config, fun(Sandbox) ->
        Bomb = "perl -e '$x = \"x\" x (1 << 20); for (;;) { fork(); $y .= \"y\" x 4096 }'",
        {ok, #{status := Status}} = alcove_run:run(
            ["sh", "-c", Bomb], #{sandbox => Sandbox, timeout => ?TIMEOUT, grace => 100}
        ),
        ?assertEqual(out_of_memory, Status),
        ?assertEqual({exit, 0}, status("exit 0", Sandbox))
    end).

%%
%% Processors
%%

%% Two processes that want all that there is. In each period that the kernel has counted they have got their
%% part; a processor takes time in slices, and some are counted later.
processors_are_limited(Config) ->
    with(?FUNCTION_NAME, Config, fun(Sandbox) ->
        Busy = "perl -e 'fork(); 1 while times() < 0.2'",
        ?assertEqual({exit, 0}, status([Busy, "; wait"], Sandbox)),
        Periods = counted("cpu.stat", "nr_periods", Config),
        ?assert(counted("cpu.stat", "nr_throttled", Config) > 0),
        Quota = round(?PERIOD * maps:get(cpu_quota, limits(?FUNCTION_NAME))),
        case usage(Config) of
            {ok, Used} -> ?assertMatch({_, _} when Used < (Periods + 2) * Quota * 3 div 2, {Used, Periods});
            none -> ok
        end,
        {comment, {Periods, usage(Config)}}
    end).

processors_beyond_those_of_the_machine_are_no_limit(Config) ->
    with(?FUNCTION_NAME, Config, fun(Sandbox) ->
        ?assertEqual({exit, 0}, status("perl -e '1 while times() < 0.2'", Sandbox)),
        ?assert(counted("cpu.stat", "nr_periods", Config) > 0),
        ?assertEqual(0, counted("cpu.stat", "nr_throttled", Config))
    end).

%% What the limits of a session let its user do: go before all others.
priorities_of_the_port_are_not_those_of_a_program(Config) ->
    alcove_os:needs(Config, [cap_sys_resource], fun() ->
        Session = ["prlimit", "--rtprio=50:50", "--nice=40:40"],
        First = ["sh", "-c", "for p in 'chrt -f 1' 'chrt -r 1'; do $p true 2>/dev/null && echo $p; done; exit 0"],
        Exec = proplists:get_value(exec, Config),
        Wrapped = lists:flatten(lists:join($\s, Session ++ string:lexemes(Exec, " "))),
        {ok, Sandbox} = alcove_sandbox:prepare(#{}, [{exec, Wrapped}]),
        ?assertMatch({ok, #{status := {exit, 0}, stdout := <<>>}}, alcove_run:run(First, #{sandbox => Sandbox})),
        ok = alcove_sandbox:close(Sandbox),
        User = string:lexemes("setpriv --reuid 1234 --regid 1234 --clear-groups", " "),
        {ok, Free} = alcove_run:run(Session ++ User ++ First, #{timeout => ?TIMEOUT}),
        ?assertMatch(#{stdout := <<"chrt -f 1\nchrt -r 1\n">>}, Free)
    end).

%% Microseconds, which version 1 counts in another tree.
usage(Config) ->
    case counted("cpu.stat", "usage_usec", Config) of
        none -> none;
        Used -> {ok, Used}
    end.

%%
%% Groups
%%

support_says_that_limits_hold(Config) ->
    Limits = limits(?FUNCTION_NAME),
    Support = alcove_sandbox:supported(#{limits => Limits}, [{exec, proplists:get_value(exec, Config)}]),
    Expected = #{memory => ok, processes => ok, cpu_quota => ok, out_of_memory => ok},
    ?assertEqual(Expected, maps:with(maps:keys(Expected), Support)).

group_is_that_of_the_limits_and_gone_with_them(Config) ->
    {ok, Sandbox} = prepared(#{limits => limits(?FUNCTION_NAME)}, Config),
    [_ | _] = Groups = groups_of(Config),
    [?assert(lists:prefix(Unit, Group)) || {unit, Unit} <- Config, Group <- Groups],
    ok = alcove_sandbox:close(Sandbox),
    ?assertEqual([], groups_of(Config)).

%% The files of the group belong to the user of the port, whom the program is: he mounts the tree, if he may.
program_does_not_change_its_limits(Config) ->
    Mount = [
        "mkdir /tmp/g; for t in cgroup2 'cgroup -o memory'; do unshare -UrmC sh -c '"
        "mount -t '\"$t\"' none /tmp/g && for f in memory.max memory.limit_in_bytes cgroup.procs; do "
        "test -w /tmp/g/$f && echo $f; done'; done; exit 0"
    ],
    Limits = limits(?FUNCTION_NAME),
    [
        begin
            {ok, Sandbox} = prepared(Spec#{limits => Limits}, Config),
            ?assertMatch({_, {ok, #{status := {exit, 0}, stdout := <<>>}}}, {Spec, run(Mount, Sandbox)}),
            ok = alcove_sandbox:close(Sandbox)
        end
     || Spec <- [#{}, #{user => {0, 0}}, #{user => {0, 0}, seccomp => none}, #{seccomp => none}]
    ].

%% As a unit is before its first process makes room for groups.
unit_that_has_processes_is_named(Config) ->
    Name = "alcove_limits_busy." ++ os:getpid(),
    Unit = filename:join(proplists:get_value(tree, Config), Name),
    as_root(unit(Unit)),
    Port = {exec, member(Unit, proplists:get_value(dir, Config))},
    Result = prepared(#{limits => #{memory => ?MIB}}, [Port]),
    ok = alcove_ct:until(fun() ->
        {ok, Members} = file:read_file(filename:join(Unit, "cgroup.procs")),
        Members =:= <<>>
    end),
    as_root(["rmdir ", Unit]),
    ?assertEqual({error, {memory, {not_handed_down, [list_to_binary(Name)], ebusy}}}, Result).

%%
%% Helpers
%%

prepared(Spec, Config) ->
    alcove_sandbox:prepare(Spec, [{exec, proplists:get_value(exec, Config)}]).

with(Case, Config, Fun) ->
    alcove_ct:in_sandbox(prepared(#{limits => limits(Case), tmp => 128 * ?MIB}, Config), Fun).

run(Script, Sandbox) ->
    alcove_run:run(["sh", "-c", iolist_to_binary(Script)], #{sandbox => Sandbox, timeout => ?TIMEOUT}).

status(Script, Sandbox) ->
    {ok, #{status := Status}} = run(Script, Sandbox),
    Status.

%% What the kernel has counted in the groups of the sandbox, if it has a file for it.
counted(File, Name, Config) ->
    Texts = [Text || Group <- groups_of(Config), {ok, Text} <- [file:read_file(filename:join(Group, File))]],
    case re:run(Texts, "^" ++ Name ++ " (\\d+)", [multiline, {capture, all_but_first, list}]) of
        {match, [N]} -> list_to_integer(N);
        nomatch -> none
    end.

%% Groups that are named after a process of this VM.
groups_of(_Config) ->
    Ours = below(list_to_integer(os:getpid())),
    [
        Group
     || Depth <- ["", "/*", "/*/*", "/*/*/*"],
        Group <- filelib:wildcard("/sys/fs/cgroup" ++ Depth ++ "/alcove-sandbox-*"),
        lists:member(list_to_integer(lists:last(string:split(Group, "-", trailing))), Ours)
    ].

below(Pid) ->
    Name = integer_to_list(Pid),
    case file:read_file(["/proc/", Name, "/task/", Name, "/children"]) of
        {ok, Children} -> [Pid | lists:append([below(list_to_integer(Child)) || Child <- words(Children)])];
        {error, _} -> []
    end.

words(Text) ->
    string:lexemes(binary_to_list(Text), " \n").
