//! How far the peer is in every log, and what it is to be sent next.

use std::collections::{BTreeMap, BTreeSet};

use super::{MAX_PEER_ROWS, Millis, RELAY_HOLD_MS};
use crate::frontier::{Digest, Frontier, Head, RowKey};
use crate::ids::{HubId, LogId};

/// How far the peer is in one log. Both count envelopes, so `0` is "none".
#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    /// It said that it has so many.
    acked: u64,
    /// So many have been sent, or need not be.
    sent: u64,
}

/// Which logs go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// What else means may follow from it.
    Registry,
    /// What this hub says itself does not wait for what it passes on: however much another one writes.
    Own,
    /// Of everybody else.
    Relayed,
}

/// What the peer said about a row, compared with what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nothing odd.
    Fine,
    /// Less than before.
    Regressed,
    /// The same number with another hash.
    Forked,
}

/// What this node holds and the peer may see, how far the peer is, and what waits to be sent. There is no queue of
/// envelopes: a log that is ahead of the peer is ready (or held back), and is read when the stream takes more.
#[derive(Debug)]
pub(super) struct Outgoing {
    own: HubId,
    peer_hub: HubId,
    ours: Frontier,
    peer: BTreeMap<RowKey, Cursor>,
    peer_streams: BTreeSet<HubId>,
    /// Logs to be sent now, in the order of their turns.
    ready: BTreeSet<(Turn, RowKey)>,
    /// Logs that their author sends by itself, and until when it is waited for.
    held: BTreeMap<RowKey, Millis>,
    /// Cut logs of whose tombstones and statements beyond the end the peer holds others than this node.
    beyond: BTreeSet<RowKey>,
    /// The logs whose tombstones were last sent ahead, and how many envelopes were held of each then.
    told: BTreeMap<RowKey, u64>,
    /// Whether the peer has said how far it is. Before that, nothing is sent.
    known: bool,
}

impl Outgoing {
    pub(super) fn new(own: HubId, peer_hub: HubId, ours: Frontier) -> Self {
        Self {
            own,
            peer_hub,
            ours,
            peer: BTreeMap::new(),
            peer_streams: BTreeSet::new(),
            ready: BTreeSet::new(),
            held: BTreeMap::new(),
            beyond: BTreeSet::new(),
            told: BTreeMap::new(),
            known: false,
        }
    }

    pub(super) fn ours(&self) -> &Frontier {
        &self.ours
    }

    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// Whether the peer gets this log from its author (or is the author). Statements about who belongs do not wait: what
    /// follows them may be refused without them.
    pub(super) fn author_serves(&self, key: &RowKey) -> bool {
        let other_author = key.hub != self.own && key.log != LogId::REGISTRY;
        other_author && (key.hub == self.peer_hub || self.peer_streams.contains(&key.hub))
    }

    /// Whether the peer has a stream with this hub, other than the one to this node.
    pub(super) fn author_has_stream(&self, hub: HubId) -> bool {
        hub != self.own && self.peer_streams.contains(&hub)
    }

    /// The own log advanced. Returns whether that was news. In a cut log the number stays, and another hash says that
    /// more is held beyond its end.
    pub(super) fn advance(&mut self, key: RowKey, head: Head, now: Millis) -> bool {
        if self.ours.end(&key).is_some() {
            let moved = self.ours.head(&key) != Some(head);
            self.ours.put(key, head);
            if moved && self.known {
                self.beyond.insert(key);
            }
            self.schedule(key, now);
            return moved;
        }
        let moved = self.ours.advance(key, head);
        if moved {
            self.schedule(key, now);
        }
        moved
    }

    /// The sum over the tombstones of a log that both hubs may know of.
    pub(super) fn put_tombstones(&mut self, log: LogId, sum: Digest) {
        self.ours.put_tombstones(log, sum);
    }

    /// The peer sent envelopes of a log up to this number, and so holds them. What this node does not hold itself is not
    /// believed; and beyond the end of a cut log whoever sends a tombstone may hold nothing of what comes before it.
    pub(super) fn peer_sent(&mut self, key: RowKey, seq: u64, now: Millis) {
        if self.ours.end(&key).is_some_and(|end| seq >= end) {
            return;
        }
        let count = seq.saturating_add(1).min(self.ours.sendable(&key));
        if count == 0 {
            return;
        }
        let cursor = self.peer.entry(key).or_default();
        cursor.acked = cursor.acked.max(count);
        cursor.sent = cursor.sent.max(count);
        self.schedule(key, now);
    }

