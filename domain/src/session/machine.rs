//! The session's transitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::outgoing::{Claim, Outgoing};
use super::probe::{Next, Probes};
use super::{
    ANNOUNCE_MS, ASK_AFTER_MS, ASK_AGAIN_MS, BEACONS_AFTER_MS, Effect, Event, FRONTIER_EVERY_MS, Farewell, Frame,
    GAP_FIRST_MS, GAP_MAX_MS, HELLO_WITHIN_MS, Hello, Local, MAX_ASKED, MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES,
    MAX_FEATURES, MAX_PROOFS, MAX_ROWS, MAX_STREAMS, MAX_TEXT, Millis, Notice, OFFER_FIRST_MS, OFFER_MAX_MS, Proof,
    RECHECK_MS, ROWS_EVERY_MS, SILENCE_MS, Tombstones,
};
use crate::access::{Access, Receipt, Scope};
use crate::beacon::SignedBeacon;
use crate::envelope::{Envelope, Header, Kind, MAX_STATE_BODY};
use crate::frontier::{Digest, Frontier, Head, RowKey};
use crate::ids::{HeaderHash, HubId, LogId, ObjectId};
use crate::receipt::{MAX_RECEIPTS, SignedReceipt};

/// Room kept in a batch for the largest envelope, so that reading one more cannot overfill it.
const ROOM_FOR_ONE: usize = MAX_STATE_BODY + 1024;
/// After the last sign of progress the digests are compared, so that both know that they are equal.
const SETTLE_MS: Millis = 1_000;
/// Unequal digests are put down to envelopes under way at most so often in a row: a minute of [`RECHECK_MS`].
const MAX_DOUBTS: u32 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The peer's Hello has not come.
    Waiting,
    /// Both understand each other.
    Open,
    /// Over.
    Closed,
}

/// One exchange that is answered one for one: how many were sent and received.
#[derive(Debug, Default, Clone, Copy)]
struct Exchange {
    sent: u64,
    received: u64,
}

impl Exchange {
    fn owes_answer(self) -> bool {
        self.received > self.sent
    }
}

/// One stream with one peer.
#[derive(Debug)]
pub struct Session {
    local: Local,
    peer: HubId,
    access: Arc<Access>,
    out: Outgoing,
    phase: Phase,
    opened_at: Millis,
    heard_at: Millis,
    /// A read is under way.
    reading: bool,
    writable: bool,
    batch: Vec<Envelope>,
    batch_bytes: usize,
    /// Tombstones go before other logs are caught up with: how many have gone, while there are any.
    tombstones: Option<usize>,
    /// Those that no compared row tells of go with them.
    offered: bool,
    /// From when on those may be offered (again), and how long it is until the time after that.
    offers: (Millis, Millis),
    frontier: Exchange,
    frontier_at: Millis,
    /// When digests are compared before [`Session::frontier_at`] would do it, because something moved.
    settle_at: Option<Millis>,
    /// The last comparison was unequal.
    unsettled: bool,
    /// How often unequal digests were put down to envelopes under way, since they were equal or rows were sent.
    doubts: u32,
    /// Something moved since the last comparison.
    moved: bool,
    rows: Exchange,
    rows_at: Option<Millis>,
    /// Rows are sent as soon as the proofs have been, which go before all else.
    rows_after_proofs: bool,
    rows_sent_at: Option<Millis>,
    gap_every: Millis,
    /// Rows to acknowledge or announce, and when.
    acks: BTreeSet<RowKey>,
    acks_at: Option<Millis>,
    /// Rows of the envelopes with the intake, and the last number of each.
    taking: BTreeMap<RowKey, u64>,
    probes: Probes,
    /// When the beacons held are sent, once for each stream.
    beacons_at: Option<Millis>,
    /// When the peer is asked for the receipts that it still owes.
    ask_at: Option<Millis>,
    /// What the peer asked about and was not answered yet.
    asked: BTreeMap<HeaderHash, ObjectId>,
    streams: BTreeSet<HubId>,
    streams_said: BTreeSet<HubId>,
}

