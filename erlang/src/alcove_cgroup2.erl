%% SPDX-License-Identifier: ISC

%% @doc Control groups of Linux, version 2.
%%
%% There is one tree of groups. A controller, such as `<<"memory">>', acts in a group if the
%% groups above hand it down; {@link create/4} sees to that. A group that hands down
%% controllers cannot have processes itself, except the root.
%%
%% ```
%% 1> ok = alcove_cgroup2:create(Drv, [], ["web", "worker"], [<<"memory">>, <<"pids">>]).
%% 2> ok = alcove_cgroup2:limit(Drv, [], ["web", "worker"], [
%%        {<<"memory.max">>, 16 bsl 20},
%%        {<<"memory.oom.group">>, true},
%%        {<<"pids.max">>, 10}
%%    ]).
%% 3> {ok, Pid} = alcove:fork(Drv, []).
%% 4> ok = alcove_cgroup2:enter(Drv, [], ["web", "worker"], Pid).
%% 5> ok = alcove:execvp(Drv, [Pid], "worker", ["worker"]).
%% 6> alcove_cgroup2:read(Drv, [], ["web", "worker"], <<"pids.current">>).
%% {ok,1}
%% 7> ok = alcove_cgroup2:kill(Drv, [], ["web", "worker"]).
%% 8> ok = alcove_cgroup2:destroy(Drv, [], ["web", "worker"]).
%% '''
%%
%% <ul>
%% <li>what there is: {@link root/2}, {@link own/2}, {@link controllers/3}</li>
%% <li>groups: {@link create/4}, {@link destroy/3}, {@link vacate/4}</li>
%% <li>their files: {@link limit/4}, {@link read/4}, {@link set/5}, {@link get/4}</li>
%% <li>their processes: {@link enter/4}, {@link members/3}, {@link is_populated/3},
%%   {@link kill/4}</li>
%% </ul>
%%
%% The process that Pids names reads and writes the files; it has to see the tree and to have
%% the rights. Without those of root that is a subtree which the system has delegated, as
%% systemd does for a unit with `Delegate=yes': groups are made below {@link own/2}.
%%
%% {@link alcove_cgroup} has functions for both versions. See cgroups(7) and the kernel's
%% documentation of control group v2.
-module(alcove_cgroup2).

-export([
    root/2,
    own/2,
    controllers/3
]).
-export([
    create/4,
    destroy/3,
    vacate/4
]).
-export([
    limit/4,
    read/4,
    set/5,
    get/4
]).
-export([
    enter/4,
    members/3,
    is_populated/3,
    kill/3, kill/4
]).

-export_type([
    group/0,
    controller/0,
    key/0,
    value/0,
    scalar/0,
    content/0,
    reason/0
]).

-type group() :: alcove_group:path().
%% Path of a group below the root of the tree.

-type controller() :: binary().
%% `<<"cpu">>', `<<"cpuset">>', `<<"io">>', `<<"memory">>', `<<"pids">>' and others.

-type key() :: binary().
%% Name of a file of a group. It begins with the name of its controller and a dot.

-type value() ::
    integer()
    | boolean()
    | max
    | {Quota :: non_neg_integer() | max, Period :: pos_integer()}
    | iodata().
%% A value to write to a file: `max' is no limit, the pair is for `cpu.max', in
%% microseconds, and a boolean becomes 1 or 0.

-type scalar() :: number() | max | binary().

-type content() ::
    scalar()
    | {Quota :: scalar(), Period :: scalar()}
    | [scalar()]
    | #{Name :: binary() => scalar() | #{Name :: binary() => scalar()}}.
%% What a file says: one value; the pair of `cpu.max'; a list of controllers or processes; names
%% and values; or names and several values with names of their own.

-type reason() ::
    alcove:posix()
    | {missing, [controller(), ...]}
    | {not_handed_down, group(), alcove:posix()}.
%% Why something is not possible: `missing' are the controllers that the groups above do not
%% have, because the kernel lacks them or hierarchies of version 1 use them. `not_handed_down'
%% names the group that refuses to hand controllers down, with `ebusy' if it has processes.

-define(PROCS, <<"cgroup.procs">>).
-define(SUBTREE, <<"cgroup.subtree_control">>).
-define(EVENTS, <<"cgroup.events">>).
-define(FREEZE, <<"cgroup.freeze">>).

-define(KILL_TIMEOUT, 5000).

%%
%% What there is
%%

%% @doc Returns the directory where the process sees the tree.
%%
%% ```
%% 1> alcove_cgroup2:root(Drv, []).
%% {ok,<<"/sys/fs/cgroup">>}
%% '''
-spec root(alcove_drv:ref(), [alcove:pid_t()]) -> {ok, binary()} | {error, enoent}.
root(Drv, Pids) ->
    {ok, Mounts} = alcove_group:mounts(Drv, Pids),
    case alcove_group:v2(Mounts) of
        [{Root, _} | _] -> {ok, Root};
        [] -> {error, enoent}
    end.

