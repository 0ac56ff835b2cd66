// headgate drain.

package proxy

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// Drain takes an address out and returns when nothing is in flight to it, or after
// the timeout, when what was left has been cut; an error if neither came true.
func (h *Headgate) Drain(ctx context.Context, binary, ip string, timeout time.Duration) error {
	cmd := exec.CommandContext(ctx, binary, "drain", ip, "--timeout", timeout.String(), "--admin", h.Admin())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("headgate drain %s: %w\n%s", ip, err, out)
	}
	return nil
}
