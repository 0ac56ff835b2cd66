// Figures, with MEASURE=1: how fast what the API server knows is served, and what
// a large cluster costs. They are printed and never judged.

package faults

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// newMeasure is the world of a measurement: it has the time it takes.
func newMeasure(t *testing.T) *world {
	if os.Getenv("MEASURE") == "" {
		t.Skip("a measurement: set MEASURE=1")
	}
	patience = 15 * time.Minute
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	t.Cleanup(cancel)
	w.ctx = ctx
	return w
}

// print shows the quantiles of many times.
func (w *world) print(what string, times []time.Duration) {
	slices.Sort(times)
	at := func(q int) time.Duration { return times[(len(times)-1)*q/100].Round(10 * time.Microsecond) }
	w.Logf("%s: %d times, p50 %v, p99 %v, most %v", what, len(times), at(50), at(99), at(100))
}

// createRoutes makes routes PREFIX-0 and on, each with a host and a Service of this name.
func (w *world) createRoutes(prefix string, n int, service func(i int) string) {
	w.Helper()
	begin := time.Now()
	w.each(n, func(i int) error {
		o := w.object(`{kind: HTTPRoute, metadata: {name: %[1]s-%[2]d}, spec: {parentRefs: [{name: web}],
hostnames: [%[1]s-%[2]d.test], rules: [{backendRefs: [{name: %[3]s, port: 80}]}]}}`, prefix, i, service(i))
		_, err := w.of("HTTPRoute", w.ns).Create(w.ctx, o, metav1.CreateOptions{})
		return err
	})
	w.Logf("%d routes created in %v", n, time.Since(begin).Round(time.Millisecond))
}

// From the answer of the API server that a route is there to the first 200.
func TestMeasureRoute(t *testing.T) {
	const times = 1000
	w := newMeasure(t)
	w.gateway("")
	w.pods(1)
	g := w.headgate(direct())
	ip := w.address()
	for _, present := range []int{0, 5000} {
		w.createRoutes("present", present, func(int) string { return "web" })
		w.until("they are live", func() bool { return g.routes() == present })
		w.until("the Gateway has counted them", func() bool { return w.attached() == int64(present) })
		var took []time.Duration
		others := map[int]int{}
		client := &http.Client{Timeout: 10 * time.Second}
		for i := range times {
			name := fmt.Sprintf("probe-%d-%d", present, i)
			w.route(name)
			created := time.Now()
			for code := 0; code != http.StatusOK; {
				if code, _ = get(client, "http://"+ip+"/", name+".test"); code != http.StatusOK && code != http.StatusNotFound {
					others[code]++
				}
			}
			took = append(took, time.Since(created))
			w.delete("HTTPRoute", name)
		}
		w.print(fmt.Sprintf("route created to first 200, %d routes present", present), took)
		t.Logf("codes other than 200 and 404: %v", others)
	}
}

// From the API server's answer that a pod is to end to the last request that was
// sent to it.
func TestMeasureTermination(t *testing.T) {
	const times = 50
	w := newMeasure(t)
	w.gateway("")
	w.pods(3)
	w.route("shop")
	w.headgate(direct())
	ip := w.address()
	w.untilCode(ip, "shop.test", http.StatusOK)
	var mu sync.Mutex
	last, failed, end := map[string]time.Time{}, 0, make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
			for {
				select {
				case <-end:
					return
				default:
				}
				sent := time.Now()
				code, pod := get(client, "http://"+ip+"/", "shop.test")
				mu.Lock()
				if code != http.StatusOK {
					failed++
				} else if sent.After(last[pod]) {
					last[pod] = sent
				}
				mu.Unlock()
				time.Sleep(500 * time.Microsecond)
			}
		})
	}
	var took []time.Duration
	pods := cluster.Client.CoreV1().Pods(w.ns)
	for range times {
		list, err := pods.List(w.ctx, metav1.ListOptions{LabelSelector: "app=web"})
		w.must(err)
		at := slices.IndexFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp == nil })
		name := list.Items[at].Name
		w.until("the pod has had requests", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return !last[name].IsZero()
		})
		w.must(pods.Delete(w.ctx, name, metav1.DeleteOptions{}))
		marked := time.Now()
		w.until("the pod is gone", func() bool {
			_, err := pods.Get(w.ctx, name, metav1.GetOptions{})
			return err != nil
		})
		w.until("another is ready", func() bool { return w.rolledOut(3) })
		mu.Lock()
		took = append(took, max(0, last[name].Sub(marked)))
		mu.Unlock()
	}
	close(end)
	all.Wait()
	w.print("pod marked terminating to the last request sent to it", took)
	t.Logf("%d requests failed", failed)
}

// What 5,000 routes, 5,000 Services and 100,000 endpoints cost.
func TestMeasureSize(t *testing.T) {
	const services, endpoints = 5000, 20
	w := newMeasure(t)
	w.gateway("")
	begin := time.Now()
	w.each(services, func(i int) error {
		s := w.object(`{kind: Service, metadata: {name: s-%d}, spec: {ports: [{port: 80, targetPort: 8080}]}}`, i)
		if _, err := w.of("Service", w.ns).Create(w.ctx, s, metav1.CreateOptions{}); err != nil {
			return err
		}
		var list strings.Builder
		for j := range endpoints {
			n := i*endpoints + j
			fmt.Fprintf(&list, `{addresses: [10.%d.%d.%d], conditions: {ready: true, serving: true}, zone: z%d, nodeName: node-1,
targetRef: {kind: Pod, namespace: %s, name: p-%d, uid: 00000000-0000-0000-0000-%012d}},`, 128+n>>16, n>>8&255, n&255, n%3, w.ns, n, n)
		}
		o := w.object(`{kind: EndpointSlice, metadata: {name: s-%[1]d, labels: {kubernetes.io/service-name: s-%[1]d}},
addressType: IPv4, ports: [{port: 8080, protocol: TCP}], endpoints: [%[2]s]}`, i, list.String())
		_, err := w.of("EndpointSlice", w.ns).Create(w.ctx, o, metav1.CreateOptions{})
		return err
	})
	t.Logf("%d Services with %d endpoints created in %v", services, services*endpoints, time.Since(begin).Round(time.Millisecond))
	w.createRoutes("r", services, func(i int) string { return fmt.Sprintf("s-%d", i) })
	begin = time.Now()
	g := w.headgate(direct())
	t.Logf("ready %v after its start; %s", time.Since(begin).Round(time.Millisecond), g.memory())
	if got := g.routes(); got != services {
		t.Errorf("%d routes are live, not %d", got, services)
	}
	w.until("all have their status", func() bool {
		time.Sleep(time.Second) // a list of thousands is work for the API server
		list, err := w.of("HTTPRoute", w.ns).List(w.ctx, metav1.ListOptions{ResourceVersion: "0"})
		w.must(err)
		return !slices.ContainsFunc(list.Items, func(o unstructured.Unstructured) bool { return !isRouted(&o) })
	})
	t.Logf("statuses written after %v: %+v", time.Since(begin).Round(time.Millisecond), g.status().Writes)
	t.Log(g.memory())
}

// memory is what the kernel says of the process.
func (g *headgate) memory() string {
	g.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	g.must(err)
	var lines []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "VmHWM") {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(lines, ", ")
}
