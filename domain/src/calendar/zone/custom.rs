//! Reading a VTIMEZONE and compiling it to the binary form zones have (TZif, RFC 9636).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::calendar::days;
use crate::calendar::rule::walk::{Budget, Span, Walk};
use crate::calendar::rule::{Rule, Until};

/// The longest definition read, in bytes.
pub const MAX_DEFINITION_BYTES: usize = 16 * 1024;

/// How many clock changes a definition may give.
const MAX_CHANGES: usize = 4096;

/// How many days and periods its rules may make us look at.
const MAX_STEPS: u64 = 1_000_000;

/// Changes are computed from this year on; an earlier onset counts as if at its beginning.
const FIRST_YEAR: i64 = 1900;

/// Changes are computed to the end of this year; after it the last offset stays.
const LAST_YEAR: i64 = 2200;

/// The largest offset from UTC taken, in seconds.
const MAX_OFFSET: i64 = 93_599;

/// One STANDARD or DAYLIGHT component.
#[derive(Debug, Default)]
struct Observance {
    daylight: bool,
    name: String,
    start: Option<DateTime>,
    from: Option<i64>,
    to: Option<i64>,
    rules: Vec<Rule>,
    dates: Vec<DateTime>,
}

/// A change of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Change<'a> {
    /// Unix seconds.
    at: i64,
    before: i64,
    after: i64,
    daylight: bool,
    name: &'a str,
}

/// The rules of a VTIMEZONE; `None` if it is too long or has no observance that can be read.
pub(super) fn compile(name: &str, definition: &str) -> Option<TimeZone> {
    if definition.len() > MAX_DEFINITION_BYTES {
        return None;
    }
    let observances = read(definition);
    let changes = changes(&observances)?;
    TimeZone::tzif(name, &encode(&changes)?).ok()
}

/// Splits content lines, joined again where they were folded.
fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n').map(|line| line.trim_end_matches('\r')) {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

fn read(definition: &str) -> Vec<Observance> {
    let mut done = Vec::new();
    let mut open: Option<Observance> = None;
    for line in unfold(definition) {
        let Some((head, value)) = line.split_once(':') else {
            continue;
        };
        let name = head.split(';').next().unwrap_or_default().to_ascii_uppercase();
        let value = value.trim();
        match (name.as_str(), value.to_ascii_uppercase().as_str()) {
            ("BEGIN", kind @ ("STANDARD" | "DAYLIGHT")) => {
                open = Some(Observance {
                    daylight: kind == "DAYLIGHT",
                    ..Observance::default()
                });
            }
            ("END", "STANDARD" | "DAYLIGHT") => done.extend(open.take()),
            _ => {
                if let Some(observance) = &mut open {
                    property(observance, &name, value);
                }
            }
        }
    }
    done
}

fn property(observance: &mut Observance, name: &str, value: &str) {
    match name {
        "TZNAME" => observance.name = value.chars().filter(char::is_ascii_alphanumeric).take(16).collect(),
        "DTSTART" => observance.start = onset(value),
        "TZOFFSETFROM" => observance.from = offset_seconds(value),
        "TZOFFSETTO" => observance.to = offset_seconds(value),
        "RRULE" => observance.rules.extend(value.parse()),
        "RDATE" => observance.dates.extend(value.split(',').filter_map(onset)),
        _ => {}
    }
}

/// Reads `20070311T020000`, with or without `Z`, and a date as its midnight.
pub(in crate::calendar) fn onset(value: &str) -> Option<DateTime> {
    let value = value.trim().trim_end_matches('Z');
    // A period's start.
    let value = value.split('/').next()?;
    let (day, time) = value.split_once('T').unwrap_or((value, "000000"));
    if day.len() != 8 || time.len() != 6 {
        return None;
    }
    let number = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let small = |text: &str, from: usize, to: usize| i8::try_from(number(text, from, to)?).ok();
    let date = jiff::civil::Date::new(number(day, 0, 4)?, small(day, 4, 6)?, small(day, 6, 8)?).ok()?;
    let time = jiff::civil::Time::new(small(time, 0, 2)?, small(time, 2, 4)?, small(time, 4, 6)?.min(59), 0).ok()?;
    Some(date.to_datetime(time))
}

