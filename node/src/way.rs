//! How a request reached the web port: from where, and whether anybody could listen on the way. Tokens are taken only where
//! nobody can.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::HeaderMap;
use axum::http::request::Parts;

/// Who is at the other end of a connection: the reader, or the proxy before us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// How a request reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Who asks; behind a proxy, as the proxy says.
    pub from: IpAddr,
    /// Over HTTPS.
    pub https: bool,
    /// Nobody between the reader and us can listen.
    pub private: bool,
    /// Whether `from` tells one reader from another: a proxy that does not say who asks looks the same for all.
    pub known: bool,
    /// The connection comes from this machine, and no proxy stands before us.
    pub local: bool,
}

impl Way {
    /// The way of a request with these headers, and where its connection came from.
    pub fn of(peer: Option<PeerAddress>, headers: &HeaderMap, behind_proxy: bool) -> Self {
        // Without an address there is no connection either: that is how tests call.
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0);
        if !behind_proxy {
            return Self {
                from: peer,
                https: false,
                private: peer.to_canonical().is_loopback(),
                known: true,
                local: peer.to_canonical().is_loopback(),
            };
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // A proxy that does not say how it was reached is taken at the operator's word, who says it speaks HTTPS.
        let https = text("x-forwarded-proto").is_none_or(|proto| proto.trim().eq_ignore_ascii_case("https"));
        // The last entry is the proxy's own; those before it are the client's to invent.
        let last = text("x-forwarded-for").and_then(|list| list.rsplit(',').next());
        let said: Option<IpAddr> = last.and_then(|address| address.trim().parse().ok());
        Self {
            from: said.unwrap_or(peer),
            https,
            private: https,
            known: said.is_some(),
            local: false,
        }
    }

    /// The same, of a request taken apart.
    pub fn of_parts(parts: &Parts, behind_proxy: bool) -> Self {
        Self::of(parts.extensions.get().copied(), &parts.headers, behind_proxy)
    }

    /// What counts as one reader: an address, or an IPv6 network of 64 bits, which one house has to itself.
    pub fn reader(&self) -> IpAddr {
        match self.from.to_canonical() {
            IpAddr::V6(address) => {
                let mut segments = address.segments();
                segments[4..].fill(0);
                IpAddr::V6(segments.into())
            }
            v4 @ IpAddr::V4(_) => v4,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn way(peer: &str, headers: &HeaderMap, behind_proxy: bool) -> Way {
        Way::of(Some(PeerAddress(peer.parse().unwrap())), headers, behind_proxy)
    }

    #[test]
    fn the_way_is_what_the_proxy_says_only_where_there_is_one() {
        let forged = headers(&[("x-forwarded-proto", "https"), ("x-forwarded-for", "127.0.0.1")]);
        let there = way("192.0.2.1", &forged, false);
        assert_eq!(
            (there.from.to_string().as_str(), there.https, there.private),
            ("192.0.2.1", false, false)
        );
        assert!(way("127.0.0.1", &forged, false).private);
        assert!(way("::1", &HeaderMap::new(), false).private);
        assert!(way("::ffff:127.0.0.1", &HeaderMap::new(), false).private);
        let said = headers(&[
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "198.51.100.9, 203.0.113.7"),
        ]);
        let behind = way("127.0.0.1", &said, true);
        assert_eq!(
            (behind.from.to_string().as_str(), behind.https, behind.private),
            ("203.0.113.7", true, true)
        );
        assert!(behind.known);
        let plain = headers(&[("x-forwarded-proto", "http")]);
        assert!(!way("127.0.0.1", &plain, true).private);
        let silent = way("10.0.0.2", &HeaderMap::new(), true);
        assert!(silent.private && !silent.known);
    }

    #[test]
    fn a_house_is_one_reader() {
        let reader = |address: &str| way(address, &HeaderMap::new(), false).reader().to_string();
        assert_eq!(reader("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_eq!(reader("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