impl Session {
    /// A session with the hub that the TLS session proved. `frontier` is all this node holds, `streams` the hubs it has
    /// streams with.
    pub fn new(
        local: Local,
        peer: HubId,
        access: Arc<Access>,
        frontier: &Frontier,
        streams: &BTreeSet<HubId>,
        now: Millis,
    ) -> Self {
        let visible = frontier.visible(&access, peer);
        let mut session = Self {
            out: Outgoing::new(local.hub, peer, visible),
            local,
            peer,
            access,
            phase: Phase::Waiting,
            opened_at: now,
            heard_at: now,
            reading: false,
            writable: false,
            batch: Vec::new(),
            batch_bytes: 0,
            tombstones: None,
            offered: false,
            offers: (now, OFFER_FIRST_MS),
            frontier: Exchange::default(),
            frontier_at: now.saturating_add(FRONTIER_EVERY_MS),
            settle_at: None,
            unsettled: false,
            doubts: 0,
            moved: false,
            rows: Exchange::default(),
            rows_at: None,
            rows_after_proofs: false,
            rows_sent_at: None,
            gap_every: GAP_FIRST_MS,
            acks: BTreeSet::new(),
            acks_at: None,
            taking: BTreeMap::new(),
            probes: Probes::default(),
            beacons_at: None,
            ask_at: None,
            asked: BTreeMap::new(),
            streams: BTreeSet::new(),
            streams_said: BTreeSet::new(),
        };
        session.set_streams(streams);
        session
    }

