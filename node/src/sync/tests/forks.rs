//! A hub that signed two envelopes with one number: one machine's memory was rolled back, or it lies.

use interhub_domain::envelope::Kind;
use interhub_domain::event::Status;
use interhub_domain::ids::{DocumentKind, HubId, LogId, ObjectId, ThingId};
use interhub_domain::session::{Proof, Tombstones};
use std::sync::Arc;

use super::{Ledger, all_envelopes, create, event, give_all, join, memory, open};
use crate::peer::Host as _;
use crate::store::catalogue::log::Standing;
use crate::sync::Refused;
use crate::sync::cuts::row_of;
use crate::sync::{LedgerHost, Write, Written};

/// Two nodes of one hub in one run, with the same past: clock and random numbers of a rolled-back machine repeat.
fn twins() -> (Ledger, Ledger) {
    let twin = || {
        let a = open(memory(), 1, "birmingham", 1);
        a.create_network("Test network").unwrap();
        create(&a, 1, "Before the fork");
        a
    };
    (twin(), twin())
}

fn guest(inviter: &Ledger, seed: u8, slug: &str) -> Ledger {
    let guest = open(memory(), seed, slug, 1);
    join(inviter, &guest);
    guest
}

pub(super) fn publish(ledger: &Ledger, number: u8, title: &str) -> Written {
    let write = Write::Create {
        log: LogId::PUBLIC,
        kind: DocumentKind::Event,
        thing: ThingId::new(ledger.own_id(), [number; 8]),
        reading: event(title, Status::Confirmed),
    };
    ledger.write(vec![write]).unwrap().remove(0)
}

fn is_shown(ledger: &Ledger, object: ObjectId) -> bool {
    ledger.load_object(object).unwrap().0.is_shown()
}

/// `to` finds the fork in what `from` holds, as a session would: first difference, two headers, proof. Where the difference itself
/// is delivered, there is nothing to look for.
pub(super) fn find_fork(to: &Ledger, from: &Ledger) -> Vec<Proof> {
    let envelopes = all_envelopes(from);
    let known = to.proofs();
    let (_, refused) = to.take(&envelopes).unwrap();
    let news: Vec<Proof> = to.proofs().into_iter().filter(|proof| !known.contains(proof)).collect();
    if !news.is_empty() {
        return news;
    }
    let fork = refused.iter().find_map(|(hash, why)| match why {
        Refused::Fork(differs_at) => Some((*hash, *differs_at)),
        _ => None,
    });
    let (hash, mut seq) = fork.expect("the fork is noticed");
    let contradicting = envelopes.iter().find(|envelope| envelope.hash() == hash).unwrap();
    let row = row_of(&contradicting.header);
    while seq > 0 && to.header_at(row, seq - 1).unwrap() != from.header_at(row, seq - 1).unwrap() {
        seq -= 1;
    }
    to.prove(&from.header_at(row, seq).unwrap().unwrap()).unwrap()
}

pub(super) struct Forked {
    pub(super) one: Ledger,
    pub(super) other: Ledger,
    pub(super) b: Ledger,
    pub(super) c: Ledger,
    before: ObjectId,
    on_one: ObjectId,
    on_other: ObjectId,
}

/// B knows one twin's branch, C the other's.
pub(super) fn forked() -> Forked {
    let (one, other) = twins();
    let b = guest(&one, 2, "vienna");
    // The same admission in both twins, so that the fork is in the public log alone.
    let twin_of_b = open(memory(), 2, "vienna", 1);
    join(&other, &twin_of_b);
    let c = guest(&one, 3, "amsterdam");
    let twin_of_c = open(memory(), 3, "amsterdam", 1);
    join(&other, &twin_of_c);
    give_all(&one, &b, |_| {});
    give_all(&one, &c, |_| {});
    let before = ObjectId::derive(
        one.network().unwrap(),
        one.own_id(),
        LogId::PUBLIC,
        DocumentKind::Event,
        ThingId::new(one.own_id(), [1; 8]),
    );
    let on_one = publish(&one, 2, "Said by one twin").object;
    publish(&one, 3, "And more");
    let on_other = publish(&other, 4, "Said by the other").object;
    give_all(&one, &b, |_| {});
    give_all(&other, &c, |_| {});
    assert!(is_shown(&b, on_one) && !is_shown(&b, on_other));
    assert!(is_shown(&c, on_other) && !is_shown(&c, on_one));
    Forked {
        one,
        other,
        b,
        c,
        before,
        on_one,
        on_other,
    }
}

