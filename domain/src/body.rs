//! What travels inside an envelope's body: protobuf bytes, encoded once by the author and never re-encoded.
//!
//! `proto/interhub/v1/body.proto` describes the same messages for other implementers; a test holds the two together.
//! The messages are declared here by hand because the rules need them and `domain` does not know generated types.

use prost::Message;

/// The body of every envelope: the hybrid clock, then what the kind needs.
#[derive(Clone, PartialEq, Message)]
pub struct Body {
    /// Hybrid clock: Unix milliseconds in the upper 48 bits, a counter in the lower 16.
    #[prost(fixed64, tag = "1")]
    pub clock: u64,
    /// What the kind needs.
    #[prost(oneof = "Content", tags = "2, 3, 4, 5, 6, 7, 8, 9")]
    pub content: Option<Content>,
}

/// One variant for each kind of envelope.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Content {
    /// Kind `open`.
    #[prost(message, tag = "2")]
    Open(Open),
    /// Kind `genesis`.
    #[prost(message, tag = "3")]
    Genesis(Genesis),
    /// Kind `change`.
    #[prost(message, tag = "4")]
    Change(Change),
    /// Kind `grant`.
    #[prost(message, tag = "5")]
    Grant(Grant),
    /// Kind `consent`.
    #[prost(message, tag = "6")]
    Consent(Consent),
    /// Kind `squash`.
    #[prost(message, tag = "7")]
    Squash(Squash),
    /// Kind `tombstone`.
    #[prost(message, tag = "8")]
    Tombstone(Tombstone),
    /// Kind `statement`.
    #[prost(message, tag = "9")]
    Statement(Statement),
}

/// Opens an epoch: names every earlier epoch of this log that the node holds and no earlier `open` named so.
#[derive(Clone, PartialEq, Message)]
pub struct Open {
    /// Where the earlier epochs ended.
    #[prost(message, repeated, tag = "1")]
    pub earlier: Vec<EpochEnd>,
    /// For a group log: its members, 16 bytes each.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub members: Vec<Vec<u8>>,
    /// For a group log: its nonce.
    #[prost(bytes = "vec", tag = "3")]
    pub nonce: Vec<u8>,
}

/// The last envelope of an epoch.
#[derive(Clone, PartialEq, Message)]
pub struct EpochEnd {
    /// The epoch.
    #[prost(fixed64, tag = "1")]
    pub epoch: u64,
    /// Its last seq.
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    /// The header hash there.
    #[prost(bytes = "vec", tag = "3")]
    pub hash: Vec<u8>,
}

/// Creates a document: what its object id is made of (with header fields), and its first change.
#[derive(Clone, PartialEq, Message)]
pub struct Genesis {
    /// Document kind.
    #[prost(uint32, tag = "1")]
    pub kind: u32,
    /// The thing.
    #[prost(bytes = "vec", tag = "2")]
    pub thing: Vec<u8>,
    /// The first Automerge change.
    #[prost(bytes = "vec", tag = "3")]
    pub change: Vec<u8>,
    /// Writers besides the owner, 16 bytes each.
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub writers: Vec<Vec<u8>>,
    /// Header hashes of own envelopes, void by a fork, which this genesis says again.
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub replaces: Vec<Vec<u8>>,
}

/// Changes a document.
#[derive(Clone, PartialEq, Message)]
pub struct Change {
    /// One Automerge change chunk, not compressed.
    #[prost(bytes = "vec", tag = "1")]
    pub change: Vec<u8>,
    /// Header hashes of late edits which this change replays.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub replaces: Vec<Vec<u8>>,
}

/// Adds a writer to this generation.
#[derive(Clone, PartialEq, Message)]
pub struct Grant {
    /// The hub.
    #[prost(bytes = "vec", tag = "1")]
    pub writer: Vec<u8>,
}

/// A co-host's own word. The highest counter of a hub and object is the one that speaks.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Consent {
    /// Counts up.
    #[prost(uint32, tag = "1")]
    pub counter: u32,
    /// Yes, or no longer.
    #[prost(bool, tag = "2")]
    pub agreed: bool,
}

