//! The small network in which everything is checked.

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::document::Reading;
use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::event::{Event, LocalTime, Location, Schedule, Status, Translation, Zone};
use interhub_domain::ids::{HubId, ThingId};
use interhub_domain::profile::Point;

/// The signing key of a hub, by a number.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from([number; 32])
}

/// A hub, by the number of its key.
pub(crate) fn hub(number: u8) -> HubId {
    HubId::of_first_key(&public_key(&key(number)))
}

/// A thing of a hub.
pub(crate) fn thing(owner: HubId) -> ThingId {
    ThingId::new(owner, [7; 8])
}

/// An event with something in most fields.
pub(crate) fn event(title: &str) -> Reading {
    Reading::Event(Box::new(sample(title)))
}

/// One in which nothing is as in that: who writes it touches every field.
pub(crate) fn another_event() -> Reading {
    let time = |hour| LocalTime::DateTime(jiff::civil::date(2028, 5, 6).at(hour, 30, 0, 0));
    let before = sample("After that");
    Reading::Event(Box::new(Event {
        uid: "y".into(),
        sequence: 7,
        status: Status::Tentative,
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
            overrides: vec![],
        },
        created_ms: 3,
        updated_ms: 4,
        ..before
    }))
}

/// The same event, its times meant elsewhere.
pub(crate) fn in_another_zone(mut event: Event) -> Reading {
    event.schedule.zone = Zone::Named("Europe/Vienna".into());
    Reading::Event(Box::new(event))
}

fn sample(title: &str) -> Event {
    let day = LocalTime::Date(jiff::civil::date(2027, 3, 4));
    Event {
        uid: "x".into(),
        sequence: 0,
        status: Status::Confirmed,
        title: title.into(),
        summary: String::new(),
        description: "Bring a cake.".into(),
        language: "en".into(),
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
