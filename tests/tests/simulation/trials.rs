//! What may befall a whole network besides: clocks that go on for more than a week, keys that are lost, given or stolen,
//! disks that are lost, edits that are too large. The dice for it are others than those of the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use interhub_domain::body::KeyReason;
use interhub_domain::envelope::{SigningKey, public_key};
use interhub_domain::ids::{HeaderHash, HubId};
use interhub_domain::registry::{Change, Member, State};
use interhub_node::store::catalogue::log::Standing;
use interhub_node::sync::Ledger;

use super::invariants::{begun_by, nothing_of_a_thief_counts};
use super::members::{belonging, is_outside, join};
use super::operators::Act;
use super::scenario::Scenario;
use super::theft::BY_A_THIEF;
use super::world::Dice;

/// Eight days: more than the seven after which nothing is decided without what was decided, and given keys count.
pub(crate) const EIGHT_DAYS: Duration = Duration::from_hours(8 * 24);
/// A new folder whose clock is further ahead than this takes for long ago what was decided now, and there is no admission
/// to tell it: it refuses what others take.
const MOST_AHEAD_MS: i64 = 2 * 3_600_000;
/// One step in so many is a trial.
const ONE_IN: usize = 5;
/// As often all clocks go on together, and as many go on alone, at most.
const MOST_JUMPS: usize = 2;
/// Where hubs still differ after so many seconds, time goes by.
const GIVE_KEYS_TIME_S: u64 = 199;
/// So many hubs lose their disks, at most: somebody has to have kept what was shared.
const MOST_EMPTIED: usize = 2;
/// As often whoever is outside is asked in again at the end.
const ASKED_IN: usize = 10;

/// Which of these things happen in one simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trials {
    /// Clocks go on for more than a week, one or all of them: decisions are refused somewhere, and adopted.
    clocks: bool,
    /// A hub loses its disk and both its keys, and is given others.
    lost: bool,
    /// Voters would give other keys to hubs that have theirs, which object.
    objections: bool,
    /// Somebody runs a copy of a hub, whose recovery key then says that its key was stolen.
    theft: bool,
    /// Disks are lost, and the keys are left.
    empty: bool,
    /// Edits and documents grow too large.
    large: bool,
}

impl Trials {
    /// Draws those of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x0074_7269_616c);
        let mut often = || dice.one_in(2);
        Self {
            clocks: often(),
            lost: often(),
            objections: often(),
            theft: often(),
            empty: often(),
            large: often(),
        }
    }
}

/// What a machine has been through; of these things one happens to it at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lost,
    Threatened,
    Victim,
    Thief,
    Emptied,
}

/// What has come of the trials so far.
pub(crate) struct Tried {
    dice: Dice,
    fates: BTreeMap<usize, Fate>,
    /// The keys that voters would give a hub.
    keys: BTreeMap<HubId, ([u8; 32], [u8; 32])>,
    told_of_theft: bool,
    /// A clock went on by itself while a hub could still have objected to other keys.
    ahead_of_objections: bool,
    /// When the thief began, by the victim's clock.
    thief_since_ms: i64,
    jumps: [usize; 2],
}

impl Tried {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed ^ 0x0074_7269_6564),
            fates: BTreeMap::new(),
            keys: BTreeMap::new(),
            told_of_theft: false,
            thief_since_ms: 0,
            ahead_of_objections: false,
            jumps: [0; 2],
        }
    }

    fn of(&self, fate: Fate) -> Option<usize> {
        self.fates
            .iter()
            .find(|(_, of)| **of == fate)
            .map(|(machine, _)| *machine)
    }

    /// Whether somebody else than its hub runs this machine.
    pub(crate) fn is_thief(&self, machine: usize) -> bool {
        self.fates.get(&machine) == Some(&Fate::Thief)
    }

    /// Whether no second machine may run with a copy of this one: which of them speaks for the hub would be anybody's guess.
    pub(crate) fn stays_alone(&self, machine: usize) -> bool {
        matches!(self.fates.get(&machine), Some(Fate::Victim | Fate::Thief | Fate::Lost))
    }

    fn seed(&mut self) -> [u8; 32] {
        let byte = |dice: &mut Dice| u8::try_from(dice.below(256)).unwrap();
        std::array::from_fn(|_| byte(&mut self.dice))
    }
}

