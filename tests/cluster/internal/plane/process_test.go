package plane

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// An end that was asked for is not reported, though a start follows at once; one
// that nobody asked for is.
func TestOnlyAnEndThatNobodyAskedForIsReported(t *testing.T) {
	died := make(chan error, 1000) // never full, so that a wrong report is a failure, not a wait
	p := &process{name: "sleep", prog: "sleep", args: []string{"60"}, log: filepath.Join(t.TempDir(), "log"), died: died}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(p.start())
	for i := range 500 {
		must(p.end(syscall.SIGKILL))
		must(p.start())
		select {
		case err := <-died:
			t.Fatalf("after %d restarts: %v", i, err)
		default:
		}
	}
	must(p.cmd.Process.Kill())
	select {
	case <-died:
	case <-time.After(10 * time.Second):
		t.Error("an end that nobody asked for is not reported")
	}
}
