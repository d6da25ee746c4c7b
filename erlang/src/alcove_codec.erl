%% SPDX-License-Identifier: ISC

%% @doc Frames between the driver and the port program.
%%
%% A frame is a length of two bytes, which counts what follows, a type of two bytes, and
%% what the type says. All numbers are big endian. A frame for a process below the port is
%% wrapped once for each process on the way, and so is what comes from there:
%%
%% <ul>
%% <li>build: {@link call/3}, {@link stdin/2}, {@link name/1}</li>
%% <li>take apart: {@link stream/1}, {@link decode/1}, {@link unwrap/1}</li>
%% </ul>
%%
%% The functions are pure. None of them checks that a frame fits in the 65535 bytes that a
%% port accepts: {@link alcove_drv} does.
-module(alcove_codec).

-include("alcove.hrl").
-include("alcove_atoms.hrl").

-export([
    call/3,
    stdin/2,
    name/1
]).
-export([
    stream/1,
    decode/1,
    unwrap/1,
    atoms/0
]).

-export_type([
    type/0,
    frame/0
]).

-type type() ::
    alcove_call
    | alcove_stdout
    | alcove_stderr
    | alcove_event
    | alcove_ctl
    | alcove_pipe.
%% What a message to the owner of a port is about.

-type frame() :: <<_:32, _:_*8>>.
%% A length, a type and what the type says.

-define(IS_WHOLE(Len, Header, Rest), Len =:= Header + byte_size(Rest)).

%% @doc Encodes a call for the last process of a pipeline.
%%
%% Raises `function_clause' for an unknown call and `badarg' for arguments that are not a
%% list or a pid that is not an integer.
%%
%% ```
%% 1> iolist_to_binary(alcove_codec:call(getpid, [], [])).
%% <<0,7,0,4,0,36,131,104,0>>
%% '''
-spec call(alcove_proto:call(), [alcove:pid_t()], [term()]) -> iodata().
call(Name, Pids, Args) ->
    Nr = alcove_proto:call(Name),
    Term = term_to_binary(list_to_tuple(arguments(Name, Args))),
    Length = 4 + byte_size(Term),
    stdin(Pids, <<?UINT16(Length), ?UINT16(?ALCOVE_MSG_CALL), ?UINT16(Nr), Term/binary>>).

%% Calls in a call are numbers, too.
arguments(batch, [Calls]) when is_list(Calls) ->
    [lists:map(fun({Name, Args}) -> {alcove_proto:call(Name), inner(Name, Args)} end, Calls)];
arguments(Name, Args) ->
    encode(names(Name), Args).

inner(Name, Args) ->
    list_to_tuple(arguments(Name, Args)).

% names/1
-include("alcove_names.hrl").

encode([name | Kinds], [Arg | Args]) -> [name(Arg) | encode(Kinds, Args)];
encode([names | Kinds], [Arg | Args]) -> [each_name(Arg) | encode(Kinds, Args)];
encode([other | Kinds], [Arg | Args]) -> [Arg | encode(Kinds, Args)];
encode(_, Args) -> Args.

each_name([Name | Names]) -> [name(Name) | each_name(Names)];
each_name(Rest) -> Rest.

%% @doc Encodes a name, an argument or an entry of the environment as it goes to a port.
%%
%% Text with a character above 255 becomes bytes as it does in names of files, see
%% {@link file:native_name_encoding/0}; binaries in it stay as they are. Everything else is
%% returned unchanged. So is text that has no encoding, which the port refuses.
%%
%% ```
%% 1> alcove_codec:name([955]).
%% <<206,187>>
%% 2> alcove_codec:name([233]).
%% [233]
%% '''
-spec name(term()) -> term().
name(Text) when is_list(Text) ->
    case is_wide(Text) andalso file:native_name_encoding() of
        utf8 ->
            try
                iolist_to_binary(utf8(Text))
            catch
                error:badarg -> Text
            end;
        _ ->
            Text
    end;
name(Term) ->
    Term.

is_wide([C | Rest]) when is_integer(C) -> C > 255 orelse is_wide(Rest);
is_wide([Part | Rest]) -> is_wide(Part) orelse is_wide(Rest);
is_wide(_) -> false.

utf8([C | Rest]) when is_integer(C) -> [<<C/utf8>> | utf8(Rest)];
utf8([Part | Rest]) -> [utf8(Part) | utf8(Rest)];
utf8(Rest) -> Rest.

%% @doc Data for the standard input of the last process of a pipeline.
%%
%% For the port itself, `[]', this is the data without a frame.
%%
%% ```
%% 1> iolist_to_binary(alcove_codec:stdin([258], <<"hi">>)).
%% <<0,8,0,0,0,0,1,2,104,105>>
%% '''
-spec stdin([alcove:pid_t()], iodata()) -> iodata().
stdin([], Data) ->
    Data;
stdin([_ | _] = Pids, Data) ->
    {_, Frame} = lists:foldr(fun wrap/2, {iolist_size(Data), Data}, Pids),
    Frame.