#[test]
fn both_branches_are_void_at_every_node_and_what_came_before_stays() {
    let Forked {
        one,
        b,
        c,
        before,
        on_one,
        on_other,
        ..
    } = forked();
    let proofs = find_fork(&b, &c);
    assert_eq!(proofs.len(), 1);
    assert_eq!(c.take_proofs(&proofs).unwrap(), proofs);
    assert!(c.take_proofs(&proofs).unwrap().is_empty(), "known is not new");
    for ledger in [&b, &c] {
        assert!(is_shown(ledger, before));
        assert!(!is_shown(ledger, on_one) && !is_shown(ledger, on_other));
        assert_eq!(ledger.forked_hubs(), [one.own_id()].into());
        assert!(ledger.totals().void > 0);
    }
    give_all(&b, &c, |_| {});
    give_all(&c, &b, |_| {});
    assert_eq!(b.frontier().shared_digest(), c.frontier().shared_digest());
    assert_eq!(b.digests().unwrap().0, c.digests().unwrap().0);
}

#[test]
fn a_proof_that_comes_first_ends_the_same() {
    let Forked { one, other, b, c, .. } = forked();
    let proofs = find_fork(&b, &c);
    c.take_proofs(&proofs).unwrap();
    give_all(&b, &c, |_| {});
    let d = guest(&one, 4, "zagreb");
    d.take_proofs(&proofs).unwrap();
    give_all(&other, &d, |_| {});
    give_all(&one, &d, |_| {});
    for ledger in [&b, &c] {
        give_all(&d, ledger, |_| {});
        give_all(ledger, &d, |_| {});
        assert_eq!(ledger.frontier().shared_digest(), d.frontier().shared_digest());
        assert_eq!(ledger.digests().unwrap().0, d.digests().unwrap().0);
    }
}

#[test]
fn void_survives_a_restart_and_a_rebuild() {
    let (one, other) = twins();
    let store = memory();
    let b = open(store.clone(), 2, "vienna", 1);
    join(&one, &b);
    let twin_of_b = open(memory(), 2, "vienna", 1);
    join(&other, &twin_of_b);
    let object = publish(&one, 2, "Said by one twin");
    publish(&other, 4, "Said by the other");
    give_all(&one, &b, |_| {});
    find_fork(&b, &other);
    let (digest, frontier, totals) = (b.digests().unwrap(), b.frontier(), b.totals());
    let (standing, reason) = b.standing_of(object.hash.unwrap()).unwrap().unwrap();
    assert_eq!(standing, Standing::Void);
    assert!(reason.contains("fork"), "{reason}");
    drop(b);

    let b = open(store, 2, "vienna", 2);
    assert!(!b.needs_rebuild().unwrap());
    assert_eq!((b.digests().unwrap(), b.totals()), (digest, totals));
    assert_eq!(b.frontier().shared_digest(), frontier.shared_digest());
    b.rebuild(&mut |_| {}).unwrap();
    assert_eq!((b.digests().unwrap(), b.totals()), (digest, totals));
}

#[test]
fn a_twin_that_learns_of_it_writes_on_in_a_new_run() {
    let Forked { one, b, c, .. } = forked();
    let proofs = find_fork(&b, &c);
    let before = one.epoch();
    one.take_proofs(&proofs).unwrap();
    assert_ne!(one.epoch(), before);
    let object = publish(&one, 7, "After the fork").object;
    give_all(&one, &b, |_| {});
    assert!(is_shown(&one, object) && is_shown(&b, object));
}

