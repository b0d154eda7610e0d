//! What people ask of the events directory: one filter for pages, feeds, gRPC and the command line.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::profile::Point;

/// Longest text to search for, in characters.
pub const MAX_TEXT_CHARS: usize = 200;
/// Longest slug or id of a hub, in characters.
pub const MAX_HUB_CHARS: usize = 64;
/// Longest tag, in characters.
pub const MAX_TAG_CHARS: usize = 200;
/// Longest BCP 47 language tag that is in use (RFC 5646 4.4.1), in characters.
pub const MAX_LANGUAGE_CHARS: usize = 35;
/// Longest cursor, in characters; ours are shorter.
pub const MAX_CURSOR_CHARS: usize = 128;
/// Most occurrences of one page: a page of 1,000 is some 2 MB.
pub const MAX_LIMIT: usize = 1_000;
/// Occurrences of one page when nothing is said.
pub const DEFAULT_LIMIT: usize = 100;
/// Largest radius in km: half the way around the earth.
pub const MAX_WITHIN_KM: f64 = 20_000.0;
/// Radius in km when nothing is said.
pub const DEFAULT_WITHIN_KM: f64 = 25.0;

/// A filter over the occurrences of the whole network. Absent fields do not restrict.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventQuery {
    /// Only occurrences that end after this, Unix milliseconds. Absent: now.
    pub from_ms: Option<i64>,
    /// Only occurrences that start before this, Unix milliseconds. Absent: single events however late, series to the
    /// end of the years the directory covers (two after this one), since many have no end.
    pub to_ms: Option<i64>,
    /// Slug or id of the hub: its own events, and those it hosts with others.
    pub hub: Option<String>,
    /// A tag, compared as [`fold_tag`] says.
    pub tag: Option<String>,
    /// Words to find in title, summary, their translations, description, place and tags; at most 200 characters. All must be there.
    pub text: Option<String>,
    /// Only near this place; see `within_km`.
    pub near: Option<Point>,
    /// Radius around `near` in km, above 0 and at most 20,000; 25 if absent.
    pub within_km: Option<f64>,
    /// BCP 47 language, of the event or of a translation; `de` also finds `de-AT`.
    pub language: Option<String>,
    /// Only events that can be joined online.
    pub online: bool,
    /// Only events that have a place to go to.
    pub in_place: bool,
    /// Also what only the hubs of the network may see (never on public pages).
    pub network: bool,
    /// Also the hub's own drafts (never on public pages).
    pub drafts: bool,
    /// At most so many occurrences, 1 to 1,000; 100 if absent.
    pub limit: Option<usize>,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// A parameter with a value that cannot be used. Its message names the parameter and says what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {reason}")]
pub struct QueryParseError {
    /// The name of the parameter, as in the query string.
    pub parameter: &'static str,
    /// What is wrong, and what is expected.
    pub reason: String,
}

impl QueryParseError {
    fn new(parameter: &'static str, reason: impl Into<String>) -> Self {
        Self {
            parameter,
            reason: reason.into(),
        }
    }
}

