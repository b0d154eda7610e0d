//! The own key changes: named by the one before it or by the recovery key, and what counts after a theft.

use std::sync::{Arc, Mutex};

use interhub_domain::body::KeyReason;
use interhub_domain::document::{InProcessCounter, Reading, read_saved};
use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::event::Status;
use interhub_domain::ids::{DocumentKind, HubId, LogId, ThingId};

use super::{Ledger, NOW_MS, OwnHub, Write, event, give_all, join, memory, open, own, with_clock};
use crate::clock::ManualClock;
use crate::peer::Host;
use crate::store::Store;
use crate::sync::{KeyError, KeyKeeper, LedgerHost, LedgerOptions, NextIdentity, Removal, Written};

/// Keeps the newest key in memory, and the one that was laid beside the present one.
#[derive(Default)]
pub(super) struct Kept(Mutex<Option<NextIdentity>>, Mutex<Option<NextIdentity>>);

impl KeyKeeper for Kept {
    fn prepare(&self, next: &NextIdentity) -> Result<(), KeyError> {
        *self.1.lock().unwrap() = Some(next.clone());
        Ok(())
    }

    fn prepared(&self) -> Result<Option<NextIdentity>, KeyError> {
        Ok(self.1.lock().unwrap().clone())
    }

    fn found(&self, _: HubId, _: u16) -> Result<(), KeyError> {
        Ok(())
    }

    fn replace(&self, next: &NextIdentity) -> Result<(), KeyError> {
        *self.0.lock().unwrap() = Some(next.clone());
        Ok(())
    }
}

const RECOVERY: [u8; 32] = [201; 32];

/// The hub of seed 3, whose recovery key is known, with its first key or a later one.
fn vienna(store: Store, next: Option<&NextIdentity>, run: u64) -> (Ledger, Arc<Kept>) {
    let mut own = own(3, "vienna");
    let hub = own.id();
    own.recovery_key = public_key(&SigningKey::from(RECOVERY));
    if let Some(next) = next {
        own.key = SigningKey::from(next.seed);
    }
    let options = LedgerOptions {
        store,
        clock: ManualClock::new(NOW_MS + i64::try_from(run).unwrap() * 1_000, 900 + run),
        own,
        counter: Box::new(InProcessCounter),
    };
    let ledger = Ledger::open_as(options, hub, next.map_or(0, |next| next.number)).unwrap();
    let kept = Arc::new(Kept::default());
    ledger.keep_keys_with(kept.clone());
    (ledger, kept)
}

/// A founder, and the hub that it admitted: its store, its node, and where its keys are kept.
pub(super) fn founder_and_vienna() -> (Ledger, Store, Ledger, Arc<Kept>) {
    let founder = open(memory(), 1, "birmingham", 1);
    founder.create_network("Test network").unwrap();
    let store = memory();
    let (hub, kept) = vienna(store.clone(), None, 1);
    join(&founder, &hub);
    (founder, store, hub, kept)
}

/// Somebody who has the key of [`vienna`] and a network to read, and runs of its own.
pub(super) fn thief(founder: &Ledger) -> Ledger {
    let (thief, _) = vienna(memory(), None, 50);
    thief
        .enter_network(founder.network().unwrap(), &super::all_envelopes(founder), &[].into())
        .unwrap();
    thief
}

/// The hub says that its key was stolen, and starts with the next one, which vouches for what the folder wrote.
pub(super) fn after_theft(hub: Ledger, kept: &Kept, store: Store) -> Ledger {
    hub.recover_key(&SigningKey::from(RECOVERY), KeyReason::Stolen, None, None)
        .unwrap();
    let next = kept.0.lock().unwrap().clone().unwrap();
    drop(hub);
    let (hub, _) = vienna(store, Some(&next), 3);
    hub.vouch().unwrap();
    hub
}

fn publish(ledger: &Ledger, number: u8) -> Written {
    let write = Write::Create {
        log: LogId::PUBLIC,
        kind: DocumentKind::Event,
        thing: ThingId::new(ledger.own_id(), [number; 8]),
        reading: event("Said", Status::Confirmed),
    };
    ledger.write(vec![write]).unwrap().remove(0)
}

fn is_shown(ledger: &Ledger, written: &Written) -> bool {
    ledger.load_object(written.object).unwrap().0.is_shown()
}

