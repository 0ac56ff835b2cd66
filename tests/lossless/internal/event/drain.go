// Events of the acknowledged drain.

package event

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"cluster/lossless/internal/fleet"
	"cluster/lossless/internal/ledger"
	"cluster/lossless/internal/load"
	"cluster/lossless/internal/proxy"
	"cluster/lossless/internal/wire"
)

// drain asks the gateway to let go of a pod.
func (s *Scene) drain(ctx context.Context, p *fleet.Pod, timeout time.Duration) error {
	return s.Proxy.(*proxy.Headgate).Drain(ctx, s.Binary, p.IP, timeout)
}

// drained is R1 as it is with a preStop hook: a pod goes only when the gateway has
// said that nobody uses it. Then nothing is lost, although pods exit at once.
func drained() Event {
	return Event{
		Name: "R1", Variant: "drained first", Title: "rolling restart, exit at once",
		Via: func(binary string, _ Size) proxy.Starter { return proxy.OfHeadgate(binary) },
		Run: func(ctx context.Context, s *Scene) error {
			var longest time.Duration
			for range s.Size.Rolls * replicas {
				fresh, err := s.Fleet.Start(s.Manner)
				if err != nil {
					return err
				}
				if err := s.join(fresh); err != nil {
					return err
				}
				old, begin := s.Pods[0], time.Now()
				if err := s.drain(ctx, old, 20*time.Second); err != nil {
					return err
				}
				longest = max(longest, time.Since(begin))
				old.Term()
				old.Wait()
				if err := s.leave(old); err != nil {
					return err
				}
				s.Sleep(ctx, s.Size.Pause)
			}
			s.note("longest drain %v", longest.Round(time.Millisecond))
			return nil
		},
	}
}

// deadline is R17: streams that outlast a drain end at its deadline, and no sooner,
// in a way that clients understand.
func deadline() Event {
	return Event{
		Name: "R17", Title: "drain deadline with open streams",
		Via: func(binary string, _ Size) proxy.Starter { return proxy.OfHeadgate(binary) },
		Run: func(ctx context.Context, s *Scene) error {
			ctx, cancel := context.WithTimeout(ctx, s.Size.Drain+time.Minute)
			defer cancel()
			client := load.NewClient(s.Place.Target(s.Signs))
			defer client.Close()
			all, err := openStreams(ctx, client, streamsEach)
			if err != nil {
				return err
			}
			on, err := ledger.ReadJournals(filepath.Join(s.Place.Dir, "journals"))
			if err != nil {
				return err
			}
			// The pod with most of them.
			count := map[string]int{}
			victim := s.Pods[0]
			for _, st := range all {
				count[on.Pod(st.record.ID)]++
			}
			for _, p := range s.Pods {
				if count[p.Name] > count[victim.Name] {
					victim = p
				}
			}
			begin := time.Now()
			drained := make(chan error, 1)
			go func() { drained <- s.drain(ctx, victim, s.Size.Drain) }()
			over := time.After(s.Size.Drain + 3*time.Second)
			for going := true; going && ctx.Err() == nil; {
				for _, st := range all {
					st.say()
				}
				select {
				case <-over:
					going = false
				case <-time.After(100 * time.Millisecond):
				}
			}
			if err := <-drained; err != nil {
				s.miss("%v", err)
			}
			cut := 0
			for _, st := range all {
				cut += s.judgeStream(st, on.Pod(st.record.ID) == victim.Name, begin)
				st.close()
			}
			s.note("%d of %d streams cut at %v", cut, len(all), s.Size.Drain)
			if cut == 0 {
				s.miss("no stream was open to %s", victim.Name)
			}
			return ctx.Err()
		},
	}
}

// streamsEach is how many WebSockets and how many calls are open.
const streamsEach = 12

// stream is one of either kind that stays open.
type stream struct {
	record load.Record
	socket *load.Upgraded
	call   *load.Call
	ended  time.Time // zero: it goes on
	code   int       // of a WebSocket's close frame
	odd    string    // an end without a word
}

func openStreams(ctx context.Context, client *load.Client, each int) (all []*stream, err error) {
	for i := range each {
		socket := &stream{record: load.Record{ID: fmt.Sprintf("%ssocket-%d", ledger.Probe, i)}}
		if socket.socket, err = client.Open(ctx, &socket.record); err != nil {
			return nil, err
		}
		call := &stream{record: load.Record{ID: fmt.Sprintf("%scall-%d", ledger.Probe, i)}}
		if call.call, err = client.OpenCall(ctx, &call.record); err != nil {
			return nil, err
		}
		all = append(all, socket, call)
	}
	return all, nil
}

// say sends something and hears it again, or hears the end.
func (st *stream) say() {
	if !st.ended.IsZero() {
		return
	}
	if st.call != nil {
		if !st.call.Say(&st.record, "again") {
			st.ended = time.Now()
		}
		return
	}
	f, err := st.socket.Say("again")
	switch {
	case err != nil:
		st.ended, st.odd = time.Now(), err.Error()
	case f.Op == wire.OpClose:
		st.ended, st.code = time.Now(), f.Code()
	}
}

func (st *stream) close() {
	if st.call != nil {
		st.call.Close()
	} else {
		st.socket.Close()
	}
}

// judgeStream says what of a stream's end isn't as it should be; 1 if it was cut.
func (s *Scene) judgeStream(st *stream, drained bool, begin time.Time) (cut int) {
	const goingAway, unavailable = 1001, "14"
	after := st.ended.Sub(begin)
	switch {
	case st.ended.IsZero() && drained:
		s.miss("%s goes on after the deadline", st.record.ID)
	case st.ended.IsZero():
	case !drained:
		s.miss("%s ended although its pod was not drained: %d %s%s", st.record.ID, st.code, st.record.Err, st.odd)
	case after < s.Size.Drain:
		s.miss("%s ended after %v, before the deadline", st.record.ID, after)
	case st.call != nil && !st.record.HasCode(unavailable), st.socket != nil && st.code != goingAway:
		s.miss("%s ended with %d %s%s", st.record.ID, st.code, st.record.Err, st.odd)
	default:
		return 1
	}
	return 0
}
