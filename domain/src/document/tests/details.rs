//! Languages, features, capacity and postponement: what several hubs say of them at once, and what nobody should.

use automerge::{ObjId, ROOT};

use super::*;
use crate::event::{MAX_FEATURES, MAX_TRANSLATIONS};

const C: [u8; ACTOR_LEN] = [3; ACTOR_LEN];

/// A document that was made by A, once.
fn base(event: &Event) -> Vec<u8> {
    let made = edit(None, A, &event_reading(event)).unwrap().unwrap();
    must_count(None, &made.change, A, 1).snapshot
}

/// What each of these hubs makes of one document at the same time, and how often each has written before.
fn edits(base: &[u8], wanted: &[([u8; ACTOR_LEN], Event)]) -> Vec<([u8; ACTOR_LEN], Vec<u8>, u64)> {
    let made = wanted.iter().filter_map(|(actor, event)| {
        let made = edit(Some(base), *actor, &event_reading(event)).unwrap()?;
        Some((*actor, made.change, changes_by(base, *actor).unwrap() + 1))
    });
    made.collect()
}

/// The document after these changes, in this order.
fn merged(base: &[u8], changes: &[([u8; ACTOR_LEN], Vec<u8>, u64)]) -> Counted {
    let mut snapshot = base.to_vec();
    let mut last = None;
    for (actor, change, seq) in changes {
        let counted = must_count(Some(&snapshot), change, *actor, *seq);
        snapshot.clone_from(&counted.snapshot);
        last = Some(counted);
    }
    last.unwrap()
}

/// The same from either side.
fn merged_both_ways(base: &[u8], by_a: &Event, by_b: &Event) -> Counted {
    let mut changes = edits(base, &[(A, by_a.clone()), (B, by_b.clone())]);
    let there = merged(base, &changes);
    changes.reverse();
    let back = merged(base, &changes);
    assert_eq!(there.shown, back.shown);
    assert_eq!(edit(Some(&there.snapshot), C, &there.shown.reading).unwrap(), None);
    there
}

fn event_of(shown: &Shown) -> &Event {
    match &shown.reading {
        Reading::Event(event) => event,
        other => panic!("{other:?}"),
    }
}

fn say(title: &str, summary: &str) -> Translation {
    Translation {
        title: title.to_owned(),
        summary: summary.to_owned(),
    }
}

fn translated(event: &Event, tag: &str, translation: Translation) -> Event {
    let mut event = event.clone();
    event.translations.insert(tag.to_owned(), translation);
    event
}

fn conflicts(shown: &Shown) -> Vec<(&str, Vec<&str>)> {
    shown
        .conflicts
        .iter()
        .map(|one| {
            let mut values: Vec<&str> = one.values.iter().map(|value| value.value.as_str()).collect();
            values.sort_unstable();
            (one.field.as_str(), values)
        })
        .collect()
}

#[test]
fn two_languages_merge_also_if_they_are_the_first() {
    let event = sample_event();
    let by_a = translated(&event, "de", say("Tag der offenen Tür", ""));
    let by_b = translated(&event, "nl", say("Open dag", "Kom kijken"));
    let merged = merged_both_ways(&base(&event), &by_a, &by_b);
    let expected = translated(&by_a, "nl", say("Open dag", "Kom kijken"));
    assert_eq!(event_of(&merged.shown), &expected);
    assert_eq!(conflicts(&merged.shown), []);
}

