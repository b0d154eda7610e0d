//! Sessions over simulated links, in plain loops: connections that drop, delay and repeat, several at once between two
//! nodes, and a toy log store ([`super::world`]). Every random life says from which seed it can be played again.
#![allow(clippy::cast_possible_truncation, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::world::{NETWORK, Node, World, hub, wire_len};
use super::*;
use crate::beacon::{Beacon, SignedBeacon};
use crate::envelope::SigningKey;
use crate::ids::HeaderHash;
use crate::registry::Standing;

fn equal_pair(rows: u64) -> World {
    let mut world = World::new(2, 1);
    for _ in 0..rows {
        world.write(0, LogId::PUBLIC, 100);
    }
    let all = world.nodes[0].read(
        RowKey {
            log: LogId::PUBLIC,
            hub: hub(1),
            epoch: Epoch(1),
        },
        0,
        usize::MAX,
        usize::MAX,
    );
    world.nodes[1].take(hub(1), all);
    world
}

#[test]
fn equal_frontiers_take_one_round_trip_and_less_than_200_bytes() {
    let mut world = equal_pair(1_000);
    world.connect(0, 1, 50);
    world.run_for(5_000);
    assert_eq!(world.links[0].ends[0].equal_at, Some(100));
    assert_eq!(world.frames, 4, "Hello and Frontier of each side");
    assert!(world.bytes <= 200, "{} bytes", world.bytes);
    assert_eq!(world.nodes[1].delivered, 1_000);
}

/// Two branches of one log that are the same below `fork`, of these lengths.
fn branches(fork: u64, lengths: [u64; 2]) -> [Vec<Envelope>; 2] {
    lengths.map(|length| {
        let mut author = Node::new(1, 5);
        for seq in 0..length {
            let branch = if seq < fork { 0 } else { length };
            author.write(LogId::PUBLIC, 10 + branch as usize);
        }
        author.logs.into_values().next().unwrap_or_default()
    })
}

/// Nodes 2 and 4 hold one branch, node 3 the other, node 5 nothing; the author is away.
fn forked_world(fork: u64, lengths: [u64; 2], seed: u64) -> World {
    let mut world = World::new(5, seed);
    let [one, other] = branches(fork, lengths);
    world.nodes[1].take(hub(1), one.clone());
    world.nodes[2].take(hub(1), other);
    world.nodes[3].take(hub(1), one);
    world
}

#[test]
fn a_forked_log_ends_at_the_same_number_everywhere() {
    for (fork, lengths) in [(0, [1, 2]), (3, [4, 5]), (3, [4, 9]), (20, [21, 300]), (0, [40, 41])] {
        let mut world = forked_world(fork, lengths, 1);
        for (one, other) in [(1, 2), (2, 3), (3, 4)] {
            world.connect(one, other, 20);
        }
        world.run_for(10_000);
        let key = RowKey {
            log: LogId::PUBLIC,
            hub: hub(1),
            epoch: Epoch(1),
        };
        for node in 1..5 {
            assert_eq!(
                world.nodes[node].cuts.end(&key),
                Some(fork),
                "node {node} of a log forked at {fork}, {lengths:?}"
            );
            assert_eq!(world.nodes[node].frontier, world.nodes[1].frontier);
        }
        let proofs: usize = world.nodes.iter().map(|node| node.proofs.len()).sum();
        assert_eq!(proofs, 4);
        let frames = world.frames;
        world.run_for(60_000);
        assert!(
            world.frames - frames <= 3 * 4,
            "nothing goes on once it is settled: {} frames",
            world.frames - frames
        );
    }
}

/// What goes on being written to either branch after the proof moves nothing.
#[test]
fn a_cut_log_stays_as_it_is() {
    let mut world = forked_world(3, [4, 6], 2);
    world.connect(1, 2, 20);
    world.run_for(5_000);
    let before = world.nodes[1].frontier.clone();
    let [more, _] = branches(3, [9, 1]);
    let (rows, gap, forked) = world.nodes[2].take(hub(1), more);
    assert!(rows.is_empty() && !gap && forked.is_empty());
    world.run_for(70_000);
    assert_eq!(world.nodes[1].frontier, before);
    assert_eq!(world.nodes[2].frontier, before);
}

