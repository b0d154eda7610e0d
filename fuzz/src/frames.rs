//! What comes in on the stream of the federation: frames, one after the other, to a session that has just been opened.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, LazyLock};

use interhub_domain::access::{Access, Receipt};
use interhub_domain::beacon::{Beacon, SignedBeacon};
use interhub_domain::envelope::{Envelope, Header, Kind, SigningKey};
use interhub_domain::frontier::{Frontier, Head, RowKey};
use interhub_domain::group::{Group, Groups, members_of};
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};
use interhub_domain::receipt::{MAX_RECEIPTS, Outcome, Receipt as Erasure, SignedReceipt};
use interhub_domain::registry::Standing;
use interhub_domain::session::{
    Effect, Event, Farewell, Frame, Hello, Local, MAX_ASKED, MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES, MAX_FRAME_BYTES,
    MAX_PROOFS, MAX_ROWS, MAX_TEXT, Millis, Proof, Session, Tombstones,
};
use interhub_proto::v1;
use prost::Message;

use crate::convert::{frame_from_proto, frame_to_proto};
use crate::{envelopes, input, world};

const NETWORK: NetworkId = NetworkId([9; 16]);
const EPOCH: Epoch = Epoch(7);
/// Frames of one input.
const MAX_FRAMES: usize = 32;
/// Steps after which a session is taken to go on for ever: each frame asks for a few.
const MAX_STEPS: usize = 20_000;
/// Time that passes with each frame.
const PACE_MS: Millis = 700;

/// Frames as [`input::part`]s. What is read comes back as it was; the session never panics, sends nothing over a limit and
/// nothing the peer may not see, hands on nothing the peer must not send, and ends in good order.
pub fn check(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut node = Node::new();
    let mut understood = true;
    node.happens(Event::Opened);
    node.happens(Event::Writable);
    for _ in 0..MAX_FRAMES {
        let Some(part) = input::part(&mut rest) else { break };
        let read = v1::Frame::decode(part).ok();
        let Some(frame) = read.and_then(|message| frame_from_proto(message).ok()) else {
            understood = false;
            continue;
        };
        comes_back(&frame);
        texts_are_short(&frame);
        node.happens(Event::Received(frame));
        node.waits(PACE_MS);
    }
    node.waits(5_000);
    understood && rest.is_empty() && node.ready
}

fn comes_back(frame: &Frame) {
    let again = v1::Frame::decode(frame_to_proto(frame).encode_to_vec().as_slice());
    let again = frame_from_proto(again.expect("a frame of ours is protobuf"));
    assert_eq!(again.as_ref(), Ok(frame));
}

fn texts_are_short(frame: &Frame) {
    if let Frame::Hello(Hello { software: text, .. }) | Frame::Goodbye { reason: text, .. } = frame {
        assert!(text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control));
    }
}

/// The first hub's node with a small log, as far as a session with the second hub knows it.
struct Node {
    session: Session,
    access: Arc<Access>,
    frontier: Frontier,
    now: Millis,
    ready: bool,
    closed: bool,
}

fn row(log: LogId, hub: HubId) -> RowKey {
    RowKey { log, hub, epoch: EPOCH }
}

/// A group of the two hubs, and one of the first and the third.
fn groups() -> Groups {
    let group = |other: u8| Group {
        nonce: [other; 16],
        members: BTreeSet::from([world::hub(1), world::hub(other)]),
    };
    [group(2), group(3)]
        .into_iter()
        .map(|group| (group.log(NETWORK), group))
        .collect()
}

/// What the first hub holds: the same at the beginning of every input.
static HELD: LazyLock<BTreeMap<RowKey, Vec<Envelope>>> = LazyLock::new(log);

/// Three envelopes that continue each other in each log of the first hub, a tombstone among them.
fn log() -> BTreeMap<RowKey, Vec<Envelope>> {
    let logs = [LogId::REGISTRY, LogId::PUBLIC, LogId::NETWORK, LogId::LOCAL];
    let mut held = BTreeMap::new();
    for log in logs.into_iter().chain(groups().into_keys()) {
        let mut envelopes: Vec<Envelope> = Vec::new();
        for (seq, kind) in [Kind::Open, Kind::Tombstone, Kind::Change].into_iter().enumerate() {
            let mut header = envelopes::sample(kind, b"").header;
            header.log = log;
            header.seq = seq as u64;
            header.previous = envelopes.last().map_or(header.previous, Envelope::hash);
            let sealed = interhub_domain::envelope::Sealed {
                salt: [3; 32],
                body: vec![8; 40],
            };
            envelopes.push(Envelope::sign(header, sealed, &world::key(1)));
        }
        held.insert(row(log, world::hub(1)), envelopes);
    }
    held
}

