//! Hiding another hub's event on this hub's own pages, lists, feeds and search, with a reason on record.

use interhub_domain::ids::ThingId;

use super::event::{no_event, parse_thing};
use super::{Class, CommandError, Commands, ShownEvent};
use crate::store::catalogue::event::HiddenRow;

/// Longest reason, in characters: a paragraph.
const MAX_REASON_CHARS: usize = 1_000;
/// Most events hidden at once: a node looks through all of them for every list. Whoever hides more wants another hub gone.
const MAX_HIDDEN: usize = 10_000;

/// One event that is hidden here.
#[derive(Debug, Clone, PartialEq)]
pub struct HiddenEvent {
    /// Which.
    pub thing: ThingId,
    /// What it says; `None` while there is no such event.
    pub event: Option<ShownEvent>,
    /// Why, when, who.
    pub note: HiddenRow,
}

impl Commands {
    /// Hides another hub's event here. Hiding again replaces the reason.
    pub async fn hide_event(&self, id: String, reason: String, by: String) -> Result<ShownEvent, CommandError> {
        self.blocking("event hide", move |this| {
            let reason = check_reason(&reason)?;
            if reason.is_empty() {
                return Err(CommandError::usage("say why: --reason TEXT; it stays on record here"));
            }
            let thing = this.event_of_another_hub(&id)?;
            let known = this.ledger.hidden(thing)?.is_some_and(|row| row.hidden);
            if !known && this.views.hidden()?.len() >= MAX_HIDDEN {
                return Err(CommandError::new(
                    Class::Precondition,
                    format!("{MAX_HIDDEN} events are hidden already; show some again with `interhub event unhide ID`"),
                ));
            }
            this.set_hidden(thing, true, reason, by)
        })
        .await
    }

    /// Shows it again. One that is not hidden stays as it is.
    pub async fn unhide_event(&self, id: String, reason: String, by: String) -> Result<ShownEvent, CommandError> {
        self.blocking("event unhide", move |this| {
            let reason = check_reason(&reason)?;
            let thing = this.event_of_another_hub(&id)?;
            if this.ledger.hidden(thing)?.is_none_or(|row| !row.hidden) {
                return this.show_thing(thing);
            }
            this.set_hidden(thing, false, reason, by)
        })
        .await
    }

    /// What is hidden here, the newest first; at most [`MAX_HIDDEN`].
    pub async fn hidden_events(&self) -> Result<Vec<HiddenEvent>, CommandError> {
        self.blocking("event list", |this| {
            let hubs = this.views.hubs()?;
            let mut out = Vec::new();
            for thing in this.views.hidden()?.iter() {
                let Some(note) = this.ledger.hidden(*thing)? else {
                    continue;
                };
                let event = match this.views.event(*thing)? {
                    Some(row) => Some(this.shown_whole(row, &hubs)?),
                    None => None,
                };
                out.push(HiddenEvent {
                    thing: *thing,
                    event,
                    note,
                });
            }
            out.sort_by_key(|hidden| (std::cmp::Reverse(hidden.note.at_ms), hidden.thing));
            Ok(out)
        })
        .await
    }

    fn set_hidden(&self, thing: ThingId, hidden: bool, reason: String, by: String) -> Result<ShownEvent, CommandError> {
        let row = HiddenRow {
            hidden,
            reason,
            at_ms: self.clock.now_ms(),
            by,
        };
        self.ledger.set_hidden(thing, &row)?;
        self.show_thing(thing)
    }

    fn event_of_another_hub(&self, id: &str) -> Result<ThingId, CommandError> {
        let thing = parse_thing(id)?;
        let row = self.views.event(thing)?.ok_or_else(|| no_event(id))?;
        if row.hub == self.ledger.own_id() {
            return Err(CommandError::refused(format!(
                "this is this hub's own event; `interhub event cancel {thing}` strikes it out, \
                 `interhub event erase {thing}` removes it everywhere"
            )));
        }
        Ok(thing)
    }
}

fn check_reason(reason: &str) -> Result<String, CommandError> {
    let reason = reason.trim();
    let length = reason.chars().count();
    if length > MAX_REASON_CHARS {
        return Err(CommandError::usage(format!(
            "the reason has {length} characters; at most {MAX_REASON_CHARS} are kept"
        )));
    }
    if reason.chars().any(char::is_control) {
        return Err(CommandError::usage("the reason is one line without control characters"));
    }
    Ok(reason.to_owned())
}
