%% SPDX-License-Identifier: ISC

%% @doc What a sandbox is to be: checked, with its defaults, before anything is done.
%% @hidden
-module(alcove_sandbox_spec).

-export([
    checked/1,
    is_required/2,
    is_writable/1,
    system/0
]).

-export_type([
    spec/0,
    checked/0,
    view/0,
    flag/0,
    limits/0,
    feature/0,
    limit_name/0,
    step/0,
    status/0
]).

-type spec() :: #{
    root => host | {directory, file:name_all()} | {view, [view()]},
    tmp => none | pos_integer(),
    proc => boolean(),
    dev => none | minimal | pts,
    network => host | none | loopback,
    hostname => file:name_all(),
    user => keep | nobody | unique | {alcove:uid_t(), alcove:gid_t()},
    privileges => auto | root | user_namespace,
    capabilities => none | [alcove_cap:capability()],
    no_new_privs => true,
    seccomp => none | default | {deny, [atom()]} | {allow, [atom()]},
    limits => limits(),
    require => all | [feature()] | {except, [feature()]}
}.
%% See {@link alcove_sandbox:prepare/2}.

-type view() ::
    {From :: file:name_all(), To :: file:name_all(), [flag()]}
    | {link, Text :: file:name_all(), To :: file:name_all()}.
%% A file or a tree of the machine and where the program finds it, or a symbolic link.

-type flag() :: ro | rw | dev | noexec.

-type limits() :: #{
    memory => pos_integer(),
    swap => non_neg_integer(),
    processes => pos_integer(),
    cpu_time => pos_integer(),
    cpu_quota => number(),
    open_files => pos_integer(),
    file_size => non_neg_integer(),
    stack => pos_integer()
}.
%% Bytes, except for `cpu_time' in seconds and `cpu_quota' in processors.

-type limit_name() :: memory | swap | processes | cpu_time | cpu_quota | open_files | file_size | stack.

-type feature() :: memory | swap | processes | cpu_quota | seccomp | network | keyring.
%% What a machine may be without.

-type step() ::
    privileges
    | root
    | view
    | tmp
    | proc
    | dev
    | capabilities
    | no_new_privs
    | descriptors
    | dumpable
    | namespaces
    | hostname
    | cgroup
    | limit_name()
    | feature().
%% What can fail, beside the parts of the library.

-type status() :: alcove_job:status() | out_of_memory | cpu_time.

-type checked() :: #{atom() => term()}.
%% All keys, paths as binaries.

-define(DEFAULTS, #{
    root => {view, system},
    tmp => 64 bsl 20,
    proc => true,
    dev => minimal,
    network => none,
    hostname => <<"sandbox">>,
    user => default,
    privileges => auto,
    capabilities => [],
    no_new_privs => true,
    seccomp => default,
    limits => #{},
    require => all
}).

