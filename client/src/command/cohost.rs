//! What hosts of one event decide: `event invitations` and `event conflicts`.

use super::Answer;
use crate::document::{ConflictsDocument, InvitationsDocument};
use crate::error::ClientError;
use crate::node::Node;
use crate::render;

pub(super) async fn invitations(node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let document = InvitationsDocument::from(node.invitations().await?);
    answer.show(&document, |document| {
        let rows = document.invitations.iter().map(|event| {
            vec![
                render::when(event),
                render::short(&event.title),
                render::short(&event.hub),
                event.id.clone(),
            ]
        });
        render::table(&["WHEN", "TITLE", "HUB", "ID"], rows.collect())
    })?;
    if document.invitations.is_empty() {
        answer.note("no hub waits for an answer")?;
    } else {
        answer.note("say yes with `interhub event accept ID`, or no with `interhub event decline ID`")?;
    }
    Ok(())
}

pub(super) async fn conflicts(node: &Node, id: Option<&str>, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let document = ConflictsDocument::from(node.conflicts(id).await?);
    answer.show(&document, |document| {
        let rows = document.conflicts.iter().flat_map(|conflict| {
            conflict.values.iter().map(|value| {
                vec![
                    conflict.id.clone(),
                    render::short(&conflict.field),
                    conflict.state.to_owned(),
                    render::short(&value.value),
                    render::short(&value.hub),
                    render::moment(value.at.as_ref()),
                ]
            })
        });
        render::table(&["ID", "FIELD", "STATE", "VALUE", "HUB", "AT"], rows.collect())
    })?;
    if document.conflicts.is_empty() {
        answer.note("every field has one value")?;
    } else {
        answer.note("leave one value with `interhub event resolve ID FIELD VALUE`")?;
    }
    Ok(())
}
