//! The door: protobuf messages to types, with every length checked, and back.

use std::collections::BTreeSet;

use interhub_domain::beacon::SignedBeacon;
use interhub_domain::envelope::{Envelope, HEADER_LEN, Header, SIGNATURE_LEN, Sealed};
use interhub_domain::frontier::{Head, RowKey};
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};
use interhub_domain::receipt::SignedReceipt;
use interhub_domain::session::{self, Farewell, Frame, MAX_TEXT};
use interhub_proto::v1;
use interhub_proto::v1::frame::Kind;

/// Longest encoded Accept record in bytes.
const MAX_ACCEPT: usize = 4 * 1024;
/// Key records one call may tell of: all that a hub names in its life, and some.
const MAX_NEXT_KEYS: usize = 256;
/// Envelopes of the log with an admission that one call may show.
pub const MAX_ADMISSION: usize = 2_000;
/// And their bytes: a call is as large as a frame.
pub const MAX_ADMISSION_BYTES: usize = 900 * 1024;

/// A newcomer's request, checked for lengths only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// The network of the invitation.
    pub network: NetworkId,
    /// The public half of the invitation's single-use key.
    pub invitation_key: [u8; 32],
    /// By that key, over network, newcomer's key and invitation key.
    pub invitation_signature: [u8; 64],
    /// The encoded Accept record.
    pub accept: Vec<u8>,
    /// By the newcomer's hub key.
    pub accept_signature: [u8; 64],
    /// Records that name the caller's key, each with its signature, oldest first: a hub whose key is new tells of it.
    /// Without an invitation then.
    pub next_keys: Vec<(Vec<u8>, [u8; 64])>,
    /// The log in which the caller's admission stands, for nodes that lost it or never heard of it.
    pub admission: Vec<Envelope>,
}

impl JoinRequest {
    /// Of a hub that belongs already, without an invitation: it tells of its key, or asks for the registry alone.
    pub const fn of_a_member(network: NetworkId, next_keys: Vec<(Vec<u8>, [u8; 64])>) -> Self {
        Self {
            network,
            invitation_key: [0; 32],
            invitation_signature: [0; 64],
            accept: Vec::new(),
            accept_signature: [0; 64],
            next_keys,
            admission: Vec::new(),
        }
    }
}

/// The answer to a newcomer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The registry logs, the admission included, in an order in which they can be held.
    pub registry: Vec<Envelope>,
    /// Whether the hub is active; otherwise its admission waits.
    pub active: bool,
}

/// A message that is not what its field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is malformed; the sender runs another version, or is broken")]
pub struct ConvertError {
    /// Which part.
    pub what: &'static str,
}

fn fixed<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], ConvertError> {
    bytes.try_into().map_err(|_| ConvertError { what })
}

fn cut(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(MAX_TEXT)
        .collect()
}

/// An envelope as it travels.
pub fn envelope_to_proto(envelope: &Envelope) -> v1::Envelope {
    let (salt, body) = match &envelope.sealed {
        Some(sealed) => (sealed.salt.to_vec(), sealed.body.clone()),
        None => (Vec::new(), Vec::new()),
    };
    v1::Envelope {
        header: envelope.header.encode().to_vec(),
        signature: envelope.signature.to_vec(),
        salt,
        body,
    }
}

/// An envelope from its message. Lengths are checked, signature and commitment are not. An empty salt means: erased.
pub fn envelope_from_proto(message: v1::Envelope) -> Result<Envelope, ConvertError> {
    let header: [u8; HEADER_LEN] = fixed(&message.header, "an envelope's header")?;
    let header = Header::decode(&header).map_err(|_| ConvertError {
        what: "an envelope's header",
    })?;
    let signature: [u8; SIGNATURE_LEN] = fixed(&message.signature, "an envelope's signature")?;
    let sealed = if message.salt.is_empty() && message.body.is_empty() {
        None
    } else {
        Some(Sealed {
            salt: fixed(&message.salt, "an envelope's salt")?,
            body: message.body,
        })
    };
    Ok(Envelope {
        header,
        signature,
        sealed,
    })
}

