%% SPDX-License-Identifier: ISC

%% A program as a process: what it takes, what it says, how each ends with the other.
-module(alcove_program_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    what_is_written_is_read/1,
    write_returns_when_the_program_has_taken_it/1,
    write_that_is_late_tells_how_much_was_taken/1,
    write_to_a_program_that_does_not_read_on_is_an_error/1,
    unread_output_is_bounded_by_the_window/1,
    unread_lines_take_the_memory_of_the_window/1,
    lines_may_be_longer_than_the_window/1,
    calls_of_a_program_that_is_gone_return/1,
    wrong_arguments_end_only_the_caller/1,
    reader_is_told_when_output_is_missing/1,
    output_is_sent_in_lines/1,
    output_is_sent_to_the_controlling_process/1,
    slow_function_is_waited_for/1,
    function_that_fails_ends_the_program_in_order/1,
    output_goes_to_the_log_with_metadata/1,
    start_waits_until_output_matches/1,
    start_waits_until_a_function_is_true/1,
    start_that_does_not_get_ready_leaves_nothing/1,
    start_is_ready_while_output_does_not_pause/1,
    failed_start_names_the_step/1,
    wrong_options_raise_their_name/1,
    names_are_local_global_or_via/1,
    status_is_the_reason_of_the_exit/1,
    reader_gets_all_after_the_end/1,
    fold_reads_to_the_end/1,
    input_may_be_given_at_the_start/1,
    signal_is_sent/1,
    stop_ends_all_that_was_started/1,
    stubborn_program_is_killed_after_the_grace/1,
    await_has_a_limit_of_time/1,
    program_ends_with_its_controlling_process/1,
    supervisor_restarts_it_and_takes_it_along/1,
    supervisor_restarts_it_by_its_exit_reason/1,
    end_is_told_to_who_asks_while_it_comes/1,
    killed_process_takes_the_program_with_it/1,
    killed_keeper_takes_the_program_with_it/1,
    keeper_that_is_killed_during_a_call_is_noticed/1,
    killed_port_takes_the_program_with_it/1,
    keeper_and_port_killed_together_leave_the_program/1,
    supervisor_and_port_killed_together_leave_nothing/1,
    stopped_keeper_or_port_is_waited_for_once/1,
    telemetry_is_told_if_it_is_loaded/1,
    telemetry_is_told_of_every_end/1,
    reports_show_no_environment_and_no_input/1,
    reports_of_a_crash_show_no_input_and_no_output/1,
    stop_with_a_shorter_grace_hurries_another/1,
    gigabyte_goes_through_a_filter_with_bounded_memory/1,
    nginx_is_a_child_of_a_supervisor/1,
    redis_is_a_child_of_a_supervisor/1
]).
-export([init/1, log/2]).

-define(LIMIT, 30000).

%% How long alcove_job waits for a keeper when a program is to end, and then for the port.
-define(ENDING, 4000).
-define(ANSWER, 1000).

suite() ->
    [{timetrap, {minutes, 5}}].

all() ->
    alcove_os:cases(?MODULE) -- [init].

init_per_testcase(nginx_is_a_child_of_a_supervisor, Config) ->
    installed("nginx", Config);
init_per_testcase(redis_is_a_child_of_a_supervisor, Config0) ->
    % that of redis-tools, which starts no service, is the same program by another name
    case installed("redis-check-rdb", Config0) of
        {skip, _} = Skip ->
            Skip;
        Config ->
            Link = filename:join(alcove_os:tree(Config, "bin"), "redis-server"),
            ok = file:make_symlink(?config(program, Config), Link),
            [{program, Link} | Config]
    end;
init_per_testcase(_Case, Config) ->
    process_flag(trap_exit, true),
    Config.

installed(Program, Config) ->
    process_flag(trap_exit, true),
    case os:find_executable(Program, os:getenv("PATH") ++ ":/usr/sbin") of
        false -> {skip, "there is no " ++ Program};
        Path -> [{program, Path} | Config]
    end.

end_per_testcase(_Case, _Config) ->
    ok.

