// Two Headgates behind a balancer, on one folder, that are replaced one by one.

package proxy

import (
	"errors"
	"path/filepath"
	"strconv"
	"time"

	"cluster/lossless/internal/site"
)

// Replicas is Headgate twice. A replica that terminates still gets connections for
// so long; it serves them without being asked, as long as its own time lasts.
func Replicas(binary string, notices time.Duration) Starter {
	return Starter{Name: "headgate", Binary: binary, Start: func(at Place, s *site.Site) (Proxy, error) {
		return startReplicas(binary, notices, at, s)
	}}
}

// Pair is two running gateways.
type Pair struct {
	binary   string
	place    Place
	notices  time.Duration
	balancer *balancer
	running  []*Headgate
	started  int
}

func startReplicas(binary string, notices time.Duration, at Place, s *site.Site) (Proxy, error) {
	p := &Pair{binary: binary, place: at, notices: notices}
	var err error
	if p.balancer, err = startBalancer(at.IP, strconv.Itoa(plainPort), strconv.Itoa(tlsPort)); err != nil {
		return nil, err
	}
	folder := newFolder(at)
	if err := folder.fill(s); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	for range 2 {
		if err := p.add(folder); err != nil {
			return nil, errors.Join(err, p.Stop())
		}
	}
	return p, nil
}

// add starts one more and sends to it once it is ready.
func (p *Pair) add(f folder) error {
	p.started++
	h := &Headgate{place: Place{IP: p.place.Other(p.started), Dir: p.place.Dir}, folder: f}
	// It serves on for a second longer than anybody sends to it.
	drain := (p.notices + time.Second).String()
	log := filepath.Base(h.place.IP) + ".log"
	if err := h.run(p.binary, log, "--pre-drain", drain, "--deadline", (p.notices + 15*time.Second).String()); err != nil {
		return err
	}
	p.running = append(p.running, h)
	p.balancer.add(h.place.IP)
	return nil
}

// Roll replaces the older one: a new one is ready first; then SIGTERM, and nothing
// else is said to it.
func (p *Pair) Roll() error {
	old := p.running[0]
	if err := p.add(old.folder); err != nil {
		return err
	}
	p.running = p.running[1:]
	noticed := time.AfterFunc(p.notices, func() { p.balancer.remove(old.place.IP) })
	defer noticed.Stop()
	err := old.Stop()
	p.balancer.remove(old.place.IP)
	return err
}

// Apply writes the file that both follow.
func (p *Pair) Apply(s *site.Site, c site.Change) error { return p.running[0].Apply(s, c) }

// Processes are both.
func (p *Pair) Processes() (all []int) {
	for _, h := range p.running {
		all = append(all, h.Processes()...)
	}
	return all
}

// Stop ends all of it.
func (p *Pair) Stop() (err error) {
	p.balancer.close()
	for _, h := range p.running {
		err = errors.Join(err, h.Stop())
	}
	return err
}
