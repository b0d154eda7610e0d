//! Who belongs, decided: propose, vote, adopt, block; and every decision explained in words.

use interhub_domain::ids::{HeaderHash, HubId};
use interhub_domain::registry::duty::Stance;
use interhub_domain::registry::{Change, Member, Opinion, Roster, Standing, State};

use super::network::ShownHub;
use super::{CommandError, Commands};
use crate::clock::text_of;
use crate::identity::NewKeys;
use crate::sync::{Removal, WriteError};

/// Digits of an id that are enough to name a decision.
const MIN_ID_DIGITS: usize = 8;

/// A decision as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownDecision {
    /// The decision.
    pub id: HeaderHash,
    /// What it does, in one word.
    pub change: &'static str,
    /// The hub it concerns.
    pub hub: Option<HubId>,
    /// Its slug.
    pub slug: String,
    /// Why a hub is to be removed.
    pub reason: String,
    /// Slug of the proposer.
    pub proposer: String,
    /// When it was proposed, Unix milliseconds.
    pub proposed_ms: i64,
    /// What became of it.
    pub state: State,
    /// Slugs of the voters that signed it.
    pub votes: Vec<String>,
    /// How many have to.
    pub needed: usize,
    /// Slugs of the hubs that may.
    pub voters: Vec<String>,
    /// What this hub said of the change.
    pub own_vote: &'static str,
    /// All of it in words.
    pub explanation: String,
    /// What it builds on.
    pub after: Vec<HeaderHash>,
    /// When the keys in it count, Unix milliseconds, if it gives a hub others and is in force.
    pub counts_from_ms: Option<i64>,
    /// Whether that hub objected.
    pub objected: bool,
}

/// What became of a wish about a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubDecision {
    /// The hub's slug.
    pub slug: String,
    /// The decision.
    pub decision: HeaderHash,
    /// Whether it is in force.
    pub passed: bool,
    /// Voters that have signed it.
    pub votes: usize,
    /// How many have to.
    pub needed: usize,
}

impl Commands {
    /// Every decision this node knows, the newest first.
    pub async fn decisions(&self) -> Result<Vec<ShownDecision>, CommandError> {
        self.blocking("network decisions", |this| {
            this.ledger.network().ok_or(WriteError::NoNetwork)?;
            let roster = this.ledger.roster();
            let mut all: Vec<ShownDecision> = roster
                .ballots
                .all()
                .map(|opinion| shown(&roster, this.ledger.own_id(), opinion))
                .collect();
            all.sort_by_key(|one| std::cmp::Reverse((one.proposed_ms, one.id)));
            Ok(all)
        })
        .await
    }

    /// Votes for a decision, or withdraws.
    pub async fn vote(&self, id: String, withdraw: bool) -> Result<ShownDecision, CommandError> {
        self.blocking("network vote", move |this| {
            let id = this.decision_id(&id)?;
            let voted = this.ledger.vote(id, withdraw)?;
            this.shown_decision(voted)
        })
        .await
    }

    /// Votes to take a refused decision after all.
    pub async fn adopt(&self, id: String) -> Result<ShownDecision, CommandError> {
        self.blocking("network adopt", move |this| {
            let id = this.decision_id(&id)?;
            let adopting = this.ledger.adopt(id)?;
            this.shown_decision(adopting)
        })
        .await
    }

    /// Says that this hub still has its key, against a decision that would give it others.
    pub async fn object(&self, id: String) -> Result<ShownDecision, CommandError> {
        self.blocking("network object", move |this| {
            let id = this.decision_id(&id)?;
            this.ledger.object(id)?;
            this.shown_decision(id)
        })
        .await
    }

    /// Votes to give a hub that lost its keys the new ones that its folder printed.
    pub async fn rekey_hub(&self, slug: String, keys: String) -> Result<HubDecision, CommandError> {
        let parsed = keys.parse();
        let keys: NewKeys =
            parsed.map_err(|error: crate::identity::NewKeysError| CommandError::usage(error.to_string()))?;
        self.blocking("hub rekey", move |this| {
            let hub = this.hub_named(&slug)?;
            let id = this.ledger.rekey(hub, keys.public_key, keys.recovery_key)?;
            this.hub_decision(hub, id)
        })
        .await
    }

