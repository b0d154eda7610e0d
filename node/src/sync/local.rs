//! Rows that are this node's alone: no hub hears of them, and no document is made of them.

use std::ops::ControlFlow;

use super::ledger::Ledger;
use crate::store::catalogue::counter::{CounterId, CounterKey, TallyKey};
use crate::store::catalogue::picture::PictureKey;
use crate::store::catalogue::webhook::WebhookKey;
use crate::store::catalogue::{self, Key, prefix_end};
use crate::store::{Batch, Direction, Family, StoreError};

/// The keys that may be read and written this way: nothing else follows from their rows.
pub trait LocalKey: Key {
    /// The family they all lie in.
    const FAMILY: Family;
}

impl LocalKey for WebhookKey {
    const FAMILY: Family = Family::Webhook;
}

impl LocalKey for CounterKey {
    const FAMILY: Family = Family::Counter;
}

impl LocalKey for TallyKey {
    const FAMILY: Family = Family::Tally;
}

impl LocalKey for PictureKey {
    const FAMILY: Family = Family::Picture;
}

impl Ledger {
    /// All rows whose key begins with a prefix (empty: all), in the order of their keys.
    pub fn local_rows<K: LocalKey>(&self, prefix: &[u8]) -> Result<Vec<(K, K::Value)>, StoreError> {
        let mut out = Vec::new();
        let visit = |key, row| {
            out.push((key, row));
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, K::FAMILY, prefix, Direction::Forward, visit)?;
        Ok(out)
    }

    /// One of them.
    pub fn local_row<K: LocalKey>(&self, key: &K) -> Result<Option<K::Value>, StoreError> {
        catalogue::get(&*self.store, key)
    }

    /// Notes one. It survives a power cut once [`Ledger::make_durable`] has returned.
    pub fn put_local_row<K: LocalKey>(&self, key: &K, row: &K::Value) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::put(&mut batch, key, row);
        self.commit(&batch)
    }

    /// Forgets some.
    pub fn drop_local_rows<K: LocalKey>(&self, keys: &[K]) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        for key in keys {
            catalogue::delete(&mut batch, key);
        }
        self.commit(&batch)
    }

    /// Forgets a counter and everything that was counted with it.
    pub fn drop_counter(&self, id: CounterId) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        catalogue::delete(&mut batch, &CounterKey(id));
        batch.delete_range(Family::Tally, id.0, prefix_end(&id.0));
        self.commit(&batch)
    }
}
