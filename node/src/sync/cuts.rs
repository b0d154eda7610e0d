//! Where logs are cut: proofs of forks, what is held beyond a cut, and counting anew what a cut moved.
//!
//! The cuts are a pure function of the proofs, the roster and the `open`s held ([`Cuts`]). Whenever one of these changes,
//! [`Ledger::refresh_cuts`] computes them, shows the frontier rows anew and counts the documents that a cut touches. If
//! that is interrupted, the digest of the cuts last applied differs at the next start, and a rebuild does the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use interhub_domain::body::Open;
use interhub_domain::cut::{Cuts, RemovalCut, check_proof, opening, stands_alone};
use interhub_domain::envelope::{Envelope, Header, Kind};
use interhub_domain::frontier::{Head, RowKey};
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};
use interhub_domain::registry::Roster;
use interhub_domain::session::Proof;

use super::intake::{Refused, Verdict};
use super::ledger::{Inner, Ledger, LedgerError, Notice};
use crate::store::catalogue::document::WholeEnvelope;
use crate::store::catalogue::log::{BeyondKey, LogKey, LogRow, ProofKey, ProofRow};
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::catalogue::{self, Key, prefix_end};
use crate::store::{Batch, Direction, Family, StoreError};

/// Tombstones and statements held beyond the end of one log. An honest hub writes few in the moments between a fork and
/// its proof; a hostile one must not fill the disk.
const MAX_BEYOND: usize = 4_096;

/// Position of an envelope's log.
pub(super) const fn row_of(header: &Header) -> RowKey {
    RowKey {
        log: header.log,
        hub: header.hub,
        epoch: header.epoch,
    }
}

impl Ledger {
    /// Where logs are cut now.
    pub(super) fn cuts(&self) -> Arc<Cuts> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every proof of a fork that is held: of each log the one with the lowest number.
    pub fn proofs(&self) -> Vec<Proof> {
        self.lock().proofs.values().cloned().collect()
    }

    /// The hubs that signed two envelopes with one number.
    pub fn forked_hubs(&self) -> BTreeSet<HubId> {
        self.lock().proofs.keys().map(|row| row.hub).collect()
    }

    /// Checks proofs and keeps those that say something new, durably. Returns those.
    pub fn take_proofs(&self, proofs: &[Proof]) -> Result<Vec<Proof>, LedgerError> {
        let Some(network) = self.network() else {
            return Ok(Vec::new());
        };
        let mut inner = self.lock();
        let mut news: BTreeMap<RowKey, Proof> = BTreeMap::new();
        for proof in proofs {
            let roster = &inner.roster;
            let checked = check_proof(network, &proof.a, &proof.b, |hub, number| {
                roster.keys(hub, number).to_vec()
            });
            let Ok((row, seq)) = checked else { continue };
            let known = news.get(&row).or_else(|| inner.proofs.get(&row));
            if row.log == LogId::LOCAL || known.is_some_and(|known| known.a.header.seq <= seq) {
                continue;
            }
            news.insert(row, in_order(proof));
        }
        if news.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = Batch::new();
        for (row, proof) in &news {
            let signed = |envelope: &Envelope| (envelope.header.encode(), envelope.signature);
            let kept = ProofRow {
                one: signed(&proof.a),
                other: signed(&proof.b),
            };
            catalogue::put(&mut batch, &ProofKey(LogKey::at(*row, proof.a.header.seq)), &kept);
            tracing::error!(
                author = %row.hub.short(), log = %row.log.short(), epoch = %row.epoch, seq = proof.a.header.seq,
                "a hub signed two envelopes with one number: what it wrote from there on in this run is void"
            );
        }
        self.commit(&batch)?;
        inner.proofs.extend(news.clone());
        for row in news
            .keys()
            .filter(|row| is_forked_from_its_open(&inner, row))
            .copied()
            .collect::<Vec<_>>()
        {
            inner.named.forget(&row);
        }
        // What a stolen key said of who belongs may not be vouched for any more.
        let has_stolen = |hub: &HubId| {
            inner
                .roster
                .members
                .get(hub)
                .is_some_and(|hub| !hub.keys.stolen.is_empty())
        };
        if news
            .keys()
            .any(|row| row.log == LogId::REGISTRY && has_stolen(&row.hub))
        {
            let taken = inner.roster.ballots.taken().clone();
            self.recompute_roster(&mut inner, &taken)?;
        } else {
            self.refresh_cuts(&mut inner)?;
        }
        let own_run = (self.own_id(), self.epoch());
        if news.keys().any(|row| (row.hub, row.epoch) == own_run) {
            tracing::error!("another node uses this hub's key and run: a new run begins; stop one of the two");
            self.begin_epoch()?;
        }
        drop(inner);
        self.make_durable()?;
        self.replay_now();
        let news: Vec<Proof> = news.into_values().collect();
        self.notify(Notice::Proved(news.clone().into()));
        Ok(news)
    }

