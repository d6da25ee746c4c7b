%% @doc A program as an Erlang process.
%%
%% The process has a port of its own. It ends when the program does, with the reason
%% `{program, {exit_status, N}}' or `{program, {termsig, Signal}}', and writes what the program
%% says to the log.
%%
%% When the process ends first, in an orderly way or not, the program ends too, with all that it
%% has started, and has a second to do so by itself. The port is a subreaper: whatever the program
%% does to leave it stays below. At the end of its input, when the process is killed for instance,
%% the port asks, waits and kills.
-module(supervised_program).
-behaviour(gen_server).

-include_lib("kernel/include/logger.hrl").

-export([start_link/2, stdin/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-export_type([argv/0]).

-type argv() :: [iodata(), ...].
%% A program, looked for in the path, and its arguments.

-record(state, {
    name :: iodata(),
    drv :: alcove_drv:ref(),
    pid :: alcove:pid_t()
}).

%% How long the program may take to end by itself, in milliseconds.
-define(GRACE, 1000).

%% @doc Starts a program; see {@link supervised:start_link/2}.
-spec start_link(argv(), [alcove_drv:option()]) -> {ok, pid()} | {error, term()}.
start_link(Argv, Options) ->
    gen_server:start_link(?MODULE, {Argv, Options}, []).

%% @doc Sends data to the program.
-spec stdin(pid(), iodata()) -> ok.
stdin(Pid, Data) ->
    gen_server:cast(Pid, {stdin, Data}).

%% @private
init({[Name | _] = Argv, Options}) ->
    process_flag(trap_exit, true),
    {ok, Drv} = alcove_drv:start_link(Options),
    ok = alcove_stop:subreaper(Drv, []),
    true = alcove:setopt(Drv, [], graceoneof, ?GRACE),
    {ok, Pid} = alcove:fork(Drv, []),
    case alcove:execvp(Drv, [Pid], Name, Argv) of
        ok -> {ok, #state{name = Name, drv = Drv, pid = Pid}};
        {error, Posix} -> {stop, {Name, Posix}}
    end.

%% @private
handle_call(_Request, _From, State) ->
    {reply, {error, enotsup}, State}.

%% @private
handle_cast({stdin, Data}, #state{drv = Drv, pid = Pid} = State) ->
    ok = alcove:stdin(Drv, [Pid], Data),
    {noreply, State}.

%% @private
handle_info({alcove_stdout, Drv, [Pid], Text}, #state{drv = Drv, pid = Pid} = State) ->
    ?LOG_NOTICE("~ts: ~ts", [State#state.name, Text]),
    {noreply, State};
handle_info({alcove_stderr, Drv, [Pid], Text}, #state{drv = Drv, pid = Pid} = State) ->
    ?LOG_WARNING("~ts: ~ts", [State#state.name, Text]),
    {noreply, State};
handle_info({alcove_event, Drv, [Pid], Event}, #state{drv = Drv, pid = Pid} = State) ->
    {stop, {program, Event}, State};
handle_info({'EXIT', Drv, Reason}, #state{drv = Drv} = State) ->
    {stop, Reason, State};
handle_info(_Info, State) ->
    {noreply, State}.

%% @private
terminate({program, _Event}, #state{drv = Drv}) ->
    stop(Drv, 0);
terminate(_Reason, #state{drv = Drv}) ->
    stop(Drv, ?GRACE).

stop(Drv, Grace) ->
    case is_process_alive(Drv) of
        true -> alcove_stop:stop(Drv, [], [{grace, Grace}]);
        false -> ok
    end.