    /// Votes for other rules.
    pub async fn change_rules(&self, guests_per_voter: u32) -> Result<ShownDecision, CommandError> {
        self.blocking("network rules", move |this| {
            let id = this.ledger.change_rules(guests_per_voter)?;
            this.shown_decision(id)
        })
        .await
    }

    /// Votes to seat a guest.
    pub async fn vote_to_seat(&self, slug: String) -> Result<HubDecision, CommandError> {
        self.blocking("hub vote", move |this| {
            let hub = this.hub_named(&slug)?;
            let id = this.ledger.vote_to_seat(hub)?;
            this.hub_decision(hub, id)
        })
        .await
    }

    /// Votes to remove a hub.
    pub async fn remove_hub(&self, slug: String, reason: String) -> Result<HubDecision, CommandError> {
        self.blocking("hub remove", move |this| {
            let hub = this.hub_named(&slug)?;
            match this.ledger.remove(hub, reason.trim())? {
                Removal::Decided(id) => this.hub_decision(hub, id),
                Removal::Withdrawn(decision) => {
                    let roster = this.ledger.roster();
                    Ok(HubDecision {
                        slug: slug_of(&roster, hub),
                        decision,
                        passed: !roster.is_active(hub),
                        votes: 1,
                        needed: 1,
                    })
                }
            }
        })
        .await
    }

    /// Votes to take a removed hub back.
    pub async fn readmit_hub(&self, slug: String) -> Result<HubDecision, CommandError> {
        self.blocking("hub readmit", move |this| {
            let hub = this.hub_named(&slug)?;
            let id = this.ledger.readmit(hub)?;
            this.hub_decision(hub, id)
        })
        .await
    }

    /// Talks with a hub no more, or again.
    pub async fn block_hub(&self, slug: String, block: bool) -> Result<ShownHub, CommandError> {
        let named = slug.clone();
        self.blocking("hub block", move |this| {
            let hub = this.hub_named(&named)?;
            Ok(this.ledger.block(hub, block)?)
        })
        .await?;
        self.show_hub(slug).await
    }

    fn hub_named(&self, slug: &str) -> Result<HubId, CommandError> {
        self.ledger.network().ok_or(WriteError::NoNetwork)?;
        let roster = self.ledger.roster();
        let by_id = || {
            let id: HubId = slug.parse().ok()?;
            roster.members.get(&id)
        };
        let member = roster.by_slug(slug).or_else(by_id);
        member.map(|member| member.id).ok_or_else(|| {
            CommandError::not_found(format!("there is no hub {slug:.60?}; `interhub hub list` shows them"))
        })
    }

    /// The decision that begins with these digits.
    fn decision_id(&self, digits: &str) -> Result<HeaderHash, CommandError> {
        self.ledger.network().ok_or(WriteError::NoNetwork)?;
        let digits = digits.trim().to_ascii_lowercase();
        if digits.len() < MIN_ID_DIGITS || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            let advice = "a decision is named by its id, or at least the first eight digits of it; `interhub network decisions` shows them";
            return Err(CommandError::usage(advice));
        }
        let roster = self.ledger.roster();
        let mut found = roster
            .ballots
            .all()
            .filter(|opinion| opinion.id.to_string().starts_with(&digits));
        match (found.next(), found.next()) {
            (Some(opinion), None) => Ok(opinion.id),
            (Some(_), Some(_)) => Err(CommandError::usage(format!(
                "several decisions begin with {digits:.70}; give more digits"
            ))),
            (None, _) => Err(CommandError::not_found(format!(
                "there is no decision {digits:.70}; `interhub network decisions` shows them"
            ))),
        }
    }

    fn shown_decision(&self, id: HeaderHash) -> Result<ShownDecision, CommandError> {
        let roster = self.ledger.roster();
        let opinion = roster.ballots.get(&id);
        let opinion = opinion.ok_or_else(|| CommandError::not_found("the decision is not known here"))?;
        Ok(shown(&roster, self.ledger.own_id(), opinion))
    }

    fn hub_decision(&self, hub: HubId, id: HeaderHash) -> Result<HubDecision, CommandError> {
        let roster = self.ledger.roster();
        let opinion = roster.ballots.get(&id);
        let opinion = opinion.ok_or_else(|| CommandError::not_found("the decision is not known here"))?;
        Ok(HubDecision {
            slug: slug_of(&roster, hub),
            decision: id,
            passed: matches!(opinion.state, State::Taken(_)),
            votes: opinion.signed().count(),
            needed: opinion.needed,
        })
    }
}

