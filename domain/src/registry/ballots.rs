//! Which decisions pass, and which of them this node takes.
//!
//! A decision passes when more than half of the voters of its past have signed it, the hub it concerns counted among
//! them, and all its past has passed; while fewer than three vote and the founder is one of them, the founder's signature
//! decides alone. That depends on statements only, so it is the same at every node that holds them. Of all further
//! statements only the word that a key was stolen undoes it: what that key signed and nobody vouches for is as if it had
//! not been said, and the decisions that passed by it, and those that build on them, have not passed. A leave that it signed
//! may yet be vouched for: what passes meanwhile passes with it and without.
//!
//! A node takes what passes, forward only: what lacks a decision taken more than seven days ago is refused, so that
//! nobody rewrites the past with votes that were lying about. What is taken stays taken, but for a theft. Since when is the node's own
//! knowledge ([`Taken`]), which it stores, and remembers of what a theft took out of force too.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::{Change, MAX_LEFT, MAX_NAMED, Proposal};
use super::heard::{Admitted, Heard, Proposed, Spoken, read};
pub use super::opinion::{Opinion, State};
use super::positions::Positions;
use super::{FORWARD_ONLY_MS, HeldStatement};
use crate::body::VoteWord;
use crate::ids::{HeaderHash, HubId};

/// The decisions taken, and since when.
pub type Taken = BTreeMap<HeaderHash, Since>;

/// When a node took a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// Unix milliseconds by the node's own clock.
    pub ms: i64,
    /// It has not passed without what a thief signed, and is not in force; it is again, as if nothing had been, if its hub
    /// vouches for that.
    pub given_back: bool,
}

impl Since {
    /// In force since this moment.
    pub const fn at(ms: i64) -> Self {
        Self { ms, given_back: false }
    }
}

/// A founder, as the record names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Founder {
    pub(super) hub: HubId,
    pub(super) counter: u32,
    pub(super) slug: String,
}

/// All decisions held whose past is held, every one after those it names; and what became of them here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ballots {
    founders: Vec<Founder>,
    decisions: Vec<Opinion>,
    places: BTreeMap<HeaderHash, usize>,
    leaves: BTreeMap<HeaderHash, (HubId, u32)>,
    /// Leaves that a stolen key signed: decisions that were made in good faith may name them.
    void_leaves: BTreeMap<HeaderHash, (HubId, u32)>,
    /// What voters' admissions and their withdrawals say of seating a guest: by voter, each with its clock.
    pub(super) admissions: BTreeMap<HubId, Vec<Admitted>>,
    /// Decisions whose past is not all here: they wait for it.
    incomplete: BTreeSet<HeaderHash>,
    taken: BTreeMap<HeaderHash, i64>,
    /// What is not in force while a thief's signature is all that made it pass, and since when it would be.
    given_back: BTreeMap<HeaderHash, i64>,
    /// Both of them.
    remembered: Taken,
}

