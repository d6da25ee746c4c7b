%% SPDX-License-Identifier: ISC

%% What the suites share: starting a port, and waiting for what happens.
-module(alcove_ct).

-include_lib("stdlib/include/assert.hrl").

-export([
    start/0, start/1,
    stop/1,
    options/1,
    exec/0,
    unlinked/1,
    os_pid/1,
    chain/2, chain/3,
    raised/1,
    output/3,
    message/3,
    until/1,
    is_running/1,
    kill_together/2,
    descriptors/1,
    calls/1,
    telemetry/1,
    logged/1,
    script/3,
    quoted/1,
    in_sandbox/2
]).
-export([log/2]).

%% How long anything may take.
-define(LIMIT, 30000).

%% A driver with the rights of root, linked to the caller, who owns it.
start() ->
    start([]).

start(Options) ->
    {ok, Drv} = alcove_drv:start_link(options(Options)),
    Drv.

options(Options) ->
    Options ++ [{exec, exec()} || not lists:keymember(exec, 1, Options)].

%% What gives a port the rights of root: nothing for root, nor where sudo asks or refuses. Cases
%% that need a capability are skipped then.
exec() ->
    case os:getenv("ALCOVE_TEST_EXEC") of
        false ->
            Found = os:cmd("[ $(id -u) = 0 ] || ! sudo -n true >/dev/null 2>&1 || echo sudo -n"),
            Exec = string:trim(Found),
            true = os:putenv("ALCOVE_TEST_EXEC", Exec),
            Exec;
        Exec ->
            Exec
    end.

stop(Drv) ->
    unlink(Drv),
    ok = alcove_drv:stop(Drv).

%% A driver whose end does not end the caller.
unlinked(Options) ->
    {ok, Drv} = alcove_drv:start(options(Options)),
    Drv.

%% The process that the VM has started: sudo, if that is used.
os_pid(Drv) ->
    {os_pid, Pid} = erlang:port_info(alcove_drv:port(Drv), os_pid),
    Pid.

%% Forks N processes, each from the one before; the pipeline of the last one.
chain(Drv, N) ->
    chain(Drv, [], N).

chain(_Drv, Pids, 0) ->
    Pids;
chain(Drv, Pids, N) ->
    {ok, Pid} = alcove:fork(Drv, Pids),
    chain(Drv, Pids ++ [Pid], N - 1).

%% The reason of the error that a function raises.
raised(Fun) ->
    try Fun() of
        Value -> error({not_raised, Value})
    catch
        error:Reason -> Reason
    end.

%% So many bytes of standard output.
output(Drv, Pids, Size) ->
    output(Drv, Pids, Size, []).

output(_Drv, _Pids, Left, Pieces) when Left =< 0 ->
    iolist_to_binary(lists:reverse(Pieces));
output(Drv, Pids, Left, Pieces) ->
    Piece = message(Drv, Pids, alcove_stdout),
    output(Drv, Pids, Left - byte_size(Piece), [Piece | Pieces]).

%% The next message of a kind.
message(Drv, Pids, Tag) ->
    receive
        {Tag, Drv, Pids, Term} -> Term
    after ?LIMIT ->
        {messages, Messages} = process_info(self(), messages),
        error({no_message, Tag, Pids, Messages})
    end.

%% For what sends no message.
until(Fun) ->
    until(Fun, erlang:monotonic_time(millisecond) + ?LIMIT).

until(Fun, Deadline) ->
    case Fun() of
        true ->
            ok;
        Value ->
            ?assert(erlang:monotonic_time(millisecond) < Deadline, {until, Value}),
            receive
            after 10 -> until(Fun, Deadline)
            end
    end.

%% Not a zombie either.
is_running(Pid) ->
    not lists:member(state(Pid), [gone, $Z]).

%% The letter of proc(5).
state(Pid) ->
    case file:read_file(["/proc/", integer_to_list(Pid), "/stat"]) of
        {ok, Stat} ->
            [_, <<State, _/binary>>] = string:split(Stat, ") ", trailing),
            State;
        {error, _} ->
            gone
    end.

