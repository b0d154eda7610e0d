//! A whole network drawn from a seed: how many hubs, what happens to them and when, and what has to hold afterwards.

use std::collections::BTreeSet;
use std::time::Duration;

use interhub_domain::frontier::RowKey;
use interhub_domain::ids::{HubId, NetworkId};

use super::any_order::order_does_not_matter;
use super::disk::Stop;
use super::hostile::Liar;
use super::hub::{Backup, SimHub};
use super::invariants::{agreement, check, difference, differing_documents, differing_logs};
use super::members::{Politics, belonging, decide, is_outside, join};
use super::operators::{Act, Diary, Operator};
use super::people::People;
use super::trials::{Trials, Tried};
use super::world::{Line, World};

const HOUR_MS: i64 = 3_600_000;
/// Longest time in which mended hubs have to agree, in simulated seconds.
const PATIENCE_S: u64 = 600;
/// They have to stay so for as long: two rounds of what nodes do by themselves, and of many machines one.
const QUIET_S: u64 = 45;
const QUIET_OF_MANY_S: u64 = 25;
/// More hubs than this are many: what each does costs all others.
const LARGE: usize = 10;

/// What a seed comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Machines at the end; copies come on top.
    pub(crate) hubs: usize,
    /// Things that happen.
    pub(crate) steps: usize,
    politics: Politics,
    /// Machines are restored, rolled back and copied.
    copies: bool,
    /// Lines break.
    lines: bool,
    /// Machines stop.
    stops: bool,
    /// A hub lies.
    lies: bool,
    /// One clock in so many is far off; none without a number.
    skewed: usize,
    /// Operators hide events of other hubs.
    hides: bool,
    /// What befalls it besides, if anything does.
    pub(super) trials: Option<Trials>,
    /// Operators keep records of members.
    pub(crate) people: bool,
}

impl Plan {
    /// Draws the plan of a seed. `most`: most hubs.
    pub(crate) fn of(seed: u64, most: usize) -> Self {
        Self {
            trials: Some(Trials::of(seed)),
            ..Self::early(seed, most)
        }
    }

    /// The same without trials, as plans were drawn before there were any: seeds of then tell the same story.
    pub(crate) fn early(seed: u64, most: usize) -> Self {
        let mut dice = super::world::Dice::new(seed ^ 0x0070_6c61_6e00);
        let hubs = match dice.below(8) {
            0..=3 => 3 + dice.below(3),
            4..=6 => 3 + dice.below(6),
            _ => 3 + dice.below(28),
        };
        let hubs = hubs.min(most).max(3);
        let mut often = |times: usize| !dice.one_in(times);
        let politics = Politics {
            removals: often(2),
            leaving: often(2),
            keys: often(2),
        };
        Self {
            seed,
            hubs,
            steps: if hubs > LARGE { 50 } else { 160 },
            politics,
            copies: often(3),
            lines: often(6),
            stops: often(5),
            lies: often(3),
            skewed: if often(2) { 3 } else { 0 },
            hides: !often(7),
            trials: None,
            people: false,
        }
    }

    /// A large network in which little happens.
    pub(crate) fn large(seed: u64, hubs: usize) -> Self {
        Self {
            hubs,
            steps: 30,
            ..Self::early(seed, hubs)
        }
    }

    const fn is_large(&self) -> bool {
        self.hubs > LARGE
    }
}

/// One run of a plan.
pub(crate) struct Scenario<'a> {
    pub(super) plan: Plan,
    pub(super) world: World<'a>,
    pub(super) diary: Diary,
    pub(super) network: NetworkId,
    backups: Vec<(usize, Backup)>,
    pub(super) copied: usize,
    liar: Option<Liar>,
    pub(super) tried: Tried,
    pub(super) people: People,
}

