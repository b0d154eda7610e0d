//! The backend on a disk: RocksDB, one column family for each [`Family`].
//!
//! Every write goes to the write-ahead log at once, so a killed process loses nothing; [`Backend::sync`] forces that log
//! to the disk, and callers at the same time share one such write.

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DB,
    DBCompressionType, DBRawIterator, FlushOptions, LogLevel, Options, ReadOptions, WriteBatch,
};
use rustix::fs::fstatvfs;

use super::{
    Backend, Batch, Change, Direction, Family, MAX_KEY_BYTES, MAX_SCAN_MS, StoreError, check_keys, is_empty_range,
};
use crate::clock::Stopwatch;

/// Memory for blocks read from disk, indexes and filters included, unless the configuration says otherwise. An idle
/// node with 58,000 documents has to stay below 150 MB in all.
pub const DEFAULT_CACHE_BYTES: usize = 32 << 20;

/// What one family collects in memory before it is written out as a file.
const WRITE_BUFFER_BYTES: usize = 4 << 20;

/// What all families together collect in memory.
const ALL_WRITE_BUFFERS_BYTES: usize = 16 << 20;

/// A family's first allocation. The engine's own choice, an eighth of the write buffer, would cost 12 MB with every
/// family touched once.
const ARENA_BLOCK_BYTES: usize = 64 << 10;

/// The write-ahead log is cut when it is this long: the time a start may spend on reading it again.
const MAX_WAL_BYTES: u64 = 32 << 20;

/// Open files at the same time; the usual limit of a process is 1,024.
const MAX_OPEN_FILES: i32 = 256;

/// Threads for flushes and compactions: the smallest machine has one core.
const BACKGROUND_JOBS: i32 = 2;

/// Size of a block, the unit of reading and compression. Rows are short and read in order.
const BLOCK_BYTES: usize = 16 << 10;

/// Bits of bloom filter a key: one absent key in a hundred is looked for in a file.
const BLOOM_BITS: f64 = 10.0;

/// The engine's own log: at most two files of this size, warnings only.
const ENGINE_LOG_BYTES: usize = 1 << 20;

/// Writes are refused while less than this is free: flushes and compactions of what is written already still fit. On a
/// disk that is really full the engine would hold a write until somebody frees space, without a word.
const RESERVE_BYTES: u64 = 32 << 20;

/// After how many rows a scan looks at its watch.
const ROWS_BETWEEN_LOOKS: u32 = 256;

/// Families of earlier versions, which are dropped when met. None yet.
const RETIRED: [&str; 0] = [];

/// Why a store cannot be opened. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{path} is already in use by another node; stop it first")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It holds families this version does not know.
    #[error(
        "{path} was written by a newer version of interhubd (it holds {families:?}); install that version, or restore a backup made by this one"
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// What is not known.
        families: Vec<String>,
    },
    /// It cannot be written.
    #[error("{path} is read-only; make it writable for the user who runs the node")]
    ReadOnly {
        /// The folder.
        path: PathBuf,
    },
    /// There is no room left.
    #[error("the disk that holds {path} is full; free some space")]
    Full {
        /// The folder.
        path: PathBuf,
    },
    /// The files are damaged.
    #[error(
        "{path} is damaged ({reason}); restore a backup, or begin anew and let the other hubs send what was shared"
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// The engine's own words.
        reason: String,
    },
    /// Anything else.
    #[error("cannot open {path}: {reason}")]
    Engine {
        /// The folder.
        path: PathBuf,
        /// The engine's own words.
        reason: String,
    },
}

/// A store in a folder.
pub struct RocksStore {
    db: DB,
    sync: SharedSync,
    scans: OpenScans,
    /// The folder, to ask its disk for free space.
    folder: File,
    reserve_bytes: u64,
}