#[test]
fn tombstones_and_statements_beyond_a_fork_count() {
    let Forked {
        one,
        other,
        b,
        c,
        before,
        ..
    } = forked();
    other.write(vec![Write::Erase { object: before }]).unwrap();
    let proofs = find_fork(&b, &c);
    c.take_proofs(&proofs).unwrap();
    give_all(&other, &c, |_| {});
    assert!(!is_shown(&c, before), "a tombstone counts beyond the fork");
    give_all(&b, &c, |_| {});
    give_all(&c, &b, |_| {});
    assert_ne!(
        b.frontier().shared_digest(),
        c.frontier().shared_digest(),
        "the difference shows"
    );
    // What stands alone travels by itself.
    let row = c
        .frontier()
        .rows()
        .map(|(row, _)| row)
        .find(|row| row.hub == one.own_id() && row.log == LogId::PUBLIC && c.cuts().end(row).is_some())
        .unwrap();
    let beyond = c.beyond_of(&row).unwrap();
    assert_eq!(beyond.len(), 1);
    b.take(&beyond).unwrap();
    assert!(!is_shown(&b, before));
    assert_eq!(b.frontier().shared_digest(), c.frontier().shared_digest());
    assert_eq!(b.digests().unwrap().0, c.digests().unwrap().0);
}

#[test]
fn a_forked_registry_log_loses_no_statement() {
    let (one, other) = twins();
    let b = guest(&one, 2, "vienna");
    let c = guest(&other, 3, "amsterdam");
    let proofs = find_fork(&b, &other);
    c.take_proofs(&proofs).unwrap();
    let names = |ledger: &Ledger| -> Vec<HubId> { ledger.roster().members.keys().copied().collect() };
    for (to, from) in [(&b, &other), (&c, &one)] {
        to.take(&all_envelopes(from)).unwrap();
    }
    assert_eq!(names(&b).len(), 3, "both admissions count");
    assert_eq!(names(&b), names(&c));
    assert_eq!(b.roster(), c.roster());
}

#[test]
fn a_hub_that_is_gone_hears_the_statements_beyond_a_fork() {
    let (one, other) = twins();
    let b = guest(&one, 2, "vienna");
    let c = guest(&other, 3, "amsterdam");
    let proofs = find_fork(&b, &other);
    c.take_proofs(&proofs).unwrap();
    c.take(&all_envelopes(&one)).unwrap();
    let cut = c.frontier();
    let cut = cut
        .rows()
        .map(|(row, _)| row)
        .filter(|row| row.log == LogId::REGISTRY && c.cuts().end(row).is_some());
    let wanted = Tombstones::All(cut.map(|row| (row, 0)).collect());
    let (sent, more) = LedgerHost::new(Arc::new(c)).read_tombstones(&wanted, 0, usize::MAX);
    assert!(!more && !sent.is_empty());
    assert!(
        sent.iter().all(|envelope| envelope.header.kind == Kind::Statement),
        "there are no tombstones yet"
    );
    b.take(&sent).unwrap();
    assert_eq!(b.roster().members.len(), 3, "both admissions count");
}

#[test]
fn a_proof_that_proves_nothing_is_dropped() {
    let Forked { one, other, b, .. } = forked();
    let envelope = |ledger: &Ledger, number: u64| {
        let row = ledger.own_row(LogId::PUBLIC);
        ledger.header_at(row, number).unwrap().unwrap()
    };
    let (mut good, bad) = (envelope(&one, 2), envelope(&other, 1));
    for proof in [
        Proof {
            a: good.clone(),
            b: good.clone(),
        },
        Proof {
            a: good.clone(),
            b: bad,
        },
    ] {
        assert!(b.take_proofs(&[proof]).unwrap().is_empty());
    }
    let other_header = good.clone();
    good.signature[0] ^= 1;
    good.header.key_number = 0;
    good.header.commitment[0] ^= 1;
    let forged = Proof {
        a: good,
        b: other_header,
    };
    assert!(b.take_proofs(&[forged]).unwrap().is_empty());
    assert!(b.forked_hubs().is_empty());
}

#[test]
fn the_author_says_again_what_the_fork_made_void_and_once() {
    let Forked {
        one,
        b,
        c,
        before,
        on_one,
        on_other,
        ..
    } = forked();
    let reading = event("Edited beyond the fork", Status::Tentative);
    one.write(vec![Write::Change {
        object: before,
        reading,
    }])
    .unwrap();
    let proofs = find_fork(&one, &c);
    for ledger in [&b, &c] {
        ledger.take_proofs(&proofs).unwrap();
    }
    assert!(!is_shown(&one, on_one), "before the first exchange nothing is written");
    one.mark_as_of(b.own_id()).unwrap();
    one.replay().unwrap();
    let frontier = one.frontier().shared_digest();
    one.replay().unwrap();
    assert_eq!(one.frontier().shared_digest(), frontier, "nothing is said twice");
    for ledger in [&b, &c] {
        give_all(&one, ledger, |_| {});
        give_all(ledger, &one, |_| {});
    }
    let title = |ledger: &Ledger, object| {
        let saved = ledger.load_object(object).unwrap().0.snapshot.unwrap();
        match interhub_domain::document::read_saved(&saved, DocumentKind::Event).unwrap() {
            interhub_domain::document::Reading::Event(event) => event.title,
            other => panic!("{other:?}"),
        }
    };
    for ledger in [&one, &b, &c] {
        assert_eq!(title(ledger, on_one), "Said by one twin");
        assert_eq!(title(ledger, before), "Edited beyond the fork");
        assert!(!is_shown(ledger, on_other), "only its author would say it again");
        assert_eq!(ledger.digests().unwrap(), one.digests().unwrap());
    }
}

