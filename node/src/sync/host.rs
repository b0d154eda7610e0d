//! The ledger as the peers' side sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use interhub_domain::access::Access;
use interhub_domain::beacon::SignedBeacon;
use interhub_domain::envelope::Envelope;
use interhub_domain::frontier::{Frontier, RowKey};
use interhub_domain::ids::{HeaderHash, HubId, LogId, ObjectId};
use interhub_domain::receipt::SignedReceipt;
use interhub_domain::registry::{Member, Standing};
use interhub_domain::session::{self, Proof, Tombstones};
use tokio::sync::broadcast;

use super::cuts::row_of;
use super::intake::Refused;
use super::ledger::{Ledger, Notice};
use crate::peer::{Change, Contact, Directory, Host, Identity, JoinRefused, JoinRequest, Joined, NotHeld, Taken};
use crate::store::catalogue;
use crate::store::catalogue::document::{TombstoneKey, WholeEnvelope};
use crate::store::catalogue::log::{BeyondKey, PositionKey};
use crate::store::{Direction, Family};

/// Changes a session may fall behind before it reads everything anew.
const CHANGES_BUFFER: usize = 1_024;

/// A ledger for sessions to ask, with its notices turned into theirs.
pub struct LedgerHost {
    ledger: Arc<Ledger>,
    changes: broadcast::Sender<Change>,
}

impl LedgerHost {
    /// Wraps a ledger. [`LedgerHost::forward`] has to run for sessions to hear of changes.
    pub fn new(ledger: Arc<Ledger>) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            changes: broadcast::channel(CHANGES_BUFFER).0,
        })
    }

    /// Whether a tombstone lies neither in a log that is held nor beyond the end of one: it came ahead. What cannot be looked up
    /// now is taken for that; it is sent once more than it need be.
    fn is_in_no_row(&self, tombstone: &Envelope) -> bool {
        let (store, hash) = (&*self.ledger.store, tombstone.hash());
        let beyond = BeyondKey {
            row: row_of(&tombstone.header),
            hash,
        };
        let is_held = catalogue::contains(store, &PositionKey(hash)).unwrap_or(false)
            || catalogue::contains(store, &beyond).unwrap_or(false);
        !is_held
    }

    /// Passes on what changes, until the ledger is gone.
    pub async fn forward(self: Arc<Self>, mut notices: broadcast::Receiver<Notice>) {
        loop {
            let change = match notices.recv().await {
                Ok(Notice::Heads(rows)) => Change::Heads(rows),
                // Whoever fell behind reads everything anew, which a change of roster makes them do.
                Ok(Notice::Roster) | Err(broadcast::error::RecvError::Lagged(_)) => Change::Roster,
                Ok(Notice::Proved(proofs)) => Change::Proved(proofs),
                Ok(Notice::Beacon(hub, beacon)) => Change::Beacon(hub, beacon),
                Ok(Notice::Tombstone(tombstone, sum)) => Change::Erased(tombstone, sum),
                Ok(Notice::ForcedOut) => Change::ForcedOut,
                Ok(Notice::Changed | Notice::Erased) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            };
            // Without sessions there is nobody to tell.
            let _ = self.changes.send(change);
        }
    }
}

/// Envelopes after the first `skip`, as many as fit.
struct Page {
    skip: usize,
    max_bytes: usize,
    bytes: usize,
    envelopes: Vec<Envelope>,
    more: bool,
}

impl Page {
    const fn new(skip: usize, max_bytes: usize) -> Self {
        Self {
            skip,
            max_bytes,
            bytes: 0,
            envelopes: Vec::new(),
            more: false,
        }
    }

    fn add(&mut self, envelope: Envelope) -> ControlFlow<()> {
        if self.more {
            return ControlFlow::Break(());
        }
        if self.skip > 0 {
            self.skip -= 1;
            return ControlFlow::Continue(());
        }
        self.bytes += envelope.wire_len();
        if self.bytes > self.max_bytes && !self.envelopes.is_empty() {
            self.more = true;
            return ControlFlow::Break(());
        }
        self.envelopes.push(envelope);
        ControlFlow::Continue(())
    }
}

impl Host for LedgerHost {
    fn identity(&self) -> Identity {
        Identity {
            hub: self.ledger.own_id(),
            epoch: self.ledger.epoch(),
            network: self.ledger.network(),
        }
    }

