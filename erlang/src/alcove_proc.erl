%% SPDX-License-Identifier: ISC

%% @doc Processes as /proc shows them to a process of the port.
%%
%% The kernel lists the children of each thread in a file, so what is below a process is found
%% at a cost that depends on it alone. Kernels without these files make it necessary to look at
%% all processes.
%% @hidden
-module(alcove_proc).

-export([
    below/4,
    lives/4,
    is_first/3,
    is_running/1,
    fields/1
]).

-export_type([
    process/0,
    found/0
]).

-type process() :: #{
    state := byte(),
    parent := alcove:pid_t(),
    group := alcove:pid_t(),
    session := alcove:pid_t(),
    start := non_neg_integer()
}.
%% Facts from proc(5). A pid that is used again has another start.

-type found() :: #{alcove:pid_t() => process()}.

%% @doc Some processes, those that exist of them, and all that are below.
%%
%% A pid that was known as that of another process, with another start, is passed over.
%% Processes are seen one after the other: those that are not stopped may start others
%% meanwhile. Returns an error if /proc cannot be read or is that of another pid namespace, whose
%% pids mean nothing here.
-spec below(alcove_drv:ref(), [alcove:pid_t()], [alcove:pid_t()], Known :: found()) ->
    {ok, found()} | {error, alcove:posix()}.
