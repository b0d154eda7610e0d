//! How the store's format changes over time.
//!
//! `meta` holds one number for the whole store. A start brings it up to [`FORMAT_VERSION`] by the migrations in
//! [`MIGRATIONS`], in order; each ends with a batch that also writes the new number. A migration that is interrupted
//! runs again, so it has to bear that. A store of a newer version is refused. Values carry versions of their own, so
//! that most changes need no migration: the old version stays readable, the new one is written.

use super::catalogue::meta::{MetaKey, MetaValue};
use super::catalogue::{get, put};
use super::{Backend, Batch, Direction, Family, StoreError};
use crate::clock::{Clock, random_bytes};
use std::ops::ControlFlow;

/// The format this version writes.
pub const FORMAT_VERSION: u64 = 2;

/// All migrations there ever were, by the version they lead to, from 2 on without gaps.
const MIGRATIONS: &[Migration] = &[Migration {
    to: 2,
    name: "documents know what their changes come to together",
    run: rebuild_at_start,
}];

/// Documents are computed anew from the log, which is the truth, when the node starts.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every migration")]
fn rebuild_at_start(_: &dyn Backend, batch: &mut Batch) -> Result<(), StoreError> {
    put(batch, &MetaKey::RebuildUnfinished, &MetaValue(Vec::new()));
    Ok(())
}

/// One step from a format to the next.
struct Migration {
    /// The version it leads to.
    to: u64,
    /// What it does, for the log.
    name: &'static str,
    /// Writes batches of its own if it must, in a way that bears repetition, and puts the last changes in the batch
    /// that also raises the version.
    run: fn(&dyn Backend, &mut Batch) -> Result<(), StoreError>,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer version of the program wrote it.
    #[error(
        "the data folder has format {found}, this interhubd knows up to {known}; install the newer version again, or restore a backup made by this one"
    )]
    Newer {
        /// What the store says.
        found: u64,
        /// What this program knows.
        known: u64,
    },
    /// It holds data, but no version.
    #[error("the data folder's database has no format version; restore a backup")]
    NoVersion,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Brings a store to the newest format, and gives a new one its version and id. Ends with a sync if anything was
/// written.
pub fn prepare(store: &dyn Backend, clock: &dyn Clock) -> Result<(), MigrateError> {
    run(store, clock, FORMAT_VERSION, MIGRATIONS)
}

fn run(store: &dyn Backend, clock: &dyn Clock, newest: u64, migrations: &[Migration]) -> Result<(), MigrateError> {
    let Some(found) = version(store)? else {
        return begin(store, clock, newest);
    };
    if found > newest {
        return Err(MigrateError::Newer { found, known: newest });
    }
    for migration in migrations.iter().filter(|migration| migration.to > found) {
        tracing::info!(to = migration.to, name = migration.name, "migrating the data folder");
        let mut batch = Batch::new();
        (migration.run)(store, &mut batch)?;
        put(&mut batch, &MetaKey::FormatVersion, &MetaValue::of_number(migration.to));
        store.write(&batch)?;
        store.sync()?;
    }
    Ok(())
}

fn version(store: &dyn Backend) -> Result<Option<u64>, StoreError> {
    let damaged = StoreError::Damaged { what: "format version" };
    get(store, &MetaKey::FormatVersion)?
        .map(|value| value.number().ok_or(damaged))
        .transpose()
}

fn begin(store: &dyn Backend, clock: &dyn Clock, newest: u64) -> Result<(), MigrateError> {
    for family in Family::ALL {
        let mut empty = true;
        store.scan(family, &[], &[], Direction::Forward, &mut |_, _| {
            empty = false;
            ControlFlow::Break(())
        })?;
        if !empty {
            return Err(MigrateError::NoVersion);
        }
    }
    let mut batch = Batch::new();
    put(&mut batch, &MetaKey::FormatVersion, &MetaValue::of_number(newest));
    put(
        &mut batch,
        &MetaKey::DatabaseId,
        &MetaValue(random_bytes::<16>(clock).to_vec()),
    );
    store.write(&batch)?;
    store.sync()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::memory::MemoryStore;
    use super::*;
    use crate::clock::ManualClock;

    fn add(store: &dyn Backend, batch: &mut Batch, letter: u8) -> Result<(), StoreError> {
        let mut trail = store.get(Family::Peer, b"trail")?.unwrap_or_default();
        trail.push(letter);
        batch.put(Family::Peer, *b"trail", trail);
        Ok(())
    }

    const FAKE: &[Migration] = &[
        Migration {
            to: 2,
            name: "a",
            run: |store, batch| add(store, batch, b'a'),
        },
        Migration {
            to: 3,
            name: "b",
            run: |store, batch| add(store, batch, b'b'),
        },
    ];

    const FAILING: &[Migration] = &[
        Migration {
            to: 2,
            name: "a",
            run: |store, batch| add(store, batch, b'a'),
        },
        Migration {
            to: 3,
            name: "fails",
            run: |_, _| Err(StoreError::Full { doing: "testing" }),
        },
    ];

    fn trail(store: &dyn Backend) -> Vec<u8> {
        store.get(Family::Peer, b"trail").unwrap().unwrap_or_default()
    }

    #[test]
    fn the_real_list_has_no_gaps() {
        let mut version = 1;
        for migration in MIGRATIONS {
            version += 1;
            assert_eq!(migration.to, version);
        }
        assert_eq!(version, FORMAT_VERSION);
    }

    #[test]
    fn a_new_store_begins_at_the_newest_version() {
        let store = MemoryStore::new();
        let clock = ManualClock::new(0, 1);
        run(&store, &*clock, 3, FAKE).unwrap();
        assert_eq!(version(&store).unwrap(), Some(3));
        assert_eq!(trail(&store), b"");
        let id = get(&store, &MetaKey::DatabaseId).unwrap();
        run(&store, &*clock, 3, FAKE).unwrap();
        assert_eq!(get(&store, &MetaKey::DatabaseId).unwrap(), id);
    }

    #[test]
    fn an_old_store_takes_each_step_once() {
        let store = MemoryStore::new();
        let clock = ManualClock::new(0, 1);
        run(&store, &*clock, 1, &[]).unwrap();
        assert!(run(&store, &*clock, 3, FAILING).is_err());
        assert_eq!((version(&store).unwrap(), trail(&store)), (Some(2), b"a".to_vec()));
        run(&store, &*clock, 3, FAKE).unwrap();
        run(&store, &*clock, 3, FAKE).unwrap();
        assert_eq!((version(&store).unwrap(), trail(&store)), (Some(3), b"ab".to_vec()));
    }

    #[test]
    fn a_newer_store_is_refused_in_one_line() {
        let store = MemoryStore::new();
        let clock = ManualClock::new(0, 1);
        run(&store, &*clock, FORMAT_VERSION + 1, &[]).unwrap();
        let line = prepare(&store, &*clock).unwrap_err().to_string();
        assert!(line.contains("newer version") && !line.contains('\n'), "{line}");
    }

    #[test]
    fn data_without_a_version_is_refused() {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        batch.put(Family::Peer, *b"k", *b"v");
        store.write(&batch).unwrap();
        assert!(matches!(
            prepare(&store, &*ManualClock::new(0, 1)),
            Err(MigrateError::NoVersion)
        ));
    }
}
