%% SPDX-License-Identifier: ISC

%% A process of the port as the debugger of its children.
-module(alcove_ptrace_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    signals_of_a_traced_program_are_rewritten/1,
    stop_of_a_traced_child_is_not_its_end/1,
    system_calls_of_a_program_are_listed/1,
    arguments_of_a_system_call_are_rewritten/1,
    memory_of_a_program_is_read_and_written/1,
    running_process_is_attached_and_detached/1,
    program_is_seen_to_execute_another/1,
    program_ends_with_its_tracer_if_asked/1,
    tracing_needs_rights_over_the_process/1
]).

-define(LIMIT, 30000).

all() ->
    alcove_os:cases(?MODULE).

%% Whoever traces has to wait for its children itself.
init_per_testcase(Case, Config) ->
    alcove_os:needs(Config, capabilities(Case), fun() ->
        Drv = alcove_ct:start(),
        Tracer = alcove_ct:chain(Drv, 1),
        {ok, sig_dfl} = alcove:sigaction(Drv, Tracer, sigchld, sig_info),
        [{drv, Drv}, {tracer, Tracer} | Config]
    end).

capabilities(tracing_needs_rights_over_the_process) -> [cap_setuid];
capabilities(_) -> [].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(?config(drv, Config)).

%% The walk-through of a debugger: a program stops before its first instruction, goes on, is
%% spared a SIGTERM and then gets one that nobody has sent.
signals_of_a_traced_program_are_rewritten(Config) ->
    {Drv, Tracer} = {?config(drv, Config), ?config(tracer, Config)},
    [_, Pid] = Traced = trace_me(Drv, Tracer),
    alcove_os:execute(Drv, Traced, ["cat"]),
    {signal, sigchld, _} = alcove:event(Drv, Tracer, ?LIMIT),
    {ok, Pid, _, [{stopsig, sigtrap}]} = alcove:waitpid(Drv, Tracer, -1, [wnohang]),
    {ok, 0, 0, []} = alcove:waitpid(Drv, Tracer, -1, [wnohang]),
    {ok, 0, <<>>, <<>>} = alcove:ptrace(Drv, Tracer, ptrace_cont, Pid, 0, 0),
    ok = alcove:stdin(Drv, Traced, "test\n"),
    <<"test\n">> = alcove_ct:output(Drv, Traced, 5),

    ok = alcove:kill(Drv, Tracer, Pid, sigterm),
    {signal, sigchld, _} = alcove:event(Drv, Tracer, ?LIMIT),
    {ok, Pid, _, [{stopsig, sigterm}]} = alcove:waitpid(Drv, Tracer, -1, [wnohang]),
    Winch = alcove:signal_constant(Drv, [], sigwinch),
    {ok, 0, <<>>, <<>>} = alcove:ptrace(Drv, Tracer, ptrace_cont, Pid, 0, Winch),
    ok = alcove:stdin(Drv, Traced, "still there\n"),
    <<"still there\n">> = alcove_ct:output(Drv, Traced, 12),

    ok = alcove:kill(Drv, Tracer, Pid, sigwinch),
    {signal, sigchld, _} = alcove:event(Drv, Tracer, ?LIMIT),
    {ok, Pid, _, [{stopsig, sigwinch}]} = alcove:waitpid(Drv, Tracer, Pid, []),
    Term = alcove:signal_constant(Drv, [], sigterm),
    {ok, 0, <<>>, <<>>} = alcove:ptrace(Drv, Tracer, ptrace_cont, Pid, 0, Term),
    {signal, sigchld, _} = alcove:event(Drv, Tracer, ?LIMIT),
    {ok, Pid, 15, [{termsig, sigterm}]} = alcove:waitpid(Drv, Tracer, -1, []),
    ?assertEqual({error, echild}, alcove:waitpid(Drv, Tracer, -1, [wnohang])).

%% Even to a parent that leaves its children to the loop.
stop_of_a_traced_child_is_not_its_end(Config) ->
    {Drv, Tracer} = {?config(drv, Config), ?config(tracer, Config)},
    {ok, sig_info} = alcove:sigaction(Drv, Tracer, sigchld, sig_dfl),
    {ok, Pid} = alcove:fork(Drv, Tracer),
    {ok, 0, <<>>, <<>>} = alcove:ptrace(Drv, Tracer, ptrace_attach, Pid, 0, 0),
    ?assertEqual([Pid], [element(2, Child) || Child <- alcove:cpid(Drv, Tracer)]),
    detach(Drv, Tracer, Pid),
    ?assertEqual(Pid, alcove:getpid(Drv, Tracer ++ [Pid])),
    ?assertEqual(false, alcove:event(Drv, Tracer ++ [Pid], 0)).

%% It has stopped when this works.
detach(Drv, Tracer, Pid) ->
    alcove_ct:until(fun() ->
        case alcove:ptrace(Drv, Tracer, ptrace_detach, Pid, 0, 0) of
            {ok, 0, <<>>, <<>>} -> true;
            {error, esrch} -> not_stopped
        end
    end).