pub(super) fn exchange(one: &Ledger, other: &Ledger) {
    for _ in 0..2 {
        give_all(one, other, |_| {});
        give_all(other, one, |_| {});
    }
}

fn current(ledger: &Ledger, hub: HubId) -> u16 {
    ledger.roster().members[&hub].current_key().1
}

#[test]
fn a_rotated_key_signs_on_under_the_same_id() {
    let founder = open(memory(), 1, "birmingham", 1);
    founder.create_network("Test network").unwrap();
    let store = memory();
    let (first, kept) = vienna(store.clone(), None, 1);
    join(&founder, &first);
    let before = publish(&first, 1);
    assert_eq!(first.rotate_key().unwrap(), 1);
    assert!(first.is_key_replaced());
    assert!(matches!(first.rotate_key(), Err(KeyError::Replaced)));
    let next = kept.0.lock().unwrap().clone().unwrap();
    drop(first);
    let (second, _) = vienna(store, Some(&next), 2);
    assert!(!second.is_key_replaced());
    let after = publish(&second, 2);
    exchange(&second, &founder);
    for ledger in [&founder, &second] {
        assert_eq!(current(ledger, second.own_id()), 1);
        assert!(is_shown(ledger, &before) && is_shown(ledger, &after));
        assert_eq!(ledger.totals().void, 0);
    }
    assert_eq!(founder.frontier().shared_digest(), second.frontier().shared_digest());
}

/// A power cut can take the word of a key from the hub that said it, after other hubs have heard it. The key itself was laid
/// down before, and is not lost.
#[test]
fn a_key_that_only_other_hubs_know_to_be_named_is_taken_when_they_say_so() {
    let founder = open(memory(), 1, "birmingham", 1);
    founder.create_network("Test network").unwrap();
    let (first, kept) = vienna(memory(), None, 1);
    join(&founder, &first);
    // As the disk is after the power cut.
    let cut = memory();
    let (before, _) = vienna(cut.clone(), None, 2);
    before
        .enter_network(founder.network().unwrap(), &super::all_envelopes(&founder), &[].into())
        .unwrap();
    drop(before);
    assert_eq!(first.rotate_key().unwrap(), 1);
    let next = kept.0.lock().unwrap().clone().unwrap();
    exchange(&first, &founder);
    let (after, kept) = vienna(cut, None, 3);
    kept.prepare(&next).unwrap();
    after.renew_roster().unwrap();
    assert!(kept.0.lock().unwrap().is_none(), "nobody has said so yet");
    give_all(&founder, &after, |_| {});
    after.renew_roster().unwrap();
    assert!(*kept.0.lock().unwrap() == Some(next));
}

#[test]
fn a_change_that_was_interrupted_goes_on_with_the_key_that_was_laid_down() {
    for (recovers, wrong) in [(false, 2), (true, 0x8000)] {
        let founder = open(memory(), 1, "birmingham", 1);
        founder.create_network("Test network").unwrap();
        let (hub, kept) = vienna(memory(), None, 1);
        join(&founder, &hub);
        let registry = super::all_envelopes(&founder);
        let change = |hub: &Ledger| {
            if recovers {
                hub.recover_key(&SigningKey::from(RECOVERY), KeyReason::Lost, None, None)
            } else {
                hub.rotate_key()
            }
        };
        // One of another kind is of no use.
        let other = NextIdentity {
            number: wrong,
            seed: [77; 32],
        };
        kept.prepare(&other).unwrap();
        change(&hub).unwrap();
        let named = kept.0.lock().unwrap().clone().unwrap();
        assert_ne!(named.seed, other.seed);
        let (again, kept) = vienna(memory(), None, 2);
        let network = founder.network().unwrap();
        again.enter_network(network, &registry, &[].into()).unwrap();
        kept.prepare(&named).unwrap();
        assert_eq!(change(&again).unwrap(), named.number);
        assert!(*kept.0.lock().unwrap() == Some(named));
    }
}

