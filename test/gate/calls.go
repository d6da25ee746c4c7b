// SPDX-License-Identifier: ISC

package gate

import (
	"bufio"
	"bytes"
	"debug/elf"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

// Calls returns what is wrong with the functions that a program can reach: one
// line for each function that is on no list, with one that calls it, and for
// each package of the module that wants to be initialised.
func Calls(program string) ([]string, error) {
	functions, err := functionsOf(program)
	if err != nil {
		return nil, err
	}
	graph, err := disassemble(program, functions)
	if err != nil {
		return nil, err
	}
	var wrong []string
	reached := map[string]string{} // and by what
	var reach func(name, by string)
	reach = func(name, by string) {
		if _, again := reached[name]; again {
			return
		}
		reached[name] = by
		switch p := plain(name); {
		case ends[p] || barrier(p):
			return
		case !own(name) && !leaf(name):
			wrong = append(wrong, fmt.Sprintf("%s is called by %s", name, by))
			return
		}
		for _, callee := range graph[name] {
			reach(callee, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		if own(name) {
			reach(name, "")
		}
	}
	if _, ok := functions[module+"port/entry.start"]; !ok {
		wrong = append(wrong, "the program was linked without its entry")
	}
	return append(wrong, initialised(functions)...), nil
}

// initialised names the packages of the module that have code for their variables.
func initialised(functions map[string]elf.Symbol) (wrong []string) {
	for name := range functions {
		path, function, _ := strings.Cut(strings.TrimPrefix(name, module), ".")
		if own(name) && (function == "init" || strings.HasPrefix(function, "init.")) {
			wrong = append(wrong, fmt.Sprintf("package %s is initialised by code", path))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// functionsOf returns the functions of a program by their names.
func functionsOf(program string) (map[string]elf.Symbol, error) {
	f, err := elf.Open(program)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	functions := map[string]elf.Symbol{}
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Size > 0 {
			functions[s.Name] = s
		}
	}
	return functions, nil
}

// disassemble returns which functions each function names in its instructions:
// calls, jumps and addresses.
func disassemble(program string, functions map[string]elf.Symbol) (map[string][]string, error) {
	out, err := exec.Command("go", "tool", "objdump", program).Output()
	if err != nil {
		return nil, fmt.Errorf("go tool objdump: %w", err)
	}
	graph := map[string][]string{}
	from := ""
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "TEXT "); ok {
			from = name[:strings.Index(name, "(SB)")]
			continue
		}
		if to := named(line, functions); to != "" && to != from {
			graph[from] = append(graph[from], to)
		}
	}
	return graph, lines.Err()
}

// named returns the function that an instruction names, "" if it names none. A line of
// the disassembler has four columns. The last one is
//
//	CALL runtime.memmove(SB)
//	LEAQ runtime.memmove(SB), AX
func named(line string, functions map[string]elf.Symbol) string {
	columns := strings.Split(strings.TrimRight(line, "\t "), "\t")
	instruction := columns[len(columns)-1]
	at := strings.LastIndex(instruction, "(SB)")
	if at < 0 {
		return ""
	}
	operand := instruction[:at]
	for {
		if _, ok := functions[operand]; ok {
			return operand
		}
		space := strings.IndexByte(operand, ' ')
		if space < 0 {
			return ""
		}
		operand = operand[space+1:]
	}
}
