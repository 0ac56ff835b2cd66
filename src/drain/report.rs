//! What the answers of all gateways come to, for people.

use std::net::SocketAddr;
use std::process::ExitCode;

use config_watcher::drains::Laggard;
use snapshot::ByKind;

use super::answer::{Answer, Drained, Standing, Waiting};
use super::call::NoAnswer;
use crate::output;

/// Prints who said what; success when all that run agree that nothing is in flight, or that it was
/// done as asked. `own`: the caller's own address, which no route need lead to.
pub(super) fn report(answers: &[(SocketAddr, Result<Answer, NoAnswer>)], own: bool) -> ExitCode {
    let mut good = true;
    let mut heard = false;
    for (gateway, answer) in answers {
        match answer {
            Err(NoAnswer::Gone(_)) => {}
            Err(NoAnswer::Failed(_)) => good = false,
            Ok(answer) => {
                heard = true;
                good &= is_good(answer, own);
            }
        }
        match answer {
            Ok(Answer::List { drains }) => {
                let head = ["ADDRESS", "SINCE", "STATE", "CAUSE"];
                output::table(&head, drains.iter().map(row));
            }
            Ok(answer) => output::print(&format!("{gateway}: {}", words(answer))),
            Err(error) => output::note(&format!("{gateway}: {error}")),
        }
    }
    if !heard {
        output::note(
            "no gateway answers; is `headgate run` running, and is this its --drain (or --admin) \
             address?",
        );
    }
    if good && heard { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn is_good(answer: &Answer, own: bool) -> bool {
    match answer {
        Answer::Drained(_) | Answer::List { .. } | Answer::Undone { .. } => true,
        Answer::Unknown { .. } => own,
        Answer::Deadline(_)
        | Answer::Forbidden { .. }
        | Answer::Wrong { .. }
        | Answer::Busy { .. } => false,
    }
}

fn words(answer: &Answer) -> String {
    match answer {
        Answer::Drained(Drained { address, took_ms, cut, .. }) => {
            let cut = match kinds(cut) {
                text if text.is_empty() => text,
                text => format!("; cut at the deadline: {text}"),
            };
            format!("{address} is drained after {took_ms} ms{cut}")
        }
        Answer::Deadline(Waiting { address, laggards }) if laggards.is_empty() => {
            format!("{address} is not drained: no proxy is heard of")
        }
        Answer::Deadline(Waiting { address, laggards }) => {
            let all: Vec<_> = laggards.iter().map(laggard).collect();
            format!("{address} is not drained: {}", all.join("; "))
        }
        Answer::Undone { address } => format!("the drain of {address} is undone"),
        Answer::Unknown { address, remedy } => format!("{address} is unknown: {remedy}"),
        Answer::Forbidden { reason, remedy } => format!("{reason}; {remedy}"),
        Answer::Wrong { reason } | Answer::Busy { reason } => reason.clone(),
        Answer::List { .. } => String::new(),
    }
}

fn laggard(laggard: &Laggard) -> String {
    let in_flight = match kinds(&laggard.in_flight) {
        text if text.is_empty() => "nothing".to_owned(),
        text => text,
    };
    let behind = if laggard.behind { ", and has not applied the drain yet" } else { "" };
    format!("{} has {in_flight} in flight{behind}", laggard.proxy)
}

/// `2 requests, 1 tunnel`; empty for nothing.
fn kinds(counts: &ByKind<usize>) -> String {
    let names = ["request", "stream", "tunnel"].into_iter().zip(counts.values());
    let some = names.filter(|(_, count)| *count > 0);
    let some = some.map(|(name, n)| format!("{n} {name}{}", if n == 1 { "" } else { "s" }));
    some.collect::<Vec<_>>().join(", ")
}

fn row(standing: &Standing) -> Vec<String> {
    let state = match (&standing.drained, &*standing.laggards) {
        (true, _) => "drained".to_owned(),
        (false, []) => "not applied yet".to_owned(),
        (false, all) => all.iter().map(laggard).collect::<Vec<_>>().join("; "),
    };
    let since = format!("{} s", standing.since_ms / 1_000);
    vec![standing.address.clone(), since, state, standing.cause.to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(list: Vec<Result<Answer, NoAnswer>>) -> Vec<(SocketAddr, Result<Answer, NoAnswer>)> {
        let address = "10.0.0.1:9902".parse().unwrap();
        list.into_iter().map(|answer| (address, answer)).collect()
    }

    fn drained() -> Result<Answer, NoAnswer> {
        let (address, cut) = ("10.0.0.7".to_owned(), ByKind::default());
        Ok(Answer::Drained(Drained { address, version: 7, took_ms: 1, cut }))
    }

    fn unknown() -> Result<Answer, NoAnswer> {
        Ok(Answer::Unknown { address: "10.0.0.7".into(), remedy: "none".into() })
    }

    fn gone() -> Result<Answer, NoAnswer> {
        Err(NoAnswer::Gone(std::io::ErrorKind::ConnectionRefused.into()))
    }

    fn failed() -> Result<Answer, NoAnswer> {
        Err(NoAnswer::Failed(anyhow::anyhow!("late")))
    }

    #[test]
    fn all_gateways_that_run_must_agree() {
        for (list, own, good) in [
            (vec![drained(), drained()], false, true),
            (vec![drained(), gone()], false, true),
            (vec![drained(), failed()], false, false),
            (vec![drained(), unknown()], false, false),
            (vec![drained(), unknown()], true, true),
            (vec![gone(), gone()], true, false),
            (vec![], true, false),
        ] {
            let text = format!("{list:?} {own}");
            let code = report(&answers(list), own);
            let expected = if good { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            assert_eq!(format!("{code:?}"), format!("{expected:?}"), "{text}");
        }
    }

    #[test]
    fn laggards_are_told_with_what_they_have() {
        let in_flight = ByKind { requests: 2, streams: 0, tunnels: 1 };
        let one = Laggard { proxy: "p1".into(), behind: false, in_flight };
        let other = Laggard { proxy: "p2".into(), behind: true, in_flight: ByKind::default() };
        let waiting = Waiting { address: "10.0.0.7".into(), laggards: vec![one, other] };
        assert_eq!(
            words(&Answer::Deadline(waiting)),
            "10.0.0.7 is not drained: p1 has 2 requests, 1 tunnel in flight; p2 has nothing in \
             flight, and has not applied the drain yet"
        );
    }
}
