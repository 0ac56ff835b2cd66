//! A server of the control side as a task: its turn to serve, its socket, its end.

use std::net::{SocketAddr, TcpListener};

use futures::FutureExt;
use futures::future::BoxFuture;
use gateway::handover::{Handed, Purpose};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// The admin address or the drain listener, if it is served.
pub(super) struct Control(Option<Running>);

struct Running {
    /// For the process that takes over.
    socket: Handed,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Where a server listens.
pub(super) struct Place {
    pub(super) purpose: Purpose,
    /// As it was asked for.
    pub(super) address: SocketAddr,
    pub(super) socket: TcpListener,
    /// It is another process's as well: not served before we have entered.
    pub(super) inherited: bool,
}

impl Control {
    /// No server.
    pub(super) fn off() -> Self {
        Self(None)
    }

    /// Runs what `serve` makes of the future that ends it, once it is our turn.
    pub(super) fn start<F>(
        place: Place,
        mut entered: watch::Receiver<bool>,
        serve: impl FnOnce(BoxFuture<'static, ()>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send,
    {
        let Place { purpose, address, socket, inherited } = place;
        let (stop, mut stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            if inherited {
                // An end before the beginning is an end; both leave nothing behind.
                tokio::select! {
                    _ = &mut stopped => return,
                    _ = entered.wait_for(|entered| *entered) => {}
                }
            }
            // Both an answer and a sender that is gone mean the end.
            serve(async { drop(stopped.await) }.boxed()).await;
        });
        Self(Some(Running { socket: Handed { purpose, address, socket }, stop, task }))
    }

    /// The listening socket, for a process that takes over.
    pub(super) fn handed(&self) -> Option<Handed> {
        let Handed { purpose, address, socket } = &self.0.as_ref()?.socket;
        let copy = socket.try_clone();
        let copy = copy.inspect_err(|error| tracing::warn!(%error, "a control socket stays here"));
        Some(Handed { purpose: *purpose, address: *address, socket: copy.ok()? })
    }

    /// Accepts no more, and gives what has begun its time.
    pub(super) async fn stop(self) {
        let Some(Running { stop, task, .. }) = self.0 else { return };
        drop(stop);
        // A panic in it has been logged by the panic hook.
        let _ = task.await;
    }
}
