// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// There is no epoll: poll(2) waits for the children however many they are, and
// nothing has to be told what it waits for.

// Operations of control.
const (
	opAdd = iota
	opChange
	opRemove
)

type manyEvents struct{}

type manyEvent struct{ Fd int32 }

func (s *pollset) update(op, place int) {}

func (s *pollset) useMany() {}

func (s *pollset) giveUpMany(err sys.Errno) {}

func (s *pollset) dropMany() {}

func (s *pollset) place(key int32) int { return int(key) }

func (s *pollset) readyMany() []manyEvent { return nil }
