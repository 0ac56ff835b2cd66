// One request of any kind.

package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"
)

// Target is where the load goes.
type Target struct {
	Plain, TLS string         // addresses of the two listeners
	Host, RPC  string         // names of the web site and of the gRPC service
	Roots      *x509.CertPool // who signs the certificates
}

// patience is how long a request may take: longer than anything a gateway waits.
const patience = 20 * time.Second

// Client keeps connections to one target.
type Client struct {
	target   Target
	plain    pool
	web, rpc streams
}

// NewClient makes a client without connections.
func NewClient(t Target) *Client {
	c := &Client{target: t}
	c.web.host, c.rpc.host = t.Host, t.RPC
	c.web.dial, c.rpc.dial = t.dialTLS, t.dialTLS
	c.plain.dial = func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", t.Plain)
	}
	return c
}

// Do sends one request and says what came of it.
func (c *Client) Do(ctx context.Context, k Kind, id string) Record {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := Record{ID: id, Kind: k, Begin: time.Now()}
	switch k {
	case Get, Post, Download:
		c.exchange(ctx, &r)
	case Socket:
		c.socket(ctx, &r)
	case H2Get:
		c.web.get(ctx, &r)
	case Unary:
		c.rpc.unary(ctx, &r)
	case Bidi:
		c.rpc.bidi(ctx, &r)
	case Handshake:
		once := streams{host: c.target.Host, dial: c.target.dialTLS}
		once.get(ctx, &r)
		once.close()
	}
	r.End = time.Now()
	return r
}

// Close closes what is idle.
func (c *Client) Close() {
	c.plain.close()
	c.web.close()
	c.rpc.close()
}

func (t Target) dialTLS(ctx context.Context, host string) (net.Conn, error) {
	d := tls.Dialer{Config: &tls.Config{ServerName: host, RootCAs: t.Roots, NextProtos: []string{"h2"}}}
	return d.DialContext(ctx, "tcp", t.TLS)
}
