%% SPDX-License-Identifier: ISC

%% @doc A process that has everything ready that the runs of a sandbox inherit, and the first
%% process of each run, which is forked from it.
%%
%% The template has the mounts, the limits of what it may become and the user namespace. The first
%% process of a run has namespaces that no other run has. It is process 1 in there, keeps what is
%% below it, see {@link alcove_job}, and when it ends the kernel ends the rest.
%% @hidden
-module(alcove_sandbox_template).

-export([
    prepare/2,
    keeper/3,
    close_driver/3
]).

-export_type([template/0]).

-record(template, {
    drv :: alcove_drv:ref(),
    path :: [alcove:pid_t(), ...],
    spec :: alcove_sandbox_spec:checked(),
    privileges :: root | user_namespace,
    % those of the program inside, `none' for a user of its own for each run
    ids :: none | {alcove:uid_t(), alcove:gid_t()},
    null = none :: none | alcove:fd(),
    % the number of the next descriptor that the first process of a run opens
    next = none :: none | alcove:fd(),
    filter = none :: none | iodata(),
    processes :: alcove_sandbox_limits:processes(),
    group :: alcove_sandbox_group:group(),
    % how many runs there were, how many processes were killed for want of memory, and how many bytes of memory
    % stay when none of them is left
    counts :: counters:counters_ref()
}).

-opaque template() :: #template{}.

-define(PATIENCE, 10000).
-define(SIGKILL, 9).

%% How long a process that was killed may take to be gone.
-define(KILLED, 5000).
%% How long the kernel may take to free memory of processes that are gone. Files of a writable view may be memory,
%% too, and stay: there the wait is short.
-define(FREED, 2000).
-define(STAYS, 100).
%% The kernel's sums are not exact, and this part of the memory matters little.
-define(FEW, 8).

-define(NOBODY, 65534).

%% As on a machine that has none.
-define(NO_DOMAIN, <<"(none)">>).
-define(CAP_SYS_ADMIN, 21).

%% Who has one of these on the machine may have any number of processes, whatever the limit of the user is.
-define(UNLIMITED, [cap_sys_admin, cap_sys_resource]).

%% Users of single runs: the pid of a process that lives makes a number that nobody else has.
-define(UNIQUE, 16#70000000).
-define(PIDS, 16#3fffff).
-define(RUNS, 64).

%% How many files a tmpfs may have at least, and one more for so many bytes.
-define(FILES, 1024).
-define(BYTES_OF_FILE, 4096).

%% Where programs are looked for, unless the environment says so.
-define(PATH, <<"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin">>).

%% @doc Makes a template below the port of a driver that is owned by the caller.
-spec prepare(alcove_drv:ref(), alcove_sandbox_spec:checked()) ->
    {ok, template()} | {error, {alcove_job:step(), term()}}.
prepare(Drv, Spec) ->
    try
        Own = own_ids(Drv),
        Privileges = privileges(Drv, Own, Spec),
        Ids = ids(Own, Privileges, Spec),
        Path = [process(Drv, Own, Privileges, Ids)],
        true = checked(privileges, alcove_steps:call(Drv, Path, setopt, [extensions, 1], ?PATIENCE)),
        Processes = processes(Privileges, Ids, Spec),
        {Limits, Group} = group(Drv, Path, Processes, Spec),
        Possible = alcove_sandbox_optional:without(Drv, Path, Spec),
        fill(Own, #template{
            drv = Drv,
            path = Path,
            spec = Possible#{limits := Limits},
            privileges = Privileges,
            ids = Ids,
            processes = Processes,
            group = Group,
            counts = counters:new(3, [])
        })
    catch
        throw:{error, _} = Error -> Error
    end.

fill(Own, #template{drv = Drv, path = Path, spec = Spec, privileges = Privileges, ids = Ids} = Template) ->
    try
        Filter = filter(Template),
        Group = checked_ok(alcove_sandbox_group:open(Drv, Path, Template#template.group)),
        [{ok, Null} | _] = run(Drv, Path, own(Privileges, Ids, element(1, Own) =:= 0, Spec)),
        ok = last_user_namespace(Template#template{group = Group}),
        ok = checked(alcove_sandbox_root:enter(Drv, Path, Spec, Privileges =:= user_namespace)),
        ok = checked(capabilities, alcove_cap:set(Drv, Path, #{bounding => maps:get(capabilities, Spec)})),
        _ = run(Drv, Path, last()),
        {ok, Template#template{null = Null, next = next_descriptor(Drv, Path), filter = Filter, group = Group}}
    catch
        throw:{error, _} = Error ->
            ok = close(Template),
            Error
    end.

%% Another one below would be the way to the group of the port, if that belongs to its user, or to that of the
%% limits, which does. The default filter denies it anyway.
last_user_namespace(#template{spec = #{seccomp := default}}) ->
    ok;
last_user_namespace(#template{drv = Drv, path = Path, privileges = user_namespace, group = Group}) ->
    case alcove_sandbox_group:may_change(Drv, Path, Group) of
        true -> checked(cgroup, alcove_file:write(Drv, Path, "/proc/sys/user/max_user_namespaces", "0"));
        false -> ok
    end;
last_user_namespace(_Template) ->
    ok.

own_ids(Drv) ->
    {ok, _, Uid, _} = checked(driver, alcove_steps:call(Drv, [], getresuid, [], ?PATIENCE)),
    {ok, _, Gid, _} = checked(driver, alcove_steps:call(Drv, [], getresgid, [], ?PATIENCE)),
    {Uid, Gid}.

%% Who may trace is held from process 1 by nothing but a user namespace: there it has no rights over a process that
%% began outside.
privileges(Drv, Own, #{privileges := Privileges, capabilities := Caps} = Spec) ->
    case {lists:member(cap_sys_ptrace, Caps), Privileges} of
        {true, root} -> throw({error, {capabilities, {cap_sys_ptrace, needs_user_namespace}}});
        {true, _} -> user_namespace;
        {false, _} -> possible(Drv, Own, Spec)
    end.

%% In a container root may have less.
possible(Drv, {0, _}, #{privileges := auto}) ->
    {ok, Status} = checked(driver, alcove_file:read(Drv, [], "/proc/self/status")),
    {match, [Capabilities]} = re:run(Status, "^CapEff:\\s*(\\w+)", [multiline, {capture, all_but_first, binary}]),
    case binary_to_integer(Capabilities, 16) band (1 bsl ?CAP_SYS_ADMIN) of
        0 -> user_namespace;
        _ -> root
    end;
possible(_Drv, _Own, #{privileges := auto}) ->
    user_namespace;
possible(_Drv, _Own, #{privileges := Privileges}) ->
    Privileges.

%% The user of the port is the only one that it can be in a user namespace of its own, whatever his
%% number is inside.
ids(_Own, root, #{user := Default}) when Default =:= default; Default =:= unique -> none;
ids(_Own, user_namespace, #{user := unique}) -> throw({error, {user, needs_root}});
ids(_Own, _Privileges, #{user := Nobody}) when Nobody =:= default; Nobody =:= nobody -> {?NOBODY, ?NOBODY};
ids(Own, _Privileges, #{user := keep}) -> Own;
ids(_Own, _Privileges, #{user := Ids}) -> Ids.

process(Drv, _Own, root, _Ids) ->
    forked(alcove_steps:call(Drv, [], fork, [], ?PATIENCE));
process(Drv, Own, user_namespace, {Uid, Gid}) ->
    Pid = forked(alcove_steps:call(Drv, [], clone, [[clone_newuser, clone_newns]], ?PATIENCE)),
    {OuterUid, OuterGid} = outer(Drv, Own, Pid),
    ok = map(Drv, Pid, "uid_map", io_lib:format("~b ~b 1", [Uid, OuterUid])),
    ok = map(Drv, Pid, "gid_map", io_lib:format("~b ~b 1", [Gid, OuterGid])),
    Pid.

%% root takes the number of nobody, others have none but their own and keep their groups.
outer(_Drv, {0, _}, Pid) ->
    {unique(Pid, 0), unique(Pid, 0)};
outer(Drv, Own, Pid) ->
    ok = map(Drv, Pid, "setgroups", "deny"),
    Own.

forked({ok, Pid}) -> Pid;
forked({error, Reason}) -> throw({error, {privileges, Reason}}).

map(Drv, Pid, File, Text) ->
    checked(privileges, alcove_file:write(Drv, [], ["/proc/", integer_to_list(Pid), $/, File], Text)).

filter(#template{drv = Drv, path = Path, spec = #{seccomp := Seccomp, capabilities := Caps} = Spec} = Template) ->
    Conditions = #{
        capabilities => Caps, writable => alcove_sandbox_spec:is_writable(Spec), guarded => is_guarded(Template)
    },
    case alcove_sandbox_seccomp:filter(Drv, Path, Seccomp, Conditions) of
        {ok, Filter} -> Filter;
        {error, Reason} -> throw({error, {seccomp, Reason}})
    end.

%% Below root a user of the machine, and who could become one, may own a group that he could mount in a user
%% namespace: that of the port, or that of his limits. There only a filter takes those namespaces away.
is_guarded(#template{privileges = root, ids = Ids, spec = #{capabilities := Caps}}) ->
    Ids =/= none orelse Caps =/= [];
is_guarded(_Template) ->
    false.

%% In a user namespace of its own the template and the first process of a run are of the same user.
processes(root, none, #{capabilities := Caps}) ->
    case [Cap || Cap <- Caps, lists:member(Cap, ?UNLIMITED)] of
        [] -> 0;
        _ -> of_group
    end;
processes(root, _Ids, _Spec) ->
    of_group;
processes(user_namespace, _Ids, _Spec) ->
    2.

%% What cannot be had, and need not be, is left out. Then memory is what one process may map.
group(Drv, [Pid] = Path, Processes, #{limits := Limits} = Spec) ->
    case alcove_sandbox_group:create(Drv, Pid, alcove_sandbox_limits:for_groups(Limits, Processes)) of
        {ok, Group} ->
            {Limits, Group};
        {error, {Limit, Reason}} ->
            Lacking = with_it(Limit, Limits),
            _ = [throw({error, {Name, Reason}}) || Name <- Lacking, alcove_sandbox_spec:is_required(Name, Spec)],
            group(Drv, Path, Processes, Spec#{limits := without(Lacking, Limits)})
    end.

with_it(memory, #{swap := _}) -> [memory, swap];
with_it(Limit, _Limits) -> [Limit].

without([memory | _] = Lacking, #{memory := Bytes} = Limits) ->
    (maps:without(Lacking, Limits))#{address_space => Bytes};
without(Lacking, Limits) ->
    maps:without(Lacking, Limits).

%% The maps are written: from now on nobody but root looks into it.
own(Privileges, Ids, Groups, #{hostname := Hostname}) ->
    [
        {dev, {open, [<<"/dev/null">>, [o_rdwr, o_cloexec], 0]}},
        {descriptors, {syscall, [sys_close_range, {6, 16#ffffffff, 4}]}},
        {namespaces, {unshare, [[clone_newns || Privileges =:= root] ++ [clone_newuts]]}},
        {hostname, {sethostname, [Hostname]}},
        {hostname, {syscall, [sys_setdomainname, {?NO_DOMAIN, byte_size(?NO_DOMAIN)}]}}
    ] ++
        [
            {user, Call}
         || Privileges =:= user_namespace,
            {Uid, Gid} <- [Ids],
            Call <- [{setgroups, [[]]} || Groups] ++ [{setresgid, [Gid, Gid, Gid]}, {setresuid, [Uid, Uid, Uid]}]
        ] ++ hidden().

hidden() ->
    [{dumpable, {prctl, [pr_set_dumpable, 0, 0, 0, 0]}}].

last() ->
    [
        {no_new_privs, {prctl, [pr_set_no_new_privs, 1, 0, 0, 0]}},
        {env, {clearenv, []}},
        {env, {setenv, [<<"PATH">>, ?PATH, 1]}},
        {umask, {setopt, [umask, 8#022]}},
        {proc, {setproctitle, [<<"sandbox">>]}},
        % the event of the end says enough
        {keeper, {setopt, [fdctl_closed, 0]}}
    ] ++ hidden().

%% The first process of a run has the same descriptors, and gets the same number for the next one.
next_descriptor(Drv, Path) ->
    {ok, FD} = checked(descriptors, alcove_steps:call(Drv, Path, socket, [af_unix, sock_stream, 0], ?PATIENCE)),
    ok = checked(descriptors, alcove_steps:call(Drv, Path, close, [FD], ?PATIENCE)),
    FD.

%%
%% A run
%%

%% @doc Forks the first process of a run, with nothing that another run has or had.
-spec keeper(template(), Grace :: non_neg_integer(), Window :: pos_integer()) ->
    {ok, alcove_job:keeper()} | {error, {alcove_job:step(), term()}}.
keeper(#template{drv = Drv, path = At, spec = Spec} = Template, Grace, Window) ->
    ok = forget_last(Template),
    % with it the kernel ends what the program has left
    Options = alcove_job:options(Grace, Window) ++ [{keeper, {setopt, [oneshot, 1]}}],
    Steps = Options ++ hidden() ++ network(Template) ++ fresh(Template) ++ [{fork, {fork, []}}],
    case alcove_steps:fork(Drv, At, {namespaces, {clone, [namespaces(Spec)]}}, Steps, ?PATIENCE) of
        {ok, Path, Made} ->
            try
                {ok, Program} = lists:last(checked_ok(Made)),
                % the kernel takes long for it, so not when somebody waits for the program
                _ = run(Drv, Path ++ [Program], alcove_sandbox_group:steps(Template#template.group)),
                Confined = (confined(lists:last(Path), Template))#{program => Program},
                {ok, alcove_job:keeper(Drv, Path, Template#template.null, Window, Confined)}
            catch
                throw:{error, _} = Error ->
                    ok = alcove_job:kill_child(Drv, Path),
                    Error
            end;
        {error, _} = Error ->
            Error
    end.

namespaces(#{network := host}) -> [clone_newns, clone_newpid, clone_newipc, clone_newuts, clone_newcgroup];
namespaces(_Spec) -> [clone_newnet | namespaces(#{network => host})].

fresh(#template{privileges = Privileges, spec = Spec}) ->
    proc(Privileges, Spec) ++ tmp(Spec) ++ dev(Spec) ++
        [{keyring, alcove_sandbox_optional:keyring()} || maps:get(keyring, Spec, true)].

proc(_Privileges, #{proc := false}) ->
    [];
proc(Privileges, Spec) ->
    [
        {proc, {mount, ["proc", "/proc", "proc", [ms_nosuid, ms_nodev, ms_noexec], "subset=pid,hidepid=invisible", ""]}}
    ] ++
        partly(Spec) ++
        [
            {proc, {umount2, [Aside, [mnt_detach]]}}
         || Privileges =:= user_namespace,
            Aside <- [alcove_sandbox_root:aside(Spec)],
            Aside =/= <<"/proc">>
        ].

%% Who sees all of a proc may mount one without these options in a user namespace. The default filter
%% denies those; otherwise a part is covered, for good in the eyes of a new user namespace.
partly(#{seccomp := default}) ->
    [];
partly(_Spec) ->
    Flags = [ms_rdonly, ms_nosuid, ms_nodev, ms_noexec],
    [{proc, {mount, ["none", "/proc/1", "tmpfs", Flags, "mode=555,size=4k", ""]}}].

tmp(#{tmp := none}) -> [];
tmp(#{tmp := Bytes}) -> [tmpfs(tmp, "/tmp", Bytes)].

dev(#{dev := none}) ->
    [];
dev(#{dev := Kind, tmp := Tmp}) ->
    Pts = {mount, ["devpts", "/dev/pts", "devpts", [ms_nosuid, ms_noexec], "newinstance,ptmxmode=0666,mode=620", ""]},
    [tmpfs(dev, "/dev/shm", shm(Tmp))] ++ [{dev, Pts} || Kind =:= pts].

shm(none) -> 1 bsl 20;
shm(Bytes) -> Bytes.

%% An empty file takes memory of the kernel, too.
tmpfs(Step, Place, Bytes) ->
    Files = ?FILES + Bytes div ?BYTES_OF_FILE,
    Options = ["mode=1777,size=", integer_to_list(Bytes), ",nr_inodes=", integer_to_list(Files)],
    {Step, {mount, ["tmpfs", Place, "tmpfs", [ms_nosuid, ms_nodev], Options, ""]}}.

%% The interface lo is up with the flags IFF_UP and IFF_RUNNING, of struct ifreq.
network(#template{spec = #{network := loopback}, next = FD}) ->
    Up = <<"lo", 0:(14 * 8), (16#41):16/native, 0:(22 * 8)>>,
    [
        {network, {syscall, [sys_socket, {2, [sock_dgram, sock_cloexec], 0}]}},
        {network, {syscall, [sys_ioctl, {FD, 16#8914, Up}]}},
        {network, {close, [FD]}}
    ];
network(_Template) ->
    [].

%%
%% The program
%%

confined(Pid, #template{spec = Spec, filter = Filter} = Template) ->
    #{limits := Limits, capabilities := Caps} = Spec,
    #{
        % and so it needs no memory for any
        first => [{keeper, {setopt, [maxchild, 0]}} | alcove_sandbox_limits:steps(Limits, Template#template.processes)],
        user => user(Pid, Template) ++ capabilities(Caps),
        last => [{seccomp, {seccomp, [seccomp_set_mode_filter, 0, Filter]}} || Filter =/= none],
        verdict => fun(Status, Used) ->
            alcove_sandbox_limits:verdict(Limits, Status, Used, fun() -> killed(Template) > 0 end)
        end
    }.

%% Processes that were killed in the run before are not of this one, however that has ended. Its memory is not
%% either: the kernel frees that of shmget(2) when it has time. What does not go away are files of others.
forget_last(#template{spec = #{limits := #{memory := Memory}} = Spec, counts = Counts} = Template) ->
    _ = killed(Template),
    Stayed = counters:get(Counts, 3),
    IsFree = fun() ->
        Bytes = shared_memory(Template),
        ok = counters:put(Counts, 3, Bytes),
        Bytes =< Stayed + Memory div ?FEW
    end,
    Patience =
        case alcove_sandbox_spec:is_writable(Spec) of
            true -> ?STAYS;
            false -> ?FREED
        end,
    _ = alcove_wait:until(IsFree, Patience),
    ok;
forget_last(_Template) ->
    ok.

shared_memory(#template{drv = Drv, path = Path, group = Group}) ->
    alcove_sandbox_group:shared_memory(Drv, Path, Group).

%% How many for want of memory, since this was asked before.
killed(#template{drv = Drv, path = Path, group = Group, counts = Counts}) ->
    Killed = alcove_sandbox_group:oom_kills(Drv, Path, Group),
    Before = counters:get(Counts, 2),
    ok = counters:put(Counts, 2, Killed),
    Killed - Before.

user(_Pid, #template{privileges = user_namespace}) ->
    [];
user(Pid, #template{ids = none, counts = Counts} = Template) ->
    ok = counters:add(Counts, 1, 1),
    Id = unique(Pid, counters:get(Counts, 1)),
    user(Pid, Template#template{ids = {Id, Id}});
user(_Pid, #template{ids = {Uid, Gid}, spec = #{capabilities := Caps}}) ->
    [{capabilities, {prctl, [pr_set_keepcaps, 1, 0, 0, 0]}} || Caps =/= []] ++
        alcove_job:become_user(Uid, Gid, []).

unique(Pid, Run) -> ?UNIQUE + (Pid band ?PIDS) * ?RUNS + Run rem ?RUNS.

capabilities(Caps) ->
    alcove_cap:steps(capabilities, Caps) ++ hidden().

%% @doc Ends a driver, in whatever state, with its sandbox if it has one.
-spec close_driver(alcove_drv:ref(), none | template(), Failure :: none | term()) -> ok | {error, {stop, term()}}.
close_driver(Drv, Template, Failure) ->
    case alcove_job:answers(Drv, Failure) of
        true ->
            ok = closed(Template),
            alcove_job:stop_driver(Drv);
        % the next one removes its group
        false ->
            alcove_job:kill_port(Drv)
    end.

closed(none) ->
    ok;
closed(Template) ->
    try
        close(Template)
    catch
        % the driver is gone; the next one removes its group
        exit:_ -> ok
    end.

%% Nobody else is below the port.
close(#template{drv = Drv, group = Group}) ->
    _ = alcove_steps:call(Drv, [], setopt, [signalbelow, ?SIGKILL], ?PATIENCE),
    IsEmpty = fun() -> is_empty(alcove_steps:call(Drv, [], waitpid, [-1, [wnohang]], ?PATIENCE)) end,
    _ = alcove_wait:until(IsEmpty, ?KILLED),
    alcove_sandbox_group:remove(Drv, Group).

is_empty({error, echild}) -> true;
is_empty({error, _} = Error) -> Error;
is_empty({ok, _, _, _}) -> false.

%%
%% Calls
%%

run(Drv, Path, Steps) ->
    case alcove_steps:run(Drv, Path, Steps, ?PATIENCE) of
        {ok, Replies} -> Replies;
        {error, _} = Error -> throw(Error)
    end.

checked_ok({ok, Value}) -> Value;
checked_ok({error, _} = Error) -> throw(Error).

checked(ok) -> ok;
checked({error, _} = Error) -> throw(Error).

checked(Step, {error, Reason}) -> throw({error, {Step, Reason}});
checked(Step, false) -> throw({error, {Step, enotsup}});
checked(_Step, Reply) -> Reply.
