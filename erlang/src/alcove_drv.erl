%% @doc The process that owns a port program.
%%
%% A driver starts the port, passes on what its owner sends and delivers what comes back as
%% messages `{Tag, Driver, Pipeline, Term}':
%%
%% <table>
%% <tr><th>tag</th><th>term</th></tr>
%% <tr><td>`alcove_call'</td><td>reply of a call that nobody waits for</td></tr>
%% <tr><td>`alcove_event'</td>
%%   <td>`{exit_status, 0..255}', `{termsig, Signal}' or `{signal, Signal, Siginfo}'</td></tr>
%% <tr><td>`alcove_stdout', `alcove_stderr'</td><td>output, a binary</td></tr>
%% <tr><td>`alcove_ctl'</td>
%%   <td>`fdctl_closed' when the process executes a program or ends, `badpid', and if asked for
%%   `stdin_closed', `stdout_closed', `stderr_closed'</td></tr>
%% <tr><td>`alcove_pipe'</td>
%%   <td>the number of bytes that were written before the standard input of a process was
%%   full; the others are lost</td></tr>
%% </table>
%%
%% <ul>
%% <li>start and stop: {@link start/0}, {@link start_link/0}, {@link stop/1}</li>
%% <li>calls and data: {@link call/5}, {@link stdin/3}</li>
%% <li>reading the mailbox: {@link stdout/3}, {@link stderr/3}, {@link event/3}</li>
%% <li>the port itself: {@link port/1}, {@link raw/1}, {@link getopts/1}, {@link progname/0}</li>
%% </ul>
%%
%% Only the owner may make calls; it is the process that started the driver unless another
%% one was named. The end of the driver is the end of the port and of all processes below it.
%%
%% {@link alcove} has a function for each call.
-module(alcove_drv).
-behaviour(gen_server).

-include_lib("kernel/include/logger.hrl").

-include("alcove.hrl").

-export([
    start/0, start/1, start/2,
    start_link/0, start_link/1, start_link/2,
    stop/1
]).
-export([
    call/5,
    stdin/3
]).
-export([
    stdout/3,
    stderr/3,
    event/3
]).
-export([
    raw/1,
    port/1,
    getopts/1,
    progname/0
]).
-export([
    init/1,
    handle_call/3,
    handle_cast/2,
    handle_info/2,
    terminate/2,
    code_change/3
]).

-export_type([
    ref/0,
    option/0,
    reason/0
]).

-type ref() :: pid().
%% A driver.

-type option() ::
    {exec, unicode:chardata()}
    | {progname, string() | binary()}
    | {ctldir, string() | binary()}
    | {fdctl, string() | binary()}
    | {depth, non_neg_integer()}
    | {maxchild, non_neg_integer()}
    | {env, [{string(), string() | false}]}
    | {start_timeout, timeout()}
    | {monitor_owner, boolean()}
    | stderr_to_stdout
    | atom()
    | {term(), term()}.
%% An option of {@link start/1}; unknown ones are ignored.

-type reason() ::
    alcove:posix()
    | badarg
    | undef
    | badpid
    | timeout
    | stdin_closed
    | stdout_closed
    | stderr_closed
    | {eagain, non_neg_integer()}
    | {exit_status, byte()}
    | {termsig, atom()}.
%% Why there is no reply.

%% The largest message to a port, its length and all headers included.
-define(MAXMSG, 16#ffff).

%% The longest timeout of a receive.
-define(MAXTIMEOUT, 16#ffffffff).

%% A port that does not get ready in this time never will; there is room for a password.
-define(START_TIMEOUT, 60000).

%% How long to wait for the news that the port executes a program once it writes what is
%% not a frame.
-define(EXEC_TIMEOUT, 1000).

%% A call of the owner that has no reply yet. The owner waits for one of them at most; it no
%% longer waits for those that are late.
-record(call, {
    pids :: [alcove:pid_t()],
    noreturn = false :: boolean(),
    ref :: reference() | late
}).

-record(state, {
    owner :: pid(),
    port :: port() | undefined,
    % reports the end of the control fifo; closed before that is watched and after it
    fifo = closed :: port() | closed,
    % the port has become another program
    raw = false :: boolean(),
    % what has been read of an incomplete frame, latest first, its size, the size to wait for
    partial = [] :: [binary()],
    have = 0 :: non_neg_integer(),
    need = 0 :: non_neg_integer(),
    % oldest first
    calls = [] :: [#call{}],
    % the latest reply, in case its caller has just given up
    answered = none :: none | {reference(), alcove_message()},
    % a process has sent nonsense
    garbled = false :: boolean()
}).

-type alcove_message() :: {alcove_codec:type(), [alcove:pid_t()], term()}.

%%
%% Start and stop
%%

%% @equiv start([])
-spec start() -> {ok, ref()} | {error, term()}.
start() ->
    start([]).

%% @equiv start(self(), Options)
-spec start([option()]) -> {ok, ref()} | {error, term()}.
start(Options) ->
    start(self(), Options).

%% @doc Starts a driver that lives until it is stopped or its port ends.
%%
%% Options:
%%
%% <dl>
%% <dt>`{exec, Words}'</dt>
%%   <dd>what to start the program with, such as `"sudo -n"'; split at spaces</dd>
%% <dt>`{progname, Path}'</dt><dd>the program instead of {@link progname/0}</dd>
%% <dt>`{ctldir, Directory}'</dt>
%%   <dd>where the control fifo is made for the moment of the start; the user that the
%%   program runs as needs to write there. Default: the directory of the program of this
%%   application</dd>
%% <dt>`{fdctl, Path}'</dt><dd>the control fifo itself; must not exist</dd>
%% <dt>`{maxchild, N}'</dt><dd>how many children each process may have</dd>
%% <dt>`{depth, N}'</dt>
%%   <dd>of use for {@link getopts/1} only: a program that is started so by a driver is not
%%   one that a driver can use</dd>
%% <dt>`{env, Environment}'</dt><dd>as of {@link erlang:open_port/2}</dd>
%% <dt>`stderr_to_stdout'</dt>
%%   <dd>as of {@link erlang:open_port/2}; for ports that execute a program themselves</dd>
%% <dt>`{start_timeout, Milliseconds}'</dt>
%%   <dd>how long the program may take to get ready, 60000 by default</dd>
%% <dt>`{monitor_owner, true}'</dt>
%%   <dd>stop when the owner ends; by default an unlinked driver goes on</dd>
%% </dl>
%%
%% A program that is not found gives `{error, {badarg, _}}'; if it is that of this application,
%% the log has the architecture and the names that were looked for. A port that ends before it
%% is ready gives `{error, {error, port_init_failed}}' and a line in the log with its status:
%% often its fifo cannot be made, or sudo asks for a password. The other errors are
%% `{fdctl, Posix}' when the fifo cannot be opened, `{handshake, timeout}' and
%% `{handshake, Bytes}' when the program is silent or something else.
%%
%% ```
%% {ok, Drv} = alcove_drv:start([{exec, "sudo -n"}, {maxchild, 8}]).
%% '''
-spec start(Owner :: pid(), [option()]) -> {ok, ref()} | {error, term()}.
start(Owner, Options) ->
    gen_server:start(?MODULE, [Owner, Options], []).

%% @equiv start_link([])
-spec start_link() -> {ok, ref()} | {error, term()}.
start_link() ->
    start_link([]).

%% @equiv start_link(self(), Options)
-spec start_link([option()]) -> {ok, ref()} | {error, term()}.
start_link(Options) ->
    start_link(self(), Options).

%% @doc As {@link start/2}, linked to the caller, who need not be the owner.
-spec start_link(Owner :: pid(), [option()]) -> {ok, ref()} | {error, term()}.
start_link(Owner, Options) ->
    gen_server:start_link(?MODULE, [Owner, Options], []).

%% @doc Stops the driver and closes its port.
%%
%% The port notices and ends, as do all processes below it: those that run a program are sent
%% the signal of their `signaloneof' first. Any process may stop a driver; stopping one that
%% is gone does nothing.
-spec stop(ref()) -> ok.
stop(Drv) ->
    _ = (catch gen_server:call(Drv, stop)),
    ok.

%%
%% Calls and data
%%

%% @doc Makes a call in the last process of a pipeline and waits for its reply.
%%
%% Returns the reply, or `{alcove_error, Reason}':
%%
%% <dl>
%% <dt>`badarg'</dt><dd>the port refuses an argument, or the call does not fit in a frame</dd>
%% <dt>`undef'</dt><dd>the system does not have the call, or a filter blocks it</dd>
%% <dt>`badpid'</dt><dd>a process of the pipeline does not exist, or has just ended</dd>
%% <dt>`{exit_status, N}', `{termsig, Signal}'</dt><dd>the process has ended</dd>
%% <dt>`{eagain, N}'</dt><dd>the standard input of the process is full</dd>
%% <dt>`stdin_closed', `stdout_closed', `stderr_closed'</dt>
%%   <dd>news that were asked for with {@link alcove:setopt/4}</dd>
%% <dt>`timeout'</dt>
%%   <dd>no reply in time; if it comes after all it is delivered as a message</dd>
%% </dl>
%%
%% The calls that do not return (`execve', `execvp', `fexecve', `exit') give `ok' when the
%% process is on its way.
%%
%% Returns `{error, not_owner}' to any process but the owner of the driver. If the driver is
%% gone or goes, the caller exits with `{Reason, {gen_server, call, _}}'.
-spec call(ref(), [alcove:pid_t()], alcove_proto:call(), [term()], timeout()) ->
    term() | {alcove_error, reason()}.
call(_Drv, Pids, _Name, _Args, Timeout) when
    is_list(Pids), is_integer(Timeout), (Timeout < 0 orelse Timeout > ?MAXTIMEOUT)
->
    erlang:error(timeout_value);
call(Drv, Pids, Name, Args, Timeout) when
    is_list(Pids), is_integer(Timeout);
    is_list(Pids), Timeout =:= infinity
->
    Frame = iolist_to_binary(alcove_codec:call(Name, Pids, Args)),
    case byte_size(Frame) =< ?MAXMSG of
        true ->
            NoReturn = noreturn(Name, Args),
            Answer = request(Drv, on_wire(Pids), NoReturn, Frame, Timeout),
            ended(Answer, Drv, on_wire(Pids), NoReturn);
        false ->
            {alcove_error, badarg}
    end.

%% Several calls in one end as their last one does.
noreturn(batch, [[_ | _] = Calls]) ->
    {Name, _} = lists:last(Calls),
    alcove_proto:noreturn(Name);
noreturn(Name, _Args) ->
    alcove_proto:noreturn(Name).

%% Replies name the pids as they were in the frame.
on_wire(Pids) ->
    [Pid band 16#ffffffff || Pid <- Pids].

%% The reference is new when the receive begins, so that the VM does not look at what is
%% in the mailbox already.
request(Drv, Pids, NoReturn, Frame, Timeout) ->
    Ref = erlang:monitor(process, Drv, [{alias, demonitor}]),
    Call = #call{pids = Pids, noreturn = NoReturn, ref = Ref},
    gen_server:cast(Drv, {call, self(), Call, Frame}),
    receive
        {Ref, Answer} ->
            erlang:demonitor(Ref, [flush]),
            Answer;
        {'DOWN', Ref, process, _, Reason} ->
            exit({Reason, {gen_server, call, [Drv, {send, Frame}, infinity]}})
    after Timeout ->
        erlang:demonitor(Ref, [flush]),
        receive
            {Ref, Answer} ->
                Answer
        after 0 ->
            gen_server:cast(Drv, {give_up, self(), Ref}),
            {alcove_error, timeout}
        end
    end.

%% The parent of a process that has ended does not know it any more. How it ended may be in
%% the mailbox, and says more.
ended({alcove_error, badpid} = Error, Drv, Pids, false) ->
    receive
        {alcove_event, Drv, Pids, {exit_status, _} = Reason} -> {alcove_error, Reason};
        {alcove_event, Drv, Pids, {termsig, _} = Reason} -> {alcove_error, Reason}
    after 0 -> Error
    end;
ended(Answer, _Drv, _Pids, _NoReturn) ->
    Answer.

%% @doc Sends data to the standard input of the last process of a pipeline, which runs a
%% program.
%%
%% Does not wait: that the process does not exist or that its input is full is reported later,
%% in a message. `badarg' means that the data is too large for one frame, which takes 65535
%% bytes less 8 for each pid. To the port itself, `[]', the data goes without a frame.
%%
%% Any process may send data.
-spec stdin(ref(), [alcove:pid_t()], iodata()) -> ok | {alcove_error, badarg}.
stdin(Drv, Pids, Data) ->
    Frame = alcove_codec:stdin(Pids, Data),
    case iolist_size(Frame) =< ?MAXMSG of
        true ->
            gen_server:cast(Drv, {send, Frame});
        false ->
            {alcove_error, badarg}
    end.

%%
%% The mailbox of the owner
%%

%% @doc Takes one piece of standard output of a process from the mailbox.
%%
%% Returns `false' after Timeout milliseconds without one, or when the driver is gone. A
%% problem with the process that is found first is returned as `{alcove_error, Reason}' or
%% `{alcove_pipe, {eagain, N}}', see {@link call/5}.
-spec stdout(ref(), [alcove:pid_t()], timeout()) ->
    binary() | false | {alcove_error, reason()} | {alcove_pipe, {eagain, non_neg_integer()}}.
stdout(Drv, Pids, Timeout) ->
    take(Drv, Pids, alcove_stdout, Timeout).

%% @doc As {@link stdout/3}, for standard error.
-spec stderr(ref(), [alcove:pid_t()], timeout()) ->
    binary() | false | {alcove_error, reason()} | {alcove_pipe, {eagain, non_neg_integer()}}.
stderr(Drv, Pids, Timeout) ->
    take(Drv, Pids, alcove_stderr, Timeout).

%% @doc As {@link stdout/3}, for an event: `{exit_status, N}', `{termsig, Signal}' or
%% `{signal, Signal, Siginfo}'.
-spec event(ref(), [alcove:pid_t()], timeout()) -> term().
event(Drv, Pids, Timeout) ->
    take(Drv, Pids, alcove_event, Timeout).

take(Drv, Pids, Tag, Timeout) ->
    case take(Drv, Pids, Tag, make_ref(), 0) of
        false when Timeout =/= 0 ->
            Ref = erlang:monitor(process, Drv),
            Taken = take(Drv, Pids, Tag, Ref, Timeout),
            erlang:demonitor(Ref, [flush]),
            Taken;
        Taken ->
            Taken
    end.

take(Drv, Pids, Tag, Ref, Timeout) ->
    receive
        {Tag, Drv, Pids, Term} ->
            Term;
        {alcove_ctl, Drv, Pids, fdctl_closed} ->
            take(Drv, Pids, Tag, Ref, Timeout);
        {alcove_ctl, Drv, Pids, Reason} ->
            {alcove_error, Reason};
        {alcove_call, Drv, Pids, Reason} when Reason =:= badarg; Reason =:= undef ->
            {alcove_error, Reason};
        {alcove_pipe, Drv, Pids, Bytes} ->
            {alcove_pipe, {eagain, Bytes}};
        {'DOWN', Ref, process, _, _} ->
            false
    after Timeout -> false
    end.

%%
%% The port
%%

%% @doc Delivers what the port writes as it is from now on, as standard output of `[]'.
%%
%% There is no way back. Returns `{error, not_owner}' to any process but the owner.
-spec raw(ref()) -> ok | {error, not_owner}.
raw(Drv) ->
    gen_server:call(Drv, raw).

%% @doc The Erlang port of the driver.
%%
%% Its `os_pid' is in `erlang:port_info(Port)'. Returns `{error, not_owner}' to any process but
%% the owner.
-spec port(ref()) -> port() | {error, not_owner}.
port(Drv) ->
    gen_server:call(Drv, port).

%% @doc The command line that the options stand for: the program with its full path, then its
%% arguments.
%%
%% A process that is to go on as a fresh port executes it. Raises `badarg' when there is no such
%% program.
%%
%% ```
%% 1> alcove_drv:getopts([{exec, "sudo -n"}, {progname, "/usr/lib/alcove"}, {maxchild, 8}]).
%% ["/usr/bin/sudo","-n","/usr/lib/alcove","-m","8"]
%% '''
-spec getopts([option()]) -> [string(), ...].
getopts(Options) when is_list(Options) ->
    Exec = proplists:get_value(exec, Options, ""),
    Progname = proplists:get_value(progname, Options, progname()),
    [Command | Argv] = [
        Word
     || Word <- string:lexemes(to_string(Exec), " ") ++ [to_string(Progname)],
        Word =/= ""
    ],
    [find_executable(Command) | Argv ++ lists:flatmap(fun switches/1, Options)].

