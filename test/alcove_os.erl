%% SPDX-License-Identifier: ISC

%% What the suites do with the operating system through a port: programs, files, rights.
-module(alcove_os).

-export([
    cases/1,
    project/0,
    needs/2, needs/3,
    rooted/2,
    without_rights/2,
    unshared/2,
    run/3,
    execute/3,
    finish/2,
    read_file/3,
    write_file/4,
    names/3,
    readlink/3,
    tree/2,
    busybox/0, busybox/1,
    sleep_in_call/4
]).

%% How long anything may take.
-define(LIMIT, 30000).

%% Bits of linux/capability.h.
-define(CAPABILITIES, #{
    cap_chown => 0,
    cap_dac_override => 1,
    cap_kill => 5,
    cap_setgid => 6,
    cap_setuid => 7,
    cap_net_admin => 12,
    cap_sys_chroot => 18,
    cap_sys_ptrace => 19,
    cap_sys_admin => 21,
    cap_sys_nice => 23,
    cap_sys_resource => 24,
    cap_mknod => 27
}).

%% Those that root of a user namespace has over what is of that namespace.
-define(OF_A_NAMESPACE, [cap_net_admin, cap_sys_chroot, cap_sys_admin]).

%% The cases of a suite.
cases(Suite) ->
    [
        Case
     || {Case, 1} <- Suite:module_info(exports),
        not lists:member(Case, [init_per_suite, end_per_suite, module_info])
    ].

%% The folder of the project: the application is linked to its sources.
project() ->
    Lib = code:lib_dir(alcove),
    {ok, Link} = file:read_link(filename:join(Lib, "src")),
    filename:join(filename:absname(Link, Lib), "../..").

%% For init_per_suite and init_per_testcase: the configuration, or what a port lacks here.
needs(Config, Capabilities) ->
    case missing(Capabilities) of
        [] -> Config;
        Missing -> {skip, lists:flatten(io_lib:format("the port has no ~p", [Missing]))}
    end.

missing([]) ->
    [];
missing(Capabilities) ->
    Drv = alcove_ct:start(),
    Has = capabilities(read_file(Drv, [], "/proc/self/status")),
    alcove_ct:stop(Drv),
    [Name || Name <- Capabilities, Has band (1 bsl maps:get(Name, ?CAPABILITIES)) =:= 0].

%% Goes on with a case if the port has what it takes.
needs(Config, Capabilities, Fun) ->
    case needs(Config, Capabilities) of
        Config -> Fun();
        Skip -> Skip
    end.

