//! Where what a hub signed stops counting: beyond a fork, beyond the cut of a removal, by a stolen key.
//!
//! [`Cuts`] is computed anew from the proofs, the roster and the `open`s held, so that it never depends on which of them
//! came first. What it says has two uses. Bodies beyond a cut are void: [`Cuts::is_void`]. And the frontier row of a log
//! with a fork or a removal ends at the cut ([`Cuts::end`]), so that hubs which hold different parts of what does not
//! count still hold the same.
//!
//! Tombstones and statements stand alone: they count wherever they lie. Beyond the end of a row they are kept by their
//! hash, and [`sealed_head`] lets the row's hash tell which of them are held.

use std::collections::{BTreeMap, BTreeSet};

use crate::body::{Body, Content, Open};
use crate::envelope::{Envelope, Kind};
use crate::frontier::{Head, RowKey};
use crate::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};

/// How far the shared logs of a removed hub count: log id and epoch → the last envelope that does.
pub type RemovalCut = BTreeMap<(LogId, Epoch), (u64, HeaderHash)>;

/// What an `open` says about earlier runs in its log: who named what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// (hub, log, earlier epoch) → the `open`s that name it.
    ends: BTreeMap<RowKey, BTreeSet<NamedEnd>>,
}

/// One `open` that names an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct NamedEnd {
    /// The run it opens.
    by: Epoch,
    /// Number of the key that signed it.
    key_number: u16,
    /// The last number it names.
    seq: u64,
}

impl Named {
    /// Remembers that the `open` of the run `by`, signed with this key, names the end of an earlier run.
    pub fn insert(&mut self, earlier: RowKey, by: Epoch, key_number: u16, seq: u64) {
        let end = NamedEnd { by, key_number, seq };
        self.ends.entry(earlier).or_default().insert(end);
    }

    /// Forgets what the `open` of a run names: that run is forked from its first envelope on, so that there are two of them, and
    /// each hub may hold the other one.
    pub fn forget(&mut self, run: &RowKey) {
        for (row, ends) in &mut self.ends {
            if (row.hub, row.log) == (run.hub, run.log) {
                ends.retain(|end| end.by != run.epoch);
            }
        }
        self.ends.retain(|_, ends| !ends.is_empty());
    }

    /// The last number at which an `open` says that a run ended.
    pub fn last_named(&self, row: &RowKey) -> Option<u64> {
        self.ends.get(row)?.iter().map(|end| end.seq).max()
    }

    /// Every run of a hub that an `open` names, and how far.
    pub fn ends_of(&self, hub: HubId) -> impl Iterator<Item = (&RowKey, u64)> {
        let named = self.ends.iter().filter(move |(row, _)| row.hub == hub);
        named.filter_map(|(row, ends)| Some((row, ends.iter().map(|end| end.seq).max()?)))
    }

    /// The last number of a run that an `open` by a key that was not stolen names.
    pub fn vouched_through(&self, row: &RowKey, stolen: &BTreeSet<u16>) -> Option<u64> {
        self.vouched_by(row, stolen, |_| true)
    }

    /// The same, where the `open`s of some runs count alone.
    fn vouched_by(&self, row: &RowKey, stolen: &BTreeSet<u16>, counts: impl Fn(Epoch) -> bool) -> Option<u64> {
        let ends = self.ends.get(row)?.iter();
        let vouching = ends.filter(|end| !stolen.contains(&end.key_number) && counts(end.by));
        vouching.map(|end| end.seq).max()
    }

    /// A removal's cut with every run that the `open` of a run which counts names exactly: a hub that starts every day
    /// has too many runs for a removal to list them.
    fn expand(&self, hub: HubId, cut: &RemovalCut) -> RemovalCut {
        let mut whole = cut.clone();
        for log in [LogId::PUBLIC, LogId::NETWORK] {
            let named: Vec<(Epoch, &BTreeSet<NamedEnd>)> = self
                .ends
                .iter()
                .filter(|(row, _)| row.hub == hub && row.log == log)
                .map(|(row, ends)| (row.epoch, ends))
                .collect();
            loop {
                let counts = |end: &&NamedEnd| whole.contains_key(&(log, end.by));
                let news: Vec<(Epoch, u64)> = named
                    .iter()
                    .filter(|(epoch, _)| !whole.contains_key(&(log, *epoch)))
                    .filter_map(|(epoch, ends)| Some((*epoch, ends.iter().filter(counts).map(|end| end.seq).max()?)))
                    .collect();
                if news.is_empty() {
                    break;
                }
                // What is held there is asked for its hash; the number says enough.
                whole.extend(
                    news.into_iter()
                        .map(|(epoch, seq)| ((log, epoch), (seq, HeaderHash::ZERO))),
                );
            }
        }
        whole
    }
}

