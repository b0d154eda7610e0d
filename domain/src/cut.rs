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

use crate::envelope::{Envelope, Kind};
use crate::frontier::{Head, RowKey};
use crate::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId};

/// How far the shared logs of a removed hub count: log id and epoch → the last envelope that does.
pub type RemovalCut = BTreeMap<(LogId, Epoch), (u64, HeaderHash)>;

/// What an `open` says about earlier runs in its log: who named what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// (hub, log, earlier epoch) → (number of the key that signed the `open`, the last seq it names).
    ends: BTreeMap<RowKey, BTreeSet<(u16, u64)>>,
}

impl Named {
    /// Remembers that an `open` signed with this key names the end of an earlier run.
    pub fn insert(&mut self, earlier: RowKey, key_number: u16, seq: u64) {
        self.ends.entry(earlier).or_default().insert((key_number, seq));
    }

    /// The last number at which an `open` says that a run ended.
    pub fn last_named(&self, row: &RowKey) -> Option<u64> {
        self.ends.get(row)?.iter().map(|(_, seq)| *seq).max()
    }

    /// Every run of a hub that an `open` names, and how far.
    pub fn ends_of(&self, hub: HubId) -> impl Iterator<Item = (&RowKey, u64)> {
        let named = self.ends.iter().filter(move |(row, _)| row.hub == hub);
        named.filter_map(|(row, ends)| Some((row, ends.iter().map(|(_, seq)| *seq).max()?)))
    }

