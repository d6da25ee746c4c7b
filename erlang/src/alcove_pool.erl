%% SPDX-License-Identifier: ISC

%% @doc Drivers on which programs run one after the other.
%%
%% {@link alcove_run:run/2} uses a pool that is started when the first program runs, belongs to
%% nobody and lives until {@link stop/1}. It starts a driver whenever none is idle, and keeps
%% twice as many idle ones as there are schedulers.
%%
%% A pool of one's own has a size: who wants to run a program while all drivers are busy waits,
%% first come, first served. It is started below a supervisor:
%%
%% ```
%% init([]) ->
%%     {ok, {#{}, [alcove_pool:child_spec(#{name => {local, jobs}, size => 8})]}}.
%%
%% alcove_run:run(["convert", From, To], #{pool => jobs}).
%% '''
%%
%% Each driver has one program at a time and a port of its own, so that a port that is killed ends
%% one program. When the pool ends, its programs do: in order when it is stopped, otherwise by their
%% ports, within their grace.
-module(alcove_pool).
-behaviour(gen_server).

-export([
    start_link/1,
    child_spec/1,
    stop/1,
    info/1,
    least_busy/1, least_busy/2
]).
-export([
    start/1,
    sandbox/1,
    run/2,
    run_default/2,
    start_default/0,
    ask/2
]).
-export([
    init/1,
    handle_call/3,
    handle_cast/2,
    handle_info/2,
    terminate/2
]).
-if(?OTP_RELEASE >= 25).
-export([format_status/1]).
-else.
-export([format_status/2]).
-endif.

-export_type([
    pool/0,
    options/0,
    info/0
]).

-type pool() :: pid() | atom() | {atom(), node()} | {global, term()} | {via, module(), term()}.
%% A pool, by its pid or its name. That of another node runs programs there.

-type options() :: #{
    name => {local, atom()} | {global, term()} | {via, module(), term()},
    size => pos_integer() | infinity,
    exec => unicode:chardata(),
    sandbox => alcove_sandbox:spec()
}.
%% `size' is how many programs run at a time, `infinity' by default. `exec' is as of
%% {@link alcove_drv:start/2}, `"sudo -n"' for instance. Programs run in a `sandbox', see
%% {@link alcove_sandbox:prepare/2}, that is prepared once for each driver.

-type info() :: #{
    size := pos_integer() | infinity,
    busy := non_neg_integer(),
    idle := non_neg_integer(),
    waiting := non_neg_integer()
}.
%% How many drivers have a program and have none, and how many callers wait.

-record(pool, {
    size = infinity :: pos_integer() | infinity,
    options = [] :: [alcove_drv:option()],
    sandbox = none :: none | alcove_sandbox_spec:checked(),
    % one for whom the pool was made, and with whom it ends
    owner = none :: none | reference(),
    % the latest first, which is in the caches
    idle = [] :: [pid()],
    busy = #{} :: #{pid() => gen_server:from()},
    % of a sandbox, which takes a while to make, there are as many as were busy at a time
    peak = 0 :: non_neg_integer(),
    waiting = queue:new() :: queue:queue({reference(), gen_server:from(), alcove_job:spec()})
}).

%% How long programs that are ended may take, beside their grace.
-define(SHUTDOWN, 60000).

%% @doc Starts a pool that is linked to the caller. Raises `{badarg, Key}' for a wrong option.
%%
%% ```
%% {ok, Pool} = alcove_pool:start_link(#{size => 4}).
%% '''
-spec start_link(options()) -> {ok, pid()} | {error, term()}.
start_link(Options) ->
    case checked(Options) of
        #{name := Name} = Checked -> gen_server:start_link(Name, ?MODULE, Checked, []);
        Checked -> gen_server:start_link(?MODULE, Checked, [])
    end.

checked(Options) ->
    case alcove_spec:checked(Options, [name, size, exec, sandbox], #{}) of
        #{sandbox := Sandbox} when not is_map(Sandbox) -> error({badarg, sandbox});
        Checked -> Checked
    end.

%% @doc Returns the specification of a pool for its supervisor.
%%
%% ```
%% alcove_pool:child_spec(#{name => {local, jobs}, size => 8}).
%% '''
-spec child_spec(options()) -> supervisor:child_spec().
child_spec(Options) ->
    #{
        id => maps:get(name, checked(Options), ?MODULE),
        start => {?MODULE, start_link, [Options]},
        shutdown => ?SHUTDOWN,
        modules => [?MODULE]
    }.

