%% SPDX-License-Identifier: ISC

%% @doc Calls that have no reply yet, and the messages that answer them.
%%
%% A driver writes calls to its port, and what comes back is an answer to one of them or a message
%% for the mailbox of the owner. The owner waits for one call at most; calls that it no longer
%% waits for are late: their replies are messages.
%%
%% <ul>
%% <li>in the process that calls: {@link request/3}</li>
%% <li>in the driver: {@link new/0}, {@link add/4}, {@link message/2}, {@link closed/1},
%%   {@link give_up/2}, {@link drop/1}, {@link open/1}</li>
%% </ul>
%%
%% The functions are pure: they return what the driver has to send.
%% @hidden
-module(alcove_calls).

-include("alcove.hrl").

-export([request/3]).
-export([
    new/0,
    add/4,
    message/2,
    closed/1,
    give_up/2,
    drop/1,
    open/1
]).

-export_type([
    call/0,
    calls/0,
    action/0
]).

-type call() :: {alcove_proto:call(), [alcove:pid_t()], NoReturn :: boolean()}.
%% A call: its name, its process, and whether a reply means that it has failed.

-type action() ::
    {answer, reference(), term()}
    | {deliver, alcove_frames:message()}.
%% Something to send: an answer to whoever waits with a reference, or a message to the
%% owner.

-record(open, {
    name :: alcove_proto:call(),
    pids :: [alcove:pid_t()],
    noreturn :: boolean(),
    since :: integer(),
    ref :: reference() | late
}).

