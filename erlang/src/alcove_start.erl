%% SPDX-License-Identifier: ISC

%% @doc The start of a port: its command line, and what is said until it is ready.
%%
%% Whatever the program does, a start returns: nothing here waits for anything but messages, and
%% one of them is the end of the port. Nothing that was made for a failed start is left.
%% @hidden
-module(alcove_start).

-include_lib("kernel/include/logger.hrl").

-include("alcove.hrl").

-export([
    port/1,
    getopts/1,
    progname/0
]).

-export_type([
    started/0
]).

-type started() :: #{
    port := port(),
    control := alcove_ctl:control(),
    % how much the port has written that is not in early
    taken := non_neg_integer(),
    % what it has written for the owner so far
    early := binary()
}.

%% A port that does not get ready in this time never will; there is room for a password.
-define(TIMEOUT, 60000).

-record(start, {
    port :: port(),
    pid :: non_neg_integer(),
    listener :: alcove_ctl:listener(),
    deadline :: integer() | infinity,
    title :: unicode:chardata() | undefined,
    % what has been read and not understood yet, and frames for the owner, latest first
    bytes = <<>> :: binary(),
    early = [] :: [binary()],
    taken = 0 :: non_neg_integer()
}).

%% @doc Starts the program that the options name and waits until it is ready.
-spec port([alcove_drv:option()]) -> {ok, started()} | {error, term()}.
port(Options) ->
    try
        Listener = listen(Options),
        try
            open(Listener, Options)
        catch
            throw:{failed, _} = Failure ->
                % the fifo of another user may have to stay
                _ = file:delete(alcove_ctl:name(Listener), [raw]),
                throw(Failure)
        after
            alcove_ctl:remove(Listener)
        end
    catch
        throw:{failed, Why} -> {error, explained(Why, Options)}
    end.

listen(Options) ->
    case alcove_ctl:listen(Options) of
        {ok, Listener} -> Listener;
        {error, Reason, Name} -> failed({fdctl, Reason, Name})
    end.

-spec failed(term()) -> no_return().
failed(Reason) ->
    throw({failed, Reason}).

deadline(infinity) -> infinity;
deadline(Timeout) -> erlang:monotonic_time(millisecond) + Timeout.

remaining(infinity) -> infinity;
remaining(Deadline) -> max(0, Deadline - erlang:monotonic_time(millisecond)).

%%
%% The command line
%%

%% @doc See {@link alcove_drv:getopts/1}.
-spec getopts([alcove_drv:option()]) -> [string(), ...].
getopts(Options) when is_list(Options) ->
    [Command | Argv] = words(Options),
    case os:find_executable(Command) of
        false -> erlang:error(badarg, [Command]);
        Path -> [Path | Argv ++ lists:flatmap(fun switches/1, Options)]
    end.

words(Options) ->
    Exec = proplists:get_value(exec, Options, ""),
    Progname = proplists:get_value(progname, Options, progname()),
    [
        Word
     || Word <- string:lexemes(to_string(Exec), " ") ++ [to_string(Progname)],
        Word =/= ""
    ].

switches({fdctl, Path}) -> ["-c", to_string(Path)];
switches({depth, N}) -> ["-d", integer_to_list(N)];
switches({maxchild, N}) -> ["-m", integer_to_list(N)];
switches({_, _}) -> [];
switches(Option) when is_atom(Option) -> switches({Option, true}).

to_string(Text) when is_list(Text); is_binary(Text) ->
    case unicode:characters_to_list(Text) of
        String when is_list(String) -> String;
        % a name of a file is any bytes
        _ -> binary_to_list(iolist_to_binary(Text))
    end.

%% @doc See {@link alcove_drv:progname/0}.
-spec progname() -> string().
progname() ->
    alcove_priv:find(alcove_priv:folder()).

%%
%% The program
%%

open(Listener, Options) ->
    ok = log_missing(Options),
    [Command | Argv] = words(Options),
    % -c is first, for programs that look no further
    Name = alcove_ctl:name(Listener),
    Args = Argv ++ ["-c", Name] ++ lists:flatmap(fun switches/1, proplists:delete(fdctl, Options)),
    case os:find_executable(Command) of
        false -> failed({badarg, Command});
        Path -> open(Path, Args, Listener, Options)
    end.

open(Path, Args, Listener, Options) ->
    Deadline = deadline(proplists:get_value(start_timeout, Options, ?TIMEOUT)),
    try open_port({spawn_executable, Path}, [{args, Args} | port_options(Options)]) of
        Port ->
            ready(#start{
                port = Port,
                pid = os_pid(Port),
                listener = Listener,
                deadline = Deadline,
                title = proplists:get_value(title, Options)
            })
    catch
        error:Reason -> failed(not_opened(Reason, file:get_cwd(), Path))
    end.

