//! What is the deliverer's fault: frames that are none, and envelopes that cannot be held. The stream ends or the envelope
//! is dropped, it is counted, and nothing else happens.

use interhub_domain::body::{Body, Content, Open};
use interhub_domain::envelope::{Envelope, Kind, MAX_BODY, MAX_STATE_BODY, Sealed, SigningKey, public_key};
use interhub_domain::frontier::{Head, RowKey};
use interhub_domain::group::Group;
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};
use interhub_domain::session::{Farewell, Frame, MAX_BATCH_ENVELOPES, MAX_FRAME_BYTES, MAX_ROWS};
use interhub_node::peer::convert::frame_to_proto;
use interhub_proto::v1;
use interhub_tests::cluster::agree;
use interhub_tests::hostile::line::{Line, hello};
use interhub_tests::hostile::mutants::{Share, alter};
use interhub_tests::hostile::scene::{Scene, hub_id};
use interhub_tests::hostile::speaker::Log;
use interhub_tests::hub::{Hub, SOON, wait_until};
use prost::Message as _;

/// What a hub says of the hostile one: its faults and breaches, and the last fault.
fn said_of_it(hub: &Hub) -> (u64, u64, String) {
    let peers = hub.json(&["peers"]);
    let all = peers["peers"].as_array().unwrap();
    let line = all.iter().find(|peer| peer["slug"] == "mallory").unwrap();
    let number = |field: &str| line[field].as_u64().unwrap();
    let last = line["last_fault"].as_str().unwrap_or_default();
    (number("faults"), number("breaches"), last.to_owned())
}

/// One stream with one hub, and what that hub has counted until now.
struct Counted<'a> {
    scene: &'a Scene,
    hub: &'a Hub,
    line: Line,
    faults: u64,
    breaches: u64,
}

impl Counted<'_> {
    fn sends(&self, frame: &Frame) {
        assert!(
            self.scene.runtime.block_on(self.line.frame(frame)),
            "{:?}",
            self.line.heard()
        );
    }

    /// Sends these, of which so many are faults and breaches; the last fault is named with these words.
    fn counts(&mut self, frame: &Frame, faults: usize, breaches: usize, words: &str) {
        self.sends(frame);
        self.faults += faults as u64;
        self.breaches += breaches as u64;
        wait_until(&format!("{faults} faults, {breaches} breaches: {words}"), SOON, || {
            let (faults, breaches, last) = said_of_it(self.hub);
            if (faults, breaches) == (self.faults, self.breaches) && last.contains(words) {
                Ok(())
            } else {
                Err(format!(
                    "{faults} {breaches} {last}, not {} {}",
                    self.faults, self.breaches
                ))
            }
        });
        assert!(self.line.heard().ended.is_none(), "{:?}", self.line.heard());
    }

    /// The same for envelopes, each of which is a fault.
    fn faults(&mut self, envelopes: Vec<Envelope>, words: &str) {
        let count = envelopes.len();
        self.counts(&Frame::Envelopes(envelopes), count, 0, words);
    }
}

/// Every envelope that differs from this one in one byte of its header, from the network on, its hub and key apart:
/// a key nobody knows may yet become known, and is asked for.
fn altered_headers(honest: &Envelope) -> (Vec<Envelope>, Vec<Envelope>) {
    let altered = |at: usize| {
        let mut bytes = honest.header.encode();
        bytes[at] ^= 1;
        Envelope {
            header: interhub_domain::envelope::Header::decode(&bytes).unwrap(),
            ..honest.clone()
        }
    };
    let all = (16..167).map(|at| (at, altered(at)));
    let (unknown, known): (Vec<_>, Vec<_>) = all.partition(|(at, _)| (32..50).contains(at));
    let bare = |all: Vec<(usize, Envelope)>| all.into_iter().map(|(_, envelope)| envelope).collect();
    (bare(known), bare(unknown))
}

fn altered_seals(honest: &Envelope) -> Vec<Envelope> {
    let sealed = honest.sealed.as_ref().unwrap();
    let mut out = Vec::new();
    for at in 0..32 + sealed.body.len() {
        let mut sealed = sealed.clone();
        match at.checked_sub(32) {
            None => sealed.salt[at] ^= 1,
            Some(at) => sealed.body[at] ^= 1,
        }
        out.push(Envelope {
            sealed: Some(sealed),
            ..honest.clone()
        });
    }
    out
}

