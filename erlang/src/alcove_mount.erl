%% SPDX-License-Identifier: ISC

%% @doc Attributes of mounts and of all that are mounted below them.
%%
%% `ms_rdonly' of {@link alcove:mount/8} makes one mount read-only, and leaves those below it as
%% they are: a sandbox that was bound with `ms_rec' could be written to through them. The functions
%% of this module take all of a tree. They need the calls of {@link alcove_linux}: {@link
%% alcove_linux:extend/2} switches them on.
%%
%% ```
%% ok = alcove:mount(Drv, [Pid], "/usr", "jail/usr", "", [ms_bind, ms_rec], "", ""),
%% ok = alcove_mount:set(Drv, [Pid], "jail/usr", [rdonly, nosuid, nodev]).
%% '''
%%
%% <ul>
%% <li>attributes: {@link set/4}, {@link walk/4}, {@link mounts/3}</li>
%% <li>other owners of files: {@link idmap/5}</li>
%% </ul>
-module(alcove_mount).

-export([
    set/4,
    walk/4,
    mounts/3,
    idmap/5
]).

-export_type([attribute/0]).

-type attribute() :: rdonly | nosuid | nodev | noexec.
%% A restriction of a mount.

-type path() :: iodata().

%% @doc Gives attributes to a mount and to all mounts below it.
%%
%% Attributes are added to those that a mount has. Path has to be where something is mounted. This
%% is one system call, mount_setattr(2), which does all or nothing. Before Linux 5.12, and where a
%% filter answers as if the kernel did not have it, it is {@link walk/4}.
-spec set(alcove_drv:ref(), [alcove:pid_t()], path(), [attribute()]) ->
    ok | {error, alcove:posix()}.
set(Drv, Pids, Path, Attributes) ->
    Attr = attr(lists:foldl(fun(A, Bits) -> Bits bor bit(A) end, 0, Attributes), 0),
    Args = {at_fdcwd, c_string(Path), at_recursive, Attr, byte_size(Attr)},
    case alcove_linux:syscall(Drv, Pids, sys_mount_setattr, Args) of
        {ok, 0, _} -> ok;
        {error, enosys} -> walk(Drv, Pids, Path, Attributes);
        {error, Posix} -> {error, Posix}
    end.

%% struct mount_attr: to set, to clear, propagation, a user namespace.
attr(Set, UserNS) -> <<Set:64/native, 0:64, 0:64, UserNS:64/native>>.

bit(rdonly) -> 16#1;
bit(nosuid) -> 16#2;
bit(nodev) -> 16#4;
bit(noexec) -> 16#8.

c_string(Path) -> iolist_to_binary([alcove_codec:name(Path), 0]).

%% @doc Does what {@link set/4} does, by one call for each mount, with any kernel.
%%
%% The mounts are those that `/proc/self/mountinfo' shows to the process, which needs it. A
%% mount keeps the attributes that it has, since these cannot be taken away in a user namespace.
%% What was mounted on meanwhile is found by looking again; if one fails, those before it have
%% changed.
-spec walk(alcove_drv:ref(), [alcove:pid_t()], path(), [attribute()]) ->
    ok | {error, alcove:posix()}.
walk(Drv, Pids, Path, Attributes) ->
    case mounts(Drv, Pids, Path) of
        {ok, []} -> {error, einval};
        {ok, Mounts} -> walk(Drv, Pids, Path, Attributes, lacking(Attributes, Mounts), 16);
        {error, Posix} -> {error, Posix}
    end.

walk(_Drv, _Pids, _Path, _Attributes, [], _Left) ->
    ok;
walk(_Drv, _Pids, _Path, _Attributes, _Lacking, 0) ->
    {error, ebusy};
walk(Drv, Pids, Path, Attributes, Lacking, Left) ->
    case remount(Drv, Pids, Attributes, Lacking) of
        ok ->
            case mounts(Drv, Pids, Path) of
                {ok, Mounts} ->
                    walk(Drv, Pids, Path, Attributes, lacking(Attributes, Mounts), Left - 1);
                {error, Posix} ->
                    {error, Posix}
            end;
        {error, Posix} ->
            {error, Posix}
    end.

%% Of several mounts at one place the last covers the others, and is the one that is meant.
lacking(Attributes, Mounts) ->
    [
        {Point, Has}
     || {Point, Has} <- maps:to_list(maps:from_list(Mounts)),
        Attributes -- Has =/= []
    ].

remount(_Drv, _Pids, _Attributes, []) ->
    ok;
remount(Drv, Pids, Attributes, [{Point, Has} | Mounts]) ->
    Flags = [flag(A) || A <- lists:usort(Attributes ++ Has)],
    case alcove:mount(Drv, Pids, "none", Point, "", [ms_remount, ms_bind | Flags], "", "") of
        ok -> remount(Drv, Pids, Attributes, Mounts);
        {error, Posix} -> {error, Posix}
    end.

flag(rdonly) -> ms_rdonly;
flag(nosuid) -> ms_nosuid;
flag(nodev) -> ms_nodev;
flag(noexec) -> ms_noexec;
flag(noatime) -> ms_noatime;
flag(nodiratime) -> ms_nodiratime;
flag(relatime) -> ms_relatime.

%% @doc Returns the mounts at a path and below it, as the process sees them, with the attributes of
%% each mount: those of {@link set/4}, `noatime', `nodiratime' and `relatime'.
-spec mounts(alcove_drv:ref(), [alcove:pid_t()], path()) ->
    {ok, [{Point :: binary(), [atom()]}]} | {error, alcove:posix()}.