fn beacon(of: u8, at_ms: i64) -> SignedBeacon {
    let beacon = Beacon {
        hub: hub(of),
        key_number: 0,
        at_ms,
        heads: Vec::new(),
    };
    beacon.sign(NETWORK, &SigningKey::from([of; 32]))
}

#[test]
fn a_beacon_reaches_every_hub_once_where_all_are_connected() {
    let mut world = World::new(6, 1);
    for one in 0..6 {
        for other in one + 1..6 {
            world.connect(one, other, 20);
        }
    }
    world.run_for(5_000);
    world.beacons_sent = 0;
    world.take_beacon(0, &beacon(1, 1_000));
    world.run_for(5_000);
    assert!(world.nodes.iter().all(|node| node.beacons.len() == 1));
    assert_eq!(world.beacons_sent, 5, "the author tells each, and nobody repeats it");
}

#[test]
fn a_beacon_is_passed_on_and_found_by_whoever_comes_later() {
    let mut world = World::new(4, 1);
    world.connect(0, 1, 20);
    world.connect(1, 2, 20);
    world.run_for(3_000);
    world.take_beacon(0, &beacon(1, 1_000));
    world.run_for(1_000);
    assert!(world.nodes[2].beacons.contains_key(&hub(1)));
    world.connect(2, 3, 20);
    world.run_for(3_000);
    assert!(world.nodes[3].beacons.contains_key(&hub(1)));
    world.take_beacon(1, &beacon(1, 900));
    world.run_for(1_000);
    let newest = world.nodes[2].beacons[&hub(1)].read(NETWORK).unwrap();
    assert_eq!(newest.at_ms, 1_000, "an older one replaces nothing");
}

#[test]
fn a_peer_that_cannot_show_its_headers_is_at_fault_and_proves_nothing() {
    let mut world = forked_world(3, [4, 6], 2);
    let session = |world: &World| {
        Session::new(
            world.local(1),
            hub(3),
            world.nodes[1].access.clone(),
            &world.nodes[1].frontier,
            &BTreeSet::new(),
            0,
        )
    };
    let mut session = session(&world);
    session.handle(Event::Opened, 0);
    let hello = Hello {
        protocol_min: 1,
        protocol_max: 1,
        network: NETWORK,
        hub: hub(3),
        epoch: Epoch(3),
        software: String::new(),
        streams: BTreeSet::new(),
        features: Vec::new(),
    };
    session.handle(Event::Received(Frame::Hello(hello)), 0);
    let rows: Vec<_> = world.nodes[2].frontier.rows().collect();
    let key = rows[0].0;
    world.nodes[1].logs.get_mut(&key).unwrap().truncate(4);
    let taken = Event::Taken {
        rows: Vec::new(),
        gap: false,
        forked: vec![(key, 3)],
    };
    let asked = session.handle(taken, 10);
    assert!(asked.contains(&Effect::Send(Frame::AskHeader(key, 1))), "{asked:?}");
    let answer = session.handle(Event::Received(Frame::Header(key, 1, None)), 20);
    assert_eq!(answer, [Effect::Report(Notice::Unproved(key))]);
    let late = world.nodes[2].header(key, 1).map(Box::new);
    assert_eq!(
        session.handle(Event::Received(Frame::Header(key, 1, late)), 30),
        [],
        "what nobody asks for any more is not looked at"
    );
}

