%% SPDX-License-Identifier: ISC

%% @doc Control groups of Linux.
%%
%% A control group is a directory in one or more hierarchies, which are mounted separately. A
%% function names it by its path below the roots of the hierarchies, a list such as
%% `[<<"alcove">>, <<"web">>]'. It names the hierarchies by an option of their mounts, such
%% as `<<"memory">>'; `<<>>' stands for all of them.
%%
%% Where hierarchies of version 1 are mounted they are the ones that are used. Otherwise it is
%% the one tree of version 2, whose options are its controllers too; its files have other
%% names, but `tasks' stands for `cgroup.procs'. {@link alcove_cgroup2} has more for it, and
%% tells of errors that {@link create/3} does not return.
%%
%% Files are read and written by a process of the port: it may have rights that the VM does not
%% have, and see other mounts. The functions wait for it without limit and raise the errors of
%% {@link alcove}.
%%
%% ```
%% true = alcove_cgroup:supported(Drv, []),
%% ok = alcove_cgroup:create(Drv, [], [<<"sandbox">>]),
%% ok = alcove_cgroup:set(Drv, [], <<"pids">>, [<<"sandbox">>], <<"pids.max">>, <<"10">>),
%% {ok, Pid} = alcove:fork(Drv, []),
%% Text = integer_to_list(Pid),
%% ok = alcove_cgroup:set(Drv, [], <<"pids">>, [<<"sandbox">>], <<"tasks">>, Text).
%% '''
%%
%% <ul>
%% <li>what there is: {@link supported/2}, {@link version/2}, {@link cgroup/2},
%%   {@link mounts/2}</li>
%% <li>groups: {@link create/3}, {@link destroy/3}, {@link set/6}, {@link get/5},
%%   {@link fold/6}, {@link fold_files/7}</li>
%% <li>whose they are: {@link name/0}, {@link remove_stale/3}</li>
%% <li>their processes: {@link members/3}, {@link kill/4}</li>
%% <li>files and paths: {@link is_dir/3}, {@link is_file/3}, {@link join/2}, {@link relpath/1},
%%   {@link expand/1}</li>
%% </ul>
%%
%% See cgroups(7).
-module(alcove_cgroup).

-export([
    supported/2,
    version/2,
    mounts/1, mounts/2,
    cgroup/1, cgroup/2
]).
-export([
    create/2, create/3,
    destroy/2, destroy/3,
    set/6,
    get/5,
    fold/5, fold/6,
    fold_files/6, fold_files/7
]).
-export([
    name/0,
    remove_stale/3
]).
-export([
    members/3,
    kill/3, kill/4
]).
-export([
    is_dir/3,
    is_file/3,
    join/2,
    relpath/1,
    expand/1
]).

-export_type([
    namespace/0,
    hierarchy/0,
    mount/0
]).

-type namespace() :: alcove_group:path().
%% Path of a group below the root of a hierarchy.

-type hierarchy() :: alcove_group:hierarchy().
%% A mounted hierarchy.

-type mount() :: alcove_group:mount().
%% A line of /proc/mounts.

-define(GROUP, [<<"alcove">>]).

%% Begins the names that tell of a VM.
-define(PREFIX, "alcove-").

-define(KILL_TIMEOUT, 5000).

%%
%% What there is
%%

%% @doc True if the process sees control groups of either version.
-spec supported(alcove_drv:ref(), [alcove:pid_t()]) -> boolean().
supported(Drv, Pids) ->
    os:type() =:= {unix, linux} andalso
        case hierarchies(Drv, Pids) of
            {none, []} ->
                false;
            {Version, Hierarchies} ->
                (Version =:= 2 orelse is_file(Drv, Pids, <<"/proc/cgroups">>)) andalso
                    lists:all(fun({Dir, _}) -> is_dir(Drv, Pids, Dir) end, Hierarchies)
        end.

%% @doc Returns the version that the functions of this module use in the process.
%%
%% ```
%% 1> alcove_cgroup:version(Drv, []).
%% 2
%% '''
-spec version(alcove_drv:ref(), [alcove:pid_t()]) -> 1 | 2 | none.
version(Drv, Pids) ->
    {Version, _} = hierarchies(Drv, Pids),
    Version.

%% @equiv mounts(Drv, [])
-spec mounts(alcove_drv:ref()) -> {ok, [mount()]} | {error, alcove:posix()}.
mounts(Drv) ->
    mounts(Drv, []).

%% @doc Returns the mounts that the process sees, none if it does not see /proc.
%%
%% Spaces in names stay as they are in the file: `\040'.
-spec mounts(alcove_drv:ref(), [alcove:pid_t()]) -> {ok, [mount()]} | {error, alcove:posix()}.
mounts(Drv, Pids) ->
    alcove_group:mounts(Drv, Pids).

%% @equiv cgroup(Drv, [])
-spec cgroup(alcove_drv:ref()) -> [hierarchy()].
cgroup(Drv) ->
    cgroup(Drv, []).

%% @doc Returns the hierarchies that the process sees, in the order of their mounts, or the tree of
%% version 2 if there are none.
%%
%% ```
%% 1> alcove_cgroup:cgroup(Drv, []).
%% [{<<"/sys/fs/cgroup/cpu">>,[<<"rw">>,<<"relatime">>,<<"cpu">>]},
%%  {<<"/sys/fs/cgroup/memory">>,[<<"rw">>,<<"relatime">>,<<"memory">>]}]
%% '''
-spec cgroup(alcove_drv:ref(), [alcove:pid_t()]) -> [hierarchy()].
cgroup(Drv, Pids) ->
    {_, Hierarchies} = hierarchies(Drv, Pids),
    Hierarchies.

