//! Changes that are each within the limits and together are not: what is shown then follows from the set of them.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ROOT};

use super::*;
use crate::body::Squash;
use crate::document::Weight;

/// Bytes one of these changes adds to the document.
const BALLAST: usize = 60_000;

/// Text that hardly packs.
fn ballast(seed: u64) -> String {
    let mut bytes = vec![0; BALLAST];
    blake3::Hasher::new()
        .update(&seed.to_be_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes.iter().map(|byte| char::from(b'!' + byte % 90)).collect()
}

/// A change of one run of the owner that adds ballast to a document.
fn heavy(author: &mut Author, epoch: Epoch, seen: &[u8]) -> Vec<u8> {
    let mut doc = AutoCommit::load(seen).unwrap();
    doc.set_actor(ActorId::from(&document::actor(OWNER, epoch)[..]));
    let text = ballast(u64::from(author.counter));
    doc.put(ROOT, format!("x-{}", author.counter), text).unwrap();
    doc.commit_with(CommitOptions::default().with_time(0));
    let change = Change {
        change: doc.get_last_local_change().unwrap().raw_bytes().to_vec(),
        replaces: vec![],
    };
    author.push(OWNER, epoch, Kind::Change, Content::Change(change));
    doc.save()
}

/// As many runs of the owner as asked, each adding three times to the event as it began.
fn flood(runs: u64) -> Vec<HeldBody> {
    let mut author = Author::new();
    let base = author.genesis(Epoch(1), "Open day");
    let mut seen = author.change(OWNER, Epoch(1), &base, "Open week", Status::Confirmed);
    for run in 0..runs {
        seen = if run == 0 { seen } else { base.clone() };
        for _ in 0..3 {
            seen = heavy(&mut author, Epoch(10 + run), &seen);
        }
    }
    author.bodies
}

fn shuffled(bodies: &[HeldBody], mut seed: u64) -> Vec<HeldBody> {
    let mut order = bodies.to_vec();
    for index in (1..order.len()).rev() {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        order.swap(index, (seed >> 33) as usize % (index + 1));
    }
    order
}

fn title(outcome: &Outcome) -> String {
    match outcome.shown.as_ref().map(|shown| &shown.reading) {
        Some(Reading::Event(event)) => event.title.clone(),
        other => panic!("{other:?}"),
    }
}

fn agrees(got: &Outcome, expected: &Outcome) {
    assert_eq!(got.object.state, expected.object.state);
    assert_eq!(got.states, expected.states);
    assert_eq!(got.shown, expected.shown);
}

#[test]
fn concurrent_changes_that_are_too_much_together_all_wait_for_a_new_generation_in_any_order() {
    let bodies = flood(7);
    let expected = take_all_at_once(&bodies);
    assert!(expected.object.state.stuck);
    assert_eq!(title(&expected), "Open day", "what the beginning says");
    for body in &bodies {
        let state = match body.kind {
            Kind::Genesis => State::Counted,
            _ => State::Refused(Refusal::Together),
        };
        assert_eq!(expected.states[&body.hash], state);
    }
    for seed in 0..6 {
        agrees(&take_one_by_one(&shuffled(&bodies, seed)), &expected);
    }
}

#[test]
fn a_little_less_is_merged_in_any_order() {
    let bodies = flood(5);
    let expected = take_all_at_once(&bodies);
    assert!(!expected.object.state.stuck);
    assert_eq!(expected.object.state.weight.changes, bodies.len() as u64);
    assert!(expected.object.state.weight.is_much());
    assert_eq!(title(&expected), "Open week");
    for seed in 0..3 {
        agrees(&take_one_by_one(&shuffled(&bodies, seed)), &expected);
    }
}

#[test]
fn a_new_generation_counts_again() {
    let mut bodies = flood(7);
    let saved = take_all_at_once(&bodies).object.snapshot.unwrap();
    let epoch = Epoch(99);
    let made = document::squash(&saved, document::actor(OWNER, epoch), DocumentKind::Event, &[]);
    let squash = Squash {
        change: made.unwrap().unwrap().change,
        writers: vec![],
        heads: vec![],
        withdrawn: vec![],
        kind: u32::from(DocumentKind::Event.code()),
        thing: THING.0.to_vec(),
    };
    let mut author = Author::new();
    author.counter = 200;
    let mut body = author.push(OWNER, epoch, Kind::Squash, Content::Squash(squash));
    body.generation = FIRST_GENERATION + 1;
    bodies.push(body);
    let expected = take_all_at_once(&bodies);
    assert!(!expected.object.state.stuck);
    assert_eq!(title(&expected), "Open day");
    for seed in 0..3 {
        agrees(&take_one_by_one(&shuffled(&bodies, seed)), &expected);
    }
}

/// What is void is no part of the set.
#[test]
fn changes_that_are_void_weigh_nothing() {
    let mut bodies = flood(7);
    for body in bodies.iter_mut().filter(|body| body.epoch >= Epoch(12)) {
        body.void = true;
    }
    let outcome = take_all_at_once(&bodies);
    assert!(!outcome.object.state.stuck);
    assert_eq!(title(&outcome), "Open week");
}

#[test]
fn a_weight_is_a_sum() {
    let one = Weight {
        changes: 1,
        rows: u64::MAX,
        content: 7,
    };
    assert_eq!(one.plus(one).rows, u64::MAX);
    assert!(one.is_too_much());
    assert_eq!(Weight::of(b"nothing"), Weight::default());
    assert!(!Weight::default().is_much());
}
