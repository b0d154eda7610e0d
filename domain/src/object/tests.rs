#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::body::{Change, Genesis, Open};
use crate::document::{self, CountOutcome, CountRequest, InProcessCounter, Reading};
use crate::event::{Event, LocalTime, Schedule, Status, Zone};

mod cohosts;
mod together;

const NETWORK: NetworkId = NetworkId([1; 16]);
const OWNER: HubId = HubId([2; 16]);
const OTHER: HubId = HubId([3; 16]);
/// A thing of [`OWNER`]: half of its id is the owner's.
const THING: ThingId = ThingId([2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4]);

fn object_id() -> ObjectId {
    ObjectId::derive(NETWORK, OWNER, LogId::PUBLIC, DocumentKind::Event, THING)
}

#[derive(Default)]
struct Room(BTreeMap<WaitFor, BTreeMap<HeaderHash, HeldBody>>);

impl WaitingRoom for Room {
    type Error = Infallible;
    fn park(&mut self, what: WaitFor, body: &HeldBody) -> Result<(), Infallible> {
        self.0.entry(what).or_default().insert(body.hash, body.clone());
        Ok(())
    }
    fn wake(&mut self, what: WaitFor) -> Result<Vec<HeldBody>, Infallible> {
        Ok(self.0.remove(&what).unwrap_or_default().into_values().collect())
    }
}

/// What a node that takes envelopes one by one ends with.
#[derive(Debug)]
struct Outcome {
    object: Object,
    states: BTreeMap<HeaderHash, State>,
    shown: Option<Box<Shown>>,
}

fn take_one_by_one(order: &[HeldBody]) -> Outcome {
    let mut object = Object::new(object_id());
    let mut states: BTreeMap<HeaderHash, State> = BTreeMap::new();
    let mut shown = None;
    let mut room = Room::default();
    let mut held: BTreeMap<HeaderHash, HeldBody> = BTreeMap::new();
    for body in order {
        if held.insert(body.hash, body.clone()).is_some() {
            continue;
        }
        match object
            .settle(NETWORK, vec![body.clone()], &mut room, &InProcessCounter)
            .unwrap()
        {
            Settled::States {
                states: new,
                shown: now,
            } => {
                states.extend(new);
                if now.is_some() {
                    shown = now;
                }
            }
            Settled::Recount => {
                room = Room::default();
                let bodies = held.values().cloned().collect();
                (object, states, shown) = recount(NETWORK, object_id(), bodies, &mut room, &InProcessCounter).unwrap();
            }
        }
    }
    shown = shown.filter(|_| object.is_shown());
    Outcome { object, states, shown }
}

fn take_all_at_once(bodies: &[HeldBody]) -> Outcome {
    let mut room = Room::default();
    let (object, states, shown) = recount(NETWORK, object_id(), bodies.to_vec(), &mut room, &InProcessCounter).unwrap();
    Outcome { object, states, shown }
}

fn event(title: &str, status: Status) -> Reading {
    let day = LocalTime::Date(jiff::civil::date(2027, 3, 4));
    Reading::Event(Box::new(Event {
        uid: "x".into(),
        sequence: 0,
        status,
        title: title.into(),
        summary: String::new(),
        description: format!("about {title}"),
        language: String::new(),
        tags: vec![],
        location: None,
        url: String::new(),
        online_url: String::new(),
        image_url: String::new(),
        translations: BTreeMap::new(),
        features: BTreeSet::new(),
        capacity: None,
        postponed: false,
        schedule: Schedule {
            start: day,
            end: day,
            zone: Zone::Named("UTC".into()),
            rules: vec![],
            extra: vec![],
            excluded: vec![],
            overrides: vec![],
        },
        created_ms: 0,
        updated_ms: 0,
    }))
}

/// Writes the history of one event by an owner with two runs of its node, a stranger, and what else may happen.
struct Author {
    bodies: Vec<HeldBody>,
    nth: BTreeMap<(HubId, Epoch), u64>,
    counter: u8,
}

impl Author {
    fn new() -> Self {
        Self {
            bodies: Vec::new(),
            nth: BTreeMap::new(),
            counter: 0,
        }
    }

