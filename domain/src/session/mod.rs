//! The sync session: what two nodes say to each other on one stream, as a state machine without IO.
//!
//! Events and the time go in, effects come out ([`Session::handle`]); whoever drives it sends the frames, reads the log
//! and gives the received envelopes to the intake. Catching up and live push are one mechanism: the session knows how
//! far the peer is in every log ([`outgoing`]), and whenever the own head is further and the stream is writable, it asks
//! for the log from there. **The log is the queue**: nothing else is ever queued.
//!
//! 1. Each side sends [`Hello`], and nothing else before the other's has come.
//! 2. Each sends the two digests of its frontier. Equal: done, one round trip.
//! 3. Otherwise each sends all rows the other may see, and then pushes what the other lacks: registry first, then
//!    tombstones, then everything else.
//!    A hub that left or was removed is sent all tombstones instead, once the digests over those differ, and may send its
//!    own; of the rows it sees the registry alone.
//! 4. What is taken is acknowledged with the rows that advanced. About once a minute the digests are compared again.
//!
//! Frontier and complete rows are answered one for one: whoever has received more of them than it has sent, sends one.
//! So both sides always compare, and no exchange goes on for ever.

#[cfg(test)]
mod covers;
#[cfg(test)]
mod gone;
mod machine;
mod outgoing;
mod probe;
#[cfg(test)]
mod receipts;
#[cfg(test)]
mod scopes;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use machine::Session;

use crate::access::Access;
use crate::beacon::SignedBeacon;
use crate::envelope::Envelope;
use crate::frontier::{Digest, Frontier, Head, RowKey};
use crate::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId};
use crate::receipt::SignedReceipt;

/// Monotonic time in milliseconds, from any origin.
pub type Millis = u64;

/// Lowest protocol version this node speaks.
pub const PROTOCOL_MIN: u32 = 1;
/// Highest protocol version this node speaks.
pub const PROTOCOL_MAX: u32 = 1;
/// Largest frame in bytes that is read: a batch, its framing, and room for one large body more.
pub const MAX_FRAME_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of envelopes in one frame: large enough to fill a fast line, small enough that eight streams fit a mini-PC.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// Envelopes in one frame: bounds the time one frame keeps the intake.
pub const MAX_BATCH_ENVELOPES: usize = 1_000;
/// Rows in one frame, some 400 KB.
pub const MAX_ROWS: usize = 4_096;
/// Rows remembered of one peer, beside those of logs that this node has something of: 110 hubs, three logs, 300 epochs each.
pub const MAX_PEER_ROWS: usize = 100_000;
/// Hubs in a list of streams.
pub const MAX_STREAMS: usize = 1_024;
/// Beacons are sent so long after the stream opened: they are news for people, and never hold up a comparison.
pub const BEACONS_AFTER_MS: Millis = 1_000;
/// Proofs in one frame.
pub const MAX_PROOFS: usize = 256;
/// What a hub erased is asked about so long after: most hubs have heard of it by then, and their files are rewritten.
pub const ASK_AFTER_MS: Millis = 1_000;
/// And again so long after that, as long as there is something to ask about.
pub const ASK_AGAIN_MS: Millis = 600_000;
/// Questions of the peer that are remembered until they can be answered.
pub const MAX_ASKED: usize = 10_000;
/// Characters of a software name, of a reason.
pub const MAX_TEXT: usize = 200;
/// Feature numbers in a [`Hello`].
pub const MAX_FEATURES: usize = 64;
/// Hello has to come within this time: whoever is connected and says nothing holds a place others need.
pub const HELLO_WITHIN_MS: Millis = 10_000;
/// Digests are compared this often.
pub const FRONTIER_EVERY_MS: Millis = 60_000;
/// A stream that is silent for longer is dead: one and a half times [`FRONTIER_EVERY_MS`].
pub const SILENCE_MS: Millis = 90_000;
/// Another author's envelopes are held back this long if the peer has a stream with the author, who sends them itself.
pub const RELAY_HOLD_MS: Millis = 2_000;
/// What came from elsewhere is announced after this time, before the other's [`RELAY_HOLD_MS`] is over.
pub const ANNOUNCE_MS: Millis = 1_000;
/// Unequal digests while envelopes are under way prove nothing: they are compared again after this time, which is longer
/// than [`RELAY_HOLD_MS`].
pub const RECHECK_MS: Millis = 5_000;
/// Complete rows are sent at most this often.
pub const ROWS_EVERY_MS: Millis = 1_000;
/// A gap in what the peer sends asks for rows after this time, doubled each time until something fits again.
pub const GAP_FIRST_MS: Millis = 2_000;
/// The longest time between two such questions.
pub const GAP_MAX_MS: Millis = 64_000;
/// All tombstones are offered to a hub that is gone, and those that no row tells of to the others, at most this often on one
/// stream, then after twice the time, ...
pub const OFFER_FIRST_MS: Millis = 2_000;
/// ... up to an hour, however long the digests stay unequal: what one side does not keep is not to be sent for ever.
pub const OFFER_MAX_MS: Millis = 3_600_000;