    /// One event in, effects out, in the order in which they are to be done. `now` never goes back.
    pub fn handle(&mut self, event: Event, now: Millis) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.phase == Phase::Closed {
            return effects;
        }
        match event {
            Event::Opened => self.say_hello(&mut effects),
            Event::Received(frame) => self.received(frame, now, &mut effects),
            Event::Heads(rows) => self.heads(&rows, now),
            Event::Access(access, frontier) => self.replace(access, &frontier, now, &mut effects),
            Event::Read(row, envelopes) => self.read(row, envelopes, &mut effects),
            Event::Erased(tombstone, sum) => self.erased(&tombstone, sum, now, &mut effects),
            Event::Asking(tombstones) => self.ask_for_receipts(tombstones, now, &mut effects),
            Event::Receipts(receipts) => self.send_receipts(receipts, &mut effects),
            Event::ForcedOut => self.look_for_receipts(&mut effects),
            Event::Tombstones { envelopes, more } => self.read_tombstones(envelopes, more),
            Event::Taken { rows, gap, forked } => {
                self.taken(&rows, gap, now);
                for (row, seq) in forked {
                    self.probe(row, seq, &mut effects);
                }
            }
            Event::Proofs(proofs) => {
                self.send_proofs(proofs, &mut effects);
                if std::mem::take(&mut self.rows_after_proofs) && self.phase == Phase::Open {
                    self.send_rows(now, &mut effects);
                }
            }
            Event::Proved(proofs) => self.send_proofs(proofs, &mut effects),
            Event::Beacons(beacons) => {
                for (hub, beacon) in beacons {
                    self.send_beacon(hub, beacon, &mut effects);
                }
            }
            Event::Beacon(hub, beacon) => self.send_beacon(hub, beacon, &mut effects),
            Event::Header(row, seq, envelope) => effects.push(Effect::Send(Frame::Header(row, seq, envelope))),
            Event::Compared(row, seq, same) => {
                let next = self.probes.compared(&row, seq, same);
                effects.extend(next.map(|seq| Effect::Send(Frame::AskHeader(row, seq))));
            }
            Event::StreamsChanged(streams) => self.set_streams(&streams),
            Event::Writable => self.writable = true,
            Event::Tick => self.tick(now, &mut effects),
            Event::Stop(code, reason) => self.end(code, &reason, &mut effects),
        }
        self.pump(now, &mut effects);
        effects
    }

    /// When the session next wants [`Event::Tick`].
    pub fn next_tick(&self) -> Option<Millis> {
        match self.phase {
            Phase::Closed => None,
            Phase::Waiting => Some(self.opened_at.saturating_add(HELLO_WITHIN_MS)),
            Phase::Open => {
                let always = [self.heard_at.saturating_add(SILENCE_MS), self.frontier_at];
                let acks = self.acks_at.filter(|_| self.writable);
                always
                    .into_iter()
                    .chain(self.rows_at)
                    .chain(self.settle_at)
                    .chain(self.beacons_at)
                    .chain(self.ask_at)
                    .chain(acks)
                    .chain(self.out.next_tick())
                    .min()
            }
        }
    }

    /// Envelopes this node holds and the peer has not acknowledged.
    pub fn lag_envelopes(&self) -> u64 {
        self.out.lag()
    }

    /// Whether both sides have said Hello and neither has ended the stream.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    fn digests(&self) -> (Option<Digest>, Option<Digest>) {
        (
            self.out.ours().shared_digest(),
            self.out.ours().common_digest(&self.access, self.peer),
        )
    }

    fn say_hello(&mut self, effects: &mut Vec<Effect>) {
        self.streams_said.clone_from(&self.streams);
        effects.push(Effect::Send(Frame::Hello(Hello {
            protocol_min: self.local.protocol_min,
            protocol_max: self.local.protocol_max,
            network: self.local.network,
            hub: self.local.hub,
            epoch: self.local.epoch,
            software: self.local.software.clone(),
            streams: self.streams.clone(),
            features: Vec::new(),
        })));
    }

    fn received(&mut self, frame: Frame, now: Millis, effects: &mut Vec<Effect>) {
        self.heard_at = now;
        if let Some(limit) = over_limit(&frame) {
            return self.end(
                Farewell::Limit,
                &format!("a frame held {limit}; update the older node"),
                effects,
            );
        }
        match (self.phase, frame) {
            (_, Frame::Goodbye { code, reason }) => {
                self.phase = Phase::Closed;
                effects.push(Effect::Close {
                    code,
                    reason,
                    by_peer: true,
                });
            }
            (_, Frame::Unknown) => {}
            (Phase::Waiting, Frame::Hello(hello)) => self.greeted(hello, now, effects),
            (Phase::Waiting, _) => self.end(Farewell::Protocol, "the first frame was not a Hello", effects),
            (_, Frame::Hello(_)) => self.end(Farewell::Protocol, "a second Hello came", effects),
            (_, Frame::Streams(streams)) => self.out.set_peer_streams(streams),
            (_, Frame::Frontier { shared, common }) => self.compare((shared, common), now, effects),
            (_, Frame::Rows { rows, complete }) => self.peer_rows(rows, complete, now, effects),
            (_, Frame::Envelopes(envelopes)) => self.delivered(envelopes, effects),
            (_, Frame::Proofs(proofs)) => self.proofs_came(proofs, effects),
            (_, Frame::Beacon(beacon)) => effects.push(Effect::TakeBeacon(beacon)),
            (_, Frame::AskHeader(row, seq)) if self.access.may_send(row.log, row.hub, self.peer) => {
                effects.push(Effect::ReadHeader(row, seq));
            }
            (_, Frame::AskHeader(row, seq)) => effects.push(Effect::Send(Frame::Header(row, seq, None))),
            (_, Frame::AskReceipts(tombstones)) => self.asked_for_receipts(tombstones, effects),
            (_, Frame::Receipts(receipts)) => effects.push(Effect::TakeReceipts(receipts)),
            (_, Frame::Header(row, seq, envelope)) => self.header_came(row, seq, envelope, effects),
        }
    }

    /// Looks for the first position at which the peer's log differs from the one held here.
    fn probe(&mut self, row: RowKey, differs_at: u64, effects: &mut Vec<Effect>) {
        if self.out.ours().end(&row).is_some() {
            return;
        }
        if let Some(seq) = self.probes.begin(row, differs_at) {
            effects.push(Effect::Report(Notice::Forked(row)));
            effects.push(Effect::Send(Frame::AskHeader(row, seq)));
        }
    }

    /// Proofs of logs that the peer and this node may both see; others have no business on this stream.
    fn proofs_came(&self, mut proofs: Vec<Proof>, effects: &mut Vec<Effect>) {
        proofs.retain(|proof| {
            let header = &proof.a.header;
            match self.access.on_receipt(header.log, header.hub, self.peer) {
                Receipt::Allowed => self.access.scope(header.log) != Scope::Unknown,
                Receipt::Dropped => self.access.may_send_proof(header.log, header.hub, self.peer),
                Receipt::Breach(what) => {
                    effects.push(Effect::Report(Notice::Breach {
                        log: header.log,
                        hub: header.hub,
                        what,
                    }));
                    false
                }
            }
        });
        effects.push(Effect::TakeProofs(proofs));
    }

    fn header_came(&mut self, row: RowKey, seq: u64, envelope: Option<Box<Envelope>>, effects: &mut Vec<Effect>) {
        let shown = envelope.filter(|envelope| {
            let header = &envelope.header;
            (header.log, header.hub, header.epoch, header.seq) == (row.log, row.hub, row.epoch, seq)
        });
        match (self.probes.came(&row, seq), shown) {
            (Next::Nothing, _) => {}
            (_, None) => {
                if self.probes.end(&row) {
                    effects.push(Effect::Report(Notice::Unproved(row)));
                }
            }
            (Next::Compare, Some(envelope)) => effects.push(Effect::CompareHeader(envelope)),
            (Next::Prove, Some(envelope)) => {
                self.probes.end(&row);
                effects.push(Effect::Prove(envelope));
            }
        }
    }

    /// A beacon goes to whoever does not get it from its author: a relay storms nobody.
    fn send_beacon(&self, hub: HubId, beacon: SignedBeacon, effects: &mut Vec<Effect>) {
        let may_see = self.access.may_send(LogId::PUBLIC, hub, self.peer);
        if self.phase == Phase::Open && hub != self.peer && may_see && !self.out.author_has_stream(hub) {
            effects.push(Effect::Send(Frame::Beacon(beacon)));
        }
    }

    fn send_proofs(&self, proofs: Vec<Proof>, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Open {
            return;
        }
        let for_the_peer = |proof: &Proof| {
            let header = &proof.a.header;
            self.access.may_send_proof(header.log, header.hub, self.peer)
        };
        let mut proofs: Vec<Proof> = proofs.into_iter().filter(for_the_peer).collect();
        while !proofs.is_empty() {
            let rest = proofs.split_off(proofs.len().min(MAX_PROOFS));
            effects.push(Effect::Send(Frame::Proofs(proofs)));
            proofs = rest;
        }
    }

    fn greeted(&mut self, hello: Hello, now: Millis, effects: &mut Vec<Effect>) {
        let (low, high) = (self.local.protocol_min, self.local.protocol_max);
        let version = high.min(hello.protocol_max);
        if version < low.max(hello.protocol_min) {
            let theirs = (hello.protocol_min, hello.protocol_max);
            let reason = format!(
                "no common protocol version: {low} to {high} on one side, {} to {} on the other; upgrade the older node",
                theirs.0, theirs.1
            );
            return self.end(Farewell::Version, &reason, effects);
        }
        if hello.network != self.local.network {
            let reason = format!(
                "another network: {} on one side, {} on the other",
                self.local.network, hello.network
            );
            return self.end(Farewell::WrongNetwork, &reason, effects);
        }
        if hello.hub != self.peer {
            let reason = format!("the key belongs to hub {}, the Hello to hub {}", self.peer, hello.hub);
            return self.end(Farewell::WrongNetwork, &reason, effects);
        }
        if self.access.standing(self.peer).is_none() {
            return self.end(
                Farewell::NotMember,
                &format!("hub {} is not in the registry", self.peer),
                effects,
            );
        }
        self.phase = Phase::Open;
        self.beacons_at = Some(now.saturating_add(BEACONS_AFTER_MS));
        self.ask_at = Some(now.saturating_add(ASK_AFTER_MS));
        self.out.set_peer_streams(hello.streams);
        effects.push(Effect::Ready {
            epoch: hello.epoch,
            version,
            software: hello.software,
        });
        self.send_frontier(now, effects);
    }

    fn heads(&mut self, rows: &[(RowKey, Head)], now: Millis) {
        for (key, head) in rows {
            if !self.access.may_send(key.log, key.hub, self.peer) {
                continue;
            }
            let news = self.out.advance(*key, *head, now);
            if self.out.has_beyond() {
                self.tombstones.get_or_insert(0);
            }
            if news && self.out.author_serves(key) {
                self.acknowledge(*key, now.saturating_add(ANNOUNCE_MS));
            }
        }
    }

    fn replace(&mut self, access: Arc<Access>, frontier: &Frontier, now: Millis, effects: &mut Vec<Effect>) {
        // What was held meanwhile is told as it would have been without: that it came with something which the peer may not
        // see must not show.
        let held: Vec<(RowKey, Head)> = frontier.rows().collect();
        self.heads(&held, now);
        self.access = access;
        if self.access.standing(self.peer).is_none() {
            return self.end(
                Farewell::NotMember,
                &format!("hub {} is not in the registry", self.peer),
                effects,
            );
        }
        let visible = frontier.visible(&self.access, self.peer);
        let same = visible.shows_the_same(self.out.ours());
        self.out.replace(visible, now);
        if self.out.has_beyond() {
            self.tombstones.get_or_insert(0);
        }
        // Proofs or a removal may have cut a log here: whether the peer shows the same is asked soon. What only others
        // see shows in nothing, not even in a frame out of turn.
        if !same {
            self.settle_at = Some(now.saturating_add(SETTLE_MS));
        }
    }

    fn compare(&mut self, theirs: (Option<Digest>, Option<Digest>), now: Millis, effects: &mut Vec<Effect>) {
        self.frontier.received += 1;
        if self.frontier.owes_answer() {
            self.send_frontier(now, effects);
        }
        if theirs == self.digests() {
            self.unsettled = false;
            self.settle_at = None;
            self.doubts = 0;
            self.rows_at = self.rows_at.filter(|_| self.rows.owes_answer());
            self.tombstones = None;
            self.offered = false;
            self.offers = (now, OFFER_FIRST_MS);
            self.out.peer_equal();
            effects.push(Effect::Equal);
            return;
        }
        self.unsettled = true;
        let under_way = self.out.is_known() && (self.doubts == 0 || (self.moved && self.doubts < MAX_DOUBTS));
        self.moved = false;
        if under_way {
            self.doubts += 1;
            self.frontier_at = self.frontier_at.min(now.saturating_add(RECHECK_MS));
        } else {
            self.want_rows(now);
        }
    }

    fn peer_rows(&mut self, rows: Vec<(RowKey, Head)>, complete: bool, now: Millis, effects: &mut Vec<Effect>) {
        for (key, head) in rows {
            match self.access.on_receipt(key.log, key.hub, self.peer) {
                Receipt::Breach(what) => {
                    effects.push(Effect::Report(Notice::Breach {
                        log: key.log,
                        hub: key.hub,
                        what,
                    }));
                    continue;
                }
                Receipt::Dropped => continue,
                Receipt::Allowed if self.access.scope(key.log) == Scope::Unknown => continue,
                Receipt::Allowed if self.access.standing(key.hub).is_none() => continue,
                Receipt::Allowed => {}
            }
            match self.out.peer_holds(key, head, now) {
                Claim::Fine => {}
                Claim::Regressed => effects.push(Effect::Report(Notice::Regressed(key))),
                Claim::Forked => self.probe(key, head.seq, effects),
            }
        }
        if complete {
            self.rows.received += 1;
            self.out.peer_complete(now);
            if self.offers.0 <= now {
                self.offered = true;
                let (_, pause) = self.offers;
                self.offers = (now.saturating_add(pause), pause.saturating_mul(2).min(OFFER_MAX_MS));
            }
            if self.offered || !self.access.is_gone_between(self.peer) {
                self.tombstones = Some(0);
            }
            if self.rows.owes_answer() {
                self.want_rows(now);
            }
        }
        self.progress(now);
    }

    fn delivered(&mut self, envelopes: Vec<Envelope>, effects: &mut Vec<Effect>) {
        let mut allowed = Vec::with_capacity(envelopes.len());
        for envelope in envelopes {
            let header = &envelope.header;
            let receipt = if header.kind == Kind::Tombstone {
                self.access.on_receipt_of_tombstone(header.log, header.hub, self.peer)
            } else {
                self.access.on_receipt(header.log, header.hub, self.peer)
            };
            match receipt {
                Receipt::Breach(what) => {
                    effects.push(Effect::Report(Notice::Breach {
                        log: header.log,
                        hub: header.hub,
                        what,
                    }));
                }
                Receipt::Dropped => {}
                Receipt::Allowed => {
                    let row = RowKey::of(header);
                    let came = self.taking.get(&row).map_or(0, |last| last.saturating_add(1));
                    // Whoever sends a tombstone ahead of its log may have nothing of what comes before it.
                    let is_ahead = header.kind == Kind::Tombstone && header.seq > came.max(self.out.acked(&row));
                    if !is_ahead {
                        let last = self.taking.entry(row).or_default();
                        *last = header.seq.max(*last);
                    }
                    allowed.push(envelope);
                }
            }
        }
        if !allowed.is_empty() {
            effects.push(Effect::Take(allowed));
        }
    }

    fn taken(&mut self, rows: &[(RowKey, Head)], gap: bool, now: Millis) {
        for (key, head) in rows {
            if self.access.may_send(key.log, key.hub, self.peer) {
                self.out.advance(*key, *head, now);
            }
        }
        for (key, seq) in std::mem::take(&mut self.taking) {
            self.out.peer_sent(key, seq, now);
            self.acknowledge(key, now);
        }
        if gap {
            let earliest = self
                .rows_sent_at
                .map_or(now, |sent| sent.saturating_add(self.gap_every));
            self.rows_at = Some(self.rows_at.unwrap_or(Millis::MAX).min(earliest.max(now)));
            self.gap_every = self.gap_every.saturating_mul(2).min(GAP_MAX_MS);
        } else if !rows.is_empty() {
            self.gap_every = GAP_FIRST_MS;
        }
        if !rows.is_empty() {
            self.progress(now);
        }
    }

    fn read(&mut self, row: RowKey, envelopes: Vec<Envelope>, effects: &mut Vec<Effect>) {
        self.reading = false;
        let from = self.out.next().filter(|(key, _)| *key == row).map(|(_, from)| from);
        let Some(mut expected) = from else { return };
        let before = self.batch.len();
        let mut covering = None;
        for envelope in envelopes {
            let header = envelope.header;
            let key = RowKey::of(&header);
            if header.kind == Kind::Tombstone && (key, header.seq) != (row, expected) {
                covering = Some(envelope).filter(|_| !self.out.was_told(&key, header.seq));
                continue;
            }
            let at_the_end = self.out.ours().end(&row).is_some_and(|end| expected >= end);
            let places = 1 + usize::from(covering.is_some());
            if at_the_end || header.seq != expected || self.batch.len() + places > MAX_BATCH_ENVELOPES {
                break;
            }
            expected += 1;
            for envelope in covering.take().into_iter().chain([envelope]) {
                self.batch_bytes += envelope.wire_len();
                self.batch.push(envelope);
            }
        }
        if self.batch.len() == before {
            self.out.skip(row);
            effects.push(Effect::Report(Notice::Unreadable(row)));
            return;
        }
        self.out.mark_sent(row, expected);
    }

    /// A tombstone is news here. Who compares its row finds it there; a hub that is gone is told at once.
    fn erased(&mut self, tombstone: &Envelope, sum: Digest, now: Millis, effects: &mut Vec<Effect>) {
        let log = tombstone.header.log;
        if !self.access.share_tombstones(log, self.peer) {
            return;
        }
        self.out.put_tombstones(log, sum);
        if tombstone.header.hub == self.local.hub && self.phase == Phase::Open {
            let at = now.saturating_add(ASK_AFTER_MS);
            self.ask_at = Some(self.ask_at.map_or(at, |before| before.min(at)));
        }
        if self.asked.contains_key(&tombstone.hash()) {
            self.look_for_receipts(effects);
        }
        if !self.access.is_gone_between(self.peer) {
            return;
        }
        if self.phase != Phase::Open || tombstone.header.hub == self.peer || !self.may_send(&tombstone.header) {
            return;
        }
        if self.batch.len() < MAX_BATCH_ENVELOPES {
            self.batch_bytes += tombstone.wire_len();
            self.batch.push(tombstone.clone());
        } else {
            self.tombstones = Some(0);
        }
    }

    /// Whether the peer may have this envelope.
    fn may_send(&self, header: &Header) -> bool {
        let (log, hub) = (header.log, header.hub);
        self.access.may_send(log, hub, self.peer)
            || (header.kind == Kind::Tombstone && self.access.may_send_tombstone(log, hub, self.peer))
    }

    fn ask_for_receipts(
        &mut self,
        mut tombstones: Vec<(ObjectId, HeaderHash)>,
        now: Millis,
        effects: &mut Vec<Effect>,
    ) {
        if tombstones.is_empty() || self.phase != Phase::Open {
            return;
        }
        let at = now.saturating_add(ASK_AGAIN_MS);
        self.ask_at = Some(self.ask_at.map_or(at, |before| before.min(at)));
        tombstones.truncate(MAX_RECEIPTS);
        effects.push(Effect::Send(Frame::AskReceipts(tombstones)));
    }

    /// The peer asks. What cannot be answered yet is remembered, up to a number; it asks again.
    fn asked_for_receipts(&mut self, tombstones: Vec<(ObjectId, HeaderHash)>, effects: &mut Vec<Effect>) {
        for (object, tombstone) in &tombstones {
            if self.asked.len() < MAX_ASKED {
                self.asked.insert(*tombstone, *object);
            }
        }
        effects.push(Effect::ReadReceipts(tombstones));
    }

    /// Something was erased here: perhaps what the peer asked about.
    fn look_for_receipts(&self, effects: &mut Vec<Effect>) {
        let asked: Vec<_> = self
            .asked
            .iter()
            .map(|(tombstone, object)| (*object, *tombstone))
            .collect();
        if !asked.is_empty() {
            effects.push(Effect::ReadReceipts(asked));
        }
    }

    fn send_receipts(&mut self, receipts: Vec<(HeaderHash, SignedReceipt)>, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Open {
            return;
        }
        for (tombstone, _) in &receipts {
            self.asked.remove(tombstone);
        }
        let mut receipts: Vec<SignedReceipt> = receipts.into_iter().map(|(_, receipt)| receipt).collect();
        while !receipts.is_empty() {
            let rest = receipts.split_off(receipts.len().min(MAX_RECEIPTS));
            effects.push(Effect::Send(Frame::Receipts(receipts)));
            receipts = rest;
        }
    }

    fn read_tombstones(&mut self, envelopes: Vec<Envelope>, more: bool) {
        self.reading = false;
        let sent = self.tombstones.unwrap_or(0) + envelopes.len();
        self.tombstones = (more && !envelopes.is_empty()).then_some(sent);
        if self.tombstones.is_none() {
            self.offered = false;
            self.out.beyond_sent();
        }
        self.batch_bytes += envelopes.iter().map(Envelope::wire_len).sum::<usize>();
        self.batch.extend(envelopes);
    }

    fn set_streams(&mut self, streams: &BTreeSet<HubId>) {
        let others = streams.iter().filter(|hub| **hub != self.peer).take(MAX_STREAMS);
        self.streams = others.copied().collect();
    }

    fn tick(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Waiting {
            if now >= self.opened_at.saturating_add(HELLO_WITHIN_MS) {
                self.end(Farewell::Protocol, "no Hello came within 10 s", effects);
            }
            return;
        }
        if now >= self.heard_at.saturating_add(SILENCE_MS) {
            return self.end(Farewell::Stopping, "nothing was heard for 90 s", effects);
        }
        self.out.tick(now);
        if self.beacons_at.is_some_and(|at| at <= now) {
            self.beacons_at = None;
            effects.push(Effect::ReadBeacons);
        }
        if self.ask_at.is_some_and(|at| at <= now) {
            self.ask_at = None;
            effects.push(Effect::ReadAsked);
        }
        if now >= self.frontier_at || self.settle_at.is_some_and(|at| at <= now) {
            self.send_frontier(now, effects);
        }
    }

    /// Sends what is due and, as long as the stream takes it, what the peer lacks.
    fn pump(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Open {
            return;
        }
        if self.streams != self.streams_said {
            self.streams_said.clone_from(&self.streams);
            effects.push(Effect::Send(Frame::Streams(self.streams.clone())));
        }
        if self.rows_at.is_some_and(|at| at <= now) {
            self.rows_at = None;
            if !std::mem::replace(&mut self.rows_after_proofs, true) {
                effects.push(Effect::ReadProofs);
            }
        }
        if self.writable && self.batch.is_empty() && self.acks_at.is_some_and(|at| at <= now) {
            self.send_acks(effects);
        }
        if self.writable && !self.reading {
            self.fill_batch(effects);
        }
    }

    /// Asks for the next log, or sends the batch once it is full or nothing is left to read.
    fn fill_batch(&mut self, effects: &mut Vec<Effect>) {
        let max_bytes = MAX_BATCH_BYTES.saturating_sub(self.batch_bytes);
        let max_count = MAX_BATCH_ENVELOPES.saturating_sub(self.batch.len());
        let room = self.batch.is_empty() || (max_bytes >= ROOM_FOR_ONE && max_count > 0);
        if room && let Some(effect) = self.next_read(max_bytes, max_count) {
            self.reading = true;
            effects.push(effect);
        } else if !self.batch.is_empty() {
            self.batch_bytes = 0;
            let mut envelopes = std::mem::take(&mut self.batch);
            // What the peer may see can have changed since they were read.
            envelopes.retain(|envelope| self.may_send(&envelope.header));
            if !envelopes.is_empty() {
                self.writable = false;
                effects.push(Effect::Send(Frame::Envelopes(envelopes)));
            }
        }
    }

    fn next_read(&mut self, max_bytes: usize, max_count: usize) -> Option<Effect> {
        if let Some(skip) = self.tombstones.filter(|_| !self.out.registry_first()) {
            let gone = self.access.is_gone_between(self.peer);
            let lacking = self.out.lacking();
            if gone || self.offered || !lacking.is_empty() {
                if skip == 0 && !gone {
                    self.out.tell_ahead(&lacking);
                }
                let wanted = if gone {
                    Tombstones::All(lacking)
                } else if self.offered {
                    Tombstones::Ahead(lacking)
                } else {
                    Tombstones::Lacking(lacking)
                };
                return Some(Effect::ReadTombstones {
                    wanted,
                    skip,
                    max_bytes,
                });
            }
            self.tombstones = None;
        }
        let (row, from_seq) = self.out.next()?;
        Some(Effect::ReadLog {
            row,
            from_seq,
            max_bytes,
            max_count,
        })
    }

    fn acknowledge(&mut self, key: RowKey, at: Millis) {
        self.acks.insert(key);
        self.acks_at = Some(self.acks_at.map_or(at, |before| before.min(at)));
    }

    /// The heads are those of now, not of when the acknowledgement fell due: a peer never sees a row go back.
    fn send_acks(&mut self, effects: &mut Vec<Effect>) {
        let mut rows = Vec::new();
        while rows.len() < MAX_ROWS
            && let Some(key) = self.acks.pop_first()
        {
            rows.extend(self.out.ours().head(&key).map(|head| (key, head)));
        }
        if self.acks.is_empty() {
            self.acks_at = None;
        }
        if !rows.is_empty() {
            self.writable = false;
            effects.push(Effect::Send(Frame::Rows { rows, complete: false }));
        }
    }

    fn send_frontier(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.frontier.sent += 1;
        self.settle_at = None;
        self.frontier_at = now.saturating_add(FRONTIER_EVERY_MS);
        let (shared, common) = self.digests();
        effects.push(Effect::Send(Frame::Frontier { shared, common }));
    }

    fn want_rows(&mut self, now: Millis) {
        let earliest = self.rows_sent_at.map_or(now, |sent| sent.saturating_add(ROWS_EVERY_MS));
        self.rows_at = Some(self.rows_at.unwrap_or(Millis::MAX).min(earliest.max(now)));
    }

    fn send_rows(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.rows.sent += 1;
        self.rows_sent_at = Some(now);
        self.doubts = 0;
        let mut rows: Vec<(RowKey, Head)> = self.out.ours().rows().collect();
        while rows.len() > MAX_ROWS {
            let rest = rows.split_off(MAX_ROWS);
            effects.push(Effect::Send(Frame::Rows { rows, complete: false }));
            rows = rest;
        }
        effects.push(Effect::Send(Frame::Rows { rows, complete: true }));
    }

    /// Something moved after unequal digests: they are compared again soon after the last such move, so that both sides
    /// know when they are equal.
    fn progress(&mut self, now: Millis) {
        self.moved = true;
        if self.unsettled {
            self.settle_at = Some(now.saturating_add(SETTLE_MS));
        }
    }

    fn end(&mut self, code: Farewell, reason: &str, effects: &mut Vec<Effect>) {
        self.phase = Phase::Closed;
        let reason: String = reason.chars().take(MAX_TEXT).collect();
        effects.push(Effect::Send(Frame::Goodbye {
            code,
            reason: reason.clone(),
        }));
        effects.push(Effect::Close {
            code,
            reason,
            by_peer: false,
        });
    }
}