hierarchies(Drv, Pids) ->
    {ok, Mounts} = mounts(Drv, Pids),
    case {alcove_group:v1(Mounts), alcove_group:v2(Mounts)} of
        {[_ | _] = V1, _} -> {1, V1};
        {[], [{Root, Options} | _]} -> {2, [{Root, Options ++ controllers(Drv, Pids)}]};
        {[], []} -> {none, []}
    end.

controllers(Drv, Pids) ->
    case alcove_cgroup2:controllers(Drv, Pids, []) of
        {ok, Controllers} -> Controllers;
        {error, _} -> []
    end.

%%
%% Groups
%%

%% @equiv create(Drv, Pids, [<<"alcove">>])
-spec create(alcove_drv:ref(), [alcove:pid_t()]) -> ok | {error, alcove_cgroup2:reason()}.
create(Drv, Pids) ->
    create(Drv, Pids, ?GROUP).

%% @doc Makes a group, and those above it, in all hierarchies.
%%
%% In the tree of version 2 all controllers are handed down to it, so the groups above it cannot
%% have processes. A hierarchy that refuses does not have the group: {@link set/6} tells. If all
%% refuse, the error is that of the first, `eacces' for instance without the rights.
%%
%% The groups of a VM that is killed stay. Those below {@link name/0} can be told from others then,
%% see {@link remove_stale/3}.
-spec create(alcove_drv:ref(), [alcove:pid_t()], namespace()) ->
    ok | {error, alcove_cgroup2:reason()}.
create(Drv, Pids, Namespace) ->
    case hierarchies(Drv, Pids) of
        {2, _} ->
            case alcove_cgroup2:create(Drv, Pids, Namespace, []) of
                ok -> hand_down(Drv, Pids, Namespace);
                {error, _} = Error -> Error
            end;
        {1, Hierarchies} ->
            best([make(Drv, Pids, Root, expand(Namespace)) || {Root, _} <- Hierarchies]);
        {none, []} ->
            {error, enoent}
    end.

%% A controller that cannot be handed down is missed when it is used.
hand_down(Drv, Pids, Namespace) ->
    lists:foreach(
        fun(Controller) -> alcove_cgroup2:create(Drv, Pids, Namespace, [Controller]) end,
        controllers(Drv, Pids)
    ).

make(Drv, Pids, Root, Groups) ->
    lists:foldl(
        fun
            (Group, ok) -> made(alcove:mkdir(Drv, Pids, join(Root, Group), 8#755));
            (_Group, Error) -> Error
        end,
        ok,
        Groups
    ).

made({error, eexist}) -> ok;
made(Made) -> Made.

best([First | _] = Results) ->
    case lists:member(ok, Results) of
        true -> ok;
        false -> First
    end.

%% @equiv destroy(Drv, Pids, [<<"alcove">>])
-spec destroy(alcove_drv:ref(), [alcove:pid_t()]) -> ok | [] | {error, alcove:posix()}.
destroy(Drv, Pids) ->
    destroy(Drv, Pids, ?GROUP).

%% @doc Removes a group, which must have no members and no groups below it, from all
%% hierarchies.
%%
%% Returns the error of the first hierarchy that refuses, and `[]' if there are no hierarchies.
-spec destroy(alcove_drv:ref(), [alcove:pid_t()], namespace()) ->
    ok | [] | {error, alcove:posix()}.
destroy(Drv, Pids, Namespace) ->
    fold(
        Drv,
        Pids,
        <<>>,
        [],
        fun(Root, Result) ->
            case alcove:rmdir(Drv, Pids, join(Root, Namespace)) of
                {error, enoent} -> worst(ok, Result);
                Removed -> worst(Removed, Result)
            end
        end,
        []
    ).

