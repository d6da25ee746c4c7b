// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

const (
	maxName     = 255 // of a file without its directory
	defaultPath = "/bin:/usr/bin"
	shell       = "/bin/sh\x00"
)

// tryExecvp tries the file itself if it has a slash, and otherwise what it
// could be in each directory of PATH until one is executed.
//
// Of the directories that did not have it, one that was not permitted decides
// what the error is.
func (c *Calls) tryExecvp() sys.Errno {
	file := c.exec.file
	if hasSlash(file) {
		return c.tryScript(file)
	}
	search, ok := c.env.get([]byte("PATH"))
	if !ok {
		search = []byte(defaultPath)
	}
	candidate := c.mem.take(maxPath + 1 + maxName + 1)
	last, denied := sys.ENOENT, false
	for more := true; more; {
		var dir []byte
		dir, search, more = cutPath(search)
		if len(dir) > maxPath {
			continue
		}
		last = c.tryScript(join(candidate, dir, file))
		switch last {
		case sys.EACCES:
			denied = true
		case sys.ENOENT, sys.ENOTDIR, sys.ESTALE, sys.ENODEV, sys.ETIMEDOUT:
		default:
			return last
		}
	}
	if denied {
		return sys.EACCES
	}
	return last
}

// tryScript tries file, which is followed by a NUL. What the kernel does not
// recognise is taken for a script and given to the shell.
func (c *Calls) tryScript(file []byte) sys.Errno {
	x := &c.exec
	err := execve(file, x.argv.address(), x.envp)
	if err != sys.ENOEXEC {
		return err
	}
	v := x.argv.vector
	first := v[1]
	v[0], v[1] = stringAddress(shell), address(file)
	_, err = sys.Call(sys.SYS_EXECVE, v[0], address(v), x.envp)
	v[1] = first
	return err
}

// cutPath cuts the first directory off a list separated by colons and reports
// whether more follow.
func cutPath(list []byte) (dir, rest []byte, more bool) {
	for i, ch := range list {
		if ch == ':' {
			return list[:i], list[i+1:], true
		}
	}
	return list, nil, false
}

// join puts file, in dir, into the buffer to, and a NUL after it. The empty
// directory is the current one.
func join(to, dir, file []byte) []byte {
	n := copy(to, dir)
	if n > 0 {
		to[n] = '/'
		n++
	}
	n += copy(to[n:], file)
	to[n] = 0
	return to[:n]
}

func hasSlash(file []byte) bool {
	for _, ch := range file {
		if ch == '/' {
			return true
		}
	}
	return false
}
