%% SPDX-License-Identifier: ISC

%% @doc The process that owns a port program.
%%
%% A driver starts the port, passes on what its owner sends and delivers what comes back as
%% messages `{Tag, Driver, Pipeline, Term}':
%%
%% <dl>
%% <dt>`alcove_call'</dt><dd>the reply of a call that nobody waits for</dd>
%% <dt>`alcove_event'</dt>
%%   <dd>`{exit_status, 0..255}', `{termsig, Signal}' or `{signal, Signal, Siginfo}'</dd>
%% <dt>`alcove_stdout', `alcove_stderr'</dt><dd>output, a binary</dd>
%% <dt>`alcove_ctl'</dt>
%%   <dd>`fdctl_closed' when the process executes a program or ends, `badpid', and if asked for
%%   `stdin_closed', `stdout_closed', `stderr_closed', and the tuples of {@link alcove_linux}</dd>
%% <dt>`alcove_pipe'</dt>
%%   <dd>the number of bytes that were written before the standard input of a process was
%%   full; the others are lost</dd>
%% </dl>
%%
%% <ul>
%% <li>start and stop: {@link start/0}, {@link start_link/0}, {@link controlling_process/2},
%%   {@link stop/1}</li>
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
    controlling_process/2,
    stop/1
]).
-export([start/3]).
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
-if(?OTP_RELEASE >= 25).
-export([format_status/1]).
-else.
-export([format_status/2]).
-endif.

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
    | {ctl, fifo}
    | {depth, non_neg_integer()}
    | {maxchild, non_neg_integer()}
    | {env, [{string(), string() | false}]}
    | {start_timeout, timeout()}
    | {monitor_owner, boolean()}
    | {node, node()}
    | {title, unicode:chardata()}
    | stderr_to_stdout
    | atom()
    | {term(), term()}.
%% An option of {@link start/1}; the others have no effect, and the log names them.

-type reason() ::
    alcove:posix()
    | badarg
    | undef
    | badpid
    | timeout
    | stdin_closed
    | stdout_closed
    | stderr_closed
    | noconnection
    | noproc
    | {eagain, non_neg_integer()}
    | {exit_status, byte()}
    | {termsig, atom()}.
%% Why there is no reply.

%% The options that have a value.
-define(PAIRS, [
    exec, progname, ctldir, fdctl, ctl, depth, maxchild, env, start_timeout, monitor_owner,
    title
]).

%% How long to wait for the news that the port executes a program once it writes what is
%% not a frame.
-define(EXEC_TIMEOUT, 1000).

-record(state, {
    owner :: pid(),
    % that of the owner, with monitor_owner
    monitor = none :: reference() | none,
    % the process that the driver was linked to by its start
    parents = [] :: [pid()],
    port :: port() | undefined,
    % closes when the port executes a program or ends, which the owner is told once
    control = closed :: alcove_ctl:control() | closed | told,
    % how many bytes have come from the port, and how many of them are frames if that is known
    received = 0 :: non_neg_integer(),
    frames_end = infinity :: non_neg_integer() | infinity,
    % a call has been sent that may make the port another program
    execs = false :: boolean(),
    % the port has become another program
    raw = false :: boolean(),
    % the beginning of a frame
    unread = alcove_frames:new() :: alcove_frames:unread(),
    calls = alcove_calls:new() :: alcove_calls:calls(),
    % a process has sent nonsense
    garbled = false :: boolean()
}).

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
%%   <dd>where the control socket of the driver is made for the moment of the start, if one can
%%   be made there. By default, and otherwise, it has an abstract name on Linux, and is in a
%%   temporary folder elsewhere. A folder is needed only for a program that is started in another
%%   network namespace, which does not find the abstract name</dd>
%% <dt>`{fdctl, Path}'</dt><dd>the control socket itself; must not exist</dd>
%% <dt>`{ctl, fifo}'</dt>
%%   <dd>for a program that does not connect to the driver, as the one in C: it makes a fifo
%%   instead, in the folder of the program, in `ctldir' or at `fdctl'. The user that it runs as
%%   needs to write there</dd>
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
%% <dt>`{node, Node}'</dt>
%%   <dd>starts the driver and its program on another node, which has this application, too. With it
%%   `monitor_owner' is true by default, so that the driver ends when the node of its owner is
%%   lost</dd>
%% <dt>`{title, Title}'</dt>
%%   <dd>what `ps' shows of the program, see {@link alcove:setproctitle/3}, in place of its path
%%   and arguments, which otherwise are seen in a container, too</dd>
%% </dl>
%%
%% If the program does not get ready the result is an error, and a line in the log says why and
%% which option helps:
%%
%% <dl>
%% <dt>`{badarg, Program}'</dt>
%%   <dd>there is no such program; if it is that of this application, the log has the
%%   architecture and the names that were looked for. Another `Reason' in place of `badarg'
%%   is why the system does not start it, such as `emfile': the VM has no descriptors left</dd>
%% <dt>`{cwd, enoent}'</dt>
%%   <dd>the working directory of the VM was removed, which starts no program then; see
%%   {@link file:set_cwd/1}</dd>
%% <dt>`{error, port_init_failed}'</dt>
%%   <dd>it has ended, with the status that the log has</dd>
%% <dt>`{handshake, timeout}'</dt><dd>it says nothing</dd>
%% <dt>`{handshake, Bytes}'</dt><dd>it says something else</dd>
%% <dt>`{fdctl, Posix}'</dt>
%%   <dd>`eexist': there is something at `fdctl'. `enoent': the program has neither connected
%%   nor made a fifo. Others: the fifo cannot be opened</dd>
%% <dt>`{unlink, Reply}'</dt><dd>it does not remove its fifo</dd>
%% <dt>`{node, noconnection}'</dt><dd>the node is not reached, or is lost meanwhile</dd>
%% <dt>`{node, undef}'</dt><dd>the node does not have this application</dd>
%% </dl>
%%
%% Then nothing is left. A program that has not ended is killed with its process group, if the
%% user of the VM may do that.
%%
%% ```
%% {ok, Drv} = alcove_drv:start([{exec, "sudo -n"}, {maxchild, 8}]).
%% '''
-spec start(Owner :: pid(), [option()]) -> {ok, ref()} | {error, term()}.
start(Owner, Options) ->
    case proplists:get_value(node, Options) of
        undefined -> started(gen_server:start(?MODULE, [Owner, Options, self()], []));
        Node -> on_node(Node, Owner, Options, [])
    end.

on_node(Node, Owner, Options, Parents) ->
    There = proplists:delete(node, Options) ++ [monitor_owner],
    alcove_node:start(Node, ?MODULE, start, [Owner, There, Parents]).

%% @private
%% For processes of another node, to which the driver links itself.
-spec start(Owner :: pid(), [option()], Parents :: [pid()]) -> {ok, ref()} | {error, term()}.
start(Owner, Options, Parents) ->
    started(gen_server:start_link(?MODULE, [Owner, Options, {self(), Parents}], [])).

started(Result) ->
    case Result of
        ignore ->
            % sent before
            receive
                {_Drv, not_started, Reason} -> {error, Reason}
            end;
        Started ->
            Started
    end.

%% @equiv start_link([])
-spec start_link() -> {ok, ref()} | {error, term()}.
start_link() ->
    start_link([]).

%% @equiv start_link(self(), Options)
-spec start_link([option()]) -> {ok, ref()} | {error, term()}.
start_link(Options) ->
    start_link(self(), Options).

%% @doc Starts what {@link start/2} starts, linked to the caller, who need not be the owner.
-spec start_link(Owner :: pid(), [option()]) -> {ok, ref()} | {error, term()}.
start_link(Owner, Options) ->
    case proplists:get_value(node, Options) of
        undefined -> gen_server:start_link(?MODULE, [Owner, Options, linked], []);
        Node -> on_node(Node, Owner, Options, [self()])
    end.

%% @doc Makes a process the owner, of this node or another one. Only the present owner may; others
%% get `{error, not_owner}'.
%%
%% Messages that were delivered before stay where they are, and with `monitor_owner' it is the new
%% owner whose end ends the driver.
%%
%% ```
%% ok = alcove_drv:controlling_process(Drv, Pid).
%% '''
-spec controlling_process(ref(), pid()) -> ok | {error, not_owner}.
controlling_process(Drv, Pid) when is_pid(Pid) ->
    gen_server:call(Drv, {controlling_process, Pid}).

