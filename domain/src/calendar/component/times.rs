//! Dates, times and durations of one VEVENT, before their zones are looked up.

use calcard::common::PartialDateTime;
use calcard::icalendar::{ICalendarDuration, ICalendarEntry, ICalendarParameterName, ICalendarValue};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// Years in which events may start. Earlier ones are zero dates of programs; later ones leave no room for an end.
const YEARS: std::ops::RangeInclusive<i16> = 1_600..=9_998;

/// A date or time as it was written, before its zone is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::calendar) enum When {
    /// A whole day.
    Date(Date),
    /// A wall time without a zone.
    Floating(DateTime),
    /// A wall time in the zone of this TZID.
    Zoned(DateTime, String),
    /// An instant.
    Instant(Timestamp),
}

/// How an event says when it ends.
#[derive(Debug, Clone)]
pub(in crate::calendar) enum End {
    /// DTEND.
    At(When),
    /// DURATION: days are days on the wall clock, seconds are seconds (RFC 5545 3.3.6).
    After { days: i64, seconds: i64 },
    /// Neither.
    Unsaid,
}

/// The start of a value, for a message.
pub(super) fn shown(value: &ICalendarValue) -> String {
    value
        .as_text()
        .unwrap_or("?")
        .chars()
        .filter(|char| !char.is_control())
        .take(40)
        .collect()
}

pub(super) fn one_when(entry: &ICalendarEntry, name: &str) -> Result<When, String> {
    match entry.values.first() {
        Some(ICalendarValue::PartialDateTime(date)) => {
            when(date, entry).map_err(|reason| format!("{name} is not a date or time: {reason}"))
        }
        Some(other) => Err(format!("{name} is not a date or time: {}", shown(other))),
        None => Err(format!("{name} is empty")),
    }
}

/// A date or time with the zone its property names. The error says what is wrong with it.
pub(super) fn when(date: &PartialDateTime, entry: &ICalendarEntry) -> Result<When, String> {
    let day = civil_date(date)?;
    let Some(hour) = date.hour else {
        return Ok(When::Date(day));
    };
    let (minute, second) = (date.minute.unwrap_or(0), date.second.unwrap_or(0));
    let (day, hour) = match (hour, minute, second) {
        // The end of a day, as ISO 8601 writes it.
        (24, 0, 0) => (day.tomorrow().map_err(|_| "the year is out of range")?, 0),
        _ => (day, hour),
    };
    let small = |number: u8| i8::try_from(number).unwrap_or(i8::MAX);
    // A leap second is shown as the second before it.
    let time = Time::new(small(hour), small(minute), small(second.min(59)), 0)
        .map_err(|_| format!("{hour:02}:{minute:02} is not a time of day"))?;
    let wall = day.to_datetime(time);
    if let Some(hours) = date.tz_hour {
        let seconds = i32::from(hours) * 3_600 + i32::from(date.tz_minute.unwrap_or(0)) * 60;
        let seconds = if date.tz_minus { -seconds } else { seconds };
        return Offset::from_seconds(seconds)
            .and_then(|offset| offset.to_timestamp(wall))
            .map(When::Instant)
            .map_err(|_| "its offset from UTC is out of range".to_owned());
    }
    let tzid = entry
        .parameter(&ICalendarParameterName::Tzid)
        .and_then(|tzid| tzid.as_text())
        .unwrap_or("")
        .trim();
    if tzid.is_empty() {
        Ok(When::Floating(wall))
    } else {
        Ok(When::Zoned(wall, tzid.to_owned()))
    }
}

fn civil_date(date: &PartialDateTime) -> Result<Date, String> {
    let (Some(year), Some(month), Some(day)) = (date.year, date.month, date.day) else {
        return Err("it has no year, month and day".to_owned());
    };
    let number = i16::try_from(year).unwrap_or(i16::MAX);
    if !YEARS.contains(&number) {
        return Err(format!(
            "the year {year} is not between {} and {}",
            YEARS.start(),
            YEARS.end()
        ));
    }
    let small = |number: u8| i8::try_from(number).unwrap_or(i8::MAX);
    Date::new(number, small(month), small(day)).map_err(|_| format!("there is no day {year:04}-{month:02}-{day:02}"))
}

pub(super) fn days_and_seconds(duration: &ICalendarDuration) -> (i64, i64) {
    let sign = if duration.neg { -1 } else { 1 };
    let days = i64::from(duration.weeks) * 7 + i64::from(duration.days);
    let seconds = i64::from(duration.hours) * 3_600 + i64::from(duration.minutes) * 60 + i64::from(duration.seconds);
    (sign * days, sign * seconds)
}

/// An instant in Unix milliseconds; a time without a zone is read as UTC, which these properties have to be.
pub(super) fn millis(entry: &ICalendarEntry) -> Option<i64> {
    let when = one_when(entry, "").ok()?;
    let wall = match when {
        When::Instant(instant) => return Some(instant.as_millisecond()),
        When::Date(date) => date.to_datetime(Time::midnight()),
        When::Floating(wall) | When::Zoned(wall, _) => wall,
    };
    Offset::UTC.to_timestamp(wall).ok().map(Timestamp::as_millisecond)
}
