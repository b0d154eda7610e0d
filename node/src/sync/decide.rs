//! Decisions and votes: what this hub's operator proposes, and what its node signs by itself.

use std::collections::BTreeSet;

use interhub_domain::body::{LogEnds, Said, Vote, VoteWord, Withdraw};
use interhub_domain::cut::RemovalCut;
use interhub_domain::ids::{HeaderHash, HubId, LogId, NetworkId};
use interhub_domain::registry::decision::{MAX_ENDS, MAX_UNDECIDED, check_reason, write_ends};
use interhub_domain::registry::duty::{Duty, Stance};
use interhub_domain::registry::{Change, Opinion, RegistryError, Standing, State};

use super::author::{Write, WriteError};
use super::ledger::{Inner, Ledger, LedgerError, Notice};
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::{Batch, StoreError, catalogue};

/// What a node says by itself at one go; what is left follows with the next envelope, or when the clock goes on.
const MAX_DUTIES: usize = 1_000;

/// Why this hub cannot decide, or vote for, what its operator wants. One line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// A guest, or a hub that is out.
    #[error("this hub has no vote; a voting hub can seat it with `interhub hub vote`")]
    NoVote,
    /// A hub does not remove itself.
    #[error("a hub does not remove itself; `interhub hub leave` takes it out of the network")]
    Oneself,
    /// It does not talk with itself.
    #[error("this is the hub itself; name another one, which `interhub hub list` shows")]
    BlocksItself,
    /// While fewer than three vote, nothing passes without the founder.
    #[error(
        "the founder decides alone while fewer than three hubs vote, so the others cannot remove it; seat more hubs first"
    )]
    Founder,
    /// It votes already.
    #[error("{0} votes already; there is nothing to decide")]
    VotesAlready(String),
    /// It is not active, so it cannot be seated.
    #[error("{slug} is not an active hub: {what}")]
    NotActive {
        /// The hub.
        slug: String,
        /// What it is, and what to do.
        what: &'static str,
    },
    /// It was not removed by a decision.
    #[error("{slug} was not removed by a decision: {what}")]
    NotRemoved {
        /// The hub.
        slug: String,
        /// What it is, and what to do.
        what: &'static str,
    },
    /// Said before.
    #[error("this hub has voted for it already; {votes} of the {needed} votes needed are there")]
    VotedAlready {
        /// Votes held.
        votes: usize,
        /// Votes needed.
        needed: usize,
    },
    /// Nothing to withdraw.
    #[error("this hub has not voted for this; there is nothing to withdraw")]
    NotVoted,
    /// Withdrawn before.
    #[error("this hub has withdrawn its vote for this already; `interhub network vote` gives it again")]
    WithdrawnAlready,
    /// The rules are what they would become.
    #[error("every voter may have {0} guests already; there is nothing to decide")]
    SameRules(u32),
    /// No decision with this id is known here.
    #[error("there is no such decision; `interhub network decisions` lists them")]
    Unknown,
    /// It is in force.
    #[error("this decision is in force already; there is nothing left to vote for")]
    InForce,
    /// It was refused here.
    #[error(
        "this decision was refused here, because it lacks what was decided before; `interhub network adopt` takes it after all"
    )]
    Refused,
    /// Only what was refused is adopted.
    #[error("only a decision that was refused here is adopted; this one is {0}")]
    NotRefused(&'static str),
    /// It was no voter when the decision was made.
    #[error("this hub had no vote in what this decision builds on; ask its proposer to propose it again")]
    NotAsked,
    /// It can never pass.
    #[error("this decision can never pass: its proposer had no vote, or the slug it gives is another voter's")]
    Improper,
    /// A hub with a key changes it by itself.
    #[error("a hub that has its key changes it with `interhub key rotate`, or `interhub key recover`")]
    OwnKeys,
    /// While fewer than three vote, nothing passes without the founder.
    #[error(
        "the founder decides alone while fewer than three hubs vote, so nobody else can give it another key; without its \
         recovery key it has to found another network"
    )]
    FounderKeys,
    /// The hub objected to these keys.
    #[error("{0} still has a key, and objected to these; ask its operator")]
    Objected(String),
    /// Some hub has or had one of these keys.
    #[error("one of these keys belongs to a hub already; a new folder has new ones: `interhubd init --lost-keys`")]
    KeysInUse,
    /// Only the hub itself objects, and only to keys.
    #[error("this decision gives this hub no keys; `interhub network decisions` says what each is about")]
    NotAboutOwnKeys,
    /// It was said before.
    #[error("this hub has objected to these keys already")]
    ObjectedAlready,
    /// The node has no key of the hub any more.
    #[error("this node does not have this hub's key any more, so it cannot object; see `interhub key show`")]
    KeyGone,
    /// Decided at once, no later decision could name them all.
    #[error(
        "{MAX_UNDECIDED} proposals of this hub are undecided; wait until others have voted, or withdraw some: `interhub network decisions`"
    )]
    TooManyUndecided,
    /// Outside its limits.
    #[error("a reason or rule is not valid: {0}")]
    Record(#[from] RegistryError),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<LedgerError> for DecideError {
    fn from(error: LedgerError) -> Self {
        Self::Write(error.into())
    }
}

