%% SPDX-License-Identifier: ISC

%% @doc The files of a sandbox: a tree of mounts that becomes the root directory of a process.
%%
%% A tree is cloned with all that is mounted below it, gets its restrictions, and only then a
%% place. A place is in a file system that is new, or found piece by piece without following links.
%% @hidden
-module(alcove_sandbox_root).

-export([
    enter/4,
    aside/1
]).

-type path() :: [alcove:pid_t()].

-record(root, {
    drv :: alcove_drv:ref(),
    path :: path(),
    % where it is built, and a descriptor of it
    dir :: binary(),
    fd = none :: none | alcove:fd(),
    % directories that were made, and places that show something else
    made = [] :: [[binary()]],
    covered = [] :: [[binary()]]
}).

%% Directories that machines have; one is covered while the root is built.
-define(PLACES, [<<"/tmp">>, <<"/run">>, <<"/mnt">>, <<"/var">>]).

-define(NODES, [<<"null">>, <<"zero">>, <<"full">>, <<"random">>, <<"urandom">>, <<"tty">>]).

-define(S_IFMT, 8#170000).
-define(S_IFDIR, 8#040000).
-define(S_IFREG, 8#100000).

%% Offset of the mode in struct statx, and what asks for the type.
-define(STX_MODE, 28).
-define(STATX_TYPE, 1).

-define(PATIENCE, 10000).

%% @doc Gives a process that has a namespace of mounts of its own the root directory that is described.
%%
%% With `shows_proc' there is a proc of the machine at {@link aside/1}: without one that is seen in
%% full, a user namespace may not mount another.
-spec enter(alcove_drv:ref(), path(), alcove_sandbox_spec:checked(), boolean()) ->
    ok | {error, {alcove_sandbox_spec:step(), term()}}.
enter(Drv, Path, Spec, ShowsProc) ->
    Root = #root{drv = Drv, path = Path, dir = place(Drv, Path, ?PLACES)},
    try
        _ = run([{root, {mount, ["none", "/", "", [ms_rec, ms_private], "", ""]}}], Root),
        Filled = fill(Spec, Root),
        Furnished = proc(Spec, ShowsProc, dev(Spec, tmp(Spec, Filled))),
        ok = restrict(Spec, Furnished),
        turn(Furnished)
    catch
        throw:{error, _} = Error -> Error
    end.

%% The last one fails by itself if it does not exist either.
place(_Drv, _Path, [Last]) ->
    Last;
place(Drv, Path, [Dir | Dirs]) ->
    case alcove_file:is_dir(Drv, Path, Dir) of
        true -> Dir;
        false -> place(Drv, Path, Dirs)
    end.

%% @doc Returns where a proc of the machine waits.
-spec aside(alcove_sandbox_spec:checked()) -> binary().
aside(#{tmp := none}) -> <<"/proc">>;
aside(_Spec) -> <<"/tmp">>.

%%
%% Views
%%

fill(#{root := {directory, Dir}}, Root) ->
    [{FD, _}] = sources(root, [Dir], Root),
    _ = run(
        attributes(root, FD, [rdonly, nosuid, nodev]) ++ move(root, FD, at_fdcwd, Root#root.dir) ++ close(FD),
        Root
    ),
    opened(Root#root{covered = [[]]});
fill(#{root := {view, Views}}, #root{dir = Dir} = Root) ->
    Sources = sources(view, [From || {bind, From, _, _} <- Views], Root),
    _ = run([{root, {mount, ["root", Dir, "tmpfs", [ms_nosuid, ms_nodev], "mode=755,size=1m", ""]}}], Root),
    show(Views, Sources, [], opened(Root)).

opened(#root{dir = Dir} = Root) ->
    [{ok, FD}] = run([{root, {open, [Dir, [o_path, o_directory, o_cloexec], 0]}}], Root),
    Root#root{fd = FD}.

%% Descriptors of clones, which nothing that is mounted later is part of, and their types.
sources(_Step, [], _Root) ->
    [];
sources(Step, Paths, #root{drv = Drv, path = Path} = Root) ->
    Flags = [open_tree_clone, open_tree_cloexec, at_recursive],
    Open = [{{Step, From}, {syscall, [sys_open_tree, {at_fdcwd, c_string(From), Flags}]}} || From <- Paths],
    FDs =
        case alcove_steps:run(Drv, Path, Open, ?PATIENCE) of
            {ok, Replies} -> [FD || {ok, FD, _} <- Replies];
            {error, {{Step, _}, enosys}} -> throw({error, {Step, enosys}});
            {error, {{Step, From}, Reason}} -> throw({error, {Step, {From, Reason}}})
        end,
    lists:zip(FDs, run([{Step, {syscall, [sys_statx, statx(FD)]}} || FD <- FDs], Root)).

statx(FD) -> {FD, <<0>>, at_empty_path, ?STATX_TYPE, <<0:(256 * 8)>>}.

is_dir({ok, 0, {_, _, _, _, <<_:?STX_MODE/binary, Mode:16/native, _/binary>>}}) ->
    Mode band ?S_IFMT =:= ?S_IFDIR.

%% Steps are made together until a place has to be looked for.
show([], [], Steps, Root) ->
    _ = run(Steps, Root),
    Root;
show([{link, Text, To, _} | Views], Sources, Steps, Root0) ->
    {Parents, Root} = parents(view, To, Root0),
    Link = {view, {symlink, [Text, inside(To, Root)]}},
    show(Views, Sources, Steps ++ Parents ++ [Link], cover(To, Root));
show([{bind, _, To, Flags} | Views], [{FD, Stat} | Sources], Steps, Root0) ->
    Attributes = attributes(view, FD, Flags),
    case is_covered(To, Root0) of
        false ->
            {Parents, Root} = parents(view, To, Root0),
            Made = [make(view, is_dir(Stat), inside(To, Root))],
            Move = move(view, FD, at_fdcwd, inside(To, Root)),
            show(Views, Sources, Steps ++ Parents ++ Made ++ Attributes ++ Move ++ close(FD), cover(To, Root));
        true ->
            _ = run(Steps, Root0),
            Place = find(view, To, is_dir(Stat), Root0),
            _ = run(Attributes ++ move(view, FD, Place, <<>>) ++ close(FD) ++ close(Place), Root0),
            show(Views, Sources, [], cover(To, Root0))
    end.

cover(To, #root{covered = Covered} = Root) -> Root#root{covered = [To | Covered]}.

is_covered(To, #root{covered = Covered}) ->
    lists:any(fun(Above) -> lists:prefix(Above, To) end, Covered).

%% Directories down to a place, in the new file system.
parents(Step, To, #root{made = Made} = Root) ->
    Above = [lists:sublist(To, N) || N <- lists:seq(1, length(To) - 1)],
    New = [Dir || Dir <- Above, not lists:member(Dir, Made)],
    {[make(Step, true, inside(Dir, Root)) || Dir <- New], Root#root{made = New ++ Made}}.

make(Step, true, Path) -> {Step, {mkdir, [Path, 8#755]}};
make(Step, false, Path) -> {Step, {syscall, [sys_mknodat, {at_fdcwd, c_string(Path), ?S_IFREG bor 8#644, 0}]}}.

inside(Pieces, #root{dir = Dir}) -> filename:join([Dir | Pieces]).

%% A descriptor of a place that something else shows. Links are not followed, wherever they lead.
find(Step, To, IsDir, #root{fd = Top} = Root) ->
    {Above, [Last]} = lists:split(length(To) - 1, To),
    Dir = lists:foldl(
        fun(Piece, FD) ->
            Next = at(Step, To, FD, Piece, true, Root),
            leave(FD, Root),
            Next
        end,
        Top,
        Above
    ),
    Place = at(Step, To, Dir, Last, IsDir, Root),
    leave(Dir, Root),
    IsDir orelse is_no_link(Step, To, Place, Root),
    Place.

%% Closes a folder on the way, but not the root directory, where each way begins.
leave(Top, #root{fd = Top}) ->
    ok;
leave(FD, Root) ->
    _ = run(close(FD), Root),
    ok.

at(Step, To, Dir, Piece, IsDir, #root{drv = Drv, path = Path}) ->
    Flags = [o_path, o_nofollow, o_cloexec] ++ [o_directory || IsDir],
    case alcove_steps:call(Drv, Path, syscall, [sys_openat, {Dir, c_string(Piece), Flags, 0}], ?PATIENCE) of
        {ok, FD, _} -> FD;
        {error, Reason} -> throw({error, {Step, {name(To), Reason}}})
    end.

is_no_link(Step, To, FD, #root{drv = Drv, path = Path}) ->
    Args = [sys_readlinkat, {FD, <<0>>, <<0:64>>, 8}],
    case alcove_steps:call(Drv, Path, syscall, Args, ?PATIENCE) of
        {ok, _, _} -> throw({error, {Step, {name(To), eloop}}});
        {error, _} -> true
    end.

name(To) -> filename:join([<<"/">> | To]).

%%
%% File systems of its own
%%

tmp(#{tmp := none}, Root) ->
    Root;
tmp(_Spec, Root) ->
    directory(tmp, [<<"tmp">>], Root).

%% Nothing of what a directory has there, which may be that of the machine.
empty(Step, To, Root) ->
    try find(Step, To, true, Root) of
        FD ->
            Flags = [ms_rdonly, ms_nosuid, ms_nodev, ms_noexec],
            _ = run([{Step, {mount, ["none", fd(FD), "tmpfs", Flags, "mode=555,size=4k", ""]}} | close(FD)], Root),
            Root
    catch
        throw:{error, {Step, {_, enoent}}} -> Root
    end.

%% A directory for something that is mounted later.
directory(Step, To, Root0) ->
    case is_covered(To, Root0) of
        true ->
            _ = run(close(find(Step, To, true, Root0)), Root0),
            Root0;
        false ->
            {Parents, Root} = parents(Step, To, Root0),
            _ = run(Parents ++ [make(Step, true, inside(To, Root))], Root),
            cover(To, Root)
    end.

proc(#{proc := false, root := {directory, _}}, _ShowsProc, Root) ->
    empty(proc, [<<"proc">>], Root);
proc(#{proc := false}, _ShowsProc, Root) ->
    Root;
proc(Spec, ShowsProc, Root0) ->
    Root = directory(proc, [<<"proc">>], Root0),
    ok =
        case ShowsProc of
            true -> bind_proc(aside(Spec), Root);
            false -> ok
        end,
    Root.

bind_proc(<<"/", Place/binary>>, Root) ->
    FD = find(proc, [Place], true, Root),
    _ = run([{proc, {mount, ["/proc", fd(FD), "", [ms_bind, ms_rec], "", ""]}} | close(FD)], Root),
    ok.

%% The nodes of the machine, each by itself.
dev(#{dev := none}, Root) ->
    Root;
dev(#{dev := Kind}, Root0) ->
    To = [<<"dev">>],
    Root = directory(dev, To, Root0),
    FD = find(dev, To, true, Root),
    Mount = {dev, {mount, ["dev", fd(FD), "tmpfs", [ms_nosuid, ms_noexec], "mode=755,size=64k", ""]}},
    _ = run([Mount | close(FD)], Root),
    Dev = find(dev, To, true, Root),
    In = fun(Name) -> [fd(Dev), $/, Name] end,
    Nodes = lists:append([
        [make(dev, false, In(Name)), {dev, {mount, [["/dev/", Name], In(Name), "", [ms_bind], "", ""]}}]
     || Name <- ?NODES
    ]),
    Links = [
        {dev, {symlink, [Text, In(Name)]}}
     || {Name, Text} <- [
            {"fd", "/proc/self/fd"},
            {"stdin", "/proc/self/fd/0"},
            {"stdout", "/proc/self/fd/1"},
            {"stderr", "/proc/self/fd/2"}
        ] ++ [{"ptmx", "pts/ptmx"} || Kind =:= pts]
    ],
    Dirs = [make(dev, true, In(Name)) || Name <- ["shm"] ++ ["pts" || Kind =:= pts]],
    _ = run(Nodes ++ Links ++ Dirs ++ attributes(dev, Dev, [rdonly, nosuid, noexec]) ++ close(Dev), Root),
    Root.

fd(FD) -> ["/proc/self/fd/", integer_to_list(FD)].

%% Nothing can be added to what was made for the view.
restrict(#{root := {view, _}}, #root{fd = FD} = Root) ->
    Attr = attr([rdonly]),
    _ = run([{root, {syscall, [sys_mount_setattr, {FD, <<0>>, at_empty_path, Attr, byte_size(Attr)}]}}], Root),
    ok;
restrict(_Spec, _Root) ->
    ok.

%% The old root is on top of the new one, from where it is taken away.
turn(#root{dir = Dir, fd = FD} = Root) ->
    _ = run(
        close(FD) ++
            [
                {root, {chdir, [Dir]}},
                {root, {pivot_root, [".", "."]}},
                {root, {umount2, [".", [mnt_detach]]}},
                {root, {chdir, ["/"]}}
            ],
        Root
    ),
    ok.

%%
%% Calls
%%

attributes(_Step, _FD, []) ->
    [];
attributes(Step, FD, Attributes) ->
    Attr = attr(Attributes),
    [{Step, {syscall, [sys_mount_setattr, {FD, <<0>>, [at_empty_path, at_recursive], Attr, byte_size(Attr)}]}}].

%% struct mount_attr: to set, to clear, propagation, a user namespace.
attr(Attributes) ->
    Set = lists:foldl(fun(Attribute, Bits) -> Bits bor bit(Attribute) end, 0, Attributes),
    <<Set:64/native, 0:64, 0:64, 0:64>>.

bit(rdonly) -> 16#1;
bit(nosuid) -> 16#2;
bit(nodev) -> 16#4;
bit(noexec) -> 16#8.

move(Step, FD, Dir, <<>>) ->
    [{Step, {syscall, [sys_move_mount, {FD, <<0>>, Dir, <<0>>, [move_mount_f_empty_path, move_mount_t_empty_path]}]}}];
move(Step, FD, Dir, Path) ->
    [{Step, {syscall, [sys_move_mount, {FD, <<0>>, Dir, c_string(Path), move_mount_f_empty_path}]}}].

close(FD) -> [{root, {close, [FD]}}].

c_string(Path) -> iolist_to_binary([Path, 0]).

run([], _Root) ->
    [];
run(Steps, #root{drv = Drv, path = Path}) ->
    case alcove_steps:run(Drv, Path, Steps, ?PATIENCE) of
        {ok, Replies} -> Replies;
        {error, _} = Error -> throw(Error)
    end.
