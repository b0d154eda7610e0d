//! Keys that the voters give a hub which has lost its own, and this hub's own word against it.

use interhub_domain::body::Said;
use interhub_domain::envelope::SigningKey;
use interhub_domain::ids::{HeaderHash, HubId, NetworkId};
use interhub_domain::registry::replace::{REPLACE_AFTER_MS, Replacement, sign_objection};
use interhub_domain::registry::{Change, Roster};

use super::author::{Write, WriteError};
use super::decide::{DecideError, not_active, sole_founder, voted};
use super::ledger::{Inner, Ledger, LedgerError};

impl Ledger {
    /// Votes to give a hub these keys. A decision for them that is pending or in force already is returned as it is.
    pub fn rekey(&self, hub: HubId, public_key: [u8; 32], recovery_key: [u8; 32]) -> Result<HeaderHash, DecideError> {
        let mut inner = self.lock();
        let network = self.deciding(&inner)?;
        if hub == self.own_id {
            return Err(DecideError::OwnKeys);
        }
        let roster = inner.roster.clone();
        let member = roster.members.get(&hub).ok_or(DecideError::Unknown)?;
        let slug = member.shown_slug.clone();
        if let Some(what) = not_active(member.standing) {
            return Err(DecideError::NotActive { slug, what });
        }
        if sole_founder(&inner) == Some(hub) {
            return Err(DecideError::FounderKeys);
        }
        let wanted = |one: &Replacement| (one.hub, one.public_key, one.recovery_key) == (hub, public_key, recovery_key);
        let mut same = roster.replacements.iter().filter(|(_, one)| wanted(one)).peekable();
        if same.peek().is_some_and(|(_, one)| one.objected) {
            return Err(DecideError::Objected(slug));
        }
        if let Some((id, _)) = same.find(|(_, one)| one.counts_from_ms.is_some()) {
            return Ok(*id);
        }
        if is_in_use(&roster, &public_key) || is_in_use(&roster, &recovery_key) {
            return Err(DecideError::KeysInUse);
        }
        let change = Change::ReplaceKey {
            hub,
            public_key,
            recovery_key,
        };
        if let Some((votes, needed)) = voted(&inner, self.own_id, &change) {
            return Err(DecideError::VotedAlready { votes, needed });
        }
        let id = self.stand_for(&mut inner, network, change)?;
        drop(inner);
        self.decided(Ok(id))
    }

    /// Says that this hub still has its key, against a decision that would give it others.
    pub fn object(&self, id: HeaderHash) -> Result<(), DecideError> {
        let network = self.network().ok_or(WriteError::NoNetwork)?;
        let mut inner = self.lock();
        let roster = inner.roster.clone();
        roster.ballots.get(&id).ok_or(DecideError::Unknown)?;
        let about = roster.replacements.get(&id).filter(|one| one.hub == self.own_id);
        let replacement = about.ok_or(DecideError::NotAboutOwnKeys)?;
        if replacement.objected {
            return Err(DecideError::ObjectedAlready);
        }
        let own = roster.members.get(&self.own_id).ok_or(WriteError::NoNetwork)?;
        if own.keys.current != (self.key_number, self.own.public_key()) || replacement.counts() {
            return Err(DecideError::KeyGone);
        }
        let said = objecting(network, self.own_id, &self.own.key, replacement);
        self.write_locked(&mut inner, network, Write::Statement(said))?;
        self.do_duties(&mut inner)?;
        drop(inner);
        self.make_durable().map_err(LedgerError::from)?;
        Ok(())
    }

    /// A folder whose keys the voters gave to a hub starts from that decision, as from one that its invitation names. A hub
    /// that answers it takes the keys for due, and so does the folder, however far behind its own clock is.
    pub(super) fn start_from_given_keys(&self) -> Result<(), LedgerError> {
        let own = self.own.public_key();
        let mut inner = self.lock();
        let given = inner
            .roster
            .replacements
            .iter()
            .filter(|(_, one)| one.public_key == own);
        let in_force = given.filter(|(_, one)| one.counts_from_ms.is_some());
        let named = in_force.map(|(id, _)| *id).collect();
        let now_ms = self.clock.now_ms();
        let due_ms = now_ms.saturating_sub(REPLACE_AFTER_MS);
        if let Some(since) = inner.roster.ballots.start_from(&named, now_ms, 0) {
            let mut taken = inner.roster.ballots.taken().clone();
            for (id, at) in since {
                let known = taken.entry(id).or_insert(at);
                known.ms = at.ms.min(due_ms).min(known.ms);
            }
            self.recompute_roster(&mut inner, &taken)?;
        }
        Ok(())
    }

    /// Whoever names another key has one: with it goes a word against every decision that would give the hub others.
    pub(super) fn objections_with(&self, network: NetworkId, signer: &SigningKey) -> Vec<Write> {
        let roster = self.roster();
        let threats = roster.key_threats(self.own_id);
        let said = threats.map(|(_, replacement)| objecting(network, self.own_id, signer, replacement));
        said.map(Write::Statement).collect()
    }

    /// Tells the operator when a roster brings decisions that would give this hub other keys.
    pub(super) fn warn_of_key_threats(&self, inner: &Inner, roster: &Roster) {
        for (id, replacement) in roster.key_threats(self.own_id) {
            let known = inner.roster.replacements.get(id);
            if known.is_none_or(|known| known.counts_from_ms != replacement.counts_from_ms) {
                tracing::error!(
                    decision = %id.short(), in_force = replacement.counts_from_ms.is_some(),
                    "the voting hubs are giving this hub other keys; if its key is not lost, object with `interhub network object`"
                );
            }
        }
    }
}

fn objecting(network: NetworkId, own: HubId, signer: &SigningKey, replacement: &Replacement) -> Said {
    let (against, recovery) = (replacement.public_key, replacement.recovery_key);
    Said::Object(sign_objection(network, own, signer, against, recovery))
}

/// Whether some hub has or had this key.
fn is_in_use(roster: &Roster, key: &[u8; 32]) -> bool {
    roster.by_key(key).is_some()
        || roster
            .members
            .values()
            .any(|member| member.keys.recovery_keys.contains(key))
}
