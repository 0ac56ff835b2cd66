// HAProxy: a configuration for the whole site and a reload at each change; or slots
// prepared by hand, and its runtime socket.

package proxy

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"cluster/lossless/internal/site"
)

// OfHAProxy runs the HAProxy that is installed.
func OfHAProxy(runtime bool) Starter {
	name := "haproxy"
	if runtime {
		name = "haproxy-socket"
	}
	return Starter{Name: name, Start: func(at Place, s *site.Site) (Proxy, error) {
		h := &haproxy{place: at, runtime: runtime, slots: map[string]map[string]int{}}
		return h, h.start(s)
	}}
}

type haproxy struct {
	*process
	place   Place
	runtime bool
	slots   map[string]map[string]int // service, address: which slot
}

// slotsEach is how many servers a backend has room for, over its socket.
const slotsEach = 12

func (h *haproxy) start(s *site.Site) (err error) {
	if err := h.write(s); err != nil {
		return err
	}
	args := []string{"-W", "-f", filepath.Join(h.place.Dir, "haproxy.cfg"), "-p", filepath.Join(h.place.Dir, "haproxy.pid")}
	if h.process, err = start(filepath.Join(h.place.Dir, "haproxy.log"), "haproxy", args...); err != nil {
		return err
	}
	t := h.place.Target(&site.Authority{})
	return h.listens(t.Plain, t.TLS)
}

// Apply writes everything and says so, unless the runtime socket can say it.
func (h *haproxy) Apply(s *site.Site, c site.Change) error {
	if h.runtime && c.Thing == site.Endpoints {
		return h.setServers(s, c.Name)
	}
	if r, there := s.Routes[c.Name]; h.runtime && c.Thing == site.Routing && there {
		return h.command(fmt.Sprintf("add map %s %s %s_http", h.hosts(), r.Host, r.To[0].Service))
	}
	if err := h.write(s); err != nil {
		return err
	}
	h.signal(syscall.SIGUSR2)
	return nil
}

// Processes are the master and all workers, old ones too.
func (h *haproxy) Processes() []int { return family(h.cmd.Process.Pid) }

// Stop ends it; HAProxy says by its exit status that it was SIGTERM.
func (h *haproxy) Stop() error { return h.end() }

func (h *haproxy) hosts() string  { return filepath.Join(h.place.Dir, "hosts.map") }
func (h *haproxy) socket() string { return filepath.Join(h.place.Dir, "haproxy.sock") }

func (h *haproxy) write(s *site.Site) error {
	pem := filepath.Join(h.place.Dir, "haproxy.pem")
	if err := replace(pem, string(s.Pair.Certificate)+string(s.Pair.Key)); err != nil {
		return err
	}
	var hosts strings.Builder
	for _, r := range routes(s) {
		fmt.Fprintf(&hosts, "%s %s_http\n", r.Host, r.To[0].Service)
		if r.Host == site.Host {
			fmt.Fprintf(&hosts, "%s %s_grpc\n", site.RPC, r.To[0].Service)
		}
	}
	if err := replace(h.hosts(), hosts.String()); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `global
  stats socket %[1]s mode 600 level admin expose-fd listeners
  hard-stop-after 30s
  nbthread 2
  maxconn 8192
defaults
  mode http
  timeout connect %[2]s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch 1
frontend edge
  bind %[3]s:%[4]d
  bind %[3]s:%[5]d ssl crt %[6]s alpn h2,http/1.1
  use_backend %%[req.hdr(host),field(1,:),lower,map_str(%[7]s)]
  default_backend nobody
backend nobody
  http-request return status 404
`, h.socket(), "2s", h.place.IP, plainPort, tlsPort, pem, h.hosts())
	for _, name := range services(s) {
		h.backend(&b, s, name, "http", "")
		h.backend(&b, s, name, "grpc", " proto h2")
	}
	return replace(filepath.Join(h.place.Dir, "haproxy.cfg"), b.String())
}

func (h *haproxy) backend(b *strings.Builder, s *site.Site, service, kind, proto string) {
	fmt.Fprintf(b, "backend %s_%s\n", service, kind)
	ips := s.Available(service)
	for i, ip := range ips {
		if kind == "http" {
			h.slot(service)[ip] = i + 1
		}
		fmt.Fprintf(b, "  server s%d %s:%d%s\n", i+1, ip, s.Port, proto)
	}
	for i := len(ips) + 1; h.runtime && i <= slotsEach; i++ {
		fmt.Fprintf(b, "  server s%d 127.0.0.1:1%s disabled\n", i, proto)
	}
}

func (h *haproxy) slot(service string) map[string]int {
	if h.slots[service] == nil {
		h.slots[service] = map[string]int{}
	}
	return h.slots[service]
}

// setServers fills a slot for each new address and drains those that went.
func (h *haproxy) setServers(s *site.Site, service string) error {
	slots, here := h.slot(service), map[string]bool{}
	taken := map[int]bool{}
	for _, n := range slots {
		taken[n] = true
	}
	var commands []string
	both := func(format string, n int, args ...any) {
		for _, kind := range []string{"http", "grpc"} {
			server := fmt.Sprintf("%s_%s/s%d", service, kind, n)
			commands = append(commands, fmt.Sprintf(format, append([]any{server}, args...)...))
		}
	}
	for _, ip := range s.Available(service) {
		here[ip] = true
		if slots[ip] != 0 {
			continue
		}
		n := 1
		for taken[n] {
			n++
		}
		if n > slotsEach {
			return fmt.Errorf("no slot is left for %s", ip)
		}
		slots[ip], taken[n] = n, true
		both("set server %s addr %s port %d", n, ip, s.Port)
		both("set server %s state ready", n)
	}
	for ip, n := range slots {
		if !here[ip] {
			delete(slots, ip)
			both("set server %s state maint", n)
		}
	}
	return h.command(strings.Join(commands, ";"))
}

func (h *haproxy) command(text string) error {
	if text == "" {
		return nil
	}
	conn, err := net.DialTimeout("unix", h.socket(), 2*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text+"\n"); err != nil {
		return err
	}
	_, err = io.ReadAll(conn)
	return err
}
