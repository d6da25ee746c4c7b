%% SPDX-License-Identifier: ISC

%% Attributes of trees of mounts.
-module(alcove_mount_tree_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([
    all/0,
    suite/0,
    init_per_testcase/2,
    end_per_testcase/2
]).
-export([
    tree_is_read_only/1,
    tree_is_walked/1,
    kernel_without_mount_setattr_is_served/1,
    attributes_are_added/1,
    failure_is_an_error/1,
    owners_are_mapped/1
]).

all() ->
    alcove_os:cases(?MODULE).

suite() ->
    [{timetrap, {minutes, 5}}].

%% A process with mounts of its own: a file system in another, below a name with a blank, and
%% all of it bound to a second place.
init_per_testcase(_Case, Config) ->
    {ok, Drv} = alcove_drv:start_link(),
    true = alcove_linux:extend(Drv, []),
    {ok, Pid} = alcove:fork(Drv, []),
    At = [Pid],
    Dir = filename:join(proplists:get_value(priv_dir, Config), "tree"),
    _ = file:make_dir(Dir),
    case own_mounts(Drv, At) of
        ok ->
            ok = alcove:mount(Drv, At, "none", "/", "", [ms_rec, ms_private], "", ""),
            ok = alcove:mount(Drv, At, "none", Dir, "tmpfs", [], "", ""),
            From = filename:join(Dir, "from"),
            To = filename:join(Dir, "to"),
            [ok = alcove:mkdir(Drv, At, D, 8#755) || D <- [From, To]],
            ok = alcove:mount(Drv, At, "none", From, "tmpfs", [ms_nosuid], "", ""),
            Sub = filename:join(From, "a sub"),
            ok = alcove:mkdir(Drv, At, Sub, 8#755),
            ok = alcove:mount(Drv, At, "none", Sub, "tmpfs", [], "", ""),
            ok = alcove:mount(Drv, At, From, To, "", [ms_bind, ms_rec], "", ""),
            [{drv, Drv}, {at, At}, {from, From}, {to, To} | Config];
        {error, Reason} ->
            alcove_drv:stop(Drv),
            {skip, {no_mounts_of_its_own, Reason}}
    end.

own_mounts(Drv, At) ->
    Ids = [alcove:getuid(Drv, At), alcove:getgid(Drv, At)],
    case alcove:unshare(Drv, At, [clone_newns]) of
        ok ->
            ok;
        {error, _} ->
            case alcove:unshare(Drv, At, [clone_newuser, clone_newns]) of
                ok -> map_to_root(Drv, At, Ids);
                Error -> Error
            end
    end.

%% Files cannot be made by a user whom the namespace does not know.
map_to_root(Drv, At, Ids) ->
    [Uid, Gid] = [["0 ", integer_to_list(Id), " 1"] || Id <- Ids],
    ok = alcove_os:write_file(Drv, At, "/proc/self/setgroups", "deny"),
    ok = alcove_os:write_file(Drv, At, "/proc/self/uid_map", Uid),
    ok = alcove_os:write_file(Drv, At, "/proc/self/gid_map", Gid).

end_per_testcase(_Case, Config) ->
    alcove_drv:stop(proplists:get_value(drv, Config)).

values(Config) ->
    list_to_tuple([proplists:get_value(Key, Config) || Key <- [drv, at, from, to]]).

%% Nothing can be written to any place below, and to those that it was bound from as before.
is_read_only(Drv, At, From, To) ->
    [
        ?assertEqual(
            {D, {error, erofs}}, {D, alcove:mkdir(Drv, At, filename:join(D, "new"), 8#755)}
        )
     || D <- [To, filename:join(To, "a sub")]
    ],
    [
        ?assertEqual({D, ok}, {D, alcove:mkdir(Drv, At, filename:join(D, "new"), 8#755)})
     || D <- [From, filename:join(From, "a sub")]
    ].

tree_is_read_only(Config) ->
    {Drv, At, From, To} = values(Config),
    ok = alcove_mount:set(Drv, At, To, [rdonly]),
    is_read_only(Drv, At, From, To).

tree_is_walked(Config) ->
    {Drv, At, From, To} = values(Config),
    ok = alcove_mount:walk(Drv, At, To, [rdonly]),
    is_read_only(Drv, At, From, To),
    ok = alcove_mount:walk(Drv, At, To, [rdonly]).

%% A filter stands for a kernel that does not have the call.
kernel_without_mount_setattr_is_served(Config) ->
    {Drv, At, From, To} = values(Config),
    Number = alcove:define(Drv, At, sys_mount_setattr),
    Filter = <<
        16#20:16/native, 0, 0, 0:32/native,
        16#15:16/native, 0, 1, Number:32/native,
        16#06:16/native, 0, 0, 16#00050026:32/native,
        16#06:16/native, 0, 0, 16#7fff0000:32/native
    >>,
    {ok, _, _, _, _, _} = alcove:prctl(Drv, At, pr_set_no_new_privs, 1, 0, 0, 0),
    ok =
        alcove:seccomp(Drv, At, seccomp_set_mode_filter, 0, [<<4:16/native, 0:48>>, {ptr, Filter}]),
    ?assertEqual(
        {error, enosys}, alcove_linux:syscall(Drv, At, sys_mount_setattr, {-1, [], 0, [], 0})
    ),
    ok = alcove_mount:set(Drv, At, To, [rdonly]),
    is_read_only(Drv, At, From, To).

attributes_are_added(Config) ->
    {Drv, At, _From, To} = values(Config),
    Has = fun() ->
        {ok, Mounts} = alcove_mount:mounts(Drv, At, To),
        [lists:sort(Attributes -- [relatime]) || {_, Attributes} <- Mounts]
    end,
    ?assertEqual([[nosuid], []], Has()),
    ok = alcove_mount:walk(Drv, At, To, [nodev]),
    ?assertEqual([[nodev, nosuid], [nodev]], Has()),
    ok = alcove_mount:set(Drv, At, To, [noexec]),
    ?assertEqual([[nodev, noexec, nosuid], [nodev, noexec]], Has()),
    {ok, [{Top, _}, {Below, _}]} = alcove_mount:mounts(Drv, At, To),
    ?assertEqual(list_to_binary(filename:basename(To)), filename:basename(Top)),
    ?assertEqual(<<"a sub">>, filename:basename(Below)).

failure_is_an_error(Config) ->
    {Drv, At, _From, To} = values(Config),
    ?assertEqual({error, enoent}, alcove_mount:set(Drv, At, "/no/such/folder", [rdonly])),
    ?assertEqual({error, enoent}, alcove_mount:walk(Drv, At, "/no/such/folder", [rdonly])),
    ok = alcove:mkdir(Drv, At, filename:join(To, "folder"), 8#755),
    % nothing is mounted there
    ?assertEqual({error, einval}, alcove_mount:set(Drv, At, filename:join(To, "folder"), [rdonly])),
    ?assertEqual(
        {error, einval}, alcove_mount:walk(Drv, At, filename:join(To, "folder"), [rdonly])
    ),
    ?assertError(function_clause, alcove_mount:set(Drv, At, To, [zip])).

owners_are_mapped(Config) ->
    {Drv, At, From, To} = values(Config),
    Map = mapped(Drv, At),
    File = filename:join(From, "file"),
    ok = alcove:mkdir(Drv, At, File, 8#755),
    Target = filename:join(To, "mapped"),
    ok = alcove:mkdir(Drv, At, Target, 8#755),
    case Map of
        {ok, NS} ->
            case alcove_mount:idmap(Drv, At, From, Target, NS) of
                ok ->
                    {ok, 0, {_, Name, 0, 16#7ff, Stat}} = alcove_linux:syscall(
                        Drv,
                        At,
                        sys_statx,
                        {at_fdcwd, iolist_to_binary([Target, "/file", 0]), 0, 16#7ff, <<
                            0:(256 * 8)
                        >>}
                    ),
                    _ = Name,
                    <<_:20/binary, Uid:32/native, Gid:32/native, _/binary>> = Stat,
                    ?assertEqual({100000, 200000}, {Uid, Gid});
                {error, Reason} when Reason =:= einval; Reason =:= enosys ->
                    {skip, "this kernel cannot map the owners of a tmpfs"}
            end;
        {error, Reason} ->
            {skip, {no_user_namespace_with_a_map, Reason}}
    end.

%% A descriptor of a user namespace in which 0 is 100000, and 200000 for groups.
mapped(Drv, At) ->
    case alcove:clone(Drv, At, [clone_newuser]) of
        {ok, Child} ->
            Proc = ["/proc/", integer_to_list(Child)],
            case write(Drv, At, [Proc, "/uid_map"], "0 100000 1000") of
                ok ->
                    ok = write(Drv, At, [Proc, "/gid_map"], "0 200000 1000"),
                    alcove:open(Drv, At, [Proc, "/ns/user"], [o_rdonly, o_cloexec], 0);
                {error, Reason} ->
                    {error, Reason}
            end;
        {error, Reason} ->
            {error, Reason}
    end.

write(Drv, At, Path, Text) ->
    {ok, FD} = alcove:open(Drv, At, Path, [o_wronly, o_cloexec], 0),
    Written = alcove:write(Drv, At, FD, Text),
    ok = alcove:close(Drv, At, FD),
    case Written of
        {ok, _} -> ok;
        {error, Reason} -> {error, Reason}
    end.
