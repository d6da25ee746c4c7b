%% SPDX-License-Identifier: ISC

%% @doc A process of a pool: it owns a driver and a keeper, and runs one program after the other.
%%
%% It is linked to its pool and traps no exits. When it is killed its driver ends, and the port ends
%% what is below it.
%% @hidden
-module(alcove_slot).

-export([
    start_link/3,
    submit/3
]).
-export([init/3]).

-record(slot, {
    pool :: pid(),
    drv :: alcove_drv:ref(),
    driver :: reference(),
    % in a sandbox each program has another one, forked from the template
    keeper :: alcove_job:keeper(),
    template :: none | alcove_sandbox_template:template(),
    inherited :: none | alcove_inherit:inherited()
}).

%% Bytes of output of a program on the way.
-define(WINDOW, 1048576).

-define(GRACE, 5000).

%% @doc Starts one. It exits with `{shutdown, {Step, Reason}}' if there is no driver to be had.
-spec start_link(Pool :: pid(), [alcove_drv:option()], none | alcove_sandbox_spec:checked()) -> pid().
start_link(Pool, Options, Sandbox) ->
    proc_lib:spawn_link(?MODULE, init, [Pool, Options, Sandbox]).

%% @doc Has it run a program, reply to the caller, and tell the pool.
-spec submit(pid(), gen_server:from(), alcove_job:spec()) -> ok.
submit(Slot, From, Spec) ->
    Slot ! {run, From, Spec},
    ok.

%% @private
-spec init(pid(), [alcove_drv:option()], none | alcove_sandbox_spec:checked()) -> no_return().
init(Pool, Options, Sandbox) ->
    % for alcove_top
    put('$alcove_name', {pool, hd(get('$ancestors'))}),
    Inherited = alcove_inherit:now(),
    {ok, Drv} = started(alcove_job:driver(Options, ?GRACE)),
    Driver = monitor(process, Drv),
    Template = template(Drv, Sandbox),
    Keeper = first(made(Drv, Template), Drv, Template),
    Pool ! {alcove_slot, ready, self()},
    serve(#slot{
        pool = Pool,
        drv = Drv,
        driver = Driver,
        keeper = Keeper,
        template = Template,
        inherited = inherited(Drv, Keeper, Template, Inherited)
    }).

%% In a sandbox a program has nothing of the VM's.
inherited(Drv, Keeper, none, Inherited) -> alcove_inherit:follow(Drv, alcove_job:keeper_path(Keeper), Inherited);
inherited(_Drv, _Keeper, _Template, _Inherited) -> none.

-spec serve(#slot{}) -> no_return().
serve(Slot) ->
    try
        loop(Slot)
    catch
        error:Reason:Stack ->
            ok = alcove_report:drop_messages(),
            alcove_report:crash(Reason, Stack)
    end.

template(_Drv, none) ->
    none;
template(Drv, Sandbox) ->
    {ok, Template} = started(alcove_sandbox_template:prepare(Drv, Sandbox)),
    Template.

first({ok, Keeper}, _Drv, _Template) ->
    Keeper;
first({error, Failure}, Drv, Template) ->
    _ = alcove_sandbox_template:close_driver(Drv, Template, Failure),
    exit({shutdown, Failure}).

made(Drv, none) -> alcove_job:keeper(Drv, [], ?GRACE, ?WINDOW);
made(_Drv, Template) -> alcove_sandbox_template:keeper(Template, ?GRACE, ?WINDOW).

started({error, Failure}) -> exit({shutdown, Failure});
started(Started) -> Started.

-spec loop(#slot{}) -> no_return().
loop(#slot{driver = Driver} = Slot) ->
    receive
        {run, From, Spec} ->
            run(From, Spec, Slot);
        {'DOWN', Driver, process, _, Reason} ->
            exit({shutdown, {driver, Reason}});
        {alcove_pool, stop} ->
            close(Slot);
        {alcove_event, _, Path, {End, _} = Event} when End =:= exit_status; End =:= termsig ->
            ended(Path, Event, Slot);
        {alcove_ctl, _, Path, badpid} ->
            ended(Path, badpid, Slot);
        % late news of programs
        _ ->
            loop(Slot)
    end.

%% Somebody has killed the keeper, or what it was forked from: it runs nothing any more.
ended(Path, Event, #slot{pool = Pool, keeper = Keeper} = Slot) ->
    case alcove_job:ended(Path, Keeper) of
        {ok, Left} ->
            loop(Slot#slot{keeper = Left});
        lost ->
            gen_server:cast(Pool, {lost, self()}),
            _ = close_driver(Slot, none),
            exit({shutdown, {keeper, Event}})
    end.

run({Caller, _} = From, #{grace := Grace} = Spec, #slot{pool = Pool, keeper = Keeper} = Slot) ->
    Ref = monitor(process, Caller),
    Result =
        case grace(?GRACE, Grace, Slot) of
            {error, timeout} -> {lost, {error, {keeper, timeout}}};
            _ -> alcove_collect:run(Keeper, Spec, changes(Slot), Ref)
        end,
    demonitor(Ref, [flush]),
    case Result of
        {lost, {error, Failure}} ->
            Error = lost(Failure, Slot),
            gen_server:cast(Pool, {ends, self()}),
            gen_server:reply(From, Error),
            exit({shutdown, Failure});
        abandoned ->
            answer(From, {error, {pool, shutdown}}, Spec, Slot);
        _ ->
            answer(From, Result, Spec, Slot)
    end.

%% The next caller may come at once. He waits for no more than he would then.
answer(From, Result, #{grace := Grace}, #slot{pool = Pool, keeper = Keeper, template = none} = Slot) ->
    gen_server:cast(Pool, {idle, self()}),
    gen_server:reply(From, Result),
    _ = grace(Grace, ?GRACE, Slot),
    loop(Slot#slot{keeper = alcove_job:fork_ahead(Keeper)});
answer(From, Result, Spec, Slot) ->
    gen_server:reply(From, Result),
    renew(Spec, Slot).

%% In a sandbox nothing is used again.
renew(#{grace := Grace}, #slot{pool = Pool, drv = Drv, keeper = Used, template = Template} = Slot0) ->
    ok = alcove_job:flush_below(Drv, alcove_job:keeper_path(Used)),
    case made(Drv, Template) of
        {ok, Keeper} ->
            Slot = Slot0#slot{keeper = Keeper},
            _ = grace(Grace, ?GRACE, Slot),
            gen_server:cast(Pool, {idle, self()}),
            loop(Slot);
        {error, Failure} ->
            _ = lost(Failure, Slot0),
            gen_server:cast(Pool, {ends, self()}),
            exit({shutdown, Failure})
    end.

lost(Failure, Slot) ->
    case close_driver(Slot, Failure) of
        ok -> {error, Failure};
        Left -> Left
    end.

%% What programs get at the end of the driver.
grace(Same, Same, _Slot) ->
    ok;
grace(_Before, Grace, #slot{drv = Drv, keeper = Keeper}) ->
    case alcove_job:grace(Drv, [], Grace) of
        {error, timeout} = Error -> Error;
        _ -> alcove_job:grace(Drv, alcove_job:keeper_path(Keeper), Grace)
    end.

changes(#slot{inherited = none}) -> [];
changes(#slot{inherited = Inherited}) -> alcove_inherit:changes(Inherited).

-spec close(#slot{}) -> no_return().
close(Slot) ->
    _ = close_driver(Slot, none),
    exit(normal).

close_driver(#slot{drv = Drv, template = Template}, Failure) ->
    alcove_sandbox_template:close_driver(Drv, Template, Failure).
