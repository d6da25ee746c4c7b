%% SPDX-License-Identifier: ISC

%% A VM that is killed, one that is suspended, and what one prints. Each case has a VM of its own.
-module(alcove_vm_SUITE).

-include_lib("stdlib/include/assert.hrl").

%% The cases are listed below; other functions run in those VMs.
-compile([export_all, nowarn_export_all]).

all() ->
    [
        tree_is_gone_within_a_second_of_a_killed_vm,
        trees_asleep_in_calls_are_gone_with_a_killed_vm,
        programs_are_gone_with_a_killed_vm,
        programs_are_gone_with_a_vm_that_is_killed_together_with_its_ports,
        dead_keeper_that_nobody_waits_for_is_gone,
        programs_are_shown_to_another_node,
        output_waits_for_a_vm_that_is_suspended,
        status_of_a_program_that_ends_at_once_is_logged,
        lost_node_is_an_error,
        text_is_encoded_as_names_of_files_are
    ].

init_per_testcase(Case, Config) ->
    [{priv_dir, alcove_os:tree(Config, Case)} | Config].

end_per_testcase(_Case, _Config) ->
    ok.

dir(Config) ->
    proplists:get_value(priv_dir, Config).

%% The machine may be busy: the promise is that of the fastest of some.
tree_is_gone_within_a_second_of_a_killed_vm(Config) ->
    Times = [killed_vm(Config) || _ <- lists:seq(1, 5)],
    ?assert(lists:min(Times) < 1000, Times).

killed_vm(Config) ->
    Said = filename:join(dir(Config), "said"),
    _ = file:delete(Said),
    {_Port, Vm, Pids} = vm("tree", Said),
    [] = os:cmd("kill -9 " ++ integer_to_list(Vm)),
    Killed = erlang:monotonic_time(millisecond),
    [alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end) || Pid <- Pids],
    Gone = erlang:monotonic_time(millisecond),
    ?assertEqual({ok, <<"usr1\n">>}, file:read_file(Said)),
    Gone - Killed.

%% ALCOVE_ROUNDS is how often.
trees_asleep_in_calls_are_gone_with_a_killed_vm(Config) ->
    [
        begin
            Dir = alcove_os:tree(Config, "asleep" ++ integer_to_list(Round)),
            {_Port, Vm, Pids} = vm("asleep", Dir),
            [] = os:cmd("kill -9 " ++ integer_to_list(Vm)),
            [alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end) || Pid <- Pids]
        end
     || Round <- lists:seq(1, list_to_integer(os:getenv("ALCOVE_ROUNDS", "2")))
    ].

%% In a VM of its own, for each call: the port sleeps in it, or a child, or both. Below there is a
%% process that does not sleep, and a program.
asleep(Dir) ->
    lists:append([
        begin
            Drv = alcove_ct:start(),
            Chain = alcove_ct:chain(Drv, 2),
            Program = begin_program(Drv, Chain, "echo; exec sleep 1000"),
            Pids = [alcove:getpid(Drv, []), Program | Chain],
            [
                alcove_os:sleep_in_call(Drv, lists:sublist(Chain, Depth), Call, fifo(Dir))
             || Depth <- Depths
            ],
            Pids
        end
     || Call <- [open, read, write, select, waitpid],
        Depths <- [[0], [1], [1, 0]]
    ]).

fifo(Dir) ->
    filename:join(Dir, "fifo" ++ integer_to_list(erlang:unique_integer([positive]))).

%% In a VM of its own: processes and programs at every depth, in sessions and groups of their
%% own, with processes that they have started, with another signal, and stopped.
tree(Said) ->
    Drv = alcove_ct:start(),
    Chain = alcove_ct:chain(Drv, 3),
    Programs = [program(Drv, Said, N, Chain) || N <- lists:seq(0, 5)],
    {ok, Stopped} = alcove:fork(Drv, []),
    Below = begin_program(Drv, [Stopped], "echo; exec sleep 1000"),
    ok = stop_process(Stopped),
    [alcove:getpid(Drv, []), Stopped, Below] ++ Chain ++ lists:append(Programs).

program(Drv, _Said, 0, Chain) ->
    [begin_program(Drv, Chain, "echo; exec sleep 1000")];
program(Drv, _Said, 1, [A, B | _]) ->
    begin_leader(Drv, [A, B], fun(Pids) -> {ok, _} = alcove:setsid(Drv, Pids) end);
