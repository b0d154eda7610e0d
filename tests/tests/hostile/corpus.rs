//! Every constructed change, and every one-byte mutant of an honest one, through a real counting process.

use interhub_domain::document::{CountOutcome, CountRequest, Counter, Reading, Refusal, count, edit};
use interhub_domain::ids::DocumentKind;
use interhub_tests::hostile::chunk::deflated_zeros;
use interhub_tests::hostile::constructed::{On, all};
use interhub_tests::hostile::documents::{full_event, full_member, full_profile};
use interhub_tests::hostile::mutants::{alter_chunk, mutants};

use super::{ACTOR, counted, counter, reading, request, shares};

/// The document still takes an honest edit, by another hub too: of a few fields, and of all.
fn is_sound(snapshot: &[u8]) -> bool {
    let full = |another| Reading::Event(Box::new(full_event(another)));
    let edits = [reading("After that"), full(true), full(false)];
    edits.iter().all(|after| takes(DocumentKind::Event, snapshot, after))
}

fn takes(kind: DocumentKind, snapshot: &[u8], after: &Reading) -> bool {
    let other = [8; 24];
    let Some(made) = edit(Some(snapshot), other, after).unwrap() else {
        // It says just this.
        return true;
    };
    let request = CountRequest {
        kind,
        actor: other,
        ..request(Some(snapshot), &made.change, 1)
    };
    matches!(count(&request), CountOutcome::Counted(_))
}

#[test]
fn constructed_changes_are_judged_and_nobody_dies() {
    let counter = counter();
    let first = edit(None, ACTOR, &reading("Open day")).unwrap().unwrap();
    let base = counted(counter.count(&request(None, &first.change, 1)).unwrap());
    let operations = automerge::Change::from_bytes(first.change.clone()).unwrap().len() as u64;
    let nothing = On {
        actor: ACTOR.to_vec(),
        seq: 1,
        start_op: 1,
        ..On::default()
    };
    let something = On {
        actor: ACTOR.to_vec(),
        seq: 2,
        start_op: operations + 1,
        dependencies: base.heads.clone(),
        document: base.snapshot.clone(),
    };
    let mut count_of = std::collections::BTreeMap::<&str, u32>::new();
    for (snapshot, on) in [(None, nothing), (Some(base.snapshot.as_slice()), something)] {
        for hostile in all(&on) {
            let outcome = counter.count(&request(snapshot, &hostile.change, on.seq)).unwrap();
            // It is replaced now and then, the more so on a busy machine, and never because it died.
            let deadly = CountOutcome::Refused(Refusal::Deadly);
            assert_ne!(outcome, deadly, "the child died of {}", hostile.name);
            assert!(counter.trouble().is_none(), "{}: {:?}", hostile.name, counter.trouble());
            let said = match outcome {
                CountOutcome::Counted(counted) => {
                    assert!(is_sound(&counted.snapshot), "poisoned by {}", hostile.name);
                    "counted"
                }
                CountOutcome::Waiting(_) => "waiting",
                CountOutcome::Refused(Refusal::Scan(_)) => "refused by the scan",
                CountOutcome::Refused(_) => "refused",
            };
            *count_of.entry(said).or_default() += 1;
        }
    }
    println!("{count_of:?}");
    assert!(
        count_of["refused by the scan"] > 40 && count_of["refused"] > 40,
        "{count_of:?}"
    );
}

/// All of them: a scan takes a microsecond and the child a hundred.
#[test]
fn every_one_byte_mutant_is_judged_alike_and_poisons_nothing() {
    let counter = counter();
    let mut event = super::event("Open");
    event.description.clear();
    event.tags.clear();
    let honest = edit(None, ACTOR, &Reading::Event(Box::new(event)));
    let honest = honest.unwrap().unwrap().change;
    let child = counter.process_id();
    let (mut all, mut kept) = (0, 0);
    for mutant in mutants(&honest) {
        all += 1;
        let outcome = counter.count(&request(None, &mutant.bytes, 1)).unwrap();
        let deadly = CountOutcome::Refused(Refusal::Deadly);
        assert_ne!(outcome, deadly, "byte {} as {}", mutant.at, mutant.value);
        if let CountOutcome::Counted(counted) = outcome {
            kept += 1;
            assert!(is_sound(&counted.snapshot), "byte {} as {}", mutant.at, mutant.value);
        }
    }
    println!("{all} mutants of {} bytes, {kept} of them are documents", honest.len());
    assert_eq!(all, (honest.len() - 8) * 255);
    assert!(kept > 100, "altered texts are documents: {kept}");
    // It is replaced now and then, and never because it died.
    assert!(child.is_some() && counter.trouble().is_none());
}

