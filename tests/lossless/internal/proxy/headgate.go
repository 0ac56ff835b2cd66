// Headgate, following a folder.

package proxy

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"cluster/lossless/internal/site"
)

// Headgate is a running gateway and its folder.
type Headgate struct {
	*process
	place  Place
	folder folder
}

// OfHeadgate runs this binary.
func OfHeadgate(binary string) Starter {
	return Starter{Name: "headgate", Binary: binary, Start: func(at Place, s *site.Site) (Proxy, error) {
		return startHeadgate(binary, at, s)
	}}
}

// startHeadgate writes a site as a folder and runs the binary on it.
func startHeadgate(binary string, at Place, s *site.Site) (Proxy, error) {
	h := &Headgate{place: at, folder: newFolder(at)}
	if err := h.folder.fill(s); err != nil {
		return nil, err
	}
	return h, h.run(binary, "headgate.log", "--pre-drain", "0s", "--deadline", "5s")
}

// run starts a process and waits until it is ready and listens; if that is never,
// it is ended.
func (h *Headgate) run(binary, log string, more ...string) (err error) {
	args := append([]string{
		"run", "--manifests", h.folder.path, "--address-pool", h.place.IP + "/32", "--admin", h.Admin(), "--access-log", "json",
	}, more...)
	if h.process, err = start(filepath.Join(h.place.Dir, log), binary, args...); err != nil {
		return err
	}
	if err = h.until("it is ready", h.isReady); err == nil {
		t := h.place.Target(&site.Authority{})
		err = h.listens(t.Plain, t.TLS)
	}
	if err != nil {
		_ = h.end()
	}
	return err
}

func (h *Headgate) isReady() bool {
	resp, err := http.Get("http://" + h.Admin() + "/readyz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Admin is its admin address.
func (h *Headgate) Admin() string { return fmt.Sprintf("%s:%d", h.place.IP, adminPort) }

// Processes is the one.
func (h *Headgate) Processes() []int { return []int{h.cmd.Process.Pid} }

// Stop ends it; a panic on the way counts as a bad end.
func (h *Headgate) Stop() error {
	if err := h.end(); err != nil {
		return err
	}
	said, _ := os.ReadFile(h.log)
	if strings.Contains(string(said), "panicked at") {
		return fmt.Errorf("headgate panicked: %s", h.log)
	}
	return nil
}

// Apply writes the file that holds what changed.
func (h *Headgate) Apply(s *site.Site, c site.Change) error { return h.folder.apply(s, c) }
