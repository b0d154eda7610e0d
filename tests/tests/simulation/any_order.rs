//! The one law, for a whole network: whatever comes to a node in whatever order, late, twice or in pieces, it shows the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use interhub_domain::envelope::Envelope;
use interhub_domain::frontier::RowKey;
use interhub_domain::ids::{HeaderHash, LogId};
use interhub_domain::registry::State;
use interhub_domain::session::Tombstones;
use interhub_node::peer::Host;
use interhub_node::sync::{Ledger, LedgerHost};

use super::disk::Disk;
use super::hub::SimHub;
use super::invariants::{same_document, seen_roster, shared_events};
use super::trials::EIGHT_DAYS;
use super::world::{Dice, World};

/// As often everything is told before it is given up.
const ROUNDS: usize = 80;
/// As often in an order in which most of a long log comes too early; then logs are mixed, and each in its order.
const AT_RANDOM: usize = 40;
/// Envelopes of one delivery, at most.
const AT_ONCE: usize = 12;
/// More than any log of a simulation has.
const ALL: usize = 1 << 24;

/// Tells everything that a machine holds of the logs that all share to a node that knows nothing, in an order that the dice
/// choose: it has to come to the same.
pub(crate) fn order_does_not_matter(world: &World<'_>, machine: usize, seed: u64) -> Result<(), String> {
    let hub = &world.hubs[machine];
    let ledger = hub.ledger();
    let Some(network) = ledger.network() else { return Ok(()) };
    let mut all = everything(&ledger);
    let mut dice = Dice::new(seed);
    // A hub of no network: it has nothing of its own that could come between.
    let reader = SimHub::new(usize::from(u16::MAX), "reader", 0, world.time.clone());
    let disk = Disk::new();
    let (fresh, _) = reader.open_over(disk.clone(), 1)?;
    let nothing = BTreeSet::new();
    let mut registry: BTreeMap<RowKey, BTreeMap<u64, Envelope>> = BTreeMap::new();
    for envelope in all.iter().filter(|one| one.header.log == LogId::REGISTRY) {
        let row = registry.entry(RowKey::of(&envelope.header)).or_default();
        row.insert(envelope.header.seq, envelope.clone());
    }
    for row in registry.into_values() {
        let row: Vec<Envelope> = row.into_values().collect();
        // The beginning of one log, up to the record that founds the network, comes first: an inviter hands it over. The reader
        // has no place in the network, so that it can say nothing in it.
        for length in 1..=row.len() {
            if fresh.network().is_none() {
                let _ = fresh.enter_network(network, &row[..length], &nothing);
            }
        }
    }
    if fresh.network() != Some(network) {
        return Err(format!("{}: no founding record", hub.name));
    }
    let wanted = heads(&ledger);
    let Some(later) = keys_count_later(&ledger) else {
        return Ok(());
    };
    let (mut later, mut before) = (later, BTreeMap::new());
    for round in 0..ROUNDS {
        dice.shuffle(&mut all);
        if round >= AT_RANDOM {
            each_log_in_order(&mut all);
        }
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let (some, later) = rest.split_at((1 + dice.below(AT_ONCE)).min(rest.len()));
            let error = |error: &dyn std::fmt::Display| format!("{}: {error}", hub.name);
            fresh.take(some).map_err(|wrong| error(&wrong))?;
            if dice.one_in(5) {
                fresh.take(some).map_err(|wrong| error(&wrong))?;
            }
            if dice.one_in(20) {
                let mut proofs = ledger.proofs();
                dice.shuffle(&mut proofs);
                fresh.take_proofs(&proofs).map_err(|wrong| error(&wrong))?;
                fresh.renew_roster().map_err(|wrong| error(&wrong))?;
            }
            rest = later;
        }
        fresh.take_proofs(&ledger.proofs()).map_err(|error| error.to_string())?;
        fresh.renew_roster().map_err(|error| error.to_string())?;
        let there = heads(&fresh);
        if later && there == before {
            // It has heard all that it can before the keys of decisions count.
            reader.set_clock_on(EIGHT_DAYS);
            fresh.renew_roster().map_err(|error| error.to_string())?;
            later = false;
            continue;
        }
        before.clone_from(&there);
        if !later && wanted.iter().all(|(row, head)| there.get(row) == Some(head)) {
            return shows_the_same(hub, &ledger, (&fresh, &disk));
        }
    }
    let there = heads(&fresh);
    let missing = wanted.iter().find(|(row, head)| there.get(row) != Some(head));
    let refused = all
        .iter()
        .filter(|one| missing.is_some_and(|(row, _)| *row == RowKey::of(&one.header)))
        .filter_map(|one| {
            let refused = fresh.take(std::slice::from_ref(one)).map(|(_, refused)| refused);
            let refused = refused.map_err(|error| error.to_string());
            (refused != Ok(Vec::new())).then_some((one.header.seq, one.header.kind, refused))
        });
    let first = refused.min_by_key(|(seq, ..)| *seq);
    Err(format!(
        "{}: told everything in any order, a node does not come to {missing:?} but to {:?}: {first:?}",
        hub.name,
        missing.and_then(|(row, _)| there.get(row))
    ))
}