impl RocksStore {
    /// Opens the store in a folder, and makes what is missing. Blocks while the write-ahead log is read again, at most
    /// a few seconds. `cache_bytes`: memory for blocks, indexes and filters; [`DEFAULT_CACHE_BYTES`] is a good one.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, OpenError> {
        let retired = retired_families(path)?;
        let cache = Cache::new_lru_cache(cache_bytes);
        let families = Family::ALL
            .iter()
            .map(|family| family.name())
            .chain(retired.iter().copied());
        let descriptors: Vec<_> = families
            .chain([rocksdb::DEFAULT_COLUMN_FAMILY_NAME])
            .map(|name| ColumnFamilyDescriptor::new(name, family_options(&cache)))
            .collect();
        let mut db = DB::open_cf_descriptors(&database_options(), path, descriptors)
            .map_err(|error| open_error(path, &error))?;
        for name in retired {
            db.drop_cf(name).map_err(|error| open_error(path, &error))?;
        }
        let unreadable = |error: std::io::Error| OpenError::Engine {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        Ok(Self {
            db,
            sync: SharedSync::default(),
            scans: OpenScans::default(),
            folder: File::open(path).map_err(unreadable)?,
            reserve_bytes: RESERVE_BYTES,
        })
    }

    /// Forces deleted bytes out of the files: writes out what is in memory, which also ends every older write-ahead
    /// log, then rewrites the personal families whole. Blocks.
    pub fn compact_personal(&self) -> Result<(), StoreError> {
        let personal = Family::ALL.into_iter().filter(|family| family.is_personal());
        let whole: Vec<_> = personal.map(|family| (family, Vec::new(), Vec::new())).collect();
        self.force_out(&whole)
    }

    /// Erasing needs no room: it makes some.
    fn check_room(&self, batch: &Batch) -> Result<(), StoreError> {
        let writes = batch
            .changes()
            .iter()
            .any(|(_, change)| matches!(change, Change::Put(..)));
        // A disk that does not tell is taken to have room; the engine's own error follows if not.
        let free = fstatvfs(&self.folder).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        if writes && free < self.reserve_bytes {
            return Err(StoreError::Full { doing: "writing" });
        }
        Ok(())
    }

    fn handle(&self, family: Family) -> Result<&ColumnFamily, StoreError> {
        self.db
            .cf_handle(family.name())
            .ok_or(StoreError::Damaged { what: "column family" })
    }
}

impl Backend for RocksStore {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db
            .get_cf(self.handle(family)?, key)
            .map_err(|error| store_error("reading", &error))
    }

    fn scan(
        &self,
        family: Family,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if is_empty_range(from, to) {
            return Ok(());
        }
        let _open = self.scans.begin();
        // Bounds let the engine skip files and removed ranges outside; an iterator is a consistent view by itself.
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from);
        if !to.is_empty() {
            options.set_iterate_upper_bound(to);
        }
        let mut rows = self.db.raw_iterator_cf_opt(self.handle(family)?, options);
        match direction {
            Direction::Forward => rows.seek_to_first(),
            Direction::Backward => rows.seek_to_last(),
        }
        walk(&mut rows, family, direction, visit)?;
        rows.status().map_err(|error| store_error("reading", &error))
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        check_keys(batch)?;
        if batch.is_empty() {
            return Ok(());
        }
        self.check_room(batch)?;
        let mut changes = WriteBatch::default();
        for (family, change) in batch.changes() {
            let handle = self.handle(*family)?;
            match change {
                Change::Put(key, value) => changes.put_cf(handle, key, value),
                Change::Delete(key) => changes.delete_cf(handle, key),
                Change::DeleteRange(from, to) if is_empty_range(from, to) => {}
                Change::DeleteRange(from, to) if to.is_empty() => {
                    changes.delete_range_cf(handle, from.as_slice(), &AFTER_ALL_KEYS);
                }
                Change::DeleteRange(from, to) => changes.delete_range_cf(handle, from, to),
            }
        }
        self.db.write(changes).map_err(|error| store_error("writing", &error))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.sync.run(|| {
            self.db
                .flush_wal(true)
                .map_err(|error| store_error("writing to the disk", &error))
        })
    }

    fn force_out(&self, ranges: &[(Family, Vec<u8>, Vec<u8>)]) -> Result<(), StoreError> {
        let doing = "forcing out what was erased";
        if !self.scans.wait_for_earlier() {
            let reason = "something is being read for longer than a minute".to_owned();
            return Err(StoreError::Engine { doing, reason });
        }
        let mut wait = FlushOptions::default();
        wait.set_wait(true);
        // A write-ahead log lives as long as any family needs it.
        for family in Family::ALL {
            self.db
                .flush_cf_opt(self.handle(family)?, &wait)
                .map_err(|error| store_error(doing, &error))?;
        }
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        options.set_exclusive_manual_compaction(true);
        for (family, from, to) in ranges {
            let bound = |key: &Vec<u8>| (!key.is_empty()).then(|| key.clone());
            self.db
                .compact_range_cf_opt(self.handle(*family)?, bound(from), bound(to), &options);
        }
        Ok(())
    }
}

