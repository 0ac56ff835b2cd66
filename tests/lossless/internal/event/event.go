// The list of events, and their sizes.

package event

import (
	"context"
	"strings"
	"time"

	"cluster/lossless/internal/fleet"
	"cluster/lossless/internal/proxy"
)

// Event is a line of the table.
type Event struct {
	Name, Variant, Title string
	Manner               fleet.Manner // of the first pods
	Prepare              func(*Scene) // changes the site before the proxy starts
	Run                  func(context.Context, *Scene) error
	MayLose              bool // pods end with requests in them
	MostRate             int  // of the load; 0: any
	RefusedAfter         time.Duration
	TimeoutAfter         time.Duration
	// Via makes the proxy in another way; only Headgate takes part then.
	Via func(binary string, size Size) proxy.Starter
}

func (e Event) variant() string { return strings.ReplaceAll(e.Variant, " ", "-") }

// Size is how long and how often.
type Size struct {
	Calm, Settle time.Duration   // the load before and after
	Rolls        int             // R1, R2
	Lates        []time.Duration // of slices: R1, R2
	Pause        time.Duration   // between two pods of a roll
	Span         time.Duration   // R3, R4, R7, R9
	Timeout      time.Duration   // R4: of a try; long where the machine may be busy
	Times        int             // R5
	Gaps         []time.Duration // R6
	Routes       int             // R8
	Services     int             // R12
	Churn        time.Duration   // R12
	ChurnRate    int             // R12, changes a second
	Upgrades     int             // R13, R14
	Drain        time.Duration   // R17: the deadline
	Notices      time.Duration   // R14: until a balancer sees that a gateway terminates
}

// Whole is the size of the table.
func Whole() Size {
	return Size{
		Calm: 5 * time.Second, Settle: 2 * time.Second,
		Rolls: 5, Lates: []time.Duration{0, 200 * time.Millisecond, time.Second, 5 * time.Second}, Pause: 500 * time.Millisecond,
		Span: time.Minute, Timeout: time.Second, Times: 5, Gaps: []time.Duration{2 * time.Second, 10 * time.Second},
		Routes: 1000, Services: 1000, Churn: 5 * time.Minute, ChurnRate: 167, Upgrades: 20, Drain: 10 * time.Second, Notices: 5 * time.Second,
	}
}

// Short is the size of the tests: everything happens, but seldom.
func Short() Size {
	return Size{
		Calm: 500 * time.Millisecond, Settle: 500 * time.Millisecond,
		Rolls: 1, Lates: []time.Duration{200 * time.Millisecond}, Pause: 200 * time.Millisecond,
		Span: 6 * time.Second, Timeout: 4 * time.Second, Times: 1, Gaps: []time.Duration{2 * time.Second},
		Routes: 30, Services: 100, Churn: 4 * time.Second, ChurnRate: 167, Upgrades: 2, Drain: 3 * time.Second, Notices: time.Second,
	}
}

// Peers is the size for other proxies: as much as is needed to see where they stand.
func Peers() Size {
	s := Whole()
	s.Rolls, s.Lates, s.Span, s.Times = 3, []time.Duration{0, time.Second}, 30*time.Second, 3
	s.Gaps, s.Routes, s.Services, s.Churn, s.ChurnRate = []time.Duration{2 * time.Second}, 200, 100, 30*time.Second, 10
	return s
}

// All is every event of this size.
func All(size Size) []Event {
	var all []Event
	for _, late := range size.Lates {
		all = append(all, roll("R1", "exit at once", fleet.Manner{}, late), roll("R2", "graceful", fleet.Graceful, late))
	}
	all = append(all, kill(), silence(size.Timeout), handOver())
	for _, gap := range size.Gaps {
		all = append(all, scale(gap))
	}
	return append(all, reroute(), newRoutes(), rotate(), churn(), upgrade(), release(), drained(), deadline())
}