%% A VM whose working directory was removed starts no program at all.
not_opened(enoent, {error, Reason}, _Path) -> {cwd, Reason};
not_opened(Reason, _Cwd, Path) -> {Reason, Path}.

%% What fails now does not tell why: the error has one of the names, and sudo has its own words.
log_missing(Options) ->
    case missing(Options) of
        false -> ok;
        Why -> ?LOG_ERROR("alcove: ~ts", [Why])
    end.

missing(Options) ->
    case proplists:is_defined(progname, Options) of
        true -> false;
        false -> alcove_priv:missing(alcove_priv:folder())
    end.

%% The limits are those after which a port suspends the process that writes to it. A driver
%% has to see its other messages however slowly the port reads.
port_options(Options) ->
    [stream, binary, exit_status, {busy_limits_port, disabled}, {busy_limits_msgq, disabled}] ++
        [Option || {env, _} = Option <- Options] ++
        [Option || stderr_to_stdout = Option <- Options].

%% It may have ended already.
os_pid(Port) ->
    case erlang:port_info(Port, os_pid) of
        {os_pid, Pid} -> Pid;
        undefined -> 0
    end.

%%
%% The messages until it is ready
%%

%% The port connects before it announces itself. If it has not, it has made a fifo.
ready(S0) ->
    try
        {Announced, S1} = reply(accept(S0)),
        Announced =:= ok orelse failed({handshake, Announced}),
        {Control, Controlled} = control(accept(S1)),
        S2 = titled(Controlled),
        {ok, #{
            port => S2#start.port,
            control => Control,
            taken => S2#start.taken,
            early => iolist_to_binary([lists:reverse(S2#start.early), S2#start.bytes])
        }}
    catch
        throw:{failed, _} = Failure ->
            give_up(S0),
            throw(Failure)
    end.

accept(#start{listener = Listener, pid = Pid} = S) ->
    case alcove_ctl:accept(Listener, Pid) of
        {ok, Listener1} -> S#start{listener = Listener1};
        {error, Reason} -> failed({fdctl, Reason, alcove_ctl:name(Listener)})
    end.

control(#start{listener = Listener} = S) ->
    case alcove_ctl:connected(Listener) of
        {ok, Control} -> {Control, S};
        false -> fifo(S)
    end.

%% It may belong to a user whose files that of the VM does not remove, nor write to.
fifo(#start{listener = Listener} = S0) ->
    Name = alcove_ctl:name(Listener),
    {Opened, S1} =
        case alcove_ctl:fifo(Listener) of
            {error, not_writable} ->
                {_, Changed} = call(chmod, [Name, 8#666], S0),
                {alcove_ctl:fifo(Listener), Changed};
            Fifo ->
                {Fifo, S0}
        end,
    case Opened of
        {ok, Control} ->
            {Unlinked, S2} = call(unlink, [Name], S1),
            Unlinked =:= ok orelse failed({unlink, Unlinked}),
            {Control, S2};
        {error, Reason} ->
            failed({fdctl, Reason, Name})
    end.

titled(#start{title = undefined} = S) ->
    S;
titled(#start{title = Title} = S0) ->
    {_, S} = call(setproctitle, [unicode:characters_to_binary(Title)], S0),
    S.

%% If the port has ended, the message that says so is there.
call(Name, Args, #start{port = Port} = S) ->
    try
        true = port_command(Port, alcove_codec:call(Name, [], Args))
    catch
        error:badarg -> true
    end,
    reply(S).

%% The next reply. What else comes is for the owner.
reply(#start{bytes = <<Length:16, Type:16, _/binary>> = Bytes} = S) when
    Length >= 2, Type >= ?ALCOVE_MSG_STDOUT, Type =< ?ALCOVE_MSG_PIPE
->
    case Bytes of
        <<Frame:(Length + 2)/binary, Rest/binary>> when Type =:= ?ALCOVE_MSG_CALL ->
            Taken = S#start.taken + byte_size(Frame),
            {term(Frame), S#start{bytes = Rest, taken = Taken}};
        <<Frame:(Length + 2)/binary, Rest/binary>> ->
            reply(S#start{bytes = Rest, early = [Frame | S#start.early]});
        _ ->
            more(S)
    end;
reply(#start{bytes = <<_:32, _/binary>> = Bytes}) ->
    failed({handshake, start_of(Bytes)});
reply(S) ->
    more(S).

term(Frame) ->
    try
        {alcove_call, [], Term} = alcove_codec:decode(Frame),
        Term
    catch
        error:_ -> failed({handshake, start_of(Frame)})
    end.

start_of(Bytes) ->
    binary:part(Bytes, 0, min(64, byte_size(Bytes))).

more(#start{port = Port, bytes = Bytes} = S) ->
    receive
        {Port, {data, Data}} ->
            reply(S#start{bytes = <<Bytes/binary, Data/binary>>});
        % of an earlier request, see alcove_ctl:news/2
        {'$socket', _, abort, _} ->
            more(S);
        {'$socket', _, _, _} ->
            reply(accept(S));
        {Port, {exit_status, Status}} ->
            failed({ended, Status, alcove_ctl:name(S#start.listener)});
        {'EXIT', Port, _Reason} ->
            failed({error, port_init_failed});
        {'EXIT', Parent, Reason} when is_pid(Parent) ->
            failed({parent, Reason})
    after remaining(S#start.deadline) ->
        failed({handshake, timeout})
    end.

%% A program that is not what was expected may not end with its input. It has a process group of
%% its own. One that has ended is not signalled: its pid may be another's.
give_up(#start{port = Port}) ->
    case erlang:port_info(Port, os_pid) of
        {os_pid, Pid} ->
            alcove_kill:kill(-Pid, fun() -> alcove_ctl:close_port(Port) end) =:= ok orelse
                ?LOG_ERROR("alcove: process group ~b is left: no command can be started to kill it", [Pid]);
        undefined ->
            ok
    end.

%%
%% What went wrong, in words
%%

%% The log says what the error does not.
explained({parent, Reason}, _Options) ->
    Reason;
explained(Why, Options) ->
    Said = element(1, Why) =/= fdctl andalso missing(Options) =/= false,
    _ = Said orelse
        ?LOG_ERROR("alcove: ~ts does not start: ~ts", [lists:join(" ", words(Options)), why(Why)]),
    case Why of
        {ended, _Status, _Name} -> {error, port_init_failed};
        {fdctl, Reason, _Name} -> {fdctl, Reason};
        _ -> Why
    end.

why({badarg, Command}) ->
    [Command, " is no program that can be executed (options exec and progname)"];
why({cwd, Reason}) ->
    ["the VM has no working directory, and starts no program then: ", posix(Reason)];
why({emfile, _Path}) ->
    "the VM has too few descriptors left (ulimit -n)";
why({ended, Status, Name}) ->
    [
        ["it has ended with status ", integer_to_list(Status), " before it was ready"]
        | status(Status, Name)
    ];
why({fdctl, enoent, Name}) ->
    ["it has neither connected nor made a fifo at ", to_string(Name)];
why({fdctl, eexist, Name}) ->
    ["there is something at ", to_string(Name), " (option fdctl)"];
why({fdctl, Reason, Name}) ->
    [
        "its fifo ",
        to_string(Name),
        " cannot be opened: ",
        posix(Reason),
        " (options ctl and ctldir)"
    ];
why({unlink, _Reply}) ->
    "it does not remove its fifo";
why({handshake, timeout}) ->
    "it does not get ready in time (option start_timeout)";
why({handshake, Said}) ->
    io_lib:format(
        "it says ~tp: is it another program, or is something printed before it starts "
        "(options exec and progname)?",
        [Said]
    );
why(Why) ->
    io_lib:format("~tp", [Why]).

%% Of the program of this application.
status(11, _Name) ->
    ": it cannot have so many children (options maxchild and depth)";
status(17, Name) ->
    [
        ": there is something at ",
        to_string(Name),
        "; a program that makes a fifo needs the option {ctl, fifo}"
    ];
status(24, _Name) ->
    ": it may have too few open files, and needs 6, and 6 for each child (ulimit -n)";
status(Status, Name) ->
    case cannot_make(Status) of
        false ->
            "";
        Reason ->
            [
                ": it does not reach the VM and cannot make a fifo in ",
                [to_string(filename:dirname(Name)), ": ", posix(Reason)],
                " (option ctldir)"
            ]
    end.

cannot_make(2) -> enoent;
cannot_make(13) -> eacces;
cannot_make(20) -> enotdir;
cannot_make(28) -> enospc;
cannot_make(30) -> erofs;
cannot_make(36) -> enametoolong;
cannot_make(_) -> false.

posix(Reason) ->
    file:format_error(Reason).