#[test]
fn a_difference_takes_one_round_trip_before_data_and_each_envelope_once() {
    let mut world = equal_pair(1_000);
    for _ in 0..200 {
        world.nodes[0].write(LogId::PUBLIC, 300);
        world.nodes[1].write(LogId::NETWORK, 300);
    }
    world.connect(0, 1, 50);
    world.run_for(300);
    assert!(world.agree());
    world.run_for(10_000);
    assert_eq!(world.nodes.iter().map(|node| node.repeated).sum::<usize>(), 0);
    assert!(
        world.links[0].ends.iter().all(|end| end.equal_at.is_some()),
        "both learn that they are equal"
    );
    let missing = 400 * (300 + 32 + 64 + 167);
    assert!(world.bytes < missing * 105 / 100, "{} bytes for {missing}", world.bytes);
}

/// One side may see equal digests and the other not, when something is written just between.
#[test]
fn what_is_written_at_any_moment_of_the_first_exchange_arrives() {
    for moment in (0..250).step_by(10) {
        for writer in 0..2 {
            let mut world = equal_pair(3);
            world.connect(0, 1, 50);
            world.run_for(moment);
            world.write(writer, LogId::PUBLIC, 10);
            world.run_for(400);
            assert!(world.agree(), "written by {writer} after {moment} ms");
        }
    }
}

#[test]
fn live_push_is_immediate_and_acknowledged() {
    let mut world = equal_pair(10);
    world.connect(0, 1, 10);
    world.run_for(1_000);
    world.write(0, LogId::PUBLIC, 100);
    assert_eq!(world.links[0].ends[0].session.lag_envelopes(), 1);
    world.run_for(20);
    assert!(world.agree());
    assert_eq!(world.links[0].ends[0].session.lag_envelopes(), 0);
}

#[test]
fn local_logs_stay_at_home() {
    let mut world = World::new(2, 1);
    world.write(0, LogId::LOCAL, 10);
    world.connect(0, 1, 10);
    world.run_for(200_000);
    world.write(0, LogId::LOCAL, 10);
    world.run_for(10_000);
    assert_eq!(world.nodes[1].delivered, 0);
    assert!(
        world.links[0].ends.iter().all(|end| end.equal_at.is_some()),
        "not even their numbers count"
    );
}

#[test]
fn a_relay_brings_what_two_hubs_that_never_meet_have() {
    let mut world = World::new(3, 1);
    world.write(0, LogId::PUBLIC, 10);
    world.connect(0, 1, 10);
    world.connect(1, 2, 10);
    world.run_for(1_000);
    assert!(world.agree());
    world.write(0, LogId::PUBLIC, 10);
    world.run_for(25);
    assert!(world.agree(), "passed on at once: C has no stream with A");
    world.write(2, LogId::NETWORK, 10);
    world.run_for(25);
    assert!(world.agree());
}

#[test]
fn pair_logs_are_not_relayed() {
    let mut world = World::new(3, 1);
    world.write(0, LogId::pair(NETWORK, hub(1), hub(3)), 10);
    world.connect(0, 1, 10);
    world.connect(1, 2, 10);
    world.run_for(200_000);
    assert_eq!((world.nodes[1].delivered, world.nodes[2].delivered), (0, 0));
    world.connect(0, 2, 10);
    world.run_for(1_000);
    assert_eq!((world.nodes[1].delivered, world.nodes[2].delivered), (0, 1));
}

#[test]
fn in_a_full_mesh_each_envelope_reaches_each_hub_once() {
    let mut world = World::new(5, 1);
    for one in 0..5 {
        for other in one + 1..5 {
            world.connect(one, other, 20);
        }
    }
    world.run_for(10_000);
    for _ in 0..10 {
        world.write(2, LogId::PUBLIC, 100);
        world.run_for(700);
    }
    world.run_for(20_000);
    assert!(world.agree());
    let delivered: usize = world.nodes.iter().map(|node| node.delivered).sum();
    assert_eq!(delivered, 40, "ten envelopes to four hubs, no copies");
}

