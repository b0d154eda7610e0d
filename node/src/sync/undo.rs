//! What this hub last wrote in an event, to be taken back.

use interhub_domain::document::{self, Reading};
use interhub_domain::event::Event;
use interhub_domain::ids::{DocumentKind, ObjectId};

use super::author::WriteError;
use super::ledger::{Ledger, LedgerError};

impl Ledger {
    /// What an event said before this hub last changed it, and right after; `None` if this hub only began it, or never wrote in
    /// it.
    pub fn last_own_edit(&self, object: ObjectId) -> Result<Option<(Event, Event)>, WriteError> {
        let (known, _) = self.load_object(object).map_err(LedgerError::from)?;
        let Some(snapshot) = known.snapshot else {
            return Ok(None);
        };
        let edit = document::last_edit(&snapshot, self.own_id(), DocumentKind::Event)?;
        Ok(match edit {
            Some((Reading::Event(before), Reading::Event(after))) => Some((*before, *after)),
            _ => None,
        })
    }
}
