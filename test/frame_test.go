// SPDX-License-Identifier: ISC

package test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// bytesOf turns "00 07 <pid> "text"" into bytes; <pid> stands for pid as four bytes.
func bytesOf(pid int, s string) string {
	var out strings.Builder
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		switch {
		case s[0] == '"':
			text, rest, _ := strings.Cut(s[1:], `"`)
			out.WriteString(text)
			s = rest
		case strings.HasPrefix(s, "<pid>"):
			out.Write(binary.BigEndian.AppendUint32(nil, uint32(pid)))
			s = s[5:]
		default:
			var b byte
			fmt.Sscanf(s[:2], "%02x", &b)
			out.WriteByte(b)
			s = s[2:]
		}
	}
	return out.String()
}

// kept: frame layout, nesting and sizes, encodings byte for byte.
func TestFramesHaveTheBytesThatClientsKnow(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(p *pt.Port, a pt.Pipeline)
		want string
	}{
		{"call reply", func(p *pt.Port, a pt.Pipeline) { p.Send(nil, "version") },
			`00 0d 00 04 83 6d 00 00 00 05 "1.0.1"`},
		{"error", func(p *pt.Port, a pt.Pipeline) { p.Send(nil, "chdir", pt.Binary("/no/such/folder")) },
			`00 14 00 04 83 68 02 77 05 "error" 77 06 "enoent"`},
		{"reply of a child", func(p *pt.Port, a pt.Pipeline) { p.Send(a, "version") },
			`00 15 00 03 <pid> 00 0d 00 04 83 6d 00 00 00 05 "1.0.1"`},
		{"badpid", func(p *pt.Port, a pt.Pipeline) { p.Send(pt.Pipeline{77}, "getpid") },
			`00 13 00 03 00 00 00 4d 00 0b 00 06 83 77 06 "badpid"`},
		{"fdctl_closed and exit status", func(p *pt.Port, a pt.Pipeline) { p.Send(a, "exit", 200) },
			`00 19 00 03 <pid> 00 11 00 06 83 77 0c "fdctl_closed"
			 00 1c 00 03 <pid> 00 14 00 05 83 68 02 77 0b "exit_status" 61 c8`},
		{"termsig", func(p *pt.Port, a pt.Pipeline) { p.Signal(a, syscall.SIGKILL) },
			`00 19 00 03 <pid> 00 11 00 06 83 77 0c "fdctl_closed"
			 00 1f 00 03 <pid> 00 17 00 05 83 68 02 77 07 "termsig" 77 07 "sigkill"`},
		{"stdout", func(p *pt.Port, a pt.Pipeline) { p.SendExec(a, "echo", "A") },
			`00 19 00 03 <pid> 00 11 00 06 83 77 0c "fdctl_closed"
			 00 08 00 01 <pid> "A" 0a`},
		{"stderr", func(p *pt.Port, a pt.Pipeline) { p.SendExec(a, "sh", "-c", "echo B >&2; read x") },
			`00 19 00 03 <pid> 00 11 00 06 83 77 0c "fdctl_closed"
			 00 08 00 02 <pid> "B" 0a`},
		{"stderr of a child that has not exec'ed", func(p *pt.Port, a pt.Pipeline) { p.Send(a, "write", 2, pt.Binary("e")) },
			`00 07 00 02 <pid> "e"`},
		{"pipe", func(p *pt.Port, a pt.Pipeline) {
			p.SendExec(a, "sleep", "1000")
			p.Await(pt.Ctl(a, "fdctl_closed"))
			p.Stdin(a, pt.Bytes(60000))
			p.Stdin(a, pt.Bytes(60000))
		}, `00 10 00 03 <pid> 00 08 00 07 83 62 00 00 10 00`},
		{"signal", func(p *pt.Port, a pt.Pipeline) { p.Signal(nil, syscall.SIGUSR1) },
			`00 9b 00 05 83 68 03 77 06 "signal" 77 07 "sigusr1" 6d 00 00 00 80 0a 00 00 00 00 00 00 00 00 00 00 00`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := pt.Start(t)
			a := p.Fork(nil)
			p.Want(a.Pid(), a, "getpid")
			before := len(p.Raw())
			c.do(p, a)
			want := bytesOf(a.Pid(), c.want)
			defer func() {
				if t.Failed() {
					t.Logf("want % x\ngot  % x", want, p.Raw()[before:])
				}
			}()
			pt.Until(t, "the bytes come", func() bool { return strings.Contains(p.Raw()[before:], want) })
		})
	}
}

