//! The own hub's keys: naming the next one, telling others of it, and vouching for what was written before a theft.

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::body::{Accept, Admit, KeyReason, NextKey, Said};
use interhub_domain::envelope::{Envelope, Kind, SigningKey, public_key};
use interhub_domain::frontier::RowKey;
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId};
use interhub_domain::registry::keys::{read_next_key, recovered_number, sign_next_key, sign_next_keys};
use interhub_domain::registry::{HubKeys, Roster, Unheard};
use prost::Message;

use super::author::{Write, WriteError};
use super::join::JoinError;
use super::ledger::{Inner, Ledger, LedgerError};
use super::registry::statement_of;
use crate::clock::{random_bytes, text_of};
use crate::peer::JoinRequest;
use crate::peer::convert::{MAX_ADMISSION, MAX_ADMISSION_BYTES};
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::{Backend, Batch, StoreError, catalogue};

/// Where a new own key is kept, so that the next start of the node signs with it.
pub trait KeyKeeper: Send + Sync + 'static {
    /// Lays the new key beside the present one, durably. A start takes it if the registry names it, and keeps it if not: other
    /// hubs may have heard of it from a run whose data a power cut took.
    fn prepare(&self, next: &NextIdentity) -> Result<(), KeyError>;

    /// The key that lies there.
    fn prepared(&self) -> Result<Option<NextIdentity>, KeyError>;

    /// The registry names it: it takes the place of the present one, and the node starts anew.
    fn replace(&self, next: &NextIdentity) -> Result<(), KeyError>;

    /// A folder made with nothing but the recovery key has found its hub: the key it has is the one of this number. The
    /// node starts anew.
    fn found(&self, hub: HubId, number: u16) -> Result<(), KeyError>;
}

/// What the recovery key signed when a folder was made with nothing else: the folder's own key is its hub's next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryRecord {
    /// The encoded record.
    pub record: Vec<u8>,
    /// By the recovery key.
    pub signature: [u8; 64],
}

impl RecoveryRecord {
    /// Signs for a new key whose hub is not known here.
    pub fn sign(recovery: &SigningKey, next: &SigningKey, at_ms: i64) -> Self {
        let at_ms = u64::try_from(at_ms).unwrap_or_default();
        let signed = sign_next_key(None, None, recovery, next, KeyReason::Lost, at_ms);
        Self {
            record: signed.record,
            signature: signed.signature.try_into().unwrap_or([0; 64]),
        }
    }
}

/// A new own key.
#[derive(Clone, PartialEq, Eq)]
pub struct NextIdentity {
    /// Its number.
    pub number: u16,
    /// Its Ed25519 seed. Secret.
    pub seed: [u8; 32],
}

