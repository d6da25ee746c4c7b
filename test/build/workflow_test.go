// SPDX-License-Identifier: ISC

package build

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A workflow is what the tests look at in a file of .github/workflows.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Minutes     int `yaml:"timeout-minutes"`
		Steps       []step
	}
}

type step struct {
	Uses string
	Run  string
	With map[string]any
}

// script returns what a step runs, itself or by an action that runs commands elsewhere.
func (s step) script() string {
	run, _ := s.With["run"].(string)
	return s.Run + "\n" + run
}

var (
	byCommit    = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)
	callOfMake  = regexp.MustCompile(`(?m)(?:^|&& |; )g?make((?: [^\n;&|]+)?)`)
	ofMakefile  = regexp.MustCompile(`(?m)^([a-z][a-z -]*):`)
	isATarget   = regexp.MustCompile(`^[a-z][a-z-]*$`)
	anAddedWord = regexp.MustCompile(`"[^"]*"`)
)

// targets returns those that a script makes; a call without one makes all.
func targets(script string) []string {
	var all []string
	for _, call := range callOfMake.FindAllStringSubmatch(script, -1) {
		found := []string{}
		for _, arg := range strings.Fields(anAddedWord.ReplaceAllString(call[1], "")) {
			if isATarget.MatchString(arg) {
				found = append(found, arg)
			}
		}
		if len(found) == 0 {
			found = []string{"all"}
		}
		all = append(all, found...)
	}
	return all
}

func TestWorkflowsCallTargetsThatExistAndActionsByCommit(t *testing.T) {
	known := map[string]bool{}
	for _, m := range ofMakefile.FindAllStringSubmatch(string(read(t, "../../Makefile")), -1) {
		for _, name := range strings.Fields(m[1]) {
			known[name] = true
		}
	}
	paths, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("workflows: %v, %v", paths, err)
	}
	called := 0
	for _, path := range paths {
		var w workflow
		if err := yaml.Unmarshal(read(t, path), &w); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
			t.Errorf("%s: permissions %v, want to read the contents and no others", path, w.Permissions)
		}
		for name, job := range w.Jobs {
			if job.Permissions != nil || job.Minutes == 0 || len(job.Steps) == 0 {
				t.Errorf("%s: %s: permissions %v, %d minutes, %d steps", path, name, job.Permissions, job.Minutes, len(job.Steps))
			}
			for _, s := range job.Steps {
				if s.Uses != "" && !byCommit.MatchString(s.Uses) {
					t.Errorf("%s: %s uses %s, want it by its commit", path, name, s.Uses)
				}
				for _, target := range targets(s.script()) {
					called++
					if !known[target] {
						t.Errorf("%s: %s makes %s, which there is not", path, name, target)
					}
				}
			}
		}
	}
	if called < 10 {
		t.Errorf("%d calls of make were found", called)
	}
}

func TestTargetsOfAScriptAreFound(t *testing.T) {
	got := strings.Join(targets("gmake\nmake demo\ncd x && make xref dialyzer A=b\nmake verify TARBALL=\"$(echo make no)\"\n"), " ")
	if want := "all demo xref dialyzer verify"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
