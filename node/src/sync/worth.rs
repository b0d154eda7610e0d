//! Which statements say nothing, kept in the state of each: it follows from the roster, and changes with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use interhub_domain::envelope::Envelope;
use interhub_domain::ids::{HeaderHash, LogId, NetworkId};
use interhub_domain::registry::{HeldStatement, Roster, Unheard};

use super::count::Outcome;
use super::ledger::{Inner, Ledger, LedgerError};
use crate::store::catalogue;
use crate::store::catalogue::log::{LogKey, LogRow, Standing};
use crate::store::{Batch, StoreError};

/// A roster that is computed and not in force yet.
pub(super) struct NextRoster {
    pub(super) roster: Arc<Roster>,
    /// The statements that say nothing with it.
    pub(super) unheard: BTreeMap<HeaderHash, Unheard>,
}

/// A statement whose row is in the batch that is being made, and not in the store yet.
pub(super) struct Staged {
    hash: HeaderHash,
    key: LogKey,
    row: LogRow,
}

impl Staged {
    /// What an envelope leaves to be said about it, if it is a statement that counted so far.
    pub(super) fn of(envelope: &Envelope, key: LogKey, row: &LogRow) -> Option<Self> {
        let is_heard = super::registry::is_in_its_place(&envelope.header) && row.standing == Standing::Counted;
        is_heard.then(|| Self {
            hash: envelope.hash(),
            key,
            row: row.clone(),
        })
    }
}

/// State and reason of a statement as they are stored and shown.
fn standing_of(unheard: Option<&Unheard>) -> (Standing, String) {
    let standing = match unheard {
        None => Standing::Counted,
        Some(why) if why.is_void() => Standing::Void,
        Some(Unheard::Waits) => Standing::Waiting,
        Some(_) => Standing::Refused,
    };
    (standing, unheard.map(Unheard::to_string).unwrap_or_default())
}

impl Ledger {
    /// Which statements say nothing with this roster: where that is news, their states go into the batch.
    pub(super) fn put_unheard(
        &self,
        inner: &Inner,
        batch: &mut Batch,
        roster: &Roster,
        outcome: &mut Outcome,
    ) -> Result<BTreeMap<HeaderHash, Unheard>, LedgerError> {
        let network = self.network().unwrap_or(NetworkId::ZERO);
        let unheard = roster.unheard(network, inner.statements.iter().chain(&outcome.statements));
        let moved = |hash: &&HeaderHash| inner.unheard.get(hash) != unheard.get(hash);
        let either: BTreeSet<&HeaderHash> = inner.unheard.keys().chain(unheard.keys()).filter(moved).collect();
        let mut staged: BTreeMap<HeaderHash, (LogKey, LogRow)> = BTreeMap::new();
        for Staged { hash, key, row } in std::mem::take(&mut outcome.staged) {
            staged.insert(hash, (key, row));
        }
        for hash in either {
            let found = match staged.remove(hash) {
                Some(found) => Some(found),
                None => self.row_of_hash(*hash)?,
            };
            // What lies beyond the end of a cut log has no row.
            if let Some((key, row)) = found {
                super::count::restate(batch, (&key, row), standing_of(unheard.get(hash)), outcome);
            }
        }
        Ok(unheard)
    }

    /// Brings the states of all statements in step with the roster that was read: an earlier version did not keep them.
    pub(super) fn load_unheard(&self, inner: &mut Inner) -> Result<(), LedgerError> {
        let network = self.network().unwrap_or(NetworkId::ZERO);
        inner.unheard = inner.roster.unheard(network, &inner.statements);
        let (mut batch, mut outcome) = (Batch::new(), Outcome::default());
        for statement in &inner.statements {
            let key = key_of(statement);
            // Beyond a fork another envelope has this place.
            let found = self.row_of_hash(statement.hash)?.filter(|(at, _)| *at == key);
            if let Some((key, row)) = found {
                let standing = standing_of(inner.unheard.get(&statement.hash));
                super::count::restate(&mut batch, (&key, row), standing, &mut outcome);
            }
        }
        self.put_sum(inner, &mut batch, &mut outcome)?;
        if !batch.is_empty() {
            self.commit(&batch)?;
        }
        self.counted(inner, outcome)
    }

    pub(super) fn row_of_hash(&self, hash: HeaderHash) -> Result<Option<(LogKey, LogRow)>, StoreError> {
        let Some(key) = catalogue::get(&*self.store, &catalogue::log::PositionKey(hash))? else {
            return Ok(None);
        };
        let row = catalogue::get(&*self.store, &key)?;
        Ok(row.map(|row| (key, row)))
    }
}

const fn key_of(statement: &HeldStatement) -> LogKey {
    LogKey {
        log: LogId::REGISTRY,
        hub: statement.hub,
        epoch: statement.epoch,
        seq: statement.seq,
    }
}
