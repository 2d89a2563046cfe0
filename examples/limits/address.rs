//! Which address counts, where anybody can write any address into a header.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, Request};
use tower_bearer::context::{ClientAddress, RequestHead};
use tower_governor::{GovernorError, key_extractor::KeyExtractor};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// By the address of the client.
#[derive(Clone, Copy)]
pub(crate) struct ByAddress;

impl KeyExtractor for ByAddress {
    type Key = IpAddr;

    fn extract<T>(&self, request: &Request<T>) -> Result<IpAddr, GovernorError> {
        let address = RequestHead::from(request).address();
        address
            .map(network)
            .ok_or(GovernorError::UnableToExtractKey)
    }
}

/// Tells limits and sessions the address of the client behind so many proxies. Each of them has to add, at the end of
/// `X-Forwarded-For`, the address from which it was asked. Whatever comes before those is the client's own word, and so
/// is all of it if the client can reach this server without them.
pub(crate) fn behind<B>(proxies: usize, mut request: Request<B>) -> Request<B> {
    if let Some(address) = forwarded(request.headers(), proxies) {
        request.extensions_mut().insert(ClientAddress(address));
    }
    request
}

/// The entry that the outermost of the proxies has added. Without it, they were not all passed. Entries are counted as
/// bytes, so that none which is no text hides those behind it.
fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let lines = headers.get_all(FORWARDED_FOR).iter();
    let entries: Vec<_> = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .collect();
    let entry = *entries.get(entries.len().checked_sub(proxies)?)?;
    let entry = str::from_utf8(entry).ok()?.trim();
    let with_port = || entry.parse().map(|address: SocketAddr| address.ip());
    entry.parse().or_else(|_| with_port()).ok()
}

/// A customer has a whole /64 of IPv6, and may send each request from another address of it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::ConnectInfo;
    use http::HeaderValue;

    use super::*;

    fn key(proxies: usize, peer: &str, lines: &[&[u8]]) -> String {
        let mut request = Request::new(());
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        request.extensions_mut().insert(ConnectInfo(peer));
        for line in lines {
            let line = HeaderValue::from_bytes(line).unwrap();
            request.headers_mut().append(FORWARDED_FOR, line);
        }
        let key = ByAddress.extract(&behind(proxies, request)).ok();
        key.unwrap().to_string()
    }

    #[test]
    fn without_a_proxy_nobody_is_believed() {
        assert_eq!(key(0, "192.0.2.1", &[b"198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn only_what_the_own_proxies_have_added_counts() {
        for lines in [
            &[&b"198.51.100.7"[..]][..],
            &[b"203.0.113.1, 198.51.100.7"],
            &[b"203.0.113.1", b"198.51.100.7"],
            &[b"nonsense,198.51.100.7:51234"],
            &[b"\xff, 198.51.100.7"],
            &[b"\xff", b"198.51.100.7"],
        ] {
            assert_eq!(key(1, "10.0.0.1", lines), "198.51.100.7", "{lines:?}");
        }
        let through_two = [&b"203.0.113.1, 198.51.100.7, 10.0.0.2"[..]];
        assert_eq!(key(2, "10.0.0.1", &through_two), "198.51.100.7");
    }

    #[test]
    fn who_has_not_come_through_the_proxies_is_who_asks() {
        for lines in [
            &[][..],
            &[&b"198.51.100.7"[..]],
            &[b"_hidden, 10.0.0.2"],
            &[b"198.51.100.7", b"\xff, 10.0.0.2"],
        ] {
            assert_eq!(key(2, "192.0.2.1", lines), "192.0.2.1", "{lines:?}");
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_and_a_mapped_address_is_that_of_ipv4() {
        assert_eq!(key(0, "2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::");
        assert_eq!(key(0, "::ffff:192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(
            key(1, "10.0.0.1", &[b"[2001:db8:1:2::9]:443"]),
            "2001:db8:1:2::"
        );
    }
}
