//! From events to a calendar file or feed.
//!
//! [`export`] writes iCalendar (RFC 5545, RFC 7986) as strictly as the strictest reader wants it: a VTIMEZONE for every
//! zone, lines of at most 75 octets, CRLF, addresses not escaped, dates and times never mixed in one property, rules put right
//! where they were only readable. The same events give the same bytes: nothing in it depends on when it is written.
//!
//! What iCalendar has no place for is said in properties of our own, so that [`import`](super::import::import) gives back
//! the same event:
//!
//! - X-INTERHUB-SUMMARY: the short text.
//! - X-INTERHUB-TIMEZONE: the zone of an event whose DTSTART is a date or in UTC.
//! - X-INTERHUB-TITLE-IN and X-INTERHUB-SUMMARY-IN, with LANGUAGE: the texts in other languages. SUMMARY itself must not
//!   occur twice (RFC 5545 3.6.1), and whoever takes the last would show a language nobody asked for.
//! - X-INTERHUB-FEATURES and X-INTERHUB-CAPACITY.
//! - X-INTERHUB-STATUS: POSTPONED. iCalendar does not know it. STATUS says CANCELLED, because nothing takes place at the
//!   time written here, and programs that are told TENTATIVE keep showing it there; a COMMENT says the rest. With its new
//!   time the event is CONFIRMED again, under the same UID and a higher SEQUENCE. In an exception of a postponed series it
//!   says what STATUS would say otherwise.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::clean::{language, web_address};
use super::expand::MAX_RULES;
use super::rule::strict;
use super::vtimezone;
use super::zone;
use super::zones::{is_utc, shifted_end};
use crate::event::{Event, LocalTime, Location, Override, Schedule, Status, Zone};

/// Longest line, in octets, without its CRLF (RFC 5545 3.1).
const MAX_LINE_OCTETS: usize = 75;

/// What a feed says about itself.
#[derive(Debug, Clone, Default)]
pub struct CalendarInfo {
    /// Name shown by calendar programs.
    pub name: String,
    /// A sentence about it; may be empty.
    pub description: String,
    /// How often subscribers should look again, in minutes; 0 says nothing.
    pub refresh_minutes: u32,
    /// Which program wrote it, for PRODID, for instance `-//Interhub//interhubd 0.1.0//EN`.
    pub product: String,
    /// The feed's own address; empty for a file.
    pub url: String,
}

/// One event with what the feed says about where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct ExportEvent<'a> {
    /// The event.
    pub event: &'a Event,
    /// Name of the hub: the organiser.
    pub hub_name: &'a str,
    /// The hub's page; may be empty.
    pub hub_url: &'a str,
    /// The event's page at this hub, for events without an own one; may be empty.
    pub page_url: &'a str,
}

/// Writes a calendar with these events, in this order.
pub fn export(calendar: &CalendarInfo, events: &[ExportEvent<'_>]) -> String {
    let zones = ExportZones::of(events);
    let mut out = Lines::default();
    out.raw("BEGIN:VCALENDAR");
    out.raw("VERSION:2.0");
    out.text(
        "PRODID",
        if calendar.product.is_empty() {
            "-//Interhub//Interhub//EN"
        } else {
            &calendar.product
        },
    );
    out.raw("CALSCALE:GREGORIAN");
    out.raw("METHOD:PUBLISH");
    if !calendar.name.is_empty() {
        out.text("NAME", &calendar.name);
        out.text("X-WR-CALNAME", &calendar.name);
    }
    if !calendar.description.is_empty() {
        out.text("DESCRIPTION", &calendar.description);
        out.text("X-WR-CALDESC", &calendar.description);
    }
    if calendar.refresh_minutes > 0 {
        out.raw(&format!(
            "REFRESH-INTERVAL;VALUE=DURATION:PT{}M",
            calendar.refresh_minutes
        ));
        out.raw(&format!("X-PUBLISHED-TTL:PT{}M", calendar.refresh_minutes));
    }
    if let Some(url) = web_address(&calendar.url) {
        out.raw(&format!("SOURCE;VALUE=URI:{url}"));
    }
    for definition in &zones.definitions {
        for line in definition.split("\r\n").filter(|line| !line.is_empty()) {
            out.raw(line);
        }
    }
    for (event, zone) in events.iter().zip(&zones.of_event) {
        write_event(&mut out, event, zone);
    }
    out.raw("END:VCALENDAR");
    out.text
}

/// How the times of one event are written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TimeStyle {
    /// With this TZID.
    Tzid(String),
    /// In UTC; wall times of the schedule are UTC.
    Utc,
}

