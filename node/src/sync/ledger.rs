//! The ledger: all logs of all hubs as this node holds them, and who belongs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use interhub_domain::access::Access;
use interhub_domain::beacon::SignedBeacon;
use interhub_domain::body::Said;
use interhub_domain::cut::{Cuts, Named};
use interhub_domain::document::{Counter, Unjudged};
use interhub_domain::envelope::{Envelope, SigningKey, public_key};
use interhub_domain::frontier::{Digest, Frontier, Head, RowKey};
use interhub_domain::group::Groups;
use interhub_domain::ids::{Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::object::SettleError;
use interhub_domain::profile::HubProfile;
use interhub_domain::registry::{HeldStatement, Roster, Standing, Taken, Unheard};
use interhub_domain::session::Proof;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::beacon::Kept;
use super::erase;
use super::keys::{KeyKeeper, RecoveryRecord, put_own_runs};
use super::receipts::Asking;
use super::records::Orphans;
use super::restored;
use super::watch;
use crate::clock::{SharedClock, random_bytes};
use crate::projection::member_index::MemberChanges;
use crate::projection::write::{ProjectionError, Projector};
use crate::store::catalogue;
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::{Batch, Direction, Family, Store, StoreError};

/// Changes a slow listener may fall behind before it reads everything anew.
const CHANGES_BUFFER: usize = 1_024;

/// The own hub: its keys, and what it says about itself.
#[derive(Clone)]
pub struct OwnHub {
    /// The key envelopes are signed with.
    pub key: SigningKey,
    /// Public half of the recovery key.
    pub recovery_key: [u8; 32],
    /// The slug asked for.
    pub slug: String,
    /// Where the node can be reached by others; empty behind NAT.
    pub address: String,
    /// The hub's own page.
    pub profile: HubProfile,
}

impl OwnHub {
    /// The public key.
    pub fn public_key(&self) -> [u8; 32] {
        public_key(&self.key)
    }

    /// The hub's id.
    pub fn id(&self) -> HubId {
        HubId::of_first_key(&self.public_key())
    }
}

/// What a ledger is made of.
pub struct LedgerOptions {
    /// Where everything is stored.
    pub store: Store,
    /// Time and randomness.
    pub clock: SharedClock,
    /// The own hub.
    pub own: OwnHub,
    /// How foreign changes are judged.
    pub counter: Box<dyn Counter>,
}

/// What can go wrong inside.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A projection failed.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// A foreign change could not be judged now. Nothing of it was written; it is asked for again.
    #[error(transparent)]
    Unjudged(Unjudged),
}

impl From<SettleError<StoreError>> for LedgerError {
    fn from(error: SettleError<StoreError>) -> Self {
        match error {
            SettleError::Room(error) => Self::Store(error),
            SettleError::Unjudged(unjudged) => Self::Unjudged(unjudged),
        }
    }
}

/// Something sessions and watchers have to know.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Rows advanced.
    Heads(Arc<[(RowKey, Head)]>),
    /// The roster, the own network, or where logs are cut, changed.
    Roster,
    /// Hubs signed two envelopes with one number: new proofs.
    Proved(Arc<[Proof]>),
    /// A hub's newer beacon.
    Beacon(HubId, Arc<SignedBeacon>),
    /// Something for watchers was written; see [`Ledger::changes_after`].
    Changed,
    /// A tombstone is kept from now on, and the sum over those of its log.
    Tombstone(Arc<Envelope>, Digest),
    /// Something was erased, and has to be forced out of the files; see [`Ledger::force_out`].
    Erased,
    /// What was erased is out of the files.
    ForcedOut,
}

/// What a ledger counts, for `interhub status`. Stored with every batch that changes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Documents that are shown.
    pub documents: u64,
    /// Envelopes that wait.
    pub waiting: u64,
    /// Envelopes refused.
    pub refused: u64,
    /// Envelopes void.
    pub void: u64,
    /// Documents that are stuck.
    pub stuck: u64,
}

/// All logs of all hubs as this node holds them. One writer at a time, any number of readers.
pub struct Ledger {
    pub(super) store: Store,
    pub(super) clock: SharedClock,
    pub(super) own: OwnHub,
    pub(super) own_id: HubId,
    /// The number of the key that own envelopes are signed with.
    pub(super) key_number: u16,
    /// Where a new own key is kept; absent for ledgers without a data folder.
    pub(super) keeper: OnceLock<Arc<dyn KeyKeeper>>,
    /// What a folder that looks for its hub has in place of one.
    pub(super) recovery: OnceLock<RecoveryRecord>,
    epoch: AtomicU64,
    pub(super) started_ms: i64,
    pub(super) network: OnceLock<NetworkId>,
    pub(super) counter: Box<dyn Counter>,
    pub(super) projector: Projector,
    /// A lock that is fair to whoever waits for longer than half a millisecond, so that the hub's own events pass a flood of
    /// foreign ones.
    pub(super) inner: parking_lot::Mutex<Inner>,
    /// Where logs are cut; replaced while `inner` is locked, read without it.
    pub(super) cuts: Mutex<Arc<Cuts>>,
    notices: broadcast::Sender<Notice>,
    written: AtomicU64,
    durable: Mutex<u64>,
    /// Held while the record of a member is read and written; taken before `inner`.
    pub editing_members: parking_lot::Mutex<()>,
}

