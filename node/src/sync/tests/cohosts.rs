//! Several hubs write one event, through their ledgers.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ROOT};
use interhub_domain::document::{Choice, Made};
use interhub_domain::event::{MAX_SUMMARY, MAX_TITLE, Translation};
use interhub_domain::ids::HubId;

use super::*;
use crate::projection::EventRow;

fn shown(ledger: &Ledger, object: ObjectId) -> Event {
    let known = ledger.load_object(object).unwrap().0;
    let reading = interhub_domain::document::read_saved(&known.snapshot.unwrap(), DocumentKind::Event).unwrap();
    let Reading::Event(event) = reading else {
        panic!("no event")
    };
    *event
}

fn edit(ledger: &Ledger, object: ObjectId, alter: impl FnOnce(&mut Event)) -> Result<Written, WriteError> {
    let before = Box::new(shown(ledger, object));
    let mut after = before.clone();
    alter(&mut after);
    after.updated_ms += 1;
    let written = ledger.write(vec![Write::Edit { object, before, after }])?;
    Ok(written[0])
}

fn consent(ledger: &Ledger, object: ObjectId, agreed: bool) {
    ledger.write(vec![Write::Consent { object, agreed }]).unwrap();
}

fn grant(owner: &Ledger, object: ObjectId, writer: HubId) {
    owner.write(vec![Write::Grant { object, writer }]).unwrap();
}

fn exchange(hubs: &[&Ledger]) {
    for _ in 0..hubs.len() {
        for from in hubs {
            for to in hubs.iter().filter(|to| to.own_id() != from.own_id()) {
                give_all(from, to, |_| {});
            }
        }
    }
}

fn projected(ledger: &Ledger, object: ObjectId) -> EventRow {
    let thing = ledger.object_state(object).unwrap().created.unwrap().thing;
    let bytes = ledger
        .store
        .get(crate::store::Family::EventRow, &thing.0)
        .unwrap()
        .unwrap();
    let rows: Vec<EventRow> = catalogue_rows(&bytes);
    rows.into_iter().find(|row| row.object == object).unwrap()
}

fn catalogue_rows(bytes: &[u8]) -> Vec<EventRow> {
    crate::store::catalogue::decode_row(4, bytes).unwrap()
}

/// An owner, a co-host that has agreed, and another hub.
fn three() -> (Ledger, Ledger, Ledger, ObjectId) {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let b = open(memory(), 2, "vienna", 1);
    join(&a, &b);
    let c = open(memory(), 3, "amsterdam", 1);
    join(&a, &c);
    let object = create(&a, 9, "Open day");
    grant(&a, object, b.own_id());
    exchange(&[&a, &b, &c]);
    consent(&b, object, true);
    exchange(&[&a, &b, &c]);
    (a, b, c, object)
}

#[test]
fn who_hosts_is_shown_and_who_does_not_cannot_write() {
    let (a, b, c, object) = three();
    for hub in [&a, &b, &c] {
        assert_eq!(projected(hub, object).hosts, [a.own_id(), b.own_id()]);
        assert!(projected(hub, object).invited.is_empty());
    }
    let refused = edit(&c, object, |event| event.title = "Mine".into()).unwrap_err();
    assert!(matches!(refused, WriteError::NotAHost));
    consent(&b, object, false);
    let refused = edit(&b, object, |event| event.title = "Mine".into()).unwrap_err();
    assert!(matches!(refused, WriteError::NotAHost), "who left does not write");
    assert!(matches!(
        c.write(vec![Write::Consent { object, agreed: true }]).unwrap_err(),
        WriteError::NotAHost
    ));
}

