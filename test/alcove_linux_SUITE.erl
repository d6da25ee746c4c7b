%% SPDX-License-Identifier: ISC

%% What the C port does not have.
-module(alcove_linux_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([
    all/0,
    suite/0,
    init_per_testcase/2,
    end_per_testcase/2
]).
-export([
    extensions_are_there_when_asked_for/1,
    filter_names_extensions/1,
    filter_of_the_hundred_blocks_extensions/1,
    large_directory_is_read/1,
    directory_that_cannot_be_read_is_an_error/1,
    batch_ends_with_the_first_failure/1,
    batch_executes_a_program/1,
    batch_is_checked/1,
    any_system_call_is_made/1,
    system_call_that_would_harm_is_refused/1,
    landlock_confines_a_process/1,
    all_input_is_taken/1,
    input_that_is_not_taken_is_an_error/1,
    usage_is_told/1,
    news_disturb_nobody/1,
    descriptor_is_watched/1
]).

all() ->
    alcove_os:cases(?MODULE).

suite() ->
    [{timetrap, {minutes, 5}}].

init_per_testcase(_Case, Config) ->
    {ok, Drv} = alcove_drv:start_link(),
    [{drv, Drv} | Config].

end_per_testcase(_Case, Config) ->
    alcove_drv:stop(proplists:get_value(drv, Config)).

%% The driver, and a new process that answers extensions.
child(Config) ->
    Drv = proplists:get_value(drv, Config),
    true = alcove_linux:extend(Drv, []),
    {ok, Pid} = alcove:fork(Drv, []),
    {Drv, [Pid]}.

extensions_are_there_when_asked_for(Config) ->
    Drv = proplists:get_value(drv, Config),
    ?assert(lists:member(getdents, alcove_linux:extensions(Drv, []))),
    ?assertError(undef, alcove_linux:getdents(Drv, [], -1)),
    {Drv, At} = child(Config),
    ?assertEqual({error, ebadf}, alcove_linux:getdents(Drv, At, -1)),
    ?assert(alcove:setopt(Drv, At, extensions, 0)),
    ?assertError(undef, alcove_linux:getdents(Drv, At, -1)),
    ?assertEqual([], alcove_linux:extensions(Drv, At)),
    ?assertNot(alcove_linux:extend(Drv, At)).

filter_names_extensions(Config) ->
    {Drv, At} = child(Config),
    ok = alcove:filter(Drv, At, alcove_linux:filter([getuid])),
    ?assertError(undef, alcove:getuid(Drv, At)),
    ?assertEqual({error, ebadf}, alcove_linux:getdents(Drv, At, -1)),
    ok = alcove:filter(Drv, At, alcove_linux:filter({allow, [getpid, getdents, filter]})),
    ?assertEqual({error, ebadf}, alcove_linux:getdents(Drv, At, -1)),
    ?assertError(undef, alcove:version(Drv, At)),
    ok = alcove:filter(Drv, At, alcove_linux:filter([])),
    ok = alcove:filter(Drv, At, alcove_linux:filter({deny, [getdents]})),
    ?assertError(undef, alcove_linux:getdents(Drv, At, -1)),
    ?assertEqual(lists:last(At), alcove:getpid(Drv, At)),
    ?assertError(function_clause, alcove_linux:filter([no_such_call])).

filter_of_the_hundred_blocks_extensions(Config) ->
    {Drv, At} = child(Config),
    ok = alcove:filter(Drv, At, alcove:filter([])),
    ?assertEqual({error, ebadf}, alcove_linux:getdents(Drv, At, -1)),
    ok = alcove:filter(Drv, At, alcove:filter([getuid])),
    ?assertError(undef, alcove_linux:getdents(Drv, At, -1)).

large_directory_is_read(Config) ->
    {Drv, At} = child(Config),
    Dir = filename:join(proplists:get_value(priv_dir, Config), "large"),
    ok = file:make_dir(Dir),
    Names = [iolist_to_binary(io_lib:format("~200..0b", [N])) || N <- lists:seq(1, 2000)],
    [ok = file:write_file(filename:join(Dir, Name), []) || Name <- Names],
    ?assertEqual({error, emsgsize}, alcove:readdir(Drv, At, Dir)),
    {ok, Read} = alcove_linux:readdir(Drv, At, Dir),
    ?assertEqual(Names, lists:sort(Read)),
    % its descriptor is closed
    {ok, FD1} = alcove:open(Drv, At, "/", [o_rdonly, o_cloexec], 0),
    {ok, _} = alcove_linux:readdir(Drv, At, "/"),
    {ok, FD2} = alcove:open(Drv, At, "/", [o_rdonly, o_cloexec], 0),
    ?assertEqual(FD1 + 1, FD2).

directory_that_cannot_be_read_is_an_error(Config) ->
    {Drv, At} = child(Config),
    ?assertEqual({error, enoent}, alcove_linux:readdir(Drv, At, "/no/such/folder")),
    ?assertEqual({error, enotdir}, alcove_linux:readdir(Drv, At, "/etc/passwd")),
    Dir = filename:join(proplists:get_value(priv_dir, Config), "removed"),
    ok = file:make_dir(Dir),
    {ok, FD} = alcove:open(Drv, At, Dir, [o_rdonly, o_directory, o_cloexec], 0),
    ok = file:del_dir(Dir),
    ?assertEqual({error, enoent}, alcove_linux:getdents(Drv, At, FD)).

batch_ends_with_the_first_failure(Config) ->
    {Drv, At} = child(Config),
    ?assertEqual(
        {ok, [lists:last(At), ok, <<"1">>]},
        alcove_linux:batch(Drv, At, [{getpid, []}, {setenv, ["A", "1", 1]}, {getenv, ["A"]}])
    ),
    ?assertEqual(
        {error, 2, [ok, {error, enoent}]},
        alcove_linux:batch(Drv, At, [{chdir, ["/"]}, {chdir, ["none"]}, {exit, [1]}])
    ),
    ?assertEqual({ok, []}, alcove_linux:batch(Drv, At, [])).

%% It returns when the program runs, as execvp does, or ends when the process does.
batch_executes_a_program(Config) ->
    {Drv, At} = child(Config),
    None = [{setenv, ["A", "1", 1]}, {execvp, ["no-such-program", ["x"]]}],
    ?assertEqual({error, 2, [ok, {error, enoent}]}, alcove_linux:batch(Drv, At, None)),
    ok =
        alcove_linux:batch(
            Drv, At, [{setenv, ["A", "2", 1]}, {execvp, ["sh", ["sh", "-c", "echo $A"]]}]
        ),
    ?assertEqual(<<"2\n">>, alcove_drv:stdout(Drv, At, infinity)),
    ?assertEqual({exit_status, 0}, alcove:event(Drv, At, infinity)),
    {Drv, Other} = child(Config),
    ok = alcove_linux:batch(Drv, Other, [{getpid, []}, {exit, [3]}]),
    ?assertEqual({exit_status, 3}, alcove:event(Drv, Other, infinity)),
    % a death that nobody asked for is an error
    {Drv, Third} = child(Config),
    Kill = [{kill, [lists:last(Third), sigkill]}],
    ?assertError({termsig, sigkill}, alcove_linux:batch(Drv, Third, Kill)).

batch_is_checked(Config) ->
    {Drv, At} = child(Config),
    ?assertError(function_clause, alcove_linux:batch(Drv, At, [{no_such_call, []}])),
    ?assertError(function_clause, alcove_linux:batch(Drv, At, [{chdir, ["/"]}, getpid])),
    ?assertError(badarg, alcove_linux:batch(Drv, At, [{exit, [1]}, {getpid, []}])),
    ?assertError(badarg, alcove_linux:batch(Drv, At, [{batch, [[]]}])),
    ?assertEqual({error, 1, [badarg]}, alcove_linux:batch(Drv, At, [{chdir, [1]}, {getpid, []}])),
    ok = alcove:filter(Drv, At, alcove_linux:filter([chdir])),
    ?assertEqual(
        {error, 2, [ok, undef]},
        alcove_linux:batch(Drv, At, [{filter, [<<>>, <<>>]}, {chdir, ["/"]}])
    ).

%% A process whose programs' input is acknowledged.
acknowledging(Config) ->
    {Drv, At} = child(Config),
    true = alcove:setopt(Drv, At, stdin_taken, 1),
    {Drv, At}.

program(Drv, At, Script) ->
    {ok, Pid} = alcove:fork(Drv, At),
    ok = alcove:execvp(Drv, At ++ [Pid], "sh", ["sh", "-c", Script]),
    At ++ [Pid].

%% A megabyte for a program that reads late.
all_input_is_taken(Config) ->
    {Drv, At} = acknowledging(Config),
    Program = program(Drv, At, "sleep 0.2; md5sum"),
    Data = rand:bytes(1 bsl 20),
    ok = alcove_linux:stdin(Drv, Program, Data, infinity),
    ok = alcove:eof(Drv, Program),
    Sum = string:lowercase(binary:encode_hex(erlang:md5(Data))),
    ?assertMatch(<<Sum:32/binary, _/binary>>, alcove_drv:stdout(Drv, Program, infinity)).

input_that_is_not_taken_is_an_error(Config) ->
    {Drv, At} = acknowledging(Config),
    Closed = program(Drv, At, "exec <&-; echo; sleep 1000"),
    <<"\n">> = alcove_drv:stdout(Drv, Closed, infinity),
    ?assertEqual({error, epipe, 0}, alcove_linux:stdin(Drv, Closed, "x", infinity)),
    Ends = program(Drv, At, "sleep 0.1"),
    % the end of a program is the end of its input, too
    {error, Reason, Taken} =
        alcove_linux:stdin(Drv, Ends, binary:copy(<<"x">>, 1 bsl 20), infinity),
    ?assert(Reason =:= epipe orelse Reason =:= badpid),
    ?assert(Taken >= 4096 andalso Taken =< 65536),
    ?assertEqual({exit_status, 0}, alcove:event(Drv, Ends, infinity)),
    ?assertEqual({error, badpid, 0}, alcove_linux:stdin(Drv, Ends, "x", infinity)),
    Sleeps = program(Drv, At, "sleep 1000"),
    {error, timeout, Some} = alcove_linux:stdin(Drv, Sleeps, binary:copy(<<"x">>, 1 bsl 20), 100),
    ?assert(Some >= 4096 andalso Some =< 65536).

usage_is_told(Config) ->
    {Drv, At} = child(Config),
    true = alcove:setopt(Drv, At, usage, 1),
    Program = program(Drv, At, "kill -9 $$"),
    ?assertEqual({termsig, sigkill}, alcove:event(Drv, Program, infinity)),
    Used =
        receive
            {alcove_ctl, Drv, Program, Tuple} when is_tuple(Tuple) -> Tuple
        after 0 -> none
        end,
    #{signal := 9, core := false, user := User, maxrss := MaxRSS} = alcove_linux:usage(Used),
    ?assert(is_integer(User) andalso MaxRSS > 100).

%% Nobody who waits for something else takes news for a problem.
news_disturb_nobody(Config) ->
    {Drv, At} = acknowledging(Config),
    true = alcove:setopt(Drv, At, usage, 1),
    Program = program(Drv, At, "cat; exit 3"),
    ok = alcove:stdin(Drv, Program, "hello"),
    ?assertEqual([<<"hello">>], alcove:stdout(Drv, Program, 1000)),
    ok = alcove:eof(Drv, Program),
    ?assertEqual({exit_status, 3}, alcove:event(Drv, Program, infinity)),
    receive {alcove_ctl, Drv, Program, {stdin_taken, 5}} -> ok after 0 -> error(missing) end,
    receive
        {alcove_ctl, Drv, Program, Usage} when element(1, Usage) =:= usage -> ok
    after 0 -> error(missing)
    end,
    % the end of a process is the answer to a call in it, whatever it has used
    {ok, Child} = alcove:fork(Drv, At),
    ?assertError({termsig, sigkill}, alcove:kill(Drv, At ++ [Child], Child, sigkill)).

any_system_call_is_made(Config) ->
    {Drv, At} = child(Config),
    Call = fun(Name, Args) -> alcove_linux:syscall(Drv, At, Name, Args) end,
    Pid = lists:last(At),
    ?assertEqual({ok, Pid, {}}, Call(sys_getpid, {})),
    {ok, FD, {<<"name", 0>>, 1}} = Call(sys_memfd_create, {<<"name", 0>>, mfd_cloexec}),
    ?assertEqual({ok, 5, {FD, <<"hello">>, 5}}, Call(sys_write, {FD, <<"hello">>, 5})),
    ?assertEqual({ok, 5, {FD, <<"hello", 0:24>>, 8, 0}}, Call(sys_pread64, {FD, <<0:64>>, 8, 0})),
    ?assertEqual({ok, 0, {FD}}, Call(sys_close, {FD})),
    ?assertEqual({error, ebadf}, Call(sys_close, {FD})),
    % two pieces of memory behind pointers
    {ok, Zero} = alcove:open(Drv, At, "/dev/zero", [o_rdonly, o_cloexec], 0),
    Pieces = [{ptr, <<"abc">>}, <<3:64/native>>, {ptr, <<"defg">>}, <<4:64/native>>],
    ?assertEqual(
        {ok, 7, {Zero, [{ptr, <<0:24>>}, <<3:64/native>>, {ptr, <<0:32>>}, <<4:64/native>>], 2}},
        Call(sys_readv, {Zero, Pieces, 2})
    ),
    ?assertEqual({error, enotsup}, Call(sys_zip, {})),
    ?assertError(badarg, Call(sys_getpid, [])).

system_call_that_would_harm_is_refused(Config) ->
    {Drv, At} = child(Config),
    Refused = fun(Name, Args) ->
        ?assertEqual({Name, {error, einval}}, {Name, alcove_linux:syscall(Drv, At, Name, Args)})
    end,
    Refused(sys_clone3, {}),
    Refused(sys_execveat, {-100, <<"/bin/true", 0>>, [], [], 0}),
    Refused(sys_exit, {0}),
    Refused(sys_close, {5}),
    Refused(sys_munmap, {0, 4096}),
    Refused(sys_rt_sigprocmask, {0, <<0:64>>, 0, 8}),
    Refused(sys_io_uring_setup, {8, <<0:(120 * 8)>>}),
    Refused(sys_ppoll, {[], 0, <<0:128>>, <<16#10000:64/native>>, 8}),
    Refused(100000, {}),
    ?assertEqual(lists:last(At), alcove:getpid(Drv, At)).

%% Only /usr can be read after this. Nothing else in this test needs rights.
landlock_confines_a_process(Config) ->
    {Drv, At} = child(Config),
    Call = fun(Name, Args) -> alcove_linux:syscall(Drv, At, Name, Args) end,
    case Call(sys_landlock_create_ruleset, {[], 0, landlock_create_ruleset_version}) of
        {ok, ABI, _} when ABI >= 1 ->
            Read = alcove:define(Drv, At, landlock_access_fs_read_file),
            {ok, Rules, _} = Call(sys_landlock_create_ruleset, {<<Read:64/native>>, 8, 0}),
            {ok, Usr} = alcove:open(Drv, At, "/usr", [o_path, o_cloexec], 0),
            {ok, 0, _} = Call(
                sys_landlock_add_rule,
                {Rules, landlock_rule_path_beneath, <<Read:64/native, Usr:32/native>>, 0}
            ),
            {ok, _, _, _, _, _} = alcove:prctl(Drv, At, pr_set_no_new_privs, 1, 0, 0, 0),
            {ok, 0, _} = Call(sys_landlock_restrict_self, {Rules, 0}),
            ?assertEqual({error, eacces}, alcove:open(Drv, At, "/etc/passwd", [o_rdonly], 0)),
            {ok, _} = alcove:open(Drv, At, "/usr/bin/env", [o_rdonly], 0);
        {error, Reason} when Reason =:= enosys; Reason =:= eopnotsupp ->
            {skip, "the kernel has no landlock"}
    end.

%% One event for each call, which does not disturb others.
descriptor_is_watched(Config) ->
    {Drv, At} = child(Config),
    Fifo = filename:join(proplists:get_value(priv_dir, Config), "watched"),
    ok = alcove:mkfifo(Drv, At, Fifo, 8#600),
    {ok, FD} = alcove:open(Drv, At, Fifo, [o_rdwr, o_nonblock, o_cloexec], 0),
    ok = alcove_linux:watch(Drv, At, FD, [readable]),
    {ok, 4} = alcove:write(Drv, At, FD, "news"),
    ?assertEqual({ready, FD, [readable]}, alcove:event(Drv, At, infinity)),
    ?assertEqual(lists:last(At), alcove:getpid(Drv, At)),
    ?assertEqual(false, alcove:event(Drv, At, 0)),
    ok = alcove_linux:watch(Drv, At, FD, [readable, writable]),
    ?assertEqual({ready, FD, [readable, writable]}, alcove:event(Drv, At, infinity)),
    ok = alcove_linux:watch(Drv, At, FD, []),
    ?assertError(badarg, alcove_linux:watch(Drv, At, FD, [zip])).
