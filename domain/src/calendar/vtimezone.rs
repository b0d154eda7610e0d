//! VTIMEZONE components: written for IANA zones, and cleaned when they come from a file.
//!
//! A feed always carries the definition of every zone it uses: some programs read a TZID without one as floating time.

use std::fmt::Write;

use jiff::civil::{DateTime, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// Longest definition of a zone kept from a file, in bytes: as [`crate::event::Zone::Custom`] promises.
pub(super) const MAX_DEFINITION_BYTES: usize = 16 * 1024;

/// Longest name of such a zone, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// The last year whose changes are written one by one; rules that hold until then are written as going on for ever. Zone
/// data files end here too.
const LAST_YEAR: i16 = 2_037;

/// Properties that a definition may have, apart from BEGIN and END.
const ALLOWED: [&str; 7] = [
    "TZID",
    "DTSTART",
    "RRULE",
    "RDATE",
    "TZOFFSETFROM",
    "TZOFFSETTO",
    "TZNAME",
];

/// The definition with nothing in it but what a zone needs, or nothing if it is none: exactly one VTIMEZONE, with only
/// complete STANDARD and DAYLIGHT parts, within [`MAX_DEFINITION_BYTES`]. Gives its own output back unchanged.
pub(super) fn sanitize(definition: &str) -> Option<String> {
    let mut out = String::with_capacity(definition.len());
    let mut part: Option<&str> = None;
    let (mut open, mut ended, mut parts, mut seen) = (false, false, 0, 0);
    for line in definition.split("\r\n").filter(|line| !line.is_empty()) {
        let name = line
            .split([':', ';'])
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_uppercase();
        let value = line
            .split_once(':')
            .map_or("", |(_, value)| value.trim())
            .to_ascii_uppercase();
        let rest = &line[line.find([':', ';']).unwrap_or(line.len())..];
        if ended || line.contains(char::is_control) {
            return None;
        }
        match (name.as_str(), value.as_str()) {
            ("BEGIN", "VTIMEZONE") if !open => open = true,
            ("BEGIN", "STANDARD") if open && part.is_none() => (part, seen) = (Some("STANDARD"), 0),
            ("BEGIN", "DAYLIGHT") if open && part.is_none() => (part, seen) = (Some("DAYLIGHT"), 0),
            ("END", end) if part == Some(end) => {
                // DTSTART, TZOFFSETFROM and TZOFFSETTO have to be there (RFC 5545 3.6.5).
                if seen != 0b111 {
                    return None;
                }
                part = None;
                parts += 1;
            }
            ("END", "VTIMEZONE") if part.is_none() => ended = true,
            ("BEGIN" | "END", _) => return None,
            (allowed, _) if ALLOWED.contains(&allowed) && (allowed == "TZID") == part.is_none() => {
                let bit = ["DTSTART", "TZOFFSETFROM", "TZOFFSETTO"]
                    .iter()
                    .position(|needed| *needed == allowed);
                seen |= bit.map_or(0, |bit| 1 << bit);
                let _ = write!(out, "{name}{rest}\r\n");
                continue;
            }
            _ => continue,
        }
        let _ = write!(out, "{name}:{value}\r\n");
    }
    (ended && parts > 0 && out.len() <= MAX_DEFINITION_BYTES).then_some(out)
}

/// A TZID as it can stand in a parameter.
pub(super) fn clean_name(tzid: &str) -> String {
    let mut name: String = tzid.chars().filter(|char| !char.is_control() && *char != '"').collect();
    super::clean::cut(&mut name, MAX_NAME_BYTES);
    name.trim().to_owned()
}

/// X-LIC-LOCATION: the IANA name some programs give beside one of their own.
pub(super) fn location(definition: &str) -> Option<String> {
    let line = definition.split("\r\n").find(|line| {
        line.get(..15)
            .is_some_and(|name| name.eq_ignore_ascii_case("X-LIC-LOCATION:"))
    })?;
    Some(line[15..].trim().to_owned())
}

/// A change of offset, in the words of a VTIMEZONE.
#[derive(Debug, Clone)]
struct Change {
    /// The wall clock just before the change (RFC 5545 3.6.5).
    at: DateTime,
    from: Offset,
    to: Offset,
    name: String,
    daylight: bool,
}

/// Changes at the same time of year, year after year.
#[derive(Debug)]
struct Run {
    changes: Vec<Change>,
}

/// The VTIMEZONE of an IANA zone, right from `since` on: content lines with CRLF, not folded.
pub(super) fn generate(tzid: &str, tz: &TimeZone, since: Timestamp) -> String {
    let changes = changes(tz, since);
    let mut out = format!("BEGIN:VTIMEZONE\r\nTZID:{tzid}\r\n");
    if changes.is_empty() {
        let info = tz.to_offset_info(since);
        let fixed = Change {
            at: DateTime::constant(1970, 1, 1, 0, 0, 0, 0),
            from: info.offset(),
            to: info.offset(),
            name: info.abbreviation().to_owned(),
            daylight: false,
        };
        write_run(&mut out, &Run { changes: vec![fixed] });
    }
    for run in runs(changes) {
        write_run(&mut out, &run);
    }
    out.push_str("END:VTIMEZONE\r\n");
    out
}

/// The last change at or before `since`, and all after it to the end of [`LAST_YEAR`].
fn changes(tz: &TimeZone, since: Timestamp) -> Vec<Change> {
    let second = SignedDuration::from_secs(1);
    let after = since.checked_add(second).unwrap_or(since);
    let first = tz.preceding(after).next().map_or(since, |change| change.timestamp());
    let from = first.checked_sub(second).unwrap_or(first);
    let mut changes = Vec::new();
    let mut offset = tz.to_offset(from);
    for transition in tz.following(from) {
        let at = offset.to_datetime(transition.timestamp());
        if at.year() > LAST_YEAR {
            break;
        }
        let to = transition.offset();
        // A new name alone is no change of the clock.
        if to != offset || changes.is_empty() {
            changes.push(Change {
                at,
                from: offset,
                to,
                name: transition.abbreviation().to_owned(),
                daylight: transition.dst().is_dst(),
            });
        }
        offset = to;
    }
    changes
}

/// Puts changes together that one yearly rule can say.
fn runs(changes: Vec<Change>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for change in changes {
        let fitting = runs.iter_mut().rev().find(|run| {
            let last = &run.changes[run.changes.len() - 1];
            last.at.year() + 1 == change.at.year()
                && last.at.month() == change.at.month()
                && last.at.time() == change.at.time()
                && (last.from, last.to, last.daylight, &last.name)
                    == (change.from, change.to, change.daylight, &change.name)
                && by_day(run.changes.iter().chain([&change])).is_some()
        });
        match fitting {
            Some(run) => run.changes.push(change),
            None => runs.push(Run { changes: vec![change] }),
        }
    }
    runs
}

/// The part of a yearly rule that gives all of these days, if there is one.
fn by_day<'a>(changes: impl Iterator<Item = &'a Change> + Clone) -> Option<String> {
    let first = changes.clone().next()?;
    let weekday = first.at.weekday();
    if changes.clone().any(|change| change.at.weekday() != weekday) {
        return None;
    }
    let day = weekday_name(weekday);
    let last_of_month = |change: &Change| change.at.day() + 7 > change.at.days_in_month();
    if changes.clone().all(last_of_month) {
        return Some(format!("BYDAY=-1{day}"));
    }
    let nth = (first.at.day() - 1) / 7;
    if changes.clone().all(|change| (change.at.day() - 1) / 7 == nth) {
        return Some(format!("BYDAY={}{day}", nth + 1));
    }
    // The first such weekday on or after a day of the month.
    let low = changes.clone().map(|change| change.at.day()).min()?;
    let high = changes.clone().map(|change| change.at.day()).max()?;
    if high - low > 6 || low + 6 > 28 {
        return None;
    }
    let days: Vec<String> = (low..low + 7).map(|day| day.to_string()).collect();
    Some(format!("BYDAY={day};BYMONTHDAY={}", days.join(",")))
}

