//! `spec.addresses`: where a Gateway binds, and what of it we cannot do.

use std::net::IpAddr;

use crate::api::gateway::Address;
use crate::status::StatusAddress;
use crate::translate::Options;
use crate::translate::output::Addresses;
use crate::translate::refusal::Refusal;

/// Where a Gateway binds.
///
/// # Errors
/// `UnsupportedAddress` where an address is of a type that we do not know.
pub(super) fn resolve(options: &Options, wanted: &[Address]) -> Result<Addresses, Refusal> {
    let mut bind = Vec::new();
    let mut anywhere = wanted.is_empty();
    let mut problems = Vec::new();
    for (index, address) in wanted.iter().enumerate() {
        let kind = address.kind.as_deref().unwrap_or("IPAddress");
        if kind != "IPAddress" {
            let message = format!(
                "spec.addresses[{index}].type: `{kind}` is not supported; use IPAddress or none"
            );
            return Err(Refusal::new("UnsupportedAddress", message));
        }
        match parse(address) {
            Ok(Some(address)) if bind.contains(&address) => {}
            Ok(Some(address)) => bind.push(address),
            Ok(None) => anywhere = true,
            Err(why) => problems.push(format!("spec.addresses[{index}]{why}")),
        }
    }
    let mut shown = bind.clone();
    if anywhere {
        shown.extend(&options.reached_at);
    }
    let bind = match (anywhere, bind.is_empty()) {
        (true, _) => Some(Vec::new()),
        (false, false) => Some(bind),
        (false, true) => None,
    };
    let problem =
        (!problems.is_empty()).then(|| Refusal::new("AddressNotUsable", problems.join("; ")));
    Ok(Addresses { bind, shown: shown.into_iter().map(show).collect(), problem })
}

/// The address; `None` asks for any.
fn parse(address: &Address) -> Result<Option<IpAddr>, String> {
    if let Some(scope) = address.routability.as_deref().filter(|scope| !scope.is_empty()) {
        return Err(format!(".routability: we have no `{scope}` addresses; remove it"));
    }
    let Some(text) = address.value.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let Ok(address) = text.parse::<IpAddr>() else {
        return Err(format!(".value: `{text}` is no IP address"));
    };
    let unusable = match address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        // A link-local address means nothing without the link, which this field cannot name.
        IpAddr::V6(address) => address.is_multicast() || address.is_unicast_link_local(),
    };
    if unusable {
        return Err(format!(".value: nobody can listen on {address}; choose an address of a host"));
    }
    Ok((!address.is_unspecified()).then_some(address))
}

fn show(address: IpAddr) -> StatusAddress {
    StatusAddress { kind: "IPAddress", value: address.to_string() }
}
