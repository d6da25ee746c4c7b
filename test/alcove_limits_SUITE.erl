%% SPDX-License-Identifier: ISC

%% Resource limits and priorities, of processes and of the programs they become.
-module(alcove_limits_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").

-export([all/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    limits_are_those_of_the_virtual_machine/1,
    limits_of_a_process_are_seen_by_its_programs/1,
    every_limit_is_read_and_written_back/1,
    file_larger_than_the_limit_is_cut_short/1,
    descriptors_are_limited/1,
    processes_of_a_user_are_limited/1,
    memory_of_a_program_is_limited/1,
    program_that_uses_up_its_time_is_ended/1,
    hard_limit_is_not_raised_without_rights/1,
    soft_limit_is_raised_up_to_the_hard_one/1,
    priority_is_seen_by_programs/1,
    priority_is_raised_only_with_rights/1,
    priority_is_that_of_a_group_or_a_user_too/1
]).

-define(LIMIT, 30000).
-define(INFINITY, 16#ffffffffffffffff).

all() ->
    alcove_os:cases(?MODULE).

init_per_testcase(Case, Config) ->
    alcove_os:needs(Config, capabilities(Case), fun() ->
        Drv = alcove_ct:start(),
        Pids = alcove_ct:chain(Drv, 1),
        [{drv, Drv}, {pids, Pids}, {dir, alcove_os:tree(Config, Case)} | Config]
    end).

capabilities(processes_of_a_user_are_limited) -> [cap_setuid];
capabilities(priority_is_seen_by_programs) -> [cap_sys_nice];
capabilities(priority_is_that_of_a_group_or_a_user_too) -> [cap_setuid, cap_sys_nice];
capabilities(_) -> [].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(?config(drv, Config)).

%% What a shell says about its limits.
ulimit(Drv, Pids, Option) ->
    {{exit_status, 0}, Text, <<>>} = alcove_os:run(Drv, Pids, ["sh", "-c", "ulimit " ++ Option]),
    string:trim(Text).

limit(Drv, Pids, Resource, Soft, Hard) ->
    alcove:setrlimit(Drv, Pids, Resource, #alcove_rlimit{cur = Soft, max = Hard}).

%% The program is not one that raises its limit of descriptors for itself.
limits_are_those_of_the_virtual_machine(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    lists:foreach(
        fun(Option) ->
            Expected = string:trim(list_to_binary(os:cmd("ulimit " ++ Option))),
            ?assertEqual(Expected, ulimit(Drv, Pids, Option), Option)
        end,
        ["-Sn", "-Hn", "-Sf", "-Hf", "-Sc", "-Hc", "-St", "-Sv", "-Hs"]
    ).

limits_of_a_process_are_seen_by_its_programs(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = limit(Drv, Pids, rlimit_nofile, 64, 128),
    ok = limit(Drv, Pids, rlimit_fsize, 1024, ?INFINITY),
    ok = limit(Drv, Pids, rlimit_core, 0, 0),
    ?assertEqual(<<"64">>, ulimit(Drv, Pids, "-Sn")),
    ?assertEqual(<<"128">>, ulimit(Drv, Pids, "-Hn")),
    % in blocks of 512 bytes
    ?assertEqual(<<"2">>, ulimit(Drv, Pids, "-Sf")),
    ?assertEqual(<<"unlimited">>, ulimit(Drv, Pids, "-Hf")),
    ?assertEqual(<<"0">>, ulimit(Drv, Pids, "-Hc")).

every_limit_is_read_and_written_back(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    lists:foreach(
        fun(Resource) ->
            {ok, #alcove_rlimit{} = Limit} = alcove:getrlimit(Drv, Pids, Resource),
            ?assertEqual(ok, alcove:setrlimit(Drv, Pids, Resource, Limit), Resource),
            ?assertEqual({ok, Limit}, alcove:getrlimit(Drv, Pids, Resource), Resource)
        end,
        [
            rlimit_as,
            rlimit_core,
            rlimit_cpu,
            rlimit_data,
            rlimit_fsize,
            rlimit_locks,
            rlimit_memlock,
            rlimit_msgqueue,
            rlimit_nice,
            rlimit_nofile,
            rlimit_nproc,
            rlimit_rss,
            rlimit_rtprio,
            rlimit_rttime,
            rlimit_sigpending,
            rlimit_stack
        ]
    ),
    ?assertEqual({error, einval}, alcove:getrlimit(Drv, Pids, rlimit_nlimits)).

%% A program is ended by a signal; a process that handles it goes on with an error.
file_larger_than_the_limit_is_cut_short(Config) ->
    {Drv, Pids, Dir} = {?config(drv, Config), ?config(pids, Config), ?config(dir, Config)},
    ok = limit(Drv, Pids, rlimit_fsize, 10, 10),
    Copy = ["sh", "-c", ["exec tail -c 11 /proc/self/status >", alcove_ct:quoted(Dir), "/program"]],
    ?assertEqual({{termsig, sigxfsz}, <<>>, <<>>}, alcove_os:run(Drv, Pids, Copy)),
    ?assertEqual(10, filelib:file_size([Dir, "/program"])),
    ?assertEqual({ok, 10}, alcove_os:write_file(Drv, Pids, [Dir, "/process"], "long enough")),
    ok = limit(Drv, Pids, rlimit_fsize, 0, 0),
    ?assertEqual({error, efbig}, alcove_os:write_file(Drv, Pids, [Dir, "/empty"], "long enough")),
    ?assertMatch({signal, sigxfsz, _}, alcove:event(Drv, Pids, ?LIMIT)).

%% A child needs some: it is refused before anything else is.
descriptors_are_limited(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = limit(Drv, Pids, rlimit_nofile, 12, 12),
    ?assertEqual(1, alcove:getopt(Drv, Pids, maxchild)),
    ?assertEqual({error, emfile}, open_all(Drv, Pids)),
    ?assertMatch({error, _}, alcove:fork(Drv, Pids)),
    ?assertEqual(hd(Pids), alcove:getpid(Drv, Pids)).

open_all(Drv, Pids) ->
    case alcove:open(Drv, Pids, "/dev/null", [o_rdonly, o_cloexec], 0) of
        {ok, _} -> open_all(Drv, Pids);
        {error, _} = Error -> Error
    end.

%% Root is exempt, and so is who could raise the limit.
processes_of_a_user_are_limited(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = limit(Drv, Pids, rlimit_nproc, 1, 1),
    {ok, _} = alcove:fork(Drv, Pids),
    ok = alcove:setuid(Drv, Pids, stranger()),
    ?assertEqual({error, eagain}, alcove:fork(Drv, Pids)),
    alcove_os:execute(Drv, Pids, ["sh", "-c", "true | true"]),
    {End, <<>>, Errors} = alcove_os:finish(Drv, Pids),
    ?assertEqual({exit_status, 2}, End),
    ?assertMatch({match, _}, re:run(Errors, "fork")).

memory_of_a_program_is_limited(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Copy = fun(Size) ->
        alcove_os:run(Drv, Pids, ["dd", "if=/dev/zero", "of=/dev/null", "count=1", "bs=" ++ Size])
    end,
    ok = limit(Drv, Pids, rlimit_as, 64 bsl 20, 64 bsl 20),
    ?assertMatch({{exit_status, 0}, <<>>, _}, Copy("1M")),
    ?assertMatch({{exit_status, 1}, <<>>, _}, Copy("128M")).

%% A second of the processor, however long that takes.
program_that_uses_up_its_time_is_ended(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = limit(Drv, Pids, rlimit_cpu, 1, 10),
    ?assertEqual(
        {{termsig, sigxcpu}, <<>>, <<>>},
        alcove_os:run(Drv, Pids, ["sh", "-c", "while :; do :; done"])
    ).

hard_limit_is_not_raised_without_rights(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = limit(Drv, Pids, rlimit_core, 100, 100),
    ok = alcove_os:without_rights(Drv, Pids),
    ?assertEqual({error, eperm}, limit(Drv, Pids, rlimit_core, 100, 101)),
    ?assertEqual({error, einval}, limit(Drv, Pids, rlimit_core, 101, 100)),
    ?assertEqual(ok, limit(Drv, Pids, rlimit_core, 0, 50)),
    ?assertEqual(
        {ok, #alcove_rlimit{cur = 0, max = 50}}, alcove:getrlimit(Drv, Pids, rlimit_core)
    ).

soft_limit_is_raised_up_to_the_hard_one(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = limit(Drv, Pids, rlimit_fsize, 0, 4096),
    ok = alcove_os:without_rights(Drv, Pids),
    ?assertEqual(ok, limit(Drv, Pids, rlimit_fsize, 4096, 4096)),
    ?assertEqual(<<"8">>, ulimit(Drv, Pids, "-Sf")).

priority_is_seen_by_programs(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {ok, Before} = alcove:getpriority(Drv, Pids, prio_process, 0),
    ok = alcove:setpriority(Drv, Pids, prio_process, 0, 7),
    ?assertEqual({ok, 7}, alcove:getpriority(Drv, Pids, prio_process, 0)),
    ?assertEqual({{exit_status, 0}, <<"7\n">>, <<>>}, alcove_os:run(Drv, Pids, ["nice"])),
    ?assertEqual({ok, Before}, alcove:getpriority(Drv, [], prio_process, 0)),
    ok = alcove:setpriority(Drv, Pids, prio_process, 0, -5),
    ?assertEqual({ok, -5}, alcove:getpriority(Drv, [], prio_process, hd(Pids))).

priority_is_raised_only_with_rights(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = limit(Drv, Pids, rlimit_nice, 0, 0),
    ok = alcove_os:without_rights(Drv, Pids),
    {ok, Before} = alcove:getpriority(Drv, Pids, prio_process, 0),
    Nice = max(Before, 10),
    ?assertEqual(ok, alcove:setpriority(Drv, Pids, prio_process, 0, Nice)),
    ?assertEqual({error, eacces}, alcove:setpriority(Drv, Pids, prio_process, 0, Nice - 1)),
    ?assertEqual({ok, Nice}, alcove:getpriority(Drv, Pids, prio_process, 0)).

priority_is_that_of_a_group_or_a_user_too(Config) ->
    {Drv, [Leader] = Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = alcove:setpgid(Drv, Pids, 0, 0),
    [Leader, Child] = alcove_ct:chain(Drv, Pids, 1),
    ok = alcove:setpriority(Drv, Pids, prio_pgrp, 0, 3),
    ?assertEqual({ok, 3}, alcove:getpriority(Drv, [], prio_process, Child)),
    Stranger = stranger(),
    ok = alcove:setuid(Drv, [Leader, Child], Stranger),
    ok = alcove:setpriority(Drv, [], prio_user, Stranger, 4),
    ?assertEqual({ok, 4}, alcove:getpriority(Drv, [], prio_process, Child)),
    ?assertEqual({ok, 3}, alcove:getpriority(Drv, [], prio_process, Leader)),
    ?assertEqual({error, esrch}, alcove:setpriority(Drv, [], prio_process, 1 bsl 30, 4)).

%% A user who has no other process, in a run beside this one either.
stranger() -> 20000 + rand:uniform(40000).
