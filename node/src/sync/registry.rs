//! Statements: how a network begins, how hubs come in, and the roster that follows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use interhub_domain::access::Access;
use interhub_domain::body::{Accept, Admit, Body, Content, Founding, Leave, Said};
use interhub_domain::document::{self, Reading, Refusal};
use interhub_domain::envelope::{Envelope, verify};
use interhub_domain::frontier::RowKey;
use interhub_domain::ids::{DocumentKind, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::object::State;
use interhub_domain::profile::HubProfile;
use interhub_domain::registry::{self, CheckedAccept, HeldStatement, Member, RegistryError, Roster, Standing};
use prost::Message;

use super::author::{Write, WriteError};
use super::count::Outcome;
use super::ledger::{Inner, Ledger, LedgerError, Notice};
use crate::clock::random_bytes;
use crate::projection::{HubRow, HubStatus};
use crate::store::catalogue;
use crate::store::catalogue::document::SnapshotKey;
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::{Batch, StoreError};

/// What the holder of an invitation signs begins with this.
const INVITATION_TAG: &[u8] = b"interhub-invitation-v1\0";
/// Open invitations a hub may have at once.
const MAX_INVITATIONS: usize = 100;
/// Envelopes of one log read at a time when the registry is handed to a newcomer.
const REGISTRY_PAGE: usize = 1_000;

/// One invitation this hub has given out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct OpenInvitation {
    key: [u8; 32],
    expires_ms: i64,
    used: bool,
}

