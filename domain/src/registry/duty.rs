//! What a voter's node says by itself: a vote is for a change, so the node signs every pending or renewed decision for the
//! same change until its operator withdraws.
//!
//! It signs only what follows from everything it has taken; otherwise it asks for a renewed decision, and whoever proposed
//! the old one makes it. What was taken once needs a new vote to be decided again: whoever was readmitted is not removed
//! by the votes of before.

use std::collections::BTreeMap;

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
    /// It wants it, since this moment of its hybrid clock.
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

impl Ballots {
    /// A hub's last word on every change it spoke about: by proposing, voting, admitting or withdrawing.
    pub fn stances(&self, hub: HubId) -> BTreeMap<ChangeKey, Stance> {
        let mut stances: BTreeMap<ChangeKey, Stance> = BTreeMap::new();
        let mut hear = |key: ChangeKey, stance: Stance| {
            let known = stances.entry(key).or_insert(stance);
            if stance.clock() > known.clock() {
                *known = stance;
            }
        };
        for opinion in self.all() {
            let key = opinion.proposal.change.key();
            if opinion.proposer == hub {
                hear(key.clone(), Stance::For(opinion.clock));
            }
            match opinion.words.get(&hub) {
                Some((clock, VoteWord::Sign | VoteWord::AskRenewed)) => hear(key, Stance::For(*clock)),
                Some((clock, VoteWord::Withdraw)) => hear(key, Stance::Withdrawn(*clock)),
                Some((_, VoteWord::Unspecified)) | None => {}
            }
        }
        let admitted = self.admissions.get(&hub).map(Vec::as_slice).unwrap_or_default();
        for word in admitted {
            let stance = word
                .slug
                .as_ref()
                .map_or(Stance::Withdrawn(word.clock), |_| Stance::For(word.clock));
            // A withdrawal is about whatever slug the guest was admitted under.
            let slugs = admitted
                .iter()
                .filter(|other| other.guest == word.guest && (word.slug.is_none() || other.slug == word.slug))
                .filter_map(|other| other.slug.clone());
            for slug in slugs {
                for slug in [clashing_slug(&slug, word.guest), slug] {
                    hear(ChangeKey::Seat(word.guest, slug), stance);
                }
            }
        }
        stances
    }

    /// Whether a hub stands behind a change now: its last word was for it, and nothing was decided about it since.
    fn stands(&self, stances: &BTreeMap<ChangeKey, Stance>, key: &ChangeKey) -> bool {
        let Some(Stance::For(clock)) = stances.get(key) else {
            return false;
        };
        let said_ms = i64::try_from(clock >> 16).unwrap_or(i64::MAX);
        let decided = self.in_force().filter(|opinion| opinion.proposal.change.key() == *key);
        decided
            .filter_map(|opinion| match opinion.state {
                State::Taken(since) => Some(since),
                State::Pending | State::Refused => None,
            })
            .all(|since| said_ms > since)
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
        let stances = ballots.stances(own);
        let mut duties = Vec::new();
        let mut renewed: BTreeMap<ChangeKey, &Opinion> = BTreeMap::new();
        for opinion in ballots.pending() {
            let key = opinion.proposal.change.key();
            // Whoever took what others refused helps them to take it too.
            let agrees = matches!(key, ChangeKey::Adopt(_)) && ballots.past_is_taken(opinion);
            if !agrees && !ballots.stands(&stances, &key) {
                continue;
            }
            let is_current = |one: &Opinion| one.lacks.is_empty() && !ballots.builds_on_spoiled(one);
            if is_current(opinion) {
                if opinion.voters.contains(&own) && !opinion.signatures.contains_key(&own) {
                    duties.push(Duty::Sign(opinion.id));
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
        let again = renewed
            .into_values()
            .map(|old| self.propose(old.proposal.change.clone()));
        duties.extend(again.map(Duty::Renew));
        duties
    }

    /// Pending decisions that wait for this hub: it votes in their past, and said nothing about their change.
    pub fn votes_open(&self, own: HubId) -> usize {
        if !self.votes(own) {
            return 0;
        }
        let stances = self.ballots.stances(own);
        let waits = |opinion: &&Opinion| {
            let key = opinion.proposal.change.key();
            let withdrawn = matches!(stances.get(&key), Some(Stance::Withdrawn(_)));
            opinion.voters.contains(&own) && !withdrawn && !self.ballots.stands(&stances, &key)
        };
        self.ballots.pending().filter(waits).count()
    }
}