/// Who speaks, and what it understands. First on every stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Lowest protocol version understood.
    pub protocol_min: u32,
    /// Highest protocol version understood; the highest common one is used.
    pub protocol_max: u32,
    /// The network.
    pub network: NetworkId,
    /// The hub; it must own the key of the TLS session.
    pub hub: HubId,
    /// The run of its node.
    pub epoch: Epoch,
    /// Version of the software, for operators; at most [`MAX_TEXT`] characters.
    pub software: String,
    /// Hubs the sender has streams with, at most [`MAX_STREAMS`].
    pub streams: BTreeSet<HubId>,
    /// Optional features understood, at most [`MAX_FEATURES`].
    pub features: Vec<u32>,
}

/// Two different signed headers for one position of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The one with the smaller hash.
    pub a: Envelope,
    /// The other.
    pub b: Envelope,
}

/// What travels on a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// First on every stream.
    Hello(Hello),
    /// The hubs the sender has streams with have changed.
    Streams(BTreeSet<HubId>),
    /// Digests over what the sender holds and the receiver may see; `None` where there is no such row.
    Frontier {
        /// Over registry, public and network logs, and the tombstones kept of these.
        shared: Option<Digest>,
        /// Over the pair and group logs of both, and the tombstones kept of these.
        common: Option<Digest>,
    },
    /// How far the sender is. `complete` ends an answer to unequal digests; rows of a frame without it are
    /// acknowledgements, or the first part of a long answer.
    Rows {
        /// The rows, each at most once.
        rows: Vec<(RowKey, Head)>,
        /// Whether every row the receiver may see has been named by now.
        complete: bool,
    },
    /// Envelopes, each log in its order.
    Envelopes(Vec<Envelope>),
    /// Proofs of forks; before all else.
    Proofs(Vec<Proof>),
    /// A hub's signed statement of its heads.
    Beacon(SignedBeacon),
    /// Asks for the header at one position of a log, to find where two nodes begin to differ.
    AskHeader(RowKey, u64),
    /// The answer: header and signature without the body, or nothing there.
    Header(RowKey, u64, Option<Box<Envelope>>),
    /// Asks whether what these tombstones of the sender cover is erased: at most [`crate::receipt::MAX_RECEIPTS`] documents, each with the
    /// hash of its tombstone. Each is answered once it is.
    AskReceipts(Vec<(ObjectId, HeaderHash)>),
    /// The answer, for those of which there is one; at most [`crate::receipt::MAX_RECEIPTS`].
    Receipts(Vec<SignedReceipt>),
    /// Last on a stream that ends in good order.
    Goodbye {
        /// Why.
        code: Farewell,
        /// One line for the other operator, at most [`MAX_TEXT`] characters.
        reason: String,
    },
    /// A frame of a later version: skipped.
    Unknown,
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Farewell {
    /// The node is stopping, or the line is gone.
    Stopping,
    /// Another stream of this pair is kept.
    Duplicate,
    /// No common protocol version.
    Version,
    /// Another network, or another hub than the key of the TLS session says.
    WrongNetwork,
    /// The hub does not belong to the network.
    NotMember,
    /// The other side broke the protocol.
    Protocol,
    /// The other side went over a limit.
    Limit,
}

