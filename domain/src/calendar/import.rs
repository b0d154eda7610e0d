//! From a calendar file to events.
//!
//! [`import`] reads a whole iCalendar file (RFC 5545, with RFC 7986 and the extensions that real programs write). All
//! VEVENTs of one UID make one [`Event`]: a master and its exceptions (RECURRENCE-ID). An event that cannot be read is
//! refused with its line and a reason and never stops the others; a file without a calendar is refused whole.
//!
//! What is decided where the standard leaves it open, or files do not follow it:
//!
//! - **Times in UTC.** A single event is moved to X-WR-TIMEZONE, or else to the hub's zone, at the same instant: people
//!   read wall times. A series stays in UTC, because its rule counts there, and would move by an hour otherwise.
//! - **Floating times and whole days** are in X-WR-TIMEZONE, or else in the hub's zone.
//! - **A TZID** that is neither an IANA nor a Windows name, and that the file does not define, refuses the event: it would
//!   be shown at a wrong time. A VTIMEZONE is only kept when the name says nothing.
//! - **An end before its start** reads as the start (a whole day for dates), with a warning.
//! - **A UID twice** without RECURRENCE-ID: the higher SEQUENCE stays, then the later LAST-MODIFIED, then the later in the
//!   file; the others are reported as refused, unless they are the same.
//! - **Exceptions without their master** (exports of a stretch of time have them): the earliest stands in as the master,
//!   the others become further dates of it. RRULE, RDATE and EXDATE in an exception are never followed: it is one date.
//! - **No UID**: one is derived from title, start and place, so that the same file gives the same events.
//! - **A UID over 255 bytes** is replaced by one derived from it.
//! - **CLASS** other than PUBLIC is refused unless asked for. A private exception of a public series is left out, and its
//!   occurrence with it.
//! - **ATTENDEE and ORGANIZER** are never read, and are not in the kept original either.

mod original;
mod whole;

use std::collections::BTreeMap;

use crate::event::{Event, Status};

use super::component::{self, Part};
use super::text::{self, Block, Scan};
use super::zones::Zones;

pub use super::component::MAX_TITLE_CHARS;
pub use super::component::{MAX_DATES, MAX_DESCRIPTION_BYTES, MAX_LOCATION_BYTES, MAX_TAG_CHARS, MAX_TAGS};
pub use super::text::{ImportFileError, MAX_EVENTS, MAX_FILE_BYTES};

/// Longest UID kept as it is, in bytes: RFC 7986 5.3 asks for less than 255 octets.
pub const MAX_UID_BYTES: usize = 255;

/// Longest original text kept of one event, in bytes. Lines that do not fit (pictures inside the file) are left out.
pub const MAX_ORIGINAL_BYTES: usize = 256 * 1024;

/// Most exceptions (RECURRENCE-ID) of one series: weekly for nearly ten years.
pub const MAX_OVERRIDES: usize = 500;

/// Most bytes of text in one event with its exceptions: it has to fit in one signed change of 64 KiB.
pub const MAX_EVENT_BYTES: usize = 56 * 1024;

/// Most warnings given for one file: nobody reads more, and a file can cause one for each of its lines.
pub const MAX_WARNINGS: usize = 1_000;

/// What the reader of a calendar file has to know about the hub.
#[derive(Debug, Clone)]
pub struct ImportContext {
    /// The hub's IANA zone: floating times are read in it.
    pub default_zone: String,
    /// Now, Unix milliseconds: stands in for a missing or impossible CREATED and LAST-MODIFIED.
    pub now_ms: i64,
    /// Whether events with CLASS other than PUBLIC are taken.
    pub accept_private: bool,
}

/// What was in a calendar file.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// X-WR-CALNAME or NAME.
    pub source_name: Option<String>,
    /// Events in the order of the file, no UID twice.
    pub events: Vec<ImportedEvent>,
    /// What was not taken, in the order of the file.
    pub refused: Vec<RefusedEvent>,
    /// What was put right or left out, in the order of the file, at most [`MAX_WARNINGS`].
    pub warnings: Vec<Warning>,
    /// Whether the file ends as it should. What is missing from a file cut short was not cancelled.
    pub complete: bool,
}