fn slug_of(roster: &Roster, hub: HubId) -> String {
    let member = roster.members.get(&hub);
    member.map_or_else(|| hub.short(), |member| member.shown_slug.clone())
}

fn slugs<'a>(roster: &Roster, hubs: impl IntoIterator<Item = &'a HubId>) -> Vec<String> {
    let mut slugs: Vec<String> = hubs.into_iter().map(|hub| slug_of(roster, *hub)).collect();
    slugs.sort_unstable();
    slugs
}

fn shown(roster: &Roster, own: HubId, opinion: &Opinion) -> ShownDecision {
    let change = &opinion.proposal.change;
    let voted: Vec<HubId> = opinion.signed().map(|(hub, _)| hub).collect();
    let stances = roster.ballots.stances(own);
    let replacement = roster.replacements.get(&opinion.id);
    let reason = match change {
        Change::Remove { reason, .. } => reason.clone(),
        _ => String::new(),
    };
    ShownDecision {
        id: opinion.id,
        change: match change {
            Change::Seat { .. } => "seat",
            Change::Remove { .. } => "remove",
            Change::Readmit { .. } => "readmit",
            Change::ReplaceKey { .. } => "replace-key",
            Change::Rules { .. } => "rules",
            Change::Adopt(_) => "adopt",
        },
        hub: change.hub(),
        slug: change.hub().map(|hub| slug_of(roster, hub)).unwrap_or_default(),
        reason,
        proposer: slug_of(roster, opinion.proposer),
        proposed_ms: i64::try_from(opinion.clock >> 16).unwrap_or(i64::MAX),
        state: opinion.state,
        votes: slugs(roster, &voted),
        needed: opinion.needed,
        voters: slugs(roster, &opinion.voters),
        own_vote: match stances.get(&change.key()) {
            Some(Stance::For(_)) => "for",
            Some(Stance::Withdrawn(_)) => "withdrawn",
            None => "none",
        },
        explanation: explain(roster, own, opinion),
        after: opinion.proposal.after.iter().copied().collect(),
        counts_from_ms: replacement.and_then(|replacement| replacement.counts_from_ms),
        objected: replacement.is_some_and(|replacement| replacement.objected),
    }
}

/// What a decision does, to be read after "to".
fn purpose(roster: &Roster, change: &Change) -> String {
    match change {
        Change::Seat { hub, slug, .. } => format!("give {} a vote, as {slug}", slug_of(roster, *hub)),
        Change::Remove { hub, reason, .. } => format!("remove {} ({reason})", slug_of(roster, *hub)),
        Change::Readmit { hub, .. } => format!("take {} back", slug_of(roster, *hub)),
        Change::ReplaceKey { hub, .. } => format!("give {}, which has lost its keys, new ones", slug_of(roster, *hub)),
        Change::Rules { guests_per_voter: 1 } => "let every voter have one guest at most".to_owned(),
        Change::Rules { guests_per_voter } => format!("let every voter have up to {guests_per_voter} guests"),
        Change::Adopt(decisions) => {
            let adopted: Vec<String> = decisions.iter().map(|id| adopted(roster, id)).collect();
            format!(
                "take after all what some nodes refused as too late: {}",
                said(&adopted, "and")
            )
        }
    }
}

