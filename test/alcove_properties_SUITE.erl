%% SPDX-License-Identifier: ISC

%% Properties of the pure modules of the driver, for input that PropEr makes up.
-module(alcove_properties_SUITE).

-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").

-export([
    all/0,
    init_per_suite/1,
    end_per_suite/1
]).
-export([
    frames_do_not_depend_on_the_pieces/1,
    bytes_that_are_no_frames_are_kept/1,
    frames_of_a_process_below_do_no_harm/1,
    frames_for_a_port_are_told_from_others/1,
    calls_that_execute_are_found/1,
    calls_are_answered_once/1,
    messages_are_neither_lost_nor_doubled/1,
    messages_keep_their_order/1,
    replies_answer_the_calls_of_a_process_in_turn/1
]).

-define(TESTS, 300).

all() ->
    alcove_os:cases(?MODULE).

init_per_suite(Config) ->
    case code:ensure_loaded(proper) of
        {module, proper} -> Config;
        {error, _} -> {skip, "PropEr is missing (erlang-proper on Debian)"}
    end.

end_per_suite(_Config) ->
    ok.

%% The macros of proper.hrl would make it a need of every other suite.
holds(Generator, Property) ->
    Options = [quiet, long_result, {numtests, ?TESTS}],
    case proper:quickcheck(proper:forall(Generator, Property), Options) of
        true -> ok;
        CounterExample -> ct:fail({CounterExample, proper:errors()})
    end.

%%
%% Frames
%%

frames_do_not_depend_on_the_pieces(_Config) ->
    holds({proper_types:list(frame()), beginning(), cuts()}, fun({Frames, Beginning, Cuts}) ->
        Bytes = iolist_to_binary([Frames, Beginning]),
        {Whole, Unread} = add_all(pieces(Bytes, Cuts)),
        {Frames, Beginning, byte_size(Beginning)} =:=
            {Whole, alcove_frames:rest(Unread), alcove_frames:size(Unread)}
    end).

bytes_that_are_no_frames_are_kept(_Config) ->
    holds({proper_types:binary(), cuts()}, fun({Bytes, Cuts}) ->
        {Whole, Unread} = add_all(pieces(Bytes, Cuts)),
        iolist_to_binary([Whole, alcove_frames:rest(Unread)]) =:= Bytes
    end).

frames_of_a_process_below_do_no_harm(_Config) ->
    holds(proper_types:binary(), fun(Content) ->
        Frame = sized([<<?UINT16(?ALCOVE_MSG_PROXY), ?UINT32(7)>>, Content]),
        case alcove_frames:message(Frame) of
            garbled -> true;
            {Type, [7 | _], _Term} -> is_atom(Type);
            _ -> false
        end
    end).

frames_for_a_port_are_told_from_others(_Config) ->
    holds({proper_types:list(frame()), beginning()}, fun({Frames, Beginning}) ->
        Others = [
            Type
         || <<_:16, Type:16, _/binary>> <- Frames,
            Type =/= ?ALCOVE_MSG_STDIN,
            Type =/= ?ALCOVE_MSG_CALL
        ],
        Expected = Beginning =:= <<>> andalso Others =:= [],
        Expected =:= alcove_frames:are_for_port(iolist_to_binary([Frames, Beginning]))
    end).

calls_that_execute_are_found(_Config) ->
    holds(proper_types:list(proper_types:elements(alcove_proto:calls())), fun(Names) ->
        Bytes = iolist_to_binary([alcove_codec:call(Name, [], []) || Name <- Names]),
        Executing = [Name || Name <- Names, lists:member(Name, [execve, execvp, fexecve])],
        alcove_frames:executes(Bytes) =:= (Executing =/= [])
    end).

add_all(Pieces) ->
    lists:foldl(
        fun(Piece, {Whole, Unread0}) ->
            {Frames, Unread} = alcove_frames:add(Piece, Unread0),
            {Whole ++ Frames, Unread}
        end,
        {[], alcove_frames:new()},
        Pieces
    ).

%% Pieces of the sizes in turn, until there is no more.
pieces(Bytes, []) ->
    [Bytes];
pieces(Bytes, [Size | Sizes]) when Size < byte_size(Bytes) ->
    {Piece, Rest} = split_binary(Bytes, Size),
    [Piece | pieces(Rest, Sizes)];
pieces(Bytes, _) ->
    [Bytes].

cuts() ->
    proper_types:list(proper_types:integer(0, 9)).

frame() ->
    proper_types:bind(
        {proper_types:integer(0, 8), proper_types:binary()},
        fun({Type, Content}) -> sized([<<?UINT16(Type)>>, Content]) end,
        false
    ).

%% Less than a frame.
beginning() ->
    proper_types:bind(
        {frame(), proper_types:integer(0, 100)},
        fun({Frame, Percent}) ->
            binary:part(Frame, 0, (byte_size(Frame) - 1) * Percent div 100)
        end,
        false
    ).

sized(Content) ->
    Bytes = iolist_to_binary(Content),
    <<(byte_size(Bytes)):16, Bytes/binary>>.

%%
%% Calls
%%

calls_are_answered_once(_Config) ->
    life_holds(fun(Steps) ->
        {Actions, Calls} = run(Steps ++ [drop]),
        Answered = [Ref || {answer, Ref, _} <- Actions],
        GivenUp = [Ref || {give_up, Ref} <- Steps],
        Made = [Ref || {call, _, Ref} <- Steps],
        lists:usort(Answered) =:= lists:sort(Answered) andalso
            Answered -- Made =:= [] andalso
            (Made -- Answered) -- GivenUp =:= [] andalso
            alcove_calls:open(Calls) =:= []
    end).

