//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/alcove-go/alcove/port/entry"
	"github.com/alcove-go/alcove/port/sys"
	"github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

// A givenLine is what a commandLine holds, for tests to look at.
type givenLine struct {
	Fifo     string // "none" without -c
	Again    bool
	Depth    int
	MaxChild int
}

// showOptions parses the command line as Start does, in a process that may have 1024
// open files.
func showOptions() {
	var limit sys.Rlimit
	check(sys.Getrlimit(sys.RLIMIT_NOFILE, &limit))
	limit.Cur = 1024
	check(sys.Setrlimit(sys.RLIMIT_NOFILE, &limit))
	o := commandLine{name: os.Args[0], version: "1.2.3", about: "alcove 4.5.6\n", maxChild: -1}
	o.parse(porttest.Given(os.Args...))
	line := givenLine{"none", o.again, o.depth, o.maxChild}
	if o.control != nil {
		line.Fifo = entry.Strings{o.control}.At(0)
	}
	json.NewEncoder(os.Stdout).Encode(line)
}

func TestOptionsAreReadAsGetoptDoes(t *testing.T) {
	none := givenLine{"none", false, 0, -1}
	with := func(change func(*givenLine)) givenLine {
		c := none
		change(&c)
		return c
	}
	fifo := func(path string) givenLine { return with(func(c *givenLine) { c.Fifo = path }) }
	depth := func(n int) givenLine { return with(func(c *givenLine) { c.Again, c.Depth = true, n }) }
	maxChild := func(n int) givenLine { return with(func(c *givenLine) { c.MaxChild = n }) }
	for _, test := range []struct {
		name string
		args []string
		want givenLine
	}{
		{"no arguments", nil, none},
		{"a value of its own", []string{"-c", "fifo"}, fifo("fifo")},
		{"a value in the same argument", []string{"-cfifo"}, fifo("fifo")},
		{"a value that looks like an option", []string{"-c", "-d"}, fifo("-d")},
		{"a value that would tell the version", []string{"-c", "--version"}, fifo("--version")},
		{"the version behind --", []string{"-m5", "--", "--version"}, maxChild(5)},
		{"a value that would end the options", []string{"-c", "--", "-d", "3"}, givenLine{"--", true, 3, -1}},
		{"an empty value", []string{"-c", ""}, fifo("")},
		{"the last of several", []string{"-c", "one", "-c", "two"}, fifo("two")},
		{"all options", []string{"-c", "fifo", "-d", "2", "-m", "7"}, givenLine{"fifo", true, 2, 7}},
		{"options behind other arguments", []string{"x", "-d", "2", "y", "-m5"}, givenLine{"none", true, 2, 5}},
		{"options behind --", []string{"-d2", "--", "-m", "5", "-h", "-x"}, depth(2)},
		{"a lone minus sign", []string{"-", "-m", "5"}, maxChild(5)},
		{"an empty argument", []string{"", "-m", "5"}, maxChild(5)},
		{"depth 0", []string{"-d", "0"}, depth(0)},
		{"the greatest depth", []string{"-d", "255"}, depth(255)},
		{"a depth modulo 65536", []string{"-d", "65537"}, depth(1)},
		{"a depth that is no number", []string{"-d", "x"}, depth(0)},
		{"no children", []string{"-m", "0"}, maxChild(0)},
		{"as many children as descriptors allow", []string{"-m", "169"}, maxChild(169)},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := play(t, "options", append([]string{"alcove"}, test.args...), nil)
			var line givenLine
			if err := json.Unmarshal([]byte(got.Stdout), &line); err != nil || got.Status != 0 {
				t.Fatalf("%q: %+v", test.args, got)
			}
			if diff := cmp.Diff(test.want, line); diff != "" {
				t.Errorf("%q (-want +got):\n%s", test.args, diff)
			}
		})
	}
}

func TestOptionsThatCannotBeEndTheProcess(t *testing.T) {
	const usage = "some/name 1.2.3\nusage: some/name -c <path> [<options>]\n"
	complaint := func(what string) end { return end{95, "", "some/name: " + what + "\n" + usage} }
	outOfRange := end{Status: 11}
	for _, test := range []struct {
		name string
		args []string
		want end
	}{
		{"help", []string{"-h"}, end{95, "", usage + helpText}},
		{"help among others", []string{"-d", "1", "-hc"}, end{95, "", usage + helpText}},
		{"the version", []string{"--version"}, end{0, "alcove 4.5.6\n", ""}},
		{"the version behind others", []string{"-d", "1", "x", "--version", "-h"}, end{0, "alcove 4.5.6\n", ""}},
		{"the beginning of a long option", []string{"--versio"}, complaint("invalid option -- '-'")},
		{"more than a long option", []string{"--version=1"}, complaint("invalid option -- '-'")},
		{"an unknown option", []string{"-x"}, complaint("invalid option -- 'x'")},
		{"an unknown option behind a known one", []string{"-c", "fifo", "-d3", "-5"}, complaint("invalid option -- '5'")},
		{"a long option", []string{"--help"}, complaint("invalid option -- '-'")},
		{"no value", []string{"-c"}, complaint("option requires an argument -- 'c'")},
		{"no value at the end", []string{"x", "-d", "1", "-m"}, complaint("option requires an argument -- 'm'")},
		{"a depth that is too great", []string{"-d", "256"}, outOfRange},
		{"a negative depth", []string{"-d", "-1"}, outOfRange},
		{"more children than descriptors allow", []string{"-m", "170"}, outOfRange},
		{"a negative number of children", []string{"-m", "-1"}, outOfRange},
		{"what comes first counts", []string{"-d", "300", "-h"}, outOfRange},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := play(t, "options", append([]string{"some/name"}, test.args...), nil)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%q (-want +got):\n%s", test.args, diff)
			}
		})
	}
}

func TestNumbersAreReadAsAtoiDoesModulo65536(t *testing.T) {
	for s, want := range map[string]int{
		"":                              0,
		"7":                             7,
		"007":                           7,
		"65535":                         65535,
		"65536":                         0,
		"65537":                         1,
		"12x34":                         12,
		"x12":                           0,
		"0x10":                          0,
		" \t\n\v\f\r12":                 12,
		"\x0e12":                        0,
		"1 2":                           1,
		"+5":                            5,
		"-5":                            65531,
		"- 5":                           0,
		"+-5":                           0,
		"--5":                           0,
		"-":                             0,
		"-65536":                        0,
		"-65537":                        65535,
		"4294967297":                    1,
		"٣":                             0,
		strings.Repeat("9", 1000) + "z": 0xffff & int(nines(1000)),
	} {
		if got := decimal(s); got != want {
			t.Errorf("decimal(%.30q): got %d, want %d", s, got, want)
		}
	}
}

func TestEveryNumberIsReadAsItIsWritten(t *testing.T) {
	for n := -70_000; n <= 70_000; n++ {
		if got := decimal(strconv.Itoa(n)); got != n&0xffff {
			t.Fatalf("decimal(%d): got %d, want %d", n, got, n&0xffff)
		}
	}
}

// nines returns the number of n digits that are all 9, modulo 2^64.
func nines(n int) (v uint64) {
	for range n {
		v = v*10 + 9
	}
	return v
}