/// What is said in every field, of an event, of what alters one, of a hub's page and of a member: a few values of each byte, or as many
/// parts of all as are asked for.
#[test]
fn mutants_of_what_says_something_in_every_field_poison_nothing() {
    let counter = counter();
    let full = |another| Reading::Event(Box::new(full_event(another)));
    let page = |name| Reading::HubProfile(full_profile(name));
    let first = edit(None, ACTOR, &reading("Open")).unwrap().unwrap().change;
    let base = counted(counter.count(&request(None, &first, 1)).unwrap()).snapshot;
    let member = |name| Reading::Member(Box::new(full_member(name)));
    let sound: [(&str, DocumentKind, Option<&[u8]>, Reading); 4] = [
        ("an event", DocumentKind::Event, None, full(false)),
        ("a change of all", DocumentKind::Event, Some(&base), full(true)),
        ("a page", DocumentKind::HubProfile, None, page("Page")),
        ("a member", DocumentKind::Member, None, member("Ada")),
    ];
    let shares = shares();
    for (name, kind, snapshot, says) in sound {
        let honest = edit(snapshot, ACTOR, &says).unwrap().unwrap().change;
        let seq = 1 + u64::from(snapshot.is_some());
        let (mut all, mut kept) = (0, 0);
        let alterations = shares.iter().flat_map(|share| share.of(honest.len()));
        for (at, bits) in alterations.filter(|(at, _)| *at >= 8) {
            all += 1;
            let change = alter_chunk(&honest, (at, bits));
            let request = CountRequest {
                kind,
                ..request(snapshot, &change, seq)
            };
            let outcome = counter.count(&request).unwrap();
            let deadly = CountOutcome::Refused(Refusal::Deadly);
            assert_ne!(outcome, deadly, "{name}: byte {at}, bits {bits}");
            let CountOutcome::Counted(counted) = outcome else {
                continue;
            };
            kept += 1;
            let is_sound = match kind {
                DocumentKind::HubProfile => takes(kind, &counted.snapshot, &page("Another")),
                DocumentKind::Member => takes(kind, &counted.snapshot, &member("Another")),
                _ => is_sound(&counted.snapshot),
            };
            assert!(is_sound, "{name}: byte {at}, bits {bits}");
        }
        println!(
            "{name}: {all} mutants of {} bytes, {kept} of them are documents",
            honest.len()
        );
        assert!(kept > 50, "altered texts are documents: {kept}");
    }
    assert!(counter.trouble().is_none());
}

/// The changes that the design tells of, with their sizes: what killed a node before there was a scan.
#[test]
fn changes_that_once_killed_a_node_are_refused_by_the_scan_or_by_a_number() {
    let on = On {
        actor: ACTOR.to_vec(),
        seq: 1,
        start_op: 1,
        ..On::default()
    };
    let counter = counter();
    let known = all(&on);
    let named = |name: &str| known.iter().find(|one| one.name == name).unwrap().change.clone();
    for (name, most, change) in [
        ("nesting", 700, named("300 nested maps")),
        ("operations", 100, named("134 million operations in one run")),
        ("numbers", 100, named("operation numbers up to 2^32 - 1")),
        ("deflated", 300_000, deflated_zeros(300_000_000)),
    ] {
        assert!(change.len() <= most, "{name}: {} bytes", change.len());
        let outcome = counter.count(&request(None, &change, 1)).unwrap();
        println!("{name}, {} bytes: {outcome:?}", change.len());
        assert!(
            matches!(
                outcome,
                CountOutcome::Refused(Refusal::Scan(_) | Refusal::Limit(_) | Refusal::StartOperation)
            ),
            "{name}: {outcome:?}"
        );
    }
    assert!(counter.trouble().is_none());
}
