//! Downloads a calendar: asked with what is known of it, within limits of size and time, and never from inside the hub's own
//! network unless its operator allows that.
//!
//! Names are resolved here and only public addresses are handed on, at the moment of the call: a name that changes its mind
//! between a check and the call gains nothing. Redirects are followed by hand, each checked like the first address. No proxy,
//! no cookies, no referrer. An error never repeats the address, which may hold a secret.

use std::error::Error;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use rustls::{ClientConfig, RootCertStore};

use super::guard::is_public;

/// Largest calendar in bytes, unpacked.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Redirects that are followed.
const MAX_REDIRECTS: usize = 5;
/// Longest times of a download.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// Until a server is reached.
    connect: Duration,
    /// In which a server sends nothing.
    silence: Duration,
    /// From beginning to end, redirects included.
    whole: Duration,
}

const TIMES: Times = Times {
    connect: Duration::from_secs(10),
    silence: Duration::from_secs(20),
    whole: Duration::from_mins(2),
};
/// Longest validator kept, in bytes.
const MAX_VALIDATOR: usize = 500;
/// Longest time a server may ask to be left alone.
const MAX_PAUSE: Duration = Duration::from_hours(24);

/// Why a calendar was not downloaded. One line that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Inside the hub's network.
    #[error(
        "the address leads to a private network, which this node does not call; if that is where the calendar is, set \
         feeds_from_private_networks = true in interhub.toml"
    )]
    Private,
    /// No such name, nobody there.
    #[error("{host} cannot be reached: {reason}; check the address, and that this machine is on the internet")]
    Unreachable {
        /// Which server.
        host: String,
        /// The network's words.
        reason: String,
    },
    /// Too slow.
    #[error("{host} did not send the calendar in time; try again later, or ask who runs it")]
    Timeout {
        /// Which server.
        host: String,
    },
    /// It asks for a password, or wants nothing to do with this.
    #[error("{host} refuses it (HTTP {status}); check the calendar's address, or its sharing settings")]
    Refused {
        /// Which server.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// Not there any more.
    #[error("{host} has no calendar there (HTTP {status}); look up its present address and subscribe to that")]
    Gone {
        /// Which server.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// It wants to be left alone for a while.
    #[error("{host} is too busy (HTTP {status}); try again later")]
    Busy {
        /// Which server.
        host: String,
        /// HTTP status.
        status: u16,
        /// How long.
        pause: Option<Duration>,
    },
    /// Any other answer.
    #[error("{host} answers HTTP {status} in place of a calendar; try again later, or ask who runs it")]
    Answer {
        /// Which server.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// Around in circles, or from https to http.
    #[error("{host} redirects {how}; look up the calendar's present address and subscribe to that")]
    Redirects {
        /// Which server.
        host: String,
        /// What is wrong with it.
        how: &'static str,
    },
    /// Over the limit.
    #[error("the calendar is larger than {} MiB; export a shorter time", MAX_BYTES / 1024 / 1024)]
    TooLarge,
    /// The file.
    #[error("the file cannot be read: {0}; check its path and its permissions")]
    File(String),
    /// The certificates of this machine.
    #[error("this machine knows no certificate authority, so that https cannot be used; install ca-certificates")]
    NoAuthorities,
    /// The library.
    #[error("downloads cannot be set up: {0}")]
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

/// A client for calendars. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    client: Client,
    private_networks: bool,
    has_authorities: bool,
    whole: Duration,
}

impl Fetcher {
    /// Makes one. `private_networks`: addresses inside the hub's own network are called too.
    pub fn new(private_networks: bool) -> Result<Self, FetchError> {
        Self::with_times(private_networks, TIMES)
    }

    fn with_times(private_networks: bool, times: Times) -> Result<Self, FetchError> {
        let setup = |error: &dyn std::fmt::Display| FetchError::Setup(error.to_string());
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

    /// Downloads a calendar, unless it is what it was when it came with these validators. `or_plain`: if https leads nowhere,
    /// http is tried.
    pub async fn fetch(&self, url: &Url, or_plain: bool, known: &Validators) -> Result<Fetched, FetchError> {
        let fetched = self.get(url.clone(), known).await;
        if !or_plain || !matches!(fetched, Err(FetchError::Unreachable { .. })) {
            return fetched;
        }
        let mut plain = url.clone();
        // The port of https, if none was given, becomes that of http with it.
        match plain.set_scheme("http") {
            Ok(()) => self.get(plain, known).await,
            Err(()) => fetched,
        }
    }

    async fn get(&self, mut url: Url, known: &Validators) -> Result<Fetched, FetchError> {
        let whole = async {
            for _ in 0..=MAX_REDIRECTS {
                let host = self.host(&url)?;
                let request = self.client.get(url.clone()).headers(conditions(known));
                let response = request.send().await.map_err(|error| failed(&host, error))?;
                let status = response.status();
                if let Some(to) = moved_to(&response) {
                    url = next(&url, &host, to)?;
                    continue;
                }
                return match status {
                    StatusCode::OK => body(&host, response).await,
                    StatusCode::NOT_MODIFIED if *known != Validators::default() => Ok(Fetched::Unchanged),
                    _ => Err(refusal(host, &response)),
                };
            }
            Err(FetchError::Redirects {
                host: self.host(&url)?,
                how: "more than five times",
            })
        };
        // Each call has its own time; this is for all of them together.
        match tokio::time::timeout(self.whole, whole).await {
            Ok(fetched) => fetched,
            Err(_) => Err(FetchError::Timeout {
                host: "the server".to_owned(),
            }),
        }
    }

    /// The server's name, if its address may be called as far as its name tells.
    fn host(&self, url: &Url) -> Result<String, FetchError> {
        let host = url.host_str().unwrap_or_default();
        // Numbers are called without being resolved. A URL writes every form of them as one (RFC 6943, 3.1.1).
        let number: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        if number.is_some_and(|number| !self.private_networks && !is_public(number)) {
            return Err(FetchError::Private);
        }
        if url.scheme() == "https" && !self.has_authorities {
            return Err(FetchError::NoAuthorities);
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

fn conditions(known: &Validators) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/calendar, */*;q=0.5"));
    for (name, value) in [
        (header::IF_NONE_MATCH, &known.etag),
        (header::IF_MODIFIED_SINCE, &known.last_modified),
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

fn next(url: &Url, host: &str, to: &str) -> Result<Url, FetchError> {
    let wrong = |how| FetchError::Redirects {
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

async fn body(host: &str, mut response: Response) -> Result<Fetched, FetchError> {
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
        .is_some_and(|length| length > MAX_BYTES as u64)
    {
        return Err(FetchError::TooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(host, error))? {
        if bytes.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Fetched::New { bytes, validators })
}

fn refusal(host: String, response: &Response) -> FetchError {
    let status = response.status().as_u16();
    match status {
        401 | 403 | 407 | 451 => FetchError::Refused { host, status },
        404 | 410 => FetchError::Gone { host, status },
        429 | 503 => FetchError::Busy {
            host,
            status,
            pause: pause_of(response),
        },
        _ => FetchError::Answer { host, status },
    }
}

/// Retry-After in seconds; the other form, a date, is left to the usual pauses.
fn pause_of(response: &Response) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: u64 = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_PAUSE))
}

fn failed(host: &str, error: reqwest::Error) -> FetchError {
    let host = host.to_owned();
    let error = error.without_url();
    if error.is_timeout() {
        return FetchError::Timeout { host };
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    let mut reason = String::new();
    while let Some(one) = cause {
        if one.is::<Inside>() {
            return FetchError::Private;
        }
        reason = one.to_string();
        cause = one.source();
    }
    FetchError::Unreachable { host, reason }
}

/// Reads a calendar from a file of this machine; its time and size are its validator. Blocks.
pub fn read_file(path: &Path, known: &Validators) -> Result<Fetched, FetchError> {
    let wrong = |error: std::io::Error| FetchError::File(error.to_string());
    let about = std::fs::metadata(path).map_err(wrong)?;
    if !about.is_file() {
        return Err(FetchError::File("it is not a file".to_owned()));
    }
    let changed = about.modified().map_err(wrong)?;
    let since = changed.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let etag = format!("{}-{}", since.as_nanos(), about.len());
    if etag == known.etag {
        return Ok(Fetched::Unchanged);
    }
    let file = std::fs::File::open(path).map_err(wrong)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() > MAX_BYTES {
        return Err(FetchError::TooLarge);
    }
    let validators = Validators {
        etag,
        last_modified: String::new(),
    };
    Ok(Fetched::New { bytes, validators })
}

#[cfg(test)]
mod tests;
