//! Foreign changes while nobody can judge them: nothing is refused, nothing is lost, own work goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use interhub_domain::body::{Body, Content, Statement};
use interhub_domain::document::{self, CountOutcome, CountRequest, Counter, InProcessCounter, Reading, Unjudged};
use interhub_domain::envelope::{Envelope, Header, Kind, Sealed};
use interhub_domain::event::Status;
use interhub_domain::ids::{DocumentKind, Epoch, HeaderHash, LogId, ObjectId};

use super::{NOW_MS, Store, all_envelopes, create, event, give_all, join, memory, open, own};
use crate::clock::ManualClock;
use crate::sync::{Ledger, LedgerOptions, Refused, Write};

/// A counter that can be switched off.
#[derive(Clone, Default)]
struct Switched(Arc<AtomicBool>);

impl Switched {
    fn set(&self, on: bool) {
        self.0.store(on, Ordering::SeqCst);
    }
}

impl Counter for Switched {
    fn count(&self, request: &CountRequest<'_>) -> Result<CountOutcome, Unjudged> {
        if self.0.load(Ordering::SeqCst) {
            InProcessCounter.count(request)
        } else {
            Err(Unjudged)
        }
    }
}

fn open_with(counter: &Switched, store: Store, run: u64) -> Ledger {
    Ledger::open(LedgerOptions {
        store,
        clock: ManualClock::new(NOW_MS + i64::try_from(run).unwrap() * 1_000, 2 << 8 | run),
        own: own(2, "vienna"),
        counter: Box::new(counter.clone()),
    })
    .unwrap()
}

fn is_shown(ledger: &Ledger, object: ObjectId) -> bool {
    ledger.load_object(object).unwrap().0.is_shown()
}

#[test]
fn what_cannot_be_judged_now_is_neither_held_nor_refused_and_own_writes_go_on() {
    let counter = Switched::default();
    counter.set(true);
    let a = open(memory(), 1, "birmingham", 1);
    let b = open_with(&counter, memory(), 1);
    a.create_network("Test network").unwrap();
    join(&a, &b);
    give_all(&a, &b, |_| {});
    counter.set(false);

    let before = b.frontier();
    let open_day = create(&a, 9, "Open day");
    let envelopes = all_envelopes(&a);
    let (rows, refused) = b.take(&envelopes).unwrap();
    let why: Vec<Refused> = refused.into_iter().map(|(_, why)| why).collect();
    assert_eq!(why, [Refused::NotNow], "the document, and nothing else");
    assert!(rows.len() <= 1, "the opening of the log alone: {rows:?}");
    assert!(!is_shown(&b, open_day));
    assert_eq!(b.totals().refused, 0);

    let own_event = create(&b, 8, "Made while nobody judges");
    assert!(is_shown(&b, own_event), "own changes need no other process");
    b.write(vec![Write::Change {
        object: own_event,
        reading: event("And edited", Status::Confirmed),
    }])
    .unwrap();
    assert_ne!(b.frontier(), before);

    counter.set(true);
    give_all(&a, &b, |_| {});
    give_all(&b, &a, |_| {});
    assert!(is_shown(&b, open_day));
    assert_eq!(a.digests().unwrap(), b.digests().unwrap());
}

