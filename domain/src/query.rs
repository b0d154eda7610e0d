//! What people ask of the events directory: one filter for pages, feeds, gRPC and the command line.

use crate::profile::Point;

/// A filter over the occurrences of the whole network. Absent fields do not restrict.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventQuery {
    /// Only occurrences that end after this, Unix milliseconds. Absent: now, as the caller fills in.
    pub from_ms: Option<i64>,
    /// Only occurrences that start before this, Unix milliseconds.
    pub to_ms: Option<i64>,
    /// Slug of the hub.
    pub hub: Option<String>,
    /// A tag, compared without case.
    pub tag: Option<String>,
    /// Words to find in title, summary, description, place and tags; at most 200 characters.
    pub text: Option<String>,
    /// Only near this place; see `within_km`.
    pub near: Option<Point>,
    /// Radius around `near` in km, above 0 and at most 20,000; 25 if absent.
    pub within_km: Option<f64>,
    /// BCP 47 language; `de` also finds `de-AT`.
    pub language: Option<String>,
    /// Only events that can be joined online.
    pub online: bool,
    /// Also the hub's own drafts (never on public pages).
    pub drafts: bool,
    /// At most so many occurrences, 1 to 1,000; 100 if absent.
    pub limit: Option<usize>,
    /// Where the last page ended.
    pub cursor: Option<String>,
}
