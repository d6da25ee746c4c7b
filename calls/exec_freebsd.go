package calls

import "github.com/alcove-go/alcove/port/sys"

func (c *Calls) tryFexecve() sys.Errno {
	x := &c.exec
	_, err := sys.Call(sys.SYS_FEXECVE, uintptr(x.fd), x.argv.address(), x.envp)
	return err
}