    /// The last number of a run that an `open` by a key above `key_number` names.
    fn by_a_later_key(&self, row: &RowKey, key_number: u16) -> Option<u64> {
        let ends = self.ends.get(row)?;
        ends.iter()
            .filter(|(by, _)| *by > key_number)
            .map(|(_, seq)| *seq)
            .max()
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
        // Only a theft asks who named what; without one, a new `open` changes nothing.
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
        let stolen = self.stolen.get(&row.hub).is_some_and(|keys| keys.contains(&key_number));
        stolen && self.named.by_a_later_key(row, key_number).is_none_or(|last| seq > last)
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
            "beyond the point up to which a removed hub counts"
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
            for (key, seq) in ends {
                put_row(row, *seq);
                put_row(row, u64::from(*key));
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

/// Checks a proof that a hub signed two envelopes with one number: returns the position. `key` gives the public key of a
/// hub by number. Bodies play no part.
pub fn check_proof(
    network: NetworkId,
    one: &Envelope,
    other: &Envelope,
    key: impl Fn(HubId, u16) -> Option<[u8; 32]>,
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
        let key = key(envelope.header.hub, envelope.header.key_number).ok_or(ProofError::UnknownKey)?;
        envelope.verify(&key).map_err(|_| ProofError::Signature)?;
    }
    Ok((row(one), one.header.seq))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::{Header, Sealed, SigningKey, public_key};
    use crate::ids::ObjectId;

    const NETWORK: NetworkId = NetworkId([9; 16]);

    fn row(log: LogId, hub: u8, epoch: u64) -> RowKey {
        RowKey {
            log,
            hub: HubId([hub; 16]),
            epoch: Epoch(epoch),
        }
    }

    fn hash(byte: u8) -> HeaderHash {
        HeaderHash([byte; 32])
    }

    fn cuts(forks: &[(RowKey, u64)], removed: &[(u8, RemovalCut)]) -> Cuts {
        Cuts::new(
            forks.iter().copied().collect(),
            removed
                .iter()
                .map(|(hub, cut)| (HubId([*hub; 16]), cut.clone()))
                .collect(),
            BTreeMap::new(),
            Named::default(),
        )
    }

    #[test]
    fn a_fork_voids_from_its_lowest_number_on_in_its_own_run_only() {
        let cuts = cuts(&[(row(LogId::PUBLIC, 1, 5), 3)], &[]);
        assert!(!cuts.is_void(&row(LogId::PUBLIC, 1, 5), 2, 0));
        assert!(cuts.is_void(&row(LogId::PUBLIC, 1, 5), 3, 0));
        assert!(cuts.is_void(&row(LogId::PUBLIC, 1, 5), 900, 7));
        for other in [
            row(LogId::PUBLIC, 1, 6),
            row(LogId::NETWORK, 1, 5),
            row(LogId::PUBLIC, 2, 5),
        ] {
            assert!(!cuts.is_void(&other, 3, 0));
        }
    }

    #[test]
    fn a_removal_names_what_counts_and_leaves_registry_and_pairs_alone() {
        let cut = RemovalCut::from([((LogId::PUBLIC, Epoch(5)), (3, hash(1)))]);
        let cuts = cuts(&[], &[(1, cut)]);
        assert!(!cuts.is_void(&row(LogId::PUBLIC, 1, 5), 3, 0));
        assert!(cuts.is_void(&row(LogId::PUBLIC, 1, 5), 4, 0));
        assert!(cuts.is_void(&row(LogId::PUBLIC, 1, 6), 0, 0), "a run that is not named");
        assert!(cuts.is_void(&row(LogId::NETWORK, 1, 5), 0, 0));
        assert!(!cuts.is_void(&row(LogId::REGISTRY, 1, 5), 9, 0));
        assert!(!cuts.is_void(&row(LogId([7; 16]), 1, 5), 9, 0));
    }

    #[test]
    fn a_stolen_key_counts_as_far_as_the_new_key_says() {
        let mut named = Named::default();
        named.insert(row(LogId::PUBLIC, 1, 5), 1, 7);
        named.insert(row(LogId::PUBLIC, 1, 6), 0, 7);
        let stolen = BTreeMap::from([(HubId([1; 16]), BTreeSet::from([0]))]);
        let cuts = Cuts::new(BTreeMap::new(), BTreeMap::new(), stolen, named);
        assert!(!cuts.is_void(&row(LogId::PUBLIC, 1, 5), 7, 0));
        assert!(cuts.is_void(&row(LogId::PUBLIC, 1, 5), 8, 0));
        assert!(
            cuts.is_void(&row(LogId::PUBLIC, 1, 6), 0, 0),
            "the stolen key cannot name itself"
        );
        assert!(!cuts.is_void(&row(LogId::PUBLIC, 1, 5), 8, 1), "the new key counts");
        assert!(!cuts.is_void(&row(LogId::PUBLIC, 2, 6), 0, 0));
        assert_eq!(
            cuts.end(&row(LogId::PUBLIC, 1, 5)),
            None,
            "all of it is held and exchanged"
        );
    }

    #[test]
    fn two_nodes_with_other_branches_show_one_row() {
        let forked = row(LogId::PUBLIC, 1, 5);
        let cuts = cuts(&[(forked, 3)], &[]);
        let shown = |held: Option<u64>, byte| {
            let head = held.map(|seq| Head { seq, hash: hash(byte) });
            cuts.shown_head(&forked, head, &BTreeSet::new(), |_| Some(hash(byte)))
        };
        assert_eq!(shown(Some(3), 1), shown(Some(40), 2));
        assert_eq!(
            shown(Some(2), 1),
            shown(Some(3), 2),
            "the last before the fork is enough"
        );
        assert_eq!(
            shown(Some(1), 1),
            Some(Head { seq: 1, hash: hash(1) }),
            "an incomplete log shows how far it is"
        );
        assert_eq!(shown(None, 1), None);
    }

    #[test]
    fn a_removed_hubs_row_ends_at_its_cut() {
        let kept = row(LogId::PUBLIC, 1, 5);
        let cuts = cuts(
            &[],
            &[(1, RemovalCut::from([((LogId::PUBLIC, Epoch(5)), (3, hash(4)))]))],
        );
        let none = BTreeSet::new();
        let held = |seq| Some(Head { seq, hash: hash(200) });
        let shown = cuts.shown_head(&kept, held(9), &none, |seq| (seq == 3).then_some(hash(4)));
        assert_eq!(shown, Some(Head { seq: 3, hash: hash(4) }));
        let unnamed = row(LogId::PUBLIC, 1, 6);
        assert_eq!(cuts.shown_head(&unnamed, held(9), &none, |_| None), None);
        let beyond = BTreeSet::from([hash(77)]);
        assert_eq!(
            cuts.shown_head(&unnamed, held(9), &beyond, |_| None),
            Some(sealed_head(0, &beyond)),
            "a tombstone beyond it shows"
        );
    }

    fn envelope(seq: u64, salt: u8, key: &SigningKey) -> Envelope {
        let header = Header {
            network: NETWORK,
            hub: HubId([1; 16]),
            key_number: 0,
            log: LogId::PUBLIC,
            epoch: Epoch(5),
            seq,
            previous: HeaderHash::ZERO,
            kind: Kind::Change,
            object: ObjectId::ZERO,
            generation: 1,
            commitment: [0; 32],
        };
        let sealed = Sealed {
            salt: [salt; 32],
            body: Vec::new(),
        };
        Envelope::sign(header, sealed, key)
    }

    #[test]
    fn a_proof_needs_two_signed_headers_at_one_position() {
        let key = SigningKey::from([3; 32]);
        let known = |_: HubId, number: u16| (number == 0).then(|| public_key(&key));
        let (one, other) = (envelope(4, 1, &key), envelope(4, 2, &key));
        assert_eq!(
            check_proof(NETWORK, &one, &other, known),
            Ok((row(LogId::PUBLIC, 1, 5), 4))
        );
        assert_eq!(check_proof(NETWORK, &one, &one, known), Err(ProofError::Same));
        assert_eq!(
            check_proof(NETWORK, &one, &envelope(5, 2, &key), known),
            Err(ProofError::Position)
        );
        assert_eq!(
            check_proof(NetworkId::ZERO, &one, &other, known),
            Err(ProofError::Position)
        );
        assert_eq!(
            check_proof(NETWORK, &one, &other, |_, _| None),
            Err(ProofError::UnknownKey)
        );
        let forged = envelope(4, 2, &SigningKey::from([4; 32]));
        assert_eq!(check_proof(NETWORK, &one, &forged, known), Err(ProofError::Signature));
    }

    proptest! {
        /// Whatever two nodes hold of a cut log, once both hold what comes before the end and the same beyond it, they
        /// show the same row; and a difference beyond it shows.
        #[test]
        fn the_shown_row_depends_on_nothing_beyond_its_end(
            end in 0u64..6, more in 0u64..6, other_more in 0u64..6, beyond in proptest::collection::btree_set(any::<u8>(), 0..4)
        ) {
            let forked = row(LogId::NETWORK, 1, 2);
            let cuts = cuts(&[(forked, end)], &[]);
            let beyond: BTreeSet<HeaderHash> = beyond.into_iter().map(hash).collect();
            let head = |count: u64, byte| count.checked_sub(1).map(|seq| Head { seq, hash: hash(byte) });
            let one = cuts.shown_head(&forked, head(end + more, 1), &beyond, |_| None);
            let two = cuts.shown_head(&forked, head(end + other_more, 2), &beyond, |_| None);
            prop_assert_eq!(one, two);
            let mut larger = beyond.clone();
            if larger.insert(hash(254)) {
                let three = cuts.shown_head(&forked, head(end, 1), &larger, |_| None);
                prop_assert_ne!(one, three);
            }
        }
    }
}
