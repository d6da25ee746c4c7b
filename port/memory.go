package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// firstChildren is how many children there is room for before the tables have
// to grow.
const firstChildren = 128

// memory is what a process works with, allocated once. A forked child shares
// it with its parent until one of them writes, page by page; an idle process
// costs as much as the pages that it writes. So what every message touches
// comes first, and the buffers, of which small messages touch only the front,
// begin in pages that are written anyway.
type memory struct {
	process Process
	fds     [placeChildren + firstChildren*streams]sys.PollFD
	pids    [firstChildren]int32
	inbound [inboundSize]byte

	slots    [firstChildren]Child
	outbound [outboundSize]byte

	records [recordsPerRead * signal.InfoSize]byte
}
