//! From statements and decisions to members.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::ballots::{Ballots, Founder, Taken};
use super::check::{CheckedAccept, check_address, read_founding, read_sealed_accept};
use super::decision::{Change, read_ends};
use super::keys::{HubKeys, KeyWord, key_words};
use super::replace::{self, ObjectionWord, Replacements, objections};
use super::{GUESTS_PER_VOTER, HeldStatement, Member, Roster, Standing};
use crate::body::{LogEnds, Said};
use crate::cut::{Named, RemovalCut};
use crate::frontier::RowKey;
use crate::ids::{HeaderHash, HubId, LogId, NetworkId};

/// How often the roster is computed until nothing more turns out to be void. A theft told by keys that a decision gave, by
/// votes that another such theft makes void, takes one each.
const MAX_ROUNDS: usize = 8;

/// An admission that carries a valid accept, by a hub that is or was a voter.
struct Admission {
    clock: u64,
    hash: HeaderHash,
    voter: HubId,
    accept: CheckedAccept,
    /// It lies beyond the point up to which its voter counts, or a stolen key signed it.
    void: bool,
}

/// What the decisions in force say.
#[derive(Default)]
struct Decided {
    /// The seat of each hub that was ever seated: highest counter, then the slug of the latest decision.
    seats: BTreeMap<HubId, (u32, String)>,
    /// How far the logs of each removed hub count.
    cuts: BTreeMap<HubId, RemovalCut>,
}

