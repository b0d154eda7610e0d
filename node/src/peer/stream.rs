//! Drives one sync session over a gRPC stream, in either direction.
//!
//! One task per stream, and in it one thing at a time: stop, send, tell, wait, receive. What goes out waits in a channel
//! of four frames; the session is asked for more data only when that channel takes it, so a slow peer costs four
//! batches and no more.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use interhub_domain::envelope::{Envelope, Kind};
use interhub_domain::frontier::RowKey;
use interhub_domain::ids::{HeaderHash, HubId, NetworkId};
use interhub_domain::session::{Effect, Event, Farewell, Frame, Local, Notice, PROTOCOL_MAX, PROTOCOL_MIN, Session};
use interhub_proto::v1;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{sleep_until, timeout};
use tonic::Streaming;

use super::convert::{frame_from_proto, frame_to_proto};
use super::links::Place;
use super::net::Net;
use super::{Change, NotHeld, Shared, now};
use crate::task::TaskContext;

/// Frames on their way to the network.
pub(super) const OUT_FRAMES: usize = 4;
/// Frames of the session's own making (digests, rows) that wait for those: a peer that reads nothing is let go.
const MAX_WAITING: usize = 64;
/// A Goodbye may take so long to leave.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The lag is counted this often at most, because it looks at every row.
const LAG_EVERY: Duration = Duration::from_millis(100);

/// How a stream ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Why.
    pub(super) code: Farewell,
    /// In words.
    pub(super) reason: String,
    /// Whether both sides had said Hello.
    pub(super) was_open: bool,
}

/// One stream, before and while it runs.
pub(super) struct Stream<N> {
    shared: Arc<Shared<N>>,
    peer: HubId,
    key: [u8; 32],
    session: Session,
    place: Place,
    out: mpsc::Sender<v1::Frame>,
    waiting: VecDeque<Frame>,
    /// The session was told that it may send data, and has not done so.
    told_writable: bool,
    changes: broadcast::Receiver<Change>,
    streams: watch::Receiver<BTreeSet<HubId>>,
    lag_at: tokio::time::Instant,
    lag_moved: bool,
    was_open: bool,
    /// Whether the peer belonged to the network when it was last looked at.
    belonged: bool,
    ended: Option<Ended>,
}

impl<N: Net> Stream<N> {
    /// A stream with the hub that owns `key`. Its Hello is in the channel when this returns, so that it leaves with the
    /// call itself.
    pub(super) async fn open(
        shared: &Arc<Shared<N>>,
        network: NetworkId,
        (peer, key): (HubId, [u8; 32]),
        place: Place,
        out: mpsc::Sender<v1::Frame>,
    ) -> Self {
        let identity = shared.host.identity();
        let local = Local {
            network,
            hub: identity.hub,
            epoch: identity.epoch,
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            software: shared.options.software.clone(),
        };
        // First the ears, then the look around: what changes in between is heard.
        let changes = shared.host.changes();
        let mut streams = shared.links.connected();
        let hubs = streams.borrow_and_update().clone();
        let directory = shared.host.directory();
        let access = directory.access.clone();
        let session = Session::new(
            local,
            peer,
            access.clone(),
            &shared.host.frontier(),
            &hubs,
            shared.millis(),
        );
        let mut stream = Self {
            shared: shared.clone(),
            peer,
            key,
            session,
            place,
            out,
            waiting: VecDeque::new(),
            told_writable: false,
            changes,
            streams,
            lag_at: now(),
            lag_moved: false,
            was_open: false,
            belonged: directory.access.is_active(peer),
            ended: None,
        };
        stream.apply(Event::Opened).await;
        stream.send_now();
        stream
    }

