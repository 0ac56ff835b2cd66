// A pod that stops answering as one behind a broken network does: new
// connections are not even taken by the kernel, and old ones stand still.

package main

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// listener can fall silent.
type listener struct {
	*net.TCPListener
	gate    gate
	fillers []net.Conn // fill the kernel's queue, so that it drops what comes
}

func listenSilently(address string) (*listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	return &listener{TCPListener: l.(*net.TCPListener)}, nil
}

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.TCPListener.Accept()
	l.gate.pass()
	if err != nil {
		return nil, err
	}
	return &speaker{conn, &l.gate}, nil
}

// silence makes the accept queue as short as it can be and fills it.
func (l *listener) silence() error {
	l.gate.close()
	if err := l.backlog(0); err != nil {
		return err
	}
	for range 4 {
		conn, err := net.DialTimeout("tcp", l.Addr().String(), 100*time.Millisecond)
		if err != nil {
			return nil // full: this one was dropped
		}
		l.fillers = append(l.fillers, conn)
	}
	return nil
}

func (l *listener) speak() error {
	for _, conn := range l.fillers {
		conn.Close()
	}
	l.fillers = nil
	l.gate.open()
	return l.backlog(syscall.SOMAXCONN)
}

// backlog sets the length of a listening socket's queue anew.
func (l *listener) backlog(n int) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) { set = syscall.Listen(int(fd), n) })
	if err != nil {
		return err
	}
	return set
}

// speaker is a connection that neither reads nor writes while the gate is closed.
type speaker struct {
	net.Conn
	gate *gate
}

func (s *speaker) Read(b []byte) (int, error) {
	s.gate.pass()
	n, err := s.Conn.Read(b)
	s.gate.pass()
	return n, err
}

func (s *speaker) Write(b []byte) (int, error) {
	s.gate.pass()
	return s.Conn.Write(b)
}

// gate is open or closed; its zero value is open.
type gate struct {
	mu     sync.Mutex
	closed chan struct{}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed == nil {
		g.closed = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed != nil {
		close(g.closed)
		g.closed = nil
	}
}

// pass waits while the gate is closed.
func (g *gate) pass() {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed != nil {
		<-closed
	}
}
