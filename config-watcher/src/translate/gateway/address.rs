//! `spec.addresses`: where a Gateway binds, and what of it we cannot do.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::api::gateway::{Address, Gateway};
use crate::status::StatusAddress;
use crate::translate::output::Addresses;
use crate::translate::pool::{self, Given};
use crate::translate::refusal::Refusal;

/// What a Gateway asks for.
pub(super) struct Wanted {
    /// Usable addresses with the index in the spec, in order.
    pub fixed: Vec<(usize, IpAddr)>,
    /// How many more, whichever they are.
    pub any: usize,
    problems: Vec<String>,
}

impl Wanted {
    /// The addresses that the spec names, each once.
    pub(super) fn fixed(&self) -> Vec<IpAddr> {
        let mut fixed: Vec<_> = self.fixed.iter().map(|(_, address)| *address).collect();
        fixed.sort_unstable();
        fixed.dedup();
        fixed
    }
}

/// Reads what a Gateway asks for.
///
/// # Errors
/// `UnsupportedAddress` where an address is of a type that we do not know.
pub(super) fn read(gateway: &Gateway) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted { fixed: Vec::new(), any: 0, problems: Vec::new() };
    for (index, address) in gateway.addresses.iter().enumerate() {
        let kind = address.kind.as_deref().unwrap_or("IPAddress");
        if kind != "IPAddress" {
            let message = format!(
                "spec.addresses[{index}].type: `{kind}` is not supported; use IPAddress or none"
            );
            return Err(Refusal::new("UnsupportedAddress", message));
        }
        match parse(address) {
            Ok(Some(address)) => wanted.fixed.push((index, address)),
            Ok(None) => wanted.any += 1,
            Err(why) => wanted.problems.push(format!("spec.addresses[{index}]{why}")),
        }
    }
    if gateway.addresses.is_empty() {
        wanted.any = 1;
    }
    Ok(wanted)
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

/// Where a Gateway binds that no pool gives addresses to: where its spec says, else everywhere,
/// which clients reach at `reached_at`.
pub(super) fn without_pool(wanted: &Wanted, reached_at: &[IpAddr]) -> Addresses {
    let fixed = wanted.fixed();
    let (bind, mut shown) = match (wanted.any, fixed.is_empty()) {
        (0, true) => (None, Vec::new()),
        (0, false) => (Some(fixed.clone()), fixed),
        _ => (Some(Vec::new()), fixed),
    };
    if wanted.any > 0 {
        shown.extend(reached_at);
    }
    addresses(bind, shown, "AddressNotUsable", &wanted.problems)
}

/// Where a Gateway binds that has its addresses from a pool.
pub(super) fn from_pool(wanted: Wanted, net: IpNet, given: &Given) -> Addresses {
    let mut problems = wanted.problems;
    for (index, address) in &wanted.fixed {
        let field = format!("spec.addresses[{index}].value: {address}");
        if !pool::is_host(net, *address) {
            problems.push(format!("{field} is no address of the pool {net}; choose one of it"));
        } else if let Some((_, owner)) = given.taken.iter().find(|(taken, _)| taken == address) {
            problems.push(format!("{field} belongs to Gateway {owner}; choose another"));
        }
    }
    let reason = if problems.is_empty() { "AddressNotAssigned" } else { "AddressNotUsable" };
    if given.any.len() < wanted.any {
        problems.push(format!("the address pool {net} has no address left; enlarge it"));
    }
    let mut bind = given.fixed.clone();
    bind.extend(&given.any);
    bind.sort_unstable();
    let shown = bind.clone();
    addresses((!bind.is_empty()).then_some(bind), shown, reason, &problems)
}

fn addresses(
    bind: Option<Vec<IpAddr>>,
    shown: Vec<IpAddr>,
    reason: &'static str,
    problems: &[String],
) -> Addresses {
    let show = |it: IpAddr| StatusAddress { kind: "IPAddress", value: it.to_string() };
    Addresses {
        bind,
        shown: shown.into_iter().map(show).collect(),
        problem: (!problems.is_empty()).then(|| Refusal::new(reason, problems.join("; "))),
    }
}
