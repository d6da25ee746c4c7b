%% SPDX-License-Identifier: ISC

%% Records that travel to and from the port as tuples: their tags and the order
%% of their fields are part of the protocol.

-record(alcove_rlimit, {
    cur = 0 :: alcove:uint64_t(),
    max = 0 :: alcove:uint64_t()
}).

%% A child as its parent sees it. fdctl is -2 once the child has executed a program.
-record(alcove_pid, {
    pid = 0 :: alcove:pid_t(),
    flowcontrol = -1 :: alcove:int32_t(),
    signaloneof = 15 :: alcove:int32_t(),
    fdctl = -1 :: alcove:fd(),
    stdin = -1 :: alcove:fd(),
    stdout = -1 :: alcove:fd(),
    stderr = -1 :: alcove:fd()
}).

-record(alcove_timeval, {
    sec = 0 :: non_neg_integer(),
    usec = 0 :: non_neg_integer()
}).

-record(alcove_jail, {
    version = 2 :: alcove:uint32_t(),
    path = <<>> :: alcove:name(),
    hostname = <<>> :: alcove:name(),
    jailname = <<>> :: alcove:name(),
    ip4 = [] :: [inet:ip4_address()],
    ip6 = [] :: [inet:ip6_address()]
}).

%% Segments of a binary in network byte order.
-define(UINT16(N), (N):2/big-unsigned-integer-unit:8).
-define(UINT32(N), (N):4/big-unsigned-integer-unit:8).

%% Types of frames.
-define(ALCOVE_MSG_STDIN, 0).
-define(ALCOVE_MSG_STDOUT, 1).
-define(ALCOVE_MSG_STDERR, 2).
-define(ALCOVE_MSG_PROXY, 3).
-define(ALCOVE_MSG_CALL, 4).
-define(ALCOVE_MSG_EVENT, 5).
-define(ALCOVE_MSG_CTL, 6).
-define(ALCOVE_MSG_PIPE, 7).

%% The largest message to a port, its length and all headers included.
-define(ALCOVE_MAXMSG, 16#ffff).
