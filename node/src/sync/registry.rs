//! Statements: the roster that follows from them, and what the own hub says about itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use interhub_domain::body::{Body, Content, Leave, LogEnds, Said};
use interhub_domain::document::{self, Reading, Refusal};
use interhub_domain::envelope::{Envelope, Header, Kind};
use interhub_domain::frontier::RowKey;
use interhub_domain::ids::{DocumentKind, HeaderHash, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::object::State;
use interhub_domain::profile::HubProfile;
use interhub_domain::registry::decision::write_ends;
use interhub_domain::registry::{HeldStatement, Member, Roster, Seals, Since, Standing, Taken};

use super::author::{Write, WriteError};
use super::count::Outcome;
use super::decide::ends_of;
use super::ledger::{Inner, Ledger, LedgerError, Notice};
use super::worth::NextRoster;
use crate::projection::{HubRow, HubStatus};
use crate::store::catalogue;
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::{Batch, StoreError};

/// Envelopes of one log read at a time when the registry is handed to a newcomer.
const REGISTRY_PAGE: usize = 1_000;

/// The statement in an envelope, as the rules see it.
pub(super) fn statement_of(envelope: &Envelope) -> Option<HeldStatement> {
    if !is_in_its_place(&envelope.header) {
        return None;
    }
    let body = Body::decode_bytes(&envelope.sealed.as_ref()?.body).ok()?;
    let Some(Content::Statement(statement)) = body.content else {
        return None;
    };
    Some(HeldStatement {
        hash: envelope.hash(),
        hub: envelope.header.hub,
        key_number: envelope.header.key_number,
        epoch: envelope.header.epoch,
        seq: envelope.header.seq,
        clock: body.clock,
        said: statement.said?,
        seals: Seals::default(),
    })
}

/// Whether a header is that of a statement where statements are made. With a document in it, it would be erased with
/// that.
pub(super) fn is_in_its_place(header: &Header) -> bool {
    header.kind == Kind::Statement && header.log == LogId::REGISTRY && header.object == ObjectId::ZERO
}

/// Judges a statement alone. What follows from it, and whether it says anything, is computed once for all of a batch.
pub(super) fn count_statement(envelope: &Envelope, outcome: &mut Outcome) -> State {
    if !is_in_its_place(&envelope.header) {
        return State::Refused(Refusal::Place);
    }
    let Some(statement) = statement_of(envelope) else {
        return State::Refused(Refusal::Body);
    };
    outcome.statements.push(statement);
    State::Counted
}

impl Ledger {
    /// The roster with the statements of a batch too: it, the rows of the hubs it changes, and which statements say nothing
    /// with it go into the batch.
    pub(super) fn count_roster(
        &self,
        inner: &Inner,
        batch: &mut Batch,
        outcome: &mut Outcome,
    ) -> Result<NextRoster, LedgerError> {
        let network = self.network().unwrap_or(NetworkId::ZERO);
        let all = inner.statements.iter().chain(&outcome.statements);
        let taken = inner.roster.ballots.taken();
        let roster = Roster::compute(network, all, &inner.named, taken, self.clock.now_ms());
        self.put_roster(inner, batch, &roster)?;
        let unheard = self.put_unheard(inner, batch, &roster, outcome)?;
        Ok(NextRoster {
            roster: Arc::new(roster),
            unheard,
        })
    }

    pub(super) fn statements_counted(&self, inner: &mut Inner, statements: Vec<HeldStatement>, next: NextRoster) {
        inner.statements.extend(statements);
        self.set_roster(inner, next);
    }

    /// The rows of the hubs a new roster changes, and what it takes and since when.
    fn put_roster(&self, inner: &Inner, batch: &mut Batch, roster: &Roster) -> Result<(), LedgerError> {
        let network = self.network().unwrap_or(NetworkId::ZERO);
        for (hub, member) in &roster.members {
            if inner.roster.members.get(hub) != Some(member) {
                let profile = self.profile_of(network, *hub)?;
                let row = hub_row(self, inner, member, profile);
                self.projector.hub_changed(batch, *hub, Some(&row))?;
            }
        }
        if roster.ballots.taken() != &inner.taken_stored {
            let taken = MetaValue(encode_taken(roster.ballots.taken()));
            catalogue::put(batch, &MetaKey::DecisionsTaken, &taken);
        }
        Ok(())
    }

    /// A roster whose rows are written is the one that counts from now on.
    fn set_roster(&self, inner: &mut Inner, NextRoster { roster, unheard }: NextRoster) {
        inner.unheard = unheard;
        inner.taken_stored.clone_from(roster.ballots.taken());
        self.warn_of_key_threats(inner, &roster);
        let moved = roster.members != inner.roster.members;
        inner.roster = roster;
        if moved {
            self.refresh_access(inner);
            self.notify(Notice::Roster);
        }
    }

    /// Computes the roster anew, because the clock went on, and says what follows from it.
    pub fn renew_roster(&self) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        let taken = inner.roster.ballots.taken().clone();
        self.recompute_roster(&mut inner, &taken)?;
        self.do_duties(&mut inner)?;
        drop(inner);
        self.make_durable()?;
        if let Err(error) = self.take_laid_key() {
            tracing::error!(%error, "the key that the registry names for this hub lies here and cannot be taken");
        }
        Ok(())
    }

    /// Computes the roster with this much taken, writes what it changes, and cuts logs where it says.
    pub(super) fn recompute_roster(&self, inner: &mut Inner, taken: &Taken) -> Result<(), LedgerError> {
        let Some(network) = self.network() else { return Ok(()) };
        let roster = Roster::compute(network, &inner.statements, &inner.named, taken, self.clock.now_ms());
        let (mut batch, mut outcome) = (Batch::new(), Outcome::default());
        self.put_roster(inner, &mut batch, &roster)?;
        let unheard = self.put_unheard(inner, &mut batch, &roster, &mut outcome)?;
        self.put_sum(inner, &mut batch, &mut outcome)?;
        if !batch.is_empty() {
            self.commit(&batch)?;
        }
        self.counted(inner, outcome)?;
        let roster = Arc::new(roster);
        self.set_roster(inner, NextRoster { roster, unheard });
        self.refresh_cuts(inner)
    }

    pub(super) fn load_statements(&self, inner: &mut Inner) -> Result<(), StoreError> {
        let mut statements = Vec::new();
        for envelope in self.registry_envelopes(inner)? {
            statements.extend(statement_of(&envelope));
        }
        inner.statements = statements;
        let stored = catalogue::get(&*self.store, &MetaKey::DecisionsTaken)?;
        let damaged = StoreError::Damaged {
            what: "list of decisions taken",
        };
        inner.taken_stored = match stored {
            Some(MetaValue(bytes)) => decode_taken(&bytes).ok_or(damaged)?,
            None => Taken::new(),
        };
        if let Some(network) = self.network() {
            let now_ms = self.clock.now_ms();
            let (named, taken) = (&inner.named, &inner.taken_stored);
            inner.roster = Arc::new(Roster::compute(network, &inner.statements, named, taken, now_ms));
            self.refresh_access(inner);
        }
        Ok(())
    }

    /// All registry logs held, founders' first, each in its order: an order in which they can be held.
    pub(super) fn registry_envelopes(&self, inner: &Inner) -> Result<Vec<Envelope>, StoreError> {
        let rows: Vec<RowKey> = inner
            .held
            .rows()
            .map(|(row, _)| row)
            .filter(|row| row.log == LogId::REGISTRY)
            .collect();
        let mut out: Vec<Envelope> = Vec::new();
        for row in rows {
            let mut from = 0;
            loop {
                let page = self.read_log(row, from, usize::MAX, REGISTRY_PAGE)?;
                let Some(last) = page.last() else { break };
                from = last.header.seq + 1;
                out.extend(page);
            }
        }
        out.extend(self.beyond_envelopes(inner, LogId::REGISTRY)?);
        // Founding records first, then by clock; within a log the clock only grows.
        let order = |envelope: &Envelope| {
            let statement = statement_of(envelope);
            let founding = matches!(
                statement,
                Some(HeldStatement {
                    said: Said::Founding(_),
                    ..
                })
            );
            let clock = envelope
                .sealed
                .as_ref()
                .and_then(|sealed| Body::decode_bytes(&sealed.body).ok())
                .map_or(0, |body| body.clock);
            (!founding, clock, envelope.header.seq)
        };
        let founders: BTreeSet<HubId> = out
            .iter()
            .filter(|envelope| !order(envelope).0)
            .map(|envelope| envelope.header.hub)
            .collect();
        out.sort_by_key(|envelope| {
            let (_, clock, seq) = order(envelope);
            (!founders.contains(&envelope.header.hub), clock, seq)
        });
        Ok(out)
    }

    /// Writes the own hub's page as the configuration has it; nothing if it is written already.
    pub fn publish_profile(&self) -> Result<(), WriteError> {
        let Some(network) = self.network() else { return Ok(()) };
        // Of a hub that is gone it would count nowhere; it is said when the hub comes back.
        let is_cut = self
            .roster()
            .members
            .get(&self.own_id)
            .is_some_and(|own| own.cut.is_some());
        if self.is_removed() || is_cut {
            return Ok(());
        }
        let thing = ThingId(self.own_id.0);
        let object = ObjectId::derive(network, self.own_id, LogId::PUBLIC, DocumentKind::HubProfile, thing);
        let reading = Reading::HubProfile(self.own.profile.clone());
        let known = self.load_object(object).map_err(LedgerError::from)?.0;
        let write = if known.is_shown() {
            Write::Change { object, reading }
        } else {
            Write::Create {
                log: LogId::PUBLIC,
                kind: DocumentKind::HubProfile,
                thing,
                reading,
            }
        };
        self.write(vec![write])?;
        Ok(())
    }

    /// Says where this node can be reached, if the roster says otherwise.
    pub fn publish_address(&self) -> Result<(), WriteError> {
        let known = self
            .roster()
            .members
            .get(&self.own_id)
            .map(|member| member.address.clone());
        if known.is_none_or(|known| known == self.own.address) {
            return Ok(());
        }
        let said = Said::Address(interhub_domain::body::Address {
            address: self.own.address.clone(),
        });
        self.write(vec![Write::Statement(said)])?;
        Ok(())
    }

    /// Leaves the network by the own statement.
    pub fn leave(&self) -> Result<(), WriteError> {
        self.leave_after(0)
    }

    /// The same, by a word that comes after all up to this counter.
    pub(super) fn leave_after(&self, counter: u32) -> Result<(), WriteError> {
        let roster = self.roster();
        let member = roster.members.get(&self.own_id).ok_or(WriteError::NoNetwork)?;
        if member.standing == Standing::Left {
            return Ok(());
        }
        let others = |votes: bool| {
            let mut members = roster.members.values();
            members.any(|other| other.id != self.own_id && other.standing == Standing::Active && other.votes() == votes)
        };
        if member.votes() && !others(true) && others(false) {
            return Err(WriteError::LastVoter);
        }
        let network = self.network().ok_or(WriteError::NoNetwork)?;
        let mut inner = self.lock();
        let leave = Leave {
            counter: member.counter.max(counter).saturating_add(1),
            ends: Some(LogEnds {
                ends: write_ends(&ends_of(&inner, self.own_id)),
            }),
        };
        self.write_locked(&mut inner, network, Write::Statement(Said::Leave(leave)))?;
        self.do_duties(&mut inner)?;
        drop(inner);
        self.make_durable()?;
        Ok(())
    }

    /// At this moment everything this hub has is here too.
    pub fn mark_as_of(&self, hub: HubId) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        inner.as_of_ms.insert(hub, self.clock.now_ms());
        inner.exchanged = true;
        let mut batch = Batch::new();
        write_hub_row(self, &inner, &mut batch, hub, None)?;
        self.commit(&batch)?;
        Ok(())
    }

    pub(super) fn profile_of(&self, network: NetworkId, hub: HubId) -> Result<HubProfile, StoreError> {
        let object = ObjectId::derive(network, hub, LogId::PUBLIC, DocumentKind::HubProfile, ThingId(hub.0));
        let saved = self.load_object(object)?.0.snapshot;
        let reading = saved.and_then(|saved| document::read_saved(&saved, DocumentKind::HubProfile).ok());
        Ok(match reading {
            Some(Reading::HubProfile(profile)) => profile,
            _ => HubProfile::default(),
        })
    }
}

