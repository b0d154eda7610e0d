//! Identifiers. `H` is BLAKE3 over a domain tag and the fields, cut to 16 bytes; random ids are random.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not an identifier: it has to be 32 (or 64) hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected {expected} hexadecimal digits, got {got:?}")]
pub struct ParseIdError {
    /// How many digits an id of this kind has.
    pub expected: usize,
    /// What was given, cut to 80 characters.
    pub got: String,
}

/// BLAKE3 over a domain tag and length-prefixed fields, cut to 16 bytes.
///
/// Each field is preceded by its length as 8 big-endian bytes, so that no two lists of fields collide.
pub fn hash16(tag: &str, fields: &[&[u8]]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(tag.as_bytes());
    hasher.update(&[0]);
    for field in fields {
        hasher.update(&(field.len() as u64).to_be_bytes());
        hasher.update(field);
    }
    let mut out = [0; 16];
    out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    out
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;
            /// All zero: "none" in fixed-width headers.
            pub const ZERO: Self = Self([0; $len]);

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// From a slice of exactly the right length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The first eight hexadecimal digits, for logs.
            pub fn short(&self) -> String {
                data_encoding::HEXLOWER.encode(&self.0[..4])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                data_encoding::HEXLOWER_PERMISSIVE
                    .decode(text.as_bytes())
                    .ok()
                    .and_then(|bytes| Self::from_slice(&bytes))
                    .ok_or_else(|| ParseIdError {
                        expected: 2 * $len,
                        got: text.chars().take(80).collect(),
                    })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error;
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
                } else {
                    let bytes = <&[u8]>::deserialize(deserializer)?;
                    Self::from_slice(bytes).ok_or_else(|| D::Error::invalid_length(bytes.len(), &"an id"))
                }
            }
        }
    };
}

id_type!(
    /// A network: `H`(genesis record).
    NetworkId,
    16
);
id_type!(
    /// A hub: `H`(its first public key). Never changes; keys are numbered below it.
    HubId,
    16
);
id_type!(
    /// What people mean: one event, member, visit; what URLs and commands call the id. Half of it is the owner's, half
    /// random: see [`ThingId::new`].
    ThingId,
    16
);
id_type!(
    /// A log id: which scope an envelope belongs to.
    LogId,
    16
);
id_type!(
    /// One document: `H`(network, owner hub, log id, document kind, thing).
    ObjectId,
    16
);
id_type!(
    /// The full BLAKE3 hash of an envelope's header, without the signature.
    HeaderHash,
    32
);

/// One run of a node: the second of opening in the upper half, random bits in the lower half.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Epoch(pub u64);

impl Epoch {
    /// Makes an epoch from the second of opening (Unix time) and random bits.
    pub const fn new(second: u32, random: u32) -> Self {
        Self(((second as u64) << 32) | random as u64)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What a document is about. The number is part of the object id and never changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum DocumentKind {
    /// The hub's own page: name, place, contact.
    HubProfile,
    /// One event.
    Event,
    /// One member: the record in the hub's local log, the card in the network's.
    Member,
    /// A number this version does not know; kept, relayed, not read.
    Other(u8),
}

impl DocumentKind {
    /// The number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::HubProfile => 1,
            Self::Event => 2,
            Self::Member => 3,
            Self::Other(code) => code,
        }
    }

    /// Whether such a document is about a person: what it says lies apart on every disk, where erasing reaches all of it soon.
    pub const fn is_personal(self) -> bool {
        matches!(self, Self::Member)
    }

    /// From the number on the wire. Numbers 4 to 7 are reserved for visit policies, status lists, visits and visit answers.
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::HubProfile,
            2 => Self::Event,
            3 => Self::Member,
            other => Self::Other(other),
        }
    }
}

impl HubId {
    /// The id of the hub whose first public key this is.
    pub fn of_first_key(public_key: &[u8; 32]) -> Self {
        Self(hash16("interhub/v1/hub", &[public_key]))
    }
}

impl ThingId {
    /// A new thing of this hub: the first eight bytes of the hub's id, then eight random ones.
    ///
    /// No other hub can create a document of it, so nobody's page can be taken over by publishing something else under
    /// its id: for that one would need a key whose hash begins with the same 64 bits.
    pub fn new(owner: HubId, random: [u8; 8]) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&owner.0[..8]);
        bytes[8..].copy_from_slice(&random);
        Self(bytes)
    }

    /// Whether this hub may create documents of this thing.
    pub fn belongs_to(self, owner: HubId) -> bool {
        self.0[..8] == owner.0[..8]
    }
}

impl NetworkId {
    /// The id of the network with this encoded genesis record.
    pub fn of_genesis(record: &[u8]) -> Self {
        Self(hash16("interhub/v1/network", &[record]))
    }
}

impl LogId {
    /// Statements about who belongs.
    pub const REGISTRY: Self = Self(*b"interhub/registr");
    /// What anyone may see.
    pub const PUBLIC: Self = Self(*b"interhub/public\0");
    /// What any hub of the network may see.
    pub const NETWORK: Self = Self(*b"interhub/network");
    /// What never leaves the hub, not even its numbers.
    pub const LOCAL: Self = Self(*b"interhub/local\0\0");

    /// The log of two hubs; the same whichever of the two asks.
    pub fn pair(network: NetworkId, one: HubId, other: HubId) -> Self {
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        Self(hash16("interhub/v1/pair", &[&network.0, &low.0, &high.0]))
    }

    /// The log of the named hubs; other members are another group.
    pub fn group(network: NetworkId, nonce: &[u8; 16], members: &[HubId]) -> Self {
        let mut sorted = members.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let joined: Vec<u8> = sorted.iter().flat_map(|hub| hub.0).collect();
        Self(hash16("interhub/v1/group", &[&network.0, nonce, &joined]))
    }

    /// Registry, public and network logs: the same for all hubs of the network.
    pub fn is_shared(self) -> bool {
        self == Self::REGISTRY || self == Self::PUBLIC || self == Self::NETWORK
    }
}

impl ObjectId {
    /// The document of one thing in one log. Nobody but the owner can create it, in no other log.
    pub fn derive(network: NetworkId, owner: HubId, log: LogId, kind: DocumentKind, thing: ThingId) -> Self {
        Self(hash16(
            "interhub/v1/object",
            &[&network.0, &owner.0, &log.0, &[kind.code()], &thing.0],
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_as_text() {
        let id = ThingId([0xab; 16]);
        assert_eq!(id.to_string().parse::<ThingId>(), Ok(id));
        assert!("xyz".parse::<ThingId>().is_err());
        assert!("ab".parse::<ThingId>().is_err());
    }

    #[test]
    fn pair_log_does_not_depend_on_who_asks() {
        let network = NetworkId([1; 16]);
        let (a, b) = (HubId([2; 16]), HubId([3; 16]));
        assert_eq!(LogId::pair(network, a, b), LogId::pair(network, b, a));
    }

    #[test]
    fn fields_are_length_prefixed() {
        assert_ne!(hash16("t", &[b"ab", b"c"]), hash16("t", &[b"a", b"bc"]));
    }

    #[test]
    fn golden_object_id() {
        let id = ObjectId::derive(
            NetworkId([1; 16]),
            HubId([2; 16]),
            LogId::PUBLIC,
            DocumentKind::Event,
            ThingId([3; 16]),
        );
        assert_eq!(id.to_string().len(), 32);
    }
}
