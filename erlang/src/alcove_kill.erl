%% SPDX-License-Identifier: ISC

%% @doc Kills an operating system process where no port program can be asked to.
%% @hidden
-module(alcove_kill).

-export([kill/2]).

%% How long descriptors may be wanting.
-define(PATIENCE, 5000).

%% @doc Sends SIGKILL to a process, or to a process group where Target is negative, and calls Close.
%%
%% A command needs descriptors, and the VM may have none left. So it is tried again when Close has
%% freed those that lead to the process. A pid is not in use again so soon.
-spec kill(Target :: integer(), Close :: fun(() -> term())) -> ok | {error, timeout}.
kill(Target, Close) ->
    IsKilled = is_killed(Target),
    _ = Close(),
    case IsKilled of
        true -> ok;
        false -> alcove_wait:until(fun() -> is_killed(Target) end, ?PATIENCE)
    end.

%% Whether the command was executed: the process may have ended before, or belong to another user.
is_killed(Target) ->
    try
        _ = os:cmd("kill -9 " ++ integer_to_list(Target) ++ " 2>/dev/null"),
        true
    catch
        error:_ -> false
    end.
