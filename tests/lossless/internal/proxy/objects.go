// A site as Gateway API objects. JSON is YAML.

package proxy

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"cluster/lossless/internal/site"
	"cluster/lossless/internal/wire"
)

type object map[string]any

// Services have a port for HTTP/1.1 and one for h2c, both to the pods' only port.
const (
	httpPort = 80
	grpcPort = 81
)

func named(api, kind, name string, more object) object {
	o := object{"apiVersion": api, "kind": kind, "metadata": object{"name": name, "namespace": "lossless"}}
	for k, v := range more {
		o[k] = v
	}
	return o
}

// documents is a file with these objects.
func documents(all ...object) string {
	var out strings.Builder
	for _, o := range all {
		text, err := json.MarshalIndent(o, "", "  ")
		if err != nil {
			panic(err) // strings and numbers always encode
		}
		fmt.Fprintf(&out, "---\n%s\n", text)
	}
	return out.String()
}

func gatewayObjects() string {
	namespace := object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "lossless"}}
	return documents(namespace, named("gateway.networking.k8s.io/v1", "Gateway", "edge", object{"spec": object{
		"gatewayClassName": "headgate",
		"listeners": []object{
			{"name": "http", "protocol": "HTTP", "port": plainPort},
			{"name": "https", "protocol": "HTTPS", "port": tlsPort,
				"tls": object{"certificateRefs": []object{{"name": "edge"}}}},
		},
	}}))
}

func secretObject(p *site.Pair) string {
	return documents(named("v1", "Secret", "edge", object{"type": "kubernetes.io/tls", "stringData": object{
		"tls.crt": string(p.Certificate), "tls.key": string(p.Key),
	}}))
}

// sliceObject is a service with its only slice.
func sliceObject(service string, s *site.Site) string {
	endpoints := []object{}
	for _, e := range s.Services[service] {
		endpoints = append(endpoints, object{"addresses": []string{e.IP}, "conditions": object{
			"ready": e.State == site.Ready, "serving": e.State != site.Leaving, "terminating": e.State != site.Ready,
		}})
	}
	const h2c = "kubernetes.io/h2c"
	slice := named("discovery.k8s.io/v1", "EndpointSlice", service, object{
		"addressType": "IPv4", "endpoints": endpoints, "ports": []object{
			{"name": "http", "port": s.Port}, {"name": "grpc", "port": s.Port, "appProtocol": h2c},
		},
	})
	slice["metadata"].(object)["labels"] = object{"kubernetes.io/service-name": service}
	return documents(named("v1", "Service", service, object{"spec": object{"ports": []object{
		{"name": "http", "port": httpPort, "targetPort": s.Port},
		{"name": "grpc", "port": grpcPort, "targetPort": s.Port, "appProtocol": h2c},
	}}}), slice)
}

// routeObject is a route for the web site and, for the load's own, its twin for gRPC.
func routeObject(r site.Route) string {
	all := []object{routeOf("HTTPRoute", r, r.Host, httpPort)}
	if r.Host == site.Host {
		all = append(all, routeOf("GRPCRoute", r, site.RPC, grpcPort))
	}
	return documents(all...)
}

func routeOf(kind string, r site.Route, host string, port int) object {
	var backends []object
	for _, share := range r.To {
		backends = append(backends, object{"name": share.Service, "port": port, "weight": share.Weight})
	}
	rule := object{"backendRefs": backends}
	if r.Header != "" {
		rule["filters"] = []object{{"type": "ResponseHeaderModifier", "responseHeaderModifier": object{
			"set": []object{{"name": "x-generation", "value": r.Header}},
		}}}
	}
	if kind == "HTTPRoute" && r.Retries != nil {
		rule["retry"] = object{"attempts": *r.Retries}
	}
	rules := []object{rule}
	if kind == "HTTPRoute" && r.Timeout != "" {
		// It covers a response to its end, so downloads have none.
		short := maps.Clone(rule)
		short["matches"] = []object{exact(wire.PathGet), exact(wire.PathPost)}
		short["timeouts"] = object{"backendRequest": r.Timeout}
		rules = append(rules, short)
	}
	return named("gateway.networking.k8s.io/v1", kind, r.Name, object{"spec": object{
		"parentRefs": []object{{"name": "edge"}}, "hostnames": []string{host}, "rules": rules,
	}})
}

func exact(path string) object {
	return object{"path": object{"type": "Exact", "value": path}}
}
