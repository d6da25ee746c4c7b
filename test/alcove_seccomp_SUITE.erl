%% Filters for system calls: their bytes, and processes under them.
-module(alcove_seccomp_SUITE).

-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").
-include_lib("alcove/include/alcove_seccomp.hrl").

-export([
    all/0,
    init_per_testcase/2,
    end_per_testcase/2
]).
-export([
    instruction_is_eight_bytes/1,
    size_of_a_load_has_a_name/1,
    macros_make_instructions/1,
    process_serves_with_few_system_calls_by_prctl/1,
    process_serves_with_few_system_calls_by_seccomp/1,
    filter_is_inherited_by_programs/1,
    trap_is_a_signal/1,
    errno_is_an_error/1
]).

all() ->
    [
        instruction_is_eight_bytes,
        size_of_a_load_has_a_name,
        macros_make_instructions,
        process_serves_with_few_system_calls_by_prctl,
        process_serves_with_few_system_calls_by_seccomp,
        filter_is_inherited_by_programs,
        trap_is_a_signal,
        errno_is_an_error
    ].

init_per_testcase(_Case, Config) ->
    [{drv, alcove_ct:start()} | Config].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(proplists:get_value(drv, Config)).

instruction_is_eight_bytes(_Config) ->
    Insn = #alcove_insn{code = 16#15, jt = 2, jf = 3, k = 1},
    ?assertEqual(<<16#15:16/native, 2, 3, 1:32/native>>, alcove_seccomp:insn(Insn)),
    ?assertEqual(Insn, alcove_seccomp:insn(alcove_seccomp:insn(Insn))),
    ?assertEqual(alcove_seccomp:insn(Insn), alcove_seccomp:jump(16#15, 1, 2, 3)),
    ?assertEqual(
        <<6:16/native, 0, 0, 16#7fff0000:32/native>>,
        alcove_seccomp:stmt(6, 16#7fff0000)
    ),
    ?assertEqual(<<6:16/native, 0, 0, 16#ffffffff:32/native>>, alcove_seccomp:stmt(65542, -1)),
    ?assertError(function_clause, alcove_seccomp:stmt(6, k)),
    ?assertError(function_clause, alcove_seccomp:insn(<<1>>)).

size_of_a_load_has_a_name(_Config) ->
    [
        ?assertEqual({Number, Name}, {alcove_seccomp:offset(Name), alcove_seccomp:offset(Number)})
     || {Name, Number} <- [{word, 16#00}, {halfword, 16#08}, {byte, 16#10}]
    ],
    ?assertError(function_clause, alcove_seccomp:offset(quadword)).

macros_make_instructions(_Config) ->
    ?assertEqual(
        [
            <<16#20:16/native, 0, 0, 4:32/native>>,
            <<16#15:16/native, 1, 0, 5:32/native>>,
            <<16#06:16/native, 0, 0, 0:32/native>>
        ],
        ?VALIDATE_ARCHITECTURE(5)
    ),
    ?assertEqual(<<16#20:16/native, 0, 0, 0:32/native>>, ?EXAMINE_SYSCALL),
    ?assertEqual(
        [
            <<16#15:16/native, 0, 1, 9:32/native>>,
            <<16#06:16/native, 0, 0, 16#7fff0000:32/native>>
        ],
        ?ALLOW_SYSCALL(9)
    ).

process_serves_with_few_system_calls_by_prctl(Config) ->
    serves_with_few_system_calls(Config, fun(Drv, Pids, Program) ->
        {ok, 0, ?SECCOMP_MODE_FILTER, _, 0, 0} =
            alcove:prctl(Drv, Pids, pr_set_seccomp, seccomp_mode_filter, Program, 0, 0)
    end).

process_serves_with_few_system_calls_by_seccomp(Config) ->
    serves_with_few_system_calls(Config, fun(Drv, Pids, Program) ->
        ok = alcove:seccomp(Drv, Pids, seccomp_set_mode_filter, 0, Program)
    end).

serves_with_few_system_calls(Config, Enforce) ->
    Drv = proplists:get_value(drv, Config),
    {ok, Pid} = alcove:fork(Drv, []),
    Enforce(Drv, [Pid], program(Drv, [Pid], serving(), ?SECCOMP_RET_KILL)),
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid])),
    ?assertEqual(
        ok,
        alcove:setrlimit(Drv, [Pid], rlimit_nofile, #alcove_rlimit{cur = 64, max = 64})
    ),
    ok = alcove:kill(Drv, [], Pid, sigusr1),
    ?assertMatch({signal, sigusr1, _}, alcove:event(Drv, [Pid], 30000)),
    {ok, Other} = alcove:fork(Drv, []),
    Enforce(Drv, [Other], program(Drv, [Other], serving(), ?SECCOMP_RET_KILL)),
    ?assertError({termsig, sigsys}, alcove:getcwd(Drv, [Pid])),
    ok = alcove:exit(Drv, [Other], 3),
    ?assertEqual({exit_status, 3}, alcove:event(Drv, [Other], 30000)).

%% What a process needs to answer calls, on any machine.
serving() ->
    [sys_exit, sys_exit_group, sys_getpid, sys_getrlimit, sys_poll, sys_ppoll, sys_prlimit64] ++
        [sys_read, sys_restart_syscall, sys_rt_sigreturn, sys_setrlimit, sys_write, sys_writev] ++
        [sys_sigreturn, sys_ugetrlimit].

filter_is_inherited_by_programs(Config) ->
    Drv = proplists:get_value(drv, Config),
    {ok, Pid} = alcove:fork(Drv, []),
    enforce(Drv, [Pid], deny(Drv, sys_mkdirat, sys_mkdir, ?SECCOMP_RET_KILL)),
    ok = alcove:execvp(Drv, [Pid], "sh", ["sh", "-c", "echo up; exec mkdir /tmp/denied"]),
    ?assertEqual(<<"up\n">>, alcove_ct:output(Drv, [Pid], 3)),
    ?assertEqual({termsig, sigsys}, alcove:event(Drv, [Pid], 30000)).

trap_is_a_signal(Config) ->
    Drv = proplists:get_value(drv, Config),
    {ok, Pid} = alcove:fork(Drv, []),
    enforce(Drv, [Pid], deny(Drv, sys_getcwd, sys_getcwd, ?SECCOMP_RET_TRAP)),
    _ = alcove:getcwd(Drv, [Pid]),
    % on a machine of 64 bits the number of the call is 24 bytes into siginfo
    {signal, sigsys, <<31:32/native, _:20/binary, Nr:32/native, _/binary>>} =
        alcove:event(Drv, [Pid], 30000),
    ?assertEqual(alcove:define(Drv, [], sys_getcwd), Nr),
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid])).

errno_is_an_error(Config) ->
    Drv = proplists:get_value(drv, Config),
    {ok, Pid} = alcove:fork(Drv, []),
    Errno = ?SECCOMP_RET_ERRNO bor 13,
    enforce(Drv, [Pid], deny(Drv, sys_getcwd, sys_getcwd, Errno)),
    ?assertEqual({error, eacces}, alcove:getcwd(Drv, [Pid])).

enforce(Drv, Pids, Program) ->
    {ok, 0, 1, 0, 0, 0} = alcove:prctl(Drv, Pids, pr_set_no_new_privs, 1, 0, 0, 0),
    ok = alcove:seccomp(Drv, Pids, seccomp_set_mode_filter, 0, Program).

%% Allows some system calls; the others have an effect.
program(Drv, Pids, Names, Effect) ->
    {ok, 0, 1, 0, 0, 0} = alcove:prctl(Drv, Pids, pr_set_no_new_privs, 1, 0, 0, 0),
    cstruct([
        header(Drv),
        [?ALLOW_SYSCALL(Number) || Name <- Names, Number <- number(Drv, Name)],
        ?BPF_STMT(?BPF_RET + ?BPF_K, Effect)
    ]).

%% One system call, of which there are two forms, has an effect; the others are allowed.
deny(Drv, Name, OlderName, Effect) ->
    cstruct([
        header(Drv),
        [
            [
                ?BPF_JUMP(?BPF_JMP + ?BPF_JEQ + ?BPF_K, Number, 0, 1),
                ?BPF_STMT(?BPF_RET + ?BPF_K, Effect)
            ]
         || Name1 <- [Name, OlderName], Number <- number(Drv, Name1)
        ],
        ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ALLOW)
    ]).

header(Drv) ->
    [?VALIDATE_ARCHITECTURE(alcove:define(Drv, [], alcove:audit_arch())), ?EXAMINE_SYSCALL].

number(Drv, Name) ->
    try
        [alcove:define(Drv, [], Name)]
    catch
        error:{unknown, Name} -> []
    end.

%% struct sock_fprog
cstruct(Instructions) ->
    Bytes = iolist_to_binary(Instructions),
    Count = byte_size(Bytes) div 8,
    [<<Count:16/native>>, <<0:(alcove:wordalign(2) * 8)>>, {ptr, Bytes}].
