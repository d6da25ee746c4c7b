%% @doc Limits of the program in a sandbox that are limits of a process, and how it has ended by one.
%% @hidden
-module(alcove_sandbox_limits).

-include("alcove.hrl").

-export([
    steps/1,
    rlimit/1,
    verdict/3
]).

%% The hard limit of processor time ends who ignores the signal of the soft one.
-define(MORE_TIME, 1).

%% The kernel counts ticks for the limit, and tells what it has measured: that can be much less.
-define(TOLD, 2).

%% @doc What the process of the program does.
-spec steps(alcove_sandbox_spec:limits()) -> [alcove_job:before()].
steps(Limits) ->
    [{Name, {setrlimit, [Resource, Limit]}} || {Name, N} <- maps:to_list(Limits), {Resource, Limit} <- resource(Name, N)].

resource(cpu_time, Seconds) ->
    [{rlimit_cpu, #alcove_rlimit{cur = Seconds, max = Seconds + ?MORE_TIME}}];
resource(open_files, N) -> [{rlimit_nofile, rlimit(N)}];
resource(file_size, N) -> [{rlimit_fsize, rlimit(N)}];
resource(stack, N) -> [{rlimit_stack, rlimit(N)}];
resource(_Name, _N) -> [].

%% @doc A soft limit that is the hard one.
-spec rlimit(non_neg_integer()) -> #alcove_rlimit{}.
rlimit(N) -> #alcove_rlimit{cur = N, max = N}.

%% @doc How a program has ended, with what it has used.
-spec verdict(alcove_sandbox_spec:limits(), alcove_job:status(), alcove_job:used() | #{}) ->
    alcove_sandbox_spec:status().
verdict(#{cpu_time := Seconds}, {signal, Signal}, #{cpu_us := Us}) when
    Signal =:= sigxcpu orelse Signal =:= sigkill, Us * ?TOLD >= Seconds * 1000000
->
    cpu_time;
verdict(_Limits, Status, _Used) ->
    Status.