/// All cuts of a network, as one node knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cuts {
    forks: BTreeMap<RowKey, u64>,
    removed: BTreeMap<HubId, RemovalCut>,
    stolen: BTreeMap<HubId, BTreeSet<u16>>,
    named: Named,
}

impl Cuts {
    /// From the lowest forked number of each forked log, the cut of each removed hub, the numbers of each hub's stolen
    /// keys, and what the held `open`s name.
    pub fn new(
        forks: BTreeMap<RowKey, u64>,
        removed: BTreeMap<HubId, RemovalCut>,
        stolen: BTreeMap<HubId, BTreeSet<u16>>,
        named: Named,
    ) -> Self {
        let removed = removed
            .into_iter()
            .map(|(hub, cut)| (hub, named.expand(hub, &cut)))
            .collect();
        // Only a theft asks who named what from here on; without one, a new `open` changes nothing.
        let named = if stolen.values().all(BTreeSet::is_empty) {
            Named::default()
        } else {
            named
        };
        Self {
            forks,
            removed,
            stolen,
            named,
        }
    }

    /// The number at which the frontier row of a log ends: it and what follows is not exchanged. `None`: nowhere.
    ///
    /// A removal leaves the registry whole, because a vote counts whatever becomes of the voter; and it says nothing of
    /// pair and group logs, which two hubs settle among themselves.
    pub fn end(&self, row: &RowKey) -> Option<u64> {
        let fork = self.forks.get(row).copied();
        let removal = (row.log == LogId::PUBLIC || row.log == LogId::NETWORK)
            .then(|| self.removed.get(&row.hub))
            .flatten()
            .map(|cut| {
                cut.get(&(row.log, row.epoch))
                    .map_or(0, |(seq, _)| seq.saturating_add(1))
            });
        match (fork, removal) {
            (Some(fork), Some(removal)) => Some(fork.min(removal)),
            (fork, removal) => fork.or(removal),
        }
    }

    /// The lowest forked number of a log.
    pub fn fork(&self, row: &RowKey) -> Option<u64> {
        self.forks.get(row).copied()
    }

    /// Whether the body at this position is void. Tombstones and statements are never asked about.
    pub fn is_void(&self, row: &RowKey, seq: u64, key_number: u16) -> bool {
        if self.end(row).is_some_and(|end| seq >= end) {
            return true;
        }
        let Some(stolen) = self.stolen.get(&row.hub).filter(|keys| keys.contains(&key_number)) else {
            return false;
        };
        // A run that does not count at all vouches for nothing: hubs that hear of the cut before they hear of the run never hold it.
        let counts = |epoch| self.end(&RowKey { epoch, ..*row }) != Some(0);
        let last = self.named.vouched_by(row, stolen, counts);
        last.is_none_or(|last| seq > last)
    }

    /// Whether anything is cut at all.
    pub fn is_empty(&self) -> bool {
        self.forks.is_empty() && self.removed.is_empty() && self.stolen.values().all(BTreeSet::is_empty)
    }

