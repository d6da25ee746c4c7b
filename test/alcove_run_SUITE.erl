%% SPDX-License-Identifier: ISC

%% Running a program in one call: what it gives, what it leaves, and faults meanwhile.
-module(alcove_run_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, init_per_testcase/2, end_per_testcase/2]).
-export([init/1]).
-export([
    program_gives_its_status_and_its_outputs/1,
    killed_program_gives_its_signal/1,
    application_need_not_be_started/1,
    use_of_resources_is_told/1,
    input_of_any_size_comes_through/1,
    input_may_be_a_file/1,
    program_that_does_not_want_its_input_gives_its_status/1,
    errors_are_merged_with_the_output_or_discarded/1,
    more_output_than_the_limit_is_cut/1,
    program_is_ended_when_its_time_is_over/1,
    time_is_over_before_the_program_is_executed/1,
    time_is_over_while_output_does_not_pause/1,
    stubborn_program_is_killed_with_all_that_it_has_started/1,
    what_a_program_leaves_is_ended/1,
    environment_is_that_of_the_vm_and_more/1,
    directory_is_that_of_the_vm/1,
    directory_is_that_of_a_vm_that_cannot_be_followed/1,
    large_environment_is_passed/1,
    directory_mask_and_limits_are_set/1,
    user_is_found_by_name_and_number/1,
    program_opens_its_streams_again/1,
    calls_of_a_sandbox_are_made_before/1,
    text_is_encoded_as_names_of_files_are/1,
    failed_step_is_named/1,
    wrong_options_raise_their_name/1,
    driver_of_the_caller_keeps_its_other_messages/1,
    driver_of_another_process_is_an_error/1,
    callers_wait_while_a_pool_is_busy/1,
    pool_takes_its_programs_with_it/1,
    pool_without_a_port_program_gives_errors/1,
    program_ends_with_its_caller/1,
    keeper_that_is_killed_takes_the_program_with_it/1,
    port_that_is_killed_takes_the_program_with_it/1,
    port_that_is_stopped_is_killed_with_the_program/1,
    killed_pool_takes_its_programs_with_it/1,
    killed_slot_is_an_error/1,
    process_that_was_forked_ahead_may_be_killed/1,
    keeper_and_port_killed_together_leave_the_program/1,
    caller_and_port_killed_together_leave_nothing/1,
    caller_and_keeper_killed_together_leave_nothing/1,
    supervisor_and_port_killed_together_leave_nothing/1,
    telemetry_is_told_if_it_is_loaded/1,
    reports_of_a_pool_show_no_environment/1,
    reports_of_a_crash_show_no_request/1,
    many_runs_leave_nothing/1
]).

-define(LIMIT, 30000).

all() ->
    alcove_os:cases(?MODULE) -- [init].

