//! Erasing: whose bytes still have to be forced out of the files, and which imports are not to bring something back.
//!
//! Deleting leaves bytes in the files of the database until they are rewritten. What was erased is noted in the batch
//! that erases it, so that a crash in between forgets nothing; [`Ledger::force_out`] rewrites and then strikes it off.

use std::cmp::Reverse;
use std::ops::ControlFlow;
use std::sync::Arc;

use interhub_domain::envelope::Envelope;
use interhub_domain::ids::{DocumentKind, HeaderHash, LogId, NetworkId, ObjectId, ThingId};

use super::count::Outcome;
use super::hold::{is_good_tombstone, tombstone_of};
use super::ledger::{Inner, Ledger, LedgerError, Notice};
use super::receipts::NotedErasure;
use crate::store::catalogue::document::{TombstoneKey, WholeEnvelope};
use crate::store::catalogue::event::{ErasedUidKey, ErasedUidRow};
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::catalogue::picture::{PictureKey, PictureRow};
use crate::store::catalogue::{self, prefix_end};
use crate::store::{Batch, Direction, Family, Store, StoreError};

/// Erased documents that are noted one by one. Beyond that all of their families are rewritten whole, which costs no
/// more than so many ranges.
pub(super) const MAX_NOTED: usize = 256;
/// Version of the list of what is to be forced out.
const LIST_VERSION: u8 = 1;

/// Families with what a document says, by document; a picture is noted by its key in place of one.
const BY_OBJECT: [Family; 7] = [
    Family::Body,
    Family::BodyPersonal,
    Family::Snapshot,
    Family::SnapshotPersonal,
    Family::MemberRow,
    Family::LeftOut,
    Family::Picture,
];
/// Families with what a document says, by thing.
const BY_THING: [Family; 2] = [Family::EventRow, Family::Original];

/// What was erased and may still be in the files; of more than [`MAX_NOTED`] only that there are so many.
pub(super) fn to_force_out(store: &Store) -> Result<Vec<(ObjectId, ThingId)>, StoreError> {
    let noted = catalogue::get(&**store, &MetaKey::ToForceOut)?;
    let list: Option<Vec<([u8; 16], [u8; 16])>> = noted.and_then(|noted| catalogue::decode_row(LIST_VERSION, &noted.0));
    let list = list.unwrap_or_default().into_iter();
    Ok(list.map(|(object, thing)| (ObjectId(object), ThingId(thing))).collect())
}

/// Notes in a batch what is to be forced out once it is written.
pub(super) fn put_to_force_out(batch: &mut Batch, all: &[(ObjectId, ThingId)]) {
    if all.is_empty() {
        catalogue::delete(batch, &MetaKey::ToForceOut);
        return;
    }
    // One more than the limit says "more than so many".
    let list: Vec<([u8; 16], [u8; 16])> = all
        .iter()
        .take(MAX_NOTED + 1)
        .map(|(object, thing)| (object.0, thing.0))
        .collect();
    let value = MetaValue(catalogue::encode_row(LIST_VERSION, &list));
    catalogue::put(batch, &MetaKey::ToForceOut, &value);
}

/// A tombstone that is kept from now on, in place of another one or of none.
#[derive(Debug)]
pub(super) struct KeptTombstone {
    tombstone: Arc<Envelope>,
    instead_of: Option<(LogId, HeaderHash)>,
    noted: Option<NotedErasure>,
}

impl Ledger {
    /// Keeps a tombstone where newcomers, and hubs that are gone, are sent it from. Of several for one document the one that
    /// erases more stays, then the smaller hash; one that erases nothing is not kept. Returns what changes.
    pub(super) fn keep_tombstone(
        &self,
        inner: &Inner,
        batch: &mut Batch,
        envelope: &Envelope,
    ) -> Result<Option<KeptTombstone>, LedgerError> {
        let header = &envelope.header;
        let Some(kept) = WholeEnvelope::of(envelope).filter(|_| is_good_tombstone(header.network, envelope)) else {
            return Ok(None);
        };
        let key = TombstoneKey(header.object);
        let rank = |envelope: &Envelope| {
            let through = tombstone_of(envelope).map_or(0, |tombstone| tombstone.through_generation);
            (Reverse(through), envelope.hash())
        };
        let known = catalogue::get(&*self.store, &key)?
            .map(WholeEnvelope::envelope)
            .filter(|known| is_good_tombstone(header.network, known));
        if known.as_ref().is_some_and(|known| rank(envelope) >= rank(known)) {
            return Ok(None);
        }
        catalogue::put(batch, &key, &kept);
        Ok(Some(KeptTombstone {
            tombstone: Arc::new(envelope.clone()),
            instead_of: known.map(|known| (known.header.log, known.hash())),
            noted: self.note_erasure(inner, batch, envelope)?,
        }))
    }

    /// A tombstone is written: what is compared with hubs that are gone, and sent to them at once.
    pub(super) fn tombstone_kept(&self, inner: &mut Inner, kept: KeptTombstone) {
        let KeptTombstone {
            tombstone,
            instead_of,
            noted,
        } = kept;
        if let Some(noted) = noted {
            Self::erasure_noted(inner, &noted);
        }
        if let Some((log, hash)) = instead_of {
            inner.frontier.drop_tombstone(log, hash);
        }
        let sum = inner.frontier.keep_tombstone(tombstone.header.log, tombstone.hash());
        if tombstone.header.log != LogId::LOCAL {
            self.notify(Notice::Tombstone(tombstone, sum));
        }
    }