/// A tag in the form in which tags are compared: lower case, without white space around it, inner white space as one
/// space.
pub fn fold_tag(tag: &str) -> String {
    let lower = tag.to_lowercase();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a language tag is the wanted one or a variant of it (RFC 4647 3.3.1, basic filtering).
pub fn language_matches(language: &str, wanted: &str) -> bool {
    let (language, wanted) = (language.as_bytes(), wanted.as_bytes());
    let Some(head) = language.get(..wanted.len()) else {
        return false;
    };
    head.eq_ignore_ascii_case(wanted) && language.get(wanted.len()).is_none_or(|next| *next == b'-')
}

impl EventQuery {
    /// Reads the parameters of a query string: `from`, `to`, `hub`, `tag`, `q`, `near`, `within`, `lang`, `online`,
    /// `in_place`, `limit`, `cursor`.
    ///
    /// `from` and `to` are RFC 3339 times, wall times, dates, or words: `now`, and those of [`stretch`]; what has no offset
    /// is meant in `zone`. A date in `from` means its beginning, a date in `to` includes the whole day. Unknown parameters and
    /// empty values are ignored, of a repeated parameter the last counts. `network` and `drafts` are never set here.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        zone: &TimeZone,
        now_ms: i64,
    ) -> Result<Self, QueryParseError> {
        let mut query = Self::default();
        for (parameter, value) in pairs {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            match parameter {
                "from" => query.from_ms = Some(parse_time("from", value, zone, now_ms, Edge::Begin)?),
                "to" => query.to_ms = Some(parse_time("to", value, zone, now_ms, Edge::End)?),
                "hub" => query.hub = Some(value.to_owned()),
                "tag" => query.tag = Some(value.to_owned()),
                "q" => query.text = Some(value.to_owned()),
                "near" => query.near = Some(parse_point(value)?),
                "within" => query.within_km = Some(parse_within(value)?),
                "lang" => query.language = Some(value.to_owned()),
                "online" => query.online = parse_flag("online", value)?,
                "in_place" => query.in_place = parse_flag("in_place", value)?,
                "limit" => query.limit = Some(parse_limit(value)?),
                "cursor" => query.cursor = Some(value.to_owned()),
                _ => {}
            }
        }
        query.check()?;
        Ok(query)
    }

    /// Whether all values are within their limits; what [`EventQuery::parse`] returns always is.
    pub fn check(&self) -> Result<(), QueryParseError> {
        check_length("hub", self.hub.as_deref(), MAX_HUB_CHARS)?;
        check_length("tag", self.tag.as_deref(), MAX_TAG_CHARS)?;
        check_length("q", self.text.as_deref(), MAX_TEXT_CHARS)?;
        check_length("lang", self.language.as_deref(), MAX_LANGUAGE_CHARS)?;
        check_length("cursor", self.cursor.as_deref(), MAX_CURSOR_CHARS)?;
        if let Some(language) = &self.language
            && !language
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(QueryParseError::new("lang", "expected a language such as de or pt-BR"));
        }
        if let Some(near) = self.near
            && Point::new(near.lat, near.lon).is_none()
        {
            return Err(QueryParseError::new(
                "near",
                "latitude is -90 to 90, longitude -180 to 180",
            ));
        }
        if let Some(within) = self.within_km
            && !(within > 0.0 && within <= MAX_WITHIN_KM)
        {
            return Err(QueryParseError::new(
                "within",
                "expected a distance in km, above 0 and at most 20000",
            ));
        }
        if self.limit.is_some_and(|limit| limit == 0 || limit > MAX_LIMIT) {
            return Err(QueryParseError::new("limit", "expected a number from 1 to 1000"));
        }
        if let (Some(from), Some(to)) = (self.from_ms, self.to_ms)
            && to < from
        {
            return Err(QueryParseError::new("to", "lies before from"));
        }
        Ok(())
    }
}

/// The days that a word stands for, on this day: `today`, `tomorrow`, or what is left of `weekend` (Saturday and Sunday),
/// `week` (to Sunday) and `month`. Both are included.
pub fn stretch(word: &str, today: Date) -> Option<(Date, Date)> {
    let sunday = today.saturating_add((6 - i64::from(today.weekday().to_monday_zero_offset())).days());
    let (begin, end) = match word {
        "today" => (today, today),
        "tomorrow" => {
            let tomorrow = today.saturating_add(1.day());
            (tomorrow, tomorrow)
        }
        "week" => (today, sunday),
        "weekend" => (sunday.saturating_sub(1.day()).max(today), sunday),
        "month" => (today, today.last_of_month()),
        _ => return None,
    };
    Some((begin, end))
}

/// Which edge of a day a date stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Begin,
    End,
}

