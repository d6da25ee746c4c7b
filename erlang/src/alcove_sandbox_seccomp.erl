%% SPDX-License-Identifier: ISC

%% @doc The filter of system calls of a sandbox.
%%
%% The default denies what is listed here, each entry with its reason, and what is newer than this
%% list. Calls that programs try and do without give ENOSYS, as those of a kernel that does not have
%% them; others EPERM.
%% @hidden
-module(alcove_sandbox_seccomp).

-include("alcove_seccomp.hrl").

-export([
    checked/1,
    filter/4,
    default/0
]).

-export_type([seccomp/0, rule/0]).

-type seccomp() :: none | default | {deny, [atom()]} | {allow, [atom()]}.

-type rule() :: {
    Call :: atom(),
    denied()
    | {any_bit | in | not_in, Argument :: 0..5, Values :: non_neg_integer() | [non_neg_integer()], denied()}
    | {families, [non_neg_integer()], denied()},
    Capability :: alcove_cap:capability() | none,
    Reason :: string()
}.
%% A call that is denied, always or by its arguments, unless the program was given a capability; and
%% why.

-type denied() :: eperm | enosys | eafnosupport.

%% Calls above were not known when the list was made. Numbers are the same on all machines there.
-define(NEWEST, 471).

%% Namespaces in the flags of clone and unshare.
-define(CLONE_NEW, 16#7e020080).
%% The low byte of the flags of clone is a signal.
-define(CLONE_NEW_BUT_TIME, 16#7e020000).

%% Of struct seccomp_data.
-define(OFFSET_ARGUMENTS, 16).

-define(AF_UNIX, 1).
-define(AF_INET, 2).
-define(AF_INET6, 10).
-define(AF_NETLINK, 16).
-define(NETLINK_ROUTE, 0).

%% So many are looked at one after the other.
-define(FEW, 4).

%% What a process needs between its filter and its program, and to tell that this failed.
-define(NEEDED, [
    sys_execve, sys_read, sys_write, sys_writev, sys_poll, sys_ppoll, sys_fcntl, sys_dup3, sys_close, sys_umask,
    sys_rt_sigreturn, sys_rt_sigprocmask, sys_exit_group, sys_restart_syscall
]).

%% @doc A filter of a specification; fails for another term.
-spec checked(seccomp()) -> seccomp().
checked(Filter) when Filter =:= none; Filter =:= default -> Filter;
checked({deny, Calls}) -> {deny, names(Calls)};
checked({allow, Calls}) -> {allow, names(Calls)}.

names(Calls) ->
    [call(atom_to_list(Call)) || Call <- Calls].

call("sys_" ++ _ = Name) -> list_to_atom(Name);
call(Name) -> list_to_atom("sys_" ++ Name).

%% @doc The filter as seccomp(2) takes it, for the machine of a process.
-spec filter(alcove_drv:ref(), [alcove:pid_t()], seccomp(), [alcove_cap:capability()]) ->
    {ok, none | iodata()} | {error, term()}.
filter(_Drv, _Path, none, _Caps) ->
    {ok, none};
filter(Drv, Path, Seccomp, Caps) ->
    Rules = rules(Seccomp, Caps),
    case numbers(Drv, Path, [Call || {Call, _} <- Rules] ++ [alcove:audit_arch()]) of
        {ok, Numbers} -> built(Seccomp, Rules, Numbers);
        {error, _} = Error -> Error
    end.

rules(default, Caps) -> [{Call, Denied} || {Call, Denied, Cap, _} <- default(), not lists:member(Cap, Caps)];
rules({deny, Calls}, _Caps) -> [{Call, eperm} || Call <- Calls];
rules({allow, Calls}, _Caps) -> [{Call, allow} || Call <- lists:usort(?NEEDED ++ Calls)].

numbers(Drv, Path, Names) ->
    Steps = [{seccomp, {syscall_constant, [Name]}} || Name <- Names],
    case alcove_steps:run(Drv, Path, Steps, infinity) of
        {ok, Numbers} -> {ok, Numbers};
        {error, {seccomp, Reason}} -> {error, Reason}
    end.

%% A list of what is denied has to be understood as a whole.
built(Seccomp, Rules, Numbers) ->
    {Calls, [Arch]} = lists:split(length(Rules), Numbers),
    Known = lists:zip(Calls, Rules),
    case [Call || {unknown, {Call, _}} <- Known] of
        [_ | _] = Unknown when is_tuple(Seccomp), element(1, Seccomp) =:= deny ->
            {error, {unknown, Unknown}};
        _ ->
            Checks = [{Number, Denied} || {Number, {_, Denied}} <- Known, Number =/= unknown],
            Filter = [machine(Arch), newest(Seccomp), search(lists:keysort(1, Checks), rest(Seccomp))],
            {ok, program(iolist_to_binary(Filter))}
    end.

%% The kernel tries a new filter with the number of every call: a search that halves is soon through.
search(Checks, Else) when length(Checks) =< ?FEW ->
    [[check(Number, Denied) || {Number, Denied} <- Checks], Else];
search(Checks, Else) ->
    {Below, [{Number, _} | _] = Above} = lists:split(length(Checks) div 2, Checks),
    Lower = iolist_to_binary(search(Below, Else)),
    [
        ?BPF_JUMP(?BPF_JMP + ?BPF_JGE + ?BPF_K, Number, 0, 1),
        ?BPF_STMT(?BPF_JMP + ?BPF_JA, byte_size(Lower) div 8),
        Lower,
        search(Above, Else)
    ].

%% Numbers of another machine, x32 among them, are calls that do not exist.
machine(Arch) ->
    [
        load(?OFFSET_ARCH_NR),
        equal(Arch, 1, 0),
        return(enosys),
        load(?OFFSET_SYSCALL_NR),
        ?BPF_JUMP(?BPF_JMP + ?BPF_JGE + ?BPF_K, ?X32_SYSCALL_BIT, 0, 1),
        return(enosys)
    ].

newest(default) -> [?BPF_JUMP(?BPF_JMP + ?BPF_JGT + ?BPF_K, ?NEWEST, 0, 1), return(enosys)];
newest(_Seccomp) -> [].

rest({allow, _}) -> return(eperm);
rest(_Seccomp) -> return(allow).

check(Number, {families, Families, Denied}) ->
    Body = iolist_to_binary([
        load(argument(0)),
        [[equal(Family, 0, 1), return(allow)] || Family <- Families],
        equal(?AF_NETLINK, 1, 0),
        return(Denied),
        load(argument(2)) | test(not_in, [?NETLINK_ROUTE], Denied)
    ]),
    [equal(Number, 0, byte_size(Body) div 8), Body];
check(Number, {Test, Argument, Values, Denied}) ->
    Body = iolist_to_binary([load(argument(Argument)) | test(Test, Values, Denied)]),
    [equal(Number, 0, byte_size(Body) div 8), Body];
check(Number, Denied) ->
    [equal(Number, 0, 1), return(Denied)].

%% These look at the lower 32 bits: flags and commands have no more.
test(any_bit, Bits, Denied) ->
    [?BPF_JUMP(?BPF_JMP + ?BPF_JSET + ?BPF_K, Bits, 0, 1), return(Denied), return(allow)];
test(in, Values, Denied) ->
    [[equal(Value, 0, 1), return(Denied)] || Value <- Values] ++ [return(allow)];
test(not_in, Values, Denied) ->
    [[equal(Value, 0, 1), return(allow)] || Value <- Values] ++ [return(Denied)].

argument(N) -> ?OFFSET_ARGUMENTS + 8 * N.

load(Offset) -> ?BPF_STMT(?BPF_LD + ?BPF_W + ?BPF_ABS, Offset).

equal(Value, Then, Else) -> ?BPF_JUMP(?BPF_JMP + ?BPF_JEQ + ?BPF_K, Value, Then, Else).

return(allow) -> ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ALLOW);
return(eperm) -> ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ERRNO bor 1);
return(enosys) -> ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ERRNO bor 38);
return(eafnosupport) -> ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ERRNO bor 97).

