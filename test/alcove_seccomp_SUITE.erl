%% SPDX-License-Identifier: ISC

%% Seccomp filters around processes that go on answering calls, and around programs.
-module(alcove_seccomp_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").
-include_lib("alcove/include/alcove_seccomp.hrl").

%% The cases are listed below.
-compile([export_all, nowarn_export_all]).

-define(LIMIT, 30000).

%% What a process needs to serve; on machines without poll(2), ppoll(2).
-define(SERVING, [
    sys_exit,
    sys_exit_group,
    sys_getpid,
    sys_getrlimit,
    sys_poll,
    sys_ppoll,
    sys_prlimit64,
    sys_read,
    sys_restart_syscall,
    sys_rt_sigreturn,
    sys_setrlimit,
    sys_write,
    sys_writev
]).

%% The two ways of installing a filter have the same effect.
all() ->
    [
        {group, prctl},
        {group, seccomp},
        broken_program_is_refused,
        mode_of_a_process_is_seen,
        strict_mode_ends_the_process_at_its_reply,
        actions_of_the_kernel_are_asked_for
    ].

groups() ->
    Cases = [
        killed_call_ends_the_process,
        trapped_call_is_a_signal_and_the_process_lives,
        refused_call_gives_the_error_of_the_filter,
        allowed_calls_go_on_working,
        process_that_may_only_serve_goes_on_serving,
        filter_is_inherited_by_children,
        filter_is_inherited_by_programs,
        filters_add_up,
        filter_needs_rights_or_their_renunciation,
        filter_for_another_machine_ends_the_process,
        numbers_of_x32_end_the_process
    ],
    [{prctl, Cases}, {seccomp, Cases}].

init_per_group(Call, Config) ->
    [{call, Call} | Config].

end_per_group(_Call, _Config) ->
    ok.

init_per_testcase(_Case, Config) ->
    Drv = alcove_ct:start(),
    [{drv, Drv}, {pids, alcove_ct:chain(Drv, 1)} | Config].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(?config(drv, Config)).

killed_call_ends_the_process(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = enforce(Config, Drv, Pids, deny(Drv, Pids, [sys_getcwd], ?SECCOMP_RET_KILL)),
    ?assertEqual(hd(Pids), alcove:getpid(Drv, Pids)),
    ?assertEqual({termsig, sigsys}, alcove_ct:raised(fun() -> alcove:getcwd(Drv, Pids) end)),
    ?assertMatch({ok, _}, alcove:getcwd(Drv, [])).

%% The record of the signal names the call. Nothing has given that a result: the reply is what
%% was in the register before.
trapped_call_is_a_signal_and_the_process_lives(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = enforce(Config, Drv, Pids, deny(Drv, Pids, [sys_mkdirat, sys_mkdir], ?SECCOMP_RET_TRAP)),
    _ = alcove:mkdir(Drv, Pids, "/tmp/trapped", 8#755),
    {signal, sigsys, Info} = alcove:event(Drv, Pids, ?LIMIT),
    <<_:24/binary, Nr:32/native, Arch:32/native, _/binary>> = Info,
    ?assert(lists:member(Nr, numbers(Drv, Pids, [sys_mkdir, sys_mkdirat]))),
    ?assertEqual(alcove:define(Drv, Pids, alcove:audit_arch()), Arch),
    ?assertNot(filelib:is_dir("/tmp/trapped")),
    ?assertEqual(hd(Pids), alcove:getpid(Drv, Pids)).

%% The lower bits of the action are the error: 13 is EACCES.
refused_call_gives_the_error_of_the_filter(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = enforce(Config, Drv, Pids, deny(Drv, Pids, [sys_getcwd], ?SECCOMP_RET_ERRNO + 13)),
    ?assertEqual({error, eacces}, alcove:getcwd(Drv, Pids)),
    ?assertEqual(ok, alcove:chdir(Drv, Pids, "/")).

allowed_calls_go_on_working(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = enforce(Config, Drv, Pids, allow(Drv, Pids, [sys_getcwd | ?SERVING], ?SECCOMP_RET_KILL)),
    ?assertMatch({ok, _}, alcove:getcwd(Drv, Pids)),
    ?assertEqual({termsig, sigsys}, alcove_ct:raised(fun() -> alcove:getuid(Drv, Pids) end)).

%% The list is in use: whatever else the program did on its own would end the process.
process_that_may_only_serve_goes_on_serving(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    [Second] = alcove_ct:chain(Drv, 1),
    ok = enforce(Config, Drv, Pids, allow(Drv, Pids, ?SERVING, ?SECCOMP_RET_KILL)),
    ok = enforce(Config, Drv, [Second], allow(Drv, [Second], ?SERVING, ?SECCOMP_RET_KILL)),
    NoFiles = #alcove_rlimit{cur = 0, max = 0},
    [?assertEqual(hd(Pids), alcove:getpid(Drv, Pids)) || _ <- lists:seq(1, 100)],
    ?assertEqual(ok, alcove:setrlimit(Drv, Pids, rlimit_fsize, NoFiles)),
    ?assertEqual({ok, NoFiles}, alcove:getrlimit(Drv, Pids, rlimit_fsize)),
    % a signal is turned into a message without any other call
    ok = alcove:kill(Drv, [], hd(Pids), sigusr1),
    ?assertMatch({signal, sigusr1, _}, alcove:event(Drv, Pids, ?LIMIT)),
    ?assertEqual(<<"1.0.1">>, alcove:version(Drv, Pids)),
    ?assertEqual(ok, alcove:exit(Drv, Pids, 5)),
    ?assertEqual({exit_status, 5}, alcove:event(Drv, Pids, ?LIMIT)),
    GetCwd = fun() -> alcove:getcwd(Drv, [Second]) end,
    ?assertEqual({termsig, sigsys}, alcove_ct:raised(GetCwd)).

filter_is_inherited_by_children(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = enforce(Config, Drv, Pids, deny(Drv, Pids, [sys_getcwd], ?SECCOMP_RET_KILL)),
    Child = alcove_ct:chain(Drv, Pids, 2),
    ?assertEqual(lists:last(Child), alcove:getpid(Drv, Child)),
    ?assertEqual({termsig, sigsys}, alcove_ct:raised(fun() -> alcove:getcwd(Drv, Child) end)),
    ?assertEqual(hd(Pids), alcove:getpid(Drv, Pids)).

%% The shell survives, the program that it runs is refused its only task.
filter_is_inherited_by_programs(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Calls = [sys_mkdir, sys_mkdirat],
    ok = enforce(Config, Drv, Pids, deny(Drv, Pids, Calls, ?SECCOMP_RET_ERRNO + 1)),
    {{exit_status, 0}, <<"lives\n">>, Errors} =
        alcove_os:run(Drv, Pids, ["sh", "-c", "mkdir /tmp/refused || echo lives"]),
    ?assertMatch({match, _}, re:run(Errors, "not permitted")).

%% The strictest of them decides.
filters_add_up(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = enforce(Config, Drv, Pids, deny(Drv, Pids, [sys_getcwd], ?SECCOMP_RET_ERRNO + 13)),
    ok = enforce(Config, Drv, Pids, deny(Drv, Pids, [sys_getsid], ?SECCOMP_RET_ERRNO + 1)),
    ?assertEqual({error, eacces}, alcove:getcwd(Drv, Pids)),
    ?assertEqual({error, eperm}, alcove:getsid(Drv, Pids, 0)),
    ok = enforce(Config, Drv, Pids, deny(Drv, Pids, [sys_getcwd], ?SECCOMP_RET_KILL)),
    ?assertEqual({termsig, sigsys}, alcove_ct:raised(fun() -> alcove:getcwd(Drv, Pids) end)).

%% Otherwise a program that changes its user could be made to fail halfway.
filter_needs_rights_or_their_renunciation(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Filter = deny(Drv, Pids, [sys_getcwd], ?SECCOMP_RET_ERRNO + 13),
    ok = alcove_os:without_rights(Drv, Pids),
    ?assertEqual({error, eacces}, install(Config, Drv, Pids, Filter)),
    ?assertMatch({ok, _}, alcove:getcwd(Drv, Pids)),
    ?assertEqual(ok, enforce(Config, Drv, Pids, Filter)),
    ?assertEqual({error, eacces}, alcove:getcwd(Drv, Pids)).

%% Numbers mean other calls there.
filter_for_another_machine_ends_the_process(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Filter = [
        ?VALIDATE_ARCHITECTURE(alcove:define(Drv, Pids, audit_arch_alpha)),
        ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ALLOW)
    ],
    {ok, _, _, _, _, _} = alcove:prctl(Drv, Pids, pr_set_no_new_privs, 1, 0, 0, 0),
    ?assertEqual(
        {termsig, sigsys}, alcove_ct:raised(fun() -> install(Config, Drv, Pids, Filter) end)
    ).

%% To a filter that only denies some numbers, the same calls by other numbers look harmless.
numbers_of_x32_end_the_process(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ok = enforce(Config, Drv, Pids, deny(Drv, Pids, [sys_getppid], ?SECCOMP_RET_ERRNO + 1)),
    Run = fun(Nr) ->
        Call = io_lib:format("print syscall(~b)", [Nr]),
        {End, Output, _} = alcove_os:run(Drv, Pids, ["perl", "-e", Call]),
        {End, Output}
    end,
    Nr = alcove:define(Drv, [], sys_getppid),
    case alcove:audit_arch() of
        audit_arch_x86_64 ->
            ?assertEqual({{termsig, sigsys}, <<>>}, Run(?X32_SYSCALL_BIT + Nr));
        _ ->
            ?assertEqual({{exit_status, 0}, <<"-1">>}, Run(Nr))
    end.

%% A jump past the end, and none at all; the process is as it was.
broken_program_is_refused(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {ok, _, _, _, _, _} = alcove:prctl(Drv, Pids, pr_set_no_new_privs, 1, 0, 0, 0),
    Jump = ?BPF_JUMP(?BPF_JMP + ?BPF_JEQ + ?BPF_K, 0, 9, 9),
    lists:foreach(
        fun(Program) ->
            ?assertEqual(
                {error, einval},
                alcove:prctl(Drv, Pids, pr_set_seccomp, seccomp_mode_filter, Program, 0, 0)
            ),
            ?assertEqual(
                {error, einval},
                alcove:seccomp(Drv, Pids, seccomp_set_mode_filter, 0, Program)
            )
        end,
        [program([Jump]), program([])]
    ),
    ?assertEqual({error, efault}, alcove:seccomp(Drv, Pids, seccomp_set_mode_filter, 0, [])),
    ?assertEqual(<<"0">>, seccomp_mode(Drv, Pids)).

mode_of_a_process_is_seen(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    ?assertEqual({ok, 0, 0, 0, 0, 0}, alcove:prctl(Drv, Pids, pr_get_seccomp, 0, 0, 0, 0)),
    Filter = deny(Drv, Pids, [sys_getcwd], ?SECCOMP_RET_KILL),
    ok = enforce([{call, seccomp}], Drv, Pids, Filter),
    ?assertEqual(
        {ok, ?SECCOMP_MODE_FILTER, 0, 0, 0, 0},
        alcove:prctl(Drv, Pids, pr_get_seccomp, 0, 0, 0, 0)
    ),
    ?assertEqual(
        {ok, 1, 0, 0, 0, 0}, alcove:prctl(Drv, Pids, pr_get_no_new_privs, 0, 0, 0, 0)
    ),
    ?assertEqual(<<"2">>, seccomp_mode(Drv, Pids)).

seccomp_mode(Drv, Pids) ->
    Status = alcove_os:read_file(Drv, Pids, "/proc/self/status"),
    {match, [Mode]} = re:run(Status, "^Seccomp:\\s+(\\d)", [
        multiline, {capture, all_but_first, binary}
    ]),
    Mode.

%% It may read, write and exit, but not writev.
strict_mode_ends_the_process_at_its_reply(Config) ->
    {Drv, [Pid]} = {?config(drv, Config), ?config(pids, Config)},
    Other = alcove_ct:chain(Drv, 1),
    ?assertEqual(
        {termsig, sigkill},
        alcove_ct:raised(fun() -> alcove:seccomp(Drv, [Pid], seccomp_set_mode_strict, 0, []) end)
    ),
    ?assertEqual(
        {termsig, sigkill},
        alcove_ct:raised(fun() ->
            alcove:prctl(Drv, Other, pr_set_seccomp, seccomp_mode_strict, 0, 0, 0)
        end)
    ).

%% Operation 2 is SECCOMP_GET_ACTION_AVAIL.
actions_of_the_kernel_are_asked_for(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Ask = fun(Action) -> alcove:seccomp(Drv, Pids, 2, 0, [<<Action:32/native>>]) end,
    ?assertEqual(ok, Ask(?SECCOMP_RET_TRAP)),
    ?assertEqual({error, enotsup}, Ask(16#12340000)).

%% A filter that does something else than allow for the calls of a list.
deny(Drv, Pids, Calls, Action) ->
    filter(Drv, Pids, Calls, Action, ?SECCOMP_RET_ALLOW).

%% One that allows the calls of a list only.
allow(Drv, Pids, Calls, Action) ->
    filter(Drv, Pids, Calls, ?SECCOMP_RET_ALLOW, Action).

filter(Drv, Pids, Calls, Action, Otherwise) ->
    [
        ?VALIDATE_ARCHITECTURE(alcove:define(Drv, Pids, alcove:audit_arch())),
        ?EXAMINE_SYSCALL,
        [
            [
                ?BPF_JUMP(?BPF_JMP + ?BPF_JEQ + ?BPF_K, Nr, 0, 1),
                ?BPF_STMT(?BPF_RET + ?BPF_K, Action)
            ]
         || Nr <- numbers(Drv, Pids, Calls)
        ],
        ?BPF_STMT(?BPF_RET + ?BPF_K, Otherwise)
    ].

%% Not every machine has every call.
numbers(Drv, Pids, Calls) ->
    lists:filtermap(
        fun(Call) ->
            try
                {true, alcove:define(Drv, Pids, Call)}
            catch
                error:{unknown, Call} -> false
            end
        end,
        Calls
    ).

%% struct sock_fprog.
program(Filter) ->
    [
        <<(iolist_size(Filter) div 8):16/native>>,
        <<0:(alcove:wordalign(2))/unit:8>>,
        {ptr, iolist_to_binary(Filter)}
    ].

enforce(Config, Drv, Pids, Filter) ->
    {ok, _, _, _, _, _} = alcove:prctl(Drv, Pids, pr_set_no_new_privs, 1, 0, 0, 0),
    install(Config, Drv, Pids, Filter).

install(Config, Drv, Pids, Filter) ->
    Program = program(Filter),
    case ?config(call, Config) of
        seccomp ->
            alcove:seccomp(Drv, Pids, seccomp_set_mode_filter, 0, Program);
        prctl ->
            case alcove:prctl(Drv, Pids, pr_set_seccomp, seccomp_mode_filter, Program, 0, 0) of
                {ok, 0, 2, _, 0, 0} -> ok;
                {error, _} = Error -> Error
            end
    end.
