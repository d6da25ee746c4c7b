%% SPDX-License-Identifier: ISC

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
    sandbox => alcove_sandbox:sandbox() | alcove_sandbox:spec() | [{alcove_proto:call(), [term()]}],
    metadata => map(),
    pool => alcove_pool:pool(),
    node => node(),
    driver => alcove_drv:ref()
}.
%% See {@link run/2}.

-type status() :: alcove_sandbox_spec:status() | timeout | output_limit.
%% How the program has ended, or why it was ended; `out_of_memory' and `cpu_time' are limits of a sandbox.

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
%%   <dd>a sandbox, or the specification of one that is made for this program: see
%%   {@link alcove_sandbox:prepare/2}. Its program has no variables but those of `env' and a `PATH', and its
%%   paths are those inside; what it leaves behind is killed at once. It goes neither with `user' nor with
%%   `pool' nor `driver'. Or calls of {@link alcove}, with their arguments behind the pipeline, that the
%%   process makes before it takes the user and the limits</dd>
%% <dt>`metadata'</dt><dd>more of it for telemetry</dd>
%% <dt>`pool'</dt><dd>the pool on which it runs, see {@link alcove_pool}</dd>
%% <dt>`node'</dt>
%%   <dd>runs it on the default pool of another node, which needs the same version of this library.
%%   The program is ended when the connection is lost</dd>
%% <dt>`driver'</dt><dd>a driver of the caller on which it runs instead</dd>
%% </dl>
%%
%% Raises `{badarg, Key}' for an unknown option or a wrong value, `argv' among them, before
%% anything is done. Binaries are taken as they are, other text is encoded as module `file' does.
%%
%% Telemetry gets the events `[alcove, run, start]' and `[alcove, run, stop]'. The stop has the
%% `status', or what has failed, and measures `duration', bytes of `stdout' and `stderr', and the usage.
%%
%% The output is complete when the program ends by itself. It has a session of its own, and what it
%% leaves behind is ended as it would be: SIGTERM, grace, SIGKILL. A program that closes its
%% input, never reads it or ends early gives its status.
%%
%% Errors name the step that has failed, such as `{exec, enoent}', `{cd, eacces}', `{user, eperm}'.
%% `{stop, {still_running, Pids}}' names processes that the kernel does not end. `{driver, Reason}',
%% `{keeper, Reason}' and `{pool, Reason}' are the end of a part of the library, which ends the program.
%% `{pool, {nodedown, Node}}' is a node that cannot be reached or is lost meanwhile, `{pool, undef}' one
%% without this application.
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
        #{sandbox := Sandbox} when not is_list(Sandbox) -> in_sandbox(Sandbox, Spec);
        #{driver := _, node := _} -> error({badarg, node});
        #{pool := _, node := _} -> error({badarg, node});
        #{driver := Drv} -> told(fun() -> on_driver(Drv, Spec) end, Spec);
        #{pool := Pool} -> told(fun() -> alcove_pool:run(Pool, Spec) end, Spec);
        #{node := Node} -> told(fun() -> alcove_pool:run_default(Node, Spec) end, Spec);
        _ -> told(fun() -> alcove_pool:run_default(node(), Spec) end, Spec)
    end.

%% Telemetry is told in the process of the caller.
told(Run, #{argv := [Program | _]} = Spec) ->
    Metadata = (maps:get(metadata, Spec, #{}))#{program => Program},
    Began = erlang:monotonic_time(),
    ok = alcove_telemetry:event([alcove, run, start], #{system_time => erlang:system_time()}, Metadata),
    Result = Run(),
    {Status, Measured} = measured(Result),
    Measurements = Measured#{duration => erlang:monotonic_time() - Began},
    ok = alcove_telemetry:event([alcove, run, stop], Measurements, Metadata#{status => Status}),
    Result.

measured({ok, #{status := Status, stdout := Output, stderr := Errors, usage := Usage}}) ->
    {Status, Usage#{stdout => byte_size(Output), stderr => byte_size(Errors)}};
measured({error, Failure}) ->
    {Failure, #{}}.

keys() ->
    [
        timeout, stdin, stderr, output_limit, grace, env, clear_env, cd, user, umask, limits, sandbox, metadata, pool,
        node,
        driver
    ].

%% It has its own drivers, and its own user.
in_sandbox(Sandbox, Spec) ->
    ok = alcove_spec:of_sandbox([driver, pool, node, user], Spec),
    Inside = maps:remove(sandbox, Spec),
    told(fun() -> alcove_sandbox:run(Sandbox, Inside) end, Inside).

%% A driver of the caller: the keeper lives as long as the program.
on_driver(Drv, #{grace := Grace} = Spec) ->
    case alcove_job:keeper(Drv, [], Grace, ?WINDOW) of
        {ok, Keeper} ->
            Result = alcove_collect:run(Keeper, Spec, [], none),
            answer(Result, alcove_job:dismiss(Keeper, failure(Result)));
        {error, _} = Error ->
            Error
    end.

failure({lost, {error, Failure}}) -> Failure;
failure(_Result) -> none.

answer({lost, Error}, ok) -> Error;
answer({lost, _Error}, Left) -> Left;
answer(Result, _) -> Result.
