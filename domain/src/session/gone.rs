//! Hubs that left or were removed: they erase what the others erase, and what they had shared they may still erase
//! everywhere. Of everything else they see the registry alone.

use super::outgoing::Outgoing;
use super::world::{World, hub};
use super::{Effect, Event, Frame, MAX_BATCH_ENVELOPES};
use crate::cut::sealed_head;
use crate::envelope::Kind;
use crate::frontier::{Frontier, RowKey};
use crate::ids::{Epoch, HeaderHash, HubId, LogId};
use crate::registry::Standing;

/// Two hubs that stay and one, the last, that is gone.
fn world(standing: Standing) -> World {
    let mut world = World::new(3, 1);
    for node in &mut world.nodes {
        node.standings.insert(hub(3), standing);
        node.refresh_access();
    }
    world
}

fn erase(world: &mut World, node: usize, log: LogId) {
    let row = world.nodes[node].write_kind(log, Kind::Tombstone, 20);
    world.erased(node, None);
    world.heads(node, &[row]);
}

/// The authors of the tombstones that a node keeps.
fn kept(world: &World, node: usize) -> Vec<HubId> {
    let mut authors: Vec<HubId> = world.nodes[node]
        .tombstones
        .values()
        .map(|one| one.header.hub)
        .collect();
    authors.sort();
    authors
}

/// Tombstones that were sent to the last node, or by it. No other envelope was.
fn exchanged_with_the_last(world: &World) -> usize {
    let with_it = world.recorded.iter().filter(|(_, from, to, _)| *from == 2 || *to == 2);
    let envelopes = with_it.filter_map(|(_, _, _, frame)| match frame {
        Frame::Envelopes(envelopes) => Some(envelopes),
        _ => None,
    });
    let envelopes: Vec<_> = envelopes.flatten().collect();
    assert!(envelopes.iter().all(|envelope| envelope.header.kind == Kind::Tombstone));
    envelopes.len()
}

#[test]
fn tombstones_reach_a_hub_that_is_gone_and_come_from_it() {
    for standing in [Standing::Left, Standing::Removed, Standing::Pending] {
        let mut world = world(standing);
        for node in 0..3 {
            world.nodes[node].write(LogId::PUBLIC, 30);
            erase(&mut world, node, LogId::PUBLIC);
            erase(&mut world, node, LogId::NETWORK);
        }
        world.connect(0, 1, 10);
        world.connect(0, 2, 10);
        world.run_for(100_000);
        assert_eq!(exchanged_with_the_last(&world), 6, "each once");
        world.connect(1, 2, 10);
        world.run_for(100_000);
        let all = [1, 1, 2, 2, 3, 3].map(hub).to_vec();
        for node in 0..3 {
            assert_eq!(kept(&world, node), all, "{standing:?}, node {node}");
        }
        let ends = &world.links[1].ends;
        assert!(ends.iter().all(|end| end.equal_at.is_some()), "{standing:?}");

        // What is erased while they talk is told at once.
        erase(&mut world, 2, LogId::PUBLIC);
        erase(&mut world, 1, LogId::PUBLIC);
        world.run_for(5_000);
        assert!((0..3).all(|node| kept(&world, node).len() == 8));

        // Once both keep the same, a new stream costs two digests.
        let before = exchanged_with_the_last(&world);
        world.drop_link(1);
        world.connect(0, 2, 10);
        world.run_for(100_000);
        assert_eq!(exchanged_with_the_last(&world), before);
    }
}

#[test]
fn a_hub_that_is_gone_sends_no_tombstones_of_others() {
    let mut world = world(Standing::Left);
    erase(&mut world, 1, LogId::PUBLIC);
    world.connect(1, 2, 10);
    world.run_for(100_000);
    assert_eq!(kept(&world, 2), [hub(2)]);
    world.drop_link(0);
    world.connect(0, 2, 10);
    world.run_for(100_000);
    assert_eq!(kept(&world, 0), []);
}

#[test]
fn what_a_hub_that_is_gone_will_not_keep_is_not_sent_to_it_for_ever() {
    let mut world = world(Standing::Left);
    erase(&mut world, 0, LogId::PUBLIC);
    world.connect(0, 2, 10);
    world.run_for(5_000);
    // The one that is gone forgets everything again and again.
    let mut sent = Vec::new();
    for _ in 0..24 {
        let now = world.now;
        world.nodes[2].tombstones.clear();
        let nothing = Frontier::new();
        let access = world.nodes[2].access.clone();
        let side = world.links[0].ends.iter().position(|end| end.node == 2).unwrap();
        world.nodes[2].frontier = nothing.clone();
        world.event(0, side, Event::Access(access, nothing));
        world.run_for(600_000);
        let last = world
            .recorded
            .iter()
            .filter(|(at, _, to, frame)| *at > now && *to == 2 && matches!(frame, Frame::Envelopes(_)));
        sent.push(last.count());
    }
    assert!(sent.iter().all(|count| *count <= 6), "{sent:?}");
}

