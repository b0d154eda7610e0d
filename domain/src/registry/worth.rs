//! What each statement is worth: which of those that are held say nothing, and why.
//!
//! It explains what [`compute`](super::compute) leaves out, for operators: nothing in the roster depends on it. Like the
//! roster it depends on the statements held and the decisions taken, and changes with them.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{RegistryError, check_address, read_founding, read_sealed_accept};
use super::decision::{Change, Proposal};
use super::{HeldStatement, HubKeys, Member, Opinion, Roster, Standing, State, keys, replace};
use crate::body::{Admit, Objection, Said, VoteWord};
use crate::ids::{HeaderHash, HubId, LogId, NetworkId};

/// Why a statement that is held says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    /// It breaks a rule of the format.
    #[error("{0}")]
    Invalid(#[from] RegistryError),
    /// Only voters say this.
    #[error("its signer has no vote")]
    NoVote,
    /// A decision that nobody's signature makes pass.
    #[error("its proposer had no vote when it proposed this")]
    NoVoteThen,
    /// A decision that nobody's signature makes pass.
    #[error("another voter has this slug")]
    SlugTaken,
    /// A word about keys, by a key that is none of the hub's.
    #[error("the key that signs it is none of the hub's")]
    ForeignKey,
    /// Nothing that it builds on, or is about, is held.
    #[error("waits for a decision that it names")]
    Waits,
    /// It was said with a key that was stolen.
    #[error("signed with a key that was stolen, and the hub does not vouch for it")]
    Stolen,
    /// It was said by a hub beyond the end that its removal names.
    #[error("beyond the end that its author's removal names")]
    Removed,
}

impl Unheard {
    /// Whether it would be heard, had nothing else become known.
    pub const fn is_void(&self) -> bool {
        matches!(self, Self::Stolen | Self::Removed)
    }
}

/// What is asked of every statement, found out once.
struct Scales<'a> {
    network: NetworkId,
    roster: &'a Roster,
    /// Hubs that vote or have voted.
    voters: BTreeSet<HubId>,
}

impl Roster {
    /// Those of the statements that say nothing, and why. Of the statements this roster was computed from.
    pub fn unheard<'a>(
        &self,
        network: NetworkId,
        statements: impl IntoIterator<Item = &'a HeldStatement>,
    ) -> BTreeMap<HeaderHash, Unheard> {
        let seated = self
            .ballots
            .in_force()
            .filter_map(|opinion| match &opinion.proposal.change {
                Change::Seat { hub, .. } => Some(*hub),
                _ => None,
            });
        let scales = Scales {
            network,
            roster: self,
            voters: self.ballots.founders().map(|(hub, _)| hub).chain(seated).collect(),
        };
        statements
            .into_iter()
            .filter_map(|statement| Some((statement.hash, scales.weigh(statement).err()?)))
            .collect()
    }
}

