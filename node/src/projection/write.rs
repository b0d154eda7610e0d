//! The write side: one hook that keeps every projection in step, inside the batch that changes a document.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use interhub_domain::ids::{HubId, ObjectId, ThingId};

use super::covered::CoveredYears;
use super::entries::{DENSE, Entries, THIN, entries, same_entries, series_key, series_of_key};
use super::keys::update_key;
use super::member_index::MemberChanges;
use super::rows::{FORMAT, SeriesRow, decode_events, encode_events, encode_hub, precedence};
use super::{EventRow, HubRow};
use crate::store::catalogue::meta::{MetaKey, MetaValue, SearchTodoKey};
use crate::store::catalogue::{Value, get, put};
use crate::store::{Batch, Change, Direction, Family, Store, StoreError};

/// Series that one step of [`Projector::roll_covered_years`] moves: with 1,500 occurrences each in four indexes this
/// keeps a batch below some 20 MB in the worst case.
const SERIES_PER_STEP: usize = 20;
/// Series that one step looks at.
const SERIES_READ_PER_STEP: usize = 2_000;

/// What can go wrong while projections are written.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// Storage failed, or a row in it is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is shown of a thing: of its documents the one that comes first.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Before a change.
    pub before: Option<EventRow>,
    /// After it.
    pub after: Option<EventRow>,
}

/// Keeps the projections in step with the documents. Calls must not overlap: the caller holds the lock under which it
/// builds and writes batches.
pub struct Projector {
    store: Store,
    /// The last change number given out.
    changes: AtomicU64,
    /// The covered years new rows are written for.
    covered: Mutex<CoveredYears>,
    /// How far the current roll has come.
    rolled_to: Mutex<Vec<u8>>,
    /// Of rows that were dropped to be made anew: the change, and when it was heard of; see [`EventRow::seen_ms`].
    heard: Mutex<BTreeMap<ObjectId, (i64, i64)>>,
    outdated: bool,
    members: Arc<MemberChanges>,
}

impl Projector {
    /// Opens the projections of a database. A new database gets the years around `now_ms`; an existing one keeps its
    /// years until [`Projector::roll_covered_years`].
    pub fn open(store: Store, now_ms: i64) -> Result<Self, ProjectionError> {
        let version = number(&store, MetaKey::ProjectionVersion)?;
        let covered = covered_years(&store)?.unwrap_or_else(|| CoveredYears::at(now_ms));
        if version.is_none() {
            let mut batch = Batch::new();
            put_version(&mut batch, covered);
            store.write(&batch)?;
        }
        let changes = AtomicU64::new(last_change(&store)?);
        let outdated = version.is_some_and(|version| version != FORMAT);
        Ok(Self {
            store,
            changes,
            covered: Mutex::new(covered),
            rolled_to: Mutex::new(Vec::new()),
            heard: Mutex::default(),
            outdated,
            members: Arc::default(),
        })
    }

    /// Whether the database was written by another version of the projections: the caller then drops them with
    /// [`Projector::clear_all`] and calls the hooks for every document, before anything is read.
    pub fn is_outdated(&self) -> bool {
        self.outdated
    }

    /// What the directory of members has to read again. Whoever writes a batch in which a member's document changed says so
    /// there, once it is written.
    pub fn members(&self) -> &Arc<MemberChanges> {
        &self.members
    }