#[test]
fn one_text_of_one_language_is_a_conflict_until_somebody_chooses() {
    let event = sample_event();
    let first = translated(&event, "de", say("Offener Tag", "Kommt"));
    for before in [event, first] {
        let by_a = translated(&before, "de", say("Tag der offenen Tür", "Kommt"));
        let by_b = translated(&before, "de", say("Offene Tür", "Kommt"));
        let merged = merged_both_ways(&base(&before), &by_a, &by_b);
        let field = "translations/de/title";
        let both = vec!["Offene Tür", "Tag der offenen Tür"];
        assert_eq!(conflicts(&merged.shown), [(field, both)]);
        let seq = changes_by(&merged.snapshot, A).unwrap() + 1;
        let chosen = resolve(&merged.snapshot, A, field, &Choice::Value("Offene Tür".into()), 5);
        let counted = must_count(Some(&merged.snapshot), &chosen.unwrap().unwrap().change, A, seq);
        assert_eq!(conflicts(&counted.shown), []);
        assert_eq!(event_of(&counted.shown).translations["de"], say("Offene Tür", "Kommt"));
        let shown = event_of(&merged.shown).clone();
        let other = Choice::Other {
            after: Box::new(translated(&shown, "de", say("Etwas anderes", "Kommt"))),
            before: Box::new(shown),
        };
        let settled = resolve(&merged.snapshot, A, field, &other, 5).unwrap().unwrap();
        let counted = must_count(Some(&merged.snapshot), &settled.change, A, seq);
        assert_eq!(conflicts(&counted.shown), []);
        assert_eq!(
            event_of(&counted.shown).translations["de"],
            say("Etwas anderes", "Kommt")
        );
    }
}

#[test]
fn another_text_of_a_language_in_conflict_leaves_the_conflict_alone() {
    let event = sample_event();
    let by_a = translated(&event, "de", say("Tag der offenen Tür", ""));
    let by_b = translated(&event, "de", say("Offene Tür", ""));
    let merged = merged_both_ways(&base(&event), &by_a, &by_b);
    let mut after = event_of(&merged.shown).clone();
    after.translations.get_mut("de").unwrap().summary = "Kommt".into();
    let made = edit(Some(&merged.snapshot), C, &event_reading(&after))
        .unwrap()
        .unwrap();
    let counted = must_count(Some(&merged.snapshot), &made.change, C, 1);
    assert_eq!(event_of(&counted.shown), &after);
    assert_eq!(conflicts(&counted.shown).len(), 1);
}

#[test]
fn what_is_said_meanwhile_outlives_a_removal() {
    let event = translated(&sample_event(), "de", say("Offene Tür", "Kommt"));
    let by_b = translated(&event, "de", say("Tag der offenen Tür", "Kommt"));
    let merged = merged_both_ways(&base(&event), &sample_event(), &by_b);
    assert_eq!(
        event_of(&merged.shown).translations["de"],
        say("Tag der offenen Tür", "")
    );
}

#[test]
fn features_add_up() {
    let with = |words: &[&str]| Event {
        features: words.iter().map(|word| (*word).to_owned()).collect(),
        ..sample_event()
    };
    for before in [with(&[]), with(&["captions"])] {
        let merged = merged_both_ways(
            &base(&before),
            &with(&["captions", "dogs"]),
            &with(&["childcare", "dogs"]),
        );
        let found = event_of(&merged.shown)
            .features
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>();
        let kept: &[&str] = if before.features.is_empty() {
            &["captions", "childcare", "dogs"]
        } else {
            &["childcare", "dogs"]
        };
        assert_eq!(found, kept);
        assert_eq!(conflicts(&merged.shown), []);
    }
}

