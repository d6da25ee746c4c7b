%% SPDX-License-Identifier: ISC

%% @doc Which port program is for which machine.
%%
%% The folder `priv' has the program `alcove' for the machine that it was built on. Where that
%% is missing it may have several, `alcove-OS-ARCHITECTURE' with the names that Go has for
%% both, such as `alcove-linux-arm64': so one copy of it serves machines of different kinds.
%% @hidden
-module(alcove_priv).

-export([
    folder/0,
    find/1,
    missing/1,
    name/2
]).

%% @doc Returns the folder of the program.
%%
%% It is beside that of the modules, when the application is not in the path by its name. The
%% path may be relative to the working directory of the VM.
-spec folder() -> file:filename().
folder() ->
    case code:priv_dir(alcove) of
        {error, bad_name} ->
            Beam = absolute(code:which(alcove)),
            filename:join([filename:dirname(Beam), "..", "priv"]);
        Directory ->
            absolute(Directory)
    end.

%% A VM whose working directory was removed has none. What is not relative needs none.
absolute(Path) ->
    case {filename:pathtype(Path), file:get_cwd()} of
        {relative, {ok, Cwd}} -> filename:absname(Path, Cwd);
        _ -> Path
    end.

%% @doc Returns the program in a folder; `alcove' if there is none.
-spec find(Directory :: file:filename()) -> file:filename().
find(Directory) ->
    [Default | _] = Paths = paths(Directory),
    case [Path || Path <- Paths, filelib:is_regular(Path)] of
        [Path | _] -> Path;
        [] -> Default
    end.

%% @doc Why a folder has no program for this machine, in words; `false' if it has one.
-spec missing(Directory :: file:filename()) -> false | unicode:chardata().
missing(Directory) ->
    Paths = paths(Directory),
    case lists:any(fun filelib:is_regular/1, Paths) orelse archive(Directory) of
        true -> false;
        {file, File} ->
            [File, " is an archive: no program can be executed in there (option progname)"];
        false -> ["no program for ", machine(), ", neither ", lists:join(" nor ", Paths)]
    end.

%% The applications of an escript are below its file.
archive(Directory) ->
    case filename:dirname(Directory) of
        Directory ->
            false;
        Above ->
            case filelib:is_regular(Above) of
                true -> {file, Above};
                false -> archive(Above)
            end
    end.

paths(Directory) ->
    [filename:join(Directory, Name) || Name <- ["alcove", name(machine(), os:type())]].

%% That of the VM. A kernel may be of a wider one, but can run what is for this.
machine() ->
    erlang:system_info(system_architecture).

%% @doc Returns the name of the program for a machine and a system, which are named as the VM does.
-spec name(Machine :: string(), {atom(), atom()}) -> string().
name(Machine, {_, System}) ->
    [Processor | _] = string:split(Machine, "-"),
    lists:append(["alcove-", atom_to_list(System), "-", architecture(Processor)]).

architecture("x86_64") -> "amd64";
architecture("aarch64") -> "arm64";
architecture("arm64") -> "arm64";
architecture("arm" ++ _) -> "arm";
architecture([$i, N, $8, $6]) when N >= $3, N =< $6 -> "386";
architecture(Other) -> Other.
