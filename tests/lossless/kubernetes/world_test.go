// What the tests share: a namespace with the load's site, and a gateway for it.

package kubernetes

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/utils/ptr"

	"cluster/internal/layout"
	"cluster/lossless/internal/load"
	"cluster/lossless/internal/site"
)

// world is a namespace of one test.
type world struct {
	*testing.T
	ctx      context.Context
	ns       string
	journals string
	signs    *site.Authority
}

const (
	admin    = "127.0.0.1:19900"
	pool     = "10.97.0.16/30"
	replicas = 4
)

func newWorld(t *testing.T) *world {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	t.Cleanup(cancel)
	w := &world{T: t, ctx: ctx, ns: strings.ToLower(t.Name()), journals: t.TempDir()}
	_, err := cluster.Client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.ns}}, metav1.CreateOptions{})
	w.must(err)
	t.Cleanup(func() {
		_ = cluster.Client.CoreV1().Namespaces().Delete(context.Background(), w.ns, metav1.DeleteOptions{})
	})
	w.until("the default ServiceAccount is there", func() bool {
		_, err := cluster.Client.CoreV1().ServiceAccounts(w.ns).Get(w.ctx, "default", metav1.GetOptions{})
		return err == nil
	})
	w.signs, err = site.NewAuthority()
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// until waits for something to become true.
func (w *world) until(what string, f func() bool) {
	w.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) || w.ctx.Err() != nil {
			w.Fatalf("never came true: %s", what)
		}
	}
}