/// Starts generation g + 1 from current values, without history.
#[derive(Clone, PartialEq, Message)]
pub struct Squash {
    /// The new state as one Automerge change.
    #[prost(bytes = "vec", tag = "1")]
    pub change: Vec<u8>,
    /// Writers besides the owner.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub writers: Vec<Vec<u8>>,
    /// Automerge heads it includes.
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub heads: Vec<Vec<u8>>,
    /// Names of fields withdrawn.
    #[prost(string, repeated, tag = "4")]
    pub withdrawn: Vec<String>,
    /// Document kind. With the thing it makes the object's id, so that a squash verifies standing alone.
    #[prost(uint32, tag = "5")]
    pub kind: u32,
    /// The thing.
    #[prost(bytes = "vec", tag = "6")]
    pub thing: Vec<u8>,
}

/// Erases a document, wherever it is. Verifies standing alone: it carries what its object id is made of.
#[derive(Clone, PartialEq, Message)]
pub struct Tombstone {
    /// Document kind.
    #[prost(uint32, tag = "1")]
    pub kind: u32,
    /// The thing.
    #[prost(bytes = "vec", tag = "2")]
    pub thing: Vec<u8>,
    /// The hub that owned the document.
    #[prost(bytes = "vec", tag = "3")]
    pub owner: Vec<u8>,
    /// The log the document was in; for a registered tombstone the same as the header's.
    #[prost(bytes = "vec", tag = "4")]
    pub log: Vec<u8>,
    /// Generations up to and including this one; `u32::MAX` for all.
    #[prost(uint32, tag = "5")]
    pub through_generation: u32,
    /// Where what the document says goes on in another log: the Automerge heads it went on from. Whoever made an edit that is
    /// not below them is told. Empty otherwise.
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub heads: Vec<Vec<u8>>,
}

/// Says something about who belongs.
#[derive(Clone, PartialEq, Message)]
pub struct Statement {
    /// What.
    #[prost(oneof = "Said", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9")]
    pub said: Option<Said>,
}

/// The kinds of statement.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Said {
    /// The network begins: the encoded [`Founding`] record, whose hash is the network's id.
    #[prost(bytes, tag = "1")]
    Founding(Vec<u8>),
    /// A voter admits a hub.
    #[prost(message, tag = "2")]
    Admit(Admit),
    /// A voter takes back its own admission of a guest.
    #[prost(message, tag = "3")]
    Withdraw(Withdraw),
    /// The signer leaves.
    #[prost(message, tag = "4")]
    Leave(Leave),
    /// The signer can be reached elsewhere from now on.
    #[prost(message, tag = "5")]
    Address(Address),
    /// A voter proposes a decision, and votes for it with the same word.
    #[prost(message, tag = "6")]
    Decide(Decision),
    /// A voter's word about a decision.
    #[prost(message, tag = "7")]
    Vote(Vote),
    /// A hub's next signing key. Stands alone, whoever carries it.
    #[prost(message, tag = "8")]
    NextKey(NextKey),
    /// A hub's key is there: it is against a decision that would give the hub others. Stands alone, whoever carries it.
    #[prost(message, tag = "9")]
    Object(Objection),
}

/// The genesis record of a network.
#[derive(Clone, PartialEq, Message)]
pub struct Founding {
    /// The network's name, 1 to 80 characters.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The founding hubs; each is a voter.
    #[prost(message, repeated, tag = "2")]
    pub founders: Vec<Accept>,
    /// Unix milliseconds.
    #[prost(uint64, tag = "3")]
    pub created_ms: u64,
    /// 16 random bytes.
    #[prost(bytes = "vec", tag = "4")]
    pub nonce: Vec<u8>,
    /// Guests a voter may have at once; 0 reads as 10.
    #[prost(uint32, tag = "5")]
    pub guests_per_voter: u32,
}

