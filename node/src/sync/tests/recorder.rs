//! A real node at its real port, and a peer that records every frame that reaches it: not a body, not a header, not a
//! row, not a number of what it must not see comes, whatever happens to audiences and streams. And what it sends that it
//! must not, is counted and not held.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use interhub_domain::body::{Address, Said};
use interhub_domain::event::Status;
use interhub_domain::ids::{DocumentKind, LogId, ObjectId, ThingId};
use interhub_domain::session::{Frame, Hello};
use interhub_proto::v1;
use interhub_proto::v1::federation_client::FederationClient;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::{Ledger, event, give_all, join, memory, open};
use crate::clock::SystemClock;
use crate::peer::convert::frame_to_proto;
use crate::peer::net::TcpNet;
use crate::peer::tls::HubCertificate;
use crate::peer::{PeerOptions, Peers, connect};
use crate::sync::{LedgerHost, Write};
use crate::task::{Blocking, Tasks};

const PATIENCE: Duration = Duration::from_secs(30);

/// What has reached the recording peer, decrypted and decoded, over all its streams.
pub(super) type Tape = Arc<Mutex<Vec<v1::Frame>>>;

pub(super) struct Scene {
    pub(super) a: Arc<Ledger>,
    b: Ledger,
    c: Ledger,
    address: String,
    peers: Peers<TcpNet>,
    pub(super) tasks: Tasks,
    pub(super) tape: Tape,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let a = Arc::new(open(memory(), 1, "birmingham", 1));
        a.create_network("Test network").unwrap();
        let b = open(memory(), 2, "vienna", 1);
        join(&a, &b);
        let c = open(memory(), 3, "amsterdam", 1);
        join(&a, &c);
        for (from, to) in [(&b, &*a), (&c, &*a), (&*a, &b), (&*a, &c)] {
            give_all(from, to, |_| {});
        }
        let tasks = Tasks::new(Blocking::Threads);
        let host = LedgerHost::new(a.clone());
        let forward = host.clone().forward(a.notices());
        tasks.spawn("test", "forward", |context| async move {
            tokio::select! {
                biased;
                () = context.cancelled() => {}
                () = forward => {}
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (options, clock) = (PeerOptions::default(), SystemClock::shared());
        let peers = Peers::start(host, &[1; 32], Some(listener), TcpNet, options, &tasks, clock).unwrap();
        Self {
            a,
            b,
            c,
            address,
            peers,
            tasks,
            tape: Tape::default(),
        }
    }

    /// Opens a stream as the third hub, says how far it is, and records what comes. The stream lasts as long as what is
    /// returned.
    pub(super) async fn listen(&self) -> mpsc::Sender<v1::Frame> {
        let certificate = HubCertificate::from_seed(&[3; 32]).unwrap();
        let key = self.a.own().public_key();
        let options = PeerOptions::default();
        let opened = connect::open(&TcpNet, &certificate, &options, &self.address, key);
        let (channel, _) = opened.await.unwrap();
        let (send, receive) = mpsc::channel(8);
        let hello = Frame::Hello(Hello {
            protocol_min: 1,
            protocol_max: 1,
            network: self.a.network().unwrap(),
            hub: self.c.own_id(),
            epoch: self.c.epoch(),
            software: String::new(),
            streams: BTreeSet::new(),
            features: Vec::new(),
        });
        let rows = Frame::Rows {
            rows: Vec::new(),
            complete: true,
        };
        for frame in [hello, rows] {
            send.send(frame_to_proto(&frame)).await.unwrap();
        }
        let mut client = FederationClient::new(channel).max_decoding_message_size(8 << 20);
        let mut frames = client.sync(ReceiverStream::new(receive)).await.unwrap().into_inner();
        let tape = self.tape.clone();
        self.tasks.spawn("test", "tape", move |context| async move {
            loop {
                let frame = tokio::select! {
                    biased;
                    () = context.cancelled() => return,
                    frame = frames.next() => frame,
                };
                let Some(Ok(frame)) = frame else { return };
                tape.lock().unwrap().push(frame);
            }
        });
        send
    }

    /// Waits until something published now has reached the peer: what went before it has been sent, or never will be.
    pub(super) async fn mark(&self, number: u8) {
        let title = format!("Mark number {number}");
        let thing = ThingId::new(self.a.own_id(), [200 + number; 8]);
        write(&self.a, LogId::PUBLIC, thing, &title);
        until("the mark arrives", || self.heard(title.as_bytes())).await;
    }

    pub(super) fn heard(&self, needle: &[u8]) -> bool {
        let tape = self.tape.lock().unwrap();
        tape.iter().any(|frame| {
            frame
                .encode_to_vec()
                .windows(needle.len())
                .any(|window| window == needle)
        })
    }

    fn breaches(&self) -> u64 {
        let status = self.peers.status();
        let line = status.iter().find(|line| line.hub == self.c.own_id());
        line.map_or(0, |line| line.breaches)
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, waiting).await.is_ok(),
        "never happened: {what}"
    );
}

fn write(ledger: &Ledger, log: LogId, thing: ThingId, title: &str) -> ObjectId {
    let write = Write::Create {
        log,
        kind: DocumentKind::Event,
        thing,
        reading: event(title, Status::Confirmed),
    };
    ledger.write(vec![write]).unwrap()[0].object
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn a_recording_peer_hears_nothing_of_what_it_may_not_see() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let (a, b) = (&scene.a, &scene.b);
        let network = a.network().unwrap();
        let group = a.group_with(&BTreeSet::from([b.own_id()])).unwrap();
        let pair = LogId::pair(network, a.own_id(), b.own_id());
        let thing = |number: u8| ThingId::new(a.own_id(), [number; 8]);
        // Before the peer calls, while it listens, and between two of its streams.
        let mut secrets: Vec<ObjectId> = Vec::new();
        let stream = scene.listen().await;
        scene.mark(1).await;
        let local = write(a, LogId::LOCAL, thing(1), "Secret local one");
        let shared = write(a, group, thing(2), "Secret group two");
        let between = write(a, pair, thing(3), "Secret pair three");
        secrets.extend([local, shared, between]);
        let edit = |object, title: &str| {
            let reading = event(title, Status::Confirmed);
            a.write(vec![Write::Change { object, reading }]).unwrap();
        };
        for object in [local, shared, between] {
            edit(object, "Secret edit");
        }
        scene.mark(2).await;
        // What B says in the group and the pair's log is held here too, and not passed on.
        for (log, number) in [(group, 4), (pair, 5)] {
            let log_of_b = if log == group { b.group_with(&BTreeSet::from([a.own_id()])).unwrap() } else { log };
            let object = write(b, log_of_b, ThingId::new(b.own_id(), [number; 8]), "Secret of Vienna");
            secrets.push(object);
            give_all(b, a, |all| all.retain(|envelope| envelope.header.log == log_of_b));
            assert!(a.load_object(object).unwrap().0.is_shown());
        }
        drop(stream);
        // Local to group to public, under another title; and narrower again.
        let moved = |from: ObjectId, log: LogId, title: &str| {
            let reading = event(title, Status::Confirmed);
            let object = from;
            a.write(vec![Write::Move { object, log, reading }]).unwrap()[0].object
        };
        let in_group = moved(local, group, "Secret still");
        secrets.push(in_group);
        let stream = scene.listen().await;
        scene.mark(3).await;
        let public = moved(in_group, LogId::PUBLIC, "Known to all");
        until("what is published arrives", || scene.heard(b"Known to all")).await;
        let back = moved(public, LogId::LOCAL, "Secret again");
        secrets.push(back);
        edit(back, "Secret for ever");
        scene.mark(4).await;
        drop(stream);
        let stream = scene.listen().await;
        scene.mark(5).await;

        for needle in [&b"Secret"[..], &LogId::LOCAL.0, &group.0, &pair.0] {
            assert!(!scene.heard(needle), "{needle:?}");
        }
        for object in secrets {
            assert!(!scene.heard(&object.0), "{object:?}");
        }
        // Nor the hash of any header: what the rows and numbers of those logs end with.
        let frontier = a.frontier();
        let hidden = frontier.rows().filter(|(row, _)| !row.log.is_shared());
        let mut logs = 0;
        for (row, head) in hidden {
            logs += 1;
            assert!(!scene.heard(&head.hash.0), "{row:?}");
            for envelope in a.read_log(row, 0, usize::MAX, usize::MAX).unwrap() {
                assert!(!scene.heard(&envelope.hash().0) && !scene.heard(&envelope.header.commitment));
            }
        }
        assert!(logs >= 3, "there was something to hide");
        let common = |frame: &v1::Frame| matches!(&frame.kind, Some(v1::frame::Kind::Frontier(frontier)) if !frontier.common.is_empty());
        assert!(!scene.tape.lock().unwrap().iter().any(common), "no digest over it either");
        assert_eq!(scene.breaches(), 0);
        drop(stream);
        scene.tasks.stop(Duration::from_secs(5)).await;
    });
}

