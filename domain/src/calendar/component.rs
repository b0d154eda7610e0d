//! One VEVENT, read by itself: what it says, before it is put together with the others of its UID.

mod details;
mod times;

pub(super) use self::times::{End, When};

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendarClassification, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarParameterName,
    ICalendarPeriod, ICalendarProperty, ICalendarStatus, ICalendarValue, Uri,
};
use calcard::{Entry, Parser};

use self::details::Details;
use self::times::{days_and_seconds, millis, one_when, shown, when};
use super::clean;
use super::text::{Block, MAX_BLOCK_BYTES};
use crate::event::{Location, Status};
use crate::profile::Point;

/// Longest title, in characters: what a list can show, and more than any of 112,310 real events had.
pub const MAX_TITLE_CHARS: usize = 1_000;

/// Longest description, in bytes: an event with its exceptions has to fit in one signed change of 64 KiB.
pub const MAX_DESCRIPTION_BYTES: usize = 32_000;

/// Longest name of a place, in bytes; addresses with directions have a few hundred.
pub const MAX_LOCATION_BYTES: usize = 1_000;

/// Most tags of one event: more are keywords for search engines, not categories.
pub const MAX_TAGS: usize = 32;

/// Longest tag, in characters: a longer one is a sentence that is in the wrong place.
pub const MAX_TAG_CHARS: usize = 64;

/// Most categories looked at in one line; empty ones and repetitions count.
const MAX_TAG_VALUES: usize = 1_000;

/// Most things said about one event: more would only repeat themselves.
const MAX_WARNINGS: usize = 20;

/// Most RDATE or EXDATE values of one event, each: daily for nearly three years.
pub const MAX_DATES: usize = 1_000;

/// What one VEVENT says.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) line: u32,
    pub(super) uid: Option<String>,
    pub(super) recurrence_id: Option<When>,
    pub(super) this_and_future: bool,
    pub(super) sequence: u32,
    pub(super) status: Option<Status>,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) language: String,
    pub(super) tags: Vec<String>,
    pub(super) location: Option<Location>,
    pub(super) url: String,
    pub(super) online_url: String,
    pub(super) image_url: String,
    pub(super) details: Details,
    pub(super) start: When,
    pub(super) end: End,
    /// RDATE: starts, and ends of those that were given as periods.
    pub(super) extra: Vec<(When, End)>,
    pub(super) excluded: Vec<When>,
    pub(super) rules: Vec<String>,
    /// X-INTERHUB-TIMEZONE: the zone of an event whose DTSTART cannot name one.
    pub(super) zone: Option<String>,
    pub(super) created_ms: Option<i64>,
    pub(super) modified_ms: Option<i64>,
    /// CLASS is there and not PUBLIC. An unknown class counts as private (RFC 5545 3.8.1.3).
    pub(super) private: bool,
    /// What was left out or put right.
    pub(super) warnings: Vec<String>,
}

/// Reads one VEVENT. The error is the reason for refusing it, for the operator.
pub(super) fn read(block: &Block) -> Result<Part, String> {
    if !block.ended {
        return Err("END:VEVENT is missing: the file was cut off, or was put together wrongly".to_owned());
    }
    if block.too_large {
        return Err(format!(
            "it has more than {MAX_BLOCK_BYTES} bytes: shorten its texts in the calendar"
        ));
    }
    let mut parser = Parser::new(&block.text);
    let Entry::ICalendar(calendar) = parser.entry() else {
        return Err("it cannot be read as a VEVENT".to_owned());
    };
    let component = calendar
        .components
        .into_iter()
        .next()
        .filter(|component| component.component_type == ICalendarComponentType::VEvent)
        .ok_or("it cannot be read as a VEVENT")?;
    Reader::default().read(block, &component)
}

/// What is gathered while the properties of one VEVENT are read.
#[derive(Default)]
struct Reader {
    start: Option<When>,
    dtend: Option<When>,
    duration: Option<(i64, i64)>,
    recurrence_id: Option<When>,
    this_and_future: bool,
    sequence: u32,
    status: Option<Status>,
    title: String,
    summary: String,
    description: String,
    html: String,
    language: String,
    tags: Vec<String>,
    place: String,
    point: Option<Point>,
    apple_point: Option<Point>,
    url: String,
    conference: String,
    other_conference: String,
    image: String,
    attached_image: String,
    details: Details,
    extra: Vec<(When, End)>,
    excluded: Vec<When>,
    zone: Option<String>,
    created_ms: Option<i64>,
    modified_ms: Option<i64>,
    private: bool,
    warnings: Vec<String>,
}

