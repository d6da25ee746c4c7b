package port

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// An origin is what a process keeps of how it was started.
type origin struct {
	Env   []string
	Arg0  string
	Title string // what the memory for the title holds; "" without any
}

func originOf(p *Process) origin {
	o := origin{Arg0: string(p.Arg0), Title: string(p.Title)}
	for _, e := range p.Env {
		o.Env = append(o.Env, string(e))
	}
	return o
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

func TestTheTitleHasTheMemoryThatIsInOnePiece(t *testing.T) {
	const memory = "prog\x00-c\x00\x00A=1\x00B=2\x00and what follows\x00"
	first := unsafe.Pointer(unsafe.StringData(memory))
	// Not a slice, which points elsewhere when it is empty.
	at := func(from, to int) string { return unsafe.String((*byte)(unsafe.Add(first, from)), to-from) }
	prog, option, empty := at(0, 4), at(5, 7), at(8, 8)
	elsewhere := strings.Clone(option)
	for _, test := range []struct {
		name       string
		args, envs []string
		want       string
	}{
		{"arguments alone", []string{prog, option, empty}, nil, "prog\x00-c\x00\x00"},
		{"arguments and environment", []string{prog, option, empty}, []string{"A=1", "B=2"}, "prog\x00-c\x00\x00A=1\x00B=2\x00"},
		{"an environment that is elsewhere", []string{prog, option, empty}, []string{"A=2", "B=2"}, "prog\x00-c\x00\x00"},
		{"an environment that goes on elsewhere", []string{prog, option, empty}, []string{"A=1", "C=3"}, "prog\x00-c\x00\x00A=1\x00"},
		{"an argument that is elsewhere", []string{prog, elsewhere, empty}, []string{"A=1"}, "prog\x00"},
		{"an argument that is left out", []string{prog, empty}, []string{"A=1"}, "prog\x00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := region(test.args, test.envs)
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Errorf("region (-want +got):\n%s", diff)
			}
			if unsafe.SliceData(got) != unsafe.StringData(prog) {
				t.Error("the region does not begin with the first argument")
			}
		})
	}
}
