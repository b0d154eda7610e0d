//! What is held and of no effect: refused, or void. An index over the logs, kept in step with the states, so that an
//! operator can ask who wrote it, who brought it, and why it does not count.

use std::ops::ControlFlow;

use interhub_domain::ids::{HeaderHash, HubId};

use super::ledger::{Inner, Ledger, LedgerError};
use crate::store::catalogue::log::{LogKey, LogRow, Standing};
use crate::store::catalogue::quarantine::{QuarantineKey, Quarantined};
use crate::store::catalogue::{self, Key};
use crate::store::{Batch, Direction, Family, StoreError};

/// Log rows read at a time while the index is made anew.
const PAGE: usize = 1_000;

/// One envelope that is held and of no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// Which.
    pub hash: HeaderHash,
    /// Who signed it.
    pub author: HubId,
    /// The peer that delivered it; `None` for what this node wrote itself, and where it is not known.
    pub peer: Option<HubId>,
    /// Refused or void.
    pub standing: Standing,
    /// Why.
    pub reason: String,
    /// When this node took it, Unix milliseconds; `None` where it is not known.
    pub at_ms: Option<i64>,
    /// Its length as it travels.
    pub bytes: u64,
}

/// Some of them, and where to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldBackPage {
    /// The newest first.
    pub items: Vec<HeldBack>,
    /// Where the next page begins, if there is more.
    pub next: Option<QuarantineKey>,
}

/// Keeps the index in step with the row of one envelope, in the batch that writes the row.
pub(super) fn note(batch: &mut Batch, key: &LogKey, before: Option<Standing>, row: &LogRow) {
    let index = QuarantineKey {
        at_ms: u64::try_from(row.received.at_ms).unwrap_or(0),
        position: *key,
    };
    let was = before.is_some_and(Standing::is_quarantined);
    match (was, row.standing.is_quarantined()) {
        (false, true) => catalogue::put(batch, &index, &Quarantined),
        (true, false) => catalogue::delete(batch, &index),
        (false, false) | (true, true) => {}
    }
}

impl Ledger {
    /// What is held and of no effect, the newest receipt first, after the place where the page before ended.
    pub fn quarantine(&self, after: Option<&QuarantineKey>, limit: usize) -> Result<HeldBackPage, LedgerError> {
        let Some(network) = self.network() else {
            return Ok(HeldBackPage::default());
        };
        let to = after.map(Key::encode).unwrap_or_default();
        let mut found: Vec<QuarantineKey> = Vec::new();
        let visit = |key: QuarantineKey, _: Quarantined| {
            found.push(key);
            if found.len() > limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        catalogue::scan_range(&*self.store, Family::Quarantine, &[], &to, Direction::Backward, visit)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().copied().filter(|_| more);
        let mut items = Vec::with_capacity(found.len());
        for QuarantineKey { position, .. } in found {
            // What came to count in this moment is left out.
            let row: Option<LogRow> = catalogue::get(&*self.store, &position)?;
            let Some(row) = row.filter(|row| row.standing.is_quarantined()) else {
                continue;
            };
            let envelope = self.assemble(network, &position, &row)?;
            let received = row.received;
            let from_a_peer = received.peer != HubId::ZERO && received.peer != self.own_id;
            items.push(HeldBack {
                hash: envelope.hash(),
                author: position.hub,
                peer: from_a_peer.then_some(received.peer),
                standing: row.standing,
                reason: row.reason,
                at_ms: (received.at_ms != 0).then_some(received.at_ms),
                bytes: envelope.wire_len() as u64,
            });
        }
        Ok(HeldBackPage { items, next })
    }

    /// Makes the index anew from the logs, and with it the totals that are counted there: the end of a rebuild, when
    /// every state is settled. The index is empty when this begins.
    pub(super) fn rebuild_quarantine(&self, inner: &mut Inner) -> Result<(), LedgerError> {
        let mut batch = Batch::new();
        let totals = &mut inner.totals;
        catalogue::scan_paged(&*self.store, Family::Log, PAGE, |key: LogKey, row: LogRow| {
            match row.standing {
                Standing::Waiting => totals.waiting += 1,
                Standing::Refused => totals.refused += 1,
                Standing::Void => totals.void += 1,
                Standing::Counted | Standing::Covered => {}
            }
            note(&mut batch, &key, None, &row);
            if batch.changes().len() >= PAGE {
                self.commit(&std::mem::replace(&mut batch, Batch::new()))?;
            }
            Ok::<(), StoreError>(())
        })?;
        Ok(self.commit(&batch)?)
    }
}
