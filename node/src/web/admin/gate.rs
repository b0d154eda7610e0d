//! Who is let in, and what is checked before anything is done: the cookie, and that a form is ours.
//!
//! A form is taken when its proof is that of the browser's own sign-in, and when the browser does not say that another site
//! sent it (`Sec-Fetch-Site`, `Origin`: the OWASP cheat sheet on cross-site request forgery). Cookies are `HttpOnly` and
//! `SameSite=Lax`.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use interhub_domain::ids::HubId;

use crate::way::Way;

/// What the cookie's name begins with over plain HTTP on this machine. The hub's id follows: cookies do not know ports, and
/// several nodes may run on one machine.
const COOKIE: &str = "interhub-";
/// Its name over HTTPS: browsers take one of this name only from HTTPS, for the whole host and for no other.
const COOKIE_HTTPS: &str = "__Host-interhub";
/// Cookies of one request that are looked at.
const MAX_COOKIES: usize = 50;
/// Wrong tokens from one address within [`WINDOW_MS`], after which it waits.
const MAX_FAILURES: usize = 10;
/// For how long a wrong token is remembered.
const WINDOW_MS: i64 = 15 * 60_000;
/// Addresses of which failures are remembered. Those beyond may try: nobody guesses a token, and whoever attacks from
/// thousands of addresses should not be able to lock the operator out.
const MAX_ADDRESSES: usize = 4_096;

/// The same of a member's own page: an operator may have both open.
const MEMBER_COOKIE: &str = "interhub-me-";
const MEMBER_COOKIE_HTTPS: &str = "__Host-interhub-me";

/// The secret in the browser's cookie.
pub(super) fn cookie(headers: &HeaderMap, way: Way, hub: HubId) -> Option<String> {
    value_of(headers, &name(way, hub))
}

/// The secret in the cookie of a browser on a member's page.
pub(super) fn member_cookie(headers: &HeaderMap, way: Way, hub: HubId) -> Option<String> {
    value_of(headers, &member_name(way, hub))
}

fn value_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    pairs
        .take(MAX_COOKIES)
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned())
}

/// The header that gives the browser its cookie. It goes when the browser is closed; the node ends it earlier.
pub(super) fn set_cookie(secret: &str, way: Way, hub: HubId) -> String {
    header_of(&name(way, hub), secret, way)
}

/// The header that takes it away.
pub(super) fn drop_cookie(way: Way, hub: HubId) -> String {
    format!("{}; Max-Age=0", set_cookie("", way, hub))
}

/// The same for a member's page.
pub(super) fn set_member_cookie(secret: &str, way: Way, hub: HubId) -> String {
    header_of(&member_name(way, hub), secret, way)
}

/// The header that takes that one away.
pub(super) fn drop_member_cookie(way: Way, hub: HubId) -> String {
    format!("{}; Max-Age=0", set_member_cookie("", way, hub))
}

fn header_of(name: &str, secret: &str, way: Way) -> String {
    let secure = if way.https { "; Secure" } else { "" };
    format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}")
}

fn name(way: Way, hub: HubId) -> String {
    if way.https {
        COOKIE_HTTPS.to_owned()
    } else {
        format!("{COOKIE}{}", hub.short())
    }
}

fn member_name(way: Way, hub: HubId) -> String {
    if way.https {
        MEMBER_COOKIE_HTTPS.to_owned()
    } else {
        format!("{MEMBER_COOKIE}{}", hub.short())
    }
}

/// Whether the browser says that a page of another site sent this.
pub(super) fn is_foreign(headers: &HeaderMap, web_url: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return false };
    let authority = |url: &str| {
        url.split_once("://")
            .map(|(_, rest)| rest.trim_end_matches('/').to_ascii_lowercase())
    };
    let Some(origin) = authority(origin) else { return true };
    let host = text("host").map(str::to_ascii_lowercase);
    host.as_ref() != Some(&origin) && authority(web_url).as_ref() != Some(&origin)
}

/// Where to go after signing in: a page of the administration, and nowhere else.
pub(super) fn safe_next(next: &str) -> &str {
    let clean = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let ours = next == "/admin" || next.starts_with("/admin/") || next.starts_with("/admin?");
    if clean && ours && !next.contains("//") {
        next
    } else {
        "/admin"
    }
}

/// Counts wrong tokens by address, or something else that is not to be tried too often.
#[derive(Debug)]
pub(super) struct Failures {
    most: usize,
    times: Mutex<BTreeMap<IpAddr, VecDeque<i64>>>,
}

