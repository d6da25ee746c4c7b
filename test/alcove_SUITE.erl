%% SPDX-License-Identifier: ISC

%% The module that users know: calls, errors, and programs in a tree of processes.
-module(alcove_SUITE).

-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").

%% The cases are listed below.
-compile([export_all, nowarn_export_all]).

all() ->
    [{group, pure}, {group, process}, {group, program}, {group, trouble}].

groups() ->
    [
        {pure, [parallel], [
            module_has_two_functions_for_each_call,
            function_makes_its_call_with_its_arguments,
            function_raises_the_error_with_its_arguments,
            filter_is_a_map_of_bits,
            offsets_are_aligned_to_words,
            machine_has_a_name_for_seccomp,
            types_are_those_of_c
        ]},
        {process, [], [
            version_is_that_of_the_protocol,
            fork_makes_a_child_at_the_end_of_the_pipeline,
            pipeline_may_be_16_long_by_default,
            pipeline_may_be_128_long,
            children_are_limited_by_maxchild,
            children_are_listed_in_records,
            field_of_a_child_is_read,
            options_are_read_and_set,
            options_are_inherited,
            constants_are_joined,
            constants_of_a_filtered_table_are_unknown,
            filtered_calls_are_undefined,
            children_may_have_another_filter,
            environment_is_inherited_and_changed,
            files_are_read_and_written,
            directories_are_made_and_listed,
            limits_are_seen_by_programs,
            ten_thousand_children_leave_nothing_behind
        ]},
        {program, [], [
            program_reads_and_writes,
            program_is_executed_in_three_ways,
            program_that_is_not_there_leaves_the_process_usable,
            program_writes_errors_to_stderr,
            output_waits_for_a_quiet_period,
            output_comes_before_an_error,
            problems_behind_output_keep_their_order,
            problem_ends_the_wait_for_more_output,
            output_of_two_megabytes_passes_16_processes,
            input_ends_by_eof,
            eof_of_each_stream_is_once,
            eof_needs_a_child,
            eof_of_a_program_that_ends_is_ok,
            ends_of_streams_are_reported_if_asked_for,
            output_is_held_by_flow_control,
            descriptors_of_a_program_are_its_own,
            port_becomes_a_program,
            port_is_executed_again_in_a_child
        ]},
        {trouble, [], [
            exit_is_an_event,
            event_of_an_idle_child_is_the_error_of_the_next_call,
            child_killed_in_a_call_is_its_error,
            exec_in_a_dead_child_is_an_error,
            death_in_the_middle_ends_a_call_below,
            missing_process_is_an_error,
            full_input_is_an_error,
            late_reply_does_not_answer_the_next_call,
            late_exec_does_not_disturb_the_next_call,
            timeout_is_checked,
            pipeline_is_checked,
            arguments_of_a_program_may_be_too_many,
            largest_call_is_64_kilobytes,
            largest_input_is_64_kilobytes,
            reply_is_found_among_many_messages,
            signal_is_an_event_with_siginfo,
            signal_may_be_ignored_or_kill,
            children_are_waited_for_with_sigchld_taken_over,
            event_never_raises
        ]}
    ].

init_per_testcase(Case, Config) ->
    {pure, _, Pure} = lists:keyfind(pure, 1, groups()),
    case lists:member(Case, Pure) of
        true -> Config;
        false -> [{drv, alcove_ct:start()}, {dir, alcove_os:tree(Config, Case)} | Config]
    end.

end_per_testcase(_Case, Config) ->
    [alcove_ct:stop(Drv) || {drv, Drv} <- Config],
    ok.

drv(Config) ->
    proplists:get_value(drv, Config).

%%
%% Without a port
%%

module_has_two_functions_for_each_call(_Config) ->
    ?assertEqual(218, length(alcove:module_info(exports))),
    ?assertEqual(200, length(wrappers())).

function_makes_its_call_with_its_arguments(_Config) ->
    lists:foreach(
        fun({Name, Arity}) ->
            Args = lists:seq(1, Arity - 2),
            Drv = fake_driver({ok, Name}),
            ?assertEqual({ok, Name}, apply(alcove, Name, [Drv, [7] | Args])),
            ?assertEqual({{call, Name, [7], Args}, Name}, {asked(Drv), Name}),
            ?assertEqual({ok, Name}, apply(alcove, Name, [Drv, [7] | Args] ++ [30000])),
            ?assertEqual({{call, Name, [7], Args}, Name}, {asked(Drv), Name}),
            ?assertError(timeout, apply(alcove, Name, [mute_driver(), [7] | Args] ++ [0]))
        end,
        short_wrappers()
    ).

function_raises_the_error_with_its_arguments(_Config) ->
    lists:foreach(
        fun({Name, Arity}) ->
            Drv = fake_driver({alcove_error, undef}),
            Args = [Drv, []] ++ lists:seq(1, Arity - 2),
            ?assertMatch({undef, {alcove, Name, Args, _}}, failure(Name, Args)),
            Timed = Args ++ [30000],
            ?assertMatch({undef, {alcove, Name, Timed, _}}, failure(Name, Timed))
        end,
        short_wrappers()
    ).

failure(Name, Args) ->
    try apply(alcove, Name, Args) of
        Value -> {not_raised, Value}
    catch
        error:Reason:Stack -> {Reason, hd(Stack)}
    end.

%% Functions with the name of a call and its arity or one more; the second ones have a timeout.
wrappers() ->
    Local = [{filter, 3} | [{F, A} || F <- [eof, event, stdin, stdout, stderr], A <- [2, 3]]],
    [
        {Name, Arity}
     || {Name, Arity} <- alcove:module_info(exports),
        lists:member(Name, alcove_proto:calls()),
        Arity >= 2,
        not lists:member({Name, Arity}, Local)
    ].

short_wrappers() ->
    All = wrappers(),
    Short = [{Name, Arity} || {Name, Arity} <- All, lists:member({Name, Arity + 1}, All)],
    ?assertEqual(100, length(Short)),
    Short.

%% Answers as a driver does, and tells what it was asked for.
fake_driver(Answer) ->
    Test = self(),
    spawn_link(fun() -> fake_driver(Test, Answer) end).

