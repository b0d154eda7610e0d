//! Which decisions pass, and which of them this node takes.
//!
//! A decision passes when more than half of the voters of its past have signed it, the hub it concerns counted among
//! them, and all its past has passed; while fewer than three vote and the founder is one of them, the founder's signature
//! decides alone. That depends on statements only, so it is the same at every node that holds them, and more statements
//! never undo it.
//!
//! A node takes what passes, forward only: what lacks a decision taken more than seven days ago is refused, so that
//! nobody rewrites the past with votes that were lying about. What is taken stays taken. Since when is the node's own
//! knowledge ([`Taken`]), which it stores.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use super::decision::{Change, Proposal};
use super::positions::Positions;
use super::{FORWARD_ONLY_MS, HeldStatement};
use crate::body::{Accept, Said, VoteWord};
use crate::ids::{HeaderHash, HubId};

/// The decisions taken, and since when: Unix milliseconds by the node's own clock.
pub type Taken = BTreeMap<HeaderHash, i64>;

/// What became of a decision at this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In force since this moment, Unix milliseconds.
    Taken(i64),
    /// Not enough of the voters of its past have signed it, or its past has not passed.
    Pending,
    /// It has passed, but lacks something that was taken long ago.
    Refused,
}

/// One decision whose whole past is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// The decision.
    pub id: HeaderHash,
    /// Who proposed it.
    pub proposer: HubId,
    /// Hybrid clock of the proposal.
    pub clock: u64,
    /// What it says.
    pub proposal: Proposal,
    /// The voters of its past.
    pub voters: BTreeSet<HubId>,
    /// Every hub that has signed it, and when by its own clock; see [`Opinion::signed`] for those that count.
    pub signatures: BTreeMap<HubId, u64>,
    /// Other words about it: hybrid clock and word, the newest of each hub.
    pub words: BTreeMap<HubId, (u64, VoteWord)>,
    /// How many signatures it needs.
    pub needed: usize,
    /// The founder, if its signature decides alone.
    pub sole: Option<HubId>,
    /// What became of it.
    pub state: State,
    /// The newest decisions taken here that its past lacks.
    pub lacks: BTreeSet<HeaderHash>,
    proper: bool,
    passes: bool,
    past: Positions,
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
    /// What voters' admissions and their withdrawals say of seating a guest: by voter, each with its clock.
    pub(super) admissions: BTreeMap<HubId, Vec<Admitted>>,
    /// Decisions whose past is not all here: they wait for it.
    incomplete: BTreeSet<HeaderHash>,
    taken: Taken,
}

/// A voter's admission of a guest, which is also its vote to seat it, or its withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Admitted {
    pub(super) clock: u64,
    pub(super) guest: HubId,
    /// The slug the guest asked for; `None` for a withdrawal.
    pub(super) slug: Option<String>,
}

/// What the statements say, before it is known what hangs together.
#[derive(Default)]
struct Heard {
    proposals: BTreeMap<HeaderHash, (HubId, u64, Proposal)>,
    words: BTreeMap<HeaderHash, Vec<(HubId, u64, VoteWord)>>,
    leaves: BTreeMap<HeaderHash, (HubId, u32)>,
    admissions: BTreeMap<HubId, Vec<Admitted>>,
}

fn read(statements: &BTreeMap<HeaderHash, &HeldStatement>) -> Heard {
    let mut said = Heard::default();
    for (hash, statement) in statements {
        let (hub, clock) = (statement.hub, statement.clock);
        match &statement.said {
            Said::Decide(decision) => {
                if let Ok(proposal) = Proposal::read(decision) {
                    said.proposals.insert(*hash, (hub, clock, proposal));
                }
            }
            Said::Vote(vote) => {
                let word = VoteWord::try_from(vote.word).unwrap_or(VoteWord::Unspecified);
                if let Some(decision) = HeaderHash::from_slice(&vote.decision) {
                    said.words.entry(decision).or_default().push((hub, clock, word));
                }
            }
            Said::Leave(leave) => drop(said.leaves.insert(*hash, (hub, leave.counter))),
            Said::Admit(admit) => {
                let accept = Accept::decode(admit.accept.as_slice()).ok();
                let guest = accept.and_then(|accept| {
                    let key = <[u8; 32]>::try_from(accept.public_key.as_slice()).ok()?;
                    Some((HubId::of_first_key(&key), accept.slug))
                });
                if let Some((guest, slug)) = guest {
                    let slug = Some(slug);
                    let admitted = Admitted { clock, guest, slug };
                    said.admissions.entry(hub).or_default().push(admitted);
                }
            }
            Said::Withdraw(withdraw) => {
                if let Some(guest) = HubId::from_slice(&withdraw.hub) {
                    let slug = None;
                    let taken_back = Admitted { clock, guest, slug };
                    said.admissions.entry(hub).or_default().push(taken_back);
                }
            }
            Said::Founding(_) | Said::Address(_) | Said::NextKey(_) | Said::Object(_) => {}
        }
    }
    said
}

