// Package site is what a proxy should serve, in words of no proxy: services with
// their endpoints, routes to them, a certificate. It knows what changed last; how
// that reaches a proxy is the proxy's affair.
package site

import "cmp"

// Names of the load's site. Both go to the service Main.
const (
	Host = "load.test"
	RPC  = "rpc.test"
	Main = "main"
)

// State is what an EndpointSlice says of an endpoint.
type State int

// States, in the words of EndpointSlice conditions.
const (
	Ready   State = iota
	Serving       // terminating, and still ready to serve
	Leaving       // terminating, and not
)

// Endpoint is one address of a service.
type Endpoint struct {
	IP    string
	State State
}

// Share is a service with its weight.
type Share struct {
	Service string
	Weight  int
}

// Route is a host; Name names the object, so that a host can move between two.
type Route struct {
	Name, Host string
	To         []Share
	Header     string // set on the response; empty: none
	Timeout    string // of a try; empty: none
	Retries    *int   // that the route asks for; nil: it says nothing
}

// Site is the whole of it.
type Site struct {
	Services map[string][]Endpoint
	Routes   map[string]Route // by name
	Pair     *Pair
	Port     int // of all endpoints
}

// New is a site with the routes of the load.
func New(port int, pair *Pair) *Site {
	s := &Site{Services: map[string][]Endpoint{Main: nil}, Routes: map[string]Route{}, Pair: pair, Port: port}
	s.Routes["web"] = Route{Name: "web", Host: Host, To: []Share{{Main, 1}}}
	return s
}

// Available are the endpoints that a rule of thumb sends to: ready ones.
func (s *Site) Available(service string) (ips []string) {
	for _, e := range s.Services[service] {
		if e.State == Ready {
			ips = append(ips, e.IP)
		}
	}
	return ips
}

// Thing is a kind of change.
type Thing int

// What can change.
const (
	Endpoints Thing = iota
	Routing
	Certificate
)

// Change is one change of a site; Name is a service's or a route's.
type Change struct {
	Thing Thing
	Name  string
}

// ByName orders routes.
func ByName(a, b Route) int { return cmp.Compare(a.Name, b.Name) }
