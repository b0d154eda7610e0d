//! Who the hub is: its signing key, and the public half of the recovery key that is printed once and not kept.

use std::fmt;
use std::str::FromStr;

use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use interhub_domain::ids::HubId;

use crate::clock::{Clock, random_bytes};

/// First line of the file that counts: name and version of the format.
const FORMAT: &str = "interhub-identity 1";

/// What people see of a recovery key first.
const RECOVERY_PREFIX: &str = "IHR1";

/// What people see of new keys first.
const NEW_KEYS_PREFIX: &str = "IHN1";

/// Bytes of the checksum of a recovery key, and of new keys.
const CHECKSUM_LEN: usize = 3;

/// The hub's signing key and what belongs to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The hub. Comes from its first key and never changes.
    pub hub: HubId,
    /// Which of the hub's keys this is, from 0.
    pub key_number: u16,
    /// The Ed25519 seed. Secret.
    pub seed: [u8; 32],
    /// The public key whose private half the operator keeps on paper.
    pub recovery_public: [u8; 32],
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, key {})", self.hub.short(), self.key_number)
    }
}

/// A file that is not an identity. Its content is never repeated in a message.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdentityError {
    /// Another format.
    #[error(
        "not an identity of format 1; it may be of a newer version of interhubd: install that one, or restore a backup"
    )]
    Format,
    /// A line is missing or damaged.
    #[error("{field} is missing or damaged; restore the file from a backup, or begin a new key with the recovery key")]
    Field {
        /// Which.
        field: &'static str,
    },
    /// The key is not the hub's.
    #[error("the key does not belong to the hub the file names; restore the file from a backup")]
    Mismatch,
}

impl Identity {
    /// A new hub: draws a signing key and a recovery key. The second is to be printed, and dropped.
    pub fn generate(clock: &dyn Clock) -> (Self, RecoveryKey) {
        let recovery = RecoveryKey::generate(clock);
        let seed = random_bytes(clock);
        let hub = HubId::of_first_key(&public_key(&seed));
        (
            Self {
                hub,
                key_number: 0,
                seed,
                recovery_public: recovery.public_key(),
            },
            recovery,
        )
    }

    /// Signs as the hub.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from(self.seed)
    }

    /// What others verify with.
    pub fn public_key(&self) -> [u8; 32] {
        public_key(&self.seed)
    }

    /// The text of `identity.key`.
    pub fn to_file(&self) -> String {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        format!(
            "# Who has this file can speak for the hub: keep it secret, and keep a copy of it.\n\
             {FORMAT}\nhub {}\nkey-number {}\nsigning-seed {}\nrecovery-public-key {}\n",
            self.hub,
            self.key_number,
            hex(&self.seed),
            hex(&self.recovery_public),
        )
    }

    /// Reads the text of `identity.key`.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        if lines.next() != Some(FORMAT) {
            return Err(IdentityError::Format);
        }
        let fields: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(' ')).collect();
        let field = |name: &'static str| {
            let found = fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
            found.ok_or(IdentityError::Field { field: name })
        };
        let bytes = |name: &'static str| {
            let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(field(name)?.as_bytes()).ok();
            decoded
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or(IdentityError::Field { field: name })
        };
        let identity = Self {
            hub: field("hub")?
                .parse()
                .map_err(|_| IdentityError::Field { field: "hub" })?,
            key_number: field("key-number")?
                .parse()
                .map_err(|_| IdentityError::Field { field: "key-number" })?,
            seed: bytes("signing-seed")?,
            recovery_public: bytes("recovery-public-key")?,
        };
        let first = identity.key_number == 0;
        if first && HubId::of_first_key(&identity.public_key()) != identity.hub {
            return Err(IdentityError::Mismatch);
        }
        Ok(identity)
    }
}

fn public_key(seed: &[u8; 32]) -> [u8; 32] {
    VerificationKeyBytes::from(&SigningKey::from(*seed)).into()
}

/// The private recovery key: on paper, never on this disk.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryKey {
    seed: [u8; 32],
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(secret)")
    }
}

