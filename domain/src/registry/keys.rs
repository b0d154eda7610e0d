//! The keys of a hub: who may name the next one, which one counts, which were stolen.
//!
//! A record names a hub's next signing key, signed by the key before it or by the recovery key. It stands alone, whichever
//! hub's statement carries it, because a hub that lost its key can sign no statement. All keys that were ever named verify
//! what they signed; one of them is the current one, and what the recovery key says beats what any signing key says.
//!
//! Key numbers name keys in envelope headers and never change their meaning: the first key is 0; a signing key names the
//! number after its own; a key named by the recovery key has the highest bit set, nine bits of its hash, and six bits that
//! count from there; one that a decision gave the hub has the bit below, eight bits of its hash, and the same six.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use super::check::RegistryError;
use super::replace::Replacement;
use super::{HeldStatement, Seals};
use crate::body::{KeyReason, KeyRecord, NextKey, Said};
use crate::envelope::{SigningKey, public_key};
use crate::ids::{HeaderHash, HubId, NetworkId};

/// What is signed begins with this.
const TAG: &[u8] = b"interhub-nextkey-v1\0";
/// What the key signs that is named begins with this.
const POSSESSION_TAG: &[u8] = b"interhub-namedkey-v1\0";
/// Keys that a signing key names one after the other, before the recovery key has to name one.
const MAX_ROTATIONS: u16 = 63;
/// Largest record in bytes.
const MAX_RECORD: usize = 512;
/// The bits of a number that tell one line of keys from another.
const LINE: u16 = 0xffc0;

/// A record whose signature verifies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyWord {
    /// When, by its author's clock, Unix milliseconds; then what tells two apart.
    pub at_ms: u64,
    /// BLAKE3 of the encoded record.
    pub id: HeaderHash,
    /// The hub; `None` where the recovery key says enough.
    pub hub: Option<HubId>,
    /// The public key that signed it.
    pub signer: [u8; 32],
    /// The next signing key.
    pub public_key: [u8; 32],
    /// The next recovery key, if it names one.
    pub recovery_key: Option<[u8; 32]>,
    /// Why.
    pub reason: KeyReason,
}

/// All keys of one hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubKeys {
    /// Every key that was ever named, by number. Two hands with one key can name two for one number.
    pub by_number: BTreeMap<u16, Vec<[u8; 32]>>,
    /// The number and the key it signs with now.
    pub current: (u16, [u8; 32]),
    /// Keys that were stolen: what they signed counts only as far as an `open` by a later key says.
    pub stolen: BTreeSet<u16>,
    /// The recovery key that speaks now.
    pub recovery_key: [u8; 32],
    /// Every recovery key it ever had, the present one among them.
    pub recovery_keys: BTreeSet<[u8; 32]>,
}

/// A key that something other than a signing key gave to the hub: where a line of keys begins.
struct Given {
    key: [u8; 32],
    number: u16,
    reason: KeyReason,
}

/// What a key's holder signs.
pub(super) fn message(record: &[u8]) -> Vec<u8> {
    [TAG, record].concat()
}

/// What the holder of the next key signs: it is to be named by this one.
pub(super) fn possession_message(signer: &[u8; 32]) -> Vec<u8> {
    [POSSESSION_TAG, signer].concat()
}

/// Makes and signs a record, with both keys: without the next one another hub's key could be named, and that hub's streams
/// taken for this one's. `hub` is `None` for a hub that its recovery key alone finds.
pub fn sign_next_key(
    network: Option<NetworkId>,
    hub: Option<HubId>,
    signer: &SigningKey,
    next: &SigningKey,
    reason: KeyReason,
    at_ms: u64,
) -> NextKey {
    sign_next_keys((network, hub), signer, (next, None), reason, at_ms)
}

/// The same, and perhaps the next recovery key with it: the present one signs both.
pub fn sign_next_keys(
    (network, hub): (Option<NetworkId>, Option<HubId>),
    signer: &SigningKey,
    (next, next_recovery): (&SigningKey, Option<[u8; 32]>),
    reason: KeyReason,
    at_ms: u64,
) -> NextKey {
    let possession = next.sign(&possession_message(&public_key(signer)));
    let record = KeyRecord {
        network: network.map(|network| network.0.to_vec()).unwrap_or_default(),
        hub: hub.map(|hub| hub.0.to_vec()).unwrap_or_default(),
        signer: public_key(signer).to_vec(),
        public_key: public_key(next).to_vec(),
        reason: reason.into(),
        at_ms,
        recovery_key: next_recovery.map(Vec::from).unwrap_or_default(),
        possession: possession.to_bytes().to_vec(),
    }
    .encode_to_vec();
    let signature = signer.sign(&message(&record)).to_bytes().to_vec();
    NextKey { record, signature }
}

