%% SPDX-License-Identifier: ISC

%% How the modules of the application call each other.
-module(alcove_layers_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0]).
-export([
    modules_do_not_call_each_other_in_circles/1,
    pure_modules_call_no_others/1
]).

all() ->
    alcove_os:cases(?MODULE).

modules_do_not_call_each_other_in_circles(_Config) ->
    Components = query("components (ME || AM)"),
    ?assertNotEqual([], Components),
    ?assertEqual([], [Circle || [_, _ | _] = Circle <- Components]).

pure_modules_call_no_others(_Config) ->
    ?assertEqual(
        [
            {alcove_calls, [alcove_codec, alcove_proto]},
            {alcove_codec, [alcove_proto]},
            {alcove_frames, [alcove_codec, alcove_proto]},
            {alcove_proto, []}
        ],
        [
            {
                Module,
                lists:sort([To || {From, To} <- query("ME || AM"), From =:= Module, To =/= Module])
            }
         || Module <- [alcove_calls, alcove_codec, alcove_frames, alcove_proto]
        ]
    ).

%% A query of xref about the modules of the application and the calls between them.
query(Query) ->
    {ok, _} = xref:start(?MODULE),
    try
        xref:set_default(?MODULE, [{warnings, false}, {verbose, false}]),
        {ok, _} = xref:add_directory(?MODULE, filename:dirname(code:which(alcove))),
        {ok, Answer} = xref:q(?MODULE, Query),
        Answer
    after
        xref:stop(?MODULE)
    end.
