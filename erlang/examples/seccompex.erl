%% SPDX-License-Identifier: ISC

%% @doc A program that may only compute and answer.
%%
%% It reads what it is asked and writes answers. It cannot open files, make connections or
%% processes, or look at the system: the kernel refuses the calls for that. None of this needs
%% the rights of root.
%%
%% ```
%% 1> {ok, Drv} = seccompex:start().
%% 2> Bc = seccompex:sandbox(Drv).
%% 4711
%% 3> seccompex:ask(Drv, Bc, "6 * 7").
%% <<"42">>
%% 4> Sh = seccompex:sandbox(Drv, ["/bin/busybox", "sh"]).
%% 4712
%% 5> alcove:stdin(Drv, [Sh], "cat /etc/passwd\n").
%% 6> alcove:stderr(Drv, [Sh], 1000).
%% [<<"sh: ">>,<<"can't fork: Operation not permitted">>,<<"\n">>]
%% '''
-module(seccompex).

-include_lib("alcove/include/alcove_seccomp.hrl").

-export([start/0, start/1, sandbox/1, sandbox/2, ask/3]).

%% To compute and to answer, and to begin. The filter stands before the program is executed,
%% which it can repeat: the next program is under the same filter.
-define(ALLOWED, [
    sys_brk,
    sys_execve,
    sys_exit,
    sys_exit_group,
    sys_mmap,
    sys_mprotect,
    sys_mremap,
    sys_munmap,
    sys_poll,
    sys_ppoll,
    sys_read,
    sys_readv,
    sys_restart_syscall,
    sys_rt_sigaction,
    sys_rt_sigprocmask,
    sys_rt_sigreturn,
    sys_set_tid_address,
    sys_write,
    sys_writev
]).

%% EPERM of errno.h: the call fails and the program may go on.
-define(EPERM, 1).

%% @equiv start([])
-spec start() -> {ok, alcove_drv:ref()} | {error, term()}.
start() ->
    start([]).

%% @doc Starts a port with the options of {@link alcove_drv:start_link/1}.
-spec start([alcove_drv:option()]) -> {ok, alcove_drv:ref()} | {error, term()}.
start(Options) ->
    alcove_drv:start_link(Options).

%% @equiv sandbox(Drv, ["/bin/busybox", "bc"])
-spec sandbox(alcove_drv:ref()) -> alcove:pid_t().
sandbox(Drv) ->
    sandbox(Drv, ["/bin/busybox", "bc"]).

%% @doc Runs a program, a static one since it cannot open its libraries, with one argument.
-spec sandbox(alcove_drv:ref(), [string()]) -> alcove:pid_t().
sandbox(Drv, [Path, Arg]) ->
    {ok, Pid} = alcove:fork(Drv, []),
    confine(Drv, [Pid]),
    ok = alcove:execve(Drv, [Pid], Path, [Path, Arg], ["PATH=/bin"]),
    Pid.

%% @doc Asks a program a question of one line and waits for the beginning of its answer.
-spec ask(alcove_drv:ref(), alcove:pid_t(), Question :: iodata()) -> Answer :: binary().
ask(Drv, Pid, Question) ->
    ok = alcove:stdin(Drv, [Pid], [Question, $\n]),
    receive
        {alcove_stdout, Drv, [Pid], Answer} -> string:trim(Answer)
    after 5000 -> error(timeout)
    end.

%% Without rights a filter is accepted from a process that renounces more of them for good.
confine(Drv, Pids) ->
    {ok, 0, _, _, _, _} = alcove:prctl(Drv, Pids, pr_set_no_new_privs, 1, 0, 0, 0),
    ok = alcove:seccomp(Drv, Pids, seccomp_set_mode_filter, 0, program(filter(Drv, Pids))).

%% The numbers of calls are those of one kind of machine, so that is looked at first.
filter(Drv, Pids) ->
    [
        ?VALIDATE_ARCHITECTURE(alcove:define(Drv, Pids, alcove:audit_arch())),
        ?EXAMINE_SYSCALL,
        [?ALLOW_SYSCALL(Call) || Call <- numbers(Drv, Pids)],
        ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ERRNO + ?EPERM)
    ].

%% Not every machine has every call, and one is not known by name: arch_prctl(2), by which a
%% program on x86-64 finds its variables.
numbers(Drv, Pids) ->
    Numbers = lists:flatmap(fun(Call) -> number(Drv, Pids, Call) end, ?ALLOWED),
    case alcove:audit_arch() of
        audit_arch_x86_64 -> [158 | Numbers];
        _ -> Numbers
    end.

number(Drv, Pids, Call) ->
    case alcove:syscall_constant(Drv, Pids, Call) of
        unknown -> [];
        Number -> [Number]
    end.

%% struct sock_fprog.
program(Filter) ->
    [
        <<(iolist_size(Filter) div 8):16/native>>,
        <<0:(alcove:wordalign(2))/unit:8>>,
        {ptr, iolist_to_binary(Filter)}
    ].
