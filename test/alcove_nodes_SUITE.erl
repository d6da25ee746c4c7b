%% SPDX-License-Identifier: ISC

%% Drivers, programs and pools on other nodes: three of them on this machine, and one without the
%% application.
-module(alcove_nodes_SUITE).

-include_lib("stdlib/include/assert.hrl").

%% The cases are listed below, and their functions are called on other nodes.
-compile([export_all, nowarn_export_all]).

all() ->
    [
        driver_on_another_node_is_used_as_one_here,
        start_that_cannot_be_is_an_error,
        node_that_is_lost_during_the_start_is_an_error_and_nothing_is_left,
        linked_driver_ends_with_its_starter_and_tells_it_of_its_end,
        driver_ends_with_the_node_of_its_owner,
        lost_node_is_an_error_for_each_function,
        driver_that_a_lost_connection_has_ended_gives_no_empty_answer,
        output_for_a_slow_owner_is_bounded_by_its_credit,
        driver_is_taken_over_on_a_third_node,
        run_on_another_node,
        run_ends_with_the_node_that_waits,
        pool_is_chosen_by_load,
        program_on_another_node_is_a_child_here,
        program_ends_with_the_connection_to_its_starter,
        program_that_waits_until_it_is_ready_ends_with_the_connection,
        supervisor_on_another_node_starts_anew,
        stopped_node_is_lost_when_its_time_is_over
    ].

suite() ->
    [{timetrap, {minutes, 10}}].

%% Each case may end its nodes.
init_per_testcase(_Case, Config) ->
    Dir = proplists:get_value(priv_dir, Config),
    Args = ["-kernel", "net_ticktime", "8"],
    case alcove_peers:start(Dir, [one, two, three, {bare, bare}], Args) of
        {ok, Peers} -> [{peers, Peers} | Config];
        Skip -> Skip
    end.

end_per_testcase(_Case, Config) ->
    alcove_peers:stop(proplists:get_value(peers, Config)).

on(Name, Config, Fun) ->
    alcove_peers:on(proplists:get_value(peers, Config), Name, Fun).

node(Name, Config) ->
    #{peers := #{Name := {_, Node}}} = proplists:get_value(peers, Config),
    Node.

%% A driver on another node, with a process that runs a program.
driver(Node, Argv) ->
    {ok, Drv} = alcove_drv:start([{node, Node}]),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:execvp(Drv, [Pid], hd(Argv), Argv),
    {Drv, Pid}.

%% A script that writes its pid to a file, whole, and stays.
tells_and_sleeps(File) ->
    Quoted = alcove_ct:quoted(File),
    ["echo $$ > ", Quoted, ".new; mv ", Quoted, ".new ", Quoted, "; exec sleep 1000"].

%% For what ends by itself.
gone(Node, Pid) ->
    alcove_ct:until(fun() -> not erpc:call(Node, alcove_ct, is_running, [Pid]) end).

down(Pid) ->
    Ref = monitor(process, Pid),
    receive
        {'DOWN', Ref, process, _, Reason} -> Reason
    after 60000 -> error({lives, Pid})
    end.

end_node(Node) ->
    true = monitor_node(Node, true),
    ok = erpc:cast(Node, erlang, halt, [0, [{flush, false}]]),
    receive {nodedown, Node} -> ok end.

%% The connection is closed at this end.
disconnect(Node) ->
    true = erlang:disconnect_node(Node).

%%
%% Drivers
%%

driver_on_another_node_is_used_as_one_here(Config) ->
    Two = node(two, Config),
    on(one, Config, fun() ->
        {Drv, Pid} = driver(Two, ["cat"]),
        ?assertEqual(Two, node(Drv)),
        ?assert(erpc:call(Two, alcove_ct, is_running, [Pid])),
        ok = alcove:stdin(Drv, [Pid], "over and back\n"),
        ?assertEqual(<<"over and back\n">>, alcove_ct:output(Drv, [Pid], 14)),
        ?assertEqual({error, not_owner}, erpc:call(Two, alcove, getpid, [Drv, []])),
        User = erpc:call(Two, erlang, whereis, [user]),
        Leader = erpc:call(Two, erlang, process_info, [Drv, group_leader]),
        ?assertEqual({group_leader, User}, Leader),
        ok = alcove:eof(Drv, [Pid]),
        ?assertEqual({exit_status, 0}, alcove:event(Drv, [Pid], 30000)),
        ok = alcove_drv:stop(Drv),
        {ok, Here} = alcove_drv:start([{node, node()}]),
        ?assertEqual(node(), node(Here)),
        ok = alcove_drv:stop(Here)
    end).

