//! Views computed from documents, kept in the commit's own batch, rebuildable at any time.
//!
//! The write side is one hook ([`Projector::event_changed`], [`Projector::hub_changed`]) called while the batch of an envelope is being
//! built. The read side is [`Views`]: what pages, feeds, gRPC and the command line show.

use std::sync::Arc;

use interhub_domain::event::{Event, Occurrence};
use interhub_domain::ids::{HubId, LogId, ObjectId, ThingId};
use interhub_domain::profile::HubProfile;
use serde::{Deserialize, Serialize};

/// The projection of one event: everything a page or a feed needs, without loading its document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// The thing.
    pub thing: ThingId,
    /// Its document.
    pub object: ObjectId,
    /// The hub that owns the document.
    pub hub: HubId,
    /// The log the document is in: public, network, or local for drafts.
    pub log: LogId,
    /// A draft: in the hub's local log.
    pub draft: bool,
    /// Hubs that host it together, the owner first.
    pub hosts: Vec<HubId>,
    /// What the document says.
    pub event: Event,
}

/// One line of a list: an occurrence and the event it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The event.
    pub row: Arc<EventRow>,
    /// When.
    pub occurrence: Occurrence,
}

/// A page of a list, ordered by start, then thing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The occurrences.
    pub items: Vec<Listed>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// The standing of a hub in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HubStatus {
    /// It belongs.
    Active,
    /// It was removed by a decision.
    Removed,
    /// It left by its own statement.
    Left,
    /// Its admission does not count yet.
    Pending,
}

/// The projection of one hub: registry and profile together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HubRow {
    /// The hub.
    pub id: HubId,
    /// Its slug, as shown (clashing guests carry four digits of their id).
    pub slug: String,
    /// Where it stands.
    pub status: HubStatus,
    /// Whether it votes.
    pub voter: bool,
    /// The voter that admitted it, for guests.
    pub guest_of: Option<HubId>,
    /// Whether it is this node's own hub.
    pub own: bool,
    /// Federation address, `host:port`.
    pub address: String,
    /// What it says about itself.
    pub profile: HubProfile,
    /// Everything the hub had published at this moment is here, Unix milliseconds; `None` before the first contact.
    pub as_of_ms: Option<i64>,
}
