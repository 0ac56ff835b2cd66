// What Headgate tells pods and hears of nodes, with the optional rights.

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"cluster/internal/plane"
)

const gate = "headgate.dev/routable"

// allow applies a file of optional rights, and takes them away after the test.
func (w *world) allow(file, binding string) {
	w.Helper()
	w.must(plane.ApplyFiles(w.ctx, cluster.Dir, []string{deploy + file}))
	w.Cleanup(func() {
		_ = cluster.Client.RbacV1().ClusterRoleBindings().Delete(context.Background(), binding, metav1.DeleteOptions{})
	})
}

// gated makes a Deployment and a Service, both of this name, whose pods wait for
// the gate.
func (w *world) gated(name string, replicas int) {
	w.Helper()
	w.make(`{kind: Service, metadata: {name: %[1]s}, spec: {selector: {app: %[1]s}, ports: [{port: 80, targetPort: http}]}}`, name)
	w.make(`{kind: Deployment, metadata: {name: %[1]s}, spec: {replicas: %[2]d, selector: {matchLabels: {app: %[1]s}},
strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}, template: {metadata: {labels: {app: %[1]s}}, spec: {
readinessGates: [{conditionType: %[3]s}], containers: [
{name: web, image: "test/pod:1", args: [-term=1s], ports: [{name: http, containerPort: 8080}],
readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1, failureThreshold: 1}}]}}}}`, name, replicas, gate)
}

func (w *world) podsOf(app string) []corev1.Pod {
	w.Helper()
	l, err := cluster.Client.CoreV1().Pods(w.ns).List(w.ctx, metav1.ListOptions{LabelSelector: "app=" + app})
	w.must(err)
	return l.Items
}

// told is the reason of a pod's condition, or nothing while it is not true.
func told(p *corev1.Pod) string {
	for _, c := range p.Status.Conditions {
		if c.Type == gate && c.Status == corev1.ConditionTrue {
			return c.Reason
		}
	}
	return ""
}

// endpoint is a part of what /v1/endpoints lists.
type endpoint struct {
	Address, State string
	Drained        json.RawMessage
	InFlight       int `json:"in_flight"`
}

// endpoints are those of a port of the test's Service, by IP address.
func (g *headgate) endpoints(service string) map[string]endpoint {
	g.Helper()
	var all []struct {
		Backend   string
		Endpoints []endpoint
	}
	g.must(json.Unmarshal(g.view("/v1/endpoints"), &all))
	found := map[string]endpoint{}
	for _, b := range all {
		if b.Backend == g.ns+"/"+service+":80" {
			for _, e := range b.Endpoints {
				found[e.Address[:strings.LastIndex(e.Address, ":")]] = e
			}
		}
	}
	return found
}

// drained are the addresses that a drain keeps requests from.
func (g *headgate) drained(service string) map[string]bool {
	g.Helper()
	out := map[string]bool{}
	for ip, e := range g.endpoints(service) {
		if len(e.Drained) > 0 && string(e.Drained) != "null" {
			out[ip] = true
		}
	}
	return out
}