#[test]
fn a_hub_whose_author_went_away_gets_it_from_another_after_two_seconds() {
    let mut world = World::new(3, 1);
    world.connect(0, 1, 20);
    world.connect(0, 2, 5_000);
    world.connect(1, 2, 20);
    world.run_for(30_000);
    world.write(0, LogId::PUBLIC, 10);
    world.run_for(1_900);
    assert!(!world.agree(), "node 2 waits for the slow line of the author");
    world.run_for(500);
    assert!(world.agree(), "node 1 stepped in");
}

#[test]
fn large_logs_go_in_bounded_batches() {
    let mut world = World::new(2, 1);
    for _ in 0..2_500 {
        world.nodes[0].write(LogId::PUBLIC, 10);
    }
    for _ in 0..100 {
        world.nodes[0].write(LogId::NETWORK, 60_000);
    }
    world.connect(0, 1, 1);
    for _ in 0..2_000 {
        world.run_for(1);
        for end in world.links.iter().flat_map(|link| &link.ends) {
            for (_, frame) in &end.line {
                let Frame::Envelopes(envelopes) = frame else { continue };
                assert!(envelopes.len() <= MAX_BATCH_ENVELOPES);
                assert!(wire_len(frame) <= MAX_BATCH_BYTES + 64 * 1024);
            }
        }
    }
    assert!(world.agree());
    assert_eq!(world.nodes[1].repeated, 0);
}

#[test]
fn the_registry_goes_first() {
    let mut world = World::new(2, 1);
    for log in [
        LogId::PUBLIC,
        LogId::NETWORK,
        LogId::REGISTRY,
        LogId::pair(NETWORK, hub(1), hub(2)),
    ] {
        world.nodes[0].write(log, 10);
    }
    world.connect(0, 1, 1);
    let mut seen = Vec::new();
    for _ in 0..100 {
        world.run_for(1);
        for (_, frame) in &world.links[0].ends[0].line {
            let Frame::Envelopes(envelopes) = frame else { continue };
            seen.extend(envelopes.iter().map(|envelope| envelope.header.log));
        }
    }
    assert_eq!(seen.first(), Some(&LogId::REGISTRY));
    assert!(world.agree());
}

fn closed(world: &World, side: usize) -> Option<Farewell> {
    world.links[0].ends[side].closed.as_ref().map(|(code, _)| *code)
}

#[test]
fn a_version_mismatch_names_both_ranges() {
    let mut world = World::new(2, 1);
    world.connect(0, 1, 10);
    let local = Local {
        protocol_min: 2,
        protocol_max: 3,
        ..world.local(1)
    };
    let access = world.nodes[1].access.clone();
    world.links[0].ends[1].session = Session::new(local, hub(1), access, &Frontier::new(), &BTreeSet::new(), 0);
    world.links[0].ends[1].line.clear();
    world.event(0, 1, Event::Opened);
    world.run_for(1_000);
    assert_eq!(closed(&world, 0), Some(Farewell::Version));
    let (_, reason) = world.links[0].ends[0].closed.clone().unwrap();
    assert!(reason.contains("1 to 1") && reason.contains("2 to 3"), "{reason}");
    assert!(closed(&world, 1).is_some());
}

fn greet(change: impl FnOnce(&mut Hello)) -> Vec<Effect> {
    let world = World::new(2, 1);
    let mut hello = Hello {
        protocol_min: 1,
        protocol_max: 1,
        network: NETWORK,
        hub: hub(2),
        epoch: Epoch(1),
        software: String::new(),
        streams: BTreeSet::new(),
        features: Vec::new(),
    };
    change(&mut hello);
    let access = world.nodes[0].access.clone();
    let mut session = Session::new(world.local(0), hub(2), access, &Frontier::new(), &BTreeSet::new(), 0);
    session.handle(Event::Opened, 0);
    session.handle(Event::Received(Frame::Hello(hello)), 1)
}

