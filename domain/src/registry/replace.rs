//! Keys that a decision gives to a hub which has lost both of its own: since when they count, and the hub's own word against
//! them.
//!
//! A decision names the hub's next signing key and its next recovery key. It counts seven days after a node took it, in
//! which whoever still has a key of the hub can object. An objection is the hub's own word, by a signing key that was not
//! stolen or by a recovery key, and is about a pair of keys, so that proposing them again does not help. **It counts
//! whenever it comes**: whoever signs it could as well have dated it back, and nodes that heard of it at different times
//! have to agree.
//!
//! All keys that were due once verify what they signed, objected to or not, because nodes that hear of the objection at
//! different times have to hold the same envelopes. What an objected key signed is as void as what a stolen one did.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use super::ballots::{Ballots, Opinion, State};
use super::check::RegistryError;
use super::decision::Change;
use super::keys::{HubKeys, KeyWord};
use super::positions::Positions;
use super::{HeldStatement, Roster, Seals};
use crate::body::{Objection, ObjectionRecord, Said};
use crate::envelope::{SigningKey, public_key};
use crate::ids::{HeaderHash, HubId, NetworkId};

/// How long whoever still has a key can object before the keys of a decision count. Milliseconds: 7 days.
pub const REPLACE_AFTER_MS: i64 = 7 * 24 * 3_600 * 1_000;
/// What is signed begins with this.
const TAG: &[u8] = b"interhub-objection-v1\0";
/// Largest record in bytes.
const MAX_RECORD: usize = 512;

/// What became of the keys in a decision that gives a hub others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The hub.
    pub hub: HubId,
    /// Its next signing key.
    pub public_key: [u8; 32],
    /// Its next recovery key.
    pub recovery_key: [u8; 32],
    /// When the keys count at this node, Unix milliseconds; `None` while the decision is not in force.
    pub counts_from_ms: Option<i64>,
    /// Whether that moment has come.
    pub due: bool,
    /// Whether a key of the hub has objected.
    pub objected: bool,
}

impl Replacement {
    /// Whether the hub has these keys now.
    pub const fn counts(&self) -> bool {
        self.due && !self.objected
    }

    /// Whether it may still come to count, so that the hub has to be told.
    pub const fn threatens(&self) -> bool {
        !self.due && !self.objected
    }
}

/// An objection whose signature verifies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectionWord {
    /// The hub.
    pub hub: HubId,
    /// The signing key it is against.
    pub public_key: [u8; 32],
    /// The recovery key it is against.
    pub recovery_key: [u8; 32],
    /// The public key that signed it.
    pub signer: [u8; 32],
}

/// What a key's holder signs.
fn message(record: &[u8]) -> Vec<u8> {
    [TAG, record].concat()
}

/// Makes and signs an objection to these keys.
pub fn sign_objection(
    network: NetworkId,
    hub: HubId,
    signer: &SigningKey,
    against: [u8; 32],
    recovery: [u8; 32],
) -> Objection {
    let record = ObjectionRecord {
        network: network.0.to_vec(),
        hub: hub.0.to_vec(),
        signer: public_key(signer).to_vec(),
        public_key: against.to_vec(),
        recovery_key: recovery.to_vec(),
    }
    .encode_to_vec();
    let signature = signer.sign(&message(&record)).to_bytes().to_vec();
    Objection { record, signature }
}

/// Reads an objection and checks its signature.
pub fn read_objection(network: NetworkId, objection: &Objection) -> Result<ObjectionWord, RegistryError> {
    read_sealed(network, objection, &Seals::default())
}

pub(super) fn read_sealed(
    network: NetworkId,
    objection: &Objection,
    seals: &Seals,
) -> Result<ObjectionWord, RegistryError> {
    if objection.record.len() > MAX_RECORD {
        return Err(RegistryError::Encoding);
    }
    let record = ObjectionRecord::decode(objection.record.as_slice()).map_err(|_| RegistryError::Encoding)?;
    if record.network != network.0 {
        return Err(RegistryError::Network);
    }
    let key = |bytes: &[u8]| {
        <[u8; 32]>::try_from(bytes).map_err(|_| RegistryError::Field {
            field: "key",
            rule: "32 bytes",
        })
    };
    let signer = key(&record.signer)?;
    let signature = objection.signature.as_slice().try_into();
    let signature: [u8; 64] = signature.map_err(|_| RegistryError::Signature)?;
    seals.verify(&signer, &message(&objection.record), &signature)?;
    Ok(ObjectionWord {
        hub: HubId::from_slice(&record.hub).ok_or(RegistryError::Encoding)?,
        public_key: key(&record.public_key)?,
        recovery_key: key(&record.recovery_key)?,
        signer,
    })
}

