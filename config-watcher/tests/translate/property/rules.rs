//! Random rules: every kind of match, filter and reference, most of them valid.

use serde_json::{Value, json};

use super::dice::Dice;
use super::objects::reference;

const PATHS: &[&str] = &["/", "/a", "/a/b", "/b/", "/%61"];

/// A rule of an HTTPRoute.
pub(super) fn http(dice: &mut Dice<'_>) -> Value {
    let mut rule = json!({
        "matches": dice.some(1, 2, |dice, _| http_match(dice)),
        "backendRefs": backends(dice),
    });
    if dice.once_in(2) {
        rule["filters"] = json!(dice.some(1, 3, |dice, _| filter(dice)));
    }
    match dice.of(&[0, 0, 0, 1, 2, 3, 4]) {
        1 => {
            let request = dice.of(&["1s", "0s", "nonsense"]);
            rule["timeouts"] = json!({"request": request, "backendRequest": "500ms"});
        }
        2 => rule["retry"] = json!({"codes": [dice.of(&[500, 200])], "attempts": dice.of(&[1, 0])}),
        3 => rule["sessionPersistence"] = session(dice),
        4 => rule["name"] = json!(dice.of(&["one", "two"])),
        _ => {}
    }
    rule
}

/// A rule of a GRPCRoute.
pub(super) fn grpc(dice: &mut Dice<'_>) -> Value {
    let mut method = json!({"service": dice.of(&["shop.Cart", "shop.Till"])});
    match dice.of(&[0, 0, 1, 2, 3]) {
        1 => method["method"] = json!("Add"),
        2 => method = json!({"method": "Add"}),
        3 => {
            let service = dice.of(&["shop\\..*", "shop("]);
            method = json!({"type": "RegularExpression", "service": service});
        }
        _ => {}
    }
    let mut rule = json!({"matches": [{"method": method}], "backendRefs": backends(dice)});
    if dice.once_in(3) {
        rule["filters"] = json!([filter(dice)]);
    }
    if dice.once_in(6) {
        rule["sessionPersistence"] = session(dice);
    }
    rule
}

fn http_match(dice: &mut Dice<'_>) -> Value {
    let mut one = json!({"path": {"type": "PathPrefix", "value": dice.of(PATHS)}});
    match dice.of(&[0, 0, 1, 2, 3, 4, 5]) {
        1 => one["path"]["type"] = json!(dice.of(&["Exact", "Glob"])),
        2 => {
            let value = dice.of(&["/a|/b", "/a.*", "("]);
            one["path"] = json!({"type": "RegularExpression", "value": value});
        }
        3 => one["method"] = json!(dice.of(&["GET", "POST", "NONE"])),
        4 => one["headers"] = json!(dice.some(1, 3, |dice, _| named(dice, &["a", "A", "b"]))),
        5 => one["queryParams"] = json!(dice.some(1, 3, |dice, _| named(dice, &["a", "A", "b"]))),
        _ => {}
    }
    one
}

fn named(dice: &mut Dice<'_>, names: &[&str]) -> Value {
    let kind = dice.of(&["Exact", "RegularExpression"]);
    json!({"type": kind, "name": dice.of(names), "value": dice.of(&["x", "y|z", "["])})
}

fn filter(dice: &mut Dice<'_>) -> Value {
    match dice.of(&[0, 0, 1, 2, 3, 4, 5, 6, 7]) {
        0 => {
            let mut backend = reference(dice, "Service", &["x", "y", "none"]);
            backend["port"] = json!(dice.of(&[80, 81]));
            let mirror = json!({"backendRef": backend, "percent": dice.of(&[100, 5, 101])});
            json!({"type": "RequestMirror", "requestMirror": mirror})
        }
        1 => {
            let name = dice.of(&["x-a", "X-B", "host", "a b"]);
            let body = json!({"set": [{"name": name, "value": "v"}], "remove": ["x-c"]});
            json!({"type": "RequestHeaderModifier", "requestHeaderModifier": body})
        }
        2 => json!({"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["a"]}}),
        3 => {
            let code = dice.of(&[301, 308, 300]);
            json!({"type": "RequestRedirect", "requestRedirect": {"statusCode": code}})
        }
        4 => {
            let by = dice.of(&["/c", "", "c"]);
            let path = json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": by});
            json!({"type": "URLRewrite", "urlRewrite": {"path": path}})
        }
        5 => {
            let origin = dice.of(&["*", "https://*.x.com", "x.com"]);
            json!({"type": "CORS", "cors": {"allowOrigins": [origin]}})
        }
        6 => json!({"type": "ExternalAuth", "externalAuth": {}}),
        _ => {
            let reference = json!({"group": "x.com", "kind": "Y", "name": "z"});
            json!({"type": "ExtensionRef", "extensionRef": reference})
        }
    }
}

fn session(dice: &mut Dice<'_>) -> Value {
    match dice.of(&[0, 1, 2]) {
        0 => json!({"cookie": {"lifetimeType": dice.of(&["Session", "Permanent"])}}),
        1 => json!({"type": "Header", "header": {"name": dice.of(&["x-s", "x s"])}}),
        _ => json!({"type": "Cookie", "cookie": {"name": "s"}, "absoluteTimeout": "1h"}),
    }
}

fn backends(dice: &mut Dice<'_>) -> Vec<Value> {
    dice.some(0, 2, |dice, _| {
        let mut backend = reference(dice, "Service", &["x", "y", "none"]);
        backend["port"] = json!(dice.of(&[80, 80, 81]));
        backend["weight"] = json!(dice.of(&[1, 0, 3]));
        if dice.once_in(5) {
            backend["filters"] = json!([filter(dice)]);
        }
        if dice.once_in(10) {
            backend["kind"] = json!("Bucket");
        }
        backend
    })
}
