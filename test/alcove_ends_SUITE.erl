%% SPDX-License-Identifier: ISC

%% Escape artists: programs that start others in every way that makes them hard to find. Where the
%% end of all is called certain, nobody lives when it is told. This is looked at from outside, in
%% the /proc of this VM; all of it happens in a pid namespace where one can be had.
%%
%% ALCOVE_ROUNDS is how often everything is done, ALCOVE_CHILDREN how many processes are many.
-module(alcove_ends_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, init_per_suite/1, end_per_suite/1, init_per_testcase/2, end_per_testcase/2]).
-export([
    nobody_lives_below_a_prepared_process/1,
    nobody_lives_when_a_prepared_process_is_stopped/1,
    nobody_lives_when_the_port_is_stopped/1,
    nobody_lives_below_process_one_of_a_pid_namespace/1,
    nobody_lives_when_process_one_is_stopped/1,
    nobody_lives_in_a_group_of_version_2/1,
    nothing_is_called_certain_that_is_not/1,
    those_that_are_found_end_where_it_is_not_certain/1,
    two_programs_below_one_process_are_not_certain/1,
    program_that_kills_what_is_above_it_is_not_certain/1,
    few_calls_end_a_program_among_many/1,
    program_below_process_one_has_its_grace/1,
    process_asleep_in_a_call_is_stopped/1,
    driver_that_is_stopped_takes_what_sleeps_in_calls/1
]).

-define(LIMIT, 30000).
-define(HASTE, [{grace, 50}, {timeout, 20000}]).

all() ->
    alcove_os:cases(?MODULE).

number_of_rounds() ->
    list_to_integer(os:getenv("ALCOVE_ROUNDS", "3")).

many() ->
    os:getenv("ALCOVE_CHILDREN", "300").

init_per_suite(Config) ->
    Artist = filename:join(?config(priv_dir, Config), "artist"),
    Build = [
        "cd ", alcove_ct:quoted(filename:join(alcove_os:project(), "test")),
        " && PATH=$PATH:/usr/local/go/bin CGO_ENABLED=0 go build -o ", alcove_ct:quoted(Artist),
        " ./testdata/artist 2>&1"
    ],
    ?assertEqual("", os:cmd(lists:flatten(Build))),
    [{artist, Artist}, {exec, contained()} | Config].

end_per_suite(_Config) ->
    _ = file:delete(filename:join(folder(), "contained")),
    _ = file:del_dir(folder()),
    ok.

%% Words of the option are split at blanks, which the path of the project may have.
folder() ->
    filename:join("/tmp", "alcove_ends." ++ os:getpid()).

%% What the port is started with: a pid namespace around it, if one can be had.
contained() ->
    [{exec, Exec}] = alcove_ct:options([]),
    Ways = [[Exec, " unshare ", User, "-m -p -f --kill-child --mount-proc"] || User <- ["", "-r "]],
    case [Way || Way <- Ways, os:cmd(lists:append(Way) ++ " echo -n yes 2>/dev/null") =:= "yes"] of
        [Way | _] ->
            % process 1 is a shell, so that the port is none
            Text = [Way, " sh -c '\"$@\"; exit $?' sh \"$@\"\n"],
            ok = filelib:ensure_dir(filename:join(folder(), "contained")),
            [{exec, alcove_ct:script([{priv_dir, folder()}], "contained", Text)}];
        [] ->
            alcove_ct:options([])
    end.

init_per_testcase(Case, Config) ->
    case alcove_os:rooted(Config, capabilities(Case)) of
        {skip, _} = Skip ->
            Skip;
        _ ->
            process_flag(trap_exit, true),
            {ok, Drv} = alcove_drv:start_link(?config(exec, Config)),
            % others may run this suite at the same time
            Token =
                lists:append(
                    [atom_to_list(Case), ".", integer_to_list(rand:uniform(1 bsl 64), 36)]
                ),
            [{drv, Drv}, {token, Token} | Config]
    end.

capabilities(nobody_lives_below_process_one_of_a_pid_namespace) -> [cap_sys_admin];
capabilities(nobody_lives_when_process_one_is_stopped) -> [cap_sys_admin];
capabilities(program_below_process_one_has_its_grace) -> [cap_sys_admin];
capabilities(nobody_lives_in_a_group_of_version_2) -> [cap_sys_admin, cap_dac_override];
capabilities(_) -> [].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(?config(drv, Config)),
    alcove_ct:until(fun() -> performing(Config) =:= [] end).

