%% Namespaces and roots, used for what they are for.
-module(alcove_namespace_SUITE).

-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").

-export([
    all/0,
    init_per_testcase/2,
    end_per_testcase/2
]).
-export([
    host_name_is_that_of_the_namespace/1,
    first_process_of_a_pid_namespace_is_1/1,
    pid_namespace_ends_with_its_first_process/1,
    mount_is_seen_in_its_namespace_only/1,
    root_is_changed_by_chroot/1,
    root_is_changed_by_pivot_root/1,
    network_is_empty_in_its_namespace/1,
    process_enters_the_namespace_of_another/1,
    port_itself_leaves_its_namespaces/1,
    ordinary_user_is_root_in_a_user_namespace/1,
    privileges_are_dropped_for_good/1,
    clone_that_shares_memory_is_refused/1
]).

all() ->
    [
        F
     || {F, 1} <- ?MODULE:module_info(exports), F =/= module_info
    ].

init_per_testcase(_Case, Config) ->
    [{drv, alcove_ct:start()} | Config].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(proplists:get_value(drv, Config)).

drv(Config) ->
    proplists:get_value(drv, Config).

host_name_is_that_of_the_namespace(Config) ->
    Drv = drv(Config),
    {ok, Name} = alcove:gethostname(Drv, []),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newuts]),
    ?assertEqual({ok, Name}, alcove:gethostname(Drv, [Pid])),
    Longest = binary:copy(<<"x">>, 63),
    ok = alcove:sethostname(Drv, [Pid], Longest),
    ?assertEqual({ok, Longest}, alcove:gethostname(Drv, [Pid])),
    ?assertEqual({ok, Name}, alcove:gethostname(Drv, [])).

first_process_of_a_pid_namespace_is_1(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newpid, clone_newns]),
    ?assertNotEqual(1, Pid),
    ?assertEqual(1, alcove:getpid(Drv, [Pid])),
    {ok, 2} = alcove:fork(Drv, [Pid]),
    ?assertEqual(2, alcove:getpid(Drv, [Pid, 2])),
    ok = alcove:mount(Drv, [Pid], "none", "/", [], [ms_rec, ms_private], [], []),
    ok = alcove:mount(Drv, [Pid], "proc", "/proc", "proc", [ms_nosuid], [], []),
    {ok, Names} = alcove:readdir(Drv, [Pid], "/proc"),
    ?assertEqual([1, 2], lists:sort([binary_to_integer(N) || <<D, _/binary>> = N <- Names, D < $:, D >= $0])).

pid_namespace_ends_with_its_first_process(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newpid]),
    {ok, 2} = alcove:fork(Drv, [Pid]),
    ok = alcove:execvp(Drv, [Pid, 2], "sleep", ["sleep", "1000"]),
    ok = alcove:kill(Drv, [], Pid, sigkill),
    ?assertEqual({termsig, sigkill}, alcove:event(Drv, [Pid], 30000)),
    ?assertError(badpid, alcove:getpid(Drv, [Pid, 2])).

mount_is_seen_in_its_namespace_only(Config) ->
    Drv = drv(Config),
    Dir = folder(Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newns]),
    ok = alcove:mount(Drv, [Pid], "none", "/", [], [ms_rec, ms_private], [], []),
    ok = alcove:mount(Drv, [Pid], "tmpfs", Dir, "tmpfs", [ms_noexec], "size=64k", []),
    File = filename:join(Dir, "inside"),
    {ok, FD} = alcove:open(Drv, [Pid], File, [o_wronly, o_creat], 8#644),
    ?assertEqual({ok, 4}, alcove:write(Drv, [Pid], FD, "data")),
    {ok, Names} = alcove:readdir(Drv, [Pid], Dir),
    ?assert(lists:member(<<"inside">>, Names)),
    ?assertEqual({ok, []}, file:list_dir(Dir)),
    ?assertEqual({error, ebusy}, alcove:umount(Drv, [Pid], Dir)),
    ok = alcove:umount2(Drv, [Pid], Dir, [mnt_detach]),
    ?assertEqual({ok, []}, file:list_dir(Dir)).

root_is_changed_by_chroot(Config) ->
    Drv = drv(Config),
    Dir = folder(Config),
    busybox(Dir),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:chroot(Drv, [Pid], Dir),
    ok = alcove:chdir(Drv, [Pid], "/"),
    ?assertEqual({ok, <<"/">>}, alcove:getcwd(Drv, [Pid])),
    ok = alcove:execve(Drv, [Pid], "/busybox", ["busybox", "ls", "/"], []),
    ?assertEqual(<<"busybox\n">>, alcove_ct:output(Drv, [Pid], 8)).

root_is_changed_by_pivot_root(Config) ->
    Drv = drv(Config),
    Dir = folder(Config),
    busybox(Dir),
    ok = file:make_dir(filename:join(Dir, "old")),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newns, clone_newpid]),
    ok = alcove:mount(Drv, [Pid], "none", "/", [], [ms_rec, ms_private], [], []),
    ok = alcove:mount(Drv, [Pid], Dir, Dir, [], [ms_bind], [], []),
    ok = alcove:pivot_root(Drv, [Pid], Dir, filename:join(Dir, "old")),
    ok = alcove:chdir(Drv, [Pid], "/"),
    ok = alcove:umount2(Drv, [Pid], "/old", [mnt_detach]),
    ok = alcove:execve(Drv, [Pid], "/busybox", ["busybox", "ls", "/", "/old"], []),
    ?assertEqual(<<"/:\nbusybox\nold\n\n/old:\n">>, alcove_ct:output(Drv, [Pid], 22)).