/// A text that is not a recovery key. The text is not repeated.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "not a recovery key: it begins with {RECOVERY_PREFIX}- and has 14 groups of four letters and digits; check it for a slip of the pen"
)]
pub struct RecoveryKeyError;

impl RecoveryKey {
    /// Draws one. It is to be printed, and dropped.
    pub fn generate(clock: &dyn Clock) -> Self {
        Self {
            seed: random_bytes(clock),
        }
    }

    /// Signs as the recovery key.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from(self.seed)
    }

    /// What others verify with.
    pub fn public_key(&self) -> [u8; 32] {
        public_key(&self.seed)
    }

    fn checksum(seed: &[u8; 32]) -> [u8; CHECKSUM_LEN] {
        let hash = blake3::derive_key("interhub/v1/recovery-key checksum", seed);
        [hash[0], hash[1], hash[2]]
    }
}

/// The key as it is printed: base32 in groups of four, with a checksum.
impl fmt::Display for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_groups(
            f,
            RECOVERY_PREFIX,
            &[&self.seed[..], &Self::checksum(&self.seed)].concat(),
        )
    }
}

fn write_groups(f: &mut fmt::Formatter<'_>, prefix: &str, bytes: &[u8]) -> fmt::Result {
    f.write_str(prefix)?;
    for (number, letter) in data_encoding::BASE32_NOPAD.encode(bytes).chars().enumerate() {
        if number % 4 == 0 {
            f.write_str("-")?;
        }
        write!(f, "{letter}")?;
    }
    Ok(())
}

/// The bytes behind a prefix, with or without hyphens and spaces, in either case.
fn read_groups(prefix: &str, text: &str) -> Option<Vec<u8>> {
    let letters: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(200)
        .map(|letter| letter.to_ascii_uppercase())
        .collect();
    let encoded = letters.strip_prefix(prefix)?;
    data_encoding::BASE32_NOPAD.decode(encoded.as_bytes()).ok()
}

impl FromStr for RecoveryKey {
    type Err = RecoveryKeyError;

    /// Takes it with or without hyphens and spaces, in either case.
    fn from_str(text: &str) -> Result<Self, RecoveryKeyError> {
        let bytes = read_groups(RECOVERY_PREFIX, text).ok_or(RecoveryKeyError)?;
        let (seed, checksum) = bytes.split_first_chunk::<32>().ok_or(RecoveryKeyError)?;
        if checksum != Self::checksum(seed) {
            return Err(RecoveryKeyError);
        }
        Ok(Self { seed: *seed })
    }
}

/// The public halves of the keys that a hub which has lost both of its own wants to be given: what the voting hubs type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewKeys {
    /// Its next signing key.
    pub public_key: [u8; 32],
    /// Its next recovery key.
    pub recovery_key: [u8; 32],
}

/// A text that does not name new keys.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "these are not new keys: they begin with {NEW_KEYS_PREFIX}- and have 27 groups of four letters and digits, as `interhubd init --lost-keys` prints them"
)]
pub struct NewKeysError;

impl NewKeys {
    fn checksum(keys: &[u8]) -> [u8; CHECKSUM_LEN] {
        let hash = blake3::derive_key("interhub/v1/new-keys checksum", keys);
        [hash[0], hash[1], hash[2]]
    }
}

/// The keys as they are printed: base32 in groups of four, with a checksum.
impl fmt::Display for NewKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = [self.public_key, self.recovery_key].concat();
        write_groups(f, NEW_KEYS_PREFIX, &[&keys[..], &Self::checksum(&keys)].concat())
    }
}

impl FromStr for NewKeys {
    type Err = NewKeysError;

