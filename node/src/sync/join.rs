//! Coming in: founding a network, inviting, admitting, entering with what the inviter answered.

use std::collections::BTreeSet;
use std::sync::Arc;

use interhub_domain::body::{Accept, Admit, Body, Content, Founding, Said};
use interhub_domain::cut::Named;
use interhub_domain::envelope::{Envelope, verify};
use interhub_domain::ids::{HeaderHash, NetworkId};
use interhub_domain::registry::{self, CheckedAccept, HeldStatement, RegistryError, Roster, Standing, Taken};
use prost::Message;

use super::author::{Write, WriteError};
use super::keys::is_about;
use super::ledger::{Inner, Ledger, LedgerError, Notice};
use super::registry::statement_of;
use crate::clock::random_bytes;
use crate::store::catalogue;
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::{Batch, StoreError};

/// What the holder of an invitation signs begins with this.
const INVITATION_TAG: &[u8] = b"interhub-invitation-v1\0";
/// Open invitations a hub may have at once.
const MAX_INVITATIONS: usize = 100;

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
    /// The others removed it.
    #[error("this hub was removed by a decision; a voting hub can propose `interhub hub readmit`")]
    Removed,
    /// Nobody named this key.
    #[error(
        "no hub of this network has this key; a hub that lost its keys asks the voting hubs to run `interhub hub rekey`"
    )]
    KeyUnknown,
    /// The voters have not decided about this key.
    #[error(
        "the voting hubs have not decided yet that this key is a hub's; `interhub network decisions` at one of them says who has to vote"
    )]
    KeyUndecided,
    /// They have, and whoever still has a key of the hub may object.
    #[error(
        "the voting hubs decided that this key is a hub's; it counts here from {0} on, unless that hub objects: join again then"
    )]
    KeyNotYet(String),
    /// The hub still has a key.
    #[error("the hub that this key was to be given to still has one, and objected")]
    KeyObjected,
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

impl Ledger {
    fn own_accept(&self, network: Option<NetworkId>, counter: u32) -> Accept {
        // Its first key makes a hub's id, whichever it signs with by now.
        let first = self.roster().keys(self.own_id, 0).first().copied();
        Accept {
            network: network.map(|network| network.0.to_vec()).unwrap_or_default(),
            public_key: first.unwrap_or_else(|| self.own.public_key()).to_vec(),
            recovery_key: self.own.recovery_key.to_vec(),
            slug: self.own.slug.clone(),
            address: self.own.address.clone(),
            counter,
        }
    }

