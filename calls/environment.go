// SPDX-License-Identifier: ISC

package calls

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/entry"
	"github.com/alcove-go/alcove/port/sys"
)

// An environment is that of the process, which programs that it executes
// inherit. It keeps entries and their order as they are, whatever they look
// like: of several entries with one name the first counts.
//
// A variable is set in time that does not depend on how many there are: its
// entry is found by its name, and written into its own chunk or, if that is too
// small, into a new one.
type environment struct {
	text    []byte   // chunks: a chunkHeader and an entry, followed by a NUL
	vector  []*byte  // to each entry, in their order, and nil
	buckets []uint32 // by the hash of a name: the index of its entry in vector, plus 1
	live    int      // size of the chunks that vector points into
}

// A chunkHeader is in front of each entry. The chunk of an entry that was
// replaced or removed is not what vector points to at its index.
type chunkHeader struct{ size, index uint32 }

const sizeofHeader = int(unsafe.Sizeof(chunkHeader{}))

// Room for what is set before memory must be had. Untouched it costs nothing.
const (
	spareText    = 128 << 10
	spareEntries = 1 << 10
	fewBuckets   = 1 << 8 // at least; a power of two

	// An environment that is not larger needs no more than Memory has.
	usualText    = 16 << 10
	usualEntries = 256
)

// init takes over the entries. It reports false if there is no memory for them.
func (e *environment) init(given entry.Strings) (ok bool) {
	n := spareText
	for i := range given {
		n += chunkSize(len(given.At(i)))
	}
	if e.text, ok = sys.Grow(e.text, n); !ok {
		return false
	}
	if e.vector, ok = sys.Grow(e.vector, len(given)+spareEntries); !ok {
		return false
	}
	e.vector = e.vector[:1]
	e.vector[0] = nil
	if !e.rehash(len(given)) {
		return false
	}
	for i := range given {
		entry := given.At(i)
		copy(e.put(e.add(), len(entry)), entry)
		e.name(e.count() - 1)
	}
	return true
}

// address returns what execve(2) takes.
func (e *environment) address() uintptr { return address(e.vector) }

func (e *environment) count() int { return len(e.vector) - 1 }

// chunk returns where the chunk of an entry is, and its header.
func (e *environment) chunk(index int) (at int, h *chunkHeader) {
	at = int(uintptr(unsafe.Pointer(e.vector[index]))-address(e.text)) - sizeofHeader
	return at, e.header(at)
}

func (e *environment) header(at int) *chunkHeader { return (*chunkHeader)(unsafe.Pointer(&e.text[at])) }

// chunkSize returns the size of a chunk for an entry of n bytes.
func chunkSize(n int) int { return sizeofHeader + (n+1+3)&^3 }

// entry returns an entry without its NUL.
func (e *environment) entry(index int) []byte {
	at, h := e.chunk(index)
	return sys.CString(e.text[at+sizeofHeader : at+int(h.size)])
}

// get returns the value of the first entry of that name. The name may contain a
// '=', since the entry may do so too.
func (e *environment) get(name []byte) (value []byte, ok bool) {
	if !isName(name) {
		return e.search(name)
	}
	if index, _ := e.find(name); index >= 0 {
		return e.entry(index)[len(name)+1:], true
	}
	return nil, false
}

// search does what get does for what is not the name of a variable.
func (e *environment) search(name []byte) (value []byte, ok bool) {
	for index := range e.count() {
		if entry := e.entry(index); len(name) > 0 && named(entry, name) {
			return entry[len(name)+1:], true
		}
	}
	return nil, false
}

// named reports whether an entry begins with a name and '='.
func named(entry, name []byte) bool {
	n := len(name)
	return len(entry) > n && entry[n] == '=' && string(entry[:n]) == string(name)
}

// set replaces the first entry of that name, or appends one. It reports false,
// and has changed nothing, when there is no memory for it.
func (e *environment) set(name, value []byte) bool {
	size := len(name) + 1 + len(value)
	index, _ := e.find(name)
	if index < 0 {
		if !e.room(size) || !e.roomForEntry() {
			return false
		}
		_, bucket := e.find(name) // the room may have moved it
		index = e.add()
		e.buckets[bucket] = uint32(index + 1)
	} else if _, h := e.chunk(index); chunkSize(size) > int(h.size) && !e.room(size) {
		return false
	}
	entry := e.put(index, size)
	n := copy(entry, name)
	entry[n] = '='
	copy(entry[n+1:], value)
	return true
}