#[test]
fn a_postponement_is_tentative_to_older_versions_and_a_cancellation_beats_it() {
    let event = sample_event();
    let (mut postponed, mut cancelled) = (event.clone(), event.clone());
    postponed.postpone();
    cancelled.cancel();
    let saved = base(&postponed);
    let raw = AutoCommit::load(&saved).unwrap();
    assert_eq!(fields::string(&raw, &ROOT, "status").as_deref(), Some("tentative"));
    assert_eq!(postponed.outward_status(), Status::Cancelled);

    let merged = merged_both_ways(&base(&event), &postponed, &cancelled);
    assert_eq!(
        (event_of(&merged.shown).status, event_of(&merged.shown).postponed),
        (Status::Cancelled, false)
    );
    assert_eq!(conflicts(&merged.shown), []);

    // A new date from one hub and a cancellation from another, after a postponement.
    let again = Event {
        status: Status::Confirmed,
        postponed: false,
        schedule: Schedule {
            start: LocalTime::DateTime(datetime(2027, 5, 4, 18, 30, 0, 0)),
            end: LocalTime::DateTime(datetime(2027, 5, 4, 20, 0, 0, 0)),
            ..event.schedule.clone()
        },
        ..event.clone()
    };
    let merged = merged_both_ways(&saved, &again, &cancelled);
    assert_eq!(
        (event_of(&merged.shown).status, event_of(&merged.shown).postponed),
        (Status::Cancelled, false)
    );
    let merged = merged_both_ways(
        &saved,
        &again,
        &Event {
            title: "Later".into(),
            ..postponed.clone()
        },
    );
    let expected = Event {
        title: "Later".into(),
        ..again
    };
    assert_eq!(event_of(&merged.shown), &expected);

    // Confirmed by one hub while another postpones: the date is off, and there is nothing to decide.
    let tentative = Event {
        status: Status::Tentative,
        ..event.clone()
    };
    let mut off = tentative.clone();
    off.postpone();
    let merged = merged_both_ways(&base(&tentative), &event, &off);
    assert_eq!(
        (event_of(&merged.shown).status, event_of(&merged.shown).postponed),
        (Status::Tentative, true)
    );
    assert_eq!(conflicts(&merged.shown), []);
}

/// An event with these details beside what it needs, made by somebody else's program.
fn odd(fill: impl FnOnce(&mut AutoCommit)) -> Shown {
    let mut doc = AutoCommit::new().with_actor(ActorId::from(&A[..]));
    doc.put(ROOT, "uid", "x").unwrap();
    let at = doc.put_object(ROOT, "schedule", ObjType::Map).unwrap();
    doc.put(&at, "start", "2027-03-04").unwrap();
    fill(&mut doc);
    doc.commit_with(CommitOptions::default().with_time(0));
    let change = doc.get_last_local_change().unwrap().raw_bytes().to_vec();
    let counted = must_count(None, &change, A, 1);
    let answer = CountOutcome::Counted(Box::new(counted.clone()));
    check_outcome(&request(None, &change, A, 1), &answer).unwrap();
    let again = edit(Some(&counted.snapshot), A, &counted.shown.reading).unwrap();
    // The status is the one thing that is said where nobody said it.
    if let Some(made) = again {
        let counted = must_count(Some(&counted.snapshot), &made.change, A, 2);
        assert_eq!(edit(Some(&counted.snapshot), A, &counted.shown.reading).unwrap(), None);
    }
    counted.shown
}

fn map_at(doc: &mut AutoCommit, object: &ObjId, key: &str) -> ObjId {
    doc.put_object(object, key, ObjType::Map).unwrap()
}

