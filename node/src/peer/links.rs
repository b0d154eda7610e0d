//! Which streams there are: one for each pair of (hub, epoch), and what is known of every peer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interhub_domain::ids::{Epoch, HubId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Directory;
use super::net::Traffic;
use super::status::{Direction, PeerStatus};

/// Streams of one hub at a time, those that have not said Hello included. Two are normal for a moment, when both call.
const MAX_STREAMS_OF_HUB: usize = 6;

/// The streams, and what is remembered of the peers.
pub(crate) struct Links {
    own: HubId,
    inner: Mutex<Inner>,
    connected: watch::Sender<BTreeSet<HubId>>,
    wake: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    streams: BTreeMap<u64, Entry>,
    hubs: BTreeMap<HubId, Record>,
}

struct Entry {
    hub: HubId,
    direction: Direction,
    live: Arc<Live>,
    /// Known once the peer has said Hello.
    ready: Option<Ready>,
    replaced: CancellationToken,
}

struct Ready {
    epoch: Epoch,
    software: String,
}

/// What a running stream tells about itself.
#[derive(Debug)]
pub(super) struct Live {
    traffic: Arc<Traffic>,
    heard_ms: AtomicI64,
    lag: AtomicU64,
}

/// What is remembered of a hub between its streams.
#[derive(Default)]
struct Record {
    last_heard_ms: Option<i64>,
    bytes_in: u64,
    bytes_out: u64,
    clock_skew_ms: Option<i64>,
    last_error: Option<String>,
    software: String,
    breaches: u64,
    last_breach: Option<&'static str>,
    faults: u64,
    last_fault: Option<&'static str>,
}

/// The place of one running stream; gone when dropped.
pub(super) struct Place {
    id: u64,
    links: Arc<dyn Leave>,
    live: Arc<Live>,
    replaced: CancellationToken,
}

/// Breaks the circle between a place and the (generic) owner of the links.
pub(super) trait Leave: Send + Sync {
    fn links(&self) -> &Links;
}

impl<N: Send + Sync> Leave for super::Shared<N> {
    fn links(&self) -> &Links {
        &self.links
    }
}

impl Place {
    /// Something was heard.
    pub(super) fn heard(&self, now_ms: i64) {
        self.live.heard_ms.store(now_ms, Ordering::Relaxed);
    }

    /// So many envelopes are not acknowledged.
    pub(super) fn lags(&self, envelopes: u64) {
        self.live.lag.store(envelopes, Ordering::Relaxed);
    }

    /// Completes when another stream with the same node is kept in place of this one.
    pub(super) fn replaced(&self) -> CancellationToken {
        self.replaced.clone()
    }

    /// The peer has said Hello. Returns whether this stream is kept; if so, another one with the same node is told to
    /// end. Both sides decide alike: the call of the lower hub id is kept, of two calls from one side the newer.
    pub(super) fn ready(&self, epoch: Epoch, software: String) -> bool {
        self.links.links().ready(self.id, epoch, software)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.links.links().leave(self.id);
    }
}