/// What the writer keeps in memory; rebuilt from the store at every start.
pub(super) struct Inner {
    /// The last envelope held of every log.
    pub(super) held: Frontier,
    /// The same as it is exchanged: a cut log ends at its cut.
    pub(super) frontier: Frontier,
    /// Tombstones and statements held at or after the end of a cut log.
    pub(super) beyond: BTreeMap<RowKey, BTreeSet<HeaderHash>>,
    /// The proof with the lowest number of every forked log.
    pub(super) proofs: BTreeMap<RowKey, Proof>,
    /// What the `open`s held name.
    pub(super) named: Named,
    /// The store's documents were counted with other cuts than these: a rebuild is due.
    pub(super) cuts_outdated: bool,
    /// Documents a cut touched that could not be counted anew yet.
    pub(super) recount_due: BTreeSet<ObjectId>,
    /// Documents that may leave out own edits, still to be looked at.
    pub(super) left_out: BTreeSet<ObjectId>,
    /// This node and another one have held the same since the start.
    pub(super) exchanged: bool,
    pub(super) statements: Vec<HeldStatement>,
    pub(super) roster: Arc<Roster>,
    /// The statements that say nothing with this roster.
    pub(super) unheard: BTreeMap<HeaderHash, Unheard>,
    /// The decisions taken and since when, as they are stored.
    pub(super) taken_stored: Taken,
    /// The own node reads the registry of the network it enters: it says nothing by itself yet.
    pub(super) entering: bool,
    /// Hubs this one does not want to talk to.
    pub(super) blocked: BTreeSet<HubId>,
    pub(super) access: Arc<Access>,
    /// The last hybrid clock given out or seen.
    pub(super) hybrid: u64,
    pub(super) totals: Totals,
    /// The newest clock among each hub's envelopes, Unix milliseconds.
    pub(super) heard_ms: BTreeMap<HubId, i64>,
    /// The newest beacon of every hub.
    pub(super) beacons: BTreeMap<HubId, Kept>,
    /// Another node writes with this hub's key while this one runs.
    pub(super) another_node: bool,
    /// When everything a hub had published was last known to be here, Unix milliseconds.
    pub(super) as_of_ms: BTreeMap<HubId, i64>,
    /// The number the next change for watchers gets.
    pub(super) next_change: u64,
    /// The groups whose logs are held, by log id.
    pub(super) groups: Groups,
    /// Groups that this node has drawn and not written to yet: nobody is told of them.
    pub(super) new_groups: Groups,
    /// What was erased and may still be in the files.
    pub(super) to_force_out: Vec<(ObjectId, ThingId)>,
    /// What other hubs are asked to have erased.
    pub(super) asking: Asking,
    /// Records of members whose card was erased.
    pub(super) orphans: Orphans,
    /// This folder is a copy of one, and no other hub has told yet what was erased since it was made.
    pub(super) restored: bool,
    /// It is a copy, and may have been edited since by a folder that is lost.
    pub(super) was_copied: bool,
}

impl Ledger {
    /// Opens the ledger of a hub that signs with its first key.
    pub fn open(options: LedgerOptions) -> Result<Self, LedgerError> {
        let own = options.own.id();
        Self::open_as(options, own, 0)
    }

