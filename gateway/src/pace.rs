//! How long a client may take, without a timer per request.
//!
//! Each connection has a [`Pace`]: what it waits for and since which second. One sweep a second per
//! thread wakes those that are over their time; the connection's own reader or writer then finds
//! that it is so and ends. What counts as an end is left to them, and bodies to `replay`.
//!
//! Seconds are coarse: a limit of n seconds ends a wait after n to n + 2.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::task::Waker;
use std::time::Duration;

use futures::task::AtomicWaker;

use crate::settings::Client;

/// Seconds since the thread began; whoever owns the thread moves it on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<AtomicU32>);

impl Clock {
    pub(crate) fn now(&self) -> u32 {
        self.0.load(Relaxed)
    }

    pub(crate) fn set(&self, now: u32) {
        self.0.store(now, Relaxed);
    }
}

/// What a connection waits for its client to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Wait {
    /// Nothing that has a time.
    Nothing,
    /// Finish the TLS handshake, or show the protocol it speaks.
    Handshake,
    /// Begin a request. Has a time only while no request is being answered.
    Request,
    /// Go on with a head.
    Head,
    /// Close, after a refusal.
    Close,
}

const WAITS: [Wait; 5] = [Wait::Nothing, Wait::Handshake, Wait::Request, Wait::Head, Wait::Close];

/// Limits in seconds, as [`Pace`] needs them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    handshake: u32,
    request: u32,
    head: u32,
    close: u32,
    write: u32,
}

impl Limits {
    pub(crate) fn new(settings: &Client) -> Self {
        // A limit below a second would be one of no time at all.
        let seconds = |limit: Duration| u32::try_from(limit.as_secs()).unwrap_or(u32::MAX).max(1);
        Self {
            handshake: seconds(settings.tls_handshake_timeout),
            request: seconds(settings.idle_keepalive),
            head: seconds(settings.header_timeout),
            close: seconds(settings.linger),
            write: seconds(settings.response_write_stall),
        }
    }
}

/// Seconds without a request after which a connection dozes. 5: the requests of one page come
/// faster; waking up costs microseconds, being awake 25 KiB.
const DOZE: u32 = 5;

/// One connection's waits. Written by its own thread only; `Sync` because an upgraded stream must
/// be `Send`.
#[derive(Debug)]
pub(crate) struct Pace {
    clock: Clock,
    limits: Limits,
    wait: AtomicU8,
    since: AtomicU32,
    /// The client takes no byte, since `write_since`.
    write_stalled: AtomicBool,
    write_since: AtomicU32,
    /// Requests that are not answered to the end.
    open: AtomicU32,
    dozing: AtomicBool,
    /// Nothing comes any more.
    last: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Pace {
    pub(crate) fn new(clock: Clock, limits: Limits) -> Self {
        Self {
            wait: AtomicU8::new(Wait::Handshake as u8),
            since: AtomicU32::new(clock.now()),
            write_stalled: AtomicBool::new(false),
            write_since: AtomicU32::new(0),
            open: AtomicU32::new(0),
            dozing: AtomicBool::new(false),
            last: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            clock,
            limits,
        }
    }

    /// Waits for this from now on; a wait for the same goes on as it is.
    pub(crate) fn wait_for(&self, wait: Wait) {
        if self.wait() != wait {
            self.wait.store(wait as u8, Relaxed);
            self.since.store(self.clock.now(), Relaxed);
        }
    }

    /// What is waited for.
    pub(crate) fn wait(&self) -> Wait {
        WAITS[usize::from(self.wait.load(Relaxed))]
    }

    /// Whether the client has taken too long for what is waited for.
    pub(crate) fn expired(&self) -> bool {
        let waited = self.waited();
        match self.wait() {
            Wait::Nothing => false,
            Wait::Handshake => waited > self.limits.handshake,
            Wait::Request => self.open() == 0 && waited > self.limits.request,
            Wait::Head => waited > self.limits.head,
            Wait::Close => waited > self.limits.close,
        }
    }

    /// The second it is now.
    pub(crate) fn now(&self) -> u32 {
        self.clock.now()
    }

    /// Whether the next request is late enough for giving up what only a request needs.
    pub(crate) fn may_doze(&self) -> bool {
        self.wait() == Wait::Request && self.open() == 0 && self.waited() > DOZE
    }

    /// It has given that up, or has it again.
    pub(crate) fn set_dozing(&self, dozing: bool) {
        self.dozing.store(dozing, Relaxed);
    }

    /// Seconds since this wait began.
    pub(crate) fn waited(&self) -> u32 {
        self.clock.now().wrapping_sub(self.since.load(Relaxed))
    }

    /// The client takes no byte; `waker` is woken when it has taken none for too long.
    pub(crate) fn write_stalls(&self, waker: &Waker) {
        if !self.write_stalled.swap(true, Relaxed) {
            self.write_since.store(self.clock.now(), Relaxed);
        }
        self.writer.register(waker);
    }

    /// The client took bytes.
    pub(crate) fn write_moves(&self) {
        self.write_stalled.store(false, Relaxed);
    }

    /// Whether the client has taken no byte for too long.
    pub(crate) fn write_expired(&self) -> bool {
        let stalled = self.clock.now().wrapping_sub(self.write_since.load(Relaxed));
        self.write_stalled.load(Relaxed) && stalled > self.limits.write
    }

    /// A request begins; [`Self::request_ends`] follows.
    pub(crate) fn request_begins(&self) {
        self.open.store(self.open() + 1, Relaxed);
    }

    /// A request is answered to the end, or given up. The wait for the next one begins now.
    pub(crate) fn request_ends(&self) {
        self.open.store(self.open() - 1, Relaxed);
        self.since_now_if(Wait::Request);
    }

    /// Whether nothing comes behind the requests that did: the connection is closed, and dropped,
    /// when they are answered.
    pub(crate) fn set_last(&self, last: bool) {
        self.last.store(last, Relaxed);
    }

    /// Whether what is written now is the end of the last response.
    pub(crate) fn is_at_end(&self) -> bool {
        self.last.load(Relaxed) && self.open() == 0
    }

    fn since_now_if(&self, wait: Wait) {
        if self.wait() == wait {
            self.since.store(self.clock.now(), Relaxed);
        }
    }

    /// Requests that are not answered to the end.
    pub(crate) fn open(&self) -> u32 {
        self.open.load(Relaxed)
    }

    /// Whose waker is woken when a wait to read is over its time.
    pub(crate) fn read_by(&self, waker: &Waker) {
        self.reader.register(waker);
    }

    /// Wakes whoever waits too long; called once a second.
    pub(crate) fn sweep(&self) {
        if self.expired() || (self.may_doze() && !self.dozing.load(Relaxed)) {
            self.reader.wake();
        }
        if self.write_expired() {
            self.writer.wake();
        }
    }

    /// Wakes the reader whatever it waits for.
    pub(crate) fn wake(&self) {
        self.reader.wake();
    }
}
