//! Drafts that some hubs share: who gets them, who must not, and that nothing of it is stored apart from the logs.

use std::collections::BTreeSet;

use interhub_domain::envelope::Envelope;
use interhub_domain::event::Status;
use interhub_domain::frontier::RowKey;
use interhub_domain::ids::{DocumentKind, LogId, ObjectId, ThingId};

use super::{Ledger, all_envelopes, event, give_all, join, memory, open};
use crate::store::Store;
use crate::sync::Refused;
use crate::sync::{Notice, Write};

/// Three hubs of one network that know each other.
fn three() -> (Ledger, Ledger, Ledger, Store) {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let store = memory();
    let b = open(store.clone(), 2, "vienna", 1);
    join(&a, &b);
    let c = open(memory(), 3, "amsterdam", 1);
    join(&a, &c);
    for (from, to) in [(&a, &b), (&b, &a), (&c, &a), (&a, &b), (&a, &c)] {
        give_shared(from, to);
    }
    (a, b, c, store)
}

fn give_shared(from: &Ledger, to: &Ledger) {
    give_all(from, to, |all| all.retain(|envelope| envelope.header.log.is_shared()));
}

/// Gives what a session would: only what the other may see.
fn give(from: &Ledger, to: &Ledger) {
    for _ in 0..3 {
        let access = from.access();
        let mut all = all_envelopes(from);
        all.retain(|envelope| access.may_send(envelope.header.log, envelope.header.hub, to.own_id()));
        let (_, refused) = to.take_from(Some(from.own_id()), &all).unwrap();
        assert!(
            refused
                .iter()
                .all(|(_, why)| !matches!(why, Refused::Breach(_) | Refused::Fault(_))),
            "{refused:?}"
        );
    }
}

fn share(owner: &Ledger, other: &Ledger, title: &str) -> (LogId, ObjectId) {
    let log = owner.group_with(&BTreeSet::from([other.own_id()])).unwrap();
    let thing = ThingId::new(owner.own_id(), [u8::try_from(title.len()).unwrap(); 8]);
    let write = Write::Create {
        log,
        kind: DocumentKind::Event,
        thing,
        reading: event(title, Status::Confirmed),
    };
    (log, owner.write(vec![write]).unwrap()[0].object)
}

fn is_shown(ledger: &Ledger, object: ObjectId) -> bool {
    ledger.load_object(object).unwrap().0.is_shown()
}

fn of_log(ledger: &Ledger, log: LogId) -> Vec<Envelope> {
    let mut all = all_envelopes(ledger);
    all.retain(|envelope| envelope.header.log == log);
    all
}

#[test]
fn a_shared_draft_reaches_its_hubs_and_no_other() {
    let (a, b, c, store) = three();
    let mut notices = a.notices();
    let (log, object) = share(&a, &b, "Draft for two");
    let first = notices.try_recv().unwrap();
    assert!(
        matches!(first, Notice::Roster),
        "sessions know the group before its log: {first:?}"
    );
    give(&a, &b);
    give(&a, &c);
    give(&b, &c);
    assert!(is_shown(&b, object) && !is_shown(&c, object));
    assert_eq!(of_log(&c, log), []);
    assert_eq!(
        a.digests().unwrap().0,
        c.digests().unwrap().0,
        "it is in no shared digest"
    );
    assert_eq!(b.members_of_group(log), Some([a.own_id(), b.own_id()].into()));

    // Another start knows it from the log alone, also after a rebuild.
    drop(b);
    let b = open(store, 2, "vienna", 2);
    assert!(b.access().may_send(log, a.own_id(), a.own_id()));
    assert!(!b.access().may_send(log, a.own_id(), c.own_id()));
    b.rebuild(&mut |_| {}).unwrap();
    assert!(is_shown(&b, object));
    assert_eq!(
        a.frontier().common_digest(&a.access(), b.own_id()),
        b.frontier().common_digest(&b.access(), a.own_id())
    );

    let again = share(&a, &b, "Another draft of both").0;
    assert_eq!(again, log, "the same hubs share one log");
    a.write(vec![Write::Erase { object }]).unwrap();
    give(&a, &b);
    assert!(!is_shown(&b, object));
    assert_eq!(a.digests().unwrap().0, b.digests().unwrap().0);
}