%% Kills processes together: they are stopped before, so none does anything about the end of another. A
%% function ends more in between.
kill_together(Pids, Fun) ->
    Words = lists:join(" ", [integer_to_list(Pid) || Pid <- Pids]),
    Kill = fun(Signal) ->
        Command = ["kill -", Signal, " ", Words, " 2>/dev/null"],
        [] = os:cmd([Command, " || sudo -n ", Command])
    end,
    Kill("STOP"),
    ok = until(fun() -> [Pid || Pid <- Pids, state(Pid) =/= $T] =:= [] end),
    _ = Fun(),
    Kill("KILL"),
    until(fun() -> not lists:any(fun is_running/1, Pids) end).

%% The descriptors of a process and what they refer to, in order.
descriptors(Pid) ->
    Dir = filename:join(["/proc", integer_to_list(Pid), "fd"]),
    {ok, Names} = file:list_dir(Dir),
    lists:sort([
        {list_to_integer(Name), Target}
     || Name <- Names,
        {ok, Target} <- [file:read_link_all(filename:join(Dir, Name))]
    ]).

%% What a function returns, and how many calls it has made of processes of the port.
calls(Fun) ->
    {Counter, Monitor} = spawn_monitor(fun() -> count(0) end),
    1 = erlang:trace_pattern({alcove_drv, call, 5}, true, [global]),
    1 = erlang:trace(self(), true, [call, {tracer, Counter}]),
    Returned = Fun(),
    1 = erlang:trace(self(), false, [call]),
    Delivered = erlang:trace_delivered(self()),
    receive
        {trace_delivered, _, Delivered} -> Counter ! stop
    end,
    receive
        {'DOWN', Monitor, process, Counter, Count} -> {Returned, Count}
    end.

count(N) ->
    receive
        {trace, _, call, _} -> count(N + 1);
        stop -> exit(N)
    end.

%% What a function returns, and the events that a module `telemetry' gets meanwhile.
telemetry(Fun) ->
    Name = alcove_telemetry_test,
    % execute(A, B, C) -> alcove_telemetry_test ! {told, A, B, C}.
    Args = [{var, 1, Arg} || Arg <- ['A', 'B', 'C']],
    Send = {op, 1, '!', {atom, 1, Name}, {tuple, 1, [{atom, 1, told} | Args]}},
    {ok, telemetry, Code} = compile:forms([
        {attribute, 1, module, telemetry},
        {attribute, 1, export, [{execute, 3}]},
        {function, 1, execute, 3, [{clause, 1, Args, [], [Send]}]}
    ]),
    true = register(Name, self()),
    {module, telemetry} = code:load_binary(telemetry, "telemetry", Code),
    try
        Returned = Fun(),
        {Returned, told()}
    after
        true = code:delete(telemetry),
        code:purge(telemetry),
        unregister(Name)
    end.

told() ->
    receive
        {told, Name, Measurements, Metadata} -> [{Name, Measurements, Metadata} | told()]
    after 0 -> []
    end.

%% What a function returns, and what has been logged meanwhile.
logged(Fun) ->
    ok = logger:add_handler(?MODULE, ?MODULE, #{config => #{test => self()}}),
    try
        {Fun(), taken_events()}
    after
        ok = logger:remove_handler(?MODULE)
    end.

log(Event, #{config := #{test := Test}}) ->
    Test ! {log, Event}.

taken_events() ->
    receive
        {log, Event} -> [Event | taken_events()]
    after 0 -> []
    end.

%% A word for the shell, whatever is in it.
quoted(Text) ->
    [$', string:replace(Text, "'", "'\\''", all), $'].

%% An executable file with a shell script.
script(Config, Name, Text) ->
    Path = filename:join(proplists:get_value(priv_dir, Config), Name),
    ok = file:write_file(Path, ["#!/bin/sh\n" | Text]),
    ok = file:change_mode(Path, 8#755),
    Path.

%% Ends a sandbox that was prepared, whatever the function does.
in_sandbox({ok, Sandbox}, Fun) ->
    try
        Fun(Sandbox)
    after
        ok = alcove_sandbox:close(Sandbox)
    end.
