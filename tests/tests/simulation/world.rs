//! A simulated network of hubs: time, lines, machines, and what happens to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::hub::{Backup, SimHub, SimTime};

/// A tick of simulated time, in milliseconds; of many machines each tick costs much. Lines take several of them.
const TICK_MS: u64 = 5;
const TICK_OF_MANY_MS: u64 = 10;
/// The longest a simulation may take, in simulated time.
const LONGEST: Duration = Duration::from_hours(2);

/// Dice that always fall the same way for one seed.
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice for a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// A number below the limit.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit.max(1)
    }

    /// True once in so many.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() {
            None
        } else {
            all.get(self.below(all.len()))
        }
    }

    /// Puts them in another order.
    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for index in (1..all.len()).rev() {
            all.swap(index, self.below(index + 1));
        }
    }
}

/// A line that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Nothing gets through, and connections break.
    Cut,
    /// Everything waits.
    Held,
}

/// Hubs, their machines, and the lines between them.
pub(crate) struct World<'a> {
    pub(crate) sim: turmoil::Sim<'a>,
    pub(crate) time: Arc<SimTime>,
    /// Every machine, copies included.
    pub(crate) hubs: Vec<Arc<SimHub>>,
    pub(crate) dice: Dice,
    /// What happened, to be told and to be compared between two runs of one seed.
    pub(crate) story: Vec<String>,
    /// It is told as it happens, too: a seed that does not end has one all the same.
    pub(crate) aloud: bool,
    lines: BTreeMap<(usize, usize), Line>,
    /// Machines that are down, and until when they stay so; without a time until they are started.
    down: BTreeMap<usize, Option<Duration>>,
}

