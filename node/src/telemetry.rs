//! Logs: data, one line an event, to standard error.

use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error(
        "log_filter: {filter:?} is not a filter; use a level such as \"info\", or \"info,interhub_node::peer=debug\""
    )]
    Filter {
        /// What was given.
        filter: String,
    },
    /// Something else in this process logs already.
    #[error("logging was started twice; please report this")]
    Twice,
}

/// Starts logging for the whole process. To be called once, before anything else.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let wrong_filter = || TelemetryError::Filter {
        filter: filter.chars().take(200).collect(),
    };
    let filter = EnvFilter::builder()
        .parse(with_quiet_libraries(filter))
        .map_err(|_| wrong_filter())?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|_| TelemetryError::Twice)
}

/// Automerge opens a span for every load and commit and logs what it cannot load, which this node counts and keeps
/// itself: 3 % of a commit's time, and lines made from other hubs' bytes. Whoever names it in the filter gets it.
fn with_quiet_libraries(filter: &str) -> String {
    if filter.contains("automerge") {
        return filter.to_owned();
    }
    format!("automerge=off,{filter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automerge_is_quiet_unless_named() {
        assert_eq!(with_quiet_libraries("info"), "automerge=off,info");
        assert_eq!(with_quiet_libraries("info,automerge=debug"), "info,automerge=debug");
        assert!(EnvFilter::builder().parse(with_quiet_libraries("info")).is_ok());
        assert!(EnvFilter::builder().parse(with_quiet_libraries("")).is_ok());
    }

    #[test]
    fn a_wrong_filter_is_named() {
        let error = init(LogFormat::Text, "interhub=loudly").map_err(|error| error.to_string());
        assert!(error.is_err_and(|line| line.contains("log_filter")));
    }
}