#[test]
fn wrong_network_wrong_hub_and_too_much_are_refused() {
    let code = |effects: Vec<Effect>| match effects.last() {
        Some(Effect::Close { code, .. }) => Some(*code),
        _ => None,
    };
    assert_eq!(code(greet(|_| ())), None);
    assert_eq!(
        code(greet(|hello| hello.network = NetworkId([1; 16]))),
        Some(Farewell::WrongNetwork)
    );
    assert_eq!(code(greet(|hello| hello.hub = hub(1))), Some(Farewell::WrongNetwork));
    assert_eq!(code(greet(|hello| hello.features = vec![0; 65])), Some(Farewell::Limit));
    assert_eq!(code(greet(|hello| hello.protocol_max = 0)), Some(Farewell::Version));
}

/// A session of hub 1 with hub 2 that has exchanged Hello.
fn open_session() -> Session {
    let world = World::new(3, 1);
    let access = world.nodes[0].access.clone();
    let mut session = Session::new(world.local(0), hub(2), access, &Frontier::new(), &BTreeSet::new(), 0);
    session.handle(Event::Opened, 0);
    session.handle(Event::Writable, 0);
    let hello = Hello {
        protocol_min: 1,
        protocol_max: 9,
        network: NETWORK,
        hub: hub(2),
        epoch: Epoch(1),
        software: String::new(),
        streams: BTreeSet::new(),
        features: Vec::new(),
    };
    let effects = session.handle(Event::Received(Frame::Hello(hello)), 1);
    assert!(matches!(effects[0], Effect::Ready { version: 1, .. }), "{effects:?}");
    session
}

#[test]
fn frames_out_of_place_or_over_a_limit_end_the_stream() {
    let row = |log| {
        (
            RowKey {
                log,
                hub: hub(2),
                epoch: Epoch(1),
            },
            Head {
                seq: 0,
                hash: HeaderHash::ZERO,
            },
        )
    };
    let bad = [
        Frame::Rows {
            rows: vec![row(LogId::PUBLIC); MAX_ROWS + 1],
            complete: true,
        },
        Frame::Streams((0..=MAX_STREAMS).map(|n| HubId((n as u128).to_be_bytes())).collect()),
        Frame::Hello(Hello {
            protocol_min: 1,
            protocol_max: 1,
            network: NETWORK,
            hub: hub(2),
            epoch: Epoch(1),
            software: String::new(),
            streams: BTreeSet::new(),
            features: Vec::new(),
        }),
    ];
    for frame in bad {
        let mut session = open_session();
        let effects = session.handle(Event::Received(frame), 2);
        assert!(
            matches!(effects[..], [Effect::Send(Frame::Goodbye { .. }), Effect::Close { .. }]),
            "{effects:?}"
        );
        assert!(session.handle(Event::Tick, 3).is_empty());
    }
    let mut session = open_session();
    assert!(
        session.handle(Event::Received(Frame::Unknown), 2).is_empty(),
        "a later version's frame is skipped"
    );
}

