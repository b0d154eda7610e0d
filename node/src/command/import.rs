//! Importing a calendar: idempotent, atomic for each event, and saying for each what became of it.

use interhub_domain::calendar::import::{self, ImportContext, ImportedEvent, Warning};
use interhub_domain::document::Reading;
use interhub_domain::event::Status;
use interhub_domain::ids::{DocumentKind, LogId, ThingId};

use super::{CommandError, Commands};
use crate::clock::random_bytes;
use crate::store::catalogue::document::{OriginalFormat, OriginalRow};
use crate::sync::{Write, WriteError};

/// Largest calendar file in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Events written between two waits for the disk.
const EVENTS_PER_SYNC: usize = 200;
/// Refusals that are listed one by one; the rest is only counted.
const MAX_REFUSED_LISTED: usize = 1_000;

/// What became of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Where it came from, as given.
    pub source: String,
    /// Events in the file.
    pub events: u64,
    /// New ones.
    pub added: u64,
    /// Ones that read differently now.
    pub changed: u64,
    /// Ones that were the same.
    pub unchanged: u64,
    /// Of those added or changed, the ones that were cancelled by this.
    pub cancelled: u64,
    /// Those not taken, and why; the first thousand.
    pub refused: Vec<RefusedLine>,
    /// How many were not taken.
    pub refused_count: u64,
    /// What was put right or left out, at most [`import::MAX_WARNINGS`].
    pub warnings: Vec<Warning>,
    /// The file does not end as a calendar ends.
    pub cut_short: bool,
    /// Of those not taken, the ones that were erased here.
    pub erased: u64,
}

/// How an import is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Only say what would happen.
    pub dry_run: bool,
    /// Also take events that were erased here; they come back as new ones.
    pub take_erased: bool,
}

/// One event that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    /// Its UID, if it has one.
    pub uid: String,
    /// Where it begins in the file, from 1.
    pub line: u32,
    /// Why.
    pub reason: String,
}

enum Outcome {
    Added,
    Changed { cancelled: bool },
    Unchanged,
}

