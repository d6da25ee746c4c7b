%% SPDX-License-Identifier: ISC

%% @doc C structures that are more than a few integers.
%%
%% A structure is given to a call as a list of its parts in order: a binary is copied as
%% it is, padding included, and `{ptr, Binary}' becomes a pointer to a copy of the binary.
%% Padding depends on the machine: see `alcove:wordalign/1'.
-module(alcove_cstruct).

-include("alcove.hrl").

-export([
    jail/1
]).

%% @doc Returns the `struct jail' that {@link alcove:jail/3} takes on FreeBSD, of version 2.
%%
%% Raises `function_clause' for a structure of another version and for an address that is
%% not a tuple of four or eight numbers, `badarg' for a name with a zero byte. Names are text as
%% type `alcove:name()' says.
%%
%% ```
%% {ok, Jid} = alcove:jail(Drv, [Pid], alcove_cstruct:jail(#alcove_jail{
%%     path = "/rescue",
%%     hostname = "sandbox",
%%     jailname = "sandbox",
%%     ip4 = [{127,0,0,1}]
%% })).
%% '''
-spec jail(#alcove_jail{}) -> [binary() | {ptr, binary()}].
jail(#alcove_jail{
    version = 2,
    path = Path,
    hostname = Hostname,
    jailname = Jailname,
    ip4 = IP4,
    ip6 = IP6
}) ->
    [
        <<2:4/native-unsigned-integer-unit:8>>,
        <<0:(alcove:wordalign(4) * 8)>>,
        cstring(Path),
        cstring(Hostname),
        cstring(Jailname),
        <<
            (length(IP4)):4/native-unsigned-integer-unit:8,
            (length(IP6)):4/native-unsigned-integer-unit:8
        >>,
        {ptr, <<<<(ip4(IP))/binary>> || IP <- IP4>>},
        {ptr, <<<<(ip6(IP))/binary>> || IP <- IP6>>}
    ].

%% A name ends at its first zero byte, which would cut it.
cstring(Text) ->
    Name = iolist_to_binary(alcove_codec:name(Text)),
    case binary:match(Name, <<0>>) of
        nomatch -> {ptr, <<Name/binary, 0>>};
        _ -> erlang:error(badarg, [Text])
    end.

%% Addresses travel in network byte order.
ip4({A, B, C, D}) ->
    <<A:8, B:8, C:8, D:8>>.

ip6({A, B, C, D, E, F, G, H}) ->
    <<A:16, B:16, C:16, D:16, E:16, F:16, G:16, H:16>>.
