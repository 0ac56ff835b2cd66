// Package proxy runs the proxies that stand between load and pods, and tells each
// of changes in its own way: Headgate by files of Gateway API objects, nginx and
// HAProxy by a whole configuration and a reload, HAProxy also over its runtime
// socket; and a proxy with flaws on purpose, to see that the harness sees them.
package proxy

import (
	"fmt"
	"os"

	"cluster/lossless/internal/load"
	"cluster/lossless/internal/site"
)

// Proxy is one of them, running.
type Proxy interface {
	// Apply makes a change live; it returns when the proxy was told, as a
	// controller's work ends there.
	Apply(s *site.Site, c site.Change) error
	// Processes are the ids of its processes now.
	Processes() []int
	// Stop ends it and says if it had ended before, or badly.
	Stop() error
}

// Starter makes one with a site.
type Starter struct {
	Name   string
	Binary string // Headgate's; empty: it is another
	Start  func(Place, *site.Site) (Proxy, error)
}

// Place is where a proxy listens and keeps its files.
type Place struct {
	IP    string           // its own, so that no port is taken
	Other func(int) string // more of them, from 1
	Dir   string           // its own
}

// Ports on that address.
const (
	plainPort = 18080
	tlsPort   = 18443
	adminPort = 19900
)

// Target is how the load reaches what listens there.
func (p Place) Target(a *site.Authority) load.Target {
	return load.Target{
		Plain: fmt.Sprintf("%s:%d", p.IP, plainPort), TLS: fmt.Sprintf("%s:%d", p.IP, tlsPort),
		Host: site.Host, RPC: site.RPC, Roots: a.Roots,
	}
}

// replace writes a file in one step, as those do who have readers.
func replace(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