    /// Makes a proof of a header from elsewhere and the one held at its position, if that is what they are.
    pub fn prove(&self, theirs: &Envelope) -> Result<Vec<Proof>, LedgerError> {
        let own = self.header_at(row_of(&theirs.header), theirs.header.seq)?;
        let Some(own) = own else { return Ok(Vec::new()) };
        let proof = Proof {
            a: own,
            b: without_body(theirs),
        };
        self.take_proofs(&[proof])
    }

    /// The header and signature held at a position, without the body.
    pub fn header_at(&self, row: RowKey, seq: u64) -> Result<Option<Envelope>, LedgerError> {
        let Some(network) = self.network() else { return Ok(None) };
        let key = LogKey::at(row, seq);
        let entry: Option<LogRow> = catalogue::get(&*self.store, &key)?;
        Ok(entry.map(|entry| Envelope {
            header: entry.header(network, &key),
            signature: entry.signature,
            sealed: None,
        }))
    }

    /// An `open` was held: what it names.
    pub(super) fn opened(&self, inner: &mut Inner, header: &Header, open: &Open) -> Result<(), LedgerError> {
        remember_named(inner, header, open);
        let stolen = inner
            .roster
            .members
            .get(&header.hub)
            .is_some_and(|hub| !hub.keys.stolen.is_empty());
        if stolen && header.log == LogId::REGISTRY {
            // What a stolen key said of who belongs may count after all.
            let taken = inner.roster.ballots.taken().clone();
            return self.recompute_roster(inner, &taken);
        }
        self.refresh_cuts(inner)
    }

