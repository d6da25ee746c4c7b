# SPDX-License-Identifier: ISC

defmodule Sandbox.MixProject do
  use Mix.Project

  # What is built is kept with the rest, out of the sources.
  @build "../../../_build/elixir"

  def project do
    [
      app: :sandbox,
      version: "1.0.1",
      elixir: "~> 1.12",
      build_path: @build,
      deps_path: Path.join(@build, "deps"),
      lockfile: Path.join(@build, "mix.lock"),
      deps: [{:alcove, path: "../..", manager: :rebar3}]
    ]
  end

  def application do
    [extra_applications: [:logger]]
  end
end
