//! What is held and of no effect is listed: who wrote it, who brought it, why it does not count.

use interhub_domain::body::{Address, Body, Content, Said, Statement, Vote, VoteWord};
use interhub_domain::envelope::{Envelope, Header, Kind, Sealed, SigningKey, public_key};
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};

use super::forks::{Forked, find_fork, forked, publish};
use super::{Ledger, NOW_MS, Write, all_envelopes, create, give_all, join, memory, open};
use crate::store::catalogue::log::Standing;
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::{Batch, catalogue};
use crate::sync::{HeldBack, Removal, Totals};

/// Somebody who has a key of the network and signs what no honest node does.
pub(super) struct Hostile {
    key: SigningKey,
    network: NetworkId,
    epoch: Epoch,
    log: LogId,
    seq: u64,
    previous: HeaderHash,
}

impl Hostile {
    /// Signs as the hub with this seed, in a run of its own.
    fn new(network: NetworkId, seed: u8, epoch: u64) -> Self {
        Self::in_log(network, seed, epoch, LogId::PUBLIC)
    }

    pub(super) fn in_log(network: NetworkId, seed: u8, epoch: u64, log: LogId) -> Self {
        Self {
            key: SigningKey::from([seed; 32]),
            network,
            epoch: Epoch(epoch),
            log,
            seq: 0,
            previous: HeaderHash::ZERO,
        }
    }

    fn hub(&self) -> HubId {
        HubId::of_first_key(&public_key(&self.key))
    }

    pub(super) fn say(&mut self, kind: Kind, object: ObjectId, body: &[u8]) -> Envelope {
        let header = Header {
            network: self.network,
            hub: self.hub(),
            key_number: 0,
            log: self.log,
            epoch: self.epoch,
            seq: self.seq,
            previous: self.previous,
            kind,
            object,
            generation: u32::from(object != ObjectId::ZERO),
            commitment: [0; 32],
        };
        let sealed = Sealed {
            salt: [9; 32],
            body: body.to_vec(),
        };
        let envelope = Envelope::sign(header, sealed, &self.key);
        self.seq += 1;
        self.previous = envelope.hash();
        envelope
    }
}

/// A founder, and two hubs that joined it.
fn three() -> [Ledger; 3] {
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let b = open(memory(), 2, "vienna", 1);
    join(&a, &b);
    let c = open(memory(), 3, "amsterdam", 1);
    join(&a, &c);
    for to in [&a, &b] {
        give_all(&c, to, |_| {});
        give_all(&a, to, |_| {});
    }
    [a, b, c]
}

fn listed(ledger: &Ledger) -> Vec<HeldBack> {
    let page = ledger.quarantine(None, 1_000).unwrap();
    assert_eq!(page.next, None);
    page.items
}

/// What does not depend on how it came.
pub(super) fn judged(ledger: &Ledger) -> Vec<(HeaderHash, HubId, Standing, String, u64)> {
    let mut all: Vec<_> = listed(ledger)
        .into_iter()
        .map(|held| (held.hash, held.author, held.standing, held.reason, held.bytes))
        .collect();
    all.sort_by_key(|held| held.0);
    all
}

fn assert_totals(ledger: &Ledger) {
    let (items, totals) = (listed(ledger), ledger.totals());
    let count = |standing| items.iter().filter(|held| held.standing == standing).count() as u64;
    assert_eq!(
        (totals.refused, totals.void),
        (count(Standing::Refused), count(Standing::Void))
    );
}

#[test]
fn what_is_refused_is_listed_with_author_deliverer_and_reason() {
    let [a, b, c] = three();
    assert_eq!(listed(&b), []);
    let mut hostile = Hostile::new(a.network().unwrap(), 3, 77);
    let bad = [
        hostile.say(Kind::Open, ObjectId::ZERO, b""),
        hostile.say(Kind::Genesis, ObjectId([7; 16]), b"rubbish"),
        hostile.say(Kind::Grant, ObjectId::ZERO, b""),
    ];
    let (_, not_held) = b.take_from(Some(a.own_id()), &bad[..2]).unwrap();
    assert_eq!(not_held, []);
    b.take_from(Some(c.own_id()), &bad[2..]).unwrap();
    let items = listed(&b);
    assert_eq!(items.len(), 2);
    for (envelope, peer, words) in [(&bad[1], &a, "body"), (&bad[2], &c, "object")] {
        let held = items.iter().find(|held| held.hash == envelope.hash()).unwrap();
        assert_eq!((held.author, held.peer), (c.own_id(), Some(peer.own_id())));
        assert_eq!(
            (held.standing, held.bytes),
            (Standing::Refused, envelope.wire_len() as u64)
        );
        assert!(held.reason.contains(words), "{held:?}");
        assert!(held.at_ms.is_some_and(|at_ms| at_ms >= NOW_MS));
    }
    assert_totals(&b);
    // What is not held at all is in no list: its deliverer is counted at its stream.
    let mut forged = hostile.say(Kind::Genesis, ObjectId([7; 16]), b"more");
    forged.signature[0] ^= 1;
    assert_eq!(b.take_from(Some(a.own_id()), &[forged]).unwrap().1.len(), 1);
    assert_eq!(listed(&b).len(), 2);
}

