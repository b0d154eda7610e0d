//! Own edits that documents leave out.

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

/// Value of `left_out`. Without fields: still to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutRow {
    /// The thing; zero while it is still to be looked at.
    pub thing: ThingId,
    /// What the edits altered, each field once.
    pub fields: Vec<LeftOutField>,
}

impl Default for LeftOutRow {
    fn default() -> Self {
        Self {
            thing: ThingId::ZERO,
            fields: Vec::new(),
        }
    }
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
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}
