//go:build linux

// SPDX-License-Identifier: ISC

package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// What a process that was asked to does about all that runs below it: at the end of its input, and
// before.

// buildArtist builds the program that escapes, once.
var buildArtist = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(pt.Program()), "artist")
	c := exec.Command("go", "build", "-o", path, "./testdata/artist")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := c.CombinedOutput()
	if err != nil {
		os.Stderr.Write(out)
	}
	return path, err
})

// perform makes a process become an artist, and returns when that has started all that it starts.
func perform(t *testing.T, p *pt.Port, to pt.Pipeline, way string, n string) {
	t.Helper()
	artist, err := buildArtist()
	if err != nil {
		t.Fatal(err)
	}
	p.Exec(to, artist, way, n)
	p.Await(pt.Stdout(to, "up\n"))
}

// subreaper makes the process one.
func subreaper(p *pt.Port, to pt.Pipeline) { p.Want(true, to, "setopt", pt.Atom("subreaper"), 1) }

func TestSubreaperIsMadeOnlyBeforeItHasChildren(t *testing.T) {
	p := pt.Start(t)
	p.Want(0, nil, "getopt", pt.Atom("subreaper"))
	p.Want(false, nil, "setopt", pt.Atom("subreaper"), 0)
	subreaper(p, nil)
	p.Want(1, nil, "getopt", pt.Atom("subreaper"))
	a := p.Fork(nil)
	p.Want(true, nil, "setopt", pt.Atom("subreaper"), 1) // it is one already
	p.Want(0, a, "getopt", pt.Atom("subreaper"))         // not inherited
	b := p.Fork(a)
	p.Want(false, a, "setopt", pt.Atom("subreaper"), 1)
	p.Want(0, a, "getopt", pt.Atom("subreaper"))
	p.Send(b, "exit", 0)
	p.Next(pt.Ctl(b, "fdctl_closed"), pt.ExitStatus(b, 0))
	subreaper(p, a)
	p.Want(okTuple(0, 0, 0, 0, 0), a, "prctl", pt.Atom("pr_set_child_subreaper"), 0, 0, 0, 0)
	p.Want(0, a, "getopt", pt.Atom("subreaper")) // it was taken away
}

func TestProcessOneOfAPidNamespaceIsASubreaper(t *testing.T) {
	pt.Need(t, "CAP_SYS_ADMIN", unix.CAP_SYS_ADMIN)
	p := pt.Start(t)
	a := p.Clone(nil, "clone_newpid")
	p.Want(1, a, "getopt", pt.Atom("subreaper"))
}

// The proof is ECHILD of a wait.
func TestSignalBelowEndsAllThatWasStartedBelow(t *testing.T) {
	for way, n := range map[string]string{
		"deaf": "1", "daemon": "1", "orphans": "20", "group": "1", "stopped": "1", "many": "300",
		"bomb": "300", "respawn": "20", "hop": "1", "hops": "5",
	} {
		t.Run(way, func(t *testing.T) {
			p := pt.Start(t)
			a := p.Fork(nil)
			subreaper(p, a)
			b := p.Fork(a)
			perform(t, p, b, way, n)
			p.Want(true, a, "setopt", pt.Atom("signalbelow"), int(unix.SIGTERM))
			pt.Until(t, "no child is left", func() bool {
				p.Want(true, a, "setopt", pt.Atom("signalbelow"), int(unix.SIGKILL))
				return cmp.Equal(p.Call(a, "waitpid", -1, pt.List{pt.Atom("wnohang")}), errno("echild"))
			})
		})
	}
}

// graceful returns a shell script that takes its time when it is asked to end.
func graceful(note string) string {
	return `trap "sleep 0.3; echo done >` + note + `; exit" TERM; echo up; while :; do sleep 0.01; done`
}

func TestGraceAtTheEndOfInputLetsProgramsFinish(t *testing.T) {
	for _, test := range []struct {
		name  string
		below func(p *pt.Port) pt.Pipeline // where the program runs, and who has the option
		needs uint
	}{
		{"child of the port", func(p *pt.Port) pt.Pipeline { grace(p, nil, 20000); return nil }, 0},
		{"two levels below", func(p *pt.Port) pt.Pipeline { grace(p, nil, 20000); return p.Chain(2) }, 0},
		{"below process 1 of a pid namespace", func(p *pt.Port) pt.Pipeline {
			grace(p, nil, 20000)
			return p.Clone(nil, "clone_newpid")
		}, unix.CAP_SYS_ADMIN},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.needs != 0 {
				pt.Need(t, "the capability", test.needs)
			}
			p := pt.Start(t)
			a := p.Fork(test.below(p))
			note := filepath.Join(t.TempDir(), "note")
			p.Sh(a, graceful(note))
			p.Await(pt.Stdout(a, "up\n"))
			p.CloseInput()
			p.Exit()
			if got, _ := os.ReadFile(note); string(got) != "done\n" {
				t.Errorf("the program noted %q", got)
			}
		})
	}
}

func grace(p *pt.Port, to pt.Pipeline, millis int) {
	p.Want(true, to, "setopt", pt.Atom("graceoneof"), millis)
	p.Want(millis, to, "getopt", pt.Atom("graceoneof"))
}

// Those that lose their parent meanwhile, or have lost it, too.
func TestGraceAtTheEndOfInputEndsAllBelowASubreaper(t *testing.T) {
	for way, n := range map[string]string{
		"deaf": "1", "daemon": "1", "orphans": "20", "group": "1", "stopped": "1", "many": "300",
		"bomb": "300", "respawn": "20", "hop": "1", "hops": "5", "late": "1", "late-hop": "1", "late-exit": "1",
	} {
		t.Run(way, func(t *testing.T) {
			p := pt.Start(t)
			subreaper(p, nil)
			grace(p, nil, 100)
			perform(t, p, p.Fork(nil), way, n)
			p.CloseInput()
			p.Exit()
			if left := alive(way); len(left) > 0 {
				t.Errorf("processes live on: %v", left)
			}
		})
	}
}

// alive lists the processes of an artist, wherever they are.
func alive(way string) (pids []int) {
	artist, _ := buildArtist()
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		if line, _ := os.ReadFile(name); strings.HasPrefix(string(line), artist+"\x00"+way+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// What the program still says while it ends has no reader any more, but it does not wait for one.
func TestGraceAtTheEndOfInputReadsWhatProgramsSay(t *testing.T) {
	p := pt.Start(t)
	grace(p, nil, 20000)
	note := filepath.Join(t.TempDir(), "note")
	a := p.Fork(nil)
	p.Sh(a, `trap "head -c 1000000 /dev/zero; echo done >`+note+`; exit" TERM; echo up; while :; do sleep 0.01; done`)
	p.Await(pt.Stdout(a, "up\n"))
	p.CloseInput()
	p.Exit()
	if got, _ := os.ReadFile(note); string(got) != "done\n" {
		t.Errorf("the program noted %q", got)
	}
}

// Only system calls that the page on guarantees names.
func TestGraceAtTheEndOfInputUnderAFilterEndsChildrenAndTheirGroups(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	grace(p, a, 100)
	b := p.Fork(a)
	p.Want(okTuple(b.Pid()), b, "setsid")
	p.Sh(b, `trap "" TERM; sleep 1000 & echo $!; wait`)
	background := outputInt(t, p, b)
	lockDown(p, a, unix.SYS_WAIT4, unix.SYS_KILL, unix.SYS_CLOSE)
	p.CloseInput()
	p.Exit()
	pt.Gone(t, b.Pid())
	pt.Gone(t, background)
}
