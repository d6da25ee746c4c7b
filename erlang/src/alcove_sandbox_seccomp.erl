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

-export_type([seccomp/0, conditions/0, rule/0]).

-type seccomp() :: none | default | {deny, [atom()]} | {allow, [atom()]}.

-type conditions() :: #{capabilities := [alcove_cap:capability()], writable := boolean(), guarded := boolean()}.
%% A filter depends on these: the capabilities of the program, whether it can write to files of the machine,
%% and whether it may not have a user namespace, whatever the filter is.

-type rule() :: {
    Call :: atom(),
    denied()
    | {any_bit | in | not_in, Argument :: 0..5, Values :: non_neg_integer() | [non_neg_integer()], denied()}
    | {bits, [{Argument :: 0..5, Bits :: non_neg_integer()}, ...], denied()}
    | {sockets, denied()},
    Condition :: alcove_cap:capability() | writable | none,
    Reason :: string()
}.
%% A call that is denied, always or by its arguments: unless the program was given a capability, or only where
%% it can write to files of the machine; and why.

-type denied() :: eperm | enosys | eafnosupport.

%% Calls above were not known when the list was made. Numbers are the same on all machines there.
-define(NEWEST, 471).

-define(CLONE_NEWUSER, 16#10000000).
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

%% The type of a socket is in these bits. SOCK_PACKET, more than raw, means another family.
-define(SOCK_TYPE, 16#f).
-define(SOCK_RAW, 3).
%% DCCP, L2TP, SCTP, UDP-Lite.
-define(SELDOM_PROTOCOLS, [33, 115, 132, 136]).

-define(TIOCSTI, 16#5412).
-define(TIOCLINUX, 16#541c).
-define(TIOCSETD, 16#5423).

-define(S_ISUGID, 8#6000).
%% O_CREAT and what O_TMPFILE has besides O_DIRECTORY.
-define(O_MAKES, 8#20000100).

%% So many are looked at one after the other.
-define(FEW, 4).

%% What a process needs between its filter and its program, and to tell that this failed.
-define(NEEDED, [
    sys_execve, sys_read, sys_write, sys_writev, sys_poll, sys_ppoll, sys_fcntl, sys_dup2, sys_dup3, sys_close,
    sys_umask, sys_rt_sigreturn, sys_rt_sigprocmask, sys_exit_group, sys_restart_syscall
]).

%% @doc Returns a filter of a specification; fails for another term.
-spec checked(seccomp()) -> seccomp().
checked(Filter) when Filter =:= none; Filter =:= default -> Filter;
checked({deny, Calls}) -> {deny, names(Calls)};
checked({allow, Calls}) -> {allow, names(Calls)}.

names(Calls) ->
    [call(atom_to_list(Call)) || Call <- Calls].

call("sys_" ++ _ = Name) -> list_to_atom(Name);
call(Name) -> list_to_atom("sys_" ++ Name).

%% @doc Returns the filter as seccomp(2) takes it, for the machine of a process.
-spec filter(alcove_drv:ref(), [alcove:pid_t()], seccomp(), conditions()) ->
    {ok, none | iodata()} | {error, term()}.
filter(_Drv, _Path, none, #{guarded := false}) ->
    {ok, none};
filter(Drv, Path, Seccomp, Conditions) ->
    Rules = guarded(Seccomp, rules(Seccomp, Conditions), Conditions),
    case numbers(Drv, Path, [Call || {Call, _} <- Rules] ++ [alcove:audit_arch()]) of
        {ok, Numbers} -> built(Seccomp, Rules, Numbers);
        {error, _} = Error -> Error
    end.

rules(default, Conditions) -> [{Call, Denied} || {Call, Denied, When, _} <- default(), applies(When, Conditions)];
rules({deny, Calls}, _Conditions) -> [{Call, eperm} || Call <- Calls];
rules({allow, Calls}, _Conditions) -> [{Call, allow} || Call <- lists:usort(?NEEDED ++ Calls)];
rules(none, _Conditions) -> [].

applies(none, _Conditions) -> true;
applies(writable, #{writable := IsWritable}) -> IsWritable;
applies(Cap, #{capabilities := Caps}) -> not lists:member(Cap, Caps).

%% What another filter than the default says of the calls that make user namespaces comes second.
guarded({allow, _}, Rules, #{guarded := true}) ->
    [{Call, proplists:get_value(Call, guards(), Rule)} || {Call, Rule} <- Rules];
guarded(Seccomp, Rules, #{guarded := true}) when Seccomp =/= default ->
    Rules ++ [Guard || {Call, _} = Guard <- guards(), not lists:keymember(Call, 1, Rules)];
guarded(_Seccomp, Rules, _Conditions) ->
    Rules.

guards() ->
    [
        {sys_clone, {any_bit, 0, ?CLONE_NEWUSER, eperm}},
        {sys_unshare, {any_bit, 0, ?CLONE_NEWUSER, eperm}},
        {sys_clone3, enosys}
    ].

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
        jump(?BPF_JGE, Number, 0, 1),
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
        jump(?BPF_JGE, ?X32_SYSCALL_BIT, 0, 1),
        return(enosys)
    ].

newest(default) -> [jump(?BPF_JGT, ?NEWEST, 0, 1), return(enosys)];
newest(_Seccomp) -> [].

rest({allow, _}) -> return(eperm);
rest(_Seccomp) -> return(allow).

check(Number, {sockets, Denied}) ->
    checked_by(Number, sockets(Denied));
check(Number, {bits, Arguments, Denied}) ->
    Without = [[load(argument(N)), jump(?BPF_JSET, Bits, 1, 0), return(allow)] || {N, Bits} <- Arguments],
    checked_by(Number, [Without, return(Denied)]);
check(Number, {Test, Argument, Values, Denied}) ->
    checked_by(Number, [load(argument(Argument)) | test(Test, Values, Denied)]);
check(Number, Denied) ->
    checked_by(Number, return(Denied)).

checked_by(Number, Code) ->
    Body = iolist_to_binary(Code),
    [equal(Number, 0, byte_size(Body) div 8), Body].

sockets(Denied) ->
    Internet = iolist_to_binary([
        load(argument(1)),
        ?BPF_STMT(?BPF_ALU + ?BPF_AND + ?BPF_K, ?SOCK_TYPE),
        jump(?BPF_JGT, ?SOCK_RAW, 0, 1),
        return(Denied),
        load(argument(2)) | test(in, ?SELDOM_PROTOCOLS, Denied)
    ]),
    Netlink = iolist_to_binary([load(argument(2)) | test(not_in, [?NETLINK_ROUTE], Denied)]),
    [
        load(argument(0)),
        equal(?AF_UNIX, 0, 1),
        return(allow),
        equal(?AF_NETLINK, 0, byte_size(Netlink) div 8),
        Netlink,
        equal(?AF_INET, 2, 0),
        equal(?AF_INET6, 1, 0),
        return(Denied),
        Internet
    ].

%% These look at the lower 32 bits: flags and commands have no more.
test(any_bit, Bits, Denied) ->
    [jump(?BPF_JSET, Bits, 0, 1), return(Denied), return(allow)];
test(in, Values, Denied) ->
    [[equal(Value, 0, 1), return(Denied)] || Value <- Values] ++ [return(allow)];
test(not_in, Values, Denied) ->
    [[equal(Value, 0, 1), return(allow)] || Value <- Values] ++ [return(Denied)].

argument(N) -> ?OFFSET_ARGUMENTS + 8 * N.

load(Offset) -> ?BPF_STMT(?BPF_LD + ?BPF_W + ?BPF_ABS, Offset).

equal(Value, Then, Else) -> jump(?BPF_JEQ, Value, Then, Else).

jump(Test, Value, Then, Else) -> ?BPF_JUMP(?BPF_JMP + Test + ?BPF_K, Value, Then, Else).

return(allow) -> ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ALLOW);
return(eperm) -> ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ERRNO bor 1);
return(enosys) -> ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ERRNO bor 38);
return(eafnosupport) -> ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ERRNO bor 97).

%% struct sock_fprog.
program(Filter) ->
    [<<(byte_size(Filter) div 8):16/native>>, <<0:(alcove:wordalign(2) * 8)>>, {ptr, Filter}].

%% @doc Returns what the default denies, and why.
-spec default() -> [rule(), ...].
default() ->
    namespaces() ++ mounts() ++ rights() ++ kernel() ++ memory() ++ keys() ++ clocks() ++ devices() ++ peers() ++
        others().

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
            sys_mount, sys_umount, sys_umount2, sys_pivot_root, sys_fsopen, sys_fsconfig, sys_fsmount, sys_fspick,
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

%% The view is nosuid, but to the machine the same file is none of a view.
rights() ->
    [{sys_openat2, enosys, writable, "its mode is in memory, where a filter cannot see it"}] ++
        [
            {Call, Denied, writable, "whoever executes the file outside would have the rights of the program's user"}
         || {Call, Denied} <- [
                {sys_chmod, {any_bit, 1, ?S_ISUGID, eperm}},
                {sys_fchmod, {any_bit, 1, ?S_ISUGID, eperm}},
                {sys_fchmodat, {any_bit, 2, ?S_ISUGID, eperm}},
                {sys_fchmodat2, {any_bit, 2, ?S_ISUGID, eperm}},
                {sys_mknod, {any_bit, 1, ?S_ISUGID, eperm}},
                {sys_mknodat, {any_bit, 2, ?S_ISUGID, eperm}},
                {sys_creat, {any_bit, 1, ?S_ISUGID, eperm}},
                {sys_open, {bits, [{1, ?O_MAKES}, {2, ?S_ISUGID}], eperm}},
                {sys_openat, {bits, [{2, ?O_MAKES}, {3, ?S_ISUGID}], eperm}}
            ]
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
            {sys_io_uring_register, enosys, none, "as io_uring_setup"},
            {sys_io_setup, enosys, none, "counted for the whole machine: one program could take all that there are"}
        ].

memory() ->
    [
        {sys_userfaultfd, eperm, none, "halts the kernel in the middle of its work, as exploits like it"}
    ] ++
        [
            {Call, eperm, cap_sys_nice, "moves memory of the machine between its nodes"}
         || Call <- [
                sys_mbind, sys_get_mempolicy, sys_set_mempolicy, sys_set_mempolicy_home_node, sys_migrate_pages,
                sys_move_pages
            ]
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
        {sys_ioctl, {in, 1, [?TIOCSTI, ?TIOCLINUX, ?TIOCSETD], eperm}, none,
            "TIOCSTI and TIOCLINUX type for the user of a terminal, TIOCSETD loads seldom used code"},
        {sys_vhangup, eperm, cap_sys_tty_config, "the terminal is not its own"},
        {sys_socket, {sockets, eafnosupport}, none,
            "others than unix, inet, inet6 and netlink for routes are seldom used code, as are some protocols; "
            "they tell of the devices of the machine, or lead to its host"},
        {sys_socketpair, {not_in, 0, [?AF_UNIX], eafnosupport}, none, "as socket"}
    ].

peers() ->
    [
        {Call, eperm, cap_sys_ptrace, "takes from other processes, or compares with them; process 1 is one"}
     || Call <- [sys_kcmp, sys_pidfd_getfd, sys_process_madvise]
    ] ++
        [
            {sys_listns, enosys, none, "tells of namespaces of others"},
            {sys_lsm_get_self_attr, enosys, none, "labels are those of the machine"},
            {sys_lsm_set_self_attr, enosys, none, "labels are those of the machine"},
            {sys_lsm_list_modules, enosys, none, "labels are those of the machine"}
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
