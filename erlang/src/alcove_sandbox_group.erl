%% SPDX-License-Identifier: ISC

%% @doc The control groups of a sandbox: limits of all processes of a program together.
%%
%% There is one group for each driver. The process of a program enters it by a descriptor that it has
%% inherited. Process 1 of its namespace is not in it: what the program does neither slows it down
%% nor kills it. The names of groups tell whose they are, so that those of who is gone are removed.
%% @hidden
-module(alcove_sandbox_group).

-export([
    none/0,
    create/3,
    open/3,
    steps/1,
    oom_kills/3,
    shared_memory/3,
    may_change/3,
    remove/2
]).

-export_type([group/0]).

-record(group, {
    dirs = [] :: [file:filename_all()],
    % what counts processes that were killed for want of memory
    events = none :: none | file:filename_all(),
    procs_fds = [] :: [alcove:fd()],
    events_fd = none :: none | alcove:fd(),
    stat_fd = none :: none | alcove:fd()
}).

-opaque group() :: #group{}.

-type limit() :: {memory | swap | processes | cpu_quota, number()}.

-define(NAME, "alcove-sandbox-").
-define(PERIOD, 100000).
-define(PATIENCE, 10000).

%% @doc Returns no group.
-spec none() -> group().
none() -> #group{}.

%% @doc Makes groups with these limits, which are named after a process. The port that makes them has to have
%% the rights to.
%%
%% In a tree of version 2 that is below the group of the port, beside it, or below the root: a group that
%% has processes hands nothing down.
-spec create(alcove_drv:ref(), alcove:pid_t(), [limit()]) ->
    {ok, group()} | {error, {alcove_sandbox_spec:feature(), term()}}.
create(_Drv, _Pid, []) ->
    {ok, none()};
create(Drv, Pid, Limits) ->
    try
        {ok, Mounts} = alcove_group:mounts(Drv, []),
        {ok, Own} = alcove_file:read(Drv, [], "/proc/self/cgroup"),
        Controllers = lists:usort([controller(Limit) || {Limit, _} <- Limits]),
        Name = {prefix(Drv, Pid), integer_to_binary(Pid)},
        case version2(Drv, Name, Mounts, Controllers) of
            {ok, Dir} ->
                limited(Drv, Limits, fun set2/2, fun(_) -> Dir end, events(Limits, Dir, "memory.events"));
            {error, _} = Error ->
                Find = dirs1(Drv, Name, alcove_group:v1(Mounts), lines(Own)),
                _ = [missing(Limit, Error) || {Limit, _} <- Limits, Find(controller(Limit)) =:= none],
                Dirs = lists:usort([Find(Controller) || Controller <- Controllers]),
                ok = made(Drv, Name, Dirs, Limits),
                Events = events(Limits, Find(<<"memory">>), "memory.oom_control"),
                limited(Drv, with_swap(Limits), fun set1/2, Find, Events)
        end
    catch
        throw:{error, _} = Failed -> Failed
    end.

controller(memory) -> <<"memory">>;
controller(swap) -> <<"memory">>;
controller(processes) -> <<"pids">>;
controller(cpu_quota) -> <<"cpu">>.

-spec missing(alcove_sandbox_spec:feature(), {error, term()}) -> no_return().
missing(Limit, {error, Reason}) -> throw({error, {Limit, Reason}}).

%% Pids are those of a namespace; groups of others may be in the same tree.
prefix(Drv, Pid) ->
    Args = [sys_readlinkat, {at_fdcwd, <<"/proc/self/ns/pid", 0>>, <<0:(64 * 8)>>, 64}],
    case alcove_steps:call(Drv, [Pid], syscall, Args, ?PATIENCE) of
        {ok, _, {_, _, Link, _}} -> <<?NAME, (<< <<C>> || <<C>> <= Link, C >= $0, C =< $9 >>)/binary, $->>;
        {error, Reason} -> throw({error, {cgroup, Reason}})
    end.

name({Prefix, Pid}) -> <<Prefix/binary, Pid/binary>>.

events(Limits, Dir, File) ->
    case lists:keymember(memory, 1, Limits) of
        true -> filename:join(Dir, File);
        false -> none
    end.

limited(Drv, Limits, Set, Find, Events) ->
    Group = #group{dirs = lists:usort([Find(controller(Limit)) || {Limit, _} <- Limits]), events = Events},
    try
        lists:foreach(fun({Limit, Value}) -> set(Drv, Limit, Find(controller(Limit)), Set(Limit, Value)) end, Limits),
        {ok, Group}
    catch
        throw:{error, _} = Error ->
            ok = remove(Drv, Group),
            Error
    end.

set(_Drv, _Limit, _Dir, []) ->
    ok;
