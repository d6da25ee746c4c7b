%% SPDX-License-Identifier: ISC

%% @doc The capabilities of a process, see capabilities(7).
%%
%% A process has five sets of capabilities, named as in the manual page, in lower case. The
%% functions need the calls of {@link alcove_linux}: {@link alcove_linux:extend/2} switches them on.
%%
%% ```
%% {ok, #{effective := Now}} = alcove_cap:get(Drv, [Pid]),
%% ok = alcove_cap:set(Drv, [Pid], #{effective => [cap_net_bind_service]}).
%% '''
%%
%% <ul>
%% <li>read and set: {@link get/2}, {@link set/3}</li>
%% <li>for a program: {@link keep/3}</li>
%% <li>names: {@link names/0}</li>
%% </ul>
-module(alcove_cap).

-export([
    get/2,
    set/3,
    keep/3,
    steps/2,
    names/0
]).

-export_type([
    capability/0,
    sets/0
]).

-type capability() :: atom() | non_neg_integer().
%% A name such as `cap_chown', or the number of a capability that has no name here.

-type sets() :: #{
    effective => [capability()],
    permitted => [capability()],
    inheritable => [capability()],
    bounding => [capability()],
    ambient => [capability()]
}.
%% Sets by their names.

%% _LINUX_CAPABILITY_VERSION_3, of this process.
-define(HEADER, <<16#20080522:32/native, 0:32>>).

%% Options of prctl(2) and their first arguments.
-define(CAPBSET_READ, 23).
-define(CAPBSET_DROP, 24).
-define(AMBIENT, 47).
-define(AMBIENT_IS_SET, 1).
-define(AMBIENT_RAISE, 2).
-define(AMBIENT_CLEAR_ALL, 4).

%% @doc Returns the capabilities in all five sets of a process.
%%
%% ```
%% {ok, #{bounding := Bounding}} = alcove_cap:get(Drv, [Pid]).
%% '''
-spec get(alcove_drv:ref(), [alcove:pid_t()]) -> {ok, sets()} | {error, alcove:posix()}.
get(Drv, Pids) ->
    case capget(Drv, Pids) of
        {ok, Sets} ->
            Bounding = asked(Drv, Pids, fun(N) -> [?CAPBSET_READ, N, 0, 0, 0] end),
            Ambient = asked(Drv, Pids, fun(N) -> [?AMBIENT, ?AMBIENT_IS_SET, N, 0, 0] end),
            {ok, Sets#{bounding => Bounding, ambient => Ambient}};
        {error, Posix} ->
            {error, Posix}
    end.

%% Asks for each capability in turn; the first that the kernel does not have is an error.
asked(Drv, Pids, Args) ->
    Calls = [{prctl, Args(N)} || N <- lists:seq(0, 63)],
    Replies =
        case alcove_linux:batch(Drv, Pids, Calls) of
            {ok, All} -> All;
            {error, _, All} -> All
        end,
    Numbered = lists:zip(lists:seq(0, length(Replies) - 1), Replies),
    [
        name(N)
         || {N, Reply} <- Numbered,
            is_tuple(Reply),
            element(1, Reply) =:= ok,
            element(2, Reply) =:= 1
    ].

%% @doc Sets some of the sets of a process; those that are left out stay as they are.
%%
%% First, capabilities that are not in the new bounding set are dropped from the old one, for
%% which the process needs `cap_setpcap'. The ambient set comes last: it takes what is permitted
%% and inheritable. Each capability that is dropped or raised takes a system call, in one call.
%% If one fails, those before it have been made.
%%
%% Raises `badarg' for a name that is none of a set or a capability.
%%
%% ```
%% ok = alcove_cap:set(Drv, [Pid], #{inheritable => [cap_net_raw], ambient => [cap_net_raw]}).
%% '''
-spec set(alcove_drv:ref(), [alcove:pid_t()], sets()) -> ok | {error, alcove:posix()}.
set(Drv, Pids, Sets) ->
    Wanted = maps:map(fun(Set, Caps) -> known(Set, Caps, [Drv, Pids, Sets]) end, Sets),
    case capget(Drv, Pids) of
        {ok, Now} -> made(alcove_linux:batch(Drv, Pids, changes(Drv, Pids, Now, Wanted)));
        {error, Posix} -> {error, Posix}
    end.

changes(Drv, Pids, Now, Wanted) ->
    drops(Drv, Pids, Wanted) ++ capset(Now, Wanted) ++ raises(Wanted).

drops(Drv, Pids, #{bounding := Keep}) ->
    Has = asked(Drv, Pids, fun(N) -> [?CAPBSET_READ, N, 0, 0, 0] end),
    [
        {prctl, [?CAPBSET_DROP, N, 0, 0, 0]}
         || Name <- Has, N <- [number(Name)], not lists:member(N, Keep)
    ];
drops(_Drv, _Pids, _Wanted) ->
    [].

capset(Now, Wanted) ->
    case maps:with([effective, permitted, inheritable], Wanted) of
        None when map_size(None) =:= 0 ->
            [];
        Some ->
            Numbers = maps:map(fun(_, Caps) -> [number(Cap) || Cap <- Caps] end, Now),
            #{effective := E, permitted := P, inheritable := I} = maps:merge(Numbers, Some),
            [{syscall, [sys_capset, {?HEADER, data(bits(E), bits(P), bits(I))}]}]
    end.

raises(#{ambient := Caps}) ->
    [{prctl, [?AMBIENT, ?AMBIENT_CLEAR_ALL, 0, 0, 0]}] ++
        [{prctl, [?AMBIENT, ?AMBIENT_RAISE, N, 0, 0]} || N <- Caps];
raises(_Wanted) ->
    [].

made({ok, _}) -> ok;
made({error, _, Replies}) -> failed(lists:last(Replies)).

failed({error, Posix}) -> {error, Posix};
% blocked by a filter
failed(Reason) -> erlang:error(Reason).

%% @doc Leaves a process no capabilities but some, and gives these to the program that it
%% executes, whatever its user is: they are in all five sets.
%%
%% To be called after the change of user, which takes capabilities away unless `pr_set_keepcaps'
%% of {@link alcove:prctl/7} is set before it.
%%
%% ```
%% {ok, _, _, _, _, _} = alcove:prctl(Drv, [Pid], pr_set_keepcaps, 1, 0, 0, 0),
%% ok = alcove:setresuid(Drv, [Pid], 1000, 1000, 1000),
%% ok = alcove_cap:set(Drv, [Pid], #{effective => [cap_setpcap, cap_net_bind_service]}),
%% ok = alcove_cap:keep(Drv, [Pid], [cap_net_bind_service]),
%% ok = alcove:execvp(Drv, [Pid], "server", ["server"]).
%% '''
-spec keep(alcove_drv:ref(), [alcove:pid_t()], [capability()]) -> ok | {error, alcove:posix()}.
keep(Drv, Pids, Caps) ->
    set(Drv, Pids, #{
        effective => Caps, permitted => Caps, inheritable => Caps, bounding => Caps, ambient => Caps
    }).

%% @doc Returns the calls that leave a process these capabilities, and give them to the program that it
%% executes. The bounding set stays as it is.
%% @private
-spec steps(Step, [capability()]) -> [alcove_steps:step(Step)].
steps(Step, Caps) ->
    Bits = bits([number(Cap) || Cap <- Caps]),
    [{Step, {syscall, [sys_capset, {?HEADER, data(Bits, Bits, Bits)}]}}] ++
        [{Step, Call} || Call <- raises(#{ambient => [number(Cap) || Cap <- Caps]})].

%% capget(2) gives two words of each set, the lower halves first.
capget(Drv, Pids) ->
    case alcove_linux:syscall(Drv, Pids, sys_capget, {?HEADER, <<0:192>>}) of
        {ok, 0,
            {_, <<
                E0:32/native, P0:32/native, I0:32/native,
                E1:32/native, P1:32/native, I1:32/native
            >>}} ->
            {ok, #{
                effective => caps(E1 bsl 32 bor E0),
                permitted => caps(P1 bsl 32 bor P0),
                inheritable => caps(I1 bsl 32 bor I0)
            }};
        {error, Posix} ->
            {error, Posix}
    end.

data(E, P, I) ->
    <<
        E:32/native, P:32/native, I:32/native,
        (E bsr 32):32/native, (P bsr 32):32/native, (I bsr 32):32/native
    >>.

caps(Bits) -> [name(N) || N <- lists:seq(0, 63), Bits band (1 bsl N) =/= 0].

bits(Numbers) -> lists:foldl(fun(N, Bits) -> Bits bor (1 bsl N) end, 0, Numbers).

known(Set, Caps, Args) ->
    Numbers = [number(Cap) || Cap <- Caps],
    Sets = [effective, permitted, inheritable, bounding, ambient],
    case lists:member(Set, Sets) andalso not lists:member(none, Numbers) of
        true -> Numbers;
        false -> erlang:error(badarg, Args)
    end.

name(N) when N < 41 -> lists:nth(N + 1, names());
name(N) -> N.

number(N) when is_integer(N), N >= 0, N < 64 -> N;
number(Name) -> number(Name, names(), 0).

number(Name, [Name | _], N) -> N;
number(Name, [_ | Names], N) -> number(Name, Names, N + 1);
number(_Name, [], _N) -> none.

%% @doc Returns the names of capabilities in the order of their numbers, the first being 0.
-spec names() -> [atom(), ...].
names() ->
    [
        cap_chown,
        cap_dac_override,
        cap_dac_read_search,
        cap_fowner,
        cap_fsetid,
        cap_kill,
        cap_setgid,
        cap_setuid,
        cap_setpcap,
        cap_linux_immutable,
        cap_net_bind_service,
        cap_net_broadcast,
        cap_net_admin,
        cap_net_raw,
        cap_ipc_lock,
        cap_ipc_owner,
        cap_sys_module,
        cap_sys_rawio,
        cap_sys_chroot,
        cap_sys_ptrace,
        cap_sys_pacct,
        cap_sys_admin,
        cap_sys_boot,
        cap_sys_nice,
        cap_sys_resource,
        cap_sys_time,
        cap_sys_tty_config,
        cap_mknod,
        cap_lease,
        cap_audit_write,
        cap_audit_control,
        cap_setfcap,
        cap_mac_override,
        cap_mac_admin,
        cap_syslog,
        cap_wake_alarm,
        cap_block_suspend,
        cap_audit_read,
        cap_perfmon,
        cap_bpf,
        cap_checkpoint_restore
    ].