fake_driver(Test, Answer) ->
    receive
        {'$gen_cast', {call, Caller, Call, Frame}} ->
            {Name, Pids, Args} = call_in(Frame, []),
            Test ! {self(), {call, Name, Pids, Args}},
            Ref = element(tuple_size(Call), Call),
            true = is_reference(Ref) andalso Caller =:= Test,
            Ref ! {Ref, Answer},
            fake_driver(Test, Answer)
    end.

mute_driver() ->
    spawn_link(fun() ->
        receive
            never -> ok
        end
    end).

asked(Drv) ->
    receive
        {Drv, Call} -> Call
    after 0 -> nothing
    end.

call_in(<<?UINT16(_), ?UINT16(?ALCOVE_MSG_STDIN), ?UINT32(Pid), Frame/binary>>, Pids) ->
    call_in(Frame, [Pid | Pids]);
call_in(<<?UINT16(_), ?UINT16(?ALCOVE_MSG_CALL), ?UINT16(Nr), Args/binary>>, Pids) ->
    Name = lists:nth(Nr + 1, alcove_proto:calls()),
    {Name, lists:reverse(Pids), tuple_to_list(binary_to_term(Args))}.

filter_is_a_map_of_bits(_Config) ->
    Calls = alcove_proto:calls(),
    ?assertEqual(<<>>, alcove:filter([])),
    ?assertEqual(<<>>, alcove:filter({deny, []})),
    ?assertEqual(<<0, 0, 0, 16>>, alcove:filter([fork])),
    ?assertEqual(<<0, 32, 0, 16, 16>>, alcove:filter([fork, clone, getpid, fork])),
    ?assertEqual(
        <<255, 223, 255, 239, 239, 255, 255, 255, 255, 255, 255, 255, 15>>,
        alcove:filter({allow, [fork, clone, getpid, getpid, no_such_call]})
    ),
    ?assertEqual(<<0>>, alcove:filter({allow, Calls})),
    ?assertEqual(<<(1 bsl 96 - 1):96, 15>>, alcove:filter({allow, []})),
    ?assertEqual(alcove:filter({deny, Calls -- [write]}), alcove:filter({allow, [write]})),
    ?assertError(function_clause, alcove:filter([no_such_call])),
    ?assertError(function_clause, alcove:filter(fork)),
    ?assertError(function_clause, alcove:filter({block, [fork]})).

offsets_are_aligned_to_words(_Config) ->
    ?assertEqual(
        [0, 7, 6, 5, 4, 3, 2, 1, 0, 7],
        [alcove:wordalign(Offset, 8) || Offset <- lists:seq(0, 9)]
    ),
    ?assertEqual(1, alcove:wordalign(-1, 8)),
    Word = erlang:system_info({wordsize, external}),
    ?assertEqual(alcove:wordalign(5, Word), alcove:wordalign(5)).

