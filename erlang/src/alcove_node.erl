%% SPDX-License-Identifier: ISC

%% @doc Starting a process on another node.
%%
%% A connection may be lost at any moment and be there again at the next. So the process that is
%% started stays only if the one that has asked for it learns its pid. A helper here waits for it
%% and then ends. There a guard watches the helper, and kills the starter, which is linked to what
%% it has started, if the helper ends before.
%% @hidden
-module(alcove_node).

-export([start/4]).
-export([help/4, serve/4]).

-type reason() :: noconnection | undef | term().

%% @doc Has a function called on a node that starts a process and links it to the caller. The link
%% is taken away when the pid is known here.
%%
%% Besides the errors of the function there is `{node, noconnection}' when the node cannot be
%% reached or is lost meanwhile, and `{node, undef}' when it does not have this application.
-spec start(node(), module(), Function :: atom(), Args :: [term()]) ->
    {ok, pid()} | {error, {node, reason()} | term()}.
start(Node, Module, Function, Args) ->
    {_, Ref} = spawn_monitor(?MODULE, help, [Node, Module, Function, Args]),
    receive
        {'DOWN', Ref, process, _, {result, Result}} -> Result;
        {'DOWN', Ref, process, _, Reason} -> {error, {node, Reason}}
    end.

%% @private
-spec help(node(), module(), atom(), [term()]) -> no_return().
help(Node, Module, Function, Args) ->
    exit({result, request(Node, Module, Function, Args)}).

request(Node, Module, Function, Args) ->
    try erpc:call(Node, ?MODULE, serve, [self(), Module, Function, Args]) of
        Guard -> await(Guard)
    catch
        error:{exception, undef, _} -> {error, {node, undef}};
        error:{erpc, Reason} -> {error, {node, Reason}}
    end.

await(Guard) ->
    Ref = monitor(process, Guard),
    receive
        {Guard, Result} ->
            Guard ! {self(), accepted},
            Result;
        {'DOWN', Ref, process, _, Reason} ->
            {error, {node, Reason}}
    end.

%% @private
-spec serve(Helper :: pid(), module(), atom(), [term()]) -> pid().
serve(Helper, Module, Function, Args) ->
    spawn(fun() -> guard(Helper, Module, Function, Args) end).

%% A process prints and logs on its own node, also when the other one is lost.
guard(Helper, Module, Function, Args) ->
    _ = [group_leader(User, self()) || User <- [whereis(user)], is_pid(User)],
    Ref = monitor(process, Helper),
    Self = self(),
    {Starter, Started} = spawn_monitor(fun() -> starter(Self, Module, Function, Args) end),
    receive
        {Starter, Result} ->
            Helper ! {self(), Result},
            settle(Helper, Ref, Starter);
        {'DOWN', Started, process, _, Reason} ->
            Helper ! {self(), {error, {node, Reason}}};
        {'DOWN', Ref, process, _, _} ->
            exit(Starter, kill)
    end.

settle(Helper, Ref, Starter) ->
    receive
        {Helper, accepted} -> Starter ! {self(), accepted};
        {'DOWN', Ref, process, _, _} -> exit(Starter, kill)
    end.

%% A start that fails is not to end it before it has told why.
starter(Guard, Module, Function, Args) ->
    process_flag(trap_exit, true),
    Result = apply(Module, Function, Args),
    Guard ! {self(), Result},
    receive
        {Guard, accepted} -> [unlink(Pid) || {ok, Pid} <- [Result]]
    end.
