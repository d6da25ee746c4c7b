package onethread

import "testing"

func TestAnonymousMappingsAreFoundInTheList(t *testing.T) {
	for line, want := range map[string][2]uintptr{
		"00581000-005b9000 rw-p 00000000 00:00 0 ":                           {0x581000, 0x5b9000},
		"7ffe3000-7ffe5000 rw-p 00000000 00:00 0                  [stack]":   {0x7ffe3000, 0x7ffe5000},
		"00571000-00581000 rw-p 00171000 fe:00 10010880           /a port":   {},
		"00571000-00581000 rw-p 00000000 00:01 1a                 /dev/zero": {},
		"00571000-00581000 rw-s 00000000 00:00 0 ":                           {},
		"00571000-00581000 r--p 00000000 00:00 0                  [vvar]":    {},
		"00571000-00581000 ---p 00000000 00:00 0 ":                           {},
		"00571000-00581000 rw-p":                                             {},
		"":                                                                   {},
	} {
		start, end, ok := anonymous([]byte(line))
		if ok != (want != [2]uintptr{}) || ok && (start != want[0] || end != want[1]) {
			t.Errorf("%q: %#x-%#x, %v", line, start, end, ok)
		}
	}
}