#[test]
fn what_has_no_business_here_is_a_breach_and_is_not_held() {
    let (a, b, c, _) = three();
    let (log, object) = share(&a, &b, "Draft for two");
    let secret = of_log(&a, log);
    let breaches = |to: &Ledger, from: &Ledger, envelopes: &[Envelope]| {
        let (rows, refused) = to.take_from(Some(from.own_id()), envelopes).unwrap();
        assert_eq!(rows, []);
        let breach = |(_, why): &&(_, Refused)| matches!(why, Refused::Breach(_));
        refused.iter().filter(breach).count()
    };
    assert_eq!(
        breaches(&c, &a, &secret),
        1,
        "to a hub outside; what follows the first is a gap"
    );
    assert_eq!(breaches(&b, &c, &secret), 1, "by a hub outside");
    give(&a, &b);
    assert!(is_shown(&b, object));
    assert_eq!(breaches(&b, &c, &secret), secret.len(), "also once the group is known");
    let draft = Write::Create {
        log: LogId::LOCAL,
        kind: DocumentKind::Event,
        thing: ThingId::new(a.own_id(), [1; 8]),
        reading: event("Draft", Status::Confirmed),
    };
    a.write(vec![draft]).unwrap();
    let local = of_log(&a, LogId::LOCAL);
    assert_eq!(breaches(&b, &a, &local), local.len());
    assert!(of_log(&b, LogId::LOCAL).is_empty());
}

#[test]
fn a_log_that_no_first_envelope_explains_is_not_held() {
    let (a, b, _, _) = three();
    let (log, _) = share(&a, &b, "Draft for two");
    let late = of_log(&a, log).split_off(1);
    let (rows, refused) = b.take_from(Some(a.own_id()), &late).unwrap();
    assert_eq!(rows, []);
    assert!(refused.iter().all(|(_, why)| *why == Refused::Gap), "{refused:?}");
    assert_eq!(b.members_of_group(log), None);
}

#[test]
fn an_own_write_goes_into_no_log_this_hub_has_no_part_in() {
    let (a, b, c, _) = three();
    let (foreign, _) = share(&b, &c, "Draft of others");
    let rows: BTreeSet<RowKey> = a.frontier().rows().map(|(row, _)| row).collect();
    for log in [foreign, LogId::REGISTRY, LogId([200; 16])] {
        let write = Write::Create {
            log,
            kind: DocumentKind::Event,
            thing: ThingId::new(a.own_id(), [1; 8]),
            reading: event("Stray", Status::Confirmed),
        };
        a.write(vec![write]).unwrap_err();
    }
    assert_eq!(a.frontier().rows().map(|(row, _)| row).collect::<BTreeSet<_>>(), rows);
}

/// There and back again: each time the document goes on in the next generation, and every order ends the same.
#[test]
fn an_event_returns_to_an_audience_it_was_taken_from() {
    let (a, b, _, _) = three();
    let thing = ThingId::new(a.own_id(), [1; 8]);
    let write = Write::Create {
        log: LogId::LOCAL,
        kind: DocumentKind::Event,
        thing,
        reading: event("Draft", Status::Confirmed),
    };
    let mut object = a.write(vec![write]).unwrap()[0].object;
    let logs = [
        LogId::PUBLIC,
        LogId::LOCAL,
        LogId::PUBLIC,
        LogId::NETWORK,
        LogId::PUBLIC,
    ];
    let mut seen: Vec<Vec<Envelope>> = Vec::new();
    for (number, log) in logs.into_iter().enumerate() {
        let reading = event(&format!("Turn {number}"), Status::Confirmed);
        let before = object;
        object = a.write(vec![Write::Move { object, log, reading }]).unwrap()[0].object;
        assert!(is_shown(&a, object) && !is_shown(&a, before));
        let reading = event(&format!("Edited {number}"), Status::Confirmed);
        a.write(vec![Write::Change { object, reading }]).unwrap();
        let mut all = all_envelopes(&a);
        all.retain(|envelope| envelope.header.log.is_shared());
        seen.push(all);
    }
    assert_eq!(a.load_object(object).unwrap().0.state.created.unwrap().generation, 3);
    // B hears of it in the order in which it was written, or of what came last first, bodies of the past included.
    for envelopes in &seen {
        b.take(envelopes).unwrap();
    }
    give_shared(&a, &b);
    let late = open(memory(), 4, "berlin", 1);
    join(&a, &late);
    give_shared(&late, &a);
    give_shared(&a, &b);
    give_shared(&b, &late);
    give_all(&a, &late, |all| {
        all.retain(|envelope| envelope.header.log.is_shared());
        all.extend(seen.iter().rev().flatten().cloned());
        all.reverse();
    });
    for other in [&b, &late] {
        assert!(is_shown(other, object), "the last audience is the one that counts");
        assert_eq!(other.digests().unwrap().0, a.digests().unwrap().0);
        assert_eq!(other.frontier().shared_digest(), a.frontier().shared_digest());
        other.rebuild(&mut |_| {}).unwrap();
        assert_eq!(other.digests().unwrap().0, a.digests().unwrap().0, "rebuilt");
    }
    // Erased for good, it does not come back.
    a.write(vec![Write::Erase { object }]).unwrap();
    let again = Write::Create {
        log: LogId::PUBLIC,
        kind: DocumentKind::Event,
        thing,
        reading: event("Back", Status::Confirmed),
    };
    a.write(vec![again]).unwrap_err();
}
