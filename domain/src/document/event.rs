//! An event as a document: which keys it has, and how each is read when it is missing, odd or in conflict.

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::Transactable;
use automerge::{AutoCommit, AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};
use jiff::civil::{Date, DateTime};

use super::details;
use super::fields::{
    boolean, child, cut, float, integer, map, maps, put_float, put_integer, put_string, put_strings, put_text, remove,
    string, strings, text,
};
use crate::event::{
    Event, LocalTime, Location, MAX_DESCRIPTION, MAX_PLACE, MAX_SUMMARY, MAX_TAG, MAX_TAGS, MAX_TITLE, MAX_UID,
    MAX_URL, Override, Schedule, Status, Zone,
};
use crate::profile::Point;

/// Longest zone definition in characters.
const MAX_ZONE: usize = 16 * 1024;
/// Most rules, and most dates in each list of a schedule.
const MAX_DATES: usize = 2_000;
/// Longest rule in characters.
const MAX_RULE: usize = 500;

/// The key of what [`is_postponed`] reads.
pub(super) const POSTPONED: &str = "postponed";

pub(super) fn write(doc: &mut AutoCommit, event: &Event) -> Result<(), AutomergeError> {
    put_string(doc, &ROOT, "uid", &event.uid)?;
    put_integer(doc, &ROOT, "sequence", i64::from(event.sequence))?;
    put_standing(doc, event)?;
    put_string(doc, &ROOT, "title", &event.title)?;
    put_string(doc, &ROOT, "summary", &event.summary)?;
    put_text(doc, &ROOT, "description", &event.description)?;
    put_string(doc, &ROOT, "language", &event.language)?;
    put_strings(doc, &ROOT, "tags", &event.tags)?;
    put_location(doc, &ROOT, event.location.as_ref())?;
    put_string(doc, &ROOT, "url", &event.url)?;
    put_string(doc, &ROOT, "online_url", &event.online_url)?;
    put_string(doc, &ROOT, "image_url", &event.image_url)?;
    details::write_translations(doc, &event.translations)?;
    details::write_features(doc, &event.features)?;
    details::write_capacity(doc, event.capacity)?;
    put_integer(doc, &ROOT, "created", event.created_ms)?;
    put_integer(doc, &ROOT, "updated", event.updated_ms)?;
    write_schedule(doc, &event.schedule)
}

/// Sets the event's own status, and whether it is postponed.
fn put_standing(doc: &mut AutoCommit, event: &Event) -> Result<(), AutomergeError> {
    let said = read_status(doc, &ROOT).is_some();
    if said && read_standing(doc) == (event.status, event.postponed) {
        return Ok(());
    }
    if event.postponed {
        doc.put(ROOT, POSTPONED, true)?;
    } else {
        remove(doc, &ROOT, POSTPONED)?;
    }
    put_status(doc, &ROOT, Some(event.status))
}

/// The event's own status, and whether it is postponed. A version that does not know the second reads the first: a
/// postponed event is tentative, and a cancellation beats a postponement at every version alike.
fn read_standing(doc: &AutoCommit) -> (Status, bool) {
    let status = read_status(doc, &ROOT).unwrap_or_default();
    if status != Status::Cancelled && is_postponed(doc) {
        (Status::Tentative, true)
    } else {
        (status, false)
    }
}

/// Whether it is said that there is no date; a cancellation says more.
pub(super) fn is_postponed(doc: &AutoCommit) -> bool {
    boolean(doc, &ROOT, POSTPONED) == Some(true)
}

/// Sets the status. The value is compared with the whole reading, so that a settled conflict is not written again.
fn put_status(doc: &mut AutoCommit, object: &ObjId, new: Option<Status>) -> Result<(), AutomergeError> {
    let Some(new) = new else {
        return remove(doc, object, "status");
    };
    if read_status(doc, object) == Some(new) {
        return Ok(());
    }
    doc.put(object, "status", status_name(new))
}

pub(super) const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Confirmed => "confirmed",
        Status::Tentative => "tentative",
        Status::Cancelled => "cancelled",
    }
}

/// `cancelled` beats every concurrent status.
fn read_status(doc: &AutoCommit, object: &ObjId) -> Option<Status> {
    if is_cancelled(doc, object) {
        return Some(Status::Cancelled);
    }
    match string(doc, object, "status")?.as_str() {
        "confirmed" => Some(Status::Confirmed),
        "tentative" => Some(Status::Tentative),
        _ => None,
    }
}

