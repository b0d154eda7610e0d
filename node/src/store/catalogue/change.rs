//! What changed, in the order in which this node took it: for watchers that come back with a token.

use interhub_domain::ids::ThingId;

use super::{Key, Reader, Value};
use crate::store::Family;

/// Family `change`: a counter that only grows. 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeKey(pub u64);

impl Key for ChangeKey {
    type Value = ChangeRow;

    fn family(&self) -> Family {
        Family::Change
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(u64::from_be_bytes(bytes)))
    }
}

/// What happened to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// An event is there for the first time.
    EventAdded,
    /// It reads differently.
    EventChanged,
    /// It does not take place.
    EventCancelled,
    /// It is no more.
    EventRemoved,
    /// A hub's page reads differently.
    HubChanged,
    /// Somebody joined, left or moved.
    RosterChanged,
}

impl ChangeKind {
    const fn code(self) -> u8 {
        match self {
            Self::EventAdded => 1,
            Self::EventChanged => 2,
            Self::EventCancelled => 3,
            Self::EventRemoved => 4,
            Self::HubChanged => 5,
            Self::RosterChanged => 6,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::EventAdded),
            2 => Some(Self::EventChanged),
            3 => Some(Self::EventCancelled),
            4 => Some(Self::EventRemoved),
            5 => Some(Self::HubChanged),
            6 => Some(Self::RosterChanged),
            _ => None,
        }
    }
}

/// Value of `change`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeRow {
    /// What happened.
    pub kind: ChangeKind,
    /// To what: an event, a hub; zero for the roster as a whole.
    pub thing: ThingId,
    /// When this node took it, Unix milliseconds.
    pub at_ms: i64,
}

impl Value for ChangeRow {
    const WHAT: &'static str = "change";

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![1, self.kind.code()];
        bytes.extend_from_slice(&self.thing.0);
        bytes.extend_from_slice(&self.at_ms.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::of_version(bytes, 1)?;
        let kind = ChangeKind::from_code(reader.u8()?)?;
        let row = Self {
            kind,
            thing: ThingId(reader.take()?),
            at_ms: i64::from_be_bytes(reader.take()?),
        };
        reader.end().map(|()| row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_row() {
        let row = ChangeRow {
            kind: ChangeKind::EventCancelled,
            thing: ThingId([7; 16]),
            at_ms: 258,
        };
        let hex = data_encoding::HEXLOWER.encode(&row.encode());
        assert_eq!(hex, "0103070707070707070707070707070707070000000000000102");
        assert_eq!(ChangeRow::decode(&row.encode()), Some(row));
        assert_eq!(ChangeRow::decode(&[1, 9]), None);
    }
}
