// One process of a proxy.

package proxy

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a program whose end somebody waits for.
type process struct {
	cmd  *exec.Cmd
	log  string
	gone chan struct{}
	err  error // how it ended; written before gone is closed
}

// start runs a program; what it says goes to a file.
func start(log string, program string, args ...string) (*process, error) {
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := &process{cmd: exec.Command(program, args...), log: log, gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = f, f
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.gone)
	}()
	return p, nil
}

// until waits for something that the process brings about.
func (p *process) until(what string, f func() bool) error {
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.gone:
			return fmt.Errorf("%s ended before %s: %v\n%s", p.name(), what, p.err, p.lastWords())
		default:
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: never came true: %s\n%s", p.name(), what, p.lastWords())
		}
	}
	return nil
}

// listens waits until it takes connections.
func (p *process) listens(addresses ...string) error {
	for _, a := range addresses {
		err := p.until("it listens on "+a, func() bool {
			conn, err := net.DialTimeout("tcp", a, time.Second)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// end sends SIGTERM and, long after, SIGKILL.
func (p *process) end() error {
	select {
	case <-p.gone:
		return fmt.Errorf("%s had ended: %v\n%s", p.name(), p.err, p.lastWords())
	default:
	}
	p.signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.gone
		return fmt.Errorf("%s did not end by itself", p.name())
	}
	return nil
}

// waitEnd waits until it has ended by itself, and well.
func (p *process) waitEnd() error {
	select {
	case <-p.gone:
	case <-time.After(time.Minute):
		return fmt.Errorf("%s did not end by itself\n%s", p.name(), p.lastWords())
	}
	if p.err != nil {
		return fmt.Errorf("%s ended: %v\n%s", p.name(), p.err, p.lastWords())
	}
	return nil
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

func (p *process) name() string { return filepath.Base(p.cmd.Path) }

func (p *process) lastWords() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}
