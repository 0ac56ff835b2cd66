// nginx: a configuration for the whole site, and a reload at each change.

package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"cluster/lossless/internal/site"
	"cluster/lossless/internal/wire"
)

// OfNginx runs the nginx that is installed.
func OfNginx() Starter {
	return Starter{Name: "nginx", Start: func(at Place, s *site.Site) (Proxy, error) {
		n := &nginx{place: at}
		return n, n.start(s)
	}}
}

type nginx struct {
	*process
	place Place
}

func (n *nginx) start(s *site.Site) (err error) {
	if err := n.write(s); err != nil {
		return err
	}
	conf := filepath.Join(n.place.Dir, "nginx.conf")
	if n.process, err = start(filepath.Join(n.place.Dir, "nginx.log"), "nginx", "-p", n.place.Dir, "-c", conf, "-g", "daemon off;"); err != nil {
		return err
	}
	t := n.place.Target(&site.Authority{})
	return n.listens(t.Plain, t.TLS)
}

// Apply writes everything and says so.
func (n *nginx) Apply(s *site.Site, _ site.Change) error {
	if err := n.write(s); err != nil {
		return err
	}
	n.signal(syscall.SIGHUP)
	return nil
}

// Processes are the master and all workers, old ones too.
func (n *nginx) Processes() []int { return family(n.cmd.Process.Pid) }

// Stop ends it.
func (n *nginx) Stop() error { return n.end() }

func (n *nginx) write(s *site.Site) error {
	pem := filepath.Join(n.place.Dir, "nginx.pem")
	if err := replace(pem, string(s.Pair.Certificate)+string(s.Pair.Key)); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `worker_processes 2;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
  access_log off;
  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
  proxy_http_version 1.1;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
`, n.place.Dir)
	for _, name := range services(s) {
		for _, kind := range []string{"http", "grpc"} {
			fmt.Fprintf(&b, "  upstream %s_%s {\n", name, kind)
			ips := s.Available(name)
			for _, ip := range ips {
				fmt.Fprintf(&b, "    server %s:%d;\n", ip, s.Port)
			}
			if len(ips) == 0 { // it must not be empty
				fmt.Fprintf(&b, "    server 127.0.0.1:1 down;\n")
			}
			fmt.Fprintf(&b, "    keepalive 32;\n  }\n")
		}
	}
	for _, r := range routes(s) {
		n.server(&b, r, pem)
	}
	b.WriteString("}\n")
	return replace(filepath.Join(n.place.Dir, "nginx.conf"), b.String())
}

// server is a route: both of its listeners, and the gRPC service beside the load's site.
func (n *nginx) server(b *strings.Builder, r site.Route, pem string) {
	listen := fmt.Sprintf("listen %[1]s:%[2]d; listen %[1]s:%[3]d ssl http2; ssl_certificate %[4]s; ssl_certificate_key %[4]s;",
		n.place.IP, plainPort, tlsPort, pem)
	timeout := ""
	if r.Timeout != "" {
		timeout = fmt.Sprintf("proxy_read_timeout %s; proxy_connect_timeout %s;", r.Timeout, r.Timeout)
	}
	fmt.Fprintf(b, `  server {
    %s
    server_name %s;
    %s
    location / {
      proxy_pass http://%s_http;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      %s
    }
  }
`, listen, r.Host, header(r), r.To[0].Service, timeout)
	if r.Host == site.Host {
		fmt.Fprintf(b, "  server {\n    %s\n    server_name %s;\n    location %s { grpc_pass grpc://%s_grpc; }\n  }\n",
			listen, site.RPC, filepath.Dir(wire.PathUnary), r.To[0].Service)
	}
}

func header(r site.Route) string {
	if r.Header == "" {
		return ""
	}
	return fmt.Sprintf("add_header x-generation %s always;", r.Header)
}

// services and routes are those of a site in a steady order; of two routes for one
// host the first holds it.
func services(s *site.Site) (names []string) {
	for name := range s.Services {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func routes(s *site.Site) (all []site.Route) {
	for _, r := range s.Routes {
		all = append(all, r)
	}
	slices.SortFunc(all, site.ByName)
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(r site.Route) bool {
		double := seen[r.Host]
		seen[r.Host] = true
		return double
	})
}

// family is a process with its children.
func family(pid int) []int {
	all := []int{pid}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", pid))
	if err != nil {
		return all
	}
	for _, f := range strings.Fields(string(b)) {
		var child int
		if _, err := fmt.Sscan(f, &child); err == nil {
			all = append(all, child)
		}
	}
	return all
}
