%% SPDX-License-Identifier: ISC

%% Processes that become programs, or the port program once more.
-module(alcove_exec_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").

-export([all/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    program_is_found_in_the_path_of_the_process/1,
    program_gets_its_arguments_and_environment/1,
    program_that_does_not_start_leaves_the_process_as_it_was/1,
    program_has_three_descriptors_and_what_was_left_open/1,
    program_has_the_signals_of_its_process/1,
    descriptor_is_executed_and_closed/1,
    deleted_program_is_executed_by_its_descriptor/1,
    script_is_not_executed_by_a_descriptor_that_closes/1,
    descriptor_needs_arguments_and_environment/1,
    port_executed_again_goes_on_in_its_place/1,
    port_executed_again_forks_and_executes/1,
    port_executed_again_obeys_its_options/1,
    port_executed_again_by_a_descriptor_in_an_empty_root/1,
    port_executed_again_is_ended_by_signals/1,
    port_itself_becomes_a_program/1,
    title_is_shown_as_the_command_line/1,
    title_longer_than_the_command_line_is_shown/1,
    title_of_a_child_is_its_own/1,
    title_leaves_the_environment_of_programs/1
]).

-define(LIMIT, 30000).

all() ->
    alcove_os:cases(?MODULE).

init_per_testcase(Case, Config) ->
    alcove_os:needs(Config, capabilities(Case), fun() ->
        Drv = alcove_ct:start(),
        Dir = alcove_os:tree(Config, Case),
        [{drv, Drv}, {pids, alcove_ct:chain(Drv, 1)}, {dir, Dir} | Config]
    end).

capabilities(port_executed_again_by_a_descriptor_in_an_empty_root) ->
    [cap_sys_chroot, cap_setuid, cap_setgid];
capabilities(_) ->
    [].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(?config(drv, Config)).

program_is_found_in_the_path_of_the_process(Config) ->
    {Drv, Pids, Dir} = {?config(drv, Config), ?config(pids, Config), ?config(dir, Config)},
    _ = alcove_os:busybox(Dir),
    Argv = ["busybox", "echo", "found"],
    ok = alcove:setenv(Drv, Pids, "PATH", ["/nowhere:", Dir], 1),
    ?assertEqual({{exit_status, 0}, <<"found\n">>, <<>>}, alcove_os:run(Drv, Pids, Argv)),
    ok = alcove:setenv(Drv, Pids, "PATH", "/nowhere", 1),
    ?assertEqual({error, enoent}, alcove:execvp(Drv, Pids, "busybox", Argv)).

%% Its name is an argument as well, and need not be its path.
program_gets_its_arguments_and_environment(Config) ->
    {Drv, Pids, Dir} = {?config(drv, Config), ?config(pids, Config), ?config(dir, Config)},
    Busybox = alcove_os:busybox(Dir),
    [Second] = alcove_ct:chain(Drv, 1),
    ok = alcove:execve(Drv, Pids, Busybox, ["env"], ["A=1", "B=two words", "odd"]),
    ?assertEqual(
        {{exit_status, 0}, <<"A=1\nB=two words\nodd\n">>, <<>>}, alcove_os:finish(Drv, Pids)
    ),
    Printf = ["printf", "<%s>", "", "a b", <<"\xff">>],
    ok = alcove:execve(Drv, [Second], Busybox, Printf, []),
    ?assertEqual(
        {{exit_status, 0}, <<"<><a b><", 255, ">">>, <<>>}, alcove_os:finish(Drv, [Second])
    ).

program_that_does_not_start_leaves_the_process_as_it_was(Config) ->
    {Drv, Pids, Dir} = {?config(drv, Config), ?config(pids, Config), ?config(dir, Config)},
    Exec = fun(Path) -> alcove:execve(Drv, Pids, Path, [Path], []) end,
    ok = alcove_os:write_file(Drv, Pids, [Dir, "/text"], "no program"),
    ?assertEqual({error, enoent}, Exec([Dir, "/nowhere"])),
    ?assertEqual({error, eacces}, Exec([Dir, "/text"])),
    ok = alcove:chmod(Drv, Pids, [Dir, "/text"], 8#755),
    ?assertEqual({error, enoexec}, Exec([Dir, "/text"])),
    ?assertEqual(hd(Pids), alcove:getpid(Drv, Pids)),
    ?assertEqual(
        {{exit_status, 0}, <<"still\n">>, <<>>}, alcove_os:run(Drv, Pids, ["echo", "still"])
    ).

%% Listing them takes one more, 3.
program_has_three_descriptors_and_what_was_left_open(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Deep = alcove_ct:chain(Drv, Pids, 3),
    List = fun(At) -> alcove_os:run(Drv, At, ["ls", "/proc/self/fd"]) end,
    [
        ?assertEqual({{exit_status, 0}, <<"0\n1\n2\n3\n">>, <<>>}, List(At))
     || At <- [[], Pids, Deep]
    ],
    {ok, Open} = alcove:open(Drv, Pids, "/dev/null", [o_rdonly], 0),
    {ok, _} = alcove:open(Drv, Pids, "/dev/null", [o_rdonly, o_cloexec], 0),
    Expected = iolist_to_binary(["0\n1\n2\n3\n", integer_to_list(Open), "\n"]),
    ?assertEqual({{exit_status, 0}, Expected, <<>>}, List(Pids)).

%% Handled signals become defaults again, ignored ones stay ignored. SIGTERM is 15.
program_has_the_signals_of_its_process(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {ok, sig_info} = alcove:sigaction(Drv, Pids, sigterm, sig_ign),
    {ok, sig_ign} = alcove:sigaction(Drv, Pids, sigterm, []),
    {{exit_status, 0}, Text, <<>>} = alcove_os:run(Drv, Pids, ["cat", "/proc/self/status"]),
    {match, Masks} = re:run(Text, "^Sig(Blk|Ign|Cgt):\\s+([0-9a-f]+)$", [
        global, multiline, {capture, all_but_first, binary}
    ]),
    % make(1) has what it runs ignore 32 and 33, which the C library keeps for itself
    ?assertEqual(
        [{<<"Blk">>, 0}, {<<"Ign">>, 16#4000}, {<<"Cgt">>, 0}],
        [{What, binary_to_integer(Mask, 16) band (bnot 16#180000000)} || [What, Mask] <- Masks]
    ).

descriptor_is_executed_and_closed(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {ok, FD} = alcove:open(Drv, Pids, alcove_os:busybox(), [o_rdonly, o_cloexec], 0),
    ok = alcove:fexecve(Drv, Pids, FD, ["ls", "/proc/self/fd"], ["A=1"]),
    ?assertEqual({{exit_status, 0}, <<"0\n1\n2\n3\n">>, <<>>}, alcove_os:finish(Drv, Pids)).

deleted_program_is_executed_by_its_descriptor(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Path = alcove_os:busybox(?config(dir, Config)),
    {ok, FD} = alcove:open(Drv, Pids, Path, [o_rdonly, o_cloexec], 0),
    ok = file:delete(Path),
    ok = alcove:fexecve(Drv, Pids, FD, ["echo", "alive"], ["A=1"]),
    ?assertEqual({{exit_status, 0}, <<"alive\n">>, <<>>}, alcove_os:finish(Drv, Pids)).

%% Its interpreter would have to open it again.
script_is_not_executed_by_a_descriptor_that_closes(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Path = alcove_ct:script(Config, "script", "echo interpreted\n"),
    {ok, Closing} = alcove:open(Drv, Pids, Path, [o_rdonly, o_cloexec], 0),
    ?assertEqual({error, enoent}, alcove:fexecve(Drv, Pids, Closing, ["script"], ["A=1"])),
    {ok, Staying} = alcove:open(Drv, Pids, Path, [o_rdonly], 0),
    ok = alcove:fexecve(Drv, Pids, Staying, ["script"], ["A=1"]),
    ?assertEqual({{exit_status, 0}, <<"interpreted\n">>, <<>>}, alcove_os:finish(Drv, Pids)).

descriptor_needs_arguments_and_environment(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {ok, FD} = alcove:open(Drv, Pids, alcove_os:busybox(), [o_rdonly, o_cloexec], 0),
    ?assertEqual({error, einval}, alcove:fexecve(Drv, Pids, FD, [], ["A=1"])),
    ?assertEqual({error, einval}, alcove:fexecve(Drv, Pids, FD, ["true"], [])),
    ?assertEqual({error, einval}, alcove:fexecve(Drv, Pids, -1, ["true"], ["A=1"])),
    ?assertEqual({error, ebadf}, alcove:fexecve(Drv, Pids, 999, ["true"], ["A=1"])).

%% A fresh image of the program serves on the descriptors of the old one: the pipeline is the
%% same, what the old one had in memory is gone.
port_executed_again_goes_on_in_its_place(Config) ->
    {Drv, [Pid] = Pids} = {?config(drv, Config), ?config(pids, Config)},
    true = alcove:setopt(Drv, Pids, maxforkdepth, 99),
    again(Drv, Pids, []),
    ?assertEqual(Pid, alcove:getpid(Drv, Pids)),
    ?assertEqual(16, alcove:getopt(Drv, Pids, maxforkdepth)),
    ?assertEqual([], alcove:environ(Drv, Pids)),
    ?assertMatch([#alcove_pid{pid = Pid}], alcove:cpid(Drv, [])),
    ?assertEqual({error, enoent}, alcove:execvp(Drv, Pids, "/nowhere", ["nowhere"])),
    ok = alcove:exit(Drv, Pids, 3),
    ?assertEqual({exit_status, 3}, alcove:event(Drv, Pids, ?LIMIT)).

port_executed_again_forks_and_executes(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    again(Drv, Pids, []),
    again(Drv, Pids, []),
    [_, _, Last] = Deep = alcove_ct:chain(Drv, Pids, 2),
    ?assertEqual(Last, alcove:getpid(Drv, Deep)),
    again(Drv, Deep, []),
    {{exit_status, 7}, <<"out\n">>, <<"err\n">>} =
        alcove_os:run(Drv, Deep, ["/bin/sh", "-c", "echo out; echo err >&2; exit 7"]),
    ?assertEqual(
        {{exit_status, 0}, <<"0\n1\n2\n3\n">>, <<>>},
        alcove_os:run(Drv, Deep, ["/bin/ls", "/proc/self/fd"])
    ),
    alcove_os:execute(Drv, Deep, ["/bin/cat"]),
    ok = alcove:stdin(Drv, Deep, "through it\n"),
    ?assertEqual(<<"through it\n">>, alcove_ct:output(Drv, Deep, 11)),
    ok = alcove:eof(Drv, Deep),
    ?assertEqual({exit_status, 0}, alcove:event(Drv, Deep, ?LIMIT)).

%% The depth is what it was, so the tree has the same limit.
port_executed_again_obeys_its_options(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    again(Drv, Pids, [{depth, 16}, {maxchild, 8}]),
    ?assertEqual(8, alcove:getopt(Drv, Pids, maxchild)),
    ?assertEqual({error, eagain}, alcove:fork(Drv, Pids)),
    true = alcove:setopt(Drv, Pids, maxforkdepth, 17),
    Children = [alcove:fork(Drv, Pids) || _ <- lists:seq(1, 9)],
    ?assertEqual([ok, ok, ok, ok, ok, ok, ok, ok, error], [element(1, Child) || Child <- Children]).

%% Nothing of the system is in reach: the program is, by a descriptor opened before.
port_executed_again_by_a_descriptor_in_an_empty_root(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {ok, FD} = alcove:open(Drv, Pids, alcove_drv:progname(), [o_rdonly, o_cloexec], 0),
    ok = alcove:chroot(Drv, Pids, ?config(dir, Config)),
    ok = alcove:chdir(Drv, Pids, "/"),
    ok = alcove:setresgid(Drv, Pids, 65534, 65534, 65534),
    ok = alcove:setresuid(Drv, Pids, 65534, 65534, 65534),
    keep_open(Drv, Pids),
    ok = alcove:fexecve(Drv, Pids, FD, ["alcove", "-d", "1"], ["A=1"]),
    ?assertEqual([<<"A=1">>], alcove:environ(Drv, Pids)),
    ?assertEqual([], alcove_os:names(Drv, Pids, "/")),
    {ok, Child} = alcove:fork(Drv, Pids),
    ?assertEqual(65534, alcove:getuid(Drv, Pids ++ [Child])).

%% Unlike a forked process, which handles them.
port_executed_again_is_ended_by_signals(Config) ->
    {Drv, [Pid] = Pids} = {?config(drv, Config), ?config(pids, Config)},
    again(Drv, Pids, []),
    ?assertEqual({ok, sig_dfl}, alcove:sigaction(Drv, Pids, sigusr1, sig_info)),
    ok = alcove:kill(Drv, [], Pid, sigusr1),
    ?assertMatch({signal, sigusr1, _}, alcove:event(Drv, Pids, ?LIMIT)),
    ok = alcove:kill(Drv, [], Pid, sigterm),
    ?assertEqual({termsig, sigterm}, alcove:event(Drv, Pids, ?LIMIT)).

%% What it writes then has no frames.
port_itself_becomes_a_program(Config) ->
    Drv = ?config(drv, Config),
    ok = alcove:execvp(Drv, [], "cat", ["cat"]),
    ok = alcove:stdin(Drv, [], "raw\n"),
    ?assertEqual(<<"raw\n">>, alcove_ct:output(Drv, [], 4)).

%% The command line that prx uses: the options of a start, less the control fifo.
again(Drv, Pids, Options) ->
    Depth = proplists:get_value(depth, Options, length(Pids)),
    [Path | _] = Argv = alcove_drv:getopts([{depth, Depth} | proplists:delete(depth, Options)]),
    keep_open(Drv, Pids),
    ok = alcove:execve(Drv, Pids, Path, Argv, []).

%% 3 and 4 are the pipe of the signals, 5 is the connection to the parent. 0 is no FD_CLOEXEC.
keep_open(Drv, Pids) ->
    [{ok, 0} = alcove:fcntl(Drv, Pids, FD, f_setfd, 0) || FD <- [3, 4, 5]].

title_is_shown_as_the_command_line(Config) ->
    Drv = ?config(drv, Config),
    Before = command_line(Drv, []),
    ok = alcove:setproctitle(Drv, [], "alcove: serving"),
    ?assertEqual(<<"alcove: serving">>, title(Drv, [])),
    ok = alcove:setproctitle(Drv, [], "alcove"),
    ?assertEqual(<<"alcove">>, title(Drv, [])),
    % the program's name comes back, its arguments do not
    ok = alcove:setproctitle(Drv, [], ""),
    ?assertEqual(hd(binary:split(Before, <<0>>)), string:trim(title(Drv, []), trailing, " ")).

%% It takes the place of the environment, up to 255 bytes.
title_longer_than_the_command_line_is_shown(Config) ->
    alcove_ct:stop(?config(drv, Config)),
    Drv = alcove_ct:start([{env, [{"ROOM", lists:duplicate(300, $x)}]}]),
    Title = binary:copy(<<"0123456789">>, 30),
    ok = alcove:setproctitle(Drv, [], Title),
    ?assertEqual(binary:part(Title, 0, 255), title(Drv, [])),
    Ps = ["ps", "-ww", "-o", "args=", "-p", integer_to_list(alcove:getpid(Drv, []))],
    {{exit_status, 0}, Shown, <<>>} = alcove_os:run(Drv, [], Ps),
    ?assertEqual(binary:part(Title, 0, 255), string:trim(Shown)),
    alcove_ct:stop(Drv).

title_of_a_child_is_its_own(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Before = command_line(Drv, []),
    ok = alcove:setproctitle(Drv, Pids, "child"),
    ?assertEqual(<<"child">>, title(Drv, Pids)),
    ?assertEqual(Before, command_line(Drv, [])),
    {ok, Child} = alcove:fork(Drv, Pids),
    ?assertEqual(<<"child">>, title(Drv, Pids ++ [Child])).

title_leaves_the_environment_of_programs(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Environment = alcove:environ(Drv, Pids),
    ok = alcove:setproctitle(Drv, Pids, binary:copy(<<"x">>, 255)),
    ?assertEqual(Environment, alcove:environ(Drv, Pids)),
    {{exit_status, 0}, Text, <<>>} = alcove_os:run(Drv, Pids, ["env", "-0"]),
    ?assertEqual(Environment, binary:split(Text, <<0>>, [global, trim])).

command_line(Drv, Pids) ->
    alcove_os:read_file(Drv, Pids, "/proc/self/cmdline").

%% The kernel pads a short one with zeros to the length of the first.
title(Drv, Pids) ->
    string:trim(command_line(Drv, Pids), trailing, [0]).
