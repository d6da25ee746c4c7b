// SPDX-License-Identifier: ISC

package porttest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Pipeline addresses a process of the tree: the pids on the way from the port, which is nil, to the
// process.
type Pipeline []int

// Pid returns the pid of the process addressed, as its parent knows it.
func (l Pipeline) Pid() int { return l[len(l)-1] }

// Then returns the pipeline of a child of the process addressed.
func (l Pipeline) Then(pid int) Pipeline { return append(slices.Clip(l), pid) }

// Parent returns the pipeline without its last pid.
func (l Pipeline) Parent() Pipeline { return l[: len(l)-1 : len(l)-1] }

func (l Pipeline) String() string {
	return strings.ReplaceAll(fmt.Sprint([]int(l)), " ", ",")
}

// Type is a frame's type.
type Type int

const (
	TypeStdin Type = iota
	TypeStdout
	TypeStderr
	TypeProxy
	TypeCall
	TypeEvent
	TypeCtl
	TypePipe

	// TypeMalformed marks what no port may send of its own accord; Data is what the innermost whole
	// proxy frame held.
	TypeMalformed Type = -1
)

func (t Type) String() string {
	names := [...]string{"stdin", "stdout", "stderr", "proxy", "reply", "event", "ctl", "pipe"}
	if t == TypeMalformed {
		return "malformed"
	}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("type %d", int(t))
}

// MaxFrame is the greatest length field: bytes after it.
const MaxFrame = 65535

// Frame returns a frame of any type: length, type, rest.
func Frame(typ Type, rest []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(2+len(rest)))
	b = binary.BigEndian.AppendUint16(b, uint16(typ))
	return append(b, rest...)
}

// StdinFrame returns data for the process at to, one stdin frame for each pid on the way; data
// itself for nil.
func StdinFrame(to Pipeline, data []byte) []byte {
	for i := len(to) - 1; i >= 0; i-- {
		data = Frame(TypeStdin, append(binary.BigEndian.AppendUint32(nil, uint32(to[i])), data...))
	}
	return data
}

// RawCallFrame returns a call with any number and any body for the process at to.
func RawCallFrame(to Pipeline, number int, body []byte) []byte {
	return StdinFrame(to, Frame(TypeCall, append(binary.BigEndian.AppendUint16(nil, uint16(number)), body...)))
}

// CallFrame returns a call by name for the process at to.
func CallFrame(to Pipeline, name string, args ...Term) []byte {
	return RawCallFrame(to, Number(name), EncodeCall(args...))
}

// Message is one frame from the port with the proxy frames around it taken off.
type Message struct {
	From Pipeline // for stdout and stderr including the child whose output it is
	Type Type     // stdout, stderr, reply, event, ctl or pipe
	Data string   // output, or the encoded term
}

// Reply, Event, Ctl, Pipe, Stdout and Stderr make the messages that tests expect.
func Reply(from Pipeline, t Term) Message { return Message{from, TypeCall, string(Encode(t))} }
func Event(from Pipeline, t Term) Message { return Message{from, TypeEvent, string(Encode(t))} }
func Ctl(from Pipeline, a Atom) Message   { return Message{from, TypeCtl, string(Encode(a))} }
func Pipe(from Pipeline, n int) Message   { return Message{from, TypePipe, string(Encode(n))} }
func Stdout(from Pipeline, data string) Message {
	return Message{from, TypeStdout, data}
}
func Stderr(from Pipeline, data string) Message {
	return Message{from, TypeStderr, data}
}

// ExitStatus and TermSig are the two events that tell of a child's end.
func ExitStatus(from Pipeline, status int) Message {
	return Event(from, Tuple{Atom("exit_status"), status})
}
func TermSig(from Pipeline, name string) Message {
	return Event(from, Tuple{Atom("termsig"), Atom(name)})
}

// Term returns the decoded term of a reply, event, ctl or pipe message, nil for output.
func (m Message) Term() Term {
	if m.Type == TypeStdout || m.Type == TypeStderr {
		return nil
	}
	t, err := Decode([]byte(m.Data))
	if err != nil {
		return nil
	}
	return t
}

// Is reports whether the message has the type and comes from the process.
func (m Message) Is(typ Type, from Pipeline) bool {
	return m.Type == typ && slices.Equal(m.From, from)
}

func (m Message) equal(n Message) bool { return m.Is(n.Type, n.From) && m.Data == n.Data }

func (m Message) String() string {
	what := formatBytes(m.Data)
	if t := m.Term(); t != nil {
		what = Format(t)
	}
	return fmt.Sprintf("%v %v %s", m.From, m.Type, what)
}

// Signal reports whether the message is the signal event of that name, and gives its siginfo.
func (m Message) Signal(name string) (info string, ok bool) {
	t, _ := m.Term().(Tuple)
	if m.Type != TypeEvent || len(t) != 3 || t[0] != Atom("signal") || t[1] != Atom(name) {
		return "", false
	}
	b, ok := t[2].(Binary)
	return string(b), ok
}

// parse reads one frame, without its length field, down to its message. It accepts what a port may
// send and nothing else: every length must fit exactly, and terms must be whole and of a kind that
// the type carries.
func parse(rest []byte) (Message, error) {
	var from Pipeline
	for {
		whole := rest
		m, inner, err := parseOne(from, rest)
		if err == nil && m.Type != TypeProxy {
			err = check(m)
		}
		if err != nil {
			return Message{from, TypeMalformed, string(whole)}, err
		}
		if m.Type != TypeProxy {
			return m, nil
		}
		from, rest = m.From, inner
	}
}

// parseOne reads one level. For a proxy frame it returns the frame inside, without its length
// field.
func parseOne(from Pipeline, rest []byte) (m Message, inner []byte, err error) {
	if len(rest) < 2 {
		return m, nil, fmt.Errorf("frame of %d bytes", len(rest))
	}
	m.Type, m.From, rest = Type(binary.BigEndian.Uint16(rest)), from, rest[2:]
	if m.Type == TypeProxy || m.Type == TypeStdout || m.Type == TypeStderr {
		if len(rest) < 4 {
			return m, nil, fmt.Errorf("%v frame without a pid", m.Type)
		}
		m.From, rest = from.Then(int(binary.BigEndian.Uint32(rest))), rest[4:]
	}
	if m.Type != TypeProxy {
		m.Data = string(rest)
		return m, nil, nil
	}
	if len(rest) < 2 || int(binary.BigEndian.Uint16(rest)) != len(rest)-2 {
		return m, nil, fmt.Errorf("frame in a proxy frame does not fill it")
	}
	return m, rest[2:], nil
}

func check(m Message) error {
	switch m.Type {
	case TypeStdout, TypeStderr:
		if m.Data == "" {
			return fmt.Errorf("empty %v frame", m.Type)
		}
		return nil
	case TypeCall, TypeEvent, TypeCtl, TypePipe:
		t, err := Decode([]byte(m.Data))
		if err != nil {
			return err
		}
		_, tuple := t.(Tuple)
		_, atom := t.(Atom)
		_, number := t.(int)
		if m.Type == TypeEvent && !tuple || m.Type == TypeCtl && !atom && !tuple || m.Type == TypePipe && !number {
			return fmt.Errorf("%v with the term %s", m.Type, Format(t))
		}
		return nil
	}
	return fmt.Errorf("frame of type %d from the port", int(m.Type))
}
