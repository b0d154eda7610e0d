//! Who is there: peers and beacons.

use interhub_domain::ids::HubId;
use serde::{Deserialize, Serialize};

use super::document::SignedBytes;
use super::{Key, Value, decode_row, encode_row};
use crate::store::Family;

/// Family `beacon`: the newest beacon of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BeaconKey(pub HubId);

impl Key for BeaconKey {
    type Value = SignedBytes;

    fn family(&self) -> Family {
        Family::Beacon
    }

    fn encode(&self) -> Vec<u8> {
        self.0.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        HubId::from_slice(bytes).map(Self)
    }
}

/// Family `peer`: the way to a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerKey(pub HubId);

impl Key for PeerKey {
    type Value = PeerRow;

    fn family(&self) -> Family {
        Family::Peer
    }

    fn encode(&self) -> Vec<u8> {
        self.0.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        HubId::from_slice(bytes).map(Self)
    }
}

/// What is remembered of the way to a hub. The registry says who it is and where; this is this node's own experience.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRow {
    /// Addresses that worked, `host:port`, the newest first; at most three.
    pub addresses: Vec<String>,
    /// When it was last heard, Unix milliseconds.
    pub last_heard_ms: Option<i64>,
    /// Its clock minus ours at the last contact, milliseconds.
    pub clock_skew_ms: i64,
    /// Attempts since the last contact that failed.
    pub failures: u32,
    /// What the last failure was, in our own words.
    pub last_error: Option<String>,
    /// The operator does not want to talk to it.
    pub blocked: bool,
}

impl Value for PeerRow {
    const WHAT: &'static str = "peer row";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}