impl Farewell {
    /// The number on the wire.
    pub const fn code(self) -> u32 {
        match self {
            Self::Stopping => 1,
            Self::Duplicate => 2,
            Self::Version => 3,
            Self::WrongNetwork => 4,
            Self::NotMember => 5,
            Self::Protocol => 6,
            Self::Limit => 7,
        }
    }

    /// From the number on the wire; unknown ones read as [`Farewell::Stopping`].
    pub const fn from_code(code: u32) -> Self {
        match code {
            2 => Self::Duplicate,
            3 => Self::Version,
            4 => Self::WrongNetwork,
            5 => Self::NotMember,
            6 => Self::Protocol,
            7 => Self::Limit,
            _ => Self::Stopping,
        }
    }
}

/// This node, as a session presents it.
#[derive(Debug, Clone)]
pub struct Local {
    /// The network.
    pub network: NetworkId,
    /// The hub.
    pub hub: HubId,
    /// The run of this node.
    pub epoch: Epoch,
    /// Lowest protocol version spoken; [`PROTOCOL_MIN`] outside tests.
    pub protocol_min: u32,
    /// Highest protocol version spoken; [`PROTOCOL_MAX`] outside tests.
    pub protocol_max: u32,
    /// Version of the software.
    pub software: String,
}

/// What happens to a session.
#[derive(Debug, Clone)]
pub enum Event {
    /// The stream is open and writable.
    Opened,
    /// A frame came.
    Received(Frame),
    /// Rows of this node advanced, through whatever way. Rows the peer may not see are left out here.
    Heads(Vec<(RowKey, Head)>),
    /// Roster or groups changed, or events were missed: everything anew.
    Access(Arc<Access>, Frontier),
    /// The answer to [`Effect::ReadLog`]: envelopes from the asked number on, without gaps; empty when the log has
    /// none there. Before the first whose body is erased comes the tombstone that covers it, of whatever log: it is passed
    /// on if the peer was not sent it yet.
    Read(RowKey, Vec<Envelope>),
    /// A tombstone that this node keeps from now on, and the sum over those of its log ([`Frontier::keep_tombstone`]).
    Erased(Arc<Envelope>, Digest),
    /// The answer to [`Effect::ReadTombstones`].
    Tombstones {
        /// Tombstones, at most the bytes asked for.
        envelopes: Vec<Envelope>,
        /// Whether there are more after these.
        more: bool,
    },
    /// The answer to [`Effect::Take`].
    Taken {
        /// Rows that advanced.
        rows: Vec<(RowKey, Head)>,
        /// Whether something was not held because what comes before it is missing.
        gap: bool,
        /// Logs of which something contradicts what is held, and a position at which the two differ.
        forked: Vec<(RowKey, u64)>,
    },
    /// The answer to [`Effect::ReadProofs`].
    Proofs(Vec<Proof>),
    /// Proofs that are new: they are sent at once.
    Proved(Vec<Proof>),
    /// The answer to [`Effect::ReadBeacons`].
    Beacons(Vec<(HubId, SignedBeacon)>),
    /// A hub's newer beacon was taken, or signed.
    Beacon(HubId, SignedBeacon),
    /// The answer to [`Effect::ReadAsked`]: which of the own tombstones the peer has given no receipt for.
    Asking(Vec<(ObjectId, HeaderHash)>),
    /// The answer to [`Effect::ReadReceipts`]: the tombstones for which there is a receipt by now.
    Receipts(Vec<(HeaderHash, SignedReceipt)>),
    /// What was erased is out of the files.
    ForcedOut,
    /// The answer to [`Effect::ReadHeader`].
    Header(RowKey, u64, Option<Box<Envelope>>),
    /// The answer to [`Effect::CompareHeader`].
    Compared(RowKey, u64, bool),
    /// The hubs this node has streams with.
    StreamsChanged(BTreeSet<HubId>),
    /// The stream takes another frame of data. Each frame of envelopes or acknowledgements uses one such permission.
    Writable,
    /// Time has passed; see [`Session::next_tick`].
    Tick,
    /// This node ends the stream.
    Stop(Farewell, String),
}

