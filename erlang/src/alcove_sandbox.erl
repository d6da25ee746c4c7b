%% @doc Programs that nobody trusts, run so that nothing gets out.
%%
%% ```
%% {ok, Sandbox} = alcove_sandbox:prepare(#{limits => #{memory => 256 bsl 20, processes => 32}}, []),
%% {ok, #{status := {exit, 0}, stdout := <<"2\n">>}} =
%%     alcove_run:run(["python3", "-c", "print(1 + 1)"], #{sandbox => Sandbox, timeout => 5000}),
%% ok = alcove_sandbox:close(Sandbox).
%% '''
-module(alcove_sandbox).

-export([
    prepare/1, prepare/2,
    supported/1, supported/2,
    close/1
]).
-export([run/2]).

-export_type([
    sandbox/0,
    spec/0
]).

-type sandbox() :: pid().
%% A sandbox that was prepared.

-type spec() :: alcove_sandbox_spec:spec().

%% @equiv prepare(Spec, [])
-spec prepare(spec()) -> {ok, sandbox()} | {error, {alcove_job:step(), Reason :: term()}}.
prepare(Spec) ->
    prepare(Spec, []).

%% @doc Prepares a sandbox, in which any number of programs can run, one after the other or at a time.
-spec prepare(spec(), [alcove_drv:option()]) ->
    {ok, sandbox()} | {error, {alcove_job:step(), Reason :: term()}}.
prepare(Spec, DriverOptions) ->
    pool(alcove_sandbox_spec:checked(Spec), DriverOptions).

pool(Checked, DriverOptions) ->
    alcove_pool:start(#{owner => self(), sandbox => Checked, driver_options => DriverOptions}).

%% @equiv supported(Spec, [])
-spec supported(spec()) -> alcove_sandbox_support:support().
supported(Spec) ->
    supported(Spec, []).

%% @doc What this machine can do of what a specification describes, by trying, and what to do about the rest.
-spec supported(spec(), [alcove_drv:option()]) -> alcove_sandbox_support:support().
supported(Spec, DriverOptions) ->
    alcove_sandbox_support:supported(alcove_sandbox_spec:checked(Spec), DriverOptions).

%% @doc Ends a sandbox with the programs that run in it.
-spec close(sandbox()) -> ok.
close(Sandbox) ->
    alcove_pool:stop(Sandbox).

%% @private
-spec run(sandbox() | alcove_sandbox_spec:checked(), alcove_job:spec()) ->
    {ok, alcove_run:result()} | {error, term()}.
run(Sandbox, Spec) when is_pid(Sandbox) ->
    alcove_pool:run(Sandbox, Spec);
run(Checked, Spec) ->
    case pool(Checked, []) of
        {ok, Sandbox} ->
            Result = alcove_pool:run(Sandbox, Spec),
            ok = close(Sandbox),
            Result;
        {error, _} = Error ->
            Error
    end.
