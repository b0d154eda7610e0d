//! Nodes with a toy log store, and links between them that drop, delay and repeat: the world in which sessions are tested.
#![allow(clippy::cast_possible_truncation, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{
    Effect, Event, Farewell, Frame, Local, Millis, Notice, PROTOCOL_MAX, PROTOCOL_MIN, Proof, Session, Tombstones,
};
use crate::access::{Access, Scope};
use crate::beacon::SignedBeacon;
use crate::body::{Body, Content, Open};
use crate::cut::{Cuts, Named};
use crate::envelope::{Envelope, Header, Kind, Sealed};
use crate::frontier::{Frontier, Head, RowKey};
use crate::group::{Group, Groups, UnknownLog, members_of, on_receipt_of_unknown};
use crate::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};
use crate::registry::Standing;

pub(super) const NETWORK: NetworkId = NetworkId([9; 16]);

pub(super) fn hub(number: u8) -> HubId {
    HubId([number; 16])
}

/// splitmix64, so that a run is replayed from its seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(super) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

/// A node: a log store that holds what continues a log, and nothing else.
pub(super) struct Node {
    pub(super) hub: HubId,
    pub(super) epoch: Epoch,
    pub(super) access: Arc<Access>,
    pub(super) standings: BTreeMap<HubId, Standing>,
    pub(super) groups: Groups,
    pub(super) logs: BTreeMap<RowKey, Vec<Envelope>>,
    pub(super) frontier: Frontier,
    /// The proof with the lowest number of each forked log.
    pub(super) proofs: BTreeMap<RowKey, Proof>,
    pub(super) cuts: Cuts,
    pub(super) beacons: BTreeMap<HubId, SignedBeacon>,
    /// Tombstones, each of a document of its own, and those that sessions are still to be told of.
    pub(super) tombstones: BTreeMap<HeaderHash, Envelope>,
    pub(super) erased: Vec<Event>,
    /// Envelopes given to the intake, and how many of them were there already.
    pub(super) delivered: usize,
    pub(super) repeated: usize,
}

impl Node {
    pub(super) fn new(number: u8, hubs: u8) -> Self {
        let hubs: BTreeMap<_, _> = (1..=hubs).map(|number| (hub(number), Standing::Active)).collect();
        Self {
            hub: hub(number),
            epoch: Epoch(u64::from(number)),
            access: Arc::new(Access::new(NETWORK, hub(number), &hubs, &BTreeMap::new())),
            standings: hubs,
            groups: Groups::new(),
            logs: BTreeMap::new(),
            frontier: Frontier::new(),
            proofs: BTreeMap::new(),
            cuts: Cuts::default(),
            beacons: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            erased: Vec::new(),
            delivered: 0,
            repeated: 0,
        }
    }

    /// Writes one envelope of `bytes` of body to an own log.
    pub(super) fn write(&mut self, log: LogId, bytes: usize) -> (RowKey, Head) {
        self.write_kind(log, Kind::Change, bytes)
    }

    /// The same of another kind.
    pub(super) fn write_kind(&mut self, log: LogId, kind: Kind, bytes: usize) -> (RowKey, Head) {
        let key = RowKey {
            log,
            hub: self.hub,
            epoch: self.epoch,
        };
        let held = self.logs.entry(key).or_default();
        let header = Header {
            network: NETWORK,
            hub: self.hub,
            key_number: 0,
            log,
            epoch: self.epoch,
            seq: held.len() as u64,
            previous: held.last().map_or(HeaderHash::ZERO, Envelope::hash),
            kind,
            object: ObjectId([1; 16]),
            generation: 0,
            commitment: [bytes as u8; 32],
        };
        let sealed = Some(Sealed {
            salt: [0; 32],
            body: vec![7; bytes],
        });
        let envelope = Envelope {
            header,
            signature: [0; 64],
            sealed,
        };
        self.keep_tombstone(&envelope);
        self.hold(envelope).unwrap()
    }

    /// Access as it follows from what this node knows.
    pub(super) fn refresh_access(&mut self) {
        let groups = members_of(&self.groups);
        self.access = Arc::new(Access::new(NETWORK, self.hub, &self.standings, &groups));
    }

