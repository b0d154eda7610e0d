//! What watchers are told, numbered; and the imported texts that stay at home.

use std::ops::ControlFlow;

use interhub_domain::ids::ThingId;

use super::ledger::Ledger;
use crate::store::catalogue::change::{ChangeKey, ChangeKind, ChangeRow};
use crate::store::catalogue::document::{OriginalKey, OriginalRow};
use crate::store::catalogue::{self, Key};
use crate::store::{Batch, Direction, Family, Store, StoreError};

/// Changes kept for watchers that come back; older ones are dropped as new ones come.
pub(crate) const CHANGES_KEPT: u64 = 100_000;

pub(super) fn next_change(store: &Store) -> Result<u64, StoreError> {
    let mut last = 0;
    let visit = |ChangeKey(number), _| {
        last = number;
        ControlFlow::Break(())
    };
    catalogue::scan_prefix(&**store, Family::Change, &[], Direction::Backward, visit)?;
    Ok(last + 1)
}

pub(super) fn put_change(batch: &mut Batch, number: u64, kind: ChangeKind, thing: ThingId, at_ms: i64) {
    catalogue::put(batch, &ChangeKey(number), &ChangeRow { kind, thing, at_ms });
    if let Some(old) = number.checked_sub(CHANGES_KEPT) {
        catalogue::delete(batch, &ChangeKey(old));
    }
}

impl Ledger {
    /// Changes after this number, oldest first, at most so many.
    pub fn changes_after(&self, number: u64, most: usize) -> Result<Vec<(u64, ChangeRow)>, StoreError> {
        let from = ChangeKey(number.saturating_add(1)).encode();
        let mut out = Vec::new();
        let visit = |key: ChangeKey, row| {
            out.push((key.0, row));
            if out.len() >= most {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        catalogue::scan_range(&*self.store, Family::Change, &from, &[], Direction::Forward, visit)?;
        Ok(out)
    }

    /// The number of the newest change.
    pub fn newest_change(&self) -> u64 {
        self.lock().next_change.saturating_sub(1)
    }

    /// Whether changes after this number are no longer kept.
    pub fn is_forgotten(&self, number: u64) -> bool {
        number.saturating_add(CHANGES_KEPT) < self.newest_change()
    }

    /// Keeps the text a thing was imported from. It never leaves this node.
    pub fn keep_original(&self, thing: ThingId, original: &OriginalRow) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &OriginalKey(thing), original);
        self.commit(&batch)
    }

    /// The text a thing was imported from.
    pub fn original(&self, thing: ThingId) -> Result<Option<OriginalRow>, StoreError> {
        catalogue::get(&*self.store, &OriginalKey(thing))
    }
}
