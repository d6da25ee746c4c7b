%% SPDX-License-Identifier: ISC

%% @doc Files and directories, by the calls of a process of the port.
%%
%% The process may have rights that the VM does not have, and see other mounts.
%% @hidden
-module(alcove_file).

-export([
    read/3,
    write/4,
    names/3,
    directories/3,
    is_dir/3,
    is_file/3
]).

-define(CHUNK, 16384).

%% @doc Reads a file to its end. Those of the kernel do not tell how long they are.
-spec read(alcove_drv:ref(), [alcove:pid_t()], iodata()) ->
    {ok, binary()} | {error, alcove:posix()}.
read(Drv, Pids, Path) ->
    case alcove:open(Drv, Pids, Path, [o_rdonly, o_cloexec], 0) of
        {ok, FD} ->
            Read = read_all(Drv, Pids, FD, []),
            ok = alcove:close(Drv, Pids, FD),
            Read;
        {error, _} = Error ->
            Error
    end.

read_all(Drv, Pids, FD, Read) ->
    case alcove:read(Drv, Pids, FD, ?CHUNK) of
        {ok, <<>>} -> {ok, iolist_to_binary(lists:reverse(Read))};
        {ok, Bytes} -> read_all(Drv, Pids, FD, [Bytes | Read]);
        {error, _} = Error -> Error
    end.

%% @doc Writes to a file that exists, once: the kernel takes one write for one value.
-spec write(alcove_drv:ref(), [alcove:pid_t()], iodata(), iodata()) ->
    ok | {error, alcove:posix()}.
write(Drv, Pids, Path, Data) ->
    Size = iolist_size(Data),
    case alcove:open(Drv, Pids, Path, [o_wronly, o_cloexec], 0) of
        {ok, FD} ->
            Written = alcove:write(Drv, Pids, FD, Data),
            ok = alcove:close(Drv, Pids, FD),
            case Written of
                {ok, Size} -> ok;
                {error, _} = Error -> Error
            end;
        {error, _} = Error ->
            Error
    end.

%% @doc Returns the names in a directory, without `.' and `..'.
%%
%% A directory that does not fit in one reply is read in pieces. That is one of the calls beyond
%% the hundred, see {@link alcove_linux}: if the process was not given them a child that is forked
%% for it reads. Where that is not possible either the error is `emsgsize'.
-spec names(alcove_drv:ref(), [alcove:pid_t()], file:name_all()) ->
    {ok, [binary()]} | {error, alcove:posix()}.
names(Drv, Pids, Dir) ->
    case alcove:readdir(Drv, Pids, Dir) of
        {ok, Names} ->
            {ok, Names -- [<<".">>, <<"..">>]};
        {error, emsgsize} ->
            case in_pieces(Drv, Pids, Dir) of
                {error, undef} -> by_child(Drv, Pids, Dir);
                Names -> Names
            end;
        {error, _} = Error ->
            Error
    end.

%% The program in C does not know the call.
in_pieces(Drv, Pids, Dir) ->
    try
        alcove_linux:readdir(Drv, Pids, Dir)
    catch
        error:Missing when Missing =:= undef; Missing =:= badarg -> {error, undef}
    end.

by_child(Drv, Pids, Dir) ->
    IsReported = alcove:getopt(Drv, Pids, exit_status),
    case alcove:fork(Drv, Pids) of
        {ok, Pid} ->
            Child = Pids ++ [Pid],
            _ = alcove:setopt(Drv, Child, extensions, 1),
            Names = in_pieces(Drv, Child, Dir),
            ok = alcove:exit(Drv, Child, 0),
            _ =
                case IsReported of
                    1 -> alcove:event(Drv, Child, infinity);
                    _ -> none
                end,
            names_or_size(Names);
        {error, _} ->
            {error, emsgsize}
    end.

names_or_size({error, undef}) -> {error, emsgsize};
names_or_size(Names) -> Names.

%% @doc Returns the directories in a directory.
-spec directories(alcove_drv:ref(), [alcove:pid_t()], file:name_all()) ->
    {ok, [file:name_all()]} | {error, alcove:posix()}.
directories(Drv, Pids, Dir) ->
    case names(Drv, Pids, Dir) of
        {ok, Names} ->
            Paths = [filename:join(Dir, Name) || Name <- Names],
            {ok, [Path || Path <- Paths, is_dir(Drv, Pids, Path)]};
        {error, _} = Error ->
            Error
    end.

%% @doc True for a directory, also one that the process may not read.
-spec is_dir(alcove_drv:ref(), [alcove:pid_t()], iodata()) -> boolean().
is_dir(Drv, Pids, Path) ->
    % a fifo or a device is not to wait for its other side
    case alcove:open(Drv, Pids, Path, [o_rdonly, o_directory, o_nonblock, o_cloexec], 0) of
        {ok, FD} ->
            ok = alcove:close(Drv, Pids, FD),
            true;
        {error, eacces} ->
            alcove:open(Drv, Pids, Path, [o_wronly, o_nonblock, o_cloexec], 0) =:= {error, eisdir};
        {error, _} ->
            false
    end.

%% @doc True for what the process can open for reading, a directory among it.
-spec is_file(alcove_drv:ref(), [alcove:pid_t()], iodata()) -> boolean().
is_file(Drv, Pids, Path) ->
    case alcove:open(Drv, Pids, Path, [o_rdonly, o_nonblock, o_cloexec], 0) of
        {error, _} ->
            false;
        {ok, FD} ->
            ok = alcove:close(Drv, Pids, FD),
            true
    end.