    /// Opens this node's log of a group.
    pub(super) fn open_group(&mut self, group: &Group) -> (RowKey, Head) {
        let log = group.log(NETWORK);
        self.groups.insert(log, group.clone());
        self.refresh_access();
        let (members, nonce) = group.named();
        let body = Body {
            clock: 1,
            content: Some(Content::Open(Open {
                earlier: Vec::new(),
                members,
                nonce,
            })),
        };
        let header = Header {
            network: NETWORK,
            hub: self.hub,
            key_number: 0,
            log,
            epoch: self.epoch,
            seq: 0,
            previous: HeaderHash::ZERO,
            kind: Kind::Open,
            object: ObjectId::ZERO,
            generation: 0,
            commitment: [1; 32],
        };
        let sealed = Some(Sealed {
            salt: [0; 32],
            body: body.encode_bytes(),
        });
        let envelope = Envelope {
            header,
            signature: [0; 64],
            sealed,
        };
        self.hold(envelope).unwrap()
    }

    /// Keeps a tombstone, wherever in its log it lies.
    fn keep_tombstone(&mut self, envelope: &Envelope) {
        let (log, hash) = (envelope.header.log, envelope.hash());
        if envelope.header.kind == Kind::Tombstone && self.tombstones.insert(hash, envelope.clone()).is_none() {
            let sum = self.frontier.keep_tombstone(log, hash);
            self.erased.push(Event::Erased(Arc::new(envelope.clone()), sum));
        }
    }

    pub(super) fn hold(&mut self, envelope: Envelope) -> Option<(RowKey, Head)> {
        let header = envelope.header;
        let key = RowKey {
            log: header.log,
            hub: header.hub,
            epoch: header.epoch,
        };
        let held = self.logs.entry(key).or_default();
        let previous = held.last().map_or(HeaderHash::ZERO, Envelope::hash);
        if header.seq != held.len() as u64 || header.previous != previous {
            return None;
        }
        let head = Head {
            seq: header.seq,
            hash: envelope.hash(),
        };
        held.push(envelope);
        self.show(key);
        Some((key, self.frontier.head(&key).unwrap_or(head)))
    }

    /// The row of a log as it is exchanged.
    fn show(&mut self, key: RowKey) {
        let held = self.logs.get(&key);
        let head = held.and_then(|held| held.last()).map(|last| Head {
            seq: last.header.seq,
            hash: last.hash(),
        });
        let hash_at = |seq: u64| Some(held?.get(seq as usize)?.hash());
        let shown = self.cuts.shown_head(&key, head, &BTreeSet::new(), hash_at);
        self.frontier.show(key, shown, self.cuts.end(&key));
    }

    /// Keeps the proofs that say something new; returns those.
    pub(super) fn take_proofs(&mut self, proofs: Vec<Proof>) -> Vec<Proof> {
        let mut news = Vec::new();
        for proof in proofs {
            let header = &proof.a.header;
            assert_eq!(header.seq, proof.b.header.seq);
            assert_ne!(proof.a.header, proof.b.header);
            let key = RowKey {
                log: header.log,
                hub: header.hub,
                epoch: header.epoch,
            };
            if self
                .proofs
                .get(&key)
                .is_none_or(|known| known.a.header.seq > header.seq)
            {
                self.proofs.insert(key, proof.clone());
                news.push(proof);
            }
        }
        let forks = self.proofs.iter().map(|(key, proof)| (*key, proof.a.header.seq));
        self.cuts = Cuts::new(forks.collect(), BTreeMap::new(), BTreeMap::new(), Named::default());
        for key in self.proofs.keys().copied().collect::<Vec<_>>() {
            self.show(key);
        }
        news
    }

    pub(super) fn header(&self, row: RowKey, seq: u64) -> Option<Envelope> {
        let mut envelope = self.logs.get(&row)?.get(seq as usize)?.clone();
        envelope.sealed = None;
        Some(envelope)
    }

