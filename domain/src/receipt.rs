//! Receipts: a hub's signed word that it has erased what a tombstone covers, given to whoever signed the tombstone.
//!
//! The hub that erased keeps asking every other hub, and each answers once the bytes are out of its files. A receipt names the
//! tombstone by its hash and nobody else, so it may be kept and shown for good.

use prost::Message;

use crate::envelope::{SigningKey, verify};
use crate::ids::{HeaderHash, HubId, NetworkId};

/// Largest statement in bytes.
pub const MAX_RECEIPT_BYTES: usize = 512;
/// Receipts, or tombstones asked about, in one frame.
pub const MAX_RECEIPTS: usize = 1_000;
/// What is signed begins with this.
const TAG: &[u8; 16] = b"interhub-rcpt-v1";

/// The statement as protobuf; `ReceiptStatement` in `body.proto`.
#[derive(Clone, PartialEq, Message)]
struct Statement {
    #[prost(bytes = "vec", tag = "1")]
    network: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    hub: Vec<u8>,
    #[prost(uint32, tag = "3")]
    key: u32,
    #[prost(bytes = "vec", tag = "4")]
    tombstone: Vec<u8>,
    #[prost(uint32, tag = "5")]
    outcome: u32,
    #[prost(uint64, tag = "6")]
    at_ms: u64,
    #[prost(uint64, tag = "7")]
    backups_until_ms: u64,
}

/// What became of what a tombstone covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of it is in the hub's files any more.
    Erased,
    /// The hub will not erase it: the tombstone does not count there.
    Refused,
}

impl Outcome {
    const fn number(self) -> u32 {
        match self {
            Self::Erased => 1,
            Self::Refused => 2,
        }
    }

    const fn numbered(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Erased),
            2 => Some(Self::Refused),
            _ => None,
        }
    }
}

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Who says it.
    pub hub: HubId,
    /// Number of the hub's key.
    pub key_number: u16,
    /// The hash of the tombstone's header.
    pub tombstone: HeaderHash,
    /// What became of it.
    pub outcome: Outcome,
    /// When that was so, Unix milliseconds by the hub's clock.
    pub at_ms: i64,
    /// Until when a backup of the hub may hold it, Unix milliseconds; `None` if there is none that does.
    pub backups_until_ms: Option<i64>,
}

/// A receipt as it travels and is kept: the bytes that were signed, and the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedReceipt {
    /// The encoded statement.
    pub statement: Vec<u8>,
    /// Ed25519 by the hub's key over the tag `interhub-rcpt-v1` and the statement, judged by ZIP 215.
    pub signature: [u8; 64],
}

/// Why a receipt is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Over a limit.
    #[error("the receipt is over its limit")]
    TooLarge,
    /// Not a statement of this version.
    #[error("the receipt cannot be read")]
    Encoding,
    /// For another network.
    #[error("the receipt is of another network")]
    Network,
    /// Its hub or key is not in the registry.
    #[error("the receipt's hub or key is not in the registry")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the receipt's signature does not verify")]
    Signature,
}

fn message(statement: &[u8]) -> Vec<u8> {
    [TAG.as_slice(), statement].concat()
}

impl Receipt {
    /// Signs it for a network.
    pub fn sign(&self, network: NetworkId, key: &SigningKey) -> SignedReceipt {
        let statement = Statement {
            network: network.0.to_vec(),
            hub: self.hub.0.to_vec(),
            key: u32::from(self.key_number),
            tombstone: self.tombstone.0.to_vec(),
            outcome: self.outcome.number(),
            at_ms: u64::try_from(self.at_ms).unwrap_or_default(),
            backups_until_ms: self
                .backups_until_ms
                .and_then(|at_ms| u64::try_from(at_ms).ok())
                .unwrap_or_default(),
        }
        .encode_to_vec();
        let signature = key.sign(&message(&statement)).to_bytes();
        SignedReceipt { statement, signature }
    }
}

