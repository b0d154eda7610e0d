//! Who may sign in: tokens, and the browsers that signed in with them. Never sent to anybody. Neither holds a secret: what is
//! stored is a hash, so that a stolen backup lets nobody in.

use serde::{Deserialize, Serialize};

use super::short::{short_id, short_key};
use super::{Key, Value, decode_row, encode_row};
use crate::store::Family;

short_id! {
    /// What a token is called by. Not secret.
    TokenId
}

/// What a token lets its bearer do. The numbers are stored: append, never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Everything an operator may.
    Admin,
    /// The front desk: passes and visits.
    Desk,
    /// Reads what the hub may read, and changes nothing.
    Read,
    /// Follows the change stream, and nothing else.
    ChangeStream,
}

impl Role {
    /// Every role, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Desk, Self::Read, Self::ChangeStream];

    /// As commands and pages name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Desk => "desk",
            Self::Read => "read",
            Self::ChangeStream => "change-stream",
        }
    }

    /// The role of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

short_key! {
    /// Family `token`: a token. 8 bytes.
    TokenKey(TokenId) => Token, TokenRow
}

/// Value of `token`. All times in Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// Hash of its secret part.
    pub hash: [u8; 32],
    /// What it lets its bearer do.
    pub role: Role,
    /// What the operator calls it; may be empty.
    pub label: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it ends; `None`: when it is revoked.
    pub expires_ms: Option<i64>,
    /// When it was last used, to the minute.
    pub used_ms: Option<i64>,
}

impl Value for TokenRow {
    const WHAT: &'static str = "token";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}

/// Family `session`: a browser that signed in, by the hash of the secret in its cookie. 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionKey(pub [u8; 32]);

impl Key for SessionKey {
    type Value = SessionRow;

    fn family(&self) -> Family {
        Family::Session
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// Value of `session`. All times in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// What it signed in with.
    pub token: TokenId,
    /// When.
    pub created_ms: i64,
    /// When it was last used, to the minute.
    pub seen_ms: i64,
}

impl Value for SessionRow {
    const WHAT: &'static str = "browser session";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::check;
    use super::*;

    #[test]
    fn golden_token() {
        let id: TokenId = "0102030405060708".parse().unwrap();
        assert_eq!(id.to_string(), "0102030405060708");
        assert!("01".parse::<TokenId>().is_err() && "xyz".parse::<TokenId>().is_err());
        check::key(&TokenKey(id), Family::Token, "0102030405060708");
        let row = TokenRow {
            hash: [7; 32],
            role: Role::ChangeStream,
            label: "a".into(),
            created_ms: 1,
            expires_ms: Some(2),
            used_ms: None,
        };
        check::value(&row, &format!("01{}03016102010400", "07".repeat(32)));
    }

    #[test]
    fn golden_session() {
        check::key(&SessionKey([9; 32]), Family::Session, &"09".repeat(32));
        let row = SessionRow {
            token: TokenId([1; 8]),
            created_ms: 1,
            seen_ms: 2,
        };
        check::value(&row, &format!("01{}0204", "01".repeat(8)));
    }

    #[test]
    fn roles_have_names() {
        for role in Role::ALL {
            assert_eq!(Role::of_name(role.name()), Some(role));
        }
        assert_eq!(Role::of_name("root"), None);
    }
}