    /// Runs until either side ends it, or the node stops.
    pub(super) async fn run(mut self, mut inbound: Streaming<v1::Frame>, context: &TaskContext) -> Ended {
        let replaced = self.place.replaced();
        let out = self.out.clone();
        while self.ended.is_none() {
            let wake_at = self.wake_at();
            let event = tokio::select! {
                biased;
                () = context.cancelled() => Event::Stop(Farewell::Stopping, "the node is stopping".to_owned()),
                () = replaced.cancelled() => {
                    Event::Stop(Farewell::Duplicate, "another stream of this pair is kept".to_owned())
                }
                permit = out.reserve(), if !self.waiting.is_empty() || !self.told_writable => {
                    match (permit, self.waiting.pop_front()) {
                        (Err(_), _) => {
                            self.lost("the connection is gone");
                            continue;
                        }
                        (Ok(permit), Some(frame)) => {
                            permit.send(frame_to_proto(&frame));
                            continue;
                        }
                        (Ok(_), None) => {
                            self.told_writable = true;
                            Event::Writable
                        }
                    }
                }
                change = self.changes.recv() => self.changed(change),
                Ok(()) = self.streams.changed() => Event::StreamsChanged(self.streams.borrow_and_update().clone()),
                () = sleep_until(wake_at) => Event::Tick,
                received = inbound.message() => match self.received(received) {
                    Some(event) => event,
                    None => continue,
                },
            };
            self.apply(event).await;
        }
        drop(out);
        self.part(inbound).await
    }

    /// When the session, or the count of the lag, wants attention next.
    fn wake_at(&self) -> tokio::time::Instant {
        let tick = self
            .session
            .next_tick()
            .map_or_else(|| now() + LAST_WORDS, |at| self.shared.instant(at));
        if self.lag_moved { tick.min(self.lag_at) } else { tick }
    }

    /// Counts the lag, unless that was done a moment ago; then it is done a moment later.
    fn count_lag(&mut self) {
        self.lag_moved = now() < self.lag_at;
        if !self.lag_moved {
            self.place.lags(self.session.lag_envelopes());
            self.lag_at = now() + LAG_EVERY;
        }
    }

    fn changed(&mut self, change: Result<Change, broadcast::error::RecvError>) -> Event {
        match change {
            Ok(Change::Heads(rows)) => Event::Heads(rows.to_vec()),
            Ok(Change::Beacon(hub, beacon)) => Event::Beacon(hub, (*beacon).clone()),
            Ok(Change::Proved(proofs)) => Event::Proved(proofs.to_vec()),
            Ok(Change::Erased(tombstone, sum)) => Event::Erased(tombstone, sum),
            Ok(Change::ForcedOut) => Event::ForcedOut,
            Ok(Change::Roster) | Err(broadcast::error::RecvError::Lagged(_)) => self.roster_changed(),
            Err(broadcast::error::RecvError::Closed) => {
                Event::Stop(Farewell::Stopping, "the node is stopping".to_owned())
            }
        }
    }

    /// What the session is to know of who belongs and who may see what.
    fn roster_changed(&mut self) -> Event {
        let directory = self.shared.host.directory();
        if directory
            .hubs
            .get(&self.peer)
            .is_none_or(|contact| contact.key != self.key)
        {
            let reason = "the key of this stream is no longer in the registry".to_owned();
            return Event::Stop(Farewell::NotMember, reason);
        }
        let belongs = directory.access.is_active(self.peer);
        if std::mem::replace(&mut self.belonged, belongs) && !belongs {
            let reason = "this hub is out of the network; it is served the registry when it calls again";
            return Event::Stop(Farewell::NotMember, reason.to_owned());
        }
        self.access_now()
    }

    fn access_now(&self) -> Event {
        Event::Access(self.shared.host.access(), self.shared.host.frontier())
    }

    /// What was read of the store just now: nothing of it goes to a peer that was removed meanwhile and whose session does not
    /// know yet. Some of it may have been written since.
    fn read(&mut self, read: Event, events: &mut VecDeque<Event>) {
        let is_out = self.belonged && !self.shared.host.access().is_active(self.peer);
        events.push_back(if is_out { self.roster_changed() } else { read });
    }

    fn received(&mut self, received: Result<Option<v1::Frame>, tonic::Status>) -> Option<Event> {
        self.place.heard(self.shared.clock.now_ms());
        match received {
            Ok(Some(frame)) => match frame_from_proto(frame) {
                Ok(frame) => Some(Event::Received(frame)),
                Err(error) => Some(Event::Stop(Farewell::Protocol, error.to_string())),
            },
            Ok(None) => {
                self.lost("the peer closed the stream");
                None
            }
            Err(status) => {
                self.lost(&words_of(&status));
                None
            }
        }
    }