    fn directory(&self) -> Arc<Directory> {
        let roster = self.ledger.roster();
        let own = self.ledger.own_id();
        let blocked = self.ledger.blocked();
        // A hub that was removed, left, or waits for a place, calls too: for the registry, in which that may change, and for
        // what it is to erase.
        let own_calls = roster.members.contains_key(&own);
        // Under another key than its first, this hub may be known to nobody who calls it by the one of before. It calls those
        // that are gone, too: they may have come back since, and be all that is left to be told. The same goes for a hub to
        // which all others are gone: if one came back while it was away, nobody else tells it.
        let is_other = |member: &Member| member.id != own && member.standing == Standing::Active;
        let calls_the_gone = self.ledger.key_number != 0 || !roster.members.values().any(is_other);
        let hubs: BTreeMap<HubId, Contact> = roster
            .members
            .values()
            .filter(|member| !blocked.contains(&member.id))
            .map(|member| {
                let contact = Contact {
                    slug: member.shown_slug.clone(),
                    key: member.current_key().0,
                    address: member.address.clone(),
                    dial: own_calls
                        && member.id != own
                        && (member.standing == Standing::Active || calls_the_gone)
                        && !member.address.is_empty(),
                };
                (member.id, contact)
            })
            .collect();
        let current: BTreeSet<[u8; 32]> = hubs.values().map(|contact| contact.key).collect();
        let all = roster.members.values().flat_map(|member| member.keys.all().copied());
        Arc::new(Directory {
            access: self.ledger.access(),
            former: all.filter(|key| !current.contains(key)).collect(),
            hubs,
        })
    }

    fn access(&self) -> Arc<Access> {
        self.ledger.access()
    }

    fn frontier(&self) -> Frontier {
        self.ledger.frontier()
    }

    fn read_log(&self, row: RowKey, from_seq: u64, max_bytes: usize, max_count: usize) -> Vec<Envelope> {
        let read = self.ledger.read_log(row, from_seq, max_bytes, max_count);
        let covered = read.and_then(|envelopes| self.ledger.with_tombstones(envelopes, max_bytes));
        covered.unwrap_or_else(|error| {
            tracing::error!(%error, "log could not be read");
            Vec::new()
        })
    }

    fn read_tombstones(&self, wanted: &Tombstones, skip: usize, max_bytes: usize) -> (Vec<Envelope>, bool) {
        let (Tombstones::Lacking(lacking) | Tombstones::Ahead(lacking) | Tombstones::All(lacking)) = wanted;
        let lacking: BTreeMap<RowKey, u64> = lacking.iter().copied().collect();
        let mut page = Page::new(skip, max_bytes);
        let visit = |_: TombstoneKey, tombstone: WholeEnvelope| {
            let tombstone = tombstone.envelope();
            let header = &tombstone.header;
            let lacks = || lacking.get(&row_of(header)).is_some_and(|from| header.seq >= *from);
            let is_wanted = match wanted {
                Tombstones::All(_) => header.log != LogId::LOCAL,
                Tombstones::Lacking(_) => lacks(),
                Tombstones::Ahead(_) => header.log != LogId::LOCAL && (lacks() || self.is_in_no_row(&tombstone)),
            };
            if !is_wanted {
                return ControlFlow::Continue(());
            }
            page.add(tombstone)
        };
        let store = &*self.ledger.store;
        if let Err(error) = catalogue::scan_prefix(store, Family::Tombstone, &[], Direction::Forward, visit) {
            tracing::error!(%error, "tombstones could not be read");
        }
        // Beyond the end of a cut log everything that stands alone goes with the tombstones.
        let cuts = self.ledger.cuts();
        for row in lacking.keys().filter(|row| cuts.end(row).is_some()) {
            match self.ledger.beyond_of(row) {
                Ok(envelopes) => {
                    let fits = envelopes.into_iter().try_for_each(|envelope| page.add(envelope));
                    if fits.is_break() {
                        break;
                    }
                }
                Err(error) => tracing::error!(%error, "what lies beyond a cut could not be read"),
            }
        }
        (page.envelopes, page.more)
    }

    fn beacons(&self) -> Vec<(HubId, SignedBeacon)> {
        self.ledger.beacons()
    }

    fn take_beacon(&self, from: HubId, beacon: &SignedBeacon) {
        if let Err(error) = self.ledger.take_beacon(beacon) {
            tracing::error!(peer = %from.short(), %error, "a beacon could not be stored");
        }
    }

    fn asked_of(&self, peer: HubId) -> Vec<(ObjectId, HeaderHash)> {
        self.ledger.asked_of(peer)
    }

    fn receipts_for(&self, asked: &[(ObjectId, HeaderHash)]) -> Vec<(HeaderHash, SignedReceipt)> {
        self.ledger.receipts_for(asked).unwrap_or_else(|error| {
            tracing::error!(%error, "receipts could not be signed");
            Vec::new()
        })
    }

    fn take_receipts(&self, from: HubId, receipts: &[SignedReceipt]) {
        if let Err(error) = self.ledger.take_receipts(receipts) {
            tracing::error!(peer = %from.short(), %error, "a receipt could not be stored");
        }
    }

    fn proofs(&self) -> Vec<Proof> {
        self.ledger.proofs()
    }

