%% SPDX-License-Identifier: ISC

%% @doc A program in namespaces of its own, with little memory.
%%
%% It is the only process that it sees, has no network and no files but those of one directory.
%% All programs that are started so share one processor and 16 MiB, which a control group
%% sees to; the kernel kills a program that wants more.
%%
%% ```
%% 1> Drv = nsex:start().
%% 2> Sh = nsex:sandbox(Drv, ["/bin/busybox", "sh"]).
%% 31861
%% 3> alcove:stdin(Drv, [Sh], "echo $$\n").
%% 4> alcove:stdout(Drv, [Sh], 1000).
%% [<<"1\n">>]
%% 5> alcove:stdin(Drv, [Sh], "exec /busybox awk 'BEGIN { for (s = \"x\"; ; s = s s); }'\n").
%% 6> alcove:event(Drv, [Sh], 10000).
%% {termsig,sigkill}
%% 7> nsex:killed(Drv).
%% 1
%% 8> nsex:stop(Drv).
%% ok
%% '''
-module(nsex).

-export([start/0, start/1, stop/1, sandbox/1, sandbox/2, killed/1]).

-define(GROUP, ["alcove"]).
-define(MEMORY, 16 bsl 20).

%% @doc Starts a port with the rights of root, by sudo.
-spec start() -> alcove_drv:ref() | {error, term()}.
start() ->
    start([{exec, "sudo -n"}]).

%% @doc Starts a port with the options of {@link alcove_drv:start_link/1} and makes a control
%% group for its programs.
%%
%% Returns `{error, enotsup}' where there are no control groups, and another error if they do
%% not have what it takes.
-spec start([alcove_drv:option()]) -> alcove_drv:ref() | {error, term()}.
start(Options) ->
    {ok, Drv} = alcove_drv:start_link(Options),
    case make_group(Drv, alcove_cgroup:version(Drv, [])) of
        ok ->
            Drv;
        {error, _} = Error ->
            alcove_drv:stop(Drv),
            Error
    end.

%% In version 1 each controller has its own tree.
make_group(Drv, 1) ->
    ok = alcove_cgroup:create(Drv, [], ?GROUP),
    Bytes = integer_to_list(?MEMORY),
    % memory and swap together: not every kernel counts that
    _ = set(Drv, <<"memory">>, <<"memory.memsw.limit_in_bytes">>, Bytes),
    first_error([
        fun() -> set(Drv, <<"cpuset">>, <<"cpuset.cpus">>, "0") end,
        fun() -> set(Drv, <<"cpuset">>, <<"cpuset.mems">>, "0") end,
        fun() -> set(Drv, <<"memory">>, <<"memory.limit_in_bytes">>, Bytes) end
    ]);
make_group(Drv, 2) ->
    first_error([
        fun() -> alcove_cgroup2:create(Drv, [], ?GROUP, [<<"cpuset">>, <<"memory">>]) end,
        fun() ->
            % only kernels that swap have it
            _ = alcove_cgroup2:limit(Drv, [], ?GROUP, [{<<"memory.swap.max">>, 0}]),
            alcove_cgroup2:limit(Drv, [], ?GROUP, [
                {<<"cpuset.cpus">>, "0"},
                {<<"memory.max">>, ?MEMORY}
            ])
        end
    ]);
make_group(_Drv, none) ->
    {error, enotsup}.

set(Drv, Controller, Key, Value) ->
    alcove_cgroup:set(Drv, [], Controller, ?GROUP, Key, Value).

first_error([]) ->
    ok;
first_error([Step | Steps]) ->
    case Step() of
        ok -> first_error(Steps);
        {error, _} = Error -> Error
    end.

%% @doc Ends all programs, removes the group and stops the port.
-spec stop(alcove_drv:ref()) -> ok.
stop(Drv) ->
    ok = alcove_cgroup:kill(Drv, [], ?GROUP),
    ok = alcove_cgroup:destroy(Drv, [], ?GROUP),
    alcove_drv:stop(Drv).

%% @equiv sandbox(Drv, ["/bin/busybox", "cat"])
-spec sandbox(alcove_drv:ref()) -> alcove:pid_t().
sandbox(Drv) ->
    sandbox(Drv, ["/bin/busybox", "cat"]).

%% @doc Runs a program, a static one, with one argument.
-spec sandbox(alcove_drv:ref(), [string()]) -> alcove:pid_t().
sandbox(Drv, [Path, Arg]) ->
    {ok, Pid} = alcove:clone(Drv, [], [
        clone_newipc, clone_newnet, clone_newns, clone_newpid, clone_newuts
    ]),
    Program = "/" ++ filename:basename(Path),
    % while the process is still this program, so that what it starts is in the group too
    ok = alcove_cgroup:set(Drv, [], <<>>, ?GROUP, <<"tasks">>, integer_to_list(Pid)),
    change_root(Drv, [Pid], filename:dirname(Path)),
    drop_privileges(Drv, [Pid], id()),
    ok = alcove:execvp(Drv, [Pid], Program, [Program, Arg]),
    Pid.

%% @doc How many processes the kernel has killed because all together wanted too much memory.
-spec killed(alcove_drv:ref()) -> non_neg_integer().
killed(Drv) ->
    File =
        case alcove_cgroup:version(Drv, []) of
            1 -> <<"memory.oom_control">>;
            2 -> <<"memory.events">>
        end,
    {ok, Text} = alcove_cgroup:get(Drv, [], <<"memory">>, ?GROUP, File),
    {match, [Count]} = re:run(Text, "^oom_kill ([0-9]+)$", [
        multiline, {capture, all_but_first, binary}
    ]),
    binary_to_integer(Count).

change_root(Drv, Pids, Dir) ->
    ok = alcove:chroot(Drv, Pids, Dir),
    ok = alcove:chdir(Drv, Pids, "/").

drop_privileges(Drv, Pids, Id) ->
    ok = alcove:setgroups(Drv, Pids, []),
    ok = alcove:setresgid(Drv, Pids, Id, Id, Id),
    ok = alcove:setresuid(Drv, Pids, Id, Id, Id).

id() ->
    16#f0000000 + rand:uniform(16#ffff).
