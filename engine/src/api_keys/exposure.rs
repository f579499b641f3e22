//! The rule of exposure: what can be reached from other machines asks for keys, and there must be one to ask for.

use std::net::{IpAddr, SocketAddr};

use payment_http::server::Listen;
use payment_http::{Audience, KeyRing, Reach};

/// A listener would be reachable from other machines, and nobody could use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{setting} = \"{address}\" can be reached from other machines, and there is no key to tell who asks: make one with \
     `payment-engine keys create {whose}`, name a file of keys in {section}.keys_file, or listen on 127.0.0.1:{} with \
     {flag}",
    address.port()
)]
pub struct Unprotected {
    setting: &'static str,
    section: &'static str,
    flag: &'static str,
    whose: &'static str,
    address: SocketAddr,
}

/// Whether an address can be reached from other machines.
pub(crate) const fn reach(address: IpAddr) -> Reach {
    if address.is_loopback() { Reach::Loopback } else { Reach::Network }
}

/// Refuses a listener on the network for which there is no live key. Should the last one be revoked later, requests
/// are refused; the listener never opens.
pub(crate) fn check(listen: &Listen, audience: Audience, ring: &KeyRing) -> Result<(), Unprotected> {
    if reach(listen.address.ip()) == Reach::Loopback || ring.has_live(audience) {
        return Ok(());
    }
    let (section, whose) = match audience {
        Audience::Merchants => ("http", "--merchant ID"),
        Audience::Operators => ("operator", "--operator"),
    };
    Err(Unprotected { setting: listen.setting, section, flag: listen.flag, whose, address: listen.address })
}
