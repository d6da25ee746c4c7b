%% SPDX-License-Identifier: ISC

%% @doc Programs that nobody trusts, run so that nothing gets out.
%%
%% ```
%% {ok, Sandbox} = alcove_sandbox:prepare(#{limits => #{cpu_time => 5, processes => 32}}),
%% {ok, #{status := {exit, 0}, stdout := <<"2\n">>}} =
%%     alcove_run:run(["python3", "-c", "print(1 + 1)"], #{sandbox => Sandbox, timeout => 5000}),
%% ok = alcove_sandbox:close(Sandbox).
%% '''
%%
%% A program in a sandbox has files, processes, a network, users and limits of its own. A sandbox is
%% prepared once; then a run takes little more than one without. Any number of programs can run in it,
%% one after the other or at a time. Each begins with nothing that another one has left.
%%
%% It works as root and as an ordinary user, whom most systems let have a user namespace. What
%% cannot be done is an error that names it: a program never runs with less than was described.
%%
%% <ul>
%% <li>what there can be: {@link supported/1}</li>
%% <li>sandboxes: {@link prepare/2}, {@link close/1}</li>
%% <li>programs: {@link alcove_run:run/2}, {@link alcove_program:start_link/1} with the option
%%   `sandbox'; {@link alcove_pool:start_link/1} has it for a pool below a supervisor</li>
%% </ul>
-module(alcove_sandbox).

-export([
    prepare/1, prepare/2,
    supported/1, supported/2,
    system/0,
    close/1
]).
-export([run/2]).

-export_type([
    sandbox/0,
    spec/0,
    view/0
]).

-type sandbox() :: pid().
%% A sandbox that was prepared.

-type spec() :: alcove_sandbox_spec:spec().
%% See {@link prepare/2}.

-type view() :: alcove_sandbox_spec:view().
%% `{From, To, Flags}' shows a file or a directory of the machine, with all that is mounted below it, at
%% another place; `{link, Text, To}' is a symbolic link. It can be read only, unless Flags have `rw'. No
%% file is setuid, and none is a device, unless Flags have `dev'. With `noexec' none is executed.

%% @equiv prepare(Spec, [])
-spec prepare(spec()) -> {ok, sandbox()} | {error, {alcove_job:step(), Reason :: term()}}.
prepare(Spec) ->
    prepare(Spec, []).

