%% SPDX-License-Identifier: ISC

%% Compares a run in a prepared sandbox with one in bubblewrap, which gets the same view, devices,
%% namespaces, limits of rights and the same filter. Run by alcove_bench.
-module(alcove_sandbox_bench).

-export([main/0]).

-define(RUNS, 40).
-define(ROUNDS, 5).

-define(PATH, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").

%% In turns, and then each of them for a while as fast as it can.
-spec main() -> ok.
main() ->
    case os:find_executable("bwrap") of
        false ->
            io:format("~nno bubblewrap~n");
        Bwrap ->
            % bubblewrap always has an interface lo
            {ok, Sandbox} = alcove_sandbox:prepare(#{network => loopback}, []),
            {ok, Default} = alcove_sandbox:prepare(#{}, []),
            ok = beside(Sandbox, Default, Bwrap),
            ok = alcove_sandbox:close(Default),
            ok = alcove_sandbox:close(Sandbox)
    end.

beside(Sandbox, Default, Bwrap) ->
    Filter = filename:absname("_build/bench/filter"),
    ok = filelib:ensure_dir(Filter),
    ok = file:write_file(Filter, filter()),
    Words = bubblewrap(),
    In = fun(Argv) -> through_shell(Filter, [Bwrap | Words] ++ ["--seccomp", "3", "--" | Argv]) end,
    Same = output_of(Sandbox),
    {Same, Same} = {Same, normal(In(["/bin/sh", "-c", probe()]))},
    Run = fun(Which) ->
        fun() -> {ok, #{status := {exit, 0}}} = alcove_run:run(["/bin/true"], #{sandbox => Which}) end
    end,
    Means = [
        {"alcove_run", Run(Sandbox)},
        {"alcove_run, no interface lo", Run(Default)},
        {"bubblewrap by open_port", fun() -> <<>> = In(["/bin/true"]) end},
        {"bubblewrap, no filter, no shell", fun() ->
            <<>> = through_port(Bwrap, Words ++ ["--", "/bin/true"])
        end}
    ],
    ok = alcove_bench:in_turn("/bin/true in a sandbox", 201, "us", Means),
    [
        alcove_bench:row({["in a sandbox, ", How, ", ", Name], Rates}, (?ROUNDS + 1) div 2)
     || {How, Workers} <- [{"one after the other", 1}, {"eight at a time", 8}],
        {Name, Rates} <- rates(Workers, Means)
    ],
    ok.

%% The rounds of the one lie between those of the other.
rates(Workers, Means) ->
    Round = fun(_) -> [{rate(Workers, Fun), "a second"} || {_, Fun} <- Means] end,
    Rounds = lists:map(Round, lists:seq(1, ?ROUNDS)),
    lists:zip([Name || {Name, _} <- Means], alcove_bench:transpose(Rounds)).

rate(Workers, Fun) ->
    Work = fun() -> [Fun() || _ <- lists:seq(1, ?RUNS)] end,
    {Time, ok} = timer:tc(fun() -> together(Workers, Work) end),
    Workers * ?RUNS * 1000000 / Time.

together(Workers, Fun) ->
    Started = [spawn_monitor(Fun) || _ <- lists:seq(1, Workers)],
    lists:foreach(
        fun({Pid, Ref}) ->
            receive
                {'DOWN', Ref, process, Pid, normal} -> ok
            end
        end,
        Started
    ).

%% The words of bubblewrap for the same.
bubblewrap() ->
    Nodes = [
        ["--dev-bind", "/dev/" ++ Name, "/dev/" ++ Name]
     || Name <- ["null", "zero", "full", "random", "urandom", "tty"]
    ],
    Links = [
        ["--symlink", To, "/dev/" ++ Name]
     || {Name, To} <- [
            {"fd", "/proc/self/fd"},
            {"stdin", "/proc/self/fd/0"},
            {"stdout", "/proc/self/fd/1"},
            {"stderr", "/proc/self/fd/2"}
        ]
    ],
    ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup", "--unshare-net"] ++
        ["--hostname", "sandbox", "--new-session", "--cap-drop", "ALL", "--chdir", "/"] ++
        ["--clearenv", "--setenv", "PATH", ?PATH] ++
        lists:append([view(View) || View <- alcove_sandbox_spec:system()]) ++
        ["--proc", "/proc", "--size", "65536", "--tmpfs", "/dev"] ++
        lists:append(Nodes ++ Links) ++
        ["--size", size(), "--tmpfs", "/dev/shm", "--size", size(), "--tmpfs", "/tmp"] ++
        ["--remount-ro", "/dev", "--remount-ro", "/"].

size() -> integer_to_list(64 bsl 20).

view({link, Text, To}) -> ["--symlink", Text, To];
view({From, To, [ro]}) -> ["--ro-bind", From, To].

%% The filter as the sandbox has it, without the length in front.
filter() ->
    {ok, Drv} = alcove_drv:start([]),
    true = alcove_linux:extend(Drv, []),
    Conditions = #{capabilities => [], writable => false, guarded => false},
    {ok, [_, _, {ptr, Filter}]} = alcove_sandbox_seccomp:filter(Drv, [], default, Conditions),
    ok = alcove_drv:stop(Drv),
    Filter.

%% A shell opens the filter and becomes bubblewrap.
through_shell(Filter, Argv) ->
    through_port("/bin/sh", ["-c", "exec \"$@\" 3<\"$0\"", Filter | Argv]).

through_port(Program, Args) ->
    Options = [{args, Args}, exit_status, binary],
    collected(open_port({spawn_executable, Program}, Options), []).

collected(Port, Pieces) ->
    receive
        {Port, {data, Data}} -> collected(Port, [Data | Pieces]);
        {Port, {exit_status, 0}} -> iolist_to_binary(lists:reverse(Pieces));
        {Port, {exit_status, Status}} -> error({exit_status, Status})
    end.

%% Both do the same: names, rights, namespaces, and file systems.
probe() ->
    "ls -A / /etc /usr /dev; uname -n; pwd; env | sort;"
    "grep -E '^(NoNewPrivs|Seccomp|CapEff)' /proc/self/status;"
    "for n in mnt pid ipc uts cgroup net; do readlink /proc/self/ns/$n; done;"
    "stat -f -c '%T %b' /tmp /dev/shm /dev /proc /usr; tail -n +3 /proc/self/net/dev;"
    "touch /x /usr/x /dev/x 2>&1; true".

output_of(Sandbox) ->
    {ok, #{stdout := Out}} = alcove_run:run(["/bin/sh", "-c", probe()], #{sandbox => Sandbox}),
    normal(Out).

%% Namespaces are others than those of the machine, whatever their numbers.
normal(Out) ->
    Names = ["mnt", "pid", "ipc", "uts", "cgroup", "net"],
    Own = [element(2, file:read_link("/proc/self/ns/" ++ Name)) || Name <- Names],
    [
        case string:split(Line, ":[") of
            [Kind, _] -> {Kind, lists:member(binary_to_list(Line), Own)};
            [_] -> Line
        end
     || Line <- string:lexemes(Out, "\n")
    ].
