//! The committed corpus, through the same checks that are fuzzed: what a target once found stays found.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use interhub_fuzz::{TARGETS, seeds};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Largest file of the corpus in bytes: what is found is made small before it is committed.
const MAX_FILE: usize = 64 * 1024;

#[test]
fn what_was_found_stays_found() {
    for target in TARGETS {
        let mut files = 0;
        for file in fs::read_dir(corpus().join(target.name)).unwrap() {
            let path = file.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            assert!(bytes.len() <= MAX_FILE, "{} is too large", path.display());
            println!("{}", path.display());
            (target.check)(&bytes);
            files += 1;
        }
        assert!(files > 0, "{} has no corpus", target.name);
    }
}

#[test]
fn seeds_are_the_committed_ones_and_are_understood_to_their_end() {
    let mut seeded = BTreeSet::new();
    for seed in seeds::all() {
        let path = corpus().join(seed.target).join(&seed.name);
        let committed = fs::read(&path).unwrap_or_default();
        let advice = "is not the generated one: cargo run -p interhub-fuzz --example seeds";
        assert!(committed == seed.bytes, "{} {advice}", path.display());
        let target = TARGETS.iter().find(|target| target.name == seed.target).unwrap();
        assert!((target.check)(&seed.bytes), "{} is not understood", path.display());
        seeded.insert(seed.target);
    }
    assert_eq!(seeded.len(), TARGETS.len());
}

/// Every seed cut short and with each byte altered once, as far as a moment allows: the checks hold off the paths that the
/// corpus shows.
#[test]
fn altered_seeds_break_nothing() {
    for seed in seeds::all() {
        let target = TARGETS.iter().find(|target| target.name == seed.target).unwrap();
        let step = seed.bytes.len() / 60 + 1;
        for at in (0..seed.bytes.len()).step_by(step) {
            (target.check)(&seed.bytes[..at]);
            let mut altered = seed.bytes.clone();
            altered[at] ^= 1 << (at % 8);
            (target.check)(&altered);
        }
    }
}
