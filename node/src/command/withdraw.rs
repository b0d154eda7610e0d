//! Taking back what an event said in a field, at every hub.

use interhub_domain::document::patch;

use super::{CommandError, Commands, ShownEvent};
use crate::sync::Write;

impl Commands {
    /// Empties fields of an own event for good: every hub deletes what the event said before, in these fields and in all
    /// others. What the others say now stays.
    pub async fn withdraw_fields(&self, id: String, fields: Vec<String>) -> Result<ShownEvent, CommandError> {
        self.blocking("event withdraw", move |this| {
            if fields.is_empty() {
                return Err(CommandError::usage("name the fields to take back, like description"));
            }
            if let Some(field) = fields.iter().find(|field| !patch::can_be_withdrawn(field)) {
                return Err(CommandError::usage(format!(
                    "{field:.80?} is no field that an event can do without; such are summary, description, location, at, url, \
                     online_url, image_url, tags, features, capacity, language, and translations/LANG/title or summary"
                )));
            }
            let row = this.hosted_event(&id)?;
            if row.hub != this.ledger.own_id() {
                let slug = this.slug_of(row.hub)?;
                return Err(CommandError::refused(format!(
                    "this event belongs to {slug}; only its own hub takes back what it said"
                )));
            }
            let object = row.object;
            this.ledger.write(vec![Write::WithdrawFields { object, fields }])?;
            this.show_thing(row.thing)
        })
        .await
    }
}
