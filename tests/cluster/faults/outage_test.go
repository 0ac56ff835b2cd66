// The API server goes away, its watches end, its history is gone.

package faults

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// outage is how long the API server is away.
const outage = 15 * time.Second

// While the API server is away, pods crash and come back; the table stays, no
// request fails, and what happened meanwhile is served soon after.
func TestAPIServerKilled(t *testing.T) {
	w := newWorld(t)
	w.gateway("")
	w.pods(3)
	w.route("shop")
	g := w.headgate(direct())
	ip := w.address()
	w.untilRouted("shop")
	l := w.load(ip, "shop.test")
	before := g.table()
	addresses := w.podIPs()
	w.fault("apiserver", "kill")
	for end := time.Now().Add(outage); time.Now().Before(end); {
		for _, pod := range addresses {
			_, _ = get(once, "http://"+pod+":8080/exit?code=1", "")
			time.Sleep(outage / 6)
			if g.table() != before {
				t.Error("the table changed without an API server")
			}
		}
	}
	l.stop()
	if p := g.status().Problems; len(p) == 0 {
		t.Error("no problem says that the API server is away")
	}
	l = w.load(ip, "shop.test")
	w.fault("apiserver", "start")
	begin := time.Now()
	w.route("late")
	w.untilCode(ip, "late.test", http.StatusOK)
	w.patch("Deployment", "web", `{"spec":{"replicas":4}}`)
	t.Logf("a new route served %v after the return", time.Since(begin).Round(time.Millisecond))
	w.until("the pods are ready", func() bool { return w.rolledOut(4) })
	w.until("the new pod is served", func() bool { return w.serves(g, w.podIPs()) })
	g.untilWell()
	w.untilRouted("late")
	l.stop()
	if caught := time.Since(begin); caught > 30*time.Second {
		t.Errorf("caught up only after %v", caught)
	}
}

// podIPs are the addresses of the pods that are not on their way out.
func (w *world) podIPs() (ips []string) {
	w.Helper()
	pods, err := cluster.Client.CoreV1().Pods(w.ns).List(w.ctx, metav1.ListOptions{LabelSelector: "app=web"})
	w.must(err)
	for _, p := range pods.Items {
		if p.DeletionTimestamp == nil && p.Status.PodIP != "" {
			ips = append(ips, p.Status.PodIP)
		}
	}
	return ips
}

// serves says whether exactly these pods are in the table.
func (w *world) serves(g *headgate, ips []string) bool {
	table := g.table()
	for _, ip := range ips {
		if !strings.Contains(table, `"`+ip+":8080") {
			return false
		}
	}
	return strings.Count(table, ":8080") == len(ips)
}

// Watches that never last longer than a second lose nothing and cost nothing.
func TestWatchesClosed(t *testing.T) {
	w := newWorld(t)
	p := w.proxy()
	p.life = time.Second
	w.gateway("")
	w.pods(2)
	w.route("shop")
	g := w.headgate(p.url)
	ip := w.address()
	l := w.load(ip, "shop.test")
	for i := range 5 {
		w.route(fmt.Sprintf("r%d", i))
		w.untilCode(ip, fmt.Sprintf("r%d.test", i), http.StatusOK)
		if i > 0 {
			w.delete("HTTPRoute", fmt.Sprintf("r%d", i-1))
			w.untilCode(ip, fmt.Sprintf("r%d.test", i-1), http.StatusNotFound)
		}
		if i == 1 {
			w.patch("Deployment", "web", `{"spec":{"template":{"metadata":{"annotations":{"round":"2"}}}}}`)
		}
	}
	w.until("the new pods are ready", func() bool { return w.rolledOut(2) })
	w.until("the new pods, and no others, are served", func() bool { return w.serves(g, w.podIPs()) })
	w.until("every watch was closed several times", func() (many bool) {
		p.set(func() { many = p.begun >= 60 })
		return many
	})
	l.stop()
	w.untilRouted("r4")
	if got := g.routes(); got != 2 {
		t.Errorf("%d routes are live, not 2", got)
	}
	g.untilWell()
}

// When the API server no longer knows where a watch was, a list finds what it missed.
func TestGone(t *testing.T) {
	w := newWorld(t)
	p := w.proxy()
	w.gateway("")
	w.pods(1)
	w.route("old")
	g := w.headgate(p.url)
	ip := w.address()
	w.untilCode(ip, "old.test", http.StatusOK)
	w.route("stays")
	l := w.load(ip, "stays.test")
	p.set(func() {
		p.fault = func(rw http.ResponseWriter, r *http.Request) bool {
			if isWatch(r) {
				http.Error(rw, "away", http.StatusServiceUnavailable)
			}
			return isWatch(r)
		}
	})
	p.cut()
	w.delete("HTTPRoute", "old")
	w.route("new")
	told := map[string]bool{}
	p.set(func() {
		p.fault = func(rw http.ResponseWriter, r *http.Request) bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			if !isWatch(r) || told[r.URL.Path] {
				return false
			}
			told[r.URL.Path] = true
			gone(rw, len(told)%2 == 0)
			return true
		}
	})
	p.cut()
	w.untilCode(ip, "new.test", http.StatusOK)
	w.untilCode(ip, "old.test", http.StatusNotFound)
	w.until("every watch was told", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(told) >= 10
	})
	w.route("newer")
	w.untilCode(ip, "newer.test", http.StatusOK)
	g.untilWell()
	l.stop()
}