/// What a decision does that another one adopts.
fn adopted(roster: &Roster, id: &HeaderHash) -> String {
    let short = id.short();
    match roster.ballots.get(id).map(|opinion| &opinion.proposal.change) {
        None => format!("decision {short}, which is not known here"),
        Some(Change::Adopt(_)) => format!("decision {short}, which itself takes others"),
        Some(change) => format!("to {} ({short})", purpose(roster, change)),
    }
}

/// A list of names as people say it.
fn said(names: &[String], last: &str) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [all @ .., end] => format!("{} {last} {end}", all.join(", ")),
    }
}

/// Who proposed what, who voted, how many are needed, why it waits or was refused, and what to do.
fn explain(roster: &Roster, own: HubId, opinion: &Opinion) -> String {
    let voted: Vec<HubId> = opinion.signed().map(|(hub, _)| hub).collect();
    let proposed = format!(
        "{} proposed to {}.",
        slug_of(roster, opinion.proposer),
        purpose(roster, &opinion.proposal.change)
    );
    let have = if voted.len() == 1 { "has" } else { "have" };
    let names = said(&slugs(roster, &voted), "and");
    let count = match opinion.sole {
        Some(founder) => format!(
            "; {}, the founder, decides alone while fewer than three hubs vote.",
            slug_of(roster, founder)
        ),
        None => format!(
            ", {} of the {} votes needed among {} voters.",
            voted.len(),
            opinion.needed,
            opinion.voters.len()
        ),
    };
    let outcome = outcome(roster, own, opinion, &voted);
    let keys = key_outcome(roster, own, opinion);
    let withdrawn = withdrawn_outcome(roster, own, opinion);
    format!("{proposed} {names} {have} voted for it{count} {outcome}{withdrawn}{keys}")
}

/// What becomes of the keys that a decision gives a hub, and what that hub can do.
fn key_outcome(roster: &Roster, own: HubId, opinion: &Opinion) -> String {
    let Some(replacement) = roster.replacements.get(&opinion.id) else {
        return String::new();
    };
    let slug = slug_of(roster, replacement.hub);
    if replacement.objected {
        return format!(" {slug} still has a key and objected, so these keys never count.");
    }
    let until = match replacement.counts_from_ms {
        Some(from) if replacement.due => return format!(" Its keys count since {}.", text_of(from)),
        Some(from) => format!(" Its keys count from {} on, unless {slug} objects.", text_of(from)),
        None => format!(" Its keys would count seven days after it has passed, unless {slug} objects."),
    };
    if replacement.hub == own && opinion.is_proper() {
        let id = opinion.id.short();
        return format!("{until} That is this hub: if its key is not lost, `interhub network object {id}`.");
    }
    until
}

fn outcome(roster: &Roster, own: HubId, opinion: &Opinion, voted: &[HubId]) -> String {
    let id = opinion.id.short();
    match opinion.state {
        State::Taken(_) => "It is in force.".to_owned(),
        State::Refused => format!(
            "It has its votes, but lacks what was in force here for more than seven days, so this node refuses it: it was \
             decided without what the others knew. `interhub network adopt {id}` proposes to take it after all."
        ),
        State::Pending if !opinion.is_proper() => {
            "It can never pass: its proposer had no vote, or the slug it gives is another voter's.".to_owned()
        }
        State::Pending if opinion.is_signed_by_enough() => {
            "It has its votes, and waits for what it builds on to pass.".to_owned()
        }
        State::Pending if !opinion.lacks.is_empty() => lacking(roster, opinion),
        State::Pending => {
            let open: Vec<HubId> = opinion
                .voters
                .iter()
                .filter(|hub| !voted.contains(hub))
                .copied()
                .collect();
            let waits = match opinion.sole {
                Some(founder) => format!("It waits for {}.", slug_of(roster, founder)),
                None => format!(
                    "It waits for {} more of {}.",
                    opinion.needed.saturating_sub(voted.len()),
                    said(&slugs(roster, &open), "and")
                ),
            };
            if !open.contains(&own) {
                waits
            } else if has_withdrawn(roster, own, opinion) {
                format!("{waits} This hub has withdrawn its vote: `interhub network vote {id}` gives it again.")
            } else {
                format!("{waits} This hub has not voted: `interhub network vote {id}`.")
            }
        }
    }
}