/// Reads a record and checks both signatures.
pub fn read_next_key(network: NetworkId, next: &NextKey) -> Result<KeyWord, RegistryError> {
    read_sealed(network, next, &Seals::default())
}

pub(super) fn read_sealed(network: NetworkId, next: &NextKey, seals: &Seals) -> Result<KeyWord, RegistryError> {
    if next.record.len() > MAX_RECORD {
        return Err(RegistryError::Encoding);
    }
    let record = KeyRecord::decode(next.record.as_slice()).map_err(|_| RegistryError::Encoding)?;
    if !record.network.is_empty() && record.network != network.0 {
        return Err(RegistryError::Network);
    }
    let key = |bytes: &[u8]| {
        <[u8; 32]>::try_from(bytes).map_err(|_| RegistryError::Field {
            field: "key",
            rule: "32 bytes",
        })
    };
    let signer = key(&record.signer)?;
    let signature: [u8; 64] = next
        .signature
        .as_slice()
        .try_into()
        .map_err(|_| RegistryError::Signature)?;
    seals.verify(&signer, &message(&next.record), &signature)?;
    let named = key(&record.public_key)?;
    let possession: [u8; 64] = record
        .possession
        .as_slice()
        .try_into()
        .map_err(|_| RegistryError::Signature)?;
    seals.verify(&named, &possession_message(&signer), &possession)?;
    let reason = KeyReason::try_from(record.reason).unwrap_or(KeyReason::Unspecified);
    if reason == KeyReason::Unspecified {
        return Err(RegistryError::Encoding);
    }
    Ok(KeyWord {
        at_ms: record.at_ms,
        id: HeaderHash(*blake3::hash(&next.record).as_bytes()),
        hub: HubId::from_slice(&record.hub),
        signer,
        public_key: named,
        recovery_key: (!record.recovery_key.is_empty())
            .then(|| key(&record.recovery_key))
            .transpose()?,
        reason,
    })
}

/// The number of a key that a recovery key named.
pub fn recovered_number(public_key: &[u8; 32]) -> u16 {
    let hash = blake3::hash(public_key);
    let bytes = hash.as_bytes();
    0x8000 | (u16::from_be_bytes([bytes[0], bytes[1]]) << 6 & 0x7fc0)
}

/// The number of a key that a decision gave a hub.
pub fn decided_number(public_key: &[u8; 32]) -> u16 {
    let hash = blake3::hash(public_key);
    let bytes = hash.as_bytes();
    0x4000 | (u16::from_be_bytes([bytes[0], bytes[1]]) << 6 & 0x3fc0)
}

/// The number of a key that the key with this number named; `None` if it may not name one any more.
fn next_number(number: u16) -> Option<u16> {
    (number & 0x3f < MAX_ROTATIONS).then(|| number + 1)
}

/// All valid records among the statements, whoever carries them.
pub(super) fn key_words<'a>(
    network: NetworkId,
    statements: impl Iterator<Item = &'a HeldStatement>,
) -> BTreeSet<KeyWord> {
    statements
        .filter_map(|statement| match &statement.said {
            Said::NextKey(next) => read_sealed(network, next, &statement.seals).ok(),
            _ => None,
        })
        .collect()
}

impl HubKeys {
    /// Those of a hub that named no other ones.
    pub(super) fn of(first: [u8; 32], recovery_key: [u8; 32]) -> Self {
        Self {
            by_number: BTreeMap::from([(0, vec![first])]),
            current: (0, first),
            stolen: BTreeSet::new(),
            recovery_key,
            recovery_keys: BTreeSet::from([recovery_key]),
        }
    }

    /// Whether this key may speak for the hub against others in its place.
    pub(super) fn may_object(&self, signer: &[u8; 32]) -> bool {
        self.recovery_keys.contains(signer) || self.trusted().any(|key| key == *signer)
    }

    /// Every key that was ever named.
    pub fn all(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.by_number.values().flatten()
    }

    /// Every key that was not stolen.
    pub fn trusted(&self) -> impl Iterator<Item = [u8; 32]> {
        let kept = self
            .by_number
            .iter()
            .filter(|(number, _)| !self.stolen.contains(number));
        kept.flat_map(|(_, keys)| keys.iter().copied())
    }

