//! One suite for every backend. `suite!(factory)` makes a test of each function below.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Backend, Batch, Direction, Family, MAX_KEY_BYTES, Store, StoreError};

/// A store, and what has to live as long as it (a temporary folder).
pub(super) struct Opened {
    pub(super) store: Store,
    _guard: Box<dyn Any>,
}

impl Opened {
    pub(super) fn new(store: impl Backend, guard: impl Any) -> Self {
        Self {
            store: std::sync::Arc::new(store),
            _guard: Box::new(guard),
        }
    }
}

/// Runs every function of the suite on a fresh store each.
macro_rules! suite {
    ($factory:expr) => {
        $crate::store::conformance::suite!(@each $factory,
            get_put_delete, later_changes_win, families_are_apart, order_is_bytewise, bounds_both_ways, visitor_breaks,
            ranges_are_deleted, whole_family_is_deleted, refused_batch_leaves_nothing, visitor_may_use_the_store,
            batches_are_seen_whole, random_operations_match_the_model, syncs_together);
    };
    (@each $factory:expr, $($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                let opened = ($factory)();
                $crate::store::conformance::$name(&*opened.store);
            }
        )*
    };
}
pub(super) use suite;

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn rows(store: &dyn Backend, family: Family, from: &[u8], to: &[u8], direction: Direction) -> Rows {
    let mut found = Vec::new();
    store
        .scan(family, from, to, direction, &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

fn keys(store: &dyn Backend, from: &[u8], to: &[u8], direction: Direction) -> Vec<Vec<u8>> {
    rows(store, Family::Log, from, to, direction)
        .into_iter()
        .map(|(key, _)| key)
        .collect()
}

fn put_all(store: &dyn Backend, keys: &[&[u8]]) {
    let mut batch = Batch::new();
    for key in keys {
        batch.put(Family::Log, *key, *key);
    }
    store.write(&batch).unwrap();
}

pub(super) fn get_put_delete(store: &dyn Backend) {
    assert_eq!(store.get(Family::Log, b"a").unwrap(), None);
    let mut batch = Batch::new();
    batch.put(Family::Log, *b"a", *b"1");
    batch.put(Family::Log, *b"empty", *b"");
    store.write(&batch).unwrap();
    assert_eq!(store.get(Family::Log, b"a").unwrap().unwrap(), b"1");
    assert_eq!(store.get(Family::Log, b"empty").unwrap().unwrap(), b"");

    let mut batch = Batch::new();
    batch.delete(Family::Log, *b"a");
    batch.delete(Family::Log, *b"never there");
    store.write(&batch).unwrap();
    assert_eq!(store.get(Family::Log, b"a").unwrap(), None);
    store.write(&Batch::new()).unwrap();
    store.sync().unwrap();
}

pub(super) fn later_changes_win(store: &dyn Backend) {
    let mut batch = Batch::new();
    batch.put(Family::Log, *b"k", *b"1");
    batch.delete(Family::Log, *b"k");
    batch.put(Family::Log, *b"k", *b"2");
    batch.put(Family::Log, *b"m", *b"1");
    batch.delete_range(Family::Log, *b"l", *b"n");
    batch.put(Family::Log, *b"l", *b"3");
    store.write(&batch).unwrap();
    assert_eq!(store.get(Family::Log, b"k").unwrap().unwrap(), b"2");
    assert_eq!(store.get(Family::Log, b"m").unwrap(), None);
    assert_eq!(store.get(Family::Log, b"l").unwrap().unwrap(), b"3");
}

pub(super) fn families_are_apart(store: &dyn Backend) {
    let mut batch = Batch::new();
    for family in Family::ALL {
        batch.put(family, *b"k", family.name());
    }
    store.write(&batch).unwrap();
    for family in Family::ALL {
        assert_eq!(store.get(family, b"k").unwrap().unwrap(), family.name().as_bytes());
    }
    let mut batch = Batch::new();
    batch.delete_range(Family::Log, *b"", *b"");
    store.write(&batch).unwrap();
    for family in Family::ALL {
        assert_eq!(store.get(family, b"k").unwrap().is_some(), family != Family::Log);
    }
}

pub(super) fn order_is_bytewise(store: &dyn Backend) {
    put_all(store, &[b"b", b"a\0", b"\xff\xff", b"a", b"\0", b"ab", b"\xff"]);
    let expected: Vec<Vec<u8>> = [&b"\0"[..], b"a", b"a\0", b"ab", b"b", b"\xff", b"\xff\xff"]
        .map(<[u8]>::to_vec)
        .to_vec();
    assert_eq!(keys(store, b"", b"", Direction::Forward), expected);
    let backward: Vec<Vec<u8>> = expected.into_iter().rev().collect();
    assert_eq!(keys(store, b"", b"", Direction::Backward), backward);
}

pub(super) fn bounds_both_ways(store: &dyn Backend) {
    put_all(store, &[b"a", b"b", b"c", b"d"]);
    let cases: [(&[u8], &[u8], &[&[u8]]); 8] = [
        (b"b", b"d", &[b"b", b"c"]),
        (b"b", b"", &[b"b", b"c", b"d"]),
        (b"", b"b", &[b"a"]),
        (b"bb", b"cc", &[b"c"]),
        (b"c", b"c", &[]),
        (b"d", b"a", &[]),
        (b"e", b"", &[]),
        (b"", b"a", &[]),
    ];
    for (from, to, expected) in cases {
        let mut expected: Vec<Vec<u8>> = expected.iter().map(|key| key.to_vec()).collect();
        assert_eq!(keys(store, from, to, Direction::Forward), expected, "{from:?}..{to:?}");
        expected.reverse();
        assert_eq!(
            keys(store, from, to, Direction::Backward),
            expected,
            "{from:?}..{to:?} backward"
        );
    }
}

pub(super) fn visitor_breaks(store: &dyn Backend) {
    put_all(store, &[b"a", b"b", b"c"]);
    for (direction, expected) in [(Direction::Forward, b"b"), (Direction::Backward, b"b")] {
        let mut seen = Vec::new();
        store
            .scan(Family::Log, b"", b"", direction, &mut |key, _| {
                seen.push(key.to_vec());
                if seen.len() == 2 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .unwrap();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[1], expected);
    }
}

pub(super) fn ranges_are_deleted(store: &dyn Backend) {
    put_all(store, &[b"a", b"b", b"c", b"d"]);
    let mut batch = Batch::new();
    batch.delete_range(Family::Log, *b"b", *b"d");
    batch.delete_range(Family::Log, *b"d", *b"a");
    batch.delete_range(Family::Log, *b"a", *b"a");
    store.write(&batch).unwrap();
    assert_eq!(
        keys(store, b"", b"", Direction::Forward),
        [b"a".to_vec(), b"d".to_vec()]
    );
    put_all(store, &[b"c"]);
    assert_eq!(
        keys(store, b"", b"", Direction::Backward),
        [b"d".to_vec(), b"c".to_vec(), b"a".to_vec()]
    );
}

pub(super) fn whole_family_is_deleted(store: &dyn Backend) {
    let longest = [0xff; MAX_KEY_BYTES];
    put_all(store, &[b"", b"a", &longest]);
    let mut batch = Batch::new();
    batch.delete_range(Family::Log, *b"a", *b"");
    store.write(&batch).unwrap();
    assert_eq!(keys(store, b"", b"", Direction::Forward), [b"".to_vec()]);
}

pub(super) fn refused_batch_leaves_nothing(store: &dyn Backend) {
    let mut batch = Batch::new();
    batch.put(Family::Log, *b"a", *b"1");
    batch.put(Family::Meta, vec![0; MAX_KEY_BYTES + 1], *b"1");
    assert!(matches!(store.write(&batch), Err(StoreError::KeyTooLong { .. })));
    assert_eq!(store.get(Family::Log, b"a").unwrap(), None);
}

pub(super) fn visitor_may_use_the_store(store: &dyn Backend) {
    put_all(store, &[b"a", b"b", b"c"]);
    let mut seen = Vec::new();
    store
        .scan(Family::Log, b"", b"", Direction::Forward, &mut |key, _| {
            seen.push(key.to_vec());
            let mut batch = Batch::new();
            batch.delete_range(Family::Log, *b"", *b"");
            batch.put(Family::Log, [b"z", key].concat(), *b"");
            store.write(&batch).unwrap();
            assert_eq!(keys(store, b"", b"", Direction::Forward).len(), 1);
            assert!(store.get(Family::Log, &[b"z", key].concat()).unwrap().is_some());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(
        seen,
        [b"a".to_vec(), b"b".to_vec(), b"c".to_vec()],
        "the scan keeps its own view"
    );
}

/// A writer raises every counter in one batch, again and again; no scan, in neither direction, may see two values.
pub(super) fn batches_are_seen_whole(store: &dyn Backend) {
    const ROUNDS: u32 = 300;
    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                let mut batch = Batch::new();
                for key in 0..40_u8 {
                    batch.put(Family::Log, [key], round.to_be_bytes());
                }
                store.write(&batch).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        for direction in [Direction::Forward, Direction::Backward] {
            scope.spawn(move || {
                loop {
                    let last = done.load(Ordering::Acquire);
                    let values = rows(store, Family::Log, b"", b"", direction);
                    assert!(
                        values.is_empty() || values.len() == 40,
                        "half a batch: {} rows",
                        values.len()
                    );
                    assert!(
                        values.windows(2).all(|pair| pair[0].1 == pair[1].1),
                        "rows of two batches in one scan"
                    );
                    if last {
                        break;
                    }
                }
            });
        }
    });
}

/// Threads that write and sync at the same time all come back, and nothing is lost.
pub(super) fn syncs_together(store: &dyn Backend) {
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            scope.spawn(move || {
                for round in 0..10_u8 {
                    put_all(store, &[&[thread, round]]);
                    store.sync().unwrap();
                }
            });
        }
    });
    assert_eq!(keys(store, b"", b"", Direction::Forward).len(), 80);
}

