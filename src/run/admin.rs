//! `--admin`: what is served there, if anything is.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use gateway::admin::{Admin, Readiness};
use gateway::handover::Purpose;
use gateway::telemetry::Telemetry;
use gateway::views::Views;
use tokio::sync::watch;

use super::control::{Control, Place};
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
    /// Where it is to be.
    pub(super) fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }

    /// Reads `127.0.0.1:9900` or `off`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let address = text.parse().map_err(|_| "is no address; write 127.0.0.1:9900 or off")?;
        Ok(Self::At(address))
    }
}

/// Serves at `address`; on an `inherited` socket not before we have `entered`.
pub(super) async fn start(
    address: AdminAddress,
    inherited: Option<TcpListener>,
    entered: watch::Receiver<bool>,
    (telemetry, readiness): (&Telemetry, &Readiness),
    (live, views, desk): (&watch::Receiver<Live>, &Views, &Arc<Desk>),
) -> anyhow::Result<Control> {
    let Some(address) = address.address() else { return Ok(Control::off()) };
    let (telemetry, to_show) = (telemetry.clone(), readiness.clone());
    let is_inherited = inherited.is_some();
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
        .action("/v1/drain", move |peer, request| reply(desk.clone(), Door::Admin, peer, request));
    let place = Place { purpose: Purpose::Admin, address, socket, inherited: is_inherited };
    Ok(Control::start(place, entered, |stop| admin.serve(stop)))
}