/// Sorts after every key that may be written.
const AFTER_ALL_KEYS: [u8; MAX_KEY_BYTES + 1] = [0xff; MAX_KEY_BYTES + 1];

fn walk(
    rows: &mut DBRawIterator<'_>,
    family: Family,
    direction: Direction,
    visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let watch = Stopwatch::start();
    let mut until_look = ROWS_BETWEEN_LOOKS;
    while let Some((key, value)) = rows.item() {
        if visit(key, value).is_break() {
            return Ok(());
        }
        until_look -= 1;
        if until_look == 0 {
            if watch.elapsed_ms() > MAX_SCAN_MS {
                return Err(StoreError::ScanTooLong { family });
            }
            until_look = ROWS_BETWEEN_LOOKS;
        }
        match direction {
            Direction::Forward => rows.next(),
            Direction::Backward => rows.prev(),
        }
    }
    Ok(())
}

/// The scans that run. Each keeps, on the disk too, everything that was deleted since it began.
#[derive(Default)]
struct OpenScans {
    state: Mutex<ScansState>,
    ended: Condvar,
}

#[derive(Default)]
struct ScansState {
    /// Number of the next scan.
    next: u64,
    open: BTreeSet<u64>,
}

impl OpenScans {
    fn begin(&self) -> OpenScan<'_> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.next;
        state.next += 1;
        state.open.insert(number);
        OpenScan { scans: self, number }
    }

    /// Waits until every scan that runs now has ended. Returns whether that was so within a little more than the longest a scan
    /// may take.
    fn wait_for_earlier(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = state.next;
        let limit = Duration::from_millis(MAX_SCAN_MS + 5_000);
        let is_one_open = |state: &mut ScansState| state.open.first().is_some_and(|first| *first < now);
        let waited = self.ended.wait_timeout_while(state, limit, is_one_open);
        let (_state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }
}

/// A scan that runs, until it is dropped.
struct OpenScan<'a> {
    scans: &'a OpenScans,
    number: u64,
}

impl Drop for OpenScan<'_> {
    fn drop(&mut self) {
        let mut state = self.scans.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open.remove(&self.number);
        drop(state);
        self.scans.ended.notify_all();
    }
}

/// One write to the disk at a time, shared by all who ask while it is on its way.
///
/// A sync covers what was written before it began. Who asks while one runs needs the next, and so do all who come after;
/// one of them runs it for all.
#[derive(Default)]
struct SharedSync {
    state: Mutex<SyncState>,
    changed: Condvar,
}

#[derive(Default)]
struct SyncState {
    /// Number of the sync begun last; the first is 1.
    begun: u64,
    /// Number of the last sync that succeeded.
    done: u64,
    running: bool,
}

impl SharedSync {
    fn run(&self, sync: impl Fn() -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = state.begun + 1;
        while state.done < needed {
            if state.running {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.running = true;
            state.begun += 1;
            let number = state.begun;
            drop(state);
            let outcome = sync();
            state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.running = false;
            if outcome.is_ok() {
                state.done = number;
            }
            self.changed.notify_all();
            outcome?;
        }
        Ok(())
    }
}

fn database_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_db_write_buffer_size(ALL_WRITE_BUFFERS_BYTES);
    options.set_max_total_wal_size(MAX_WAL_BYTES);
    options.set_max_open_files(MAX_OPEN_FILES);
    options.set_max_background_jobs(BACKGROUND_JOBS);
    options.set_max_file_opening_threads(BACKGROUND_JOBS);
    options.set_bytes_per_sync(1 << 20);
    options.set_log_level(LogLevel::Warn);
    options.set_max_log_file_size(ENGINE_LOG_BYTES);
    options.set_keep_log_file_num(2);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options.set_skip_stats_update_on_db_open(true);
    options
}

