//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"strings"
	"testing"

	"github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Name returns the name of a call that the trace shows.
func (stubCalls) Name(nr int) string {
	switch nr {
	case callExec:
		return "exec"
	case callQuiet:
		return "quiet"
	}
	return ""
}

// traceFile switches the trace of a process on and returns what was traced since it
// was last asked.
func (f *fixture) traceFile() (traced func() string) {
	f.t.Helper()
	fd, err := unix.MemfdCreate("trace", unix.MFD_CLOEXEC)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { f.shut(fd) })
	f.Pid, f.trace = 7, &trace{fd: fd}
	return func() string {
		b := make([]byte, 4096)
		n, err := unix.Pread(fd, b, 0)
		if err == nil {
			err = unix.Ftruncate(fd, 0)
		}
		if err == nil {
			_, err = unix.Seek(fd, 0, 0)
		}
		if err != nil {
			f.t.Fatal(err)
		}
		return string(b[:n])
	}
}

func frame(typ porttest.Type, rest string) string { return string(porttest.Frame(typ, []byte(rest))) }

func TestTraceShowsWhateverAChildSends(t *testing.T) {
	f := newFixture(t)
	traced := f.traceFile()
	reply := frame(porttest.TypeCall, string(porttest.Encode(porttest.Atom("ok"))))
	for _, test := range []struct{ name, frame, want string }{
		{"a reply", reply, "[8] reply ok"},
		{"a reply from below", proxyFrame(9, reply), "[8,9] reply ok"},
		{"a reply from far below", proxyFrame(9, proxyFrame(10, reply)), "[8,9,10] reply ok"},
		{"output", fromChild(porttest.TypeStdout, 9, "\x1b[1m"), "[8,9] stdout 4 bytes <<27,91,49,109>>"},
		{"no output", fromChild(porttest.TypeStderr, 9, ""), "[8,9] stderr 0 bytes <<>>"},
		{"a pid without a sign", fromChild(porttest.TypeStderr, 1<<32-1, "x"), `[8,4294967295] stderr 1 byte <<"x">>`},
		{"half a pid", "\x00\x04\x00\x01\x00\x00", "[8] frame of 6 bytes <<0,4,0,1,0,0>>"},
		{"half a frame in a frame", proxyFrame(9, "\x00"), "[8] frame of 9 bytes <<0,7,0,3,0,0,0,9,0>>"},
		{"an unknown type", "\x00\x02\x00\x09", "[8] frame of 4 bytes <<0,2,0,9>>"},
		{"what only comes from above", stdinFrame(9, "x"), "[8] frame of 9 bytes <<0,7,0,0,0,0,0,9,120>>"},
		{"no type", "\x00\x01\x00", "[8] frame of 3 bytes <<0,1,0>>"},
		{"an empty frame", "\x00\x00", "[8] frame of 2 bytes <<0,0>>"},
		{"an event that is no term", frame(porttest.TypeEvent, "\x83!"), "[8] event ?"},
		{"a ctl without anything", frame(porttest.TypeCtl, ""), "[8] ctl ?"},
	} {
		f.traceFrame(8, []byte(test.frame))
		if diff := cmp.Diff("7 > "+test.want+"\n", traced()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// Whatever a frame holds, it is one line, not too long, that a terminal can be given.
func FuzzTrace(f *testing.F) {
	for _, b := range []string{"", "\x00\x02\x00\x09", ctlFrame(9, "badpid"), fromChild(porttest.TypeStdout, 9, "x")} {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fix := newFixture(t)
		traced := fix.traceFile()
		for name, show := range map[string]func(){
			"frame":   func() { fix.traceFrame(8, b) },
			"data":    func() { fix.traceData(8, b) },
			"call":    func() { fix.traceCall(callOnly, b) },
			"reply":   func() { fix.traceReply(b) },
			"refused": func() { fix.traceRefused(b) },
		} {
			show()
			line := traced()
			text, whole := strings.CutSuffix(line, "\n")
			odd := strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
			if !whole || odd || len(line) > traceWidth || !strings.HasPrefix(text, "7 ") {
				t.Errorf("%s of %x: %q", name, b, line)
			}
		}
	})
}

func TestTraceAllocatesNothing(t *testing.T) {
	f := newFixture(t)
	call := []byte("\x83h\x02a\x01m\x00\x00\x00\x02hi\x00\x00")
	reply := []byte(ctlFrame(9, "fdctl_closed"))
	for _, on := range []bool{false, true} {
		if on {
			f.traceFile()
		}
		n := testing.AllocsPerRun(10, func() {
			f.traceCall(callOnly, call)
			f.traceReply(call[:len(call)-slack])
			f.traceData(9, call)
			f.traceFrame(0, reply)
			f.traceFrame(8, reply)
			f.traceRefused(reply)
			f.tracePartial()
			f.traceClosed(-1)
		})
		if n != 0 {
			t.Errorf("trace on %v: %v allocations, want none", on, n)
		}
	}
}
