// Kept-alive HTTP/1.1 connections.

package load

import (
	"bufio"
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// longestIdle is well below what any gateway keeps: who closes first is us.
const longestIdle = 5 * time.Second

// conn is a connection with what was read ahead.
type conn struct {
	net.Conn
	in    *bufio.Reader
	used  bool
	since time.Time // idle since
}

// pool hands out the connection that was idle longest, so that all are used all
// the time and each hears soon that it should go.
type pool struct {
	dial func(context.Context) (net.Conn, error)
	mu   sync.Mutex
	idle []*conn
}

func (p *pool) take(ctx context.Context) (*conn, error) {
	for {
		c := p.oldest()
		if c == nil {
			break
		}
		if time.Since(c.since) < longestIdle && c.isOpen() {
			return c, nil
		}
		c.Close()
	}
	raw, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: raw, in: bufio.NewReader(raw)}, nil
}

func (p *pool) oldest() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[0]
	p.idle = p.idle[1:]
	return c
}

func (p *pool) give(c *conn) {
	c.used, c.since = true, time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, c)
}

func (p *pool) close() {
	for c := p.oldest(); c != nil; c = p.oldest() {
		c.Close()
	}
}

// isOpen looks for the end of the connection, or bytes nobody asked for, without
// reading: between two requests there is nothing.
func (c *conn) isOpen() bool {
	raw, err := c.Conn.(syscall.Conn).SyscallConn()
	if err != nil || c.in.Buffered() > 0 {
		return false
	}
	open := false
	_ = raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		open = err == syscall.EAGAIN
		return true
	})
	return open
}
