//! One decision whose whole past is held: who may vote, who did, what became of it.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::{Change, Proposal};
use super::positions::Positions;
use crate::body::VoteWord;
use crate::ids::{HeaderHash, HubId};

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
    /// Hubs whose signatures are void: a stolen key made them.
    pub void_signatures: BTreeSet<HubId>,
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
    /// Whether it can ever pass.
    pub(super) proper: bool,
    /// Whether its proposer has a vote in its past.
    pub(super) may_propose: bool,
    pub(super) passes: bool,
    /// It has not passed, and would have if nothing that a stolen key signed were void.
    pub(super) spoiled: bool,
    /// A stolen key signed something that would play a part in it, or did, were it vouched for.
    pub(super) disputed: bool,
    /// The places of the decisions it builds on.
    pub(super) past: Positions,
}

impl Opinion {
    /// Whether a hub has a say in it. In what gives it other keys it has none: it has lost its own, or objects. And the word of
    /// those keys that the old ones were stolen would take back the vote that gave them.
    pub(super) fn has_a_say(&self, hub: &HubId) -> bool {
        !matches!(&self.proposal.change, Change::ReplaceKey { hub: about, .. } if about == hub)
    }

    /// The voters of its past that have signed it and have a say, and when by their own clocks.
    pub fn signed(&self) -> impl Iterator<Item = (HubId, u64)> {
        let counts = |(hub, _): &(&HubId, &u64)| self.voters.contains(*hub) && self.has_a_say(hub);
        self.signatures.iter().filter(counts).map(|(hub, clock)| (*hub, *clock))
    }

    /// Whether as many of the voters of its past have signed it as it needs.
    pub fn is_signed_by_enough(&self) -> bool {
        match self.sole {
            Some(founder) => self.signatures.contains_key(&founder) && self.has_a_say(&founder),
            None => self.signed().count() >= self.needed,
        }
    }

    /// Whether it can ever pass: its proposer has a vote in its past, and a slug it gives is nobody else's there.
    pub const fn is_proper(&self) -> bool {
        self.proper
    }
}
