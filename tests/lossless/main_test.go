// What the tests share: a binary of the pods, and where the gateway's is.

package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"cluster/lossless/internal/event"
	"cluster/lossless/internal/ledger"
	"cluster/lossless/internal/proxy"
)

// pod is the pods' program.
var pod string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lossless-pod-")
	if err != nil {
		log.Fatal(err)
	}
	pod = filepath.Join(dir, "pod")
	cmd := exec.Command("go", "build", "-o", pod, "./pod")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		log.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// headgate is the gateway's binary.
func headgate(t *testing.T) proxy.Starter {
	binary, err := filepath.Abs(os.Getenv("HEADGATE"))
	if err == nil && os.Getenv("HEADGATE") == "" {
		err = fmt.Errorf("HEADGATE is not set")
	}
	if err == nil {
		_, err = os.Stat(binary)
	}
	if err != nil {
		t.Skipf("HEADGATE (the path of the headgate binary): %v", err)
	}
	return proxy.OfHeadgate(binary)
}

// testRate is low: two cores of a busy machine serve it in time.
const testRate = 100

func play(t *testing.T, p proxy.Starter, e event.Event, size event.Size) ledger.Row {
	t.Helper()
	// Ctrl-C ends the load and all processes in order.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	row, err := event.Stage{Pod: pod, Proxy: p, Dir: t.TempDir(), Rate: testRate}.Play(ctx, e, size)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(row.Line())
	return row
}
