//! Days and times as people write them, in the reader's language and with the zone said.

use std::sync::LazyLock;

use interhub_domain::event::{LocalTime, Occurrence};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

use super::words::{Words, fill};

/// The zones that come with the program: the same on every machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
/// A zone's own name is cut to this many characters.
const MAX_ZONE_CHARS: usize = 40;
/// An evening that ends after midnight is still one evening: up to this hour the end needs no date.
const NIGHT_ENDS_HOUR: i8 = 6;

/// Between the two times of an evening; they stay on one line, for which the dash needs a word joiner, too.
const TO: &str = "\u{a0}–\u{2060}\u{a0}";

/// Who reads: the language, the clock, and the moment.
pub(crate) struct Reader {
    /// The language.
    pub(crate) words: &'static Words,
    /// The zone the reader chose, or the house's.
    pub(crate) zone: TimeZone,
    /// What that zone's clock is called: its town.
    pub(crate) city: String,
    /// The moment, Unix milliseconds.
    pub(crate) now_ms: i64,
}

/// When something is, in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct When {
    /// The time alone, for a list under a day: `18:30 – 20:00`.
    pub(crate) time: String,
    /// With the day: `Fri 4 March, 18:30 – 20:00`.
    pub(crate) full: String,
    /// The zone in words, unless it is a whole day.
    pub(crate) zone: Option<String>,
    /// The same start on the reader's clock, where that differs.
    pub(crate) here: Option<String>,
    /// Start for machines: RFC 3339 with offset, or a date.
    pub(crate) start_iso: String,
    /// End for machines, exclusive.
    pub(crate) end_iso: String,
}

/// A zone by its IANA name, in whatever case; `None` if there is none of this name.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok().filter(|zone| !zone.is_unknown())
}

/// A zone by its IANA name; UTC if the name is unknown.
pub(crate) fn zone_named(name: &str) -> TimeZone {
    zone(name).unwrap_or(TimeZone::UTC)
}

/// A zone's name as a place: `America/New_York` is `New York`.
pub(crate) fn city_of_zone(name: &str) -> String {
    let city = name.rsplit('/').next().unwrap_or(name).replace('_', " ");
    super::text::one_line(&city, MAX_ZONE_CHARS)
}

impl Reader {
    /// The reader's wall clock at a moment.
    pub(crate) fn wall(&self, at_ms: i64) -> DateTime {
        wall_in(&self.zone, at_ms)
    }

    /// Today, on the reader's calendar.
    pub(crate) fn today(&self) -> Date {
        self.wall(self.now_ms).date()
    }

    /// `Friday 4 March`, with the year if it is not this one.
    pub(crate) fn date_long(&self, date: Date) -> String {
        let words = self.words;
        let pattern = if date.year() == self.today().year() {
            words.date_long
        } else {
            words.date_long_year
        };
        written(pattern, date, &words.weekdays, &words.months)
    }

    /// `Fri 4 Mar`, with the year if it is not this one.
    pub(crate) fn date_short(&self, date: Date) -> String {
        let words = self.words;
        let pattern = if date.year() == self.today().year() {
            words.date_short
        } else {
            words.date_short_year
        };
        written(pattern, date, &words.weekdays_short, &words.months_short)
    }

    /// A moment on the reader's clock: `09:12` today, `Sat 21 Nov, 09:12` on other days.
    pub(crate) fn moment(&self, at_ms: i64) -> String {
        let wall = self.wall(at_ms);
        if wall.date() == self.today() {
            clock(wall)
        } else {
            format!("{}, {}", self.date_short(wall.date()), clock(wall))
        }
    }

    /// When an occurrence is. `city` names the event's zone.
    pub(crate) fn when(&self, occurrence: &Occurrence, city: &str) -> When {
        match (occurrence.start, occurrence.end) {
            (LocalTime::Date(start), end) => self.whole_days(start, end.date()),
            (LocalTime::DateTime(start), end) => self.timed(occurrence, start, end.date_time(), city),
        }
    }

