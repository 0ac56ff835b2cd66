//! Whether a ReferenceGrant allows a reference from one namespace into another.

use std::sync::Arc;

use super::reads::Reads;
use crate::api::grant::ReferenceGrant;
use crate::objects::Kind;

/// Whether an object of kind `from` in namespace `from_namespace` may refer to the object `name`
/// of kind `to` in namespace `to_namespace`. Within one namespace everything is granted.
pub(crate) fn granted(
    reads: &Reads<'_>,
    (from, from_namespace): (Kind, &Arc<str>),
    (to, to_namespace, name): (Kind, &Arc<str>, &str),
) -> bool {
    from_namespace == to_namespace
        || reads
            .grants(to_namespace, from_namespace)
            .iter()
            .any(|grant| covers(&grant.spec, (from, from_namespace), (to, name)))
}

/// Whether a grant in the referent's namespace covers a reference: any of its `from` with any of
/// its `to`.
fn covers(
    grant: &ReferenceGrant,
    (from, from_namespace): (Kind, &str),
    (to, name): (Kind, &str),
) -> bool {
    let is = |kind: Kind, group: &str, named: &str| group == kind.group() && named == kind.as_str();
    let from_any = grant
        .from
        .iter()
        .any(|it| is(from, &it.group, &it.kind) && *it.namespace == *from_namespace);
    from_any
        && grant.to.iter().any(|it| {
            is(to, &it.group, &it.kind) && it.name.as_deref().is_none_or(|only| only == name)
        })
}

#[cfg(test)]
mod tests {
    use super::covers;
    use crate::objects::Kind;

    #[test]
    fn a_grant_covers_what_it_names_and_nothing_else() {
        let gateway = "gateway.networking.k8s.io";
        let from = |group, kind, namespace| {
            format!(r#"{{"group": "{group}", "kind": "{kind}", "namespace": "{namespace}"}}"#)
        };
        let shop = from(gateway, "HTTPRoute", "shop");
        let services = r#"{"group": "", "kind": "Service"}"#;
        let only = |name| format!(r#"{{"group": "", "kind": "Service", "name": "{name}"}}"#);
        for (from, to, covered) in [
            (shop.clone(), services.into(), true),
            (shop.clone(), only("cart"), true),
            (
                format!("{}, {shop}", from("a", "B", "c")),
                format!("{}, {services}", only("x")),
                true,
            ),
            (shop.clone(), only("till"), false),
            (shop.clone(), r#"{"group": "", "kind": "Secret"}"#.into(), false),
            (shop.clone(), r#"{"group": "core", "kind": "Service"}"#.into(), false),
            (shop, String::new(), false),
            (from(gateway, "HTTPRoute", "other"), services.into(), false),
            (from(gateway, "GRPCRoute", "shop"), services.into(), false),
            (from("", "HTTPRoute", "shop"), services.into(), false),
            (String::new(), services.into(), false),
        ] {
            let json = format!(r#"{{"from": [{from}], "to": [{to}]}}"#);
            let grant = serde_json::from_str(&json).unwrap();
            let found = covers(&grant, (Kind::HttpRoute, "shop"), (Kind::Service, "cart"));
            assert_eq!(found, covered, "{json}");
        }
    }
}
