//! Writing to members: the invitation to their page, and from time to time whether what it says is still true.

use std::sync::Arc;

use interhub_domain::ids::ThingId;
use interhub_domain::member::Status;

use super::letter::Occasion;
use super::mail_failed;
use crate::command::event::parse_thing;
use crate::command::{Class, CommandError, Commands};
use crate::outside::mail::MailError;
use crate::projection::members::MemberRow;
use crate::store::catalogue::own_page::{LinkKind, MemberContactRow};

/// Life of a link in a letter that nobody asked for, seconds: a month, because it is not read at once.
const LIFE_S: u64 = 30 * 86_400;
/// Most letters of one round of [`Commands::ask_members`]: mail servers take many at once for unwanted mail.
const MAX_ROUND: usize = 25;
/// So many refusals one after the other are about this node, and not about addresses.
const MAX_REFUSED: usize = 3;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// What becomes of an invitation to all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Invitations {
    /// Members who are written to now.
    pub invited: usize,
    /// Members who were invited before, or have been on their page.
    pub known: usize,
    /// Members without a mail address in their record.
    pub without_address: usize,
}

/// Whether somebody of whom this is known is to be written to.
type IsDue = dyn Fn(&MemberContactRow) -> bool + Send + Sync;

const fn is_to_be_invited(contact: &MemberContactRow) -> bool {
    contact.invited_ms.is_none() && contact.opened_ms.is_none()
}

impl Commands {
    /// Invites every member to their page who is not known to have been there, and was not invited before. Letters go out one after
    /// the other in the background; who could not be written to counts as not invited.
    pub async fn invite_members(&self) -> Result<Invitations, CommandError> {
        self.the_mailer()?;
        let busy = |_| {
            let line = "letters to members are going out already; try again in a few minutes";
            CommandError::new(Class::Precondition, line)
        };
        let one_at_a_time = Arc::clone(&self.writing_to_members).try_lock_owned().map_err(busy)?;
        let (due, said) = self
            .blocking("member invite", |this| {
                this.may_show_members()?;
                let (mut due, mut said) = (Vec::new(), Invitations::default());
                for row in this.members_now()? {
                    if !is_to_be_invited(&this.ledger.member_contact(row.thing)?) {
                        said.known += 1;
                    } else if row.member.local.mail.is_empty() {
                        said.without_address += 1;
                    } else {
                        due.push(row.thing);
                    }
                }
                said.invited = due.len();
                Ok((due, said))
            })
            .await?;
        let this = self.clone();
        self.tasks.spawn("member", "invitations", move |context| async move {
            let _one_at_a_time = one_at_a_time;
            tokio::select! {
                biased;
                () = context.cancelled() => {}
                _ = this.write_to_all(due, Occasion::Invited, &is_to_be_invited) => {}
            }
        });
        Ok(said)
    }

    /// Asks members whether what their page says is still true: who knows the page, and of whom nothing has changed for so many days,
    /// and who was not asked for as long. Zero: nobody. Returns how many were written to; at most some at a time, so that it takes a
    /// few rounds.
    pub async fn ask_members(&self, days: u32) -> Result<usize, CommandError> {
        if days == 0 || !self.sends_mail() || self.ledger.is_restoring() {
            return Ok(0);
        }
        // Invitations go out: the next round will do.
        let Ok(_one_at_a_time) = self.writing_to_members.try_lock() else {
            return Ok(0);
        };
        let before_ms = self.clock.now_ms().saturating_sub(i64::from(days) * DAY_MS);
        let is_due = move |contact: &MemberContactRow| {
            let known_ms = contact.invited_ms.or(contact.opened_ms);
            let last_ms = [contact.confirmed_ms, contact.asked_ms, known_ms]
                .into_iter()
                .flatten()
                .max();
            known_ms.is_some() && last_ms < Some(before_ms)
        };
        let due = self
            .blocking("members to ask", move |this| {
                let mut due = Vec::new();
                for row in this.members_now()? {
                    let is_old = row.member.updated_ms < before_ms && !row.member.local.mail.is_empty();
                    if is_old && is_due(&this.ledger.member_contact(row.thing)?) {
                        due.push(row.thing);
                        if due.len() == MAX_ROUND {
                            break;
                        }
                    }
                }
                Ok(due)
            })
            .await?;
        Ok(self.write_to_all(due, Occasion::StillTrue, &is_due).await)
    }