/// Reads `+0100`, `-053015` and the like, in seconds.
pub(in crate::calendar) fn offset_seconds(value: &str) -> Option<i64> {
    let (sign, digits) = match value.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, value.strip_prefix('+').unwrap_or(value)),
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize| {
        digits
            .get(from..from + 2)
            .map_or(Some(0), |part| part.parse::<i64>().ok())
    };
    let seconds = part(0)? * 3600 + part(2)? * 60 + part(4)?;
    (seconds <= MAX_OFFSET).then_some(sign * seconds)
}

/// All changes in order of time, one for each instant; `None` if there are none or too many.
fn changes(observances: &[Observance]) -> Option<Vec<Change<'_>>> {
    let mut changes = Vec::new();
    let mut budget = Budget::new(MAX_STEPS, MAX_CHANGES as u64);
    for observance in observances {
        let (Some(start), Some(to)) = (observance.start, observance.to) else {
            continue;
        };
        let before = observance.from.unwrap_or(to);
        let mut onset = |local: i64| {
            changes.push(Change {
                at: local - before,
                before,
                after: to,
                daylight: observance.daylight,
                name: &observance.name,
            });
        };
        onset(days::seconds(start));
        for date in observance.dates.iter().take(MAX_CHANGES) {
            onset(days::seconds(*date));
        }
        for rule in &observance.rules {
            let mut walk = Walk::new(rule, span(rule, start, before));
            while let Some(local) = walk.next(&mut budget) {
                onset(local);
            }
        }
    }
    if budget.is_spent() || changes.is_empty() || changes.len() > MAX_CHANGES {
        return None;
    }
    // Onsets of past centuries tell only which offset holds first.
    let floor = days::day_of(FIRST_YEAR, 1, 1) * days::DAY;
    changes.sort_unstable();
    let early = changes.partition_point(|change| change.at < floor).saturating_sub(1);
    changes.drain(..early);
    changes.dedup_by_key(|change| change.at);
    Some(changes)
}

fn span(rule: &Rule, start: DateTime, before: i64) -> Span {
    let start = days::seconds(start);
    let until = match rule.until {
        Some(Until::Date(date)) => days::number(date) * days::DAY + days::DAY - 1,
        Some(Until::Local(at)) => days::seconds(at),
        Some(Until::Utc(at)) => days::seconds(at) + before,
        None => i64::MAX,
    };
    let last = days::day_of(LAST_YEAR + 1, 1, 1) * days::DAY - 1;
    let first = days::day_of(FIRST_YEAR - 1, 1, 1) * days::DAY;
    Span {
        start,
        from: start.max(first),
        to: last.min(until),
        whole_days: false,
        counted: 0,
    }
}

/// Writes version 2 of TZif: an empty block of version 1, then the one that counts, with 64-bit times and no footer.
fn encode(changes: &[Change<'_>]) -> Option<Vec<u8>> {
    let first = changes.first()?;
    let mut kinds: Vec<(i64, bool, &str)> = vec![(first.before, false, "")];
    let mut indices = Vec::with_capacity(changes.len());
    for change in changes {
        let kind = (change.after, change.daylight, change.name);
        let index = kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
            kinds.push(kind);
            kinds.len() - 1
        });
        indices.push(u8::try_from(index).ok()?);
    }
    let mut names = Vec::new();
    let mut types = Vec::new();
    for (offset, daylight, name) in &kinds {
        types.extend(i32::try_from(*offset).ok()?.to_be_bytes());
        types.push(u8::from(*daylight));
        types.push(u8::try_from(names.len()).ok()?);
        names.extend(if name.is_empty() { b"-00" } else { name.as_bytes() });
        names.push(0);
    }
    let mut bytes = Vec::new();
    header(&mut bytes, [0, 0, 0, 0, 1, 1]);
    bytes.extend([0; 7]);
    let count = |length: usize| u32::try_from(length).ok();
    header(
        &mut bytes,
        [0, 0, 0, count(changes.len())?, count(kinds.len())?, count(names.len())?],
    );
    for change in changes {
        bytes.extend(change.at.to_be_bytes());
    }
    bytes.extend(indices);
    bytes.extend(types);
    bytes.extend(names);
    bytes.extend(b"\n\n");
    Some(bytes)
}

/// The six counts: UT indicators, standard indicators, leap seconds, changes, types, bytes of names.
fn header(bytes: &mut Vec<u8>, counts: [u32; 6]) {
    bytes.extend(b"TZif2");
    bytes.extend([0; 15]);
    for count in counts {
        bytes.extend(count.to_be_bytes());
    }
}
