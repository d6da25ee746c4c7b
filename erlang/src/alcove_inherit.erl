%% SPDX-License-Identifier: ISC

%% @doc What a program has of the VM: the environment and the working directory that this has when the
%% program is started, as from a port. The process that it is forked from was started before.
%% @hidden
-module(alcove_inherit).

-export([
    now/0,
    follow/3,
    changes/1
]).

-export_type([inherited/0]).

-record(inherited, {
    env :: [{string(), string()}],
    % or a link to that of the VM, which costs less than to ask
    cwd :: {ok, file:filename()} | {error, term()} | {link, binary()}
}).

-opaque inherited() :: #inherited{}.

%% How long a process of the port may take for a call.
-define(PATIENCE, 10000).

%% @doc Returns what a port has that is started now.
-spec now() -> inherited().
now() ->
    #inherited{env = os:env(), cwd = file:get_cwd()}.

%% @doc Has the programs of a process below that port follow the link of the VM in /proc, if that shows
%% the process the same VM and lets it follow.
-spec follow(alcove_drv:ref(), [alcove:pid_t()], inherited()) -> inherited().
follow(Drv, Path, Inherited) ->
    Link = list_to_binary(["/proc/", os:getpid(), "/cwd"]),
    case sees_vm(Drv, Path) andalso alcove_steps:call(Drv, Path, chdir, [Link], ?PATIENCE) of
        ok -> Inherited#inherited{cwd = {link, Link}};
        _ -> Inherited
    end.

sees_vm(Drv, Path) ->
    try
        {ok, Stat} = file:read_file("/proc/self/stat"),
        #{start := Start} = alcove_proc:fields(Stat),
        alcove_proc:lives(Drv, Path, list_to_integer(os:getpid()), Start)
    catch
        % also the end of the driver
        _:_ -> false
    end.

%% @doc Returns the calls that a process forked from that one makes to have it as it is now.
-spec changes(inherited()) -> [alcove_job:before()].
changes(#inherited{env = Env, cwd = Cwd}) ->
    directory(Cwd) ++ environment(Env, os:env()).

directory({link, Link}) -> [{cd, {chdir, [Link]}}];
directory(Before) -> directory(Before, file:get_cwd()).

directory(Same, Same) -> [];
directory(_Before, {ok, Cwd}) -> [{cd, {chdir, [bytes(Cwd)]}}];
% it was removed
directory(_Before, {error, _}) -> [].

environment(Same, Same) ->
    [];
environment(Before, Env) ->
    [{env, {unsetenv, [bytes(Name)]}} || {Name, _} <- Before, not lists:keymember(Name, 1, Env)] ++
        [{env, {setenv, [bytes(Name), bytes(Value), 1]}} || {Name, Value} <- Env -- Before].

bytes(Text) ->
    case unicode:characters_to_binary(Text, unicode, file:native_name_encoding()) of
        Bytes when is_binary(Bytes) -> Bytes;
        _ -> list_to_binary(Text)
    end.
