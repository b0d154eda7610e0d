//! Events: what one event document says, read totally.
//!
//! [`Event`] is plain data. Reading it from a document never fails: each field has a defined reading for a missing,
//! odd or conflicting value (an end before its start reads as the start).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

use crate::profile::Point;
use crate::query::language_matches;

/// Longest UID in characters.
pub const MAX_UID: usize = 255;
/// Longest title in characters.
pub const MAX_TITLE: usize = 1_000;
/// Longest summary in characters.
pub const MAX_SUMMARY: usize = 2_000;
/// Longest description in characters.
pub const MAX_DESCRIPTION: usize = 32_000;
/// Longest URL in characters.
pub const MAX_URL: usize = 2_000;
/// Longest place name in characters.
pub const MAX_PLACE: usize = 500;
/// Most tags.
pub const MAX_TAGS: usize = 32;
/// Longest tag in characters.
pub const MAX_TAG: usize = 64;
/// Most languages an event is translated into: each takes part of the one change that a new event has to fit in.
pub const MAX_TRANSLATIONS: usize = 8;
/// Most features, those included that this version has no words for: several times as many as there are.
pub const MAX_FEATURES: usize = 32;
/// Largest capacity; no stadium holds as many.
pub const MAX_CAPACITY: u32 = 1_000_000;

/// One event as people mean it: a single one, or a series with its exceptions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// iCalendar UID (RFC 5545 3.8.4.7), stable over all changes.
    pub uid: String,
    /// iCalendar SEQUENCE: counts significant revisions by the organiser.
    pub sequence: u32,
    /// Confirmed, tentative or cancelled.
    pub status: Status,
    /// The date is off, and there is no new one yet. Then the status is tentative: a cancelled event is not postponed any
    /// more. See [`Event::outward_status`] for what others are told.
    pub postponed: bool,
    /// One line.
    pub title: String,
    /// One or two sentences for lists; may be empty.
    pub summary: String,
    /// The whole text, plain; may be empty.
    pub description: String,
    /// BCP 47 language of the texts; empty when unknown.
    pub language: String,
    /// Categories, in the order given, no duplicates.
    pub tags: Vec<String>,
    /// Where; absent for events that are only online.
    pub location: Option<Location>,
    /// The event's own page; empty for none. http or https.
    pub url: String,
    /// Where to join online; empty for none. http or https.
    pub online_url: String,
    /// A picture; empty for none. http or https.
    pub image_url: String,
    /// Title and summary in other languages, by [canonical](crate::language::canonical) BCP 47 tag.
    pub translations: BTreeMap<String, Translation>,
    /// What it offers for access and company, as the words of [`crate::feature`]; words of later versions are kept.
    pub features: BTreeSet<String>,
    /// How many people there is room for, 1 to 1,000,000. Information only: nothing is counted against it.
    pub capacity: Option<u32>,
    /// When.
    pub schedule: Schedule,
    /// First written, Unix milliseconds.
    pub created_ms: i64,
    /// Last changed, Unix milliseconds.
    pub updated_ms: i64,
}

/// Some texts of an event in another language; what is empty is not translated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translation {
    /// One line.
    pub title: String,
    /// One or two sentences.
    pub summary: String,
}

/// A text, and the language it is in; empty when unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording<'a> {
    /// The text.
    pub text: &'a str,
    /// BCP 47.
    pub language: &'a str,
}

/// How people take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attendance {
    /// Where it takes place.
    InPlace,
    /// Online only.
    Online,
    /// Either way.
    Hybrid,
}

impl Attendance {
    /// What follows from where an event takes place and where it can be joined; `None` if neither is said.
    pub fn of(location: Option<&Location>, online_url: &str) -> Option<Self> {
        match (location.is_some(), !online_url.is_empty()) {
            (true, false) => Some(Self::InPlace),
            (false, true) => Some(Self::Online),
            (true, true) => Some(Self::Hybrid),
            (false, false) => None,
        }
    }

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InPlace => "in_place",
            Self::Online => "online",
            Self::Hybrid => "hybrid",
        }
    }
}

impl Event {
    /// The status for whoever knows the three of iCalendar alone. Nothing takes place at the time a postponed event still
    /// says, so it is cancelled until it has another.
    pub const fn outward_status(&self) -> Status {
        if self.postponed { Status::Cancelled } else { self.status }
    }