%% As needs/2; the configuration says as `port' how to start one. That of an ordinary user is root
%% of a user namespace where that is enough and the machine allows it.
rooted(Config, Capabilities) ->
    Here = [{port, []} | Config],
    case needs(Here, Capabilities) of
        {skip, _} = Skip ->
            case Capabilities -- ?OF_A_NAMESPACE =:= [] andalso has_namespaces() of
                true -> [{port, [{exec, "unshare -r"}]} | Config];
                false -> Skip
            end;
        Here ->
            Here
    end.

has_namespaces() ->
    os:cmd("unshare -r echo -n yes 2>/dev/null") =:= "yes".

%% A process of root becomes nobody; that of an ordinary user has nothing to lose.
without_rights(Drv, Pids) ->
    case alcove:getuid(Drv, Pids) of
        0 -> alcove:setuid(Drv, Pids, 65534);
        _ -> ok
    end.

%% A child in namespaces of its own, with the rights of root in them: an ordinary user makes a user
%% namespace, too, where the machine allows it.
unshared(Drv, Flags) ->
    case alcove:clone(Drv, [], Flags) of
        {error, eperm} -> alcove:clone(Drv, [], [clone_newuser | Flags]);
        Cloned -> Cloned
    end.

capabilities(Status) ->
    {match, [Mask]} = re:run(Status, "^CapEff:\\s+([0-9a-f]+)$", [
        multiline, {capture, all_but_first, binary}
    ]),
    binary_to_integer(Mask, 16).

%% Runs a program in a new child: how it ended, its output and its errors.
run(Drv, Pids, Argv) ->
    {ok, Pid} = alcove:fork(Drv, Pids),
    execute(Drv, Pids ++ [Pid], Argv),
    finish(Drv, Pids ++ [Pid]).

%% The process becomes a program.
execute(Drv, Pids, [Program | _] = Argv) ->
    ok = alcove:execvp(Drv, Pids, Program, Argv).

%% Waits for the end of a program: how it ended, its output and its errors.
finish(Drv, Pids) ->
    finish(Drv, Pids, [], []).

finish(Drv, Pids, Output, Errors) ->
    receive
        {alcove_stdout, Drv, Pids, Bytes} ->
            finish(Drv, Pids, [Bytes | Output], Errors);
        {alcove_stderr, Drv, Pids, Bytes} ->
            finish(Drv, Pids, Output, [Bytes | Errors]);
        {alcove_event, Drv, Pids, {Event, _} = End} when Event =:= exit_status; Event =:= termsig ->
            {End, joined(Output), joined(Errors)}
    after ?LIMIT ->
        {messages, Messages} = process_info(self(), messages),
        error({still_running, Pids, joined(Output), joined(Errors), Messages})
    end.

joined(Pieces) ->
    iolist_to_binary(lists:reverse(Pieces)).

%% A file as a process of the port sees it.
read_file(Drv, Pids, Path) ->
    {ok, FD} = alcove:open(Drv, Pids, Path, [o_rdonly, o_cloexec], 0),
    Bytes = read_all(Drv, Pids, FD, []),
    ok = alcove:close(Drv, Pids, FD),
    Bytes.

read_all(Drv, Pids, FD, Pieces) ->
    case alcove:read(Drv, Pids, FD, 16384) of
        {ok, <<>>} -> joined(Pieces);
        {ok, Bytes} -> read_all(Drv, Pids, FD, [Bytes | Pieces])
    end.

%% One write, as the files of the kernel want it. The file need not exist.
write_file(Drv, Pids, Path, Bytes) ->
    Size = iolist_size(Bytes),
    Flags = [o_wronly, o_creat, o_trunc, o_cloexec],
    case alcove:open(Drv, Pids, Path, Flags, 8#644) of
        {ok, FD} ->
            Written = alcove:write(Drv, Pids, FD, Bytes),
            ok = alcove:close(Drv, Pids, FD),
            case Written of
                {ok, Size} -> ok;
                Other -> Other
            end;
        {error, _} = Error ->
            Error
    end.

%% The names in a directory as a process of the port sees it.
names(Drv, Pids, Path) ->
    {ok, Names} = alcove:readdir(Drv, Pids, Path),
    lists:sort(Names) -- [<<".">>, <<"..">>].

%% The target of a link as a process of the port sees it.
readlink(Drv, Pids, Path) ->
    {{exit_status, 0}, Target, <<>>} = run(Drv, Pids, ["readlink", Path]),
    string:trim(Target).

%% An empty directory for a test case in its private folder.
tree(Config, Case) ->
    Dir = filename:join(proplists:get_value(priv_dir, Config), Case),
    ok = filelib:ensure_dir(filename:join(Dir, "file")),
    Dir.

%% A program without libraries.
busybox() ->
    case os:find_executable("busybox") of
        false -> ct:fail("no busybox");
        Path -> Path
    end.

%% Its copy in a directory.
busybox(Dir) ->
    Path = filename:join(Dir, "busybox"),
    {ok, _} = file:copy(busybox(), Path),
    ok = file:change_mode(Path, 8#755),
    Path.

%% A process makes a call that does not return, with a fifo of that name.
sleep_in_call(Drv, Pids, Call, Fifo) ->
    {Name, Args} = sleeping(Drv, Pids, Call, Fifo),
    {alcove_error, timeout} = alcove_drv:call(Drv, Pids, Name, Args, 0),
    ok.

sleeping(Drv, Pids, waitpid, _Fifo) ->
    {ok, Pid} = alcove:fork(Drv, Pids),
    {waitpid, [Pid, []]};
sleeping(Drv, Pids, open, Fifo) ->
    ok = alcove:mkfifo(Drv, Pids, Fifo, 8#600),
    {open, [Fifo, [o_rdonly], 0]};
sleeping(Drv, Pids, read, Fifo) ->
    {read, [open_fifo(Drv, Pids, Fifo), 1]};
sleeping(Drv, Pids, write, Fifo) ->
    FD = open_fifo(Drv, Pids, Fifo),
    Data = binary:copy(<<0>>, 60000),
    {ok, _} = alcove:write(Drv, Pids, FD, Data),
    {write, [FD, Data]};
sleeping(Drv, Pids, select, Fifo) ->
    {select, [[open_fifo(Drv, Pids, Fifo)], [], [], []]}.

open_fifo(Drv, Pids, Fifo) ->
    ok = alcove:mkfifo(Drv, Pids, Fifo, 8#600),
    {ok, FD} = alcove:open(Drv, Pids, Fifo, [o_rdwr, o_cloexec], 0),
    FD.