fn parse_time(
    parameter: &'static str,
    value: &str,
    zone: &TimeZone,
    now_ms: i64,
    edge: Edge,
) -> Result<i64, QueryParseError> {
    // Unescaped, the plus sign of an offset arrives as a space.
    let restored = value.replace(' ', "+");
    if let Ok(time) = value.parse::<Timestamp>().or_else(|_| restored.parse::<Timestamp>()) {
        return Ok(time.as_millisecond());
    }
    let expected = || {
        let shown: String = value.chars().take(40).collect();
        QueryParseError::new(
            parameter,
            format!("{shown:?} is not a date (2027-03-04) or a time (2027-03-04T18:30:00Z)"),
        )
    };
    let now = Timestamp::from_millisecond(now_ms).map_err(|_| expected())?;
    let today = zone.to_datetime(now).date();
    let day = match (value, stretch(value, today)) {
        ("now", _) => return Ok(now_ms),
        (_, Some((begin, end))) => Some(if edge == Edge::Begin { begin } else { end }),
        _ if value.len() <= "2027-03-04".len() => value.parse::<Date>().ok(),
        _ => None,
    };
    let wall = match (day, edge) {
        (Some(day), Edge::Begin) => day.to_datetime(jiff::civil::Time::midnight()),
        (Some(day), Edge::End) => day.saturating_add(1.day()).to_datetime(jiff::civil::Time::midnight()),
        (None, _) => value.parse::<DateTime>().map_err(|_| expected())?,
    };
    let instant = zone.to_ambiguous_timestamp(wall).compatible().map_err(|_| expected())?;
    Ok(instant.as_millisecond())
}

fn parse_point(value: &str) -> Result<Point, QueryParseError> {
    let numbers = value.split_once(',').and_then(|(lat, lon)| {
        let lat: f64 = lat.trim().parse().ok()?;
        let lon: f64 = lon.trim().parse().ok()?;
        Point::new(lat, lon)
    });
    numbers.ok_or_else(|| QueryParseError::new("near", "expected LAT,LON in degrees, such as 52.4751,-1.8848"))
}

fn parse_within(value: &str) -> Result<f64, QueryParseError> {
    value
        .parse()
        .map_err(|_| QueryParseError::new("within", "expected a distance in km, above 0 and at most 20000"))
}

fn parse_limit(value: &str) -> Result<usize, QueryParseError> {
    value
        .parse()
        .map_err(|_| QueryParseError::new("limit", "expected a number from 1 to 1000"))
}

fn parse_flag(parameter: &'static str, value: &str) -> Result<bool, QueryParseError> {
    match value {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(QueryParseError::new(parameter, "expected 1 or 0")),
    }
}

