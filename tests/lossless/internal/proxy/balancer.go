// A load balancer in front of gateways: TCP, one after the other.

package proxy

import (
	"io"
	"net"
	"slices"
	"sync"
)

// balancer passes connections on to the gateways that it knows.
type balancer struct {
	mu      sync.Mutex
	targets []string // addresses without ports
	next    int
	open    map[net.Conn]bool
	closed  bool
	ended   sync.WaitGroup
	listens []net.Listener
}

func startBalancer(ip string, ports ...string) (*balancer, error) {
	b := &balancer{open: map[net.Conn]bool{}}
	for _, port := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort(ip, port))
		if err != nil {
			b.close()
			return nil, err
		}
		b.listens = append(b.listens, l)
		b.ended.Go(func() { b.accept(l, port) })
	}
	return b, nil
}

func (b *balancer) accept(l net.Listener, port string) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		b.ended.Go(func() { b.pass(client, port) })
	}
}

// pass copies both ways; the end of one direction is passed on as such.
func (b *balancer) pass(client net.Conn, port string) {
	defer client.Close()
	server, err := net.Dial("tcp", net.JoinHostPort(b.target(), port))
	if err != nil {
		return
	}
	defer server.Close()
	if !b.keep(client, server) {
		return
	}
	defer b.forget(client, server)
	var both sync.WaitGroup
	one := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.(*net.TCPConn).CloseWrite()
	}
	both.Go(func() { one(server, client) })
	both.Go(func() { one(client, server) })
	both.Wait()
}

func (b *balancer) target() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	return b.targets[b.next%len(b.targets)]
}

func (b *balancer) keep(conns ...net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range conns {
		b.open[c] = true
	}
	return !b.closed
}

func (b *balancer) forget(conns ...net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range conns {
		delete(b.open, c)
	}
}

// add begins to send to a gateway.
func (b *balancer) add(ip string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets = append(b.targets, ip)
}

// remove sends no new connection there; those that are open stay.
func (b *balancer) remove(ip string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets = slices.DeleteFunc(b.targets, func(t string) bool { return t == ip })
}

func (b *balancer) close() {
	for _, l := range b.listens {
		l.Close()
	}
	b.mu.Lock()
	b.closed = true
	for c := range b.open {
		c.Close()
	}
	b.mu.Unlock()
	b.ended.Wait()
}