func TestReplyFromAGrandchildIsWrappedByEachAncestor(t *testing.T) {
	p := pt.Start(t)
	b := p.Chain(2)
	p.Send(b, "getpid")
	p.Next(pt.Reply(b, b.Pid()))
	p.Send(b, "version")
	p.Next(pt.Reply(b, pt.Binary("1.0.1")))
	p.Sh(b, "echo out; echo err >&2")
	p.Await(pt.Stdout(b, "out\n"))
	p.Await(pt.Stderr(b, "err\n"))
	p.Await(pt.ExitStatus(b, 0))
}

// kept: order of replies, one reply per call.
func TestRepliesComeInTheOrderOfCallsOfEachProcess(t *testing.T) {
	p := pt.Start(t)
	a, b := p.Fork(nil), pt.Pipeline(nil)
	b = p.Fork(a)
	const rounds = 300
	var calls []byte
	for i := range rounds {
		for _, l := range []pt.Pipeline{nil, a, b} {
			calls = append(calls, pt.CallFrame(l, "iolist_to_bin", pt.Binary(fmt.Sprint(i)))...)
		}
	}
	p.Write(calls)
	for i := range rounds {
		for _, l := range []pt.Pipeline{nil, a, b} {
			if m := p.Reply(l, "iolist_to_bin"); m.Term() != pt.Binary(fmt.Sprint(i)) {
				t.Fatalf("reply %d: %v", i, m)
			}
		}
	}
	p.Quiet()
}

func TestStdinFramesAreAByteStreamForAChild(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	getpid := pt.CallFrame(nil, "getpid")
	t.Run("two frames in one", func(t *testing.T) {
		p := p.With(t)
		p.Stdin(a, string(getpid)+string(getpid))
		p.Next(pt.Reply(a, a.Pid()), pt.Reply(a, a.Pid()))
	})
	t.Run("one frame in two", func(t *testing.T) {
		for cut := 1; cut < len(getpid); cut++ {
			p := p.With(t)
			p.Stdin(a, string(getpid[:cut]))
			p.Want(p.Pid, nil, "getpid")
			p.Stdin(a, string(getpid[cut:]))
			p.Next(pt.Reply(a, a.Pid()))
		}
	})
	t.Run("byte by byte", func(t *testing.T) {
		p := p.With(t)
		for _, b := range pt.CallFrame(a, "version") {
			p.Write([]byte{b})
		}
		p.Next(pt.Reply(a, pt.Binary("1.0.1")))
	})
	t.Run("no data", func(t *testing.T) {
		p := p.With(t)
		p.Stdin(a, "")
		p.Quiet(nil, a)
	})
}

func TestDataForAProcessThatIsNotThereIsAnsweredByBadpid(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	for _, c := range []struct {
		name string
		to   pt.Pipeline
		want pt.Message
	}{
		{"pid 0", pt.Pipeline{0}, pt.Ctl(pt.Pipeline{0}, "badpid")},
		{"pid -1", pt.Pipeline{0xffffffff}, pt.Ctl(pt.Pipeline{0xffffffff}, "badpid")},
		{"the port itself", pt.Pipeline{p.Pid}, pt.Ctl(pt.Pipeline{p.Pid}, "badpid")},
		{"init", pt.Pipeline{1}, pt.Ctl(pt.Pipeline{1}, "badpid")},
		{"unknown child of a child", a.Then(7), pt.Ctl(a.Then(7), "badpid")},
		{"sibling as a child", a.Then(a.Pid()), pt.Ctl(a.Then(a.Pid()), "badpid")},
		{"child of none", pt.Pipeline{7, a.Pid()}, pt.Ctl(pt.Pipeline{7}, "badpid")},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := p.With(t)
			p.Send(c.to, "getpid")
			p.Next(c.want)
			p.Stdin(c.to, "data that is no frame")
			p.Next(c.want)
			p.Quiet(nil, a)
		})
	}
}

// A process ends at what is no frame, with a status, whether or not more input would come.
func TestInputThatIsNoFrameEndsTheProcess(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes string
	}{
		{"stdout frame", "\x00\x07\x00\x01\x00\x00\x00\x01x"},
		{"stderr frame", "\x00\x07\x00\x02\x00\x00\x00\x01x"},
		{"proxy frame", "\x00\x08\x00\x03\x00\x00\x00\x01\x00\x00"},
		{"event frame", "\x00\x05\x00\x05\x83\x61\x01"},
		{"ctl frame", "\x00\x05\x00\x06\x83\x61\x01"},
		{"pipe frame", "\x00\x05\x00\x07\x83\x61\x01"},
		{"unknown type", "\x00\x05\x00\x08\x83\x61\x01"},
		{"greatest type", "\x00\x05\xff\xff\x83\x61\x01"},
		{"length 1", "\x00\x01\x01"},
		{"call without body", "\x00\x04\x00\x04\x00\x24"},
		{"call without number", "\x00\x02\x00\x04"},
		{"stdin without pid", "\x00\x05\x00\x00\x00\x00\x00"},
		{"text", "hello, world: this is no frame but a line of text\n" + strings.Repeat("A", 40000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := pt.Start(t)
			a := p.Fork(nil)
			p.Want(a.Pid(), a, "getpid")
			p.Stdin(a, c.bytes)
			p.Next(pt.Ctl(a, "fdctl_closed"), pt.ExitStatus(a, 0))
			p.Quiet()
			p.Write([]byte(c.bytes))
			if s := p.Exit(); s != 0 {
				t.Errorf("exit status %d", s)
			}
		})
	}
}

