//! Why a wish is not fulfilled.

use crate::projection::read::QueryError;
use crate::store::StoreError;

/// What kind of refusal it is. One table turns it into a gRPC code; the command line turns that into its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// What was asked cannot be meant: a wrong value, a broken file.
    Invalid,
    /// What it is about does not exist.
    NotFound,
    /// Somebody does not allow it: the rules, another hub, a used-up invitation.
    Refused,
    /// It is there already.
    Exists,
    /// Something has to be done first.
    NotYet,
    /// It is more than a limit allows.
    TooMuch,
    /// A peer does not answer.
    Unreachable,
    /// What it continues is no longer known.
    Expired,
    /// Our bug, or a failing disk.
    Internal,
}

/// A wish that is not fulfilled: one line that says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    /// What kind of refusal.
    pub class: ErrorClass,
    /// One line, for the operator. Never holds a person's text.
    pub message: String,
}

impl CommandError {
    /// An error of this class.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
        }
    }

    /// A wrong value.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Invalid, message)
    }

    /// Something that does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::NotFound, message)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::new(ErrorClass::Internal, error.to_string())
    }
}

impl From<QueryError> for CommandError {
    fn from(error: QueryError) -> Self {
        let class = match error {
            QueryError::Invalid(_) => ErrorClass::Invalid,
            _ => ErrorClass::Internal,
        };
        Self::new(class, error.to_string())
    }
}
