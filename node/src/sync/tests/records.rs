//! Records whose card was erased by another run of their hub.

use interhub_domain::member::{Audience, Consent, Field, Member};

use super::keys::{after_theft, exchange, founder_and_vienna, thief};
use super::moved::copy;
use super::*;
use crate::projection::members;

const DAY_MS: i64 = 24 * 3_600_000;

fn member(name: &str) -> Member {
    let agreed = Consent {
        at_ms: NOW_MS,
        audience: Audience::Network,
        fields: [Field::Name].into(),
        text_version: "1".into(),
        channel: "paper".into(),
        recorded_by: "desk".into(),
        withdrawn_ms: None,
    };
    Member {
        name: name.into(),
        audiences: [(Field::Name, Audience::Network)].into(),
        consents: [("c".to_owned(), agreed)].into(),
        ..Member::default()
    }
}

fn document(ledger: &Ledger, log: LogId, thing: ThingId) -> ObjectId {
    ObjectId::derive(
        ledger.network().unwrap(),
        ledger.own_id(),
        log,
        DocumentKind::Member,
        thing,
    )
}

/// A record and its card.
fn add(ledger: &Ledger, number: u8) -> ThingId {
    let thing = ThingId::new(ledger.own_id(), [number; 8]);
    let record = member(&format!("Zanzibara {number}."));
    let create = |log, member| Write::Create {
        log,
        kind: DocumentKind::Member,
        thing,
        reading: Reading::Member(Box::new(member)),
    };
    let card = record.card().unwrap();
    ledger
        .write(vec![create(LogId::LOCAL, record), create(LogId::NETWORK, card)])
        .unwrap();
    thing
}

fn erase_card(ledger: &Ledger, thing: ThingId) {
    let object = document(ledger, LogId::NETWORK, thing);
    ledger.write(vec![Write::Erase { object }]).unwrap();
}

/// Names in records and in cards, as this node has them.
fn names(ledger: &Ledger) -> (Vec<String>, Vec<String>) {
    let (mut records, mut cards) = (Vec::new(), Vec::new());
    members::each(&*ledger.store, &mut |row| {
        let of = if row.is_record() { &mut records } else { &mut cards };
        of.push(row.member.name);
    })
    .unwrap();
    records.sort();
    cards.sort();
    (records, cards)
}

fn equal(ledger: &Ledger) {
    ledger.erase_orphans().unwrap();
    ledger.heard_of_erasures().unwrap();
}

#[test]
fn a_member_erased_after_the_backup_was_made_is_not_there_again() {
    let store = memory();
    let a = open(store.clone(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let b = open(memory(), 2, "vienna", 1);
    join(&a, &b);
    a.lies_at(5).unwrap();
    let (ada, _) = (add(&a, 1), add(&a, 2));
    give_all(&a, &b, |_| {});
    assert!(!a.is_restoring());
    let backup = copy(&store);
    erase_card(&a, ada);
    a.write(vec![Write::Erase {
        object: document(&a, LogId::LOCAL, ada),
    }])
    .unwrap();
    give_all(&a, &b, |_| {});
    equal(&a);
    assert_eq!(names(&a).0, ["Zanzibara 2."]);
    drop(a);

    let again = open(backup.clone(), 1, "birmingham", 2);
    again.lies_at(6).unwrap();
    assert!(again.is_restoring(), "another place");
    drop(again);
    let again = open(backup.clone(), 1, "birmingham", 3);
    again.lies_at(6).unwrap();
    assert!(again.is_restoring(), "until another hub was reached");
    equal_before(&again);
    give_all(&b, &again, |_| {});
    equal(&again);
    assert!(!again.is_restoring());
    assert_eq!(
        names(&again),
        (vec!["Zanzibara 2.".to_owned()], vec!["Zanzibara 2.".to_owned()])
    );
    assert_eq!(super::erase::found(&backup, "Zanzibara 1."), []);
    assert_eq!(again.held_members(), [].into());
}

/// Nothing is erased that nobody said is erased.
fn equal_before(ledger: &Ledger) {
    ledger.erase_orphans().unwrap();
    assert_eq!(names(ledger).0.len(), 2);
}

#[test]
fn many_at_once_wait_a_day_and_are_not_shown() {
    let store = memory();
    let a = open(store.clone(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let b = open(memory(), 2, "vienna", 1);
    join(&a, &b);
    let all: Vec<ThingId> = (1..=8).map(|number| add(&a, number)).collect();
    give_all(&a, &b, |_| {});
    let other = open(copy(&store), 1, "birmingham", 2);
    for thing in &all[..3] {
        erase_card(&other, *thing);
    }
    give_all(&other, &b, |_| {});
    give_all(&b, &a, |_| {});
    equal(&a);
    assert_eq!(a.held_members(), all[..3].iter().copied().collect());
    let (records, cards) = names(&a);
    assert_eq!(
        (records.len(), cards.len()),
        (8, 5),
        "three of eight are more than a quarter"
    );
    // Also after a start, before anybody is met.
    drop(a);
    let clock = ManualClock::new(NOW_MS + DAY_MS, 77);
    let a = with_clock(store.clone(), own(1, "birmingham"), &clock);
    assert_eq!(a.held_members().len(), 3);
    equal(&a);
    assert_eq!(names(&a).0.len(), 8, "not a day after the first of them");
    clock.advance_ms(10_000);
    equal(&a);
    assert_eq!((names(&a).0.len(), a.held_members().len()), (5, 0));
    for number in 1..=3 {
        assert_eq!(super::erase::found(&store, &format!("Zanzibara {number}.")), []);
    }
    // A few are an operator's, at once.
    erase_card(&other, all[3]);
    give_all(&other, &b, |_| {});
    give_all(&b, &a, |_| {});
    equal(&a);
    assert_eq!((names(&a).0.len(), a.held_members().len()), (4, 0));
}

#[test]
fn what_a_thief_erases_goes_on_with_new_cards_once_the_key_is_said_to_be_stolen() {
    let (founder, store, hub, kept) = founder_and_vienna();
    let all: Vec<ThingId> = (1..=6).map(|number| add(&hub, number)).collect();
    exchange(&hub, &founder);
    let before = names(&hub);
    let thief = thief(&founder);
    give_all(&founder, &thief, |_| {});
    for thing in &all {
        erase_card(&thief, *thing);
    }
    exchange(&thief, &founder);
    exchange(&hub, &founder);
    equal(&hub);
    assert_eq!((names(&founder).1.len(), names(&hub).1.len()), (0, 0));
    assert_eq!(hub.held_members().len(), 6);
    let hub = after_theft(hub, &kept, store);
    exchange(&hub, &founder);
    equal(&hub);
    equal(&hub);
    exchange(&hub, &founder);
    assert_eq!(names(&hub), before);
    assert_eq!(names(&founder).1, before.1);
    assert_eq!(hub.held_members(), [].into());
    assert_eq!(founder.digests().unwrap(), hub.digests().unwrap());
}
