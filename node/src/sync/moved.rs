//! Own events that were taken to another log and are not there.
//!
//! A new audience is a new document, and a tombstone for the old one. Tombstones travel first, and count wherever they lie. A
//! folder that is restored from a backup, or a machine that is rolled back, to before such a move gets the tombstone back from
//! others; the new document it gets back only if that had left the machine, and not if it was a draft. What the event said
//! here, until the tombstone came, is kept beside it. Once this hub and another one hold the same and no document of the event
//! is there, it goes on as a draft of this hub: nothing leaves that was not to be seen, and its operator decides again.

use interhub_domain::document::Reading;
use interhub_domain::event::Event;
use interhub_domain::ids::{DocumentKind, LogId, NetworkId, ObjectId, ThingId};

use super::author::WriteError;
use super::count::Outcome;
use super::ledger::{Inner, Ledger, LedgerError};
use crate::store::catalogue::event::ErasedUidKey;
use crate::store::catalogue::left_out::{LeftOutKey, LeftOutRow};
use crate::store::{Batch, catalogue};

impl Ledger {
    /// To be called when this hub and another one hold the same: own events that were taken to another log, and are in none,
    /// go on as drafts. Of all others nothing is kept any more.
    pub(super) fn bring_back(&self) -> Result<(), LedgerError> {
        let Some(network) = self.network() else { return Ok(()) };
        let mut inner = self.lock();
        let all = self.left_out_rows(|row| row.taken.is_some())?;
        if all.is_empty() {
            return Ok(());
        }
        for (LeftOutKey(object), mut row) in all {
            let Some(event) = row.taken.take() else { continue };
            // What is there, or erased for good, needs nothing.
            if self.documents_of(&inner, network, row.thing)?.is_empty() {
                self.go_on_as_a_draft(&mut inner, network, row.thing, event)?;
                // The draft says all of it.
                row.fields.clear();
            }
            self.forget_taken(&mut inner, object, &row)?;
        }
        drop(inner);
        self.make_durable()?;
        Ok(())
    }

    fn go_on_as_a_draft(
        &self,
        inner: &mut Inner,
        network: NetworkId,
        thing: ThingId,
        event: Event,
    ) -> Result<(), LedgerError> {
        let mut batch = Batch::new();
        // The tombstone had it look like one that was erased: an import may bring it up to date again.
        catalogue::delete(&mut batch, &ErasedUidKey::of(&event.uid));
        self.commit(&batch)?;
        let reading = Reading::Event(Box::new(event));
        let about = (DocumentKind::Event, thing);
        let written = self
            .prepare_creation(network, LogId::LOCAL, about, &reading, &[])
            .and_then(|draft| self.publish(inner, network, vec![draft]));
        match written {
            Ok(_) => tracing::warn!(
                thing = %thing.short(),
                "an own event was given another audience in a run whose data is lost, and goes on as a draft"
            ),
            Err(WriteError::Ledger(error)) => return Err(error),
            Err(error) => tracing::error!(thing = %thing.short(), %error, "an own event could not go on as a draft"),
        }
        Ok(())
    }

    /// Nothing of the erased document is kept any more but the edits it left behind.
    fn forget_taken(&self, inner: &mut Inner, object: ObjectId, row: &LeftOutRow) -> Result<(), LedgerError> {
        let mut batch = Batch::new();
        if row.fields.is_empty() && row.settled.is_empty() {
            catalogue::delete(&mut batch, &LeftOutKey(object));
        } else {
            catalogue::put(&mut batch, &LeftOutKey(object), row);
        }
        let mut outcome = Outcome::default();
        outcome.erased.push((object, row.thing));
        self.put_sum(inner, &mut batch, &mut outcome)?;
        self.commit(&batch)?;
        self.counted(inner, outcome)
    }
}