    fn whole_days(&self, start: Date, end: Date) -> When {
        let last = end.yesterday().unwrap_or(end).max(start);
        let all_day = self.words.all_day;
        let (time, full) = if last == start {
            (
                all_day.to_owned(),
                format!("{}, {}", self.date_long(start), lower_first(all_day)),
            )
        } else {
            (
                fill(self.words.all_day_until, &[("date", &self.date_short(last))]),
                format!("{} – {}", self.date_long(start), self.date_long(last)),
            )
        };
        When {
            time,
            full,
            zone: None,
            here: None,
            start_iso: start.to_string(),
            end_iso: end.to_string(),
        }
    }

    fn timed(&self, occurrence: &Occurrence, start: DateTime, end: DateTime, city: &str) -> When {
        let words = self.words;
        let short_night = start.date().tomorrow().ok() == Some(end.date()) && end.hour() < NIGHT_ENDS_HOUR;
        let until = if end <= start {
            String::new()
        } else if end.date() == start.date() || short_night {
            format!("{TO}{}", clock(end))
        } else {
            format!(" – {}, {}", self.date_short(end.date()), clock(end))
        };
        let time = format!("{}{until}", clock(start));
        let full = format!("{}, {time}", self.date_long(start.date()));
        let wall = self.wall(occurrence.start_ms);
        let here = (wall != start).then(|| {
            let time = if wall.date() == start.date() {
                clock(wall)
            } else {
                format!("{}, {}", self.date_short(wall.date()), clock(wall))
            };
            fill(words.reader_time, &[("time", &time), ("city", &self.city)])
        });
        When {
            time,
            full,
            zone: Some(if city == "UTC" {
                city.to_owned()
            } else {
                fill(words.zone, &[("city", city)])
            }),
            here,
            start_iso: with_offset(start, occurrence.start_ms),
            end_iso: with_offset(end, occurrence.end_ms),
        }
    }
}

