# SPDX-License-Identifier: ISC

defmodule SandboxTest do
  use ExUnit.Case

  # Root needs no sudo.
  @exec if System.cmd("id", ["-u"]) == {"0\n", 0}, do: "", else: "sudo -n"

  defp run(argv, options \\ []), do: Sandbox.run(argv, [{:exec, @exec} | options])

  test "a program has a host name of its own" do
    assert run(["uname", "-n"], hostname: "elixir") == {:ok, {:exit_status, 0}, "elixir\n"}
    refute System.cmd("uname", ["-n"]) == {"elixir\n", 0}
  end

  test "a program is process 1 and its end is told" do
    assert run(["sh", "-c", "echo $$; exit 7"]) == {:ok, {:exit_status, 7}, "1\n"}
  end

  test "a program reads its input to the end" do
    assert run(["wc", "-c"], input: String.duplicate("x", 1000)) ==
             {:ok, {:exit_status, 0}, "1000\n"}
  end

  test "a program that takes too long is killed" do
    assert run(["sleep", "1000"], timeout: 100) == {:error, :timeout}
  end
end