    /// Why a body is void, for operators.
    pub fn reason(&self, row: &RowKey, seq: u64) -> &'static str {
        if self.fork(row).is_some_and(|fork| seq >= fork) {
            "beyond a fork: its hub signed two envelopes with one number"
        } else if self.end(row).is_some_and(|end| seq >= end) {
            "beyond the point up to which a hub that left or was removed counts"
        } else {
            "signed with a stolen key"
        }
    }

    /// The frontier row of a log as it is exchanged. `held` is the last envelope held in a chain from 0, `hash_at` the
    /// hash held at a number of that chain, `beyond` the hashes of the tombstones and statements held at or after the
    /// end, sorted.
    pub fn shown_head(
        &self,
        row: &RowKey,
        held: Option<Head>,
        beyond: &BTreeSet<HeaderHash>,
        hash_at: impl FnOnce(u64) -> Option<HeaderHash>,
    ) -> Option<Head> {
        let Some(end) = self.end(row) else { return held };
        let count = held.map_or(0, |head| head.seq.saturating_add(1));
        if count < end {
            return held;
        }
        if self.fork(row) == Some(end) || !beyond.is_empty() {
            return Some(sealed_head(end, beyond));
        }
        let last = end.checked_sub(1)?;
        Some(Head {
            seq: last,
            hash: hash_at(last)?,
        })
    }

    /// A digest that tells whether these are the same cuts.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"interhub/v1/cuts\0");
        let mut put_row = |row: &RowKey, seq: u64| {
            hasher.update(&row.log.0);
            hasher.update(&row.hub.0);
            hasher.update(&row.epoch.0.to_be_bytes());
            hasher.update(&seq.to_be_bytes());
        };
        for (row, seq) in &self.forks {
            put_row(row, *seq);
        }
        for (hub, cut) in &self.removed {
            let row = |log, epoch| RowKey { log, hub: *hub, epoch };
            put_row(&row(LogId::ZERO, Epoch(0)), 0);
            for ((log, epoch), (seq, _)) in cut {
                put_row(&row(*log, *epoch), *seq);
            }
        }
        for (row, ends) in &self.named.ends {
            for end in ends {
                put_row(row, end.seq);
                put_row(row, u64::from(end.key_number));
            }
        }
        for (hub, keys) in &self.stolen {
            for key in keys {
                hasher.update(&hub.0);
                hasher.update(&key.to_be_bytes());
            }
        }
        *hasher.finalize().as_bytes()
    }

    /// Hubs about which two sets of cuts say something different.
    pub fn differing_hubs(&self, other: &Self) -> BTreeSet<HubId> {
        let mut hubs: BTreeSet<HubId> = BTreeSet::new();
        for (one, two) in [(self, other), (other, self)] {
            hubs.extend(
                one.forks
                    .iter()
                    .filter(|(row, seq)| two.forks.get(row) != Some(seq))
                    .map(|(row, _)| row.hub),
            );
            hubs.extend(
                one.removed
                    .iter()
                    .filter(|(hub, cut)| two.removed.get(hub) != Some(cut))
                    .map(|(hub, _)| *hub),
            );
            hubs.extend(
                one.stolen
                    .iter()
                    .filter(|(hub, keys)| two.stolen.get(hub) != Some(keys))
                    .map(|(hub, _)| *hub),
            );
            hubs.extend(
                one.named
                    .ends
                    .iter()
                    .filter(|(row, ends)| two.named.ends.get(row) != Some(ends))
                    .map(|(row, _)| row.hub),
            );
        }
        hubs
    }
}

/// The row of a log that ends at `end`: its hash stands for the tombstones and statements held at or after it.
pub fn sealed_head(end: u64, beyond: &BTreeSet<HeaderHash>) -> Head {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"interhub/v1/beyond\0");
    for hash in beyond {
        hasher.update(&hash.0);
    }
    Head {
        seq: end,
        hash: HeaderHash(*hasher.finalize().as_bytes()),
    }
}

/// Whether an envelope stands alone: it counts without what comes before it in its log, and beyond every cut.
pub const fn stands_alone(kind: Kind) -> bool {
    matches!(kind, Kind::Tombstone | Kind::Statement)
}

/// What an envelope opens its log with: only the first of a log does, and names no document.
pub fn opening(envelope: &Envelope) -> Option<Open> {
    let header = &envelope.header;
    if header.kind != Kind::Open || header.seq != 0 || header.object != ObjectId::ZERO {
        return None;
    }
    match Body::decode_bytes(&envelope.sealed.as_ref()?.body).ok()?.content {
        Some(Content::Open(open)) => Some(open),
        _ => None,
    }
}

/// Why two headers are not a proof of a fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Of another network, or not of one position.
    #[error("the two headers are not at one position of one log of this network")]
    Position,
    /// The same header twice.
    #[error("the two headers are the same")]
    Same,
    /// A signature does not verify.
    #[error("a signature does not verify")]
    Signature,
    /// A key is not in the registry here.
    #[error("a key is not in the registry")]
    UnknownKey,
}

/// Checks a proof that a hub signed two envelopes with one number: returns the position. `keys` gives the public keys of a
/// hub that go by a number. Bodies play no part.
pub fn check_proof<K: IntoIterator<Item = [u8; 32]>>(
    network: NetworkId,
    one: &Envelope,
    other: &Envelope,
    keys: impl Fn(HubId, u16) -> K,
) -> Result<(RowKey, u64), ProofError> {
    let row = |envelope: &Envelope| RowKey {
        log: envelope.header.log,
        hub: envelope.header.hub,
        epoch: envelope.header.epoch,
    };
    let in_network = one.header.network == network && other.header.network == network;
    if !in_network || row(one) != row(other) || one.header.seq != other.header.seq {
        return Err(ProofError::Position);
    }
    if one.header == other.header {
        return Err(ProofError::Same);
    }
    for envelope in [one, other] {
        let mut known = keys(envelope.header.hub, envelope.header.key_number)
            .into_iter()
            .peekable();
        known.peek().ok_or(ProofError::UnknownKey)?;
        if !known.any(|key| envelope.verify(&key).is_ok()) {
            return Err(ProofError::Signature);
        }
    }
    Ok((row(one), one.header.seq))
}

#[cfg(test)]
mod tests;
