#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use prost::Message;

use super::*;
use crate::body::{Accept, Address, Admit, Founding, Leave, LogEnds, Withdraw};
use crate::cut::Named;
use crate::envelope::{SigningKey, public_key};
use crate::ids::{LogId, NetworkId};

mod decisions;
mod duties;
mod formats;
mod keys;
mod model;
mod replace;
mod theft;
mod worth;

/// 2026-11-22, Unix milliseconds: when the tests take place.
const NOW_MS: i64 = 1_795_305_600_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from([seed; 32])
}

fn hub(seed: u8) -> HubId {
    HubId::of_first_key(&public_key(&key(seed)))
}

fn accept(network: &[u8], seed: u8, slug: &str, counter: u32) -> Accept {
    Accept {
        network: network.to_vec(),
        public_key: public_key(&key(seed)).to_vec(),
        recovery_key: vec![seed; 32],
        slug: slug.into(),
        address: format!("{slug}.example:7400"),
        counter,
    }
}

/// A network with two founders, and the statements said in it, each with a hash and clock of its own.
struct Book {
    network: NetworkId,
    statements: Vec<HeldStatement>,
}

impl Book {
    fn new() -> Self {
        let record = Founding {
            name: "Test".into(),
            founders: vec![accept(&[], 1, "birmingham", 1), accept(&[], 2, "amsterdam", 1)],
            created_ms: 0,
            nonce: vec![0; 16],
            guests_per_voter: 0,
        }
        .encode_to_vec();
        let mut book = Self {
            network: NetworkId::of_genesis(&record),
            statements: Vec::new(),
        };
        book.say(1, Said::Founding(record));
        book
    }

    fn say(&mut self, by: u8, said: Said) -> HeaderHash {
        let clock = clock_of(NOW_MS) + self.statements.len() as u64;
        let statement = statement(by, self.statements.len() as u64, clock, said);
        let hash = statement.hash;
        self.statements.push(statement);
        hash
    }

    fn admission(&self, seed: u8, slug: &str, counter: u32) -> Said {
        let accept = accept(&self.network.0, seed, slug, counter).encode_to_vec();
        let signature = key(seed).sign(&accept_message(&accept)).to_bytes().to_vec();
        Said::Admit(Admit { accept, signature })
    }

    fn admit(&mut self, by: u8, seed: u8, slug: &str, counter: u32) {
        let said = self.admission(seed, slug, counter);
        self.say(by, said);
    }

    fn roster(&self) -> Roster {
        Roster::compute(self.network, &self.statements, &Named::default(), &Taken::new(), NOW_MS)
    }
}

fn clock_of(ms: i64) -> u64 {
    u64::try_from(ms).unwrap() << 16
}

/// A statement in a run of its own, named by everything about it.
fn statement(by: u8, seq: u64, clock: u64, said: Said) -> HeldStatement {
    let body = crate::body::Statement {
        said: Some(said.clone()),
    };
    let bytes = [
        &[by],
        &seq.to_be_bytes()[..],
        &clock.to_be_bytes(),
        &body.encode_to_vec(),
    ]
    .concat();
    HeldStatement {
        hash: HeaderHash(*blake3::hash(&bytes).as_bytes()),
        hub: hub(by),
        key_number: 0,
        epoch: Epoch(1),
        seq,
        clock,
        said,
        seals: Seals::default(),
    }
}

fn shuffled<T>(items: &mut [T], mut seed: u64) {
    for index in (1..items.len()).rev() {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        items.swap(index, (seed >> 33) as usize % (index + 1));
    }
}

#[test]
fn founders_vote_and_guests_do_not() {
    let mut book = Book::new();
    book.admit(2, 3, "vienna", 1);
    let roster = book.roster();
    assert_eq!(roster.name, "Test");
    assert!(roster.members[&hub(1)].voter && roster.members[&hub(2)].voter);
    let guest = &roster.members[&hub(3)];
    assert_eq!(
        (guest.voter, guest.guest_of, guest.standing),
        (false, Some(hub(2)), Standing::Active)
    );
    assert_eq!(roster.keys(hub(3), 0), [public_key(&key(3))]);
    assert!(roster.keys(hub(3), 1).is_empty());
}

