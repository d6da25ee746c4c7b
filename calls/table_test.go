package calls

import "testing"

// A call without a row would have neither a meaning nor a reply.
func TestEveryCallHasARowInTheTable(t *testing.T) {
	for nr, row := range table {
		if row.run == nil && row.reply == nil {
			t.Errorf("%s has none", callNames[nr])
		}
	}
}