/// All valid objections among the statements, whoever carries them.
pub(super) fn objections<'a>(
    network: NetworkId,
    statements: impl Iterator<Item = &'a HeldStatement>,
) -> BTreeSet<ObjectionWord> {
    statements
        .filter_map(|statement| match &statement.said {
            Said::Object(objection) => read_sealed(network, objection, &statement.seals).ok(),
            _ => None,
        })
        .collect()
}

/// The decisions that give each hub other keys: those in force in their order, each after those it builds on, then the rest.
pub(super) type Replacements = BTreeMap<HubId, Vec<(HeaderHash, Replacement)>>;

impl Ballots {
    /// What the decisions held would make of keys; nobody's objection is known yet.
    pub(super) fn replacements(&self, now_ms: i64) -> Replacements {
        let replacing = || {
            let all = self.all().enumerate();
            all.filter_map(|(place, opinion)| Some((place, opinion, replacement(opinion, now_ms)?)))
        };
        let mut same: BTreeMap<HubId, Positions> = BTreeMap::new();
        for (place, _, replacement) in replacing() {
            same.entry(replacement.hub).or_default().insert(place);
        }
        let mut out: BTreeMap<HubId, Vec<_>> = BTreeMap::new();
        for (_, opinion, replacement) in replacing() {
            // How many of the same hub it builds on: what does not depend on how others are ordered.
            let depth = same
                .get(&replacement.hub)
                .map_or(0, |same| opinion.past.in_common(same));
            let order = (replacement.counts_from_ms.is_none(), depth, opinion.id);
            out.entry(replacement.hub).or_default().push((order, replacement));
        }
        let sorted = out.into_iter().map(|(hub, mut all)| {
            all.sort_by_key(|(order, _)| *order);
            (
                hub,
                all.into_iter()
                    .map(|((_, _, id), replacement)| (id, replacement))
                    .collect(),
            )
        });
        sorted.collect()
    }
}

fn replacement(opinion: &Opinion, now_ms: i64) -> Option<Replacement> {
    let Change::ReplaceKey {
        hub,
        public_key,
        recovery_key,
    } = opinion.proposal.change
    else {
        return None;
    };
    let counts_from_ms = match opinion.state {
        State::Taken(since) => Some(since.saturating_add(REPLACE_AFTER_MS)),
        State::Pending | State::Refused => None,
    };
    Some(Replacement {
        hub,
        public_key,
        recovery_key,
        counts_from_ms,
        due: counts_from_ms.is_some_and(|from| from <= now_ms),
        objected: false,
    })
}

/// The keys of a hub with those that decisions give it; says of each of these whether the hub objects. A key speaks against
/// a decision if it is the hub's without that decision and those that come after it.
pub(super) fn settle(
    (hub, first, recovery): (HubId, [u8; 32], [u8; 32]),
    words: &BTreeSet<KeyWord>,
    replacements: &mut [(HeaderHash, Replacement)],
    objections: &BTreeSet<ObjectionWord>,
) -> HubKeys {
    let mut given: Vec<Replacement> = Vec::new();
    let mut keys = HubKeys::compute(hub, first, recovery, words, &given);
    for (_, replacement) in replacements {
        replacement.objected = objections.iter().any(|word| {
            (word.hub, word.public_key, word.recovery_key) == (hub, replacement.public_key, replacement.recovery_key)
                && keys.may_object(&word.signer)
        });
        if replacement.due {
            given.push(replacement.clone());
            keys = HubKeys::compute(hub, first, recovery, words, &given);
        }
    }
    keys
}

impl Roster {
    /// Decisions that give this hub other keys, and that nobody who has one has objected to yet: pending, or in force and
    /// not counting yet.
    pub fn key_threats(&self, hub: HubId) -> impl Iterator<Item = (&HeaderHash, &Replacement)> {
        let about = self
            .replacements
            .iter()
            .filter(move |(_, replacement)| replacement.hub == hub);
        about.filter(|(id, replacement)| {
            let can_pass = self.ballots.get(id).is_some_and(Opinion::is_proper);
            replacement.threatens() && (can_pass || replacement.counts_from_ms.is_some())
        })
    }
}
