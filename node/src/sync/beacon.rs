//! Beacons: signing the own ones, keeping the newest of every hub, and from them how fresh a hub's data is.

use std::sync::Arc;

use interhub_domain::beacon::{Beacon, SignedBeacon};
use interhub_domain::envelope::Header;
use interhub_domain::frontier::{Head, RowKey};
use interhub_domain::ids::{HeaderHash, HubId};

use super::cuts::row_of;
use super::hold::MAX_CLOCK_AHEAD_MS;
use super::ledger::{Inner, Ledger, LedgerError, Notice};
use crate::store::catalogue::document::SignedBytes;
use crate::store::catalogue::network::BeaconKey;
use crate::store::{Batch, Direction, Family, catalogue};

/// A hub's next beacon is taken only so long after the last one: honest ones come every five minutes, and each costs a
/// signature check and a frame to every other peer. Milliseconds.
const MIN_APART_MS: i64 = 10_000;

/// The newest beacon of a hub.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    signed: SignedBeacon,
    beacon: Beacon,
    received_ms: i64,
    /// Everything it names is held.
    held: bool,
    /// The time of the last beacon that its hub signed while its clock was ahead, and that a later one took the place of.
    taken_back_ms: i64,
}

impl Kept {
    /// What the hub's data is as of, once everything it names is held. A clock that is ahead gives the time of receipt.
    fn as_of_ms(&self) -> i64 {
        self.beacon.at_ms.min(self.received_ms)
    }

    /// By how much its hub's clock was ahead of this one's, if further than clocks err. Milliseconds.
    fn ahead_ms(&self) -> Option<i64> {
        let ahead_ms = self.beacon.at_ms.saturating_sub(self.received_ms);
        (ahead_ms > MAX_CLOCK_AHEAD_MS).then_some(ahead_ms)
    }

    /// Whether a beacon that says this time is a later one than this. A clock that was ahead is put right some day, and what
    /// is said after that counts, though it claims to be earlier.
    fn is_before(&self, at_ms: i64, now_ms: i64) -> bool {
        let is_ahead = at_ms > now_ms.saturating_add(MAX_CLOCK_AHEAD_MS);
        if at_ms > self.beacon.at_ms {
            return !is_ahead || at_ms > self.taken_back_ms;
        }
        let was_put_right = self.ahead_ms().is_some() && !is_ahead;
        was_put_right && at_ms != self.beacon.at_ms && at_ms > self.as_of_ms()
    }
}

impl Ledger {
    /// Signs what the own shared logs end with now, and passes it to every session. `None` without a network.
    pub fn sign_beacon(&self) -> Result<Option<HubId>, LedgerError> {
        let Some(network) = self.network() else { return Ok(None) };
        let mut inner = self.lock();
        if !inner.roster.is_active(self.own_id()) {
            return Ok(None);
        }
        let heads: Vec<(RowKey, Head)> = inner
            .held
            .rows()
            .filter(|(row, head)| {
                row.hub == self.own_id() && row.log.is_shared() && inner.named.last_named(row) != Some(head.seq)
            })
            .collect();
        let (key_number, key) = self.signing_key(&inner);
        let beacon = Beacon {
            hub: self.own_id(),
            key_number,
            at_ms: self.clock.now_ms(),
            heads,
        };
        let signed = beacon.sign(network, key);
        self.keep_beacon(&mut inner, signed, beacon)?;
        Ok(Some(self.own_id()))
    }

    /// Takes a beacon if it is the newest of its hub. Returns whether it was.
    pub fn take_beacon(&self, signed: &SignedBeacon) -> Result<bool, LedgerError> {
        let Some(network) = self.network() else {
            return Ok(false);
        };
        let mut inner = self.lock();
        let Ok(unchecked) = signed.read(network) else {
            return Ok(false);
        };
        let now_ms = self.clock.now_ms();
        if let Some(known) = inner.beacons.get(&unchecked.hub) {
            let since = now_ms.saturating_sub(known.received_ms);
            if !known.is_before(unchecked.at_ms, now_ms) || (0..MIN_APART_MS).contains(&since) {
                return Ok(false);
            }
        }
        let roster = inner.roster.clone();
        match signed.check(network, |hub, number| roster.beacon_key(hub, number)) {
            Ok(beacon) => {
                self.keep_beacon(&mut inner, signed.clone(), beacon)?;
                Ok(true)
            }
            Err(error) => {
                tracing::debug!(author = %unchecked.hub.short(), %error, "beacon not taken");
                Ok(false)
            }
        }
    }