impl World<'_> {
    /// An empty world, in which few machines are going to run, or many.
    pub(crate) fn new(seed: u64, many: bool) -> Self {
        let tick = Duration::from_millis(if many { TICK_OF_MANY_MS } else { TICK_MS });
        let sim = turmoil::Builder::new()
            .rng_seed(seed)
            .simulation_duration(LONGEST)
            .tick_duration(tick)
            .min_message_latency(tick)
            .max_message_latency(Duration::from_millis(60))
            .build();
        Self {
            sim,
            time: Arc::new(SimTime::default()),
            hubs: Vec::new(),
            dice: Dice::new(seed),
            story: Vec::new(),
            aloud: false,
            lines: BTreeMap::new(),
            down: BTreeMap::new(),
        }
    }

    /// Notes what happens.
    pub(crate) fn tell(&mut self, what: impl std::fmt::Display) {
        let at = self.sim.elapsed().as_millis();
        let line = format!("{at} {what}");
        if self.aloud {
            println!("{line}");
        }
        self.story.push(line);
    }

    /// Sets up a machine and starts it.
    pub(crate) fn add(&mut self, hub: Arc<SimHub>) {
        let of = hub.clone();
        self.sim.host(hub.name.clone(), move || of.clone().node());
        self.hubs.push(hub);
    }

    /// Whether a machine runs.
    pub(crate) fn is_up(&self, hub: usize) -> bool {
        !self.down.contains_key(&hub) && self.hubs[hub].running().is_some()
    }

    /// Machines that run.
    pub(crate) fn up(&self) -> Vec<usize> {
        (0..self.hubs.len()).filter(|hub| self.is_up(*hub)).collect()
    }

    /// Whether two machines reach each other now.
    pub(crate) fn reach(&self, one: usize, other: usize) -> bool {
        self.is_up(one) && self.is_up(other) && !self.lines.contains_key(&pair(one, other))
    }

    /// Lets time pass. Machines that stopped at a write are taken down, and those whose time has come start again.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.sim.elapsed() + time;
        while self.sim.elapsed() < until {
            self.sim.step().unwrap();
            self.time.set(self.sim.elapsed());
            self.look_after();
        }
    }

    fn look_after(&mut self) {
        for number in 0..self.hubs.len() {
            let hub = self.hubs[number].clone();
            if hub.disk.is_stopped() && !self.down.contains_key(&number) {
                let pause = Duration::from_millis(self.dice.below(4_000) as u64);
                self.tell(format_args!("{} stopped at write {}", hub.name, hub.disk.writes()));
                self.take_down(number, Some(pause));
            } else if !self.down.contains_key(&number) && hub.takes_restart() {
                self.tell(format_args!("{} starts anew with another key", hub.name));
                self.take_down(number, Some(Duration::ZERO));
            }
        }
        let now = self.sim.elapsed();
        let due = |(hub, until): (&usize, &Option<Duration>)| until.filter(|until| *until <= now).map(|_| *hub);
        for hub in self.down.iter().filter_map(due).collect::<Vec<_>>() {
            self.start(hub);
        }
    }

    /// Takes a machine down: power cut or kill, as the dice say. Without a pause it stays down until it is started.
    pub(crate) fn take_down(&mut self, hub: usize, pause: Option<Duration>) {
        let name = self.hubs[hub].name.clone();
        self.sim.crash(name.clone());
        self.hubs[hub].forget_run();
        let disk = self.hubs[hub].disk.clone();
        if self.dice.one_in(2) {
            let unsynced = disk.unsynced();
            let kept = self.dice.below(unsynced + 1);
            if kept < unsynced {
                self.tell(format_args!("{name} loses {} of {unsynced} batches", unsynced - kept));
            }
            disk.go_on_after_power_cut(kept);
        } else {
            disk.go_on();
        }
        self.down.insert(hub, pause.map(|pause| self.sim.elapsed() + pause));
    }

    /// Starts a machine that is down.
    pub(crate) fn start(&mut self, hub: usize) {
        if self.down.remove(&hub).is_some() {
            let name = self.hubs[hub].name.clone();
            self.tell(format_args!("{name} starts"));
            self.sim.bounce(name);
        }
    }

    /// Changes the line between two machines, or mends it.
    pub(crate) fn line(&mut self, one: usize, other: usize, line: Option<Line>) {
        let (one, other) = pair(one, other);
        let (a, b) = (self.hubs[one].name.clone(), self.hubs[other].name.clone());
        let before = match line {
            Some(line) => self.lines.insert((one, other), line),
            None => self.lines.remove(&(one, other)),
        };
        if before == line {
            return;
        }
        match before {
            Some(Line::Cut) => self.sim.repair(a.as_str(), b.as_str()),
            Some(Line::Held) => self.sim.release(a.as_str(), b.as_str()),
            None => {}
        }
        match line {
            Some(Line::Cut) => self.sim.partition(a.as_str(), b.as_str()),
            Some(Line::Held) => self.sim.hold(a.as_str(), b.as_str()),
            None => {}
        }
        self.tell(format_args!("line {a} {b} {line:?}"));
    }

    /// Splits the machines in two, or mends every line.
    pub(crate) fn split(&mut self, side: &BTreeSet<usize>) {
        for one in 0..self.hubs.len() {
            for other in one + 1..self.hubs.len() {
                let apart = side.contains(&one) != side.contains(&other);
                self.line(one, other, apart.then_some(Line::Cut));
            }
        }
    }

    /// Lines that are not as they should be.
    pub(crate) fn bad_lines(&self) -> Vec<(usize, usize)> {
        self.lines.keys().copied().collect()
    }

    /// Puts an old folder in place of a machine's present one; see [`SimHub::restore`]. It starts at once.
    pub(crate) fn restore(&mut self, hub: usize, backup: &Backup, with_memory: bool) {
        self.take_down(hub, None);
        self.hubs[hub].restore(backup, with_memory);
        self.start(hub);
    }

    /// Everything that is down starts, every line is mended.
    pub(crate) fn mend(&mut self) {
        for (one, other) in self.bad_lines() {
            self.line(one, other, None);
        }
        for hub in self.hubs.iter().filter(|hub| !hub.disk.is_stopped()) {
            hub.disk.go_on();
        }
        for hub in self.down.keys().copied().collect::<Vec<_>>() {
            self.start(hub);
        }
    }
}

const fn pair(one: usize, other: usize) -> (usize, usize) {
    if one < other { (one, other) } else { (other, one) }
}
