//! Downloads a calendar: asked with what is known of it, or read from a file of this machine.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use reqwest::Url;

use crate::outside::call::{CallError, Caller, Times, Wanted};
pub use crate::outside::call::{Fetched, Validators};

/// Largest calendar in bytes, unpacked.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Longest times of a download.
const TIMES: Times = Times {
    connect: Duration::from_secs(10),
    silence: Duration::from_secs(20),
    whole: Duration::from_mins(2),
};

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

impl From<CallError> for FetchError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Private => Self::Private,
            CallError::Unreachable { host, reason } => Self::Unreachable { host, reason },
            CallError::Timeout { host } => Self::Timeout { host },
            CallError::Status { host, status, pause } => match status {
                401 | 403 | 407 | 451 => Self::Refused { host, status },
                404 | 410 => Self::Gone { host, status },
                429 | 503 => Self::Busy { host, status, pause },
                _ => Self::Answer { host, status },
            },
            CallError::Redirects { host, how } => Self::Redirects { host, how },
            CallError::TooLarge => Self::TooLarge,
            CallError::NoAuthorities => Self::NoAuthorities,
            CallError::Setup(reason) => Self::Setup(reason),
        }
    }
}

/// A client for calendars. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher(Caller);

impl Fetcher {
    /// Makes one. `private_networks`: addresses inside the hub's own network are called too.
    pub fn new(private_networks: bool) -> Result<Self, FetchError> {
        Self::with_times(private_networks, TIMES)
    }

    fn with_times(private_networks: bool, times: Times) -> Result<Self, FetchError> {
        Ok(Self(Caller::new(private_networks, times)?))
    }

    /// Downloads a calendar, unless it is what it was when it came with these validators. `or_plain`: if https leads nowhere,
    /// http is tried.
    pub async fn fetch(&self, url: &Url, or_plain: bool, known: &Validators) -> Result<Fetched, FetchError> {
        let wanted = Wanted {
            accept: "text/calendar, */*;q=0.5",
            max_bytes: MAX_BYTES,
            known,
        };
        let fetched = self.0.get(url.clone(), wanted).await;
        if !or_plain || !matches!(fetched, Err(CallError::Unreachable { .. })) {
            return Ok(fetched?);
        }
        let mut plain = url.clone();
        // The port of https, if none was given, becomes that of http with it.
        match plain.set_scheme("http") {
            Ok(()) => Ok(self.0.get(plain, wanted).await?),
            Err(()) => Ok(fetched?),
        }
    }
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