fn row(hub: HubId, log: LogId) -> (RowKey, Head) {
    let key = RowKey {
        log,
        hub,
        epoch: Epoch(9),
    };
    let head = Head {
        seq: 3,
        hash: HeaderHash([1; 32]),
    };
    (key, head)
}

/// An opened log of the hostile hub.
fn opened(scene: &Scene, log: LogId, epoch: u64) -> Log {
    let mut log = scene.speaker.log(log, Epoch(epoch));
    let body = Body {
        clock: 1,
        content: Some(Content::Open(Open::default())),
    };
    log.say(Kind::Open, ObjectId::ZERO, 0, body.encode_bytes());
    log
}

#[test]
fn what_cannot_be_held_is_dropped_and_counted_against_who_brings_it() {
    let scene = Scene::set();
    let [hub, amsterdam, vienna] = scene.honest();
    let all = scene.learn();
    let event = scene.object(&scene.events[1]);
    let is_genesis = |envelope: &&Envelope| envelope.header.object == event && envelope.header.kind == Kind::Genesis;
    let honest = all.iter().find(is_genesis).unwrap();
    let before = (hub.agreement().unwrap(), hub.process_id());
    let (faults, breaches, _) = said_of_it(hub);
    let line = scene.runtime.block_on(Line::greet(&scene.speaker, hub, Epoch(2)));
    let mut to = Counted {
        scene: &scene,
        hub,
        line,
        faults,
        breaches,
    };

    // Of another hub, altered on the way.
    let (headers, unknown) = altered_headers(honest);
    let (networks, rest) = headers.split_at(16);
    to.faults(networks.to_vec(), "another network");
    to.faults(rest.to_vec(), "signature");
    to.counts(&Frame::Envelopes(unknown), 0, 0, "");
    let signatures = (0..64).map(|at| {
        let mut envelope = honest.clone();
        envelope.signature[at] ^= 1;
        envelope
    });
    to.faults(signatures.collect(), "signature");
    for some in altered_seals(honest).chunks(MAX_BATCH_ENVELOPES) {
        to.faults(some.to_vec(), "body");
    }

    // Its own, signed, and not to be held.
    let log = opened(&scene, LogId::PUBLIC, 20);
    to.sends(&Frame::Envelopes(log.said.clone()));
    let too_long = |kind, length: usize| {
        let header = interhub_domain::envelope::Header {
            kind,
            object: event,
            ..log.next
        };
        log.only_sign(header, vec![0; length])
    };
    to.faults(vec![too_long(Kind::Change, MAX_BODY + 1)], "limit");
    to.faults(vec![too_long(Kind::Genesis, MAX_STATE_BODY + 1)], "limit");
    let mut bare = too_long(Kind::Change, 5);
    bare.sealed = None;
    to.faults(vec![bare], "without its body");
    let mut elsewhere = log.next;
    elsewhere.network = NetworkId([5; 16]);
    to.faults(vec![log.only_sign(elsewhere, vec![])], "another network");
    let mut jumps = log.next;
    jumps.previous = HeaderHash([9; 32]);
    to.faults(vec![log.only_sign(jumps, vec![])], "no signed header");
    assert_eq!(to.line.heard().asked, 1);
    let stranger = SigningKey::from([99; 32]);
    let header = interhub_domain::envelope::Header {
        hub: HubId::of_first_key(&public_key(&stranger)),
        ..log.next
    };
    let sealed = Sealed {
        salt: [1; 32],
        body: vec![],
    };
    to.counts(
        &Frame::Envelopes(vec![Envelope::sign(header, sealed, &stranger)]),
        0,
        0,
        "",
    );

    // What has no business on this stream.
    let local = opened(&scene, LogId::LOCAL, 21).said;
    to.counts(&Frame::Envelopes(local), 0, 1, "");
    let pair = LogId::pair(scene.speaker.network, hub_id(amsterdam), hub_id(vienna));
    to.counts(&Frame::Envelopes(opened(&scene, pair, 22).said), 0, 1, "");
    let rows = Frame::Rows {
        rows: vec![row(scene.speaker.hub(), LogId::LOCAL), row(scene.speaker.hub(), pair)],
        complete: false,
    };
    to.counts(&rows, 0, 2, "");

    // The same stream goes on, and so does everything else.
    let id = hub.add("After all that", "2027-05-01T10:00");
    agree(&scene.honest());
    for other in [amsterdam, vienna] {
        other.json(&["event", "show", &id]);
        assert_eq!(said_of_it(other), (0, 0, String::new()), "nothing of it was passed on");
    }
    let after = hub.agreement().unwrap();
    assert_eq!((after.1, hub.process_id()), (before.0.1 + 1, before.1));
    let empty = serde_json::json!({"items": [], "next": null});
    assert_eq!(hub.json(&["quarantine"]), empty, "what is not held is not listed");
}