/// The zones of a whole feed: a definition for each, and the TZID each event uses.
struct ExportZones {
    definitions: Vec<String>,
    of_event: Vec<TimeStyle>,
}

impl ExportZones {
    fn of(events: &[ExportEvent<'_>]) -> Self {
        let mut named: BTreeMap<String, (TimeZone, Timestamp)> = BTreeMap::new();
        let mut custom: BTreeMap<String, String> = BTreeMap::new();
        let mut of_event = Vec::with_capacity(events.len());
        for export in events {
            let schedule = &export.event.schedule;
            of_event.push(match &schedule.zone {
                Zone::Named(name) if is_utc(name) => TimeStyle::Utc,
                Zone::Named(name) => match zone::lookup(&schedule.zone) {
                    Some(tz) => {
                        let first = first_time(export.event);
                        let since = tz.to_timestamp(first).unwrap_or(Timestamp::MIN);
                        let known = named.entry(name.clone()).or_insert((tz, since));
                        known.1 = known.1.min(since);
                        TimeStyle::Tzid(name.clone())
                    }
                    // As the event itself reads an unknown zone.
                    None => TimeStyle::Utc,
                },
                Zone::Custom { name, definition } => match custom_tzid(&mut custom, name, definition) {
                    Some(tzid) => TimeStyle::Tzid(tzid),
                    None => TimeStyle::Utc,
                },
            });
        }
        let generated = named
            .iter()
            .map(|(name, (tz, since))| vtimezone::generate(name, tz, *since));
        let definitions = generated.chain(custom.into_values()).collect();
        Self { definitions, of_event }
    }
}

/// The TZID for a zone defined by an event; another one if the name is taken by a different definition.
fn custom_tzid(known: &mut BTreeMap<String, String>, name: &str, definition: &str) -> Option<String> {
    let definition = vtimezone::sanitize(definition)?;
    let name = vtimezone::clean_name(name);
    let name = if name.is_empty() { "Custom".to_owned() } else { name };
    // Two hubs' zones of one name are rare; a feed of a thousand different ones is not served well anyhow.
    for number in 1..1_000 {
        let tzid = if number == 1 {
            name.clone()
        } else {
            format!("{name} ({number})")
        };
        if zone::find_iana(&tzid).is_some() {
            continue;
        }
        let named = vtimezone::named(&definition, &tzid);
        match known.get(&tzid) {
            Some(other) if *other != named => {}
            Some(_) => return Some(tzid),
            None => {
                known.insert(tzid.clone(), named);
                return Some(tzid);
            }
        }
    }
    None
}

/// The earliest wall time an event speaks of.
fn first_time(event: &Event) -> DateTime {
    let schedule = &event.schedule;
    let moved = schedule
        .overrides
        .iter()
        .filter_map(|change| change.time)
        .map(|(start, _)| start);
    let dates = schedule.extra.iter().copied().chain(moved).map(LocalTime::date_time);
    dates.fold(schedule.start.date_time(), DateTime::min)
}

fn write_event(out: &mut Lines, export: &ExportEvent<'_>, zone: &TimeStyle) {
    let event = export.event;
    let schedule = &event.schedule;
    out.raw("BEGIN:VEVENT");
    write_head(out, event);
    write_span(out, schedule.start, schedule.end, zone);
    write_rules(out, schedule, zone);
    write_dates(out, "RDATE", &schedule.extra, zone);
    write_dates(out, "EXDATE", &schedule.excluded, zone);
    write_status(out, event.outward_status());
    if event.postponed {
        out.text("COMMENT", "Postponed: there is no new date yet.");
        out.raw("X-INTERHUB-STATUS:POSTPONED");
    }
    write_texts(
        out,
        export,
        &event.title,
        &event.description,
        event.location.as_ref(),
        &event.url,
    );
    write_details(out, event);
    if schedule.all_day() || *zone == TimeStyle::Utc {
        out.text("X-INTERHUB-TIMEZONE", &zone_name(&schedule.zone, zone));
    }
    out.raw("END:VEVENT");
    for change in &schedule.overrides {
        write_exception(out, export, change, zone);
    }
}

fn zone_name(zone: &Zone, style: &TimeStyle) -> String {
    match style {
        TimeStyle::Tzid(tzid) => tzid.clone(),
        TimeStyle::Utc if is_utc(zone.name()) => zone.name().to_owned(),
        TimeStyle::Utc => "UTC".to_owned(),
    }
}

/// RRULE, as strict as the strictest reader wants it. One that nothing follows here gives nothing elsewhere either.
fn write_rules(out: &mut Lines, schedule: &Schedule, zone: &TimeStyle) {
    if schedule.rules.is_empty() {
        return;
    }
    let tz = match zone {
        TimeStyle::Tzid(_) => zone::resolve(&schedule.zone),
        TimeStyle::Utc => TimeZone::UTC,
    };
    for rule in schedule.rules.iter().take(MAX_RULES) {
        if let Some(rule) = strict::text(rule, schedule.start, &tz) {
            out.raw(&format!("RRULE:{rule}"));
        }
    }
}

/// One occurrence that differs, whole: other programs take nothing over from the series.
fn write_exception(out: &mut Lines, export: &ExportEvent<'_>, change: &Override, zone: &TimeStyle) {
    let event = export.event;
    let as_series = (change.recurrence_id, shifted_end(&event.schedule, change.recurrence_id));
    let (start, end) = change.time.unwrap_or(as_series);
    out.raw("BEGIN:VEVENT");
    write_head(out, event);
    let range = if change.this_and_future {
        ";RANGE=THISANDFUTURE"
    } else {
        ""
    };
    write_time(out, &format!("RECURRENCE-ID{range}"), change.recurrence_id, zone);
    write_span(out, start, end, zone);
    if event.postponed {
        write_status(out, Status::Cancelled);
        if let Some(status) = change.status {
            out.raw(&format!("X-INTERHUB-STATUS:{}", status_name(status)));
        }
    } else {
        write_status(out, change.status.unwrap_or(event.status));
    }
    write_texts(
        out,
        export,
        change.title.as_ref().unwrap_or(&event.title),
        change.description.as_ref().unwrap_or(&event.description),
        change.location.as_ref().or(event.location.as_ref()),
        change.url.as_ref().unwrap_or(&event.url),
    );
    out.raw("END:VEVENT");
}

fn write_head(out: &mut Lines, event: &Event) {
    let updated = stamp(event.updated_ms);
    out.text("UID", &event.uid);
    out.raw(&format!("DTSTAMP:{updated}"));
    out.raw(&format!("CREATED:{}", stamp(event.created_ms)));
    out.raw(&format!("LAST-MODIFIED:{updated}"));
    out.raw(&format!("SEQUENCE:{}", event.sequence));
}

/// Unix milliseconds as a time in UTC.
fn stamp(ms: i64) -> String {
    let instant = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let utc = TimeZone::UTC.to_datetime(instant);
    let utc = if (0..=9_999).contains(&utc.year()) {
        utc
    } else {
        DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
    };
    utc.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn write_status(out: &mut Lines, status: Status) {
    out.raw(&format!("STATUS:{}", status_name(status)));
}

const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Confirmed => "CONFIRMED",
        Status::Tentative => "TENTATIVE",
        Status::Cancelled => "CANCELLED",
    }
}

