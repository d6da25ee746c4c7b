%% SPDX-License-Identifier: ISC

%% @doc Finds processes and those that have come from them.
%% @hidden
-module(alcove_family).

-export([
    find/3,
    ask/2,
    left/1,
    kill/2
]).

-export_type([family/0]).

-record(family, {
    drv :: alcove_drv:ref(),
    % the parent of the roots
    at :: [alcove:pid_t()],
    roots :: [alcove:pid_t()],
    % all that have been found, dead ones too
    known = #{} :: alcove_proc:found(),
    % whether /proc shows them
    is_seen = false :: boolean()
}).

-opaque family() :: #family{}.

%% How often new ones are looked for before the killing begins.
-define(ROUNDS, 20).

%% @doc Some children of a process and what is below them.
-spec find(alcove_drv:ref(), [alcove:pid_t()], [alcove:pid_t()]) -> family().
find(Drv, At, Roots) ->
    look(#family{drv = Drv, at = At, roots = Roots}).

look(#family{drv = Drv, at = At, roots = Roots, known = Known} = Family) ->
    case alcove_proc:below(Drv, At, Roots ++ maps:keys(Known), Known) of
        {ok, Found} -> Family#family{known = Found, is_seen = true};
        {error, _} -> Family
    end.

%% @doc Sends a signal to each process once, with its group if that belongs to the family, and
%% has stopped ones go on.
-spec ask(family(), alcove:constant()) -> ok.
ask(#family{drv = Drv, at = At, roots = Roots, known = Known}, Signal) ->
    Groups = lists:usort(
        Roots ++ [Group || #{group := Group} <- maps:values(Known), is_map_key(Group, Known)]
    ),
    Others =
        [Pid || {Pid, #{group := Group}} <- maps:to_list(Known), not lists:member(Group, Groups)],
    lists:foreach(
        fun(Target) ->
            _ = alcove:kill(Drv, At, Target, Signal),
            alcove:kill(Drv, At, Target, sigcont)
        end,
        [-Group || Group <- Groups] ++ Others
    ).

%% @doc Those that are seen to live.
-spec left(family()) -> [alcove:pid_t()].
left(#family{drv = Drv, at = At, roots = Roots, is_seen = false}) ->
    Exists = fun(Target) -> alcove:kill(Drv, At, Target, 0) =/= {error, esrch} end,
    % the pid is not used again as long as there is a group of that number
    [Root || Root <- Roots, Exists(Root) orelse Exists(-Root)];
left(#family{drv = Drv, at = At, known = Known}) ->
    [
        Pid
     || {Pid, #{start := Start}} <- lists:sort(maps:to_list(Known)),
        alcove_proc:lives(Drv, At, Pid, Start)
    ].

%% @doc Stops all, so that none starts another, until a look finds no more, and kills them.
%%
%% Children are all that their parent has still: the pids of other roots may be used again.
-spec kill(family(), Children :: [alcove:pid_t()]) -> family().
kill(#family{roots = Roots} = Family, Children) ->
    Left = [Root || Root <- Roots, lists:member(Root, Children)],
    Frozen = freeze(look(Family#family{roots = Left}), ?ROUNDS),
    _ = signal(Frozen, sigkill),
    Frozen.

freeze(Family, 0) ->
    Family;
freeze(#family{known = Before} = Family, Rounds) ->
    _ = signal(Family, sigstop),
    case look(Family) of
        #family{known = After} = Same when map_size(After) =< map_size(Before) -> Same;
        More -> freeze(More, Rounds - 1)
    end.

%% A root may lead a group whose members cannot be seen.
signal(#family{drv = Drv, at = At, roots = Roots, known = Known}, Signal) ->
    Targets = [-Root || Root <- Roots] ++ lists:usort(Roots ++ maps:keys(Known)),
    [alcove:kill(Drv, At, Target, Signal) || Target <- Targets].
