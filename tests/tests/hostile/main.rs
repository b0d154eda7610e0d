//! Hostile bytes against the process that judges them, and against whole nodes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod child;
mod corpus;
mod faults;
mod forks;
mod heavy;
mod kinds;
mod node;
mod peer;
mod registry;

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::document::{CountOutcome, CountRequest, Counted, Reading};
use interhub_domain::event::{Event, LocalTime, Schedule, Status, Zone};
use interhub_domain::ids::DocumentKind;
use interhub_node::child::ChildCounter;
use interhub_tests::hostile::mutants::Share;
use interhub_tests::hub::program;

pub(crate) const ACTOR: [u8; 24] = [7; 24];
/// Parts into which all values of a byte are divided.
pub(crate) const PARTS: u8 = 16;

pub(crate) fn event(title: &str) -> Event {
    let day = LocalTime::Date(jiff::civil::date(2027, 3, 4));
    Event {
        uid: "x".into(),
        sequence: 0,
        status: Status::Confirmed,
        title: title.into(),
        summary: String::new(),
        description: "Bring a cake.".into(),
        language: String::new(),
        tags: vec!["cake".into()],
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
    }
}

pub(crate) fn reading(title: &str) -> Reading {
    Reading::Event(Box::new(event(title)))
}

/// Which shares of the values of a byte are tried: two values, or with `INTERHUB_HOSTILE_PARTS` so many of [`PARTS`] parts,
/// or those from one to another (`4..8`).
pub(crate) fn shares() -> Vec<Share> {
    let Ok(parts) = std::env::var("INTERHUB_HOSTILE_PARTS") else {
        return vec![Share::Few];
    };
    let (first, end) = parts.split_once("..").unwrap_or(("0", &parts));
    let (first, end): (u8, u8) = (first.parse().unwrap(), end.parse().unwrap());
    (first..end.min(PARTS)).map(|part| Share::Part(part, PARTS)).collect()
}

pub(crate) fn request<'a>(snapshot: Option<&'a [u8]>, change: &'a [u8], seq: u64) -> CountRequest<'a> {
    CountRequest {
        kind: DocumentKind::Event,
        snapshot,
        change,
        actor: ACTOR,
        seq,
    }
}

pub(crate) fn counted(outcome: CountOutcome) -> Counted {
    match outcome {
        CountOutcome::Counted(counted) => *counted,
        other => panic!("{other:?}"),
    }
}

/// A counter with a real child that is ready.
pub(crate) fn counter() -> ChildCounter {
    let counter = ChildCounter::new(program("interhubd"));
    assert!(counter.look_after(), "{:?}", counter.trouble());
    counter
}
