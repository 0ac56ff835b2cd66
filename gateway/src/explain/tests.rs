//! What the winner and the losers of a request are told.

use std::sync::Arc;

use expect_test::expect;
use http::{HeaderName, Method, Request};
use snapshot::{
    Attachment, HeaderMatch, Hostname, Listener, ListenerKey, Match, ObjectKey, ParentKind,
    PathMatch, Pattern, Route, RouteKey, RouteKind, Snapshot, Text, Timeouts,
};

use super::{Answer, Fate, Unexplained, explain};

fn path(text: &str) -> Match {
    let path = match text.split_at(1) {
        ("=", text) => PathMatch::Exact(text.into()),
        ("~", text) => PathMatch::Regex(Pattern::parse(text).unwrap()),
        _ => PathMatch::Prefix(text.into()),
    };
    Match { path, method: None, headers: Vec::new(), query: Vec::new() }
}

/// One listener on port 80, and rules by name, hostname and match.
fn snapshot(rules: &[(&str, &str, Match)]) -> Arc<Snapshot> {
    let listener = ListenerKey {
        kind: ParentKind::Gateway,
        parent: ObjectKey::new("infra", "public"),
        section: "http".into(),
    };
    let mut snapshot = Snapshot::default();
    for (name, hostname, one) in rules {
        let hostname = match *hostname {
            "*" => Hostname::Any,
            text => text.parse().unwrap(),
        };
        let key =
            RouteKey { kind: RouteKind::Http, object: ObjectKey::new("shop", *name), rule: 0 };
        let route = Route {
            name: None,
            created: 0,
            attachments: [Attachment { listener: listener.clone(), hostnames: vec![hostname] }]
                .into(),
            matches: vec![one.clone()],
            filters: Vec::new(),
            backends: Vec::new(),
            timeouts: Timeouts::default(),
            retry: None,
            session: None,
        };
        snapshot.routes.insert(key, Arc::new(route));
    }
    let open = Listener {
        addresses: Vec::new(),
        port: 80,
        hostname: Hostname::Any,
        tls: None,
        backend_client_certificate: None,
    };
    snapshot.listeners.insert(listener, Arc::new(open));
    Arc::new(snapshot)
}

fn get(url: &str) -> Request<()> {
    Request::get(url).body(()).unwrap()
}

#[test]
fn every_candidate_has_its_fate() {
    let header =
        HeaderMatch { name: HeaderName::from_static("x-canary"), value: Text::Exact("yes".into()) };
    let snapshot = snapshot(&[
        ("canary", "a.com", Match { headers: vec![header], ..path("/cart") }),
        ("post", "a.com", Match { method: Some(Method::POST), ..path("/cart") }),
        ("cart", "a.com", path("/cart")),
        ("shop", "a.com", path("/")),
        ("exact", "a.com", path("=/cart")),
        ("regex", "a.com", path("~/c.*")),
        ("other", "a.com", path("~/x.*")),
        ("wild", "*.com", path("/cart/1")),
        ("else", "b.com", path("/cart/1")),
    ]);
    let [explained] =
        explain(&snapshot, &get("http://A.com/cart/1?x")).unwrap().try_into().unwrap();
    let told = explained.explanation;
    let lines = told
        .candidates
        .iter()
        .map(|one| format!("{} {} {:?}\n", one.route.object.name, one.hostname, one.fate));
    expect![[r#"
        regex a.com Won
        post a.com Missed([Method])
        canary a.com Missed([Header("x-canary")])
        cart a.com Outranked
        shop a.com Outranked
        exact a.com Missed([Path])
        other a.com Missed([Path])
        wild *.com Outranked
    "#]]
    .assert_eq(&lines.collect::<String>());
    assert_eq!((told.answer, told.route.unwrap().object.name.as_ref()), (Answer::Rule, "regex"));
    assert_eq!(explained.address, "[::]:80".parse().unwrap());
}

#[test]
fn matches_of_other_paths_are_listed_up_to_a_bound() {
    let rules: Vec<_> = (0..300).map(|i| (format!("r{i}"), path(&format!("/only/{i}")))).collect();
    let rules: Vec<_> = rules.iter().map(|(name, one)| (name.as_str(), "*", one.clone())).collect();
    let explained = explain(&snapshot(&rules), &get("http://h/none")).unwrap();
    let told = &explained[0].explanation;
    assert_eq!((told.answer, told.candidates.len(), told.unlisted), (Answer::NoRoute, 100, 200));
    assert!(told.candidates.iter().all(|one| matches!(one.fate, Fate::Missed(_))));
}

#[test]
fn what_never_reaches_a_rule_is_said() {
    let snapshot = snapshot(&[]);
    let refused = |url| explain(&snapshot, &get(url)).unwrap_err();
    assert_eq!(refused("http://h:81/"), Unexplained::Port(81, vec![80]));
    assert!(matches!(refused("http://h/%2F"), Unexplained::Path(_)));
    assert!(matches!(refused("/relative"), Unexplained::Host(_)));
    let listed = explain(&snapshot, &get("http://h/")).unwrap();
    assert_eq!(listed[0].explanation.answer, Answer::NoRoute);
    assert!(serde_json::to_string(&listed).unwrap().contains("\"NoRoute\""));
}
