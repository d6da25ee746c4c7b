// SPDX-License-Identifier: ISC

// Command bench measures a port program over plain pipes, beside what the same way through the
// kernel costs with cat(1), and prints a table.
//
//	go run ./test/bench -port priv/alcove
//	go run ./test/bench -port priv/alcove -only stream -n 5
//
// A call to a process at depth d passes 2d+1 processes, and so does a line through 2d+1 cats;
// output from depth d passes d of them. Absolute figures differ from machine to machine; their
// ratio to the reference, taken in turns in the same run, carries over. A ratio above 1 means that
// the program is faster than cats.
//
// Files: figures.go what is measured, port.go a running port, cat.go the reference.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	program := flag.String("port", "priv/alcove", "the `program` to measure")
	runs := flag.Int("n", 3, "`runs` of each figure; the median is shown")
	only := flag.String("only", "", "take only figures with this `text` in their names")
	flag.Parse()
	if flag.NArg() > 0 || *runs < 1 {
		flag.Usage()
		return
	}
	// Hundreds of children need thousands of descriptors.
	var files unix.Rlimit
	check(unix.Getrlimit(unix.RLIMIT_NOFILE, &files))
	files.Cur = files.Max
	check(unix.Setrlimit(unix.RLIMIT_NOFILE, &files))

	fmt.Println(machine())
	fmt.Println()
	fmt.Println("| over pipes | alcove | cat | ratio |")
	fmt.Println("| --- | ---: | ---: | ---: |")
	for _, f := range figures {
		if strings.Contains(f.name, *only) {
			fmt.Println(f.row(*program, *runs))
		}
	}
}

// machine tells where the figures come from, and whether it had other things to do.
func machine() string {
	var u unix.Utsname
	check(unix.Uname(&u))
	load, err := os.ReadFile("/proc/loadavg")
	check(err)
	now, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%s %s %s, %d processors, load %s, %s", unix.ByteSliceToString(u.Sysname[:]),
		unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:]), runtime.NumCPU(), now,
		runtime.Version())
}

// figure is something that is measured.
type figure struct {
	name string
	unit string
	rate bool // more is better
	port func(program string) float64
	cat  func() float64 // nil: cats do nothing like it
}

// row measures and returns a row of the table.
func (f figure) row(program string, runs int) string {
	var port, cat []float64
	for range runs {
		port = append(port, f.port(program))
		if f.cat != nil {
			cat = append(cat, f.cat())
		}
	}
	if f.cat == nil {
		return fmt.Sprintf("| %s | %s %s | | |", f.name, digits(median(port)), f.unit)
	}
	ratio := median(cat) / median(port)
	if f.rate {
		ratio = 1 / ratio
	}
	return fmt.Sprintf("| %s | %s %s | %s | %.2f |", f.name, digits(median(port)), f.unit, digits(median(cat)), ratio)
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// digits shows as many as mean something.
func digits(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.3g", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