#[test]
fn an_edit_touches_only_what_it_altered_even_if_the_document_moved_on() {
    let (a, b, _, object) = three();
    let before = Box::new(shown(&b, object));
    edit(&a, object, |event| event.title = "Moved on".into()).unwrap();
    exchange(&[&a, &b]);
    let mut after = before.clone();
    after.summary = "A summary".into();
    b.write(vec![Write::Edit { object, before, after }]).unwrap();
    exchange(&[&a, &b]);
    assert_eq!(shown(&a, object).title, "Moved on");
    assert_eq!(shown(&a, object).summary, "A summary");
    assert!(projected(&a, object).conflicts.is_empty());
}

#[test]
fn a_conflict_is_listed_alike_everywhere_until_a_person_settles_it() {
    let (a, b, c, object) = three();
    edit(&a, object, |event| event.title = "Owner's".into()).unwrap();
    edit(&b, object, |event| event.title = "Co-host's".into()).unwrap();
    exchange(&[&a, &b, &c]);
    let row = projected(&c, object);
    assert_eq!(row, projected(&a, object));
    assert_eq!(row.conflicts.len(), 1);
    assert_eq!(row.conflicts[0].field, "title");
    let resolve = |hub: &Ledger, value: &str| {
        let choice = Choice::Value(value.into());
        let field = "title".into();
        hub.write(vec![Write::Resolve { object, field, choice }])
    };
    assert!(matches!(resolve(&b, "Nobody's"), Err(WriteError::NoConflict)));
    resolve(&b, "Owner's").unwrap();
    assert!(matches!(resolve(&b, "Owner's"), Err(WriteError::NoConflict)));
    exchange(&[&a, &b, &c]);
    for hub in [&a, &b, &c] {
        assert_eq!(shown(hub, object).title, "Owner's");
        assert!(projected(hub, object).conflicts.is_empty());
    }
    assert_eq!(a.digests().unwrap(), c.digests().unwrap());
}

#[test]
fn taking_a_host_away_starts_a_generation_without_history() {
    let (a, b, c, object) = three();
    edit(&b, object, |event| event.title = "By the co-host".into()).unwrap();
    exchange(&[&a, &b, &c]);
    let writer = b.own_id();
    a.write(vec![Write::TakeAway { object, writer }]).unwrap();
    exchange(&[&a, &b, &c]);
    for hub in [&a, &b, &c] {
        let state = hub.object_state(object).unwrap();
        assert_eq!((state.created.unwrap().generation, state.weight.changes), (2, 1));
        assert_eq!(shown(hub, object).title, "By the co-host");
        assert_eq!(projected(hub, object).hosts, [a.own_id()]);
    }
    assert!(matches!(
        edit(&b, object, |event| event.title = "Again".into()),
        Err(WriteError::NotAHost)
    ));
    // Asked again, its earlier word still stands.
    grant(&a, object, writer);
    exchange(&[&a, &b, &c]);
    assert_eq!(projected(&c, object).hosts, [a.own_id(), writer]);
    edit(&b, object, |event| event.title = "Back".into()).unwrap();
    exchange(&[&a, &b, &c]);
    assert_eq!(shown(&c, object).title, "Back");
}

#[test]
fn an_owner_starts_a_generation_before_the_changes_run_out() {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let object = create(&a, 9, "Open day");
    for number in 0..1_600 {
        let title = format!("Title {number}");
        edit(&a, object, |event| event.title = title).unwrap();
    }
    let state = a.object_state(object).unwrap();
    assert_eq!(state.created.unwrap().generation, 2);
    assert!(state.weight.changes < 200, "{}", state.weight.changes);
    assert_eq!(shown(&a, object).title, "Title 1599");
}

/// Text that hardly packs, different for each number.
fn noise(number: u64, length: usize) -> String {
    let mut bytes = vec![0; length];
    let seed = number.to_be_bytes();
    blake3::Hasher::new().update(&seed).finalize_xof().fill(&mut bytes);
    bytes.iter().map(|byte| char::from(b'!' + byte % 90)).collect()
}

