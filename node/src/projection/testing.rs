//! What the tests of this folder share: a store, events, and the plain way to answer a question.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use interhub_domain::calendar::expand::{Window, occurrences};
use interhub_domain::event::{Event, LocalTime, Location, Occurrence, Schedule, Status, Zone};
use interhub_domain::ids::{HubId, LogId, ObjectId, ThingId};
use interhub_domain::profile::{HubProfile, Point};
use interhub_domain::query::{EventQuery, fold_tag, language_matches};
use jiff::civil::{Date, DateTime};

use super::covered::CoveredYears;
use super::read::Views;
use super::search::memory::MemoryIndex;
use super::search::{Search, TextIndex};
use super::write::Projector;
use super::{EventRow, HubRow, HubStatus, Listed};
use crate::store::memory::MemoryStore;
use crate::store::{Backend, Batch, Direction, Family, Store};

/// 2026-11-22T12:00:00Z.
pub(super) const NOW_MS: i64 = 1_795_348_800_000;
pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
pub(super) const DATABASE: [u8; 16] = [7; 16];

type Rows = BTreeMap<(Family, Vec<u8>), Vec<u8>>;

/// Everything in a store.
pub(super) fn all(store: &MemoryStore) -> Rows {
    let mut rows = Rows::new();
    for family in Family::ALL {
        let visit = &mut |key: &[u8], value: &[u8]| {
            rows.insert((family, key.to_vec()), value.to_vec());
            ControlFlow::Continue(())
        };
        store.scan(family, &[], &[], Direction::Forward, visit).unwrap();
    }
    rows
}

/// Everything in a store, apart from what counts changes and what has yet to be followed.
pub(super) fn dump(store: &MemoryStore) -> Rows {
    let mut rows = all(store);
    rows.retain(|(family, _), _| !matches!(family, Family::Meta | Family::SearchTodo));
    rows
}

/// A node's projections.
pub(super) struct House {
    pub(super) map: Arc<MemoryStore>,
    pub(super) store: Store,
    pub(super) projector: Projector,
    pub(super) search: Arc<Search>,
    pub(super) views: Views,
}

/// Views of a store, with a text index in memory that nobody asks.
pub(super) fn views_of(store: &Store) -> Views {
    let index = Box::new(MemoryIndex::default());
    let search = Search::open(Arc::clone(store), index, DATABASE).unwrap();
    Views::new(Arc::clone(store), Arc::new(search))
}

impl House {
    pub(super) fn new() -> Self {
        Self::with(Arc::default(), NOW_MS, Box::new(MemoryIndex::new()))
    }

    pub(super) fn with(map: Arc<MemoryStore>, now_ms: i64, index: Box<dyn TextIndex>) -> Self {
        let store: Store = Arc::clone(&map) as Store;
        let projector = Projector::open(Arc::clone(&store), now_ms).unwrap();
        let search = Arc::new(Search::open(Arc::clone(&store), index, DATABASE).unwrap());
        let views = Views::new(Arc::clone(&store), Arc::clone(&search));
        Self {
            map,
            store,
            projector,
            search,
            views,
        }
    }

    pub(super) fn put(&self, row: &EventRow) {
        self.change(row.thing, row.object, Some(row));
    }

    pub(super) fn change(&self, thing: ThingId, object: ObjectId, new: Option<&EventRow>) {
        let mut batch = Batch::new();
        self.projector.event_changed(&mut batch, thing, object, new).unwrap();
        self.store.write(&batch).unwrap();
    }

    pub(super) fn put_hub(&self, row: &HubRow) {
        let mut batch = Batch::new();
        self.projector.hub_changed(&mut batch, row.id, Some(row)).unwrap();
        self.store.write(&batch).unwrap();
    }

    pub(super) fn roll(&self, now_ms: i64) {
        loop {
            let mut batch = Batch::new();
            let done = self.projector.roll_covered_years(&mut batch, now_ms).unwrap();
            self.store.write(&batch).unwrap();
            if done {
                return;
            }
        }
    }

    /// All pages of a list, and how many there were.
    pub(super) fn list_all(&self, query: &EventQuery, now_ms: i64) -> (Vec<Listed>, usize) {
        let mut query = query.clone();
        let (mut items, mut pages) = (Vec::new(), 0);
        loop {
            let page = self.views.list(&query, now_ms).unwrap();
            pages += 1;
            items.extend(page.items);
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return (items, pages),
            }
        }
    }
}

pub(super) fn thing(number: u8) -> ThingId {
    ThingId([number; 16])
}

pub(super) fn hub(number: u8) -> HubId {
    HubId([0xa0 + number; 16])
}

pub(super) fn hub_row(number: u8) -> HubRow {
    HubRow {
        id: hub(number),
        slug: format!("hub{number}"),
        status: HubStatus::Active,
        voter: true,
        guest_of: None,
        own: false,
        address: String::new(),
        profile: HubProfile::default(),
        as_of_ms: None,
    }
}

