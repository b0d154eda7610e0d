//! The one table from refusals to gRPC codes.

use tonic::{Code, Status};

use crate::command::{Class, CommandError};

/// Longest message of a status, in characters: it travels in a header.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// The code of a class.
pub const fn code(class: Class) -> Code {
    match class {
        Class::Usage => Code::InvalidArgument,
        Class::NotFound => Code::NotFound,
        Class::Refused => Code::PermissionDenied,
        Class::Precondition => Code::FailedPrecondition,
        Class::Unreachable => Code::Unavailable,
        Class::Failed => Code::Internal,
    }
}

/// A refusal as the client hears it. What is our own fault is logged here, once.
impl From<CommandError> for Status {
    fn from(error: CommandError) -> Self {
        if error.class == Class::Failed {
            tracing::error!(error = %error, "command failed");
        }
        let message: String = error.message.chars().take(MAX_MESSAGE_CHARS).collect();
        Self::new(code(error.class), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_code_of_its_own() {
        let classes = [
            Class::Usage,
            Class::NotFound,
            Class::Refused,
            Class::Precondition,
            Class::Unreachable,
            Class::Failed,
        ];
        let mut codes: Vec<i32> = classes.iter().map(|class| code(*class) as i32).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), classes.len());
        let long = Status::from(CommandError::usage("x".repeat(5_000)));
        assert_eq!(long.message().len(), MAX_MESSAGE_CHARS);
    }
}
