//! A peer that records every frame it is sent: nothing outside its scopes reaches it, in any order of writes, groups,
//! leaving, coming back and reconnecting.
//!
//! Two proofs. Among hubs that are all connected, each frame by itself names only logs its receiver may see, by a rule
//! written anew here. And what happens outside a peer's scopes changes nothing of what a node sends it, not one frame, nor
//! when: two lives of that node that differ only in this are recorded, and the recordings are equal.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::world::{NETWORK, World, hub};
use super::{Frame, Millis};
use crate::envelope::{Header, Kind};
use crate::frontier::Frontier;
use crate::group::Group;
use crate::ids::{HubId, LogId};
use crate::registry::Standing;

/// The hubs of a world; the last one records.
const HUBS: u8 = 4;
const RECORDER: usize = HUBS as usize - 1;
/// Delay of every line.
const DELAY: Millis = 20;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// Something is written for everybody.
    Shared { node: usize, network: bool },
    /// Something is erased.
    Erase { node: usize, network: bool },
    /// Something is written that never leaves its hub.
    Local { node: usize },
    /// Something is written for a pair.
    Pair { one: usize, other: usize },
    /// Something is written for the hubs in this set of bits, the writer's added.
    Group { node: usize, members: u8 },
    /// Two nodes connect, or lose their connection.
    Link { one: usize, other: usize },
    /// A hub leaves, or comes back.
    Standing { node: usize },
    /// Time passes.
    Pause { ms: Millis },
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..usize::from(HUBS);
    let pause = prop_oneof![1u64..200, 1_000u64..10_000, 60_000u64..70_000];
    prop_oneof![
        3 => (node.clone(), any::<bool>()).prop_map(|(node, network)| Step::Shared { node, network }),
        2 => (node.clone(), any::<bool>()).prop_map(|(node, network)| Step::Erase { node, network }),
        3 => node.clone().prop_map(|node| Step::Local { node }),
        3 => (node.clone(), node.clone()).prop_map(|(one, other)| Step::Pair { one, other }),
        5 => (node.clone(), 0..1u8 << HUBS).prop_map(|(node, members)| Step::Group { node, members }),
        3 => (node.clone(), node.clone()).prop_map(|(one, other)| Step::Link { one, other }),
        1 => node.prop_map(|node| Step::Standing { node }),
        3 => pause.prop_map(|ms| Step::Pause { ms }),
    ]
}

impl Step {
    /// Whether the recording peer has no part in it and must not notice.
    fn is_secret(&self) -> bool {
        match self {
            Self::Local { node } => *node != RECORDER,
            Self::Pair { one, other } => one != other && *one != RECORDER && *other != RECORDER,
            Self::Group { node, members } => *node != RECORDER && members & (1 << RECORDER) == 0,
            Self::Shared { .. }
            | Self::Erase { .. }
            | Self::Link { .. }
            | Self::Standing { .. }
            | Self::Pause { .. } => false,
        }
    }
}

/// What the test knows of who may see what, apart from the code it tests.
#[derive(Default)]
struct Truth {
    away: BTreeSet<HubId>,
    members: BTreeMap<LogId, BTreeSet<HubId>>,
}

impl Truth {
    fn may_see(&self, log: LogId, author: HubId, one: HubId, other: HubId) -> bool {
        let both_in = !self.away.contains(&one) && !self.away.contains(&other);
        match log {
            LogId::REGISTRY => true,
            LogId::PUBLIC | LogId::NETWORK => both_in,
            log => {
                let members = self.members.get(&log);
                both_in && members.is_some_and(|in_it| [author, one, other].iter().all(|hub| in_it.contains(hub)))
            }
        }
    }
}

impl Truth {
    /// What a hub that is gone still gets, or gives: tombstones of logs that both had a part in; it gives only its own.
    fn may_erase(&self, header: &Header, from: HubId, to: HubId) -> bool {
        let gone = self.away.contains(&from) || self.away.contains(&to);
        let speaks = !self.away.contains(&from) || header.hub == from;
        header.kind == Kind::Tombstone && gone && speaks && [LogId::PUBLIC, LogId::NETWORK].contains(&header.log)
    }
}

/// A world in which nobody is connected, and what is known of it.
fn begin() -> (World, Truth) {
    let mut truth = Truth::default();
    for one in 0..usize::from(HUBS) {
        for other in one + 1..usize::from(HUBS) {
            let pair = [hub(number(one)), hub(number(other))];
            truth
                .members
                .insert(LogId::pair(NETWORK, pair[0], pair[1]), pair.into());
        }
    }
    (World::new(HUBS, 1), truth)
}

/// Everybody is connected; every frame is checked as it is sent.
fn live_together(steps: &[Step]) {
    let (mut world, mut truth) = begin();
    let mut checked = 0;
    for one in 0..usize::from(HUBS) {
        for other in one + 1..usize::from(HUBS) {
            world.connect(one, other, DELAY);
        }
    }
    for step in steps {
        take_step(&mut world, &mut truth, step);
        check(&world, &truth, &mut checked);
    }
    for _ in 0..30 {
        world.run_for(5_000);
        check(&world, &truth, &mut checked);
    }
}

