//! What waits for something in its document, in the store.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use interhub_domain::ids::{HeaderHash, ObjectId};
use interhub_domain::object::{HeldBody, WaitFor, WaitingRoom};

use super::ledger::Ledger;
use crate::store::catalogue::object::{WaitKey, WaitRow};
use crate::store::{Batch, Direction, Family, StoreError, catalogue};

/// The waiting room of one object over the store, with what this batch adds and takes.
pub(super) struct StoreRoom<'a> {
    ledger: &'a Ledger,
    object: ObjectId,
    parked: BTreeMap<(WaitFor, HeaderHash), HeldBody>,
    taken: Vec<WaitKey>,
}

impl<'a> StoreRoom<'a> {
    pub(super) fn new(ledger: &'a Ledger, object: ObjectId) -> Self {
        Self {
            ledger,
            object,
            parked: BTreeMap::new(),
            taken: Vec::new(),
        }
    }

    /// With everything that waited thrown out: for a recount.
    pub(super) fn emptied(ledger: &'a Ledger, object: ObjectId) -> Result<Self, StoreError> {
        let mut room = Self::new(ledger, object);
        room.take_out(&object.0)?;
        Ok(room)
    }

    fn take_out(&mut self, prefix: &[u8]) -> Result<Vec<(WaitKey, WaitRow)>, StoreError> {
        let mut found = Vec::new();
        catalogue::scan_prefix(
            &*self.ledger.store,
            Family::Waiting,
            prefix,
            Direction::Forward,
            |key, row| {
                found.push((key, row));
                ControlFlow::Continue(())
            },
        )?;
        found.retain(|(key, _)| !self.taken.contains(key));
        self.taken.extend(found.iter().map(|(key, _)| *key));
        Ok(found)
    }

    fn bodies(&mut self, prefix: &[u8]) -> Result<Vec<HeldBody>, StoreError> {
        let mut out = Vec::new();
        for (key, row) in self.take_out(prefix)? {
            if let Some(envelope) = self.ledger.envelope(key.hash)? {
                out.extend(self.ledger.held_body(&envelope, row.nth));
            }
        }
        Ok(out)
    }

    pub(super) fn write(self, batch: &mut Batch) {
        for key in &self.taken {
            catalogue::delete(batch, key);
        }
        for ((what, hash), body) in self.parked {
            catalogue::put(
                batch,
                &WaitKey {
                    object: self.object,
                    what,
                    hash,
                },
                &WaitRow { nth: body.nth },
            );
        }
    }
}

impl WaitingRoom for StoreRoom<'_> {
    type Error = StoreError;

    fn park(&mut self, what: WaitFor, body: &HeldBody) -> Result<(), StoreError> {
        self.parked.insert((what, body.hash), body.clone());
        Ok(())
    }

    fn wake(&mut self, what: WaitFor) -> Result<Vec<HeldBody>, StoreError> {
        let mut out = self.bodies(&WaitKey::prefix(self.object, what))?;
        let here: Vec<_> = self
            .parked
            .keys()
            .filter(|(parked, _)| *parked == what)
            .copied()
            .collect();
        out.extend(here.into_iter().filter_map(|key| self.parked.remove(&key)));
        Ok(out)
    }
}