    /// Opens the ledger of a hub that signs with the key of this number: draws a new epoch, reads frontier and registry.
    pub fn open_as(options: LedgerOptions, own_id: HubId, key_number: u16) -> Result<Self, LedgerError> {
        let LedgerOptions {
            store,
            clock,
            own,
            counter,
        } = options;
        let now_ms = clock.now_ms();
        let epoch = draw_epoch(&clock);
        let projector = Projector::open(store.clone(), now_ms)?;
        let network = match catalogue::get(&*store, &MetaKey::Network)? {
            Some(MetaValue(bytes)) => NetworkId::from_slice(&bytes),
            None => None,
        };
        let roster = Arc::new(Roster::default());
        let access = Arc::new(Access::of_roster(
            network.unwrap_or(NetworkId::ZERO),
            own_id,
            &roster,
            &BTreeMap::new(),
        ));
        let copied = restored::copied(&*store)?;
        let inner = Inner {
            held: load_frontier(&store)?,
            frontier: Frontier::new(),
            beyond: BTreeMap::new(),
            proofs: BTreeMap::new(),
            named: Named::default(),
            cuts_outdated: false,
            recount_due: BTreeSet::new(),
            left_out: BTreeSet::new(),
            exchanged: false,
            statements: Vec::new(),
            roster,
            unheard: BTreeMap::new(),
            taken_stored: Taken::new(),
            entering: false,
            blocked: BTreeSet::new(),
            access,
            hybrid: 0,
            totals: Totals::default(),
            heard_ms: BTreeMap::new(),
            beacons: BTreeMap::new(),
            another_node: false,
            as_of_ms: BTreeMap::new(),
            next_change: watch::next_change(&store)?,
            groups: Groups::new(),
            new_groups: Groups::new(),
            to_force_out: erase::to_force_out(&store)?,
            asking: Asking::default(),
            orphans: Orphans::default(),
            restored: copied == Some(true),
            was_copied: copied.is_some(),
        };
        let known_network = OnceLock::new();
        if let Some(network) = network {
            let _ = known_network.set(network);
        }
        let ledger = Self {
            store,
            clock,
            own,
            own_id,
            key_number,
            keeper: OnceLock::new(),
            recovery: OnceLock::new(),
            epoch: AtomicU64::new(epoch.0),
            started_ms: now_ms,
            network: known_network,
            counter,
            projector,
            inner: parking_lot::Mutex::new(inner),
            cuts: Mutex::default(),
            notices: broadcast::channel(CHANGES_BUFFER).0,
            written: AtomicU64::new(0),
            durable: Mutex::new(0),
            editing_members: parking_lot::Mutex::new(()),
        };
        let mut inner = ledger.lock();
        ledger.load_beyond(&mut inner)?;
        ledger.load_groups(&mut inner)?;
        ledger.load_proofs(&mut inner)?;
        ledger.load_named(&mut inner)?;
        ledger.load_statements(&mut inner)?;
        ledger.load_blocked(&mut inner)?;
        ledger.load_cuts(&mut inner)?;
        ledger.load_tombstones(&mut inner)?;
        ledger.load_erasures(&mut inner)?;
        ledger.load_beacons(&mut inner)?;
        ledger.load_left_out(&mut inner)?;
        ledger.load_totals(&mut inner)?;
        ledger.load_unheard(&mut inner)?;
        ledger.start_taken(&mut inner)?;
        ledger.load_held(&mut inner)?;
        let runs = ledger.first_own_runs(&inner)?;
        drop(inner);
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &MetaKey::OwnEpoch, &MetaValue::of_number(epoch.0));
        put_own_runs(&mut batch, runs, epoch);
        ledger.store.write(&batch)?;
        Ok(ledger)
    }

    pub(super) fn lock(&self) -> parking_lot::MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    /// Writes one batch. Durable after [`Ledger::make_durable`].
    pub(super) fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.write(batch)?;
        self.written.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// Returns once everything written before the call survives a power cut. Concurrent callers share one fsync.
    pub fn make_durable(&self) -> Result<(), StoreError> {
        let mine = self.written.load(Ordering::SeqCst);
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if *durable >= mine {
            return Ok(());
        }
        let reached = self.written.load(Ordering::SeqCst);
        self.store.sync()?;
        *durable = reached;
        Ok(())
    }

    pub(super) fn notify(&self, notice: Notice) {
        // Without listeners there is nobody to tell.
        let _ = self.notices.send(notice);
    }

    /// From now on, what changes. Whoever falls behind reads everything anew.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// The next hybrid clock: wall time, or one more than the last.
    pub(super) fn tick(&self, inner: &mut Inner) -> u64 {
        let wall = u64::try_from(self.clock.now_ms()).unwrap_or(0) << 16;
        inner.hybrid = wall.max(inner.hybrid + 1);
        inner.hybrid
    }

    /// The own hub's id.
    pub const fn own_id(&self) -> HubId {
        self.own_id
    }

    /// The own hub.
    pub const fn own(&self) -> &OwnHub {
        &self.own
    }

    /// The run of this node. A fork of one of its own logs begins another one.
    pub fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::SeqCst))
    }

    /// Draws a new epoch, as every start does.
    pub(super) fn begin_epoch(&self) -> Result<(), LedgerError> {
        let epoch = draw_epoch(&self.clock);
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &MetaKey::OwnEpoch, &MetaValue::of_number(epoch.0));
        put_own_runs(&mut batch, self.own_runs()?, epoch);
        self.commit(&batch)?;
        self.epoch.store(epoch.0, Ordering::SeqCst);
        Ok(())
    }

    /// Says where a new own key is to be kept.
    pub fn keep_keys_with(&self, keeper: Arc<dyn KeyKeeper>) {
        let _ = self.keeper.set(keeper);
    }

    /// The network, once one was created or joined.
    pub fn network(&self) -> Option<NetworkId> {
        self.network.get().copied()
    }

    /// Who belongs.
    pub fn roster(&self) -> Arc<Roster> {
        self.lock().roster.clone()
    }

    /// Whether this hub was removed from its network.
    pub fn is_removed(&self) -> bool {
        let roster = self.roster();
        let own = roster.members.get(&self.own_id);
        own.is_some_and(|own| own.standing == Standing::Removed)
    }

    /// Who may receive what.
    pub fn access(&self) -> Arc<Access> {
        self.lock().access.clone()
    }

    /// How far this node is in every log, local ones included, as it is exchanged: a cut log ends at its cut.
    pub fn frontier(&self) -> Frontier {
        self.lock().frontier.clone()
    }

    /// The number and the key that own envelopes are signed with.
    pub(super) fn signing_key(&self, _inner: &Inner) -> (u16, &SigningKey) {
        (self.key_number, &self.own.key)
    }

    /// What the directory of members is kept in step by; see [`crate::projection::read::Views::following`].
    pub fn member_changes(&self) -> Arc<MemberChanges> {
        self.projector.members().clone()
    }

    /// Whether another node writes with this hub's key while this one runs: one of the two has to be stopped.
    pub fn has_another_node(&self) -> bool {
        self.lock().another_node
    }

    /// An envelope of another run of this hub's own node was held. If it was made after this one started, two nodes run.
    pub(super) fn heard_of_own_run(&self, inner: &mut Inner, epoch: Epoch, clock: u64) {
        let made_ms = Self::clock_ms(clock);
        let while_this_one_runs = made_ms > self.started_ms && made_ms <= self.clock.now_ms();
        if epoch != self.epoch() && while_this_one_runs && !inner.another_node {
            inner.another_node = true;
            tracing::error!(%epoch, "another node writes with this hub's key; stop one of the two");
        }
    }

    /// What is counted, for operators.
    pub fn totals(&self) -> Totals {
        self.lock().totals
    }

    /// When everything a hub had published was last known to be here, Unix milliseconds; before that was ever known, the
    /// newest clock among its envelopes.
    pub fn as_of_ms(&self, hub: HubId) -> Option<i64> {
        let inner = self.lock();
        inner.as_of_ms.get(&hub).or_else(|| inner.heard_ms.get(&hub)).copied()
    }

    /// How many runs of a hub's node wrote something that is held.
    pub fn epochs_of(&self, hub: HubId) -> u32 {
        let inner = self.lock();
        let epochs: BTreeSet<Epoch> = inner
            .held
            .rows()
            .filter(|(row, _)| row.hub == hub)
            .map(|(row, _)| row.epoch)
            .collect();
        u32::try_from(epochs.len()).unwrap_or(u32::MAX)
    }

    /// When the network was founded, Unix milliseconds.
    pub fn founded_ms(&self) -> Option<i64> {
        let inner = self.lock();
        let founding = inner
            .statements
            .iter()
            .find(|statement| matches!(statement.said, Said::Founding(_)))?;
        Some(Self::clock_ms(founding.clock))
    }

    /// The newest clock among a hub's envelopes, Unix milliseconds.
    pub fn heard_ms(&self, hub: HubId) -> Option<i64> {
        self.lock().heard_ms.get(&hub).copied()
    }

    /// The projector, for the yearly roll of covered years.
    pub fn roll_covered_years(&self) -> Result<(), LedgerError> {
        loop {
            let _inner = self.lock();
            let mut batch = Batch::new();
            let done = self.projector.roll_covered_years(&mut batch, self.clock.now_ms())?;
            self.commit(&batch)?;
            if done {
                return Ok(());
            }
        }
    }

    /// Milliseconds of a hybrid clock.
    pub(super) fn clock_ms(clock: u64) -> i64 {
        i64::try_from(clock >> 16).unwrap_or(i64::MAX)
    }

    /// The log every document of this log id goes to, as a frontier row of this run.
    pub(super) fn own_row(&self, log: LogId) -> RowKey {
        RowKey {
            log,
            hub: self.own_id,
            epoch: self.epoch(),
        }
    }
}

/// An epoch never used before: the second, and 32 random bits.
fn draw_epoch(clock: &SharedClock) -> Epoch {
    let second = u32::try_from(clock.now_ms() / 1000).unwrap_or_default();
    Epoch::new(second, u32::from_be_bytes(random_bytes(&**clock)))
}

fn load_frontier(store: &Store) -> Result<Frontier, StoreError> {
    let mut frontier = Frontier::new();
    catalogue::scan_prefix(
        &**store,
        Family::Frontier,
        &[],
        Direction::Forward,
        |row: RowKey, head: Head| {
            frontier.put(row, head);
            std::ops::ControlFlow::Continue(())
        },
    )?;
    Ok(frontier)
}
