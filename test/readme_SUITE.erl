%% SPDX-License-Identifier: ISC

%% What the README shows is true.
-module(readme_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([
    all/0,
    suite/0
]).
-export([
    commands_are_targets_of_the_makefile/1,
    examples_run_as_they_are/1,
    dependency_is_what_rebar3_takes/1,
    project_that_depends_on_it_builds/1
]).

all() ->
    alcove_os:cases(?MODULE).

suite() ->
    [{timetrap, {minutes, 5}}].

commands_are_targets_of_the_makefile(_Config) ->
    Commands = [Line || Block <- blocks("sh"), Line <- string:lexemes(Block, "\n")],
    ?assertEqual(["make demo", "make shell"], Commands),
    InText = mentioned("`(make [a-z]+)"),
    ?assert(length(InText) > 2),
    lists:foreach(
        fun(Command) ->
            Status = shell([Command, " -n > /dev/null 2>&1; echo $?"]),
            ?assertEqual({Command, "0\n"}, {Command, Status})
        end,
        Commands ++ InText
    ).

examples_run_as_they_are(_Config) ->
    [_Dependency | Examples] = blocks("erlang"),
    [Program, Sandbox, Daemon, Tree] = Examples,
    ?assertEqual([1, 3, 3, 7], [length(expressions(Example)) || Example <- Examples]),
    {{ok, #{}}, _} = evaluated(Program),
    {{ok, #{}}, _} = evaluated(Sandbox),
    {{ok, _}, #{'Program' := Pid}} = evaluated(Daemon),
    ?assertNot(is_process_alive(Pid)),
    {ok, #{'Drv' := Drv}} = evaluated(Tree),
    ?assertNot(is_process_alive(Drv)).

evaluated(Example) ->
    {value, Value, Bindings} = erl_eval:exprs(expressions(Example), []),
    {Value, maps:from_list(Bindings)}.

expressions(Example) ->
    {ok, Tokens, _} = erl_scan:string(Example),
    {ok, Expressions} = erl_parse:parse_exprs(Tokens),
    Expressions.

dependency_is_what_rebar3_takes(Config) ->
    Deps = hd(blocks("erlang")),
    Path = filename:join(proplists:get_value(priv_dir, Config), "rebar.config"),
    ok = file:write_file(Path, Deps),
    ?assertMatch({ok, [{deps, [{alcove, {git, _, {branch, "main"}}}]}]}, file:consult(Path)).

%% With the work tree as a checkout, and without what is built already.
project_that_depends_on_it_builds(Config) ->
    Dir = filename:join(proplists:get_value(priv_dir, Config), "project"),
    Checkout = filename:join([Dir, "_checkouts", "alcove"]),
    ok = filelib:ensure_dir(filename:join([Dir, "src", "file"])),
    ok = filelib:ensure_dir(Checkout),
    Quoted = alcove_ct:quoted(Checkout),
    _ = shell(["git clone -q . ", Quoted, " && cp Makefile rebar.config ", Quoted]),
    ok = file:write_file(filename:join(Dir, "rebar.config"), "{deps, [alcove]}."),
    ok = file:write_file(
        filename:join([Dir, "src", "user.app.src"]),
        "{application, user, [{description, \"\"}, {vsn, \"1\"}, "
        "{applications, [kernel, stdlib, alcove]}]}."
    ),
    ok = file:write_file(
        filename:join([Dir, "src", "user_of_alcove.erl"]),
        "-module(user_of_alcove).\n"
        "-include_lib(\"alcove/include/alcove.hrl\").\n"
        "-export([start/0]).\n"
        "start() ->\n"
        "    {ok, Drv} = alcove_drv:start(),\n"
        "    [] = alcove:cpid(Drv, []),\n"
        "    io:format(\"version ~s~n\", [alcove:version(Drv, [])]),\n"
        "    ok = alcove_drv:stop(Drv).\n"
    ),
    Built = shell(["cd ", alcove_ct:quoted(Dir), " && rebar3 compile 2>&1"]),
    Ran = shell([
        ["cd ", alcove_ct:quoted(Dir), " && ERL_LIBS=_build/default/lib:_build/default/checkouts "],
        "erl -noshell -s user_of_alcove -s init stop"
    ]),
    ?assertEqual("version 1.0.1\n", Ran, Built).

blocks(Language) ->
    alcove_md:blocks(readme(), Language).

mentioned(Pattern) ->
    lists:usort(alcove_md:captured(readme(), Pattern)).

readme() ->
    filename:join(alcove_md:root(), "README.md").

shell(Command) ->
    {_Status, Output} = alcove_md:sh(alcove_md:root(), Command),
    Output.