    fn take_proofs(&self, from: HubId, proofs: &[Proof]) {
        if let Err(error) = self.ledger.take_proofs(proofs) {
            tracing::error!(peer = %from.short(), %error, "proofs could not be stored");
        }
    }

    fn header_at(&self, row: RowKey, seq: u64) -> Option<Envelope> {
        self.ledger.header_at(row, seq).unwrap_or_else(|error| {
            tracing::error!(%error, "log could not be read");
            None
        })
    }

    fn prove(&self, from: HubId, theirs: &Envelope) {
        match self.ledger.prove(theirs) {
            Ok(news) if news.is_empty() => {
                tracing::warn!(peer = %from.short(), "peer showed a header that proves nothing");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(peer = %from.short(), %error, "a proof could not be stored"),
        }
    }

    fn take(&self, from: HubId, envelopes: Vec<Envelope>) -> Taken {
        let (rows, refused) = match self.ledger.take_from(Some(from), &envelopes) {
            Ok(taken) => taken,
            Err(error) => {
                tracing::error!(peer = %from.short(), %error, "envelopes could not be stored");
                return Taken::default();
            }
        };
        let why = |refused| match refused {
            // What cannot be judged now is asked for again as what comes after a gap: soon, then less and less often.
            Refused::Gap | Refused::NotNow => NotHeld::Gap,
            Refused::UnknownHub => NotHeld::UnknownHub,
            Refused::Fork(differs_at) => NotHeld::Fork(differs_at),
            Refused::Fault(what) => NotHeld::Fault(what),
            Refused::Breach(what) => NotHeld::Breach(what),
        };
        Taken {
            rows,
            refused: refused
                .into_iter()
                .map(|(hash, refused)| (hash, why(refused)))
                .collect(),
        }
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn equal(&self, peer: HubId) {
        // With a hub that is gone nothing is compared that could be fresh.
        if self.ledger.access().is_gone_between(peer) {
            return;
        }
        if let Err(error) = self.ledger.mark_as_of(peer) {
            tracing::error!(%error, "freshness could not be stored");
        }
        self.ledger.replay_now();
        // First what is to go, then that members may be shown.
        if let Err(error) = self.ledger.erase_orphans() {
            tracing::error!(%error, "records of members whose card was erased could not be erased");
        } else if let Err(error) = self.ledger.heard_of_erasures() {
            tracing::error!(%error, "that this folder is up to date could not be stored");
        }
        if let Err(error) = self.ledger.bring_back() {
            tracing::error!(%error, "own events that were taken elsewhere could not be looked for");
        }
    }

    fn report(&self, peer: HubId, notice: &session::Notice) {
        let peer = peer.short();
        match notice {
            session::Notice::Breach { log, hub, what } => {
                tracing::warn!(%peer, author = %hub.short(), log = %log.short(), what, "breach");
            }
            session::Notice::Forked(row) => {
                tracing::warn!(%peer, author = %row.hub.short(), log = %row.log.short(), "forked log");
            }
            session::Notice::Unproved(row) => {
                tracing::warn!(
                    %peer, author = %row.hub.short(), log = %row.log.short(),
                    "peer delivered what contradicts a log, and shows no signed header for it"
                );
            }
            session::Notice::Regressed(row) => {
                tracing::info!(%peer, author = %row.hub.short(), "peer lost data");
            }
            session::Notice::Unreadable(row) => {
                tracing::error!(author = %row.hub.short(), log = %row.log.short(), "own log has a hole");
            }
        }
    }

    fn announcement(&self) -> Option<JoinRequest> {
        self.ledger.announcement()
    }

    fn learn_registry(&self, mut envelopes: Vec<Envelope>) {
        envelopes.retain(|envelope| envelope.header.log == LogId::REGISTRY);
        // Whoever answered has proved nothing about itself: it is nobody's delivery, and what is wrong with it nobody's fault.
        if let Err(error) = self.ledger.take_from(None, &envelopes) {
            tracing::error!(%error, "a registry could not be stored");
        }
    }

    fn join(&self, key: [u8; 32], request: JoinRequest) -> Result<Joined, JoinRefused> {
        if request.accept.is_empty() {
            let taken = self
                .ledger
                .take_admission(key, request.network, &request.admission)
                .and_then(|()| self.ledger.take_next_keys(key, request.network, &request.next_keys));
            let (registry, active) = taken.map_err(|error| JoinRefused(error.to_string()))?;
            return Ok(Joined { registry, active });
        }
        let admitted = self.ledger.admit(
            key,
            request.network,
            request.invitation_key,
            &request.invitation_signature,
            request.accept,
            request.accept_signature,
        );
        let (registry, active) = admitted.map_err(|error| JoinRefused(error.to_string()))?;
        Ok(Joined { registry, active })
    }
}
