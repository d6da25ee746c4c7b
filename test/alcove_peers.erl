%% SPDX-License-Identifier: ISC

%% Nodes of Erlang on this machine that find each other by a service of their own.
-module(alcove_peers).

-export([
    start/3,
    stop/1,
    on/3,
    os_pid/1
]).

-export_type([peers/0]).

-type peers() :: #{epmd := pid(), peers := #{atom() => {pid(), node()}}}.

%% How long anything may take.
-define(LIMIT, 120000).

%% Starts a node for each name, connected with this one by their standard streams only. Those with
%% `bare' have the modules of Erlang and no others.
-spec start(file:filename(), [atom() | {bare, atom()}], [string()]) ->
    {ok, peers()} | {skip, string()}.
start(Dir, Names, Args) ->
    case code:ensure_loaded(peer) of
        {module, peer} ->
            Port = free_port(),
            {ok, Epmd} = epmd(Port),
            Peers = [peer(Dir, Name, Port, Args) || Name <- Names],
            {ok, #{epmd => Epmd, peers => maps:from_list(Peers)}};
        {error, _} ->
            {skip, "this release of Erlang has no module peer"}
    end.

epmd(Port) ->
    Bin = filename:join([code:root_dir(), "erts-" ++ erlang:system_info(version), "bin", "epmd"]),
    {ok, Epmd} = alcove_program:start_link(#{
        argv => [Bin, "-port", integer_to_list(Port)],
        output => {logger, debug},
        ready => fun() -> is_open(Port) end
    }),
    % the process of a case, or of its preparation
    unlink(Epmd),
    {ok, Epmd}.

free_port() ->
    {ok, Socket} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    Port.

is_open(Port) ->
    case gen_tcp:connect({127, 0, 0, 1}, Port, []) of
        {ok, Socket} -> ok =:= gen_tcp:close(Socket);
        {error, _} -> false
    end.

peer(Dir, {bare, Name}, Port, Args) ->
    peer(Dir, Name, [], Port, Args);
peer(Dir, Name, Port, Args) ->
    Dirs = [filename:dirname(code:which(Module)) || Module <- [alcove_drv, ?MODULE]],
    peer(Dir, Name, ["-pa" | Dirs], Port, Args).

peer(Dir, Name, Path, Port, Args) ->
    {ok, Peer, Node} = peer:start(#{
        name => Name,
        % the name of the machine may have no address
        host => "127.0.0.1",
        longnames => true,
        connection => standard_io,
        wait_boot => ?LIMIT,
        args => ["-setcookie", "alcove_peers" | Path ++ Args],
        % the cookie of the user is not read
        env => [{"ERL_EPMD_PORT", integer_to_list(Port)}, {"ERL_LIBS", ""}, {"HOME", Dir}]
    }),
    {Name, {Peer, Node}}.

-spec stop(peers()) -> ok.
stop(#{epmd := Epmd, peers := Peers}) ->
    _ = [stop_peer(Peer) || {Peer, _} <- maps:values(Peers)],
    {ok, _} = alcove_program:stop(Epmd),
    ok.

%% It may have ended.
stop_peer(Peer) ->
    try
        peer:stop(Peer)
    catch
        exit:_ -> ok
    end.

%% Calls a function in a process of a node.
-spec on(peers(), atom(), fun(() -> Value)) -> Value.
on(#{peers := Peers}, Name, Fun) ->
    #{Name := {Peer, _}} = Peers,
    peer:call(Peer, erlang, apply, [Fun, []], ?LIMIT).

%% The process of the system that a node is.
-spec os_pid(node()) -> integer().
os_pid(Node) ->
    list_to_integer(erpc:call(Node, os, getpid, [])).