impl Roster {
    /// Computes the roster. `statements` may come in any order and repeat; the result is the same. `named` is what the
    /// `open`s held name, of the registry logs at least. `taken` is what this node took so far: [`Ballots::taken`] of the
    /// result is what it takes now.
    ///
    /// What a stolen key signed counts only as far as an `open` by a key that was not stolen names it. Which keys were stolen
    /// depends on who was given other keys by a decision, and decisions on votes: the thefts that records tell of go first,
    /// then it is computed again with what that says, until nothing more is void.
    pub fn compute<'a>(
        network: NetworkId,
        statements: impl IntoIterator<Item = &'a HeldStatement>,
        named: &Named,
        taken: &Taken,
        now_ms: i64,
    ) -> Self {
        let by_hash = statements.into_iter().map(|statement| (statement.hash, statement));
        let by_hash: BTreeMap<HeaderHash, &HeldStatement> = by_hash.collect();
        let mut void = BTreeSet::new();
        let roster = Self::compute_without(network, &by_hash, &void, taken, (now_ms, true));
        if roster.replacements.is_empty() && void_statements(&by_hash, &roster, named).is_empty() {
            return roster;
        }
        let mut given = false;
        for _ in 0..MAX_ROUNDS {
            let roster = Self::compute_without(network, &by_hash, &void, taken, (now_ms, given));
            let next = void_statements(&by_hash, &roster, named);
            if given && next == void {
                return roster;
            }
            (void, given) = (next, true);
        }
        Self::compute_without(network, &by_hash, &void, taken, (now_ms, true))
    }

    /// The same when it is known what is void. Without `given`, decisions give nobody keys.
    fn compute_without(
        network: NetworkId,
        by_hash: &BTreeMap<HeaderHash, &HeldStatement>,
        void: &BTreeSet<HeaderHash>,
        taken: &Taken,
        (now_ms, given): (i64, bool),
    ) -> Self {
        let statements = by_hash.values().copied();
        let counting = statements.clone().filter(|statement| !void.contains(&statement.hash));
        let mut roster = Self {
            guests_per_voter: GUESTS_PER_VOTER,
            void: void.clone(),
            ..Self::default()
        };
        let founders = roster.found(network, statements.clone());
        let named = founders.iter().map(|founder| Founder {
            hub: founder.hub,
            counter: founder.counter,
            slug: founder.slug.clone(),
        });
        roster.founder = founders.first().map(|founder| founder.hub);
        roster.ballots = Ballots::compute(named.collect(), by_hash, void, taken, now_ms);
        roster.guests_per_voter = roster.rule().unwrap_or(roster.guests_per_voter);
        let decided = roster.decided();
        let words = key_words(network, statements.clone());
        // Those that their first key signed say who is there; what a later key signed is read when the keys are known.
        let first = roster.admissions(network, statements.clone(), (&decided, void), &BTreeMap::new());
        let mut replacements = if given {
            roster.ballots.replacements(now_ms)
        } else {
            Replacements::new()
        };
        let against = objections(network, statements.clone());
        let keys = all_keys(&founders, &first, &words, &mut replacements, &against);
        roster.replacements = replacements.into_values().flatten().collect();
        let admissions = if words.is_empty() && roster.replacements.is_empty() {
            first
        } else {
            roster.admissions(network, statements, (&decided, void), &keys)
        };
        roster.admit(&founders, &admissions, &decided, counting.clone());
        for (hub, member) in &mut roster.members {
            if let Some(keys) = keys.get(hub) {
                member.keys.clone_from(keys);
            }
        }
        roster.apply_addresses(counting);
        roster.show_slugs();
        roster
    }

    /// The founders in the order of the record.
    fn found<'a>(
        &mut self,
        network: NetworkId,
        statements: impl Iterator<Item = &'a HeldStatement>,
    ) -> Vec<CheckedAccept> {
        for statement in statements {
            let Said::Founding(bytes) = &statement.said else {
                continue;
            };
            if NetworkId::of_genesis(bytes) != network {
                continue;
            }
            let Ok((record, founders)) = read_founding(bytes) else {
                continue;
            };
            self.name = record.name;
            if record.guests_per_voter > 0 {
                self.guests_per_voter = record.guests_per_voter as usize;
            }
            return founders;
        }
        Vec::new()
    }

    /// The rule in force: of those that no later one follows, the one with the largest hash.
    fn rule(&self) -> Option<usize> {
        let rules = || {
            self.ballots
                .in_force()
                .filter_map(|opinion| match opinion.proposal.change {
                    Change::Rules { guests_per_voter } => Some((opinion, guests_per_voter)),
                    _ => None,
                })
        };
        let newest = rules().filter(|(one, _)| rules().all(|(other, _)| !self.ballots.follows(other, &one.id)));
        let (_, guests) = newest.max_by_key(|(opinion, _)| opinion.id)?;
        Some(guests as usize)
    }

    fn decided(&self) -> Decided {
        let mut decided = Decided::default();
        let mut removals: BTreeMap<HubId, BTreeMap<HeaderHash, &RemovalCut>> = BTreeMap::new();
        let mut lifted: BTreeSet<HeaderHash> = BTreeSet::new();
        for opinion in self.ballots.in_force() {
            match &opinion.proposal.change {
                Change::Seat { hub, slug, counter } => {
                    let seat = (*counter, slug.clone());
                    let known = decided.seats.entry(*hub).or_insert_with(|| seat.clone());
                    *known = seat.max(known.clone());
                }
                Change::Remove { hub, ends, .. } => {
                    removals.entry(*hub).or_default().insert(opinion.id, ends);
                }
                Change::Readmit { removals, .. } => lifted.extend(removals),
                Change::ReplaceKey { .. } | Change::Rules { .. } | Change::Adopt(_) => {}
            }
        }
        for (hub, mut removals) in removals {
            removals.retain(|id, _| !lifted.contains(id));
            let earliest = removals
                .into_values()
                .cloned()
                .reduce(|one, other| earlier_cut(&one, &other));
            if let Some(cut) = earliest {
                decided.cuts.insert(hub, cut);
            }
        }
        decided
    }

    /// The removals of a hub that are in force and not lifted: what a readmission has to name.
    pub fn removals_of(&self, hub: HubId) -> BTreeSet<HeaderHash> {
        let mut removals = BTreeSet::new();
        let mut lifted = BTreeSet::new();
        for opinion in self.ballots.in_force() {
            match &opinion.proposal.change {
                Change::Remove { hub: removed, .. } if *removed == hub => drop(removals.insert(opinion.id)),
                Change::Readmit { removals, .. } => lifted.extend(removals),
                _ => {}
            }
        }
        removals.difference(&lifted).copied().collect()
    }

    /// All admissions by hubs that are or were voters, in the order of their clock, then hash.
    fn admissions<'a>(
        &self,
        network: NetworkId,
        statements: impl Iterator<Item = &'a HeldStatement>,
        (decided, void): (&Decided, &BTreeSet<HeaderHash>),
        keys: &BTreeMap<HubId, HubKeys>,
    ) -> Vec<Admission> {
        let founders = self.ballots.founders().map(|(hub, _)| hub);
        let voters: BTreeSet<HubId> = founders.chain(decided.seats.keys().copied()).collect();
        let mut admissions: Vec<Admission> = Vec::new();
        for statement in statements.filter(|statement| voters.contains(&statement.hub)) {
            let Said::Admit(admit) = &statement.said else { continue };
            let later = |hub| keys.get(&hub).into_iter().flat_map(HubKeys::trusted);
            let signed = (network, admit.accept.as_slice(), admit.signature.as_slice());
            let Ok(accept) = read_sealed_accept(signed, &statement.seals, later) else {
                continue;
            };
            let cut = decided.cuts.get(&statement.hub);
            let within = |cut: &RemovalCut| {
                let end = cut.get(&(LogId::REGISTRY, statement.epoch));
                end.is_some_and(|(last, _)| statement.seq <= *last)
            };
            admissions.push(Admission {
                clock: statement.clock,
                hash: statement.hash,
                voter: statement.hub,
                accept,
                void: void.contains(&statement.hash) || cut.is_some_and(|cut| !within(cut)),
            });
        }
        admissions.sort_by_key(|admission| (admission.clock, admission.hash));
        admissions
    }

    fn admit<'a>(
        &mut self,
        founders: &[CheckedAccept],
        admissions: &[Admission],
        decided: &Decided,
        statements: impl Iterator<Item = &'a HeldStatement> + Clone,
    ) {
        let voters = self.ballots.voters_now();
        let (left, withdrawn) = (leaves(statements.clone()), withdrawals(statements));
        let mut known: BTreeMap<HubId, Member> = BTreeMap::new();
        for founder in founders {
            known.insert(founder.hub, member_of(founder));
        }
        for Admission { accept, .. } in admissions {
            let member = known.entry(accept.hub).or_insert_with(|| member_of(accept));
            speak(member, accept);
        }
        let mut guests: BTreeMap<HubId, BTreeSet<HubId>> = BTreeMap::new();
        for admission in admissions {
            let hub = admission.accept.hub;
            let Some(member) = known.get_mut(&hub).filter(|_| !voters.contains(&hub)) else {
                continue;
            };
            let counter = admission.accept.counter;
            let is_over = |word: Option<&Going>| word.is_some_and(|word| word.counter >= counter);
            let (voter, place) = (admission.voter, guests.entry(admission.voter).or_default());
            let standing = if admission.void || decided.cuts.contains_key(&hub) {
                continue;
            } else if is_over(withdrawn.get(&(voter, hub))) {
                Standing::Removed
            } else if is_over(left.get(&hub)) {
                Standing::Left
            } else if place.contains(&hub) || place.len() < self.guests_per_voter {
                place.insert(hub);
                Standing::Active
            } else {
                Standing::Pending
            };
            // The first admission that makes it active counts; else the best there is.
            if member.guest_of.is_none() || standing < member.standing {
                member.standing = standing;
                member.guest_of = Some(voter);
            }
        }
        let founders: BTreeSet<HubId> = founders.iter().map(|founder| founder.hub).collect();
        for (hub, member) in &mut known {
            let has_voted = founders.contains(hub) || decided.seats.contains_key(hub);
            let leave = left.get(hub);
            let counter = leave.map_or(0, |leave| leave.counter);
            if voters.contains(hub) {
                (member.standing, member.voter) = (Standing::Active, true);
            } else if let Some(cut) = decided.cuts.get(hub) {
                (member.standing, member.cut) = (Standing::Removed, Some(cut.clone()));
            } else if member.guest_of.is_none() && !has_voted {
                // Admitted by nobody who could: nothing of it ever counted.
                member.cut = Some(RemovalCut::new());
            } else if counter > member.counter {
                member.standing = Standing::Left;
            }
            match member.standing {
                Standing::Left => member.cut = leave.and_then(|leave| leave.ends.clone()),
                Standing::Removed if member.cut.is_none() => {
                    let words = withdrawn.iter().filter(|((_, guest), _)| guest == hub);
                    member.cut = words
                        .filter_map(|(_, word)| word.ends.clone())
                        .reduce(|one, other| earlier_cut(&one, &other));
                }
                _ => {}
            }
            member.counter = member.counter.max(counter);
            if let Some((_, slug)) = decided.seats.get(hub) {
                member.slug.clone_from(slug);
            }
        }
        self.members = known;
    }

    fn apply_addresses<'a>(&mut self, statements: impl Iterator<Item = &'a HeldStatement>) {
        let mut newest: BTreeMap<HubId, (u64, HeaderHash, &str)> = BTreeMap::new();
        for statement in statements {
            let Said::Address(address) = &statement.said else {
                continue;
            };
            if check_address(&address.address).is_err() {
                continue;
            }
            let candidate = (statement.clock, statement.hash, address.address.as_str());
            let entry = newest.entry(statement.hub).or_insert(candidate);
            *entry = candidate.max(*entry);
        }
        for (hub, (_, _, address)) in newest {
            if let Some(member) = self.members.get_mut(&hub) {
                address.clone_into(&mut member.address);
            }
        }
    }

    /// A voter's slug is its own; guests that clash with anyone carry four digits of their id.
    fn show_slugs(&mut self) {
        let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
        for member in self.members.values() {
            *wanted.entry(member.slug.clone()).or_default() += 1;
        }
        let mut voters_slugs = BTreeSet::new();
        for member in self.members.values_mut() {
            let clash = wanted.get(&member.slug).copied().unwrap_or_default() > 1;
            let keeps_it = member.voter && voters_slugs.insert(member.slug.clone());
            member.shown_slug = if clash && !keeps_it {
                clashing_slug(&member.slug, member.id)
            } else {
                member.slug.clone()
            };
        }
    }
}

