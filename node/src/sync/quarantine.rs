//! What is held and of no effect: refused, void, or waiting for a week and longer. An index over the logs, kept in step with
//! the states, so that an operator can ask who wrote it, who brought it, and why it does not count.

use std::ops::ControlFlow;

use interhub_domain::ids::{HeaderHash, HubId, NetworkId};

use super::ledger::{Inner, Ledger, LedgerError};
use crate::store::catalogue::log::{LogKey, LogRow, Standing};
use crate::store::catalogue::quarantine::{QuarantineKey, Quarantined};
use crate::store::catalogue::{self, Key};
use crate::store::{Batch, Direction, Family, StoreError};

/// Rows of the index, or of the logs while it is made anew, read at a time.
const PAGE: usize = 1_000;
/// What waits is listed from then on: by now every hub that is not lost has been in touch with another. Milliseconds: 7 days.
const WAITS_LONG_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// One envelope that is held and of no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// Which.
    pub hash: HeaderHash,
    /// Who signed it.
    pub author: HubId,
    /// The peer that delivered it; `None` for what this node wrote itself, and where it is not known.
    pub peer: Option<HubId>,
    /// Refused, void or waiting.
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
    let was = before.is_some_and(Standing::is_held_back);
    match (was, row.standing.is_held_back()) {
        (false, true) => catalogue::put(batch, &index, &Quarantined),
        (true, false) => catalogue::delete(batch, &index),
        (false, false) | (true, true) => {}
    }
}

impl Ledger {
    /// What is held and of no effect, the newest receipt first, after the place where the page before ended.
    pub fn quarantine(&self, after: Option<&QuarantineKey>, limit: usize) -> Result<HeldBackPage, LedgerError> {
        let mut page = HeldBackPage::default();
        let Some(network) = self.network() else {
            return Ok(page);
        };
        let long_ago_ms = self.clock.now_ms().saturating_sub(WAITS_LONG_MS);
        let (mut to, mut last) = (after.map(Key::encode).unwrap_or_default(), None);
        loop {
            let keys = self.held_back_before(&to)?;
            let Some(lowest) = keys.last() else { return Ok(page) };
            to = lowest.encode();
            for key in keys {
                // What came to count in this moment is left out.
                let row: Option<LogRow> = catalogue::get(&*self.store, &key.position)?;
                let is_shown = |row: &LogRow| match row.standing {
                    Standing::Refused | Standing::Void => true,
                    Standing::Waiting => row.received.at_ms <= long_ago_ms,
                    Standing::Counted | Standing::Covered => false,
                };
                let Some(row) = row.filter(is_shown) else { continue };
                if page.items.len() == limit {
                    page.next = last;
                    return Ok(page);
                }
                page.items.push(self.held_back(network, &key, row)?);
                last = Some(key);
            }
        }
    }

    /// Some of the index below a place, the newest first; from its end if the place is empty.
    fn held_back_before(&self, to: &[u8]) -> Result<Vec<QuarantineKey>, StoreError> {
        let mut keys = Vec::new();
        let visit = |key: QuarantineKey, _: Quarantined| {
            keys.push(key);
            if keys.len() < PAGE {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        catalogue::scan_range(&*self.store, Family::Quarantine, &[], to, Direction::Backward, visit)?;
        Ok(keys)
    }

    fn held_back(&self, network: NetworkId, key: &QuarantineKey, row: LogRow) -> Result<HeldBack, LedgerError> {
        let envelope = self.assemble(network, &key.position, &row)?;
        let received = row.received;
        let from_a_peer = received.peer != HubId::ZERO && received.peer != self.own_id;
        Ok(HeldBack {
            hash: envelope.hash(),
            author: key.position.hub,
            peer: from_a_peer.then_some(received.peer),
            standing: row.standing,
            reason: row.reason,
            at_ms: (received.at_ms != 0).then_some(received.at_ms),
            bytes: envelope.wire_len() as u64,
        })
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
