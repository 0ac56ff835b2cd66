// Who writes statuses, when replicas stall and clocks disagree.

package faults

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// takeover is how long a status may take when the replica that should write it
// is gone: the lease's 15 s, and generously more for a busy machine.
const takeover = 35 * time.Second

const leaseName = "headgate-status-writer"

// holder is who holds the lease.
func (w *world) holder() string {
	w.Helper()
	l, err := cluster.Client.CoordinationV1().Leases("headgate-system").Get(w.ctx, leaseName, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	return ptr.Deref(l.Spec.HolderIdentity, "")
}

// A holder that stalls in the middle of its work loses the lease, and writes
// nothing when it wakes up.
func TestHolderStalls(t *testing.T) {
	w := newWorld(t)
	w.gateway("")
	one, two := w.proxy(), w.proxy()
	const pool = "10.97.0.240/29"
	a := w.replica(one.url, pool)
	w.until("the first replica holds the lease", func() bool { return w.holder() == a.identity() })
	b := w.replica(two.url, pool)
	w.address()
	many := func(prefix string) (names []string) {
		for i := range 40 {
			names = append(names, fmt.Sprintf("%s%d", prefix, i))
			w.make(`{kind: HTTPRoute, metadata: {name: %s}, spec: {parentRefs: [{name: web}]}}`, names[i])
		}
		return names
	}
	routes := many("early")
	w.until("the first replica writes", func() bool { return one.written(w.ns+"/httproutes") > 0 })
	w.must(a.cmd.Process.Signal(syscall.SIGSTOP))
	begin := time.Now()
	routes = append(routes, many("late")...)
	for _, name := range routes {
		w.untilRouted(name)
	}
	took := time.Since(begin)
	t.Logf("all is written %v after the holder stalled", took.Round(time.Millisecond))
	if took > takeover {
		t.Errorf("the other replica took over only after %v", took)
	}
	if got := w.holder(); got != b.identity() {
		t.Errorf("the lease is held by %q", got)
	}
	before := one.written("")
	w.must(a.cmd.Process.Signal(syscall.SIGCONT))
	for _, name := range routes[:10] {
		w.delete("HTTPRoute", name)
	}
	more := many("after")
	for _, name := range append(more, routes[10:]...) {
		w.untilRouted(name)
	}
	w.until("the first replica has seen them too", func() bool { return a.routes() == b.routes() && b.routes() == 110 })
	if wrote := one.written("") - before; wrote != 0 {
		t.Errorf("the replica that stalled wrote %d statuses", wrote)
	}
	if got := w.holder(); got != b.identity() {
		t.Errorf("the lease is held by %q", got)
	}
}

// Other clocks are not believed: a lease whose times are long past is left alone
// while it is renewed, and one from the future is not waited for.
func TestClockSkew(t *testing.T) {
	w := newWorld(t)
	leases := cluster.Client.CoordinationV1().Leases("headgate-system")
	_ = leases.Delete(w.ctx, leaseName, metav1.DeleteOptions{})
	at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	lease, err := leases.Create(w.ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: leaseName},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To("another"), LeaseDurationSeconds: ptr.To(int32(15)), RenewTime: ptr.To(metav1.NewMicroTime(at)),
		},
	}, metav1.CreateOptions{})
	w.must(err)
	renew := func(to time.Time) {
		w.Helper()
		lease.Spec.RenewTime = ptr.To(metav1.NewMicroTime(to))
		lease, err = leases.Update(w.ctx, lease, metav1.UpdateOptions{})
		w.must(err) // a conflict: it was stolen
	}
	w.gateway("")
	p := w.proxy()
	g := w.headgate(p.url)
	for i := range 9 { // longer than the lease lasts
		time.Sleep(2 * time.Second)
		renew(at.Add(time.Duration(i+1) * 2 * time.Second))
	}
	if n := p.written(""); n > 0 {
		t.Errorf("%d statuses were written without the lease", n)
	}
	renew(time.Now().AddDate(100, 0, 0))
	took := w.until("headgate takes over", func() bool { return w.holder() == g.identity() })
	t.Logf("taken over %v after the last renewal", took.Round(time.Millisecond))
	if took < 10*time.Second || took > takeover {
		t.Errorf("taken over %v after the last renewal", took)
	}
	w.address()
}