#[test]
fn who_missed_the_change_is_told_by_the_new_key_itself() {
    let founder = open(memory(), 1, "birmingham", 1);
    founder.create_network("Test network").unwrap();
    let store = memory();
    let (first, kept) = vienna(store.clone(), None, 1);
    join(&founder, &first);
    assert!(first.announcement().unwrap().next_keys.is_empty());
    first
        .recover_key(&SigningKey::from(RECOVERY), KeyReason::Lost, None, None)
        .unwrap();
    let next = kept.0.lock().unwrap().clone().unwrap();
    drop(first);
    let (second, _) = vienna(store, Some(&next), 2);
    let key = second.own().public_key();
    let telling = second.announcement().unwrap();
    let network = founder.network().unwrap();
    assert!(
        founder.take_next_keys([9; 32], network, &telling.next_keys).is_err(),
        "of another caller"
    );
    let (_, active) = founder.take_next_keys(key, network, &telling.next_keys).unwrap();
    assert!(active);
    assert_eq!(current(&founder, second.own_id()), next.number);
    let written = founder.roster().members.len();
    founder.take_next_keys(key, network, &telling.next_keys).unwrap();
    assert_eq!(founder.roster().members.len(), written);
    let mut forged = telling.next_keys.clone();
    forged[0].1[0] ^= 1;
    assert!(founder.take_next_keys(key, network, &forged).is_err());
}

#[test]
fn after_a_theft_the_folder_vouches_for_what_it_wrote() {
    let (founder, store, hub, kept) = founder_and_vienna();
    let own = publish(&hub, 1);
    exchange(&hub, &founder);
    // The thief has the key and a network to read, and runs of its own.
    let thief = thief(&founder);
    let forged = publish(&thief, 2);
    exchange(&thief, &founder);
    assert!(is_shown(&founder, &forged));
    exchange(&hub, &founder);
    let wrong = hub.recover_key(&SigningKey::from([7; 32]), KeyReason::Stolen, None, None);
    assert!(matches!(wrong, Err(KeyError::WrongRecoveryKey)));
    let hub = after_theft(hub, &kept, store);
    let after = publish(&hub, 3);
    let late = publish(&thief, 4);
    exchange(&hub, &founder);
    give_all(&thief, &founder, |_| {});
    exchange(&hub, &founder);
    for ledger in [&founder, &hub] {
        assert!(is_shown(ledger, &own), "the folder wrote it");
        assert!(!is_shown(ledger, &forged) && !is_shown(ledger, &late));
        assert!(is_shown(ledger, &after));
    }
    assert_eq!(founder.digests().unwrap(), hub.digests().unwrap());
    assert_eq!(founder.frontier().shared_digest(), hub.frontier().shared_digest());
}

/// What it signed with the key that was stolen was void, so that it still had to be signed: a thousand times at one go.
#[test]
fn a_node_signs_nothing_by_itself_with_a_key_that_was_stolen() {
    let (founder, store, hub, kept) = founder_and_vienna();
    founder.vote_to_seat(hub.own_id()).unwrap();
    exchange(&hub, &founder);
    let wanted = hub.change_rules(7).unwrap();
    hub.recover_key(&SigningKey::from(RECOVERY), KeyReason::Stolen, None, None)
        .unwrap();
    hub.renew_roster().unwrap();
    let own = |ledger: &Ledger| {
        let inner = ledger.lock();
        inner.statements.iter().filter(|one| one.hub == hub.own_id()).count()
    };
    assert_eq!(own(&hub), 2, "a proposal and the next key");
    // With the next key the vote stands, once it is vouched for.
    let next = kept.0.lock().unwrap().clone().unwrap();
    let (again, _) = vienna(store, Some(&next), 3);
    again.vouch().unwrap();
    again.renew_roster().unwrap();
    exchange(&again, &founder);
    let signed: Vec<_> = founder.roster().ballots.get(&wanted).unwrap().signed().collect();
    assert_eq!(signed.len(), 1);
    assert!(own(&again) <= 3, "{}", own(&again));
}

/// Its leave is void until it vouches for that, and from then on it opens no log any more, and others take none of the openings
/// they have not heard: its node did not start, and what the others showed depended on the order.
#[test]
fn a_hub_that_left_vouches_for_all_that_it_wrote_before() {
    let (founder, store, hub, kept) = founder_and_vienna();
    let own = publish(&hub, 1);
    exchange(&hub, &founder);
    let backwards = open(memory(), 4, "lisbon", 1);
    join(&founder, &backwards);
    give_all(&founder, &backwards, |_| {});
    hub.leave().unwrap();
    exchange(&hub, &founder);
    hub.recover_key(&SigningKey::from(RECOVERY), KeyReason::Stolen, None, None)
        .unwrap();
    let next = kept.0.lock().unwrap().clone().unwrap();
    drop(hub);
    for run in [3, 4] {
        let (hub, _) = vienna(store.clone(), Some(&next), run);
        hub.vouch().unwrap();
        exchange(&hub, &founder);
        for _ in 0..20 {
            give_all(&hub, &backwards, |envelopes| envelopes.reverse());
        }
        for ledger in [&hub, &founder, &backwards] {
            assert!(is_shown(ledger, &own), "the folder wrote it");
            assert!(!ledger.roster().is_active(hub.own_id()), "and left");
        }
        exchange(&backwards, &founder);
        assert_eq!(founder.digests().unwrap(), backwards.digests().unwrap());
    }
}

