package sys

// PollFD is struct pollfd. An FD below zero is passed over.
type PollFD struct {
	FD      int32
	Events  int16
	Revents int16
}