// A gated pod is ready when the proxy knows its endpoints and not before; one
// that no route uses at once; each costs one write; nothing takes it back.
func TestArrival(t *testing.T) {
	w := newWorld(t)
	w.allow("arrival.yaml", "headgate-arrival")
	const replicas = 3
	w.gateway("")
	w.gated("web", replicas)
	w.gated("idle", 1)
	w.route("web")
	w.until("the pods run and wait for the gate", func() bool {
		running := 0
		for _, p := range append(w.podsOf("web"), w.podsOf("idle")...) {
			for _, c := range p.Status.Conditions {
				if c.Type == corev1.ContainersReady && c.Status == corev1.ConditionTrue {
					running++
				}
			}
			if told(&p) != "" {
				t.Errorf("%s is told that it is routable, and nobody is there", p.Name)
			}
		}
		return running == replicas+1
	})
	g := w.headgate(direct())
	const applied = "Applied"
	w.until("all pods are told", func() bool {
		done := 0
		for _, p := range w.podsOf("web") {
			if told(&p) == applied {
				done++
				if _, live := g.endpoints("web")[p.Status.PodIP]; !live {
					t.Errorf("%s is told, and its endpoint is not live", p.Name)
				}
			}
		}
		return done == replicas
	})
	w.until("the pod without a route is told", func() bool { return told(&w.podsOf("idle")[0]) == "NotRouted" })
	w.until("the pods are ready", func() bool { return w.rolledOut(replicas) })

	ip := w.address()
	l := w.load(ip, "web.test")
	w.patch("Deployment", "web", `{"spec":{"template":{"metadata":{"annotations":{"roll":"1"}}}}}`)
	var slowest time.Duration
	seen := map[string]time.Time{}
	w.until("the pods are rolled", func() bool {
		for ip := range g.endpoints("web") {
			if _, there := seen[ip]; !there {
				seen[ip] = time.Now()
			}
		}
		for _, p := range w.podsOf("web") {
			if since, there := seen[p.Status.PodIP]; there && told(&p) == applied {
				slowest = max(slowest, time.Since(since))
				seen[p.Status.PodIP] = time.Now().Add(time.Hour)
			}
		}
		return w.rolledOut(replicas)
	})
	l.stop()
	t.Logf("from the endpoint in the table to the condition, as seen from outside: %v at most", slowest.Round(time.Millisecond))
	// The last is counted when its answer is read, which may be after the pod is ready.
	want := fmt.Sprintf("headgate_arrivals_total %d\n", 2*replicas+1)
	w.until("one write for each pod is counted, and none besides", func() bool {
		return strings.Contains(string(g.view("/metrics")), want)
	})

	w.delete("HTTPRoute", "web")
	w.untilCode(ip, "web.test", 404)
	for _, p := range w.podsOf("web") {
		if p.DeletionTimestamp == nil && told(&p) == "" {
			t.Errorf("%s is not routable any more", p.Name)
		}
	}
}

// Without the rights pods wait and nodes are not seen: both are said, and
// nothing else is the worse for it.
func TestWithoutOptionalRights(t *testing.T) {
	w := newWorld(t)
	w.gateway("")
	w.gated("web", 1)
	w.route("web")
	g := w.headgate(direct())
	w.untilRouted("web")
	w.until("the log says what is missing", func() bool {
		said := g.said()
		return strings.Contains(said, "arrival.yaml") && strings.Contains(said, "nodes.yaml")
	})
	if p := w.podsOf("web"); len(p) != 1 || told(&p[0]) != "" {
		t.Errorf("a pod was told without the right: %v", p)
	}
	g.untilWell()
}

// The endpoints of a node that goes away are drained, half of a backend at most,
// and are back when it stays.
func TestNodeThatGoes(t *testing.T) {
	w := newWorld(t)
	w.allow("nodes.yaml", "headgate-nodes")
	const node, replicas = "node-2", 6
	w.gateway("")
	w.pods(replicas)
	w.route("web")
	g := w.headgate(direct())
	ip := w.address()
	l := w.load(ip, "web.test")
	patch := func(body string) {
		_, err := cluster.Client.CoreV1().Nodes().Patch(context.Background(), node, types.MergePatchType, []byte(body), metav1.PatchOptions{})
		w.must(err)
	}
	t.Cleanup(func() { patch(`{"spec":{"unschedulable":null,"taints":null}}`) })
	there := map[string]bool{}
	for _, p := range w.podsOf("web") {
		if p.Spec.NodeName == node {
			there[p.Status.PodIP] = true
		}
	}
	begin := time.Now()
	patch(`{"spec":{"unschedulable":true,"taints":[{"key":"ToBeDeletedByClusterAutoscaler","effect":"NoSchedule"}]}}`)
	want := min(len(there), replicas/2)
	w.until("its endpoints are drained", func() bool { return len(g.drained("web")) == want })
	t.Logf("%d of %d endpoints are drained %v after the taint", want, len(there), time.Since(begin).Round(time.Millisecond))
	for ip := range g.drained("web") {
		if !there[ip] {
			t.Errorf("%s is drained and not on %s", ip, node)
		}
	}
	l.more(200)
	patch(`{"spec":{"unschedulable":null,"taints":null}}`)
	w.until("none is drained any more", func() bool { return len(g.drained("web")) == 0 })
	l.stop()
}