// decided: the exit status after a frame that may not come is 0, whatever was signalled
// before; in the C port an error of kill(2) could take its place.
func TestPortWithProgramsEndsWithStatus0AfterAWrongFrame(t *testing.T) {
	p := pt.Start(t)
	p.Exec(p.Fork(nil), "sleep", "1000")
	p.Write([]byte("\x00\x05\x00\x08\x83\x61\x01"))
	if s := p.Exit(); s != 0 {
		t.Errorf("exit status %d", s)
	}
}

func TestEndOfInputInsideAFrameEndsTheProcessWithStatus0(t *testing.T) {
	whole := pt.CallFrame(nil, "iolist_to_bin", pt.Binary("x"))
	for n := range whole {
		p := pt.Start(t)
		p.Write(whole[:n])
		p.CloseInput()
		if s := p.Exit(); s != 0 {
			t.Errorf("%d bytes of a frame: exit status %d", n, s)
		}
		if q := p.Queue(); len(q) > 0 {
			t.Errorf("%d bytes of a frame: %v", n, q)
		}
	}
}

// They are taken for stdin frames of zeros.
func TestFramesWithoutATypeAreBadpid(t *testing.T) {
	p := pt.Start(t)
	p.Write([]byte("\x00\x00\x00\x01\x00"))
	p.Next(pt.Ctl(pt.Pipeline{0}, "badpid"), pt.Ctl(pt.Pipeline{0}, "badpid"))
	p.Quiet()
}

// kept: sizes. Every ancestor needs 8 bytes to wrap a reply.
func TestRepliesAreAsLargeAsTheDepthAllows(t *testing.T) {
	p := pt.Start(t)
	for _, depth := range []int{0, 1, 2, 16} {
		to := p.Chain(depth)
		const overhead = 6 // of a binary
		most := 65535 - 8*(depth+1) - overhead
		p.Want(pt.Binary(pt.Bytes(most)), to, "iolist_to_bin", pt.Binary(pt.Bytes(most)))
		p.Want(badarg, to, "iolist_to_bin", pt.Binary(pt.Bytes(most+1)))
		if depth > 0 {
			p.Stop(to[:1])
		}
	}
}

func TestLargestFramesReachTheirProcess(t *testing.T) {
	p := pt.Start(t)
	for _, depth := range []int{0, 1, 16} {
		to := p.Chain(depth)
		body := pt.Encode(pt.Tuple{pt.Binary(pt.Bytes(pt.MaxFrame - 8*depth - 4 - 1 - 2 - 5))})
		if n := len(pt.RawCallFrame(to, 0, body)); n != pt.MaxFrame+2 {
			t.Fatalf("frame of %d bytes", n)
		}
		// A file name that is too long, after all of it has been read.
		p.Write(pt.RawCallFrame(to, pt.Number("chdir"), body))
		p.Next(pt.Reply(to, badarg))
		p.Quiet(nil, to)
		if depth > 0 {
			p.Stop(to[:1])
		}
	}
}

// kept: pieces of raw output are at most 65535 - 8 * (depth + 1) bytes.
func TestPiecesOfOutputAreAsLargeAsTheDepthAllows(t *testing.T) {
	for _, depth := range []int{1, 2, 16} {
		p := pt.Start(t)
		to := p.Chain(depth)
		const total = 1 << 20
		p.Exec(to, "head", "-c", fmt.Sprint(total), "/dev/zero")
		for got := 0; got < total; {
			m := p.Receive("output", func(m pt.Message) bool { return m.Is(pt.TypeStdout, to) })
			if most := 65535 - 8*depth; len(m.Data) > most {
				t.Errorf("depth %d: piece of %d bytes, at most %d fit", depth, len(m.Data), most)
			}
			got += len(m.Data)
		}
		p.Await(pt.ExitStatus(to, 0))
	}
}
