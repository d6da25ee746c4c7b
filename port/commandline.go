// SPDX-License-Identifier: ISC

package port

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/entry"
	"github.com/alcove-go/alcove/port/sys"
)

// commandLine is the command line, read as getopt(3) does: options may be
// anywhere before --, and other arguments mean nothing.
type commandLine struct {
	name    string
	version string // of the protocol
	about   string // a line

	control  *byte // -c: path, with a NUL after it
	again    bool  // -d was given
	depth    int   // -d
	maxChild int   // -m, -1 if not given
}

func (o *commandLine) parse(args entry.Strings) {
	for i := 1; i < len(args); i++ {
		arg := args.At(i)
		switch arg {
		case "--":
			return
		case "--version":
			o.tellVersion()
		}
		if len(arg) < 2 || arg[0] != '-' {
			continue
		}
		for j := 1; j < len(arg); j++ {
			c := arg[j]
			switch c {
			case 'h':
				o.help()
			case 'c', 'd', 'm':
				value := arg[j+1:]
				if value == "" {
					if i++; i == len(args) {
						o.complain("option requires an argument -- '", arg[j:j+1])
					}
					value = args.At(i)
				}
				o.set(c, value)
				j = len(arg)
			default:
				o.complain("invalid option -- '", arg[j:j+1])
			}
		}
	}
}

func (o *commandLine) set(c byte, value string) {
	const deepest = 255
	switch c {
	case 'c':
		empty := "\x00"
		o.control = unsafe.StringData(empty)
		if value != "" {
			o.control = unsafe.StringData(value)
		}
	case 'd':
		o.again = true
		if o.depth = decimal(value); o.depth > deepest {
			sys.Exit(statusOption)
		}
	case 'm':
		if o.maxChild = decimal(value); filesFor(int32(o.maxChild)) > openFiles() {
			sys.Exit(statusOption)
		}
	}
}

// decimal reads a number as atoi(3) does and keeps its low 16 bits.
func decimal(s string) int {
	i := 0
	for i < len(s) && (s[i] == ' ' || s[i] >= '\t' && s[i] <= '\r') {
		i++
	}
	negative := i < len(s) && s[i] == '-'
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	n := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		n = (n*10 + int(s[i]-'0')) & 0xffff
	}
	if negative {
		n = -n
	}
	return n & 0xffff
}

// complain says what is wrong with an option, and how to use the program.
func (o *commandLine) complain(what, option string) {
	say(o.name, ": ", what, option, "'\n")
	o.usage()
	sys.Exit(statusUsage)
}

func (o *commandLine) usage() {
	say(o.name, " ", o.version, "\n")
	say("usage: ", o.name, " -c <path> [<options>]\n")
}

const helpText = `
The port program of the Erlang application alcove. A program that speaks its
protocol, as alcove_drv does, writes frames to its standard input and reads
frames from its standard output.

  -c <path>    the control socket: connected with who listens there, and held
               open until this process ends or executes another program. If the
               last part of <path> is @<name>, the abstract <name> is tried
               first. If nobody listens, a fifo is made and held open instead;
               then there must be nothing at <path>
  -d <depth>   go on as a process of a tree that has executed this program,
               <depth> (0 to 255) forks below the first one; instead of -c
  -m <number>  how many children this process may have, and those below it
               unless they are told otherwise; 64 by default, or fewer if the
               limit on open files allows no more
  -h           this text, on standard error; the status is 95
  --version    the version of the package and that of the protocol, on standard
               output; the status is 0

If the environment variable ALCOVE_TRACE is not empty, frames and calls are
shown on standard error.
`

func (o *commandLine) help() {
	o.usage()
	say(helpText)
	sys.Exit(statusUsage)
}

// tellVersion succeeds only if somebody gets to know the version.
func (o *commandLine) tellVersion() {
	_, err := sys.Write(stdout, unsafe.Slice(unsafe.StringData(o.about), len(o.about)))
	sys.Exit(int(err))
}

// Fail ends a process that cannot be made ready to serve.
func Fail(why string) {
	const status = 70 // EX_SOFTWARE of sysexits.h
	say("alcove: ", why, "\n")
	sys.Exit(status)
}

func say(parts ...string) {
	for _, s := range parts {
		sys.Write(stderr, unsafe.Slice(unsafe.StringData(s), len(s)))
	}
}
