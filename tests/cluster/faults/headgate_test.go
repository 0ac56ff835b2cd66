// One Headgate process of a test: how it starts and ends, and what it says of
// itself.

package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"cluster/internal/layout"
)

// headgate is a running process.
type headgate struct {
	*world
	cmd   *exec.Cmd
	admin string
	log   string
}

// started counts processes, so that each has an identity, an admin port and a
// slice of the pool of its own.
var started atomic.Int32

// headgate starts a process that follows the API server at this address, and
// waits until it is ready. More arguments follow its own.
func (w *world) headgate(server string, more ...string) *headgate {
	w.Helper()
	n := started.Add(1)
	return w.replica(server, fmt.Sprintf("10.97.0.%d/29", n%30*8), more...)
}

// replica is headgate with addresses that it shares with another.
func (w *world) replica(server, pool string, more ...string) *headgate {
	w.Helper()
	n := started.Add(1)
	g := &headgate{world: w, admin: fmt.Sprintf("127.0.0.1:%d", 19000+n)}
	args := []string{"run", "--kubeconfig", w.kubeconfig(server), "--admin", g.admin, "--address-pool", pool,
		"--identity", g.identity(), "--access-log", "off", "--pre-drain", "0s", "--deadline", "2s"}
	g.cmd = exec.Command(binary, append(args, more...)...)
	said, err := os.Create(filepath.Join(string(cluster.Dir), "run", "logs", fmt.Sprintf("headgate-%s-%d.log", w.ns, n)))
	w.must(err)
	defer said.Close()
	g.cmd.Stdout, g.cmd.Stderr, g.log = said, said, said.Name()
	w.must(g.cmd.Start())
	w.Cleanup(func() { g.stop(said.Name()) })
	took := w.until("headgate is ready", func() bool {
		resp, err := once.Get("http://" + g.admin + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	w.Logf("headgate was ready after %v", took.Round(time.Millisecond))
	return g
}

func (g *headgate) identity() string { return g.ns + "-" + g.admin[len("127.0.0.1:"):] }

// said is the log so far.
func (g *headgate) said() string {
	g.Helper()
	b, err := os.ReadFile(g.log)
	g.must(err)
	return string(b)
}

// stop ends the process in order and checks that it did not end before.
func (g *headgate) stop(log string) {
	_ = g.cmd.Process.Signal(syscall.SIGCONT)
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	if err := g.cmd.Wait(); err != nil {
		g.Errorf("headgate ended with: %v", err)
	}
	said, _ := os.ReadFile(log)
	if strings.Contains(string(said), "panicked") {
		g.Error("headgate panicked")
	}
	if g.Failed() {
		if len(said) > 8000 {
			said = said[len(said)-8000:]
		}
		g.Logf("what headgate said:\n%s", said)
	}
}

// direct is the API server's own address.
func direct() string { return layout.APIServer("127.0.0.1") }

// kubeconfig is a file for the ServiceAccount of deploy/kubernetes.
func (w *world) kubeconfig(server string) string {
	w.Helper()
	req := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(3600))}}
	got, err := cluster.Client.CoreV1().ServiceAccounts("headgate-system").CreateToken(w.ctx, "headgate", req, metav1.CreateOptions{})
	w.must(err)
	type named map[string]any
	text, err := json.Marshal(named{
		"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": []named{{"name": "c", "cluster": named{"server": server, "certificate-authority": cluster.Dir.PKI("ca.crt")}}},
		"contexts": []named{{"name": "c", "context": named{"cluster": "c", "user": "u"}}},
		"users":    []named{{"name": "u", "user": named{"token": got.Status.Token}}},
	})
	w.must(err)
	file := filepath.Join(w.TempDir(), "kubeconfig")
	w.must(os.WriteFile(file, text, 0o600))
	return file
}

// admin asks for views; those of a large cluster take a while.
var admin = &http.Client{Timeout: 30 * time.Second}

// status is a part of /v1/status.
type status struct {
	State      string
	Version    uint64
	Resources  map[string]int
	Problems   []string
	Conditions []struct{ Condition, Status, Reason, Message string }
	Writes     struct{ Written, Failed, Conflicts int } `json:"status_writes"`
}

func (g *headgate) view(path string) []byte {
	g.Helper()
	resp, err := admin.Get("http://" + g.admin + path)
	g.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	g.must(err)
	return b
}

func (g *headgate) status() (s status) {
	g.Helper()
	g.must(json.Unmarshal(g.view("/v1/status"), &s))
	return s
}

// table is all that is live, with its version.
func (g *headgate) table() string { return string(g.view("/v1/snapshot")) }

// routes is how many rules of the test's routes are live.
func (g *headgate) routes() int {
	return strings.Count(string(g.view("/v1/routes")), `"HTTPRoute/`+g.ns+"/")
}

// problem is the first problem with these words, or nothing.
func (g *headgate) problem(words ...string) string {
	g.Helper()
next:
	for _, p := range g.status().Problems {
		for _, word := range words {
			if !strings.Contains(p, word) {
				continue next
			}
		}
		return p
	}
	return ""
}

// untilWell waits until there is no problem any more.
func (g *headgate) untilWell() {
	g.Helper()
	last := ""
	defer func() {
		if g.Failed() {
			g.Logf("problems: %s", last)
		}
	}()
	g.until("there is no problem", func() bool {
		last = strings.Join(g.status().Problems, "\n")
		return last == ""
	})
}