#[test]
fn what_a_peer_must_not_send_is_counted_and_not_held() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let (b, c) = (&scene.b, &scene.c);
        let foreign = c.group_with(&BTreeSet::from([b.own_id()])).unwrap();
        write(c, LogId::LOCAL, ThingId::new(c.own_id(), [1; 8]), "A local draft");
        write(c, foreign, ThingId::new(c.own_id(), [2; 8]), "A draft of two others");
        let pair = LogId::pair(c.network().unwrap(), b.own_id(), c.own_id());
        write(c, pair, ThingId::new(c.own_id(), [3; 8]), "Between two others");
        let stream = scene.listen().await;
        scene.mark(1).await;
        let mut expected = 0;
        for log in [LogId::LOCAL, foreign, pair] {
            let row = c.own_row(log);
            let first = c.read_log(row, 0, usize::MAX, 1).unwrap();
            let frame = Frame::Envelopes(first);
            stream.send(frame_to_proto(&frame)).await.unwrap();
            expected += 1;
            until("it is counted", || scene.breaches() == expected).await;
        }
        let rows = c.frontier().rows().filter(|(row, _)| row.log == LogId::LOCAL).collect();
        let rows = Frame::Rows { rows, complete: false };
        stream.send(frame_to_proto(&rows)).await.unwrap();
        until("a row is counted too", || scene.breaches() == expected + 1).await;
        let status = scene.peers.status();
        let line = status.iter().find(|line| line.hub == c.own_id()).unwrap();
        assert_eq!(line.last_breach, Some("a local log was sent"));
        assert!(line.connected, "it goes on being served");
        assert_eq!((line.faults, line.last_fault), (0, None));
        // What cannot be held is a fault of whoever brings it.
        let mut forged = c.read_log(c.own_row(LogId::PUBLIC), 0, usize::MAX, 1).unwrap();
        forged[0].signature[0] ^= 1;
        stream.send(frame_to_proto(&Frame::Envelopes(forged))).await.unwrap();
        let fault = || {
            let status = scene.peers.status();
            let line = status.iter().find(|line| line.hub == c.own_id()).unwrap();
            (line.faults, line.last_fault)
        };
        until("it is counted as a fault", || fault().0 == 1).await;
        assert_eq!(fault().1, Some("its signature does not verify"));
        assert_eq!(scene.breaches(), expected + 1, "and is no breach");
        let held = scene.a.frontier();
        assert!(held.rows().all(|(row, _)| row.log.is_shared()), "nothing of it is held");
        drop(stream);
        scene.tasks.stop(Duration::from_secs(5)).await;
    });
}