/// What a newcomer says of itself when it joins; it signs the encoded bytes.
#[derive(Clone, PartialEq, Message)]
pub struct Accept {
    /// The network; empty inside a founding record, whose hash is the network's id.
    #[prost(bytes = "vec", tag = "1")]
    pub network: Vec<u8>,
    /// Its Ed25519 public key.
    #[prost(bytes = "vec", tag = "2")]
    pub public_key: Vec<u8>,
    /// Its Ed25519 recovery public key.
    #[prost(bytes = "vec", tag = "3")]
    pub recovery_key: Vec<u8>,
    /// The slug it asks for.
    #[prost(string, tag = "4")]
    pub slug: String,
    /// Where its node can be reached, `host:port`; empty behind NAT.
    #[prost(string, tag = "5")]
    pub address: String,
    /// Counts up with each joining and leaving of this hub.
    #[prost(uint32, tag = "6")]
    pub counter: u32,
}

/// An admission.
#[derive(Clone, PartialEq, Message)]
pub struct Admit {
    /// The encoded [`Accept`].
    #[prost(bytes = "vec", tag = "1")]
    pub accept: Vec<u8>,
    /// The newcomer's signature over it; see [`crate::registry::accept_message`].
    #[prost(bytes = "vec", tag = "2")]
    pub signature: Vec<u8>,
}

/// Takes back an admission.
#[derive(Clone, PartialEq, Message)]
pub struct Withdraw {
    /// The hub.
    #[prost(bytes = "vec", tag = "1")]
    pub hub: Vec<u8>,
    /// Up to this counter of its accept.
    #[prost(uint32, tag = "2")]
    pub counter: u32,
    /// How far its shared logs count from then on; absent in the statements of early versions, which cut nothing.
    #[prost(message, optional, tag = "3")]
    pub ends: Option<LogEnds>,
}

/// Leaving.
#[derive(Clone, PartialEq, Message)]
pub struct Leave {
    /// Above that of the accept it ends.
    #[prost(uint32, tag = "1")]
    pub counter: u32,
    /// How far its shared logs count from then on; absent in the statements of early versions, which cut nothing.
    #[prost(message, optional, tag = "2")]
    pub ends: Option<LogEnds>,
}

/// How far the shared logs of a hub that goes count, as a removal says it.
#[derive(Clone, PartialEq, Message)]
pub struct LogEnds {
    /// The last envelope that counts of each, at most 600.
    #[prost(message, repeated, tag = "1")]
    pub ends: Vec<LogEnd>,
}

/// A new address.
#[derive(Clone, PartialEq, Message)]
pub struct Address {
    /// `host:port`; empty behind NAT.
    #[prost(string, tag = "1")]
    pub address: String,
}

/// A decision, named by the hash of the envelope that proposes it.
#[derive(Clone, PartialEq, Message)]
pub struct Decision {
    /// The newest decisions its proposer has taken, 32 bytes each; all they reach through `after` is its past.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub after: Vec<Vec<u8>>,
    /// The envelopes in which voters of its past have left, 32 bytes each: they no longer count as voters.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub left: Vec<Vec<u8>>,
    /// What it changes.
    #[prost(oneof = "Decided", tags = "3, 4, 5, 6, 7, 8")]
    pub decided: Option<Decided>,
}

/// What a decision changes.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Decided {
    /// A guest becomes a voter.
    #[prost(message, tag = "3")]
    Seat(Seat),
    /// A hub is removed.
    #[prost(message, tag = "4")]
    Remove(Remove),
    /// A removed hub is taken back.
    #[prost(message, tag = "5")]
    Readmit(Readmit),
    /// A hub gets another key.
    #[prost(message, tag = "6")]
    ReplaceKey(ReplaceKey),
    /// Other rules for all.
    #[prost(message, tag = "7")]
    Rules(Rules),
    /// Decisions that were refused are taken after all; `after` names them too.
    #[prost(message, tag = "8")]
    Adopt(Adopt),
}

/// A guest becomes a voter.
#[derive(Clone, PartialEq, Message)]
pub struct Seat {
    /// The hub, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub hub: Vec<u8>,
    /// Its slug from now on.
    #[prost(string, tag = "2")]
    pub slug: String,
    /// The counter of its accept: leaving with a higher one ends the seat.
    #[prost(uint32, tag = "3")]
    pub counter: u32,
}

