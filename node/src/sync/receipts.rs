//! Receipts: asking the other hubs whether they have erased what this one took back, and answering them.
//!
//! For each member of this hub there is one note of what was erased last ([`ErasureRow`]): the tombstone, the hubs that may have
//! held the card, and those that owe a receipt. Each of these is asked whenever a stream with it opens and every ten minutes,
//! for as long as it owes one. A hub that is asked answers once nothing of it is in its files any more.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use interhub_domain::envelope::{Envelope, public_key};
use interhub_domain::ids::{DocumentKind, HeaderHash, HubId, LogId, ObjectId, ThingId};
use interhub_domain::receipt::{Outcome, Receipt, SignedReceipt};
use interhub_domain::registry::{Member, Standing};
use interhub_domain::session::MAX_ASKED;

use super::erase::MAX_NOTED;
use super::hold::{is_good_tombstone, tombstone_of};
use super::ledger::{Inner, Ledger, LedgerError};
use crate::store::catalogue;
use crate::store::catalogue::document::{ReceiptKey, SignedBytes, TombstoneKey, WholeEnvelope};
use crate::store::catalogue::erasure::{ErasureKey, ErasureRow};
use crate::store::{Batch, Direction, Family, StoreError};

/// What is signed of a report begins with this.
const REPORT_TAG: &[u8; 16] = b"interhub-rprt-v1";

/// A tombstone that hubs are asked about.
#[derive(Debug, Clone)]
struct Asked {
    object: ObjectId,
    thing: ThingId,
    owed: BTreeSet<HubId>,
}

/// What is asked of the other hubs: by the hash of the tombstone.
#[derive(Debug, Default)]
pub(super) struct Asking {
    tombstones: BTreeMap<HeaderHash, Asked>,
}

impl Asking {
    /// Replaces what was asked about a member before.
    fn put(&mut self, thing: ThingId, row: &ErasureRow) {
        self.tombstones.retain(|_, asked| asked.thing != thing);
        if let Some((object, tombstone)) = row.card
            && !row.owed.is_empty()
        {
            let owed = row.owed.iter().copied().collect();
            self.tombstones.insert(tombstone, Asked { object, thing, owed });
        }
    }

    fn settled(&mut self, tombstone: &HeaderHash, hub: HubId) {
        if let Some(asked) = self.tombstones.get_mut(tombstone) {
            asked.owed.remove(&hub);
            if asked.owed.is_empty() {
                self.tombstones.remove(tombstone);
            }
        }
    }
}

/// What a tombstone of this hub's own changes in what is asked.
#[derive(Debug)]
pub(super) struct NotedErasure {
    thing: ThingId,
    row: ErasureRow,
}

/// What is known of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The note.
    pub row: ErasureRow,
    /// What this hub's own files hold of it still: the record or the card, or bytes of them.
    pub pending_here: bool,
    /// The receipts that came, by hub.
    pub receipts: BTreeMap<HubId, (Receipt, SignedReceipt)>,
    /// The tombstone, as it was signed.
    pub tombstone: Option<Envelope>,
}

impl Ledger {
    /// Notes in the batch that keeps a tombstone whom to ask for receipts: of a member of this hub, whichever of its machines
    /// signed it.
    pub(super) fn note_erasure(
        &self,
        inner: &Inner,
        batch: &mut Batch,
        envelope: &Envelope,
    ) -> Result<Option<NotedErasure>, LedgerError> {
        let header = &envelope.header;
        let Some(tombstone) = tombstone_of(envelope).filter(|_| header.hub == self.own_id) else {
            return Ok(None);
        };
        let kind = u8::try_from(tombstone.kind).ok().map(DocumentKind::from_code);
        let Some(thing) = ThingId::from_slice(&tombstone.thing).filter(|_| kind == Some(DocumentKind::Member)) else {
            return Ok(None);
        };
        let clock = super::hold::body_of(envelope).map_or(0, |body| body.clock);
        let mut row = ErasureRow {
            requested_ms: Self::clock_ms(clock),
            card: None,
            hubs: Vec::new(),
            owed: Vec::new(),
        };
        let key = ErasureKey(thing);
        let known: Option<ErasureRow> = catalogue::get(&*self.store, &key)?;
        if header.log == LogId::LOCAL {
            // A record begins anew with every change; and where there was a card, its tombstone says more.
            if tombstone.through_generation != u32::MAX || known.is_some() {
                return Ok(None);
            }
        } else {
            row.card = Some((header.object, envelope.hash()));
            let mut hubs: BTreeSet<HubId> = self.may_have_held(inner, header.object)?.into_iter().collect();
            // Whoever has not erased what was taken back before may hold that still.
            hubs.extend(known.iter().flat_map(|known| &known.owed));
            row.hubs = hubs.into_iter().collect();
            row.owed.clone_from(&row.hubs);
        }
        if let Some((_, before)) = known.and_then(|known| known.card) {
            batch.delete_range(Family::Receipt, before.0.to_vec(), catalogue::prefix_end(&before.0));
        }
        catalogue::put(batch, &key, &row);
        Ok(Some(NotedErasure { thing, row }))
    }