    /// From a hub's first key, its first recovery key, the records of all hubs in their order, and the keys that decisions
    /// gave it, those that are due.
    pub(super) fn compute(
        hub: HubId,
        first: [u8; 32],
        recovery: [u8; 32],
        words: &BTreeSet<KeyWord>,
        decided: &[Replacement],
    ) -> Self {
        let words: Vec<&KeyWord> = words
            .iter()
            .filter(|word| word.hub.is_none_or(|named| named == hub))
            .collect();
        let mut keys = Self::of(first, recovery);
        let given = keys.given(&words, decided);
        for one in &given {
            keys.name(one.number, one.key);
        }
        let refused = keys.name_refused(&given, decided);
        keys.name_rotations(&words);
        let base = given.last().map_or((0, first), |one| (one.number, one.key));
        let lineage = lineage(base, &words);
        keys.current = lineage.last().map_or(base, |(key, _)| *key);
        keys.mark_stolen(&given, &lineage);
        let of_refused = keys
            .by_number
            .keys()
            .filter(|number| refused.contains(&(**number & LINE)));
        keys.stolen.extend(of_refused);
        keys
    }

    /// What recovery keys say and decisions give, in the order in which it counts: the next recovery key's words after those
    /// of the one that named it, and after a decision those of the recovery key in it.
    fn given(&mut self, words: &[&KeyWord], decided: &[Replacement]) -> Vec<Given> {
        let mut all = self.recoveries(words);
        for replacement in decided.iter().filter(|replacement| replacement.counts()) {
            all.push(Given {
                key: replacement.public_key,
                number: decided_number(&replacement.public_key),
                reason: KeyReason::Lost,
            });
            self.recovery_key = replacement.recovery_key;
            all.extend(self.recoveries(words));
        }
        all
    }

    fn recoveries(&mut self, words: &[&KeyWord]) -> Vec<Given> {
        let mut all = Vec::new();
        let mut seen = BTreeSet::new();
        while seen.insert(self.recovery_key) {
            self.recovery_keys.insert(self.recovery_key);
            let said = || words.iter().filter(|word| word.signer == self.recovery_key);
            all.extend(said().map(|word| Given {
                key: word.public_key,
                number: recovered_number(&word.public_key),
                reason: word.reason,
            }));
            if let Some(next) = said().rev().find_map(|word| word.recovery_key) {
                self.recovery_key = next;
            }
        }
        all
    }

    /// Names the keys of decisions that the hub objected to, for what they signed before that was known. Returns the lines
    /// that begin with them.
    fn name_refused(&mut self, given: &[Given], decided: &[Replacement]) -> BTreeSet<u16> {
        let mut refused = BTreeSet::new();
        for replacement in decided.iter().filter(|replacement| replacement.objected) {
            let number = decided_number(&replacement.public_key);
            // A line that is the hub's own stays so: there is no room beside it.
            if given.iter().all(|one| one.number != number) {
                self.name(number, replacement.public_key);
                refused.insert(number);
            }
        }
        refused
    }

    fn name(&mut self, number: u16, key: [u8; 32]) -> bool {
        let known = self.by_number.entry(number).or_default();
        let new = !known.contains(&key);
        if new {
            known.push(key);
            known.sort_unstable();
        }
        new
    }

    /// Every key that a known signing key names.
    fn name_rotations(&mut self, words: &[&KeyWord]) {
        let mut open: Vec<(u16, [u8; 32])> = self
            .by_number
            .iter()
            .flat_map(|(number, keys)| keys.iter().map(|key| (*number, *key)))
            .collect();
        while let Some((number, key)) = open.pop() {
            let Some(next) = next_number(number) else { continue };
            for word in words.iter().filter(|word| word.signer == key) {
                if self.name(next, word.public_key) {
                    open.push((next, word.public_key));
                }
            }
        }
    }

    /// After a theft said by the recovery key all keys but those named since are stolen; after one said by a signing key,
    /// those before it in its own line.
    fn mark_stolen(&mut self, given: &[Given], lineage: &[((u16, [u8; 32]), KeyReason)]) {
        let theft = given.iter().rposition(|one| one.reason == KeyReason::Stolen);
        if let Some(at) = theft {
            let kept: BTreeSet<u16> = given.iter().skip(at).map(|one| one.number & LINE).collect();
            let lost = self
                .by_number
                .keys()
                .filter(|number| !kept.contains(&(**number & LINE)));
            self.stolen.extend(lost);
        }
        if let Some(at) = lineage.iter().rposition(|(_, reason)| *reason == KeyReason::Stolen) {
            self.stolen
                .extend(lineage.iter().take(at).map(|((number, _), _)| *number));
        }
    }
}

/// The keys from a base on, each named by the one before it and the reason for it; of several next ones the earliest.
fn lineage(base: (u16, [u8; 32]), words: &[&KeyWord]) -> Vec<((u16, [u8; 32]), KeyReason)> {
    let mut line = vec![(base, KeyReason::Unspecified)];
    let (mut number, mut key) = base;
    while let (Some(next), Some(word)) = (next_number(number), words.iter().find(|word| word.signer == key)) {
        (number, key) = (next, word.public_key);
        line.push(((number, key), word.reason));
    }
    line
}