#[test]
fn odd_details_read_as_absent() {
    let shown = odd(|doc| {
        doc.put(ROOT, "translations", "auf Deutsch").unwrap();
        doc.put_object(ROOT, "features", ObjType::List).unwrap();
        doc.put(ROOT, "capacity", "many").unwrap();
        doc.put(ROOT, "postponed", "yes").unwrap();
    });
    let event = event_of(&shown);
    assert!(event.translations.is_empty() && event.features.is_empty());
    assert_eq!((event.capacity, event.postponed), (None, false));
    let shown = odd(|doc| {
        let all = map_at(doc, &ROOT, "translations");
        for tag in ["DE", "de/title", "", "de_AT", "fr"] {
            let entry = map_at(doc, &all, tag);
            if tag != "fr" {
                doc.put(&entry, "title", "?").unwrap();
            }
        }
        doc.put(&all, "es", "Puertas abiertas").unwrap();
        let nl = map_at(doc, &all, "nl");
        doc.put(&nl, "title", 5).unwrap();
        doc.put(&nl, "summary", "x".repeat(3_000)).unwrap();
        let words = map_at(doc, &ROOT, "features");
        doc.put(&words, "Dogs", true).unwrap();
        doc.put(&words, "dogs", "yes").unwrap();
        doc.put(&words, "captions", false).unwrap();
        doc.put(&words, "lions-welcome", true).unwrap();
        doc.put(ROOT, "capacity", 0).unwrap();
        doc.put(ROOT, "status", "cancelled").unwrap();
        doc.put(ROOT, "postponed", true).unwrap();
    });
    let event = event_of(&shown);
    assert_eq!(event.translations.keys().collect::<Vec<_>>(), ["nl"]);
    assert_eq!(event.translations["nl"].title, "");
    assert_eq!(
        event.translations["nl"].summary.chars().count(),
        crate::event::MAX_SUMMARY
    );
    assert_eq!(event.features.iter().collect::<Vec<_>>(), ["lions-welcome"]);
    assert_eq!(event.capacity, None);
    assert_eq!((event.status, event.postponed), (Status::Cancelled, false));
    for (number, read) in [
        (1, Some(1)),
        (-1, None),
        (1_000_000, Some(1_000_000)),
        (1_000_001, None),
        (i64::MAX, None),
    ] {
        let shown = odd(|doc| doc.put(ROOT, "capacity", number).unwrap());
        assert_eq!(event_of(&shown).capacity, read, "{number}");
    }
}

#[test]
fn of_too_many_details_the_same_are_read_everywhere() {
    let shown = odd(|doc| {
        let all = map_at(doc, &ROOT, "translations");
        for letter in 'a'..='z' {
            let entry = map_at(doc, &all, &format!("x{letter}"));
            doc.put(&entry, "title", "?").unwrap();
        }
        let words = map_at(doc, &ROOT, "features");
        for number in 0..100 {
            doc.put(&words, format!("a-{number}"), true).unwrap();
        }
        doc.put(&words, "wheelchair", true).unwrap();
    });
    let event = event_of(&shown);
    assert_eq!(event.translations.len(), MAX_TRANSLATIONS);
    assert_eq!(event.features.len(), MAX_FEATURES);
    assert!(
        event.features.contains("wheelchair"),
        "a word this version knows is not crowded out"
    );
}

#[test]
fn an_edit_made_again_carries_details_over() {
    let event = translated(&sample_event(), "de", say("Offene Tür", "Kommt"));
    let mut after = translated(&event, "de", say("Tag der offenen Tür", "Kommt"));
    after.features.insert("dogs".into());
    after.capacity = Some(80);
    after.postpone();
    let mut names: Vec<String> = patch::altered(&event, &after)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["capacity", "features", "status", "translations/de/title"]);
    for (name, value) in [
        ("capacity", "80"),
        ("features", "dogs"),
        ("status", "postponed"),
        ("translations/de/title", "Tag der offenen Tür"),
        ("translations/nl/title", ""),
    ] {
        assert_eq!(patch::text_of(&after, name), value, "{name}");
    }
    let mut onto = translated(&event, "de", say("Offene Tür", "Schaut vorbei"));
    onto.features.insert("captions".into());
    onto.title = "Moved".into();
    let carried = patch::carry_over(&event, &after, &onto, &BTreeSet::new());
    let mut expected = translated(&onto, "de", say("Tag der offenen Tür", "Schaut vorbei"));
    expected.features.insert("dogs".into());
    expected.capacity = Some(80);
    expected.postpone();
    assert_eq!(carried, expected);
    let withdrawn = ["translations/de/title", "capacity", "features", "status"].map(str::to_owned);
    let carried = patch::carry_over(&event, &after, &onto, &withdrawn.into());
    assert_eq!(carried, onto);
    // A removal is carried over too.
    let carried = patch::carry_over(&after, &event, &after, &BTreeSet::new());
    assert_eq!(carried, event);
}

