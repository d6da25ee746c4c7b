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

func TestTablesHaveTheNamesOfTheCPort(t *testing.T) {
	want := map[string]int{
		"clone": 8, "fcntl": 7, "file": 20, "ioctl": 147, "mount": 36, "prctl": 142, "prio": 3, "ptrace": 44,
		"rlimit": 17, "seccomp": 3, "signal": 33, "socket": 30, "syscall": 292 + 28, "wait": 3,
	}
	got := map[string]int{}
	for _, tab := range readLists(t).Tables {
		got[tab.Name] = len(tab.Targets[amd64])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names on amd64 (-want +got):\n%s", diff)
	}
}

func TestSystemCallsAreThoseOfTheArchitecture(t *testing.T) {
	tab := find(t, readLists(t), "syscall")
	want := map[string]int{"386": 334, "amd64": 292, "arm": 336, "arm64": 252, "riscv64": 251}
	got := map[string]int{}
	for _, target := range targets {
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
	} {
		got, ok := lookup(find(t, s, tt.table), tt.target, tt.name)
		if !ok || got != tt.want {
			t.Errorf("%s on %s: got %#x, %t, want %#x", tt.name, tt.target, got, ok, tt.want)
		}
	}
}

func TestNamesOfOtherSystemsAreLeftOut(t *testing.T) {
	s := readLists(t)
	for table, name := range map[string]string{
		"errno": "esuccess", "file": "__o_sync", "ioctl": "tiocflush", "mount": "mnt_rdonly",
		"prctl": "pr_set", "signal": "siglost", "syscall": "sys_syscall", "wait": "p_pid",
	} {
		for _, target := range targets {
			if v, ok := lookup(find(t, s, table), target, name); ok {
				t.Errorf("%s is %d on %s, want it left out", name, v, target)
			}
		}
	}
}

func TestFirstNameOfASignalIsTheOneOfEvents(t *testing.T) {
	tab := find(t, readLists(t), "signal")
	for number, want := range map[int64]string{6: "sigabrt", 17: "sigchld", 29: "sigio"} {
		for _, target := range targets {
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
	atoms, err := errnoByNumber(s.Errno)
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
	got, err := errnoByNumber(tab)
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
	for _, n := range []string{"o_none", "o_one", "sys_none"} {
		if _, err := resolve(table{Name: "t", Names: []name{{Name: n}}}, all); err == nil || !strings.Contains(err.Error(), n) {
			t.Errorf("%s: got error %v, want one that names it", n, err)
		}
	}
	got, err := resolve(table{Name: "t", Names: []name{{Name: "sys_one"}}}, all)
	if diff := cmp.Diff(map[target][]entry{arm: {{"sys_one", 1}}}, got.Targets); err != nil || diff != "" {
		t.Errorf("a system call of one architecture (-want +got): %v\n%s", err, diff)
	}
}

func TestConstantsOfTheKernelAreSharedWhereTheyAreEqual(t *testing.T) {
	files := goKernel(resolved{Targets: map[target][]entry{
		amd64:   {{"EAGAIN", 11}, {"O_DIRECTORY", 1 << 16}, {"SYS_POLL", 7}},
		arm64:   {{"EAGAIN", 11}, {"O_DIRECTORY", 1 << 14}},
		i386:    {{"EAGAIN", 11}, {"O_DIRECTORY", 1 << 16}, {"SYS_POLL", 168}},
		arm:     {{"EAGAIN", 11}, {"O_DIRECTORY", 1 << 14}, {"SYS_POLL", 168}},
		riscv64: {{"EAGAIN", 11}, {"O_DIRECTORY", 1 << 16}},
	}}, table{Names: []name{{Name: "eagain"}}})
	want := map[string]string{
		"":         "EAGAIN = Errno(11)",
		"_amd64":   "O_DIRECTORY = 0x10000 SYS_POLL = 7",
		"_arm64":   "O_DIRECTORY = 0x4000",
		"_386":     "O_DIRECTORY = 0x10000 SYS_POLL = 168",
		"_arm":     "O_DIRECTORY = 0x4000 SYS_POLL = 168",
		"_riscv64": "O_DIRECTORY = 0x10000",
	}
	got := map[string]string{}
	for path, b := range files {
		suffix := strings.TrimSuffix(strings.TrimPrefix(path, "port/sys/zkernel_linux"), ".go")
		_, block, _ := strings.Cut(b.String(), "const (")
		got[suffix] = strings.Join(strings.Fields(strings.TrimSuffix(block, ")\n")), " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("constants (-want +got):\n%s", diff)
	}
}