/// Which tombstones are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tombstones {
    /// Those in these logs, at or after the number, which is the first that the peer lacks.
    Lacking(Vec<(RowKey, u64)>),
    /// Besides, those that no row tells of: they came ahead of logs that have not come since, and may never come.
    Ahead(Vec<(RowKey, u64)>),
    /// All that are kept, for a peer with which no rows of their logs are compared. Beyond the ends of these logs, which are
    /// compared, also what else stands alone: of the registry the statements.
    All(Vec<(RowKey, u64)>),
}

/// What a session wants done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a frame.
    Send(Frame),
    /// Read the log from this number on and answer with [`Event::Read`]: at least one envelope if there is one, then as
    /// many as the limits allow.
    ReadLog {
        /// Which log.
        row: RowKey,
        /// The first number wanted.
        from_seq: u64,
        /// Most bytes ([`Envelope::wire_len`]).
        max_bytes: usize,
        /// Most envelopes.
        max_count: usize,
    },
    /// Read tombstones and answer with [`Event::Tombstones`].
    ReadTombstones {
        /// Which.
        wanted: Tombstones,
        /// Tombstones already sent, in the order in which they are read.
        skip: usize,
        /// Most bytes.
        max_bytes: usize,
    },
    /// Give these to the intake and answer with [`Event::Taken`]. Every one came from the peer and is for its eyes.
    Take(Vec<Envelope>),
    /// Read all proofs of forks and answer with [`Event::Proofs`]. Those the peer may not see are left out here.
    ReadProofs,
    /// Check these proofs and keep those that hold. If they cut a log, [`Event::Access`] follows before any other event.
    TakeProofs(Vec<Proof>),
    /// Read the newest beacon of every hub and answer with [`Event::Beacons`].
    ReadBeacons,
    /// Check this beacon, and keep it if it is the newest of its hub.
    TakeBeacon(SignedBeacon),
    /// Look which of the own tombstones the peer has given no receipt for, and answer with [`Event::Asking`].
    ReadAsked,
    /// Look for what is erased of this, and answer with [`Event::Receipts`].
    ReadReceipts(Vec<(ObjectId, HeaderHash)>),
    /// Check these receipts and keep those that were asked for.
    TakeReceipts(Vec<SignedReceipt>),
    /// Read the header at one position and answer with [`Event::Header`].
    ReadHeader(RowKey, u64),
    /// Whether this is the header held at its position; answer with [`Event::Compared`].
    CompareHeader(Box<Envelope>),
    /// This header and the one held at its position are a proof, if both are signed.
    Prove(Box<Envelope>),
    /// Both sides have said Hello and understand each other.
    Ready {
        /// The run of the peer's node.
        epoch: Epoch,
        /// The protocol version used.
        version: u32,
        /// Version of its software.
        software: String,
    },
    /// At this moment the peer holds exactly what this node holds, as far as both may see it.
    Equal,
    /// Something for the log, or for a counter.
    Report(Notice),
    /// The session is over; a Goodbye, if there was one to send, came before.
    Close {
        /// Why.
        code: Farewell,
        /// In words.
        reason: String,
        /// Whether the peer ended it.
        by_peer: bool,
    },
}

/// Something worth telling an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A security event: the peer sent what must never be on this stream.
    Breach {
        /// The log id.
        log: LogId,
        /// The author.
        hub: HubId,
        /// What was wrong.
        what: &'static str,
    },
    /// The peer once had more of this log than it says now: it lost data.
    Regressed(RowKey),
    /// The peer holds another envelope under the same number: the log is forked.
    Forked(RowKey),
    /// The peer delivered what contradicts a log, and cannot show a signed header for it.
    Unproved(RowKey),
    /// The own log has nothing where the frontier says it has.
    Unreadable(RowKey),
}
