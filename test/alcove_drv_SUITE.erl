%% SPDX-License-Identifier: ISC

%% The driver: its start, its end, its owner, and what it makes of any port program.
-module(alcove_drv_SUITE).

-include_lib("kernel/include/file.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([
    all/0,
    init_per_testcase/2,
    end_per_testcase/2
]).
-export([
    title_takes_the_place_of_path_and_arguments/1,
    command_line_follows_from_options/1,
    command_line_needs_a_program/1,
    program_is_in_the_folder_of_the_application/1,
    program_of_a_machine_has_the_names_of_go/1,
    program_of_the_machine_is_used_where_none_is_for_all/1,
    start_takes_strings_and_binaries/1,
    start_fails_without_a_program/1,
    start_refuses_options_that_are_none/1,
    options_without_effect_are_named_in_the_log/1,
    start_fails_when_the_program_ends/1,
    start_fails_when_the_folder_of_the_fifo_is_missing/1,
    start_fails_with_too_many_children/1,
    start_fails_for_a_program_inside_a_tree/1,
    start_fails_when_the_program_is_silent/1,
    start_fails_when_the_program_prints_text/1,
    start_fails_when_the_fifo_is_not_removed/1,
    start_fails_when_the_fifo_cannot_be_read/1,
    start_fails_when_the_fifo_exists/1,
    start_stops_with_its_parent/1,
    start_takes_replies_in_pieces/1,
    start_takes_replies_with_more_behind_them/1,
    fifo_may_be_named/1,
    many_drivers_leave_files_to_others/1,
    drivers_leave_no_descriptors/1,
    drivers_with_equal_pids_do_not_mix/1
]).
-export([
    others_than_the_owner_may_send_data_and_stop/1,
    owner_may_be_another_process/1,
    driver_outlives_an_owner_that_is_not_linked/1,
    driver_ends_with_an_owner_that_it_monitors/1,
    driver_ends_with_its_parent/1,
    call_ends_when_the_port_is_killed/1,
    call_ends_when_the_port_becomes_a_program/1,
    call_ends_when_the_driver_is_stopped/1,
    call_to_a_dead_driver_exits/1,
    call_of_the_driver_itself_exits/1,
    reports_hold_no_bytes_of_calls/1,
    owner_that_crashes_is_reported_once/1,
    new_code_ends_nobody_who_waits/1,
    new_code_under_load_loses_no_caller/1,
    reading_ends_when_the_driver_is_gone/1,
    stop_is_always_ok/1,
    tree_ends_with_the_driver/1,
    exit_of_the_port_is_always_seen/1,
    end_of_the_port_is_reported_once/1,
    unknown_requests_do_no_harm/1,
    calls_of_another_library_are_messages/1,
    frames_that_are_too_long_are_refused/1,
    stop_does_not_wait_for_a_port_that_does_not_read/1
]).
% a handler of the log
-export([
    frames_may_come_byte_by_byte/1,
    frames_may_come_all_at_once/1,
    output_holds_no_memory_but_its_own/1,
    nonsense_of_a_child_is_dropped/1,
    reply_with_unknown_atoms_is_an_error/1,
    nonsense_of_the_port_ends_the_driver/1,
    output_that_overtakes_the_end_of_the_fifo_is_kept/1,
    rest_of_a_frame_is_output_in_raw_mode/1
]).

all() ->
    alcove_os:cases(?MODULE).

init_per_testcase(Case, Config) ->
    process_flag(trap_exit, true),
    [{priv_dir, alcove_os:tree(Config, Case)} | Config].

%% What a failed start has made it has removed. Another VM may be starting a driver right now.
end_per_testcase(_Case, Config) ->
    Prefix = "fdctl." ++ os:getpid() ++ ".",
    {ok, Names} = file:list_dir(filename:dirname(alcove_drv:progname())),
    {ok, Others} = file:list_dir(dir(Config)),
    case [Name || Name <- Names ++ Others, lists:prefix(Prefix, Name)] of
        [] -> ok;
        Left -> {fail, {left_behind, Left}}
    end.

dir(Config) ->
    proplists:get_value(priv_dir, Config).

%%
%% Start
%%

title_takes_the_place_of_path_and_arguments(_Config) ->
    {ok, Drv} = alcove_drv:start(alcove_ct:options([{title, "neutral"}])),
    Port = alcove:getpid(Drv, []),
    {ok, Shown} = file:read_file(["/proc/", integer_to_list(Port), "/cmdline"]),
    ?assertEqual(<<"neutral">>, hd(binary:split(Shown, <<0>>))),
    ?assertEqual(nomatch, binary:match(Shown, <<"fdctl">>)),
    {ok, Pid} = alcove:fork(Drv, []),
    {ok, Below} = file:read_file(["/proc/", integer_to_list(Pid), "/cmdline"]),
    ?assertEqual(Shown, Below),
    ok = alcove_drv:stop(Drv).

command_line_follows_from_options(_Config) ->
    Program = alcove_drv:progname(),
    Sh = os:find_executable("sh"),
    ?assertEqual([Program], alcove_drv:getopts([])),
    ?assertEqual(
        [Sh, "-c", "-x", Program, "-d", "2", "-m", "8", "-c", "/x"],
        alcove_drv:getopts([
            {depth, 2},
            {maxchild, 8},
            {fdctl, "/x"},
            foo,
            {bar, baz},
            {exec, "sh  -c -x"}
        ])
    ),
    ?assertEqual([Sh, "/x"], alcove_drv:getopts([{exec, <<"sh">>}, {progname, <<"/x">>}])),
    ?assertEqual([Sh], alcove_drv:getopts([{progname, "sh"}, {progname, "/y"}])),
    ?assertEqual([Sh, "-m", "1", "-m", "2"], alcove_drv:getopts([{progname, "sh"}] ++ children())),
    % every word is a flat string, whatever kind of text it was cut from
    ?assertEqual(
        [Sh, "-c", "x", "/p"],
        alcove_drv:getopts([{exec, [<<"sh">>, " -", [<<"c x">>]]}, {progname, [<<"/">>, "p"]}])
    ).

