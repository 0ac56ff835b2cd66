// What became of one request.

package ledger

import (
	"fmt"
	"regexp"
	"time"

	"cluster/lossless/internal/load"
)

// mostExamples are kept of a row; the first ones say enough.
const mostExamples = 20

func (c *Case) judge(row *Row, r *load.Record, leaves []time.Time) {
	tries := c.Journals.tries[r.ID]
	if len(tries) > 1 && !r.Kind.Idempotent() {
		row.Duplicated++
		row.example("duplicated", c, r)
	}
	switch {
	case r.Answered() && len(tries) == 0:
		row.Failed++
		row.because(c, r, "answered by nobody")
	case r.Answered():
		row.Answered++
	case r.Whole && !r.Right && r.Status == 200:
		row.Truncated++
		row.example("truncated", c, r)
	case c.diedWith(r, tries) && (!r.Kind.Idempotent() || begunAnswer(r)):
		row.Lost++
	case c.isRefusal(r):
		row.Refused++
	case len(tries) == 0 && !r.Kind.Idempotent() && !begunAnswer(r) && brokeAsPodsLeft(r, leaves):
		row.Unread++
	case begunAnswer(r) && len(tries) > 0:
		row.Truncated++
		row.because(c, r, "broke off")
	default:
		row.Failed++
		row.because(c, r, "")
	}
}

// begunAnswer says whether the client got the head of a pod's answer.
func begunAnswer(r *load.Record) bool {
	return r.Status == 101 || r.Status == 200 && (r.Kind.Idempotent() || r.Bytes > 0)
}

// isRefusal says whether this is an answer of the gateway's own that the event allows.
func (c *Case) isRefusal(r *load.Record) bool {
	if c.RefusedAfter > 0 && r.Took() >= c.RefusedAfter {
		return r.Status == 503 && r.RetryAfter || hasCode(r, "14")
	}
	if c.TimeoutAfter > 0 && r.Took() >= c.TimeoutAfter && !r.Kind.Idempotent() {
		return r.Status == 504 || hasCode(r, "14") || hasCode(r, "4")
	}
	return false
}

// hasCode says whether a gRPC call was answered with nothing but this status.
func hasCode(r *load.Record, code string) bool {
	return r.Status == 200 && r.Bytes == 0 && r.HasCode(code)
}

// diedWith says whether a pod that began the request ended while it ran.
func (c *Case) diedWith(r *load.Record, tries []attempt) bool {
	for _, t := range tries {
		end, ended := c.Ends[t.pod]
		if ended && !end.Before(t.at) && end.Before(r.End.Add(slack)) {
			return true
		}
	}
	return false
}

// brokeAsPodsLeft says whether the request was on its way when a pod closed its idle
// connections, and came back with that.
func brokeAsPodsLeft(r *load.Record, leaves []time.Time) bool {
	for _, at := range leaves {
		if r.Begin.Before(at.Add(shortSlack)) && r.End.Sub(at).Abs() < shortSlack {
			return true
		}
	}
	return false
}

// shortSlack is how far apart two processes see the same moment on a machine that isn't
// overloaded.
const shortSlack = 250 * time.Millisecond

// slack is the same on any machine, where the pod is known.
const slack = time.Second

var numbers = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+:\d+(->)?|m\d{7}`)

// because counts why a request failed, without what differs each time.
func (row *Row) because(c *Case, r *load.Record, why string) {
	if why == "" {
		why = fmt.Sprintf("status %d %s", r.Status, numbers.ReplaceAllString(r.Err, "…"))
	}
	why = fmt.Sprintf("%s: %s", r.Kind, why)
	if r.Status == 0 && r.Reused {
		why += " (reused connection)"
	}
	row.Reasons[why]++
	row.example(why, c, r)
}

func (row *Row) example(why string, c *Case, r *load.Record) {
	if len(row.Examples) == mostExamples {
		return
	}
	at := func(t time.Time) string { return t.UTC().Format("15:04:05.000") }
	text := fmt.Sprintf("%s %s %s-%s %d bytes %s", r.ID, why, at(r.Begin), at(r.End), r.Bytes, r.Err)
	for _, t := range c.Journals.tries[r.ID] {
		text += fmt.Sprintf("; begun by %s at %s", t.pod, at(t.at))
		if end, ended := c.Ends[t.pod]; ended {
			text += ", which ended at " + at(end)
		}
	}
	row.Examples = append(row.Examples, text)
}
