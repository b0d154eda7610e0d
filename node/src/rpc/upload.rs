//! Files that clients send in pieces, and what they hear of an import meanwhile.

use std::time::Duration;

use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use crate::command::CommandError;

/// A client that sends nothing for so long has gone.
const UPLOAD_PAUSE: Duration = Duration::from_mins(1);
/// Steps of progress on their way to the client; further ones are dropped, the result is not.
pub(super) const PROGRESS_BUFFER: usize = 16;
/// Steps told at most: a bar has not more columns.
const PROGRESS_STEPS: u64 = 200;
/// Longest name of a source, in characters.
const MAX_SOURCE_CHARS: usize = 1_000;

/// One message of an upload.
pub(super) enum Part<S> {
    /// What comes, and how many bytes if that is known.
    Start(S, Option<u64>),
    /// A piece of the file.
    Chunk(Vec<u8>),
}

/// Reads an upload to its end: one start, then at most `most` bytes. `advice` says what to do about a larger file.
pub(super) async fn receive<R, S>(
    mut parts: Streaming<R>,
    most: u64,
    advice: &str,
    part: impl Fn(R) -> Option<Part<S>>,
) -> Result<(S, Vec<u8>), Status> {
    let invalid = |line: &str| Status::from(CommandError::usage(line));
    let too_large = || invalid(&format!("the file is larger than {} MiB; {advice}", most >> 20));
    let mut start: Option<S> = None;
    let mut file = Vec::new();
    loop {
        let next = tokio::time::timeout(UPLOAD_PAUSE, parts.message()).await;
        let next = next.map_err(|_| Status::deadline_exceeded("the upload stood still for a minute; try again"))?;
        let Some(request) = next? else {
            let start = start.ok_or_else(|| invalid("an import begins with its start; none came"))?;
            return Ok((start, file));
        };
        match (part(request), &start) {
            (Some(Part::Start(_, Some(bytes))), _) if bytes > most => return Err(too_large()),
            (Some(Part::Start(said, _)), None) => start = Some(said),
            (Some(Part::Start(..)), Some(_)) => return Err(invalid("an import has one start; send one file a call")),
            (Some(Part::Chunk(_)), None) => return Err(invalid("an import begins with its start, not with bytes")),
            (Some(Part::Chunk(chunk)), Some(_)) => {
                if (file.len() + chunk.len()) as u64 > most {
                    return Err(too_large());
                }
                file.extend_from_slice(&chunk);
            }
            (None, _) => {}
        }
    }
}

/// The name of a source, not longer than it may be.
pub(super) fn source(given: &str) -> String {
    given.chars().take(MAX_SOURCE_CHARS).collect()
}

/// Tells a listener how far an import is, at most [`PROGRESS_STEPS`] times. If the channel is full the listener is slow, and will
/// hear a later step.
pub(super) fn steps<T>(
    listener: mpsc::Sender<Result<T, Status>>,
    step: impl Fn(u64, u64) -> T,
) -> impl FnMut(u64, u64) {
    let mut told = 0;
    move |done, total| {
        let reached = done.saturating_mul(PROGRESS_STEPS).checked_div(total).unwrap_or(0);
        if reached > told {
            told = reached;
            let _ = listener.try_send(Ok(step(done, total)));
        }
    }
}