    /// Takes a batch: which rows advanced, whether there was a gap, and what contradicts what is held.
    pub(super) fn take(
        &mut self,
        from: HubId,
        envelopes: Vec<Envelope>,
    ) -> (Vec<(RowKey, Head)>, bool, Vec<(RowKey, u64)>) {
        let mut rows = BTreeMap::new();
        let mut gap = false;
        let mut forked = Vec::new();
        for envelope in envelopes {
            self.delivered += 1;
            let header = envelope.header;
            let key = RowKey {
                log: header.log,
                hub: header.hub,
                epoch: header.epoch,
            };
            if self.cuts.end(&key).is_some_and(|end| header.seq >= end) {
                continue;
            }
            if self.access.scope(header.log) == Scope::Unknown {
                match on_receipt_of_unknown(NETWORK, self.hub, &envelope, from) {
                    UnknownLog::Opens(group) => {
                        self.groups.insert(header.log, group);
                        self.refresh_access();
                    }
                    UnknownLog::Early => {
                        gap = true;
                        continue;
                    }
                    UnknownLog::Not(_) => continue,
                }
            }
            self.keep_tombstone(&envelope);
            let held = self.logs.get(&key).map_or(0, |held| held.len() as u64);
            if header.seq < held {
                self.repeated += 1;
                if self.header(key, header.seq).is_some_and(|own| own.header != header) {
                    forked.push((key, header.seq));
                }
                continue;
            }
            match self.hold(envelope) {
                Some((key, head)) => _ = rows.insert(key, head),
                None if header.seq == held && held > 0 => forked.push((key, held - 1)),
                None => gap |= header.kind != Kind::Tombstone,
            }
        }
        (rows.into_iter().collect(), gap, forked)
    }

    fn read_tombstones(&self, wanted: &Tombstones) -> Vec<Envelope> {
        match wanted {
            Tombstones::All(_) => self.tombstones.values().cloned().collect(),
            Tombstones::Ahead(_) => {
                let logs = &self.logs;
                let is_ahead = |one: &&Envelope| {
                    let log = logs.get(&RowKey::of(&one.header));
                    log.is_none_or(|log| log.len() as u64 <= one.header.seq)
                };
                self.tombstones.values().filter(is_ahead).cloned().collect()
            }
            Tombstones::Lacking(_) => Vec::new(),
        }
    }

    pub(super) fn read(&self, row: RowKey, from_seq: u64, max_bytes: usize, max_count: usize) -> Vec<Envelope> {
        let mut out = Vec::new();
        let mut bytes = 0;
        for envelope in self.logs.get(&row).into_iter().flatten().skip(from_seq as usize) {
            bytes += envelope.wire_len();
            if !out.is_empty() && (bytes > max_bytes || out.len() >= max_count) {
                break;
            }
            out.push(envelope.clone());
        }
        out
    }
}

/// Bytes of a frame as protobuf, counted by hand; the node's tests compare with the real encoding.
pub(super) fn wire_len(frame: &Frame) -> usize {
    match frame {
        Frame::Hello(hello) => 2 + 2 + 18 + 18 + 9 + 2 + hello.software.len() + 18 * hello.streams.len() + 2,
        Frame::Frontier { shared, common } => {
            2 + 34 * usize::from(shared.is_some()) + 34 * usize::from(common.is_some())
        }
        Frame::Rows { rows, .. } => 8 + 90 * rows.len(),
        Frame::Streams(streams) => 2 + 18 * streams.len(),
        Frame::Envelopes(envelopes) => 6 + envelopes.iter().map(|envelope| envelope.wire_len() + 16).sum::<usize>(),
        Frame::Proofs(_)
        | Frame::AskHeader(..)
        | Frame::Beacon(_)
        | Frame::AskReceipts(_)
        | Frame::Receipts(_)
        | Frame::Header(..)
        | Frame::Goodbye { .. }
        | Frame::Unknown => 8,
    }
}

/// One side of a connection.
pub(super) struct End {
    pub(super) node: usize,
    pub(super) session: Session,
    /// Frames under way to the other side, with their time of arrival.
    pub(super) line: VecDeque<(Millis, Frame)>,
    pub(super) equal_at: Option<Millis>,
    pub(super) closed: Option<(Farewell, String)>,
}

pub(super) struct Link {
    pub(super) ends: [End; 2],
    /// Latency of each direction.
    pub(super) delay: Millis,
}

