//! Folders that were copied: a backup that was put back, a disk that was cloned.
//!
//! What was erased and taken back since the copy was made is in it. It comes back as tombstones and cards from any hub; until then the
//! members in it are not shown to anybody, and then its records are brought in line with what other hubs hold.

use interhub_domain::document::Reading;
use interhub_domain::ids::{DocumentKind, HubId, LogId, ObjectId};
use interhub_domain::member::{Audience, Field, Member};

use super::author::{Write, WriteError};
use super::ledger::{Ledger, LedgerError};
use crate::projection::members;
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::{Backend, Batch, Family, StoreError, catalogue};

/// The folder waits for another hub's word.
const WAITS: u64 = 1;
/// It has had it.
const HEARD: u64 = 0;

/// Whether this folder was ever a copy, and if so whether it still waits for another hub's word.
pub(super) fn copied(store: &dyn Backend) -> Result<Option<bool>, StoreError> {
    let said = catalogue::get(store, &MetaKey::Restored)?;
    Ok(said.map(|said| said.number() != Some(HEARD)))
}

impl Ledger {
    /// To be called at a start: where the folder lies, as a number that a copy of it does not have. If that is another one than at
    /// the last start, the folder is a copy.
    pub fn lies_at(&self, place: u64) -> Result<(), StoreError> {
        let known = catalogue::get(&*self.store, &MetaKey::Place)?.and_then(|place| place.number());
        if known == Some(place) {
            return Ok(());
        }
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &MetaKey::Place, &MetaValue::of_number(place));
        let is_copy = known.is_some();
        if is_copy {
            catalogue::put(&mut batch, &MetaKey::Restored, &MetaValue::of_number(WAITS));
            // Links that were used since, and browsers that left, would be there again.
            for family in [Family::MemberLink, Family::MemberSession] {
                batch.delete_range(family, Vec::new(), Vec::new());
            }
        }
        self.commit(&batch)?;
        if is_copy {
            let mut inner = self.lock();
            (inner.restored, inner.was_copied) = (true, true);
            drop(inner);
            tracing::warn!(
                "this data folder is a copy, perhaps a backup: members are shown once another hub has told what was erased since"
            );
        }
        Ok(())
    }

    /// Whether members are not to be shown yet. Where there is no other hub, or this one is gone itself, nobody will tell of an
    /// erasure.
    pub fn is_restoring(&self) -> bool {
        let inner = self.lock();
        let is_active = |hub: &HubId| inner.roster.is_active(*hub);
        let has_others = inner
            .roster
            .members
            .keys()
            .any(|hub| *hub != self.own_id && is_active(hub));
        inner.restored && has_others && is_active(&self.own_id)
    }

    /// Another hub has told everything that was erased, and what cards say by now.
    pub(super) fn heard_of_erasures(&self) -> Result<(), WriteError> {
        if !self.lock().restored {
            return Ok(());
        }
        let alone = self.editing_members.lock();
        self.bring_in_line()?;
        let mut inner = self.lock();
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &MetaKey::Restored, &MetaValue::of_number(HEARD));
        self.commit(&batch).map_err(LedgerError::from)?;
        inner.restored = false;
        drop((inner, alone));
        tracing::info!("another hub has told what was erased since this folder was copied: members are shown again");
        Ok(())
    }

    /// What a card shows no longer was taken back after the copy was made, and what it says otherwise was changed: the record, which
    /// is of before, must not show it again with its next change. Whose card was erased and who waits for that is left alone.
    fn bring_in_line(&self) -> Result<(), WriteError> {
        let Some(network) = self.network() else { return Ok(()) };
        let held = self.held_members();
        let (mut records, mut cards) = (Vec::new(), 0_usize);
        members::each(&*self.store, &mut |row| {
            if row.hub != self.own_id || held.contains(&row.thing) {
                return;
            }
            if row.is_record() {
                records.push((row.thing, row.object, row.member));
            } else {
                cards += 1;
            }
        })
        .map_err(LedgerError::from)?;
        let (mut writes, mut with_record) = (Vec::new(), 0_usize);
        for (thing, object, before) in records {
            let card = ObjectId::derive(network, self.own_id, LogId::NETWORK, DocumentKind::Member, thing);
            let card = members::read(&*self.store, card).map_err(LedgerError::from)?;
            with_record += usize::from(card.is_some());
            let mut record = before.clone();
            agree(&mut record, card.as_ref().map(|row| &row.member), self.clock.now_ms());
            if record != before {
                let reading = Reading::Member(Box::new(record));
                writes.push(Write::Renew { object, reading });
            }
        }
        if !writes.is_empty() {
            tracing::warn!(
                members = writes.len(),
                "what these members show beyond this hub was changed since this folder was copied, and stays so"
            );
        }
        if cards > with_record {
            tracing::warn!(
                cards = cards - with_record,
                "other hubs hold cards of members of whom there is no record here any more; `interhub member erase ID` erases one"
            );
        }
        self.write(writes)?;
        Ok(())
    }
}

/// Has a record of before show no more than the card, and say in what is shown what the card says if that is newer.
fn agree(record: &mut Member, card: Option<&Member>, now_ms: i64) {
    let shown = |field: &Field| card.and_then(|card| card.audiences.get(field).copied());
    for field in Field::ALL {
        let (wanted, shown) = (record.audience(field), shown(&field));
        match shown {
            _ if !wanted.leaves_the_hub() => {}
            None => record.take_back([field], now_ms),
            Some(shown) if shown < wanted => {
                record.audiences.insert(field, shown.max(Audience::Hub));
            }
            Some(_) => {}
        }
    }
    if let Some(card) = card.filter(|card| card.updated_ms > record.updated_ms) {
        for field in card.audiences.keys() {
            record.copy(*field, card);
        }
        record.updated_ms = card.updated_ms;
    }
}
