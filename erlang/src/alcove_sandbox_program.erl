%% SPDX-License-Identifier: ISC

%% @doc The program of the port, as a process of a sandbox has it.
%%
%% A file that is executed in a sandbox may be a link to `/proc/self/exe', or name it as its interpreter. That is
%% the program that the process runs until then. Its file may belong to the user inside, who could change its mode,
%% and write to it when nobody runs it any more. So the template executes it again from a mount that is read-only,
%% and with it all processes that are forked from the template.
%% @hidden
-module(alcove_sandbox_program).

-export([hold/2]).

-define(PATIENCE, 10000).

%% No path of the kernel is longer.
-define(PATH_MAX, 4096).

%% The pipe of signals and the socket to the parent.
-define(KEPT, [3, 4, 5]).

%% @doc Has a process of the port, whose namespace of mounts is its own, execute the program from a mount that
%% cannot be written to. It keeps its capabilities, and of its options `extensions' and `graceoneof', by which it ends
%% after all that is below it.
-spec hold(alcove_drv:ref(), [alcove:pid_t(), ...]) -> ok | {error, {alcove_sandbox_spec:step(), term()}}.
hold(Drv, Path) ->
    try
        File = file(Drv, Path),
        [Grace] = run(Drv, Path, [{getopt, [graceoneof]}]),
        _ = run(Drv, Path, [{mount, [File, File, "", [ms_bind], "", ""]}]),
        ok = checked(alcove_mount:set(Drv, Path, File, [rdonly, nosuid])),
        {ok, #{permitted := Caps}} = checked(alcove_cap:get(Drv, Path)),
        _ = run(Drv, Path, [Call || {_, Call} <- alcove_cap:steps(program, Caps)] ++ again(Path, File)),
        [true] = run(Drv, Path, [{setopt, [extensions, 1]}]),
        [true, ok] = run(Drv, Path, [{setopt, [graceoneof, Grace]}, {umount2, [File, [mnt_detach]]}]),
        checked(alcove_cap:set(Drv, Path, #{inheritable => [], ambient => []}))
    catch
        throw:{error, _} = Error -> Error
    end.

%% Below the working directory by a relative path: that may be the only one which the user of the port can go.
file(Drv, Path) ->
    {File, Dir} = {link(Drv, Path, <<"exe">>), link(Drv, Path, <<"cwd">>)},
    case string:prefix(File, <<Dir/binary, $/>>) of
        nomatch -> File;
        Below -> <<"./", Below/binary>>
    end.

link(Drv, Path, Name) ->
    Link = {at_fdcwd, <<"/proc/self/", Name/binary, 0>>, <<0:(?PATH_MAX * 8)>>, ?PATH_MAX},
    [{ok, Size, {_, _, To, _}}] = run(Drv, Path, [{syscall, [sys_readlinkat, Link]}]),
    binary:part(To, 0, Size).

%% With the environment that it has, as a process that goes on to serve its parent.
again(Path, File) ->
    [{fcntl, [FD, f_setfd, 0]} || FD <- ?KEPT] ++ [{execvp, [File, [File, "-d", integer_to_list(length(Path))]]}].

run(Drv, Path, Calls) ->
    case alcove_steps:run(Drv, Path, [{program, Call} || Call <- Calls], ?PATIENCE) of
        {ok, Replies} -> Replies;
        {error, _} = Error -> throw(Error)
    end.

checked({error, Reason}) -> throw({error, {program, Reason}});
checked(Reply) -> Reply.
