%% SPDX-License-Identifier: ISC

%% Measures the driver and the port together, and prints a table.
%%
%% `make bench' runs it. Each figure has a driver of its own and is taken several times; the
%% median is shown.
-module(alcove_bench).

-export([main/0, programs/0]).
-export([in_turn/4, row/2, transpose/1]).

-define(RUNS, 3).
-define(CHILDREN, 1000).
-define(MEGA, 1 bsl 20).

main() ->
    try
        io:format("| from Erlang | alcove |~n| --- | ---: |~n"),
        lists:foreach(fun rows/1, figures()),
        programs(),
        alcove_sandbox_bench:main(),
        on_nodes(),
        halt(0)
    catch
        Class:Reason:Stack ->
            io:put_chars(standard_error, erl_error:format_exception(Class, Reason, Stack)),
            halt(1)
    end.

figures() ->
    [{[calls(Depth)], fun(Drv) -> calls(Drv, Depth, N) end} || {Depth, N} <- calls_at()] ++
        [{["call, 10,000 messages in the mailbox"], fun crowded/1}] ++
        [
            {[output(Depth)], fun(Drv) -> output(Drv, Depth, Size) end}
             || {Depth, Size} <- output_at()
        ] ++
        [{["fork, each of 1,000 children", "call to each of 1,000 children"], fun children/1}] ++
        [{["ten calls, depth 1", "ten calls in one, depth 1", "memory of a child, idle",
           "after ten calls in one"],
            fun batch/1}].

calls_at() -> [{0, 20000}, {1, 10000}, {16, 2000}].
output_at() -> [{1, 300 * ?MEGA}, {16, 100 * ?MEGA}].

calls(Depth) -> io_lib:format("call, depth ~b", [Depth]).
output(Depth) -> io_lib:format("output, depth ~b", [Depth]).

%% Programs in turn, by several means: what else the machine does hurts all of them alike.
programs() ->
    Data = binary:copy(<<"x">>, 64 * ?MEGA),
    Run = fun() -> {ok, #{status := {exit, 0}}} = alcove_run:run(["/bin/true"]) end,
    ok = in_turn("/bin/true", 200, "us", [
        {"alcove_run", Run},
        {"open_port", fun() -> through_port("/bin/true", <<>>) end},
        {"os:cmd", fun() -> os:cmd("/bin/true") end}
    ]),
    Cat = fun() ->
        Options = #{stdin => Data, output_limit => infinity},
        {ok, #{status := {exit, 0}, stdout := Data}} = alcove_run:run(["/bin/cat"], Options)
    end,
    ok = in_turn("64 MiB through cat", 5, "us", [
        {"alcove_program, 1 MiB in memory", fun() -> through_program("/bin/cat", Data) end},
        {"alcove_run", Cat},
        {"open_port, all in memory", fun() -> through_port("/bin/cat", Data) end}
    ]),
    alcove_pool:stop(default).

%% The same from a node to itself and to another one on this machine.
on_nodes() ->
    ok = filelib:ensure_dir("_build/bench/home/file"),
    case alcove_peers:start(filename:absname("_build/bench/home"), [one, two], []) of
        {ok, #{peers := #{two := {_, Two}}} = Peers} ->
            Rows = alcove_peers:on(Peers, one, fun() -> node_rows(Two) end),
            alcove_peers:stop(Peers),
            lists:foreach(fun({Row, Nth}) -> row(Row, Nth) end, Rows);
        {skip, Why} ->
            io:format("~nno nodes: ~s~n", [Why])
    end.

node_rows(Two) ->
    Where = [{"here", node()}, {"on another node", Two}],
    Each = fun(Fun) -> [{Name, fun() -> Fun(Node) end} || {Name, Node} <- Where] end,
    Drivers = [{Node, chain_on(Node)} || {_, Node} <- Where],
    Call = fun(Node) ->
        {Drv, Pids} = proplists:get_value(Node, Drivers),
        [alcove:getpid(Drv, Pids) || _ <- lists:seq(1, 1000)]
    end,
    Start = fun(Node) ->
        {ok, Drv} = alcove_drv:start([{node, Node}]),
        ok = alcove_drv:stop(Drv)
    end,
    Run = fun(Node) ->
        {ok, #{status := {exit, 0}}} = alcove_run:run(["/bin/true"], #{node => Node})
    end,
    Rates = transpose([[rate(Node) || {_, Node} <- Where] || _ <- lists:seq(1, ?RUNS)]),
    timed("1,000 calls, depth 1, driver", 11, "us", Each(Call)) ++
        timed("start and stop of a driver", 51, "us", Each(Start)) ++
        timed("/bin/true by alcove_run", 101, "us", Each(Run)) ++
        [
            {{["output, depth 1, driver ", Name], Values}, (?RUNS + 1) div 2}
         || {{Name, _}, Values} <- lists:zip(Where, Rates)
        ].

chain_on(Node) ->
    {ok, Drv} = alcove_drv:start([{node, Node}]),
    {Drv, chain(Drv, 1)}.

rate(Node) ->
    {ok, Drv} = alcove_drv:start([{node, Node}]),
    [Rate] = output(Drv, 1, 300 * ?MEGA),
    ok = alcove_drv:stop(Drv),
    Rate.

in_turn(Name, N, Unit, Means) ->
    lists:foreach(fun({Row, Nth}) -> row(Row, Nth) end, timed(Name, N, Unit, Means)).

%% A row for each of the means, and which of its values is the median.
timed(Name, N, Unit, Means) ->
    Rounds = [[element(1, timer:tc(Fun)) || {_, Fun} <- Means] || _ <- lists:seq(1, N)],
    [
        {{[Name, ", ", By], [{Time, Unit} || Time <- Times]}, (N + 1) div 2}
     || {{By, _}, Times} <- lists:zip(Means, transpose(Rounds))
    ].

%% The window bounds what comes back. Each block has to be taken before the next is written.
through_program(Path, Data) ->
    {ok, Program} = alcove_program:start_link(#{argv => [Path], output => passive}),
    Writer = spawn_link(fun() -> write(Program, Data) end),
    Size = byte_size(Data),
    {{exit, 0}, Size} = alcove_program:fold(fun(stdout, Bytes, N) -> N + byte_size(Bytes) end, 0, Program),
    true = unlink(Writer).

write(Program, <<>>) ->
    alcove_program:close(Program);
write(Program, Data) ->
    Size = min(?MEGA, byte_size(Data)),
    ok = alcove_program:write(Program, binary:part(Data, 0, Size)),
    write(Program, binary:part(Data, Size, byte_size(Data) - Size)).

%% With data it is over when so many bytes have come back, without it with the program.
through_port(Program, <<>>) ->
    Port = open_port({spawn_executable, Program}, [exit_status]),
    receive
        {Port, {exit_status, 0}} -> ok
    end;
through_port(Program, Data) ->
    Port = open_port({spawn_executable, Program}, [binary]),
    true = port_command(Port, Data),
    ok = returned(Port, byte_size(Data)),
    true = port_close(Port).

returned(_Port, 0) ->
    ok;
returned(Port, Left) ->
    receive
        {Port, {data, Bytes}} -> returned(Port, Left - byte_size(Bytes))
    end.

%% A measurement is a list with a value and its unit for each name.
rows({Names, Measure}) ->
    Runs = [with_driver(Measure) || _ <- lists:seq(1, ?RUNS)],
    lists:foreach(fun row/1, lists:zip(Names, transpose(Runs))).

row(Row) ->
    row(Row, (?RUNS + 1) div 2).

row({Name, Values}, Nth) ->
    {Value, Unit} = lists:nth(Nth, lists:sort(Values)),
    io:format("| ~s | ~s ~s |~n", [Name, digits(Value), Unit]).

transpose([[] | _]) -> [];
transpose(Lists) -> [[hd(List) || List <- Lists] | transpose([tl(List) || List <- Lists])].

digits(Value) when Value < 100 -> io_lib:format("~.1f", [float(Value)]);
digits(Value) -> io_lib:format("~b", [round(Value)]).

%% A process of its own has a mailbox of its own.
with_driver(Measure) ->
    Self = self(),
    {_, Ref} = spawn_monitor(fun() ->
        {ok, Drv} = alcove_drv:start_link([{maxchild, ?CHILDREN + 1}]),
        Measured = Measure(Drv),
        ok = alcove_drv:stop(Drv),
        Self ! {self(), Measured},
        ok
    end),
    receive
        {'DOWN', Ref, process, Pid, normal} -> receive {Pid, Measured} -> Measured end;
        {'DOWN', Ref, process, _, Reason} -> error(Reason)
    end.

calls(Drv, Depth, N) ->
    repeat(Drv, chain(Drv, Depth), N).

%% Replies have to be found among what the owner has not looked at yet.
crowded(Drv) ->
    _ = [self() ! {alcove_event, Drv, [N], not_taken} || N <- lists:seq(1, 10000)],
    repeat(Drv, chain(Drv, 1), 5000).

repeat(Drv, Pids, N) ->
    Pid = alcove:getpid(Drv, Pids),
    {Time, _} = timer:tc(fun() -> [Pid = alcove:getpid(Drv, Pids) || _ <- lists:seq(1, N)] end),
    [{Time / N, "us"}].

children(Drv) ->
    {ForkTime, Forked} = timer:tc(fun() ->
        [alcove:fork(Drv, []) || _ <- lists:seq(1, ?CHILDREN)]
    end),
    Children = [Pid || {ok, Pid} <- Forked],
    ?CHILDREN = length(Children),
    {CallTime, Children} = timer:tc(fun() -> [alcove:getpid(Drv, [Pid]) || Pid <- Children] end),
    [{ForkTime / ?CHILDREN, "us"}, {CallTime / ?CHILDREN, "us"}].

%% Round trips that are saved, and what the replies that are gathered cost a child.
batch(Drv) ->
    true = alcove_linux:extend(Drv, []),
    Pids = chain(Drv, 1),
    Idle = private(Pids),
    Calls = lists:duplicate(10, {getpid, []}),
    {ok, [_ | _]} = alcove_linux:batch(Drv, Pids, Calls),
    Used = private(Pids),
    {One, _} = timer:tc(fun() -> [alcove:getpid(Drv, Pids) || _ <- lists:seq(1, 10000)] end),
    {Ten, _} =
        timer:tc(fun() -> [alcove_linux:batch(Drv, Pids, Calls) || _ <- lists:seq(1, 1000)] end),
    [{One / 1000, "us"}, {Ten / 1000, "us"}, {Idle, "KiB"}, {Used, "KiB"}].

private(Pids) ->
    {ok, Text} = file:read_file("/proc/" ++ integer_to_list(lists:last(Pids)) ++ "/smaps_rollup"),
    {match, Sizes} =
        re:run(Text, "Private_\\w+: +(\\d+) kB", [global, {capture, all_but_first, list}]),
    lists:sum([list_to_integer(Size) || [Size] <- Sizes]).

output(Drv, Depth, Size) ->
    Pids = chain(Drv, Depth),
    {Time, ok} = timer:tc(fun() ->
        ok = alcove:execvp(Drv, Pids, "head", ["head", "-c", integer_to_list(Size), "/dev/zero"]),
        take(Drv, Pids, Size)
    end),
    [{Size / Time, "MB/s"}].

take(_Drv, _Pids, Left) when Left =< 0 ->
    ok;
take(Drv, Pids, Left) ->
    receive
        {alcove_stdout, Drv, Pids, Bytes} -> take(Drv, Pids, Left - byte_size(Bytes))
    after 10000 ->
        error({missing, Left})
    end.

chain(Drv, Depth) ->
    lists:foldl(
        fun(_, Pids) ->
            {ok, Pid} = alcove:fork(Drv, Pids),
            Pids ++ [Pid]
        end,
        [],
        lists:seq(1, Depth)
    ).
