//! Lists against brute force, and the one law: the same documents make the same projections, in whatever order.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use interhub_domain::event::{LocalTime, Override, Status, Translation};
use interhub_domain::ids::{LogId, ObjectId, ThingId};
use interhub_domain::profile::Point;
use interhub_domain::query::EventQuery;
use proptest::prelude::*;
use proptest::sample::select;

use super::covered::CoveredYears;
use super::read::MAX_FEED_EVENTS;
use super::rows::precedence;
use super::search::memory::MemoryIndex;
use super::testing::{
    DAY_MS, HOUR_MS, House, NOW_MS, at, brute_force, dump, event, hub, hub_row, local, thing, titles,
};
use super::{EventRow, Listed};
use crate::store::Batch;
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::catalogue::put;
use crate::store::memory::MemoryStore;

mod dense;

const YEAR_MS: i64 = 365 * DAY_MS;

/// Rules that differ in density; the last one is too dense to be written down.
const RULES: [&str; 6] = [
    "FREQ=WEEKLY",
    "FREQ=DAILY;COUNT=400",
    "FREQ=MONTHLY;BYDAY=2TU",
    "FREQ=YEARLY",
    "FREQ=WEEKLY;INTERVAL=2;UNTIL=20280101T000000Z",
    "FREQ=HOURLY;INTERVAL=5",
];
const WORDS: [&str; 4] = ["soup", "yoga", "code", "jazz"];
const PLACES: [(f64, f64); 4] = [(48.2, 16.37), (48.3, 16.4), (52.48, -1.89), (-17.7, 179.99)];

fn start() -> impl Strategy<Value = LocalTime> {
    // Some three years to both sides of now, in steps that make ties likely.
    let day = (-1_000_i64..1_000)
        .prop_map(|days| jiff::civil::date(2026, 11, 22).saturating_add(jiff::Span::new().days(days)));
    (day, select(vec![0_i8, 12, 23]), proptest::bool::weighted(0.2)).prop_map(|(day, hour, whole)| {
        if whole {
            LocalTime::Date(day)
        } else {
            LocalTime::DateTime(day.at(hour, 30, 0, 0))
        }
    })
}

fn later(start: LocalTime, hours: i64) -> LocalTime {
    match start {
        LocalTime::Date(date) => LocalTime::Date(date.saturating_add(jiff::Span::new().days((hours / 24).max(1)))),
        LocalTime::DateTime(time) => LocalTime::DateTime(time.saturating_add(jiff::Span::new().hours(hours))),
    }
}

/// What one override says: days it moves by, if it does; whether it cancels; its place; whether later ones follow it; and
/// the week of the series it is about.
type Deviation = (Option<i64>, bool, Option<(f64, f64)>, bool, i64);

fn any_deviation() -> impl Strategy<Value = Deviation> {
    let moves = proptest::option::of(select(vec![-30_i64, 0, 5]));
    let place = proptest::option::of(select(PLACES.to_vec()));
    (moves, any::<bool>(), place, proptest::bool::weighted(0.2), 0_i64..20)
}

fn override_of(start: LocalTime, (moves, cancelled, place, this_and_future, week): Deviation) -> Override {
    let days = |time: LocalTime, days: i64| match time {
        LocalTime::Date(day) => LocalTime::Date(day.saturating_add(jiff::Span::new().days(days))),
        LocalTime::DateTime(time) => LocalTime::DateTime(time.saturating_add(jiff::Span::new().days(days))),
    };
    let recurrence_id = days(start, 7 * week);
    Override {
        recurrence_id,
        this_and_future,
        status: cancelled.then_some(Status::Cancelled),
        time: moves.map(|by| (days(recurrence_id, by), later(days(recurrence_id, by), 24))),
        title: None,
        description: None,
        location: place.map(|(lat, lon)| at(lat, lon)),
        url: None,
    }
}

