//! `interhub token`.

use interhub_proto::v1;

use super::Answer;
use crate::args::{Role, TokenCommand};
use crate::document::{NewTokenDocument, TokenDocument, TokensDocument};
use crate::error::ClientError;
use crate::node::Node;
use crate::render;

pub(super) async fn run(command: TokenCommand, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    match command {
        TokenCommand::Create { role, label, expires } => {
            let request = v1::CreateTokenRequest {
                role: wire_role(role).into(),
                label,
                expires_seconds: expires,
            };
            let made = NewTokenDocument::from(node.create_token(request).await?);
            answer.show(&made, |made| format!("{}\n", made.token))?;
            answer.note("this is shown once; who has it can sign in. `interhub token revoke` ends it")
        }
        TokenCommand::List => {
            let tokens = node.tokens().await?.into_iter().map(TokenDocument::from).collect();
            let document = TokensDocument { tokens };
            answer.show(&document, list_text)?;
            if document.tokens.is_empty() {
                answer.note("nobody can sign in yet; `interhub token create --role admin` lets somebody")?;
            }
            Ok(())
        }
        TokenCommand::Revoke { id } => {
            let revoked = TokenDocument::from(node.revoke_token(&id).await?);
            answer.show(&revoked, |revoked| format!("token {} is revoked\n", revoked.id))
        }
    }
}

const fn wire_role(role: Role) -> v1::TokenRole {
    match role {
        Role::Admin => v1::TokenRole::Admin,
        Role::Desk => v1::TokenRole::Desk,
        Role::Read => v1::TokenRole::Read,
        Role::ChangeStream => v1::TokenRole::ChangeStream,
    }
}

fn list_text(document: &TokensDocument) -> String {
    if document.tokens.is_empty() {
        return String::new();
    }
    let rows = document.tokens.iter().map(|token| {
        vec![
            token.id.clone(),
            token.role.to_owned(),
            render::short(token.label.as_deref().unwrap_or("-")),
            token.state.to_owned(),
            render::moment(token.expires.as_ref()),
            render::moment(token.used.as_ref()),
        ]
    });
    render::table(
        &["ID", "ROLE", "LABEL", "STATE", "EXPIRES", "LAST USED"],
        rows.collect(),
    )
}
