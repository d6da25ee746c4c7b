%% SPDX-License-Identifier: ISC

%% The library as prx uses it: calls by the codec and a message to the driver, replies and
%% events as they come, the port program executed again inside the tree.
-module(alcove_prx_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").

-export([all/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    every_call_has_its_arity/1,
    driver_starts_with_the_program_and_folder_of_another_application/1,
    port_has_a_pid/1,
    call_is_sent_by_a_message_and_answered_by_one/1,
    calls_are_answered_in_order_to_each_process/1,
    refused_call_is_a_bare_atom/1,
    filter_blocks_all_but_a_list/1,
    process_that_is_gone_is_a_badpid/1,
    exit_is_answered_by_the_end_of_the_control_socket/1,
    program_is_answered_by_the_end_of_the_control_socket/1,
    program_that_is_not_found_is_an_answer/1,
    data_that_is_not_read_is_reported/1,
    data_that_is_too_large_is_refused/1,
    frame_that_is_too_large_is_a_value/1,
    signal_is_an_event_of_its_process/1,
    options_have_their_names_and_defaults/1,
    children_are_described/1,
    output_is_counted/1,
    port_is_executed_again_from_a_descriptor/1,
    port_is_executed_again_in_a_clone/1,
    port_executed_again_keeps_its_descendants_apart/1,
    root_becomes_a_program/1,
    raw_output_is_not_looked_at/1,
    only_the_owner_sends_calls/1,
    owner_is_told_when_the_port_ends/1
]).

-define(LIMIT, 30000).

%% What prx calls by name, less the ones for other systems.
-define(CALLS, [
    {cap_enter, 0},
    {cap_fcntls_get, 1},
    {cap_fcntls_limit, 2},
    {cap_getmode, 0},
    {cap_ioctls_limit, 2},
    {cap_rights_limit, 2},
    {chdir, 1},
    {chmod, 2},
    {chown, 3},
    {chroot, 1},
    {clearenv, 0},
    {clone, 1},
    {close, 1},
    {cpid, 0},
    {environ, 0},
    {execve, 3},
    {execvp, 2},
    {exit, 1},
    {fcntl, 3},
    {fcntl_constant, 1},
    {fexecve, 3},
    {filter, 2},
    {fork, 0},
    {getcwd, 0},
    {getenv, 1},
    {getgid, 0},
    {getgroups, 0},
    {gethostname, 0},
    {getopt, 1},
    {getpgrp, 0},
    {getpid, 0},
    {getpriority, 2},
    {getresgid, 0},
    {getresuid, 0},
    {getrlimit, 1},
    {getsid, 1},
    {getuid, 0},
    {ioctl, 3},
    {jail, 1},
    {kill, 2},
    {lseek, 3},
    {mkdir, 2},
    {mkfifo, 2},
    {mount, 6},
    {open, 3},
    {pivot_root, 2},
    {pledge, 2},
    {prctl, 5},
    {procctl, 4},
    {ptrace, 4},
    {read, 2},
    {readdir, 1},
    {rmdir, 1},
    {seccomp, 3},
    {select, 4},
    {setcpid, 3},
    {setenv, 3},
    {setgid, 1},
    {setgroups, 1},
    {sethostname, 1},
    {setns, 2},
    {setopt, 2},
    {setpgid, 2},
    {setpriority, 3},
    {setproctitle, 1},
    {setresgid, 3},
    {setresuid, 3},
    {setrlimit, 2},
    {setsid, 0},
    {setuid, 1},
    {sigaction, 2},
    {socket, 3},
    {umount, 1},
    {umount2, 2},
    {unlink, 1},
    {unsetenv, 1},
    {unshare, 1},
    {unveil, 2},
    {waitpid, 2},
    {write, 2}
]).

all() ->
    alcove_os:cases(?MODULE).

init_per_testcase(Case, Config) ->
    case alcove_os:rooted(Config, capabilities(Case)) of
        {skip, _} = Skip -> Skip;
        Rooted -> start(Case, Rooted)
    end.

capabilities(port_is_executed_again_in_a_clone) -> [cap_sys_admin];
capabilities(_) -> [].

%% A copy of the program elsewhere, a folder for the fifo, and a descriptor of the program.
start(Case, Config) ->
    Dir = alcove_os:tree(Config, Case),
    Program = filename:join(Dir, "prx"),
    {ok, _} = file:copy(alcove_drv:progname(), Program),
    ok = file:change_mode(Program, 8#755),
    {ok, Drv} = alcove_drv:start_link(
        alcove_ct:options(
            [{maxchild, 10}, {progname, Program}, {ctldir, Dir} | ?config(port, Config)]
        )
    ),
    {ok, FD} = alcove:open(Drv, [], Program, [o_rdonly, o_cloexec], 0),
    [{drv, Drv}, {dir, Dir}, {program, Program}, {fd, FD} | Config].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(?config(drv, Config)).

%% What prx does for a call.
send(Drv, Pids, Name, Args) ->
    ok = gen_server:call(Drv, {send, alcove_codec:call(Name, Pids, Args)}, infinity).

call(Drv, Pids, Name, Args) ->
    send(Drv, Pids, Name, Args),
    reply(Drv, Pids).

reply(Drv, Pids) ->
    receive
        {alcove_call, Drv, Pids, Reply} -> Reply;
        {alcove_ctl, Drv, _, badpid} -> badpid;
        {alcove_ctl, Drv, Pids, fdctl_closed} -> fdctl_closed
    after ?LIMIT ->
        error({no_reply, Pids, process_info(self(), messages)})
    end.

fork(Drv, Pids) ->
    {ok, Pid} = call(Drv, Pids, fork, []),
    Pids ++ [Pid].

every_call_has_its_arity(_Config) ->
    Exports = alcove:module_info(exports),
    ?assertEqual([], [
        Call
     || {Name, Arity} = Call <- ?CALLS,
        not (lists:member({Name, Arity + 2}, Exports) andalso
            lists:member({Name, Arity + 3}, Exports) andalso
            lists:member(Name, alcove_proto:calls()))
    ]).

%% Which is then the first element of the command line.
driver_starts_with_the_program_and_folder_of_another_application(Config) ->
    {Drv, Program} = {?config(drv, Config), ?config(program, Config)},
    [Name | _] = binary:split(
        alcove_os:read_file(Drv, [], "/proc/self/cmdline"), <<0>>, [global]
    ),
    ?assertEqual(list_to_binary(Program), Name),
    ?assertEqual(10, call(Drv, [], getopt, [maxchild])),
    % the fifo is gone
    ?assertEqual({ok, ["prx"]}, file:list_dir(?config(dir, Config))),
    ?assertEqual(
        [Program, "-d", "3", "-m", "8"],
        alcove_drv:getopts([{progname, Program}, {depth, 3}, {maxchild, 8}])
    ).

port_has_a_pid(Config) ->
    Drv = ?config(drv, Config),
    Port = alcove_drv:port(Drv),
    ?assert(is_port(Port)),
    {os_pid, Pid} = lists:keyfind(os_pid, 1, erlang:port_info(Port)),
    ?assertEqual(Pid, alcove_ct:os_pid(Drv)).

call_is_sent_by_a_message_and_answered_by_one(Config) ->
    Drv = ?config(drv, Config),
    send(Drv, [], getpid, []),
    Pid =
        receive
            {alcove_call, Drv, [], N} -> N
        after ?LIMIT -> none
        end,
    ?assert(alcove_ct:is_running(Pid)),
    [Child] = fork(Drv, []),
    ?assertEqual(Child, call(Drv, [Child], getpid, [])).

%% Nothing is added, left out or changed on the way.
calls_are_answered_in_order_to_each_process(Config) ->
    Drv = ?config(drv, Config),
    [A, B] = [fork(Drv, []) || _ <- [1, 2]],
    Deep = fork(Drv, A),
    Names = [iolist_to_binary([N]) || N <- lists:seq(1, 100)],
    [send(Drv, Pids, iolist_to_bin, [Name]) || Name <- Names, Pids <- [A, B, Deep]],
    [
        ?assertEqual([{Pids, Name} || Name <- Names], [{Pids, reply(Drv, Pids)} || _ <- Names])
     || Pids <- [Deep, A, B]
    ],
    ?assertEqual({messages, []}, process_info(self(), messages)).

refused_call_is_a_bare_atom(Config) ->
    Drv = ?config(drv, Config),
    ?assertEqual(badarg, call(Drv, [], chdir, [foo])),
    ?assertEqual(badarg, call(Drv, [], chdir, [])),
    ?assertEqual(undef, call(Drv, [], pledge, ["", ""])),
    ?assertEqual({error, enotsup}, call(Drv, [], kill, [0, signoise])),
    ok = call(Drv, [], filter, [alcove:filter([fork, clone]), <<>>]),
    ?assertEqual(undef, call(Drv, [], fork, [])),
    ?assertEqual(undef, call(Drv, [], clone, [[clone_newns]])).

%% The list has names twice and some that are none of the calls.
filter_blocks_all_but_a_list(Config) ->
    Drv = ?config(drv, Config),
    Allowed = [getpid, fork, getpid, replace_process_image, reexec, fork, getcpid],
    Filter = alcove:filter({allow, Allowed}),
    ?assertEqual(alcove:filter({deny, alcove_proto:calls() -- [fork, getpid]}), Filter),
    Pids = fork(Drv, []),
    ok = call(Drv, Pids, filter, [Filter, Filter]),
    Child = fork(Drv, Pids),
    ?assertEqual(lists:last(Child), call(Drv, Child, getpid, [])),
    ?assertEqual([undef, undef], [call(Drv, P, getuid, []) || P <- [Pids, Child]]),
    ?assertEqual(undef, call(Drv, Pids, filter, [<<>>, <<>>])).

%% Of any pipeline.
process_that_is_gone_is_a_badpid(Config) ->
    Drv = ?config(drv, Config),
    Pids = fork(Drv, []),
    ?assertEqual(badpid, call(Drv, Pids ++ [1 bsl 30], getpid, [])),
    ?assertEqual(badpid, call(Drv, [1 bsl 30, 7], getpid, [])),
    ?assertEqual({messages, []}, process_info(self(), messages)).

exit_is_answered_by_the_end_of_the_control_socket(Config) ->
    Drv = ?config(drv, Config),
    Pids = fork(Drv, []),
    ?assertEqual(fdctl_closed, call(Drv, Pids, exit, [3])),
    ?assertEqual({exit_status, 3}, alcove_ct:message(Drv, Pids, alcove_event)),
    ?assertEqual(badpid, call(Drv, Pids, getpid, [])).

program_is_answered_by_the_end_of_the_control_socket(Config) ->
    Drv = ?config(drv, Config),
    Pids = fork(Drv, fork(Drv, [])),
    ?assertEqual(fdctl_closed, call(Drv, Pids, execvp, ["cat", ["cat"]])),
    ok = alcove_drv:stdin(Drv, Pids, "text"),
    ?assertEqual(<<"text">>, alcove_ct:message(Drv, Pids, alcove_stdout)),
    ok = call(Drv, lists:droplast(Pids), kill, [lists:last(Pids), sigkill]),
    ?assertEqual({termsig, sigkill}, alcove_ct:message(Drv, Pids, alcove_event)).

program_that_is_not_found_is_an_answer(Config) ->
    Drv = ?config(drv, Config),
    Pids = fork(Drv, []),
    ?assertEqual({error, enoent}, call(Drv, Pids, execvp, ["/nowhere", ["nowhere"]])),
    ?assertEqual(lists:last(Pids), call(Drv, Pids, getpid, [])).

%% A pipe holds 65536 bytes, and what comes in addition is lost.
data_that_is_not_read_is_reported(Config) ->
    Drv = ?config(drv, Config),
    Pids = fork(Drv, []),
    fdctl_closed = call(Drv, Pids, execvp, ["sleep", ["sleep", "1000"]]),
    Data = binary:copy(<<0>>, 60000),
    ok = alcove_drv:stdin(Drv, Pids, Data),
    ok = alcove_drv:stdin(Drv, Pids, Data),
    Written = alcove_ct:message(Drv, Pids, alcove_pipe),
    ?assert(is_integer(Written) andalso Written >= 0 andalso Written < 60000),
    ok = alcove_drv:stdin(Drv, Pids, Data),
    ?assertEqual(0, alcove_ct:message(Drv, Pids, alcove_pipe)).

data_that_is_too_large_is_refused(Config) ->
    Drv = ?config(drv, Config),
    Pids = fork(Drv, []),
    fdctl_closed = call(Drv, Pids, execvp, ["wc", ["wc", "-c"]]),
    ?assertEqual({alcove_error, badarg}, alcove_drv:stdin(Drv, Pids, binary:copy(<<0>>, 65528))),
    ?assertEqual(ok, alcove_drv:stdin(Drv, Pids, binary:copy(<<0>>, 65527))),
    [#alcove_pid{stdin = Stdin}] = call(Drv, [], cpid, []),
    ok = call(Drv, [], close, [Stdin]),
    ?assertEqual(<<"65527\n">>, alcove_ct:message(Drv, Pids, alcove_stdout)).

%% prx returns it as it is.
frame_that_is_too_large_is_a_value(Config) ->
    Drv = ?config(drv, Config),
    Frame = alcove_codec:call(iolist_to_bin, [], [binary:copy(<<0>>, 70000)]),
    ?assertEqual({alcove_error, badarg}, gen_server:call(Drv, {send, Frame}, infinity)),
    ?assertEqual(<<"1.0.1">>, call(Drv, [], version, [])).

signal_is_an_event_of_its_process(Config) ->
    Drv = ?config(drv, Config),
    Pids = fork(Drv, fork(Drv, [])),
    ?assertEqual({ok, sig_info}, call(Drv, Pids, sigaction, [sigusr1, sig_info])),
    ok = call(Drv, [], kill, [lists:last(Pids), sigusr1]),
    {signal, sigusr1, Info} = alcove_ct:message(Drv, Pids, alcove_event),
    ?assertEqual(128, byte_size(Info)),
    ?assertEqual({ok, sig_info}, call(Drv, Pids, sigaction, [sigusr1, sig_ign])),
    ?assertEqual({ok, sig_ign}, call(Drv, Pids, sigaction, [sigusr1, []])).

options_have_their_names_and_defaults(Config) ->
    Drv = ?config(drv, Config),
    Pids = fork(Drv, []),
    ?assertEqual(
        [10, 1, -1, 16, 1, 15, false],
        [
            call(Drv, Pids, getopt, [Option])
         || Option <- [
                maxchild,
                exit_status,
                flowcontrol,
                maxforkdepth,
                termsig,
                signaloneof,
                unknown_option
            ]
        ]
    ),
    ?assertEqual(true, call(Drv, Pids, setopt, [maxforkdepth, 32])),
    ?assertEqual(false, call(Drv, Pids, setopt, [unknown_option, 32])),
    ?assertEqual(32, call(Drv, fork(Drv, Pids), getopt, [maxforkdepth])).

%% The record tells a program from a process that answers calls.
children_are_described(Config) ->
    Drv = ?config(drv, Config),
    [Pid] = fork(Drv, []),
    ?assertMatch(
        [#alcove_pid{pid = Pid, flowcontrol = -1, signaloneof = 15, fdctl = Fdctl}] when
            Fdctl >= 0,
        call(Drv, [], cpid, [])
    ),
    ?assertEqual(true, call(Drv, [], setcpid, [Pid, signaloneof, 9])),
    ?assertEqual(true, call(Drv, [], setcpid, [Pid, flowcontrol, 1])),
    ?assertEqual(false, call(Drv, [], setcpid, [Pid, fdctl, 1])),
    fdctl_closed = call(Drv, [Pid], execvp, ["cat", ["cat"]]),
    [#alcove_pid{stdin = Stdin, stdout = Stdout, stderr = Stderr} = Child] =
        call(Drv, [], cpid, []),
    ?assertMatch(#alcove_pid{pid = Pid, flowcontrol = 1, signaloneof = 9, fdctl = -2}, Child),
    ?assertEqual([], [FD || FD <- [Stdin, Stdout, Stderr], FD < 6]).

%% One piece for each credit.
output_is_counted(Config) ->
    Drv = ?config(drv, Config),
    true = call(Drv, [], setopt, [flowcontrol, 0]),
    [Pid] = fork(Drv, []),
    fdctl_closed = call(Drv, [Pid], execvp, ["cat", ["cat"]]),
    ok = alcove_drv:stdin(Drv, [Pid], "one"),
    % the port has had time to read it
    [#alcove_pid{flowcontrol = 0}] = call(Drv, [], cpid, []),
    ?assertEqual(false, alcove_drv:stdout(Drv, [Pid], 0)),
    true = call(Drv, [], setcpid, [Pid, flowcontrol, 1]),
    ?assertEqual(<<"one">>, alcove_ct:message(Drv, [Pid], alcove_stdout)),
    [#alcove_pid{flowcontrol = 0}] = call(Drv, [], cpid, []).

%% The depth is that of the process, and there is no fifo for it to make.
again(Config, Drv, Pids, Program, Env) ->
    [{ok, _} = call(Drv, Pids, fcntl, [FD, f_getfd, 0]) || FD <- [3, 4, 5]],
    [{ok, 0} = call(Drv, Pids, fcntl, [FD, f_setfd, 0]) || FD <- [3, 4, 5]],
    Argv = alcove_drv:getopts([
        {progname, ?config(program, Config)}, {depth, length(Pids)}, {maxchild, 8}
    ]),
    ?assertNot(lists:member("-c", Argv)),
    send(Drv, Pids, fexecve, [Program, Argv, Env]),
    ?assertEqual(ok, reply(Drv, Pids)),
    ?assertEqual({messages, []}, process_info(self(), messages)).

port_is_executed_again_from_a_descriptor(Config) ->
    Drv = ?config(drv, Config),
    Pids = fork(Drv, fork(Drv, [])),
    again(Config, Drv, Pids, ?config(fd, Config), ["A=1"]),
    ?assertEqual(lists:last(Pids), call(Drv, Pids, getpid, [])),
    ?assertEqual([<<"A=1">>], call(Drv, Pids, environ, [])),
    ?assertEqual(8, call(Drv, Pids, getopt, [maxchild])),
    Child = fork(Drv, Pids),
    fdctl_closed = call(Drv, Child, execvp, ["cat", ["cat"]]),
    ok = alcove_drv:stdin(Drv, Child, "text"),
    ?assertEqual(<<"text">>, alcove_ct:message(Drv, Child, alcove_stdout)),
    fdctl_closed = call(Drv, Pids, exit, [0]),
    ?assertEqual({exit_status, 0}, alcove_ct:message(Drv, Pids, alcove_event)).

%% With an empty environment, which execve takes.
port_is_executed_again_in_a_clone(Config) ->
    Drv = ?config(drv, Config),
    Program = ?config(program, Config),
    {ok, Pid} = call(Drv, [], clone, [[clone_newuts, clone_newpid]]),
    ok = call(Drv, [Pid], sethostname, ["again"]),
    [{ok, 0} = call(Drv, [Pid], fcntl, [FD, f_setfd, 0]) || FD <- [3, 4, 5]],
    Argv = alcove_drv:getopts([{progname, Program}, {depth, 1}]),
    send(Drv, [Pid], execve, [Program, Argv, []]),
    ?assertEqual(ok, reply(Drv, [Pid])),
    ?assertEqual({ok, <<"again">>}, call(Drv, [Pid], gethostname, [])),
    ?assertEqual([], call(Drv, [Pid], environ, [])),
    ?assertEqual(1, call(Drv, [Pid], getpid, [])),
    [Pid, Child] = fork(Drv, [Pid]),
    ?assertEqual(Child, call(Drv, [Pid, Child], getpid, [])).

%% Siblings and the processes below are as before.
port_executed_again_keeps_its_descendants_apart(Config) ->
    Drv = ?config(drv, Config),
    [A, B] = [fork(Drv, []) || _ <- [1, 2]],
    again(Config, Drv, A, ?config(fd, Config), ["A=1"]),
    Below = fork(Drv, A),
    % the descriptor of the program was closed when it was executed
    {ok, FD} = call(Drv, Below, open, [?config(program, Config), [o_rdonly, o_cloexec], 0]),
    again(Config, Drv, Below, FD, ["A=2"]),
    fdctl_closed = call(Drv, B, execvp, ["cat", ["cat"]]),
    ok = alcove_drv:stdin(Drv, B, "b"),
    ?assertEqual(<<"b">>, alcove_ct:message(Drv, B, alcove_stdout)),
    ok = call(Drv, [], kill, [lists:last(Below), sigkill]),
    ?assertEqual(fdctl_closed, reply(Drv, Below)),
    ?assertEqual({termsig, sigkill}, alcove_ct:message(Drv, Below, alcove_event)),
    ?assertEqual(lists:last(A), call(Drv, A, getpid, [])).

root_becomes_a_program(Config) ->
    Drv = ?config(drv, Config),
    ?assertEqual(fdctl_closed, call(Drv, [], execvp, ["cat", ["cat"]])),
    ok = alcove_drv:stdin(Drv, [], "raw"),
    ?assertEqual(<<"raw">>, alcove_ct:message(Drv, [], alcove_stdout)).

%% 0, 5: the length and the rest of what would be a frame.
raw_output_is_not_looked_at(Config) ->
    Drv = ?config(drv, Config),
    ok = alcove_drv:raw(Drv),
    send(Drv, [], getpid, []),
    <<Length:16, 4:16, 131, _/binary>> = Frame = alcove_ct:message(Drv, [], alcove_stdout),
    ?assertEqual(byte_size(Frame), 2 + Length).

only_the_owner_sends_calls(Config) ->
    Drv = ?config(drv, Config),
    Frame = alcove_codec:call(getpid, [], []),
    Test = self(),
    spawn_link(fun() ->
        Test !
            {other, [
                gen_server:call(Drv, {send, Frame}, infinity),
                alcove_drv:raw(Drv),
                alcove_drv:port(Drv)
            ]}
    end),
    receive
        {other, Answers} -> ?assertEqual([{error, not_owner} || _ <- [1, 2, 3]], Answers)
    after ?LIMIT -> error(timeout)
    end.

%% prx ends with the reason of the driver.
owner_is_told_when_the_port_ends(Config) ->
    Drv = ?config(drv, Config),
    process_flag(trap_exit, true),
    Port = call(Drv, [], getpid, []),
    send(Drv, [], kill, [Port, sigkill]),
    ?assertEqual(fdctl_closed, alcove_ct:message(Drv, [], alcove_ctl)),
    receive
        {'EXIT', Drv, Reason} -> ?assertMatch({shutdown, _}, Reason)
    after ?LIMIT -> error(timeout)
    end.
