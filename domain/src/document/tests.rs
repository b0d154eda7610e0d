#![allow(clippy::unwrap_used, reason = "tests")]

mod details;

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit};
use jiff::civil::{date, datetime};
use proptest::prelude::*;

use super::*;
use crate::event::{LocalTime, Location, Override, Schedule, Status, Translation, Zone};
use crate::profile::Point;

pub(crate) fn sample_event() -> Event {
    Event {
        uid: "open-day@example.org".into(),
        sequence: 1,
        status: Status::Confirmed,
        title: "Open day".into(),
        summary: "Come and see".into(),
        description: "Everyone is welcome.\nBring a cake.".into(),
        language: "en".into(),
        tags: vec!["open".into(), "cake".into()],
        location: Some(Location {
            name: "Main hall".into(),
            at: Point::new(52.4751, -1.8848),
        }),
        url: "https://example.org/open-day".into(),
        online_url: String::new(),
        image_url: String::new(),
        translations: BTreeMap::new(),
        features: BTreeSet::new(),
        capacity: None,
        postponed: false,
        schedule: Schedule {
            start: LocalTime::DateTime(datetime(2027, 3, 4, 18, 30, 0, 0)),
            end: LocalTime::DateTime(datetime(2027, 3, 4, 20, 0, 0, 0)),
            zone: Zone::Named("Europe/London".into()),
            rules: vec!["FREQ=WEEKLY;COUNT=5".into()],
            extra: vec![],
            excluded: vec![LocalTime::DateTime(datetime(2027, 3, 11, 18, 30, 0, 0))],
            overrides: vec![Override {
                recurrence_id: LocalTime::DateTime(datetime(2027, 3, 18, 18, 30, 0, 0)),
                this_and_future: false,
                status: Some(Status::Cancelled),
                time: None,
                title: Some("Closed day".into()),
                description: None,
                location: None,
                url: None,
            }],
        },
        created_ms: 1,
        updated_ms: 2,
    }
}

const A: [u8; ACTOR_LEN] = [1; ACTOR_LEN];
const B: [u8; ACTOR_LEN] = [2; ACTOR_LEN];

fn request<'a>(snapshot: Option<&'a [u8]>, change: &'a [u8], actor: [u8; ACTOR_LEN], seq: u64) -> CountRequest<'a> {
    CountRequest {
        kind: DocumentKind::Event,
        snapshot,
        change,
        actor,
        seq,
    }
}

fn must_count(snapshot: Option<&[u8]>, change: &[u8], actor: [u8; ACTOR_LEN], seq: u64) -> Counted {
    match count(&request(snapshot, change, actor, seq)) {
        CountOutcome::Counted(counted) => *counted,
        other => panic!("not counted: {other:?}"),
    }
}

fn event_reading(event: &Event) -> Reading {
    Reading::Event(Box::new(event.clone()))
}