%% @doc Returns the group of the process.
%%
%% ```
%% 1> alcove_cgroup2:own(Drv, []).
%% {ok,[<<"user.slice">>,<<"user-1000.slice">>,<<"session-2.scope">>]}
%% '''
-spec own(alcove_drv:ref(), [alcove:pid_t()]) -> {ok, group()} | {error, alcove:posix()}.
own(Drv, Pids) ->
    case alcove_file:read(Drv, Pids, <<"/proc/self/cgroup">>) of
        {ok, Text} ->
            case [Path || <<"0::", Path/binary>> <- words(Text, <<"\n">>)] of
                [Path] -> {ok, alcove_group:relpath([Path])};
                [] -> {error, enoent}
            end;
        {error, _} = Error ->
            Error
    end.

%% @doc Returns the controllers that a group can hand down.
%%
%% ```
%% 1> alcove_cgroup2:controllers(Drv, [], []).
%% {ok,[<<"cpuset">>,<<"cpu">>,<<"io">>,<<"memory">>,<<"pids">>]}
%% '''
-spec controllers(alcove_drv:ref(), [alcove:pid_t()], group()) ->
    {ok, [controller()]} | {error, alcove:posix()}.
controllers(Drv, Pids, Group) ->
    list(Drv, Pids, Group, <<"cgroup.controllers">>).

list(Drv, Pids, Group, Key) ->
    case get(Drv, Pids, Group, Key) of
        {ok, Text} -> {ok, words(Text, [<<" ">>, <<"\n">>])};
        {error, _} = Error -> Error
    end.

%%
%% Groups
%%

%% @doc Makes a group, and those above it, in which controllers act.
%%
%% A group that exists is left as it is, but gets the controllers. When something fails what
%% has been made is removed.
%%
%% ```
%% 1> alcove_cgroup2:create(Drv, [], ["web"], [<<"memory">>, <<"cpu">>]).
%% {error,{missing,[<<"memory">>]}}
%% '''
-spec create(alcove_drv:ref(), [alcove:pid_t()], group(), [controller()]) ->
    ok | {error, reason()}.
create(Drv, Pids, Group, Controllers) ->
    case root(Drv, Pids) of
        {ok, _} ->
            create(Drv, Pids, [], alcove_group:relpath(Group), Controllers);
        {error, _} = Error ->
            Error
    end.

create(_Drv, _Pids, _Above, [], _Controllers) ->
    ok;
