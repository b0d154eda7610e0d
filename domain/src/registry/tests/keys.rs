//! Which key speaks, and which were stolen.

use super::*;
use crate::body::{KeyReason, KeyRecord, NextKey};
use crate::registry::keys::{message, possession_message, read_next_key, recovered_number, sign_next_key};

/// The recovery key of the founder of [`Book`]: its public half is `[seed; 32]` there, so these tests have a record of
/// their own.
const RECOVERY: u8 = 200;

fn named(book: &Book, by: u8, next: u8, reason: KeyReason, at_ms: u64) -> NextKey {
    sign_next_key(Some(book.network), Some(hub(1)), &key(by), &key(next), reason, at_ms)
}

/// A network founded by hub 1, whose recovery key is known.
pub(super) fn founded() -> Book {
    let founder = Accept {
        recovery_key: public_key(&key(RECOVERY)).to_vec(),
        ..accept(&[], 1, "birmingham", 1)
    };
    let record = Founding {
        name: "Test".into(),
        founders: vec![founder, accept(&[], 2, "amsterdam", 1)],
        created_ms: 0,
        nonce: vec![0; 16],
        guests_per_voter: 0,
    }
    .encode_to_vec();
    let mut book = Book {
        network: NetworkId::of_genesis(&record),
        statements: Vec::new(),
    };
    book.say(1, Said::Founding(record));
    book
}

fn keys(book: &Book) -> HubKeys {
    book.roster().members[&hub(1)].keys.clone()
}

#[test]
fn a_planned_change_takes_the_next_number_and_the_old_key_still_verifies() {
    let mut book = founded();
    let first = named(&book, 1, 50, KeyReason::Planned, 1);
    // Whoever carries it: it stands alone.
    book.say(2, Said::NextKey(first));
    let second = named(&book, 50, 51, KeyReason::Planned, 2);
    book.say(1, Said::NextKey(second));
    let roster = book.roster();
    let member = &roster.members[&hub(1)];
    assert_eq!(member.current_key(), (public_key(&key(51)), 2));
    assert_eq!(roster.keys(hub(1), 0), [public_key(&key(1))]);
    assert_eq!(roster.keys(hub(1), 1), [public_key(&key(50))]);
    assert!(member.keys.stolen.is_empty());
    assert_eq!(roster.by_key(&public_key(&key(50))).unwrap().id, hub(1));
}

#[test]
fn of_two_hands_with_one_key_the_first_counts_and_both_verify() {
    let mut book = founded();
    for (next, at_ms) in [(51, 9), (50, 5)] {
        let word = named(&book, 1, next, KeyReason::Planned, at_ms);
        book.say(1, Said::NextKey(word));
    }
    let keys = keys(&book);
    assert_eq!(keys.current, (1, public_key(&key(50))));
    assert_eq!(keys.by_number[&1].len(), 2);
}

#[test]
fn the_recovery_key_beats_every_signing_key() {
    let mut book = founded();
    // The thief names key after key, each time saying that the one before was stolen.
    for (by, next) in [(1, 60), (60, 61), (61, 62)] {
        let word = named(&book, by, next, KeyReason::Stolen, 10);
        book.say(1, Said::NextKey(word));
    }
    assert_eq!(keys(&book).current.1, public_key(&key(62)));
    assert_eq!(keys(&book).stolen, [0, 1, 2].into());
    let word = named(&book, RECOVERY, 70, KeyReason::Stolen, 5);
    book.say(2, Said::NextKey(word));
    let number = recovered_number(&public_key(&key(70)));
    let after = keys(&book);
    assert_eq!(after.current, (number, public_key(&key(70))));
    assert_eq!(after.stolen, [0, 1, 2, 3].into());
    let planned = named(&book, 70, 71, KeyReason::Planned, 6);
    book.say(1, Said::NextKey(planned));
    let later = keys(&book);
    assert_eq!(later.current, (number + 1, public_key(&key(71))));
    assert_eq!(later.stolen, [0, 1, 2, 3].into(), "what was named since is not");
    assert!(
        later
            .trusted()
            .all(|one| one == public_key(&key(70)) || one == public_key(&key(71)))
    );
}

#[test]
fn a_lost_key_is_not_a_stolen_one() {
    let mut book = founded();
    let word = sign_next_key(None, None, &key(RECOVERY), &key(70), KeyReason::Lost, 5);
    book.say(2, Said::NextKey(word));
    let keys = keys(&book);
    assert_eq!(keys.current.1, public_key(&key(70)), "its recovery key finds the hub");
    assert!(keys.stolen.is_empty());
}

fn with_recovery(mut word: NextKey, by: u8, recovery: u8) -> NextKey {
    let mut record = KeyRecord::decode(word.record.as_slice()).unwrap();
    record.recovery_key = public_key(&key(recovery)).to_vec();
    word.record = record.encode_to_vec();
    let message = [b"interhub-nextkey-v1\0".as_slice(), &word.record].concat();
    word.signature = key(by).sign(&message).to_bytes().to_vec();
    word
}

#[test]
fn only_the_recovery_key_names_another_recovery_key() {
    let mut book = founded();
    let by_signing = with_recovery(named(&book, 1, 50, KeyReason::Planned, 1), 1, 90);
    book.say(1, Said::NextKey(by_signing));
    assert_eq!(keys(&book).recovery_key, public_key(&key(RECOVERY)));
    let by_recovery = with_recovery(named(&book, RECOVERY, 51, KeyReason::Planned, 2), RECOVERY, 91);
    book.say(1, Said::NextKey(by_recovery));
    assert_eq!(keys(&book).recovery_key, public_key(&key(91)));
    // What the new one says beats the old one, however late that speaks.
    let old = named(&book, RECOVERY, 52, KeyReason::Stolen, 99);
    let new = named(&book, 91, 53, KeyReason::Lost, 3);
    book.say(1, Said::NextKey(old));
    book.say(1, Said::NextKey(new));
    assert_eq!(keys(&book).current.1, public_key(&key(53)));
}

