%% SPDX-License-Identifier: ISC

%% Writes the manual for the site: what the chunks of the modules say, as JSON.
%%
%% A module or function that is marked as hidden or private is no part of the manual. One that
%% has no text is an error.
-module(manual).

-include_lib("kernel/include/eep48.hrl").

-export([main/0]).

-define(OTP, "https://www.erlang.org/doc/man/").

%% The folder of the application, the configuration with the groups, and the file to write.
-spec main() -> no_return().
main() ->
    [App, Config, Out] = init:get_plain_arguments(),
    try
        Chunks = chunks(App),
        {ok, Terms} = file:consult(Config),
        ExDoc = proplists:get_value(ex_doc, Terms),
        Json = #{
            version => version(),
            source_url => proplists:get_value(source_url, ExDoc),
            pages => groups(proplists:get_value(groups_for_extras, ExDoc)),
            groups => groups(proplists:get_value(groups_for_modules, ExDoc)),
            modules => {array, [module(Docs, Chunks) || Docs <- Chunks, is_public(element(2, Docs))]}
        },
        ok = file:write_file(Out, json(Json)),
        halt(0)
    catch
        throw:{undocumented, What} ->
            io:format(standard_error, "no documentation: ~s~n", [What]),
            halt(1)
    end.

chunks(App) ->
    [
        {list_to_atom(filename:basename(File, ".chunk")), chunk(File)}
     || File <- lists:sort(filelib:wildcard(filename:join([App, "doc", "chunks", "*.chunk"])))
    ].

chunk(File) ->
    {ok, Binary} = file:read_file(File),
    #docs_v1{} = binary_to_term(Binary).

version() ->
    ok = application:load(alcove),
    {ok, Version} = application:get_key(alcove, vsn),
    Version.

