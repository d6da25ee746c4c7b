%% SPDX-License-Identifier: ISC

%% The examples, compiled as `make eg' does and run.
-module(alcove_examples_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").

-export([all/0, init_per_suite/1, end_per_suite/1, init_per_testcase/2, end_per_testcase/2]).
-export([
    demo_runs_short_programs/1,
    demo_says_that_there_are_no_namespaces/1,
    chrootex_runs_a_program_that_makes_no_files_and_no_processes/1,
    nsex_runs_a_program_alone_and_with_little_memory/1,
    nsex_uses_the_tree_of_version_2_where_that_is_mounted/1,
    nsex_says_what_is_missing/1,
    tcpsh_serves_a_shell_for_each_connection/1,
    tcpsh_ends_the_shell_with_the_connection/1,
    gpioled_blinks/1,
    seccompex_computes_and_is_refused_all_else/1,
    supervised_program_is_restarted_when_it_ends/1,
    supervised_program_ends_with_its_supervisor/1,
    supervised_program_ends_with_the_process_that_runs_it/1,
    elixir_project_is_built_and_passes_its_tests/1
]).

-define(LIMIT, 30000).

all() ->
    alcove_os:cases(?MODULE).

init_per_suite(Config) ->
    Dir = filename:join(?config(priv_dir, Config), "ebin"),
    ok = filelib:ensure_dir(filename:join(Dir, "file")),
    Sources = filelib:wildcard(filename:join(alcove_os:project(), "erlang/examples/*.erl")),
    Options = [{outdir, Dir}, report, warnings_as_errors],
    [{ok, _} = compile:file(Source, Options) || Source <- Sources],
    true = code:add_patha(Dir),
    [{ebin, Dir} | Config].

end_per_suite(Config) ->
    code:del_path(?config(ebin, Config)).

init_per_testcase(Case, Config) ->
    alcove_os:rooted(Config, capabilities(Case)).

capabilities(nsex_says_what_is_missing) ->
    [cap_sys_admin];
capabilities(Case) ->
    AsAnyUser = [
        demo_runs_short_programs,
        demo_says_that_there_are_no_namespaces,
        seccompex_computes_and_is_refused_all_else,
        supervised_program_is_restarted_when_it_ends,
        supervised_program_ends_with_its_supervisor,
        supervised_program_ends_with_the_process_that_runs_it
    ],
    [cap_setuid || not lists:member(Case, AsAnyUser)].

end_per_testcase(_Case, _Config) ->
    ok.

options() ->
    alcove_ct:options([]).

%% Output comes in pieces: all that there is until a text has come.
text(Tag, Drv, Pids, Text) ->
    text(Tag, Drv, Pids, Text, <<>>).

text(Tag, Drv, Pids, Text, Got) ->
    case string:find(Got, Text) of
        nomatch ->
            text(Tag, Drv, Pids, Text, <<Got/binary, (alcove_ct:message(Drv, Pids, Tag))/binary>>);
        _ ->
            ok
    end.

demo_runs_short_programs(Config) ->
    [
        ?assertMatch({N, {0, _}}, {N, demo(Config, "CMD='read -r line'")})
     || N <- lists:seq(1, 3)
    ].

%% As in most containers: no rights, and no user namespace below that of the test.
demo_says_that_there_are_no_namespaces(Config) ->
    {Status, Said} = demo(
        Config,
        "unshare -U --map-root-user sh -c 'echo 0 > /proc/sys/user/max_user_namespaces && "
        "exec setpriv --bounding-set=-all --inh-caps=-all \"$@\"' sh env"
    ),
    ?assertEqual(1, Status, Said),
    ?assertNotEqual(nomatch, string:find(Said, "needs root, or user namespaces"), Said),
    ?assertEqual(nomatch, string:find(Said, "demo:"), Said).

demo(Config, Before) ->
    Beams = [?config(ebin, Config), filename:dirname(code:which(alcove))],
    Paths = [[" ", alcove_ct:quoted(Dir)] || Dir <- Beams],
    alcove_md:sh(?config(priv_dir, Config), [Before, " erl -noshell -s demo -pa", Paths, " 2>&1"]).

chrootex_runs_a_program_that_makes_no_files_and_no_processes(_Config) ->
    {ok, Drv} = chrootex:start(options()),
    Cat = chrootex:sandbox(Drv),
    ok = alcove:stdin(Drv, [Cat], "test test\n"),
    ok = text(alcove_stdout, Drv, [Cat], "test test\n"),
    Sh = chrootex:sandbox(Drv, ["/bin/busybox", "sh"]),
    ok = alcove:stdin(Drv, [Sh], "echo *busybox*; > file\n"),
    ok = text(alcove_stdout, Drv, [Sh], "busybox"),
    ok = text(alcove_stderr, Drv, [Sh], "can't create file"),
    ok = alcove:stdin(Drv, [Sh], "ls\n"),
    ok = text(alcove_stderr, Drv, [Sh], "can't fork"),
    ?assertEqual({exit_status, 2}, alcove_ct:message(Drv, [Sh], alcove_event)),
    alcove_ct:stop(Drv).

nsex_runs_a_program_alone_and_with_little_memory(_Config) ->
    nsex(options()).

%% On a machine whose version 1 has the controllers, the error names them.
nsex_uses_the_tree_of_version_2_where_that_is_mounted(Config) ->
    Program = in_mounts(Config, "unified", [
        "umount -R -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup"
    ]),
    nsex([{progname, Program} | options()]).

%% The shell is process 1, and the loop that doubles a text ends it.
nsex(Options) ->
    case nsex:start(Options) of
        Drv when is_pid(Drv) ->
            Cat = nsex:sandbox(Drv),
            ok = alcove:stdin(Drv, [Cat], "test test\n"),
            ok = text(alcove_stdout, Drv, [Cat], "test test\n"),
            Sh = nsex:sandbox(Drv, ["/bin/busybox", "sh"]),
            ok = alcove:stdin(Drv, [Sh], "echo pid $$\n"),
            ok = text(alcove_stdout, Drv, [Sh], "pid 1\n"),
            ?assertEqual(
                lists:sort([Cat, Sh]), lists:sort(alcove_cgroup:members(Drv, [], ["alcove"]))
            ),
            Hog = "exec /busybox awk 'BEGIN { for (s = \"x\"; ; s = s s); }'\n",
            ?assertEqual(0, nsex:killed(Drv)),
            ok = alcove:stdin(Drv, [Sh], Hog),
            ?assertEqual({termsig, sigkill}, alcove_ct:message(Drv, [Sh], alcove_event)),
            ?assertEqual(1, nsex:killed(Drv)),
            unlink(Drv),
            ok = nsex:stop(Drv);
        {error, {missing, Controllers}} ->
            {ok, Drv} = alcove_drv:start_link(Options),
            {ok, Available} = alcove_cgroup2:controllers(Drv, [], []),
            ?assertEqual(Controllers, [<<"cpuset">>, <<"memory">>] -- Available),
            alcove_ct:stop(Drv)
    end.

%% A port that sees no control groups.
nsex_says_what_is_missing(Config) ->
    Program = in_mounts(Config, "blind", ["mount -t tmpfs none /proc"]),
    ?assertEqual(
        {error, enotsup},
        nsex:start(alcove_ct:options([{progname, Program} | ?config(port, Config)]))
    ).

%% The port program among other mounts.
in_mounts(Config, Name, Mounts) ->
    alcove_ct:script(Config, Name, [
        "exec unshare -m sh -c 'mount --make-rprivate /; ",
        Mounts,
        "; exec "
        "\"$@\"' sh ",
        alcove_ct:quoted(alcove_drv:progname()),
        " \"$@\"\n"
    ]).

tcpsh_serves_a_shell_for_each_connection(_Config) ->
    {Server, Port} = tcpsh(),
    [First, Second] = [connect(Port) || _ <- [1, 2]],
    % the shell complains of the missing terminal first, in another stream than its output
    [ok = prompted(Socket, <<>>) || Socket <- [First, Second]],
    ok = gen_tcp:send(First, "echo $((6 * 7)) $$; hostname; exit\n"),
    ok = gen_tcp:send(Second, "id -u; echo /proc/[0-9]*; exit\n"),
    {First1, Second1} = {everything(First), everything(Second)},
    % with prompts in between
    ?assertMatch({match, _}, re:run(First1, "42 1\n.*alcove40265[0-9]+\n")),
    ?assertMatch({match, _}, re:run(Second1, "40265[0-9]+\n.*/proc/1\n")),
    true = exit(Server, kill).

%% A program that does not read is no obstacle. Its user may not pass the folders of the project.
tcpsh_ends_the_shell_with_the_connection(_Config) ->
    {Server, Port} = tcpsh(),
    Fifo = "/tmp/tcpsh_fifo." ++ os:getpid(),
    Drv = alcove_ct:start(),
    ok = alcove:mkfifo(Drv, [], Fifo, 8#666),
    ok = alcove:chmod(Drv, [], Fifo, 8#666),
    {ok, FD} = alcove:open(Drv, [], Fifo, [o_rdonly, o_nonblock, o_cloexec], 0),
    Socket = connect(Port),
    Script = ["exec 3>", Fifo, "; trap '' TERM HUP; echo ready >&3; sleep 1000\n"],
    ok = gen_tcp:send(Socket, Script),
    {ok, <<"ready\n">>} = next(Drv, FD, 100),
    ok = alcove:unlink(Drv, [], Fifo),
    ok = gen_tcp:close(Socket),
    ?assertEqual({ok, <<>>}, next(Drv, FD, 100)),
    alcove_ct:stop(Drv),
    true = exit(Server, kill).

%% The port that nobody uses now; the server may take a moment to do so.
tcpsh() ->
    {ok, Listen} = gen_tcp:listen(0, [{ip, loopback}]),
    {ok, Port} = inet:port(Listen),
    ok = gen_tcp:close(Listen),
    {spawn(fun() -> tcpsh:start([{port, Port} | options()]) end), Port}.

connect(Port) ->
    case gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]) of
        {ok, Socket} ->
            Socket;
        {error, econnrefused} ->
            receive
            after 10 -> connect(Port)
            end
    end.

prompted(Socket, Got) ->
    case binary:match(Got, <<"$ ">>) of
        nomatch ->
            {ok, Data} = gen_tcp:recv(Socket, 0, ?LIMIT),
            prompted(Socket, <<Got/binary, Data/binary>>);
        _ ->
            ok
    end.

everything(Socket) ->
    case gen_tcp:recv(Socket, 0, ?LIMIT) of
        {ok, Data} -> <<Data/binary, (everything(Socket))/binary>>;
        {error, closed} -> <<>>
    end.

%% Files in the place of those of sysfs keep what is written to them.
gpioled_blinks(Config) ->
    Sysfs = filename:join(?config(priv_dir, Config), "gpio"),
    Direction = filename:join(Sysfs, "gpio17/direction"),
    ok = filelib:ensure_dir(Direction),
    Files = [filename:join(Sysfs, "export"), filename:join(Sysfs, "unexport"), Direction],
    [ok = file:write_file(File, "") || File <- Files],
    ?assertEqual(ok, gpioled:start(17, 3, [{sysfs, Sysfs}, {interval, 0} | options()])),
    ?assertEqual(
        [{ok, <<"17">>}, {ok, <<"17">>}, {ok, <<"lowhighlowhighlowhigh">>}],
        [file:read_file(File) || File <- Files]
    ).

seccompex_computes_and_is_refused_all_else(_Config) ->
    {ok, Drv} = seccompex:start(),
    Bc = seccompex:sandbox(Drv),
    ?assertEqual(<<"42">>, seccompex:ask(Drv, Bc, "6 * 7")),
    ?assertEqual(<<"1180591620717411303424">>, seccompex:ask(Drv, Bc, "2 ^ 70")),
    Sh = seccompex:sandbox(Drv, ["/bin/busybox", "sh"]),
    ok = alcove:stdin(Drv, [Sh], "read line < /etc/passwd; echo $?\n"),
    ok = text(alcove_stdout, Drv, [Sh], "1\n"),
    ok = text(alcove_stderr, Drv, [Sh], "can't open /etc/passwd: Operation not permitted"),
    ok = alcove:stdin(Drv, [Sh], "cat /etc/passwd\n"),
    ok = text(alcove_stderr, Drv, [Sh], "can't fork: Operation not permitted"),
    alcove_ct:stop(Drv).

%% The test has both ends of the fifo: between two programs there is no end of file.
supervised_program_is_restarted_when_it_ends(Config) ->
    {Drv, Fifo, FD} = fifo(Config, o_rdwr),
    {ok, Supervisor} = supervised:start_link(program(Fifo, "read line"), #{exec => alcove_ct:exec()}),
    ok = line(Drv, FD),
    [{_, First, worker, _}] = supervisor:which_children(Supervisor),
    ok = supervised:stdin(Supervisor, "go\n"),
    ok = line(Drv, FD),
    ?assertMatch(
        [{_, Second, worker, _}] when is_pid(Second), supervisor:which_children(Supervisor)
    ),
    ?assertNot(is_process_alive(First)),
    ok = supervised:stop(Supervisor),
    alcove_ct:stop(Drv).

%% All processes of the program have the fifo open: it is at its end when the last is gone.
supervised_program_ends_with_its_supervisor(Config) ->
    {Drv, Fifo, FD} = fifo(Config, o_rdonly),
    {ok, Supervisor} = supervised:start_link(program(Fifo, "wait"), #{exec => alcove_ct:exec()}),
    ok = line(Drv, FD),
    unlink(Supervisor),
    ok = supervised:stop(Supervisor),
    ?assertEqual({ok, <<>>}, next(Drv, FD, 1)),
    alcove_ct:stop(Drv).

%% Even if it cannot clean up, nor its supervisor.
supervised_program_ends_with_the_process_that_runs_it(Config) ->
    {Drv, Fifo, FD} = fifo(Config, o_rdonly),
    {ok, Supervisor} = supervised:start_link(program(Fifo, "wait"), #{exec => alcove_ct:exec()}),
    ok = line(Drv, FD),
    unlink(Supervisor),
    [{_, Program, worker, _}] = supervisor:which_children(Supervisor),
    exit(Supervisor, kill),
    exit(Program, kill),
    ?assertEqual({ok, <<>>}, next(Drv, FD, 1)),
    alcove_ct:stop(Drv).

fifo(Config, Flag) ->
    Name = "supervised" ++ integer_to_list(erlang:unique_integer([positive])),
    Fifo = filename:join(?config(priv_dir, Config), Name),
    Drv = alcove_ct:start(),
    ok = alcove:mkfifo(Drv, [], Fifo, 8#600),
    {ok, FD} = alcove:open(Drv, [], Fifo, [Flag, o_nonblock, o_cloexec], 0),
    {Drv, Fifo, FD}.

%% A stubborn one with children in sessions of their own.
program(Fifo, Last) ->
    Script = [
        "trap '' TERM; exec 3>", alcove_ct:quoted(Fifo), "; setsid sleep 1000 & ",
        "sleep 1000 & echo >&3; ", Last
    ],
    ["sh", "-c", Script].

line(Drv, FD) ->
    {ok, <<"\n">>} = next(Drv, FD, 1),
    ok.

%% What comes next, up to a size.
next(Drv, FD, Size) ->
    {ok, [FD], [], []} = alcove:select(Drv, [], [FD], [], [], #alcove_timeval{sec = 30}),
    alcove:read(Drv, [], FD, Size).

%% What it builds is kept with the rest.
elixir_project_is_built_and_passes_its_tests(_Config) ->
    case {os:find_executable("mix"), os:find_executable("rebar3")} of
        {Mix, Rebar} when is_list(Mix), is_list(Rebar) ->
            {ok, #{status := Status, stdout := Output}} = alcove_run:run([Mix, "test"], #{
                cd => filename:join(alcove_os:project(), "erlang/examples/elixir"),
                % warnings end the build of this project only, which make says there
                env => [
                    {"MIX_REBAR3", Rebar}, {"MIX_ENV", "test"}, {"ERL_LIBS", false}, {"ERL_COMPILER_OPTIONS", false}
                ],
                stderr => merge
            }),
            ok = alcove_pool:stop(default),
            ct:pal("~ts", [Output]),
            ?assertEqual({exit, 0}, Status),
            % before Elixir 1.20 and since
            Passed = "[1-9] tests?, 0 failures|Result: [1-9][0-9]* passed",
            ?assertMatch({match, _}, re:run(Output, Passed));
        _ ->
            {skip, "mix or rebar3 is not installed"}
    end.
