//! What this crate makes of calendars that the world wrote, as JSON lines: `scripts/corpus.py` holds them against what
//! other programs make of the same files.
//!
//! - `corpus recurrence` expands the rules of libical's vector files.
//! - `corpus calendars` reads each file, writes what was in it, and reads that again.
//! - `corpus history` replays the versions of calendars that are followed.
//!
//! What to read is said on standard input, a line each: a path; for `history` the calendar's name, Unix milliseconds, what
//! kind of version it is and its path, with tabs between. A panic is reported with the file that caused it.

#![allow(clippy::disallowed_methods, reason = "how long it takes is what is measured here")]

mod calendars;
mod history;
mod recurrence;

use std::error::Error;
use std::io::{BufRead, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use interhub_domain::calendar::import::ImportContext;
use serde_json::Value;

/// 2026-11-22 12:00 UTC, when the calendars had been gathered.
const NOW_MS: i64 = 1_795_348_800_000;

/// The zone of times that name none: one with clock changes, so that a wrong zone shows.
const DEFAULT_ZONE: &str = "Europe/London";

/// Where the last panic was, and what it said.
static PANIC: Mutex<String> = Mutex::new(String::new());

fn main() -> Result<(), Box<dyn Error>> {
    std::panic::set_hook(Box::new(|panic| {
        *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
    let command = std::env::args().nth(1).unwrap_or_default();
    let lines: Vec<String> = std::io::stdin().lock().lines().collect::<Result<_, _>>()?;
    let mut out = Out(std::io::stdout().lock());
    match command.as_str() {
        "recurrence" => recurrence::expand_all(&lines, &mut out),
        "calendars" => calendars::read_all(&lines, &mut out),
        "history" => history::replay_all(&lines, &mut out),
        _ => Err("usage: corpus recurrence|calendars|history, with what to read on standard input".into()),
    }
}

/// Where the JSON lines go.
struct Out(std::io::StdoutLock<'static>);

impl Out {
    /// One line, at once: if the next file ends the process, the reader knows which one it was.
    fn line(&mut self, value: &Value) -> Result<(), Box<dyn Error>> {
        writeln!(self.0, "{value}")?;
        Ok(self.0.flush()?)
    }
}

fn context(now_ms: i64) -> ImportContext {
    ImportContext {
        default_zone: DEFAULT_ZONE.to_owned(),
        now_ms,
        accept_private: false,
    }
}

/// Does it, or says where it panicked.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| PANIC.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Does it, and says how many milliseconds that took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed().as_secs_f64() * 1_000.0)
}
