//! What the statements say about decisions, before it is known what hangs together.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use super::HeldStatement;
use super::decision::Proposal;
use crate::body::{Accept, Said, VoteWord};
use crate::ids::{HeaderHash, HubId};

/// A voter's admission of a guest, which is also its vote to seat it, or its withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Admitted {
    pub(super) clock: u64,
    pub(super) guest: HubId,
    /// The slug the guest asked for, and the counter of its accept; `None` for a withdrawal.
    pub(super) asked: Option<(String, u32)>,
}

impl Admitted {
    pub(super) fn slug(&self) -> Option<&str> {
        self.asked.as_ref().map(|(slug, _)| slug.as_str())
    }
}

/// What the statements say, before it is known what hangs together.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) proposals: BTreeMap<HeaderHash, Proposed>,
    pub(super) words: BTreeMap<HeaderHash, Vec<Spoken>>,
    pub(super) leaves: BTreeMap<HeaderHash, (HubId, u32)>,
    /// Leaves that a stolen key signed.
    pub(super) void_leaves: BTreeMap<HeaderHash, (HubId, u32)>,
    pub(super) admissions: BTreeMap<HubId, Vec<Admitted>>,
}

/// A decision as somebody proposed it.
pub(super) struct Proposed {
    pub(super) by: HubId,
    pub(super) clock: u64,
    pub(super) proposal: Proposal,
    /// A stolen key signed it: what it proposes stands, for others to sign, and its proposer has not signed it.
    pub(super) void: bool,
}

/// A word about a decision.
pub(super) struct Spoken {
    pub(super) by: HubId,
    pub(super) clock: u64,
    pub(super) word: VoteWord,
    /// A stolen key signed it.
    pub(super) void: bool,
}

/// Reads the statements; what is in `void` was signed with stolen keys, and no key that was not stolen vouches for it.
pub(super) fn read(statements: &BTreeMap<HeaderHash, &HeldStatement>, void: &BTreeSet<HeaderHash>) -> Heard {
    let mut said = Heard::default();
    for (hash, statement) in statements {
        let (hub, clock) = (statement.hub, statement.clock);
        let is_void = void.contains(hash);
        match &statement.said {
            Said::Decide(decision) => {
                if let Ok(proposal) = Proposal::read(decision) {
                    let proposed = Proposed {
                        by: hub,
                        clock,
                        proposal,
                        void: is_void,
                    };
                    said.proposals.insert(*hash, proposed);
                }
            }
            Said::Vote(vote) => {
                let word = VoteWord::try_from(vote.word).unwrap_or(VoteWord::Unspecified);
                if let Some(decision) = HeaderHash::from_slice(&vote.decision) {
                    let word = Spoken {
                        by: hub,
                        clock,
                        word,
                        void: is_void,
                    };
                    said.words.entry(decision).or_default().push(word);
                }
            }
            Said::Leave(leave) if is_void => drop(said.void_leaves.insert(*hash, (hub, leave.counter))),
            // From here on only what counts is heard.
            _ if is_void => {}
            Said::Leave(leave) => drop(said.leaves.insert(*hash, (hub, leave.counter))),
            Said::Admit(admit) => {
                let accept = Accept::decode(admit.accept.as_slice()).ok();
                let guest = accept.and_then(|accept| {
                    let key = <[u8; 32]>::try_from(accept.public_key.as_slice()).ok()?;
                    Some((HubId::of_first_key(&key), (accept.slug, accept.counter)))
                });
                if let Some((guest, asked)) = guest {
                    let asked = Some(asked);
                    let admitted = Admitted { clock, guest, asked };
                    said.admissions.entry(hub).or_default().push(admitted);
                }
            }
            Said::Withdraw(withdraw) => {
                if let Some(guest) = HubId::from_slice(&withdraw.hub) {
                    let asked = None;
                    let taken_back = Admitted { clock, guest, asked };
                    said.admissions.entry(hub).or_default().push(taken_back);
                }
            }
            Said::Founding(_) | Said::Address(_) | Said::NextKey(_) | Said::Object(_) => {}
        }
    }
    said
}
