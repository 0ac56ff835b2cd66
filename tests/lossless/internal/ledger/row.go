// Package ledger joins what the client saw with what the pods wrote down and
// decides what became of each request. Every request that was sent is in exactly
// one column.
package ledger

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cluster/lossless/internal/load"
)

// Row is a line of the table.
type Row struct {
	Event, Title, Variant, Proxy string

	Sent     int
	Answered int
	// The gateway's own failures: whatever is in no other column.
	Failed int
	// Begun by a pod whose process then ended, and not to be repeated by the retry law:
	// not idempotent, or a byte of the response had been seen.
	Lost int
	// In flight when a pod closed its idle connections, not idempotent, and begun by no pod: as far
	// as anyone can tell it lay unread in that pod's socket, and the law forbids to repeat it.
	Unread int
	// Answers that ended as if they were whole and were not, or broke off under a live pod.
	Truncated int
	// Answered by the gateway as the event allows: 503 after the wait for endpoints, 504 after
	// the route's timeout.
	Refused int

	// Executed twice although not idempotent; each is in one of the columns above as well.
	Duplicated int
	// Begun by a pod, but never sent by the client.
	Unknown int
	// Streams that GOAWAY handed back to the client, who sent them again.
	HandedBack int

	// Moments at which pods closed idle connections.
	Leaves int

	// 99th percentiles of short requests, milliseconds.
	Before, During float64
	Notes          []string
	Reasons        map[string]int // why requests failed
	Examples       []string       // some of those, with all that is known

	// What is expected: nothing in Failed, Duplicated, Truncated, Unknown; and Lost only if so.
	MayLose bool
	Missed  []string // promises of the event itself that were not kept
}

// Held says whether the row is as it should be.
func (r *Row) Held() bool { return len(r.Complaints()) == 0 }

// Complaints says what is not zero and should be.
func (r *Row) Complaints() []string {
	out := slices.Clone(r.Missed)
	for _, c := range []struct {
		name  string
		count int
	}{
		{"failed", r.Failed}, {"duplicated", r.Duplicated}, {"truncated", r.Truncated}, {"unknown", r.Unknown},
		{"unaccounted", r.Sent - r.Answered - r.Failed - r.Lost - r.Unread - r.Truncated - r.Refused},
	} {
		if c.count != 0 {
			out = append(out, fmt.Sprintf("%d %s", c.count, c.name))
		}
	}
	if r.Lost > 0 && !r.MayLose {
		out = append(out, fmt.Sprintf("%d lost", r.Lost))
	}
	if r.Unread > r.Leaves*mostUnread {
		out = append(out, fmt.Sprintf("%d unread, although pods left only %d times", r.Unread, r.Leaves))
	}
	return out
}

// mostUnread is how many requests each leaving pod may leave unread: on a machine of
// two busy cores a pod may not run for 50 ms, and it gets 15 POSTs and 10 calls a second.
const mostUnread = 3

// Case is what is needed to judge requests.
type Case struct {
	Journals   Journals
	Ends       map[string]time.Time // of processes, by pod; when it fell silent is an end as well
	Begin, End time.Time            // of the event
	// Requests sent while nobody was there may be refused after this long; 0: none may.
	RefusedAfter time.Duration
	// Requests that were sent to a silent pod time out after this long; the law forbids to
	// repeat those that are not idempotent. 0: no pod is silent.
	TimeoutAfter time.Duration
}

// Account puts every record in its column.
func Account(row Row, records []load.Record, c Case) Row {
	row.Sent, row.Reasons = len(records), map[string]int{}
	leaves := slices.AppendSeq(slices.Clone(c.Journals.leaves), maps.Values(c.Ends))
	row.Leaves = len(leaves)
	sent := map[string]bool{}
	var before, during []time.Duration
	for i := range records {
		r := &records[i]
		sent[r.ID] = true
		row.HandedBack += r.HandedBack
		c.judge(&row, r, leaves)
		switch {
		case !r.Kind.Short() || !r.Answered():
		case r.Begin.Before(c.Begin):
			before = append(before, r.Took())
		case r.Begin.Before(c.End):
			during = append(during, r.Took())
		}
	}
	for id := range c.Journals.tries {
		if !sent[id] && !strings.HasPrefix(id, Probe) {
			row.Unknown++
		}
	}
	row.Before, row.During = P99(before), P99(during)
	return row
}

// Probe begins the ids of requests that an event sends by itself, outside the load.
const Probe = "probe-"

// P99 is the 99th percentile in milliseconds.
func P99(times []time.Duration) float64 { return Percentile(times, 99) }

// Percentile is the nth of these, in milliseconds.
func Percentile(times []time.Duration, nth int) float64 {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return float64(times[(len(times)-1)*nth/100].Microseconds()) / 1000
}