below(Drv, At, Pids, Known) ->
    case is_own(Drv, At) of
        true -> descend(Drv, At, Pids, Known, #{});
        false -> {error, enoent}
    end.

%% @doc True if a process with that pid and start exists and is not dead.
-spec lives(alcove_drv:ref(), [alcove:pid_t()], alcove:pid_t(), Start :: non_neg_integer()) ->
    boolean().
lives(Drv, At, Pid, Start) ->
    alcove:kill(Drv, At, Pid, 0) =/= {error, esrch} andalso
        case process(Drv, At, Pid) of
            {ok, #{state := State, start := Start}} -> not is_dead(State);
            {ok, _} -> false;
            {error, _} -> false
        end.

%% @doc True if the VM sees a process that is not dead. One that nobody waits for, as in a container
%% whose process 1 waits for none, is.
-spec is_running(alcove:pid_t()) -> boolean().
is_running(Pid) ->
    case file:read_file(["/proc/", integer_to_list(Pid), "/stat"]) of
        {ok, Stat} -> not is_dead(maps:get(state, fields(Stat)));
        {error, _} -> false
    end.

is_dead(State) -> State =:= $Z orelse State =:= $X.

%% @doc True if a child is process 1 of a pid namespace of its own.
-spec is_first(alcove_drv:ref(), [alcove:pid_t()], alcove:pid_t()) -> boolean().
is_first(Drv, At, Pid) ->
    Text = integer_to_binary(Pid),
    case pids(Drv, At, Text) of
        [Text, _ | _] = Pids -> lists:last(Pids) =:= <<"1">>;
        _ -> false
    end.

is_own(Drv, At) ->
    pids(Drv, At, <<"self">>) =:= [integer_to_binary(alcove:getpid(Drv, At))].

%% A process has one pid in each namespace from that of the mount down to its own.
pids(Drv, At, Name) ->
    case alcove_file:read(Drv, At, [<<"/proc/">>, Name, <<"/status">>]) of
        {ok, Status} ->
            Lines = binary:split(Status, <<"\n">>, [global]),
            lists:append([
                binary:split(Pids, <<"\t">>, [global])
             || <<"NSpid:\t", Pids/binary>> <- Lines
            ]);
        {error, _} ->
            []
    end.

descend(_Drv, _At, [], _Known, Found) ->
    {ok, Found};
descend(Drv, At, [Pid | Pids], Known, Found) when is_map_key(Pid, Found) ->
    descend(Drv, At, Pids, Known, Found);
descend(Drv, At, [Pid | Pids], Known, Found) ->
    case look(Drv, At, Pid, Known) of
        {ok, Process, Children} ->
            descend(Drv, At, Children ++ Pids, Known, Found#{Pid => Process});
        gone ->
            descend(Drv, At, Pids, Known, Found);
        {error, enotsup} ->
            scan(Drv, At, [Pid | Pids], Known, Found);
        {error, _} = Error ->
            Error
    end.

look(Drv, At, Pid, Known) ->
    case process(Drv, At, Pid) of
        {ok, Process} ->
            case is_same(Pid, Process, Known) andalso children(Drv, At, Pid) of
                false -> gone;
                {ok, Children} -> {ok, Process, Children};
                {error, _} = Error -> Error
            end;
        {error, Gone} when Gone =:= enoent; Gone =:= esrch ->
            gone;
        {error, _} = Error ->
            Error
    end.

is_same(Pid, #{start := Start}, Known) ->
    case Known of
        #{Pid := #{start := Other}} -> Start =:= Other;
        #{} -> true
    end.

%% Of all threads. One that ends meanwhile leaves its children to another.
children(Drv, At, Pid) ->
    Task = filename:join([<<"/proc">>, integer_to_binary(Pid), <<"task">>]),
    case alcove_file:names(Drv, At, Task) of
        {ok, Threads} -> children(Drv, At, Task, Threads, []);
        {error, Gone} when Gone =:= enoent; Gone =:= esrch -> {ok, []};
        {error, _} = Error -> Error
    end.

children(_Drv, _At, _Task, [], Children) ->
    {ok, Children};
children(Drv, At, Task, [Thread | Threads], Children) ->
    case alcove_file:read(Drv, At, filename:join([Task, Thread, <<"children">>])) of
        {ok, Text} ->
            More =
                [binary_to_integer(Pid) || Pid <- binary:split(Text, <<" ">>, [global, trim_all])],
            children(Drv, At, Task, Threads, More ++ Children);
        {error, _} ->
            case alcove_file:is_dir(Drv, At, filename:join(Task, Thread)) of
                true -> {error, enotsup};
                false -> children(Drv, At, Task, Threads, Children)
            end
    end.

%%
%% Without these files
%%

scan(Drv, At, Pids, Known, Found) ->
    case alcove_file:names(Drv, At, <<"/proc">>) of
        {ok, Names} ->
            All = maps:from_list([
                {Pid, Process}
             || <<Digit, _/binary>> = Name <- Names,
                Digit >= $0,
                Digit =< $9,
                Pid <- [binary_to_integer(Name)],
                % it may be gone by now
                {ok, Process} <- [process(Drv, At, Pid)]
            ]),
            Same = maps:filter(fun(Pid, P) -> is_same(Pid, P, Known) end, maps:with(Pids, All)),
            {ok, grow(maps:merge(Found, Same), All)};
        {error, _} = Error ->
            Error
    end.

grow(Found, All) ->
    More = maps:filter(
        fun(Pid, #{parent := Parent, group := Group, session := Session}) ->
            not is_map_key(Pid, Found) andalso
                lists:any(fun(P) -> is_map_key(P, Found) end, [Parent, Group, Session])
        end,
        All
    ),
    case map_size(More) of
        0 -> Found;
        _ -> grow(maps:merge(Found, More), All)
    end.

process(Drv, At, Pid) ->
    case alcove_file:read(Drv, At, [<<"/proc/">>, integer_to_binary(Pid), <<"/stat">>]) of
        {ok, Stat} -> {ok, fields(Stat)};
        {error, _} = Error -> Error
    end.

%% @doc Parses a stat file. The name, in parentheses, may have any bytes. See proc(5).
-spec fields(Stat :: binary()) -> process().
fields(Stat) ->
    [_, Fields] = string:split(Stat, ") ", trailing),
    [<<State>>, Parent, Group, Session | Rest] = binary:split(Fields, <<" ">>, [global]),
    #{
        state => State,
        parent => binary_to_integer(Parent),
        group => binary_to_integer(Group),
        session => binary_to_integer(Session),
        start => binary_to_integer(lists:nth(16, Rest))
    }.
