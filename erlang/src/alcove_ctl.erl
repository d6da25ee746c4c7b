%% SPDX-License-Identifier: ISC

%% @doc The control channel of a port: its descriptor 5, seen from the driver.
%%
%% It closes when the port ends or executes another program. The driver listens on a local
%% socket whose name it gives to the program, which connects before it says that it is ready. So
%% the connection is there by then, or never comes, and nothing ever waits to open something.
%%
%% On Linux the socket has an abstract name, which needs no folder. Where a folder or a path is
%% given, and a socket can be made there, it is a file: such a one can be reached from another
%% network namespace. Elsewhere it is in a temporary folder of its own.
%%
%% A program that has not connected may have made a fifo in its place, as the one in C does.
%% @hidden
-module(alcove_ctl).

-include_lib("kernel/include/file.hrl").

-export([
    listen/1,
    name/1,
    accept/2,
    connected/1,
    fifo/1,
    close/1,
    close_port/1,
    remove/1
]).
-export([
    news/2,
    await/2,
    poll/1
]).

-export_type([
    listener/0,
    control/0,
    news/0
]).

-record(listener, {
    % what follows -c: a path, in bytes
    name :: binary(),
    socket = none :: socket:socket() | none,
    % the user of the VM, if the system tells who connects
    user = unknown :: non_neg_integer() | unknown,
    % what was made for the socket
    file = none :: binary() | none,
    folder = none :: binary() | none,
    connection = none :: socket:socket() | none
}).

-record(control, {
    from :: {socket, socket:socket()} | {fifo, port(), file:fd()},
    % the start of a notice
    rest = <<>> :: binary(),
    % how many bytes the port has told that it has written as such
    told = 0 :: non_neg_integer(),
    execs = false :: boolean()
}).

-opaque listener() :: #listener{}.
%% A socket that waits for the port.

-opaque control() :: #control{}.
%% An open channel.

-type news() :: {open, control()} | {closed, exec, non_neg_integer()} | {closed, ended | unknown}.
%% Whether the channel is open. A port that executes a program has written so many bytes before.

%% So many may connect before they are looked at.
-define(BACKLOG, 128).

%% Of Linux on all machines that the program runs on.
-define(SO_PEERCRED, 17).