/// A change that writes a field anew which this version does not know.
fn unknown_field(saved: &[u8], actor: [u8; 24], name: String, text: String) -> Made {
    let mut doc = AutoCommit::load(saved).unwrap();
    doc.set_actor(ActorId::from(&actor[..]));
    doc.put(ROOT, name, text).unwrap();
    doc.commit_with(CommitOptions::default().with_time(0));
    let change = doc.get_last_local_change().unwrap();
    Made {
        change: change.raw_bytes().to_vec(),
        hash: change.hash().0,
    }
}

#[test]
fn an_owner_starts_a_generation_before_the_document_grows_too_large() {
    let a = open(memory(), 1, "birmingham", 1);
    let network = a.create_network("Test network").unwrap();
    let object = create(&a, 9, "Open day");
    for number in 0..5 {
        let anew = |saved: &[u8], actor| Ok(Some(unknown_field(saved, actor, "x".into(), noise(number, 60_000))));
        let prepared = a.prepare_change(object, Vec::new(), anew).unwrap();
        a.publish(&mut a.lock(), network, vec![prepared]).unwrap();
    }
    let saved = |hub: &Ledger| hub.load_object(object).unwrap().0.snapshot.unwrap().len();
    assert!(saved(&a) >= 192 * 1024, "{}", saved(&a));
    assert_eq!(a.object_state(object).unwrap().generation(), 1);
    edit(&a, object, |event| event.title = "Open week".into()).unwrap();
    assert_eq!(a.object_state(object).unwrap().generation(), 2);
    assert!(saved(&a) < 64 * 1024, "{}", saved(&a));
    assert_eq!(shown(&a, object).title, "Open week");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The one law through the store, with co-hosts: two more hubs that get everything in other orders and in parts end
    /// with the same frontier, documents, projections and counts, and a rebuild changes nothing.
    #[test]
    fn order_never_matters_with_cohosts(seed in any::<u64>(), steps in proptest::collection::vec(0u8..9, 1..16), split in 0usize..60) {
        let (a, b, c, object) = three();
        for (number, step) in steps.into_iter().enumerate() {
            let writer = b.own_id();
            let on = if number % 2 == 0 { &a } else { &b };
            match step {
                0 | 1 => drop(edit(on, object, |event| event.title = format!("Title {number}"))),
                2 => drop(edit(on, object, |event| event.description.push_str(" more"))),
                3 => drop(edit(on, object, |event| event.status = Status::Cancelled)),
                4 => drop(b.write(vec![Write::Consent { object, agreed: number % 3 != 0 }])),
                5 => drop(a.write(vec![Write::TakeAway { object, writer }])),
                6 => drop(a.write(vec![Write::Grant { object, writer }])),
                _ => exchange(&[&a, &b]),
            }
        }
        let shuffle = |all: &mut Vec<Envelope>| {
            let mut state = seed | 1;
            for index in (1..all.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                all.swap(index, (state >> 33) as usize % (index + 1));
            }
        };
        let mut part = all_envelopes(&a);
        part.extend(all_envelopes(&b));
        shuffle(&mut part);
        part.truncate(split);
        c.take(&part).unwrap();
        for (from, to) in [(&a, &c), (&b, &c), (&c, &a), (&c, &b)] {
            give_all(from, to, shuffle);
        }
        for hub in [&b, &c] {
            prop_assert_eq!(hub.frontier().shared_digest(), a.frontier().shared_digest());
            prop_assert_eq!(hub.object_state(object).unwrap(), a.object_state(object).unwrap());
            prop_assert_eq!(projected(hub, object), projected(&a, object));
            prop_assert_eq!(hub.totals(), a.totals());
        }
        let (row, totals) = (projected(&c, object), c.totals());
        c.rebuild(&mut |_| {}).unwrap();
        prop_assert_eq!(projected(&c, object), row);
        prop_assert_eq!(c.totals(), totals);
    }
}

/// The first exchange is over, and what waits for it is done.
fn met(hub: &Ledger, other: &Ledger) {
    hub.mark_as_of(other.own_id()).unwrap();
    hub.replay().unwrap();
}

