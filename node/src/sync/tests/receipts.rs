//! Receipts: who is asked, who answers when, and what is believed.

use interhub_domain::document::Reading;
use interhub_domain::envelope::{Envelope, SigningKey};
use interhub_domain::ids::{DocumentKind, HeaderHash, HubId, LogId, ObjectId, ThingId};
use interhub_domain::member::{Audience, Consent, Field, Member};
use interhub_domain::receipt::{Outcome, Receipt, SignedReceipt};

use super::{Ledger, all_envelopes, give_all, join, memory, open};
use crate::store::Store;
use crate::sync::Write;

const THING: ThingId = ThingId([7; 16]);

fn thing_of(ledger: &Ledger) -> ThingId {
    ThingId::new(ledger.own_id(), THING.0[..8].try_into().unwrap())
}

fn card(name: &str, skills: &[&str]) -> Member {
    let consent = Consent {
        at_ms: 1,
        audience: Audience::Network,
        fields: Field::ALL.into_iter().collect(),
        text_version: "1".to_owned(),
        channel: String::new(),
        recorded_by: String::new(),
        withdrawn_ms: None,
    };
    let record = Member {
        name: name.to_owned(),
        skills: skills.iter().map(|one| (*one).to_owned()).collect(),
        audiences: Field::ALL.into_iter().map(|field| (field, Audience::Network)).collect(),
        consents: [("1".to_owned(), consent)].into(),
        ..Member::default()
    };
    record.card().unwrap()
}

fn reading(member: &Member) -> Reading {
    Reading::Member(Box::new(member.clone()))
}

/// Shows a card to all hubs; returns its document.
fn show(ledger: &Ledger, member: &Member) -> ObjectId {
    let thing = thing_of(ledger);
    let create = Write::Create {
        log: LogId::NETWORK,
        kind: DocumentKind::Member,
        thing,
        reading: reading(member),
    };
    ledger.write(vec![create]).unwrap();
    let network = ledger.network().unwrap();
    ObjectId::derive(network, ledger.own_id(), LogId::NETWORK, DocumentKind::Member, thing)
}

