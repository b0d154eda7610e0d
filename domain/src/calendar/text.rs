//! From the bytes of a calendar file to its components, each with its line number.
//!
//! Encodings, line ends, folding, control bytes and nesting are settled here, so that one broken event cannot reach
//! its neighbours: what is between `BEGIN:VEVENT` and `END:VEVENT` is handed on as one text and read by itself.
//!
//! Real files are not UTF-8, fold in the middle of a character, end lines with a bare LF or CR, start with a byte order
//! mark, or are no calendars at all (block pages, JSON errors): RFC 5545 3.1 is the aim, not the condition.

mod reject;

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Largest file read, in bytes: room for 100,000 ordinary events, and what a small machine can hold in memory several
/// times over while it is read.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// Most events read from one file: every one of them becomes a signed document, so a larger file is a mistake or an
/// attack, and is better split by whoever knows what is in it.
pub const MAX_EVENTS: usize = 100_000;

/// Most text of one VEVENT, in bytes: what it takes to read one stays bounded. Real ones have a few thousand bytes.
pub(super) const MAX_BLOCK_BYTES: usize = 2 * 1024 * 1024;

/// Longest ATTACH or IMAGE line looked at, in bytes; longer ones hold the picture itself, which is not read.
const MAX_ATTACHMENT_BYTES: usize = 64 * 1024;

/// Most zones kept of one calendar. The whole IANA database has 600.
const MAX_ZONES: usize = 1_000;

/// Most text of one VTIMEZONE, in bytes: comments included, several times of what may be kept of it.
const MAX_ZONE_TEXT_BYTES: usize = 64 * 1024;

/// Most calendars (`VCALENDAR`) told apart in one file; later ones share the properties of the last.
const MAX_CALENDARS: usize = 1_000;

/// Longest RRULE kept: the longest sensible one names every part and has about 300 characters.
const MAX_RULE_BYTES: usize = 1_000;

/// Most RRULE lines of one event; RFC 5545 3.8.5.3 says it should be one.
pub(super) const MAX_RULES: usize = 4;

/// Why a whole file is refused. The message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportFileError {
    /// Larger than [`MAX_FILE_BYTES`]; nothing of it was read.
    #[error(
        "the file has {bytes} bytes, at most {max} are read: split it, or export a shorter time from the calendar",
        max = MAX_FILE_BYTES
    )]
    TooLarge {
        /// How many bytes it has.
        bytes: usize,
    },
    /// More than [`MAX_EVENTS`] events.
    #[error("line {line}: more than {max} events in one file: split it, or export a shorter time", max = MAX_EVENTS)]
    TooManyEvents {
        /// Where the first event too many starts.
        line: u32,
    },
    /// There is no calendar in it.
    #[error("line {line}: not an iCalendar file, it looks like {looks_like}: {advice}")]
    NotACalendar {
        /// The first line that is not empty.
        line: u32,
        /// What it looks like.
        looks_like: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
}

impl ImportFileError {
    /// The line at which reading stopped, counted from 1.
    pub const fn line(&self) -> u32 {
        match self {
            Self::TooLarge { .. } => 1,
            Self::TooManyEvents { line } | Self::NotACalendar { line, .. } => *line,
        }
    }
}

/// What a `VCALENDAR` says about all of its events.
#[derive(Debug, Default, Clone)]
pub(super) struct Calendar {
    /// X-WR-CALNAME, or NAME (RFC 7986 5.1).
    pub(super) name: Option<String>,
    /// X-WR-TIMEZONE: the zone of times that name none.
    pub(super) zone: Option<String>,
    /// METHOD:CANCEL (RFC 5546 3.2.5): all events in it are cancelled.
    pub(super) cancels: bool,
    /// VTIMEZONE components by TZID.
    pub(super) zones: BTreeMap<String, String>,
}

/// One VEVENT as text.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Line of its BEGIN, counted from 1.
    pub(super) line: u32,
    /// Its content lines, unfolded, each ended by CRLF, BEGIN and END included; without ATTENDEE and ORGANIZER.
    pub(super) text: String,
    /// UID, trimmed.
    pub(super) uid: Option<String>,
    /// Values of its RRULE lines as they stand there.
    pub(super) rules: Vec<String>,
    /// Index of its calendar.
    pub(super) calendar: usize,
    /// Whether its END was found.
    pub(super) ended: bool,
    /// Whether it has more than [`MAX_BLOCK_BYTES`]; the rest is not there.
    pub(super) too_large: bool,
}