%% @doc Writes a file of a group, in all hierarchies that have the option and the group.
%%
%% Returns the error of the first hierarchy that refuses, and `{error, enoent}' if none has the
%% group.
-spec set(
    alcove_drv:ref(),
    [alcove:pid_t()],
    MntOpt :: binary(),
    namespace(),
    Key :: iodata(),
    Value :: iodata()
) -> ok | {error, alcove:posix()}.
set(Drv, Pids, MntOpt, Namespace, Key, Value) ->
    Name = name(Drv, Pids, Key),
    Write = fun(Group, Result) ->
        worst(alcove_file:write(Drv, Pids, filename:join(Group, Name), Value), Result)
    end,
    case fold(Drv, Pids, MntOpt, Namespace, Write, []) of
        [] -> {error, enoent};
        Result -> Result
    end.

%% The hierarchies are visited from the last one, so an error replaces an earlier one.
worst({error, _} = Error, _) -> Error;
worst(ok, []) -> ok;
worst(ok, Result) -> Result.

%% @doc Reads a file of a group, in the first hierarchy that has the option and the group; `[]'
%% if there is none.
-spec get(
    alcove_drv:ref(),
    [alcove:pid_t()],
    MntOpt :: binary(),
    namespace(),
    Key :: iodata()
) -> {ok, binary()} | [] | {error, alcove:posix()}.
get(Drv, Pids, MntOpt, Namespace, Key) ->
    Name = name(Drv, Pids, Key),
    fold(
        Drv,
        Pids,
        MntOpt,
        Namespace,
        fun(Group, _) -> alcove_file:read(Drv, Pids, filename:join(Group, Name)) end,
        []
    ).

%% Those who write to tasks move a whole process, which is what version 2 knows.
name(Drv, Pids, Key) ->
    Name = iolist_to_binary(Key),
    case Name =:= <<"tasks">> andalso version(Drv, Pids) of
        2 -> <<"cgroup.procs">>;
        _ -> Name
    end.

%% @equiv fold(Drv, [], MntOpt, Namespace, Fun, Acc)
-spec fold(
    alcove_drv:ref(), MntOpt :: binary(), namespace(), fun((Dir :: binary(), Acc) -> Acc), Acc
) -> Acc.
fold(Drv, MntOpt, Namespace, Fun, Acc) ->
    fold(Drv, [], MntOpt, Namespace, Fun, Acc).

%% @doc Calls a function with the directory of a group in each hierarchy that has the option and
%% the group, the one that was mounted last first.
-spec fold(
    alcove_drv:ref(),
    [alcove:pid_t()],
    MntOpt :: binary(),
    namespace(),
    fun((Dir :: binary(), Acc) -> Acc),
    Acc
) -> Acc.
fold(Drv, Pids, MntOpt, Namespace, Fun, Acc) ->
    Group = relpath(Namespace),
    lists:foldr(
        fun({Root, Options}, Acc0) ->
            Dir = filename:join([Root | Group]),
            case
                (MntOpt =:= <<>> orelse lists:member(MntOpt, Options)) andalso
                    is_dir(Drv, Pids, Dir)
            of
                true -> Fun(Dir, Acc0);
                false -> Acc0
            end
        end,
        Acc,
        cgroup(Drv, Pids)
    ).

%% @equiv fold_files(Drv, [], MntOpt, Namespace, Re, Fun, Acc)
-spec fold_files(
    alcove_drv:ref(),
    MntOpt :: binary(),
    namespace(),
    Re :: iodata(),
    fun((Name :: binary(), Acc) -> Acc),
    Acc
) -> Acc.
fold_files(Drv, MntOpt, Namespace, Re, Fun, Acc) ->
    fold_files(Drv, [], MntOpt, Namespace, Re, Fun, Acc).