/// Why the own key is not replaced. One line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It was replaced elsewhere.
    #[error("this hub has another key by now, which this node does not have; use the recovery key to get ahead of it")]
    Replaced,
    /// A signing key may name so many after it.
    #[error("this key cannot name another one any more; use the recovery key: `interhub key recover --lost`")]
    Exhausted,
    /// Another recovery key.
    #[error("this is not the recovery key of this hub; it is the one that `interhubd init` printed last for it")]
    WrongRecoveryKey,
    /// The node has no data folder to keep it in.
    #[error("this node keeps no key of its own")]
    NoFolder,
    /// The folder does not take it.
    #[error("the new key cannot be kept: {0}")]
    Folder(String),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Ledger {
    /// The own hub's keys, as the registry has them.
    pub fn own_keys(&self) -> Result<HubKeys, WriteError> {
        let roster = self.roster();
        let own = roster.members.get(&self.own_id).ok_or(WriteError::NoNetwork)?;
        Ok(own.keys.clone())
    }

    /// Whether the registry names another key than the one this node signs with.
    pub fn is_key_replaced(&self) -> bool {
        let own = self.own_keys();
        own.is_ok_and(|keys| keys.current != (self.key_number, self.own.public_key()))
    }

    /// Names the next key by the present one.
    pub fn rotate_key(&self) -> Result<u16, KeyError> {
        if self.is_key_replaced() {
            return Err(KeyError::Replaced);
        }
        // The number after its own, within the same line; see `registry::keys`.
        if self.key_number & 0x3f == 0x3f {
            return Err(KeyError::Exhausted);
        }
        let number = self.key_number + 1;
        // One that was laid there and is not named: other hubs may know of it, and two keys with one number would be a theft.
        let laid = self.laid(|next| next.number == number)?;
        let next = laid.unwrap_or_else(|| NextIdentity {
            number,
            seed: random_bytes(&*self.clock),
        });
        self.name_next(&self.own.key, (&next, None), KeyReason::Planned, &BTreeSet::new())
    }

    /// Names the next key by the recovery key, and perhaps the next recovery key. After a theft only what this folder wrote
    /// counts, and runs that began before `since_ms`.
    pub fn recover_key(
        &self,
        recovery: &SigningKey,
        reason: KeyReason,
        since_ms: Option<i64>,
        next_recovery: Option<[u8; 32]>,
    ) -> Result<u16, KeyError> {
        let keys = self.own_keys()?;
        if keys.recovery_key != public_key(recovery) {
            return Err(KeyError::WrongRecoveryKey);
        }
        let is_free = |number: u16| !keys.by_number.keys().any(|known| known & 0xffc0 == number);
        let number_of = |seed: [u8; 32]| recovered_number(&public_key(&SigningKey::from(seed)));
        let laid = self.laid(|next| next.number == number_of(next.seed) && is_free(next.number))?;
        // Nine bits of its hash are its number: one that is taken is drawn again.
        let next = match laid {
            Some(next) => next,
            None => loop {
                let seed: [u8; 32] = random_bytes(&*self.clock);
                let number = number_of(seed);
                if is_free(number) {
                    break NextIdentity { number, seed };
                }
            },
        };
        let vouched = since_ms.map(|since| self.runs_before(since)).unwrap_or_default();
        self.name_next(recovery, (&next, next_recovery), reason, &vouched)
    }

    /// The key that lies beside the present one, if it is such a one.
    fn laid(&self, which: impl Fn(&NextIdentity) -> bool) -> Result<Option<NextIdentity>, KeyError> {
        let keeper = self.keeper.get().ok_or(KeyError::NoFolder)?;
        Ok(keeper.prepared()?.filter(which))
    }

    /// Takes the key that lies beside the present one if the registry names it by now: a power cut took this node's own word
    /// of it, and other hubs had heard that.
    pub(super) fn take_laid_key(&self) -> Result<(), KeyError> {
        let Some(keeper) = self.keeper.get() else { return Ok(()) };
        let Ok(keys) = self.own_keys() else { return Ok(()) };
        if keys.current == (self.key_number, self.own.public_key()) {
            return Ok(());
        }
        let named = |next: &NextIdentity| (next.number, public_key(&SigningKey::from(next.seed))) == keys.current;
        match keeper.prepared()?.filter(named) {
            Some(next) => keeper.replace(&next),
            None => Ok(()),
        }
    }

    fn runs_before(&self, since_ms: i64) -> BTreeSet<Epoch> {
        let inner = self.lock();
        let rows = inner.held.rows().filter(|(row, _)| row.hub == self.own_id);
        rows.map(|(row, _)| row.epoch)
            .filter(|epoch| i64::try_from(epoch.0 >> 32).unwrap_or(i64::MAX).saturating_mul(1_000) < since_ms)
            .collect()
    }

    fn name_next(
        &self,
        signer: &SigningKey,
        (next, next_recovery): (&NextIdentity, Option<[u8; 32]>),
        reason: KeyReason,
        vouched: &BTreeSet<Epoch>,
    ) -> Result<u16, KeyError> {
        let network = self.network().ok_or(WriteError::NoNetwork)?;
        let keeper = self.keeper.get().cloned().ok_or(KeyError::NoFolder)?;
        let at_ms = u64::try_from(self.clock.now_ms()).unwrap_or_default();
        let key = SigningKey::from(next.seed);
        let about = (Some(network), Some(self.own_id));
        let said = sign_next_keys(about, signer, (&key, next_recovery), reason, at_ms);
        keeper.prepare(next)?;
        if !vouched.is_empty() {
            let mut runs = self.own_runs().map_err(WriteError::from)?;
            runs.extend(vouched);
            let mut batch = Batch::new();
            put_own_runs(&mut batch, runs, self.epoch());
            self.commit(&batch).map_err(WriteError::from)?;
        }
        let mut writes = self.objections_with(network, signer);
        writes.push(Write::Statement(Said::NextKey(said)));
        self.write(writes)?;
        keeper.replace(next)?;
        Ok(next.number)
    }

    /// This folder was made with nothing but the recovery key: it is to find its hub by what that key signed.
    pub fn recover_with(&self, record: RecoveryRecord) {
        let _ = self.recovery.set(record);
    }

    /// What to ask the network of an invitation with, if this folder looks for its hub.
    pub fn recovering(&self, network: NetworkId) -> Option<JoinRequest> {
        let RecoveryRecord { record, signature } = self.recovery.get()?.clone();
        Some(JoinRequest::of_a_member(network, vec![(record, signature)]))
    }

    /// Enters a network as the hub that the registry says this folder's key belongs to. Returns its slug.
    pub fn enter_recovered(
        &self,
        network: NetworkId,
        envelopes: &[Envelope],
        decisions: &BTreeSet<HeaderHash>,
    ) -> Result<HubId, KeyError> {
        let keeper = self.keeper.get().cloned().ok_or(KeyError::NoFolder)?;
        self.enter_registry(network, envelopes, decisions)?;
        self.start_from_given_keys().map_err(WriteError::from)?;
        let roster = self.roster();
        let key = self.own.public_key();
        let member = roster.by_key(&key).filter(|member| member.current_key().0 == key);
        let member = member.ok_or(KeyError::WrongRecoveryKey)?;
        // The folder looks for its hub no more. Without what it has taken, and since when, its own key would not count here.
        self.make_durable()
            .map_err(|error| WriteError::from(LedgerError::from(error)))?;
        keeper.found(member.id, member.current_key().1)?;
        Ok(member.id)
    }

    /// After a theft every log of this hub is opened by the new key, which says how far the old one counts.
    pub fn vouch(&self) -> Result<(), WriteError> {
        let Some(network) = self.network() else { return Ok(()) };
        let mut inner = self.lock();
        let own = inner.roster.members.get(&self.own_id);
        if own
            .is_none_or(|own| own.keys.stolen.is_empty() || own.cut.is_some() || own.keys.current.0 != self.key_number)
        {
            return Ok(());
        }
        let logs: BTreeSet<LogId> = inner
            .held
            .rows()
            .filter(|(row, _)| row.hub == self.own_id)
            .map(|(row, _)| row.log)
            .collect();
        let runs = self.own_runs().map_err(LedgerError::from)?;
        let left = self
            .void_leaves(&inner, &runs)
            .into_values()
            .map(|(_, counter)| counter)
            .max();
        for log in logs {
            match self.open_log(&mut inner, network, (log, Kind::Open)) {
                // What it vouches for in the registry removes it, or says that it left: there is nothing more to vouch for.
                Err(WriteError::Removed | WriteError::Left) => break,
                opened => drop(opened?),
            }
        }
        drop(inner);
        self.make_durable()?;
        // Its leave was void with the key that said it, and is not vouched for: hubs that heard that before would take none of
        // the other logs' openings. It leaves anew, with all that it vouches for.
        match left.map(|counter| self.leave_after(counter)) {
            Some(Err(WriteError::LastVoter)) | None => Ok(()),
            Some(left) => left,
        }
    }

    /// Where a node of this hub said that it leaves, with a key that was stolen since: the first number and the highest counter
    /// of each run.
    pub(super) fn void_leaves(&self, inner: &Inner, runs: &BTreeSet<Epoch>) -> BTreeMap<Epoch, (u64, u32)> {
        let counter = inner.roster.members.get(&self.own_id).map_or(0, |own| own.counter);
        let mut leaves: BTreeMap<Epoch, (u64, u32)> = BTreeMap::new();
        for statement in inner.statements.iter().filter(|one| one.hub == self.own_id) {
            let is_void = inner.unheard.get(&statement.hash) == Some(&Unheard::Stolen);
            match &statement.said {
                Said::Leave(leave) if is_void && leave.counter > counter && runs.contains(&statement.epoch) => {
                    let (first, highest) = leaves.entry(statement.epoch).or_insert((statement.seq, leave.counter));
                    (*first, *highest) = ((*first).min(statement.seq), (*highest).max(leave.counter));
                }
                _ => {}
            }
        }
        leaves
    }

    /// What to tell hubs that do not know the present key: how it follows from the first one, and the admission. `None` for a
    /// founder's first key.
    pub(super) fn announcement(&self) -> Option<JoinRequest> {
        let network = self.network()?;
        let next_keys = self.own_next_keys(network).unwrap_or_default();
        let admission = self.own_admission().unwrap_or_default();
        // Of a key that a decision gave nobody can be told but by the registry.
        let has_any = !next_keys.is_empty() || !admission.is_empty();
        has_any.then(|| JoinRequest {
            admission,
            ..JoinRequest::of_a_member(network, next_keys)
        })
    }

    /// The log in which somebody admitted this hub.
    fn own_admission(&self) -> Option<Vec<Envelope>> {
        let own = self.roster().keys(self.own_id, 0).first().copied()?;
        let inner = self.lock();
        let admissions = inner.statements.iter().filter(|statement| match &statement.said {
            Said::Admit(admit) => is_about(admit, &own),
            _ => false,
        });
        let newest = admissions.max_by_key(|statement| (statement.clock, statement.hash))?;
        let row = RowKey {
            log: LogId::REGISTRY,
            hub: newest.hub,
            epoch: newest.epoch,
        };
        drop(inner);
        self.read_log(row, 0, MAX_ADMISSION_BYTES, MAX_ADMISSION).ok()
    }

    /// A caller whose key is unknown shows who admitted it. That may be lost where it was signed: a backup was restored. Only
    /// if a known hub did admit it, what lies in that log is taken.
    pub(super) fn take_admission(
        &self,
        caller: [u8; 32],
        network: NetworkId,
        shown: &[Envelope],
    ) -> Result<(), JoinError> {
        let roster = self.roster();
        if self.network() != Some(network) || roster.by_key(&caller).is_some() {
            return Ok(());
        }
        let admits = |envelope: &&Envelope| {
            let header = &envelope.header;
            let said = statement_of(envelope).map(|statement| statement.said);
            let keys = roster.keys(header.hub, header.key_number);
            matches!(said, Some(Said::Admit(admit)) if is_about(&admit, &caller))
                && keys.iter().any(|key| envelope.verify(key).is_ok())
        };
        if shown.iter().any(|envelope| admits(&envelope)) {
            let log: Vec<Envelope> = shown
                .iter()
                .filter(|envelope| envelope.header.log == LogId::REGISTRY)
                .cloned()
                .collect();
            self.take_from(None, &log)?;
        }
        Ok(())
    }

    /// The records by which the present key follows from the first one, oldest first.
    fn own_next_keys(&self, network: NetworkId) -> Option<Vec<(Vec<u8>, [u8; 64])>> {
        if self.key_number == 0 {
            return None;
        }
        let inner = self.lock();
        let said = inner.statements.iter().filter_map(|statement| match &statement.said {
            Said::NextKey(next) => Some((read_next_key(network, next).ok()?, next.clone())),
            _ => None,
        });
        let known = inner.roster.members.get(&self.own_id)?;
        let mut own: Vec<_> = said
            .filter(|(word, _)| known.keys.all().any(|key| *key == word.public_key))
            .collect();
        own.sort_by(|(one, _), (other, _)| one.cmp(other));
        let next_keys = own
            .into_iter()
            .filter_map(|(_, next)| Some((next.record, next.signature.try_into().ok()?)));
        Some(next_keys.collect())
    }

    /// A caller tells that its key is a hub's present one, or asks for the registry alone. What is true is said in the own log, because a hub that lost
    /// its key can say nothing in its own.
    pub(super) fn take_next_keys(
        &self,
        caller: [u8; 32],
        network: NetworkId,
        next_keys: &[(Vec<u8>, [u8; 64])],
    ) -> Result<(Vec<Envelope>, bool), JoinError> {
        if self.network() != Some(network) {
            return Err(JoinError::Network);
        }
        let mut inner = self.lock();
        for (record, signature) in next_keys {
            let next = NextKey {
                record: record.clone(),
                signature: signature.to_vec(),
            };
            let word = read_next_key(network, &next)?;
            let is_held = inner.roster.by_key(&word.public_key).is_some();
            let speaks = |keys: &HubKeys| keys.recovery_key == word.signer || keys.all().any(|key| *key == word.signer);
            let names = inner.roster.members.values().any(|member| speaks(&member.keys));
            if names && !is_held {
                self.write_locked(&mut inner, network, Write::Statement(Said::NextKey(next)))?;
            }
        }
        let active = match inner.roster.by_key(&caller) {
            Some(member) => inner.roster.is_active(member.id),
            None => return Err(unknown_key(&inner.roster, caller)),
        };
        let envelopes = self.registry_envelopes(&inner).map_err(LedgerError::from)?;
        drop(inner);
        self.make_durable().map_err(LedgerError::from)?;
        Ok((envelopes, active))
    }

    /// The runs that this data folder wrote, or that its operator vouched for.
    pub(super) fn own_runs(&self) -> Result<BTreeSet<Epoch>, StoreError> {
        Ok(stored_runs(&*self.store)?.unwrap_or_default())
    }

    /// The same at a start. Of a folder from before they were noted, all that are held count as its own.
    pub(super) fn first_own_runs(&self, inner: &Inner) -> Result<BTreeSet<Epoch>, StoreError> {
        let held = inner.held.rows().filter(|(row, _)| row.hub == self.own_id);
        Ok(stored_runs(&*self.store)?.unwrap_or_else(|| held.map(|(row, _)| row.epoch).collect()))
    }
}

