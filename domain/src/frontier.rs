//! The frontier: the last number of every log a node holds, and the two digests that say "equal" in 64 bytes.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::envelope::Header;
use crate::ids::{Epoch, HeaderHash, HubId, LogId};

/// Which log a row is about: all envelopes of one hub, in one log id, in one run of its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowKey {
    /// The log id.
    pub log: LogId,
    /// The author.
    pub hub: HubId,
    /// The run of its node.
    pub epoch: Epoch,
}

impl RowKey {
    /// The log of this envelope.
    pub const fn of(header: &Header) -> Self {
        Self {
            log: header.log,
            hub: header.hub,
            epoch: header.epoch,
        }
    }
}

/// The last envelope held of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Head {
    /// Its number; logs count from 0 without gaps.
    pub seq: u64,
    /// The hash of its header.
    pub hash: HeaderHash,
}

/// BLAKE3 over sorted rows.
pub type Digest = [u8; 32];

/// The last number of every log a node holds.
#[derive(Debug, Clone, Default)]
pub struct Frontier {
    rows: BTreeMap<RowKey, Head>,
    /// The number at which a cut log ends: it and what follows is not sent; see [`crate::cut::Cuts::end`].
    ends: BTreeMap<RowKey, u64>,
    /// The tombstones kept, by log id: the sum of their hashes, as numbers of 256 bits.
    tombstones: BTreeMap<LogId, Digest>,
    /// The digest over the registry, public and network logs; emptied by every change of such a row, or of what is kept
    /// erased in them.
    shared: OnceLock<Option<Digest>>,
}

impl PartialEq for Frontier {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl Eq for Frontier {}

impl FromIterator<(RowKey, Head)> for Frontier {
    fn from_iter<T: IntoIterator<Item = (RowKey, Head)>>(rows: T) -> Self {
        let mut frontier = Self::default();
        for (key, head) in rows {
            frontier.advance(key, head);
        }
        frontier
    }
}

impl Frontier {
    /// A node that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The last envelope held of a log.
    pub fn head(&self, key: &RowKey) -> Option<Head> {
        self.rows.get(key).copied()
    }

    /// All rows in order of log id, hub, epoch.
    pub fn rows(&self) -> impl Iterator<Item = (RowKey, Head)> + '_ {
        self.rows.iter().map(|(key, head)| (*key, *head))
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Moves a row forward. Returns whether it moved: a lower or equal number changes nothing.
    pub fn advance(&mut self, key: RowKey, head: Head) -> bool {
        if self.rows.get(&key).is_some_and(|held| held.seq >= head.seq) {
            return false;
        }
        self.put(key, head);
        true
    }

    /// Sets a row, also backwards: the row of a forked epoch is its lowest forked number, that of a removed hub its cut.
    pub fn put(&mut self, key: RowKey, head: Head) {
        self.rows.insert(key, head);
        if key.log.is_shared() {
            self.shared = OnceLock::new();
        }
    }

    /// Sets or removes a row together with the number at which its log ends, if it is cut.
    pub fn show(&mut self, key: RowKey, head: Option<Head>, end: Option<u64>) {
        match end {
            Some(end) => self.ends.insert(key, end),
            None => self.ends.remove(&key),
        };
        if let Some(head) = head {
            self.put(key, head);
        } else {
            self.rows.remove(&key);
            self.shared = OnceLock::new();
        }
    }

    /// The number at which a cut log ends; `None` for a log that is not cut.
    pub fn end(&self, key: &RowKey) -> Option<u64> {
        self.ends.get(key).copied()
    }

    /// Cut logs of which something is held at or after the end.
    pub fn sealed(&self) -> impl Iterator<Item = RowKey> + '_ {
        let is_sealed = |(key, end): &(&RowKey, &u64)| self.head(key).is_some_and(|head| head.seq >= **end);
        self.ends.iter().filter(is_sealed).map(|(key, _)| *key)
    }

    /// How many envelopes of a log can be sent one after the other: all that are held, up to the end of a cut log.
    pub fn sendable(&self, key: &RowKey) -> u64 {
        let count = self.head(key).map_or(0, |head| head.seq.saturating_add(1));
        self.end(key).map_or(count, |end| count.min(end))
    }