create(Drv, Pids, Above, [Name | Below], Controllers) ->
    Group = Above ++ [Name],
    case hand_down(Drv, Pids, Above, Controllers) of
        ok ->
            case alcove:mkdir(Drv, Pids, path(Drv, Pids, Group), 8#755) of
                ok ->
                    case create(Drv, Pids, Group, Below, Controllers) of
                        ok ->
                            ok;
                        NotCreated ->
                            _ = destroy(Drv, Pids, Group),
                            NotCreated
                    end;
                {error, eexist} ->
                    create(Drv, Pids, Group, Below, Controllers);
                {error, _} = Error ->
                    Error
            end;
        {error, _} = Error ->
            Error
    end.

%% Only what is not handed down yet is asked for: a group above a delegated one may not be
%% written to, and need not be.
hand_down(Drv, Pids, Group, Controllers) ->
    case list(Drv, Pids, Group, ?SUBTREE) of
        {ok, HandedDown} -> hand_down_more(Drv, Pids, Group, Controllers -- HandedDown);
        {error, _} = Error -> Error
    end.

hand_down_more(_Drv, _Pids, _Group, []) ->
    ok;
hand_down_more(Drv, Pids, Group, Controllers) ->
    case controllers(Drv, Pids, Group) of
        {ok, Available} ->
            case Controllers -- Available of
                [] -> write_subtree(Drv, Pids, Group, Controllers);
                Missing -> {error, {missing, Missing}}
            end;
        {error, _} = Error ->
            Error
    end.

write_subtree(Drv, Pids, Group, Controllers) ->
    Text = lists:join($\s, [[$+, Controller] || Controller <- Controllers]),
    case is_occupied(Drv, Pids, Group) of
        true ->
            {error, {not_handed_down, Group, ebusy}};
        false ->
            case set(Drv, Pids, Group, ?SUBTREE, Text) of
                ok -> ok;
                {error, Posix} -> {error, {not_handed_down, Group, Posix}}
            end
    end.

%% The kernel allows a group with processes to hand down controllers for threads, cpu, cpuset
%% and pids, but lets no process enter the groups below it then. The root, which may do both,
%% has no type.
is_occupied(Drv, Pids, Group) ->
    case get(Drv, Pids, Group, <<"cgroup.type">>) of
        {ok, _} ->
            case members(Drv, Pids, Group) of
                {ok, [_ | _]} -> true;
                _ -> false
            end;
        {error, _} ->
            false
    end.

%% @doc Removes a group and all groups below it. None may have processes.
%%
%% A group that does not exist is removed.
%%
%% ```
%% 1> alcove_cgroup2:destroy(Drv, [], ["web"]).
%% ok
%% '''
-spec destroy(alcove_drv:ref(), [alcove:pid_t()], group()) -> ok | {error, alcove:posix()}.
destroy(Drv, Pids, Group) ->
    case root(Drv, Pids) of
        {ok, Root} -> alcove_group:remove(Drv, Pids, alcove_group:join(Root, Group));
        {error, _} = Error -> Error
    end.

%% @doc Moves all processes of a group to one below it, which is made.
%%
%% Then the group can hand down controllers. That is the first step in a delegated subtree,
%% whose group has the processes of the unit, the virtual machine and the port among them.
%%
%% ```
%% 1> {ok, Unit} = alcove_cgroup2:own(Drv, []).
%% 2> ok = alcove_cgroup2:vacate(Drv, [], Unit, "main").
%% 3> ok = alcove_cgroup2:create(Drv, [], Unit ++ ["sandbox"], [<<"memory">>]).
%% '''
-spec vacate(alcove_drv:ref(), [alcove:pid_t()], group(), Leaf :: string() | binary()) ->
    ok | {error, reason()}.
vacate(Drv, Pids, Group, Leaf) ->
    case create(Drv, Pids, Group ++ [Leaf], []) of
        ok -> move(Drv, Pids, Group, Group ++ [Leaf]);
        {error, _} = Error -> Error
    end.

%% While some are moved others may be forked.
move(Drv, Pids, From, To) ->
    case members(Drv, Pids, From) of
        {ok, []} -> ok;
        {ok, Members} -> move(Drv, Pids, From, To, Members);
        {error, _} = Error -> Error
    end.

move(Drv, Pids, From, To, []) ->
    move(Drv, Pids, From, To);
move(Drv, Pids, From, To, [Pid | Members]) ->
    case enter(Drv, Pids, To, Pid) of
        ok -> move(Drv, Pids, From, To, Members);
        {error, esrch} -> move(Drv, Pids, From, To, Members);
        {error, _} = Error -> Error
    end.

%%
%% Files
%%

%% @doc Sets limits of a group, in order, up to the first that is refused.
%%
%% ```
%% ok = alcove_cgroup2:limit(Drv, [], Group, [
%%     {<<"memory.max">>, 64 bsl 20},
%%     {<<"cpu.max">>, {50000, 100000}},
%%     {<<"cpu.weight">>, 50},
%%     {<<"cpuset.cpus">>, "0-1"},
%%     {<<"pids.max">>, max}
%% ]).
%% '''
-spec limit(alcove_drv:ref(), [alcove:pid_t()], group(), [{key(), value()}]) ->
    ok | {error, reason() | {key(), alcove:posix()}}.
limit(_Drv, _Pids, _Group, []) ->
    ok;
limit(Drv, Pids, Group, [{Key, Value} | Limits]) ->
    case set(Drv, Pids, Group, Key, text(Value)) of
        ok -> limit(Drv, Pids, Group, Limits);
        {error, enoent} -> {error, why_not(Drv, Pids, Group, Key)};
        {error, Posix} -> {error, {Key, Posix}}
    end.

text(true) -> <<"1">>;
text(false) -> <<"0">>;
text(max) -> <<"max">>;
text(N) when is_integer(N) -> integer_to_binary(N);
text({Quota, Period}) -> [text(Quota), $\s, text(Period)];
text(Text) -> Text.

%% The file is missing with its controller.
why_not(Drv, Pids, Group, Key) ->
    [Controller | _] = words(Key, <<".">>),
    case controllers(Drv, Pids, Group) of
        {ok, Controllers} ->
            case lists:member(Controller, Controllers) of
                true -> {Key, enoent};
                false -> {missing, [Controller]}
            end;
        {error, Posix} ->
            Posix
    end.

%% @doc Reads a file of a group and takes it apart.
%%
%% ```
%% 1> alcove_cgroup2:read(Drv, [], Group, <<"memory.max">>).
%% {ok,16777216}
%% 2> alcove_cgroup2:read(Drv, [], Group, <<"memory.events">>).
%% {ok,#{<<"low">> => 0,<<"high">> => 0,<<"max">> => 12,<<"oom">> => 1,<<"oom_kill">> => 1}}
%% 3> alcove_cgroup2:read(Drv, [], Group, <<"cpu.pressure">>).
%% {ok,#{<<"some">> =>
%%          #{<<"avg10">> => 0.0,<<"avg60">> => 0.0,<<"avg300">> => 0.0,<<"total">> => 1523},
%%       ...
%% '''
-spec read(alcove_drv:ref(), [alcove:pid_t()], group(), key()) ->
    {ok, content()} | {error, alcove:posix()}.
read(Drv, Pids, Group, Key) ->
    case get(Drv, Pids, Group, Key) of
        {ok, Text} ->
            Lines = [words(Line, <<" ">>) || Line <- words(Text, <<"\n">>)],
            {ok, content(iolist_to_binary(Key), Lines)};
        {error, _} = Error ->
            Error
    end.

%% The forms of files are told apart by their looks, except a few.
content(<<"cpuset.", _/binary>>, Lines) -> iolist_to_binary(Lines);
content(<<"cpu.max">>, [[Quota, Period]]) -> {scalar(Quota), scalar(Period)};
content(<<"cgroup.controllers">>, Lines) -> lists:append(Lines);
content(?SUBTREE, Lines) -> lists:append(Lines);
content(?PROCS, Lines) -> [scalar(Pid) || [Pid] <- Lines];
content(_, [[Word]]) -> scalar(Word);
content(_, Lines) -> maps:from_list([line(Line) || Line <- Lines]).

line([Key, Value]) ->
    case words(Value, <<"=">>) of
        [Value] -> {Key, scalar(Value)};
        [_, _] -> {Key, fields([Value])}
    end;
line([Key | Fields]) ->
    {Key, fields(Fields)}.

fields(Fields) ->
    maps:from_list([
        {Name, scalar(Value)}
     || Field <- Fields, [Name, Value] <- [words(Field, <<"=">>)]
    ]).

scalar(<<"max">>) ->
    max;
scalar(Word) ->
    case string:to_integer(Word) of
        {N, <<>>} when is_integer(N) ->
            N;
        _ ->
            case string:to_float(Word) of
                {F, <<>>} when is_float(F) -> F;
                _ -> Word
            end
    end.

%% @doc Writes a file of a group as it is.
%%
%% ```
%% 1> alcove_cgroup2:set(Drv, [], ["web"], <<"memory.high">>, "64M").
%% ok
%% '''
-spec set(alcove_drv:ref(), [alcove:pid_t()], group(), key(), iodata()) ->
    ok | {error, alcove:posix()}.
set(Drv, Pids, Group, Key, Text) ->
    case root(Drv, Pids) of
        {ok, Root} -> alcove_file:write(Drv, Pids, file(Root, Group, Key), Text);
        {error, _} = Error -> Error
    end.

%% @doc Reads a file of a group as it is.
%%
%% ```
%% 1> alcove_cgroup2:get(Drv, [], ["web"], <<"memory.high">>).
%% {ok,<<"67108864\n">>}
%% '''
-spec get(alcove_drv:ref(), [alcove:pid_t()], group(), key()) ->
    {ok, binary()} | {error, alcove:posix()}.
get(Drv, Pids, Group, Key) ->
    case root(Drv, Pids) of
        {ok, Root} -> alcove_file:read(Drv, Pids, file(Root, Group, Key));
        {error, _} = Error -> Error
    end.

file(Root, Group, Key) ->
    filename:join(alcove_group:join(Root, Group), Key).

path(Drv, Pids, Group) ->
    {ok, Root} = root(Drv, Pids),
    alcove_group:join(Root, Group).

%%
%% Processes
%%

%% @doc Moves a process to a group, before it executes a program: then all that the program
%% starts is in the group as well.
%%
%% The pid is as the process at Pids sees it, 0 is that process itself. The error is `ebusy' if
%% the group hands down controllers.
%%
%% ```
%% 1> {ok, Pid} = alcove:fork(Drv, []).
%% {ok,4711}
%% 2> alcove_cgroup2:enter(Drv, [], ["web"], Pid).
%% ok
%% '''
-spec enter(alcove_drv:ref(), [alcove:pid_t()], group(), alcove:pid_t()) ->
    ok | {error, alcove:posix()}.
enter(Drv, Pids, Group, Pid) ->
    set(Drv, Pids, Group, ?PROCS, integer_to_binary(Pid)).

%% @doc Returns the processes of a group, without those of the groups below it.
%%
%% A process that the one at Pids does not see is 0.
%%
%% ```
%% 1> alcove_cgroup2:members(Drv, [], ["web"]).
%% {ok,[4711]}
%% '''
-spec members(alcove_drv:ref(), [alcove:pid_t()], group()) ->
    {ok, [alcove:pid_t()]} | {error, alcove:posix()}.
members(Drv, Pids, Group) ->
    case root(Drv, Pids) of
        {ok, Root} -> alcove_group:processes(Drv, Pids, alcove_group:join(Root, Group));
        {error, _} = Error -> Error
    end.

%% @doc True if there are processes in a group or below it.
%%
%% ```
%% 1> alcove_cgroup2:is_populated(Drv, [], ["web"]).
%% true
%% '''
-spec is_populated(alcove_drv:ref(), [alcove:pid_t()], group()) ->
    boolean() | {error, alcove:posix()}.
is_populated(Drv, Pids, Group) ->
    case get(Drv, Pids, Group, ?EVENTS) of
        {ok, Text} -> is_populated(Text);
        {error, _} = Error -> Error
    end.

%% @equiv kill(Drv, Pids, Group, 5000)
-spec kill(alcove_drv:ref(), [alcove:pid_t()], group()) -> ok | {error, timeout | alcove:posix()}.
kill(Drv, Pids, Group) ->
    kill(Drv, Pids, Group, ?KILL_TIMEOUT).

%% @doc Kills all processes of a group and below it, and waits until they are gone.
%%
%% No process escapes by forking: the kernel sees to it with `cgroup.kill', and where it does
%% not have that, before Linux 5.14, they are frozen first. A process that waits for a device
%% may take longer than the timeout.
%%
%% ```
%% 1> alcove_cgroup2:kill(Drv, [], ["web"], 1000).
%% ok
%% '''
-spec kill(alcove_drv:ref(), [alcove:pid_t()], group(), timeout()) ->
    ok | {error, timeout | alcove:posix()}.
kill(Drv, Pids, Group, Timeout) ->
    case root(Drv, Pids) of
        {ok, Root} -> kill_below(Drv, Pids, alcove_group:join(Root, Group), Timeout);
        {error, _} = Error -> Error
    end.

kill_below(Drv, Pids, Dir, Timeout) ->
    case alcove_file:write(Drv, Pids, filename:join(Dir, <<"cgroup.kill">>), <<"1">>) of
        ok ->
            alcove_wait:until(fun() -> is_empty(Drv, Pids, Dir) end, Timeout);
        {error, enoent} ->
            kill_frozen(Drv, Pids, Dir, Timeout);
        {error, _} = Error ->
            Error
    end.

%% One that was being forked when the group was frozen may be missed by the first look. Frozen
%% processes die as others do.
kill_frozen(Drv, Pids, Dir, Timeout) ->
    Freeze = filename:join(Dir, ?FREEZE),
    case alcove_file:write(Drv, Pids, Freeze, <<"1">>) of
        ok ->
            Killed = alcove_group:kill(Drv, Pids, [Dir], Timeout, fun(_) -> frozen end),
            _ = alcove_file:write(Drv, Pids, Freeze, <<"0">>),
            Killed;
        {error, _} = Error ->
            Error
    end.

is_empty(Drv, Pids, Dir) ->
    case alcove_file:read(Drv, Pids, filename:join(Dir, ?EVENTS)) of
        {ok, Text} -> not is_populated(Text);
        {error, _} = Error -> Error
    end.

is_populated(Events) ->
    lists:member(<<"populated 1">>, words(Events, <<"\n">>)).

words(Text, Separator) ->
    alcove_group:split(Text, Separator).
