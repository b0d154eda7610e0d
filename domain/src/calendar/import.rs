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
//!   the others become further dates of it.
//! - **No UID**: one is derived from title, start and place, so that the same file gives the same events.
//! - **A UID over 255 bytes** is replaced by one derived from it.
//! - **CLASS** other than PUBLIC is refused unless asked for. A private exception of a public series is left out, and its
//!   occurrence with it.
//! - **ATTENDEE and ORGANIZER** are never read, and are not in the kept original either.

use std::collections::BTreeMap;

use crate::event::{Event, LocalTime, Location, Override, Schedule, Status, Zone};
use crate::ids::hash16;

use super::component::{self, End, Part};
use super::text::{self, Block, Scan};
use super::zones::{Resolved, Span, Zones, shifted_end};

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
                        fingerprint: fingerprint(&block.text),
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

    /// Puts the VEVENTs of one UID together. The error is the reason for refusing all of them.
    fn assemble(&mut self, master: &Read, exceptions: Vec<Read>) -> Result<ImportedEvent, String> {
        let part = &master.part;
        if self.hidden(part) {
            return Err(
                "its CLASS is not PUBLIC: import it with private events accepted, or make it public".to_owned(),
            );
        }
        let title = title_of(part);
        if title.is_empty() {
            return Err("it has neither a title (SUMMARY) nor a description".to_owned());
        }
        let series = !part.rules.is_empty() || !part.extra.is_empty() || !exceptions.is_empty();
        let zone = self
            .zones
            .of_schedule(&part.start, part.zone.as_deref(), series, master.block.calendar)?;
        let span = Span::read(&mut self.zones, &part.start, &part.end, &zone, master.block.calendar)?;
        let uid = uid_of(part, &title, span.start);
        for warning in part.warnings.iter().chain(&span.warning) {
            self.warn(Some(&uid), part.line, warning.clone());
        }
        let mut event = Event {
            uid,
            sequence: part.sequence,
            status: part.status.unwrap_or_default(),
            title,
            summary: part.summary.clone(),
            description: part.description.clone(),
            language: part.language.clone(),
            tags: part.tags.clone(),
            location: part.location.clone(),
            url: part.url.clone(),
            online_url: part.online_url.clone(),
            image_url: part.image_url.clone(),
            schedule: Schedule {
                start: span.start,
                end: span.end,
                zone: zone.zone.clone(),
                rules: part.rules.clone(),
                extra: Vec::new(),
                excluded: Vec::new(),
                overrides: Vec::new(),
            },
            created_ms: 0,
            updated_ms: 0,
        };
        self.add_dates(&mut event, part, &zone, master.block.calendar)?;
        let mut blocks = vec![(&master.block, master.fingerprint)];
        let exceptions = self.add_exceptions(&mut event, exceptions, &zone)?;
        blocks.extend(exceptions.iter().map(|read| (&read.block, read.fingerprint)));
        self.set_times(&mut event, part, &exceptions);
        if self.scan.calendars[master.block.calendar].cancels {
            event.status = Status::Cancelled;
        }
        let bytes = text_bytes(&event);
        if bytes > MAX_EVENT_BYTES {
            return Err(format!(
                "its texts with those of its exceptions have {bytes} bytes, at most {MAX_EVENT_BYTES} are allowed"
            ));
        }
        Ok(ImportedEvent {
            original: original(&blocks, &event.schedule.zone),
            fingerprint: whole_fingerprint(&blocks, &event),
            line: blocks.iter().map(|(block, _)| block.line).min().unwrap_or(part.line),
            event,
        })
    }

    /// RDATE and EXDATE. A period of another length than the event's becomes a date with an exception.
    fn add_dates(&mut self, event: &mut Event, part: &Part, zone: &Resolved, calendar: usize) -> Result<(), String> {
        let start = event.schedule.start;
        for (when, end) in &part.extra {
            let span = Span::read(&mut self.zones, when, end, zone, calendar)?;
            let date = like(span.start, start);
            event.schedule.extra.push(date);
            let default_end = shifted_end(&event.schedule, date);
            if !matches!(end, End::Unsaid) && span.start == date && span.end != default_end {
                event.schedule.overrides.push(Override {
                    time: Some((date, span.end)),
                    ..no_change(date)
                });
            }
        }
        for when in &part.excluded {
            event
                .schedule
                .excluded
                .push(like(self.zones.local(when, zone, calendar)?, start));
        }
        let schedule = &mut event.schedule;
        schedule.extra.retain(|&date| date != start);
        for dates in [&mut schedule.extra, &mut schedule.excluded] {
            dates.sort_unstable();
            dates.dedup();
        }
        Ok(())
    }

    /// RECURRENCE-ID. Gives back the VEVENTs that were used.
    fn add_exceptions(
        &mut self,
        event: &mut Event,
        mut exceptions: Vec<Read>,
        zone: &Resolved,
    ) -> Result<Vec<Read>, String> {
        if exceptions.len() > MAX_OVERRIDES {
            return Err(format!(
                "it has more than {MAX_OVERRIDES} exceptions: end the series and start another"
            ));
        }
        let by_rule = !event.schedule.rules.is_empty() || !event.schedule.extra.is_empty();
        exceptions.sort_by_key(|read| std::cmp::Reverse(read.rank()));
        let mut used: Vec<Read> = Vec::new();
        let mut taken: BTreeMap<LocalTime, u32> = BTreeMap::new();
        for read in exceptions {
            let line = read.part.line;
            let change = match self.exception(event, &read, zone) {
                Ok(change) => change,
                Err(reason) => {
                    self.refuse(Some(&event.uid), line, reason);
                    continue;
                }
            };
            if let Some(kept) = taken.get(&change.recurrence_id) {
                let reason =
                    format!("the same occurrence is changed more than once; kept is the change of line {kept}");
                self.refuse(Some(&event.uid), line, reason);
                continue;
            }
            taken.insert(change.recurrence_id, line);
            if self.hidden(&read.part) {
                let reason = "its CLASS is not PUBLIC: this occurrence is left out".to_owned();
                self.refuse(Some(&event.uid), line, reason);
                event.schedule.excluded.push(change.recurrence_id);
                continue;
            }
            for warning in &read.part.warnings {
                self.warn(Some(&event.uid), line, warning.clone());
            }
            // Without a rule nothing else says that this occurrence exists.
            if !by_rule && change.recurrence_id != event.schedule.start && change.status != Some(Status::Cancelled) {
                event.schedule.extra.push(change.recurrence_id);
            }
            event
                .schedule
                .overrides
                .retain(|other| other.recurrence_id != change.recurrence_id);
            event.schedule.overrides.push(change);
            used.push(read);
        }
        let schedule = &mut event.schedule;
        schedule.overrides.sort_by_key(|change| change.recurrence_id);
        for dates in [&mut schedule.extra, &mut schedule.excluded] {
            dates.sort_unstable();
            dates.dedup();
        }
        used.sort_by_key(|read| read.part.line);
        Ok(used)
    }

    /// What an exception changes. What it says just as the series does is no change.
    fn exception(&mut self, event: &Event, read: &Read, zone: &Resolved) -> Result<Override, String> {
        let (part, calendar) = (&read.part, read.block.calendar);
        let Some(when) = &part.recurrence_id else {
            return Err("it has no RECURRENCE-ID".to_owned());
        };
        let recurrence_id = like(self.zones.local(when, zone, calendar)?, event.schedule.start);
        let span = Span::read(&mut self.zones, &part.start, &part.end, zone, calendar)?;
        if let Some(warning) = span.warning {
            self.warn(Some(&event.uid), part.line, warning);
        }
        let as_series = (recurrence_id, shifted_end(&event.schedule, recurrence_id));
        let changed = |new: &str, old: &str| (new != old).then(|| new.to_owned());
        Ok(Override {
            recurrence_id,
            this_and_future: part.this_and_future,
            status: part.status.filter(|&status| status != event.status),
            time: Some((span.start, span.end)).filter(|&time| time != as_series),
            title: changed(&part.title, &event.title).filter(|title| !title.is_empty()),
            description: changed(&part.description, &event.description),
            location: (part.location != event.location).then(|| part.location.clone().unwrap_or_default()),
            url: changed(&part.url, &event.url),
        })
    }

    /// SEQUENCE, CREATED and LAST-MODIFIED of the whole: the latest counts.
    fn set_times(&self, event: &mut Event, master: &Part, exceptions: &[Read]) {
        const DAY_MS: i64 = 86_400_000;
        let now = self.context.now_ms;
        // A clock may be wrong by a day; what is further off was never a time of writing.
        let plausible = |ms: i64| (0..=now.saturating_add(DAY_MS)).contains(&ms).then(|| ms.min(now));
        let parts = || std::iter::once(master).chain(exceptions.iter().map(|read| &read.part));
        event.sequence = parts().map(|part| part.sequence).max().unwrap_or(0);
        event.updated_ms = parts()
            .filter_map(|part| plausible(part.modified_ms?))
            .max()
            .unwrap_or(now);
        let created = master.created_ms.and_then(plausible);
        event.created_ms = created.unwrap_or(event.updated_ms).min(event.updated_ms);
    }

    /// Two events without UID can still be the same one; so can two UIDs that are cut to one.
    fn drop_repeated(&mut self) {
        let mut lines: BTreeMap<String, u32> = BTreeMap::new();
        let mut repeated = Vec::new();
        self.out.events.retain(|imported| match lines.get(&imported.event.uid) {
            Some(&first) => {
                repeated.push((imported.event.uid.clone(), imported.line, first));
                false
            }
            None => {
                lines.insert(imported.event.uid.clone(), imported.line);
                true
            }
        });
        for (uid, line, first) in repeated {
            let reason = format!("it has no UID, and title, start and place of the event of line {first}");
            self.refuse(Some(&uid), line, reason);
        }
    }
}