impl Ballots {
    /// Reads the decisions and votes among the statements, and takes what is to be taken at `now_ms`.
    pub(super) fn compute(
        founders: Vec<Founder>,
        statements: &BTreeMap<HeaderHash, &HeldStatement>,
        void: &BTreeSet<HeaderHash>,
        taken: &Taken,
        now_ms: i64,
    ) -> Self {
        let Heard {
            proposals,
            words,
            leaves,
            void_leaves,
            admissions,
        } = read(statements, void);
        let mut ballots = Self {
            founders,
            leaves,
            void_leaves,
            admissions,
            ..Self::default()
        };
        for (id, Since { ms, given_back }) in taken {
            let known = if *given_back {
                &mut ballots.given_back
            } else {
                &mut ballots.taken
            };
            known.insert(*id, *ms);
        }
        let mut open: BTreeMap<HeaderHash, usize> = BTreeMap::new();
        let mut named_by: BTreeMap<HeaderHash, Vec<HeaderHash>> = BTreeMap::new();
        for (id, Proposed { proposal, .. }) in &proposals {
            let known = |left: &HeaderHash| ballots.leaves.contains_key(left) || ballots.void_leaves.contains_key(left);
            if !proposal.left.iter().all(known) {
                continue;
            }
            open.insert(*id, proposal.after.len());
            for named in &proposal.after {
                named_by.entry(*named).or_default().push(*id);
            }
        }
        // A decision is named by its hash, so that no two can name each other: whoever is free comes next.
        let mut free: BTreeSet<HeaderHash> = open.iter().filter(|(_, left)| **left == 0).map(|(id, _)| *id).collect();
        while let Some(id) = free.pop_first() {
            if let Some(proposed) = proposals.get(&id) {
                let said = words.get(&id).map(Vec::as_slice).unwrap_or_default();
                ballots.add(id, proposed, said);
            }
            for next in named_by.get(&id).into_iter().flatten() {
                if let Some(left) = open.get_mut(next) {
                    *left -= 1;
                    if *left == 0 {
                        free.insert(*next);
                    }
                }
            }
        }
        let placed = |id: &&HeaderHash| !ballots.places.contains_key(id);
        ballots.incomplete = proposals.keys().filter(placed).copied().collect();
        ballots.give_back();
        ballots.take(now_ms);
        ballots.judge();
        let of = |known: &BTreeMap<HeaderHash, i64>, given_back| -> Taken {
            let since = known.iter().map(|(id, ms)| (*id, Since { ms: *ms, given_back }));
            since.collect()
        };
        ballots.remembered = of(&ballots.given_back, true);
        ballots.remembered.extend(of(&ballots.taken, false));
        ballots
    }

    fn add(&mut self, id: HeaderHash, proposed: &Proposed, said: &[Spoken]) {
        let Proposed {
            by: proposer,
            clock,
            proposal,
            void,
        } = proposed;
        let past = self.past(&proposal.after);
        let (mut past_passes, mut past_would_pass) = (true, true);
        let named = proposal.after.iter().filter_map(|named| self.get(named));
        for named in named {
            past_passes &= named.passes;
            past_would_pass &= named.passes || named.spoiled;
        }
        let voters = self.voters(past.iter(), &proposal.left);
        let without_theft = self.voters_heeding(past.iter(), &proposal.left, true);
        let mut signatures = BTreeMap::new();
        let mut void_signatures = BTreeSet::new();
        let mut words = BTreeMap::new();
        let by_proposing = Spoken {
            by: *proposer,
            clock: *clock,
            word: VoteWord::Sign,
            void: *void,
        };
        for Spoken { by, clock, word, void } in said.iter().chain([&by_proposing]) {
            if *void {
                if *word == VoteWord::Sign {
                    void_signatures.insert(*by);
                }
                continue;
            }
            if *word == VoteWord::Sign {
                let first = signatures.entry(*by).or_insert(*clock);
                *first = (*first).min(*clock);
            }
        }
        for Spoken { by, clock, word, .. } in said.iter().filter(|word| !word.void) {
            let newest = words.entry(*by).or_insert((*clock, *word));
            *newest = (*newest).max((*clock, *word));
        }
        let sole = self.sole(&voters);
        let needed = if sole.is_some() { 1 } else { voters.len() / 2 + 1 };
        // Whether a leave that a stolen key signed counts is known when its hub vouches for it, or never: until then a
        // decision passes only if it does either way. Else it would be taken by those who hear of the theft first, and not
        // by those who hear of both at once.
        let is_proper = |voters| self.is_proper(*proposer, &proposal.change, (voters, &past));
        let (proper, was_proper) = (is_proper(&voters), is_proper(&without_theft));
        let may_propose = voters.contains(proposer) && without_theft.contains(proposer);
        let is_missing = |hub: &HubId| !signatures.contains_key(hub);
        let disputed = voters != without_theft || void_signatures.iter().any(is_missing);
        let mut opinion = Opinion {
            id,
            proposer: *proposer,
            clock: *clock,
            proposal: proposal.clone(),
            voters,
            signatures,
            void_signatures,
            words,
            needed,
            sole,
            state: State::Pending,
            lacks: BTreeSet::new(),
            disputed,
            proper: proper && was_proper,
            may_propose,
            passes: false,
            spoiled: false,
            past,
        };
        opinion.passes = opinion.proper
            && past_passes
            && opinion.is_signed_by_enough()
            && self.is_signed_by_most(&opinion, &without_theft);
        opinion.spoiled =
            was_proper && !opinion.passes && past_would_pass && self.would_be_signed(&opinion, &without_theft);
        self.places.insert(id, self.decisions.len());
        self.decisions.push(opinion);
    }

