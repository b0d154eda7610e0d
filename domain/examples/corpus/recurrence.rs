//! libical's vectors: a rule, a first start, and the instances they stand for.

use std::error::Error;

use interhub_domain::calendar::expand::{Window, occurrences};
use interhub_domain::calendar::{rule, zone};
use interhub_domain::event::{LocalTime, Schedule, Status, Zone};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::json;

use super::{Out, guarded};

/// So many instances more than the vector has are shown if there are more.
const MORE: usize = 5;

/// Expands every vector of these files.
pub(super) fn expand_all(paths: &[String], out: &mut Out) -> Result<(), Box<dyn Error>> {
    for path in paths {
        let text = std::fs::read_to_string(path)?;
        let (mut rule, mut start, mut from) = ("", "", "");
        for (number, line) in text.lines().enumerate() {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            match name {
                "RRULE" => (rule, start, from) = (value, "", ""),
                "DTSTART" => start = value,
                "START-AT" => from = value,
                "INSTANCES" => {
                    let expected: Vec<&str> = value.trim().split(',').collect();
                    let limit = expected.len() + MORE;
                    let said = guarded(|| {
                        json!({
                            "found": instances(rule, start, "", limit),
                            "found_from": instances(rule, start, from, limit),
                            "found_one_more": instances(&with_one_more(rule), start, "", limit),
                        })
                    });
                    out.line(&json!({
                        "path": path, "line": number + 1, "rule": rule, "start": start, "from": from,
                        "expected": expected, "said": said.unwrap_or_else(|panic| json!({ "panic": panic })),
                    }))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The instances as the vectors write them. All vectors are in UTC or in times without a zone, which is the same here.
fn instances(written: &str, start: &str, from: &str, limit: usize) -> Result<Vec<String>, String> {
    rule::check(written).map_err(|error| error.to_string())?;
    let first = local(start)?;
    let schedule = Schedule {
        start: first,
        end: first,
        zone: Zone::Named("UTC".to_owned()),
        rules: vec![written.to_owned()],
        extra: Vec::new(),
        excluded: Vec::new(),
        overrides: Vec::new(),
    };
    let mut window = Window::ALL;
    if !from.is_empty() {
        window.from_ms = zone::instant_ms(local(from)?, &TimeZone::UTC);
    }
    let found = occurrences(&schedule, Status::Confirmed, window, limit).occurrences;
    let utc = if start.ends_with('Z') { "Z" } else { "" };
    Ok(found
        .into_iter()
        .map(|occurrence| match occurrence.start {
            LocalTime::Date(date) => date.strftime("%Y%m%d").to_string(),
            LocalTime::DateTime(at) => format!("{}{utc}", at.strftime("%Y%m%dT%H%M%S")),
        })
        .collect())
}

/// With a COUNT higher by one: for a first start that does not fit its rule, and is counted here and not by libical.
fn with_one_more(rule: &str) -> String {
    let part = |part: &str| {
        let count = part.strip_prefix("COUNT=").and_then(|count| count.parse::<u32>().ok());
        count.map_or_else(|| part.to_owned(), |count| format!("COUNT={}", count + 1))
    };
    rule.split(';').map(part).collect::<Vec<_>>().join(";")
}

fn local(text: &str) -> Result<LocalTime, String> {
    let text = text.trim_end_matches('Z');
    let wrong = |error: jiff::Error| format!("{text}: {error}");
    if text.contains('T') {
        DateTime::strptime("%Y%m%dT%H%M%S", text)
            .map(LocalTime::DateTime)
            .map_err(wrong)
    } else {
        Date::strptime("%Y%m%d", text).map(LocalTime::Date).map_err(wrong)
    }
}
