//! Which held envelopes are of no effect: refused, void or waiting.

use super::log::LogKey;
use super::{Key, Reader, Value};
use crate::store::Family;

/// Family `quarantine`: an envelope that is held and refused, void or waiting, by when it came. 56 bytes.
///
/// An index over `log`, which knows everything else: one row for each such envelope, written and removed with its state,
/// so there are never more of them than envelopes, and none is dropped before it counts after all or is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuarantineKey {
    /// When this node took it, Unix milliseconds; 0 where that is not known.
    pub at_ms: u64,
    /// Where it lies.
    pub position: LogKey,
}

impl Key for QuarantineKey {
    type Value = Quarantined;

    fn family(&self) -> Family {
        Family::Quarantine
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.at_ms.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.position.to_bytes());
        bytes
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let key = Self {
            at_ms: reader.u64()?,
            position: LogKey::read(&mut reader)?,
        };
        reader.end().map(|()| key)
    }
}

/// Value of `quarantine`: nothing but its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarantined;

impl Value for Quarantined {
    const WHAT: &'static str = "quarantine note";

    fn encode(&self) -> Vec<u8> {
        vec![1]
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Reader::of_version(bytes, 1)?.end().map(|()| Self)
    }
}
