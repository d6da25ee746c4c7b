// SPDX-License-Identifier: ISC

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	amd64   = target{"linux", "amd64"}
	arm64   = target{"linux", "arm64"}
	i386    = target{"linux", "386"}
	arm     = target{"linux", "arm"}
	riscv64 = target{"linux", "riscv64"}
	freebsd = target{"freebsd", "arm64"}

	linux = system{"linux", []target{amd64, arm64, i386, arm, riscv64}}
)

func find(t *testing.T, s sources, name string) resolved {
	t.Helper()
	if name == "errno" {
		return s.Errno
	}
	for _, tab := range s.Tables {
		if tab.Name == name {
			return tab
		}
	}
	t.Fatalf("no table %s", name)
	return resolved{}
}

func lookup(tab resolved, t target, name string) (int64, bool) {
	for _, e := range tab.Targets[t] {
		if e.Name == name {
			return e.Value, true
		}
	}
	return 0, false
}

func TestTablesHaveTheNamesOfTheCPortAndSomeMore(t *testing.T) {
	want := map[string]int{
		"clone": 8, "fcntl": 7 + 11, "file": 20, "ioctl": 147, "mount": 36, "prctl": 142, "prio": 3, "ptrace": 44,
		"other": 153, "rlimit": 17 + 1, "seccomp": 3, "signal": 33, "socket": 30 + 3, "syscall": 292 + 93 + 28, "wait": 3 + 2,
	}
	got := map[string]int{}
	for _, tab := range readLists(t).Tables {
		if tab.existsOn(linux) {
			got[tab.Name] = len(tab.Targets[amd64])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names on amd64 (-want +got):\n%s", diff)
	}
}

func TestSystemCallsAreThoseOfTheArchitecture(t *testing.T) {
	tab := find(t, readLists(t), "syscall")
	want := map[string]int{"386": 461, "amd64": 385, "arm": 428, "arm64": 328, "riscv64": 329}
	got := map[string]int{}
	for _, target := range linux.Targets {
		for _, e := range tab.Targets[target] {
			if strings.HasPrefix(e.Name, "sys_") {
				got[target.Arch]++
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sys names (-want +got):\n%s", diff)
	}
}

func TestValuesAreThoseOfTheArchitecture(t *testing.T) {
	s := readLists(t)
	for _, tt := range []struct {
		table, name string
		target      target
		want        int64
	}{
		{"file", "o_largefile", amd64, 0},
		{"file", "o_largefile", arm64, 0},
		{"file", "o_largefile", riscv64, 0},
		{"file", "o_largefile", i386, 0o100000},
		{"file", "o_largefile", arm, 0o400000},
		{"file", "o_directory", amd64, 0o200000},
		{"file", "o_directory", arm64, 0o40000},
		{"file", "o_sync", amd64, 0o4010000},
		{"mount", "rdonly", amd64, 1},
		{"mount", "ms_nouser", amd64, -1 << 31},
		{"mount", "ms_mgc_val", amd64, 0xc0ed0000},
		{"prctl", "pr_set_ptracer_any", amd64, -1},
		{"prctl", "pr_set_ptracer_any", arm, 1<<32 - 1},
		{"prctl", "seccomp_ret_kill_process", amd64, 1 << 31},
		{"ioctl", "siogifindex", amd64, 0x8933},
		{"ioctl", "tungetiff", arm64, 0x800454d2},
		{"ioctl", "fioqsize", arm, 0x545e},
		{"rlimit", "rlimit_nlimits", amd64, 16},
		{"syscall", "sys_execve", amd64, 59},
		{"syscall", "sys_execve", arm64, 221},
		{"syscall", "sys_execve", i386, 11},
		{"syscall", "audit_arch_x86_64", arm64, 0xc000003e},
		{"cap", "cap_read", freebsd, 1<<57 | 1},
		{"errno", "eagain", freebsd, 35},
		{"errno", "ecapmode", freebsd, 94},
		{"file", "o_path", freebsd, 0x400000},
		{"ioctl", "tiocgwinsz", freebsd, 0x40087468},
		{"ioctl", "tiocflush", freebsd, 0x80047410},
		{"mount", "rdonly", freebsd, 1},
		{"mount", "mnt_force", freebsd, 0x80000},
		{"procctl", "proc_reap_acquire", freebsd, 2},
		{"rlimit", "rlimit_nofile", freebsd, 8},
		{"signal", "sigchld", freebsd, 20},
		{"wait", "p_pgid", freebsd, 2},
	} {
		got, ok := lookup(find(t, s, tt.table), tt.target, tt.name)
		if !ok || got != tt.want {
			t.Errorf("%s on %s: got %#x, %t, want %#x", tt.name, tt.target, got, ok, tt.want)
		}
	}
}

func TestNamesOfOtherSystemsAreLeftOut(t *testing.T) {
	s := readLists(t)
	for _, tt := range []struct {
		system string
		names  map[string]string
	}{
		{"linux", map[string]string{
			"cap": "cap_read", "errno": "esuccess", "file": "__o_sync", "ioctl": "tiocflush", "mount": "mnt_rdonly",
			"prctl": "pr_set", "signal": "siglost", "syscall": "sys_syscall", "wait": "p_pid",
		}},
		{"freebsd", map[string]string{
			"clone": "clone_newns", "errno": "enodata", "file": "o_noatime", "ioctl": "tcgets", "mount": "ms_rdonly",
			"prctl": "pr_set_name", "signal": "sigpwr", "syscall": "sys_read", "socket": "af_packet",
		}},
	} {
		for table, name := range tt.names {
			for _, target := range targets {
				if v, ok := lookup(find(t, s, table), target, name); ok && target.OS == tt.system {
					t.Errorf("%s is %d on %s, want it left out", name, v, target)
				}
			}
		}
	}
}

func TestFirstNameOfASignalIsTheOneOfEvents(t *testing.T) {
	tab := find(t, readLists(t), "signal")
	for number, want := range map[int64]string{6: "sigabrt", 17: "sigchld", 29: "sigio"} {
		for _, target := range linux.Targets {
			for _, e := range tab.Targets[target] {
				if e.Value != number {
					continue
				}
				if e.Name != want {
					t.Errorf("signal %d on %s: got %s, want %s", number, target, e.Name, want)
				}
				break
			}
		}
	}
}

func TestErrnoAtoms(t *testing.T) {
	s := readLists(t)
	atoms, err := errnoByNumber(s.Errno, linux)
	if err != nil {
		t.Fatal(err)
	}
	if len(atoms) != 118 {
		t.Errorf("got %d atoms, want 118", len(atoms))
	}
	want := map[int64]string{1: "eperm", 11: "eagain", 35: "edeadlk", 43: "eidrm", 61: "enodata", 95: "enotsup", 131: "enotrecoverable"}
	for _, n := range []int64{0, 41, 58, 84, 85, 86, 120, 123, 124, 125, 126, 127, 128, 129, 132, 133} {
		want[n] = ""
	}
	for n, atom := range want {
		if atoms[n] != atom {
			t.Errorf("errno %d: got %q, want %q", n, atoms[n], atom)
		}
	}
}

func TestAnAliasTakesOverWhereItIsTheOnlyName(t *testing.T) {
	number := int64(1000)
	all := map[target]values{}
	for _, target := range targets {
		all[target] = values{"edeadlk": 35, "edeadlock": number}
	}
	tab, err := resolve(table{Name: "errno", Names: []name{{Name: "edeadlk"}, {Name: "edeadlock"}}}, all)
	if err != nil {
		t.Fatal(err)
	}
	got, err := errnoByNumber(tab, linux)
	if diff := cmp.Diff(map[int64]string{35: "edeadlk", number: "edeadlock"}, got); diff != "" || err != nil {
		t.Errorf("atoms (-want +got): %v\n%s", err, diff)
	}
}

func TestANameWithoutAValueIsAnError(t *testing.T) {
	all := map[target]values{}
	for _, target := range targets {
		all[target] = values{}
	}
	all[arm]["o_one"], all[arm]["sys_one"] = 1, 1
	for _, n := range []name{
		{Name: "o_none"}, {Name: "o_one"}, {Name: "sys_none"}, {Name: "o_bsd", Where: places([]string{"freebsd"})},
	} {
		if _, err := resolve(table{Name: "t", Names: []name{n}}, all); err == nil || !strings.Contains(err.Error(), n.Name) {
			t.Errorf("%s: got error %v, want one that names it", n.Name, err)
		}
	}
	got, err := resolve(table{Name: "t", Names: []name{{Name: "sys_one"}}}, all)
	if diff := cmp.Diff(map[target][]entry{arm: {{"sys_one", 1}}}, got.Targets); err != nil || diff != "" {
		t.Errorf("a system call of one architecture (-want +got): %v\n%s", err, diff)
	}
}

func TestANameThatOnlyLinuxHasIsNoErrorElsewhere(t *testing.T) {
	all := map[target]values{}
	for _, target := range targets {
		all[target] = values{}
		if target.OS == "linux" {
			all[target]["o_one"] = 1
		}
	}
	for _, n := range []name{{Name: "o_one"}, {Name: "o_one", Where: places([]string{"linux", "bsd"})}} {
		got, err := resolve(table{Name: "t", Names: []name{n}}, all)
		if len(got.Targets[amd64]) != 1 || len(got.Targets[freebsd]) != 0 || err != nil {
			t.Errorf("%v: got %v, %v, want the name on Linux alone", n, got.Targets, err)
		}
	}
}

func TestConstantsOfTheKernelAreSharedWhereTheyAreEqual(t *testing.T) {
	files := goKernel(resolved{Targets: map[target][]entry{
		amd64:                {{"EAGAIN", 11}, {"O_DIRECTORY", 1 << 16}, {"SYS_POLL", 7}},
		arm64:                {{"EAGAIN", 11}, {"O_DIRECTORY", 1 << 14}},
		i386:                 {{"EAGAIN", 11}, {"O_DIRECTORY", 1 << 16}, {"SYS_POLL", 168}},
		arm:                  {{"EAGAIN", 11}, {"O_DIRECTORY", 1 << 14}, {"SYS_POLL", 168}},
		riscv64:              {{"EAGAIN", 11}, {"O_DIRECTORY", 1 << 16}},
		{"freebsd", "amd64"}: {{"EAGAIN", 35}},
		{"freebsd", "arm64"}: {{"EAGAIN", 35}},
	}}, table{Names: []name{{Name: "eagain"}}})
	want := map[string]string{
		"linux":         "EAGAIN = Errno(11)",
		"linux_amd64":   "O_DIRECTORY = 0x10000 SYS_POLL = 7",
		"linux_arm64":   "O_DIRECTORY = 0x4000",
		"linux_386":     "O_DIRECTORY = 0x10000 SYS_POLL = 168",
		"linux_arm":     "O_DIRECTORY = 0x4000 SYS_POLL = 168",
		"linux_riscv64": "O_DIRECTORY = 0x10000",
		"freebsd":       "EAGAIN = Errno(35)",
	}
	got := map[string]string{}
	for path, b := range files {
		suffix := strings.TrimSuffix(strings.TrimPrefix(path, "port/sys/zkernel_"), ".go")
		_, block, _ := strings.Cut(b.String(), "const (")
		got[suffix] = strings.Join(strings.Fields(strings.TrimSuffix(block, ")\n")), " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("constants (-want +got):\n%s", diff)
	}
}
