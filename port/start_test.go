//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"testing"

	"github.com/alcove-go/alcove/port/entry"
	"github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// An origin is what a process keeps of how it was started.
type origin struct {
	Env   []string
	Arg0  string
	Title string // what the memory for the title holds; "" without any
}

// originOf returns what a process keeps of arguments and environment.
func originOf(args, envs entry.Strings) origin {
	var p Process
	p.keepOrigin(args, envs, make([]byte, maxArg0))
	o := origin{Arg0: string(p.Arg0), Title: string(p.Title)}
	for i := range p.Env {
		o.Env = append(o.Env, p.Env.At(i))
	}
	return o
}

func TestTheEnvironmentIsKeptAsSetenvWouldKeepIt(t *testing.T) {
	args := []string{"alcove", "-c", "", "x y"}
	const argv = "alcove\x00-c\x00\x00x y\x00"
	for _, test := range []struct {
		name string
		env  []string
		want origin
	}{
		{
			"nothing", nil,
			origin{nil, "alcove", argv},
		}, {
			"one for each name", []string{"A=1", "B=", "C=x=y"},
			origin{[]string{"A=1", "B=", "C=x=y"}, "alcove", argv + "A=1\x00B=\x00C=x=y\x00"},
		}, {
			"several for one name", []string{"A=1", "B=2", "A=3", "AB=4", "A="},
			origin{[]string{"A=", "B=2", "AB=4"}, "alcove", argv + "A=1\x00B=2\x00A=3\x00AB=4\x00A=\x00"},
		}, {
			"entries without =", []string{"A", "", "B=2", "C"},
			origin{[]string{"B=2"}, "alcove", argv + "A\x00\x00B=2\x00C\x00"},
		}, {
			"an empty name", []string{"A=1", "=x", "A=2", "B"},
			origin{[]string{"A=1", "=x", "A=2", "B"}, "alcove", ""},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			given := porttest.Given(append(args[:len(args):len(args)], test.env...)...)
			got := originOf(given[:len(args)], given[len(args):])
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%q (-want +got):\n%s", test.env, diff)
			}
		})
	}
}

func TestATitleHasTheMemoryThatArgumentsAndEnvironmentShare(t *testing.T) {
	given := porttest.Given("alcove", "-c", "", "A=1", "B=2", "what follows")
	args, envs := given[:3], given[3:5]
	elsewhere := porttest.Given("x", "C=3")[1:]
	const inAll = "alcove\x00-c\x00\x00"
	for _, test := range []struct {
		name       string
		args, envs entry.Strings
		want       string
	}{
		{"no arguments", nil, envs, ""},
		{"no environment", args, nil, inAll},
		{"all of it", args, envs, inAll + "A=1\x00B=2\x00"},
		{"an environment that is elsewhere", args, elsewhere, inAll},
		{"an environment that goes on elsewhere", args, entry.Strings{envs[0], elsewhere[0]}, inAll + "A=1\x00"},
		{"an argument that is elsewhere", entry.Strings{args[0], elsewhere[0], args[2]}, envs, "alcove\x00"},
		{"an argument that is left out", entry.Strings{args[0], args[2]}, envs, "alcove\x00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := originOf(test.args, append(entry.Strings{}, test.envs...)).Title
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("memory (-want +got):\n%s", diff)
			}
		})
	}
}
