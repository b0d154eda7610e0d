//! Calendar files: what was read, when it takes place, and what became of it when it was written and read again.

use std::collections::BTreeMap;
use std::error::Error;

use interhub_domain::calendar::expand::{Window, occurrences};
use interhub_domain::calendar::export::{CalendarInfo, ExportEvent, export};
use interhub_domain::calendar::import::{Import, ImportedEvent, RefusedEvent, import};
use interhub_domain::calendar::zone;
use interhub_domain::event::{Event, LocalTime, Status};
use serde_json::{Value, json};

use super::{NOW_MS, Out, context, guarded, timed};

/// 2025-09-01 to 2027-09-01 in UTC, with room for every zone: `corpus.py` cuts off the edges.
const WINDOW: Window = Window {
    from_ms: 1_756_512_000_000,
    to_ms: 1_819_929_600_000,
};

/// Occurrences of one event: every hour of these years, and some more.
const MAX_OCCURRENCES: usize = 20_000;

/// Reads every one of these files.
pub(super) fn read_all(paths: &[String], out: &mut Out) -> Result<(), Box<dyn Error>> {
    for path in paths {
        let bytes = std::fs::read(path)?;
        let said = guarded(|| said_of(&bytes)).unwrap_or_else(|panic| json!({ "panic": panic }));
        let mut line = json!({ "path": path, "bytes": bytes.len() });
        if let (Value::Object(line), Value::Object(said)) = (&mut line, said) {
            line.extend(said);
        }
        out.line(&line)?;
    }
    Ok(())
}

fn said_of(bytes: &[u8]) -> Value {
    let (read, import_ms) = timed(|| import(bytes, &context(NOW_MS)));
    let Import {
        events,
        refused,
        warnings,
        complete,
        ..
    } = match read {
        Ok(read) => read,
        Err(error) => return json!({ "reason": error.to_string(), "import_ms": import_ms }),
    };
    let (shown, expand_ms) = timed(|| events.iter().map(show).collect::<Vec<_>>());
    let (text, export_ms) = timed(|| write(&events));
    let (again, again_ms) = timed(|| compare(&events, &text));
    let warnings: Vec<Value> = warnings
        .into_iter()
        .map(|warning| json!({ "uid": warning.uid, "line": warning.line, "message": warning.message }))
        .collect();
    json!({
        "import_ms": import_ms,
        "whole_ms": import_ms + expand_ms + export_ms + again_ms,
        "complete": complete,
        "events": shown,
        "refused": refused.iter().map(refusal).collect::<Vec<_>>(),
        "warnings": warnings,
        "exported": text,
        "again": again,
    })
}

pub(super) fn refusal(refused: &RefusedEvent) -> Value {
    json!({ "uid": refused.uid, "line": refused.line, "reason": refused.reason })
}

/// As the command line lists an event, where it has the same fields.
fn show(imported: &ImportedEvent) -> Value {
    let event = &imported.event;
    let schedule = &event.schedule;
    let (starts, truncated) = starts(event);
    let tz = zone::resolve(&schedule.zone);
    let edge = |time: LocalTime| key(time, zone::instant_ms(time, &tz));
    json!({
        "uid": event.uid,
        "line": imported.line,
        "title": event.title,
        "description": event.description,
        "url": event.url,
        "start": schedule.start.to_string(),
        "first": edge(schedule.start),
        "last": edge(schedule.end),
        "all_day": schedule.all_day(),
        "timezone": schedule.zone.name(),
        "status": status(event.status),
        "location": { "name": event.location.as_ref().map_or("", |location| &location.name) },
        "tags": event.tags,
        "series": schedule.is_series() || !schedule.overrides.is_empty(),
        "original": imported.original,
        "occurrences": starts,
        "truncated": truncated,
        "rules": schedule.rules,
    })
}

/// Its starts in these years, and whether there are more.
fn starts(event: &Event) -> (Vec<String>, bool) {
    let found = occurrences(&event.schedule, event.status, WINDOW, MAX_OCCURRENCES);
    let starts = found.occurrences.iter().map(|one| key(one.start, one.start_ms));
    (starts.collect(), found.truncated)
}

/// A start as other programs can say it too: a date for whole days, else the instant.
fn key(start: LocalTime, start_ms: i64) -> String {
    match start {
        LocalTime::Date(date) => date.to_string(),
        LocalTime::DateTime(_) => jiff::Timestamp::from_millisecond(start_ms).map_or_else(
            |error| error.to_string(),
            |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        ),
    }
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Confirmed => "confirmed",
        Status::Tentative => "tentative",
        Status::Cancelled => "cancelled",
    }
}

fn write(events: &[ImportedEvent]) -> String {
    let info = CalendarInfo {
        name: "Calendars of the world".to_owned(),
        product: "-//Interhub//corpus//EN".to_owned(),
        ..CalendarInfo::default()
    };
    let events: Vec<ExportEvent<'_>> = events
        .iter()
        .map(|imported| ExportEvent {
            event: &imported.event,
            hub_name: "Hub",
            hub_url: "https://hub.example/",
            page_url: "",
        })
        .collect();
    export(&info, &events)
}

/// How what was written reads, where that is not as it was: nothing may be.
fn compare(events: &[ImportedEvent], text: &str) -> Value {
    let again = match import(text.as_bytes(), &context(NOW_MS)) {
        Ok(again) => again,
        Err(error) => return json!([format!("the export is refused: {error}")]),
    };
    let mut differences: Vec<String> = Vec::new();
    for refused in &again.refused {
        differences.push(format!("refused: {}", refusal(refused)));
    }
    let mut left: BTreeMap<&str, &Event> = again
        .events
        .iter()
        .map(|imported| (imported.event.uid.as_str(), &imported.event))
        .collect();
    for event in events.iter().map(|imported| &imported.event) {
        match left.remove(event.uid.as_str()) {
            None => differences.push(format!("{}: lost", event.uid)),
            Some(there) if there != event => {
                let mut there = there.clone();
                // A rule goes out as the standard wants it, which need not be how it came in.
                if starts(&there) == starts(event) {
                    there.schedule.rules.clone_from(&event.schedule.rules);
                }
                for field in fields_that_differ(event, &there) {
                    differences.push(format!("{}: {field}", event.uid));
                }
            }
            Some(_) => {}
        }
    }
    differences.extend(left.keys().map(|uid| format!("{uid}: made up")));
    // What is the same is written the same.
    if differences.is_empty() && write(&again.events) != text {
        differences.push("the second export has other bytes than the first".to_owned());
    }
    differences.into()
}

/// The fields in which two events differ, with both values.
pub(super) fn fields_that_differ(one: &Event, other: &Event) -> Vec<String> {
    let (Ok(Value::Object(one)), Ok(Value::Object(other))) = (serde_json::to_value(one), serde_json::to_value(other))
    else {
        return vec!["it cannot be written as JSON".to_owned()];
    };
    one.iter()
        .filter(|(name, value)| other.get(*name) != Some(value))
        .map(|(name, value)| format!("{name}: {value} / {}", other.get(name).unwrap_or(&Value::Null)))
        .collect()
}
