//! Importing a calendar: idempotent, atomic for each event, and saying for each what became of it.

use std::sync::Arc;

use interhub_domain::calendar::import::{self, Import, ImportContext, ImportedEvent, Warning};
use interhub_domain::document::Reading;
use interhub_domain::event::{Event, Status};
use interhub_domain::ids::{DocumentKind, LogId, ThingId};

use super::{CommandError, Commands};
use crate::clock::random_bytes;
use crate::projection::{EventRow, HubRow, HubStatus};
use crate::store::catalogue::document::{OriginalFormat, OriginalRow};
use crate::sync::{Write, WriteError};

/// Largest calendar file in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Events written between two waits for the disk.
const EVENTS_PER_SYNC: usize = 200;
/// So many events of a file are looked for among those of each other hub.
const EVENTS_COMPARED: usize = 200;
/// Refusals that are listed one by one; the rest is only counted.
pub(super) const MAX_REFUSED_LISTED: usize = 1_000;

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

/// What became of one event.
pub(super) enum Outcome {
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
        let mut read = self.read_calendar(bytes)?;
        self.warn_of_others(&mut read)?;
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
            let about = (imported.event.uid.clone(), imported.line);
            out.count(about, self.import_one(imported, options))?;
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

    /// Two hubs that publish one calendar show each event twice, at every hub; nothing else would tell them.
    pub(super) fn warn_of_others(&self, read: &mut Import) -> Result<(), CommandError> {
        let own = self.ledger.own_id();
        let is_other = |hub: &HubRow| hub.id != own && hub.status == HubStatus::Active;
        for hub in self.views.hubs()?.into_iter().filter(is_other) {
            let mut theirs = 0_usize;
            for imported in read.events.iter().take(EVENTS_COMPARED) {
                let row = self.views.event_by_uid(hub.id, &imported.event.uid)?;
                theirs += usize::from(row.is_some_and(|row| !row.draft));
            }
            if theirs > 0 {
                let (some, are) = if theirs == 1 { ("one", "is") } else { ("some", "are") };
                let warning = Warning {
                    uid: None,
                    line: 1,
                    message: format!(
                        "{some} of these events {are} shown as {}'s already, and will be there twice: let one hub follow the \
                         calendar, and ask the other one to host with it (`interhub event cohost`)",
                        hub.slug
                    ),
                };
                read.warnings.insert(0, warning);
            }
        }
        Ok(())
    }

    /// Reads a calendar as this hub reads calendars.
    pub(super) fn read_calendar(&self, bytes: &[u8]) -> Result<Import, CommandError> {
        let context = ImportContext {
            default_zone: self.timezone.clone(),
            now_ms: self.clock.now_ms(),
            accept_private: false,
        };
        import::import(bytes, &context).map_err(|error| CommandError::usage(error.to_string()))
    }

    fn import_one(&self, imported: ImportedEvent, options: ImportOptions) -> Result<Outcome, ImportError> {
        match self.own_event_with_uid(&imported.event.uid)? {
            Some(row) => self.import_again(&row, imported, false, options.dry_run),
            None => self.import_new(imported, options).map(|_| Outcome::Added),
        }
    }

    /// An own event with this UID.
    pub(super) fn own_event_with_uid(&self, uid: &str) -> Result<Option<Arc<EventRow>>, CommandError> {
        let things = self.views.things_by_uid(self.ledger.own_id(), uid)?;
        Ok(match things.first() {
            Some(thing) => self.views.event(*thing)?,
            None => None,
        })
    }

    /// An event that is not here. Returns what it is here, unless that was only to be said.
    pub(super) fn import_new(
        &self,
        imported: ImportedEvent,
        options: ImportOptions,
    ) -> Result<Option<ThingId>, ImportError> {
        let ImportOptions { dry_run, take_erased } = options;
        let uid = imported.event.uid.clone();
        let erased = self.ledger.erased_uid(&uid).map_err(CommandError::from)?;
        if let Some(erased) = erased.filter(|_| !take_erased) {
            return Err(ImportError::Erased(Some(erased.at_ms)));
        }
        if dry_run {
            return Ok(None);
        }
        let thing = ThingId::new(self.ledger.own_id(), random_bytes(&*self.clock));
        let original = original_of(&imported);
        let reading = Reading::Event(Box::new(imported.event));
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
        Ok(Some(thing))
    }

