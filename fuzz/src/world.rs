//! The small network in which everything is checked.

use interhub_domain::document::Reading;
use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::event::{Event, LocalTime, Schedule, Status, Zone};
use interhub_domain::ids::{HubId, ThingId};

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
    let day = LocalTime::Date(jiff::civil::date(2027, 3, 4));
    Reading::Event(Box::new(Event {
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
