//! Members: the records of this hub, and the cards of all others.
//!
//! A record is changed by one operator after the other, under a lock. Its card follows in the same call: it is made, changed,
//! begun anew where it says less than before, or taken back, so that what other hubs hold is what the member agreed to.

mod export;
mod fields;
mod holders;
mod import;
mod list;
mod meant;
mod receipts;
mod retention;
mod suggest;

use interhub_domain::document::Reading;
use interhub_domain::ids::{DocumentKind, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::member::{Audience, Member};
use interhub_domain::object::ObjectState;

pub use self::export::{ExportedMembers, MemberFormat};
pub use self::fields::{MemberFields, NewConsent};
pub use self::holders::CardHolder;
pub use self::import::{ImportedMembers, MemberChange, MemberImport};
pub use self::list::{MemberQuery, is_narrow};
pub use self::receipts::{ErasureState, HubErasure, MemberReceipts};
pub use self::suggest::{Party, Suggestion};
use super::event::parse_thing;
use super::{Class, CommandError, Commands};
use crate::clock::random_bytes;
use crate::projection::HubStatus;
use crate::projection::member_index::shown_to_members;
use crate::projection::members::MemberRow;
use crate::sync::{Ahead, Write, WriteError};

/// Members of one page of a list, at most, and if nothing is said.
pub const MAX_PAGE: usize = 1_000;
const USUAL_PAGE: usize = 100;

/// A member as an operator sees them: of this hub everything, of others their card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownMember {
    /// The member.
    pub thing: ThingId,
    /// Slug of their hub.
    pub hub: String,
    /// They are this hub's.
    pub own: bool,
    /// All that may be seen.
    pub member: Member,
    /// Other hubs hold a card of them.
    pub has_card: bool,
}

/// What an erasure came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasedMember {
    /// The member.
    pub thing: ThingId,
    /// There was a card, which other hubs erase too.
    pub card: bool,
}

impl Commands {
    /// Makes a record.
    pub async fn add_member(&self, fields: MemberFields, by: String) -> Result<ShownMember, CommandError> {
        self.blocking("member add", move |this| {
            let fields = fields.made_small()?;
            let _alone = this.ledger.editing_members.lock();
            let thing = ThingId::new(this.ledger.own_id(), random_bytes(&*this.clock));
            let mut record = Member::default();
            this.apply_fields(&mut record, fields, &by)?;
            this.write_record(thing, None, &mut record)?;
            this.ledger.make_durable()?;
            this.own_member(thing)
        })
        .await
    }

    /// Changes a record of this hub, and its card with it.
    pub async fn edit_member(&self, id: String, fields: MemberFields, by: String) -> Result<ShownMember, CommandError> {
        self.blocking("member edit", move |this| {
            let fields = fields.made_small()?;
            let _alone = this.ledger.editing_members.lock();
            this.may_show_members()?;
            let thing = parse_thing(&id)?;
            let before = this.record(thing)?.member;
            let mut record = before.clone();
            this.apply_fields(&mut record, fields, &by)?;
            this.write_record(thing, Some(&before), &mut record)?;
            this.ledger.make_durable()?;
            this.own_member(thing)
        })
        .await
    }

    /// Shows one member: of this hub everything, of another one their card.
    pub async fn show_member(&self, id: String) -> Result<ShownMember, CommandError> {
        self.blocking("member show", move |this| {
            this.may_show_members()?;
            let thing = parse_thing(&id)?;
            if thing.belongs_to(this.ledger.own_id()) {
                return this.own_member(thing);
            }
            let network = this.network_id()?;
            for hub in this.views.hubs()? {
                if hub.status != HubStatus::Active || !thing.belongs_to(hub.id) {
                    continue;
                }
                let object = ObjectId::derive(network, hub.id, LogId::NETWORK, DocumentKind::Member, thing);
                let card = this.views.member(object)?;
                let member = card.and_then(|row| row.member.card_seen_by(Audience::Network));
                return member
                    .map(|member| of_another(thing, hub.slug, member))
                    .ok_or_else(|| not_found(thing));
            }
            Err(not_found(thing))
        })
        .await
    }

