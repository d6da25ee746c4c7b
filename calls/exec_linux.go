package calls

import (
	"github.com/alcove-go/alcove/port/sys"
	"golang.org/x/sys/unix"
)

func (c *Calls) tryFexecve() sys.Errno {
	x := &c.exec
	const emptyPath = "\x00"
	_, err := sys.Call6(unix.SYS_EXECVEAT, uintptr(x.fd), stringAddress(emptyPath),
		x.argv.address(), x.envp, unix.AT_EMPTY_PATH, 0)
	return err
}
