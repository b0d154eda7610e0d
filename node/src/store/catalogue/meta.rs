//! The node's own notes: single values, and what the search index still has to do.

use interhub_domain::ids::ThingId;

use super::{Key, Reader, Value};
use crate::store::Family;

/// Family `meta`: single values, each under one byte. A number is never used for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetaKey {
    /// The format of the whole store, a number; see [`crate::store::migrate`].
    FormatVersion,
    /// 16 random bytes from the store's creation: the search index belongs to this one.
    DatabaseId,
    /// The network this hub belongs to, 16 bytes.
    Network,
    /// The genesis record of that network, as signed.
    GenesisRecord,
    /// The last epoch this node opened, a number.
    OwnEpoch,
    /// The last hybrid clock this node gave out, a number; display order only.
    OwnClock,
    /// The next counter of `search_todo`, a number. It grows with every change of a projection, so it also tells
    /// whether anything shown may differ.
    SearchTodoNext,
    /// First and last covered year of the occurrence projections: 2 × 2 bytes.
    CoveredYears,
    /// Version of the projections' rules; another one means they are rebuilt. A number.
    ProjectionVersion,
    /// A rebuild of the projections has begun and not ended; a start finishes it.
    RebuildUnfinished,
    /// Open invitations, as their maker encodes them.
    Invitations,
    /// Counts of documents and envelopes by state, for operators.
    Totals,
    /// How often all projections were dropped, a number: the search index of before does not count.
    ProjectionsDropped,
    /// The largest counter of `search_todo` that was done and removed, a number.
    SearchDone,
    /// The digest of the cuts with which all documents were counted; absent for none.
    CutsApplied,
    /// Documents and things that were erased and may still be in the files of the database.
    ToForceOut,
    /// The decisions this node has taken, each with the Unix milliseconds since when.
    DecisionsTaken,
    /// The decisions an invitation named, header hashes of 32 bytes; there until the registry is entered with them.
    DecisionsNamed,
    /// Hubs this one does not want to talk to, ids of 16 bytes.
    Blocked,
    /// The runs that this data folder wrote, or that its operator vouched for after a theft.
    OwnRuns,
    /// Where the data folder lay when it was last opened, a number. Another one says that this folder is a copy.
    Place,
    /// This folder is a copy, a number: 1 while no other hub has told what was erased since it was made, 0 afterwards. Absent if it is
    /// none.
    Restored,
    /// Who waits to be erased because another run erased many cards at once, since when, and how many went in the last day; see
    /// `sync/records.rs`.
    ErasuresHeld,
}

impl MetaKey {
    const ALL: [Self; 23] = [
        Self::FormatVersion,
        Self::DatabaseId,
        Self::Network,
        Self::GenesisRecord,
        Self::OwnEpoch,
        Self::OwnClock,
        Self::SearchTodoNext,
        Self::CoveredYears,
        Self::ProjectionVersion,
        Self::RebuildUnfinished,
        Self::Invitations,
        Self::Totals,
        Self::ProjectionsDropped,
        Self::SearchDone,
        Self::CutsApplied,
        Self::ToForceOut,
        Self::DecisionsTaken,
        Self::DecisionsNamed,
        Self::Blocked,
        Self::OwnRuns,
        Self::Place,
        Self::Restored,
        Self::ErasuresHeld,
    ];

    const fn code(self) -> u8 {
        match self {
            Self::FormatVersion => 1,
            Self::DatabaseId => 2,
            Self::Network => 3,
            Self::GenesisRecord => 4,
            Self::OwnEpoch => 5,
            Self::OwnClock => 6,
            Self::SearchTodoNext => 7,
            Self::CoveredYears => 8,
            Self::ProjectionVersion => 9,
            Self::RebuildUnfinished => 10,
            Self::Invitations => 11,
            Self::Totals => 12,
            Self::ProjectionsDropped => 13,
            Self::SearchDone => 14,
            Self::CutsApplied => 15,
            Self::ToForceOut => 20,
            Self::DecisionsTaken => 16,
            Self::DecisionsNamed => 17,
            Self::Blocked => 18,
            Self::OwnRuns => 19,
            Self::Place => 21,
            Self::Restored => 22,
            Self::ErasuresHeld => 23,
        }
    }
}

impl Key for MetaKey {
    type Value = MetaValue;

    fn family(&self) -> Family {
        Family::Meta
    }

    fn encode(&self) -> Vec<u8> {
        vec![self.code()]
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        let [code] = bytes else { return None };
        Self::ALL.into_iter().find(|key| key.code() == *code)
    }
}

/// The bytes of a single value; what they mean is said at its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaValue(pub Vec<u8>);

impl MetaValue {
    /// A number: 8 bytes.
    pub fn of_number(number: u64) -> Self {
        Self(number.to_be_bytes().to_vec())
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<u64> {
        self.0.as_slice().try_into().ok().map(u64::from_be_bytes)
    }
}

impl Value for MetaValue {
    const WHAT: &'static str = "single value";

    fn encode(&self) -> Vec<u8> {
        [&[1], self.0.as_slice()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self(Reader::of_version(bytes, 1)?.rest().to_vec()))
    }
}

/// Family `search_todo`: by a counter that only grows, the things whose search entry must be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchTodoKey(pub u64);

impl Key for SearchTodoKey {
    type Value = ThingId;

    fn family(&self) -> Family {
        Family::SearchTodo
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u64::from_be_bytes).map(Self)
    }
}

impl Value for ThingId {
    const WHAT: &'static str = "search note";

    fn encode(&self) -> Vec<u8> {
        [&[1], &self.0[..]].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(Reader::of_version(bytes, 1)?.rest())
    }
}