fn row_to_proto((key, head): &(RowKey, Head)) -> v1::Row {
    v1::Row {
        hub: key.hub.0.to_vec(),
        log: key.log.0.to_vec(),
        epoch: key.epoch.0,
        seq: head.seq,
        hash: head.hash.0.to_vec(),
    }
}

fn row_from_proto(row: &v1::Row) -> Result<(RowKey, Head), ConvertError> {
    let key = RowKey {
        log: LogId(fixed(&row.log, "a row's log")?),
        hub: HubId(fixed(&row.hub, "a row's hub")?),
        epoch: Epoch(row.epoch),
    };
    Ok((
        key,
        Head {
            seq: row.seq,
            hash: HeaderHash(fixed(&row.hash, "a row's hash")?),
        },
    ))
}

fn hubs_to_proto(hubs: &BTreeSet<HubId>) -> Vec<Vec<u8>> {
    hubs.iter().map(|hub| hub.0.to_vec()).collect()
}

fn hubs_from_proto(hubs: &[Vec<u8>]) -> Result<BTreeSet<HubId>, ConvertError> {
    hubs.iter().map(|hub| fixed(hub, "a hub id").map(HubId)).collect()
}

fn digest_from_proto(bytes: &[u8]) -> Result<Option<[u8; 32]>, ConvertError> {
    if bytes.is_empty() {
        Ok(None)
    } else {
        fixed(bytes, "a frontier digest").map(Some)
    }
}

/// A frame as it travels.
pub fn frame_to_proto(frame: &Frame) -> v1::Frame {
    let digest = |digest: &Option<[u8; 32]>| digest.map_or_else(Vec::new, |bytes| bytes.to_vec());
    let kind = match frame {
        Frame::Hello(hello) => Some(Kind::Hello(v1::Hello {
            protocol_min: hello.protocol_min,
            protocol_max: hello.protocol_max,
            network: hello.network.0.to_vec(),
            hub: hello.hub.0.to_vec(),
            epoch: hello.epoch.0,
            software: hello.software.clone(),
            streams: hubs_to_proto(&hello.streams),
            features: hello.features.clone(),
        })),
        Frame::Streams(streams) => Some(Kind::Streams(v1::Streams {
            streams: hubs_to_proto(streams),
        })),
        Frame::Frontier { shared, common } => Some(Kind::Frontier(v1::Frontier {
            shared: digest(shared),
            common: digest(common),
        })),
        Frame::Rows { rows, complete } => Some(Kind::Rows(v1::Rows {
            rows: rows.iter().map(row_to_proto).collect(),
            complete: *complete,
        })),
        Frame::Envelopes(envelopes) => Some(Kind::Envelopes(v1::Envelopes {
            envelopes: envelopes.iter().map(envelope_to_proto).collect(),
        })),
        Frame::Proofs(proofs) => {
            let proof = |proof: &session::Proof| v1::Proof {
                a: Some(envelope_to_proto(&proof.a)),
                b: Some(envelope_to_proto(&proof.b)),
            };
            Some(Kind::Proofs(v1::Proofs {
                proofs: proofs.iter().map(proof).collect(),
            }))
        }
        Frame::Beacon(beacon) => Some(Kind::Beacon(v1::Beacon {
            statement: beacon.statement.clone(),
            signature: beacon.signature.to_vec(),
        })),
        Frame::AskHeader(row, seq) => Some(Kind::AskHeader(ask_to_proto(row, *seq))),
        Frame::Header(row, seq, envelope) => Some(Kind::Header(v1::HeaderAnswer {
            asked: Some(ask_to_proto(row, *seq)),
            envelope: envelope.as_deref().map(envelope_to_proto),
        })),
        Frame::AskReceipts(tombstones) => Some(Kind::AskReceipts(v1::AskReceipts {
            tombstones: tombstones
                .iter()
                .map(|(object, tombstone)| v1::ErasedDocument {
                    object: object.0.to_vec(),
                    tombstone: tombstone.0.to_vec(),
                })
                .collect(),
        })),
        Frame::Receipts(receipts) => Some(Kind::Receipts(v1::Receipts {
            receipts: receipts
                .iter()
                .map(|receipt| v1::Receipt {
                    statement: receipt.statement.clone(),
                    signature: receipt.signature.to_vec(),
                })
                .collect(),
        })),
        Frame::Goodbye { code, reason } => Some(Kind::Goodbye(v1::Goodbye {
            code: code.code(),
            reason: cut(reason),
        })),
        Frame::Unknown => None,
    };
    v1::Frame { kind }
}

