%% SPDX-License-Identifier: ISC

%% @doc A program as a process of Erlang: a daemon below a supervisor, or a stream.
%%
%% ```
%% init([]) ->
%%     Redis = #{argv => ["redis-server", "--port", "7000"], ready => {output, "Ready to accept"}},
%%     {ok, {#{}, [alcove_program:child_spec(Redis)]}}.
%% '''
%%
%% The process starts when the program has been executed, or is ready, and ends when it does. The
%% other way round it ends the program with all that it has started: SIGTERM, grace, SIGKILL. When
%% the process is killed, or the VM is, the port of the program does that.
%%
%% <ul>
%% <li>start: {@link child_spec/1}, {@link start_link/1}</li>
%% <li>input and output: {@link write/3}, {@link close/1}, {@link read/2}, {@link fold/3}</li>
%% <li>end: {@link signal/2}, {@link stop/1}, {@link await/2}</li>
%% <li>others: {@link info/1}, {@link controlling_process/2}</li>
%% </ul>
-module(alcove_program).
-behaviour(gen_statem).

-export([
    child_spec/1,
    start_link/1
]).
-export([
    write/2, write/3,
    close/1, close/2,
    read/1, read/2,
    fold/3
]).
-export([
    signal/2,
    stop/1, stop/2,
    await/1, await/2
]).
-export([
    info/1,
    controlling_process/2
]).
-export([start_for/2]).
-export([
    init/1,
    callback_mode/0,
    handle_event/4,
    terminate/3
]).
-if(?OTP_RELEASE >= 25).
-export([format_status/1]).
-else.
-export([format_status/2]).
-endif.

-export_type([
    program/0,
    options/0,
    output/0,
    stream/0,
    info/0
]).

-type program() :: pid() | atom() | {atom(), node()} | {global, term()} | {via, module(), term()}.
%% A program, by its process or the name of that.

-type stream() :: stdout | stderr.

-type output() ::
    {logger, logger:level()}
    | {send, pid()}
    | fun((stream(), binary()) -> term())
    | passive.
%% What becomes of output, see {@link start_link/1}.

-type options() :: #{
    argv := alcove_run:argv(),
    node => node(),
    stdin => iodata() | {file, file:name_all()},
    name => {local, atom()} | {global, term()} | {via, module(), term()},
    output => output(),
    lines => boolean(),
    window => pos_integer(),
    stderr => separate | merge | discard,
    ready => {output, iodata()} | fun(() -> boolean()),
    ready_timeout => timeout(),
    signal => alcove:constant(),
    grace => non_neg_integer(),
    exit_reason => fun((alcove_sandbox_spec:status()) -> term()),
    metadata => map(),
    env => alcove_spec:environment(),
    clear_env => boolean(),
    cd => file:name_all(),
    user => alcove_spec:user(),
    umask => 0..8#777,
    limits => alcove_spec:limits(),
    sandbox => alcove_sandbox:sandbox() | alcove_sandbox:spec() | [{alcove_proto:call(), [term()]}],
    exec => unicode:chardata()
}.
%% See {@link start_link/1}.

-type info() :: #{
    argv := [binary(), ...],
    os_pid := alcove:pid_t(),
    state := running | stopping | ended,
    stdout := non_neg_integer(),
    stderr := non_neg_integer(),
    unread := non_neg_integer(),
    writes := non_neg_integer()
}.
%% Bytes of each output so far, bytes that nobody has read, and calls of {@link write/3} that wait.

-record(data, {
    job :: alcove_job:job(),
    drv :: alcove_drv:ref(),
    driver :: reference(),
    template :: none | alcove_sandbox_template:template(),
    spec :: alcove_job:spec(),
    is_ready :: boolean(),
    % what has come since a line, or what is to match, has begun
    rest = #{stdout => <<>>, stderr => <<>>} :: #{stream() => binary()},
    seen = <<>> :: binary(),
    % what nobody has read
    unread = queue:new() :: queue:queue({stream(), binary()}),
    readers = queue:new() :: queue:queue({reference(), gen_statem:from()}),
    writers = #{} :: #{reference() => gen_statem:from()},
    waiting = [] :: [gen_statem:from()],
    owner = none :: none | {pid(), reference()},
    % when a program that was asked to end is killed
    kill_at = infinity :: integer() | infinity,
    sizes = #{stdout => 0, stderr => 0} :: #{stream() => non_neg_integer()},
    used = #{} :: #{} | alcove_job:used(),
    status = none :: none | alcove_sandbox_spec:status() | {lost, Reason :: term()},
    % a function of the user that has raised an exception
    failed = none :: none | {Reason :: term(), Stack :: list()},
    began :: integer()
}).

%% Bytes of output on the way, or unread.
-define(WINDOW, 1048576).

%% A line that is longer is passed on in pieces, and a pattern has to match in so many bytes.
-define(LONGEST, 65536).

%% How long programs that were killed may take to be gone, and the margin of a supervisor.
-define(KILLED, 5000).
-define(MARGIN, 15000).

%% Pieces of output that are smaller are put together until they are read.
-define(SMALL, 4096).

%% The longest timeout.
-define(MAXTIMEOUT, 16#ffffffff).
-define(IS_TIMEOUT(T), (T =:= infinity orelse (is_integer(T) andalso T >= 0 andalso T =< ?MAXTIMEOUT))).

%% How often a function is asked if the program is ready.
-define(POLL, 50).

%%
%% Start
%%

%% @doc Returns the specification of a program for its supervisor. It waits for the grace and some more.
%%
%% ```
%% alcove_program:child_spec(#{argv => ["nginx", "-g", "daemon off;"], name => {local, nginx}}).
%% '''
-spec child_spec(options()) -> supervisor:child_spec().
child_spec(Options) ->
    #{argv := Argv, grace := Grace} = Spec = spec(Options),
    #{
        id => maps:get(name, Spec, hd(Argv)),
        start => {?MODULE, start_link, [Options]},
        shutdown => Grace + ?MARGIN,
        modules => [?MODULE]
    }.

%% @doc Starts a program, and returns when it has been executed or is ready.
%%
%% Options, beside those of {@link alcove_run:run/2} that say what the program gets (`env',
%% `clear_env', `cd', `user', `umask', `limits', `sandbox', `stderr'):
%%
%% <dl>
%% <dt>`argv'</dt><dd>the program and its arguments</dd>
%% <dt>`stdin'</dt>
%%   <dd>its whole input, or `{file, Path}'. By default it is written with {@link write/3}</dd>
%% <dt>`name'</dt><dd>`{local, Name}', `{global, Name}' or `{via, Module, Name}' of the process</dd>
%% <dt>`output'</dt>
%%   <dd>`{logger, Level}' writes it to the log, at level `info' by default, with the metadata
%%   `program', `os_pid', `stream' and `domain' (`[alcove, program]'). A function is called with the
%%   stream and a binary; the program waits when the function is slow. `{send, Pid}' sends
%%   `{alcove_program, Program, {stdout | stderr, Binary}}', and `{ended, Status}' in the end.
%%   With `passive' it is read with {@link read/2}</dd>
%% <dt>`lines'</dt><dd>whole lines without their end: `true' by default for the log</dd>
%% <dt>`window'</dt>
%%   <dd>how many bytes of output may be on the way or unread before the program waits, 1 MiB by
%%   default</dd>
%% <dt>`ready'</dt>
%%   <dd>`{output, Regex}' waits until output matches, a function until it returns `true'</dd>
%% <dt>`ready_timeout'</dt><dd>how long it may take, 60000 by default</dd>
%% <dt>`signal', `grace'</dt>
%%   <dd>what asks the program to end, `sigterm' by default, and how many milliseconds it has then, 5000
%%   by default</dd>
%% <dt>`exit_reason'</dt>
%%   <dd>a function from the status to the reason of the exit. By default it is `normal' for
%%   `{exit, 0}', else `{shutdown, Status}'</dd>
%% <dt>`metadata'</dt><dd>more of it for the log and for telemetry</dd>
%% <dt>`exec'</dt><dd>what starts the port, such as `"sudo -n"'</dd>
%% <dt>`node'</dt>
%%   <dd>the node on which the process and the program are started, linked to the caller. It needs the
%%   same version of this library there, and functions among the options are called there. The
%%   program ends when the connection is lost</dd>
%% </dl>
%%
%% Raises `{badarg, Key}' for an unknown option or a wrong value. Errors are those of
%% {@link alcove_run:run/2}, `{ready, timeout}', and `{ended, Status}' for a program that has
%% ended before it was ready; then nothing is left. `{ready, {Reason, Stack}}' and
%% `{output, {Reason, Stack}}' are exceptions of the functions. A function for output that raises one
%% later ends the process, in order. Those of `node' are `{node, noconnection}' and `{node, undef}',
%% as of {@link alcove_drv:start/2}.
%%
%% ```
%% {ok, Program} = alcove_program:start_link(#{argv => ["cat"], output => passive}),
%% ok = alcove_program:write(Program, "hello"),
%% {ok, stdout, <<"hello">>} = alcove_program:read(Program).
%% '''
-spec start_link(options()) -> {ok, pid()} | {error, term()}.
start_link(Options) ->
    case spec(Options) of
        #{node := Node} ->
            There = maps:remove(node, Options),
            alcove_node:start(Node, ?MODULE, start_for, [There, self()]);
        Spec -> launch(Spec, self())
    end.

%% @private
%% For a process of another node, to which the program links itself. The options are taken as they were
%% given: a compiled pattern and the default functions are of use on one node only.
-spec start_for(options(), Parent :: pid()) -> {ok, pid()} | {error, term()}.
start_for(Options, Parent) ->
    launch(spec(Options), Parent).

launch(#{name := Name} = Spec, Parent) -> launched(gen_statem:start_link(Name, ?MODULE, {Spec, Parent}, []));
launch(Spec, Parent) -> launched(gen_statem:start_link(?MODULE, {Spec, Parent}, [])).

launched({error, {shutdown, Reason}}) -> {error, Reason};
launched(Started) -> Started.

spec(Options) ->
    Defaults = #{
        stdin => pipe,
        output => {logger, info},
        window => ?WINDOW,
        ready_timeout => 60000,
        signal => sigterm,
        grace => 5000,
        exit_reason => fun exit_reason/1,
        metadata => #{}
    },
    Spec = alcove_spec:checked(Options, keys(), Defaults),
    _ = is_map_key(argv, Spec) orelse error({badarg, argv}),
    ok = alcove_spec:of_sandbox([user], Spec),
    maps:merge(
        #{lines => is_tuple(maps:get(output, Spec)) andalso element(1, maps:get(output, Spec)) =:= logger}, Spec
    ).

keys() ->
    [
        argv, stdin, name, output, lines, window, stderr, ready, ready_timeout, signal, grace, exit_reason, metadata,
        env, clear_env, cd, user, umask, limits, sandbox, exec, node
    ].

exit_reason({exit, 0}) -> normal;
exit_reason(Status) -> {shutdown, Status}.

%%
%% Input and output
%%

%% @equiv write(Program, Data, infinity)
-spec write(program(), iodata()) ->
    ok | {error, closed | timeout, Taken :: non_neg_integer()}.
write(Program, Data) ->
    write(Program, Data, infinity).

%% @doc Writes to the input of the program, and returns when its pipe has taken everything.
%%
%% Writes of several processes follow one another. In an error Taken is how many bytes were taken:
%% no more will be. `closed' is a program that has closed its input, or has ended.
%%
%% ```
%% ok = alcove_program:write(Program, ["a line", $\n], 5000).
%% '''
-spec write(program(), iodata(), timeout()) ->
    ok | {error, closed | timeout, Taken :: non_neg_integer()}.
write(Program, Data, Timeout) when ?IS_TIMEOUT(Timeout) ->
    call(Program, {write, iolist_to_binary(Data), Timeout}, {error, closed, 0}).

%% @equiv close(Program, stdin)
-spec close(program()) -> ok.
close(Program) ->
    close(Program, stdin).

%% @doc Ends the input of the program when all before was taken, or stops reading an output.
%%
%% ```
%% ok = alcove_program:close(Program).
%% '''
-spec close(program(), stdin | stream()) -> ok.
close(Program, Stream) when Stream =:= stdin; Stream =:= stdout; Stream =:= stderr ->
    call(Program, {close, Stream}, ok).

%% @equiv read(Program, infinity)
-spec read(program()) ->
    {ok, stream(), binary()} | eof | {error, not_passive | noproc | term()}.
read(Program) ->
    read(Program, infinity).

%% @doc Reads output of a program that was started with `passive', a piece or a line.
%%
%% `eof' comes when the program has ended and all was read, once: then its process ends, and the
%% error is `noproc'. Until then it stays, so that no output is lost. Other errors are what has
%% ended the program, such as `{driver, _}': then output is missing.
%%
%% ```
%% {ok, stdout, Bytes} = alcove_program:read(Program, 5000).
%% '''
-spec read(program(), timeout()) ->
    {ok, stream(), binary()} | eof | {error, timeout | not_passive | noproc | term()}.
read(Program, Timeout) when ?IS_TIMEOUT(Timeout) ->
    case call(Program, {read, Timeout}, {error, noproc}) of
        {eof, _Status} -> eof;
        Read -> Read
    end.

%% @doc Reads all output of a program that was started with `passive', and returns its status with
%% what a function has made of the pieces or lines.
%%
%% ```
%% {{exit, 0}, Size} =
%%     alcove_program:fold(fun(stdout, Bytes, Size) -> Size + byte_size(Bytes) end, 0, Program).
%% '''
-spec fold(fun((stream(), binary(), Acc) -> Acc), Acc, program()) ->
    {alcove_job:status(), Acc} | {error, not_passive | noproc | term()}.
fold(Fun, Acc, Program) when is_function(Fun, 3) ->
    case call(Program, {read, infinity}, {error, noproc}) of
        {ok, Stream, Item} -> fold(Fun, Fun(Stream, Item, Acc), Program);
        EndOrError -> folded(EndOrError, Acc)
    end.

folded({eof, Status}, Acc) -> {Status, Acc};
folded({error, _} = Error, _Acc) -> Error.

%%
%% End
%%

%% @doc Sends a signal to the program.
%%
%% ```
%% ok = alcove_program:signal(Nginx, sighup).
%% '''
-spec signal(program(), alcove:constant()) -> ok | {error, term()}.
signal(Program, Signal) ->
    call(Program, {signal, Signal}, {error, esrch}).

%% @doc Ends the program with all that it has started, and its process. A permanent child is
%% started again by its supervisor.
%%
%% ```
%% {ok, {signal, sigterm}} = alcove_program:stop(Program).
%% '''
%%
%% The error is `noproc' if there is no such process any more.
-spec stop(program()) -> {ok, alcove_sandbox_spec:status()} | {error, term()}.
stop(Program) ->
    call(Program, stop, {error, noproc}).

%% @doc Does what {@link stop/1} does, with another grace, in milliseconds. One that ends sooner than
%% that of a stop under way takes its place.
-spec stop(program(), Grace :: non_neg_integer()) -> {ok, alcove_sandbox_spec:status()} | {error, term()}.
stop(Program, Grace) when is_integer(Grace), Grace >= 0, Grace =< ?MAXTIMEOUT ->
    call(Program, {stop, Grace}, {error, noproc}).

%% @equiv await(Program, infinity)
-spec await(program()) -> {ok, alcove_sandbox_spec:status()} | {error, term()}.
await(Program) ->
    await(Program, infinity).

%% @doc Waits for the end of the program. The error is `noproc' if there is no such process any more.
%%
%% ```
%% {ok, {exit, 0}} = alcove_program:await(Program, 60000).
%% '''
-spec await(program(), timeout()) -> {ok, alcove_sandbox_spec:status()} | {error, term()}.
await(Program, Timeout) when ?IS_TIMEOUT(Timeout) ->
    try
        gen_statem:call(Program, await, {dirty_timeout, Timeout})
    catch
        exit:{timeout, _} -> {error, timeout};
        exit:{normal, _} -> {error, noproc};
        exit:{Reason, _} -> {error, Reason}
    end.

%%
%% Others
%%

%% @doc Facts about a program.
%%
%% ```
%% #{os_pid := Pid, state := running, stdout := Bytes} = alcove_program:info(Program).
%% '''
-spec info(program()) -> info().
info(Program) ->
    gen_statem:call(Program, info).

%% @doc Names a process with which the program ends, as after {@link stop/1}. With `{send, _}'
%% it gets the output from now on.
%%
%% ```
%% ok = alcove_program:controlling_process(Program, self()).
%% '''
-spec controlling_process(program(), pid()) -> ok.
controlling_process(Program, Pid) when is_pid(Pid) ->
    gen_statem:call(Program, {controlling_process, Pid}).

%% A process that has ended in order has done so before the call.
call(Program, Request, Gone) ->
    try
        gen_statem:call(Program, Request)
    catch
        exit:{Reason, {gen_statem, call, _}} when Reason =:= noproc; Reason =:= normal; Reason =:= shutdown -> Gone;
        exit:{{shutdown, _}, {gen_statem, call, _}} -> Gone
    end.

%%
%% gen_statem
%%

%% @private
callback_mode() -> handle_event_function.

%% @private
init({#{argv := [Program | _], grace := Grace} = Spec, Parent}) ->
    process_flag(trap_exit, true),
    % by its start already, unless it is on another node
    true = link(Parent),
    % for alcove_top
    put('$alcove_name', maps:get(name, Spec, Program)),
    case sandbox(Spec) of
        {ok, Sandbox, Options, Others} ->
            case alcove_job:driver(Options, Grace) of
                {ok, Drv} -> init(template(Drv, Sandbox), Drv, Others, Parent);
                {error, Reason} -> {stop, {shutdown, Reason}}
            end;
        {error, Reason} ->
            {stop, {shutdown, Reason}}
    end.

%% One that was prepared tells how to make another one.
sandbox(#{sandbox := Sandbox} = Spec) when is_pid(Sandbox) ->
    case alcove_pool:sandbox(Sandbox) of
        {ok, Checked, Options} -> {ok, Checked, Options, maps:remove(sandbox, Spec)};
        {error, _} = Error -> Error
    end;
sandbox(#{sandbox := Checked} = Spec) when is_map(Checked) ->
    {ok, Checked, exec(Spec), maps:remove(sandbox, Spec)};
sandbox(Spec) ->
    {ok, none, exec(Spec), Spec}.

exec(Spec) -> maps:to_list(maps:with([exec], Spec)).

template(_Drv, none) -> {ok, none};
template(Drv, Sandbox) -> alcove_sandbox_template:prepare(Drv, Sandbox).

init({ok, Template}, Drv, Spec, Parent) ->
    Started =
        case keeper(Drv, Template, Spec) of
            {ok, Keeper} -> alcove_job:start(Keeper, Spec, [], infinity);
            {error, _} = Error -> Error
        end,
    started(Started, Template, Drv, Spec, Parent);
init({error, _} = Error, Drv, Spec, Parent) ->
    started(Error, none, Drv, Spec, Parent).

keeper(Drv, none, #{grace := Grace, window := Window}) -> alcove_job:keeper(Drv, [], Grace, Window);
keeper(_Drv, Template, #{grace := Grace, window := Window}) -> alcove_sandbox_template:keeper(Template, Grace, Window).

started({ok, Job}, Template, Drv, Spec, Parent) ->
    Data = #data{
        job = Job,
        drv = Drv,
        driver = monitor(process, Drv),
        template = Template,
        spec = Spec,
        is_ready = not is_map_key(ready, Spec),
        began = erlang:monotonic_time()
    },
    event(start, #{system_time => erlang:system_time()}, #{}, Data),
    case await_ready(Data, Parent, deadline(maps:get(ready_timeout, Spec))) of
        {ok, Ready} ->
            {ok, running, Ready};
        {error, Reason, Last} ->
            _ = end_all(Last),
            ok = stopped(Reason, Last),
            {stop, {shutdown, Reason}}
    end;
started({error, Reason}, Template, Drv, _Spec, _Parent) ->
    _ = alcove_sandbox_template:close_driver(Drv, Template, Reason),
    {stop, {shutdown, Reason}}.

await_ready(#data{is_ready = true} = Data, _Parent, _Deadline) ->
    {ok, Data};
await_ready(Data, Parent, Deadline) ->
    case await_change(Data, Parent, deadline(min(?POLL, left(Deadline)))) of
        {ok, #data{is_ready = false} = Next} -> ask_ready(Next, Parent, Deadline);
        Other -> Other
    end.

%% Until it is ready, or a function is to be asked.
await_change(#data{drv = Drv, driver = Driver} = Data, Parent, Deadline) ->
    receive
        {_, Drv, _, _} = Message ->
            case heard(Message, Data) of
                {ok, #data{failed = none, is_ready = false} = Next} -> await_more(Next, Parent, Deadline);
                {ok, #data{failed = none} = Ready} -> {ok, Ready};
                {ok, #data{failed = Failed} = Next} -> {error, {output, Failed}, Next};
                {ended, Status, Last} -> {error, {ended, Status}, Last#data{status = Status}};
                {lost, Reason} -> {error, Reason, Data}
            end;
        {'DOWN', Driver, process, _, Reason} ->
            {error, {driver, Reason}, Data};
        {'EXIT', Parent, Reason} ->
            {error, Reason, Data};
        % its starter, see alcove_node
        {'EXIT', _, killed} ->
            {error, killed, Data}
    after left(Deadline) ->
        {ok, Data}
    end.

%% Output that comes without a pause puts off nothing.
await_more(Data, Parent, Deadline) ->
    case left(Deadline) of
        0 -> {ok, Data};
        _ -> await_change(Data, Parent, Deadline)
    end.

ask_ready(#data{spec = #{ready := Ready}} = Data, Parent, Deadline) ->
    case is_ready(Ready) of
        true ->
            {ok, Data#data{is_ready = true}};
        false ->
            case left(Deadline) of
                0 -> {error, {ready, timeout}, Data};
                _ -> await_ready(Data, Parent, Deadline)
            end;
        {failed, Failed} ->
            {error, {ready, Failed}, Data}
    end.

is_ready({output, _Regex}) ->
    false;
is_ready(Fun) ->
    try Fun() of
        IsReady when is_boolean(IsReady) -> IsReady;
        Other -> {failed, {{badreturn, Other}, []}}
    catch
        _:Reason:Stack -> {failed, {Reason, Stack}}
    end.

deadline(infinity) -> infinity;
deadline(Timeout) -> erlang:monotonic_time(millisecond) + Timeout.

left(infinity) -> infinity;
left(Deadline) -> max(0, Deadline - erlang:monotonic_time(millisecond)).

%% @private
handle_event(Type, Event, State, Data) ->
    try
        happened(Type, Event, State, Data)
    catch
        error:Reason:Stack -> alcove_report:crash(Reason, Stack)
    end.

happened(info, {_, Drv, _, _}, ended, #data{drv = Drv}) ->
    % the end of its keeper
    keep_state_and_data;
happened(info, {_, Drv, _, _} = Message, State, #data{drv = Drv} = Data) ->
    case heard(Message, Data) of
        {ok, #data{failed = none} = Next} -> {keep_state, Next};
        {ok, #data{failed = Failed} = Next} -> {stop, Failed, Next};
        {ended, Status, Next} -> ended(Status, State, Next);
        {lost, Reason} -> lost(Reason, Data)
    end;
happened(info, {'DOWN', Driver, process, _, Reason}, _State, #data{driver = Driver} = Data) ->
    case alcove_job:await_end(Data#data.job) of
        ok -> lost({driver, Reason}, Data);
        {error, Left} -> lost(Left, Data)
    end;
happened(info, {'DOWN', Ref, process, _, _}, State, #data{owner = {_, Ref}} = Data) ->
    ask(maps:get(grace, Data#data.spec), State, Data#data{owner = none});
happened(info, {'EXIT', _, noconnection}, _State, _Data) ->
    {stop, {shutdown, noconnection}};
happened(info, {'EXIT', _, Reason}, _State, _Data) when Reason =/= normal ->
    {stop, Reason};
happened(info, {write_timeout, Ref}, _State, #data{job = Job} = Data) ->
    {keep_state, written(alcove_job:forget(Ref, Job), Data)};
happened(info, {read_timeout, Ref}, _State, #data{readers = Readers} = Data) ->
    Late = [{reply, From, {error, timeout}} || {R, From} <- queue:to_list(Readers), R =:= Ref],
    {keep_state, Data#data{readers = queue:filter(fun({R, _}) -> R =/= Ref end, Readers)}, Late};
happened(info, _Message, _State, _Data) ->
    keep_state_and_data;
happened(state_timeout, kill, stopping, #data{job = Job} = Data) ->
    case alcove_job:ask(Job, sigkill) of
        {error, timeout} -> lost({keeper, timeout}, Data);
        _ -> {keep_state_and_data, [{state_timeout, ?KILLED, killed}]}
    end;
happened(state_timeout, killed, stopping, Data) ->
    lost({keeper, timeout}, Data);
happened({call, From}, Request, State, Data) ->
    request(Request, From, State, Data);
happened(_Type, _Event, _State, _Data) ->
    keep_state_and_data.

request({write, _, _}, From, ended, _Data) ->
    {keep_state_and_data, [{reply, From, {error, closed, 0}}]};
request({write, Bytes, Timeout}, From, _State, #data{writers = Writers, job = Job} = Data) ->
    Ref = make_ref(),
    ok = remind(Timeout, {write_timeout, Ref}),
    {keep_state, written(alcove_job:write(Ref, Bytes, Job), Data#data{writers = Writers#{Ref => From}})};
request({close, _}, From, ended, _Data) ->
    {keep_state_and_data, [{reply, From, ok}]};
request({close, stdin}, From, _State, #data{job = Job} = Data) ->
    {keep_state, Data#data{job = alcove_job:eof(Job)}, [{reply, From, ok}]};
request({close, Stream}, From, _State, #data{job = Job}) ->
    ok = alcove_job:close(Stream, Job),
    {keep_state_and_data, [{reply, From, ok}]};
request({read, _}, From, _State, #data{spec = #{output := Output}}) when Output =/= passive ->
    {keep_state_and_data, [{reply, From, {error, not_passive}}]};
request({read, Timeout}, From, State, #data{readers = Readers} = Data) ->
    Ref = make_ref(),
    ok = remind(Timeout, {read_timeout, Ref}),
    serve(State, Data#data{readers = queue:in({Ref, From}, Readers)});
request({signal, _}, From, ended, _Data) ->
    {keep_state_and_data, [{reply, From, {error, esrch}}]};
request({signal, Signal}, From, _State, #data{job = Job}) ->
    {keep_state_and_data, [{reply, From, alcove_job:kill(Job, Signal)}]};
request(stop, From, State, #data{spec = #{grace := Grace}} = Data) ->
    request({stop, Grace}, From, State, Data);
request({stop, _}, From, ended, #data{status = Status}) ->
    {stop_and_reply, normal, [{reply, From, {ok, Status}}]};
request({stop, Grace}, From, State, #data{waiting = Waiting} = Data) ->
    ask(Grace, State, Data#data{waiting = [From | Waiting]});
request(await, From, ended, #data{status = Status}) ->
    {keep_state_and_data, [{reply, From, {ok, Status}}]};
request(await, From, _State, #data{waiting = Waiting} = Data) ->
    {keep_state, Data#data{waiting = [From | Waiting]}};
request(info, From, State, Data) ->
    {keep_state_and_data, [{reply, From, info(State, Data)}]};
request({controlling_process, Pid}, From, _State, #data{owner = Owner, spec = #{output := Output} = Spec} = Data) ->
    ok = release(Owner),
    Next = Data#data{owner = {Pid, monitor(process, Pid)}, spec = Spec#{output := output_to(Pid, Output)}},
    {keep_state, Next, [{reply, From, ok}]};
request(_Request, From, _State, _Data) ->
    {keep_state_and_data, [{reply, From, {error, enotsup}}]}.

remind(infinity, _Message) ->
    ok;
remind(Timeout, Message) ->
    _ = erlang:send_after(Timeout, self(), Message),
    ok.

release(none) ->
    ok;
release({_, Ref}) ->
    true = demonitor(Ref, [flush]),
    ok.

output_to(Pid, {send, _}) -> {send, Pid};
output_to(_Pid, Output) -> Output.

info(State, #data{job = Job, spec = #{argv := Argv}, sizes = Sizes, writers = Writers} = Data) ->
    Sizes#{
        argv => Argv,
        os_pid => alcove_job:pid(Job),
        state => State,
        unread => unread(Data),
        writes => map_size(Writers)
    }.

unread(#data{unread = Unread}) ->
    lists:sum([byte_size(Bytes) || {_, Bytes} <- queue:to_list(Unread)]).

%% @private
terminate(_Reason, _State, #data{status = none} = Data) ->
    Ended = end_all(Data),
    ok = stopped(ended_as(Ended), Data),
    lists:foreach(fun(From) -> gen_statem:reply(From, Ended) end, Data#data.waiting),
    _ = no_more_writes(Data),
    answer_late(Ended);
terminate(_Reason, _State, #data{status = {lost, Reason}}) ->
    answer_late({error, Reason});
terminate(_Reason, _State, #data{status = Status}) ->
    answer_late({ok, Status}).

%% Who has asked for the end while it came. Reports show no other messages.
answer_late(Ended) ->
    receive
        {'$gen_call', From, Request} when Request =:= await; Request =:= stop; element(1, Request) =:= stop ->
            gen_statem:reply(From, Ended),
            answer_late(Ended);
        _ ->
            answer_late(Ended)
    after 0 -> ok
    end.

ended_as({ok, Status}) -> Status;
ended_as({error, Reason}) -> Reason.

%% @private
%% What reports show: no environment, input or output, which may be secret.
-if(?OTP_RELEASE >= 25).
-spec format_status(gen_statem:format_status()) -> gen_statem:format_status().
format_status(Status) ->
    maps:map(fun shown/2, Status).
-else.
-spec format_status(normal | terminate, [term()]) -> term().
format_status(normal, [_Dictionary, State, Data]) ->
    [{data, [{"State", {State, shown(data, Data)}}]}];
format_status(terminate, [_Dictionary, State, Data]) ->
    {State, shown(data, Data)}.
-endif.

shown(data, #data{spec = #{argv := [Program | _]}, job = Job, sizes = Sizes} = Data) ->
    Sizes#{program => Program, os_pid => alcove_job:pid(Job), unread => unread(Data)};
shown(Events, _) when Events =:= queue; Events =:= postponed; Events =:= log ->
    [];
shown(_Key, Value) ->
    Value.

%%
%% What the program does
%%

heard(Message, #data{job = Job} = Data) ->
    case alcove_job:news(Message, Job) of
        {output, Stream, Bytes} -> {ok, deliver(Stream, Bytes, Data)};
        {written, _, _} = Written -> {ok, written(Written, Data)};
        {used, Used} -> {ok, Data#data{used = Used}};
        {ended, Status, Last} -> {ended, alcove_job:verdict(Last, Status, Data#data.used), Data#data{job = Last}};
        {lost, Reason} -> {lost, {keeper, Reason}};
        _ -> {ok, Data}
    end.

written({written, Done, Job}, #data{writers = Writers} = Data) ->
    Left = lists:foldl(
        fun({Ref, Result, Taken}, Waiting) ->
            case maps:take(Ref, Waiting) of
                {From, Others} ->
                    gen_statem:reply(From, result(Result, Taken)),
                    Others;
                error ->
                    Waiting
            end
        end,
        Writers,
        Done
    ),
    Data#data{job = Job, writers = Left}.

result(ok, _Taken) -> ok;
result({error, Reason}, Taken) -> {error, Reason, Taken}.

deliver(Stream, Bytes, #data{sizes = Sizes} = Data0) ->
    Size = byte_size(Bytes),
    event(output, #{bytes => Size}, #{stream => Stream}, Data0),
    Data = matched(Bytes, Data0#data{sizes = Sizes#{Stream := maps:get(Stream, Sizes) + Size}}),
    pass(Stream, Bytes, Data).

%% Whether it is ready by what it says.
matched(Bytes, #data{is_ready = false, spec = #{ready := {output, Regex}}, seen = Seen} = Data) ->
    Text = <<Seen/binary, Bytes/binary>>,
    case re:run(Text, Regex, [{capture, none}]) of
        match ->
            Data#data{is_ready = true, seen = <<>>};
        nomatch ->
            Kept = min(?LONGEST, byte_size(Text)),
            Data#data{seen = binary:copy(binary:part(Text, byte_size(Text), -Kept))}
    end;
matched(_Bytes, Data) ->
    Data.

%% Output that is read later is cut into lines and credited then.
pass(Stream, Bytes, #data{unread = Unread, spec = #{output := passive}} = Data) ->
    serve_all(Data#data{unread = add_piece(Stream, Bytes, Unread)});
pass(Stream, Bytes, #data{rest = Rest, spec = #{lines := true}} = Data) ->
    {Lines, Left} = lines(maps:get(Stream, Rest), Bytes),
    credit(byte_size(Bytes), emit(Stream, Lines, Data#data{rest = Rest#{Stream := Left}}));
pass(Stream, Bytes, Data) ->
    credit(byte_size(Bytes), emit(Stream, [Bytes], Data)).

%% Lines, and the beginning of the next one.
lines(Begun, Bytes) ->
    case binary:split(Bytes, <<"\n">>, [global]) of
        [Piece] when byte_size(Begun) + byte_size(Piece) > ?LONGEST -> {[<<Begun/binary, Piece/binary>>], <<>>};
        [Piece] -> {[], <<Begun/binary, Piece/binary>>};
        [First | Others] -> {[<<Begun/binary, First/binary>> | lists:droplast(Others)], binary:copy(lists:last(Others))}
    end.

%% A small piece costs more than its bytes.
add_piece(Stream, Bytes, Unread) ->
    case queue:peek_r(Unread) of
        {value, {Stream, Last}} when byte_size(Last) < ?SMALL ->
            queue:in({Stream, <<Last/binary, Bytes/binary>>}, queue:drop_r(Unread));
        _ ->
            queue:in({Stream, Bytes}, Unread)
    end.

credit(0, Data) -> Data;
credit(Size, #data{status = none, job = Job} = Data) -> Data#data{job = alcove_job:read(Size, Job)};
credit(_Size, Data) -> Data.

emit(
    Stream, Items, #data{job = Job, spec = #{output := {logger, Level}, argv := [Program | _], metadata := More}} = Data
) ->
    Metadata = More#{program => Program, os_pid => alcove_job:pid(Job), stream => Stream, domain => [alcove, program]},
    lists:foreach(fun(Item) -> logger:log(Level, text(Item), Metadata) end, Items),
    Data;
emit(Stream, Items, #data{spec = #{output := {send, Pid}}} = Data) ->
    lists:foreach(fun(Item) -> Pid ! {alcove_program, self(), {Stream, Item}} end, Items),
    Data;
emit(Stream, Items, #data{failed = none, spec = #{output := Fun}} = Data) ->
    try
        lists:foreach(fun(Item) -> Fun(Stream, Item) end, Items),
        Data
    catch
        _:Reason:Stack -> Data#data{failed = {Reason, alcove_report:without_arguments(Stack)}}
    end;
emit(_Stream, _Items, Data) ->
    Data.

%% A log takes characters; what is not UTF-8 is taken for Latin-1.
text(Bytes) ->
    case unicode:characters_to_list(Bytes) of
        Text when is_list(Text) -> Text;
        _ -> binary_to_list(Bytes)
    end.

%% Readers get what there is.
serve_all(#data{readers = Readers} = Data) ->
    case queue:out(Readers) of
        {{value, {_, From}}, Waiting} ->
            case next(Data) of
                {{Stream, Item}, Next} ->
                    gen_statem:reply(From, {ok, Stream, Item}),
                    serve_all(Next#data{readers = Waiting});
                {none, Next} ->
                    Next
            end;
        {empty, _} ->
            Data
    end.

next(#data{unread = Unread, spec = #{lines := Lines}} = Data) ->
    case queue:out(Unread) of
        {{value, {Stream, Bytes}}, Left} when Lines -> next_line(Stream, Bytes, Data#data{unread = Left});
        {{value, {_, Bytes} = Item}, Left} -> {Item, credit(byte_size(Bytes), Data#data{unread = Left})};
        {empty, _} -> last_word(Data)
    end.

next_line(Stream, Bytes, #data{rest = Rest} = Data) ->
    Begun = maps:get(Stream, Rest),
    case binary:split(Bytes, <<"\n">>) of
        [End, More] ->
            Read = Data#data{rest = Rest#{Stream := <<>>}, unread = again(Stream, More, Data#data.unread)},
            {{Stream, <<Begun/binary, End/binary>>}, credit(byte_size(End) + 1, Read)};
        [Bytes] when byte_size(Begun) + byte_size(Bytes) > ?LONGEST ->
            Read = Data#data{rest = Rest#{Stream := <<>>}},
            {{Stream, <<Begun/binary, Bytes/binary>>}, credit(byte_size(Bytes), Read)};
        [Bytes] ->
            next(credit(byte_size(Bytes), Data#data{rest = Rest#{Stream := <<Begun/binary, Bytes/binary>>}}))
    end.

again(_Stream, <<>>, Unread) -> Unread;
again(Stream, Bytes, Unread) -> queue:in_r({Stream, Bytes}, Unread).

%% A line without an end.
last_word(#data{status = none} = Data) ->
    {none, Data};
last_word(#data{rest = Rest} = Data) ->
    case [Word || {_, <<_, _/binary>>} = Word <- maps:to_list(Rest)] of
        [{Stream, _} = Word | _] -> {Word, Data#data{rest = Rest#{Stream := <<>>}}};
        [] -> {none, Data}
    end.

serve(ended, Data0) ->
    #data{readers = Readers} = Data = serve_all(Data0),
    case queue:to_list(Readers) of
        [] -> {keep_state, Data};
        Waiting -> {stop_and_reply, reason(Data), ends(Waiting, Data)}
    end;
serve(_State, Data) ->
    {keep_state, serve_all(Data)}.

ends(Readers, #data{status = Status}) ->
    [{reply, From, {eof, Status}} || {_, From} <- Readers].

reason(#data{failed = none, status = Status, spec = #{exit_reason := Fun}}) ->
    try
        Fun(Status)
    catch
        _:Reason:Stack -> {Reason, Stack}
    end;
reason(#data{failed = Failed}) ->
    Failed.

%%
%% End
%%

ask(_Grace, ended, #data{status = Status, waiting = Waiting}) ->
    {stop_and_reply, normal, [{reply, From, {ok, Status}} || From <- Waiting]};
ask(Grace, running, #data{job = Job, spec = #{signal := Signal}} = Data) ->
    case alcove_job:ask(Job, Signal) of
        % nor will it do anything else
        {error, timeout} -> lost({keeper, timeout}, Data);
        _ -> {next_state, stopping, Data#data{kill_at = deadline(Grace)}, [{state_timeout, Grace, kill}]}
    end;
ask(Grace, stopping, #data{kill_at = KillAt} = Data) ->
    case deadline(Grace) of
        Sooner when Sooner < KillAt -> {keep_state, Data#data{kill_at = Sooner}, [{state_timeout, Grace, kill}]};
        _ -> {keep_state, Data}
    end.

ended(Status, State, #data{job = Job, driver = Driver, spec = #{grace := Grace}} = Data) ->
    case alcove_job:finish(Job, Grace) of
        ok ->
            Last = last_words((rest(Data))#data{status = Status}),
            true = demonitor(Driver, [flush]),
            told(Status, State, close_driver(Last, none), Last);
        {error, Reason} ->
            lost(Reason, Data)
    end.

%% Who is told finds nothing left, not even the port.
told(Status, State, ok, #data{spec = #{output := Output}} = Data0) ->
    ok = stopped(Status, Data0),
    Data = no_more_writes(Data0),
    lists:foreach(fun(From) -> gen_statem:reply(From, {ok, Status}) end, Data#data.waiting),
    ok = tell(Output, Status),
    leave(State, Data#data{waiting = []});
told(_Status, _State, {error, Reason}, Data) ->
    lost(Reason, Data).

tell({send, To}, Status) ->
    To ! {alcove_program, self(), {ended, Status}},
    ok;
tell(_Output, _Status) ->
    ok.

no_more_writes(#data{job = Job} = Data) ->
    written(alcove_job:close_input(Job), Data).

leave(stopping, #data{readers = Readers} = Data) ->
    {stop_and_reply, normal, ends(queue:to_list(Readers), Data), Data};
leave(running, #data{spec = #{output := passive}} = Data) ->
    case serve(ended, Data) of
        {keep_state, Next} -> {next_state, ended, Next};
        Stop -> erlang:append_element(Stop, Data)
    end;
leave(running, Data) ->
    {stop, reason(Data), Data}.

%% What has come while that was waited for which the program has left.
rest(#data{drv = Drv} = Data) ->
    receive
        {_, Drv, _, _} = Message ->
            case heard(Message, Data) of
                {ok, Next} -> rest(Next);
                _ -> rest(Data)
            end
    after 0 -> Data
    end.

last_words(#data{spec = #{output := passive}} = Data) ->
    Data;
last_words(Data) ->
    case last_word(Data) of
        {{Stream, Word}, Next} -> last_words(emit(Stream, [Word], Next));
        {none, _} -> Data
    end.

%% Part of the library is gone; what is left of the program ends with the rest.
lost(Cause, #data{waiting = Waiting, readers = Readers} = Data0) ->
    Data = no_more_writes(Data0),
    Reason =
        case close_driver(Data, Cause) of
            ok -> Cause;
            {error, Left} -> Left
        end,
    ok = stopped(Reason, Data),
    Replies = [{reply, From, {error, Reason}} || From <- Waiting ++ [From || {_, From} <- queue:to_list(Readers)]],
    {stop_and_reply, {shutdown, Reason}, Replies, Data#data{status = {lost, Reason}}}.

%% In order, where nobody else can wait.
end_all(Data) ->
    Finished = finished(end_program(Data)),
    case close_driver(Data, element(2, Finished)) of
        ok -> Finished;
        Left -> Left
    end.

%% How it has ended, its last state, and the time that is left to what it has left.
end_program(#data{status = none, kill_at = KillAt, spec = #{signal := Signal, grace := Grace}} = Data) ->
    % an integer is less than infinity
    case ask_and_wait(Signal, min(KillAt, deadline(Grace)), Data) of
        {timeout, Later} -> ask_and_wait(sigkill, deadline(?KILLED), Later);
        Before -> Before
    end;
end_program(#data{status = Status, job = Job, spec = #{grace := Grace}}) ->
    {ended, Status, Job, Grace}.

ask_and_wait(Signal, Deadline, #data{job = Job} = Data) ->
    case alcove_job:ask(Job, Signal) of
        {error, timeout} -> {error, {keeper, timeout}};
        _ -> await_end(Data, Deadline)
    end.

finished({ended, Status, Job, Grace}) ->
    case alcove_job:finish(Job, Grace) of
        ok -> {ok, Status};
        Error -> Error
    end;
finished({timeout, _Data}) ->
    % who ends the driver finds out what lives
    {error, {keeper, timeout}};
finished({error, _} = Error) ->
    Error.

await_end(#data{drv = Drv, driver = Driver} = Data, Deadline) ->
    receive
        {_, Drv, _, _} = Message ->
            case heard(Message, Data) of
                {ok, Next} -> end_in_time(Next, Deadline);
                {ended, Status, #data{job = Job}} -> {ended, Status, Job, 0};
                {lost, Reason} -> {error, Reason}
            end;
        {'DOWN', Driver, process, _, Reason} ->
            {error, {driver, Reason}}
    after left(Deadline) -> {timeout, Data}
    end.

end_in_time(Data, Deadline) ->
    case left(Deadline) of
        0 -> {timeout, Data};
        _ -> await_end(Data, Deadline)
    end.

close_driver(#data{drv = Drv, template = Template}, Failure) ->
    alcove_sandbox_template:close_driver(Drv, Template, Failure).

%%
%% Telemetry
%%

stopped(Status, #data{began = Began} = Data) ->
    event(stop, #{duration => erlang:monotonic_time() - Began}, #{status => Status}, Data).

event(Name, Measurements, More, #data{job = Job, spec = #{argv := [Program | _], metadata := Metadata}}) ->
    alcove_telemetry:event([alcove, program, Name], Measurements, maps:merge(Metadata, More#{
        program => Program, os_pid => alcove_job:pid(Job)
    })).
