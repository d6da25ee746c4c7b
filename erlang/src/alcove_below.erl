%% SPDX-License-Identifier: ISC

%% @doc All that runs below a process of the port.
%% @hidden
-module(alcove_below).

-include("alcove.hrl").

-export([
    is_keeper/2,
    adopting/3,
    signal/3,
    settle/2,
    is_empty/2
]).

%% How long a process further down, which may wait in a call of its own, has to answer.
-define(PATIENCE, 1000).

%% @doc True if all that was started below a process is still below it or has ended.
%%
%% It is a subreaper, or process 1 of a pid namespace. The program in C does not have the option.
-spec is_keeper(alcove_drv:ref(), [alcove:pid_t()]) -> boolean().
is_keeper(Drv, At) ->
    case alcove:getopt(Drv, At, subreaper) of
        false -> alcove:getpid(Drv, At) =:= 1;
        IsSubreaper -> IsSubreaper =:= 1
    end.

%% @doc Calls a function while orphans below a process fall to the process, if it can be had.
-spec adopting(alcove_drv:ref(), [alcove:pid_t()], fun(() -> Result)) -> Result.
adopting(Drv, At, Fun) ->
    case alcove_drv:call(Drv, At, prctl, [pr_get_child_subreaper, <<0:32>>, 0, 0, 0], infinity) of
        {ok, 0, <<0:32>>, _, _, _} ->
            _ = alcove:prctl(Drv, At, pr_set_child_subreaper, 1, 0, 0, 0),
            try
                Fun()
            after
                alcove_drv:call(Drv, At, prctl, [pr_set_child_subreaper, 0, 0, 0, 0], infinity)
            end;
        % it is so already, or the system has nothing of the kind
        _ ->
            Fun()
    end.

%% @doc Sends a signal to all processes below one; false if they cannot be found in this way.
%%
%% Processes that run the port get only SIGKILL. They are asked to pass on other signals: a
%% process does not signal what is below a child that runs the port.
-spec signal(alcove_drv:ref(), [alcove:pid_t()], Signal :: non_neg_integer()) -> boolean().
signal(Drv, At, Signal) ->
    IsSent = alcove:setopt(Drv, At, signalbelow, Signal),
    case IsSent of
        true -> lists:foreach(fun(Pid) -> pass_on(Drv, At, Pid, Signal) end, ports(Drv, At));
        false -> ok
    end,
    IsSent.

pass_on(Drv, At, Pid, Signal) ->
    _ = alcove:kill(Drv, At, Pid, sigcont),
    Child = At ++ [Pid],
    case alcove_drv:call(Drv, Child, setopt, [signalbelow, Signal], ?PATIENCE) of
        true -> [pass_on(Drv, Child, Port, Signal) || Port <- ports(Drv, Child)];
        _ -> []
    end.

ports(Drv, At) ->
    case alcove_drv:call(Drv, At, cpid, [], ?PATIENCE) of
        Children when is_list(Children) ->
            [Pid || #alcove_pid{pid = Pid} = C <- Children, runs_port(C)];
        _ -> []
    end.

runs_port(#alcove_pid{fdctl = FD}) -> FD >= 0.

%% @doc True if there is nothing below a process any more. Processes that run the port are shown
%% the end of their input when that is true of them. Of a process that is gone nobody knows:
%% `lost'.
-spec settle(alcove_drv:ref(), [alcove:pid_t()]) -> boolean() | lost.
settle(Drv, At) ->
    case alcove_drv:call(Drv, At, cpid, [], ?PATIENCE) of
        Children when is_list(Children) ->
            case [Child || Child <- Children, not is_settled(Drv, At, Child)] of
                [] -> is_childless(Drv, At);
                _ -> false
            end;
        {alcove_error, timeout} ->
            false;
        {alcove_error, _} ->
            lost
    end.

%% A program may have ended and be listed still, as long as somebody holds its output.
is_settled(Drv, At, #alcove_pid{pid = Pid, fdctl = FD}) when FD < 0 ->
    alcove_drv:call(Drv, At, kill, [Pid, 0], ?PATIENCE) =:= {error, esrch};
is_settled(Drv, At, #alcove_pid{pid = Pid, stdin = FD}) ->
    _ = FD >= 0 andalso settle(Drv, At ++ [Pid]) =:= true andalso
        alcove_drv:call(Drv, At, close, [FD], ?PATIENCE),
    false.

%% @doc True if nothing is below a process.
-spec is_empty(alcove_drv:ref(), [alcove:pid_t()]) -> boolean().
is_empty(Drv, At) ->
    alcove:cpid(Drv, At) =:= [] andalso is_childless(Drv, At).

%% Orphans that have ended are collected; children that are listed would go unreported.
is_childless(Drv, At) ->
    case alcove_drv:call(Drv, At, waitpid, [-1, [wnohang]], ?PATIENCE) of
        {error, echild} -> true;
        {ok, Pid, _, _} when Pid > 0 -> is_childless(Drv, At);
        % it is late, or lost
        _ -> false
    end.