%% @doc Calls a function with each name in the directories of a group that a regular expression
%% matches.
%%
%% ```
%% 1> alcove_cgroup:fold_files(Drv, [], <<"memory">>, [], "limit", fun(F, L) -> [F | L] end, []).
%% [<<"memory.limit_in_bytes">>,<<"memory.soft_limit_in_bytes">>]
%% '''
-spec fold_files(
    alcove_drv:ref(),
    [alcove:pid_t()],
    MntOpt :: binary(),
    namespace(),
    Re :: iodata(),
    fun((Name :: binary(), Acc) -> Acc),
    Acc
) -> Acc.
fold_files(Drv, Pids, MntOpt, Namespace, Re, Fun, Acc) ->
    {ok, Compiled} = re:compile(Re),
    fold(
        Drv,
        Pids,
        MntOpt,
        Namespace,
        fun(Dir, Acc0) ->
            {ok, Names} = alcove:readdir(Drv, Pids, Dir),
            Matching = [Name || Name <- Names, re:run(Name, Compiled) =/= nomatch],
            lists:foldl(Fun, Acc0, Matching)
        end,
        Acc
    ).

%%
%% Whose they are
%%

%% @doc Returns a name for a group that tells whose it is: the VM, by its pid, when that has started, and
%% its node.
%%
%% ```
%% 1> alcove_cgroup:name().
%% <<"alcove-4711-138274-app@example">>
%% 2> ok = alcove_cgroup:create(Drv, [], [alcove_cgroup:name(), "web"]).
%% '''
-spec name() -> binary().
name() ->
    Text = io_lib:format("~s~s-~b-~s", [?PREFIX, os:getpid(), start(), node()]),
    iolist_to_binary(Text).

%% Of this VM; 0 where the system does not tell.
start() ->
    case file:read_file("/proc/self/stat") of
        {ok, Stat} -> maps:get(start, alcove_proc:fields(Stat));
        {error, _} -> 0
    end.

%% @doc Removes groups that have a {@link name/0} of a VM that is gone, with all processes in
%% them and all groups below, and returns their names.
%%
%% They are looked for right below a group, `[]' for the roots of the hierarchies. The process
%% that does it has to see the VM in its /proc: otherwise nothing is removed, and the error is
%% `esrch'.
%%
%% ```
%% 1> alcove_cgroup:remove_stale(Drv, [], []).
%% {ok,[<<"alcove-4242-98812-app@example">>]}
%% '''
-spec remove_stale(alcove_drv:ref(), [alcove:pid_t()], namespace()) ->
    {ok, [binary()]} | {error, timeout | alcove:posix()}.
remove_stale(Drv, Pids, Above) ->
    case alcove_proc:lives(Drv, Pids, list_to_integer(os:getpid()), start()) of
        true ->
            Roots = [join(Root, Above) || {Root, _} <- cgroup(Drv, Pids)],
            remove_stale(Drv, Pids, Above, names(Drv, Pids, Roots, []), []);
        false ->
            {error, esrch}
    end.

names(_Drv, _Pids, [], Names) ->
    {ok, lists:usort(Names)};
names(Drv, Pids, [Dir | Dirs], Names) ->
    case alcove_file:names(Drv, Pids, Dir) of
        {ok, More} -> names(Drv, Pids, Dirs, [N || <<?PREFIX, _/binary>> = N <- More] ++ Names);
        % not every hierarchy has the group
        {error, enoent} -> names(Drv, Pids, Dirs, Names);
        {error, _} = Error -> Error
    end.

remove_stale(_Drv, _Pids, _Above, {error, _} = Error, _Removed) ->
    Error;
remove_stale(_Drv, _Pids, _Above, {ok, []}, Removed) ->
    {ok, lists:reverse(Removed)};
remove_stale(Drv, Pids, Above, {ok, [Name | Names]}, Removed) ->
    case is_stale(Drv, Pids, Name) of
        true ->
            case remove(Drv, Pids, Above ++ [Name]) of
                ok -> remove_stale(Drv, Pids, Above, {ok, Names}, [Name | Removed]);
                {error, _} = Error -> Error
            end;
        false ->
            remove_stale(Drv, Pids, Above, {ok, Names}, Removed)
    end.

is_stale(Drv, Pids, <<?PREFIX, Rest/binary>>) ->
    case re:run(Rest, "^([0-9]{1,10})-([0-9]{1,20})-", [{capture, all_but_first, binary}]) of
        {match, [Pid, Start]} ->
            not alcove_proc:lives(Drv, Pids, binary_to_integer(Pid), binary_to_integer(Start));
        nomatch ->
            false
    end.

remove(Drv, Pids, Namespace) ->
    case kill(Drv, Pids, Namespace) of
        ok ->
            Dirs = [join(Root, Namespace) || {Root, _} <- cgroup(Drv, Pids)],
            Removed = [alcove_group:remove(Drv, Pids, Dir) || Dir <- Dirs],
            hd([Error || {error, _} = Error <- Removed] ++ [ok]);
        {error, _} = Error ->
            Error
    end.

%%
%% Processes
%%

