//! How the node is, and what happens on it.

use interhub_proto::v1;
use serde::Serialize;

use super::{instant, present};

/// `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of interhub.v1.StatusResponse, documented there"
)]
pub struct StatusDocument {
    pub hub: String,
    pub id: String,
    pub version: String,
    pub network: Option<NetworkName>,
    pub documents: u64,
    pub events: u64,
    pub members: u64,
    pub peers: u32,
    pub connected: u32,
    pub shared_digest: String,
    pub projections_digest: String,
    pub epoch: String,
    pub restoring: bool,
    pub waiting: u64,
    pub refused: u64,
    pub void: u64,
    pub stuck: u64,
    pub votes_open: u32,
    pub another_node: bool,
    pub breaches: u64,
    pub as_of: Option<String>,
    pub oldest_hub: Option<String>,
    pub key_replaced: bool,
    pub key_decisions: Vec<String>,
    pub forked: Vec<String>,
    pub clocks_ahead: Vec<String>,
    pub counting_error: Option<String>,
}

/// Name and id of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkName {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
}

impl From<v1::StatusResponse> for StatusDocument {
    fn from(status: v1::StatusResponse) -> Self {
        Self {
            network: status
                .network
                .map(|v1::StatusNetwork { name, id }| NetworkName { name, id }),
            hub: status.hub,
            id: status.id,
            version: status.version,
            documents: status.documents,
            events: status.events,
            members: status.members,
            peers: status.peers,
            connected: status.connected,
            shared_digest: status.shared_digest,
            projections_digest: status.projections_digest,
            epoch: status.epoch,
            restoring: status.restoring,
            waiting: status.waiting,
            refused: status.refused,
            void: status.void,
            stuck: status.stuck,
            votes_open: status.votes_open,
            another_node: status.another_node,
            breaches: status.breaches,
            as_of: instant(status.as_of.as_ref()),
            oldest_hub: status.oldest_hub,
            key_replaced: status.key_replaced,
            key_decisions: status.key_decisions,
            forked: status.forked,
            clocks_ahead: status.clocks_ahead,
            counting_error: status.counting_error,
        }
    }
}

/// `peers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeersDocument {
    /// Ordered by slug.
    pub peers: Vec<PeerDocument>,
}

/// An entry of `peers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of interhub.v1.Peer, documented there")]
pub struct PeerDocument {
    pub slug: String,
    pub address: Option<String>,
    pub connected: bool,
    pub direction: Option<&'static str>,
    pub last_heard: Option<String>,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub lag_envelopes: Option<u64>,
    pub clock_skew_ms: Option<i64>,
    pub last_error: Option<String>,
    pub via: Option<String>,
    pub paused: bool,
    pub breaches: u64,
    pub last_breach: Option<String>,
    pub faults: u64,
    pub last_fault: Option<String>,
}

impl From<v1::Peer> for PeerDocument {
    fn from(peer: v1::Peer) -> Self {
        let direction = match v1::StreamDirection::try_from(peer.direction) {
            Ok(v1::StreamDirection::In) => Some("inbound"),
            Ok(v1::StreamDirection::Out) => Some("outbound"),
            Ok(v1::StreamDirection::Unspecified) | Err(_) => None,
        };
        Self {
            direction,
            last_heard: instant(peer.last_heard.as_ref()),
            address: present(&peer.address),
            slug: peer.slug,
            connected: peer.connected,
            bytes_in: peer.bytes_in,
            bytes_out: peer.bytes_out,
            lag_envelopes: peer.lag_envelopes,
            clock_skew_ms: peer.clock_skew_ms,
            last_error: peer.last_error,
            via: peer.via,
            paused: peer.paused,
            breaches: peer.breaches,
            last_breach: peer.last_breach,
            faults: peer.faults,
            last_fault: peer.last_fault,
        }
    }
}

/// `quarantine`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineDocument {
    /// The newest receipt first.
    pub items: Vec<QuarantinedDocument>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// An entry of `quarantine`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of interhub.v1.QuarantinedEnvelope, documented there"
)]
pub struct QuarantinedDocument {
    pub hash: String,
    pub author: String,
    pub peer: Option<String>,
    pub state: &'static str,
    pub reason: String,
    pub at: Option<String>,
    pub bytes: u64,
}

impl From<v1::QuarantineResponse> for QuarantineDocument {
    fn from(page: v1::QuarantineResponse) -> Self {
        let item = |held: v1::QuarantinedEnvelope| QuarantinedDocument {
            state: match v1::QuarantineState::try_from(held.state) {
                Ok(v1::QuarantineState::Refused) => "refused",
                Ok(v1::QuarantineState::Void) => "void",
                Ok(v1::QuarantineState::Waiting) => "waiting",
                Ok(v1::QuarantineState::Unspecified) | Err(_) => "other",
            },
            at: instant(held.at.as_ref()),
            hash: held.hash,
            author: held.author,
            peer: held.peer,
            reason: held.reason,
            bytes: held.bytes,
        };
        Self {
            items: page.items.into_iter().map(item).collect(),
            next: page.next,
        }
    }
}

/// A line of `watch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatchDocument {
    /// Resumes behind this change.
    pub token: String,
    /// What happened.
    pub kind: &'static str,
    /// Id of the event or hub.
    pub thing: String,
    /// When this node committed it.
    pub at: Option<String>,
}

impl From<v1::WatchChange> for WatchDocument {
    fn from(change: v1::WatchChange) -> Self {
        let kind = match v1::ChangeKind::try_from(change.kind) {
            Ok(v1::ChangeKind::EventAdded) => "event_added",
            Ok(v1::ChangeKind::EventChanged) => "event_changed",
            Ok(v1::ChangeKind::EventCancelled) => "event_cancelled",
            Ok(v1::ChangeKind::EventRemoved) => "event_removed",
            Ok(v1::ChangeKind::HubChanged) => "hub_changed",
            Ok(v1::ChangeKind::RosterChanged) => "roster_changed",
            Ok(v1::ChangeKind::Unspecified) | Err(_) => "other",
        };
        Self {
            kind,
            at: instant(change.at.as_ref()),
            token: change.token,
            thing: change.thing,
        }
    }
}