    /// The stream is gone; there is nobody to say Goodbye to.
    fn lost(&mut self, reason: &str) {
        let reason = reason.to_owned();
        self.ended = Some(Ended {
            code: Farewell::Stopping,
            reason,
            was_open: self.was_open,
        });
    }

    /// Gives one event to the session, and does what it wants, which may make further events.
    async fn apply(&mut self, event: Event) {
        let idle = matches!(event, Event::Tick | Event::Writable);
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.session.handle(event, self.shared.millis()) {
                match effect {
                    Effect::Send(frame) => self.queue(frame),
                    Effect::ReadLog {
                        row,
                        from_seq,
                        max_bytes,
                        max_count,
                    } => {
                        let read = self.shared.host.read_log(row, from_seq, max_bytes, max_count);
                        self.read(Event::Read(row, read), &mut events);
                    }
                    Effect::ReadTombstones {
                        wanted,
                        skip,
                        max_bytes,
                    } => {
                        let (envelopes, more) = self.shared.host.read_tombstones(&wanted, skip, max_bytes);
                        self.read(Event::Tombstones { envelopes, more }, &mut events);
                    }
                    Effect::Take(envelopes) => {
                        let opens = envelopes.iter().any(opens_a_group);
                        let taken = self.take(envelopes).await;
                        if opens {
                            // A group that was learnt is to be known before its rows are acknowledged.
                            events.push_back(self.access_now());
                        }
                        events.extend(taken);
                    }
                    Effect::ReadBeacons => self.read(Event::Beacons(self.shared.host.beacons()), &mut events),
                    Effect::TakeBeacon(beacon) => self.shared.host.take_beacon(self.peer, &beacon),
                    Effect::ReadAsked => {
                        let asked = self.shared.host.asked_of(self.peer);
                        self.read(Event::Asking(asked), &mut events);
                    }
                    Effect::ReadReceipts(asked) => {
                        events.push_back(Event::Receipts(self.shared.host.receipts_for(&asked)));
                    }
                    Effect::TakeReceipts(receipts) => self.shared.host.take_receipts(self.peer, &receipts),
                    Effect::ReadProofs => events.push_back(Event::Proofs(self.shared.host.proofs())),
                    Effect::TakeProofs(proofs) => {
                        self.shared.host.take_proofs(self.peer, &proofs);
                        // What they cut is to be known before the next frame is read.
                        events.push_back(self.access_now());
                    }
                    Effect::ReadHeader(row, seq) => {
                        let header = self.shared.host.header_at(row, seq).map(Box::new);
                        self.read(Event::Header(row, seq, header), &mut events);
                    }
                    Effect::CompareHeader(theirs) => {
                        let (row, seq) = (row_of(&theirs), theirs.header.seq);
                        let own = self.shared.host.header_at(row, seq);
                        let same = own.is_some_and(|own| own.header == theirs.header);
                        events.push_back(Event::Compared(row, seq, same));
                    }
                    Effect::Prove(theirs) => self.shared.host.prove(self.peer, &theirs),
                    Effect::Ready {
                        epoch,
                        version,
                        software,
                    } => {
                        tracing::info!(hub = %self.peer.short(), %epoch, version, "stream open");
                        self.was_open = true;
                        if !self.place.ready(epoch, software) {
                            let reason = "another stream of this pair is kept".to_owned();
                            events.push_back(Event::Stop(Farewell::Duplicate, reason));
                        }
                    }
                    Effect::Equal => self.shared.host.equal(self.peer),
                    Effect::Report(notice) => self.report(&notice),
                    Effect::Close { code, reason, .. } => {
                        self.ended = Some(Ended {
                            code,
                            reason,
                            was_open: self.was_open,
                        });
                    }
                }
            }
        }
        if !idle || self.lag_moved {
            self.count_lag();
        }
    }

    /// Counts what was not held by the peer's own fault; the log has the first and ever fewer.
    fn at_fault(&self, what: &'static str) {
        if self.shared.links.at_fault(self.peer, what).is_power_of_two() {
            tracing::warn!(peer = %self.peer.short(), what, "peer delivered an envelope that cannot be held");
        }
    }

    /// Tells the host; of security events, which a peer can make as many of as it likes, the first and ever fewer.
    fn report(&self, notice: &Notice) {
        if let Notice::Breach { what, .. } = notice {
            let count = self.shared.links.breached(self.peer, what);
            if !count.is_power_of_two() {
                return;
            }
        }
        if let Notice::Unproved(_) = notice {
            self.at_fault("it contradicts a log, and no signed header shows how");
        }
        self.shared.host.report(self.peer, notice);
    }

    fn queue(&mut self, frame: Frame) {
        if matches!(frame, Frame::Envelopes(_) | Frame::Rows { complete: false, .. }) {
            self.told_writable = false;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.lost("the peer reads nothing");
            return;
        }
        self.waiting.push_back(frame);
    }

    async fn take(&mut self, envelopes: Vec<Envelope>) -> Option<Event> {
        let (host, peer) = (self.shared.host.clone(), self.peer);
        let rows: Vec<_> = envelopes
            .iter()
            .map(|envelope| (envelope.hash(), row_of(envelope)))
            .collect();
        let taken = self
            .shared
            .tasks
            .blocking("take envelopes", move || host.take(peer, envelopes))
            .await;
        match taken {
            Ok(taken) => {
                let gap = taken
                    .refused
                    .iter()
                    .any(|(_, why)| matches!(why, NotHeld::Gap | NotHeld::UnknownHub));
                let fork = |(hash, why): &(HeaderHash, NotHeld)| {
                    let NotHeld::Fork(differs_at) = why else { return None };
                    let (_, row) = rows.iter().find(|(known, _)| known == hash)?;
                    Some((*row, *differs_at))
                };
                let forked: Vec<_> = taken.refused.iter().filter_map(fork).collect();
                for (hash, why) in &taken.refused {
                    let row = rows.iter().find(|(known, _)| known == hash).map(|(_, row)| *row);
                    if let NotHeld::Fault(what) = why {
                        self.at_fault(what);
                    }
                    if let (NotHeld::Breach(what), Some(row)) = (why, row) {
                        self.report(&Notice::Breach {
                            log: row.log,
                            hub: row.hub,
                            what,
                        });
                    }
                }
                Some(Event::Taken {
                    rows: taken.rows,
                    gap,
                    forked,
                })
            }
            Err(error) => {
                self.lost(&error.to_string());
                None
            }
        }
    }

    /// Sends what the channel takes without waiting.
    fn send_now(&mut self) {
        while let Some(frame) = self.waiting.front()
            && self.out.try_send(frame_to_proto(frame)).is_ok()
        {
            self.waiting.pop_front();
        }
    }

    /// Lets the last frames leave, then hangs up.
    async fn part(self, mut inbound: Streaming<v1::Frame>) -> Ended {
        let Self {
            out,
            waiting,
            ended,
            was_open,
            place,
            ..
        } = self;
        // From here on this stream counts for nothing, whatever the line does.
        drop(place);
        let farewell = async move {
            for frame in &waiting {
                if out.send(frame_to_proto(frame)).await.is_err() {
                    return;
                }
            }
            drop(out);
            while let Ok(Some(_)) = inbound.message().await {}
        };
        // A peer that does not hang up within this time is hung up on.
        let _ = timeout(LAST_WORDS, farewell).await;
        ended.unwrap_or(Ended {
            code: Farewell::Stopping,
            reason: "the stream ended".to_owned(),
            was_open,
        })
    }
}

/// Whether it may be the first envelope of a group's log.
fn opens_a_group(envelope: &Envelope) -> bool {
    envelope.header.kind == Kind::Open && !envelope.header.log.is_shared()
}

fn row_of(envelope: &Envelope) -> RowKey {
    let header = &envelope.header;
    RowKey {
        log: header.log,
        hub: header.hub,
        epoch: header.epoch,
    }
}

/// A gRPC status for people: its message, or the causes below it.
pub(super) fn words_of(status: &tonic::Status) -> String {
    let source = std::error::Error::source(status);
    match (status.message().is_empty(), source) {
        (true, Some(source)) => super::connect::in_words(source),
        (true, None) => status.code().to_string(),
        (false, _) => status.message().to_owned(),
    }
}