#[test]
fn own_edits_of_several_documents_are_said_again_when_that_is_possible_again() {
    let counter = Switched::default();
    counter.set(true);
    let a = open(memory(), 1, "birmingham", 1);
    let b = open_with(&counter, memory(), 1);
    let c = open(memory(), 3, "amsterdam", 1);
    a.create_network("Test network").unwrap();
    for newcomer in [&b, &c] {
        join(&a, newcomer);
        give_all(newcomer, &a, |_| {});
    }
    let objects = [9, 10, 11].map(|number| create(&a, number, "Open day"));
    for object in objects {
        for writer in [b.own_id(), c.own_id()] {
            a.write(vec![Write::Grant { object, writer }]).unwrap();
        }
    }
    give_all(&a, &b, |_| {});
    for object in objects {
        b.write(vec![Write::Consent { object, agreed: true }]).unwrap();
        give_all(&b, &a, |_| {});
        let reading = event("A late edit", Status::Confirmed);
        b.write(vec![Write::Change { object, reading }]).unwrap();
        let writer = c.own_id();
        a.write(vec![Write::TakeAway { object, writer }]).unwrap();
    }
    give_all(&a, &b, |_| {});
    let noted = || b.lock().left_out.len();
    assert_eq!(noted(), 3, "nothing is said again before the first exchange");

    counter.set(false);
    b.mark_as_of(a.own_id()).unwrap();
    b.replay().unwrap_err();
    assert_eq!(noted(), 3, "none is forgotten, whichever could not be done");
    counter.set(true);
    b.replay().unwrap();
    assert_eq!(noted(), 0);
    give_all(&b, &a, |_| {});
    for object in objects {
        let saved = a.load_object(object).unwrap().0.snapshot.unwrap();
        let reading = document::read_saved(&saved, DocumentKind::Event).unwrap();
        assert!(matches!(reading, Reading::Event(event) if event.title == "A late edit"));
    }
}

#[test]
fn documents_that_a_cut_touches_are_counted_anew_when_that_is_possible_again() {
    let counter = Switched::default();
    counter.set(true);
    let twin = || {
        let twin = open(memory(), 1, "birmingham", 1);
        twin.create_network("Test network").unwrap();
        create(&twin, 1, "Before the fork");
        twin
    };
    let (a, other) = (twin(), twin());
    let store = memory();
    let b = open_with(&counter, store.clone(), 1);
    join(&a, &b);
    give_all(&a, &b, |_| {});
    let forked = create(&a, 2, "Said by one twin");
    create(&other, 3, "Said by the other");
    give_all(&a, &b, |_| {});
    assert!(is_shown(&b, forked));

    // The bodies a cut makes void need no judging; what an earlier run wrote to the same document does.
    let edited = ObjectId::derive(
        a.network().unwrap(),
        a.own_id(),
        interhub_domain::ids::LogId::PUBLIC,
        interhub_domain::ids::DocumentKind::Event,
        interhub_domain::ids::ThingId::new(a.own_id(), [1; 8]),
    );
    a.write(vec![Write::Change {
        object: edited,
        reading: event("Edited beyond the fork", Status::Confirmed),
    }])
    .unwrap();
    give_all(&a, &b, |_| {});
    counter.set(false);
    let forked_row = all_envelopes(&other)
        .into_iter()
        .filter(|envelope| envelope.header.log == interhub_domain::ids::LogId::PUBLIC)
        .max_by_key(|envelope| envelope.header.seq)
        .unwrap();
    assert_eq!(b.prove(&forked_row).unwrap().len(), 1);
    assert!(b.recount_due().unwrap() > 0, "it waits");
    let restarted = open_with(&counter, store, 2);
    assert!(
        restarted.needs_rebuild().unwrap(),
        "a start in between counts everything anew"
    );
    drop(restarted);
    counter.set(true);
    assert_eq!(b.recount_due().unwrap(), 0);
    assert!(!is_shown(&b, forked));
    assert!(is_shown(&b, edited), "as it was before the fork");
    assert!(!b.needs_rebuild().unwrap());
}

#[test]
fn a_rebuild_counts_what_concerns_no_document_too() {
    let a = open(memory(), 1, "birmingham", 1);
    let network = a.create_network("Test network").unwrap();
    create(&a, 9, "Open day");
    let header = Header {
        network,
        hub: a.own_id(),
        key_number: 0,
        log: LogId::REGISTRY,
        epoch: Epoch(7),
        seq: 0,
        previous: HeaderHash::ZERO,
        kind: Kind::Statement,
        object: ObjectId::ZERO,
        generation: 0,
        commitment: [0; 32],
    };
    let body = Body {
        clock: 1,
        content: Some(Content::Statement(Statement { said: None })),
    };
    let sealed = Sealed {
        salt: [0; 32],
        body: body.encode_bytes(),
    };
    a.take(&[Envelope::sign(header, sealed, &a.own().key)]).unwrap();
    let totals = a.totals();
    assert_eq!(totals.refused, 1, "a statement that says nothing");
    a.rebuild(&mut |_| {}).unwrap();
    assert_eq!(a.totals(), totals);
}
