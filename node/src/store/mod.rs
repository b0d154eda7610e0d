//! Storage: one narrow seam (get, scan, atomic batch) with two backends, RocksDB and memory.
//!
//! Only this folder names RocksDB. Callers build a [`Batch`] and write it whole: an envelope, its state, the document
//! and every projection are one batch, so there is no state in which some of them are written.
//!
//! Modules in reading order: what is stored under which key ([`catalogue`]), the two backends ([`memory`], [`rocks`]),
//! and how formats change over time ([`migrate`]).

pub mod catalogue;
pub mod memory;
pub mod migrate;
pub mod rocks;

#[cfg(test)]
mod conformance;

use std::ops::ControlFlow;
use std::sync::Arc;

/// The longest key that may be written. Keys are fixed-width ids and numbers; the longest holds a tag of an event. Together with
/// this limit a range without an end can be removed: nothing sorts after this many bytes of 0xff and one more.
pub const MAX_KEY_BYTES: usize = 1024;

/// The longest a scan may take. A scan keeps the bytes of everything deleted since it began, and an erasure has to
/// force those out; who has more to read reads it in pages.
pub const MAX_SCAN_MS: u64 = 60_000;

/// Every column family, in one place. Key parts and value parts of each are documented in `catalogue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Format version, identity, counters.
    Meta,
    /// hub, log id, epoch, seq → header parts, signature, state.
    Log,
    /// header hash → hub, log id, epoch, seq.
    Position,
    /// object, generation, header hash → salt, body.
    Body,
    /// The same for personal documents.
    BodyPersonal,
    /// object → thing, kind, owner, log id, writers, heads, clock, generation, state.
    Document,
    /// object, generation → saved document; a cache.
    Snapshot,
    /// The same for personal documents.
    SnapshotPersonal,
    /// what for, header hash → nothing.
    Waiting,
    /// hub, log id, epoch → seq, hash.
    Frontier,
    /// Proofs of forks.
    Proof,
    /// hub, log id, epoch, header hash → a tombstone or statement beyond the end of a cut log.
    Beyond,
    /// object → tombstone envelope.
    Tombstone,
    /// tombstone, hub → receipt.
    Receipt,
    /// member → what was erased of them last, and which hubs owe a receipt; local.
    Erasure,
    /// hub → newest beacon.
    Beacon,
    /// hub → what we know of the way to it.
    Peer,
    /// counter → thing whose search entry must be renewed.
    SearchTodo,
    /// thing → imported text; local, personal.
    Original,
    /// counter → what changed; for watchers.
    Change,
    /// hash of an UID → an imported event that was erased here; local.
    Erased,
    /// thing → the operator's last word on whether another hub's event is shown here; local.
    Hidden,
    /// subscription → a calendar elsewhere that is followed; local.
    Feed,
    /// subscription, hash of a UID → an event of it; local.
    FeedItem,
    /// token → whom it lets in; local.
    Token,
    /// hash of a browser's secret → the token it signed in with; local.
    Session,
    /// member, which kind → a link to their own page; local.
    MemberLink,
    /// hash of a browser's secret → the member whose page it opened; local.
    MemberSession,
    /// member → when they were written to and answered; local.
    MemberContact,
    /// webhook → a receiver of changes; local.
    Webhook,
    /// counter → something this hub counts for itself; local.
    Counter,
    /// counter, day, entry → an amount of it; local.
    Tally,
    /// hash of an address → a small copy of the picture there; a cache.
    Picture,
    /// Projection: thing → its rows, the one that is shown first.
    EventRow,
    /// Projection: length class, start, thing, occurrence → the rest of it; single events, and series inside the covered years.
    OccurrenceByTime,
    /// Projection: hub, then as by time.
    OccurrenceByHub,
    /// Projection: hash of the folded tag, then as by time.
    OccurrenceByTag,
    /// Projection: cell, then as by time.
    OccurrenceByPlace,
    /// Projection: kind, thing → covered years, first and last moment; every series, for windows outside those years.
    Series,
    /// Projection: hub, hash of the UID, thing → nothing.
    EventByUid,
    /// Projection: when it was last changed, thing → nothing.
    EventByUpdate,
    /// Projection: hub → profile row.
    HubRow,
    /// Projection: what for, hub, thing → nothing; events about which a host has something to decide.
    HostTodo,
    /// Projection: object → what it says of a member.
    MemberRow,
    /// object → own edits that the document leaves out.
    LeftOut,
    /// time of receipt, then as in `log` → nothing; held envelopes that are refused or void.
    Quarantine,
}

