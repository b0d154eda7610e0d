//! Members who moved on are not kept for ever.

use interhub_domain::member::Status;

use crate::command::{CommandError, Commands};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

impl Commands {
    /// Erases the records of members who moved on and of whom nothing has changed for so many days; zero: of nobody. Returns how
    /// many. While nobody knows what was erased since this folder was copied, none is.
    pub async fn erase_who_moved_on(&self, days: u32) -> Result<usize, CommandError> {
        if days == 0 || self.ledger.is_restoring() {
            return Ok(0);
        }
        self.blocking("members who moved on", move |this| {
            let before_ms = this.clock.now_ms().saturating_sub(i64::from(days) * DAY_MS);
            let (own, mut due) = (this.ledger.own_id(), Vec::new());
            this.views.each_member(&mut |row| {
                let moved_on = row.member.status == Status::MovedOn && row.member.updated_ms <= before_ms;
                if row.hub == own && row.is_record() && moved_on {
                    due.push(row.thing);
                }
            })?;
            let mut erased = 0;
            for thing in due {
                let _alone = this.ledger.editing_members.lock();
                // Somebody may have come back meanwhile.
                let still = this
                    .record(thing)
                    .is_ok_and(|row| row.member.status == Status::MovedOn && row.member.updated_ms <= before_ms);
                if still {
                    this.erase_record(thing)?;
                    erased += 1;
                }
            }
            Ok(erased)
        })
        .await
    }
}