#[test]
fn a_guest_admits_nobody_and_the_eleventh_guest_waits() {
    let mut book = Book::new();
    for seed in 10..21 {
        book.admit(1, seed, &format!("guest-{seed}"), 1);
    }
    book.admit(10, 50, "smuggled", 1);
    let roster = book.roster();
    assert!(!roster.members.contains_key(&hub(50)));
    assert_eq!(roster.guests_of(hub(1)), GUESTS_PER_VOTER);
    assert_eq!(roster.members[&hub(20)].standing, Standing::Pending);
    // A place becomes free, and the one that waited gets it.
    book.say(
        1,
        Said::Withdraw(Withdraw {
            hub: hub(12).0.to_vec(),
            counter: 1,
            ends: None,
        }),
    );
    let roster = book.roster();
    assert_eq!(roster.members[&hub(12)].standing, Standing::Removed);
    assert_eq!(roster.members[&hub(20)].standing, Standing::Active);
}

#[test]
fn a_hub_leaves_and_comes_back_by_a_newer_accept() {
    let mut book = Book::new();
    book.admit(1, 3, "vienna", 1);
    book.say(3, Said::Leave(Leave { counter: 2, ends: None }));
    assert_eq!(book.roster().members[&hub(3)].standing, Standing::Left);
    // What was said before it left cannot bring it back.
    book.admit(2, 3, "vienna", 1);
    assert_eq!(book.roster().members[&hub(3)].standing, Standing::Left);
    book.admit(2, 3, "vienna", 3);
    assert_eq!(book.roster().members[&hub(3)].standing, Standing::Active);
    // Somebody else's leave is nobody's.
    book.say(2, Said::Leave(Leave { counter: 9, ends: None }));
    assert_eq!(book.roster().members[&hub(3)].standing, Standing::Active);
    assert_eq!(book.roster().members[&hub(2)].standing, Standing::Left);
}

#[test]
fn a_hub_that_goes_is_cut_where_its_going_says_until_it_comes_back() {
    let end = |seq| ((LogId::PUBLIC, Epoch(1)), (seq, HeaderHash([3; 32])));
    let ends = |seqs: &[u64]| {
        let cut: RemovalCut = seqs.iter().map(|seq| end(*seq)).collect();
        Some(LogEnds {
            ends: decision::write_ends(&cut),
        })
    };
    let cut = |book: &mut Book| book.roster().members[&hub(3)].cut.clone();
    let mut book = Book::new();
    book.admit(1, 3, "vienna", 1);
    assert_eq!(cut(&mut book), None);
    book.say(
        3,
        Said::Leave(Leave {
            counter: 2,
            ends: ends(&[7]),
        }),
    );
    assert_eq!(cut(&mut book), Some([end(7)].into()));
    // An older copy of its node leaves too, with one number: the earlier end counts, whichever comes first.
    book.say(
        3,
        Said::Leave(Leave {
            counter: 2,
            ends: ends(&[4]),
        }),
    );
    book.say(
        3,
        Said::Leave(Leave {
            counter: 2,
            ends: ends(&[9]),
        }),
    );
    assert_eq!(cut(&mut book), Some([end(4)].into()));
    book.statements.reverse();
    assert_eq!(cut(&mut book), Some([end(4)].into()));
    book.statements.reverse();
    book.admit(1, 3, "vienna", 3);
    assert_eq!(cut(&mut book), None, "it is back, and all of it counts");

    let mut withdraw = |ends| {
        let withdraw = Withdraw {
            hub: hub(3).0.to_vec(),
            counter: 3,
            ends,
        };
        book.say(1, Said::Withdraw(withdraw));
        cut(&mut book)
    };
    assert_eq!(withdraw(None), None, "statements of early versions cut nothing");
    assert_eq!(withdraw(ends(&[])), Some(RemovalCut::new()), "it had published nothing");
}

