package ledger

import (
	"testing"
	"time"

	"cluster/lossless/internal/load"
)

// Each case is one request that began at 10 s and ended at 12 s.
func TestEveryEndHasItsColumn(t *testing.T) {
	at := func(s float64) time.Time { return time.Unix(0, int64(s*1e9)) }
	answered := load.Record{Status: 200, Whole: true, Right: true}
	refused := load.Record{Kind: load.Post, Status: 502, Whole: true}
	begunAt := func(pods ...string) (all []attempt) {
		for _, p := range pods {
			all = append(all, attempt{p, at(11)})
		}
		return all
	}
	for name, c := range map[string]struct {
		record load.Record
		begun  []attempt
		ends   map[string]time.Time
		leaves []time.Time
		want   Row
		wait   time.Duration
	}{
		"answered":            {record: answered, begun: begunAt("a"), want: Row{Answered: 1}},
		"answered by nobody":  {record: answered, want: Row{Failed: 1}},
		"refused":             {record: refused, want: Row{Failed: 1}},
		"a live pod's answer": {record: refused, begun: begunAt("a"), want: Row{Failed: 1}},
		"a dead pod's POST": {record: refused, begun: begunAt("a"),
			ends: map[string]time.Time{"a": at(11.5)}, want: Row{Lost: 1}},
		"a dead pod's GET": {record: load.Record{Status: 502, Whole: true}, begun: begunAt("a"),
			ends: map[string]time.Time{"a": at(11.5)}, want: Row{Failed: 1}},
		"a dead pod's answer to a GET": {record: load.Record{Status: 200, Bytes: 7, Err: "EOF"}, begun: begunAt("a"),
			ends: map[string]time.Time{"a": at(11.5)}, want: Row{Lost: 1}},
		"the end of another pod": {record: refused, begun: begunAt("a"),
			ends: map[string]time.Time{"b": at(11.5)}, want: Row{Failed: 1}},
		"a pod that ended before": {record: refused, begun: begunAt("a"),
			ends: map[string]time.Time{"a": at(9)}, want: Row{Failed: 1}},
		"unread":                {record: refused, leaves: []time.Time{at(11.99)}, want: Row{Unread: 1}},
		"nobody left then":      {record: refused, leaves: []time.Time{at(9), at(11), at(13)}, want: Row{Failed: 1}},
		"begun is not unread":   {record: refused, begun: begunAt("a"), leaves: []time.Time{at(11.99)}, want: Row{Failed: 1}},
		"a GET is never unread": {record: load.Record{Status: 502, Whole: true}, leaves: []time.Time{at(11.99)}, want: Row{Failed: 1}},
		"cut in good form": {record: load.Record{Status: 200, Whole: true}, begun: begunAt("a"),
			ends: map[string]time.Time{"a": at(11.5)}, want: Row{Truncated: 1}},
		"broken off":    {record: load.Record{Status: 200, Err: "EOF"}, begun: begunAt("a"), want: Row{Truncated: 1}},
		"a POST twice":  {record: load.Record{Kind: load.Post, Status: 200, Whole: true, Right: true}, begun: begunAt("a", "b"), want: Row{Answered: 1, Duplicated: 1}},
		"a GET twice":   {record: answered, begun: begunAt("a", "b"), want: Row{Answered: 1}},
		"refused late":  {record: load.Record{Status: 503, RetryAfter: true, Whole: true}, wait: time.Second, want: Row{Refused: 1}},
		"refused early": {record: load.Record{Status: 503, RetryAfter: true, Whole: true}, wait: 3 * time.Second, want: Row{Failed: 1}},
		"a call refused late": {record: load.Record{Kind: load.Unary, Status: 200, Err: `grpc-status "14" `},
			wait: time.Second, want: Row{Refused: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			c.record.ID, c.record.Begin, c.record.End = "m1", at(10), at(12)
			journals := Journals{tries: map[string][]attempt{}, leaves: c.leaves}
			if c.begun != nil {
				journals.tries["m1"] = c.begun
			}
			row := Account(Row{MayLose: true}, []load.Record{c.record}, Case{Journals: journals, Ends: c.ends, RefusedAfter: c.wait})
			got := Row{Answered: row.Answered, Failed: row.Failed, Lost: row.Lost, Unread: row.Unread,
				Truncated: row.Truncated, Refused: row.Refused, Duplicated: row.Duplicated}
			c.want.Sent, got.Sent = 1, row.Sent
			if !equal(got, c.want) {
				t.Errorf("got %+v, not %+v", got, c.want)
			}
		})
	}
}

func equal(a, b Row) bool {
	return a.Sent == b.Sent && a.Answered == b.Answered && a.Failed == b.Failed && a.Lost == b.Lost && a.Unread == b.Unread &&
		a.Truncated == b.Truncated && a.Refused == b.Refused && a.Duplicated == b.Duplicated
}

func TestARequestThatNobodySentIsAComplaint(t *testing.T) {
	row := Account(Row{}, nil, Case{Journals: Journals{tries: map[string][]attempt{"m1": {{pod: "a"}}, Probe + "1": {{pod: "a"}}}}})
	if row.Unknown != 1 || row.Held() {
		t.Errorf("%+v", row)
	}
}