impl Commands {
    /// Imports a calendar file. `progress` is told how many of how many are done. Blocks; see [`Commands::blocking`].
    pub fn import_calendar(
        &self,
        source: &str,
        bytes: &[u8],
        options: ImportOptions,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Imported, CommandError> {
        if self.ledger.network().is_none() {
            return Err(WriteError::NoNetwork.into());
        }
        let context = ImportContext {
            default_zone: self.timezone.clone(),
            now_ms: self.clock.now_ms(),
            accept_private: false,
        };
        let read = import::import(bytes, &context).map_err(|error| CommandError::usage(error.to_string()))?;
        let total = read.events.len() as u64;
        let mut out = Imported {
            source: source.to_owned(),
            events: total + read.refused.len() as u64,
            warnings: read.warnings,
            cut_short: !read.complete,
            ..Imported::default()
        };
        for refused in read.refused {
            out.refuse(refused.uid.unwrap_or_default(), refused.line, refused.reason);
        }
        for (index, imported) in read.events.into_iter().enumerate() {
            let (uid, line) = (imported.event.uid.clone(), imported.line);
            match self.import_one(imported, options) {
                Ok(Outcome::Added) => out.added += 1,
                Ok(Outcome::Changed { cancelled }) => {
                    out.changed += 1;
                    out.cancelled += u64::from(cancelled);
                }
                Ok(Outcome::Unchanged) => out.unchanged += 1,
                Err(ImportError::Refused(reason)) => out.refuse(uid, line, reason),
                Err(ImportError::Erased(at_ms)) => {
                    out.erased += 1;
                    out.refuse(uid, line, erased_reason(at_ms));
                }
                Err(ImportError::Failed(error)) => return Err(error),
            }
            let done = index + 1;
            if done % EVENTS_PER_SYNC == 0 {
                self.ledger.make_durable()?;
                progress(done as u64, total);
            }
        }
        self.ledger.make_durable()?;
        progress(total, total);
        Ok(out)
    }

    fn import_one(&self, imported: ImportedEvent, options: ImportOptions) -> Result<Outcome, ImportError> {
        let ImportOptions { dry_run, take_erased } = options;
        let own = self.ledger.own_id();
        let things = self
            .views
            .things_by_uid(own, &imported.event.uid)
            .map_err(CommandError::from)?;
        let known = match things.first() {
            Some(thing) => self.views.event(*thing).map_err(CommandError::from)?,
            None => None,
        };
        let mut event = imported.event;
        let original = OriginalRow {
            format: OriginalFormat::ICalendar,
            fingerprint: imported.fingerprint,
            text: imported.original.into_bytes(),
        };
        let Some(row) = known else {
            let erased = self.ledger.erased_uid(&event.uid).map_err(CommandError::from)?;
            if let Some(erased) = erased.filter(|_| !take_erased) {
                return Err(ImportError::Erased(erased.at_ms));
            }
            if dry_run {
                return Ok(Outcome::Added);
            }
            let thing = ThingId::new(self.ledger.own_id(), random_bytes(&*self.clock));
            let uid = event.uid.clone();
            let reading = Reading::Event(Box::new(event));
            self.write_one(Write::Create {
                log: LogId::PUBLIC,
                kind: DocumentKind::Event,
                thing,
                reading,
            })?;
            self.ledger
                .keep_original(thing, &original)
                .map_err(CommandError::from)?;
            if erased.is_some() {
                self.ledger.forget_erased_uid(&uid).map_err(CommandError::from)?;
            }
            return Ok(Outcome::Added);
        };
        let before = self.ledger.original(row.thing).map_err(CommandError::from)?;
        if before.is_some_and(|before| before.fingerprint == original.fingerprint) {
            return Ok(Outcome::Unchanged);
        }
        event.created_ms = row.event.created_ms;
        let same = {
            let mut compared = event.clone();
            compared.updated_ms = row.event.updated_ms;
            compared == row.event
        };
        if same {
            if !dry_run {
                self.ledger
                    .keep_original(row.thing, &original)
                    .map_err(CommandError::from)?;
            }
            return Ok(Outcome::Unchanged);
        }
        let cancelled = event.status == Status::Cancelled && row.event.status != Status::Cancelled;
        if !dry_run {
            self.touch(&mut event, &row.event);
            self.write_one(Write::Change {
                object: row.object,
                reading: Reading::Event(Box::new(event)),
            })?;
            self.ledger
                .keep_original(row.thing, &original)
                .map_err(CommandError::from)?;
        }
        Ok(Outcome::Changed { cancelled })
    }

    fn write_one(&self, write: Write) -> Result<(), ImportError> {
        match self.ledger.write_soon(vec![write]) {
            Ok(_) => Ok(()),
            Err(WriteError::Refused(reason)) => Err(ImportError::Refused(reason)),
            Err(error) => Err(ImportError::Failed(error.into())),
        }
    }
}

impl Imported {
    fn refuse(&mut self, uid: String, line: u32, reason: String) {
        self.refused_count += 1;
        if self.refused.len() < MAX_REFUSED_LISTED {
            self.refused.push(RefusedLine { uid, line, reason });
        }
    }
}

/// Why an event that was erased here is not taken.
fn erased_reason(at_ms: i64) -> String {
    let day = jiff::Timestamp::from_millisecond(at_ms)
        .map_or_else(|_| "some day".to_owned(), |at| at.strftime("%Y-%m-%d").to_string());
    format!("it was erased here on {day}; import with --take-erased to bring it back as a new event")
}

enum ImportError {
    /// It was erased here, at this time.
    Erased(i64),
    /// This event only.
    Refused(String),
    /// The import cannot go on.
    Failed(CommandError),
}

impl From<CommandError> for ImportError {
    fn from(error: CommandError) -> Self {
        Self::Failed(error)
    }
}