fn head_of(envelope: &Envelope) -> Head {
    Head {
        seq: envelope.header.seq,
        hash: envelope.hash(),
    }
}

impl Node {
    fn new() -> Self {
        let hubs = (1..=3).map(|number| (world::hub(number), Standing::Active)).collect();
        let access = Arc::new(Access::new(NETWORK, world::hub(1), &hubs, &members_of(&groups())));
        let heads = HELD
            .iter()
            .filter_map(|(row, held)| Some((*row, head_of(held.last()?))));
        let frontier: Frontier = heads.collect();
        let local = Local {
            network: NETWORK,
            hub: world::hub(1),
            epoch: EPOCH,
            protocol_min: 1,
            protocol_max: 1,
            software: "fuzz".into(),
        };
        let session = Session::new(local, world::hub(2), access.clone(), &frontier, &BTreeSet::new(), 0);
        Self {
            session,
            access,
            frontier,
            now: 0,
            ready: false,
            closed: false,
        }
    }

    /// One event, and whatever follows from it.
    fn happens(&mut self, event: Event) {
        let mut queue = VecDeque::from([event]);
        for step in 0.. {
            assert!(step < MAX_STEPS, "the session goes on for ever");
            let Some(event) = queue.pop_front() else { return };
            let effects = self.session.handle(event, self.now);
            assert!(
                effects.is_empty() || !self.closed,
                "something after the end: {effects:?}"
            );
            for effect in effects {
                assert!(!self.closed, "something after the end: {effect:?}");
                queue.extend(self.does(effect));
            }
        }
    }

    /// Time passes, a tick where the session asked for one.
    fn waits(&mut self, time: Millis) {
        let until = self.now + time;
        for step in 0.. {
            assert!(step < MAX_STEPS, "the session asks for ticks without end");
            match self.session.next_tick() {
                Some(tick) if tick <= until => {
                    self.now = self.now.max(tick);
                    self.happens(Event::Tick);
                }
                _ => break,
            }
        }
        self.now = until;
    }

