%% SPDX-License-Identifier: ISC

%% @doc Frames in a stream of bytes, which comes in pieces of any size.
%%
%% <ul>
%% <li>what a port writes: {@link new/0}, {@link add/2}, {@link rest/1}, {@link size/1},
%%   {@link is_foreign/1}, {@link message/1}</li>
%% <li>what is written to a port: {@link are_for_port/1}, {@link executes/1}</li>
%% </ul>
%%
%% The functions are pure.
%% @hidden
-module(alcove_frames).

-include("alcove.hrl").

-export([
    new/0,
    add/2,
    rest/1,
    size/1,
    is_foreign/1,
    message/1
]).
-export([
    are_for_port/1,
    executes/1
]).

-export_type([
    unread/0,
    message/0
]).

-opaque unread() ::
    none | {Have :: pos_integer(), Need :: pos_integer(), LatestFirst :: [binary(), ...]}.
%% The beginning of a frame: its size so far, the size to wait for, and its pieces.

-type message() :: {alcove_codec:type(), [alcove:pid_t()], term()}.
%% What a frame says.

%% @doc Returns the state without bytes of a frame.
-spec new() -> unread().
new() ->
    none.

%% @doc Takes bytes; returns the frames that are whole now, and the beginning of the next one.
%%
%% The pieces of a frame are joined once, when the last one has come. A frame that needs several
%% pieces does not refer to what follows it: output of programs is kept in mailboxes, and takes no
%% more memory there than it has bytes.
%%
%% ```
%% 1> {[], Unread} = alcove_frames:add(<<0,2,1>>, alcove_frames:new()).
%% 2> alcove_frames:add(<<2,0,1,9>>, Unread).
%% {[<<0,2,1,2>>,<<0,1,9>>],none}
%% '''
-spec add(binary(), unread()) -> {Frames :: [binary()], unread()}.
add(Bytes, none) ->
    cut(Bytes);
add(Bytes, {Have, Need, Pieces}) when Have + byte_size(Bytes) < Need ->
    {[], {Have + byte_size(Bytes), Need, [Bytes | Pieces]}};
add(Bytes, {1, _Need, Pieces}) ->
    cut(join([Bytes | Pieces]));
add(Bytes, {Have, Need, Pieces}) ->
    {End, Others} = split_binary(Bytes, Need - Have),
    {Frames, Unread} = cut(Others),
    {[join([End | Pieces]) | Frames], Unread}.

cut(Bytes) ->
    {Frames, Rest} = alcove_codec:stream(Bytes),
    {Frames, unread(Rest)}.

unread(<<>>) -> none;
unread(<<Length:16, _/binary>> = Rest) -> {byte_size(Rest), 2 + Length, [Rest]};
unread(Rest) -> {1, 2, [Rest]}.

join(LatestFirst) ->
    iolist_to_binary(lists:reverse(LatestFirst)).

%% @doc Returns the bytes of the frame that is not whole.
-spec rest(unread()) -> binary().
rest(none) -> <<>>;
rest({_Have, _Need, Pieces}) -> join(Pieces).

%% @doc Returns how many bytes of it have come.
-spec size(unread()) -> non_neg_integer().
size(none) -> 0;
size({Have, _Need, _Pieces}) -> Have.

%% @doc True when what has come last begins as no frame of a port does.
-spec is_foreign(unread()) -> boolean().
is_foreign({_Have, _Need, [<<_:16, Type:16, _/binary>>]}) ->
    Type < ?ALCOVE_MSG_STDOUT orelse Type > ?ALCOVE_MSG_PIPE;
is_foreign(_Unread) ->
    false.

%% @doc Decodes a frame that was cut off by its length.
%%
%% What the frame of a process below the port contains is the affair of that process, and its
%% mistakes do not hurt others: a reply that cannot be decoded is `{error, ebadmsg}', anything
%% else is `garbled'. A frame that the port itself does not write is a `bad_frame'.
-spec message(binary()) -> message() | garbled | bad_frame.
message(Frame) ->
    try
        alcove_codec:decode(Frame)
    catch
        error:_ -> undecodable(Frame)
    end.

undecodable(Frame) ->
    try alcove_codec:unwrap(Frame) of
        {alcove_call, Pids, _Term} -> {alcove_call, Pids, {error, ebadmsg}};
        _ -> garbled
    catch
        error:_ -> garbled_or_bad(Frame)
    end.

garbled_or_bad(<<_:16, ?UINT16(?ALCOVE_MSG_PROXY), _/binary>>) -> garbled;
garbled_or_bad(_Frame) -> bad_frame.

%% @doc True for a sequence of whole frames of the types that a port takes, each no larger than a
%% port takes.
-spec are_for_port(binary()) -> boolean().
are_for_port(Bytes) ->
    {Frames, Rest} = alcove_codec:stream(Bytes),
    Rest =:= <<>> andalso lists:all(fun is_for_port/1, Frames).

is_for_port(<<_:16, Type:16, _/binary>> = Frame) ->
    byte_size(Frame) =< ?ALCOVE_MAXMSG andalso
        (Type =:= ?ALCOVE_MSG_STDIN orelse Type =:= ?ALCOVE_MSG_CALL);
is_for_port(_) ->
    false.

%% @doc True when a call in it may make the port another program.
-spec executes(binary()) -> boolean().
executes(Bytes) ->
    {Frames, _} = alcove_codec:stream(Bytes),
    Numbers = [alcove_proto:call(Name) || Name <- [execve, execvp, fexecve]],
    lists:any(
        fun
            (<<_:16, ?UINT16(?ALCOVE_MSG_CALL), N:16, _/binary>>) -> lists:member(N, Numbers);
            (_) -> false
        end,
        Frames
    ).