    fn push(&mut self, hub: HubId, epoch: Epoch, kind: Kind, content: Content) -> HeldBody {
        self.counter += 1;
        let carries_state = matches!(kind, Kind::Genesis | Kind::Change | Kind::Squash);
        let nth = self.nth.entry((hub, epoch)).or_default();
        *nth += u64::from(carries_state);
        let mut hash = *blake3::hash(&[self.counter]).as_bytes();
        hash[31] = self.counter;
        let body = HeldBody {
            hash: HeaderHash(hash),
            hub,
            epoch,
            log: LogId::PUBLIC,
            kind,
            generation: if kind == Kind::Tombstone { 0 } else { FIRST_GENERATION },
            nth: if carries_state { *nth } else { 0 },
            void: false,
            clock: u64::from(self.counter),
            content: Some(content),
        };
        self.bodies.push(body.clone());
        body
    }

    fn genesis(&mut self, epoch: Epoch, title: &str) -> Vec<u8> {
        let reading = event(title, Status::Confirmed);
        let made = document::edit(None, document::actor(OWNER, epoch), &reading)
            .unwrap()
            .unwrap();
        let genesis = Genesis {
            kind: u32::from(DocumentKind::Event.code()),
            thing: THING.0.to_vec(),
            change: made.change,
            writers: vec![],
            replaces: vec![],
        };
        self.push(OWNER, epoch, Kind::Genesis, Content::Genesis(genesis));
        take_all_at_once(&self.bodies[self.bodies.len() - 1..])
            .object
            .snapshot
            .unwrap()
    }

    /// Makes a change on top of what this author sees, and returns what it sees then.
    fn change(&mut self, hub: HubId, epoch: Epoch, seen: &[u8], title: &str, status: Status) -> Vec<u8> {
        let actor = document::actor(hub, epoch);
        let Some(made) = document::edit(Some(seen), actor, &event(title, status)).unwrap() else {
            return seen.to_vec();
        };
        let change = Change {
            change: made.change.clone(),
            replaces: vec![],
        };
        let body = self.push(hub, epoch, Kind::Change, Content::Change(change));
        let request = CountRequest {
            kind: DocumentKind::Event,
            snapshot: Some(seen),
            change: &made.change,
            actor,
            seq: body.nth,
        };
        match document::count(&request) {
            CountOutcome::Counted(counted) => counted.snapshot,
            other => panic!("{other:?}"),
        }
    }

    fn tombstone(&mut self, hub: HubId, epoch: Epoch) {
        let tombstone = Tombstone {
            kind: u32::from(DocumentKind::Event.code()),
            thing: THING.0.to_vec(),
            owner: OWNER.0.to_vec(),
            log: LogId::PUBLIC.0.to_vec(),
            through_generation: u32::MAX,
            heads: Vec::new(),
        };
        self.push(hub, epoch, Kind::Tombstone, Content::Tombstone(tombstone));
    }
}

#[derive(Debug, Clone, Copy)]
enum Extra {
    Nothing,
    OwnersTombstone,
    StrangersTombstone,
    SecondGenesis,
    CriticalKind,
    StrangersCriticalKind,
    LaterKind,
    Garbage,
    GarbageAsTombstone,
}

fn history(extra: Extra) -> Vec<HeldBody> {
    let (first, second, third) = (Epoch(1), Epoch(2), Epoch(3));
    let mut author = Author::new();
    let base = author.genesis(first, "Open day");
    let left = author.change(OWNER, first, &base, "Open week", Status::Confirmed);
    let _ = author.change(OWNER, first, &left, "Open month", Status::Tentative);
    let right = author.change(OWNER, second, &base, "Closed day", Status::Cancelled);
    let _ = author.change(OWNER, second, &right, "Closed week", Status::Cancelled);
    let _ = author.change(OTHER, first, &base, "Mine now", Status::Confirmed);
    match extra {
        Extra::Nothing => {}
        Extra::OwnersTombstone => author.tombstone(OWNER, third),
        Extra::StrangersTombstone => author.tombstone(OTHER, third),
        Extra::SecondGenesis => {
            let seen = author.genesis(third, "Another beginning");
            let _ = author.change(OWNER, third, &seen, "Another middle", Status::Confirmed);
        }
        Extra::CriticalKind => drop(author.push(OWNER, third, Kind::Unknown(200), Content::Open(Open::default()))),
        Extra::StrangersCriticalKind => {
            drop(author.push(OTHER, third, Kind::Unknown(200), Content::Open(Open::default())));
        }
        Extra::LaterKind => drop(author.push(OWNER, third, Kind::Unknown(90), Content::Open(Open::default()))),
        // Beside one that erases everything.
        Extra::GarbageAsTombstone => {
            author.tombstone(OWNER, third);
            let _ = author.push(OWNER, first, Kind::Tombstone, Content::Open(Open::default()));
        }
        Extra::Garbage => {
            let change = Change {
                change: vec![7; 40],
                replaces: vec![],
            };
            let _ = author.push(OWNER, first, Kind::Change, Content::Change(change));
        }
    }
    author.bodies
}

