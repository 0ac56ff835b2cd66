//! `headgate endpoints`: where requests can go.

use std::process::ExitCode;

use serde::Deserialize;
use snapshot::DrainCause;

use crate::admin_client;
use crate::output::{self, Format};

/// List the endpoints of every backend, as the running gateway sees them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  headgate endpoints
  headgate endpoints -o json | jq '.[].endpoints[] | select(.state != \"Ready\")'")]
pub(crate) struct Args {
    #[command(flatten)]
    gateway: admin_client::Args,
    #[command(flatten)]
    output: output::Args,
}

/// One backend; what `/v1/endpoints` lists. The shape is [`gateway::views::BackendView`]'s.
#[derive(Debug, Deserialize)]
struct Backend {
    backend: String,
    waiting: usize,
    ignored: Vec<String>,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    address: String,
    zone: Option<String>,
    state: String,
    drained: Option<DrainCause>,
    in_flight: usize,
    connections: usize,
    failures: u32,
    quarantine_ms: Option<u64>,
    held_ms: Option<u64>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let view = admin_client::get(args.gateway.address, "/v1/endpoints")?;
    if args.output.format == Format::Json {
        output::json(&view);
        return Ok(ExitCode::SUCCESS);
    }
    let backends: Vec<Backend> = serde_json::from_value(view)?;
    let head = ["BACKEND", "ADDRESS", "STATE", "IN FLIGHT", "CONNECTIONS", "FAILURES", "ZONE"];
    output::table(&head, backends.iter().flat_map(rows));
    for backend in &backends {
        if backend.waiting > 0 {
            output::print(&format!("{}: {} requests wait", backend.backend, backend.waiting));
        }
        for ignored in &backend.ignored {
            output::print(&format!("{}: left out: {ignored}", backend.backend));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(backend: &Backend) -> Vec<Vec<String>> {
    let none = || "-".to_owned();
    if backend.endpoints.is_empty() {
        let mut row = vec![backend.backend.clone()];
        row.resize_with(7, none);
        return vec![row];
    }
    let row = |endpoint: &Endpoint| {
        vec![
            backend.backend.clone(),
            endpoint.address.clone(),
            endpoint.words(),
            endpoint.in_flight.to_string(),
            endpoint.connections.to_string(),
            endpoint.failures.to_string(),
            endpoint.zone.clone().unwrap_or_else(none),
        ]
    };
    backend.endpoints.iter().map(row).collect()
}

impl Endpoint {
    /// Its state in a few words.
    fn words(&self) -> String {
        let state = match (self.held_ms, self.state.as_str()) {
            (Some(left), _) => format!("missing, held for {left} ms"),
            (None, "Ready") => "ready".to_owned(),
            (None, "Draining") => "draining".to_owned(),
            (None, _) => "not ready".to_owned(),
        };
        let drained = match &self.drained {
            Some(cause) => format!(", drained ({cause})"),
            None => String::new(),
        };
        let quarantine = match self.quarantine_ms {
            Some(left) => format!(", quarantined for {left} ms"),
            None => String::new(),
        };
        format!("{state}{drained}{quarantine}")
    }
}