impl Reader {
    fn read(mut self, block: &Block, component: &ICalendarComponent) -> Result<Part, String> {
        for entry in &component.entries {
            self.entry(entry)?;
        }
        let start = self.start.take().ok_or("it has no start (DTSTART)")?;
        let mut rules_of_series = Vec::new();
        if self.recurrence_id.is_some() {
            // It is one date of a series. What some programs repeat in it says when the series is, not when this is.
            self.extra.clear();
            self.excluded.clear();
        } else {
            rules_of_series = rules(&block.rules)?;
        }
        self.check_title()?;
        self.finish_texts();
        let location = self.take_location();
        let online_url = self.take_online_url();
        let end = match (self.dtend, self.duration) {
            (Some(at), _) => End::At(at),
            (None, Some((days, seconds))) => End::After { days, seconds },
            (None, None) => End::Unsaid,
        };
        Ok(Part {
            line: block.line,
            uid: block.uid.clone(),
            recurrence_id: self.recurrence_id,
            this_and_future: self.this_and_future,
            sequence: self.sequence,
            status: self.status,
            title: self.title,
            summary: self.summary,
            description: self.description,
            language: self.language,
            tags: self.tags,
            location,
            url: self.url,
            online_url,
            image_url: if self.image.is_empty() {
                self.attached_image
            } else {
                self.image
            },
            details: self.details,
            start,
            end,
            extra: self.extra,
            excluded: self.excluded,
            rules: rules_of_series,
            zone: self.zone,
            created_ms: self.created_ms,
            modified_ms: self.modified_ms,
            private: self.private,
            warnings: self.warnings,
        })
    }

    fn entry(&mut self, entry: &ICalendarEntry) -> Result<(), String> {
        match &entry.name {
            ICalendarProperty::Dtstart => self.start = Some(one_when(entry, "DTSTART")?),
            ICalendarProperty::Dtend => self.read_dtend(entry),
            ICalendarProperty::Duration => self.read_duration(entry),
            ICalendarProperty::RecurrenceId => {
                self.recurrence_id = Some(one_when(entry, "RECURRENCE-ID")?);
                self.this_and_future = entry.has_parameter(&ICalendarParameterName::Range);
            }
            ICalendarProperty::Rdate => self.read_rdate(entry)?,
            ICalendarProperty::Exdate => self.read_exdate(entry)?,
            ICalendarProperty::Exrule => {
                return Err("it uses EXRULE, which RFC 5545 took out: name the dates left out as EXDATE".to_owned());
            }
            ICalendarProperty::Sequence => {
                let number = entry.values.first().and_then(ICalendarValue::as_integer).unwrap_or(0);
                self.sequence = u32::try_from(number.clamp(0, i64::from(u32::MAX))).unwrap_or(0);
            }
            ICalendarProperty::Status => self.status = status(entry),
            ICalendarProperty::Class => {
                self.private = !matches!(
                    entry.values.first(),
                    None | Some(ICalendarValue::Classification(ICalendarClassification::Public))
                );
            }
            ICalendarProperty::Summary => {
                self.note_language(entry);
                self.title = text(entry, ",");
            }
            ICalendarProperty::Description => {
                self.note_language(entry);
                self.description = text(entry, ",");
            }
            ICalendarProperty::Categories => self.read_tags(entry),
            ICalendarProperty::Location => self.place = text(entry, ","),
            ICalendarProperty::Geo => self.read_geo(entry),
            ICalendarProperty::Url => self.read_url(entry),
            ICalendarProperty::Conference => keep_first(&mut self.conference, &uri(entry)),
            ICalendarProperty::Image => keep_first(&mut self.image, &uri(entry)),
            ICalendarProperty::Attach => self.read_attachment(entry),
            ICalendarProperty::Created => self.created_ms = millis(entry),
            ICalendarProperty::LastModified => self.modified_ms = millis(entry),
            ICalendarProperty::Other(name) => self.read_extension(&name.to_ascii_uppercase(), entry),
            _ => {}
        }
        Ok(())
    }

