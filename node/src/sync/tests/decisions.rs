//! Decisions in the node: taken, applied to logs and documents, kept over restarts.

use interhub_domain::envelope::Kind;
use interhub_domain::event::Status;
use interhub_domain::ids::{DocumentKind, LogId, ObjectId, ThingId};
use interhub_domain::registry::Standing;
use interhub_domain::registry::decision::MAX_UNDECIDED;

use super::{Ledger, NOW_MS, all_envelopes, event, give_all, join, memory, open};
use crate::store::catalogue::log::Standing as State;
use crate::store::{Family, Store};
use crate::sync::{DecideError, Removal, Write, WriteError, Written};

fn publish(ledger: &Ledger, number: u8) -> Written {
    let write = Write::Create {
        log: LogId::PUBLIC,
        kind: DocumentKind::Event,
        thing: ThingId::new(ledger.own_id(), [number; 8]),
        reading: event("Said", Status::Confirmed),
    };
    ledger.write(vec![write]).unwrap().remove(0)
}

fn is_shown(ledger: &Ledger, object: ObjectId) -> bool {
    ledger.load_object(object).unwrap().0.is_shown()
}

fn exchange(ledgers: &[&Ledger]) {
    for _ in 0..3 {
        for from in ledgers {
            for to in ledgers.iter().filter(|to| to.own_id() != from.own_id()) {
                give_all(from, to, |_| {});
            }
        }
    }
}

fn standing(ledger: &Ledger, about: &Ledger) -> Standing {
    ledger.roster().members[&about.own_id()].standing
}

/// A founder and three hubs that it seats; the last one's store is given back, to be opened again.
fn four() -> ([Ledger; 4], Store) {
    let store = memory();
    let ledgers = [
        open(memory(), 1, "birmingham", 1),
        open(memory(), 2, "amsterdam", 1),
        open(memory(), 3, "vienna", 1),
        open(store.clone(), 4, "lisbon", 1),
    ];
    ledgers[0].create_network("Test network").unwrap();
    for guest in &ledgers[1..] {
        join(&ledgers[0], guest);
        let id = ledgers[0].vote_to_seat(guest.own_id()).unwrap();
        exchange(&ledgers.each_ref());
        for voter in &ledgers[1..] {
            // In force already, or no voter yet.
            let _ = voter.vote(id, false);
        }
        exchange(&ledgers.each_ref());
        let joined = ledgers.iter().filter(|ledger| ledger.network().is_some());
        assert!(joined.into_iter().all(|ledger| ledger.roster().votes(guest.own_id())));
    }
    (ledgers, store)
}

/// Once a removal is lifted, what was kept of a log that nothing of counted is no row of it any more.
#[test]
fn a_readmission_shows_the_same_whether_an_erasure_was_heard_of_or_not() {
    let ([one, two, three, gone], store) = four();
    let shared = publish(&gone, 1);
    exchange(&[&one, &two, &three, &gone]);
    let Removal::Decided(id) = one.remove(gone.own_id(), "it sends adverts").unwrap() else {
        panic!("a decision")
    };
    for voter in [&two, &three] {
        exchange(&[&one, &two, &three]);
        let _ = voter.vote(id, false);
    }
    exchange(&[&one, &two, &three, &gone]);
    drop(gone);
    let gone = open(store, 4, "lisbon", 2);
    assert_eq!(standing(&gone, &gone), Standing::Removed);
    gone.write(vec![Write::Erase { object: shared.object }]).unwrap();
    let mut erased = all_envelopes(&gone);
    erased.retain(|envelope| envelope.header.kind == Kind::Tombstone);
    one.take(&erased).unwrap();
    assert!(!is_shown(&one, shared.object) && is_shown(&two, shared.object));
    assert_ne!(one.frontier().shared_digest(), two.frontier().shared_digest());
    let back = two.readmit(gone.own_id()).unwrap();
    for voter in [&one, &three] {
        exchange(&[&one, &two, &three]);
        let _ = voter.vote(back, false);
    }
    exchange(&[&one, &two, &three]);
    assert_eq!(standing(&one, &gone), Standing::Active);
    // Its log is one again like any other, with the tombstone ahead of it: that two has not heard of it is found.
    assert_ne!(one.frontier().shared_digest(), two.frontier().shared_digest());
    exchange(&[&one, &two, &three, &gone]);
    for ledger in [&one, &two, &three] {
        assert!(!is_shown(ledger, shared.object));
        assert_eq!(ledger.frontier().shared_digest(), gone.frontier().shared_digest());
    }
}

