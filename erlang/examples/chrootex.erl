%% SPDX-License-Identifier: ISC

%% @doc A program in a chroot.
%%
%% It sees one directory, creates no files and no processes, and belongs to a user who owns
%% nothing. Because of the directory it has to be a static one.
%%
%% ```
%% 1> {ok, Drv} = chrootex:start().
%% 2> Cat = chrootex:sandbox(Drv).
%% 31831
%% 3> alcove:stdin(Drv, [Cat], "test test\n").
%% 4> alcove:stdout(Drv, [Cat], 1000).
%% [<<"test test\n">>]
%% 5> Sh = chrootex:sandbox(Drv, ["/bin/busybox", "sh"]).
%% 31861
%% 6> alcove:stdin(Drv, [Sh], "ls\n").
%% 7> alcove:stderr(Drv, [Sh], 1000).
%% [<<"sh: ">>,<<"can't fork: Resource temporarily unavailable">>,<<"\n">>]
%% '''
-module(chrootex).

-include_lib("alcove/include/alcove.hrl").

-export([start/0, start/1, sandbox/1, sandbox/2]).

%% @doc Starts a port with the rights of root, by sudo.
-spec start() -> {ok, alcove_drv:ref()} | {error, term()}.
start() ->
    start([{exec, "sudo -n"}]).

%% @doc Starts a port with the options of {@link alcove_drv:start_link/1}.
-spec start([alcove_drv:option()]) -> {ok, alcove_drv:ref()} | {error, term()}.
start(Options) ->
    alcove_drv:start_link(Options).

%% @equiv sandbox(Drv, ["/bin/busybox", "cat"])
-spec sandbox(alcove_drv:ref()) -> alcove:pid_t().
sandbox(Drv) ->
    sandbox(Drv, ["/bin/busybox", "cat"]).

%% @doc Runs a program with one argument in a chroot of the directory that it is in.
-spec sandbox(alcove_drv:ref(), [string()]) -> alcove:pid_t().
sandbox(Drv, [Path, Arg]) ->
    {ok, Pid} = alcove:fork(Drv, []),
    Program = "/" ++ filename:basename(Path),
    set_limits(Drv, [Pid]),
    change_root(Drv, [Pid], filename:dirname(Path)),
    drop_privileges(Drv, [Pid], id()),
    ok = alcove:execvp(Drv, [Pid], Program, [Program, Arg]),
    Pid.

%% The files that are open already are all there will be.
set_limits(Drv, Pids) ->
    {ok, #alcove_rlimit{cur = Files}} = alcove:getrlimit(Drv, Pids, rlimit_nofile),
    set_limit(Drv, Pids, rlimit_fsize, 0),
    set_limit(Drv, Pids, rlimit_nofile, Files),
    set_limit(Drv, Pids, rlimit_nproc, 1).

set_limit(Drv, Pids, Resource, N) ->
    ok = alcove:setrlimit(Drv, Pids, Resource, #alcove_rlimit{cur = N, max = N}).

%% A working directory outside would be a way out.
change_root(Drv, Pids, Dir) ->
    ok = alcove:chroot(Drv, Pids, Dir),
    ok = alcove:chdir(Drv, Pids, "/").

%% The user last: nobody else may change groups.
drop_privileges(Drv, Pids, Id) ->
    ok = alcove:setgroups(Drv, Pids, []),
    ok = alcove:setresgid(Drv, Pids, Id, Id, Id),
    ok = alcove:setresuid(Drv, Pids, Id, Id, Id).

%% No user of the system has it, and no other sandbox.
id() ->
    16#f0000000 + rand:uniform(16#ffff).