fn check_length(parameter: &'static str, value: Option<&str>, most: usize) -> Result<(), QueryParseError> {
    match value {
        Some(value) if value.chars().count() > most => Err(QueryParseError::new(
            parameter,
            format!("longer than {most} characters"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// 2027-03-04T18:30:00Z.
    const NOW_MS: i64 = 1_804_185_000_000;

    fn parse(pairs: &[(&str, &str)]) -> Result<EventQuery, QueryParseError> {
        EventQuery::parse(pairs.iter().copied(), &TimeZone::get("Europe/Vienna").unwrap(), NOW_MS)
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn reads_every_parameter() {
        let query = parse(&[
            ("from", "2027-03-04"),
            ("to", "2027-03-31"),
            ("hub", "vienna"),
            ("tag", "Food"),
            ("q", "soup kitchen"),
            ("near", "48.2, 16.37"),
            ("within", "5"),
            ("lang", "de"),
            ("online", "1"),
            ("in_place", "yes"),
            ("limit", "7"),
            ("cursor", "abc"),
            ("utm_source", "x"),
        ])
        .unwrap();
        let expected = EventQuery {
            from_ms: Some(ms("2027-03-04T00:00:00+01:00")),
            to_ms: Some(ms("2027-04-01T00:00:00+02:00")),
            hub: Some("vienna".into()),
            tag: Some("Food".into()),
            text: Some("soup kitchen".into()),
            near: Point::new(48.2, 16.37),
            within_km: Some(5.0),
            language: Some("de".into()),
            online: true,
            in_place: true,
            network: false,
            drafts: false,
            limit: Some(7),
            cursor: Some("abc".into()),
        };
        assert_eq!(query, expected);
    }

    #[test]
    fn times_have_several_forms() {
        for (text, instant) in [
            ("2027-03-04T18:30:00Z", "2027-03-04T18:30:00Z"),
            ("2027-03-04T18:30:00+02:00", "2027-03-04T16:30:00Z"),
            ("2027-03-04T18:30:00 02:00", "2027-03-04T16:30:00Z"),
            ("2027-03-04T18:30", "2027-03-04T17:30:00Z"),
            ("now", "2027-03-04T18:30:00Z"),
            ("today", "2027-03-03T23:00:00Z"),
            ("tomorrow", "2027-03-04T23:00:00Z"),
            ("weekend", "2027-03-05T23:00:00Z"),
            ("week", "2027-03-03T23:00:00Z"),
            ("month", "2027-03-03T23:00:00Z"),
        ] {
            assert_eq!(parse(&[("from", text)]).unwrap().from_ms, Some(ms(instant)), "{text}");
        }
    }

    #[test]
    fn words_stand_for_what_is_left_of_a_stretch() {
        for (word, end) in [
            ("today", "2027-03-04T23:00:00Z"),
            ("tomorrow", "2027-03-05T23:00:00Z"),
            ("weekend", "2027-03-07T23:00:00Z"),
            ("week", "2027-03-07T23:00:00Z"),
            ("month", "2027-03-31T22:00:00Z"),
        ] {
            assert_eq!(parse(&[("to", word)]).unwrap().to_ms, Some(ms(end)), "{word}");
        }
        let day = |text: &str| text.parse::<Date>().unwrap();
        let sunday = day("2027-03-07");
        assert_eq!(stretch("weekend", day("2027-03-06")), Some((day("2027-03-06"), sunday)));
        assert_eq!(stretch("weekend", sunday), Some((sunday, sunday)));
        assert_eq!(
            stretch("week", day("2027-03-08")),
            Some((day("2027-03-08"), day("2027-03-14")))
        );
        assert_eq!(stretch("year", sunday), None);
    }

    #[test]
    fn a_wrong_value_names_its_parameter() {
        let long = "x".repeat(300);
        for (parameter, value) in [
            ("from", "soon"),
            ("from", "2027-02-30"),
            ("to", "2027-03-04T25:00:00Z"),
            ("to", "\u{0}"),
            ("near", "91,0"),
            ("near", "NaN,0"),
            ("near", "48.2"),
            ("within", "0"),
            ("within", "-1"),
            ("within", "inf"),
            ("within", "NaN"),
            ("limit", "0"),
            ("limit", "1001"),
            ("limit", "many"),
            ("online", "maybe"),
            ("in_place", "2"),
            ("lang", "d_e"),
            ("q", &long),
            ("tag", &long),
            ("hub", &long),
            ("cursor", &long),
        ] {
            let error = parse(&[(parameter, value)]).unwrap_err();
            assert_eq!(error.parameter, parameter, "{value}: {error}");
        }
        let error = parse(&[("from", "2027-03-04"), ("to", "2027-03-02")]).unwrap_err();
        assert_eq!(error.parameter, "to");
    }

    #[test]
    fn empty_values_are_absent_and_the_last_counts() {
        assert_eq!(
            parse(&[("q", " "), ("from", ""), ("online", "")]).unwrap(),
            EventQuery::default()
        );
        assert_eq!(parse(&[("tag", "a"), ("tag", "b")]).unwrap().tag.as_deref(), Some("b"));
    }

    #[test]
    fn languages_match_by_subtag() {
        assert!(language_matches("de-AT", "de"));
        assert!(language_matches("DE", "de"));
        assert!(!language_matches("den", "de"));
        assert!(!language_matches("", "de"));
        assert!(!language_matches("de", "de-AT"));
    }

    #[test]
    fn tags_fold() {
        assert_eq!(fold_tag("  Open  MIC\t"), "open mic");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(parameter in "from|to|near|within|limit|online|in_place|lang", value in ".{0,60}") {
            let _ = parse(&[(&parameter, &value)]);
        }
    }
}
