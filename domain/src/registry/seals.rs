//! The signatures inside statements, verified once.
//!
//! A roster is computed anew with each statement that comes, from all of them. Whether a signature is good never changes,
//! and finding out is most of the work: whoever may make statements could hold up every node by making many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::RegistryError;
use crate::envelope::verify;

/// Verdicts kept for one statement: one or two signatures, under each key that a hub ever had.
const MAX_VERDICTS: usize = 64;

/// What came of verifying the signatures that one statement carries. Clones share it. It says nothing that verifying
/// would not say, so any two of them are equal.
#[derive(Debug, Clone, Default)]
pub struct Seals(Arc<Mutex<BTreeMap<[u8; 32], bool>>>);

impl PartialEq for Seals {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Seals {
    /// Verifies a signature, or says what came of it before.
    pub(super) fn verify(&self, key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), RegistryError> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(key).update(signature).update(message);
        let what = *hasher.finalize().as_bytes();
        let known = self.lock().get(&what).copied();
        let good = known.unwrap_or_else(|| {
            let good = verify(key, message, signature).is_ok();
            let mut verdicts = self.lock();
            if verdicts.len() < MAX_VERDICTS {
                verdicts.insert(what, good);
            }
            good
        });
        if good { Ok(()) } else { Err(RegistryError::Signature) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<[u8; 32], bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{SigningKey, public_key};

    #[test]
    fn verdicts_are_those_of_verifying_each_time() {
        let (key, other) = (SigningKey::from([1; 32]), SigningKey::from([2; 32]));
        let good = key.sign(b"message").to_bytes();
        let seals = Seals::default();
        for _ in 0..2 {
            assert_eq!(seals.verify(&public_key(&key), b"message", &good), Ok(()));
            assert!(seals.verify(&public_key(&key), b"messagf", &good).is_err());
            assert!(seals.verify(&public_key(&other), b"message", &good).is_err());
            let mut bad = good;
            bad[3] ^= 1;
            assert!(seals.verify(&public_key(&key), b"message", &bad).is_err());
        }
        assert_eq!(seals.lock().len(), 4);
    }

    #[test]
    fn not_more_is_kept_than_there_is_room_for() {
        let key = SigningKey::from([1; 32]);
        let seals = Seals::default();
        for number in 0..=u8::MAX {
            let good = key.sign(&[number]).to_bytes();
            assert_eq!(seals.verify(&public_key(&key), &[number], &good), Ok(()));
        }
        assert_eq!(seals.lock().len(), MAX_VERDICTS);
    }
}