/// How a hub goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// By a decision.
    Decided(HeaderHash),
    /// The own admission of a guest is taken back; this hub alone does that.
    Withdrawn(HeaderHash),
}

fn vote(id: HeaderHash, word: VoteWord) -> Said {
    Said::Vote(Vote {
        decision: id.0.to_vec(),
        word: word.into(),
    })
}

impl Ledger {
    /// Signs what this hub's operator voted for, asks for what has to be renewed, renews what it proposed.
    pub(super) fn do_duties(&self, inner: &mut Inner) -> Result<(), LedgerError> {
        let Some(network) = self.network().filter(|_| !inner.entering) else {
            return Ok(());
        };
        // What another key than the hub's present one signs may be void, and would be said again and again.
        let own_key = (self.key_number, self.own.public_key());
        let own = inner.roster.members.get(&self.own_id);
        if own.is_some_and(|own| own.keys.current != own_key) {
            return Ok(());
        }
        let mut before = None;
        for _ in 0..MAX_DUTIES {
            let Some(duty) = inner.roster.duties(self.own_id).into_iter().next() else {
                return Ok(());
            };
            if before.as_ref() == Some(&duty) {
                tracing::error!(?duty, "saying it does not do it");
                return Ok(());
            }
            before = Some(duty.clone());
            let said = match duty {
                Duty::Sign(id) => vote(id, VoteWord::Sign),
                Duty::Ask(id) => vote(id, VoteWord::AskRenewed),
                Duty::Renew(proposal) => Said::Decide(proposal.write()),
            };
            match self.write_locked(inner, network, Write::Statement(said)) {
                Ok(_) => {}
                Err(WriteError::Ledger(error)) => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "a vote could not be written");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Votes for a change: for a pending decision that makes it, or by proposing one.
    pub(super) fn stand_for(
        &self,
        inner: &mut Inner,
        network: NetworkId,
        change: Change,
    ) -> Result<HeaderHash, DecideError> {
        let key = change.key();
        let pending = |opinion: &&Opinion| {
            opinion.is_proper()
                && opinion.state == State::Pending
                && opinion.lacks.is_empty()
                && opinion.proposal.change.key() == key
        };
        let known = inner
            .roster
            .ballots
            .all()
            .filter(pending)
            .max_by_key(|opinion| opinion.signed().count());
        let (said, known) = match known {
            Some(opinion) if opinion.signatures.contains_key(&self.own_id) => return Ok(opinion.id),
            Some(opinion) => (vote(opinion.id, VoteWord::Sign), Some(opinion.id)),
            None if inner.roster.undecided(self.own_id) >= MAX_UNDECIDED => return Err(DecideError::TooManyUndecided),
            None => (Said::Decide(inner.roster.propose(change).write()), None),
        };
        let written = self.write_locked(inner, network, Write::Statement(said))?;
        self.do_duties(inner)?;
        Ok(known.or(written.hash).unwrap_or(HeaderHash::ZERO))
    }

    pub(super) fn deciding(&self, inner: &Inner) -> Result<NetworkId, DecideError> {
        let network = self.network().ok_or(WriteError::NoNetwork)?;
        if inner.roster.votes(self.own_id) {
            Ok(network)
        } else {
            Err(DecideError::NoVote)
        }
    }

    pub(super) fn decided<T>(&self, done: Result<T, DecideError>) -> Result<T, DecideError> {
        let done = done?;
        self.make_durable().map_err(LedgerError::from)?;
        Ok(done)
    }

    /// Votes to seat a guest. Returns the decision.
    pub fn vote_to_seat(&self, hub: HubId) -> Result<HeaderHash, DecideError> {
        let mut inner = self.lock();
        let network = self.deciding(&inner)?;
        let roster = inner.roster.clone();
        let member = roster.members.get(&hub).ok_or(DecideError::Unknown)?;
        let slug = member.shown_slug.clone();
        if member.votes() {
            return Err(DecideError::VotesAlready(slug));
        }
        if let Some(what) = not_active(member.standing) {
            return Err(DecideError::NotActive { slug, what });
        }
        let change = Change::Seat {
            hub,
            slug,
            counter: member.counter,
        };
        if let Some((votes, needed)) = voted(&inner, self.own_id, &change) {
            return Err(DecideError::VotedAlready { votes, needed });
        }
        let id = self.stand_for(&mut inner, network, change)?;
        drop(inner);
        self.decided(Ok(id))
    }

    /// Votes to remove a hub, or takes back the own admission of a guest. A removal that is pending or in force already
    /// is returned as it is.
    pub fn remove(&self, hub: HubId, reason: &str) -> Result<Removal, DecideError> {
        check_reason(reason)?;
        let mut inner = self.lock();
        let network = self.deciding(&inner)?;
        if hub == self.own_id {
            return Err(DecideError::Oneself);
        }
        let roster = inner.roster.clone();
        let member = roster.members.get(&hub).ok_or(DecideError::Unknown)?;
        if let Some(id) = roster.removals_of(hub).first() {
            return Ok(Removal::Decided(*id));
        }
        let sole = sole_founder(&inner);
        if sole == Some(hub) {
            return Err(DecideError::Founder);
        }
        if sole != Some(self.own_id) && member.guest_of == Some(self.own_id) && member.standing != Standing::Removed {
            let withdraw = Withdraw {
                hub: hub.0.to_vec(),
                counter: member.counter,
                ends: Some(LogEnds {
                    ends: write_ends(&ends_of(&inner, hub)),
                }),
            };
            let written = self.write_locked(&mut inner, network, Write::Statement(Said::Withdraw(withdraw)))?;
            self.do_duties(&mut inner)?;
            drop(inner);
            return self.decided(Ok(Removal::Withdrawn(written.hash.unwrap_or(HeaderHash::ZERO))));
        }
        let change = Change::Remove {
            hub,
            reason: reason.to_owned(),
            ends: ends_of(&inner, hub),
        };
        let id = self.stand_for(&mut inner, network, change)?;
        drop(inner);
        self.decided(Ok(Removal::Decided(id)))
    }

    /// Votes to take a removed hub back.
    pub fn readmit(&self, hub: HubId) -> Result<HeaderHash, DecideError> {
        let mut inner = self.lock();
        let network = self.deciding(&inner)?;
        let roster = inner.roster.clone();
        let member = roster.members.get(&hub).ok_or(DecideError::Unknown)?;
        let removals = roster.removals_of(hub);
        if removals.is_empty() {
            let what = match member.standing {
                Standing::Active => "it is active",
                Standing::Pending => "its admission waits for a free place",
                Standing::Left => "it left by itself, and comes back by an invitation",
                Standing::Removed => "its admission was taken back, and an invitation brings it in again",
            };
            let slug = member.shown_slug.clone();
            return Err(DecideError::NotRemoved { slug, what });
        }
        let id = self.stand_for(&mut inner, network, Change::Readmit { hub, removals })?;
        drop(inner);
        self.decided(Ok(id))
    }

    /// Votes for other rules.
    pub fn change_rules(&self, guests_per_voter: u32) -> Result<HeaderHash, DecideError> {
        let mut inner = self.lock();
        let network = self.deciding(&inner)?;
        let change = Change::Rules { guests_per_voter };
        interhub_domain::registry::Proposal::read(&inner.roster.propose(change.clone()).write())?;
        if inner.roster.guests_per_voter == guests_per_voter as usize {
            return Err(DecideError::SameRules(guests_per_voter));
        }
        let id = self.stand_for(&mut inner, network, change)?;
        drop(inner);
        self.decided(Ok(id))
    }

    /// Votes for a decision, or withdraws the vote for its change. Returns the decision that has the vote: another one, if
    /// nobody else proposes this one's change again.
    pub fn vote(&self, id: HeaderHash, withdraw: bool) -> Result<HeaderHash, DecideError> {
        let mut inner = self.lock();
        let network = self.deciding(&inner)?;
        let roster = inner.roster.clone();
        let opinion = roster.ballots.get(&id).ok_or(DecideError::Unknown)?;
        match opinion.state {
            State::Taken(_) => return Err(DecideError::InForce),
            State::Refused => return Err(DecideError::Refused),
            State::Pending if !opinion.is_proper() => return Err(DecideError::Improper),
            State::Pending => {}
        }
        if !withdraw && matches!(opinion.proposal.change, Change::ReplaceKey { hub, .. } if hub == self.own_id) {
            return Err(DecideError::OwnKeys);
        }
        let stance = roster
            .ballots
            .stances(self.own_id)
            .get(&opinion.proposal.change.key())
            .copied();
        let word = match (withdraw, stance) {
            (true, Some(Stance::For(_))) => VoteWord::Withdraw,
            (true, Some(Stance::Withdrawn(_))) => return Err(DecideError::WithdrawnAlready),
            (true, None) => return Err(DecideError::NotVoted),
            (false, Some(Stance::For(_))) if opinion.signatures.contains_key(&self.own_id) => {
                let (votes, needed) = (opinion.signed().count(), opinion.needed);
                return Err(DecideError::VotedAlready { votes, needed });
            }
            (false, _) if !opinion.voters.contains(&self.own_id) => return Err(DecideError::NotAsked),
            (false, _) if opinion.lacks.is_empty() => VoteWord::Sign,
            (false, _) if roster.ballots.is_settled(opinion) || !roster.is_renewed(opinion) => {
                // The same was decided since, and votes for this one are used up; or its proposer is out, or no longer
                // wants it. Whoever does proposes it.
                let change = opinion.proposal.change.clone();
                let again = self.stand_for(&mut inner, network, change)?;
                drop(inner);
                return self.decided(Ok(again));
            }
            (false, _) => VoteWord::AskRenewed,
        };
        self.write_locked(&mut inner, network, Write::Statement(vote(id, word)))?;
        self.do_duties(&mut inner)?;
        drop(inner);
        self.decided(Ok(id))
    }

    /// Votes to take a decision after all that was refused here.
    pub fn adopt(&self, id: HeaderHash) -> Result<HeaderHash, DecideError> {
        let mut inner = self.lock();
        let network = self.deciding(&inner)?;
        let opinion = inner.roster.ballots.get(&id).ok_or(DecideError::Unknown)?;
        match opinion.state {
            State::Refused => {}
            State::Taken(_) => return Err(DecideError::NotRefused("in force")),
            State::Pending => return Err(DecideError::NotRefused("pending; vote for it")),
        }
        let adopting = self.stand_for(&mut inner, network, Change::Adopt([id].into()))?;
        drop(inner);
        self.decided(Ok(adopting))
    }

    /// Talks with a hub no more, or again. Own to this node: no other hub is told.
    pub fn block(&self, hub: HubId, block: bool) -> Result<(), DecideError> {
        let mut inner = self.lock();
        if hub == self.own_id {
            return Err(DecideError::BlocksItself);
        }
        let mut blocked = inner.blocked.clone();
        let changed = if block {
            blocked.insert(hub)
        } else {
            blocked.remove(&hub)
        };
        if changed {
            let mut batch = Batch::new();
            let ids = MetaValue(blocked.iter().flat_map(|hub| hub.0).collect());
            catalogue::put(&mut batch, &MetaKey::Blocked, &ids);
            self.commit(&batch).map_err(LedgerError::from)?;
            inner.blocked = blocked;
            self.notify(Notice::Roster);
        }
        drop(inner);
        self.decided(Ok(()))
    }

    /// Hubs this one does not want to talk to.
    pub fn blocked(&self) -> BTreeSet<HubId> {
        self.lock().blocked.clone()
    }

    pub(super) fn load_blocked(&self, inner: &mut Inner) -> Result<(), StoreError> {
        if let Some(MetaValue(bytes)) = catalogue::get(&*self.store, &MetaKey::Blocked)? {
            inner.blocked = bytes.chunks(HubId::LEN).filter_map(HubId::from_slice).collect();
        }
        Ok(())
    }
}

pub(super) const fn not_active(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Active => None,
        Standing::Pending => Some("its admission waits for a free place"),
        Standing::Left => Some("it left; an invitation brings it back"),
        Standing::Removed => Some("it was removed; `interhub hub readmit` takes it back"),
    }
}

/// The founder, while its signature decides alone.
pub(super) fn sole_founder(inner: &Inner) -> Option<HubId> {
    let voters = inner.roster.ballots.voters_now();
    inner
        .roster
        .founder
        .filter(|founder| voters.len() < 3 && voters.contains(founder))
}

/// Votes and votes needed of a pending decision for this change that this hub has signed.
pub(super) fn voted(inner: &Inner, own: HubId, change: &Change) -> Option<(usize, usize)> {
    let key = change.key();
    let signed = inner.roster.ballots.all().find(|opinion| {
        opinion.state == State::Pending
            && opinion.lacks.is_empty()
            && opinion.proposal.change.key() == key
            && opinion.signatures.contains_key(&own)
    })?;
    Some((signed.signed().count(), signed.needed))
}

/// How far a hub's shared logs count if it is removed now: all that is held here, up to forks. Of the public and network
/// logs the runs that a later `open` names as they end are left out, as the removal's format has it.
pub(super) fn ends_of(inner: &Inner, hub: HubId) -> RemovalCut {
    let forked = |row: &interhub_domain::frontier::RowKey| inner.proofs.get(row).map(|proof| proof.a.header.seq);
    let mut ends: Vec<_> = inner
        .held
        .rows()
        .filter(|(row, _)| row.hub == hub && [LogId::REGISTRY, LogId::PUBLIC, LogId::NETWORK].contains(&row.log))
        .filter(|(row, head)| row.log == LogId::REGISTRY || inner.named.last_named(row) != Some(head.seq))
        .filter_map(|(row, head)| {
            let last = forked(&row).map_or(Some(head.seq), |fork| fork.checked_sub(1))?;
            Some((row.epoch, ((row.log, row.epoch), (last.min(head.seq), head.hash))))
        })
        .collect();
    // The newest runs, should there be more than a statement holds.
    ends.sort_by_key(|(epoch, _)| std::cmp::Reverse(*epoch));
    ends.truncate(MAX_ENDS);
    ends.into_iter().map(|(_, end)| end).collect()
}
