%% SPDX-License-Identifier: ISC

%% Mounts, mount namespaces and changed roots, used for what they are for.
-module(alcove_mount_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, init_per_suite/1, end_per_suite/1, init_per_testcase/2, end_per_testcase/2]).
-export([
    tmpfs_of_a_mount_namespace_is_gone_outside/1,
    tmpfs_obeys_the_options_of_its_mount/1,
    bind_mount_shows_a_directory_at_a_second_place/1,
    read_only_bind_mount_refuses_writes/1,
    noexec_mount_refuses_programs/1,
    busy_mount_is_detached_only_when_asked/1,
    mount_refuses_what_is_not_there/1,
    open_namespace_keeps_its_mounts_without_a_process/1,
    port_itself_leaves_the_mounts_of_the_system/1,
    root_is_pivoted_into_a_bind_mount/1,
    process_in_a_chroot_runs_what_is_there/1,
    directory_from_outside_is_a_way_out_of_a_chroot/1
]).

all() ->
    alcove_os:cases(?MODULE).

init_per_suite(Config) ->
    alcove_os:rooted(Config, [cap_sys_admin, cap_sys_chroot]).

end_per_suite(_Config) ->
    ok.

init_per_testcase(Case, Config) ->
    Drv = alcove_ct:start(?config(port, Config)),
    [{drv, Drv}, {dir, alcove_os:tree(Config, Case)} | Config].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(?config(drv, Config)).

%% A child whose mounts are its own and spread nowhere.
with_own_mounts(Drv) ->
    {ok, Pid} = alcove:clone(Drv, [], [clone_newns]),
    ok = alcove:mount(Drv, [Pid], "none", "/", "", [ms_rec, ms_private], "", ""),
    [Pid].

tmpfs(Drv, Pids, Dir, Options) ->
    alcove:mount(Drv, Pids, "tmpfs", Dir, "tmpfs", [ms_nosuid, ms_nodev], Options, "").

