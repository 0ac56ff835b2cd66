// A Headgate that is replaced by a new process on the same sockets.

package proxy

import (
	"fmt"
	"path/filepath"

	"cluster/lossless/internal/site"
)

// Upgradable is Headgate with --handover.
func Upgradable(binary string) Starter {
	return Starter{Name: "headgate", Binary: binary, Start: func(at Place, s *site.Site) (Proxy, error) {
		u := &Upgraded{binary: binary, Headgate: &Headgate{place: at, folder: newFolder(at)}}
		if err := u.folder.fill(s); err != nil {
			return nil, err
		}
		return u, u.next(u.Headgate)
	}}
}

// Upgraded is the process that serves now, and those before it.
type Upgraded struct {
	*Headgate
	binary  string
	started int
	before  []*Headgate
}

func (u *Upgraded) next(h *Headgate) error {
	u.started++
	socket := filepath.Join(u.place.Dir, "handover")
	return h.run(u.binary, fmt.Sprintf("headgate-%d.log", u.started), "--handover", socket, "--pre-drain", "0s", "--deadline", "5s")
}

// Upgrade starts the next process and waits until it serves alone: the one before
// has finished what it had and ended by itself.
func (u *Upgraded) Upgrade() error {
	old := u.Headgate
	fresh := &Headgate{place: u.place, folder: u.folder}
	if err := u.next(fresh); err != nil {
		return err
	}
	u.Headgate, u.before = fresh, append(u.before, old)
	if err := old.waitEnd(); err != nil {
		return err
	}
	return fresh.until("the new process is ready", fresh.isReady)
}

// Processes are all that still run.
func (u *Upgraded) Processes() []int { return u.Headgate.Processes() }

// Stop ends whatever still runs.
func (u *Upgraded) Stop() error {
	for _, h := range u.before {
		select {
		case <-h.gone:
		default:
			_ = h.end()
		}
	}
	return u.Headgate.Stop()
}