switches({fdctl, Path}) -> ["-c", to_string(Path)];
switches({depth, N}) -> ["-d", integer_to_list(N)];
switches({maxchild, N}) -> ["-m", integer_to_list(N)];
switches({_, _}) -> [];
switches(Option) when is_atom(Option) -> switches({Option, true}).

find_executable(Command) ->
    case os:find_executable(Command) of
        false -> erlang:error(badarg, [Command]);
        Path -> Path
    end.

to_string(Text) when is_list(Text); is_binary(Text) ->
    case unicode:characters_to_list(Text) of
        String when is_list(String) -> String;
        % a name of a file is any bytes
        _ -> binary_to_list(iolist_to_binary(Text))
    end.

%% @doc Path of the port program of this application.
%%
%% It is `alcove' in the folder `priv'. If that does not exist, it is the one for the machine
%% and the system that this VM was built for, such as `alcove-linux-arm64', if that does.
-spec progname() -> string().
progname() ->
    alcove_program:find(priv_dir()).

%% The folder beside that of the modules, when the application is not in the path by its name.
%% The path may be relative to the working directory of the VM.
priv_dir() ->
    case code:priv_dir(alcove) of
        {error, bad_name} ->
            Beam = filename:absname(code:which(alcove)),
            filename:join([filename:dirname(Beam), "..", "priv"]);
        Directory ->
            filename:absname(Directory)
    end.

%%
%% gen_server
%%

%% @private
init([Owner, Options]) ->
    process_flag(trap_exit, true),
    Fifo = fifo(Options),
    case file:read_link_info(Fifo) of
        {ok, _} -> {stop, {fdctl, eexist}};
        {error, _} -> start_port(#state{owner = Owner}, Fifo, Options)
    end.

start_port(State, Fifo, Options) ->
    _ = proplists:is_defined(progname, Options) orelse log_missing(),
    [Command | Argv] = getopts([{fdctl, Fifo} | proplists:delete(fdctl, Options)]),
    Port = open_port({spawn_executable, Command}, [{args, Argv} | port_options(Options)]),
    try
        {ok, boot(State#state{port = Port}, Fifo, Options)}
    catch
        throw:{boot, Reason} ->
            close(Port),
            % if another user has made it, it may have to stay
            _ = file:delete(Fifo),
            {stop, Reason}
    end.

%% What fails now does not tell why: the error has one of the names, and sudo has its own words.
log_missing() ->
    case alcove_program:missing(priv_dir()) of
        false -> ok;
        Why -> ?LOG_ERROR("alcove: ~ts", [Why])
    end.

%% The limits are those after which a port suspends the process that writes to it. A driver
%% has to see its other messages however slowly the port reads.
port_options(Options) ->
    [stream, binary, exit_status, {busy_limits_port, disabled}, {busy_limits_msgq, disabled}] ++
        [Option || {env, _} = Option <- Options] ++
        [Option || stderr_to_stdout = Option <- Options].

fifo(Options) ->
    case proplists:get_value(fdctl, Options) of
        undefined ->
            Directory = to_string(proplists:get_value(ctldir, Options, priv_dir())),
            Random = integer_to_list(rand:uniform(1 bsl 64), 36),
            filename:join(Directory, lists:append(["fdctl.", os:getpid(), ".", Random]));
        Path ->
            to_string(Path)
    end.

%% @private
handle_call({send, Data}, {Owner, _}, #state{owner = Owner} = State) ->
    case fits(Data, State) of
        true ->
            case write(Data, State) of
                ok -> {reply, ok, State};
                % the driver is about to end
                closed -> {noreply, State}
            end;
        false ->
            {reply, {alcove_error, badarg}, State}
    end;
handle_call(raw, {Owner, _}, #state{owner = Owner} = State) ->
    {reply, ok, be_raw(State)};
handle_call(port, {Owner, _}, #state{owner = Owner, port = Port} = State) ->
    {reply, Port, State};
handle_call(stop, _From, State) ->
    {stop, normal, ok, State};
handle_call(_Request, {Owner, _}, #state{owner = Owner} = State) ->
    {reply, {error, enotsup}, State};
handle_call(_Request, _From, State) ->
    {reply, {error, not_owner}, State}.

%% @private
handle_cast({call, Owner, Call, Frame}, #state{owner = Owner, calls = Calls} = State) ->
    _ = write(Frame, State),
    {noreply, State#state{calls = Calls ++ [Call]}};
handle_cast({call, _NotOwner, #call{ref = Ref}, _Frame}, State) ->
    answer(Ref, {error, not_owner}),
    {noreply, State};
handle_cast({give_up, Owner, Ref}, #state{owner = Owner} = State) ->
    {noreply, give_up(Ref, State)};
handle_cast({send, Data}, State) ->
    case fits(Data, State) of
        true -> _ = write(Data, State);
        false -> ?LOG_WARNING("alcove: ~b bytes are too many for one frame", [iolist_size(Data)])
    end,
    {noreply, State};
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
handle_info({Port, {data, Bytes}}, #state{port = Port, raw = true} = State) ->
    {noreply, forward({alcove_stdout, [], Bytes}, State)};
handle_info({Port, {data, Bytes}}, #state{port = Port} = State) ->
    case receive_frames(Bytes, State) of
        {ok, State1} -> {noreply, State1};
        {error, Reason, State1} -> {stop, Reason, State1}
    end;
handle_info({Fifo, eof}, #state{fifo = Fifo} = State) ->
    {noreply, be_other_program(State)};
handle_info({'EXIT', Fifo, _Reason}, #state{fifo = Fifo} = State) ->
    {noreply, be_other_program(State#state{fifo = closed})};
handle_info({Port, {exit_status, Status}}, #state{port = Port} = State) ->
    ?LOG_DEBUG("alcove: the port has ended with status ~b", [Status]),
    {noreply, State};
handle_info({'EXIT', Port, Reason}, #state{port = Port} = State) ->
    {stop, {shutdown, Reason}, be_other_program(State)};
handle_info({'EXIT', Port, normal}, State) when is_port(Port) ->
    % the fifo, closed by the driver
    {noreply, State};
handle_info(no_reply, #state{calls = Calls} = State) ->
    _ = [answer(Ref, {alcove_error, badpid}) || #call{ref = Ref} <- Calls, Ref =/= late],
    {noreply, State#state{calls = []}};
handle_info({'DOWN', _, process, Owner, Reason}, #state{owner = Owner} = State) ->
    {stop, {shutdown, Reason}, State};
handle_info(Info, State) ->
    ?LOG_WARNING("alcove: unexpected message ~tp", [Info]),
    {noreply, State}.

%% @private
terminate(_Reason, #state{port = Port, fifo = Fifo}) ->
    close(Port),
    close(Fifo).

%% @private
code_change(_OldVsn, State, _Extra) ->
    {ok, State}.

close(closed) ->
    ok;
close(Port) ->
    _ = (catch port_close(Port)),
    ok.

%%
%% Start of the port
%%

%% The port announces itself when its fifo exists. It keeps the fifo open for reading and
%% writing until it executes a program or ends. So the fifo opens here without waiting, is at
%% its end in that moment, and its name has served.
boot(State0, Fifo, Options) ->
    Deadline = deadline(proplists:get_value(start_timeout, Options, ?START_TIMEOUT)),
    {Announced, State1} = reply(State0, Deadline),
    _ = [throw({boot, {handshake, Announced}}) || Announced =/= ok],
    Watch = watch(Fifo),
    try
        ok = write(alcove_codec:call(unlink, [], [Fifo]), State1),
        {Unlinked, State2} = reply(State1, Deadline),
        _ = [throw({boot, {unlink, Unlinked}}) || Unlinked =/= ok],
        _ = [monitor(process, State2#state.owner) || proplists:get_bool(monitor_owner, Options)],
        State2#state{fifo = Watch, answered = none}
    catch
        throw:{boot, _} = Failure ->
            close(Watch),
            throw(Failure)
    end.

%% The driver waits as its owner does later. What else arrives is for the owner.
reply(State, Deadline) ->
    Ref = alias([reply]),
    reply(State#state{calls = [#call{pids = [], ref = Ref}]}, Ref, Deadline).

reply(#state{port = Port} = State, Ref, Deadline) ->
    receive
        {Ref, Answer} ->
            {Answer, State};
        {Port, {data, Bytes}} ->
            case receive_frames(Bytes, State) of
                {ok, State1} -> reply(State1, Ref, Deadline);
                {error, {bad_frame, What}, _} -> throw({boot, {handshake, What}})
            end;
        {Port, {exit_status, Status}} ->
            ?LOG_ERROR("alcove: the port ended with status ~b before it was ready", [Status]),
            throw({boot, {error, port_init_failed}});
        {'EXIT', Port, _Reason} ->
            throw({boot, {error, port_init_failed}});
        {'EXIT', Parent, Reason} when is_pid(Parent) ->
            throw({boot, Reason})
    after remaining(Deadline) ->
        throw({boot, {handshake, timeout}})
    end.

deadline(infinity) -> infinity;
deadline(Timeout) -> erlang:monotonic_time(millisecond) + Timeout.

remaining(infinity) -> infinity;
remaining(Deadline) -> max(0, Deadline - erlang:monotonic_time(millisecond)).

%% A port that reads a file by its name does not, as module file would, occupy a scheduler while
%% there is nothing to read. The VM has had this form of open_port/2 for ever, but its manual
%% page leaves it out, and its specification: hence the detour.
watch(Fifo) ->
    try
        apply(erlang, open_port, watching(Fifo))
    catch
        error:Reason -> throw({boot, {fdctl, why_not(Fifo, Reason)}})
    end.

watching(Fifo) -> [Fifo, [in, eof, binary]].

%% open_port/2 does not tell.
why_not(Fifo, Reason) ->
    case file:open(Fifo, [read, raw]) of
        {error, Posix} ->
            Posix;
        {ok, File} ->
            _ = file:close(File),
            Reason
    end.

%%
%% From the owner to the port
%%

write(Data, #state{port = Port}) ->
    try
        true = port_command(Port, Data),
        ok
    catch
        % it has ended: the message that says so is on its way
        error:badarg -> closed
    end.

%% A frame that is too long has a wrong length and would make nonsense of all that follows.
fits(_Data, #state{raw = true}) ->
    true;
fits(Data, _State) ->
    iolist_size(Data) =< ?MAXMSG orelse are_frames(iolist_to_binary(Data)).

are_frames(Bytes) ->
    {Frames, Rest} = alcove_codec:stream(Bytes),
    Rest =:= <<>> andalso lists:all(fun is_frame/1, Frames).

is_frame(<<_:16, Type:16, _/binary>> = Frame) ->
    byte_size(Frame) =< ?MAXMSG andalso
        (Type =:= ?ALCOVE_MSG_STDIN orelse Type =:= ?ALCOVE_MSG_CALL);
is_frame(_) ->
    false.

%%
%% From the port to the owner
%%

%% A frame may come in many pieces. They are joined when there are enough of them, not each
%% time one more has come, and without what follows the frame: output of programs is kept in
%% mailboxes, and takes no more memory there than it has bytes.
receive_frames(Bytes, #state{have = Have, need = Need, partial = Partial} = State) when
    Have + byte_size(Bytes) < Need
->
    {ok, State#state{have = Have + byte_size(Bytes), partial = [Bytes | Partial]}};
receive_frames(Bytes, #state{partial = []} = State) ->
    {Frames, Rest} = alcove_codec:stream(Bytes),
    deliver(Frames, Rest, State);
receive_frames(Bytes, #state{have = Have, need = Need, partial = Partial} = State0) when Have > 1 ->
    % the length is known
    {End, Others} = split_binary(Bytes, Need - Have),
    {Frame, State} = take_partial(State0#state{partial = [End | Partial]}),
    {Frames, Rest} = alcove_codec:stream(Others),
    deliver([Frame | Frames], Rest, State);
receive_frames(Bytes, #state{partial = Partial} = State0) ->
    {Joined, State} = take_partial(State0#state{partial = [Bytes | Partial]}),
    {Frames, Rest} = alcove_codec:stream(Joined),
    deliver(Frames, Rest, State).

take_partial(#state{partial = Partial} = State) ->
    {iolist_to_binary(lists:reverse(Partial)), State#state{partial = [], have = 0, need = 0}}.

deliver([Frame | Frames], Rest, State) ->
    case decode(Frame) of
        {Tag, Pids, Term} ->
            deliver(Frames, Rest, route({Tag, Pids, Term}, State));
        garbled ->
            deliver(Frames, Rest, garbled(Frame, State));
        bad_frame ->
            other_program(iolist_to_binary([Frame, Frames, Rest]), State)
    end;
deliver([], <<>>, State) ->
    {ok, State};
deliver([], <<_:16, Type:16, _/binary>> = Rest, State) when
    Type < ?ALCOVE_MSG_STDOUT; Type > ?ALCOVE_MSG_PIPE
->
    other_program(Rest, State);
deliver([], Rest, State) ->
    {ok, State#state{partial = [Rest], have = byte_size(Rest), need = frame_size(Rest)}}.

frame_size(<<Length:16, _/binary>>) -> 2 + Length;
frame_size(_) -> 2.

%% The length of a frame is right: it was cut off by it. What the frame of a process below the
%% port contains is the affair of that process, and its mistakes do not hurt others.
decode(Frame) ->
    try
        alcove_codec:decode(Frame)
    catch
        error:_ -> undecodable(Frame)
    end.

undecodable(Frame) ->
    try alcove_codec:unwrap(Frame) of
        {alcove_call, Pids, _Term} -> {alcove_call, Pids, {error, ebadmsg}};
        _ -> garbled
    catch
        error:_ ->
            case Frame of
                <<_:16, ?UINT16(?ALCOVE_MSG_PROXY), _/binary>> -> garbled;
                _ -> bad_frame
            end
    end.

garbled(_Frame, #state{garbled = true} = State) ->
    State;
garbled(Frame, State) ->
    ?LOG_WARNING(
        "alcove: a process has sent what is not a message: ~tp; this is reported once",
        [binary:part(Frame, 0, min(64, byte_size(Frame)))]
    ),
    State#state{garbled = true}.

%% Output of a program that the port has become, seen before the end of the fifo, or nonsense.
other_program(Bytes, #state{fifo = Fifo} = State) ->
    receive
        {Fifo, eof} -> {ok, forward({alcove_stdout, [], Bytes}, be_other_program(State))}
    after exec_timeout(Fifo) ->
        {error, {bad_frame, binary:part(Bytes, 0, min(64, byte_size(Bytes)))}, State}
    end.

exec_timeout(closed) -> 0;
exec_timeout(_Fifo) -> ?EXEC_TIMEOUT.

%% The fifo is at its end: the port has executed a program or ended. A caller who waits for
%% another reply is to see the end of the driver, if that is near.
be_other_program(#state{raw = true, fifo = closed} = State) ->
    State;
be_other_program(#state{fifo = Fifo} = State0) ->
    close(Fifo),
    State = settle({alcove_ctl, [], fdctl_closed}, State0#state{fifo = closed}),
    _ = [erlang:send_after(?EXEC_TIMEOUT, self(), no_reply) || State#state.calls =/= []],
    be_raw(State).

be_raw(State0) ->
    case take_partial(State0) of
        {<<>>, State} -> State#state{raw = true};
        {Bytes, State} -> forward({alcove_stdout, [], Bytes}, State#state{raw = true})
    end.

forward({Tag, Pids, Term}, #state{owner = Owner} = State) ->
    Owner ! {Tag, self(), Pids, Term},
    State.

%% A message answers the call that the owner waits for, or is for its mailbox.
route(Message, #state{calls = []} = State) ->
    forward(Message, State);
route({alcove_stdout, _, _} = Message, State) ->
    forward(Message, State);
route({alcove_stderr, _, _} = Message, State) ->
    forward(Message, State);
route(Message, #state{calls = Calls} = State) ->
    {Lost, Kept} = lists:partition(fun(Call) -> is_cut_off(Call, Message) end, Calls),
    case {[Ref || #call{ref = Ref} <- Lost, Ref =/= late], Message} of
        {[], _} ->
            settle(Message, State#state{calls = Kept});
        {[Ref], {_, _, badpid}} ->
            answer(Ref, {alcove_error, badpid}),
            State#state{calls = Kept};
        {[Ref], _} ->
            answer(Ref, {alcove_error, badpid}),
            settle(Message, State#state{calls = Kept})
    end.

%% A process that is gone or has become a program answers no more, nor does one below it: what
%% they had to say, the port has passed on before. How a process has ended is itself an answer
%% to its call, if that is one that returns.
is_cut_off(#call{pids = At, noreturn = NoReturn, ref = Ref}, {Tag, Pids, Term}) ->
    is_end(Tag, Term) andalso lists:prefix(Pids, At) andalso
        (Ref =:= late orelse At =/= Pids orelse (NoReturn andalso Tag =:= alcove_event)).

is_end(alcove_ctl, Reason) -> Reason =:= badpid orelse Reason =:= fdctl_closed;
is_end(alcove_event, {Event, _}) -> Event =:= exit_status orelse Event =:= termsig;
is_end(_, _) -> false.

settle({Tag, Pids, Term} = Message, #state{calls = Calls} = State) ->
    case lists:keytake(Pids, #call.pids, Calls) of
        {value, #call{ref = late}, Others} when Tag =:= alcove_call; Tag =:= alcove_pipe ->
            forward(Message, State#state{calls = Others});
        {value, #call{ref = Ref, noreturn = NoReturn}, Others} when is_reference(Ref) ->
            case outcome(Tag, Term, NoReturn) of
                {answer, Answer} ->
                    answer(Ref, Answer),
                    State#state{calls = Others, answered = {Ref, Message}};
                wait when Pids =/= [] ->
                    State;
                % always to be had for the port itself, which has no exit event
                _ ->
                    forward(Message, State)
            end;
        _ ->
            forward(Message, State)
    end.

outcome(alcove_call, Reason, _) when Reason =:= badarg; Reason =:= undef ->
    {answer, {alcove_error, Reason}};
outcome(alcove_call, Reply, _) ->
    {answer, Reply};
outcome(alcove_pipe, Bytes, _) ->
    {answer, {alcove_error, {eagain, Bytes}}};
outcome(alcove_ctl, fdctl_closed, true) ->
    {answer, ok};
outcome(alcove_ctl, fdctl_closed, false) ->
    % how it has ended follows
    wait;
outcome(alcove_ctl, Reason, _) ->
    {answer, {alcove_error, Reason}};
outcome(alcove_event, {Event, _} = Reason, false) when Event =:= exit_status; Event =:= termsig ->
    {answer, {alcove_error, Reason}};
outcome(alcove_event, _, _) ->
    none.

answer(Ref, Answer) ->
    Ref ! {Ref, Answer},
    ok.

%% The owner no longer waits; the answer may have been sent in the same moment.
give_up(Ref, #state{calls = Calls, answered = Answered} = State) ->
    case lists:keyfind(Ref, #call.ref, Calls) of
        #call{} = Call ->
            Late = Call#call{ref = late},
            State#state{calls = lists:keyreplace(Ref, #call.ref, Calls, Late)};
        false when element(1, Answered) =:= Ref ->
            forward(element(2, Answered), State#state{answered = none});
        false ->
            State
    end.