/// The wall clock of a zone at a moment; the epoch if the moment is out of range.
pub(crate) fn wall_in(zone: &TimeZone, at_ms: i64) -> DateTime {
    zone.to_datetime(Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// `2027-03-04T18:30:00+01:00`. The offset is the difference between the wall time and the instant it stands for, so
/// that zones defined by an event itself come out right, too.
fn with_offset(wall: DateTime, at_ms: i64) -> String {
    let as_utc = TimeZone::UTC
        .to_timestamp(wall)
        .map_or(at_ms, Timestamp::as_millisecond);
    let minutes = (as_utc - at_ms) / 60_000;
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!(
        "{}{sign}{:02}:{:02}",
        wall.strftime("%Y-%m-%dT%H:%M:%S"),
        minutes / 60,
        minutes % 60
    )
}

/// A date by a pattern of words.
fn written(pattern: &str, date: Date, weekdays: &[&str; 7], months: &[&str; 12]) -> String {
    let (day, year) = (date.day().to_string(), date.year().to_string());
    fill(
        pattern,
        &[
            ("weekday", weekdays[weekday_index(date.weekday())]),
            ("day", &day),
            ("month", months[month_index(date)]),
            ("year", &year),
        ],
    )
}

/// `18:30`.
pub(crate) fn clock(wall: DateTime) -> String {
    format!("{:02}:{:02}", wall.hour(), wall.minute())
}

/// Monday is 0.
pub(crate) fn weekday_index(weekday: Weekday) -> usize {
    usize::try_from(weekday.to_monday_zero_offset()).unwrap_or(0)
}

/// January is 0.
pub(crate) fn month_index(date: Date) -> usize {
    usize::try_from(date.month() - 1).unwrap_or(0)
}

/// Monday and next Monday of the week a day is in.
pub(crate) fn week_of(day: Date) -> (Date, Date) {
    let back = i64::from(day.weekday().to_monday_zero_offset());
    let monday = day.saturating_sub(back.days());
    (monday, monday.saturating_add(7.days()))
}

/// The first letter in lower case, for use inside a sentence.
fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::web::words;
    use interhub_domain::event::Status;
    use jiff::civil::{date, datetime};

    fn reader(tag: &str) -> Reader {
        Reader {
            words: words::by_tag(tag).unwrap(),
            zone: zone_named("Europe/London"),
            city: "Birmingham".to_owned(),
            now_ms: "2026-11-22T09:12:00Z".parse::<Timestamp>().unwrap().as_millisecond(),
        }
    }

    fn occurrence(start: LocalTime, end: LocalTime, zone: &str) -> Occurrence {
        let instant = |t: LocalTime| zone_named(zone).to_timestamp(t.date_time()).unwrap().as_millisecond();
        Occurrence {
            start,
            end,
            start_ms: instant(start),
            end_ms: instant(end),
            recurrence_id: None,
            status: Status::Confirmed,
            override_index: None,
        }
    }

    #[test]
    fn an_evening_abroad() {
        let start = LocalTime::DateTime(datetime(2026, 11, 27, 18, 30, 0, 0));
        let end = LocalTime::DateTime(datetime(2026, 11, 28, 1, 0, 0, 0));
        let when = reader("en").when(&occurrence(start, end, "Europe/Vienna"), "Vienna");
        assert_eq!(when.time, "18:30\u{a0}–\u{2060}\u{a0}01:00");
        assert_eq!(when.full, "Friday 27 November, 18:30\u{a0}–\u{2060}\u{a0}01:00");
        assert_eq!(when.zone.as_deref(), Some("Vienna time"));
        assert_eq!(when.here.as_deref(), Some("17:30 in Birmingham"));
        assert_eq!(when.start_iso, "2026-11-27T18:30:00+01:00");
        assert_eq!(when.end_iso, "2026-11-28T01:00:00+01:00");
        let when = reader("en").when(&occurrence(start, end, "Europe/London"), "Birmingham");
        assert_eq!(when.here, None);
    }

    #[test]
    fn whole_days() {
        let (start, end) = (LocalTime::Date(date(2027, 1, 2)), LocalTime::Date(date(2027, 1, 3)));
        let when = reader("de").when(&occurrence(start, end, "UTC"), "UTC");
        assert_eq!(
            (when.time.as_str(), when.full.as_str()),
            ("Ganztägig", "Samstag, 2. Januar 2027, ganztägig")
        );
        assert_eq!((when.start_iso.as_str(), when.zone), ("2027-01-02", None));
        let when = reader("en").when(&occurrence(start, LocalTime::Date(date(2027, 1, 5)), "UTC"), "UTC");
        assert_eq!(when.full, "Saturday 2 January 2027 – Monday 4 January 2027");
        assert_eq!(when.time, "All day, until Mon 4 Jan 2027");
    }

    #[test]
    fn long_and_zero_lengths() {
        let start = LocalTime::DateTime(datetime(2026, 11, 22, 18, 0, 0, 0));
        let end = LocalTime::DateTime(datetime(2026, 11, 24, 14, 0, 0, 0));
        assert_eq!(
            reader("es").when(&occurrence(start, end, "UTC"), "UTC").time,
            "18:00 – mar 24 nov, 14:00"
        );
        assert_eq!(reader("en").when(&occurrence(start, start, "UTC"), "UTC").time, "18:00");
    }

    #[test]
    fn moments_and_weeks() {
        let reader = reader("en");
        assert_eq!(reader.moment(reader.now_ms), "09:12");
        assert_eq!(reader.moment(reader.now_ms - 86_400_000), "Sat 21 Nov, 09:12");
        assert_eq!(week_of(date(2026, 11, 22)), (date(2026, 11, 16), date(2026, 11, 23)));
        assert_eq!(city_of_zone("America/Argentina/Buenos_Aires"), "Buenos Aires");
        assert_eq!(reader.wall(i64::MAX).year(), 1970);
    }
}
