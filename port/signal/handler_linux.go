package signal

import "github.com/alcove-go/alcove/port/sys"

// Max is the highest signal number.
const Max = 64

// InfoSize is the size of a siginfo_t in bytes.
const InfoSize = 128

// restorerPC is the address that the handler returns to.
func restorerPC() uintptr

func handled() sys.Sigaction {
	return sys.Sigaction{
		Handler:  handlerPC(),
		Flags:    handlerFlags | sys.SA_RESTORER,
		Restorer: restorerPC(),
		Mask:     sys.EverySignal(),
	}
}
