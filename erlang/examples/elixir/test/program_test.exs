# SPDX-License-Identifier: ISC

defmodule ProgramTest do
  use ExUnit.Case

  @guide Path.expand("../../../doc/supervised.md", __DIR__)

  test "what the guide shows is true" do
    blocks = Regex.scan(~r/^```elixir\n(.*?)^```/ms, File.read!(@guide), capture: :all_but_first)
    assert length(blocks) == 3
    for [code] <- blocks, do: Code.eval_string(code)
  end

  test "a program runs in one call" do
    assert {:ok, %{status: {:exit, 0}, stdout: "a\nb\n"}} =
             :alcove_run.run(["sort"], %{stdin: "b\na\n", timeout: 60_000})
  end

  test "a program is a child of a supervisor" do
    argv = ["sh", "-c", "echo ready; exec sleep 1000"]
    program = %{argv: argv, name: {:local, :daemon}, ready: {:output, "ready"}, output: {:logger, :debug}}
    {:ok, sup} = Supervisor.start_link([:alcove_program.child_spec(program)], strategy: :one_for_one)
    assert %{state: :running, os_pid: pid} = :alcove_program.info(:daemon)
    :ok = Supervisor.stop(sup)
    refute File.exists?("/proc/#{pid}")
  end

  test "the output of a program is a stream" do
    assert Enum.take(lines(["seq", "1", "1000000"]), 3) == ["1", "2", "3"]
    assert Enum.count(lines(["seq", "1", "1000"])) == 1000
  end

  defp lines(argv) do
    Stream.resource(
      fn ->
        {:ok, p} = :alcove_program.start_link(%{argv: argv, output: :passive, lines: true})
        p
      end,
      fn p ->
        case :alcove_program.read(p) do
          {:ok, :stdout, line} -> {[line], p}
          :eof -> {:halt, p}
        end
      end,
      &:alcove_program.stop/1
    )
  end
end