    fn enter(&self, network: NetworkId, decisions: &BTreeSet<HeaderHash>) -> Result<(), LedgerError> {
        let mut batch = Batch::new();
        if !decisions.is_empty() {
            let named = decisions.iter().flat_map(|id| id.0).collect();
            catalogue::put(&mut batch, &MetaKey::DecisionsNamed, &MetaValue(named));
        }
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
        self.enter(network, &BTreeSet::new())?;
        self.write(vec![Write::Statement(Said::Founding(record))])?;
        self.publish_profile()?;
        Ok(network)
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
        if !inner.roster.votes(self.own_id) {
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
        let roster = self.roster();
        let trusted = |hub| {
            roster
                .members
                .get(&hub)
                .into_iter()
                .flat_map(|member| member.keys.trusted())
        };
        let mut checked = registry::read_accept(network, &accept, &accept_signature, trusted)?;
        let caller = roster
            .by_key(&tls_key)
            .filter(|member| member.current_key().0 == tls_key);
        if checked.public_key != tls_key && caller.is_none_or(|member| member.id != checked.hub) {
            return Err(JoinError::Accept(RegistryError::Signature));
        }
        if let Some(member) = caller.filter(|member| member.id != checked.hub) {
            // An empty disk with a later key knows neither its first one nor that it is here already.
            checked.hub = member.id;
            checked.counter = member.counter;
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
        if !inner.roster.votes(self.own_id) {
            return Err(JoinError::NotAVoter);
        }
        if !inner.roster.removals_of(checked.hub).is_empty() {
            return Err(JoinError::Removed);
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
            self.do_duties(&mut inner)?;
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
            .saturating_add(1);
        let accept = self.own_accept(Some(network), counter).encode_to_vec();
        let signature = self.own.key.sign(&registry::accept_message(&accept)).to_bytes();
        Ok((accept, signature))
    }

    /// Enters the network of an invitation with the registry its inviter answered with, starting from the decisions the
    /// invitation names.
    pub fn enter_network(
        &self,
        network: NetworkId,
        envelopes: &[Envelope],
        decisions: &BTreeSet<HeaderHash>,
    ) -> Result<(), WriteError> {
        self.enter_registry(network, envelopes, decisions)?;
        self.renew_roster()?;
        self.publish_profile()?;
        self.notify(Notice::Roster);
        Ok(())
    }

    /// Holds the registry of a network, and says nothing in it.
    pub(super) fn enter_registry(
        &self,
        network: NetworkId,
        envelopes: &[Envelope],
        decisions: &BTreeSet<HeaderHash>,
    ) -> Result<(), WriteError> {
        let founded = envelopes
            .iter()
            .any(|envelope| founding_key(network, envelope).is_some());
        if !founded {
            return Err(WriteError::NoFounding);
        }
        let answered: BTreeSet<HeaderHash> = envelopes.iter().map(Envelope::hash).collect();
        if !decisions.is_subset(&answered) {
            return Err(WriteError::NoDecisions);
        }
        if self.network().is_none() {
            self.enter(network, decisions)?;
        }
        self.trust_founders(network, envelopes);
        self.take(envelopes)?;
        Ok(self.start_taken(&mut self.lock())?)
    }

    /// Before anything is held, the keys that may sign are those the founding record names: its hash is the network.
    fn trust_founders(&self, network: NetworkId, envelopes: &[Envelope]) {
        let mut inner = self.lock();
        if !inner.statements.is_empty() {
            return;
        }
        inner.entering = true;
        let founding = envelopes
            .iter()
            .filter(|envelope| founding_key(network, envelope).is_some());
        let statements: Vec<HeldStatement> = founding.filter_map(statement_of).collect();
        let roster = Roster::compute(
            network,
            &statements,
            &Named::default(),
            &Taken::new(),
            self.clock.now_ms(),
        );
        inner.roster = Arc::new(roster);
    }

    /// By how much this hub's clock is ahead of its inviter's, which signed the admission a moment ago.
    fn ahead_of_inviter_ms(&self, inner: &Inner) -> i64 {
        let first = inner.roster.keys(self.own_id, 0);
        let is_own = |admit: &Admit| first.iter().any(|key| is_about(admit, key));
        let admissions = inner.statements.iter().filter(|statement| match &statement.said {
            Said::Admit(admit) => is_own(admit),
            _ => false,
        });
        let at_ms = admissions
            .filter_map(|statement| i64::try_from(statement.clock >> 16).ok())
            .max();
        at_ms.map_or(0, |at_ms| self.clock.now_ms().saturating_sub(at_ms))
    }

    /// A newcomer takes first what its invitation names, whatever else of the registry passes by itself. If that was
    /// interrupted, the next start does it.
    pub(super) fn start_taken(&self, inner: &mut Inner) -> Result<(), LedgerError> {
        inner.entering = false;
        let Some(MetaValue(bytes)) = catalogue::get(&*self.store, &MetaKey::DecisionsNamed)? else {
            return Ok(());
        };
        let named: BTreeSet<HeaderHash> = bytes
            .chunks(HeaderHash::LEN)
            .filter_map(HeaderHash::from_slice)
            .collect();
        let (now_ms, ahead_ms) = (self.clock.now_ms(), self.ahead_of_inviter_ms(inner));
        if let Some(taken) = inner.roster.ballots.start_from(&named, now_ms, ahead_ms) {
            self.recompute_roster(inner, &taken)?;
        }
        let mut batch = Batch::new();
        catalogue::delete(&mut batch, &MetaKey::DecisionsNamed);
        Ok(self.commit(&batch)?)
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