const fn weekday_name(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "MO",
        Weekday::Tuesday => "TU",
        Weekday::Wednesday => "WE",
        Weekday::Thursday => "TH",
        Weekday::Friday => "FR",
        Weekday::Saturday => "SA",
        Weekday::Sunday => "SU",
    }
}

fn write_run(out: &mut String, run: &Run) {
    let first = &run.changes[0];
    let last = &run.changes[run.changes.len() - 1];
    let kind = if first.daylight { "DAYLIGHT" } else { "STANDARD" };
    let _ = write!(
        out,
        "BEGIN:{kind}\r\nDTSTART:{}\r\nTZOFFSETFROM:{}\r\nTZOFFSETTO:{}\r\nTZNAME:{}\r\n",
        first.at.strftime("%Y%m%dT%H%M%S"),
        offset_text(first.from),
        offset_text(first.to),
        first.name,
    );
    if run.changes.len() > 1
        && let Some(days) = by_day(run.changes.iter())
    {
        let _ = write!(out, "RRULE:FREQ=YEARLY;BYMONTH={};{days}", first.at.month());
        if last.at.year() < LAST_YEAR {
            // UNTIL is in UTC here (RFC 5545 3.6.5).
            if let Ok(until) = last.from.to_timestamp(last.at) {
                let _ = write!(out, ";UNTIL={}", until.strftime("%Y%m%dT%H%M%SZ"));
            }
        }
        out.push_str("\r\n");
    }
    let _ = write!(out, "END:{kind}\r\n");
}

/// UTC-OFFSET (RFC 5545 3.3.14).
fn offset_text(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if rest == 0 {
        format!("{sign}{hours:02}{minutes:02}")
    } else {
        format!("{sign}{hours:02}{minutes:02}{rest:02}")
    }
}