    /// The hubs that may have held a document: those of the network, and of those that are gone the ones that were heard of
    /// after it was made.
    fn may_have_held(&self, inner: &Inner, object: ObjectId) -> Result<Vec<HubId>, LedgerError> {
        let created = self.load_object(object)?.0.state.created;
        let beginning = match created {
            Some(created) => self.row_of_hash(created.beginning)?,
            None => None,
        };
        let body = match (beginning, self.network()) {
            (Some((key, row)), Some(network)) => self.held_body(&self.assemble(network, &key, &row)?, 0),
            _ => None,
        };
        let made_ms = body.map_or(0, |body| Self::clock_ms(body.clock));
        let held = |member: &&Member| {
            let was_there = || {
                inner
                    .heard_ms
                    .get(&member.id)
                    .is_some_and(|heard_ms| *heard_ms >= made_ms)
            };
            member.id != self.own_id && (member.standing == Standing::Active || was_there())
        };
        Ok(inner
            .roster
            .members
            .values()
            .filter(held)
            .map(|member| member.id)
            .collect())
    }

    /// The note of a tombstone is written: hubs are asked from now on.
    pub(super) fn erasure_noted(inner: &mut Inner, noted: &NotedErasure) {
        inner.asking.put(noted.thing, &noted.row);
    }

    pub(super) fn load_erasures(&self, inner: &mut Inner) -> Result<(), StoreError> {
        let visit = |ErasureKey(thing), row: ErasureRow| {
            inner.asking.put(thing, &row);
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::Erasure, &[], Direction::Forward, visit)
    }

    /// Which tombstones a hub has given no receipt for, and owes one: each with the document it erases.
    pub fn asked_of(&self, hub: HubId) -> Vec<(ObjectId, HeaderHash)> {
        let inner = self.lock();
        let owed = inner
            .asking
            .tombstones
            .iter()
            .filter(|(_, asked)| asked.owed.contains(&hub));
        owed.map(|(tombstone, asked)| (asked.object, *tombstone)).collect()
    }

    /// The receipts of this hub for those of these tombstones whose documents are in its files no more.
    pub fn receipts_for(
        &self,
        asked: &[(ObjectId, HeaderHash)],
    ) -> Result<Vec<(HeaderHash, SignedReceipt)>, LedgerError> {
        let Some(network) = self.network() else {
            return Ok(Vec::new());
        };
        let in_files: BTreeSet<ObjectId> = {
            let inner = self.lock();
            // Of more than so many it is not noted which: see `to_force_out`.
            if inner.to_force_out.len() > MAX_NOTED {
                return Ok(Vec::new());
            }
            inner.to_force_out.iter().map(|(object, _)| *object).collect()
        };
        let (mut out, mut batch) = (Vec::new(), Batch::new());
        for (object, tombstone) in asked.iter().take(MAX_ASKED) {
            let key = ReceiptKey {
                tombstone: *tombstone,
                hub: self.own_id,
            };
            if let Some(known) = catalogue::get(&*self.store, &key)? {
                out.push((*tombstone, signed(known)));
                continue;
            }
            if in_files.contains(object) || !self.is_erased_by(*object, tombstone)? {
                continue;
            }
            let inner = self.lock();
            let (key_number, signing_key) = self.signing_key(&inner);
            let receipt = Receipt {
                hub: self.own_id,
                key_number,
                tombstone: *tombstone,
                outcome: Outcome::Erased,
                at_ms: self.clock.now_ms(),
                backups_until_ms: None,
            };
            let signed = receipt.sign(network, signing_key);
            drop(inner);
            catalogue::put(&mut batch, &key, &self.kept(&receipt, &signed));
            out.push((*tombstone, signed));
        }
        if !batch.is_empty() {
            self.commit(&batch)?;
        }
        Ok(out)
    }

