//! Tokens.

use interhub_proto::v1;
use serde::Serialize;

use super::{instant, present};

/// A token without its secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TokenDocument {
    /// What it is called by.
    pub id: String,
    /// `admin`, `desk`, `read` or `change-stream`.
    pub role: &'static str,
    /// What the operator calls it.
    pub label: Option<String>,
    /// When it was made.
    pub created: Option<String>,
    /// When it ends; null: when it is revoked.
    pub expires: Option<String>,
    /// When it was last used, to the minute.
    pub used: Option<String>,
    /// `valid` or `expired`.
    pub state: &'static str,
}

impl From<v1::Token> for TokenDocument {
    fn from(token: v1::Token) -> Self {
        Self {
            role: role_name(token.role()),
            label: present(&token.label),
            created: instant(token.created.as_ref()),
            expires: instant(token.expires.as_ref()),
            used: instant(token.used.as_ref()),
            state: if token.expired { "expired" } else { "valid" },
            id: token.id,
        }
    }
}

/// What a role is called.
const fn role_name(role: v1::TokenRole) -> &'static str {
    match role {
        v1::TokenRole::Unspecified => "unknown",
        v1::TokenRole::Admin => "admin",
        v1::TokenRole::Desk => "desk",
        v1::TokenRole::Read => "read",
        v1::TokenRole::ChangeStream => "change-stream",
    }
}

/// `token create`: the only time its text is shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NewTokenDocument {
    /// What its bearer shows.
    pub token: String,
    /// The rest.
    #[serde(flatten)]
    pub about: TokenDocument,
}

impl From<v1::CreateTokenResponse> for NewTokenDocument {
    fn from(made: v1::CreateTokenResponse) -> Self {
        Self {
            token: made.text,
            about: made.token.unwrap_or_default().into(),
        }
    }
}

/// `token list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TokensDocument {
    /// The newest first.
    pub tokens: Vec<TokenDocument>,
}