impl Scales<'_> {
    fn weigh(&self, statement: &HeldStatement) -> Result<(), Unheard> {
        // What a stolen key proposed stands, for others to sign.
        let is_in_force = |opinion: &Opinion| matches!(opinion.state, State::Taken(_));
        let is_void = self.roster.void.contains(&statement.hash);
        if is_void && !self.roster.ballots.get(&statement.hash).is_some_and(is_in_force) {
            return Err(Unheard::Stolen);
        }
        let by = statement.hub;
        match &statement.said {
            Said::Founding(bytes) => {
                if NetworkId::of_genesis(bytes) != self.network {
                    return Err(RegistryError::Network.into());
                }
                read_founding(bytes)?;
                Ok(())
            }
            Said::Admit(admit) => self.admission(statement, admit),
            Said::Withdraw(withdraw) => {
                hub_in(&withdraw.hub)?;
                self.voter(by)
            }
            Said::Leave(_) => Ok(()),
            Said::Address(address) => Ok(check_address(&address.address)?),
            Said::Decide(decision) => {
                Proposal::read(decision)?;
                self.decision(&statement.hash)
            }
            Said::Vote(vote) => {
                let decision = HeaderHash::from_slice(&vote.decision).ok_or(RegistryError::Field {
                    field: "decision",
                    rule: "32 bytes",
                })?;
                let word = VoteWord::try_from(vote.word).unwrap_or(VoteWord::Unspecified);
                if word == VoteWord::Unspecified {
                    return Err(RegistryError::Encoding.into());
                }
                // Those recognised now speak of what was refused, whether or not they had a vote in its past.
                let had_a_vote = self.roster.ballots.get(&decision);
                if had_a_vote.is_some_and(|opinion| opinion.voters.contains(&by)) {
                    return Ok(());
                }
                self.voter(by)?;
                had_a_vote.map(|_| ()).ok_or(Unheard::Waits)
            }
            Said::NextKey(next) => {
                let word = keys::read_sealed(self.network, next, &statement.seals)?;
                let speaks = |keys: &HubKeys| {
                    keys.recovery_keys.contains(&word.signer) || keys.all().any(|key| *key == word.signer)
                };
                let is_theirs = match word.hub {
                    Some(hub) => self.keys_of(hub).is_some_and(speaks),
                    None => self.roster.members.values().any(|member| speaks(&member.keys)),
                };
                is_theirs.then_some(()).ok_or(Unheard::ForeignKey)
            }
            Said::Object(objection) => self.objection(statement, objection),
        }
    }

    fn keys_of(&self, hub: HubId) -> Option<&HubKeys> {
        self.roster.members.get(&hub).map(|member| &member.keys)
    }

    fn voter(&self, hub: HubId) -> Result<(), Unheard> {
        self.voters.contains(&hub).then_some(()).ok_or(Unheard::NoVote)
    }

    fn admission(&self, statement: &HeldStatement, admit: &Admit) -> Result<(), Unheard> {
        self.voter(statement.hub)?;
        let later = |hub| self.keys_of(hub).into_iter().flat_map(HubKeys::trusted);
        let signed = (self.network, admit.accept.as_slice(), admit.signature.as_slice());
        read_sealed_accept(signed, &statement.seals, later)?;
        let is_cut = |member: &&Member| member.standing == Standing::Removed;
        let voter = self.roster.members.get(&statement.hub).filter(is_cut);
        let Some(cut) = voter.and_then(|voter| voter.cut.as_ref()) else {
            return Ok(());
        };
        let end = cut.get(&(LogId::REGISTRY, statement.epoch));
        let is_within = end.is_some_and(|(last, _)| statement.seq <= *last);
        is_within.then_some(()).ok_or(Unheard::Removed)
    }

    fn decision(&self, id: &HeaderHash) -> Result<(), Unheard> {
        let opinion = self.roster.ballots.get(id).ok_or(Unheard::Waits)?;
        if opinion.is_proper() {
            Ok(())
        } else if opinion.may_propose {
            Err(Unheard::SlugTaken)
        } else {
            Err(Unheard::NoVoteThen)
        }
    }

    /// An objection speaks against keys, also such as nobody has proposed yet.
    fn objection(&self, statement: &HeldStatement, objection: &Objection) -> Result<(), Unheard> {
        let word = replace::read_sealed(self.network, objection, &statement.seals)?;
        let is_about = |replacement: &&replace::Replacement| {
            (replacement.hub, replacement.public_key, replacement.recovery_key)
                == (word.hub, word.public_key, word.recovery_key)
        };
        let speaks = self.keys_of(word.hub).is_some_and(|keys| keys.may_object(&word.signer));
        let heeded = self
            .roster
            .replacements
            .values()
            .filter(is_about)
            .any(|one| one.objected);
        (speaks || heeded).then_some(()).ok_or(Unheard::ForeignKey)
    }
}

fn hub_in(bytes: &[u8]) -> Result<HubId, RegistryError> {
    HubId::from_slice(bytes).ok_or(RegistryError::Field {
        field: "hub",
        rule: "16 bytes",
    })
}