%% What they do, with how many.
artists() ->
    [
        {"willing", "1"},
        {"deaf", "1"},
        {"group", "1"},
        {"stopped", "1"},
        {"many", many()},
        {"bomb", "300"},
        {"respawn", "20"}
        | escaping()
    ].

%% They leave what has started them.
escaping() ->
    [
        {"daemon", "1"},
        {"orphans", "20"},
        {"hop", "1"},
        {"hops", "4"},
        {"late", "1"},
        {"late-hop", "1"},
        {"late-exit", "1"}
    ].

rounds(Fun) ->
    rounds(artists(), Fun).

rounds(Artists, Fun) ->
    [Fun(Artist) || _ <- lists:seq(1, number_of_rounds()), Artist <- Artists],
    ok.

%% A program in a new child.
perform(Config, At, {Way, N}) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:fork(Drv, At),
    play(Config, At ++ [Pid], {Way, N}).

play(Config, Pids, {Way, N}) ->
    Artist = ?config(artist, Config),
    Argv = [Artist, Way, N, ?config(token, Config)],
    ok = alcove:execvp(?config(drv, Config), Pids, Artist, Argv),
    <<"up\n">> = alcove_ct:output(?config(drv, Config), Pids, 3),
    Pids.

%% Those of this case that live, by their command lines.
performing(Config) ->
    Ending = list_to_binary([0, ?config(token, Config), 0]),
    {ok, Names} = file:list_dir("/proc"),
    [
        list_to_integer(Name)
     || [Digit | _] = Name <- Names,
        Digit >= $0,
        Digit =< $9,
        {ok, Line} <- [file:read_file(["/proc/", Name, "/cmdline"])],
        binary:longest_common_suffix([Line, Ending]) =:= byte_size(Ending)
    ].

certain(Config, Artist, Result) ->
    ?assertMatch({Artist, {ok, _}, []}, {Artist, Result, performing(Config)}).

%%
%% Certain
%%

nobody_lives_below_a_prepared_process(Config) ->
    Drv = ?config(drv, Config),
    {ok, Keeper} = alcove_stop:prepare(Drv, []),
    rounds(fun(Artist) ->
        Pids = perform(Config, [Keeper], Artist),
        certain(Config, Artist, alcove_stop:stop(Drv, Pids, ?HASTE)),
        ?assert(alcove_stop:is_empty(Drv, [Keeper]))
    end).

nobody_lives_when_a_prepared_process_is_stopped(Config) ->
    Drv = ?config(drv, Config),
    rounds(fun(Artist) ->
        {ok, Keeper} = alcove_stop:prepare(Drv, []),
        _ = perform(Config, [Keeper], Artist),
        _ = perform(Config, [Keeper], {"daemon", "1"}),
        certain(Config, Artist, alcove_stop:stop(Drv, [Keeper], ?HASTE))
    end).

nobody_lives_when_the_port_is_stopped(Config) ->
    rounds(fun(Artist) ->
        {ok, Drv} = alcove_drv:start_link(?config(exec, Config)),
        ok = alcove_stop:subreaper(Drv, []),
        _ = perform([{drv, Drv} | Config], [], Artist),
        certain(Config, Artist, alcove_stop:stop(Drv, [], ?HASTE))
    end).

nobody_lives_below_process_one_of_a_pid_namespace(Config) ->
    Drv = ?config(drv, Config),
    {ok, First} = alcove:clone(Drv, [], [clone_newpid]),
    rounds(fun(Artist) ->
        Pids = perform(Config, [First], Artist),
        certain(Config, Artist, alcove_stop:stop(Drv, Pids, ?HASTE))
    end).

%% It runs the port, or is the artist itself.
nobody_lives_when_process_one_is_stopped(Config) ->
    Drv = ?config(drv, Config),
    rounds(fun(Artist) ->
        {ok, First} = alcove:clone(Drv, [], [clone_newpid]),
        _ = perform(Config, [First], Artist),
        certain(Config, Artist, alcove_stop:stop(Drv, [First], ?HASTE)),
        {ok, Second} = alcove:clone(Drv, [], [clone_newpid]),
        _ = play(Config, [Second], Artist),
        certain(Config, Artist, alcove_stop:stop(Drv, [Second], ?HASTE))
    end).

