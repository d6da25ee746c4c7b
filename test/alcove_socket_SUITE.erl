%% SPDX-License-Identifier: ISC

%% Sockets, and waiting for descriptors with select.
-module(alcove_socket_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").

-export([all/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    data_passes_both_ways_through_a_unix_socket/1,
    datagram_reaches_an_unconnected_socket/1,
    connection_to_an_internet_socket_is_made/1,
    connection_that_is_refused_is_an_error/1,
    socket_is_handed_to_a_program/1,
    pipe_is_readable_when_there_is_data/1,
    pipe_is_writable_until_it_is_full/1,
    socket_is_readable_when_its_peer_writes_or_goes/1,
    urgent_data_is_an_exception/1,
    select_returns_all_that_is_ready/1,
    select_without_descriptors_waits/1,
    select_is_interrupted_by_a_signal/1,
    select_takes_high_descriptors/1,
    select_refuses_what_is_not_open/1
]).

-define(LIMIT, 30000).

%% Not to wait at all.
-define(POLL, #alcove_timeval{sec = 0, usec = 0}).
%% Longer than it ever takes.
-define(PATIENCE, #alcove_timeval{sec = 30}).

all() ->
    alcove_os:cases(?MODULE).

init_per_testcase(Case, Config) ->
    Drv = alcove_ct:start(),
    Pids = alcove_ct:chain(Drv, 1),
    [{drv, Drv}, {pids, Pids}, {dir, alcove_os:tree(Config, Case)} | Config].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(?config(drv, Config)).

%% The server is nc(1), run by the same port; it says on its standard error when it is ready.
data_passes_both_ways_through_a_unix_socket(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Path = socket_path(),
    Server = alcove_ct:chain(Drv, 1),
    alcove_os:execute(Drv, Server, ["nc", "-v", "-l", "-U", Path]),
    ok = says(Drv, Server, "Listening on", []),
    {ok, Socket} = alcove:socket(Drv, Pids, af_unix, sock_stream, 0),
    ok = alcove:connect(Drv, Pids, Socket, sockaddr_un(Path)),
    {ok, 8} = alcove:write(Drv, Pids, Socket, "question"),
    ?assertEqual(<<"question">>, alcove_ct:output(Drv, Server, 8)),
    ok = alcove:stdin(Drv, Server, "answer"),
    {ok, [Socket], [], []} = alcove:select(Drv, Pids, [Socket], [], [], ?PATIENCE),
    ?assertEqual({ok, <<"answer">>}, alcove:read(Drv, Pids, Socket, 100)),
    ok = alcove:close(Drv, Pids, Socket),
    ?assertMatch({{exit_status, 0}, <<>>, _}, alcove_os:finish(Drv, Server)),
    ok = alcove:unlink(Drv, [], Path).

says(Drv, Pids, Text, Said) ->
    case string:find(Said, Text) of
        nomatch -> says(Drv, Pids, Text, [Said, alcove_ct:message(Drv, Pids, alcove_stderr)]);
        _ -> ok
    end.

datagram_reaches_an_unconnected_socket(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {ok, Server} = gen_udp:open(0, [binary, {ip, {127, 0, 0, 1}}, {active, true}]),
    {ok, Port} = inet:port(Server),
    {ok, Socket} = alcove:socket(Drv, Pids, af_inet, sock_dgram, 0),
    ok = alcove:connect(Drv, Pids, Socket, sockaddr_in(Port)),
    {ok, 5} = alcove:write(Drv, Pids, Socket, "hello"),
    {Address, From} =
        receive
            {udp, Server, IP, Source, <<"hello">>} -> {IP, Source}
        after ?LIMIT -> error(no_datagram)
        end,
    ok = gen_udp:send(Server, Address, From, "you too"),
    {ok, [Socket], [], []} = alcove:select(Drv, Pids, [Socket], [], [], ?PATIENCE),
    ?assertEqual({ok, <<"you too">>}, alcove:read(Drv, Pids, Socket, 100)),
    ok = gen_udp:close(Server).

connection_to_an_internet_socket_is_made(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {Listen, Port} = listen(),
    {ok, Socket} = alcove:socket(Drv, Pids, af_inet, sock_stream, 0),
    ?assertEqual(ok, alcove:connect(Drv, Pids, Socket, sockaddr_in(Port))),
    {ok, Peer} = gen_tcp:accept(Listen, ?LIMIT),
    {ok, 5} = alcove:write(Drv, Pids, Socket, "hello"),
    ?assertEqual({ok, <<"hello">>}, gen_tcp:recv(Peer, 5, ?LIMIT)),
    ?assertEqual({error, eisconn}, alcove:connect(Drv, Pids, Socket, sockaddr_in(Port))),
    ok = gen_tcp:close(Listen).

connection_that_is_refused_is_an_error(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {Listen, Port} = listen(),
    ok = gen_tcp:close(Listen),
    {ok, Inet} = alcove:socket(Drv, Pids, af_inet, sock_stream, 0),
    {ok, Unix} = alcove:socket(Drv, Pids, af_unix, sock_stream, 0),
    Connect = fun(Socket, Address) -> alcove:connect(Drv, Pids, Socket, Address) end,
    ?assertEqual({error, econnrefused}, Connect(Inet, sockaddr_in(Port))),
    ?assertEqual({error, enoent}, Connect(Unix, sockaddr_un(socket_path()))),
    ?assertEqual({error, einval}, Connect(Inet, [])),
    ?assertEqual({error, eafnosupport}, Connect(Inet, [<<99:16/native, 0:112>>])).

%% It is open in the program under the same number.
socket_is_handed_to_a_program(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {Listen, Port} = listen(),
    {ok, Socket} = alcove:socket(Drv, Pids, af_inet, sock_stream, 0),
    ok = alcove:connect(Drv, Pids, Socket, sockaddr_in(Port)),
    {ok, Peer} = gen_tcp:accept(Listen, ?LIMIT),
    Script = ["read line; echo \"got $line\" >&", integer_to_list(Socket)],
    alcove_os:execute(Drv, Pids, ["sh", "-c", Script]),
    ok = alcove:stdin(Drv, Pids, "this\n"),
    ?assertEqual({ok, <<"got this\n">>}, gen_tcp:recv(Peer, 0, ?LIMIT)),
    ?assertEqual({error, closed}, gen_tcp:recv(Peer, 0, ?LIMIT)),
    ok = gen_tcp:close(Listen).

pipe_is_readable_when_there_is_data(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Pipe = pipe(Config, Drv, Pids),
    ?assertEqual({ok, [], [], []}, alcove:select(Drv, Pids, [Pipe], [], [], ?POLL)),
    {ok, 4} = alcove:write(Drv, Pids, Pipe, "data"),
    ?assertEqual({ok, [Pipe], [], []}, alcove:select(Drv, Pids, [Pipe], [], [], [])),
    ?assertEqual({ok, <<"data">>}, alcove:read(Drv, Pids, Pipe, 100)),
    ?assertEqual({ok, [], [], []}, alcove:select(Drv, Pids, [Pipe], [], [], ?POLL)).

pipe_is_writable_until_it_is_full(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Pipe = pipe(Config, Drv, Pids),
    ?assertEqual({ok, [], [Pipe], []}, alcove:select(Drv, Pids, [], [Pipe], [], ?POLL)),
    {ok, Size} = alcove:fcntl(Drv, Pids, Pipe, f_getpipe_sz, 0),
    fill(Drv, Pids, Pipe, Size),
    ?assertEqual({ok, [Pipe], [], []}, alcove:select(Drv, Pids, [Pipe], [Pipe], [], ?POLL)),
    {ok, _} = alcove:read(Drv, Pids, Pipe, 4096),
    ?assertEqual({ok, [], [Pipe], []}, alcove:select(Drv, Pids, [], [Pipe], [], [])).

fill(_Drv, _Pids, _Pipe, 0) ->
    ok;
fill(Drv, Pids, Pipe, Left) ->
    {ok, Written} = alcove:write(Drv, Pids, Pipe, binary:copy(<<0>>, min(Left, 4096))),
    fill(Drv, Pids, Pipe, Left - Written).

socket_is_readable_when_its_peer_writes_or_goes(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {Socket, Peer} = connected(Drv, Pids),
    ?assertEqual({ok, [], [], []}, alcove:select(Drv, Pids, [Socket], [], [], ?POLL)),
    ok = gen_tcp:send(Peer, "data"),
    ?assertEqual({ok, [Socket], [], []}, alcove:select(Drv, Pids, [Socket], [], [], ?PATIENCE)),
    {ok, <<"data">>} = alcove:read(Drv, Pids, Socket, 100),
    ok = gen_tcp:close(Peer),
    ?assertEqual({ok, [Socket], [], []}, alcove:select(Drv, Pids, [Socket], [], [], ?PATIENCE)),
    ?assertEqual({ok, <<>>}, alcove:read(Drv, Pids, Socket, 100)).

%% The byte that is sent out of band.
urgent_data_is_an_exception(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    {Socket, Peer} = connected(Drv, Pids),
    ?assertEqual({ok, [], [], []}, alcove:select(Drv, Pids, [], [], [Socket], ?POLL)),
    {ok, Handle} = inet:getfd(Peer),
    {ok, Urgent} = socket:open(Handle, #{dup => true}),
    ok = socket:send(Urgent, <<"!">>, [oob]),
    ?assertEqual({ok, [], [], [Socket]}, alcove:select(Drv, Pids, [], [], [Socket], ?PATIENCE)),
    ok = socket:close(Urgent).

select_returns_all_that_is_ready(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    [First, Second, Third] = Pipes = [
        pipe(Config, Drv, Pids, Name)
     || Name <- ["first", "second", "third"]
    ],
    {ok, 1} = alcove:write(Drv, Pids, First, "x"),
    {ok, 1} = alcove:write(Drv, Pids, Third, "x"),
    ?assertEqual(
        {ok, lists:sort([First, Third]), lists:sort([Second, Third]), []},
        alcove:select(Drv, Pids, Pipes ++ Pipes, [Third, Second], Pipes, [])
    ).

%% A process may sleep, and the microseconds may be more than a second.
select_without_descriptors_waits(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Start = erlang:monotonic_time(millisecond),
    Wait = #alcove_timeval{sec = 0, usec = 1100000},
    ?assertEqual({ok, [], [], []}, alcove:select(Drv, Pids, [], [], [], Wait)),
    ?assert(erlang:monotonic_time(millisecond) - Start >= 1100).

%% The signal comes, from another port, when the process sleeps: the system call says so.
select_is_interrupted_by_a_signal(Config) ->
    {Drv, [Pid]} = {?config(drv, Config), ?config(pids, Config)},
    Pipe = pipe(Config, Drv, [Pid]),
    _ = spawn_link(fun() ->
        Other = alcove_ct:start(),
        alcove_ct:until(fun() -> is_in_select(Other, Pid) end),
        ok = alcove:kill(Other, [], Pid, sigusr1),
        alcove_ct:stop(Other)
    end),
    ?assertEqual({error, eintr}, alcove:select(Drv, [Pid], [Pipe], [], [], [])),
    ?assertMatch({signal, sigusr1, _}, alcove:event(Drv, [Pid], ?LIMIT)).

is_in_select(Drv, Pid) ->
    Calls = [alcove:syscall_constant(Drv, [], Call) || Call <- [sys_select, sys_pselect6]],
    Text = alcove_os:read_file(Drv, [], ["/proc/", integer_to_list(Pid), "/syscall"]),
    [Call | _] = binary:split(Text, <<" ">>),
    lists:member(Call, [integer_to_binary(Number) || Number <- Calls, is_integer(Number)]).

%% Numbers from 128 on, which the encoding of lists of bytes keeps apart. 0 is F_DUPFD.
select_takes_high_descriptors(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Pipe = pipe(Config, Drv, Pids),
    {ok, 200} = alcove:fcntl(Drv, Pids, Pipe, 0, 200),
    {ok, 300} = alcove:fcntl(Drv, Pids, Pipe, 0, 300),
    lists:foreach(
        fun(Set) -> ?assertEqual({ok, [], Set, []}, alcove:select(Drv, Pids, Set, Set, [], [])) end,
        [[200], [300], [200, 300]]
    ).

select_refuses_what_is_not_open(Config) ->
    {Drv, Pids} = {?config(drv, Config), ?config(pids, Config)},
    Select = fun(Set, Wait) -> alcove:select(Drv, Pids, Set, [], [], Wait) end,
    Never = #alcove_timeval{sec = -1},
    [?assertEqual({error, ebadf}, Select(Set, ?POLL)) || Set <- [[999], [-1], [1024], [fd]]],
    ?assertEqual({error, einval}, Select([], Never)),
    ?assertError(badarg, Select([], {alcove_timeval, 1})).

%% A fifo is a pipe with a name; opened once, its descriptor is both ends.
pipe(Config, Drv, Pids) ->
    pipe(Config, Drv, Pids, "fifo").

pipe(Config, Drv, Pids, Name) ->
    Path = filename:join(?config(dir, Config), Name),
    ok = alcove:mkfifo(Drv, Pids, Path, 8#600),
    {ok, FD} = alcove:open(Drv, Pids, Path, [o_rdwr, o_nonblock, o_cloexec], 0),
    FD.

listen() ->
    {ok, Listen} = gen_tcp:listen(0, [binary, {ip, {127, 0, 0, 1}}, {active, false}]),
    {ok, Port} = inet:port(Listen),
    {Listen, Port}.

connected(Drv, Pids) ->
    {Listen, Port} = listen(),
    {ok, Socket} = alcove:socket(Drv, Pids, af_inet, sock_stream, 0),
    ok = alcove:connect(Drv, Pids, Socket, sockaddr_in(Port)),
    {ok, Peer} = gen_tcp:accept(Listen, ?LIMIT),
    ok = gen_tcp:close(Listen),
    {Socket, Peer}.

%% struct sockaddr_in; AF_INET is 2.
sockaddr_in(Port) ->
    [<<2:16/native, Port:16, 127, 0, 0, 1, 0:64>>].

%% struct sockaddr_un; AF_UNIX is 1. A path has 107 bytes at most.
sockaddr_un(Path) ->
    [<<1:16/native>>, list_to_binary(Path), <<0>>].

socket_path() ->
    Name = "alcove." ++ os:getpid() ++ "." ++ integer_to_list(erlang:unique_integer([positive])),
    filename:join("/tmp", Name).
