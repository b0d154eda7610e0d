//! Keys that a decision gives a hub that lost its own.

use super::decisions::{Node, days};
use super::*;
use crate::body::{KeyReason, Objection};
use crate::registry::keys::{decided_number, recovered_number, sign_next_key};
use crate::registry::replace::{REPLACE_AFTER_MS, read_objection, sign_objection};

/// The hub that lost its keys, its recovery key, and what the voters give it.
const LOST: u8 = 4;
const PAPER: u8 = 204;
const NEXT: u8 = 104;
const NEXT_PAPER: u8 = 105;

fn replacing(next: u8, paper: u8) -> Change {
    Change::ReplaceKey {
        hub: hub(LOST),
        public_key: public_key(&key(next)),
        recovery_key: public_key(&key(paper)),
    }
}

/// Five voters, the fourth of which has a recovery key that is known here.
pub(super) fn five() -> (Book, Vec<HeaderHash>) {
    let mut book = Book::new();
    let mut last = Vec::new();
    for seed in 3..=5 {
        let slug = format!("hub-{seed}");
        let mut accepted = accept(&book.network.0, seed, &slug, 1);
        if seed == LOST {
            accepted.recovery_key = public_key(&key(PAPER)).to_vec();
        }
        let accept = accepted.encode_to_vec();
        let signature = key(seed).sign(&accept_message(&accept)).to_bytes().to_vec();
        book.say(1, Said::Admit(Admit { accept, signature }));
        let change = Change::Seat {
            hub: hub(seed),
            slug,
            counter: 1,
        };
        let id = book.decide(1, &last, change);
        book.votes(&(2..seed).collect::<Vec<_>>(), id);
        last = vec![id];
    }
    (book, last)
}

fn objection(book: &Book, by: u8, next: u8, paper: u8) -> Objection {
    let (next, paper) = (public_key(&key(next)), public_key(&key(paper)));
    sign_objection(book.network, hub(LOST), &key(by), next, paper)
}

fn current(roster: &Roster) -> (u16, [u8; 32]) {
    roster.members[&hub(LOST)].keys.current
}

fn given(seed: u8) -> (u16, [u8; 32]) {
    let key = public_key(&key(seed));
    (decided_number(&key), key)
}

#[test]
fn the_keys_of_a_decision_count_seven_days_after_it_passed_and_not_a_moment_earlier() {
    let (mut book, last) = five();
    let id = book.decide(1, &last, replacing(NEXT, NEXT_PAPER));
    let mut node = Node::new();
    book.votes(&[2], id);
    node.sees(&book);
    node.now_ms += days(30);
    assert_eq!(current(&node.sees(&book)).0, 0, "two of five are not enough");
    book.votes(&[3], id);
    let roster = node.sees(&book);
    assert_eq!(
        roster.replacements[&id].counts_from_ms,
        Some(node.now_ms + REPLACE_AFTER_MS)
    );
    assert_eq!(roster.key_threats(hub(LOST)).count(), 1);
    node.now_ms += REPLACE_AFTER_MS - 1;
    let roster = node.sees(&book);
    assert_eq!(current(&roster), (0, public_key(&key(LOST))));
    assert!(
        roster.keys(hub(LOST), given(NEXT).0).is_empty(),
        "it verifies nothing yet"
    );
    node.now_ms += 1;
    let roster = node.sees(&book);
    assert_eq!(current(&roster), given(NEXT));
    let keys = &roster.members[&hub(LOST)].keys;
    assert_eq!(keys.recovery_key, public_key(&key(NEXT_PAPER)));
    assert!(keys.stolen.is_empty(), "what it signed before is its own");
    assert_eq!(roster.keys(hub(LOST), 0), [public_key(&key(LOST))]);
    assert_eq!(roster.key_threats(hub(LOST)).count(), 0);
    // The recovery key that was lost names nothing any more that the new one does not beat.
    let old = sign_next_key(None, None, &key(PAPER), &key(60), KeyReason::Stolen, u64::MAX);
    book.say(2, Said::NextKey(old));
    assert_eq!(current(&node.sees(&book)), given(NEXT));
    // The new keys change as all do.
    let next = sign_next_key(
        Some(book.network),
        Some(hub(LOST)),
        &key(NEXT),
        &key(61),
        KeyReason::Planned,
        1,
    );
    book.say(2, Said::NextKey(next));
    assert_eq!(current(&node.sees(&book)), (given(NEXT).0 + 1, public_key(&key(61))));
    let word = sign_next_key(None, None, &key(NEXT_PAPER), &key(62), KeyReason::Stolen, 1);
    book.say(2, Said::NextKey(word));
    let roster = node.sees(&book);
    assert_eq!(current(&roster).0, recovered_number(&public_key(&key(62))));
    assert_eq!(roster.members[&hub(LOST)].keys.trusted().count(), 1);
}