#[test]
fn a_late_edit_of_a_host_is_said_again_once_by_its_author_alone() {
    let (a, b, c, object) = three();
    grant(&a, object, c.own_id());
    exchange(&[&a, &b, &c]);
    edit(&b, object, |event| event.description.push_str(" Bring a cake.")).unwrap();
    edit(&b, object, |event| event.summary = "By the co-host".into()).unwrap();
    edit(&a, object, |event| event.description = "Come early!".into()).unwrap();
    a.write(vec![Write::TakeAway {
        object,
        writer: c.own_id(),
    }])
    .unwrap();
    exchange(&[&a, &b, &c]);
    assert_eq!(
        shown(&b, object).summary,
        "",
        "before the first exchange nothing is written"
    );
    met(&b, &a);
    exchange(&[&a, &b, &c]);
    for hub in [&a, &b, &c] {
        assert_eq!(shown(hub, object).summary, "By the co-host");
        assert_eq!(shown(hub, object).description, "Come early! Bring a cake.");
        assert_eq!(
            hub.object_state(object).unwrap().weight.changes,
            2,
            "one change for both edits"
        );
    }
    // What was said again is not said a third time over what others write afterwards.
    edit(&a, object, |event| event.summary = "By the owner".into()).unwrap();
    a.write(vec![Write::Grant {
        object,
        writer: c.own_id(),
    }])
    .unwrap();
    a.write(vec![Write::TakeAway {
        object,
        writer: c.own_id(),
    }])
    .unwrap();
    exchange(&[&a, &b, &c]);
    for hub in [&a, &b, &c] {
        met(hub, &a);
        assert!(hub.not_taken_over().unwrap().is_empty());
    }
    exchange(&[&a, &b, &c]);
    assert_eq!(shown(&b, object).summary, "By the owner");
    assert_eq!(a.digests().unwrap(), b.digests().unwrap());
}

#[test]
fn a_late_edit_of_who_was_taken_away_is_listed_and_never_written() {
    let (a, b, c, object) = three();
    met(&b, &a);
    edit(&b, object, |event| event.title = "Too late".into()).unwrap();
    edit(&b, object, |event| event.title = "Much too late".into()).unwrap();
    a.write(vec![Write::TakeAway {
        object,
        writer: b.own_id(),
    }])
    .unwrap();
    exchange(&[&a, &b, &c]);
    let listed = |hub: &Ledger| hub.not_taken_over().unwrap();
    assert_eq!(listed(&b).len(), 1);
    assert_eq!(listed(&b)[0].fields.len(), 1);
    assert_eq!(listed(&b)[0].fields[0].value, "Much too late");
    assert!(listed(&a).is_empty() && listed(&c).is_empty());
    // Asked again, it decides itself.
    grant(&a, object, b.own_id());
    exchange(&[&a, &b, &c]);
    assert_eq!(shown(&b, object).title, "Open day");
    assert_eq!(listed(&b).len(), 1);
    // A person has decided; that is not asked again, also after what makes the node look once more.
    let thing = listed(&b)[0].thing;
    assert!(!b.settle_left_out(thing, "summary").unwrap());
    assert!(b.settle_left_out(thing, "title").unwrap());
    assert!(!b.settle_left_out(thing, "title").unwrap());
    a.write(vec![Write::TakeAway {
        object,
        writer: HubId([9; 16]),
    }])
    .unwrap();
    exchange(&[&a, &b, &c]);
    b.replay().unwrap();
    assert!(listed(&b).is_empty());
    a.write(vec![Write::Erase { object }]).unwrap();
    exchange(&[&a, &b, &c]);
    assert!(listed(&b).is_empty(), "nothing of an erased event is kept");
}

