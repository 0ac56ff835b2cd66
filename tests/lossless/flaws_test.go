package main

import (
	"context"
	"testing"
	"time"

	"cluster/lossless/internal/event"
	"cluster/lossless/internal/fleet"
	"cluster/lossless/internal/ledger"
	"cluster/lossless/internal/proxy"
	"cluster/lossless/internal/site"
)

// rolls is R1 with the slice so late that whoever doesn't try elsewhere is seen to
// fail.
func rolls(t *testing.T) event.Event {
	for _, e := range event.All(event.Short()) {
		if e.Name == "R1" {
			return e
		}
	}
	t.Fatal("there is no R1")
	return event.Event{}
}

// quiet is load on pods to which nothing happens.
func quiet() event.Event {
	return event.Event{
		Name: "quiet", Title: "nothing happens", Manner: fleet.Graceful,
		Run: func(ctx context.Context, s *event.Scene) error { s.Sleep(ctx, time.Second); return nil },
	}
}

func TestAProxyThatNeverRetriesShowsFailures(t *testing.T) {
	t.Parallel()
	row := play(t, proxy.Flawed(proxy.NeverRetries), rolls(t), event.Short())
	if row.Failed == 0 || row.Held() {
		t.Errorf("nothing failed: %+v", row)
	}
	if row.Duplicated+row.Truncated+row.Unknown > 0 {
		t.Errorf("more than failures: %+v", row)
	}
}

// attempts: 0 forbids Headgate every other try.
func TestHeadgateWithRetriesSwitchedOffShowsFailures(t *testing.T) {
	t.Parallel()
	e, none := rolls(t), 0
	e.Prepare = func(s *event.Scene) {
		r := s.Site.Routes["web"]
		r.Retries = &none
		s.Site.Routes[r.Name] = r
	}
	if row := play(t, headgate(t), e, event.Short()); row.Failed == 0 || row.Held() {
		t.Errorf("nothing failed: %+v", row)
	}
}

func TestAProxyThatSendsTwiceShowsDuplicates(t *testing.T) {
	t.Parallel()
	row := play(t, proxy.Flawed(proxy.SendsTwice), quiet(), event.Short())
	if row.Duplicated == 0 || row.Held() {
		t.Errorf("nothing was duplicated: %+v", row)
	}
	if row.Failed+row.Truncated > 0 {
		t.Errorf("more than duplicates: %+v", row)
	}
}

func TestAProxyThatCutsBodiesShowsTruncation(t *testing.T) {
	t.Parallel()
	row := play(t, proxy.Flawed(proxy.CutsBodies), quiet(), event.Short())
	if row.Truncated == 0 || row.Held() {
		t.Errorf("nothing was truncated: %+v", row)
	}
	if row.Failed+row.Duplicated > 0 {
		t.Errorf("more than truncation: %+v", row)
	}
}

func TestAProxyWithoutFlawsOnAQuietDayShowsZeros(t *testing.T) {
	t.Parallel()
	row := play(t, proxy.Flawed(""), quiet(), event.Short())
	if !row.Held() || row.Lost > 0 || row.Answered != row.Sent || row.Sent == 0 {
		t.Errorf("not all is well: %+v", row)
	}
}

// A pod that dies takes what it had begun with it; that is no failure of the proxy.
func TestWhatDiesWithItsPodIsLostAndNotFailed(t *testing.T) {
	t.Parallel()
	e := quiet()
	e.MayLose = true
	e.Run = func(ctx context.Context, s *event.Scene) error {
		if err := s.Proxy.Apply(&site.Site{Services: map[string][]site.Endpoint{site.Main: {{IP: s.Pods[1].IP}}}}, site.Change{}); err != nil {
			return err
		}
		// What began before the change is short, but for calls, sockets and downloads.
		s.Sleep(ctx, 300*time.Millisecond)
		s.Pods[0].Kill()
		s.Pods[0].Wait()
		return nil
	}
	row := play(t, proxy.Flawed(""), e, event.Short())
	if row.Lost == 0 || !row.Held() {
		t.Errorf("nothing was lost, or more: %+v", row)
	}
}

func TestEveryRequestIsInOneColumn(t *testing.T) {
	row := ledger.Row{Sent: 3, Answered: 1, Lost: 1, MayLose: true}
	if row.Held() {
		t.Error("a request that is in no column is not missed")
	}
}