    /// An envelope at or after the end of a cut log. What stands alone is kept and counts; all else is as good as held.
    pub(super) fn take_beyond(
        &self,
        inner: &mut Inner,
        network: NetworkId,
        row: RowKey,
        envelope: &Envelope,
    ) -> Result<Verdict, LedgerError> {
        let hash = envelope.hash();
        let held = inner.beyond.get(&row);
        if !stands_alone(envelope.header.kind) || held.is_some_and(|held| held.contains(&hash)) {
            return Ok(Ok(None));
        }
        if held.is_some_and(|held| held.len() >= MAX_BEYOND) {
            return Ok(Err(Refused::Fault(
                "too many envelopes lie beyond the end of a cut log",
            )));
        }
        let Some(kept) = WholeEnvelope::of(envelope) else {
            return Ok(Err(Refused::Fault("it came without its body")));
        };
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &BeyondKey { row, hash }, &kept);
        let kept = if envelope.header.kind == Kind::Tombstone {
            self.keep_tombstone(inner, &mut batch, envelope)?
        } else {
            None
        };
        let mut counted = self.count(inner, &mut batch, network, envelope, None, &*self.counter)?;
        counted.kept.extend(kept);
        self.put_sum(inner, &mut batch, &mut counted)?;
        self.commit(&batch)?;
        inner.beyond.entry(row).or_default().insert(hash);
        let ended_before = inner.frontier.end(&row).is_some();
        self.show_row(inner, row)?;
        self.counted(inner, counted)?;
        if !ended_before {
            // Sessions know of no such log, let alone that it ends: a hub that is gone began it.
            self.notify(Notice::Roster);
            return Ok(Ok(None));
        }
        let shown = inner.frontier.head(&row);
        if let Some(shown) = shown {
            self.notify(Notice::Heads([(row, shown)].into()));
        }
        Ok(Ok(shown.map(|shown| (row, shown))))
    }

    /// The envelopes held beyond the ends of cut logs, of one log id.
    pub(super) fn beyond_envelopes(&self, inner: &Inner, log: LogId) -> Result<Vec<Envelope>, StoreError> {
        let mut out = Vec::new();
        for (row, hashes) in inner.beyond.iter().filter(|(row, _)| row.log == log) {
            for hash in hashes {
                let kept = catalogue::get(&*self.store, &BeyondKey { row: *row, hash: *hash })?;
                out.extend(kept.map(WholeEnvelope::envelope));
            }
        }
        Ok(out)
    }

    /// The same of one row.
    pub(super) fn beyond_of(&self, row: &RowKey) -> Result<Vec<Envelope>, StoreError> {
        let mut out = Vec::new();
        let visit = |_: BeyondKey, kept: WholeEnvelope| {
            out.push(kept.envelope());
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::Beyond, &row.encode(), Direction::Forward, visit)?;
        Ok(out)
    }

    /// What is held of a log at or after its end. Kept is also what once lay there: a cut can move outwards, and hubs that
    /// never held it as such show the same.
    fn beyond_from(&self, row: &RowKey, end: u64) -> Result<BTreeSet<HeaderHash>, StoreError> {
        let kept = self.beyond_of(row)?.into_iter();
        let beyond = kept.filter(|envelope| envelope.header.seq >= end);
        Ok(beyond.map(|envelope| envelope.hash()).collect())
    }

    /// Computes the cuts anew. If they changed: rows are shown and documents counted anew, and sessions are told.
    pub(super) fn refresh_cuts(&self, inner: &mut Inner) -> Result<(), LedgerError> {
        let Some(network) = self.network() else { return Ok(()) };
        let (old, new) = (self.cuts(), Arc::new(cuts_of(inner)));
        if old == new {
            return Ok(());
        }
        self.set_cuts(&new);
        let hubs = old.differing_hubs(&new);
        let rows: BTreeSet<RowKey> = inner
            .held
            .rows()
            .map(|(row, _)| row)
            .chain(inner.proofs.keys().copied())
            .chain(inner.beyond.keys().copied())
            .filter(|row| hubs.contains(&row.hub))
            .collect();
        let mut objects: BTreeSet<ObjectId> = BTreeSet::new();
        for row in &rows {
            self.keep_beyond(inner, network, *row)?;
            self.show_row(inner, *row)?;
            self.moved_objects(*row, &old, &new, &mut objects)?;
        }
        inner.recount_due.extend(objects);
        self.recount_all_due(inner, network)?;
        self.notify(Notice::Roster);
        Ok(())
    }

    /// Counts anew what had to wait because a change could not be judged. Returns how many documents still wait.
    pub fn recount_due(&self) -> Result<usize, LedgerError> {
        let Some(network) = self.network() else { return Ok(0) };
        let mut inner = self.lock();
        if !inner.recount_due.is_empty() {
            self.recount_all_due(&mut inner, network)?;
        }
        Ok(inner.recount_due.len())
    }

    /// Counts anew the documents a cut touched. Those that cannot be judged now are left for later; until they are, the
    /// store does not say that the cuts are applied, so that a start in between counts everything anew.
    fn recount_all_due(&self, inner: &mut Inner, network: NetworkId) -> Result<(), LedgerError> {
        while let Some(object) = inner.recount_due.first().copied() {
            match self.recount_object(inner, network, object) {
                Err(LedgerError::Unjudged(_)) => return Ok(()),
                counted => counted?,
            }
            inner.recount_due.remove(&object);
        }
        let mut batch = Batch::new();
        self.put_cuts_applied(&mut batch);
        self.commit(&batch)?;
        Ok(())
    }

    /// Documents with a body that is void by one set of cuts and not by the other, or for another reason.
    fn moved_objects(
        &self,
        row: RowKey,
        old: &Cuts,
        new: &Cuts,
        objects: &mut BTreeSet<ObjectId>,
    ) -> Result<(), StoreError> {
        let prefix = row.encode();
        let visit = |key: LogKey, entry: LogRow| {
            // Why it is void may change while it stays so, and is listed.
            let void = |cuts: &Cuts| {
                let is_void = cuts.is_void(&row, key.seq, entry.key_number);
                is_void.then(|| cuts.reason(&row, key.seq))
            };
            if void(old) != void(new) && entry.object != ObjectId::ZERO && !stands_alone(entry.kind) {
                objects.insert(entry.object);
            }
            ControlFlow::Continue(())
        };
        catalogue::scan_range(
            &*self.store,
            Family::Log,
            &prefix,
            &prefix_end(&prefix),
            Direction::Forward,
            visit,
        )
    }

    /// Keeps what stands alone and lies at or after the end of a log that was just cut: from there on it is exchanged by
    /// itself.
    fn keep_beyond(&self, inner: &mut Inner, network: NetworkId, row: RowKey) -> Result<(), LedgerError> {
        let Some(end) = self.cuts().end(&row) else {
            return Ok(());
        };
        let mut found: Vec<(LogKey, LogRow)> = Vec::new();
        let visit = |key: LogKey, entry: LogRow| {
            if stands_alone(entry.kind) {
                found.push((key, entry));
            }
            ControlFlow::Continue(())
        };
        let (from, to) = (LogKey::at(row, end).encode(), prefix_end(&row.encode()));
        catalogue::scan_range(&*self.store, Family::Log, &from, &to, Direction::Forward, visit)?;
        let mut batch = Batch::new();
        for (key, entry) in found {
            let envelope = self.assemble(network, &key, &entry)?;
            if let Some(kept) = WholeEnvelope::of(&envelope) {
                let hash = envelope.hash();
                catalogue::put(&mut batch, &BeyondKey { row, hash }, &kept);
                inner.beyond.entry(row).or_default().insert(hash);
            }
        }
        if !batch.is_empty() {
            self.commit(&batch)?;
        }
        Ok(())
    }

    /// Brings the exchanged row of a log up to date with what is held of it and where it is cut.
    pub(super) fn show_row(&self, inner: &mut Inner, row: RowKey) -> Result<(), LedgerError> {
        let cuts = self.cuts();
        let beyond = match cuts.end(&row) {
            Some(end) if inner.beyond.contains_key(&row) => self.beyond_from(&row, end)?,
            _ => BTreeSet::new(),
        };
        let mut failed = None;
        let hash_at = |seq| match self.header_at(row, seq) {
            Ok(header) => header.map(|header| header.hash()),
            Err(error) => {
                failed = Some(error);
                None
            }
        };
        let shown: Option<Head> = cuts.shown_head(&row, inner.held.head(&row), &beyond, hash_at);
        if let Some(error) = failed {
            return Err(error);
        }
        inner.frontier.show(row, shown, cuts.end(&row));
        Ok(())
    }

    /// Reads what is kept beyond the ends of cut logs; the registry is read with it.
    pub(super) fn load_beyond(&self, inner: &mut Inner) -> Result<(), StoreError> {
        let visit = |BeyondKey { row, hash }, _: WholeEnvelope| {
            inner.beyond.entry(row).or_default().insert(hash);
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::Beyond, &[], Direction::Forward, visit)
    }

    /// Reads what the `open`s held name; the roster follows from it too.
    pub(super) fn load_named(&self, inner: &mut Inner) -> Result<(), LedgerError> {
        let rows: Vec<RowKey> = inner.held.rows().map(|(row, _)| row).collect();
        for row in rows {
            for first in self.read_log(row, 0, usize::MAX, 1)? {
                if let Some(open) = opening(&first) {
                    remember_named(inner, &first.header, &open);
                }
            }
        }
        Ok(())
    }

    /// Reads the proofs of forks; what the `open`s say follows from them too.
    pub(super) fn load_proofs(&self, inner: &mut Inner) -> Result<(), StoreError> {
        let visit = |ProofKey(key), kept: ProofRow| {
            let envelope = |(header, signature): &([u8; 167], [u8; 64])| {
                Some(Envelope {
                    header: Header::decode(header).ok()?,
                    signature: *signature,
                    sealed: None,
                })
            };
            if let (Some(a), Some(b)) = (envelope(&kept.one), envelope(&kept.other)) {
                // Keys are in order of their number: the first of a log is its lowest.
                inner.proofs.entry(key.row()).or_insert(Proof { a, b });
            }
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::Proof, &[], Direction::Forward, visit)
    }

    /// Shows every row as it is exchanged. The proofs and the roster are known by now.
    pub(super) fn load_cuts(&self, inner: &mut Inner) -> Result<(), LedgerError> {
        let rows: Vec<RowKey> = inner.held.rows().map(|(row, _)| row).collect();
        let cuts = Arc::new(cuts_of(inner));
        self.set_cuts(&cuts);
        let cut: BTreeSet<RowKey> = inner.proofs.keys().chain(inner.beyond.keys()).copied().collect();
        for row in rows.into_iter().chain(cut) {
            self.show_row(inner, row)?;
        }
        let applied = catalogue::get(&*self.store, &MetaKey::CutsApplied)?.map(|value| value.0);
        let expected = (!cuts.is_empty()).then(|| cuts.digest().to_vec());
        inner.cuts_outdated = self.network().is_some() && applied != expected;
        Ok(())
    }

    /// Says in a batch that all documents are counted with the cuts of now.
    pub(super) fn put_cuts_applied(&self, batch: &mut Batch) {
        let cuts = self.cuts();
        if cuts.is_empty() {
            catalogue::delete(batch, &MetaKey::CutsApplied);
        } else {
            let digest = MetaValue(cuts.digest().to_vec());
            catalogue::put(batch, &MetaKey::CutsApplied, &digest);
        }
    }

    fn set_cuts(&self, cuts: &Arc<Cuts>) {
        *self.cuts.lock().unwrap_or_else(PoisonError::into_inner) = cuts.clone();
    }
}

