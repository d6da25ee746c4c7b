%% SPDX-License-Identifier: ISC

%% @doc Starts one program below a keeper, feeds it, reads it and ends it.
%%
%% A keeper is a process of the port that is a subreaper and has one program at a time, see
%% {@link alcove_stop}. The process that owns the driver calls these functions, and passes what the
%% driver sends to {@link news/2}.
%% @hidden
-module(alcove_job).

-include("alcove.hrl").

-export([
    driver/2,
    keeper/4, keeper/5,
    options/2,
    become_user/3,
    grace/3,
    keeper_path/1,
    fork_ahead/1,
    ended/2,
    dismiss/2,
    kill_child/2,
    flush_below/2,
    start/4
]).
-export([
    news/2,
    verdict/3,
    drv/1,
    path/1,
    pid/1
]).
-export([
    write/3,
    eof/1,
    close/2,
    close_input/1,
    forget/2,
    read/2
]).
-export([
    kill/2,
    kill_group/1,
    ask/2,
    finish/2,
    flush/1,
    await_end/1,
    answers/2,
    kill_port/1,
    stop_driver/1
]).

-export_type([
    job/0,
    keeper/0,
    spec/0,
    before/0,
    confined/0,
    step/0,
    failure/0,
    status/0,
    used/0,
    news/0,
    result/0
]).

-record(keeper, {
    drv :: alcove_drv:ref(),
    path :: [alcove:pid_t(), ...],
    % /dev/null, for its programs
    null :: alcove:fd(),
    window :: pos_integer(),
    % forked ahead for the next program
    next = none :: none | alcove:pid_t(),
    confined = #{} :: #{} | confined()
}).

-record(job, {
    keeper :: #keeper{},
    pid :: alcove:pid_t(),
    % how the program has ended; news/2 returns it once the keeper says whether anything is left
    status = none :: none | status(),
    is_childless = false :: boolean(),
    % data to write, oldest first: who is told, the data, how much of it was taken
    writes = queue:new() :: queue:queue({term(), binary(), non_neg_integer()}),
    % an acknowledgement of a piece, or room in the pipe, which comes before the next piece is sent
    waits_for = none :: none | taken | room,
    input = open :: open | last | closed,
    % output that was read and not yet credited
    read = 0 :: non_neg_integer()
}).

-opaque job() :: #job{}.
-opaque keeper() :: #keeper{}.

-type spec() :: #{
    argv := [binary(), ...],
    stdin := pipe | {file, binary()} | binary(),
    atom() => term()
}.
%% Checked options, see {@link alcove_spec}.

-type step() ::
    driver | keeper | fork | session | sandbox | limits | user | cd | umask | env | stdin | stderr | exec | stop
    | alcove_sandbox_spec:step().
%% The step that has failed.

-type before() :: alcove_steps:step(step()).
%% A call that the process of the program makes, and what it is for.

