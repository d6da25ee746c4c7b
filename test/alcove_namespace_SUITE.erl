%% SPDX-License-Identifier: ISC

%% Namespaces: what a process in one sees, what others see, and the ways in.
-module(alcove_namespace_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").
-include_lib("alcove/include/alcove.hrl").

-export([all/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    host_name_of_a_uts_namespace_is_its_own/1,
    process_enters_the_namespace_of_another/1,
    namespace_of_another_type_is_refused/1,
    first_process_of_a_pid_namespace_is_1/1,
    processes_of_a_pid_namespace_end_with_its_first/1,
    pid_namespace_is_entered_by_later_children/1,
    proc_of_a_pid_namespace_lists_its_processes/1,
    loopback_of_a_net_namespace_is_not_that_of_the_system/1,
    frames_pass_through_a_tap_device_of_a_net_namespace/1,
    message_queue_of_an_ipc_namespace_is_not_seen_outside/1,
    clock_of_a_time_namespace_is_set_before_it_is_entered/1,
    clone_makes_a_time_namespace/1,
    root_of_a_user_namespace_needs_no_rights_outside/1,
    port_itself_enters_a_user_namespace_of_its_own/1,
    port_itself_enters_the_user_and_mount_namespaces_of_a_child/1,
    several_namespaces_are_made_at_once/1
]).

-define(LIMIT, 30000).

all() ->
    alcove_os:cases(?MODULE).

init_per_testcase(Case, Config) ->
    case alcove_os:rooted(Config, capabilities(Case)) of
        {skip, _} = Skip ->
            Skip;
        Rooted ->
            Drv = alcove_ct:start(?config(port, Rooted)),
            [{drv, Drv}, {dir, alcove_os:tree(Config, Case)} | Config]
    end.

capabilities(frames_pass_through_a_tap_device_of_a_net_namespace) -> [cap_net_admin, cap_mknod];
capabilities(root_of_a_user_namespace_needs_no_rights_outside) -> [];
capabilities(port_itself_enters_the_user_and_mount_namespaces_of_a_child) ->
    [cap_setuid, cap_setgid];
capabilities(_) -> [cap_sys_admin].

end_per_testcase(_Case, Config) ->
    alcove_ct:stop(?config(drv, Config)).

host_name_of_a_uts_namespace_is_its_own(Config) ->
    Drv = ?config(drv, Config),
    {ok, Outside} = alcove:gethostname(Drv, []),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newuts]),
    ok = alcove:sethostname(Drv, [Pid], "inside"),
    ?assertEqual({ok, <<"inside">>}, alcove:gethostname(Drv, [Pid])),
    ?assertEqual({ok, Outside}, alcove:gethostname(Drv, [])),
    ?assertEqual(
        {{exit_status, 0}, <<"inside\n">>, <<>>}, alcove_os:run(Drv, [Pid], ["uname", "-n"])
    ).

%% The two processes are siblings; the descriptor of the namespace is all that the second needs.
process_enters_the_namespace_of_another(Config) ->
    Drv = ?config(drv, Config),
    {ok, Owner} = alcove:clone(Drv, [], [clone_newuts]),
    {ok, Visitor} = alcove:fork(Drv, []),
    FD = namespace(Drv, [Visitor], Owner, "uts"),
    ok = alcove:setns(Drv, [Visitor], FD, clone_newuts),
    ok = alcove:sethostname(Drv, [Owner], "shared"),
    ?assertEqual({ok, <<"shared">>}, alcove:gethostname(Drv, [Visitor])),
    ?assertNotEqual({ok, <<"shared">>}, alcove:gethostname(Drv, [])).

namespace_of_another_type_is_refused(Config) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newuts]),
    FD = namespace(Drv, [Pid], Pid, "uts"),
    {ok, File} = alcove:open(Drv, [Pid], "/dev/null", [o_rdonly], 0),
    ?assertEqual({error, einval}, alcove:setns(Drv, [Pid], FD, clone_newnet)),
    ?assertEqual({error, einval}, alcove:setns(Drv, [Pid], File, 0)),
    ?assertEqual({error, ebadf}, alcove:setns(Drv, [Pid], 999, 0)),
    ?assertEqual({error, enotsup}, alcove:setns(Drv, [Pid], FD, clone_newmoon)),
    ?assertEqual(ok, alcove:setns(Drv, [Pid], FD, 0)).