    /// The hook: the document `object` of `thing` now reads as `new`, or is no more. Writes what follows from it into
    /// `batch`; what the batch already holds is taken into account, so one batch may change a thing several times.
    /// Returns what was shown of the thing before, and what is shown of it now.
    pub fn event_changed(
        &self,
        batch: &mut Batch,
        thing: ThingId,
        object: ObjectId,
        new: Option<&EventRow>,
    ) -> Result<Shown, ProjectionError> {
        let mut rows = self.rows(batch, thing)?;
        let before = rows.first().cloned();
        let known = rows.iter().find(|row| row.object == object);
        let heard = match known {
            Some(known) => known.seen_ms.map(|seen_ms| (known.event.updated_ms, seen_ms)),
            None => lock(&self.heard).remove(&object),
        };
        let new = new.map(|row| heard_first(row.clone(), heard));
        let unchanged = known == new.as_ref();
        if unchanged {
            let after = before.clone();
            return Ok(Shown { before, after });
        }
        rows.retain(|row| row.object != object);
        rows.extend(new);
        rows.sort_by(precedence);
        if rows.is_empty() {
            batch.delete(Family::EventRow, thing.as_bytes());
        } else {
            batch.put(Family::EventRow, thing.as_bytes(), encode_events(&rows));
        }
        let change = self.next_change(batch);
        if before.as_ref() != rows.first() {
            self.reindex(batch, before.as_ref(), rows.first())?;
            put(batch, &SearchTodoKey(change), &thing);
        }
        let after = rows.into_iter().next();
        Ok(Shown { before, after })
    }

    /// The hook for hubs: registry and profile of `hub` now read as `new`, or it is no more.
    pub fn hub_changed(&self, batch: &mut Batch, hub: HubId, new: Option<&HubRow>) -> Result<(), ProjectionError> {
        let value = new.map(encode_hub);
        let before = self.current(batch, Family::HubRow, hub.as_bytes())?;
        if before == value {
            return Ok(());
        }
        match value {
            Some(value) => batch.put(Family::HubRow, hub.as_bytes(), value),
            None => batch.delete(Family::HubRow, hub.as_bytes()),
        }
        self.next_change(batch);
        Ok(())
    }

    /// Something that is no projection, but decides what is shown, changes with this batch.
    pub fn something_changed(&self, batch: &mut Batch) {
        self.next_change(batch);
    }

    /// Drops every projection, for rebuilding them from the documents: the caller then calls the hooks for every
    /// document. The text index, which cannot be dropped in a batch, notices and rebuilds itself.
    pub fn clear_all(&self, batch: &mut Batch, now_ms: i64) -> Result<(), ProjectionError> {
        *lock(&self.heard) = self.all_heard()?;
        let projections = Family::ALL.into_iter().filter(|family| family.is_projection());
        for family in projections.chain([Family::SearchTodo]) {
            batch.delete_range(family, [], []);
        }
        let covered = CoveredYears::at(now_ms);
        *lock(&self.covered) = covered;
        put_version(batch, covered);
        let dropped = times_dropped(&self.store)?.saturating_add(1);
        put(batch, &MetaKey::ProjectionsDropped, &MetaValue::of_number(dropped));
        self.next_change(batch);
        Ok(())
    }