    fn read_extension(&mut self, name: &str, entry: &ICalendarEntry) {
        match name {
            "X-INTERHUB-SUMMARY" => self.summary = text(entry, ";"),
            "X-INTERHUB-TIMEZONE" => self.zone = Some(text(entry, ";")),
            "X-INTERHUB-TITLE-IN"
            | "X-INTERHUB-SUMMARY-IN"
            | "X-INTERHUB-FEATURES"
            | "X-INTERHUB-CAPACITY"
            | "X-INTERHUB-STATUS" => {
                if let Some(warning) = self.details.read(name, language_of(entry), &text(entry, ";")) {
                    self.warn_once(warning);
                }
            }
            "X-ALT-DESC" => self.html = text(entry, ";"),
            "X-GOOGLE-CONFERENCE"
            | "X-GOOGLE-HANGOUT"
            | "X-MICROSOFT-SKYPETEAMSMEETINGURL"
            | "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK" => keep_first(&mut self.other_conference, &text(entry, ";")),
            "X-APPLE-STRUCTURED-LOCATION" => {
                let value = text(entry, ";");
                let numbers = value
                    .strip_prefix("geo:")
                    .and_then(|geo| geo.split(';').next()?.split_once(','));
                self.apple_point = numbers
                    .and_then(|(lat, lon)| Point::new(lat.trim().parse().ok()?, lon.trim().parse().ok()?))
                    .filter(|point| !is_origin(*point));
            }
            _ => {}
        }
    }

    fn read_dtend(&mut self, entry: &ICalendarEntry) {
        match one_when(entry, "DTEND") {
            Ok(when) => self.dtend = Some(when),
            Err(reason) => self.warn_once(format!("{reason}: it is read as ending when it starts")),
        }
    }

    fn read_duration(&mut self, entry: &ICalendarEntry) {
        match entry.values.first() {
            Some(ICalendarValue::Duration(duration)) => self.duration = Some(days_and_seconds(duration)),
            _ => self.warn_once("DURATION cannot be read: it is read as ending when it starts".to_owned()),
        }
    }

    fn read_rdate(&mut self, entry: &ICalendarEntry) -> Result<(), String> {
        let when = |date: &PartialDateTime| {
            when(date, entry).map_err(|reason| format!("RDATE is not a date or time: {reason}"))
        };
        for value in &entry.values {
            let (start, end) = match value {
                ICalendarValue::Period(ICalendarPeriod::Range { start, end }) => (when(start)?, End::At(when(end)?)),
                ICalendarValue::Period(ICalendarPeriod::Duration { start, duration }) => {
                    let (days, seconds) = days_and_seconds(duration);
                    (when(start)?, End::After { days, seconds })
                }
                ICalendarValue::PartialDateTime(start) => (when(start)?, End::Unsaid),
                // An empty RDATE is common and harmless.
                ICalendarValue::Text(text) if text.trim().is_empty() => continue,
                _ => return Err(format!("RDATE is not a date or time: {}", shown(value))),
            };
            self.extra.push((start, end));
        }
        if self.extra.len() > MAX_DATES {
            return Err(format!(
                "it has more than {MAX_DATES} further dates (RDATE): split it into several events"
            ));
        }
        Ok(())
    }

    fn read_exdate(&mut self, entry: &ICalendarEntry) -> Result<(), String> {
        for value in &entry.values {
            match value {
                ICalendarValue::PartialDateTime(date) => {
                    let when = when(date, entry).map_err(|reason| format!("EXDATE is not a date or time: {reason}"))?;
                    self.excluded.push(when);
                }
                // An empty EXDATE is common and harmless.
                ICalendarValue::Text(text) if text.trim().is_empty() => {}
                _ => return Err(format!("EXDATE is not a date or time: {}", shown(value))),
            }
        }
        if self.excluded.len() > MAX_DATES {
            return Err(format!(
                "it leaves out more than {MAX_DATES} dates (EXDATE): end the series and start another"
            ));
        }
        Ok(())
    }