    fn keep_beacon(&self, inner: &mut Inner, signed: SignedBeacon, beacon: Beacon) -> Result<(), LedgerError> {
        let (hub, received_ms) = (beacon.hub, self.clock.now_ms());
        let mut batch = Batch::new();
        let row = SignedBytes {
            received_ms,
            key_number: beacon.key_number,
            signature: signed.signature,
            bytes: signed.statement.clone(),
        };
        catalogue::put(&mut batch, &BeaconKey(hub), &row);
        self.commit(&batch)?;
        let mut kept = Kept {
            signed: signed.clone(),
            beacon,
            received_ms,
            held: false,
            taken_back_ms: i64::MIN,
        };
        let known = inner.beacons.get(&hub);
        if let Some(known) = known {
            kept.taken_back_ms = known.taken_back_ms;
            if kept.beacon.at_ms < known.beacon.at_ms {
                kept.taken_back_ms = kept.taken_back_ms.max(known.beacon.at_ms);
            }
        }
        match (known.and_then(Kept::ahead_ms), kept.ahead_ms()) {
            (None, Some(ahead_ms)) => {
                tracing::warn!(hub = %hub.short(), ahead_ms, "the clock of this hub is ahead of this one's");
            }
            (Some(_), None) => tracing::info!(hub = %hub.short(), "the clock of this hub is right again"),
            _ => {}
        }
        inner.beacons.insert(hub, kept);
        self.check_beacon(inner, hub);
        self.notify(Notice::Beacon(hub, Arc::new(signed)));
        Ok(())
    }

    /// By how much the clock of a hub is ahead of this one's, Unix milliseconds, as its newest beacon tells, whoever passed
    /// that on; `None` up to ten minutes.
    pub fn clock_ahead_ms(&self, hub: HubId) -> Option<i64> {
        self.lock().beacons.get(&hub).and_then(Kept::ahead_ms)
    }

    /// The newest beacon of every hub.
    pub fn beacons(&self) -> Vec<(HubId, SignedBeacon)> {
        let inner = self.lock();
        let all = inner.beacons.iter();
        all.map(|(hub, kept)| (*hub, kept.signed.clone())).collect()
    }

    /// An envelope was held: perhaps the last that a beacon names.
    pub(super) fn beacon_progress(&self, inner: &mut Inner, header: &Header) {
        let row = row_of(header);
        let waits = inner.beacons.get(&header.hub).is_some_and(|kept| !kept.held);
        if waits && row.log.is_shared() {
            self.check_beacon(inner, header.hub);
        }
    }

    /// Whether everything a hub's newest beacon names, and everything its `open`s name, is held.
    fn check_beacon(&self, inner: &mut Inner, hub: HubId) {
        let Some(kept) = inner.beacons.get(&hub) else {
            return;
        };
        let cuts = self.cuts();
        // Most of the time the first head is still missing: that needs no look at the store.
        let reached = |row: &RowKey, seq: u64| inner.held.head(row).is_some_and(|head| head.seq >= seq);
        let within = |row: &RowKey, seq: u64| cuts.end(row).is_some_and(|end| seq >= end) || reached(row, seq);
        let all_reached = kept.beacon.heads.iter().all(|(row, head)| within(row, head.seq))
            && inner
                .named
                .ends_of(hub)
                .filter(|(row, _)| row.log.is_shared())
                .all(|(row, seq)| within(row, seq));
        if !all_reached {
            return;
        }
        let hash_at = |row: &RowKey, seq: u64| -> Option<HeaderHash> {
            match inner.held.head(row) {
                Some(head) if head.seq == seq => Some(head.hash),
                _ => match self.header_at(*row, seq) {
                    Ok(header) => header.map(|header| header.hash()),
                    Err(error) => {
                        tracing::error!(%error, "log could not be read");
                        None
                    }
                },
            }
        };
        let held = kept.beacon.is_held(hash_at, |row| cuts.end(row));
        let as_of_ms = kept.as_of_ms();
        if held {
            if let Some(kept) = inner.beacons.get_mut(&hub) {
                kept.held = true;
            }
            let known = inner.as_of_ms.entry(hub).or_insert(as_of_ms);
            *known = (*known).max(as_of_ms);
        }
    }

    /// Reads what is kept. Logs, cuts and the roster are known by now.
    pub(super) fn load_beacons(&self, inner: &mut Inner) -> Result<(), LedgerError> {
        let Some(network) = self.network() else { return Ok(()) };
        let mut found = Vec::new();
        let visit = |BeaconKey(hub), row: SignedBytes| {
            found.push((hub, row));
            std::ops::ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::Beacon, &[], Direction::Forward, visit)?;
        for (hub, row) in found {
            let signed = SignedBeacon {
                statement: row.bytes,
                signature: row.signature,
            };
            let Ok(beacon) = signed.read(network) else { continue };
            let kept = Kept {
                signed,
                beacon,
                received_ms: row.received_ms,
                held: false,
                taken_back_ms: i64::MIN,
            };
            inner.beacons.insert(hub, kept);
            self.check_beacon(inner, hub);
        }
        Ok(())
    }
}
