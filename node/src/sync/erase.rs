//! Erasing: whose bytes still have to be forced out of the files, and which imports are not to bring something back.
//!
//! Deleting leaves bytes in the files of the database until they are rewritten. What was erased is noted in the batch
//! that erases it, so that a crash in between forgets nothing; [`Ledger::force_out`] rewrites and then strikes it off.

use interhub_domain::ids::{DocumentKind, LogId, ObjectId, ThingId};

use super::ledger::{Ledger, LedgerError};
use crate::store::catalogue::event::{ErasedUidKey, ErasedUidRow};
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::catalogue::{self, prefix_end};
use crate::store::{Batch, Family, Store, StoreError};

/// Erased documents that are noted one by one. Beyond that all of their families are rewritten whole, which costs no
/// more than so many ranges.
const MAX_NOTED: usize = 256;
/// Version of the list of what is to be forced out.
const LIST_VERSION: u8 = 1;

/// Families with what a document says, by document.
const BY_OBJECT: [Family; 3] = [Family::Body, Family::Snapshot, Family::LeftOut];
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

impl Ledger {
    /// Forces what was erased out of the database's files; returns whether there was anything. Blocks for as long as the
    /// files take to be rewritten, and holds up nobody. A scan that began before the erasure keeps its view, and bytes
    /// of that view may stay; none lives longer than a minute.
    pub fn force_out(&self) -> Result<bool, LedgerError> {
        let noted = self.lock().to_force_out.clone();
        if noted.is_empty() {
            return Ok(false);
        }
        self.store.force_out(&ranges(&noted))?;
        let mut inner = self.lock();
        // What was erased meanwhile stays noted.
        inner.to_force_out.drain(..noted.len());
        let mut batch = Batch::new();
        put_to_force_out(&mut batch, &inner.to_force_out);
        self.commit(&batch)?;
        Ok(true)
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
        let mut out = Vec::new();
        let groups: Vec<LogId> = self.lock().groups.keys().copied().collect();
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