%% In mounts of its own, where there is nothing but version 2.
nobody_lives_in_a_group_of_version_2(Config) ->
    Drv = ?config(drv, Config),
    Dir = alcove_os:tree(Config, "cgroup2"),
    {ok, In} = alcove:clone(Drv, [], [clone_newns]),
    ok = alcove:mount(Drv, [In], "none", "/", [], [ms_rec, ms_private], [], []),
    {ok, Mounts} = alcove_cgroup:mounts(Drv, [In]),
    _ = [
        alcove:umount2(Drv, [In], Target, [mnt_detach])
     || {_, Target, <<"cgroup", _/binary>>, _, _, _} <- lists:reverse(Mounts)
    ],
    ok = alcove:mount(Drv, [In], "none", Dir, "cgroup2", [], [], []),
    Group = [alcove_cgroup:name(), "ends"],
    ok = alcove_cgroup2:create(Drv, [In], Group, []),
    rounds(fun(Artist) ->
        {ok, Pid} = alcove:fork(Drv, [In]),
        ok = alcove_cgroup2:enter(Drv, [In], Group, Pid),
        Pids = play(Config, [In, Pid], Artist),
        Options = [{cgroup, Group} | ?HASTE],
        certain(Config, Artist, alcove_stop:stop(Drv, Pids, Options))
    end),
    ok = alcove_cgroup2:destroy(Drv, [In], [hd(Group)]).

%%
%% Not certain
%%

nothing_is_called_certain_that_is_not(Config) ->
    Drv = ?config(drv, Config),
    rounds(fun(Artist) ->
        {ok, Plain} = alcove:fork(Drv, []),
        Pids = perform(Config, [Plain], Artist),
        ?assertMatch({unconfirmed, _}, alcove_stop:stop(Drv, Pids, ?HASTE)),
        {ok, Last} = alcove:fork(Drv, [Plain]),
        ?assertMatch({unconfirmed, _}, alcove_stop:stop(Drv, [Plain], ?HASTE)),
        ?assertEqual({error, esrch}, alcove:kill(Drv, [], Last, 0))
    end).

%% Those that stay, and those that leave only once they are asked.
those_that_are_found_end_where_it_is_not_certain(Config) ->
    Drv = ?config(drv, Config),
    Found = (artists() -- escaping()) ++ [{"late", "1"}, {"late-hop", "1"}, {"late-exit", "1"}],
    rounds(Found, fun(Artist) ->
        {ok, Plain} = alcove:fork(Drv, []),
        Pids = perform(Config, [Plain], Artist),
        ?assertMatch({unconfirmed, _}, alcove_stop:stop(Drv, Pids, ?HASTE)),
        ?assertEqual({Artist, []}, {Artist, performing(Config)}),
        ?assertMatch({unconfirmed, _}, alcove_stop:stop(Drv, [Plain], ?HASTE))
    end).

%% The other one lives on.
two_programs_below_one_process_are_not_certain(Config) ->
    Drv = ?config(drv, Config),
    {ok, Keeper} = alcove_stop:prepare(Drv, []),
    Other = perform(Config, [Keeper], {"deaf", "1"}),
    Two = length(performing(Config)),
    Artists = [{"willing", "1"}, {"deaf", "1"}, {"group", "1"}, {"stopped", "1"}, {"many", "20"}],
    rounds(Artists, fun(Artist) ->
        Pids = perform(Config, [Keeper], Artist),
        ?assertMatch({unconfirmed, _}, alcove_stop:stop(Drv, Pids, ?HASTE)),
        ?assertEqual({Artist, Two}, {Artist, length(performing(Config))})
    end),
    certain(Config, other, alcove_stop:stop(Drv, Other, ?HASTE)).

