// Events of the gateway itself.

package event

import (
	"context"

	"cluster/lossless/internal/proxy"
)

// release is R14: the gateway's own rolling restart behind a balancer, with SIGTERM
// and nothing else.
func release() Event {
	return Event{
		Name: "R14", Title: "gateways rolled behind a balancer",
		Via: func(binary string, size Size) proxy.Starter { return proxy.Replicas(binary, size.Notices) },
		Run: func(ctx context.Context, s *Scene) error {
			for range s.Size.Upgrades {
				if err := s.Proxy.(*proxy.Pair).Roll(); err != nil || ctx.Err() != nil {
					return err
				}
			}
			return nil
		},
	}
}

// upgrade is R13: a new process takes over the sockets of the running one, which
// finishes what it has, streams included, and ends.
func upgrade() Event {
	return Event{
		Name: "R13", Title: "binary upgrade by handing over sockets",
		Via: func(binary string, _ Size) proxy.Starter { return proxy.Upgradable(binary) },
		Run: func(ctx context.Context, s *Scene) error {
			for range s.Size.Upgrades {
				if err := s.Proxy.(*proxy.Upgraded).Upgrade(); err != nil || ctx.Err() != nil {
					return err
				}
			}
			return nil
		},
	}
}
