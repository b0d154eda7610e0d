//! Tokens, from and to the wire.

use interhub_proto::v1;

use super::answer::timestamp;
use crate::command::CommandError;
use crate::command::access::ShownToken;
use crate::store::catalogue::access::Role;

/// The role a request names.
pub fn role(role: i32) -> Result<Role, CommandError> {
    match v1::TokenRole::try_from(role) {
        Ok(v1::TokenRole::Admin) => Ok(Role::Admin),
        Ok(v1::TokenRole::Desk) => Ok(Role::Desk),
        Ok(v1::TokenRole::Read) => Ok(Role::Read),
        Ok(v1::TokenRole::ChangeStream) => Ok(Role::ChangeStream),
        Ok(v1::TokenRole::Unspecified) | Err(_) => Err(CommandError::usage(
            "a token needs a role: admin, desk, read or change-stream",
        )),
    }
}

/// A token without its secret.
pub fn token(token: ShownToken) -> v1::Token {
    let role = match token.role {
        Role::Admin => v1::TokenRole::Admin,
        Role::Desk => v1::TokenRole::Desk,
        Role::Read => v1::TokenRole::Read,
        Role::ChangeStream => v1::TokenRole::ChangeStream,
    };
    v1::Token {
        id: token.id.to_string(),
        role: role.into(),
        label: token.label,
        created: Some(timestamp(token.created_ms)),
        expires: token.expires_ms.map(timestamp),
        used: token.used_ms.map(timestamp),
        expired: token.expired,
    }
}
