%% SPDX-License-Identifier: ISC

%% @doc A program under a supervisor.
%%
%% The program is started again when it ends. When its supervisor goes, so does the program,
%% with everything that it has started, whatever that does about it. It has a second to do so by
%% itself. What it says is in the log.
%%
%% ```
%% 1> {ok, Sup} = supervised:start_link(["cat"]).
%% 2> supervised:stdin(Sup, "hello\n").
%% ok
%% =NOTICE REPORT=== ... hello
%% 3> supervised:stop(Sup).
%% ok
%% '''
%%
%% In an application the specification of the child, `alcove_program:child_spec(Options)', belongs
%% to a supervisor that is there already.
-module(supervised).
-behaviour(supervisor).

-export([start_link/1, start_link/2, stdin/2, stop/1]).
-export([init/1]).

%% @equiv start_link(Argv, #{})
-spec start_link(alcove_run:argv()) -> {ok, pid()} | {error, term()}.
start_link(Argv) ->
    start_link(Argv, #{}).

%% @doc Starts a supervisor and under it a program, with more options of
%% {@link alcove_program:start_link/1}.
-spec start_link(alcove_run:argv(), map()) -> {ok, pid()} | {error, term()}.
start_link(Argv, Options) ->
    supervisor:start_link(?MODULE, maps:merge(#{argv => Argv, grace => 1000, output => {logger, notice}}, Options)).

%% @doc Sends data to the program.
-spec stdin(Supervisor :: pid(), iodata()) -> ok | {error, term(), Taken :: non_neg_integer()}.
stdin(Supervisor, Data) ->
    [{_Id, Program, worker, _Modules}] = supervisor:which_children(Supervisor),
    alcove_program:write(Program, Data).

%% @doc Stops the supervisor, and returns when the program and all that it has started are gone.
-spec stop(Supervisor :: pid()) -> ok.
stop(Supervisor) ->
    unlink(Supervisor),
    gen_server:stop(Supervisor, shutdown, infinity).

%% @private
init(Options) ->
    {ok, {#{strategy => one_for_one, intensity => 5, period => 10}, [alcove_program:child_spec(Options)]}}.
