//! The source of `gauge` once more, with atomics whose every interleaving loom tries: a race
//! between a pick and a drain is found whatever the machine that runs the tests. Runs with all
//! other tests; `cargo test -p headgate-gateway modelled` runs it alone.

mod atomic {
    pub(super) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
}
#[path = "gauge.rs"]
#[expect(clippy::duplicate_mod, reason = "with other atomics it is another module")]
mod gauge;

use gauge::Gauge;
use loom::sync::Arc;
use loom::thread;

#[test]
fn no_request_gets_in_after_a_drain_has_read_zero() {
    loom::model(|| {
        let gauge = Arc::new(Gauge::new());
        // What entered is still in flight when its thread ends.
        let picks = [(); 2].map(|()| {
            let gauge = Arc::clone(&gauge);
            thread::spawn(move || gauge.enter())
        });
        let drained = gauge.drain() == 0;
        let entered = picks.map(|pick| usize::from(pick.join().unwrap())).iter().sum::<usize>();
        assert!(!drained || entered == 0, "a request got in behind the drain's back");
        assert_eq!(gauge.drain(), entered);
        assert!(gauge.is_draining() && !gauge.enter());
    });
}

#[test]
fn nothing_is_counted_out_twice() {
    loom::model(|| {
        let gauge = Arc::new(Gauge::new());
        let other = Arc::clone(&gauge);
        let pick = thread::spawn(move || {
            if other.enter() {
                other.leave();
            }
        });
        gauge.drain();
        if gauge.enter() {
            gauge.leave();
        }
        pick.join().unwrap();
        assert_eq!(gauge.drain(), 0);
        gauge.resume();
        assert!(gauge.enter() && gauge.in_flight() == 1);
    });
}
