%% @doc A program under a supervisor.
%%
%% The program is started again when it ends. When its supervisor goes, so does the program,
%% with everything that it has started, whatever that does about it.
%%
%% ```
%% 1> {ok, Sup} = supervised:start_link(["cat"]).
%% 2> supervised:stdin(Sup, "hello\n").
%% ok
%% =NOTICE REPORT=== ... cat: hello
%% 3> supervised:stop(Sup).
%% ok
%% '''
%%
%% In an application {@link start_link/2} belongs in the child specification of a supervisor
%% further up.
-module(supervised).
-behaviour(supervisor).

-export([start_link/1, start_link/2, stdin/2, stop/1]).
-export([init/1]).

%% @equiv start_link(Argv, [])
-spec start_link(supervised_program:argv()) -> {ok, pid()} | {error, term()}.
start_link(Argv) ->
    start_link(Argv, []).

%% @doc Starts a supervisor and under it a program, with a port that has the options of
%% {@link alcove_drv:start_link/1}.
-spec start_link(supervised_program:argv(), [alcove_drv:option()]) ->
    {ok, pid()} | {error, term()}.
start_link(Argv, Options) ->
    supervisor:start_link(?MODULE, {Argv, Options}).

%% @doc Sends data to the program.
-spec stdin(Supervisor :: pid(), iodata()) -> ok.
stdin(Supervisor, Data) ->
    [{program, Program, worker, _}] = supervisor:which_children(Supervisor),
    supervised_program:stdin(Program, Data).

%% @doc Stops the supervisor, and returns when the program and all that it has started are gone.
-spec stop(Supervisor :: pid()) -> ok.
stop(Supervisor) ->
    unlink(Supervisor),
    gen_server:stop(Supervisor, shutdown, infinity).

%% @private
init({Argv, Options}) ->
    Program = #{
        id => program,
        start => {supervised_program, start_link, [Argv, Options]},
        % there is time for the grace that the program is given
        shutdown => 10000
    },
    {ok, {#{strategy => one_for_one, intensity => 5, period => 10}, [Program]}}.
