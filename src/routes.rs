//! `headgate routes`: the rules that are live.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use snapshot::{BackendRef, Route, RouteKey, Snapshot, Target};

use crate::admin_client;
use crate::output::{self, Format};
use crate::rule_text::{filter_name, match_text};

/// List the rules that the running gateway serves.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  headgate routes
  headgate routes -o json | jq '.[] | select(.hostnames | index(\"shop.example.com\"))'")]
pub(crate) struct Args {
    #[command(flatten)]
    gateway: admin_client::Args,
    #[command(flatten)]
    output: output::Args,
}

/// One rule.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Kind, namespace, name and index of the rule.
    route: String,
    /// The rule's own name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    name: Option<String>,
    listeners: Vec<String>,
    hostnames: Vec<String>,
    matches: Vec<String>,
    filters: Vec<String>,
    backends: Vec<Share>,
}

/// A backend with its share.
#[derive(Debug, Serialize, Deserialize)]
struct Share {
    /// The key, or what is wrong with the reference.
    backend: String,
    weight: u32,
    valid: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let view = admin_client::get(args.gateway.address, "/v1/routes")?;
    if args.output.format == Format::Json {
        output::json(&view);
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Row> = serde_json::from_value(view)?;
    let head = ["ROUTE", "HOSTNAMES", "MATCHES", "FILTERS", "BACKENDS", "LISTENERS"];
    let lines = rows.into_iter().map(|row| {
        let backends: Vec<String> = row.backends.iter().map(Share::text).collect();
        [row.route, lines(&row.hostnames), lines(&row.matches), lines(&row.filters)]
            .into_iter()
            .chain([lines(&backends), lines(&row.listeners)])
            .collect()
    });
    output::table(&head, lines);
    Ok(ExitCode::SUCCESS)
}

fn lines(list: &[String]) -> String {
    if list.is_empty() { "-".to_owned() } else { list.join("\n") }
}

/// Every rule of a snapshot.
pub(crate) fn view(snapshot: &Snapshot) -> Vec<Row> {
    snapshot.routes.iter().map(|(key, route)| Row::of(key, route)).collect()
}

impl Row {
    fn of(key: &RouteKey, route: &Route) -> Self {
        let mut hostnames: Vec<String> = Vec::new();
        for name in route.attachments.iter().flat_map(|attachment| &attachment.hostnames) {
            let name = name.to_string();
            if !hostnames.contains(&name) {
                hostnames.push(name);
            }
        }
        Self {
            route: key.to_string(),
            name: route.name.as_deref().map(str::to_owned),
            listeners: route.attachments.iter().map(|one| one.listener.to_string()).collect(),
            hostnames,
            matches: route.matches.iter().map(match_text).collect(),
            filters: route.filters.iter().map(|filter| filter_name(filter).to_owned()).collect(),
            backends: route.backends.iter().map(Share::of).collect(),
        }
    }
}

impl Share {
    fn of(reference: &BackendRef) -> Self {
        let (backend, valid) = match &reference.target {
            Target::Backend(key) => (key.to_string(), true),
            Target::Invalid(why) => (why.to_string(), false),
        };
        Self { backend, weight: reference.weight, valid }
    }

    fn text(&self) -> String {
        let mark = if self.valid { "" } else { "invalid: " };
        format!("{mark}{} x{}", self.backend, self.weight)
    }
}