fn family_options(cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_block_size(BLOCK_BYTES);
    blocks.set_bloom_filter(BLOOM_BITS, false);
    blocks.set_optimize_filters_for_memory(true);
    // Inside the cache, so that the cache's limit holds for them too.
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_max_write_buffer_number(2);
    options.set_arena_block_size(ARENA_BLOCK_BYTES);
    options.set_target_file_size_base(8 << 20);
    options.set_max_bytes_for_level_base(32 << 20);
    // No dictionaries: bytes of one row would stay in the block of another.
    options.set_compression_type(DBCompressionType::Lz4);
    options
}

/// The retired families the folder still holds; an error if it holds any this version never knew.
fn retired_families(path: &Path) -> Result<Vec<&'static str>, OpenError> {
    if !path.join("CURRENT").exists() {
        return Ok(Vec::new());
    }
    let found = DB::list_cf(&Options::default(), path).map_err(|error| open_error(path, &error))?;
    let known = |name: &str| {
        name == rocksdb::DEFAULT_COLUMN_FAMILY_NAME || Family::ALL.iter().any(|family| family.name() == name)
    };
    let (retired, unknown): (Vec<_>, Vec<_>) = found
        .into_iter()
        .filter(|name| !known(name))
        .partition(|name| RETIRED.contains(&name.as_str()));
    if !unknown.is_empty() {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            families: unknown,
        });
    }
    Ok(RETIRED
        .into_iter()
        .filter(|name| retired.iter().any(|found| found == name))
        .collect())
}

/// What the engine says only in words.
enum Cause {
    InUse,
    ReadOnly,
    Full,
    Damaged,
    Other,
}

fn cause(error: &rocksdb::Error) -> Cause {
    let words = error.as_ref();
    if words.contains("lock hold by current process") || (words.contains("lock file") && words.contains("unavailable"))
    {
        Cause::InUse
    } else if words.contains("Read-only file system") || words.contains("Permission denied") {
        Cause::ReadOnly
    } else if words.contains("No space left on device") || words.contains("Disk quota exceeded") {
        Cause::Full
    } else if error.kind() == rocksdb::ErrorKind::Corruption {
        Cause::Damaged
    } else {
        Cause::Other
    }
}

fn open_error(path: &Path, error: &rocksdb::Error) -> OpenError {
    let path = path.to_owned();
    match cause(error) {
        Cause::InUse => OpenError::InUse { path },
        Cause::ReadOnly => OpenError::ReadOnly { path },
        Cause::Full => OpenError::Full { path },
        Cause::Damaged => OpenError::Damaged {
            path,
            reason: one_line(error),
        },
        Cause::Other => OpenError::Engine {
            path,
            reason: one_line(error),
        },
    }
}

fn store_error(doing: &'static str, error: &rocksdb::Error) -> StoreError {
    match cause(error) {
        Cause::ReadOnly => StoreError::ReadOnly { doing },
        Cause::Full => StoreError::Full { doing },
        Cause::InUse | Cause::Damaged | Cause::Other => StoreError::Engine {
            doing,
            reason: one_line(error),
        },
    }
}

