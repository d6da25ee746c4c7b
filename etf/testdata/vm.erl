%% SPDX-License-Identifier: ISC

%% The Erlang side of erlang_test.go: answers questions about terms, on standard
%% input and output, each in a frame that begins with its length in four bytes.
-module(vm).
-export([main/0]).

main() ->
    Port = erlang:open_port({fd, 0, 1}, [{packet, 4}, binary, eof]),
    loop(Port).

loop(Port) ->
    receive
        {Port, {data, Question}} ->
            Answer =
                try
                    answer(Question)
                catch
                    Class:Reason -> io_lib:format("!~0tp:~0tp", [Class, Reason])
                end,
            true = erlang:port_command(Port, unicode:characters_to_binary(Answer)),
            loop(Port);
        {Port, eof} ->
            erlang:halt(0)
    end.

%% Are these bytes the term of this text?
answer(<<"same", Size:32, Bytes:Size/binary, Text/binary>>) ->
    Term = term(Text),
    case erlang:binary_to_term(Bytes) of
        Term -> "yes";
        Other -> io_lib:format("no: ~0tp", [Other])
    end;
%% The encodings of the term of this text, in hexadecimal.
answer(<<"encode", Text/binary>>) ->
    encodings(term(Text));
%% The encodings of the value of this expression, for terms that have no text.
answer(<<"evaluate", Text/binary>>) ->
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list([Text, "."])),
    {ok, Exprs} = erl_parse:parse_exprs(Tokens),
    {value, Term, _} = erl_eval:exprs(Exprs, []),
    encodings(Term);
%% The bytes of an iolist, behind a "+"; or "-" if it is none. In hexadecimal.
answer(<<"iolist", Bytes/binary>>) ->
    Term = erlang:binary_to_term(Bytes),
    try
        hex([<<"+">>, erlang:iolist_to_binary(Term)])
    catch
        error:badarg -> hex(<<"-">>)
    end.

encodings(Term) ->
    Encodings = [
        erlang:term_to_binary(Term)
        | [erlang:term_to_binary(Term, [{minor_version, V}]) || V <- [0, 1, 2]]
    ],
    lists:join(" ", [hex(E) || E <- Encodings]).

hex(Bytes) ->
    binary:encode_hex(erlang:iolist_to_binary(Bytes)).

term(Text) ->
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list([Text, "."])),
    {ok, Term} = erl_parse:parse_term(Tokens),
    Term.