set(Drv, Limit, Dir, [{Need, File, Text} | Files]) ->
    case {Need, alcove_file:write(Drv, [], filename:join(Dir, File), Text)} of
        {_, ok} -> set(Drv, Limit, Dir, Files);
        {may, {error, _}} -> set(Drv, Limit, Dir, Files);
        {must, {error, Reason}} -> throw({error, {Limit, {File, Reason}}})
    end.

%% A program that is out of memory is killed as a whole. It has no swap without a limit of it,
%% where that can be said.
set2(memory, Bytes) ->
    [
        {must, "memory.max", integer_to_list(Bytes)},
        {must, "memory.oom.group", "1"},
        {may, "memory.swap.max", "0"}
    ];
set2(swap, Bytes) ->
    [{must, "memory.swap.max", integer_to_list(Bytes)}];
set2(processes, N) ->
    [{must, "pids.max", integer_to_list(N)}];
set2(cpu_quota, Processors) ->
    [{must, "cpu.max", [quota(Processors), " ", integer_to_list(?PERIOD)]}].

%% The limit of swap is one of memory and swap together.
with_swap(Limits) ->
    [
        case Limit of
            {swap, Bytes} -> {swap, Bytes + proplists:get_value(memory, Limits)};
            _ -> Limit
        end
     || Limit <- Limits
    ].

set1(memory, Bytes) ->
    [
        {must, "memory.limit_in_bytes", integer_to_list(Bytes)},
        {may, "memory.memsw.limit_in_bytes", integer_to_list(Bytes)}
    ];
set1(swap, Bytes) ->
    [{must, "memory.memsw.limit_in_bytes", integer_to_list(Bytes)}];
set1(processes, N) ->
    [{must, "pids.max", integer_to_list(N)}];
set1(cpu_quota, Processors) ->
    [
        {must, "cpu.cfs_period_us", integer_to_list(?PERIOD)},
        {must, "cpu.cfs_quota_us", quota(Processors)}
    ].

quota(Processors) -> integer_to_list(round(Processors * ?PERIOD)).

%%
%% Version 2
%%

version2(Drv, Name, Mounts, Controllers) ->
    case {alcove_group:v2(Mounts), alcove_cgroup2:own(Drv, [])} of
        {[{Root, _} | _], {ok, Own}} -> first(Drv, Name, Root, Controllers, lists:usort([Own, above(Own), []]), none);
        _ -> {error, no_control_groups}
    end.

above([]) -> [];
above(Group) -> lists:droplast(Group).

%% The longest first. Why it was not possible there tells more than why it was not elsewhere.
first(_Drv, _Name, _Root, _Controllers, [], Error) ->
    Error;
first(Drv, Name, Root, Controllers, Groups, Before) ->
    Above = lists:last(Groups),
    Group = Above ++ [name(Name)],
    ok = sweep(Drv, Name, alcove_group:join(Root, Above)),
    case alcove_cgroup2:create(Drv, [], Group, Controllers) of
        ok -> {ok, alcove_group:join(Root, Group)};
        {error, _} = Error when Before =:= none -> first(Drv, Name, Root, Controllers, lists:droplast(Groups), Error);
        {error, _} -> first(Drv, Name, Root, Controllers, lists:droplast(Groups), Before)
    end.

%%
%% Version 1
%%

%% Where the group of a controller is to be.
dirs1(Drv, Name, Hierarchies, Own) ->
    fun(Controller) ->
        case [Root || {Root, Options} <- Hierarchies, lists:member(Controller, Options)] of
            [Root | _] -> filename:join(own1(Drv, Root, Controller, Own), name(Name));
            [] -> none
        end
    end.

%% What the port sees of the tree may begin below its root.
own1(Drv, Root, Controller, Own) ->
    Groups = [
        alcove_group:join(Root, [Group])
     || [_, Names, Group] <- Own,
        lists:member(Controller, binary:split(Names, <<",">>, [global]))
    ],
    case [Dir || Dir <- Groups, alcove_file:is_dir(Drv, [], Dir)] of
        [Dir | _] -> Dir;
        [] -> Root
    end.

lines(Text) ->
    [binary:split(Line, <<":">>, [global]) || Line <- alcove_group:split(Text, <<"\n">>)].

made(_Drv, _Name, [], _Limits) ->
    ok;
