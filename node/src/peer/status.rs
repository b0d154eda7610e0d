//! What an operator sees of each peer.

use interhub_domain::ids::HubId;

/// Who opened the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The peer called.
    Inbound,
    /// This node called.
    Outbound,
}

impl Direction {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// One line of `interhub peers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// The hub.
    pub hub: HubId,
    /// What people call it.
    pub slug: String,
    /// Where it is called; empty if it cannot be.
    pub address: String,
    /// Whether a stream with it is open.
    pub connected: bool,
    /// Who opened it.
    pub direction: Option<Direction>,
    /// When it was last heard, Unix milliseconds; `None` since the start of this node.
    pub last_heard_ms: Option<i64>,
    /// Bytes received from it since the start of this node.
    pub bytes_in: u64,
    /// Bytes sent to it since the start of this node.
    pub bytes_out: u64,
    /// Envelopes held here that it has not acknowledged; `None` while it is away.
    pub lag_envelopes: Option<u64>,
    /// Its clock minus this one's, at the last connect.
    pub clock_skew_ms: Option<i64>,
    /// Why the last call or stream failed; gone once a stream is open.
    pub last_error: Option<String>,
    /// Security events since the start of this node: it sent what must never be on its stream.
    pub breaches: u64,
    /// What the last one was.
    pub last_breach: Option<&'static str>,
    /// Envelopes it delivered since the start of this node that were not held, by its own fault.
    pub faults: u64,
    /// What was wrong with the last one.
    pub last_fault: Option<&'static str>,
    /// The hub that tunnels, if one does.
    pub via: Option<HubId>,
    /// Why a log of it is paused, if one is.
    pub paused: Option<String>,
    /// Runs of its node with an open stream: more than one means that two nodes use one key.
    pub nodes: usize,
    /// Version of its software, as it says.
    pub software: String,
}