pub(super) fn write_hub_row(
    ledger: &Ledger,
    inner: &Inner,
    batch: &mut Batch,
    hub: HubId,
    profile: Option<HubProfile>,
) -> Result<(), LedgerError> {
    let Some(member) = inner.roster.members.get(&hub) else {
        return Ok(());
    };
    let profile = match (profile, ledger.network()) {
        (Some(profile), _) => profile,
        (None, Some(network)) => ledger.profile_of(network, hub)?,
        (None, None) => HubProfile::default(),
    };
    let row = hub_row(ledger, inner, member, profile);
    ledger.projector.hub_changed(batch, hub, Some(&row))?;
    Ok(())
}

fn hub_row(ledger: &Ledger, inner: &Inner, member: &Member, profile: HubProfile) -> HubRow {
    let status = match member.standing {
        Standing::Active => HubStatus::Active,
        Standing::Pending => HubStatus::Pending,
        Standing::Left => HubStatus::Left,
        Standing::Removed => HubStatus::Removed,
    };
    HubRow {
        id: member.id,
        slug: member.shown_slug.clone(),
        status,
        voter: member.voter,
        guest_of: member.guest_of,
        own: member.id == ledger.own_id,
        address: member.address.clone(),
        profile,
        as_of_ms: inner.as_of_ms.get(&member.id).copied(),
    }
}

