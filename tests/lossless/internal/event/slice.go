// The load's service: who is in its slice, in which state.

package event

import (
	"slices"

	"cluster/lossless/internal/fleet"
	"cluster/lossless/internal/site"
)

// set replaces the endpoints of the load's service without telling the proxy.
func (s *Scene) set(pods []*fleet.Pod, state site.State) {
	s.Site.Services[site.Main] = nil
	for _, p := range pods {
		s.Site.Services[site.Main] = append(s.Site.Services[site.Main], site.Endpoint{IP: p.IP, State: state})
	}
}

// tell makes the load's endpoints live.
func (s *Scene) tell() error {
	return s.Proxy.Apply(s.Site, site.Change{Thing: site.Endpoints, Name: site.Main})
}

// tellAll is set and tell.
func (s *Scene) tellAll(pods []*fleet.Pod, state site.State) error {
	s.set(pods, state)
	return s.tell()
}

// join adds a pod that is ready.
func (s *Scene) join(p *fleet.Pod) error {
	s.Pods = append(s.Pods, p)
	s.Site.Services[site.Main] = append(s.Site.Services[site.Main], site.Endpoint{IP: p.IP})
	return s.tell()
}

// mark changes the state of one endpoint.
func (s *Scene) mark(p *fleet.Pod, state site.State) error {
	all := s.Site.Services[site.Main]
	for i := range all {
		if all[i].IP == p.IP {
			all[i].State = state
		}
	}
	return s.tell()
}

// leave takes a pod out of the slice.
func (s *Scene) leave(p *fleet.Pod) error {
	s.Pods = slices.DeleteFunc(s.Pods, func(q *fleet.Pod) bool { return p == q })
	all := s.Site.Services[site.Main]
	s.Site.Services[site.Main] = slices.DeleteFunc(all, func(e site.Endpoint) bool { return e.IP == p.IP })
	return s.tell()
}
