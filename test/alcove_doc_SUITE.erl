%% SPDX-License-Identifier: ISC

%% What the guide and the other texts show is true: their examples are run.
-module(alcove_doc_SUITE).

-include_lib("stdlib/include/assert.hrl").

%% The cases are listed below.
-compile([export_all, nowarn_export_all]).

all() ->
    [
        every_text_has_a_case,
        links_lead_somewhere,
        tests_that_are_named_exist,
        targets_that_are_named_exist,
        false_examples_fail
        | pages()
    ].

pages() ->
    [
        getting_started,
        run,
        supervised,
        installing,
        comparison,
        privileges,
        sandbox,
        sandboxes,
        programs,
        ends,
        signals,
        seccomp,
        cgroups,
        extensions,
        c_port,
        protocol,
        troubleshooting,
        guarantees,
        scale,
        nodes,
        operations,
        figures,
        systems,
        design,
        'CONTRIBUTING'
    ].

suite() ->
    [{timetrap, {minutes, 10}}].

%% Where sudo is refused, the examples that use it cannot be run.
init_per_testcase(Case, Config) ->
    Examples =
        [Text || lists:member(Case, pages()), {_, _, Text} <- alcove_md:examples(path(Case))],
    Used = lists:any(fun(Text) -> string:find(Text, "sudo ") =/= nomatch end, Examples),
    Missing = [Name || Case =:= sandbox, Name <- ["python3", "gcc"], os:find_executable(Name) =:= false],
    case Used andalso alcove_md:sh(alcove_md:root(), "sudo -n true") of
        _ when Missing =/= [] -> {skip, {not_here, Missing}};
        {Status, Output} when Status =/= 0 -> {skip, "its examples use sudo: " ++ Output};
        _ -> Config
    end.

end_per_testcase(_Case, _Config) ->
    ok.

%%
%% Examples
%%

getting_started(Config) -> run(getting_started, Config).
run(Config) -> run(run, Config).
supervised(Config) -> run(supervised, Config).
installing(Config) -> run(installing, Config).
privileges(Config) -> run(privileges, Config).
sandbox(Config) -> run(sandbox, Config).
sandboxes(Config) -> run(sandboxes, Config).
programs(Config) -> run(programs, Config).
ends(Config) -> run(ends, Config).
signals(Config) -> run(signals, Config).
seccomp(Config) -> run(seccomp, Config).
cgroups(Config) -> run(cgroups, Config).
extensions(Config) -> run(extensions, Config).
c_port(Config) -> run(c_port, Config).
protocol(Config) -> run(protocol, Config).
troubleshooting(Config) -> run(troubleshooting, Config).
guarantees(Config) -> run(guarantees, Config).
scale(Config) -> run(scale, Config).
operations(Config) -> run(operations, Config).
comparison(Config) -> run(comparison, Config).
figures(Config) -> run(figures, Config).
systems(Config) -> run(systems, Config).
design(Config) -> run(design, Config).
'CONTRIBUTING'(Config) -> run('CONTRIBUTING', Config).

%% On a node, which the VM of the tests is not.
nodes(Config) ->
    case alcove_peers:start(proplists:get_value(priv_dir, Config), [one], []) of
        {ok, Peers} ->
            try
                alcove_peers:on(Peers, one, fun() -> run(nodes, Config) end)
            after
                alcove_peers:stop(Peers)
            end;
        Skip ->
            Skip
    end.

%% In a copy of the project, which the examples may change. The drivers that a text starts, it
%% stops as well.
run(Page, Config) ->
    Dir = filename:join(proplists:get_value(priv_dir, Config), Page),
    Drivers = drivers(),
    N = alcove_md:run(path(Page), alcove_md:copy(Dir)),
    ct:log("~b examples", [N]),
    ?assertEqual([], drivers() -- Drivers),
    _ = file:del_dir_r(Dir),
    ok.

drivers() ->
    [
        Pid
     || Pid <- processes(),
        {dictionary, Dictionary} <- [process_info(Pid, dictionary)],
        {'$initial_call', {alcove_drv, init, 1}} <- Dictionary
    ].

%%
%% Texts
%%