    /// Takes them with or without hyphens and spaces, in either case.
    fn from_str(text: &str) -> Result<Self, NewKeysError> {
        let bytes = read_groups(NEW_KEYS_PREFIX, text).ok_or(NewKeysError)?;
        let (keys, checksum) = bytes.split_first_chunk::<64>().ok_or(NewKeysError)?;
        let (public_key, recovery_key) = keys.split_first_chunk::<32>().ok_or(NewKeysError)?;
        let recovery_key = recovery_key.try_into().map_err(|_| NewKeysError)?;
        if checksum != Self::checksum(keys) {
            return Err(NewKeysError);
        }
        Ok(Self {
            public_key: *public_key,
            recovery_key,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::clock::ManualClock;

    /// Public key computed from RFC 8032, section 7.1, test 1.
    const GOLDEN: &str = "interhub-identity 1\n\
        hub 2c6d1dda5e5c8b8d5a1f4bb7ad4b4b6b\n\
        key-number 1\n\
        signing-seed 9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n\
        recovery-public-key d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n";

    #[test]
    fn a_file_of_format_1_stays_readable() {
        let identity = Identity::parse(GOLDEN).unwrap();
        assert_eq!(identity.public_key(), identity.recovery_public);
        assert_eq!(Identity::parse(&identity.to_file()), Ok(identity));
    }

    #[test]
    fn a_new_identity_reads_back_and_hides_its_secrets() {
        let (identity, recovery) = Identity::generate(&*ManualClock::new(0, 1));
        assert_eq!(Identity::parse(&identity.to_file()), Ok(identity.clone()));
        assert_eq!(identity.recovery_public, recovery.public_key());
        let secret = data_encoding::HEXLOWER.encode(&identity.seed);
        assert!(!format!("{identity:?}").contains(&secret[..8]));
        assert!(
            !identity
                .to_file()
                .contains(&data_encoding::HEXLOWER.encode(&recovery.seed))
        );
    }

    #[test]
    fn damaged_files_are_refused_without_repeating_them() {
        let (identity, _) = Identity::generate(&*ManualClock::new(0, 1));
        let file = identity.to_file();
        assert_eq!(Identity::parse(""), Err(IdentityError::Format));
        assert_eq!(
            Identity::parse(&file.replace("identity 1", "identity 2")),
            Err(IdentityError::Format)
        );
        let cut = file.replace("signing-seed ", "signing-seed 00");
        assert_eq!(
            Identity::parse(&cut),
            Err(IdentityError::Field { field: "signing-seed" })
        );
        let (other, _) = Identity::generate(&*ManualClock::new(0, 2));
        let mixed = file.replace(&identity.hub.to_string(), &other.hub.to_string());
        assert_eq!(Identity::parse(&mixed), Err(IdentityError::Mismatch));
    }

    #[test]
    fn new_keys_survive_a_letter() {
        let keys = NewKeys {
            public_key: [1; 32],
            recovery_key: [2; 32],
        };
        let printed = keys.to_string();
        assert!(printed.starts_with("IHN1-AEAQ-CAIB-"), "{printed}");
        assert_eq!(printed.split('-').count(), 28);
        assert_eq!(printed.to_lowercase().replace('-', " ").parse(), Ok(keys));
        let swapped = NewKeys {
            public_key: [2; 32],
            recovery_key: [1; 32],
        };
        assert_ne!(swapped.to_string(), printed);
        let slip = printed.replacen('A', "B", 1);
        for bad in [
            "",
            "IHN1",
            &slip,
            &printed[..printed.len() - 4],
            &format!("{printed}AAAA"),
        ] {
            assert_eq!(bad.parse::<NewKeys>(), Err(NewKeysError), "{bad}");
        }
    }

    #[test]
    fn a_recovery_key_survives_paper() {
        let (_, recovery) = Identity::generate(&*ManualClock::new(0, 1));
        let printed = recovery.to_string();
        assert_eq!(printed.len(), 4 + 14 * 5, "{printed}");
        assert_eq!(printed.parse(), Ok(recovery.clone()));
        assert_eq!(printed.to_lowercase().replace('-', " ").parse(), Ok(recovery));
        let (start, last) = printed.split_at(printed.len() - 1);
        let slip = format!("{start}{}", if last == "A" { "B" } else { "A" });
        assert_eq!(slip.parse::<RecoveryKey>(), Err(RecoveryKeyError));
        assert_eq!("IHR1-".parse::<RecoveryKey>(), Err(RecoveryKeyError));
        assert_eq!("".parse::<RecoveryKey>(), Err(RecoveryKeyError));
    }
}
