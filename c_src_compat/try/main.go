// SPDX-License-Identifier: ISC

// Command try tries a program that a Go has built which nobody has tried before:
// it starts, answers a call, forks, and its child executes cat(1), which answers.
// The status is 0 only if all of it went well.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const patience = time.Minute

func main() {
	if err := try(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// Calls by their numbers, and the end of a term without arguments.
const (
	version = 97
	fork    = 28
	execvp  = 21
)

func try(program string) error {
	dir, err := os.MkdirTemp("", "alcove")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(program, "-c", filepath.Join(dir, "fifo"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	hang := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer hang.Stop()
	said := talk(in, out)
	in.Close()
	if err := cmd.Wait(); said == nil && err != nil {
		return err
	}
	return said
}

// talk does what a client does: see the page on the protocol.
func talk(in io.Writer, out io.Reader) error {
	if err := expect(out, "start", "\x83w\x02ok"); err != nil {
		return err
	}
	in.Write(call(version, "h\x00"))
	if err := expect(out, "call", "\x83m"); err != nil {
		return err
	}
	in.Write(call(fork, "h\x00"))
	reply, err := frame(out)
	const forked = "\x83h\x02w\x02okb" // {ok, Pid}, a pid that is not small
	pid, ok := bytes.CutPrefix(reply, []byte(forked))
	if small, is := bytes.CutPrefix(reply, []byte(forked[:len(forked)-1]+"a")); is {
		pid, ok = append([]byte{0, 0, 0}, small...), true
	}
	if err != nil || !ok {
		return fmt.Errorf("fork: %q, %v", reply, err)
	}
	in.Write(data(pid, call(execvp, "h\x02m\x00\x00\x00\x03catl\x00\x00\x00\x01m\x00\x00\x00\x03catj")))
	if err := expect(out, "exec", string(pid)+"\x00\x11\x00\x06\x83w\x0cfdctl_closed"); err != nil {
		return err
	}
	in.Write(data(pid, []byte("text")))
	return expect(out, "output", string(pid)+"text")
}

// call returns a frame of a call.
func call(nr uint16, arguments string) []byte {
	return data(nil, append(binary.BigEndian.AppendUint16([]byte{}, nr), "\x83"+arguments...))
}

// data returns a frame for a child or, without a pid, of a call.
func data(pid, contents []byte) []byte {
	const stdin, asked = 0, 4
	typ := byte(asked)
	if pid != nil {
		typ = stdin
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(2+len(pid)+len(contents)))
	return append(append(append(b, 0, typ), pid...), contents...)
}

// expect reads a frame that begins so behind its type.
func expect(out io.Reader, what, begin string) error {
	got, err := frame(out)
	if err != nil || !bytes.HasPrefix(got, []byte(begin)) {
		return fmt.Errorf("%s: got %q, %v, want %q", what, got, err, begin)
	}
	return nil
}

// frame reads a frame and returns what is behind its type.
func frame(out io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(out, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(out, b); err != nil || len(b) < 2 {
		return b, fmt.Errorf("an incomplete frame: %w", err)
	}
	return b[2:], nil
}