/// Whoever has the hub's key can say that it left with the last number there is.
#[test]
fn a_hub_whose_numbers_are_used_up_leaves_and_asks_without_an_overflow() {
    let ([one, _, _, gone], _) = four();
    let leave = interhub_domain::body::Leave {
        counter: u32::MAX,
        ends: None,
    };
    gone.write(vec![Write::Statement(interhub_domain::body::Said::Leave(leave))])
        .unwrap();
    assert_eq!(standing(&gone, &gone), Standing::Left);
    gone.leave().unwrap();
    gone.sign_accept(one.network().unwrap()).unwrap();
}

/// Who proposed the removal held nothing of what the hub said of itself, so none of it counts.
#[test]
fn a_profile_that_a_removal_makes_void_is_shown_no_more() {
    let ([one, two, three, four], _) = four();
    let guest = open(memory(), 9, "zagreb", 1);
    join(&one, &guest);
    give_all(&guest, &one, |_| {});
    give_all(&one, &two, |all| {
        all.retain(|envelope| envelope.header.log == LogId::REGISTRY);
    });
    let is_said = |ledger: &Ledger| {
        let row = ledger.store.get(Family::HubRow, &guest.own_id().0).unwrap().unwrap();
        row.windows(10).any(|bytes| bytes == b"Hub zagreb")
    };
    assert!(is_said(&one));
    let Removal::Decided(id) = two.remove(guest.own_id(), "it sends adverts").unwrap() else {
        panic!("a decision")
    };
    for voter in [&one, &three] {
        exchange(&[&one, &two, &three, &four]);
        let _ = voter.vote(id, false);
    }
    exchange(&[&one, &two, &three, &four]);
    assert_eq!(standing(&one, &guest), Standing::Removed);
    assert!(!is_said(&one));
    one.rebuild(&mut |_| {}).unwrap();
    assert!(!is_said(&one));
    assert_eq!(one.digests().unwrap(), four.digests().unwrap());
}

#[test]
fn an_admission_seats_with_one_more_vote() {
    let ([one, two, three, four], _) = four();
    let guest = open(memory(), 9, "zagreb", 1);
    join(&two, &guest);
    exchange(&[&one, &two, &three, &four, &guest]);
    let id = three.vote_to_seat(guest.own_id()).unwrap();
    assert!(matches!(
        three.vote_to_seat(guest.own_id()),
        Err(DecideError::VotedAlready { votes: 1, needed: 3 })
    ));
    exchange(&[&one, &two, &three, &four, &guest]);
    // The one that admitted it has signed by itself; a third vote is needed.
    assert_eq!(one.roster().ballots.get(&id).unwrap().signed().count(), 2);
    one.vote(id, false).unwrap();
    exchange(&[&one, &two, &three, &four, &guest]);
    for ledger in [&one, &two, &three, &four, &guest] {
        assert!(ledger.roster().votes(guest.own_id()));
    }
    assert!(matches!(guest.vote(id, false), Err(DecideError::InForce)));
}

