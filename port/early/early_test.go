//go:build linux

package early_test

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/port/early"
)

// again makes the test program show what it has, instead of testing.
const again = "EARLY_TEST_AGAIN"

func TestMain(m *testing.M) {
	if os.Getenv(again) == "" {
		os.Exit(m.Run())
	}
	raised := limit()
	restored := early.RestoreNoFile()
	fmt.Println(early.NoFile.Cur, raised.Cur > early.NoFile.Cur, restored, limit().Cur)
}

func limit() (l syscall.Rlimit) {
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		panic(err)
	}
	return l
}

func TestLimitAtTheStartIsKeptAndRestored(t *testing.T) {
	cmd := exec.Command("sh", "-c", "ulimit -Sn 137 && exec "+os.Args[0])
	cmd.Env = append(os.Environ(), again+"=yes")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The start, whether package syscall raised it, whether it was restored.
	if diff := cmp.Diff("137 true true 137\n", string(out)); diff != "" {
		t.Errorf("limit (-want +got):\n%s", diff)
	}
}