fn one_line(error: &rocksdb::Error) -> String {
    error
        .as_ref()
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::conformance;
    use super::*;

    fn fresh() -> conformance::Opened {
        let folder = tempfile::tempdir().unwrap();
        let store = RocksStore::open(folder.path(), DEFAULT_CACHE_BYTES).unwrap();
        conformance::Opened::new(store, folder)
    }

    conformance::suite!(fresh);

    #[test]
    fn reopening_finds_everything() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..3_u8 {
            let store = RocksStore::open(folder.path(), DEFAULT_CACHE_BYTES).unwrap();
            for earlier in 0..round {
                assert_eq!(store.get(Family::Log, &[earlier]).unwrap().unwrap(), [earlier]);
            }
            let mut batch = Batch::new();
            batch.put(Family::Log, [round], [round]);
            store.write(&batch).unwrap();
        }
    }

    #[test]
    fn a_second_node_is_told_to_wait() {
        let folder = tempfile::tempdir().unwrap();
        let _first = RocksStore::open(folder.path(), DEFAULT_CACHE_BYTES).unwrap();
        let second = RocksStore::open(folder.path(), DEFAULT_CACHE_BYTES);
        assert!(matches!(second, Err(OpenError::InUse { .. })), "{:?}", second.err());
    }

    #[test]
    fn families_of_a_newer_version_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        drop(DB::open_cf(&options, folder.path(), ["log", "holograms"]).unwrap());
        let error = RocksStore::open(folder.path(), DEFAULT_CACHE_BYTES).err().unwrap();
        assert!(error.to_string().contains("newer version"), "{error}");
        assert!(error.to_string().contains("holograms"), "{error}");
    }

    #[test]
    fn missing_families_are_made() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        drop(DB::open_cf(&options, folder.path(), ["log"]).unwrap());
        let store = RocksStore::open(folder.path(), DEFAULT_CACHE_BYTES).unwrap();
        assert_eq!(store.get(Family::HubRow, b"k").unwrap(), None);
    }

    #[test]
    fn a_damaged_folder_is_named_as_such() {
        let folder = tempfile::tempdir().unwrap();
        drop(RocksStore::open(folder.path(), DEFAULT_CACHE_BYTES).unwrap());
        std::fs::write(folder.path().join("CURRENT"), "rubbish").unwrap();
        let error = RocksStore::open(folder.path(), DEFAULT_CACHE_BYTES).err().unwrap();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    }

    #[test]
    fn erased_bytes_leave_every_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = RocksStore::open(folder.path(), DEFAULT_CACHE_BYTES).unwrap();
        let secret = b"a person's own words, quite a few of them";
        let mut batch = Batch::new();
        batch.put(Family::BodyPersonal, *b"one", *secret);
        batch.put(Family::BodyPersonal, *b"two", *b"something else");
        batch.put(Family::Log, *b"one", *b"kept");
        store.write(&batch).unwrap();
        store.sync().unwrap();
        assert!(any_file_holds(folder.path(), secret));
        let mut batch = Batch::new();
        batch.delete_range(Family::BodyPersonal, *b"one", *b"onf");
        store.write(&batch).unwrap();
        store.compact_personal().unwrap();
        assert!(!any_file_holds(folder.path(), secret));
        assert!(store.get(Family::BodyPersonal, b"two").unwrap().is_some());
    }

    #[test]
    fn a_disk_without_reserve_takes_deletions_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = RocksStore::open(folder.path(), DEFAULT_CACHE_BYTES).unwrap();
        let mut batch = Batch::new();
        batch.put(Family::Log, *b"k", *b"v");
        store.write(&batch).unwrap();
        store.reserve_bytes = u64::MAX;
        assert!(matches!(store.write(&batch), Err(StoreError::Full { .. })));
        let mut deletion = Batch::new();
        deletion.delete(Family::Log, *b"k");
        store.write(&deletion).unwrap();
        store.reserve_bytes = RESERVE_BYTES;
        store.write(&batch).unwrap();
    }

    fn any_file_holds(folder: &Path, needle: &[u8]) -> bool {
        std::fs::read_dir(folder).unwrap().any(|entry| {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
            bytes.windows(needle.len()).any(|window| window == needle)
        })
    }

    #[test]
    fn a_failed_sync_is_told_to_each_caller() {
        let sync = SharedSync::default();
        let failing = || Err(StoreError::Full { doing: "testing" });
        assert!(sync.run(failing).is_err());
        assert!(sync.run(failing).is_err());
        assert!(sync.run(|| Ok(())).is_ok());
    }
}