prop_compose! {
    fn any_row(number: u8)(
        start in start(),
        hours in select(vec![0_i64, 1, 30, 24 * 10, 24 * 100, 24 * 500]),
        rule in proptest::option::weighted(0.4, select(RULES.to_vec())),
        extra in proptest::option::weighted(0.2, start()),
        excluded in proptest::bool::weighted(0.2),
        deviation in proptest::option::weighted(0.3, any_deviation()),
        (owner, other) in (1_u8..4, 1_u8..4),
        log in select(vec![LogId::PUBLIC, LogId::PUBLIC, LogId::PUBLIC, LogId::NETWORK, LogId::LOCAL]),
        tags in proptest::collection::vec(select(vec!["Food", "food", "Open  Mic", "Art"]), 0..3),
        words in proptest::collection::vec(select(WORDS.to_vec()), 1..3),
        place in proptest::option::of(select(PLACES.to_vec())),
        language in select(vec!["", "de", "de-AT", "en"]),
        translated in proptest::option::weighted(0.3, select(vec!["de", "en-GB", "nl"])),
        online in any::<bool>(),
        (status, postponed) in (
            select(vec![Status::Confirmed, Status::Tentative, Status::Cancelled]),
            proptest::bool::weighted(0.1),
        ),
    ) -> EventRow {
        let mut row = event(number, &words.join(" "), "2026-01-01T00:00");
        // A dense series that is long as well has tens of thousands of occurrences at once.
        let hours = if rule == Some(RULES[5]) { hours.min(30) } else { hours };
        (row.hub, row.hosts) = (hub(owner), vec![hub(owner), hub(other)]);
        (row.log, row.draft) = (log, log == LogId::LOCAL);
        row.object = ObjectId([number ^ log.0[9]; 16]);
        row.event.tags = tags.into_iter().map(String::from).collect();
        row.event.location = place.map(|(lat, lon)| at(lat, lon));
        row.event.language = language.into();
        row.event.status = status;
        if postponed {
            row.event.postpone();
        }
        row.event.translations = translated.map(|tag| (tag.to_owned(), Translation::default())).into_iter().collect();
        row.event.online_url = if online { "https://example.org".into() } else { String::new() };
        let schedule = &mut row.event.schedule;
        (schedule.start, schedule.end) = (start, later(start, hours));
        schedule.rules = rule.into_iter().map(String::from).collect();
        schedule.extra = extra.into_iter().filter(|extra| extra.is_date() == start.is_date()).collect();
        if excluded && rule.is_some() {
            schedule.excluded = vec![later(start, 7 * 24)];
        }
        schedule.overrides = deviation.map(|deviation| override_of(start, deviation)).into_iter().collect();
        row
    }
}

fn any_rows(count: u8) -> impl Strategy<Value = Vec<EventRow>> {
    (0..count).map(any_row).collect::<Vec<_>>()
}

prop_compose! {
    fn any_query()(
        from in proptest::option::weighted(0.8, (-3 * YEAR_MS..3 * YEAR_MS).prop_map(|ms| NOW_MS + ms / HOUR_MS * HOUR_MS)),
        length in proptest::option::weighted(0.8, select(vec![HOUR_MS, DAY_MS, 30 * DAY_MS, 400 * DAY_MS])),
        hub in proptest::option::weighted(0.3, select(vec!["hub1", "hub2", "hub3"])),
        tag in proptest::option::weighted(0.3, select(vec!["FOOD", "open mic", "art", "none"])),
        text in proptest::option::weighted(0.3, select(vec!["soup", "yoga code", "jazz", "zzz"])),
        near in proptest::option::weighted(0.3, select(PLACES.to_vec())),
        within_km in proptest::option::of(select(vec![1.0, 25.0, 200.0, 3_000.0])),
        language in proptest::option::weighted(0.2, select(vec!["de", "DE-at", "en", "d"])),
        (online, in_place) in (proptest::bool::weighted(0.2), proptest::bool::weighted(0.2)),
        (network, drafts) in (any::<bool>(), any::<bool>()),
        limit in select(vec![1_usize, 3, 10, 1_000]),
    ) -> EventQuery {
        EventQuery {
            from_ms: from,
            to_ms: length.map(|length| from.unwrap_or(NOW_MS) + length),
            hub: hub.map(Into::into),
            tag: tag.map(Into::into),
            text: text.map(Into::into),
            near: near.and_then(|(lat, lon)| Point::new(lat, lon)),
            within_km,
            language: language.map(Into::into),
            online,
            in_place,
            network,
            drafts,
            limit: Some(limit),
            cursor: None,
        }
    }
}

fn keys(listed: &[Listed]) -> Vec<(ThingId, interhub_domain::event::Occurrence)> {
    listed
        .iter()
        .map(|one| (one.row.thing, one.occurrence.clone()))
        .collect()
}