machine_has_a_name_for_seccomp(_Config) ->
    Drv = alcove_ct:start(),
    case alcove:audit_arch() of
        enotsup -> ?assertError({unknown, enotsup}, alcove:define(Drv, [], enotsup));
        Name -> ?assert(alcove:define(Drv, [], Name) > 0)
    end,
    case erlang:system_info(system_architecture) of
        "x86_64" ++ _ -> ?assertEqual(16#c000003e, alcove:define(Drv, [], alcove:audit_arch()));
        _ -> ok
    end,
    alcove_ct:stop(Drv).

%% The least value of a signed number belongs to its type, and names of errors are there that
%% no system here has.
types_are_those_of_c(_Config) ->
    {ok, {alcove, [{abstract_code, {_, Forms}}]}} =
        beam_lib:chunks(code:which(alcove), [abstract_code]),
    Types = maps:from_list([{Name, Type} || {attribute, _, type, {Name, Type, []}} <- Forms]),
    lists:foreach(
        fun(Bits) ->
            Name = list_to_existing_atom("int" ++ integer_to_list(Bits) ++ "_t"),
            {type, _, range, [Least, Greatest]} = maps:get(Name, Types),
            ?assertEqual(-(1 bsl (Bits - 1)), value(Least)),
            ?assertEqual((1 bsl (Bits - 1)) - 1, value(Greatest))
        end,
        [8, 16, 32, 64]
    ),
    {type, _, union, Errors} = maps:get(posix, Types),
    ?assert(lists:keymember(eisnam, 3, Errors)).

value(Expression) ->
    {value, Value, _} = erl_eval:expr(Expression, []),
    Value.

%%
%% Processes
%%

version_is_that_of_the_protocol(Config) ->
    ?assertEqual(<<"1.0.1">>, alcove:version(drv(Config), [])).

fork_makes_a_child_at_the_end_of_the_pipeline(Config) ->
    Drv = drv(Config),
    Pids = [A, B, C] = alcove_ct:chain(Drv, 3),
    ?assertEqual(C, alcove:getpid(Drv, Pids)),
    ?assertEqual([A], [Pid || #alcove_pid{pid = Pid} <- alcove:cpid(Drv, [])]),
    ?assertEqual([B], [Pid || #alcove_pid{pid = Pid} <- alcove:cpid(Drv, [A])]),
    ?assertEqual([], alcove:cpid(Drv, Pids)).

pipeline_may_be_16_long_by_default(Config) ->
    Drv = drv(Config),
    Pids = alcove_ct:chain(Drv, 16),
    ?assertEqual(lists:last(Pids), alcove:getpid(Drv, Pids)),
    ?assertEqual({error, eagain}, alcove:fork(Drv, Pids)),
    ?assertEqual({error, eagain}, alcove:clone(Drv, Pids, [])).

pipeline_may_be_128_long(Config) ->
    Drv = drv(Config),
    ?assert(alcove:setopt(Drv, [], maxforkdepth, 128)),
    Pids = alcove_ct:chain(Drv, 128),
    ?assertEqual(lists:last(Pids), alcove:getpid(Drv, Pids)),
    ?assertEqual({error, eagain}, alcove:fork(Drv, Pids)),
    ok = alcove:execvp(Drv, Pids, "cat", ["cat"]),
    ok = alcove:stdin(Drv, Pids, "down there\n"),
    ?assertEqual(<<"down there\n">>, alcove_ct:output(Drv, Pids, 11)).

children_are_limited_by_maxchild(Config) ->
    Drv = drv(Config),
    ?assert(alcove:setopt(Drv, [], maxchild, 2)),
    {ok, A} = alcove:fork(Drv, []),
    {ok, _} = alcove:fork(Drv, []),
    ?assertEqual({error, eagain}, alcove:fork(Drv, [])),
    ok = alcove:exit(Drv, [A], 0),
    {exit_status, 0} = alcove_ct:message(Drv, [A], alcove_event),
    ?assertMatch({ok, _}, alcove:fork(Drv, [])).

children_are_listed_in_records(Config) ->
    Drv = drv(Config),
    ?assertEqual([], alcove:cpid(Drv, [])),
    {ok, A} = alcove:fork(Drv, []),
    {ok, B} = alcove:fork(Drv, []),
    [
        #alcove_pid{
            pid = A,
            flowcontrol = -1,
            signaloneof = 15,
            fdctl = Ctl,
            stdin = In,
            stdout = Out,
            stderr = Err
        },
        #alcove_pid{pid = B}
    ] = alcove:cpid(Drv, []),
    ?assertEqual(4, length(lists:usort([FD || FD <- [Ctl, In, Out, Err], FD > 5]))),
    ok = alcove:execvp(Drv, [A], "cat", ["cat"]),
    ?assertMatch([#alcove_pid{fdctl = -2}, _], alcove:cpid(Drv, [])).

field_of_a_child_is_read(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    [Child] = alcove:cpid(Drv, []),
    Fields = [pid, flowcontrol, signaloneof, fdctl, stdin, stdout, stderr],
    ?assertEqual(
        tl(tuple_to_list(Child)),
        [alcove:getcpid(Drv, [], Pid, Field) || Field <- Fields]
    ),
    ?assertEqual(false, alcove:getcpid(Drv, [], Pid, no_such_field)),
    ?assertEqual(false, alcove:getcpid(Drv, [], 1, pid)),
    ?assertEqual(false, alcove:getcpid(Drv, [], 1, no_such_field)),
    ?assert(alcove:setcpid(Drv, [], Pid, signaloneof, 9)),
    ?assertEqual(9, alcove:getcpid(Drv, [], Pid, signaloneof)),
    ?assertNot(alcove:setcpid(Drv, [], Pid, fdctl, 9)).

options_are_read_and_set(Config) ->
    Drv = drv(Config),
    ?assertEqual(
        [1, 1, 0, 0, 0, -1, 15, 16, false],
        [
            alcove:getopt(Drv, [], Opt)
         || Opt <- [exit_status, termsig, stdin_closed, stdout_closed, stderr_closed] ++
                [flowcontrol, signaloneof, maxforkdepth, no_such_option]
        ]
    ),
    ?assert(alcove:setopt(Drv, [], maxforkdepth, 20)),
    ?assertEqual(20, alcove:getopt(Drv, [], maxforkdepth)),
    ?assertNot(alcove:setopt(Drv, [], no_such_option, 1)),
    ?assertNot(alcove:setopt(Drv, [], maxchild, 65535)).

options_are_inherited(Config) ->
    Drv = drv(Config),
    ?assert(alcove:setopt(Drv, [], signaloneof, 9)),
    {ok, Pid} = alcove:fork(Drv, []),
    ?assert(alcove:setopt(Drv, [], signaloneof, 15)),
    ?assertEqual(9, alcove:getopt(Drv, [Pid], signaloneof)).

constants_are_joined(Config) ->
    Drv = drv(Config),
    Define = fun(Constants) -> alcove:define(Drv, [], Constants) end,
    ?assertEqual(16#20000, Define(clone_newns)),
    ?assertEqual(0, Define([])),
    ?assertEqual(1 bor 8#100 bor 16#20000, Define([o_wronly, o_creat, clone_newns])),
    % one bit given twice is one bit, by one name or two
    ?assertEqual(16#20000, Define([clone_newns, clone_newns, 16#20000])),
    ?assertEqual(1, Define([rdonly, ms_rdonly])),
    ?assertEqual(15, Define(sigterm)),
    ?assertEqual(1, Define(seccomp_set_mode_filter)),
    [
        ?assertError({unknown, Name}, Define([o_wronly, Name]))
     || Name <- [no_such_constant, af_no_family]
    ],
    % of calls that have names, and of those that take numbers only
    ?assertEqual(
        [16#ffffffffffffffff, 2, 3, 0, 1, 1, 16, 2, 6],
        [
            Define(Name)
         || Name <- [
                rlim_infinity,
                af_inet,
                sock_raw,
                f_dupfd,
                wnohang,
                prio_pgrp,
                ptrace_attach,
                seek_end,
                ipproto_tcp
            ]
        ]
    ),
    ?assertError(function_clause, Define(<<"clone_newns">>)),
    ?assertError(function_clause, Define(["clone_newns"])).

constants_of_a_filtered_table_are_unknown(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:filter(Drv, [Pid], alcove:filter([clone_constant])),
    ?assertError({unknown, clone_newns}, alcove:define(Drv, [Pid], clone_newns)),
    ?assertEqual(1, alcove:define(Drv, [Pid], o_wronly)).

filtered_calls_are_undefined(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:filter(Drv, [Pid], alcove:filter({allow, [getpid, fork]})),
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid])),
    ?assertError(undef, alcove:getcwd(Drv, [Pid])),
    ?assertError(undef, alcove:filter(Drv, [Pid], <<>>)),
    ?assertError(undef, alcove:execvp(Drv, [Pid], "true", ["true"])),
    {ok, Child} = alcove:fork(Drv, [Pid]),
    ?assertError(undef, alcove:getcwd(Drv, [Pid, Child])),
    ?assertMatch({ok, _}, alcove:getcwd(Drv, [])).

children_may_have_another_filter(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:filter(Drv, [Pid], alcove:filter([getcwd]), alcove:filter([getuid])),
    {ok, Child} = alcove:fork(Drv, [Pid]),
    ?assertError(undef, alcove:getcwd(Drv, [Pid])),
    ?assertMatch({ok, _}, alcove:getcwd(Drv, [Pid, Child])),
    ?assertError(undef, alcove:getuid(Drv, [Pid, Child])).

environment_is_inherited_and_changed(Config) ->
    Drv = drv(Config),
    ok = alcove:clearenv(Drv, []),
    ok = alcove:setenv(Drv, [], "A", "1", 0),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:setenv(Drv, [Pid], "B", "2", 0),
    ok = alcove:setenv(Drv, [Pid], "A", "3", 0),
    ?assertEqual([<<"A=1">>, <<"B=2">>], alcove:environ(Drv, [Pid])),
    ok = alcove:setenv(Drv, [Pid], "A", "3", 1),
    ?assertEqual(<<"3">>, alcove:getenv(Drv, [Pid], "A")),
    ok = alcove:unsetenv(Drv, [Pid], "A"),
    ?assertEqual(false, alcove:getenv(Drv, [Pid], "A")),
    ok = alcove:execvp(Drv, [Pid], "/usr/bin/env", ["env"]),
    ?assertEqual(<<"B=2\n">>, alcove_ct:output(Drv, [Pid], 4)),
    ?assertEqual([<<"A=1">>], alcove:environ(Drv, [])).

files_are_read_and_written(Config) ->
    Drv = drv(Config),
    Path = filename:join(proplists:get_value(dir, Config), "file"),
    {ok, FD} = alcove:open(Drv, [], Path, [o_rdwr, o_creat, o_excl], 8#600),
    ?assertEqual({ok, 6}, alcove:write(Drv, [], FD, ["hello", $\n])),
    ok = alcove:lseek(Drv, [], FD, 1, 0),
    ?assertEqual({ok, <<"ello\n">>}, alcove:read(Drv, [], FD, 100)),
    ?assertEqual({ok, <<>>}, alcove:read(Drv, [], FD, 100)),
    ok = alcove:close(Drv, [], FD),
    ?assertEqual({error, ebadf}, alcove:close(Drv, [], FD)),
    ?assertEqual({ok, <<"hello\n">>}, file:read_file(Path)),
    ok = alcove:unlink(Drv, [], Path),
    ?assertEqual({error, enoent}, alcove:open(Drv, [], Path, [o_rdonly], 0)),
    ?assertEqual({error, enotsup}, alcove:open(Drv, [], Path, [o_no_such_flag], 0)).

directories_are_made_and_listed(Config) ->
    Drv = drv(Config),
    Dir = filename:join(proplists:get_value(dir, Config), "dir"),
    ok = alcove:mkdir(Drv, [], Dir, 8#755),
    ok = alcove:chdir(Drv, [], Dir),
    ?assertEqual({ok, list_to_binary(Dir)}, alcove:getcwd(Drv, [])),
    ok = alcove:symlink(Drv, [], "nowhere", "link"),
    {ok, Names} = alcove:readdir(Drv, [], "."),
    ?assertEqual([<<".">>, <<"..">>, <<"link">>], lists:sort(Names)),
    ?assertEqual({error, enotempty}, alcove:rmdir(Drv, [], Dir)).

limits_are_seen_by_programs(Config) ->
    Drv = drv(Config),
    Default = string:trim(os:cmd("ulimit -Sn")),
    ?assertEqual(Default, ulimit(Drv, "ulimit -Sn", fun(_) -> ok end)),
    ?assertEqual(
        "0 100",
        ulimit(Drv, "echo $(ulimit -f) $(ulimit -Sn)", fun(Pids) ->
            ok = alcove:setrlimit(Drv, Pids, rlimit_fsize, #alcove_rlimit{}),
            Files = #alcove_rlimit{cur = 100, max = 200},
            ok = alcove:setrlimit(Drv, Pids, rlimit_nofile, Files),
            {ok, Files} = alcove:getrlimit(Drv, Pids, rlimit_nofile)
        end)
    ).

ulimit(Drv, Command, Limit) ->
    {ok, Pid} = alcove:fork(Drv, []),
    Limit([Pid]),
    ok = alcove:execvp(Drv, [Pid], "sh", ["sh", "-c", Command]),
    string:trim(binary_to_list(alcove_ct:message(Drv, [Pid], alcove_stdout))).

ten_thousand_children_leave_nothing_behind(Config) ->
    Drv = drv(Config),
    Port = alcove:getpid(Drv, []),
    fork_and_exit(Drv, 100),
    Before = {alcove_ct:descriptors(Port), memory(Port)},
    fork_and_exit(Drv, 10000),
    alcove_ct:until(fun() -> alcove:cpid(Drv, []) =:= [] end),
    ?assertEqual(element(1, Before), alcove_ct:descriptors(Port)),
    ?assertEqual("", os:cmd("ps -o pid= --ppid " ++ integer_to_list(Port))),
    ?assert(memory(Port) =< element(2, Before) + 16, {element(2, Before), memory(Port)}),
    ?assertEqual({messages, []}, process_info(self(), messages)).

fork_and_exit(_Drv, 0) ->
    ok;
fork_and_exit(Drv, N) ->
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:exit(Drv, [Pid], N rem 256),
    ?assertEqual({exit_status, N rem 256}, alcove_ct:message(Drv, [Pid], alcove_event)),
    fork_and_exit(Drv, N - 1).

%% Resident pages.
memory(Pid) ->
    {ok, Statm} = file:read_file(["/proc/", integer_to_list(Pid), "/statm"]),
    [_Size, Resident | _] = string:lexemes(Statm, " "),
    binary_to_integer(Resident).

%%
%% Programs
%%

program_reads_and_writes(Config) ->
    Drv = drv(Config),
    Pids = alcove_ct:chain(Drv, 2),
    ok = alcove:execvp(Drv, Pids, "cat", ["cat"]),
    ok = alcove:stdin(Drv, Pids, ["hello ", <<"process">>, $\n]),
    ?assertEqual(<<"hello process\n">>, alcove_ct:output(Drv, Pids, 14)),
    ok = alcove:eof(Drv, Pids),
    ?assertEqual({exit_status, 0}, alcove:event(Drv, Pids, 30000)),
    ?assertEqual([], alcove:stdout(Drv, Pids)).

program_is_executed_in_three_ways(Config) ->
    Drv = drv(Config),
    Exec = fun(How) ->
        {ok, Pid} = alcove:fork(Drv, []),
        ok = How([Pid]),
        Output = alcove_ct:message(Drv, [Pid], alcove_stdout),
        ?assertEqual({exit_status, 0}, alcove:event(Drv, [Pid], 30000)),
        Output
    end,
    Argv = ["a name", "-c", "echo $0 $V"],
    ?assertEqual(<<"a name\n">>, Exec(fun(Pids) -> alcove:execvp(Drv, Pids, "sh", Argv) end)),
    ?assertEqual(
        <<"a name 1\n">>,
        Exec(fun(Pids) -> alcove:execve(Drv, Pids, "/bin/sh", Argv, ["V=1"]) end)
    ),
    {ok, FD} = alcove:open(Drv, [], "/bin/sh", [o_rdonly, o_cloexec], 0),
    ?assertEqual(
        <<"a name 2\n">>,
        Exec(fun(Pids) -> alcove:fexecve(Drv, Pids, FD, Argv, ["V=2"]) end)
    ).

program_that_is_not_there_leaves_the_process_usable(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ?assertEqual({error, enoent}, alcove:execvp(Drv, [Pid], "no such program", ["x"])),
    ?assertEqual({error, eacces}, alcove:execve(Drv, [Pid], "/etc/passwd", ["x"], [])),
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid])),
    ok = alcove:execvp(Drv, [Pid], "true", ["true"]),
    ?assertEqual({exit_status, 0}, alcove:event(Drv, [Pid], 30000)).

program_writes_errors_to_stderr(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:execvp(Drv, [Pid], "sh", ["sh", "-c", "echo out; echo err >&2; exit 200"]),
    ?assertEqual({exit_status, 200}, alcove_ct:message(Drv, [Pid], alcove_event)),
    ?assertEqual([<<"err\n">>], alcove:stderr(Drv, [Pid])),
    ?assertEqual([<<"out\n">>], alcove:stdout(Drv, [Pid])).

output_waits_for_a_quiet_period(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    Script = "for i in 1 2 3; do echo $i; sleep 0.2; done; exec cat",
    ok = alcove:execvp(Drv, [Pid], "sh", ["sh", "-c", Script]),
    ?assertEqual([<<"1\n">>, <<"2\n">>, <<"3\n">>], alcove:stdout(Drv, [Pid], 5000)).

output_comes_before_an_error(Config) ->
    Drv = drv(Config),
    Send = fun(Tag, Term) -> self() ! {Tag, Drv, [1], Term} end,
    Send(alcove_stdout, <<"1">>),
    Send(alcove_pipe, 7),
    Send(alcove_stdout, <<"2">>),
    ?assertEqual([<<"1">>], alcove:stdout(Drv, [1])),
    ?assertError({eagain, 7}, alcove:stdout(Drv, [1])),
    ?assertEqual([<<"2">>], alcove:stdout(Drv, [1])),
    [Send(Tag, Term) || {Tag, Term} <- [{alcove_ctl, badpid}, {alcove_call, undef}]],
    ?assertError(badpid, alcove:stderr(Drv, [1])),
    ?assertError(undef, alcove:stderr(Drv, [1], 1000)),
    ?assertEqual([], alcove:stderr(Drv, [1])).

%% Nothing is taken out of the mailbox and put back behind what has come meanwhile.
problems_behind_output_keep_their_order(Config) ->
    Drv = drv(Config),
    Send = fun(Tag, Term) -> self() ! {Tag, Drv, [1], Term} end,
    lists:foreach(
        fun(Timeout) ->
            Send(alcove_stdout, <<"hi">>),
            % no problem, but news that were asked for
            Send(alcove_ctl, {stdin_taken, 5}),
            Send(alcove_ctl, fdctl_closed),
            Send(alcove_stderr, <<"other">>),
            Send(alcove_stdout, <<"ho">>),
            Send(alcove_pipe, 0),
            Send(alcove_pipe, 4096),
            Send(alcove_event, {exit_status, 1}),
            ?assertEqual([<<"hi">>, <<"ho">>], alcove:stdout(Drv, [1], Timeout)),
            ?assertError({eagain, 0}, alcove:stdout(Drv, [1], Timeout)),
            ?assertEqual({alcove_pipe, {eagain, 4096}}, alcove:event(Drv, [1], Timeout)),
            ?assertEqual({exit_status, 1}, alcove:event(Drv, [1], Timeout)),
            ?assertEqual(<<"other">>, alcove_drv:stderr(Drv, [1], Timeout)),
            ?assertEqual({stdin_taken, 5}, alcove_ct:message(Drv, [1], alcove_ctl))
        end,
        [0, 60000, infinity]
    ),
    ?assertEqual({messages, []}, process_info(self(), messages)).

%% One that comes while the call waits for more output ends the wait.
problem_ends_the_wait_for_more_output(Config) ->
    Drv = drv(Config),
    Test = self(),
    self() ! {alcove_stdout, Drv, [1], <<"1">>},
    spawn_link(fun() ->
        alcove_ct:until(
            fun() -> process_info(Test, message_queue_len) =:= {message_queue_len, 0} end
        ),
        Test ! {alcove_stdout, Drv, [1], <<"2">>},
        alcove_ct:until(
            fun() -> process_info(Test, message_queue_len) =:= {message_queue_len, 0} end
        ),
        Test ! {alcove_pipe, Drv, [1], 1},
        Test ! {alcove_pipe, Drv, [1], 2}
    end),
    ?assertEqual([<<"1">>, <<"2">>], alcove:stdout(Drv, [1], infinity)),
    ?assertError({eagain, 1}, alcove:stdout(Drv, [1], infinity)),
    ?assertError({eagain, 2}, alcove:stdout(Drv, [1], infinity)).

output_of_two_megabytes_passes_16_processes(Config) ->
    Drv = drv(Config),
    Data = rand:bytes(2 bsl 20),
    Path = filename:join(proplists:get_value(dir, Config), "data"),
    ok = file:write_file(Path, Data),
    Pids = alcove_ct:chain(Drv, 16),
    ok = alcove:execvp(Drv, Pids, "cat", ["cat", Path]),
    Output = alcove_ct:output(Drv, Pids, byte_size(Data)),
    ?assertEqual(erlang:md5(Data), erlang:md5(Output)),
    ?assertEqual({exit_status, 0}, alcove:event(Drv, Pids, 30000)).

input_ends_by_eof(Config) ->
    Drv = drv(Config),
    Pids = alcove_ct:chain(Drv, 2),
    ok = alcove:execvp(Drv, Pids, "wc", ["wc", "-c"]),
    ok = alcove:stdin(Drv, Pids, "12345"),
    ok = alcove:eof(Drv, Pids),
    ?assertEqual(<<"5\n">>, alcove_ct:output(Drv, Pids, 2)).

eof_of_each_stream_is_once(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:execvp(Drv, [Pid], "sleep", ["sleep", "1000"]),
    lists:foreach(
        fun(Stream) ->
            ?assertEqual({Stream, ok}, {Stream, alcove:eof(Drv, [Pid], Stream)}),
            ?assertEqual({Stream, {error, ebadf}}, {Stream, alcove:eof(Drv, [Pid], Stream)})
        end,
        [stdin, stdout, stderr]
    ).

eof_needs_a_child(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ?assertEqual({error, esrch}, alcove:eof(Drv, [])),
    ?assertEqual({error, esrch}, alcove:eof(Drv, [], no_such_stream)),
    ?assertEqual({error, esrch}, alcove:eof(Drv, [Pid, 1])),
    ?assertEqual({error, esrch}, alcove:eof(Drv, [1], no_such_stream)),
    ?assertError(function_clause, alcove:eof(Drv, [Pid], no_such_stream)),
    ?assertError(badpid, alcove:eof(Drv, [1, Pid])).

%% Before it is looked up, or between that and the close.
eof_of_a_program_that_ends_is_ok(Config) ->
    Drv = drv(Config),
    Run = fun(Program) ->
        {ok, Pid} = alcove:fork(Drv, []),
        ok = alcove:execvp(Drv, [Pid], "sh", ["sh", "-c", Program]),
        [Pid]
    end,
    [
        begin
            Pids = Run("read -r line"),
            ok = alcove:stdin(Drv, Pids, "line\n"),
            ?assertEqual({N, ok}, {N, alcove:eof(Drv, Pids)}),
            ?assertEqual({exit_status, 0}, alcove:event(Drv, Pids, 30000))
        end
     || N <- lists:seq(1, 100)
    ],
    Pids = Run("exit 3"),
    [Pid] = Pids,
    alcove_ct:until(fun() -> alcove:getcpid(Drv, [], Pid, stdin) =:= false end),
    ?assertEqual(ok, alcove:eof(Drv, Pids)),
    ?assertEqual({exit_status, 3}, alcove:event(Drv, Pids)),
    ?assertEqual({error, esrch}, alcove:eof(Drv, Pids)).

ends_of_streams_are_reported_if_asked_for(Config) ->
    Drv = drv(Config),
    [?assert(alcove:setopt(Drv, [], list_to_atom(Stream ++ "_closed"), 1)) || Stream <- streams()],
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:execvp(Drv, [Pid], "true", ["true"]),
    Messages = [
        receive
            {Tag, Drv, [Pid], Term} -> {Tag, Term}
        after 30000 -> none
        end
     || _ <- lists:seq(1, 4)
    ],
    ?assertEqual(
        [{alcove_ctl, stderr_closed}, {alcove_ctl, stdout_closed}],
        lists:sort(lists:sublist(Messages, 2))
    ),
    ?assertEqual(
        [{alcove_ctl, stdin_closed}, {alcove_event, {exit_status, 0}}],
        lists:nthtail(2, Messages)
    ),
    [self() ! {alcove_ctl, Drv, [Pid], stdout_closed} || _ <- [stdout, stderr, event]],
    ?assertError(stdout_closed, alcove:stdout(Drv, [Pid])),
    ?assertError(stdout_closed, alcove:stderr(Drv, [Pid])),
    ?assertEqual({alcove_error, stdout_closed}, alcove:event(Drv, [Pid])).

streams() -> ["stdin", "stdout", "stderr"].

output_is_held_by_flow_control(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ?assert(alcove:setcpid(Drv, [], Pid, flowcontrol, 0)),
    ok = alcove:execvp(Drv, [Pid], "sh", ["sh", "-c", "echo 1; read x; echo 2; read x; echo 3"]),
    ?assertEqual([], alcove:stdout(Drv, [Pid], 100)),
    ?assert(alcove:setcpid(Drv, [], Pid, flowcontrol, 1)),
    ?assertEqual(<<"1\n">>, alcove_ct:message(Drv, [Pid], alcove_stdout)),
    ok = alcove:stdin(Drv, [Pid], "\n"),
    ?assertEqual([], alcove:stdout(Drv, [Pid], 100)),
    ?assertEqual(0, alcove:getcpid(Drv, [], Pid, flowcontrol)),
    ok = alcove:stdin(Drv, [Pid], "\n"),
    ?assertEqual({exit_status, 0}, alcove_ct:message(Drv, [Pid], alcove_event)),
    ?assert(alcove:setcpid(Drv, [], Pid, flowcontrol, -1)),
    ?assertEqual(<<"2\n3\n">>, alcove_ct:output(Drv, [Pid], 4)).

descriptors_of_a_program_are_its_own(Config) ->
    Drv = drv(Config),
    {ok, _Sibling} = alcove:fork(Drv, []),
    [Pid] = Pids = alcove_ct:chain(Drv, 1),
    {ok, Kept} = alcove:open(Drv, Pids, "/dev/null", [o_rdonly], 0),
    {ok, _} = alcove:open(Drv, Pids, "/dev/null", [o_rdonly, o_cloexec], 0),
    ok = alcove:execvp(Drv, Pids, "cat", ["cat"]),
    % then its loader has closed the libraries
    ok = alcove:stdin(Drv, Pids, "up\n"),
    ?assertEqual(<<"up\n">>, alcove_ct:message(Drv, Pids, alcove_stdout)),
    ?assertEqual(
        [0, 1, 2, Kept],
        [FD || {FD, _} <- alcove_ct:descriptors(Pid)]
    ).

port_becomes_a_program(_Config) ->
    process_flag(trap_exit, true),
    Drv = alcove_ct:start([stderr_to_stdout]),
    ok = alcove:execvp(Drv, [], "sh", ["sh", "-c", "echo err >&2; exec cat"]),
    ?assertEqual(<<"err\n">>, alcove_ct:output(Drv, [], 4)),
    ok = alcove:stdin(Drv, [], "raw\n"),
    ?assertEqual(<<"raw\n">>, alcove_ct:output(Drv, [], 4)),
    ok = gen_server:call(Drv, {send, binary:copy(<<"x">>, 100000)}),
    ?assertEqual(100000, byte_size(alcove_ct:output(Drv, [], 100000))),
    alcove_ct:stop(Drv).

port_is_executed_again_in_a_child(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    {ok, FD} = alcove:open(Drv, [Pid], alcove_drv:progname(), [o_rdonly, o_cloexec], 0),
    [
        {ok, _} = alcove:fcntl(Drv, [Pid], Keep, f_setfd, 0)
     || Keep <- [3, 4, 5]
    ],
    [_ | Argv] = alcove_drv:getopts([{depth, 1}, {maxchild, 8}]),
    ok = gen_server:call(
        Drv,
        {send, alcove_codec:call(fexecve, [Pid], [FD, ["again" | Argv], ["X=1"]])},
        infinity
    ),
    ?assertEqual(ok, alcove_ct:message(Drv, [Pid], alcove_call)),
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid])),
    ?assertEqual(8, alcove:getopt(Drv, [Pid], maxchild)),
    {ok, Child} = alcove:fork(Drv, [Pid]),
    ?assertEqual(Child, alcove:getpid(Drv, [Pid, Child])).

%%
%% Trouble
%%

exit_is_an_event(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:exit(Drv, [Pid], 7),
    ?assertEqual({exit_status, 7}, alcove:event(Drv, [Pid], 30000)),
    ?assertError(badpid, alcove:getpid(Drv, [Pid])).

event_of_an_idle_child_is_the_error_of_the_next_call(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:exit(Drv, [Pid], 7),
    alcove_ct:until(fun() ->
        {messages, Messages} = process_info(self(), messages),
        lists:member({alcove_event, Drv, [Pid], {exit_status, 7}}, Messages)
    end),
    ?assertError({exit_status, 7}, alcove:getpid(Drv, [Pid])),
    ?assertError(badpid, alcove:getpid(Drv, [Pid])),
    ?assertEqual({messages, []}, process_info(self(), messages)).

child_killed_in_a_call_is_its_error(Config) ->
    Drv = drv(Config),
    [Pid] = Pids = alcove_ct:chain(Drv, 1),
    kill_soon(Pid),
    ?assertError({termsig, sigkill}, alcove:select(Drv, Pids, [], [], [], [])),
    ?assertError(badpid, alcove:getpid(Drv, Pids)).

%% The caller is busy when it happens, or about to be.
kill_soon(Pid) ->
    spawn_link(fun() -> [] = os:cmd("kill -9 " ++ integer_to_list(Pid)) end).

exec_in_a_dead_child_is_an_error(Config) ->
    Drv = drv(Config),
    [Pid] = Pids = alcove_ct:chain(Drv, 1),
    ok = alcove:kill(Drv, [], Pid, sigkill),
    {termsig, sigkill} = alcove_ct:message(Drv, Pids, alcove_event),
    ?assertError(badpid, alcove:execvp(Drv, Pids, "true", ["true"])).

death_in_the_middle_ends_a_call_below(Config) ->
    Drv = drv(Config),
    Pids = [Top | _] = alcove_ct:chain(Drv, 3),
    kill_soon(Top),
    ?assertError(badpid, alcove:select(Drv, Pids, [], [], [], [])),
    ?assertEqual({termsig, sigkill}, alcove:event(Drv, [Top], 30000)),
    ?assertError(badpid, alcove:getpid(Drv, Pids)).

missing_process_is_an_error(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    [
        ?assertEqual(
            {Pids, badpid}, {Pids, alcove_ct:raised(fun() -> alcove:getpid(Drv, Pids) end)}
        )
     || Pids <- [[0], [1], [-1], [16#7fffffff], [1, 2], [Pid, 2], [Pid, 2, 3], [1, Pid]]
    ],
    % more than the 32 bits of a frame are cut off
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid + (1 bsl 32)])),
    ok = alcove:stdin(Drv, [1], "data"),
    ?assertEqual({alcove_error, badpid}, alcove:event(Drv, [1], 30000)),
    ?assertEqual({messages, []}, process_info(self(), messages)).

full_input_is_an_error(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:execvp(Drv, [Pid], "sleep", ["sleep", "1000"]),
    [ok = alcove:stdin(Drv, [Pid], <<0:(65527 * 8)>>) || _ <- lists:seq(1, 5)],
    ?assertMatch({eagain, _}, alcove_ct:raised(fun() -> alcove:getpid(Drv, [Pid]) end)),
    ?assertMatch({eagain, _}, alcove_ct:raised(fun() -> alcove:stdout(Drv, [Pid], 30000) end)),
    ?assertMatch({eagain, _}, alcove_ct:raised(fun() -> alcove:stderr(Drv, [Pid], 30000) end)),
    ?assertMatch({alcove_pipe, {eagain, _}}, alcove:event(Drv, [Pid], 30000)).

late_reply_does_not_answer_the_next_call(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    Time = #alcove_timeval{usec = 200000},
    ?assertError(timeout, alcove:select(Drv, [Pid], [], [], [], Time, 0)),
    ?assertError(timeout, alcove:version(Drv, [Pid], 0)),
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid])),
    ?assertEqual({ok, [], [], []}, alcove_ct:message(Drv, [Pid], alcove_call)),
    ?assertEqual(<<"1.0.1">>, alcove_ct:message(Drv, [Pid], alcove_call)),
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid])).

late_exec_does_not_disturb_the_next_call(Config) ->
    Drv = drv(Config),
    {ok, A} = alcove:fork(Drv, []),
    {ok, B} = alcove:fork(Drv, []),
    ?assertError(timeout, alcove:execvp(Drv, [A], "cat", ["cat"], 0)),
    ok = alcove:execvp(Drv, [B], "cat", ["cat"]),
    ?assertEqual(fdctl_closed, alcove_ct:message(Drv, [A], alcove_ctl)),
    ok = alcove:stdin(Drv, [A], "a\n"),
    ?assertEqual(<<"a\n">>, alcove_ct:output(Drv, [A], 2)).

timeout_is_checked(Config) ->
    Drv = drv(Config),
    ?assertError(timeout_value, alcove:getpid(Drv, [], -1)),
    ?assertError(function_clause, alcove:getpid(Drv, [], 1.0)),
    ?assertError(function_clause, alcove:getpid(Drv, [], forever)),
    ?assertEqual(<<"1.0.1">>, alcove:version(Drv, [], 30000)),
    ?assertEqual({messages, []}, process_info(self(), messages)).

pipeline_is_checked(Config) ->
    Drv = drv(Config),
    ?assertError(function_clause, alcove:getpid(Drv, 1)),
    ?assertError(badarg, alcove:getpid(Drv, [pid])),
    ?assertError(function_clause, alcove_drv:call(Drv, [], no_such_call, [], infinity)),
    ?assertEqual({alcove_error, badarg}, alcove_drv:call(Drv, [], getpid, [too, many], infinity)).

%% They do not fit in a frame; an environment may be set variable by variable.
arguments_of_a_program_may_be_too_many(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    Large = ["echo", binary:copy(<<"x">>, 70000)],
    ?assertEqual({error, e2big}, alcove:execvp(Drv, [Pid], "echo", Large)),
    ?assertEqual({error, e2big}, alcove:execve(Drv, [Pid], "/bin/echo", ["echo"], Large)),
    ?assertEqual({error, e2big}, alcove:fexecve(Drv, [Pid], 0, Large, ["A=1"])),
    ?assertEqual({error, e2big}, alcove_drv:call(Drv, [Pid], execvp, ["echo", Large], infinity)),
    ?assertError(badarg, alcove:setenv(Drv, [Pid], "A", Large, 1)),
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid])),
    Value = binary:copy(<<"x">>, 50000),
    [ok = alcove:setenv(Drv, [Pid], Name, Value, 1) || Name <- ["A", "B", "C"]],
    ok = alcove:execvp(Drv, [Pid], "sh", ["sh", "-c", "echo ${#A} ${#B} ${#C}"]),
    ?assertEqual([<<"50000 50000 50000\n">>], alcove:stdout(Drv, [Pid], 5000)).

largest_call_is_64_kilobytes(Config) ->
    Drv = drv(Config),
    Pids = alcove_ct:chain(Drv, 16),
    lists:foreach(
        fun({At, Size}) ->
            Data = rand:bytes(Size),
            ?assertEqual(Data, alcove:iolist_to_bin(Drv, At, Data)),
            ?assertError(badarg, alcove:iolist_to_bin(Drv, At, <<Data/binary, 0>>))
        end,
        [{[], 65521}, {lists:sublist(Pids, 1), 65513}, {Pids, 65393}]
    ).

largest_input_is_64_kilobytes(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:execvp(Drv, [Pid], "cat", ["cat"]),
    Data = rand:bytes(65527),
    ok = alcove:stdin(Drv, [Pid], Data),
    ?assertEqual(Data, alcove_ct:output(Drv, [Pid], 65527)),
    ?assertError(badarg, alcove:stdin(Drv, [Pid], [Data, 0])),
    ?assertEqual([], alcove:stdout(Drv, [Pid])).

reply_is_found_among_many_messages(Config) ->
    Drv = drv(Config),
    Messages = [{alcove_stdout, Drv, [1], integer_to_binary(N)} || N <- lists:seq(1, 100000)],
    [self() ! Message || Message <- Messages],
    Pid = alcove:getpid(Drv, []),
    [?assertEqual(Pid, alcove:getpid(Drv, [])) || _ <- lists:seq(1, 1000)],
    ?assertEqual({messages, Messages}, process_info(self(), messages)).

signal_is_an_event_with_siginfo(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    Sender = alcove:getpid(Drv, []),
    ok = alcove:kill(Drv, [], Pid, sigusr1),
    {signal, sigusr1, Siginfo} = alcove:event(Drv, [Pid], 30000),
    ?assertMatch(
        <<10:32/native, 0:32, 0:32, 0:32, Sender:32/native, _/binary>>,
        Siginfo
    ),
    ?assertEqual(128, byte_size(Siginfo)).

signal_may_be_ignored_or_kill(Config) ->
    Drv = drv(Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ?assertEqual({ok, sig_info}, alcove:sigaction(Drv, [Pid], sigterm, [])),
    ?assertEqual({ok, sig_info}, alcove:sigaction(Drv, [Pid], sigterm, sig_ign)),
    ok = alcove:kill(Drv, [], Pid, sigterm),
    ?assertEqual({ok, sig_ign}, alcove:sigaction(Drv, [Pid], sigterm, sig_dfl)),
    ?assertError(badarg, alcove:sigaction(Drv, [Pid], sigterm, no_such_handler)),
    ok = alcove:kill(Drv, [], Pid, sigterm),
    ?assertEqual({termsig, sigterm}, alcove:event(Drv, [Pid], 30000)),
    ?assertEqual({error, esrch}, alcove:kill(Drv, [], Pid, 0)).

children_are_waited_for_with_sigchld_taken_over(Config) ->
    Drv = drv(Config),
    {ok, sig_dfl} = alcove:sigaction(Drv, [], sigchld, sig_info),
    {ok, Pid} = alcove:fork(Drv, []),
    ?assertEqual({ok, 0, 0, []}, alcove:waitpid(Drv, [], Pid, [wnohang])),
    ok = alcove:exit(Drv, [Pid], 3),
    ?assertMatch({signal, sigchld, _}, alcove:event(Drv, [], 30000)),
    ?assertEqual({ok, Pid, 3 bsl 8, [{exit_status, 3}]}, alcove:waitpid(Drv, [], Pid, [])),
    ?assertEqual({error, echild}, alcove:waitpid(Drv, [], Pid, [])),
    ?assertEqual(false, alcove:event(Drv, [Pid])).

event_never_raises(Config) ->
    Drv = drv(Config),
    ?assertEqual(false, alcove:event(Drv, [1])),
    [self() ! {alcove_ctl, Drv, [1], Reason} || Reason <- [fdctl_closed, fdctl_closed, badpid]],
    self() ! {alcove_call, Drv, [1], undef},
    self() ! {alcove_pipe, Drv, [1], 5},
    self() ! {alcove_event, Drv, [1], {exit_status, 0}},
    ?assertEqual(
        [{alcove_error, badpid}, {alcove_error, undef}, {alcove_pipe, {eagain, 5}}] ++
            [{exit_status, 0}, false],
        [alcove:event(Drv, [1]) || _ <- lists:seq(1, 5)]
    ),
    ?assertEqual({messages, []}, process_info(self(), messages)).
