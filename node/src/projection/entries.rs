//! Which index entries one event makes: a pure function of its row and the covered years.

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::calendar::expand::{Window, last_end_ms, occurrences};
use interhub_domain::event::{Occurrence, Schedule};
use interhub_domain::ids::ThingId;

use super::covered::CoveredYears;
use super::keys::{Todo, cell_of, class_of, slot, tag_prefix, todo_key, uid_key};
use super::rows::{Facts, SeriesRow, Slot, place_of};
use super::{EventRow, location_of};
use crate::store::{Family, StoreError};

/// Most occurrences of one series that are written down for the covered years: a daily one has 1,461. A series with
/// more is worked out whenever it is asked for.
pub(super) const MAX_WRITTEN: usize = 1_500;
/// Most hosts and tags of one event under which its occurrences are written.
pub(super) const MAX_HOSTS: usize = 64;
pub(super) const MAX_TAGS: usize = 64;
/// First byte of the key of a series whose occurrences are written.
pub(super) const THIN: u8 = 1;
/// First byte of the key of a series that has too many occurrences to write them: it is worked out whenever asked.
pub(super) const DENSE: u8 = 2;

/// The key of a series.
pub(super) fn series_key(kind: u8, thing: ThingId) -> Vec<u8> {
    [&[kind], thing.as_bytes().as_slice()].concat()
}

/// The series of a key.
pub(super) fn series_of_key(key: &[u8]) -> Option<ThingId> {
    key.get(1..).and_then(ThingId::from_slice)
}

/// Index entries: what stands under which key.
pub(super) type Entries = BTreeMap<(Family, Vec<u8>), Vec<u8>>;

/// Everything that is written for an event beside its row and its search entry.
pub(super) fn entries(row: &EventRow, covered: CoveredYears) -> Result<Entries, StoreError> {
    let mut entries = Entries::new();
    entries.insert(
        (Family::EventByUid, uid_key(row.hub, &row.event.uid, row.thing)),
        Vec::new(),
    );
    for hub in row.invited.iter().take(MAX_HOSTS) {
        entries.insert((Family::HostTodo, todo_key(Todo::Offer, *hub, row.thing)), Vec::new());
    }
    let deciding = if row.conflicts.is_empty() {
        &[]
    } else {
        row.hosts.as_slice()
    };
    for hub in deciding.iter().take(MAX_HOSTS) {
        entries.insert(
            (Family::HostTodo, todo_key(Todo::Conflict, *hub, row.thing)),
            Vec::new(),
        );
    }
    let schedule = &row.event.schedule;
    if !repeats(schedule) {
        let expansion = occurrences(schedule, row.event.outward_status(), Window::ALL, 1);
        add_occurrences(&mut entries, row, &expansion.occurrences)?;
        return Ok(entries);
    }
    let window = Window {
        from_ms: covered.from_ms(),
        to_ms: covered.to_ms(),
    };
    let expansion = occurrences(schedule, row.event.outward_status(), window, MAX_WRITTEN + 1);
    let dense = expansion.occurrences.len() > MAX_WRITTEN;
    if !dense {
        let held: Vec<Occurrence> = expansion
            .occurrences
            .into_iter()
            .filter(|one| covered.hold(one.start_ms, one.end_ms))
            .collect();
        add_occurrences(&mut entries, row, &held)?;
    }
    let series = SeriesRow {
        first_year: covered.first,
        last_year: covered.last,
        begins_ms: begins_ms(row),
        ends_ms: last_end_ms(schedule).map_or(i64::MAX, |end| end.saturating_add(1)),
    };
    let kind = if dense { DENSE } else { THIN };
    entries.insert((Family::Series, series_key(kind, row.thing)), series.encode()?);
    Ok(entries)
}

/// Whether an event may have more than one occurrence; its occurrences then have names.
pub(super) const fn repeats(schedule: &Schedule) -> bool {
    schedule.is_series() || !schedule.overrides.is_empty()
}

/// A moment before which nothing of the series ends; only a hint, so it is looked for where that is cheap.
fn begins_ms(row: &EventRow) -> i64 {
    let schedule = &row.event.schedule;
    if !schedule.overrides.is_empty() || !schedule.extra.is_empty() {
        return i64::MIN;
    }
    let first = occurrences(schedule, row.event.outward_status(), Window::ALL, 1);
    first.occurrences.first().map_or(i64::MIN, |one| one.start_ms)
}

fn add_occurrences(entries: &mut Entries, row: &EventRow, held: &[Occurrence]) -> Result<(), StoreError> {
    let facts = Facts::of(row);
    let mut prefixes: BTreeSet<(Family, Vec<u8>)> = BTreeSet::new();
    prefixes.insert((Family::OccurrenceByTime, Vec::new()));
    for hub in std::iter::once(&row.hub).chain(row.hosts.iter().take(MAX_HOSTS)) {
        prefixes.insert((Family::OccurrenceByHub, hub.as_bytes().to_vec()));
    }
    for tag in row.event.tags.iter().take(MAX_TAGS) {
        prefixes.insert((Family::OccurrenceByTag, tag_prefix(tag).to_vec()));
    }
    for occurrence in held {
        let place = place_of(row, occurrence);
        let class = class_of(occurrence.start_ms, occurrence.end_ms);
        let at = location_of(&row.event, occurrence).and_then(|location| location.at);
        let value = Slot::of(facts, occurrence, at).encode()?;
        for (family, prefix) in &prefixes {
            entries.insert((*family, slot(prefix, class, place)), value.clone());
        }
        if let Some(at) = at {
            entries.insert((Family::OccurrenceByPlace, slot(&cell_of(at), class, place)), value);
        }
    }
    Ok(())
}

/// Whether two rows of one thing make the same entries, found without expanding them.
pub(super) fn same_entries(one: &EventRow, other: &EventRow) -> bool {
    let places = |row: &EventRow| -> Vec<_> {
        let changes = &row.event.schedule.overrides;
        let changed = changes
            .iter()
            .map(|change| change.location.as_ref().map(|location| location.at));
        changed
            .chain([row.event.location.as_ref().map(|location| location.at)])
            .collect()
    };
    one.hub == other.hub
        && one.hosts == other.hosts
        && one.invited == other.invited
        && one.conflicts.is_empty() == other.conflicts.is_empty()
        && one.event.uid == other.event.uid
        && one.event.tags == other.event.tags
        && one.event.outward_status() == other.event.outward_status()
        && one.event.schedule == other.event.schedule
        && Facts::of(one) == Facts::of(other)
        && places(one) == places(other)
}