/// A whole file, taken apart.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// At least one, if there are events.
    pub(super) calendars: Vec<Calendar>,
    /// In the order of the file.
    pub(super) events: Vec<Block>,
    /// Components that are not events: to-dos, journals, free-busy times.
    pub(super) others: u32,
    /// First line that was not UTF-8, and how many there are.
    pub(super) not_utf8: Option<(u32, u32)>,
    /// First line with control bytes, and how many there are.
    pub(super) control: Option<(u32, u32)>,
    /// Whether every calendar was ended: a download cut short is not.
    pub(super) complete: bool,
    /// Number of lines.
    pub(super) lines: u32,
}

/// Takes a file apart. Fails only for a file that is too large or has no calendar in it.
pub(super) fn scan(bytes: &[u8]) -> Result<Scan, ImportFileError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(ImportFileError::TooLarge { bytes: bytes.len() });
    }
    let utf8 = to_ascii_compatible(bytes);
    let mut scanner = Scanner::default();
    for (line, content) in logical_lines(&utf8) {
        scanner.line(line, content)?;
    }
    let found = scanner.found_calendar;
    let scan = scanner.finish();
    if !found && scan.events.is_empty() {
        return Err(reject::not_a_calendar(&utf8));
    }
    Ok(scan)
}

/// Removes a byte order mark, and turns UTF-16 into UTF-8.
fn to_ascii_compatible(bytes: &[u8]) -> Cow<'_, [u8]> {
    let units = |from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..]
            .chunks_exact(2)
            .map(|pair| from([pair[0], pair[1]]))
            .collect();
        Cow::Owned(String::from_utf16_lossy(&units).into_bytes())
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => Cow::Borrowed(rest),
        [0xFF, 0xFE, ..] => units(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => units(u16::from_be_bytes),
        _ => Cow::Borrowed(bytes),
    }
}

/// Content lines, unfolded (RFC 5545 3.1), with the number of their first line. Empty lines are left out, also between a
/// line and its continuation, where some programs write one.
fn logical_lines(bytes: &[u8]) -> impl Iterator<Item = (u32, Cow<'_, [u8]>)> {
    // Only files of very old programs end lines with a bare CR.
    let end = if bytes.contains(&b'\n') { b'\n' } else { b'\r' };
    let mut rest = bytes;
    let mut number = 0;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            number += 1;
            let first = number;
            let mut content = Cow::Borrowed(next_line(&mut rest, end));
            number += skip_empty(&mut rest, end);
            while matches!(rest.first(), Some(b' ' | b'\t')) {
                number += 1;
                let more = next_line(&mut rest, end);
                content.to_mut().extend_from_slice(&more[1..]);
                number += skip_empty(&mut rest, end);
            }
            if content.iter().any(|byte| !byte.is_ascii_whitespace()) {
                return Some((first, content));
            }
        }
    })
}

/// Cuts off one physical line, without its end.
fn next_line<'a>(rest: &mut &'a [u8], end: u8) -> &'a [u8] {
    let (line, after) = match rest.iter().position(|&byte| byte == end) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (*rest, &rest[rest.len()..]),
    };
    *rest = after;
    // A line that is folded keeps its leading space; only the CR goes.
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Cuts off empty lines. Tells how many there were.
fn skip_empty(rest: &mut &[u8], end: u8) -> u32 {
    let mut count = 0;
    loop {
        let after = rest.strip_prefix(b"\r").filter(|_| end == b'\n').unwrap_or(rest);
        let Some(after) = after.strip_prefix(&[end]) else {
            return count;
        };
        *rest = after;
        count += 1;
    }
}

/// Splits the name off a content line: `DTSTART;TZID=X:1` gives `DTSTART` and what follows the name.
fn property_name(line: &str) -> (&str, &str) {
    let at = line.find([':', ';']).unwrap_or(line.len());
    (line[..at].trim(), &line[at..])
}

