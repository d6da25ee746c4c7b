package sys

// Sysctl is __sysctl(2). It fills old, if that is not nil, and returns how much
// of it, and makes set the value, if that is not nil.
func Sysctl(name []int32, old, set []byte) (size int, err Errno) {
	n := uintptr(len(old))
	var oldp, sizep, setp uintptr
	if old != nil {
		oldp, sizep = buf(old), ptr(&n)
	}
	if set != nil {
		setp = buf(set)
	}
	err = fail(Call6(SYS___SYSCTL, buf(name), uintptr(len(name)), oldp, sizep, setp, uintptr(len(set))))
	return int(n), err
}