fn three() -> ([Ledger; 3], Store) {
    let store = memory();
    let a = open(store.clone(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let [b, c] = [(2, "vienna"), (3, "amsterdam")].map(|(seed, slug)| {
        let guest = open(memory(), seed, slug, 1);
        join(&a, &guest);
        guest
    });
    let all = [a, b, c];
    everywhere(&all);
    (all, store)
}

fn everywhere(all: &[Ledger]) {
    for _ in 0..2 {
        for from in all {
            for to in all.iter().filter(|to| to.own_id() != from.own_id()) {
                give_all(from, to, |_| {});
            }
        }
    }
}

fn states(ledger: &Ledger) -> Vec<(HubId, Outcome)> {
    let erasure = ledger.erasure(thing_of(ledger)).unwrap().unwrap();
    let receipts = erasure.receipts.into_iter();
    receipts.map(|(hub, (receipt, _))| (hub, receipt.outcome)).collect()
}

fn signed(tombstone: HeaderHash, outcome: Outcome, by: &Ledger, key: &SigningKey) -> SignedReceipt {
    let receipt = Receipt {
        hub: by.own_id(),
        key_number: 0,
        tombstone,
        outcome,
        at_ms: 5,
        backups_until_ms: None,
    };
    receipt.sign(by.network().unwrap(), key)
}

#[test]
fn each_hub_answers_once_nothing_is_in_its_files() {
    let (all, store) = three();
    let [a, b, c] = &all;
    let object = show(a, &card("Ada", &["printing"]));
    everywhere(&all);
    assert_eq!(a.asked_of(b.own_id()), [], "nothing is erased yet");
    a.write(vec![Write::Erase { object }]).unwrap();
    let asked = a.asked_of(b.own_id());
    assert_eq!((asked.len(), &a.asked_of(c.own_id())), (1, &asked));
    assert_eq!(a.asked_of(HubId([9; 16])), []);
    assert!(a.erasure(thing_of(a)).unwrap().unwrap().pending_here);

    assert_eq!(b.receipts_for(&asked).unwrap(), [], "it has not heard of it");
    everywhere(&all);
    assert_eq!(b.receipts_for(&asked).unwrap(), [], "it is in its files still");
    for hub in &all {
        assert!(hub.force_out().unwrap() > 0);
    }
    assert!(!a.erasure(thing_of(a)).unwrap().unwrap().pending_here);
    let receipts = b.receipts_for(&asked).unwrap();
    assert_eq!(b.receipts_for(&asked).unwrap(), receipts, "the same again");
    let [(_, receipt)] = &receipts[..] else {
        panic!("{receipts:?}")
    };
    assert_eq!(a.take_receipts(std::slice::from_ref(receipt)).unwrap(), 1);
    assert_eq!(a.take_receipts(std::slice::from_ref(receipt)).unwrap(), 0, "once");
    assert_eq!(states(a), [(b.own_id(), Outcome::Erased)]);
    assert_eq!(
        (a.asked_of(b.own_id()), a.asked_of(c.own_id())),
        (vec![], asked.clone())
    );

    // After a start it knows whom it asked.
    let again = open(store, 1, "birmingham", 2);
    assert_eq!(
        (again.asked_of(b.own_id()), again.asked_of(c.own_id())),
        (vec![], asked)
    );
}

#[test]
fn a_receipt_is_believed_only_of_who_signed_it_and_was_asked() {
    let (all, _) = three();
    let [a, b, c] = &all;
    let object = show(a, &card("Ada", &[]));
    everywhere(&all);
    a.write(vec![Write::Erase { object }]).unwrap();
    let tombstone = a.asked_of(b.own_id())[0].1;
    let key = |seed: u8| SigningKey::from([seed; 32]);
    let erased = |by: &Ledger, seed| signed(tombstone, Outcome::Erased, by, &key(seed));
    // By another hub's key, of another tombstone, by the hub itself.
    let others = [
        erased(b, 3),
        signed(HeaderHash([8; 32]), Outcome::Erased, b, &key(2)),
        erased(a, 1),
    ];
    assert_eq!(a.take_receipts(&others).unwrap(), 0);
    let noise = SignedReceipt {
        statement: vec![1, 2, 3],
        signature: [0; 64],
    };
    assert_eq!(a.take_receipts(&[noise]).unwrap(), 0);
    // A refusal is kept, and the hub is asked again; what it says then counts.
    assert_eq!(
        a.take_receipts(&[signed(tombstone, Outcome::Refused, c, &key(3))])
            .unwrap(),
        1
    );
    assert_eq!(states(a), [(c.own_id(), Outcome::Refused)]);
    assert_eq!(a.asked_of(c.own_id()).len(), 1);
    assert_eq!(a.take_receipts(&[erased(c, 3), erased(b, 2)]).unwrap(), 2);
    let mut done = vec![(b.own_id(), Outcome::Erased), (c.own_id(), Outcome::Erased)];
    done.sort_by_key(|(hub, _)| *hub);
    assert_eq!(states(a), done);
}

#[test]
fn what_a_card_said_before_is_asked_about_until_the_next_takes_its_place() {
    let (all, _) = three();
    let [a, b, _] = &all;
    let object = show(a, &card("Ada", &["printing", "binding"]));
    everywhere(&all);
    let less = reading(&card("Ada", &["printing"]));
    a.write(vec![Write::Renew { object, reading: less }]).unwrap();
    let first = a.asked_of(b.own_id());
    everywhere(&all);
    b.force_out().unwrap();
    let receipts = b.receipts_for(&first).unwrap();
    assert_eq!(receipts.len(), 1);
    assert_eq!(a.take_receipts(&[receipts[0].1.clone()]).unwrap(), 1);
    assert_eq!(states(a).len(), 1);
    // All of it: another tombstone, which everybody owes a receipt for.
    a.write(vec![Write::Erase { object }]).unwrap();
    let second = a.asked_of(b.own_id());
    assert_ne!(first, second);
    assert_eq!(states(a), []);
    assert_eq!(
        b.receipts_for(&second).unwrap(),
        [],
        "the first is no answer to the second"
    );
    everywhere(&all);
    b.force_out().unwrap();
    assert_eq!(b.receipts_for(&second).unwrap().len(), 1);
}

#[test]
fn a_hub_that_never_had_the_card_says_so_and_a_newer_one_is_not_asked() {
    let (all, _) = three();
    let [a, b, c] = &all;
    let object = show(a, &card("Ada", &[]));
    a.write(vec![Write::Erase { object }]).unwrap();
    let asked = a.asked_of(c.own_id());
    let tombstone = all_envelopes(a)
        .into_iter()
        .find(|envelope| envelope.hash() == asked[0].1)
        .unwrap();
    // It hears of the tombstone alone.
    c.take(&[tombstone]).unwrap();
    c.force_out().unwrap();
    assert_eq!(c.receipts_for(&asked).unwrap().len(), 1);
    let d = open(memory(), 4, "turin", 1);
    join(a, &d);
    assert_eq!((a.asked_of(d.own_id()), a.asked_of(b.own_id()).len()), (vec![], 1));
}

#[test]
fn a_restored_hub_asks_for_what_its_other_run_erased() {
    let (all, _) = three();
    let [a, b, _] = &all;
    let object = show(a, &card("Ada", &[]));
    everywhere(&all);
    let before = all_envelopes(a);
    a.write(vec![Write::Erase { object }]).unwrap();
    everywhere(&all);
    let restored = open(memory(), 1, "birmingham", 3);
    let registry: Vec<Envelope> = before
        .iter()
        .filter(|envelope| envelope.header.log == LogId::REGISTRY)
        .cloned()
        .collect();
    let decisions = a.roster().ballots.heads();
    restored
        .enter_network(a.network().unwrap(), &registry, &decisions)
        .unwrap();
    restored.take(&before).unwrap();
    assert_eq!(restored.asked_of(b.own_id()), []);
    give_all(b, &restored, |_| {});
    assert_eq!(restored.asked_of(b.own_id()), a.asked_of(b.own_id()));
}

#[test]
fn a_record_without_a_card_is_erased_here_and_asked_of_nobody() {
    let (all, _) = three();
    let [a, b, _] = &all;
    let thing = thing_of(a);
    let record = Member {
        name: "Ada".to_owned(),
        ..Member::default()
    };
    let create = Write::Create {
        log: LogId::LOCAL,
        kind: DocumentKind::Member,
        thing,
        reading: reading(&record),
    };
    a.write(vec![create]).unwrap();
    let object = ObjectId::derive(
        a.network().unwrap(),
        a.own_id(),
        LogId::LOCAL,
        DocumentKind::Member,
        thing,
    );
    let changed = reading(&Member {
        headline: "Printer".to_owned(),
        ..record
    });
    a.write(vec![Write::Renew {
        object,
        reading: changed,
    }])
    .unwrap();
    assert_eq!(
        a.erasure(thing).unwrap(),
        None,
        "a record begins anew with every change"
    );
    a.write(vec![Write::Erase { object }]).unwrap();
    let erasure = a.erasure(thing).unwrap().unwrap();
    assert!(erasure.pending_here && erasure.row.hubs.is_empty() && erasure.row.card.is_none());
    a.force_out().unwrap();
    assert!(!a.erasure(thing).unwrap().unwrap().pending_here);
    assert_eq!(a.asked_of(b.own_id()), []);
}
