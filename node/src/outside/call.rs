//! One call: within limits of size and time, and never inside the hub's own network unless that is allowed.
//!
//! Names are resolved here and only public addresses are handed on, at the moment of the call: a name that changes its mind
//! between a check and the call gains nothing. Redirects are followed by hand, each checked like the first address. No proxy,
//! no cookies, no referrer. An error never repeats the address, which may hold a secret.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use rustls::{ClientConfig, RootCertStore};

use super::guard::is_public;

/// Redirects that are followed.
pub const MAX_REDIRECTS: usize = 5;
/// Longest validator kept, in bytes.
const MAX_VALIDATOR: usize = 500;
/// Longest time a server may ask to be left alone.
const MAX_PAUSE: Duration = Duration::from_hours(24);

/// Longest times of a call.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Until a server is reached.
    pub connect: Duration,
    /// In which a server sends nothing.
    pub silence: Duration,
    /// From beginning to end, redirects included.
    pub whole: Duration,
}

/// Why a call came to nothing. One line; what to do about it depends on what it was for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Inside the hub's network.
    #[error("the address leads to a private network, which this node does not call")]
    Private,
    /// No such name, nobody there.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// Which server.
        host: String,
        /// The network's words.
        reason: String,
    },
    /// Too slow.
    #[error("{host} did not answer in time")]
    Timeout {
        /// Which server.
        host: String,
    },
    /// Any other answer than what was asked for.
    #[error("{host} answers HTTP {status}")]
    Status {
        /// Which server.
        host: String,
        /// HTTP status.
        status: u16,
        /// How long it wants to be left alone (Retry-After), if it says so.
        pause: Option<Duration>,
    },
    /// Around in circles, or from https to http.
    #[error("{host} redirects {how}")]
    Redirects {
        /// Which server.
        host: String,
        /// What is wrong with it.
        how: &'static str,
    },
    /// Over the limit.
    #[error("the answer is too large")]
    TooLarge,
    /// The certificates of this machine.
    #[error("this machine knows no certificate authority, so that https cannot be used; install ca-certificates")]
    NoAuthorities,
    /// The library.
    #[error("calls cannot be set up: {0}")]
    Setup(String),
}

/// What a server said to be asked with next time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// HTTP ETag (RFC 9110 8.8.3), as sent.
    pub etag: String,
    /// HTTP Last-Modified, as sent.
    pub last_modified: String,
}

/// What came of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The same as last time.
    Unchanged,
    /// A whole body.
    New {
        /// Unpacked.
        bytes: Vec<u8>,
        /// For the next time.
        validators: Validators,
    },
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// HTTP Accept.
    pub accept: &'static str,
    /// Largest body in bytes, unpacked.
    pub max_bytes: usize,
    /// What is known of it.
    pub known: &'a Validators,
}

/// Makes calls. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    client: Client,
    private_networks: bool,
    has_authorities: bool,
    whole: Duration,
}

impl Caller {
    /// Makes one. `private_networks`: addresses inside the hub's own network are called too.
    pub fn new(private_networks: bool, times: Times) -> Result<Self, CallError> {
        let setup = |error: &dyn std::fmt::Display| CallError::Setup(error.to_string());
        let authorities = authorities();
        let has_authorities = !authorities.is_empty();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| setup(&error))?
            .with_root_certificates(authorities)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Names { private_networks }))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(times.connect)
            .read_timeout(times.silence)
            .timeout(times.whole)
            .user_agent(concat!("interhub/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| setup(&error))?;
        Ok(Self {
            client,
            private_networks,
            has_authorities,
            whole: times.whole,
        })
    }

    /// Downloads what lies at an address, unless it is what it was when it came with the validators that are known.
    pub async fn get(&self, mut url: Url, wanted: Wanted<'_>) -> Result<Fetched, CallError> {
        let whole = async {
            for _ in 0..=MAX_REDIRECTS {
                let host = self.host(&url)?;
                let request = self.client.get(url.clone()).headers(conditions(wanted));
                let response = request.send().await.map_err(|error| failed(&host, error))?;
                let status = response.status();
                if let Some(to) = moved_to(&response) {
                    url = next(&url, &host, to)?;
                    continue;
                }
                return match status {
                    StatusCode::OK => body(&host, response, wanted.max_bytes).await,
                    StatusCode::NOT_MODIFIED if *wanted.known != Validators::default() => Ok(Fetched::Unchanged),
                    _ => Err(refusal(host, &response)),
                };
            }
            Err(CallError::Redirects {
                host: self.host(&url)?,
                how: "more than five times",
            })
        };
        self.in_time(whole).await
    }

    /// Sends something, and succeeds with any 2xx. What is answered beside the status is not read; a redirect is not followed.
    pub async fn post(&self, url: Url, headers: HeaderMap, sent: Vec<u8>) -> Result<(), CallError> {
        let whole = async {
            let host = self.host(&url)?;
            let request = self.client.post(url).headers(headers).body(sent);
            let response = request.send().await.map_err(|error| failed(&host, error))?;
            if response.status().is_success() {
                Ok(())
            } else {
                Err(refusal(host, &response))
            }
        };
        self.in_time(whole).await
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        // Each request has its own time; this is for all of them together.
        match tokio::time::timeout(self.whole, call).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::Timeout {
                host: "the server".to_owned(),
            }),
        }
    }

    /// The server's name, if its address may be called as far as its name tells.
    fn host(&self, url: &Url) -> Result<String, CallError> {
        let host = url.host_str().unwrap_or_default();
        // Numbers are called without being resolved. A URL writes every form of them as one (RFC 6943, 3.1.1).
        let number: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        if number.is_some_and(|number| !self.private_networks && !is_public(number)) {
            return Err(CallError::Private);
        }
        if url.scheme() == "https" && !self.has_authorities {
            return Err(CallError::NoAuthorities);
        }
        Ok(host.to_owned())
    }
}