%% Before it is stopped, or when it is asked to end.
program_that_kills_what_is_above_it_is_not_certain(Config) ->
    Drv = ?config(drv, Config),
    Script = "trap 'kill -9 $PPID; sleep 1000' TERM; echo up; while :; do sleep 0.01; done",
    [
        begin
            {ok, Keeper} = alcove_stop:prepare(Drv, []),
            {ok, Pid} = alcove:fork(Drv, [Keeper]),
            alcove_os:execute(Drv, [Keeper, Pid], ["sh", "-c", Script]),
            <<"up\n">> = alcove_ct:output(Drv, [Keeper, Pid], 3),
            ?assertMatch({unconfirmed, _}, alcove_stop:stop(Drv, Stop([Keeper, Pid]), ?HASTE))
        end
     || Stop <- [fun(Pids) -> Pids end, fun lists:droplast/1]
    ].

%%
%% Cost, grace, and those who sleep
%%

%% The cost does not depend on others: these are 3000 processes of another driver.
few_calls_end_a_program_among_many(Config) ->
    Drv = ?config(drv, Config),
    {ok, Others} = alcove_drv:start_link(?config(exec, Config)),
    ok = alcove_stop:subreaper(Others, []),
    _ = perform([{drv, Others} | Config], [], {"many", "3000"}),
    {ok, Keeper} = alcove_stop:prepare(Drv, []),
    {ok, Plain} = alcove:fork(Drv, []),
    Counts = [
        begin
            Pids = perform(Config, At, {"willing", "1"}),
            {{Certainty, {termsig, sigterm}}, Calls} =
                alcove_ct:calls(fun() -> alcove_stop:stop(Drv, Pids) end),
            {Certainty, Calls}
        end
     || {Certainty, At} <- [{ok, [Keeper]}, {unconfirmed, [Plain]}]
    ],
    ct:pal("calls: ~p", [Counts]),
    [?assert(Calls =< 20, Counts) || {_, Calls} <- Counts],
    ?assertMatch({ok, _}, alcove_stop:stop(Others, [], ?HASTE)).

program_below_process_one_has_its_grace(Config) ->
    Drv = ?config(drv, Config),
    Script = "trap 'sleep 0.3; echo saved; exit 0' TERM; echo up; while :; do sleep 0.01; done",
    [
        begin
            {ok, First} = alcove:clone(Drv, [], [clone_newpid]),
            {ok, Pid} = alcove:fork(Drv, [First]),
            Pids = [First, Pid],
            alcove_os:execute(Drv, Pids, ["sh", "-c", Script]),
            <<"up\n">> = alcove_ct:output(Drv, Pids, 3),
            ?assertMatch({ok, _}, alcove_stop:stop(Drv, Stop(Pids), [{grace, ?LIMIT}])),
            ?assertEqual(<<"saved\n">>, alcove_ct:output(Drv, Pids, 6))
        end
     || Stop <- [fun(Pids) -> Pids end, fun lists:droplast/1]
    ].

%% It cannot be asked; what is below it ends with it.
process_asleep_in_a_call_is_stopped(Config) ->
    Drv = ?config(drv, Config),
    {ok, Keeper} = alcove_stop:prepare(Drv, []),
    {ok, Asleep} = alcove:fork(Drv, [Keeper]),
    _ = perform(Config, [Keeper, Asleep], {"deaf", "1"}),
    sleep_in_call(Config, Drv, [Keeper, Asleep], open),
    certain(Config, asleep, alcove_stop:stop(Drv, [Keeper, Asleep], ?HASTE)),
    ?assert(alcove_stop:is_empty(Drv, [Keeper])).

driver_that_is_stopped_takes_what_sleeps_in_calls(Config) ->
    [
        begin
            {ok, Drv} = alcove_drv:start_link(?config(exec, Config)),
            {ok, Child} = alcove:fork(Drv, []),
            {ok, Below} = alcove:fork(Drv, [Child]),
            _ = play([{drv, Drv} | Config], [Child, Below], {"willing", "1"}),
            [sleep_in_call(Config, Drv, Pids, Call) || Pids <- Where([Child])],
            alcove_ct:stop(Drv),
            alcove_ct:until(fun() -> performing(Config) =:= [] end)
        end
     || Call <- [open, read, write, select, waitpid],
        Where <- [fun(C) -> [C] end, fun(_) -> [[]] end, fun(C) -> [C, []] end]
    ].

sleep_in_call(Config, Drv, Pids, Call) ->
    Name = "fifo" ++ integer_to_list(erlang:unique_integer([positive])),
    alcove_os:sleep_in_call(Drv, Pids, Call, filename:join(?config(priv_dir, Config), Name)).