    fn does(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Send(frame) => self.sends(&frame),
            Effect::ReadLog {
                row,
                from_seq,
                max_bytes,
                max_count,
            } => {
                assert!(max_bytes <= MAX_BATCH_BYTES && max_count <= MAX_BATCH_ENVELOPES);
                let held = HELD.get(&row).map(Vec::as_slice).unwrap_or_default();
                let wanted = held.iter().filter(|envelope| envelope.header.seq >= from_seq);
                Some(Event::Read(row, wanted.cloned().collect()))
            }
            Effect::ReadTombstones { wanted, .. } => Some(Event::Tombstones {
                envelopes: Self::tombstones(&wanted),
                more: false,
            }),
            Effect::Take(envelopes) => Some(self.takes(&envelopes)),
            Effect::ReadProofs => Some(Event::Proofs(Vec::new())),
            Effect::TakeProofs(proofs) => {
                assert!(proofs.len() <= MAX_PROOFS);
                None
            }
            Effect::ReadBeacons => Some(Event::Beacons(Vec::new())),
            Effect::ReadAsked => Some(Event::Asking(vec![(ObjectId([5; 16]), HeaderHash([6; 32]))])),
            Effect::ReadReceipts(asked) => {
                assert!(asked.len() <= MAX_ASKED);
                let known = asked.into_iter().filter(|(object, _)| object.0[0] % 2 == 0);
                Some(Event::Receipts(
                    known.map(|(_, tombstone)| (tombstone, receipt())).collect(),
                ))
            }
            Effect::TakeReceipts(receipts) => {
                assert!(receipts.len() <= MAX_RECEIPTS);
                for receipt in &receipts {
                    let _ = receipt.read(NETWORK);
                }
                None
            }
            Effect::TakeBeacon(beacon) => {
                let _ = beacon.read(NETWORK);
                None
            }
            Effect::ReadHeader(row, seq) => Some(Event::Header(row, seq, Self::header(&row, seq).map(Box::new))),
            Effect::CompareHeader(envelope) => {
                let header = &envelope.header;
                let row = row(header.log, header.hub);
                let same = Self::header(&row, header.seq).is_some_and(|held| held.header == *header);
                Some(Event::Compared(row, header.seq, same))
            }
            Effect::Ready { .. } => {
                self.ready = true;
                None
            }
            Effect::Prove(_) | Effect::Equal | Effect::Report(_) => None,
            Effect::Close { .. } => {
                self.closed = true;
                None
            }
        }
    }

    fn sends(&self, frame: &Frame) -> Option<Event> {
        comes_back(frame);
        assert!(frame_to_proto(frame).encoded_len() <= MAX_FRAME_BYTES);
        let may_see = |log: LogId, hub: HubId| self.access.may_send(log, hub, world::hub(2));
        let mut data = false;
        match frame {
            Frame::Rows { rows, complete } => {
                data = !complete;
                assert!(rows.len() <= MAX_ROWS);
                assert!(rows.iter().all(|(row, _)| may_see(row.log, row.hub)), "a row leaks");
            }
            Frame::Envelopes(envelopes) => {
                data = true;
                assert!(envelopes.len() <= MAX_BATCH_ENVELOPES);
                let to_erase = |header: &Header| {
                    header.kind == Kind::Tombstone
                        && self.access.may_send_tombstone(header.log, header.hub, world::hub(2))
                };
                let mut all = envelopes.iter().map(|envelope| &envelope.header);
                assert!(
                    all.all(|header| may_see(header.log, header.hub) || to_erase(header)),
                    "an envelope leaks"
                );
            }
            Frame::Header(row, _, Some(envelope)) => {
                assert!(may_see(row.log, row.hub) && envelope.sealed.is_none(), "a header leaks");
            }
            _ => {}
        }
        data.then_some(Event::Writable)
    }

    fn tombstones(wanted: &Tombstones) -> Vec<Envelope> {
        let (Tombstones::Lacking(lacking) | Tombstones::Ahead(lacking)) = wanted else {
            let all = HELD.values().flatten();
            let tombstones = all.filter(|envelope| envelope.header.kind == Kind::Tombstone);
            return tombstones.cloned().collect();
        };
        let beyond = |(row, from): &(RowKey, u64)| {
            let held = HELD.get(row).map(Vec::as_slice).unwrap_or_default();
            let from = *from;
            held.iter().filter(move |envelope| envelope.header.seq >= from)
        };
        let all = lacking.iter().flat_map(beyond);
        all.filter(|envelope| envelope.header.kind == Kind::Tombstone)
            .cloned()
            .collect()
    }

    /// Holds what continues a log, without looking at signatures: forging them is not what is tried here.
    fn takes(&mut self, envelopes: &[Envelope]) -> Event {
        assert!(envelopes.len() <= MAX_BATCH_ENVELOPES);
        let (mut rows, mut forked, mut gap) = (BTreeMap::new(), Vec::new(), false);
        for envelope in envelopes {
            let header = &envelope.header;
            let receipt = self.access.on_receipt(header.log, header.hub, world::hub(2));
            assert_eq!(receipt, Receipt::Allowed, "the intake gets what was not for it");
            let row = RowKey {
                log: header.log,
                hub: header.hub,
                epoch: header.epoch,
            };
            let next = self.frontier.head(&row).map_or(0, |head| head.seq.saturating_add(1));
            match header.seq.cmp(&next) {
                std::cmp::Ordering::Equal => {
                    self.frontier.advance(row, head_of(envelope));
                    rows.insert(row, head_of(envelope));
                }
                std::cmp::Ordering::Greater => gap = true,
                std::cmp::Ordering::Less => {
                    let held = Self::header(&row, header.seq);
                    if held.is_some_and(|held| held.header != *header) {
                        forked.push((row, header.seq));
                    }
                }
            }
        }
        Event::Taken {
            rows: rows.into_iter().collect(),
            gap,
            forked,
        }
    }

    fn header(row: &RowKey, seq: u64) -> Option<Envelope> {
        let held = HELD.get(row)?.get(usize::try_from(seq).ok()?)?;
        Some(Envelope {
            sealed: None,
            ..held.clone()
        })
    }
}