%% In the namespace pids are counted anew, and the pipeline names them so.
first_process_of_a_pid_namespace_is_1(Config) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newpid]),
    ?assertEqual(1, alcove:getpid(Drv, [Pid])),
    ?assertEqual({ok, 2}, alcove:fork(Drv, [Pid])),
    ?assertEqual(2, alcove:getpid(Drv, [Pid, 2])),
    ?assertMatch([#alcove_pid{pid = 2}], alcove:cpid(Drv, [Pid])),
    ok = alcove:kill(Drv, [Pid], 2, sigkill),
    ?assertEqual({termsig, sigkill}, alcove:event(Drv, [Pid, 2], ?LIMIT)).

%% The kernel reports the end of the first process after that of the others: a fifo that the
%% grandchild had open is at its end by then.
processes_of_a_pid_namespace_end_with_its_first(Config) ->
    Drv = ?config(drv, Config),
    Fifo = filename:join(?config(dir, Config), "fifo"),
    ok = alcove:mkfifo(Drv, [], Fifo, 8#600),
    {ok, FD} = alcove:open(Drv, [], Fifo, [o_rdonly, o_nonblock, o_cloexec], 0),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newpid]),
    {ok, Child} = alcove:fork(Drv, [Pid]),
    {ok, _} = alcove:open(Drv, [Pid, Child], Fifo, [o_wronly], 0),
    alcove_os:execute(Drv, [Pid, Child], ["cat"]),
    ?assertEqual({error, eagain}, alcove:read(Drv, [], FD, 1)),
    ok = alcove:kill(Drv, [], Pid, sigkill),
    ?assertEqual({termsig, sigkill}, alcove:event(Drv, [Pid], ?LIMIT)),
    ?assertEqual({ok, <<>>}, alcove:read(Drv, [], FD, 1)).

pid_namespace_is_entered_by_later_children(Config) ->
    Drv = ?config(drv, Config),
    {ok, Owner} = alcove:clone(Drv, [], [clone_newpid]),
    {ok, Visitor} = alcove:fork(Drv, []),
    FD = namespace(Drv, [Visitor], Owner, "pid"),
    ok = alcove:setns(Drv, [Visitor], FD, clone_newpid),
    ?assertEqual(Visitor, alcove:getpid(Drv, [Visitor])),
    {ok, Child} = alcove:fork(Drv, [Visitor]),
    ?assertEqual(2, alcove:getpid(Drv, [Visitor, Child])),
    ?assertEqual(ok, alcove:kill(Drv, [Owner], 2, 0)),
    ok = alcove:exit(Drv, [Visitor, Child], 3),
    ?assertEqual({exit_status, 3}, alcove:event(Drv, [Visitor, Child], ?LIMIT)).

proc_of_a_pid_namespace_lists_its_processes(Config) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newpid, clone_newns]),
    ok = alcove:mount(Drv, [Pid], "none", "/", "", [ms_rec, ms_private], "", ""),
    ok = alcove:mount(Drv, [Pid], "proc", "/proc", "proc", [], "", ""),
    {ok, 2} = alcove:fork(Drv, [Pid]),
    ?assertEqual([<<"1">>, <<"2">>], [
        Name
     || <<Digit, _/binary>> = Name <- alcove_os:names(Drv, [Pid], "/proc"),
        Digit >= $0,
        Digit =< $9
    ]).

%% A new namespace has a loopback device of its own, and that is down.
loopback_of_a_net_namespace_is_not_that_of_the_system(Config) ->
    Drv = ?config(drv, Config),
    {ok, Listen} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listen),
    {ok, Inside} = alcove:clone(Drv, [], [clone_newnet]),
    {ok, Outside} = alcove:fork(Drv, []),
    ?assertEqual(ok, connect(Drv, [Outside], {127, 0, 0, 1}, Port)),
    ?assertEqual({error, enetunreach}, connect(Drv, [Inside], {127, 0, 0, 1}, Port)),
    ok = gen_tcp:close(Listen).

