// HTTP/2 connections, and streams on them.

package load

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/net/http2"

	"cluster/lossless/internal/wire"
)

// streams keeps a few connections to one host and goes round among them. One that
// got GOAWAY ends with its last stream; a new one takes its place.
type streams struct {
	host  string
	dial  func(ctx context.Context, host string) (net.Conn, error)
	mu    sync.Mutex
	slots [4]slot
	next  int
}

type slot struct {
	mu   sync.Mutex
	conn *http2.ClientConn
}

// reserve returns a connection that will take one more stream.
func (s *streams) reserve(ctx context.Context) (conn *http2.ClientConn, reused bool, err error) {
	s.mu.Lock()
	at := &s.slots[s.next]
	s.next = (s.next + 1) % len(s.slots)
	s.mu.Unlock()
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.conn != nil && at.conn.ReserveNewRequest() {
		return at.conn, true, nil
	}
	raw, err := s.dial(ctx, s.host)
	if err != nil {
		return nil, false, err
	}
	at.conn, err = (&http2.Transport{}).NewClientConn(raw)
	if err != nil {
		raw.Close()
		return nil, false, err
	}
	at.conn.ReserveNewRequest()
	return at.conn, false, nil
}

func (s *streams) close() {
	for i := range s.slots {
		if conn := s.slots[i].conn; conn != nil {
			conn.Close()
		}
	}
}

// mostHandedBack is how often a request may come back before that is a failure.
const mostHandedBack = 3

// send sends a request until a connection keeps it.
func (s *streams) send(ctx context.Context, r *Record, method, path string, body func() io.ReadCloser) (*http.Response, error) {
	for {
		conn, reused, err := s.reserve(ctx)
		if err != nil {
			r.fail("connect", err)
			return nil, err
		}
		r.Reused = reused
		req, err := http.NewRequestWithContext(ctx, method, "https://"+s.host+path, nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set(wire.ID, r.ID)
		if body != nil {
			req.Header.Set("Content-Type", "application/grpc")
			req.Header.Set("Te", "trailers")
			req.Body, req.ContentLength = body(), -1
		}
		resp, err := conn.RoundTrip(req)
		if err == nil {
			r.Status, r.RetryAfter = resp.StatusCode, resp.Header.Get("Retry-After") != ""
			return resp, nil
		}
		if !isHandedBack(err) || r.HandedBack == mostHandedBack {
			r.fail("no response", err)
			return nil, err
		}
		r.HandedBack++
	}
}

// isHandedBack says whether the other side promised that it did not process the
// stream (RFC 9113 §6.8, §8.7), or it was never sent. The library gives these
// errors no type.
func isHandedBack(err error) bool {
	for _, words := range []string{"graceful shutdown GOAWAY", "REFUSED_STREAM", "client conn not usable"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

func (s *streams) get(ctx context.Context, r *Record) {
	resp, err := s.send(ctx, r, http.MethodGet, wire.PathGet, nil)
	if err != nil {
		return
	}
	r.Right = bytes.Equal(r.read(resp), wire.Body(r.ID, wire.GetBytes))
}
