%% SPDX-License-Identifier: ISC

%% @doc What a machine can do for a sandbox: everything is tried, each by itself.
%% @hidden
-module(alcove_sandbox_support).

-export([supported/2]).

-export_type([support/0]).

-type support() :: #{
    Feature ::
        sandbox
        | proc
        | tmp
        | dev
        | network
        | capabilities
        | seccomp
        | keyring
        | out_of_memory
        | alcove_sandbox_spec:limit_name() => ok | {error, {Reason :: term(), Advice :: string()}}
}.

%% A program that no view has: everything before it is executed has worked when it is missed.
-define(NONE, <<"/alcove-sandbox/none">>).
-define(GRACE, 100).
-define(WINDOW, 65536).

%% @doc Tries what a specification describes.
-spec supported(alcove_sandbox_spec:checked(), [alcove_drv:option()]) -> support().
supported(Spec, Options) ->
    Base = Spec#{
        tmp := none, proc := false, dev := none, network := host, seccomp := none, limits := #{}, capabilities := [],
        require := []
    },
    case attempt(Base, Options) of
        ok ->
            Found = maps:map(fun(_, Part) -> attempt(maps:merge(Base, Part), Options) end, parts(Spec)),
            out_of_memory(Found#{sandbox => ok});
        {error, _} = Error ->
            maps:map(fun(_, _) -> Error end, (parts(Spec))#{sandbox => #{}})
    end.

%% What the specification has beyond the least, by names.
parts(#{limits := Limits} = Spec) ->
    Described = [
        {Key, #{Key => Value}}
     || {Key, Value} <- maps:to_list(maps:with([tmp, proc, dev, network, seccomp, capabilities], Spec)),
        not lists:member({Key, Value}, [
            {tmp, none}, {proc, false}, {dev, none}, {network, host}, {seccomp, none}, {capabilities, []}
        ])
    ],
    Limited = [
        {Name, #{limits => maps:with(needed(Name), Limits), require => [Name]}}
     || Name <- maps:keys(Limits)
    ],
    maps:from_list([{keyring, #{require => [keyring]}} | Described ++ Limited]).

needed(swap) -> [memory, swap];
needed(Name) -> [Name].

%% Without a group for memory it is a process that finds no more of it, and ends by itself or is killed.
out_of_memory(#{memory := Memory} = Found) -> Found#{out_of_memory => Memory};
out_of_memory(Found) -> Found.

attempt(Spec, Options) ->
    case alcove_job:driver(Options, ?GRACE) of
        {ok, Drv} ->
            Result = prepared(alcove_sandbox_template:prepare(Drv, Spec), Drv),
            result(Result);
        {error, Failure} ->
            result({error, Failure})
    end.

prepared({ok, Template}, Drv) ->
    Result =
        case alcove_sandbox_template:keeper(Template, ?GRACE, ?WINDOW) of
            {ok, Keeper} -> alcove_job:start(Keeper, #{argv => [?NONE], stdin => <<>>}, [], infinity);
            Error -> Error
        end,
    _ = alcove_sandbox_template:close_driver(Drv, Template, none),
    Result;
prepared(Error, Drv) ->
    _ = alcove_sandbox_template:close_driver(Drv, none, none),
    Error.

result({error, {exec, _}}) -> ok;
result({error, {Step, Reason}}) -> {error, {{Step, Reason}, advice(Step, Reason)}}.

%% What to do about it.
advice(Step, enosys) when Step =:= root; Step =:= view; Step =:= descriptors ->
    "needs Linux 5.12 or later";
advice(Step, _) when Step =:= privileges; Step =:= namespaces; Step =:= hostname ->
    "run the port as root, or let users have user namespaces: the settings user.max_user_namespaces, "
    "kernel.unprivileged_userns_clone = 1 and kernel.apparmor_restrict_unprivileged_userns = 0 of sysctl, and "
    "what a container around it allows";
advice(root, einval) ->
    "the root directory is that of an initramfs, which cannot be changed";
advice(Step, {_, enoent}) when Step =:= root; Step =:= view; Step =:= proc; Step =:= tmp; Step =:= dev ->
    "make the directory that is named";
advice(capabilities, {cap_sys_ptrace, _}) ->
    "use privileges => auto or user_namespace";
advice(Step, Reason) when Step =:= root, Reason =/= enoent; Step =:= capabilities ->
    "run the port with the rights of root, or see that user namespaces have capabilities "
    "(kernel.apparmor_restrict_unprivileged_userns = 0)";
advice(proc, eperm) ->
    "the /proc of the container around it hides parts, as the kernel then does here: have it show all, "
    "or use proc => false";
advice(Step, _) when Step =:= memory; Step =:= swap; Step =:= processes; Step =:= cpu_quota; Step =:= cgroup ->
    "run the port as root, or have a control group delegated (Delegate=yes of a unit, then "
    "alcove_cgroup2:vacate/4), or leave it out of require: then memory is a limit of each process, and "
    "status out_of_memory is {signal, sigkill} or what the program makes of it";
advice(user, needs_root) ->
    "run the port as root, or use another user than unique";
advice(keyring, _) ->
    "the kernel has no keys, or a container around it forbids them: leave it out of require";
advice(seccomp, {unknown, _}) ->
    "name calls that this machine has";
advice(seccomp, _) ->
    "the kernel needs CONFIG_SECCOMP_FILTER";
advice(_Step, _Reason) ->
    "see the manual page of the call for the error".