/// Else the word of the new keys that the old ones were stolen would take back the vote that gave them, and with the vote
/// the word: what is true then has no end.
#[test]
fn a_hub_has_no_vote_about_its_own_keys() {
    let (mut book, last) = five();
    let id = book.decide(LOST, &last, replacing(NEXT, NEXT_PAPER));
    book.votes(&[1, 2], id);
    let mut node = Node::new();
    let roster = node.sees(&book);
    assert_eq!(roster.ballots.get(&id).unwrap().signed().count(), 2);
    assert_eq!(
        (roster.votes_open(hub(LOST)), roster.duties(hub(LOST))),
        (0, Vec::new())
    );
    node.now_ms += REPLACE_AFTER_MS;
    assert_eq!(current(&node.sees(&book)), (0, public_key(&key(LOST))));
    book.votes(&[3], id);
    node.sees(&book);
    node.now_ms += REPLACE_AFTER_MS;
    assert_eq!(current(&node.sees(&book)), given(NEXT));
    // Nor has a founder, while it decides alone.
    let mut two = Book::new();
    let own = Change::ReplaceKey {
        hub: hub(1),
        public_key: public_key(&key(NEXT)),
        recovery_key: public_key(&key(NEXT_PAPER)),
    };
    let id = two.decide(1, &[], own);
    assert_eq!(two.roster().ballots.get(&id).unwrap().state, State::Pending);
}

#[test]
fn whoever_still_has_a_key_keeps_it_by_an_objection_early_or_late() {
    for by in [LOST, PAPER] {
        let (mut book, last) = five();
        let id = book.decide(1, &last, replacing(NEXT, NEXT_PAPER));
        book.votes(&[2, 3], id);
        let (mut early, mut late, mut too_late) = (Node::new(), Node::new(), Node::new());
        for node in [&mut early, &mut late, &mut too_late] {
            node.sees(&book);
        }
        let word = objection(&book, by, NEXT, NEXT_PAPER);
        late.now_ms += REPLACE_AFTER_MS;
        assert_eq!(current(&late.sees(&book)), given(NEXT));
        too_late.now_ms += days(90);
        assert_eq!(current(&too_late.sees(&book)), given(NEXT));
        book.say(5, Said::Object(word));
        early.sees(&book);
        early.now_ms += days(90);
        late.now_ms += days(83);
        let seen = early.sees(&book);
        assert_eq!(seen.members, late.sees(&book).members);
        assert_eq!(seen.members, too_late.sees(&book).members);
        assert_eq!(current(&seen), (0, public_key(&key(LOST))));
        assert!(seen.replacements[&id].objected);
        let keys = &seen.members[&hub(LOST)].keys;
        assert_eq!(keys.recovery_key, public_key(&key(PAPER)));
        // What the objected key signed meanwhile verifies everywhere, and counts nowhere.
        assert_eq!(seen.keys(hub(LOST), given(NEXT).0), [given(NEXT).1]);
        assert_eq!(keys.stolen, [given(NEXT).0].into());
    }
}

#[test]
fn an_objection_is_for_a_pair_of_keys_however_often_they_are_proposed() {
    let (mut book, last) = five();
    book.say(5, Said::Object(objection(&book, PAPER, NEXT, NEXT_PAPER)));
    let mut node = Node::new();
    let again = book.decide(1, &last, replacing(NEXT, NEXT_PAPER));
    book.votes(&[2, 3], again);
    let other = book.decide(2, &[again], replacing(NEXT, 106));
    book.votes(&[1, 3], other);
    node.sees(&book);
    node.now_ms += days(8);
    let roster = node.sees(&book);
    assert!(roster.replacements[&again].objected && !roster.replacements[&other].objected);
    assert_eq!(roster.members[&hub(LOST)].keys.recovery_key, public_key(&key(106)));
    assert_eq!(current(&roster), given(NEXT), "another pair is another decision");
    assert!(roster.members[&hub(LOST)].keys.stolen.is_empty());
}