connect(Drv, Pids, Address, Port) ->
    {ok, Socket} = alcove:socket(Drv, Pids, af_inet, sock_stream, 0),
    alcove:connect(Drv, Pids, Socket, [sockaddr_in(Address, Port)]).

sockaddr_in({A, B, C, D}, Port) ->
    <<2:16/native, Port:16, A, B, C, D, 0:64>>.

%% The other end of the cable is a descriptor: a question about an address (ARP) goes in, the
%% answer of the kernel comes out.
frames_pass_through_a_tap_device_of_a_net_namespace(Config) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newnet]),
    case open_tun(Drv, [Pid], filename:join(?config(dir, Config), "tun")) of
        {ok, Tap} ->
            Name = tap_device(Drv, [Pid], Tap),
            ?assertEqual(<<"tap0">>, Name),
            ?assert(lists:member(Name, devices(Drv, [Pid]))),
            ?assertNot(lists:member(Name, devices(Drv, []))),
            Mac = bring_up(Drv, [Pid], Name, {10, 9, 8, 1}),
            ?assertEqual(Mac, who_has(Drv, [Pid], Tap, {10, 9, 8, 1}));
        {error, enodev} ->
            {skip, "the kernel has no tun driver"}
    end.

%% Where the device file is missing it is made.
open_tun(Drv, Pids, Path) ->
    case alcove:open(Drv, Pids, "/dev/net/tun", [o_rdwr, o_cloexec], 0) of
        {error, enoent} ->
            Mknod = ["mknod", Path, "c", "10", "200"],
            {{exit_status, 0}, <<>>, <<>>} = alcove_os:run(Drv, Pids, Mknod),
            alcove:open(Drv, Pids, Path, [o_rdwr, o_cloexec], 0);
        Opened ->
            Opened
    end.

