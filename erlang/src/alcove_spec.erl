%% SPDX-License-Identifier: ISC

%% @doc Options of {@link alcove_run} and {@link alcove_program}: all is checked before anything
%% is done.
%% @hidden
-module(alcove_spec).

-include("alcove.hrl").
-include("alcove_atoms.hrl").

-export([
    argv/1,
    checked/3,
    of_sandbox/2
]).

-export_type([limits/0, user/0, environment/0, text/0]).

-type text() :: unicode:chardata() | binary().
%% A binary is taken as it is, other text is encoded as module file does.

-type environment() :: [{Name :: text(), Value :: text() | false}].
%% Variables that are added, or taken away with `false'.

-type user() ::
    Name ::
    text()
    | alcove:uid_t()
    | {alcove:uid_t(), alcove:gid_t()}
    | {alcove:uid_t(), alcove:gid_t(), [alcove:gid_t()]}.
%% A user of /etc/passwd with his groups, or the numbers themselves.

-type limits() :: #{
    Resource :: atom() => limit() | {Soft :: limit(), Hard :: limit()}
}.
%% Limits of setrlimit(2) by their names in small letters: `nofile', `as', `cpu'.

-type limit() :: non_neg_integer() | infinity.

%% The longest timeout of a receive, and the largest window.
-define(MAXTIMEOUT, 16#ffffffff).
-define(MAXWINDOW, 16#7fffffff).
-define(MAXSIGNAL, 127).
-define(RLIM_INFINITY, 16#ffffffffffffffff).

-define(RESOURCES, #{
    as => rlimit_as,
    core => rlimit_core,
    cpu => rlimit_cpu,
    data => rlimit_data,
    fsize => rlimit_fsize,
    locks => rlimit_locks,
    memlock => rlimit_memlock,
    msgqueue => rlimit_msgqueue,
    nice => rlimit_nice,
    nofile => rlimit_nofile,
    nproc => rlimit_nproc,
    rss => rlimit_rss,
    rtprio => rlimit_rtprio,
    rttime => rlimit_rttime,
    sigpending => rlimit_sigpending,
    stack => rlimit_stack
}).

%% @doc Returns a program and its arguments as bytes.
-spec argv(term()) -> [binary(), ...].
argv(Argv) ->
    value(argv, Argv).

%% @doc Returns the options with their defaults; raises `{badarg, Key}' for one that is not among the
%% keys or has a wrong value.
-spec checked(term(), Keys :: [atom()], Defaults :: map()) -> map().
checked(Options, Keys, Defaults) when is_map(Options) ->
    maps:fold(
        fun(Key, Value, Checked) ->
            _ = lists:member(Key, Keys) orelse error({badarg, Key}),
            Checked#{Key => value(Key, Value)}
        end,
        Defaults,
        Options
    );
checked(_Options, _Keys, _Defaults) ->
    error({badarg, options}).