%% @doc Stops the driver and closes its port.
%%
%% The port notices and ends, as do all processes below it: those that run a program are sent
%% the signal of their `signaloneof' first. Any process may stop a driver; stopping one that
%% is gone does nothing.
-spec stop(ref()) -> ok.
stop(Drv) ->
    alcove_owner:stop(Drv).

%%
%% Calls and data
%%

%% @doc Makes a call in the last process of a pipeline and waits for its reply.
%%
%% Returns the reply, or `{alcove_error, Reason}':
%%
%% <dl>
%% <dt>`badarg'</dt><dd>the port refuses an argument, or the call does not fit in a frame
%%   (`{error, e2big}' of calls that execute)</dd>
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
%% gone or goes, the caller exits as that of gen_server:call/3 does, with
%% `{Reason, {gen_server, call, [Drv, {send, Name}, infinity]}}'. Reason is `noproc',
%% `{nodedown, Node}' or that of the driver's end; it is `calling_self' when the driver itself
%% makes the call.
%%
%% A process that runs a program does not answer: the call is input of the program, and the
%% caller waits.
-spec call(ref(), [alcove:pid_t()], alcove_proto:call(), [term()], timeout()) ->
    term() | {alcove_error, reason()}.
call(Drv, Pids, Name, Args, Timeout) ->
    alcove_owner:call(Drv, Pids, Name, Args, Timeout).

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
    % the size of a binary is known
    Frame = alcove_codec:stdin(Pids, iolist_to_binary(Data)),
    case iolist_size(Frame) =< ?ALCOVE_MAXMSG of
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
%% `{alcove_pipe, {eagain, N}}', see {@link call/5}. When the node of the driver is lost, this is
%% `{alcove_error, noconnection}'. When that node is there again and the driver is gone, it is
%% `{alcove_error, noproc}': what the driver has sent before may be lost.
-spec stdout(ref(), [alcove:pid_t()], timeout()) ->
    binary() | false | {alcove_error, reason()} | {alcove_pipe, {eagain, non_neg_integer()}}.
stdout(Drv, Pids, Timeout) ->
    alcove_owner:take(Drv, Pids, alcove_stdout, Timeout).

%% @doc Does what {@link stdout/3} does, for standard error.
-spec stderr(ref(), [alcove:pid_t()], timeout()) ->
    binary() | false | {alcove_error, reason()} | {alcove_pipe, {eagain, non_neg_integer()}}.
stderr(Drv, Pids, Timeout) ->
    alcove_owner:take(Drv, Pids, alcove_stderr, Timeout).

%% @doc Does what {@link stdout/3} does, for an event: `{exit_status, N}', `{termsig, Signal}' or
%% `{signal, Signal, Siginfo}'.
-spec event(ref(), [alcove:pid_t()], timeout()) -> term().
event(Drv, Pids, Timeout) ->
    alcove_owner:take(Drv, Pids, alcove_event, Timeout).

%%
%% The port
%%

%% @doc Delivers what the port writes as it is from now on, as standard output of `[]'.
%%
%% There is no way back. Returns `{error, not_owner}' to any process but the owner.
-spec raw(ref()) -> ok | {error, not_owner}.
raw(Drv) ->
    gen_server:call(Drv, raw).

%% @doc Returns the Erlang port of the driver.
%%
%% Its `os_pid' is in `erlang:port_info(Port)'. Returns `{error, not_owner}' to any process but
%% the owner.
-spec port(ref()) -> port() | {error, not_owner}.
port(Drv) ->
    gen_server:call(Drv, port).

%% @doc Returns the command line that the options stand for: the program with its full path, then its
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
getopts(Options) ->
    alcove_start:getopts(Options).

%% @doc Path of the port program of this application.
%%
%% It is `alcove' in the folder `priv'. If that does not exist, it is the one for the machine
%% and the system that this VM was built for, such as `alcove-linux-arm64', if that does.
-spec progname() -> string().
progname() ->
    alcove_start:progname().

%%
%% gen_server
%%

%% @private
init([Owner, Options, {Starter, Parents}]) ->
    init(Owner, Options, Starter, Parents);
init([Owner, Options, Starter]) ->
    {links, Parents} = process_info(self(), links),
    init(Owner, Options, Starter, Parents).

init(Owner, Options, Starter, Parents) ->
    process_flag(trap_exit, true),
    ok = log_unknown(Options),
    case alcove_start:port(Options) of
        {ok, Started} ->
            % by the start already, unless they are on another node
            ok = lists:foreach(fun link/1, Parents),
            run(Started, #state{owner = Owner, parents = Parents}, Options);
        {error, Reason} when Starter =:= linked -> {stop, Reason};
        {error, Reason} -> not_started(Reason, Starter)
    end.

%% The values may be secret, as those of an environment.
log_unknown(Options) ->
    case [name(Option) || Option <- Options, not is_option(Option)] of
        [] -> ok;
        Unknown -> ?LOG_WARNING("alcove: these options have no effect: ~0tP", [Unknown, 50])
    end.

name({Name, _Value}) -> Name;
name(Name) -> Name.

is_option({Name, _Value}) -> lists:member(Name, ?PAIRS);
is_option(Name) when is_atom(Name) -> Name =:= stderr_to_stdout orelse Name =:= monitor_owner.

%% It is no crash, which is what {stop, Reason} would be reported as.
not_started(Reason, Starter) ->
    Starter ! {self(), not_started, Reason},
    ignore.

run(#{taken := Taken, early := Early} = Started, #state{owner = Owner} = State0, Options) ->
    #{port := Port, control := Control} = Started,
    Monitor =
        case proplists:get_bool(monitor_owner, Options) of
            true -> monitor(process, Owner);
            false -> none
        end,
    State1 = State0#state{port = Port, control = Control, received = Taken, monitor = Monitor},
    case receive_bytes(Early, State1) of
        {ok, #state{control = Open} = State} -> {ok, heard(alcove_ctl:poll(Open), State)};
        {error, Reason, _State} -> {stop, Reason}
    end.

%% @private
handle_call({send, Data}, {Owner, _}, #state{owner = Owner} = State) ->
    case to_port(Data, State) of
        {ok, Bytes} ->
            case write(Bytes, State) of
                ok -> {reply, ok, may_execute(alcove_frames:executes(Bytes), State)};
                % the driver is about to end
                closed -> {noreply, State}
            end;
        badarg ->
            {reply, {alcove_error, badarg}, State}
    end;
handle_call(raw, {Owner, _}, #state{owner = Owner} = State) ->
    {reply, ok, be_raw(State)};
handle_call(port, {Owner, _}, #state{owner = Owner, port = Port} = State) ->
    {reply, Port, State};
handle_call({controlling_process, Pid}, {Owner, _}, #state{owner = Owner} = State) ->
    {reply, ok, State#state{owner = Pid, monitor = watch(Pid, State#state.monitor)}};
handle_call(stop, _From, State) ->
    {stop, normal, ok, State};
handle_call(_Request, {Owner, _}, #state{owner = Owner} = State) ->
    {reply, {error, enotsup}, State};
handle_call(_Request, _From, State) ->
    {reply, {error, not_owner}, State}.

watch(_Pid, none) ->
    none;
watch(Pid, Monitor) ->
    demonitor(Monitor, [flush]),
    monitor(process, Pid).

%% @private
handle_cast({call, Owner, {Name, Pids, NoReturn, Ref}, Frame}, #state{owner = Owner} = State) ->
    _ = write(Frame, State),
    Calls = alcove_calls:add({Name, Pids, NoReturn}, Ref, now_ms(), State#state.calls),
    {noreply, may_execute(NoReturn andalso Pids =:= [], State#state{calls = Calls})};
handle_cast({call, _NotOwner, {_Name, _Pids, _NoReturn, Ref}, _Frame}, State) ->
    answer(Ref, {error, not_owner}),
    {noreply, State};
handle_cast({give_up, Owner, Ref}, #state{owner = Owner} = State) ->
    {noreply, act(alcove_calls:give_up(Ref, State#state.calls), State)};
handle_cast({send, Data}, State) ->
    case to_port(Data, State) of
        {ok, Bytes} -> _ = write(Bytes, State);
        badarg -> ?LOG_WARNING("alcove: what was sent is no data, or too much for one frame")
    end,
    {noreply, State};
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
handle_info({Port, {data, Bytes}}, #state{port = Port, raw = true} = State) ->
    {noreply, forward({alcove_stdout, [], Bytes}, State)};
handle_info({Port, {data, Bytes}}, #state{port = Port} = State) ->
    case receive_bytes(Bytes, State) of
        {ok, State1} -> {noreply, State1};
        {error, Reason, State1} -> {stop, Reason, State1}
    end;
handle_info({Port, {exit_status, Status}}, #state{port = Port} = State) ->
    ?LOG_DEBUG("alcove: the port has ended with status ~b", [Status]),
    {noreply, State};
handle_info({'EXIT', Port, Reason}, #state{port = Port} = State) ->
    {stop, {shutdown, Reason}, be_other_program(State)};
handle_info(control_closed, State) ->
    {noreply, be_other_program(State)};
handle_info(no_reply, State) ->
    {noreply, act(alcove_calls:drop(State#state.calls), State)};
handle_info({'DOWN', _, process, Owner, Reason}, #state{owner = Owner} = State) ->
    {stop, {shutdown, Reason}, State};
handle_info({'EXIT', Pid, Reason} = Exit, #state{parents = Parents} = State) when is_pid(Pid) ->
    case lists:member(Pid, Parents) of
        true -> {stop, {shutdown, Reason}, State};
        false -> unexpected(Exit, State)
    end;
handle_info(Info, #state{control = Control} = State) ->
    case alcove_ctl:news(Info, Control) of
        none ->
            unexpected(Info, State);
        News ->
            {noreply, heard(News, State)}
    end.

unexpected(Info, State) ->
    ?LOG_WARNING("alcove: unexpected message ~0tP", [Info, 10]),
    {noreply, State}.

%% @private
terminate(Reason, #state{parents = Parents, port = Port, control = Control}) ->
    true = alcove_ctl:close_port(Port),
    close_control(Control),
    ok = alcove_report:drop_messages(),
    case lists:all(fun is_there/1, Parents) of
        true -> ok;
        false -> end_silently(Reason)
    end.

is_there(Parent) ->
    node(Parent) =/= node() orelse is_process_alive(Parent).

%% The process that the driver is linked to has crashed, and there are reports already. It
%% takes the driver with it as it takes any other process. Two more reports would follow if
%% this function returned.
-spec end_silently(term()) -> no_return().
end_silently(Reason) ->
    process_flag(trap_exit, false),
    exit(self(), Reason),
    % not reached
    exit(Reason).

%% @private
code_change(_OldVsn, State, _Extra) ->
    {ok, State}.

%% @private
%% What reports show of a driver: calls with their age in milliseconds, and no bytes of calls, replies or output,
%% which may be secret.
-if(?OTP_RELEASE >= 25).
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    maps:map(fun shown/2, Status).
-else.
-spec format_status(normal | terminate, [term()]) -> term().
format_status(normal, [_Dictionary, State]) ->
    [{data, [{"State", shown(state, State)}]}];
format_status(terminate, [_Dictionary, State]) ->
    shown(state, State).
-endif.

shown(state, #state{} = State) ->
    #{
        owner => State#state.owner,
        port => State#state.port,
        raw => State#state.raw,
        bytes_of_a_frame => alcove_frames:size(State#state.unread),
        calls => [{Name, Pids, now_ms() - Since} || {Name, Pids, Since} <- alcove_calls:open(State#state.calls)]
    };
shown(message, Message) ->
    kind(Message);
shown(log, _Events) ->
    [];
shown(_Key, Value) ->
    Value.

kind({'$gen_cast', {call, Caller, {Name, Pids, _, _}, _Frame}}) -> {call, Caller, Name, Pids};
kind({'$gen_cast', _}) -> cast;
kind({'$gen_call', {Caller, _}, _}) -> {gen_call, Caller};
kind({Port, {data, Bytes}}) when is_port(Port) -> {Port, {data, byte_size(Bytes)}};
kind({'EXIT', Process, _Reason}) -> {'EXIT', Process};
kind(_Message) -> message.

now_ms() -> erlang:monotonic_time(millisecond).

close_control(Control) when is_atom(Control) -> ok;
close_control(Control) -> alcove_ctl:close(Control).

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

%% Makes data for the port one binary. A frame that is too long has a wrong length and would make
%% nonsense of all that follows.
to_port(Data, #state{raw = Raw}) ->
    try iolist_to_binary(Data) of
        Bytes when Raw; byte_size(Bytes) =< ?ALCOVE_MAXMSG ->
            {ok, Bytes};
        Bytes ->
            case alcove_frames:are_for_port(Bytes) of
                true -> {ok, Bytes};
                false -> badarg
            end
    catch
        error:badarg -> badarg
    end.

may_execute(true, State) -> State#state{execs = true};
may_execute(false, State) -> State.

%%
%% From the port to the owner
%%

%% What the port has written before it executes a program are frames; what follows is output. The
%% port tells where that is before it executes, on the control channel. A message of the channel
%% may come later, so when the port may have executed the channel is looked at first.
receive_bytes(Bytes, #state{execs = true, control = Control} = State) when
    not is_atom(Control)
->
    split_bytes(Bytes, heard(alcove_ctl:poll(Control), State));
receive_bytes(Bytes, State) ->
    split_bytes(Bytes, State).

split_bytes(Bytes, #state{raw = true} = State) ->
    {ok, forward_output(Bytes, State)};
split_bytes(Bytes, #state{received = Received, frames_end = End} = State0) when
    Received + byte_size(Bytes) >= End
->
    {Last, Output} = split_binary(Bytes, End - Received),
    case receive_frames(Last, State0#state{received = End}) of
        {ok, State} -> {ok, forward_output(Output, be_other_program(State))};
        Error -> Error
    end;
split_bytes(Bytes, #state{received = Received} = State) ->
    receive_frames(Bytes, State#state{received = Received + byte_size(Bytes)}).

forward_output(<<>>, State) -> State;
forward_output(Bytes, State) -> forward({alcove_stdout, [], Bytes}, State).

receive_frames(Bytes, #state{unread = Unread0} = State) ->
    {Frames, Unread} = alcove_frames:add(Bytes, Unread0),
    deliver(Frames, State#state{unread = Unread}).

deliver([Frame | Frames], State) ->
    case alcove_frames:message(Frame) of
        {_, _, _} = Message -> deliver(Frames, route(Message, State));
        garbled -> deliver(Frames, garbled(Frame, State));
        bad_frame -> other_program([Frame | Frames], State)
    end;
deliver([], #state{unread = Unread} = State) ->
    case alcove_frames:is_foreign(Unread) of
        true -> other_program([], State);
        false -> {ok, State}
    end.

route(Message, #state{calls = Calls} = State) ->
    act(alcove_calls:message(Message, Calls), State).

garbled(_Frame, #state{garbled = true} = State) ->
    State;
garbled(Frame, State) ->
    ?LOG_WARNING(
        "alcove: a process has sent what is not a message: ~tp; this is reported once",
        [binary:part(Frame, 0, min(64, byte_size(Frame)))]
    ),
    State#state{garbled = true}.

%% Output of a program that the port has become, seen before the end of the channel, or nonsense.
other_program(Frames, State0) ->
    {Rest, State} = take_unread(State0),
    become_other_program(iolist_to_binary([Frames, Rest]), State).

become_other_program(Bytes, #state{control = closed} = State) ->
    {ok, forward({alcove_stdout, [], Bytes}, be_other_program(State))};
become_other_program(Bytes, #state{control = Control} = State) ->
    case alcove_ctl:await(Control, ?EXEC_TIMEOUT) of
        {open, Open} ->
            Reason = {bad_frame, binary:part(Bytes, 0, min(64, byte_size(Bytes)))},
            {error, Reason, State#state{control = Open}};
        _Closed ->
            {ok, forward({alcove_stdout, [], Bytes}, be_other_program(State))}
    end.

take_unread(#state{unread = Unread} = State) ->
    {alcove_frames:rest(Unread), State#state{unread = alcove_frames:new()}}.

%% News of the control channel. A port that ends has written nothing but frames, and its own end
%% follows when they have come.
heard({open, Control}, State) ->
    State#state{control = Control};
heard(
    {closed, exec, Frames}, #state{control = Control, raw = false, received = Received} = State
) when
    Received < Frames
->
    close_control(Control),
    State#state{control = closed, frames_end = Frames};
heard({closed, ended}, #state{control = Control, raw = false} = State) ->
    close_control(Control),
    _ = erlang:send_after(?EXEC_TIMEOUT, self(), control_closed),
    State#state{control = closed};
heard(_Closed, State) ->
    be_other_program(State).

%% The port has executed a program or ended. A caller who waits for another reply is to see the
%% end of the driver, if that is near.
be_other_program(#state{control = told} = State) ->
    State;
be_other_program(#state{control = Control} = State0) ->
    close_control(Control),
    State = act(alcove_calls:closed(State0#state.calls), State0#state{control = told}),
    _ =
        case alcove_calls:open(State#state.calls) of
            [] -> none;
            [_ | _] -> erlang:send_after(?EXEC_TIMEOUT, self(), no_reply)
        end,
    be_raw(State).

be_raw(State0) ->
    case take_unread(State0) of
        {<<>>, State} -> State#state{raw = true};
        {Bytes, State} -> forward({alcove_stdout, [], Bytes}, State#state{raw = true})
    end.

%% Sends what the calls say.
act({[], Calls}, State) ->
    State#state{calls = Calls};
act({[{deliver, Message} | Actions], Calls}, State) ->
    act({Actions, Calls}, forward(Message, State));
act({[{answer, Ref, Answer} | Actions], Calls}, State) ->
    answer(Ref, Answer),
    act({Actions, Calls}, State).

%% What follows a lost connection would have a hole before it.
forward({Tag, Pids, Term}, #state{owner = Owner, monitor = none} = State) ->
    Owner ! {Tag, self(), Pids, Term},
    State;
forward({Tag, Pids, Term}, #state{owner = Owner} = State) ->
    _ = erlang:send(Owner, {Tag, self(), Pids, Term}, [noconnect]),
    State.

answer(Ref, Answer) ->
    Ref ! {Ref, Answer},
    ok.
