//! What of a round is not made by altering one byte: the constructed changes, every kind there may be, claims to what is
//! somebody else's, and hubs that the hostile one brings into the network.

use interhub_domain::body::{
    Accept, Admit, Change, Consent, Content, Decided, Decision, Genesis, Grant, Remove, Said, Squash, Statement,
    Tombstone, Vote, VoteWord,
};
use interhub_domain::document::{actor, edit};
use interhub_domain::envelope::{Kind, SigningKey, public_key};
use interhub_domain::ids::{DocumentKind, HubId, LogId, ObjectId, ThingId};
use interhub_domain::registry::accept_message;
use prost::Message as _;

use super::bodies::Round;
use super::constructed::{Hostile, On, all, odd_bodies};
use super::documents::{change_of, reading, signed_by};
use super::mutants::{Share, alter_chunk};
use super::speaker::{Log, SMALL_ORDER, crafted_signature};

/// Hubs that have no part but to vote for it.
const PUPPETS: u8 = 120;
/// Envelopes of the hub that anybody can sign for.
const CRAFTED: u64 = 190;
/// How the slugs of hubs begin that it brings in.
pub const SLUG: &str = "stranger";

/// Says that a hub is in the network.
fn statement(said: Said) -> Content {
    Content::Statement(Statement { said: Some(said) })
}

