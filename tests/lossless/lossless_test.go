package main

import (
	"bytes"
	"testing"

	"cluster/lossless/internal/event"
)

// Every event in its short form: what should be zero is zero, and every request is
// accounted for. No time is asserted.
func TestTableOfZeros(t *testing.T) {
	p := headgate(t)
	for _, e := range event.All(event.Short()) {
		t.Run(e.Name+" "+e.Title, func(t *testing.T) {
			t.Parallel()
			row := play(t, p, e, event.Short())
			if !row.Held() {
				var said bytes.Buffer
				row.Print(&said)
				t.Errorf("\n%s", said.String())
			}
		})
	}
}