pub(super) fn local(time: &str) -> LocalTime {
    time.parse::<DateTime>().map_or_else(
        |_| LocalTime::Date(time.parse::<Date>().unwrap()),
        |_| {
            if time.contains('T') {
                LocalTime::DateTime(time.parse().unwrap())
            } else {
                LocalTime::Date(time.parse().unwrap())
            }
        },
    )
}

/// A public event of hub 1 that lasts two hours.
pub(super) fn event(number: u8, title: &str, start: &str) -> EventRow {
    let start = local(start);
    let end = match start {
        LocalTime::Date(date) => LocalTime::Date(date.tomorrow().unwrap()),
        LocalTime::DateTime(time) => LocalTime::DateTime(time.saturating_add(jiff::Span::new().hours(2))),
    };
    let schedule = Schedule {
        start,
        end,
        zone: Zone::Named("Europe/Vienna".into()),
        rules: vec![],
        extra: vec![],
        excluded: vec![],
        overrides: vec![],
    };
    EventRow {
        thing: thing(number),
        object: ObjectId([number; 16]),
        hub: hub(1),
        log: LogId::PUBLIC,
        draft: false,
        hosts: vec![hub(1)],
        invited: Vec::new(),
        conflicts: Vec::new(),
        seen_ms: None,
        event: Event {
            uid: format!("{number}@example.org"),
            sequence: 0,
            status: Status::Confirmed,
            title: title.into(),
            summary: String::new(),
            description: String::new(),
            language: String::new(),
            tags: vec![],
            location: None,
            url: String::new(),
            online_url: String::new(),
            image_url: String::new(),
            translations: BTreeMap::new(),
            features: BTreeSet::new(),
            capacity: None,
            postponed: false,
            schedule,
            created_ms: 0,
            updated_ms: 0,
        },
    }
}

pub(super) fn at(lat: f64, lon: f64) -> Location {
    Location {
        name: "Place".into(),
        at: Point::new(lat, lon),
    }
}

pub(super) fn titles(listed: &[Listed]) -> Vec<&str> {
    listed.iter().map(Listed::title).collect()
}

/// Answers a query by looking at every occurrence of every shown row.
pub(super) fn brute_force(
    rows: &[EventRow],
    query: &EventQuery,
    covered: CoveredYears,
    now_ms: i64,
) -> Vec<(ThingId, Occurrence)> {
    let from_ms = query.from_ms.unwrap_or(now_ms);
    let mut found = Vec::new();
    for row in rows.iter().filter(|row| shows(row, query)) {
        let schedule = &row.event.schedule;
        let single = schedule.rules.is_empty() && schedule.extra.is_empty() && schedule.overrides.is_empty();
        let end = if single {
            i64::MAX
        } else {
            covered.to_ms().max(from_ms + 1)
        };
        let window = Window {
            from_ms: from_ms - 1,
            to_ms: query.to_ms.unwrap_or(end),
        };
        let expansion = occurrences(schedule, row.event.outward_status(), window, 1_000_000);
        assert!(!expansion.truncated, "the brute force has to see everything");
        for one in expansion.occurrences {
            let reach = if one.end_ms > one.start_ms {
                one.end_ms
            } else {
                one.start_ms + 1
            };
            if reach > from_ms && is_near(row, &one, query) {
                found.push((row.thing, one));
            }
        }
    }
    found.sort_by_key(|(thing, one)| (one.start_ms, *thing, one.recurrence_id));
    found
}

fn shows(row: &EventRow, query: &EventQuery) -> bool {
    let audience = match row.log {
        LogId::PUBLIC => true,
        LogId::NETWORK => query.network,
        _ => query.drafts,
    };
    let words: BTreeSet<String> = row.event.title.split(' ').map(str::to_lowercase).collect();
    audience
        && query.hub.as_ref().is_none_or(|slug| {
            let number: u8 = slug.strip_prefix("hub").unwrap().parse().unwrap();
            row.hub == hub(number) || row.hosts.contains(&hub(number))
        })
        && query
            .tag
            .as_ref()
            .is_none_or(|tag| row.event.tags.iter().any(|other| fold_tag(other) == fold_tag(tag)))
        && query
            .language
            .as_ref()
            .is_none_or(|wanted| row.event.languages().any(|language| language_matches(language, wanted)))
        && (!query.online || !row.event.online_url.is_empty())
        && (!query.in_place || super::takes_place(&row.event))
        && query
            .text
            .as_ref()
            .is_none_or(|text| text.split(' ').all(|word| words.contains(word)))
}

fn is_near(row: &EventRow, occurrence: &Occurrence, query: &EventQuery) -> bool {
    let Some(near) = query.near else {
        return true;
    };
    let change = occurrence
        .override_index
        .map(|index| &row.event.schedule.overrides[index]);
    let location = change
        .and_then(|change| change.location.as_ref())
        .or(row.event.location.as_ref());
    let at = location.and_then(|location| location.at);
    at.is_some_and(|at| at.distance_km(near) <= query.within_km.unwrap_or(25.0))
}