%% As strace(1) does it: two stops for each call.
system_calls_of_a_program_are_listed(Config) ->
    {Drv, Tracer} = {?config(drv, Config), ?config(tracer, Config)},
    Pid = start_traced(Drv, Tracer, [alcove_os:busybox(), "pwd"]),
    Calls = calls(Drv, Tracer, Pid, fun(_Number) -> ok end),
    [GetCwd, Write, Exit] =
        [alcove:define(Drv, [], Call) || Call <- [sys_getcwd, sys_write, sys_exit_group]],
    ?assert(lists:member(GetCwd, Calls)),
    ?assert(lists:member(Write, Calls)),
    ?assertEqual(Exit, lists:last(Calls)).

%% Of what a program writes two bytes come out; it finds that and writes the others.
arguments_of_a_system_call_are_rewritten(Config) ->
    {Drv, Tracer} = {?config(drv, Config), ?config(tracer, Config)},
    Pid = start_traced(Drv, Tracer, [alcove_os:busybox(), "echo", "hello"]),
    Write = alcove:define(Drv, [], sys_write),
    Calls = calls(Drv, Tracer, Pid, fun(Number) ->
        case {Number, register(Drv, Tracer, Pid, third_argument)} of
            {Write, 6} -> set_register(Drv, Tracer, Pid, third_argument, 2);
            _ -> ok
        end
    end),
    ?assertEqual(2, length([Call || Call <- Calls, Call =:= Write])),
    ?assertEqual(<<"hello\n">>, alcove_ct:output(Drv, Tracer ++ [Pid], 6)).

%% The arguments of a program that has not begun are behind its stack pointer.
memory_of_a_program_is_read_and_written(Config) ->
    {Drv, Tracer} = {?config(drv, Config), ?config(tracer, Config)},
    Pid = start_traced(Drv, Tracer, ["echo", "hello"]),
    Path = ["/proc/", integer_to_list(Pid), "/mem"],
    {ok, Memory} = alcove:open(Drv, Tracer, Path, [o_rdwr, o_cloexec], 0),
    ok = alcove:lseek(Drv, Tracer, Memory, register(Drv, Tracer, Pid, stack_pointer), 0),
    {ok, <<Count:64/native, _Name:64/native, Argument:64/native>>} =
        alcove:read(Drv, Tracer, Memory, 24),
    ok = alcove:lseek(Drv, Tracer, Memory, Argument, 0),
    ?assertEqual({2, {ok, <<"hello", 0>>}}, {Count, alcove:read(Drv, Tracer, Memory, 6)}),
    ok = alcove:lseek(Drv, Tracer, Memory, Argument, 0),
    {ok, 1} = alcove:write(Drv, Tracer, Memory, "j"),
    {ok, 0, <<>>, <<>>} = alcove:ptrace(Drv, Tracer, ptrace_cont, Pid, 0, 0),
    ?assertEqual(<<"jello\n">>, alcove_ct:output(Drv, Tracer ++ [Pid], 6)).

%% A sibling, not a child: the kernel makes the tracer its waiter.
running_process_is_attached_and_detached(Config) ->
    {Drv, Tracer} = {?config(drv, Config), ?config(tracer, Config)},
    [Cat] = alcove_ct:chain(Drv, 1),
    alcove_os:execute(Drv, [Cat], ["cat"]),
    ok = alcove:stdin(Drv, [Cat], "one\n"),
    <<"one\n">> = alcove_ct:output(Drv, [Cat], 4),
    {ok, 0, <<>>, <<>>} = alcove:ptrace(Drv, Tracer, ptrace_attach, Cat, 0, 0),
    {signal, sigchld, _} = alcove:event(Drv, Tracer, ?LIMIT),
    {ok, Cat, _, [{stopsig, sigstop}]} = alcove:waitpid(Drv, Tracer, Cat, []),
    ok = alcove:stdin(Drv, [Cat], "two\n"),
    {ok, 0, <<>>, <<>>} = alcove:ptrace(Drv, Tracer, ptrace_detach, Cat, 0, 0),
    <<"two\n">> = alcove_ct:output(Drv, [Cat], 4),
    ok = alcove:kill(Drv, [], Cat, sigterm),
    ?assertEqual({termsig, sigterm}, alcove:event(Drv, [Cat], ?LIMIT)).

%% The stop carries the event in the third byte of the status.
program_is_seen_to_execute_another(Config) ->
    {Drv, Tracer} = {?config(drv, Config), ?config(tracer, Config)},
    Pid = start_traced(Drv, Tracer, ["sh", "-c", "exec sleep 1000"]),
    set_options(Drv, Tracer, Pid, [ptrace_o_traceexec]),
    {ok, 0, <<>>, <<>>} = alcove:ptrace(Drv, Tracer, ptrace_cont, Pid, 0, 0),
    {ok, Pid, Status, [{stopsig, sigtrap}]} = alcove:waitpid(Drv, Tracer, Pid, []),
    ?assertEqual(alcove:ptrace_constant(Drv, [], ptrace_event_exec), Status bsr 16),
    ?assertEqual(
        {ok, 0, <<>>, <<Pid:64/native>>},
        alcove:ptrace(Drv, Tracer, ptrace_geteventmsg, Pid, 0, <<0:64>>)
    ),
    ?assertEqual(
        <<"sleep\n">>,
        alcove_os:read_file(Drv, Tracer, ["/proc/", integer_to_list(Pid), "/comm"])
    ).

