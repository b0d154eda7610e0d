//! What a hostile hub says in one round: bodies of every kind, each with one byte altered, and the constructed changes,
//! in logs that hold together. They are about documents of its own, and about events of others that it hosts too.
//!
//! What belongs to one document is spread over several logs, so that logs sent in another order come in another order.

use std::ops::Range;

use interhub_domain::body::{
    Accept, Address, Admit, Body, Change, Consent, Content, Decided, Decision, EpochEnd, Founding, Genesis, Grant,
    Leave, NextKey, Open, Remove, Rules, Said, Seat, Squash, Statement, Tombstone, Vote, VoteWord, Withdraw,
};
use interhub_domain::document::{actor, edit, squash};
use interhub_domain::envelope::{Kind, SigningKey, public_key};
use interhub_domain::ids::{DocumentKind, Epoch, LogId, ObjectId, ThingId};
use interhub_domain::registry::accept_message;
use interhub_domain::registry::replace::sign_objection;
use prost::Message as _;

use super::constructed::{Hostile, On, all, odd_bodies};
use super::documents::{Document, Targets, change_of, reading, sample, signed_by};
use super::mutants::{Alteration, Share, alter, alter_chunk};
use super::speaker::{Log, Speaker};

/// One round: every log is new.
pub struct Round<'a> {
    speaker: &'a Speaker,
    targets: &'a Targets,
    share: Share,
    /// The constructed changes, and what takes a run for each mutant, are part of it.
    whole: bool,
    base: u64,
    clock: u64,
    next_epoch: u32,
    next_thing: u64,
    /// What was said.
    pub logs: Vec<Log>,
    /// Mutants and constructed bodies among it.
    pub hostile: usize,
}

impl<'a> Round<'a> {
    /// Says everything of round `number`. `now_ms` is the time it is said at.
    pub fn say(speaker: &'a Speaker, targets: &'a Targets, share: Share, number: u32, now_ms: u64) -> Self {
        let mut round = Self::new(speaker, targets, share, number, now_ms);
        round.beginnings();
        round.changes();
        round.squashes_and_tombstones();
        round.grants_and_consents();
        round.opens();
        round.statements();
        if round.whole {
            round.kinds();
            round.constructed();
            round.on_what_it_hosts();
        }
        round
    }

    /// The last word: that it leaves, in every way.
    pub fn leave(speaker: &'a Speaker, targets: &'a Targets, share: Share, number: u32, now_ms: u64) -> Self {
        let mut round = Self::new(speaker, targets, share, number, now_ms);
        let mut log = round.open(LogId::REGISTRY);
        round.say_statement(&mut log, Said::Leave(Leave { counter: 1, ends: None }));
        round.logs.push(log);
        round
    }

    fn new(speaker: &'a Speaker, targets: &'a Targets, share: Share, number: u32, now_ms: u64) -> Self {
        Self {
            speaker,
            targets,
            share,
            whole: number == 0,
            base: now_ms / 1000,
            clock: now_ms << 16,
            next_epoch: number << 16,
            next_thing: u64::from(number) << 32,
            logs: Vec::new(),
            hostile: 0,
        }
    }

    fn body(&mut self, content: Content) -> Vec<u8> {
        self.clock += 1;
        Body {
            clock: self.clock,
            content: Some(content),
        }
        .encode_bytes()
    }

    fn unopened(&mut self, log: LogId) -> Log {
        self.next_epoch += 1;
        let second = u32::try_from(self.base).unwrap_or_default();
        self.speaker.log(log, Epoch::new(second, self.next_epoch))
    }

    fn open(&mut self, log: LogId) -> Log {
        let mut log = self.unopened(log);
        let body = self.body(Content::Open(Open::default()));
        log.say(Kind::Open, ObjectId::ZERO, 0, body);
        log
    }

    fn actor(&self, log: &Log) -> [u8; 24] {
        actor(self.speaker.hub(), log.next.epoch)
    }

    fn things(&mut self, count: usize) -> Range<u64> {
        let first = self.next_thing;
        self.next_thing += count as u64;
        first..self.next_thing
    }

