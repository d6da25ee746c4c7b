%% SPDX-License-Identifier: ISC

%% Programs in a sandbox: what it is made of, what they see, how they end. As root and as an ordinary user.
-module(alcove_sandbox_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, groups/0, init_per_group/2, end_per_group/2]).
-export([
    wrong_specifications_are_named/1,
    the_guide_lists_what_the_default_filter_denies/1,
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
    program_opens_its_streams_again/1,
    program_is_nobody/1,
    root_with_fewer_rights_takes_a_user_namespace/1,
    first_process_is_of_the_tree/1,
    environment_is_what_was_given/1,
    network_is_its_own/1,
    default_filter_denies_namespaces/1,
    programs_of_today_run_under_the_default_filter/1,
    input_is_opened_by_the_program/1,
    leftovers_are_killed_at_once/1,
    run_is_few_calls/1,
    processes_that_are_killed_are_an_error/1,
    process_that_waits_for_a_program_may_be_killed/1,
    processes_above_a_program_killed_together_leave_nothing/1,
    limits_of_a_process_hold/1,
    processor_time_is_a_status/1,
    processes_are_limited_together/1,
    memory_is_limited_together/1,
    many_programs_run_at_a_time/1,
    sandbox_ends_with_its_owner/1,
    program_process_runs_in_a_sandbox/1,
    one_program_takes_a_specification/1
]).

all() ->
    [wrong_specifications_are_named, the_guide_lists_what_the_default_filter_denies, {group, root}, {group, user}].

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
        program_opens_its_streams_again,
        program_is_nobody,
        root_with_fewer_rights_takes_a_user_namespace,
        first_process_is_of_the_tree,
        environment_is_what_was_given,
        network_is_its_own,
        default_filter_denies_namespaces,
        programs_of_today_run_under_the_default_filter,
        input_is_opened_by_the_program,
        leftovers_are_killed_at_once,
        run_is_few_calls,
        processes_that_are_killed_are_an_error,
        process_that_waits_for_a_program_may_be_killed,
        processes_above_a_program_killed_together_leave_nothing,
        limits_of_a_process_hold,
        processor_time_is_a_status,
        processes_are_limited_together,
        memory_is_limited_together,
        many_programs_run_at_a_time,
        sandbox_ends_with_its_owner,
        program_process_runs_in_a_sandbox,
        one_program_takes_a_specification
    ],
    [{root, [], Cases}, {user, [], Cases}].

init_per_group(root, Config) ->
    alcove_os:needs(Config, [cap_sys_admin, cap_setuid], fun() -> init_group(root, Config) end);
init_per_group(user, Config) ->
    init_group(user, Config).