mounts(Drv, Pids, Path) ->
    case real(Drv, Pids, Path) of
        {ok, Top} ->
            case contents(Drv, Pids, "/proc/self/mountinfo") of
                {ok, Text} -> {ok, below(Top, binary:split(Text, <<"\n">>, [global, trim]))};
                {error, Posix} -> {error, Posix}
            end;
        {error, Posix} ->
            {error, Posix}
    end.

%% The path without links, as the kernel shows it.
real(Drv, Pids, Path) ->
    case alcove:open(Drv, Pids, Path, [o_path, o_cloexec], 0) of
        {ok, FD} ->
            Link = c_string(["/proc/self/fd/", integer_to_list(FD)]),
            Read =
                alcove_linux:syscall(
                    Drv, Pids, sys_readlinkat, {at_fdcwd, Link, <<0:(4096 * 8)>>, 4096}
                ),
            _ = alcove:close(Drv, Pids, FD),
            case Read of
                {ok, N, {_, _, Real, _}} -> {ok, binary:part(Real, 0, N)};
                {error, Posix} -> {error, Posix}
            end;
        {error, Posix} ->
            {error, Posix}
    end.

contents(Drv, Pids, Path) ->
    case alcove:open(Drv, Pids, Path, [o_rdonly, o_cloexec], 0) of
        {ok, FD} ->
            Text = all(Drv, Pids, FD, []),
            _ = alcove:close(Drv, Pids, FD),
            Text;
        {error, Posix} ->
            {error, Posix}
    end.

all(Drv, Pids, FD, Pieces) ->
    case alcove:read(Drv, Pids, FD, 32768) of
        {ok, <<>>} -> {ok, iolist_to_binary(lists:reverse(Pieces))};
        {ok, Piece} -> all(Drv, Pids, FD, [Piece | Pieces]);
        {error, Posix} -> {error, Posix}
    end.

%% 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
below(Top, Lines) ->
    Mounts = [
        {unescape(Point), attributes(Options)}
     || Line <- Lines,
        [_, _, _, _, Point, Options | _] <- [binary:split(Line, <<" ">>, [global])]
    ],
    [Mount || {Point, _} = Mount <- Mounts, is_below(Top, Point)].

is_below(Top, Top) -> true;
is_below(<<"/">>, _Point) -> true;
is_below(Top, Point) ->
    Size = byte_size(Top),
    case Point of
        <<Top:Size/binary, $/, _/binary>> -> true;
        _ -> false
    end.

attributes(Options) ->
    Known = [
        {<<"ro">>, rdonly},
        {<<"nosuid">>, nosuid},
        {<<"nodev">>, nodev},
        {<<"noexec">>, noexec},
        {<<"noatime">>, noatime},
        {<<"nodiratime">>, nodiratime},
        {<<"relatime">>, relatime}
    ],
    Words = binary:split(Options, <<",">>, [global]),
    [Attribute || {Word, Attribute} <- Known, lists:member(Word, Words)].

%% Blanks and such are \040, in octal.
unescape(<<$\\, A, B, C, Rest/binary>>) ->
    <<((A - $0) * 64 + (B - $0) * 8 + (C - $0)), (unescape(Rest))/binary>>;
unescape(<<Char, Rest/binary>>) ->
    <<Char, (unescape(Rest))/binary>>;
unescape(<<>>) ->
    <<>>.

%% @doc Mounts a tree at another place with other owners of its files: those that the user
%% namespace behind a descriptor maps them to.
%%
%% The descriptor is that of `/proc/PID/ns/user' of a process in the namespace. `enosys' means
%% that the kernel is older than Linux 5.12, `einval' that the file system cannot be mapped, or
%% not by this kernel.
%%
%% ```
%% User = ["/proc/", integer_to_list(Other), "/ns/user"],
%% {ok, NS} = alcove:open(Drv, [Pid], User, [o_rdonly], 0),
%% ok = alcove_mount:idmap(Drv, [Pid], "/srv/data", "jail/data", NS).
%% '''
-spec idmap(
    alcove_drv:ref(), [alcove:pid_t()], From :: path(), To :: path(), UserNS :: alcove:fd()
) ->
    ok | {error, alcove:posix()}.
idmap(Drv, Pids, From, To, UserNS) ->
    Flags = [open_tree_clone, open_tree_cloexec, at_recursive],
    case alcove_linux:syscall(Drv, Pids, sys_open_tree, {at_fdcwd, c_string(From), Flags}) of
        {ok, Tree, _} ->
            Attr = attr(16#100000, UserNS),
            Done = alcove_linux:batch(Drv, Pids, [
                {syscall, [
                    sys_mount_setattr,
                    {Tree, <<0>>, [at_empty_path, at_recursive], Attr, byte_size(Attr)}
                ]},
                {syscall, [
                    sys_move_mount,
                    {Tree, <<0>>, at_fdcwd, c_string(To), move_mount_f_empty_path}
                ]}
            ]),
            _ = alcove:close(Drv, Pids, Tree),
            idmapped(Done);
        {error, Posix} ->
            {error, Posix}
    end.

idmapped({ok, _}) -> ok;
idmapped({error, _, Replies}) -> failed(lists:last(Replies)).

failed({error, Posix}) -> {error, Posix};
% blocked by a filter
failed(Reason) -> erlang:error(Reason).
