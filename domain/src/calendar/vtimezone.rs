//! VTIMEZONE components: written for IANA zones, and cleaned when they come from a file.
//!
//! A feed always carries the definition of every zone it uses: some programs read a TZID without one as floating time.

use std::fmt::Write;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::rule::strict::{self, day_name};
use super::zone;
use crate::event::LocalTime;

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
    let mut lines: Vec<(String, &str)> = Vec::new();
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
                write_part(&mut out, &lines);
                lines.clear();
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
                if part.is_some() {
                    lines.push((name, rest));
                } else {
                    let _ = write!(out, "{name}{rest}\r\n");
                }
                continue;
            }
            _ => continue,
        }
        let _ = write!(out, "{name}:{value}\r\n");
    }
    (ended && parts > 0 && out.len() <= MAX_DEFINITION_BYTES).then_some(out)
}

/// The lines of one STANDARD or DAYLIGHT, names and what follows them, with rules that every reader understands. UNTIL is in
/// UTC here (RFC 5545 3.6.5), and the clock from which the part changes is the one it counts by.
fn write_part(out: &mut String, lines: &[(String, &str)]) {
    let value = |wanted: &str| {
        let line = lines.iter().rev().find(|(name, _)| name == wanted)?;
        Some(line.1.split_once(':')?.1.trim())
    };
    let start = value("DTSTART").and_then(zone::onset).map(LocalTime::DateTime);
    let offset = value("TZOFFSETFROM").and_then(zone::offset_seconds);
    let offset = offset.and_then(|seconds| Offset::from_seconds(i32::try_from(seconds).ok()?).ok());
    let clock = offset.map(TimeZone::fixed);
    for (name, rest) in lines {
        let (true, Some(start), Some(clock)) = (name == "RRULE", start, &clock) else {
            let _ = write!(out, "{name}{rest}\r\n");
            continue;
        };
        let rule = rest.split_once(':').map_or("", |(_, rule)| rule.trim());
        if let Some(rule) = strict::text(rule, start, clock) {
            let _ = write!(out, "RRULE:{rule}\r\n");
        }
    }
}

/// A clean definition under another name.
pub(super) fn named(definition: &str, tzid: &str) -> String {
    let mut out = String::with_capacity(definition.len() + tzid.len());
    for line in definition.split("\r\n").filter(|line| !line.is_empty()) {
        if line == "BEGIN:VTIMEZONE" {
            let _ = write!(out, "{line}\r\nTZID:{}\r\n", super::export::escape(tzid));
        } else if !line.starts_with("TZID") {
            let _ = write!(out, "{line}\r\n");
        }
    }
    out
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
                && by_day(&run.changes, Some(&change)).is_some()
        });
        match fitting {
            Some(run) => run.changes.push(change),
            None => runs.push(Run { changes: vec![change] }),
        }
    }
    runs
}

