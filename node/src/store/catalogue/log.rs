//! What hubs said: headers, bodies, frontiers, proofs.

use interhub_domain::envelope::{HEADER_LEN, Header, Kind, SIGNATURE_LEN, Sealed};
use interhub_domain::frontier::{Head, RowKey};
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};

use super::document::WholeEnvelope;
use super::{Key, Reader, Value};
use crate::store::Family;

/// Longest reason kept with a state, in bytes.
pub const MAX_REASON_BYTES: usize = 200;

/// Family `log`: one envelope of one hub. 48 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey {
    /// Who made it.
    pub hub: HubId,
    /// In which log.
    pub log: LogId,
    /// In which run of its node.
    pub epoch: Epoch,
    /// Its number, from 0.
    pub seq: u64,
}

impl LogKey {
    /// Length in bytes.
    pub const LEN: usize = 48;

    /// The key of the envelope with this header.
    pub const fn of(header: &Header) -> Self {
        Self {
            hub: header.hub,
            log: header.log,
            epoch: header.epoch,
            seq: header.seq,
        }
    }

    /// The key of an envelope of this log.
    pub const fn at(row: RowKey, seq: u64) -> Self {
        Self {
            hub: row.hub,
            log: row.log,
            epoch: row.epoch,
            seq,
        }
    }

    /// The log it lies in.
    pub const fn row(&self) -> RowKey {
        RowKey {
            hub: self.hub,
            log: self.log,
            epoch: self.epoch,
        }
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.row().encode();
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let row = read_row_key(reader)?;
        Some(Self::at(row, reader.u64()?))
    }
}

impl Key for LogKey {
    type Value = LogRow;

    fn family(&self) -> Family {
        Family::Log
    }

    fn encode(&self) -> Vec<u8> {
        self.to_bytes()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let key = Self::read(&mut reader)?;
        reader.end().map(|()| key)
    }
}

/// Where an envelope stands. Derived: recomputed by `interhubd rebuild`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Part of its document, or of the roster.
    Counted,
    /// For a dependency, a grant, a consent, a statement, an upgrade.
    Waiting,
    /// Not allowed or not valid; relayed all the same.
    Refused,
    /// Its body is erased, or its generation superseded.
    Covered,
    /// Beyond a fork, a theft or a removal.
    Void,
}

impl Standing {
    /// Held, and of no effect so far: refused, void, or waiting.
    pub const fn is_held_back(self) -> bool {
        matches!(self, Self::Refused | Self::Void | Self::Waiting)
    }

    const fn code(self) -> u8 {
        match self {
            Self::Counted => 1,
            Self::Waiting => 2,
            Self::Refused => 3,
            Self::Covered => 4,
            Self::Void => 5,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Counted),
            2 => Some(Self::Waiting),
            3 => Some(Self::Refused),
            4 => Some(Self::Covered),
            5 => Some(Self::Void),
            _ => None,
        }
    }
}

/// Who delivered an envelope, and when. This node's own experience: no other node has to know the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// The peer; the own hub for what this node wrote itself, zero where it is not known.
    pub peer: HubId,
    /// When this node took it, Unix milliseconds; 0 where it is not known.
    pub at_ms: i64,
}

impl Received {
    /// Of an envelope that an earlier version of this software took.
    pub const UNKNOWN: Self = Self {
        peer: HubId::ZERO,
        at_ms: 0,
    };
}

/// Value of `log`: 177 bytes, and the reason of a state that needs one. Of the header it holds what the key does not
/// imply; tag and network are the same for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Number of the hub's key that signed it.
    pub key_number: u16,
    /// Hash of the header before it in its log; zero at seq 0.
    pub previous: HeaderHash,
    /// What it carries.
    pub kind: Kind,
    /// The document; zero where the kind has none.
    pub object: ObjectId,
    /// Its generation; zero where the kind has none.
    pub generation: u32,
    /// Binds salt and body.
    pub commitment: [u8; 32],
    /// Ed25519 signature over the whole header.
    pub signature: [u8; SIGNATURE_LEN],
    /// Who delivered it, and when.
    pub received: Received,
    /// Where it stands.
    pub standing: Standing,
    /// Why, for an operator; our own words, never text from the envelope. Cut to [`MAX_REASON_BYTES`] when written.
    pub reason: String,
}