var resources = map[string]schema.GroupVersionResource{
	"Gateway":     {Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"},
	"HTTPRoute":   {Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"},
	"GRPCRoute":   {Group: "gateway.networking.k8s.io", Version: "v1", Resource: "grpcroutes"},
	"Service":     {Version: "v1", Resource: "services"},
	"Secret":      {Version: "v1", Resource: "secrets"},
	"RoleBinding": {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	"Deployment":  {Group: "apps", Version: "v1", Resource: "deployments"},
}

// make creates an object from YAML in the test's namespace.
func (w *world) make(text string, args ...any) {
	w.Helper()
	o := &unstructured.Unstructured{}
	w.must(yaml.Unmarshal([]byte(fmt.Sprintf(text, args...)), &o.Object))
	o.SetAPIVersion(resources[o.GetKind()].GroupVersion().String())
	_, err := objects.Resource(resources[o.GetKind()]).Namespace(w.ns).Create(w.ctx, o, metav1.CreateOptions{})
	w.must(err)
}

// site makes pods, routes and a Gateway, and returns where the load goes.
func (w *world) site(pod string) load.Target {
	w.Helper()
	pair, err := w.signs.Issue()
	w.must(err)
	data := base64.StdEncoding.EncodeToString
	w.make(`{kind: Secret, metadata: {name: edge}, type: kubernetes.io/tls, data: {tls.crt: %s, tls.key: %s}}`,
		data(pair.Certificate), data(pair.Key))
	w.make(`{kind: RoleBinding, metadata: {name: headgate-certificates},
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: headgate-certificates},
subjects: [{kind: ServiceAccount, name: headgate, namespace: headgate-system}]}`)
	w.make(`{kind: Service, metadata: {name: main}, spec: {selector: {app: main}, ports: [
{name: http, port: 80, targetPort: 8080}, {name: grpc, port: 81, targetPort: 8080, appProtocol: kubernetes.io/h2c}]}}`)
	w.make(`{kind: Deployment, metadata: {name: main}, spec: {replicas: %d, selector: {matchLabels: {app: main}},
strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}, template: {metadata: {labels: {app: main}}, spec: {
volumes: [{name: journals, hostPath: {path: %q}}], containers: [{name: main, image: "test/pod:1", %s,
volumeMounts: [{name: journals, mountPath: /journals}], ports: [{containerPort: 8080}]}]}}}}`, replicas, w.journals, pod)
	w.make(`{kind: Gateway, metadata: {name: edge}, spec: {gatewayClassName: headgate, listeners: [
{name: http, port: 80, protocol: HTTP}, {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: edge}]}}]}}`)
	w.make(`{kind: HTTPRoute, metadata: {name: web}, spec: {parentRefs: [{name: edge}], hostnames: [%s],
rules: [{backendRefs: [{name: main, port: 80}]}]}}`, site.Host)
	w.make(`{kind: GRPCRoute, metadata: {name: rpc}, spec: {parentRefs: [{name: edge}], hostnames: [%s],
rules: [{backendRefs: [{name: main, port: 81}]}]}}`, site.RPC)
	w.until("the pods are ready", w.rolledOut)
	w.headgate()
	ip := w.address()
	t := load.Target{Plain: ip + ":80", TLS: ip + ":443", Host: site.Host, RPC: site.RPC, Roots: w.signs.Roots}
	last := ""
	defer func() {
		if w.Failed() {
			w.Log(last)
		}
	}()
	w.until("every kind of request is answered", func() bool {
		client := load.NewClient(t)
		defer client.Close()
		for _, k := range []load.Kind{load.Get, load.H2Get, load.Unary} {
			if r := client.Do(w.ctx, k, probe()); !r.Answered() {
				last = fmt.Sprintf("%v: %d %s", k, r.Status, r.Err)
				return false
			}
		}
		return true
	})
	return t
}

// rolledOut says whether the Deployment's newest pods, and only those, are there.
func (w *world) rolledOut() bool {
	w.Helper()
	d, err := cluster.Client.AppsV1().Deployments(w.ns).Get(w.ctx, "main", metav1.GetOptions{})
	w.must(err)
	s := d.Status
	return s.ObservedGeneration == d.Generation && s.UpdatedReplicas == replicas && s.ReadyReplicas == replicas && s.Replicas == replicas
}

// patch merges JSON into the Deployment.
func (w *world) patch(json string, args ...any) {
	w.Helper()
	_, err := cluster.Client.AppsV1().Deployments(w.ns).Patch(w.ctx, "main", types.MergePatchType,
		fmt.Appendf(nil, json, args...), metav1.PatchOptions{})
	w.must(err)
}

// address is where the Gateway is reached.
func (w *world) address() (ip string) {
	w.Helper()
	w.until("the Gateway has an address", func() bool {
		g, err := objects.Resource(resources["Gateway"]).Namespace(w.ns).Get(w.ctx, "edge", metav1.GetOptions{})
		w.must(err)
		list, _, _ := unstructured.NestedSlice(g.Object, "status", "addresses")
		if len(list) > 0 {
			ip, _, _ = unstructured.NestedString(list[0].(map[string]any), "value")
		}
		return ip != ""
	})
	return ip
}

// headgate runs a gateway with the rights of deploy/kubernetes, to the test's end.
func (w *world) headgate() {
	w.Helper()
	log, err := os.Create(filepath.Join(string(cluster.Dir), "run", "logs", "headgate-"+w.ns+".log"))
	w.must(err)
	defer log.Close()
	cmd := exec.Command(binary, "run", "--kubeconfig", w.kubeconfig(), "--admin", admin, "--address-pool", pool,
		"--identity", w.ns, "--access-log", "json", "--pre-drain", "0s", "--deadline", "5s")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	w.must(cmd.Start())
	w.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			w.Errorf("headgate ended with: %v", err)
		}
	})
	w.until("headgate is ready", func() bool {
		resp, err := http.Get("http://" + admin + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// kubeconfig is a file for the ServiceAccount of deploy/kubernetes.
func (w *world) kubeconfig() string {
	w.Helper()
	req := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(3600))}}
	got, err := cluster.Client.CoreV1().ServiceAccounts("headgate-system").CreateToken(w.ctx, "headgate", req, metav1.CreateOptions{})
	w.must(err)
	type named map[string]any
	text, err := json.Marshal(named{
		"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": []named{{"name": "c", "cluster": named{
			"server": layout.APIServer("127.0.0.1"), "certificate-authority": cluster.Dir.PKI("ca.crt")}}},
		"contexts": []named{{"name": "c", "context": named{"cluster": "c", "user": "u"}}},
		"users":    []named{{"name": "u", "user": named{"token": got.Status.Token}}},
	})
	w.must(err)
	file := filepath.Join(w.TempDir(), "kubeconfig")
	w.must(os.WriteFile(file, text, 0o600))
	return file
}
