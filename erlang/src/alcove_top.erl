%% SPDX-License-Identifier: ISC

%% @doc What runs: drivers, their ports, and the processes below them.
%%
%% Any process of the node may ask, also a remote shell. It costs the drivers a message each;
%% one that does not answer is shown without its owner and calls, and a program that does not without its output.
-module(alcove_top).

-export([
    print/0,
    drivers/0
]).

-export_type([
    driver/0,
    process/0
]).

-type driver() :: #{
    driver := alcove_drv:ref(),
    owner := pid() | unknown,
    name := atom() | {atom(), term()} | {via, module(), term()} | binary() | undefined,
    memory := non_neg_integer(),
    messages := non_neg_integer(),
    waiting := non_neg_integer(),
    mailbox := non_neg_integer(),
    unread := non_neg_integer(),
    calls := [{alcove_proto:call(), [alcove:pid_t()], Age :: non_neg_integer()}],
    processes := [process()]
}.
%% A driver. Its owner's name is the registered one, that of an {@link alcove_program} or else of
%% what it runs, `{pool, Pool}' for a driver of a pool.
%%
%% `memory' is in bytes of the VM. `messages' are those that the driver has not read, `mailbox' those
%% that its owner has not. `waiting' bytes have not been taken by the port, `unread' ones wait in
%% a program for a reader. Calls without a reply have their age in milliseconds.

-type process() :: #{
    pid := alcove:pid_t(),
    depth := non_neg_integer(),
    command := binary(),
    memory := non_neg_integer(),
    cpu_ms := non_neg_integer(),
    descriptors := non_neg_integer() | unknown
}.
%% A process of the system: how far it is below the port, its resident memory in bytes, and its
%% processor time.

%% How long a driver may take to answer.
-define(PATIENCE, 1000).

%% The unit of times in /proc, on all systems of today.
-define(TICK, 10).

