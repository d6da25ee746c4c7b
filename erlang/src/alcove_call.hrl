%% SPDX-License-Identifier: ISC

%% The function of a call: it makes the call of its own name, with Args, in the last process of
%% the pipeline Pids. An error that it raises shows the function with its arguments.
-define(CALL(Drv, Pids, Args),
    alcove_owner:call(Drv, Pids, ?FUNCTION_NAME, Args, infinity, {?MODULE, [Drv, Pids | Args]})
).

%% The same with a limit of time.
-define(CALL(Drv, Pids, Args, Timeout),
    alcove_owner:call(
        Drv, Pids, ?FUNCTION_NAME, Args, Timeout, {?MODULE, [Drv, Pids | Args ++ [Timeout]]}
    )
).
