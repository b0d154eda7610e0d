//! What a hostile hub says in one round: bodies of every kind, each with one byte altered, and the constructed changes,
//! in logs that hold together. They are about documents of its own, and about events of others that it hosts too.
//!
//! What belongs to one document is spread over several logs, so that logs sent in another order come in another order.

use std::cell::OnceCell;
use std::ops::Range;

use interhub_domain::body::{
    Body, Change, Consent, Content, EpochEnd, Genesis, Grant, Open, Said, Squash, Statement, Tombstone,
};
use interhub_domain::document::{Reading, actor, edit, squash};
use interhub_domain::envelope::Kind;
use interhub_domain::group::Group;
use interhub_domain::ids::{DocumentKind, Epoch, LogId, ObjectId, ThingId};

use super::documents::{Document, Targets, change_of, full_event, full_member, reading, sample};
use super::mutants::{Alteration, Share, UNALTERED, alter, alter_chunk};
use super::speaker::{Log, Speaker};
use super::statements;

/// A body as an honest hub says it, of which altered ones are made.
#[derive(Debug, Clone)]
pub struct Honest {
    /// The log it is said in.
    pub log: LogId,
    /// Its kind.
    pub kind: Kind,
    /// The encoded [`Body`].
    pub body: Vec<u8>,
}

/// One round: every log is new.
pub struct Round<'a> {
    pub(super) speaker: &'a Speaker,
    pub(super) targets: &'a Targets,
    pub(super) share: Share,
    /// The constructed changes, and what takes a run for each mutant, are part of it.
    pub(super) whole: bool,
    pub(super) number: u32,
    /// The log that documents are made in, and the group whose it is.
    pub(super) place: (LogId, Option<Group>),
    now_ms: u64,
    pub(super) clock: u64,
    pub(super) next_epoch: u32,
    pub(super) next_thing: u64,
    /// What was said.
    pub logs: Vec<Log>,
    /// Mutants and constructed bodies among it.
    pub hostile: usize,
    /// What the mutants were made of.
    pub honest: Vec<Honest>,
}

impl<'a> Round<'a> {
    /// Says everything of round `number`. `now_ms` is the time it is said at.
    pub fn say(speaker: &'a Speaker, targets: &'a Targets, share: Share, number: u32, now_ms: u64) -> Self {
        let mut round = Self::new(speaker, targets, share, number, now_ms);
        if round.whole {
            round.strangers();
        }
        round.documents_of_every_sort();
        round.every_field();
        round.pages();
        round.elsewhere();
        round.opens();
        round.statements();
        if round.whole {
            round.kinds();
            round.constructed();
            round.claims();
            round.on_what_it_hosts();
        }
        round
    }

    /// The last word: that it leaves, in every way. `said`: some of what it said before, which is to count.
    pub fn leave(speaker: &'a Speaker, targets: &'a Targets, number: u32, now_ms: u64, said: &[Log]) -> Self {
        let mut round = Self::new(speaker, targets, Share::Few, number, now_ms);
        let mut log = round.open_in(LogId::REGISTRY);
        for said in statements::leaving(said) {
            round.say_statement(&mut log, said);
        }
        round.logs.push(log);
        round
    }

    fn new(speaker: &'a Speaker, targets: &'a Targets, share: Share, number: u32, now_ms: u64) -> Self {
        Self {
            speaker,
            targets,
            share,
            whole: number == 0,
            number,
            place: (LogId::PUBLIC, None),
            now_ms,
            clock: now_ms << 16,
            next_epoch: number << 16,
            next_thing: u64::from(number) << 32,
            logs: Vec::new(),
            hostile: 0,
            honest: Vec::new(),
        }
    }

    pub(super) fn body(&mut self, content: Content) -> Vec<u8> {
        self.clock += 1;
        Body {
            clock: self.clock,
            content: Some(content),
        }
        .encode_bytes()
    }

    pub(super) fn note(&mut self, log: LogId, kind: Kind, body: Vec<u8>) {
        self.honest.push(Honest { log, kind, body });
    }

    pub(super) fn epoch(&mut self) -> Epoch {
        self.next_epoch += 1;
        Epoch::new(u32::try_from(self.now_ms / 1000).unwrap_or_default(), self.next_epoch)
    }