/// What was taken and since when, as it is stored: what was given back with a negative number.
pub(super) fn encode_taken(taken: &Taken) -> Vec<u8> {
    let number = |since: &Since| {
        if since.given_back {
            -since.ms.max(1)
        } else {
            since.ms.max(0)
        }
    };
    let rows: Vec<([u8; 32], i64)> = taken.iter().map(|(id, since)| (id.0, number(since))).collect();
    catalogue::encode_row(1, &rows)
}

/// The same, read.
pub(super) fn decode_taken(bytes: &[u8]) -> Option<Taken> {
    let rows: Vec<([u8; 32], i64)> = catalogue::decode_row(1, bytes)?;
    let since = |number: i64| Since {
        ms: number.saturating_abs(),
        given_back: number < 0,
    };
    Some(
        rows.into_iter()
            .map(|(id, number)| (HeaderHash(id), since(number)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_decisions_taken() {
        let taken = Taken::from([(HeaderHash([0xa1; 32]), Since::at(1_795_305_600_000))]);
        let bytes = encode_taken(&taken);
        let hex = data_encoding::HEXLOWER.encode(&bytes);
        assert_eq!(hex, format!("0101{}", "a1".repeat(32)) + "80d0eb88c068");
        assert_eq!(decode_taken(&bytes), Some(taken.clone()));
        assert_eq!(decode_taken(&bytes[..bytes.len() - 1]), None);
        let mut given_back = taken;
        for since in given_back.values_mut() {
            since.given_back = true;
        }
        let bytes = encode_taken(&given_back);
        let hex = data_encoding::HEXLOWER.encode(&bytes);
        assert_eq!(hex, format!("0101{}", "a1".repeat(32)) + "ffcfeb88c068");
        assert_eq!(decode_taken(&bytes), Some(given_back));
    }
}
