%% Programs in a sandbox: what it is made of, what they see, how they end. As root and as an ordinary user.
-module(alcove_sandbox_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, groups/0, init_per_group/2, end_per_group/2]).
-export([
    wrong_specifications_are_named/1,
    what_fails_is_named/1,
    what_is_not_required_may_be_missing/1,
    support_is_tried/1
]).
-export([
    program_sees_its_view_and_nothing_else/1,
    view_is_as_writable_as_it_says/1,
    links_in_a_view_do_not_lead_a_mount_out/1,
    directory_is_the_root/1,
    runs_share_no_files/1,
    program_has_three_descriptors/1,
    program_is_nobody/1,
    first_process_is_of_the_tree/1,
    environment_is_what_was_given/1,
    network_is_its_own/1,
    default_filter_denies_namespaces/1,
    limits_of_a_process_hold/1,
    processor_time_is_a_status/1,
    processes_are_limited_together/1,
    memory_is_limited_together/1,
    processors_are_limited_together/1,
    many_programs_run_at_a_time/1,
    sandbox_ends_with_its_owner/1,
    program_process_runs_in_a_sandbox/1,
    one_program_takes_a_specification/1
]).

all() ->
    [wrong_specifications_are_named, {group, root}, {group, user}].

suite() ->
    [{timetrap, {minutes, 5}}].

groups() ->
    Cases = [
        what_fails_is_named,
        what_is_not_required_may_be_missing,
        support_is_tried,
        program_sees_its_view_and_nothing_else,
        view_is_as_writable_as_it_says,
        links_in_a_view_do_not_lead_a_mount_out,
        directory_is_the_root,
        runs_share_no_files,
        program_has_three_descriptors,
        program_is_nobody,
        first_process_is_of_the_tree,
        environment_is_what_was_given,
        network_is_its_own,
        default_filter_denies_namespaces,
        limits_of_a_process_hold,
        processor_time_is_a_status,
        processes_are_limited_together,
        memory_is_limited_together,
        processors_are_limited_together,
        many_programs_run_at_a_time,
        sandbox_ends_with_its_owner,
        program_process_runs_in_a_sandbox,
        one_program_takes_a_specification
    ],
    [{root, [], Cases}, {user, [], Cases}].