%% Numbers above are no ids.
-define(LARGEST, 16#fffffffe).
-define(HOSTNAME, 64).

%% @doc Returns the specification with its defaults; raises `{badarg, Key}' for an unknown key or a wrong
%% value.
-spec checked(spec()) -> checked().
checked(Spec) when is_map(Spec) ->
    maps:fold(
        fun(Key, Value, Checked) ->
            is_map_key(Key, ?DEFAULTS) orelse error({badarg, Key}),
            Checked#{Key => value(Key, Value)}
        end,
        maps:put(root, {view, views(system())}, ?DEFAULTS),
        Spec
    );
checked(_Spec) ->
    error({badarg, sandbox}).

value(Key, Value) ->
    try
        check(Key, Value)
    catch
        error:_ -> error({badarg, Key})
    end.

check(root, host) -> {directory, <<"/">>};
check(root, {directory, Dir}) -> {directory, absolute(Dir)};
check(root, {view, Views}) -> {view, views(Views)};
check(tmp, none) -> none;
check(tmp, Bytes) when is_integer(Bytes), Bytes > 0 -> Bytes;
check(proc, Proc) when is_boolean(Proc) -> Proc;
check(dev, Dev) when Dev =:= none; Dev =:= minimal; Dev =:= pts -> Dev;
check(network, Network) when Network =:= host; Network =:= none; Network =:= loopback -> Network;
check(hostname, Name) -> hostname(path(Name));
check(user, User) when User =:= keep; User =:= nobody; User =:= unique -> User;
check(user, {Uid, Gid}) -> {id(Uid), id(Gid)};
check(privileges, Privileges) when Privileges =:= auto; Privileges =:= root; Privileges =:= user_namespace ->
    Privileges;
check(capabilities, none) -> [];
check(capabilities, Names) ->
    true = lists:all(fun(Name) -> lists:member(Name, alcove_cap:names()) end, Names),
    lists:usort(Names);
check(no_new_privs, true) -> true;
check(seccomp, Filter) -> alcove_sandbox_seccomp:checked(Filter);
check(limits, Limits) when is_map(Limits) ->
    true = is_map_key(memory, Limits) orelse not is_map_key(swap, Limits),
    maps:map(fun limit/2, Limits);
check(require, all) -> all;
check(require, {except, Features}) ->
    features() -- check(require, Features);
check(require, Features) ->
    true = lists:all(fun(Feature) -> lists:member(Feature, features()) end, Features),
    Features.

features() -> [memory, swap, processes, cpu_quota, seccomp, network, keyring].

%% @doc Reports whether it is an error if the machine lacks this.
-spec is_required(feature(), checked()) -> boolean().
is_required(_Feature, #{require := all}) -> true;
is_required(Feature, #{require := Features}) -> lists:member(Feature, Features).

%% @doc Reports whether a program can write to files of the machine.
-spec is_writable(checked()) -> boolean().
is_writable(#{root := {view, Views}}) -> lists:any(fun(View) -> is_bound_writable(View) end, Views);
is_writable(_Spec) -> false.

is_bound_writable({bind, _, _, Flags}) -> not lists:member(rdonly, Flags);
is_bound_writable(_Link) -> false.

hostname(Name) when byte_size(Name) =< ?HOSTNAME ->
    clean(Name).

id(Id) when is_integer(Id), Id >= 0, Id =< ?LARGEST -> Id.

limit(swap, Bytes) when is_integer(Bytes), Bytes >= 0 -> Bytes;
limit(file_size, Bytes) when is_integer(Bytes), Bytes >= 0 -> Bytes;
limit(cpu_quota, Processors) when is_number(Processors), Processors >= 0.01 -> Processors;
limit(Name, Number) when
    is_integer(Number) andalso Number > 0 andalso Number < 1 bsl 63 andalso
        (Name =:= memory orelse Name =:= processes orelse Name =:= cpu_time orelse Name =:= open_files orelse
            Name =:= stack)
->
    Number.

%%
%% Views
%%

%% Those above come first, and no two are at one place.
views(Views) ->
    Checked = lists:keysort(3, [view(View) || View <- Views]),
    Places = [To || {_, _, To, _} <- Checked],
    true = length(Places) =:= length(lists:usort(Places)),
    Checked.

view({link, Text, To}) ->
    {link, clean(path(Text)), below(To), []};
view({From, To, Flags}) ->
    true = lists:all(fun(Flag) -> lists:member(Flag, [ro, rw, dev, noexec]) end, Flags),
    false = lists:member(ro, Flags) andalso lists:member(rw, Flags),
    {bind, absolute(From), below(To), lists:append([
        [nosuid],
        [rdonly || not lists:member(rw, Flags)],
        [nodev || not lists:member(dev, Flags)],
        [noexec || lists:member(noexec, Flags)]
    ])}.

absolute(Path) ->
    <<"/", _/binary>> = Absolute = clean(path(Path)),
    Absolute.

%% Its pieces, of a place below the root.
below(Path) ->
    [_ | _] = Pieces = binary:split(absolute(Path), <<"/">>, [global, trim_all]),
    false = lists:member(<<".">>, Pieces) orelse lists:member(<<"..">>, Pieces),
    Pieces.

%% A binary is taken as it is, other text is encoded as module file does.
path(<<_, _/binary>> = Path) ->
    Path;
path(Path) when is_list(Path) ->
    <<_, _/binary>> = unicode:characters_to_binary(Path, unicode, file:native_name_encoding()).

clean(Bytes) ->
    nomatch = binary:match(Bytes, <<0>>),
    Bytes.

%% @doc Returns the programs and libraries of the machine, to read and execute: what is in `/usr', and where
%% programs look for it.
-spec system() -> [view()].
system() ->
    lists:append([of_system(Path) || Path <- ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]]) ++
        [
            {Path, Path, [ro]}
         || Path <- ["/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl/certs", "/etc/localtime"],
            filelib:is_dir(Path) orelse filelib:is_regular(Path)
        ].

of_system(Path) ->
    case file:read_link_all(Path) of
        {ok, Text} -> [{link, Text, Path}];
        {error, einval} -> [{Path, Path, [ro]}];
        {error, _} -> []
    end.