%% Same path, two processes: one sees the file, the other and the VM see an empty directory.
tmpfs_of_a_mount_namespace_is_gone_outside(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    Pids = with_own_mounts(Drv),
    ok = tmpfs(Drv, Pids, Dir, ""),
    ok = alcove_os:write_file(Drv, Pids, [Dir, "/secret"], "inside"),
    ?assertEqual(<<"inside">>, alcove_os:read_file(Drv, Pids, [Dir, "/secret"])),
    ?assertEqual([<<"secret">>], alcove_os:names(Drv, Pids, Dir)),
    ?assertEqual([], alcove_os:names(Drv, [], Dir)),
    ?assertEqual({ok, []}, file:list_dir(Dir)),
    ?assertEqual({true, false}, {is_mounted(Drv, Pids, Dir), is_mounted(Drv, [], Dir)}).

is_mounted(Drv, Pids, Dir) ->
    Mounts = alcove_os:read_file(Drv, Pids, "/proc/self/mounts"),
    % the kernel writes blanks like this
    Target = iolist_to_binary(string:replace(Dir, " ", "\\040", all)),
    lists:any(
        fun(Line) -> lists:member(Target, binary:split(Line, <<" ">>, [global])) end,
        binary:split(Mounts, <<"\n">>, [global])
    ).

%% The data argument reaches the file system: a page fits, two do not.
tmpfs_obeys_the_options_of_its_mount(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    Pids = with_own_mounts(Drv),
    ok = tmpfs(Drv, Pids, Dir, "nr_blocks=1,mode=0711"),
    Page = binary:copy(<<"x">>, 4096),
    ?assertEqual(ok, alcove_os:write_file(Drv, Pids, [Dir, "/page"], Page)),
    ?assertEqual({error, enospc}, alcove_os:write_file(Drv, Pids, [Dir, "/more"], Page)),
    ?assertMatch(
        {{exit_status, 0}, <<"711\n">>, <<>>},
        alcove_os:run(Drv, Pids, ["stat", "-c", "%a", Dir])
    ).

%% A file that is written at one place is read at the other.
bind_mount_shows_a_directory_at_a_second_place(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    [From, To] = make_dirs(Dir, ["from", "to"]),
    Pids = with_own_mounts(Drv),
    ok = alcove:mount(Drv, Pids, From, To, "", [ms_bind], "", ""),
    ok = alcove_os:write_file(Drv, Pids, [From, "/file"], "text"),
    ?assertEqual(<<"text">>, alcove_os:read_file(Drv, Pids, [To, "/file"])),
    ok = alcove:umount(Drv, Pids, To),
    ?assertEqual([], alcove_os:names(Drv, Pids, To)),
    ?assertEqual([<<"file">>], alcove_os:names(Drv, Pids, From)).

%% The kernel ignores flags at the bind and takes them at the remount.
read_only_bind_mount_refuses_writes(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    Pids = with_own_mounts(Drv),
    ok = alcove:mount(Drv, Pids, Dir, Dir, "", [ms_bind], "", ""),
    ok = alcove:mount(Drv, Pids, "", Dir, "", [ms_bind, ms_remount, ms_rdonly], "", ""),
    ?assertEqual({error, erofs}, alcove_os:write_file(Drv, Pids, [Dir, "/file"], "text")),
    ?assertEqual({error, erofs}, alcove:mkdir(Drv, Pids, [Dir, "/dir"], 8#755)),
    ?assertEqual(ok, alcove_os:write_file(Drv, [], [Dir, "/file"], "text")),
    ?assertEqual(<<"text">>, alcove_os:read_file(Drv, Pids, [Dir, "/file"])).

noexec_mount_refuses_programs(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    Argv = [alcove_os:busybox(Dir), "true"],
    Pids = with_own_mounts(Drv),
    ?assertEqual({{exit_status, 0}, <<>>, <<>>}, alcove_os:run(Drv, Pids, Argv)),
    ok = alcove:mount(Drv, Pids, Dir, Dir, "", [ms_bind], "", ""),
    ok = alcove:mount(Drv, Pids, "", Dir, "", [ms_bind, ms_remount, ms_noexec], "", ""),
    ?assertEqual({error, eacces}, alcove:execvp(Drv, Pids, hd(Argv), Argv)).

%% An open file holds the mount; detached, it goes when the file is closed.
busy_mount_is_detached_only_when_asked(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    Pids = with_own_mounts(Drv),
    ok = tmpfs(Drv, Pids, Dir, ""),
    {ok, FD} = alcove:open(Drv, Pids, [Dir, "/file"], [o_rdwr, o_creat, o_cloexec], 8#600),
    ?assertEqual({error, ebusy}, alcove:umount(Drv, Pids, Dir)),
    ?assertEqual({error, ebusy}, alcove:umount2(Drv, Pids, Dir, [])),
    ?assertEqual(ok, alcove:umount2(Drv, Pids, Dir, [mnt_detach])),
    ?assertEqual([], alcove_os:names(Drv, Pids, Dir)),
    ?assertEqual({ok, 4}, alcove:write(Drv, Pids, FD, "text")),
    ?assertEqual(ok, alcove:close(Drv, Pids, FD)).

mount_refuses_what_is_not_there(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    Pids = with_own_mounts(Drv),
    Mount = fun(Source, Target, Type, Flags) ->
        alcove:mount(Drv, Pids, Source, Target, Type, Flags, "", "")
    end,
    ?assertEqual({error, enodev}, Mount("none", Dir, "nosuchfs", [])),
    ?assertEqual({error, enoent}, Mount("none", [Dir, "/nowhere"], "tmpfs", [])),
    ?assertEqual({error, enoent}, Mount([Dir, "/nowhere"], Dir, "", [ms_bind])),
    ?assertEqual({error, enotsup}, Mount("none", Dir, "tmpfs", [ms_nosuch])),
    ?assertEqual({error, einval}, alcove:umount(Drv, Pids, Dir)).

%% A descriptor of the namespace is enough for a visitor to come later.
open_namespace_keeps_its_mounts_without_a_process(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    Pids = [Pid] = with_own_mounts(Drv),
    ok = tmpfs(Drv, Pids, Dir, ""),
    ok = alcove_os:write_file(Drv, Pids, [Dir, "/file"], "text"),
    {ok, FD} = alcove:open(Drv, [], ns(Pid, "mnt"), [o_rdonly, o_cloexec], 0),
    ok = alcove:exit(Drv, Pids, 0),
    {exit_status, 0} = alcove:event(Drv, Pids, 5000),
    {ok, Visitor} = alcove:fork(Drv, []),
    ok = alcove:setns(Drv, [Visitor], FD, clone_newns),
    ?assertEqual(<<"text">>, alcove_os:read_file(Drv, [Visitor], [Dir, "/file"])),
    ?assertEqual([], alcove_os:names(Drv, [], Dir)).

%% The VM and the port part ways: a program with one thread may unshare itself.
port_itself_leaves_the_mounts_of_the_system(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    ok = alcove:unshare(Drv, [], [clone_newns]),
    ok = alcove:mount(Drv, [], "none", "/", "", [ms_rec, ms_private], "", ""),
    ok = tmpfs(Drv, [], Dir, ""),
    ok = alcove_os:write_file(Drv, [], [Dir, "/file"], "text"),
    ?assertEqual({ok, []}, file:list_dir(Dir)),
    {ok, Pid} = alcove:fork(Drv, []),
    ?assertEqual([<<"file">>], alcove_os:names(Drv, [Pid], Dir)).

%% The old root is put below the new one and taken away; nothing else is left of it.
root_is_pivoted_into_a_bind_mount(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    [Root] = make_dirs(Dir, ["root"]),
    [_, Bin] = make_dirs(Root, ["old", "bin"]),
    _ = alcove_os:busybox(Bin),
    Pids = with_own_mounts(Drv),
    ok = alcove:mount(Drv, Pids, Root, Root, "", [ms_bind], "", ""),
    ok = alcove:pivot_root(Drv, Pids, Root, [Root, "/old"]),
    ok = alcove:chdir(Drv, Pids, "/"),
    ?assert(lists:member(<<"proc">>, alcove_os:names(Drv, Pids, "/old"))),
    ok = alcove:umount2(Drv, Pids, "/old", [mnt_detach]),
    ?assertEqual([<<"bin">>, <<"old">>], alcove_os:names(Drv, Pids, "/")),
    ?assertEqual([], alcove_os:names(Drv, Pids, "/old")),
    ?assertEqual(
        {{exit_status, 0}, <<"bin\nold\n">>, <<>>},
        alcove_os:run(Drv, Pids, ["/bin/busybox", "ls", "/"])
    ),
    ?assert(lists:member(<<"proc">>, alcove_os:names(Drv, [], "/"))).

process_in_a_chroot_runs_what_is_there(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    _ = alcove_os:busybox(Dir),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:chroot(Drv, [Pid], Dir),
    % the working directory is outside, the kernel finds no path to it
    ?assertEqual({error, enoent}, alcove:getcwd(Drv, [Pid])),
    ok = alcove:chdir(Drv, [Pid], "/"),
    ?assertEqual({ok, <<"/">>}, alcove:getcwd(Drv, [Pid])),
    ?assertEqual({error, enoent}, alcove:execvp(Drv, [Pid], "/bin/sh", ["sh"])),
    ?assertEqual(
        {{exit_status, 0}, <<"busybox\n">>, <<>>},
        alcove_os:run(Drv, [Pid], ["/busybox", "ls", "/"])
    ).

%% Why sandboxes close what they have open and drop their rights.
directory_from_outside_is_a_way_out_of_a_chroot(Config) ->
    {Drv, Dir} = {?config(drv, Config), ?config(dir, Config)},
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:chdir(Drv, [Pid], "/"),
    ok = alcove:chroot(Drv, [Pid], Dir),
    ?assert(lists:member(<<"proc">>, alcove_os:names(Drv, [Pid], "."))),
    ok = alcove:chdir(Drv, [Pid], "/"),
    ?assertEqual([], alcove_os:names(Drv, [Pid], ".")).

make_dirs(Dir, Names) ->
    [
        begin
            ok = file:make_dir(filename:join(Dir, Name)),
            filename:join(Dir, Name)
        end
     || Name <- Names
    ].

ns(Pid, Name) ->
    ["/proc/", integer_to_list(Pid), "/ns/", Name].