    /// When the changes were heard of that claim to be later.
    fn all_heard(&self) -> Result<BTreeMap<ObjectId, (i64, i64)>, ProjectionError> {
        let (mut heard, mut bad) = (BTreeMap::new(), None);
        self.store
            .scan(Family::EventRow, &[], &[], Direction::Forward, &mut |_, value| {
                match decode_events(value) {
                    Ok(rows) => heard.extend(rows.iter().filter_map(|row| {
                        let seen_ms = row.seen_ms?;
                        Some((row.object, (row.event.updated_ms, seen_ms)))
                    })),
                    // An earlier version wrote these rows: it did not say.
                    Err(error) => bad = Some(error),
                }
                if bad.is_some() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
        Ok(heard)
    }

    /// One step of moving the covered years to those around `now_ms`; nothing to do most of the time. Returns whether
    /// all is done. The caller writes the batch and calls again until it is, at start and once a day; between two steps
    /// every list is complete, because the years at the edge are worked out until the last step.
    pub fn roll_covered_years(&self, batch: &mut Batch, now_ms: i64) -> Result<bool, ProjectionError> {
        let wanted = CoveredYears::at(now_ms);
        let known = covered_years(&self.store)?.unwrap_or(wanted);
        if known == wanted && *lock(&self.covered) == wanted {
            return Ok(true);
        }
        if *lock(&self.covered) != wanted {
            *lock(&self.covered) = wanted;
            lock(&self.rolled_to).clear();
        }
        // What both spans share stays complete from the first step to the last.
        let shared = CoveredYears {
            first: known.first.max(wanted.first),
            last: known.last.min(wanted.last),
        };
        let shared = if shared.first <= shared.last {
            shared
        } else {
            CoveredYears {
                first: wanted.first,
                last: wanted.first - 1,
            }
        };
        let from = lock(&self.rolled_to).clone();
        let (next, done) = self.roll_series(batch, &from, wanted)?;
        *lock(&self.rolled_to) = if done { Vec::new() } else { next };
        put_covered(batch, if done { wanted } else { shared });
        self.next_change(batch);
        Ok(done)
    }

    /// Rewrites some series for other covered years, beginning with key `from`. Returns the key to go on with, and whether
    /// that is all.
    fn roll_series(
        &self,
        batch: &mut Batch,
        from: &[u8],
        wanted: CoveredYears,
    ) -> Result<(Vec<u8>, bool), ProjectionError> {
        let mut found: Vec<(ThingId, CoveredYears)> = Vec::new();
        let mut read = 0;
        let mut next = Vec::new();
        let mut bad = None;
        self.store
            .scan(Family::Series, from, &[], Direction::Forward, &mut |key, value| {
                match (series_of_key(key), SeriesRow::decode(value)) {
                    (Some(thing), Ok(series)) if years_of(&series) != wanted => found.push((thing, years_of(&series))),
                    (Some(_), Ok(_)) => {}
                    (_, Err(error)) => bad = Some(error),
                    (None, _) => bad = Some(StoreError::Damaged { what: "series key" }),
                }
                read += 1;
                if bad.is_some() || found.len() >= SERIES_PER_STEP || read >= SERIES_READ_PER_STEP {
                    next = [key, &[0]].concat();
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
        if let Some(error) = bad {
            return Err(error.into());
        }
        for (thing, written_for) in &found {
            if let Some(row) = self.rows(batch, *thing)?.first() {
                write_difference(batch, &entries(row, *written_for)?, &entries(row, wanted)?);
            }
        }
        let done = next.is_empty();
        Ok((next, done))
    }

    /// Replaces the index entries of the row that was shown by those of the row that is.
    fn reindex(
        &self,
        batch: &mut Batch,
        before: Option<&EventRow>,
        after: Option<&EventRow>,
    ) -> Result<(), ProjectionError> {
        // Every edit moves this one, and mostly nothing else.
        let changed = |row: &EventRow| update_key(row.event.updated_ms, row.thing);
        let (old, new) = (before.map(changed), after.map(changed));
        if old != new {
            if let Some(old) = old {
                batch.delete(Family::EventByUpdate, old);
            }
            if let Some(new) = new {
                batch.put(Family::EventByUpdate, new, []);
            }
        }
        if let (Some(before), Some(after)) = (before, after)
            && same_entries(before, after)
        {
            return Ok(());
        }
        let covered = *lock(&self.covered);
        let old = match before {
            Some(row) => entries(row, self.written_for(batch, row)?.unwrap_or(covered))?,
            None => Entries::new(),
        };
        let new = match after {
            Some(row) => entries(row, covered)?,
            None => Entries::new(),
        };
        write_difference(batch, &old, &new);
        Ok(())
    }

    /// The years for which the entries of a series are written.
    fn written_for(&self, batch: &Batch, row: &EventRow) -> Result<Option<CoveredYears>, ProjectionError> {
        for kind in [THIN, DENSE] {
            if let Some(value) = self.current(batch, Family::Series, &series_key(kind, row.thing))? {
                return Ok(Some(years_of(&SeriesRow::decode(&value)?)));
            }
        }
        Ok(None)
    }

    fn rows(&self, batch: &Batch, thing: ThingId) -> Result<Vec<EventRow>, ProjectionError> {
        match self.current(batch, Family::EventRow, thing.as_bytes())? {
            Some(value) => Ok(decode_events(&value)?),
            None => Ok(Vec::new()),
        }
    }

    /// The value of a key as it will be when the batch is written.
    fn current(&self, batch: &Batch, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let of_family = batch.changes().iter().rev().filter(|(other, _)| *other == family);
        for (_, change) in of_family {
            match change {
                Change::Put(other, value) if other == key => return Ok(Some(value.clone())),
                Change::Delete(other) if other == key => return Ok(None),
                Change::DeleteRange(from, to) if from.as_slice() <= key && (to.is_empty() || key < to.as_slice()) => {
                    return Ok(None);
                }
                _ => {}
            }
        }
        self.store.get(family, key)
    }

    fn next_change(&self, batch: &mut Batch) -> u64 {
        let change = self.changes.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        put(
            batch,
            &MetaKey::SearchTodoNext,
            &MetaValue::of_number(change.saturating_add(1)),
        );
        change
    }
}

/// A change was heard of when it was first heard of, however often its document is counted, and however late.
fn heard_first(mut row: EventRow, heard: Option<(i64, i64)>) -> EventRow {
    let same = heard.filter(|(updated_ms, _)| *updated_ms == row.event.updated_ms);
    if let Some((_, first_ms)) = same {
        row.seen_ms = Some(row.seen_ms.map_or(first_ms, |seen_ms| seen_ms.min(first_ms)));
    }
    row
}

fn write_difference(batch: &mut Batch, old: &Entries, new: &Entries) {
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for key in keys {
        match (old.get(key), new.get(key)) {
            (Some(before), Some(after)) if before == after => {}
            (_, Some(after)) => batch.put(key.0, key.1.as_slice(), after.as_slice()),
            (_, None) => batch.delete(key.0, key.1.as_slice()),
        }
    }
}

fn years_of(series: &SeriesRow) -> CoveredYears {
    CoveredYears {
        first: series.first_year,
        last: series.last_year,
    }
}

fn put_version(batch: &mut Batch, covered: CoveredYears) {
    put(batch, &MetaKey::ProjectionVersion, &MetaValue::of_number(FORMAT));
    put_covered(batch, covered);
}

fn put_covered(batch: &mut Batch, covered: CoveredYears) {
    let bytes = [covered.first.to_be_bytes(), covered.last.to_be_bytes()].concat();
    put(batch, &MetaKey::CoveredYears, &MetaValue(bytes));
}

/// The years for which all series are written; `None` in a new database.
pub(super) fn covered_years(store: &Store) -> Result<Option<CoveredYears>, StoreError> {
    let Some(MetaValue(bytes)) = get(&**store, &MetaKey::CoveredYears)? else {
        return Ok(None);
    };
    let [a, b, c, d] = bytes.as_slice() else {
        return Err(StoreError::Damaged { what: "covered years" });
    };
    let (first, last) = (i16::from_be_bytes([*a, *b]), i16::from_be_bytes([*c, *d]));
    Ok(Some(CoveredYears { first, last }))
}

/// The number of the last change to the projections; another number means that something may look different.
pub(super) fn last_change(store: &Store) -> Result<u64, StoreError> {
    Ok(number(store, MetaKey::SearchTodoNext)?.unwrap_or(1).saturating_sub(1))
}

/// How often the projections were dropped.
pub(super) fn times_dropped(store: &Store) -> Result<u64, StoreError> {
    Ok(number(store, MetaKey::ProjectionsDropped)?.unwrap_or(0))
}

/// A number among the node's own notes.
pub(super) fn number(store: &Store, key: MetaKey) -> Result<Option<u64>, StoreError> {
    let Some(value) = get(&**store, &key)? else {
        return Ok(None);
    };
    value
        .number()
        .map(Some)
        .ok_or(StoreError::Damaged { what: MetaValue::WHAT })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
