package sys

// ownCalls are the functions that only this system has.
func ownCalls(int) []allocating {
	return []allocating{{"ThrSelf", func() { ThrSelf() }}}
}
