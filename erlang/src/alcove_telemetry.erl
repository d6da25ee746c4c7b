%% SPDX-License-Identifier: ISC

%% @doc Events for the application telemetry, where that is loaded.
%% @hidden
-module(alcove_telemetry).

-export([event/3]).

%% @doc Calls telemetry:execute/3, if there is an application telemetry.
-spec event([atom(), ...], #{atom() => integer()}, map()) -> ok.
event(Name, Measurements, Metadata) ->
    Module = telemetry,
    case erlang:function_exported(Module, execute, 3) of
        true ->
            _ = Module:execute(Name, Measurements, Metadata),
            ok;
        false ->
            ok
    end.