/// One event of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedEvent {
    /// What it says.
    pub event: Event,
    /// Its VEVENTs, and its VTIMEZONE if the event needs it, as text: unfolded content lines with CRLF, without ATTENDEE
    /// and ORGANIZER, at most [`MAX_ORIGINAL_BYTES`]. For the hub's own use; it never leaves the hub.
    pub original: String,
    /// BLAKE3 over the whole original without DTSTAMP, LAST-MODIFIED and CREATED, which many programs set to the time of
    /// the download: equal fingerprints mean that nothing changed.
    pub fingerprint: [u8; 32],
    /// Line of its first VEVENT, counted from 1.
    pub line: u32,
}

/// One event, or one exception of a series, that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedEvent {
    /// Its UID, if it has one.
    pub uid: Option<String>,
    /// Line of its BEGIN:VEVENT, counted from 1.
    pub line: u32,
    /// Why, for the operator.
    pub reason: String,
}

/// Something put right or left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The event's UID; `None` for the whole file.
    pub uid: Option<String>,
    /// Line it starts at, counted from 1.
    pub line: u32,
    /// What, for the operator.
    pub message: String,
}

/// Reads a calendar file. See the [module](self) for what is decided on the way.
pub fn import(bytes: &[u8], context: &ImportContext) -> Result<Import, ImportFileError> {
    let mut scan = text::scan(bytes)?;
    let blocks = std::mem::take(&mut scan.events);
    let mut importer = Importer {
        context,
        zones: Zones::new(&scan.calendars, &context.default_zone),
        scan: &scan,
        out: Import {
            source_name: scan
                .calendars
                .iter()
                .find_map(|calendar| calendar.name.clone())
                .map(|name| limited(&name)),
            events: Vec::new(),
            refused: Vec::new(),
            warnings: Vec::new(),
            complete: scan.complete,
        },
    };
    importer.warn_about_file();
    for group in group_by_uid(blocks) {
        importer.group(group);
    }
    importer.drop_repeated();
    let mut out = importer.out;
    out.refused.sort_by_key(|refused| refused.line);
    Ok(out)
}

fn limited(text: &str) -> String {
    let mut line = super::clean::line(text);
    super::clean::cut(&mut line, MAX_UID_BYTES);
    line
}

/// Blocks with the same UID together, groups in the order of their first block. Blocks without one stay alone.
fn group_by_uid(blocks: Vec<Block>) -> Vec<Vec<Block>> {
    let mut groups: Vec<Vec<Block>> = Vec::new();
    let mut by_uid: BTreeMap<String, usize> = BTreeMap::new();
    for block in blocks {
        let known = block.uid.as_ref().and_then(|uid| by_uid.get(uid));
        if let Some(&group) = known {
            groups[group].push(block);
            continue;
        }
        if let Some(uid) = &block.uid {
            by_uid.insert(uid.clone(), groups.len());
        }
        groups.push(vec![block]);
    }
    groups
}

/// One VEVENT with what is needed to choose between two of them.
struct Read {
    part: Part,
    block: Block,
    fingerprint: [u8; 32],
}

impl Read {
    /// Higher wins.
    fn rank(&self) -> (u32, i64, u32) {
        (
            self.part.sequence,
            self.part.modified_ms.unwrap_or(i64::MIN),
            self.part.line,
        )
    }
}

struct Importer<'a> {
    context: &'a ImportContext,
    zones: Zones<'a>,
    scan: &'a Scan,
    out: Import,
}