program_ends_with_its_tracer_if_asked(Config) ->
    {Drv, Tracer} = {?config(drv, Config), ?config(tracer, Config)},
    [Cat] = alcove_ct:chain(Drv, 1),
    alcove_os:execute(Drv, [Cat], ["cat"]),
    ExitKill = alcove:ptrace_constant(Drv, [], ptrace_o_exitkill),
    {ok, 0, <<>>, <<>>} = alcove:ptrace(Drv, Tracer, ptrace_seize, Cat, 0, ExitKill),
    ok = alcove:exit(Drv, Tracer, 0),
    ?assertEqual({termsig, sigkill}, alcove:event(Drv, [Cat], ?LIMIT)).

tracing_needs_rights_over_the_process(Config) ->
    {Drv, Tracer} = {?config(drv, Config), ?config(tracer, Config)},
    [Other] = alcove_ct:chain(Drv, 1),
    Attach = fun(Pid) -> alcove:ptrace(Drv, Tracer, ptrace_attach, Pid, 0, 0) end,
    ?assertEqual({error, eperm}, Attach(hd(Tracer))),
    ok = alcove:setuid(Drv, Tracer, 65534),
    ?assertEqual({error, eperm}, Attach(Other)),
    ?assertEqual({error, esrch}, alcove:ptrace(Drv, Tracer, ptrace_cont, Other, 0, 0)).

%% A child that stops when it executes a program.
trace_me(Drv, Tracer) ->
    {ok, Pid} = alcove:fork(Drv, Tracer),
    {ok, 0, <<>>, <<>>} = alcove:ptrace(Drv, Tracer ++ [Pid], ptrace_traceme, 0, 0, 0),
    Tracer ++ [Pid].

start_traced(Drv, Tracer, Argv) ->
    [_, Pid] = Traced = trace_me(Drv, Tracer),
    alcove_os:execute(Drv, Traced, Argv),
    {ok, Pid, _, [{stopsig, sigtrap}]} = alcove:waitpid(Drv, Tracer, Pid, []),
    Pid.

set_options(Drv, Tracer, Pid, Options) ->
    Bits = [alcove:ptrace_constant(Drv, [], Option) || Option <- Options],
    {ok, 0, <<>>, <<>>} =
        alcove:ptrace(Drv, Tracer, ptrace_setoptions, Pid, 0, lists:sum(Bits)).

%% Lets a program run to its end and tells of each system call that it begins.
calls(Drv, Tracer, Pid, Fun) ->
    set_options(Drv, Tracer, Pid, [ptrace_o_tracesysgood]),
    calls(Drv, Tracer, Pid, Fun, enter, []).

calls(Drv, Tracer, Pid, Fun, Side, Calls) ->
    {ok, 0, <<>>, <<>>} = alcove:ptrace(Drv, Tracer, ptrace_syscall, Pid, 0, 0),
    case {alcove:waitpid(Drv, Tracer, Pid, []), Side} of
        {{ok, Pid, 16#857f, _}, enter} ->
            Number = register(Drv, Tracer, Pid, call),
            _ = Fun(Number),
            calls(Drv, Tracer, Pid, Fun, leave, [Number | Calls]);
        {{ok, Pid, 16#857f, _}, leave} ->
            calls(Drv, Tracer, Pid, Fun, enter, Calls);
        {{ok, Pid, 0, [{exit_status, 0}]}, _} ->
            lists:reverse(Calls)
    end.

register(Drv, Tracer, Pid, Name) ->
    {Before, _} = place(Name),
    <<_:Before/binary, Value:64/native, _/binary>> = registers(Drv, Tracer, Pid),
    Value.

set_register(Drv, Tracer, Pid, Name, Value) ->
    {Before, Size} = place(Name),
    <<Head:Before/binary, _:64, Rest/binary>> = registers(Drv, Tracer, Pid),
    Registers = {ptr, <<Head/binary, Value:64/native, Rest/binary>>},
    {ok, 0, <<>>, _} =
        alcove:ptrace(Drv, Tracer, ptrace_setregset, Pid, 1, [Registers, <<Size:64/native>>]).

%% Set 1 is NT_PRSTATUS, described by a struct iovec.
registers(Drv, Tracer, Pid) ->
    {_, Size} = place(call),
    {ok, 0, <<>>, [{ptr, Registers}, <<Size:64/native>>]} =
        alcove:ptrace(Drv, Tracer, ptrace_getregset, Pid, 1, [{ptr, Size}, <<Size:64/native>>]),
    Registers.

%% Where a register is in struct user_regs_struct, and the size of that.
place(Name) ->
    {Place, Size} =
        case alcove:audit_arch() of
            audit_arch_x86_64 -> {#{call => 120, third_argument => 96, stack_pointer => 152}, 216};
            audit_arch_aarch64 -> {#{call => 64, third_argument => 16, stack_pointer => 248}, 272}
        end,
    {maps:get(Name, Place), Size}.