/// What only our own reader knows; once for an event, not in its exceptions.
fn write_details(out: &mut Lines, event: &Event) {
    for (tag, translation) in &event.translations {
        for (name, text) in [("TITLE", &translation.title), ("SUMMARY", &translation.summary)] {
            if !text.is_empty() {
                out.text(&format!("X-INTERHUB-{name}-IN;LANGUAGE={tag}"), text);
            }
        }
    }
    if !event.features.is_empty() {
        let words: Vec<&str> = event.features.iter().map(String::as_str).collect();
        out.raw(&format!("X-INTERHUB-FEATURES:{}", words.join(",")));
    }
    if let Some(number) = event.capacity {
        out.raw(&format!("X-INTERHUB-CAPACITY:{number}"));
    }
}

fn write_texts(
    out: &mut Lines,
    export: &ExportEvent<'_>,
    title: &str,
    description: &str,
    location: Option<&Location>,
    url: &str,
) {
    let event = export.event;
    let tag = language(&event.language);
    let language = if tag.is_empty() {
        String::new()
    } else {
        format!(";LANGUAGE={tag}")
    };
    out.text(&format!("SUMMARY{language}"), title);
    if !description.is_empty() {
        out.text(&format!("DESCRIPTION{language}"), description);
    }
    if !event.summary.is_empty() {
        out.text("X-INTERHUB-SUMMARY", &event.summary);
    }
    if let Some(location) = location {
        if !location.name.is_empty() {
            out.text("LOCATION", &location.name);
        }
        if let Some(at) = location.at {
            out.raw(&format!("GEO:{};{}", at.lat, at.lon));
        }
    }
    if !event.tags.is_empty() {
        let tags: Vec<String> = event.tags.iter().map(|tag| escape(tag)).collect();
        out.raw(&format!("CATEGORIES:{}", tags.join(",")));
    }
    if let Some(url) = web_address(url).or_else(|| web_address(export.page_url)) {
        out.raw(&format!("URL:{url}"));
    }
    if let Some(url) = web_address(&event.online_url) {
        out.raw(&format!("CONFERENCE;VALUE=URI;FEATURE=VIDEO:{url}"));
    }
    if let Some(url) = web_address(&event.image_url) {
        out.raw(&format!("IMAGE;VALUE=URI;DISPLAY=BADGE:{url}"));
    }
    let address = web_address(export.hub_url).unwrap_or_else(|| "invalid:nomail".to_owned());
    let name = parameter(export.hub_name);
    out.raw(&format!("ORGANIZER;CN=\"{name}\":{address}"));
}

