%% SPDX-License-Identifier: ISC

%% @doc What a sandbox goes without on a machine that lacks it, where its specification says that it may.
%% @hidden
-module(alcove_sandbox_optional).

-export([without/3, keyring/0]).

-define(PATIENCE, 10000).
-define(KEYCTL_JOIN_SESSION_KEYRING, 1).

%% @doc Returns the specification without what the machine lacks and need not have. A child of the process tries.
-spec without(alcove_drv:ref(), [alcove:pid_t()], alcove_sandbox_spec:checked()) -> alcove_sandbox_spec:checked().
without(Drv, Path, Spec) ->
    Optional = [Feature || {Feature, _, _} <- trials(), not alcove_sandbox_spec:is_required(Feature, Spec)],
    lists:foldl(
        fun({Feature, Call, Instead}, Left) ->
            case lists:member(Feature, Optional) andalso lacks(Drv, Path, Feature, Call) of
                true -> maps:merge(Left, Instead);
                false -> Left
            end
        end,
        Spec,
        trials()
    ).

trials() ->
    [
        {keyring, keyring(), #{keyring => false}},
        {seccomp, {prctl, [pr_get_seccomp, 0, 0, 0, 0]}, #{seccomp => none}},
        {network, {unshare, [[clone_newnet]]}, #{network => host}}
    ].

%% @doc Returns the call by which a process gets a session keyring that is new.
-spec keyring() -> {syscall, [sys_keyctl | {?KEYCTL_JOIN_SESSION_KEYRING, 0}, ...]}.
keyring() ->
    {syscall, [sys_keyctl, {?KEYCTL_JOIN_SESSION_KEYRING, 0}]}.

lacks(Drv, Path, Feature, Call) ->
    case alcove_steps:call(Drv, Path, fork, [], ?PATIENCE) of
        {ok, Pid} ->
            Child = Path ++ [Pid],
            Result = alcove_steps:run(Drv, Child, [{Feature, Call}], ?PATIENCE),
            ok = alcove_job:kill_child(Drv, Child),
            element(1, Result) =:= error;
        {error, _} ->
            true
    end.
