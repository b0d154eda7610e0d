//! Erasing events: whenever the tombstone comes, nothing of what the event said is left, and nothing of it comes back.

use std::sync::Arc;

use interhub_domain::body::{Body, Content, Tombstone};
use interhub_domain::document::Reading;
use interhub_domain::envelope::{Envelope, Header, Kind, Sealed, SigningKey, public_key};
use interhub_domain::event::Status;
use interhub_domain::frontier::RowKey;
use interhub_domain::ids::{DocumentKind, HeaderHash, HubId, LogId, ObjectId, ThingId};
use interhub_domain::member::Member;
use interhub_domain::session::Tombstones;
use proptest::prelude::*;

use super::{Ledger, all_envelopes, create, event, give_all, join, memory, open};
use crate::peer::Host as _;
use crate::store::catalogue::document::{OriginalFormat, OriginalRow, TombstoneKey};
use crate::store::catalogue::log::Standing;
use crate::store::rocks::{DEFAULT_CACHE_BYTES, RocksStore};
use crate::store::{Direction, Family, Store, catalogue};
use crate::sync::{LedgerHost, Write};

fn pair() -> (Ledger, Ledger, Store) {
    let store = memory();
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let b = open(store.clone(), 2, "vienna", 1);
    join(&a, &b);
    give_all(&b, &a, |_| {});
    (a, b, store)
}

fn change(ledger: &Ledger, object: ObjectId, title: &str) {
    let reading = event(title, Status::Confirmed);
    ledger.write(vec![Write::Change { object, reading }]).unwrap();
}

