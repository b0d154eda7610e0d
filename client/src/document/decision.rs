//! Decisions about who belongs.

use interhub_proto::v1;
use serde::Serialize;

use super::{instant, present};

/// `network decisions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionsDocument {
    /// The newest first.
    pub decisions: Vec<DecisionDocument>,
}

/// `network vote`, `network adopt`, `network object`, `network rules`, and an entry of `network decisions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of interhub.v1.ShownDecision, documented there"
)]
pub struct DecisionDocument {
    pub id: String,
    pub change: String,
    pub slug: Option<String>,
    pub hub: Option<String>,
    pub reason: Option<String>,
    pub proposer: String,
    pub proposed: Option<String>,
    pub state: &'static str,
    pub since: Option<String>,
    pub votes: Vec<String>,
    pub needed: u32,
    pub voters: Vec<String>,
    pub own_vote: String,
    pub explanation: String,
    pub after: Vec<String>,
    pub counts_from: Option<String>,
    pub objected: bool,
}

impl From<v1::ShownDecision> for DecisionDocument {
    fn from(decision: v1::ShownDecision) -> Self {
        Self {
            state: match v1::DecisionState::try_from(decision.state) {
                Ok(v1::DecisionState::Passed) => "passed",
                Ok(v1::DecisionState::Refused) => "refused",
                Ok(v1::DecisionState::Pending | v1::DecisionState::Unspecified) | Err(_) => "pending",
            },
            slug: present(&decision.slug),
            hub: present(&decision.hub),
            reason: present(&decision.reason),
            proposed: instant(decision.proposed.as_ref()),
            since: instant(decision.since.as_ref()),
            counts_from: instant(decision.counts_from.as_ref()),
            objected: decision.objected,
            id: decision.id,
            change: decision.change,
            proposer: decision.proposer,
            votes: decision.votes,
            needed: decision.needed,
            voters: decision.voters,
            own_vote: decision.own_vote,
            explanation: decision.explanation,
            after: decision.after,
        }
    }
}

/// `hub vote`, `hub remove`, `hub readmit`, `hub rekey`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HubDecisionDocument {
    /// The hub.
    pub slug: String,
    /// Id of the decision.
    pub decision: String,
    /// `passed` or `pending`.
    pub state: &'static str,
    /// Voters that have signed it.
    pub votes: u32,
    /// How many have to.
    pub needed: u32,
}

impl From<v1::HubDecision> for HubDecisionDocument {
    fn from(decision: v1::HubDecision) -> Self {
        Self {
            slug: decision.slug,
            decision: decision.decision,
            state: if decision.passed { "passed" } else { "pending" },
            votes: decision.votes,
            needed: decision.needed,
        }
    }
}