// add makes a index for an entry at the end, for which there is room.
func (e *environment) add() (index int) {
	n := len(e.vector)
	e.vector = e.vector[:n+1]
	e.vector[n] = nil
	return n - 1
}

// put returns n bytes for the entry at a index, with a NUL after them: those of
// its old chunk if that is large enough.
func (e *environment) put(index, n int) []byte {
	size := chunkSize(n)
	at := len(e.text)
	if e.vector[index] != nil {
		old, h := e.chunk(index)
		if size <= int(h.size) {
			at, size = old, int(h.size)
		}
		e.live -= int(h.size)
	}
	e.text = e.text[:max(len(e.text), at+size)]
	e.live += size
	*e.header(at) = chunkHeader{uint32(size), uint32(index)}
	entry := e.text[at+sizeofHeader:]
	e.vector[index] = &entry[0]
	entry[n] = 0
	return entry[:n]
}

// room makes room for a chunk for an entry of n bytes: by moving the others
// together if that gives much, else in new memory.
func (e *environment) room(n int) bool {
	size := chunkSize(n)
	if len(e.text)+size <= cap(e.text) {
		return true
	}
	if e.live+size <= cap(e.text)/2 {
		e.compact()
		return true
	}
	before := address(e.text)
	text, ok := sys.Grow(e.text, len(e.text)+size)
	if !ok {
		return false
	}
	e.text = text
	for index := range e.count() {
		e.vector[index] = &text[uintptr(unsafe.Pointer(e.vector[index]))-before]
	}
	return true
}

// compact moves the chunks together.
func (e *environment) compact() {
	to := 0
	for at := 0; at < len(e.text); {
		h := *e.header(at)
		size, index := int(h.size), int(h.index)
		if index < e.count() && e.vector[index] == &e.text[at+sizeofHeader] {
			copy(e.text[to:], e.text[at:at+size])
			e.vector[index] = &e.text[to+sizeofHeader]
			to += size
		}
		at += size
	}
	e.text = e.text[:to]
}

// roomForEntry makes room for one more entry in the lists of them.
func (e *environment) roomForEntry() bool {
	vector, ok := sys.Grow(e.vector, len(e.vector)+1)
	if !ok {
		return false
	}
	e.vector = vector
	if 2*(e.count()+1) <= len(e.buckets) {
		return true
	}
	return e.rehash(2 * e.count())
}

// unset removes all entries of that name.
func (e *environment) unset(name []byte) {
	if index, _ := e.find(name); index < 0 {
		return
	}
	kept := 0
	for index := range e.count() {
		_, h := e.chunk(index)
		if named(e.entry(index), name) {
			e.live -= int(h.size)
			continue
		}
		h.index = uint32(kept)
		e.vector[kept] = e.vector[index]
		kept++
	}
	e.vector = e.vector[:kept+1]
	e.vector[kept] = nil
	e.rehash(0)
}

func (e *environment) clear() {
	e.text, e.live = e.text[:0], 0
	e.vector = e.vector[:1]
	e.vector[0] = nil
	clear(e.buckets)
}

// find returns the index of the first entry of that name, -1 if there is none,
// and the bucket that tells it, or would.
func (e *environment) find(name []byte) (index, bucket int) {
	mask := len(e.buckets) - 1
	for b := hash(name) & mask; ; b = (b + 1) & mask {
		index := int(e.buckets[b]) - 1
		if index < 0 || named(e.entry(index), name) {
			return index, b
		}
	}
}

// name makes the entry at a index found by its name, if it has one and is the
// first of it.
func (e *environment) name(index int) {
	entry := e.entry(index)
	for n, ch := range entry {
		if ch != '=' {
			continue
		}
		if other, bucket := e.find(entry[:n]); n > 0 && other < 0 {
			e.buckets[bucket] = uint32(index + 1)
		}
		return
	}
}

// rehash makes buckets for n entries, or as many as there were, and fills them.
func (e *environment) rehash(n int) bool {
	size := max(len(e.buckets), fewBuckets)
	for size < 2*n {
		size *= 2
	}
	buckets, ok := sys.Grow(e.buckets, size)
	if !ok {
		return false
	}
	e.buckets = buckets[:size]
	clear(e.buckets)
	for index := range e.count() {
		e.name(index)
	}
	return true
}

// hash returns the FNV-1a hash of a name, without its sign.
func hash(name []byte) int {
	h := uint32(2166136261)
	for _, ch := range name {
		h = (h ^ uint32(ch)) * 16777619
	}
	return int(h >> 1)
}
