//! Taking back what this hub last wrote in an event.

use std::collections::BTreeSet;

use interhub_domain::document::patch;
use interhub_domain::event::Event;

use super::event::edit;
use super::{Class, CommandError, Commands, ShownEvent};
use crate::projection::EventRow;

/// One field that undoing changes, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The field, as `event conflicts` names it.
    pub field: String,
    /// What it says now.
    pub now: String,
    /// What it says afterwards.
    pub then: String,
}

impl Commands {
    /// What taking back this hub's last change to an event would do. Empty: there is nothing to take back.
    pub async fn undo_plan(&self, id: String) -> Result<(ShownEvent, Vec<Undone>), CommandError> {
        self.blocking("event undo", move |this| {
            let row = this.hosted_event(&id)?;
            let changes = match this.undone(&row)? {
                Some(then) => differences(&row.event, &then),
                None => Vec::new(),
            };
            Ok((this.show_thing(row.thing)?, changes))
        })
        .await
    }

    /// Takes back this hub's last change to an event. What other hubs changed since stays; doing it twice brings the change
    /// back.
    pub async fn undo_event(&self, id: String) -> Result<(ShownEvent, Vec<Undone>), CommandError> {
        self.blocking("event undo", move |this| {
            let row = this.hosted_event(&id)?;
            let nothing = || {
                CommandError::new(
                    Class::Precondition,
                    "there is nothing to undo: this hub has not changed this event, or its change has been replaced since",
                )
            };
            let mut then = this.undone(&row)?.ok_or_else(nothing)?;
            let changes = differences(&row.event, &then);
            if changes.is_empty() {
                return Err(nothing());
            }
            this.touch(&mut then, &row.event);
            this.ledger.write(vec![edit(&row, then)])?;
            Ok((this.show_thing(row.thing)?, changes))
        })
        .await
    }

    fn undone(&self, row: &EventRow) -> Result<Option<Event>, CommandError> {
        let last = self.ledger.last_own_edit(row.object)?;
        Ok(last.map(|(before, after)| patch::carry_over(&after, &before, &row.event, &BTreeSet::new())))
    }
}

fn differences(now: &Event, then: &Event) -> Vec<Undone> {
    let altered = patch::altered(now, then).into_iter();
    let undone = |(field, then): (String, String)| Undone {
        now: patch::text_of(now, &field),
        field,
        then,
    };
    altered.map(undone).collect()
}