impl Round<'_> {
    /// Brings hubs into the network: one whose key is a point of small order, so that its signatures are judged
    /// differently by other rules; and many that vote with it to remove the founder.
    pub(super) fn strangers(&mut self) {
        let mut log = self.open_in(LogId::REGISTRY);
        let mut admit = |round: &mut Self, number: u8, key: [u8; 32], sign: &dyn Fn(&[u8]) -> [u8; 64]| {
            let accept = Accept {
                network: round.speaker.network.0.to_vec(),
                public_key: key.to_vec(),
                recovery_key: vec![number; 32],
                slug: format!("{SLUG}-{number}"),
                address: String::new(),
                counter: 1,
            }
            .encode_to_vec();
            let signature = sign(&accept_message(&accept)).to_vec();
            let body = round.body(statement(Said::Admit(Admit { accept, signature })));
            log.say(Kind::Statement, ObjectId::ZERO, 0, body);
            round.hostile += 1;
        };
        admit(self, 0, SMALL_ORDER[0], &|_| crafted_signature(3));
        let puppets: Vec<SigningKey> = (1..=PUPPETS).map(|number| SigningKey::from([number; 32])).collect();
        for (number, key) in (1..).zip(&puppets) {
            admit(self, number, public_key(key), &|message| key.sign(message).to_bytes());
        }
        let removal = self.body(statement(Said::Decide(Decision {
            after: vec![self.targets.seat.0.to_vec()],
            left: vec![],
            decided: Some(Decided::Remove(Remove {
                hub: self.targets.hosted.owner.0.to_vec(),
                reason: "Because".into(),
                ends: vec![],
            })),
        })));
        log.say(Kind::Statement, ObjectId::ZERO, 0, removal);
        let decision = log.head().hash;
        self.logs.push(log);
        for key in puppets {
            let epoch = self.epoch();
            let mut log = self.speaker.log_of(&key, LogId::REGISTRY, epoch);
            self.say_open(&mut log);
            let vote = Vote {
                decision: decision.0.to_vec(),
                word: VoteWord::Sign.into(),
            };
            let body = self.body(statement(Said::Vote(vote)));
            log.say(Kind::Statement, ObjectId::ZERO, 0, body);
            self.hostile += 1;
            self.logs.push(log);
        }
        self.crafted();
    }

    /// Events of the hub that anybody can sign for.
    fn crafted(&mut self) {
        let epoch = self.epoch();
        let mut log = self.speaker.crafted_log(LogId::PUBLIC, epoch);
        let (network, hub) = (self.speaker.network, log.next.hub);
        self.say_open(&mut log);
        let change = change_of(edit(None, actor(hub, epoch), &reading("Signed by nobody")));
        for number in 0..CRAFTED {
            let thing = ThingId::new(hub, number.to_be_bytes());
            let object = ObjectId::derive(network, hub, LogId::PUBLIC, DocumentKind::Event, thing);
            let body = self.genesis_of(DocumentKind::Event, thing, change.clone());
            log.say(Kind::Genesis, object, 1, body);
            self.hostile += 1;
        }
        self.logs.push(log);
    }

    fn say_open(&mut self, log: &mut Log) {
        let body = self.body(Content::Open(interhub_domain::body::Open::default()));
        log.say(Kind::Open, ObjectId::ZERO, 0, body);
    }

    /// Begins, goes on, shares and erases what is somebody else's, or its own in another place or generation; and begins
    /// one document in several runs.
    pub(super) fn claims(&mut self) {
        let theirs = self.targets.hosted.clone();
        let (own, event) = (self.speaker.hub(), DocumentKind::Event);
        let page = ThingId(theirs.owner.0);
        let elsewhere = self.things(1).start;
        for (log, object, kind, thing) in [
            (LogId::PUBLIC, theirs.object, event, theirs.thing),
            (LogId::PUBLIC, self.object(elsewhere), event, theirs.thing),
            (LogId::PUBLIC, self.object_of(event, theirs.thing), event, theirs.thing),
            (
                LogId::PUBLIC,
                self.object_of(DocumentKind::HubProfile, page),
                DocumentKind::HubProfile,
                page,
            ),
            (LogId::NETWORK, self.object(elsewhere), event, self.thing(elsewhere)),
            (LogId::REGISTRY, self.object(elsewhere), event, self.thing(elsewhere)),
        ] {
            for generation in [0, 1, 2, 3, u32::MAX] {
                self.claim(log, (object, generation), kind, thing);
            }
            let tombstone = |owner: HubId, log: LogId, through_generation| {
                Content::Tombstone(Tombstone {
                    kind: kind.code().into(),
                    thing: thing.0.to_vec(),
                    owner: owner.0.to_vec(),
                    log: log.0.to_vec(),
                    through_generation,
                    heads: vec![],
                })
            };
            let mut erasing = self.open_in(log);
            for owner in [own, theirs.owner] {
                for through in [0, 1, u32::MAX] {
                    for said in [log, LogId::PUBLIC] {
                        let body = self.body(tombstone(owner, said, through));
                        // What is its own may be erased, and would be: nothing of it would be left to look at.
                        if object != self.object(elsewhere) {
                            erasing.say(Kind::Tombstone, object, 0, body);
                            self.hostile += 1;
                        }
                    }
                }
            }
            self.logs.push(erasing);
        }
        // In one run twice, and in two more; the same thing in another order.
        let things = self.things(8);
        for title in ["One", "Another", "A third"] {
            let mut log = self.open();
            let by = self.actor(&log);
            for thing in things.clone().chain(things.clone()) {
                let body = self.genesis_of(event, self.thing(thing), change_of(edit(None, by, &reading(title))));
                log.say(Kind::Genesis, self.object(thing), 1, body);
                self.hostile += 1;
            }
            self.logs.push(log);
        }
    }

    /// A beginning, a generation, a grant and a change of this document, each in a run of its own.
    fn claim(&mut self, log: LogId, (object, generation): (ObjectId, u32), kind: DocumentKind, thing: ThingId) {
        for said in [Kind::Genesis, Kind::Squash, Kind::Grant, Kind::Change] {
            let mut log = self.open_in(log);
            let change = change_of(edit(None, self.actor(&log), &reading("Claimed")));
            let (kind, thing) = (kind.code().into(), thing.0.to_vec());
            let content = match said {
                Kind::Genesis => Content::Genesis(Genesis {
                    kind,
                    thing,
                    change,
                    writers: vec![],
                    replaces: vec![],
                }),
                Kind::Squash => Content::Squash(Squash {
                    change,
                    writers: vec![],
                    heads: vec![],
                    withdrawn: vec![],
                    kind,
                    thing,
                }),
                Kind::Grant => Content::Grant(Grant {
                    writer: self.targets.other.0.to_vec(),
                }),
                _ => Content::Change(Change {
                    change,
                    replaces: vec![],
                }),
            };
            let body = self.body(content);
            log.say(said, object, generation, body);
            self.hostile += 1;
            self.logs.push(log);
        }
    }

    /// Every kind there may be, about a document of its own, another hub's, and none; and in the other logs.
    pub(super) fn kinds(&mut self) {
        let (things, document) = self.documents(256);
        let mut log = self.open();
        let by = self.actor(&log);
        let change = change_of(edit(Some(&document.saved), by, &reading("Open week")));
        for code in 0..=u8::MAX {
            let own = self.object(things.start + u64::from(code));
            for object in [own, self.targets.hosted.object, ObjectId::ZERO] {
                // A run that begins anything with another hub's event is spent: its changes have runs of their own.
                if object == self.targets.hosted.object && matches!(Kind::from_code(code), Kind::Consent) {
                    continue;
                }
                let content = Content::Change(Change {
                    change: change.clone(),
                    replaces: vec![],
                });
                let body = self.body(content);
                log.say(Kind::from_code(code), object, 1, body);
                self.hostile += 1;
            }
        }
        self.logs.push(log);
        for log in [LogId::REGISTRY, LogId::NETWORK] {
            let mut log = self.open_in(log);
            let own = self.things(1).start;
            for code in 0..=u8::MAX {
                for object in [self.object(own), ObjectId::ZERO] {
                    let body = self.body(Content::Consent(Consent {
                        counter: 1,
                        agreed: true,
                    }));
                    log.say(Kind::from_code(code), object, 1, body);
                    self.hostile += 1;
                }
            }
            self.logs.push(log);
        }
    }

    /// The constructed changes as beginnings of documents of its own, and where everything is tried as changes of them
    /// too; and bodies that are hardly protobuf, of every kind.
    pub(super) fn constructed(&mut self) {
        let mut squashes = self.open();
        let beginning = On {
            actor: self.actor(&squashes).to_vec(),
            seq: 1,
            start_op: 1,
            ..On::default()
        };
        let early = all(&beginning);
        let (things, document) = self.documents(early.len());
        for (thing, Hostile { change, .. }) in things.clone().zip(early) {
            let body = self.squash(thing, change);
            squashes.say(Kind::Squash, self.object(thing), 2, body);
            self.hostile += 1;
        }
        let mut changes = self.open();
        if matches!(self.share, Share::Part(..)) {
            for (thing, Hostile { change, .. }) in things.zip(all(&document.on(self.actor(&changes)))) {
                let body = self.body(Content::Change(Change {
                    change,
                    replaces: vec![],
                }));
                changes.say(Kind::Change, self.object(thing), 1, body);
                self.hostile += 1;
            }
        }
        let own = self.things(1).start;
        for (_, body) in odd_bodies() {
            for code in 1..=9 {
                let kind = Kind::from_code(code);
                let object = if matches!(kind, Kind::Open | Kind::Statement) {
                    ObjectId::ZERO
                } else {
                    self.object(own)
                };
                changes.say(kind, object, 1, body.clone());
                self.hostile += 1;
            }
        }
        self.logs.extend([changes, squashes]);
    }

    /// Changes of an event that others host too, each from a run of its own: a run whose change does not count can say
    /// no more of a document.
    pub(super) fn on_what_it_hosts(&mut self) {
        let hosted = self.targets.hosted.clone();
        let placeholder = [0xa7; 24];
        for Hostile { change, .. } in all(&hosted.document.on(placeholder)) {
            let mut log = self.open();
            let change = signed_by(change, &placeholder, &self.actor(&log));
            self.say_of_hosted(&mut log, change);
            self.logs.push(log);
        }
        let edit = |by| change_of(edit(Some(&hosted.document.saved), by, &reading("Open week")));
        for at in Share::Few.of(edit([0; 24]).len()).filter(|(at, _)| *at >= 8).step_by(9) {
            let mut log = self.open();
            let change = alter_chunk(&edit(self.actor(&log)), at);
            self.say_of_hosted(&mut log, change);
            self.logs.push(log);
        }
    }

    fn say_of_hosted(&mut self, log: &mut Log, change: Vec<u8>) {
        let body = self.body(Content::Change(Change {
            change,
            replaces: vec![],
        }));
        log.say(Kind::Change, self.targets.hosted.object, 1, body);
        self.hostile += 1;
    }
}