impl LogRow {
    /// The row of an envelope that counts; [`LogKey::of`] is its key.
    pub const fn counted(header: &Header, signature: [u8; SIGNATURE_LEN], received: Received) -> Self {
        Self {
            key_number: header.key_number,
            previous: header.previous,
            kind: header.kind,
            object: header.object,
            generation: header.generation,
            commitment: header.commitment,
            signature,
            received,
            standing: Standing::Counted,
            reason: String::new(),
        }
    }

    /// The same envelope, standing otherwise.
    #[must_use]
    pub fn standing(mut self, standing: Standing, reason: impl Into<String>) -> Self {
        self.standing = standing;
        self.reason = reason.into();
        self
    }

    /// The whole header again.
    pub const fn header(&self, network: NetworkId, key: &LogKey) -> Header {
        Header {
            network,
            hub: key.hub,
            key_number: self.key_number,
            log: key.log,
            epoch: key.epoch,
            seq: key.seq,
            previous: self.previous,
            kind: self.kind,
            object: self.object,
            generation: self.generation,
            commitment: self.commitment,
        }
    }
}

impl Value for LogRow {
    const WHAT: &'static str = "log entry";

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(177 + self.reason.len().min(MAX_REASON_BYTES));
        bytes.push(2);
        bytes.extend_from_slice(&self.key_number.to_be_bytes());
        bytes.extend_from_slice(&self.previous.0);
        bytes.push(self.kind.code());
        bytes.extend_from_slice(&self.object.0);
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&self.commitment);
        bytes.extend_from_slice(&self.signature);
        bytes.extend_from_slice(&self.received.peer.0);
        bytes.extend_from_slice(&self.received.at_ms.to_be_bytes());
        bytes.push(self.standing.code());
        let end = self.reason.floor_char_boundary(MAX_REASON_BYTES);
        bytes.extend_from_slice(&self.reason.as_bytes()[..end]);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, mut reader) = match Reader::of_version(bytes, 2) {
            Some(reader) => (2, reader),
            None => (1, Reader::of_version(bytes, 1)?),
        };
        Some(Self {
            key_number: reader.u16()?,
            previous: HeaderHash(reader.take()?),
            kind: Kind::from_code(reader.u8()?),
            object: ObjectId(reader.take()?),
            generation: reader.u32()?,
            commitment: reader.take()?,
            signature: reader.take()?,
            received: match version {
                1 => Received::UNKNOWN,
                _ => Received {
                    peer: HubId(reader.take()?),
                    at_ms: i64::from_be_bytes(reader.take()?),
                },
            },
            standing: Standing::from_code(reader.u8()?)?,
            reason: str::from_utf8(reader.rest()).ok()?.to_owned(),
        })
    }
}

/// Family `position`: where the envelope with this hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PositionKey(pub HeaderHash);

impl Key for PositionKey {
    type Value = LogKey;

    fn family(&self) -> Family {
        Family::Position
    }

    fn encode(&self) -> Vec<u8> {
        self.0.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        HeaderHash::from_slice(bytes).map(Self)
    }
}

impl Value for LogKey {
    const WHAT: &'static str = "position";

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.append(&mut self.to_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::of_version(bytes, 1)?;
        let key = Self::read(&mut reader)?;
        reader.end().map(|()| key)
    }
}

/// Family `frontier`: one log of one run. 40 bytes.
impl Key for RowKey {
    type Value = Head;

    fn family(&self) -> Family {
        Family::Frontier
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LogKey::LEN);
        bytes.extend_from_slice(&self.hub.0);
        bytes.extend_from_slice(&self.log.0);
        bytes.extend_from_slice(&self.epoch.0.to_be_bytes());
        bytes
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let key = read_row_key(&mut reader)?;
        reader.end().map(|()| key)
    }
}

