%% SPDX-License-Identifier: ISC

%% @doc Control groups as directories: what both versions have in common.
%% @hidden
-module(alcove_group).

-export([
    mounts/2,
    v1/1,
    v2/1
]).
-export([
    join/2,
    relpath/1,
    split/2
]).
-export([
    processes/3,
    kill/5,
    remove/3
]).

-export_type([
    path/0,
    hierarchy/0,
    mount/0
]).

-type path() :: [string() | binary()].
%% Path of a group below the root of a hierarchy.

-type hierarchy() :: {Directory :: binary(), Options :: [binary()]}.
%% A mounted hierarchy.

-type mount() :: {
    Source :: binary(),
    Target :: binary(),
    Type :: binary(),
    Options :: binary(),
    Freq :: binary(),
    Passno :: binary()
}.
%% A line of /proc/mounts.

-define(MOUNTS, <<"/proc/mounts">>).
-define(PROCS, <<"cgroup.procs">>).

%%
%% Mounts
%%

%% @doc Returns the mounts that the process sees, none if it does not see /proc.
-spec mounts(alcove_drv:ref(), [alcove:pid_t()]) -> {ok, [mount()]} | {error, alcove:posix()}.
mounts(Drv, Pids) ->
    case alcove_file:read(Drv, Pids, ?MOUNTS) of
        {ok, Text} ->
            {ok, [list_to_tuple(split(Line, <<" ">>)) || Line <- split(Text, <<"\n">>)]};
        {error, None} when None =:= enoent; None =:= eacces ->
            {ok, []};
        {error, _} = Error ->
            Error
    end.

%% @doc Returns the hierarchies of version 1 among mounts, in their order.
-spec v1([mount()]) -> [hierarchy()].
v1(Mounts) ->
    [
        {unescaped(Target), split(Options, <<",">>)}
     || {<<"cgroup">>, Target, <<"cgroup">>, Options, _, _} <- Mounts
    ].

%% @doc Returns the trees of version 2 among mounts; all show the same.
-spec v2([mount()]) -> [hierarchy()].
v2(Mounts) ->
    [
        {unescaped(Target), split(Options, <<",">>)}
     || {_, Target, <<"cgroup2">>, Options, _, _} <- Mounts
    ].

%% Blanks and backslashes are octal numbers in /proc/mounts.
-spec unescaped(binary()) -> binary().
unescaped(<<$\\, A, B, C, Rest/binary>>) ->
    <<(list_to_integer([A, B, C], 8)), (unescaped(Rest))/binary>>;
unescaped(<<Byte, Rest/binary>>) ->
    <<Byte, (unescaped(Rest))/binary>>;
unescaped(<<>>) ->
    <<>>.

%%
%% Paths
%%

%% @doc Returns the directory of a group in a hierarchy.
-spec join(Root :: binary() | string(), path()) -> file:filename_all().
join(Root, Path) ->
    filename:join([Root | relpath(Path)]).

%% @doc Returns the pieces of a path as binaries. None is absolute.
-spec relpath(path()) -> [binary()].
relpath(Path) ->
    lists:flatmap(fun(Piece) -> split(piece(Piece), <<"/">>) end, Path).

piece(Piece) when is_list(Piece) -> iolist_to_binary(Piece);
piece(Piece) when is_binary(Piece) -> Piece.

%% @doc Returns the words of a text.
-spec split(binary(), binary() | [binary()]) -> [binary()].
split(Text, Separator) ->
    binary:split(Text, Separator, [global, trim_all]).

%%
%% Processes
%%

%% @doc Returns the processes of a directory's group, without those of the groups below it.
-spec processes(alcove_drv:ref(), [alcove:pid_t()], file:filename_all()) ->
    {ok, [alcove:pid_t()]} | {error, alcove:posix()}.
processes(Drv, Pids, Dir) ->
    case alcove_file:read(Drv, Pids, filename:join(Dir, ?PROCS)) of
        {ok, Text} -> {ok, [binary_to_integer(Pid) || Pid <- split(Text, <<"\n">>)]};
        {error, _} = Error -> Error
    end.

%% @doc Kills the processes of groups and below them until there are none.
%%
%% Freeze is called with `FROZEN' before each killing, if there is anybody to kill, and with
%% `THAWED' after it. What cannot be looked at is an error, except for a group that has been
%% removed meanwhile. A process that is not in the pid namespace of the killer is 0 and lives on:
%% a timeout.
-spec kill(
    alcove_drv:ref(), [alcove:pid_t()], [file:filename_all()], timeout(), fun((binary()) -> term())
) -> ok | {error, timeout | alcove:posix()}.
kill(Drv, Pids, Dirs, Timeout, Freeze) ->
    alcove_wait:until(fun() -> kill_once(Drv, Pids, Dirs, Freeze) end, Timeout).

kill_once(Drv, Pids, Dirs, Freeze) ->
    case members(Drv, Pids, Dirs, []) of
        {ok, []} ->
            true;
        {ok, _} ->
            _ = Freeze(<<"FROZEN">>),
            Killed = kill_members(Drv, Pids, members(Drv, Pids, Dirs, [])),
            % only now they die
            _ = Freeze(<<"THAWED">>),
            Killed;
        {error, _} = Error ->
            Error
    end.

%% 0 would be the group of the killer.
kill_members(Drv, Pids, {ok, Members}) ->
    ok = lists:foreach(
        fun(Pid) -> alcove:kill(Drv, Pids, Pid, sigkill) end, [Pid || Pid <- Members, Pid =/= 0]
    ),
    false;
kill_members(_Drv, _Pids, {error, _} = Error) ->
    Error.

members(_Drv, _Pids, [], Members) ->
    {ok, lists:usort(Members)};
members(Drv, Pids, [Dir | Dirs], Members) ->
    case {processes(Drv, Pids, Dir), alcove_file:directories(Drv, Pids, Dir)} of
        {{ok, More}, {ok, Below}} -> members(Drv, Pids, Below ++ Dirs, More ++ Members);
        {{error, enodev}, _} -> members(Drv, Pids, Dirs, Members);
        {{error, enoent}, _} -> members(Drv, Pids, Dirs, Members);
        {_, {error, enoent}} -> members(Drv, Pids, Dirs, Members);
        {{error, _} = Error, _} -> Error;
        {_, {error, _} = Error} -> Error
    end.

%% @doc Removes a group and all groups below it. None may have processes. One that does not
%% exist is removed.
-spec remove(alcove_drv:ref(), [alcove:pid_t()], file:filename_all()) ->
    ok | {error, alcove:posix()}.
remove(Drv, Pids, Dir) ->
    case alcove:rmdir(Drv, Pids, Dir) of
        {error, ebusy} ->
            case alcove_file:directories(Drv, Pids, Dir) of
                {ok, Below} ->
                    case lists:usort([remove(Drv, Pids, Path) || Path <- Below]) of
                        [ok] -> removed(alcove:rmdir(Drv, Pids, Dir));
                        _ -> {error, ebusy}
                    end;
                {error, _} = Error ->
                    Error
            end;
        Removed ->
            removed(Removed)
    end.

removed({error, enoent}) -> ok;
removed(Removed) -> Removed.
