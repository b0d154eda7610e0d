//! From events to JSCalendar (RFC 8984): one Group with an Event for each.
//!
//! An export only. iCalendar and the events' own documents stay the masters: JSCalendar has no place for a short text beside
//! the long one, for capacity and features, nor for a postponement, which is a cancellation here as it is in iCalendar. What
//! it does not know either is said in its own terms:
//!
//! - A change from one date on (RANGE=THISANDFUTURE) becomes a change of each date, for the first
//!   [`MAX_PATCHED`] of them.
//! - A zone that an event defines itself becomes UTC, in which the rules then count.

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::clean::{language, web_address};
use super::expand::{Window, occurrences};
use super::export::{CalendarInfo, ExportEvent};
use super::rule::{Frequency, Skip, Until, strict};
use super::zone;
use super::zones::{is_utc, shifted_end};
use crate::event::{Event, LocalTime, Location, Override, Status, Zone};
use crate::ids::hash16;

/// Dates of a series that are patched one by one where a change holds from one date on: daily for nearly three years.
pub const MAX_PATCHED: usize = 1_000;

/// Writes a Group with these events, in this order. The same events give the same document.
pub fn export(calendar: &CalendarInfo, events: &[ExportEvent<'_>]) -> Value {
    let uid = hash16(
        "interhub/v1/jscalendar",
        &[calendar.url.as_bytes(), calendar.name.as_bytes()],
    );
    let updated_ms = events.iter().map(|export| export.event.updated_ms).max();
    let mut group = json!({
        "@type": "Group",
        "uid": format!("{}@interhub", data_encoding::HEXLOWER.encode(&uid)),
        "prodId": calendar.product,
        "updated": utc(updated_ms.unwrap_or(0)),
        "title": calendar.name,
        "entries": events.iter().map(entry).collect::<Vec<_>>(),
    });
    if !calendar.description.is_empty() {
        group["description"] = json!(calendar.description);
    }
    if let Some(url) = web_address(&calendar.url) {
        group["source"] = json!(url);
    }
    group
}

/// How the times of one event are written.
struct Times {
    /// As the schedule means them.
    zone: TimeZone,
    /// `None` for whole days, which are the same everywhere.
    name: Option<String>,
    /// Wall times are converted to UTC.
    converted: bool,
}

impl Times {
    fn of(event: &Event) -> Self {
        let schedule = &event.schedule;
        let (name, converted) = match &schedule.zone {
            _ if schedule.all_day() => (None, false),
            Zone::Named(name) if !is_utc(name) && zone::lookup(&schedule.zone).is_some() => (Some(name.clone()), false),
            Zone::Named(_) => (Some("Etc/UTC".to_owned()), false),
            Zone::Custom { .. } => (Some("Etc/UTC".to_owned()), true),
        };
        Self {
            zone: zone::resolve(&schedule.zone),
            name,
            converted,
        }
    }

    /// LocalDateTime (RFC 8984 1.4.4).
    fn local(&self, time: LocalTime) -> String {
        let wall = if self.converted && !time.is_date() {
            zone::local_at(zone::instant_ms(time, &self.zone), &TimeZone::UTC)
        } else {
            time.date_time()
        };
        written(wall)
    }

    /// Duration (RFC 8984 1.4.6): days for whole days, elapsed time otherwise.
    fn duration(&self, start: LocalTime, end: LocalTime) -> String {
        if start.is_date() {
            let days = (end.date() - start.date()).get_days().max(1);
            return format!("P{days}D");
        }
        let elapsed_ms = zone::instant_ms(end, &self.zone).saturating_sub(zone::instant_ms(start, &self.zone));
        let seconds = (elapsed_ms / 1_000).max(0);
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let part = |number: i64, unit: char| {
            if number == 0 {
                String::new()
            } else {
                format!("{number}{unit}")
            }
        };
        match part(hours, 'H') + &part(minutes, 'M') + &part(seconds, 'S') {
            nothing if nothing.is_empty() => "PT0S".to_owned(),
            time => format!("PT{time}"),
        }
    }
}

fn entry(export: &ExportEvent<'_>) -> Value {
    let event = export.event;
    let schedule = &event.schedule;
    let times = Times::of(event);
    let mut out = json!({
        "@type": "Event",
        "uid": event.uid,
        "created": utc(event.created_ms),
        "updated": utc(event.updated_ms),
        "sequence": event.sequence,
        "title": event.title,
        "description": text_of(event),
        "start": times.local(schedule.start),
        "duration": times.duration(schedule.start, schedule.end),
        "status": status_name(event.outward_status()),
        "participants": {
            "host": {"@type": "Participant", "name": export.hub_name, "kind": "group", "roles": {"owner": true}},
        },
    });
    let links = links(export, &event.url);
    let virtual_location =
        web_address(&event.online_url).map(|uri| json!({"online": {"@type": "VirtualLocation", "uri": uri}}));
    let tags: Map<String, Value> = event.tags.iter().map(|tag| (tag.clone(), json!(true))).collect();
    let rules: Vec<Value> = schedule
        .rules
        .iter()
        .filter_map(|rule| recurrence_rule(rule, schedule.start, &times))
        .collect();
    let (tag, localizations) = (language(&event.language), localizations(event));
    for (name, value) in [
        ("timeZone", times.name.as_ref().map(|name| json!(name))),
        ("showWithoutTime", schedule.all_day().then_some(json!(true))),
        ("locale", (!tag.is_empty()).then(|| json!(tag))),
        ("locations", event.location.as_ref().map(locations)),
        ("virtualLocations", virtual_location),
        ("links", (!links.is_empty()).then(|| json!(links))),
        ("keywords", (!tags.is_empty()).then(|| json!(tags))),
        (
            "localizations",
            (!localizations.is_empty()).then(|| json!(localizations)),
        ),
        ("recurrenceRules", (!rules.is_empty()).then(|| json!(rules))),
        ("recurrenceOverrides", overrides(export, &times)),
    ] {
        if let Some(value) = value {
            out[name] = value;
        }
    }
    out
}

/// The long text, or the short one in its place.
fn text_of(event: &Event) -> &str {
    if event.description.is_empty() {
        &event.summary
    } else {
        &event.description
    }
}

/// What stands in the place of the original for readers of other languages.
fn localizations(event: &Event) -> Map<String, Value> {
    let mut out = Map::new();
    for (tag, translation) in &event.translations {
        let mut patch = Map::new();
        if !translation.title.is_empty() {
            patch.insert("title".to_owned(), json!(translation.title));
        }
        if event.description.is_empty() && !translation.summary.is_empty() {
            patch.insert("description".to_owned(), json!(translation.summary));
        }
        if !patch.is_empty() {
            out.insert(tag.clone(), Value::Object(patch));
        }
    }
    out
}

fn locations(location: &Location) -> Value {
    let mut place = json!({"@type": "Location", "name": location.name});
    if let Some(at) = location.at {
        place["coordinates"] = json!(format!("geo:{},{}", at.lat, at.lon));
    }
    json!({"place": place})
}

fn links(export: &ExportEvent<'_>, url: &str) -> Map<String, Value> {
    let mut out = Map::new();
    if let Some(href) = web_address(url).or_else(|| web_address(export.page_url)) {
        out.insert(
            "page".to_owned(),
            json!({"@type": "Link", "href": href, "rel": "describedby"}),
        );
    }
    if let Some(href) = web_address(&export.event.image_url) {
        let picture = json!({"@type": "Link", "href": href, "rel": "icon", "display": "badge"});
        out.insert("picture".to_owned(), picture);
    }
    out
}

/// What differs at single dates: left out, added, changed.
fn overrides(export: &ExportEvent<'_>, times: &Times) -> Option<Value> {
    let schedule = &export.event.schedule;
    let mut out = Map::new();
    for date in &schedule.extra {
        out.insert(times.local(*date), json!({}));
    }
    for date in &schedule.excluded {
        out.insert(times.local(*date), json!({"excluded": true}));
    }
    if schedule.overrides.iter().any(|change| change.this_and_future) {
        let all = occurrences(schedule, export.event.outward_status(), Window::ALL, MAX_PATCHED).occurrences;
        for one in all {
            let change = one.override_index.and_then(|index| schedule.overrides.get(index));
            if let (Some(id), Some(change)) = (one.recurrence_id, change) {
                out.insert(times.local(id), patch(export, times, id, (one.start, one.end), change));
            }
        }
    } else {
        for change in &schedule.overrides {
            let id = change.recurrence_id;
            let span = change.time.unwrap_or((id, shifted_end(schedule, id)));
            out.insert(times.local(id), patch(export, times, id, span, change));
        }
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// PatchObject (RFC 8984 1.4.9) of one date.
fn patch(
    export: &ExportEvent<'_>,
    times: &Times,
    id: LocalTime,
    (start, end): (LocalTime, LocalTime),
    change: &Override,
) -> Value {
    let schedule = &export.event.schedule;
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    if start != id {
        put("start", json!(times.local(start)));
    }
    let duration = times.duration(start, end);
    if duration != times.duration(schedule.start, schedule.end) {
        put("duration", json!(duration));
    }
    let whole = export.event.outward_status();
    if let Some(status) = change
        .status
        .filter(|status| whole != Status::Cancelled && *status != whole)
    {
        put("status", json!(status_name(status)));
    }
    if let Some(title) = &change.title {
        put("title", json!(title));
        // What the translations translate is the title of the series.
        for tag in localizations(export.event).keys() {
            put(&format!("localizations/{tag}/title"), Value::Null);
        }
    }
    if let Some(description) = &change.description {
        put("description", json!(description));
    }
    if let Some(location) = &change.location {
        put("locations", locations(location));
    }
    if let Some(url) = &change.url {
        put("links", json!(links(export, url)));
    }
    Value::Object(out)
}

/// RecurrenceRule (RFC 8984 4.3.3); `None` for one that cannot be read.
fn recurrence_rule(text: &str, start: LocalTime, times: &Times) -> Option<Value> {
    let rule = strict::rule(text, start, &times.zone)?;
    let mut out = json!({"@type": "RecurrenceRule", "frequency": frequency_name(rule.frequency)});
    if rule.interval != 1 {
        out["interval"] = json!(rule.interval);
    }
    if rule.week_start != Weekday::Monday {
        out["firstDayOfWeek"] = json!(day_name(rule.week_start));
    }
    if let Some(count) = rule.count {
        out["count"] = json!(count);
    } else if let Some(until) = rule.until {
        out["until"] = json!(written(until_in(until, times)));
    }
    let days = rule.weekdays.iter().map(|day| {
        let mut value = json!({"@type": "NDay", "day": day_name(day.weekday)});
        if day.ordinal != 0 {
            value["nthOfPeriod"] = json!(day.ordinal);
        }
        value
    });
    let days: Vec<Value> = days.collect();
    if !days.is_empty() {
        out["byDay"] = json!(days);
    }
    if !rule.scale.is_gregorian() || rule.skip != Skip::Omit {
        out["rscale"] = json!(rule.scale.name().to_ascii_lowercase());
        out["skip"] = json!(rule.skip.name().to_ascii_lowercase());
    }
    let leap_months = rule.leap_months.iter().map(|month| format!("{month}L"));
    let months: Vec<String> = rule.months.iter().map(ToString::to_string).chain(leap_months).collect();
    if !months.is_empty() {
        out["byMonth"] = json!(months);
    }
    for (name, numbers) in [
        ("byMonthDay", &rule.month_days),
        ("byYearDay", &rule.year_days),
        ("byWeekNo", &rule.weeks),
        ("byHour", &rule.hours),
        ("byMinute", &rule.minutes),
        ("bySecond", &rule.seconds),
        ("bySetPosition", &rule.positions),
    ] {
        if !numbers.is_empty() {
            out[name] = json!(numbers);
        }
    }
    Some(out)
}

/// The last moment of a rule, as a wall time where the event is.
fn until_in(until: Until, times: &Times) -> DateTime {
    let zone = if times.converted { &TimeZone::UTC } else { &times.zone };
    match until {
        Until::Date(date) => date.at(23, 59, 59, 0),
        Until::Local(time) => time,
        Until::Utc(time) => zone::local_at(zone::instant_ms(LocalTime::DateTime(time), &TimeZone::UTC), zone),
    }
}

fn written(wall: DateTime) -> String {
    wall.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// UTCDateTime (RFC 8984 1.4.5), whole seconds.
fn utc(ms: i64) -> String {
    let instant = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Confirmed => "confirmed",
        Status::Tentative => "tentative",
        Status::Cancelled => "cancelled",
    }
}

const fn frequency_name(frequency: Frequency) -> &'static str {
    match frequency {
        Frequency::Secondly => "secondly",
        Frequency::Minutely => "minutely",
        Frequency::Hourly => "hourly",
        Frequency::Daily => "daily",
        Frequency::Weekly => "weekly",
        Frequency::Monthly => "monthly",
        Frequency::Yearly => "yearly",
    }
}

const fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "mo",
        Weekday::Tuesday => "tu",
        Weekday::Wednesday => "we",
        Weekday::Thursday => "th",
        Weekday::Friday => "fr",
        Weekday::Saturday => "sa",
        Weekday::Sunday => "su",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use jiff::civil::{date, datetime};

    use super::*;
    use crate::document::sample_event;
    use crate::event::Translation;

    fn exported(event: &Event) -> Value {
        let info = CalendarInfo {
            name: "Ours".into(),
            url: "https://hub.example/events.jscal.json".into(),
            ..CalendarInfo::default()
        };
        let one = ExportEvent {
            event,
            hub_name: "Hub",
            hub_url: "",
            page_url: "https://hub.example/events/1",
        };
        let group = export(&info, &[one]);
        assert_eq!((&group["@type"], &group["source"]), (&"Group".into(), &json!(info.url)));
        group["entries"][0].clone()
    }

    #[test]
    fn a_series_says_what_its_calendar_says() {
        let mut event = sample_event();
        event.translations.insert(
            "de".into(),
            Translation {
                title: "Tag der offenen Tür".into(),
                summary: "Schaut vorbei".into(),
            },
        );
        let out = exported(&event);
        for (name, value) in [
            ("start", json!("2027-03-04T18:30:00")),
            ("duration", json!("PT1H30M")),
            ("timeZone", json!("Europe/London")),
            ("status", json!("confirmed")),
            ("locale", json!("en")),
            ("updated", json!("1970-01-01T00:00:00Z")),
            ("keywords", json!({"open": true, "cake": true})),
            ("localizations", json!({"de": {"title": "Tag der offenen Tür"}})),
            (
                "recurrenceRules",
                json!([{"@type": "RecurrenceRule", "frequency": "weekly", "count": 5}]),
            ),
            (
                "recurrenceOverrides",
                json!({
                    "2027-03-11T18:30:00": {"excluded": true},
                    "2027-03-18T18:30:00": {"status": "cancelled", "title": "Closed day", "localizations/de/title": null},
                }),
            ),
        ] {
            assert_eq!(out[name], value, "{name}");
        }
        assert_eq!(out["locations"]["place"]["coordinates"], "geo:52.4751,-1.8848");
        assert_eq!(out["links"]["page"]["href"], "https://example.org/open-day");
        assert!(out.get("showWithoutTime").is_none() && out.get("virtualLocations").is_none());
        event.postpone();
        let out = exported(&event);
        assert_eq!(out["status"], "cancelled");
        assert!(
            out["recurrenceOverrides"]["2027-03-18T18:30:00"]
                .get("status")
                .is_none()
        );
    }

    #[test]
    fn whole_days_are_in_no_zone() {
        let mut event = sample_event();
        event.schedule.start = LocalTime::Date(date(2027, 3, 27));
        event.schedule.end = LocalTime::Date(date(2027, 3, 29));
        event.schedule.rules = vec!["FREQ=MONTHLY;INTERVAL=2;BYDAY=-1SU,MO;BYMONTH=3,5;WKST=SU;UNTIL=20280101".into()];
        (event.schedule.excluded, event.schedule.overrides) = (Vec::new(), Vec::new());
        let out = exported(&event);
        assert_eq!(
            (&out["start"], &out["duration"]),
            (&"2027-03-27T00:00:00".into(), &"P2D".into())
        );
        assert_eq!(out["showWithoutTime"], true);
        assert!(out.get("timeZone").is_none());
        let rule = &out["recurrenceRules"][0];
        assert_eq!(
            (&rule["until"], &rule["firstDayOfWeek"]),
            (&"2028-01-01T23:59:59".into(), &"su".into())
        );
        assert_eq!((&rule["interval"], &rule["byMonth"]), (&json!(2), &json!(["3", "5"])));
        let days = rule["byDay"].as_array().unwrap();
        assert!(
            days.contains(&json!({"@type": "NDay", "day": "su", "nthOfPeriod": -1})),
            "{days:?}"
        );
        assert!(days.contains(&json!({"@type": "NDay", "day": "mo"})), "{days:?}");
    }

    #[test]
    fn a_change_from_one_date_on_is_a_change_of_each() {
        let mut event = sample_event();
        event.schedule.excluded = Vec::new();
        event.schedule.overrides[0].this_and_future = true;
        event.schedule.overrides[0].status = None;
        event.schedule.overrides[0].time = Some((
            LocalTime::DateTime(datetime(2027, 3, 18, 19, 0, 0, 0)),
            LocalTime::DateTime(datetime(2027, 3, 18, 20, 0, 0, 0)),
        ));
        let out = exported(&event);
        let overrides = out["recurrenceOverrides"].as_object().unwrap();
        assert_eq!(overrides.len(), 3, "{overrides:?}");
        let last = &overrides["2027-04-01T18:30:00"];
        assert_eq!(
            last,
            &json!({"start": "2027-04-01T19:00:00", "duration": "PT1H", "title": "Closed day"})
        );
    }

    #[test]
    fn times_of_other_zones_are_in_utc() {
        let mut event = sample_event();
        event.schedule.rules = vec!["FREQ=DAILY;UNTIL=20270310T173000Z".into()];
        event.schedule.zone = Zone::Named("Europe/Vienna".into());
        assert_eq!(exported(&event)["recurrenceRules"][0]["until"], "2027-03-10T18:30:00");
        event.schedule.rules = vec!["FREQ=DAILY;COUNT=99;UNTIL=20270310".into()];
        let rule = &exported(&event)["recurrenceRules"][0];
        assert_eq!(
            (&rule["until"], rule.get("count")),
            (&"2027-03-10T23:59:59".into(), None)
        );
        for name in ["UTC", "Mars/Olympus"] {
            event.schedule.zone = Zone::Named(name.into());
            let out = exported(&event);
            assert_eq!(
                (&out["timeZone"], &out["start"]),
                (&"Etc/UTC".into(), &"2027-03-04T18:30:00".into())
            );
        }
        event.schedule.zone = Zone::Custom {
            name: "Ours".into(),
            definition: "BEGIN:VTIMEZONE\r\nTZID:Ours\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
                         TZOFFSETFROM:+0130\r\nTZOFFSETTO:+0130\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
                .into(),
        };
        let out = exported(&event);
        assert_eq!(
            (&out["timeZone"], &out["start"]),
            (&"Etc/UTC".into(), &"2027-03-04T17:00:00".into())
        );
        assert_eq!(out["duration"], "PT1H30M");
        assert_eq!(out["recurrenceRules"][0]["until"], "2027-03-10T22:29:59");
    }
}
