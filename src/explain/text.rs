//! An explanation in words.

use std::fmt::Write;

use gateway::explain::{Answer, Candidate, Explained, Explanation, Fate, Miss};
use http::Request;
use snapshot::{BackendRef, EndpointState, RouteKind, Snapshot, Target};

use crate::output;
use crate::rule_text::{filter_name, match_text};

const INFALLIBLE: &str = "a String takes every write";

/// One paragraph for each address, the winner first, then all that were in question.
pub(super) fn text(snapshot: &Snapshot, request: &Request<()>, all: &[Explained]) -> String {
    let mut text = String::new();
    for one in all {
        let Explained { address, explanation } = one;
        let (method, url) = (request.method(), request.uri());
        writeln!(text, "{method} {url} on {address}, version {}", explanation.version)
            .expect(INFALLIBLE);
        verdict(&mut text, explanation);
        if let Some(rule) = &explanation.rule {
            let filters: Vec<&str> = rule.filters.iter().map(filter_name).collect();
            if !filters.is_empty() {
                writeln!(text, "filters   {}", filters.join(", ")).expect(INFALLIBLE);
            }
            let total: u64 = rule.backends.iter().map(|one| u64::from(one.weight)).sum();
            for backend in &rule.backends {
                writeln!(text, "backend   {}", share(snapshot, backend, total)).expect(INFALLIBLE);
            }
        }
        candidates(&mut text, explanation);
    }
    text
}

fn verdict(text: &mut String, explanation: &Explanation) {
    if let Some(listener) = &explanation.listener {
        writeln!(text, "listener  {listener}").expect(INFALLIBLE);
    }
    let answer = match (explanation.answer, &explanation.route) {
        (Answer::Rule, Some(route)) => format!("rule      {route}"),
        (Answer::Rule, None) => "rule".to_owned(),
        (Answer::NoRoute, _) => "answer    404: no rule of the listener matches".to_owned(),
        (Answer::NoListener, _) => "answer    404: no listener has this host".to_owned(),
        (Answer::Misdirected, _) => {
            "answer    421: the connection was made for another listener".to_owned()
        }
    };
    writeln!(text, "{answer}").expect(INFALLIBLE);
}

/// `shop/cart:80 90%: 10.0.0.1:8080, 10.0.0.2:8080 (draining)`.
fn share(snapshot: &Snapshot, backend: &BackendRef, total: u64) -> String {
    let percent = match total {
        0 => 0.0,
        _ => f64::from(backend.weight) * 100.0 / total as f64,
    };
    let key = match &backend.target {
        Target::Backend(key) => key,
        Target::Invalid(why) => return format!("{percent:.4}%: 500, {why}").replace(".0000", ""),
    };
    let endpoints: Vec<String> = snapshot
        .endpoints
        .get(key)
        .into_iter()
        .flat_map(|endpoints| endpoints.list.iter())
        .map(|endpoint| match endpoint.state {
            EndpointState::Ready => endpoint.address.to_string(),
            EndpointState::Draining => format!("{} (draining)", endpoint.address),
            EndpointState::NotReady => format!("{} (not ready)", endpoint.address),
        })
        .collect();
    let endpoints =
        if endpoints.is_empty() { "no endpoints".to_owned() } else { endpoints.join(", ") };
    format!("{key} {percent:.4}%: {endpoints}").replace(".0000", "")
}

fn candidates(text: &mut String, explanation: &Explanation) {
    if explanation.candidates.is_empty() {
        return;
    }
    text.push('\n');
    let rows = explanation.candidates.iter().map(|candidate| {
        let Candidate { route, name, hostname, condition, fate } = candidate;
        let route = match name {
            Some(name) => format!("{route} ({name})"),
            None => route.to_string(),
        };
        let kind = candidate.route.kind;
        vec![fate_word(fate).to_owned(), route, hostname.to_string(), match_text(condition)]
            .into_iter()
            .chain([why(fate, kind)])
            .collect()
    });
    text.push_str(&output::table_text(&["", "RULE", "HOSTNAME", "MATCH", "WHY"], rows));
    if explanation.unlisted > 0 {
        writeln!(text, "and {} more of other paths", explanation.unlisted).expect(INFALLIBLE);
    }
}

fn fate_word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Won => "won",
        Fate::Outranked => "outranked",
        Fate::Missed(_) => "missed",
    }
}

fn why(fate: &Fate, kind: RouteKind) -> String {
    let missed = match fate {
        Fate::Won => return "the first that matches".to_owned(),
        Fate::Outranked => return "matches as well, but comes later".to_owned(),
        Fate::Missed(missed) => missed,
    };
    let words = missed.iter().map(|miss| match (miss, kind) {
        (Miss::Path, RouteKind::Grpc) => "service or method".to_owned(),
        (Miss::Path, RouteKind::Http) => "path".to_owned(),
        (Miss::Method, _) => "method".to_owned(),
        (Miss::Header(name), _) => format!("header {name}"),
        (Miss::Query(name), _) => format!("query {name}"),
    });
    words.collect::<Vec<_>>().join(", ")
}