/// Which limit a frame is over, in words.
fn over_limit(frame: &Frame) -> Option<String> {
    let (count, limit, what) = match frame {
        Frame::Hello(hello) if hello.features.len() > MAX_FEATURES => (hello.features.len(), MAX_FEATURES, "features"),
        Frame::Hello(hello) => (hello.streams.len(), MAX_STREAMS, "streams"),
        Frame::Streams(streams) => (streams.len(), MAX_STREAMS, "streams"),
        Frame::Rows { rows, .. } => (rows.len(), MAX_ROWS, "rows"),
        Frame::Envelopes(envelopes) => (envelopes.len(), MAX_BATCH_ENVELOPES, "envelopes"),
        Frame::Proofs(proofs) => (proofs.len(), MAX_PROOFS, "proofs"),
        Frame::AskReceipts(tombstones) => (tombstones.len(), MAX_RECEIPTS, "questions about tombstones"),
        Frame::Receipts(receipts) => (receipts.len(), MAX_RECEIPTS, "receipts"),
        Frame::Frontier { .. }
        | Frame::AskHeader(..)
        | Frame::Beacon(_)
        | Frame::Header(..)
        | Frame::Goodbye { .. }
        | Frame::Unknown => {
            return None;
        }
    };
    (count > limit).then(|| format!("{count} {what} where {limit} are allowed"))
}