    /// The places of these decisions, and of all that they build on.
    fn past(&self, after: &BTreeSet<HeaderHash>) -> Positions {
        let mut past = Positions::default();
        for place in after.iter().filter_map(|named| self.places.get(named)) {
            past.insert(*place);
            if let Some(named) = self.decisions.get(*place) {
                past.extend(&named.past);
            }
        }
        past
    }

    /// Whether a decision can ever pass. What a hub without a vote proposes is nobody's business, and a slug is a voter's
    /// own: nobody is seated under one that another voter of the past was seated under.
    fn is_proper(&self, proposer: HubId, change: &Change, (voters, past): (&BTreeSet<HubId>, &Positions)) -> bool {
        if !voters.contains(&proposer) {
            return false;
        }
        let Change::Seat { hub, slug, .. } = change else {
            return true;
        };
        let is_founders =
            |founder: &Founder| founder.hub != *hub && founder.slug == *slug && voters.contains(&founder.hub);
        let mut seats = past.iter().filter_map(|place| self.decisions.get(place));
        let is_taken = self.founders.iter().any(is_founders)
            || seats.any(|earlier| match &earlier.proposal.change {
                Change::Seat {
                    hub: other,
                    slug: theirs,
                    ..
                } => other != hub && theirs == slug && voters.contains(other),
                _ => false,
            });
        !is_taken
    }

    /// Whether a decision that this hub would propose now could ever pass.
    pub(super) fn could_pass(&self, proposer: HubId, proposal: &Proposal) -> bool {
        let past = self.past(&proposal.after);
        let is_proper = |with_void| {
            let voters = self.voters_heeding(past.iter(), &proposal.left, with_void);
            self.is_proper(proposer, &proposal.change, (&voters, &past))
        };
        proposal.after.len() <= MAX_NAMED
            && proposal.left.len() <= MAX_LEFT
            && !self.holds_spoiled(&past)
            && is_proper(false)
            && is_proper(true)
    }

    /// The founder, if it decides alone among these voters.
    fn sole(&self, voters: &BTreeSet<HubId>) -> Option<HubId> {
        let founder = self.founders.first()?.hub;
        (voters.len() < 3 && voters.contains(&founder)).then_some(founder)
    }