/// What stolen keys signed and nobody vouches for. Records and founding records stand alone, whoever carries them.
fn void_statements(
    statements: &BTreeMap<HeaderHash, &HeldStatement>,
    roster: &Roster,
    named: &Named,
) -> BTreeSet<HeaderHash> {
    let is_void = |statement: &&&HeldStatement| {
        let stolen = roster.members.get(&statement.hub).map(|member| &member.keys.stolen);
        let Some(stolen) = stolen.filter(|stolen| stolen.contains(&statement.key_number)) else {
            return false;
        };
        if matches!(statement.said, Said::Founding(_) | Said::NextKey(_) | Said::Object(_)) {
            return false;
        }
        let row = RowKey {
            log: LogId::REGISTRY,
            hub: statement.hub,
            epoch: statement.epoch,
        };
        named
            .vouched_through(&row, stolen)
            .is_none_or(|last| statement.seq > last)
    };
    statements
        .values()
        .filter(is_void)
        .map(|statement| statement.hash)
        .collect()
}

/// How a guest is shown whose slug another hub has too.
pub(super) fn clashing_slug(slug: &str, hub: HubId) -> String {
    format!("{slug}-{}", &hub.to_string()[..4])
}

/// What both of two cuts leave: of each log the earlier end, and nothing that one of them does not name.
fn earlier_cut(one: &RemovalCut, other: &RemovalCut) -> RemovalCut {
    let both = one
        .iter()
        .filter_map(|(row, end)| Some((*row, *end.min(other.get(row)?))));
    both.collect()
}

