//! Beacons: a hub's signed "these are my heads, at this time", the measure of how fresh its data is elsewhere.
//!
//! A relay cannot forge what a hub wrote, but it could withhold it. The newest beacon of each hub travels by itself; a
//! hub's data is *as of* the newest beacon whose heads are all held, so that what is withheld shows as age.

use prost::Message;

use crate::envelope::{SigningKey, verify};
use crate::frontier::{Head, RowKey};
use crate::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId};

/// A hub signs one this often. Milliseconds.
pub const BEACON_EVERY_MS: i64 = 5 * 60 * 1000;
/// Largest statement in bytes.
pub const MAX_BEACON_BYTES: usize = 64 * 1024;
/// Heads in one beacon. A run whose end a later `open` names is left out, so a hub has three, and a few more after faults.
pub const MAX_HEADS: usize = 512;
/// What is signed begins with this.
const TAG: &[u8; 16] = b"interhub-bcon-v1";

/// The statement as protobuf; `BeaconStatement` in `body.proto`.
#[derive(Clone, PartialEq, Message)]
struct Statement {
    #[prost(bytes = "vec", tag = "1")]
    network: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    hub: Vec<u8>,
    #[prost(uint32, tag = "3")]
    key: u32,
    #[prost(uint64, tag = "4")]
    at_ms: u64,
    #[prost(message, repeated, tag = "5")]
    heads: Vec<StatedHead>,
}

#[derive(Clone, PartialEq, Message)]
struct StatedHead {
    #[prost(bytes = "vec", tag = "1")]
    log: Vec<u8>,
    #[prost(fixed64, tag = "2")]
    epoch: u64,
    #[prost(uint64, tag = "3")]
    seq: u64,
    #[prost(bytes = "vec", tag = "4")]
    hash: Vec<u8>,
}

/// A beacon as it travels and is kept: the bytes that were signed, and the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBeacon {
    /// The encoded statement.
    pub statement: Vec<u8>,
    /// Ed25519 by the hub's key over the tag `interhub-bcon-v1` and the statement, judged by ZIP 215.
    pub signature: [u8; 64],
}

/// What a beacon says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beacon {
    /// Who says it.
    pub hub: HubId,
    /// Number of the hub's key.
    pub key_number: u16,
    /// When, Unix milliseconds by the hub's clock.
    pub at_ms: i64,
    /// The last envelope of each of its shared logs that no later `open` names.
    pub heads: Vec<(RowKey, Head)>,
}

/// Why a beacon is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BeaconError {
    /// Over a limit.
    #[error("the beacon is over its limit")]
    TooLarge,
    /// Not a statement of this version.
    #[error("the beacon cannot be read")]
    Encoding,
    /// For another network.
    #[error("the beacon is of another network")]
    Network,
    /// Its hub or key is not in the registry.
    #[error("the beacon's hub or key is not in the registry")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the beacon's signature does not verify")]
    Signature,
}

fn message(statement: &[u8]) -> Vec<u8> {
    [TAG.as_slice(), statement].concat()
}

impl Beacon {
    /// Signs it for a network. Heads beyond [`MAX_HEADS`] are left out, oldest runs first: what they hold is then vouched
    /// for by later beacons only.
    pub fn sign(&self, network: NetworkId, key: &SigningKey) -> SignedBeacon {
        let mut heads = self.heads.clone();
        heads.sort_unstable_by_key(|(row, _)| (std::cmp::Reverse(row.epoch), row.log));
        heads.truncate(MAX_HEADS);
        heads.sort_unstable_by_key(|(row, _)| (row.log, row.epoch));
        let statement = Statement {
            network: network.0.to_vec(),
            hub: self.hub.0.to_vec(),
            key: u32::from(self.key_number),
            at_ms: u64::try_from(self.at_ms).unwrap_or_default(),
            heads: heads
                .iter()
                .map(|(row, head)| StatedHead {
                    log: row.log.0.to_vec(),
                    epoch: row.epoch.0,
                    seq: head.seq,
                    hash: head.hash.0.to_vec(),
                })
                .collect(),
        }
        .encode_to_vec();
        let signature = key.sign(&message(&statement)).to_bytes();
        SignedBeacon { statement, signature }
    }

    /// Whether everything it names is here. `hash_at` gives the hash of the header held at a position, `end` the number at
    /// which a cut log ends: nothing beyond it is waited for.
    pub fn is_held(
        &self,
        hash_at: impl Fn(&RowKey, u64) -> Option<HeaderHash>,
        end: impl Fn(&RowKey) -> Option<u64>,
    ) -> bool {
        self.heads.iter().all(|(row, head)| match end(row) {
            Some(0) => true,
            Some(end) if head.seq >= end => hash_at(row, end - 1).is_some(),
            _ => hash_at(row, head.seq) == Some(head.hash),
        })
    }
}

impl SignedBeacon {
    /// Reads it without checking who signed it.
    pub fn read(&self, network: NetworkId) -> Result<Beacon, BeaconError> {
        if self.statement.len() > MAX_BEACON_BYTES {
            return Err(BeaconError::TooLarge);
        }
        let statement = Statement::decode(self.statement.as_slice()).map_err(|_| BeaconError::Encoding)?;
        if statement.network != network.0 {
            return Err(BeaconError::Network);
        }
        if statement.heads.len() > MAX_HEADS {
            return Err(BeaconError::TooLarge);
        }
        let hub = HubId::from_slice(&statement.hub).ok_or(BeaconError::Encoding)?;
        let head = |head: &StatedHead| {
            let log = LogId::from_slice(&head.log).filter(|log| log.is_shared())?;
            let row = RowKey {
                log,
                hub,
                epoch: Epoch(head.epoch),
            };
            let hash = HeaderHash::from_slice(&head.hash)?;
            Some((row, Head { seq: head.seq, hash }))
        };
        let heads: Option<Vec<_>> = statement.heads.iter().map(head).collect();
        Ok(Beacon {
            hub,
            key_number: u16::try_from(statement.key).map_err(|_| BeaconError::Encoding)?,
            at_ms: i64::try_from(statement.at_ms).map_err(|_| BeaconError::Encoding)?,
            heads: heads.ok_or(BeaconError::Encoding)?,
        })
    }