/// Who writes an event is as much said as what is in it.
#[test]
fn grants_squashes_and_consents_that_a_fork_made_void_are_said_again_and_once() {
    let Forked {
        one,
        b,
        c,
        before,
        on_one,
        ..
    } = forked();
    let (own, guest) = (one.own_id(), b.own_id());
    let asked = publish(&b, 5, "By the guest").object;
    b.write(vec![Write::Grant {
        object: asked,
        writer: own,
    }])
    .unwrap();
    let all = |from: &[&Ledger], to: &[&Ledger]| {
        for from in from {
            for to in to.iter().filter(|to| to.own_id() != from.own_id()) {
                give_all(from, to, |_| {});
            }
        }
    };
    all(&[&b], &[&one, &c]);
    // Beyond the fork: two grants, a host taken away again, and a word of its own.
    for object in [before, on_one] {
        one.write(vec![Write::Grant { object, writer: guest }]).unwrap();
    }
    one.write(vec![Write::TakeAway {
        object: before,
        writer: guest,
    }])
    .unwrap();
    one.write(vec![Write::Consent {
        object: asked,
        agreed: false,
    }])
    .unwrap();
    one.write(vec![Write::Consent {
        object: asked,
        agreed: true,
    }])
    .unwrap();
    all(&[&one], &[&b]);
    assert!(b.object_state(asked).unwrap().is_host(own));

    let proofs = find_fork(&one, &c);
    for ledger in [&b, &c] {
        ledger.take_proofs(&proofs).unwrap();
    }
    assert_eq!(b.object_state(before).unwrap().generation(), 1, "the squash is void");
    assert!(!b.object_state(asked).unwrap().is_host(own));
    one.mark_as_of(guest).unwrap();
    one.replay().unwrap();
    let frontier = one.frontier().shared_digest();
    one.replay().unwrap();
    assert_eq!(one.frontier().shared_digest(), frontier, "nothing is said twice");
    all(&[&one, &b, &c], &[&one, &b, &c]);
    for ledger in [&one, &b, &c] {
        let state = ledger.object_state(before).unwrap();
        assert_eq!(state.generation(), 2);
        assert!(!state.is_writer(guest), "who was taken away stays so");
        assert!(ledger.object_state(on_one).unwrap().is_writer(guest));
        assert!(ledger.object_state(asked).unwrap().is_host(own));
        assert_eq!(ledger.digests().unwrap(), one.digests().unwrap());
    }
}

/// Whoever sends both, or only the other branch, need not answer: a hub that forks its log would not.
#[test]
fn a_header_that_contradicts_a_held_one_is_a_proof_as_it_comes() {
    let (one, other) = twins();
    let b = guest(&one, 2, "vienna");
    give_all(&one, &b, |_| {});
    let said = publish(&one, 7, "Said to one");
    publish(&other, 8, "Said to the other");
    give_all(&one, &b, |_| {});
    assert!(is_shown(&b, said.object));
    let contradicting = all_envelopes(&other);
    let contradicting = contradicting.iter().find(|envelope| {
        let row = row_of(&envelope.header);
        let held = b.header_at(row, envelope.header.seq).unwrap();
        envelope.header.log == LogId::PUBLIC && held.is_some_and(|held| held.hash() != envelope.hash())
    });
    let (_, refused) = b.take(&[contradicting.unwrap().clone()]).unwrap();
    assert_eq!((refused, b.proofs().len()), (vec![], 1));
    assert!(!is_shown(&b, said.object), "void on both branches");
}