#[test]
fn a_removal_voids_what_lies_beyond_it_and_a_readmission_brings_it_back() {
    let ([one, two, three, gone], _) = four();
    let all = [&one, &two, &three, &gone];
    let before = publish(&gone, 1);
    exchange(&all);
    let Removal::Decided(id) = one.remove(gone.own_id(), "it sends adverts").unwrap() else {
        panic!("a decision")
    };
    let beyond = publish(&gone, 2);
    give_all(&gone, &two, |_| {});
    assert!(is_shown(&two, beyond.object));
    exchange(&[&one, &two, &three]);
    two.vote(id, false).unwrap();
    three.vote(id, false).err();
    exchange(&[&one, &two, &three]);
    three.vote(id, false).err();
    exchange(&all);
    for ledger in all {
        assert_eq!(standing(ledger, &gone), Standing::Removed);
        assert!(is_shown(ledger, before.object));
        assert!(!is_shown(ledger, beyond.object));
        assert!(!ledger.access().may_send(LogId::PUBLIC, one.own_id(), gone.own_id()));
        assert!(ledger.access().may_send(LogId::REGISTRY, one.own_id(), gone.own_id()));
    }
    let (state, reason) = two.standing_of(beyond.hash.unwrap()).unwrap().unwrap();
    assert_eq!(state, State::Void);
    assert!(reason.contains("removed"), "{reason}");
    assert_eq!(one.frontier().shared_digest(), two.frontier().shared_digest());
    assert_eq!(one.digests().unwrap(), two.digests().unwrap());
    let refused = gone.write(vec![Write::Create {
        log: LogId::PUBLIC,
        kind: DocumentKind::Event,
        thing: ThingId::new(gone.own_id(), [3; 8]),
        reading: event("After", Status::Confirmed),
    }]);
    assert!(matches!(refused, Err(WriteError::Removed)));
    let draft = Write::Create {
        log: LogId::LOCAL,
        kind: DocumentKind::Event,
        thing: ThingId::new(gone.own_id(), [4; 8]),
        reading: event("A draft is its own business", Status::Confirmed),
    };
    gone.write(vec![draft]).unwrap();

    let back = two.readmit(gone.own_id()).unwrap();
    exchange(&all);
    one.vote(back, false).unwrap();
    three.vote(back, false).err();
    exchange(&all);
    three.vote(back, false).err();
    exchange(&all);
    for ledger in all {
        assert!(ledger.roster().votes(gone.own_id()));
        assert!(is_shown(ledger, beyond.object), "the removal is lifted whole");
        assert_eq!(ledger.totals().void, 0);
        assert_eq!(ledger.digests().unwrap(), one.digests().unwrap());
        assert_eq!(ledger.frontier().shared_digest(), one.frontier().shared_digest());
    }
}

#[test]
fn what_is_taken_and_when_survives_a_restart_and_a_rebuild() {
    let ([one, two, three, four], store) = four();
    let id = one.change_rules(3).unwrap();
    exchange(&[&one, &two, &three, &four]);
    two.vote(id, false).unwrap();
    three.vote(id, false).unwrap();
    exchange(&[&one, &two, &three, &four]);
    let (taken, members) = (four.roster().ballots.taken().clone(), four.roster().members.clone());
    assert_eq!(taken.len(), 4);
    assert!(taken.values().all(|since| since.ms >= NOW_MS));
    drop(four);
    let four = open(store, 4, "lisbon", 900);
    assert_eq!(four.roster().ballots.taken(), &taken, "since when is not forgotten");
    assert_eq!((&four.roster().members, four.roster().guests_per_voter), (&members, 3));
    four.rebuild(&mut |_| {}).unwrap();
    assert_eq!(four.roster().ballots.taken(), &taken);
}

