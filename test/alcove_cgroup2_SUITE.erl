%% SPDX-License-Identifier: ISC

%% Control groups of version 2: on the tree of the machine, where its controllers may all be in
%% use by version 1, and on files that look like one.
-module(alcove_cgroup2_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    tree_is_used_where_there_is_no_hierarchy_of_version_1/1,
    tree_may_have_a_blank_in_its_path/1,
    group_is_made_with_those_above_and_removed_with_those_below/1,
    controllers_are_handed_down_to_a_group/1,
    missing_controller_is_named/1,
    limits_are_taken_or_the_missing_controller_is_named/1,
    memory_limit_kills_or_the_missing_controller_is_named/1,
    group_that_is_killed_as_a_whole_leaves_nobody_or_the_missing_controller_is_named/1,
    forks_are_refused_or_the_missing_controller_is_named/1,
    processor_time_is_cut_or_the_missing_controller_is_named/1,
    processors_are_assigned_or_the_missing_controller_is_named/1,
    group_with_processes_hands_nothing_down_until_it_is_vacated/1,
    program_and_its_children_are_in_the_group_of_the_process/1,
    group_is_killed_and_empty_then/1,
    group_is_killed_without_the_help_of_the_kernel/1,
    delegated_subtree_is_used_without_root/1,
    group_of_a_process_is_found/1,
    functions_for_both_versions_work_on_the_tree/1,
    use_and_pressure_of_a_group_are_read/1
]).
-export([
    limits_are_written_as_the_kernel_reads_them/1,
    files_are_taken_apart/1,
    nothing_is_there_without_a_tree/1
]).

-define(LIMIT, 30000).
-define(NOBODY, 65534).

all() ->
    alcove_os:cases(?MODULE).

init_per_testcase(Case, Config) ->
    case alcove_os:rooted(Config, capabilities(Case)) of
        {skip, _} = Skip ->
            Skip;
        Rooted ->
            Drv = alcove_ct:start(?config(port, Rooted)),
            Group = ["alcove_test." ++ os:getpid()],
            [{drv, Drv}, {group, Group} | process(uses_the_tree(Case), Drv)] ++ Config
    end.

%% The tree belongs to root, and who mounts it has the rights of root outside of any namespace.
capabilities(Case) ->
    case uses_the_tree(Case) of
        true -> [cap_sys_admin, cap_setuid, cap_chown, cap_kill];
        false -> [cap_sys_chroot]
    end.

uses_the_tree(Case) ->
    not lists:member(Case, [
        limits_are_written_as_the_kernel_reads_them,
        files_are_taken_apart,
        nothing_is_there_without_a_tree
    ]).

%% A process that sees the tree and no hierarchy of version 1, as on machines of today. Other users
%% reach it, wherever the project is.
process(false, Drv) ->
    [{pids, alcove_ct:chain(Drv, 1)}];
process(true, Drv) ->
    Dir = "/sys/fs/cgroup",
    {ok, Pid} = alcove:clone(Drv, [], [clone_newns]),
    ok = alcove:mount(Drv, [Pid], "none", "/", "", [ms_rec, ms_private], "", ""),
    {ok, Mounts} = alcove_cgroup:mounts(Drv, [Pid]),
    [
        ok = alcove:umount2(Drv, [Pid], Target, [mnt_detach])
     || {_, Target, <<"cgroup", _/binary>>, _, _, _} <- lists:reverse(Mounts)
    ],
    ok = alcove:mount(Drv, [Pid], "none", Dir, "cgroup2", [], "", ""),
    {ok, HandedDown} =
        alcove_cgroup2:read(Drv, [Pid], [], <<"cgroup.subtree_control">>),
    [{dir, Dir}, {pids, [Pid]}, {handed_down, HandedDown}].

end_per_testcase(Case, Config) ->
    _ = [restore(Config) || uses_the_tree(Case)],
    alcove_ct:stop(?config(drv, Config)).