impl Importer<'_> {
    fn warn_about_file(&mut self) {
        let scan = self.scan;
        if let Some((line, lines)) = scan.not_utf8 {
            self.warn(
                None,
                line,
                format!("{lines} lines are not UTF-8 and were read as Windows-1252"),
            );
        }
        if let Some((line, lines)) = scan.control {
            self.warn(
                None,
                line,
                format!("control characters were taken out of {lines} lines"),
            );
        }
        if scan.others > 0 {
            self.warn(
                None,
                1,
                format!(
                    "{} components are not events (to-dos, journals, busy times)",
                    scan.others
                ),
            );
        }
        if !scan.complete {
            self.warn(
                None,
                scan.lines,
                "END:VCALENDAR is missing: the file may have been cut short".to_owned(),
            );
        }
    }

    fn warn(&mut self, uid: Option<&str>, line: u32, message: String) {
        if self.out.warnings.len() < MAX_WARNINGS {
            self.out.warnings.push(Warning {
                uid: uid.map(str::to_owned),
                line,
                message,
            });
        }
    }

    fn refuse(&mut self, uid: Option<&str>, line: u32, reason: String) {
        self.out.refused.push(RefusedEvent {
            uid: uid.map(limited),
            line,
            reason,
        });
    }

    /// Reads all VEVENTs of one UID.
    fn group(&mut self, blocks: Vec<Block>) {
        let mut masters = Vec::new();
        let mut exceptions = Vec::new();
        for block in blocks {
            match component::read(&block) {
                Err(reason) => self.refuse(block.uid.as_deref(), block.line, reason),
                Ok(part) => {
                    let read = Read {
                        fingerprint: original::fingerprint(&block.text),
                        part,
                        block,
                    };
                    let list = if read.part.recurrence_id.is_some() {
                        &mut exceptions
                    } else {
                        &mut masters
                    };
                    list.push(read);
                }
            }
        }
        masters.sort_by_key(|read| std::cmp::Reverse(read.rank()));
        let master = if masters.is_empty() {
            None
        } else {
            Some(masters.remove(0))
        };
        if let Some(kept) = &master {
            for lost in &masters {
                if lost.fingerprint != kept.fingerprint {
                    let reason = format!(
                        "the UID is in the file more than once with different content; kept is the event of line {} \
                         (higher SEQUENCE, then later LAST-MODIFIED, then later in the file)",
                        kept.part.line
                    );
                    self.refuse(lost.part.uid.as_deref(), lost.part.line, reason);
                }
            }
        }
        let Some(master) = master.or_else(|| self.stand_in(&mut exceptions)) else {
            return;
        };
        let (uid, line) = (master.part.uid.clone(), master.part.line);
        match self.assemble(&master, exceptions) {
            Ok(event) => self.out.events.push(event),
            Err(reason) => self.refuse(uid.as_deref(), line, reason),
        }
    }

    /// Takes the exception that stands in for a missing master: the earliest that takes place, or else the earliest.
    fn stand_in(&mut self, exceptions: &mut Vec<Read>) -> Option<Read> {
        let mut best: Option<(bool, i64, usize)> = None;
        for (at, read) in exceptions.iter().enumerate() {
            let cancelled = read.part.status == Some(Status::Cancelled) || self.hidden(&read.part);
            let second = self.zones.second(&read.part.start, read.block.calendar);
            if best.is_none_or(|best| (cancelled, second, at) < best) {
                best = Some((cancelled, second, at));
            }
        }
        best.map(|(_, _, at)| exceptions.remove(at))
    }

    fn hidden(&self, part: &Part) -> bool {
        part.private && !self.context.accept_private
    }

    /// Two events without UID can still be the same one; so can two UIDs that are cut to one.
    fn drop_repeated(&mut self) {
        let mut lines: BTreeMap<String, u32> = BTreeMap::new();
        let mut repeated = Vec::new();
        self.out.events.retain(|imported| {
            let uid = &imported.event.uid;
            if let Some(&first) = lines.get(uid) {
                repeated.push((uid.clone(), imported.line, first));
                return false;
            }
            lines.insert(uid.clone(), imported.line);
            true
        });
        for (uid, line, first) in repeated {
            let reason = format!("it has no UID, and title, start and place of the event of line {first}");
            self.refuse(Some(&uid), line, reason);
        }
    }
}