/// Nodes and connections, and the time.
pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    pub(super) links: Vec<Link>,
    pub(super) now: Millis,
    pub(super) random: Random,
    /// Delay between frames varies by up to so much.
    pub(super) jitter: Millis,
    pub(super) repeat_batches: bool,
    pub(super) frames: usize,
    pub(super) bytes: usize,
    pub(super) notices: Vec<Notice>,
    pub(super) beacons_sent: usize,
    /// Everything that was sent, in order: when, from which node, to which.
    pub(super) recorded: Vec<(Millis, usize, usize, Frame)>,
}

impl World {
    pub(super) fn new(nodes: u8, seed: u64) -> Self {
        Self {
            nodes: (1..=nodes).map(|number| Node::new(number, nodes)).collect(),
            links: Vec::new(),
            now: 0,
            random: Random(seed),
            jitter: 0,
            repeat_batches: false,
            frames: 0,
            bytes: 0,
            notices: Vec::new(),
            beacons_sent: 0,
            recorded: Vec::new(),
        }
    }

    pub(super) fn local(&self, node: usize) -> Local {
        Local {
            network: NETWORK,
            hub: self.nodes[node].hub,
            epoch: self.nodes[node].epoch,
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            software: "0.1.0".into(),
        }
    }

    pub(super) fn streams_of(&self, node: usize) -> BTreeSet<HubId> {
        let ends = self
            .links
            .iter()
            .filter(|link| link.ends.iter().all(|end| end.closed.is_none()));
        ends.filter_map(|link| {
            let at = link.ends.iter().position(|end| end.node == node)?;
            Some(self.nodes[link.ends[1 - at].node].hub)
        })
        .collect()
    }

    pub(super) fn connect(&mut self, one: usize, other: usize, delay: Millis) {
        let end = |world: &Self, own: usize, peer: usize| End {
            node: own,
            session: Session::new(
                world.local(own),
                world.nodes[peer].hub,
                world.nodes[own].access.clone(),
                &world.nodes[own].frontier,
                &world.streams_of(own),
                world.now,
            ),
            line: VecDeque::new(),
            equal_at: None,
            closed: None,
        };
        let ends = [end(self, one, other), end(self, other, one)];
        self.links.push(Link { ends, delay });
        let link = self.links.len() - 1;
        for side in 0..2 {
            self.event(link, side, Event::Opened);
            self.event(link, side, Event::Writable);
        }
        self.tell_streams();
    }

    pub(super) fn drop_link(&mut self, link: usize) {
        self.links.remove(link);
        self.tell_streams();
    }

    pub(super) fn tell_streams(&mut self) {
        for link in 0..self.links.len() {
            for side in 0..2 {
                let streams = self.streams_of(self.links[link].ends[side].node);
                self.event(link, side, Event::StreamsChanged(streams));
            }
        }
    }

    pub(super) fn write(&mut self, node: usize, log: LogId, bytes: usize) {
        let row = self.nodes[node].write(log, bytes);
        self.heads(node, &[row]);
    }

    pub(super) fn heads(&mut self, node: usize, rows: &[(RowKey, Head)]) {
        for link in 0..self.links.len() {
            for side in 0..2 {
                if self.links[link].ends[side].node == node {
                    self.event(link, side, Event::Heads(rows.to_vec()));
                }
            }
        }
    }

