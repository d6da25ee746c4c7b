%% SPDX-License-Identifier: ISC

%% Text in Markdown whose examples are run.
%%
%% An example is a fenced block. What is to be done with it, the info string says: `erlang'
%% and `sh' are run, in this order, in one session for a file.
%%
%% Erlang is evaluated as in the shell: bindings are kept, rr/1 reads records, c/1 compiles. An
%% example is either expressions, which state by matching what they expect, or a transcript: a
%% prompt (`1> ') before each expression and the value after it. A block that begins with -module is
%% compiled and loaded.
%%
%% `sh' runs in a shell that stops at the first error. In a transcript the prompt is `$ '.
%%
%% In the output of a transcript `...' stands for anything, and any pid for any other.
-module(alcove_md).

-include_lib("stdlib/include/assert.hrl").

-export([
    root/0,
    copy/1,
    blocks/1, blocks/2,
    examples/1,
    captured/2,
    run/2,
    sh/2
]).

%% The folder of the project: the application is linked to its sources.
root() ->
    {ok, Link} = file:read_link(filename:join(code:lib_dir(alcove), "src")),
    Src = filename:absname(Link, code:lib_dir(alcove)),
    filename:dirname(filename:dirname(Src)).

%% A copy of the project as it is, with the program, in a new directory.
copy(Dir) ->
    ok = filelib:ensure_dir(filename:join(Dir, "file")),
    {0, _} = sh(root(), [
        "{ git ls-files -coz --exclude-standard; printf 'priv/alcove\\0'; } |",
        "tar --null --ignore-failed-read -T - -c 2>/dev/null | tar -x -C ", alcove_ct:quoted(Dir)
    ]),
    Dir.

%% The blocks of a file in order: line, info string, text.
blocks(File) ->
    {ok, Text} = file:read_file(File),
    blocks(binary:split(Text, <<"\n">>, [global]), 1, []).

blocks([<<"```", Info/binary>> | Lines], N, Blocks) ->
    {Body, [_ | Rest]} = lists:splitwith(fun(Line) -> Line =/= <<"```">> end, Lines),
    Text = unicode:characters_to_list([[Line, $\n] || Line <- Body]),
    Block = {N, binary_to_list(Info), Text},
    blocks(Rest, N + length(Body) + 2, [Block | Blocks]);
blocks([_ | Lines], N, Blocks) ->
    blocks(Lines, N + 1, Blocks);
blocks([], _N, Blocks) ->
    lists:reverse(Blocks).

%% The texts of the blocks in one language.
blocks(File, Language) ->
    [Text || {_, Info, Text} <- blocks(File), Info =:= Language].

%% The blocks that are run.
examples(File) ->
    [Block || {_, Info, _} = Block <- blocks(File), is_run(Info)].

%% What a pattern captures in a file.
captured(File, Pattern) ->
    {ok, Text} = file:read_file(File),
    case re:run(Text, Pattern, [global, multiline, {capture, all_but_first, list}]) of
        {match, Matches} -> lists:append(Matches);
        nomatch -> []
    end.

-record(session, {
    file :: file:filename(),
    dir :: file:filename(),
    bindings = [] :: erl_eval:binding_struct(),
    records = [] :: [erl_parse:abstract_form()]
}).

%% Runs the examples of a file in a directory, which becomes the working directory meanwhile,
%% and returns how many there were.
run(File, Dir) ->
    {ok, Cwd} = file:get_cwd(),
    ok = file:set_cwd(Dir),
    try
        Blocks = examples(File),
        lists:foldl(fun run_block/2, #session{file = File, dir = Dir}, Blocks),
        length(Blocks)
    after
        file:set_cwd(Cwd)
    end.

is_run(Info) -> Info =:= "erlang" orelse Info =:= "sh".

run_block({Line, Info, Text}, #session{file = File} = Session) ->
    try
        run_block(Info, Text, Session)
    catch
        Class:Reason:Stack ->
            Where = io_lib:format("~s:~b", [filename:basename(File), Line]),
            erlang:raise(Class, {lists:flatten(Where), Reason}, Stack)
    end.

run_block("sh", Text, #session{dir = Dir} = Session) ->
    run_sh(Dir, Text),
    Session;
run_block("erlang", "-module" ++ _ = Text, #session{dir = Dir} = Session) ->
    load(Dir, Text),
    Session;
run_block("erlang", Text, Session) ->
    lists:foldl(fun expression/2, Session, parts(Text, "^[0-9]+> ")).

%%
%% Transcripts
%%

%% The input and the output that is shown, `unknown' outside of a transcript.
parts(Text, Prompt) ->
    Options = [multiline, {return, list}],
    case re:split(Text, Prompt, Options) of
        [[] | Entries] -> [entry(Prompt, Entry) || Entry <- Entries];
        [Text] -> [{Text, unknown}]
    end.

%% Expressions end with a period, commands with their line.
entry("^[0-9]+> ", Entry) ->
    {done, {ok, Tokens, _}, _} = erl_scan:tokens([], Entry ++ "\n", 1),
    {dot, Line} = lists:last(Tokens),
    split_lines(Entry, Line);
entry(_, Entry) ->
    split_lines(Entry, 1).

split_lines(Text, N) ->
    {Entered, Shown} = lists:split(N, string:split(Text, "\n", all)),
    {lists:append(lists:join("\n", Entered)), string:trim(lists:append(lists:join("\n", Shown)))}.

compare(_Entered, unknown, _Got) ->
    ok;
compare(Entered, Shown, Got) ->
    Pids = fun(Text) ->
        re:replace(Text, "<0\\.[0-9]+\\.[0-9]+>", "<0.1.0>", [global, {return, list}])
    end,
    Literal =
        [
            re:replace(Part, "[][.*+?^${}()|\\\\]", "\\\\&", [global])
             || Part <- string:split(Pids(Shown), "...", all)
        ],
    Pattern = ["^", lists:join(".*", Literal), "$"],
    case re:run(Pids(string:trim(Got)), Pattern, [dotall, {capture, none}]) of
        match -> ok;
        nomatch -> error({output_differs, Entered, [{shown, Shown}, {got, Got}]})
    end.

%%
%% Erlang
%%

expression({Text, Shown}, Session0) ->
    {Value, Session} = lists:foldl(fun evaluate/2, {ok, Session0}, expressions(Text ++ "\n")),
    compare(Text, Shown, io_lib:format("~p", [Value])),
    Session.

expressions(Text) ->
    case erl_scan:tokens([], Text, 1) of
        {done, {ok, Tokens, _}, Rest} ->
            {ok, Expressions} = erl_parse:parse_exprs(Tokens),
            Expressions ++ expressions(Rest);
        _ ->
            ?assertEqual("", string:trim(Text), "ends without a period"),
            []
    end.

evaluate({call, _, {atom, _, rr}, [{atom, _, Module}]}, {_, #session{records = Known} = Session}) ->
    Records = records(Module),
    Names = lists:sort([Name || {attribute, _, record, {Name, _}} <- Records]),
    {Names, Session#session{records = Records ++ Known}};
evaluate({call, _, {atom, _, c}, [{atom, _, Module}]}, {_, #session{dir = Dir} = Session}) ->
    {c:c(filename:join(Dir, Module), [{outdir, Dir}, return_errors]), Session};
evaluate(Expression, {_, #session{bindings = Bindings0, records = Records} = Session}) ->
    {value, Value, Bindings} = erl_eval:exprs(expand([Expression], Records), Bindings0),
    {Value, Session#session{bindings = Bindings}}.

records(Module) ->
    {ok, {_, [{abstract_code, {_, Forms}}]}} = beam_lib:chunks(code:which(Module), [abstract_code]),
    [Form || {attribute, _, record, _} = Form <- Forms].

expand(Expressions, Records) ->
    Function = {function, 1, f, 0, [{clause, 1, [], [], Expressions}]},
    Forms = [{attribute, 1, module, m} | Records] ++ [Function, {eof, 2}],
    [Expanded] = [
        Body
     || {function, _, f, 0, [{clause, _, [], [], Body}]} <- erl_expand_records:module(Forms, [])
    ],
    Expanded.

load(Dir, Text) ->
    {match, [Name]} = re:run(Text, "^-module\\((\\w+)\\)", [{capture, all_but_first, list}]),
    File = filename:join(Dir, Name),
    ok = file:write_file(File ++ ".erl", Text),
    {ok, Module, Beam} = compile:file(File, [binary, return_errors, warnings_as_errors, report]),
    {module, Module} = code:load_binary(Module, File, Beam).

%%
%% Shell
%%

run_sh(Dir, Text) ->
    lists:foreach(
        fun({Commands, Shown}) ->
            case run_commands(Dir, Commands, Shown) of
                {0, Output} -> compare(Commands, Shown, Output);
                Failed -> error({Commands, Failed})
            end
        end,
        parts(Text, "^\\$ ")
    ).

run_commands(Dir, Commands, unknown) -> sh(Dir, ["set -e\n", Commands]);
run_commands(Dir, Command, _Shown) -> sh(Dir, Command).

%% Status and output of commands in a directory.
sh(Dir, Commands) ->
    Argv = ["sh", "-uc", unicode:characters_to_binary(Commands)],
    {ok, #{status := {exit, Status}, stdout := Output}} = alcove_run:run(Argv, #{
        cd => Dir,
        stderr => merge,
        output_limit => infinity,
        % not those of the build that runs the tests
        env => [{"REBAR_BASE_DIR", false}, {"ALCOVE_TRACE", false}]
    }),
    ok = alcove_pool:stop(default),
    {Status, cleaned(Output)}.

%% Where the name of the machine is no address, sudo says so before it does what it is told.
cleaned(Output) ->
    Text = unicode:characters_to_list(Output),
    Complaint = "^sudo: unable to resolve host .*\n",
    re:replace(Text, Complaint, "", [multiline, global, unicode, {return, list}]).