#[test]
fn an_edit_that_an_event_left_behind_when_it_changed_its_audience_is_listed() {
    let (a, b, c, object) = three();
    met(&b, &a);
    edit(&b, object, |event| event.summary = "In time".into()).unwrap();
    exchange(&[&a, &b, &c]);
    edit(&b, object, |event| event.title = "Too late".into()).unwrap();
    let reading = Reading::Event(Box::new(shown(&a, object)));
    let log = LogId::NETWORK;
    a.write(vec![Write::Move { object, log, reading }]).unwrap();
    exchange(&[&a, &b, &c]);
    let thing = ThingId::new(a.own_id(), [9; 8]);
    let moved = ObjectId::derive(a.network().unwrap(), a.own_id(), log, DocumentKind::Event, thing);
    let listed = |hub: &Ledger| hub.not_taken_over().unwrap();
    let expect = |rows: Vec<crate::store::catalogue::left_out::LeftOutRow>| {
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].thing, thing);
        let fields = rows[0].fields.iter();
        let fields: Vec<_> = fields.map(|one| (one.field.as_str(), one.value.as_str())).collect();
        assert_eq!(fields, [("title", "Too late")]);
    };
    for hub in [&a, &b, &c] {
        assert!(!hub.load_object(object).unwrap().0.is_shown());
        assert_eq!(shown(hub, moved).summary, "In time");
        assert_eq!(shown(hub, moved).title, "Open day", "nobody says it again");
    }
    expect(listed(&b));
    assert!(listed(&a).is_empty() && listed(&c).is_empty());
    assert_eq!(a.digests().unwrap(), b.digests().unwrap());
    // A start looks at everything noted once more.
    b.lock().left_out.insert(object);
    b.replay().unwrap();
    expect(listed(&b));
    assert!(b.settle_left_out(thing, "title").unwrap());
    assert!(listed(&b).is_empty());
}

#[test]
fn what_an_event_left_behind_is_forgotten_when_it_is_erased() {
    let (a, b, _, object) = three();
    met(&b, &a);
    edit(&b, object, |event| event.title = "Too late".into()).unwrap();
    let reading = Reading::Event(Box::new(shown(&a, object)));
    let log = LogId::NETWORK;
    a.write(vec![Write::Move { object, log, reading }]).unwrap();
    exchange(&[&a, &b]);
    assert_eq!(b.not_taken_over().unwrap().len(), 1);
    let thing = ThingId::new(a.own_id(), [9; 8]);
    let object = ObjectId::derive(a.network().unwrap(), a.own_id(), log, DocumentKind::Event, thing);
    a.write(vec![Write::Erase { object }]).unwrap();
    exchange(&[&a, &b]);
    assert!(b.not_taken_over().unwrap().is_empty());
}

#[test]
fn what_was_noted_before_a_crash_is_done_after_it() {
    let store = memory();
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let b = open(store.clone(), 2, "vienna", 1);
    join(&a, &b);
    let object = create(&a, 9, "Open day");
    grant(&a, object, b.own_id());
    exchange(&[&a, &b]);
    consent(&b, object, true);
    exchange(&[&a, &b]);
    edit(&b, object, |event| event.summary = "Late".into()).unwrap();
    a.write(vec![Write::TakeAway {
        object,
        writer: HubId([9; 16]),
    }])
    .unwrap();
    exchange(&[&a, &b]);
    drop(b);
    let b = open(store, 2, "vienna", 2);
    met(&b, &a);
    exchange(&[&a, &b]);
    assert_eq!(shown(&a, object).summary, "Late");
}

/// Texts of the largest size in these languages, 12 kB each.
fn translate(event: &mut Event, languages: &[&str], letter: &str) {
    for language in languages {
        let translation = Translation {
            title: letter.repeat(MAX_TITLE),
            summary: letter.repeat(MAX_SUMMARY),
        };
        event.translations.insert((*language).to_owned(), translation);
    }
}

