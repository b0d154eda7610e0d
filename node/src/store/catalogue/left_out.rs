//! Own edits that documents leave out.

use interhub_domain::event::Event;
use interhub_domain::ids::{ObjectId, ThingId};
use serde::{Deserialize, Serialize};

use super::{Key, Value, decode_row, encode_row};
use crate::store::Family;

/// Family `left_out`: a document that leaves out own edits, or may. 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOutKey(pub ObjectId);

impl Key for LeftOutKey {
    type Value = LeftOutRow;

    fn family(&self) -> Family {
        Family::LeftOut
    }

    fn encode(&self) -> Vec<u8> {
        self.0.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        ObjectId::from_slice(bytes).map(Self)
    }
}

/// Value of `left_out`. Without fields and event: still to be looked at, or settled by a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOutRow {
    /// The thing; zero while it is still to be looked at.
    pub thing: ThingId,
    /// What the edits altered, each field once.
    pub fields: Vec<LeftOutField>,
    /// Fields that a person has settled: what the edits up to then made of them is not listed again.
    pub settled: Vec<SettledField>,
    /// What the own event said when this hub heard that it had been taken to another log, until it is known whether it goes
    /// on there.
    pub taken: Option<Event>,
}

impl LeftOutRow {
    /// The same, to be looked at anew.
    #[must_use]
    pub fn to_be_looked_at(self) -> Self {
        let thing = if self.taken.is_some() {
            self.thing
        } else {
            ThingId::ZERO
        };
        Self {
            thing,
            fields: Vec::new(),
            ..self
        }
    }
}

impl Default for LeftOutRow {
    fn default() -> Self {
        Self {
            thing: ThingId::ZERO,
            fields: Vec::new(),
            settled: Vec::new(),
            taken: None,
        }
    }
}

/// A field whose left out edits a person has settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledField {
    /// Its name.
    pub field: String,
    /// Edits up to this time, by the own clock, Unix milliseconds.
    pub through_ms: i64,
}

/// Version 1, in which nothing could be settled.
#[derive(Serialize, Deserialize)]
struct LeftOutRowV1 {
    thing: ThingId,
    fields: Vec<LeftOutField>,
}

/// Version 2, in which nothing was kept of an event as a whole.
#[derive(Serialize, Deserialize)]
struct LeftOutRowV2 {
    thing: ThingId,
    fields: Vec<LeftOutField>,
    settled: Vec<SettledField>,
}

/// One field of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutField {
    /// Its name, as conflicts list it.
    pub field: String,
    /// The value it was given, as text.
    pub value: String,
    /// When, by the own clock, Unix milliseconds.
    pub at_ms: i64,
}

impl Value for LeftOutRow {
    const WHAT: &'static str = "left out edits";

    fn encode(&self) -> Vec<u8> {
        encode_row(3, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.first() {
            Some(1) => decode_row::<LeftOutRowV1>(1, bytes).map(|old| Self {
                thing: old.thing,
                fields: old.fields,
                ..Self::default()
            }),
            Some(2) => decode_row::<LeftOutRowV2>(2, bytes).map(|old| Self {
                thing: old.thing,
                fields: old.fields,
                settled: old.settled,
                taken: None,
            }),
            _ => decode_row(3, bytes),
        }
    }
}