/// It voted for its own removal, with a key that was stolen: that vote counts once it is vouched for, in the middle of all that
/// its node vouches for as it starts. It did not start, and what the others showed depended on the order.
#[test]
fn a_hub_that_voted_itself_out_starts_and_what_others_show_does_not_depend_on_the_order() {
    let (founder, store, hub, kept) = founder_and_vienna();
    let third = open(memory(), 4, "lisbon", 1);
    join(&founder, &third);
    let backwards = open(memory(), 5, "turin", 1);
    join(&founder, &backwards);
    let hear = |hub: &Ledger| {
        for _ in 0..2 {
            for other in [hub, &third, &backwards] {
                exchange(other, &founder);
            }
        }
    };
    for voter in [&hub, &third] {
        let id = founder.vote_to_seat(voter.own_id()).unwrap();
        hear(&hub);
        let _ = hub.vote(id, false);
        hear(&hub);
        assert!(founder.roster().votes(voter.own_id()));
    }
    let own = publish(&hub, 1);
    hear(&hub);
    let Removal::Decided(id) = third.remove(hub.own_id(), "it sends adverts").unwrap() else {
        panic!("a decision")
    };
    hear(&hub);
    hub.vote(id, false).unwrap();
    hear(&hub);
    assert!(!founder.roster().is_active(hub.own_id()));
    hub.recover_key(&SigningKey::from(RECOVERY), KeyReason::Stolen, None, None)
        .unwrap();
    hear(&hub);
    assert!(
        founder.roster().is_active(hub.own_id()),
        "by a thief's vote, for all they know"
    );
    let next = kept.0.lock().unwrap().clone().unwrap();
    drop(hub);
    for run in [3, 4] {
        let (hub, _) = vienna(store.clone(), Some(&next), run);
        hub.vouch().unwrap();
        for _ in 0..20 {
            give_all(&hub, &backwards, |envelopes| envelopes.reverse());
        }
        hear(&hub);
        for ledger in [&hub, &founder, &third, &backwards] {
            assert!(!ledger.roster().is_active(hub.own_id()));
            assert_eq!(
                is_shown(ledger, &own),
                is_shown(&founder, &own),
                "{}",
                ledger.own().slug
            );
            assert_eq!(
                ledger.digests().unwrap(),
                founder.digests().unwrap(),
                "{}",
                ledger.own().slug
            );
        }
    }
}

/// Whoever has a hub's next key can open its log twice under one number: to some it vouches for a vote that the stolen key signed,
/// to others it does not. Neither counts, and the hub vouches anew.
#[test]
fn an_open_that_is_there_twice_vouches_for_nothing() {
    let (founder, store, hub, kept) = founder_and_vienna();
    let third = open(memory(), 4, "lisbon", 1);
    join(&founder, &third);
    let hear = |hub: &Ledger| {
        for _ in 0..2 {
            for other in [hub, &third] {
                exchange(other, &founder);
            }
        }
    };
    for voter in [&hub, &third] {
        let id = founder.vote_to_seat(voter.own_id()).unwrap();
        hear(&hub);
        let _ = hub.vote(id, false);
        hear(&hub);
    }
    let own = publish(&hub, 1);
    let guest = open(memory(), 5, "turin", 1);
    join(&hub, &guest);
    hear(&hub);
    let sees = |ledger: &Ledger| (ledger.roster().is_active(guest.own_id()), is_shown(ledger, &own));
    assert_eq!([sees(&founder), sees(&third)], [(true, true); 2]);
    hub.recover_key(&SigningKey::from(RECOVERY), KeyReason::Stolen, None, None)
        .unwrap();
    hear(&hub);
    let next = kept.0.lock().unwrap().clone().unwrap();
    drop(hub);
    let (hub, _) = vienna(store, Some(&next), 3);
    hub.vouch().unwrap();
    let (liar, _) = vienna(memory(), Some(&next), 3);
    let network = founder.network().unwrap();
    liar.enter_network(network, &super::all_envelopes(&third), &[].into())
        .unwrap();
    liar.vouch().unwrap();
    assert_eq!(liar.epoch(), hub.epoch());
    give_all(&hub, &founder, |_| {});
    give_all(&liar, &third, |_| {});
    assert_eq!([sees(&founder), sees(&third)], [(true, true), (false, false)]);
    for log in [LogId::REGISTRY, LogId::PUBLIC] {
        let row = hub.own_row(log);
        let Some(theirs) = third.header_at(row, 0).unwrap() else {
            continue;
        };
        let proofs = founder.prove(&theirs).unwrap();
        third.take_proofs(&proofs).unwrap();
    }
    exchange(&founder, &third);
    let agree = |ledgers: &[&Ledger]| {
        for ledger in ledgers {
            assert_eq!(sees(ledger), sees(&founder), "{}", ledger.own().slug);
            assert_eq!(
                ledger.digests().unwrap(),
                founder.digests().unwrap(),
                "{}",
                ledger.own().slug
            );
        }
    };
    agree(&[&founder, &third]);
    assert_eq!(sees(&founder), (false, false));
    // The hub hears of it, and vouches in another run.
    hub.take_proofs(&founder.proofs()).unwrap();
    hub.vouch().unwrap();
    hear(&hub);
    agree(&[&founder, &third, &hub]);
    assert_eq!(sees(&founder), (true, true));
}