/// A group is what its log's id is made of, so that whoever opens one with other words opens none. One byte altered: what is
/// still its group is held, everything else is dropped and counted.
#[test]
fn a_group_that_its_log_is_not_made_of_is_not_held() {
    let scene = Scene::set();
    let [hub, ..] = scene.honest();
    let (faults, breaches, _) = said_of_it(hub);
    let line = scene.runtime.block_on(Line::greet(&scene.speaker, hub, Epoch(2)));
    let mut to = Counted {
        scene: &scene,
        hub,
        line,
        faults,
        breaches,
    };
    let network = scene.speaker.network;
    let group = Group {
        nonce: [3; 16],
        members: scene
            .honest()
            .map(hub_id)
            .into_iter()
            .chain([scene.speaker.hub()])
            .collect(),
    };
    let log_id = group.log(network);
    let (members, nonce) = group.named();
    let open = Body {
        clock: 1,
        content: Some(Content::Open(Open {
            members,
            nonce,
            ..Open::default()
        })),
    };
    let honest = open.encode_bytes();
    let opening = |epoch, body: Vec<u8>| {
        let mut log = scene.speaker.log(log_id, Epoch(epoch));
        log.say(Kind::Open, ObjectId::ZERO, 0, body);
        log.said
    };
    let is_it = |body: &[u8]| match Body::decode_bytes(body).map(|body| body.content) {
        Ok(Some(Content::Open(open))) => Group::read(network, log_id, &open).is_some(),
        _ => false,
    };
    // What opens it makes the log known, and then another run may open with anything: those come last.
    let altered: Vec<Vec<u8>> = Share::Few.of(honest.len()).map(|at| alter(&honest, at)).collect();
    let (its, others): (Vec<_>, Vec<_>) = altered.into_iter().partition(|body| is_it(body));
    assert!(its.len() > 10 && others.len() > 100, "{} {}", its.len(), others.len());
    let all = |from: u64, bodies: &[Vec<u8>]| -> Vec<Envelope> {
        let each = (from..).zip(bodies);
        each.flat_map(|(epoch, body)| opening(epoch, body.clone())).collect()
    };
    for (number, some) in (1..).zip(others.chunks(MAX_BATCH_ENVELOPES)) {
        to.faults(all(1_000 * number, some), "log");
    }
    to.counts(&Frame::Envelopes(all(100, &its)), 0, 0, "");
    to.counts(&Frame::Envelopes(all(100_000, &others)), 0, 0, "");
    // The group is what it is, and what is shared in it is shown.
    let id = hub.add("After all that", "2027-05-01T10:00");
    agree(&scene.honest());
    for other in scene.honest() {
        other.json(&["event", "show", &id]);
    }
    to.counts(&Frame::Envelopes(vec![]), 0, 0, "");
}

