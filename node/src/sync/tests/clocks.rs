//! Wrong clocks: what was said with one that is ahead is shown with the time at which it was heard, and is not for ever.

use std::sync::Arc;

use interhub_domain::document::Reading;
use interhub_domain::event::Status;
use interhub_domain::ids::ObjectId;

use super::{Ledger, NOW_MS, create, event, give_all, join, memory, open, own, with_clock};
use crate::clock::ManualClock;
use crate::projection::EventRow;
use crate::projection::read::Views;
use crate::projection::search::Search;
use crate::projection::search::memory::MemoryIndex;
use crate::sync::{OwnHub, Write};

const YEAR_MS: i64 = 365 * 86_400_000;

fn views(ledger: &Ledger) -> Views {
    let index = Box::new(MemoryIndex::new());
    let search = Search::open(ledger.store.clone(), index, [0; 16]).unwrap();
    Views::new(ledger.store.clone(), Arc::new(search))
}

fn shown(ledger: &Ledger, object: ObjectId) -> EventRow {
    let thing = ledger.load_object(object).unwrap().0.state.created.unwrap().thing;
    let row = views(ledger).event(thing).unwrap().unwrap();
    (*row).clone()
}

fn edit(ledger: &Ledger, object: ObjectId, title: &str, updated_ms: i64) {
    let Reading::Event(mut edited) = event(title, Status::Confirmed) else {
        unreachable!()
    };
    edited.updated_ms = updated_ms;
    let reading = Reading::Event(edited);
    ledger.write(vec![Write::Change { object, reading }]).unwrap();
}

#[test]
fn a_change_from_the_future_is_shown_with_the_time_at_which_it_was_heard() {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let clock = ManualClock::new(NOW_MS, 2);
    let b = with_clock(memory(), own(2, "vienna"), &clock);
    join(&a, &b);
    let object = create(&a, 9, "Open day");
    edit(&a, object, "A year ahead", NOW_MS + YEAR_MS);
    give_all(&a, &b, |_| {});
    give_all(&b, &a, |_| {});
    let row = shown(&b, object);
    assert_eq!(
        (row.event.updated_ms, row.event.title.as_str()),
        (NOW_MS, "A year ahead")
    );
    let digests = |ledger: &Ledger| views(ledger).projections_digest().unwrap();
    assert_eq!(digests(&a), digests(&b), "when a node heard it is its own knowledge");
    // It stays what it was, whenever the document is counted again.
    clock.advance_ms(3_600_000);
    b.recount_object(&mut b.lock(), a.network().unwrap(), object).unwrap();
    assert_eq!(shown(&b, object).event.updated_ms, NOW_MS);
    b.rebuild(&mut |_| {}).unwrap();
    assert_eq!(shown(&b, object).event.updated_ms, NOW_MS);
    // What errs as clocks do is shown as it is said.
    edit(&a, object, "A little ahead", NOW_MS + YEAR_MS + 1);
    let other = create(&a, 10, "Another");
    edit(&a, other, "A little ahead", NOW_MS + 3_600_000 + 500_000);
    give_all(&a, &b, |_| {});
    assert_eq!(shown(&b, object).event.updated_ms, NOW_MS + 3_600_000);
    assert_eq!(shown(&b, other).event.updated_ms, NOW_MS + 3_600_000 + 500_000);
    assert_eq!(digests(&a), digests(&b));
}

#[test]
fn an_address_from_the_future_gives_way_to_a_later_one() {
    let store = memory();
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let b = open(store.clone(), 2, "vienna", 1);
    join(&a, &b);
    drop(b);
    let at = |address: &str| OwnHub {
        address: address.into(),
        ..own(2, "vienna")
    };
    let address = |ledger: &Ledger| ledger.roster().members[&at("").id()].address.clone();
    for (ahead_ms, said) in [
        (YEAR_MS, "wrong.example:1"),
        (10_000, "right.example:2"),
        (20_000, "moved.example:3"),
    ] {
        let b = with_clock(store.clone(), at(said), &ManualClock::new(NOW_MS + ahead_ms, 3));
        b.publish_address().unwrap();
        assert_eq!(address(&b), said);
        let said_before = b.lock().statements.len();
        b.publish_address().unwrap();
        assert_eq!(b.lock().statements.len(), said_before, "once is enough");
        give_all(&b, &a, |_| {});
        assert_eq!(address(&a), said);
    }
}
