%% SPDX-License-Identifier: ISC

%% @doc Blinks an LED on a pin of the machine, with as few rights as that takes.
%%
%% Root is needed to open files of sysfs, not to write to them. One process opens the
%% direction of the pin, another the file that gives the pin back. Then both are confined to
%% a directory, as a user who owns nothing. They only write to what they have open.
%%
%% ```
%% 1> gpioled:start(17).
%% ok
%% 2> gpioled:start(17, 10).
%% ok
%% '''
%%
%% See the kernel's documentation of the GPIO interface in sysfs.
-module(gpioled).

-export([start/1, start/2, start/3]).

-export_type([option/0]).

-type option() ::
    {sysfs, file:name()}
    | {interval, Milliseconds :: non_neg_integer()}
    | alcove_drv:option().
%% `sysfs' is `/sys/class/gpio' and `interval' 100 by default. The others are for the port
%% program, by default `[{exec, "sudo -n"}]'.

%% @equiv start(Gpio, 1000)
-spec start(Gpio :: non_neg_integer()) -> ok.
start(Gpio) ->
    start(Gpio, 1000).

%% @equiv start(Gpio, N, [])
-spec start(Gpio :: non_neg_integer(), N :: non_neg_integer()) -> ok.
start(Gpio, N) ->
    start(Gpio, N, []).

%% @doc Switches the LED at a pin off and on N times.
-spec start(Gpio :: non_neg_integer(), N :: non_neg_integer(), [option()]) -> ok.
start(Gpio, N, Options) ->
    Sysfs = proplists:get_value(sysfs, Options, "/sys/class/gpio"),
    Interval = proplists:get_value(interval, Options, 100),
    Exec = proplists:get_value(exec, Options, "sudo -n"),
    {ok, Drv} = alcove_drv:start_link([{exec, Exec} | Options]),
    export(Drv, Sysfs, Gpio),
    {Led, Direction} = led(Drv, filename:join(Sysfs, "gpio" ++ integer_to_list(Gpio))),
    Unexport = keeper(Drv, filename:join(Sysfs, "unexport")),
    blink(Drv, [Led], Direction, Interval, N),
    {ok, _} = alcove:write(Drv, [], Unexport, integer_to_list(Gpio)),
    alcove_drv:stop(Drv).

%% The pin may be in use from last time: EBUSY.
export(Drv, Sysfs, Gpio) ->
    {ok, FD} = open(Drv, [], filename:join(Sysfs, "export")),
    case alcove:write(Drv, [], FD, integer_to_list(Gpio)) of
        {ok, _} -> ok;
        {error, ebusy} -> ok
    end,
    ok = alcove:close(Drv, [], FD).

%% A process that sees nothing but the pin.
led(Drv, Dir) ->
    {ok, Pid} = alcove:clone(Drv, [], [clone_newipc, clone_newnet, clone_newns, clone_newuts]),
    confine(Drv, [Pid], Dir),
    {ok, FD} = open(Drv, [Pid], "/direction"),
    drop_privileges(Drv, [Pid]),
    {Pid, FD}.

%% The port itself, which sees nothing but its own program.
keeper(Drv, Path) ->
    {ok, FD} = open(Drv, [], Path),
    ok = alcove:unshare(Drv, [], [clone_newipc, clone_newnet, clone_newns, clone_newuts]),
    confine(Drv, [], filename:dirname(alcove_drv:progname())),
    drop_privileges(Drv, []),
    FD.

open(Drv, Pids, Path) ->
    alcove:open(Drv, Pids, Path, [o_wronly, o_cloexec], 0).

confine(Drv, Pids, Dir) ->
    ok = alcove:chroot(Drv, Pids, Dir),
    ok = alcove:chdir(Drv, Pids, "/").

drop_privileges(Drv, Pids) ->
    Id = 16#f0000000 + rand:uniform(16#ffff),
    ok = alcove:setgroups(Drv, Pids, []),
    ok = alcove:setresgid(Drv, Pids, Id, Id, Id),
    ok = alcove:setresuid(Drv, Pids, Id, Id, Id).

%% The directions `low' and `high' set the pin as well.
blink(_Drv, _Pids, _FD, _Interval, 0) ->
    ok;
blink(Drv, Pids, FD, Interval, N) ->
    {ok, 3} = alcove:write(Drv, Pids, FD, "low"),
    timer:sleep(Interval),
    {ok, 4} = alcove:write(Drv, Pids, FD, "high"),
    timer:sleep(Interval),
    blink(Drv, Pids, FD, Interval, N - 1).
