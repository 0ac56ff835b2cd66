// Events of pods: rolled, killed, silent, all at once, none at all.

package event

import (
	"context"
	"fmt"
	"time"

	"cluster/lossless/internal/fleet"
	"cluster/lossless/internal/site"
)

// roll is R1 and R2: a rolling restart with surge 1, again and again. The slice
// hears of a pod's end late, as it does where many controllers stand between.
func roll(name, title string, m fleet.Manner, late time.Duration) Event {
	return Event{
		Name: name, Variant: fmt.Sprintf("slice %v late", late), Title: "rolling restart, " + title, Manner: m,
		MayLose: m == fleet.Manner{},
		Run: func(ctx context.Context, s *Scene) error {
			for range s.Size.Rolls * replicas {
				if err := s.replace(ctx, late); err != nil {
					return err
				}
				s.Sleep(ctx, s.Size.Pause)
			}
			return nil
		},
	}
}

// replace starts a pod, and takes the oldest away once the new one serves.
func (s *Scene) replace(ctx context.Context, late time.Duration) error {
	fresh, err := s.Fleet.Start(s.Manner)
	if err != nil {
		return err
	}
	if err := s.join(fresh); err != nil {
		return err
	}
	old := s.Pods[0]
	old.Term()
	s.Sleep(ctx, late)
	if s.Manner == (fleet.Manner{}) {
		return s.leave(old)
	}
	s.Pods = s.Pods[1:]
	return s.mark(old, site.Leaving)
}

// kill is R3: one pod of four goes without a word, every five seconds.
func kill() Event {
	const every, late = 5 * time.Second, 2 * time.Second
	return Event{
		Name: "R3", Title: "kill -9 of a pod every 5 s, slice 2 s late", MayLose: true,
		Run: func(ctx context.Context, s *Scene) error {
			return s.every(ctx, every, s.Size.Span, func(int) error {
				victim := s.Pods[0]
				victim.Kill()
				s.Sleep(ctx, late)
				fresh, err := s.Fleet.Start(s.Manner)
				if err != nil {
					return err
				}
				if err := s.join(fresh); err != nil {
					return err
				}
				return s.leave(victim)
			})
		},
	}
}

// silence is R4: one pod stops answering, and nobody says so.
func silence(timeout time.Duration) Event {
	return Event{
		Name: "R4", Title: "a pod stops answering", MayLose: true, TimeoutAfter: timeout,
		Prepare: func(s *Scene) {
			once := 1
			r := s.Site.Routes["web"]
			r.Timeout, r.Retries = timeout.String(), &once
			s.Site.Routes["web"] = r
		},
		Run: func(ctx context.Context, s *Scene) error {
			victim := s.Pods[0]
			s.Silent[victim.Name] = time.Now()
			victim.Silence()
			s.Sleep(ctx, s.Size.Span)
			victim.Speak()
			return nil
		},
	}
}

// handOver is R5: all pods go before one new pod is there.
func handOver() Event {
	lingering := fleet.Manner{Linger: time.Second, Drain: 5 * time.Second}
	return Event{
		Name: "R5", Title: "all pods terminating, new ones after 2 s", Manner: lingering,
		Run: func(ctx context.Context, s *Scene) error {
			for range s.Size.Times {
				old := s.Pods
				for _, p := range old {
					p.Term()
				}
				if err := s.tellAll(old, site.Serving); err != nil {
					return err
				}
				s.Sleep(ctx, 2*time.Second)
				fresh, err := s.Fleet.StartAll(replicas, s.Manner)
				if err != nil {
					return err
				}
				if err := s.tellAll(fresh, site.Ready); err != nil {
					return err
				}
				s.Pods = fresh
				s.Sleep(ctx, 3*time.Second)
			}
			return nil
		},
	}
}

// scale is R6: to nothing, and back after a gap. What comes in the gap waits; who
// came too early for the gap's end is told when to come again.
func scale(gap time.Duration) Event {
	e := Event{
		Name: "R6", Variant: fmt.Sprintf("gap of %v", gap), Title: "scale 4→0→4", Manner: fleet.Graceful,
		Run: func(ctx context.Context, s *Scene) error {
			begin := time.Now()
			for _, p := range s.Pods {
				p.Term()
				if err := s.mark(p, site.Leaving); err != nil {
					return err
				}
				s.Sleep(ctx, apart)
			}
			s.Sleep(ctx, gap-replicas*apart)
			fresh, err := s.Fleet.StartAll(replicas, s.Manner)
			if err != nil {
				return err
			}
			s.Pods = fresh
			if time.Since(begin) > wait-200*time.Millisecond {
				s.RefusedAfter = wait // on a machine that starts pods so slowly
			}
			return s.tellAll(fresh, site.Ready)
		},
	}
	if gap > wait {
		// Three seconds of it fill the room where requests wait, 1,024 for each backend.
		e.RefusedAfter, e.MostRate = wait, 300
	}
	return e
}

// apart is how far kubelets of several nodes are from doing something at once.
const apart = 50 * time.Millisecond

// wait is how long a request waits for an endpoint.
const wait = 3 * time.Second