%% struct sock_fprog.
program(Filter) ->
    [<<(byte_size(Filter) div 8):16/native>>, <<0:(alcove:wordalign(2) * 8)>>, {ptr, Filter}].

%% @doc What the default denies, and why.
-spec default() -> [rule(), ...].
default() ->
    namespaces() ++ mounts() ++ kernel() ++ memory() ++ keys() ++ clocks() ++ devices() ++ others().

namespaces() ->
    [
        {sys_clone, {any_bit, 0, ?CLONE_NEW_BUT_TIME, eperm}, none,
            "a new user namespace has all capabilities over new others, and much of the kernel behind them"},
        {sys_clone3, enosys, none, "its flags are in memory, where a filter cannot see them; libc uses clone then"},
        {sys_unshare, {any_bit, 0, ?CLONE_NEW, eperm}, none, "as clone"},
        {sys_setns, eperm, none, "another namespace"}
    ].

mounts() ->
    [
        {Call, eperm, none, "the view is as it was described"}
     || Call <- [
            sys_mount, sys_umount2, sys_pivot_root, sys_fsopen, sys_fsconfig, sys_fsmount, sys_fspick,
            sys_move_mount, sys_open_tree, sys_open_tree_attr, sys_mount_setattr
        ]
    ] ++
        [
            {sys_chroot, eperm, cap_sys_chroot, "a way out of a directory"},
            {sys_open_by_handle_at, eperm, none, "opens files whatever the view is"},
            {sys_quotactl, eperm, none, "belongs to the machine"},
            {sys_quotactl_fd, eperm, none, "belongs to the machine"},
            {sys_fanotify_init, eperm, none, "watches files of others"}
        ].

