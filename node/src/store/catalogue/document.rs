//! What became of envelopes: saved documents, tombstones, receipts, imported originals.

use interhub_domain::envelope::{Envelope, HEADER_LEN, Header, SIGNATURE_LEN, Sealed};
use interhub_domain::ids::{HeaderHash, HubId, ObjectId, ThingId};

use super::{Key, Reader, Value};
use crate::store::Family;

/// Families `snapshot` and `snapshot_personal`: one generation of a document, saved. 20 bytes. A cache: it can be made
/// again from the bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotKey {
    /// Whether it may hold a person's data.
    pub personal: bool,
    /// The document.
    pub object: ObjectId,
    /// Its generation.
    pub generation: u32,
}

impl SnapshotKey {
    /// The family for a document that is, or is not, personal.
    pub const fn family_for(personal: bool) -> Family {
        if personal {
            Family::SnapshotPersonal
        } else {
            Family::Snapshot
        }
    }
}

impl Key for SnapshotKey {
    type Value = SavedDocument;

    fn family(&self) -> Family {
        Self::family_for(self.personal)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.object.0.to_vec();
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes
    }

    fn decode(family: Family, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let personal = family == Family::SnapshotPersonal;
        let key = Self {
            personal,
            object: ObjectId(reader.take()?),
            generation: reader.u32()?,
        };
        reader.end().map(|()| key)
    }
}

/// A document as Automerge saves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDocument(pub Vec<u8>);

impl Value for SavedDocument {
    const WHAT: &'static str = "saved document";

    fn encode(&self) -> Vec<u8> {
        [&[1], self.0.as_slice()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self(Reader::of_version(bytes, 1)?.rest().to_vec()))
    }
}

/// Family `tombstone`: the erasure of a document, in part or whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TombstoneKey(pub ObjectId);

impl Key for TombstoneKey {
    type Value = WholeEnvelope;

    fn family(&self) -> Family {
        Family::Tombstone
    }

    fn encode(&self) -> Vec<u8> {
        self.0.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        ObjectId::from_slice(bytes).map(Self)
    }
}

/// Value of `tombstone` and `beyond`: an envelope in full, so that it verifies standing alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeEnvelope {
    /// Its header.
    pub header: Header,
    /// Ed25519 signature over it.
    pub signature: [u8; SIGNATURE_LEN],
    /// Salt and body. What stands alone is never erased itself.
    pub sealed: Sealed,
}

impl WholeEnvelope {
    /// From an envelope whose body is there.
    pub fn of(envelope: &Envelope) -> Option<Self> {
        Some(Self {
            header: envelope.header,
            signature: envelope.signature,
            sealed: envelope.sealed.clone()?,
        })
    }

    /// The envelope, to verify or to send.
    pub fn envelope(self) -> Envelope {
        Envelope {
            header: self.header,
            signature: self.signature,
            sealed: Some(self.sealed),
        }
    }
}

impl Value for WholeEnvelope {
    const WHAT: &'static str = "whole envelope";

    fn encode(&self) -> Vec<u8> {
        [
            &[1],
            &self.header.encode()[..],
            &self.signature,
            &self.sealed.salt,
            &self.sealed.body,
        ]
        .concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::of_version(bytes, 1)?;
        Some(Self {
            header: Header::decode(&reader.take::<HEADER_LEN>()?).ok()?,
            signature: reader.take()?,
            sealed: Sealed {
                salt: reader.take()?,
                body: reader.rest().to_vec(),
            },
        })
    }
}

/// Family `receipt`: that a hub has erased. 48 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReceiptKey {
    /// The tombstone's header.
    pub tombstone: HeaderHash,
    /// Who has erased.
    pub hub: HubId,
}

impl Key for ReceiptKey {
    type Value = SignedBytes;

    fn family(&self) -> Family {
        Family::Receipt
    }

    fn encode(&self) -> Vec<u8> {
        [&self.tombstone.0[..], &self.hub.0].concat()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let key = Self {
            tombstone: HeaderHash(reader.take()?),
            hub: HubId(reader.take()?),
        };
        reader.end().map(|()| key)
    }
}

/// A statement outside the logs (a receipt, a beacon), as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBytes {
    /// When this node took it, Unix milliseconds.
    pub received_ms: i64,
    /// Number of the hub's key that signed it.
    pub key_number: u16,
    /// Ed25519 signature.
    pub signature: [u8; 64],
    /// What was signed, without its tag.
    pub bytes: Vec<u8>,
}

impl Value for SignedBytes {
    const WHAT: &'static str = "signed statement";

    fn encode(&self) -> Vec<u8> {
        let (received, key) = (self.received_ms.to_be_bytes(), self.key_number.to_be_bytes());
        [&[1], &received[..], &key, &self.signature, &self.bytes].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::of_version(bytes, 1)?;
        Some(Self {
            received_ms: i64::from_be_bytes(reader.take()?),
            key_number: reader.u16()?,
            signature: reader.take()?,
            bytes: reader.rest().to_vec(),
        })
    }
}

/// Family `original`: the imported text of a thing. Local and personal: it never leaves the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OriginalKey(pub ThingId);

impl Key for OriginalKey {
    type Value = OriginalRow;

    fn family(&self) -> Family {
        Family::Original
    }

    fn encode(&self) -> Vec<u8> {
        self.0.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        ThingId::from_slice(bytes).map(Self)
    }
}

/// What an imported text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginalFormat {
    /// iCalendar, RFC 5545.
    ICalendar,
    /// What a file said of a member, in this node's own form.
    Contact,
}

/// An imported text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalRow {
    /// What it is written in.
    pub format: OriginalFormat,
    /// What decides whether the source changed; see `ImportedEvent::fingerprint` in `interhub-domain`.
    pub fingerprint: [u8; 32],
    /// The bytes of this one thing, as they were imported.
    pub text: Vec<u8>,
}

impl Value for OriginalRow {
    const WHAT: &'static str = "imported text";

    fn encode(&self) -> Vec<u8> {
        let format = match self.format {
            OriginalFormat::ICalendar => 1,
            OriginalFormat::Contact => 2,
        };
        [&[1, format], &self.fingerprint[..], self.text.as_slice()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::of_version(bytes, 1)?;
        let format = match reader.u8()? {
            1 => OriginalFormat::ICalendar,
            2 => OriginalFormat::Contact,
            _ => return None,
        };
        Some(Self {
            format,
            fingerprint: reader.take()?,
            text: reader.rest().to_vec(),
        })
    }
}