init_per_testcase(user_is_found_by_name_and_number, Config) ->
    {ok, #{stdout := Id}} = alcove_run:run(["id", "-u"]),
    case Id of
        <<"0\n">> -> Config;
        _ -> {skip, "the VM has no cap_setuid"}
    end;
init_per_testcase(_Case, Config) ->
    Config.

end_per_testcase(_Case, _Config) ->
    ok = alcove_pool:stop(default).

sh(Script) -> sh(Script, #{}).

sh(Script, Options) -> alcove_run:run(["sh", "-c", Script], Options).

%% The pid that a program writes to a file, when that is there as a whole.
pid_in(File) ->
    ok = alcove_ct:until(fun() -> filelib:is_regular(File) end),
    {ok, Text} = file:read_file(File),
    binary_to_integer(string:trim(Text)).

%% A script that tells its pid in this way and goes on until it is killed.
endless(File) ->
    Quoted = alcove_ct:quoted(File),
    ["echo $$ > ", Quoted, ".new; mv ", Quoted, ".new ", Quoted, "; while :; do sleep 0.1; done"].

file(Config, Case) ->
    filename:join(?config(priv_dir, Config), atom_to_list(Case) ++ ".pid").

until_gone(Pid) ->
    alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end).

program_gives_its_status_and_its_outputs(_Config) ->
    ?assertMatch(
        {ok, #{status := {exit, 3}, stdout := <<"out\n">>, stderr := <<"err\n">>, truncated := []}},
        sh("echo out; echo err >&2; exit 3")
    ).

application_need_not_be_started(_Config) ->
    ?assertNot(lists:keymember(alcove, 1, application:which_applications())),
    ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"])),
    {ok, Program} = alcove_program:start_link(#{argv => ["cat"]}),
    ?assertEqual({ok, {signal, sigterm}}, alcove_program:stop(Program)).

killed_program_gives_its_signal(_Config) ->
    ?assertMatch({ok, #{status := {signal, sigkill}, stdout := <<"on\n">>}}, sh("echo on; kill -9 $$")).

use_of_resources_is_told(_Config) ->
    {ok, #{usage := Usage}} = sh("i=0; while [ $i -lt 10000 ]; do i=$((i + 1)); done"),
    #{wall_us := Wall, cpu_us := Cpu, max_memory := Memory} = Usage,
    ?assert(Wall > 0),
    ?assert(Cpu > 0),
    ?assert(Memory > 100000).

input_of_any_size_comes_through(_Config) ->
    Input = [<<N:32>> || N <- lists:seq(1, 500000)],
    {ok, #{status := Status, stdout := Output}} = alcove_run:run(["cat"], #{stdin => Input}),
    ?assertEqual({exit, 0}, Status),
    ?assert(Output =:= iolist_to_binary(Input)).

input_may_be_a_file(Config) ->
    File = filename:join(?config(priv_dir, Config), "input"),
    ok = file:write_file(File, "from a file"),
    ?assertMatch({ok, #{stdout := <<"from a file">>}}, alcove_run:run(["cat"], #{stdin => {file, File}})),
    ?assertEqual({error, {stdin, enoent}}, alcove_run:run(["cat"], #{stdin => {file, File ++ ".none"}})).

program_that_does_not_want_its_input_gives_its_status(_Config) ->
    Input = #{stdin => binary:copy(<<"x">>, 1000000)},
    [
        ?assertMatch({Script, {ok, #{status := {exit, 4}}}}, {Script, sh(Script, Input)})
     || Script <- ["exit 4", "exec <&-; sleep 0.1; exit 4", "sleep 0.1; exit 4", "head -c 10; exit 4"]
    ].

errors_are_merged_with_the_output_or_discarded(_Config) ->
    Script = "echo one; echo two >&2; echo three",
    ?assertMatch(
        {ok, #{stdout := <<"one\ntwo\nthree\n">>, stderr := <<>>}},
        sh(Script, #{stderr => merge})
    ),
    ?assertMatch({ok, #{stdout := <<"one\nthree\n">>, stderr := <<>>}}, sh(Script, #{stderr => discard})).

more_output_than_the_limit_is_cut(_Config) ->
    ?assertMatch(
        {ok, #{status := {exit, 0}, stdout := <<"12345">>, truncated := []}},
        sh("printf 12345", #{output_limit => 5})
    ),
    ?assertMatch(
        {ok, #{status := output_limit, stdout := <<"1234">>, truncated := [stdout]}},
        sh("printf 12345; sleep 1000", #{output_limit => 4})
    ),
    {ok, #{status := output_limit, stdout := Output, truncated := [stdout]}} =
        alcove_run:run(["yes"], #{output_limit => 3000000}),
    ?assertEqual(3000000, byte_size(Output)).

program_is_ended_when_its_time_is_over(_Config) ->
    ?assertMatch(
        {ok, #{status := timeout, stdout := <<"on\nlast words\n">>}},
        sh("trap 'echo last words; exit 0' TERM; echo on; while :; do sleep 0.1; done", #{timeout => 1000})
    ).

%% A fifo whose other end nobody opens.
time_is_over_before_the_program_is_executed(Config) ->
    Fifo = filename:join(alcove_os:tree(Config, ?FUNCTION_NAME), "fifo"),
    {ok, #{status := {exit, 0}}} = alcove_run:run(["mkfifo", Fifo]),
    ?assertMatch(
        {ok, #{status := timeout, stdout := <<>>, truncated := [], usage := #{wall_us := _}}},
        alcove_run:run(["cat"], #{stdin => {file, Fifo}, timeout => 100})
    ),
    ?assertMatch({ok, #{status := timeout}}, alcove_run:run(["true"], #{timeout => 0})),
    ?assertMatch(#{busy := 0}, alcove_pool:info(alcove_pool)),
    ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"])).

time_is_over_while_output_does_not_pause(_Config) ->
    {ok, #{status := timeout, stdout := Output}} =
        alcove_run:run(["yes"], #{timeout => 200, output_limit => infinity, grace => 100}),
    ?assertMatch(<<"y\ny\n", _/binary>>, Output).

stubborn_program_is_killed_with_all_that_it_has_started(_Config) ->
    Script = "trap '' TERM; (setsid sleep 1000 & echo $!); (sleep 1000 & echo $!); while :; do sleep 0.1; done",
    {ok, #{status := timeout, stdout := Output}} = sh(Script, #{timeout => 1000, grace => 100}),
    Pids = [binary_to_integer(Line) || Line <- binary:split(Output, <<"\n">>, [global, trim_all])],
    ?assertEqual(2, length(Pids)),
    ?assertEqual([], [Pid || Pid <- Pids, alcove_ct:is_running(Pid)]).

what_a_program_leaves_is_ended(_Config) ->
    {ok, #{status := {exit, 0}, stdout := Output}} =
        sh("(trap '' TERM; exec setsid sleep 1000) & echo $!", #{grace => 100}),
    ?assertNot(alcove_ct:is_running(binary_to_integer(string:trim(Output)))).

environment_is_that_of_the_vm_and_more(_Config) ->
    Show = fun(Options) ->
        {ok, #{stdout := Output}} = sh("echo ${ALCOVE_A-none} ${ALCOVE_B-none}", Options),
        Output
    end,
    ?assertEqual(<<"none none\n">>, Show(#{})),
    true = os:putenv("ALCOVE_A", "vm"),
    ?assertEqual(<<"vm b\n">>, Show(#{env => [{"ALCOVE_B", "b"}]})),
    ?assertEqual(<<"none none\n">>, Show(#{env => [{"ALCOVE_A", false}]})),
    ?assertEqual(<<"none b\n">>, Show(#{env => [{"ALCOVE_B", "b"}, {"PATH", os:getenv("PATH")}], clear_env => true})),
    true = os:unsetenv("ALCOVE_A"),
    ?assertEqual(<<"none none\n">>, Show(#{})).

directory_is_that_of_the_vm(Config) ->
    {ok, Before} = file:get_cwd(),
    try
        ok = directories_are_followed(Config, #{})
    after
        ok = file:set_cwd(Before)
    end.

%% Who is in a user namespace of his own may not look at a process that is not.
directory_is_that_of_a_vm_that_cannot_be_followed(Config) ->
    case alcove_run:run(["unshare", "--user", "true"]) of
        {ok, #{status := {exit, 0}}} ->
            {ok, Pool} = alcove_pool:start_link(#{exec => "unshare --user"}),
            {ok, Before} = file:get_cwd(),
            try
                ?assertMatch({ok, #{stdout := <<>>}}, sh(["cd /proc/", os:getpid(), "/cwd && pwd"], #{pool => Pool})),
                ok = directories_are_followed(Config, #{pool => Pool})
            after
                ok = file:set_cwd(Before)
            end,
            ok = alcove_pool:stop(Pool);
        _ ->
            {skip, "a process cannot have a user namespace"}
    end.

%% Also where the name tells nothing of the one before.
directories_are_followed(Config, Options) ->
    Tree = alcove_os:tree(Config, ?FUNCTION_NAME),
    [
        begin
            Dir = filename:join(Tree, Name),
            ok = filelib:ensure_dir(filename:join(Dir, "file")),
            ok = file:set_cwd(Dir),
            {ok, #{stdout := Seen}} = alcove_run:run(["pwd", "-P"], Options),
            ?assertEqual(list_to_binary([Name, "\n"]), filename:basename(Seen))
        end
     || Name <- ["one", "two"]
    ],
    ok = file:rename(filename:join(Tree, "two"), filename:join(Tree, "three")),
    {ok, #{stdout := Renamed}} = alcove_run:run(["pwd", "-P"], Options),
    ?assertEqual(<<"three\n">>, filename:basename(Renamed)),
    {ok, #{stdout := <<"/\n">>}} = alcove_run:run(["pwd", "-P"], Options#{cd => "/"}),
    ok.

large_environment_is_passed(_Config) ->
    Env = [{"V" ++ integer_to_list(N), binary:copy(<<"x">>, 1000)} || N <- lists:seq(1, 300)],
    {ok, #{stdout := Output}} = sh("echo ${#V1} ${#V300}", #{env => Env}),
    ?assertEqual(<<"1000 1000\n">>, Output).

directory_mask_and_limits_are_set(Config) ->
    Dir = list_to_binary(?config(priv_dir, Config)),
    {ok, #{stdout := Output}} =
        sh("pwd; umask; ulimit -n; ulimit -Hn", #{cd => Dir, umask => 8#27, limits => #{nofile => {32, 64}}}),
    [Path, Rest] = binary:split(Output, <<"\n">>),
    ?assertEqual({filename:basename(Dir), <<"0027\n32\n64\n">>}, {filename:basename(Path), Rest}).

user_is_found_by_name_and_number(_Config) ->
    {ok, #{stdout := Nobody}} = alcove_run:run(["id", "nobody"]),
    [
        ?assertEqual({User, Nobody}, {User, Id})
     || User <- ["nobody", 65534], {ok, #{stdout := Id}} <- [alcove_run:run(["id"], #{user => User})]
    ],
    {ok, #{stdout := Numbers}} = sh("id -u; id -g; id -G", #{user => {1234, 1235, [1236]}}),
    ?assertEqual(<<"1234\n1235\n1235 1236\n">>, Numbers),
    ?assertEqual({error, {user, enoent}}, alcove_run:run(["id"], #{user => "no such user"})).

%% By their names in /dev, also as another user than that of the VM.
program_opens_its_streams_again(_Config) ->
    Users =
        case sh("id -u") of
            {ok, #{stdout := <<"0\n">>}} -> [#{user => "nobody"}, #{user => {1234, 1235, []}}];
            _ -> []
        end,
    Script = "cat /dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr",
    Expected = {{exit, 0}, <<"in\nout\n">>, <<"err\n">>},
    [
        begin
            {ok, #{status := Status, stdout := Out, stderr := Err}} = sh(Script, Options#{stdin => "in\n"}),
            ?assertEqual({Options, Expected}, {Options, {Status, Out, Err}})
        end
     || Options <- [#{} | Users]
    ].

calls_of_a_sandbox_are_made_before(_Config) ->
    ?assertMatch(
        {ok, #{stdout := <<"/usr\n">>}},
        sh("pwd", #{sandbox => [{chdir, ["/"]}, {chdir, ["usr"]}]})
    ),
    ?assertEqual({error, {sandbox, enoent}}, sh("pwd", #{sandbox => [{chdir, ["/no such folder"]}]})).

text_is_encoded_as_names_of_files_are(_Config) ->
    Text = [16#20ac, $e],
    Bytes = unicode:characters_to_binary(Text, unicode, file:native_name_encoding()),
    case is_binary(Bytes) of
        true -> ?assertMatch({ok, #{stdout := Bytes}}, alcove_run:run(["printf", "%s", Text]));
        % the VM takes names for latin1
        false -> ?assertEqual({badarg, argv}, alcove_ct:raised(fun() -> alcove_run:run(["printf", Text]) end))
    end,
    ?assertMatch({ok, #{stdout := <<255, 1>>}}, alcove_run:run(["printf", "%s", <<255, 1>>])),
    % those that module file takes
    Empty = #{stdin => {file, ['/dev', $/, ["null"]]}},
    [
        ?assertMatch({ok, #{stdout := <<"/usr\n">>}}, alcove_run:run(["pwd"], Empty#{cd => Dir}))
     || Dir <- ['/usr', ["/", usr]]
    ].

failed_step_is_named(_Config) ->
    Long = binary:copy(<<"x">>, 70000),
    [
        ?assertEqual({Argv, {error, Error}}, {Argv, alcove_run:run(Argv, Options)})
     || {Error, Argv, Options} <- [
            {{exec, enoent}, ["no-such-program"], #{}},
            {{exec, eacces}, ["/etc/passwd"], #{}},
            {{exec, enoent}, ["true"], #{env => [{"PATH", "/no such folder"}]}},
            {{exec, e2big}, ["echo", Long], #{}},
            {{cd, enoent}, ["true"], #{cd => "/no such folder"}},
            {{limits, einval}, ["true"], #{limits => #{nofile => {2, 1}}}}
        ]
    ],
    % and the driver serves for the next one
    ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"])).

wrong_options_raise_their_name(_Config) ->
    [
        ?assertEqual({badarg, Key}, alcove_ct:raised(fun() -> alcove_run:run(Argv, Options) end))
     || {Key, Argv, Options} <- [
            {argv, [], #{}},
            {argv, [<<"a", 0>>], #{}},
            {argv, "true", #{}},
            {options, ["true"], [{timeout, 1}]},
            {timeuot, ["true"], #{timeuot => 1}},
            {timeout, ["true"], #{timeout => -1}},
            {stdin, ["true"], #{stdin => [256]}},
            {stderr, ["true"], #{stderr => stdout}},
            {output_limit, ["true"], #{output_limit => lots}},
            {grace, ["true"], #{grace => infinity}},
            {env, ["true"], #{env => [{"A=B", "C"}]}},
            {env, ["true"], #{env => ["A=B"]}},
            {env, ["true"], #{env => [{"A", "B" ++ [0]}]}},
            {cd, ["true"], #{cd => ""}},
            {user, ["true"], #{user => -1}},
            {umask, ["true"], #{umask => 8#1000}},
            {user, ["true"], #{user => 16#ffffffff}},
            {limits, ["true"], #{limits => #{nofiles => 1}}},
            {limits, ["true"], #{limits => #{nofile => 1 bsl 64}}},
            {sandbox, ["true"], #{sandbox => [{no_such_call, []}]}},
            {driver, ["true"], #{driver => name}},
            {metadata, ["true"], #{metadata => []}},
            {pool, ["true"], #{pool => {some, "where"}}},
            {pool, ["true"], #{pool => {}}},
            {pool, ["true"], #{driver => self(), pool => name}}
        ]
    ],
    ?assertEqual(undefined, whereis(alcove_pool)).

driver_of_the_caller_keeps_its_other_messages(_Config) ->
    {ok, Drv} = alcove_drv:start(),
    {ok, Other} = alcove:fork(Drv, []),
    ok = alcove:execvp(Drv, [Other], "sh", ["sh", "-c", "echo one; echo two >&2"]),
    {exit_status, 0} = alcove:event(Drv, [Other], ?LIMIT),
    self() ! first,
    Options = #{driver => Drv, stdin => binary:copy(<<"x">>, 200000)},
    {ok, #{status := {exit, 0}, stdout := <<"200000\n">>}} = alcove_run:run(["wc", "-c"], Options),
    self() ! last,
    ?assertEqual({error, {exec, enoent}}, alcove_run:run(["no-such-program"], Options)),
    {messages, Messages} = process_info(self(), messages),
    ?assertMatch(
        [{_, Drv, [Other], _}, {_, Drv, [Other], _}, first, last],
        Messages
    ),
    ?assertEqual([], [Pid || {alcove_pid, Pid, _, _, _, _, _, _} <- alcove:cpid(Drv, [])]),
    ok = alcove_drv:stop(Drv).

driver_of_another_process_is_an_error(_Config) ->
    {ok, Drv} = alcove_drv:start(whereis(init), []),
    ?assertEqual({error, {driver, not_owner}}, alcove_run:run(["true"], #{driver => Drv})),
    ok = alcove_drv:stop(Drv),
    ?assertEqual({error, {driver, noproc}}, alcove_run:run(["true"], #{driver => Drv})).

callers_wait_while_a_pool_is_busy(Config) ->
    Dir = ?config(priv_dir, Config),
    Go = filename:join(Dir, "go"),
    {ok, Pool} = alcove_pool:start_link(#{size => 2}),
    Script = ["until [ -e ", alcove_ct:quoted(Go), " ]; do sleep 0.05; done"],
    Runs = [spawn_monitor(fun() -> exit(sh(Script, #{pool => Pool})) end) || _ <- lists:seq(1, 5)],
    ok = alcove_ct:until(fun() -> alcove_pool:info(Pool) =:= #{size => 2, busy => 2, idle => 0, waiting => 3} end),
    % who gives up is not served
    [{Last, Monitor} | Others] = lists:reverse(Runs),
    exit(Last, kill),
    receive {'DOWN', Monitor, process, Last, killed} -> ok end,
    ok = alcove_ct:until(fun() -> maps:get(waiting, alcove_pool:info(Pool)) =< 2 end),
    ok = file:write_file(Go, ""),
    [
        receive
            {'DOWN', Ref, process, Pid, Result} -> ?assertMatch({ok, #{status := {exit, 0}}}, Result)
        end
     || {Pid, Ref} <- Others
    ],
    ok = alcove_ct:until(fun() -> maps:get(busy, alcove_pool:info(Pool)) =:= 0 end),
    ok = alcove_pool:stop(Pool).

%% As its supervisor does.
pool_takes_its_programs_with_it(Config) ->
    File = file(Config, ?FUNCTION_NAME),
    #{start := {Module, Function, Args}} = alcove_pool:child_spec(#{name => {local, alcove_test_pool}, size => 1}),
    {ok, Pool} = apply(Module, Function, Args),
    {Caller, Ref} = spawn_monitor(fun() -> exit(sh(endless(File), #{pool => alcove_test_pool})) end),
    Pid = pid_in(File),
    true = unlink(Pool),
    Down = monitor(process, Pool),
    gen_server:stop(Pool, shutdown, ?LIMIT),
    receive {'DOWN', Down, process, Pool, _} -> ok end,
    ?assertNot(alcove_ct:is_running(Pid)),
    receive
        {'DOWN', Ref, process, Caller, Result} -> ?assertEqual({error, {pool, shutdown}}, Result)
    end.

pool_without_a_port_program_gives_errors(_Config) ->
    {ok, Pool} = alcove_pool:start_link(#{exec => "no-such-program"}),
    ?assertMatch({error, {driver, _}}, alcove_run:run(["true"], #{pool => Pool})),
    ok = alcove_pool:stop(Pool),
    ?assertEqual({error, {pool, noproc}}, alcove_run:run(["true"], #{pool => Pool})).

program_ends_with_its_caller(Config) ->
    File = file(Config, ?FUNCTION_NAME),
    Caller = spawn(fun() -> sh(endless(File)) end),
    Pid = pid_in(File),
    exit(Caller, kill),
    ok = until_gone(Pid),
    ok = alcove_ct:until(fun() -> maps:get(busy, alcove_pool:info(alcove_pool)) =:= 0 end).

keeper_that_is_killed_takes_the_program_with_it(Config) ->
    File = file(Config, ?FUNCTION_NAME),
    ?assertMatch({error, {keeper, _}}, sh(["(sleep 0.3; kill -9 $PPID) & " | endless(File)])),
    ?assertNot(alcove_ct:is_running(pid_in(File))),
    ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"])).

port_that_is_killed_takes_the_program_with_it(Config) ->
    File = file(Config, ?FUNCTION_NAME),
    Kill = "port=$(cut -d' ' -f4 /proc/$PPID/stat); (sleep 0.3; kill -9 $port) & ",
    ?assertMatch({error, {driver, _}}, sh([Kill | endless(File)])),
    ?assertNot(alcove_ct:is_running(pid_in(File))),
    ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"])).

%% It neither answers nor ends by itself.
port_that_is_stopped_is_killed_with_the_program(Config) ->
    File = file(Config, ?FUNCTION_NAME),
    Stop = "kill -STOP $(cut -d' ' -f4 /proc/$PPID/stat); ",
    Options = #{timeout => 500, grace => 100},
    ?assertEqual({error, {keeper, timeout}}, sh([Stop | endless(File)], Options)),
    ?assertNot(alcove_ct:is_running(pid_in(File))),
    ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"])),
    % a driver of the caller is not killed by the library
    {ok, Drv} = alcove_drv:start(),
    {os_pid, Port} = erlang:port_info(alcove_drv:port(Drv), os_pid),
    ?assertEqual({error, {driver, timeout}}, sh([Stop, "sleep 1000"], Options#{driver => Drv})),
    [] = os:cmd("kill -KILL " ++ integer_to_list(Port)),
    ok = until_gone(Port).

killed_pool_takes_its_programs_with_it(Config) ->
    File = file(Config, ?FUNCTION_NAME),
    {Caller, Ref} = spawn_monitor(fun() -> exit(sh(endless(File))) end),
    Pid = pid_in(File),
    exit(whereis(alcove_pool), kill),
    receive
        {'DOWN', Ref, process, Caller, Result} -> ?assertEqual({error, {pool, killed}}, Result)
    end,
    ok = until_gone(Pid),
    ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"])).

killed_slot_is_an_error(Config) ->
    File = file(Config, ?FUNCTION_NAME),
    {Caller, Ref} = spawn_monitor(fun() -> exit(sh(endless(File))) end),
    Pid = pid_in(File),
    {links, Links} = process_info(whereis(alcove_pool), links),
    [exit(Slot, kill) || Slot <- Links],
    receive
        {'DOWN', Ref, process, Caller, Result} -> ?assertEqual({error, {pool, killed}}, Result)
    end,
    ok = until_gone(Pid),
    ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"])).

%% It waits for the next program.
process_that_was_forked_ahead_may_be_killed(_Config) ->
    {ok, Pool} = alcove_pool:start_link(#{size => 1}),
    ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"], #{pool => Pool})),
    ok = alcove_ct:until(fun() -> length(processes_of(Pool)) =:= 3 end),
    Ahead = lists:last(processes_of(Pool)),
    {ok, #{status := {exit, 0}}} = alcove_run:run(["kill", "-9", integer_to_list(Ahead)]),
    ok = alcove_ct:until(fun() -> length(processes_of(Pool)) =:= 2 end),
    % the slot may not have heard of it yet
    ok = alcove_ct:until(fun() ->
        case alcove_run:run(["true"], #{pool => Pool}) of
            {ok, #{status := {exit, 0}}} -> true;
            {error, {session, _}} -> false
        end
    end),
    ok = alcove_ct:until(fun() -> length(processes_of(Pool)) =:= 3 end),
    ok = alcove_pool:stop(Pool).

%% Those of the system: ports, keepers, and what is below.
processes_of(Pool) ->
    [
        Pid
     || #{name := {pool, Of}, processes := Processes} <- alcove_top:drivers(),
        Of =:= Pool,
        #{pid := Pid} <- Processes
    ].

%% A program of a pool, with its caller, and what is above it.
above(Pool, File, Test) ->
    {Caller, Ref} = spawn_monitor(fun() -> exit(sh(endless(File), #{pool => Pool, grace => 100})) end),
    Pid = pid_in(File),
    {[Port, Keeper], [Pid | _]} = lists:split(2, processes_of(Pool)),
    Test(#{caller => Caller, port => Port, keeper => Keeper, pid => Pid}),
    receive
        {'DOWN', Ref, process, Caller, Result} -> {Pid, Result}
    end.

%% Nobody is left who knows it, as the guide says. A sandbox holds it: alcove_sandbox_SUITE.
keeper_and_port_killed_together_leave_the_program(Config) ->
    {ok, Pool} = alcove_pool:start_link(#{size => 1}),
    {Pid, Result} = above(Pool, file(Config, ?FUNCTION_NAME), fun(#{port := Port, keeper := Keeper}) ->
        alcove_ct:kill_together([Keeper, Port], fun() -> ok end)
    end),
    ?assertMatch({error, {driver, _}}, Result),
    ?assert(alcove_ct:is_running(Pid)),
    [] = os:cmd("kill -9 " ++ integer_to_list(Pid)),
    ok = until_gone(Pid),
    ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"], #{pool => Pool})),
    ok = alcove_pool:stop(Pool).

caller_and_port_killed_together_leave_nothing(Config) ->
    caller_killed_with(port, file(Config, ?FUNCTION_NAME)).

caller_and_keeper_killed_together_leave_nothing(Config) ->
    caller_killed_with(keeper, file(Config, ?FUNCTION_NAME)).

caller_killed_with(Part, File) ->
    {ok, Pool} = alcove_pool:start_link(#{size => 1}),
    {Pid, killed} = above(Pool, File, fun(#{caller := Caller, Part := Killed}) ->
        alcove_ct:kill_together([Killed], fun() -> exit(Caller, kill) end)
    end),
    ok = until_gone(Pid),
    ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"], #{pool => Pool})),
    ok = alcove_pool:stop(Pool).

supervisor_and_port_killed_together_leave_nothing(Config) ->
    process_flag(trap_exit, true),
    {ok, Sup} = supervisor:start_link(?MODULE, [alcove_pool:child_spec(#{size => 1})]),
    [{_, Pool, _, _}] = supervisor:which_children(Sup),
    {Pid, Result} = above(Pool, file(Config, ?FUNCTION_NAME), fun(#{port := Port}) ->
        alcove_ct:kill_together([Port], fun() -> exit(Sup, kill) end)
    end),
    ?assertMatch({error, {Part, _}} when Part =:= pool; Part =:= driver, Result),
    ok = until_gone(Pid),
    ok = alcove_ct:until(fun() -> not is_process_alive(Pool) end).

init(Children) -> {ok, {#{}, Children}}.

telemetry_is_told_if_it_is_loaded(_Config) ->
    {Results, Told} = alcove_ct:telemetry(fun() ->
        {
            sh("printf hello; printf err >&2; exit 3", #{metadata => #{job => 7}}),
            alcove_run:run(["no-such-program"])
        }
    end),
    ?assertMatch({{ok, #{status := {exit, 3}}}, {error, {exec, enoent}}}, Results),
    ?assertMatch(
        [
            {[alcove, run, start], #{system_time := _}, #{job := 7, program := <<"sh">>}},
            {[alcove, run, stop],
                #{duration := _, stdout := 5, stderr := 3, wall_us := _, cpu_us := _, max_memory := _},
                #{job := 7, program := <<"sh">>, status := {exit, 3}}},
            {[alcove, run, start], _, #{program := <<"no-such-program">>}},
            {[alcove, run, stop], #{duration := _}, #{status := {exec, enoent}}}
        ],
        Told
    ).

%% What waits has an environment.
reports_of_a_pool_show_no_environment(_Config) ->
    {ok, Pool} = alcove_pool:start_link(#{size => 1}),
    Callers = [
        spawn(fun() -> alcove_run:run(["sleep", "1000"], #{pool => Pool, env => [{"KEY", "secret"}]}) end)
     || _ <- [1, 2]
    ],
    ok = alcove_ct:until(fun() -> maps:get(waiting, alcove_pool:info(Pool)) =:= 1 end),
    Shown = io_lib:format("~p", [sys:get_status(Pool)]),
    ?assertEqual(nomatch, string:find(Shown, "secret")),
    lists:foreach(fun(Caller) -> exit(Caller, kill) end, Callers),
    ok = alcove_pool:stop(Pool).

%% A caller that is none ends the process that runs its program, and the pool that replies to it.
reports_of_a_crash_show_no_request(_Config) ->
    process_flag(trap_exit, true),
    {ok, Pool} = alcove_pool:start_link(#{size => 1}),
    {ok, _} = alcove_run:run(["true"], #{pool => Pool}),
    [Slot] = [Pid || Pid <- element(2, process_info(Pool, links)), is_pid(Pid), Pid =/= self()],
    Spec = #{argv => [<<"secret">>], env => [{<<"KEY">>, <<"secret">>}], stdin => <<"secret">>, grace => 1},
    Request = {'$gen_call', none, {run, Spec}},
    {_, Events} = alcove_ct:logged(fun() ->
        true = erlang:suspend_process(Slot),
        Slot ! {run, none, Spec},
        Slot ! {run, none, Spec},
        true = erlang:resume_process(Slot),
        ended(Slot),
        ok = sys:suspend(Pool),
        _ = [Pool ! Request || _ <- [1, 2, 3]],
        ok = sys:resume(Pool),
        ended(Pool)
    end),
    Of = fun(Pid) -> [Event || #{meta := #{pid := P}} = Event <- Events, P =:= Pid] end,
    ?assertMatch({[_ | _], [_ | _]}, {Of(Slot), Of(Pool)}),
    ?assertEqual(nomatch, binary:match(term_to_binary(Events), <<"secret">>), Events).

ended(Pid) ->
    Ref = monitor(process, Pid),
    receive
        {'DOWN', Ref, process, Pid, _} -> ok
    end.

%% Eight at a time; ALCOVE_RUNS is how many.
many_runs_leave_nothing(_Config) ->
    {ok, Pool} = alcove_pool:start_link(#{size => 8}),
    ok = load(Pool, 8, 4),
    % each has forked ahead
    ok = alcove_ct:until(fun() -> length(processes_of(Pool)) =:= 8 * 3 end),
    Before = counted(),
    ok = load(Pool, 8, list_to_integer(os:getenv("ALCOVE_RUNS", "400")) div 8),
    ok = alcove_ct:until(fun() -> counted() =:= Before orelse {Before, counted()} end),
    ?assertEqual(#{size => 8, busy => 0, idle => 8, waiting => 0}, alcove_pool:info(Pool)),
    {links, Slots} = process_info(Pool, links),
    % one may still wait for what it has forked ahead
    ok = alcove_ct:until(fun() ->
        Left = [Left || Slot <- Slots -- [self()], Left <- left(Slot)],
        Left =:= [] orelse Left
    end),
    ok = alcove_pool:stop(Pool).

%% All slots have to have run something, or they would come into being later.
load(Pool, Callers, Runs) ->
    Run = fun() ->
        [
            {ok, #{stdout := <<"x">>}} = sh("cat; (sleep 1000 &)", #{stdin => "x", pool => Pool})
             || _ <- lists:seq(1, Runs)
        ]
    end,
    Refs = [spawn_monitor(Run) || _ <- lists:seq(1, Callers)],
    [receive {'DOWN', Ref, process, Pid, Reason} -> ?assertEqual(normal, Reason) end || {Pid, Ref} <- Refs],
    alcove_ct:until(fun() -> maps:get(busy, alcove_pool:info(Pool)) =:= 0 end).

counted() ->
    Os = below(os:getpid()),
    {ok, Files} = file:list_dir(filename:dirname(alcove_drv:progname())),
    #{
        files => length(Files),
        processes => length(processes()),
        ports => length(erlang:ports()),
        atoms => erlang:system_info(atom_count),
        below => length(Os),
        descriptors => lists:sum([length(alcove_ct:descriptors(Pid)) || Pid <- Os]),
        messages => process_info(self(), message_queue_len)
    }.

%% The processes of the system below one, as pids.
below(Pid) ->
    {ok, Tasks} = file:list_dir(filename:join(["/proc", Pid, "task"])),
    Children = lists:append([
        string:lexemes(Text, " ")
     || Task <- Tasks, {ok, Text} <- [file:read_file(["/proc/", Pid, "/task/", Task, "/children"])]
    ]),
    lists:append([[binary_to_integer(Child) | below(Child)] || Child <- Children]).

%% Messages, and monitors but that of the driver.
left(Slot) ->
    case process_info(Slot, [message_queue_len, monitors]) of
        [{message_queue_len, 0}, {monitors, [_]}] -> [];
        Left -> [Left]
    end.
