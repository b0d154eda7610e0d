//! Storage: one narrow seam (get, scan, atomic batch) with two backends, RocksDB and memory.
//!
//! Only this folder names RocksDB. Callers build a [`Batch`] and write it whole: an envelope, its state, the document
//! and every projection are one batch, so there is no state in which some of them are written.

use std::ops::ControlFlow;
use std::sync::Arc;

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
    /// object → tombstone envelope.
    Tombstone,
    /// tombstone, hub → receipt.
    Receipt,
    /// hub → newest beacon.
    Beacon,
    /// hub → what we know of the way to it.
    Peer,
    /// counter → thing whose search entry must be renewed.
    SearchTodo,
    /// thing → imported text; local, personal.
    Original,
    /// Projection: thing → event row.
    EventRow,
    /// Projection: start, thing, occurrence → end; all occurrences inside the covered years.
    OccurrenceByTime,
    /// Projection: hub, start, thing, occurrence.
    OccurrenceByHub,
    /// Projection: tag, start, thing, occurrence.
    OccurrenceByTag,
    /// Projection: cell, start, thing, occurrence.
    OccurrenceByPlace,
    /// Projection: thing → nothing; every series, for windows outside the covered years.
    Series,
    /// Projection: hub, uid → thing.
    EventByUid,
    /// Projection: hub → profile row.
    HubRow,
}

/// One change to one key, or to a range of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Set a key.
    Put(Vec<u8>, Vec<u8>),
    /// Remove a key; removing an absent key is fine.
    Delete(Vec<u8>),
    /// Remove all keys from the first (inclusive) to the second (exclusive).
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

    /// Removes all keys in `from..to`.
    pub fn delete_range(&mut self, family: Family, from: impl Into<Vec<u8>>, to: impl Into<Vec<u8>>) {
        self.changes.push((family, Change::DeleteRange(from.into(), to.into())));
    }

    /// The changes, in the order in which they were added.
    pub fn changes(&self) -> &[(Family, Change)] {
        &self.changes
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
    /// The engine failed: a full or read-only disk, a damaged file.
    #[error("storage failed while {doing}: {reason}")]
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
    /// consistent: a batch written meanwhile is seen whole or not at all.
    fn scan(
        &self,
        family: Family,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Writes a batch atomically. It is visible at once and survives a crash of the process; it survives a power cut
    /// after the next [`Backend::sync`].
    fn write(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Makes everything written so far survive a power cut.
    fn sync(&self) -> Result<(), StoreError>;
}

/// A shared handle to a backend.
pub type Store = Arc<dyn Backend>;
