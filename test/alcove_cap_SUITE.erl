%% SPDX-License-Identifier: ISC

%% Capabilities of processes and programs.
-module(alcove_cap_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([
    all/0,
    suite/0,
    init_per_testcase/2,
    end_per_testcase/2
]).
-export([
    names_are_those_of_the_kernel/1,
    sets_are_those_that_proc_shows/1,
    capability_is_taken/1,
    program_of_another_user_keeps_one/1,
    failure_is_an_error/1
]).

all() ->
    alcove_os:cases(?MODULE).

suite() ->
    [{timetrap, {minutes, 5}}].

init_per_testcase(_Case, Config) ->
    {ok, Drv} = alcove_drv:start_link(),
    true = alcove_linux:extend(Drv, []),
    {ok, Pid} = alcove:fork(Drv, []),
    [{drv, Drv}, {at, [Pid]} | Config].

end_per_testcase(_Case, Config) ->
    alcove_drv:stop(proplists:get_value(drv, Config)).

process(Config) ->
    {proplists:get_value(drv, Config), proplists:get_value(at, Config)}.

%% All of them, if the process has them: a new user namespace gives them to anybody.
privileged(Config) ->
    {Drv, At} = process(Config),
    case alcove_cap:get(Drv, At) of
        {ok, #{effective := []}} ->
            case alcove:unshare(Drv, At, [clone_newuser]) of
                ok -> {Drv, At};
                {error, Reason} -> throw({skip, {no_user_namespaces, Reason}})
            end;
        {ok, _} ->
            {Drv, At}
    end.

names_are_those_of_the_kernel(Config) ->
    {Drv, At} = process(Config),
    lists:foreach(
        fun({N, Name}) -> ?assertEqual({Name, N}, {Name, alcove:define(Drv, At, Name)}) end,
        lists:zip(lists:seq(0, 40), alcove_cap:names())
    ).

sets_are_those_that_proc_shows(Config) ->
    {Drv, At} = privileged(Config),
    ok = alcove_cap:set(Drv, At, #{inheritable => [cap_kill, cap_chown], ambient => [cap_kill]}),
    {ok, Sets} = alcove_cap:get(Drv, At),
    {ok, Status} = file:read_file("/proc/" ++ integer_to_list(lists:last(At)) ++ "/status"),
    lists:foreach(
        fun({Set, Line}) ->
            {match, [Hex]} =
                re:run(Status, Line ++ ":\\s+([0-9a-f]+)", [{capture, all_but_first, list}]),
            Bits = list_to_integer(Hex, 16),
            Shown = [N || N <- lists:seq(0, 63), Bits band (1 bsl N) =/= 0],
            ?assertEqual(
                {Set, Shown}, {Set, [alcove:define(Drv, At, C) || C <- maps:get(Set, Sets)]}
            )
        end,
        [
            {effective, "CapEff"},
            {permitted, "CapPrm"},
            {inheritable, "CapInh"},
            {bounding, "CapBnd"},
            {ambient, "CapAmb"}
        ]
    ),
    ?assertEqual([cap_chown, cap_kill], maps:get(inheritable, Sets)),
    ?assertEqual([cap_kill], maps:get(ambient, Sets)).

capability_is_taken(Config) ->
    {Drv, At} = privileged(Config),
    ok = alcove:sethostname(Drv, At, host(Drv, At, alcove:unshare(Drv, At, [clone_newuts]))),
    {ok, #{effective := All}} = alcove_cap:get(Drv, At),
    ok = alcove_cap:set(Drv, At, #{effective => All -- [cap_sys_admin]}),
    ?assertEqual({error, eperm}, alcove:sethostname(Drv, At, "other")),
    {ok, #{effective := Left, permitted := Permitted}} = alcove_cap:get(Drv, At),
    ?assertEqual(All -- [cap_sys_admin], Left),
    ?assert(lists:member(cap_sys_admin, Permitted)),
    % it was only put aside
    ok = alcove_cap:set(Drv, At, #{effective => All}),
    ok = alcove:sethostname(Drv, At, "other").

host(Drv, At, ok) ->
    {ok, Name} = alcove:gethostname(Drv, At),
    Name.

program_of_another_user_keeps_one(Config) ->
    {Drv, At} = process(Config),
    case alcove_cap:get(Drv, At) of
        {ok, #{effective := []}} ->
            {skip, "needs the right to become another user"};
        {ok, _} ->
            {ok, _, _, _, _, _} = alcove:prctl(Drv, At, pr_set_keepcaps, 1, 0, 0, 0),
            ok = alcove:setresgid(Drv, At, 54321, 54321, 54321),
            ok = alcove:setresuid(Drv, At, 54321, 54321, 54321),
            ok = alcove_cap:set(Drv, At, #{effective => [cap_setpcap, cap_kill]}),
            ok = alcove_cap:keep(Drv, At, [cap_kill]),
            ok = alcove:execvp(Drv, At, "sh", ["sh", "-c", "grep Cap /proc/self/status"]),
            Text = iolist_to_binary(alcove:stdout(Drv, At, 1000)),
            {match, Found} =
                re:run(Text, "0{14}([0-9a-f]+)", [global, {capture, all_but_first, binary}]),
            ?assertEqual(lists:duplicate(5, [<<"20">>]), Found)
    end.

failure_is_an_error(Config) ->
    {Drv, At} = privileged(Config),
    ok = alcove_cap:set(Drv, At, #{inheritable => [], effective => [], permitted => []}),
    ?assertEqual({error, eperm}, alcove_cap:set(Drv, At, #{permitted => [cap_kill]})),
    ?assertEqual({error, eperm}, alcove_cap:set(Drv, At, #{ambient => [cap_kill]})),
    ?assertEqual({error, eperm}, alcove_cap:keep(Drv, At, [])),
    ?assertError(badarg, alcove_cap:set(Drv, At, #{permitted => [cap_zip]})),
    ?assertError(badarg, alcove_cap:set(Drv, At, #{zip => []})).
