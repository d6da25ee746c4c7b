package calls

import "github.com/alcove-go/alcove/port/sys"

// An environment is that of the process, which programs that it executes
// inherit. It keeps entries and their order as they are, whatever they look
// like: of several entries with one name the first counts.
type environment struct {
	text   []byte  // the entries, each followed by a NUL
	vector []*byte // to each entry, and nil
}

// Room for what is set before memory must be had. Untouched it costs nothing.
const (
	spareText    = 128 << 10
	spareEntries = 1 << 10
)

func (e *environment) init(entries []string) {
	n := 0
	for _, entry := range entries {
		n += len(entry) + 1
	}
	e.text = make([]byte, 0, n+spareText)
	e.vector = make([]*byte, 0, len(entries)+spareEntries)
	for _, entry := range entries {
		e.text = append(append(e.text, entry...), 0)
	}
	e.index()
}

// address returns what execve(2) takes.
func (e *environment) address() uintptr { return address(e.vector) }

// get returns the value of the first entry of that name. The name may contain a
// '=', since the entry may do so too.
func (e *environment) get(name []byte) (value []byte, ok bool) {
	if len(name) == 0 {
		return nil, false
	}
	start, end := e.find(name)
	if start == end {
		return nil, false
	}
	return e.text[start+len(name)+1 : end-1], true
}

// set replaces the first entry of that name, or appends one. It reports false,
// and has changed nothing, when there is no memory for it.
func (e *environment) set(name, value []byte) bool {
	start, end := e.find(name)
	size := len(name) + 1 + len(value) + 1
	if !e.room(size) {
		return false
	}
	to := e.replace(start, end, size)
	to = to[copy(to, name):]
	to[0] = '='
	to = to[1:]
	to = to[copy(to, value):]
	to[0] = 0
	e.index()
	return true
}

// room makes room for one more entry of that size.
func (e *environment) room(size int) bool {
	text, ok := sys.Grow(e.text, len(e.text)+size)
	if ok {
		e.text = text
		e.index() // the entries have moved
		e.vector, ok = sys.Grow(e.vector, len(e.vector)+1)
	}
	return ok
}

// unset removes all entries of that name.
func (e *environment) unset(name []byte) {
	for {
		start, end := e.find(name)
		if start == end {
			break
		}
		e.replace(start, end, 0)
	}
	e.index()
}

func (e *environment) clear() {
	e.text = e.text[:0]
	e.index()
}

// find returns where in text the first entry of that name is, its NUL included,
// and if there is none an empty range at the end.
func (e *environment) find(name []byte) (start, end int) {
	for start < len(e.text) {
		entry := cString(e.text[start:])
		end = start + len(entry) + 1
		if n := len(name); len(entry) > n && entry[n] == '=' && string(entry[:n]) == string(name) {
			return start, end
		}
		start = end
	}
	return start, start
}

// replace makes n bytes of the bytes from start to end, and returns them.
func (e *environment) replace(start, end, n int) []byte {
	tail := len(e.text) - end
	size := start + n + tail
	e.text = e.text[:max(size, end+tail)]
	copy(e.text[start+n:], e.text[end:end+tail])
	e.text = e.text[:size]
	return e.text[start : start+n]
}

// index makes the vector of the text.
func (e *environment) index() {
	e.vector = e.vector[:0]
	for i := 0; i < len(e.text); i += len(cString(e.text[i:])) + 1 {
		e.vector = append(e.vector, &e.text[i])
	}
	e.vector = append(e.vector, nil)
}
