//! What a voter's node says by itself: a vote is for a change, so the node signs every pending or renewed decision for the
//! same change until its operator withdraws; of several current ones of one proposer, one.
//!
//! It signs only what follows from everything it has taken; otherwise it asks for a renewed decision, and whoever proposed
//! the old one makes it. What was taken once needs a new vote to be decided again: whoever was readmitted is not removed
//! by the votes of before.

use std::collections::{BTreeMap, BTreeSet};

use super::ballots::{Opinion, State};
use super::compute::clashing_slug;
use super::decision::{Change, ChangeKey, Proposal};
use super::{Ballots, Roster};
use crate::body::VoteWord;
use crate::ids::{HeaderHash, HubId};

/// Something a voter's node has to say now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duty {
    /// Sign this decision.
    Sign(HeaderHash),
    /// Ask for this decision to be renewed.
    Ask(HeaderHash),
    /// Propose this in place of an own decision that lacks something taken since.
    Renew(Proposal),
}

/// What a hub thinks of a change, by its last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// It wants it, since this moment of its hybrid clock; or wanted it until it was decided.
    For(u64),
    /// It wanted it, and no longer does.
    Withdrawn(u64),
}

impl Stance {
    const fn clock(self) -> u64 {
        match self {
            Self::For(clock) | Self::Withdrawn(clock) => clock,
        }
    }
}

/// All that a hub said about one change.
struct Words {
    last: Stance,
    /// Its newest word for it that no decision in force has used up.
    wants: Option<u64>,
    withdrew: Option<u64>,
}

impl Words {
    /// Whether it stands behind the change now: it is for it, and nothing was decided about it since.
    fn stand(&self) -> bool {
        self.wants
            .is_some_and(|wants| self.withdrew.is_none_or(|withdrew| wants > withdrew))
    }
}

/// The decisions in force, by what they change.
struct Decided<'a>(BTreeMap<ChangeKey, Vec<&'a Opinion>>);

impl Decided<'_> {
    fn on(&self, key: &ChangeKey) -> impl Iterator<Item = &Opinion> {
        self.0.get(key).into_iter().flatten().copied()
    }
}

impl Ballots {
    fn decided(&self) -> Decided<'_> {
        let mut decided: BTreeMap<ChangeKey, Vec<&Opinion>> = BTreeMap::new();
        for opinion in self.in_force() {
            decided.entry(opinion.proposal.change.key()).or_default().push(opinion);
        }
        Decided(decided)
    }

    /// Whether its change was decided without it. Clocks have no say in this: one that is behind would take a word of
    /// before for a word of after, and nodes would decide one change for ever.
    fn is_settled_by(&self, opinion: &Opinion, decided: &Decided<'_>) -> bool {
        decided
            .on(&opinion.proposal.change.key())
            .any(|taken| !self.follows(opinion, &taken.id))
    }

    /// Whether a decision for the same change is in force that this one does not build on: what was said about it was
    /// said before, and is used up.
    pub fn is_settled(&self, opinion: &Opinion) -> bool {
        self.is_settled_by(opinion, &self.decided())
    }

    /// A hub's last word on every change it spoke about: by proposing, voting, admitting or withdrawing.
    pub fn stances(&self, hub: HubId) -> BTreeMap<ChangeKey, Stance> {
        let words = self.words(hub, &self.decided()).into_iter();
        words.map(|(key, words)| (key, words.last)).collect()
    }

    fn words(&self, hub: HubId, decided: &Decided<'_>) -> BTreeMap<ChangeKey, Words> {
        let mut words: BTreeMap<ChangeKey, Words> = BTreeMap::new();
        let mut hear = |key: ChangeKey, stance: Stance, is_used_up: bool| {
            let known = words.entry(key).or_insert(Words {
                last: stance,
                wants: None,
                withdrew: None,
            });
            if stance.clock() > known.last.clock() {
                known.last = stance;
            }
            match stance {
                Stance::For(clock) if !is_used_up => known.wants = known.wants.max(Some(clock)),
                Stance::For(_) => {}
                Stance::Withdrawn(clock) => known.withdrew = known.withdrew.max(Some(clock)),
            }
        };
        for opinion in self.all() {
            let key = opinion.proposal.change.key();
            let said = opinion.words.get(&hub);
            if opinion.proposer != hub && said.is_none() {
                continue;
            }
            let is_used_up = self.is_settled_by(opinion, decided);
            if opinion.proposer == hub {
                hear(key.clone(), Stance::For(opinion.clock), is_used_up);
            }
            match said {
                Some((clock, VoteWord::Sign | VoteWord::AskRenewed)) => hear(key, Stance::For(*clock), is_used_up),
                Some((clock, VoteWord::Withdraw)) => hear(key, Stance::Withdrawn(*clock), is_used_up),
                Some((_, VoteWord::Unspecified)) | None => {}
            }
        }
        let admitted = self.admissions.get(&hub).map(Vec::as_slice).unwrap_or_default();
        for word in admitted {
            let stance = word
                .asked
                .as_ref()
                .map_or(Stance::Withdrawn(word.clock), |_| Stance::For(word.clock));
            // A withdrawal is about whatever slug the guest was admitted under.
            let slugs = admitted
                .iter()
                .filter(|other| other.guest == word.guest && (word.asked.is_none() || other.slug() == word.slug()))
                .filter_map(|other| other.slug());
            for slug in slugs {
                for slug in [clashing_slug(slug, word.guest), slug.to_owned()] {
                    let key = ChangeKey::Seat(word.guest, slug);
                    let seated = decided.on(&key).filter_map(|taken| match &taken.proposal.change {
                        Change::Seat { counter, .. } => Some(*counter),
                        _ => None,
                    });
                    let counter = word.asked.as_ref().map_or(u32::MAX, |(_, counter)| *counter);
                    let is_used_up = seated.max().is_some_and(|seated| seated >= counter);
                    hear(key, stance, is_used_up);
                }
            }
        }
        words
    }

    fn pending(&self) -> impl Iterator<Item = &Opinion> {
        self.all()
            .filter(|opinion| opinion.is_proper() && opinion.state == State::Pending)
    }
}