wrap(Pid, {Size, Data}) ->
    Length = 6 + Size,
    {2 + Length, [
        <<?UINT16(Length), ?UINT16(?ALCOVE_MSG_STDIN), ?UINT32(Pid)>>
        | Data
    ]}.

%% @doc Cuts complete frames off the front of what a port has written.
%%
%% The frames are returned with their lengths; the rest is the beginning of a frame or empty.
%%
%% ```
%% 1> alcove_codec:stream(<<0,1,9,0,2,1,2,0,3,1>>).
%% {[<<0,1,9>>,<<0,2,1,2>>],<<0,3,1>>}
%% '''
-spec stream(binary()) -> {Frames :: [binary()], Rest :: binary()}.
stream(Bytes) ->
    stream(Bytes, []).

stream(<<?UINT16(Length), _:Length/binary, Rest/binary>> = Bytes, Frames) ->
    stream(Rest, [binary:part(Bytes, 0, 2 + Length) | Frames]);
stream(Rest, Frames) ->
    {lists:reverse(Frames), Rest}.

%% @doc Takes a frame apart: what it is about, the pipeline of the process it concerns and
%% its term.
%%
%% Raises `function_clause' for anything but one complete frame of a type that a port sends,
%% at every level. Raises `badarg' for a term that cannot be decoded or names an atom that
%% the VM does not know. A process below the port may be hostile: what it sends cannot fill
%% the table of atoms.
%%
%% ```
%% 1> alcove_codec:decode(<<0,11,0,3,0,0,1,2, 0,3,0,4,131>>).
%% ** exception error: bad argument
%% 2> alcove_codec:decode(<<0,13,0,3,0,0,1,2, 0,5,0,4,131,97,7>>).
%% {alcove_call,[258],7}
%% '''
-spec decode(frame()) -> {type(), [non_neg_integer()], term()}.
decode(Frame) ->
    case unwrap(Frame) of
        {Stdio, _Pids, _Data} = Message when Stdio =:= alcove_stdout; Stdio =:= alcove_stderr ->
            Message;
        {Type, Pids, Term} ->
            {Type, Pids, binary_to_term(Term, [safe])}
    end.

%% @doc Does what {@link decode/1} does, and leaves the term as it came.
-spec unwrap(frame()) -> {type(), [non_neg_integer()], binary()}.
unwrap(Frame) ->
    unwrap(Frame, []).

unwrap(<<?UINT16(Len), ?UINT16(?ALCOVE_MSG_PROXY), ?UINT32(Pid), Frame/binary>>, Pids) when
    ?IS_WHOLE(Len, 6, Frame)
->
    unwrap(Frame, [Pid | Pids]);
unwrap(<<?UINT16(Len), ?UINT16(?ALCOVE_MSG_STDOUT), ?UINT32(Pid), Data/binary>>, Pids) when
    ?IS_WHOLE(Len, 6, Data)
->
    {alcove_stdout, lists:reverse(Pids, [Pid]), Data};
unwrap(<<?UINT16(Len), ?UINT16(?ALCOVE_MSG_STDERR), ?UINT32(Pid), Data/binary>>, Pids) when
    ?IS_WHOLE(Len, 6, Data)
->
    {alcove_stderr, lists:reverse(Pids, [Pid]), Data};
unwrap(<<?UINT16(Len), ?UINT16(?ALCOVE_MSG_CALL), Term/binary>>, Pids) when
    ?IS_WHOLE(Len, 2, Term)
->
    {alcove_call, lists:reverse(Pids), Term};
unwrap(<<?UINT16(Len), ?UINT16(?ALCOVE_MSG_EVENT), Term/binary>>, Pids) when
    ?IS_WHOLE(Len, 2, Term)
->
    {alcove_event, lists:reverse(Pids), Term};
unwrap(<<?UINT16(Len), ?UINT16(?ALCOVE_MSG_CTL), Term/binary>>, Pids) when
    ?IS_WHOLE(Len, 2, Term)
->
    {alcove_ctl, lists:reverse(Pids), Term};
unwrap(<<?UINT16(Len), ?UINT16(?ALCOVE_MSG_PIPE), Term/binary>>, Pids) when
    ?IS_WHOLE(Len, 2, Term)
->
    {alcove_pipe, lists:reverse(Pids), Term}.

%% @doc Returns the atoms that occur in what a port sends.
%%
%% They exist as soon as this module is loaded, so {@link decode/1} knows them.
-spec atoms() -> [atom(), ...].
atoms() ->
    [ok, error, unknown, badarg, undef, true, false] ++
        [alcove_pid, alcove_rlimit, ptr, sig_dfl, sig_ign, sig_info] ++
        [signal, exit_status, termsig, stopsig, continued] ++
        [badpid, fdctl_closed, stdin_closed, stdout_closed, stderr_closed] ++
        [stdin_taken, stdin_ready, stdin_error, usage, childless] ++
        [ready, readable, writable, hangup, closed] ++
        ?ERRNO_ATOMS ++ ?SIGNAL_ATOMS.