/// Whether the keys of decisions count at a node by now, for which another one that hears everything at once has to wait. Since
/// when a decision is taken is a node's own knowledge: `None` where that has made a difference, so that such a node comes to an
/// end of its own.
fn keys_count_later(ledger: &Ledger) -> Option<bool> {
    let roster = ledger.roster();
    if roster.ballots.all().any(|one| one.state == State::Refused) {
        return None;
    }
    let taken = roster.replacements.values().filter(|one| one.counts_from_ms.is_some());
    let due: BTreeSet<bool> = taken.map(|one| one.due).collect();
    (due.len() < 2).then(|| due.contains(&true))
}

/// Where envelopes of a log are, there are they all, in their order.
fn each_log_in_order(all: &mut [Envelope]) {
    let mut places: BTreeMap<RowKey, Vec<usize>> = BTreeMap::new();
    for (place, envelope) in all.iter().enumerate() {
        places.entry(RowKey::of(&envelope.header)).or_default().push(place);
    }
    for places in places.into_values() {
        let mut log: Vec<Envelope> = places.iter().map(|place| all[*place].clone()).collect();
        log.sort_by_key(|envelope| envelope.header.seq);
        for (place, envelope) in places.into_iter().zip(log) {
            all[place] = envelope;
        }
    }
}

/// Every envelope of the logs that all share, each once.
fn everything(ledger: &Arc<Ledger>) -> Vec<Envelope> {
    let host = LedgerHost::new(ledger.clone());
    let rows: Vec<RowKey> = heads(ledger).into_keys().collect();
    let lacking = Tombstones::Ahead(rows.iter().map(|row| (*row, 0)).collect());
    let (beyond, _) = host.read_tombstones(&lacking, 0, ALL);
    let logs = rows.iter().flat_map(|row| host.read_log(*row, 0, ALL, ALL));
    let by_hash: BTreeMap<HeaderHash, Envelope> =
        logs.chain(beyond).map(|envelope| (envelope.hash(), envelope)).collect();
    by_hash.into_values().collect()
}

fn heads(ledger: &Ledger) -> BTreeMap<RowKey, HeaderHash> {
    let frontier = ledger.frontier();
    let rows = frontier.rows().filter(|(row, _)| row.log.is_shared());
    rows.map(|(row, head)| (row, head.hash)).collect()
}

fn shows_the_same(hub: &SimHub, ledger: &Ledger, (fresh, disk): (&Ledger, &Arc<Disk>)) -> Result<(), String> {
    let (a, b) = (seen_roster(&ledger.roster()), seen_roster(&fresh.roster()));
    if a != b {
        return Err(format!("{}: in another order the roster is {b:?}, not {a:?}", hub.name));
    }
    let events = shared_events(&hub.disk);
    events.into_iter().try_for_each(|object| {
        same_document(
            object,
            (&hub.disk, &hub.name),
            (disk, "a node that heard it in another order"),
        )
    })
}
