%% SPDX-License-Identifier: ISC

%% @doc Instructions of a seccomp filter.
%%
%% A filter is a program for the classic BPF machine of the kernel, eight bytes an
%% instruction. Build one with the macros of
%% `-include_lib("alcove/include/alcove_seccomp.hrl")' and hand it to {@link alcove:prctl/7}
%% or {@link alcove:seccomp/5}:
%%
%% ```
%% Filter = [
%%     ?VALIDATE_ARCHITECTURE(alcove:define(Drv, [], alcove:audit_arch())),
%%     ?EXAMINE_SYSCALL,
%%     [?ALLOW_SYSCALL(alcove:define(Drv, [], Call)) || Call <- Allowed],
%%     ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_KILL)
%% ],
%% Program = [
%%     <<(iolist_size(Filter) div 8):2/native-unsigned-integer-unit:8>>,
%%     <<0:(alcove:wordalign(2) * 8)>>,
%%     {ptr, iolist_to_binary(Filter)}
%% ],
%% {ok, _, _, _, _, _} = alcove:prctl(Drv, [Pid], pr_set_no_new_privs, 1, 0, 0, 0),
%% ok = alcove:seccomp(Drv, [Pid], seccomp_set_mode_filter, 0, Program).
%% '''
%%
%% See seccomp(2) and the kernel's documentation of socket filters.
-module(alcove_seccomp).

-include("alcove_seccomp.hrl").

-export([
    insn/1,
    stmt/2,
    jump/4,
    offset/1
]).

-export_type([
    insn/0
]).

-type insn() :: #alcove_insn{}.
%% An instruction taken apart.

%% @doc Converts an instruction between its record and the eight bytes that the kernel
%% reads, which are in the byte order of the machine.
%%
%% Raises `function_clause' for anything else.
%%
%% ```
%% 1> rr(alcove_seccomp).
%% [alcove_insn,alcove_seccomp_data]
%% 2> alcove_seccomp:insn(#alcove_insn{code = 6, k = 16#7fff0000}).
%% <<6,0,0,0,0,0,255,127>>
%% 3> alcove_seccomp:insn(<<6,0,0,0,0,0,255,127>>).
%% #alcove_insn{code = 6,jt = 0,jf = 0,k = 2147418112}
%% '''
-spec insn(insn() | <<_:64>>) -> <<_:64>> | insn().
insn(#alcove_insn{code = Code, jt = JT, jf = JF, k = K}) when
    is_integer(Code), is_integer(JT), is_integer(JF), is_integer(K)
->
    <<Code:16/native, JT:8, JF:8, K:32/native>>;
insn(<<Code:16/native, JT:8, JF:8, K:32/native>>) ->
    #alcove_insn{code = Code, jt = JT, jf = JF, k = K}.

%% @doc Returns an instruction that goes on with the next one. The macro `?BPF_STMT' stands for it.
%%
%% Numbers that do not fit lose their upper bits; anything but an integer raises
%% `function_clause'.
-spec stmt(Code :: integer(), K :: integer()) -> <<_:64>>.
stmt(Code, K) ->
    jump(Code, K, 0, 0).

%% @doc Returns an instruction that skips JT instructions when its test holds, else JF. The macro
%% `?BPF_JUMP' stands for it.
%%
%% ```
%% 1> alcove_seccomp:jump(16#15, 1, 2, 3).
%% <<21,0,2,3,1,0,0,0>>
%% '''
-spec jump(Code :: integer(), K :: integer(), JT :: integer(), JF :: integer()) -> <<_:64>>.
jump(Code, K, JT, JF) when is_integer(Code), is_integer(K), is_integer(JT), is_integer(JF) ->
    <<Code:16/native, JT:8, JF:8, K:32/native>>.

%% @doc Names of the sizes of a load and their codes, in both directions.
-spec offset
    (word) -> 16#00;
    (halfword) -> 16#08;
    (byte) -> 16#10;
    (16#00) -> word;
    (16#08) -> halfword;
    (16#10) -> byte.
offset(word) -> ?BPF_W;
offset(halfword) -> ?BPF_H;
offset(byte) -> ?BPF_B;
offset(?BPF_W) -> word;
offset(?BPF_H) -> halfword;
offset(?BPF_B) -> byte.
