%% @doc Runs a program and returns its status and output.
%%
%% ```
%% 1> alcove_run:run(["sort", "-n"], #{stdin => "2\n10\n1\n"}).
%% {ok,#{status => {exit,0}, stdout => <<"1\n2\n10\n">>, stderr => <<>>, truncated => [],
%%       usage => #{cpu_us => 1912,max_memory => 2097152,wall_us => 2871}}}
%% '''
%%
%% Nothing needs to be started before. What the program has started is gone when the function
%% returns, whatever it did to get away. Within its grace it is also gone when the caller, the
%% pool or the VM ends.
%%
%% Programs run on a pool of drivers, see {@link alcove_pool}: a default one, one of the user, or
%% on a driver that the caller owns.
-module(alcove_run).

-export([
    run/1,
    run/2
]).
-export([on_keeper/4]).

-export_type([
    argv/0,
    options/0,
    result/0,
    status/0,
    usage/0,
    step/0
]).

-type argv() :: [alcove_spec:text(), ...].
%% A program, looked for in the `PATH' that it will have, and its arguments.

-type options() :: #{
    timeout => timeout(),
    stdin => iodata() | {file, file:name_all()},
    stderr => separate | merge | discard,
    output_limit => non_neg_integer() | infinity,
    grace => non_neg_integer(),
    env => alcove_spec:environment(),
    clear_env => boolean(),
    cd => file:name_all(),
    user => alcove_spec:user(),
    umask => 0..8#777,
    limits => alcove_spec:limits(),
    sandbox => [{alcove_proto:call(), [term()]}],
    pool => alcove_pool:pool(),
    driver => alcove_drv:ref()
}.
%% See {@link run/2}.

-type status() :: alcove_job:status() | timeout | output_limit.
%% How the program has ended, or why it was ended.

-type usage() :: #{
    wall_us := non_neg_integer(),
    cpu_us => non_neg_integer(),
    max_memory => non_neg_integer()
}.
%% Microseconds, and bytes: the largest resident set.

-type result() :: #{
    status := status(),
    stdout := binary(),
    stderr := binary(),
    truncated := [stdout | stderr],
    usage := usage()
}.

-type step() :: alcove_job:step() | pool.
%% What could not be done.

%% Bytes of output on the way from a program that runs on a driver of the caller.
-define(WINDOW, 1048576).

%% How long programs that were killed may take to be gone.
-define(KILLED, 5000).

-record(run, {
    job :: alcove_job:job(),
    drv :: alcove_drv:ref(),
    % who may end meanwhile: the driver, and the one who waits for the result
    driver :: reference(),
    caller :: reference() | none,
    path :: [alcove:pid_t()],
    keeper :: [alcove:pid_t()],
    grace :: non_neg_integer(),
    phase = running :: running | asked | killed,
    why = none :: none | timeout | output_limit | abandoned,
    deadline :: integer() | infinity,
    limit :: non_neg_integer() | infinity,
    stdout = [] :: [binary()],
    stderr = [] :: [binary()],
    truncated = [] :: [stdout | stderr],
    used = #{} :: #{} | alcove_job:used()
}).

