#!/usr/bin/env escript
%% SPDX-License-Identifier: ISC

%% Packs the application for hex: sources, guide and programs, in the layout that rebar3 and mix
%% expect, as one file whose bytes depend on nothing else.
%%
%%   escript .ci/package.escript make DIST REBAR     packs DIST/alcove_go-VERSION.tar
%%   escript .ci/package.escript unpack FILE FOLDER REBAR
%%
%% DIST has what make dist writes. The code that packs is a part of rebar3, REBAR.

-mode(compile).

-define(REPOSITORY, "https://github.com/alcove-go/alcove").

main(["make", Dist, Rebar]) ->
    load(Rebar),
    #{<<"name">> := Name, <<"version">> := Version} = Metadata = metadata(),
    Contents = contents(Dist, Version),
    % files are only taken from below the working directory by rebar3 3.28
    ok = file:set_cwd(Dist),
    {ok, #{tarball := Tarball}} = r3_hex_tarball:create(Metadata, Contents),
    ok = file:write_file(<<Name/binary, "-", Version/binary, ".tar">>, Tarball);
main(["unpack", File, Folder, Rebar]) ->
    load(Rebar),
    {ok, Tarball} = file:read_file(File),
    case r3_hex_tarball:unpack(Tarball, Folder) of
        {ok, _} -> ok;
        {error, Reason} -> fail("~s: ~s", [File, r3_hex_tarball:format_error(Reason)])
    end;
main(_) ->
    fail("usage: package.escript make DIST REBAR, or unpack FILE FOLDER REBAR", []).

fail(Format, Args) ->
    io:format(standard_error, Format ++ "~n", Args),
    halt(1).

%% rebar3 is an archive of modules, those that speak with hex among them.
load(Rebar) ->
    case os:find_executable(Rebar) of
        false -> fail("~s is missing", [Rebar]);
        Path -> load_from(escript:extract(Path, []), Path)
    end.

load_from({ok, Sections}, _Path) ->
    {ok, Files} = zip:unzip(proplists:get_value(archive, Sections), [memory]),
    [
        {module, _} = code:load_binary(list_to_atom(filename:basename(File, ".beam")), File, Beam)
     || {File, Beam} <- Files, string:find(File, "r3_") =/= nomatch, filename:extension(File) =:= ".beam"
    ];
load_from({error, Reason}, Path) ->
    fail("~s is not the program of rebar3 itself (~p): REBAR=path names that", [Path, Reason]).

%% What hex shows is what the application says.
metadata() ->
    {ok, [{application, App, Keys}]} = file:consult("erlang/src/alcove.app.src"),
    Text = fun(Key) -> list_to_binary(proplists:get_value(Key, Keys)) end,
    #{
        <<"app">> => atom_to_binary(App, utf8),
        <<"name">> => Text(pkg_name),
        <<"version">> => Text(vsn),
        <<"description">> => Text(description),
        <<"licenses">> => [list_to_binary(Licence) || Licence <- proplists:get_value(licenses, Keys)],
        <<"links">> => maps:from_list([
            {list_to_binary(Label), list_to_binary(Address)}
         || {Label, Address} <- proplists:get_value(links, Keys)
        ]),
        <<"build_tools">> => [<<"rebar3">>],
        <<"requirements">> => #{}
    }.

%% Texts have one mode whatever it is here; that of a program comes from its file.
contents(Dist, Version) ->
    Texts = [{in_package(Path), Path} || Pattern <- patterns(), Path <- lists:sort(filelib:wildcard(Pattern))],
    Programs = [{filename:join("priv", Name), Name} || Name <- programs(Dist)],
    [{"rebar.config", iolist_to_binary(config())}] ++
        [{Name, iolist_to_binary(text(Path, Texts, Version))} || {Name, Path} <- Texts] ++
        [{filename:join("priv", Name), binary(filename:join(Dist, Name))} || Name <- sums(Dist)] ++
        Programs.

patterns() ->
    [
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "SECURITY.md",
        "erlang/include/*.hrl",
        "erlang/src/*.{app.src,erl,hrl}",
        "erlang/doc/*.md",
        "erlang/examples/*.erl",
        "erlang/examples/elixir/mix.exs",
        "erlang/examples/elixir/{lib,test}/*.{ex,exs}"
    ].

in_package("erlang/" ++ Name) -> Name;
in_package(Name) -> Name.

programs(Dist) ->
    case lists:sort(filelib:wildcard("alcove-*-*", Dist)) of
        [] -> fail("~s: no programs, which make dist builds", [Dist]);
        Programs -> Programs
    end.

%% The checksums, and the file whose name tells the release of Go.
sums(Dist) ->
    ["SHA256SUMS" | [filename:basename(Path) || Path <- filelib:wildcard(filename:join(Dist, "built-with-*"))]].

%% No hook: whoever compiles the package needs nothing but Erlang.
config() ->
    {ok, Terms} = file:consult("rebar.config"),
    Kept = [lists:keyfind(Key, 1, Terms) || Key <- [minimum_otp_vsn, deps]],
    [io_lib:format("~tp.~n", [Term]) || Term <- Kept ++ [{erl_opts, [debug_info]}]].

text(Path, Texts, Version) ->
    case filename:extension(Path) of
        ".md" -> links(binary(Path), Path, Texts, Version);
        _ -> binary(Path)
    end.

binary(Path) ->
    {ok, Bytes} = file:read_file(Path),
    Bytes.

%% A link leads to the file in the package, or else to the one in the repository.
links(Text, Path, Texts, Version) ->
    [
        case re:run(Piece, "^\\]\\(([^()#: ]+)", [{capture, [1], list}]) of
            {match, [Target]} ->
                [<<"](">>, link(Target, Path, Texts, Version), string:slice(Piece, 2 + length(Target))];
            nomatch ->
                Piece
        end
     || Piece <- re:split(Text, "(?=\\]\\()")
    ].

link(Target, Path, Texts, Version) ->
    File = flat(filename:join(filename:dirname(Path), Target)),
    case {lists:keyfind(File, 2, Texts), filelib:is_file(File)} of
        {{Name, File}, _} -> relative(filename:dirname(in_package(Path)), Name);
        {false, true} -> ?REPOSITORY ++ "/blob/v" ++ binary_to_list(Version) ++ "/" ++ File;
        {false, false} -> Target
    end.

%% A path without ".." and ".".
flat(Path) ->
    filename:join(lists:foldl(fun step/2, [], filename:split(Path))).

step("..", Folders) when Folders =/= [] -> lists:droplast(Folders);
step(".", Folders) -> Folders;
step(Name, Folders) -> Folders ++ [Name].

relative(Folder, To) ->
    case filename:dirname(To) of
        Folder -> filename:basename(To);
        _ -> filename:join([".." || Folder =/= ".", _ <- filename:split(Folder)] ++ [To])
    end.
