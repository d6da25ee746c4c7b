// SPDX-License-Identifier: ISC

package build

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// commands are scripts by their names, the only commands that there are.
type commands map[string]string

// setUp runs the setup script, which says what it does, and what it makes apt-get do.
func setUp(t *testing.T, has commands, args ...string) (output string, err error) {
	t.Helper()
	bin := t.TempDir()
	for name, script := range has {
		write(t, filepath.Join(bin, name), "#!/bin/sh\n"+script+"\n", 0o700)
	}
	cmd := exec.Command("/bin/sh", append([]string{"../../.ci/setup"}, args...)...)
	cmd.Env = []string{"PATH=" + bin}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestSetupSaysWhatItDoesAndWhyItCannot(t *testing.T) {
	const (
		packages = "erlang-base erlang-dev rebar3"
		missing  = "missing: erl erlc rebar3\n"
		apt      = `echo "apt-get $1"`
		tools    = "rebar3, Erlang/OTP 24 or later\n"
	)
	for _, tt := range []struct {
		name string
		has  commands
		want string
		ok   bool
	}{
		{"nothing is missing", commands{"erl": "", "erlc": "", "rebar3": ""}, "", true},
		{"root installs", commands{"id": "echo 0", "apt-get": apt, "apt-cache": ""},
			missing + "installing, with apt-get: " + packages + "\napt-get update\napt-get install\n", true},
		{"a user installs by sudo", commands{"id": "echo 1", "sudo": `[ "$1" != -n ] || shift; "$@"`, "true": "", "apt-get": apt, "apt-cache": ""},
			missing + "installing, with sudo apt-get: " + packages + "\napt-get update\napt-get install\n", true},
		{"a user whom sudo refuses", commands{"id": "echo 1", "sudo": "exit 1", "apt-get": apt},
			missing + "installing needs root: have root run sh .ci/setup, or install " + tools, false},
		{"a user without sudo", commands{"id": "echo 1", "apt-get": apt},
			missing + "installing needs root: have root run sh .ci/setup, or install " + tools, false},
		{"another system", commands{"id": "echo 0"}, missing + "install " + tools, false},
		{"no network", commands{"id": "echo 0", "apt-get": "exit 100"},
			missing + "installing, with apt-get: " + packages + "\n" +
				"apt-get cannot fetch the packages: the network, or the servers that apt is told to use\n", false},
		{"an old release", commands{"id": "echo 0", "apt-get": apt, "apt-cache": "exit 100"},
			missing + "installing, with apt-get: " + packages + "\napt-get update\n" +
				"this release has no package rebar3 (Debian 11 and before, whose Erlang is too old, too):\ninstall " + tools, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := setUp(t, tt.has, "build")
			if diff := cmp.Diff(tt.want, got); diff != "" || (err == nil) != tt.ok {
				t.Errorf("%v, output (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestSetupTakesTheEmulatorsOfEitherName(t *testing.T) {
	const rest = "erl erlc rebar3 dialyzer shellcheck gcc busybox strace gdb valgrind nc ps mix redis-check-rdb bwrap python3 nginx"
	for _, emulator := range []string{"qemu-aarch64-static", "qemu-aarch64"} {
		has := commands{"id": "echo 1000", emulator: ""}
		for _, name := range strings.Fields(rest) {
			has[name] = ""
		}
		if got, err := setUp(t, has); err != nil || got != "" {
			t.Errorf("with %s: %v, %q, want that nothing is missing", emulator, err, got)
		}
	}
}

// The server is installed on every machine that runs this: the script looks into another folder.
func TestSetupLeavesAServerThatItInstallsOff(t *testing.T) {
	script, err := os.ReadFile("../../.ci/setup")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name       string
		kept       string
		refuse     int
		want, left string
	}{
		{"it installs", "", 0, "apt-get: exit 101\nupdate-rc.d nginx disable\n", ""},
		{"it cannot install", "", 1, "apt-get: exit 101\n", ""},
		{"a policy is there", "exit 1\n", 0, "apt-get: exit 1\nupdate-rc.d nginx disable\n", "exit 1\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sbin := t.TempDir()
			policy := filepath.Join(sbin, "policy-rc.d")
			setup := filepath.Join(t.TempDir(), "setup")
			write(t, setup, strings.ReplaceAll(string(script), "/usr/sbin", sbin), 0o700)
			if tt.kept != "" {
				write(t, policy, tt.kept, 0o700)
			}
			write(t, filepath.Join(sbin, "id"), "#!/bin/sh\necho 0\n", 0o700)
			write(t, filepath.Join(sbin, "apt-cache"), "#!/bin/sh\n", 0o700)
			write(t, filepath.Join(sbin, "apt-get"), "#!/bin/sh\n[ \"$1\" = update ] || { echo \"apt-get: $(tail -n 1 "+
				policy+")\"; exit "+strconv.Itoa(tt.refuse)+"; }\n", 0o700)
			write(t, filepath.Join(sbin, "update-rc.d"), "#!/bin/sh\necho update-rc.d $*\n", 0o700)
			cmd := exec.Command("/bin/sh", setup)
			cmd.Env = []string{"PATH=" + sbin + ":/bin:/usr/bin"}
			got, err := cmd.Output()
			_, got, _ = bytes.Cut(got, []byte(" nginx\ninstalling"))
			_, got, _ = bytes.Cut(got, []byte("\n"))
			if diff := cmp.Diff(tt.want, string(got)); diff != "" || (err == nil) != (tt.refuse == 0) {
				t.Errorf("%v, output (-want +got):\n%s", err, diff)
			}
			if left, _ := os.ReadFile(policy); string(left) != tt.left {
				t.Errorf("the policy afterwards is %q, want %q", left, tt.left)
			}
		})
	}
}
