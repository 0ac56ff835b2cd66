// Package event holds what happens to pods, routes, certificates and gateways
// while the load runs: R1 to R17 of the table of zeros, each in a short form of
// seconds and a whole one of minutes.
package event

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"cluster/lossless/internal/fleet"
	"cluster/lossless/internal/ledger"
	"cluster/lossless/internal/load"
	"cluster/lossless/internal/proxy"
	"cluster/lossless/internal/site"
)

// Stage is what every event plays on.
type Stage struct {
	Pod   string // the pods' program
	Proxy proxy.Starter
	Dir   string // everything that is written goes here
	Rate  int    // of the load, requests a second
}

// Scene is one event while it runs.
type Scene struct {
	Event
	Size  Size
	Fleet *fleet.Fleet
	Site  *site.Site
	Proxy proxy.Proxy
	// Binary is Headgate's, if it is that.
	Binary string
	Place  proxy.Place
	Signs  *site.Authority
	Load   *load.Load
	// Pods are those that serve now.
	Pods []*fleet.Pod
	// Silent are pods that stopped answering, and when.
	Silent map[string]time.Time
	// Notes and missed promises, for the row.
	Notes, Missed []string
}

// Play runs one event on a stage of its own and accounts for every request.
func (st Stage) Play(ctx context.Context, e Event, size Size) (row ledger.Row, err error) {
	dir := filepath.Join(st.Dir, fmt.Sprintf("%s-%s-%s", e.Name, e.variant(), st.Proxy.Name))
	s, err := st.open(dir, e, size)
	if err != nil {
		return row, err
	}
	defer s.Fleet.Close()
	stopped := false
	stop := func() error { stopped = true; return s.Proxy.Stop() }
	defer func() {
		if !stopped {
			_ = stop()
		}
	}()
	rate := st.Rate
	if e.MostRate > 0 {
		rate = min(rate, e.MostRate)
	}
	s.Load = load.Start(s.Place.Target(s.Signs), rate)
	s.Sleep(ctx, size.Calm)
	c := ledger.Case{Begin: time.Now()}
	err = e.Run(ctx, s)
	s.Sleep(ctx, size.Settle)
	c.End, c.RefusedAfter, c.TimeoutAfter = time.Now(), s.RefusedAfter, s.TimeoutAfter
	records := s.Load.Stop()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return row, fmt.Errorf("%s: %w", e.Name, err)
	}
	if err := stop(); err != nil {
		s.Missed = append(s.Missed, err.Error())
	}
	c.Ends = s.Fleet.Ends()
	maps.Copy(c.Ends, s.Silent)
	if c.Journals, err = ledger.ReadJournals(filepath.Join(dir, "journals")); err != nil {
		return row, err
	}
	row = ledger.Account(ledger.Row{
		Event: e.Name, Title: e.Title, Variant: e.Variant, Proxy: st.Proxy.Name, MayLose: e.MayLose, Notes: s.Notes, Missed: s.Missed,
	}, records, c)
	return row, nil
}

// open starts pods and a proxy with the load's routes to them.
func (st Stage) open(dir string, e Event, size Size) (s *Scene, err error) {
	journals := filepath.Join(dir, "journals")
	if err := os.RemoveAll(dir); err != nil { // of an earlier run
		return nil, err
	}
	if err := os.MkdirAll(journals, 0o755); err != nil {
		return nil, err
	}
	s = &Scene{Event: e, Size: size, Binary: st.Proxy.Binary, Silent: map[string]time.Time{}}
	if s.Signs, err = site.NewAuthority(); err != nil {
		return nil, err
	}
	pair, err := s.Signs.Issue()
	if err != nil {
		return nil, err
	}
	if s.Fleet, err = fleet.New(st.Pod, journals); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Fleet.Close()
		}
	}()
	s.Site, s.Place = site.New(fleet.Port, pair), proxy.Place{IP: s.Fleet.Address(1), Other: func(n int) string { return s.Fleet.Address(1 + n) }, Dir: dir}
	if s.Pods, err = s.Fleet.StartAll(replicas, e.Manner); err != nil {
		return nil, err
	}
	s.set(s.Pods, site.Ready)
	if e.Prepare != nil {
		e.Prepare(s)
	}
	starter := st.Proxy
	if e.Via != nil {
		starter = e.Via(starter.Binary, size)
	}
	s.Proxy, err = starter.Start(s.Place, s.Site)
	return s, err
}

// replicas is how many pods there are while nothing happens.
const replicas = 4

// Sleep waits, but not longer than the whole run.
func (s *Scene) Sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// every calls f at a steady rate until the time is over.
func (s *Scene) every(ctx context.Context, interval, total time.Duration, f func(i int) error) error {
	begin := time.Now()
	for i := 0; time.Since(begin) < total && ctx.Err() == nil; i++ {
		if err := f(i); err != nil {
			return err
		}
		s.Sleep(ctx, time.Until(begin.Add(time.Duration(i+1)*interval)))
	}
	return ctx.Err()
}

// note adds to the row's note.
func (s *Scene) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// miss says that a promise of this event was not kept.
func (s *Scene) miss(format string, args ...any) {
	s.Missed = append(s.Missed, fmt.Sprintf(format, args...))
}
