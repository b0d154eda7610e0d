//! Records of this hub's members whose card is erased for good by another run of this hub: the folder was restored from before
//! the erasure, two machines run with one key, or somebody stole it.
//!
//! A record never leaves, so nobody tells of its erasure; its card's tombstone comes back from any hub. When this hub and another
//! one hold the same, the record goes too. Many at once by a run that is not this folder's own may be a thief's: they are not shown
//! any more, and go a day later, unless the key that signed is said to be stolen before. Then they go on as new members, with new
//! cards: the erased ones are not coming back at other hubs, and need not.

use std::collections::BTreeSet;

use interhub_domain::document::Reading;
use interhub_domain::envelope::Header;
use interhub_domain::ids::{DocumentKind, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::member::Field;
use serde::{Deserialize, Serialize};

use super::author::{Write, WriteError};
use super::ledger::{Inner, Ledger, LedgerError};
use crate::projection::members;
use crate::store::catalogue::document::TombstoneKey;
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::{Batch, StoreError, catalogue};

/// So many erasures in a day are an operator's; more may be a thief's.
const FEW: usize = 50;
/// Or this part of all members: one in four.
const PART: usize = 4;
/// How long many wait, in milliseconds: long enough to find out that a key was stolen, and to say so.
const WAIT_MS: i64 = 24 * 3_600_000;
/// Version byte of the list of who waits.
const LIST_VERSION: u8 = 1;

/// What is known of records whose card is gone.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    /// All records were looked through since the start.
    searched: bool,
    /// Members whose card was erased since, whether there is a record or not.
    erased: BTreeSet<ThingId>,
    /// Members who wait to be erased, and are not shown.
    held: BTreeSet<ThingId>,
}

impl Orphans {
    /// The card of a member of this hub was erased for good.
    pub(super) fn card_erased(&mut self, thing: ThingId) {
        self.erased.insert(thing);
    }
}

/// Who waits since when, and how many went at once in the last day, each time with its Unix milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct HeldRow {
    since_ms: Option<i64>,
    members: BTreeSet<ThingId>,
    went: Vec<(i64, usize)>,
}

/// A record whose card is gone, and the header of the tombstone that says so.
type Orphan = (ThingId, Header);

/// Records whose card is gone.
#[derive(Debug, Default)]
struct Sorted {
    /// By a run of this folder.
    due: Vec<Orphan>,
    /// By a key that was stolen.
    stolen: Vec<Orphan>,
    /// By another run with a key that counts.
    foreign: Vec<Orphan>,
}

impl Ledger {
    /// To be called when this hub and another one hold the same: records whose card another run erased go too.
    pub(super) fn erase_orphans(&self) -> Result<(), WriteError> {
        let Some(network) = self.network() else { return Ok(()) };
        let _alone = self.editing_members.lock();
        let mut inner = self.lock();
        let Sorted {
            mut due,
            stolen,
            foreign,
        } = self.sorted(&mut inner, network)?;
        if self.may_go(&mut inner, &foreign)? {
            due.extend(foreign);
        }
        // Records of a copy may show what was taken back since it was made.
        let shows = !inner.was_copied;
        drop(inner);
        for (thing, header) in &stolen {
            self.go_on_anew(network, *thing, header, shows)?;
        }
        let all = due.iter().chain(&stolen);
        let erase = all.map(|(thing, _)| Write::Erase {
            object: self.record_of(network, *thing),
        });
        self.write(erase.collect())?;
        for (thing, _) in due.iter().chain(&stolen) {
            self.forget_own_page(*thing).map_err(LedgerError::from)?;
        }
        if !stolen.is_empty() {
            tracing::warn!(
                members = stolen.len(),
                with_cards = shows,
                "members whose cards a stolen key erased go on with new ids"
            );
        }
        if !due.is_empty() {
            tracing::info!(members = due.len(), "records of erased members are erased here too");
        }
        Ok(())
    }

    /// Members who wait to be erased: nobody is shown them.
    pub fn held_members(&self) -> BTreeSet<ThingId> {
        self.lock().orphans.held.clone()
    }

    /// Who waited to be erased when the node stopped, waits still.
    pub(super) fn load_held(&self, inner: &mut Inner) -> Result<(), LedgerError> {
        inner.orphans.held = self.held_row()?.members;
        Ok(())
    }

    fn held_row(&self) -> Result<HeldRow, StoreError> {
        let Some(MetaValue(bytes)) = catalogue::get(&*self.store, &MetaKey::ErasuresHeld)? else {
            return Ok(HeldRow::default());
        };
        let what = "list of members who wait to be erased";
        catalogue::decode_row(LIST_VERSION, &bytes).ok_or(StoreError::Damaged { what })
    }

    /// The records whose card is gone, by who erased it.
    fn sorted(&self, inner: &mut Inner, network: NetworkId) -> Result<Sorted, LedgerError> {
        if !inner.orphans.searched {
            let all = self.all_records()?;
            inner.orphans.erased.extend(all);
            inner.orphans.searched = true;
        }
        if inner.orphans.erased.is_empty() {
            return Ok(Sorted::default());
        }
        let (orphans, gone) = self.orphans(inner, network)?;
        for thing in gone {
            inner.orphans.erased.remove(&thing);
        }
        // After a theft that includes the runs that the operator vouched for.
        let own_runs = self.own_runs()?;
        let (due, rest): (Vec<_>, Vec<_>) = orphans
            .into_iter()
            .partition(|(_, header)| own_runs.contains(&header.epoch));
        let keys = stolen_keys(inner, self.own_id);
        let (stolen, foreign) = rest
            .into_iter()
            .partition(|(_, header)| keys.contains(&header.key_number));
        Ok(Sorted { due, stolen, foreign })
    }

