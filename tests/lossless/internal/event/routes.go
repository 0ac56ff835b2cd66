// Events of routes and certificates: changed, new, rotated.

package event

import (
	"context"
	"fmt"
	"slices"
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
			var times []time.Duration
			other, back := 0, 0
			for i := range s.Size.Routes {
				host := fmt.Sprintf("r%d.test", i)
				t := s.Place.Target(s.Signs)
				t.Host = host
				client := load.NewClient(t)
				begin := time.Now()
				if err := s.route(site.Route{Name: fmt.Sprintf("r%d", i), Host: host, To: []site.Share{{Service: site.Main, Weight: 1}}}); err != nil {
					return err
				}
				after := 0
				for n := 0; after < 3 && time.Since(begin) < 20*time.Second && ctx.Err() == nil; n++ {
					r := client.Do(ctx, load.Get, fmt.Sprintf("%s%d-%d", ledger.Probe, i, n))
					switch {
					case r.Answered() && after == 0:
						times = append(times, time.Since(begin))
						after++
					case r.Answered():
						after++
					case r.Status == 404 && after > 0:
						back++
					case r.Status != 404:
						other++
					}
				}
				client.Close()
			}
			slices.Sort(times)
			s.note("%d live, after p50 %.1f ms, p99 %.1f ms", len(times), ledger.P99(times[:(len(times)+1)/2]), ledger.P99(times))
			if len(times) != s.Size.Routes || other+back > 0 {
				s.miss("%d of %d live, %d answers neither 404 nor 200, %d 404s after a 200", len(times), s.Size.Routes, other, back)
			}
			return ctx.Err()
		},
	}
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