/// Each edit fits a change, and what they come to does not.
#[test]
fn late_edits_that_are_too_much_for_one_change_are_said_again_in_several() {
    let (a, b, c, object) = three();
    grant(&a, object, c.own_id());
    exchange(&[&a, &b, &c]);
    edit(&b, object, |event| {
        translate(event, &["cs", "de", "es", "fr", "it"], "𝒳");
    })
    .unwrap();
    edit(&b, object, |event| translate(event, &["nl", "pt", "sk"], "𝒴")).unwrap();
    edit(&b, object, |event| event.description.push_str(" Bring a cake.")).unwrap();
    a.write(vec![Write::TakeAway {
        object,
        writer: c.own_id(),
    }])
    .unwrap();
    let wanted = shown(&b, object);
    exchange(&[&a, &b, &c]);
    assert!(shown(&b, object).translations.is_empty());
    met(&b, &a);
    exchange(&[&a, &b, &c]);
    for hub in [&a, &b, &c] {
        assert_eq!(shown(hub, object).translations, wanted.translations);
        assert_eq!(shown(hub, object).description, wanted.description);
    }
    assert!(b.not_taken_over().unwrap().is_empty());
    let said = a.object_state(object).unwrap().weight.changes;
    met(&b, &a);
    exchange(&[&a, &b, &c]);
    assert_eq!(
        a.object_state(object).unwrap().weight.changes,
        said,
        "and not once more"
    );
    assert_eq!(a.digests().unwrap(), b.digests().unwrap());
}

/// As many runs of a hub as asked, apart from each other: each builds on the event as it was, and adds much.
fn write_much(hub: &Ledger, object: ObjectId, runs: u8) {
    let network = hub.network().unwrap();
    let base = hub.load_object(object).unwrap().0.snapshot.unwrap();
    for run in 0..runs {
        hub.begin_epoch().unwrap();
        let number = u64::from(run) << 8 | u64::from(hub.own_id().0[0]);
        let heavy = |_: &[u8], actor| {
            let text = noise(number, 60_000);
            Ok(Some(unknown_field(&base, actor, format!("x-{number}"), text)))
        };
        let prepared = hub.prepare_change(object, Vec::new(), heavy).unwrap();
        hub.publish(&mut hub.lock(), network, vec![prepared]).unwrap();
    }
    hub.begin_epoch().unwrap();
}

/// Two hosts write so much while apart that it is too much together. All hubs show the same meanwhile; then the owner's node
/// begins anew, and what both said is said again.
#[test]
fn edits_that_are_too_much_together_are_set_aside_alike_and_said_again() {
    let (a, b, c, object) = three();
    edit(&a, object, |event| event.title = "By the owner".into()).unwrap();
    edit(&b, object, |event| event.summary = "By the co-host".into()).unwrap();
    write_much(&a, object, 10);
    write_much(&b, object, 10);
    assert_eq!((a.totals().stuck, b.totals().stuck), (0, 0));
    give_all(&b, &c, |_| {});
    give_all(&a, &c, |all| all.reverse());
    give_all(&a, &b, |_| {});
    give_all(&b, &a, |all| all.reverse());
    for hub in [&a, &b, &c] {
        assert_eq!(hub.object_state(object).unwrap(), a.object_state(object).unwrap());
        assert_eq!(hub.totals(), a.totals());
        assert_eq!(hub.totals().stuck, 1);
        assert_eq!(shown(hub, object).title, "Open day");
        assert_eq!(projected(hub, object), projected(&a, object));
    }
    assert!(matches!(
        edit(&b, object, |event| event.title = "Not now".into()),
        Err(WriteError::Refused(_))
    ));
    let before = c.totals();
    c.rebuild(&mut |_| {}).unwrap();
    assert_eq!(c.totals(), before);

    for hub in [&a, &b] {
        met(hub, &c);
        exchange(&[&a, &b, &c]);
    }
    for hub in [&a, &b, &c] {
        assert_eq!(hub.totals().stuck, 0);
        let event = shown(hub, object);
        assert_eq!(
            (event.title.as_str(), event.summary.as_str()),
            ("By the owner", "By the co-host")
        );
        assert_eq!(hub.digests().unwrap(), a.digests().unwrap());
    }
}
