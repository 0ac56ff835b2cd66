package kubernetes

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cluster/lossless/internal/event"
	"cluster/lossless/internal/ledger"
	"cluster/lossless/internal/load"
)

// How pods go, and when they are ready.
const (
	atOnce   = `args: [-journal=/journals], readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}`
	graceful = `args: [-journal=/journals, -drain=5s], readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}`
	slow     = `args: [-journal=/journals, -linger=1s, -drain=5s],
readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1, initialDelaySeconds: 2}`
)

func size() (event.Size, int) {
	if os.Getenv("SIZE") == "whole" {
		return event.Whole(), 400
	}
	return event.Short(), 100
}

func TestR1RollingUpdateOfPodsThatExitAtOnce(t *testing.T) {
	play(t, ledger.Row{Event: "R1", Title: "rolling update, exit at once", MayLose: true}, atOnce, (*world).rolls)
}

func TestR2RollingUpdateOfPodsThatDrain(t *testing.T) {
	play(t, ledger.Row{Event: "R2", Title: "rolling update, graceful"}, graceful, (*world).rolls)
}

func TestR5AllPodsDeletedAtOnce(t *testing.T) {
	play(t, ledger.Row{Event: "R5", Title: "all pods deleted, new ones ready after 2 s"}, slow, func(w *world, s event.Size) {
		for range s.Times {
			all := metav1.ListOptions{LabelSelector: "app=main"}
			w.must(cluster.Client.CoreV1().Pods(w.ns).DeleteCollection(w.ctx, metav1.DeleteOptions{}, all))
			w.until("not all is as it was", func() bool { return !w.rolledOut() })
			w.until("new pods are ready", w.rolledOut)
		}
	})
}

func TestR6ScaledToNothingAndBack(t *testing.T) {
	play(t, ledger.Row{Event: "R6", Title: "scale 4→0→4", Variant: "gap of 1s and their start"}, graceful, func(w *world, s event.Size) {
		w.patch(`{"spec":{"replicas":0}}`)
		time.Sleep(s.Gaps[0] / 2) // the new pods take a while
		w.patch(`{"spec":{"replicas":%d}}`, replicas)
		w.until("the pods are ready", w.rolledOut)
	})
}

// rolls changes the template again and again.
func (w *world) rolls(s event.Size) {
	for i := range s.Rolls {
		w.patch(`{"spec":{"template":{"metadata":{"annotations":{"roll":"%d"}}}}}`, i)
		w.until("the roll is over", w.rolledOut)
	}
}

// play runs an event under load and accounts for every request.
func play(t *testing.T, row ledger.Row, pod string, f func(*world, event.Size)) {
	w := newWorld(t)
	s, rate := size()
	l := load.Start(w.site(pod), rate)
	time.Sleep(s.Calm)
	c := ledger.Case{Begin: time.Now()}
	f(w, s)
	time.Sleep(s.Settle)
	c.End = time.Now()
	records := l.Stop()
	var err error
	c.Journals, err = ledger.ReadJournals(w.journals)
	w.must(err)
	c.Ends = w.ends()
	row.Proxy = "headgate, k8s"
	row = ledger.Account(row, records, c)
	w.must(row.Append(os.Getenv("ROWS")))
	t.Log(row.Line())
	if !row.Held() {
		var said bytes.Buffer
		row.Print(&said)
		t.Errorf("\n%s", said.String())
	}
}

// ends are the times at which processes of this namespace ended, by pod.
func (w *world) ends() map[string]time.Time {
	w.Helper()
	f, err := os.Open(filepath.Join(string(cluster.Dir), "run", "logs", "pods.jsonl"))
	w.must(err)
	defer f.Close()
	ends := map[string]time.Time{}
	for s := bufio.NewScanner(f); s.Scan(); {
		var m struct {
			Time                  time.Time
			Event, Namespace, Pod string
		}
		w.must(json.Unmarshal(s.Bytes(), &m))
		if m.Namespace == w.ns && m.Event == "exit" {
			ends[m.Pod] = m.Time
		}
	}
	return ends
}

var probes atomic.Int64

// probe is an id of a request outside the load.
func probe() string { return fmt.Sprintf("%s%d", ledger.Probe, probes.Add(1)) }