#[test]
fn an_event_survives_writing_and_reading() {
    let event = sample_event();
    let made = edit(None, A, &event_reading(&event)).unwrap().unwrap();
    let counted = must_count(None, &made.change, A, 1);
    assert_eq!(counted.shown.reading, event_reading(&event));
    assert_eq!(counted.heads, vec![made.hash]);
    assert_eq!(
        read_saved(&counted.snapshot, DocumentKind::Event).unwrap(),
        event_reading(&event)
    );
    assert!(
        edit(Some(&counted.snapshot), A, &event_reading(&event))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_profile_survives_writing_and_reading() {
    let profile = HubProfile {
        name: "Vienna".into(),
        at: Point::new(48.2, 16.4),
        ..HubProfile::default()
    };
    let made = edit(None, A, &Reading::HubProfile(profile.clone())).unwrap().unwrap();
    let request = CountRequest {
        kind: DocumentKind::HubProfile,
        ..request(None, &made.change, A, 1)
    };
    match count(&request) {
        CountOutcome::Counted(counted) => assert_eq!(counted.shown.reading, Reading::HubProfile(profile)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_small_edit_is_a_small_change() {
    let mut event = sample_event();
    let made = edit(None, A, &event_reading(&event)).unwrap().unwrap();
    let first = must_count(None, &made.change, A, 1);
    event.title = "Open week".into();
    let second = edit(Some(&first.snapshot), A, &event_reading(&event)).unwrap().unwrap();
    assert!(second.change.len() < 200, "{} bytes", second.change.len());
    assert_eq!(
        must_count(Some(&first.snapshot), &second.change, A, 2).shown.reading,
        event_reading(&event)
    );
}

#[test]
fn concurrent_edits_merge_whatever_the_order_and_cancelled_wins() {
    let event = sample_event();
    let made = edit(None, A, &event_reading(&event)).unwrap().unwrap();
    let base = must_count(None, &made.change, A, 1).snapshot;
    let cancelled = Event {
        status: Status::Cancelled,
        ..event.clone()
    };
    let retitled = Event {
        title: "Moved".into(),
        status: Status::Tentative,
        ..event.clone()
    };
    let by_a = edit(Some(&base), A, &event_reading(&cancelled)).unwrap().unwrap();
    let by_b = edit(Some(&base), B, &event_reading(&retitled)).unwrap().unwrap();
    let ab = must_count(
        Some(&must_count(Some(&base), &by_a.change, A, 2).snapshot),
        &by_b.change,
        B,
        1,
    );
    let ba = must_count(
        Some(&must_count(Some(&base), &by_b.change, B, 1).snapshot),
        &by_a.change,
        A,
        2,
    );
    assert_eq!(ab.shown.reading, ba.shown.reading);
    assert_eq!(ab.heads, ba.heads);
    let expected = Event {
        title: "Moved".into(),
        status: Status::Cancelled,
        ..event
    };
    assert_eq!(ab.shown.reading, event_reading(&expected));
}

#[test]
fn a_change_without_its_dependencies_waits() {
    let mut event = sample_event();
    let made = edit(None, A, &event_reading(&event)).unwrap().unwrap();
    let first = must_count(None, &made.change, A, 1);
    event.title = "Second".into();
    let second = edit(Some(&first.snapshot), A, &event_reading(&event)).unwrap().unwrap();
    let after_second = must_count(Some(&first.snapshot), &second.change, A, 2);
    event.title = "Third".into();
    let third = edit(Some(&after_second.snapshot), A, &event_reading(&event))
        .unwrap()
        .unwrap();
    let outcome = count(&request(Some(&first.snapshot), &third.change, A, 3));
    assert_eq!(outcome, CountOutcome::Waiting(vec![second.hash]));
}

#[test]
fn wrong_actor_sequence_and_schema_are_refused() {
    let made = edit(None, A, &event_reading(&sample_event())).unwrap().unwrap();
    assert_eq!(
        count(&request(None, &made.change, B, 1)),
        CountOutcome::Refused(Refusal::Actor)
    );
    assert_eq!(
        count(&request(None, &made.change, A, 2)),
        CountOutcome::Refused(Refusal::Sequence)
    );
    let nameless = Event {
        uid: String::new(),
        ..sample_event()
    };
    let made = edit(None, A, &event_reading(&nameless)).unwrap().unwrap();
    assert!(matches!(
        count(&request(None, &made.change, A, 1)),
        CountOutcome::Refused(Refusal::Schema(_))
    ));
}

#[test]
fn three_hundred_nested_maps_are_refused_not_walked_into() {
    let mut doc = AutoCommit::new().with_actor(ActorId::from(&A[..]));
    let mut object = ROOT;
    for _ in 0..300 {
        object = doc.put_object(&object, "a", ObjType::Map).unwrap();
    }
    doc.commit_with(CommitOptions::default().with_time(0));
    let change = doc.get_last_local_change().unwrap().raw_bytes().to_vec();
    assert!(matches!(
        count(&request(None, &change, A, 1)),
        CountOutcome::Refused(Refusal::Limit(_))
    ));
}

#[test]
fn odd_values_read_as_something() {
    let mut doc = AutoCommit::new().with_actor(ActorId::from(&A[..]));
    doc.put(ROOT, "uid", "x").unwrap();
    doc.put(ROOT, "title", 5).unwrap();
    doc.put(ROOT, "tags", "not a list").unwrap();
    doc.put(ROOT, "status", true).unwrap();
    doc.put(ROOT, "url", "javascript:alert(1)").unwrap();
    let at = doc.put_object(ROOT, "schedule", ObjType::Map).unwrap();
    doc.put(&at, "start", "2027-03-04").unwrap();
    doc.put(&at, "end", "2020-01-01").unwrap();
    doc.commit_with(CommitOptions::default().with_time(0));
    let change = doc.get_last_local_change().unwrap().raw_bytes().to_vec();
    let Reading::Event(event) = must_count(None, &change, A, 1).shown.reading else {
        panic!("not an event")
    };
    assert_eq!(event.title, "");
    assert_eq!(event.url, "");
    assert_eq!(event.schedule.end, LocalTime::Date(date(2027, 3, 4)));
    assert_eq!(event.schedule.zone, Zone::Named("UTC".into()));
}

#[test]
fn one_byte_mutants_never_panic_nor_poison() {
    let made = edit(None, A, &event_reading(&sample_event())).unwrap().unwrap();
    let mut seed = 1u64;
    for at in 8..made.change.len() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut mutant = made.change.clone();
        mutant[at] ^= seed.to_be_bytes()[2] | 1;
        let hash: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(&mutant[8..]).into();
        mutant[4..8].copy_from_slice(&hash[..4]);
        if let CountOutcome::Counted(counted) = count(&request(None, &mutant, A, 1)) {
            assert!(AutoCommit::load(&counted.snapshot).is_ok());
        }
    }
}

/// Any event that can be written: every field there or not.
fn any_event() -> impl Strategy<Value = Event> {
    let text = || proptest::option::of("[a-zé\u{1f600} \n]{1,40}").prop_map(Option::unwrap_or_default);
    let url = || proptest::option::of("https://example\\.org/[a-z]{1,9}").prop_map(Option::unwrap_or_default);
    let texts = (text(), text(), text(), text());
    let links = (url(), url(), url());
    let lists = (
        proptest::collection::btree_set("[a-z]{1,9}", 0..5),
        proptest::collection::btree_set(0i16..90, 0..5),
        proptest::collection::btree_set(0i16..90, 0..5),
    );
    let rest = (any::<bool>(), any::<bool>(), any::<bool>(), 0u32..9, 0i64..99);
    (texts, links, lists, any_details(), rest).prop_map(|(texts, links, lists, details, rest)| {
        let day = |offset: &i16| {
            let date = date(2027, 1, 1).checked_add(jiff::Span::new().days(*offset)).unwrap();
            LocalTime::DateTime(date.at(18, 30, 0, 0))
        };
        let sample = sample_event();
        let change = |recurrence_id| Override {
            recurrence_id,
            this_and_future: rest.0,
            status: rest.1.then_some(Status::Tentative),
            time: rest.2.then_some((recurrence_id, recurrence_id)),
            title: Some(texts.0.clone()).filter(|text| !text.is_empty()),
            description: Some(texts.2.clone()).filter(|text| !text.is_empty()),
            location: rest.0.then(|| sample.location.clone().unwrap()),
            url: Some(links.0.clone()).filter(|text| !text.is_empty()),
        };
        let (translations, features, capacity, postponed) = details;
        let mut event = Event {
            sequence: rest.3,
            status: if rest.0 { Status::Cancelled } else { Status::Confirmed },
            title: texts.0.clone(),
            summary: texts.1.clone(),
            description: texts.2.clone(),
            location: rest.1.then(|| Location {
                name: texts.3.clone(),
                at: if rest.2 { Point::new(52.0, 1.5) } else { None },
            }),
            url: links.0.clone(),
            online_url: links.1.clone(),
            image_url: links.2.clone(),
            translations,
            features,
            capacity,
            tags: lists.0.iter().cloned().collect(),
            schedule: Schedule {
                zone: if rest.2 {
                    Zone::Custom {
                        name: "Ours".into(),
                        definition: "BEGIN:VTIMEZONE".into(),
                    }
                } else {
                    Zone::Named("Europe/Vienna".into())
                },
                extra: lists.1.iter().map(day).collect(),
                overrides: lists.2.iter().map(day).map(change).collect(),
                ..sample.schedule.clone()
            },
            created_ms: rest.4,
            ..sample
        };
        if postponed {
            event.postpone();
        }
        event
    })
}

type Details = (BTreeMap<String, Translation>, BTreeSet<String>, Option<u32>, bool);

fn any_details() -> impl Strategy<Value = Details> {
    let tag = prop_oneof![Just("de"), Just("de-AT"), Just("nl"), Just("zh-Hant")].prop_map(str::to_owned);
    let texts = ("[a-zé]{1,9}", proptest::option::of("[a-zé ]{1,20}"), any::<bool>());
    let texts = texts.prop_map(|(one, other, swapped)| {
        let other = other.unwrap_or_default();
        let (title, summary) = if swapped { (other, one) } else { (one, other) };
        Translation { title, summary }
    });
    let word = prop_oneof![
        Just("dogs"),
        Just("childcare"),
        Just("wheelchair"),
        Just("of-a-later-version")
    ];
    (
        proptest::collection::btree_map(tag, texts, 0..4),
        proptest::collection::btree_set(word.prop_map(str::to_owned), 0..4),
        proptest::option::of(1..=1_000_000_u32),
        any::<bool>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A new event is given to Automerge at once, an old one field by field: both have to read the same, and neither may
    /// find something to change in the other.
    #[test]
    fn values_given_at_once_read_as_those_set_one_by_one(event in any_event()) {
        let at_once = edit(None, A, &event_reading(&event)).unwrap().unwrap();
        let saved = match count(&request(None, &at_once.change, A, 1)) {
            CountOutcome::Counted(counted) => counted.snapshot,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(read_saved(&saved, DocumentKind::Event).unwrap(), event_reading(&event));
        prop_assert_eq!(edit(Some(&saved), A, &event_reading(&event)).unwrap(), None);
        let mut one_by_one = AutoCommit::new();
        event::write(&mut one_by_one, &event).unwrap();
        prop_assert_eq!(edit(Some(&one_by_one.save()), A, &event_reading(&event)).unwrap(), None);
        prop_assert_eq!(&edit(None, A, &event_reading(&event)).unwrap().unwrap(), &at_once, "the same bytes each time");
    }
    #[test]
    fn texts_of_any_kind_survive(title in ".{0,200}", description in "(?s).{0,500}") {
        let event = Event { title, description, ..sample_event() };
        let made = edit(None, A, &event_reading(&event)).unwrap().unwrap();
        prop_assert_eq!(must_count(None, &made.change, A, 1).shown.reading, event_reading(&event));
    }
}
