//! What is answered. Slugs stand where people read them.

use std::sync::Arc;

use interhub_domain::event::Occurrence;
use interhub_domain::ids::{Epoch, HubId, NetworkId};

use crate::projection::{EventRow, HubRow, HubStatus};

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAnswer {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: NetworkId,
    /// When it was founded, Unix milliseconds.
    pub founded_ms: Option<i64>,
    /// Slug of the hub that founded it.
    pub founder: Option<String>,
    /// Hubs that belong.
    pub hubs: u32,
    /// Hubs that vote.
    pub voters: u32,
    /// Guests.
    pub guests: u32,
}

/// What joining came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinAnswer {
    /// Name of the network.
    pub network: String,
    /// This hub's slug there.
    pub slug: String,
    /// Active or pending.
    pub status: HubStatus,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationAnswer {
    /// Whoever has it can use it, once.
    pub link: String,
    /// Until when, Unix milliseconds.
    pub expires_ms: i64,
}

/// A hub, with what this node knows of the way to it.
#[derive(Debug, Clone, PartialEq)]
pub struct HubAnswer {
    /// Registry and profile.
    pub row: HubRow,
    /// Slug of the voter that admitted it.
    pub guest_of: Option<String>,
    /// Whether there is a stream with it now.
    pub connected: bool,
    /// When something was last received from it, Unix milliseconds.
    pub last_heard_ms: Option<i64>,
    /// How many of its envelopes are known to exist and are not here yet.
    pub lag_envelopes: Option<u64>,
    /// Number of its epochs in the public log.
    pub epochs: u32,
    /// Whether a proof of a fork exists.
    pub fork: bool,
}

/// An event as a whole, or one occurrence of it.
#[derive(Debug, Clone, PartialEq)]
pub struct EventAnswer {
    /// The event.
    pub row: Arc<EventRow>,
    /// In a list: which occurrence. Else the event is meant as a whole.
    pub occurrence: Option<Occurrence>,
    /// Instants of start and end of the occurrence, else of the first, Unix milliseconds.
    pub time_ms: Option<(i64, i64)>,
    /// Slug of the hub that owns it.
    pub hub: String,
    /// Slugs of all hosts, the owner first.
    pub hosts: Vec<String>,
    /// Everything its hub had published at this moment is here, Unix milliseconds.
    pub as_of_ms: Option<i64>,
}

/// A page of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventPage {
    /// One entry per occurrence.
    pub events: Vec<EventAnswer>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// What an import came to. `events` is the sum of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportAnswer {
    /// Events in the file.
    pub events: u64,
    /// Events that were not here.
    pub added: u64,
    /// Events that differed.
    pub changed: u64,
    /// Events that were the same.
    pub unchanged: u64,
    /// Events the file cancels that were not cancelled here.
    pub cancelled: u64,
    /// Events that could not be taken.
    pub refused: Vec<RefusedEvent>,
}

/// Why one event of a file was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedEvent {
    /// Its UID, if it has one.
    pub uid: Option<String>,
    /// Line on which it begins, from 1.
    pub line: u32,
    /// One line.
    pub reason: String,
}

/// Figures of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusAnswer {
    /// Slug of its hub.
    pub slug: String,
    /// Its hub.
    pub hub: HubId,
    /// Name and id of the network.
    pub network: Option<(String, NetworkId)>,
    /// Documents held.
    pub documents: u64,
    /// Events among them.
    pub events: u64,
    /// Hubs this node talks to, or tries to.
    pub peers: u32,
    /// Those with a stream now.
    pub connected: u32,
    /// Over all documents in public and network scope.
    pub shared_digest: [u8; 32],
    /// Over all projections of them.
    pub projections_digest: [u8; 32],
    /// Epoch of the running process.
    pub epoch: Epoch,
    /// Whether the node was restored and still waits for its peers.
    pub restoring: bool,
    /// Envelopes that wait.
    pub waiting: u64,
    /// Envelopes refused.
    pub refused: u64,
    /// Envelopes void.
    pub void: u64,
    /// Documents that are stuck.
    pub stuck: u64,
}

/// A hub this node talks to, or tries to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerAnswer {
    /// Its slug.
    pub slug: String,
    /// `host:port`; empty if it can only call in.
    pub address: String,
    /// Whether there is a stream now.
    pub connected: bool,
    /// Whether the peer opened it.
    pub inbound: Option<bool>,
    /// When something was last received, Unix milliseconds.
    pub last_heard_ms: Option<i64>,
    /// Bytes received since the node started.
    pub bytes_in: u64,
    /// Bytes sent since the node started.
    pub bytes_out: u64,
    /// Envelopes one side has and the other lacks.
    pub lag_envelopes: Option<u64>,
    /// Its clock minus ours.
    pub clock_skew_ms: Option<i64>,
    /// One line.
    pub last_error: Option<String>,
    /// Slug of the hub that tunnels.
    pub via: Option<String>,
    /// Whether a full store or a quota has paused it.
    pub paused: bool,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// An event appeared.
    EventAdded,
    /// An event changed.
    EventChanged,
    /// An event, or an occurrence of it, was cancelled.
    EventCancelled,
    /// An event is no longer shown.
    EventRemoved,
    /// A hub appeared, or says something else about itself.
    HubChanged,
    /// The set of hubs that belong changed.
    RosterChanged,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeAnswer {
    /// Resumes behind it.
    pub token: String,
    /// What happened.
    pub kind: ChangeKind,
    /// Id of the event or hub, hexadecimal.
    pub thing: String,
    /// When this node committed it, Unix milliseconds.
    pub at_ms: i64,
}
