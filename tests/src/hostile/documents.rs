//! Honest documents for a hostile hub to build on, and what it is about to attack.

use std::collections::{BTreeMap, BTreeSet};

use automerge::Change as Chunk;
use interhub_domain::document::{CountOutcome, CountRequest, EditError, Made, Reading, count, edit};
use interhub_domain::event::{Event, LocalTime, Location, Override, Schedule, Status, Translation, Zone};
use interhub_domain::ids::{DocumentKind, HeaderHash, HubId, ObjectId, ThingId};
use interhub_domain::member::{self, Audience, Consent, Field, Link, Listing, Local, Member, Way};
use interhub_domain::profile::{HubProfile, Point};
use jiff::civil::date;

use super::chunk::repair;
use super::constructed::On;

/// An event of another hub that the hostile hub was asked to host, and agreed to.
#[derive(Debug, Clone)]
pub struct Hosted {
    /// The hub that owns it.
    pub owner: HubId,
    /// The event.
    pub thing: ThingId,
    /// The document.
    pub object: ObjectId,
    /// As its genesis made it.
    pub document: Document,
}

/// A document with one change.
#[derive(Debug, Clone)]
pub struct Document {
    /// Saved.
    pub saved: Vec<u8>,
    /// Its heads.
    pub heads: Vec<[u8; 32]>,
    /// The number of the next operation.
    pub next_op: u64,
}

impl Document {
    /// What this first change makes.
    pub fn of(change: &[u8], by: [u8; 24]) -> Self {
        let request = CountRequest {
            kind: DocumentKind::Event,
            snapshot: None,
            change,
            actor: by,
            seq: 1,
        };
        let CountOutcome::Counted(counted) = count(&request) else {
            panic!("an honest change does not count")
        };
        let chunk = Chunk::from_bytes(change.to_vec()).unwrap_or_else(|error| panic!("{error}"));
        Self {
            saved: counted.snapshot,
            heads: counted.heads,
            next_op: 1 + chunk.len() as u64,
        }
    }

    /// To be continued by this actor.
    pub(super) fn on(&self, actor: [u8; 24]) -> On {
        On {
            actor: actor.to_vec(),
            seq: 1,
            dependencies: self.heads.clone(),
            start_op: self.next_op,
            document: self.saved.clone(),
        }
    }
}

/// What is attacked.
#[derive(Debug, Clone)]
pub struct Targets {
    /// Gets altered and constructed changes, each from a run of its own.
    pub hosted: Hosted,
    /// Gets altered consents.
    pub answered: ObjectId,
    /// A hub that the hostile one grants, seats, removes and withdraws.
    pub other: HubId,
    /// The honest hubs.
    pub honest: [HubId; 3],
    /// The decision that seated the hostile hub: what builds on it, it may propose.
    pub seat: HeaderHash,
}

