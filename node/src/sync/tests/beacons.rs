//! Freshness: a hub's data is as of the newest beacon whose heads are all held.

use interhub_domain::beacon::SignedBeacon;
use interhub_domain::ids::LogId;

use super::{Ledger, NOW_MS, all_envelopes, create, give_all, join, memory, open, own};
use crate::clock::{Clock, ManualClock};
use crate::store::Store;
use std::sync::Arc;

fn newest(of: &Ledger, at: &Ledger) -> SignedBeacon {
    let all = at.beacons();
    all.into_iter().find(|(hub, _)| *hub == of.own_id()).unwrap().1
}

fn with_clock(store: Store, seed: u8, slug: &str, clock: &Arc<ManualClock>) -> Ledger {
    super::with_clock(store, own(seed, slug), clock)
}

#[test]
fn withheld_data_shows_as_age() {
    let clock = ManualClock::new(NOW_MS, 1);
    let a = with_clock(memory(), 1, "birmingham", &clock);
    a.create_network("Test network").unwrap();
    let b_clock = ManualClock::new(NOW_MS, 2);
    let b_store = memory();
    let b = with_clock(b_store.clone(), 2, "vienna", &b_clock);
    join(&a, &b);
    give_all(&a, &b, |_| {});
    a.sign_beacon().unwrap();
    assert!(b.take_beacon(&newest(&a, &a)).unwrap());
    assert_eq!(b.as_of_ms(a.own_id()), Some(NOW_MS));
    assert!(!b.take_beacon(&newest(&a, &a)).unwrap(), "once is enough");

    // A relay passes the beacon on, and withholds the event it names.
    clock.advance_ms(600_000);
    b_clock.advance_ms(600_000);
    create(&a, 9, "Open day");
    a.sign_beacon().unwrap();
    assert!(b.take_beacon(&newest(&a, &a)).unwrap());
    assert_eq!(b.as_of_ms(a.own_id()), Some(NOW_MS), "as old as what is here");
    give_all(&a, &b, |_| {});
    assert_eq!(b.as_of_ms(a.own_id()), Some(NOW_MS + 600_000));
    drop(b);
    let b = with_clock(b_store, 2, "vienna", &ManualClock::new(NOW_MS + 900_000, 3));
    assert_eq!(
        b.as_of_ms(a.own_id()),
        Some(NOW_MS + 600_000),
        "a restart forgets nothing"
    );
    assert_eq!(newest(&a, &b), newest(&a, &a), "and passes it on");
}

#[test]
fn a_clock_that_is_ahead_makes_nothing_fresh() {
    let clock = ManualClock::new(NOW_MS + 365 * 86_400_000, 1);
    let a = with_clock(memory(), 1, "birmingham", &clock);
    a.create_network("Test network").unwrap();
    let b_clock = ManualClock::new(NOW_MS + 365 * 86_400_000, 2);
    let b = with_clock(memory(), 2, "vienna", &b_clock);
    let secret = interhub_domain::envelope::SigningKey::from([9; 32]);
    a.open_invitation(
        interhub_domain::envelope::public_key(&secret),
        NOW_MS + 366 * 86_400_000,
    )
    .unwrap();
    let network = a.network().unwrap();
    let (accept, signature) = b.sign_accept(network).unwrap();
    let message = crate::sync::invitation_message(
        network,
        b.own().public_key(),
        interhub_domain::envelope::public_key(&secret),
    );
    let (registry, _) = a
        .admit(
            b.own().public_key(),
            network,
            interhub_domain::envelope::public_key(&secret),
            &secret.sign(&message).to_bytes(),
            accept,
            signature,
        )
        .unwrap();
    b.enter_network(network, &registry, &[].into()).unwrap();
    b_clock.set_ms(NOW_MS);
    give_all(&a, &b, |_| {});
    a.sign_beacon().unwrap();
    assert!(b.take_beacon(&newest(&a, &a)).unwrap());
    assert_eq!(b.as_of_ms(a.own_id()), Some(NOW_MS), "the time of receipt");
}