made(Drv, Name, [Dir | Dirs], [{Limit, _} | _] = Limits) ->
    ok = sweep(Drv, Name, filename:dirname(Dir)),
    case alcove:mkdir(Drv, [], Dir, 8#755) of
        ok -> made(Drv, Name, Dirs, Limits);
        {error, eexist} -> made(Drv, Name, Dirs, Limits);
        {error, Reason} -> throw({error, {Limit, Reason}})
    end.

%% Groups of processes that are gone.
sweep(Drv, {Prefix, _}, Above) ->
    case alcove_file:names(Drv, [], Above) of
        {ok, Names} ->
            Ours = [{Name, Pid} || Name <- Names, [<<>>, Pid] <- [binary:split(Name, Prefix)]],
            lists:foreach(
                fun(Name) -> alcove_group:remove(Drv, [], filename:join(Above, Name)) end,
                [Name || {Name, Pid} <- Ours, not alcove_file:is_dir(Drv, [], ["/proc/", Pid])]
            );
        {error, _} ->
            ok
    end.

%%
%% Use
%%

%% @doc Opens what is needed later, in a process that sees the groups.
-spec open(alcove_drv:ref(), [alcove:pid_t()], group()) -> {ok, group()} | {error, {cgroup, term()}}.
open(Drv, Path, #group{dirs = Dirs, events = Events} = Group) ->
    Procs = [{cgroup, {open, [filename:join(Dir, "cgroup.procs"), [o_wronly, o_cloexec], 0]}} || Dir <- Dirs],
    Counts = [
        {cgroup, {open, [File, [o_rdonly, o_cloexec], 0]}}
     || Events =/= none, File <- [Events, filename:join(filename:dirname(Events), "memory.stat")]
    ],
    case alcove_steps:run(Drv, Path, Procs ++ Counts, ?PATIENCE) of
        {ok, Replies} ->
            {FDs, More} = lists:split(length(Dirs), [FD || {ok, FD} <- Replies]),
            [EventsFD, StatFD | _] = More ++ [none, none],
            {ok, Group#group{procs_fds = FDs, events_fd = EventsFD, stat_fd = StatFD}};
        {error, _} = Error ->
            Error
    end.

%% @doc Returns the calls by which a process enters. From then on it sees no group but its own.
-spec steps(group()) -> [alcove_steps:step(cgroup)].
steps(#group{procs_fds = []}) ->
    [];
steps(#group{procs_fds = FDs}) ->
    [{cgroup, {write, [FD, <<"0">>]}} || FD <- FDs] ++ [{cgroup, {unshare, [[clone_newcgroup]]}}].

%% @doc Returns how many processes of the group were killed because it was out of memory, since it was made.
-spec oom_kills(alcove_drv:ref(), [alcove:pid_t()], group()) -> non_neg_integer().
oom_kills(Drv, Path, #group{events_fd = FD}) ->
    counted(Drv, Path, FD, <<"oom_kill">>).

%% @doc Returns how many bytes the group has of memory that may outlive processes: tmpfs and shmget(2).
-spec shared_memory(alcove_drv:ref(), [alcove:pid_t()], group()) -> non_neg_integer().
shared_memory(Drv, Path, #group{stat_fd = FD}) ->
    counted(Drv, Path, FD, <<"shmem">>).

counted(_Drv, _Path, none, _Name) ->
    0;
counted(Drv, Path, FD, Name) ->
    Read = [{cgroup, {lseek, [FD, 0, 0]}}, {cgroup, {read, [FD, 4096]}}],
    case alcove_steps:run(Drv, Path, Read, ?PATIENCE) of
        {ok, [_, {ok, Text}]} ->
            Words = [alcove_group:split(Line, <<" ">>) || Line <- alcove_group:split(Text, <<"\n">>)],
            lists:sum([binary_to_integer(N) || [Counted, N] <- Words, Counted =:= Name]);
        {error, _} ->
            0
    end.

%% @doc Reports whether a process may change the groups of its programs, or one that its port is in. In a user namespace
%% of its own they could mount the tree of groups then, and change their limits, or kill all who are in that one.
-spec may_change(alcove_drv:ref(), [alcove:pid_t()], group()) -> boolean().
may_change(Drv, Path, #group{dirs = Dirs}) ->
    MayWrite = fun(Dir) -> may_write(Drv, Path, filename:join(Dir, "cgroup.procs")) end,
    lists:any(MayWrite, Dirs ++ own_dirs(Drv)).

own_dirs(Drv) ->
    case {alcove_group:mounts(Drv, []), alcove_file:read(Drv, [], "/proc/self/cgroup")} of
        {{ok, Mounts}, {ok, Own}} ->
            Hierarchies = [{Root, [<<>>]} || {Root, _} <- alcove_group:v2(Mounts)] ++ alcove_group:v1(Mounts),
            [
                alcove_group:join(Root, [Group])
             || {Root, Options} <- Hierarchies,
                [_, Names, Group] <- lines(Own),
                lists:any(fun(Name) -> lists:member(Name, Options) end, binary:split(Names, <<",">>, [global]))
            ];
        {_, _} ->
            []
    end.

may_write(Drv, Path, File) ->
    case alcove:open(Drv, Path, File, [o_wronly, o_cloexec], 0) of
        {ok, FD} ->
            ok = alcove:close(Drv, Path, FD),
            true;
        {error, _} ->
            false
    end.

%% @doc Removes the groups; nobody is in there any more.
-spec remove(alcove_drv:ref(), group()) -> ok.
remove(Drv, #group{dirs = Dirs}) ->
    lists:foreach(fun(Dir) -> alcove_group:remove(Drv, [], Dir) end, Dirs).