    /// The peer says that it holds a log up to this envelope.
    pub(super) fn peer_holds(&mut self, key: RowKey, head: Head, now: Millis) -> Claim {
        // Of a log that this node has nothing of, nothing has to be remembered: a member that opens endless runs makes no two
        // others hang up on each other.
        let is_known = self.peer.contains_key(&key) || self.ours.head(&key).is_some() || self.ours.end(&key).is_some();
        if self.peer.len() >= MAX_PEER_ROWS && !is_known {
            return Claim::Fine;
        }
        if let Some(end) = self.ours.end(&key) {
            return self.peer_holds_cut(key, head, end, now);
        }
        let count = head.seq.saturating_add(1);
        let cursor = self.peer.entry(key).or_default();
        if count < cursor.acked {
            cursor.acked = count;
            return Claim::Regressed;
        }
        cursor.acked = count;
        cursor.sent = cursor.sent.max(count);
        self.schedule(key, now);
        let forked = self
            .ours
            .head(&key)
            .is_some_and(|own| own.seq == head.seq && own.hash != head.hash);
        if forked { Claim::Forked } else { Claim::Fine }
    }

    /// The same for a log that is cut: its row says by its hash what is held beyond the end.
    fn peer_holds_cut(&mut self, key: RowKey, head: Head, end: u64, now: Millis) -> Claim {
        let count = head.seq.saturating_add(1).min(end);
        let cursor = self.peer.entry(key).or_default();
        cursor.acked = count;
        cursor.sent = cursor.sent.max(count);
        if count >= end && self.ours.head(&key).is_some_and(|own| own != head) {
            self.beyond.insert(key);
        } else {
            self.beyond.remove(&key);
        }
        self.schedule(key, now);
        Claim::Fine
    }

    /// The peer has named all its rows: what it did not acknowledge is sent (again).
    pub(super) fn peer_complete(&mut self, now: Millis) {
        self.known = true;
        for cursor in self.peer.values_mut() {
            cursor.sent = cursor.acked;
        }
        // Logs of which the peer has nothing, and of which nothing counts: there is no row of it to compare.
        let unnamed = self.ours.sealed().filter(|key| !self.peer.contains_key(key));
        self.beyond.extend(unnamed);
        self.schedule_all(now);
    }

    /// The peer holds exactly what this node holds.
    pub(super) fn peer_equal(&mut self) {
        self.known = true;
        for (key, _) in self.ours.rows() {
            let count = self.ours.sendable(&key);
            self.peer.insert(
                key,
                Cursor {
                    acked: count,
                    sent: count,
                },
            );
        }
        self.beyond.clear();
        self.ready.clear();
        self.held.clear();
    }

    /// The peer's streams changed. Logs it no longer gets from their author need not wait.
    pub(super) fn set_peer_streams(&mut self, streams: BTreeSet<HubId>) {
        self.peer_streams = streams;
        let released: Vec<RowKey> = self
            .held
            .keys()
            .filter(|key| !self.author_serves(key))
            .copied()
            .collect();
        for key in released {
            self.release(key);
        }
    }

    /// What this node holds, or what the peer may see of it, changed as a whole.
    pub(super) fn replace(&mut self, ours: Frontier, now: Millis) {
        for (key, cursor) in &mut self.peer {
            // A log that was cut since: nothing beyond its end is waited for.
            if let Some(end) = ours.end(key) {
                cursor.acked = cursor.acked.min(end);
                cursor.sent = cursor.sent.min(end);
            }
        }
        let before = std::mem::replace(&mut self.ours, ours);
        if self.known {
            let news = self.ours.sealed().filter(|key| before.head(key) != self.ours.head(key));
            self.beyond.extend(news);
        }
        self.schedule_all(now);
    }