children() -> [{maxchild, 1}, {maxchild, 2}].

command_line_needs_a_program(_Config) ->
    ?assertError(function_clause, alcove_drv:getopts(no_list)),
    ?assertError({badmatch, []}, alcove_drv:getopts([{progname, ""}])),
    ?assertError(badarg, alcove_drv:getopts([{progname, "no such program"}])),
    ?assertError(badarg, alcove_drv:getopts([{depth, "2"}])),
    ?assertError(badarg, alcove_drv:getopts([maxchild])),
    ?assertError(function_clause, alcove_drv:getopts([{progname, 1}])).

program_is_in_the_folder_of_the_application(_Config) ->
    ?assertEqual(filename:join(code:priv_dir(alcove), "alcove"), alcove_drv:progname()),
    ?assert(filelib:is_regular(alcove_drv:progname())).

program_of_a_machine_has_the_names_of_go(_Config) ->
    Names = [
        {"x86_64-pc-linux-gnu", linux, "alcove-linux-amd64"},
        {"x86_64-alpine-linux-musl", linux, "alcove-linux-amd64"},
        {"aarch64-unknown-linux-gnu", linux, "alcove-linux-arm64"},
        {"arm-unknown-linux-gnueabihf", linux, "alcove-linux-arm"},
        {"armv7l-unknown-linux-gnueabihf", linux, "alcove-linux-arm"},
        {"riscv64-unknown-linux-gnu", linux, "alcove-linux-riscv64"},
        {"i386-pc-linux-gnu", linux, "alcove-linux-386"},
        {"i686-pc-linux-gnu", linux, "alcove-linux-386"},
        {"s390x-ibm-linux-gnu", linux, "alcove-linux-s390x"},
        {"i786-pc-linux-gnu", linux, "alcove-linux-i786"},
        {"amd64-portbld-freebsd14.1", freebsd, "alcove-freebsd-amd64"},
        {"aarch64-portbld-freebsd14.1", freebsd, "alcove-freebsd-arm64"},
        {"arm64-apple-darwin23.0", darwin, "alcove-darwin-arm64"},
        {"machine", system, "alcove-system-machine"}
    ],
    [
        ?assertEqual({Machine, Name}, {Machine, alcove_priv:name(Machine, {unix, System})})
     || {Machine, System, Name} <- Names
    ].

program_of_the_machine_is_used_where_none_is_for_all(Config) ->
    Ebin = filename:join([dir(Config), "alcove", "ebin"]),
    Priv = filename:join([dir(Config), "alcove", "priv"]),
    [ok = filelib:ensure_dir(filename:join(Folder, "file")) || Folder <- [Ebin, Priv]],
    Beams =
        filelib:wildcard(filename:join(filename:dirname(code:which(alcove_drv)), "*.{beam,app}")),
    [copy(Beam, filename:join(Ebin, filename:basename(Beam))) || Beam <- Beams],
    Machine = erlang:system_info(system_architecture),
    Name = alcove_priv:name(Machine, os:type()),

    {Missing, Words} = elsewhere(Ebin, "case alcove_drv:start() of {error, {badarg, _}} -> ok end"),
    ?assertEqual(filename:join(Priv, "alcove"), Missing),
    [
        ?assertNotEqual({Word, nomatch}, {Word, string:find(Words, Word)})
     || Word <- [Machine, filename:join(Priv, "alcove"), filename:join(Priv, Name)]
    ],
    {Missing, _} = elsewhere(
        Ebin,
        "case alcove_drv:start([{exec, \"/usr/bin/env\"}]) of {error, {error, _}} -> ok end"
    ),

    Version = "{ok, Drv} = alcove_drv:start(), <<_/binary>> = alcove:version(Drv, [])",
    copy(alcove_drv:progname(), filename:join(Priv, Name)),
    ?assertEqual({filename:join(Priv, Name), ""}, elsewhere(Ebin, Version)),
    copy(alcove_drv:progname(), filename:join(Priv, "alcove")),
    ?assertEqual({filename:join(Priv, "alcove"), ""}, elsewhere(Ebin, Version)).

%% Evaluates expressions where the application is in another folder: the path of its program,
%% and what was printed before it.
elsewhere(Ebin, Expressions) ->
    Eval = [Expressions, ", io:put_chars([\"\\n\", alcove_drv:progname()]), halt()."],
    Erl = ["ERL_LIBS= erl -noshell -pa '", Ebin, "' -eval '", Eval, "' 2>&1"],
    [Words, Path] = string:split(os:cmd(lists:flatten(Erl)), "\n", trailing),
    {Path, Words}.