/// Whether a run is forked from its `open` on: what that names counts for nothing.
pub(super) fn is_forked_from_its_open(inner: &Inner, run: &RowKey) -> bool {
    inner.proofs.get(run).is_some_and(|proof| proof.a.header.seq == 0)
}

fn remember_named(inner: &mut Inner, header: &Header, open: &Open) {
    if is_forked_from_its_open(inner, &row_of(header)) {
        return;
    }
    for end in &open.earlier {
        let earlier = RowKey {
            log: header.log,
            hub: header.hub,
            epoch: Epoch(end.epoch),
        };
        inner.named.insert(earlier, header.epoch, header.key_number, end.seq);
    }
}

fn cuts_of(inner: &Inner) -> Cuts {
    let forks = inner.proofs.iter().map(|(row, proof)| (*row, proof.a.header.seq));
    let (removed, stolen) = of_roster(&inner.roster);
    Cuts::new(forks.collect(), removed, stolen, inner.named.clone())
}

/// What the roster says about removed hubs and stolen keys.
fn of_roster(roster: &Roster) -> (BTreeMap<HubId, RemovalCut>, BTreeMap<HubId, BTreeSet<u16>>) {
    let cuts = roster
        .members
        .iter()
        .filter_map(|(hub, member)| Some((*hub, member.cut.clone()?)));
    let stolen = roster
        .members
        .iter()
        .filter(|(_, member)| !member.keys.stolen.is_empty());
    let stolen = stolen.map(|(hub, member)| (*hub, member.keys.stolen.clone()));
    (cuts.collect(), stolen.collect())
}

/// A proof with the smaller hash first and without bodies, so that two nodes make the same of two headers.
fn in_order(proof: &Proof) -> Proof {
    let (a, b) = (without_body(&proof.a), without_body(&proof.b));
    if a.hash() <= b.hash() {
        Proof { a, b }
    } else {
        Proof { a: b, b: a }
    }
}

fn without_body(envelope: &Envelope) -> Envelope {
    Envelope {
        sealed: None,
        ..envelope.clone()
    }
}
