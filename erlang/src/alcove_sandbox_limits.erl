%% SPDX-License-Identifier: ISC

%% @doc Limits of the program in a sandbox that are limits of a process, and how it has ended by one.
%% @hidden
-module(alcove_sandbox_limits).

-include("alcove.hrl").

-export([
    for_groups/2,
    steps/2,
    verdict/4
]).

-export_type([processes/0]).

-type processes() :: of_group | non_neg_integer().
%% What limits processes: a group, or the limit of a user who has none but these and so many more.

%% The hard limit of processor time ends who ignores the signal of the soft one.
-define(MORE_TIME, 1).

%% The kernel counts ticks for the limit, and tells what it has measured: that can be much less.
-define(TOLD, 2).

%% 0 would let a core go to a program of the machine, by a pipe.
-define(NO_CORE, 1).

%% What the port may do more than others: go before all processes of the machine.
-define(NO_PRIORITY, [rlimit_rtprio, rlimit_nice]).

%% @doc Returns the limits for which a control group is needed.
-spec for_groups(alcove_sandbox_spec:limits(), processes()) -> [{atom(), number()}].
for_groups(Limits, Processes) ->
    [
        Limit
     || {Name, _} = Limit <- lists:sort(maps:to_list(Limits)),
        lists:member(Name, [memory, swap, cpu_quota]) orelse (Name =:= processes andalso Processes =:= of_group)
    ].

%% @doc Returns the calls that the process of the program makes.
-spec steps(alcove_sandbox_spec:limits(), processes()) -> [alcove_job:before()].
steps(Limits, Processes) ->
    [{limits, {setrlimit, [rlimit_core, rlimit(?NO_CORE)]}}] ++
        [{limits, {setrlimit, [Resource, rlimit(0)]}} || Resource <- ?NO_PRIORITY] ++
        [
            {Name, {setrlimit, [Resource, Limit]}}
         || {Name, N} <- maps:to_list(Limits), {Resource, Limit} <- resource(Name, N, Processes)
        ].

resource(cpu_time, Seconds, _) -> [{rlimit_cpu, #alcove_rlimit{cur = Seconds, max = Seconds + ?MORE_TIME}}];
resource(open_files, N, _) -> [{rlimit_nofile, rlimit(N)}];
resource(file_size, N, _) -> [{rlimit_fsize, rlimit(N)}];
resource(stack, N, _) -> [{rlimit_stack, rlimit(N)}];
resource(address_space, N, _) -> [{rlimit_as, rlimit(N)}];
resource(processes, N, Others) when is_integer(Others) -> [{rlimit_nproc, rlimit(N + Others)}];
resource(_Name, _N, _) -> [].

%% A soft limit that is the hard one.
rlimit(N) -> #alcove_rlimit{cur = N, max = N}.

%% @doc Returns how a program has ended, by what it has used. If that may be, the function is asked if any of its
%% processes was killed because the group was out of memory.
-spec verdict(
    alcove_sandbox_spec:limits(), alcove_job:status(), alcove_job:used() | #{}, fun(() -> boolean())
) -> alcove_sandbox_spec:status().
verdict(_Limits, {exit, 0} = Status, _Used, _IsOutOfMemory) ->
    Status;
verdict(Limits, Status, Used, IsOutOfMemory) ->
    case IsOutOfMemory() of
        true -> out_of_memory;
        false -> timed(Limits, Status, Used)
    end.

timed(#{cpu_time := Seconds}, {signal, Signal}, #{cpu_us := Us}) when
    Signal =:= sigxcpu orelse Signal =:= sigkill, Us * ?TOLD >= Seconds * 1000000
->
    cpu_time;
timed(_Limits, Status, _Used) ->
    Status.