-record(calls, {
    % oldest first
    open = [] :: [#open{}],
    % the latest reply, in case its caller has just given up
    answered = none :: none | {reference(), alcove_frames:message()}
}).

-opaque calls() :: #calls{}.

%%
%% In the process that calls
%%

%% @doc Returns a call and its frame, or the result of a call that does not fit in a frame.
-spec request([alcove:pid_t()], alcove_proto:call(), [term()]) ->
    {ok, call(), Frame :: binary()} | {error, e2big} | {alcove_error, badarg}.
request(Pids, Name, Args) ->
    Frame = iolist_to_binary(alcove_codec:call(Name, Pids, Args)),
    case byte_size(Frame) =< ?ALCOVE_MAXMSG of
        true -> {ok, {Name, on_wire(Pids), noreturn(Name, Args)}, Frame};
        false -> too_large(Name)
    end.

%% Of arguments and an environment that are too large execve(2) says this.
too_large(Name) when Name =:= execve; Name =:= execvp; Name =:= fexecve ->
    {error, e2big};
too_large(_Name) ->
    {alcove_error, badarg}.

%% Several calls in one end as their last one does.
noreturn(batch, [[_ | _] = Calls]) ->
    {Name, _} = lists:last(Calls),
    alcove_proto:noreturn(Name);
noreturn(Name, _Args) ->
    alcove_proto:noreturn(Name).

%% Replies name the pids as they were in the frame.
on_wire(Pids) ->
    [Pid band 16#ffffffff || Pid <- Pids].

%%
%% In the driver
%%

%% @doc Returns the state without calls.
-spec new() -> calls().
new() ->
    #calls{}.

%% @doc Adds a call that has been written at a time. Its answer goes to whoever waits with the reference.
-spec add(call(), reference(), Since :: integer(), calls()) -> calls().
add({Name, Pids, NoReturn}, Ref, Since, #calls{open = Open} = Calls) ->
    Call = #open{name = Name, pids = Pids, noreturn = NoReturn, since = Since, ref = Ref},
    Calls#calls{open = Open ++ [Call]}.

%% @doc Takes a message of the port, which answers a call or is delivered.
-spec message(alcove_frames:message(), calls()) -> {[action()], calls()}.
message(Message, #calls{open = []} = Calls) ->
    {[{deliver, Message}], Calls};
message({Output, _, _} = Message, Calls) when Output =:= alcove_stdout; Output =:= alcove_stderr ->
    {[{deliver, Message}], Calls};
message({_, _, Term} = Message, #calls{open = Open} = Calls) ->
    {CutOff, Kept} = lists:partition(fun(Call) -> is_cut_off(Call, Message) end, Open),
    case bad_pids(CutOff) of
        [_ | _] = Answers when Term =:= badpid ->
            {Answers, Calls#calls{open = Kept}};
        Answers ->
            {Actions, Settled} = settle(Message, Calls#calls{open = Kept}),
            {Answers ++ Actions, Settled}
    end.

%% A process that is gone or has become a program answers no more, nor does one below it: what
%% they had to say, the port has passed on before. How a process has ended is itself an answer
%% to its call, if that is one that returns.
is_cut_off(#open{pids = At, noreturn = NoReturn, ref = Ref}, {Tag, Pids, Term}) ->
    is_end(Tag, Term) andalso lists:prefix(Pids, At) andalso
        (Ref =:= late orelse At =/= Pids orelse (NoReturn andalso Tag =:= alcove_event)).

is_end(alcove_ctl, Reason) -> Reason =:= badpid orelse Reason =:= fdctl_closed;
is_end(alcove_event, {Event, _}) -> Event =:= exit_status orelse Event =:= termsig;
is_end(_, _) -> false.

bad_pids(Open) ->
    [{answer, Ref, {alcove_error, badpid}} || #open{ref = Ref} <- Open, Ref =/= late].

settle({Tag, Pids, Term} = Message, #calls{open = Open} = Calls) ->
    case lists:keytake(Pids, #open.pids, Open) of
        {value, #open{ref = late}, Others} when Tag =:= alcove_call; Tag =:= alcove_pipe ->
            {[{deliver, Message}], Calls#calls{open = Others}};
        {value, #open{ref = Ref, noreturn = NoReturn}, Others} when is_reference(Ref) ->
            case outcome(Tag, Term, NoReturn) of
                {answer, Answer} ->
                    {[{answer, Ref, Answer}], #calls{open = Others, answered = {Ref, Message}}};
                wait when Pids =/= [] ->
                    {[], Calls};
                % always to be had for the port itself, which has no exit event
                _ ->
                    {[{deliver, Message}], Calls}
            end;
        _ ->
            {[{deliver, Message}], Calls}
    end.

outcome(alcove_call, Reason, _) when Reason =:= badarg; Reason =:= undef ->
    {answer, {alcove_error, Reason}};
outcome(alcove_call, Reply, _) ->
    {answer, Reply};
outcome(alcove_pipe, Bytes, _) ->
    {answer, {alcove_error, {eagain, Bytes}}};
outcome(alcove_ctl, fdctl_closed, true) ->
    {answer, ok};
outcome(alcove_ctl, fdctl_closed, false) ->
    % how it has ended follows
    wait;
outcome(alcove_ctl, Reason, _) when is_atom(Reason) ->
    {answer, {alcove_error, Reason}};
outcome(alcove_ctl, _News, _) ->
    none;
outcome(alcove_event, {Event, _} = Reason, false) when Event =:= exit_status; Event =:= termsig ->
    {answer, {alcove_error, Reason}};
outcome(alcove_event, _, _) ->
    none.

%% @doc Notes that the port has become another program, or has ended.
-spec closed(calls()) -> {[action()], calls()}.
closed(Calls) ->
    settle({alcove_ctl, [], fdctl_closed}, Calls).

%% @doc Ends the wait of the caller with this reference. The answer may have been sent in the same
%% moment; then it is delivered.
-spec give_up(reference(), calls()) -> {[action()], calls()}.
give_up(Ref, #calls{open = Open, answered = Answered} = Calls) ->
    case lists:keyfind(Ref, #open.ref, Open) of
        #open{} = Call ->
            Late = Call#open{ref = late},
            {[], Calls#calls{open = lists:keyreplace(Ref, #open.ref, Open, Late)}};
        false when element(1, Answered) =:= Ref ->
            {[{deliver, element(2, Answered)}], Calls#calls{answered = none}};
        false ->
            {[], Calls}
    end.

%% @doc Answers all calls: there will be no reply.
-spec drop(calls()) -> {[action()], calls()}.
drop(#calls{open = Open} = Calls) ->
    {bad_pids(Open), Calls#calls{open = []}}.

%% @doc Returns the calls that have no reply yet, the oldest first, and when they were written.
-spec open(calls()) -> [{alcove_proto:call(), [alcove:pid_t()], Since :: integer()}].
open(#calls{open = Open}) ->
    [{Name, Pids, Since} || #open{name = Name, pids = Pids, since = Since} <- Open].
