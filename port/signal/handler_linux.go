package signal

import "unsafe"

// Max is the highest signal number.
const Max = 64

// InfoSize is the size of a siginfo_t in bytes.
const InfoSize = 128

// infoAddress is where a siginfo_t has the address of a fault.
const infoAddress = 8 + max(4, unsafe.Sizeof(uintptr(0)))