/// DTSTART and DTEND. A time without length has no DTEND: it would have to be later than DTSTART.
fn write_span(out: &mut Lines, start: LocalTime, end: LocalTime, zone: &TimeStyle) {
    write_time(out, "DTSTART", start, zone);
    if end != start {
        write_time(out, "DTEND", end, zone);
    }
}

fn write_time(out: &mut Lines, name: &str, time: LocalTime, zone: &TimeStyle) {
    out.raw(&format!(
        "{name}{}:{}",
        time_parameters(time, zone),
        time_value(time, zone)
    ));
}

/// RDATE or EXDATE, dates and times apart: their mix in one property is an error, and some programs stop at it.
fn write_dates(out: &mut Lines, name: &str, dates: &[LocalTime], zone: &TimeStyle) {
    let (days, times): (Vec<LocalTime>, Vec<LocalTime>) = dates.iter().partition(|date| date.is_date());
    for group in [days, times] {
        if let Some(&first) = group.first() {
            let values: Vec<String> = group.iter().map(|&date| time_value(date, zone)).collect();
            out.raw(&format!("{name}{}:{}", time_parameters(first, zone), values.join(",")));
        }
    }
}

fn time_parameters(time: LocalTime, zone: &TimeStyle) -> String {
    match (time, zone) {
        (LocalTime::Date(_), _) => ";VALUE=DATE".to_owned(),
        (LocalTime::DateTime(_), TimeStyle::Utc) => String::new(),
        (LocalTime::DateTime(_), TimeStyle::Tzid(tzid)) => {
            let tzid = parameter(tzid);
            if tzid.contains([':', ';', ',', ' ']) {
                format!(";TZID=\"{tzid}\"")
            } else {
                format!(";TZID={tzid}")
            }
        }
    }
}

fn time_value(time: LocalTime, zone: &TimeStyle) -> String {
    match time {
        LocalTime::Date(date) => date.strftime("%Y%m%d").to_string(),
        LocalTime::DateTime(wall) => {
            let utc = if *zone == TimeStyle::Utc { "Z" } else { "" };
            format!("{}{utc}", wall.strftime("%Y%m%dT%H%M%S"))
        }
    }
}

/// A parameter value (RFC 5545 3.2) has no quotes and no control characters.
fn parameter(text: &str) -> String {
    text.chars()
        .filter(|char| !char.is_control())
        .map(|char| if char == '"' { '\'' } else { char })
        .collect()
}

/// TEXT (RFC 5545 3.3.11).
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(char);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push('\t'),
            char if char.is_control() => {}
            char => out.push(char),
        }
    }
    out
}

/// Content lines, folded.
#[derive(Debug, Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn text(&mut self, name: &str, value: &str) {
        self.raw(&format!("{name}:{}", escape(value)));
    }

    /// One content line, folded at 75 octets and never inside a character.
    fn raw(&mut self, line: &str) {
        let mut room = MAX_LINE_OCTETS;
        for char in line.chars().filter(|char| !char.is_control() || *char == '\t') {
            if char.len_utf8() > room {
                self.text.push_str("\r\n ");
                room = MAX_LINE_OCTETS - 1;
            }
            self.text.push(char);
            room -= char.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}