fn extras() -> impl Strategy<Value = Extra> {
    prop_oneof![
        Just(Extra::Nothing),
        Just(Extra::OwnersTombstone),
        Just(Extra::StrangersTombstone),
        Just(Extra::SecondGenesis),
        Just(Extra::CriticalKind),
        Just(Extra::StrangersCriticalKind),
        Just(Extra::LaterKind),
        Just(Extra::Garbage),
        Just(Extra::GarbageAsTombstone),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The one law, for one document: any order, repetition and loss of the same envelopes ends in the same document
    /// and states.
    #[test]
    fn order_never_matters(extra in extras(), shuffle in any::<u64>(), lost in proptest::option::of(0usize..8)) {
        let mut bodies = history(extra);
        if let Some(lost) = lost.filter(|lost| *lost < bodies.len()) {
            bodies.remove(lost);
        }
        let expected = take_all_at_once(&bodies);
        let mut order = bodies.clone();
        order.extend(bodies.iter().cloned());
        let mut seed = shuffle;
        for index in (1..order.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order.swap(index, (seed >> 33) as usize % (index + 1));
        }
        let got = take_one_by_one(&order);
        // The saved bytes list changes in the order in which they came; heads name the document.
        prop_assert_eq!(got.object.snapshot.is_some(), expected.object.snapshot.is_some());
        prop_assert_eq!(got.object.state, expected.object.state);
        prop_assert_eq!(got.states, expected.states);
        prop_assert_eq!(got.shown, expected.shown);
    }
}

#[test]
fn a_stranger_waits_and_an_owner_erases() {
    let bodies = history(Extra::Nothing);
    let outcome = take_all_at_once(&bodies);
    let strangers = bodies.iter().find(|body| body.hub == OTHER).unwrap();
    assert_eq!(outcome.states[&strangers.hash], State::Waiting(WaitFor::Grant));
    let Some(Reading::Event(event)) = outcome.shown.map(|shown| shown.reading) else {
        panic!("no event")
    };
    assert_eq!(event.status, Status::Cancelled);

    let erased = take_all_at_once(&history(Extra::OwnersTombstone));
    assert_eq!(erased.object.snapshot, None);
    assert_eq!(erased.shown, None);
    let by_a_stranger = take_all_at_once(&history(Extra::StrangersTombstone));
    assert!(by_a_stranger.object.snapshot.is_some());
}

/// Whoever publishes something else under the id of another hub's event would take over its page.
#[test]
fn nobody_creates_a_document_of_another_hubs_thing() {
    let object = ObjectId::derive(NETWORK, OTHER, LogId::PUBLIC, DocumentKind::Event, THING);
    let actor = document::actor(OTHER, Epoch(1));
    let made = document::edit(None, actor, &event("Not your event", Status::Cancelled))
        .unwrap()
        .unwrap();
    let genesis = Genesis {
        kind: u32::from(DocumentKind::Event.code()),
        thing: THING.0.to_vec(),
        change: made.change,
        writers: vec![],
        replaces: vec![],
    };
    let mut author = Author::new();
    let body = author.push(OTHER, Epoch(1), Kind::Genesis, Content::Genesis(genesis));
    let mut room = Room::default();
    let counted = recount(NETWORK, object, vec![body.clone()], &mut room, &InProcessCounter).unwrap();
    assert_eq!(counted.1[&body.hash], State::Refused(Refusal::Object));
    assert_eq!(counted.0.snapshot, None);
}

/// A counter that never comes to an outcome.
struct Away;

impl Counter for Away {
    fn count(&self, _: &CountRequest<'_>) -> Result<CountOutcome, Unjudged> {
        Err(Unjudged)
    }
}

#[test]
fn what_nobody_can_judge_now_settles_nothing() {
    let bodies = history(Extra::Nothing);
    let mut room = Room::default();
    let first = bodies.iter().find(|body| body.kind == Kind::Genesis).unwrap().clone();
    let settled = Object::new(object_id()).settle(NETWORK, vec![first], &mut room, &Away);
    assert_eq!(settled, Err(SettleError::Unjudged(Unjudged)));
    let recounted = recount(NETWORK, object_id(), bodies, &mut room, &Away);
    assert_eq!(recounted.unwrap_err(), SettleError::Unjudged(Unjudged));
}