impl Default for Failures {
    fn default() -> Self {
        Self::at_most(MAX_FAILURES)
    }
}

impl Failures {
    /// So many from one address within [`WINDOW_MS`].
    pub(super) const fn at_most(most: usize) -> Self {
        Self {
            most,
            times: Mutex::new(BTreeMap::new()),
        }
    }

    /// How many seconds this reader has to wait before it may try again; 0: it may now.
    pub(super) fn wait_s(&self, reader: IpAddr, now_ms: i64) -> i64 {
        let mut all = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        for times in all.values_mut() {
            // A clock that was set back would make failures of the future last for ever.
            times.retain(|at| (now_ms - at).abs() < WINDOW_MS);
        }
        all.retain(|_, times| !times.is_empty());
        let first = match all.get(&reader) {
            Some(times) if times.len() >= self.most => times.front().copied(),
            _ => None,
        };
        first.map_or(0, |first| ((first + WINDOW_MS - now_ms) / 1_000).max(1))
    }

    /// Notes a wrong token.
    pub(super) fn note(&self, reader: IpAddr, now_ms: i64) {
        let mut all = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_ADDRESSES && !all.contains_key(&reader) {
            return;
        }
        let times = all.entry(reader).or_default();
        times.push_back(now_ms);
        if times.len() > self.most {
            times.pop_front();
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

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn cookies_are_found_among_others() {
        let way = Way {
            from: ip("::1"),
            https: false,
            private: true,
            known: true,
            local: true,
        };
        let (here, there) = (HubId([1; 16]), HubId([2; 16]));
        let sent = headers(&[
            ("cookie", "a=b; interhub-01010101=secret; interhub-02020202=theirs"),
            ("cookie", "interhub-01010101=other"),
        ]);
        assert_eq!(cookie(&sent, way, here).as_deref(), Some("secret"));
        assert_eq!(cookie(&sent, way, there).as_deref(), Some("theirs"));
        let https = Way { https: true, ..way };
        assert_eq!(
            cookie(&sent, https, here),
            None,
            "a cookie set over plain HTTP is none over HTTPS"
        );
        assert!(set_cookie("x", https, here).ends_with("Secure"));
        assert!(drop_cookie(way, here).contains("Max-Age=0"));
    }

    #[test]
    fn what_another_site_sends_is_known() {
        let web_url = "https://hub.example";
        for (foreign, sent) in [
            (false, headers(&[])),
            (false, headers(&[("sec-fetch-site", "same-origin"), ("origin", "null")])),
            (false, headers(&[("sec-fetch-site", "none")])),
            (true, headers(&[("sec-fetch-site", "cross-site")])),
            (true, headers(&[("sec-fetch-site", "same-site")])),
            (
                false,
                headers(&[("origin", "http://127.0.0.1:8400"), ("host", "127.0.0.1:8400")]),
            ),
            (
                false,
                headers(&[("origin", "https://HUB.example"), ("host", "127.0.0.1:8400")]),
            ),
            (
                true,
                headers(&[("origin", "https://evil.example"), ("host", "hub.example")]),
            ),
            (true, headers(&[("origin", "null"), ("host", "hub.example")])),
        ] {
            assert_eq!(is_foreign(&sent, web_url), foreign, "{sent:?}");
        }
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for next in ["/admin", "/admin/events/1?x=%20", "/admin?ui=de"] {
            assert_eq!(safe_next(next), next);
        }
        for next in [
            "",
            "//evil.example",
            "/admin//evil.example",
            "https://evil.example",
            "/adminx",
            "/admin/\r\nx",
            "/admin/\\evil",
        ] {
            assert_eq!(safe_next(next), "/admin");
        }
    }

    #[test]
    fn who_guesses_has_to_wait() {
        let failures = Failures::default();
        let (guesser, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        for n in 0..10 {
            assert_eq!(failures.wait_s(guesser, n), 0);
            failures.note(guesser, n);
        }
        assert_eq!(failures.wait_s(guesser, 1_000), 899);
        assert_eq!(failures.wait_s(other, 1_000), 0);
        assert_eq!(failures.wait_s(guesser, WINDOW_MS), 0);
        for n in 0..5_000_u32 {
            failures.note(IpAddr::V4(n.into()), 0);
        }
        assert!(failures.times.lock().unwrap().len() <= MAX_ADDRESSES);
        assert_eq!(failures.wait_s(ip("198.51.100.1"), 0), 0, "an attack from everywhere");
    }
}