/// Numbers that look random and are the same for the same seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// An event of the node's, and where it is now.
struct Drawn {
    object: ObjectId,
    log: LogId,
}

/// What happens by chance to a node and the peer that records.
struct Chance {
    scene: Scene,
    dice: Dice,
    stream: Option<mpsc::Sender<v1::Frame>>,
    events: Vec<Drawn>,
    /// Words that the peer may never hear: what carries them is not for it.
    never: Vec<String>,
    /// Words that were public while the peer was removed: it may hear them once it is back.
    not_yet: Vec<String>,
    is_removed: bool,
    words: usize,
}

impl Chance {
    fn a(&self) -> &Ledger {
        &self.scene.a
    }

    /// A word that nothing else says, noted for who may hear it.
    fn word(&mut self, log: LogId) -> String {
        self.words += 1;
        let word = format!("Word{:04}x", self.words);
        if !log.is_shared() {
            self.never.push(word.clone());
        } else if self.is_removed {
            self.not_yet.push(word.clone());
        }
        word
    }

    fn any_log(&mut self) -> LogId {
        let (a, b) = (self.a().own_id(), self.scene.b.own_id());
        match self.dice.roll(5) {
            0 => LogId::PUBLIC,
            1 => LogId::NETWORK,
            2 => LogId::LOCAL,
            3 => LogId::pair(self.a().network().unwrap(), a, b),
            _ => self.a().group_with(&BTreeSet::from([b])).unwrap(),
        }
    }