/// Every key and value of a store that holds these bytes.
pub(super) fn found(store: &Store, needle: &str) -> Vec<Family> {
    let needle = needle.as_bytes();
    let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let mut families = Vec::new();
    for family in Family::ALL {
        let mut here = false;
        store
            .scan(family, &[], &[], Direction::Forward, &mut |key, value| {
                here |= holds(key) || holds(value);
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        if here {
            families.push(family);
        }
    }
    families
}

fn of_object(ledger: &Ledger, object: ObjectId) -> Vec<Envelope> {
    let mut all = all_envelopes(ledger);
    all.retain(|envelope| envelope.header.object == object);
    all
}

/// Signs something in the name of the hub with this seed, in a log of its own run that holds only this.
fn sign_alone(ledger: &Ledger, seed: u8, epoch: u64, object: ObjectId, tombstone: Tombstone) -> Envelope {
    let key = SigningKey::from([seed; 32]);
    let header = Header {
        network: ledger.network().unwrap(),
        hub: interhub_domain::ids::HubId::of_first_key(&interhub_domain::envelope::public_key(&key)),
        key_number: 0,
        log: LogId::PUBLIC,
        epoch: interhub_domain::ids::Epoch(epoch),
        seq: 0,
        previous: HeaderHash::ZERO,
        kind: Kind::Tombstone,
        object,
        generation: 0,
        commitment: [0; 32],
    };
    let body = Body {
        clock: 1,
        content: Some(Content::Tombstone(tombstone)),
    };
    let sealed = Sealed {
        salt: [9; 32],
        body: body.encode_bytes(),
    };
    Envelope::sign(header, sealed, &key)
}

#[test]
fn nothing_the_event_said_is_left_in_any_family() {
    let (a, b, store) = pair();
    let object = create(&a, 9, "Zanzibar evening");
    change(&a, object, "Zanzibar night");
    give_all(&a, &b, |_| {});
    assert!(found(&store, "Zanzibar").contains(&Family::Body));
    a.write(vec![Write::Erase { object }]).unwrap();
    give_all(&a, &b, |_| {});
    assert_eq!(found(&store, "Zanzibar"), []);
    for envelope in of_object(&b, object) {
        let is_tombstone = envelope.header.kind == Kind::Tombstone;
        assert_eq!(envelope.sealed.is_some(), is_tombstone, "headers and tombstone stay");
        let state = b.standing_of(envelope.hash()).unwrap().unwrap().0;
        assert_eq!(state == Standing::Counted, is_tombstone);
    }
}

#[test]
fn what_is_passed_on_without_its_body_comes_with_the_tombstone_that_covers_it() {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let ledgers = [open(memory(), 2, "vienna", 1), open(memory(), 3, "amsterdam", 1)];
    for ledger in &ledgers {
        join(&a, ledger);
    }
    let [b, c] = ledgers;
    let before = b.frontier();
    let objects = [create(&a, 9, "Zanzibar evening"), create(&a, 10, "Zanzibar night")];
    let row = a.own_row(LogId::PUBLIC);
    // Erased in another run of its hub, as after a restart: the tombstones lie in another log.
    give_all(&a, &b, |_| {});
    a.begin_epoch().unwrap();
    for object in objects {
        a.write(vec![Write::Erase { object }]).unwrap();
    }
    give_all(&a, &b, |_| {});
    let host = LedgerHost::new(Arc::new(b));
    let from = before.head(&row).map_or(0, |head| head.seq + 1);
    let mut seq = from;
    // However little is read at a time.
    while let read = host.read_log(row, seq, 700, 1_000)
        && let Some(last) = read.last()
    {
        let bytes: usize = read.iter().map(Envelope::wire_len).sum();
        assert!(bytes <= 700 || read.len() == 2, "{bytes} bytes");
        seq = last.header.seq + 1;
        let (_, not_held) = c
            .take_from(
                Some(HubId::of_first_key(&public_key(&SigningKey::from([2; 32])))),
                &read,
            )
            .unwrap();
        assert_eq!(not_held, []);
    }
    assert_eq!(seq, a.frontier().head(&row).unwrap().seq + 1);
    let tombstones = host.read_log(row, from, usize::MAX, 1_000).into_iter();
    let tombstones = tombstones.filter(|envelope| envelope.header.kind == Kind::Tombstone);
    assert_eq!(tombstones.count(), 2, "once for each document");
}

#[test]
fn bodies_that_come_after_the_tombstone_are_not_taken() {
    let (a, b, store) = pair();
    let object = create(&a, 9, "Zanzibar evening");
    change(&a, object, "Zanzibar night");
    let before = all_envelopes(&a);
    a.write(vec![Write::Erase { object }]).unwrap();
    let tombstone = of_object(&a, object).pop().unwrap();
    // Ahead of its log: it stands alone.
    b.take(std::slice::from_ref(&tombstone)).unwrap();
    give_all(&a, &b, |all| {
        all.splice(0..0, before.clone());
    });
    assert_eq!(found(&store, "Zanzibar"), []);
    assert_eq!(a.frontier().shared_digest(), b.frontier().shared_digest());
    assert_eq!(a.digests().unwrap().0, b.digests().unwrap().0);
    b.rebuild(&mut |_| {}).unwrap();
    assert_eq!(a.digests().unwrap().0, b.digests().unwrap().0);
}

#[test]
fn what_waited_is_covered_and_counted_once() {
    let store_a = memory();
    let a = open(store_a.clone(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let store = memory();
    let b = open(store.clone(), 2, "vienna", 1);
    join(&a, &b);
    let (object, other) = (create(&a, 9, "Zanzibar evening"), create(&a, 10, "Another"));
    let first_run = a.own_row(LogId::PUBLIC);
    drop(a);
    let a = open(store_a, 1, "birmingham", 2);
    change(&a, object, "Zanzibar night");
    change(&a, other, "Another night");
    // The second run's log reaches B without the first one's: both changes wait for their genesis.
    let mut later = all_envelopes(&a);
    later.retain(|envelope| envelope.header.log != LogId::LOCAL && envelope.header.epoch != first_run.epoch);
    give_these(&b, &later);
    assert_eq!(b.totals().waiting, 2);
    a.write(vec![Write::Erase { object }]).unwrap();
    give_these(&b, &of_object(&a, object)[..]);
    assert_eq!(b.totals().waiting, 1, "one is covered, the other waits on");
    give_all(&a, &b, |_| {});
    give_all(&b, &a, |_| {});
    assert_eq!(a.totals(), b.totals());
    let before = b.totals();
    assert_eq!((before.waiting, before.documents), (0, 3));
    b.rebuild(&mut |_| {}).unwrap();
    assert_eq!(b.totals(), before);
    assert_eq!(found(&store, "Zanzibar"), []);
}

/// Gives these as often as something moves.
fn give_these(to: &Ledger, envelopes: &[Envelope]) {
    while !to.take(envelopes).unwrap().0.is_empty() {}
}

#[test]
fn a_strangers_tombstone_erases_nothing_and_replaces_none() {
    let (a, b, _) = pair();
    let object = create(&a, 9, "Open day");
    let thing = ThingId::new(a.own_id(), [9; 8]);
    give_all(&a, &b, |_| {});
    let forged = Tombstone {
        kind: u32::from(DocumentKind::Event.code()),
        thing: thing.0.to_vec(),
        owner: a.own_id().0.to_vec(),
        log: LogId::PUBLIC.0.to_vec(),
        through_generation: u32::MAX,
        heads: Vec::new(),
    };
    let forged = sign_alone(&b, 2, 77, object, forged);
    a.take(std::slice::from_ref(&forged)).unwrap();
    assert!(a.load_object(object).unwrap().0.is_shown());
    assert_eq!(
        catalogue::get(&*a.store, &TombstoneKey(object)).unwrap(),
        None,
        "what erases nothing is not sent ahead of everything"
    );
    a.write(vec![Write::Erase { object }]).unwrap();
    let kept = catalogue::get(&*a.store, &TombstoneKey(object)).unwrap().unwrap();
    let again = Envelope {
        header: Header {
            epoch: interhub_domain::ids::Epoch(78),
            ..forged.header
        },
        ..forged.clone()
    };
    let again = Envelope::sign(again.header, again.sealed.unwrap(), &SigningKey::from([2; 32]));
    a.take(&[again]).unwrap();
    assert_eq!(catalogue::get(&*a.store, &TombstoneKey(object)).unwrap(), Some(kept));
}

#[test]
fn of_two_tombstones_the_same_is_kept_in_every_order() {
    let kept = |order: [usize; 2]| {
        let (a, _, _) = pair();
        let object = create(&a, 9, "Open day");
        let tombstone = Tombstone {
            kind: u32::from(DocumentKind::Event.code()),
            thing: ThingId::new(a.own_id(), [9; 8]).0.to_vec(),
            owner: a.own_id().0.to_vec(),
            log: LogId::PUBLIC.0.to_vec(),
            through_generation: u32::MAX,
            heads: Vec::new(),
        };
        let both = [77, 78].map(|epoch| sign_alone(&a, 1, epoch, object, tombstone.clone()));
        for index in order {
            a.take(std::slice::from_ref(&both[index])).unwrap();
        }
        catalogue::get(&*a.store, &TombstoneKey(object)).unwrap().unwrap()
    };
    assert_eq!(kept([0, 1]), kept([1, 0]));
}

#[test]
fn a_tombstone_without_its_body_is_not_held() {
    let (a, b, _) = pair();
    let object = create(&a, 9, "Open day");
    a.write(vec![Write::Erase { object }]).unwrap();
    let mut stripped = all_envelopes(&a);
    let tombstone = of_object(&a, object).pop().unwrap();
    b.take(std::slice::from_ref(&tombstone)).unwrap();
    for envelope in &mut stripped {
        if envelope.header.kind == Kind::Tombstone {
            envelope.sealed = None;
        }
    }
    let (_, refused) = b.take(&stripped).unwrap();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].0, tombstone.hash());
}

#[test]
fn a_draft_that_is_erased_shows_in_no_shared_digest() {
    let (a, b, _) = pair();
    give_all(&a, &b, |_| {});
    let write = Write::Create {
        log: LogId::LOCAL,
        kind: DocumentKind::Event,
        thing: ThingId::new(a.own_id(), [9; 8]),
        reading: event("Draft", Status::Confirmed),
    };
    let object = a.write(vec![write]).unwrap()[0].object;
    assert_eq!(a.digests().unwrap().0, b.digests().unwrap().0);
    a.write(vec![Write::Erase { object }]).unwrap();
    assert_eq!(a.digests().unwrap().0, b.digests().unwrap().0);
}

#[test]
fn the_imported_text_goes_with_the_last_document_and_its_uid_is_remembered() {
    let (a, _, _) = pair();
    let object = create(&a, 9, "Open day");
    let thing = ThingId::new(a.own_id(), [9; 8]);
    let original = OriginalRow {
        format: OriginalFormat::ICalendar,
        fingerprint: [1; 32],
        text: b"BEGIN:VEVENT".to_vec(),
    };
    a.keep_original(thing, &original).unwrap();
    let draft = Write::Create {
        log: LogId::LOCAL,
        kind: DocumentKind::Event,
        thing,
        reading: event("Open day", Status::Confirmed),
    };
    let draft = a.write(vec![draft]).unwrap()[0].object;
    a.write(vec![Write::Erase { object }]).unwrap();
    assert_eq!(a.original(thing).unwrap(), Some(original), "the draft is still there");
    assert_eq!(a.erased_uid("open-day").unwrap(), None);
    a.write(vec![Write::Erase { object: draft }]).unwrap();
    assert_eq!(a.original(thing).unwrap(), None);
    assert_eq!(a.erased_uid("open-day").unwrap().map(|row| row.thing), Some(thing));
    a.forget_erased_uid("open-day").unwrap();
    assert_eq!(a.erased_uid("open-day").unwrap(), None);
}

#[test]
fn erased_bytes_leave_the_files_also_after_a_crash_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let holds = || {
        std::fs::read_dir(folder.path()).unwrap().any(|entry| {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
            bytes.windows(8).any(|window| window == b"Zanzibar")
        })
    };
    let store = || -> Store { std::sync::Arc::new(RocksStore::open(folder.path(), DEFAULT_CACHE_BYTES).unwrap()) };
    let a = open(store(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let object = create(&a, 9, "Zanzibar evening");
    let kept = create(&a, 10, "Another evening");
    a.store.force_out(&[]).unwrap();
    assert!(holds());
    a.write(vec![Write::Erase { object }]).unwrap();
    drop(a);
    let a = open(store(), 1, "birmingham", 2);
    assert!(a.has_to_force_out(), "it is noted in the batch that erases");
    assert_eq!(a.force_out().unwrap(), 1);
    assert!(!holds());
    assert!(!a.has_to_force_out() && a.force_out().unwrap() == 0);
    assert!(a.load_object(kept).unwrap().0.is_shown());
    drop(a);
    assert!(!open(store(), 1, "birmingham", 3).has_to_force_out());
}

#[test]
fn writes_that_belong_together_are_all_there_or_none() {
    let (a, b, _) = pair();
    let thing = ThingId::new(a.own_id(), [9; 8]);
    let create = |log| Write::Create {
        log,
        kind: DocumentKind::Event,
        thing,
        reading: event("Open day", Status::Confirmed),
    };
    let draft = a.write(vec![create(LogId::LOCAL)]).unwrap()[0].object;
    let before = a.frontier();
    // Somebody else's thing cannot be made: nothing of the rest is written.
    let foreign = Write::Create {
        log: LogId::NETWORK,
        kind: DocumentKind::Event,
        thing: ThingId::new(b.own_id(), [9; 8]),
        reading: event("Open day", Status::Confirmed),
    };
    let together = vec![create(LogId::PUBLIC), Write::Erase { object: draft }, foreign];
    a.write(vec![Write::Together(together)]).unwrap_err();
    assert!(a.load_object(draft).unwrap().0.is_shown());
    let documents = |ledger: &Ledger| ledger.totals().documents;
    let count = documents(&a);
    let opened: Vec<RowKey> = a.frontier().rows().map(|(row, _)| row).collect();
    assert!(before.rows().all(|(row, _)| opened.contains(&row)));
    let together = vec![create(LogId::PUBLIC), Write::Erase { object: draft }];
    let written = a.write(vec![Write::Together(together)]).unwrap();
    assert!(a.load_object(written[0].object).unwrap().0.is_shown());
    assert!(!a.load_object(draft).unwrap().0.is_shown());
    assert_eq!(documents(&a), count);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever of the event came before, in whatever order: after the tombstone nothing is left, and every node agrees.
    #[test]
    fn a_tombstone_wins_whenever_it_comes(seed in any::<u64>(), at in 0usize..12) {
        let (a, b, store) = pair();
        let object = create(&a, 9, "Zanzibar evening");
        for title in ["Zanzibar night", "Zanzibar day"] {
            change(&a, object, title);
        }
        let whole = all_envelopes(&a);
        a.write(vec![Write::Erase { object }]).unwrap();
        let tombstone = of_object(&a, object).pop().unwrap();
        let shuffle = |all: &mut Vec<Envelope>| {
            let mut state = seed | 1;
            for index in (1..all.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                all.swap(index, (state >> 33) as usize % (index + 1));
            }
        };
        let mut first = whole.clone();
        first.truncate(at.min(whole.len()));
        b.take(&first).unwrap();
        let mut mixed = whole;
        mixed.push(tombstone);
        shuffle(&mut mixed);
        for _ in 0..mixed.len() {
            b.take(&mixed).unwrap();
        }
        prop_assert_eq!(found(&store, "Zanzibar"), []);
        give_all(&a, &b, shuffle);
        prop_assert_eq!(a.frontier().shared_digest(), b.frontier().shared_digest());
        prop_assert_eq!(a.digests().unwrap().0, b.digests().unwrap().0);
        prop_assert_eq!(a.totals(), b.totals());
    }
}

/// What is about a person lies apart from its first byte on, also where the document is not known yet, and nothing is left of it.
#[test]
fn a_card_lies_in_the_personal_families_and_leaves_nothing() {
    let (a, b, store) = pair();
    let thing = ThingId::new(a.own_id(), [3; 8]);
    let member = |headline: &str| {
        Reading::Member(Box::new(Member {
            name: "Zanzibar Example".into(),
            headline: headline.into(),
            ..Default::default()
        }))
    };
    let create = Write::Create {
        log: LogId::NETWORK,
        kind: DocumentKind::Member,
        thing,
        reading: member("Printmaker"),
    };
    let object = a.write(vec![create]).unwrap()[0].object;
    let reading = member("Printmaker in Zanzibar");
    a.write(vec![Write::Change { object, reading }]).unwrap();
    // The change comes before what it changes.
    give_all(&a, &b, |envelopes| envelopes.reverse());
    for _ in 0..4 {
        give_all(&a, &b, |_| {});
    }
    assert!(b.load_object(object).unwrap().0.is_shown());
    let personal = [Family::BodyPersonal, Family::SnapshotPersonal];
    assert_eq!(found(&store, "Zanzibar"), personal);
    b.rebuild(&mut |_| {}).unwrap();
    assert_eq!(found(&store, "Zanzibar"), personal);
    a.write(vec![Write::Erase { object }]).unwrap();
    give_all(&a, &b, |_| {});
    assert_eq!(found(&store, "Zanzibar"), []);
    assert!(b.force_out().unwrap() > 0);
    assert_eq!(a.digests().unwrap(), b.digests().unwrap());
}

/// A hub that was gone sent a tombstone of a run that nobody else ever held, and was not cut. No row told of it, and hubs that had
/// no line to that hub never heard.
#[test]
fn a_tombstone_of_a_log_that_never_comes_is_told_to_others() {
    let a = Arc::new(open(memory(), 1, "birmingham", 1));
    a.create_network("Test network").unwrap();
    let [b, c] = [(2, "vienna"), (3, "amsterdam")].map(|(seed, slug)| {
        let guest = open(memory(), seed, slug, 1);
        join(&a, &guest);
        guest
    });
    let object = create(&c, 9, "Zanzibar evening");
    for (from, to) in [(&c, &*a), (&b, &*a), (&*a, &b)] {
        give_all(from, to, |_| {});
    }
    c.begin_epoch().unwrap();
    create(&c, 10, "Never heard of");
    c.write(vec![Write::Erase { object }]).unwrap();
    let tombstone = all_envelopes(&c)
        .into_iter()
        .find(|one| one.header.kind == Kind::Tombstone);
    let tombstone = tombstone.unwrap();
    assert!(tombstone.header.seq > 1, "the run is opened before");
    a.take(std::slice::from_ref(&tombstone)).unwrap();
    assert_ne!(a.digests().unwrap(), b.digests().unwrap());
    let shown = |ledger: &Ledger| ledger.frontier().shared_digest();
    assert_ne!(shown(&a), shown(&b), "they find that they differ");

    let told = LedgerHost::new(Arc::clone(&a)).read_tombstones(&Tombstones::Ahead(Vec::new()), 0, usize::MAX);
    assert_eq!(told, (vec![tombstone.clone()], false));
    b.take(&told.0).unwrap();
    assert_eq!(a.digests().unwrap(), b.digests().unwrap());
    assert_eq!(shown(&a), shown(&b));

    // Once the log is there its row tells of it.
    give_all(&c, &a, |_| {});
    let host = LedgerHost::new(a);
    assert!(
        host.read_tombstones(&Tombstones::Ahead(Vec::new()), 0, usize::MAX)
            .0
            .is_empty()
    );
}