kernel() ->
    [
        {Call, eperm, none, "changes the kernel"}
     || Call <- [
            sys_init_module, sys_finit_module, sys_delete_module, sys_create_module, sys_query_module,
            sys_get_kernel_syms, sys_kexec_load, sys_kexec_file_load, sys_bpf, sys_reboot, sys_swapon,
            sys_swapoff, sys_acct, sys_iopl, sys_ioperm
        ]
    ] ++
        [
            {sys_syslog, eperm, none, "the log of the kernel has addresses and other users"},
            {sys_perf_event_open, eperm, none, "measures others, and has had many faults"},
            {sys_lookup_dcookie, eperm, none, "tells of files of others"},
            {sys_io_uring_setup, enosys, none, "makes system calls past the filter, and has had many faults"},
            {sys_io_uring_enter, enosys, none, "as io_uring_setup"},
            {sys_io_uring_register, enosys, none, "as io_uring_setup"}
        ].

memory() ->
    [
        {sys_userfaultfd, eperm, none, "halts the kernel in the middle of its work, as exploits like it"}
    ] ++
        [
            {Call, eperm, cap_sys_nice, "moves memory of the machine between its nodes"}
         || Call <- [sys_mbind, sys_set_mempolicy, sys_set_mempolicy_home_node, sys_migrate_pages, sys_move_pages]
        ].

keys() ->
    [
        {Call, eperm, none, "keyrings of a user are not in a namespace of their own"}
     || Call <- [sys_add_key, sys_keyctl, sys_request_key]
    ].

clocks() ->
    [
        {Call, eperm, cap_sys_time, "the clock is that of the machine"}
     || Call <- [
            sys_settimeofday, sys_clock_settime, sys_clock_settime64, sys_clock_adjtime, sys_clock_adjtime64,
            sys_adjtimex, sys_stime
        ]
    ].

devices() ->
    [
        {sys_ioctl, {in, 1, [16#5412, 16#541c], eperm}, none, "TIOCSTI and TIOCLINUX type for the user of a terminal"},
        {sys_vhangup, eperm, cap_sys_tty_config, "the terminal is not its own"},
        {sys_socket, {families, [?AF_UNIX, ?AF_INET, ?AF_INET6], eafnosupport}, none,
            "other families than unix, inet, inet6 and netlink for routes are seldom used code; "
            "they tell of the devices of the machine, or lead to its host"},
        {sys_socketpair, {not_in, 0, [?AF_UNIX], eafnosupport}, none, "as socket"}
    ].

others() ->
    [
        {sys_personality, {not_in, 0, [0, 8, 16#20000, 16#20008, 16#ffffffff], eperm}, none,
            "takes protection of memory away; those that name the machine differently are harmless"}
    ] ++
        [
            {Call, enosys, none, "has no use any more"}
         || Call <- [
                sys_uselib, sys_ustat, sys_sysfs, sys__sysctl, sys_nfsservctl, sys_vm86, sys_vm86old, sys_bdflush,
                sys_modify_ldt
            ]
        ].
