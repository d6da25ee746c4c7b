// SPDX-License-Identifier: ISC

package port

// A frame is a 16-bit length, a 16-bit type and what belongs to the type. Numbers are
// big-endian, and the length counts everything after itself.
const (
	typeStdin  = 0 // pid, data; to the process only
	typeStdout = 1 // pid, data
	typeStderr = 2 // pid, data
	typeProxy  = 3 // pid, a complete frame
	typeCall   = 4 // call number and term inwards, term outwards
	typeEvent  = 5 // term
	typeCtl    = 6 // atom
	typePipe   = 7 // integer
)

const (
	lengthSize    = 2
	headerSize    = 4 // length and type
	numberSize    = 2 // of a call
	pidHeaderSize = 8 // length, type and pid
	maxFrame      = lengthSize + 0xffff

	// maxInner is the largest length field that a child's frame may have:
	// wrapped for the next process it must still fit 16 bits.
	maxInner = 0xffff - (pidHeaderSize - lengthSize) - lengthSize
)

func get16(b []byte) int { return int(b[0])<<8 | int(b[1]) }

func get32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func put16(b []byte, v int) { b[0], b[1] = byte(v>>8), byte(v) }

func put32(b []byte, v uint32) {
	b[0], b[1], b[2], b[3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
}

// putCall writes the header of a frame with a reply of size bytes.
func putCall(b []byte, size int) {
	put16(b, headerSize-lengthSize+size)
	put16(b[lengthSize:], typeCall)
}

// putHeader writes the header of a frame whose type is followed by a pid.
func putHeader(b []byte, length, typ int, pid uint32) {
	put16(b, length)
	put16(b[2:], typ)
	put32(b[4:], pid)
}
