// Events of routes and certificates: changed, new, rotated.

package event

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"cluster/lossless/internal/ledger"
	"cluster/lossless/internal/load"
	"cluster/lossless/internal/site"
)

// reroute is R7: weights, filters and the object that holds the host change, twenty
// times a second. The second service has the same pods.
func reroute() Event {
	return Event{
		Name: "R7", Title: "20 route changes a second",
		Prepare: func(s *Scene) { s.Site.Services["second"] = s.Site.Services[site.Main] },
		Run: func(ctx context.Context, s *Scene) error {
			return s.every(ctx, time.Second/20, s.Size.Span, func(i int) error {
				r := s.Site.Routes["web"]
				r.To = []site.Share{{Service: site.Main, Weight: i % 10}, {Service: "second", Weight: 10 - i%10}}
				r.Header = strconv.Itoa(i)
				if err := s.route(r); err != nil || i%5 != 0 {
					return err
				}
				// The host moves to another object and, next time, back.
				r.Name = "web-too"
				if _, there := s.Site.Routes[r.Name]; !there {
					return s.route(r)
				}
				delete(s.Site.Routes, r.Name)
				return s.Proxy.Apply(s.Site, site.Change{Thing: site.Routing, Name: r.Name})
			})
		},
	}
}

func (s *Scene) route(r site.Route) error {
	s.Site.Routes[r.Name] = r
	return s.Proxy.Apply(s.Site, site.Change{Thing: site.Routing, Name: r.Name})
}

// newRoutes is R8: routes come one at a time, and each goes from 404 to 200 once.
func newRoutes() Event {
	return Event{
		Name: "R8", Title: "new routes, one at a time",
		Run: func(ctx context.Context, s *Scene) error {
			var seen arrivals
			begin, made := time.Now(), 0
			for ; made < s.Size.Routes && time.Since(begin) < mostForRoutes && ctx.Err() == nil; made++ {
				if err := s.arrive(ctx, made, &seen); err != nil {
					return err
				}
			}
			live := len(seen.times)
			s.note("%d of %d live, after p50 %.1f ms, p99 %.1f ms", live, made, ledger.Percentile(seen.times, 50), ledger.P99(seen.times))
			if live != made || seen.other+seen.back > 0 {
				s.miss("%d of %d live, %d answers neither 404 nor 200, %d 404s after a 200", live, made, seen.other, seen.back)
			}
			return ctx.Err()
		},
	}
}

// mostForRoutes bounds R8 where a route takes long.
const mostForRoutes = 3 * time.Minute

// arrivals is what was seen of new routes.
type arrivals struct {
	times       []time.Duration // from the change to the first 200
	other, back int             // answers neither 404 nor 200, and 404s after a 200
}

// arrive makes a route and asks for it until it is there, and twice more.
func (s *Scene) arrive(ctx context.Context, i int, seen *arrivals) error {
	t := s.Place.Target(s.Signs)
	t.Host = fmt.Sprintf("r%d.test", i)
	begin := time.Now()
	r := site.Route{Name: fmt.Sprintf("r%d", i), Host: t.Host, To: []site.Share{{Service: site.Main, Weight: 1}}}
	if err := s.route(r); err != nil {
		return err
	}
	answered := 0
	for n := 0; answered < 3 && time.Since(begin) < 20*time.Second && ctx.Err() == nil; n++ {
		// A connection of its own: an old process may keep the others.
		client := load.NewClient(t)
		r := client.Do(ctx, load.Get, fmt.Sprintf("%s%d-%d", ledger.Probe, i, n))
		client.Close()
		switch {
		case r.Answered():
			if answered++; answered == 1 {
				seen.times = append(seen.times, time.Since(begin))
			}
		case r.Status == 404 && answered > 0:
			seen.back++
		case r.Status != 404:
			seen.other++
		}
		if answered == 0 {
			s.Sleep(ctx, time.Millisecond)
		}
	}
	return nil
}

// rotate is R9: the certificate changes under a hundred new handshakes a second.
func rotate() Event {
	return Event{
		Name: "R9", Title: "certificate rotation under 100 handshakes a second",
		Run: func(ctx context.Context, s *Scene) error {
			rotations := 0
			err := s.every(ctx, 10*time.Millisecond, s.Size.Span, func(i int) error {
				s.Load.Add(load.Handshake, fmt.Sprintf("h%07d", i))
				if i%50 != 0 {
					return nil
				}
				pair, err := s.Signs.Issue()
				if err != nil {
					return err
				}
				rotations++
				s.Site.Pair = pair
				return s.Proxy.Apply(s.Site, site.Change{Thing: site.Certificate})
			})
			s.note("%d certificates", rotations)
			return err
		},
	}
}