%% @doc Prints {@link drivers/0} as a table for each driver.
%%
%% ```
%% 1> alcove_top:print().
%% <0.93.0> of redis: 13 KiB, 0 messages, 0 bytes to the port; owner: 0 messages, 0 bytes unread
%%     call of [4711,4712] without a reply for 0.14 s: getcpid
%%      PID       CPU     MEMORY  FDS  COMMAND
%%     4711    0.00 s    428 KiB   10  /usr/lib/alcove/priv/alcove
%%     4712    0.00 s    152 KiB   11    /usr/lib/alcove/priv/alcove
%%     4713    0.31 s   8192 KiB   13      redis-server *:6379
%% ok
%% '''
-spec print() -> ok.
print() ->
    lists:foreach(fun print/1, drivers()).

print(#{driver := Drv, processes := Processes, calls := Calls} = Driver) ->
    #{memory := Memory, messages := Messages, waiting := Waiting, mailbox := Mailbox, unread := Unread} = Driver,
    io:format("~p of ~ts: ~b KiB, ~b messages, ~b bytes to the port; owner: ~b messages, ~b bytes unread~n", [
        Drv, owner(Driver), Memory div 1024, Messages, Waiting, Mailbox, Unread
    ]),
    lists:foreach(fun call/1, Calls),
    io:format("~8s ~9s ~10s ~4s  COMMAND~n", ["PID", "CPU", "MEMORY", "FDS"]),
    lists:foreach(fun line/1, Processes).

owner(#{name := undefined, owner := Owner}) -> io_lib:format("~p", [Owner]);
owner(#{name := Name}) when is_binary(Name) -> printable(Name);
owner(#{name := Name}) -> io_lib:format("~tp", [Name]).

call({Name, Pids, Age}) ->
    io:format("    call of ~w without a reply for ~.2f s: ~s~n", [Pids, Age / 1000, Name]).

line(#{pid := Pid, depth := Depth, command := Command, memory := Memory, cpu_ms := Cpu, descriptors := FDs}) ->
    io:format("~8b ~7.2f s ~6b KiB ~4s  ~ts~ts~n", [
        Pid, Cpu / 1000, Memory div 1024, number(FDs), lists:duplicate(2 * Depth, $\s), printable(Command)
    ]).

number(unknown) -> "-";
number(N) -> integer_to_list(N).

%% A program gives itself any name. What a terminal takes for a command is shown as a mark.
printable(Bytes) ->
    Text =
        case unicode:characters_to_list(Bytes) of
            Characters when is_list(Characters) -> Characters;
            _ -> binary_to_list(Bytes)
        end,
    [
        case C < $\s orelse C >= 127 andalso C < 160 of
            true -> $?;
            false -> C
        end
     || C <- Text
    ].

facts(Pid) when is_pid(Pid), node(Pid) =:= node() ->
    case process_info(Pid, [registered_name, message_queue_len, dictionary]) of
        [{registered_name, Name}, {message_queue_len, Mailbox}, {dictionary, Dictionary}] ->
            Initial = proplists:get_value('$initial_call', Dictionary),
            #{name => name(Name, Dictionary), mailbox => Mailbox, unread => unread(Pid, Initial)};
        undefined ->
            facts(gone)
    end;
facts(_Owner) ->
    #{name => undefined, mailbox => 0, unread => 0}.

name([], Dictionary) -> proplists:get_value('$alcove_name', Dictionary);
name(Name, _Dictionary) -> Name.

%% What a program shows of itself.
unread(Pid, {alcove_program, init, 1}) ->
    try sys:get_status(Pid, ?PATIENCE) of
        {status, _, _, [_, _, _, _, Data]} ->
            [#{unread := Unread}] = [Shown || {data, Pairs} <- Data, {_, {_State, #{unread := _} = Shown}} <- Pairs],
            Unread
    catch
        _:_ -> 0
    end;
unread(_Pid, _Initial) ->
    0.

%% @doc Returns the drivers of this node, oldest first, with the processes below their ports.
%%
%% ```
%% [#{processes := [#{depth := 0, command := Alcove} | _]} | _] = alcove_top:drivers().
%% '''
-spec drivers() -> [driver()].
drivers() ->
    [Driver || Pid <- lists:sort(processes()), is_driver(Pid), Driver <- driver(Pid)].

is_driver(Pid) ->
    case process_info(Pid, dictionary) of
        {dictionary, Dictionary} -> proplists:get_value('$initial_call', Dictionary) =:= {alcove_drv, init, 1};
        undefined -> false
    end.

driver(Drv) ->
    case process_info(Drv, [links, memory, message_queue_len]) of
        [{links, Links}, {memory, Memory}, {message_queue_len, Messages}] ->
            Ports = [{Port, Pid} || Port <- Links, is_port(Port), {os_pid, Pid} <- [erlang:port_info(Port, os_pid)]],
            [
                maps:merge(state(Drv), #{
                    driver => Drv,
                    memory => Memory,
                    messages => Messages,
                    waiting => lists:sum(
                        [Size || {Port, _} <- Ports, {_, Size} <- [erlang:port_info(Port, queue_size)]]
                    ),
                    processes => lists:append([below(Pid, 0) || {_, Pid} <- Ports])
                })
            ];
        undefined ->
            []
    end.

%% What the driver shows of itself in reports.
state(Drv) ->
    try sys:get_status(Drv, ?PATIENCE) of
        {status, _, _, [_, _, _, _, Data]} ->
            [#{owner := Owner, calls := Calls}] = [
                State
             || {data, Pairs} <- Data, {"State", #{owner := _} = State} <- Pairs
            ],
            (facts(Owner))#{owner => Owner, calls => Calls}
    catch
        _:_ -> (facts(unknown))#{owner => unknown, calls => []}
    end.

%%
%% The system
%%

%% A process may end at any time.
below(Pid, Depth) ->
    Dir = "/proc/" ++ integer_to_list(Pid),
    case {file:read_file(Dir ++ "/stat"), file:read_file(Dir ++ "/status")} of
        {{ok, Stat}, {ok, Status}} ->
            Process = #{
                pid => Pid,
                depth => Depth,
                command => command(Dir, Stat),
                memory => memory(Status),
                cpu_ms => cpu(Stat),
                descriptors => descriptors(Dir)
            },
            [Process | lists:append([below(Child, Depth + 1) || Child <- children(Dir)])];
        _ ->
            []
    end.

command(Dir, Stat) ->
    case file:read_file(Dir ++ "/cmdline") of
        {ok, <<_, _/binary>> = Line} ->
            string:trim(binary:replace(Line, <<0>>, <<" ">>, [global]), trailing);
        _ ->
            % one that has no arguments, or has ended
            [_, Name] = string:split(hd(string:split(Stat, ")", trailing)), "("),
            Name
    end.

memory(Status) ->
    case re:run(Status, "^VmRSS:\\s*(\\d+) kB", [multiline, {capture, all_but_first, binary}]) of
        {match, [KiB]} -> binary_to_integer(KiB) * 1024;
        nomatch -> 0
    end.

cpu(Stat) ->
    [_, Fields] = string:split(Stat, ") ", trailing),
    [User, System] = lists:sublist(binary:split(Fields, <<" ">>, [global]), 12, 2),
    (binary_to_integer(User) + binary_to_integer(System)) * ?TICK.

descriptors(Dir) ->
    case file:list_dir(Dir ++ "/fd") of
        {ok, Names} -> length(Names);
        {error, _} -> unknown
    end.

%% Of all threads.
children(Dir) ->
    case file:list_dir(Dir ++ "/task") of
        {ok, Threads} ->
            lists:append([
                [binary_to_integer(Pid) || Pid <- binary:split(Text, <<" ">>, [global, trim_all])]
             || Thread <- Threads,
                {ok, Text} <- [file:read_file(filename:join([Dir, "task", Thread, "children"]))]
            ]);
        {error, _} ->
            []
    end.