program(Drv, _Said, 2, [A | _]) ->
    begin_leader(Drv, [A], fun(Pids) -> ok = alcove:setpgid(Drv, Pids, 0, 0) end);
program(Drv, Said, 3, _Chain) ->
    Script = ["trap 'echo usr1 > \"$0\"; exit' USR1; echo; while :; do sleep 0.01; done"],
    Pid = begin_program(Drv, [], Script, [Said]),
    true = alcove:setcpid(Drv, [], Pid, signaloneof, 10),
    [Pid];
program(Drv, _Said, 4, _Chain) ->
    Pid = begin_program(Drv, [], "echo; exec sleep 1000"),
    ok = stop_process(Pid),
    [Pid];
program(Drv, _Said, 5, Chain) ->
    [begin_program(Drv, Chain, "echo; exec yes")].

begin_program(Drv, Pids, Script) ->
    begin_program(Drv, Pids, Script, []).

begin_program(Drv, Pids, Script, Arguments) ->
    {ok, Pid} = alcove:fork(Drv, Pids),
    ok = alcove:execvp(Drv, Pids ++ [Pid], "sh", ["sh", "-c", Script | Arguments]),
    _ = alcove_ct:message(Drv, Pids ++ [Pid], alcove_stdout),
    Pid.

%% A program that leads what it is in, and one that it has started.
begin_leader(Drv, Pids, Lead) ->
    {ok, Pid} = alcove:fork(Drv, Pids),
    Lead(Pids ++ [Pid]),
    Script = "sleep 1000 & echo $!; wait",
    ok = alcove:execvp(Drv, Pids ++ [Pid], "sh", ["sh", "-c", Script]),
    Line = alcove_ct:message(Drv, Pids ++ [Pid], alcove_stdout),
    [Pid, binary_to_integer(string:trim(Line))].

%% Runs, daemons, and all that they have started and that wants to stay.
programs_are_gone_with_a_killed_vm(Config) ->
    {_Port, Vm, Pids} = vm("layer", alcove_os:tree(Config, "layer")),
    % five ports with a keeper each, and five programs of three processes
    ?assertEqual(2 * 5 + 3 * 5, length(Pids)),
    [] = os:cmd("kill -9 " ++ integer_to_list(Vm)),
    lists:foreach(fun(Pid) -> alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end) end, Pids).

programs_are_gone_with_a_vm_that_is_killed_together_with_its_ports(Config) ->
    {_Port, Vm, Pids} = vm("layer", alcove_os:tree(Config, "layer")),
    Ports = [Pid || Pid <- Pids, not lists:member(parent(Pid), Pids)],
    ?assertEqual(5, length(Ports)),
    ok = alcove_ct:kill_together([Vm | Ports], fun() -> ok end),
    lists:foreach(fun(Pid) -> alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end) end, Pids).

parent(Pid) ->
    {ok, Stat} = file:read_file(["/proc/", integer_to_list(Pid), "/stat"]),
    maps:get(parent, alcove_proc:fields(Stat)).

