%% SPDX-License-Identifier: ISC

%% What the application makes of terms: frames, numbers of calls, C structures and filters, byte
%% for byte.
-module(alcove_codec_SUITE).

-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").
-include_lib("alcove/include/alcove_seccomp.hrl").

-export([all/0]).
-export([
    calls_are_numbered_in_alphabetical_order/1,
    calls_that_return_are_told_from_those_that_do_not/1,
    call_is_a_frame/1,
    call_is_wrapped_for_each_pid/1,
    call_refuses_what_it_cannot_encode/1,
    name_of_wide_text_is_encoded_as_names_of_files/1,
    call_encodes_only_what_is_a_name/1,
    stdin_is_wrapped_for_each_pid/1,
    stream_cuts_whole_frames/1,
    stream_keeps_every_beginning_of_a_frame/1,
    decode_takes_all_types_apart/1,
    decode_unwraps_a_pipeline/1,
    decode_refuses_what_is_not_one_frame/1,
    decode_makes_no_atoms/1,
    atoms_of_all_names_are_known/1,
    jail_is_laid_out_as_in_c/1,
    jail_takes_names_as_calls_do/1,
    instruction_of_a_filter_is_eight_bytes/1,
    size_of_a_load_has_a_name/1,
    macros_make_instructions/1,
    macros_make_segments/1
]).

all() ->
    alcove_os:cases(?MODULE).

calls_are_numbered_in_alphabetical_order(_Config) ->
    Calls = alcove_proto:calls(),
    ?assertEqual(100, length(Calls)),
    ?assertEqual(lists:usort(Calls), Calls),
    ?assertEqual(lists:seq(0, 99), [alcove_proto:call(Call) || Call <- Calls]),
    ?assertEqual({0, 99}, {alcove_proto:call(alloc), alcove_proto:call(write)}),
    ?assertError(function_clause, alcove_proto:call(no_such_call)),
    ?assertError(function_clause, alcove_proto:call(1)).

calls_that_return_are_told_from_those_that_do_not(_Config) ->
    NoReturn = [Call || Call <- alcove_proto:calls(), alcove_proto:noreturn(Call)],
    ?assertEqual([execve, execvp, exit, fexecve], NoReturn),
    ?assertNot(alcove_proto:noreturn({any, term})).

call_is_a_frame(_Config) ->
    ?assertEqual(<<0, 7, 0, 4, 0, 36, 131, 104, 0>>, call(getpid, [], [])),
    ?assertEqual(<<0, 11, 0, 4, 0, 8, 131, 104, 1, 107, 0, 1, 47>>, call(chdir, [], ["/"])).

call_is_wrapped_for_each_pid(_Config) ->
    ?assertEqual(
        <<0, 23, 0, 0, 0, 0, 0, 1, 0, 15, 0, 0, 0, 0, 0, 2, 0, 7, 0, 4, 0, 36, 131, 104, 0>>,
        call(getpid, [1, 2], [])
    ).

call_refuses_what_it_cannot_encode(_Config) ->
    ?assertError(function_clause, alcove_codec:call(no_such_call, [], [])),
    ?assertError(badarg, alcove_codec:call(getpid, [], no_list)),
    ?assertError(badarg, alcove_codec:call(getpid, [no_pid], [])).

