//! Why a request gets what it gets: the lookup of [`Table::find`](super::Table::find), with every
//! match that was in question and what was against it.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Serialize;
use snapshot::{Hostname, ListenerKey, Match, Route, RouteKey, Version};

pub use super::condition::Miss;
use super::host::Host;
use super::rule::Entry;
use super::{Found, Hosts, ListenerInfo, Seek};

/// Most matches of other paths that are listed; a host may have thousands.
const MAX_OTHERS: usize = 100;

/// Why a request gets what it gets.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The snapshot that changed the table last.
    pub version: Version,
    /// What the request gets.
    pub answer: Answer,
    /// The listener that has the request.
    pub listener: Option<ListenerKey>,
    /// The rule that wins.
    pub route: Option<RouteKey>,
    /// What that rule does.
    pub rule: Option<Arc<Route>>,
    /// In the order in which they were asked; those of other paths come after the others of the
    /// same hostname.
    pub candidates: Vec<Candidate>,
    /// Matches of other paths that are not listed.
    pub unlisted: usize,
}

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Answer {
    /// A rule.
    Rule,
    /// 404: no rule of the listener matches.
    NoRoute,
    /// 404: no listener has the host.
    NoListener,
    /// 421: the connection was made for another listener.
    Misdirected,
}

/// A match that was in question.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// The rule.
    pub route: RouteKey,
    /// `rules[].name`.
    pub name: Option<Arc<str>>,
    /// The hostname that the route was written with.
    pub hostname: Hostname,
    /// The match as it was written.
    pub condition: Match,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Fate {
    /// It is the first that matches.
    Won,
    /// It matches, after the one that won.
    Outranked,
    /// It does not match, for each of these.
    Missed(Vec<Miss>),
}

impl Explanation {
    pub(super) fn without_listener(version: Version, found: &Found) -> Self {
        let answer = match found {
            Found::Rule(_) => Answer::Rule,
            Found::NoRoute(_) => Answer::NoRoute,
            Found::NoListener => Answer::NoListener,
            Found::Misdirected => Answer::Misdirected,
        };
        Self {
            version,
            answer,
            listener: None,
            route: None,
            rule: None,
            candidates: Vec::new(),
            unlisted: 0,
        }
    }

    pub(super) fn new(
        version: Version,
        (info, hosts): &(Arc<ListenerInfo>, Arc<Hosts>),
        seek: &Seek<'_>,
    ) -> Self {
        let mut this = Self::without_listener(version, &Found::NoRoute(info.clone()));
        this.listener = Some(info.key.clone());
        for (level, host) in hosts.serving(seek.host) {
            this.host(&level.into(), host, seek);
        }
        this
    }

    fn host(&mut self, hostname: &Hostname, host: &Host, seek: &Seek<'_>) {
        let _: ControlFlow<()> = host.walk(seek.path, None, |entry, _| {
            let misses = entry.condition().misses(seek);
            // Expressions are walked whatever the path; those of other paths come below.
            if !misses.contains(&Miss::Path) {
                self.matching(hostname, entry, misses);
            }
            ControlFlow::Continue(())
        });
        let others = host.all().map(|entry| (entry, entry.condition().misses(seek)));
        let mut others: Vec<_> =
            others.filter(|(_, misses)| misses.contains(&Miss::Path)).collect();
        others.sort_by(|(a, _), (b, _)| a.precedence().cmp(&b.precedence()));
        let listed = others.len().min(MAX_OTHERS);
        self.unlisted += others.len() - listed;
        for (entry, misses) in others.into_iter().take(listed) {
            self.push(hostname, entry, Fate::Missed(misses));
        }
    }

    fn matching(&mut self, hostname: &Hostname, entry: &Entry, misses: Vec<Miss>) {
        let fate = match (misses.is_empty(), self.answer) {
            (false, _) => Fate::Missed(misses),
            (true, Answer::Rule) => Fate::Outranked,
            (true, _) => {
                self.answer = Answer::Rule;
                self.route = Some(entry.rule.key.clone());
                self.rule = Some(entry.rule.source.clone());
                Fate::Won
            }
        };
        self.push(hostname, entry, fate);
    }

    fn push(&mut self, hostname: &Hostname, entry: &Entry, fate: Fate) {
        self.candidates.push(Candidate {
            route: entry.rule.key.clone(),
            name: entry.rule.name().cloned(),
            hostname: hostname.clone(),
            condition: entry.source().clone(),
            fate,
        });
    }
}