    /// Who votes after these decisions, when these have left.
    fn voters<'a>(
        &self,
        places: impl Iterator<Item = usize>,
        left: impl IntoIterator<Item = &'a HeaderHash>,
    ) -> BTreeSet<HubId> {
        self.voters_heeding(places, left, false)
    }

    /// The same; with the leaves that a stolen key signed, or without.
    fn voters_heeding<'a>(
        &self,
        places: impl Iterator<Item = usize>,
        left: impl IntoIterator<Item = &'a HeaderHash>,
        with_void: bool,
    ) -> BTreeSet<HubId> {
        let founders = self.founders.iter().map(|founder| (founder.hub, founder.counter));
        let mut seated: BTreeMap<HubId, u32> = founders.collect();
        let mut removals: BTreeMap<HubId, BTreeSet<HeaderHash>> = BTreeMap::new();
        let mut lifted: BTreeSet<HeaderHash> = BTreeSet::new();
        let mut gone: BTreeSet<HeaderHash> = left.into_iter().copied().collect();
        for opinion in places.filter_map(|place| self.decisions.get(place)) {
            gone.extend(&opinion.proposal.left);
            match &opinion.proposal.change {
                Change::Seat { hub, counter, .. } => {
                    let highest = seated.entry(*hub).or_insert(*counter);
                    *highest = (*highest).max(*counter);
                }
                Change::Remove { hub, .. } => drop(removals.entry(*hub).or_default().insert(opinion.id)),
                Change::Readmit { removals, .. } => lifted.extend(removals),
                _ => {}
            }
        }
        let leave = |hash| {
            self.leaves
                .get(hash)
                .or_else(|| self.void_leaves.get(hash).filter(|_| with_void))
        };
        for (hub, counter) in gone.iter().filter_map(leave) {
            if seated.get(hub).is_some_and(|seat| seat < counter) {
                seated.remove(hub);
            }
        }
        seated.retain(|hub, _| removals.get(hub).is_none_or(|removals| removals.is_subset(&lifted)));
        seated.into_keys().collect()
    }

    fn is_taken(&self, place: usize) -> bool {
        self.decisions
            .get(place)
            .is_some_and(|opinion| self.taken.contains_key(&opinion.id))
    }

    /// The places of all decisions taken, or of those taken before a moment.
    fn taken_places(&self, before_ms: i64) -> Positions {
        let mut places = Positions::default();
        for (id, since) in &self.taken {
            if let Some(place) = self.places.get(id).filter(|_| *since < before_ms) {
                places.insert(*place);
            }
        }
        places
    }

    /// Whether enough had signed a decision, had no key been stolen.
    fn would_be_signed(&self, opinion: &Opinion, voters: &BTreeSet<HubId>) -> bool {
        let signed = |hub: &HubId| {
            let has_signed = opinion.signatures.contains_key(hub) || opinion.void_signatures.contains(hub);
            has_signed && opinion.has_a_say(hub)
        };
        match self.sole(voters) {
            Some(founder) => signed(&founder),
            None => voters.iter().filter(|hub| signed(hub)).count() > voters.len() / 2,
        }
    }

    /// What was taken because of signatures that turned out to be a thief's was not decided. Since when it was taken is not
    /// forgotten: that a key was stolen is heard before what its hub vouches for, and then it is in force as it was. If it is
    /// another signature that makes it pass, it is decided now, and not then.
    fn give_back(&mut self) {
        for opinion in &self.decisions {
            if opinion.spoiled {
                self.given_back.extend(self.taken.remove_entry(&opinion.id));
                continue;
            }
            let past = || opinion.past.iter().filter_map(|place| self.decisions.get(place));
            let is_vouched_for =
                opinion.passes && !opinion.disputed && past().all(|earlier| !self.given_back.contains_key(&earlier.id));
            if is_vouched_for {
                self.taken.extend(self.given_back.remove_entry(&opinion.id));
            }
        }
    }

    /// Whether a decision builds on one that only a thief's signature made pass, or on a leave that a thief signed: it is
    /// proposed again without that.
    pub(super) fn builds_on_spoiled(&self, opinion: &Opinion) -> bool {
        let mut left = opinion.proposal.left.iter();
        left.any(|leave| self.void_leaves.contains_key(leave)) || self.holds_spoiled(&opinion.past)
    }

    fn holds_spoiled(&self, past: &Positions) -> bool {
        let mut past = past.iter().filter_map(|place| self.decisions.get(place));
        past.any(|earlier| earlier.spoiled && !self.taken.contains_key(&earlier.id))
    }

    fn take(&mut self, now_ms: i64) {
        // What is taken in this very moment is not long ago, so that the order within it plays no part.
        let old = self.taken_places(now_ms.saturating_sub(FORWARD_ONLY_MS));
        loop {
            let taken = self.taken_places(i64::MAX);
            let is_new = |opinion: &&Opinion| !self.taken.contains_key(&opinion.id) && old.is_within(&opinion.past);
            let passed = |opinion: &&Opinion| opinion.passes && opinion.past.is_within(&taken);
            let mut next: Vec<usize> = self.places_of(|opinion| is_new(&opinion) && passed(&opinion));
            if next.is_empty() {
                // What is left of a past that has passed was refused here. It counts all the same if those recognised
                // here stand behind a decision that names it.
                let recognised = self.voters(taken.iter(), self.leaves.keys());
                next = self.places_of(|opinion| {
                    is_new(&opinion)
                        && opinion.proper
                        && self.past_passes(opinion)
                        && self.is_signed_by_most(opinion, &recognised)
                        && !opinion.past.is_within(&taken)
                });
            }
            if next.is_empty() {
                break;
            }
            let mut named = Positions::default();
            for place in next {
                named.insert(place);
                if let Some(opinion) = self.decisions.get(place) {
                    named.extend(&opinion.past);
                }
            }
            let names: Vec<HeaderHash> = named
                .iter()
                .filter_map(|place| Some(self.decisions.get(place)?.id))
                .collect();
            for name in names {
                self.given_back.remove(&name);
                self.taken.entry(name).or_insert(now_ms);
            }
        }
        // Whoever hears of a theft first remembers the same as those that hear of it last.
        for opinion in self.decisions.iter().filter(|opinion| opinion.spoiled) {
            if old.is_within(&opinion.past) && !self.taken.contains_key(&opinion.id) {
                self.given_back.entry(opinion.id).or_insert(now_ms);
            }
        }
    }

    fn places_of(&self, wanted: impl Fn(&Opinion) -> bool) -> Vec<usize> {
        let decisions = self.decisions.iter().enumerate();
        decisions
            .filter(|(_, opinion)| wanted(opinion))
            .map(|(place, _)| place)
            .collect()
    }

    fn past_passes(&self, opinion: &Opinion) -> bool {
        let mut past = opinion.past.iter().filter_map(|place| self.decisions.get(place));
        past.all(|earlier| earlier.passes || self.taken.contains_key(&earlier.id))
    }

    fn is_signed_by_most(&self, opinion: &Opinion, voters: &BTreeSet<HubId>) -> bool {
        let counts = |hub: &&HubId| voters.contains(*hub) && opinion.has_a_say(hub);
        match self.sole(voters) {
            Some(founder) => opinion.signatures.contains_key(&founder) && opinion.has_a_say(&founder),
            None => opinion.signatures.keys().filter(counts).count() > voters.len() / 2,
        }
    }

    /// Says of each decision what became of it.
    fn judge(&mut self) {
        let heads = self.heads();
        let states: Vec<(State, BTreeSet<HeaderHash>)> = (0..self.decisions.len())
            .filter_map(|place| {
                let opinion = self.decisions.get(place)?;
                if let Some(since) = self.taken.get(&opinion.id) {
                    return Some((State::Taken(*since), BTreeSet::new()));
                }
                let lacks = heads.iter().copied().filter(|head| {
                    let place = self.places.get(head);
                    place.is_some_and(|place| !opinion.past.contains(*place))
                });
                let state = if opinion.passes { State::Refused } else { State::Pending };
                Some((state, lacks.collect()))
            })
            .collect();
        for (opinion, (state, lacks)) in self.decisions.iter_mut().zip(states) {
            (opinion.state, opinion.lacks) = (state, lacks);
        }
    }

    /// The newest decisions taken: what the next one names.
    pub fn heads(&self) -> BTreeSet<HeaderHash> {
        let mut covered = Positions::default();
        for (place, opinion) in self.decisions.iter().enumerate() {
            if self.is_taken(place) {
                covered.extend(&opinion.past);
            }
        }
        let is_head = |(place, _): &(usize, &Opinion)| self.is_taken(*place) && !covered.contains(*place);
        let heads = self.decisions.iter().enumerate().filter(is_head);
        heads.map(|(_, opinion)| opinion.id).collect()
    }

    /// Who votes now, of everything taken and all that have left.
    pub fn voters_now(&self) -> BTreeSet<HubId> {
        self.voters(self.taken_places(i64::MAX).iter(), self.leaves.keys())
    }

    /// The envelopes in which hubs left that would vote otherwise: what the next decision names in `left`.
    pub fn left_now(&self) -> BTreeSet<HeaderHash> {
        let all = self.voters(self.taken_places(i64::MAX).iter(), []);
        let voting = self.voters_now();
        let gone: BTreeSet<HubId> = all.difference(&voting).copied().collect();
        // Of each hub the last word is enough.
        let mut last: BTreeMap<HubId, (u32, HeaderHash)> = BTreeMap::new();
        for (hash, (hub, counter)) in self.leaves.iter().filter(|(_, (hub, _))| gone.contains(hub)) {
            let word = last.entry(*hub).or_insert((*counter, *hash));
            *word = (*word).max((*counter, *hash));
        }
        last.into_values().map(|(_, hash)| hash).collect()
    }

    /// The founders and the counters of their accepts, in the order of the record.
    pub fn founders(&self) -> impl Iterator<Item = (HubId, u32)> {
        self.founders.iter().map(|founder| (founder.hub, founder.counter))
    }

    /// Everything taken and since when, to be stored; with what a theft took out of force, for the hub may yet vouch for it.
    pub const fn taken(&self) -> &Taken {
        &self.remembered
    }

    /// Decisions whose past is not all here.
    pub const fn incomplete(&self) -> &BTreeSet<HeaderHash> {
        &self.incomplete
    }

    /// Every decision whose past is held, each after those it names.
    pub fn all(&self) -> impl Iterator<Item = &Opinion> {
        self.decisions.iter()
    }

    /// One decision.
    pub fn get(&self, id: &HeaderHash) -> Option<&Opinion> {
        self.decisions.get(*self.places.get(id)?)
    }

    /// The decisions taken.
    pub fn in_force(&self) -> impl Iterator<Item = &Opinion> {
        self.decisions
            .iter()
            .filter(|opinion| matches!(opinion.state, State::Taken(_)))
    }

    /// Whether a decision's past holds another one.
    pub fn follows(&self, later: &Opinion, earlier: &HeaderHash) -> bool {
        self.places
            .get(earlier)
            .is_some_and(|place| later.past.contains(*place))
    }

    /// Whether these are decisions, and all of them taken.
    pub(super) fn are_taken(&self, named: &BTreeSet<HeaderHash>) -> bool {
        !named.is_empty() && named.iter().all(|id| self.taken.contains_key(id))
    }

    /// Whether everything in a decision's past is taken.
    pub fn past_is_taken(&self, opinion: &Opinion) -> bool {
        opinion.past.is_within(&self.taken_places(i64::MAX))
    }

    /// Where a newcomer starts: the decisions its invitation names and all their past, taken when their votes say so, but
    /// not later than now. `None` if one of them is not held. `ahead_ms`: by so much its clock is ahead of those that signed;
    /// what they did a moment ago would be long ago by a clock that is months ahead, and refuse what all others take.
    pub fn start_from(&self, named: &BTreeSet<HeaderHash>, now_ms: i64, ahead_ms: i64) -> Option<Taken> {
        let mut wanted = Positions::default();
        for id in named {
            let place = *self.places.get(id)?;
            wanted.insert(place);
            wanted.extend(&self.decisions.get(place)?.past);
        }
        let mut since: BTreeMap<HeaderHash, i64> = BTreeMap::new();
        for place in wanted.iter() {
            let opinion = self.decisions.get(place)?;
            let mut clocks: Vec<u64> = opinion.signed().map(|(_, clock)| clock).collect();
            clocks.sort_unstable();
            let last = clocks.get(opinion.needed.min(clocks.len()).saturating_sub(1));
            let signed_ms = i64::try_from(last.copied().unwrap_or_default() >> 16).unwrap_or(i64::MAX);
            let passed_ms = signed_ms.saturating_add(ahead_ms);
            let past = opinion.proposal.after.iter().filter_map(|named| since.get(named));
            let earliest = past.copied().max().unwrap_or(i64::MIN);
            since.insert(opinion.id, passed_ms.max(earliest).min(now_ms));
        }
        Some(since.into_iter().map(|(id, ms)| (id, Since::at(ms))).collect())
    }
}
