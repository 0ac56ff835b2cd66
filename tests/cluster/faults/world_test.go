// What the tests share: a namespace each, with a Gateway and pods in it, and how
// to make and look at objects there.

package faults

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

// world is a namespace of one test.
type world struct {
	*testing.T
	ctx context.Context
	ns  string
}

func newWorld(t *testing.T) *world {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	w := &world{t, ctx, strings.ToLower(t.Name())}
	w.namespace(w.ns)
	t.Cleanup(func() {
		cancel()
		// At once, so that the next test's table has nothing of it; the rest follows.
		_ = w.of("Gateway", w.ns).Delete(context.Background(), "web", metav1.DeleteOptions{})
	})
	return w
}

// namespace makes a namespace that ends with the test.
func (w *world) namespace(name string) {
	w.Helper()
	all := cluster.Client.CoreV1().Namespaces()
	w.until("the namespace is there, and not that of an earlier run", func() bool {
		_, err := all.Create(w.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		return err == nil
	})
	w.Cleanup(func() { _ = all.Delete(context.Background(), name, metav1.DeleteOptions{}) })
	w.until("the default ServiceAccount is there", func() bool {
		_, err := cluster.Client.CoreV1().ServiceAccounts(name).Get(w.ctx, "default", metav1.GetOptions{})
		return err == nil
	})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// patience is how long anything may take that works, on a machine that is busy.
var patience = time.Minute

// until waits for something to become true.
func (w *world) until(what string, f func() bool) time.Duration {
	w.Helper()
	begin := time.Now()
	for ; !f(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > patience || w.ctx.Err() != nil {
			w.Fatalf("never came true: %s", what)
		}
	}
	return time.Since(begin)
}

// resources are the collections of the kinds that tests make.
var resources = map[string]schema.GroupVersionResource{
	"Gateway":       {Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"},
	"ListenerSet":   {Group: "gateway.networking.k8s.io", Version: "v1", Resource: "listenersets"},
	"HTTPRoute":     {Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"},
	"Service":       {Version: "v1", Resource: "services"},
	"Secret":        {Version: "v1", Resource: "secrets"},
	"EndpointSlice": {Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
	"Deployment":    {Group: "apps", Version: "v1", Resource: "deployments"},
	"RoleBinding":   {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	"Lease":         {Group: "coordination.k8s.io", Version: "v1", Resource: "leases"},
	"CustomResourceDefinition": {
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
	},
}

func (w *world) of(kind, ns string) dynamic.ResourceInterface {
	return objects.Resource(resources[kind]).Namespace(ns)
}

// make creates an object from YAML in the test's namespace, or in its own.
func (w *world) make(text string, args ...any) *unstructured.Unstructured {
	w.Helper()
	o := w.object(text, args...)
	made, err := w.of(o.GetKind(), o.GetNamespace()).Create(w.ctx, o, metav1.CreateOptions{})
	w.must(err)
	return made
}

func (w *world) object(text string, args ...any) *unstructured.Unstructured {
	w.Helper()
	o := &unstructured.Unstructured{}
	w.must(yaml.Unmarshal([]byte(fmt.Sprintf(text, args...)), &o.Object))
	o.SetAPIVersion(resources[o.GetKind()].GroupVersion().String())
	if o.GetNamespace() == "" {
		o.SetNamespace(w.ns)
	}
	return o
}

func (w *world) get(kind, name string) *unstructured.Unstructured {
	w.Helper()
	o, err := w.of(kind, w.ns).Get(w.ctx, name, metav1.GetOptions{})
	w.must(err)
	return o
}

func (w *world) delete(kind, name string) {
	w.Helper()
	w.must(w.of(kind, w.ns).Delete(w.ctx, name, metav1.DeleteOptions{}))
}

// patch merges JSON into an object.
func (w *world) patch(kind, name, json string) {
	w.Helper()
	_, err := w.of(kind, w.ns).Patch(w.ctx, name, types.MergePatchType, []byte(json), metav1.PatchOptions{})
	w.must(err)
}

// gateway makes the Gateway "web" with an HTTP listener on port 80, open to the
// routes of all namespaces, and more listeners.
func (w *world) gateway(more string) {
	w.Helper()
	w.make(`{kind: Gateway, metadata: {name: web}, spec: {gatewayClassName: headgate,
allowedListeners: {namespaces: {from: All}},
listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}%s]}}`, more)
}

// address is where the Gateway is reached, once it is programmed.
func (w *world) address() (ip string) {
	w.Helper()
	w.until("the Gateway is programmed", func() bool {
		g := w.get("Gateway", "web")
		list, _, _ := unstructured.NestedSlice(g.Object, "status", "addresses")
		if len(list) == 0 || !holds(g.Object["status"], "Programmed", g.GetGeneration()) {
			return false
		}
		ip, _, _ = unstructured.NestedString(list[0].(map[string]any), "value")
		return ip != ""
	})
	return ip
}

// pods makes a Deployment and a Service, both "web", and waits until its pods
// are ready. They stop serving 2 s after SIGTERM.
func (w *world) pods(replicas int) {
	w.Helper()
	w.make(`{kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}`)
	w.make(`{kind: Deployment, metadata: {name: web}, spec: {replicas: %d, selector: {matchLabels: {app: web}},
strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}, template: {metadata: {labels: {app: web}}, spec: {containers: [
{name: web, image: "test/pod:1", args: [-term=2s], ports: [{containerPort: 8080}],
readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1, failureThreshold: 1}}]}}}}`, replicas)
	w.until("the pods are ready", func() bool { return w.rolledOut(replicas) })
}

// rolledOut says whether the Deployment's newest pods, and only those, are there.
func (w *world) rolledOut(replicas int) bool {
	w.Helper()
	d, err := cluster.Client.AppsV1().Deployments(w.ns).Get(w.ctx, "web", metav1.GetOptions{})
	w.must(err)
	s, want := d.Status, int32(replicas)
	return s.ObservedGeneration == d.Generation && s.UpdatedReplicas == want && s.ReadyReplicas == want && s.Replicas == want
}

// route makes an HTTPRoute of this name and hostname NAME.test to the pods.
func (w *world) route(name string) {
	w.Helper()
	w.make(`{kind: HTTPRoute, metadata: {name: %[1]s}, spec: {parentRefs: [{name: web}], hostnames: [%[1]s.test],
rules: [{backendRefs: [{name: web, port: 80}]}]}}`, name)
}

// isRouted says whether a route's status says that it is served as it is now.
func isRouted(o *unstructured.Unstructured) bool {
	parents, _, _ := unstructured.NestedSlice(o.Object, "status", "parents")
	return len(parents) == 1 && holds(parents[0], "Accepted", o.GetGeneration()) &&
		holds(parents[0], "ResolvedRefs", o.GetGeneration())
}

func (w *world) untilRouted(name string) {
	w.Helper()
	w.until("the route "+name+" is accepted", func() bool { return isRouted(w.get("HTTPRoute", name)) })
}

// holds says whether a condition beside others is true as of a generation.
func holds(status any, condition string, generation int64) bool {
	in, _ := status.(map[string]any)
	list, _, _ := unstructured.NestedSlice(in, "conditions")
	for _, c := range list {
		c, _ := c.(map[string]any)
		if c["type"] == condition {
			return c["status"] == "True" && c["observedGeneration"] == generation
		}
	}
	return false
}

// fault runs a fault command of the cluster binary.
func (w *world) fault(args ...string) {
	w.Helper()
	if out, err := exec.Command(cluster.Program, args...).CombinedOutput(); err != nil {
		w.Fatalf("cluster %s: %v: %s", strings.Join(args, " "), err, out)
	}
}