/// A frame from its message. Counts are checked by the session.
pub fn frame_from_proto(frame: v1::Frame) -> Result<Frame, ConvertError> {
    Ok(match frame.kind {
        Some(Kind::Hello(hello)) => Frame::Hello(session::Hello {
            protocol_min: hello.protocol_min,
            protocol_max: hello.protocol_max,
            network: NetworkId(fixed(&hello.network, "the network id")?),
            hub: HubId(fixed(&hello.hub, "the hub id")?),
            epoch: Epoch(hello.epoch),
            software: cut(&hello.software),
            streams: hubs_from_proto(&hello.streams)?,
            features: hello.features,
        }),
        Some(Kind::Streams(streams)) => Frame::Streams(hubs_from_proto(&streams.streams)?),
        Some(Kind::Frontier(frontier)) => Frame::Frontier {
            shared: digest_from_proto(&frontier.shared)?,
            common: digest_from_proto(&frontier.common)?,
        },
        Some(Kind::Rows(rows)) => Frame::Rows {
            rows: rows.rows.iter().map(row_from_proto).collect::<Result<_, _>>()?,
            complete: rows.complete,
        },
        Some(Kind::Envelopes(batch)) => Frame::Envelopes(
            batch
                .envelopes
                .into_iter()
                .map(envelope_from_proto)
                .collect::<Result<_, _>>()?,
        ),
        Some(Kind::Proofs(proofs)) => Frame::Proofs(
            proofs
                .proofs
                .into_iter()
                .map(proof_from_proto)
                .collect::<Result<_, _>>()?,
        ),
        Some(Kind::AskHeader(asked)) => {
            let (row, seq) = ask_from_proto(&asked)?;
            Frame::AskHeader(row, seq)
        }
        Some(Kind::Header(answer)) => {
            let asked = answer.asked.ok_or(ConvertError {
                what: "the header asked for",
            })?;
            let (row, seq) = ask_from_proto(&asked)?;
            let envelope = answer.envelope.map(envelope_from_proto).transpose()?;
            Frame::Header(row, seq, envelope.map(Box::new))
        }
        Some(Kind::Goodbye(goodbye)) => Frame::Goodbye {
            code: Farewell::from_code(goodbye.code),
            reason: cut(&goodbye.reason),
        },
        Some(Kind::Beacon(beacon)) => Frame::Beacon(SignedBeacon {
            signature: fixed(&beacon.signature, "a beacon's signature")?,
            statement: beacon.statement,
        }),
        Some(Kind::AskReceipts(asked)) => {
            let document = |one: &v1::ErasedDocument| {
                let object = ObjectId(fixed(&one.object, "a document's id")?);
                Ok((object, HeaderHash(fixed(&one.tombstone, "a tombstone's hash")?)))
            };
            Frame::AskReceipts(asked.tombstones.iter().map(document).collect::<Result<_, _>>()?)
        }
        Some(Kind::Receipts(receipts)) => {
            let receipt = |one: v1::Receipt| {
                Ok(SignedReceipt {
                    signature: fixed(&one.signature, "a receipt's signature")?,
                    statement: one.statement,
                })
            };
            Frame::Receipts(receipts.receipts.into_iter().map(receipt).collect::<Result<_, _>>()?)
        }
        None => Frame::Unknown,
    })
}