/// Whether any of the concurrent statuses is `cancelled`.
pub(super) fn is_cancelled(doc: &AutoCommit, object: &ObjId) -> bool {
    let all = doc.get_all(object, "status").unwrap_or_default();
    all.iter().any(|(value, _)| match value {
        Value::Scalar(value) => matches!(value.as_ref(), ScalarValue::Str(name) if name == "cancelled"),
        Value::Object(_) => false,
    })
}

/// The largest of the concurrent numbers: for what only ever counts up.
fn largest(doc: &AutoCommit, object: &ObjId, key: &str) -> Option<i64> {
    let all = doc.get_all(object, key).unwrap_or_default();
    let numbers = all.iter().filter_map(|(value, _)| match value {
        Value::Scalar(value) => value.as_i64(),
        Value::Object(_) => None,
    });
    numbers.max()
}

fn put_location(doc: &mut AutoCommit, object: &ObjId, new: Option<&Location>) -> Result<(), AutomergeError> {
    let Some(new) = new else {
        return remove(doc, object, "location");
    };
    if maps(doc, object, "location").len() > 1 {
        if read_location(doc, object).as_ref() == Some(new) {
            return Ok(());
        }
        // Made by several hubs at the same time: from here on one alone speaks.
        doc.delete(object, "location")?;
    }
    let place = map(doc, object, "location")?;
    put_string(doc, &place, "name", &new.name)?;
    put_float(doc, &place, "lat", new.at.map(|at| at.lat))?;
    put_float(doc, &place, "lon", new.at.map(|at| at.lon))
}

fn read_location(doc: &AutoCommit, object: &ObjId) -> Option<Location> {
    let places = maps(doc, object, "location");
    if places.is_empty() {
        return None;
    }
    let name = places.iter().find_map(|place| string(doc, place, "name"));
    let at = places
        .iter()
        .find_map(|place| float(doc, place, "lat").zip(float(doc, place, "lon")));
    Some(Location {
        name: cut(name.unwrap_or_default(), MAX_PLACE),
        at: at.and_then(|(lat, lon)| Point::new(lat, lon)),
    })
}

fn write_schedule(doc: &mut AutoCommit, schedule: &Schedule) -> Result<(), AutomergeError> {
    let at = map(doc, &ROOT, "schedule")?;
    put_string(doc, &at, "start", &schedule.start.to_string())?;
    put_string(doc, &at, "end", &schedule.end.to_string())?;
    put_string(doc, &at, "zone", schedule.zone.name())?;
    let definition = match &schedule.zone {
        Zone::Custom { definition, .. } => definition.as_str(),
        Zone::Named(_) => "",
    };
    put_string(doc, &at, "zone_definition", definition)?;
    put_strings(doc, &at, "rules", &schedule.rules)?;
    put_strings(doc, &at, "extra", &times(&schedule.extra))?;
    put_strings(doc, &at, "excluded", &times(&schedule.excluded))?;
    write_overrides(doc, &at, &schedule.overrides)
}

