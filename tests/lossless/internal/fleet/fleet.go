// Package fleet runs pods as processes of this machine, each on a loopback
// address of its own, and knows when each ended.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Port is where every pod listens.
const Port = 8080

// Manner is how a pod goes on SIGTERM: it serves on, then drains; or neither.
type Manner struct{ Linger, Drain time.Duration }

// Graceful finishes what runs and turns connections away.
var Graceful = Manner{Drain: 5 * time.Second}

// Fleet is all pods of one run.
type Fleet struct {
	program string
	journal string // directory
	block   string // of addresses: 127.x
	claim   net.Listener
	mu      sync.Mutex
	pods    []*Pod
}

// New makes an empty fleet that runs this program and keeps journals here. It
// claims a block of addresses, so that several may run beside each other.
func New(program, journals string) (*Fleet, error) {
	first := rand.IntN(blocks)
	for i := range blocks {
		f := &Fleet{program: program, journal: journals, block: fmt.Sprintf("127.%d", 10+(first+i)%blocks)}
		var err error
		if f.claim, err = net.Listen("tcp", f.Address(254)+":1"); err == nil {
			return f, nil
		}
	}
	return nil, errors.New("every block of loopback addresses is taken")
}

// blocks is how many may be claimed.
const blocks = 240

// Address is one for what is not a pod: each number another.
func (f *Fleet) Address(n int) string { return fmt.Sprintf("%s.255.%d", f.block, n) }

// Nowhere is an address where nobody listens: each number another.
func (f *Fleet) Nowhere(n int) string { return fmt.Sprintf("%s.%d.%d", f.block, 100+n/250, 1+n%250) }

// Pod is one process.
type Pod struct {
	Name, IP string
	cmd      *exec.Cmd
	gone     chan struct{}
	ended    time.Time // written before gone is closed
}

// Start runs a new pod and waits until it listens.
func (f *Fleet) Start(m Manner) (*Pod, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.pods) + 1
	p := &Pod{Name: fmt.Sprintf("pod-%d", n), IP: fmt.Sprintf("%s.%d.%d", f.block, n/250, n%250+1), gone: make(chan struct{})}
	address := net.JoinHostPort(p.IP, strconv.Itoa(Port))
	p.cmd = exec.Command(f.program, "-listen", address, "-journal", filepath.Join(f.journal, p.Name),
		"-linger", m.Linger.String(), "-drain", m.Drain.String())
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	f.pods = append(f.pods, p)
	go func() {
		_ = p.cmd.Wait()
		p.ended = time.Now()
		close(p.gone)
	}()
	return p, p.listens(address)
}

// StartAll runs n pods.
func (f *Fleet) StartAll(n int, m Manner) ([]*Pod, error) {
	var all []*Pod
	for range n {
		p, err := f.Start(m)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func (p *Pod) listens(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.gone:
			return fmt.Errorf("%s ended before it listened on %s", p.Name, address)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not listen on %s", p.Name, address)
}

// Term asks it to go.
func (p *Pod) Term() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

// Kill takes it away.
func (p *Pod) Kill() { _ = p.cmd.Process.Kill() }

// Silence makes it stop answering without closing anything.
func (p *Pod) Silence() { _ = p.cmd.Process.Signal(syscall.SIGUSR1) }

// Speak ends that.
func (p *Pod) Speak() { _ = p.cmd.Process.Signal(syscall.SIGUSR2) }

// Wait waits until its process is gone.
func (p *Pod) Wait() { <-p.gone }

// Ends are the times at which processes ended so far, by pod.
func (f *Fleet) Ends() map[string]time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	ends := map[string]time.Time{}
	for _, p := range f.pods {
		select {
		case <-p.gone:
			ends[p.Name] = p.ended
		default:
		}
	}
	return ends
}

// Close ends every process.
func (f *Fleet) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pods {
		p.Kill()
		p.Wait()
	}
	f.claim.Close()
}
