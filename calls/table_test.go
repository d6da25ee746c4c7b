// SPDX-License-Identifier: ISC

package calls

import "testing"

// A call without a row would have neither a meaning nor a reply.
func TestEveryCallHasARowInTheTable(t *testing.T) {
	for nr, row := range table {
		if exists := row.run != nil || row.reply != nil; exists != (callNames[nr] != "") {
			t.Errorf("call %d: %q has a row: %t", nr, callNames[nr], exists)
		}
	}
}
