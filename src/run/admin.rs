//! The admin server's task, if there is one.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use gateway::admin::{Admin, Readiness};
use gateway::handover::{Handed, Purpose};
use gateway::telemetry::Telemetry;
use gateway::views::Views;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::drain::{Desk, Door, reply};
use super::views;
use crate::live::Live;

/// `--admin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AdminAddress {
    Off,
    At(SocketAddr),
}

impl AdminAddress {
    /// Reads `127.0.0.1:9900` or `off`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let address = text.parse().map_err(|_| "is no address; write 127.0.0.1:9900 or off")?;
        Ok(Self::At(address))
    }
}

/// See the module.
pub(super) struct AdminServer(Option<Running>);

struct Running {
    address: SocketAddr,
    /// For the process that takes over.
    socket: TcpListener,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl AdminServer {
    /// Serves at `address`; on an `inherited` socket not before we have `entered`.
    pub(super) async fn start(
        address: AdminAddress,
        inherited: Option<TcpListener>,
        mut entered: watch::Receiver<bool>,
        (telemetry, readiness): (&Telemetry, &Readiness),
        (live, views, desk): (&watch::Receiver<Live>, &Views, &Arc<Desk>),
    ) -> anyhow::Result<Self> {
        let AdminAddress::At(address) = address else { return Ok(Self(None)) };
        let (telemetry, to_show) = (telemetry.clone(), readiness.clone());
        let waits = inherited.is_some();
        let bound = match inherited {
            Some(socket) => Admin::on(socket, telemetry, to_show),
            None => Admin::bind(address, telemetry, to_show).await,
        };
        let admin = bound
            .with_context(|| format!("--admin {address} cannot be bound; give another or `off`"))?;
        tracing::info!(address = %admin.local_addr()?, "admin");
        let socket = admin.socket()?;
        let desk = desk.clone();
        let admin = views::add(admin, live, readiness, views)
            .action("/v1/drain", move |peer, request| {
                reply(desk.clone(), Door::Admin, peer, request)
            });
        let (stop, mut stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            if waits {
                // An end before the beginning is an end; both leave nothing behind.
                tokio::select! {
                    _ = &mut stopped => return,
                    _ = entered.wait_for(|entered| *entered) => {}
                }
            }
            // Both an answer and a sender that is gone mean the end.
            admin.serve(async { drop(stopped.await) }).await;
        });
        Ok(Self(Some(Running { address, socket, stop, task })))
    }

    /// The listening socket, for a process that takes over.
    pub(super) fn handed(&self) -> Option<Handed> {
        let Running { address, socket, .. } = self.0.as_ref()?;
        let copy = socket.try_clone();
        let copy = copy.inspect_err(|error| tracing::warn!(%error, "the admin socket stays here"));
        Some(Handed { purpose: Purpose::Admin, address: *address, socket: copy.ok()? })
    }

    /// Accepts no more, and gives what has begun a moment.
    pub(super) async fn stop(self) {
        let Some(Running { stop, task, .. }) = self.0 else { return };
        drop(stop);
        // A panic in it has been logged by the panic hook.
        let _ = task.await;
    }
}
