%% @doc Starting a process on another node.
%%
%% A connection may be lost at any moment and be there again at the next. So the process that is
%% started stays only if the one that has asked for it learns its pid: a helper here waits for it and
%% ends, and the starter there watches the helper.
%% @hidden
-module(alcove_node).

-export([start/4]).
-export([serve/4]).

-type reason() :: noconnection | undef | term().

%% @doc Has a function called on a node that starts a gen_server or gen_statem, linked to nobody.
%%
%% Besides the errors of the function there is `{node, noconnection}' when the node cannot be
%% reached or is lost meanwhile, and `{node, undef}' when it does not have this application.
-spec start(node(), module(), Function :: atom(), Args :: [term()]) ->
    {ok, pid()} | {error, {node, reason()} | term()}.
start(Node, Module, Function, Args) ->
    {_, Ref} = spawn_monitor(fun() -> exit({result, request(Node, Module, Function, Args)}) end),
    receive
        {'DOWN', Ref, process, _, {result, Result}} -> Result;
        {'DOWN', Ref, process, _, Reason} -> {error, {node, Reason}}
    end.

request(Node, Module, Function, Args) ->
    try erpc:call(Node, ?MODULE, serve, [self(), Module, Function, Args]) of
        Starter -> await(Starter)
    catch
        error:{exception, undef, _} -> {error, {node, undef}};
        error:{erpc, Reason} -> {error, {node, Reason}}
    end.

await(Starter) ->
    Ref = monitor(process, Starter),
    receive
        {Starter, Result} ->
            Starter ! {self(), accepted},
            Result;
        {'DOWN', Ref, process, _, Reason} ->
            {error, {node, Reason}}
    end.

%% @private
-spec serve(pid(), module(), atom(), [term()]) -> pid().
serve(Helper, Module, Function, Args) ->
    spawn(fun() -> started(Helper, Module, Function, Args) end).

%% What it starts prints and logs here, also when the other node is lost.
started(Helper, Module, Function, Args) ->
    _ = [group_leader(User, self()) || User <- [whereis(user)], is_pid(User)],
    Ref = monitor(process, Helper),
    Result = apply(Module, Function, Args),
    Helper ! {self(), Result},
    receive
        {Helper, accepted} -> ok;
        {'DOWN', Ref, process, _, _} -> dismiss(Result)
    end.

dismiss({ok, Pid}) ->
    try
        proc_lib:stop(Pid)
    catch
        % it has ended by itself
        exit:_ -> ok
    end;
dismiss(_Error) ->
    ok.