    /// Members of the whole network, by name.
    pub async fn list_members(&self, query: MemberQuery) -> Result<(Vec<ShownMember>, Option<String>), CommandError> {
        self.blocking("member list", move |this| {
            this.may_show_members()?;
            if query.as_member && !query.is_narrow() {
                return Ok((Vec::new(), None));
            }
            let held = this.ledger.held_members();
            let limit = query.limit.unwrap_or(USUAL_PAGE);
            if !(1..=MAX_PAGE).contains(&limit) {
                return Err(CommandError::usage(format!("limit: a number from 1 to {MAX_PAGE}")));
            }
            let (filter, slugs) = this.member_filter(&query)?;
            let gone = || CommandError::usage("cursor: this place in the list is gone; begin it anew");
            let cursor = match query.cursor.as_deref() {
                None => None,
                Some(cursor) => Some(cursor.parse::<ThingId>().map_err(|_| gone())?),
            };
            let own = this.ledger.own_id();
            let page = this.views.find_members(own, &filter, this.today(), cursor, limit)?;
            let page = page.ok_or_else(gone)?;
            let with_card = this.views.members_with_card(own)?;
            let shown = |row: MemberRow| {
                if held.contains(&row.thing) {
                    return None;
                }
                let hub = slugs.get(&row.hub)?.clone();
                if query.as_member && row.hub == own {
                    let member = shown_to_members(&row.member)?;
                    return Some(ShownMember {
                        own: true,
                        ..of_another(row.thing, hub, member)
                    });
                }
                if row.hub != own {
                    return Some(of_another(row.thing, hub, row.member.card_seen_by(Audience::Network)?));
                }
                Some(ShownMember {
                    thing: row.thing,
                    hub,
                    own: true,
                    has_card: with_card.contains(&row.thing),
                    member: row.member,
                })
            };
            let next = page.next.map(|last| last.to_string());
            Ok((page.rows.into_iter().filter_map(shown).collect(), next))
        })
        .await
    }

    /// Erases a member of this hub for good: the record here, the card at every hub.
    pub async fn erase_member(&self, id: String) -> Result<ErasedMember, CommandError> {
        self.blocking("member erase", move |this| {
            let _alone = this.ledger.editing_members.lock();
            let thing = parse_thing(&id)?;
            let card = this.ledger.object_state(this.member_document(LogId::NETWORK, thing)?)?;
            // A card may be without a record: one of after a backup was made that took the record's place.
            if !is_there(&card) {
                this.record(thing)?;
            }
            this.erase_record(thing)
        })
        .await
    }

    fn erase_record(&self, thing: ThingId) -> Result<ErasedMember, CommandError> {
        let card = self.member_document(LogId::NETWORK, thing)?;
        let record = self.member_document(LogId::LOCAL, thing)?;
        let has_card = is_there(&self.ledger.object_state(card)?);
        let mut writes = Vec::new();
        // The card first: what is left if the machine stops in between is a record that can be erased again.
        if has_card {
            writes.push(Write::Erase { object: card });
        }
        if is_there(&self.ledger.object_state(record)?) {
            writes.push(Write::Erase { object: record });
        }
        self.ledger.forget_own_page(thing)?;
        self.ledger.write(writes)?;
        Ok(ErasedMember { thing, card: has_card })
    }

    fn network_id(&self) -> Result<NetworkId, CommandError> {
        Ok(self.ledger.network().ok_or(WriteError::NoNetwork)?)
    }

    fn member_document(&self, log: LogId, thing: ThingId) -> Result<ObjectId, CommandError> {
        let (network, own) = (self.network_id()?, self.ledger.own_id());
        Ok(ObjectId::derive(network, own, log, DocumentKind::Member, thing))
    }

    /// Fails while nobody knows what was erased since this folder was copied.
    pub(super) fn may_show_members(&self) -> Result<(), CommandError> {
        if !self.ledger.is_restoring() {
            return Ok(());
        }
        Err(CommandError::new(
            Class::Precondition,
            "this data folder is a copy, and members in it may have been erased since: they are shown once another hub was reached; \
             see `interhub peers`",
        ))
    }

    /// The record of a member of this hub.
    pub(super) fn record(&self, thing: ThingId) -> Result<MemberRow, CommandError> {
        if self.ledger.held_members().contains(&thing) {
            return Err(not_found(thing));
        }
        let object = self.member_document(LogId::LOCAL, thing)?;
        let row = self.views.member(object)?;
        row.ok_or_else(|| not_found(thing))
    }

    fn own_member(&self, thing: ThingId) -> Result<ShownMember, CommandError> {
        let card = self.views.member(self.member_document(LogId::NETWORK, thing)?)?;
        Ok(ShownMember {
            thing,
            hub: self.ledger.own().slug.clone(),
            own: true,
            member: self.record(thing)?.member,
            has_card: card.is_some(),
        })
    }