/// What an honest event says, short enough that all its mutants are tried.
pub(super) fn reading(title: &str) -> Reading {
    let day = LocalTime::Date(jiff::civil::date(2027, 3, 4));
    Reading::Event(Box::new(Event {
        uid: "x".into(),
        sequence: 0,
        status: Status::Confirmed,
        title: title.into(),
        summary: String::new(),
        description: String::new(),
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

/// A zone of its own: what defines it is read too.
const ZONE: &str = "BEGIN:VTIMEZONE\r\nTZID:Z\r\nBEGIN:STANDARD\r\nDTSTART:20200101T000000\r\nTZOFFSETFROM:+0100\r\n\
                    TZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";

/// An event that says something in every field there is, and as little as it can, so that all its mutants are tried. What
/// is said in place of it in `another` differs everywhere.
pub fn full_event(another: bool) -> Event {
    let letter = |one: &str, other: &str| if another { other } else { one }.to_owned();
    let day = if another { 6 } else { 5 };
    let time = |hour| LocalTime::DateTime(jiff::civil::date(2028, 5, day).at(hour, 30, 0, 0));
    Event {
        uid: letter("u", "v"),
        sequence: 7 + u32::from(another),
        status: Status::Tentative,
        postponed: true,
        title: letter("T", "U"),
        summary: letter("S", "R"),
        description: letter("D", "E"),
        language: letter("de", "nl"),
        tags: vec![letter("a", "b"), letter("c", "d")],
        location: Some(Location {
            name: letter("L", "M"),
            at: if another {
                Point::new(1.5, 2.5)
            } else {
                Point::new(3.5, 4.5)
            },
        }),
        url: letter("http://a.b/", "http://b.b/"),
        online_url: letter("http://a.c/", "http://b.c/"),
        image_url: letter("http://a.d/", "http://b.d/"),
        translations: BTreeMap::from([(
            letter("en", "es"),
            Translation {
                title: letter("t", "u"),
                summary: letter("s", "r"),
            },
        )]),
        features: BTreeSet::from([letter("dogs", "children")]),
        capacity: Some(9 + u32::from(another)),
        schedule: Schedule {
            start: time(18),
            end: time(20),
            zone: if another {
                Zone::Named("Europe/Vienna".into())
            } else {
                Zone::Custom {
                    name: "Z".into(),
                    definition: ZONE.into(),
                }
            },
            rules: vec![letter("FREQ=WEEKLY;COUNT=5", "FREQ=DAILY;COUNT=4")],
            extra: vec![time(7)],
            excluded: vec![time(8)],
            overrides: vec![Override {
                recurrence_id: time(18),
                this_and_future: true,
                status: Some(Status::Cancelled),
                time: Some((time(10), time(11))),
                title: Some(letter("O", "P")),
                description: Some(letter("Q", "N")),
                location: Some(Location {
                    name: letter("H", "I"),
                    at: None,
                }),
                url: Some(letter("http://a.e/", "http://b.e/")),
            }],
        },
        created_ms: 3 + i64::from(another),
        updated_ms: 5 + i64::from(another),
    }
}

/// A page of a hub that says something in every field.
pub fn full_profile(name: &str) -> HubProfile {
    HubProfile {
        name: name.into(),
        timezone: "UTC".into(),
        locality: "L".into(),
        country: "AT".into(),
        at: Point::new(1.5, 2.5),
        web_url: "http://a.b/".into(),
        description: "D".into(),
    }
}

/// A member of whom everything is said.
pub fn full_member(name: &str) -> Member {
    let listing = |what: &str, way| Listing {
        what: what.into(),
        way: Some(way),
        until: Some(date(2027, 5, 1)),
    };
    let consent = Consent {
        at_ms: 7,
        audience: Audience::Public,
        fields: Field::ALL.into(),
        text_version: "1".into(),
        channel: "paper".into(),
        recorded_by: "desk".into(),
        withdrawn_ms: Some(9),
    };
    Member {
        kind: member::Kind::Organisation,
        name: name.into(),
        headline: "Prints".into(),
        biography: "Since 1998.".into(),
        skills: vec!["binding".into()],
        offers: vec![listing("a press", Way::Lend)],
        wants: vec![listing("paper", Way::Swap)],
        languages: vec!["cy".into()],
        links: vec![Link {
            label: "Shop".into(),
            url: "https://a.example".into(),
        }],
        photo: vec![1, 2, 3],
        role: "Host".into(),
        projects: vec!["Press".into()],
        programmes: vec!["Spring".into()],
        tier: "full".into(),
        status: member::Status::Paused,
        valid_until: Some(date(2027, 12, 31)),
        audiences: Field::ALL.map(|field| (field, Audience::Network)).into(),
        local: Local {
            mail: "a@b.example".into(),
            phone: "1".into(),
            notes: "key 7".into(),
            number: "17".into(),
        },
        consents: [("0a".to_owned(), consent)].into(),
        created_ms: 1,
        updated_ms: 2,
    }
}

pub(super) fn change_of(made: Result<Option<Made>, EditError>) -> Vec<u8> {
    match made {
        Ok(Some(made)) => made.change,
        other => panic!("no change: {other:?}"),
    }
}

/// A change with another actor of the same length. What names its author nowhere stays as it is.
pub(super) fn signed_by(mut change: Vec<u8>, before: &[u8; 24], after: &[u8; 24]) -> Vec<u8> {
    let Some(at) = change.windows(24).position(|window| window == before) else {
        return change;
    };
    change[at..at + 24].copy_from_slice(after);
    repair(&mut change);
    change
}

/// Some document, to tell lengths by.
pub(super) fn sample() -> Document {
    Document::of(&change_of(edit(None, [0; 24], &reading("Open"))), [0; 24])
}