#[test]
fn which_are_listed_and_why_does_not_depend_on_the_order() {
    let [a, b, c] = three();
    let network = a.network().unwrap();
    let object = create(&a, 9, "Open day");
    let mut envelopes = all_envelopes(&a);
    for epoch in 70..74 {
        let mut hostile = Hostile::new(network, 3, epoch);
        envelopes.push(hostile.say(Kind::Open, ObjectId::ZERO, b""));
        envelopes.push(hostile.say(Kind::Change, object, b"rubbish"));
        envelopes.push(hostile.say(Kind::Squash, object, b""));
        envelopes.push(hostile.say(Kind::Tombstone, object, b"\x0a"));
    }
    for ledger in [&b, &c] {
        for _ in 0..8 {
            ledger.take_from(Some(a.own_id()), &envelopes).unwrap();
        }
        envelopes.reverse();
    }
    assert_eq!(judged(&b).len(), 12);
    assert_eq!(judged(&b), judged(&c));
    assert_totals(&b);
    assert!(b.load_object(object).unwrap().0.is_shown());
}

#[test]
fn it_is_listed_in_pages_and_kept_over_a_restart_and_a_rebuild() {
    let store = memory();
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let b = open(store.clone(), 2, "vienna", 1);
    join(&a, &b);
    let mut hostile = Hostile::new(a.network().unwrap(), 1, 77);
    let mut bad = vec![hostile.say(Kind::Open, ObjectId::ZERO, b"")];
    for number in 0..7 {
        bad.push(hostile.say(Kind::Change, ObjectId([number; 16]), b"rubbish"));
    }
    let mut registry = Hostile::new(a.network().unwrap(), 1, 77);
    registry.log = LogId::REGISTRY;
    bad.push(registry.say(Kind::Open, ObjectId::ZERO, b""));
    bad.push(registry.say(Kind::Statement, ObjectId::ZERO, b"rubbish"));
    b.take_from(Some(a.own_id()), &bad).unwrap();
    let (all, totals) = (listed(&b), b.totals());
    assert_eq!(all.len(), 8);
    assert_totals(&b);
    for size in [1, 3, 8] {
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = b.quarantine(after.as_ref(), size).unwrap();
            assert!(page.items.len() <= size);
            seen.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }
    drop(b);
    let b = open(store, 2, "vienna", 2);
    assert_eq!((listed(&b), b.totals()), (all.clone(), totals));
    b.rebuild(&mut |_| {}).unwrap();
    assert_eq!((listed(&b), b.totals()), (all, totals));
}

#[test]
fn a_fork_puts_both_branches_on_the_list() {
    let Forked { one, other, b, c, .. } = forked();
    let late = publish(&one, 8, "Brought by another hub");
    b.take_from(Some(c.own_id()), &all_envelopes(&one)).unwrap();
    assert_eq!(listed(&b), []);
    find_fork(&b, &other);
    let items = listed(&b);
    assert_eq!(items.len(), 3, "{items:?}");
    for held in &items {
        assert_eq!((held.author, held.standing), (one.own_id(), Standing::Void));
        assert!(held.reason.contains("fork"), "{held:?}");
    }
    let of_late = items.iter().find(|held| Some(held.hash) == late.hash).unwrap();
    assert_eq!(
        of_late.peer,
        Some(c.own_id()),
        "who brought it was known before it was void"
    );
    assert_totals(&b);
    // The author sees what it wrote itself.
    let proofs = b.proofs();
    one.take_proofs(&proofs).unwrap();
    assert!(
        listed(&one)
            .iter()
            .all(|held| held.peer.is_none() && held.at_ms.is_some())
    );
    assert_eq!(listed(&one).len(), 3);
}

#[test]
fn what_a_removal_makes_void_leaves_the_list_when_it_counts_after_all() {
    let [a, b, c] = three();
    let beyond = |number| {
        create(&c, number, "Written before it knows");
        give_all(&c, &b, |_| {});
    };
    beyond(1);
    give_all(&c, &a, |_| {});
    let Removal::Decided(_) = a.remove(c.own_id(), "it sends adverts").unwrap() else {
        panic!("a decision")
    };
    beyond(2);
    assert_eq!(listed(&b), []);
    give_all(&a, &b, |_| {});
    let items = listed(&b);
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!((items[0].author, items[0].standing), (c.own_id(), Standing::Void));
    assert!(items[0].reason.contains("removed"), "{items:?}");
    a.readmit(c.own_id()).unwrap();
    give_all(&a, &b, |_| {});
    assert_eq!(listed(&b), []);
    assert_totals(&b);
}

