//! The backend without a disk: for tests and for simulation, where nothing may depend on threads or real time.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, PoisonError, RwLock};

use super::{Backend, Batch, Change, Direction, Family, StoreError, check_keys, is_empty_range};

/// One family. Behind an `Arc`, so that a scan keeps its view while batches are written: the first batch after the scan
/// began copies the family, later ones do not.
type Table = Arc<BTreeMap<Vec<u8>, Vec<u8>>>;

/// A store in memory. Forgets everything when dropped; [`Backend::sync`] does nothing.
#[derive(Default)]
pub struct MemoryStore {
    tables: RwLock<BTreeMap<Family, Table>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn table(&self, family: Family) -> Table {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.get(&family).cloned().unwrap_or_default()
    }
}

impl Backend for MemoryStore {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        Ok(tables.get(&family).and_then(|table| table.get(key).cloned()))
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
        let table = self.table(family);
        let rows = table.range::<[u8], _>(bounds(from, to));
        match direction {
            Direction::Forward => walk(rows, visit),
            Direction::Backward => walk(rows.rev(), visit),
        }
        Ok(())
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        check_keys(batch)?;
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        for (family, change) in batch.changes() {
            let table = Arc::make_mut(tables.entry(*family).or_default());
            match change {
                Change::Put(key, value) => {
                    table.insert(key.clone(), value.clone());
                }
                Change::Delete(key) => {
                    table.remove(key);
                }
                Change::DeleteRange(from, to) => delete_range(table, from, to),
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn force_out(&self, _: &[(Family, Vec<u8>, Vec<u8>)]) -> Result<(), StoreError> {
        Ok(())
    }
}

fn bounds<'a>(from: &'a [u8], to: &'a [u8]) -> (Bound<&'a [u8]>, Bound<&'a [u8]>) {
    let end = if to.is_empty() {
        Bound::Unbounded
    } else {
        Bound::Excluded(to)
    };
    (Bound::Included(from), end)
}

fn walk<'a>(
    rows: impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>,
    visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) {
    for (key, value) in rows {
        if visit(key, value).is_break() {
            return;
        }
    }
}

fn delete_range(table: &mut BTreeMap<Vec<u8>, Vec<u8>>, from: &[u8], to: &[u8]) {
    if is_empty_range(from, to) {
        return;
    }
    let mut removed = table.split_off(from);
    if !to.is_empty() {
        let mut kept = removed.split_off(to);
        table.append(&mut kept);
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::*;

    conformance::suite!(|| conformance::Opened::new(MemoryStore::new(), ()));
}
