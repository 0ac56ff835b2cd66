// Pods that drain themselves before they end: the hooks of deploy/examples.

package faults

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cluster/internal/layout"
)

// moment is a line of the node agent's event log.
type moment struct {
	Time                         time.Time
	Event, Namespace, Pod, Error string
}

// moments are what happened to the test's pods so far, by pod, in order.
func (w *world) moments() map[string][]moment {
	w.Helper()
	f, err := os.Open(filepath.Join(string(cluster.Dir), "run", "logs", "pods.jsonl"))
	w.must(err)
	defer f.Close()
	all := map[string][]moment{}
	for s := bufio.NewScanner(f); s.Scan(); {
		var m moment
		w.must(json.Unmarshal(s.Bytes(), &m))
		if m.Namespace == w.ns {
			all[m.Pod] = append(all[m.Pod], m)
		}
	}
	return all
}

// at is when something happened to a pod; the zero time when it did not.
func at(moments []moment, event string) (time.Time, string) {
	for _, m := range moments {
		if m.Event == event {
			return m.Time, m.Error
		}
	}
	return time.Time{}, ""
}

// hooked makes a Deployment and a Service, both "web", whose program ends at once
// on SIGTERM and whose preStop hook is this command. The gateway's binary lies in
// /headgate, as from an image volume.
func (w *world) hooked(replicas int, command ...string) {
	w.Helper()
	hook, err := json.Marshal(command)
	w.must(err)
	w.make(`{kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}`)
	w.make(`{kind: Deployment, metadata: {name: web}, spec: {replicas: %d, selector: {matchLabels: {app: web}},
strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}, template: {metadata: {labels: {app: web}}, spec: {
terminationGracePeriodSeconds: 40, readinessGates: [{conditionType: %s}],
volumes: [{name: headgate, hostPath: {path: %q}}], containers: [
{name: web, image: "test/pod:1", args: [-prestop=3s], ports: [{containerPort: 8080}],
lifecycle: {preStop: {exec: {command: %s}}}, volumeMounts: [{name: headgate, mountPath: /headgate}],
readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1, failureThreshold: 1}}]}}}}`,
		replicas, gate, filepath.Dir(binary), hook)
	w.until("the pods are ready", func() bool { return w.rolledOut(replicas) })
}

const drainPort = 9902

// hooks are the commands of deploy/examples, for the one gateway that there is.
func hooks() map[string][]string {
	door := fmt.Sprintf("http://%s:%d", layout.BridgeIP, drainPort)
	return map[string][]string{
		"exec": {"/headgate/" + filepath.Base(binary), "drain", "--self", "--gateway=" + door, "--timeout=25s"},
		"http": {"curl", "-fsS", "-m", "30", "-X", "POST", door + "/v1/drain?self&timeout=25s"},
	}
}

// Of a Deployment that is rolled under load, with programs that end at once on
// SIGTERM, nothing is lost: each hook ends well, and before SIGTERM.
func TestPreStopExec(t *testing.T) { rollWith(t, hooks()["exec"]) }

// The same with plain HTTP.
func TestPreStopHTTP(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	rollWith(t, hooks()["http"])
}

func rollWith(t *testing.T, hook []string) {
	w := newWorld(t)
	w.allow("arrival.yaml", "headgate-arrival")
	const replicas = 4
	w.gateway("")
	w.headgate(direct(), "--drain", fmt.Sprintf("0.0.0.0:%d", drainPort))
	w.hooked(replicas, hook...)
	w.route("web")
	old := w.podsOf("web")
	l := w.load(w.address(), "web.test")
	for roll := range 2 {
		w.patch("Deployment", "web", fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"roll":"%d"}}}}}`, roll))
		w.until("the pods are rolled", func() bool { return w.rolledOut(replicas) })
	}
	w.until("the old pods are gone", func() bool { return len(w.podsOf("web")) == replicas })
	l.stop()
	all := w.moments()
	var longest time.Duration
	for _, p := range old {
		begin, _ := at(all[p.Name], "prestop-start")
		end, why := at(all[p.Name], "prestop-end")
		term, _ := at(all[p.Name], "sigterm")
		if end.IsZero() || why != "" || term.Before(end) {
			t.Errorf("%s: the hook ended at %v (%q), SIGTERM came at %v", p.Name, end, why, term)
		}
		longest = max(longest, end.Sub(begin))
	}
	t.Logf("the longest hook took %v", longest.Round(time.Millisecond))
}

// A hook takes as long as what is in flight, and no longer; a request that began
// before it is answered by the pod that ends.
func TestPreStopWaits(t *testing.T) {
	w := newWorld(t)
	w.allow("arrival.yaml", "headgate-arrival")
	w.gateway("")
	g := w.headgate(direct(), "--drain", fmt.Sprintf("0.0.0.0:%d", drainPort))
	w.hooked(1, hooks()["exec"]...)
	w.route("web")
	ip := w.address()
	w.untilCode(ip, "web.test", http.StatusOK)
	first := w.podsOf("web")[0]
	began := time.Now()
	slow := make(chan int, 1)
	go func() {
		code, _ := get(once, "http://"+ip+"/prestop", "web.test")
		slow <- code
	}()
	w.until("the request is in flight", func() bool {
		return g.endpoints("web")[first.Status.PodIP].InFlight > 0
	})
	took := func(pod string, since time.Time) {
		w.must(cluster.Client.CoreV1().Pods(w.ns).Delete(w.ctx, pod, metav1.DeleteOptions{}))
		w.until("the hook ended", func() bool { end, _ := at(w.moments()[pod], "prestop-end"); return !end.IsZero() })
		begin, _ := at(w.moments()[pod], "prestop-start")
		end, why := at(w.moments()[pod], "prestop-end")
		if why != "" {
			t.Errorf("the hook failed: %s", why)
		}
		t.Logf("the hook took %v, and ended %v after the request began", end.Sub(begin).Round(time.Millisecond), end.Sub(since).Round(time.Millisecond))
	}
	took(first.Name, began)
	if code := <-slow; code != http.StatusOK {
		t.Errorf("the request in flight was answered with %d", code)
	}
	w.until("there is another pod, and no other", func() bool { return w.rolledOut(1) && len(w.podsOf("web")) == 1 })
	took(w.podsOf("web")[0].Name, time.Now())
}