#[test]
fn forged_foreign_and_broken_records_name_nothing() {
    let mut book = founded();
    let good = named(&book, 1, 50, KeyReason::Planned, 1);
    let forged = NextKey {
        signature: vec![1; 64],
        ..good.clone()
    };
    let stranger = named(&book, 99, 50, KeyReason::Planned, 1);
    let elsewhere = sign_next_key(
        Some(NetworkId([7; 16])),
        Some(hub(1)),
        &key(1),
        &key(50),
        KeyReason::Planned,
        1,
    );
    let no_reason = named(&book, 1, 50, KeyReason::Unspecified, 1);
    let of_another = sign_next_key(
        Some(book.network),
        Some(hub(2)),
        &key(1),
        &key(50),
        KeyReason::Planned,
        1,
    );
    // Hub 2 has the key that hub 1 would have: without that key's own signature, with another one's, with one that was for
    // somebody else.
    let without = |possession: Vec<u8>| {
        let mut record = KeyRecord::decode(named(&book, 1, 2, KeyReason::Planned, 1).record.as_slice()).unwrap();
        record.possession = possession;
        let record = record.encode_to_vec();
        let signature = key(1).sign(&message(&record)).to_bytes().to_vec();
        NextKey { record, signature }
    };
    let signed = |by: u8, signer: u8| key(by).sign(&possession_message(&public_key(&key(signer)))).to_bytes();
    let taken = [vec![], signed(1, 1).to_vec(), signed(2, 3).to_vec()].map(without);
    for word in [forged, stranger, elsewhere, no_reason, of_another]
        .into_iter()
        .chain(taken)
    {
        book.say(1, Said::NextKey(word));
    }
    assert_eq!(book.roster().by_key(&public_key(&key(2))).unwrap().id, hub(2));
    let before = keys(&book);
    assert_eq!(before, HubKeys::of(public_key(&key(1)), public_key(&key(RECOVERY))));
    assert_eq!(keys(&book).all().count(), 1);
    book.say(1, Said::NextKey(good));
    assert_eq!(keys(&book).all().count(), 2);
}

/// Whoever has a founder's stolen key, and a voter who helps: an accept that would come before the founding record.
#[test]
fn an_accept_sets_no_recovery_key_beside_that_of_the_founding_record_and_counts_from_one() {
    let mut book = founded();
    for counter in [0, 1] {
        let mut forged = accept(&book.network.0, 1, "birmingham", counter);
        forged.recovery_key = vec![0; 32];
        let bytes = forged.encode_to_vec();
        let signature = key(1).sign(&accept_message(&bytes)).to_bytes().to_vec();
        let read = read_accept(book.network, &bytes, &signature, |_| []);
        assert_eq!(read.is_ok(), counter > 0, "{read:?}");
        book.say(
            2,
            Said::Admit(Admit {
                accept: bytes,
                signature,
            }),
        );
    }
    assert_eq!(keys(&book).recovery_key, public_key(&key(RECOVERY)));
}

#[test]
fn a_hub_comes_back_by_an_accept_that_a_later_key_signed() {
    let mut book = founded();
    book.admit(1, 3, "vienna", 1);
    let next = sign_next_key(
        Some(book.network),
        Some(hub(3)),
        &key(3),
        &key(30),
        KeyReason::Planned,
        1,
    );
    book.say(3, Said::NextKey(next));
    book.say(3, Said::Leave(Leave { counter: 2, ends: None }));
    let again = accept(&book.network.0, 3, "vienna", 3).encode_to_vec();
    let signature = key(30).sign(&accept_message(&again)).to_bytes().to_vec();
    book.say(
        1,
        Said::Admit(Admit {
            accept: again,
            signature,
        }),
    );
    assert_eq!(book.roster().members[&hub(3)].standing, Standing::Active);
}

#[test]
fn golden_next_key() {
    let word = sign_next_key(
        Some(NetworkId([1; 16])),
        Some(HubId([2; 16])),
        &key(3),
        &key(4),
        KeyReason::Stolen,
        5,
    );
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    assert_eq!(hex(&word.record), include_str!("golden_key_record.txt").trim());
    assert_eq!(hex(&word.signature), include_str!("golden_key_signature.txt").trim());
    let read = read_next_key(NetworkId([1; 16]), &word).unwrap();
    assert_eq!(
        (read.hub, read.public_key, read.at_ms),
        (Some(HubId([2; 16])), public_key(&key(4)), 5)
    );
    assert_eq!(recovered_number(&public_key(&key(70))) & 0x803f, 0x8000);
}

proptest! {
    /// The keys depend on the records held, not on their order, and a record more never changes what a number means.
    #[test]
    fn numbers_keep_their_meaning(picks in proptest::collection::vec((0u8..4, 0u8..6, 0u64..9), 0..14), shuffle in any::<u64>()) {
        let mut book = founded();
        let mut before = keys(&book);
        for (by, next, at_ms) in picks {
            let signer = [1, 50, 51, RECOVERY][usize::from(by)];
            let word = named(&book, signer, 50 + next, KeyReason::Planned, at_ms);
            book.say(1, Said::NextKey(word));
            let now = keys(&book);
            for (number, known) in &before.by_number {
                prop_assert!(known.iter().all(|key| now.by_number[number].contains(key)));
            }
            before = now;
        }
        shuffled(&mut book.statements, shuffle);
        prop_assert_eq!(keys(&book), before);
    }
}