%% @doc Returns the processes of a group, in any hierarchy, without those of the groups below it.
%%
%% ```
%% 1> alcove_cgroup:members(Drv, [], [<<"sandbox">>]).
%% [4711,4712]
%% '''
-spec members(alcove_drv:ref(), [alcove:pid_t()], namespace()) -> [alcove:pid_t()].
members(Drv, Pids, Namespace) ->
    fold(
        Drv,
        Pids,
        <<>>,
        Namespace,
        fun(Dir, Members) -> lists:umerge(processes(Drv, Pids, Dir), Members) end,
        []
    ).

processes(Drv, Pids, Dir) ->
    case alcove_group:processes(Drv, Pids, Dir) of
        {ok, Members} -> lists:usort(Members);
        {error, Removed} when Removed =:= enoent; Removed =:= enodev -> [];
        {error, Posix} -> erlang:error(Posix)
    end.

%% @equiv kill(Drv, Pids, Namespace, 5000)
-spec kill(alcove_drv:ref(), [alcove:pid_t()], namespace()) ->
    ok | {error, timeout | alcove:posix()}.
kill(Drv, Pids, Namespace) ->
    kill(Drv, Pids, Namespace, ?KILL_TIMEOUT).

%% @doc Kills all processes of a group and below it, and waits until they are gone.
%%
%% In version 1 they are the members in any hierarchy; where there is one, the freezer keeps them
%% from forking meanwhile. A look costs a file and a list of the groups below for each group: no
%% file of version 1 has the processes of groups below, or tells that there are none. See
%% {@link alcove_cgroup2:kill/4} for version 2.
%%
%% ```
%% 1> alcove_cgroup:kill(Drv, [], [<<"sandbox">>], 1000).
%% ok
%% '''
-spec kill(alcove_drv:ref(), [alcove:pid_t()], namespace(), timeout()) ->
    ok | {error, timeout | alcove:posix()}.
kill(Drv, Pids, Namespace, Timeout) ->
    case hierarchies(Drv, Pids) of
        {2, _} -> alcove_cgroup2:kill(Drv, Pids, Namespace, Timeout);
        {1, Hierarchies} -> kill(Drv, Pids, Namespace, Timeout, Hierarchies);
        {none, []} -> {error, enoent}
    end.

kill(Drv, Pids, Namespace, Timeout, Hierarchies) ->
    Groups = [{join(Root, Namespace), Options} || {Root, Options} <- Hierarchies],
    case [Group || {Dir, _} = Group <- Groups, is_dir(Drv, Pids, Dir)] of
        [] ->
            {error, enoent};
        There ->
            Freezers = [Dir || {Dir, Options} <- There, lists:member(<<"freezer">>, Options)],
            Freeze = fun(State) ->
                [
                    alcove_file:write(Drv, Pids, filename:join(Dir, <<"freezer.state">>), State)
                 || Dir <- Freezers
                ]
            end,
            Dirs = [Dir || {Dir, _} <- There],
            alcove_group:kill(Drv, Pids, Dirs, Timeout, Freeze)
    end.

%%
%% Files
%%

%% @doc True for a directory, also one that the process may not read.
-spec is_dir(alcove_drv:ref(), [alcove:pid_t()], iodata()) -> boolean().
is_dir(Drv, Pids, Path) ->
    alcove_file:is_dir(Drv, Pids, Path).

%% @doc True for what the process can open for reading, a directory among it.
-spec is_file(alcove_drv:ref(), [alcove:pid_t()], iodata()) -> boolean().
is_file(Drv, Pids, Path) ->
    alcove_file:is_file(Drv, Pids, Path).

%%
%% Paths
%%

%% @doc Returns the directory of a group in a hierarchy.
%%
%% ```
%% 1> alcove_cgroup:join(<<"/sys/fs/cgroup/cpu">>, [<<"a">>, "b/c"]).
%% <<"/sys/fs/cgroup/cpu/a/b/c">>
%% '''
-spec join(Root :: binary() | string(), namespace()) -> file:filename_all().
join(Root, Namespace) ->
    alcove_group:join(Root, Namespace).

%% @doc Returns the pieces of a path as binaries. None is absolute.
%%
%% ```
%% 1> alcove_cgroup:relpath(["/a", <<"b/c">>]).
%% [<<"a">>,<<"b">>,<<"c">>]
%% '''
-spec relpath(namespace()) -> [binary()].
relpath(Namespace) ->
    alcove_group:relpath(Namespace).

%% @doc Returns a path and all paths above it, the shortest one first.
%%
%% ```
%% 1> alcove_cgroup:expand([a, b, c]).
%% [[a],[a,b],[a,b,c]]
%% '''
-spec expand([Piece]) -> [[Piece, ...]].
expand(Namespace) ->
    [lists:sublist(Namespace, N) || N <- lists:seq(1, length(Namespace))].