/// The part of a yearly rule that gives all of these days, and one more if given, if there is one.
fn by_day(changes: &[Change], more: Option<&Change>) -> Option<String> {
    let all = || changes.iter().chain(more).map(|change| change.at);
    let first = all().next()?;
    if all().any(|at| at.weekday() != first.weekday()) {
        return None;
    }
    let day = day_name(first.weekday());
    if all().all(|at| at.day() + 7 > at.days_in_month()) {
        return Some(format!("BYDAY=-1{day}"));
    }
    let nth = (first.day() - 1) / 7;
    if all().all(|at| (at.day() - 1) / 7 == nth) {
        return Some(format!("BYDAY={}{day}", nth + 1));
    }
    // The first such weekday on or after a day of the month.
    let low = all().map(DateTime::day).min()?;
    let high = all().map(DateTime::day).max()?;
    if high - low > 6 || low + 6 > 28 {
        return None;
    }
    let days: Vec<String> = (low..low + 7).map(|day| day.to_string()).collect();
    Some(format!("BYDAY={day};BYMONTHDAY={}", days.join(",")))
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
        && let Some(days) = by_day(&run.changes, None)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use jiff::{SignedDuration, Timestamp};

    use super::{generate, sanitize};
    use crate::calendar::zone;
    use crate::event::Zone;

    /// Zones with whole, odd, southern, moving, past and no changes.
    const NAMES: [&str; 12] = [
        "Europe/Vienna",
        "Europe/London",
        "Europe/Dublin",
        "America/New_York",
        "America/Indiana/Indianapolis",
        "America/Sao_Paulo",
        "Asia/Kolkata",
        "Asia/Jerusalem",
        "Africa/Casablanca",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Asia/Tehran",
    ];

    fn check(name: &str, since: &str) {
        let tz = zone::lookup(&Zone::Named(name.to_owned())).unwrap();
        let since: Timestamp = since.parse().unwrap();
        let definition = generate("Written", &tz, since);
        assert_eq!(sanitize(&definition).as_deref(), Some(definition.as_str()), "{name}");
        let custom = Zone::Custom {
            name: "Written".to_owned(),
            definition: definition.clone(),
        };
        let read = zone::lookup(&custom).unwrap();
        // Every third day or so, at all times of day, until the list of changes ends.
        let (mut second, end) = (since.as_second(), 2_114_380_800);
        while second < end {
            let at = Timestamp::from_second(second).unwrap();
            assert_eq!(read.to_offset(at), tz.to_offset(at), "{name} at {at}\n{definition}");
            second += 3 * 86_400 + 3_617;
        }
    }

    #[test]
    fn written_zones_have_the_offsets_of_the_database() {
        for name in NAMES {
            check(name, "2026-11-22T12:00:00Z");
            check(name, "1995-06-01T00:00:00Z");
        }
    }

    #[test]
    fn a_zone_of_today_is_short() {
        let tz = zone::lookup(&Zone::Named("Europe/Vienna".to_owned())).unwrap();
        let text = generate("Europe/Vienna", &tz, "2026-11-22T12:00:00Z".parse().unwrap());
        assert_eq!(
            text,
            "BEGIN:VTIMEZONE\r\nTZID:Europe/Vienna\r\n\
             BEGIN:STANDARD\r\nDTSTART:20261025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\n\
             RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\n\
             BEGIN:DAYLIGHT\r\nDTSTART:20270328T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\n\
             RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
        );
    }

    #[test]
    fn rules_of_a_definition_are_put_right_and_mean_the_same() {
        let written = "BEGIN:VTIMEZONE\r\nTZID:Own\r\n\
             BEGIN:DAYLIGHT\r\nRRULE:FREQ=YEARLY;UNTIL=20300331T020000;BYMONTH=3;BYDAY=-1SU\r\n\
             DTSTART:20200329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\n\
             BEGIN:STANDARD\r\nDTSTART:20201025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n\
             RRULE:UNTIL=20291028;FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;X-A=B\r\n\
             RRULE:FREQ=NEVER\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";
        let clean = sanitize(written).unwrap();
        assert_eq!(
            clean,
            written
                .replace("20300331T020000", "20300331T010000Z")
                .replace(
                    "UNTIL=20291028;FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;X-A=B",
                    "FREQ=YEARLY;UNTIL=20291028T215959Z;BYMONTH=10;BYDAY=-1SU",
                )
                .replace("RRULE:FREQ=NEVER\r\n", "")
        );
        assert_eq!(sanitize(&clean).as_ref(), Some(&clean));
        let offsets = |definition: &str| -> Vec<_> {
            let (name, definition) = ("Own".to_owned(), definition.to_owned());
            let zone = zone::lookup(&Zone::Custom { name, definition }).unwrap();
            let since: Timestamp = "2019-01-01T00:30:00Z".parse().unwrap();
            let hours = (0..100_000).map(|hour| since + SignedDuration::from_hours(hour));
            let mut offsets: Vec<_> = hours.map(|at| (at, zone.to_offset(at))).collect();
            offsets.dedup_by_key(|(_, offset)| *offset);
            offsets
        };
        assert_eq!(offsets(&clean), offsets(written));
        // From 2020 to 2030 on, and back till 2029.
        assert_eq!(offsets(&clean).len(), 22);
    }

    #[test]
    fn a_definition_cannot_carry_anything_else() {
        let part =
            "BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n";
        let zone = |inside: &str| format!("BEGIN:VTIMEZONE\r\nTZID:A\r\n{inside}END:VTIMEZONE\r\n");
        assert!(sanitize(&zone(part)).is_some());
        assert_eq!(sanitize(&zone(&format!("X-A:b\r\n{part}"))), Some(zone(part)));
        let event = "BEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n";
        for hostile in [
            zone(""),
            zone(&format!("{event}{part}")),
            format!("{}{event}", zone(part)),
            zone(&part.replace("TZOFFSETTO:+0100\r\n", "")),
            zone(&part.replace("+0100\r\nTZ", "+0100\nUID:1\r\nTZ")),
            zone(&part.repeat(1_000)),
            String::new(),
        ] {
            assert_eq!(sanitize(&hostile), None, "{hostile}");
        }
    }
}
