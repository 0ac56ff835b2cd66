//! Which nodes go away, and what is ordered when they do.

use serde_json::{Value, json};

use super::*;

fn node(name: &str, cordoned: bool, taints: &Value) -> Node {
    serde_json::from_value(json!({
        "metadata": {"name": name, "resourceVersion": "7", "labels": {}},
        "spec": {"unschedulable": cordoned, "taints": taints, "podCIDR": "10.0.0.0/24"},
    }))
    .unwrap()
}

fn taint(key: &str, effect: &str) -> Value {
    json!([{"key": "example.com/other", "effect": "NoSchedule"}, {"key": key, "effect": effect}])
}

#[test]
fn a_node_goes_away_that_takes_no_pods_and_says_why() {
    let taints = Taints::default();
    for (cordoned, key, effect, goes) in [
        (true, "node.kubernetes.io/out-of-service", "NoExecute", true),
        (false, "karpenter.sh/disrupted", "NoSchedule", true),
        (false, "ToBeDeletedByClusterAutoscaler", "NoSchedule", true),
        (false, "ToBeDeletedByClusterAutoscaler", "PreferNoSchedule", false),
        (true, "ToBeDeletedByClusterAutoscaler", "PreferNoSchedule", true),
        (true, "aws-node-termination-handler/spot-itn", "NoSchedule", true),
        (true, "aws-node-termination-handler", "NoSchedule", false),
        (true, "node.kubernetes.io/unschedulable", "NoSchedule", false),
        (true, "node.kubernetes.io/memory-pressure", "NoSchedule", false),
    ] {
        let reason = node("a", cordoned, &taint(key, effect)).going(&taints);
        assert_eq!(reason.as_deref(), goes.then_some(key), "{cordoned} {key} {effect}");
    }
    assert_eq!(
        node("a", true, &json!(null)).going(&taints),
        None,
        "cordoned alone may be a person"
    );
}

#[test]
fn the_list_of_taints_is_settable() {
    let taints: Taints = "example.com/reboot, vendor.io/*".parse().unwrap();
    for (key, has) in [
        ("example.com/reboot", true),
        ("example.com/reboots", false),
        ("vendor.io/anything", true),
        ("karpenter.sh/disrupted", false),
    ] {
        assert_eq!(taints.has(key), has, "{key}");
    }
    assert_eq!("".parse(), Ok(Taints(Arc::from([]))));
    assert!("a taint".parse::<Taints>().is_err());
}

/// A keeper of two backends' endpoints: `10.0.0.1` on node `a`, `10.0.0.2` on node `b`.
fn keeper() -> (Keeper, watch::Sender<Served>) {
    let (sender, served) = watch::channel(Served::default());
    // It is never asked: nothing listens on port 9 here.
    let config = ::kube::Config::new("http://127.0.0.1:9".parse().unwrap());
    let client = Client::try_from(config).unwrap();
    let (taints, drains) = (Taints::default(), Drains::default());
    let seen = BTreeMap::new();
    (Keeper { client, taints, drains, served, told: false, seen }, sender)
}

fn live(nodes: &[&str]) -> Served {
    let slice = |(host, node): (usize, &&str)| {
        json!({"addresses": [format!("10.0.0.{host}")], "nodeName": node,
               "targetRef": {"kind": "Pod", "uid": format!("u{host}")}})
    };
    let sample = crate::translate::sample::Sample::new(json!([
        {"kind": "Service", "metadata": {"namespace": "shop", "name": "cart"},
         "spec": {"ports": [{"port": 80}]}},
        {"kind": "EndpointSlice", "addressType": "IPv4",
         "metadata": {"namespace": "shop", "name": "cart-1",
                      "labels": {"kubernetes.io/service-name": "cart"}},
         "ports": [{"port": 8080}],
         "endpoints": nodes.iter().enumerate().map(slice).collect::<Vec<_>>()},
        {"kind": "HTTPRoute", "metadata": {"namespace": "shop", "name": "cart"},
         "spec": {"parentRefs": [{"name": "web", "namespace": "infra"}],
                  "rules": [{"backendRefs": [{"name": "cart", "port": 80}]}]}},
    ]));
    let snapshot = Arc::new(sample.snapshot().clone());
    Served::default().next(&snapshot, sample.0.objects(), false)
}

fn drained(keeper: &Keeper) -> Vec<String> {
    keeper.drains.list().iter().map(|one| one.order.key.to_string()).collect()
}

#[tokio::test]
async fn a_node_that_goes_is_drained_and_one_that_stays_is_not_any_more() {
    let (mut keeper, served) = keeper();
    let going = || node("a", false, &taint("karpenter.sh/disrupted", "NoSchedule"));
    keeper.take(Ok(Event::Apply(going()))).unwrap();
    keeper.act(Instant::now());
    assert!(drained(&keeper).is_empty(), "nothing is live");
    served.send_replace(live(&["a", "b"]));
    keeper.act(Instant::now());
    assert_eq!(drained(&keeper), ["10.0.0.0"]);
    keeper.take(Ok(Event::Apply(node("a", false, &json!(null))))).unwrap();
    keeper.act(Instant::now());
    assert!(drained(&keeper).is_empty());
}

#[tokio::test]
async fn a_node_that_is_gone_is_drained_while_endpoints_are_on_it() {
    let (mut keeper, served) = keeper();
    served.send_replace(live(&["a", "b"]));
    let going = || node("a", false, &taint("karpenter.sh/disrupted", "NoSchedule"));
    keeper.take(Ok(Event::Apply(going()))).unwrap();
    keeper.take(Ok(Event::Delete(going()))).unwrap();
    keeper.act(Instant::now());
    assert_eq!(drained(&keeper), ["10.0.0.0"]);
    // A list without it says the same; one with it anew says otherwise.
    keeper.take(Ok(Event::Init)).unwrap();
    keeper.act(Instant::now());
    assert_eq!(drained(&keeper), ["10.0.0.0"]);
    served.send_replace(live(&["c", "b"]));
    keeper.act(Instant::now());
    assert!(keeper.seen.is_empty() && drained(&keeper).is_empty());
}
