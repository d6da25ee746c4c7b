// SPDX-License-Identifier: ISC

package gate_test

import (
	"slices"
	"testing"

	"github.com/alcove-go/alcove/test/gate"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A program that is executed again in capability mode starts. A top-level one does not: it
// reaches its control channel by a name. Once it has started it serves and forks, but the
// kernel does not tell it how a child has ended.
func TestTheStartOfFreeBSDMakesWhatCapabilityModeAllows(t *testing.T) {
	type calls struct{ Below, Refused []string }
	for _, machine := range []string{"amd64", "arm64"} {
		sources, err := gate.Read("../..", "freebsd", machine)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			name         string
			from, except []string
			want         calls
		}{
			{"start with -d", []string{"main.begin"}, []string{"port.(*Process).startFirst", "port.(*Process).round"}, calls{}},
			{"first start", []string{"port.(*Process).startFirst"}, nil, calls{[]string{"MKFIFOAT", "OPENAT"}, []string{"CONNECT"}}},
			{"loop", []string{"port.(*Process).Serve"}, nil, calls{nil, []string{"WAIT4"}}},
			{"fork", []string{"port.(*Process).Fork"}, nil, calls{}},
		} {
			t.Run(machine+"/"+test.name, func(t *testing.T) {
				made, err := sources.SystemCalls(test.from, test.except)
				if err != nil {
					t.Fatal(err)
				}
				var got calls
				for _, call := range append(made, sources.Assembly()...) {
					switch {
					case slices.Contains(gate.CapabilityAllowsBelow, call):
						got.Below = append(got.Below, call)
					case !slices.Contains(gate.CapabilityAllows, call):
						got.Refused = append(got.Refused, call)
					}
				}
				if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("system calls that are not allowed (-want +got):\n%s", diff)
				}
				if len(made) == 0 {
					t.Error("no system call was found")
				}
			})
		}
	}
}

// The lists have every system call that there is a name for, once.
func TestListsOfCapabilityModeAreComplete(t *testing.T) {
	sources, err := gate.Read("../..", "freebsd", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	listed := slices.Concat(gate.CapabilityAllows, gate.CapabilityAllowsBelow, gate.CapabilityRefuses)
	slices.Sort(listed)
	if diff := cmp.Diff(sources.Known(), listed); diff != "" {
		t.Errorf("-there are +listed:\n%s", diff)
	}
}

func TestSystemCallsAreFoundInAllThatAFunctionNames(t *testing.T) {
	sources, err := gate.Read("../..", "linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from, except string
		want         []string
	}{
		{"sys.Pipe2", "", []string{"PIPE2"}},
		{"sys.Getpid", "", []string{"GETPID"}},                                   // by way of another function
		{"sys.Grow", "", []string{"MMAP"}},                                       // a generic function, and another name
		{"port.openSignalPipe", "", []string{"CLOSE", "DUP2", "FCNTL", "PIPE2"}}, // of other packages
		{"port.openSignalPipe", "sys.Pipe2", []string{"CLOSE", "DUP2", "FCNTL"}},
	} {
		var except []string
		if test.except != "" {
			except = []string{test.except}
		}
		got, err := sources.SystemCalls([]string{test.from}, except)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s without %q (-want +got):\n%s", test.from, test.except, diff)
		}
	}
	if _, err := sources.SystemCalls([]string{"port.(*Process).Nothing"}, nil); err == nil {
		t.Error("no error for a function that is not there")
	}
}