/// Who proposes again a decision that lacks what was decided meanwhile.
fn lacking(roster: &Roster, opinion: &Opinion) -> String {
    let (id, proposer) = (opinion.id.short(), slug_of(roster, opinion.proposer));
    let why = if roster.ballots.is_settled(opinion) {
        "the same was decided without it".to_owned()
    } else if roster.is_renewed(opinion) {
        return format!(
            "It lacks what was decided meanwhile: {proposer}'s node proposes it again as soon as it knows of that, and \
             whoever voted for it votes again by itself."
        );
    } else if roster.votes(opinion.proposer) {
        format!("{proposer} has withdrawn its vote")
    } else {
        format!("{proposer} no longer votes")
    };
    format!(
        "It lacks what was decided meanwhile, and is not proposed again by itself, because {why}: `interhub network vote \
         {id}` does that for whoever wants it."
    )
}

fn has_withdrawn(roster: &Roster, hub: HubId, opinion: &Opinion) -> bool {
    let stance = roster.ballots.stances(hub).get(&opinion.proposal.change.key()).copied();
    matches!(stance, Some(Stance::Withdrawn(_)))
}

/// What is left of a vote that was withdrawn.
fn withdrawn_outcome(roster: &Roster, own: HubId, opinion: &Opinion) -> &'static str {
    let is_open = opinion.state == State::Pending && opinion.is_proper();
    if is_open && opinion.signatures.contains_key(&own) && has_withdrawn(roster, own, opinion) {
        return " This hub has withdrawn its vote: what it signed stays signed, but its node signs nothing more for this.";
    }
    ""
}

/// How a hub came to stand where it stands, and what is being decided about it.
pub(super) fn explain_hub(roster: &Roster, own: HubId, blocked: bool, member: &Member) -> Vec<String> {
    let mut lines = vec![stand(roster, member)];
    let about = |opinion: &&Opinion| opinion.proposal.change.hub() == Some(member.id);
    let removals = roster.removals_of(member.id);
    let threats: Vec<HeaderHash> = roster.key_threats(member.id).map(|(id, _)| *id).collect();
    for opinion in roster.ballots.all().filter(about) {
        let tells = match opinion.state {
            State::Taken(_) => removals.contains(&opinion.id) || threats.contains(&opinion.id),
            State::Refused => true,
            State::Pending => opinion.is_proper() && opinion.lacks.is_empty(),
        };
        if tells {
            lines.push(explain(roster, own, opinion));
        }
    }
    if blocked {
        let slug = &member.shown_slug;
        lines.push(format!(
            "This node does not talk to it; `interhub hub unblock {slug}` ends that."
        ));
    }
    lines
}

fn stand(roster: &Roster, member: &Member) -> String {
    let host = member.guest_of.map(|host| slug_of(roster, host)).unwrap_or_default();
    match member.standing {
        Standing::Active if member.voter && roster.founder == Some(member.id) => {
            "It votes: it founded the network.".to_owned()
        }
        Standing::Active if member.voter => "It votes: the others gave it a seat.".to_owned(),
        Standing::Active => format!(
            "It is a guest of {host}: it shares everything, but neither votes nor invites; `interhub hub vote {}` is a \
             vote to seat it.",
            member.shown_slug
        ),
        Standing::Pending => format!(
            "Its admission waits: {host} has {} guests already, and each voter may have {}.",
            member.guest_of.map_or(0, |host| roster.guests_of(host)),
            roster.guests_per_voter
        ),
        Standing::Left => "It left by its own statement; an invitation brings it back.".to_owned(),
        Standing::Removed if !roster.removals_of(member.id).is_empty() => {
            format!(
                "It was removed by the others; `interhub hub readmit {}` is a vote to take it back.",
                member.shown_slug
            )
        }
        Standing::Removed if member.cut.is_some() => {
            "It was never admitted: who admitted it was removed before that.".to_owned()
        }
        Standing::Removed => format!("{host} took its admission back; an invitation brings it in again."),
    }
}