fn member_of(accept: &CheckedAccept) -> Member {
    Member {
        id: accept.hub,
        keys: HubKeys::of(accept.public_key, accept.recovery_key),
        shown_slug: accept.slug.clone(),
        slug: accept.slug.clone(),
        address: accept.address.clone(),
        standing: Standing::Removed,
        voter: false,
        guest_of: None,
        counter: accept.counter,
        cut: None,
    }
}

/// The newest accept of a hub, in its own counting, is what speaks for it.
fn speak(member: &mut Member, accept: &CheckedAccept) {
    let known = (member.counter, member.slug.as_str(), member.address.as_str());
    let (counter, slug, address, _) = accept.order();
    if (counter, slug, address) > known {
        member.counter = counter;
        slug.clone_into(&mut member.slug);
        address.clone_into(&mut member.address);
    }
}

/// The keys of every hub. The recovery key it begins with is the one of its first accept: whoever steals the signing key
/// must not name another one by joining again.
fn all_keys(
    founders: &[CheckedAccept],
    admissions: &[Admission],
    words: &BTreeSet<KeyWord>,
    replacements: &mut Replacements,
    objections: &BTreeSet<ObjectionWord>,
) -> BTreeMap<HubId, HubKeys> {
    let mut first: BTreeMap<HubId, (u32, [u8; 32], [u8; 32])> = BTreeMap::new();
    for Admission { accept, .. } in admissions {
        let word = (accept.counter, accept.recovery_key, accept.public_key);
        let earliest = first.entry(accept.hub).or_insert(word);
        *earliest = word.min(*earliest);
    }
    // The network's own id vouches for what a founder said: no later accept comes before it.
    for founder in founders {
        let word = (founder.counter, founder.recovery_key, founder.public_key);
        first.insert(founder.hub, word);
    }
    let keys = first.into_iter().map(|(hub, (_, recovery, key))| {
        let decided = replacements.get_mut(&hub).map(Vec::as_mut_slice).unwrap_or_default();
        (hub, replace::settle((hub, key, recovery), words, decided, objections))
    });
    keys.collect()
}