#[test]
fn the_newest_address_counts_and_clashing_guests_carry_digits() {
    let mut book = Book::new();
    book.admit(1, 3, "birmingham", 1);
    book.say(
        3,
        Said::Address(Address {
            address: "old.example:1".into(),
        }),
    );
    book.say(
        3,
        Said::Address(Address {
            address: "new.example:2".into(),
        }),
    );
    book.say(
        3,
        Said::Address(Address {
            address: "no port".into(),
        }),
    );
    let roster = book.roster();
    assert_eq!(roster.members[&hub(3)].address, "new.example:2");
    assert_eq!(roster.members[&hub(1)].shown_slug, "birmingham");
    let shown = &roster.members[&hub(3)].shown_slug;
    assert_eq!(*shown, format!("birmingham-{}", &hub(3).to_string()[..4]));
    assert_eq!(roster.by_slug(shown).unwrap().id, hub(3));
}

#[test]
fn forged_foreign_and_broken_accepts_do_not_count() {
    let mut book = Book::new();
    let Said::Admit(mut forged) = book.admission(3, "vienna", 1) else {
        panic!("an admission")
    };
    forged.signature[0] ^= 1;
    book.say(1, Said::Admit(forged));
    let foreign = accept(&[9; 16], 4, "lisbon", 1).encode_to_vec();
    let signature = key(4).sign(&accept_message(&foreign)).to_bytes().to_vec();
    book.say(
        1,
        Said::Admit(Admit {
            accept: foreign,
            signature,
        }),
    );
    book.admit(1, 5, "NOT A SLUG", 1);
    book.say(
        1,
        Said::Admit(Admit {
            accept: vec![0xff; 40],
            signature: vec![1; 64],
        }),
    );
    assert_eq!(book.roster().members.len(), 2);
    let elsewhere = Roster::compute(
        NetworkId([7; 16]),
        &book.statements,
        &Named::default(),
        &Taken::new(),
        NOW_MS,
    );
    assert_eq!(elsewhere.members.len(), 0);
}

#[test]
fn slugs_and_addresses_have_limits() {
    for good in ["ab", "impact-hub-7", &"a".repeat(40)] {
        assert_eq!(check_slug(good), Ok(()));
    }
    for bad in [
        "",
        "a",
        "-ab",
        "ab-",
        "Ab",
        "a b",
        "wien_1",
        "wiener-straße",
        &"a".repeat(41),
    ] {
        assert!(check_slug(bad).is_err(), "{bad}");
    }
    for good in ["", "hub.example:7400", "127.0.0.1:1", "[::1]:65535"] {
        assert_eq!(check_address(good), Ok(()));
    }
    for bad in [
        "hub.example",
        ":7400",
        "hub:0",
        "hub:70000",
        "a b:1",
        &format!("{}:1", "a".repeat(260)),
    ] {
        assert!(check_address(bad).is_err(), "{bad}");
    }
}

proptest! {
    /// Neither order nor repetition of statements changes the roster.
    #[test]
    fn order_never_matters(picks in proptest::collection::vec((0u8..6, 1u8..7, 1u32..4), 0..30), shuffle in any::<u64>()) {
        let mut book = Book::new();
        for (what, who, counter) in picks {
            match what {
                0 | 1 => book.admit(1 + u8::from(counter % 2 == 0), who, &format!("hub-{}", who % 3), counter),
                2 => _ = book.say(who, Said::Leave(Leave { counter, ends: None })),
                3 => _ = book.say(who, Said::Address(Address { address: format!("h{counter}.example:1") })),
                4 => _ = book.say(1, Said::Withdraw(Withdraw { hub: hub(who).0.to_vec(), counter, ends: None })),
                _ => _ = book.say(who, Said::Address(Address { address: String::new() })),
            }
        }
        let expected = book.roster();
        let mut order = book.statements.clone();
        order.extend(book.statements.iter().cloned());
        shuffled(&mut order, shuffle);
        let again = Roster::compute(book.network, &order, &Named::default(), &Taken::new(), NOW_MS);
        prop_assert_eq!(again, expected);
    }

    #[test]
    fn random_records_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_founding(&bytes);
        let _ = read_accept(NetworkId([1; 16]), &bytes, &bytes, |_| []);
    }
}
