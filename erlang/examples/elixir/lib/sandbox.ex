# SPDX-License-Identifier: ISC

defmodule Sandbox do
  @moduledoc """
  Runs a program in namespaces of its own and returns what it has written.

      iex> Sandbox.run(["hostname"], hostname: "elixir")
      {:ok, {:exit_status, 0}, "elixir\\n"}

      iex> Sandbox.run(["sh", "-c", "echo $$; kill -9 $$"])
      {:ok, {:exit_status, 0}, "1\\n"}

  The program is the first process of its namespace, which even `kill -9` from inside cannot
  end. It sees the files of the system; its host name, network and processes are its own.
  """

  @namespaces [:clone_newipc, :clone_newnet, :clone_newns, :clone_newpid, :clone_newuts]

  @typedoc "How a program has ended."
  @type ended :: {:exit_status, byte} | {:termsig, atom}

  @doc """
  Runs a program with its arguments.

  Options:

    * `:hostname` - what the program takes for the name of its host, `"sandbox"` by default
    * `:input` - what it reads, nothing by default
    * `:timeout` - milliseconds after which it is killed, 5000 by default
    * others are for the port, see `:alcove_drv.start/1`; by default it is started by sudo
  """
  @spec run([String.t(), ...], keyword) :: {:ok, ended, binary} | {:error, :timeout}
  def run([program | _] = argv, options \\ []) do
    {own, port} = Keyword.split(options, [:hostname, :input, :timeout])
    {:ok, drv} = :alcove_drv.start_link(Keyword.put_new(port, :exec, "sudo -n"))

    try do
      {:ok, pid} = :alcove.clone(drv, [], @namespaces)
      :ok = :alcove.sethostname(drv, [pid], Keyword.get(own, :hostname, "sandbox"))
      :ok = :alcove.execvp(drv, [pid], program, argv)
      :ok = :alcove.stdin(drv, [pid], Keyword.get(own, :input, ""))
      :alcove.eof(drv, [pid])
      Process.send_after(self(), {:timeout, drv}, Keyword.get(own, :timeout, 5000))
      output(drv, pid, [])
    after
      :alcove_stop.stop(drv, [], grace: 0)
    end
  end

  defp output(drv, pid, pieces) do
    receive do
      {:alcove_stdout, ^drv, [^pid], piece} ->
        output(drv, pid, [pieces, piece])

      {:alcove_event, ^drv, [^pid], {event, _} = ended} when event in [:exit_status, :termsig] ->
        {:ok, ended, IO.iodata_to_binary(pieces)}

      {:timeout, ^drv} ->
        {:error, :timeout}
    end
  end
end
