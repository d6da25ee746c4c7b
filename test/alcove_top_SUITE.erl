%% SPDX-License-Identifier: ISC

%% Drivers and the processes below them, as they are shown.
-module(alcove_top_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0]).
-export([
    programs_are_shown_below_their_drivers/1,
    drivers_have_the_names_of_programs_and_pools/1,
    names_of_programs_command_no_terminal/1,
    output_that_waits_is_shown/1,
    call_in_flight_is_shown/1,
    driver_that_does_not_answer_is_shown/1
]).

all() ->
    alcove_os:cases(?MODULE).

driver(Drv) ->
    [Driver] = [Driver || #{driver := D} = Driver <- alcove_top:drivers(), D =:= Drv],
    Driver.

programs_are_shown_below_their_drivers(_Config) ->
    {ok, Program} = alcove_program:start_link(#{argv => ["sleep", "4711"], name => {local, alcove_sleeper}}),
    #{os_pid := Pid} = alcove_program:info(Program),
    % seen by another process
    {_, Ref} = spawn_monitor(fun() -> exit(alcove_top:drivers()) end),
    Drivers = receive {'DOWN', Ref, process, _, Seen} -> Seen end,
    [#{calls := [], processes := Processes, memory := Memory, waiting := 0}] =
        [Driver || #{name := alcove_sleeper, owner := Owner} = Driver <- Drivers, Owner =:= Program],
    ?assert(Memory > 0),
    [
        #{depth := 0, command := Port},
        #{depth := 1},
        #{pid := Pid, depth := 2, command := <<"sleep 4711">>, memory := Resident, cpu_ms := Cpu, descriptors := FDs}
    ] = Processes,
    ?assertNotEqual(nomatch, string:find(Port, "alcove")),
    ?assert(Resident > 0),
    ?assert(Cpu >= 0),
    ?assert(FDs >= 3),
    ok = ct:capture_start(),
    ok = alcove_top:print(),
    ok = ct:capture_stop(),
    Text = lists:append(ct:capture_get()),
    ?assertNotEqual(nomatch, string:find(Text, "of alcove_sleeper:")),
    ?assertNotEqual(nomatch, string:find(Text, "    sleep 4711\n")),
    {ok, _} = alcove_program:stop(Program).

drivers_have_the_names_of_programs_and_pools(_Config) ->
    Sleep = #{argv => ["sleep", "1000"]},
    Names = [{global, alcove_sleeper}, {via, global, alcove_other}],
    Programs = [element(2, alcove_program:start_link(Sleep#{name => Name})) || Name <- Names],
    {ok, Unnamed} = alcove_program:start_link(Sleep),
    {ok, Pool} = alcove_pool:start_link(#{name => {local, alcove_jobs}}),
    {ok, _} = alcove_run:run(["true"], #{pool => Pool}),
    Drivers = alcove_top:drivers(),
    ?assertEqual(
        lists:sort(Names ++ [<<"sleep">>]),
        lists:sort([Name || #{owner := Owner, name := Name} <- Drivers, lists:member(Owner, [Unnamed | Programs])])
    ),
    ?assertMatch([_], [Drv || #{driver := Drv, name := {pool, alcove_jobs}} <- Drivers]),
    ok = alcove_pool:stop(Pool),
    lists:foreach(fun(Program) -> {ok, _} = alcove_program:stop(Program) end, [Unnamed | Programs]).

names_of_programs_command_no_terminal(_Config) ->
    Hostile = ["\e[2Ja", [16#9b], "b\n", 127, "c"],
    Programs = [
        element(2, alcove_program:start_link(#{argv => ["sh", "-c", "sleep 1000; :", Name]}))
     || Name <- [unicode:characters_to_binary(Hostile), iolist_to_binary([Hostile, 255])]
    ],
    ok = ct:capture_start(),
    ok = alcove_top:print(),
    ok = ct:capture_stop(),
    Text = lists:append(ct:capture_get()),
    ?assertEqual([], [C || C <- Text, C =/= $\n, C < $\s orelse C >= 127 andalso C < 160]),
    ?assertNotEqual(nomatch, string:find(Text, "sleep 1000; : ?[2Ja?b??c\n")),
    lists:foreach(fun(Program) -> {ok, _} = alcove_program:stop(Program) end, Programs).

%% In the program, and in the mailbox of the owner of a driver.
output_that_waits_is_shown(_Config) ->
    {ok, Program} = alcove_program:start_link(#{argv => ["yes"], output => passive, window => 10000}),
    Drv = alcove_ct:start(),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:execvp(Drv, [Pid], "echo", ["echo"]),
    Self = self(),
    {_, Ref} = spawn_monitor(fun() ->
        ok = alcove_ct:until(fun() ->
            [Unread] = [N || #{owner := Owner, unread := N} <- alcove_top:drivers(), Owner =:= Program],
            #{owner := Self, mailbox := Mailbox} = driver(Drv),
            Unread =:= 10000 andalso Mailbox >= 2
        end)
    end),
    receive {'DOWN', Ref, process, _, Reason} -> ?assertEqual(normal, Reason) end,
    alcove_ct:stop(Drv),
    {ok, _} = alcove_program:stop(Program).

call_in_flight_is_shown(_Config) ->
    Drv = alcove_ct:start(),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:execvp(Drv, [Pid], "cat", ["cat"]),
    Self = self(),
    {_, Ref} = spawn_monitor(fun() ->
        ok = alcove_ct:until(fun() -> maps:get(calls, driver(Drv)) =/= [] end),
        #{owner := Self, calls := Calls} = driver(Drv),
        ok = ct:capture_start(),
        ok = alcove_top:print(),
        ok = ct:capture_stop(),
        exit({seen, Calls, lists:append(ct:capture_get())})
    end),
    % a program does not answer
    {alcove_error, timeout} = alcove_drv:call(Drv, [Pid], getpid, [], 3000),
    {seen, [{getpid, [Pid], Age}], Text} = receive {'DOWN', Ref, process, _, Reason} -> Reason end,
    ?assert(Age >= 0),
    Line = io_lib:format("    call of \\[~b\\] without a reply for [0-9.]+ s: getpid\n", [Pid]),
    ?assertMatch({match, _}, re:run(Text, Line)),
    alcove_ct:stop(Drv).

driver_that_does_not_answer_is_shown(_Config) ->
    Drv = alcove_ct:start(),
    true = erlang:suspend_process(Drv),
    ?assertMatch(#{owner := unknown, calls := [], processes := [_ | _]}, driver(Drv)),
    true = erlang:resume_process(Drv),
    alcove_ct:stop(Drv).
