package sys

// ownCalls are the functions that only this system has.
func ownCalls(r int) []allocating {
	return []allocating{{"Unread", func() { Unread(r) }}}
}
