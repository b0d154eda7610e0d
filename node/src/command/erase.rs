//! Erasing an own event, everywhere.

use interhub_domain::ids::ThingId;

use super::event::{no_event, parse_thing};
use super::{CommandError, Commands};
use crate::sync::Write;

/// What became of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasedEvent {
    /// The event.
    pub thing: ThingId,
    /// It was erased before; nothing was done.
    pub already: bool,
    /// Documents of it that were erased now: a public one, a draft.
    pub documents: usize,
}

impl Commands {
    /// Erases an event of this hub, at every hub and for good.
    pub async fn erase_event(&self, id: String) -> Result<ErasedEvent, CommandError> {
        self.blocking("event erase", move |this| {
            let thing = parse_thing(&id)?;
            let own = this.ledger.own_id();
            if let Some(row) = this.views.event(thing)?.filter(|row| row.hub != own) {
                let slug = this.slug_of(row.hub)?;
                return Err(CommandError::refused(format!(
                    "this event belongs to {slug}; only its own hub can erase it; \
                     `interhub event hide {thing} --reason TEXT` keeps it off this hub's pages"
                )));
            }
            let known = this.ledger.own_event_documents(thing)?;
            if known.is_empty() {
                return Err(no_event(&id));
            }
            let there = known.iter().filter(|(_, there)| *there);
            let writes: Vec<Write> = there.map(|(object, _)| Write::Erase { object: *object }).collect();
            let documents = writes.len();
            if documents > 0 {
                this.ledger.write(vec![Write::Together(writes)])?;
            }
            Ok(ErasedEvent {
                thing,
                already: documents == 0,
                documents,
            })
        })
        .await
    }
}