    pub(super) fn event(&mut self, link: usize, side: usize, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = self.now;
            let end = &mut self.links[link].ends[side];
            let node = end.node;
            for effect in end.session.handle(event, now) {
                match effect {
                    Effect::Send(frame) => self.send(link, side, frame),
                    Effect::ReadLog {
                        row,
                        from_seq,
                        max_bytes,
                        max_count,
                    } => {
                        events.push_back(Event::Read(
                            row,
                            self.nodes[node].read(row, from_seq, max_bytes, max_count),
                        ));
                    }
                    Effect::ReadTombstones { wanted, .. } => {
                        events.push_back(Event::Tombstones {
                            envelopes: self.nodes[node].read_tombstones(&wanted),
                            more: false,
                        });
                    }
                    Effect::Take(envelopes) => {
                        let from = self.nodes[self.links[link].ends[1 - side].node].hub;
                        let before = self.nodes[node].access.clone();
                        let (rows, gap, forked) = self.nodes[node].take(from, envelopes);
                        if !Arc::ptr_eq(&before, &self.nodes[node].access) {
                            events.extend(self.access_changed(node, Some((link, side))));
                        }
                        events.extend(self.erased(node, Some((link, side))));
                        events.push_back(Event::Taken {
                            rows: rows.clone(),
                            gap,
                            forked,
                        });
                        self.heads(node, &rows);
                    }
                    Effect::ReadProofs => {
                        let proofs = self.nodes[node].proofs.values().cloned().collect();
                        events.push_back(Event::Proofs(proofs));
                    }
                    Effect::TakeProofs(proofs) => {
                        let news = self.nodes[node].take_proofs(proofs);
                        events.extend(self.proved(node, (link, side), &news));
                    }
                    Effect::ReadBeacons => {
                        let beacons = self.nodes[node].beacons.iter();
                        let all = beacons.map(|(hub, beacon)| (*hub, beacon.clone())).collect();
                        events.push_back(Event::Beacons(all));
                    }
                    Effect::TakeBeacon(beacon) => {
                        self.beacons_sent += 1;
                        self.take_beacon(node, &beacon);
                    }
                    Effect::ReadAsked => events.push_back(Event::Asking(Vec::new())),
                    Effect::ReadReceipts(_) => events.push_back(Event::Receipts(Vec::new())),
                    Effect::ReadHeader(row, seq) => {
                        let header = self.nodes[node].header(row, seq).map(Box::new);
                        events.push_back(Event::Header(row, seq, header));
                    }
                    Effect::CompareHeader(theirs) => {
                        let header = theirs.header;
                        let row = RowKey {
                            log: header.log,
                            hub: header.hub,
                            epoch: header.epoch,
                        };
                        let own = self.nodes[node].header(row, header.seq);
                        let same = own.is_some_and(|own| own.header == header);
                        events.push_back(Event::Compared(row, header.seq, same));
                    }
                    Effect::Prove(theirs) => {
                        let header = theirs.header;
                        let row = RowKey {
                            log: header.log,
                            hub: header.hub,
                            epoch: header.epoch,
                        };
                        if let Some(own) = self.nodes[node].header(row, header.seq) {
                            let proof = Proof { a: own, b: *theirs };
                            let news = self.nodes[node].take_proofs(vec![proof]);
                            events.extend(self.proved(node, (link, side), &news));
                        }
                    }
                    Effect::Equal => self.links[link].ends[side].equal_at = Some(now),
                    Effect::Ready { .. } | Effect::TakeReceipts(_) => {}
                    Effect::Report(notice) => self.notices.push(notice),
                    Effect::Close { code, reason, .. } => self.links[link].ends[side].closed = Some((code, reason)),
                }
            }
        }
    }

    /// Keeps a beacon if it is newer, and tells the node's sessions.
    pub(super) fn take_beacon(&mut self, node: usize, signed: &SignedBeacon) {
        let beacon = signed.read(NETWORK).unwrap();
        let known = self.nodes[node].beacons.get(&beacon.hub);
        if known.is_some_and(|known| known.read(NETWORK).unwrap().at_ms >= beacon.at_ms) {
            return;
        }
        self.nodes[node].beacons.insert(beacon.hub, signed.clone());
        for link in 0..self.links.len() {
            for side in 0..2 {
                if self.links[link].ends[side].node == node {
                    self.event(link, side, Event::Beacon(beacon.hub, signed.clone()));
                }
            }
        }
    }

    /// Tells the node's sessions of another access; returns what the one at `here` is to be told.
    pub(super) fn access_changed(&mut self, node: usize, here: Option<(usize, usize)>) -> Option<Event> {
        let event = Event::Access(self.nodes[node].access.clone(), self.nodes[node].frontier.clone());
        for link in 0..self.links.len() {
            for side in 0..2 {
                if self.links[link].ends[side].node == node && Some((link, side)) != here {
                    self.event(link, side, event.clone());
                }
            }
        }
        here.map(|_| event)
    }

    /// Tells the node's sessions of new tombstones; returns what the one at `here` is to be told.
    pub(super) fn erased(&mut self, node: usize, here: Option<(usize, usize)>) -> Vec<Event> {
        let news = std::mem::take(&mut self.nodes[node].erased);
        for link in 0..self.links.len() {
            for side in 0..2 {
                if self.links[link].ends[side].node == node && Some((link, side)) != here {
                    for event in &news {
                        self.event(link, side, event.clone());
                    }
                }
            }
        }
        news
    }

    /// Tells the node's other sessions of new proofs; returns what the one at `here` is to be told.
    fn proved(&mut self, node: usize, here: (usize, usize), news: &[Proof]) -> Vec<Event> {
        if news.is_empty() {
            return Vec::new();
        }
        let access = self.nodes[node].access.clone();
        let all = vec![
            Event::Access(access, self.nodes[node].frontier.clone()),
            Event::Proved(news.to_vec()),
        ];
        for link in 0..self.links.len() {
            for side in 0..2 {
                if self.links[link].ends[side].node == node && (link, side) != here {
                    for event in all.clone() {
                        self.event(link, side, event);
                    }
                }
            }
        }
        all
    }

    pub(super) fn send(&mut self, link: usize, side: usize, frame: Frame) {
        self.frames += 1;
        self.bytes += wire_len(&frame);
        let ends = &self.links[link].ends;
        self.recorded
            .push((self.now, ends[side].node, ends[1 - side].node, frame.clone()));
        if let Frame::Rows { rows, .. } = &frame {
            assert!(
                rows.iter().all(|(key, _)| key.log != LogId::LOCAL),
                "a local row was sent"
            );
        }
        let jitter = if self.jitter == 0 {
            0
        } else {
            self.random.below(self.jitter)
        };
        let repeat = self.repeat_batches && matches!(frame, Frame::Envelopes(_)) && self.random.one_in(4);
        let (now, delay) = (self.now, self.links[link].delay);
        let line = &mut self.links[link].ends[side].line;
        let after = line.back().map_or(0, |(at, _)| *at);
        let at = after.max(now + delay + jitter);
        if repeat {
            line.push_back((at, frame.clone()));
        }
        line.push_back((at, frame));
    }

    /// The next moment at which something happens.
    pub(super) fn next_moment(&self) -> Option<Millis> {
        let arrivals = self
            .links
            .iter()
            .flat_map(|link| &link.ends)
            .filter_map(|end| end.line.front().map(|(at, _)| *at));
        let ticks = self
            .links
            .iter()
            .flat_map(|link| &link.ends)
            .filter_map(|end| end.session.next_tick());
        arrivals.chain(ticks).min()
    }

    pub(super) fn step(&mut self) {
        for link in 0..self.links.len() {
            for side in 0..2 {
                while let Some((at, _)) = self.links[link].ends[side].line.front()
                    && *at <= self.now
                {
                    let (_, frame) = self.links[link].ends[side].line.pop_front().unwrap();
                    let data = matches!(frame, Frame::Envelopes(_) | Frame::Rows { complete: false, .. });
                    self.event(link, 1 - side, Event::Received(frame));
                    if data {
                        self.event(link, side, Event::Writable);
                    }
                }
                if self.links[link].ends[side]
                    .session
                    .next_tick()
                    .is_some_and(|at| at <= self.now)
                {
                    self.event(link, side, Event::Tick);
                }
            }
        }
    }

    pub(super) fn run_until(&mut self, until: Millis) {
        while let Some(next) = self.next_moment().filter(|next| *next <= until) {
            assert!(next >= self.now || self.now == 0, "time went back");
            self.now = next.max(self.now);
            self.step();
        }
        self.now = until;
    }

    pub(super) fn run_for(&mut self, ms: Millis) {
        self.run_until(self.now + ms);
    }

    pub(super) fn agree(&self) -> bool {
        self.nodes.windows(2).all(|pair| {
            pair[0].frontier.visible(&pair[0].access, pair[1].hub)
                == pair[1].frontier.visible(&pair[1].access, pair[0].hub)
        })
    }
}