impl Roster {
    /// The decision that makes this change, after everything that is taken here.
    pub fn propose(&self, change: Change) -> Proposal {
        let mut after = self.ballots.heads();
        if let Change::Adopt(decisions) = &change {
            after.extend(decisions);
        }
        Proposal {
            after,
            left: self.ballots.left_now(),
            change,
        }
    }

    /// What the node of this hub has to say now, if it votes.
    pub fn duties(&self, own: HubId) -> Vec<Duty> {
        if !self.votes(own) {
            return Vec::new();
        }
        let ballots = &self.ballots;
        let decided = ballots.decided();
        let words = ballots.words(own, &decided);
        let mut duties = Vec::new();
        let mut signed: BTreeMap<(HubId, Option<ChangeKey>), &Opinion> = BTreeMap::new();
        let mut renewed: BTreeMap<ChangeKey, &Opinion> = BTreeMap::new();
        for opinion in ballots.pending() {
            let key = opinion.proposal.change.key();
            if ballots.is_settled_by(opinion, &decided) {
                continue;
            }
            // Whoever took what others refused helps them to take it too: that, and nothing it has not taken itself.
            let agrees =
                matches!(&key, ChangeKey::Adopt(named) if ballots.are_taken(named)) && ballots.past_is_taken(opinion);
            if !agrees && !words.get(&key).is_some_and(Words::stand) {
                continue;
            }
            let is_current = |one: &Opinion| one.lacks.is_empty() && !ballots.builds_on_spoiled(one);
            if is_current(opinion) {
                // One of each proposer is enough: a hostile one has no end of copies, and what is signed at once is taken at
                // once, until no later decision could name it all. The smallest, so that all sign the same. Of what it
                // proposes to adopt only the newest: there is no end of different ones.
                let stands = words.get(&key).is_some_and(Words::stand);
                if opinion.voters.contains(&own) {
                    let one = signed
                        .entry((opinion.proposer, stands.then_some(key)))
                        .or_insert(opinion);
                    let is_better = if stands {
                        (opinion.needed, opinion.id) < (one.needed, one.id)
                    } else {
                        (opinion.clock, opinion.id) > (one.clock, one.id)
                    };
                    if is_better {
                        *one = opinion;
                    }
                }
                continue;
            }
            let current = ballots
                .pending()
                .any(|other| is_current(other) && other.proposal.change.key() == key);
            if current {
                continue;
            }
            if opinion.proposer == own {
                let newest = renewed.entry(key).or_insert(opinion);
                if opinion.clock > newest.clock {
                    *newest = opinion;
                }
            } else if !opinion.words.contains_key(&own) {
                duties.push(Duty::Ask(opinion.id));
            }
        }
        let unsigned = signed
            .into_values()
            .filter(|opinion| !opinion.signatures.contains_key(&own));
        duties.extend(unsigned.map(|opinion| Duty::Sign(opinion.id)));
        // What could not pass anew either stays as it is: it would be renewed for ever.
        let again = renewed
            .into_values()
            .map(|old| self.propose(old.proposal.change.clone()))
            .filter(|proposal| ballots.could_pass(own, proposal));
        duties.extend(again.map(Duty::Renew));
        duties
    }

    /// Whether the proposer's node proposes a pending decision again when that lacks something taken since: its hub votes,
    /// and still wants the change.
    pub fn is_renewed(&self, opinion: &Opinion) -> bool {
        let words = self.ballots.words(opinion.proposer, &self.ballots.decided());
        let key = opinion.proposal.change.key();
        self.votes(opinion.proposer) && words.get(&key).is_some_and(Words::stand)
    }

    /// How many changes this hub proposes that are decided neither way: those that could yet pass as they are, and that it
    /// still wants.
    pub fn undecided(&self, own: HubId) -> usize {
        let decided = self.ballots.decided();
        let words = self.ballots.words(own, &decided);
        let own = self.ballots.pending().filter(|opinion| {
            let stands = || words.get(&opinion.proposal.change.key()).is_some_and(Words::stand);
            opinion.proposer == own && opinion.lacks.is_empty() && stands()
        });
        let changes: BTreeSet<ChangeKey> = own.map(|opinion| opinion.proposal.change.key()).collect();
        changes.len()
    }

    /// Pending decisions that wait for this hub: it votes in their past, and said nothing about their change.
    pub fn votes_open(&self, own: HubId) -> usize {
        if !self.votes(own) {
            return 0;
        }
        let decided = self.ballots.decided();
        let words = self.ballots.words(own, &decided);
        let waits = |opinion: &&Opinion| {
            let has_spoken = words
                .get(&opinion.proposal.change.key())
                .is_some_and(|words| words.stand() || matches!(words.last, Stance::Withdrawn(_)));
            opinion.voters.contains(&own)
                && opinion.has_a_say(&own)
                && !has_spoken
                && !self.ballots.is_settled_by(opinion, &decided)
        };
        self.ballots.pending().filter(waits).count()
    }
}
