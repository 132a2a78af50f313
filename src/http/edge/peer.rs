//! Where a request comes from: the address of the peer, or, behind a proxy that the operator trusts, the address
//! that it saw.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderName;
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a request is counted under: an IPv4 address, or the first half of an IPv6 address, because one
/// household or office holds all of the other half. None where the connection has no address.
pub(super) fn of(request: &ServiceRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    if trusted.is_empty() {
        return Some(counted(peer));
    }
    let forwarded: Vec<&str> =
        request.headers().get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
    Some(counted(origin(peer, &forwarded, trusted)))
}

/// The address that trusted proxies vouch for. Each proxy adds the address that it saw at the end of the list, so
/// it is read from the end, and only as far as the one who wrote the entry is trusted: what stands before may be
/// invented.
fn origin(peer: IpAddr, forwarded: &[&str], trusted: &[IpNet]) -> IpAddr {
    let mut seen = peer.to_canonical();
    for entry in forwarded.iter().flat_map(|line| line.split(',')).rev() {
        if !trusted.iter().any(|network| network.contains(&seen)) {
            break;
        }
        let entry = entry.trim();
        let Ok(address) = entry.parse().or_else(|_| entry.parse::<SocketAddr>().map(|both| both.ip())) else {
            break;
        };
        seen = address.to_canonical();
    }
    seen
}

/// What of an address is counted together.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            Ipv6Addr::from(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        origin(peer.parse().unwrap(), forwarded, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_who_called() {
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn what_a_caller_wrote_before_the_proxies_is_not_believed() {
        let trusted = &["10.0.0.0/8", "::1/128"];
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 198.51.100.1"], trusted), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6", "198.51.100.1, 10.0.0.2"], trusted), "198.51.100.1");
        assert_eq!(seen("::1", &["6.6.6.6, nobody"], trusted), "::1");
    }

    #[test]
    fn addresses_come_with_a_port_or_as_ipv4_in_ipv6() {
        let trusted = &["10.0.0.0/8"];
        assert_eq!(seen("::ffff:10.0.0.1", &["198.51.100.1:4711"], trusted), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::7]:80"], trusted), "2001:db8::7");
    }

    #[test]
    fn one_office_is_one_peer_however_many_addresses_it_has() {
        let counted = |text: &str| counted(text.parse().unwrap());
        assert_eq!(counted("2001:db8:1:2::7"), counted("2001:db8:1:2:ffff::"));
        assert_ne!(counted("2001:db8:1:2::7"), counted("2001:db8:1:3::7"));
        assert_ne!(counted("198.51.100.1"), counted("198.51.100.2"));
    }
}