/// Frames after which a stream ends, and why as it says; `None`: there is nobody to say it to.
fn endings(scene: &Scene, honest: &Envelope) -> Vec<(&'static str, Vec<u8>, Option<Farewell>)> {
    let bytes = |frame: &Frame| frame_to_proto(frame).encode_to_vec();
    let with = |envelope: v1::Envelope| {
        let envelopes = v1::Envelopes {
            envelopes: vec![envelope],
        };
        v1::Frame {
            kind: Some(v1::frame::Kind::Envelopes(envelopes)),
        }
        .encode_to_vec()
    };
    let proto = interhub_node::peer::convert::envelope_to_proto(honest);
    let mut tag = proto.clone();
    tag.header[3] ^= 1;
    let mut short = proto.clone();
    short.header.pop();
    let mut salt = proto;
    salt.salt.pop();
    let rows = Frame::Rows {
        rows: vec![row(scene.speaker.hub(), LogId::PUBLIC); MAX_ROWS + 1],
        complete: true,
    };
    vec![
        ("no protobuf", vec![0xff; 50], None),
        ("half a frame", vec![0x2a, 0xff, 0xff, 0x03, 1, 2, 3], None),
        ("an endless number", vec![0x08; 11], None),
        ("more than a frame holds", vec![0; MAX_FRAME_BYTES + 1], None),
        (
            "a second Hello",
            bytes(&hello(&scene.speaker, Epoch(3))),
            Some(Farewell::Protocol),
        ),
        ("a header of another kind", with(tag), Some(Farewell::Protocol)),
        ("a header that is too short", with(short), Some(Farewell::Protocol)),
        ("a salt that is too short", with(salt), Some(Farewell::Protocol)),
        ("too many rows", bytes(&rows), Some(Farewell::Limit)),
        (
            "too many envelopes",
            bytes(&Frame::Envelopes(vec![
                Envelope {
                    sealed: None,
                    ..honest.clone()
                };
                MAX_BATCH_ENVELOPES + 1
            ])),
            Some(Farewell::Limit),
        ),
    ]
}

#[test]
fn frames_that_are_none_end_the_stream_and_nothing_else() {
    let scene = Scene::set();
    let [hub, ..] = scene.honest();
    let all = scene.learn();
    let before = (hub.agreement().unwrap(), hub.process_id());
    let is_change = |envelope: &&Envelope| envelope.header.kind == Kind::Genesis;
    let honest = all.iter().find(is_change).unwrap();
    let ends = |what: &str, line: &Line, said: Option<Farewell>| {
        wait_until(what, SOON, || {
            let heard = line.heard();
            let code = heard.goodbye.as_ref().map(|(code, _)| *code);
            if heard.ended.is_some() && code == said {
                Ok(())
            } else {
                Err(format!("{heard:?}"))
            }
        });
    };
    for (number, (what, bytes, said)) in (100..).zip(endings(&scene, honest)) {
        let line = scene.runtime.block_on(async {
            let line = Line::greet(&scene.speaker, hub, Epoch(number)).await;
            line.bytes(bytes).await;
            line
        });
        ends(what, &line, said);
    }
    let first = |frame: Frame| {
        scene.runtime.block_on(async {
            let line = Line::open(&scene.speaker, hub).await;
            line.frame(&frame).await;
            line
        })
    };
    let line = first(Frame::Frontier {
        shared: None,
        common: None,
    });
    ends("another frame first", &line, Some(Farewell::Protocol));
    let mut other = scene.speaker.clone();
    other.network = NetworkId([3; 16]);
    ends(
        "another network",
        &first(hello(&other, Epoch(200))),
        Some(Farewell::WrongNetwork),
    );
    other = scene.speaker.clone();
    other.identity.hub = hub_id(scene.honest()[1]);
    ends(
        "another hub",
        &first(hello(&other, Epoch(201))),
        Some(Farewell::WrongNetwork),
    );

    // A frame with one byte altered ends it or says something else; the next stream is as good as any.
    let rows = Frame::Rows {
        rows: vec![row(scene.speaker.hub(), LogId::PUBLIC)],
        complete: false,
    };
    let bytes = frame_to_proto(&rows).encode_to_vec();
    let mut line = scene.runtime.block_on(Line::greet(&scene.speaker, hub, Epoch(300)));
    for (number, at) in (301..).zip(0..bytes.len()) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let there = scene.runtime.block_on(line.bytes(bytes));
        if !there || line.heard().ended.is_some() {
            line = scene.runtime.block_on(Line::greet(&scene.speaker, hub, Epoch(number)));
        }
    }
    hub.json(&["event", "edit", &scene.events[0], "--title", "Edited after all"]);
    agree(&scene.honest());
    assert_eq!((hub.agreement().unwrap().1, hub.process_id()), (before.0.1, before.1));
    let shown = scene
        .honest()
        .map(|hub| hub.json(&["event", "show", &scene.events[0]])["title"].clone());
    assert_eq!(shown, ["Edited after all"; 3]);
}