fn read_row_key(reader: &mut Reader<'_>) -> Option<RowKey> {
    Some(RowKey {
        hub: HubId(reader.take()?),
        log: LogId(reader.take()?),
        epoch: Epoch(reader.u64()?),
    })
}

/// Value of `frontier`: the last envelope of the log.
impl Value for Head {
    const WHAT: &'static str = "frontier row";

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.hash.0);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::of_version(bytes, 1)?;
        let head = Self {
            seq: reader.u64()?,
            hash: HeaderHash(reader.take()?),
        };
        reader.end().map(|()| head)
    }
}

/// Families `body` and `body_personal`: what an envelope carries. 52 bytes. By object and generation first, so that
/// one document's bodies are one range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BodyKey {
    /// Whether it may hold a person's data. So does a body whose object is not known yet.
    pub personal: bool,
    /// The document; zero where the kind has none.
    pub object: ObjectId,
    /// Its generation.
    pub generation: u32,
    /// The envelope's header.
    pub hash: HeaderHash,
}

impl BodyKey {
    /// The beginning of all keys of one generation of a document.
    pub fn prefix(object: ObjectId, generation: u32) -> Vec<u8> {
        let mut bytes = object.0.to_vec();
        bytes.extend_from_slice(&generation.to_be_bytes());
        bytes
    }

    /// The family for a document that is, or is not, personal.
    pub const fn family_for(personal: bool) -> Family {
        if personal { Family::BodyPersonal } else { Family::Body }
    }
}

impl Key for BodyKey {
    type Value = Sealed;

    fn family(&self) -> Family {
        Self::family_for(self.personal)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Self::prefix(self.object, self.generation);
        bytes.extend_from_slice(&self.hash.0);
        bytes
    }

    fn decode(family: Family, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let key = Self {
            personal: family == Family::BodyPersonal,
            object: ObjectId(reader.take()?),
            generation: reader.u32()?,
            hash: HeaderHash(reader.take()?),
        };
        reader.end().map(|()| key)
    }
}

/// Value of `body` and `body_personal`: salt and body, erased together.
impl Value for Sealed {
    const WHAT: &'static str = "body";

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(33 + self.body.len());
        bytes.push(1);
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&self.body);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::of_version(bytes, 1)?;
        Some(Self {
            salt: reader.take()?,
            body: reader.rest().to_vec(),
        })
    }
}

/// Family `proof`: the first position at which a hub signed two different headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProofKey(pub LogKey);

impl Key for ProofKey {
    type Value = ProofRow;

    fn family(&self) -> Family {
        Family::Proof
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    fn decode(family: Family, bytes: &[u8]) -> Option<Self> {
        <LogKey as Key>::decode(family, bytes).map(Self)
    }
}

/// Family `beyond`: an envelope that stands alone and lies at or after the end of a cut log. 72 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BeyondKey {
    /// The log.
    pub row: RowKey,
    /// The envelope.
    pub hash: HeaderHash,
}

impl Key for BeyondKey {
    type Value = WholeEnvelope;

    fn family(&self) -> Family {
        Family::Beyond
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.row.encode();
        bytes.extend_from_slice(&self.hash.0);
        bytes
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let key = Self {
            row: read_row_key(&mut reader)?,
            hash: HeaderHash(reader.take()?),
        };
        reader.end().map(|()| key)
    }
}

/// A header as it was signed, and its signature.
pub type SignedHeader = ([u8; HEADER_LEN], [u8; SIGNATURE_LEN]);

/// Two signed headers at one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofRow {
    /// The one held first here.
    pub one: SignedHeader,
    /// The one that contradicts it.
    pub other: SignedHeader,
}

impl Value for ProofRow {
    const WHAT: &'static str = "proof";

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![1];
        for (header, signature) in [&self.one, &self.other] {
            bytes.extend_from_slice(header);
            bytes.extend_from_slice(signature);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::of_version(bytes, 1)?;
        let one = (reader.take()?, reader.take()?);
        let other = (reader.take()?, reader.take()?);
        reader.end().map(|()| Self { one, other })
    }
}
