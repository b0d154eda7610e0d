//! The heaviest documents the limits allow, grown change by change: what judging costs at most follows from numbers.

use std::time::{Duration, Instant};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};
use interhub_domain::document::{CountOutcome, Counter, Refusal, edit};

use super::{ACTOR, counted, counter, reading, request};

type Edit = fn(&mut AutoCommit, usize);

fn list(doc: &mut AutoCommit) -> ObjId {
    match doc.get(ROOT, "more").unwrap() {
        Some((_, id)) => id,
        None => doc.put_object(ROOT, "more", ObjType::List).unwrap(),
    }
}

fn description(doc: &AutoCommit) -> ObjId {
    doc.get(ROOT, "description").unwrap().unwrap().1
}

fn shapes() -> Vec<(&'static str, Edit)> {
    vec![
        ("appends nothing to a list", |doc, _| {
            let list = list(doc);
            let length = doc.length(&list);
            doc.splice(&list, length, 0, (0..65_000).map(|_| ScalarValue::Null))
                .unwrap();
        }),
        ("puts numbers before a list", |doc, _| {
            let list = list(doc);
            doc.splice(&list, 0, 0, (0..20_000).map(ScalarValue::from)).unwrap();
        }),
        ("writes a text anew", |doc, _| {
            let text = description(doc);
            let length = isize::try_from(doc.length(&text)).unwrap();
            doc.splice_text(&text, 0, length, &"y".repeat(32_000)).unwrap();
        }),
        ("overwrites one key", |doc, _| {
            for number in 0..30_000 {
                doc.put(ROOT, "title", if number % 2 == 0 { "a" } else { "b" }).unwrap();
            }
        }),
        ("makes maps", |doc, round| {
            for number in 0..2_500 {
                doc.put_object(ROOT, format!("{round}-{number}"), ObjType::Map).unwrap();
            }
        }),
    ]
}

#[test]
fn the_heaviest_documents_are_stopped_by_a_number_and_not_by_a_death() {
    let counter = counter();
    for (name, alter) in shapes() {
        let first = edit(None, ACTOR, &reading("Open day")).unwrap().unwrap();
        let mut base = counted(counter.count(&request(None, &first.change, 1)).unwrap());
        let mut worst = Duration::ZERO;
        let stopped = (0..20).find_map(|round| {
            let mut doc = AutoCommit::load(&base.snapshot).unwrap();
            doc.set_actor(ActorId::from(&ACTOR[..]));
            alter(&mut doc, round);
            doc.commit_with(CommitOptions::default().with_time(0));
            let change = doc.get_last_local_change().unwrap().raw_bytes().to_vec();
            let began = Instant::now();
            let outcome = counter
                .count(&request(Some(&base.snapshot), &change, 2 + round as u64))
                .unwrap();
            worst = worst.max(began.elapsed());
            match outcome {
                CountOutcome::Counted(counted) => {
                    base = *counted;
                    None
                }
                other => Some(other),
            }
        });
        println!("{name}: {worst:?} at most, then {stopped:?}");
        // Twenty times the maps are not yet over a limit; everything else is.
        let by_a_number = matches!(&stopped, Some(CountOutcome::Refused(Refusal::Limit(_)))) || name == "makes maps";
        assert!(by_a_number, "{name}: {stopped:?}");
    }
}
