// SPDX-License-Identifier: ISC

package main

import (
	"bytes"
	"fmt"
	"log"
	"time"

	"github.com/alcove-go/alcove/test/porttest"
)

const (
	mega = 1 << 20

	batch   = 50 // calls in one write
	batches = 8  // writes that are under way

	chunk  = 8 << 10
	window = 4 // chunks that are under way; less than the standard input of a program takes
)

var figures = []figure{
	{name: "start and stop", unit: "ms", port: startup, cat: catStartup},
	call(0, 4000), call(1, 4000), call(4, 2000), call(16, 1000),
	{name: "call, 500 other children", unit: "us", port: amongSiblings},
	pipelined(0, 50_000), pipelined(1, 50_000), pipelined(16, 10_000),
	setenv(10), setenv(20_000),
	{name: "fork", unit: "us", port: fork},
	{name: "fork, exit", unit: "us", port: forkExit},
	{name: "fork, exec, exit", unit: "us", port: forkExec},
	stream(1, 300*mega), stream(4, 200*mega), stream(16, 100*mega),
	echoed(1, 60*mega), echoed(16, 20*mega),
	{name: "memory of the port", unit: "KiB", port: memory},
	{name: "memory of an idle child", unit: "KiB", port: memoryOfChild},
}

// microseconds returns the median time of a round.
func microseconds(rounds int, round func()) float64 { return between(rounds, round, func() {}) }

// between returns the median time of a round, not counting what happens after each.
func between(rounds int, round, after func()) float64 {
	times := make([]float64, rounds+rounds/10)
	for i := range times {
		start := time.Now()
		round()
		times[i] = time.Since(start).Seconds() * 1e6
		after()
	}
	return median(times[rounds/10:])
}

// megabytes returns the throughput of something that moves size bytes, in MB/s.
func megabytes(size int, move func()) float64 {
	start := time.Now()
	move()
	return float64(size) / 1e6 / time.Since(start).Seconds()
}

// echo returns the throughput of something that returns what is sent to it.
func echo(size int, send func(chunk []byte), receive func() int) float64 {
	data := make([]byte, chunk)
	return megabytes(size, func() {
		sent := 0
		for got := 0; got < size; got += receive() {
			for sent < size && sent-got <= (window-1)*chunk {
				send(data)
				sent += chunk
			}
		}
	})
}

func startup(program string) float64 {
	return microseconds(20, func() { startPort(program).stop() }) / 1000
}

func call(depth, rounds int) figure {
	return figure{
		name: fmt.Sprintf("call, depth %d", depth), unit: "us",
		port: func(program string) float64 {
			p := startPort(program)
			defer p.stop()
			frame := porttest.CallFrame(p.chain(depth), "getpid")
			return microseconds(rounds, func() { p.call(frame) })
		},
		cat: func() float64 { return catLine(2*depth+1, rounds) },
	}
}

func amongSiblings(program string) float64 {
	const siblings = 500
	p := startPort(program, "-m", fmt.Sprint(siblings+1))
	defer p.stop()
	frame := porttest.CallFrame(p.fork(nil), "getpid")
	for range siblings {
		p.fork(nil)
	}
	return microseconds(2000, func() { p.call(frame) })
}

func pipelined(depth, calls int) figure {
	return figure{
		name: fmt.Sprintf("calls, %d in a write, depth %d", batch, depth), unit: "k/s",
		port: func(program string) float64 {
			p := startPort(program)
			defer p.stop()
			frames := bytes.Repeat(porttest.CallFrame(p.chain(depth), "getpid"), batch)
			start := time.Now()
			for range batches {
				p.write(frames)
			}
			for range calls/batch - batches {
				for range batch {
					p.reply()
				}
				p.write(frames)
			}
			for range batches * batch {
				p.reply()
			}
			return float64(calls) / 1000 / time.Since(start).Seconds()
		},
	}
}

// setenv sets a variable among others again, the last one that was set.
func setenv(others int) figure {
	return figure{
		name: fmt.Sprintf("setenv among %d variables", others), unit: "us",
		port: func(program string) float64 {
			p := startPort(program)
			defer p.stop()
			set := func(name string) []byte {
				return porttest.CallFrame(nil, "setenv", porttest.Binary(name), porttest.Binary("a value"), 1)
			}
			for i := range others {
				p.call(set(fmt.Sprint("NAME_OF_A_VARIABLE_", i)))
			}
			frame := set(fmt.Sprint("NAME_OF_A_VARIABLE_", others-1))
			return microseconds(2000, func() { p.call(frame) })
		},
	}
}

func fork(program string) float64 {
	p := startPort(program)
	defer p.stop()
	var child porttest.Pipeline
	return between(500, func() { child = p.fork(nil) }, func() {
		p.write(porttest.CallFrame(child, "exit", 0))
		p.await(porttest.TypeEvent)
	})
}

func forkExit(program string) float64 {
	p := startPort(program)
	defer p.stop()
	return microseconds(500, func() {
		p.write(porttest.CallFrame(p.fork(nil), "exit", 0))
		p.await(porttest.TypeEvent)
	})
}

func forkExec(program string) float64 {
	p := startPort(program)
	defer p.stop()
	return microseconds(300, func() {
		p.write(porttest.ExecFrame(p.fork(nil), "/bin/true"))
		p.await(porttest.TypeEvent)
	})
}

func stream(depth, size int) figure {
	return figure{
		name: fmt.Sprintf("output, depth %d", depth), unit: "MB/s", rate: true,
		port: func(program string) float64 {
			p := startPort(program)
			defer p.stop()
			to := p.chain(depth)
			return megabytes(size, func() {
				p.exec(to, "head", "-c", fmt.Sprint(size), "/dev/zero")
				for left := size; left > 0; {
					left -= len(p.await(porttest.TypeStdout))
				}
			})
		},
		cat: func() float64 { return catStream(depth, size) },
	}
}

func echoed(depth, size int) figure {
	return figure{
		name: fmt.Sprintf("input and output of cat, depth %d", depth), unit: "MB/s", rate: true,
		port: func(program string) float64 {
			p := startPort(program)
			defer p.stop()
			to := p.chain(depth)
			p.exec(to, "cat")
			frame := porttest.StdinFrame(to, make([]byte, chunk))
			return echo(size, func([]byte) { p.write(frame) }, func() int {
				return len(p.await(porttest.TypeStdout))
			})
		},
		cat: func() float64 { return catEcho(2*depth+1, size) },
	}
}

func memory(program string) float64 {
	p := startPort(program)
	defer p.stop()
	p.call(porttest.CallFrame(nil, "getpid"))
	return pss(p.cmd.Process.Pid)
}

func memoryOfChild(program string) float64 {
	const children = 100
	p := startPort(program, "-m", fmt.Sprint(children))
	defer p.stop()
	pids := []int{p.cmd.Process.Pid}
	alone := pss(pids...)
	for range children {
		pids = append(pids, p.fork(nil).Pid())
	}
	return (pss(pids...) - alone) / children
}

// field returns the number after a name in a file of /proc.
func field(file []byte, name string) float64 {
	_, after, _ := bytes.Cut(file, []byte(name))
	var n float64
	if _, err := fmt.Sscan(string(after), &n); err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	return n
}
