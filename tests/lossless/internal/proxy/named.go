// Proxies by name.

package proxy

import "fmt"

// Named is a proxy that can be started; headgate is the path of its binary.
func Named(name, headgate string) (Starter, error) {
	switch name {
	case "headgate":
		return OfHeadgate(headgate), nil
	case "nginx":
		return OfNginx(), nil
	case "haproxy":
		return OfHAProxy(false), nil
	case "haproxy-socket":
		return OfHAProxy(true), nil
	}
	return Starter{}, fmt.Errorf("there is no proxy %q; there are headgate, nginx, haproxy, haproxy-socket", name)
}
