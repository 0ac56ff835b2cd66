// The API server, or what stands before it, says things that can't be right.

package faults

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// An object that does not decode is named; what it said before is served, and
// others go on. Its next good version heals it.
func TestUndecodableObject(t *testing.T) {
	w := newWorld(t)
	p := w.proxy()
	w.gateway("")
	w.pods(1)
	w.route("shop")
	g := w.headgate(p.url)
	ip := w.address()
	l := w.load(ip, "shop.test")
	p.set(func() {
		p.change = func(o map[string]any) {
			meta, _ := o["metadata"].(map[string]any)
			if o["kind"] == "HTTPRoute" && meta["name"] == "shop" {
				o["spec"] = map[string]any{"hostnames": 7, "rules": "none"}
			}
		}
	})
	w.patch("HTTPRoute", "shop", `{"spec":{"hostnames":["moved.test"]}}`)
	w.until("a problem names the route", func() bool { return g.problem("HTTPRoute "+w.ns+"/shop") != "" })
	t.Log(g.problem("HTTPRoute " + w.ns + "/shop"))
	w.route("other")
	w.untilCode(ip, "other.test", http.StatusOK)
	if code, _ := get(once, "http://"+ip+"/", "moved.test"); code != http.StatusNotFound {
		t.Errorf("moved.test answers %d", code)
	}
	l.stop()
	p.set(func() { p.change = nil })
	w.patch("HTTPRoute", "shop", `{"metadata":{"annotations":{"healed":"yes"}}}`)
	w.untilCode(ip, "moved.test", http.StatusOK)
	w.untilCode(ip, "shop.test", http.StatusNotFound)
	g.untilWell()
}

// wrong are answers to a list that say nothing about what is there.
var wrong = []func(w http.ResponseWriter){
	func(w http.ResponseWriter) { _, _ = io.WriteString(w, "\x00\xff garbage") },
	func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html><body>Please log in</body></html>") },
	func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, `{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`)
	},
	func(w http.ResponseWriter) { http.Error(w, "etcdserver: no leader", http.StatusInternalServerError) },
	func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
	func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, `{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[{"metadata":{"na`)
	},
	func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
}

// Lists that are wrong, one after the other for every kind, and one that is never
// answered, change nothing; afterwards everything goes on.
func TestWrongLists(t *testing.T) {
	w := newWorld(t)
	p := w.proxy()
	w.gateway("")
	w.pods(1)
	w.route("shop")
	g := w.headgate(p.url)
	ip := w.address()
	w.untilRouted("shop")
	l := w.load(ip, "shop.test")
	before := g.table()
	told, asked, good := map[string]bool{}, map[string]int{}, map[string]bool{}
	p.set(func() {
		p.fault = func(rw http.ResponseWriter, r *http.Request) bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			path := r.URL.Path
			switch {
			case isWatch(r) && !told[path]:
				told[path] = true
				gone(rw, true)
				return true
			case !isList(r) || good[path]:
				return false
			}
			n := asked[path]
			asked[path]++
			if collection(r) == "services" && n == 0 {
				p.mu.Unlock()
				<-r.Context().Done() // until the client gives up
				p.mu.Lock()
				return true
			}
			if n < len(wrong) && collection(r) != "services" {
				rw.Header().Set("Content-Type", "application/json")
				wrong[n](rw)
				return true
			}
			good[path] = true
			return false
		}
	})
	begin := time.Now()
	p.cut()
	w.until("every kind was listed in the end", func() bool {
		if g.table() != before {
			t.Fatal("the table changed")
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(good) >= 10
	})
	t.Logf("listed again after %v", time.Since(begin).Round(time.Millisecond))
	g.untilWell()
	if g.table() != before {
		t.Error("the table changed")
	}
	w.route("late")
	w.untilCode(ip, "late.test", http.StatusOK)
	l.stop()
}