init_per_group(Group, Config) ->
    Options = options(Group),
    case alcove_sandbox:prepare(#{}, Options) of
        {ok, Sandbox} ->
            ok = alcove_sandbox:close(Sandbox),
            [{options, Options}, {rights, Group} | Config];
        {error, Reason} ->
            {skip, {no_sandbox, Group, Reason}}
    end.

end_per_group(_Group, _Config) ->
    ok.

%% An ordinary user has no more than the right to make a user namespace.
options(root) -> alcove_ct:options([]);
options(user) -> [{exec, user(os:cmd("id -u"))}].

user("0\n") -> "setpriv --reuid 1234 --regid 1234 --clear-groups";
user(_) -> "".

%%
%% Specification
%%

wrong_specifications_are_named(_Config) ->
    Wrong = [
        {#{roots => host}, roots},
        {#{root => {view, [{"usr", "/usr", []}]}}, root},
        {#{root => {view, [{"/usr", "/", []}]}}, root},
        {#{root => {view, [{"/usr", "/a/../b", []}]}}, root},
        {#{root => {view, [{"/usr", "/usr", [ro, rw]}]}}, root},
        {#{root => {view, [{"/usr", "/usr", [suid]}]}}, root},
        {#{root => {view, [{"/usr", "/usr", []}, {"/bin", "/usr/", []}]}}, root},
        {#{root => {directory, "a"}}, root},
        {#{tmp => 0}, tmp},
        {#{proc => none}, proc},
        {#{dev => all}, dev},
        {#{network => lo}, network},
        {#{hostname => ""}, hostname},
        {#{hostname => lists:duplicate(65, $a)}, hostname},
        {#{user => {0, -1}}, user},
        {#{privileges => none}, privileges},
        {#{capabilities => [cap_none]}, capabilities},
        {#{no_new_privs => false}, no_new_privs},
        {#{seccomp => strict}, seccomp},
        {#{limits => #{memory => 0}}, limits},
        {#{limits => #{threads => 1}}, limits},
        {#{require => [root]}, require},
        {[], sandbox}
    ],
    [
        ?assertEqual({Key, {badarg, Key}}, {Key, alcove_ct:raised(fun() -> alcove_sandbox:prepare(Spec, []) end)})
     || {Spec, Key} <- Wrong
    ],
    ?assertEqual({badarg, tmp}, alcove_ct:raised(fun() -> alcove_run:run(["true"], #{sandbox => #{tmp => 0}}) end)),
    [
        ?assertEqual(
            {badarg, Key}, alcove_ct:raised(fun() -> alcove_run:run(["true"], #{sandbox => #{}, Key => Value}) end)
        )
     || {Key, Value} <- [{user, 1}, {pool, default}, {driver, self()}]
    ],
    ok.

%% A filter of the port has one call of the system fail.
what_fails_is_named(Config) ->
    Steps = [
        {sys_unshare, #{}, namespaces},
        {sys_sethostname, #{}, hostname},
        {sys_close_range, #{}, descriptors},
        {sys_mount_setattr, #{}, view},
        {sys_move_mount, #{}, view},
        {sys_pivot_root, #{}, root},
        {sys_capset, #{}, capabilities},
        {sys_keyctl, #{}, keyring},
        {sys_mount, #{}, root},
        {sys_umount2, #{}, root}
    ] ++ [{sys_setgroups, #{}, user} || proplists:get_value(rights, Config) =:= root],
    [
        ?assertEqual({Call, {error, {Step, eperm}}}, {Call, failing(Call, Spec, Config)})
     || {Call, Spec, Step} <- Steps
    ],
    ?assertMatch({error, {view, {_, eperm}}}, failing(sys_open_tree, #{}, Config)),
    ?assertMatch({error, {root, {<<"/">>, eperm}}}, failing(sys_open_tree, #{root => host}, Config)),
    ?assertMatch({error, {view, {<<"/none">>, enoent}}}, prepared(#{root => {view, [{"/none", "/a", []}]}}, Config)),
    ?assertMatch({error, {root, {<<"/none">>, enoent}}}, prepared(#{root => {directory, "/none"}}, Config)),
    ?assertMatch({error, {seccomp, {unknown, [sys_none]}}}, prepared(#{seccomp => {deny, [none]}}, Config)).

prepared(Spec, Config) ->
    alcove_sandbox:prepare(Spec, proplists:get_value(options, Config)).

failing(Call, Spec, Config) ->
    without(Call, fun(Drv) -> attempt(Spec, Drv) end, Config).

without(Call, Fun, Config) ->
    {ok, Drv} = alcove_job:driver(proplists:get_value(options, Config), 100),
    Nr = alcove:syscall_constant(Drv, [], Call),
    Filter = iolist_to_binary([
        alcove_seccomp:stmt(16#20, 0),
        alcove_seccomp:jump(16#15, Nr, 0, 1),
        alcove_seccomp:stmt(16#06, 16#50001),
        alcove_seccomp:stmt(16#06, 16#7fff0000)
    ]),
    Program = [<<(byte_size(Filter) div 8):16/native>>, <<0:(alcove:wordalign(2) * 8)>>, {ptr, Filter}],
    {ok, _, _, _, _, _} = alcove:prctl(Drv, [], pr_set_no_new_privs, 1, 0, 0, 0),
    ok = alcove:seccomp(Drv, [], seccomp_set_mode_filter, 0, Program),
    Result = Fun(Drv),
    ok = alcove_job:close_driver(Drv),
    Result.

attempt(Spec, Drv) ->
    case alcove_sandbox_template:prepare(Drv, alcove_sandbox_spec:checked(Spec)) of
        {ok, Template} -> in_template(Template);
        Error -> Error
    end.

in_template(Template) ->
    case alcove_sandbox_template:keeper(Template, 100, 65536) of
        {ok, Keeper} ->
            case alcove_job:start(Keeper, #{argv => [<<"true">>], stdin => <<>>}, [], infinity) of
                {ok, _} -> started;
                Error -> Error
            end;
        Error ->
            Error
    end.

what_is_not_required_may_be_missing(Config) ->
    [
        ?assertEqual({Call, {error, {Feature, eperm}}, started}, {
            Call, failing(Call, Spec, Config), failing(Call, Spec#{require => []}, Config)
        })
     || {Call, Feature, Spec} <- [{sys_keyctl, keyring, #{}}]
    ],
    ?assertEqual({error, {keyring, eperm}}, failing(sys_keyctl, #{require => [keyring]}, Config)),
    ?assertEqual({error, {hostname, eperm}}, failing(sys_sethostname, #{require => []}, Config)).

support_is_tried(Config) ->
    Options = proplists:get_value(options, Config),
    Spec = #{limits => #{memory => 64 bsl 20, cpu_time => 1, open_files => 10}},
    Support = alcove_sandbox:supported(Spec, Options),
    ?assertEqual(
        [cpu_time, dev, keyring, memory, network, open_files, out_of_memory, proc, sandbox, seccomp, tmp],
        lists:sort(maps:keys(Support))
    ),
    Unsupported = maps:without([memory, out_of_memory], maps:filter(fun(_, Result) -> Result =/= ok end, Support)),
    ?assertEqual(#{}, Unsupported),
    % what it says is what happens
    case {maps:get(memory, Support), prepared(Spec, Config)} of
        {ok, {ok, Sandbox}} -> ok = alcove_sandbox:close(Sandbox);
        {{error, {Reason, [_ | _]}}, Error} -> ?assertEqual({error, Reason}, Error)
    end,
    Nowhere = alcove_sandbox:supported(#{root => {directory, "/none"}}, Options),
    ?assertMatch(#{sandbox := {error, {{root, {<<"/none">>, enoent}}, [_ | _]}}}, Nowhere).

%%
%% What programs see
%%

program_sees_its_view_and_nothing_else(Config) ->
    Names = words(sh(#{}, "ls -A / /proc; ls -A /dev", Config)),
    ?assertEqual([], Names -- [
        "/:", "/proc:", "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp",
        "usr", "self", "thread-self", "2", "3", "4", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr",
        "stdin", "stdout", "tty", "urandom", "zero"
    ]),
    ?assertEqual(["sandbox", "judge"], [
        word(sh(Spec, "uname -n", Config)) || Spec <- [#{}, #{hostname => "judge"}]
    ]),
    Bare = #{
        root => {view, [{"/bin/busybox", "/sh", []}]}, tmp => none, proc => false, dev => none
    },
    {ok, Result} = run(Bare, ["/sh", "-c", "echo /*"], Config),
    ?assertMatch(#{status := {exit, 0}, stdout := <<"/sh\n">>}, Result).

view_is_as_writable_as_it_says(Config) ->
    Dir = dir(Config),
    [ok = file:make_dir(filename:join(Dir, Name)) || Name <- ["ro", "rw", "noexec"]],
    [ok = file:change_mode(filename:join(Dir, Name), 8#777) || Name <- ["ro", "rw"]],
    ok = file:write_file(filename:join(Dir, "noexec/run"), "#!/bin/sh\n"),
    ok = file:change_mode(filename:join(Dir, "noexec/run"), 8#755),
    Views = [
        {filename:join(Dir, "ro"), "/a", [ro]},
        {filename:join(Dir, "rw"), "/a/rw", [rw]},
        {filename:join(Dir, "noexec"), "/noexec", [noexec]}
    ],
    ok = file:make_dir(filename:join(Dir, "ro/rw")),
    Script =
        "for d in / /a /a/rw /usr /dev /etc /noexec /tmp /dev/shm; do touch $d/x && echo $d; done; "
        "/noexec/run || echo no",
    #{stdout := Out} = result(#{root => {view, alcove_sandbox_spec:system() ++ Views}}, Script, Config),
    ?assertEqual(["/a/rw", "/tmp", "/dev/shm", "no"], words(Out)),
    ?assert(filelib:is_regular(filename:join(Dir, "rw/x"))).

%% What a program can write to is a place for another mount, and the program makes it a link.
links_in_a_view_do_not_lead_a_mount_out(Config) ->
    Dir = dir(Config),
    ok = file:make_symlink("/usr", filename:join(Dir, "link")),
    ok = file:make_symlink("/etc/passwd", filename:join(Dir, "file")),
    Root = fun(Views) -> #{root => {view, alcove_sandbox_spec:system() ++ [{Dir, "/a", [rw]} | Views]}} end,
    [
        ?assertMatch(
            {error, {view, {_, Reason}}} when Reason =:= enotdir; Reason =:= eloop, prepared(Root([View]), Config)
        )
     || View <- [{"/etc", "/a/link", []}, {"/etc", "/a/link/local", []}, {"/bin/sh", "/a/file", []}]
    ],
    ok = file:make_symlink("/usr", filename:join(Dir, "tmp")),
    ?assertMatch({error, {tmp, {_, enotdir}}}, prepared(#{root => {directory, Dir}}, Config)).

directory_is_the_root(Config) ->
    Dir = dir(Config),
    [ok = file:make_dir(filename:join(Dir, Name)) || Name <- ["bin", "tmp", "proc", "dev"]],
    {ok, _} = file:copy("/bin/busybox", filename:join(Dir, "bin/busybox")),
    ok = file:change_mode(filename:join(Dir, "bin/busybox"), 8#755),
    Spec = #{root => {directory, Dir}},
    {ok, Result} = run(Spec, ["/bin/busybox", "sh", "-c", "echo /*; >/new; >/tmp/new && echo /tmp/*"], Config),
    ?assertMatch(#{stdout := <<"/bin /dev /proc /tmp\n/tmp/new\n">>}, Result),
    ?assertMatch({error, {proc, {_, enoent}}}, begin
        ok = file:del_dir(filename:join(Dir, "proc")),
        prepared(Spec, Config)
    end),
    Host = result(#{root => host}, "touch /etc/x /usr/x /x || cat /etc/hostname /proc/1/comm", Config),
    ?assertMatch(#{status := {exit, 1}}, Host).

runs_share_no_files(Config) ->
    with(#{}, Config, fun(Sandbox) ->
        Write = "ls -A /tmp /dev/shm | grep mine && exit 9; touch /tmp/mine /dev/shm/mine && ls -A /tmp",
        [
            ?assertMatch(
                {ok, #{status := {exit, 0}, stdout := <<"mine\n">>}},
                alcove_run:run(["sh", "-c", Write], #{sandbox => Sandbox})
            )
         || _ <- lists:seq(1, 3)
        ]
    end).

program_has_three_descriptors(Config) ->
    [
        ?assertEqual(["0", "1", "2"], words(sh(Spec, "ls /proc/$$/fd", Config)))
     || Spec <- [#{}, #{network => loopback}, #{dev => pts}]
    ].

program_is_nobody(Config) ->
    [Uid, Gid, Groups | Caps] = words(sh(#{}, "id -u; id -g; id -G; grep ^Cap /proc/self/status | cut -f2", Config)),
    ?assertEqual([Gid], [Groups]),
    ?assertNotEqual("0", Uid),
    ?assertEqual(lists:duplicate(5, "0000000000000000"), Caps),
    ?assertEqual("1", word(sh(#{}, "grep ^NoNewPrivs /proc/self/status | cut -f2", Config))),
    ?assertEqual(["0", "0", "0000000000000000"],
        words(sh(#{user => {0, 0}}, "id -u; id -g; grep ^CapEff /proc/self/status | cut -f2", Config))),
    ?assertEqual("0000000000000001",
        word(sh(#{capabilities => [cap_chown]}, "grep ^CapEff /proc/self/status | cut -f2", Config))).

first_process_is_of_the_tree(Config) ->
    Orphan =
        "sh -c 'sleep 0.01 & echo $! $PPID'; sleep 0.1; ls /proc; kill -9 1; kill -TERM 1; "
        "cat /proc/1/fd/0; echo $$ $PPID",
    #{status := Status, stdout := Out} = result(#{}, Orphan, Config),
    ?assertEqual({exit, 0}, Status),
    Words = words(Out),
    ?assertEqual(["2", "1"], lists:nthtail(length(Words) - 2, Words)),
    ?assertNot(lists:member("1", lists:droplast(Words))).

environment_is_what_was_given(Config) ->
    true = os:putenv("SECRET", "secret"),
    with(#{}, Config, fun(Sandbox) ->
        {ok, #{stdout := Out}} = alcove_run:run(["env"], #{sandbox => Sandbox, env => [{"A", "b"}]}),
        ?assertMatch([<<"A=b">>, <<"PATH=", _/binary>>], lists:sort(binary:split(Out, <<"\n">>, [global, trim]))),
        {ok, #{stdout := Clear}} =
            alcove_run:run(["/usr/bin/env"], #{sandbox => Sandbox, env => [{"A", "b"}], clear_env => true}),
        ?assertEqual(<<"A=b\n">>, Clear)
    end).

network_is_its_own(Config) ->
    Interfaces = "cat /proc/self/net/dev | tail -n +3 | cut -d: -f1; ip -o link show lo up 2>/dev/null",
    ?assertEqual(["lo"], words(sh(#{}, Interfaces, Config))),
    {ok, [_, _ | Host]} = file_lines("/proc/net/dev"),
    ?assertEqual(
        length(Host), length(words(sh(#{network => host}, "tail -n +3 /proc/self/net/dev | cut -d: -f1", Config)))
    ),
    Connect =
        "import socket as s; l = s.create_server(('127.0.0.1', 0)); s.create_connection(l.getsockname()); print('ok')",
    ?assertEqual([{exit, 1}, {exit, 0}], [
        maps:get(status, result(#{network => Network}, ["python3 -c \"", Connect, "\""], Config))
     || Network <- [none, loopback]
    ]).

default_filter_denies_namespaces(Config) ->
    Python = [
        "import ctypes, os, errno\n"
        "c = ctypes.CDLL(None, use_errno=True)\n"
        "def t(n, *a):\n"
        "    ctypes.set_errno(0); r = c.syscall(n, *a); print(errno.errorcode.get(ctypes.get_errno(), 'ok'))\n"
        "t(272, 0x10000000); t(272, 0x200); t(435, 0, 0); t(425, 1, 0); t(250, 0, 0); t(600)\n"
        "t(16, 0, 0x5412, 0); t(16, 0, 0x100005412, 0); t(41, 40, 1, 0); t(135, 0x40000); t(135, 0xffffffff)\n"
    ],
    case erlang:system_info(system_architecture) of
        "x86_64" ++ _ ->
            ?assertEqual(
                ["EPERM", "ok", "ENOSYS", "ENOSYS", "EPERM", "ENOSYS", "EPERM", "EPERM", "EAFNOSUPPORT", "EPERM", "ok"],
                words(sh(#{}, ["python3 -c \"", Python, "\""], Config))
            );
        _ ->
            ok
    end,
    ?assertMatch(#{status := {exit, 1}}, result(#{}, "unshare -U true", Config)),
    ?assertMatch(#{status := {exit, 0}}, result(#{seccomp => none}, "unshare -U true", Config)),
    ?assertMatch(#{status := {exit, 1}}, result(#{seccomp => {deny, [mkdir, mkdirat]}}, "mkdir /tmp/a", Config)).

%%
%% Limits
%%

limits_of_a_process_hold(Config) ->
    Limits = #{open_files => 32, file_size => 1048576, stack => 4194304},
    Out = sh(#{limits => Limits}, "ulimit -n; ulimit -f; ulimit -s; ulimit -c", Config),
    ?assertEqual(["32", "2048", "4096", "0"], words(Out)).

processor_time_is_a_status(Config) ->
    Spec = #{limits => #{cpu_time => 1}},
    ?assertMatch(#{status := cpu_time}, result(Spec, "while :; do :; done", Config)),
    ?assertMatch(#{status := cpu_time}, result(Spec, "trap '' XCPU; while :; do :; done", Config)),
    ?assertMatch(#{status := {signal, sigxcpu}}, result(Spec, "kill -XCPU $$", Config)).

processes_are_limited_together(Config) ->
    Script = "for i in 1 2 3 4 5 6 7; do sleep 100 & done; echo seven; sleep 100 & echo eight; kill $(jobs -p)",
    [
        case prepared(Spec#{limits => #{processes => 8}}, Config) of
            {ok, Sandbox} ->
                Run = fun() -> alcove_run:run(["sh", "-c", Script], #{sandbox => Sandbox}) end,
                [?assertMatch({ok, #{stdout := <<"seven\n">>, status := {exit, 2}}}, Run()) || _ <- [1, 2]],
                ok = alcove_sandbox:close(Sandbox);
            {error, {processes, Reason}} ->
                ct:comment({no_control_group, Reason})
        end
     || Spec <- [#{}, #{user => {1000, 1000}}]
    ],
    no_groups().

memory_is_limited_together(Config) ->
    Limits = #{memory => 64 bsl 20, processes => 16},
    Hungry = ["python3", "-c", "import os; os.fork(); x = b'x' * (40 << 20); input()"],
    Run = fun(Sandbox) -> alcove_run:run(Hungry, #{sandbox => Sandbox, timeout => 60000}) end,
    case prepared(#{limits => Limits}, Config) of
        {ok, Sandbox} ->
            [?assertMatch({ok, #{status := out_of_memory}}, Run(Sandbox)) || _ <- [1, 2]],
            {ok, Fine} = alcove_run:run(["sh", "-c", "exit 3"], #{sandbox => Sandbox}),
            ?assertMatch(#{status := {exit, 3}}, Fine),
            ok = alcove_sandbox:close(Sandbox),
            no_groups();
        {error, {memory, Reason}} ->
            % one process may map no more
            Large = ["python3", "-c", "x = b'x' * (80 << 20)"],
            {ok, Result} = run(#{limits => Limits, require => [processes]}, Large, Config),
            ?assertMatch(#{status := {exit, 1}}, Result),
            {comment, {no_control_group, Reason}}
    end.

processors_are_limited_together(Config) ->
    case prepared(#{limits => #{cpu_quota => 0.5}}, Config) of
        {ok, Sandbox} ->
            ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"], #{sandbox => Sandbox})),
            Groups = lists:append([filelib:wildcard(Dir ++ "/cpu.{max,cfs_quota_us}") || Dir <- groups_left()]),
            ?assert(lists:any(fun is_half/1, [element(2, file:read_file(File)) || File <- Groups])),
            ok = alcove_sandbox:close(Sandbox),
            no_groups();
        {error, {cpu_quota, Reason}} ->
            {comment, {no_control_group, Reason}}
    end.

is_half(<<"50000\n">>) -> true;
is_half(<<"50000 100000\n">>) -> true;
is_half(_) -> false.

%% Those of this machine's other virtual machines come and go.
groups_left() ->
    lists:append(
        [filelib:wildcard("/sys/fs/cgroup" ++ Depth ++ "/alcove-sandbox-*") || Depth <- ["", "/*", "/*/*", "/*/*/*"]]
    ).

no_groups() ->
    Ours = [Dir || Dir <- groups_left(), is_of_us(lists:last(string:split(Dir, "-", trailing)))],
    ?assertEqual([], Ours).

is_of_us(Pid) -> filelib:is_dir("/proc/" ++ Pid) =:= false.

%%
%% Runs and owners
%%

many_programs_run_at_a_time(Config) ->
    with(#{}, Config, fun(Sandbox) ->
        Self = self(),
        Runs = [
            spawn_link(fun() ->
                Text = integer_to_binary(N),
                {ok, #{stdout := Out}} = alcove_run:run(["cat"], #{sandbox => Sandbox, stdin => Text}),
                Self ! {self(), Out =:= Text}
            end)
         || N <- lists:seq(1, 24)
        ],
        ?assert(lists:all(fun(Run) -> receive {Run, IsSame} -> IsSame end end, Runs))
    end).

sandbox_ends_with_its_owner(Config) ->
    Self = self(),
    {Owner, Ref} = spawn_monitor(fun() ->
        {ok, Sandbox} = prepared(#{}, Config),
        Self ! {self(), Sandbox},
        receive stop -> ok end
    end),
    Sandbox = receive {Owner, S} -> S end,
    Pool = monitor(process, Sandbox),
    Owner ! stop,
    receive {'DOWN', Ref, process, _, _} -> ok end,
    receive {'DOWN', Pool, process, _, normal} -> ok end,
    ?assertMatch({error, {pool, noproc}}, alcove_run:run(["true"], #{sandbox => Sandbox})).

program_process_runs_in_a_sandbox(Config) ->
    with(#{hostname => "program"}, Config, fun(Sandbox) ->
        {ok, Program} = alcove_program:start_link(#{
            argv => ["sh", "-c", "uname -n; cat"], output => passive, lines => true, sandbox => Sandbox
        }),
        ?assertEqual({ok, stdout, <<"program">>}, alcove_program:read(Program)),
        ok = alcove_program:write(Program, "a line\n"),
        ?assertEqual({ok, stdout, <<"a line">>}, alcove_program:read(Program)),
        ?assertMatch({ok, _}, alcove_program:stop(Program))
    end).

one_program_takes_a_specification(Config) ->
    case proplists:get_value(options, Config) of
        [{exec, ""}] ->
            {ok, Result} = alcove_run:run(["uname", "-n"], #{sandbox => #{hostname => "once"}}),
            ?assertMatch(#{stdout := <<"once\n">>}, Result);
        _ ->
            Options = [{exec, Exec} || {exec, Exec} <- proplists:get_value(options, Config)],
            {ok, Program} = alcove_program:start_link(maps:merge(maps:from_list(Options), #{
                argv => ["uname", "-n"], output => passive, lines => true, sandbox => #{hostname => "once"}
            })),
            ?assertEqual({ok, stdout, <<"once">>}, alcove_program:read(Program)),
            ?assertEqual(eof, alcove_program:read(Program))
    end.

%%
%% Helpers
%%

with(Spec, Config, Fun) ->
    {ok, Sandbox} = prepared(Spec, Config),
    try
        Fun(Sandbox)
    after
        ok = alcove_sandbox:close(Sandbox)
    end.

run(Spec, Argv, Config) ->
    with(Spec, Config, fun(Sandbox) -> alcove_run:run(Argv, #{sandbox => Sandbox, timeout => 60000}) end).

result(Spec, Script, Config) ->
    {ok, Result} = run(Spec, ["sh", "-c", iolist_to_binary(Script)], Config),
    Result.

sh(Spec, Script, Config) ->
    #{status := {exit, 0}, stdout := Out} = result(Spec, Script, Config),
    Out.

words(Out) ->
    string:lexemes(binary_to_list(Out), " \n").

word(Out) ->
    [Word] = words(Out),
    Word.

file_lines(Path) ->
    {ok, Text} = file:read_file(Path),
    {ok, binary:split(Text, <<"\n">>, [global, trim])}.

%% A directory that everybody may enter.
dir(_Config) ->
    Dir = filename:join("/tmp", "sandbox." ++ os:getpid() ++ "." ++ integer_to_list(erlang:unique_integer([positive]))),
    ok = file:make_dir(Dir),
    Dir.