start_that_cannot_be_is_an_error(Config) ->
    {Two, Bare, None} = {node(two, Config), node(bare, Config), 'none@127.0.0.1'},
    on(one, Config, fun() ->
        Missing = "/no/such/program",
        ?assertEqual({error, {node, noconnection}}, alcove_drv:start([{node, None}])),
        ?assertEqual({error, {node, noconnection}}, alcove_drv:start_link([{node, None}])),
        ?assertEqual({error, {node, undef}}, alcove_drv:start([{node, Bare}])),
        Options = [{node, Two}, {progname, Missing}],
        ?assertEqual({error, {badarg, Missing}}, alcove_drv:start(Options)),
        ?assertEqual({error, {badarg, Missing}}, alcove_drv:start_link(Options)),
        Program = #{argv => ["true"]},
        Unreached = Program#{node => None},
        ?assertEqual({error, {node, noconnection}}, alcove_program:start_link(Unreached)),
        ?assertEqual({error, {node, undef}}, alcove_program:start_link(Program#{node => Bare})),
        ?assertError({badarg, node}, alcove_program:start_link(Program#{node => "two"})),
        ?assertEqual({error, {pool, {nodedown, None}}}, alcove_run:run(["true"], #{node => None})),
        Elsewhere = #{pool => {jobs, None}},
        ?assertEqual({error, {pool, {nodedown, None}}}, alcove_run:run(["true"], Elsewhere)),
        ?assertEqual({error, {pool, undef}}, alcove_run:run(["true"], #{node => Bare})),
        ?assertEqual({error, {pool, noproc}}, alcove_run:run(["true"], #{pool => {jobs, Two}})),
        ?assertError({badarg, node}, alcove_run:run(["true"], #{node => Two, pool => jobs})),
        % nobody was ended by a link
        ok
    end).

%% The program that is started tells its pid and says nothing more.
node_that_is_lost_during_the_start_is_an_error_and_nothing_is_left(Config) ->
    Two = node(two, Config),
    lists:foreach(
        fun(Start) ->
            File = filename:join(proplists:get_value(priv_dir, Config), Start),
            Silent = alcove_ct:script(Config, lists:concat([Start, ".sh"]), tells_and_sleeps(File)),
            on(one, Config, fun() ->
                _ = spawn_link(fun() ->
                    ok = alcove_ct:until(fun() -> filelib:is_file(File) end),
                    disconnect(Two)
                end),
                Options = [{node, Two}, {progname, Silent}, {start_timeout, infinity}],
                ?assertEqual({error, {node, noconnection}}, alcove_drv:Start(Options)),
                {ok, Line} = file:read_file(File),
                gone(Two, binary_to_integer(string:trim(Line)))
            end)
        end,
        [start, start_link]
    ).

linked_driver_ends_with_its_starter_and_tells_it_of_its_end(Config) ->
    Two = node(two, Config),
    on(one, Config, fun() ->
        Self = self(),
        Starter = spawn(fun() ->
            Self ! alcove_drv:start_link(Self, [{node, Two}]),
            receive stop -> exit(enough) end
        end),
        Drv = receive {ok, Started} -> Started end,
        true = is_integer(alcove:getpid(Drv, [])),
        Ref = monitor(process, Drv),
        Starter ! stop,
        receive {'DOWN', Ref, process, _, Reason} -> ?assertEqual({shutdown, enough}, Reason) end,
        process_flag(trap_exit, true),
        {ok, Linked} = alcove_drv:start_link([{node, Two}]),
        true = exit(Linked, kill),
        receive {'EXIT', Linked, Why} -> ?assertEqual(killed, Why) end
    end).

driver_ends_with_the_node_of_its_owner(Config) ->
    {One, Two} = {node(one, Config), node(two, Config)},
    {Drv, Pid, Kept} = on(one, Config, fun() ->
        Self = self(),
        spawn(fun() ->
            {Drv, Pid} = driver(Two, ["sleep", "1000"]),
            {ok, Kept} = alcove_drv:start([{node, Two}, {monitor_owner, false}]),
            Self ! {Drv, Pid, Kept},
            receive after infinity -> ok end
        end),
        receive Started -> Started end
    end),
    on(two, Config, fun() ->
        ?assert(is_process_alive(Drv)),
        Ref = monitor(process, Drv),
        disconnect(One),
        receive
            {'DOWN', Ref, process, _, Reason} -> ?assertEqual({shutdown, noconnection}, Reason)
        end,
        alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end),
        ?assert(is_process_alive(Kept)),
        ok = alcove_drv:stop(Kept)
    end).

lost_node_is_an_error_for_each_function(Config) ->
    Two = node(two, Config),
    on(one, Config, fun() ->
        {Drv, Pid} = driver(Two, ["sleep", "1000"]),
        Sleep = #{argv => ["sleep", "1000"], node => Two, output => passive},
        {ok, Program} = alcove_program:start_link(Sleep),
        unlink(Program),
        ?assertEqual([], alcove:stdout(Drv, [Pid], 0)),
        ok = end_node(Two),
        ?assertEqual({alcove_error, noconnection}, alcove:event(Drv, [Pid], 0)),
        ?assertEqual({alcove_error, noconnection}, alcove:event(Drv, [Pid], infinity)),
        ?assertError(noconnection, alcove:stdout(Drv, [Pid], 0)),
        ?assertError(noconnection, alcove:stderr(Drv, [Pid], 1000)),
        ?assertExit({{nodedown, Two}, _}, alcove:getpid(Drv, [Pid])),
        ?assertExit({{nodedown, Two}, _}, alcove_drv:port(Drv)),
        ?assertExit({{nodedown, Two}, _}, alcove_drv:controlling_process(Drv, self())),
        ?assertEqual(ok, alcove_drv:stop(Drv)),
        ?assertExit({{nodedown, Two}, _}, alcove_program:read(Program)),
        ?assertExit({{nodedown, Two}, _}, alcove_program:write(Program, "x")),
        ?assertEqual({error, {nodedown, Two}}, alcove_program:await(Program))
    end).

driver_that_a_lost_connection_has_ended_gives_no_empty_answer(Config) ->
    Two = node(two, Config),
    on(one, Config, fun() ->
        {Drv, Pid} = driver(Two, ["sh", "-c", "echo before; exec sleep 1000"]),
        ?assertEqual(<<"before\n">>, alcove_ct:output(Drv, [Pid], 7)),
        disconnect(Two),
        gone(Two, Pid),
        % the nodes are connected again
        ?assertEqual(noproc, down(Drv)),
        ?assertEqual({alcove_error, noproc}, alcove:event(Drv, [Pid], 1000)),
        ?assertError(noproc, alcove:stdout(Drv, [Pid], infinity)),
        ?assertExit({noproc, _}, alcove:getpid(Drv, [Pid])),
        % one of this node has lost nothing
        {ok, Here} = alcove_drv:start(),
        ok = alcove_drv:stop(Here),
        ?assertEqual(false, alcove:event(Here, [Pid], 1000))
    end).

output_for_a_slow_owner_is_bounded_by_its_credit(Config) ->
    Two = node(two, Config),
    Window = 1 bsl 20,
    on(one, Config, fun() ->
        {ok, Drv} = alcove_drv:start([{node, Two}]),
        true = alcove_linux:extend(Drv, []),
        {ok, Pid} = alcove:fork(Drv, []),
        true = alcove:setcpid(Drv, [], Pid, flowbytes, Window),
        ok = alcove:execvp(Drv, [Pid], "cat", ["cat", "/dev/zero"]),
        % that much comes, and no more whatever else is done meanwhile
        ok = alcove_ct:until(fun() -> delivered(Drv, Pid) =:= Window end),
        _ = [alcove:getpid(Drv, []) || _ <- lists:seq(1, 100)],
        ?assertEqual(Window, delivered(Drv, Pid)),
        ?assertEqual(false, alcove:event(Drv, [Pid], 0)),
        ok = give(Drv, Pid, 8 * Window, Window),
        ok = alcove_drv:stop(Drv)
    end).

delivered(Drv, Pid) ->
    {messages, Messages} = process_info(self(), messages),
    lists:sum([
        byte_size(Bytes)
     || {alcove_stdout, D, P, Bytes} <- Messages, D =:= Drv, P =:= [Pid]
    ]).

%% As much more as was read.
give(_Drv, _Pid, Left, _Window) when Left =< 0 ->
    ok;
give(Drv, Pid, Left, Window) ->
    Piece = byte_size(alcove_ct:message(Drv, [Pid], alcove_stdout)),
    ?assert(delivered(Drv, Pid) + Piece =< Window),
    true = alcove:setcpid(Drv, [], Pid, flowbytes_add, Piece),
    give(Drv, Pid, Left - Piece, Window).

driver_is_taken_over_on_a_third_node(Config) ->
    {Two, Three} = {node(two, Config), node(three, Config)},
    Taker = on(three, Config, fun() ->
        spawn(fun taker/0)
    end),
    {Drv, Pid} = on(one, Config, fun() ->
        {Drv, Pid} = driver(Two, ["cat"]),
        Stolen = erpc:call(Three, alcove_drv, controlling_process, [Drv, self()]),
        ?assertEqual({error, not_owner}, Stolen),
        ok = alcove:stdin(Drv, [Pid], "first\n"),
        ?assertEqual(<<"first\n">>, alcove_ct:output(Drv, [Pid], 6)),
        ok = alcove_drv:controlling_process(Drv, Taker),
        ?assertEqual({error, not_owner}, alcove:getpid(Drv, [])),
        Taker ! {take, Drv, Pid, self()},
        receive taken -> ok end,
        {Drv, Pid}
    end),
    % the end of the first owner is of no interest any more, that of the second one is
    One = node(one, Config),
    on(two, Config, fun() ->
        ok = end_node(One),
        Taker ! {take, Drv, Pid, self()},
        receive taken -> ok end,
        Taker ! stop,
        ?assertMatch(Reason when Reason =:= noproc; Reason =:= {shutdown, normal}, down(Drv)),
        alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end)
    end).

taker() ->
    receive
        {take, Drv, Pid, From} ->
            ok = alcove:stdin(Drv, [Pid], "again\n"),
            ?assertEqual(<<"again\n">>, alcove_ct:output(Drv, [Pid], 6)),
            true = is_integer(alcove:getpid(Drv, [])),
            From ! taken,
            taker();
        stop ->
            ok
    end.

%%
%% Programs to their end
%%

run_on_another_node(Config) ->
    Two = node(two, Config),
    on(one, Config, fun() ->
        {ok, #{status := {exit, 3}, stdout := Out}} =
            alcove_run:run(["sh", "-c", "sort; exit 3"], #{node => Two, stdin => "b\na\n"}),
        ?assertEqual(<<"a\nb\n">>, Out),
        % on the pool of that node, and none here
        ?assertEqual(undefined, whereis(alcove_pool)),
        #{busy := 0} = alcove_pool:info({alcove_pool, Two}),
        ?assertEqual({error, {exec, enoent}}, alcove_run:run(["no-such-program"], #{node => Two}))
    end).

%% A program that nobody waits for any more is ended.
run_ends_with_the_node_that_waits(Config) ->
    {One, Two} = {node(one, Config), node(two, Config)},
    File = filename:join(proplists:get_value(priv_dir, Config), "running"),
    Argv = ["sh", "-c", tells_and_sleeps(File)],
    on(one, Config, fun() ->
        Self = self(),
        spawn_link(fun() -> Self ! {result, alcove_run:run(Argv, #{node => Two})} end),
        ok = alcove_ct:until(fun() -> filelib:is_file(File) end),
        ok = erpc:call(Two, ?MODULE, disconnect_soon, [One]),
        receive {result, Result} -> ?assertEqual({error, {pool, {nodedown, Two}}}, Result) end
    end),
    on(two, Config, fun() ->
        {ok, Line} = file:read_file(File),
        Pid = binary_to_integer(string:trim(Line)),
        alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end),
        % the pool serves the next
        {ok, #{status := {exit, 0}}} = alcove_run:run(["true"]),
        ok = alcove_ct:until(fun() -> maps:get(busy, alcove_pool:info(alcove_pool)) =:= 0 end)
    end).

disconnect_soon(Node) ->
    _ = spawn(fun() -> disconnect(Node) end),
    ok.

pool_is_chosen_by_load(Config) ->
    {Two, Three} = {node(two, Config), node(three, Config)},
    Dir = proplists:get_value(priv_dir, Config),
    on(one, Config, fun() ->
        {ok, _} = pg:start_link(),
        ok = erpc:call(Two, ?MODULE, join, [2]),
        ok = erpc:call(Three, ?MODULE, join, [4]),
        ok = alcove_ct:until(fun() -> length(pg:get_members(jobs)) =:= 2 end),
        Pools = pg:get_members(jobs),
        Busy = fun(Pool) ->
            File = filename:join(Dir, integer_to_list(erlang:unique_integer([positive]))),
            Argv = ["sh", "-c", tells_and_sleeps(File)],
            spawn(fun() -> alcove_run:run(Argv, #{pool => Pool, grace => 100}) end),
            ok = alcove_ct:until(fun() -> filelib:is_file(File) end)
        end,
        {ok, First} = alcove_pool:least_busy(Pools),
        ok = Busy(First),
        Where = [
            begin
                {ok, Pool} = alcove_pool:least_busy(Pools),
                ok = Busy(Pool),
                node(Pool)
            end
         || _ <- lists:seq(1, 5)
        ],
        % shares of two and of four are the same in the end
        ?assertEqual(2, length([N || N <- [node(First) | Where], N =:= Two])),
        ?assertEqual(4, length([N || N <- [node(First) | Where], N =:= Three])),
        % a node that is lost is none to choose
        ok = end_node(Three),
        [OfTwo] = [Pool || Pool <- Pools, node(Pool) =:= Two],
        ?assertEqual({ok, OfTwo}, alcove_pool:least_busy(Pools, infinity)),
        ?assertEqual({error, none}, alcove_pool:least_busy(Pools -- [OfTwo], infinity)),
        ?assertEqual({error, none}, alcove_pool:least_busy([])),
        ok = alcove_ct:until(fun() -> pg:get_members(jobs) =:= [OfTwo] end)
    end).

join(Size) ->
    {ok, Pg} = pg:start_link(),
    unlink(Pg),
    {ok, Pool} = alcove_pool:start_link(#{size => Size}),
    unlink(Pool),
    pg:join(jobs, Pool).

%%
%% Programs as processes
%%

program_on_another_node_is_a_child_here(Config) ->
    Two = node(two, Config),
    on(one, Config, fun() ->
        process_flag(trap_exit, true),
        {ok, Sup} = supervisor:start_link(?MODULE, [
            alcove_program:child_spec(#{
                argv => ["cat"],
                name => {local, remote_cat},
                node => Two,
                output => passive,
                exit_reason => fun(Status) -> {ended, Status} end
            })
        ]),
        [{_, Program, worker, _}] = supervisor:which_children(Sup),
        Cat = {remote_cat, Two},
        ?assertEqual(Two, node(Program)),
        ok = alcove_program:write(Cat, "over\n"),
        ?assertEqual({ok, stdout, <<"over\n">>}, alcove_program:read(Cat)),
        % 3 MiB, which are more than the window
        Data = binary:copy(<<"0123456789abcdef">>, 3 bsl 16),
        spawn_link(fun() -> ok = alcove_program:write(Cat, Data) end),
        ok = alcove_ct:until(fun() -> maps:get(unread, alcove_program:info(Cat)) > 0 end),
        ?assertEqual(Data, read(Cat, byte_size(Data), [])),
        % the supervisor starts it again
        #{os_pid := Pid} = alcove_program:info(Cat),
        Ref = monitor(process, Program),
        ok = alcove_program:signal(Cat, sigkill),
        ?assertEqual(eof, alcove_program:read(Cat)),
        receive
            {'DOWN', Ref, process, _, Reason} -> ?assertEqual({ended, {signal, sigkill}}, Reason)
        end,
        ok = alcove_ct:until(fun() ->
            [{_, New, _, _}] = supervisor:which_children(Sup),
            is_pid(New) andalso New =/= Program andalso node(New) =:= Two
        end),
        gone(Two, Pid),
        % and ends it
        #{os_pid := Again} = alcove_program:info(Cat),
        ok = gen_server:stop(Sup),
        ?assertNot(erpc:call(Two, alcove_ct, is_running, [Again]))
    end).

init(Children) ->
    {ok, {#{}, Children}}.

read(_Program, 0, Pieces) ->
    iolist_to_binary(lists:reverse(Pieces));
read(Program, Left, Pieces) ->
    {ok, stdout, Piece} = alcove_program:read(Program),
    read(Program, Left - byte_size(Piece), [Piece | Pieces]).

program_ends_with_the_connection_to_its_starter(Config) ->
    Two = node(two, Config),
    on(one, Config, fun() ->
        process_flag(trap_exit, true),
        Options = #{argv => ["sleep", "1000"], node => Two, output => passive},
        {ok, Program} = alcove_program:start_link(Options),
        #{os_pid := Pid} = alcove_program:info(Program),
        disconnect(Two),
        receive {'EXIT', Program, Reason} -> ?assertEqual(noconnection, Reason) end,
        gone(Two, Pid),
        % connected again, its process may still be seen to end
        _ = down(Program),
        ?assertEqual({error, noproc}, alcove_program:await(Program))
    end).

program_that_waits_until_it_is_ready_ends_with_the_connection(Config) ->
    Two = node(two, Config),
    File = filename:join(proplists:get_value(priv_dir, Config), "ready"),
    Argv = ["sh", "-c", tells_and_sleeps(File)],
    on(one, Config, fun() ->
        process_flag(trap_exit, true),
        _ = spawn_link(fun() ->
            ok = alcove_ct:until(fun() -> filelib:is_file(File) end),
            disconnect(Two)
        end),
        Never = #{ready => {output, "never"}, ready_timeout => infinity},
        Started = alcove_program:start_link(Never#{argv => Argv, node => Two}),
        ?assertEqual({error, {node, noconnection}}, Started),
        {ok, Line} = file:read_file(File),
        gone(Two, binary_to_integer(string:trim(Line)))
    end).

%% One that has the name of a program waits for its end, and takes its place.
supervisor_on_another_node_starts_anew(Config) ->
    {Two, Three} = {node(two, Config), node(three, Config)},
    Options = #{argv => ["sleep", "1000"], name => {global, service}, output => passive},
    on(two, Config, fun() ->
        Self = self(),
        spawn(fun() ->
            Self ! alcove_program:start_link(Options),
            receive after infinity -> ok end
        end),
        receive {ok, _} -> ok end
    end),
    on(three, Config, fun() ->
        process_flag(trap_exit, true),
        pong = net_adm:ping(Two),
        ok = global:sync(),
        {error, {already_started, Program}} = alcove_program:start_link(Options),
        ?assertEqual(Two, node(Program)),
        Ref = monitor(process, Program),
        ok = end_node(Two),
        receive {'DOWN', Ref, process, _, noconnection} -> ok end,
        ok = alcove_ct:until(fun() -> global:whereis_name(service) =:= undefined end),
        {ok, Anew} = alcove_program:start_link(Options),
        ?assertEqual(Three, node(Anew)),
        ?assertMatch(#{state := running}, alcove_program:info({global, service})),
        {ok, {signal, sigterm}} = alcove_program:stop({global, service})
    end).

%%
%% A node that stands still
%%

stopped_node_is_lost_when_its_time_is_over(Config) ->
    Two = node(two, Config),
    on(one, Config, fun() ->
        {Drv, Pid} = driver(Two, ["sleep", "1000"]),
        {ok, Pool} = erpc:call(Two, ?MODULE, pool, []),
        VM = integer_to_list(alcove_peers:os_pid(Two)),
        [] = os:cmd("kill -STOP " ++ VM),
        % each thread when it next looks
        ok = alcove_ct:until(fun() -> lists:usort(states(VM)) =:= ["T"] end),
        % asked, and not waited for
        ?assertEqual({error, none}, alcove_pool:least_busy([Pool], 100)),
        ?assertEqual({alcove_error, timeout}, alcove_drv:call(Drv, [], getpid, [], 100)),
        ?assertEqual({error, {pool, {nodedown, Two}}}, alcove_run:run(["true"], #{pool => Pool})),
        ?assertEqual({alcove_error, noconnection}, alcove:event(Drv, [Pid], infinity)),
        [] = os:cmd("kill -CONT " ++ VM),
        % it sees that it was lost, and ends what was this node's
        ok = alcove_ct:until(fun() -> pong =:= net_adm:ping(Two) end),
        gone(Two, Pid),
        % nor does the pool run what nobody waits for
        ok = alcove_ct:until(fun() -> maps:get(busy, alcove_pool:info(Pool)) =:= 0 end)
    end).

%% Those of its threads.
states(VM) ->
    string:lexemes(os:cmd("sed 's/.*) //; s/ .*//' /proc/" ++ VM ++ "/task/*/stat"), "\n").

pool() ->
    {ok, Pool} = alcove_pool:start_link(#{size => 1}),
    unlink(Pool),
    {ok, Pool}.