%% IFF_TAP and IFF_NO_PI of linux/if_tun.h.
tap_device(Drv, Pids, Tap) ->
    {ok, 0, <<Name:16/binary, _/binary>>} =
        alcove:ioctl(Drv, Pids, Tap, tunsetiff, ifreq(<<"tap%d">>, <<16#1002:16/native>>)),
    hd(binary:split(Name, <<0>>)).

%% struct ifreq: a name and a union.
ifreq(Name, Value) ->
    Padding = 40 - 16 - byte_size(Value),
    <<Name/binary, 0:(16 - byte_size(Name))/unit:8, Value/binary, 0:Padding/unit:8>>.

devices(Drv, Pids) ->
    Text = alcove_os:read_file(Drv, Pids, "/proc/self/net/dev"),
    {match, Names} = re:run(Text, "^\\s*(\\S+):", [
        global, multiline, {capture, all_but_first, binary}
    ]),
    lists:append(Names).

%% IFF_UP and IFF_RUNNING of net/if.h. The hardware address is in a struct sockaddr.
bring_up(Drv, Pids, Name, Address) ->
    {ok, Socket} = alcove:socket(Drv, Pids, af_inet, sock_dgram, 0),
    Ioctl = fun(Request, Value) ->
        {ok, 0, <<_:16/binary, Result/binary>>} =
            alcove:ioctl(Drv, Pids, Socket, Request, ifreq(Name, Value)),
        Result
    end,
    _ = Ioctl(siocsifaddr, sockaddr_in(Address, 0)),
    _ = Ioctl(siocsifflags, <<16#41:16/native>>),
    <<1:16/native, Mac:6/binary, _/binary>> = Ioctl(siocgifhwaddr, <<>>),
    ok = alcove:close(Drv, Pids, Socket),
    Mac.

%% The type of the frame and what ARP says of hardware and protocol.
-define(ARP, 16#0806:16, 1:16, 16#0800:16, 6, 4).

who_has(Drv, Pids, Tap, {A, B, C, D}) ->
    Us = 16#020000000001,
    Question = <<-1:48, Us:48, ?ARP, 1:16, Us:48, 10, 9, 8, 2, 0:48, A, B, C, D>>,
    {ok, 42} = alcove:write(Drv, Pids, Tap, Question),
    answer(Drv, Pids, Tap, <<A, B, C, D>>).

%% The kernel has more to say, on IPv6.
answer(Drv, Pids, Tap, Address) ->
    Wait = #alcove_timeval{sec = 20},
    {ok, [Tap], [], []} = alcove:select(Drv, Pids, [Tap], [], [], Wait),
    case alcove:read(Drv, Pids, Tap, 2048) of
        {ok, <<_:48, Mac:6/binary, ?ARP, 2:16, Mac:6/binary, Address:4/binary, _/binary>>} ->
            Mac;
        {ok, _} ->
            answer(Drv, Pids, Tap, Address)
    end.

message_queue_of_an_ipc_namespace_is_not_seen_outside(Config) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newipc]),
    {{exit_status, 0}, _, <<>>} = alcove_os:run(Drv, [Pid], ["ipcmk", "-Q"]),
    Queues = fun(Pids) ->
        length(binary:matches(alcove_os:read_file(Drv, Pids, "/proc/sysvipc/msg"), <<"\n">>)) - 1
    end,
    {ok, Fresh} = alcove:clone(Drv, [], [clone_newipc]),
    ?assertEqual({1, 0}, {Queues([Pid]), Queues([Fresh])}).

%% The machine has been up for ten days more there.
clock_of_a_time_namespace_is_set_before_it_is_entered(Config) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:unshare(Drv, [Pid], [clone_newtime]),
    ok = alcove_os:write_file(Drv, [Pid], "/proc/self/timens_offsets", "boottime 864000 0"),
    {ok, Child} = alcove:fork(Drv, [Pid]),
    ?assertEqual(10, days(Drv, [Pid, Child]) - days(Drv, [Pid])).

days(Drv, Pids) ->
    [Seconds | _] = binary:split(alcove_os:read_file(Drv, Pids, "/proc/uptime"), <<".">>),
    binary_to_integer(Seconds) div 86400.

%% The flag lies where clone(2) keeps the exit signal.
clone_makes_a_time_namespace(Config) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newtime, clone_newuts]),
    {ok, Sibling} = alcove:fork(Drv, []),
    ?assertNotEqual(same, compare(Drv, Pid, "time")),
    ?assertEqual(same, compare(Drv, Sibling, "time")),
    ok = alcove:exit(Drv, [Pid], 7),
    ?assertEqual({exit_status, 7}, alcove:event(Drv, [Pid], ?LIMIT)).

%% The number in the link of a namespace names it.
compare(Drv, Pid, Type) ->
    Names = [alcove_os:readlink(Drv, [], ns(Who, Type)) || Who <- [alcove:getpid(Drv, []), Pid]],
    case Names of
        [Same, Same] -> same;
        Different -> Different
    end.

%% A process that was nobody, or an ordinary user, is root of a host with a name of its own.
root_of_a_user_namespace_needs_no_rights_outside(Config) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:fork(Drv, []),
    _ = [become_nobody(Drv, [Pid]) || alcove:getuid(Drv, [Pid]) =:= 0],
    Ids = {alcove:getuid(Drv, [Pid]), alcove:getgid(Drv, [Pid])},
    ?assertEqual({error, eperm}, alcove:unshare(Drv, [Pid], [clone_newuts])),
    ok = alcove:unshare(Drv, [Pid], [clone_newuser, clone_newuts, clone_newns]),
    map_root_to(Drv, [Pid], Ids),
    ?assertEqual({0, 0}, {alcove:getuid(Drv, [Pid]), alcove:getgid(Drv, [Pid])}),
    ?assertEqual(ok, alcove:sethostname(Drv, [Pid], "mine")),
    ?assertEqual(ok, alcove:mount(Drv, [Pid], "none", "/tmp", "tmpfs", [], "", "")),
    ?assertEqual(ok, alcove_os:write_file(Drv, [Pid], "/tmp/file", "text")),
    ?assertEqual({error, einval}, alcove:setuid(Drv, [Pid], 1000)),
    ?assertEqual(
        {{exit_status, 0}, <<"0\n">>, <<>>}, alcove_os:run(Drv, [Pid], ["id", "-u"])
    ).

