// What Headgate may not read, or can't because it is not there.

package faults

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"cluster/internal/plane"
)

// certificate is one for a host, with its key, as a Secret holds them.
func (w *world) certificate(host string) (cert, key string) {
	w.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	w.must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	w.must(err)
	encode := func(kind string, b []byte) string {
		return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", secret)
}

// A Secret that may not be read costs its listener and no other, is named, and
// is found once the right is there.
func TestForbiddenSecret(t *testing.T) {
	w := newWorld(t)
	cert, key := w.certificate("shop.test")
	w.make(`{kind: Secret, metadata: {name: cert}, type: kubernetes.io/tls, data: {tls.crt: %s, tls.key: %s}}`, cert, key)
	w.gateway(`, {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}`)
	w.pods(1)
	w.route("shop")
	g := w.headgate(direct())
	var ip string
	w.until("the Gateway has an address", func() bool {
		list, _, _ := unstructured.NestedSlice(w.get("Gateway", "web").Object, "status", "addresses")
		if len(list) == 0 {
			return false
		}
		ip, _, _ = unstructured.NestedString(list[0].(map[string]any), "value")
		return ip != ""
	})
	l := w.load(ip, "shop.test")
	w.until("a problem names the Secret", func() bool { return g.problem("Secret "+w.ns+"/cert") != "" })
	t.Log(g.problem("Secret " + w.ns + "/cert"))
	w.until("the listener's condition says so", func() bool { return w.listener("https", "ResolvedRefs") == "False" })
	if got := w.listener("http", "Programmed"); got != "True" {
		t.Errorf("the other listener is not programmed: %q", got)
	}
	secure := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "shop.test"},
	}}
	if code, said := get(secure, "https://"+net.JoinHostPort(ip, "443")+"/", "shop.test"); code != 0 {
		t.Errorf("https answers without a certificate: %d %s", code, said)
	}
	w.make(`{kind: RoleBinding, metadata: {name: headgate-certificates},
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: headgate-certificates},
subjects: [{kind: ServiceAccount, name: headgate, namespace: headgate-system}]}`)
	took := w.until("https answers", func() bool {
		code, _ := get(secure, "https://"+net.JoinHostPort(ip, "443")+"/", "shop.test")
		return code == http.StatusOK
	})
	t.Logf("https answers %v after the right was given", took.Round(time.Millisecond))
	w.until("the listener's condition says so", func() bool { return w.listener("https", "ResolvedRefs") == "True" })
	g.untilWell()
	l.stop()
}

// listener is the status of a condition of one listener of the Gateway.
func (w *world) listener(name, condition string) string {
	w.Helper()
	list, _, _ := unstructured.NestedSlice(w.get("Gateway", "web").Object, "status", "listeners")
	for _, l := range list {
		l := l.(map[string]any)
		conditions, _, _ := unstructured.NestedSlice(l, "conditions")
		for _, c := range conditions {
			if c := c.(map[string]any); l["name"] == name && c["type"] == condition {
				return c["status"].(string)
			}
		}
	}
	return ""
}

// A kind whose CRD is not installed is served once it is.
func TestKindInstalledLate(t *testing.T) {
	w := newWorld(t)
	const crd = "listenersets.gateway.networking.k8s.io"
	all := objects.Resource(resources["CustomResourceDefinition"])
	install := func() {
		file := filepath.Join(cluster.Dir.CRDs(), "gateway.networking.k8s.io_listenersets.yaml")
		w.must(plane.ApplyFiles(context.Background(), cluster.Dir, []string{file}))
	}
	w.must(all.Delete(w.ctx, crd, metav1.DeleteOptions{}))
	w.until("the CRD is gone", func() bool {
		_, err := all.Get(w.ctx, crd, metav1.GetOptions{})
		return err != nil
	})
	w.Cleanup(install)
	w.gateway("")
	w.pods(1)
	w.route("shop")
	g := w.headgate(direct())
	ip := w.address()
	l := w.load(ip, "shop.test")
	if g.problem("ListenerSet") == "" {
		t.Error("no problem says that there are no ListenerSets")
	}
	install()
	w.make(`{kind: ListenerSet, metadata: {name: more}, spec: {parentRef: {name: web},
listeners: [{name: more, port: 8081, protocol: HTTP}]}}`)
	w.make(`{kind: HTTPRoute, metadata: {name: late}, spec: {parentRefs: [{name: more, kind: ListenerSet, group: gateway.networking.k8s.io}],
rules: [{backendRefs: [{name: web, port: 80}]}]}}`)
	w.untilCode(net.JoinHostPort(ip, "8081"), "any.test", http.StatusOK)
	w.untilRouted("late")
	g.untilWell()
	l.stop()
}
