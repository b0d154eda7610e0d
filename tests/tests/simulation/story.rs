//! A story of a few hubs that is told in full: who does what, one thing after the other.

use std::time::Duration;

use interhub_domain::ids::NetworkId;

use super::disk::Stop;
use super::hub::SimHub;
use super::invariants::{agreement, difference, differing_logs};
use super::operators::{Diary, Operator};
use super::world::World;

/// Every hub's clock is so much ahead of that of the one before, milliseconds.
const SKEW_MS: i64 = 300;

/// The hubs, what they have said, and the network they are in.
pub(crate) struct Story<'a> {
    pub(crate) world: World<'a>,
    pub(crate) diary: Diary,
    pub(crate) network: NetworkId,
}

impl<'a> Story<'a> {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            world: World::new(seed, false),
            diary: Diary::default(),
            network: NetworkId::ZERO,
        }
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.world.pass(Duration::from_millis(ms));
    }

    /// Adds a machine, which may be one that stops at its nth write. Returns its number; the first one has to found.
    pub(crate) fn add_hub(&mut self, stop: Option<(u64, Stop)>) -> usize {
        let number = self.world.hubs.len();
        let (name, skew_ms) = (format!("hub{number}"), number as i64 * SKEW_MS);
        let hub = SimHub::new(number, &name, skew_ms, self.world.time.clone());
        if let Some((nth, stop)) = stop {
            hub.disk.stop_at(nth, stop);
        }
        self.world.add(hub);
        self.pass(20);
        number
    }

    /// The first hub begins the network.
    pub(crate) fn found(&mut self) {
        self.network = self.world.hubs[0].ledger().create_network("Simulated").unwrap();
    }

    /// The operator at a machine.
    pub(crate) fn operator(&mut self, machine: usize) -> Operator<'_, 'a> {
        Operator {
            world: &mut self.world,
            diary: &mut self.diary,
            machine,
            network: self.network,
        }
    }

    /// Mends everything and waits until so many hubs, those that are `looked_at`, agree and go on doing so for a while; at most
    /// so long. Both in seconds.
    pub(crate) fn settle(
        &mut self,
        looked_at: impl Fn(&World<'_>) -> Vec<usize>,
        hubs: usize,
        (quiet_s, patience_s): (u64, u64),
    ) -> Result<(), String> {
        self.world.mend();
        let mut quiet = 0;
        for _ in 0..patience_s {
            self.pass(1_000);
            let all = looked_at(&self.world);
            let seen: Vec<_> = all
                .iter()
                .map(|machine| agreement(&self.world.hubs[*machine].ledger()))
                .collect();
            let agree = all.len() == hubs && seen.windows(2).all(|pair| pair[0] == pair[1]);
            quiet = if agree { quiet + 1 } else { 0 };
            if quiet == quiet_s {
                return Ok(());
            }
        }
        let all = looked_at(&self.world);
        let ledgers: Vec<_> = all.iter().map(|machine| self.world.hubs[*machine].ledger()).collect();
        let differ = ledgers.windows(2).find_map(|pair| {
            let what = difference(&agreement(&pair[0]), &agreement(&pair[1]));
            (!what.is_empty()).then(|| format!("{what}: {:?}", differing_logs(&pair[0], &pair[1])))
        });
        Err(format!("{} of {hubs} hubs do not agree: {differ:?}", all.len()))
    }
}