%% A notice of the port: a mark, its kind, how many bytes were written since the last one.
-define(MARK, 16#616c6376).
-define(EXEC, 1).

-define(S_IFMT, 8#170000).
-define(S_IFIFO, 8#010000).

%%
%% The listener
%%

%% @doc Listens where the options say, or where a program will find it without them.
%%
%% With `{ctl, fifo}' nothing listens: the name is that of the fifo.
-spec listen([alcove_drv:option()]) -> {ok, listener()} | {error, eexist, binary()}.
listen(Options) ->
    Name = encode(path(Options)),
    case is_given(fdctl, Options) andalso file:read_link_info(Name, [raw]) of
        {ok, _} -> {error, eexist, Name};
        _ -> {ok, listen(proplists:get_value(ctl, Options), Name, Options)}
    end.

listen(fifo, Name, _Options) ->
    #listener{name = Name};
listen(_, Name, Options) ->
    Given = is_given(fdctl, Options) orelse is_given(ctldir, Options),
    case Given andalso at_path(Name) of
        {ok, Listener} -> Listener;
        {error, {invalid, _}} -> too_long(Name, Options);
        _ -> elsewhere(os:type(), Name)
    end.

%% For a socket, not for a fifo, which is made at the path that was asked for.
too_long(Name, Options) ->
    case is_given(fdctl, Options) of
        true -> #listener{name = Name};
        false -> elsewhere(os:type(), Name)
    end.

elsewhere({unix, linux}, Name) -> at_abstract_name(Name);
elsewhere(_, Name) -> in_own_folder(Name).

is_given(Option, Options) ->
    proplists:is_defined(Option, Options).

path(Options) ->
    case proplists:get_value(fdctl, Options) of
        undefined ->
            Folder = proplists:get_value(ctldir, Options, alcove_priv:folder()),
            filename:join(Folder, unique());
        Path ->
            Path
    end.

unique() ->
    lists:append(["fdctl.", os:getpid(), ".", integer_to_list(rand:uniform(1 bsl 64), 36)]).

%% A list is characters, a binary the bytes that the system knows.
encode(Path) when is_binary(Path) ->
    Path;
encode(Path) ->
    case unicode:characters_to_binary(Path, unicode, file:native_name_encoding()) of
        Bytes when is_binary(Bytes) -> Bytes;
        _ -> iolist_to_binary(Path)
    end.

%% Whoever the port runs as is to reach it.
at_path(Path) ->
    case bind(Path) of
        {ok, Socket} ->
            _ = file:change_mode(Path, 8#666),
            {ok, #listener{name = Path, socket = Socket, user = user(Socket), file = Path}};
        {error, _} = Error ->
            Error
    end.

%% The program takes what follows the @ for an abstract name. If nobody listens there, because it
%% has another network namespace or has never heard of it, a fifo at this path is as good.
at_abstract_name(Path) ->
    Unique = list_to_binary(unique()),
    case bind(<<0, Unique/binary>>) of
        {ok, Socket} ->
            Name = filename:join(filename:dirname(Path), <<"@", Unique/binary>>),
            #listener{name = Name, socket = Socket, user = user(Socket)};
        {error, _} ->
            #listener{name = Path}
    end.

%% Nobody else comes near it.
in_own_folder(Path) ->
    Folder = encode(filename:join(os:getenv("TMPDIR", "/tmp"), "alcove." ++ unique())),
    File = filename:join(Folder, "fdctl"),
    try
        ok = file:make_dir(Folder),
        ok = file:change_mode(Folder, 8#700),
        {ok, Socket} = bind(File),
        #listener{name = File, socket = Socket, file = File, folder = Folder}
    catch
        error:{badmatch, {error, _}} ->
            _ = file:del_dir(Folder),
            #listener{name = Path}
    end.

bind(Address) ->
    case socket:open(local, stream, default) of
        {ok, Socket} -> bind(Socket, Address);
        {error, _} = Error -> Error
    end.

bind(Socket, Address) ->
    try
        ok = socket:bind(Socket, #{family => local, path => Address}),
        ok = socket:listen(Socket, ?BACKLOG),
        {ok, Socket}
    catch
        error:{badmatch, {error, _} = Error} ->
            _ = socket:close(Socket),
            Error
    end.

%% A socket that listens has the credentials of the process that made it.
user(Socket) ->
    case credentials(Socket) of
        {_Pid, User} -> User;
        unknown -> unknown
    end.

credentials(Socket) ->
    case os:type() of
        {unix, linux} ->
            case socket:getopt_native(Socket, {socket, ?SO_PEERCRED}, 12) of
                {ok, <<Pid:32/native, User:32/native, _Group:32>>} -> {Pid, User};
                _ -> unknown
            end;
        _ ->
            unknown
    end.

%% @doc Returns what follows `-c' on the command line.
-spec name(listener()) -> binary().
name(#listener{name = Name}) ->
    Name.

%% @doc Takes the connections that have come and asks to be told, by a message of the socket, of
%% the next one. The port connects before it says that it is ready. Its connection is the last of
%% the process Pid or one below it, of the user of the VM, or of root. Others are closed.
-spec accept(listener(), Pid :: non_neg_integer()) -> {ok, listener()} | {error, alcove:posix()}.
accept(#listener{socket = none} = Listener, _Pid) ->
    {ok, Listener};
accept(#listener{socket = Socket} = Listener, Pid) ->
    case socket:accept(Socket, nowait) of
        {ok, Next} ->
            accept(choose(is_expected(credentials(Next), Listener, Pid), Next, Listener), Pid);
        {select, _} ->
            {ok, Listener};
        {error, econnaborted} ->
            accept(Listener, Pid);
        {error, Reason} ->
            {error, Reason}
    end.

choose(true, Next, #listener{connection = Last} = Listener) ->
    ok = unless_none(fun socket:close/1, Last),
    Listener#listener{connection = Next};
choose(false, Next, Listener) ->
    _ = socket:close(Next),
    Listener.

is_expected(unknown, _Listener, _Pid) -> true;
is_expected({_, 0}, _Listener, _Pid) -> true;
is_expected({_, User}, #listener{user = User}, _Pid) -> true;
is_expected({Peer, _}, _Listener, Pid) -> is_below(Peer, Pid).

is_below(Pid, Pid) ->
    true;
is_below(Below, Pid) when Below > 1 ->
    case file:read_file(["/proc/", integer_to_list(Below), "/stat"]) of
        {ok, Stat} ->
            [_, Fields] = string:split(Stat, ") ", trailing),
            [_State, Parent | _] = string:lexemes(Fields, " "),
            is_below(binary_to_integer(Parent), Pid);
        {error, _} ->
            false
    end;
is_below(_, _) ->
    false.

%% @doc Returns the connection of the port, if it has come.
-spec connected(listener()) -> {ok, control()} | false.
connected(#listener{connection = none}) ->
    false;
connected(#listener{connection = Socket}) ->
    {ok, #control{from = {socket, Socket}}}.

%% @doc Removes a listener with its file and folder. A connection that was taken stays.
-spec remove(listener()) -> ok.
remove(#listener{socket = Socket, file = File, folder = Folder}) ->
    ok = unless_none(fun close_socket/1, Socket),
    ok = unless_none(fun(Name) -> file:delete(Name, [raw]) end, File),
    ok = unless_none(fun file:del_dir/1, Folder).

unless_none(_Close, none) ->
    ok;
unless_none(Close, Made) ->
    _ = Close(Made),
    ok.

%% Closing one that waits for something is answered by a message.
close_socket(Socket) ->
    _ = socket:close(Socket),
    forget(Socket).

forget(Socket) ->
    receive
        {'$socket', Socket, _, _} -> forget(Socket)
    after 0 -> ok
    end.

%%
%% A fifo
%%

%% @doc Opens the fifo that a program has made instead of connecting.
%%
%% To open a fifo for reading waits for a writer, who may be gone. So the driver is one itself
%% meanwhile, for which it needs the right to write: `not_writable' means that only this is
%% missing. Then the VM watches the descriptor, whose number the kernel tells.
-spec fifo(listener()) -> {ok, control()} | {error, not_writable | alcove:posix()}.
fifo(#listener{name = Name}) ->
    case file:read_link_info(Name, [raw]) of
        {ok, #file_info{mode = Mode}} when Mode band ?S_IFMT =/= ?S_IFIFO -> {error, enoent};
        {ok, #file_info{access = read}} -> {error, not_writable};
        {ok, #file_info{} = Info} -> open(Name, identity(Info));
        {error, _} = Error -> Error
    end.

identity(#file_info{major_device = Device, inode = Inode}) -> {Device, Inode}.

open(Name, Identity) ->
    case file:open(Name, [read, write, raw]) of
        {ok, Writer} ->
            Opened = open_reader(Name, Identity, numbers(Identity)),
            ok = file:close(Writer),
            Opened;
        {error, _} = Error ->
            Error
    end.

%% A file that was put in the place of the fifo has another identity.
open_reader(_Name, _Identity, []) ->
    {error, estale};
open_reader(Name, Identity, Before) ->
    case file:open(Name, [read, raw]) of
        {ok, File} ->
            case numbers(Identity) -- Before of
                [N] ->
                    Port = open_port({fd, N, N}, [in, eof, binary]),
                    {ok, #control{from = {fifo, Port, File}}};
                _ ->
                    ok = file:close(File),
                    {error, estale}
            end;
        {error, _} = Error ->
            Error
    end.

%% The descriptors of the VM that are this file.
numbers(Identity) ->
    Folder = "/proc/self/fd",
    case file:list_dir(Folder) of
        {ok, Names} ->
            [list_to_integer(N) || N <- Names, is_file(filename:join(Folder, N), Identity)];
        {error, _} ->
            []
    end.

is_file(Path, Identity) ->
    case file:read_file_info(Path, [raw]) of
        {ok, Info} -> identity(Info) =:= Identity;
        {error, _} -> false
    end.

%%
%% The open channel
%%

%% @doc Takes a message to the driver, if it is one of the channel.
%%
%% From OTP 29 on, who asks to be told again is told that the earlier request is void. To ask once
%% more for that would never end.
-spec news(term(), control() | atom()) -> news() | none.
news({'$socket', Socket, abort, _}, #control{from = {socket, Socket}} = Control) ->
    {open, Control};
news({'$socket', Socket, _, _}, #control{from = {socket, Socket}} = Control) ->
    poll(Control);
news({Port, eof}, #control{from = {fifo, Port, _}}) ->
    {closed, unknown};
news({'EXIT', Port, _}, #control{from = {fifo, Port, _}}) ->
    {closed, unknown};
news(_, _) ->
    none.

%% @doc Waits until the channel is closed, or there is no news for so long.
-spec await(control(), timeout()) -> news().
await(#control{from = {fifo, Port, _}} = Control, Timeout) ->
    receive
        {Port, eof} -> {closed, unknown}
    after Timeout -> {open, Control}
    end;
await(Control, Timeout) ->
    case poll(Control) of
        {open, Open} -> await_message(Open, Timeout);
        Closed -> Closed
    end.

await_message(#control{from = {socket, Socket}} = Control, Timeout) ->
    receive
        {'$socket', Socket, abort, _} -> await_message(Control, Timeout);
        {'$socket', Socket, _, _} -> await(Control, Timeout)
    after Timeout -> {open, Control}
    end.

%% @doc Takes what has come, and asks to be told of more by a message.
-spec poll(control()) -> news().
poll(#control{from = {fifo, _, _}} = Control) ->
    {open, Control};
poll(#control{from = {socket, Socket}, rest = Rest} = Control) ->
    case socket:recv(Socket, 0, nowait) of
        {ok, Bytes} -> poll(notices(<<Rest/binary, Bytes/binary>>, Control));
        {select, {_Info, Bytes}} -> poll(notices(<<Rest/binary, Bytes/binary>>, Control));
        {select, _Info} -> {open, Control};
        {error, _} -> closed(Control)
    end.

closed(#control{execs = true, told = Told}) -> {closed, exec, Told};
closed(#control{execs = false}) -> {closed, ended}.

%% Anything else means that the socket was used for something else.
notices(<<?MARK:32, Kind:32, Count:64, Rest/binary>>, #control{told = Told} = Control) ->
    notices(Rest, Control#control{told = Told + Count, execs = Kind =:= ?EXEC});
notices(<<Rest/binary>>, Control) when byte_size(Rest) < 16 ->
    Control#control{rest = Rest};
notices(_, Control) ->
    Control#control{rest = <<>>, execs = false}.

%% @doc Closes the channel.
-spec close(control()) -> ok.
close(#control{from = {socket, Socket}}) ->
    close_socket(Socket);
close(#control{from = {fifo, Port, File}}) ->
    true = unlink(Port),
    true = close_port(Port),
    receive
        {Port, eof} -> ok
    after 0 -> ok
    end,
    % not before: the VM no longer looks at the descriptor now
    _ = file:close(File),
    ok.

%% @doc Closes a port of the VM, which may have closed by itself.
-spec close_port(port()) -> true.
close_port(Port) ->
    try
        port_close(Port)
    catch
        error:badarg -> true
    end.