#[test]
fn what_is_erased_leaves_the_list() {
    let [a, b, c] = three();
    let object = create(&a, 9, "Open day");
    give_all(&a, &b, |_| {});
    let mut hostile = Hostile::new(a.network().unwrap(), 3, 77);
    let bad = [
        hostile.say(Kind::Open, ObjectId::ZERO, b""),
        hostile.say(Kind::Change, object, b"rubbish"),
    ];
    b.take_from(Some(c.own_id()), &bad).unwrap();
    assert_eq!(listed(&b).len(), 1);
    a.write(vec![Write::Erase { object }]).unwrap();
    give_all(&a, &b, |_| {});
    assert_eq!(listed(&b), []);
    assert_totals(&b);
}

/// A statement as it travels.
fn statement(clock: u64, said: Said) -> Vec<u8> {
    let content = Some(Content::Statement(Statement { said: Some(said) }));
    Body { clock, content }.encode_bytes()
}

#[test]
fn a_statement_that_says_nothing_is_listed_until_it_says_something() {
    let [a, b, c] = three();
    let network = a.network().unwrap();
    let clock = u64::try_from(NOW_MS).unwrap() << 16;
    let mut hostile = Hostile::in_log(network, 3, 77, LogId::REGISTRY);
    let address = Said::Address(Address {
        address: "nowhere".into(),
    });
    let vote = |decision: HeaderHash| {
        Said::Vote(Vote {
            decision: decision.0.to_vec(),
            word: VoteWord::Sign.into(),
        })
    };
    let said = [
        hostile.say(Kind::Open, ObjectId::ZERO, b""),
        hostile.say(Kind::Statement, ObjectId::ZERO, &statement(clock, address)),
        hostile.say(
            Kind::Statement,
            ObjectId::ZERO,
            &statement(clock, vote(HeaderHash([7; 32]))),
        ),
    ];
    b.take_from(Some(a.own_id()), &said).unwrap();
    let items = listed(&b);
    assert_eq!(items.len(), 2, "{items:?}");
    let held = |hash| listed(&b).into_iter().find(|held| held.hash == hash);
    let of_address = held(said[1].hash()).unwrap();
    assert_eq!((of_address.author, of_address.peer), (c.own_id(), Some(a.own_id())));
    assert!(of_address.reason.contains("host:port"), "{of_address:?}");
    assert!(held(said[2].hash()).unwrap().reason.contains("no vote"));
    assert_totals(&b);
    // As soon as its author has a vote, what it said waits for the decision.
    a.vote_to_seat(c.own_id()).unwrap();
    give_all(&a, &b, |_| {});
    assert_eq!(held(said[2].hash()), None);
    assert_eq!(b.totals().waiting, 1);
    assert_totals(&b);
    // Whoever hears of it in another order lists the same, and so does the next start.
    let d = open(memory(), 4, "graz", 1);
    join(&a, &d);
    give_all(&b, &d, |_| {});
    assert_eq!(judged(&d), judged(&b));
    assert_totals(&d);
}

#[test]
fn an_earlier_version_kept_no_state_of_statements() {
    let store = memory();
    let a = open(memory(), 1, "birmingham", 1);
    a.create_network("Test network").unwrap();
    let b = open(store.clone(), 2, "vienna", 1);
    join(&a, &b);
    let mut hostile = Hostile::in_log(a.network().unwrap(), 1, 77, LogId::REGISTRY);
    let address = Said::Address(Address {
        address: "nowhere".into(),
    });
    let said = [
        hostile.say(Kind::Open, ObjectId::ZERO, b""),
        hostile.say(Kind::Statement, ObjectId::ZERO, &statement(0, address)),
    ];
    b.take_from(Some(a.own_id()), &said).unwrap();
    let (all, totals) = (listed(&b), b.totals());
    assert_eq!((all.len(), totals.refused), (1, 1));
    // What such a version left.
    let (key, row) = b.row_of_hash(said[1].hash()).unwrap().unwrap();
    let mut batch = Batch::new();
    let counted = row.standing(Standing::Counted, String::new());
    super::super::quarantine::note(&mut batch, &key, Some(Standing::Refused), &counted);
    catalogue::put(&mut batch, &key, &counted);
    let value = MetaValue(catalogue::encode_row(1, &Totals { refused: 0, ..totals }));
    catalogue::put(&mut batch, &MetaKey::Totals, &value);
    b.store.write(&batch).unwrap();
    drop(b);
    let b = open(store, 2, "vienna", 2);
    assert_eq!((listed(&b), b.totals()), (all, totals));
}
