//! What goes before what: what is sent without its body comes after the tombstone that covers it, once; what a hub says
//! itself before what it passes on.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use super::world::{NETWORK, World, hub};
use super::{Effect, Event, Frame, Hello, Session};
use crate::envelope::{Envelope, Header, Kind, Sealed, SigningKey};
use crate::frontier::{Frontier, Head, RowKey};
use crate::ids::{Epoch, HeaderHash, LogId, ObjectId};

fn row(epoch: u64) -> RowKey {
    RowKey {
        log: LogId::PUBLIC,
        hub: hub(1),
        epoch: Epoch(epoch),
    }
}

fn envelope(kind: Kind, epoch: u64, seq: u64) -> Envelope {
    let header = Header {
        network: NETWORK,
        hub: hub(1),
        key_number: 0,
        log: LogId::PUBLIC,
        epoch: Epoch(epoch),
        seq,
        previous: HeaderHash::ZERO,
        kind,
        object: ObjectId([1; 16]),
        generation: 1,
        commitment: [0; 32],
    };
    let sealed = Sealed {
        salt: [1; 32],
        body: vec![],
    };
    let mut signed = Envelope::sign(header, sealed, &SigningKey::from([1; 32]));
    signed.sealed = signed.sealed.filter(|_| kind == Kind::Tombstone);
    signed
}

fn head(seq: u64) -> Head {
    Head {
        seq,
        hash: HeaderHash([9; 32]),
    }
}

/// A session of a hub with another one that has nothing, which has said Hello and so.
fn begun(local: usize, frontier: &Frontier) -> (Session, Vec<Effect>) {
    let world = World::new(3, 1);
    let access = world.nodes[local].access.clone();
    let mut session = Session::new(world.local(local), hub(3), access, frontier, &BTreeSet::new(), 0);
    let hello = Hello {
        protocol_min: 1,
        protocol_max: 1,
        network: NETWORK,
        hub: hub(3),
        epoch: Epoch(1),
        software: String::new(),
        streams: BTreeSet::new(),
        features: Vec::new(),
    };
    let nothing = Frame::Rows {
        rows: vec![],
        complete: true,
    };
    session.handle(Event::Opened, 0);
    session.handle(Event::Writable, 0);
    session.handle(Event::Received(Frame::Hello(hello)), 1);
    let effects = session.handle(Event::Received(nothing), 2);
    (session, effects)
}

#[test]
fn what_a_hub_says_itself_does_not_wait_for_what_it_passes_on() {
    let own = RowKey { hub: hub(2), ..row(5) };
    let of_another = row(5);
    assert!(of_another < own, "it would have its turn first");
    let frontier: Frontier = [(of_another, head(50_000)), (own, head(0))].into_iter().collect();
    let (mut session, _) = begun(1, &frontier);
    let told = Event::Tombstones {
        envelopes: vec![],
        more: false,
    };
    let effects = session.handle(told, 3);
    let read = |effects: &[Effect]| match effects.last() {
        Some(Effect::ReadLog { row, .. }) => *row,
        other => panic!("{other:?}"),
    };
    assert_eq!(read(&effects), own);
}

#[test]
fn a_tombstone_goes_before_what_it_covers_unless_it_went_ahead() {
    let frontier: Frontier = [(row(5), head(2)), (row(6), head(0))].into_iter().collect();
    let (mut session, effects) = begun(0, &frontier);
    let asks = |effects: &[Effect]| {
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::ReadTombstones { .. }))
    };
    assert!(asks(&effects), "{effects:?}");
    // The tombstone of the sixth run goes ahead; that of the seventh comes only now.
    let ahead = envelope(Kind::Tombstone, 6, 0);
    let told = Event::Tombstones {
        envelopes: vec![ahead.clone()],
        more: false,
    };
    session.handle(told, 3);
    session.handle(Event::Heads(vec![(row(7), head(0))]), 4);
    let late = envelope(Kind::Tombstone, 7, 0);
    let erased = [0, 1, 2].map(|seq| envelope(Kind::Change, 5, seq));
    let read = vec![
        ahead.clone(),
        erased[0].clone(),
        late.clone(),
        erased[1].clone(),
        erased[2].clone(),
    ];
    let effects = session.handle(Event::Read(row(5), read), 5);
    let next = |effects: &[Effect]| match effects.last() {
        Some(Effect::ReadLog { row, .. }) => *row,
        other => panic!("{other:?}"),
    };
    // What is read next is of no matter here: nothing of it, so that the batch goes.
    let effects = session.handle(Event::Read(next(&effects), vec![]), 6);
    let effects = session.handle(Event::Read(next(&effects), vec![]), 7);
    let sent = effects.iter().find_map(|effect| match effect {
        Effect::Send(Frame::Envelopes(sent)) => Some(sent.clone()),
        _ => None,
    });
    let [first, second, third] = erased;
    assert_eq!(sent, Some(vec![ahead, first, late, second, third]), "{effects:?}");
}