    /// Writes a record that is new or differs from what it was `before`, and brings its card up to date. Durable only after the next
    /// [`Ledger::make_durable`](crate::sync::Ledger::make_durable).
    fn write_record(&self, thing: ThingId, before: Option<&Member>, record: &mut Member) -> Result<(), CommandError> {
        if before.is_none() {
            self.date_new(record);
        }
        self.write_dated(thing, before, record, None)
    }

    /// A new record begins now.
    fn date_new(&self, record: &mut Member) {
        let now_ms = self.clock.now_ms();
        (record.created_ms, record.updated_ms) = (now_ms, now_ms);
    }

    /// The same of a new record that has its dates, and maybe its first change already.
    fn write_dated(
        &self,
        thing: ThingId,
        before: Option<&Member>,
        record: &mut Member,
        ahead: Option<Ahead>,
    ) -> Result<(), CommandError> {
        if record.name.is_empty() {
            return Err(CommandError::usage("a member needs a name"));
        }
        let now_ms = self.clock.now_ms();
        let write = match before {
            None => {
                let (log, kind, reading) = (LogId::LOCAL, DocumentKind::Member, reading(record));
                Some(match ahead {
                    Some(ahead) => Write::CreateAhead {
                        log,
                        kind,
                        thing,
                        reading,
                        ahead,
                    },
                    None => Write::Create {
                        log,
                        kind,
                        thing,
                        reading,
                    },
                })
            }
            Some(before) if before != record => {
                record.updated_ms = now_ms.max(before.updated_ms.saturating_add(1));
                let object = self.member_document(LogId::LOCAL, thing)?;
                // What a record says no longer is of no use to anybody.
                Some(Write::Renew {
                    object,
                    reading: reading(record),
                })
            }
            Some(_) => None,
        };
        if before.is_some_and(|before| before.local.mail != record.local.mail) {
            // Who has the old address has no business on this page any more.
            self.ledger.lock_own_page(thing, None)?;
        }
        let object = self.member_document(LogId::NETWORK, thing)?;
        let shown = self.views.member(object)?.map(|row| row.member);
        let card = card_write(thing, object, shown.as_ref(), record.card());
        // Where the machine stops in between, others see less than the record would let them, and not more.
        let takes_back = matches!(card, Some(Write::Withdraw { .. } | Write::Renew { .. }));
        let writes = if takes_back { [card, write] } else { [write, card] };
        for write in writes.into_iter().flatten() {
            self.ledger.write_soon(vec![write])?;
        }
        Ok(())
    }
}

/// What makes the card of a member, the document `object`, say what follows from the record; nothing if it says that already.
/// `before`: what the card says, if there is one.
pub fn card_write(thing: ThingId, object: ObjectId, before: Option<&Member>, after: Option<Member>) -> Option<Write> {
    // That the record changed is nobody's business where the card does not.
    let is_same = |before: &Member, after: &Member| {
        let updated_ms = before.updated_ms;
        *before
            == Member {
                updated_ms,
                ..after.clone()
            }
    };
    Some(match (before, after) {
        (None, None) => return None,
        (Some(before), Some(after)) if is_same(before, &after) => return None,
        (None, Some(after)) => Write::Create {
            log: LogId::NETWORK,
            kind: DocumentKind::Member,
            thing,
            reading: reading(&after),
        },
        (Some(_), None) => Write::Withdraw { object },
        (Some(before), Some(after)) if before.says_less_in(&after) => Write::Renew {
            object,
            reading: reading(&after),
        },
        (Some(_), Some(after)) => Write::Change {
            object,
            reading: reading(&after),
        },
    })
}

const fn of_another(thing: ThingId, hub: String, member: Member) -> ShownMember {
    ShownMember {
        thing,
        hub,
        own: false,
        member,
        has_card: true,
    }
}

/// Whether a document was made and is not erased for good.
fn is_there(state: &ObjectState) -> bool {
    state.created.is_some() && state.erased_through != Some(u32::MAX)
}

fn reading(member: &Member) -> Reading {
    Reading::Member(Box::new(member.clone()))
}

fn not_found(thing: ThingId) -> CommandError {
    CommandError::not_found(format!("there is no member {thing} here; see `interhub member list`"))
}

#[cfg(test)]
mod tests;
