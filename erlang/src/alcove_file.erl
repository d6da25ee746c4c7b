%% @doc Whole files, by the calls of a process of the port.
%%
%% The process may have rights that the VM does not have, and see other mounts.
%% @hidden
-module(alcove_file).

-export([
    read/3,
    write/4,
    directories/3
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

%% @doc The directories in a directory, none if it cannot be read.
-spec directories(alcove_drv:ref(), [alcove:pid_t()], file:name_all()) -> [file:name_all()].
directories(Drv, Pids, Dir) ->
    case alcove:readdir(Drv, Pids, Dir) of
        {ok, Names} ->
            Paths = [filename:join(Dir, Name) || Name <- Names -- [<<".">>, <<"..">>]],
            [Path || Path <- Paths, alcove_cgroup:is_dir(Drv, Pids, Path)];
        {error, _} ->
            []
    end.