init_group(Group, Config) ->
    Options = options(Group),
    case alcove_sandbox:prepare(#{}, Options) of
        {ok, Sandbox} ->
            ok = alcove_sandbox:close(Sandbox),
            [{options, Options}, {rights, Group} | Config];
        {error, Reason} ->
            {skip, {no_sandbox, Group, Reason}}
    end.

end_per_group(_Group, _Config) ->
    lists:foreach(fun file:del_dir_r/1, filelib:wildcard("/tmp/sandbox." ++ os:getpid() ++ ".*")).

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

%% Each row with the calls, how they are denied, and when not.
the_guide_lists_what_the_default_filter_denies(_Config) ->
    Guide = filename:join(alcove_md:root(), "erlang/doc/sandbox.md"),
    {ok, Text} = file:read_file(Guide),
    [_, Section] = string:split(Text, "| denied | why |"),
    [Table | _] = string:split(Section, "\n\n"),
    Rows = [string:split(Row, " | ", all) || Row <- tl(tl(string:split(Table, "\n", all)))],
    Listed = [listed(Name, Why) || [Denied, Why, _] <- Rows, Name <- quoted(Denied)],
    Default = [{Call, is_enosys(How), When} || {Call, How, When, _} <- alcove_sandbox_seccomp:default()],
    ?assertEqual(lists:usort(Default), lists:usort(Listed)),
    ?assertEqual([], [Call || {Call, _, _, ""} <- alcove_sandbox_seccomp:default()]).

quoted(Text) ->
    case re:run(Text, "`(\\w+)`", [global, {capture, all_but_first, list}]) of
        {match, Names} -> lists:append(Names);
        nomatch -> []
    end.

listed(Name, Why) ->
    Conditions = [list_to_atom(Word) || "cap_" ++ _ = Word <- quoted(Why)] ++ [writable || "rw" <- quoted(Why)],
    {list_to_atom("sys_" ++ Name), string:find(Why, "ENOSYS") =/= nomatch, hd(Conditions ++ [none])}.

is_enosys(enosys) -> true;
is_enosys(_) -> false.

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
    ok = alcove_sandbox_template:close_driver(Drv, none, none),
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
    #{stdout := Out} = result(#{root => {view, alcove_sandbox:system() ++ Views}}, Script, Config),
    ?assertEqual(["/a/rw", "/tmp", "/dev/shm", "no"], words(Out)),
    ?assert(filelib:is_regular(filename:join(Dir, "rw/x"))).

%% What a program can write to is a place for another mount, and the program makes it a link.
links_in_a_view_do_not_lead_a_mount_out(Config) ->
    Dir = dir(Config),
    ok = file:make_symlink("/usr", filename:join(Dir, "link")),
    ok = file:make_symlink("/etc/passwd", filename:join(Dir, "file")),
    Root = fun(Views) -> #{root => {view, alcove_sandbox:system() ++ [{Dir, "/a", [rw]} | Views]}} end,
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
    ?assertMatch(#{status := {exit, 1}}, Host),
    ?assertEqual([], words(sh(#{root => host, proc => false}, "ls -A /proc", Config))).

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

%% By their names in /dev, as any user.
program_opens_its_streams_again(Config) ->
    [
        begin
            Script = "cat /dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr",
            #{status := Status, stdout := Out, stderr := Err} = result(Spec, Script, Config),
            ?assertEqual({Spec, {exit, 0}, <<"out\n">>, <<"err\n">>}, {Spec, Status, Out, Err})
        end
     || Spec <- [#{}, #{user => nobody}, #{user => keep}]
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

%% As in a container.
root_with_fewer_rights_takes_a_user_namespace(Config) ->
    [{exec, Exec}] = proplists:get_value(options, Config),
    case proplists:get_value(rights, Config) of
        root ->
            Fewer = {options, [{exec, Exec ++ " setpriv --bounding-set=-sys_admin"}]},
            ?assertEqual("65534", word(sh(#{}, "id -u", [Fewer | Config]))),
            ?assertNotEqual("65534", word(sh(#{}, "id -u", Config)));
        user ->
            ?assertEqual({error, {namespaces, eperm}}, prepared(#{privileges => root}, Config))
    end.

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
        "use IO::Socket::INET; my @o = (Proto => 'tcp'); "
        "my $l = IO::Socket::INET->new(@o, Listen => 1, LocalAddr => '127.0.0.1') or exit 2; "
        "IO::Socket::INET->new(@o, PeerAddr => '127.0.0.1', PeerPort => $l->sockport) or exit 1;",
    ?assertEqual([{exit, 1}, {exit, 0}], [
        maps:get(status, element(2, run(#{network => Network}, ["perl", "-e", Connect], Config)))
     || Network <- [none, loopback]
    ]).

default_filter_denies_namespaces(Config) ->
    Denied = [
        {"272, 0x10000000", "EPERM"},
        {"272, 0x200", "ok"},
        {"435, 0, 0", "ENOSYS"},
        {"425, 1, 0", "ENOSYS"},
        {"250, 0, 0", "EPERM"},
        {"600", "ENOSYS"},
        {"16, 0, 0x5412, 0", "EPERM"},
        {"16, 0, 0x100005412, 0", "EPERM"},
        {"41, 40, 1, 0", "EAFNOSUPPORT"},
        {"41, 16, 3, 15", "EAFNOSUPPORT"},
        {"41, 16, 3, 0", "ok"},
        {"53, 2, 1, 0, 0", "EAFNOSUPPORT"},
        {"41, 2, 0x80001, 6", "ok"},
        {"41, 10, 2, 17", "ok"},
        {"41, 1, 5, 0", "ok"},
        {"41, 2, 1, 132", "EAFNOSUPPORT"},
        {"41, 2, 5, 0", "EAFNOSUPPORT"},
        {"41, 10, 0x80006, 33", "EAFNOSUPPORT"},
        {"41, 2, 10, 0", "EAFNOSUPPORT"},
        {"16, 0, 0x5423, 0", "EPERM"},
        {"206, 1, 0", "ENOSYS"},
        {"239, 0, 0, 0, 0, 0", "EPERM"},
        {"312, $$, $$, 0, 0, 1", "EPERM"},
        {"438, -1, 0, 0", "EPERM"},
        {"440, -1, 0, 0, 0, 0", "EPERM"},
        {"461, 0, 0, 0", "ENOSYS"},
        {"470, 0, 0, 0, 0", "ENOSYS"},
        {"135, 0x40000", "EPERM"},
        {"135, 0xffffffff", "ok"},
        {"0x40000000 + 39", "ENOSYS"}
    ],
    Perl = [
        "use Errno; sub t { my $r = syscall(shift, @_); "
        "print $r == -1 ? (grep { $!{$_} } qw(EPERM ENOSYS EAFNOSUPPORT)) : 'ok', qq(\\n) }",
        [[" t(", Args, ");"] || {Args, _} <- Denied]
    ],
    case erlang:system_info(system_architecture) of
        "x86_64" ++ _ ->
            {ok, #{stdout := Out}} = run(#{}, ["perl", "-e", iolist_to_binary(Perl)], Config),
            ?assertEqual(Denied, lists:zip([Args || {Args, _} <- Denied], words(Out)));
        _ ->
            ok
    end,
    ?assertMatch(#{status := {exit, 1}}, result(#{}, "unshare -U true", Config)),
    ?assertMatch(#{status := {exit, 0}}, result(#{seccomp => none}, "unshare -U true", Config)),
    ?assertMatch(#{status := {exit, 1}}, result(#{seccomp => {deny, [mkdir, mkdirat]}}, "mkdir /tmp/a", Config)).

%% Those that this machine has in /usr: others are named.
programs_of_today_run_under_the_default_filter(Config) ->
    Scripts = [
        {"bash", "bash -c 'cat <(echo $((6 * 7)))'"},
        {"python3", "python3 -c \"import multiprocessing as m, threading as t, tempfile, subprocess, asyncio, ssl\n"
            "p = m.Process(target=print, args=('42',)); p.start(); p.join()\n"
            "h = t.Thread(target=lambda: None); h.start(); h.join(); q = m.Lock()\n"
            "assert subprocess.check_output(['true']) == b''; asyncio.run(asyncio.sleep(0))\n\""},
        {"gcc",
            "cd /tmp && printf '#include <stdio.h>\\nint main(void){printf(\"42\\\\n\");}' > a.c "
            "&& gcc -O2 a.c && ./a.out"},
        {"g++",
            "cd /tmp && printf '#include <thread>\\n#include <iostream>\\n"
            "int main(){std::thread([]{std::cout << 42;}).join();}' > a.cc "
            "&& g++ -pthread a.cc && ./a.out"},
        {"perl", "perl -e 'print 6 * 7; fork() // die'"},
        {"node", "node -e 'require(\"fs\").readFile(\"/dev/null\", () => console.log(42))'"},
        {"erl", "HOME=/tmp erl -noshell -eval 'io:format(\"~p\", [6 * 7]), halt().'"},
        {"ruby", "ruby -e 'Thread.new { puts 42 }.join'"},
        {"java", "java -version 2>&1 && echo 42"},
        {"go", "go version && echo 42"},
        {"busybox", "busybox sh -c 'echo 42'"}
    ],
    Etc = [{Dir, Dir, []} || Dir <- ["/etc/perl", "/etc/java"], filelib:is_dir(Dir)],
    Root = {view, alcove_sandbox:system() ++ Etc},
    Spec = #{root => Root, limits => #{processes => 256}},
    {Here, Missing} = lists:partition(fun({Name, _}) -> filelib:is_regular("/usr/bin/" ++ Name) end, Scripts),
    with(Spec, Config, fun(Sandbox) ->
        [
            begin
                {ok, Result} = alcove_run:run(["sh", "-c", Script], #{sandbox => Sandbox, timeout => 120000}),
                ?assertMatch({_, #{status := {exit, 0}}}, {Name, Result}),
                ?assertNotEqual({Name, nomatch}, {Name, string:find(maps:get(stdout, Result), "42")})
            end
         || {Name, Script} <- Here
        ]
    end),
    {comment, {not_here, [Name || {Name, _} <- Missing]}}.

%% A file that only root may read is not read for a program that is not root, whatever leads there.
input_is_opened_by_the_program(Config) ->
    Dir = dir(Config),
    ok = file:write_file(filename:join(Dir, "secret"), "secret"),
    ok = file:change_mode(filename:join(Dir, "secret"), 8#600),
    ok = file:write_file(filename:join(Dir, "open"), "open"),
    ok = file:make_symlink("/a/secret", filename:join(Dir, "link")),
    Root = {view, alcove_sandbox:system() ++ [{Dir, "/a", []}]},
    with(#{root => Root}, Config, fun(Sandbox) ->
        Read = fun(File) -> alcove_run:run(["cat"], #{sandbox => Sandbox, stdin => {file, File}}) end,
        ?assertMatch({ok, #{stdout := <<"open">>}}, Read("/a/open")),
        ?assertEqual({error, {stdin, enoent}}, Read("/proc/1/fd/0")),
        case proplists:get_value(rights, Config) of
            root -> ?assertEqual({error, {stdin, eacces}}, Read("/a/link"));
            user -> ok
        end,
        ?assertMatch({ok, #{stdout := <<"open">>}}, Read("/a/open"))
    end).

leftovers_are_killed_at_once(Config) ->
    with(#{}, Config, fun(Sandbox) ->
        Script = "(trap '' TERM HUP; setsid sleep 1000) >/dev/null 2>&1 & sleep 1000 & echo $$",
        [
            ?assertMatch({ok, #{status := {exit, 0}, stdout := <<"2\n">>}},
                alcove_run:run(["sh", "-c", Script], #{sandbox => Sandbox, grace => 60000}))
         || _ <- lists:seq(1, 5)
        ]
    end).

%% One has the program executed. Then process 1 of the next run is cloned and gets ready, in one.
run_is_few_calls(Config) ->
    {module, alcove_drv} = code:ensure_loaded(alcove_drv),
    1 = erlang:trace_pattern({alcove_drv, call, 5}, true, [global]),
    with(#{network => loopback}, Config, fun(Sandbox) ->
        [Slot] = slots(Sandbox),
        1 = erlang:trace(Slot, true, [call]),
        {ok, #{status := {exit, 0}}} = alcove_run:run(["true"], #{sandbox => Sandbox}),
        ok = alcove_ct:until(fun() -> maps:get(idle, alcove_pool:info(Sandbox)) =:= 1 end),
        ?assertEqual([batch, batch], made(Slot))
    end).

made(Slot) ->
    Delivered = erlang:trace_delivered(Slot),
    receive {trace_delivered, Slot, Delivered} -> traced(Slot) end.

traced(Slot) ->
    receive
        {trace, Slot, call, {alcove_drv, call, [_Drv, _Path, Name, _Args, _Timeout]}} -> [Name | traced(Slot)]
    after 0 -> []
    end.

%% The processes of a sandbox have a title; each is killed while a program runs.
processes_that_are_killed_are_an_error(Config) ->
    with(#{}, Config, fun(Sandbox) ->
        [
            begin
                {Pid, Ref} = spawn_monitor(fun() ->
                    Argv = ["sh", "-c", "trap '' TERM; sleep 1000 & wait"],
                    exit(alcove_run:run(Argv, #{sandbox => Sandbox, grace => 100}))
                end),
                Slot = busy(Sandbox),
                Below = below(Slot),
                killed(lists:nth(min(N, length(Below)), Below), Config),
                receive
                    {'DOWN', Ref, process, Pid, Result} ->
                        ?assertMatch({error, {Part, _}} when Part =:= keeper; Part =:= driver, Result)
                end,
                alcove_ct:until(fun() -> not lists:any(fun alcove_ct:is_running/1, Below) end)
            end
         || N <- [1, 2, 3]
        ],
        ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"], #{sandbox => Sandbox}))
    end).

%% Its end is noticed, and nobody gets it as that of his program.
process_that_waits_for_a_program_may_be_killed(Config) ->
    with(#{}, Config, fun(Sandbox) ->
        [Port] = ports(Sandbox),
        killed(lists:last(below(Port)), Config),
        ok = alcove_ct:until(fun() -> maps:get(idle, alcove_pool:info(Sandbox)) =:= 0 end),
        ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"], #{sandbox => Sandbox}))
    end).

%% The kernel ends the namespace with its first process.
processes_above_a_program_killed_together_leave_nothing(Config) ->
    with(#{}, Config, fun(Sandbox) ->
        {Pid, Ref} = spawn_monitor(fun() ->
            Argv = ["sh", "-c", "trap '' TERM; setsid sleep 1000 & wait"],
            exit(alcove_run:run(Argv, #{sandbox => Sandbox, grace => 100}))
        end),
        Below = below(busy(Sandbox)),
        ok = alcove_ct:kill_together(lists:sublist(Below, 3), fun() -> ok end),
        receive
            {'DOWN', Ref, process, Pid, Result} -> ?assertMatch({error, {driver, _}}, Result)
        end,
        alcove_ct:until(fun() -> not lists:any(fun alcove_ct:is_running/1, Below) end),
        ?assertMatch({ok, #{status := {exit, 0}}}, alcove_run:run(["true"], #{sandbox => Sandbox}))
    end).

%% The port of the driver whose program runs.
busy(Sandbox) ->
    case [Pid || Pid <- ports(Sandbox), length(below(Pid)) >= 5] of
        [Pid | _] -> Pid;
        [] -> receive after 20 -> busy(Sandbox) end
    end.

slots(Sandbox) ->
    {links, Links} = process_info(Sandbox, links),
    [Slot || Slot <- Links, is_pid(Slot)].

ports(Sandbox) ->
    [
        Pid
     || Slot <- slots(Sandbox),
        {monitors, Monitors} <- [process_info(Slot, monitors)],
        {process, Drv} <- Monitors,
        {links, DrvLinks} <- [process_info(Drv, links)],
        Port <- DrvLinks,
        is_port(Port),
        {os_pid, Pid} <- [erlang:port_info(Port, os_pid)]
    ].

%% The port, the template, process 1, the program and what it has started.
below(Pid) ->
    Name = integer_to_list(Pid),
    case file:read_file(["/proc/", Name, "/task/", Name, "/children"]) of
        {ok, Children} -> [Pid | lists:append([below(list_to_integer(C)) || C <- words(Children)])];
        {error, _} -> []
    end.

killed(Pid, _Config) ->
    "" = os:cmd("kill -9 " ++ integer_to_list(Pid) ++ " 2>&1 || sudo -n kill -9 " ++ integer_to_list(Pid)).

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
                closed(Sandbox);
            {error, {processes, Reason}} ->
                ct:comment({no_control_group, Reason})
        end
     || Spec <- [#{}, #{user => {1000, 1000}}]
    ].

memory_is_limited_together(Config) ->
    Limits = #{memory => 64 bsl 20, processes => 16},
    Hungry = ["perl", "-e",
        "pipe(R, W); my $child = fork() == 0; my $x = 'x' x (40 << 20); "
        "if ($child) { syswrite(W, 'x'); sleep(1000) } close(W); exit(sysread(R, $x, 1) ? 0 : 1)"
    ],
    Run = fun(Sandbox) -> alcove_run:run(Hungry, #{sandbox => Sandbox, timeout => 60000}) end,
    case prepared(#{limits => Limits}, Config) of
        {ok, Sandbox} ->
            [?assertMatch({ok, #{status := out_of_memory}}, Run(Sandbox)) || _ <- [1, 2]],
            {ok, Fine} = alcove_run:run(["sh", "-c", "exit 3"], #{sandbox => Sandbox}),
            ?assertMatch(#{status := {exit, 3}}, Fine),
            closed(Sandbox);
        {error, {memory, Reason}} ->
            % one process may map no more
            Large = ["perl", "-e", "my $x = 'x' x (80 << 20)"],
            {ok, Result} = run(#{limits => Limits, require => [processes]}, Large, Config),
            ?assertNotMatch(#{status := {exit, 0}}, Result),
            {comment, {no_control_group, Reason}}
    end.

%% A sandbox leaves no group of its own; those of other virtual machines come and go.
closed(Sandbox) ->
    Groups = groups_of_us(),
    ok = alcove_sandbox:close(Sandbox),
    ?assertEqual([], [Group || Group <- Groups, filelib:is_dir(Group)]).

groups_of_us() ->
    Ours = [integer_to_list(Pid) || Pid <- below(list_to_integer(os:getpid()))],
    [
        Group
     || Depth <- ["", "/*", "/*/*", "/*/*/*"],
        Group <- filelib:wildcard("/sys/fs/cgroup" ++ Depth ++ "/alcove-sandbox-*"),
        lists:member(lists:last(string:split(Group, "-", trailing)), Ours)
    ].

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
    alcove_ct:in_sandbox(prepared(Spec, Config), Fun).

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
