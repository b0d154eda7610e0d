//! An event is taken to another log, and the new document is lost with the folder: a backup of before takes its place.

use std::ops::ControlFlow;

use interhub_domain::envelope::Kind;

use super::*;
use crate::store::catalogue::left_out::LeftOutRow;
use crate::store::{Batch, Direction, Family};

/// A backup of everything in a store.
pub(super) fn copy(store: &Store) -> Store {
    let mut batch = Batch::new();
    for family in Family::ALL {
        let mut visit = |key: &[u8], value: &[u8]| {
            batch.put(family, key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        };
        store.scan(family, &[], &[], Direction::Forward, &mut visit).unwrap();
    }
    let copy = memory();
    copy.write(&batch).unwrap();
    copy
}

fn title(ledger: &Ledger, log: LogId) -> Option<String> {
    let object = document(ledger, log);
    let known = ledger.load_object(object).unwrap().0;
    let saved = known.snapshot.filter(|_| known.state.created.is_some())?;
    match interhub_domain::document::read_saved(&saved, DocumentKind::Event) {
        Ok(Reading::Event(event)) => Some(event.title),
        other => panic!("{other:?}"),
    }
}

/// The document of the one event, in this log; of the hub that began the network.
fn document(ledger: &Ledger, log: LogId) -> ObjectId {
    let owner = own(1, "birmingham").id();
    let thing = ThingId::new(owner, [9; 8]);
    ObjectId::derive(ledger.network().unwrap(), owner, log, DocumentKind::Event, thing)
}

/// What this hub and another one do once both hold the same.
fn equal(ledger: &Ledger, other: &Ledger) {
    ledger.mark_as_of(other.own_id()).unwrap();
    ledger.replay().unwrap();
    ledger.bring_back().unwrap();
}

fn kept(ledger: &Ledger) -> Vec<LeftOutRow> {
    let rows = ledger.left_out_rows(|row| row.taken.is_some()).unwrap();
    rows.into_iter().map(|(_, row)| row).collect()
}

/// An owner that took its event from the public log to this one, another hub that heard so much of it, and the owner again,
/// from a backup of before, with its store.
fn restored(log: LogId, heard: impl Fn(&Envelope) -> bool) -> (Ledger, Ledger, Ledger, Store) {
    let store = memory();
    let a = open(store.clone(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let b = open(memory(), 2, "vienna", 1);
    join(&a, &b);
    let object = create(&a, 9, "Open day");
    give_all(&a, &b, |_| {});
    let backup = copy(&store);
    let reading = event("Open day, moved", Status::Confirmed);
    a.write(vec![Write::Move { object, log, reading }]).unwrap();
    give_all(&a, &b, |all| all.retain(&heard));
    let again = open(backup.clone(), 1, "birmingham", 2);
    assert_eq!(title(&again, LogId::PUBLIC).as_deref(), Some("Open day"));
    (a, b, again, backup)
}

fn is_tombstone(envelope: &Envelope) -> bool {
    envelope.header.kind == Kind::Tombstone
}

#[test]
fn an_event_whose_new_document_is_lost_goes_on_as_a_draft() {
    for log in [LogId::NETWORK, LogId::LOCAL] {
        let (_, b, a, store) = restored(log, is_tombstone);
        give_all(&b, &a, |_| {});
        assert_eq!(title(&a, LogId::PUBLIC), None, "erased is erased");
        assert_eq!(title(&a, LogId::LOCAL), None, "the new document may be under way");
        // Also if the node stops before it has met anybody.
        drop(a);
        let a = open(store, 1, "birmingham", 3);
        equal(&a, &b);
        assert_eq!(title(&a, LogId::LOCAL).as_deref(), Some("Open day"));
        assert!(kept(&a).is_empty());
        give_all(&a, &b, |_| {});
        assert_eq!(title(&b, LogId::LOCAL), None);
        let before = (a.digests().unwrap(), a.totals());
        a.rebuild(&mut |_| {}).unwrap();
        equal(&a, &b);
        assert_eq!((a.digests().unwrap(), a.totals()), before);
        // It is an event like any other.
        let reading = event("Again", Status::Confirmed);
        let (object, log) = (document(&a, LogId::LOCAL), LogId::PUBLIC);
        a.write(vec![Write::Move { object, log, reading }]).unwrap();
        give_all(&a, &b, |_| {});
        assert_eq!(title(&b, LogId::PUBLIC).as_deref(), Some("Again"));
        assert_eq!(title(&a, LogId::LOCAL), None);
    }
}

#[test]
fn an_event_whose_new_document_comes_after_the_tombstone_is_no_draft() {
    let (_, b, a, _) = restored(LogId::NETWORK, |_| true);
    give_all(&b, &a, |all| all.retain(is_tombstone));
    assert_eq!(kept(&a).len(), 1);
    give_all(&b, &a, |_| {});
    equal(&a, &b);
    assert_eq!(title(&a, LogId::NETWORK).as_deref(), Some("Open day, moved"));
    assert_eq!(title(&a, LogId::LOCAL), None);
    assert!(kept(&a).is_empty());
}

#[test]
fn an_event_that_was_moved_and_then_erased_is_no_draft() {
    let (before, b, a, _) = restored(LogId::NETWORK, |_| true);
    let object = document(&b, LogId::NETWORK);
    before.write(vec![Write::Erase { object }]).unwrap();
    give_all(&before, &b, |_| {});
    give_all(&b, &a, |_| {});
    equal(&a, &b);
    assert_eq!(title(&a, LogId::LOCAL), None);
    assert!(kept(&a).is_empty());
}

#[test]
fn an_own_move_keeps_nothing_of_the_old_document() {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let object = create(&a, 9, "Open day");
    let reading = event("Moved", Status::Confirmed);
    let log = LogId::NETWORK;
    a.write(vec![Write::Move { object, log, reading }]).unwrap();
    assert!(kept(&a).is_empty());
}
