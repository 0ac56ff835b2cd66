//! `headgate explain`: which rule a request gets, and why.

mod text;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use config_watcher::manifests;
use config_watcher::objects::Change;
use config_watcher::translate::{Options, Translator};
use gateway::admin::{Answer, Query};
use gateway::explain::{self, Explained};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use snapshot::Snapshot;

use crate::admin_client;
use crate::output::{self, Format};

/// Explain which rule a request gets, and why the others don't.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  headgate explain GET http://shop.example.com:8080/cart
  headgate explain --manifests ./gateway GET https://shop.example.com/ -H 'x-version: beta'
  headgate explain -o json POST http://localhost:8080/ | jq '.[].explanation.route'

No request is sent. Exit code 1 means that no rule takes the request.")]
pub(crate) struct Args {
    /// Method of the request.
    method: Method,
    /// Absolute URL; its port is the listener's.
    url: Uri,
    /// A header of the request; may be given more than once.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Ask what this folder says instead of a running gateway.
    #[arg(long, value_name = "DIR", conflicts_with = "admin")]
    manifests: Option<PathBuf>,
    /// Admin address of the running gateway.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:9900",
        value_parser = admin_client::address,
        env = "HEADGATE_ADMIN"
    )]
    admin: SocketAddr,
    #[command(flatten)]
    output: output::Args,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let request = request(&args.method, &args.url, args.headers.iter().map(String::as_str))?;
    let Some(folder) = &args.manifests else { return ask(args) };
    let snapshot = of_folder(folder);
    let explained = explain::explain(&snapshot, &request)?;
    match args.output.format {
        Format::Json => output::json(&explained),
        Format::Table => output::print(&text::text(&snapshot, &request, &explained)),
    }
    Ok(code(explained.iter().any(is_rule)))
}

fn is_rule(explained: &Explained) -> bool {
    explained.explanation.answer == explain::Answer::Rule
}

fn code(found: bool) -> ExitCode {
    if found { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn of_folder(folder: &Path) -> Arc<Snapshot> {
    let loaded = manifests::load(folder);
    for problem in &loaded.problems {
        output::note(&problem.to_string());
    }
    let mut translator = Translator::new(Options { allow_loopback: true, ..Options::default() });
    translator.apply(loaded.objects.into_iter().map(Change::Put).collect());
    translator.snapshot().clone()
}

/// Has the running gateway explain.
fn ask(args: &Args) -> anyhow::Result<ExitCode> {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (method, url) = (encoded(args.method.as_str()), encoded(&args.url.to_string()));
    let mut path = format!("/v1/explain?method={method}&url={url}");
    for header in &args.headers {
        path.push_str(&format!("&header={}", encoded(header)));
    }
    let explained = admin_client::get(args.admin, &path)?;
    let found = explained
        .as_array()
        .is_some_and(|all| all.iter().any(|one| one["explanation"]["answer"] == "Rule"));
    match args.output.format {
        Format::Json => output::json(&explained),
        Format::Table => {
            let text = admin_client::get_bytes(args.admin, &format!("{path}&text"))?;
            output::print(&String::from_utf8_lossy(&text));
        }
    }
    Ok(code(found))
}

/// What `/v1/explain` says: JSON, or text when the query has `text`.
pub(crate) fn answer(snapshot: &Arc<Snapshot>, query: &Query) -> Answer {
    let explained = asked(query).and_then(|request| {
        let explained = explain::explain(snapshot, &request)?;
        Ok((request, explained))
    });
    match explained {
        Ok((request, explained)) if query.get("text").is_some() => {
            Answer::Text(text::text(snapshot, &request, &explained))
        }
        Ok((_, explained)) => Answer::json(&explained),
        Err(error) => Answer::Wrong(format!("{error:#}")),
    }
}

fn asked(query: &Query) -> anyhow::Result<Request<()>> {
    let method = query.get("method").unwrap_or("GET").parse().context("method")?;
    let url = query.get("url").context("url is missing: ?method=GET&url=http://host/path")?;
    request(&method, &url.parse().context("url")?, query.all("header"))
}

fn request<'h>(
    method: &Method,
    url: &Uri,
    headers: impl Iterator<Item = &'h str>,
) -> anyhow::Result<Request<()>> {
    if url.scheme().is_none() || url.authority().is_none() {
        bail!("{url} is no absolute URL; write http://host/path or https://host/path");
    }
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    *request.uri_mut() = url.clone();
    for header in headers {
        let wrong = || format!("header {header:?}: write 'name: value'");
        let (name, value) = header.split_once(':').with_context(wrong)?;
        let name: HeaderName = name.trim().parse().with_context(wrong)?;
        let value: HeaderValue = value.trim().parse().with_context(wrong)?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}