/// Runs a plan, telling what happens as it happens if it is to be `aloud`. Returns what happened, or what does not hold and
/// what had happened until then.
pub(crate) fn run(plan: Plan, aloud: bool) -> Result<Vec<String>, String> {
    let mut scenario = Scenario {
        plan,
        world: World::new(plan.seed, plan.is_large()),
        diary: Diary::default(),
        network: NetworkId::ZERO,
        backups: Vec::new(),
        copied: 0,
        liar: None,
        tried: Tried::new(plan.seed),
        people: People::new(plan.seed),
    };
    scenario.world.aloud = aloud;
    scenario.begin();
    for _ in 0..plan.steps {
        let pause = 100 + scenario.world.dice.below(700) as u64;
        scenario.world.pass(Duration::from_millis(pause));
        scenario.happen();
        scenario.try_something();
        scenario.somebody_is_edited();
    }
    let ended = scenario.end();
    let story = scenario.world.story;
    match ended {
        Ok(()) => Ok(story),
        Err(wrong) if aloud => Err(wrong),
        Err(wrong) => Err(format!("{wrong}\n  {}", story.join("\n  "))),
    }
}

impl Scenario<'_> {
    fn new_hub(&mut self) -> usize {
        let number = self.world.hubs.len();
        let skew_ms = match self.world.dice.below(self.plan.skewed.max(1)) {
            0 if self.plan.skewed > 0 => {
                let far = [
                    HOUR_MS,
                    -3 * HOUR_MS,
                    30 * HOUR_MS,
                    -24 * 40 * HOUR_MS,
                    24 * 365 * HOUR_MS,
                ];
                far[self.world.dice.below(far.len())]
            }
            _ => self.world.dice.below(2_000) as i64 - 1_000,
        };
        let hub = SimHub::new(number, &format!("hub{number}"), skew_ms, self.world.time.clone());
        self.world.tell(format_args!(
            "hub{number} is {}, its clock {skew_ms} ms off",
            hub.id.short()
        ));
        self.world.add(hub);
        number
    }

    fn begin(&mut self) {
        let founder = self.new_hub();
        self.world.pass(Duration::from_millis(20));
        self.network = self.world.hubs[founder].ledger().create_network("Simulated").unwrap();
        for _ in 0..(self.plan.hubs * 2 / 3).max(2) {
            let newcomer = self.new_hub();
            self.world.pass(Duration::from_millis(20));
            let voters = belonging(&self.world).into_iter();
            let votes = |machine: &usize| {
                let hub = &self.world.hubs[*machine];
                hub.ledger().roster().votes(hub.id)
            };
            let voters: Vec<usize> = voters.filter(votes).collect();
            let inviter = *self.world.dice.pick(&voters).unwrap();
            join(&mut self.world, newcomer, inviter, self.network);
            self.world.pass(Duration::from_secs(1));
            assert!(
                !is_outside(&self.world, newcomer),
                "{:?}",
                self.world.hubs[newcomer].joined
            );
            // Each vote makes every node compute anew who belongs: many voters are another test's.
            if voters.len() < 4 && self.world.dice.one_in(2) {
                for voter in voters {
                    let newcomer = self.world.hubs[newcomer].id;
                    let _ = self.world.hubs[voter].ledger().vote_to_seat(newcomer);
                }
            }
        }
        if self.plan.lies {
            let machine = 1 + self.world.dice.below(2);
            self.liar = Some(Liar::new(&mut self.world, machine));
            self.diary.liar = Some(self.world.hubs[machine].id);
        }
    }

    /// One thing happens.
    fn happen(&mut self) {
        let up = self.world.up();
        let Some(machine) = self.world.dice.pick(&up).copied() else {
            return;
        };
        if self.tried.is_thief(machine) {
            self.thief_acts(machine);
            return;
        }
        if self.plan.hides && self.world.dice.one_in(16) {
            self.act(machine, Some(Act::Hide));
        }
        match self.world.dice.below(32) {
            0..=15 => self.act(machine, None),
            16..=19 if !is_outside(&self.world, machine) => {
                if !self.plan.is_large() || self.world.dice.one_in(4) {
                    decide(&mut self.world, machine, self.plan.politics);
                }
            }
            20 | 21 => self.somebody_joins(machine),
            22..=25 if self.plan.lines => self.line_changes(),
            26 | 27 if self.plan.stops => self.machine_stops(machine),
            28 | 29 if self.liar.is_some() && self.world.dice.one_in(2) => self.lie(),
            28 | 29 if self.plan.copies => self.backups.push((machine, self.world.hubs[machine].back_up())),
            30 if self.plan.copies => self.copy_is_used(),
            _ => self.sent_again(machine),
        }
    }

    fn lie(&mut self) {
        let Some(liar) = self.liar.as_mut() else { return };
        if self.world.is_up(liar.machine) && !is_outside(&self.world, liar.machine) {
            for _ in 0..3 {
                liar.lie(&mut self.world, &self.diary, self.network);
            }
        }
    }

    /// Machines of honest hubs that belong.
    fn honest(&self) -> Vec<usize> {
        let all = belonging(&self.world).into_iter();
        all.filter(|machine| self.diary.liar != Some(self.world.hubs[*machine].id))
            .filter(|machine| !self.tried.is_thief(*machine))
            .collect()
    }

    /// An operator does this, or something that the dice say.
    pub(super) fn act(&mut self, machine: usize, act: Option<Act>) {
        if is_outside(&self.world, machine) {
            return;
        }
        let mut operator = Operator {
            world: &mut self.world,
            diary: &mut self.diary,
            machine,
            network: self.network,
        };
        match act {
            Some(act) => operator.does(act),
            None => operator.act(),
        }
    }

    /// The next hub comes, or one that is outside asks again.
    fn somebody_joins(&mut self, inviter: usize) {
        if is_outside(&self.world, inviter) {
            return;
        }
        let outside: Vec<usize> = (0..self.world.hubs.len())
            .filter(|machine| is_outside(&self.world, *machine) && !self.tried.is_thief(*machine))
            .collect();
        let newcomer = match self.world.dice.pick(&outside) {
            Some(outside) => *outside,
            None if self.world.hubs.len() - self.copied < self.plan.hubs => self.new_hub(),
            None => return,
        };
        self.world.pass(Duration::from_millis(20));
        if self.world.is_up(newcomer) && self.world.is_up(inviter) {
            join(&mut self.world, newcomer, inviter, self.network);
        }
    }

    fn line_changes(&mut self) {
        let bad = self.world.bad_lines();
        let machines = self.world.hubs.len();
        let (one, other) = (self.world.dice.below(machines), self.world.dice.below(machines));
        match self.world.dice.below(8) {
            0..=2 if one != other => self.world.line(one, other, Some(Line::Cut)),
            3 if one != other => self.world.line(one, other, Some(Line::Held)),
            4 => {
                let side: BTreeSet<usize> = (0..machines).filter(|_| self.world.dice.one_in(2)).collect();
                self.world.split(&side);
            }
            5 => self.world.split(&BTreeSet::new()),
            _ => {
                if let Some((one, other)) = self.world.dice.pick(&bad).copied() {
                    self.world.line(one, other, None);
                }
            }
        }
    }

    /// A machine stops now, or at one of its next writes.
    fn machine_stops(&mut self, machine: usize) {
        let name = self.world.hubs[machine].name.clone();
        if self.world.dice.one_in(3) {
            let pause = Duration::from_millis(self.world.dice.below(6_000) as u64);
            self.world.tell(format_args!("{name} stops"));
            self.world.take_down(machine, Some(pause));
        } else {
            let disk = self.world.hubs[machine].disk.clone();
            let nth = disk.writes() + 1 + self.world.dice.below(12) as u64;
            let stop = if self.world.dice.one_in(2) {
                Stop::Before
            } else {
                Stop::After
            };
            disk.stop_at(nth, stop);
            self.world.tell(format_args!("{name} is to stop {stop:?} write {nth}"));
        }
    }

    /// A copy of a disk takes the place of the present one, goes on with the memory of then, or runs elsewhere.
    fn copy_is_used(&mut self) {
        let Some((machine, backup)) = self.world.dice.pick(&self.backups).cloned() else {
            return;
        };
        let hub = self.world.hubs[machine].clone();
        let may_be_used = hub.has_keys_of(&backup) && !self.tried.stays_alone(machine);
        if !self.world.is_up(machine) || !may_be_used || self.diary.liar == Some(hub.id) {
            return;
        }
        match self.world.dice.below(4) {
            0 if self.copied < 2 => {
                let number = self.world.hubs.len();
                let name = format!("copy{number}");
                self.world.tell(format_args!("{name} runs with a copy of {}", hub.name));
                self.copied += 1;
                self.world.add(hub.copied(number, &name, &backup));
            }
            1 if backup.run == hub.run_number() => {
                self.world
                    .tell(format_args!("{} is rolled back, memory and all", hub.name));
                self.world.restore(machine, &backup, true);
                self.diary.forget_what_is_not_on(machine, hub.id, &hub.disk);
            }
            _ => {
                self.world.tell(format_args!("{} is restored from a backup", hub.name));
                self.world.restore(machine, &backup, false);
                self.diary.forget_what_is_not_on(machine, hub.id, &hub.disk);
            }
        }
    }

    /// A machine sends another one what it has, in any order, again and again: what it may send, and no more.
    fn sent_again(&mut self, machine: usize) {
        let up = self.world.up();
        let Some(to) = self.world.dice.pick(&up).copied() else {
            return;
        };
        let (sender, receiver) = (self.world.hubs[machine].clone(), self.world.hubs[to].clone());
        let (from, ledger) = (sender.ledger(), receiver.ledger());
        let talk = |ledger: &interhub_node::sync::Ledger, hub| {
            ledger.network().is_some() && ledger.roster().is_active(hub) && !ledger.blocked().contains(&hub)
        };
        if sender.id == receiver.id
            || !self.world.reach(machine, to)
            || !talk(&from, receiver.id)
            || !talk(&ledger, sender.id)
        {
            return;
        }
        let access = from.access();
        let rows: Vec<RowKey> = from.frontier().rows().map(|(row, _)| row).collect();
        let mut all: Vec<_> = rows
            .into_iter()
            .flat_map(|row| from.read_log(row, 0, usize::MAX, usize::MAX).unwrap())
            .filter(|envelope| access.may_send(envelope.header.log, envelope.header.hub, receiver.id))
            .collect();
        self.world.dice.shuffle(&mut all);
        let few = self.world.dice.below(all.len() + 1);
        all.truncate(few);
        // Errors only if the machine stops.
        let taken = ledger.take_from(Some(sender.id), &all);
        let took = taken.map_or(0, |(rows, _)| rows.len());
        self.world.tell(format_args!(
            "{} sends {} {few} again: {took} rows",
            sender.name, receiver.name
        ));
    }

    /// Nobody is blocked any more, also by machines that come up late.
    pub(super) fn unblock(&mut self) {
        for machine in self.world.up() {
            let ledger = self.world.hubs[machine].ledger();
            for hub in ledger.blocked() {
                ledger.block(hub, false).unwrap();
            }
        }
    }

    /// Whether all machines that belong are one hub's: these never call each other, and hear of each other by another hub.
    fn are_apart(&self) -> bool {
        let belonging = belonging(&self.world).into_iter();
        let hubs: BTreeSet<HubId> = belonging.map(|machine| self.world.hubs[machine].id).collect();
        hubs.len() == 1
    }

    /// How each machine stands by its own roster, and whom it wants nothing to do with.
    fn parties(&self) -> Vec<String> {
        let machines = self.world.hubs.iter();
        let told = machines.map(|hub| {
            let Some(ledger) = hub.running() else {
                return format!("{} is down", hub.name);
            };
            let members = ledger.roster().members.clone();
            let standings = members
                .iter()
                .map(|(id, member)| format!("{} {:?} key {}", id.short(), member.standing, member.current_key().1));
            let standings = standings.collect::<Vec<_>>().join(", ");
            let blocked: Vec<_> = ledger.blocked().iter().map(HubId::short).collect();
            let (name, id, key) = (&hub.name, hub.id.short(), hub.key_number());
            let roster = ledger.roster();
            let decisions = roster.ballots.all().map(|one| {
                let signed: Vec<String> = one.signatures.keys().map(HubId::short).collect();
                let change = one.proposal.change.key();
                format!("{:?} {:?} {change:?} signed by {signed:?}", one.id, one.state)
            });
            let decisions = decisions.collect::<Vec<_>>().join("; ");
            let lines = hub.lines();
            format!(
                "{name} ({id}, key {key}): {standings}; blocks {blocked:?}\n      lines: {lines}\n      decisions: {decisions}"
            )
        });
        told.collect()
    }

    /// Everything is mended; then all have to agree, and everything has to hold.
    fn end(&mut self) -> Result<(), String> {
        self.world.mend();
        self.world.pass(Duration::from_secs(2));
        self.conclude();
        let (mut waited, mut quiet) = (0, 0);
        let mut before = None;
        let long_enough = if self.plan.is_large() { QUIET_OF_MANY_S } else { QUIET_S };
        while quiet < long_enough {
            self.unblock();
            self.world.pass(Duration::from_secs(1));
            let seen: Vec<_> = self
                .honest()
                .into_iter()
                .map(|machine| (machine, agreement(&self.world.hubs[machine].ledger())))
                .collect();
            let agreed = self.are_apart() || seen.windows(2).all(|pair| pair[0].1 == pair[1].1);
            quiet = if agreed && before.as_ref() == Some(&seen) {
                quiet + 1
            } else {
                0
            };
            if !agreed && waited % 5 == 4 {
                self.be_of_one_mind(waited);
            }
            waited += 1;
            if waited > PATIENCE_S {
                let differ = seen.windows(2).find(|pair| pair[0].1 != pair[1].1);
                return Err(differ.map_or_else(
                    || "it never becomes quiet".to_owned(),
                    |pair| {
                        let name = |at: usize| self.world.hubs[pair[at].0].name.clone();
                        let ledger = |at: usize| self.world.hubs[pair[at].0].ledger();
                        let what = difference(&pair[0].1, &pair[1].1);
                        let logs = differing_logs(&ledger(0), &ledger(1)).join("\n    ");
                        let disk = |at: usize| self.world.hubs[pair[at].0].disk.clone();
                        let documents =
                            differing_documents((&disk(0), &ledger(0)), (&disk(1), &ledger(1))).join("\n    ");
                        let parties = self.parties().join("\n    ");
                        format!(
                            "{} and {} differ: {what}\n    {logs}\n    {documents}\n    {parties}",
                            name(0),
                            name(1)
                        )
                    },
                ));
            }
            before = Some(seen);
        }
        let belonging = self.honest();
        self.note_what_a_thief_began();
        let Some((_, agreement)) = before.unwrap_or_default().pop() else {
            self.world.tell("no honest hub is left");
            return Ok(());
        };
        self.world.tell(format_args!(
            "{} machines agree after {waited} s: {}",
            belonging.len(),
            agreement.short()
        ));
        let together = if self.are_apart() { 1 } else { belonging.len() };
        for machines in belonging.chunks(together) {
            check(&self.world, &self.diary, machines)
                .map_err(|wrong| format!("{wrong}\n    {}", self.parties().join("\n    ")))?;
        }
        self.check_thefts(&belonging)?;
        self.check_people(&belonging)?;
        if let Some(machine) = belonging.first() {
            order_does_not_matter(&self.world, *machine, self.plan.seed)?;
        }
        let said = self
            .diary
            .words
            .iter()
            .filter(|word| word.acknowledged.is_some())
            .count();
        self.world
            .tell(format_args!("{said} words and {} events hold", self.diary.things.len()));
        Ok(())
    }
}

/// What a run came to, in one line.
pub(crate) fn told(plan: &Plan, story: &[String]) -> String {
    let last: Vec<&str> = story.iter().rev().take(2).rev().map(String::as_str).collect();
    format!(
        "seed {}: {} hubs, {} lines of story; {}",
        plan.seed,
        plan.hubs,
        story.len(),
        last.join("; ")
    )
}
