//! What this hub erased of its members, and which hubs still owe a receipt for it.

use interhub_domain::ids::{HeaderHash, HubId, ObjectId, ThingId};
use serde::{Deserialize, Serialize};

use super::{Key, Value, decode_row, encode_row};
use crate::store::Family;

/// Family `erasure`: what was erased last of a member of this hub. 16 bytes: an id that is random, and all that is left of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErasureKey(pub ThingId);

impl Key for ErasureKey {
    type Value = ErasureRow;

    fn family(&self) -> Family {
        Family::Erasure
    }

    fn encode(&self) -> Vec<u8> {
        self.0.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        ThingId::from_slice(bytes).map(Self)
    }
}

/// Value of `erasure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRow {
    /// When the tombstone was signed, Unix milliseconds.
    pub requested_ms: i64,
    /// The card and its newest tombstone; `None` if there never was a card, and nothing left the hub.
    pub card: Option<(ObjectId, HeaderHash)>,
    /// The hubs that may have held the card.
    pub hubs: Vec<HubId>,
    /// Those of them that have not said yet that they erased it.
    pub owed: Vec<HubId>,
}

impl Value for ErasureRow {
    const WHAT: &'static str = "erasure";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}