#[test]
fn forbidden_logs_are_security_events_and_not_taken() {
    let breaches = |effects: &[Effect]| {
        effects
            .iter()
            .filter(|e| matches!(e, Effect::Report(Notice::Breach { .. })))
            .count()
    };
    let mut other = Node::new(2, 3);
    for log in [LogId::LOCAL, LogId::pair(NETWORK, hub(2), hub(3)), LogId::PUBLIC] {
        other.write(log, 10);
    }
    let rows: Vec<_> = other.frontier.rows().collect();
    let mut session = open_session();
    let effects = session.handle(Event::Received(Frame::Rows { rows, complete: false }), 2);
    assert_eq!(breaches(&effects), 2);
    let envelopes: Vec<Envelope> = other.logs.into_values().flatten().collect();
    let effects = session.handle(Event::Received(Frame::Envelopes(envelopes)), 3);
    assert_eq!(breaches(&effects), 2);
    let taken: Vec<_> = effects
        .iter()
        .filter_map(|e| {
            if let Effect::Take(batch) = e {
                Some(batch.len())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(taken, [1]);
}

#[test]
fn who_says_nothing_is_let_go() {
    let world = World::new(2, 1);
    let access = world.nodes[0].access.clone();
    let mut session = Session::new(world.local(0), hub(2), access, &Frontier::new(), &BTreeSet::new(), 0);
    session.handle(Event::Opened, 0);
    assert_eq!(session.next_tick(), Some(HELLO_WITHIN_MS));
    assert!(session.handle(Event::Tick, HELLO_WITHIN_MS - 1).is_empty());
    assert!(matches!(
        session.handle(Event::Tick, HELLO_WITHIN_MS)[..],
        [Effect::Send(_), Effect::Close { .. }]
    ));

    let mut session = open_session();
    let mut now = 1;
    while let Some(next) = session.next_tick() {
        assert!(next > now, "ticks must not spin");
        now = next;
        session.handle(Event::Tick, now);
    }
    assert_eq!(now, 1 + SILENCE_MS);
}

#[test]
fn a_gap_asks_for_rows_and_not_again_and_again() {
    let mut other = Node::new(2, 3);
    for _ in 0..5 {
        other.write(LogId::PUBLIC, 10);
    }
    let last = other.logs.values().flatten().last().unwrap().clone();
    let mut session = open_session();
    let mut asked = Vec::new();
    let mut now = 1;
    for _ in 0..60 {
        now += 1_000;
        let mut effects = session.handle(Event::Received(Frame::Envelopes(vec![last.clone()])), now);
        effects.extend(session.handle(
            Event::Taken {
                rows: Vec::new(),
                gap: true,
                forked: Vec::new(),
            },
            now,
        ));
        effects.extend(session.handle(Event::Tick, now));
        session.handle(Event::Writable, now);
        if effects.contains(&Effect::ReadProofs) {
            effects.extend(session.handle(Event::Proofs(Vec::new()), now));
        }
        if effects
            .iter()
            .any(|effect| matches!(effect, Effect::Send(Frame::Rows { complete: true, .. })))
        {
            asked.push(now);
        }
    }
    assert!((2..8).contains(&asked.len()), "asked at {asked:?}");
}

#[test]
fn a_lost_batch_is_repaired_by_rows() {
    let mut world = World::new(2, 1);
    world.connect(0, 1, 10);
    world.run_for(5_000);
    world.write(0, LogId::PUBLIC, 10);
    // The peer's intake drops what comes first, as it would for a full quota.
    world.links[0].ends[0].line.clear();
    world.event(0, 0, Event::Writable);
    world.write(0, LogId::PUBLIC, 10);
    world.run_for(100);
    assert!(world.agree(), "the gap asked for rows at once");
}

#[test]
fn losing_rows_is_noticed() {
    let mut session = open_session();
    let row = |seq| {
        (
            RowKey {
                log: LogId::PUBLIC,
                hub: hub(2),
                epoch: Epoch(1),
            },
            Head {
                seq,
                hash: HeaderHash::ZERO,
            },
        )
    };
    session.handle(
        Event::Received(Frame::Rows {
            rows: vec![row(5)],
            complete: true,
        }),
        2,
    );
    let effects = session.handle(
        Event::Received(Frame::Rows {
            rows: vec![row(3)],
            complete: true,
        }),
        5_000,
    );
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Report(Notice::Regressed(_)))),
        "{effects:?}"
    );
}

#[test]
fn a_departed_hub_gets_the_registry_only() {
    let mut world = World::new(2, 1);
    for node in &mut world.nodes {
        let hubs = BTreeMap::from([(hub(1), Standing::Active), (hub(2), Standing::Left)]);
        node.access = Arc::new(Access::new(NETWORK, node.hub, &hubs, &BTreeMap::new()));
        node.write(LogId::REGISTRY, 10);
        node.write(LogId::PUBLIC, 10);
    }
    world.connect(0, 1, 10);
    world.run_for(100_000);
    assert_eq!((world.nodes[0].delivered, world.nodes[1].delivered), (1, 1));
    assert!(world.links[0].ends.iter().all(|end| end.equal_at.is_some()));
}