pub(super) fn times(list: &[LocalTime]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// Overrides are a map by the occurrence they change, so that edits to two occurrences never conflict. Hubs that change
/// their first occurrence at the same time make a map each; all of them are read and kept in step, see
/// [`read_overrides`].
fn write_overrides(doc: &mut AutoCommit, at: &ObjId, overrides: &[Override]) -> Result<(), AutomergeError> {
    let present = maps(doc, at, "overrides");
    if overrides.is_empty() && present.is_empty() {
        return Ok(());
    }
    let wanted: BTreeSet<String> = overrides.iter().map(|one| one.recurrence_id.to_string()).collect();
    for known in &present {
        let keys: Vec<String> = doc.keys(known).collect();
        for key in keys.iter().filter(|key| !wanted.contains(*key)) {
            doc.delete(known, key.as_str())?;
        }
    }
    let before = read_overrides(doc, at);
    for one in overrides.iter().filter(|one| !before.contains(one)) {
        let key = one.recurrence_id.to_string();
        let known = entries(doc, at).remove(&key).unwrap_or_default();
        let entry = match known.as_slice() {
            [entry] => entry.clone(),
            several => {
                // From here on one entry alone speaks.
                if !several.is_empty() {
                    for all in &present {
                        remove(doc, all, &key)?;
                    }
                }
                let all = map(doc, at, "overrides")?;
                map(doc, &all, &key)?
            }
        };
        write_override(doc, &entry, one)?;
    }
    Ok(())
}

fn write_override(doc: &mut AutoCommit, entry: &ObjId, one: &Override) -> Result<(), AutomergeError> {
    if boolean(doc, entry, "future").unwrap_or(false) != one.this_and_future {
        doc.put(entry, "future", one.this_and_future)?;
    }
    put_status(doc, entry, one.status)?;
    let (start, end) = one
        .time
        .map(|(start, end)| (start.to_string(), end.to_string()))
        .unwrap_or_default();
    put_string(doc, entry, "start", &start)?;
    put_string(doc, entry, "end", &end)?;
    put_string(doc, entry, "title", one.title.as_deref().unwrap_or_default())?;
    put_string(
        doc,
        entry,
        "description",
        one.description.as_deref().unwrap_or_default(),
    )?;
    put_location(doc, entry, one.location.as_ref())?;
    put_string(doc, entry, "url", one.url.as_deref().unwrap_or_default())
}

pub(super) fn read(doc: &AutoCommit) -> Event {
    let mut tags: Vec<String> = Vec::new();
    for tag in strings(doc, &ROOT, "tags", MAX_TAGS) {
        let tag = cut(tag, MAX_TAG);
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    let (status, postponed) = read_standing(doc);
    Event {
        uid: text(doc, &ROOT, "uid", MAX_UID),
        sequence: largest(doc, &ROOT, "sequence")
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(0),
        status,
        postponed,
        title: text(doc, &ROOT, "title", MAX_TITLE),
        summary: text(doc, &ROOT, "summary", MAX_SUMMARY),
        description: text(doc, &ROOT, "description", MAX_DESCRIPTION),
        language: text(doc, &ROOT, "language", MAX_TAG),
        tags,
        location: read_location(doc, &ROOT),
        url: read_url(doc, &ROOT, "url"),
        online_url: read_url(doc, &ROOT, "online_url"),
        image_url: read_url(doc, &ROOT, "image_url"),
        translations: details::read_translations(doc),
        features: details::read_features(doc),
        capacity: details::read_capacity(doc),
        schedule: read_schedule(doc),
        created_ms: integer(doc, &ROOT, "created").unwrap_or(0),
        updated_ms: largest(doc, &ROOT, "updated").unwrap_or(0),
    }
}

/// Anything but http and https reads as none: a link is never a script.
fn read_url(doc: &AutoCommit, object: &ObjId, key: &str) -> String {
    let url = text(doc, object, key, MAX_URL);
    let lower = url.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        url
    } else {
        String::new()
    }
}

fn parse_time(text: &str) -> Option<LocalTime> {
    if text.contains('T') {
        text.parse::<DateTime>().ok().map(LocalTime::DateTime)
    } else {
        text.parse::<Date>().ok().map(LocalTime::Date)
    }
}

fn read_time(doc: &AutoCommit, object: &ObjId, key: &str) -> Option<LocalTime> {
    parse_time(&string(doc, object, key)?)
}

/// An end before its start, or of another form than the start, reads as the start.
fn sane_end(start: LocalTime, end: Option<LocalTime>) -> LocalTime {
    match end {
        Some(end) if end.is_date() == start.is_date() && end >= start => end,
        _ => start,
    }
}

fn read_schedule(doc: &AutoCommit) -> Schedule {
    let epoch = LocalTime::Date(jiff::civil::date(1970, 1, 1));
    let Some(at) = child(doc, &ROOT, "schedule", ObjType::Map) else {
        return Schedule {
            start: epoch,
            end: epoch,
            zone: Zone::Named("UTC".into()),
            rules: Vec::new(),
            extra: Vec::new(),
            excluded: Vec::new(),
            overrides: Vec::new(),
        };
    };
    let start = read_time(doc, &at, "start").unwrap_or(epoch);
    let name = text(doc, &at, "zone", MAX_TITLE);
    let definition = text(doc, &at, "zone_definition", MAX_ZONE);
    let zone = match (name.is_empty(), definition.is_empty()) {
        (true, true) => Zone::Named("UTC".into()),
        (_, true) => Zone::Named(name),
        (_, false) => Zone::Custom { name, definition },
    };
    let dates = |key| {
        let all = strings(doc, &at, key, MAX_DATES);
        all.iter().filter_map(|text| parse_time(text)).collect()
    };
    Schedule {
        start,
        end: sane_end(start, read_time(doc, &at, "end")),
        zone,
        rules: strings(doc, &at, "rules", MAX_TAGS)
            .into_iter()
            .map(|rule| cut(rule, MAX_RULE))
            .collect(),
        extra: dates("extra"),
        excluded: dates("excluded"),
        overrides: read_overrides(doc, &at),
    }
}

/// The maps that hold what changes one occurrence, the winner first.
pub(super) fn entries(doc: &AutoCommit, at: &ObjId) -> BTreeMap<String, Vec<ObjId>> {
    let mut out: BTreeMap<String, Vec<ObjId>> = BTreeMap::new();
    for all in maps(doc, at, "overrides") {
        for key in doc.keys(&all).take(MAX_DATES) {
            let found = maps(doc, &all, &key);
            out.entry(key).or_default().extend(found);
        }
    }
    out
}

fn read_overrides(doc: &AutoCommit, at: &ObjId) -> Vec<Override> {
    let mut out: BTreeMap<LocalTime, Override> = BTreeMap::new();
    for (key, entries) in entries(doc, at) {
        let Some(recurrence_id) = parse_time(&key).filter(|_| !entries.is_empty()) else {
            continue;
        };
        // Of what two hubs say about one occurrence at the same time, everything counts that does not contradict.
        let optional = |name, most| {
            let mut all = entries.iter().map(|entry| text(doc, entry, name, most));
            all.find(|text| !text.is_empty())
        };
        let time = entries.iter().find_map(|entry| {
            let start = read_time(doc, entry, "start")?;
            Some((start, sane_end(start, read_time(doc, entry, "end"))))
        });
        let statuses: Vec<Status> = entries.iter().filter_map(|entry| read_status(doc, entry)).collect();
        let cancelled = statuses.contains(&Status::Cancelled).then_some(Status::Cancelled);
        let one = Override {
            recurrence_id,
            this_and_future: entries
                .iter()
                .find_map(|entry| boolean(doc, entry, "future"))
                .unwrap_or(false),
            status: cancelled.or(statuses.first().copied()),
            time,
            title: optional("title", MAX_TITLE),
            description: optional("description", MAX_DESCRIPTION),
            location: entries.iter().find_map(|entry| read_location(doc, entry)),
            url: entries
                .iter()
                .map(|entry| read_url(doc, entry, "url"))
                .find(|url| !url.is_empty()),
        };
        out.insert(recurrence_id, one);
        if out.len() == MAX_DATES {
            break;
        }
    }
    out.into_values().collect()
}

/// Whether an event is one that [`read`] can give.
pub(super) fn is_within_limits(event: &Event) -> bool {
    let short = |text: &str, most: usize| text.chars().nth(most).is_none();
    let place = |place: Option<&Location>| {
        place.is_none_or(|place| {
            short(&place.name, MAX_PLACE) && place.at.is_none_or(|at| Point::new(at.lat, at.lon).is_some())
        })
    };
    let Schedule {
        zone,
        rules,
        extra,
        excluded,
        overrides,
        ..
    } = &event.schedule;
    let zone_fits = match zone {
        Zone::Named(name) => short(name, MAX_TITLE),
        Zone::Custom { name, definition } => short(name, MAX_TITLE) && short(definition, MAX_ZONE),
    };
    let one_fits = |one: &Override| {
        short(one.title.as_deref().unwrap_or_default(), MAX_TITLE)
            && short(one.description.as_deref().unwrap_or_default(), MAX_DESCRIPTION)
            && short(one.url.as_deref().unwrap_or_default(), MAX_URL)
            && place(one.location.as_ref())
    };
    let urls = [&event.url, &event.online_url, &event.image_url];
    short(&event.uid, MAX_UID)
        && short(&event.title, MAX_TITLE)
        && short(&event.summary, MAX_SUMMARY)
        && short(&event.description, MAX_DESCRIPTION)
        && short(&event.language, MAX_TAG)
        && event.tags.len() <= MAX_TAGS
        && event.tags.iter().all(|tag| short(tag, MAX_TAG))
        && place(event.location.as_ref())
        && urls.into_iter().all(|url| short(url, MAX_URL))
        && details::are_within_limits(&event.translations, &event.features, event.capacity)
        && (!event.postponed || event.status == Status::Tentative)
        && zone_fits
        && rules.len() <= MAX_TAGS
        && rules.iter().all(|rule| short(rule, MAX_RULE))
        && extra.len().max(excluded.len()).max(overrides.len()) <= MAX_DATES
        && overrides.iter().all(one_fits)
}

/// The least an event must say.
pub(super) fn check(doc: &AutoCommit) -> Result<(), &'static str> {
    let uid = string(doc, &ROOT, "uid").unwrap_or_default();
    if uid.is_empty() || uid.chars().count() > MAX_UID {
        return Err("an event needs a uid of 1 to 255 characters");
    }
    let title = string(doc, &ROOT, "title").unwrap_or_default();
    if title.chars().count() > MAX_TITLE {
        return Err("a title has at most 1,000 characters");
    }
    let start = child(doc, &ROOT, "schedule", ObjType::Map).and_then(|at| read_time(doc, &at, "start"));
    if start.is_none() {
        Err("an event needs a start")
    } else {
        Ok(())
    }
}