impl SignedReceipt {
    /// Reads it without checking who signed it.
    pub fn read(&self, network: NetworkId) -> Result<Receipt, ReceiptError> {
        if self.statement.len() > MAX_RECEIPT_BYTES {
            return Err(ReceiptError::TooLarge);
        }
        let statement = Statement::decode(self.statement.as_slice()).map_err(|_| ReceiptError::Encoding)?;
        if statement.network != network.0 {
            return Err(ReceiptError::Network);
        }
        let time = |ms: u64| i64::try_from(ms).map_err(|_| ReceiptError::Encoding);
        Ok(Receipt {
            hub: HubId::from_slice(&statement.hub).ok_or(ReceiptError::Encoding)?,
            key_number: u16::try_from(statement.key).map_err(|_| ReceiptError::Encoding)?,
            tombstone: HeaderHash::from_slice(&statement.tombstone).ok_or(ReceiptError::Encoding)?,
            outcome: Outcome::numbered(statement.outcome).ok_or(ReceiptError::Encoding)?,
            at_ms: time(statement.at_ms)?,
            backups_until_ms: Some(time(statement.backups_until_ms)?).filter(|at_ms| *at_ms > 0),
        })
    }

    /// Reads and checks it. `key` gives the public key of a hub by number.
    pub fn check(
        &self,
        network: NetworkId,
        key: impl Fn(HubId, u16) -> Option<[u8; 32]>,
    ) -> Result<Receipt, ReceiptError> {
        let receipt = self.read(network)?;
        let key = key(receipt.hub, receipt.key_number).ok_or(ReceiptError::UnknownKey)?;
        verify(&key, &message(&self.statement), &self.signature).map_err(|_| ReceiptError::Signature)?;
        Ok(receipt)
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

    fn receipt() -> Receipt {
        Receipt {
            hub: HUB,
            key_number: 3,
            tombstone: HeaderHash([7; 32]),
            outcome: Outcome::Erased,
            at_ms: 1_790_000_000_000,
            backups_until_ms: None,
        }
    }

    fn key() -> SigningKey {
        SigningKey::from([5; 32])
    }

    fn registry(hub: HubId, number: u16) -> Option<[u8; 32]> {
        ((hub, number) == (HUB, 3)).then(|| public_key(&key()))
    }

    #[test]
    fn what_was_signed_is_read() {
        for (outcome, backups_until_ms) in [(Outcome::Erased, None), (Outcome::Refused, Some(1_790_000_000_001))] {
            let said = Receipt {
                outcome,
                backups_until_ms,
                ..receipt()
            };
            assert_eq!(said.sign(NETWORK, &key()).check(NETWORK, registry), Ok(said));
        }
    }

    #[test]
    fn golden_bytes() {
        let signed = receipt().sign(NETWORK, &key());
        let hex = data_encoding::HEXLOWER.encode(&signed.statement);
        assert_eq!(
            hex,
            "0a100909090909090909090909090909090912100202020202020202020202020202020218032220070707070707070707070707070707\
             070707070707070707070707070707070728013080d8c1a28c34"
        );
    }

    #[test]
    fn what_somebody_else_signed_is_not_taken() {
        let signed = receipt().sign(NETWORK, &SigningKey::from([6; 32]));
        assert_eq!(signed.check(NETWORK, registry), Err(ReceiptError::Signature));
        let signed = receipt().sign(NETWORK, &key());
        assert_eq!(signed.check(NETWORK, |_, _| None), Err(ReceiptError::UnknownKey));
        assert_eq!(signed.check(NetworkId([8; 16]), registry), Err(ReceiptError::Network));
        let long = SignedReceipt {
            statement: vec![0; MAX_RECEIPT_BYTES + 1],
            ..signed
        };
        assert_eq!(long.check(NETWORK, registry), Err(ReceiptError::TooLarge));
    }

    proptest! {
        #[test]
        fn no_other_bytes_are_a_receipt(at in 0_usize..96, with in 1_u8..=255) {
            let mut signed = receipt().sign(NETWORK, &key());
            let at = at % signed.statement.len();
            signed.statement[at] ^= with;
            prop_assert!(signed.check(NETWORK, registry).is_err());
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(statement in proptest::collection::vec(any::<u8>(), 0..200)) {
            let signed = SignedReceipt { statement, signature: [0; 64] };
            prop_assert!(signed.check(NETWORK, registry).is_err());
        }
    }
}