/// One random life of a few nodes: writes, connections that come and go, several at once between two nodes, varying
/// delays, repeated batches. At the end everything is connected, and must agree.
fn live(seed: u64, nodes: u8, turns: u64) {
    let mut world = World::new(nodes, seed);
    world.jitter = 200;
    world.repeat_batches = true;
    let count = u64::from(nodes);
    let mut heads: Vec<BTreeMap<RowKey, u64>> = vec![BTreeMap::new(); usize::from(nodes)];
    for _ in 0..turns {
        let (one, other) = (world.random.below(count) as usize, world.random.below(count) as usize);
        match world.random.below(10) {
            0 if one != other && world.links.len() < 12 => {
                let delay = world.random.below(3_000);
                world.connect(one, other, delay);
            }
            1 if !world.links.is_empty() => {
                let link = world.random.below(world.links.len() as u64) as usize;
                world.drop_link(link);
            }
            2..=6 => {
                let log =
                    [LogId::REGISTRY, LogId::PUBLIC, LogId::NETWORK, LogId::LOCAL][world.random.below(4) as usize];
                for _ in 0..=world.random.below(5) {
                    let bytes = world.random.below(50_000) as usize;
                    world.write(one, log, bytes);
                }
            }
            7 => world.nodes[one].epoch.0 += 256,
            _ => {
                let ms = world.random.below(4_000);
                world.run_for(ms);
            }
        }
        for (node, seen) in world.nodes.iter().zip(&mut heads) {
            for (key, head) in node.frontier.rows() {
                let before = seen.insert(key, head.seq).unwrap_or(0);
                assert!(before <= head.seq, "a row went back; seed {seed}");
            }
        }
    }
    world.links.clear();
    for node in 1..usize::from(nodes) {
        world.connect(node - 1, node, 30);
    }
    world.run_for(30_000);
    assert!(world.agree(), "nodes differ; seed {seed}");
    for end in world.links.iter().flat_map(|link| &link.ends) {
        assert!(end.closed.is_none(), "{:?}; seed {seed}", end.closed);
        assert!(end.equal_at.is_some(), "never equal; seed {seed}");
        assert_eq!(end.session.lag_envelopes(), 0, "seed {seed}");
    }
    assert_eq!(world.notices, [], "seed {seed}");
}

#[test]
fn many_lives_agree() {
    for seed in 0..60 {
        live(seed, 4, 120);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_life_agrees(seed in any::<u64>(), nodes in 2_u8..6, turns in 10_u64..150) {
        live(seed, nodes, turns);
    }

    /// Whatever a peer sends, the session neither panics nor sends what is not for the peer.
    #[test]
    fn any_frames_are_survived(kinds in proptest::collection::vec((0_u8..7, any::<u64>()), 1..40)) {
        let mut session = open_session();
        let mut now = 2;
        for (kind, number) in kinds {
            now += number % 100_000;
            let row = (
                RowKey { log: [LogId::PUBLIC, LogId::LOCAL, LogId([number as u8; 16])][number as usize % 3], hub: hub(number as u8), epoch: Epoch(number) },
                Head { seq: number, hash: HeaderHash([number as u8; 32]) },
            );
            let frame = match kind {
                0 => Frame::Streams([hub(number as u8)].into()),
                1 => Frame::Frontier { shared: Some([number as u8; 32]), common: None },
                2 => Frame::Rows { rows: vec![row], complete: number % 2 == 0 },
                3 => Frame::Unknown,
                4 => Frame::Proofs(Vec::new()),
                5 => Frame::Frontier { shared: None, common: None },
                _ => Frame::Envelopes(Vec::new()),
            };
            let effects = session.handle(Event::Received(frame), now);
            session.handle(Event::Tick, now);
            session.handle(Event::Writable, now);
            prop_assert!(effects.len() < 10);
        }
    }
}