/// Why a newcomer is not admitted. One line for its operator.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Not one of this hub's invitations, or altered.
    #[error("this invitation is not one of this hub's; ask its operator for a new one")]
    UnknownInvitation,
    /// Used before.
    #[error("this invitation was used before; ask the hub's operator for a new one")]
    Used,
    /// Too late.
    #[error("this invitation has expired; ask the hub's operator for a new one")]
    Expired,
    /// The hub has no network, or another one.
    #[error("this invitation is for another network")]
    Network,
    /// The inviting hub has no say any more.
    #[error("the inviting hub may not admit others; ask a voting hub for an invitation")]
    NotAVoter,
    /// The newcomer's own record is not valid.
    #[error("the newcomer's record is not valid: {0}")]
    Accept(#[from] RegistryError),
    /// Storage failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The admission could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The key that signed an envelope which carries this network's own founding record.
fn founding_key(network: NetworkId, envelope: &Envelope) -> Option<[u8; 32]> {
    let body = Body::decode_bytes(&envelope.sealed.as_ref()?.body).ok()?;
    let Some(Content::Statement(statement)) = body.content else {
        return None;
    };
    let Some(Said::Founding(record)) = statement.said else {
        return None;
    };
    if NetworkId::of_genesis(&record) != network {
        return None;
    }
    let (_, founders) = registry::read_founding(&record).ok()?;
    founders
        .into_iter()
        .find(|founder| founder.hub == envelope.header.hub)
        .map(|founder| founder.public_key)
}

fn statement_of(envelope: &Envelope) -> Option<HeldStatement> {
    let body = Body::decode_bytes(&envelope.sealed.as_ref()?.body).ok()?;
    let Some(Content::Statement(statement)) = body.content else {
        return None;
    };
    Some(HeldStatement {
        hash: envelope.hash(),
        hub: envelope.header.hub,
        clock: body.clock,
        said: statement.said?,
    })
}

impl Ledger {
    /// Judges a statement: its roster and the rows of the hubs it changes go into the batch.
    pub(super) fn count_statement(
        &self,
        inner: &Inner,
        batch: &mut Batch,
        envelope: &Envelope,
        outcome: &mut Outcome,
    ) -> Result<State, LedgerError> {
        if envelope.header.log != LogId::REGISTRY {
            return Ok(State::Refused(Refusal::Object));
        }
        let Some(statement) = statement_of(envelope) else {
            return Ok(State::Refused(Refusal::Body));
        };
        let mut statements = inner.statements.clone();
        statements.push(statement.clone());
        let roster = Roster::compute(envelope.header.network, &statements);
        for (hub, member) in &roster.members {
            if inner.roster.members.get(hub) != Some(member) {
                let profile = self.profile_of(envelope.header.network, *hub)?;
                let row = hub_row(self, inner, member, profile);
                self.projector.hub_changed(batch, *hub, Some(&row))?;
            }
        }
        outcome.statement = Some(statement);
        Ok(State::Counted)
    }

    pub(super) fn statement_counted(&self, inner: &mut Inner, statement: HeldStatement) {
        inner.statements.push(statement);
        self.refresh_roster(inner);
        self.notify(Notice::Roster);
    }

    fn refresh_roster(&self, inner: &mut Inner) {
        let Some(network) = self.network() else { return };
        let roster = Roster::compute(network, &inner.statements);
        inner.access = Arc::new(Access::of_roster(network, self.own_id, &roster, &BTreeMap::new()));
        inner.roster = Arc::new(roster);
    }

    pub(super) fn load_statements(&self, inner: &mut Inner) -> Result<(), StoreError> {
        let mut statements = Vec::new();
        for envelope in self.registry_envelopes(inner)? {
            statements.extend(statement_of(&envelope));
        }
        inner.statements = statements;
        self.refresh_roster(inner);
        Ok(())
    }

    /// All registry logs held, founders' first, each in its order: an order in which they can be held.
    fn registry_envelopes(&self, inner: &Inner) -> Result<Vec<Envelope>, StoreError> {
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

    fn own_accept(&self, network: Option<NetworkId>, counter: u32) -> Accept {
        Accept {
            network: network.map(|network| network.0.to_vec()).unwrap_or_default(),
            public_key: self.own.public_key().to_vec(),
            recovery_key: self.own.recovery_key.to_vec(),
            slug: self.own.slug.clone(),
            address: self.own.address.clone(),
            counter,
        }
    }

    fn enter(&self, network: NetworkId) -> Result<(), LedgerError> {
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &MetaKey::Network, &MetaValue(network.0.to_vec()));
        self.commit(&batch)?;
        let _ = self.network.set(network);
        Ok(())
    }

    /// Founds a network with this hub as its only voter.
    pub fn create_network(&self, name: &str) -> Result<NetworkId, WriteError> {
        if self.network().is_some() {
            return Err(WriteError::HasNetwork);
        }
        let record = Founding {
            name: name.trim().into(),
            founders: vec![self.own_accept(None, 1)],
            created_ms: u64::try_from(self.clock.now_ms()).unwrap_or_default(),
            nonce: random_bytes::<16>(&*self.clock).to_vec(),
            guests_per_voter: 0,
        }
        .encode_to_vec();
        registry::read_founding(&record).map_err(WriteError::Registry)?;
        let network = NetworkId::of_genesis(&record);
        self.enter(network)?;
        self.write(vec![Write::Statement(Said::Founding(record))])?;
        self.publish_profile()?;
        Ok(network)
    }

    /// Writes the own hub's page as the configuration has it; nothing if it is written already.
    pub fn publish_profile(&self) -> Result<(), WriteError> {
        let Some(network) = self.network() else { return Ok(()) };
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
        let roster = self.roster();
        let member = roster.members.get(&self.own_id).ok_or(WriteError::NoNetwork)?;
        if member.standing == Standing::Left {
            return Ok(());
        }
        self.write(vec![Write::Statement(Said::Leave(Leave {
            counter: member.counter + 1,
        }))])?;
        Ok(())
    }

    fn invitations(&self) -> Result<Vec<OpenInvitation>, StoreError> {
        let stored = catalogue::get(&*self.store, &MetaKey::Invitations)?;
        Ok(stored
            .and_then(|value| catalogue::decode_row(1, &value.0))
            .unwrap_or_default())
    }

    /// Remembers an invitation by the public half of its single-use key.
    pub fn open_invitation(&self, key: [u8; 32], expires_ms: i64) -> Result<(), WriteError> {
        let inner = self.lock();
        if self.network().is_none() {
            return Err(WriteError::NoNetwork);
        }
        if !inner
            .roster
            .members
            .get(&self.own_id)
            .is_some_and(|own| own.voter && own.standing == Standing::Active)
        {
            return Err(WriteError::NotAVoter);
        }
        let now_ms = self.clock.now_ms();
        let mut all = self.invitations().map_err(LedgerError::from)?;
        // Used ones are kept until they expire, so that "used before" can be said.
        all.retain(|one| one.expires_ms > now_ms);
        if all.len() >= MAX_INVITATIONS {
            return Err(WriteError::TooManyInvitations(MAX_INVITATIONS));
        }
        all.push(OpenInvitation {
            key,
            expires_ms,
            used: false,
        });
        let mut batch = Batch::new();
        catalogue::put(
            &mut batch,
            &MetaKey::Invitations,
            &MetaValue(catalogue::encode_row(1, &all)),
        );
        self.commit(&batch).map_err(LedgerError::from)?;
        drop(inner);
        self.make_durable().map_err(LedgerError::from)?;
        Ok(())
    }

    /// Admits the holder of one of this hub's invitations. Returns the registry, and whether the newcomer is active.
    pub fn admit(
        &self,
        tls_key: [u8; 32],
        network: NetworkId,
        invitation_key: [u8; 32],
        invitation_signature: &[u8; 64],
        accept: Vec<u8>,
        accept_signature: [u8; 64],
    ) -> Result<(Vec<Envelope>, bool), JoinError> {
        if self.network() != Some(network) {
            return Err(JoinError::Network);
        }
        let checked = registry::read_accept(network, &accept, &accept_signature)?;
        if checked.public_key != tls_key {
            return Err(JoinError::Accept(RegistryError::Signature));
        }
        let message = invitation_message(network, tls_key, invitation_key);
        verify(&invitation_key, &message, invitation_signature).map_err(|_| JoinError::UnknownInvitation)?;

        let mut inner = self.lock();
        let mut all = self.invitations().map_err(LedgerError::from)?;
        let open = all
            .iter_mut()
            .find(|one| one.key == invitation_key)
            .ok_or(JoinError::UnknownInvitation)?;
        if open.expires_ms <= self.clock.now_ms() {
            return Err(JoinError::Expired);
        }
        let known = admitted_with(&inner.roster, &checked);
        if open.used && !known {
            return Err(JoinError::Used);
        }
        if !inner
            .roster
            .members
            .get(&self.own_id)
            .is_some_and(|own| own.voter && own.standing == Standing::Active)
        {
            return Err(JoinError::NotAVoter);
        }
        if !known {
            // Marked first: a crash in between costs an invitation, never admits twice.
            open.used = true;
            let mut batch = Batch::new();
            catalogue::put(
                &mut batch,
                &MetaKey::Invitations,
                &MetaValue(catalogue::encode_row(1, &all)),
            );
            self.commit(&batch).map_err(LedgerError::from)?;
            let admit = Admit {
                accept,
                signature: accept_signature.to_vec(),
            };
            self.write_locked(&mut inner, network, Write::Statement(Said::Admit(admit)))?;
        }
        let active = inner.roster.is_active(checked.hub);
        let envelopes = self.registry_envelopes(&inner).map_err(LedgerError::from)?;
        drop(inner);
        self.make_durable().map_err(LedgerError::from)?;
        Ok((envelopes, active))
    }

    /// The own accept for this network, encoded and signed, to be sent with an invitation.
    pub fn sign_accept(&self, network: NetworkId) -> Result<(Vec<u8>, [u8; 64]), WriteError> {
        if let Some(known) = self.network() {
            let back = self
                .roster()
                .members
                .get(&self.own_id)
                .is_some_and(|own| own.standing != Standing::Active);
            if known != network || !back {
                return Err(WriteError::HasNetwork);
            }
        }
        let counter = self
            .roster()
            .members
            .get(&self.own_id)
            .map_or(0, |member| member.counter)
            + 1;
        let accept = self.own_accept(Some(network), counter).encode_to_vec();
        let signature = self.own.key.sign(&registry::accept_message(&accept)).to_bytes();
        Ok((accept, signature))
    }

    /// Enters the network of an invitation with the registry its inviter answered with.
    pub fn enter_network(&self, network: NetworkId, envelopes: &[Envelope]) -> Result<(), WriteError> {
        let founded = envelopes
            .iter()
            .any(|envelope| founding_key(network, envelope).is_some());
        if !founded {
            return Err(WriteError::NoFounding);
        }
        if self.network().is_none() {
            self.enter(network)?;
        }
        self.trust_founders(network, envelopes);
        self.take(envelopes)?;
        self.publish_profile()?;
        self.notify(Notice::Roster);
        Ok(())
    }

    /// Before anything is held, the keys that may sign are those the founding record names: its hash is the network.
    fn trust_founders(&self, network: NetworkId, envelopes: &[Envelope]) {
        let mut inner = self.lock();
        if !inner.statements.is_empty() {
            return;
        }
        let founding = envelopes
            .iter()
            .filter(|envelope| founding_key(network, envelope).is_some());
        let statements: Vec<HeldStatement> = founding.filter_map(statement_of).collect();
        inner.roster = Arc::new(Roster::compute(network, &statements));
    }

    /// At this moment everything this hub has is here too.
    pub fn mark_as_of(&self, hub: HubId) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        inner.as_of_ms.insert(hub, self.clock.now_ms());
        let mut batch = Batch::new();
        write_hub_row(self, &inner, &mut batch, hub, None)?;
        self.commit(&batch)?;
        Ok(())
    }

    pub(super) fn profile_of(&self, network: NetworkId, hub: HubId) -> Result<HubProfile, StoreError> {
        let object = ObjectId::derive(network, hub, LogId::PUBLIC, DocumentKind::HubProfile, ThingId(hub.0));
        let key = SnapshotKey {
            personal: false,
            object,
            generation: interhub_domain::object::FIRST_GENERATION,
        };
        let saved = catalogue::get(&*self.store, &key)?;
        let reading = saved.and_then(|saved| document::read_saved(&saved.0, DocumentKind::HubProfile).ok());
        Ok(match reading {
            Some(Reading::HubProfile(profile)) => profile,
            _ => HubProfile::default(),
        })
    }
}

/// What the holder of an invitation signs: who comes to which network with which invitation.
pub fn invitation_message(network: NetworkId, newcomer_key: [u8; 32], invitation_key: [u8; 32]) -> Vec<u8> {
    [INVITATION_TAG, &network.0, &newcomer_key, &invitation_key].concat()
}

/// Whether this very accept was admitted before: the answer got lost, and the newcomer asks again.
fn admitted_with(roster: &Roster, accept: &CheckedAccept) -> bool {
    roster
        .members
        .get(&accept.hub)
        .is_some_and(|member| member.counter >= accept.counter)
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
