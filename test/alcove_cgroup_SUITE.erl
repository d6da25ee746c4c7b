%% SPDX-License-Identifier: ISC

%% Control groups: paths, and hierarchies of version 1 where they are mounted.
-module(alcove_cgroup_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([
    all/0,
    init_per_testcase/2,
    end_per_testcase/2
]).
-export([
    path_is_cut_into_relative_pieces/1,
    path_is_below_the_root_of_a_hierarchy/1,
    path_has_paths_above_it/1,
    mounts_are_those_that_the_process_sees/1,
    files_and_directories_are_told_apart/1,
    nothing_is_supported_without_proc/1,
    group_of_an_unknown_hierarchy_does_not_exist/1,
    group_is_made_used_and_removed/1,
    group_is_killed_in_all_hierarchies/1,
    memory_limit_kills_a_program/1,
    process_in_one_of_many_groups_is_killed/1,
    empty_group_is_killed_at_once/1,
    group_that_cannot_be_made_is_an_error/1,
    groups_of_a_vm_that_is_gone_are_removed/1
]).

all() ->
    alcove_os:cases(?MODULE).

init_per_testcase(Case, Config) ->
    case alcove_os:needs(Config, capabilities(Case)) of
        Config -> [{drv, alcove_ct:start()} | Config];
        Skip -> Skip
    end.

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(proplists:get_value(drv, Config)).

%% The trees belong to root, and who mounts one has the rights of root outside of any namespace.
capabilities(Case) ->
    WithoutTree = [
        path_is_cut_into_relative_pieces,
        path_is_below_the_root_of_a_hierarchy,
        path_has_paths_above_it,
        mounts_are_those_that_the_process_sees,
        files_and_directories_are_told_apart,
        nothing_is_supported_without_proc,
        group_of_an_unknown_hierarchy_does_not_exist
    ],
    [cap_sys_admin || not lists:member(Case, WithoutTree)].

drv(Config) ->
    proplists:get_value(drv, Config).

path_is_cut_into_relative_pieces(_Config) ->
    ?assertEqual([], alcove_cgroup:relpath([])),
    ?assertEqual(
        [<<"a">>, <<"b">>, <<"..">>, <<"c">>],
        alcove_cgroup:relpath(["/a", <<"b/..">>, "//c/"])
    ),
    ?assertError(function_clause, alcove_cgroup:relpath([a])),
    ?assertError(function_clause, alcove_cgroup:relpath(<<"a">>)).

path_is_below_the_root_of_a_hierarchy(_Config) ->
    ?assertEqual(<<"/sys/cpu/a/b">>, alcove_cgroup:join(<<"/sys/cpu">>, ["/a", <<"b">>])),
    ?assertEqual(<<"/sys/cpu">>, alcove_cgroup:join(<<"/sys/cpu">>, [])).

path_has_paths_above_it(_Config) ->
    ?assertEqual([[a], [a, b], [a, b, c]], alcove_cgroup:expand([a, b, c])),
    ?assertEqual([], alcove_cgroup:expand([])).

mounts_are_those_that_the_process_sees(Config) ->
    Drv = drv(Config),
    Path = <<"/mnt">>,
    {ok, Pid} = alcove_os:unshared(Drv, [clone_newns]),
    ok = alcove:mount(Drv, [Pid], "none", "/", [], [ms_rec, ms_private], [], []),
    ok = alcove:mount(Drv, [Pid], "a_name", Path, "tmpfs", [], [], []),
    Names = fun(Pids) ->
        {ok, Mounts} = alcove_cgroup:mounts(Drv, Pids),
        [Mount || {<<"a_name">>, _, _, _, _, _} = Mount <- Mounts]
    end,
    ?assertMatch([{_, Path, <<"tmpfs">>, <<"rw", _/binary>>, <<"0">>, <<"0">>}], Names([Pid])),
    ?assertEqual([], Names([])).

files_and_directories_are_told_apart(Config) ->
    Drv = drv(Config),
    Fifo = filename:join(alcove_os:tree(Config, ?FUNCTION_NAME), "fifo"),
    ok = alcove:mkfifo(Drv, [], Fifo, 8#600),
    ?assertEqual(
        [{true, true}, {false, true}, {false, true}, {false, false}],
        [
            {alcove_cgroup:is_dir(Drv, [], Path), alcove_cgroup:is_file(Drv, [], Path)}
         || Path <- ["/proc", "/proc/mounts", Fifo, "/no/such/file"]
        ]
    ).

nothing_is_supported_without_proc(Config) ->
    Drv = drv(Config),
    Dir = proplists:get_value(priv_dir, Config),
    {ok, Pid} = alcove_os:unshared(Drv, [clone_newns]),
    ok = alcove:chroot(Drv, [Pid], Dir),
    ?assertNot(alcove_cgroup:supported(Drv, [Pid])),
    ?assertEqual({ok, []}, alcove_cgroup:mounts(Drv, [Pid])),
    ?assertEqual([], alcove_cgroup:cgroup(Drv, [Pid])),
    ?assertEqual({error, enoent}, alcove_cgroup:create(Drv, [Pid])),
    ?assertEqual([], alcove_cgroup:destroy(Drv, [Pid])),
    ?assertEqual([], alcove_cgroup:get(Drv, [Pid], <<>>, [], "tasks")),
    ?assertEqual({error, enoent}, alcove_cgroup:set(Drv, [Pid], <<>>, [], "tasks", "1")),
    ?assertEqual(acc, alcove_cgroup:fold(Drv, [Pid], <<>>, [], fun(_, _) -> no end, acc)).

group_of_an_unknown_hierarchy_does_not_exist(Config) ->
    Drv = drv(Config),
    ?assertEqual({error, enoent}, alcove_cgroup:set(Drv, [], <<"no_such">>, [], "tasks", "1")),
    ?assertEqual({error, enoent}, alcove_cgroup:set(Drv, [], "pids", [], "tasks", "1")),
    ?assertEqual([], alcove_cgroup:get(Drv, [], <<"no_such">>, [], "tasks")),
    ?assertError(function_clause, alcove_cgroup:get(Drv, [], <<>>, <<"group">>, "tasks")).

%% Where the machine has no hierarchy of version 1, one without controllers is mounted.
group_is_made_used_and_removed(Config) ->
    Drv = drv(Config),
    {Pids, Opt} = hierarchy(Drv, Config),
    Group = [["alcove_test.", os:getpid()], <<"sub">>],
    Path = fun(Root) -> alcove_cgroup:join(Root, Group) end,
    Roots = [Dir || {Dir, Options} <- alcove_cgroup:cgroup(Drv, Pids), lists:member(Opt, Options)],
    ?assert(alcove_cgroup:supported(Drv, Pids)),
    ok = alcove_cgroup:create(Drv, Pids, Group),
    ok = alcove_cgroup:create(Drv, Pids, Group),
    ?assertEqual(
        lists:map(Path, Roots),
        alcove_cgroup:fold(Drv, Pids, Opt, Group, fun(Dir, Acc) -> [Dir | Acc] end, [])
    ),
    Collect = fun(Name, Names) -> [Name | Names] end,
    Names = alcove_cgroup:fold_files(Drv, Pids, Opt, Group, "^tasks$", Collect, []),
    ?assertEqual([<<"tasks">> || _ <- Roots], Names),
    {ok, Child} = alcove:fork(Drv, Pids),
    Text = integer_to_list(Child),
    ?assertEqual(ok, alcove_cgroup:set(Drv, Pids, Opt, Group, "tasks", Text)),
    ?assertEqual(
        {ok, list_to_binary([Text, "\n"])}, alcove_cgroup:get(Drv, Pids, Opt, Group, "tasks")
    ),
    ?assertMatch({error, _}, alcove_cgroup:set(Drv, Pids, Opt, Group, "tasks", "no pid")),
    ?assertEqual({error, ebusy}, alcove_cgroup:destroy(Drv, Pids, Group)),
    ok = alcove:exit(Drv, Pids ++ [Child], 0),
    {exit_status, 0} = alcove:event(Drv, Pids ++ [Child], 30000),
    ?assertEqual(ok, alcove_cgroup:destroy(Drv, Pids, Group)),
    ?assertEqual(ok, alcove_cgroup:destroy(Drv, Pids, Group)),
    ?assertEqual(ok, alcove_cgroup:destroy(Drv, Pids, lists:sublist(Group, 1))).

%% Stubborn ones in groups below each other.
group_is_killed_in_all_hierarchies(Config) ->
    Drv = drv(Config),
    {Pids, Opt} = hierarchy(Drv, Config),
    Group = [["alcove_kill.", os:getpid()]],
    Groups = [Group, Group ++ [<<"sub">>]],
    ok = alcove_cgroup:create(Drv, Pids, lists:last(Groups)),
    Shells = [shell(Drv, Pids, Opt, Where) || Where <- Groups],
    [Pid1, Pid2] = [lists:last(Shell) || Shell <- Shells],
    ?assert(lists:member(Pid1, alcove_cgroup:members(Drv, Pids, Group))),
    ?assertEqual(ok, alcove_cgroup:kill(Drv, Pids, Group, 60000)),
    [?assertEqual({termsig, sigkill}, alcove:event(Drv, Shell, 30000)) || Shell <- Shells],
    ?assertEqual([{error, esrch}, {error, esrch}], [
        alcove:kill(Drv, [], Pid, 0)
     || Pid <- [Pid1, Pid2]
    ]),
    ?assertEqual([], alcove_cgroup:members(Drv, Pids, Group)),
    [?assertEqual(ok, alcove_cgroup:destroy(Drv, Pids, Where)) || Where <- lists:reverse(Groups)].

shell(Drv, Pids, Opt, Group) ->
    {ok, Pid} = alcove:fork(Drv, Pids),
    ok = alcove_cgroup:set(Drv, Pids, Opt, Group, "tasks", integer_to_list(Pid)),
    Script = "trap '' TERM; setsid sleep 1000 & echo ready; wait",
    ok = alcove:execvp(Drv, Pids ++ [Pid], "sh", ["sh", "-c", Script]),
    <<"ready\n">> = alcove_ct:output(Drv, Pids ++ [Pid], 6),
    Pids ++ [Pid].

%% The files have other names in version 2. On a machine that swaps more is limited than memory.
memory_limit_kills_a_program(Config) ->
    Drv = drv(Config),
    Opt = <<"memory">>,
    Group = [["alcove_memory.", os:getpid()]],
    {Limit, Both, Swap} =
        case alcove_cgroup:version(Drv, []) of
            2 -> {<<"memory.max">>, <<"memory.swap.max">>, "0"};
            _ -> {<<"memory.limit_in_bytes">>, <<"memory.memsw.limit_in_bytes">>, "16m"}
        end,
    case [Dir || {Dir, Options} <- alcove_cgroup:cgroup(Drv), lists:member(Opt, Options)] of
        [_ | _] ->
            ok = alcove_cgroup:create(Drv, [], Group),
            ok = alcove_cgroup:set(Drv, [], Opt, Group, Limit, "16m"),
            _ = alcove_cgroup:set(Drv, [], Opt, Group, Both, Swap),
            ?assertEqual(
                {ok, <<"16777216\n">>}, alcove_cgroup:get(Drv, [], Opt, Group, Limit)
            ),
            {ok, Pid} = alcove:fork(Drv, []),
            ok = alcove_cgroup:set(Drv, [], Opt, Group, "tasks", integer_to_list(Pid)),
            Dd = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"],
            ok = alcove:execvp(Drv, [Pid], "dd", Dd),
            ?assertEqual({termsig, sigkill}, alcove:event(Drv, [Pid], 30000)),
            ?assertEqual(ok, alcove_cgroup:destroy(Drv, [], Group));
        [] ->
            ?assertEqual([], alcove_cgroup:get(Drv, [], Opt, Group, Limit))
    end.

hierarchy(Drv, Config) ->
    Opts = [Opt || {_, Options} <- alcove_cgroup:cgroup(Drv), <<"pids">> = Opt <- Options],
    case {alcove_cgroup:version(Drv, []), Opts} of
        {1, [Opt | _]} ->
            {[], Opt};
        _ ->
            Dir = filename:join(proplists:get_value(priv_dir, Config), "cgroup"),
            {ok, Pid} = alcove:clone(Drv, [], [clone_newns]),
            ok = alcove:mount(Drv, [Pid], "none", "/", [], [ms_rec, ms_private], [], []),
            ok = filelib:ensure_dir(filename:join(Dir, "file")),
            ok = alcove:mount(Drv, [Pid], "cgroup", Dir, "cgroup", [], "none,name=alcove", []),
            {[Pid], <<"name=alcove">>}
    end.

%% Their names do not fit in one reply: a child reads them in pieces. Where none can be forked that
%% is an error.
process_in_one_of_many_groups_is_killed(Config) ->
    Drv = drv(Config),
    {Pids, Opt} = hierarchy(Drv, Config),
    Group = [["alcove_many.", os:getpid()]],
    Long = lists:duplicate(240, $x),
    Below = [Group ++ [integer_to_list(N) ++ Long] || N <- lists:seq(1, 300)],
    [{Root, _}] =
        [H || {_, Options} = H <- alcove_cgroup:cgroup(Drv, Pids), lists:member(Opt, Options)],
    ok = alcove_cgroup:create(Drv, Pids, Group),
    [ok = alcove:mkdir(Drv, Pids, alcove_cgroup:join(Root, Where), 8#755) || Where <- Below],
    Shell = shell(Drv, Pids, Opt, lists:last(Below)),
    Depth = alcove:getopt(Drv, Pids, maxforkdepth),
    true = alcove:setopt(Drv, Pids, maxforkdepth, 0),
    ?assertEqual({error, emsgsize}, alcove_cgroup:kill(Drv, Pids, Group)),
    ?assert(alcove_ct:is_running(lists:last(Shell))),
    true = alcove:setopt(Drv, Pids, maxforkdepth, Depth),
    ?assertEqual(ok, alcove_cgroup:kill(Drv, Pids, Group, 60000)),
    ?assertEqual(false, alcove:event(Drv, [], 0)),
    ?assertEqual({termsig, sigkill}, alcove:event(Drv, Shell, 30000)),
    [?assertEqual(ok, alcove_cgroup:destroy(Drv, Pids, Where)) || Where <- Below ++ [Group]].

%% One look at each hierarchy, no more calls than there are files and some.
empty_group_is_killed_at_once(Config) ->
    Drv = drv(Config),
    {Pids, _} = hierarchy(Drv, Config),
    Group = [["alcove_empty.", os:getpid()]],
    ok = alcove_cgroup:create(Drv, Pids, Group),
    Files = alcove_cgroup:fold_files(Drv, Pids, <<>>, Group, "", fun(_, N) -> N + 1 end, 0),
    Hierarchies = length(alcove_cgroup:cgroup(Drv, Pids)),
    {ok, Calls} = alcove_ct:calls(fun() -> alcove_cgroup:kill(Drv, Pids, Group) end),
    ?assert(Calls =< Files + 10 * Hierarchies + 10, {Calls, Files, Hierarchies}),
    ?assertEqual(ok, alcove_cgroup:destroy(Drv, Pids, Group)).

group_that_cannot_be_made_is_an_error(Config) ->
    Drv = drv(Config),
    {Pids, _} = hierarchy(Drv, Config),
    {ok, User} = alcove:fork(Drv, Pids),
    ok = alcove:setresgid(Drv, Pids ++ [User], 65534, 65534, 65534),
    ok = alcove:setresuid(Drv, Pids ++ [User], 65534, 65534, 65534),
    Group = [["alcove_user.", os:getpid()]],
    ?assertEqual({error, eacces}, alcove_cgroup:create(Drv, Pids ++ [User], Group)).

%% The VM has got to be the one that its pid stood for.
groups_of_a_vm_that_is_gone_are_removed(Config) ->
    Drv = drv(Config),
    {Pids, Opt} = hierarchy(Drv, Config),
    Above = [["alcove_stale.", os:getpid()]],
    Own = alcove_cgroup:name(),
    {match, [Start]} = re:run(Own, "^alcove-[0-9]+-([0-9]+)-", [{capture, all_but_first, list}]),
    Other = iolist_to_binary(["alcove-", os:getpid(), "-1", Start, "-other@host"]),
    Gone = <<"alcove-4194305-1-gone@host">>,
    Names = [Own, Other, Gone, <<"alcove-web">>, <<"web">>],
    [ok = alcove_cgroup:create(Drv, Pids, Above ++ [Name, <<"sub">>]) || Name <- Names],
    Shell = shell(Drv, Pids, Opt, Above ++ [Gone, <<"sub">>]),
    ?assertEqual(
        {ok, lists:sort([Other, Gone])}, alcove_cgroup:remove_stale(Drv, Pids, Above)
    ),
    ?assertEqual({termsig, sigkill}, alcove:event(Drv, Shell, 30000)),
    ?assertEqual({ok, []}, alcove_cgroup:remove_stale(Drv, Pids, Above)),
    Left =
        [
            Above ++ [Name | Sub]
             || Name <- [Own, <<"alcove-web">>, <<"web">>], Sub <- [[<<"sub">>], []]
        ],
    [?assertEqual(ok, alcove_cgroup:destroy(Drv, Pids, Where)) || Where <- Left ++ [Above]].