%% @doc Prepares a sandbox. It belongs to the caller, and ends when he does.
%%
%% The keys of Spec are:
%%
%% <dl>
%% <dt>`root'</dt>
%%   <dd>`{view, [View]}' for a new root directory that shows this; {@link system/0} by default.
%%   `{directory, Dir}' for a directory that can be read only, and so all mounts below it; `host' is that of
%%   the machine</dd>
%% <dt>`tmp'</dt>
%%   <dd>bytes of a file system in memory on `/tmp', 64 MiB by default; that on `/dev/shm' has as many.
%%   `none' for no `/tmp'</dd>
%% <dt>`proc'</dt><dd>`true' by default: `/proc' with the processes of the program and nothing else</dd>
%% <dt>`dev'</dt>
%%   <dd>`minimal' by default: null, zero, full, random, urandom and tty. `pts' adds pseudo terminals, of
%%   its own; `none'</dd>
%% <dt>`network'</dt>
%%   <dd>`none' by default; `loopback' for a 127.0.0.1 of its own; `host' for that of the machine, and with it
%%   the abstract sockets there</dd>
%% <dt>`hostname'</dt><dd>`"sandbox"' by default</dd>
%% <dt>`user'</dt>
%%   <dd>`unique' is a number that no other run has, the default of root. `nobody', `{Uid, Gid}', or
%%   `keep' for the user of the port. In a user namespace `nobody' is the default, and whoever it is inside, it
%%   is the user of the port outside, with his groups</dd>
%% <dt>`privileges'</dt>
%%   <dd>`auto' by default: those of root if the port has `cap_sys_admin' and the program has no
%%   `cap_sys_ptrace', else a user namespace. `root' or `user_namespace' insist</dd>
%% <dt>`capabilities'</dt><dd>a list of what the program has, `none' by default</dd>
%% <dt>`no_new_privs'</dt><dd>`true', always</dd>
%% <dt>`seccomp'</dt>
%%   <dd>`default' takes system calls away that programs can do without, and which are ways out.
%%   `{deny, Calls}', `{allow, Calls}' by their names, such as `ptrace'. Those that execute the program
%%   are always allowed. `none'</dd>
%% <dt>`limits'</dt>
%%   <dd>`memory' and `swap' in bytes, `processes' and `cpu_quota' (in processors, such as 0.5) of all of a
%%   program together. `cpu_time' in seconds, `open_files', `file_size' and `stack' in bytes of a
%%   process</dd>
%% <dt>`require'</dt>
%%   <dd>what must be there: `all' by default, a list, or `{except, List}', of `memory', `swap',
%%   `processes', `cpu_quota', `seccomp', `network' and `keyring'. The program goes without the others where
%%   the machine lacks them; memory is a limit of each process then. What has no name here is always
%%   required</dd>
%% </dl>
%%
%% DriverOptions are those of {@link alcove_drv:start/2}: `[{exec, "sudo -n"}]' for instance.
%%
%% Raises `{badarg, Key}' for an unknown key or a wrong value, before anything is done. An error names
%% the step that has failed, such as `{view, {<<"/data">>, enoent}}' or `{memory, eacces}'. It needs
%% Linux 5.12.
%%
%% ```
%% {ok, Sandbox} = alcove_sandbox:prepare(#{
%%     root => {view, alcove_sandbox:system() ++ [{"/srv/job", "/job", [rw, noexec]}]},
%%     limits => #{memory => 256 bsl 20, processes => 32, cpu_time => 10},
%%     require => {except, [memory]}
%% }, []).
%% '''
-spec prepare(spec(), [alcove_drv:option()]) ->
    {ok, sandbox()} | {error, {alcove_job:step(), Reason :: term()}}.
prepare(Spec, DriverOptions) ->
    pool(alcove_sandbox_spec:checked(Spec), DriverOptions).

pool(Checked, DriverOptions) ->
    alcove_pool:start(#{owner => self(), sandbox => Checked, driver_options => DriverOptions}).

%% @equiv supported(Spec, [])
-spec supported(spec()) -> alcove_sandbox_support:support().
supported(Spec) ->
    supported(Spec, []).

%% @doc Returns what this machine can do of a specification, and what to do about the rest.
%%
%% Everything is tried, each by itself. `sandbox' is the least that there is. `out_of_memory' tells if that
%% status is told; without it, it is `{signal, sigkill}', or what the program makes of it.
%%
%% ```
%% #{sandbox := ok, seccomp := ok, memory := {error, {{memory, eacces}, Advice}}} =
%%     alcove_sandbox:supported(#{limits => #{memory => 64 bsl 20}}).
%% '''
-spec supported(spec(), [alcove_drv:option()]) -> alcove_sandbox_support:support().
supported(Spec, DriverOptions) ->
    alcove_sandbox_support:supported(alcove_sandbox_spec:checked(Spec), DriverOptions).

%% @doc Returns views of the programs and libraries of the machine: `/usr', and where programs look for it.
%%
%% ```
%% [{link, <<"usr/bin">>, "/bin"}] = [View || {link, _, "/bin"} = View <- alcove_sandbox:system()].
%% '''
-spec system() -> [view()].
system() ->
    alcove_sandbox_spec:system().

%% @doc Ends a sandbox, with the programs that run in it.
%%
%% ```
%% ok = alcove_sandbox:close(Sandbox).
%% '''
-spec close(sandbox()) -> ok.
close(Sandbox) ->
    alcove_pool:stop(Sandbox).

%% @private
-spec run(sandbox() | alcove_sandbox_spec:checked(), alcove_job:spec()) ->
    {ok, alcove_run:result()} | {error, term()}.
run(Sandbox, Spec) when is_pid(Sandbox) ->
    alcove_pool:run(Sandbox, Spec);
run(Checked, Spec) ->
    case pool(Checked, []) of
        {ok, Sandbox} ->
            Result = alcove_pool:run(Sandbox, Spec),
            ok = close(Sandbox),
            Result;
        {error, _} = Error ->
            Error
    end.
