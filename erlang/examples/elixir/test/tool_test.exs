# SPDX-License-Identifier: ISC

defmodule ToolTest do
  use ExUnit.Case

  @guide Path.expand("../../../doc/sandbox.md", __DIR__)

  test "what the guide shows is true" do
    blocks = Regex.scan(~r/^```elixir\n(.*?)^```/ms, File.read!(@guide), capture: :all_but_first)
    assert length(blocks) == 1
    for [code] <- blocks, do: Code.eval_string(code)
  end
end
