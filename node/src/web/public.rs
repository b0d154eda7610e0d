//! The directory over the projections: public events only, whatever is asked.

use std::sync::Arc;

use interhub_domain::event::Occurrence;
use interhub_domain::ids::{HubId, ThingId};
use interhub_domain::query::EventQuery;

use super::{Directory, DirectoryError};
use crate::projection::facets::Facets;
use crate::projection::places::Places;
use crate::projection::read::{Feed, QueryError, Views};
use crate::projection::{EventRow, HubRow, Page};
use crate::store::catalogue::picture::{PictureKey, Thumbnail};

/// How fresh a hub's data is, Unix milliseconds.
type Freshness = Box<dyn Fn(HubId) -> Option<i64> + Send + Sync>;

/// The views, as the public may see them.
pub struct PublicDirectory {
    views: Arc<Views>,
    freshness: Freshness,
}

impl PublicDirectory {
    /// Over these views.
    pub fn new(views: Arc<Views>, freshness: Freshness) -> Self {
        Self { views, freshness }
    }
}

impl From<QueryError> for DirectoryError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Invalid(error) => Self::Query(error),
            QueryError::Store(_) | QueryError::Search(_) => Self::Failed(error.to_string()),
        }
    }
}

fn public(query: &EventQuery) -> EventQuery {
    EventQuery {
        network: false,
        drafts: false,
        ..query.clone()
    }
}

impl Directory for PublicDirectory {
    fn list(&self, query: &EventQuery, now_ms: i64) -> Result<Page, DirectoryError> {
        Ok(self.views.list(&public(query), now_ms)?)
    }

    fn event(&self, thing: ThingId) -> Result<Option<Arc<EventRow>>, DirectoryError> {
        Ok(self.views.public_event(thing)?)
    }

    fn hubs(&self) -> Result<Vec<HubRow>, DirectoryError> {
        let mut hubs = self.views.hubs()?;
        for hub in &mut hubs {
            hub.as_of_ms = (self.freshness)(hub.id);
        }
        Ok(hubs)
    }

    fn feed(&self, query: &EventQuery, now_ms: i64) -> Result<Feed, DirectoryError> {
        Ok(self.views.feed(&public(query), now_ms)?)
    }

    fn news(&self, query: &EventQuery, now_ms: i64, most: usize) -> Result<Vec<Arc<EventRow>>, DirectoryError> {
        Ok(self.views.news(&public(query), now_ms, most)?)
    }

    fn occurrences(&self, thing: ThingId, from_ms: i64, limit: usize) -> Result<Vec<Occurrence>, DirectoryError> {
        if self.views.public_event(thing)?.is_none() {
            return Ok(Vec::new());
        }
        let listed = self.views.occurrences(thing, from_ms, i64::MAX, limit)?;
        Ok(listed.into_iter().map(|listed| listed.occurrence).collect())
    }

    fn facets(&self, query: &EventQuery, now_ms: i64) -> Result<Facets, DirectoryError> {
        Ok(self.views.facets(&public(query), now_ms)?)
    }

    fn places(&self, query: &EventQuery, now_ms: i64) -> Result<Places, DirectoryError> {
        Ok(self.views.places(&public(query), now_ms)?)
    }

    fn picture(&self, key: PictureKey) -> Result<Option<Thumbnail>, DirectoryError> {
        Ok(self.views.picture(key)?)
    }

    fn version(&self) -> Result<u64, DirectoryError> {
        Ok(self.views.version()?)
    }
}