network_is_empty_in_its_namespace(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newnet]),
    {ok, FD} = alcove:open(Drv, [Pid], "/proc/self/net/dev", [o_rdonly], 0),
    {ok, Text} = alcove:read(Drv, [Pid], FD, 4096),
    [_, _ | Devices] = binary:split(Text, <<"\n">>, [global, trim]),
    ?assertMatch([<<"    lo:", _/binary>>], Devices).

process_enters_the_namespace_of_another(Config) ->
    Drv = drv(Config),
    {ok, A} = alcove:clone(Drv, [], [clone_newuts]),
    ok = alcove:sethostname(Drv, [A], "inside"),
    {ok, B} = alcove:fork(Drv, []),
    Path = ["/proc/", integer_to_list(A), "/ns/uts"],
    {ok, FD} = alcove:open(Drv, [B], Path, [o_rdonly, o_cloexec], 0),
    ?assertEqual({error, einval}, alcove:setns(Drv, [B], FD, clone_newnet)),
    ok = alcove:setns(Drv, [B], FD, clone_newuts),
    ?assertEqual({ok, <<"inside">>}, alcove:gethostname(Drv, [B])).

%% The kernel refuses a user namespace to a process with threads.
port_itself_leaves_its_namespaces(Config) ->
    Drv = drv(Config),
    ok = alcove:unshare(Drv, [], [clone_newuts]),
    ok = alcove:sethostname(Drv, [], "elsewhere"),
    ?assertEqual({ok, <<"elsewhere">>}, alcove:gethostname(Drv, [])),
    {ok, Here} = inet:gethostname(),
    ?assertNotEqual("elsewhere", Here),
    ok = alcove:unshare(Drv, [], [clone_newuser, clone_newns]),
    {ok, Pid} = alcove:fork(Drv, []),
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid])).

ordinary_user_is_root_in_a_user_namespace(_Config) ->
    Dir = string:trim(os:cmd("mktemp -d /tmp/alcove.XXXXXX")),
    Program = filename:join(Dir, "alcove"),
    {ok, _} = file:copy(alcove_drv:progname(), Program),
    ok = file:change_mode(Program, 8#755),
    ok = file:change_mode(Dir, 8#777),
    {ok, Drv} = alcove_drv:start_link([
        {exec, "setpriv --reuid 65534 --regid 65534 --clear-groups"},
        {progname, Program},
        {ctldir, Dir}
    ]),
    ?assertEqual(65534, alcove:getuid(Drv, [])),
    ?assertEqual({error, eperm}, alcove:clone(Drv, [], [clone_newuts])),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newuser, clone_newuts, clone_newpid, clone_newnet]),
    Map = fun(File, Text) ->
        Path = ["/proc/", integer_to_list(Pid), "/", File],
        {ok, FD} = alcove:open(Drv, [], Path, [o_wronly], 0),
        Size = length(Text),
        {ok, Size} = alcove:write(Drv, [], FD, Text),
        ok = alcove:close(Drv, [], FD)
    end,
    Map("uid_map", "0 65534 1"),
    Map("setgroups", "deny"),
    Map("gid_map", "0 65534 1"),
    ?assertEqual({0, 0}, {alcove:getuid(Drv, [Pid]), alcove:getgid(Drv, [Pid])}),
    ok = alcove:sethostname(Drv, [Pid], "mine"),
    ?assertEqual({ok, <<"mine">>}, alcove:gethostname(Drv, [Pid])),
    ?assertEqual({error, einval}, alcove:setuid(Drv, [Pid], 1)),
    alcove_ct:stop(Drv),
    ok = file:delete(Program),
    ok = file:del_dir(Dir).

privileges_are_dropped_for_good(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:setgroups(Drv, [Pid], [7, 8]),
    ?assertEqual({ok, [8, 7]}, alcove:getgroups(Drv, [Pid])),
    ok = alcove:setresgid(Drv, [Pid], 65534, 65534, 65534),
    ok = alcove:setresuid(Drv, [Pid], 65534, 65534, 65534),
    ?assertEqual({ok, 65534, 65534, 65534}, alcove:getresuid(Drv, [Pid])),
    ?assertEqual({error, eperm}, alcove:setuid(Drv, [Pid], 0)),
    ?assertEqual({error, eperm}, alcove:setgroups(Drv, [Pid], [])),
    ?assertEqual({error, eperm}, alcove:chroot(Drv, [Pid], "/")),
    ?assertEqual({error, eacces}, alcove:open(Drv, [Pid], "/etc/shadow", [o_rdonly], 0)),
    {ok, Child} = alcove:fork(Drv, [Pid]),
    ok = alcove:execvp(Drv, [Pid, Child], "id", ["id", "-u"]),
    ?assertEqual(<<"65534\n">>, alcove_ct:output(Drv, [Pid, Child], 6)).

clone_that_shares_memory_is_refused(Config) ->
    Drv = drv(Config),
    [
        ?assertEqual({Flag, {error, einval}}, {Flag, alcove:clone(Drv, [], [Flag])})
     || Flag <- [clone_vm, clone_thread, clone_sighand]
    ],
    ?assertEqual({error, enotsup}, alcove:clone(Drv, [], [clone_no_such_flag])),
    {ok, Pid} = alcove:clone(Drv, [], []),
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid])).

%% An empty folder.
folder(Config) ->
    Name = "root" ++ integer_to_list(erlang:unique_integer([positive])),
    Dir = filename:join(proplists:get_value(priv_dir, Config), Name),
    ok = file:make_dir(Dir),
    Dir.

%% A program that needs no other files.
busybox(Dir) ->
    To = filename:join(Dir, "busybox"),
    {ok, _} = file:copy(os:find_executable("busybox"), To),
    ok = file:change_mode(To, 8#755).