copy(From, To) ->
    {ok, _} = file:copy(From, To),
    {ok, #file_info{mode = Mode}} = file:read_file_info(From),
    ok = file:change_mode(To, Mode).

start_takes_strings_and_binaries(Config) ->
    ok = file:make_dir(filename:join(dir(Config), "ctl")),
    [
        alcove_ct:stop(alcove_ct:start([{ctldir, Dir}, {progname, Program}]))
     || {Dir, Program} <- [
            {filename:join(dir(Config), "ctl"), alcove_drv:progname()},
            {
                list_to_binary(filename:join(dir(Config), "ctl")),
                list_to_binary(alcove_drv:progname())
            }
        ]
    ].

start_fails_without_a_program(_Config) ->
    ?assertMatch({error, {badarg, _}}, alcove_drv:start([{progname, "/no/such/program"}])).

start_refuses_options_that_are_none(_Config) ->
    ?assertMatch({error, {function_clause, _}}, alcove_drv:start(["option"])),
    ?assertMatch({error, {function_clause, _}}, alcove_drv:start([{a, b, c}])),
    alcove_ct:stop(alcove_ct:start([unknown, {unknown, option}])).

%% Their values may be secret.
options_without_effect_are_named_in_the_log(_Config) ->
    Options = [{max_child, "secret"}, {stderr_to_stdout, true}, verbose, {maxchild, 8}],
    {Drv, Events} = alcove_ct:logged(fun() -> alcove_ct:start([{monitor_owner, false} | Options]) end),
    alcove_ct:stop(Drv),
    [Text] = [text(Event) || #{meta := #{pid := Pid}} = Event <- Events, Pid =:= Drv],
    ?assertMatch({_, [_ | _]}, {Text, string:find(Text, "[max_child,stderr_to_stdout,verbose]")}).

text(Event) ->
    lists:flatten(logger_formatter:format(Event, #{single_line => true})).

start_fails_when_the_program_ends(_Config) ->
    Failure = {error, {error, port_init_failed}},
    ?assertEqual(Failure, alcove_drv:start([{progname, "false"}])),
    ?assertEqual(Failure, alcove_drv:start_link([{progname, "true"}])),
    % since OTP 26 the exit of a process that has not started is not seen
    case list_to_integer(erlang:system_info(otp_release)) of
        Release when Release < 26 ->
            receive
                {'EXIT', _, Reason} -> ?assertEqual({error, port_init_failed}, Reason)
            after 30000 -> ct:fail(no_exit)
            end;
        _ ->
            ?assertEqual({messages, []}, process_info(self(), messages))
    end.

start_fails_when_the_folder_of_the_fifo_is_missing(_Config) ->
    Missing = {ctldir, "/no/such/folder"},
    ?assertEqual(
        {error, {error, port_init_failed}},
        alcove_drv:start(alcove_ct:options([Missing, {ctl, fifo}]))
    ),
    % a socket needs none
    alcove_ct:stop(alcove_ct:start([Missing])).

start_fails_with_too_many_children(_Config) ->
    [
        ?assertEqual(
            {N, {error, {error, port_init_failed}}},
            {N, alcove_drv:start(alcove_ct:options([{maxchild, N}]))}
        )
     || N <- [65535, -1]
    ],
    Drv = alcove_ct:start([{maxchild, 0}]),
    ?assertEqual({error, eagain}, alcove:fork(Drv, [])),
    alcove_ct:stop(Drv).

start_fails_for_a_program_inside_a_tree(_Config) ->
    % it finds no signal pipe, or makes no fifo
    ?assertMatch({error, _}, alcove_drv:start(alcove_ct:options([{depth, 1}]))).

start_fails_when_the_program_is_silent(Config) ->
    Program = alcove_ct:script(Config, "silent", "mkfifo \"$2\"; exec cat > /dev/null\n"),
    ?assertEqual(
        {error, {handshake, timeout}},
        alcove_drv:start(
            [{progname, Program}, {ctl, fifo}, {ctldir, dir(Config)}, {start_timeout, 500}]
        )
    ).

start_fails_when_the_program_prints_text(Config) ->
    Program = alcove_ct:script(Config, "text", "echo What is this; exec cat > /dev/null\n"),
    ?assertMatch(
        {error, {handshake, <<"What", _/binary>>}},
        alcove_drv:start([{progname, Program}, {ctl, fifo}, {ctldir, dir(Config)}])
    ).

start_fails_when_the_fifo_is_not_removed(Config) ->
    Program = fake(Config, "refuse", [ready(), take_frame(), put(reply({error, eperm}))]),
    ?assertEqual(
        {error, {unlink, {error, eperm}}},
        alcove_drv:start([{progname, Program}, {ctl, fifo}, {ctldir, dir(Config)}])
    ).

%% The port runs as root and its fifo is for root only; the VM is that of another user.
start_fails_when_the_fifo_cannot_be_read(Config) ->
    alcove_os:needs(Config, [cap_setuid, cap_chown], fun() -> start_as_nobody(Config) end).

start_as_nobody(Config) ->
    Dir = filename:join("/tmp", "alcove_setuid." ++ os:getpid()),
    Program = filename:join(Dir, "alcove"),
    Beams = filename:join(Dir, "ebin"),
    From = filename:dirname(code:which(alcove_drv)),
    Eval = lists:flatten(
        io_lib:format(
            "logger:set_primary_config(level, none),"
            "io:format(\"~~p\", [[alcove_drv:start([{progname, ~p}, {ctldir, ~p} | Options])"
            " || Options <- [[], [{ctl, fifo}]]]]), halt().",
            [Program, Dir]
        )
    ),
    Script = alcove_ct:script(Config, "as_nobody", [
        "set -e\n",
        "mkdir -m 777 ",
        [Dir, " ", Beams, "\n"],
        ["cp ", alcove_ct:quoted(alcove_drv:progname()), " ", Program, "\n"],
        ["cp ", alcove_ct:quoted(From), "/*.beam ", Beams, "\n"],
        ["chmod 755 ", Beams, "\nchmod 4755 ", Program, "\n"],
        ["cd ", Dir, "\numask 077\n"],
        ["setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=", Dir, " "],
        ["erl -noshell -pa ", Beams, " -eval '", Eval, "'\n"]
    ]),
    As = [[Word, " "] || {exec, Word} <- alcove_ct:options([])],
    Printed = os:cmd([As, alcove_ct:quoted(Script)]),
    _ = os:cmd([As, "rm -r ", Dir]),
    ?assertMatch({match, _}, re:run(Printed, "^\\[{ok,<.*>},{error,{fdctl,eacces}}\\]$")).

start_stops_with_its_parent(Config) ->
    Program = alcove_ct:script(Config, "waits", "echo $$ > \"$2.pid\"; exec cat > /dev/null\n"),
    Fifo = filename:join(dir(Config), "named"),
    Options = [{progname, Program}, {fdctl, Fifo}],
    Parent = spawn(fun() -> alcove_drv:start_link(Options) end),
    alcove_ct:until(fun() -> filelib:file_size(Fifo ++ ".pid") > 1 end),
    {ok, Text} = file:read_file(Fifo ++ ".pid"),
    Pid = binary_to_integer(string:trim(Text)),
    exit(Parent, kill),
    alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end).

start_takes_replies_in_pieces(Config) ->
    Program = fake(Config, "pieces", [
        slowly(reply(ok)),
        take_frame(),
        [remove(), slowly(reply(ok))],
        take_frame(),
        put(reply(7))
    ]),
    {ok, Drv} = alcove_drv:start_link([{progname, Program}, {ctl, fifo}, {ctldir, dir(Config)}]),
    ?assertEqual(7, alcove:getpid(Drv, [])),
    alcove_ct:stop(Drv).

start_takes_replies_with_more_behind_them(Config) ->
    Event = event({signal, sigusr1, <<0:1024>>}),
    Program = fake(Config, "more", [
        put([reply(ok), Event]),
        take_frame(),
        [remove(), put([Event, reply(ok), Event, binary:part(Event, 0, 10)])],
        take_frame(),
        put([binary:part(Event, 10, byte_size(Event) - 10), reply(7)])
    ]),
    {ok, Drv} = alcove_drv:start_link([{progname, Program}, {ctl, fifo}, {ctldir, dir(Config)}]),
    ?assertEqual(7, alcove:getpid(Drv, [])),
    [
        ?assertEqual({signal, sigusr1, <<0:1024>>}, alcove:event(Drv, []))
     || _ <- lists:seq(1, 4)
    ],
    ?assertEqual({messages, []}, process_info(self(), messages)),
    alcove_ct:stop(Drv).

%% Whatever it is, it is not removed.
start_fails_when_the_fifo_exists(Config) ->
    Fifo = filename:join(dir(Config), "precious"),
    ok = file:write_file(Fifo, "data"),
    ?assertEqual({error, {fdctl, eexist}}, alcove_drv:start([{fdctl, Fifo}])),
    ?assertEqual({ok, <<"data">>}, file:read_file(Fifo)).

fifo_may_be_named(Config) ->
    Fifo = filename:join(dir(Config), "named.fdctl"),
    Drv = alcove_ct:start([{fdctl, Fifo}]),
    ?assertNot(filelib:is_file(Fifo)),
    ?assertEqual(<<"1.0.1">>, alcove:version(Drv, [])),
    alcove_ct:stop(Drv).

%% Each held a thread of the VM that files need, and there are ten.
many_drivers_leave_files_to_others(Config) ->
    Path = filename:join(dir(Config), "file"),
    ok = file:write_file(Path, "text"),
    Drvs = [alcove_ct:start() || _ <- lists:seq(1, 20)],
    ?assertEqual({ok, <<"text">>}, file:read_file(Path)),
    ?assertEqual([<<"1.0.1">>], lists:usort([alcove:version(Drv, []) || Drv <- Drvs])),
    [alcove_ct:stop(Drv) || Drv <- Drvs].

drivers_leave_no_descriptors(_Config) ->
    alcove_ct:stop(alcove_ct:start()),
    Before = own_descriptors(),
    [alcove_ct:stop(alcove_ct:start()) || _ <- lists:seq(1, 10)],
    alcove_ct:until(fun() -> own_descriptors() =:= Before end).

own_descriptors() ->
    length(alcove_ct:descriptors(list_to_integer(os:getpid()))).

%% In their namespaces both have a child with the pid 2.
drivers_with_equal_pids_do_not_mix(_Config) ->
    Trees = [
        begin
            Drv = alcove_ct:start(),
            {ok, Init} = alcove_os:unshared(Drv, [clone_newpid]),
            {ok, 2} = alcove:fork(Drv, [Init]),
            ok = alcove:execvp(Drv, [Init, 2], "sh", ["sh", "-c", ["echo ", Name, "; cat"]]),
            {Drv, [Init, 2], Name}
        end
     || Name <- ["a", "b"]
    ],
    [
        ?assertEqual(list_to_binary([Name, "\n"]), alcove_ct:output(Drv, Pids, 2))
     || {Drv, Pids, Name} <- lists:reverse(Trees)
    ],
    [alcove_ct:stop(Drv) || {Drv, _, _} <- Trees].

%%
%% Owner and end
%%

others_than_the_owner_may_send_data_and_stop(_Config) ->
    Drv = alcove_ct:start(),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:execvp(Drv, [Pid], "cat", ["cat"]),
    elsewhere(fun() ->
        ?assertEqual({error, not_owner}, alcove:getpid(Drv, [])),
        ?assertEqual({error, not_owner}, alcove:execvp(Drv, [], "true", ["true"])),
        ?assertEqual({error, not_owner}, alcove_drv:raw(Drv)),
        ?assertEqual({error, not_owner}, alcove_drv:port(Drv)),
        ?assertEqual({error, not_owner}, gen_server:call(Drv, {send, <<>>})),
        ?assertEqual({error, not_owner}, gen_server:call(Drv, unknown)),
        ?assertError({try_clause, {error, not_owner}}, alcove:define(Drv, [], clone_newns)),
        ?assertError(badarg, alcove:eof(Drv, [Pid])),
        ok = alcove:stdin(Drv, [Pid], "from elsewhere\n")
    end),
    ?assertEqual(<<"from elsewhere\n">>, alcove_ct:output(Drv, [Pid], 15)),
    elsewhere(fun() -> ok = alcove_drv:stop(Drv) end),
    ?assertEqual(normal, ended(Drv)).

%% Runs a function in another process and fails as it does.
elsewhere(Fun) ->
    {Pid, Ref} = spawn_monitor(Fun),
    receive
        {'DOWN', Ref, process, Pid, Reason} -> ?assertEqual(normal, Reason)
    after 30000 -> ct:fail(elsewhere)
    end.

ended(Drv) ->
    receive
        {'EXIT', Drv, Reason} -> Reason
    after 30000 -> ct:fail({still_running, Drv})
    end.

owner_may_be_another_process(_Config) ->
    Test = self(),
    Owner = spawn_link(fun() ->
        receive
            Drv -> Test ! {version, alcove:version(Drv, [])}
        end
    end),
    {ok, Drv} = alcove_drv:start_link(Owner, alcove_ct:options([])),
    ?assertEqual({error, not_owner}, alcove:version(Drv, [])),
    Owner ! Drv,
    receive
        {version, Version} -> ?assertEqual(<<"1.0.1">>, Version)
    after 30000 -> ct:fail(no_version)
    end,
    alcove_ct:stop(Drv).

driver_outlives_an_owner_that_is_not_linked(_Config) ->
    Drv = of_a_dead_owner(fun() -> alcove_drv:start(alcove_ct:options([])) end),
    ?assertEqual({error, not_owner}, alcove:version(Drv, [])),
    ok = alcove_drv:stop(Drv).

driver_ends_with_an_owner_that_it_monitors(_Config) ->
    Options = alcove_ct:options([{monitor_owner, true}]),
    Drv = of_a_dead_owner(fun() -> alcove_drv:start(Options) end),
    Ref = monitor(process, Drv),
    receive
        {'DOWN', Ref, process, Drv, Reason} ->
            ?assert(lists:member(Reason, [noproc, {shutdown, normal}]), Reason)
    after 30000 -> ct:fail(still_running)
    end.

driver_ends_with_its_parent(_Config) ->
    Drv = of_a_dead_owner(fun() -> alcove_drv:start_link(alcove_ct:options([])) end),
    Ref = monitor(process, Drv),
    receive
        {'DOWN', Ref, process, Drv, Reason} ->
            ?assert(lists:member(Reason, [noproc, normal]), Reason)
    after 30000 -> ct:fail(still_running)
    end.

of_a_dead_owner(Start) ->
    Test = self(),
    elsewhere(fun() ->
        {ok, Drv} = Start(),
        Test ! {started, Drv}
    end),
    receive
        {started, Drv} -> Drv
    end.

call_ends_when_the_port_is_killed(_Config) ->
    lists:foreach(
        fun(Depth) ->
            Drv = alcove_ct:unlinked([]),
            Pids = alcove_ct:chain(Drv, Depth),
            kill_soon(alcove:getpid(Drv, [])),
            ?assertExit(
                {{shutdown, normal}, {gen_server, call, [Drv, {send, _}, infinity]}},
                alcove:select(Drv, Pids, [], [], [], [])
            ),
            ?assertEqual(fdctl_closed, alcove_ct:message(Drv, [], alcove_ctl)),
            % one below the port does not look up from its call, if that has reached it
            [os:cmd("kill -9 " ++ integer_to_list(lists:last(Pids))) || Pids =/= []]
        end,
        [0, 1, 3]
    ).

call_ends_when_the_port_becomes_a_program(_Config) ->
    Drv = alcove_ct:start(),
    {ok, Pid} = alcove:fork(Drv, []),
    % it answers nothing, and ends with its input
    Exec = alcove_codec:call(execvp, [], ["sh", ["sh", "-c", "exec cat > /dev/null"]]),
    ok = gen_server:call(Drv, {send, Exec}, infinity),
    ?assertError(badpid, alcove:select(Drv, [Pid], [], [], [], [])),
    ?assertEqual(fdctl_closed, alcove_ct:message(Drv, [], alcove_ctl)),
    alcove_ct:stop(Drv).

kill_soon(Pid) ->
    spawn_link(fun() -> kill(Pid) end).

kill(Pid) ->
    ?assertEqual("", os:cmd("kill -9 " ++ integer_to_list(Pid))).

%% The port is still in its call.
call_ends_when_the_driver_is_stopped(_Config) ->
    Drv = alcove_ct:unlinked([]),
    Port = alcove:getpid(Drv, []),
    spawn_link(fun() -> alcove_drv:stop(Drv) end),
    ?assertMatch(
        {Reason, {gen_server, call, [Drv, {send, _}, infinity]}} when
            Reason =:= normal; Reason =:= noproc,
        try
            alcove:select(Drv, [], [], [], [], [])
        catch
            exit:Exit -> Exit
        end
    ),
    alcove_ct:until(fun() -> not alcove_ct:is_running(Port) end).

call_to_a_dead_driver_exits(_Config) ->
    Drv = alcove_ct:unlinked([]),
    ok = alcove_drv:stop(Drv),
    ?assertExit(
        {noproc, {gen_server, call, [Drv, {send, getpid}, infinity]}},
        alcove:getpid(Drv, [])
    ),
    ?assertEqual(ok, alcove:stdin(Drv, [], "data")).

call_of_the_driver_itself_exits(_Config) ->
    Drv = alcove_ct:start(),
    Test = self(),
    Ask = fun(State) ->
        Test !
            {exits,
                try
                    alcove:getpid(Drv, [])
                catch
                    exit:Reason -> Reason
                end},
        State
    end,
    _ = sys:replace_state(Drv, Ask),
    receive
        {exits, Reason} ->
            Call = {gen_server, call, [Drv, {send, getpid}, infinity]},
            ?assertEqual({calling_self, Call}, Reason)
    end,
    alcove_ct:stop(Drv).

%% Neither the state, the messages that wait, the reason, nor the status of a driver.
reports_hold_no_bytes_of_calls(Config) ->
    Secret = <<"correct horse battery staple">>,
    Drv = fake_driver(Config, "report", put("not a frame")),
    {Exit, Events} = alcove_ct:logged(fun() ->
        spawn_link(fun() ->
            alcove_ct:until(fun() ->
                process_info(Drv, current_function) =/= {current_function, {gen_server, loop, 7}}
            end),
            [alcove:stdin(Drv, [], Secret) || _ <- lists:seq(1, 10)]
        end),
        try
            alcove:setenv(Drv, [], "PASSWORD", Secret, 1)
        catch
            exit:Reason -> {Reason, ended(Drv)}
        end
    end),
    ?assertMatch(
        {{{bad_frame, _}, {gen_server, call, [Drv, {send, setenv}, infinity]}}, {bad_frame, _}},
        Exit
    ),
    Reports = [Event || #{meta := #{pid := Pid}} = Event <- Events, Pid =:= Drv],
    ?assertMatch([_ | _], Reports),
    ?assertEqual(nomatch, binary:match(term_to_binary([Exit | Reports]), Secret)),
    Other = alcove_ct:start(),
    {ok, FD} = alcove:open(Other, [], "/dev/zero", [o_rdonly], 0),
    {ok, <<0:256>>} = alcove:read(Other, [], FD, 32),
    Status = term_to_binary(sys:get_status(Other)),
    ?assertEqual(nomatch, binary:match(Status, <<0:256>>)),
    alcove_ct:stop(Other).

%% By itself, not by the driver that ends with it.
owner_that_crashes_is_reported_once(_Config) ->
    Test = self(),
    {Drv, Events} = alcove_ct:logged(fun() ->
        {Owner, Ref} = spawn_monitor(fun() ->
            Test ! {started, alcove_ct:start()},
            receive
                crash -> error(crashed)
            end
        end),
        Drv =
            receive
                {started, Started} -> Started;
                {'DOWN', Ref, process, Owner, Why} -> ct:fail(Why)
            end,
        DrvRef = monitor(process, Drv),
        Owner ! crash,
        receive
            {'DOWN', Ref, process, Owner, {crashed, _} = Reason} ->
                receive
                    {'DOWN', DrvRef, process, Drv, Same} -> ?assertEqual(Reason, Same)
                end
        end,
        Drv
    end),
    ?assertEqual([], [Event || #{meta := #{pid := Pid}} = Event <- Events, Pid =:= Drv]).

%% A process that executes the code of a module is killed when that is loaded twice and purged.
new_code_ends_nobody_who_waits(_Config) ->
    Test = self(),
    Waits = [
        fun(Drv, Pid) ->
            alcove_ct:raised(fun() -> alcove:select(Drv, [Pid], [], [], [], []) end)
        end,
        fun(Drv, Pid) -> alcove:event(Drv, [Pid], infinity) end,
        fun(Drv, Pid) -> alcove:event(Drv, [Pid], 60000) end,
        fun(Drv, Pid) -> alcove_ct:raised(fun() -> alcove:stdout(Drv, [Pid], infinity) end) end,
        fun(Drv, Pid) ->
            self() ! {alcove_stdout, Drv, [Pid], <<"output">>},
            alcove:stdout(Drv, [Pid], infinity)
        end
    ],
    Processes = [
        spawn_monitor(fun() ->
            Drv = alcove_ct:start(),
            true = alcove:setopt(Drv, [], stdout_closed, 1),
            {ok, Pid} = alcove:fork(Drv, []),
            Test ! {self(), Drv, Pid},
            Wait(Drv, Pid),
            alcove_ct:stop(Drv)
        end)
     || Wait <- Waits
    ],
    Children = [
        receive
            {Process, Drv, Pid} -> {Drv, Pid};
            {'DOWN', Ref, process, Process, Why} -> ct:fail(Why)
        end
     || {Process, Ref} <- Processes
    ],
    [alcove_ct:until(fun() -> is_waiting(Process) end) || {Process, _} <- Processes],
    [load_and_purge(Module) || Module <- modules(), _ <- [first, second]],
    [?assertEqual(true, is_process_alive(Process)) || {Process, _} <- Processes],
    [kill(Pid) || {_, Pid} <- Children],
    [
        begin
            receive
                {'DOWN', Ref, process, Process, Reason} -> ?assertEqual(normal, Reason)
            after 30000 -> ct:fail(process_info(Process))
            end,
            ?assertNot(is_process_alive(Drv))
        end
     || {{Process, Ref}, {Drv, _}} <- lists:zip(Processes, Children)
    ].

is_waiting(Process) ->
    process_info(Process, [status, message_queue_len]) =:= [
        {status, waiting}, {message_queue_len, 0}
    ].

%% Another suite may have left code that nobody runs.
load_and_purge(Module) ->
    true = code:soft_purge(Module),
    {module, Module} = code:load_file(Module),
    code:purge(Module).

%% All modules but the one in which owners wait, which has no reason to change.
modules() ->
    _ = application:load(alcove),
    {ok, Modules} = application:get_key(alcove, modules),
    ?assert(lists:member(alcove_drv, Modules)),
    Modules -- [alcove_owner].

%% As an upgrade does it: without force.
new_code_under_load_loses_no_caller(_Config) ->
    Callers = [
        spawn_monitor(fun() ->
            Drv = alcove_ct:start(),
            {ok, Pid} = alcove:fork(Drv, []),
            [Pid = alcove:getpid(Drv, [Pid]) || _ <- lists:seq(1, 2000)],
            alcove_ct:stop(Drv)
        end)
     || _ <- lists:seq(1, 4)
    ],
    Upgrade = fun Upgrade() ->
        [
            begin
                alcove_ct:until(fun() -> code:soft_purge(Module) end),
                {module, Module} = code:load_file(Module)
            end
         || Module <- modules()
        ],
        lists:any(fun({Caller, _}) -> is_process_alive(Caller) end, Callers) andalso Upgrade()
    end,
    Upgrade(),
    [
        receive
            {'DOWN', Ref, process, Caller, Reason} -> ?assertEqual(normal, Reason)
        end
     || {Caller, Ref} <- Callers
    ].

reading_ends_when_the_driver_is_gone(_Config) ->
    Drv = alcove_ct:unlinked([]),
    spawn_link(fun() -> alcove_drv:stop(Drv) end),
    ?assertEqual(false, alcove:event(Drv, [1], infinity)),
    self() ! {alcove_stdout, Drv, [1], <<"last words">>},
    ?assertEqual([<<"last words">>], alcove:stdout(Drv, [1], infinity)),
    ?assertEqual([], alcove:stderr(Drv, [1], infinity)).

stop_is_always_ok(_Config) ->
    Drv = alcove_ct:unlinked([]),
    ?assertEqual([ok, ok, ok], [alcove_drv:stop(Process) || Process <- [Drv, Drv, no_process]]).

tree_ends_with_the_driver(_Config) ->
    Drv = alcove_ct:unlinked([]),
    Pids = alcove_ct:chain(Drv, 3),
    {ok, Sleep} = alcove:fork(Drv, Pids),
    ok = alcove:execvp(Drv, Pids ++ [Sleep], "sleep", ["sleep", "1000"]),
    Tree = [alcove:getpid(Drv, []), Sleep | Pids],
    ok = alcove_drv:stop(Drv),
    [alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end) || Pid <- Tree].

exit_of_the_port_is_always_seen(_Config) ->
    [
        begin
            Drv = alcove_ct:start(),
            ?assertEqual(ok, alcove:exit(Drv, [], Status)),
            ?assertEqual({shutdown, normal}, ended(Drv))
        end
     || _ <- lists:seq(1, 25), Status <- [0, 9]
    ],
    ?assertEqual({messages, []}, process_info(self(), messages)).

end_of_the_port_is_reported_once(_Config) ->
    Drv = alcove_ct:start(),
    kill_soon(alcove:getpid(Drv, [])),
    ?assertEqual({shutdown, normal}, ended(Drv)),
    ?assertEqual(fdctl_closed, alcove_ct:message(Drv, [], alcove_ctl)),
    ?assertEqual(false, alcove:event(Drv, [])).

unknown_requests_do_no_harm(_Config) ->
    Drv = alcove_ct:start(),
    ?assertEqual({error, enotsup}, gen_server:call(Drv, unknown)),
    ok = gen_server:cast(Drv, unknown),
    Drv ! unknown,
    ?assertEqual(<<"1.0.1">>, alcove:version(Drv, [])),
    alcove_ct:stop(Drv).

%% Others send frames themselves and see the replies.
calls_of_another_library_are_messages(_Config) ->
    Drv = alcove_ct:start(),
    Send = fun(Name, Pids, Args) ->
        ok = gen_server:call(Drv, {send, alcove_codec:call(Name, Pids, Args)}, infinity)
    end,
    Send(version, [], []),
    ?assertEqual(<<"1.0.1">>, alcove_ct:message(Drv, [], alcove_call)),
    Send(getpid, [], [one, too, many]),
    ?assertEqual(badarg, alcove_ct:message(Drv, [], alcove_call)),
    Send(pledge, [], [[], []]),
    ?assertEqual(undef, alcove_ct:message(Drv, [], alcove_call)),
    Send(getpid, [1, 2], []),
    ?assertEqual(badpid, alcove_ct:message(Drv, [1], alcove_ctl)),
    {ok, Pid} = alcove:fork(Drv, []),
    Send(execvp, [Pid], ["true", ["true"]]),
    ?assertEqual(fdctl_closed, alcove_ct:message(Drv, [Pid], alcove_ctl)),
    ?assertEqual({exit_status, 0}, alcove_ct:message(Drv, [Pid], alcove_event)),
    Send(exit, [], [0]),
    ?assertEqual(fdctl_closed, alcove_ct:message(Drv, [], alcove_ctl)),
    ?assertEqual({shutdown, normal}, ended(Drv)).

frames_that_are_too_long_are_refused(_Config) ->
    Drv = alcove_ct:start(),
    Long = alcove_codec:call(iolist_to_bin, [], [binary:copy(<<1>>, 70000)]),
    ?assertEqual({alcove_error, badarg}, gen_server:call(Drv, {send, Long}, infinity)),
    ok = gen_server:cast(Drv, {send, Long}),
    Many = [alcove_codec:call(getpid, [], []) || _ <- lists:seq(1, 10000)],
    ok = gen_server:call(Drv, {send, Many}, infinity),
    Pids = [alcove_ct:message(Drv, [], alcove_call) || _ <- Many],
    ?assertEqual([alcove:getpid(Drv, [])], lists:usort(Pids)),
    alcove_ct:stop(Drv).

stop_does_not_wait_for_a_port_that_does_not_read(_Config) ->
    Drv = alcove_ct:start(),
    Pid = alcove:getpid(Drv, []),
    ok = stop_process(Pid),
    [ok = alcove:stdin(Drv, [1], <<0:(65000 * 8)>>) || _ <- lists:seq(1, 20)],
    ?assertError(timeout, alcove:getpid(Drv, [], 10)),
    unlink(Drv),
    Ref = monitor(process, Drv),
    ok = gen_server:call(Drv, stop, infinity),
    receive
        {'DOWN', Ref, process, Drv, Reason} -> ?assertEqual(normal, Reason)
    after 30000 -> ct:fail(still_running)
    end,
    kill_soon(Pid),
    alcove_ct:until(fun() -> not alcove_ct:is_running(Pid) end).

stop_process(Pid) ->
    [] = os:cmd("kill -STOP " ++ integer_to_list(Pid)),
    ok.

%%
%% Other port programs
%%

frames_may_come_byte_by_byte(Config) ->
    Program = fake(Config, "slow", [
        ready(),
        take_frame(),
        [remove(), put(reply(ok))],
        take_frame(),
        slowly([proxy(7, event({exit_status, 1})), reply({ok, <<"slow">>})])
    ]),
    {ok, Drv} = alcove_drv:start_link([{progname, Program}, {ctl, fifo}, {ctldir, dir(Config)}]),
    ?assertEqual({ok, <<"slow">>}, alcove:getcwd(Drv, [])),
    ?assertEqual({exit_status, 1}, alcove:event(Drv, [7])),
    alcove_ct:stop(Drv).

frames_may_come_all_at_once(Config) ->
    Events = [proxy(7, event({exit_status, N})) || N <- lists:seq(0, 255)],
    Drv = fake_driver(Config, "burst", put([Events, reply(done)])),
    ?assertEqual(done, alcove:getpid(Drv, [])),
    ?assertEqual(
        [{exit_status, N} || N <- lists:seq(0, 255)],
        [alcove:event(Drv, [7]) || _ <- lists:seq(0, 255)]
    ),
    alcove_ct:stop(Drv).

%% The VM reads 64 KiB at a time, and frames of that size begin and end anywhere in what it reads.
output_holds_no_memory_but_its_own(_Config) ->
    {ok, Drv} = alcove_drv:start_link(),
    {ok, Pid} = alcove:fork(Drv, []),
    Size = 8 bsl 20,
    ok = alcove:execvp(Drv, [Pid], "head", ["head", "-c", integer_to_list(Size), "/dev/zero"]),
    {exit_status, 0} = alcove:event(Drv, [Pid], 60000),
    Output = taken(Drv, [Pid]),
    ?assertEqual(Size, iolist_size(Output)),
    ?assertEqual([], [
        Held
     || Bytes <- Output, Held <- [binary:referenced_byte_size(Bytes)], Held > 2 + 16#ffff
    ]),
    alcove_ct:stop(Drv).

taken(Drv, Pids) ->
    case alcove_drv:stdout(Drv, Pids, 0) of
        false -> [];
        Bytes -> [Bytes | taken(Drv, Pids)]
    end.

nonsense_of_a_child_is_dropped(Config) ->
    Frames = [
        proxy(7, <<0, 0>>),
        proxy(7, <<0, 2, 0, 99>>),
        proxy(7, <<0, 9, 0, 4>>),
        proxy(7, frame(5, <<"no term">>)),
        proxy(7, frame(6, <<131, 119, 9, "nice atom">>)),
        reply(fine)
    ],
    Drv = fake_driver(Config, "nonsense", put(Frames)),
    ?assertEqual(fine, alcove:getpid(Drv, [])),
    ?assertEqual({messages, []}, process_info(self(), messages)),
    alcove_ct:stop(Drv).

reply_with_unknown_atoms_is_an_error(Config) ->
    Reply = frame(4, <<131, 119, 16, "never made up so">>),
    Drv = fake_driver(Config, "atoms", put([proxy(7, Reply), Reply])),
    ?assertEqual({error, ebadmsg}, alcove:getpid(Drv, [])),
    ?assertEqual({error, ebadmsg}, alcove_ct:message(Drv, [7], alcove_call)),
    ?assertError(badarg, binary_to_existing_atom(list_to_binary(["never made", " up so"]))),
    alcove_ct:stop(Drv).

nonsense_of_the_port_ends_the_driver(Config) ->
    Drv = fake_driver(Config, "text", put("not a frame")),
    ?assertExit(
        {{bad_frame, <<"not a frame">>}, {gen_server, call, _}},
        alcove:getpid(Drv, [])
    ),
    ?assertEqual({bad_frame, <<"not a frame">>}, ended(Drv)).

output_that_overtakes_the_end_of_the_fifo_is_kept(Config) ->
    Drv = fake_driver(Config, "overtakes", [
        [put("a program writes this"), "; sleep 0.2; exec 5>&-; ", put(" and this")]
    ]),
    ?assertEqual(ok, alcove:execvp(Drv, [], "program", [])),
    ?assertEqual(<<"a program writes this and this">>, alcove_ct:output(Drv, [], 30)),
    alcove_ct:stop(Drv).

rest_of_a_frame_is_output_in_raw_mode(Config) ->
    Rest = put([reply(1), <<0, 9, 0, 4, "12">>]),
    Drv = fake_driver(Config, "rest", [Rest, "\n", take_frame(), "\n", put("more")]),
    ?assertEqual(1, alcove:getpid(Drv, [])),
    alcove_ct:until(fun() -> process_info(Drv, message_queue_len) =:= {message_queue_len, 0} end),
    ok = alcove_drv:raw(Drv),
    ?assertEqual(<<0, 9, 0, 4, "12">>, alcove_ct:output(Drv, [], 6)),
    ok = alcove:stdin(Drv, [], alcove_codec:call(getpid, [], [])),
    ?assertEqual(<<"more">>, alcove_ct:message(Drv, [], alcove_stdout)),
    alcove_ct:stop(Drv).

%%
%% A port program in shell: a list of what it does
%%

fake(Config, Name, Actions) ->
    alcove_ct:script(Config, Name, [
        "export LC_ALL=C\nfifo=$2\nmkfifo \"$fifo\"\nexec 5<>\"$fifo\"\n",
        [[Action, "\n"] || Action <- Actions],
        "exec cat > /dev/null\n"
    ]).

%% A driver of a port that does something when it gets the first call.
fake_driver(Config, Name, Action) ->
    Program = fake(Config, Name, [
        ready(),
        take_frame(),
        [remove(), put(reply(ok))],
        take_frame(),
        Action
    ]),
    {ok, Drv} = alcove_drv:start_link([{progname, Program}, {ctl, fifo}, {ctldir, dir(Config)}]),
    Drv.

ready() -> put(reply(ok)).

remove() -> "rm \"$fifo\"; ".

%% One frame, which is thrown away.
take_frame() ->
    "n=$(dd bs=1 count=2 2>/dev/null | od -An -tu1 | awk '{print $1 * 256 + $2}')\n"
    "dd bs=1 count=$n 2>/dev/null >/dev/null".

put(Bytes) ->
    ["printf '", escaped(Bytes), "'"].

slowly(Bytes) ->
    [
        [put(<<Byte>>), "; sleep 0.02; "]
     || <<Byte>> <= iolist_to_binary(Bytes)
    ].

escaped(Bytes) ->
    [io_lib:format("\\~3.8.0b", [Byte]) || <<Byte>> <= iolist_to_binary(Bytes)].

frame(Type, Bytes) -> <<(2 + byte_size(Bytes)):16, Type:16, Bytes/binary>>.

reply(Term) -> frame(4, term_to_binary(Term)).

event(Term) -> frame(5, term_to_binary(Term)).

proxy(Pid, Frame) -> frame(3, <<Pid:32, Frame/binary>>).
