%% SPDX-License-Identifier: ISC

%% The start of a driver, whatever the program does meanwhile and wherever both are.
-module(alcove_start_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    control_is_a_socket/1,
    control_is_a_fifo_if_asked_for/1,
    control_is_found_from_another_network_namespace/1,
    folder_that_cannot_be_used_is_not_needed/1,
    folder_of_the_program_may_belong_to_another/1,
    names_may_have_any_characters/1,
    program_that_is_none_is_an_error/1,
    program_that_goes_on_is_killed/1,
    program_that_goes_on_is_killed_without_descriptors/1,
    removed_working_directory_is_named/1,
    program_that_makes_a_fifo_and_ends_is_an_error/1,
    program_may_connect_twice/1,
    strangers_are_closed/1,
    last_reply_comes_before_the_end_of_the_port/1,
    output_after_an_exec_is_never_a_frame/1,
    errors_say_what_helps/1,
    program_in_an_archive_is_named_so/1,
    starts_return_when_the_port_is_killed_or_stopped/1
]).
-export([storm/3, few_descriptors/2]).

all() ->
    alcove_os:cases(?MODULE).

init_per_testcase(Case, Config) ->
    process_flag(trap_exit, true),
    Dir = filename:join("/tmp", lists:concat(["alcove_start.", os:getpid(), ".", Case])),
    ok = file:make_dir(Dir),
    ok = file:change_mode(Dir, 8#755),
    [{priv_dir, Dir} | Config].

%% A name of a socket has room for 107 bytes, which the folders of Common Test exceed.
end_per_testcase(_Case, Config) ->
    Left = filelib:wildcard(filename:join(dir(Config), "**/{,@}fdctl.*")),
    _ = os:cmd("rm -rf '" ++ dir(Config) ++ "'"),
    case Left of
        [] -> ok;
        _ -> {fail, {left_behind, Left}}
    end.

dir(Config) ->
    proplists:get_value(priv_dir, Config).

%% What descriptor 5 of the port is.
control(Drv) ->
    {ok, Target} = file:read_link("/proc/" ++ integer_to_list(alcove:getpid(Drv, [])) ++ "/fd/5"),
    hd(string:split(Target, ":")).

control_is_a_socket(Config) ->
    Named = filename:join(dir(Config), "named"),
    [
        begin
            {ok, Drv} = alcove_drv:start(Options),
            ?assertEqual({Options, "socket"}, {Options, control(Drv)}),
            ok = alcove_drv:stop(Drv)
        end
     || Options <- [
         [], [{ctldir, dir(Config)}], [{ctldir, list_to_binary(dir(Config))}], [{fdctl, Named}]
     ]
    ],
    ?assertEqual({ok, []}, file:list_dir(dir(Config))).

control_is_a_fifo_if_asked_for(Config) ->
    {ok, Drv} = alcove_drv:start([{ctl, fifo}, {ctldir, dir(Config)}]),
    ?assertMatch(
        {match, _}, re:run(control(Drv), ["^", dir(Config), "/fdctl\\..* \\(deleted\\)$"])
    ),
    ?assertEqual(ok, alcove:execvp(Drv, [], "cat", ["cat"])),
    ok = alcove:stdin(Drv, [], "text"),
    ?assertEqual(<<"text">>, alcove_ct:output(Drv, [], 4)),
    ok = alcove_drv:stop(Drv).

%% An abstract name is not found there, but a fifo or a socket file is.
control_is_found_from_another_network_namespace(Config) ->
    Exec = [{exec, "unshare -rn"}],
    case os:cmd("unshare -rn true") of
        "" ->
            {ok, Fifo} = alcove_drv:start(Exec),
            ?assertNotEqual("socket", control(Fifo)),
            ok = alcove_drv:stop(Fifo),
            {ok, Socket} = alcove_drv:start([{ctldir, dir(Config)} | Exec]),
            ?assertEqual("socket", control(Socket)),
            ok = alcove_drv:stop(Socket);
        Refused ->
            {skip, "unshare: " ++ Refused}
    end.

folder_that_cannot_be_used_is_not_needed(Config) ->
    Long = filename:join(dir(Config), lists:duplicate(120, $x)),
    ok = file:make_dir(Long),
    [
        begin
            {ok, Drv} = alcove_drv:start([Option]),
            ?assertEqual({Option, "socket"}, {Option, control(Drv)}),
            ok = alcove_drv:stop(Drv)
        end
     || Option <- [
         {ctldir, "/no/such/folder"}, {ctldir, "/proc"}, {ctldir, Long}, {fdctl, "/proc/no"}
     ]
    ].

%% As a release that root has installed and a service user runs.
folder_of_the_program_may_belong_to_another(Config) ->
    Ebin = installed(Config, "alcove"),
    [] = os:cmd(["chmod -R a-w ", dir(Config)]),
    As =
        case os:cmd("id -u") of
            "0\n" -> "setpriv --reuid 65534 --regid 65534 --clear-groups ";
            _ -> ""
        end,
    ?assertEqual(
        "<<\"1.0.1\">>",
        vm(
            Config,
            As,
            Ebin,
            "{ok, Drv} = alcove_drv:start(), io:format(\"~p\", [alcove:version(Drv, [])])"
        )
    ),
    ok = file:change_mode(dir(Config), 8#755).

names_may_have_any_characters(Config) ->
    Name = "a b-\x{e9}-\x{4e2d}",
    Bytes = unicode:characters_to_binary(Name),
    [] =
        os:cmd(
            binary_to_list(
                <<"mkdir '", (list_to_binary(dir(Config)))/binary, "/", Bytes/binary, "'">>
            )
        ),
    Ebin = installed(Config, binary_to_list(Bytes)),
    Start =
        "S = fun(O) -> {ok, Drv} = alcove_drv:start(O), <<\"1.0.1\">> = alcove:version(Drv, []), "
        "ok = alcove_drv:stop(Drv) end, "
        "D = filename:dirname(filename:dirname(code:which(alcove_drv))), "
        "B = unicode:characters_to_binary(D), "
        "[S(O ++ P) || P <- [[], [{ctl, fifo}]], "
        "O <- [[], [{ctldir, D}], [{ctldir, B}], [{fdctl, filename:join(D, \"f\")}]]], "
        "io:format(\"~p\", [length(D) < byte_size(B)])",
    ?assertEqual("true", vm(Config, "LC_ALL=C.UTF-8 ", Ebin, Start)).

%% A copy of the application.
installed(Config, Name) ->
    Top = filename:join([dir(Config), Name, "alcove"]),
    Ebin = alcove_ct:quoted(filename:dirname(code:which(alcove_drv))),
    Program = alcove_ct:quoted(alcove_drv:progname()),
    [] = os:cmd([
        ["mkdir -p '", Top, "/ebin' '", Top, "/priv' && cp ", Ebin, "/*.beam ", Ebin, "/*.app '"],
        [Top, "/ebin' && cp ", Program, " '", Top, "/priv/alcove'"]
    ]),
    filename:join(Top, "ebin").

vm(Config, Before, Ebin, Eval) ->
    os:cmd([
        ["cd ", dir(Config), " && ERL_LIBS= ", env(Before), "erl -noshell -pa '", Ebin],
        % what was logged is written before the end
        ["' -eval '", Eval, ", logger_std_h:filesync(default), halt().' 2>&1"]
    ]).

env("LC_ALL" ++ _ = Before) -> Before;
env(Before) -> [Before, "env HOME=/tmp "].

program_that_is_none_is_an_error(Config) ->
    Text = alcove_ct:script(Config, "text", "echo What is this; exec cat > /dev/null\n"),
    Silent = alcove_ct:script(Config, "silent", "exec cat > /dev/null\n"),
    Ready = alcove_ct:script(Config, "ready", [announce(), "exec cat > /dev/null\n"]),
    Half =
        alcove_ct:script(
            Config, "half", "printf '\\000\\007\\000\\004\\203'; exec cat > /dev/null\n"
        ),
    [
        ?assertMatch({Program, Way, {error, Expected}}, {Program, Way, quick(Program, Way, Config)})
     || {Program, Expected} <- [
            {"true", {error, port_init_failed}},
            {"/no/such/program", {badarg, "/no/such/program"}},
            {Text, {handshake, <<"What is this\n">>}},
            {Silent, {handshake, timeout}},
            {Half, {handshake, timeout}},
            {Ready, {fdctl, enoent}}
        ],
        Way <- ways()
    ].

ways() -> [[], [ctldir], [{ctl, fifo}, ctldir]].

quick(Program, Way, Config) ->
    Options = [{progname, Program}, {start_timeout, 300} | lists:delete(ctldir, Way)],
    alcove_drv:start(Options ++ [{ctldir, dir(Config)} || lists:member(ctldir, Way)]).

announce() -> "printf '\\000\\007\\000\\004\\203w\\002ok'\n".

%% Its input is at its end, but it does not look; it may even be stopped.
program_that_goes_on_is_killed(Config) ->
    [
        begin
            File = filename:join(dir(Config), "pid"),
            Program = alcove_ct:script(Config, "goes_on", ["echo $$ > ", File, "\n" | Script]),
            ?assertMatch({error, {handshake, timeout}}, quick(Program, [], Config)),
            {ok, Text} = file:read_file(File),
            Pid = binary_to_integer(string:trim(Text)),
            alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end)
        end
     || Script <- ["sleep 1000\n", "trap '' TERM HUP; exec sleep 1000\n", "kill -STOP $$\n"]
    ].

%% The open of a fifo for reading waits for a writer.
program_that_makes_a_fifo_and_ends_is_an_error(Config) ->
    [
        begin
            Program = alcove_ct:script(Config, "fifo", ["mkfifo \"$2\"\n", announce(), Rest]),
            ?assertMatch({Rest, Way, {error, _}}, {Rest, Way, quick(Program, Way, Config)})
        end
     || Rest <- [
         "exit 0\n",
         "sleep 1000\n",
         "rm \"$2\"; sleep 1000\n",
         "rm \"$2\"; echo > \"$2\"; sleep 1000\n"
     ],
        Way <- ways()
    ].

%% One before the program may have its own reasons.
program_may_connect_twice(Config) ->
    Alcove = alcove_ct:quoted(alcove_drv:progname()),
    Program = alcove_ct:script(Config, "twice", [
        Alcove, " \"$@\" < /dev/null > /dev/null\nexec ", Alcove, " \"$@\"\n"
    ]),
    {ok, Drv} = alcove_drv:start([{progname, Program}]),
    ?assertEqual(<<"1.0.1">>, alcove:version(Drv, [])),
    ?assertEqual(ok, alcove:execvp(Drv, [], "cat", ["cat"])),
    ok = alcove_drv:stop(Drv).

%% Another user knows the name, and waits until the connection is closed.
strangers_are_closed(Config) ->
    Said = filename:join(dir(Config), "said"),
    Go = filename:join(dir(Config), "go"),
    Program = alcove_ct:script(Config, "waits", [
        ["echo \"$2\" > ", Said, ".new; mv ", Said, ".new ", Said, "\n"],
        [
            "while ! test -e ",
            Go,
            "; do sleep 0.02; done\nexec ",
            alcove_ct:quoted(alcove_drv:progname()),
            " \"$@\"\n"
        ]
    ]),
    Stranger = filename:join(dir(Config), "stranger"),
    {ok, _} = file:copy(alcove_drv:progname(), Stranger),
    ok = file:change_mode(Stranger, 8#755),
    case os:cmd("setpriv --reuid 65534 --regid 65534 --clear-groups true") of
        "" ->
            Test = self(),
            spawn_link(
                fun() -> Test ! {started, alcove_drv:start(Test, [{progname, Program}])} end
            ),
            alcove_ct:until(fun() -> filelib:is_file(Said) end),
            {ok, Name} = file:read_file(Said),
            Port = open_port({spawn_executable, os:find_executable("setpriv")}, [
                {args, [
                    "--reuid", "65534", "--regid", "65534", "--clear-groups", Stranger, "-c",
                    string:trim(Name)
                ]},
                binary
            ]),
            receive
                {Port, {data, <<0, 7, 0, 4, 131, 119, 2, "ok">>}} -> ok
            end,
            ok = file:write_file(Go, ""),
            receive
                {started, {ok, Drv}} ->
                    ?assertEqual(<<"1.0.1">>, alcove:version(Drv, [])),
                    ?assertEqual(ok, alcove:execvp(Drv, [], "cat", ["cat"])),
                    ok = alcove_drv:stop(Drv)
            after 60000 -> ct:fail(not_started)
            end,
            true = port_close(Port);
        Refused ->
            {skip, "setpriv: " ++ Refused}
    end.

%% The reply goes through the pipe, the end through the socket.
last_reply_comes_before_the_end_of_the_port(_Config) ->
    [
        begin
            {ok, Drv} = alcove_drv:start_link(),
            Calls = [alcove_codec:call(getpid, [], []) || _ <- lists:seq(1, 50)],
            End =
                case N rem 2 of
                    0 -> alcove_codec:call(exit, [], [0]);
                    1 -> alcove_codec:call(execvp, [], ["true", ["true"]])
                end,
            ok = gen_server:call(Drv, {send, [Calls, End]}, infinity),
            ?assertEqual(50, replies(Drv, 0)),
            receive
                {'EXIT', Drv, Reason} -> ?assertEqual({shutdown, normal}, Reason)
            after 30000 -> ct:fail(still_running)
            end
        end
     || N <- lists:seq(1, 40)
    ],
    ?assertEqual({messages, []}, process_info(self(), messages)).

replies(Drv, N) ->
    receive
        {alcove_call, Drv, [], Pid} when is_integer(Pid) -> replies(Drv, N + 1);
        {alcove_ctl, Drv, [], fdctl_closed} -> N;
        {alcove_stdout, Drv, [], Bytes} -> {output, N, Bytes}
    after 30000 -> {no_end, N}
    end.

%% It looks like one.
output_after_an_exec_is_never_a_frame(_Config) ->
    Output = <<0, 7, 0, 4, 131, 119, 2, "ok">>,
    Program = ["sh", "-c", "printf '\\000\\007\\000\\004\\203w\\002ok'; exec cat > /dev/null"],
    [
        begin
            {ok, Drv} = alcove_drv:start_link(),
            Call = alcove_codec:call(getpid, [], []),
            ok =
                gen_server:call(
                    Drv, {send, [Call, alcove_codec:call(execvp, [], ["sh", Program])]}, infinity
                ),
            ?assertEqual(1, replies(Drv, 0)),
            ?assertEqual(Output, alcove_ct:output(Drv, [], byte_size(Output))),
            alcove_ct:stop(Drv)
        end
     || _ <- lists:seq(1, 20)
    ].

errors_say_what_helps(Config) ->
    Silent = alcove_ct:script(Config, "silent", "exec cat > /dev/null\n"),
    [
        begin
            Said = vm(Config, "", filename:dirname(code:which(alcove_drv)), [
                "io:format(\"~p\", [alcove_drv:start(", io_lib:format("~p", [Options]), ")])"
            ]),
            [
                ?assertNotEqual({Word, nomatch}, {Word, string:find(Said, Word)}, Said)
                 || Word <- Words
            ],
            ?assertEqual(nomatch, string:find(Said, "CRASH"), Said)
        end
     || {Options, Words} <- [
            {[{exec, "no_such_doas -n"}], ["{error,{badarg,\"no_such_doas\"}}", "exec"]},
            {[{ctl, fifo}, {ctldir, "/no/such"}], ["/no/such", "no such file", "ctldir"]},
            {[{progname, "false"}], ["status 1 before it was ready"]},
            {[{maxchild, 65535}], ["maxchild"]},
            {[{exec, "prlimit --nofile=4"}], ["ulimit -n"]},
            {[{progname, Silent}, {start_timeout, 100}], ["start_timeout"]},
            {[{fdctl, "/"}], ["there is something at /", "fdctl", "{error,{fdctl,eexist}}"]}
        ]
    ].

%% A command that kills needs descriptors, too: with some numbers of them only the start has enough.
program_that_goes_on_is_killed_without_descriptors(Config) ->
    Pids = filename:join(dir(Config), "pids"),
    Program = alcove_ct:script(Config, "goes_on", ["echo $$ >> ", Pids, "; echo What is this; exec sleep 1000\n"]),
    Ebin = filename:dirname(code:which(alcove_drv)),
    Said = vm(Config, "prlimit --nofile=80 ", Ebin, [
        ["code:add_path(\"", filename:dirname(code:which(?MODULE)), "\"), logger:set_primary_config(level, none), "],
        ["io:format(\"~0p\", [", atom_to_list(?MODULE), ":few_descriptors(12, \"", Program, "\")])"]
    ]),
    ?assertMatch({match, _}, re:run(Said, "^\\[(emfile,)+(handshake,)*handshake]$"), Said),
    {ok, Text} = file:read_file(Pids),
    Started = [binary_to_integer(Pid) || Pid <- binary:split(Text, <<"\n">>, [global, trim_all])],
    alcove_ct:until(fun() -> not lists:any(fun alcove_ct:is_running/1, Started) end).

%% Why there is no driver when the VM has so many descriptors left. The modules are loaded before.
few_descriptors(Most, Program) ->
    handshake = start_with(0, [], Program),
    [start_with(N, all_descriptors(), Program) || N <- lists:seq(0, Most)].

start_with(N, Files, Program) ->
    {Free, Held} = lists:split(N, Files),
    ok = close(Free),
    {error, {Why, _}} = alcove_drv:start([{progname, Program}]),
    ok = close(Held),
    Why.

all_descriptors() ->
    case file:open("/dev/null", [raw, read]) of
        {ok, File} -> [File | all_descriptors()];
        {error, emfile} -> []
    end.

close(Files) ->
    lists:foreach(fun(File) -> ok = file:close(File) end, Files).

removed_working_directory_is_named(Config) ->
    Gone = filename:join(dir(Config), "gone"),
    ok = file:make_dir(Gone),
    Said = vm(Config, ["cd ", Gone, " && "], filename:dirname(code:which(alcove_drv)), [
        ["file:del_dir(\"", Gone, "\"), io:format(\"~0p ~0p\", [alcove_drv:start(), "],
        "alcove_run:run([\"true\"], #{sandbox => #{}})])"
    ]),
    ?assertNotEqual(nomatch, string:find(Said, "{error,{cwd,enoent}} {error,{driver,{cwd,enoent}}}"), Said),
    ?assertNotEqual(nomatch, string:find(Said, "the VM has no working directory"), Said),
    ?assertEqual(nomatch, string:find(Said, "CRASH"), Said).

%% The applications of an escript are below its file.
program_in_an_archive_is_named_so(Config) ->
    Archive = filename:join(dir(Config), "escript"),
    ok = file:write_file(Archive, "#!/usr/bin/env escript\n"),
    Why = lists:flatten(alcove_priv:missing(filename:join(Archive, "alcove/priv"))),
    ?assertNotEqual(nomatch, string:find(Why, Archive ++ " is an archive"), Why).

%% With one scheduler, which is never idle: a start that would wait in it would stop all.
%% ALCOVE_STARTS says how many.
starts_return_when_the_port_is_killed_or_stopped(Config) ->
    N = list_to_integer(os:getenv("ALCOVE_STARTS", "60")),
    Program = alcove_ct:script(Config, "killed", [
        ["(sleep $AFTER; kill -$SIGNAL $$) < /dev/null > /dev/null 2>&1 &\n"],
        ["exec ", alcove_ct:quoted(alcove_drv:progname()), " \"$@\"\n"]
    ]),
    Paths = [filename:dirname(code:which(Module)) || Module <- [alcove_drv, ?MODULE]],
    Said = os:cmd(
        lists:flatten([
            [
                "timeout ",
                integer_to_list(120 + N),
                " erl -noshell +S 1:1 ",
                [["-pa ", alcove_ct:quoted(P), " "] || P <- Paths]
            ],
            ["-kernel logger_level none -eval '", atom_to_list(?MODULE), ":storm("],
            [integer_to_list(N), ",\"", Program, "\",\"", dir(Config), "\"), halt().' 2>&1"]
        ])
    ),
    ct:log("~ts", [Said]),
    ?assertNotEqual(nomatch, string:find(Said, "all returned, nothing left"), Said).

storm(N, Program, Dir) ->
    [spawn(fun Busy() -> [rand:uniform() || _ <- lists:seq(1, 1000)], Busy() end) || _ <- [1, 2]],
    Before = held(),
    Results = [one(Program, Dir, I) || I <- lists:seq(1, N)],
    alcove_ct:until(fun() -> held() =:= Before end),
    [] = filelib:wildcard(filename:join([Dir, "**", "{,@}fdctl.*"])),
    [] =
        filelib:wildcard(
            filename:join([
                filename:dirname(alcove_drv:progname()), "{,@}fdctl." ++ os:getpid() ++ ".*"
            ])
        ),
    Kinds = lists:usort(Results),
    [io:format("~p: ~b~n", [Kind, length([R || R <- Results, R =:= Kind])]) || Kind <- Kinds],
    io:format("all returned, nothing left~n").

held() ->
    {ok, Names} = file:list_dir("/proc/self/fd"),
    {length(Names), length(erlang:ports())}.

one(Program, Dir, I) ->
    Way = lists:nth(1 + I rem 3, [[], [{ctldir, Dir}], [{ctl, fifo}, {ctldir, Dir}]]),
    Signal = lists:nth(1 + I rem 2, ["KILL", "STOP"]),
    After = io_lib:format("0.~3..0b", [rand:uniform(100) - 1]),
    Env = {env, [{"AFTER", lists:flatten(After)}, {"SIGNAL", Signal}]},
    Self = self(),
    Options = [{progname, Program}, {start_timeout, 1000}, Env | Way],
    Pid = spawn(fun() -> Self ! {self(), alcove_drv:start(Self, Options)} end),
    receive
        {Pid, {ok, Drv}} ->
            _ = kill(Drv),
            ok = alcove_drv:stop(Drv),
            started;
        {Pid, {error, Reason}} ->
            Reason
    after 31000 ->
        {watchdog, I}
    end.

%% One that is stopped after its start is not the affair of the start.
kill(Drv) ->
    try erlang:port_info(alcove_drv:port(Drv), os_pid) of
        {os_pid, Pid} -> os:cmd(lists:concat(["kill -9 -", Pid, " 2>/dev/null"]));
        undefined -> ended
    catch
        exit:_ -> ended
    end.