/// The first node has a stream with the recording peer alone, and is given at once what the others write and it may see.
/// Returns what the peer was sent, and when.
fn live_watched(steps: &[Step], with_secrets: bool) -> Vec<(Millis, Frame)> {
    let (mut world, mut truth) = begin();
    world.connect(0, RECORDER, DELAY);
    for step in steps.iter().filter(|step| with_secrets || !step.is_secret()) {
        let watched = match step {
            Step::Link { one, other } if *one == RECORDER || *other == RECORDER => Step::Link {
                one: 0,
                other: RECORDER,
            },
            Step::Link { .. } => continue,
            step => step.clone(),
        };
        take_step(&mut world, &mut truth, &watched);
        for writer in 1..RECORDER {
            hand_over(&mut world, &truth, writer);
        }
    }
    world.run_for(150_000);
    let recorded = world.recorded.into_iter().filter(|(_, _, to, _)| *to == RECORDER);
    recorded.map(|(at, _, _, frame)| (at, frame)).collect()
}

fn hand_over(world: &mut World, truth: &Truth, writer: usize) {
    let (from, to) = (hub(number(writer)), world.nodes[0].hub);
    let all = world.nodes[writer].logs.iter();
    let seen = all.filter(|(row, _)| row.log != LogId::LOCAL && truth.may_see(row.log, row.hub, from, to));
    let envelopes: Vec<_> = seen.flat_map(|(_, log)| log.clone()).collect();
    let before = world.nodes[0].access.clone();
    let (rows, _, _) = world.nodes[0].take(from, envelopes);
    if !std::sync::Arc::ptr_eq(&before, &world.nodes[0].access) {
        world.access_changed(0, None);
    }
    world.erased(0, None);
    if !rows.is_empty() {
        world.heads(0, &rows);
    }
}

fn number(node: usize) -> u8 {
    u8::try_from(node + 1).unwrap_or(u8::MAX)
}

fn take_step(world: &mut World, truth: &mut Truth, step: &Step) {
    match step {
        Step::Shared { node, network } => {
            let log = if *network { LogId::NETWORK } else { LogId::PUBLIC };
            world.write(*node, log, 60);
        }
        Step::Erase { node, network } => {
            let log = if *network { LogId::NETWORK } else { LogId::PUBLIC };
            let row = world.nodes[*node].write_kind(log, Kind::Tombstone, 60);
            world.erased(*node, None);
            world.heads(*node, &[row]);
        }
        Step::Local { node } => world.write(*node, LogId::LOCAL, 60),
        Step::Pair { one, other } if one == other => {}
        Step::Pair { one, other } => {
            world.write(*one, LogId::pair(NETWORK, hub(number(*one)), hub(number(*other))), 60);
        }
        Step::Group { node, members } => {
            let members: BTreeSet<HubId> = (0..usize::from(HUBS))
                .filter(|other| members & (1 << other) != 0 || other == node)
                .map(|other| hub(number(other)))
                .collect();
            if members.len() < 2 {
                return;
            }
            let group = Group {
                nonce: [7; 16],
                members,
            };
            let log = group.log(NETWORK);
            truth.members.insert(log, group.members.clone());
            let opened = world.nodes[*node]
                .logs
                .keys()
                .any(|row| row.log == log && row.hub == hub(number(*node)));
            if !opened {
                let row = world.nodes[*node].open_group(&group);
                world.access_changed(*node, None);
                world.heads(*node, &[row]);
            }
            world.write(*node, log, 60);
        }
        Step::Link { one, other } if one == other => {}
        Step::Link { one, other } => {
            let wanted = [*one, *other];
            let known = world
                .links
                .iter()
                .position(|link| link.ends.iter().all(|end| wanted.contains(&end.node)));
            match known {
                Some(link) => world.drop_link(link),
                None => world.connect(*one, *other, DELAY),
            }
        }
        Step::Standing { node } => {
            let leaving = hub(number(*node));
            let standing = if truth.away.remove(&leaving) {
                Standing::Active
            } else {
                truth.away.insert(leaving);
                Standing::Left
            };
            for other in 0..usize::from(HUBS) {
                world.nodes[other].standings.insert(leaving, standing);
                world.nodes[other].refresh_access();
            }
            for other in 0..usize::from(HUBS) {
                world.access_changed(other, None);
            }
        }
        Step::Pause { ms } => world.run_for(*ms),
    }
}