messages_are_neither_lost_nor_doubled(_Config) ->
    life_holds(fun(Steps) ->
        {Actions, _} = run(Steps),
        Delivered = [Message || {deliver, Message} <- Actions],
        % a caller who gives up in the moment of its answer does not get it
        Answers = [{Ref, Reply} || {answer, Ref, Reply} <- Actions],
        GivenUp = [Ref || {give_up, Ref} <- Steps],
        Taken = [Reply || {Ref, {reply, _} = Reply} <- Answers, not lists:member(Ref, GivenUp)],
        Replies = [Reply || {message, {alcove_call, _, Reply}} <- Steps],
        Output = [M || {message, {alcove_stdout, _, _} = M} <- Steps],
        Output =:= [M || {alcove_stdout, _, _} = M <- Delivered] andalso
            lists:sort(Replies) =:=
                lists:sort(Taken ++ [Reply || {alcove_call, _, Reply} <- Delivered])
    end).

messages_keep_their_order(_Config) ->
    life_holds(fun(Steps) ->
        % a message that is given up is delivered out of turn
        Orderly = [Step || Step <- Steps, element(1, Step) =/= give_up],
        {Actions, _} = run(Orderly),
        is_subsequence(
            [Message || {deliver, Message} <- Actions],
            [Message || {message, Message} <- Orderly]
        )
    end).

replies_answer_the_calls_of_a_process_in_turn(_Config) ->
    Life = proper_types:list(
        proper_types:oneof([{call, pids(), false}, {alcove_call, pids(), reply}, give_up])
    ),
    holds(Life, fun(Happens) ->
        Steps = steps(Happens),
        {Actions, _} = run(Steps),
        answers(Steps, [], []) =:= [{Ref, Reply} || {answer, Ref, Reply} <- Actions]
    end).

%% Each process answers its calls in the order in which they came.
answers([], _Open, _GivenUp) ->
    [];
answers([{call, {_, Pids, _}, Ref} | Steps], Open, GivenUp) ->
    answers(Steps, Open ++ [{Pids, Ref}], GivenUp);
answers([{give_up, Ref} | Steps], Open, GivenUp) ->
    answers(Steps, Open, [Ref | GivenUp]);
answers([{message, {alcove_call, Pids, Reply}} | Steps], Open, GivenUp) ->
    Ref = proplists:get_value(Pids, Open),
    Others = lists:delete({Pids, Ref}, Open),
    case Ref =:= undefined orelse lists:member(Ref, GivenUp) of
        true -> answers(Steps, Others, GivenUp);
        false -> [{Ref, Reply} | answers(Steps, Others, GivenUp)]
    end.

is_subsequence([], _) -> true;
is_subsequence([X | Xs], [X | Ys]) -> is_subsequence(Xs, Ys);
is_subsequence(Xs, [_ | Ys]) -> is_subsequence(Xs, Ys);
is_subsequence(_, []) -> false.

%% What happens to a driver: calls of its owner, messages of the port, an owner that gives up.
life() ->
    proper_types:list(
        proper_types:oneof([
            {call, pids(), proper_types:boolean()},
            {alcove_call, pids(), reply},
            {alcove_stdout, pids(), <<"output">>},
            {alcove_event, pids(), proper_types:elements([{exit_status, 0}, {termsig, sigkill}])},
            {alcove_ctl, pids(), proper_types:elements([badpid, fdctl_closed, stdin_closed])},
            {alcove_pipe, pids(), 9},
            give_up
        ])
    ).

pids() ->
    proper_types:elements([[], [1], [2], [1, 3]]).

life_holds(Property) ->
    holds(life(), fun(Life) -> Property(steps(Life)) end).

run(Steps) ->
    lists:foldl(
        fun(Step, {Before, Calls0}) ->
            {Actions, Calls} = step(Step, Calls0),
            {Before ++ Actions, Calls}
        end,
        {[], alcove_calls:new()},
        Steps
    ).

step({call, Call, Ref}, Calls) -> {[], alcove_calls:add(Call, Ref, 0, Calls)};
step({give_up, Ref}, Calls) -> alcove_calls:give_up(Ref, Calls);
step({message, Message}, Calls) -> alcove_calls:message(Message, Calls);
step(drop, Calls) -> alcove_calls:drop(Calls).

%% Each call has a reference of its own, and each reply is another. The owner waits for one call at
%% a time: it makes the next one when it has its answer or has given up, which it may do in the
%% moment of the answer.
steps(Life) ->
    {Steps, _} = lists:foldl(fun live/2, {[], none}, Life),
    Steps.

live({call, Pids, NoReturn}, {Steps, Last}) ->
    Ref = make_ref(),
    {give_up_unless_answered(Last, Steps) ++ [{call, {getpid, Pids, NoReturn}, Ref}], Ref};
live(give_up, {Steps, none}) ->
    {Steps, none};
live(give_up, {Steps, Last}) ->
    {Steps ++ [{give_up, Last}], none};
live({alcove_call, Pids, reply}, {Steps, Last}) ->
    {Steps ++ [{message, {alcove_call, Pids, {reply, length(Steps)}}}], Last};
live(Message, {Steps, Last}) ->
    {Steps ++ [{message, Message}], Last}.

give_up_unless_answered(none, Steps) ->
    Steps;
give_up_unless_answered(Last, Steps) ->
    {Actions, _} = run(Steps),
    case [Ref || {answer, Ref, _} <- Actions, Ref =:= Last] of
        [_] -> Steps;
        [] -> Steps ++ [{give_up, Last}]
    end.