groups(Groups) ->
    {array, [#{title => Title, members => {array, Members}} || {Title, Members} <- Groups]}.

is_public(#docs_v1{module_doc = Doc}) -> is_map(Doc).

module({Module, #docs_v1{module_doc = Doc, docs = Docs}}, Chunks) ->
    Exports = Module:module_info(exports),
    Functions = [Entry || {{function, F, A}, _, _, D, _} = Entry <- Docs, is_map(D), lists:member({F, A}, Exports)],
    Types = [Entry || {{type, _, _}, _, _, D, _} = Entry <- Docs, is_map(D)],
    #{
        name => Module,
        doc => doc(atom_to_list(Module), Doc),
        functions => {array, [function(Module, Entry) || Entry <- lists:sort(Functions)]},
        types => {array, [type(Entry) || Entry <- lists:sort(Types ++ borrowed(Functions ++ Types, Chunks))]}
    }.

function(Module, {{function, Name, Arity}, _, Signature, Doc, Meta}) ->
    #{
        name => Name,
        arity => Arity,
        head => lists:join(" ", Signature),
        spec => spec(Meta),
        doc => doc(io_lib:format("~s:~s/~b", [Module, Name, Arity]), Doc)
    }.

type({{type, Name, Arity}, _, _, Doc, Meta}) ->
    #{name => text(Name), arity => Arity, spec => spec(Meta), doc => html(maps:get(<<"en">>, Doc, []))}.

doc(_What, #{<<"en">> := Doc}) -> html(Doc);
doc(What, #{}) -> throw({undocumented, What}).

spec(#{signature := Forms}) ->
    Text = lists:flatten([erl_pp:form(Form) || Form <- Forms]),
    string:trim(re:replace(Text, "^-(?:spec|type|opaque) (?:'([^']*)')?", "\\1", [{return, list}]));
spec(#{}) ->
    "".

%% The types of modules that are no part of the manual, where the manual uses them: they are
%% shown with their module.
borrowed(Entries, Chunks) -> borrowed(Entries, Chunks, []).

borrowed(Entries, Chunks, Known) ->
    Used = lists:usort([Type || {_, _, _, _, #{signature := Forms}} <- Entries, Type <- remote(Forms)]),
    More = [
        {{type, {Module, Name}, Arity}, A, S, D, qualified(Module, Meta)}
     || {Module, Name, Arity} <- Used,
        {M, #docs_v1{docs = Docs} = Chunk} <- Chunks,
        M =:= Module,
        not is_public(Chunk),
        {{type, N, Ar}, A, S, D, Meta} <- Docs,
        {N, Ar} =:= {Name, Arity},
        not lists:keymember({type, {Module, Name}, Arity}, 1, Known)
    ],
    case More of
        [] -> Known;
        _ -> borrowed(More, Chunks, Known ++ More)
    end.

remote({remote_type, _, [{atom, _, Module}, {atom, _, Name}, Args]}) ->
    [{Module, Name, length(Args)} | remote(Args)];
remote(Term) when is_tuple(Term) -> remote(tuple_to_list(Term));
remote([Head | Tail]) -> remote(Head) ++ remote(Tail);
remote(_) -> [].

%% A type that is shown outside of its module, as are those of its module that it names.
qualified(Module, #{signature := Forms} = Meta) ->
    Meta#{signature := [qualified_form(Module, Form) || Form <- Forms]}.

qualified_form(Module, {attribute, Anno, type, {Name, Type, Args}}) ->
    Whole = list_to_atom(lists:concat([Module, ":", Name])),
    {attribute, Anno, type, {Whole, qualified_type(Module, Type), Args}}.

qualified_type(Module, {user_type, Anno, Name, Args}) ->
    {remote_type, Anno, [{atom, Anno, Module}, {atom, Anno, Name}, qualified_type(Module, Args)]};
qualified_type(Module, Type) when is_tuple(Type) ->
    list_to_tuple(qualified_type(Module, tuple_to_list(Type)));
qualified_type(Module, [Head | Tail]) ->
    [qualified_type(Module, Head) | qualified_type(Module, Tail)];
qualified_type(_Module, Term) ->
    Term.

%%
%% HTML
%%

html(Text) when is_binary(Text) ->
    escape(Text);
html({a, Attributes, Children}) ->
    case Attributes of
        [{name, Name} | _] -> ["<span id=\"", Name, "\">", html(Children), "</span>"];
        _ -> ["<a href=\"", href(Attributes), "\">", html(Children), "</a>"]
    end;
html({h3, _, Children}) ->
    ["<h2>", html(Children), "</h2>\n"];
html({pre, _, [{code, _, Children}]}) ->
    html({pre, [], Children});
html({pre, _, Children}) ->
    ["<pre>", html([unindented(Child) || Child <- Children]), "</pre>\n"];
html({Tag, _, Children}) ->
    Name = atom_to_list(Tag),
    ["<", Name, ">", html(Children), "</", Name, ">"];
html(List) ->
    [html(Node) || Node <- List].

unindented(Text) -> re:replace(Text, "^  ", "", [global, multiline, {return, binary}]).

href(Attributes) ->
    Target = binary_to_list(proplists:get_value(href, Attributes)),
    case proplists:is_defined(rel, Attributes) of
        true -> local(string:split(Target, "#"));
        false -> escape(list_to_binary(Target))
    end.

local(["alcove" ++ _ = Module]) -> [Module, ".html"];
local([Module]) -> [?OTP, Module, ".html"];
local([Module, Name]) -> [[local([Module]) || Module =/= ""], "#", anchor(Module, Name)].

%% The site names functions as they are written, and erlang.org with a hyphen.
anchor("alcove" ++ _, Name) -> Name;
anchor("", Name) -> Name;
anchor(_, Name) -> string:replace(Name, "/", "-").

escape(Text) ->
    lists:foldl(
        fun({From, To}, T) -> binary:replace(T, From, To, [global]) end,
        Text,
        [{<<"&">>, <<"&amp;">>}, {<<"<">>, <<"&lt;">>}, {<<">">>, <<"&gt;">>}, {<<"\"">>, <<"&quot;">>}]
    ).

%%
%% JSON
%%

json(Map) when is_map(Map) ->
    ["{", lists:join(",", [[json(Key), ":", json(Value)] || {Key, Value} <- maps:to_list(Map)]), "}"];
json({array, List}) ->
    ["[", lists:join(",", [json(Element) || Element <- List]), "]"];
json(Number) when is_integer(Number) ->
    integer_to_list(Number);
json(Text) ->
    string(text(Text)).

string(Text) -> [$", [character(C) || C <- unicode:characters_to_list(Text)], $"].

character(C) when C < 32; C =:= $"; C =:= $\\ -> io_lib:format("\\u~4.16.0b", [C]);
character(C) -> unicode:characters_to_binary([C]).

text({Module, Name}) -> lists:concat([Module, ":", Name]);
text(Atom) when is_atom(Atom) -> atom_to_binary(Atom, utf8);
text(Text) -> Text.
