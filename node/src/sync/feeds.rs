//! Calendars elsewhere that this hub follows: their rows, which never leave this node.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use interhub_domain::ids::ThingId;

use super::ledger::Ledger;
use crate::store::catalogue::feed::{FeedId, FeedItemKey, FeedItemRow, FeedKey, FeedRow};
use crate::store::catalogue::{self, prefix_end};
use crate::store::{Batch, Direction, Family, StoreError};

impl Ledger {
    /// Every calendar that is followed, in no meaningful order.
    pub fn feeds(&self) -> Result<Vec<(FeedId, FeedRow)>, StoreError> {
        let mut out = Vec::new();
        let visit = |FeedKey(id), row| {
            out.push((id, row));
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::Feed, &[], Direction::Forward, visit)?;
        Ok(out)
    }

    /// One of them.
    pub fn feed(&self, id: FeedId) -> Result<Option<FeedRow>, StoreError> {
        catalogue::get(&*self.store, &FeedKey(id))
    }

    /// Notes a calendar, or what is known of it now.
    pub fn put_feed(&self, id: FeedId, row: &FeedRow) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &FeedKey(id), row);
        self.commit(&batch)
    }

    /// Forgets a calendar and what is known of its events; the events stay.
    pub fn drop_feed(&self, id: FeedId) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::delete(&mut batch, &FeedKey(id));
        batch.delete_range(Family::FeedItem, id.0, prefix_end(&id.0));
        self.commit(&batch)
    }

    /// What is known of a calendar's events, by UID hash.
    pub fn feed_items(&self, id: FeedId) -> Result<Vec<(FeedItemKey, FeedItemRow)>, StoreError> {
        let mut out = Vec::new();
        let visit = |key: FeedItemKey, row| {
            out.push((key, row));
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::FeedItem, &id.0, Direction::Forward, visit)?;
        Ok(out)
    }

    /// What all other calendars know of, by event.
    pub fn things_of_other_feeds(&self, id: FeedId) -> Result<BTreeSet<ThingId>, StoreError> {
        let mut out = BTreeSet::new();
        let visit = |key: FeedItemKey, row: FeedItemRow| {
            if key.feed != id {
                out.insert(row.thing);
            }
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::FeedItem, &[], Direction::Forward, visit)?;
        Ok(out)
    }

    /// Changes what is known of a calendar's events: these are gone, these are so now.
    pub fn put_feed_items(
        &self,
        dropped: &[FeedItemKey],
        put: &[(FeedItemKey, FeedItemRow)],
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        for key in dropped {
            catalogue::delete(&mut batch, key);
        }
        for (key, row) in put {
            catalogue::put(&mut batch, key, row);
        }
        self.commit(&batch)
    }
}
