// SPDX-License-Identifier: ISC

package gate_test

import (
	"slices"
	"testing"

	"github.com/alcove-go/alcove/test/gate"
)

// A test program has the Go runtime, with its threads, locks and signal handlers. A fork of it
// could not go on, and a handler in place of the runtime's would get what is meant for that. So
// what forks or installs handlers is tested with programs that have the entry of their own:
// porttest.Build makes them.
func TestUnitTestsNeitherForkNorInstallHandlers(t *testing.T) {
	safe := map[string]bool{
		"sys.TestNothingAllocates":                        true, // sigaction(2) without a new action
		"port.TestNoticesCountWhatWasWrittenSinceTheLast": true, // an exec forks where input was read ahead: none is there
	}
	sources, err := gate.Read("../..", "linux", "amd64", "port", "port/sys", "port/signal", "port/entry", "calls")
	if err != nil {
		t.Fatal(err)
	}
	again := []string{"port.(*Process).byDefault"} // only in a process that was executed again
	tests := sources.Tests()
	for _, name := range []string{"port.TestTheEndOfAChildIsToldLast", "signal_test.TestHandlerWritesSiginfo"} {
		if !slices.Contains(tests, name) {
			t.Errorf("%s was not read", name)
		}
	}
	for _, name := range tests {
		calls, err := sources.SystemCalls([]string{name}, again)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{"CLONE", "CLONE3", "RT_SIGACTION"} {
			if slices.Contains(calls, call) && !safe[name] {
				t.Errorf("%s can come to system call %s", name, call)
			}
		}
	}
}