    fn unopened(&mut self, log: LogId) -> Log {
        let epoch = self.epoch();
        self.speaker.log(log, epoch)
    }

    /// A new run in the log that documents are made in.
    pub(super) fn open(&mut self) -> Log {
        let mut log = self.unopened(self.place.0);
        let (members, nonce) = self.place.1.as_ref().map(Group::named).unwrap_or_default();
        let body = self.body(Content::Open(Open {
            members,
            nonce,
            ..Open::default()
        }));
        log.say(Kind::Open, ObjectId::ZERO, 0, body);
        log
    }

    pub(super) fn open_in(&mut self, log: LogId) -> Log {
        let before = std::mem::replace(&mut self.place, (log, None));
        let log = self.open();
        self.place = before;
        log
    }

    pub(super) fn actor(&self, log: &Log) -> [u8; 24] {
        actor(self.speaker.hub(), log.next.epoch)
    }

    pub(super) fn things(&mut self, count: usize) -> Range<u64> {
        let first = self.next_thing;
        self.next_thing += count as u64;
        first..self.next_thing
    }

    pub(super) fn thing(&self, number: u64) -> ThingId {
        ThingId::new(self.speaker.hub(), number.to_be_bytes())
    }

    pub(super) fn object(&self, number: u64) -> ObjectId {
        self.object_of(DocumentKind::Event, self.thing(number))
    }

    pub(super) fn object_of(&self, kind: DocumentKind, thing: ThingId) -> ObjectId {
        ObjectId::derive(self.speaker.network, self.speaker.hub(), self.place.0, kind, thing)
    }

    fn genesis(&mut self, thing: u64, change: Vec<u8>) -> Vec<u8> {
        self.genesis_of(DocumentKind::Event, self.thing(thing), change)
    }

    pub(super) fn genesis_of(&mut self, kind: DocumentKind, thing: ThingId, change: Vec<u8>) -> Vec<u8> {
        self.body(Content::Genesis(Genesis {
            kind: kind.code().into(),
            thing: thing.0.to_vec(),
            change,
            writers: vec![self.targets.other.0.to_vec()],
            replaces: vec![vec![5; 32]],
        }))
    }