/// The title, or the first line of the description.
fn title_of(part: &Part) -> String {
    if !part.title.is_empty() {
        return part.title.clone();
    }
    let first = part.description.lines().next().unwrap_or_default();
    super::clean::line(&first.chars().take(120).collect::<String>())
}

/// The UID, shortened or derived where it has to be.
fn uid_of(part: &Part, title: &str, start: LocalTime) -> String {
    let hex = |hash: [u8; 16]| data_encoding::HEXLOWER.encode(&hash);
    match &part.uid {
        Some(uid) if uid.len() <= MAX_UID_BYTES => uid.clone(),
        Some(uid) => format!(
            "{}@long.uid.invalid",
            hex(hash16("interhub/v1/long-uid", &[uid.as_bytes()]))
        ),
        None => {
            let place = part.location.as_ref().map_or("", |location| location.name.as_str());
            let fields = [title, &start.to_string(), place];
            let hash = hash16("interhub/v1/derived-uid", &fields.map(str::as_bytes));
            format!("{}@derived.uid.invalid", hex(hash))
        }
    }
}

/// An exception that changes nothing yet.
fn no_change(recurrence_id: LocalTime) -> Override {
    Override {
        recurrence_id,
        this_and_future: false,
        status: None,
        time: None,
        title: None,
        description: None,
        location: None,
        url: None,
    }
}