    fn read_tags(&mut self, entry: &ICalendarEntry) {
        if entry.values.len() > MAX_TAG_VALUES {
            self.warn_once(format!("only the first {MAX_TAGS} categories were kept"));
        }
        for value in entry.values.iter().take(MAX_TAG_VALUES) {
            let tag = clean::line(value.as_text().unwrap_or_default());
            let known = self.tags.iter().any(|other| other.to_lowercase() == tag.to_lowercase());
            if tag.is_empty() || known {
                continue;
            }
            if tag.chars().count() > MAX_TAG_CHARS {
                self.warn_once(format!(
                    "a category longer than {MAX_TAG_CHARS} characters was left out"
                ));
            } else if self.tags.len() == MAX_TAGS {
                self.warn_once(format!("only the first {MAX_TAGS} categories were kept"));
            } else {
                self.tags.push(tag);
            }
        }
    }

    fn read_geo(&mut self, entry: &ICalendarEntry) {
        let mut numbers = Vec::new();
        for value in &entry.values {
            match value {
                ICalendarValue::Float(number) => numbers.push(*number),
                // With a comma in the middle, as some write it.
                ICalendarValue::Text(text) => {
                    numbers.extend(
                        text.split([',', ';'])
                            .filter_map(|part| part.trim().parse::<f64>().ok()),
                    );
                }
                _ => {}
            }
        }
        let point = match numbers.as_slice() {
            [lat, lon] => Point::new(*lat, *lon),
            _ => None,
        };
        match point {
            Some(point) if is_origin(point) => {
                self.warn_once("GEO 0;0 stands for an unknown place and was left out".to_owned());
            }
            Some(point) => self.point = Some(point),
            None => self.warn_once("GEO is not a latitude and a longitude in degrees and was left out".to_owned()),
        }
    }

    fn read_url(&mut self, entry: &ICalendarEntry) {
        let written = uri(entry);
        match clean::web_address(&written) {
            Some(url) => self.url = url,
            None if written.trim().is_empty() => {}
            None => self.warn_once("URL is not an http or https address and was left out".to_owned()),
        }
    }

    fn read_attachment(&mut self, entry: &ICalendarEntry) {
        let kind = entry
            .parameter(&ICalendarParameterName::Fmttype)
            .and_then(|kind| kind.as_text());
        let address = uri(entry);
        let picture = match kind {
            Some(kind) => kind.to_ascii_lowercase().starts_with("image/"),
            None => clean::is_picture(&address),
        };
        if picture {
            keep_first(&mut self.attached_image, &address);
        }
    }

    fn note_language(&mut self, entry: &ICalendarEntry) {
        if self.language.is_empty() {
            self.language = clean::language(language_of(entry));
        }
    }

    fn check_title(&mut self) -> Result<(), String> {
        // Before cleaning, so that a title of a megabyte costs nothing.
        let written = self.title.chars().take(20 * MAX_TITLE_CHARS).count();
        if written < 20 * MAX_TITLE_CHARS {
            self.title = clean::line(&self.title);
        }
        let chars = self.title.chars().count();
        if chars > MAX_TITLE_CHARS {
            return Err(format!(
                "its title (SUMMARY) has {chars} characters, at most {MAX_TITLE_CHARS} are allowed"
            ));
        }
        Ok(())
    }

    fn finish_texts(&mut self) {
        // Cleaning removes markup, so it may start from several times of what is kept.
        let mut lost = clean::cut(&mut self.description, 4 * MAX_DESCRIPTION_BYTES);
        self.description = clean::paragraphs(&self.description);
        if self.description.is_empty() && !self.html.is_empty() {
            lost = clean::cut(&mut self.html, 4 * MAX_DESCRIPTION_BYTES);
            self.description = clean::paragraphs(&self.html);
        }
        if clean::cut(&mut self.description, MAX_DESCRIPTION_BYTES) || lost {
            self.warn_once(format!("its description was cut to {MAX_DESCRIPTION_BYTES} bytes"));
        }
        clean::cut(&mut self.summary, MAX_LOCATION_BYTES);
        self.summary = clean::line(&self.summary);
    }

