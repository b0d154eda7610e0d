//! Honest documents for a hostile hub to build on, and what it is about to attack.

use std::collections::{BTreeMap, BTreeSet};

use automerge::Change as Chunk;
use interhub_domain::document::{CountOutcome, CountRequest, EditError, Made, Reading, count, edit};
use interhub_domain::event::{Event, LocalTime, Schedule, Status, Zone};
use interhub_domain::ids::{DocumentKind, HubId, ObjectId};

use super::chunk::repair;
use super::constructed::On;

/// An event of another hub that the hostile hub was asked to host, and agreed to.
#[derive(Debug, Clone)]
pub struct Hosted {
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
