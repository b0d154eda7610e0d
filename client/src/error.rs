//! What can go wrong, by the exit code it ends with.

use tonic::{Code, Status};

/// Why a command did not do what was asked. Each message is one line that says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It was tried and did not work.
    #[error("{0}")]
    Failed(String),
    /// It was asked for in a wrong way.
    #[error("{0}")]
    Usage(String),
    /// What it is about does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The node, or the hubs, do not allow it.
    #[error("{0}")]
    Refused(String),
    /// No node answers, or a peer the node needs does not.
    #[error("{0}")]
    Unreachable(String),
    /// The answer could not be written.
    #[error("the output could not be written: {0}")]
    Output(#[from] std::io::Error),
}

impl ClientError {
    /// The exit code: 1 failed, 2 wrong usage, 3 not found, 4 refused, 5 node or peer unreachable.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Output(_) => 1,
            Self::Usage(_) => 2,
            Self::NotFound(_) => 3,
            Self::Refused(_) => 4,
            Self::Unreachable(_) => 5,
        }
    }

    /// The same error with something said before it.
    #[must_use]
    pub fn about(self, what: &str) -> Self {
        let join = |message: String| format!("{what}: {message}");
        match self {
            Self::Failed(message) => Self::Failed(join(message)),
            Self::Usage(message) => Self::Usage(join(message)),
            Self::NotFound(message) => Self::NotFound(join(message)),
            Self::Refused(message) => Self::Refused(join(message)),
            Self::Unreachable(message) => Self::Unreachable(join(message)),
            Self::Output(error) => Self::Output(error),
        }
    }
}

/// The one table from gRPC codes to exit codes.
impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        if is_transport(&status) {
            return Self::Unreachable("the node closed the connection; look into its log, and try again".to_owned());
        }
        let message = one_line(status.message());
        let message = if message.is_empty() {
            status.code().description().to_owned()
        } else {
            message
        };
        match status.code() {
            Code::InvalidArgument => Self::Usage(message),
            Code::NotFound => Self::NotFound(message),
            Code::PermissionDenied | Code::Unauthenticated => Self::Refused(message),
            Code::Unavailable => Self::Unreachable(message),
            Code::DeadlineExceeded => {
                Self::Unreachable("the node took too long to answer; look into its log, and try again".to_owned())
            }
            Code::Unimplemented => {
                Self::Failed("the node does not know this command; install the same version of both".to_owned())
            }
            _ => Self::Failed(message),
        }
    }
}

/// Whether a status was made here because the connection broke, and did not come from the node.
fn is_transport(status: &Status) -> bool {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if error.is::<tonic::transport::Error>() || error.is::<std::io::Error>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// A text without line breaks and other control characters: an answer cannot write on the terminal what it likes.
fn one_line(text: &str) -> String {
    let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    printable
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .trim_end_matches('.')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_exit_code() {
        for (code, expected) in [
            (Code::InvalidArgument, 2),
            (Code::NotFound, 3),
            (Code::PermissionDenied, 4),
            (Code::Unauthenticated, 4),
            (Code::Unavailable, 5),
            (Code::DeadlineExceeded, 5),
            (Code::AlreadyExists, 1),
            (Code::FailedPrecondition, 1),
            (Code::ResourceExhausted, 1),
            (Code::OutOfRange, 1),
            (Code::Aborted, 1),
            (Code::Unimplemented, 1),
            (Code::Internal, 1),
            (Code::Unknown, 1),
            (Code::DataLoss, 1),
            (Code::Cancelled, 1),
        ] {
            assert_eq!(
                ClientError::from(Status::new(code, "what")).exit_code(),
                expected,
                "{code:?}"
            );
        }
        assert_eq!(ClientError::from(std::io::Error::other("disk full")).exit_code(), 1);
    }

    #[test]
    fn messages_are_one_line_and_never_empty() {
        let error = ClientError::from(Status::not_found("no such\nevent\u{1b}[31m."));
        assert_eq!(error.to_string(), "no such event [31m");
        assert!(
            !ClientError::from(Status::new(Code::Internal, ""))
                .to_string()
                .is_empty()
        );
        assert_eq!(ClientError::NotFound("x".into()).about("a.ics").to_string(), "a.ics: x");
    }
}