%% @equiv run(Argv, #{})
-spec run(argv()) -> {ok, result()} | {error, {step(), Reason :: term()}}.
run(Argv) ->
    run(Argv, #{}).

%% @doc Runs a program to its end.
%%
%% Options:
%%
%% <dl>
%% <dt>`timeout'</dt>
%%   <dd>milliseconds; then the program is ended and the status is `timeout'. `infinity' by
%%   default</dd>
%% <dt>`stdin'</dt><dd>its input, of any size, or `{file, Path}'; nothing by default</dd>
%% <dt>`stderr'</dt>
%%   <dd>`separate' by default, `merge' to have errors in the output, `discard'</dd>
%% <dt>`output_limit'</dt>
%%   <dd>bytes of both outputs together, 16 MiB by default. More is cut, the program is ended
%%   and the status is `output_limit'</dd>
%% <dt>`grace'</dt>
%%   <dd>milliseconds between SIGTERM and SIGKILL where it is ended, 5000 by default</dd>
%% <dt>`env'</dt><dd>variables `{Name, Value}' beside those that the VM has; `{Name, false}' takes one away</dd>
%% <dt>`clear_env'</dt><dd>`true' for no other variables than those of `env'</dd>
%% <dt>`cd'</dt><dd>its working directory</dd>
%% <dt>`user'</dt>
%%   <dd>a name or number of /etc/passwd, with the groups of /etc/group, or `{Uid, Gid}', or
%%   `{Uid, Gid, Groups}'. Takes the rights of root</dd>
%% <dt>`umask'</dt><dd>its file mode creation mask</dd>
%% <dt>`limits'</dt><dd>limits of resources, such as `#{nofile => 64, cpu => {1, 2}}'</dd>
%% <dt>`sandbox'</dt>
%%   <dd>calls of {@link alcove}, with their arguments behind the pipeline, that its process makes
%%   before it takes the user and the limits</dd>
%% <dt>`pool'</dt><dd>the pool on which it runs, see {@link alcove_pool}</dd>
%% <dt>`driver'</dt><dd>a driver of the caller on which it runs instead</dd>
%% </dl>
%%
%% Raises `{badarg, Key}' for an unknown option or a wrong value, `argv' among them, before
%% anything is done. Binaries are taken as they are, other text is encoded as module `file' does.
%%
%% The output is complete when the program ends by itself. It has a session of its own, and what it
%% leaves behind is ended as it would be: SIGTERM, grace, SIGKILL. A program that closes its
%% input, never reads it or ends early gives its status.
%%
%% Errors name the step that has failed, such as `{exec, enoent}', `{cd, eacces}', `{user, eperm}'.
%% `{stop, {still_running, Pids}}' names processes that the kernel does not end. `{driver, Reason}',
%% `{keeper, Reason}' and `{pool, Reason}' are the end of a part of the library, which ends the program.
%%
%% ```
%% 1> alcove_run:run(["sh", "-c", "echo $X; exec sleep 100"], #{env => [{"X", "hello"}], timeout => 500}).
%% {ok,#{status => timeout, stdout => <<"hello\n">>, ...}}
%% 2> alcove_run:run(["no-such-program"]).
%% {error,{exec,enoent}}
%% 3> alcove_run:run(["true"], #{timeuot => 100}).
%% ** exception error: {badarg,timeuot}
%% '''
-spec run(argv(), options()) -> {ok, result()} | {error, {step(), Reason :: term()}}.
run(Argv, Options) ->
    Defaults = #{stdin => <<>>, timeout => infinity, output_limit => 16 bsl 20, grace => 5000},
    Spec = alcove_spec:checked(Options, keys(), Defaults#{argv => alcove_spec:argv(Argv)}),
    case Spec of
        #{driver := _, pool := _} -> error({badarg, pool});
        #{driver := Drv} -> on_driver(Drv, Spec);
        #{pool := Pool} -> alcove_pool:run(Pool, Spec);
        _ -> alcove_pool:run(Spec)
    end.

keys() ->
    [
        timeout, stdin, stderr, output_limit, grace, env, clear_env, cd, user, umask, limits, sandbox, pool, driver
    ].

%% A driver of the caller: the keeper lives as long as the program.
on_driver(Drv, #{grace := Grace} = Spec) ->
    case alcove_job:keeper(Drv, [], Grace, ?WINDOW) of
        {ok, Keeper} ->
            Result = on_keeper(Keeper, Spec, [], none),
            alcove_job:dismiss(Keeper),
            answer(Result);
        {error, _} = Error ->
            Error
    end.

answer({lost, Error}) -> Error;
answer(abandoned) -> {error, {pool, abandoned}};
answer(Result) -> Result.

%% @private
%% In the process that owns the driver. After `{lost, Error}' the keeper is of no use any more.
-spec on_keeper(alcove_job:keeper(), alcove_job:spec(), [alcove_job:before()], reference() | none) ->
    {ok, result()} | {error, {step(), term()}} | {lost, {error, {step(), term()}}} | abandoned.
on_keeper(Keeper, #{timeout := Timeout} = Spec, Before, Caller) ->
    Begin = erlang:monotonic_time(),
    case alcove_job:start(Keeper, Spec, Before, Timeout) of
        {ok, Job} ->
            {Drv, Path} = {alcove_job:drv(Job), alcove_job:path(Job)},
            Ref = monitor(process, Drv),
            Run = #run{
                job = Job,
                drv = Drv,
                driver = Ref,
                caller = Caller,
                path = Path,
                keeper = lists:droplast(Path),
                grace = maps:get(grace, Spec),
                limit = maps:get(output_limit, Spec),
                deadline = deadline(Timeout)
            },
            Result = await(Run, Begin),
            demonitor(Ref, [flush]),
            Result;
        {error, {exec, timeout}} = Error ->
            {lost, Error};
        {error, {Step, _}} = Error when Step =:= stop; Step =:= driver; Step =:= keeper; Step =:= fork ->
            {lost, Error};
        Error ->
            Error
    end.

await(#run{drv = Drv, path = Path, keeper = Keeper, driver = Driver, caller = Caller} = Run, Begin) ->
    receive
        {_, Drv, Path, _} = Message ->
            heard(alcove_job:news(Message, Run#run.job), Run, Begin);
        {_, Drv, Keeper, _} = Message ->
            heard(alcove_job:news(Message, Run#run.job), Run, Begin);
        {'DOWN', Driver, process, _, Reason} ->
            lost({driver, Reason}, alcove_job:await_end(Run#run.job));
        {'DOWN', Caller, process, _, _} ->
            await(abandon(Run), Begin);
        {alcove_pool, stop} when Caller =/= none ->
            % again, for the loop that is behind this one
            self() ! {alcove_pool, stop},
            await(abandon(Run#run{caller = none}), Begin)
    after left(Run#run.deadline) ->
        late(Run, Begin)
    end.

heard({output, Stream, Bytes}, Run, Begin) ->
    await(keep(Stream, Bytes, Run), Begin);
heard({written, _, Job}, Run, Begin) ->
    await(Run#run{job = Job}, Begin);
heard({used, Used}, Run, Begin) ->
    await(Run#run{used = Used}, Begin);
heard({ended, Status}, Run, Begin) ->
    ended(Status, Run, Begin);
heard({lost, Reason}, Run, _Begin) ->
    % what was below it is ended by whoever ends the driver, or else only the program
    _ = alcove_job:kill_group(Run#run.job),
    {lost, {error, {keeper, Reason}}};
heard(none, Run, Begin) ->
    await(Run, Begin).

lost(Reason, ok) -> {lost, {error, Reason}};
lost(_Reason, Left) -> {lost, Left}.

%% Output is read while the program is being ended, so that it can end, and thrown away.
keep(Stream, Bytes, #run{limit = Limit, job = Job0} = Run) ->
    Job = alcove_job:read(byte_size(Bytes), Job0),
    case byte_size(Bytes) of
        Size when Size =< Limit -> kept(Stream, Bytes, Run#run{job = Job, limit = less(Limit, Size)});
        _ -> cut(Stream, binary:copy(binary:part(Bytes, 0, Limit)), Run#run{job = Job, limit = 0})
    end.

less(infinity, _Size) -> infinity;
less(Limit, Size) -> Limit - Size.

kept(stdout, Bytes, #run{stdout = Kept} = Run) -> Run#run{stdout = [Bytes | Kept]};
kept(stderr, Bytes, #run{stderr = Kept} = Run) -> Run#run{stderr = [Bytes | Kept]}.

cut(Stream, Bytes, #run{truncated = Truncated} = Run) ->
    stop(output_limit, kept(Stream, Bytes, Run#run{truncated = lists:usort([Stream | Truncated])})).

late(#run{phase = running} = Run, Begin) ->
    await(stop(timeout, Run), Begin);
late(#run{phase = asked, job = Job} = Run, Begin) ->
    _ = alcove_job:ask(Job, sigkill),
    await(Run#run{phase = killed, deadline = deadline(?KILLED)}, Begin);
late(#run{phase = killed, job = Job}, _Begin) ->
    {lost, {error, {stop, {still_running, [alcove_job:pid(Job)]}}}}.

stop(Why, #run{phase = running, job = Job, grace = Grace} = Run) ->
    _ = alcove_job:ask(Job, sigterm),
    Run#run{phase = asked, why = Why, deadline = deadline(Grace)};
stop(_Why, Run) ->
    Run.

abandon(Run) ->
    (stop(abandoned, Run))#run{why = abandoned, limit = 0}.

ended(Status, #run{job = Job} = Run, Begin) ->
    case alcove_job:finish(Job, grace(Run)) of
        ok ->
            Wall = erlang:convert_time_unit(erlang:monotonic_time() - Begin, native, microsecond),
            result(Status, rest(Run), Wall);
        {error, {driver, _} = Reason} ->
            lost(Reason, alcove_job:await_end(Job));
        {error, _} = Error ->
            {lost, Error}
    end.

%% The time that is left to what the program leaves.
grace(#run{phase = running, grace = Grace}) -> Grace;
grace(#run{phase = asked, deadline = Deadline}) -> left(Deadline);
grace(#run{phase = killed}) -> 0.

%% What has come meanwhile.
rest(#run{drv = Drv, path = Path, job = Job} = Run) ->
    receive
        {_, Drv, Path, _} = Message ->
            case alcove_job:news(Message, Job) of
                {output, Stream, Bytes} -> rest(keep_more(Stream, Bytes, Run));
                _ -> rest(Run)
            end
    after 0 -> Run
    end.

keep_more(Stream, Bytes, #run{limit = Limit} = Run) when byte_size(Bytes) =< Limit ->
    kept(Stream, Bytes, Run#run{limit = less(Limit, byte_size(Bytes))});
keep_more(Stream, Bytes, #run{limit = Limit, truncated = Truncated} = Run) ->
    kept(Stream, binary:part(Bytes, 0, Limit), Run#run{limit = 0, truncated = lists:usort([Stream | Truncated])}).

result(_Status, #run{why = abandoned}, _Wall) ->
    abandoned;
result(Status, #run{why = Why, used = Used} = Run, Wall) ->
    {ok, #{
        status => status(Status, Why),
        stdout => joined(Run#run.stdout),
        stderr => joined(Run#run.stderr),
        truncated => Run#run.truncated,
        usage => Used#{wall_us => Wall}
    }}.

status(Status, none) -> Status;
status(_Status, Why) -> Why.

joined(Pieces) ->
    iolist_to_binary(lists:reverse(Pieces)).

deadline(infinity) -> infinity;
deadline(Timeout) -> erlang:monotonic_time(millisecond) + Timeout.

left(infinity) -> infinity;
left(Deadline) -> max(0, Deadline - erlang:monotonic_time(millisecond)).