#[derive(Debug, Clone)]
enum Operation {
    Put(bool, Vec<u8>, u8),
    Delete(bool, Vec<u8>),
    DeleteRange(bool, Vec<u8>, Vec<u8>),
}

fn key_strategy() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0x80), Just(0xff)], 0..4)
}

fn operation_strategy() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (any::<bool>(), key_strategy(), any::<u8>()).prop_map(|(f, key, value)| Operation::Put(f, key, value)),
        1 => (any::<bool>(), key_strategy()).prop_map(|(f, key)| Operation::Delete(f, key)),
        1 => (any::<bool>(), key_strategy(), key_strategy())
            .prop_map(|(f, from, to)| Operation::DeleteRange(f, from, to)),
    ]
}

const fn family_of(first: bool) -> Family {
    if first { Family::Log } else { Family::BodyPersonal }
}

type Model = BTreeMap<(Family, Vec<u8>), Vec<u8>>;

fn apply(model: &mut Model, batch: &mut Batch, operation: &Operation) {
    match operation {
        Operation::Put(first, key, value) => {
            model.insert((family_of(*first), key.clone()), vec![*value]);
            batch.put(family_of(*first), key.clone(), [*value]);
        }
        Operation::Delete(first, key) => {
            model.remove(&(family_of(*first), key.clone()));
            batch.delete(family_of(*first), key.clone());
        }
        Operation::DeleteRange(first, from, to) => {
            let family = family_of(*first);
            model.retain(|(f, key), _| *f != family || key < from || (!to.is_empty() && key >= to));
            batch.delete_range(family, from.clone(), to.clone());
        }
    }
}