fn ask_to_proto(row: &RowKey, seq: u64) -> v1::AskHeader {
    v1::AskHeader {
        hub: row.hub.0.to_vec(),
        log: row.log.0.to_vec(),
        epoch: row.epoch.0,
        seq,
    }
}

fn ask_from_proto(asked: &v1::AskHeader) -> Result<(RowKey, u64), ConvertError> {
    let row = RowKey {
        hub: HubId(fixed(&asked.hub, "a hub id")?),
        log: LogId(fixed(&asked.log, "a log id")?),
        epoch: Epoch(asked.epoch),
    };
    Ok((row, asked.seq))
}

fn proof_from_proto(proof: v1::Proof) -> Result<session::Proof, ConvertError> {
    let missing = ConvertError { what: "a proof" };
    Ok(session::Proof {
        a: envelope_from_proto(proof.a.ok_or(missing)?)?,
        b: envelope_from_proto(proof.b.ok_or(missing)?)?,
    })
}

/// A newcomer's request as it travels.
pub fn join_to_proto(request: &JoinRequest) -> v1::JoinRequest {
    v1::JoinRequest {
        network: request.network.0.to_vec(),
        invitation_key: request.invitation_key.to_vec(),
        invitation_signature: request.invitation_signature.to_vec(),
        accept: request.accept.clone(),
        accept_signature: request.accept_signature.to_vec(),
        next_keys: request
            .next_keys
            .iter()
            .map(|(record, signature)| v1::NextKey {
                record: record.clone(),
                signature: signature.to_vec(),
            })
            .collect(),
        admission: request.admission.iter().map(envelope_to_proto).collect(),
    }
}

/// A newcomer's request from its message.
pub fn join_from_proto(message: v1::JoinRequest) -> Result<JoinRequest, ConvertError> {
    if message.accept.len() > MAX_ACCEPT {
        return Err(ConvertError {
            what: "the accept record",
        });
    }
    if message.next_keys.len() > MAX_NEXT_KEYS {
        return Err(ConvertError {
            what: "the list of key records",
        });
    }
    // Who tells of a key, or asks for the registry, has no invitation.
    let belongs = message.accept.is_empty();
    let next_keys = message
        .next_keys
        .into_iter()
        .map(|next| Ok((next.record, fixed(&next.signature, "a key record's signature")?)));
    let next_keys = next_keys.collect::<Result<_, ConvertError>>()?;
    let network = NetworkId(fixed(&message.network, "the network id")?);
    if message.admission.len() > MAX_ADMISSION {
        return Err(ConvertError {
            what: "the log of an admission",
        });
    }
    if belongs {
        let admission = message.admission.into_iter().map(envelope_from_proto);
        return Ok(JoinRequest {
            admission: admission.collect::<Result<_, _>>()?,
            ..JoinRequest::of_a_member(network, next_keys)
        });
    }
    Ok(JoinRequest {
        network,
        invitation_key: fixed(&message.invitation_key, "the invitation key")?,
        invitation_signature: fixed(&message.invitation_signature, "the invitation's signature")?,
        accept: message.accept,
        accept_signature: fixed(&message.accept_signature, "the accept record's signature")?,
        next_keys,
        admission: Vec::new(),
    })
}

/// The answer to a newcomer as it travels.
pub fn joined_to_proto(joined: &Joined) -> v1::JoinResponse {
    let status = if joined.active {
        v1::JoinStatus::Active
    } else {
        v1::JoinStatus::Pending
    };
    v1::JoinResponse {
        registry: joined.registry.iter().map(envelope_to_proto).collect(),
        status: status.into(),
    }
}

/// The answer to a newcomer from its message.
pub fn joined_from_proto(message: v1::JoinResponse) -> Result<Joined, ConvertError> {
    let active = message.status() == v1::JoinStatus::Active;
    let registry = message
        .registry
        .into_iter()
        .map(envelope_from_proto)
        .collect::<Result<_, _>>()?;
    Ok(Joined { registry, active })
}
