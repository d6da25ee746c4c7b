%% SPDX-License-Identifier: ISC

%% Users, groups, sessions: what a process gives up, and what it is refused afterwards.
-module(alcove_identity_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    process_that_is_nobody_is_refused_what_root_may/1,
    identity_is_that_of_programs_too/1,
    ids_that_no_user_has_are_taken/1,
    effective_user_is_changed_for_a_while/1,
    groups_are_kept_unless_they_are_given_up/1,
    lists_of_groups_are_set_whole/1,
    owner_and_mode_decide_who_reads_a_file/1,
    set_user_id_program_gives_rights_unless_they_were_renounced/1,
    parent_keeps_its_rights/1,
    process_of_another_user_is_not_signalled/1,
    session_and_group_are_those_of_a_leader/1,
    signal_reaches_all_processes_of_a_group/1
]).

-define(LIMIT, 30000).
-define(NOBODY, 65534).

all() ->
    alcove_os:cases(?MODULE).

init_per_testcase(Case, Config) ->
    alcove_os:needs(Config, capabilities(Case), fun() ->
        Drv = alcove_ct:start(),
        Pids = alcove_ct:chain(Drv, 1),
        Dir = alcove_os:tree(Config, Case),
        % what leads there may be closed to others
        ok = alcove:chdir(Drv, Pids, Dir),
        [{drv, Drv}, {pids, Pids}, {dir, Dir} | Config]
    end).

capabilities(session_and_group_are_those_of_a_leader) -> [];
capabilities(signal_reaches_all_processes_of_a_group) -> [];
capabilities(_) -> [cap_setuid, cap_setgid, cap_chown, cap_sys_chroot].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(?config(drv, Config)).

be_nobody(Drv, Pids) ->
    ok = alcove:setgroups(Drv, Pids, []),
    ok = alcove:setresgid(Drv, Pids, ?NOBODY, ?NOBODY, ?NOBODY),
    ok = alcove:setresuid(Drv, Pids, ?NOBODY, ?NOBODY, ?NOBODY).