impl Family {
    /// Every family, in the order of the enum.
    pub const ALL: [Self; 46] = [
        Self::Meta,
        Self::Log,
        Self::Position,
        Self::Body,
        Self::BodyPersonal,
        Self::Document,
        Self::Snapshot,
        Self::SnapshotPersonal,
        Self::Waiting,
        Self::Frontier,
        Self::Proof,
        Self::Beyond,
        Self::Tombstone,
        Self::Receipt,
        Self::Erasure,
        Self::Beacon,
        Self::Peer,
        Self::SearchTodo,
        Self::Original,
        Self::Change,
        Self::Erased,
        Self::Hidden,
        Self::Feed,
        Self::FeedItem,
        Self::Token,
        Self::Session,
        Self::MemberLink,
        Self::MemberSession,
        Self::MemberContact,
        Self::Webhook,
        Self::Counter,
        Self::Tally,
        Self::Picture,
        Self::EventRow,
        Self::OccurrenceByTime,
        Self::OccurrenceByHub,
        Self::OccurrenceByTag,
        Self::OccurrenceByPlace,
        Self::Series,
        Self::EventByUid,
        Self::EventByUpdate,
        Self::HubRow,
        Self::HostTodo,
        Self::MemberRow,
        Self::LeftOut,
        Self::Quarantine,
    ];

    /// The name on disk. Never changes; a family whose format changes is migrated or, for projections, rebuilt.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Log => "log",
            Self::Position => "position",
            Self::Body => "body",
            Self::BodyPersonal => "body_personal",
            Self::Document => "document",
            Self::Snapshot => "snapshot",
            Self::SnapshotPersonal => "snapshot_personal",
            Self::Waiting => "waiting",
            Self::Frontier => "frontier",
            Self::Proof => "proof",
            Self::Beyond => "beyond",
            Self::Tombstone => "tombstone",
            Self::Receipt => "receipt",
            Self::Erasure => "erasure",
            Self::Beacon => "beacon",
            Self::Peer => "peer",
            Self::SearchTodo => "search_todo",
            Self::Original => "original",
            Self::Change => "change",
            Self::Erased => "erased",
            Self::Hidden => "hidden",
            Self::Feed => "feed",
            Self::FeedItem => "feed_item",
            Self::Token => "token",
            Self::Session => "session",
            Self::MemberLink => "member_link",
            Self::MemberSession => "member_session",
            Self::MemberContact => "member_contact",
            Self::Webhook => "webhook",
            Self::Counter => "counter",
            Self::Tally => "tally",
            Self::Picture => "picture",
            Self::EventRow => "event_row",
            Self::OccurrenceByTime => "occurrence_by_time",
            Self::OccurrenceByHub => "occurrence_by_hub",
            Self::OccurrenceByTag => "occurrence_by_tag",
            Self::OccurrenceByPlace => "occurrence_by_place",
            Self::Series => "series",
            Self::EventByUid => "event_by_uid",
            Self::EventByUpdate => "event_by_update",
            Self::HubRow => "hub_row",
            Self::HostTodo => "host_todo",
            Self::MemberRow => "member_row",
            Self::LeftOut => "left_out",
            Self::Quarantine => "quarantine",
        }
    }

    /// Whether the family may hold a person's data. Such families hold nothing else, so that an erasure can rewrite
    /// them whole.
    pub const fn is_personal(self) -> bool {
        matches!(
            self,
            Self::BodyPersonal | Self::SnapshotPersonal | Self::Original | Self::MemberRow
        )
    }

    /// Whether `interhubd rebuild` makes the family anew from the others.
    pub const fn is_projection(self) -> bool {
        matches!(
            self,
            Self::EventRow
                | Self::OccurrenceByTime
                | Self::OccurrenceByHub
                | Self::OccurrenceByTag
                | Self::OccurrenceByPlace
                | Self::Series
                | Self::EventByUid
                | Self::EventByUpdate
                | Self::MemberRow
                | Self::HubRow
                | Self::HostTodo
                | Self::Quarantine
        )
    }
}

/// One change to one key, or to a range of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Set a key.
    Put(Vec<u8>, Vec<u8>),
    /// Remove a key; removing an absent key is fine.
    Delete(Vec<u8>),
    /// Remove all keys from the first (inclusive) to the second (exclusive; empty means: to the end of the family).
    DeleteRange(Vec<u8>, Vec<u8>),
}