start(Argv, Options) ->
    {ok, Program} = alcove_program:start_link(Options#{argv => Argv}),
    Program.

sh(Script, Options) ->
    start(["sh", "-c", Script], Options).

%% A program that is stubborn or not, has started another one in a session of its own, and is
%% ready when it says their pids.
family(Trap, Options) ->
    Self = self(),
    Program = sh(
        [Trap, "setsid sh -c '", Trap, "while :; do sleep 0.1; done' & echo $$ $! up; while :; do sleep 0.1; done"],
        Options#{ready => {output, "up"}, lines => true, output => fun(Stream, Line) -> Self ! {Stream, Line} end}
    ),
    receive
        {stdout, Line} ->
            [A, B, "up"] = string:lexemes(binary_to_list(Line), " "),
            {Program, [list_to_integer(A), list_to_integer(B)]}
    end.

running(Pids) ->
    [Pid || Pid <- Pids, alcove_ct:is_running(Pid)].

exited(Program) ->
    receive
        {'EXIT', Program, Reason} -> Reason
    after ?LIMIT -> error(no_exit)
    end.

what_is_written_is_read(_Config) ->
    Program = start(["cat"], #{output => passive}),
    ok = alcove_program:write(Program, ["hel", <<"lo">>], ?LIMIT),
    ?assertEqual({ok, stdout, <<"hello">>}, alcove_program:read(Program)),
    ?assertEqual({error, timeout}, alcove_program:read(Program, 50)),
    ?assertMatch(
        #{argv := [<<"cat">>], state := running, stdout := 5, stderr := 0, unread := 0},
        alcove_program:info(Program)
    ),
    ok = alcove_program:close(Program),
    ?assertEqual(eof, alcove_program:read(Program)),
    ?assertEqual(normal, exited(Program)),
    ?assertEqual({error, noproc}, alcove_program:await(Program)).

write_returns_when_the_program_has_taken_it(_Config) ->
    Self = self(),
    Program = sh("read go; exec wc -c", #{output => {send, self()}}),
    spawn_link(fun() -> Self ! {written, alcove_program:write(Program, binary:copy(<<"x">>, 1000000))} end),
    ok = alcove_ct:until(fun() -> maps:get(writes, alcove_program:info(Program)) =:= 1 end),
    % a line comes first, and the shell reads no more than it
    Late = alcove_program:write(Program, "\n", 100),
    ?assertEqual({error, timeout, 0}, Late),
    {ok, _} = alcove_program:stop(Program, 0),
    % a pipe of it
    receive
        {written, Result} ->
            ?assertMatch({error, closed, Taken} when Taken > 0 andalso Taken < 1000000, Result)
    end,
    Reader = start(["wc", "-c"], #{output => passive}),
    ok = alcove_program:write(Reader, binary:copy(<<"x">>, 1000000)),
    ok = alcove_program:write(Reader, "yz"),
    ok = alcove_program:close(Reader),
    ?assertEqual({ok, stdout, <<"1000002\n">>}, alcove_program:read(Reader)),
    ?assertEqual({error, closed, 0}, alcove_program:write(Reader, "late")).

write_that_is_late_tells_how_much_was_taken(_Config) ->
    Program = sh("read go < /dev/tty || sleep 1000", #{output => passive}),
    {error, timeout, Taken} = alcove_program:write(Program, binary:copy(<<"x">>, 1000000), 200),
    ?assert(Taken > 0),
    ?assert(Taken < 1000000),
    {ok, _} = alcove_program:stop(Program).

write_to_a_program_that_does_not_read_on_is_an_error(_Config) ->
    Program = sh("exec <&-; sleep 1000", #{}),
    ?assertMatch({error, closed, _}, alcove_program:write(Program, binary:copy(<<"x">>, 1000000))),
    {ok, {signal, sigterm}} = alcove_program:stop(Program).

unread_output_is_bounded_by_the_window(_Config) ->
    Program = start(["yes"], #{output => passive, window => 100000}),
    ok = alcove_ct:until(fun() -> maps:get(unread, alcove_program:info(Program)) =:= 100000 end),
    {ok, stdout, Bytes} = alcove_program:read(Program),
    ?assert(byte_size(Bytes) =< 100000),
    _ = [{ok, stdout, _} = alcove_program:read(Program) || _ <- lists:seq(1, 20)],
    ok = alcove_ct:until(fun() -> maps:get(stdout, alcove_program:info(Program)) > 100000 end),
    ?assert(maps:get(unread, alcove_program:info(Program)) =< 100000),
    {ok, _} = alcove_program:stop(Program).

%% Lines without anything in them, which nobody reads.
unread_lines_take_the_memory_of_the_window(_Config) ->
    Program = start(["yes", ""], #{output => passive, lines => true, window => 100000}),
    ok = alcove_ct:until(fun() -> maps:get(unread, alcove_program:info(Program)) =:= 100000 end),
    true = erlang:garbage_collect(Program),
    {memory, Memory} = process_info(Program, memory),
    ?assert(Memory < 200000, Memory),
    _ = [{ok, stdout, <<>>} = alcove_program:read(Program) || _ <- lists:seq(1, 100000)],
    ?assertMatch(
        #{stdout := Size, unread := Unread} when Size > 100000 andalso Unread =< 100000, alcove_program:info(Program)
    ),
    {ok, _} = alcove_program:stop(Program).

lines_may_be_longer_than_the_window(_Config) ->
    Script = "for i in 1 2 3; do head -c 50000 /dev/zero | tr '\\0' $i; echo; done; printf end",
    Program = sh(Script, #{output => passive, lines => true, window => 1000}),
    Lines = [begin {ok, stdout, Line} = alcove_program:read(Program), Line end || _ <- lists:seq(1, 4)],
    ?assertEqual([binary:copy(<<C>>, 50000) || C <- "123"] ++ [<<"end">>], Lines),
    ?assertEqual(eof, alcove_program:read(Program)).

calls_of_a_program_that_is_gone_return(_Config) ->
    Program = sh("exit 0", #{}),
    ?assertEqual(normal, exited(Program)),
    ?assertEqual({error, closed, 0}, alcove_program:write(Program, "late")),
    ?assertEqual({error, noproc}, alcove_program:read(Program)),
    ?assertEqual(ok, alcove_program:close(Program)),
    ?assertEqual({error, esrch}, alcove_program:signal(Program, sighup)),
    ?assertEqual({error, noproc}, alcove_program:await(Program)),
    ?assertEqual({error, noproc}, alcove_program:stop(Program)).

wrong_arguments_end_only_the_caller(_Config) ->
    Program = start(["cat"], #{output => passive}),
    [
        ?assertEqual(function_clause, alcove_ct:raised(Call))
     || Call <- [
            fun() -> alcove_program:write(Program, "x", -1) end,
            fun() -> alcove_program:read(Program, -1) end,
            fun() -> alcove_program:await(Program, soon) end,
            fun() -> alcove_program:stop(Program, 1 bsl 80) end,
            fun() -> alcove_program:close(Program, output) end,
            fun() -> alcove_program:controlling_process(Program, me) end
        ]
    ],
    ?assertEqual(badarg, alcove_ct:raised(fun() -> alcove_program:write(Program, [256]) end)),
    [?assertMatch({error, _}, alcove_program:signal(Program, Signal)) || Signal <- [sigfoo, {a}, 1 bsl 80, -1]],
    ?assertMatch(#{state := running}, alcove_program:info(Program)),
    {ok, _} = alcove_program:stop(Program).

%% And is not told that this was all.
reader_is_told_when_output_is_missing(_Config) ->
    Program = sh("echo one; exec sleep 1000", #{output => passive}),
    ?assertEqual({ok, stdout, <<"one\n">>}, alcove_program:read(Program)),
    Self = self(),
    spawn_link(fun() -> Self ! {read, alcove_program:read(Program)} end),
    #{os_pid := Pid} = alcove_program:info(Program),
    ok = kill(parent(Pid)),
    receive {read, Read} -> ?assertMatch({error, {keeper, _}}, Read) end,
    ?assertMatch({shutdown, {keeper, _}}, exited(Program)).

output_is_sent_in_lines(_Config) ->
    Program = sh("printf 'one\\ntw'; echo err >&2; printf 'o\\n\\nlast'", #{output => {send, self()}, lines => true}),
    ?assertEqual(normal, exited(Program)),
    Sent = sent(Program),
    ?assertEqual([<<"one">>, <<"two">>, <<>>, <<"last">>], [Line || {stdout, Line} <- Sent]),
    ?assertEqual([<<"err">>], [Line || {stderr, Line} <- Sent]),
    ?assertEqual({ended, {exit, 0}}, lists:last(Sent)).

sent(Program) ->
    receive
        {alcove_program, Program, Sent} -> [Sent | sent(Program)]
    after 0 -> []
    end.

output_is_sent_to_the_controlling_process(_Config) ->
    Program = start(["cat"], #{output => {send, whereis(init)}}),
    ok = alcove_program:controlling_process(Program, self()),
    ok = alcove_program:write(Program, "hello"),
    receive {alcove_program, Program, {stdout, <<"hello">>}} -> ok end,
    {ok, _} = alcove_program:stop(Program).

slow_function_is_waited_for(_Config) ->
    Self = self(),
    Slow = fun(stdout, Bytes) ->
        Self ! {got, self(), byte_size(Bytes)},
        receive go -> ok end
    end,
    Program = start(["head", "-c", "1000000", "/dev/zero"], #{output => Slow, window => 50000}),
    ?assertEqual(1000000, slowly(0)),
    ?assertEqual(normal, exited(Program)).

%% It is not called any more, and the process ends after the program.
function_that_fails_ends_the_program_in_order(_Config) ->
    Self = self(),
    Fail = fun(stdout, Pid) ->
        Self ! {pid, Pid},
        error(mine)
    end,
    Program = sh("trap 'echo more; sleep 0.2; exit 0' TERM; echo $$; while :; do sleep 0.1; done", #{output => Fail}),
    ?assertMatch({mine, [_ | _]}, exited(Program)),
    receive {pid, Pid} -> ?assertEqual([], running([binary_to_integer(string:trim(Pid))])) end,
    receive {pid, More} -> error({called, More}) after 0 -> ok end,
    % another one has its say at the end
    Late = sh("printf late", #{lines => true, output => fun(_, <<"late">>) -> error(mine) end, grace => 60000}),
    ?assertMatch({mine, _}, exited(Late)),
    Reason = sh("exit 3", #{exit_reason => fun(_) -> error(mine) end, grace => 60000}),
    ?assertMatch({mine, _}, exited(Reason)).

slowly(1000000) ->
    1000000;
slowly(Got) ->
    receive
        {got, Program, Size} ->
            Program ! go,
            slowly(Got + Size)
    after ?LIMIT -> Got
    end.

output_goes_to_the_log_with_metadata(_Config) ->
    ok = logger:add_handler(?MODULE, ?MODULE, #{config => self(), level => all}),
    Program = sh("echo out; echo err >&2; printf '\\377'", #{output => {logger, error}, metadata => #{job => 7}}),
    ?assertEqual(normal, exited(Program)),
    ok = logger:remove_handler(?MODULE),
    ?assertEqual([{stderr, "err"}, {stdout, "out"}, {stdout, [255]}], lists:sort(logged())).

%% The handler of the log.
log(#{level := error, msg := {string, Text}, meta := #{domain := [alcove, program]} = Meta}, #{config := Test}) ->
    #{program := <<"sh">>, os_pid := Pid, stream := Stream, job := 7} = Meta,
    true = is_integer(Pid),
    Test ! {logged, Stream, Text};
log(_Event, _Config) ->
    ok.

logged() ->
    receive
        {logged, Stream, Text} -> [{Stream, Text} | logged()]
    after 0 -> []
    end.

start_waits_until_output_matches(_Config) ->
    Program =
        sh("echo wait; sleep 0.2; printf 're'; sleep 0.1; echo ady; exec cat", #{ready => {output, "^ready$|ready"}}),
    ?assertMatch(#{stdout := Size} when Size >= 10, alcove_program:info(Program)),
    {ok, _} = alcove_program:stop(Program).

start_waits_until_a_function_is_true(Config) ->
    File = filename:join(?config(priv_dir, Config), "ready"),
    Program =
        start(["sh", "-c", "sleep 0.2; : > \"$0\"; exec cat", File], #{ready => fun() -> filelib:is_regular(File) end}),
    ?assert(filelib:is_regular(File)),
    {ok, _} = alcove_program:stop(Program).

start_that_does_not_get_ready_leaves_nothing(_Config) ->
    Self = self(),
    Options = #{ready_timeout => 1000, grace => 100, output => fun(_, Bytes) -> Self ! {pid, Bytes} end},
    Never =
        Options#{argv => ["sh", "-c", "trap '' TERM; echo $$; while :; do sleep 0.1; done"], ready => {output, "up"}},
    ?assertEqual({error, {ready, timeout}}, alcove_program:start_link(Never)),
    receive {pid, Text} -> ?assertEqual([], running([binary_to_integer(string:trim(Text))])) end,
    Ends = Options#{argv => ["sh", "-c", "exit 4"], ready => fun() -> false end, ready_timeout => infinity},
    ?assertEqual({error, {ended, {exit, 4}}}, alcove_program:start_link(Ends)),
    % which nobody waits for
    ?assertEqual({error, {ended, {exit, 4}}}, alcove_program:start_link(Ends#{grace => 3600000})),
    ?assertMatch(
        {error, {ready, {mine, [_ | _]}}}, alcove_program:start_link(Never#{ready => fun() -> error(mine) end})
    ),
    receive {pid, Second} -> ?assertEqual([], running([binary_to_integer(string:trim(Second))])) after 0 -> ok end,
    ?assertMatch(
        {error, {ready, {{badreturn, soon}, _}}}, alcove_program:start_link(Never#{ready => fun() -> soon end})
    ),
    Fails = Never#{output => fun(_, _) -> error(mine) end},
    ?assertMatch({error, {output, {mine, [_ | _]}}}, alcove_program:start_link(Fails)).

start_is_ready_while_output_does_not_pause(_Config) ->
    Self = self(),
    % the second time
    Ready = fun() ->
        Self ! asked,
        receive asked_before -> true after 0 -> self() ! asked_before, false end
    end,
    Options = #{argv => ["yes"], output => fun(_, _) -> ok end, ready_timeout => infinity},
    {ok, Program} = alcove_program:start_link(Options#{ready => Ready}),
    receive asked -> ok end,
    receive asked -> ok end,
    {ok, _} = alcove_program:stop(Program),
    ?assertEqual(
        {error, {ready, timeout}},
        alcove_program:start_link(Options#{ready => {output, "never"}, ready_timeout => 100})
    ).

failed_start_names_the_step(_Config) ->
    [
        ?assertEqual({error, Error}, alcove_program:start_link(Options#{argv => Argv}))
     || {Error, Argv, Options} <- [
            {{exec, enoent}, ["no-such-program"], #{}},
            {{cd, enoent}, ["true"], #{cd => "/no such folder"}}
        ]
    ],
    ?assertMatch({error, {driver, _}}, alcove_program:start_link(#{argv => ["true"], exec => "no-such-program"})).

wrong_options_raise_their_name(_Config) ->
    [
        ?assertEqual({badarg, Key}, alcove_ct:raised(fun() -> alcove_program:Start(Options) end))
     || Start <- [start_link, child_spec],
        {Key, Options} <- [
            {argv, #{}},
            {timeout, #{argv => ["true"], timeout => 1}},
            {name, #{argv => ["true"], name => redis}},
            {output, #{argv => ["true"], output => log}},
            {output, #{argv => ["true"], output => {logger, loud}}},
            {ready, #{argv => ["true"], ready => {output, "("}}},
            {window, #{argv => ["true"], window => 0}},
            {signal, #{argv => ["true"], signal => sigfoo}},
            {signal, #{argv => ["true"], signal => 128}},
            {exec, #{argv => ["true"], exec => [<<255>>]}},
            {lines, #{argv => ["true"], lines => 1}},
            {stdin, #{argv => ["true"], stdin => pipe}},
            {exit_reason, #{argv => ["true"], exit_reason => normal}}
        ]
    ].

names_are_local_global_or_via(_Config) ->
    [
        begin
            Program = start(["cat"], #{name => Name}),
            #{state := running} = alcove_program:info(Server),
            ?assertEqual(
                {error, {already_started, Program}}, alcove_program:start_link(#{argv => ["cat"], name => Name})
            ),
            {ok, _} = alcove_program:stop(Server)
        end
     || {Name, Server} <- [
            {{local, alcove_cat}, alcove_cat},
            {{global, alcove_cat}, {global, alcove_cat}},
            {{via, global, alcove_dog}, {via, global, alcove_dog}}
        ]
    ].

status_is_the_reason_of_the_exit(_Config) ->
    [
        ?assertEqual({Script, Reason}, {Script, exited(sh(Script, Options))})
     || {Script, Options, Reason} <- [
            {"exit 0", #{}, normal},
            {"exit 3", #{}, {shutdown, {exit, 3}}},
            {"kill -9 $$", #{}, {shutdown, {signal, sigkill}}},
            {"exit 3", #{exit_reason => fun(Status) -> {shutdown, {mine, Status}} end}, {shutdown, {mine, {exit, 3}}}}
        ]
    ].

reader_gets_all_after_the_end(_Config) ->
    Program = sh("echo one; echo two; printf three; exit 5", #{output => passive, lines => true}),
    ?assertEqual({ok, {exit, 5}}, alcove_program:await(Program)),
    [?assertEqual({ok, stdout, Line}, alcove_program:read(Program)) || Line <- [<<"one">>, <<"two">>, <<"three">>]],
    ?assertMatch(#{state := ended}, alcove_program:info(Program)),
    ?assertEqual(eof, alcove_program:read(Program)),
    ?assertEqual({shutdown, {exit, 5}}, exited(Program)).

fold_reads_to_the_end(_Config) ->
    Collect = fun(Stream, Item, Items) -> [{Stream, Item} | Items] end,
    Program = sh("echo one; printf two; exit 5", #{output => passive, lines => true}),
    ?assertEqual({{exit, 5}, [{stdout, <<"two">>}, {stdout, <<"one">>}]}, alcove_program:fold(Collect, [], Program)),
    ?assertEqual({error, noproc}, alcove_program:fold(Collect, [], Program)),
    Logs = sh("exec sleep 1000", #{}),
    ?assertEqual({error, not_passive}, alcove_program:fold(Collect, [], Logs)),
    {ok, _} = alcove_program:stop(Logs).

input_may_be_given_at_the_start(Config) ->
    Input = binary:copy(<<"0123456789abcdef">>, 65536),
    File = filename:join(?config(priv_dir, Config), "input"),
    ok = file:write_file(File, Input),
    Collect = fun(stdout, Bytes, All) -> <<All/binary, Bytes/binary>> end,
    [
        begin
            Program = start(["cat"], #{output => passive, stdin => Stdin}),
            ?assertEqual({error, closed, 0}, alcove_program:write(Program, "more")),
            ?assertEqual({{exit, 0}, Input}, alcove_program:fold(Collect, <<>>, Program))
        end
     || Stdin <- [Input, {file, File}]
    ].

signal_is_sent(_Config) ->
    Program = sh("trap 'echo usr1; exit 0' USR1; echo up; while :; do sleep 0.1; done", #{
        ready => {output, "up"}, output => {send, self()}, lines => true
    }),
    ok = alcove_program:signal(Program, sigusr1),
    ?assertEqual(normal, exited(Program)),
    ?assertEqual([{stdout, <<"up">>}, {stdout, <<"usr1">>}, {ended, {exit, 0}}], sent(Program)).

stop_ends_all_that_was_started(_Config) ->
    {Program, Pids} = family("", #{}),
    ?assertEqual(Pids, running(Pids)),
    ?assertEqual({ok, {signal, sigterm}}, alcove_program:stop(Program)),
    ?assertEqual([], running(Pids)),
    ?assertEqual(normal, exited(Program)).

stubborn_program_is_killed_after_the_grace(_Config) ->
    {Program, Pids} = family("trap \"\" TERM; ", #{grace => 100}),
    ?assertEqual({ok, {signal, sigkill}}, alcove_program:stop(Program)),
    ?assertEqual([], running(Pids)).

await_has_a_limit_of_time(_Config) ->
    Program = start(["cat"], #{}),
    ?assertEqual({error, timeout}, alcove_program:await(Program, 50)),
    {ok, _} = alcove_program:stop(Program),
    ?assertEqual(normal, exited(Program)),
    % no late reply
    ?assertEqual({messages, []}, process_info(self(), messages)).

program_ends_with_its_controlling_process(_Config) ->
    {Program, Pids} = family("", #{}),
    Owner = spawn(fun() -> receive stop -> ok end end),
    ok = alcove_program:controlling_process(Program, Owner),
    Owner ! stop,
    ?assertEqual(normal, exited(Program)),
    ?assertEqual([], running(Pids)).

%% Supervisor.
init(Specs) ->
    {ok, {#{intensity => 10}, Specs}}.

supervised(Options) ->
    Spec = alcove_program:child_spec(Options),
    {ok, Sup} = supervisor:start_link(?MODULE, [Spec]),
    Sup.

%% None if it was a temporary one.
child(Sup) ->
    case supervisor:which_children(Sup) of
        [{_, Program, worker, [alcove_program]}] -> Program;
        [] -> none
    end.

stop_supervisor(Sup) ->
    unlink(Sup),
    Ref = monitor(process, Sup),
    exit(Sup, shutdown),
    receive {'DOWN', Ref, process, Sup, _} -> ok end.

supervisor_restarts_it_and_takes_it_along(_Config) ->
    Sup =
        supervised(
            #{argv => ["sh", "-c", "trap '' TERM; setsid sleep 1000 & while :; do sleep 0.1; done"], grace => 100}
        ),
    First = child(Sup),
    #{os_pid := Pid} = alcove_program:info(First),
    ok = alcove_program:signal(First, sigkill),
    ok = alcove_ct:until(fun() -> is_pid(child(Sup)) andalso child(Sup) =/= First end),
    #{os_pid := Next} = alcove_program:info(child(Sup)),
    ?assertNotEqual(Pid, Next),
    ok = stop_supervisor(Sup),
    ?assertEqual([], running([Pid, Next])).

supervisor_restarts_it_by_its_exit_reason(_Config) ->
    [
        begin
            Spec = alcove_program:child_spec(Options#{argv => ["sh", "-c", "read status; exit $status"]}),
            {ok, Sup} = supervisor:start_link(?MODULE, [Spec#{restart => Restart}]),
            First = child(Sup),
            ok = alcove_program:write(First, [Status, "\n"]),
            Starts = fun() -> is_pid(child(Sup)) andalso child(Sup) =/= First end,
            case IsStarted of
                true ->
                    ok = alcove_ct:until(Starts);
                false ->
                    Ref = monitor(process, First),
                    receive {'DOWN', Ref, process, First, _} -> ok end,
                    ?assertNot(Starts(), {Restart, Status, Options})
            end,
            ok = stop_supervisor(Sup)
        end
     || {Restart, Status, Options, IsStarted} <- [
            {permanent, "0", #{}, true},
            {permanent, "1", #{}, true},
            {transient, "0", #{}, false},
            {transient, "1", #{}, false},
            {transient, "0", #{exit_reason => fun failed/1}, false},
            {transient, "1", #{exit_reason => fun failed/1}, true},
            {temporary, "1", #{exit_reason => fun failed/1}, false}
        ]
    ].

failed({exit, 0}) -> normal;
failed(Status) -> Status.

end_is_told_to_who_asks_while_it_comes(_Config) ->
    process_flag(trap_exit, true),
    Program = start(["sleep", "1000"], #{}),
    #{os_pid := Pid} = alcove_program:info(Program),
    true = erlang:suspend_process(Program),
    [] = os:cmd("kill -9 " ++ integer_to_list(Pid)),
    ok = alcove_ct:until(fun() -> lists:keymember(alcove_event, 1, messages(Program)) end),
    Ask = fun(Request) -> spawn_monitor(fun() -> exit({Request, Request(Program)}) end) end,
    Asked = [Ask(Request) || Request <- [fun alcove_program:await/1, fun alcove_program:stop/1]],
    ok = alcove_ct:until(fun() -> length([Call || {'$gen_call', _, _} = Call <- messages(Program)]) =:= 2 end),
    true = erlang:resume_process(Program),
    [
        receive {'DOWN', Ref, process, Asking, {_, Told}} -> ?assertEqual({ok, {signal, sigkill}}, Told) end
     || {Asking, Ref} <- Asked
    ],
    ?assertEqual({shutdown, {signal, sigkill}}, exited(Program)).

messages(Program) ->
    {messages, Messages} = process_info(Program, messages),
    Messages.

killed_process_takes_the_program_with_it(_Config) ->
    {Program, Pids} = family("", #{}),
    exit(Program, kill),
    ?assertEqual(killed, exited(Program)),
    ok = alcove_ct:until(fun() -> running(Pids) =:= [] end).

%% The first is the program, whose parent is the keeper, whose parent is the port.
parent(Pid) ->
    {ok, Stat} = file:read_file(["/proc/", integer_to_list(Pid), "/stat"]),
    #{parent := Parent} = alcove_proc:fields(Stat),
    Parent.

kill(Pid) ->
    {ok, #{status := {exit, 0}}} = alcove_run:run(["kill", "-9", integer_to_list(Pid)]),
    ok = alcove_pool:stop(default).

killed_keeper_takes_the_program_with_it(_Config) ->
    {Program, [Pid | _] = Pids} = family("", #{}),
    ok = kill(parent(Pid)),
    ?assertMatch({shutdown, {keeper, _}}, exited(Program)),
    ?assertEqual([], running(Pids)).

%% Its end is the answer to the call.
keeper_that_is_killed_during_a_call_is_noticed(_Config) ->
    {Program, [Pid | _] = Pids} = family("", #{}),
    Keeper = parent(Pid),
    [] = os:cmd("kill -STOP " ++ integer_to_list(Keeper)),
    {Closing, Ref} = spawn_monitor(fun() -> alcove_program:close(Program) end),
    ok = alcove_ct:until(fun() ->
        [] =/= [Call || #{owner := Owner, calls := [Call]} <- alcove_top:drivers(), Owner =:= Program]
    end),
    [] = os:cmd("kill -KILL " ++ integer_to_list(Keeper)),
    ?assertMatch({shutdown, {keeper, _}}, exited(Program)),
    receive {'DOWN', Ref, process, Closing, _} -> ok end,
    ?assertEqual([], running(Pids)).

killed_port_takes_the_program_with_it(_Config) ->
    {Program, [Pid | _] = Pids} = family("", #{}),
    ok = kill(parent(parent(Pid))),
    ?assertMatch({shutdown, {driver, _}}, exited(Program)),
    ?assertEqual([], running(Pids)).

%% Nobody is left who knows it, as the guide says. A sandbox holds it: alcove_sandbox_SUITE.
keeper_and_port_killed_together_leave_the_program(_Config) ->
    {Program, [Pid | _] = Pids} = family("", #{}),
    Keeper = parent(Pid),
    ok = alcove_ct:kill_together([Keeper, parent(Keeper)], fun() -> ok end),
    ?assertMatch({shutdown, {driver, _}}, exited(Program)),
    ?assertEqual(Pids, running(Pids)),
    ok = alcove_ct:kill_together(Pids, fun() -> ok end).

supervisor_and_port_killed_together_leave_nothing(_Config) ->
    Sup = supervised(#{argv => ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], grace => 100}),
    Program = child(Sup),
    #{os_pid := Pid} = alcove_program:info(Program),
    Ref = monitor(process, Program),
    ok = alcove_ct:kill_together([parent(parent(Pid))], fun() -> exit(Sup, kill) end),
    receive {'DOWN', Ref, process, Program, _} -> ok end,
    ok = alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end).

%% The first call that is not answered in its time is the last with which the keeper is waited for.
stopped_keeper_or_port_is_waited_for_once(_Config) ->
    process_flag(trap_exit, true),
    {module, alcove_drv} = code:ensure_loaded(alcove_drv),
    1 = erlang:trace_pattern({alcove_drv, call, 5}, true, [global]),
    [
        begin
            % one of a sandbox has another pid inside
            Sleep = "sleep " ++ integer_to_list(1000000 + erlang:unique_integer([positive])),
            Program = start(string:lexemes(Sleep, " "), Options),
            {ok, #{stdout := Found}} = alcove_run:run(["pgrep", "-xf", Sleep]),
            Pid = binary_to_integer(string:trim(Found)),
            {ok, _} = alcove_run:run(["kill", "-STOP", integer_to_list(Above(Pid))]),
            1 = erlang:trace(Program, true, [call]),
            Stopped = alcove_program:stop(Program),
            ?assertEqual({error, {keeper, timeout}}, Stopped),
            ?assertEqual({shutdown, {keeper, timeout}}, exited(Program)),
            Asked = asked(),
            ?assertMatch([{[_ | _], ?ENDING}, {[], ?ANSWER} | _], Asked),
            ?assertMatch([_], [Timeout || {[_ | _], Timeout} <- Asked, Timeout >= ?ENDING]),
            ?assertEqual([], running([Pid]))
        end
     || Options <- [#{grace => 60000}, #{grace => 60000, sandbox => #{}}], Above <- [fun parent/1, fun port/1]
    ],
    ok = alcove_pool:stop(default).

%% The port is below what starts programs for the VM.
port(Pid) ->
    {ok, Name} = file:read_file(["/proc/", integer_to_list(parent(Pid)), "/comm"]),
    case Name of
        <<"erl_child_setup", _/binary>> -> Pid;
        _ -> port(parent(Pid))
    end.

%% Whom it has made calls to, and how long it would have waited.
asked() ->
    receive
        {trace, _, call, {alcove_drv, call, [_Drv, Path, _Name, _Args, Timeout]}} -> [{Path, Timeout} | asked()]
    after 0 -> []
    end.

telemetry_is_told_if_it_is_loaded(_Config) ->
    Options = #{metadata => #{job => 7}, output => fun(_, _) -> ok end},
    {_, Told} = alcove_ct:telemetry(fun() -> exited(sh("printf hello; exit 3", Options)) end),
    ?assertMatch(
        [
            {[alcove, program, start], #{system_time := _}, #{job := 7, program := <<"sh">>, os_pid := _}},
            {[alcove, program, output], #{bytes := 5}, #{stream := stdout}},
            {[alcove, program, stop], #{duration := _}, #{status := {exit, 3}}}
        ],
        Told
    ).

reports_show_no_environment_and_no_input(_Config) ->
    Program = start(["sleep", "1000"], #{env => [{"KEY", "secret"}]}),
    Writer = spawn(fun() -> alcove_program:write(Program, binary:copy(<<"secret">>, 20000)) end),
    ok = alcove_ct:until(fun() -> maps:get(writes, alcove_program:info(Program)) =:= 1 end),
    Shown = io_lib:format("~p", [sys:get_status(Program)]),
    ?assertEqual(nomatch, string:find(Shown, "secret")),
    ?assertNotEqual(nomatch, string:find(Shown, "sleep")),
    {ok, _} = alcove_program:stop(Program),
    exit(Writer, kill).

%% Neither the argument of a function of the user, nor what waits, nor that of a request which is none.
reports_of_a_crash_show_no_input_and_no_output(_Config) ->
    process_flag(trap_exit, true),
    [
        begin
            {_, Events} = alcove_ct:logged(fun() -> crash(Options, Crash) end),
            ?assertMatch([_ | _], [Event || #{level := error} = Event <- Events]),
            ?assertEqual(nomatch, binary:match(term_to_binary(Events), <<"secret">>), Events)
        end
     || {Options, Crash} <- [
            {#{output => fun(stdout, <<"known">>) -> ok end}, {write, <<"secret">>, infinity}},
            {#{output => passive}, {write, {secret, <<"secret">>}, infinity}}
        ]
    ].

crash(Options, Request) ->
    Program = start(["cat"], Options#{env => [{"KEY", "secret"}]}),
    ok = sys:suspend(Program),
    Program ! {'$gen_call', {self(), make_ref()}, Request},
    Program ! {late, <<"secret">>},
    ok = sys:resume(Program),
    _ = exited(Program).

stop_with_a_shorter_grace_hurries_another(_Config) ->
    {Program, Pids} = family("trap \"\" TERM; ", #{grace => 600000}),
    Self = self(),
    spawn_link(fun() -> Self ! {stopped, alcove_program:stop(Program)} end),
    ok = alcove_ct:until(fun() -> maps:get(state, alcove_program:info(Program)) =:= stopping end),
    % a longer one changes nothing
    Late = gen_statem:send_request(Program, {stop, 700000}),
    ?assertEqual({ok, {signal, sigkill}}, alcove_program:stop(Program, 10)),
    ?assertEqual({reply, {ok, {signal, sigkill}}}, gen_statem:wait_response(Late, ?LIMIT)),
    ?assertEqual([], running(Pids)),
    receive
        {stopped, Stopped} -> ?assertEqual({ok, {signal, sigkill}}, Stopped)
    end.

%% Every start has its stop, however that comes about.
telemetry_is_told_of_every_end(_Config) ->
    process_flag(trap_exit, true),
    Sleep = #{argv => ["sleep", "1000"]},
    {_, Told} = alcove_ct:telemetry(fun() ->
        ok = stop_supervisor(supervised(Sleep)),
        {error, {ready, timeout}} = alcove_program:start_link(Sleep#{ready => fun() -> false end, ready_timeout => 10}),
        {Program, [Pid | _]} = family("", #{}),
        ok = kill(parent(Pid)),
        exited(Program)
    end),
    ?assertMatch(
        [{start, _}, {stop, {signal, sigterm}}, {start, _}, {stop, {ready, timeout}}, {start, _}, {stop, {keeper, _}}],
        [{Event, maps:get(status, Metadata, none)} || {[alcove, program, Event], _, Metadata} <- Told, Event =/= output]
    ).

%% The short form of it, 32 MiB in and as many back; ALCOVE_MIB is how many.
gigabyte_goes_through_a_filter_with_bounded_memory(_Config) ->
    Block = binary:copy(<<"0123456789abcdef">>, 65536),
    Blocks = list_to_integer(os:getenv("ALCOVE_MIB", "32")),
    Gzip = start(["gzip", "-c1"], #{output => passive, window => 200000}),
    Gunzip = start(["gzip", "-dc"], #{output => passive, window => 200000}),
    spawn_link(fun() ->
        [ok = alcove_program:write(Gzip, Block) || _ <- lists:seq(1, Blocks)],
        ok = alcove_program:close(Gzip)
    end),
    spawn_link(fun() -> pump(Gzip, Gunzip) end),
    ?assertEqual({Blocks * byte_size(Block), true}, drain(Gunzip, 0, true)).

pump(From, To) ->
    case alcove_program:read(From) of
        {ok, stdout, Bytes} ->
            ok = alcove_program:write(To, Bytes),
            pump(From, To);
        eof ->
            ok = alcove_program:close(To)
    end.

%% What the pipe of a program holds when it ends comes beside the window: up to 256 KiB, if it delivers much.
drain(Program, Size, IsBounded) ->
    #{unread := Unread} = alcove_program:info(Program),
    case alcove_program:read(Program) of
        {ok, stdout, Bytes} -> drain(Program, Size + byte_size(Bytes), IsBounded andalso Unread =< 200000 + 262144);
        eof -> {Size, IsBounded}
    end.

free_port() ->
    {ok, Socket} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    Port.

ask(Port, Request) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    ok = gen_tcp:send(Socket, Request),
    {ok, Reply} = gen_tcp:recv(Socket, 0, ?LIMIT),
    ok = gen_tcp:close(Socket),
    Reply.

%% The options of a block in the guide, for the program that is installed and with more arguments.
guide(Name, Config, More) ->
    Page = filename:join([alcove_md:root(), "erlang", "doc", "supervised.md"]),
    [Text] = alcove_md:blocks(Page, "erlang " ++ Name),
    {ok, Tokens, _} = erl_scan:string(Text),
    {ok, #{argv := [_ | Args]} = Options} = erl_parse:parse_term(Tokens),
    Options#{argv => [?config(program, Config) | Args ++ More]}.

redis_is_a_child_of_a_supervisor(Config) ->
    Port = free_port(),
    Dir = alcove_os:tree(Config, "redis"),
    Sup = supervised(guide("redis", Config, ["--port", integer_to_list(Port), "--bind", "127.0.0.1", "--dir", Dir])),
    ?assertEqual(<<"+PONG\r\n">>, ask(Port, "PING\r\n")),
    #{os_pid := Pid} = alcove_program:info(child(Sup)),
    ok = stop_supervisor(Sup),
    ?assertEqual([], running([Pid])).

nginx_is_a_child_of_a_supervisor(Config) ->
    Port = free_port(),
    Dir = alcove_os:tree(Config, "nginx"),
    File = filename:join(Dir, "nginx.conf"),
    ok = file:write_file(File, [
        "pid nginx.pid; worker_processes 2; events {}\n",
        "http { access_log off; client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;\n",
        "uwsgi_temp_path tmp; scgi_temp_path tmp;\n",
        "server { listen 127.0.0.1:", integer_to_list(Port), "; location / { return 200 hello; } } }\n"
    ]),
    Sup = supervised(guide("nginx", Config, ["-p", Dir, "-c", File])),
    Reply = ask(Port, "GET / HTTP/1.0\r\n\r\n"),
    ?assertNotEqual(nomatch, string:find(Reply, "hello")),
    #{os_pid := Pid} = alcove_program:info(child(Sup)),
    {ok, #{stdout := Workers}} = alcove_run:run(["ps", "-o", "pid=", "--ppid", integer_to_list(Pid)]),
    ok = alcove_pool:stop(default),
    Pids = [binary_to_integer(Worker) || Worker <- string:lexemes(Workers, " \n")],
    ?assert(length(Pids) >= 1),
    ok = stop_supervisor(Sup),
    ?assertEqual([], running([Pid | Pids])).
