//! Documents as counted so far, and what waits for them.

use std::collections::BTreeMap;

use interhub_domain::document::Weight;
use interhub_domain::ids::{Epoch, HeaderHash, HubId, ObjectId};
use interhub_domain::object::{Consented, Created, ObjectState, WaitFor};
use serde::{Deserialize, Serialize};

use super::{Key, Reader, Value, decode_row, encode_row};
use crate::store::Family;

/// Family `document`: one document. 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey(pub ObjectId);

impl Key for ObjectKey {
    type Value = ObjectRow;

    fn family(&self) -> Family {
        Family::Document
    }

    fn encode(&self) -> Vec<u8> {
        self.0.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        ObjectId::from_slice(bytes).map(Self)
    }
}

/// Value of `document`: what is known of it apart from its snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRow {
    /// What the rules know of it.
    pub state: ObjectState,
    /// How many envelopes that carry state (genesis, squash, change) each run of each hub has in each generation.
    pub authors: Vec<AuthorCount>,
}

/// How many state-carrying envelopes one run of one hub has in one generation of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorCount {
    /// The hub.
    pub hub: HubId,
    /// Its run.
    pub epoch: Epoch,
    /// The generation.
    pub generation: u32,
    /// So many.
    pub count: u64,
}

impl Value for ObjectRow {
    const WHAT: &'static str = "document";

    fn encode(&self) -> Vec<u8> {
        encode_row(3, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.first() {
            Some(1) => decode_row::<ObjectRowV1>(1, bytes).map(Self::from),
            Some(2) => decode_row::<ObjectRowV2>(2, bytes).map(Self::from),
            _ => decode_row(3, bytes),
        }
    }
}

/// Version 2, which knew of the counted changes only how many they are. The rest of their weight is computed by the
/// rebuild that the store's format 2 asks for.
#[derive(Serialize, Deserialize)]
struct ObjectRowV2 {
    state: ObjectStateV2,
    authors: Vec<AuthorCount>,
}

#[derive(Serialize, Deserialize)]
struct ObjectStateV2 {
    object: ObjectId,
    created: Option<Created>,
    writers: Vec<HubId>,
    grants: BTreeMap<HeaderHash, HubId>,
    consents: BTreeMap<HubId, Consented>,
    heads: Vec<[u8; 32]>,
    changes: u32,
    clock: u64,
    erased_through: Option<u32>,
    stuck: bool,
    frozen: bool,
}

impl From<ObjectRowV2> for ObjectRow {
    fn from(row: ObjectRowV2) -> Self {
        let old = row.state;
        let state = ObjectState {
            object: old.object,
            created: old.created,
            writers: old.writers,
            grants: old.grants,
            consents: old.consents,
            heads: old.heads,
            weight: weight_of(old.changes),
            clock: old.clock,
            erased_through: old.erased_through,
            stuck: old.stuck,
            frozen: old.frozen,
        };
        Self {
            state,
            authors: row.authors,
        }
    }
}

fn weight_of(changes: u32) -> Weight {
    Weight {
        changes: u64::from(changes),
        ..Weight::default()
    }
}

/// Version 1, which knew no writer but the owner.
#[derive(Serialize, Deserialize)]
struct ObjectRowV1 {
    state: ObjectStateV1,
    authors: Vec<AuthorCount>,
}

#[derive(Serialize, Deserialize)]
struct ObjectStateV1 {
    object: ObjectId,
    created: Option<Created>,
    heads: Vec<[u8; 32]>,
    changes: u32,
    clock: u64,
    erased_through: Option<u32>,
    stuck: bool,
    frozen: bool,
}

impl From<ObjectRowV1> for ObjectRow {
    fn from(row: ObjectRowV1) -> Self {
        let old = row.state;
        let state = ObjectState {
            object: old.object,
            created: old.created,
            writers: Vec::new(),
            grants: BTreeMap::new(),
            consents: BTreeMap::new(),
            heads: old.heads,
            weight: weight_of(old.changes),
            clock: old.clock,
            erased_through: old.erased_through,
            stuck: old.stuck,
            frozen: old.frozen,
        };
        Self {
            state,
            authors: row.authors,
        }
    }
}

/// Family `waiting`: an envelope that waits. By document first, so that all that waits for one document is one range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitKey {
    /// The document.
    pub object: ObjectId,
    /// For what.
    pub what: WaitFor,
    /// Which envelope.
    pub hash: HeaderHash,
}

impl WaitKey {
    /// The beginning of all keys that wait for this.
    pub fn prefix(object: ObjectId, what: WaitFor) -> Vec<u8> {
        let mut bytes = object.0.to_vec();
        match what {
            WaitFor::Genesis => bytes.push(1),
            WaitFor::Change(hash) => {
                bytes.push(2);
                bytes.extend_from_slice(&hash);
            }
            WaitFor::Grant => bytes.push(3),
            WaitFor::Upgrade => bytes.push(4),
            WaitFor::Consent => bytes.push(5),
            WaitFor::Generation => bytes.push(6),
        }
        bytes
    }
}

impl Key for WaitKey {
    type Value = WaitRow;

    fn family(&self) -> Family {
        Family::Waiting
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Self::prefix(self.object, self.what);
        bytes.extend_from_slice(&self.hash.0);
        bytes
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let object = ObjectId(reader.take()?);
        let what = match reader.u8()? {
            1 => WaitFor::Genesis,
            2 => WaitFor::Change(reader.take()?),
            3 => WaitFor::Grant,
            4 => WaitFor::Upgrade,
            5 => WaitFor::Consent,
            6 => WaitFor::Generation,
            _ => return None,
        };
        let key = Self {
            object,
            what,
            hash: HeaderHash(reader.take()?),
        };
        reader.end().map(|()| key)
    }
}

/// Value of `waiting`: which of its log's state-carrying envelopes of this document and generation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitRow {
    /// From 1; 0 for kinds that carry no state.
    pub nth: u64,
}

impl Value for WaitRow {
    const WHAT: &'static str = "waiting envelope";

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend_from_slice(&self.nth.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::of_version(bytes, 1)?;
        let row = Self { nth: reader.u64()? };
        reader.end().map(|()| row)
    }
}