%% @doc Raises `{badarg, Key}' for options that do not go with a sandbox, which has its own.
-spec of_sandbox(Keys :: [atom()], map()) -> ok.
of_sandbox(Keys, #{sandbox := Sandbox} = Spec) when not is_list(Sandbox) ->
    lists:foreach(fun(Key) -> not is_map_key(Key, Spec) orelse error({badarg, Key}) end, Keys);
of_sandbox(_Keys, _Spec) ->
    ok.

value(Key, Value) ->
    try
        check(Key, Value)
    catch
        error:{badarg, Inner} when Key =:= sandbox -> error({badarg, Inner});
        error:_ -> error({badarg, Key})
    end.

check(argv, [Program | Args]) ->
    [name(Program) | [text(Arg) || Arg <- Args]];
check(env, Env) ->
    [variable(Variable) || Variable <- Env];
check(cd, Dir) ->
    name(filename:flatten(Dir));
check(clear_env, Clear) when is_boolean(Clear) -> Clear;
check(lines, Lines) when is_boolean(Lines) -> Lines;
check(stdin, {file, Path}) -> {file, name(filename:flatten(Path))};
check(stdin, Data) -> iolist_to_binary(Data);
check(stderr, To) when To =:= separate; To =:= merge; To =:= discard -> To;
check(output_limit, infinity) -> infinity;
check(output_limit, Bytes) when is_integer(Bytes), Bytes >= 0 -> Bytes;
check(window, Bytes) when is_integer(Bytes), Bytes > 0, Bytes =< ?MAXWINDOW -> Bytes;
check(umask, Mask) when is_integer(Mask), Mask >= 0, Mask =< 8#777 -> Mask;
check(grace, Time) when is_integer(Time), Time >= 0, Time =< ?MAXWINDOW -> Time;
check(limits, Limits) when is_map(Limits) ->
    [{maps:get(Name, ?RESOURCES), limit(Limit)} || {Name, Limit} <- maps:to_list(Limits)];
check(sandbox, Spec) when is_map(Spec) -> alcove_sandbox_spec:checked(Spec);
check(sandbox, Sandbox) when is_pid(Sandbox) -> Sandbox;
check(sandbox, Calls) ->
    true = lists:all(
        fun({Name, Args}) -> is_list(Args) andalso is_integer(alcove_proto:call(Name)) end, Calls
    ),
    Calls;
check(user, User) ->
    user(User);
check(driver, Drv) when is_pid(Drv) -> Drv;
check(node, Node) when is_atom(Node) -> Node;
check(pool, Pool) when is_pid(Pool); is_atom(Pool) -> Pool;
check(pool, {global, _} = Pool) -> Pool;
check(pool, {via, Module, _} = Pool) when is_atom(Module) -> Pool;
check(pool, {Name, Node} = Pool) when is_atom(Name), is_atom(Node) -> Pool;
check(name, {local, Name} = Local) when is_atom(Name), Name =/= undefined -> Local;
check(name, {global, _} = Global) -> Global;
check(name, {via, Module, _} = Via) when is_atom(Module) -> Via;
check(output, passive) -> passive;
check(output, {logger, Level} = Output) ->
    true = lists:member(Level, [emergency, alert, critical, error, warning, notice, info, debug]),
    Output;
check(output, {send, Pid} = Output) when is_pid(Pid) -> Output;
check(output, Fun) when is_function(Fun, 2) -> Fun;
check(ready, {output, Regex}) ->
    {ok, Compiled} = re:compile(Regex),
    {output, Compiled};
check(ready, Fun) when is_function(Fun, 0) -> Fun;
check(signal, Signal) when is_integer(Signal), Signal > 0, Signal =< ?MAXSIGNAL -> Signal;
check(signal, Signal) ->
    true = lists:member(Signal, ?SIGNAL_ATOMS),
    Signal;
check(exit_reason, Fun) when is_function(Fun, 1) -> Fun;
check(metadata, Metadata) when is_map(Metadata) -> Metadata;
check(exec, Exec) ->
    Text = unicode:characters_to_list(Exec),
    true = is_list(Text),
    Text;
check(size, infinity) -> infinity;
check(size, Size) when is_integer(Size), Size > 0 -> Size;
check(Timeout, infinity) when Timeout =:= timeout; Timeout =:= ready_timeout -> infinity;
check(Timeout, Time) when
    Timeout =:= timeout orelse Timeout =:= ready_timeout,
    is_integer(Time),
    Time >= 0,
    Time =< ?MAXTIMEOUT
->
    Time.

variable({Name, Value}) ->
    Bytes = name(Name),
    nomatch = binary:match(Bytes, <<"=">>),
    case Value of
        false -> {Bytes, false};
        _ -> {Bytes, text(Value)}
    end.

name(Text) ->
    Bytes = text(Text),
    true = Bytes =/= <<>>,
    Bytes.

%% The kernel takes only what is before a zero byte.
text(Text) ->
    Bytes = bytes(Text),
    nomatch = binary:match(Bytes, <<0>>),
    Bytes.

bytes(Text) when is_binary(Text) ->
    Text;
bytes(Text) when is_list(Text) ->
    Bytes = unicode:characters_to_binary(Text, unicode, file:native_name_encoding()),
    true = is_binary(Bytes),
    Bytes.

limit({Soft, Hard}) -> #alcove_rlimit{cur = amount(Soft), max = amount(Hard)};
limit(Limit) -> limit({Limit, Limit}).

amount(infinity) -> ?RLIM_INFINITY;
amount(Amount) when is_integer(Amount), Amount >= 0, Amount =< ?RLIM_INFINITY -> Amount.

user(Uid) when is_integer(Uid) -> id(Uid);
user({Uid, Gid}) -> user({Uid, Gid, []});
user({Uid, Gid, Groups}) -> {id(Uid), id(Gid), [id(Group) || Group <- Groups]};
user(Name) -> name(Name).

id(Id) when is_integer(Id), Id >= 0, Id < 16#ffffffff -> Id.