/// Changes that are written together or not at all. Later changes to a key win.
#[derive(Debug, Default, Clone)]
#[must_use = "a batch does nothing until it is written"]
pub struct Batch {
    changes: Vec<(Family, Change)>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key.
    pub fn put(&mut self, family: Family, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.changes.push((family, Change::Put(key.into(), value.into())));
    }

    /// Removes a key.
    pub fn delete(&mut self, family: Family, key: impl Into<Vec<u8>>) {
        self.changes.push((family, Change::Delete(key.into())));
    }

    /// Removes all keys in `from..to` (an empty `to` means: to the end of the family).
    pub fn delete_range(&mut self, family: Family, from: impl Into<Vec<u8>>, to: impl Into<Vec<u8>>) {
        self.changes.push((family, Change::DeleteRange(from.into(), to.into())));
    }

    /// The changes, in the order in which they were added.
    pub fn changes(&self) -> &[(Family, Change)] {
        &self.changes
    }

    /// Adds the changes of another batch after those of this one.
    pub fn append(&mut self, other: Self) {
        self.changes.extend(other.changes);
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// In which direction a scan walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Backward,
}

/// What can go wrong below the seam.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room left.
    #[error("the disk is full (while {doing}); nothing was written: free some space, and try again")]
    Full {
        /// What was being done.
        doing: &'static str,
    },
    /// The disk, or the folder, cannot be written.
    #[error(
        "the data folder is read-only (while {doing}); make it writable for the node's user, then restart the node"
    )]
    ReadOnly {
        /// What was being done.
        doing: &'static str,
    },
    /// A key over [`MAX_KEY_BYTES`]. Our own bug: the batch is not written.
    #[error("a key of {bytes} bytes for {family:?} is over the limit of {MAX_KEY_BYTES}; please report this")]
    KeyTooLong {
        /// Where it was to be written.
        family: Family,
        /// How long it is.
        bytes: usize,
    },
    /// A scan took longer than [`MAX_SCAN_MS`]; it has to be done in pages.
    #[error("reading {family:?} took longer than {MAX_SCAN_MS} ms; the disk may be too slow, see `interhub doctor`")]
    ScanTooLong {
        /// What was read.
        family: Family,
    },
    /// The engine failed: a damaged file, an error of the disk.
    #[error("storage failed while {doing}: {reason}; check the disk, or restore a backup")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// The engine's own words.
        reason: String,
    },
    /// A value is not what this version writes.
    #[error("damaged {what} in storage; run `interhubd rebuild`, or restore a backup")]
    Damaged {
        /// Which kind of value.
        what: &'static str,
    },
}

/// The seam. Keys are ordered bytewise. All calls block; none holds a lock while it calls back into the store.
pub trait Backend: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Visits the keys in `from..to` (an empty `to` means: to the end of the family) until the visitor breaks. The view is
    /// consistent: a batch written meanwhile is seen whole or not at all. The visitor may use the store. A scan over
    /// [`MAX_SCAN_MS`] fails.
    fn scan(
        &self,
        family: Family,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Writes a batch atomically: on an error, none of it. It is visible at once and survives a crash of the process; it survives a power cut
    /// after the next [`Backend::sync`].
    fn write(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Makes everything written so far survive a power cut. Callers at the same time share one write to the disk.
    fn sync(&self) -> Result<(), StoreError>;

    /// Forces what was deleted from these ranges (`from..to`, an empty `to` means: to the end of the family) out of the
    /// files. Waits for scans that began before, up to [`MAX_SCAN_MS`], and then for as long as rewriting what else lies in
    /// the ranges takes; reads and writes go on meanwhile. Never called by the visitor of a scan.
    fn force_out(&self, ranges: &[(Family, Vec<u8>, Vec<u8>)]) -> Result<(), StoreError>;
}

/// The keys a batch may carry, checked before anything is written.
fn check_keys(batch: &Batch) -> Result<(), StoreError> {
    for (family, change) in batch.changes() {
        let longest = match change {
            Change::Put(key, _) | Change::Delete(key) => key.len(),
            Change::DeleteRange(from, to) => from.len().max(to.len()),
        };
        if longest > MAX_KEY_BYTES {
            return Err(StoreError::KeyTooLong {
                family: *family,
                bytes: longest,
            });
        }
    }
    Ok(())
}

/// Whether `from..to` holds no key, whatever is stored. An empty `to` is the end of the family.
fn is_empty_range(from: &[u8], to: &[u8]) -> bool {
    !to.is_empty() && from >= to
}

/// A shared handle to a backend.
pub type Store = Arc<dyn Backend>;