    /// Reads and checks it. `key` gives the public key of a hub by number.
    pub fn check(
        &self,
        network: NetworkId,
        key: impl Fn(HubId, u16) -> Option<[u8; 32]>,
    ) -> Result<Beacon, BeaconError> {
        let beacon = self.read(network)?;
        let key = key(beacon.hub, beacon.key_number).ok_or(BeaconError::UnknownKey)?;
        verify(&key, &message(&self.statement), &self.signature).map_err(|_| BeaconError::Signature)?;
        Ok(beacon)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::public_key;

    const NETWORK: NetworkId = NetworkId([9; 16]);
    const HUB: HubId = HubId([2; 16]);

    fn row(log: LogId, epoch: u64) -> RowKey {
        RowKey {
            log,
            hub: HUB,
            epoch: Epoch(epoch),
        }
    }

    fn head(seq: u64) -> Head {
        Head {
            seq,
            hash: HeaderHash([u8::try_from(seq % 251).unwrap(); 32]),
        }
    }

    fn sample() -> Beacon {
        Beacon {
            hub: HUB,
            key_number: 0,
            at_ms: 1_795_000_000_000,
            heads: vec![(row(LogId::NETWORK, 7), head(3)), (row(LogId::PUBLIC, 7), head(40))],
        }
    }

    fn signing() -> SigningKey {
        SigningKey::from([9; 32])
    }

    #[test]
    fn golden_beacon() {
        let mut one = sample();
        one.heads.truncate(1);
        let signed = one.sign(NETWORK, &signing());
        assert_eq!(
            data_encoding::HEXLOWER.encode(&signed.statement),
            format!(
                "0a10{}1210{}2080bcd9f29e342a{}0a10{}110700000000000000180322{}{}",
                "09".repeat(16),
                "02".repeat(16),
                "3f",
                "696e7465726875622f6e6574776f726b",
                "20",
                "03".repeat(32)
            )
        );
    }

    #[test]
    fn what_is_signed_is_read_and_nothing_else() {
        let signed = sample().sign(NETWORK, &signing());
        let key = |hub: HubId, number: u16| (hub == HUB && number == 0).then(|| public_key(&signing()));
        assert_eq!(signed.check(NETWORK, key), Ok(sample()));
        assert_eq!(signed.check(NetworkId::ZERO, key), Err(BeaconError::Network));
        assert_eq!(signed.check(NETWORK, |_, _| None), Err(BeaconError::UnknownKey));
        for at in 0..signed.statement.len() {
            let mut altered = signed.clone();
            altered.statement[at] ^= 1;
            assert!(altered.check(NETWORK, key).is_err(), "byte {at}");
        }
        let mut forged = signed;
        forged.signature[0] ^= 1;
        assert_eq!(forged.check(NETWORK, key), Err(BeaconError::Signature));
    }

    #[test]
    fn heads_of_other_logs_and_too_many_are_refused() {
        let mut local = sample();
        local.heads.push((row(LogId::LOCAL, 7), head(1)));
        assert_eq!(
            local.sign(NETWORK, &signing()).read(NETWORK),
            Err(BeaconError::Encoding)
        );
        let mut many = sample();
        many.heads = (0..600).map(|epoch| (row(LogId::PUBLIC, epoch), head(1))).collect();
        let read = many.sign(NETWORK, &signing()).read(NETWORK).unwrap();
        assert_eq!(read.heads.len(), MAX_HEADS);
        assert!(
            read.heads.iter().all(|(row, _)| row.epoch.0 >= 88),
            "the newest runs stay"
        );
        let huge = SignedBeacon {
            statement: vec![0; MAX_BEACON_BYTES + 1],
            signature: [0; 64],
        };
        assert_eq!(huge.read(NETWORK), Err(BeaconError::TooLarge));
    }

    #[test]
    fn it_is_held_when_every_head_is() {
        let beacon = sample();
        let all =
            |row: &RowKey, seq: u64| (seq <= if row.log == LogId::PUBLIC { 45 } else { 3 }).then(|| head(seq).hash);
        assert!(beacon.is_held(all, |_| None), "more than it names is held");
        assert!(!beacon.is_held(|row, seq| (row.log == LogId::PUBLIC).then(|| head(seq).hash), |_| None));
        assert!(
            !beacon.is_held(|_, _| Some(HeaderHash([200; 32])), |_| None),
            "another branch"
        );
        let cut = |row: &RowKey| (row.log == LogId::PUBLIC).then_some(10);
        let until =
            |row: &RowKey, seq: u64| (seq <= if row.log == LogId::PUBLIC { 9 } else { 3 }).then(|| head(seq).hash);
        assert!(beacon.is_held(until, cut), "nothing beyond a cut is waited for");
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(statement in proptest::collection::vec(any::<u8>(), 0..300)) {
            let signed = SignedBeacon { statement, signature: [0; 64] };
            let _ = signed.read(NETWORK);
            let _ = signed.check(NETWORK, |_, _| Some(public_key(&signing())));
        }
    }
}
