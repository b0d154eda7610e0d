//! A disk that can fail: a store in memory that dies at a write, loses what was not synced, and can be copied.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interhub_node::store::memory::MemoryStore;
use interhub_node::store::{Backend, Batch, Direction, Family, StoreError};

/// Everything that lies on a disk.
pub(crate) type Contents = BTreeMap<Family, BTreeMap<Vec<u8>, Vec<u8>>>;

/// Where in a write the machine stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing of the batch is written.
    Before,
    /// The batch is written, and nothing after it happens.
    After,
}

/// One disk. Writes reach [`Disk::sync`] in order, as a write-ahead log has it: a power cut keeps the first so many.
pub(crate) struct Disk {
    state: Mutex<State>,
}

struct State {
    /// What is read: everything written.
    live: Arc<MemoryStore>,
    /// What a power cut leaves for certain.
    synced: MemoryStore,
    /// Written since the last sync, in order.
    pending: Vec<Batch>,
    writes: u64,
    stop_at: Option<(u64, Stop)>,
    stopped: bool,
}

impl Disk {
    /// An empty disk.
    pub(crate) fn new() -> Arc<Self> {
        Self::with(&Contents::new())
    }

    /// A disk with these contents, all synced.
    pub(crate) fn with(contents: &Contents) -> Arc<Self> {
        let state = State {
            live: store_of(contents),
            synced: MemoryStore::new(),
            pending: vec![batch_of(contents)],
            writes: 0,
            stop_at: None,
            stopped: false,
        };
        let disk = Self {
            state: Mutex::new(state),
        };
        disk.lock().settle(usize::MAX);
        Arc::new(disk)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Batches written since this disk was made.
    pub(crate) fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// From its `nth` batch on (counted from the first ever written), the machine is stopped.
    pub(crate) fn stop_at(&self, nth: u64, stop: Stop) {
        self.lock().stop_at = Some((nth, stop));
    }

    /// Whether the machine was stopped by [`Disk::stop_at`]: it writes nothing more until [`Disk::go_on`].
    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// The machine starts again and finds what was written: a process that was killed.
    pub(crate) fn go_on(&self) {
        let mut state = self.lock();
        (state.stop_at, state.stopped) = (None, false);
    }

    /// The machine starts again and finds what was synced, and the first `kept` of the batches after it.
    pub(crate) fn go_on_after_power_cut(&self, kept: usize) {
        let mut state = self.lock();
        state.settle(kept);
        state.pending.clear();
        state.live = store_of(&contents_of(&state.synced));
        (state.stop_at, state.stopped) = (None, false);
    }

    /// Batches that a power cut could lose now.
    pub(crate) fn unsynced(&self) -> usize {
        self.lock().pending.len()
    }

    /// Everything on it.
    pub(crate) fn contents(&self) -> Contents {
        let live = self.lock().live.clone();
        contents_of(&*live)
    }

    /// Puts an old copy in place of everything on it.
    pub(crate) fn restore(&self, contents: &Contents) {
        let mut state = self.lock();
        state.live = store_of(contents);
        state.synced = MemoryStore::new();
        state.pending = vec![batch_of(contents)];
        state.settle(usize::MAX);
    }
}

impl State {
    fn settle(&mut self, at_most: usize) {
        let count = self.pending.len().min(at_most);
        for batch in self.pending.drain(..count) {
            self.synced.write(&batch).unwrap();
        }
    }
}

fn batch_of(contents: &Contents) -> Batch {
    let mut batch = Batch::new();
    for (family, table) in contents {
        for (key, value) in table {
            batch.put(*family, key.clone(), value.clone());
        }
    }
    batch
}

fn store_of(contents: &Contents) -> Arc<MemoryStore> {
    let store = MemoryStore::new();
    store.write(&batch_of(contents)).unwrap();
    Arc::new(store)
}

fn contents_of(store: &dyn Backend) -> Contents {
    let mut contents = Contents::new();
    for family in Family::ALL {
        let mut table = BTreeMap::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            table.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        };
        store.scan(family, &[], &[], Direction::Forward, &mut visit).unwrap();
        if !table.is_empty() {
            contents.insert(family, table);
        }
    }
    contents
}

const fn stopped(doing: &'static str) -> StoreError {
    StoreError::Engine {
        doing,
        reason: String::new(),
    }
}

impl Backend for Disk {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let live = self.lock().live.clone();
        live.get(family, key)
    }

    fn scan(
        &self,
        family: Family,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let live = self.lock().live.clone();
        live.scan(family, from, to, direction, visit)
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.stopped {
            return Err(stopped("writing"));
        }
        state.writes += 1;
        let stop = state
            .stop_at
            .filter(|(nth, _)| state.writes >= *nth)
            .map(|(_, stop)| stop);
        if stop != Some(Stop::Before) {
            state.live.write(batch)?;
            state.pending.push(batch.clone());
        }
        state.stopped = stop.is_some();
        if state.stopped { Err(stopped("writing")) } else { Ok(()) }
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.stopped {
            return Err(stopped("syncing"));
        }
        state.settle(usize::MAX);
        Ok(())
    }

    fn force_out(&self, _: &[(Family, Vec<u8>, Vec<u8>)]) -> Result<(), StoreError> {
        Ok(())
    }
}