-type confined() :: #{
    program := alcove:pid_t(),
    first := [before()],
    user := [before()],
    last := [before()],
    verdict := fun((status(), used() | #{}) -> alcove_sandbox_spec:status())
}.
%% A process for one program in a sandbox, which was forked before. `first', `user' and `last' are the calls that
%% it makes before all others, to change its user, and right before it executes. `verdict' says how the
%% program has ended in the view of the sandbox. The keeper is process 1 of a namespace, and ends with the
%% program.

-type failure() :: {error, {step(), Reason :: term()}}.

-type status() :: {exit, 0..255} | {signal, Name :: atom()}.
%% How a program has ended.

-type used() :: #{cpu_us := non_neg_integer(), max_memory := non_neg_integer()}.
%% Processor time in microseconds and the largest memory in bytes, of the program and what it
%% has waited for.

-type result() :: ok | {error, closed | timeout}.
%% What became of a write.

-type written() :: {written, [{Who :: term(), result(), Taken :: non_neg_integer()}], job()}.
%% The writes that are over, and the job without them.

-type news() ::
    {output, stdout | stderr, binary()}
    | written()
    | {used, used()}
    | {ended, status(), job()}
    | {lost, Reason :: term()}
    | none.
%% What a message of the driver says. `lost' is the end of the keeper.

%% The largest piece of input. A pipe takes it at once if it is empty.
-define(PIECE, 32768).

%% Of struct open_how.
-define(O_NOCTTY, 8#400).
-define(O_CLOEXEC, 8#2000000).
-define(RESOLVE_NO_MAGICLINKS, 2).

%% How long a call may take in a process of the port that never waits.
-define(PATIENCE, 10000).

%% How long such a call may take when something is to end: then a process further up ends it.
-define(ENDING, 4000).

%% How long it may take after another call has not been answered, or if a late answer does no harm.
-define(ANSWER, 1000).

%% The longest that a start may take: the process of the program may wait for a file, a directory.
-define(START, 60000).

%% How long to wait for a process that does not read, in milliseconds.
-define(BUSY, 10).

%% How long a process that was killed may take to be gone.
-define(KILLED, 5000).

%%
%% Start
%%

%% @doc Starts a driver for keepers, which the caller owns and which ends with the caller. Its port is a
%% subreaper too: when a keeper is killed, the port gets the processes that it leaves.
-spec driver([alcove_drv:option()], Grace :: non_neg_integer()) -> {ok, alcove_drv:ref()} | failure().
driver(Options, Grace) ->
    case start_driver([{monitor_owner, true} | Options]) of
        {ok, Drv} ->
            case alcove_stop:subreaper(Drv, []) of
                ok ->
                    ok = grace(Drv, [], Grace, ?PATIENCE),
                    {ok, Drv};
                {error, Reason} ->
                    alcove_drv:stop(Drv),
                    {error, {driver, Reason}}
            end;
        {error, Reason} ->
            {error, {driver, Reason}}
    end.

start_driver(Options) ->
    try
        alcove_drv:start(self(), Options)
    catch
        error:badarg -> {error, badarg}
    end.

%% @doc Sets how long programs have to end after the end of the driver.
-spec grace(alcove_drv:ref(), [alcove:pid_t()], non_neg_integer()) -> ok | {error, term()}.
grace(Drv, Path, Grace) ->
    grace(Drv, Path, Grace, ?ENDING).

grace(Drv, Path, Grace, Timeout) ->
    case alcove_steps:call(Drv, Path, setopt, [graceoneof, max(1, Grace)], Timeout) of
        true -> ok;
        false -> {error, enotsup};
        {error, _} = Error -> Error
    end.

%% @doc Forks a keeper below a process. `Window' is how many bytes of output may be on the way.
-spec keeper(alcove_drv:ref(), [alcove:pid_t()], Grace :: non_neg_integer(), Window :: pos_integer()) ->
    {ok, keeper()} | failure().
keeper(Drv, At, Grace, Window) ->
    case alcove_steps:call(Drv, At, fork, [], ?PATIENCE) of
        {ok, Pid} ->
            Path = At ++ [Pid],
            case set_up(Drv, Path, Grace, Window) of
                {ok, Null} -> {ok, #keeper{drv = Drv, path = Path, null = Null, window = Window}};
                {error, {driver, _} = Reason} -> {error, Reason};
                {error, Reason} -> {error, {keeper, Reason}}
            end;
        {error, {driver, _} = Reason} ->
            {error, Reason};
        {error, Reason} ->
            {error, {driver, Reason}}
    end.

set_up(Drv, Path, Grace, Window) ->
    Open = {keeper, {open, [<<"/dev/null">>, [o_rdwr, o_cloexec], 0]}},
    case alcove_steps:call(Drv, Path, setopt, [extensions, 1], ?PATIENCE) of
        true ->
            case alcove_steps:run(Drv, Path, options(Grace, Window) ++ [Open], ?PATIENCE) of
                {ok, Replies} ->
                    {ok, Null} = lists:last(Replies),
                    {ok, Null};
                {error, {keeper, Reason}} ->
                    {error, Reason}
            end;
        false ->
            {error, enotsup};
        {error, _} = Error ->
            Error
    end.

%% @doc Returns the calls that make a keeper of a process.
-spec options(Grace :: non_neg_integer(), Window :: pos_integer()) -> [before(), ...].
options(Grace, Window) ->
    Options = [
        {subreaper, 1},
        {graceoneof, max(1, Grace)},
        {stdin_taken, 1},
        {usage, 1},
        {childless, 1},
        {exit_status, 1},
        {termsig, 1},
        {stdin_closed, 0},
        {stdout_closed, 0},
        {stderr_closed, 0},
        {flowcontrol, -1},
        {flowbytes, Window},
        {signaloneof, 15}
    ],
    [{keeper, {setopt, [Name, Value]}} || {Name, Value} <- Options].

%% @doc Returns the keeper of a process that has these options and a descriptor of /dev/null. The programs below
%% it are confined.
-spec keeper(alcove_drv:ref(), [alcove:pid_t(), ...], Null :: alcove:fd(), Window :: pos_integer(), confined()) ->
    keeper().
keeper(Drv, Path, Null, Window, Confined) ->
    #keeper{drv = Drv, path = Path, null = Null, window = Window, confined = Confined}.

%% @doc Returns the pipeline of a keeper.
-spec keeper_path(keeper()) -> [alcove:pid_t(), ...].
keeper_path(#keeper{path = Path}) -> Path.

%% @doc Forks the process of the next program when the one before is gone, so that the start has less to wait for.
%% If that fails, the start tries again and returns the error.
-spec fork_ahead(keeper()) -> keeper().
fork_ahead(Keeper) ->
    case fork(Keeper) of
        {ok, Pid} -> Keeper#keeper{next = Pid};
        {error, _} -> Keeper#keeper{next = none}
    end.

fork(Keeper) -> call(Keeper, fork, [], ?PATIENCE).

%% A call that a keeper makes. How the keeper has ended may be the answer; that is news for whoever reads
%% the mailbox, all the same.
call(#keeper{drv = Drv, path = Path}, Name, Args, Timeout) ->
    case alcove_steps:call(Drv, Path, Name, Args, Timeout) of
        {error, {End, _} = How} = Error when End =:= exit_status; End =:= termsig ->
            self() ! {alcove_event, Drv, Path, How},
            Error;
        {error, badpid} = Error ->
            self() ! {alcove_ctl, Drv, Path, badpid},
            Error;
        Reply ->
            Reply
    end.

%% @doc Handles the end of a process between two programs. The keeper is lost with itself, with those above it,
%% and in a sandbox with the process of its program.
-spec ended([alcove:pid_t()], keeper()) -> {ok, keeper()} | lost.
ended(Path, #keeper{path = Keeper, next = Next, confined = Confined} = Idle) ->
    Program = Keeper ++ [maps:get(program, Confined, Next)],
    case lists:prefix(Path, Keeper) of
        true -> lost;
        false when Path =:= Program, Confined =/= #{} -> lost;
        false when Path =:= Program -> {ok, Idle#keeper{next = none}};
        false -> {ok, Idle}
    end.

%% @doc Ends a keeper with all that is below it, and removes the messages about it from the mailbox.
-spec dismiss(keeper(), Failure :: none | term()) -> ok | failure().
dismiss(#keeper{drv = Drv, path = Path}, Failure) ->
    Dismissed =
        case answers(Drv, Failure) of
            true -> stop_keeper(Drv, Path);
            false -> {error, {driver, timeout}}
        end,
    ok = flush_below(Drv, Path),
    Dismissed.

stop_keeper(Drv, Path) ->
    try alcove_stop:stop(Drv, Path, [{grace, 0}]) of
        {error, {still_running, Pids}} -> {error, {stop, {still_running, Pids}}};
        _ -> ok
    catch
        _:_ -> ok
    end.

%% @doc Kills a process that takes calls, and removes the messages about it from the mailbox.
-spec kill_child(alcove_drv:ref(), [alcove:pid_t(), ...]) -> ok.
kill_child(Drv, Path) ->
    _ = end_child(Drv, Path),
    flush_below(Drv, Path).

end_child(Drv, Path) ->
    {Above, [Pid]} = lists:split(length(Path) - 1, Path),
    case alcove_steps:call(Drv, Above, kill, [Pid, sigkill], ?PATIENCE) of
        ok -> child_ended(Drv, Path);
        {error, _} = Error -> Error
    end.

child_ended(Drv, Path) ->
    Ref = monitor(process, Drv),
    Ended =
        receive
            {alcove_event, Drv, Path, {End, _}} when End =:= exit_status; End =:= termsig -> ok;
            {'DOWN', Ref, process, _, Reason} -> {error, {driver, Reason}}
        after ?KILLED -> {error, timeout}
        end,
    demonitor(Ref, [flush]),
    Ended.

%% @doc Removes the messages about a process that has ended from the mailbox.
-spec flush_below(alcove_drv:ref(), [alcove:pid_t(), ...]) -> ok.
flush_below(Drv, [Pid] = Path) ->
    receive
        {_, Drv, [Pid | _], _} -> flush_below(Drv, Path)
    after 0 -> ok
    end;
flush_below(Drv, [Above, Pid] = Path) ->
    receive
        {_, Drv, [Above, Pid | _], _} -> flush_below(Drv, Path)
    after 0 -> ok
    end.

%% @doc Starts a program below a keeper, after some calls in its process.
%%
%% If this fails, nothing is left below the keeper, unless the step is `stop'. The reason is `timeout' if it
%% takes longer than `Timeout' or a minute.
-spec start(keeper(), spec(), [before()], timeout()) ->
    {ok, job()} | failure().
start(Keeper, Spec, Before, Timeout) ->
    case process(Keeper) of
        {ok, Pid} ->
            ok = forget_children(Keeper),
            Job = #job{keeper = Keeper, pid = Pid},
            case become(Job, Spec, Before, deadline(min(Timeout, ?START))) of
                ok -> {ok, with_input(Spec, Job)};
                {error, _} = Error -> undo(Job, Error)
            end;
        {error, Reason} ->
            {error, {fork, Reason}}
    end.

%% What was said when the program before had ended.
forget_children(#keeper{drv = Drv, path = Path} = Keeper) ->
    receive
        {alcove_ctl, Drv, Path, {childless, _}} -> forget_children(Keeper)
    after 0 -> ok
    end.

process(#keeper{confined = #{program := Pid}}) -> {ok, Pid};
process(#keeper{next = none} = Keeper) -> fork(Keeper);
process(#keeper{next = Pid}) -> {ok, Pid}.

with_input(#{stdin := pipe}, Job) -> Job;
with_input(#{stdin := <<_, _/binary>> = Data}, Job) ->
    {written, [], Writing} = write(input, Data, Job),
    eof(Writing);
with_input(_Spec, Job) -> Job#job{input = closed}.

undo(Job, Error) ->
    case kill(Job, sigkill, ?ENDING) of
        ok ->
            undone(Job#job{is_childless = childless(Job, ?KILLED) =:= true}, Error);
        {error, timeout} ->
            {error, {keeper, timeout}};
        {error, _} ->
            undone(Job, Error)
    end.

undone(Job, Error) ->
    flush(Job),
    case finish(Job, 0) of
        ok ->
            Error;
        {error, {keeper, _}} = Lost ->
            _ = kill_group(Job),
            Lost;
        Left ->
            Left
    end.

%% Calls that need no answer in between share one round trip. In a sandbox a file is opened with the rights of
%% the program, since it may be a link.
become(#job{keeper = #keeper{drv = Drv, path = Keeper, confined = Confined}} = Job, Spec, Before, Deadline) ->
    Path = path(Job),
    try
        Enter = lists:append([
            [{session, {setsid, []}}],
            maps:get(first, Confined, []),
            Before,
            [{sandbox, Call} || Call <- maps:get(sandbox, Spec, [])],
            maps:get(user, Confined, [])
        ]),
        Entered = enter(Drv, Path, Enter, Spec, Confined, Deadline),
        Steps = lists:append([
            stdin(Drv, Path, Job, Spec, Deadline),
            [{limits, {setrlimit, [Name, Limit]}} || {Name, Limit} <- maps:get(limits, Spec, [])],
            user(Drv, Keeper, Spec),
            settings(Spec),
            [{env, variable(Variable)} || Variable <- maps:get(env, Spec, [])],
            stderr(Job, Spec),
            maps:get(last, Confined, []),
            [{exec, {execvp, [hd(Argv), Argv]}} || Argv <- [maps:get(argv, Spec)]]
        ]),
        ok = made(alcove_steps:run(Drv, Path, Entered ++ Steps, left(Deadline)))
    catch
        throw:{error, _} = Error -> Error
    end.

made({ok, _}) -> ok;
made({error, _} = Error) -> throw(Error).

enter(Drv, Path, Enter, #{stdin := {file, _}}, #{user := _}, Deadline) ->
    ok = made(alcove_steps:run(Drv, Path, Enter, left(Deadline))),
    [];
enter(_Drv, _Path, Enter, _Spec, _Confined, _Deadline) ->
    Enter.

settings(Spec) ->
    lists:append([setting(Key, maps:get(Key, Spec)) || Key <- [cd, umask, clear_env], is_map_key(Key, Spec)]).

setting(cd, Dir) -> [{cd, {chdir, [Dir]}}];
setting(umask, Mask) -> [{umask, {setopt, [umask, Mask]}}];
setting(clear_env, true) -> [{env, {clearenv, []}}];
setting(clear_env, false) -> [].

variable({Name, false}) -> {unsetenv, [Name]};
variable({Name, Value}) -> {setenv, [Name, Value, 1]}.

%% Input that is empty needs no pipe.
stdin(_Drv, _Path, _Job, #{stdin := pipe}, _Deadline) ->
    [];
stdin(_Drv, _Path, #job{keeper = #keeper{null = Null}}, #{stdin := <<>>}, _Deadline) ->
    [{stdin, {setopt, [stdin, Null]}}];
stdin(_Drv, _Path, _Job, #{stdin := Data}, _Deadline) when is_binary(Data) ->
    [];
stdin(Drv, Path, #job{keeper = #keeper{confined = Confined}}, #{stdin := {file, File}}, Deadline) ->
    % the open of a fifo waits for a writer
    {Call, Args} = opened(File, Confined),
    case alcove_steps:call(Drv, Path, Call, Args, left(Deadline)) of
        {ok, FD} -> [{stdin, {setopt, [stdin, FD]}}];
        {ok, FD, _} -> [{stdin, {setopt, [stdin, FD]}}];
        {error, Reason} -> throw({error, {stdin, Reason}})
    end.

%% In a sandbox, links of /proc to descriptors and programs are not followed: the program of the process that
%% opens is a file of the machine.
opened(File, #{program := _}) ->
    How = <<(?O_CLOEXEC bor ?O_NOCTTY):64/native, 0:64, ?RESOLVE_NO_MAGICLINKS:64/native>>,
    {syscall, [sys_openat2, {at_fdcwd, <<File/binary, 0>>, How, byte_size(How)}]};
opened(File, _Unconfined) ->
    {open, [File, [o_rdonly, o_cloexec, o_noctty], 0]}.

stderr(_Job, #{stderr := merge}) -> [{stderr, {setopt, [stderr, 1]}}];
stderr(#job{keeper = #keeper{null = Null}}, #{stderr := discard}) -> [{stderr, {setopt, [stderr, Null]}}];
stderr(_Job, _Spec) -> [].

user(Drv, At, #{user := User}) ->
    {Uid, Gid, Groups} = ids(Drv, At, User),
    become_user(Uid, Gid, Groups);
user(_Drv, _At, _Spec) ->
    [].

%% @doc Returns the calls by which a process gets another user, who may open `/dev/stdout' and its like: the
%% pipes behind them belong to the user of the keeper. Others do not reach them, as they may not follow
%% links to the descriptors of a process.
-spec become_user(alcove:uid_t(), alcove:gid_t(), [alcove:gid_t()]) -> [before(), ...].
become_user(Uid, Gid, Groups) ->
    [
        {user, {syscall, [sys_fchmod, {FD, 8#666}]}}
     || os:type() =:= {unix, linux}, FD <- [0, 1, 2]
    ] ++
        [
            {user, {setgroups, [Groups]}},
            {user, {setresgid, [Gid, Gid, Gid]}},
            {user, {setresuid, [Uid, Uid, Uid]}}
        ].

ids(_Drv, _At, {_, _, _} = Ids) ->
    Ids;
ids(Drv, At, User) ->
    Users = fields(Drv, At, "/etc/passwd"),
    Found = [
        {Name, Uid, Gid}
     || [Name, _, Uid, Gid | _] <- Users,
        Name =:= User orelse (is_integer(User) andalso Uid =:= integer_to_binary(User))
    ],
    case Found of
        [{Name, Uid, Gid} | _] ->
            Groups = [
                binary_to_integer(Group)
             || [_, _, Group, Members | _] <- fields(Drv, At, "/etc/group"),
                lists:member(Name, binary:split(Members, <<",">>, [global]))
            ],
            Primary = binary_to_integer(Gid),
            {binary_to_integer(Uid), Primary, lists:usort([Primary | Groups])};
        [] ->
            throw({error, {user, enoent}})
    end.

fields(Drv, At, File) ->
    case alcove_file:read(Drv, At, File) of
        {ok, Text} ->
            Lines = binary:split(Text, <<"\n">>, [global, trim_all]),
            [binary:split(Line, <<":">>, [global]) || Line <- Lines];
        {error, Reason} ->
            throw({error, {user, Reason}})
    end.

deadline(Timeout) -> erlang:monotonic_time(millisecond) + Timeout.

left(Deadline) -> max(0, Deadline - erlang:monotonic_time(millisecond)).

%%
%% Messages of the driver
%%

%% @doc Returns the driver of the program.
-spec drv(job()) -> alcove_drv:ref().
drv(#job{keeper = #keeper{drv = Drv}}) -> Drv.

%% @doc Returns the pipeline of the program.
-spec path(job()) -> [alcove:pid_t(), ...].
path(#job{keeper = #keeper{path = Keeper}, pid = Pid}) -> Keeper ++ [Pid].

%% @doc Returns the pid of the program.
-spec pid(job()) -> alcove:pid_t().
pid(#job{pid = Pid}) -> Pid.

%% @doc Returns how a program has ended, in the view of its sandbox.
-spec verdict(job(), status(), used() | #{}) -> alcove_sandbox_spec:status().
verdict(#job{keeper = #keeper{confined = #{verdict := Verdict}}}, Status, Used) -> Verdict(Status, Used);
verdict(_Job, Status, _Used) -> Status.

%% @doc Returns what a message of the driver means.
-spec news(Message :: term(), job()) -> news().
news({Tag, Drv, Path, Term}, #job{keeper = #keeper{drv = Drv, path = Keeper}, pid = Pid} = Job) ->
    case lists:prefix(Keeper, Path) andalso lists:nthtail(length(Keeper), Path) of
        [Pid] -> of_program(Tag, Term, Job);
        [] -> of_keeper(Tag, Term, Job);
        % a process from which the keeper was forked
        false when Path =/= [] -> of_template(lists:prefix(Path, Keeper), Tag, Term, Job);
        _ -> none
    end;
news(_Message, _Job) ->
    none.

of_keeper(alcove_event, {Event, _} = End, _Job) when Event =:= exit_status; Event =:= termsig -> {lost, End};
of_keeper(alcove_ctl, badpid, _Job) ->
    {lost, badpid};
of_keeper(alcove_ctl, {childless, IsChildless}, #job{status = Status} = Job) when Status =/= none ->
    {ended, Status, Job#job{is_childless = IsChildless}};
of_keeper(alcove_pipe, _Taken, #job{waits_for = taken} = Job) ->
    % the keeper was busy, and the piece was refused as a whole
    ok = feed_later(Job),
    {written, [], Job#job{waits_for = room}};
of_keeper(_Tag, _Term, _Job) ->
    none.

of_template(true, alcove_event, Term, Job) -> of_keeper(alcove_event, Term, Job);
of_template(_IsAbove, _Tag, _Term, _Job) -> none.

of_program(alcove_stdout, Bytes, _Job) -> {output, stdout, Bytes};
of_program(alcove_stderr, Bytes, _Job) -> {output, stderr, Bytes};
of_program(alcove_event, {exit_status, Status}, Job) -> {written, [], Job#job{status = {exit, Status}}};
of_program(alcove_event, {termsig, Signal}, Job) -> {written, [], Job#job{status = {signal, Signal}}};
of_program(alcove_ctl, {stdin_taken, N}, Job) -> taken(N, Job);
of_program(alcove_ctl, {stdin_ready, _}, Job) -> feed([], Job#job{waits_for = none});
of_program(alcove_ctl, {stdin_error, _}, Job) -> close_input(Job);
of_program(alcove_ctl, Used, _Job) when is_tuple(Used), element(1, Used) =:= usage ->
    {used, used(alcove_linux:usage(Used))};
of_program(_Tag, _Term, _Job) -> none.

used(#{user := User, system := System, maxrss := KiB}) ->
    #{cpu_us => User + System, max_memory => KiB * 1024}.

%%
%% Input
%%

%% @doc Sends data once all data before it was taken. `{written, _, _}', here or from {@link news/2}, says that it is
%% done.
-spec write(Who :: term(), binary(), job()) -> written().
write(Who, Data, #job{input = open, writes = Writes} = Job) ->
    feed([], Job#job{writes = queue:in({Who, Data, 0}, Writes)});
write(Who, _Data, Job) ->
    {written, [{Who, {error, closed}, 0}], Job}.

%% @doc Closes the input once all data was taken.
-spec eof(job()) -> job().
eof(#job{input = open} = Job) ->
    {written, [], Fed} = feed([], Job#job{input = last}),
    Fed;
eof(Job) ->
    Job.

%% @doc Closes an output: no more of it is read.
-spec close(stdout | stderr, job()) -> ok.
close(Stream, Job) ->
    _ = close_stream(Stream, Job, ?PATIENCE),
    ok.

%% False while the keeper is busy. A program that has ended needs it no more.
close_stream(Stream, #job{keeper = Keeper, pid = Pid}, Timeout) ->
    case call(Keeper, cpid, [], Timeout) of
        {error, _} = Error ->
            is_heard(Error);
        Children ->
            FDs = [fd(Stream, Child) || #alcove_pid{pid = P} = Child <- Children, P =:= Pid],
            lists:all(fun(FD) -> is_heard(call(Keeper, close, [FD], Timeout)) end, FDs)
    end.

is_heard({error, timeout}) -> false;
is_heard({error, {eagain, _}}) -> false;
is_heard(_Reply) -> true.

fd(stdin, #alcove_pid{stdin = FD}) -> FD;
fd(stdout, #alcove_pid{stdout = FD}) -> FD;
fd(stderr, #alcove_pid{stderr = FD}) -> FD.

%% @doc Ends the wait of a writer. `{written, _, _}' says how much was taken, at once or when it is known.
-spec forget(Who :: term(), job()) -> written().
forget(Who, #job{writes = Writes, waits_for = For} = Job) ->
    case {queue:to_list(Writes), For} of
        {[{Who, Data, Taken} | Others], taken} ->
            {written, [], Job#job{writes = queue:from_list([{{late, Who}, Data, Taken} | Others])}};
        {All, _} ->
            {Late, Others} = lists:partition(fun({W, _, _}) -> W =:= Who end, All),
            Done = [{Who, {error, timeout}, Taken} || {_, _, Taken} <- Late],
            {written, Done, Job#job{writes = queue:from_list(Others)}}
    end.

%% If a piece was not taken whole, a message follows when there is room.
taken(N, #job{writes = Writes, waits_for = taken} = Job) ->
    {{value, {Who, Data, Before}}, Others} = queue:out(Writes),
    Taken = Before + N,
    For =
        case N =:= piece(Data, Before) of
            true -> none;
            false -> room
        end,
    case Who of
        {late, Late} ->
            feed([{Late, {error, timeout}, Taken}], Job#job{writes = Others, waits_for = For});
        _ when Taken =:= byte_size(Data) ->
            feed([{Who, ok, Taken}], Job#job{writes = Others, waits_for = For});
        _ ->
            feed([], Job#job{writes = queue:in_r({Who, Data, Taken}, Others), waits_for = For})
    end;
taken(_N, Job) ->
    {written, [], Job}.

piece(Data, Taken) -> min(?PIECE, byte_size(Data) - Taken).

feed(Done, #job{waits_for = For} = Job) when For =/= none ->
    {written, Done, Job};
feed(Done, #job{input = closed} = Job) ->
    {written, Closed, Last} = close_input(Job),
    {written, Done ++ Closed, Last};
feed(Done, #job{keeper = #keeper{drv = Drv}, writes = Writes} = Job) ->
    case queue:out(Writes) of
        {{value, {Who, <<>>, _}}, Others} ->
            feed([{Who, ok, 0} | Done], Job#job{writes = Others});
        {{value, {_, Data, Taken}}, _} ->
            ok = alcove_drv:stdin(Drv, path(Job), binary:part(Data, Taken, piece(Data, Taken))),
            {written, Done, Job#job{waits_for = taken}};
        {empty, _} when Job#job.input =:= last ->
            {written, Done, close_last(Job)};
        {empty, _} ->
            {written, Done, Job}
    end.

close_last(Job) ->
    case close_stream(stdin, Job, ?ANSWER) of
        true ->
            Job#job{input = closed};
        false ->
            ok = feed_later(Job),
            Job#job{waits_for = room}
    end.

feed_later(#job{keeper = #keeper{drv = Drv}} = Job) ->
    _ = erlang:send_after(?BUSY, self(), {alcove_ctl, Drv, path(Job), {stdin_ready, 0}}),
    ok.

%% @doc Gives up all writes that wait. `{written, _, _}' says how much of each was taken.
-spec close_input(job()) -> written().
close_input(#job{writes = Writes} = Job) ->
    Closed = [{writer(Who), {error, closed}, Taken} || {Who, _, Taken} <- queue:to_list(Writes)],
    {written, Closed, Job#job{writes = queue:new(), input = closed, waits_for = none}}.

writer({late, Who}) -> Who;
writer(Who) -> Who.

%% @doc Notes that so many bytes of output need no memory any more: the program may write as many again.
-spec read(non_neg_integer(), job()) -> job().
read(Size, #job{keeper = #keeper{window = Window} = Keeper, pid = Pid, read = Read} = Job) ->
    case Read + Size of
        Credit when 2 * Credit >= Window ->
            ok = give_credit(Keeper, [Pid, flowbytes_add, Credit]),
            Job#job{read = 0};
        Credit ->
            Job#job{read = Credit}
    end.

give_credit(Keeper, Args) ->
    case call(Keeper, setcpid, Args, ?ANSWER) of
        {error, {eagain, _}} ->
            timer:sleep(?BUSY),
            give_credit(Keeper, Args);
        % a program that has ended needs none
        _ ->
            ok
    end.

%%
%% End
%%

%% @doc Sends a signal to the program.
-spec kill(job(), alcove:constant()) -> ok | {error, term()}.
kill(Job, Signal) ->
    kill(Job, Signal, ?PATIENCE).

kill(#job{keeper = Keeper, pid = Pid}, Signal, Timeout) ->
    call(Keeper, kill, [Pid, Signal], Timeout).

%% @doc Kills the session's group of a program whose keeper is gone.
-spec kill_group(job()) -> ok | {error, term()}.
kill_group(#job{keeper = #keeper{drv = Drv, path = Keeper}, pid = Pid}) ->
    alcove_steps:call(Drv, lists:droplast(Keeper), kill, [-Pid, sigkill], ?ENDING).

%% @doc Sends a signal to the program and all that it has started.
-spec ask(job(), alcove:constant()) -> ok | {error, term()}.
ask(#job{keeper = Keeper}, Signal) ->
    case number(Keeper, Signal) of
        Number when is_integer(Number) ->
            case call(Keeper, setopt, [signalbelow, Number], ?ENDING) of
                true -> ok;
                false -> {error, enotsup};
                {error, _} = Error -> Error
            end;
        {error, _} = Error ->
            Error;
        _ ->
            {error, einval}
    end.

number(_Keeper, sigkill) -> 9;
number(_Keeper, sigterm) -> 15;
number(Keeper, Signal) when is_atom(Signal) -> call(Keeper, signal_constant, [Signal], ?ENDING);
number(_Keeper, Signal) -> Signal.

%% @doc Ends what a program that has ended has started. Those processes have so many milliseconds to end by
%% themselves. Those in a sandbox end with their keeper, and that with the program.
-spec finish(job(), Grace :: non_neg_integer()) -> ok | failure().
finish(#job{keeper = #keeper{drv = Drv, path = Path, confined = #{program := _}}}, _Grace) ->
    Ended =
        case child_ended(Drv, Path) of
            {error, timeout} -> end_child(Drv, Path);
            InTime -> InTime
        end,
    case Ended of
        ok -> ok;
        {error, timeout} -> {error, {stop, {still_running, [lists:last(Path)]}}};
        {error, {driver, _}} -> Ended;
        {error, Reason} -> {error, {keeper, Reason}}
    end;
finish(#job{is_childless = true}, _Grace) ->
    ok;
finish(Job, Grace) ->
    case ask(Job, sigterm) of
        {error, timeout} -> {error, {keeper, timeout}};
        _ -> kill_rest(Job, await_childless(Job, deadline(Grace)))
    end.

%% Each time that some have ended the keeper says if there are others.
await_childless(Job, Deadline) ->
    case childless(Job, left(Deadline)) of
        true -> ok;
        false -> await_childless(Job, Deadline);
        {error, _} = Error -> Error
    end.

childless(#job{keeper = #keeper{drv = Drv, path = Keeper}}, Timeout) ->
    Ref = monitor(process, Drv),
    Said =
        receive
            {alcove_ctl, Drv, Keeper, {childless, IsChildless}} -> IsChildless;
            {alcove_event, Drv, Keeper, {End, _} = How} when End =:= exit_status; End =:= termsig ->
                {error, {keeper, How}};
            {alcove_ctl, Drv, Keeper, badpid} -> {error, {keeper, badpid}};
            {'DOWN', Ref, process, _, Reason} -> {error, {driver, Reason}}
        after Timeout -> {error, timeout}
        end,
    demonitor(Ref, [flush]),
    Said.

kill_rest(Job, {error, timeout}) ->
    Kill = fun() ->
        case ask(Job, sigkill) of
            {error, timeout} -> {error, {keeper, timeout}};
            _ -> is_empty(Job)
        end
    end,
    case alcove_wait:until(Kill, ?KILLED) of
        {error, timeout} -> {error, {stop, {still_running, still_below(Job)}}};
        Gone -> failed(Gone)
    end;
kill_rest(_Job, Gone) ->
    failed(Gone).

failed(ok) -> ok;
failed({error, {_, _}} = Error) -> Error.

%% The wait of the keeper says whether anything is left below it. It collects orphans that have ended.
is_empty(#job{keeper = #keeper{drv = Drv, path = Keeper}} = Job) ->
    case alcove_steps:call(Drv, Keeper, waitpid, [-1, [wnohang]], ?ENDING) of
        {error, echild} -> true;
        {ok, Pid, _, _} when Pid > 0 -> is_empty(Job);
        {ok, _, _, _} -> false;
        {error, {driver, _} = Reason} -> {error, Reason};
        {error, Reason} -> {error, {keeper, Reason}}
    end.

still_below(#job{keeper = #keeper{drv = Drv, path = Keeper}}) ->
    Self = lists:last(Keeper),
    try
        alcove_family:left(alcove_family:find(Drv, Keeper, [Self])) -- [Self]
    catch
        % it has ended meanwhile
        _:_ -> [Self]
    end.

%% @doc Removes the messages about the program from the mailbox.
-spec flush(job()) -> ok.
flush(#job{keeper = #keeper{drv = Drv}} = Job) ->
    flush(Drv, path(Job)).

flush(Drv, Path) ->
    receive
        {_, Drv, Path, _} -> flush(Drv, Path)
    after 0 -> ok
    end.

%% @doc Waits until a keeper without a driver has ended what is below it, and then itself, as /proc shows.
-spec await_end(job()) -> ok | failure().
await_end(#job{keeper = #keeper{path = Keeper}}) ->
    Pid = lists:last(Keeper),
    case alcove_wait:until(fun() -> not alcove_proc:is_running(Pid) end, ?PATIENCE) of
        ok -> ok;
        {error, timeout} -> {error, {stop, {still_running, [Pid]}}}
    end.

%% @doc Reports whether the port answers. After a timeout it gets less time, since it has had some.
-spec answers(alcove_drv:ref(), Failure :: none | term()) -> boolean().
answers(Drv, Failure) ->
    Patience =
        case Failure of
            {_, timeout} -> ?ANSWER;
            _ -> ?PATIENCE
        end,
    alcove_steps:call(Drv, [], getpid, [], Patience) =/= {error, timeout}.

%% @doc Kills a port that does not answer. Then its keepers end what is below them.
-spec kill_port(alcove_drv:ref()) -> ok | {error, {stop, {still_running, [alcove:pid_t()]}}}.
kill_port(Drv) ->
    kill_port(Drv, os_pid(Drv)).

kill_port(Drv, none) ->
    stop_driver(Drv);
kill_port(Drv, Port) ->
    Keepers = children(Port),
    _ = alcove_kill:kill(Port, fun() -> alcove_drv:stop(Drv) end),
    IsGone = fun() -> not lists:any(fun alcove_proc:is_running/1, Keepers) end,
    case alcove_wait:until(IsGone, ?PATIENCE) of
        ok -> ok;
        {error, timeout} -> {error, {stop, {still_running, lists:filter(fun alcove_proc:is_running/1, Keepers)}}}
    end.

%% The children of its only thread.
children(Pid) ->
    case file:read_file(lists:concat(["/proc/", Pid, "/task/", Pid, "/children"])) of
        {ok, Text} -> [binary_to_integer(Child) || Child <- binary:split(Text, <<" ">>, [global, trim_all])];
        {error, _} -> []
    end.

os_pid(Drv) ->
    try erlang:port_info(alcove_drv:port(Drv), os_pid) of
        {os_pid, Pid} -> Pid;
        undefined -> none
    catch
        _:_ -> none
    end.

%% @doc Ends a driver, with all that is below its port.
-spec stop_driver(alcove_drv:ref()) -> ok | {error, {stop, {still_running, [alcove:pid_t()]}}}.
stop_driver(Drv) ->
    try alcove_stop:stop(Drv, [], [{grace, 0}]) of
        {error, {still_running, Pids}} ->
            alcove_drv:stop(Drv),
            {error, {stop, {still_running, Pids}}};
        {_, _} ->
            ok
    catch
        % the driver is gone
        exit:_ -> ok
    end.
