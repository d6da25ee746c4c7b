//go:build linux

package port

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// An origin is what a process keeps of how it was started.
type origin struct {
	Env   []string
	Arg0  string
	Title string // what the memory for the title holds; "" without any
}

func originOf(p *Process) origin {
	return origin{Env: p.Env, Arg0: string(p.Arg0), Title: string(p.Title)}
}

func showEnvironment() {
	var p Process
	p.keepEnvironment(arguments())
	json.NewEncoder(os.Stdout).Encode(originOf(&p))
}

func TestTheEnvironmentIsKeptAsSetenvWouldKeepIt(t *testing.T) {
	const part = partVariable + "=environment"
	args := []string{"alcove", "-c", "", "x y"}
	const argv = "alcove\x00-c\x00\x00x y\x00" + part + "\x00"
	for _, test := range []struct {
		name string
		env  []string
		want origin
	}{
		{
			"nothing", nil,
			origin{[]string{part}, "alcove", argv},
		}, {
			"one for each name", []string{"A=1", "B=", "C=x=y"},
			origin{[]string{part, "A=1", "B=", "C=x=y"}, "alcove", argv + "A=1\x00B=\x00C=x=y\x00"},
		}, {
			"several for one name", []string{"A=1", "B=2", "A=3", "AB=4", "A="},
			origin{[]string{part, "A=", "B=2", "AB=4"}, "alcove", argv + "A=1\x00B=2\x00A=3\x00AB=4\x00A=\x00"},
		}, {
			"entries without =", []string{"A", "", "B=2", "C"},
			origin{[]string{part, "B=2"}, "alcove", argv + "A\x00\x00B=2\x00C\x00"},
		}, {
			"an empty name", []string{"A=1", "=x", "A=2", "B"},
			origin{[]string{part, "A=1", "=x", "A=2", "B"}, "alcove", ""},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := play(t, "environment", args, test.env)
			var o origin
			if err := json.Unmarshal([]byte(got.Stdout), &o); err != nil || got.Status != 0 {
				t.Fatalf("%+v", got)
			}
			if diff := cmp.Diff(test.want, o); diff != "" {
				t.Errorf("%q (-want +got):\n%s", test.env, diff)
			}
		})
	}
}

func TestArgumentsAndEnvironmentAreFoundWhereTheKernelPutThem(t *testing.T) {
	const memory = "prog\x00-c\x00\x00A=1\x00GOTRACEBACK=all\x00B=2\x00and what follows, for as long as any entry\x00"
	first := unsafe.Pointer(unsafe.StringData(memory))
	// Not a slice, which points elsewhere when it is empty.
	at := func(from, to int) string { return unsafe.String((*byte)(unsafe.Add(first, from)), to-from) }
	args := []string{at(0, 4), at(5, 7), at(8, 8)}
	all := []string{"A=1", "GOTRACEBACK=all", "B=2"}
	const inAll = len("prog.-c..")
	for _, test := range []struct {
		name       string
		args, envs []string
		want       []string
		size       int
	}{
		{"no environment", args, nil, nil, inAll},
		{"all of it", args, all, all, inAll + len("A=1.GOTRACEBACK=all.B=2.")},
		{"an environment that is elsewhere", args, []string{"A=2", "B=2"}, []string{"A=2", "B=2"}, inAll},
		{"an environment that goes on elsewhere", args, []string{"A=1", "C=3", "D=4"}, []string{"A=1", "C=3", "D=4"}, inAll + len("A=1.")},
		{"an entry that the runtime has changed", args, []string{"A=1", "GOTRACEBACK=none", "B=2"}, all, inAll + len("A=1.GOTRACEBACK=all.B=2.")},
		{"an entry that the runtime has added", args, []string{"A=1", "GOTRACEBACK=all", "B=2", "GOTRACEBACK=none"}, all, inAll + len("A=1.GOTRACEBACK=all.B=2.")},
		{"an argument that is elsewhere", []string{args[0], strings.Clone(args[1]), args[2]}, all, all, len("prog.")},
		{"an argument that is left out", []string{args[0], args[2]}, all, all, len("prog.")},
	} {
		t.Run(test.name, func(t *testing.T) {
			envs, size := asGiven(test.args, slices.Clone(test.envs))
			if diff := cmp.Diff(test.want, envs, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(memory[:test.size], memory[:size]); diff != "" {
				t.Errorf("memory (-want +got):\n%s", diff)
			}
		})
	}
}