become_nobody(Drv, Pids) ->
    ok = alcove:setgroups(Drv, Pids, []),
    ok = alcove:setgid(Drv, Pids, 65534),
    ok = alcove:setuid(Drv, Pids, 65534),
    % a change of user takes the files in /proc/self away
    {ok, 0, _, _, _, _} = alcove:prctl(Drv, Pids, pr_set_dumpable, 1, 0, 0, 0).

%% One id is mapped, which needs no rights outside; groups have to be given up for it.
map_root_to(Drv, Pids, {Uid, Gid}) ->
    ok = alcove_os:write_file(Drv, Pids, "/proc/self/setgroups", "deny"),
    ok = alcove_os:write_file(Drv, Pids, "/proc/self/uid_map", one(Uid)),
    ok = alcove_os:write_file(Drv, Pids, "/proc/self/gid_map", one(Gid)).

one(Id) ->
    ["0 ", integer_to_list(Id), " 1"].

%% The kernel refuses this to a process with two threads.
port_itself_enters_a_user_namespace_of_its_own(Config) ->
    Drv = ?config(drv, Config),
    Ids = {alcove:getuid(Drv, []), alcove:getgid(Drv, [])},
    Name = alcove:gethostname(Drv, []),
    ok = alcove:unshare(Drv, [], [clone_newuser]),
    ?assertEqual(65534, alcove:getuid(Drv, [])),
    ?assertEqual({error, eperm}, alcove:sethostname(Drv, [], "theirs")),
    map_root_to(Drv, [], Ids),
    ?assertEqual(0, alcove:getuid(Drv, [])),
    ok = alcove:unshare(Drv, [], [clone_newuts]),
    ?assertEqual(ok, alcove:sethostname(Drv, [], "ours")),
    ?assertNotEqual(Name, alcove:gethostname(Drv, [])),
    {ok, Pid} = alcove:fork(Drv, []),
    ?assertEqual({ok, <<"ours">>}, alcove:gethostname(Drv, [Pid])).

%% First the user namespace, which gives the right to enter the other.
port_itself_enters_the_user_and_mount_namespaces_of_a_child(Config) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:clone(Drv, [], [clone_newuser, clone_newns]),
    [
        ok = alcove_os:write_file(Drv, [], ["/proc/", integer_to_list(Pid), Map], "0 100000 10")
     || Map <- ["/uid_map", "/gid_map"]
    ],
    ok = alcove:setresgid(Drv, [Pid], 0, 0, 0),
    ok = alcove:setresuid(Drv, [Pid], 0, 0, 0),
    ok = alcove:mount(Drv, [Pid], "none", "/tmp", "tmpfs", [], "", ""),
    ok = alcove_os:write_file(Drv, [Pid], "/tmp/file", "text"),
    [User, Mount] = [namespace(Drv, [], Pid, Type) || Type <- ["user", "mnt"]],
    ?assertEqual(ok, alcove:setns(Drv, [], User, clone_newuser)),
    ?assertEqual(ok, alcove:setns(Drv, [], Mount, clone_newns)),
    ?assertEqual(<<"text">>, alcove_os:read_file(Drv, [], "/tmp/file")),
    ?assertEqual([<<"file">>], alcove_os:names(Drv, [], "/tmp")),
    ?assertNot(filelib:is_regular("/tmp/file")).

several_namespaces_are_made_at_once(Config) ->
    Drv = ?config(drv, Config),
    Types = ["ipc", "net", "mnt", "pid", "uts"],
    {ok, Pid} = alcove:clone(Drv, [], [
        clone_newipc, clone_newnet, clone_newns, clone_newpid, clone_newuts
    ]),
    ?assertEqual([], [Type || Type <- Types, compare(Drv, Pid, Type) =:= same]),
    ?assertEqual(same, compare(Drv, Pid, "user")).

%% A descriptor of a namespace of a process.
namespace(Drv, Pids, Pid, Type) ->
    {ok, FD} = alcove:open(Drv, Pids, ns(Pid, Type), [o_rdonly, o_cloexec], 0),
    FD.

ns(Pid, Type) ->
    ["/proc/", integer_to_list(Pid), "/ns/", Type].