impl Links {
    pub(super) fn new(own: HubId) -> Self {
        let (connected, wake) = (watch::Sender::new(BTreeSet::new()), watch::Sender::new(0));
        Self {
            own,
            inner: Mutex::default(),
            connected,
            wake,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hubs with an open stream, from now on.
    pub(super) fn connected(&self) -> watch::Receiver<BTreeSet<HubId>> {
        self.connected.subscribe()
    }

    /// Changes when waiting calls are to be made at once.
    pub(super) fn wake(&self) -> watch::Receiver<u64> {
        self.wake.subscribe()
    }

    pub(super) fn call_now(&self) {
        self.wake.send_modify(|count| *count += 1);
    }

    /// Makes place for a stream with this hub, unless it has too many.
    pub(super) fn enter(
        owner: Arc<dyn Leave>,
        hub: HubId,
        direction: Direction,
        traffic: Arc<Traffic>,
        now_ms: i64,
    ) -> Option<Place> {
        let links = owner.links();
        let mut inner = links.inner();
        if inner.streams.values().filter(|entry| entry.hub == hub).count() >= MAX_STREAMS_OF_HUB {
            return None;
        }
        inner.next += 1;
        let id = inner.next;
        let live = Arc::new(Live {
            traffic,
            heard_ms: AtomicI64::new(now_ms),
            lag: AtomicU64::new(0),
        });
        let replaced = CancellationToken::new();
        let entry = Entry {
            hub,
            direction,
            live: live.clone(),
            ready: None,
            replaced: replaced.clone(),
        };
        inner.streams.insert(id, entry);
        drop(inner);
        Some(Place {
            id,
            links: owner,
            live,
            replaced,
        })
    }

    fn ready(&self, id: u64, epoch: Epoch, software: String) -> bool {
        let mut inner = self.inner();
        let Some(entry) = inner.streams.get(&id) else {
            return false;
        };
        let (hub, direction) = (entry.hub, entry.direction);
        let kept = if self.own < hub {
            Direction::Outbound
        } else {
            Direction::Inbound
        };
        let mut others = 0;
        for other in inner
            .streams
            .values()
            .filter(|other| other.hub == hub && !other.replaced.is_cancelled())
        {
            let Some(ready) = &other.ready else { continue };
            others += 1;
            if ready.epoch != epoch {
                continue;
            }
            if other.direction == kept && direction != kept {
                return false;
            }
            other.replaced.cancel();
            others -= 1;
        }
        if others > 0 {
            tracing::warn!(hub = %hub.short(), "two nodes use the key of one hub; one of them has to be stopped");
        }
        if hub == self.own {
            tracing::error!("another node uses this hub's key; one of the two has to be stopped");
        }
        let record = inner.hubs.entry(hub).or_default();
        record.last_error = None;
        record.software.clone_from(&software);
        if let Some(entry) = inner.streams.get_mut(&id) {
            entry.ready = Some(Ready { epoch, software });
        }
        self.tell(&inner);
        true
    }

    fn leave(&self, id: u64) {
        let mut inner = self.inner();
        let Some(entry) = inner.streams.remove(&id) else { return };
        let record = inner.hubs.entry(entry.hub).or_default();
        record.bytes_in += entry.live.traffic.received();
        record.bytes_out += entry.live.traffic.sent();
        let heard = entry.live.heard_ms.load(Ordering::Relaxed);
        record.last_heard_ms = record.last_heard_ms.max(Some(heard));
        self.tell(&inner);
    }

    fn tell(&self, inner: &Inner) {
        let open = |entry: &&Entry| entry.ready.is_some() && !entry.replaced.is_cancelled();
        let hubs: BTreeSet<HubId> = inner.streams.values().filter(open).map(|entry| entry.hub).collect();
        self.connected.send_if_modified(|before| {
            let changed = *before != hubs;
            *before = hubs;
            changed
        });
    }

    /// Remembers why a call or a stream failed.
    pub(super) fn failed(&self, hub: HubId, error: &str) {
        self.inner().hubs.entry(hub).or_default().last_error = Some(error.to_owned());
    }

    /// Counts a security event: the peer sent what must never be on its stream. Returns how many there were.
    pub(super) fn breached(&self, hub: HubId, what: &'static str) -> u64 {
        let mut inner = self.inner();
        let record = inner.hubs.entry(hub).or_default();
        record.breaches = record.breaches.saturating_add(1);
        record.last_breach = Some(what);
        record.breaches
    }

    /// Counts an envelope that was not held by the fault of the peer that delivered it. Returns how many there were.
    pub(super) fn at_fault(&self, hub: HubId, what: &'static str) -> u64 {
        let mut inner = self.inner();
        let record = inner.hubs.entry(hub).or_default();
        record.faults = record.faults.saturating_add(1);
        record.last_fault = Some(what);
        record.faults
    }

    /// Remembers by how much the peer's clock is ahead.
    pub(super) fn skewed(&self, hub: HubId, by_ms: i64) {
        self.inner().hubs.entry(hub).or_default().clock_skew_ms = Some(by_ms);
    }

    /// One line for every hub of the directory.
    pub(super) fn status(&self, directory: &Directory) -> Vec<PeerStatus> {
        let inner = self.inner();
        let line = |(hub, contact): (&HubId, &super::Contact)| {
            let record = inner.hubs.get(hub);
            let open: Vec<&Entry> = inner.streams.values().filter(|entry| entry.hub == *hub).collect();
            let ready = || {
                open.iter()
                    .filter(|entry| entry.ready.is_some() && !entry.replaced.is_cancelled())
            };
            let heard = open
                .iter()
                .map(|entry| entry.live.heard_ms.load(Ordering::Relaxed))
                .max();
            let received: u64 = open.iter().map(|entry| entry.live.traffic.received()).sum();
            let sent: u64 = open.iter().map(|entry| entry.live.traffic.sent()).sum();
            let epochs = ready()
                .filter_map(|entry| entry.ready.as_ref())
                .map(|ready| ready.epoch);
            let software = ready().filter_map(|entry| entry.ready.as_ref()).next_back();
            PeerStatus {
                hub: *hub,
                slug: contact.slug.clone(),
                address: contact.address.clone(),
                connected: ready().next().is_some(),
                direction: ready().next().map(|entry| entry.direction),
                last_heard_ms: record.and_then(|record| record.last_heard_ms).max(heard),
                bytes_in: record.map_or(0, |record| record.bytes_in) + received,
                bytes_out: record.map_or(0, |record| record.bytes_out) + sent,
                lag_envelopes: ready().map(|entry| entry.live.lag.load(Ordering::Relaxed)).max(),
                clock_skew_ms: record.and_then(|record| record.clock_skew_ms),
                last_error: record.and_then(|record| record.last_error.clone()),
                breaches: record.map_or(0, |record| record.breaches),
                last_breach: record.and_then(|record| record.last_breach),
                faults: record.map_or(0, |record| record.faults),
                last_fault: record.and_then(|record| record.last_fault),
                via: None,
                paused: None,
                nodes: epochs.collect::<BTreeSet<_>>().len(),
                software: software
                    .map(|ready| ready.software.clone())
                    .or_else(|| record.map(|record| record.software.clone()))
                    .unwrap_or_default(),
            }
        };
        directory.hubs.iter().map(line).collect()
    }
}