    fn thing(&self, number: u64) -> ThingId {
        ThingId::new(self.speaker.hub(), number.to_be_bytes())
    }

    fn object(&self, number: u64) -> ObjectId {
        let (network, hub) = (self.speaker.network, self.speaker.hub());
        ObjectId::derive(network, hub, LogId::PUBLIC, DocumentKind::Event, self.thing(number))
    }

    fn genesis(&mut self, thing: u64, change: Vec<u8>) -> Vec<u8> {
        let thing = self.thing(thing).0.to_vec();
        self.body(Content::Genesis(Genesis {
            kind: DocumentKind::Event.code().into(),
            thing,
            change,
            writers: vec![self.targets.other.0.to_vec()],
            replaces: vec![],
        }))
    }

    /// So many documents of its own, honest ones, in a log of their own; and what they say.
    fn documents(&mut self, count: usize) -> (Range<u64>, Document) {
        let mut log = self.open(LogId::PUBLIC);
        let by = self.actor(&log);
        let change = change_of(edit(None, by, &reading("Open")));
        let things = self.things(count);
        for thing in things.clone() {
            let body = self.genesis(thing, change.clone());
            log.say(Kind::Genesis, self.object(thing), 1, body);
        }
        self.logs.push(log);
        (things, Document::of(&change, by))
    }

    /// One altered body for each of these documents.
    fn each(
        &mut self,
        (kind, generation): (Kind, u32),
        things: &Range<u64>,
        alterations: &[Alteration],
        body: impl Fn(&mut Self, u64, [u8; 24], Alteration) -> Vec<u8>,
    ) {
        let mut log = self.open(LogId::PUBLIC);
        let by = self.actor(&log);
        for (thing, alteration) in things.clone().cycle().zip(alterations) {
            let body = body(self, thing, by, *alteration);
            log.say(kind, self.object(thing), generation, body);
        }
        self.hostile += alterations.len();
        self.logs.push(log);
    }

    fn share_of(&self, length: usize) -> Vec<Alteration> {
        self.share.of(length).collect()
    }

    /// What is altered in a chunk: everything behind its checksum, which is repaired.
    fn share_of_chunk(&self, length: usize) -> Vec<Alteration> {
        self.share.of(length).filter(|(at, _)| *at >= 8).collect()
    }

    fn beginnings(&mut self) {
        let first = |by| change_of(edit(None, by, &reading("Open")));
        let chunk = first([0; 24]).len();
        let alterations = self.share_of_chunk(chunk);
        let things = self.things(alterations.len());
        self.each((Kind::Genesis, 1), &things, &alterations, |round, thing, by, at| {
            round.genesis(thing, alter_chunk(&first(by), at))
        });
        let length = self.genesis(0, first([0; 24])).len();
        let alterations = self.share_of(length);
        let things = self.things(alterations.len());
        self.each((Kind::Genesis, 1), &things, &alterations, |round, thing, by, at| {
            alter(&round.genesis(thing, first(by)), at)
        });
    }

    fn changes(&mut self) {
        let of_length = |document: &Document| change_of(edit(Some(&document.saved), [0; 24], &reading("Open week")));
        // As many as there are alterations of the whole body, which is some fifty bytes longer.
        let (things, document) = self.documents(self.share.of(of_length(&sample()).len() + 64).count());
        let made = |by| change_of(edit(Some(&document.saved), by, &reading("Open week")));
        let say = |change| {
            Content::Change(Change {
                change,
                replaces: vec![vec![5; 32]],
            })
        };
        let alterations = self.share_of_chunk(made([0; 24]).len());
        self.each((Kind::Change, 1), &things, &alterations, |round, _, by, at| {
            round.body(say(alter_chunk(&made(by), at)))
        });
        let length = self.body(say(made([0; 24]))).len();
        let alterations = self.share_of(length);
        self.each((Kind::Change, 1), &things, &alterations, |round, _, by, at| {
            let body = round.body(say(made(by)));
            alter(&body, at)
        });
        // Others build on what came of it: a change from another run that knows the beginning alone.
        self.each(
            (Kind::Change, 1),
            &things,
            &vec![(0, 0); alterations.len()],
            |round, _, by, _| round.body(say(made(by))),
        );
        self.hostile -= alterations.len();
    }