/// The value of a content line, parameters left aside. `rest` starts at the first `:` or `;`.
fn property_value(rest: &str) -> &str {
    let mut quoted = false;
    for (at, char) in rest.char_indices() {
        match char {
            '"' => quoted = !quoted,
            ':' if !quoted => return rest[at + 1..].trim(),
            _ => {}
        }
    }
    ""
}

/// Where in the file the scanner is.
#[derive(Debug, Default)]
enum Inside {
    #[default]
    Nothing,
    /// In a VEVENT, with so many components open in it.
    Event { depth: u32 },
    /// In a VTIMEZONE, with its text so far.
    Zone { text: String, tzid: Option<String> },
    /// In a component of no interest, with so many components open.
    Other { depth: u32 },
}

#[derive(Debug, Default)]
struct Scanner {
    scan: Scan,
    inside: Inside,
    open_calendars: u32,
    found_calendar: bool,
}

impl Scanner {
    fn line(&mut self, number: u32, bytes: Cow<'_, [u8]>) -> Result<(), ImportFileError> {
        self.scan.lines = number;
        let line = self.decode(number, bytes);
        let (name, rest) = property_name(&line);
        let begins = name.eq_ignore_ascii_case("BEGIN");
        let ends = name.eq_ignore_ascii_case("END");
        let component = if begins || ends {
            property_value(rest).to_ascii_uppercase()
        } else {
            String::new()
        };

        // An event that starts or a calendar that ends inside an event: its own end is missing.
        let boundary = (begins && matches!(&*component, "VEVENT" | "VCALENDAR")) || (ends && component == "VCALENDAR");
        if boundary {
            self.inside = Inside::Nothing;
        }
        match &mut self.inside {
            Inside::Nothing if begins => self.begin(number, &component)?,
            Inside::Nothing if ends => {
                if component == "VCALENDAR" {
                    self.open_calendars = self.open_calendars.saturating_sub(1);
                }
            }
            Inside::Nothing => self.calendar_property(name, rest),
            Inside::Event { .. } => self.event_line(&line, begins, ends, &component),
            Inside::Zone { text, tzid } => {
                if text.len() + line.len() <= MAX_ZONE_TEXT_BYTES {
                    text.push_str(&line);
                    text.push_str("\r\n");
                }
                if name.eq_ignore_ascii_case("TZID") {
                    *tzid = Some(unescape(property_value(rest)));
                }
                if ends && component == "VTIMEZONE" {
                    self.end_zone();
                }
            }
            Inside::Other { depth } => {
                if begins {
                    *depth = depth.saturating_add(1);
                } else if ends && *depth == 0 {
                    self.inside = Inside::Nothing;
                } else if ends {
                    *depth -= 1;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, number: u32, component: &str) -> Result<(), ImportFileError> {
        match component {
            "VCALENDAR" => {
                self.found_calendar = true;
                self.open_calendars = self.open_calendars.saturating_add(1);
                if self.scan.calendars.len() < MAX_CALENDARS {
                    self.scan.calendars.push(Calendar::default());
                }
            }
            "VEVENT" => {
                if self.scan.events.len() == MAX_EVENTS {
                    return Err(ImportFileError::TooManyEvents { line: number });
                }
                let calendar = self.calendar();
                self.scan.events.push(Block {
                    line: number,
                    text: "BEGIN:VEVENT\r\n".to_owned(),
                    uid: None,
                    rules: Vec::new(),
                    calendar,
                    ended: false,
                    too_large: false,
                });
                self.inside = Inside::Event { depth: 0 };
            }
            "VTIMEZONE" => {
                self.inside = Inside::Zone {
                    text: "BEGIN:VTIMEZONE\r\n".to_owned(),
                    tzid: None,
                };
            }
            _ => {
                self.scan.others = self.scan.others.saturating_add(1);
                self.inside = Inside::Other { depth: 0 };
            }
        }
        Ok(())
    }

    fn event_line(&mut self, line: &str, begins: bool, ends: bool, component: &str) {
        let Some(event) = self.scan.events.last_mut() else {
            return;
        };
        let Inside::Event { depth } = &mut self.inside else {
            return;
        };
        let (name, rest) = property_name(line);
        // Who comes is nobody else's business: it is not even kept here.
        if name.eq_ignore_ascii_case("ATTENDEE") || name.eq_ignore_ascii_case("ORGANIZER") {
            return;
        }
        let attached = name.eq_ignore_ascii_case("ATTACH") || name.eq_ignore_ascii_case("IMAGE");
        if attached && line.len() > MAX_ATTACHMENT_BYTES {
            return;
        }
        if event.text.len() + line.len() > MAX_BLOCK_BYTES {
            event.too_large = true;
        } else if !(ends && component == "VEVENT") {
            event.text.push_str(line);
            event.text.push_str("\r\n");
        }
        if begins {
            *depth = depth.saturating_add(1);
        } else if ends && component == "VEVENT" {
            event.text.push_str("END:VEVENT\r\n");
            event.ended = true;
            self.inside = Inside::Nothing;
        } else if ends {
            *depth = depth.saturating_sub(1);
        } else if *depth == 0 && name.eq_ignore_ascii_case("UID") {
            let uid: String = unescape(property_value(rest))
                .chars()
                .filter(|char| !char.is_control())
                .collect();
            if !uid.trim().is_empty() && event.uid.is_none() {
                event.uid = Some(uid.trim().to_owned());
            }
        } else if *depth == 0 && name.eq_ignore_ascii_case("RRULE") {
            let rule = property_value(rest);
            // One more than allowed is kept, so that the reader of the event sees that there are too many.
            if !rule.is_empty() && event.rules.len() <= MAX_RULES {
                event.rules.push(rule.chars().take(MAX_RULE_BYTES).collect());
            }
        }
    }

    fn end_zone(&mut self) {
        let Inside::Zone { text, tzid } = std::mem::take(&mut self.inside) else {
            return;
        };
        let Some(tzid) = tzid else { return };
        let calendar = self.calendar();
        let zones = &mut self.scan.calendars[calendar].zones;
        // Later definitions of one TZID are repetitions.
        if zones.len() < MAX_ZONES {
            zones.entry(tzid).or_insert(text);
        }
    }

    fn calendar_property(&mut self, name: &str, rest: &str) {
        let Some(calendar) = self.scan.calendars.last_mut() else {
            return;
        };
        let value = property_value(rest);
        if value.is_empty() {
            return;
        }
        match name.to_ascii_uppercase().as_str() {
            "X-WR-CALNAME" => calendar.name = Some(unescape(value)),
            "NAME" if calendar.name.is_none() => calendar.name = Some(unescape(value)),
            "X-WR-TIMEZONE" => calendar.zone = Some(unescape(value)),
            "METHOD" => calendar.cancels = value.eq_ignore_ascii_case("CANCEL"),
            _ => {}
        }
    }

    /// Index of the calendar the scanner is in; made up for components outside of any.
    fn calendar(&mut self) -> usize {
        if self.scan.calendars.is_empty() {
            self.scan.calendars.push(Calendar::default());
        }
        self.scan.calendars.len() - 1
    }

    /// UTF-8, or else Windows-1252, which every Latin-1 text is too; without control characters.
    fn decode(&mut self, number: u32, bytes: Cow<'_, [u8]>) -> String {
        let text = match String::from_utf8(bytes.into_owned()) {
            Ok(text) => text,
            Err(error) => {
                count(&mut self.scan.not_utf8, number);
                error.as_bytes().iter().map(|&byte| windows_1252(byte)).collect()
            }
        };
        // A zero width mark at the start of a line is a byte order mark of a file pasted into this one.
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        if !text.contains(is_control) {
            return text;
        }
        count(&mut self.scan.control, number);
        text.chars().filter(|&char| !is_control(char)).collect()
    }

    fn finish(mut self) -> Scan {
        self.scan.complete = self.open_calendars == 0 && matches!(self.inside, Inside::Nothing);
        self.scan
    }
}

fn count(what: &mut Option<(u32, u32)>, line: u32) {
    let (_, times) = what.get_or_insert((line, 0));
    *times = times.saturating_add(1);
}

/// Control characters other than the tab.
fn is_control(char: char) -> bool {
    char != '\t' && char.is_ascii_control()
}

/// One byte of Windows-1252. The five bytes it leaves open become the replacement character.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž', '\u{fffd}',
        '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// TEXT (RFC 5545 3.3.11) as people read it.
pub(super) fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('n' | 'N') => out.push('\n'),
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}