/// The certificate authorities of this machine: an operator adds an own one there.
fn authorities() -> RootCertStore {
    let mut store = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certificate authority of this machine cannot be read");
    }
    store.add_parsable_certificates(found.certs);
    store
}

/// Resolves names to the addresses that may be called.
struct Names {
    private_networks: bool,
}

/// All that a name stands for is inside.
#[derive(Debug, thiserror::Error)]
#[error("a private network")]
struct Inside;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let private_networks = self.private_networks;
        Box::pin(async move {
            let all: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let good: Vec<SocketAddr> = all
                .iter()
                .copied()
                .filter(|address| private_networks || is_public(address.ip()))
                .collect();
            if good.is_empty() && !all.is_empty() {
                return Err(Box::new(Inside) as Box<dyn Error + Send + Sync>);
            }
            let addresses: Addrs = Box::new(good.into_iter());
            Ok(addresses)
        })
    }
}

fn conditions(wanted: Wanted<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static(wanted.accept));
    for (name, value) in [
        (header::IF_NONE_MATCH, &wanted.known.etag),
        (header::IF_MODIFIED_SINCE, &wanted.known.last_modified),
    ] {
        if let Ok(value) = HeaderValue::from_str(value)
            && !value.is_empty()
        {
            headers.insert(name, value);
        }
    }
    headers
}

fn moved_to(response: &Response) -> Option<&str> {
    let moved = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let to = response.headers().get(header::LOCATION)?;
    to.to_str().ok().filter(|_| moved)
}

fn next(url: &Url, host: &str, to: &str) -> Result<Url, CallError> {
    let wrong = |how| CallError::Redirects {
        host: host.to_owned(),
        how,
    };
    let mut target = url.join(to).map_err(|_| wrong("to something that is no address"))?;
    if !matches!(target.scheme(), "http" | "https") {
        return Err(wrong("to something that is not on the web"));
    }
    if url.scheme() == "https" && target.scheme() == "http" {
        return Err(wrong("from an encrypted address to one that is not"));
    }
    // A name and password for one server are not told to another one.
    if target.host() != url.host() || target.port_or_known_default() != url.port_or_known_default() {
        let _ = target.set_username("");
        let _ = target.set_password(None);
    }
    Ok(target)
}

async fn body(host: &str, mut response: Response, max_bytes: usize) -> Result<Fetched, CallError> {
    let text = |name| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value
            .filter(|value| value.len() <= MAX_VALIDATOR)
            .unwrap_or_default()
            .to_owned()
    };
    let validators = Validators {
        etag: text(header::ETAG),
        last_modified: text(header::LAST_MODIFIED),
    };
    if response
        .content_length()
        .is_some_and(|length| length > max_bytes as u64)
    {
        return Err(CallError::TooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(host, error))? {
        if bytes.len() + chunk.len() > max_bytes {
            return Err(CallError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Fetched::New { bytes, validators })
}

fn refusal(host: String, response: &Response) -> CallError {
    CallError::Status {
        host,
        status: response.status().as_u16(),
        pause: pause_of(response),
    }
}

/// Retry-After (RFC 9110 10.2.3): seconds, or a date, which is meant by the clock of the server that says it.
fn pause_of(response: &Response) -> Option<Duration> {
    let text = |name| Some(response.headers().get(name)?.to_str().ok()?.trim());
    let after = text(header::RETRY_AFTER)?;
    let seconds = if let Ok(seconds) = after.parse::<u64>() {
        seconds
    } else {
        let date = |text: &str| rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
        let (until, now) = (date(after)?, date(text(header::DATE)?)?);
        u64::try_from(until.as_second().saturating_sub(now.as_second())).unwrap_or(0)
    };
    Some(Duration::from_secs(seconds).min(MAX_PAUSE))
}

fn failed(host: &str, error: reqwest::Error) -> CallError {
    let host = host.to_owned();
    let error = error.without_url();
    if error.is_timeout() {
        return CallError::Timeout { host };
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    let mut reason = String::new();
    while let Some(one) = cause {
        if one.is::<Inside>() {
            return CallError::Private;
        }
        reason = one.to_string();
        cause = one.source();
    }
    CallError::Unreachable { host, reason }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn nobody_is_led_from_an_encrypted_address_to_an_open_one() {
        let from = Url::parse("https://a.example/x").unwrap();
        for (to, good) in [
            ("http://a.example/x", false),
            ("ftp://a.example/x", false),
            ("https://[", false),
            ("https://b.example/x", true),
            ("/y", true),
        ] {
            assert_eq!(next(&from, "a.example", to).is_ok(), good, "{to}");
        }
    }

    #[test]
    fn a_server_says_in_two_ways_how_long_it_wants_to_be_left_alone() {
        let pause = |after: &str| {
            let response = http::Response::builder()
                .header("date", "Sun, 29 Nov 2026 12:00:00 GMT")
                .header("retry-after", after);
            pause_of(&Response::from(response.body("").unwrap()))
        };
        assert_eq!(pause("120"), Some(Duration::from_mins(2)));
        assert_eq!(pause("Sun, 29 Nov 2026 12:10:00 GMT"), Some(Duration::from_mins(10)));
        assert_eq!(pause("Sun, 29 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(pause("Sun, 29 Nov 2099 11:00:00 GMT"), Some(MAX_PAUSE));
        assert_eq!(pause("99999999999"), Some(MAX_PAUSE));
        assert_eq!(pause("soon"), None);
    }
}