    fn squash(&mut self, thing: u64, change: Vec<u8>) -> Vec<u8> {
        let thing = self.thing(thing).0.to_vec();
        self.body(Content::Squash(Squash {
            change,
            writers: vec![self.targets.other.0.to_vec()],
            heads: vec![vec![4; 32]],
            withdrawn: vec!["url".into()],
            kind: DocumentKind::Event.code().into(),
            thing,
        }))
    }

    fn tombstone(&mut self, thing: u64) -> Vec<u8> {
        let tombstone = Tombstone {
            heads: Vec::new(),
            kind: DocumentKind::Event.code().into(),
            thing: self.thing(thing).0.to_vec(),
            owner: self.speaker.hub().0.to_vec(),
            log: LogId::PUBLIC.0.to_vec(),
            through_generation: 1,
        };
        self.body(Content::Tombstone(tombstone))
    }

    fn squashes_and_tombstones(&mut self) {
        let fresh = |document: &Document, by| change_of(squash(&document.saved, by, DocumentKind::Event, &[]));
        let length = self.squash(0, fresh(&sample(), [0; 24])).len();
        let (things, document) = self.documents(self.share.of(length).count());
        let alterations = self.share_of_chunk(fresh(&document, [0; 24]).len());
        self.each((Kind::Squash, 2), &things, &alterations, |round, thing, by, at| {
            round.squash(thing, alter_chunk(&fresh(&document, by), at))
        });
        let alterations = self.share_of(length);
        self.each((Kind::Squash, 2), &things, &alterations, |round, thing, by, at| {
            alter(&round.squash(thing, fresh(&document, by)), at)
        });
        let length = self.tombstone(0).len();
        let alterations = self.share_of(length);
        self.each((Kind::Tombstone, 0), &things, &alterations, |round, thing, _, at| {
            alter(&round.tombstone(thing), at)
        });
    }

    fn grants_and_consents(&mut self) {
        let grant = Content::Grant(Grant {
            writer: self.targets.other.0.to_vec(),
        });
        let length = self.body(grant.clone()).len();
        let alterations = self.share_of(length);
        // A few documents, so that some come to more grants than there may be.
        let (things, _) = self.documents(1 + alterations.len() / 100);
        self.each((Kind::Grant, 1), &things, &alterations, |round, _, _, at| {
            alter(&round.body(grant.clone()), at)
        });
        let mut log = self.open(LogId::PUBLIC);
        for agreed in [true, false] {
            let consent = Content::Consent(Consent { counter: 300, agreed });
            let length = self.body(consent.clone()).len();
            for at in self.share_of(length) {
                let body = alter(&self.body(consent.clone()), at);
                log.say(Kind::Consent, self.targets.answered, 0, body);
                self.hostile += 1;
            }
        }
        self.logs.push(log);
    }

    fn opens(&mut self) {
        let earlier = self.logs.iter().take(2).map(|log| EpochEnd {
            epoch: log.next.epoch.0,
            seq: log.head().seq,
            hash: log.head().hash.0.to_vec(),
        });
        let open = Content::Open(Open {
            earlier: earlier.collect(),
            members: vec![self.speaker.hub().0.to_vec(), self.targets.other.0.to_vec()],
            nonce: vec![6; 16],
        });
        let length = self.body(open.clone()).len();
        let mut late = self.open(LogId::NETWORK);
        for at in self.share_of(length) {
            let body = alter(&self.body(open.clone()), at);
            late.say(Kind::Open, ObjectId::ZERO, 0, body);
            self.hostile += 1;
        }
        self.logs.push(late);
        if !self.whole {
            return;
        }
        // The same where it belongs: each opens a run.
        for at in Share::Few.of(length).step_by(5).collect::<Vec<_>>() {
            let mut log = self.unopened(LogId::PUBLIC);
            let body = alter(&self.body(open.clone()), at);
            log.say(Kind::Open, ObjectId::ZERO, 0, body);
            let change = change_of(edit(None, self.actor(&log), &reading("Opened oddly")));
            let thing = self.things(1).start;
            let body = self.genesis(thing, change);
            log.say(Kind::Genesis, self.object(thing), 1, body);
            self.hostile += 1;
            self.logs.push(log);
        }
    }