fn house_of(rows: &[EventRow]) -> House {
    let house = House::new();
    for number in 1..4 {
        house.put_hub(&hub_row(number));
    }
    for row in rows {
        house.put(row);
    }
    house.search.follow_all().unwrap();
    house
}

/// Asks a list page by page and compares it with brute force; small limits only where the answer is small.
fn compare(house: &House, rows: &[EventRow], query: &EventQuery, now_ms: i64) {
    let covered = house.views.covered_years().unwrap().unwrap();
    let expected = brute_force(rows, query, covered, now_ms);
    let mut query = query.clone();
    let limit = query.limit.unwrap();
    if expected.len() > 40 * limit {
        query.limit = Some(1_000);
    }
    let (listed, pages) = house.list_all(&query, now_ms);
    assert_eq!(keys(&listed), expected, "{query:?}");
    assert_eq!(pages, expected.len().div_ceil(query.limit.unwrap()).max(1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn lists_are_what_brute_force_finds(rows in any_rows(12), queries in proptest::collection::vec(any_query(), 8)) {
        let house = house_of(&rows);
        for query in &queries {
            compare(&house, &rows, query, NOW_MS);
        }
    }

    #[test]
    fn order_never_matters(
        rows in any_rows(5),
        others in any_rows(5),
        drafts in any_rows(5),
        order in Just((0..20_usize).collect::<Vec<_>>()).prop_shuffle(),
        together in any::<bool>(),
    ) {
        // Every thing has two documents; each is first something else, and of some the last word is that it is gone.
        let mut steps: Vec<(EventRow, bool)> = Vec::new();
        let mut last: BTreeMap<ObjectId, Option<EventRow>> = BTreeMap::new();
        for (index, row) in rows.iter().chain(&drafts).enumerate() {
            let row = EventRow { object: ObjectId([u8::try_from(index).unwrap(); 16]), ..row.clone() };
            let before = EventRow { thing: row.thing, object: row.object, ..others[index % 5].clone() };
            steps.push((before, true));
            steps.push((row, index % 4 != 3));
        }
        let (one, other) = (House::new(), House::new());
        let mut batch = Batch::new();
        for index in order {
            // A document's own changes keep their order; those of different documents come in any.
            let document = index / 2;
            let step = if last.contains_key(&steps[2 * document].0.object) { 2 * document + 1 } else { 2 * document };
            let (row, stays) = &steps[step];
            last.insert(row.object, stays.then(|| row.clone()));
            if !together {
                batch = Batch::new();
            }
            one.projector.event_changed(&mut batch, row.thing, row.object, stays.then_some(row)).unwrap();
            if !together {
                one.store.write(&batch).unwrap();
            }
        }
        one.store.write(&batch).unwrap();
        for row in last.values().flatten() {
            other.put(row);
        }
        prop_assert_eq!(dump(&one.map), dump(&other.map));
        prop_assert_eq!(one.views.projections_digest().unwrap(), other.views.projections_digest().unwrap());
        one.search.follow_all().unwrap();
        other.search.follow_all().unwrap();
        for word in WORDS {
            prop_assert_eq!(one.search.find(word).unwrap(), other.search.find(word).unwrap());
        }
        // What is gone leaves nothing behind.
        for row in last.values().flatten() {
            one.change(row.thing, row.object, None);
        }
        prop_assert!(dump(&one.map).is_empty());
    }

    #[test]
    fn rolling_the_years_is_like_beginning_in_them(
        rows in any_rows(8), query in any_query(), years in select(vec![-2_i64, 1, 2, 9]),
    ) {
        let house = house_of(&rows);
        let then = NOW_MS + years * YEAR_MS;
        loop {
            let mut batch = Batch::new();
            let done = house.projector.roll_covered_years(&mut batch, then).unwrap();
            house.store.write(&batch).unwrap();
            // Between two steps nothing is missing from any window with an end.
            let query = EventQuery { to_ms: query.to_ms.or(Some(NOW_MS + YEAR_MS)), from_ms: query.from_ms.or(Some(NOW_MS)), ..query.clone() };
            if query.to_ms >= query.from_ms {
                compare(&house, &rows, &query, then);
            }
            if done {
                break;
            }
        }
        prop_assert_eq!(house.views.covered_years().unwrap(), Some(CoveredYears::at(then)));
        let fresh = House::with(Arc::default(), then, Box::new(MemoryIndex::new()));
        for number in 1..4 {
            fresh.put_hub(&hub_row(number));
        }
        for row in &rows {
            fresh.put(row);
        }
        prop_assert_eq!(dump(&house.map), dump(&fresh.map));
        prop_assert_eq!(house.views.projections_digest().unwrap(), fresh.views.projections_digest().unwrap());
    }

    #[test]
    fn no_cursor_panics(text in ".{0,80}") {
        let house = House::new();
        let query = EventQuery { cursor: Some(text), ..EventQuery::default() };
        let _ = house.views.list(&query, NOW_MS);
    }
}

#[test]
fn a_roll_of_many_series_comes_in_steps() {
    let rows: Vec<EventRow> = (0..90)
        .map(|number| {
            let mut row = event(number, "Weekly", "2026-02-03T18:00");
            row.event.schedule.rules = vec!["FREQ=WEEKLY".into()];
            row
        })
        .collect();
    let house = house_of(&rows);
    let then = NOW_MS + YEAR_MS;
    let mut steps = 0;
    loop {
        let mut batch = Batch::new();
        let done = house.projector.roll_covered_years(&mut batch, then).unwrap();
        house.store.write(&batch).unwrap();
        steps += 1;
        // A process that dies here goes on where it was.
        if steps == 2 {
            let again = House::with(Arc::clone(&house.map), then, Box::new(MemoryIndex::new()));
            again.roll(then);
        }
        let query = EventQuery {
            from_ms: Some(then + YEAR_MS),
            to_ms: Some(then + 2 * YEAR_MS),
            limit: Some(1_000),
            ..EventQuery::default()
        };
        assert_eq!(
            house.list_all(&query, then).0.len(),
            brute_force(&rows, &query, CoveredYears::at(then), then).len()
        );
        if done {
            break;
        }
    }
    assert!(steps > 1);
}

#[test]
fn published_beats_draft_and_both_are_kept() {
    let house = House::new();
    let published = event(1, "Published", "2026-12-01T18:00");
    let mut draft = event(1, "Draft", "2026-12-02T18:00");
    (draft.log, draft.draft, draft.object) = (LogId::LOCAL, true, ObjectId([9; 16]));
    assert!(precedence(&published, &draft).is_lt());

    house.put(&draft);
    assert!(house.views.public_event(thing(1)).unwrap().is_none());
    let all = EventQuery {
        drafts: true,
        ..EventQuery::default()
    };
    assert!(house.list_all(&EventQuery::default(), NOW_MS).0.is_empty());
    assert_eq!(titles(&house.list_all(&all, NOW_MS).0), ["Draft"]);
    let empty = House::new().views.projections_digest().unwrap();
    assert_eq!(
        house.views.projections_digest().unwrap(),
        empty,
        "a draft is not shared"
    );

    house.put(&published);
    assert_eq!(titles(&house.list_all(&all, NOW_MS).0), ["Published"]);
    assert_eq!(
        house.views.public_event(thing(1)).unwrap().unwrap().event.title,
        "Published"
    );

    house.change(thing(1), published.object, None);
    assert_eq!(titles(&house.list_all(&all, NOW_MS).0), ["Draft"]);
}

#[test]
fn of_two_events_with_one_uid_the_smaller_thing_is_named() {
    let (mut one, mut other) = (
        event(1, "One", "2026-12-01T18:00"),
        event(2, "Other", "2026-12-02T18:00"),
    );
    (one.event.uid, other.event.uid) = ("same".into(), "same".into());
    for order in [[&one, &other], [&other, &one]] {
        let house = House::new();
        for row in &order {
            house.put(row);
        }
        assert_eq!(
            house.views.event_by_uid(hub(1), "same").unwrap().unwrap().thing,
            thing(1)
        );
        assert_eq!(house.views.things_by_uid(hub(1), "same").unwrap(), [thing(1), thing(2)]);
        assert!(house.views.event_by_uid(hub(2), "same").unwrap().is_none());
        house.change(thing(1), one.object, None);
        assert_eq!(
            house.views.event_by_uid(hub(1), "same").unwrap().unwrap().thing,
            thing(2)
        );
    }
}

#[test]
fn a_feed_has_each_event_once_and_keeps_the_cancelled() {
    let house = House::new();
    let mut series = event(1, "Series", "2026-12-01T18:00");
    series.event.schedule.rules = vec!["FREQ=WEEKLY".into()];
    let mut cancelled = event(2, "Cancelled", "2026-12-02T18:00");
    cancelled.event.status = Status::Cancelled;
    let past = event(3, "Past", "2026-02-02T18:00");
    for row in [&series, &cancelled, &past] {
        house.put(row);
    }
    let feed = |query: &EventQuery| -> Vec<String> {
        house
            .views
            .feed(query, NOW_MS)
            .unwrap()
            .events
            .iter()
            .map(|row| row.event.title.clone())
            .collect()
    };
    assert_eq!(feed(&EventQuery::default()), ["Past", "Series", "Cancelled"]);
    assert_eq!(
        feed(&EventQuery {
            from_ms: Some(NOW_MS),
            ..EventQuery::default()
        }),
        ["Series", "Cancelled"]
    );
}

#[test]
fn a_feed_that_cannot_hold_everything_holds_what_is_to_come() {
    let house = House::new();
    let at = |number: usize, start: &str| {
        let mut row = event(1, "Event", start);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
        row.thing = ThingId(id);
        row.object.0[..16].copy_from_slice(&id);
        row
    };
    for number in 0..MAX_FEED_EVENTS {
        house.put(&at(number, "2026-03-01T18:00"));
    }
    house.put(&at(MAX_FEED_EVENTS, "2026-11-10T18:00"));
    house.put(&at(MAX_FEED_EVENTS + 1, "2026-12-10T18:00"));
    let feed = |from_ms| {
        let query = EventQuery {
            from_ms,
            ..EventQuery::default()
        };
        let feed = house.views.feed(&query, NOW_MS).unwrap();
        (feed.events.len(), feed.ends_ms.is_some())
    };
    assert_eq!(feed(None), (2, false), "of the past the last weeks");
    assert_eq!(feed(Some(NOW_MS)), (1, false));
    assert_eq!(feed(Some(0)), (MAX_FEED_EVENTS, true), "who asks for the past gets it");
}

#[test]
fn news_have_what_was_changed_last_however_far_ahead_it_is() {
    let house = House::new();
    let at = |number: usize, start: &str, updated_ms: i64| {
        let mut row = event(1, "Event", start);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
        row.thing = ThingId(id);
        row.object.0[..16].copy_from_slice(&id);
        row.event.updated_ms = updated_ms;
        row
    };
    for number in 0..MAX_FEED_EVENTS {
        house.put(&at(number, "2026-12-01T18:00", 1_000));
    }
    let news = |query: &EventQuery| -> Vec<i64> {
        let news = house.views.news(query, NOW_MS, 3).unwrap();
        news.iter().map(|row| row.event.updated_ms).collect()
    };
    let tagged = EventQuery {
        tag: Some("new".into()),
        ..EventQuery::default()
    };
    let mut far = at(MAX_FEED_EVENTS, "2027-11-10T18:00", 3_000);
    far.event.tags = ["new".to_owned()].into();
    house.put(&far);
    house.put(&at(MAX_FEED_EVENTS + 1, "2027-11-11T18:00", 2_000));
    assert_eq!(news(&EventQuery::default()), [3_000, 2_000, 1_000]);
    assert_eq!(news(&tagged), [3_000]);
    // An edit moves it, and what is gone is no news.
    far.event.updated_ms = 1_500;
    house.put(&far);
    assert_eq!(news(&EventQuery::default()), [2_000, 1_500, 1_000]);
    let december = EventQuery {
        to_ms: Some(NOW_MS + 40 * 86_400_000),
        ..EventQuery::default()
    };
    assert_eq!(news(&december), [1_000; 3]);
}

#[test]
fn hubs_are_found_by_slug_and_id() {
    let house = House::new();
    for number in [2, 1] {
        house.put_hub(&hub_row(number));
    }
    let slugs: Vec<_> = house.views.hubs().unwrap().into_iter().map(|row| row.slug).collect();
    assert_eq!(slugs, ["hub1", "hub2"]);
    assert_eq!(house.views.hub("HUB2").unwrap().unwrap().id, hub(2));
    assert_eq!(house.views.hub(&hub(2).to_string()).unwrap().unwrap().id, hub(2));
    let query = EventQuery {
        hub: Some("nowhere".into()),
        ..EventQuery::default()
    };
    let error = house.views.list(&query, NOW_MS).unwrap_err();
    assert_eq!(error.to_string(), "hub: no hub has this slug or id");
}

#[test]
fn the_digest_knows_nothing_of_one_node_alone() {
    let (one, other) = (House::new(), House::new());
    one.put_hub(&hub_row(1));
    other.put_hub(&super::HubRow {
        own: true,
        as_of_ms: Some(5),
        ..hub_row(1)
    });
    assert_eq!(
        one.views.projections_digest().unwrap(),
        other.views.projections_digest().unwrap()
    );
    other.put(&event(1, "More", "2026-12-01T18:00"));
    assert_ne!(
        one.views.projections_digest().unwrap(),
        other.views.projections_digest().unwrap()
    );
}

#[test]
fn the_version_changes_with_every_change_and_only_then() {
    let house = House::new();
    let row = event(1, "One", "2026-12-01T18:00");
    let before = house.views.version().unwrap();
    house.put(&row);
    let after = house.views.version().unwrap();
    assert_ne!(before, after);
    house.put(&row);
    assert_eq!(house.views.version().unwrap(), after);
    // A new process goes on counting.
    let again = House::with(Arc::clone(&house.map), NOW_MS, Box::new(MemoryIndex::new()));
    again.put(&event(1, "Two", "2026-12-01T18:00"));
    assert_eq!(again.views.version().unwrap(), after + 1);
    assert_eq!(
        house.views.event(thing(1)).unwrap().unwrap().event.title,
        "Two",
        "the cache is not believed"
    );
}

#[test]
fn everything_can_be_dropped_and_built_again() {
    let rows = [event(1, "Soup", "2026-12-01T18:00"), event(2, "Jazz", "2026-12-02")];
    let house = house_of(&rows);
    let before = dump(&house.map);
    let mut batch = Batch::new();
    house.projector.clear_all(&mut batch, NOW_MS).unwrap();
    for row in &rows {
        house
            .projector
            .event_changed(&mut batch, row.thing, row.object, Some(row))
            .unwrap();
    }
    for number in 1..4 {
        house
            .projector
            .hub_changed(&mut batch, hub(number), Some(&hub_row(number)))
            .unwrap();
    }
    house.store.write(&batch).unwrap();
    assert_eq!(dump(&house.map), before);
    house.search.follow_all().unwrap();
    assert_eq!(house.search.find("soup").unwrap().unwrap().as_slice(), [thing(1)]);
}

#[test]
fn another_version_of_the_projections_is_noticed() {
    let map: Arc<MemoryStore> = Arc::default();
    let house = House::with(Arc::clone(&map), NOW_MS, Box::new(MemoryIndex::new()));
    assert!(!house.projector.is_outdated());
    let mut batch = Batch::new();
    put(&mut batch, &MetaKey::ProjectionVersion, &MetaValue::of_number(77));
    house.store.write(&batch).unwrap();
    let again = House::with(map, NOW_MS, Box::new(MemoryIndex::new()));
    assert!(again.projector.is_outdated());
    let mut batch = Batch::new();
    again.projector.clear_all(&mut batch, NOW_MS).unwrap();
    again.store.write(&batch).unwrap();
    assert!(
        !House::with(Arc::clone(&again.map), NOW_MS, Box::new(MemoryIndex::new()))
            .projector
            .is_outdated()
    );
}

#[test]
fn what_goes_on_now_is_listed_however_long_ago_it_began() {
    let house = House::new();
    let mut long = event(1, "Long", "2020-01-01T00:00");
    long.event.schedule.end = local("2030-01-01T00:00");
    let mut short = event(2, "Short", "2026-11-22T12:00");
    short.event.schedule.end = short.event.schedule.start;
    house.put(&long);
    house.put(&short);
    // Vienna is one hour ahead: the short one, which takes no time, was at 11:00 UTC.
    let at_its_time = EventQuery {
        from_ms: Some(NOW_MS - HOUR_MS),
        ..EventQuery::default()
    };
    assert_eq!(titles(&house.list_all(&at_its_time, NOW_MS).0), ["Long", "Short"]);
    assert_eq!(titles(&house.list_all(&EventQuery::default(), NOW_MS).0), ["Long"]);
}