%% @doc Stops a pool when its programs have been ended; `default' is that of
%% {@link alcove_run:run/1}. Those who wait get an error.
%%
%% ```
%% ok = alcove_pool:stop(default).
%% '''
-spec stop(pool() | default) -> ok.
stop(default) ->
    case whereis(?MODULE) of
        undefined -> ok;
        Pool -> stop(Pool)
    end;
stop(Pool) ->
    try
        gen_server:stop(Pool)
    catch
        exit:noproc -> ok;
        exit:{noproc, _} -> ok
    end.

%% @doc Returns what a pool does.
%%
%% ```
%% #{size := 4, busy := 0, waiting := 0} = alcove_pool:info(Pool).
%% '''
-spec info(pool()) -> info().
info(Pool) ->
    gen_server:call(Pool, info).

%% @equiv least_busy(Pools, 1000)
-spec least_busy([pool()]) -> {ok, pool()} | {error, none}.
least_busy(Pools) ->
    least_busy(Pools, 1000).

%% @doc Returns the pool with the smallest share of its drivers busy or waited for, among those that answer
%% within Timeout milliseconds. The pools may be on many nodes, such as the members of a group of pg.
%% One without a size is compared by the number of its programs.
%%
%% ```
%% {ok, Pool} = alcove_pool:least_busy(pg:get_members(jobs)),
%% alcove_run:run(["true"], #{pool => Pool}).
%% '''
-spec least_busy([pool()], timeout()) -> {ok, pool()} | {error, none}.
least_busy(Pools, Timeout) ->
    % answers that come later go with it
    {_, Ref} = spawn_monitor(?MODULE, ask, [Pools, Timeout]),
    receive
        {'DOWN', Ref, process, _, {least_busy, []}} -> {error, none};
        {'DOWN', Ref, process, _, {least_busy, Loads}} -> {ok, element(3, lists:min(Loads))};
        {'DOWN', Ref, process, _, Reason} -> exit(Reason)
    end.

%% @private
-spec ask([pool()], timeout()) -> no_return().
ask(Pools, Timeout) ->
    exit({least_busy, loads(Pools, Timeout)}).

loads(Pools, Timeout) ->
    Begin = erlang:monotonic_time(millisecond),
    Asked = [{gen_server:send_request(Pool, info), Pool} || Pool <- Pools],
    [
        % among equals any
        {load(Info), rand:uniform(), Pool}
     || {Request, Pool} <- Asked,
        {reply, Info} <- [gen_server:receive_response(Request, left(Begin, Timeout))]
    ].

left(_Begin, infinity) -> infinity;
left(Begin, Timeout) -> max(0, Begin + Timeout - erlang:monotonic_time(millisecond)).

load(#{size := infinity, busy := Busy, waiting := Waiting}) -> float(Busy + Waiting);
load(#{size := Size, busy := Busy, waiting := Waiting}) -> (Busy + Waiting) / Size.

%% @private
%% A pool of a sandbox, which ends with its owner.
-spec start(#{
    owner := pid(), sandbox := alcove_sandbox_spec:checked(), driver_options := [alcove_drv:option()]
}) -> {ok, pid()} | {error, term()}.
start(Options) ->
    case gen_server:start(?MODULE, Options, []) of
        {error, {shutdown, Failure}} -> {error, Failure};
        Started -> Started
    end.

%% @private
%% What the pool makes a sandbox of.
-spec sandbox(pid()) ->
    {ok, alcove_sandbox_spec:checked(), [alcove_drv:option()]} | {error, {pool, term()}}.
sandbox(Pool) ->
    try gen_server:call(Pool, sandbox) of
        {none, _} -> {error, {pool, no_sandbox}};
        {Sandbox, Options} -> {ok, Sandbox, Options}
    catch
        exit:{Reason, {gen_server, call, _}} -> {error, {pool, Reason}}
    end.

%% @private
-spec run_default(node(), alcove_job:spec()) -> {ok, alcove_run:result()} | {error, term()}.
run_default(Node, Spec) ->
    case run({?MODULE, Node}, Spec) of
        {error, {pool, noproc}} ->
            try erpc:call(Node, ?MODULE, start_default, []) of
                ok -> run({?MODULE, Node}, Spec)
            catch
                error:{exception, undef, _} -> {error, {pool, undef}};
                error:{erpc, noconnection} -> {error, {pool, {nodedown, Node}}}
            end;
        Result ->
            Result
    end.

%% @private
-spec start_default() -> ok.
start_default() ->
    % somebody else may be faster
    _ = gen_server:start({local, ?MODULE}, ?MODULE, default, []),
    ok.

%% @private
-spec run(pool(), alcove_job:spec()) -> {ok, alcove_run:result()} | {error, term()}.
run(Pool, Spec) ->
    try
        gen_server:call(Pool, {run, Spec}, infinity)
    catch
        exit:{Reason, {gen_server, call, _}} -> {error, {pool, Reason}}
    end.

%%
%% gen_server
%%

%% @private
init(default) ->
    % it does not depend on who has started it
    true = group_leader(whereis(init), self()),
    init(#{});
init(Options) ->
    process_flag(trap_exit, true),
    first(#pool{
        size = maps:get(size, Options, infinity),
        options = maps:to_list(maps:with([exec], Options)) ++ maps:get(driver_options, Options, []),
        sandbox = maps:get(sandbox, Options, none),
        owner = owner(Options)
    }).

owner(#{owner := Owner}) -> monitor(process, Owner);
owner(_Options) -> none.

%% A sandbox that cannot be made is found out at once.
first(#pool{sandbox = none} = Pool) ->
    {ok, Pool};
first(#pool{options = Options, sandbox = Sandbox} = Pool) ->
    Slot = alcove_slot:start_link(self(), Options, Sandbox),
    receive
        {alcove_slot, ready, Slot} -> {ok, Pool#pool{idle = [Slot]}};
        {'EXIT', Slot, Reason} -> {stop, {shutdown, failure(Reason)}}
    end.

%% @private
handle_call({run, Spec}, From, Pool) ->
    {noreply, dispatch(From, Spec, Pool)};
handle_call(info, _From, Pool) ->
    {reply, counted(Pool), Pool};
handle_call(sandbox, _From, #pool{sandbox = Sandbox, options = Options} = Pool) ->
    {reply, {Sandbox, Options}, Pool};
handle_call(_Request, _From, Pool) ->
    {reply, {error, enotsup}, Pool}.

%% @private
handle_cast({idle, Slot}, #pool{busy = Busy} = Pool0) ->
    Pool = Pool0#pool{busy = maps:remove(Slot, Busy)},
    case queue:out(Pool#pool.waiting) of
        {{value, {Ref, From, Spec}}, Waiting} ->
            demonitor(Ref, [flush]),
            {noreply, give(Slot, From, Spec, Pool#pool{waiting = Waiting})};
        {empty, _} ->
            {noreply, rest(Slot, Pool)}
    end;
handle_cast({ends, Slot}, #pool{busy = Busy} = Pool) ->
    {noreply, next(Pool#pool{busy = maps:remove(Slot, Busy)})};
%% Where it was given a program meanwhile, its exit answers the caller
handle_cast({lost, Slot}, #pool{idle = Idle} = Pool) ->
    {noreply, Pool#pool{idle = lists:delete(Slot, Idle)}};
handle_cast(_Request, Pool) ->
    {noreply, Pool}.

%% @private
handle_info({'DOWN', Owner, process, _, _}, #pool{owner = Owner} = Pool) ->
    {stop, normal, Pool};
handle_info({'DOWN', Ref, process, _, _}, #pool{waiting = Waiting} = Pool) ->
    {noreply, Pool#pool{waiting = queue:filter(fun({Monitor, _, _}) -> Monitor =/= Ref end, Waiting)}};
handle_info({'EXIT', Slot, Reason}, #pool{busy = Busy, idle = Idle} = Pool) ->
    case Busy of
        #{Slot := From} ->
            gen_server:reply(From, {error, failure(Reason)}),
            {noreply, next(Pool#pool{busy = maps:remove(Slot, Busy)})};
        #{} ->
            {noreply, Pool#pool{idle = lists:delete(Slot, Idle)}}
    end;
handle_info(_Info, Pool) ->
    {noreply, Pool}.

failure({shutdown, {Step, Reason}}) -> {Step, Reason};
failure(Reason) -> {pool, Reason}.

%% @private
terminate(_Reason, #pool{idle = Idle, busy = Busy, waiting = Waiting}) ->
    lists:foreach(fun({_, From, _}) -> gen_server:reply(From, {error, {pool, shutdown}}) end, queue:to_list(Waiting)),
    Slots = Idle ++ maps:keys(Busy),
    lists:foreach(fun(Slot) -> Slot ! {alcove_pool, stop} end, Slots),
    lists:foreach(fun await_end/1, Slots),
    alcove_report:drop_messages().

%% It may have ended before.
await_end(Slot) ->
    Ref = monitor(process, Slot),
    receive
        {'DOWN', Ref, process, _, _} -> ok
    end.

%% @private
%% What reports show: no environment, no input, which may be secret.
-if(?OTP_RELEASE >= 25).
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    maps:map(fun shown/2, Status).
-else.
-spec format_status(normal | terminate, [term()]) -> term().
format_status(normal, [_Dictionary, Pool]) ->
    [{data, [{"State", shown(state, Pool)}]}];
format_status(terminate, [_Dictionary, Pool]) ->
    shown(state, Pool).
-endif.

shown(state, #pool{} = Pool) -> counted(Pool);
shown(message, {'$gen_call', From, _}) -> {'$gen_call', From};
shown(log, _Events) -> [];
shown(_Key, Value) -> Value.

counted(#pool{size = Size, idle = Idle, busy = Busy, waiting = Waiting}) ->
    #{size => Size, idle => length(Idle), busy => map_size(Busy), waiting => queue:len(Waiting)}.

dispatch(From, Spec, #pool{idle = [Slot | Idle]} = Pool) ->
    give(Slot, From, Spec, Pool#pool{idle = Idle});
dispatch(From, Spec, #pool{size = Size, busy = Busy} = Pool) when map_size(Busy) < Size ->
    give(alcove_slot:start_link(self(), Pool#pool.options, Pool#pool.sandbox), From, Spec, Pool);
dispatch({Caller, _} = From, Spec, #pool{waiting = Waiting} = Pool) ->
    Pool#pool{waiting = queue:in({monitor(process, Caller), From, Spec}, Waiting)}.

give(Slot, From, Spec, #pool{busy = Busy} = Pool) ->
    ok = alcove_slot:submit(Slot, From, Spec),
    peak(Pool#pool{busy = Busy#{Slot => From}}).

peak(#pool{sandbox = none} = Pool) -> Pool;
peak(#pool{busy = Busy, peak = Peak} = Pool) -> Pool#pool{peak = max(Peak, map_size(Busy))}.

%% There is room for another one.
next(#pool{waiting = Waiting} = Pool) ->
    case queue:out(Waiting) of
        {{value, {Ref, From, Spec}}, Others} ->
            demonitor(Ref, [flush]),
            dispatch(From, Spec, Pool#pool{waiting = Others});
        {empty, _} ->
            Pool
    end.

rest(Slot, #pool{size = Size, idle = Idle, peak = Peak} = Pool) ->
    case is_integer(Size) orelse length(Idle) < max(Peak, 2 * erlang:system_info(schedulers)) of
        true ->
            Pool#pool{idle = [Slot | Idle]};
        false ->
            Slot ! {alcove_pool, stop},
            Pool
    end.