    /// It does not take place, whatever was said before.
    pub const fn cancel(&mut self) {
        (self.status, self.postponed) = (Status::Cancelled, false);
    }

    /// Its date is off, and there is no new one yet.
    pub const fn postpone(&mut self) {
        (self.status, self.postponed) = (Status::Tentative, true);
    }

    /// The title for readers of a language.
    pub fn title_in(&self, language: &str) -> Wording<'_> {
        self.wording(language, &self.title, |translation| &translation.title)
    }

    /// The summary for readers of a language.
    pub fn summary_in(&self, language: &str) -> Wording<'_> {
        self.wording(language, &self.summary, |translation| &translation.summary)
    }

    /// The languages in which there is something of the event, its own first.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        let own = std::iter::once(self.language.as_str()).filter(|language| !language.is_empty());
        own.chain(self.translations.keys().map(String::as_str))
    }

    /// The translations that hold for an occurrence: a title of its own is not the one they translate.
    pub fn translations_at(&self, occurrence: &Occurrence) -> impl Iterator<Item = (&String, Translation)> {
        let change = occurrence
            .override_index
            .and_then(|index| self.schedule.overrides.get(index));
        let own_title = change.is_some_and(|change| change.title.is_some());
        let all = self.translations.iter().map(move |(tag, translation)| {
            let mut translation = translation.clone();
            if own_title {
                translation.title.clear();
            }
            (tag, translation)
        });
        all.filter(|(_, translation)| *translation != Translation::default())
    }

    /// A text in the language wanted, or a variant of it; else as it was written.
    fn wording<'a>(
        &'a self,
        wanted: &str,
        original: &'a str,
        of: impl Fn(&'a Translation) -> &'a String,
    ) -> Wording<'a> {
        let as_written = Wording {
            text: original,
            language: &self.language,
        };
        if language_matches(&self.language, wanted) {
            return as_written;
        }
        let fitting = self
            .translations
            .iter()
            .filter(|(tag, translation)| language_matches(tag, wanted) && !of(translation).is_empty());
        // The plain language comes before its variants.
        fitting
            .map(|(tag, translation)| Wording {
                text: of(translation),
                language: tag,
            })
            .next()
            .unwrap_or(as_written)
    }
}

/// iCalendar STATUS of an event. `Cancelled` beats every concurrent status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It takes place.
    #[default]
    Confirmed,
    /// It may take place.
    Tentative,
    /// It does not take place.
    Cancelled,
}

/// A place with a name, a point, or both.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Name or address; may be empty when only the point is known.
    pub name: String,
    /// Where it is.
    pub at: Option<Point>,
}

/// A date, or a wall-clock time. Which instant it is depends on the schedule's [`Zone`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LocalTime {
    /// A whole day.
    Date(Date),
    /// A time of day, second precision.
    DateTime(DateTime),
}

impl LocalTime {
    /// Whether it is a whole day.
    pub const fn is_date(self) -> bool {
        matches!(self, Self::Date(_))
    }

    /// The day it lies in.
    pub fn date(self) -> Date {
        match self {
            Self::Date(date) => date,
            Self::DateTime(time) => time.date(),
        }
    }

    /// The wall-clock time; midnight for a date.
    pub const fn date_time(self) -> DateTime {
        match self {
            Self::Date(date) => date.to_datetime(jiff::civil::Time::midnight()),
            Self::DateTime(time) => time,
        }
    }
}

/// Prints a date as `2027-03-04` and a time as `2027-03-04T18:30:00`, as the command line and the web do.
impl std::fmt::Display for LocalTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Date(date) => write!(f, "{date}"),
            Self::DateTime(time) => write!(f, "{}", time.strftime("%Y-%m-%dT%H:%M:%S")),
        }
    }
}

/// The zone in which wall times are meant. Floating times are given one when they are imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Zone {
    /// A zone of the IANA database; `UTC` included. A name this version does not know reads as UTC.
    Named(String),
    /// A zone defined by its own VTIMEZONE.
    Custom {
        /// Its TZID.
        name: String,
        /// The VTIMEZONE component as text, with CRLF line ends, at most 16 KiB.
        definition: String,
    },
}

