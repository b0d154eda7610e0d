//! Hiding: what this hub's operator does not want on its own pages. Never sent, in no digest that hubs compare, and not
//! touched by a rebuild.

use interhub_domain::ids::ThingId;

use super::ledger::{Ledger, LedgerError, Notice};
use super::watch;
use crate::store::catalogue::change::ChangeKind;
use crate::store::catalogue::event::{HiddenKey, HiddenRow};
use crate::store::{Batch, StoreError, catalogue};

impl Ledger {
    /// The operator's last word on an event, if there ever was one.
    pub fn hidden(&self, thing: ThingId) -> Result<Option<HiddenRow>, StoreError> {
        catalogue::get(&*self.store, &HiddenKey(thing))
    }

    /// Keeps the operator's word on an event, durably; views follow it at once.
    pub fn set_hidden(&self, thing: ThingId, row: &HiddenRow) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &HiddenKey(thing), row);
        let kind = if row.hidden {
            ChangeKind::EventRemoved
        } else {
            ChangeKind::EventAdded
        };
        watch::put_change(&mut batch, inner.next_change, kind, thing, row.at_ms);
        self.projector.something_changed(&mut batch);
        self.commit(&batch)?;
        inner.next_change += 1;
        drop(inner);
        self.make_durable()?;
        self.notify(Notice::Changed);
        Ok(())
    }
}
