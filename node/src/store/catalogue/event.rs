//! What this hub alone decided about events: never sent, and not made again from anything.

use interhub_domain::ids::{ThingId, hash16};
use serde::{Deserialize, Serialize};

use super::{Key, Value, decode_row, encode_row};
use crate::store::Family;

/// Family `erased`: an imported event that was erased here, so that the next import of its source does not bring it back
/// unasked. 16 bytes: a hash, because a UID may be a person's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErasedUidKey(pub [u8; 16]);

impl ErasedUidKey {
    /// The key of this hub's event with this UID.
    pub fn of(uid: &str) -> Self {
        Self(hash16("interhub/v1/erased-uid", &[uid.as_bytes()]))
    }
}

impl Key for ErasedUidKey {
    type Value = ErasedUidRow;

    fn family(&self) -> Family {
        Family::Erased
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// Value of `erased`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedUidRow {
    /// The event as it was.
    pub thing: ThingId,
    /// When it was erased here, Unix milliseconds.
    pub at_ms: i64,
}

impl Value for ErasedUidRow {
    const WHAT: &'static str = "erased event";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}

/// Family `hidden`: the last word of this hub's operator on whether another hub's event is shown here. 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HiddenKey(pub ThingId);

impl Key for HiddenKey {
    type Value = HiddenRow;

    fn family(&self) -> Family {
        Family::Hidden
    }

    fn encode(&self) -> Vec<u8> {
        self.0.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        ThingId::from_slice(bytes).map(Self)
    }
}

/// Value of `hidden`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenRow {
    /// Whether it is hidden; otherwise it was, and is shown again.
    pub hidden: bool,
    /// Why, in the operator's words.
    pub reason: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Who: the account on this machine, as the socket tells it, or the label of a token.
    pub by: String,
}

impl Value for HiddenRow {
    const WHAT: &'static str = "hidden event";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn golden_erased() {
        let key = ErasedUidKey([7; 16]);
        check::key(&key, Family::Erased, "07070707070707070707070707070707");
        let row = ErasedUidRow {
            thing: ThingId([3; 16]),
            at_ms: 258,
        };
        check::value(
            &row,
            "01100303030303030303030303030303030384 04".replace(' ', "").as_str(),
        );
        assert_ne!(ErasedUidKey::of("a"), ErasedUidKey::of("b"));
    }

    #[test]
    fn golden_hidden() {
        let key = HiddenKey(ThingId([7; 16]));
        check::key(&key, Family::Hidden, "07070707070707070707070707070707");
        let row = HiddenRow {
            hidden: true,
            reason: "spam".into(),
            at_ms: 258,
            by: "uid 0".into(),
        };
        check::value(&row, "0101047370616d8404057569642030");
    }
}