impl Zone {
    /// Its name, for people and for `timezone` in JSON.
    pub fn name(&self) -> &str {
        match self {
            Self::Named(name) | Self::Custom { name, .. } => name,
        }
    }
}

/// When an event takes place. `end` is exclusive and never before `start`; both are dates, or both are times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// First start.
    pub start: LocalTime,
    /// First end, exclusive: an all-day event on one day ends on the next date.
    pub end: LocalTime,
    /// The zone of all wall times in this schedule.
    pub zone: Zone,
    /// RRULE values (RFC 5545 3.3.10), without the property name; normally none or one.
    pub rules: Vec<String>,
    /// RDATE: further starts.
    pub extra: Vec<LocalTime>,
    /// EXDATE: starts that do not take place and are not shown.
    pub excluded: Vec<LocalTime>,
    /// RECURRENCE-ID: single occurrences that differ, ordered by `recurrence_id`.
    pub overrides: Vec<Override>,
}

impl Schedule {
    /// Whether there can be more than one occurrence.
    pub const fn is_series(&self) -> bool {
        !self.rules.is_empty() || !self.extra.is_empty()
    }

    /// Whether the event is given in whole days.
    pub const fn all_day(&self) -> bool {
        self.start.is_date()
    }
}

/// One occurrence of a series (or all from it on) that differs from the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// The start this occurrence would have had, in the schedule's zone.
    pub recurrence_id: LocalTime,
    /// RANGE=THISANDFUTURE: later occurrences shift and change alike.
    pub this_and_future: bool,
    /// `None`: as the series.
    pub status: Option<Status>,
    /// New start and end, in the schedule's zone.
    pub time: Option<(LocalTime, LocalTime)>,
    /// New title.
    pub title: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New place.
    pub location: Option<Location>,
    /// New page.
    pub url: Option<String>,
}

impl Eq for Override {}

/// One time at which an event takes place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Wall time in the schedule's zone, or a date.
    pub start: LocalTime,
    /// Exclusive end, same form as `start`.
    pub end: LocalTime,
    /// Instant of the start, Unix milliseconds; midnight in the zone for a date.
    pub start_ms: i64,
    /// Instant of the end, Unix milliseconds.
    pub end_ms: i64,
    /// For a series: the start the rule gives, which names the occurrence. `None` for single events.
    pub recurrence_id: Option<LocalTime>,
    /// Status of this occurrence, the event's own status taken into account.
    pub status: Status,
    /// Index into `schedule.overrides`, if one applies.
    pub override_index: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::sample_event;

    #[test]
    fn readers_get_their_language_or_what_was_written() {
        let say = |title: &str, summary: &str| Translation {
            title: title.to_owned(),
            summary: summary.to_owned(),
        };
        let mut event = sample_event();
        event.translations.insert("de".into(), say("Tag der offenen Tür", ""));
        event
            .translations
            .insert("de-AT".into(), say("Offene Tür", "Schaut vorbei"));
        event.translations.insert("nl-BE".into(), say("Opendeurdag", ""));
        let title = |language| (event.title_in(language).text, event.title_in(language).language);
        assert_eq!(title("en"), ("Open day", "en"));
        assert_eq!(title("de"), ("Tag der offenen Tür", "de"));
        assert_eq!(title("nl"), ("Opendeurdag", "nl-BE"));
        assert_eq!(title("es"), ("Open day", "en"));
        // What one variant leaves out, another may have.
        assert_eq!(event.summary_in("de").text, "Schaut vorbei");
        assert_eq!(event.summary_in("nl").text, "Come and see");
        assert_eq!(event.languages().collect::<Vec<_>>(), ["en", "de", "de-AT", "nl-BE"]);
        event.language = String::new();
        assert_eq!(event.title_in("en").language, "");
        assert_eq!(event.languages().count(), 3);
    }

    #[test]
    fn how_people_take_part_follows_from_place_and_address() {
        let place = Location::default();
        let name = |place: Option<&Location>, url: &str| Attendance::of(place, url).map(Attendance::name);
        assert_eq!(name(Some(&place), ""), Some("in_place"));
        assert_eq!(name(None, "https://example.org/"), Some("online"));
        assert_eq!(name(Some(&place), "https://example.org/"), Some("hybrid"));
        assert_eq!(name(None, ""), None);
    }
}