/// Whether an admission is of the hub with this first key.
pub(super) fn is_about(admit: &Admit, first_key: &[u8; 32]) -> bool {
    Accept::decode(admit.accept.as_slice()).is_ok_and(|accept| accept.public_key == *first_key)
}

/// Why a key is no hub's: the voters may still be deciding about it.
fn unknown_key(roster: &Roster, key: [u8; 32]) -> JoinError {
    let mut named = roster.replacements.values().filter(|one| one.public_key == key);
    match named.clone().filter_map(|one| one.counts_from_ms).max() {
        _ if named.clone().any(|one| one.objected) => JoinError::KeyObjected,
        Some(from_ms) => JoinError::KeyNotYet(text_of(from_ms)),
        None if named.next().is_some() => JoinError::KeyUndecided,
        None => JoinError::KeyUnknown,
    }
}

fn stored_runs(store: &dyn Backend) -> Result<Option<BTreeSet<Epoch>>, StoreError> {
    let Some(MetaValue(bytes)) = catalogue::get(store, &MetaKey::OwnRuns)? else {
        return Ok(None);
    };
    let runs: Option<Vec<u64>> = catalogue::decode_row(1, &bytes);
    let runs = runs.ok_or(StoreError::Damaged {
        what: "list of own runs",
    })?;
    Ok(Some(runs.into_iter().map(Epoch).collect()))
}

fn encode_runs(runs: &BTreeSet<Epoch>) -> MetaValue {
    let runs: Vec<u64> = runs.iter().map(|run| run.0).collect();
    MetaValue(catalogue::encode_row(1, &runs))
}

/// Notes a run as this folder's own, beside those of before.
pub(super) fn put_own_runs(batch: &mut Batch, mut runs: BTreeSet<Epoch>, epoch: Epoch) {
    runs.insert(epoch);
    catalogue::put(batch, &MetaKey::OwnRuns, &encode_runs(&runs));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_own_runs() {
        let MetaValue(bytes) = encode_runs(&[Epoch(1), Epoch(300)].into());
        assert_eq!(data_encoding::HEXLOWER.encode(&bytes), "010201ac02");
    }
}