#[test]
fn a_clock_that_is_put_right_is_believed_again_and_nobody_brings_the_wrong_time_back() {
    const YEAR_MS: i64 = 365 * 86_400_000;
    let (a_clock, b_clock) = (ManualClock::new(NOW_MS, 1), ManualClock::new(NOW_MS, 2));
    let a = with_clock(memory(), 1, "birmingham", &a_clock);
    a.create_network("Test network").unwrap();
    let b = with_clock(memory(), 2, "vienna", &b_clock);
    join(&a, &b);
    let next = |ahead_ms: i64| {
        b_clock.advance_ms(300_000);
        // Whoever reads the clock finds the same time in both, but for what is wrong.
        a_clock.set_ms(b_clock.now_ms() + ahead_ms);
        a.sign_beacon().unwrap();
        newest(&a, &a)
    };
    give_all(&a, &b, |_| {});
    let before = next(0);
    assert!(b.take_beacon(&before).unwrap());
    assert_eq!(b.clock_ahead_ms(a.own_id()), None);
    let wrong = next(YEAR_MS);
    assert!(b.take_beacon(&wrong).unwrap());
    assert_eq!(b.clock_ahead_ms(a.own_id()), Some(YEAR_MS));
    b_clock.advance_ms(60_000);
    assert!(
        !b.take_beacon(&wrong).unwrap() && !b.take_beacon(&before).unwrap(),
        "they are known"
    );
    let right = next(0);
    assert!(b.take_beacon(&right).unwrap());
    assert_eq!(b.clock_ahead_ms(a.own_id()), None);
    give_all(&a, &b, |_| {});
    assert_eq!(b.as_of_ms(a.own_id()), Some(b_clock.now_ms()));
    b_clock.advance_ms(60_000);
    for old in [&wrong, &before, &right] {
        assert!(!b.take_beacon(old).unwrap(), "a relay may have them still");
    }
    // If the clock jumps further than ever, that is news again.
    assert!(b.take_beacon(&next(2 * YEAR_MS)).unwrap());
    assert!(b.take_beacon(&next(2 * YEAR_MS)).unwrap());
}

#[test]
fn forged_strange_and_hurried_beacons_are_not_taken() {
    let clock = ManualClock::new(NOW_MS, 1);
    let a = with_clock(memory(), 1, "birmingham", &clock);
    a.create_network("Test network").unwrap();
    let b = open(memory(), 2, "vienna", 1);
    join(&a, &b);
    a.sign_beacon().unwrap();
    let good = newest(&a, &a);
    let mut forged = good.clone();
    forged.signature[5] ^= 1;
    assert!(!b.take_beacon(&forged).unwrap());
    let stranger = open(memory(), 7, "nowhere", 1);
    stranger.create_network("Another").unwrap();
    stranger.sign_beacon().unwrap();
    assert!(!b.take_beacon(&newest(&stranger, &stranger)).unwrap());
    assert!(b.take_beacon(&good).unwrap());
    clock.advance_ms(1);
    a.sign_beacon().unwrap();
    assert!(
        !b.take_beacon(&newest(&a, &a)).unwrap(),
        "one every few seconds is enough"
    );
    assert_eq!(b.beacons().len(), 1);
}

#[test]
fn a_beacon_leaves_out_runs_that_a_later_open_names() {
    let store = memory();
    let a = open(store.clone(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    create(&a, 9, "Open day");
    drop(a);
    let a = open(store, 1, "birmingham", 2);
    a.sign_beacon().unwrap();
    let network = a.network().unwrap();
    let runs = |a: &Ledger| newest(a, a).read(network).unwrap().heads.len();
    assert_eq!(runs(&a), 2, "registry and public of the first run");
    create(&a, 10, "Repair café");
    a.sign_beacon().unwrap();
    assert_eq!(runs(&a), 2, "the public log of the new run names the old one");

    let b = open(memory(), 2, "vienna", 1);
    join(&a, &b);
    a.sign_beacon().unwrap();
    // The new run alone is not all: its `open` names the old one.
    let mut envelopes = all_envelopes(&a);
    let newest_epoch = envelopes.iter().map(|envelope| envelope.header.epoch).max().unwrap();
    envelopes.retain(|envelope| envelope.header.log != LogId::PUBLIC || envelope.header.epoch == newest_epoch);
    b.take(&envelopes).unwrap();
    b.take_beacon(&newest(&a, &a)).unwrap();
    let before = b.as_of_ms(a.own_id());
    give_all(&a, &b, |_| {});
    assert!(b.as_of_ms(a.own_id()) >= before);
    assert_eq!(
        b.as_of_ms(a.own_id()),
        Some(newest(&a, &b).read(network).unwrap().at_ms.min(NOW_MS + 1_000))
    );
}
