//! From what an operator types to a schedule.

use interhub_domain::calendar::{rule, zone};
use interhub_domain::event::{LocalTime, Zone};
use jiff::civil::{Date, DateTime};

use super::CommandError;

/// Reads `2027-03-04`, `2027-03-04T18:30` or `2027-03-04T18:30:00`. An offset is refused: times are wall times in the
/// event's zone.
pub(super) fn parse_time(name: &str, text: &str) -> Result<LocalTime, CommandError> {
    let wrong = || {
        CommandError::usage(format!(
            "{name} {text:?} is not a date or a time; write 2027-03-04 or 2027-03-04T18:30, without a UTC offset"
        ))
    };
    if text.len() > 40 || text.ends_with('Z') || text.contains('+') || text.contains('[') {
        return Err(wrong());
    }
    if !text.contains('T') && !text.contains(' ') {
        return text.parse::<Date>().map(LocalTime::Date).map_err(|_| wrong());
    }
    let time: DateTime = text.parse().map_err(|_| wrong())?;
    let whole = time.with().subsec_nanosecond(0).build().map_err(|_| wrong())?;
    Ok(LocalTime::DateTime(whole))
}

/// An IANA zone by any of its usual names.
pub(super) fn parse_zone(text: &str) -> Result<Zone, CommandError> {
    zone::find_iana(text).map(Zone::Named).ok_or_else(|| {
        CommandError::usage(format!(
            "the time zone {text:?} is not known; write an IANA name such as Europe/Vienna"
        ))
    })
}

/// A recurrence rule.
pub(super) fn parse_rule(text: &str) -> Result<String, CommandError> {
    let text = text.strip_prefix("RRULE:").unwrap_or(text);
    rule::check(text).map_err(|error| CommandError::usage(format!("the recurrence rule is not valid: {error}")))?;
    Ok(text.to_owned())
}

/// How an event ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// At this time.
    At(String),
    /// So many seconds after it starts.
    After(u64),
}

/// Longest event in seconds: a year.
const MAX_DURATION_SECONDS: u64 = 366 * 24 * 3600;

/// The end of an event. An all-day event ends, exclusive, on the day after the last one named.
pub(super) fn end_of(start: LocalTime, ending: &Ending) -> Result<LocalTime, CommandError> {
    let end = match ending {
        Ending::At(text) => match (start, parse_time("the end", text)?) {
            (LocalTime::Date(_), LocalTime::Date(last)) => LocalTime::Date(next_day(last)?),
            (LocalTime::DateTime(_), end @ LocalTime::DateTime(_)) => end,
            _ => {
                return Err(CommandError::usage(
                    "start and end have to be both dates, or both times",
                ));
            }
        },
        Ending::After(seconds) => after(start, *seconds)?,
    };
    if end < start {
        return Err(CommandError::usage("the end lies before the start"));
    }
    Ok(end)
}

fn after(start: LocalTime, seconds: u64) -> Result<LocalTime, CommandError> {
    if seconds > MAX_DURATION_SECONDS {
        return Err(CommandError::usage("an event lasts a year at most"));
    }
    let too_late = |_| CommandError::usage("the event would end beyond the year 9999");
    let span = jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    match start {
        LocalTime::DateTime(time) => time.checked_add(span).map(LocalTime::DateTime).map_err(too_late),
        LocalTime::Date(date) if seconds.is_multiple_of(86_400) => {
            date.checked_add(span).map(LocalTime::Date).map_err(too_late)
        }
        LocalTime::Date(_) => Err(CommandError::usage(
            "an all-day event lasts whole days, for instance 2d",
        )),
    }
}

fn next_day(date: Date) -> Result<Date, CommandError> {
    date.tomorrow()
        .map_err(|_| CommandError::usage("the event would end beyond the year 9999"))
}

/// Where an event ends that gives no end: a day later for a date, at once for a time.
pub(super) fn default_end(start: LocalTime) -> Result<LocalTime, CommandError> {
    match start {
        LocalTime::Date(date) => next_day(date).map(LocalTime::Date),
        LocalTime::DateTime(_) => Ok(start),
    }
}