#[test]
fn details_can_be_withdrawn() {
    let mut event = translated(&sample_event(), "de", say("Offene Tür", "Kommt"));
    event.translations.insert("nl".into(), say("Open dag", ""));
    event.features.insert("dogs".into());
    event.capacity = Some(80);
    let saved = base(&event);
    let squashed = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = squash(&saved, B, DocumentKind::Event, &names).unwrap().unwrap();
        match must_count(None, &made.change, B, 1).shown.reading {
            Reading::Event(event) => *event,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(squashed(&[]), event);
    let less = squashed(&["translations/de/summary", "features"]);
    assert_eq!(less.translations["de"], say("Offene Tür", ""));
    assert!(less.features.is_empty() && less.capacity.is_some());
    let less = squashed(&["translations", "capacity"]);
    assert!(less.translations.is_empty() && less.capacity.is_none());
    assert_eq!(less.features, event.features);
}

#[test]
fn what_is_withdrawn_is_not_in_the_bytes_of_the_next_generation() {
    let mut event = translated(&sample_event(), "de", say("Offene Tür", "Kommt nach Sansibar"));
    event.description = "Call Zanzibar".into();
    event.url = "https://zanzibar.example/".into();
    event.tags = vec!["tanzania".into()];
    let names = ["translations/de/summary", "description", "url", "tags"].map(str::to_owned);
    let made = squash(&base(&event), B, DocumentKind::Event, &names).unwrap().unwrap();
    let has = |word: &str| made.change.windows(word.len()).any(|bytes| bytes == word.as_bytes());
    for word in ["Sansibar", "Zanzibar", "zanzibar.example", "tanzania"] {
        assert!(!has(word), "{word}");
    }
    assert!(has("Offene"), "what stays is there as it is");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Three hubs turn one event into whatever they like at the same time: in every order the same is read, and what is
    /// read needs no change to be so.
    #[test]
    fn edits_of_details_merge_in_any_order(
        before in any_details(),
        wanted in [any_details(), any_details(), any_details()],
        turn in 0usize..3,
    ) {
        let with = |details: &Details| {
            let mut event = sample_event();
            event.translations = details.0.clone();
            event.features = details.1.clone();
            event.capacity = details.2;
            if details.3 {
                event.postpone();
            }
            event
        };
        let saved = base(&with(&before));
        let actors = [A, B, C];
        let wanted: Vec<_> = actors.into_iter().zip(wanted.iter().map(with)).collect();
        let mut changes = edits(&saved, &wanted);
        if changes.is_empty() {
            return Ok(());
        }
        let there = merged(&saved, &changes);
        let len = changes.len();
        changes.rotate_left(turn % len);
        let rotated = merged(&saved, &changes);
        changes.reverse();
        let back = merged(&saved, &changes);
        prop_assert_eq!(&there.shown, &rotated.shown);
        prop_assert_eq!(&there.shown, &back.shown);
        prop_assert_eq!(edit(Some(&there.snapshot), A, &there.shown.reading).unwrap(), None);
        let fresh = squash(&there.snapshot, A, DocumentKind::Event, &[]).unwrap().unwrap();
        prop_assert_eq!(&must_count(None, &fresh.change, A, 1).shown.reading, &there.shown.reading);
        // What somebody added and nobody took away is there.
        let event = event_of(&there.shown);
        for (_, one) in &wanted {
            for word in one.features.difference(&before.1) {
                prop_assert!(event.features.contains(word), "{} is lost", word);
            }
        }
    }

    /// An edit made again on what it was made on is the edit.
    #[test]
    fn an_edit_made_again_on_the_same_is_the_same(before in any_event(), after in any_event()) {
        let place = |event: &Event| event.location.clone().filter(|place| *place != Location::default());
        let before = Event { location: place(&before), ..before };
        let after = Event {
            sequence: before.sequence,
            updated_ms: before.updated_ms,
            created_ms: before.created_ms,
            location: place(&after),
            ..after
        };
        prop_assert_eq!(patch::carry_over(&before, &after, &before, &BTreeSet::new()), after);
    }
}