    /// Whether this tombstone, or one that erases all, is kept of a document.
    fn is_erased_by(&self, object: ObjectId, tombstone: &HeaderHash) -> Result<bool, LedgerError> {
        let kept: Option<WholeEnvelope> = catalogue::get(&*self.store, &TombstoneKey(object))?;
        let Some(kept) = kept.map(WholeEnvelope::envelope) else {
            return Ok(false);
        };
        let erases_all = tombstone_of(&kept).is_some_and(|tombstone| tombstone.through_generation == u32::MAX);
        Ok(is_good_tombstone(kept.header.network, &kept) && (erases_all || kept.hash() == *tombstone))
    }

    /// Keeps those of these receipts that were asked for and are signed by the hub they name. Returns how many.
    pub fn take_receipts(&self, receipts: &[SignedReceipt]) -> Result<usize, LedgerError> {
        let Some(network) = self.network() else { return Ok(0) };
        let mut taken = 0;
        for signed in receipts {
            let mut inner = self.lock();
            let Ok(unchecked) = signed.read(network) else { continue };
            let asked = inner.asking.tombstones.get(&unchecked.tombstone);
            let Some(thing) = asked
                .filter(|asked| asked.owed.contains(&unchecked.hub))
                .map(|asked| asked.thing)
            else {
                continue;
            };
            let receipt = match signed.check(network, |hub, number| inner.roster.beacon_key(hub, number)) {
                Ok(receipt) => receipt,
                Err(error) => {
                    tracing::warn!(hub = %unchecked.hub.short(), %error, "a receipt is not taken");
                    continue;
                }
            };
            let (mut batch, key) = (Batch::new(), ErasureKey(thing));
            let at = ReceiptKey {
                tombstone: receipt.tombstone,
                hub: receipt.hub,
            };
            catalogue::put(&mut batch, &at, &self.kept(&receipt, signed));
            let is_done = receipt.outcome == Outcome::Erased;
            if is_done && let Some(mut row) = catalogue::get(&*self.store, &key)? {
                row.owed.retain(|hub| *hub != receipt.hub);
                catalogue::put(&mut batch, &key, &row);
            }
            self.commit(&batch)?;
            if is_done {
                inner.asking.settled(&receipt.tombstone, receipt.hub);
            }
            taken += 1;
        }
        Ok(taken)
    }

    /// Signs a report of this hub; returns the public key and the signature. Ed25519 over the tag `interhub-rprt-v1` and the
    /// text.
    pub fn sign_report(&self, text: &[u8]) -> ([u8; 32], [u8; 64]) {
        let inner = self.lock();
        let (_, key) = self.signing_key(&inner);
        let signature = key.sign(&[REPORT_TAG.as_slice(), text].concat()).to_bytes();
        (public_key(key), signature)
    }

    fn kept(&self, receipt: &Receipt, signed: &SignedReceipt) -> SignedBytes {
        SignedBytes {
            received_ms: self.clock.now_ms(),
            key_number: receipt.key_number,
            signature: signed.signature,
            bytes: signed.statement.clone(),
        }
    }

    /// What is known of what was erased last of a member of this hub; `None` if nothing ever was.
    pub fn erasure(&self, thing: ThingId) -> Result<Option<Erasure>, LedgerError> {
        let Some(network) = self.network() else { return Ok(None) };
        let Some(row) = catalogue::get(&*self.store, &ErasureKey(thing))? else {
            return Ok(None);
        };
        let record = ObjectId::derive(network, self.own_id, LogId::LOCAL, DocumentKind::Member, thing);
        let documents = [Some(record), row.card.map(|(object, _)| object)];
        let noted = self.lock().to_force_out.clone();
        let mut pending_here = noted.len() > MAX_NOTED;
        for object in documents.into_iter().flatten() {
            pending_here |= noted.iter().any(|(one, _)| *one == object) || self.load_object(object)?.0.is_shown();
        }
        let (mut receipts, mut tombstone) = (BTreeMap::new(), None);
        if let Some((object, hash)) = row.card {
            let visit = |key: ReceiptKey, value: SignedBytes| {
                let signed = signed(value);
                if let Ok(receipt) = signed.read(network) {
                    receipts.insert(key.hub, (receipt, signed));
                }
                ControlFlow::Continue(())
            };
            catalogue::scan_prefix(&*self.store, Family::Receipt, &hash.0, Direction::Forward, visit)?;
            let kept: Option<WholeEnvelope> = catalogue::get(&*self.store, &TombstoneKey(object))?;
            tombstone = kept.map(WholeEnvelope::envelope);
        }
        Ok(Some(Erasure {
            row,
            pending_here,
            receipts,
            tombstone,
        }))
    }
}

fn signed(kept: SignedBytes) -> SignedReceipt {
    SignedReceipt {
        statement: kept.bytes,
        signature: kept.signature,
    }
}