    /// Whether these may be erased now, and who waits if not.
    fn may_go(&self, inner: &mut Inner, foreign: &[Orphan]) -> Result<bool, LedgerError> {
        if foreign.is_empty() && inner.orphans.held.is_empty() {
            return Ok(true);
        }
        let before = self.held_row()?;
        let mut row = before.clone();
        let now_ms = self.clock.now_ms();
        row.went.retain(|(at_ms, _)| now_ms.saturating_sub(*at_ms) < WAIT_MS);
        let over = row
            .since_ms
            .is_some_and(|since_ms| now_ms.saturating_sub(since_ms) >= WAIT_MS);
        let waits = row.since_ms.is_some() && !over;
        let goes = foreign.is_empty() || over || !(waits || self.are_many(&row, foreign.len())?);
        if goes {
            // What has waited was nobody's surprise.
            if !over && !foreign.is_empty() {
                row.went.push((now_ms, foreign.len()));
            }
            (row.since_ms, row.members) = (None, BTreeSet::new());
        } else {
            if row.since_ms.is_none() {
                tracing::warn!(
                    members = foreign.len(),
                    "another run with this hub's key erased many cards; the records go in 24 hours. If the key was stolen, say so \
                     with `interhub key recover` before"
                );
            }
            row.since_ms.get_or_insert(now_ms);
            row.members = foreign.iter().map(|(thing, _)| *thing).collect();
        }
        inner.orphans.held.clone_from(&row.members);
        if row != before {
            let mut batch = Batch::new();
            let value = MetaValue(catalogue::encode_row(LIST_VERSION, &row));
            catalogue::put(&mut batch, &MetaKey::ErasuresHeld, &value);
            self.commit(&batch)?;
        }
        Ok(goes)
    }

    /// Whether so many, with those that went in the last day, are more than an operator erases.
    fn are_many(&self, row: &HeldRow, due: usize) -> Result<bool, StoreError> {
        let went: usize = row.went.iter().map(|(_, members)| members).sum();
        let (many, all) = (due + went, self.all_records()?.len() + went);
        Ok(many > FEW || many.saturating_mul(PART) > all.max(PART))
    }

    /// Of the members whose card was erased those who still have a record, and those who have not.
    fn orphans(&self, inner: &Inner, network: NetworkId) -> Result<(Vec<Orphan>, Vec<ThingId>), LedgerError> {
        let (mut orphans, mut gone) = (Vec::new(), Vec::new());
        for thing in &inner.orphans.erased {
            let record = self.load_object(self.record_of(network, *thing))?.0.state;
            let is_there = record.created.is_some() && record.erased_through != Some(u32::MAX);
            let card = ObjectId::derive(network, self.own_id, LogId::NETWORK, DocumentKind::Member, *thing);
            let is_erased = self.load_object(card)?.0.state.erased_through == Some(u32::MAX);
            let tombstone = catalogue::get(&*self.store, &TombstoneKey(card))?;
            match tombstone {
                Some(tombstone) if is_there && is_erased => orphans.push((*thing, tombstone.header)),
                _ => gone.push(*thing),
            }
        }
        Ok((orphans, gone))
    }

    /// The record again, of a new thing, and if it may be shown the card. Its id follows from the tombstone, so that a second try
    /// makes no second one.
    fn go_on_anew(
        &self,
        network: NetworkId,
        thing: ThingId,
        tombstone: &Header,
        shows: bool,
    ) -> Result<(), WriteError> {
        let row = members::read(&*self.store, self.record_of(network, thing)).map_err(LedgerError::from)?;
        let Some(mut member) = row.map(|row| row.member) else {
            return Ok(());
        };
        if !shows {
            member.take_back(Field::ALL, self.clock.now_ms());
        }
        let hash = blake3::hash(&tombstone.encode());
        let mut random = [0; 8];
        random.copy_from_slice(&hash.as_bytes()[..8]);
        let anew = ThingId::new(self.own_id, random);
        let card = member.card();
        let mut writes = Vec::new();
        for (log, member) in [(LogId::LOCAL, Some(member)), (LogId::NETWORK, card)] {
            let object = ObjectId::derive(network, self.own_id, log, DocumentKind::Member, anew);
            let is_there = self.load_object(object)?.0.state.created.is_some();
            if let (Some(member), false) = (member, is_there) {
                writes.push(Write::Create {
                    log,
                    kind: DocumentKind::Member,
                    thing: anew,
                    reading: Reading::Member(Box::new(member)),
                });
            }
        }
        self.write(writes)?;
        if let Some(original) = self.original(thing).map_err(LedgerError::from)? {
            self.keep_original(anew, &original).map_err(LedgerError::from)?;
        }
        let contact = self.member_contact(thing).map_err(LedgerError::from)?;
        self.put_member_contact(anew, &contact).map_err(LedgerError::from)?;
        Ok(())
    }

    fn record_of(&self, network: NetworkId, thing: ThingId) -> ObjectId {
        ObjectId::derive(network, self.own_id, LogId::LOCAL, DocumentKind::Member, thing)
    }

    fn all_records(&self) -> Result<Vec<ThingId>, StoreError> {
        let mut all = Vec::new();
        members::each(&*self.store, &mut |row| {
            if row.hub == self.own_id && row.is_record() {
                all.push(row.thing);
            }
        })?;
        Ok(all)
    }
}

fn stolen_keys(inner: &Inner, own: HubId) -> BTreeSet<u16> {
    let own = inner.roster.members.get(&own);
    own.map(|own| own.keys.stolen.clone()).unwrap_or_default()
}