    /// So many documents of its own, honest ones, in a log of their own; and what they say.
    pub(super) fn documents(&mut self, count: usize) -> (Range<u64>, Document) {
        let mut log = self.open();
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
        let mut log = self.open();
        let by = self.actor(&log);
        let honest = body(self, things.start, by, UNALTERED);
        self.note(self.place.0, kind, honest);
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
    pub(super) fn share_of_chunk(&self, length: usize) -> Vec<Alteration> {
        self.share.of(length).filter(|(at, _)| *at >= 8).collect()
    }

    pub(super) fn documents_of_every_sort(&mut self) {
        self.beginnings();
        self.changes();
        self.squashes_and_tombstones();
        self.grants_and_consents();
    }

    fn beginnings(&mut self) {
        let first = |by| change_of(edit(None, by, &reading("Open")));
        self.altered_beginnings(first);
        let length = self.genesis(0, first([0; 24])).len();
        let alterations = self.share_of(length);
        let things = self.things(alterations.len());
        self.each((Kind::Genesis, 1), &things, &alterations, |round, thing, by, at| {
            alter(&round.genesis(thing, first(by)), at)
        });
    }

    /// Documents of which the first change is altered.
    fn altered_beginnings(&mut self, first: impl Fn([u8; 24]) -> Vec<u8>) {
        let alterations = self.share_of_chunk(first([0; 24]).len());
        let things = self.things(alterations.len());
        let made = OnceCell::new();
        self.each((Kind::Genesis, 1), &things, &alterations, |round, thing, by, at| {
            round.genesis(thing, alter_chunk(made.get_or_init(|| first(by)), at))
        });
    }

    /// Events that say something in every field, and changes that alter every field; members; and a document of a kind that nobody
    /// knows yet.
    fn every_field(&mut self) {
        let full = |another| Reading::Event(Box::new(full_event(another)));
        self.altered_beginnings(|by| change_of(edit(None, by, &full(false))));
        let of_length = change_of(edit(Some(&sample().saved), [0; 24], &full(true))).len();
        let alterations = self.share_of_chunk(of_length);
        let (things, document) = self.documents(alterations.len());
        let made = OnceCell::new();
        self.each((Kind::Change, 1), &things, &alterations, |round, _, by, at| {
            let change = made.get_or_init(|| change_of(edit(Some(&document.saved), by, &full(true))));
            round.body(Content::Change(Change {
                change: alter_chunk(change, at),
                replaces: vec![],
            }))
        });
        self.beginnings_of(DocumentKind::Member, &Reading::Member(Box::new(full_member("Ada"))));
        self.beginnings_of(DocumentKind::Other(9), &reading("Open"));
    }

    /// Beginnings of documents of another kind, altered.
    fn beginnings_of(&mut self, kind: DocumentKind, says: &Reading) {
        let first = |by| change_of(edit(None, by, says));
        let length = self.genesis_of(kind, self.thing(0), first([0; 24])).len();
        let mut log = self.open();
        let change = first(self.actor(&log));
        let mut say = |round: &mut Self, at| {
            let thing = round.things(1).start;
            let thing = round.thing(thing);
            let body = alter(&round.genesis_of(kind, thing, change.clone()), at);
            log.say(Kind::Genesis, round.object_of(kind, thing), 1, body.clone());
            body
        };
        let honest = say(self, UNALTERED);
        self.note(self.place.0, Kind::Genesis, honest);
        for at in self.share.thin().of(length) {
            say(self, at);
            self.hostile += 1;
        }
        self.logs.push(log);
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

    pub(super) fn squash(&mut self, thing: u64, change: Vec<u8>) -> Vec<u8> {
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
            heads: vec![vec![4; 32]],
            kind: DocumentKind::Event.code().into(),
            thing: self.thing(thing).0.to_vec(),
            owner: self.speaker.hub().0.to_vec(),
            log: self.place.0.0.to_vec(),
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
        let mut log = self.open();
        for agreed in [true, false] {
            let consent = Content::Consent(Consent { counter: 300, agreed });
            self.say_altered(&mut log, Kind::Consent, self.targets.answered, &consent);
        }
        self.logs.push(log);
    }

    /// A body, and the altered ones of it.
    fn say_altered(&mut self, log: &mut Log, kind: Kind, object: ObjectId, content: &Content) {
        let honest = self.body(content.clone());
        for at in self.share_of(honest.len()) {
            let body = alter(&self.body(content.clone()), at);
            log.say(kind, object, 0, body);
            self.hostile += 1;
        }
        self.note(log.next.log, kind, honest);
    }

    fn opens(&mut self) {
        let earlier = self.logs.iter().take(2).map(|log| EpochEnd {
            epoch: log.next.epoch.0,
            seq: log.head().seq,
            hash: log.head().hash.0.to_vec(),
        });
        let earlier: Vec<EpochEnd> = earlier.collect();
        let (place, group) = self.group(0);
        let (members, nonce) = group.as_ref().map(Group::named).unwrap_or_default();
        let open = Content::Open(Open {
            earlier,
            members,
            nonce,
        });
        let length = self.body(open.clone()).len();
        // Late, in logs that were opened before.
        for place in [(LogId::NETWORK, None), (place, group)] {
            self.place = place;
            let mut late = self.open();
            self.say_altered(&mut late, Kind::Open, ObjectId::ZERO, &open);
            self.logs.push(late);
        }
        self.place = (LogId::PUBLIC, None);
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
        self.say_altered(log, Kind::Statement, ObjectId::ZERO, &content);
    }

    fn statements(&mut self) {
        let mut log = self.open_in(LogId::REGISTRY);
        for said in statements::all(self.speaker, self.targets, self.now_ms) {
            self.say_statement(&mut log, said);
        }
        if self.whole {
            let share = std::mem::replace(&mut self.share, Share::One);
            for said in statements::more(self.speaker, self.targets, self.now_ms) {
                self.say_statement(&mut log, said);
            }
            self.share = share;
        }
        self.logs.push(log);
    }
}