    /// Whether both have the same rows, cut at the same numbers.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.rows == other.rows && self.ends == other.ends
    }

    /// The rows that `peer` may see.
    #[must_use]
    pub fn visible(&self, access: &Access, peer: HubId) -> Self {
        let may_see = |key: &RowKey| access.may_send(key.log, key.hub, peer);
        let mut visible: Self = self.rows().filter(|(key, _)| may_see(key)).collect();
        visible.ends = self
            .ends
            .iter()
            .filter(|(key, _)| may_see(key))
            .map(|(key, end)| (*key, *end))
            .collect();
        let share = |log: &LogId| access.share_tombstones(*log, peer);
        visible.tombstones = self
            .tombstones
            .iter()
            .filter(|(log, _)| share(log))
            .map(|(log, sum)| (*log, *sum))
            .collect();
        visible
    }

    /// A tombstone of this log is kept from now on. Returns the new sum of the log.
    pub fn keep_tombstone(&mut self, log: LogId, hash: HeaderHash) -> Digest {
        let sum = self.tombstones.entry(log).or_default();
        add(sum, &hash.0, false);
        let sum = *sum;
        self.forget_shared(log);
        sum
    }

    /// A tombstone of this log is kept no longer: another one for the same document is.
    pub fn drop_tombstone(&mut self, log: LogId, hash: HeaderHash) {
        add(self.tombstones.entry(log).or_default(), &hash.0, true);
        self.forget_shared(log);
    }

    /// Sets the sum over the tombstones of a log.
    pub fn put_tombstones(&mut self, log: LogId, sum: Digest) {
        self.tombstones.insert(log, sum);
        self.forget_shared(log);
    }

    fn forget_shared(&mut self, log: LogId) {
        if log.is_shared() {
            self.shared = OnceLock::new();
        }
    }

    /// The digest over the registry, public and network logs and the tombstones kept of these, `None` without any. The same
    /// for every peer that holds the same; computed once after a change.
    ///
    /// The rows do not tell of every tombstone: one that came ahead of its log is kept, and the log may never come.
    pub fn shared_digest(&self) -> Option<Digest> {
        *self.shared.get_or_init(|| {
            let rows = digest(
                "interhub/v1/frontier/shared",
                self.rows().filter(|(key, _)| key.log.is_shared()),
            );
            with_tombstones(rows, self.tombstones_digest(|log| log.is_shared()))
        })
    }

    /// The digest over the pair and group logs that this hub and `peer` both belong to and the tombstones kept of these,
    /// `None` without any. Where one of the two is gone from the network, the digest over the tombstones of all logs that
    /// both had a part in.
    pub fn common_digest(&self, access: &Access, peer: HubId) -> Option<Digest> {
        if access.is_gone_between(peer) {
            return self.tombstones_digest(|log| access.share_tombstones(*log, peer));
        }
        let common = |key: &RowKey| !key.log.is_shared() && access.may_send(key.log, key.hub, peer);
        let rows = digest(
            "interhub/v1/frontier/common",
            self.rows().filter(|(key, _)| common(key)),
        );
        let erased = self.tombstones_digest(|log| !log.is_shared() && access.share_tombstones(*log, peer));
        with_tombstones(rows, erased)
    }

    /// Over the tombstones kept of some logs, `None` without any.
    fn tombstones_digest(&self, of: impl Fn(&LogId) -> bool) -> Option<Digest> {
        let mut sums = self.tombstones.iter().filter(|(log, _)| of(log)).peekable();
        sums.peek()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"interhub/v1/frontier/tombstones\0");
        for (log, sum) in sums {
            hasher.update(&log.0);
            hasher.update(sum);
        }
        Some(*hasher.finalize().as_bytes())
    }
}

/// Where nothing was erased, the digest over the rows alone.
fn with_tombstones(rows: Option<Digest>, erased: Option<Digest>) -> Option<Digest> {
    let Some(erased) = erased else { return rows };
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"interhub/v1/frontier/erased\0");
    hasher.update(&rows.unwrap_or_default());
    hasher.update(&erased);
    Some(*hasher.finalize().as_bytes())
}

/// Adds or takes away, modulo 2^256: the order of a set plays no part in its sum.
fn add(sum: &mut Digest, hash: &Digest, take_away: bool) {
    let mut carry = u16::from(take_away);
    for (byte, other) in sum.iter_mut().zip(hash).rev() {
        let other = if take_away { !*other } else { *other };
        let [high, low] = (u16::from(*byte) + u16::from(other) + carry).to_be_bytes();
        *byte = low;
        carry = u16::from(high);
    }
}