%% Text is told from bytes by a character that is no byte. Bytes stay bytes.
name_of_wide_text_is_encoded_as_names_of_files(_Config) ->
    Unchanged = ["", "a", [233], <<"a">>, ["a", <<206, 187>> | <<"b">>], [16#110000], [-1], a, 7],
    [?assertEqual(Name, alcove_codec:name(Name)) || Name <- Unchanged],
    Encoded = [
        {[955], <<206, 187>>},
        {[233, 955], <<195, 169, 206, 187>>},
        {["/", [955 | <<233>>], [[]], 233], <<"/", 206, 187, 233, 195, 169>>},
        {[16#1f600], <<240, 159, 152, 128>>}
    ],
    [
        ?assertEqual({Text, encoded(Text, Bytes)}, {Text, alcove_codec:name(Text)})
     || {Text, Bytes} <- Encoded
    ].

encoded(Text, Bytes) ->
    case file:native_name_encoding() of
        utf8 -> Bytes;
        latin1 -> Text
    end.

%% Lists of numbers are no text, nor is data.
call_encodes_only_what_is_a_name(_Config) ->
    Wide = [955],
    Bytes = encoded(Wide, <<206, 187>>),
    lists:foreach(
        fun({Name, Args, Encoded}) ->
            <<_:48, Term/binary>> = call(Name, [], Args),
            ?assertEqual({Name, list_to_tuple(Encoded)}, {Name, binary_to_term(Term)})
        end,
        [
            {chdir, [Wide], [Bytes]},
            {link, [Wide, "a"], [Bytes, "a"]},
            {execve, [Wide, ["a", Wide], [Wide | rest]], [Bytes, ["a", Bytes], [Bytes | rest]]},
            {fexecve, [3, [Wide], []], [3, [Bytes], []]},
            {mount, [Wide, Wide, Wide, [256], Wide, []], [Bytes, Bytes, Bytes, [256], Wide, []]},
            {setgroups, [[1000]], [[1000]]},
            {select, [[300], [], [], []], [[300], [], [], []]},
            {write, [1, Wide], [1, Wide]},
            {iolist_to_bin, [Wide], [Wide]},
            {chdir, [], []},
            {chdir, [Wide, too, many], [Bytes, too, many]}
        ]
    ),
    <<_:48, Batch/binary>> = call(batch, [], [[{chdir, [Wide]}, {getpid, []}]]),
    Numbers = [alcove_proto:call(Name) || Name <- [chdir, getpid]],
    ?assertEqual({lists:zip(Numbers, [{Bytes}, {}])}, binary_to_term(Batch)),
    <<_:48, Forking/binary>> = call(batch, [], [[{fork, []}, {batch, [[{chdir, [Wide]}]]}]]),
    [Fork, Inner, Chdir] = [alcove_proto:call(Name) || Name <- [fork, batch, chdir]],
    ?assertEqual({[{Fork, {}}, {Inner, {[{Chdir, {Bytes}}]}}]}, binary_to_term(Forking)).

stdin_is_wrapped_for_each_pid(_Config) ->
    ?assertEqual(<<"data">>, stdin([], ["da", <<"ta">>])),
    ?assertEqual(<<0, 8, 0, 0, 0, 0, 1, 2, 104, 105>>, stdin([258], <<"hi">>)),
    ?assertEqual(
        <<0, 16, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 255, 255, 255, 255, 104, 105>>,
        stdin([1, -1], "hi")
    ).

stream_cuts_whole_frames(_Config) ->
    ?assertEqual({[], <<>>}, alcove_codec:stream(<<>>)),
    ?assertEqual({[<<0, 0>>], <<>>}, alcove_codec:stream(<<0, 0>>)),
    ?assertEqual(
        {[<<0, 1, 9>>, <<0, 2, 1, 2>>], <<0, 3, 1>>},
        alcove_codec:stream(<<0, 1, 9, 0, 2, 1, 2, 0, 3, 1>>)
    ).

stream_keeps_every_beginning_of_a_frame(_Config) ->
    First = call(getpid, [], []),
    Both = <<First/binary, (call(chdir, [], ["/"]))/binary>>,
    lists:foreach(
        fun(Size) ->
            <<Bytes:Size/binary, _/binary>> = Both,
            {Frames, Rest} = alcove_codec:stream(Bytes),
            ?assertEqual(Bytes, iolist_to_binary([Frames, Rest])),
            ?assertEqual(Size >= byte_size(First), lists:member(First, Frames)),
            ?assertEqual({[], Rest}, alcove_codec:stream(Rest))
        end,
        lists:seq(0, byte_size(Both) - 1)
    ),
    ?assertMatch({[First, _], <<>>}, alcove_codec:stream(Both)).

decode_takes_all_types_apart(_Config) ->
    Term = {error, enoent},
    [
        ?assertEqual({Tag, [], Term}, alcove_codec:decode(frame(Type, term_to_binary(Term))))
     || {Type, Tag} <- [
            {?ALCOVE_MSG_CALL, alcove_call},
            {?ALCOVE_MSG_EVENT, alcove_event},
            {?ALCOVE_MSG_CTL, alcove_ctl},
            {?ALCOVE_MSG_PIPE, alcove_pipe}
        ]
    ],
    ?assertEqual({alcove_stdout, [7], <<"o">>}, alcove_codec:decode(frame(1, <<7:32, "o">>))),
    ?assertEqual({alcove_stderr, [7], <<>>}, alcove_codec:decode(frame(2, <<7:32>>))),
    ?assertEqual(
        {alcove_call, [], ok},
        alcove_codec:decode(frame(4, <<(term_to_binary(ok))/binary, "after the term">>))
    ).

decode_unwraps_a_pipeline(_Config) ->
    Reply = frame(4, term_to_binary(<<"1.0.1">>)),
    ?assertEqual(
        {alcove_call, [295, 551, 807], <<"1.0.1">>},
        alcove_codec:decode(proxy([295, 551, 807], Reply))
    ),
    ?assertEqual(
        {alcove_stdout, [1, 2, 3], <<"out">>},
        alcove_codec:decode(proxy([1, 2], frame(1, <<3:32, "out">>)))
    ).

decode_refuses_what_is_not_one_frame(_Config) ->
    Reply = frame(4, term_to_binary(ok)),
    [
        ?assertError(function_clause, alcove_codec:decode(Bytes))
     || Bytes <- [
            <<>>,
            <<0, 0>>,
            <<0, 1, 4>>,
            frame(0, <<7:32>>),
            frame(8, <<>>),
            frame(1, <<7:24>>),
            binary:part(Reply, 0, byte_size(Reply) - 1),
            <<Reply/binary, 0>>,
            <<Reply/binary, Reply/binary>>,
            proxy([1], <<Reply/binary, Reply/binary>>),
            proxy([1], <<0, 0>>),
            proxy([1], binary:part(Reply, 0, byte_size(Reply) - 1))
        ]
    ],
    ?assertError(badarg, alcove_codec:decode(frame(4, <<131>>))),
    ?assertError(badarg, alcove_codec:decode(frame(5, <<>>))).

decode_makes_no_atoms(_Config) ->
    Name = <<"an_atom_that_nobody_has_made">>,
    Atom = <<131, 119, (byte_size(Name)), Name/binary>>,
    ?assertError(badarg, alcove_codec:decode(frame(4, Atom))),
    ?assertError(badarg, binary_to_existing_atom(Name)).

atoms_of_all_names_are_known(_Config) ->
    Atoms = alcove_codec:atoms(),
    ?assertEqual([], [ok, badpid, eperm, enotrecoverable, sigterm, sigsys, unknown] -- Atoms),
    ?assertEqual(length(Atoms), length(lists:usort(Atoms))).

jail_is_laid_out_as_in_c(_Config) ->
    Pad = <<0:(alcove:wordalign(4) * 8)>>,
    ?assertEqual(
        [
            <<2:32/native>>,
            Pad,
            {ptr, <<"/rescue", 0>>},
            {ptr, <<"host", 0>>},
            {ptr, <<"name", 0>>},
            <<1:32/native, 2:32/native>>,
            {ptr, <<127, 0, 0, 1>>},
            {ptr, <<0:112, 1:16, 16#20010db8:32, 0:80, 2:16>>}
        ],
        alcove_cstruct:jail(#alcove_jail{
            path = "/rescue",
            hostname = <<"host">>,
            jailname = ["na", <<"me">>],
            ip4 = [{127, 0, 0, 1}],
            ip6 = [{0, 0, 0, 0, 0, 0, 0, 1}, {16#2001, 16#db8, 0, 0, 0, 0, 0, 2}]
        })
    ),
    ?assertEqual(
        [<<2:32/native>>, Pad] ++
            [{ptr, <<0>>} || _ <- [path, hostname, jailname]] ++
            [<<0:64>>, {ptr, <<>>}, {ptr, <<>>}],
        alcove_cstruct:jail(#alcove_jail{})
    ),
    ?assertError(function_clause, alcove_cstruct:jail(#alcove_jail{version = 1})),
    ?assertError(function_clause, alcove_cstruct:jail(#alcove_jail{ip4 = [{1, 2, 3}]})).

jail_takes_names_as_calls_do(_Config) ->
    Jail = #alcove_jail{path = [$/, 955], hostname = [233], jailname = <<"j">>},
    case file:native_name_encoding() of
        utf8 ->
            [_, _, {ptr, Path}, {ptr, Host}, {ptr, Name} | _] = alcove_cstruct:jail(Jail),
            ?assertEqual([<<"/", 206, 187, 0>>, <<233, 0>>, <<"j", 0>>], [Path, Host, Name]);
        latin1 ->
            ?assertError(badarg, alcove_cstruct:jail(Jail))
    end,
    [
        ?assertError(badarg, alcove_cstruct:jail(Cut))
     || Cut <- [#alcove_jail{path = [$/, 0]}, #alcove_jail{hostname = <<"a", 0, "b">>}]
    ].

instruction_of_a_filter_is_eight_bytes(_Config) ->
    Insn = #alcove_insn{code = 16#15, jt = 2, jf = 3, k = 1},
    ?assertEqual(<<16#15:16/native, 2, 3, 1:32/native>>, alcove_seccomp:insn(Insn)),
    ?assertEqual(Insn, alcove_seccomp:insn(alcove_seccomp:insn(Insn))),
    ?assertEqual(alcove_seccomp:insn(Insn), alcove_seccomp:jump(16#15, 1, 2, 3)),
    ?assertEqual(
        <<6:16/native, 0, 0, 16#7fff0000:32/native>>,
        alcove_seccomp:stmt(6, 16#7fff0000)
    ),
    ?assertEqual(<<6:16/native, 0, 0, 16#ffffffff:32/native>>, alcove_seccomp:stmt(65542, -1)),
    ?assertError(function_clause, alcove_seccomp:stmt(6, k)),
    ?assertError(function_clause, alcove_seccomp:insn(<<1>>)).

size_of_a_load_has_a_name(_Config) ->
    [
        ?assertEqual({Number, Name}, {alcove_seccomp:offset(Name), alcove_seccomp:offset(Number)})
     || {Name, Number} <- [{word, 16#00}, {halfword, 16#08}, {byte, 16#10}]
    ],
    ?assertError(function_clause, alcove_seccomp:offset(quadword)).

macros_make_instructions(_Config) ->
    ?assertEqual(
        [
            <<16#20:16/native, 0, 0, 4:32/native>>,
            <<16#15:16/native, 1, 0, 5:32/native>>,
            <<16#06:16/native, 0, 0, 0:32/native>>,
            <<16#20:16/native, 0, 0, 0:32/native>>,
            <<16#35:16/native, 0, 1, 16#40000000:32/native>>,
            <<16#06:16/native, 0, 0, 0:32/native>>
        ],
        ?VALIDATE_ARCHITECTURE(5)
    ),
    ?assertEqual(<<16#20:16/native, 0, 0, 0:32/native>>, ?EXAMINE_SYSCALL),
    ?assertEqual(
        [
            <<16#15:16/native, 0, 1, 9:32/native>>,
            <<16#06:16/native, 0, 0, 16#7fff0000:32/native>>
        ],
        ?ALLOW_SYSCALL(9)
    ).

%% Also where the number is an expression.
macros_make_segments(_Config) ->
    Bytes = <<"bytes">>,
    ?assertEqual(<<0, 5>>, <<?UINT16(byte_size(Bytes))>>),
    ?assertEqual(<<0, 0, 0, 6>>, <<?UINT32(1 + byte_size(Bytes))>>),
    <<?UINT16(One), ?UINT32(Two)>> = <<0, 1, 0, 0, 0, 2>>,
    ?assertEqual({1, 2}, {One, Two}).

call(Name, Pids, Args) ->
    iolist_to_binary(alcove_codec:call(Name, Pids, Args)).

stdin(Pids, Data) ->
    iolist_to_binary(alcove_codec:stdin(Pids, Data)).

frame(Type, Bytes) ->
    <<(2 + byte_size(Bytes)):16, Type:16, Bytes/binary>>.

proxy([], Frame) ->
    Frame;
proxy([Pid | Pids], Frame) ->
    frame(?ALCOVE_MSG_PROXY, <<Pid:32, (proxy(Pids, Frame))/binary>>).
