// R12: endpoints change all the time, in services that nobody uses and in the
// load's own.

package event

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"cluster/lossless/internal/site"
)

func churn() Event {
	const ownEvery = 20 // every 20th change is one of the load's own service
	service := func(i int) string { return fmt.Sprintf("churn-%d", i) }
	return Event{
		Name: "R12", Title: "endpoint changes over many services",
		Prepare: func(s *Scene) {
			for i := range s.Size.Services {
				name := service(i)
				s.Site.Services[name] = []site.Endpoint{{IP: s.Fleet.Nowhere(i)}}
				s.Site.Routes[name] = site.Route{Name: name, Host: name + ".test", To: []site.Share{{Service: name, Weight: 1}}}
			}
		},
		Run: func(ctx context.Context, s *Scene) error {
			before, most := s.memory(), 0
			pods, changes := s.Pods, 0
			err := s.every(ctx, time.Second/time.Duration(s.Size.ChurnRate), s.Size.Churn, func(i int) error {
				changes++
				if i%s.Size.ChurnRate == 0 {
					most = max(most, s.memory())
				}
				if i%ownEvery == 0 {
					out := i / ownEvery % (replicas + 1) // one pod is out, or none
					s.set(pods, site.Ready)
					if own := s.Site.Services[site.Main]; out < replicas {
						s.Site.Services[site.Main] = append(own[:out:out], own[out+1:]...)
					}
					return s.tell()
				}
				name := service(i % s.Size.Services)
				s.Site.Services[name] = []site.Endpoint{{IP: s.Fleet.Nowhere(i % 10000)}, {IP: s.Fleet.Nowhere((i + 1) % 10000)}}
				return s.Proxy.Apply(s.Site, site.Change{Thing: site.Endpoints, Name: name})
			})
			s.note("%d changes, memory %d → %d, at most %d MiB", changes, before, s.memory(), most)
			return err
		},
	}
}

// memory is what all processes of the proxy hold, in MiB.
func (s *Scene) memory() int {
	pages := 0
	for _, pid := range s.Proxy.Processes() {
		var size, resident int
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err == nil {
			_, err = fmt.Fscan(strings.NewReader(string(b)), &size, &resident)
		}
		if err == nil {
			pages += resident
		}
	}
	return pages * os.Getpagesize() >> 20
}