    fn take_location(&mut self) -> Option<Location> {
        if let Some(url) = clean::web_address(&self.place).filter(|url| !clean::is_map(url)) {
            // An address in the place of a place: where to join online.
            keep_first(&mut self.other_conference, &url);
            self.place.clear();
        }
        clean::cut(&mut self.place, 4 * MAX_LOCATION_BYTES);
        let lines: Vec<String> = clean::paragraphs(&self.place)
            .lines()
            .map(|line| clean::line(line).trim_end_matches(',').to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        let mut name = clean::line(&lines.join(", "));
        if clean::cut(&mut name, MAX_LOCATION_BYTES) {
            self.warn_once(format!("its place was cut to {MAX_LOCATION_BYTES} bytes"));
        }
        // What is left of an address that was too long leads nowhere.
        if clean::web_address(&name).is_some_and(|url| !clean::is_map(&url)) {
            name.clear();
        }
        let at = self.point.or(self.apple_point);
        (!name.is_empty() || at.is_some()).then_some(Location { name, at })
    }

    fn take_online_url(&mut self) -> String {
        if !self.conference.is_empty() {
            return std::mem::take(&mut self.conference);
        }
        if !self.other_conference.is_empty() {
            return std::mem::take(&mut self.other_conference);
        }
        if clean::is_meeting(&self.url) {
            return self.url.clone();
        }
        clean::meeting_in(&self.description).unwrap_or_default()
    }

    fn warn_once(&mut self, warning: String) {
        if self.warnings.len() < MAX_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// The RRULE values in the form they are stored in: upper case, no spaces, no empty parts.
fn rules(written: &[String]) -> Result<Vec<String>, String> {
    if written.len() > super::text::MAX_RULES {
        return Err(format!("it has more than {} RRULE lines", super::text::MAX_RULES));
    }
    let mut rules = Vec::new();
    for rule in written {
        let compact: String = rule.chars().filter(|char| !char.is_whitespace()).collect();
        let parts: Vec<&str> = compact.split(';').filter(|part| !part.is_empty()).collect();
        let rule = parts.join(";").to_ascii_uppercase();
        if rule.is_empty() {
            continue;
        }
        super::rule::check(&rule).map_err(|reason| format!("its RRULE cannot be followed: {reason}"))?;
        rules.push(rule);
    }
    Ok(rules)
}

fn status(entry: &ICalendarEntry) -> Option<Status> {
    match entry.values.first() {
        Some(ICalendarValue::Status(ICalendarStatus::Cancelled)) => Some(Status::Cancelled),
        Some(ICalendarValue::Status(ICalendarStatus::Tentative)) => Some(Status::Tentative),
        Some(ICalendarValue::Status(ICalendarStatus::Confirmed)) => Some(Status::Confirmed),
        // The other spelling is not in RFC 5545, and meant the same.
        Some(ICalendarValue::Text(text)) if text.trim().eq_ignore_ascii_case("CANCELED") => Some(Status::Cancelled),
        _ => None,
    }
}

/// All values as one text; calcard splits some properties at a separator that may be part of the text.
fn text(entry: &ICalendarEntry, separator: &str) -> String {
    let parts: Vec<&str> = entry
        .values
        .iter()
        .map(|value| value.as_text().unwrap_or_default())
        .collect();
    parts.join(separator)
}

/// The LANGUAGE parameter; empty if there is none.
fn language_of(entry: &ICalendarEntry) -> &str {
    let language = entry.parameter(&ICalendarParameterName::Language);
    language.and_then(|language| language.as_text()).unwrap_or_default()
}

fn uri(entry: &ICalendarEntry) -> String {
    match entry.values.first() {
        Some(ICalendarValue::Uri(Uri::Location(address))) => address.trim().to_owned(),
        Some(ICalendarValue::Text(_)) => text(entry, ";").trim().to_owned(),
        _ => String::new(),
    }
}

/// Keeps the first good address.
fn keep_first(kept: &mut String, written: &str) {
    if kept.is_empty()
        && let Some(url) = clean::web_address(written)
    {
        *kept = url;
    }
}

fn is_origin(point: Point) -> bool {
    point.lat.abs() < 1e-6 && point.lon.abs() < 1e-6
}