impl Ballots {
    /// Reads the decisions and votes among the statements, and takes what is to be taken at `now_ms`.
    pub(super) fn compute(
        founders: Vec<Founder>,
        statements: &BTreeMap<HeaderHash, &HeldStatement>,
        taken: &Taken,
        now_ms: i64,
    ) -> Self {
        let Heard {
            proposals,
            words,
            leaves,
            admissions,
        } = read(statements);
        let mut ballots = Self {
            founders,
            leaves,
            admissions,
            taken: taken.clone(),
            ..Self::default()
        };
        let mut open: BTreeMap<HeaderHash, usize> = BTreeMap::new();
        let mut named_by: BTreeMap<HeaderHash, Vec<HeaderHash>> = BTreeMap::new();
        for (id, (_, _, proposal)) in &proposals {
            let known = |left: &HeaderHash| ballots.leaves.contains_key(left);
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
            if let Some((proposer, clock, proposal)) = proposals.get(&id) {
                let said = words.get(&id).map(Vec::as_slice).unwrap_or_default();
                ballots.add(id, *proposer, *clock, proposal, said);
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
        ballots.take(now_ms);
        ballots.judge();
        ballots
    }

    fn add(
        &mut self,
        id: HeaderHash,
        proposer: HubId,
        clock: u64,
        proposal: &Proposal,
        said: &[(HubId, u64, VoteWord)],
    ) {
        let mut past = Positions::default();
        let mut past_passes = true;
        for place in proposal.after.iter().filter_map(|named| self.places.get(named)) {
            let Some(named) = self.decisions.get(*place) else {
                continue;
            };
            past.insert(*place);
            past.extend(&named.past);
            past_passes &= named.passes;
        }
        let voters = self.voters(past.iter(), &proposal.left);
        let mut signatures = BTreeMap::from([(proposer, clock)]);
        let mut words = BTreeMap::new();
        for (hub, clock, word) in said {
            if *word == VoteWord::Sign {
                let first = signatures.entry(*hub).or_insert(*clock);
                *first = (*first).min(*clock);
            }
            let newest = words.entry(*hub).or_insert((*clock, *word));
            *newest = (*newest).max((*clock, *word));
        }
        let sole = self.sole(&voters);
        let needed = if sole.is_some() { 1 } else { voters.len() / 2 + 1 };
        let mut opinion = Opinion {
            id,
            proposer,
            clock,
            proposal: proposal.clone(),
            voters,
            signatures,
            words,
            needed,
            sole,
            state: State::Pending,
            lacks: BTreeSet::new(),
            proper: false,
            passes: false,
            past,
        };
        // What a hub without a vote proposes is nobody's business, and a slug is a voter's own.
        opinion.proper = opinion.voters.contains(&proposer) && !self.slug_is_taken(&opinion);
        opinion.passes = opinion.proper && past_passes && opinion.is_signed_by_enough();
        self.places.insert(id, self.decisions.len());
        self.decisions.push(opinion);
    }

    /// Whether a decision seats a hub under a slug that another voter of its past was seated under.
    fn slug_is_taken(&self, opinion: &Opinion) -> bool {
        let Change::Seat { hub, slug, .. } = &opinion.proposal.change else {
            return false;
        };
        let is_founders =
            |founder: &Founder| founder.hub != *hub && founder.slug == *slug && opinion.voters.contains(&founder.hub);
        let mut seats = opinion.past.iter().filter_map(|place| self.decisions.get(place));
        self.founders.iter().any(is_founders)
            || seats.any(|earlier| match &earlier.proposal.change {
                Change::Seat {
                    hub: other,
                    slug: theirs,
                    ..
                } => other != hub && theirs == slug && opinion.voters.contains(other),
                _ => false,
            })
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
        for (hub, counter) in gone.iter().filter_map(|hash| self.leaves.get(hash)) {
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
                return;
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
                self.taken.entry(name).or_insert(now_ms);
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
        let signed = opinion.signatures.keys().filter(|hub| voters.contains(hub)).count();
        match self.sole(voters) {
            Some(founder) => opinion.signatures.contains_key(&founder),
            None => signed > voters.len() / 2,
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

    /// Everything taken and since when, to be stored.
    pub const fn taken(&self) -> &Taken {
        &self.taken
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

    /// Whether everything in a decision's past is taken.
    pub fn past_is_taken(&self, opinion: &Opinion) -> bool {
        opinion.past.is_within(&self.taken_places(i64::MAX))
    }

    /// Where a newcomer starts: the decisions its invitation names and all their past, taken when their votes say so, but
    /// not later than now. `None` if one of them is not held.
    pub fn start_from(&self, named: &BTreeSet<HeaderHash>, now_ms: i64) -> Option<Taken> {
        let mut wanted = Positions::default();
        for id in named {
            let place = *self.places.get(id)?;
            wanted.insert(place);
            wanted.extend(&self.decisions.get(place)?.past);
        }
        let mut since: Taken = Taken::new();
        for place in wanted.iter() {
            let opinion = self.decisions.get(place)?;
            let mut clocks: Vec<u64> = opinion.signed().map(|(_, clock)| clock).collect();
            clocks.sort_unstable();
            let last = clocks.get(opinion.needed.min(clocks.len()).saturating_sub(1));
            let passed_ms = i64::try_from(last.copied().unwrap_or_default() >> 16).unwrap_or(i64::MAX);
            let past = opinion.proposal.after.iter().filter_map(|named| since.get(named));
            let earliest = past.copied().max().unwrap_or(i64::MIN);
            since.insert(opinion.id, passed_ms.max(earliest).min(now_ms));
        }
        Some(since)
    }
}

impl Opinion {
    /// The voters of its past that have signed it, and when by their own clocks.
    pub fn signed(&self) -> impl Iterator<Item = (HubId, u64)> {
        let counts = |(hub, _): &(&HubId, &u64)| self.voters.contains(*hub);
        self.signatures.iter().filter(counts).map(|(hub, clock)| (*hub, *clock))
    }

    /// Whether as many of the voters of its past have signed it as it needs.
    pub fn is_signed_by_enough(&self) -> bool {
        match self.sole {
            Some(founder) => self.signatures.contains_key(&founder),
            None => self.signed().count() >= self.needed,
        }
    }

    /// Whether it can ever pass: its proposer has a vote in its past, and a slug it gives is nobody else's there.
    pub const fn is_proper(&self) -> bool {
        self.proper
    }
}