    /// A member says that what their page says is still true.
    pub async fn confirm_member(&self, id: String) -> Result<(), CommandError> {
        self.blocking("member confirm", move |this| {
            let _alone = this.ledger.editing_members.lock();
            let thing = parse_thing(&id)?;
            this.record(thing)?;
            let contact = this.ledger.member_contact(thing)?;
            let confirmed_ms = Some(this.clock.now_ms());
            Ok(this.ledger.put_member_contact(
                thing,
                &MemberContactRow {
                    confirmed_ms,
                    ..contact
                },
            )?)
        })
        .await
    }

    /// When a member of this hub was written to and answered.
    pub async fn member_contact(&self, id: String) -> Result<MemberContactRow, CommandError> {
        self.blocking("member contact", move |this| {
            let thing = parse_thing(&id)?;
            this.record(thing)?;
            Ok(this.ledger.member_contact(thing)?)
        })
        .await
    }

    /// The records of those who are members now, by name.
    fn members_now(&self) -> Result<Vec<MemberRow>, CommandError> {
        let (own, held) = (self.ledger.own_id(), self.ledger.held_members());
        let mut rows = Vec::new();
        self.views.each_member(&mut |row| {
            let is_member = row.member.status != Status::MovedOn && !held.contains(&row.thing);
            if row.hub == own && row.is_record() && is_member {
                rows.push(row);
            }
        })?;
        rows.sort_by(|one, other| (&one.member.name, one.thing).cmp(&(&other.member.name, other.thing)));
        Ok(rows)
    }

    /// Writes to these members, one after the other, to whom that is still `due`, and notes for each that the mail server has the letter.
    /// Ends where it makes no sense to go on: the server is away, takes nothing, or refuses one after the other. Says in the log what
    /// went wrong, without naming anybody. Returns how many letters went out.
    async fn write_to_all(&self, due: Vec<ThingId>, occasion: Occasion, is_due: &IsDue) -> usize {
        let (mut written, mut refused) = (0, 0);
        for thing in due {
            match self.write_to(thing, occasion, is_due).await {
                Ok(done) => {
                    written += usize::from(done);
                    refused = 0;
                }
                Err(error) => {
                    tracing::warn!(member = %thing, %error, "a member could not be written to");
                    refused += 1;
                    if error.class != Class::Refused || refused == MAX_REFUSED {
                        break;
                    }
                }
            }
        }
        written
    }

    async fn write_to(&self, thing: ThingId, occasion: Occasion, is_due: &IsDue) -> Result<bool, CommandError> {
        let mailer = self.the_mailer()?;
        let contact = self
            .blocking("member letter", move |this| Ok(this.ledger.member_contact(thing)?))
            .await?;
        if !is_due(&contact) {
            return Ok(false);
        }
        let made = self
            .blocking("member letter", move |this| {
                let _alone = this.ledger.editing_members.lock();
                // They may have been erased, or have moved on, meanwhile.
                let Ok(row) = this.record(thing) else { return Ok(None) };
                if row.member.status == Status::MovedOn || row.member.local.mail.is_empty() {
                    return Ok(None);
                }
                let link = this.make_link(&row, LinkKind::Letter, LIFE_S)?;
                Ok(Some((row, link)))
            })
            .await?;
        let Some((row, link)) = made else { return Ok(false) };
        let sent = mailer.send(self.letter_to(&row, &link, occasion, None)).await;
        // Whoever cannot be written to is not tried again with every round.
        let is_noted = match &sent {
            Ok(()) => true,
            Err(MailError::To | MailError::Refused { .. }) => occasion == Occasion::StillTrue,
            Err(_) => false,
        };
        if is_noted {
            self.note_letter(thing, occasion).await?;
        }
        sent.map(|()| true).map_err(|error| mail_failed(&error))
    }

    pub(super) async fn note_letter(&self, thing: ThingId, occasion: Occasion) -> Result<(), CommandError> {
        self.blocking("member letter", move |this| {
            let _alone = this.ledger.editing_members.lock();
            if this.record(thing).is_err() {
                return Ok(());
            }
            let now_ms = Some(this.clock.now_ms());
            let mut contact = this.ledger.member_contact(thing)?;
            match occasion {
                Occasion::StillTrue => contact.asked_ms = now_ms,
                Occasion::Invited | Occasion::Asked => contact.invited_ms = now_ms,
            }
            Ok(this.ledger.put_member_contact(thing, &contact)?)
        })
        .await
    }
}