%% What the root hands down is as it was.
restore(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    _ = alcove_cgroup2:kill(Drv, Pids, Group),
    ok = alcove_cgroup2:destroy(Drv, Pids, Group),
    {ok, Now} = alcove_cgroup2:read(Drv, Pids, [], <<"cgroup.subtree_control">>),
    [
        ok = alcove_cgroup2:set(Drv, Pids, [], <<"cgroup.subtree_control">>, [$-, Controller])
     || Controller <- Now -- ?config(handed_down, Config)
    ].

of_case(Config) ->
    {?config(drv, Config), ?config(pids, Config), ?config(group, Config)}.

%% Those that most users want, or another one that the tree has, if it has one.
controllers(Config) ->
    {Drv, Pids, _} = of_case(Config),
    {ok, Available} = alcove_cgroup2:controllers(Drv, Pids, []),
    case [Name || Name <- Available, lists:member(Name, [<<"memory">>, <<"pids">>])] of
        [] -> lists:sublist(Available, 1);
        Wanted -> Wanted
    end.

%% A case in a group with a controller; where version 1 uses it, the tree does not have it.
with(Controller, Config, Fun) ->
    {Drv, Pids, Group} = of_case(Config),
    {ok, Available} = alcove_cgroup2:controllers(Drv, Pids, []),
    Created = alcove_cgroup2:create(Drv, Pids, Group, [Controller]),
    case lists:member(Controller, Available) of
        true ->
            ?assertEqual(ok, Created),
            Fun(Drv, Pids, Group);
        false ->
            ?assertEqual({error, {missing, [Controller]}}, Created)
    end.

%% The port itself sees what the machine has.
tree_is_used_where_there_is_no_hierarchy_of_version_1(Config) ->
    {Drv, Pids, _} = of_case(Config),
    Root = list_to_binary(?config(dir, Config)),
    ?assertEqual({ok, Root}, alcove_cgroup2:root(Drv, Pids)),
    ?assertEqual(2, alcove_cgroup:version(Drv, Pids)),
    ?assert(alcove_cgroup:supported(Drv, Pids)),
    {ok, Controllers} = alcove_cgroup2:controllers(Drv, Pids, []),
    [{Root, Options}] = alcove_cgroup:cgroup(Drv, Pids),
    ?assert(lists:suffix(Controllers, Options)),
    {ok, Mounts} = alcove_cgroup:mounts(Drv, []),
    Expected = [Target || {<<"cgroup">>, Target, <<"cgroup">>, _, _, _} <- Mounts],
    case alcove_cgroup:version(Drv, []) of
        1 -> ?assertEqual(Expected, [Dir || {Dir, _} <- alcove_cgroup:cgroup(Drv, [])]);
        _ -> ?assertEqual([], Expected)
    end.

tree_may_have_a_blank_in_its_path(Config) ->
    {Drv, Pids, _} = of_case(Config),
    Dir = alcove_os:tree(Config, "a tree"),
    ok = alcove:umount2(Drv, Pids, ?config(dir, Config), [mnt_detach]),
    ok = alcove:mount(Drv, Pids, "none", Dir, "cgroup2", [], "", ""),
    ?assertEqual({ok, list_to_binary(Dir)}, alcove_cgroup2:root(Drv, Pids)),
    ?assertMatch({ok, _}, alcove_cgroup2:controllers(Drv, Pids, [])).

group_is_made_with_those_above_and_removed_with_those_below(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    Deep = Group ++ ["a", <<"b/c">>],
    ?assertEqual(ok, alcove_cgroup2:create(Drv, Pids, Deep, [])),
    ?assertEqual(ok, alcove_cgroup2:create(Drv, Pids, Deep, [])),
    ?assertEqual({ok, []}, alcove_cgroup2:members(Drv, Pids, Deep)),
    ?assertEqual(ok, alcove_cgroup2:destroy(Drv, Pids, Group ++ ["a"])),
    ?assertEqual({error, enoent}, alcove_cgroup2:members(Drv, Pids, Deep)),
    ?assertEqual({ok, []}, alcove_cgroup2:members(Drv, Pids, Group)),
    ?assertEqual(ok, alcove_cgroup2:destroy(Drv, Pids, Group)),
    ?assertEqual(ok, alcove_cgroup2:destroy(Drv, Pids, Group)),
    ?assertEqual({error, enoent}, alcove_cgroup2:members(Drv, Pids, Group)).

controllers_are_handed_down_to_a_group(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    Controllers = controllers(Config),
    Deep = Group ++ ["a", "b"],
    ok = alcove_cgroup2:create(Drv, Pids, Deep, []),
    ?assertEqual({ok, []}, alcove_cgroup2:controllers(Drv, Pids, Deep)),
    ?assertEqual(ok, alcove_cgroup2:create(Drv, Pids, Deep, Controllers)),
    ?assertEqual({ok, Controllers}, alcove_cgroup2:controllers(Drv, Pids, Deep)),
    % not more than was asked for
    ?assertEqual(
        {ok, Controllers},
        alcove_cgroup2:read(Drv, Pids, Group, <<"cgroup.subtree_control">>)
    ),
    ?assertEqual({ok, []}, alcove_cgroup2:read(Drv, Pids, Deep, <<"cgroup.subtree_control">>)).

%% And nothing is left behind.
missing_controller_is_named(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    ?assertEqual(
        {error, {missing, [<<"teapot">>]}},
        alcove_cgroup2:create(Drv, Pids, Group ++ ["a"], [<<"teapot">> | controllers(Config)])
    ),
    ?assertEqual({error, enoent}, alcove_cgroup2:members(Drv, Pids, Group)),
    ok = alcove_cgroup2:create(Drv, Pids, Group, []),
    ?assertEqual(
        {error, {missing, [<<"teapot">>]}},
        alcove_cgroup2:limit(Drv, Pids, Group, [{<<"teapot.max">>, 1}])
    ),
    ?assertEqual(
        {error, {<<"cgroup.max.depth">>, einval}},
        alcove_cgroup2:limit(Drv, Pids, Group, [{<<"cgroup.max.depth">>, <<"deep">>}])
    ).

limits_are_taken_or_the_missing_controller_is_named(Config) ->
    lists:foreach(
        fun({Controller, Key, Value, Expected}) ->
            with(Controller, Config, fun(Drv, Pids, Group) ->
                ok = alcove_cgroup2:limit(Drv, Pids, Group, [{Key, Value}]),
                ?assertEqual({ok, Expected}, alcove_cgroup2:read(Drv, Pids, Group, Key))
            end)
        end,
        [
            {<<"memory">>, <<"memory.max">>, 16 bsl 20, 16 bsl 20},
            {<<"memory">>, <<"memory.high">>, max, max},
            {<<"memory">>, <<"memory.oom.group">>, true, 1},
            {<<"cpu">>, <<"cpu.max">>, {50000, 100000}, {50000, 100000}},
            {<<"cpu">>, <<"cpu.weight">>, 50, 50},
            {<<"pids">>, <<"pids.max">>, 10, 10},
            {<<"cpuset">>, <<"cpuset.cpus">>, "0", <<"0">>},
            {<<"cpuset">>, <<"cpuset.mems">>, "0", <<"0">>},
            {<<"hugetlb">>, <<"hugetlb.2MB.max">>, 4 bsl 20, 4 bsl 20},
            {<<"hugetlb">>, <<"hugetlb.2MB.max">>, max, max}
        ]
    ).

%% The program wants more than it may have; the event says so.
memory_limit_kills_or_the_missing_controller_is_named(Config) ->
    with(<<"memory">>, Config, fun(Drv, Pids, Group) ->
        limit_memory(Drv, Pids, Group),
        {ok, Child} = alcove:fork(Drv, Pids),
        ok = alcove_cgroup2:enter(Drv, Pids, Group, Child),
        {ok, Before} = read(Drv, Pids, Group, <<"memory.current">>),
        ?assert(is_integer(Before)),
        alcove_os:execute(Drv, Pids ++ [Child], hog()),
        ?assertMatch({{termsig, sigkill}, _, _}, alcove_os:finish(Drv, Pids ++ [Child])),
        {ok, Events} = read(Drv, Pids, Group, <<"memory.events">>),
        ?assertMatch(#{<<"oom_kill">> := 1}, Events)
    end).

limit_memory(Drv, Pids, Group) ->
    ok = alcove_cgroup2:limit(Drv, Pids, Group, [{<<"memory.max">>, 16 bsl 20}]),
    % only kernels that swap have it
    _ = alcove_cgroup2:limit(Drv, Pids, Group, [{<<"memory.swap.max">>, 0}]),
    ok.

hog() ->
    ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"].

group_that_is_killed_as_a_whole_leaves_nobody_or_the_missing_controller_is_named(Config) ->
    with(<<"memory">>, Config, fun(Drv, Pids, Group) ->
        limit_memory(Drv, Pids, Group),
        ok = alcove_cgroup2:limit(Drv, Pids, Group, [{<<"memory.oom.group">>, true}]),
        Script = ["sleep 1000 & ", lists:join($\s, hog()), "; echo survived"],
        Shell = in_group(Drv, Pids, Group, Script),
        ?assertMatch({{termsig, sigkill}, <<>>, _}, alcove_os:finish(Drv, Shell)),
        ok = alcove_ct:until(fun() -> not alcove_cgroup2:is_populated(Drv, Pids, Group) end),
        % some kernels count the one that wanted too much twice
        {ok, #{<<"oom_kill">> := Killed}} = read(Drv, Pids, Group, <<"memory.events">>),
        ?assert(Killed >= 3)
    end).

forks_are_refused_or_the_missing_controller_is_named(Config) ->
    with(<<"pids">>, Config, fun(Drv, Pids, Group) ->
        ok = alcove_cgroup2:limit(Drv, Pids, Group, [{<<"pids.max">>, 2}]),
        {ok, Child} = alcove:fork(Drv, Pids),
        ok = alcove_cgroup2:enter(Drv, Pids, Group, Child),
        {ok, _} = alcove:fork(Drv, Pids ++ [Child]),
        ?assertEqual({error, eagain}, alcove:fork(Drv, Pids ++ [Child])),
        ?assertEqual({ok, 2}, read(Drv, Pids, Group, <<"pids.current">>)),
        ?assertEqual({ok, #{<<"max">> => 1}}, read(Drv, Pids, Group, <<"pids.events">>))
    end).

%% A shell counts until the kernel has held it back.
processor_time_is_cut_or_the_missing_controller_is_named(Config) ->
    with(<<"cpu">>, Config, fun(Drv, Pids, Group) ->
        ok = alcove_cgroup2:limit(Drv, Pids, Group, [{<<"cpu.max">>, {5000, 100000}}]),
        _ = in_group(Drv, Pids, Group, "while :; do :; done"),
        ok = alcove_ct:until(fun() ->
            {ok, Stat} = read(Drv, Pids, Group, <<"cpu.stat">>),
            maps:get(<<"nr_throttled">>, Stat) > 0
        end)
    end).

processors_are_assigned_or_the_missing_controller_is_named(Config) ->
    with(<<"cpuset">>, Config, fun(Drv, Pids, Group) ->
        ok = alcove_cgroup2:limit(Drv, Pids, Group, [{<<"cpuset.cpus">>, "0"}]),
        {ok, Child} = alcove:fork(Drv, Pids),
        ok = alcove_cgroup2:enter(Drv, Pids, Group, Child),
        Status = alcove_os:read_file(Drv, Pids ++ [Child], "/proc/self/status"),
        ?assertMatch({match, _}, re:run(Status, "^Cpus_allowed_list:\\s0$", [multiline]))
    end).

%% Not those either that the kernel would let it hand down, since nobody could enter then.
group_with_processes_hands_nothing_down_until_it_is_vacated(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    {ok, Available} = alcove_cgroup2:controllers(Drv, Pids, []),
    ok = alcove_cgroup2:create(Drv, Pids, Group, Available),
    {ok, Child} = alcove:fork(Drv, Pids),
    ok = alcove_cgroup2:enter(Drv, Pids, Group, Child),
    Create = fun(Names) -> alcove_cgroup2:create(Drv, Pids, Group ++ ["sub"], Names) end,
    [
        ?assertEqual({error, {not_handed_down, list(Group), ebusy}}, Create([Name]), Name)
     || Name <- Available
    ],
    ?assertEqual(ok, alcove_cgroup2:vacate(Drv, Pids, Group, "main")),
    ?assertEqual({ok, []}, alcove_cgroup2:members(Drv, Pids, Group)),
    ?assertEqual({ok, [Child]}, alcove_cgroup2:members(Drv, Pids, Group ++ ["main"])),
    ?assertEqual(ok, Create(Available)),
    ?assertEqual({ok, Available}, alcove_cgroup2:controllers(Drv, Pids, Group ++ ["sub"])),
    ?assertEqual(ok, alcove_cgroup2:enter(Drv, Pids, Group ++ ["sub"], Child)),
    [
        ?assertEqual({error, ebusy}, alcove_cgroup2:enter(Drv, Pids, Group, Child))
     || Available =/= []
    ].

list(Group) ->
    alcove_cgroup:relpath(Group).

%% It enters before it executes the program.
program_and_its_children_are_in_the_group_of_the_process(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    ok = alcove_cgroup2:create(Drv, Pids, Group, []),
    Shell = in_group(Drv, Pids, Group, "sleep 1000 & echo $!; wait"),
    Sleep = binary_to_integer(string:trim(alcove_ct:message(Drv, Shell, alcove_stdout))),
    {ok, Members} = alcove_cgroup2:members(Drv, Pids, Group),
    ?assertEqual(lists:sort([lists:last(Shell), Sleep]), lists:sort(Members)),
    ?assert(alcove_cgroup2:is_populated(Drv, Pids, Group)).

%% A shell that runs a script in a group.
in_group(Drv, Pids, Group, Script) ->
    {ok, Child} = alcove:fork(Drv, Pids),
    ok = alcove_cgroup2:enter(Drv, Pids ++ [Child], Group, 0),
    alcove_os:execute(Drv, Pids ++ [Child], ["sh", "-c", Script]),
    Pids ++ [Child].

%% Stubborn, scattered over sessions and in a group below.
group_is_killed_and_empty_then(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    Shells = stubborn(Drv, Pids, Group),
    ?assertEqual(ok, alcove_cgroup2:kill(Drv, Pids, Group, ?LIMIT)),
    ?assertEqual(false, alcove_cgroup2:is_populated(Drv, Pids, Group)),
    ?assertEqual({ok, []}, alcove_cgroup2:members(Drv, Pids, Group)),
    [?assertEqual({termsig, sigkill}, alcove:event(Drv, Shell, ?LIMIT)) || Shell <- Shells],
    ?assertEqual(ok, alcove_cgroup2:destroy(Drv, Pids, Group)).

stubborn(Drv, Pids, Group) ->
    ok = alcove_cgroup2:create(Drv, Pids, Group ++ ["sub"], []),
    Script = "trap '' TERM; setsid sleep 1000 & sleep 1000 & echo ready; wait",
    Shells = [in_group(Drv, Pids, Where, Script) || Where <- [Group, Group ++ ["sub"]]],
    [?assertEqual(<<"ready\n">>, alcove_ct:message(Drv, Shell, alcove_stdout)) || Shell <- Shells],
    Shells.

%% In a changed root the tree is one of links to files of the other, less cgroup.kill.
group_is_killed_without_the_help_of_the_kernel(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    Shells = stubborn(Drv, Pids, Group),
    {ok, Killer} = alcove:fork(Drv, Pids),
    Dir = filename:join(?config(priv_dir, Config), "old_kernel"),
    ok = make_tree(Dir, "/tree", []),
    ok = file:make_dir(filename:join(Dir, "real")),
    Real = filename:join(Dir, "real"),
    ok = alcove:mount(Drv, Pids, "none", Real, "cgroup2", [], "", ""),
    Link = fun(Where, Name) ->
        Path = filename:join(Where ++ [Name]),
        ok = file:make_symlink(
            filename:join("/real", Path), filename:join([Dir, "tree", Path])
        )
    end,
    ok = filelib:ensure_dir(filename:join([Dir, "tree"] ++ Group ++ ["sub", "file"])),
    [
        Link(Where, Name)
     || Where <- [Group, Group ++ ["sub"]],
        Name <- ["cgroup.procs", "cgroup.events", "cgroup.freeze"]
    ],
    ok = alcove:chroot(Drv, Pids ++ [Killer], Dir),
    ?assertEqual({ok, <<"/tree">>}, alcove_cgroup2:root(Drv, Pids ++ [Killer])),
    ?assertEqual(ok, alcove_cgroup2:kill(Drv, Pids ++ [Killer], Group, ?LIMIT)),
    ?assertEqual(false, alcove_cgroup2:is_populated(Drv, Pids, Group)),
    [?assertEqual({termsig, sigkill}, alcove:event(Drv, Shell, ?LIMIT)) || Shell <- Shells],
    ?assertEqual({ok, 0}, alcove_cgroup2:read(Drv, Pids, Group, <<"cgroup.freeze">>)).

%% As systemd delegates the group of a unit: the directory and three files belong to the user.
delegated_subtree_is_used_without_root(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    Controllers = controllers(Config),
    ok = alcove_cgroup2:create(Drv, Pids, Group, Controllers),
    {ok, Root} = alcove_cgroup2:root(Drv, Pids),
    Unit = alcove_cgroup:join(Root, Group),
    [
        ok = alcove:chown(Drv, Pids, filename:join(Unit, File), ?NOBODY, ?NOBODY)
     || File <- ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"]
    ],
    {ok, User} = alcove:fork(Drv, Pids),
    Own = Pids ++ [User],
    ok = alcove_cgroup2:enter(Drv, Own, Group, 0),
    ok = alcove:setresgid(Drv, Own, ?NOBODY, ?NOBODY, ?NOBODY),
    ok = alcove:setresuid(Drv, Own, ?NOBODY, ?NOBODY, ?NOBODY),
    {ok, Mine} = alcove_cgroup2:own(Drv, Own),
    ?assertEqual(list(Group), Mine),
    ?assertEqual({error, eacces}, alcove_cgroup2:create(Drv, Own, ["elsewhere"], [])),
    ?assertEqual(ok, alcove_cgroup2:vacate(Drv, Own, Mine, "main")),
    ?assertEqual(ok, alcove_cgroup2:create(Drv, Own, Mine ++ ["sandbox"], Controllers)),
    ?assertEqual({ok, Controllers}, alcove_cgroup2:controllers(Drv, Own, Mine ++ ["sandbox"])),
    Shell = in_group(Drv, Own, Mine ++ ["sandbox"], "echo in; exec sleep 1000"),
    ?assertEqual(<<"in\n">>, alcove_ct:message(Drv, Shell, alcove_stdout)),
    ?assertEqual(ok, alcove_cgroup2:kill(Drv, Own, Mine ++ ["sandbox"])),
    ?assertEqual({termsig, sigkill}, alcove:event(Drv, Shell, ?LIMIT)),
    ?assertEqual(ok, alcove_cgroup2:destroy(Drv, Own, Mine ++ ["sandbox"])),
    ?assertEqual({error, eacces}, alcove_cgroup2:enter(Drv, Own, [], 0)).

group_of_a_process_is_found(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    ok = alcove_cgroup2:create(Drv, Pids, Group, []),
    {ok, Child} = alcove:fork(Drv, Pids),
    ok = alcove_cgroup2:enter(Drv, Pids, Group, Child),
    ?assertEqual({ok, list(Group)}, alcove_cgroup2:own(Drv, Pids ++ [Child])),
    % a namespace begins where the process is
    ok = alcove:unshare(Drv, Pids ++ [Child], [clone_newcgroup]),
    ?assertEqual({ok, []}, alcove_cgroup2:own(Drv, Pids ++ [Child])).

%% What was written for version 1 runs, with other names of files.
functions_for_both_versions_work_on_the_tree(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    Root = list_to_binary(?config(dir, Config)),
    ?assertEqual(ok, alcove_cgroup:create(Drv, Pids, Group)),
    ?assertEqual(
        alcove_cgroup2:controllers(Drv, Pids, []), alcove_cgroup2:controllers(Drv, Pids, Group)
    ),
    {ok, Child} = alcove:fork(Drv, Pids),
    Text = integer_to_binary(Child),
    ?assertEqual(ok, alcove_cgroup:set(Drv, Pids, <<>>, Group, <<"tasks">>, Text)),
    ?assertEqual(
        {ok, <<Text/binary, "\n">>}, alcove_cgroup:get(Drv, Pids, <<>>, Group, <<"tasks">>)
    ),
    ?assertEqual([Child], alcove_cgroup:members(Drv, Pids, Group)),
    ?assertEqual(
        [alcove_cgroup:join(Root, Group)],
        alcove_cgroup:fold(Drv, Pids, <<>>, Group, fun(Dir, Dirs) -> [Dir | Dirs] end, [])
    ),
    ?assertEqual(
        [<<"cgroup.procs">>],
        alcove_cgroup:fold_files(
            Drv, Pids, <<>>, Group, "procs$", fun(Name, Names) -> [Name | Names] end, []
        )
    ),
    [
        ?assertMatch({ok, _}, alcove_cgroup:get(Drv, Pids, Controller, Group, "cgroup.procs"))
     || Controller <- controllers(Config)
    ],
    ?assertEqual([], alcove_cgroup:get(Drv, Pids, <<"teapot">>, Group, "cgroup.procs")),
    ?assertEqual({error, ebusy}, alcove_cgroup:destroy(Drv, Pids, Group)),
    ?assertEqual(ok, alcove_cgroup:kill(Drv, Pids, Group)),
    ?assertEqual({termsig, sigkill}, alcove:event(Drv, Pids ++ [Child], ?LIMIT)),
    ?assertEqual(ok, alcove_cgroup:destroy(Drv, Pids, Group)).

%% A shell counts to a number that the kernel notices. Not every kernel measures pressure.
use_and_pressure_of_a_group_are_read(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    ok = alcove_cgroup2:create(Drv, Pids, Group, []),
    Shell = in_group(Drv, Pids, Group, "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done"),
    ?assertEqual({{exit_status, 0}, <<>>, <<>>}, alcove_os:finish(Drv, Shell)),
    {ok, #{<<"usage_usec">> := Usage}} = alcove_cgroup2:read(Drv, Pids, Group, <<"cpu.stat">>),
    ?assert(Usage > 0),
    ?assertEqual(
        {ok, #{<<"populated">> => 0, <<"frozen">> => 0}},
        alcove_cgroup2:read(Drv, Pids, Group, <<"cgroup.events">>)
    ),
    case {filelib:is_regular("/proc/pressure/cpu"), read(Drv, Pids, Group, <<"cpu.pressure">>)} of
        {true, Pressure} ->
            ?assertMatch(
                {ok, #{<<"some">> := #{<<"avg10">> := _, <<"total">> := _}}}, Pressure
            );
        {false, Pressure} ->
            ?assertEqual({error, enoent}, Pressure)
    end.

read(Drv, Pids, Group, Key) ->
    alcove_cgroup2:read(Drv, Pids, Group, Key).

limits_are_written_as_the_kernel_reads_them(Config) ->
    {Drv, Pids, _} = of_case(Config),
    Limits = [
        {<<"memory.max">>, 16 bsl 20, <<"16777216">>},
        {<<"memory.high">>, max, <<"max">>},
        {<<"memory.oom.group">>, true, <<"1">>},
        {<<"cpu.max">>, {50000, 100000}, <<"50000 100000">>},
        {<<"cpu.weight">>, 100, <<"100">>},
        {<<"pids.max">>, 20, <<"20">>},
        {<<"cpuset.cpus">>, "0-1", <<"0-1">>},
        {<<"cpuset.mems">>, [<<"0">>], <<"0">>}
    ],
    Files = [{["group/", Key], ""} || {Key, _, _} <- Limits],
    {Dir, Fake} = fake(Config, Drv, Pids, "limits", Files),
    ?assertEqual(
        ok,
        alcove_cgroup2:limit(Drv, Fake, ["group"], [{Key, Value} || {Key, Value, _} <- Limits])
    ),
    [
        ?assertEqual({ok, Text}, file:read_file(filename:join([Dir, "tree/group", Key])), Key)
     || {Key, _, Text} <- Limits
    ].

files_are_taken_apart(Config) ->
    {Drv, Pids, _} = of_case(Config),
    Cases = [
        {<<"memory.current">>, "16384\n", 16384},
        {<<"memory.peak">>, "32768\n", 32768},
        {<<"memory.max">>, "max\n", max},
        {<<"memory.events">>, "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n", #{
            <<"low">> => 0,
            <<"high">> => 0,
            <<"max">> => 12,
            <<"oom">> => 1,
            <<"oom_kill">> => 1,
            <<"oom_group_kill">> => 0
        }},
        {<<"cpu.stat">>, "usage_usec 17\nuser_usec 9\n", #{
            <<"usage_usec">> => 17, <<"user_usec">> => 9
        }},
        {<<"cpu.max">>, "max 100000\n", {max, 100000}},
        {<<"pids.current">>, "3\n", 3},
        {<<"pids.events">>, "max 2\n", #{<<"max">> => 2}},
        {<<"cpuset.cpus">>, "0-1,3\n", <<"0-1,3">>},
        {<<"cpuset.cpus.effective">>, "0\n", <<"0">>},
        {<<"cgroup.type">>, "domain\n", <<"domain">>},
        {<<"cgroup.controllers">>, "cpu memory\n", [<<"cpu">>, <<"memory">>]},
        {<<"cgroup.subtree_control">>, "", []},
        {<<"cgroup.procs">>, "1\n77\n", [1, 77]},
        {<<"io.stat">>, "8:0 rbytes=4096 wbytes=0\n", #{
            <<"8:0">> => #{<<"rbytes">> => 4096, <<"wbytes">> => 0}
        }},
        {<<"io.latency">>, "8:0 target=100\n", #{<<"8:0">> => #{<<"target">> => 100}}},
        {<<"memory.pressure">>,
            "some avg10=0.00 avg60=1.25 avg300=0.50 total=77\n"
            "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
            #{
                <<"some">> => pressure(0.0, 1.25, 0.5, 77),
                <<"full">> => pressure(0.0, 0.0, 0.0, 0)
            }}
    ],
    Files = [{["group/", Key], Text} || {Key, Text, _} <- Cases],
    {_, Fake} = fake(Config, Drv, Pids, "files", Files),
    [
        ?assertEqual({Key, {ok, Content}}, {Key, read(Drv, Fake, ["group"], Key)})
     || {Key, _, Content} <- Cases
    ].

pressure(Avg10, Avg60, Avg300, Total) ->
    #{
        <<"avg10">> => Avg10,
        <<"avg60">> => Avg60,
        <<"avg300">> => Avg300,
        <<"total">> => Total
    }.

nothing_is_there_without_a_tree(Config) ->
    {Drv, Pids, Group} = of_case(Config),
    {ok, Child} = alcove:fork(Drv, Pids),
    ok = alcove:chroot(Drv, Pids ++ [Child], ?config(priv_dir, Config)),
    None = Pids ++ [Child],
    ?assertEqual(none, alcove_cgroup:version(Drv, None)),
    ?assertNot(alcove_cgroup:supported(Drv, None)),
    ?assertEqual({error, enoent}, alcove_cgroup2:root(Drv, None)),
    ?assertEqual({error, enoent}, alcove_cgroup2:create(Drv, None, Group, [])),
    ?assertEqual({error, enoent}, alcove_cgroup2:enter(Drv, None, Group, 0)),
    ?assertEqual({error, enoent}, alcove_cgroup2:kill(Drv, None, Group)),
    ?assertEqual({error, enoent}, alcove_cgroup:kill(Drv, None, Group)),
    ?assertEqual([], alcove_cgroup:members(Drv, None, Group)).

%% A root in which files look like a tree; the process changes to it.
fake(Config, Drv, Pids, Name, Files) ->
    Dir = filename:join(?config(priv_dir, Config), Name),
    ok = make_tree(Dir, "/tree", Files),
    {ok, Child} = alcove:fork(Drv, Pids),
    ok = alcove:chroot(Drv, Pids ++ [Child], Dir),
    {Dir, Pids ++ [Child]}.

make_tree(Dir, Root, Files) ->
    Mounts = ["none ", Root, " cgroup2 rw,relatime 0 0\n"],
    lists:foreach(
        fun({File, Text}) ->
            Path = filename:join(Dir, iolist_to_binary(File)),
            ok = filelib:ensure_dir(Path),
            ok = file:write_file(Path, Text)
        end,
        [{"proc/mounts", Mounts} | [{[tl(Root), "/", File], Text} || {File, Text} <- Files]]
    ).