/// Random batches against a plain map: after each, every point read and random ranges in both directions agree.
pub(super) fn random_operations_match_the_model(store: &dyn Backend) {
    let batches = proptest::collection::vec(proptest::collection::vec(operation_strategy(), 1..12), 1..12);
    let ranges = proptest::collection::vec((any::<bool>(), key_strategy(), key_strategy()), 1..8);
    let mut runner = TestRunner::new(Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&(batches, ranges), |(batches, ranges)| {
        let mut clean = Batch::new();
        clean.delete_range(Family::Log, *b"", *b"");
        clean.delete_range(Family::BodyPersonal, *b"", *b"");
        store.write(&clean).unwrap();
        let mut model = Model::new();
        for operations in &batches {
            let mut batch = Batch::new();
            for operation in operations {
                apply(&mut model, &mut batch, operation);
            }
            store.write(&batch).unwrap();
            for (first, from, to) in &ranges {
                let family = family_of(*first);
                prop_assert_eq!(
                    store.get(family, from).unwrap(),
                    model.get(&(family, from.clone())).cloned()
                );
                let mut expected: Rows = model
                    .iter()
                    .filter(|((f, key), _)| *f == family && key >= from && (to.is_empty() || key < to))
                    .map(|((_, key), value)| (key.clone(), value.clone()))
                    .collect();
                prop_assert_eq!(&rows(store, family, from, to, Direction::Forward), &expected);
                expected.reverse();
                prop_assert_eq!(&rows(store, family, from, to, Direction::Backward), &expected);
            }
        }
        Ok(())
    });
    outcome.unwrap();
}
