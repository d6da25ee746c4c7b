%% SPDX-License-Identifier: ISC

%% @doc Waiting, in the process that owns a driver.
%%
%% A process that executes the code of a module is killed when that module is loaded twice and
%% purged. So nobody waits in {@link alcove} or {@link alcove_drv}: their functions end with a
%% call of this module, which knows no more of a driver than the messages below. It has no need
%% to change with them.
%%
%% <ul>
%% <li>`{call, Caller, {Name, Pids, NoReturn, Ref}, Frame}', a cast: make a call and send
%%   `{Ref, Answer}'</li>
%% <li>`{give_up, Caller, Ref}', a cast: the answer is for the mailbox</li>
%% </ul>
%% @hidden
-module(alcove_owner).

-export([
    call/5,
    call/6,
    take/4,
    collect/5,
    stop/1
]).

-type source() :: alcove_stdout | alcove_stderr | alcove_event.

-type problem() :: {alcove_error, alcove_drv:reason()} | {alcove_pipe, {eagain, non_neg_integer()}}.

%% The longest timeout of a receive.
-define(MAXTIMEOUT, 16#ffffffff).

%% How soon a problem behind output is found while there is no more output.
-define(LOOK, 100).

%%
%% Calls
%%

%% @doc Does what {@link alcove_drv:call/5} does, with the errors of a function that has the name of
%% the call: its module, and the arguments that it was given.
-spec call(
    alcove_drv:ref(),
    [alcove:pid_t()],
    alcove_proto:call(),
    [term()],
    timeout(),
    {module(), [term()]}
) -> term().
call(Drv, Pids, Name, Args, Timeout, {Module, Arguments}) ->
    case call(Drv, Pids, Name, Args, Timeout) of
        {alcove_error, Reason} -> raise(Reason, {Module, Name, Arguments});
        Reply -> Reply
    end.

%% The function has left the stack when its call waits; its error shows it nevertheless.
-spec raise(alcove_drv:reason(), {module(), atom(), [term()]}) -> no_return().
raise(Reason, {Module, Function, Arguments}) ->
    {current_stacktrace, Stack} = process_info(self(), current_stacktrace),
    Callers = lists:dropwhile(fun(Frame) -> element(2, Frame) =/= ?FUNCTION_NAME end, Stack),
    erlang:raise(error, Reason, [{Module, Function, Arguments, []} | tl(Callers)]).

%% @doc Does what {@link alcove_drv:call/5} says.
-spec call(alcove_drv:ref(), [alcove:pid_t()], alcove_proto:call(), [term()], timeout()) ->
    term() | {alcove_error, alcove_drv:reason()}.
call(_Drv, Pids, _Name, _Args, Timeout) when
    is_list(Pids), is_integer(Timeout), (Timeout < 0 orelse Timeout > ?MAXTIMEOUT)
->
    erlang:error(timeout_value);
call(Drv, Pids, Name, Args, Timeout) when
    is_list(Pids), is_integer(Timeout);
    is_list(Pids), Timeout =:= infinity
->
    case alcove_calls:request(Pids, Name, Args) of
        {ok, Call, Frame} -> request(Drv, Call, Frame, Timeout);
        TooLarge -> TooLarge
    end.

%% Has the driver send a frame, which makes a call, and waits for its answer.
%%
%% The reference is new when the receive begins, so that the VM does not look at what is
%% in the mailbox already. Exits as gen_server:call/3 does, but with the name of the call in the
%% place of its bytes, which may be secret.
request(Drv, {Name, _, _}, _Frame, _Timeout) when Drv =:= self() ->
    exit({calling_self, request_of(Drv, Name)});
request(Drv, {Name, Pids, NoReturn} = Call, Frame, Timeout) ->
    Ref = erlang:monitor(process, Drv, [{alias, demonitor}]),
    gen_server:cast(Drv, {call, self(), erlang:append_element(Call, Ref), Frame}),
    receive
        {Ref, Answer} ->
            erlang:demonitor(Ref, [flush]),
            ended(Answer, Drv, Pids, NoReturn);
        {'DOWN', Ref, process, _, noconnection} ->
            exit({{nodedown, node(Drv)}, request_of(Drv, Name)});
        {'DOWN', Ref, process, _, Reason} ->
            exit({Reason, request_of(Drv, Name)})
    after Timeout ->
        erlang:demonitor(Ref, [flush]),
        receive
            {Ref, Answer} ->
                ended(Answer, Drv, Pids, NoReturn)
        after 0 ->
            gen_server:cast(Drv, {give_up, self(), Ref}),
            {alcove_error, timeout}
        end
    end.

request_of(Drv, Name) ->
    {gen_server, call, [Drv, {send, Name}, infinity]}.

%% The parent of a process that has ended does not know it any more. How it ended may be in
%% the mailbox, and says more.
ended({alcove_error, badpid} = Error, Drv, Pids, false) ->
    receive
        {alcove_event, Drv, Pids, {exit_status, _} = Reason} -> {alcove_error, Reason};
        {alcove_event, Drv, Pids, {termsig, _} = Reason} -> {alcove_error, Reason}
    after 0 -> Error
    end;
ended(Answer, _Drv, _Pids, _NoReturn) ->
    Answer.

%% @doc Does what {@link alcove_drv:stop/1} says.
-spec stop(alcove_drv:ref()) -> ok.
stop(Drv) ->
    try gen_server:call(Drv, stop) of
        _ -> ok
    catch
        _:_ -> ok
    end.

%%
%% The mailbox
%%

%% @doc Does what {@link alcove_drv:stdout/3} and its sisters say.
-spec take(alcove_drv:ref(), [alcove:pid_t()], source(), timeout()) -> term() | false | problem().
take(Drv, Pids, Tag, Timeout) ->
    case take(Drv, Pids, Tag, make_ref(), 0) of
        false when Timeout =:= 0 ->
            nothing(Drv);
        false ->
            Ref = erlang:monitor(process, Drv),
            Taken = take(Drv, Pids, Tag, Ref, Timeout),
            erlang:demonitor(Ref, [flush]),
            Taken;
        Taken ->
            Taken
    end.

take(Drv, Pids, Tag, Ref, Timeout) ->
    receive
        {Tag, Drv, Pids, Term} ->
            Term;
        {alcove_ctl, Drv, Pids, fdctl_closed} ->
            take(Drv, Pids, Tag, Ref, Timeout);
        {alcove_ctl, Drv, Pids, Reason} when is_atom(Reason) ->
            {alcove_error, Reason};
        {alcove_call, Drv, Pids, Reason} when Reason =:= badarg; Reason =:= undef ->
            {alcove_error, Reason};
        {alcove_pipe, Drv, Pids, Bytes} ->
            {alcove_pipe, {eagain, Bytes}};
        {'DOWN', Ref, process, _, noconnection} ->
            {alcove_error, noconnection};
        % what it has sent before may have been lost with a connection
        {'DOWN', Ref, process, _, noproc} when node(Drv) =/= node() ->
            {alcove_error, noproc};
        {'DOWN', Ref, process, _, _} ->
            false
    after Timeout -> false
    end.

%% Nothing comes from a node that is lost, which is no answer of a process there.
nothing(Drv) when is_pid(Drv), node(Drv) =/= node() ->
    case lists:member(node(Drv), nodes(connected)) of
        true -> false;
        false -> {alcove_error, noconnection}
    end;
nothing(_Drv) ->
    false.

%% @doc Does what {@link alcove:stdout/3} says, the function of module alcove that reads this output.
-spec collect(alcove_drv:ref(), [alcove:pid_t()], source(), timeout(), atom()) -> [binary()].
collect(Drv, Pids, Tag, Timeout, Function) ->
    case take(Drv, Pids, Tag, Timeout) of
        Piece when is_binary(Piece) ->
            lists:reverse(more(Drv, Pids, Tag, Timeout, [Piece]));
        false ->
            [];
        {_, Reason} ->
            raise(Reason, {alcove, Function, [Drv, Pids, Timeout]})
    end.

%% What has been taken cannot be put back where it was: a message that this process sends to
%% itself comes after all that have arrived meanwhile. So a problem behind output is looked at and
%% left where it is.
more(Drv, Pids, Tag, 0, Pieces) ->
    {_, Ready} = ready(Drv, Pids, Tag, Pieces),
    Ready;
more(Drv, Pids, Tag, Timeout, Pieces) ->
    Ref = erlang:monitor(process, Drv),
    All = more(Drv, Pids, Tag, Timeout, Timeout, Ref, Pieces),
    erlang:demonitor(Ref, [flush]),
    All.

more(Drv, Pids, Tag, Timeout, Quiet, Ref, Pieces) ->
    case ready(Drv, Pids, Tag, Pieces) of
        {problem, Ready} ->
            Ready;
        {more, Ready} ->
            % infinity is greater than any number
            Look = min(Quiet, ?LOOK),
            receive
                {Tag, Drv, Pids, Piece} ->
                    more(Drv, Pids, Tag, Timeout, Timeout, Ref, [Piece | Ready]);
                {'DOWN', Ref, process, _, _} ->
                    Ready
            after Look ->
                case Quiet of
                    infinity -> more(Drv, Pids, Tag, Timeout, infinity, Ref, Ready);
                    Look -> Ready;
                    _ -> more(Drv, Pids, Tag, Timeout, Quiet - Look, Ref, Ready)
                end
            end
    end.

%% Takes the output that is in the mailbox before the first problem.
ready(Drv, Pids, Tag, Pieces) ->
    {messages, Messages} = process_info(self(), messages),
    {Next, N} = ahead([{T, Term} || {T, D, P, Term} <- Messages, D =:= Drv, P =:= Pids], Tag, 0),
    {Next, pieces(N, Drv, Pids, Tag, Pieces)}.

ahead([{Tag, _} | Messages], Tag, N) -> ahead(Messages, Tag, N + 1);
ahead([{alcove_ctl, fdctl_closed} | Messages], Tag, N) -> ahead(Messages, Tag, N);
ahead([{alcove_ctl, Reason} | _], _Tag, N) when is_atom(Reason) -> {problem, N};
ahead([{alcove_pipe, _} | _], _Tag, N) -> {problem, N};
ahead([{alcove_call, badarg} | _], _Tag, N) -> {problem, N};
ahead([{alcove_call, undef} | _], _Tag, N) -> {problem, N};
ahead([_ | Messages], Tag, N) -> ahead(Messages, Tag, N);
ahead([], _Tag, N) -> {more, N}.

pieces(0, _Drv, _Pids, _Tag, Pieces) ->
    Pieces;
pieces(N, Drv, Pids, Tag, Pieces) ->
    receive
        {Tag, Drv, Pids, Piece} -> pieces(N - 1, Drv, Pids, Tag, [Piece | Pieces])
    end.
