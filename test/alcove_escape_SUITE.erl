%% SPDX-License-Identifier: ISC

%% Programs that try to get out of a sandbox, each in all ways that testdata/escape.c knows. Then
%% the attack is made where nothing holds it, and succeeds: else the case would show nothing.
-module(alcove_escape_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export(
    [all/0, suite/0, groups/0, init_per_suite/1, end_per_suite/1, init_per_group/2, end_per_group/2]
).
-export([
    files_of_the_machine_are_out_of_reach/1,
    descriptors_lead_nowhere/1,
    handles_open_no_files/1,
    submounts_are_not_writable/1,
    links_do_not_lead_the_next_mount_out/1,
    proc_shows_nothing_of_the_machine/1,
    proc_stays_as_it_is_in_a_user_namespace/1,
    processes_are_not_looked_into/1,
    processes_are_not_traced/1,
    processes_are_not_killed/1,
    signals_do_not_disturb_process_1/1,
    process_1_is_not_starved_for_others/1,
    devices_are_not_made/1,
    nodes_in_a_view_are_no_devices/1,
    terminals_take_no_input/1,
    network_is_out_of_reach/1,
    sockets_with_names_are_out_of_reach/1,
    communication_is_its_own/1,
    namespaces_are_not_made/1,
    mounts_do_not_change/1,
    chroot_leads_nowhere/1,
    setuid_programs_give_nothing/1,
    files_give_no_rights_outside/1,
    capabilities_are_not_had/1,
    groups_are_left/1,
    clocks_are_not_set/1,
    host_name_is_its_own/1,
    keyrings_are_its_own/1,
    priorities_do_not_rise/1,
    control_groups_are_not_written/1,
    control_group_of_the_port_is_not_its_own/1,
    limits_are_not_its_own/1,
    user_namespaces_are_not_for_users_of_the_machine/1,
    calls_of_the_kernel_are_denied/1,
    calls_of_another_machine_are_denied/1,
    programs_run_below_the_default_filter/1,
    process_begins_clean/1,
    fork_bomb_is_limited_and_ends/1,
    memory_in_files_is_limited/1,
    temporary_files_are_limited/1,
    output_is_limited/1,
    process_that_is_killed_is_a_status_or_an_error/1,
    vm_that_is_killed_leaves_nothing/1,
    many_runs_leave_nothing/1
]).

%% 32 and 33: who starts a program by posix_spawn(3), as make does, leaves them ignored.
-define(SIGNALS_OF_LIBC, (3 bsl 31)).

%% How the program tells what became of an attack.
-define(GOT, {exit, 0}).
-define(HELD, {exit, 10}).

-define(TIMEOUT, 60000).

all() ->
    [{group, root}, {group, user}, {group, root_in_user_namespace}].

suite() ->
    [{timetrap, {minutes, 5}}].

groups() ->
    [{Group, [], alcove_os:cases(?MODULE)} || {group, Group} <- all()].

init_per_suite(Config) ->
    Dir = "/tmp/escape." ++ os:getpid() ++ "." ++ integer_to_list(
        erlang:unique_integer([positive])
    ),
    ok = file:make_dir(Dir),
    ok = file:write_file(filename:join(Dir, "secret"), "the secret of " ++ Dir),
    Source = filename:join(filename:dirname(code:which(?MODULE)), "testdata/escape.c"),
    ok = compiled(Source, filename:join(Dir, "escape"), ["-static", ""]),
    ok = file:write_file(filename:join(Dir, "proof"), ""),
    ok = file:change_mode(filename:join(Dir, "proof"), 8#666),
    [{dir, Dir} | Config].

%% A static program needs no view but its own.
compiled(Source, Program, [Static | Others]) ->
    case os:cmd(
        lists:join(
            " ",
            ["gcc -w -O1", Static, "-o", Program, alcove_ct:quoted(Source), "-lutil -lrt"]
        )
    ) of
        "" -> ok;
        Output when Others =:= [] -> {error, Output};
        _ -> compiled(Source, Program, Others)
    end.

end_per_suite(Config) ->
    Dir = proplists:get_value(dir, Config),
    ok = file:del_dir_r(Dir).

init_per_group(root, Config) ->
    alcove_os:needs(Config, [cap_sys_admin, cap_setuid], fun() -> init_group(root, Config) end);
init_per_group(root_in_user_namespace, Config) ->
    alcove_os:needs(Config, [cap_sys_admin, cap_setuid], fun() ->
        init_group(root_in_user_namespace, [{spec, #{privileges => user_namespace}} | Config])
    end);
init_per_group(user, Config) ->
    init_group(user, Config).

init_group(Group, Config) ->
    Exec = exec(Group),
    case alcove_sandbox:prepare(proplists:get_value(spec, Config, #{}), [{exec, Exec}]) of
        {ok, Sandbox} ->
            ok = alcove_sandbox:close(Sandbox),
            [{exec, Exec}, {rights, Group} | Config];
        {error, Reason} ->
            {skip, {no_sandbox, Group, Reason}}
    end.

end_per_group(_Group, _Config) ->
    ok.

exec(Root) when Root =:= root; Root =:= root_in_user_namespace -> alcove_ct:exec();
exec(user) -> user(os:cmd("id -u")).

user("0\n") -> "setpriv --reuid 1234 --regid 1234 --clear-groups";
user(_) -> "".

%%
%% Files
%%

files_of_the_machine_are_out_of_reach(Config) ->
    Secret = path("secret", Config),
    held(["read_file", Secret], #{}, Config),
    held(
        ["read_file", Secret],
        #{root => {directory, directory(Config)}, tmp => none},
        "/escape",
        Config
    ),
    Read = got(["read_file", Secret], #{root => host, tmp => none}, escape(Config), Config),
    ?assertNotEqual(nomatch, string:find(Read, "the secret of")),
    % a file that can be read is not written to
    Proof = path("proof", Config),
    held(["write_file", Proof], #{root => host, tmp => none}, escape(Config), Config),
    held(["write_file", "/attack/proof"], #{}, Config),
    ?assertEqual({ok, <<>>}, file:read_file(Proof)),
    got(
        ["write_file", "/rw/proof"],
        #{root => views([{dir(Config), "/rw", [rw]}], Config)},
        Config
    ),
    ?assertEqual({ok, <<"escaped\n">>}, file:read_file(Proof)),
    ok = file:write_file(Proof, "").

%% A directory with what a sandbox needs, and the program.
directory(Config) ->
    Dir = path("root." ++ atom_to_list(proplists:get_value(rights, Config)), Config),
    _ = [filelib:ensure_dir(filename:join([Dir, Name, "x"])) || Name <- ["proc", "dev", "tmp"]],
    {ok, _} = file:copy(path("escape", Config), filename:join(Dir, "escape")),
    ok = file:change_mode(filename:join(Dir, "escape"), 8#755),
    Dir.

descriptors_lead_nowhere(Config) ->
    Secret = path("secret", Config),
    Attack = ["/attack/escape", "read_leaked", Secret],
    held(tl(Attack), #{}, Config),
    held(tl(Attack), #{dev => pts, network => loopback}, Config),
    with(#{}, Config, fun(Sandbox) ->
        Stdin = {file, "/attack/secret"},
        {ok, #{status := Status}} = alcove_run:run(Attack, #{sandbox => Sandbox, stdin => Stdin}),
        ?assertEqual(?HELD, Status),
        % a file and a directory for the program are those that it can have itself
        ?assertEqual(
            [{error, {stdin, enoent}}, {error, {cd, enoent}}],
            [
                alcove_run:run(["true"], Options#{sandbox => Sandbox})
             || Options <- [#{stdin => {file, Secret}}, #{cd => dir(Config)}]
            ]
        )
    end),
    % what the process of the program has open, and what it is, before it executes
    Links = path("links_of_stdin." ++ atom_to_list(proplists:get_value(rights, Config)), Config),
    ok = file:make_dir(Links),
    Targets = [{"exe", "/proc/self/exe"}, {"fd", "/proc/self/fd/0"}, {"path", "/proc/thread-self/fd/3"}],
    [ok = file:make_symlink(To, filename:join(Links, Name)) || {Name, To} <- Targets],
    with(#{root => views([{Links, "/links", [ro]}], Config)}, Config, fun(Sandbox) ->
        Run = fun(File) -> alcove_run:run(["cat"], #{sandbox => Sandbox, stdin => {file, File}}) end,
        [?assertEqual({error, {stdin, eloop}}, Run("/links/" ++ Name)) || {Name, _} <- Targets],
        ?assertEqual({error, {stdin, eloop}}, Run("/proc/self/exe")),
        ?assertMatch({ok, #{status := {exit, 0}, stdout := <<>>}}, Run("/dev/null"))
    end),
    Leaking = ["exec 7</; exec ", path("escape", Config), " read_leaked ", Secret],
    {?GOT, Read} = outside(["sh", "-c", iolist_to_binary(Leaking)], Config),
    ?assertNotEqual(nomatch, string:find(Read, "the secret of")).

%% A handle of a file, which is made outside, opens it from any other file of the file system.
handles_open_no_files(Config) ->
    {?GOT, Out} = outside([escape(Config), "handle", path("secret", Config)], Config),
    [_, Line | _] = string:split(Out, "\n", all),
    Attack = ["open_handle", "/attack/escape"] ++ string:lexemes(Line, " "),
    held(Attack, #{}, Config),
    held(Attack, #{seccomp => none}, Config),
    Loose = #{capabilities => [cap_dac_read_search], seccomp => none},
    of_root(fun() ->
        Read = got(Attack, Loose, Config),
        ?assertNotEqual(nomatch, string:find(Read, "the secret of"))
    end, Config),
    held(Attack, Loose#{privileges => user_namespace, user => nobody}, Config).

submounts_are_not_writable(Config) ->
    Dir = path("mounts", Config),
    Sub = filename:join(Dir, "sub"),
    ok = filelib:ensure_dir(filename:join(Sub, "x")),
    Views = fun(Flag) -> #{
        root => views([{Dir, "/host", [Flag]}], Config),
        tmp => none,
        dev => none
    } end,
    case as_root(["mount", "-t", "tmpfs", "-o", "mode=1777", "escape", Sub]) of
        {{exit, 0}, _} ->
            try
                Name = "x" ++ os:getpid(),
                held(["write_mounts", Name], Views(ro), Config),
                ?assertNot(filelib:is_file(filename:join(Sub, Name))),
                got(["write_mounts", Name], Views(rw), Config),
                ?assert(filelib:is_file(filename:join(Sub, Name)))
            after
                {{exit, 0}, _} = as_root(["umount", Sub])
            end;
        {_, _} ->
            {skip, no_right_to_mount}
    end.

%% What a program can write to is no place that another mount gets by name.
links_do_not_lead_the_next_mount_out(Config) ->
    Dir = path("links." ++ atom_to_list(proplists:get_value(rights, Config)), Config),
    ok = filelib:ensure_dir(filename:join([Dir, "sub", "x"])),
    [ok = file:change_mode(D, 8#777) || D <- [Dir, filename:join(Dir, "sub")]],
    Writable = #{root => views([{Dir, "/a", [rw]}], Config)},
    Nested = #{root => views([{Dir, "/a", [rw]}, {"/etc", "/a/sub/etc", []}], Config)},
    ok = file:make_dir(filename:join([Dir, "sub", "etc"])),
    {ok, Sandbox} = prepared(Nested, Config),
    % what it mounts over is not moved away either
    {ok, #{status := Moved}} = alcove_run:run(
        ["mv", "/a/sub/etc", "/a/sub/other"],
        #{sandbox => Sandbox}
    ),
    ?assertMatch({exit, 1}, Moved),
    ok = alcove_sandbox:close(Sandbox),
    #{status := {exit, 0}} = result(
        ["sh", "-c", "mv /a/sub /a/old && ln -s / /a/sub"],
        Writable,
        Config
    ),
    ?assertMatch({error, {view, {_, enotdir}}}, prepared(Nested, Config)).

%%
%% Processes
%%

proc_shows_nothing_of_the_machine(Config) ->
    Files = [
        "/proc/" ++ Name
     || Name <- [
            "sys/kernel/hostname", "sys/kernel/core_pattern", "kcore", "kmsg", "keys",
            "key-users", "sysrq-trigger", "kallsyms", "cmdline", "meminfo", "mounts/../1/maps",
            "1/mem", "1/environ", "1/root/etc/passwd", "sched_debug", "timer_list", "modules",
            "partitions", "sysvipc/shm", "fs/nfsd", "bus", "irq", "acpi", "scsi"
        ]
    ],
    held(["open_files" | Files], #{}, Config),
    held(["open_files" | Files], #{root => host, tmp => none}, escape(Config), Config),
    held(
        ["open_files", "/proc/self/status" | Files],
        #{root => host, tmp => none, proc => false},
        escape(Config),
        Config
    ),
    held(["open_files", "/proc/self/status" | Files], #{proc => false}, Config),
    {?GOT, Out} = outside([escape(Config), "open_files" | Files], Config),
    ?assert(length(string:split(Out, "\n", all)) > 5),
    held(
        ["write_file", "/proc/self/oom_adj", "/proc/sysrq-trigger", "/proc/self/uid_map"],
        #{},
        Config
    ),
    #{stdout := Names} = result(["ls", "/proc"], #{}, Config),
    ?assertEqual([<<"2">>, <<"self">>, <<"thread-self">>], string:lexemes(Names, "\n")).

%% A user namespace has the right to mount what is seen in full, and to take off what it has put on.
proc_stays_as_it_is_in_a_user_namespace(Config) ->
    held(["lift"], #{}, Config),
    [
        held(["lift"], Spec#{seccomp => none}, "/attack/escape", Config)
     || Spec <- [#{}, #{proc => false}, #{network => host}]
    ],
    [
        held(
            ["lift"],
            #{root => host, tmp => none, proc => Proc, seccomp => none},
            escape(Config),
            Config
        )
     || Proc <- [true, false]
    ],
    held(["lift"], #{seccomp => {deny, [mkdir]}}, Config),
    % who may mount is held by nothing but the filter
    Free = #{capabilities => [cap_sys_admin], seccomp => none},
    of_root(fun() -> got(["mounts", "/dev/shm"], Free, Config) end, Config),
    {?GOT, _} = outside([escape(Config), "lift"], Config).

processes_are_not_looked_into(Config) ->
    held(["peek", "1", "64"], #{}, Config),
    held(["peek", "1", "64"], #{seccomp => none, user => {0, 0}}, Config),
    held(["peek", "1", "64"], #{capabilities => [cap_sys_nice], seccomp => none}, Config),
    with_victim(Config, fun(Pid) ->
        held(["peek", Pid, Pid], #{}, Config),
        held(
            ["peek", Pid, Pid],
            #{root => host, tmp => none, proc => false},
            escape(Config),
            Config
        ),
        ?assertEqual({ok, <<>>}, file:read_file(path("proof", Config))),
        {?GOT, _} = outside([escape(Config), "peek", Pid, Pid], Config),
        ?assertEqual({ok, <<"escaped">>}, file:read_file(path("proof", Config))),
        ok = file:write_file(path("proof", Config), "")
    end).

processes_are_not_traced(Config) ->
    held(["trace", "1", "64"], #{}, Config),
    held(["trace", "1", "64"], #{seccomp => none, user => {0, 0}}, Config),
    [
        held([Attack, "1", "64"], #{capabilities => [cap_sys_ptrace], seccomp => Filter}, Config)
     || Attack <- ["trace", "peek"], Filter <- [default, none]
    ],
    ?assertEqual(
        {error, {capabilities, {cap_sys_ptrace, needs_user_namespace}}},
        prepared(#{capabilities => [cap_kill, cap_sys_ptrace], privileges => root}, Config)
    ),
    with_victim(Config, fun(Pid) ->
        held(["trace", Pid, Pid], #{seccomp => none}, Config),
        case {
            proplists:get_value(rights, Config),
            file:read_file("/proc/sys/kernel/yama/ptrace_scope")
        } of
            {user, {ok, <<Scope, _/binary>>}} when Scope > $0 -> {comment, {yama, Scope}};
            _ -> {?GOT, _} = outside([escape(Config), "trace", Pid, Pid], Config)
        end
    end).

processes_are_not_killed(Config) ->
    with(#{}, Config, fun(Sandbox) ->
        with_victim(Config, fun(Pid) ->
            Kill = ["/attack/escape", "kill", "1", Pid, "-" ++ Pid, os:getpid()],
            {ok, #{status := Status}} = alcove_run:run(Kill, #{sandbox => Sandbox}),
            ?assert(alcove_ct:is_running(list_to_integer(Pid))),
            % process 1 of the same user does not take what it is sent
            ?assert(lists:member(Status, [?HELD, ?GOT])),
            % the last one ends the shell as well
            ?assertMatch({ok, #{status := {signal, sigkill}}},
                alcove_run:run(
                    ["sh", "-c", "kill -9 -1; kill -9 1; kill -9 0; exit 3"],
                    #{sandbox => Sandbox}
                )),
            ?assert(alcove_ct:is_running(list_to_integer(Pid))),
            {?GOT, _} = outside([escape(Config), "kill", Pid], Config),
            alcove_ct:until(fun() -> not alcove_ct:is_running(list_to_integer(Pid)) end)
        end)
    end).

%% It is a user's process as well for an ordinary user, and has handlers of signals.
signals_do_not_disturb_process_1(Config) ->
    with(#{}, Config, fun(Sandbox) ->
        [
            begin
                {ok, Result} = alcove_run:run(
                    ["sh", "-c", "/attack/escape signals 1; cat; exit 7"],
                    #{sandbox => Sandbox, stdin => "in"}
                ),
                ?assertMatch(#{status := {exit, 7}, stdout := <<"in">>, stderr := <<>>}, Result)
            end
         || _ <- [1, 2]
        ],
        ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"], #{sandbox => Sandbox}))
    end),
    ?assertEqual([], messages()).

%% An ordinary user has one number for process 1 and the program, which may take limits from it. Then
%% its own run fails, and no other.
process_1_is_not_starved_for_others(Config) ->
    of_root(fun() -> held(["starve", "1"], #{}, Config) end, Config),
    with(#{}, Config, fun(Sandbox) ->
        Starve = ["sh", "-c", "/attack/escape starve 1; (:); echo x; exit 3"],
        [
            begin
                Run = alcove_run:run(Starve, #{sandbox => Sandbox, timeout => ?TIMEOUT}),
                ?assert(is_end(end_of(Run)), Run),
                ?assertMatch(
                    {ok, #{status := {exit, 0}}},
                    alcove_run:run(["true"], #{sandbox => Sandbox, timeout => ?TIMEOUT})
                )
            end
         || _ <- [1, 2, 3]
        ]
    end),
    with_victim(Config, fun(Pid) ->
        {?GOT, _} = outside([escape(Config), "starve", Pid], Config)
    end).

end_of({ok, #{status := Status}}) -> Status;
end_of({error, _} = Error) -> Error.

messages() ->
    {messages, Messages} = process_info(self(), messages),
    Messages.

%%
%% Devices
%%

devices_are_not_made(Config) ->
    {Major, Minor} = disk(),
    held(["devices", Major, Minor], #{}, Config),
    held(["devices", Major, Minor], #{seccomp => none, user => {0, 0}}, Config),
    of_root(
        fun() -> got(["devices", Major, Minor], #{capabilities => [cap_mknod]}, Config) end,
        Config
    ),
    % none of them can be opened
    of_root(fun() ->
        #{stdout := Out} = result(
            ["/attack/escape", "devices", Major, Minor],
            #{capabilities => [cap_mknod]},
            Config
        ),
        ?assertEqual(nomatch, string:find(Out, "open"))
    end, Config),
    Devices = [
        "/dev/" ++ Name
     || Name <- [
         "mem", "kmem", "port", "kmsg", "vda", "sda", "kvm", "fuse", "loop-control", "ptmx",
         "pts/0"
     ]
    ],
    held(["open_files" | Devices], #{}, Config),
    held(
        ["open_files", "/dev/null", "/dev/ptmx", "/dev/full"],
        #{root => host, tmp => none, dev => none},
        escape(Config),
        Config
    ),
    got(["open_files", "/dev/null"], #{}, Config).

%% The disk of the root directory.
disk() ->
    case string:lexemes(os:cmd("stat -c '%Hd %Ld' /"), " \n") of
        [Major, Minor] -> {Major, Minor};
        _ -> {"8", "0"}
    end.

nodes_in_a_view_are_no_devices(Config) ->
    Dir = path("nodes", Config),
    Node = filename:join(Dir, "null"),
    ok = filelib:ensure_dir(Node),
    _ = as_root(["mknod", "-m", "666", Node, "c", "1", "3"]),
    case file:read_link_info(Node) of
        {ok, _} ->
            [
                held(
                    ["open_files", "/nodes/null"],
                    #{root => views([{Dir, "/nodes", Flags}], Config)},
                    Config
                )
             || Flags <- [[ro], [rw]]
            ],
            got(
                ["open_files", "/nodes/null"],
                #{root => views([{Dir, "/nodes", [ro, dev]}], Config)},
                Config
            );
        {error, _} ->
            {skip, no_right_to_make_nodes}
    end.

terminals_take_no_input(Config) ->
    held(["inherited"], #{}, Config),
    held(["inherited"], #{dev => pts, seccomp => none}, Config),
    held(["terminal"], #{}, Config),
    held(["terminal"], #{dev => pts}, Config),
    % it has one to try with
    #{stderr := <<"a terminal\n", _/binary>>} = result(
        ["/attack/escape", "terminal"],
        #{dev => pts},
        Config
    ),
    case file:read_file("/proc/sys/dev/tty/legacy_tiocsti") of
        {ok, <<"0", _/binary>>} -> {comment, kernel_has_no_tiocsti};
        _ -> got(["terminal"], #{dev => pts, seccomp => none}, Config)
    end.

%%
%% Network and communication
%%

network_is_out_of_reach(Config) ->
    {ok, Listen} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listen),
    Attack = ["connect", "127.0.0.1", integer_to_list(Port)],
    [held(Attack, #{network => Network}, Config) || Network <- [none, loopback]],
    got(Attack, #{network => host}, Config),
    ok = gen_tcp:close(Listen),
    [held(["links"], #{network => Network}, Config) || Network <- [none, loopback]],
    [
        got(["links"], #{network => host}, Config)
     || {ok, Links} <- [inet:getifaddrs()], lists:any(fun({Name, _}) -> Name =/= "lo" end, Links)
    ],
    [
        held(["raw"], #{network => Network, user => {0, 0}}, Config)
     || Network <- [none, loopback, host]
    ],
    of_root(
        fun() -> got(["raw"], #{network => host, capabilities => [cap_net_raw]}, Config) end,
        Config
    ),
    % vsock, alg, key, bluetooth, xdp
    Families = ["families", "40", "38", "15", "31", "44", "30", "21"],
    held(Families, #{}, Config),
    got(Families, #{seccomp => none}, Config),
    ?assertEqual([], messages()).

sockets_with_names_are_out_of_reach(Config) ->
    Name = "escape-" ++ os:getpid(),
    {ok, Abstract} = gen_tcp:listen(0, [{ifaddr, {local, <<0, (list_to_binary(Name))/binary>>}}]),
    held(["connect_unix", "@" ++ Name], #{}, Config),
    held(["connect_unix", "@" ++ Name], #{network => loopback, seccomp => none}, Config),
    got(["connect_unix", "@" ++ Name], #{network => host}, Config),
    ok = gen_tcp:close(Abstract),
    Dir = path("sockets." ++ atom_to_list(proplists:get_value(rights, Config)), Config),
    ok = file:make_dir(Dir),
    Path = filename:join(Dir, "socket"),
    {ok, Listen} = gen_tcp:listen(0, [{ifaddr, {local, Path}}]),
    ok = file:change_mode(Path, 8#777),
    held(["connect_unix", Path, "/socket"], #{}, Config),
    % a view that shows a socket shows who listens
    got(
        ["connect_unix", "/sockets/socket"],
        #{root => views([{Dir, "/sockets", [ro]}], Config)},
        Config
    ),
    ok = gen_tcp:close(Listen).

%% Another run does not find what a program leaves, neither at the same time nor later.
communication_is_its_own(Config) ->
    Key = integer_to_list(100000 + erlang:phash2({os:getpid(), make_ref()}, 100000)),
    Found = ["/attack/escape", "found", Key],
    with(#{}, Config, fun(Sandbox) ->
        {ok, Program} = alcove_program:start_link(#{
            argv => [
                "/attack/escape",
                "leave",
                Key,
                "wait"
            ], output => passive, lines => true, sandbox => Sandbox
        }),
        Left = lines_until(<<"left">>, Program),
        ?assertEqual(
            [],
            [
                <<"shmget">>, <<"msgget">>, <<"semget">>, <<"shm_open">>, <<"tmp">>, <<"abstract">>
            ] -- Left
        ),
        ?assertMatch({ok, #{status := ?HELD}}, alcove_run:run(Found, #{sandbox => Sandbox})),
        {Outside, _} = outside([escape(Config), "found", Key], Config),
        ?assertEqual(?HELD, Outside),
        ok = alcove_program:write(Program, "\n"),
        _ = lines_until(eof, Program),
        [
            ?assertMatch({ok, #{status := ?HELD}}, alcove_run:run(Found, #{sandbox => Sandbox}))
         || _ <- [1, 2]
        ]
    end),
    {?GOT, _} = outside([escape(Config), "leave", Key], Config),
    held(["found", Key], #{}, Config),
    {?GOT, Out} = outside([escape(Config), "found", Key], Config),
    ?assertEqual(
        [],
        ["shmget", "msgget", "semget", "shm_open", "tmp"] -- string:split(Out, "\n", all)
    ),
    _ = outside([escape(Config), "gone", Key], Config),
    ok.

lines_until(Last, Program) ->
    case alcove_program:read(Program) of
        {ok, stdout, Last} -> [];
        Last -> [];
        {ok, stdout, Line} -> [Line | lines_until(Last, Program)];
        {ok, stderr, _} -> lines_until(Last, Program)
    end.

keyrings_are_its_own(Config) ->
    Key = integer_to_list(200000 + erlang:phash2({os:getpid(), make_ref()}, 100000)),
    Names = ["user keyring", "session keyring", "request_key"],
    Keys = fun(Out) -> [
        Name
     || Name <- Names, lists:member(Name, string:split(Out, "\n", all))
    ] end,
    with(#{seccomp => none}, Config, fun(Sandbox) ->
        Both = [
            "sh",
            "-c",
            ["/attack/escape leave ", Key, " >/dev/null; /attack/escape found ", Key]
        ],
        {ok, #{stdout := Here}} = alcove_run:run(
            [iolist_to_binary(Arg) || Arg <- Both],
            #{sandbox => Sandbox}
        ),
        ?assert(lists:member("session keyring", Keys(binary_to_list(Here)))),
        {ok, #{stdout := Later}} = alcove_run:run(
            ["/attack/escape", "found", Key],
            #{sandbox => Sandbox}
        ),
        ?assertNot(lists:member("session keyring", Keys(binary_to_list(Later)))),
        % a user of its own has keys of its own
        of_root(fun() -> ?assertEqual([], Keys(binary_to_list(Later))) end, Config)
    end),
    with(#{}, Config, fun(Sandbox) ->
        {ok, #{status := Status}} = alcove_run:run(
            ["/attack/escape", "found", Key],
            #{sandbox => Sandbox}
        ),
        ?assertEqual(?HELD, Status)
    end),
    _ = outside([escape(Config), "gone", Key], Config),
    ok.

%%
%% Rights
%%

namespaces_are_not_made(Config) ->
    held(["namespaces"], #{}, Config),
    held(["namespaces"], #{user => {0, 0}}, Config),
    held(["namespaces"], #{capabilities => [cap_sys_admin]}, Config),
    got(["namespaces"], #{seccomp => none}, Config).

mounts_do_not_change(Config) ->
    held(["mounts", "/tmp"], #{}, Config),
    held(["mounts", "/tmp"], #{seccomp => none}, Config),
    held(["mounts", "/tmp"], #{capabilities => [cap_sys_admin], user => {0, 0}}, Config),
    got(["mounts", "/tmp"], #{capabilities => [cap_sys_admin], seccomp => none}, Config).

%% With the right to it there is nothing but the view to get to.
chroot_leads_nowhere(Config) ->
    Secret = path("secret", Config),
    held(["chroot_break", Secret], #{}, Config),
    held(["chroot_break", Secret], #{capabilities => [cap_sys_chroot]}, Config),
    ?assertMatch(#{stdout := <<"/attack/secret: ", _/binary>>},
        result(
            ["/attack/escape", "chroot_break", "/attack/secret"],
            #{capabilities => [cap_sys_chroot]},
            Config
        )),
    Jail = directory(Config),
    of_root(fun() ->
        {?GOT, Out} = as_root(["chroot", Jail, "/escape", "chroot_break", Secret]),
        ?assertNotEqual(nomatch, string:find(Out, "the secret of"))
    end, Config).

setuid_programs_give_nothing(Config) ->
    Dir = path("setuid", Config),
    [Setuid, Capable] = [filename:join(Dir, Name) || Name <- ["setuid", "capable"]],
    ok = filelib:ensure_dir(Setuid),
    [{ok, _} = file:copy(path("escape", Config), File) || File <- [Setuid, Capable]],
    [ok = file:change_mode(File, 8#755) || File <- [Setuid, Capable]],
    case as_root(["chown", "0:0", Setuid]) of
        {{exit, 0}, _} ->
            {{exit, 0}, _} = as_root(["chmod", "6755", Setuid]),
            {?GOT, _} = as_root([escape(Config), "file_capability", Capable]),
            Views = #{root => views([{Dir, "/setuid", [rw]}], Config)},
            [
                held(["rights"], maps:merge(Views, Spec), Program, Config)
             || Spec <- [#{}, #{seccomp => none}], Program <- ["/setuid/setuid", "/setuid/capable"]
            ],
            User = ["setpriv", "--reuid", "1235", "--regid", "1235", "--clear-groups"],
            [{?GOT, _} = as_root(User ++ [File, "rights"]) || File <- [Setuid, Capable]],
            ok;
        {_, _} ->
            {skip, no_right_to_change_owners}
    end.

%% The view is nosuid, but the file is in another one as well: that of the machine.
files_give_no_rights_outside(Config) ->
    Dir = path("set_ids." ++ atom_to_list(proplists:get_value(rights, Config)), Config),
    ok = file:make_dir(Dir),
    ok = file:change_mode(Dir, 8#777),
    Views = #{root => views([{Dir, "/rw", [rw]}], Config)},
    held(["set_ids", "/rw"], Views, Config),
    ?assertEqual({ok, []}, file:list_dir(Dir)),
    got(["set_ids", "/rw"], Views#{seccomp => none}, Config),
    % nobody else sees these files
    got(["set_ids", "/tmp"], #{}, Config).

capabilities_are_not_had(Config) ->
    held(["root_rights"], #{}, Config),
    Root = result(["/attack/escape", "root_rights"], #{user => {0, 0}, seccomp => none}, Config),
    ?assertMatch(#{stdout := <<"user 0\ngroup 0\nsetuid\nsetgid\n">>}, Root),
    #{stdout := Some} = result(
        ["/attack/escape", "root_rights"],
        #{capabilities => [cap_chown]},
        Config
    ),
    ?assertMatch(
        ["capabilities 1", "bounding 0"],
        string:lexemes(binary_to_list(Some), "\n") -- ["ambient 0"]
    ),
    of_root(fun() -> {?GOT, _} = as_root([escape(Config), "root_rights"]) end, Config).

%% Those of root are left. An ordinary user cannot leave his.
groups_are_left(Config) ->
    File = path("group." ++ atom_to_list(proplists:get_value(rights, Config)), Config),
    ok = file:write_file(File, "of a group"),
    case as_root(["chown", "0:4242", File]) of
        {{exit, 0}, _} ->
            {{exit, 0}, _} = as_root(["chmod", "640", File]),
            Name = "/attack/" ++ filename:basename(File),
            held(["open_files", Name], #{}, Config),
            held(["open_files", Name], #{user => {1235, 1235}}, with_groups(root, Config)),
            of_root(
                fun() -> got(["open_files", Name], #{user => {1235, 4242}}, Config) end,
                Config
            );
        {_, _} ->
            {skip, no_right_to_change_owners}
    end.

with_groups(root, Config) ->
    case proplists:get_value(rights, Config) of
        user -> Config;
        _ -> [{exec, "setpriv --groups 4242"} | Config]
    end.

clocks_are_not_set(Config) ->
    held(["clocks"], #{}, Config),
    held(["clocks"], #{seccomp => none, user => {0, 0}}, Config),
    of_root(fun() -> got(["clocks"], #{capabilities => [cap_sys_time]}, Config) end, Config).

host_name_is_its_own(Config) ->
    {ok, Before} = file:read_file("/proc/sys/kernel/hostname"),
    held(["host_name", "escaped"], #{}, Config),
    got(["host_name", "escaped"], #{capabilities => [cap_sys_admin]}, Config),
    ?assertEqual({ok, Before}, file:read_file("/proc/sys/kernel/hostname")),
    % nor is the name of a domain shown
    of_root(fun() ->
        Script = alcove_ct:script([{priv_dir, dir(Config)} | Config], "domain", "domainname escaped\nexec \"$@\"\n"),
        Domain = [{exec, wrapped(["unshare -u", Script])} | Config],
        held(["domain_name"], #{}, Domain),
        {?GOT, _} = outside([escape(Config), "domain_name"], Domain)
    end, Config).

priorities_do_not_rise(Config) ->
    held(["priorities"], #{}, Config),
    held(["priorities"], #{seccomp => none, user => {0, 0}}, Config),
    of_root(fun() -> got(["priorities"], #{capabilities => [cap_sys_nice]}, Config) end, Config).

control_groups_are_not_written(Config) ->
    Names = "/{cgroup.procs,release_agent,tasks}",
    Files = lists:append([filelib:wildcard("/sys/fs/cgroup" ++ D ++ Names) || D <- ["", "/*"]]),
    held(
        ["write_file" | ["/sys/kernel/uevent_helper" | Files]],
        #{root => host, tmp => none, user => {0, 0}},
        escape(Config),
        Config
    ),
    held(
        ["open_files", "/sys/kernel", "/sys/fs/cgroup", "/run", "/root", "/home", "/var"],
        #{},
        Config
    ),
    #{stdout := Groups} = result(["cat", "/proc/self/cgroup"], #{}, Config),
    ?assertEqual(
        [],
        [
            Line
         || Line <- string:lexemes(binary_to_list(Groups), "\n"), string:find(Line, ":/") =/= ":/"
        ]
    ),
    got(["open_files", "/sys/kernel"], #{root => host, tmp => none}, escape(Config), Config).

%% A group that belongs to the user of the port, or of the program, who could kill all who are in there.
control_group_of_the_port_is_not_its_own(Config) ->
    {ok, Mounts} = file:read_file("/proc/mounts"),
    case re:run(Mounts, " (\\S+) cgroup2 ", [{capture, all_but_first, list}]) of
        {match, [Root]} ->
            Group = filename:join(Root, "escape-" ++ os:getpid()),
            Make = ["sh", "-c", "mkdir \"$0\" && test -f \"$0/cgroup.kill\"", Group],
            Made = as_root(Make),
            try
                in_group(Made, Group, Config)
            after
                % processes that have ended are gone a moment later
                alcove_ct:until(fun() ->
                    _ = as_root(["rmdir", Group]),
                    not filelib:is_dir(Group)
                end)
            end;
        nomatch ->
            {skip, no_control_groups_of_version_2}
    end.

in_group({{exit, 0}, _}, Group, Config) ->
    Others = [none, {deny, [mkdir]}],
    Root = port_in(Group, "enter_as_root", "exec", Config),
    User = port_in(Group, "enter_as_user", "exec setpriv --reuid 1234 --regid 1234 --clear-groups", Config),
    Users = [{{0, 0}, "0", Root}, {keep, "0", Root}, {{1234, 1234}, "1234", User}],
    of_root(fun() ->
        [
            in_group_of(Owner, Group, #{user => Ids, seccomp => Filter}, Root, Free)
         || Filter <- Others, {Ids, Owner, Free} <- Users
        ],
        in_group_of("0", Group, #{capabilities => [cap_setuid], seccomp => none}, Root, Root)
    end, Config),
    [
        in_group_of("1234", Group, #{seccomp => Filter}, User, User)
     || proplists:get_value(rights, Config) =:= user, Filter <- Others
    ],
    ok;
in_group({_, _}, _Group, _Config) ->
    {skip, no_right_to_make_groups}.

%% With the default filter, with another, and by nothing.
in_group_of(Owner, Group, Spec, Port, Free) ->
    {{exit, 0}, _} = as_root(["chown", "-R", Owner, Group]),
    held(["own_group", "/tmp"], maps:remove(seccomp, Spec), Port),
    held(["own_group", "/tmp"], Spec, Port),
    held(["lift"], Spec, Port),
    {?GOT, _} = outside([escape(Free), "own_group", "/tmp"], Free),
    ok.

%% A port that enters the group first.
port_in(Group, Name, Become, Config) ->
    Enter = ["echo $$ > ", Group, "/cgroup.procs || exit 9\n", Become, " \"$@\"\n"],
    % no blank in the path of a wrapper
    Script = alcove_ct:script([{priv_dir, dir(Config)} | Config], Name, Enter),
    [{exec, wrapped([Script])} | Config].

%% As root, by wrappers.
wrapped(Wrappers) ->
    lists:flatten(string:join([Word || Word <- [alcove_ct:exec() | Wrappers], Word =/= ""], " ")).

%% The files of a group belong to who has made it, root here, with whose number the program runs.
limits_are_not_its_own(Config) ->
    Limits = #{limits => #{memory => 64 bsl 20}},
    case prepared(Limits, Config) of
        {ok, Sandbox} ->
            ok = alcove_sandbox:close(Sandbox),
            held(["own_limits", "/tmp"], Limits, Config),
            [
                held(["own_limits", "/tmp"], Limits#{seccomp => Filter, user => User}, Config)
             || Filter <- [none, {deny, [mkdir]}], User <- [nobody, {0, 0}]
            ],
            % the capability is the right to mount what was not shown
            of_root(fun() ->
                Free = #{seccomp => none, user => {0, 0}, capabilities => [cap_sys_admin]},
                got(["own_limits", "/tmp"], maps:merge(Limits, Free), Config)
            end, Config);
        {error, {memory, Reason}} ->
            {skip, {no_control_group, Reason}}
    end.

%% A number that nobody else has is none that anything belongs to.
user_namespaces_are_not_for_users_of_the_machine(Config) ->
    Allowed = [
        arch_prctl, brk, clone, clone3, dup, exit, fork, fstat, getpid, getrandom, gettid, mmap, mprotect, munmap,
        newfstatat, prctl, prlimit64, readlink, readlinkat, rseq, rt_sigaction, set_robust_list, set_tid_address,
        tgkill, unshare, vfork, wait4
    ],
    Known = [Call || Call <- Allowed, is_x86_64() orelse not lists:member(Call, [arch_prctl, fork, readlink, vfork])],
    Others = [none, {deny, [mkdir]}, {deny, [mkdir, unshare]}, {allow, Known}],
    of_root(fun() ->
        [
            begin
                held(["user_namespaces"], Users#{seccomp => Filter}, Config),
                got(["user_namespaces"], #{seccomp => Filter}, Config)
            end
         || Filter <- Others,
            Users <- [#{user => {0, 0}}, #{user => keep}, #{user => nobody}, #{capabilities => [cap_kill]}]
        ]
    end, Config),
    held(["user_namespaces"], #{}, Config).

%%
%% System calls
%%

calls_of_the_kernel_are_denied(Config) ->
    Errors = fun(Spec) ->
        #{stdout := Out} = result(["/attack/escape", "calls"], Spec, Config),
        [
            list_to_tuple(string:lexemes(Line, " "))
         || Line <- string:lexemes(binary_to_list(Out), "\n")
        ]
    end,
    Denied = Errors(#{capabilities => [cap_sys_admin]}),
    ?assertEqual([], [Call || {_, Error} = Call <- Denied, Error =/= "EPERM", Error =/= "ENOSYS"]),
    ?assert(length(Denied) > 24),
    % without the filter most do something, or find no fault but in their arguments
    Allowed = Errors(
        #{
            seccomp => none,
            capabilities => [cap_sys_admin, cap_sys_boot, cap_sys_module, cap_perfmon]
        }
    ),
    ?assert(
        length([Call || {_, Error} = Call <- Allowed, Error =/= "EPERM", Error =/= "ENOSYS"]) > 10
    ).

calls_of_another_machine_are_denied(Config) ->
    Attack = ["compat", "/tmp/a", "/tmp/b", "/none/c"],
    held(Attack, #{}, Config),
    [held(Attack, #{seccomp => {deny, [mkdir, mkdirat]}}, Config) || true <- [is_x86_64()]],
    held(["compat", "/none/a", "/none/b", "/tmp/c"], #{seccomp => {deny, [mkdirat]}}, Config),
    got(["compat", "/tmp/a", "/tmp/b", "/tmp/c"], #{seccomp => none}, Config),
    [got(Attack, #{seccomp => none}, Config) || is_x86_64(), has_compat()],
    ok.

is_x86_64() -> lists:prefix("x86_64", erlang:system_info(system_architecture)).

has_compat() -> os:cmd("zgrep -c '^CONFIG_IA32_EMULATION=y' /proc/config.gz 2>/dev/null") =:= "1\n".

%% What people run in a sandbox, of what there is on this machine.
programs_run_below_the_default_filter(Config) ->
    Programs = [
        {
            "/bin/sh",
            "echo a | tr a b; (sleep 0 & wait); test $(seq 10 | wc -l) = 10 && trap '' HUP"
        },
        {"/bin/bash", "bash -c 'mapfile -t a < <(seq 3); coproc cat; test ${#a[@]} = 3'"},
        {"/usr/bin/python3",
            "python3 -c 'import subprocess, threading, sqlite3, asyncio, multiprocessing as m\n"
            "t = threading.Thread(target=print); t.start(); t.join()\n"
            "assert subprocess.check_output([\"echo\", \"x\"]) == b\"x\\n\"\n"
            "p = m.Process(target=print); p.start(); p.join(); assert p.exitcode == 0\n"
            "asyncio.run(asyncio.sleep(0))'"},
        {"/usr/bin/perl", "perl -e 'exit(`echo 3` - 3)'"},
        {
            "/usr/bin/gcc",
            "cd /tmp && echo 'int main(void) { return 0; }' > a.c && gcc -o a a.c && ./a"
        },
        {"/usr/bin/make", "cd /tmp && printf 'a:\\n\\ttouch a\\n' > Makefile && make -j2 a"},
        {"/usr/bin/git", "export HOME=/tmp; cd /tmp; git init -q g; cd g; "
            "git -c user.name=a -c user.email=b commit -q --allow-empty -m c"},
        {
            "/usr/bin/node",
            "node -e 'new Promise(done => setTimeout(done, 1)).then(() => process.exit(0))'"
        },
        {
            "/usr/lib/erlang/bin/erl",
            "HOME=/tmp erl -noshell -eval 'true = is_pid(spawn(fun() -> ok end)), halt(0).'"
        }
    ],
    Found = [Script || {Program, Script} <- Programs, filelib:is_regular(Program)],
    with(#{}, Config, fun(Sandbox) ->
        [
            begin
                Run = alcove_run:run(
                    ["sh", "-ec", Script],
                    #{sandbox => Sandbox, timeout => 4 * ?TIMEOUT}
                ),
                ?assertMatch({_, {ok, #{status := {exit, 0}}}}, {Script, Run})
            end
         || Script <- Found
        ]
    end),
    ?assert(length(Found) > 1).

process_begins_clean(Config) ->
    Script =
        "umask; pwd; ulimit -c; env | cut -d= -f1 | sort;"
        "grep '^Sig[BI]' /proc/self/status | cut -f2",
    true = os:putenv("ESCAPE_SECRET", "secret"),
    #{stdout := Out} = result(["sh", "-c", Script], #{}, Config),
    {Begin, Signals} = lists:split(5, string:lexemes(binary_to_list(Out), "\n")),
    ?assertEqual(["0022", "/", "0", "PATH", "PWD"], Begin),
    ?assertEqual([0, 0], [list_to_integer(Mask, 16) band bnot ?SIGNALS_OF_LIBC || Mask <- Signals]),
    % no file of its memory is left
    Rw = path("core." ++ atom_to_list(proplists:get_value(rights, Config)), Config),
    ok = file:make_dir(Rw),
    ok = file:change_mode(Rw, 8#777),
    #{status := {signal, sigabrt}} =
        result(
            ["sh", "-c", "cd /core; ulimit -c unlimited; kill -ABRT $$"],
            #{root => views([{Rw, "/core", [rw]}], Config)},
            Config
        ),
    ?assertEqual({ok, []}, file:list_dir(Rw)).

%%
%% What a program may use up
%%

fork_bomb_is_limited_and_ends(Config) ->
    Few = #{limits => #{processes => 16}},
    case prepared(Few, Config) of
        {ok, Sandbox} ->
            ok = alcove_sandbox:close(Sandbox),
            held(["forks", "40"], Few, Config),
            held(["forks", "40"], Few#{capabilities => [cap_sys_admin]}, Config),
            got(["forks", "40"], #{limits => #{processes => 64}}, Config),
            with(Few, Config, fun(Bombed) ->
                ?assertMatch({ok, #{status := timeout}},
                    alcove_run:run(
                        ["/attack/escape", "bomb"],
                        #{sandbox => Bombed, timeout => 500, grace => 100}
                    )),
                ?assertMatch(
                    {ok, #{status := ?GOT}},
                    alcove_run:run(["/attack/escape", "forks", "8"], #{sandbox => Bombed})
                )
            end),
            alcove_ct:until(fun() -> os:cmd("pgrep -f '^/attack/escape bomb'") =:= "" end);
        {error, {processes, Reason}} ->
            {skip, {no_control_group, Reason}}
    end.

%% Files without a name and on a tmpfs are memory of the program.
memory_in_files_is_limited(Config) ->
    Limited = #{tmp => 256 bsl 20, limits => #{memory => 32 bsl 20}},
    case prepared(Limited, Config) of
        {ok, Sandbox} ->
            [
                ?assertMatch(
                    {ok, #{status := out_of_memory}},
                    alcove_run:run(["/attack/escape", "fill", File, "100"], #{sandbox => Sandbox})
                )
             || File <- ["memfd", "/tmp/full", "/dev/shm/full"]
            ],
            ok = alcove_sandbox:close(Sandbox),
            [
                got(["fill", File, "100"], #{tmp => 256 bsl 20}, Config)
             || File <- ["memfd", "/tmp/full"]
            ],
            ok;
        {error, {memory, Reason}} ->
            {skip, {no_control_group, Reason}}
    end.

temporary_files_are_limited(Config) ->
    Small = #{tmp => 1 bsl 20},
    [
        begin
            held(["fill", Dir ++ "/full", "10"], Small, Config),
            held(["many_files", Dir, "5000"], Small, Config),
            got(["fill", Dir ++ "/full", "10"], #{}, Config),
            got(["many_files", Dir, "5000"], #{}, Config)
        end
     || Dir <- ["/tmp", "/dev/shm"]
    ],
    [
        held(["many_files", Dir, "1"], #{}, Config)
     || Dir <- ["/", "/dev", "/etc", "/proc", "/proc/self"]
    ],
    % what one has filled is empty for the next
    with(Small, Config, fun(Sandbox) ->
        [
            ?assertMatch({ok, #{status := ?HELD, stdout := <<"1\n">>}},
                alcove_run:run(
                    ["/attack/escape", "fill", "/tmp/full", "10"],
                    #{sandbox => Sandbox}
                ))
         || _ <- [1, 2]
        ]
    end).

output_is_limited(Config) ->
    with(#{}, Config, fun(Sandbox) ->
        Limit = 1 bsl 20,
        {ok, #{status := Status, stdout := Out, stderr := Err}} =
            alcove_run:run(
                ["sh", "-c", "yes & yes >&2"],
                #{sandbox => Sandbox, output_limit => Limit, timeout => 1000, grace => 100}
            ),
        ?assertNotMatch({exit, 0}, Status),
        ?assert(byte_size(Out) =< Limit),
        ?assert(byte_size(Err) =< Limit),
        ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"], #{sandbox => Sandbox}))
    end).

%%
%% Left behind
%%

%% The program, process 1, the template and the port, each in turn and then any of them at any moment.
process_that_is_killed_is_a_status_or_an_error(Config) ->
    ok = alcove_pool:stop(default),
    Others = below(os:getpid()),
    Before = left(),
    Limited = limited(Config),
    Dir = path("go." ++ atom_to_list(proplists:get_value(rights, Config)), Config),
    ok = file:make_dir(Dir),
    Spec = Limited#{root => views([{Dir, "/go", [ro]}], Config)},
    with(Spec, Config, fun(Sandbox) ->
        Kill = fun(Choose) -> ends_of_killed(Sandbox, Dir, Others, Choose, Config) end,
        [
            ?assertMatch({_, [{exit, 0}, {exit, 0}, Last]} when Last =/= {exit, 0}, {
                Up, lists:sort(
                    fun(A, _) -> A =:= {exit, 0} end,
                    Kill(fun(Ours) -> above(Up, Ours) end)
                )
            })
         || Up <- [1, 2, 3, 4]
        ],
        Ends = lists:append([Kill(fun any/1) || _ <- lists:seq(1, 10)]),
        ?assertEqual([], [End || End <- Ends, not is_end(End)]),
        % one that nobody used may have been killed, which is found out meanwhile
        alcove_ct:until(fun() -> end_of(alcove_run:run(["true"], #{sandbox => Sandbox})) =:= {exit, 0} end)
    end),
    ok = all_gone(Others),
    % the next one takes away what nobody could, what other VMs leave meanwhile as well
    alcove_ct:until(fun() ->
        with(Limited, Config, fun(_) -> ok end),
        % those of root are nothing that a user takes away
        Limited =:= #{} orelse groups_of_nobody() =:= []
    end),
    ?assertEqual(Before, left()),
    ?assertEqual([], messages()).

is_end({exit, N}) when is_integer(N) -> true;
is_end({signal, Name}) when is_atom(Name) -> true;
is_end({error, {Step, _}}) when is_atom(Step) -> true;
is_end(_) -> false.

vm_that_is_killed_leaves_nothing(Config) ->
    Exec = proplists:get_value(exec, Config),
    Spec = limited(Config),
    Before = left(),
    Expression = [
        "{ok, S} = alcove_sandbox:prepare(",
        io_lib:format("~p, [{exec, ~p}]", [Spec, Exec]),
        "), alcove_run:run([\"sh\", \"-c\", \"trap '' TERM; sleep 1000 & wait\"], #{sandbox => S})."
    ],
    Ebin = filename:dirname(code:which(alcove_sandbox)),
    Args = ["-noshell", "-pa", Ebin, "-eval", lists:flatten(Expression)],
    Erl = filename:join([code:root_dir(), "bin", "erl"]),
    VM = open_port({spawn_executable, Erl}, [{args, Args}, exit_status]),
    {os_pid, Pid} = erlang:port_info(VM, os_pid),
    % what the program has started is the last of them
    Ours = fun() -> below(integer_to_list(Pid)) end,
    alcove_ct:until(fun() -> [D || {_, _, D, _} <- Ours(), D >= 5] =/= [] end),
    Processes = Ours(),
    _ = os:cmd("kill -9 " ++ integer_to_list(Pid)),
    receive
        {VM, {exit_status, _}} -> ok
    end,
    alcove_ct:until(fun() -> [P || {P, Time, _, _} <- Processes, is_still(P, Time)] =:= [] end),
    with(Spec, Config, fun(_) -> ok end),
    ?assertEqual([], groups_of(Processes)),
    ?assertEqual(Before, left()).

is_still(Pid, Time) ->
    [Time || {_, _, T} <- process("/proc/" ++ Pid ++ "/stat"), T =:= Time] =/= [].

%% With groups where there are.
limited(Config) ->
    Spec = #{limits => #{memory => 64 bsl 20, processes => 16}},
    case prepared(Spec, Config) of
        {ok, Sandbox} ->
            ok = alcove_sandbox:close(Sandbox),
            Spec;
        {error, _} ->
            #{}
    end.

%% Three programs at a time, one of whose processes is killed.
ends_of_killed(Sandbox, Dir, Others, Choose, Config) ->
    Self = self(),
    Program = ["sh", "-c", "until test -e /go/stop; do sleep 0.1; done"],
    Runs = [
        spawn_link(fun() -> Self ! {self(), alcove_run:run(Program, #{sandbox => Sandbox})} end)
     || _ <- [1, 2, 3]
    ],
    {Pid, Time, _, _} = chosen(Choose, Others),
    Kill = [alcove_ct:exec(), " ", escape(Config), " kill_exactly ", Pid, " ", Time],
    _ = os:cmd(lists:flatten(Kill)),
    ok = file:write_file(filename:join(Dir, "stop"), ""),
    Ends = [
        receive
            {Run, Result} -> end_of(Result)
        end
     || Run <- Runs
    ],
    ok = file:delete(filename:join(Dir, "stop")),
    Ends.

chosen(Choose, Others) ->
    case Choose(below(os:getpid()) -- Others) of
        none ->
            receive
            after 10 -> chosen(Choose, Others)
            end;
        Process ->
            Process
    end.

%% What a program has started, and so many above it.
above(Up, Ours) ->
    Deepest = [Process || {_, _, Depth, _} = Process <- Ours, Depth =:= top(Ours) + 4],
    case Deepest of
        [] -> none;
        [Process | _] -> parent(Up, Process, Ours)
    end.

parent(0, Process, _Ours) ->
    Process;
parent(Up, {_, _, _, Parent}, Ours) ->
    case lists:keyfind(Parent, 1, Ours) of
        false -> none;
        Process -> parent(Up - 1, Process, Ours)
    end.

any(Ours) ->
    receive
    after rand:uniform(200) -> ok
    end,
    lists:nth(rand:uniform(length(Ours) + 1), [none | Ours]).

top([]) -> 0;
top(Processes) -> lists:min([Depth || {_, _, Depth, _} <- Processes]).

all_gone(Others) ->
    alcove_ct:until(fun() ->
        case below(os:getpid()) -- Others of
            [] -> true;
            Left -> [{Process, command(element(1, Process))} || Process <- Left]
        end
    end).

command(Pid) ->
    [file:read_file("/proc/" ++ Pid ++ Name) || Name <- ["/cmdline", "/wchan", "/status"]].

%% The processes below one, with when they began, how deep they are, and their parents.
below(Pid) ->
    All = [Process || Path <- filelib:wildcard("/proc/[0-9]*/stat"), Process <- process(Path)],
    lists:sort(below([Pid], 0, All)).

below([], _Depth, _All) ->
    [];
below(Above, Depth, All) ->
    Found = [{Pid, Time, Depth, Parent} || {Pid, Parent, Time} <- All, lists:member(Parent, Above)],
    Found ++ below([Pid || {Pid, _, _, _} <- Found], Depth + 1, All).

process(Path) ->
    case file:read_file(Path) of
        {ok, Text} ->
            [Begin, End] = string:split(binary_to_list(Text), ")", trailing),
            [Pid | _] = string:lexemes(Begin, " "),
            [_, Parent | More] = string:lexemes(End, " "),
            [{Pid, Parent, lists:nth(18, More)}];
        {error, _} ->
            []
    end.

%% Counts of what outlives processes.
left() ->
    {ok, Mounts} = file:read_file("/proc/self/mounts"),
    {ok, Shm} = file:read_file("/proc/sysvipc/shm"),
    {ok, FDs} = file:list_dir("/proc/self/fd"),
    #{mounts => lines(Mounts), shm => lines(Shm), fds => length(FDs)}.

%% The groups of this pid namespace, and the pids that they are named by.
groups_of_pids() ->
    {ok, Link} = file:read_link("/proc/self/ns/pid"),
    Prefix = "alcove-sandbox-" ++ [C || C <- Link, C >= $0, C =< $9] ++ "-",
    [
        {Group, lists:nthtail(length(Prefix), filename:basename(Group))}
     || Depth <- ["", "/*", "/*/*", "/*/*/*"],
        Group <- filelib:wildcard("/sys/fs/cgroup" ++ Depth ++ "/" ++ Prefix ++ "*")
    ].

%% Groups of these processes.
groups_of(Ours) ->
    [Group || {Group, Pid} <- groups_of_pids(), lists:keymember(Pid, 1, Ours)].

%% Groups of processes that are gone, of this VM or another one in the same group.
groups_of_nobody() ->
    {ok, Text} = file:read_file("/proc/self/cgroup"),
    Own = lists:usort(string:lexemes(binary_to_list(Text), ":\n")),
    [
        Group
     || {Group, Pid} <- groups_of_pids(), is_of_own(Group, Own), not filelib:is_dir("/proc/" ++ Pid)
    ].

is_of_own(Group, Words) ->
    Paths = [Path || [$/, _ | _] = Path <- Words],
    Paths =:= [] orelse lists:any(fun(Path) -> string:find(Group, Path) =/= nomatch end, Paths).

lines(Text) -> length(binary:split(Text, <<"\n">>, [global])).

%% As many as ALCOVE_TEST_RUNS says, eight at a time.
many_runs_leave_nothing(Config) ->
    N = list_to_integer(os:getenv("ALCOVE_TEST_RUNS", "200")),
    _ = ct:timetrap({minutes, 5 + N div 500}),
    ok = alcove_pool:stop(default),
    Others = below(os:getpid()),
    % files of others may come and go elsewhere
    true = os:putenv("TMPDIR", alcove_os:tree(Config, ?FUNCTION_NAME)),
    Spec = (limited(Config))#{root => views([], Config)},
    Exec = proplists:get_value(exec, Config),
    {ok, Pool} = alcove_pool:start_link(#{size => 8, sandbox => Spec, exec => Exec}),
    ok = all_busy(Pool),
    ok = runs(64, Pool),
    Idle = idle(Others),
    Begin = erlang:monotonic_time(millisecond),
    ok = runs(N, Pool),
    Took = erlang:monotonic_time(millisecond) - Begin,
    ?assertEqual(Idle, idle(Others)),
    Ours = below(os:getpid()) -- Others,
    ok = alcove_pool:stop(Pool),
    ok = all_gone(Others),
    alcove_ct:until(fun() -> groups_of(Ours) =:= [] end),
    true = os:unsetenv("TMPDIR"),
    ?assertEqual([], messages()),
    {comment, io_lib:format("~b runs in ~b ms: ~p", [N, Took, Idle])}.

%% All drivers have started when all of them have a program.
all_busy(Pool) ->
    Callers = [
        spawn_monitor(fun() -> alcove_run:run(["sleep", "1000"], #{pool => Pool}) end)
     || _ <- lists:seq(1, 8)
    ],
    alcove_ct:until(fun() -> maps:get(busy, alcove_pool:info(Pool)) =:= 8 end),
    lists:foreach(
        fun({Pid, Ref}) ->
            true = exit(Pid, kill),
            receive
                {'DOWN', Ref, process, Pid, killed} -> ok
            end
        end,
        Callers
    ),
    alcove_ct:until(fun() -> maps:get(busy, alcove_pool:info(Pool)) =:= 0 end).

runs(N, Pool) ->
    Program = ["sh", "-c", "echo y > /tmp/y; (sleep 1000 &); printf x"],
    Run = fun(_) ->
        {ok, #{status := {exit, 0}, stdout := <<"x">>}} = alcove_run:run(Program, #{pool => Pool})
    end,
    Workers = [
        spawn_monitor(fun() -> lists:foreach(Run, lists:seq(1, N div 8)) end)
     || _ <- lists:seq(1, 8)
    ],
    lists:foreach(
        fun({Pid, Ref}) ->
            receive
                {'DOWN', Ref, process, Pid, Reason} -> ?assertEqual(normal, Reason)
            end
        end,
        Workers
    ).

%% Counts while no program runs: of the system when all is ready for the next run, and of the VM.
idle(Others) ->
    alcove_ct:until(fun() -> is_calm(Others) end),
    Ours = below(os:getpid()) -- Others,
    (left())#{
        processes => length(Ours),
        descriptors => lists:sum([descriptors(Pid) || {Pid, _, _, _} <- Ours]),
        groups => length(groups_of(Ours)),
        files => length(filelib:wildcard(filename:join(os:getenv("TMPDIR"), "*"))),
        atoms => erlang:system_info(atom_count),
        of_vm => length(processes()),
        ports => length(erlang:ports()),
        queued => lists:sum([queued(Pid) || Pid <- processes()])
    }.

%% Each port has a template, its next process 1, and the process of the next program.
is_calm(Others) ->
    Ours = below(os:getpid()) -- Others,
    Top = top(Ours),
    [8, 8, 8, 8, 0] =:=
        [length([Pid || {Pid, _, Depth, _} <- Ours, Depth =:= Top + N]) || N <- [0, 1, 2, 3, 4]].

descriptors(Pid) ->
    length(filelib:wildcard("/proc/" ++ Pid ++ "/fd/*")).

queued(Pid) ->
    case process_info(Pid, message_queue_len) of
        {message_queue_len, N} -> N;
        undefined -> 0
    end.

%%
%% Helpers
%%

dir(Config) -> proplists:get_value(dir, Config).

escape(Config) -> path("escape", Config).

path(Name, Config) -> filename:join(dir(Config), Name).

%% The system, the program in /attack, and more.
views(Views, Config) ->
    {view, alcove_sandbox_spec:system() ++ [{dir(Config), "/attack", [ro]} | Views]}.

prepared(Spec, Config) ->
    Described = maps:merge(proplists:get_value(spec, Config, #{}), Spec),
    Root = maps:get(root, Spec, views([], Config)),
    alcove_sandbox:prepare(Described#{root => Root}, [{exec, proplists:get_value(exec, Config)}]).

with(Spec, Config, Fun) ->
    alcove_ct:in_sandbox(prepared(Spec, Config), Fun).

result(Argv, Spec, Config) ->
    with(Spec, Config, fun(Sandbox) ->
        {ok, Result} = alcove_run:run(Argv, #{sandbox => Sandbox, timeout => ?TIMEOUT}),
        Result
    end).

held(Attack, Spec, Config) ->
    held(Attack, Spec, "/attack/escape", Config).

held(Attack, Spec, Program, Config) ->
    #{status := Status, stdout := Out, stderr := Err} = result([Program | Attack], Spec, Config),
    ?assertEqual({Attack, Spec, ?HELD, Out}, {Attack, Spec, Status, Out}, Err).

got(Attack, Spec, Config) ->
    got(Attack, Spec, "/attack/escape", Config).

got(Attack, Spec, Program, Config) ->
    #{status := Status, stdout := Out, stderr := Err} = result([Program | Attack], Spec, Config),
    ?assertEqual({Attack, Spec, ?GOT}, {Attack, Spec, Status}, Err),
    binary_to_list(Out).

%% With the rights of the sandbox's port, held by nothing.
outside(Argv, Config) ->
    unconfined(string:lexemes(proplists:get_value(exec, Config), " ") ++ Argv).

as_root(Argv) ->
    unconfined(string:lexemes(alcove_ct:exec(), " ") ++ Argv).

unconfined(Argv) ->
    {ok, #{status := Status, stdout := Out}} = alcove_run:run(Argv, #{timeout => ?TIMEOUT}),
    {Status, binary_to_list(Out)}.

%% In a user namespace nobody has such rights to lose.
of_root(Fun, Config) ->
    case proplists:get_value(rights, Config) of
        root -> Fun();
        _ -> ok
    end.

%% A process of the same user that has a file open and waits for the end of its input.
with_victim(Config, Fun) ->
    Command = [
        proplists:get_value(exec, Config), " sh -c 'exec 3>>", path("proof", Config),
        "; echo $$; exec cat'"
    ],
    Port = open_port({spawn, lists:flatten(Command)}, [{line, 80}]),
    Pid = receive {Port, {data, {eol, Line}}} -> Line end,
    try
        Fun(Pid)
    after
        _ = erlang:port_info(Port) =:= undefined orelse port_close(Port)
    end.