/// Seeds: what the second hub says on streams that go well, that end, and that find a fork.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let hello = Frame::Hello(Hello {
        protocol_min: 1,
        protocol_max: 1,
        network: NETWORK,
        hub: world::hub(2),
        epoch: Epoch(8),
        software: "0.1.0".into(),
        streams: BTreeSet::from([world::hub(3)]),
        features: vec![1],
    });
    let unequal = Frame::Frontier {
        shared: Some([1; 32]),
        common: Some([2; 32]),
    };
    let theirs = Frame::Rows {
        rows: vec![(row(LogId::PUBLIC, world::hub(2)), head(1))],
        complete: true,
    };
    let goodbye = Frame::Goodbye {
        code: Farewell::Stopping,
        reason: "the node is stopping".into(),
    };
    let (mine, forged) = (from_second(0), from_second(1));
    let streams = [
        ("equal", vec![own_frontier(), goodbye.clone()]),
        (
            "catches-up",
            vec![
                unequal.clone(),
                theirs.clone(),
                Frame::Envelopes(vec![mine.clone(), forged]),
            ],
        ),
        (
            "gap",
            vec![unequal.clone(), theirs, Frame::Envelopes(vec![from_second(4)])],
        ),
        ("fork", fork(unequal)),
        (
            "asks",
            vec![
                Frame::AskHeader(row(LogId::PUBLIC, world::hub(1)), 1),
                Frame::AskHeader(row(LogId::LOCAL, world::hub(1)), 1),
                Frame::Streams(BTreeSet::new()),
                Frame::Unknown,
            ],
        ),
        (
            "proof-and-beacon",
            vec![
                Frame::Proofs(vec![Proof {
                    a: mine.clone(),
                    b: mine,
                }]),
                Frame::Beacon(beacon()),
                goodbye,
            ],
        ),
    ];
    let seed = |(name, frames): (&str, Vec<Frame>)| {
        let mut out = Vec::new();
        for frame in std::iter::once(&hello).chain(&frames) {
            input::put(&mut out, &frame_to_proto(frame).encode_to_vec());
        }
        (name.to_owned(), out)
    };
    streams.into_iter().map(seed).collect()
}

fn own_frontier() -> Frame {
    let node = Node::new();
    let visible = node.frontier.visible(&node.access, world::hub(2));
    Frame::Frontier {
        shared: visible.shared_digest(),
        common: visible.common_digest(&node.access, world::hub(2)),
    }
}

fn head(seq: u64) -> Head {
    Head {
        seq,
        hash: interhub_domain::ids::HeaderHash([3; 32]),
    }
}

fn from_second(seq: u64) -> Envelope {
    let mut header = envelopes::sample(Kind::Change, b"").header;
    header.hub = world::hub(2);
    header.seq = seq;
    let sealed = interhub_domain::envelope::Sealed {
        salt: [2; 32],
        body: vec![1, 2],
    };
    Envelope::sign(header, sealed, &world::key(2))
}

/// Rows that contradict the log, and headers for whatever is asked then.
fn fork(unequal: Frame) -> Vec<Frame> {
    let log = row(LogId::PUBLIC, world::hub(1));
    let other = |seq: u64| {
        let mut header = envelopes::sample(Kind::Change, b"").header;
        header.seq = seq;
        let erased = Envelope::sign(
            header,
            interhub_domain::envelope::Sealed {
                salt: [2; 32],
                body: vec![],
            },
            &world::key(1),
        );
        Frame::Header(log, seq, Some(Box::new(Envelope { sealed: None, ..erased })))
    };
    let rows = Frame::Rows {
        rows: vec![(log, head(2))],
        complete: true,
    };
    vec![unequal, rows, other(1), other(0), other(2)]
}

fn receipt() -> SignedReceipt {
    let receipt = Erasure {
        hub: world::hub(2),
        key_number: 0,
        tombstone: HeaderHash([4; 32]),
        outcome: Outcome::Erased,
        at_ms: 1_790_000_000_000,
        backups_until_ms: None,
    };
    receipt.sign(NETWORK, &SigningKey::from([2; 32]))
}

fn beacon() -> SignedBeacon {
    let beacon = Beacon {
        hub: world::hub(3),
        key_number: 0,
        at_ms: 1_795_000_000_000,
        heads: vec![(row(LogId::PUBLIC, world::hub(3)), head(4))],
    };
    beacon.sign(NETWORK, &world::key(3))
}
