//! Between the nodes of hubs: who is calling, one stream per pair, and what becomes of it.
//!
//! [`tls`] proves keys, [`connect`] and [`accept`] make connections of them, [`dial`] keeps one going to every hub,
//! [`federation`] answers those that call, [`stream`] drives the sync session of `domain` over either, [`links`] knows
//! which streams there are, [`status`] tells operators. What a session wants to read, write or know, it asks of the
//! [`Host`], which the node implements.

pub mod accept;
pub mod connect;
pub mod convert;
mod dial;
mod federation;
mod links;
pub mod net;
pub mod status;
mod stream;
#[cfg(test)]
mod tests;
pub mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use interhub_domain::access::Access;
use interhub_domain::beacon::SignedBeacon;
use interhub_domain::envelope::Envelope;
use interhub_domain::frontier::{Digest, Frontier, Head, RowKey};
use interhub_domain::ids::{Epoch, HeaderHash, HubId, NetworkId, ObjectId};
use interhub_domain::receipt::SignedReceipt;
use interhub_domain::session::{Millis, Notice, Proof, Tombstones};
use tokio::sync::broadcast;

pub use self::convert::{JoinRequest, Joined};
use self::links::Links;
use self::net::{Net, Traffic};
use self::status::PeerStatus;
use self::tls::{HubCertificate, TlsError};
use crate::clock::SharedClock;
use crate::task::Tasks;

/// What the node has to offer the peers' side. Calls may block on storage; none waits for a peer.
pub trait Host: Send + Sync + 'static {
    /// Which node this is.
    fn identity(&self) -> Identity;

    /// Who may talk, and where.
    fn directory(&self) -> Arc<Directory>;

    /// Who may receive what, now: that of [`Host::directory`]. The same one as long as nothing changes.
    fn access(&self) -> Arc<Access> {
        self.directory().access.clone()
    }

    /// How far the node is in every log, local ones included.
    fn frontier(&self) -> Frontier;

    /// The envelopes of a log from this number on, without gaps: at least one if there is one, then as many as fit
    /// `max_bytes` ([`Envelope::wire_len`]) and `max_count`; before the first of an erased document its tombstone, which may
    /// be of another log. A failure is logged by the host and reads as nothing.
    fn read_log(&self, row: RowKey, from_seq: u64, max_bytes: usize, max_count: usize) -> Vec<Envelope>;

    /// The tombstones that are wanted, in an order that does not change, without the first `skip`, up to `max_bytes`; and
    /// whether there are more.
    fn read_tombstones(&self, wanted: &Tombstones, skip: usize, max_bytes: usize) -> (Vec<Envelope>, bool) {
        let _ = (wanted, skip, max_bytes);
        (Vec::new(), false)
    }

    /// The newest beacon of every hub.
    fn beacons(&self) -> Vec<(HubId, SignedBeacon)> {
        Vec::new()
    }

    /// Checks a beacon and keeps it if it is the newest of its hub; then it is also told to [`Host::changes`].
    fn take_beacon(&self, from: HubId, beacon: &SignedBeacon) {
        let _ = (from, beacon);
    }

    /// Which tombstones of this hub a peer owes a receipt for: each with the document it erases.
    fn asked_of(&self, peer: HubId) -> Vec<(ObjectId, HeaderHash)> {
        let _ = peer;
        Vec::new()
    }

    /// Receipts for those of these tombstones whose documents are in the files no more.
    fn receipts_for(&self, asked: &[(ObjectId, HeaderHash)]) -> Vec<(HeaderHash, SignedReceipt)> {
        let _ = asked;
        Vec::new()
    }

    /// Checks receipts and keeps those that were asked for.
    fn take_receipts(&self, from: HubId, receipts: &[SignedReceipt]) {
        let _ = (from, receipts);
    }

    /// Every proof of a fork that is held.
    fn proofs(&self) -> Vec<Proof> {
        Vec::new()
    }

    /// Checks proofs and keeps those that say something new; they are also told to [`Host::changes`].
    fn take_proofs(&self, from: HubId, proofs: &[Proof]) {
        let _ = (from, proofs);
    }

    /// The header and signature at a position of a log, without the body.
    fn header_at(&self, row: RowKey, seq: u64) -> Option<Envelope> {
        let _ = (row, seq);
        None
    }

    /// This header contradicts the one held at its position: if both are signed, that is a proof.
    fn prove(&self, from: HubId, theirs: &Envelope) {
        let _ = (from, theirs);
    }

    /// Takes what a peer delivered, and returns once it is durable. Rows that advance are also told to [`Host::changes`].
    fn take(&self, from: HubId, envelopes: Vec<Envelope>) -> Taken;

    /// From now on, what changes. Whoever falls behind reads everything anew.
    fn changes(&self) -> broadcast::Receiver<Change>;

    /// At this moment the peer holds exactly what this node holds, as far as both may see it.
    fn equal(&self, peer: HubId);

    /// Something an operator should know of.
    fn report(&self, peer: HubId, notice: &Notice);

    /// What to tell a hub that does not know the present key of this one yet.
    fn announcement(&self) -> Option<JoinRequest> {
        None
    }

    /// What a node with an unknown key answered when it was asked for the registry. Nothing is believed but what is signed.
    fn learn_registry(&self, envelopes: Vec<Envelope>) {
        let _ = envelopes;
    }

    /// Somebody with this key asks for admission, tells of its key, or asks for the registry.
    fn join(&self, key: [u8; 32], request: JoinRequest) -> Result<Joined, JoinRefused>;
}