    /// An event that is here, as its calendar has it now: what differs from what the calendar said before becomes so, and
    /// what people have changed here since stays. `is_back`: here it was cancelled because the calendar did not have it.
    pub(super) fn import_again(
        &self,
        row: &EventRow,
        imported: ImportedEvent,
        is_back: bool,
        dry_run: bool,
    ) -> Result<Outcome, ImportError> {
        let known = self.ledger.original(row.thing).map_err(CommandError::from)?;
        if !is_back
            && known
                .as_ref()
                .is_some_and(|known| known.fingerprint == imported.fingerprint)
        {
            return Ok(Outcome::Unchanged);
        }
        let original = original_of(&imported);
        let mut event = imported.event;
        let mut before = known
            .and_then(|known| self.said_before(&known, event.schedule.zone.name()))
            .unwrap_or_else(|| row.event.clone());
        if is_back {
            before.status = row.event.status;
            before.schedule.overrides.clone_from(&row.event.schedule.overrides);
        }
        // A calendar that moves the event gives it the date that was missing here.
        if row.event.postponed && before.schedule.start != event.schedule.start {
            (before.status, before.postponed) = (row.event.status, row.event.postponed);
        }
        // What is this node's own to say, the same in both: what differs between the two is what the calendar changed.
        for one in [&mut before, &mut event] {
            one.uid.clone_from(&row.event.uid);
            one.created_ms = row.event.created_ms;
            one.updated_ms = row.event.updated_ms;
        }
        event.sequence = event.sequence.max(row.event.sequence);
        before.sequence = row.event.sequence;
        let (same, cancelled) = (
            before == event || row.event == event,
            event.status == Status::Cancelled && row.event.status != Status::Cancelled,
        );
        if !dry_run {
            if !same {
                self.touch(&mut event, &row.event);
                self.write_one(Write::Edit {
                    object: row.object,
                    before: Box::new(before),
                    after: Box::new(event),
                })?;
            }
            self.ledger
                .keep_original(row.thing, &original)
                .map_err(CommandError::from)?;
        }
        Ok(if same {
            Outcome::Unchanged
        } else {
            Outcome::Changed { cancelled }
        })
    }

    /// What a calendar said of an event when it was last imported. The kept text has no words of the file around it: of
    /// these only the zone matters, for times without one.
    fn said_before(&self, original: &OriginalRow, zone: &str) -> Option<Event> {
        let text = std::str::from_utf8(&original.text).ok()?;
        let zone = Some(zone).filter(|zone| !zone.contains(|c: char| c.is_control()));
        let zone = zone.map_or_else(String::new, |zone| format!("X-WR-TIMEZONE:{zone}\r\n"));
        let calendar = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{zone}{text}END:VCALENDAR\r\n");
        let read = self.read_calendar(calendar.as_bytes()).ok()?;
        let [event] = <[ImportedEvent; 1]>::try_from(read.events).ok()?;
        Some(event.event)
    }

    pub(super) fn write_one(&self, write: Write) -> Result<(), ImportError> {
        match self.ledger.write_soon(vec![write]) {
            Ok(_) => Ok(()),
            Err(WriteError::Refused(reason)) => Err(ImportError::Refused(reason)),
            Err(error) => Err(ImportError::Failed(error.into())),
        }
    }
}

impl Imported {
    /// Counts what became of one event, given by UID and line. Fails if the import cannot go on.
    pub(super) fn count(
        &mut self,
        (uid, line): (String, u32),
        outcome: Result<Outcome, ImportError>,
    ) -> Result<(), CommandError> {
        match outcome {
            Ok(Outcome::Added) => self.added += 1,
            Ok(Outcome::Changed { cancelled }) => {
                self.changed += 1;
                self.cancelled += u64::from(cancelled);
            }
            Ok(Outcome::Unchanged) => self.unchanged += 1,
            Err(ImportError::Refused(reason)) => self.refuse(uid, line, reason),
            Err(ImportError::Erased(at_ms)) => {
                self.erased += 1;
                self.refuse(uid, line, erased_reason(at_ms));
            }
            Err(ImportError::Failed(error)) => return Err(error),
        }
        Ok(())
    }

    pub(super) fn refuse(&mut self, uid: String, line: u32, reason: String) {
        self.refused_count += 1;
        if self.refused.len() < MAX_REFUSED_LISTED {
            self.refused.push(RefusedLine { uid, line, reason });
        }
    }
}

fn original_of(imported: &ImportedEvent) -> OriginalRow {
    OriginalRow {
        format: OriginalFormat::ICalendar,
        fingerprint: imported.fingerprint,
        text: imported.original.clone().into_bytes(),
    }
}

/// Why an event that was erased here is not taken.
fn erased_reason(at_ms: Option<i64>) -> String {
    let day = at_ms
        .and_then(|at_ms| jiff::Timestamp::from_millisecond(at_ms).ok())
        .map_or_else(String::new, |at| at.strftime(" on %Y-%m-%d").to_string());
    format!("it was erased here{day}; import with --take-erased to bring it back as a new event")
}

/// Why one event was not imported, or nothing more can be.
pub(super) enum ImportError {
    /// It was erased here, at this time if that is known.
    Erased(Option<i64>),
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
