//! What the pages look up, and nothing more: the read side of the projections, as far as the public may see it.

use std::sync::Arc;

use interhub_domain::event::Occurrence;
use interhub_domain::ids::ThingId;
use interhub_domain::query::{EventQuery, QueryParseError};

use crate::projection::facets::Facets;
use crate::projection::places::Places;
use crate::projection::read::Feed;
use crate::projection::{EventRow, HubRow, Page};
use crate::store::catalogue::picture::{PictureKey, Thumbnail};

/// Why a look-up gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The query cannot be answered, for instance for a cursor that is none.
    #[error(transparent)]
    Query(#[from] QueryParseError),
    /// Storage failed; the message is for the log, not for readers.
    #[error("{0}")]
    Failed(String),
}

/// Where pages and feeds look things up. All calls block. Implementations return public events only, whatever the query says.
pub trait Directory: Send + Sync + 'static {
    /// Occurrences that match, ordered by start.
    fn list(&self, query: &EventQuery, now_ms: i64) -> Result<Page, DirectoryError>;

    /// One event; `None` if there is no public event of this id.
    fn event(&self, thing: ThingId) -> Result<Option<Arc<EventRow>>, DirectoryError>;

    /// All hubs.
    fn hubs(&self) -> Result<Vec<HubRow>, DirectoryError>;

    /// The events of which at least one occurrence matches, each once.
    fn feed(&self, query: &EventQuery, now_ms: i64) -> Result<Feed, DirectoryError>;

    /// Of those a feed would hold, were there room, the `most` that were changed last, newest first.
    fn news(&self, query: &EventQuery, now_ms: i64, most: usize) -> Result<Vec<Arc<EventRow>>, DirectoryError>;

    /// The first `limit` occurrences of an event that end after `from_ms`.
    fn occurrences(&self, thing: ThingId, from_ms: i64, limit: usize) -> Result<Vec<Occurrence>, DirectoryError>;

    /// How many events match, by what they can be narrowed by.
    fn facets(&self, query: &EventQuery, now_ms: i64) -> Result<Facets, DirectoryError>;

    /// Where the events take place that match.
    fn places(&self, query: &EventQuery, now_ms: i64) -> Result<Places, DirectoryError>;

    /// The small copy of a picture; `None` if this node has none.
    fn picture(&self, key: PictureKey) -> Result<Option<Thumbnail>, DirectoryError>;

    /// A number that differs whenever anything shown may differ, except for what only time changes.
    fn version(&self) -> Result<u64, DirectoryError>;
}