#[test]
fn a_voter_is_taken_back_by_nobody_alone_and_a_guest_by_its_host() {
    let ([one, two, three, four], _) = four();
    assert!(matches!(one.remove(one.own_id(), "x"), Err(DecideError::Oneself)));
    let Removal::Decided(id) = one.remove(two.own_id(), "x").unwrap() else {
        panic!("a decision")
    };
    assert_eq!(one.remove(two.own_id(), "again").unwrap(), Removal::Decided(id));
    assert_eq!(standing(&one, &two), Standing::Active);
    one.vote(id, true).unwrap();
    assert!(matches!(one.vote(id, true), Err(DecideError::WithdrawnAlready)));
    assert!(matches!(
        two.change_rules(7).and_then(|id| {
            exchange(&[&one, &two]);
            one.vote(id, true)
        }),
        Err(DecideError::NotVoted)
    ));
    let guest = open(memory(), 9, "zagreb", 1);
    join(&two, &guest);
    exchange(&[&one, &two, &three, &four, &guest]);
    assert!(matches!(guest.remove(one.own_id(), "x"), Err(DecideError::NoVote)));
    assert!(matches!(
        two.remove(guest.own_id(), "x").unwrap(),
        Removal::Withdrawn(_)
    ));
    exchange(&[&one, &two, &three, &four, &guest]);
    for ledger in [&one, &two, &three, &four] {
        assert_eq!(standing(ledger, &guest), Standing::Removed);
    }
    assert!(matches!(
        two.readmit(guest.own_id()),
        Err(DecideError::NotRemoved { .. })
    ));
    join(&one, &guest);
    assert_eq!(standing(&one, &guest), Standing::Active);
}

/// Whoever is offline could go on for ever, and the first decision after all of it passed could not name that much.
#[test]
fn proposals_wait_when_too_many_are_undecided() {
    let ([one, two, three, four], _) = four();
    exchange(&[&one, &two, &three, &four]);
    let rule = |ledger: &Ledger, number: usize| ledger.change_rules(20 + u32::try_from(number).unwrap());
    let proposed: Vec<_> = (0..MAX_UNDECIDED).map(|number| rule(&one, number).unwrap()).collect();
    assert!(matches!(rule(&one, 99), Err(DecideError::TooManyUndecided)));
    assert_eq!(rule(&one, 0).unwrap(), proposed[0], "that is proposed already");
    one.vote(proposed[0], true).unwrap();
    rule(&one, 99).unwrap();
    // Others vote for some while they are apart, and all of those pass at once.
    give_all(&one, &two, |_| {});
    give_all(&one, &three, |_| {});
    for id in &proposed[1..40] {
        two.vote(*id, false).unwrap();
        three.vote(*id, false).unwrap();
    }
    exchange(&[&one, &two, &three, &four]);
    assert_eq!(one.roster().ballots.heads().len(), 39);
    let next = rule(&four, 0).unwrap();
    exchange(&[&one, &two, &three, &four]);
    two.vote(next, false).unwrap();
    three.vote(next, false).unwrap();
    exchange(&[&two, &three]);
    assert_eq!(three.roster().guests_per_voter, 20);
}

#[test]
fn a_newcomer_takes_what_its_invitation_names() {
    let ([one, two, three, four], _) = four();
    exchange(&[&one, &two, &three, &four]);
    let guest = open(memory(), 9, "zagreb", 1);
    join(&two, &guest);
    assert_eq!(guest.roster().members, two.roster().members);
    assert_eq!(guest.roster().ballots.heads(), two.roster().ballots.heads());
    let lacking = open(memory(), 10, "split", 1);
    let envelopes = super::all_envelopes(&two);
    let unknown = [interhub_domain::ids::HeaderHash([7; 32])].into();
    let refused = lacking.enter_network(two.network().unwrap(), &envelopes, &unknown);
    assert!(matches!(refused, Err(WriteError::NoDecisions)));
    assert_eq!(lacking.network(), None, "nothing half-done");
}

#[test]
fn a_node_whose_hub_left_starts_also_with_another_profile() {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let store = memory();
    let b = open(store.clone(), 2, "vienna", 1);
    join(&a, &b);
    b.leave().unwrap();
    drop(b);
    // The name of the hub is made of the slug.
    let b = open(store, 2, "wien", 2);
    b.publish_profile().unwrap();
    assert_eq!(standing(&b, &b), Standing::Left);
}
