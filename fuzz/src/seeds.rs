//! The seeds of the corpus, made of real values: `cargo run -p interhub-fuzz --example seeds` writes them.

use crate::{bodies, changes, envelopes, frames, invitations, statements};

/// One seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Its target.
    pub target: &'static str,
    /// The name of its file.
    pub name: String,
    /// What the target is given.
    pub bytes: Vec<u8>,
}

/// All of them.
pub fn all() -> Vec<Seed> {
    let by_target = [
        ("frames", frames::seeds()),
        ("envelopes", envelopes::seeds()),
        ("bodies", bodies::seeds()),
        ("statements", statements::seeds()),
        ("invitations", invitations::seeds()),
        ("changes", changes::seeds()),
    ];
    let of_one = |(target, seeds): (&'static str, Vec<(String, Vec<u8>)>)| {
        seeds.into_iter().map(move |(name, bytes)| Seed {
            target,
            name: format!("{name}.bin"),
            bytes,
        })
    };
    by_target.into_iter().flat_map(of_one).collect()
}
