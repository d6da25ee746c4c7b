// SPDX-License-Identifier: ISC

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
)

// cats are n cats in a row.
type cats struct {
	in  *os.File // nil when something else writes
	out *os.File
	all []*exec.Cmd
}

// startCats starts them behind a command, or behind the caller if there is none.
func startCats(n int, command ...string) *cats {
	c := &cats{}
	c.out, c.in = pipe()
	if len(command) > 0 {
		c.start(nil, c.in, command...)
		c.in = nil
	}
	for range n {
		from := c.out
		r, w := pipe()
		c.start(from, w, "cat")
		c.out = r
	}
	return c
}

// start starts a command whose ends of pipes are these.
func (c *cats) start(in, out *os.File, command ...string) {
	cmd := exec.Command(command[0], command[1:]...)
	if in != nil {
		cmd.Stdin = in
		defer in.Close()
	}
	cmd.Stdout = out
	defer out.Close()
	check(cmd.Start())
	c.all = append(c.all, cmd)
}

func (c *cats) stop() {
	if c.in != nil {
		c.in.Close()
	}
	_, err := io.Copy(io.Discard, c.out)
	check(err)
	c.out.Close()
	for _, cmd := range c.all {
		check(cmd.Wait())
	}
}

func catStartup() float64 {
	return microseconds(20, func() { startCats(1).stop() }) / 1000
}

// catLine returns the time that a short line takes through n cats.
func catLine(n, rounds int) float64 {
	c := startCats(n)
	defer c.stop()
	line := []byte("a line of 20 letters")
	return microseconds(rounds, func() {
		_, err := c.in.Write(line)
		check(err)
		_, err = io.ReadFull(c.out, line)
		check(err)
	})
}

// catStream returns the throughput of n cats behind a program that writes.
func catStream(n, size int) float64 {
	buf := make([]byte, 1<<18)
	return megabytes(size, func() {
		c := startCats(n, "head", "-c", fmt.Sprint(size), "/dev/zero")
		for left := size; left > 0; {
			k, err := c.out.Read(buf)
			check(err)
			left -= k
		}
		c.stop()
	})
}

// catEcho returns the throughput of n cats when what is in them is limited.
func catEcho(n, size int) float64 {
	c := startCats(n)
	defer c.stop()
	buf := make([]byte, 1<<18)
	return echo(size, func(chunk []byte) {
		_, err := c.in.Write(chunk)
		check(err)
	}, func() int {
		k, err := c.out.Read(buf)
		check(err)
		return k
	})
}
