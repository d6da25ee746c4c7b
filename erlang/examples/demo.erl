%% SPDX-License-Identifier: ISC

%% A tour: a chain of processes, namespaces, limits, a program, signals.
%%
%% `make demo' runs it, as root or as an ordinary user. CMD is the program, a line for the shell.
-module(demo).

-include_lib("alcove/include/alcove.hrl").

-export([start/0]).

-define(NOBODY, 65534).

start() ->
    try
        run(),
        halt(0)
    catch
        throw:{stop, Format, Args} ->
            say(Format, Args),
            halt(1);
        Class:Reason:Stack ->
            say("~s", [erl_error:format_exception(Class, Reason, Stack)]),
            halt(1)
    end.

run() ->
    Drv = driver(),
    Port = alcove:getpid(Drv, []),
    User = alcove:getuid(Drv, []),
    say("The port program is process ~b of user ~b.", [Port, User]),

    {ok, A} = alcove:fork(Drv, []),
    {ok, B} = alcove:fork(Drv, [A]),
    say("It has forked ~b, and that has forked ~b.", [A, B]),

    {Rights, C} = isolate(Drv, [A, B]),
    Sandbox = [A, B, C],
    say("~b has cloned ~b into namespaces of its own ~s.", [B, C, explain(Rights)]),
    say("There it has the pid ~b.", [alcove:getpid(Drv, Sandbox)]),

    furnish(Drv, Sandbox),
    drop(Drv, Sandbox, Rights),

    {ok, D} = alcove:fork(Drv, [A]),
    ok = alcove:execvp(Drv, [A, D], "sleep", ["sleep", "1000"]),
    ok = alcove:execvp(Drv, Sandbox, "sh", ["sh", "-c", command()]),
    say("~b has become a program, and so has ~b:~n", [C, D]),
    tree(Drv, [], Port, 1),

    say("~nThe program reads what it is sent and writes:~n", []),
    ok = alcove:stdin(Drv, Sandbox, "a line from Erlang\n"),
    eof(Drv, Sandbox),
    Status = output(Drv, Sandbox),
    say("~nIt has ended: ~p.", [Status]),

    ok = alcove:kill(Drv, [A], D, sigterm),
    say("~b has ended by a signal: ~p.", [D, alcove:event(Drv, [A, D], 10000)]),

    ok = alcove_drv:stop(Drv),
    say("The driver is stopped, and with it the port and all processes below.", []),

    one_call(),
    stranger().

%% What nobody trusts, in one call.
stranger() ->
    Script = "id -u; echo /*; ls /proc; echo > /usr/file; while :; do :; done",
    Sandbox = #{limits => #{cpu_time => 1, processes => 32}},
    say("~nThe program of a stranger runs in a sandbox: sh -c ~p~n", [Script]),
    case alcove_run:run(["sh", "-c", Script], #{sandbox => Sandbox, stderr => merge}) of
        {ok, #{status := Status, stdout := Out}} ->
            say("~ts~nIt was ended by its limit: ~p.", [Out, Status]);
        {error, {Step, Reason}} ->
            throw({stop, "There can be no sandbox here: ~p ~p.", [Step, Reason]})
    end.

%% A program that needs none of this is run in one call.
one_call() ->
    Script = "trap '' TERM; (setsid sleep 1000 & echo $!); while :; do sleep 0.1; done",
    {ok, #{status := timeout, stdout := Line, usage := #{wall_us := Time}}} =
        alcove_run:run(["sh", "-c", Script], #{timeout => 300, grace => 100}),
    say("~nalcove_run has run a program that does not end, and ended it after ~.1f s,", [Time / 1.0e6]),
    say("with ~s, which it had started in a session of its own.", [string:trim(Line)]),
    ok = alcove_pool:stop(default).

driver() ->
    case alcove_drv:start() of
        {ok, Drv} -> Drv;
        {error, Reason} -> throw({stop, "The port program does not start: ~tp.", [Reason]})
    end.

%% A process that is alone with its files, host name, network and processes. Without the rights
%% of root it needs to be in a user namespace too, in which it has them.
isolate(Drv, Pids) ->
    Namespaces = [clone_newns, clone_newuts, clone_newpid, clone_newnet],
    case alcove:clone(Drv, Pids, Namespaces) of
        {ok, Pid} ->
            {root, Pid};
        {error, eperm} ->
            case alcove:clone(Drv, Pids, [clone_newuser | Namespaces]) of
                {ok, Pid} ->
                    map(Drv, Pids, Pid, "setgroups", "deny"),
                    map(Drv, Pids, Pid, "uid_map", same(alcove:getuid(Drv, []))),
                    map(Drv, Pids, Pid, "gid_map", same(alcove:getgid(Drv, []))),
                    {user, Pid};
                {error, Reason} ->
                    throw(
                        {stop,
                            "~nThe rest needs root, or user namespaces for ordinary users, which "
                            "are not to be had here (~p):~n"
                            "the administrator, or the container that "
                            "this runs in, does not allow them.",
                            [Reason]}
                    )
            end
    end.

%% Its users are those outside, that is to say one.
same(Id) ->
    io_lib:format("~b ~b 1", [Id, Id]).

map(Drv, Parent, Pid, File, Text) ->
    Path = ["/proc/", integer_to_list(Pid), "/", File],
    {ok, FD} = alcove:open(Drv, Parent, Path, [o_wronly, o_cloexec], 0),
    {ok, _} = alcove:write(Drv, Parent, FD, Text),
    ok = alcove:close(Drv, Parent, FD).

explain(root) -> "as root";
explain(user) -> "as an ordinary user, with a user namespace".

furnish(Drv, Pids) ->
    ok = alcove:sethostname(Drv, Pids, "sandbox"),
    ok = alcove:mount(Drv, Pids, "none", "/", [], [ms_rec, ms_private], [], []),
    ok = alcove:mount(Drv, Pids, "proc", "/proc", "proc", [ms_nosuid, ms_nodev, ms_noexec], [], []),
    Limit = fun(Resource, N) ->
        ok = alcove:setrlimit(Drv, Pids, Resource, #alcove_rlimit{cur = N, max = N})
    end,
    Limit(rlimit_nofile, 64),
    Limit(rlimit_fsize, 0).

%% In the user namespace the rights end by themselves when the program starts.
drop(_Drv, _Pids, user) ->
    ok;
drop(Drv, Pids, root) ->
    ok = alcove:setgroups(Drv, Pids, []),
    ok = alcove:setresgid(Drv, Pids, ?NOBODY, ?NOBODY, ?NOBODY),
    ok = alcove:setresuid(Drv, Pids, ?NOBODY, ?NOBODY, ?NOBODY).

command() ->
    case os:getenv("CMD", "") of
        "" ->
            "echo host: $(uname -n)\n"
            "echo ids: $(id -u) $(id -g)\n"
            "echo open files: $(ulimit -n)\n"
            "echo network: $(tail -n +3 /proc/net/dev | cut -d: -f1)\n"
            "for p in /proc/[0-9]*; do echo process: ${p#/proc/} $(cat $p/comm); done\n"
            "read -r line; echo input: $line\n"
            "exit 3\n";
        Command ->
            Command
    end.

tree(Drv, Pids, Pid, Depth) ->
    say("~s~b ~s", [lists:duplicate(2 * Depth, $\s), Pid, comm(Pid)]),
    lists:foreach(
        fun
            % a program is not asked for its children
            (#alcove_pid{pid = Child, fdctl = -2}) ->
                say("~s~b ~s", [lists:duplicate(2 * Depth + 2, $\s), Child, comm(Child)]);
            (#alcove_pid{pid = Child}) ->
                tree(Drv, Pids ++ [Child], Child, Depth + 1)
        end,
        alcove:cpid(Drv, Pids)
    ).

comm(Pid) ->
    {ok, Name} = file:read_file(["/proc/", integer_to_list(Pid), "/comm"]),
    string:trim(Name).

%% The program may have ended already.
eof(Drv, Pids) ->
    case alcove:eof(Drv, Pids) of
        ok -> ok;
        {error, esrch} -> ok
    end.

%% Prints what the program writes until it ends, and returns how it has ended.
output(Drv, Pids) ->
    receive
        {alcove_stdout, Drv, Pids, Text} ->
            io:put_chars(indent(Text)),
            output(Drv, Pids);
        {alcove_stderr, Drv, Pids, Text} ->
            io:put_chars(indent(Text)),
            output(Drv, Pids);
        {alcove_event, Drv, Pids, {Event, _} = Status} when
            Event =:= exit_status; Event =:= termsig
        ->
            Status
    end.

indent(Text) ->
    [["    ", Line, $\n] || Line <- string:split(string:trim(Text), "\n", all)].

say(Format, Args) ->
    io:format(Format ++ "~n", Args).
