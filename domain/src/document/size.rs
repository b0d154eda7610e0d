//! Whether a document is within the limits of its size, so that every node says the same.
//!
//! Automerge saves changes in the order in which they were merged, and what it takes to list them depends on that. A
//! document that one order brings just within a limit and another one just over it would count at some nodes only. So a
//! document that comes near a limit is put together anew, in one order that follows from the changes alone.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{AutoCommit, Change, ChangeHash};

use super::{MAX_SAVED, MAX_UNPACKED, Refusal};

/// A saved document up to this size cannot unpack to more than the limit, by the format it is packed in.
const SURELY_SMALL: usize = MAX_UNPACKED / 1_032;
/// What it takes at most to list one change of a document, apart from its operations and what it builds on: eight numbers
/// of up to five bytes, each as a run of its own.
const LISTED_CHANGE: usize = 50;
/// The same for one change that another one builds on.
const LISTED_DEPENDENCY: usize = 5;

/// Checks a document of which `saved` bytes were just saved.
pub(super) fn check(doc: &mut AutoCommit, saved: usize) -> Result<(), Refusal> {
    let listing = of_listing(doc);
    let unpacked = if saved > SURELY_SMALL {
        doc.save_nocompress().len()
    } else {
        0
    };
    if saved + listing <= MAX_SAVED && unpacked + listing <= MAX_UNPACKED {
        return Ok(());
    }
    let (saved, unpacked) = if listing == 0 {
        (saved, unpacked)
    } else {
        let mut doc = in_one_order(doc)?;
        (doc.save().len(), doc.save_nocompress().len())
    };
    if saved > MAX_SAVED {
        return Err(Refusal::Limit(format!("{} KiB a document", MAX_SAVED / 1024)));
    }
    if unpacked > MAX_UNPACKED {
        return Err(Refusal::Limit(format!(
            "{} KiB a document, unpacked",
            MAX_UNPACKED / 1024
        )));
    }
    Ok(())
}

/// By how many bytes at most the size may differ between orders; nothing if the changes are one line, which has one order.
fn of_listing(doc: &mut AutoCommit) -> usize {
    let all = doc.get_changes_meta(&[]);
    let mut before: Option<ChangeHash> = None;
    let mut one_line = true;
    let mut dependencies = 0;
    for change in &all {
        // Besides what came just before, a change names the last one of its own author.
        one_line &= before.is_none_or(|before| change.deps.contains(&before));
        dependencies += change.deps.len();
        before = Some(change.hash);
    }
    if one_line {
        return 0;
    }
    all.len() * LISTED_CHANGE + (dependencies + all.len()) * LISTED_DEPENDENCY
}

/// The same document, its changes merged in the order in which each comes after what it builds on, and of several that may
/// come next the one with the smallest hash.
fn in_one_order(doc: &mut AutoCommit) -> Result<AutoCommit, Refusal> {
    let mut waiting: BTreeMap<ChangeHash, (Change, usize)> = BTreeMap::new();
    let mut above: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
    for change in doc.get_changes(&[]) {
        let below: BTreeSet<ChangeHash> = change.deps().iter().copied().collect();
        for hash in &below {
            above.entry(*hash).or_default().push(change.hash());
        }
        waiting.insert(change.hash(), (change, below.len()));
    }
    let ready = waiting.iter().filter(|(_, (_, below))| *below == 0);
    let mut ready: BTreeSet<ChangeHash> = ready.map(|(hash, _)| *hash).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(hash) = ready.pop_first() {
        for next in above.remove(&hash).unwrap_or_default() {
            if let Some((_, below)) = waiting.get_mut(&next) {
                *below -= 1;
                if *below == 0 {
                    ready.insert(next);
                }
            }
        }
        ordered.extend(waiting.remove(&hash).map(|(change, _)| change));
    }
    let mut out = AutoCommit::new();
    out.apply_changes(ordered).map_err(|_| Refusal::Apply)?;
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use automerge::transaction::{CommitOptions, Transactable};
    use automerge::{ActorId, ROOT};

    use super::*;

    /// Branches of one beginning, each of several changes, and a change that builds on all of them.
    fn branches(count: u8, length: u8) -> Vec<Change> {
        let mut base = AutoCommit::new();
        base.set_actor(ActorId::from(&[0; 24][..]));
        base.put(ROOT, "title", "Open day").unwrap();
        base.commit_with(CommitOptions::default().with_time(0));
        let mut all = base.clone();
        for branch in 1..=count {
            let mut doc = base.clone();
            doc.set_actor(ActorId::from(&[branch; 24][..]));
            for step in 0..length {
                doc.put(ROOT, format!("{branch}"), i64::from(step)).unwrap();
                doc.commit_with(CommitOptions::default().with_time(0));
            }
            all.merge(&mut doc).unwrap();
        }
        all.set_actor(ActorId::from(&[0; 24][..]));
        all.put(ROOT, "title", "Closed day").unwrap();
        all.commit_with(CommitOptions::default().with_time(0));
        all.get_changes(&[])
    }

    /// The changes one by one, in an order that every number draws differently.
    fn merged(changes: &[Change], mut seed: u64) -> AutoCommit {
        let mut left = changes.to_vec();
        let mut doc = AutoCommit::new();
        while !left.is_empty() {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let mut at = (seed >> 33) as usize % left.len();
            let is_ready = |doc: &mut AutoCommit, change: &Change| {
                change
                    .deps()
                    .iter()
                    .all(|hash| doc.get_change_meta_by_hash(hash).is_some())
            };
            while !is_ready(&mut doc, &left[at]) {
                at = (at + 1) % left.len();
            }
            let change = left.swap_remove(at);
            doc.apply_changes([change]).unwrap();
        }
        doc
    }

    #[test]
    fn sizes_depend_on_the_order_of_merging_and_not_in_one_order() {
        let changes = branches(12, 9);
        let mut saved = BTreeSet::new();
        let mut ordered = BTreeSet::new();
        for seed in 0..40 {
            let mut doc = merged(&changes, seed);
            saved.insert((doc.save().len(), doc.save_nocompress().len()));
            let mut same = in_one_order(&mut doc).unwrap();
            assert_eq!(same.get_heads(), doc.get_heads());
            ordered.insert(same.save());
        }
        assert!(
            saved.len() > 1,
            "merging orders all take the same: nothing is shown here"
        );
        assert_eq!(ordered.len(), 1);
        let spread = |size: fn(&(usize, usize)) -> usize| {
            let all: Vec<usize> = saved.iter().map(size).collect();
            all.iter().max().unwrap() - all.iter().min().unwrap()
        };
        let listing = of_listing(&mut merged(&changes, 1));
        assert!(spread(|sizes| sizes.0) <= listing && spread(|sizes| sizes.1) <= listing);
    }

    #[test]
    fn one_line_of_changes_has_one_order() {
        let mut line = merged(&branches(1, 9), 1);
        assert_eq!(of_listing(&mut line), 0);
        assert_ne!(of_listing(&mut merged(&branches(2, 1), 1)), 0);
    }
}
