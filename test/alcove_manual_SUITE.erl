%% SPDX-License-Identifier: ISC

%% The manual: every public function has a text, which the shell shows, and the pages and modules
%% are in the configuration from which the documentation is made.
-module(alcove_manual_SUITE).

-include_lib("stdlib/include/assert.hrl").
-include_lib("kernel/include/eep48.hrl").

-export([
    all/0,
    suite/0,
    init_per_suite/1,
    end_per_suite/1
]).
-export([
    manual_has_no_warnings/1,
    shell_shows_every_function/1,
    shell_shows_every_module/1,
    every_public_module_is_in_one_group/1,
    every_page_is_in_one_group/1,
    pages_that_are_named_exist/1
]).

all() ->
    alcove_os:cases(?MODULE).

suite() ->
    [{timetrap, {minutes, 5}}].

%% The shell looks for the chunks beside the modules.
init_per_suite(Config) ->
    Src = filename:join([alcove_md:root(), "erlang"]),
    Doc = filename:join(code:lib_dir(alcove), "doc"),
    {ok, Warnings} = printed(fun() ->
        edoc:application(alcove, Src, [
            {doclet, edoc_doclet_chunks},
            {layout, edoc_layout_chunks},
            {preprocess, true},
            {includes, [filename:join(Src, "include")]},
            {dir, Doc}
        ])
    end),
    [{doc, Doc}, {warnings, Warnings} | Config].

end_per_suite(Config) ->
    ok = file:del_dir_r(proplists:get_value(doc, Config)).

manual_has_no_warnings(Config) ->
    ?assertEqual("", proplists:get_value(warnings, Config)).

shell_shows_every_function(_Config) ->
    Public =
        [{Module, F, A, Doc} || {Module, Docs} <- manual(), {F, A, Doc} <- public(Module, Docs)],
    ?assertEqual(
        [], [{Module, F, A} || {Module, F, A, Doc} <- Public, not is_map_key(<<"en">>, Doc)]
    ),
    lists:foreach(
        fun({Module, F, A, _}) ->
            {Result, Text} = printed(fun() -> c:h(Module, F, A) end),
            Shown = string:find(Text, atom_to_list(F) ++ "(") =/= nomatch,
            ?assertEqual({Module, F, A, ok, true}, {Module, F, A, Result, Shown})
        end,
        Public
    ),
    ?assert(length(Public) > 300).

%% The exported functions that are not hidden, which have no text, or private.
public(Module, #docs_v1{docs = Docs}) ->
    Exports = Module:module_info(exports),
    [
        {F, A, Doc}
     || {{function, F, A}, _, _, Doc, _} <- Docs,
        is_map(Doc),
        lists:member({F, A}, Exports)
    ].

shell_shows_every_module(_Config) ->
    [
        begin
            {ok, Text} = printed(fun() -> c:h(Module) end),
            ?assertNotEqual(nomatch, string:find(Text, atom_to_list(Module)))
        end
     || {Module, _} <- manual()
    ].

every_public_module_is_in_one_group(_Config) ->
    Grouped = [Module || {_, Modules} <- configured(groups_for_modules), Module <- Modules],
    ?assertEqual(lists:sort([Module || {Module, _} <- manual()]), lists:sort(Grouped)).

every_page_is_in_one_group(_Config) ->
    Extras = [page(Extra) || Extra <- configured(extras)],
    Grouped = [binary_to_list(Page) || {_, Pages} <- configured(groups_for_extras), Page <- Pages],
    ?assertEqual(Extras, Grouped),
    Guide = filelib:wildcard("erlang/doc/*.md", alcove_md:root()),
    ?assertEqual([], Guide -- Extras),
    ?assertEqual([], Extras -- lists:usort(Extras)).

pages_that_are_named_exist(_Config) ->
    Missing = [
        Page
     || Extra <- configured(extras),
        Page <- [page(Extra)],
        not filelib:is_regular(filename:join(alcove_md:root(), Page))
    ],
    ?assertEqual([], Missing),
    ?assert(lists:member(configured(main), [page(Extra) || Extra <- configured(extras)])).

page({Page, #{}}) -> Page;
page(Page) -> Page.

configured(Key) ->
    {ok, Terms} = file:consult(filename:join(alcove_md:root(), "rebar.config")),
    proplists:get_value(Key, proplists:get_value(ex_doc, Terms)).

%% The modules that are not hidden, with what their chunks say.
manual() ->
    _ = application:load(alcove),
    {ok, Modules} = application:get_key(alcove, modules),
    [
        {Module, Docs}
     || Module <- Modules,
        {ok, #docs_v1{module_doc = Doc} = Docs} <- [code:get_doc(Module)],
        is_map(Doc)
    ].

%% What a function prints, with a reader who wants more of each page.
printed(Fun) ->
    Self = self(),
    Leader = group_leader(),
    Terminal = spawn_link(fun() -> terminal(Self, []) end),
    group_leader(Terminal, Self),
    try Fun() of
        Result ->
            Terminal ! {printed, Self},
            receive
                {printed, Terminal, Text} -> {Result, unicode:characters_to_list(Text)}
            end
    after
        group_leader(Leader, Self)
    end.

terminal(Owner, Text) ->
    receive
        {io_request, From, Ref, Request} ->
            {Reply, More} = request(Request),
            From ! {io_reply, Ref, Reply},
            terminal(Owner, [Text, More]);
        {printed, Owner} ->
            Owner ! {printed, self(), Text}
    end.

request({put_chars, unicode, M, F, Args}) -> {ok, apply(M, F, Args)};
request({put_chars, Encoding, Chars}) -> {ok, unicode:characters_to_list(Chars, Encoding)};
request({requests, Requests}) -> {ok, [element(2, request(Request)) || Request <- Requests]};
request({get_line, _Encoding, _Prompt}) -> {"y\n", ""};
request(getopts) -> {[{encoding, unicode}], ""};
request(_Other) -> {{error, enotsup}, ""}.
