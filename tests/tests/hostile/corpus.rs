//! Every constructed change, and every one-byte mutant of an honest one, through a real counting process.

use interhub_domain::document::{CountOutcome, CountRequest, Counter, Reading, Refusal, count, edit};
use interhub_tests::hostile::constructed::{On, all};
use interhub_tests::hostile::mutants::mutants;

use super::{ACTOR, counted, counter, reading, request};

/// The document still takes an honest edit, by another hub too: of a few fields, and of all.
fn is_sound(snapshot: &[u8]) -> bool {
    let other = [8; 24];
    let edits = [reading("After that"), Reading::Event(Box::new(super::another_event()))];
    edits.iter().all(|after| {
        let made = edit(Some(snapshot), other, after).unwrap().unwrap();
        let request = CountRequest {
            actor: other,
            ..request(Some(snapshot), &made.change, 1)
        };
        matches!(count(&request), CountOutcome::Counted(_))
    })
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
