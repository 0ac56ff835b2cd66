// Much at once, and what is left of it afterwards.

package faults

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A namespace that is deleted takes its routes and backends along and nothing else.
func TestNamespaceDeleted(t *testing.T) {
	w := newWorld(t)
	w.gateway("")
	w.pods(1)
	w.route("stays")
	other := &world{w.T, w.ctx, w.ns + "-other"}
	other.namespace(other.ns)
	other.pods(1)
	other.make(`{kind: HTTPRoute, metadata: {name: leaves}, spec: {parentRefs: [{name: web, namespace: %s}], hostnames: [leaves.test],
rules: [{backendRefs: [{name: web, port: 80}]}]}}`, w.ns)
	g := w.headgate(direct())
	ip := w.address()
	w.untilCode(ip, "leaves.test", http.StatusOK)
	l := w.load(ip, "stays.test")
	w.must(cluster.Client.CoreV1().Namespaces().Delete(w.ctx, other.ns, metav1.DeleteOptions{}))
	w.untilCode(ip, "leaves.test", http.StatusNotFound)
	w.until("nothing of it is left", func() bool { return !strings.Contains(g.table(), other.ns) })
	g.untilWell()
	l.stop()
}

// each does something for many numbers, many at a time.
func (w *world) each(n int, do func(i int) error) {
	w.Helper()
	next := make(chan int)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					w.Error(err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}

// attached is how many routes the Gateway's listener says it has.
func (w *world) attached() int64 {
	w.Helper()
	list, _, _ := unstructured.NestedSlice(w.get("Gateway", "web").Object, "status", "listeners")
	if len(list) == 0 {
		return -1
	}
	n, _ := list[0].(map[string]any)["attachedRoutes"].(int64)
	return n
}

// A thousand routes that come and go at once cost a thousand writes and a few,
// and leave nothing behind.
func TestThousandRoutes(t *testing.T) {
	const many = 1000
	w := newWorld(t)
	p := w.proxy()
	w.gateway("")
	w.pods(1)
	w.route("stays")
	g := w.headgate(p.url)
	ip := w.address()
	w.untilRouted("stays")
	w.until("the Gateway has counted it", func() bool { return w.attached() == 1 })
	l := w.load(ip, "stays.test")
	before := p.written("")
	begin := time.Now()
	w.each(many, func(i int) error {
		o := w.object(`{kind: HTTPRoute, metadata: {name: bulk-%[1]d, labels: {bulk: "yes"}}, spec: {parentRefs: [{name: web}],
hostnames: [bulk-%[1]d.test], rules: [{backendRefs: [{name: web, port: 80}]}]}}`, i)
		_, err := w.of("HTTPRoute", w.ns).Create(w.ctx, o, metav1.CreateOptions{})
		return err
	})
	t.Logf("%d routes created in %v", many, time.Since(begin).Round(time.Millisecond))
	w.until("all are served and have their status", func() bool {
		time.Sleep(200 * time.Millisecond) // a list of a thousand is work for the API server
		list, err := w.of("HTTPRoute", w.ns).List(w.ctx, metav1.ListOptions{})
		w.must(err)
		for i := range list.Items {
			if !isRouted(&list.Items[i]) {
				return false
			}
		}
		return len(list.Items) == many+1 && w.attached() == many+1
	})
	wrote := p.written("") - before
	t.Logf("%d status writes for %d routes, the last after %v", wrote, many, time.Since(begin).Round(time.Millisecond))
	if wrote < many || wrote > many*3/2 {
		t.Errorf("%d status writes for %d routes", wrote, many)
	}
	if said := g.status().Writes; said.Written != p.written("") {
		t.Errorf("headgate counts %d writes, the proxy %d", said.Written, p.written(""))
	}
	w.untilCode(ip, fmt.Sprintf("bulk-%d.test", many-1), http.StatusOK)
	begin = time.Now()
	w.must(w.of("HTTPRoute", w.ns).DeleteCollection(w.ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "bulk=yes"}))
	w.until("none is left", func() bool { return g.routes() == 1 && w.attached() == 1 })
	t.Logf("deleted after %v", time.Since(begin).Round(time.Millisecond))
	w.untilCode(ip, "bulk-0.test", http.StatusNotFound)
	w.until("no metric is left", func() bool { return !strings.Contains(string(g.view("/metrics")), "bulk-") })
	g.untilWell()
	l.stop()
}