    /// Releases what was held back long enough.
    pub(super) fn tick(&mut self, now: Millis) {
        let due: Vec<RowKey> = self
            .held
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(key, _)| *key)
            .collect();
        for key in due {
            self.release(key);
        }
    }

    /// When [`Outgoing::tick`] has something to do.
    pub(super) fn next_tick(&self) -> Option<Millis> {
        self.held.values().min().copied()
    }

    /// The next log to read, and from where.
    pub(super) fn next(&self) -> Option<(RowKey, u64)> {
        self.ready.first().map(|(_, key)| (*key, self.sent(key)))
    }

    /// Whether the next log to read is of the registry.
    pub(super) fn registry_first(&self) -> bool {
        self.ready.first().is_some_and(|(turn, _)| *turn == Turn::Registry)
    }

    /// All logs the peer lacks something of, and from where.
    pub(super) fn lacking(&self) -> Vec<(RowKey, u64)> {
        let waiting = self.ready.iter().map(|(_, key)| key).chain(self.held.keys());
        let mut all: BTreeMap<RowKey, u64> = waiting.map(|key| (*key, self.sent(key))).collect();
        for key in &self.beyond {
            all.entry(*key).or_insert_with(|| self.sent(key));
        }
        all.into_iter().collect()
    }

    /// Whether there is something beyond the end of a cut log that the peer may lack.
    pub(super) fn has_beyond(&self) -> bool {
        !self.beyond.is_empty()
    }

    /// What is held beyond the ends of cut logs has been sent.
    pub(super) fn beyond_sent(&mut self) {
        self.beyond.clear();
    }

    /// So many envelopes of a log have been sent.
    pub(super) fn mark_sent(&mut self, key: RowKey, count: u64) {
        let cursor = self.peer.entry(key).or_default();
        cursor.sent = cursor.sent.max(count);
        if cursor.sent >= self.ours.sendable(&key) {
            self.unschedule(key);
        }
    }

    /// A log that cannot be read is left alone until its head moves.
    pub(super) fn skip(&mut self, key: RowKey) {
        self.unschedule(key);
    }

    /// Envelopes the peer has not acknowledged.
    pub(super) fn lag(&self) -> u64 {
        let behind = |(key, _): (RowKey, Head)| {
            let acked = self.peer.get(&key).map_or(0, |cursor| cursor.acked);
            self.ours.sendable(&key).saturating_sub(acked)
        };
        self.ours.rows().map(behind).fold(0, u64::saturating_add)
    }

    /// The tombstones of all that the peer lacks of these logs are sent, ahead of the logs.
    pub(super) fn tell_ahead(&mut self, lacking: &[(RowKey, u64)]) {
        let count = |(key, _): &(RowKey, u64)| (*key, self.ours.sendable(key));
        self.told = lacking.iter().map(count).collect();
    }

    /// Whether the peer was sent the tombstone at this position, in its log or ahead of it.
    pub(super) fn was_told(&self, key: &RowKey, seq: u64) -> bool {
        let ahead = self.told.get(key).is_some_and(|count| seq < *count);
        ahead || seq < self.sent(key)
    }

    /// How many envelopes of a log the peer is known to hold.
    pub(super) fn acked(&self, key: &RowKey) -> u64 {
        self.peer.get(key).map_or(0, |cursor| cursor.acked)
    }

    fn sent(&self, key: &RowKey) -> u64 {
        self.peer.get(key).map_or(0, |cursor| cursor.sent)
    }

    fn schedule_all(&mut self, now: Millis) {
        self.ready.clear();
        let before = std::mem::take(&mut self.held);
        let keys: Vec<RowKey> = self.ours.rows().map(|(key, _)| key).collect();
        for key in keys {
            if let Some(until) = before.get(&key) {
                self.held.insert(key, *until);
            }
            self.schedule(key, now);
        }
    }

    fn schedule(&mut self, key: RowKey, now: Millis) {
        if !self.known || self.sent(&key) >= self.ours.sendable(&key) {
            self.unschedule(key);
            return;
        }
        let rank = (self.turn(&key), key);
        if !self.author_serves(&key) {
            self.held.remove(&key);
            self.ready.insert(rank);
        } else if !self.ready.contains(&rank) {
            self.held.entry(key).or_insert(now.saturating_add(RELAY_HOLD_MS));
        }
    }

    fn turn(&self, key: &RowKey) -> Turn {
        if key.log == LogId::REGISTRY {
            Turn::Registry
        } else if key.hub == self.own {
            Turn::Own
        } else {
            Turn::Relayed
        }
    }

    fn release(&mut self, key: RowKey) {
        self.held.remove(&key);
        self.ready.insert((self.turn(&key), key));
    }

    fn unschedule(&mut self, key: RowKey) {
        self.held.remove(&key);
        self.ready.remove(&(self.turn(&key), key));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::cut::sealed_head;
    use crate::ids::{Epoch, HeaderHash};

    const ME: HubId = HubId([1; 16]);
    const PEER: HubId = HubId([2; 16]);
    const GONE: HubId = HubId([3; 16]);

    fn head(seq: u64) -> Head {
        Head {
            seq,
            hash: HeaderHash([7; 32]),
        }
    }

    /// A hub that was removed still sends its tombstones by itself, so that others wait for it with its log; and each time that
    /// the peer passed one on, it seemed to hold all of the log.
    #[test]
    fn a_tombstone_beyond_the_end_of_a_cut_log_is_not_taken_for_all_of_the_log() {
        let row = RowKey {
            log: LogId::PUBLIC,
            hub: GONE,
            epoch: Epoch(1),
        };
        let beyond = BTreeSet::from([HeaderHash([9; 32])]);
        let mut ours = Frontier::default();
        ours.show(row, Some(sealed_head(5, &beyond)), Some(5));
        let mut out = Outgoing::new(ME, PEER, ours);
        out.set_peer_streams(BTreeSet::from([GONE]));
        let mut now = 0;
        for _ in 0..10 {
            assert_eq!(out.peer_holds(row, head(1), now), Claim::Fine);
            out.peer_complete(now);
            out.peer_sent(row, 5, now + 10);
            assert_eq!((out.lag(), out.lacking()), (3, vec![(row, 2)]));
            now += RELAY_HOLD_MS / 2;
            out.tick(now);
        }
        assert_eq!(out.next(), Some((row, 2)));
        // What it sends of the log itself, it holds.
        out.peer_sent(row, 4, now);
        assert_eq!((out.lag(), out.next()), (0, None));
    }
}