/// Which node this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The hub.
    pub hub: HubId,
    /// The run of its node.
    pub epoch: Epoch,
    /// The network; `None` until one is created or joined. Without one there is nothing to sync.
    pub network: Option<NetworkId>,
}

/// Who may talk, and where. Built anew whenever the roster or the groups change.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Who may receive what.
    pub access: Arc<Access>,
    /// The hubs of the roster that may open a stream: departed ones included, and the own one, because a second node
    /// with its key is served and told of.
    pub hubs: BTreeMap<HubId, Contact>,
    /// Keys that hubs of the roster had before the present one.
    pub former: BTreeSet<[u8; 32]>,
}

impl Directory {
    /// The hub that owns this key now.
    pub fn hub_of_key(&self, key: &[u8; 32]) -> Option<HubId> {
        self.hubs
            .iter()
            .find(|(_, contact)| contact.key == *key)
            .map(|(hub, _)| *hub)
    }
}

/// How to reach a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// What people call it.
    pub slug: String,
    /// The public key it signs with now.
    pub key: [u8; 32],
    /// `host:port`; empty for a hub that cannot be dialled.
    pub address: String,
    /// Whether to dial it. Hubs that left are answered, not called.
    pub dial: bool,
}

/// What the intake made of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Rows that advanced, with their new heads.
    pub rows: Vec<(RowKey, Head)>,
    /// What was not held, and why.
    pub refused: Vec<(HeaderHash, NotHeld)>,
}

