%% SPDX-License-Identifier: ISC

%% @doc A shell in a container of its own for each TCP connection.
%%
%% ```
%% 1> spawn(fun() -> tcpsh:start([{port, 31337}]) end).
%%
%% $ nc localhost 31337
%% / $ hostname
%% alcove4026660497
%% / $ ps
%% PID   USER     TIME  COMMAND
%%     1 40266604  0:00 sh -i
%%     2 40266604  0:00 ps
%% '''
%%
%% The server passes on messages as they come: what the connection sends goes to the standard
%% input of the shell, and `{alcove_stdout, Drv, [Pid], Data}' back.
-module(tcpsh).

-include_lib("alcove/include/alcove.hrl").

-export([start/0, start/1]).

-export_type([option/0]).

-type option() ::
    {port, inet:port_number()}
    | {shell, string()}
    | alcove_drv:option().
%% `port' is 31337 by default, `shell' a static busybox at `/bin/busybox'. The others are for
%% the port programs, by default `[{exec, "sudo -n"}]'.

%% @equiv start([])
-spec start() -> no_return().
start() ->
    start([]).

%% @doc Serves connections to this machine; never returns.
-spec start([option()]) -> no_return().
start(Options) ->
    Port = proplists:get_value(port, Options, 31337),
    {ok, Listen} = gen_tcp:listen(Port, [
        binary, {ip, loopback}, {active, false}, {reuseaddr, true}
    ]),
    accept(Listen, Options).

%% A server of its own for each connection, whose end is the end of its driver and of the shell.
accept(Listen, Options) ->
    {ok, Socket} = gen_tcp:accept(Listen),
    Server = spawn(fun() ->
        receive
            serve -> serve(Socket, Options)
        end
    end),
    ok = gen_tcp:controlling_process(Socket, Server),
    Server ! serve,
    accept(Listen, Options).

serve(Socket, Options) ->
    Exec = proplists:get_value(exec, Options, "sudo -n"),
    {ok, Drv} = alcove_drv:start_link([{exec, Exec} | Options]),
    Pid = container(Drv, id(), proplists:get_value(shell, Options, "/bin/busybox")),
    ok = inet:setopts(Socket, [{active, true}]),
    relay(Drv, Pid, Socket),
    ok = gen_tcp:close(Socket),
    alcove_drv:stop(Drv).

relay(Drv, Pid, Socket) ->
    receive
        {tcp, Socket, Data} ->
            ok = alcove:stdin(Drv, [Pid], Data),
            relay(Drv, Pid, Socket);
        {Output, Drv, [Pid], Data} when Output =:= alcove_stdout; Output =:= alcove_stderr ->
            _ = gen_tcp:send(Socket, Data),
            relay(Drv, Pid, Socket);
        _End ->
            ok
    end.

%% The shell is process 1 of its namespace: with it, all that it has started ends. As such it
%% may ignore SIGTERM, the signal that a program gets when the port stops.
container(Drv, Id, Shell) ->
    {ok, Pid} = alcove:clone(Drv, [], [
        clone_newipc, clone_newnet, clone_newns, clone_newpid, clone_newuts
    ]),
    ok = alcove:sethostname(Drv, [Pid], ["alcove", integer_to_list(Id)]),
    ok = alcove:mount(Drv, [Pid], "none", "/", "", [ms_rec, ms_private], "", ""),
    ok = alcove:mount(
        Drv, [Pid], "proc", "/proc", "proc", [ms_nosuid, ms_nodev, ms_noexec], "", ""
    ),
    ok = alcove:chdir(Drv, [Pid], "/"),
    ok = alcove:setgroups(Drv, [Pid], []),
    ok = alcove:setresgid(Drv, [Pid], Id, Id, Id),
    ok = alcove:setresuid(Drv, [Pid], Id, Id, Id),
    true = alcove:setcpid(Drv, [], Pid, signaloneof, 9),
    ok = alcove:execve(Drv, [Pid], Shell, ["sh", "-i"], ["HOME=/", "PATH=/usr/bin:/bin"]),
    Pid.

id() ->
    16#f0000000 + rand:uniform(16#ffff).