process_that_is_nobody_is_refused_what_root_may(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    be_nobody(Drv, Pids),
    ?assertEqual({error, eperm}, alcove:setuid(Drv, Pids, 0)),
    ?assertEqual({error, eperm}, alcove:setresuid(Drv, Pids, 0, 0, 0)),
    ?assertEqual({error, eperm}, alcove:setgid(Drv, Pids, 0)),
    ?assertEqual({error, eperm}, alcove:setresgid(Drv, Pids, 0, 0, 0)),
    ?assertEqual({error, eperm}, alcove:setgroups(Drv, Pids, [0])),
    ?assertEqual({error, eperm}, alcove:chroot(Drv, Pids, ".")),
    ?assertEqual({error, eperm}, alcove:sethostname(Drv, Pids, "mine")),
    ?assertEqual({error, eperm}, alcove:mount(Drv, Pids, "none", "/tmp", "tmpfs", [], "", "")),
    ?assertEqual({error, eperm}, alcove:unshare(Drv, Pids, [clone_newnet])),
    ?assertEqual({error, eperm}, alcove:chown(Drv, Pids, "/tmp", ?NOBODY, ?NOBODY)),
    ?assertEqual({error, eacces}, alcove:open(Drv, Pids, "/etc/shadow", [o_rdonly], 0)),
    ?assertEqual({error, eacces}, alcove:mkdir(Drv, Pids, "/etc/mine", 8#755)).

identity_is_that_of_programs_too(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = alcove:setgroups(Drv, Pids, [1001, 1002]),
    ok = alcove:setgid(Drv, Pids, 1003),
    ok = alcove:setuid(Drv, Pids, 1004),
    Id = fun(Option) -> alcove_os:run(Drv, Pids, ["id", Option]) end,
    ?assertEqual({{exit_status, 0}, <<"1004\n">>, <<>>}, Id("-u")),
    ?assertEqual({{exit_status, 0}, <<"1003\n">>, <<>>}, Id("-g")),
    ?assertEqual({{exit_status, 0}, <<"1003 1001 1002\n">>, <<>>}, Id("-G")).

%% A sandbox takes one at random, so that it shares nothing with anybody.
ids_that_no_user_has_are_taken(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Id = 16#f0000000 + 4711,
    ok = alcove:setgid(Drv, Pids, Id),
    ok = alcove:setuid(Drv, Pids, Id),
    ?assertEqual({Id, Id}, {alcove:getuid(Drv, Pids), alcove:getgid(Drv, Pids)}),
    ?assertEqual({ok, Id, Id, Id}, alcove:getresuid(Drv, Pids)),
    ?assertEqual({ok, Id, Id, Id}, alcove:getresgid(Drv, Pids)).

%% 2^32 - 1 leaves an id as it is. The saved one is the way back.
effective_user_is_changed_for_a_while(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Same = 16#ffffffff,
    ok = alcove:setresuid(Drv, Pids, Same, ?NOBODY, Same),
    ?assertEqual({ok, 0, ?NOBODY, 0}, alcove:getresuid(Drv, Pids)),
    ?assertEqual({error, eacces}, alcove:open(Drv, Pids, "/etc/shadow", [o_rdonly], 0)),
    ok = alcove:setresuid(Drv, Pids, Same, 0, Same),
    ?assertMatch({ok, _}, alcove:open(Drv, Pids, "/etc/shadow", [o_rdonly, o_cloexec], 0)).

%% Why setgroups comes first: the file is one of a group.
groups_are_kept_unless_they_are_given_up(Config) ->
    {Drv, Careless} = {?config(drv, Config), ?config(pids, Config)},
    ok = file(Drv, Careless, "file", {0, 1005}, 8#640),
    ok = alcove:setgroups(Drv, Careless, [1005]),
    {ok, Child} = alcove:fork(Drv, Careless),
    Careful = Careless ++ [Child],
    be_nobody(Drv, Careful),
    ok = alcove:setuid(Drv, Careless, ?NOBODY),
    ?assertEqual({ok, [1005]}, alcove:getgroups(Drv, Careless)),
    ?assertEqual({ok, []}, alcove:getgroups(Drv, Careful)),
    ?assertMatch({ok, _}, open(Drv, Careless, "file")),
    ?assertEqual({error, eacces}, open(Drv, Careful, "file")).

%% The last group comes first; numbers below 256 are sent in another way than others.
lists_of_groups_are_set_whole(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    lists:foreach(
        fun(Groups) ->
            ok = alcove:setgroups(Drv, Pids, Groups),
            ?assertEqual({ok, lists:reverse(Groups)}, alcove:getgroups(Drv, Pids))
        end,
        [[], [200], [1, 200, 255], [1, 200, 70000]]
    ).

owner_and_mode_decide_who_reads_a_file(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = file(Drv, Pids, "public", {0, 0}, 8#644),
    ok = file(Drv, Pids, "secret", {0, 0}, 8#600),
    ok = file(Drv, Pids, "given", {?NOBODY, 0}, 8#600),
    be_nobody(Drv, Pids),
    ?assertMatch({ok, _}, open(Drv, Pids, "public")),
    ?assertEqual({error, eacces}, open(Drv, Pids, "secret")),
    ?assertMatch({ok, _}, open(Drv, Pids, "given")),
    ?assertEqual({error, eperm}, alcove:chmod(Drv, Pids, "public", 8#666)),
    ?assertEqual(ok, alcove:chmod(Drv, Pids, "given", 8#000)),
    ?assertEqual({error, eacces}, open(Drv, Pids, "given")).

file(Drv, Pids, Path, {Owner, Group}, Mode) ->
    ok = alcove_os:write_file(Drv, Pids, Path, "text"),
    ok = alcove:chown(Drv, Pids, Path, Owner, Group),
    ok = alcove:chmod(Drv, Pids, Path, Mode).

open(Drv, Pids, Path) ->
    alcove:open(Drv, Pids, Path, [o_rdonly, o_cloexec], 0).

%% A copy of id(1) that belongs to root.
set_user_id_program_gives_rights_unless_they_were_renounced(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Copy = ["cp", os:find_executable("id"), "id"],
    {{exit_status, 0}, <<>>, <<>>} = alcove_os:run(Drv, Pids, Copy),
    ok = alcove:chown(Drv, Pids, "id", 0, 0),
    ok = alcove:chmod(Drv, Pids, "id", 8#4755),
    be_nobody(Drv, Pids),
    Id = fun() -> alcove_os:run(Drv, Pids, ["./id", "-u"]) end,
    ?assertEqual({{exit_status, 0}, <<"0\n">>, <<>>}, Id()),
    {ok, 0, _, _, _, _} = alcove:prctl(Drv, Pids, pr_set_no_new_privs, 1, 0, 0, 0),
    ?assertEqual({{exit_status, 0}, <<"65534\n">>, <<>>}, Id()).

parent_keeps_its_rights(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {ok, Child} = alcove:fork(Drv, Pids),
    be_nobody(Drv, Pids ++ [Child]),
    ?assertEqual({?NOBODY, 0}, {alcove:getuid(Drv, Pids ++ [Child]), alcove:getuid(Drv, Pids)}),
    ?assertEqual(ok, alcove:chroot(Drv, Pids, ".")).

process_of_another_user_is_not_signalled(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    [Root] = alcove_ct:chain(Drv, 1),
    {ok, Child} = alcove:fork(Drv, Pids),
    be_nobody(Drv, Pids),
    be_nobody(Drv, Pids ++ [Child]),
    ?assertEqual({error, eperm}, alcove:kill(Drv, Pids, Root, sigkill)),
    ?assertEqual({error, eperm}, alcove:kill(Drv, Pids, Root, 0)),
    ?assertEqual(ok, alcove:kill(Drv, Pids, Child, sigkill)),
    ?assertEqual({termsig, sigkill}, alcove:event(Drv, Pids ++ [Child], ?LIMIT)),
    ?assertEqual(Root, alcove:getpid(Drv, [Root])).

session_and_group_are_those_of_a_leader(Config) ->
    {Drv, [Pid]} = {?config(drv, Config), ?config(pids, Config)},
    ?assertNotEqual(Pid, alcove:getpgrp(Drv, [Pid])),
    ?assertEqual({ok, Pid}, alcove:setsid(Drv, [Pid])),
    ?assertEqual({ok, Pid}, alcove:getsid(Drv, [Pid], 0)),
    ?assertEqual(Pid, alcove:getpgrp(Drv, [Pid])),
    ?assertEqual({error, eperm}, alcove:setsid(Drv, [Pid])),
    {ok, Child} = alcove:fork(Drv, [Pid]),
    ?assertEqual(Pid, alcove:getpgrp(Drv, [Pid, Child])),
    ok = alcove:setpgid(Drv, [Pid], Child, 0),
    ?assertEqual(Child, alcove:getpgrp(Drv, [Pid, Child])),
    ?assertEqual({ok, Pid}, alcove:getsid(Drv, [Pid, Child], 0)).

signal_reaches_all_processes_of_a_group(Config) ->
    {Drv, [Leader]} = {?config(drv, Config), ?config(pids, Config)},
    ok = alcove:setpgid(Drv, [Leader], 0, 0),
    Programs = [alcove_ct:chain(Drv, [Leader], 1) || _ <- [1, 2]],
    [alcove_os:execute(Drv, Pids, ["sleep", "1000"]) || Pids <- Programs],
    ok = alcove:kill(Drv, [], -Leader, sigterm),
    ?assertMatch({signal, sigterm, _}, alcove:event(Drv, [Leader], ?LIMIT)),
    [?assertEqual({termsig, sigterm}, alcove:event(Drv, Pids, ?LIMIT)) || Pids <- Programs].
