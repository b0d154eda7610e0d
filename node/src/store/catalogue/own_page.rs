//! Links to members' own pages, the browsers that opened one, and when members were written to. Never sent to anybody. None holds a secret, nor a word about the
//! member but their id, which is random.

use interhub_domain::ids::ThingId;
use serde::{Deserialize, Serialize};

use super::{Key, Reader, Value, decode_row, encode_row};
use crate::store::Family;

/// Who asked for a link. Of each kind a member has one at most. The numbers are stored: append, never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// An operator, to hand it over.
    Operator,
    /// Whoever typed the member's mail address on the page.
    Asked,
    /// The hub, in a letter that the member did not ask for.
    Letter,
}

impl LinkKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Asked, Self::Letter];

    /// Its number.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Operator => 0,
            Self::Asked => 1,
            Self::Letter => 2,
        }
    }

    /// Whether it went to the address in the member's record, and nowhere else.
    pub const fn is_mailed(self) -> bool {
        matches!(self, Self::Asked | Self::Letter)
    }

    /// The kind of a number.
    pub fn of_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }
}

/// Family `member_link`: a link that opens a member's page once. 17 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberLinkKey {
    /// The member.
    pub member: ThingId,
    /// Who asked for it.
    pub kind: LinkKind,
}

impl Key for MemberLinkKey {
    type Value = MemberLinkRow;

    fn family(&self) -> Family {
        Family::MemberLink
    }

    fn encode(&self) -> Vec<u8> {
        [&self.member.0[..], &[self.kind.byte()]].concat()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let member = ThingId(reader.take()?);
        let kind = LinkKind::of_byte(reader.u8()?)?;
        reader.end()?;
        Some(Self { member, kind })
    }
}

/// Value of `member_link`. All times in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberLinkRow {
    /// Hash of its secret part.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: i64,
}

impl Value for MemberLinkRow {
    const WHAT: &'static str = "link to a member's page";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}

/// Family `member_session`: a browser that opened a member's page, by the hash of the secret in its cookie. 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberSessionKey(pub [u8; 32]);

impl Key for MemberSessionKey {
    type Value = MemberSessionRow;

    fn family(&self) -> Family {
        Family::MemberSession
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// Value of `member_session`. All times in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberSessionRow {
    /// Whose page.
    pub member: ThingId,
    /// The link came by mail: whoever opened it reads the mail of the member.
    pub by_mail: bool,
    /// When it was opened.
    pub created_ms: i64,
    /// When it was last used, to the minute.
    pub seen_ms: i64,
}

impl Value for MemberSessionRow {
    const WHAT: &'static str = "browser on a member's page";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}

/// Family `member_contact`: when a member was written to and answered. 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberContactKey(pub ThingId);

impl Key for MemberContactKey {
    type Value = MemberContactRow;

    fn family(&self) -> Family {
        Family::MemberContact
    }

    fn encode(&self) -> Vec<u8> {
        self.0.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        ThingId::from_slice(bytes).map(Self)
    }
}

/// Value of `member_contact`. All times in Unix milliseconds; `None`: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberContactRow {
    /// When they were invited to their page.
    pub invited_ms: Option<i64>,
    /// When they last opened it.
    pub opened_ms: Option<i64>,
    /// When they were last asked whether what it says is still true.
    pub asked_ms: Option<i64>,
    /// When they last said so.
    pub confirmed_ms: Option<i64>,
}

impl Value for MemberContactRow {
    const WHAT: &'static str = "when a member was written to";

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
    fn golden_link() {
        let member = ThingId([3; 16]);
        for (kind, byte) in [
            (LinkKind::Operator, "00"),
            (LinkKind::Asked, "01"),
            (LinkKind::Letter, "02"),
        ] {
            let hex = format!("{}{byte}", "03".repeat(16));
            check::key(&MemberLinkKey { member, kind }, Family::MemberLink, &hex);
        }
        let row = MemberLinkRow {
            hash: [7; 32],
            created_ms: 1,
            expires_ms: 2,
        };
        check::value(&row, &format!("01{}0204", "07".repeat(32)));
    }

    #[test]
    fn golden_contact() {
        check::key(
            &MemberContactKey(ThingId([3; 16])),
            Family::MemberContact,
            &"03".repeat(16),
        );
        let row = MemberContactRow {
            invited_ms: Some(1),
            opened_ms: None,
            asked_ms: Some(2),
            confirmed_ms: None,
        };
        check::value(&row, "01010200010400");
    }

    #[test]
    fn golden_session() {
        check::key(&MemberSessionKey([9; 32]), Family::MemberSession, &"09".repeat(32));
        let row = MemberSessionRow {
            member: ThingId([3; 16]),
            by_mail: true,
            created_ms: 1,
            seen_ms: 2,
        };
        check::value(&row, &format!("0110{}010204", "03".repeat(16)));
    }
}