fn digest(tag: &str, rows: impl Iterator<Item = (RowKey, Head)>) -> Option<Digest> {
    let mut rows = rows.peekable();
    rows.peek()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(tag.as_bytes());
    hasher.update(&[0]);
    for (key, head) in rows {
        hasher.update(&key.log.0);
        hasher.update(&key.hub.0);
        hasher.update(&key.epoch.0.to_be_bytes());
        hasher.update(&head.seq.to_be_bytes());
        hasher.update(&head.hash.0);
    }
    Some(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ids::NetworkId;
    use crate::registry::Standing;

    fn key(log: LogId, hub: u8, epoch: u64) -> RowKey {
        RowKey {
            log,
            hub: HubId([hub; 16]),
            epoch: Epoch(epoch),
        }
    }

    fn head(seq: u64) -> Head {
        Head {
            seq,
            hash: HeaderHash([u8::try_from(seq % 251).unwrap_or(0); 32]),
        }
    }

    fn access() -> Access {
        let hubs: BTreeMap<_, _> = (1..4).map(|number| (HubId([number; 16]), Standing::Active)).collect();
        Access::new(NetworkId([9; 16]), HubId([1; 16]), &hubs, &BTreeMap::new())
    }

    #[test]
    fn rows_only_move_forward() {
        let mut frontier = Frontier::new();
        assert!(frontier.advance(key(LogId::PUBLIC, 1, 1), head(3)));
        assert!(!frontier.advance(key(LogId::PUBLIC, 1, 1), head(3)));
        assert!(!frontier.advance(key(LogId::PUBLIC, 1, 1), head(2)));
        assert!(frontier.advance(key(LogId::PUBLIC, 1, 1), head(4)));
        assert_eq!(frontier.head(&key(LogId::PUBLIC, 1, 1)), Some(head(4)));
    }

    #[test]
    fn nothing_has_no_digest() {
        let frontier = Frontier::new();
        assert_eq!(frontier.shared_digest(), None);
        assert_eq!(frontier.common_digest(&access(), HubId([2; 16])), None);
    }

    #[test]
    fn local_rows_change_no_digest_and_are_not_visible() {
        let mut frontier: Frontier = [(key(LogId::PUBLIC, 1, 1), head(1))].into_iter().collect();
        let before = (
            frontier.shared_digest(),
            frontier.common_digest(&access(), HubId([2; 16])),
        );
        frontier.advance(key(LogId::LOCAL, 1, 1), head(9));
        assert_eq!(
            before,
            (
                frontier.shared_digest(),
                frontier.common_digest(&access(), HubId([2; 16]))
            )
        );
        assert_eq!(frontier.visible(&access(), HubId([2; 16])).len(), 1);
    }

    #[test]
    fn pair_rows_change_the_common_digest_of_that_peer_only() {
        let pair = LogId::pair(NetworkId([9; 16]), HubId([1; 16]), HubId([2; 16]));
        let frontier: Frontier = [(key(pair, 1, 1), head(1))].into_iter().collect();
        assert_eq!(frontier.shared_digest(), None);
        assert!(frontier.common_digest(&access(), HubId([2; 16])).is_some());
        assert_eq!(frontier.common_digest(&access(), HubId([3; 16])), None);
    }

    #[test]
    fn golden_digest() {
        let frontier: Frontier = [
            (key(LogId::PUBLIC, 1, 1), head(1)),
            (key(LogId::NETWORK, 2, 5), head(7)),
        ]
        .into_iter()
        .collect();
        let hex = frontier
            .shared_digest()
            .map(|bytes| data_encoding::HEXLOWER.encode(&bytes));
        assert_eq!(
            hex.as_deref(),
            Some("2021426d1673130e3a0cb794710644a3523c2126d118bc2579ebd69e334478f3")
        );
    }

    fn any_rows() -> impl Strategy<Value = Vec<(RowKey, Head)>> {
        let log = prop_oneof![
            Just(LogId::REGISTRY),
            Just(LogId::PUBLIC),
            Just(LogId::NETWORK),
            Just(LogId::LOCAL)
        ];
        let row =
            (log, 1_u8..5, 0_u64..4, 0_u64..50).prop_map(|(log, hub, epoch, seq)| (key(log, hub, epoch), head(seq)));
        proptest::collection::vec(row, 0..40)
    }

    proptest! {
        #[test]
        fn digests_do_not_depend_on_the_order(rows in any_rows(), seed in any::<u64>()) {
            let mut shuffled = rows.clone();
            let mut state = seed | 1;
            for index in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                shuffled.swap(index, usize::try_from(state >> 33).unwrap_or(0) % (index + 1));
            }
            let mut one = Frontier::new();
            let mut other = Frontier::new();
            for (key, head) in rows {
                one.advance(key, head);
                one.shared_digest();
            }
            for (key, head) in shuffled {
                other.advance(key, head);
            }
            prop_assert_eq!(one.shared_digest(), other.shared_digest());
            prop_assert_eq!(&one, &other);
        }

        #[test]
        fn another_shared_row_is_another_digest(rows in any_rows(), seq in 100_u64..200) {
            let one: Frontier = rows.into_iter().collect();
            let mut other = one.clone();
            other.advance(key(LogId::PUBLIC, 1, 1), head(seq));
            prop_assert_ne!(one.shared_digest(), other.shared_digest());
        }
    }
}