/// A hub's going, by its own word or by that of the voter whose guest it was.
#[derive(Debug, Clone, PartialEq)]
struct Going {
    /// Ends what was accepted with a counter up to this.
    counter: u32,
    /// How far the hub's shared logs count from then on.
    ends: Option<RemovalCut>,
}

impl Going {
    fn new(counter: u32, ends: Option<&LogEnds>) -> Self {
        let ends = ends.and_then(|ends| read_ends(&ends.ends).ok());
        Self { counter, ends }
    }

    /// What two such words come to, whichever was heard first: the higher counter says it; of equals the earlier end counts.
    fn with(self, other: Self) -> Self {
        match self.counter.cmp(&other.counter) {
            Ordering::Less => other,
            Ordering::Greater => self,
            Ordering::Equal => Self {
                counter: self.counter,
                ends: match (self.ends, other.ends) {
                    (Some(one), Some(other)) => Some(earlier_cut(&one, &other)),
                    (one, other) => one.or(other),
                },
            },
        }
    }
}

/// The highest leave of each hub.
fn leaves<'a>(statements: impl Iterator<Item = &'a HeldStatement>) -> BTreeMap<HubId, Going> {
    let words = statements.filter_map(|statement| match &statement.said {
        Said::Leave(leave) => Some((statement.hub, Going::new(leave.counter, leave.ends.as_ref()))),
        _ => None,
    });
    highest(words)
}

/// The highest withdrawal of each (voter, guest).
fn withdrawals<'a>(statements: impl Iterator<Item = &'a HeldStatement>) -> BTreeMap<(HubId, HubId), Going> {
    let words = statements.filter_map(|statement| {
        let Said::Withdraw(withdraw) = &statement.said else {
            return None;
        };
        let guest = HubId::from_slice(&withdraw.hub)?;
        let going = Going::new(withdraw.counter, withdraw.ends.as_ref());
        Some(((statement.hub, guest), going))
    });
    highest(words)
}

fn highest<K: Ord>(words: impl Iterator<Item = (K, Going)>) -> BTreeMap<K, Going> {
    let mut out: BTreeMap<K, Going> = BTreeMap::new();
    for (who, going) in words {
        let merged = match out.remove(&who) {
            Some(known) => known.with(going),
            None => going,
        };
        out.insert(who, merged);
    }
    out
}