every_text_has_a_case(_Config) ->
    Guide = filelib:wildcard(filename:join([alcove_md:root(), "erlang", "doc", "*.md"])),
    Names = [list_to_atom(filename:basename(Path, ".md")) || Path <- Guide],
    ?assertEqual(lists:sort(pages()), lists:sort(['CONTRIBUTING' | Names -- ['README']])).

links_lead_somewhere(_Config) ->
    [
        ?assertEqual({Path, Link, true}, {Path, Link, filelib:is_file(target(Path, Link))})
     || Path <- texts(),
        Link <- alcove_md:captured(Path, "\\]\\(([^)#]+)[^)]*\\)"),
        not lists:prefix("https://", Link)
    ].

target(Path, Link) ->
    filename:join(filename:dirname(Path), Link).

%% Go tests and fuzz targets, and cases of suites as `suite:case'.
tests_that_are_named_exist(_Config) ->
    Go = [
        Path
     || Dir <- ["*", "*/*", "*/*/*"],
        Path <- filelib:wildcard(filename:join([alcove_md:root(), Dir, "*_test.go"]))
    ],
    Functions =
        lists:usort([Name || Path <- Go, Name <- alcove_md:captured(Path, "^func (\\w+)\\(")]),
    Named = [
        {Path, Name}
     || Path <- texts(),
        Name <- alcove_md:captured(Path, "\\b((?:Test|Fuzz|Benchmark)[A-Z0-9]\\w*)")
    ],
    ?assertEqual([], [Test || {_, Name} = Test <- Named, not lists:member(Name, Functions)]),
    Cases = [
        {Path, Suite, Case}
     || Path <- texts(),
        Text <- alcove_md:captured(Path, "`(\\w+_SUITE:\\w+)`"),
        [Suite, Case] <- [string:split(Text, ":")]
    ],
    ?assertEqual([], [Missing || {_, Suite, Case} = Missing <- Cases, not is_case(Suite, Case)]).

targets_that_are_named_exist(_Config) ->
    Targets = lists:usort([T || Path <- texts(), T <- alcove_md:captured(Path, "`make ([a-z-]+)")]),
    ?assert(length(Targets) > 5),
    Missing =
        [T || T <- Targets, element(1, alcove_md:sh(alcove_md:root(), ["make -n ", T])) =/= 0],
    ?assertEqual([], Missing).

%% That examples are compared at all.
false_examples_fail(Config) ->
    Dir = proplists:get_value(priv_dir, Config),
    File = filename:join(Dir, "false.md"),
    [
        begin
            ok = file:write_file(File, ["Text\n\n```", Block, "\n```\n"]),
            ?assertError({"false.md:3", _}, alcove_md:run(File, Dir), Block)
        end
     || Block <- [
            "erlang\n1 = 1,\n2 = 1.",
            "erlang\n1> 1 + 1.\n3",
            "erlang\n1> ok.\nok\n2> {a,\n b}.\n{a,...c}",
            "erlang\n1 = 1",
            "erlang\n-module(m).\n-export([f/0]).\n",
            "sh\nfalse\ntrue",
            "sh\n$ echo one\ntwo",
            "sh\n$ echo one; false\none"
        ]
    ],
    True = "erlang\n1> self().\n<0.99.0>\n2> [1,2,3].\n[1,...]\n```\n\n```sh\n$ pwd; echo x\n...x",
    ok = file:write_file(File, ["```", True, "\n```\n"]),
    ?assertEqual(2, alcove_md:run(File, Dir)).

is_case(Suite, Case) ->
    Path = filename:join([alcove_md:root(), "test", Suite ++ ".erl"]),
    lists:member(Case, alcove_md:captured(Path, "^'?(\\w+)'?\\(\\w+\\) ->")).

texts() ->
    [path('README'), path('CONTRIBUTING'), path('SECURITY'), path('CHANGELOG')] ++
        filelib:wildcard(filename:join([alcove_md:root(), "erlang", "doc", "*.md"])).

path(Page) ->
    Name = atom_to_list(Page) ++ ".md",
    case lists:member(Page, ['README', 'CONTRIBUTING', 'SECURITY', 'CHANGELOG']) of
        true -> filename:join(alcove_md:root(), Name);
        false -> filename:join([alcove_md:root(), "erlang", "doc", Name])
    end.