#[test]
fn strangers_stolen_keys_and_the_new_keys_themselves_do_not_object() {
    let (mut book, last) = five();
    let id = book.decide(1, &last, replacing(NEXT, NEXT_PAPER));
    book.votes(&[2, 3], id);
    for by in [NEXT, NEXT_PAPER, 1, 99] {
        book.say(1, Said::Object(objection(&book, by, NEXT, NEXT_PAPER)));
    }
    let mut forged = objection(&book, LOST, NEXT, NEXT_PAPER);
    forged.signature[0] ^= 1;
    book.say(1, Said::Object(forged));
    let elsewhere = objection(
        &Book {
            network: NetworkId([7; 16]),
            statements: Vec::new(),
        },
        LOST,
        NEXT,
        NEXT_PAPER,
    );
    book.say(1, Said::Object(elsewhere));
    let mut node = Node::new();
    node.sees(&book);
    node.now_ms += days(8);
    assert_eq!(current(&node.sees(&book)), given(NEXT));
    // A thief that has the signing key objects; the recovery key says that it is one.
    book.say(4, Said::Object(objection(&book, LOST, NEXT, NEXT_PAPER)));
    assert_eq!(current(&node.sees(&book)).0, 0);
    let word = sign_next_key(None, None, &key(PAPER), &key(60), KeyReason::Stolen, 1);
    book.say(2, Said::NextKey(word));
    let roster = node.sees(&book);
    assert!(!roster.replacements[&id].objected, "a stolen key has no say");
    // The hub's own recovery key can object for itself, and then its own word counts.
    book.say(4, Said::Object(objection(&book, PAPER, NEXT, NEXT_PAPER)));
    assert_eq!(current(&node.sees(&book)).0, recovered_number(&public_key(&key(60))));
}

#[test]
fn of_two_decisions_the_one_that_builds_on_the_other_gives_the_keys() {
    let (mut book, last) = five();
    let one = book.decide(1, &last, replacing(NEXT, NEXT_PAPER));
    book.votes(&[2, 3], one);
    let other = book.decide(1, &[one], replacing(110, 111));
    book.votes(&[2, 3], other);
    let mut node = Node::new();
    node.sees(&book);
    node.now_ms += days(7);
    let roster = node.sees(&book);
    assert_eq!(current(&roster), given(110));
    assert_eq!(roster.keys(hub(LOST), given(NEXT).0), [given(NEXT).1]);
    // Who got the keys of the first can object to the second.
    book.say(5, Said::Object(objection(&book, NEXT_PAPER, 110, 111)));
    assert_eq!(current(&node.sees(&book)), given(NEXT));
}

#[test]
fn golden_objection() {
    let objection = sign_objection(NetworkId([1; 16]), HubId([2; 16]), &key(3), [4; 32], [5; 32]);
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let golden = include_str!("golden_objection.txt");
    assert_eq!(
        [hex(&objection.record), hex(&objection.signature)],
        golden.lines().collect::<Vec<_>>()[..]
    );
    let read = read_objection(NetworkId([1; 16]), &objection).unwrap();
    assert_eq!(
        (read.hub, read.public_key, read.recovery_key),
        (HubId([2; 16]), [4; 32], [5; 32])
    );
}

proptest! {
    /// Keys depend on what is held and on since when decisions are in force, not on when what came.
    #[test]
    fn keys_that_decisions_give_never_depend_on_order(
        picks in proptest::collection::vec((0u8..4, 0u8..3, 0u8..6), 0..10),
        shuffle in any::<u64>(),
    ) {
        let (mut book, mut last) = five();
        for (what, pair, by) in picks {
            let (next, paper) = (NEXT + 2 * pair, NEXT_PAPER + 2 * pair);
            let signer = [LOST, PAPER, NEXT, NEXT_PAPER, NEXT + 2, 60][usize::from(by)];
            match what {
                0 => {
                    let id = book.decide(1, &last, replacing(next, paper));
                    book.votes(&[2, 3], id);
                    last = vec![id];
                }
                1 => _ = book.say(5, Said::Object(objection(&book, signer, next, paper))),
                2 => {
                    let word = sign_next_key(None, Some(hub(LOST)), &key(signer), &key(60 + pair), KeyReason::Stolen, 5);
                    book.say(5, Said::NextKey(word));
                }
                _ => {
                    let word = sign_next_key(None, Some(hub(LOST)), &key(signer), &key(60 + pair), KeyReason::Planned, 7);
                    book.say(5, Said::NextKey(word));
                }
            }
        }
        let mut whole = Node::new();
        whole.sees(&book);
        whole.now_ms += days(7);
        let expected = whole.sees(&book);
        // Statement by statement, in another order, each looked at when it comes.
        let mut order = book.statements.clone();
        shuffled(&mut order, shuffle);
        let mut part = Book { network: book.network, statements: Vec::new() };
        let mut node = Node::new();
        for one in order {
            part.statements.push(one);
            node.sees(&part);
        }
        node.now_ms += days(7);
        let seen = node.sees(&part);
        prop_assert_eq!(seen.members, expected.members);
        prop_assert_eq!(seen.replacements, expected.replacements);
    }
}