/// A hub is removed.
#[derive(Clone, PartialEq, Message)]
pub struct Remove {
    /// The hub, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub hub: Vec<u8>,
    /// Why, for people: at most 500 characters on one line.
    #[prost(string, tag = "2")]
    pub reason: String,
    /// The last envelope that counts of each of its shared logs; runs of the public and network logs which a later
    /// `open` that counts names need not be listed. What is neither listed nor named so does not count.
    #[prost(message, repeated, tag = "3")]
    pub ends: Vec<LogEnd>,
}

/// The last envelope of a log that counts.
#[derive(Clone, PartialEq, Message)]
pub struct LogEnd {
    /// Log id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub log: Vec<u8>,
    /// Epoch.
    #[prost(fixed64, tag = "2")]
    pub epoch: u64,
    /// Its number.
    #[prost(uint64, tag = "3")]
    pub seq: u64,
    /// Hash of its header, 32 bytes.
    #[prost(bytes = "vec", tag = "4")]
    pub hash: Vec<u8>,
}

/// A removed hub is taken back.
#[derive(Clone, PartialEq, Message)]
pub struct Readmit {
    /// The hub, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub hub: Vec<u8>,
    /// The decisions that removed it and no longer do, 32 bytes each.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub removals: Vec<Vec<u8>>,
}

/// A hub gets another key: it has lost both of its own.
#[derive(Clone, PartialEq, Message)]
pub struct ReplaceKey {
    /// The hub, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub hub: Vec<u8>,
    /// Its next signing key, 32 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub public_key: Vec<u8>,
    /// Its next recovery key, 32 bytes.
    #[prost(bytes = "vec", tag = "3")]
    pub recovery_key: Vec<u8>,
}

/// Other rules for all.
#[derive(Clone, PartialEq, Message)]
pub struct Rules {
    /// Guests a voter may have at once, from 1 on.
    #[prost(uint32, tag = "1")]
    pub guests_per_voter: u32,
}

/// Decisions that were refused are taken after all.
#[derive(Clone, PartialEq, Message)]
pub struct Adopt {
    /// The decisions, 32 bytes each.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub decisions: Vec<Vec<u8>>,
}

/// A voter's word about a decision. A signature once given stays; what is withdrawn is the readiness to sign further
/// decisions for the same change.
#[derive(Clone, PartialEq, Message)]
pub struct Vote {
    /// The decision, 32 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub decision: Vec<u8>,
    /// The word.
    #[prost(enumeration = "VoteWord", tag = "2")]
    pub word: i32,
}

/// What a voter says about a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum VoteWord {
    /// A word this version does not know: it counts for nothing.
    Unspecified = 0,
    /// Yes: this is the voter's signature.
    Sign = 1,
    /// Yes to the change, but the decision's past lacks something the voter has taken: it asks for a renewed one.
    AskRenewed = 2,
    /// No further decision for this change is signed.
    Withdraw = 3,
}

/// Names a hub's next signing key.
#[derive(Clone, PartialEq, Message)]
pub struct NextKey {
    /// The encoded [`KeyRecord`].
    #[prost(bytes = "vec", tag = "1")]
    pub record: Vec<u8>,
    /// By the signer it names; see [`crate::registry::keys`].
    #[prost(bytes = "vec", tag = "2")]
    pub signature: Vec<u8>,
}

/// What the holder of a key signs.
#[derive(Clone, PartialEq, Message)]
pub struct KeyRecord {
    /// The network; may be empty where the recovery key signs.
    #[prost(bytes = "vec", tag = "1")]
    pub network: Vec<u8>,
    /// The hub; may be empty where the recovery key signs, which finds its hub.
    #[prost(bytes = "vec", tag = "2")]
    pub hub: Vec<u8>,
    /// The public key that signs this: the signing key before it, or the recovery key.
    #[prost(bytes = "vec", tag = "3")]
    pub signer: Vec<u8>,
    /// The next signing key.
    #[prost(bytes = "vec", tag = "4")]
    pub public_key: Vec<u8>,
    /// Why.
    #[prost(enumeration = "KeyReason", tag = "5")]
    pub reason: i32,
    /// When, Unix milliseconds: the recovery key's last word counts, and of two words of one signing key the first.
    #[prost(uint64, tag = "6")]
    pub at_ms: u64,
    /// The next recovery key; only the recovery key names one.
    #[prost(bytes = "vec", tag = "7")]
    pub recovery_key: Vec<u8>,
    /// By the next signing key, over the signer's public key: whoever does not have a key cannot make it its own.
    #[prost(bytes = "vec", tag = "8")]
    pub possession: Vec<u8>,
}