/// A date where the series is in dates, a time where it is in times.
fn like(value: LocalTime, start: LocalTime) -> LocalTime {
    match (value, start) {
        (LocalTime::DateTime(time), LocalTime::Date(_)) => LocalTime::Date(time.date()),
        (LocalTime::Date(date), LocalTime::DateTime(start)) => LocalTime::DateTime(date.to_datetime(start.time())),
        _ => value,
    }
}

/// How many bytes of text an event has.
fn text_bytes(event: &Event) -> usize {
    let place = |location: &Option<Location>| location.as_ref().map_or(0, |location| location.name.len());
    let own = event.title.len()
        + event.summary.len()
        + event.description.len()
        + event.tags.iter().map(String::len).sum::<usize>()
        + place(&event.location)
        + event.url.len()
        + event.online_url.len()
        + event.image_url.len();
    let zone = match &event.schedule.zone {
        Zone::Named(name) => name.len(),
        Zone::Custom { name, definition } => name.len() + definition.len(),
    };
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let overrides: usize = event
        .schedule
        .overrides
        .iter()
        .map(|change| len(&change.title) + len(&change.description) + len(&change.url) + place(&change.location))
        .sum();
    own + zone + overrides
}

/// Properties that programs set to the time of the download.
const VOLATILE: [&str; 3] = ["DTSTAMP", "LAST-MODIFIED", "CREATED"];

/// BLAKE3 over the content lines of one VEVENT, volatile ones left out.
fn fingerprint(text: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for line in text.split("\r\n") {
        let name = line.split([':', ';']).next().unwrap_or_default();
        if !VOLATILE.iter().any(|volatile| name.eq_ignore_ascii_case(volatile)) {
            hasher.update(line.as_bytes());
            hasher.update(b"\r\n");
        }
    }
    *hasher.finalize().as_bytes()
}

/// One fingerprint for all VEVENTs of an event, whatever their order, and for what else decided how they were read. The
/// number in the tag rises when this module reads the same text differently, so that the next import takes it over.
fn whole_fingerprint(blocks: &[(&Block, [u8; 32])], event: &Event) -> [u8; 32] {
    let mut parts: Vec<[u8; 32]> = blocks.iter().map(|(_, fingerprint)| *fingerprint).collect();
    parts.sort_unstable();
    let mut hasher = blake3::Hasher::new_derive_key("interhub/v1/import-fingerprint/1");
    for part in parts {
        hasher.update(&part);
    }
    match &event.schedule.zone {
        Zone::Named(name) => hasher.update(name.as_bytes()),
        Zone::Custom { name, definition } => hasher
            .update(name.as_bytes())
            .update(b"\0")
            .update(definition.as_bytes()),
    };
    hasher.update(&[0, u8::from(event.status == Status::Cancelled)]);
    *hasher.finalize().as_bytes()
}

/// The text kept with an event.
fn original(blocks: &[(&Block, [u8; 32])], zone: &Zone) -> String {
    let definition = match zone {
        Zone::Custom { definition, .. } => definition.as_str(),
        Zone::Named(_) => "",
    };
    let whole: usize = blocks.iter().map(|(block, _)| block.text.len()).sum::<usize>() + definition.len();
    let mut out = String::with_capacity(whole.min(MAX_ORIGINAL_BYTES));
    for text in std::iter::once(definition).chain(blocks.iter().map(|(block, _)| block.text.as_str())) {
        for line in text.split_inclusive("\r\n") {
            let ends = line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("END:"));
            // Room is left for the ENDs, so that what is kept can be read again.
            let room = if ends { 0 } else { 4_096 };
            if out.len() + line.len() + room <= MAX_ORIGINAL_BYTES {
                out.push_str(line);
            }
        }
    }
    out
}