    /// Sums up the tombstones kept.
    pub(super) fn load_tombstones(&self, inner: &mut Inner) -> Result<(), StoreError> {
        let visit = |_: TombstoneKey, kept: WholeEnvelope| {
            let envelope = kept.envelope();
            inner.frontier.keep_tombstone(envelope.header.log, envelope.hash());
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::Tombstone, &[], Direction::Forward, visit)
    }

    /// Forces what was erased out of the database's files, strikes it off and returns how much of it there was. Blocks until
    /// every scan that began before has ended, at most a minute, and for as long as the files take to be rewritten; holds up
    /// nobody.
    pub fn force_out(&self) -> Result<usize, LedgerError> {
        let noted = self.lock().to_force_out.clone();
        if noted.is_empty() {
            return Ok(0);
        }
        self.store.force_out(&ranges(&noted))?;
        let mut inner = self.lock();
        inner.to_force_out.drain(..noted.len());
        let mut batch = Batch::new();
        put_to_force_out(&mut batch, &inner.to_force_out);
        self.commit(&batch)?;
        drop(inner);
        self.notify(Notice::ForcedOut);
        Ok(noted.len())
    }

    /// Forgets the small copy of a picture that an erased event named; one that another event names is made again.
    pub(super) fn forget_picture(batch: &mut Batch, address: &str, outcome: &mut Outcome) {
        if address.is_empty() {
            return;
        }
        let key = PictureKey::of(address);
        catalogue::delete(batch, &key);
        outcome.erased.push((ObjectId(key.0), ThingId(key.0)));
    }

    /// Keeps a small copy of a picture, or that there is none any more, so that pages show it at once.
    pub fn put_picture(&self, key: PictureKey, row: &PictureRow) -> Result<(), LedgerError> {
        let _alone = self.lock();
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &key, row);
        self.projector.something_changed(&mut batch);
        Ok(self.commit(&batch)?)
    }

    /// Forgets small copies of pictures that no event names any more.
    pub fn drop_pictures(&self, keys: &[PictureKey]) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        let mut batch = Batch::new();
        for key in keys {
            catalogue::delete(&mut batch, key);
        }
        let gone = keys.iter().map(|key| (ObjectId(key.0), ThingId(key.0)));
        let all: Vec<_> = inner.to_force_out.iter().copied().chain(gone).collect();
        put_to_force_out(&mut batch, &all);
        self.commit(&batch)?;
        inner.to_force_out = all;
        drop(inner);
        self.notify(Notice::Erased);
        Ok(())
    }

    /// Whether something erased may still be in the files.
    pub fn has_to_force_out(&self) -> bool {
        !self.lock().to_force_out.is_empty()
    }

    /// What was erased here of an event with this UID.
    pub fn erased_uid(&self, uid: &str) -> Result<Option<ErasedUidRow>, StoreError> {
        catalogue::get(&*self.store, &ErasedUidKey::of(uid))
    }

    /// Lets the next import bring an event with this UID back.
    pub fn forget_erased_uid(&self, uid: &str) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::delete(&mut batch, &ErasedUidKey::of(uid));
        self.commit(&batch)
    }

    /// The documents this hub has, or had, of an event of its own: each with whether there is something to erase.
    pub fn own_event_documents(&self, thing: ThingId) -> Result<Vec<(ObjectId, bool)>, LedgerError> {
        let Some(network) = self.network() else {
            return Ok(Vec::new());
        };
        self.documents_of(&self.lock(), network, thing)
    }

    pub(super) fn documents_of(
        &self,
        inner: &Inner,
        network: NetworkId,
        thing: ThingId,
    ) -> Result<Vec<(ObjectId, bool)>, LedgerError> {
        let mut out = Vec::new();
        let groups = inner.groups.keys().copied();
        for log in [LogId::PUBLIC, LogId::NETWORK, LogId::LOCAL].into_iter().chain(groups) {
            let object = ObjectId::derive(network, self.own_id, log, DocumentKind::Event, thing);
            let known = self.load_object(object)?.0;
            if known.state.created.is_some() {
                out.push((object, true));
            } else if known.state.erased_through == Some(u32::MAX) {
                out.push((object, false));
            }
        }
        Ok(out)
    }
}

fn ranges(noted: &[(ObjectId, ThingId)]) -> Vec<(Family, Vec<u8>, Vec<u8>)> {
    if noted.len() > MAX_NOTED {
        let whole = |family| (family, Vec::new(), Vec::new());
        return BY_OBJECT.into_iter().chain(BY_THING).map(whole).collect();
    }
    let of = |family, id: &[u8; 16]| (family, id.to_vec(), prefix_end(id));
    let mut out = Vec::new();
    for (object, thing) in noted {
        out.extend(BY_OBJECT.into_iter().map(|family| of(family, &object.0)));
        out.extend(BY_THING.into_iter().map(|family| of(family, &thing.0)));
    }
    out.sort_unstable();
    out.dedup();
    out
}