/// A hub's own word against keys that a decision would give it.
#[derive(Clone, PartialEq, Message)]
pub struct Objection {
    /// The encoded [`ObjectionRecord`].
    #[prost(bytes = "vec", tag = "1")]
    pub record: Vec<u8>,
    /// By the signer it names; see [`crate::registry::replace`].
    #[prost(bytes = "vec", tag = "2")]
    pub signature: Vec<u8>,
}

/// What the holder of a key signs who is against others in its place.
#[derive(Clone, PartialEq, Message)]
pub struct ObjectionRecord {
    /// The network.
    #[prost(bytes = "vec", tag = "1")]
    pub network: Vec<u8>,
    /// The hub.
    #[prost(bytes = "vec", tag = "2")]
    pub hub: Vec<u8>,
    /// The public key that signs this: a signing key of the hub that was not stolen, or its recovery key.
    #[prost(bytes = "vec", tag = "3")]
    pub signer: Vec<u8>,
    /// The signing key that the decision names.
    #[prost(bytes = "vec", tag = "4")]
    pub public_key: Vec<u8>,
    /// The recovery key that it names.
    #[prost(bytes = "vec", tag = "5")]
    pub recovery_key: Vec<u8>,
}

/// Why a key follows another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum KeyReason {
    /// A reason this version does not know: the record does not count.
    Unspecified = 0,
    /// As a precaution.
    Planned = 1,
    /// The key before it is gone.
    Lost = 2,
    /// Somebody else has the keys before it.
    Stolen = 3,
}

/// A body that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is not protobuf of this version: {0}")]
pub struct BodyError(String);

impl Body {
    /// Encodes a body. Done once, by the author.
    pub fn encode_bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    /// Reads a body. Never panics; unknown fields are skipped.
    pub fn decode_bytes(bytes: &[u8]) -> Result<Self, BodyError> {
        Self::decode(bytes).map_err(|error| BodyError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_change_body() {
        let change = Change {
            change: vec![1, 2, 3],
            replaces: Vec::new(),
        };
        let body = Body {
            clock: 5,
            content: Some(Content::Change(change)),
        };
        let hex = data_encoding::HEXLOWER.encode(&body.encode_bytes());
        assert_eq!(hex, "09050000000000000022050a03010203");
        assert_eq!(Body::decode_bytes(&body.encode_bytes()).unwrap(), body);
    }

    #[test]
    fn golden_bodies_of_co_hosts() {
        let squash = Squash {
            change: vec![1, 2],
            writers: vec![vec![3; 2]],
            heads: vec![vec![4; 2]],
            withdrawn: vec!["url".into()],
            kind: 2,
            thing: vec![5; 2],
        };
        let cases = [
            (
                Content::Grant(Grant { writer: vec![7; 2] }),
                "090500000000000000 2a04 0a020707",
            ),
            (
                Content::Consent(Consent {
                    counter: 3,
                    agreed: true,
                }),
                "090500000000000000 3204 08031001",
            ),
            (
                Content::Consent(Consent {
                    counter: 4,
                    agreed: false,
                }),
                "090500000000000000 3202 0804",
            ),
            (
                Content::Squash(squash),
                "090500000000000000 3a17 0a020102 12020303 1a020404 220375726c 2802 32020505",
            ),
        ];
        for (content, golden) in cases {
            let body = Body {
                clock: 5,
                content: Some(content),
            };
            let hex = data_encoding::HEXLOWER.encode(&body.encode_bytes());
            assert_eq!(hex, golden.replace(' ', ""));
            assert_eq!(Body::decode_bytes(&body.encode_bytes()).unwrap(), body);
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Body::decode_bytes(&bytes);
        }
    }
}
