//! Two nodes that hold the same, and a newcomer.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::ids::{HubId, LogId};
use interhub_domain::session::{self, Effect, Frame, Local, Session};
use interhub_node::peer::convert::frame_to_proto;
use interhub_node::sync::{Ledger, invitation_message};
use interhub_tests::hub::Hub;
use prost::Message as _;

use super::large::open;
use super::table::{Row, percentile};

/// Two nodes that hold the same: what a reconnect costs, frames and all.
pub(crate) fn bench(root: &Path, data: &Path, documents: usize, rows: &mut Vec<Row>) {
    let one = open(data);
    let twin = Hub::init(root, "twin", "Europe/London");
    let other = open(&twin.data);
    let network = one.ledger.network().unwrap();
    let secret = SigningKey::from([7; 32]);
    one.ledger.open_invitation(public_key(&secret), i64::MAX).unwrap();
    let key = other.ledger.own().public_key();
    let (accept, signature) = other.ledger.sign_accept(network).unwrap();
    let proof = secret
        .sign(&invitation_message(network, key, public_key(&secret)))
        .to_bytes();
    let admitted = one
        .ledger
        .admit(key, network, public_key(&secret), &proof, accept, signature)
        .unwrap();
    other.ledger.enter_network(network, &admitted.0, &[].into()).unwrap();
    give(&other.ledger, &one.ledger);
    let began = Instant::now();
    give(&one.ledger, &other.ledger);
    let taken = documents as f64 / began.elapsed().as_secs_f64();
    eprintln!("  a newcomer takes {taken:.0} events a second");

    let ids = (one.ledger.own_id(), other.ledger.own_id());
    let mut times = Vec::new();
    let (mut flights, mut bytes) = (0, 0);
    for _ in 0..50 {
        let began = Instant::now();
        (flights, bytes) = handshake(&one.ledger, ids.1, &other.ledger, ids.0);
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let figure = percentile(&mut times, 50.0);
    rows.push(Row {
        name: "reconnect-equal",
        work: format!("two nodes with {documents} equal events: CPU"),
        figure,
        unit: "ms",
        target: "<= 5".into(),
        met: figure <= 5.0,
        limit: "two 32-byte digests".into(),
    });
    rows.push(Row {
        name: "reconnect-equal",
        work: "frames of one side, Hello included".into(),
        figure: f64::from(bytes),
        unit: "B",
        target: "<= 200".into(),
        met: bytes <= 200,
        limit: "64 B of digests".into(),
    });
    rows.push(Row {
        name: "reconnect-equal",
        work: "round trips until both know it".into(),
        figure: f64::from(flights) / 2.0,
        unit: "",
        target: "1 after Hello".into(),
        met: flights <= 4,
        limit: "1".into(),
    });
}

fn give(from: &Ledger, to: &Ledger) {
    let network_rows: Vec<_> = from
        .frontier()
        .rows()
        .map(|(row, _)| row)
        .filter(|row| row.log != LogId::LOCAL)
        .collect();
    for registry_first in [true, false] {
        for row in network_rows
            .iter()
            .filter(|row| (row.log == LogId::REGISTRY) == registry_first)
        {
            let mut next = 0;
            loop {
                let batch = from.read_log(*row, next, 1 << 20, 1_000).unwrap();
                let Some(last) = batch.last() else { break };
                next = last.header.seq + 1;
                to.take(&batch).unwrap();
            }
        }
    }
}

/// Drives two sessions until both say that they are equal; messages one way count as one flight.
fn handshake(one: &Ledger, other_id: HubId, other: &Ledger, one_id: HubId) -> (u32, u32) {
    let session_of = |ledger: &Ledger, peer: HubId| {
        let local = Local {
            network: ledger.network().unwrap(),
            hub: ledger.own_id(),
            epoch: ledger.epoch(),
            protocol_min: session::PROTOCOL_MIN,
            protocol_max: session::PROTOCOL_MAX,
            software: "bench".into(),
        };
        Session::new(local, peer, ledger.access(), &ledger.frontier(), &BTreeSet::new(), 0)
    };
    let mut sides = [session_of(one, other_id), session_of(other, one_id)];
    let mut inbox: [Vec<Frame>; 2] = [Vec::new(), Vec::new()];
    let mut bytes = [0u32; 2];
    let mut equal = [false; 2];
    let mut flights = 0;
    for (side, session) in sides.iter_mut().enumerate() {
        for event in [session::Event::Opened, session::Event::Writable] {
            collect(session.handle(event, 0), side, &mut inbox, &mut bytes, &mut equal);
        }
    }
    while equal != [true, true] && flights < 20 {
        flights += 1;
        let arriving = std::mem::take(&mut inbox);
        for (side, frames) in arriving.into_iter().enumerate() {
            for frame in frames {
                let effects = sides[side].handle(session::Event::Received(frame), 1);
                collect(effects, side, &mut inbox, &mut bytes, &mut equal);
            }
        }
    }
    assert_eq!(equal, [true, true], "the two nodes are not equal");
    (flights, bytes[0].max(bytes[1]))
}

fn collect(
    effects: Vec<Effect>,
    side: usize,
    inbox: &mut [Vec<Frame>; 2],
    bytes: &mut [u32; 2],
    equal: &mut [bool; 2],
) {
    for effect in effects {
        match effect {
            Effect::Send(frame) => {
                bytes[side] += u32::try_from(frame_to_proto(&frame).encoded_len()).unwrap();
                inbox[1 - side].push(frame);
            }
            Effect::Equal => equal[side] = true,
            _ => {}
        }
    }
}
