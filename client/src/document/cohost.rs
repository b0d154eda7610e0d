//! What hosts of one event decide.

use interhub_proto::v1;
use serde::Serialize;

use super::{EventDocument, instant};

/// `event invitations`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InvitationsDocument {
    /// One entry per event.
    pub invitations: Vec<EventDocument>,
}

impl From<v1::InvitationsResponse> for InvitationsDocument {
    fn from(answer: v1::InvitationsResponse) -> Self {
        Self {
            invitations: answer.events.into_iter().map(EventDocument::from).collect(),
        }
    }
}

/// `event conflicts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConflictsDocument {
    /// One entry per field.
    pub conflicts: Vec<ConflictDocument>,
}

/// A field with several values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConflictDocument {
    /// The event.
    pub id: String,
    /// The field.
    pub field: String,
    /// `open` or `not_taken_over`.
    pub state: &'static str,
    /// The values, the one that is shown first.
    pub values: Vec<ValueDocument>,
}

/// One of the values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueDocument {
    /// As text.
    pub value: String,
    /// The hub that gave it.
    pub hub: String,
    /// When.
    pub at: Option<String>,
}

impl From<v1::ConflictsResponse> for ConflictsDocument {
    fn from(answer: v1::ConflictsResponse) -> Self {
        Self {
            conflicts: answer.conflicts.into_iter().map(ConflictDocument::from).collect(),
        }
    }
}

impl From<v1::EventConflict> for ConflictDocument {
    fn from(conflict: v1::EventConflict) -> Self {
        let state = match v1::ConflictState::try_from(conflict.state) {
            Ok(v1::ConflictState::NotTakenOver) => "not_taken_over",
            _ => "open",
        };
        let values = conflict.values.into_iter().map(|one| ValueDocument {
            value: one.value,
            hub: one.hub,
            at: instant(one.at.as_ref()),
        });
        Self {
            id: conflict.id,
            field: conflict.field,
            state,
            values: values.collect(),
        }
    }
}