#[test]
fn more_news_than_a_frame_holds_is_not_queued() {
    let mut world = world(Standing::Left);
    world.connect(0, 2, 10);
    world.run_for(5_000);
    let side = world.links[0].ends.iter().position(|end| end.node == 0).unwrap();
    let (mut sent, mut read) = (0, 0);
    for _ in 0..3 * MAX_BATCH_ENVELOPES {
        world.nodes[0].write_kind(LogId::PUBLIC, Kind::Tombstone, 20);
        let now = world.now;
        let news = std::mem::take(&mut world.nodes[0].erased);
        let session = &mut world.links[0].ends[side].session;
        for effect in news.into_iter().flat_map(|event| session.handle(event, now)) {
            match effect {
                Effect::Send(Frame::Envelopes(envelopes)) => sent += envelopes.len(),
                Effect::ReadTombstones { .. } => read += 1,
                _ => {}
            }
        }
    }
    assert!(sent <= MAX_BATCH_ENVELOPES && read <= 1, "{sent} sent, {read} reads");
}

/// A hub that is gone began a log to erase something: nothing in it counts, and a peer that has nothing of it names no row.
#[test]
fn a_log_of_which_nothing_counts_is_offered_to_who_has_nothing_of_it() {
    let row = RowKey {
        log: LogId::PUBLIC,
        hub: hub(3),
        epoch: Epoch(3),
    };
    let head = sealed_head(0, &[HeaderHash([7; 32])].into());
    let mut ours = Frontier::new();
    ours.show(row, Some(head), Some(0));
    // It was held before the stream began, or came since.
    for before in [ours.clone(), Frontier::new()] {
        let mut out = Outgoing::new(hub(1), hub(2), before);
        out.peer_complete(0);
        out.replace(ours.clone(), 0);
        assert!(out.has_beyond());
        assert_eq!(out.lacking(), [(row, 0)]);
        out.beyond_sent();
        out.replace(ours.clone(), 0);
        assert!(!out.has_beyond(), "it is offered once");
        out.peer_holds(row, head, 0);
        out.peer_complete(0);
        assert!(!out.has_beyond(), "the peer has it");
    }
}

/// A hub sent a tombstone ahead of the log it lies in, and the log was lost. Who has no line to that hub hears of it from others.
#[test]
fn a_tombstone_ahead_of_a_log_that_never_comes_is_passed_on() {
    let mut world = World::new(3, 1);
    world.nodes[2].write(LogId::PUBLIC, 30);
    world.nodes[2].write_kind(LogId::PUBLIC, Kind::Tombstone, 20);
    let tombstone = world.nodes[2].tombstones.values().next().unwrap().clone();
    world.nodes[0].take(hub(3), vec![tombstone]);
    assert_eq!((kept(&world, 0).len(), kept(&world, 1).len()), (1, 0));
    world.connect(0, 1, 10);
    world.run_for(100_000);
    assert_eq!((kept(&world, 0).len(), kept(&world, 1).len()), (1, 1));
    let ends = &world.links[0].ends;
    assert!(ends.iter().all(|end| end.equal_at.is_some()));
    // And the log itself is sent whole, should it come after all.
    world.connect(2, 0, 10);
    world.run_for(100_000);
    let row = RowKey {
        log: LogId::PUBLIC,
        hub: hub(3),
        epoch: world.nodes[2].epoch,
    };
    assert!(
        world
            .nodes
            .iter()
            .all(|node| node.frontier.head(&row).is_some_and(|head| head.seq == 1))
    );
    // Tombstones that the rows tell of are not sent twice.
    let before = world.recorded.len();
    world.drop_link(0);
    world.connect(0, 1, 10);
    world.run_for(100_000);
    let is_data = |(_, _, _, frame): &&(u64, usize, usize, Frame)| matches!(frame, Frame::Envelopes(_));
    assert_eq!(world.recorded[before..].iter().filter(is_data).count(), 0);
}

/// A hub was sent a tombstone ahead, and passed it on before it had anything of the log. It was then taken for a holder of all
/// that comes before, and never sent it.
#[test]
fn who_passes_on_a_tombstone_is_not_taken_for_a_holder_of_its_log() {
    let mut world = World::new(3, 1);
    for _ in 0..4 {
        world.nodes[2].write(LogId::PUBLIC, 30);
    }
    world.nodes[2].write_kind(LogId::PUBLIC, Kind::Tombstone, 20);
    world.connect(0, 2, 10);
    world.run_for(100_000);
    let tombstone = world.nodes[2].tombstones.values().next().unwrap().clone();
    world.nodes[1].take(hub(3), vec![tombstone]);
    // The second has something of its own besides, so that the two compare rows.
    world.nodes[1].write(LogId::PUBLIC, 30);
    world.connect(0, 1, 10);
    world.run_for(100_000);
    let row = RowKey {
        log: LogId::PUBLIC,
        hub: hub(3),
        epoch: world.nodes[2].epoch,
    };
    assert_eq!(world.nodes[1].frontier.head(&row), world.nodes[0].frontier.head(&row));
    assert!(world.nodes[1].frontier.head(&row).is_some());
}