/// Every frame sent since the last look, whoever it went to, holds only what its receiver may see.
fn check(world: &World, truth: &Truth, checked: &mut usize) {
    let last = world.recorded.len().saturating_sub(1);
    for (index, (_, from, to, frame)) in world.recorded.iter().enumerate().skip(*checked) {
        let (sender, receiver) = (hub(number(*from)), hub(number(*to)));
        let may_see = |log, author| truth.may_see(log, author, sender, receiver);
        match frame {
            Frame::Rows { rows, .. } => {
                assert!(rows.iter().all(|(row, _)| may_see(row.log, row.hub)), "rows {rows:?}");
            }
            Frame::Envelopes(envelopes) => {
                for envelope in envelopes {
                    let header = &envelope.header;
                    let seen = may_see(header.log, header.hub) || truth.may_erase(header, sender, receiver);
                    assert!(seen, "an envelope {header:?}");
                }
            }
            Frame::Proofs(proofs) => {
                for proof in proofs {
                    let header = &proof.a.header;
                    assert!(may_see(header.log, header.hub), "a proof {header:?}");
                }
            }
            Frame::AskHeader(row, _) | Frame::Header(row, _, Some(_)) => {
                assert!(may_see(row.log, row.hub), "a header {row:?}");
            }
            Frame::Frontier { shared, common } => {
                let (node, access) = (&world.nodes[*from], &world.nodes[*from].access);
                let held = node.frontier.rows();
                let mut seen: Frontier = held.filter(|(row, _)| may_see(row.log, row.hub)).collect();
                for (hash, tombstone) in &node.tombstones {
                    if access.share_tombstones(tombstone.header.log, receiver) {
                        seen.keep_tombstone(tombstone.header.log, *hash);
                    }
                }
                // The last frame of a node's comparisons is of this moment; earlier ones are judged by the two lives.
                if index == last {
                    assert_eq!(*shared, seen.shared_digest());
                    if !access.is_gone_between(receiver) {
                        assert_eq!(*common, seen.common_digest(access, receiver));
                    }
                }
            }
            Frame::Header(_, _, None)
            | Frame::Hello(_)
            | Frame::Streams(_)
            | Frame::Beacon(_)
            | Frame::AskReceipts(_)
            | Frame::Receipts(_)
            | Frame::Goodbye { .. }
            | Frame::Unknown => {}
        }
    }
    *checked = world.recorded.len();
}

/// A node hears of a group, and of something that all may see, in one delivery: the access that changes with the group came
/// with a frontier that held the other news already, and the peer was asked at once whether it shows the same.
#[test]
fn a_group_that_comes_with_public_news_does_not_show_in_when_frontiers_are_compared() {
    let steps = [
        Step::Standing { node: 2 },
        Step::Group { node: 2, members: 1 },
        Step::Shared {
            node: 2,
            network: false,
        },
        Step::Pause { ms: 40 },
        Step::Standing { node: 2 },
        Step::Standing { node: 1 },
    ];
    assert_eq!(live_watched(&steps, true), live_watched(&steps, false));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn nothing_outside_its_scopes_reaches_a_peer(steps in proptest::collection::vec(step(), 1..40)) {
        live_together(&steps);
    }

    #[test]
    fn what_it_may_not_see_changes_nothing_for_a_peer(steps in proptest::collection::vec(step(), 1..40)) {
        let noisy = live_watched(&steps, true);
        let quiet = live_watched(&steps, false);
        prop_assert!(!quiet.is_empty());
        for (one, other) in noisy.iter().zip(&quiet) {
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(noisy.len(), quiet.len());
    }
}

#[test]
fn members_get_the_whole_group_and_a_third_hub_nothing() {
    let steps = [
        Step::Group {
            node: 0,
            members: 0b0011,
        },
        Step::Pause { ms: 100 },
        Step::Group {
            node: 1,
            members: 0b0011,
        },
        Step::Pause { ms: 5_000 },
    ];
    let mut world = World::new(HUBS, 1);
    let mut truth = Truth::default();
    for (one, other) in [(0, 1), (1, 2), (0, 3)] {
        world.connect(one, other, DELAY);
    }
    for step in &steps {
        take_step(&mut world, &mut truth, step);
    }
    let held = |node: usize| {
        let rows = world.nodes[node].frontier.rows();
        rows.filter(|(row, _)| !row.log.is_shared()).count()
    };
    assert_eq!((held(0), held(1), held(2), held(3)), (2, 2, 0, 0));
    let repeated: usize = world.nodes.iter().map(|node| node.repeated).sum();
    assert_eq!(repeated, 0, "what was taken is not sent back");
}

#[test]
fn a_group_is_caught_up_with_after_a_reconnect() {
    let mut world = World::new(HUBS, 1);
    let mut truth = Truth::default();
    for _ in 0..3 {
        take_step(
            &mut world,
            &mut truth,
            &Step::Group {
                node: 0,
                members: 0b1011,
            },
        );
    }
    // The author is away; the others have it from each other.
    world.connect(0, 1, DELAY);
    world.run_for(10_000);
    world.drop_link(0);
    world.connect(1, 3, DELAY);
    world.connect(1, 2, DELAY);
    world.run_for(10_000);
    let held = |node: usize| world.nodes[node].frontier.len();
    assert_eq!((held(1), held(3), held(2)), (1, 1, 0));
    assert_eq!(world.nodes[3].frontier, world.nodes[0].frontier);
}
