//! Receipts: what a peer asks about is answered at once or as soon as it is so; what it owes it is asked for again and again.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use super::world::{NETWORK, World, hub};
use super::{ASK_AFTER_MS, ASK_AGAIN_MS, Effect, Event, Farewell, Frame, Hello, MAX_ASKED, Session};
use crate::envelope::{Kind, SigningKey};
use crate::frontier::Frontier;
use crate::ids::{Epoch, HeaderHash, LogId, ObjectId};
use crate::receipt::{MAX_RECEIPTS, Outcome, Receipt, SignedReceipt};

/// A session of the first hub with the second, which has said Hello.
fn opened() -> (World, Session) {
    let world = World::new(2, 1);
    let access = world.nodes[0].access.clone();
    let mut session = Session::new(world.local(0), hub(2), access, &Frontier::new(), &BTreeSet::new(), 0);
    let hello = Hello {
        protocol_min: 1,
        protocol_max: 1,
        network: NETWORK,
        hub: hub(2),
        epoch: Epoch(1),
        software: String::new(),
        streams: BTreeSet::new(),
        features: Vec::new(),
    };
    session.handle(Event::Opened, 0);
    session.handle(Event::Writable, 0);
    session.handle(Event::Received(Frame::Hello(hello)), 1);
    (world, session)
}

fn document(number: u8) -> (ObjectId, HeaderHash) {
    (ObjectId([number; 16]), HeaderHash([number; 32]))
}

fn receipt(number: u8) -> (HeaderHash, SignedReceipt) {
    let (_, tombstone) = document(number);
    let receipt = Receipt {
        hub: hub(1),
        key_number: 0,
        tombstone,
        outcome: Outcome::Erased,
        at_ms: 1,
        backups_until_ms: None,
    };
    (tombstone, receipt.sign(NETWORK, &SigningKey::from([1; 32])))
}

fn asks(effects: &[Effect]) -> bool {
    effects.contains(&Effect::ReadAsked)
}

#[test]
fn a_peer_is_asked_when_the_stream_opens_and_again_as_long_as_it_owes_something() {
    let (_, mut session) = opened();
    assert!(!asks(&session.handle(Event::Tick, ASK_AFTER_MS - 1)));
    let mut now = ASK_AFTER_MS + 1;
    for _ in 0..3 {
        assert!(asks(&session.handle(Event::Tick, now)));
        let sent = session.handle(Event::Asking(vec![document(1), document(2)]), now);
        assert_eq!(sent, [Effect::Send(Frame::AskReceipts(vec![document(1), document(2)]))]);
        for _ in 0..9 {
            now += ASK_AGAIN_MS / 10;
            session.handle(Event::Received(Frame::Unknown), now);
            assert!(!asks(&session.handle(Event::Tick, now)));
        }
        now += ASK_AGAIN_MS / 10;
        session.handle(Event::Received(Frame::Unknown), now);
    }
    assert!(asks(&session.handle(Event::Tick, now)));
    assert_eq!(session.handle(Event::Asking(vec![]), now), []);
    for _ in 0..20 {
        now += ASK_AGAIN_MS / 10;
        session.handle(Event::Received(Frame::Unknown), now);
        assert!(!asks(&session.handle(Event::Tick, now)), "it owes nothing");
    }
}

#[test]
fn a_peer_is_asked_soon_after_something_was_erased_here() {
    let (mut world, mut session) = opened();
    session.handle(Event::Tick, ASK_AFTER_MS + 1);
    let now = ASK_AFTER_MS + 10;
    let mut erase = |node: usize| {
        world.nodes[node].write_kind(LogId::NETWORK, Kind::Tombstone, 20);
        std::mem::take(&mut world.nodes[node].erased)
    };
    for event in erase(1) {
        session.handle(event, now);
    }
    assert!(
        !asks(&session.handle(Event::Tick, now + ASK_AFTER_MS)),
        "it is not ours"
    );
    for event in erase(0) {
        session.handle(event, now);
    }
    assert!(!asks(&session.handle(Event::Tick, now + ASK_AFTER_MS - 1)));
    assert!(asks(&session.handle(Event::Tick, now + ASK_AFTER_MS)));
}

#[test]
fn what_cannot_be_answered_yet_is_answered_once_it_can() {
    let (mut world, mut session) = opened();
    world.nodes[1].write_kind(LogId::NETWORK, Kind::Tombstone, 20);
    let tombstone = Arc::new(world.nodes[1].tombstones.values().next().unwrap().clone());
    let theirs = (ObjectId([9; 16]), tombstone.hash());
    let asked = vec![document(1), document(2), theirs];
    let looks = session.handle(Event::Received(Frame::AskReceipts(asked.clone())), 5);
    assert_eq!(looks, [Effect::ReadReceipts(asked)]);
    let (first, second) = (receipt(1), receipt(2));
    let sent = session.handle(Event::Receipts(vec![first.clone()]), 6);
    assert_eq!(sent, [Effect::Send(Frame::Receipts(vec![first.1]))]);
    let looks_for = |effects: &[Effect]| match effects {
        [Effect::ReadReceipts(asked)] => asked.iter().copied().collect::<BTreeSet<_>>(),
        other => panic!("{other:?}"),
    };
    let rest = BTreeSet::from([document(2), theirs]);
    assert_eq!(looks_for(&session.handle(Event::ForcedOut, 7)), rest);
    assert_eq!(session.handle(Event::Receipts(vec![]), 8), []);
    // The tombstone comes only now, and there was nothing to erase.
    let came = Event::Erased(tombstone, [0; 32]);
    assert_eq!(looks_for(&session.handle(came, 9)), rest);
    let both = vec![second.clone(), (theirs.1, second.1)];
    session.handle(Event::Receipts(both), 10);
    assert_eq!(session.handle(Event::ForcedOut, 11), []);
}

#[test]
fn a_peer_that_asks_for_ever_is_not_remembered_for_ever() {
    let (_, mut session) = opened();
    let many = |of: u32| -> Vec<(ObjectId, HeaderHash)> {
        let hash = |number: u32| {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&(of * 10_000 + number).to_be_bytes());
            (ObjectId([0; 16]), HeaderHash(hash))
        };
        (0..u32::try_from(MAX_RECEIPTS).unwrap()).map(hash).collect()
    };
    for round in 0..12 {
        session.handle(Event::Received(Frame::AskReceipts(many(round))), 5);
    }
    let looks = session.handle(Event::ForcedOut, 6);
    assert!(matches!(&looks[..], [Effect::ReadReceipts(asked)] if asked.len() == MAX_ASKED));
    let mut over = many(1);
    over.push(document(1));
    let ended = session.handle(Event::Received(Frame::AskReceipts(over)), 7);
    assert!(matches!(
        ended.last(),
        Some(Effect::Close {
            code: Farewell::Limit,
            ..
        })
    ));
}
