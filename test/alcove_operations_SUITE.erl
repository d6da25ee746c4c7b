%% SPDX-License-Identifier: ISC

%% What the page for operators shows and no session can run.
-module(alcove_operations_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0]).
-export([
    unit_is_one_that_systemd_takes/1,
    rule_is_one_that_sudo_takes/1,
    no_new_privileges_is_the_end_of_sudo/1,
    messages_of_the_log_are_explained/1
]).

all() ->
    alcove_os:cases(?MODULE).

page() ->
    filename:join([alcove_md:root(), "erlang", "doc", "operations.md"]).

dir(Config) ->
    proplists:get_value(priv_dir, Config).

%% Goes on with a program that not every machine has.
with(Program, Fun) ->
    case os:find_executable(Program, os:getenv("PATH") ++ ":/usr/sbin:/sbin") of
        false -> {skip, Program ++ " is not installed"};
        Path -> Fun(Path)
    end.

%% The command of the unit has to exist.
unit_is_one_that_systemd_takes(Config) ->
    with("systemd-analyze", fun(Analyze) ->
        [Unit] = alcove_md:blocks(page(), "ini"),
        App = alcove_ct:script(Config, "app", "exit 0\n"),
        Verify = fun(Text) ->
            Installed = string:replace(Text, "/opt/app/bin/app", [$", App, $"]),
            ok = file:write_file(filename:join(dir(Config), "app.service"), Installed),
            alcove_md:sh(dir(Config), [Analyze, " verify --man=no ./app.service"])
        end,
        ?assertEqual({0, ""}, Verify(Unit)),
        % that anything is checked
        {_, Complaint} = Verify(string:replace(Unit, "KillMode=mixed", "KillMod=mixed")),
        ?assertNotEqual(nomatch, string:find(Complaint, "KillMod"), Complaint)
    end).

rule_is_one_that_sudo_takes(Config) ->
    with("visudo", fun(Visudo) ->
        [Rule] = alcove_md:blocks(page(), "sudoers"),
        File = filename:join(dir(Config), "rule"),
        Check = fun(Text) ->
            ok = file:write_file(File, Text),
            ok = file:change_mode(File, 8#440),
            {Status, _} = alcove_md:sh(dir(Config), [Visudo, " -c -f rule"]),
            ok = file:delete(File),
            Status
        end,
        ?assertEqual(0, Check(Rule)),
        ?assertNotEqual(0, Check(string:replace(Rule, "NOPASSWD:", "NOPASSWRD:")))
    end).

no_new_privileges_is_the_end_of_sudo(Config) ->
    with("sudo", fun(_) ->
        with("setpriv", fun(_) ->
            % root needs no sudo
            User = "[ $(id -u) != 0 ] || set -- --reuid=65534 --regid=65534 --clear-groups;",
            Sudo = " LC_ALL=C setpriv --no-new-privs \"$@\" sudo -n true",
            {Status, Said} = alcove_md:sh(dir(Config), [User, Sudo]),
            ?assertEqual(1, Status),
            ?assertNotEqual(nomatch, string:find(Said, "no new privileges"), Said)
        end)
    end).

%% The beginning of each, without what differs.
messages_of_the_log_are_explained(_Config) ->
    Sources = filelib:wildcard(filename:join([alcove_md:root(), "erlang", "src", "*.erl"])),
    Pattern = "\"alcove: ([^\"]+)\"",
    Messages = [Text || Source <- Sources, Text <- alcove_md:captured(Source, Pattern)],
    ?assert(length(Messages) >= 6),
    {ok, Page} = file:read_file(page()),
    Begins = [hd(re:split(Message, "~[0-9]*t?[spPb]", [{return, list}])) || Message <- Messages],
    % one that is made of other words only is explained by those
    Missing = [Begin || Begin <- Begins, string:find(Page, ["`", string:trim(Begin)]) =:= nomatch],
    ?assertEqual([], Missing).