/// The thief's node had said an edit of the victim again, as that of any copy of a folder does. What it said was void with its key,
/// and the victim took its own edit for said: it was lost silently.
#[test]
fn an_edit_that_a_thief_said_again_is_said_again_once_that_is_void() {
    let (founder, store, hub, kept) = founder_and_vienna();
    let own = publish(&hub, 1);
    exchange(&hub, &founder);
    let thief = thief(&founder);
    let swap = |one: &Ledger, other: &Ledger| {
        for _ in 0..2 {
            give_all(one, other, |_| {});
            give_all(other, one, |_| {});
        }
    };
    let say = |ledger: &Ledger, words: &str| {
        let saved = ledger.load_object(own.object).unwrap().0.snapshot.unwrap();
        let Ok(Reading::Event(before)) = read_saved(&saved, DocumentKind::Event) else {
            panic!("an event")
        };
        let mut after = before.clone();
        after.description.push_str(words);
        after.updated_ms += 1;
        let object = own.object;
        ledger.write(vec![Write::Edit { object, before, after }]).unwrap();
    };
    let said = |ledger: &Ledger| {
        let saved = ledger.load_object(own.object).unwrap().0.snapshot.unwrap();
        match read_saved(&saved, DocumentKind::Event) {
            Ok(Reading::Event(event)) => event.description,
            other => panic!("{other:?}"),
        }
    };
    swap(&hub, &thief);
    say(&thief, "[forged]");
    swap(&hub, &thief);
    say(&hub, "[own]");
    let (object, writer) = (own.object, founder.own_id());
    thief
        .write(vec![
            Write::Grant { object, writer },
            Write::TakeAway { object, writer },
        ])
        .unwrap();
    swap(&hub, &thief);
    thief.mark_as_of(founder.own_id()).unwrap();
    thief.replay().unwrap();
    swap(&hub, &thief);
    assert_eq!(said(&hub), "[forged][own]");
    hub.recover_key(&SigningKey::from(RECOVERY), KeyReason::Stolen, None, None)
        .unwrap();
    let next = kept.0.lock().unwrap().clone().unwrap();
    drop(hub);
    let (hub, _) = vienna(store, Some(&next), 3);
    hub.vouch().unwrap();
    assert_eq!(said(&hub), "");
    hub.mark_as_of(founder.own_id()).unwrap();
    hub.replay().unwrap();
    assert_eq!(said(&hub), "[own]");
    exchange(&hub, &founder);
    assert_eq!(said(&founder), "[own]");
    assert_eq!(founder.digests().unwrap(), hub.digests().unwrap());
}

