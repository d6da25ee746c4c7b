package sys

// PollFD is struct pollfd. An FD below zero is passed over.
type PollFD struct {
	FD      int32
	Events  int16
	Revents int16
}

// Events of poll(2).
const (
	PollIn   = 0x01
	PollPri  = 0x02
	PollOut  = 0x04
	PollErr  = 0x08
	PollHup  = 0x10
	PollNval = 0x20
)