    async fn step(&mut self) {
        match self.dice.roll(12) {
            0..3 => {
                let log = self.any_log();
                let title = self.word(log);
                let thing = ThingId::new(self.a().own_id(), (self.words as u64).to_be_bytes());
                let object = write(self.a(), log, thing, &title);
                self.events.push(Drawn { object, log });
            }
            3..6 if !self.events.is_empty() => {
                let at = self.dice.roll(self.events.len());
                let Drawn { object, log } = self.events[at];
                let reading = event(&self.word(log), Status::Confirmed);
                self.a().write(vec![Write::Change { object, reading }]).unwrap();
            }
            6..9 if !self.events.is_empty() => {
                let at = self.dice.roll(self.events.len());
                let log = self.any_log();
                let is_pair =
                    |log: LogId| !log.is_shared() && log != LogId::LOCAL && self.a().members_of_group(log).is_none();
                let Drawn { object, log: from } = self.events[at];
                if log != from && !is_pair(log) && !is_pair(from) {
                    let reading = event(&self.word(log), Status::Confirmed);
                    let write = Write::Move { object, log, reading };
                    let object = self.a().write(vec![write]).unwrap()[0].object;
                    self.events[at] = Drawn { object, log };
                }
            }
            9 => {
                // What the other hub says to this one alone is held here, and not passed on.
                let a = self.a().own_id();
                let log = self.scene.b.group_with(&BTreeSet::from([a])).unwrap();
                let title = self.word(log);
                let thing = ThingId::new(self.scene.b.own_id(), (self.words as u64).to_be_bytes());
                write(&self.scene.b, log, thing, &title);
                give_all(&self.scene.b, self.a(), |all| {
                    all.retain(|envelope| envelope.header.log == log);
                });
            }
            10 => {
                let c = self.scene.c.own_id();
                if self.is_removed {
                    self.a().readmit(c).unwrap();
                    self.not_yet.clear();
                } else {
                    self.a().remove(c, "it records everything").unwrap();
                }
                self.is_removed = !self.is_removed;
            }
            _ => {
                self.stream = None;
                if self.dice.roll(2) == 0 {
                    self.stream = Some(self.scene.listen().await);
                }
            }
        }
    }

    /// Waits until the peer has heard this, calling again where the stream has ended: when its place changed, or because it was
    /// thought to be there twice.
    async fn hear(&mut self, needle: &[u8]) {
        let waiting = async {
            loop {
                for _ in 0..200 {
                    if self.scene.heard(needle) {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                self.stream = None;
                self.stream = Some(self.scene.listen().await);
            }
        };
        let heard = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(heard.is_ok(), "{} never arrives", String::from_utf8_lossy(needle));
    }

    /// Waits until what was said so far has reached the peer or never will, and looks at all that has.
    async fn look(&mut self, number: u8) {
        let address = format!("mark-{number}.example:7400");
        let said = Said::Address(Address {
            address: address.clone(),
        });
        self.a().write(vec![Write::Statement(said)]).unwrap();
        self.hear(address.as_bytes()).await;
        if !self.is_removed {
            let title = format!("Mark number {number}");
            let thing = ThingId::new(self.a().own_id(), [200 + number; 8]);
            write(self.a(), LogId::PUBLIC, thing, &title);
            self.hear(title.as_bytes()).await;
        }
        for word in self.never.iter().chain(&self.not_yet) {
            assert!(!self.scene.heard(word.as_bytes()), "{word} reached the peer");
        }
    }
}

/// Whatever is written, moved and edited, and however often the peer is cut off, removed and taken back.
#[test]
fn a_recording_peer_hears_nothing_it_may_not_in_any_order_of_things() {
    for seed in 1..=6 {
        println!("seed {seed}");
        runtime().block_on(async {
            let scene = Scene::new().await;
            let mut chance = Chance {
                scene,
                dice: Dice(seed),
                stream: None,
                events: Vec::new(),
                never: Vec::new(),
                not_yet: Vec::new(),
                is_removed: false,
                words: 0,
            };
            for round in 0..6_u8 {
                for _ in 0..15 {
                    chance.step().await;
                }
                chance.look(round).await;
            }
            assert!(chance.never.len() > 10, "there was something to hide");
            // The words of what was published did arrive, so the tape does record.
            if chance.is_removed {
                chance.a().readmit(chance.scene.c.own_id()).unwrap();
                chance.not_yet.clear();
                chance.is_removed = false;
                chance.look(50).await;
            }
            let frontier = chance.a().frontier();
            let hidden: Vec<_> = frontier.rows().filter(|(row, _)| !row.log.is_shared()).collect();
            assert!(!hidden.is_empty());
            for (row, head) in hidden {
                assert!(
                    !chance.scene.heard(&row.log.0) && !chance.scene.heard(&head.hash.0),
                    "{row:?}"
                );
                for envelope in chance.a().read_log(row, 0, usize::MAX, usize::MAX).unwrap() {
                    assert!(
                        !chance.scene.heard(&envelope.hash().0) && !chance.scene.heard(&envelope.header.commitment)
                    );
                }
            }
            chance.stream = None;
            chance.scene.tasks.stop(Duration::from_secs(5)).await;
        });
    }
}