    fn say_statement(&mut self, log: &mut Log, said: Said) {
        let content = Content::Statement(Statement { said: Some(said) });
        let length = self.body(content.clone()).len();
        for at in self.share_of(length) {
            let body = alter(&self.body(content.clone()), at);
            log.say(Kind::Statement, ObjectId::ZERO, 0, body);
            self.hostile += 1;
        }
    }

    fn statements(&mut self) {
        let mut log = self.open(LogId::REGISTRY);
        for said in self.said() {
            self.say_statement(&mut log, said);
        }
        self.logs.push(log);
    }

    /// One statement of each kind, leaving apart.
    fn said(&self) -> Vec<Said> {
        let (network, own, other) = (self.speaker.network, self.speaker.hub(), self.targets.other);
        let stranger = SigningKey::from([77; 32]);
        let accept = Accept {
            network: network.0.to_vec(),
            public_key: public_key(&stranger).to_vec(),
            recovery_key: vec![8; 32],
            slug: "stranger".into(),
            address: String::new(),
            counter: 0,
        };
        let encoded = accept.encode_to_vec();
        let decide = |decided| {
            Said::Decide(Decision {
                after: vec![],
                left: vec![],
                decided: Some(decided),
            })
        };
        let seat = Seat {
            hub: other.0.to_vec(),
            slug: "amsterdam".into(),
            counter: 0,
        };
        let remove = Remove {
            hub: other.0.to_vec(),
            reason: "Because".into(),
            ends: vec![],
        };
        let founding = Founding {
            name: "Another network".into(),
            founders: vec![accept],
            created_ms: 1,
            nonce: vec![3; 16],
            guests_per_voter: 0,
        };
        let key = self.speaker.identity.signing_key();
        vec![
            Said::Founding(founding.encode_to_vec()),
            Said::Admit(Admit {
                signature: stranger.sign(&accept_message(&encoded)).to_bytes().to_vec(),
                accept: encoded,
            }),
            Said::Withdraw(Withdraw {
                ends: None,
                hub: other.0.to_vec(),
                counter: 1,
            }),
            // Nobody is called there: of every other address it would not be known who is.
            Said::Address(Address {
                address: "[::1]:1".into(),
            }),
            decide(Decided::Seat(seat)),
            decide(Decided::Remove(remove)),
            decide(Decided::Rules(Rules { guests_per_voter: 3 })),
            Said::Vote(Vote {
                decision: vec![9; 32],
                word: VoteWord::Sign.into(),
            }),
            // Not signed by its key: one byte altered does not help.
            Said::NextKey(NextKey {
                record: vec![1; 60],
                signature: vec![2; 64],
            }),
            Said::Object(sign_objection(network, own, &key, [5; 32], [6; 32])),
        ]
    }

    /// Every kind there may be, about a document of its own, another hub's, and none.
    fn kinds(&mut self) {
        let (things, document) = self.documents(256);
        let mut log = self.open(LogId::PUBLIC);
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
    }

    /// The constructed changes as beginnings of documents of its own, and where everything is tried as changes of them
    /// too; and bodies that are hardly protobuf, of every kind.
    fn constructed(&mut self) {
        let mut squashes = self.open(LogId::PUBLIC);
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
        let mut changes = self.open(LogId::PUBLIC);
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
    fn on_what_it_hosts(&mut self) {
        let hosted = self.targets.hosted.clone();
        let placeholder = [0xa7; 24];
        for Hostile { change, .. } in all(&hosted.document.on(placeholder)) {
            let mut log = self.open(LogId::PUBLIC);
            let change = signed_by(change, &placeholder, &self.actor(&log));
            self.say_of_hosted(&mut log, change);
            self.logs.push(log);
        }
        let edit = |by| change_of(edit(Some(&hosted.document.saved), by, &reading("Open week")));
        for at in Share::Few.of(edit([0; 24]).len()).filter(|(at, _)| *at >= 8).step_by(9) {
            let mut log = self.open(LogId::PUBLIC);
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