/// Two hubs whose keys changed while they were apart know each other's no more: a third one has to be told, whatever it is by
/// what this hub has heard.
#[test]
fn under_another_key_a_hub_calls_those_that_are_gone_too() {
    let (founder, store, hub, kept) = founder_and_vienna();
    let third = open(memory(), 4, "amsterdam", 1);
    join(&founder, &third);
    third.leave().unwrap();
    give_all(&third, &founder, |_| {});
    exchange(&founder, &hub);
    let calls = |hub: Ledger| {
        let directory = LedgerHost::new(Arc::new(hub)).directory();
        [&founder, &third].map(|other| directory.hubs[&other.own_id()].dial)
    };
    hub.rotate_key().unwrap();
    let next = kept.0.lock().unwrap().clone().unwrap();
    assert_eq!(calls(hub), [true, false]);
    assert_eq!(calls(vienna(store, Some(&next), 2).0), [true, true]);
}

/// A backup of the inviter's folder, of before the admission, is all that is left of it, and nobody else had heard.
#[test]
fn who_was_admitted_shows_it_to_those_that_lost_it() {
    let store = memory();
    let founder = open(store, 1, "birmingham", 1);
    founder.create_network("Test network").unwrap();
    let before = super::all_envelopes(&founder);
    let (hub, _) = vienna(memory(), None, 1);
    join(&founder, &hub);
    let network = founder.network().unwrap();
    let restored = open(memory(), 1, "birmingham", 2);
    restored.enter_network(network, &before, &[].into()).unwrap();
    let key = hub.own().public_key();
    let host = LedgerHost::new(Arc::new(restored));
    let telling = hub.announcement().unwrap();
    assert!(!telling.admission.is_empty());
    // Not to another caller, not of another network, not without the signature.
    assert!(host.join([9; 32], telling.clone()).is_err());
    let mut forged = telling.clone();
    for envelope in &mut forged.admission {
        envelope.signature[0] ^= 1;
    }
    assert!(host.join(key, forged).is_err());
    let mut elsewhere = telling.clone();
    elsewhere.network.0[0] ^= 1;
    assert!(host.join(key, elsewhere).is_err());
    assert!(host.directory().hub_of_key(&key).is_none());
    assert!(host.join(key, telling).unwrap().active);
    assert_eq!(host.directory().hub_of_key(&key), Some(hub.own_id()));
    assert!(founder.announcement().is_none(), "nobody admitted it");
}

/// If one of them came back while this hub was away, nobody else tells it.
#[test]
fn a_hub_to_which_all_others_are_gone_calls_them() {
    let founder = open(memory(), 1, "birmingham", 1);
    founder.create_network("Test network").unwrap();
    let (hub, _) = vienna(memory(), None, 1);
    join(&founder, &hub);
    exchange(&founder, &hub);
    let other = hub.own_id();
    let calls = |ledger: &Arc<Ledger>| LedgerHost::new(ledger.clone()).directory().hubs[&other].dial;
    let founder = Arc::new(founder);
    assert!(calls(&founder));
    hub.leave().unwrap();
    give_all(&hub, &founder, |_| {});
    assert!(!founder.roster().is_active(other) && calls(&founder));
}

/// The hub that answers has waited for the seven days. A clock that a dead battery set back must not make it wait again.
#[test]
fn a_folder_with_given_keys_and_a_clock_that_is_behind_is_the_hub_at_once() {
    const DAY_MS: i64 = 24 * 3_600 * 1_000;
    let a_clock = ManualClock::new(NOW_MS, 901);
    let a = with_clock(memory(), own(1, "birmingham"), &a_clock);
    let network = a.create_network("Test network").unwrap();
    let b = open(memory(), 2, "vienna", 1);
    join(&a, &b);
    let given = OwnHub {
        key: SigningKey::from([77; 32]),
        recovery_key: public_key(&SigningKey::from([78; 32])),
        ..own(2, "vienna")
    };
    a.rekey(b.own_id(), given.public_key(), given.recovery_key).unwrap();
    let asks = |days| {
        a_clock.set_ms(NOW_MS + days * DAY_MS);
        a.renew_roster().unwrap();
        a.take_next_keys(given.public_key(), network, &[])
    };
    assert!(asks(6).is_err());
    let (registry, active) = asks(8).unwrap();
    assert!(active);
    for behind_days in [0, 2, 400] {
        let clock = ManualClock::new(NOW_MS + (8 - behind_days) * DAY_MS, 902);
        let folder = with_clock(memory(), given.clone(), &clock);
        folder.keep_keys_with(Arc::new(Kept::default()));
        let found = folder.enter_recovered(network, &registry, &a.roster().ballots.heads());
        assert_eq!(found.unwrap(), b.own_id(), "{behind_days} days behind");
    }
}