impl Scenario<'_> {
    /// Now and then one of the trials goes on.
    pub(super) fn try_something(&mut self) {
        let Some(trials) = self.plan.trials else { return };
        if !self.tried.dice.one_in(ONE_IN) {
            return;
        }
        match self.tried.dice.below(6) {
            0 if trials.clocks => self.clocks_go_on(),
            1 if trials.lost => self.lose_or_give(),
            2 if trials.objections => self.threaten_or_object(),
            3 if trials.theft => self.steal_or_tell(),
            4 if trials.empty => self.empty_a_disk(),
            5 if trials.large => {
                if let Some(machine) = self.draw(|_, _| true) {
                    self.act(machine, Some(Act::WriteMuch));
                }
            }
            _ => {}
        }
    }

    /// A machine that runs, that its own hub runs, that belongs, and that fits.
    fn draw(&mut self, fits: impl Fn(&Self, usize) -> bool) -> Option<usize> {
        let machines = self.usable();
        let machines: Vec<usize> = machines.into_iter().filter(|machine| fits(self, *machine)).collect();
        self.tried.dice.pick(&machines).copied()
    }

    fn usable(&self) -> Vec<usize> {
        let up = self.world.up().into_iter();
        let usable = |machine: &usize| {
            !self.tried.is_thief(*machine) && !is_outside(&self.world, *machine) && !self.is_liars(*machine)
        };
        up.filter(usable).collect()
    }

    fn is_liars(&self, machine: usize) -> bool {
        self.diary.liar == Some(self.world.hubs[machine].id)
    }

    /// Whether its hub votes, by its own roster.
    fn votes(&self, machine: usize) -> bool {
        let hub = &self.world.hubs[machine];
        hub.ledger().roster().votes(hub.id)
    }

    /// Machines that others reach, and that can ask somebody in.
    fn inviters(&self) -> Vec<usize> {
        let all = self.usable().into_iter();
        all.filter(|machine| self.votes(*machine) && self.world.hubs[*machine].is_called())
            .collect()
    }

    /// Whether a machine is the only one of its hub, and nothing has happened to it yet.
    fn is_untried(&self, machine: usize) -> bool {
        let id = self.world.hubs[machine].id;
        let alone = self.world.hubs.iter().filter(|other| other.id == id).count() == 1;
        alone && !self.tried.fates.contains_key(&machine)
    }

    fn tell(&mut self, machine: usize, what: &str, done: bool) {
        let name = self.world.hubs[machine].name.clone();
        let outcome = if done { "" } else { ": refused" };
        self.world.tell(format_args!("{name} {what}{outcome}"));
    }

    /// Hubs that would have other keys by what somebody knows, although they have theirs, and that have not objected yet.
    fn threatened(&self) -> BTreeSet<HubId> {
        let lost = self.tried.of(Fate::Lost).map(|machine| self.world.hubs[machine].id);
        let rosters = self.world.up().into_iter();
        let rosters = rosters.map(|machine| self.world.hubs[machine].ledger().roster());
        let threatened = rosters.flat_map(|roster| {
            let all = roster.replacements.values().filter(|one| one.threatens());
            all.map(|one| one.hub).collect::<Vec<_>>()
        });
        threatened.filter(|hub| lost != Some(*hub)).collect()
    }

    fn clocks_go_on(&mut self) {
        match self.tried.dice.below(4) {
            // Who does not object within the seven days has lost its keys.
            0 if self.tried.jumps[0] < MOST_JUMPS && self.threatened().is_empty() => {
                self.tried.jumps[0] += 1;
                self.eight_days_go_by();
            }
            1 if self.tried.jumps[1] < MOST_JUMPS => {
                let threatened = self.threatened();
                // Of one hub the clock may be far ahead; if those of most are, a hub loses its keys before it hears of it.
                if !threatened.is_empty() && std::mem::replace(&mut self.tried.ahead_of_objections, true) {
                    return;
                }
                let Some(machine) = self.draw(|this, machine| !threatened.contains(&this.world.hubs[machine].id))
                else {
                    return;
                };
                self.tried.jumps[1] += 1;
                self.world.hubs[machine].set_clock_on(EIGHT_DAYS);
                self.tell(machine, "has its clock go on for eight days", true);
            }
            _ => {
                let Some(machine) = self.draw(|this, machine| this.votes(machine) && !this.refused(machine).is_empty())
                else {
                    return;
                };
                let refused = self.refused(machine);
                let id = *self.tried.dice.pick(&refused).unwrap();
                let done = self.world.hubs[machine].ledger().adopt(id).is_ok();
                self.tell(machine, "adopts what it refused", done);
            }
        }
    }

    fn eight_days_go_by(&mut self) {
        self.world.time.skip(EIGHT_DAYS);
        self.world.tell("eight days go by");
    }

    /// Decisions that a machine has refused.
    fn refused(&self, machine: usize) -> Vec<HeaderHash> {
        let roster = self.world.hubs[machine].ledger().roster();
        let refused = roster.ballots.all().filter(|one| one.state == State::Refused);
        refused.map(|one| one.id).collect()
    }

    /// A hub loses everything; from then on voters give it the keys of its new folder.
    fn lose_or_give(&mut self) {
        if let Some(lost) = self.tried.of(Fate::Lost) {
            if let Some(voter) = self.draw(Self::votes) {
                self.give_keys(voter, lost);
            }
            return;
        }
        let voters = self.usable().into_iter().filter(|machine| self.votes(*machine)).count();
        let fits =
            |this: &Self, machine| this.is_untried(machine) && this.world.hubs[machine].skew_ms() < MOST_AHEAD_MS;
        let Some(machine) = self.draw(fits).filter(|_| voters > 2) else {
            return;
        };
        let (seed, recovery) = (self.tried.seed(), self.tried.seed());
        let keys = [seed, recovery].map(|seed| public_key(&SigningKey::from(seed)));
        self.tell(machine, "loses its disk and its keys", true);
        self.lose_disk(machine, Fate::Lost);
        self.world.hubs[machine].lose_keys(seed, recovery);
        self.tried.keys.insert(self.world.hubs[machine].id, (keys[0], keys[1]));
    }

    /// A machine comes up with nothing on its disk after a while. What all others have it has promised all the same.
    fn lose_disk(&mut self, machine: usize, fate: Fate) {
        self.tried.fates.insert(machine, fate);
        let others = belonging(&self.world).into_iter();
        let others: Vec<usize> = others
            .filter(|other| self.world.hubs[*other].id != self.world.hubs[machine].id && !self.is_liars(*other))
            .filter(|other| !self.tried.is_thief(*other))
            .collect();
        let ledgers: Vec<_> = others.iter().map(|other| self.world.hubs[*other].ledger()).collect();
        let pause = Duration::from_millis(self.tried.dice.below(6_000) as u64);
        self.world.take_down(machine, Some(pause));
        let hub = self.world.hubs[machine].clone();
        hub.empty();
        // With its body: what it had taken to its drafts is lost with the disk.
        let everywhere = |hash: HeaderHash| {
            let counts = |ledger: &std::sync::Arc<Ledger>| {
                let standing = ledger.standing_of(hash).unwrap();
                standing.is_some_and(|(standing, _)| standing == Standing::Counted)
            };
            ledgers.len() > 1 && ledgers.iter().all(counts)
        };
        self.diary.forget_what_is_lost(machine, hub.id, &hub.disk, everywhere);
    }

    fn give_keys(&mut self, voter: usize, to: usize) -> bool {
        let id = self.world.hubs[to].id;
        let Some((key, recovery)) = self.tried.keys.get(&id).copied() else {
            return false;
        };
        let given = self.world.hubs[voter].ledger().rekey(id, key, recovery);
        let what = format!("votes to give {} keys", id.short());
        self.tell(voter, &what, given.is_ok());
        given.is_ok()
    }

    /// A voter would give keys to a hub that has its own, or a hub objects to that.
    fn threaten_or_object(&mut self) {
        if self.tried.dice.one_in(2) {
            self.somebody_objects();
            return;
        }
        let fits = |this: &Self, machine| {
            let threatened = this.tried.fates.get(&machine) == Some(&Fate::Threatened);
            threatened || this.is_untried(machine)
        };
        let (Some(target), Some(voter)) = (self.draw(fits), self.draw(Self::votes)) else {
            return;
        };
        let id = self.world.hubs[target].id;
        if self.world.hubs[voter].id == id {
            return;
        }
        if !self.tried.keys.contains_key(&id) || self.tried.dice.one_in(4) {
            let keys = [self.tried.seed(), self.tried.seed()].map(|seed| public_key(&SigningKey::from(seed)));
            self.tried.keys.insert(id, (keys[0], keys[1]));
        }
        self.tried.fates.insert(target, Fate::Threatened);
        self.give_keys(voter, target);
    }

    /// Whether a machine knows of keys that its hub would be given.
    fn is_threatened(&self, machine: usize) -> bool {
        let hub = &self.world.hubs[machine];
        hub.ledger().roster().key_threats(hub.id).next().is_some()
    }

    fn somebody_objects(&mut self) {
        if let Some(machine) = self.draw(Self::is_threatened) {
            self.objects(machine);
        }
    }

    fn objects(&mut self, machine: usize) {
        let hub = self.world.hubs[machine].clone();
        let roster = hub.ledger().roster();
        let threats: Vec<HeaderHash> = roster.key_threats(hub.id).map(|(id, _)| *id).collect();
        for id in threats {
            let done = hub.ledger().object(id).is_ok();
            self.tell(machine, "objects", done);
        }
    }

    /// A thief begins, goes on, or is told of.
    fn steal_or_tell(&mut self) {
        let Some(thief) = self.tried.of(Fate::Thief) else {
            let Some(victim) = self.draw(Self::is_untried) else {
                return;
            };
            let number = self.world.hubs.len();
            let hub = self.world.hubs[victim].clone();
            let name = format!("thief{number}");
            self.world.tell(format_args!("{name} runs with a copy of {}", hub.name));
            self.tried.fates.extend([(victim, Fate::Victim), (number, Fate::Thief)]);
            self.tried.thief_since_ms = hub.clock_ms();
            self.copied += 1;
            self.world.add(hub.copied(number, &name, &hub.back_up()));
            return;
        };
        match self.tried.dice.below(4) {
            0 => self.tell_of_theft(),
            _ => (0..3).for_each(|_| self.thief_acts(thief)),
        }
    }

    pub(super) fn thief_acts(&mut self, thief: usize) {
        if self.world.is_up(thief) {
            let act = *self.tried.dice.pick(&BY_A_THIEF).unwrap();
            self.act(thief, Some(act));
        }
    }

    fn tell_of_theft(&mut self) {
        let Some(victim) = self.tried.of(Fate::Victim) else {
            return;
        };
        if self.tried.told_of_theft || !self.world.is_up(victim) {
            return;
        }
        let hub = self.world.hubs[victim].clone();
        // A folder that was brought back does not know every run that it wrote: its operator says since when the thief is about.
        let since_ms = hub.was_restored().then_some(self.tried.thief_since_ms / 1_000 * 1_000);
        let recovered = hub
            .ledger()
            .recover_key(&hub.recovery_key(), KeyReason::Stolen, since_ms, None);
        self.tried.told_of_theft = recovered.is_ok();
        self.tell(victim, "says that its key was stolen", recovered.is_ok());
    }

    fn empty_a_disk(&mut self) {
        let emptied = self.tried.fates.values().filter(|fate| **fate == Fate::Emptied).count();
        if emptied == MOST_EMPTIED {
            return;
        }
        let voters = self.inviters();
        let fits = |this: &Self, machine: usize| {
            let hub = &this.world.hubs[machine];
            let another_votes = voters.iter().any(|voter| this.world.hubs[*voter].id != hub.id);
            // A key of which nobody has heard finds no hub; `interhub join` says so.
            let is_known = voters.iter().any(|voter| {
                let known = this.world.hubs[*voter].ledger().roster();
                let key = known.members.get(&hub.id).map(Member::current_key);
                *voter != machine && key == Some((public_key(&hub.key()), hub.key_number()))
            });
            another_votes && this.is_untried(machine) && !hub.has_prepared() && is_known
        };
        if let Some(machine) = self.draw(fits) {
            self.tell(machine, "loses its disk, and not its key", true);
            self.lose_disk(machine, Fate::Emptied);
        }
    }

    /// What has to come to an end before all can agree.
    pub(super) fn conclude(&mut self) {
        if self.plan.trials.is_none() {
            return;
        }
        self.tell_of_theft();
        self.all_object();
        if let Some(lost) = self
            .tried
            .of(Fate::Lost)
            .filter(|lost| self.world.hubs[*lost].is_recovering())
        {
            for voter in self.usable() {
                if self.votes(voter) {
                    self.give_keys(voter, lost);
                }
            }
            self.all_object();
            if self.threatened().is_empty() {
                self.eight_days_go_by();
            }
            self.pass_s(45);
        }
        for round in 0..ASKED_IN {
            let outside = |machine: &usize| {
                let lost = matches!(self.tried.fates.get(machine), Some(Fate::Lost | Fate::Emptied));
                lost && self.world.is_up(*machine) && self.has_nothing(*machine)
            };
            let outside: Vec<usize> = (0..self.world.hubs.len()).filter(outside).collect();
            if outside.is_empty() {
                return;
            }
            for machine in outside {
                let id = self.world.hubs[machine].id;
                let voters: Vec<usize> = self
                    .inviters()
                    .into_iter()
                    .filter(|voter| self.world.hubs[*voter].id != id)
                    .collect();
                if !voters.is_empty() {
                    join(&mut self.world, machine, voters[round % voters.len()], self.network);
                }
            }
            self.pass_s(6);
        }
    }

    /// Whether a machine has not found its network again.
    fn has_nothing(&self, machine: usize) -> bool {
        let hub = &self.world.hubs[machine];
        hub.is_recovering() || hub.ledger().network().is_none()
    }

    fn pass_s(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.unblock();
            self.world.pass(Duration::from_secs(1));
        }
    }

    /// Every hub that has its key hears what would take it away, and objects.
    fn all_object(&mut self) {
        for _ in 0..6 {
            self.pass_s(4);
            // Those that have left too: their keys sign for them when they come back.
            let up = self.world.up().into_iter();
            let own: Vec<usize> = up.filter(|machine| !self.tried.is_thief(*machine)).collect();
            for machine in own {
                if !self.has_nothing(machine) && self.is_threatened(machine) {
                    self.objects(machine);
                }
            }
        }
    }

    /// Operators whose nodes refused what others took do what they can about it: they propose to take it after all, others
    /// vote for that; and at last, somebody proposes something that names everything.
    pub(super) fn be_of_one_mind(&mut self, waited: u64) {
        if self.plan.trials.is_none() {
            return;
        }
        // Keys count from a moment that is each node's own, so that some may see them counting before others.
        if waited == GIVE_KEYS_TIME_S && self.threatened().is_empty() {
            self.eight_days_go_by();
        }
        for machine in self.usable() {
            if !self.votes(machine) {
                continue;
            }
            let ledger = self.world.hubs[machine].ledger();
            let refused = self.refused(machine);
            for id in &refused {
                let done = ledger.adopt(*id).is_ok();
                self.tell(machine, "adopts what it refused", done);
            }
            if refused.is_empty() && waited % 60 == 59 {
                let guests = 3 + u32::try_from(waited / 60).unwrap();
                let _ = ledger.change_rules(guests);
                self.tell(machine, "proposes whatever", true);
            }
            let own = self.world.hubs[machine].id;
            let roster = ledger.roster();
            // What was decided without an old proposal is proposed anew by a vote for that one: again and again, for ever.
            let open = roster.ballots.all().filter(|one| {
                let wanted = matches!(one.proposal.change, Change::Adopt(_) | Change::Rules { .. });
                let is_open = one.state == State::Pending && !roster.ballots.is_settled(one);
                wanted && is_open && !one.signatures.contains_key(&own)
            });
            for id in open.map(|one| one.id).collect::<Vec<_>>() {
                let _ = ledger.vote(id, false);
            }
        }
    }

    /// With its beginning everything is void that others, and the victim itself, have said about an event of the thief.
    pub(super) fn note_what_a_thief_began(&mut self) {
        if let Some(thief) = self.tried.of(Fate::Thief) {
            for index in begun_by(&self.diary, thief) {
                self.diary.things[index].in_bad_hands = true;
            }
        }
    }

    /// What a thief wrote counts for nothing where it is known to be one.
    pub(super) fn check_thefts(&self, honest: &[usize]) -> Result<(), String> {
        let (Some(thief), Some(first)) = (self.tried.of(Fate::Thief), honest.first()) else {
            return Ok(());
        };
        let machine = &self.world.hubs[thief];
        let roster = self.world.hubs[*first].ledger().roster();
        let stolen = roster.members.get(&machine.id).map(|member| &member.keys.stolen);
        if stolen.is_some_and(|stolen| stolen.contains(&machine.key_number())) {
            return nothing_of_a_thief_counts(&self.world, &self.diary, thief, honest);
        }
        Ok(())
    }
}
