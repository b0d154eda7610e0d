//! One at a time of each: what goes on for long in a task of its own is not begun twice.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whose turn it is, by what they are called.
#[derive(Debug, Clone)]
pub(crate) struct Turns<T: Ord>(Arc<Mutex<BTreeSet<T>>>);

impl<T: Ord> Default for Turns<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Ord + Copy> Turns<T> {
    /// A turn, unless one is under way.
    pub(crate) fn begin(&self, id: T) -> Option<Turn<T>> {
        let is_free = self.lock().insert(id);
        is_free.then(|| Turn {
            turns: self.clone(),
            id,
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn that is under way; whatever ends it, another one may begin.
#[derive(Debug)]
pub(crate) struct Turn<T: Ord + Copy> {
    turns: Turns<T>,
    id: T,
}

impl<T: Ord + Copy> Turn<T> {
    /// Whose it is.
    pub(crate) const fn id(&self) -> T {
        self.id
    }
}

impl<T: Ord + Copy> Drop for Turn<T> {
    fn drop(&mut self) {
        self.turns.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_one_turn_at_a_time() {
        let turns = Turns::default();
        let first = turns.begin(1).unwrap();
        assert_eq!(first.id(), 1);
        assert!(turns.begin(1).is_none() && turns.clone().begin(1).is_none());
        assert!(turns.begin(2).is_some(), "others go on");
        drop(first);
        assert!(turns.begin(1).is_some());
        let panicking = turns.clone();
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _turn = panicking.begin(3);
            panic!("on purpose");
        }))
        .unwrap_err();
        assert!(turns.begin(3).is_some(), "whatever ends it");
    }
}
