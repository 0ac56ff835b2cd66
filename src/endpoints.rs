//! `headgate endpoints`: where requests can go.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use snapshot::{EndpointState, Snapshot};

use crate::admin_client;
use crate::output::{self, Format};

/// List the endpoints of every backend, as the running gateway sees them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  headgate endpoints
  headgate endpoints -o json | jq '.[] | select(.state != \"ready\")'")]
pub(crate) struct Args {
    #[command(flatten)]
    gateway: admin_client::Args,
    #[command(flatten)]
    output: output::Args,
}

/// One endpoint of one backend.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    backend: String,
    address: String,
    /// `ready`, `draining` or `not ready`.
    state: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    uid: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let view = admin_client::get(args.gateway.address, "/v1/endpoints")?;
    if args.output.format == Format::Json {
        output::json(&view);
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Row> = serde_json::from_value(view)?;
    let lines = rows.into_iter().map(|row| {
        let zone = row.zone.unwrap_or_else(|| "-".to_owned());
        vec![row.backend, row.address, row.state, zone]
    });
    output::table(&["BACKEND", "ADDRESS", "STATE", "ZONE"], lines);
    Ok(ExitCode::SUCCESS)
}

/// Every endpoint of a snapshot.
pub(crate) fn view(snapshot: &Snapshot) -> Vec<Row> {
    let all = snapshot.endpoints.iter();
    all.flat_map(|(backend, endpoints)| {
        endpoints.list.iter().map(|endpoint| Row {
            backend: backend.to_string(),
            address: endpoint.address.to_string(),
            state: state(endpoint.state).to_owned(),
            zone: endpoint.zone.as_deref().map(str::to_owned),
            uid: endpoint.uid.as_deref().map(str::to_owned),
        })
    })
    .collect()
}

fn state(state: EndpointState) -> &'static str {
    match state {
        EndpointState::Ready => "ready",
        EndpointState::Draining => "draining",
        EndpointState::NotReady => "not ready",
    }
}
