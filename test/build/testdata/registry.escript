#!/usr/bin/env escript
%% SPDX-License-Identifier: ISC

%% Makes a registry of hex with one package in a folder, as files that a web server serves.
%%
%%   escript registry.escript REBAR TARBALL FOLDER
%%
%% It prints the public key with which what it says can be verified.
-mode(compile).

main([Rebar, Path, Folder]) ->
    {ok, Sections} = escript:extract(Rebar, []),
    {ok, Files} = zip:unzip(proplists:get_value(archive, Sections), [memory]),
    [
        code:load_binary(list_to_atom(filename:basename(File, ".beam")), File, Beam)
     || {File, Beam} <- Files, string:find(File, "r3_") =/= nomatch
    ],
    {ok, Tarball} = file:read_file(Path),
    {ok, #{
        metadata := #{<<"name">> := Name, <<"version">> := Version},
        inner_checksum := Inner,
        outer_checksum := Outer
    }} = r3_hex_tarball:unpack(Tarball, memory),
    Release = #{version => Version, inner_checksum => Inner, outer_checksum => Outer, dependencies => []},
    Payload = r3_hex_registry:encode_package(#{repository => <<"local">>, name => Name, releases => [Release]}),
    {Private, Public} = keys(),
    write([Folder, "packages", Name], zlib:gzip(r3_hex_registry:sign_protobuf(Payload, Private))),
    write([Folder, "tarballs", <<Name/binary, "-", Version/binary, ".tar">>], Tarball),
    io:put_chars(Public).

write(Path, Bytes) ->
    File = filename:join(Path),
    ok = filelib:ensure_dir(File),
    ok = file:write_file(File, Bytes).

keys() ->
    Key = {'RSAPrivateKey', _, N, E, _, _, _, _, _, _, _} = public_key:generate_key({rsa, 2048, 65537}),
    {pem('RSAPrivateKey', Key), pem('RSAPublicKey', {'RSAPublicKey', N, E})}.

pem(Type, Key) ->
    public_key:pem_encode([public_key:pem_entry_encode(Type, Key)]).
