//! Hostile bytes against the process that judges them, and against whole nodes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod child;
mod corpus;
mod faults;
mod heavy;
mod node;
mod peer;
mod registry;

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::document::{CountOutcome, CountRequest, Counted, Reading};
use interhub_domain::event::{Event, LocalTime, Location, Override, Schedule, Status, Translation, Zone};
use interhub_domain::ids::DocumentKind;
use interhub_domain::profile::Point;
use interhub_node::child::ChildCounter;
use interhub_tests::hub::program;

pub(crate) const ACTOR: [u8; 24] = [7; 24];

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

/// An event in which nothing is as in the other ones: who writes it touches every field.
pub(crate) fn another_event() -> Event {
    let time = |hour| LocalTime::DateTime(jiff::civil::date(2028, 5, 6).at(hour, 30, 0, 0));
    Event {
        uid: "another".into(),
        sequence: 7,
        status: Status::Tentative,
        title: "After that".into(),
        summary: "Afterwards".into(),
        description: "No cake.".into(),
        language: "de".into(),
        tags: vec!["after".into(), "that".into()],
        location: Some(Location {
            name: "Elsewhere".into(),
            at: Point::new(1.5, 2.5),
        }),
        url: "https://example.org/a".into(),
        online_url: "https://example.org/b".into(),
        image_url: "https://example.org/c".into(),
        translations: BTreeMap::from([(
            "nl".into(),
            Translation {
                title: "Daarna".into(),
                summary: "Later".into(),
            },
        )]),
        features: BTreeSet::from(["dogs".into()]),
        capacity: Some(9),
        postponed: true,
        schedule: Schedule {
            start: time(18),
            end: time(20),
            zone: Zone::Named("Europe/Vienna".into()),
            rules: vec!["FREQ=WEEKLY;COUNT=5".into()],
            extra: vec![time(7)],
            excluded: vec![time(8)],
            overrides: vec![Override {
                recurrence_id: time(9),
                this_and_future: true,
                status: Some(Status::Cancelled),
                time: Some((time(10), time(11))),
                title: Some("Other".into()),
                description: Some("Others".into()),
                location: Some(Location::default()),
                url: Some("https://example.org/d".into()),
            }],
        },
        created_ms: 3,
        updated_ms: 4,
    }
}

pub(crate) fn reading(title: &str) -> Reading {
    Reading::Event(Box::new(event(title)))
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