/// Why an envelope was not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotHeld {
    /// What comes before it in its log is missing; rows are exchanged to find it.
    Gap,
    /// Its hub or key is not in the registry (yet); rows are exchanged, because the statement may be under way.
    UnknownHub,
    /// It contradicts an envelope held: the log is forked. A position at which the two differ.
    Fork(u64),
    /// The deliverer's fault: signature, commitment, size, another network. In words.
    Fault(&'static str),
    /// A security event: it is of a log that must never be on this stream. In words.
    Breach(&'static str),
}

/// Something that sessions have to know.
#[derive(Debug, Clone)]
pub enum Change {
    /// Rows advanced.
    Heads(Arc<[(RowKey, Head)]>),
    /// The roster, the groups, the own identity, or where logs are cut, changed.
    Roster,
    /// Hubs signed two envelopes with one number: new proofs.
    Proved(Arc<[Proof]>),
    /// A hub's newer beacon.
    Beacon(HubId, Arc<SignedBeacon>),
    /// A tombstone is kept from now on, and the sum over those of its log.
    Erased(Arc<Envelope>, Digest),
    /// What was erased is out of the files.
    ForcedOut,
}

/// Why a newcomer was not admitted: one line for its operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JoinRefused(pub String);

/// Times and bounds. The defaults are for hubs on the internet; tests and simulation shorten them.
#[derive(Debug, Clone)]
pub struct PeerOptions {
    /// A TLS handshake has to be done within this time, on both sides.
    pub handshake: Duration,
    /// A call has to reach the other side within this time.
    pub connect: Duration,
    /// HTTP/2 pings go out this often.
    pub keepalive: Duration,
    /// A ping has to be answered within this time.
    pub keepalive_timeout: Duration,
    /// The first pause after a failed call; the n-th is n² times as long.
    pub retry: Duration,
    /// The longest pause between calls.
    pub retry_max: Duration,
    /// What this node says it runs, for other operators.
    pub software: String,
}

impl Default for PeerOptions {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            keepalive: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(10),
            retry: Duration::from_millis(500),
            retry_max: Duration::from_hours(1),
            software: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl PeerOptions {
    /// A connection that received nothing for this long is dead.
    fn idle(&self) -> Duration {
        2 * (self.keepalive + self.keepalive_timeout)
    }
}

/// Who is on the other end of a connection: proved by TLS, not yet by the registry.
#[derive(Debug, Clone)]
pub struct PeerInfo {
    /// The key it proved.
    pub key: [u8; 32],
    /// Where it called from.
    pub from: SocketAddr,
    /// Its bytes.
    pub traffic: Arc<Traffic>,
}

/// What every part of this folder needs.
pub(crate) struct Shared<N> {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) net: N,
    pub(crate) certificate: HubCertificate,
    pub(crate) options: PeerOptions,
    pub(crate) tasks: Tasks,
    pub(crate) clock: SharedClock,
    pub(crate) links: Links,
    started: tokio::time::Instant,
}

impl<N> Shared<N> {
    /// Monotonic time for sessions.
    pub(crate) fn millis(&self) -> Millis {
        Millis::try_from(self.started.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    /// When that time comes.
    pub(crate) fn instant(&self, at: Millis) -> tokio::time::Instant {
        self.started + Duration::from_millis(at)
    }
}

/// The peers' side of a node, running.
pub struct Peers<N> {
    shared: Arc<Shared<N>>,
}

impl<N: Net> Peers<N> {
    /// Starts to answer on `listener` (if there is one) and to call every hub of the directory. Ends with `tasks`.
    pub fn start(
        host: Arc<dyn Host>,
        seed: &[u8; 32],
        listener: Option<N::Listener>,
        net: N,
        options: PeerOptions,
        tasks: &Tasks,
        clock: SharedClock,
    ) -> Result<Self, TlsError> {
        let certificate = HubCertificate::from_seed(seed)?;
        let server_config = certificate.server_config()?;
        let own = host.identity().hub;
        let shared = Arc::new(Shared {
            host,
            net,
            certificate,
            options,
            tasks: tasks.clone(),
            clock,
            links: Links::new(own),
            started: now(),
        });
        if let Some(listener) = listener {
            federation::serve(&shared, listener, server_config);
        }
        dial::start(&shared);
        Ok(Self { shared })
    }

    /// One line for every other hub of the directory, in the order of their ids.
    pub fn status(&self) -> Vec<PeerStatus> {
        let own = self.shared.host.identity().hub;
        let mut lines = self.shared.links.status(&self.shared.host.directory());
        lines.retain(|line| line.hub != own);
        lines
    }

    /// Calls every hub that is away now, in place of waiting for its next turn.
    pub fn call_now(&self) {
        self.shared.links.call_now();
    }

    /// Asks the hub that owns `key`, at `address`, for admission.
    pub async fn join(
        &self,
        address: &str,
        key: [u8; 32],
        request: &JoinRequest,
    ) -> Result<Joined, connect::JoinError> {
        let shared = &self.shared;
        connect::join(&shared.net, &shared.certificate, &shared.options, address, key, request).await
    }
}

/// Monotonic time, virtual in simulation; every other reading in this folder is relative to one of these.
fn now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}