%% In a VM of its own. Whoever is asked to end does not, and has started others of this kind, in
%% a session of its own and below init if nobody were above.
layer(Dir) ->
    {ok, Pool} = alcove_pool:start_link(#{size => 1}),
    Run = fun(Name, Options) ->
        Argv = family(Dir, Name),
        spawn(fun() -> alcove_run:run(Argv, Options#{grace => 200}) end)
    end,
    Run("default", #{}),
    Run("pool", #{pool => Pool}),
    spawn(fun() ->
        {ok, Drv} = alcove_drv:start_link([]),
        ok = alcove_stop:subreaper(Drv, []),
        true = alcove:setopt(Drv, [], graceoneof, 200),
        alcove_run:run(family(Dir, "own"), #{driver => Drv, grace => 200})
    end),
    Daemon = #{grace => 200, ready => {output, "up"}, output => {logger, debug}},
    {ok, _} = alcove_program:start_link(Daemon#{argv => family(Dir, "daemon")}),
    {ok, _} = alcove_program:start_link(Daemon#{argv => family(Dir, "stream"), output => passive}),
    Names = ["default", "pool", "own", "daemon", "stream"],
    ok = alcove_ct:until(fun() -> lists:all(fun(Name) -> filelib:is_file(filename:join(Dir, Name)) end, Names) end),
    [Pid || #{processes := Processes} <- alcove_top:drivers(), #{pid := Pid} <- Processes].

family(Dir, Name) ->
    Stubborn = "trap \"\" TERM HUP; while :; do read -r line < \"$0\"; done",
    Fifo = filename:join(Dir, Name ++ ".fifo"),
    [] = os:cmd(["mkfifo ", alcove_ct:quoted(Fifo)]),
    Script = [
        "(setsid sh -c '", Stubborn, "' \"$0\" & sh -c '", Stubborn, "' \"$0\" & ); : > \"$1\"; echo up; ", Stubborn
    ],
    ["sh", "-c", Script, Fifo, filename:join(Dir, Name)].

%% Process 1 of a container may wait for none of its children.
dead_keeper_that_nobody_waits_for_is_gone(Config) ->
    Ways = [["unshare" | User] ++ ["-p", "-f", "--kill-child", "--mount-proc"] || User <- [[], ["-r"]]],
    case [Way || Way <- Ways, os:cmd(lists:join(" ", Way ++ ["echo -n yes 2>/dev/null"])) =:= "yes"] of
        [Way | _] ->
            % it ends when the VM does
            First = "mkfifo \"$0\"; \"$@\" 9> \"$0\" & exec cat \"$0\"",
            Eval = io_lib:format("io:format(\"~~w.~~n\", [~s:killed_port()]), halt()", [?MODULE]),
            Port = erl(Way ++ ["sh", "-c", First, filename:join(dir(Config), "fifo")], [], Eval),
            ?assertMatch({error, {driver, _}}, line(Port));
        [] ->
            {skip, "a process cannot have a pid namespace"}
    end.

killed_port() ->
    Script = "kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); while :; do sleep 0.1; done",
    alcove_run:run(["sh", "-c", Script], #{grace => 100}).

%% As to its remote shell: what is printed goes to the node that asks.
programs_are_shown_to_another_node(Config) ->
    Start =
        "{ok, P} = alcove_program:start_link(#{argv => [\"sleep\", \"4711\"], name => {local, sleeper}}), unlink(P)",
    Said = two_nodes(Config, Start, "ok = rpc:call(Node, alcove_top, print, [])"),
    ?assertMatch(
        {match, _}, re:run(Said, "^<[0-9.]+> of sleeper: .*\n.*\n.*alcove .*\n.*alcove .*\n.*    sleep 4711\n$"), Said
    ).

%% Nothing that a program writes meanwhile is lost, and the port does not store it.
output_waits_for_a_vm_that_is_suspended(Config) ->
    Fifo = filename:join(dir(Config), "start"),
    [] = os:cmd(["mkfifo ", alcove_ct:quoted(Fifo)]),
    {Port, Vm, [Alcove, Program]} = vm("output", Fifo),
    ok = stop_process(Vm),
    [] = os:cmd(["echo go > ", alcove_ct:quoted(Fifo)]),
    [alcove_ct:until(fun() -> is_writing(Pid) end) || Pid <- [Alcove, Program]],
    ?assert(resident(Alcove) < 16384),
    [] = os:cmd("kill -CONT " ++ integer_to_list(Vm)),
    ?assertEqual([50000000, 0], line(Port)),
    alcove_ct:until(fun() -> not alcove_ct:is_running(Alcove) end).

output(Fifo) ->
    Drv = alcove_ct:start(),
    {ok, Pid} = alcove:fork(Drv, []),
    Script = ["read line < ", alcove_ct:quoted(Fifo), "; exec head -c 50000000 /dev/zero"],
    ok = alcove:execvp(Drv, [Pid], "sh", ["sh", "-c", Script]),
    self() ! {measure, Drv, Pid},
    [alcove:getpid(Drv, []), Pid].

is_writing(Pid) ->
    case file:read_file(["/proc/", integer_to_list(Pid), "/syscall"]) of
        {ok, Text} -> lists:member(hd(string:lexemes(Text, " ")), write_calls());
        {error, _} -> false
    end.

%% write and writev on amd64, arm64 and riscv64
write_calls() ->
    [<<"1">>, <<"20">>, <<"64">>, <<"66">>].

%% Resident memory in KiB.
resident(Pid) ->
    {ok, Text} = file:read_file(["/proc/", integer_to_list(Pid), "/status"]),
    {match, [Size]} = re:run(Text, "VmRSS:\\s+([0-9]+)", [{capture, all_but_first, list}]),
    list_to_integer(Size).

%% A VM that runs a function of this suite, which returns pids, its own pid, and the pids.
vm(Function, Argument) ->
    Eval = io_lib:format(
        "Pids = ~s:~s(~p), io:format(\"~~w.~~n\", [[list_to_integer(os:getpid()) | Pids]]), ~s",
        [?MODULE, Function, Argument, measured()]
    ),
    Port = erl(Eval),
    [Vm | Pids] = line(Port),
    {Port, Vm, Pids}.

erl(Eval) ->
    erl([], Eval).

erl(Flags, Eval) ->
    erl([], Flags, Eval).

erl(Before, Flags, Eval) ->
    Beams = [filename:dirname(code:which(Module)) || Module <- [alcove_drv, ?MODULE]],
    Args = Flags ++ ["-noshell", "-pa" | Beams] ++ ["-eval", lists:flatten(Eval)],
    [Command | Words] = Before ++ ["erl"],
    open_port({spawn_executable, os:find_executable(Command)}, [{args, Words ++ Args}, {line, 10000}, in, eof]).

measured() ->
    "Count = fun Count(Drv, Pid, Size) -> receive"
    " {alcove_stdout, Drv, [Pid], Data} -> Count(Drv, Pid, Size + byte_size(Data));"
    " {alcove_event, Drv, [Pid], {exit_status, Status}} -> [Size, Status] end end,"
    " receive {measure, Drv, Pid} -> io:format(\"~w.~n\", [Count(Drv, Pid, 0)]), halt() end.".

%% A term that a VM prints.
line(Port) ->
    receive
        {Port, {data, {eol, Line}}} ->
            {ok, Tokens, _} = erl_scan:string(Line),
            {ok, Term} = erl_parse:parse_term(Tokens),
            Term
    after 60000 -> ct:fail(no_line)
    end.

status_of_a_program_that_ends_at_once_is_logged(Config) ->
    Program = alcove_ct:script(Config, "ends", "exit 42\n"),
    Eval =
        ["io:format(\"~w~n\", [alcove_drv:start([{progname, \"", Program, "\"}])]), init:stop()."],
    Printed = lists:flatten(all_of(erl(Eval))),
    ?assertNotEqual(nomatch, string:find(Printed, "ended with status 42"), Printed),
    ?assertNotEqual(nomatch, string:find(Printed, "{error,{error,port_init_failed}}"), Printed).

all_of(Port) ->
    receive
        {Port, {data, {_, Line}}} -> [Line, $\n | all_of(Port)];
        {Port, eof} -> []
    after 60000 -> ct:fail(no_end)
    end.

stop_process(Pid) ->
    [] = os:cmd("kill -STOP " ++ integer_to_list(Pid)),
    ok.

%% The driver is on another node than its owner.
lost_node_is_an_error(Config) ->
    ?assertEqual("lost\n", two_nodes(Config, "ok", [atom_to_list(?MODULE), ":lose_node(Node)"])).

%% The output of the node that evaluates the second expression; another one has evaluated the first. Both
%% find each other by a service of their own.
two_nodes(Config, First, Second) ->
    Beams = [filename:dirname(code:which(Module)) || Module <- [alcove_drv, ?MODULE]],
    Pa = ["-pa" | [[" ", alcove_ct:quoted(Dir)] || Dir <- Beams]],
    % the name of the machine may have no address
    Erl = ["erl -noshell -name ", "alcove_$NAME@127.0.0.1 ", Pa, " -setcookie alcove -eval "],
    Script = alcove_ct:script(Config, "nodes", [
        "exec > said 2>&1\nexport ERL_EPMD_PORT=", integer_to_list(free_port()),
        " HOME=", alcove_ct:quoted(dir(Config)), "\n",
        "epmd & epmd=$!\n",
        "until epmd -names > names 2>&1; do sleep 0.1; done\n",
        "NAME=driver\n", Erl, "'", First, ", io:format(\"up~n\")' > up & driver=$!\n",
        "until grep -qs up up; do sleep 0.1; done\n",
        "NAME=owner\n", Erl, "'Node = list_to_atom(\"alcove_driver@127.0.0.1\"), ", Second, ", halt().'\n",
        "kill $driver 2> killed\nkill $epmd\n"
    ]),
    % what timeout says itself is of no interest, such as that others have queued all signals
    Run = ["timeout 120 ", alcove_ct:quoted(Script), " > ended 2>&1; cat said"],
    os:cmd(["cd ", alcove_ct:quoted(dir(Config)), " && ", Run]).

free_port() ->
    {ok, Socket} = gen_tcp:listen(0, []),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    Port.

lose_node(Node) ->
    {ok, Drv} = rpc:call(Node, alcove_drv, start, [self(), alcove_ct:options([])]),
    {ok, Pid} = alcove:fork(Drv, []),
    ?assertEqual([], alcove:stdout(Drv, [Pid], 10)),
    ?assertEqual(false, alcove:event(Drv, [Pid])),
    spawn_link(fun() -> rpc:cast(Node, erlang, halt, [0, [{flush, false}]]) end),
    ?assertEqual({alcove_error, noconnection}, alcove:event(Drv, [Pid], infinity)),
    lists:foreach(
        fun(Timeout) ->
            ?assertEqual({alcove_error, noconnection}, alcove:event(Drv, [Pid], Timeout)),
            ?assertError(noconnection, alcove:stdout(Drv, [Pid], Timeout)),
            self() ! {alcove_stderr, Drv, [Pid], <<"before">>},
            ?assertEqual([<<"before">>], alcove:stderr(Drv, [Pid], Timeout)),
            ?assertError(noconnection, alcove:stderr(Drv, [Pid], Timeout))
        end,
        [0, 1000, infinity]
    ),
    ?assertExit(
        {{nodedown, Node}, {gen_server, call, [Drv, {send, getpid}, infinity]}},
        alcove:getpid(Drv, [Pid])
    ),
    io:format("lost~n").

text_is_encoded_as_names_of_files_are(Config) ->
    lists:foreach(
        fun(Flag) ->
            Dir = filename:join(dir(Config), Flag),
            ok = file:make_dir(Dir),
            Eval = io_lib:format("~s:names(~p), io:format(\"done~~n\"), halt().", [?MODULE, Dir]),
            ?assertEqual({Flag, "done\n"}, {Flag, lists:flatten(all_of(erl([Flag], Eval)))})
        end,
        ["+fnu", "+fnl"]
    ).

%% What a call makes of text, module file makes of it as well.
names(Dir) ->
    Drv = alcove_ct:start(),
    ok = alcove:chdir(Drv, [], Dir),
    Bytes = <<206, 187, ".txt">>,
    Text = [955 | ".txt"],
    {ok, FD} = alcove:open(Drv, [], binary_to_list(Bytes), [o_creat, o_wronly], 8#644),
    ok = alcove:close(Drv, [], FD),
    {ok, Raw} = file:list_dir_all(Dir),
    case file:native_name_encoding() of
        utf8 ->
            ?assertEqual([Text], Raw),
            ?assertEqual(ok, alcove:setenv(Drv, [], "NAME", Text, 1)),
            ?assertEqual(Bytes, alcove:getenv(Drv, [], <<"NAME">>)),
            Path = ["./", Text],
            Script = ["echo ", [233], Text],
            {ok, Pid} = alcove:fork(Drv, []),
            ?assertMatch({ok, _}, alcove:open(Drv, [Pid], Path, [o_rdonly], 0)),
            ok = alcove:execvp(Drv, [Pid], "sh", ["sh", "-c", Script]),
            Echo = <<195, 169, Bytes/binary, "\n">>,
            ?assertEqual(Echo, alcove_ct:output(Drv, [Pid], byte_size(Echo))),
            ?assertEqual(ok, alcove:unlink(Drv, [], Text));
        latin1 ->
            ?assertEqual([binary_to_list(Bytes)], Raw),
            ?assertError(badarg, alcove:open(Drv, [], Text, [o_rdonly], 0)),
            ?assertError(badarg, alcove:unlink(Drv, [], Text)),
            ?assertEqual(ok, alcove:unlink(Drv, [], unicode:characters_to_binary(Text)))
    end,
    ?assertError(badarg, alcove:write(Drv, [], 2, Text)),
    ?assertEqual({ok, []}, file:list_dir_all(Dir)),
    alcove_ct:stop(Drv).
