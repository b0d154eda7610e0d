//! What has to hold for whatever bytes come from outside: one function for each door, which takes any bytes.
//!
//! The fuzz targets in `fuzz_targets/` give these functions what libFuzzer makes up (`make fuzz`). An ordinary test gives
//! them the committed corpus, so that what a target once found stays found: `tests/replay.rs`. Each function says whether
//! the bytes were understood to their end, which the seeds have to be.
#![expect(clippy::missing_panics_doc, reason = "panicking is how a check here fails")]

pub mod bodies;
pub mod changes;
/// The node's own door, compiled from its file: the crate of the node would bring RocksDB along.
#[path = "../../node/src/peer/convert.rs"]
pub mod convert;
pub mod envelopes;
pub mod frames;
mod input;
pub mod invitations;
pub mod seeds;
pub mod statements;
mod world;

/// A door, and what is checked there.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of the target, and of its folder in the corpus.
    pub name: &'static str,
    /// Takes any bytes; says whether they were understood to their end.
    pub check: fn(&[u8]) -> bool,
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target {
        name: "frames",
        check: frames::check,
    },
    Target {
        name: "envelopes",
        check: envelopes::check,
    },
    Target {
        name: "bodies",
        check: bodies::check,
    },
    Target {
        name: "statements",
        check: statements::check,
    },
    Target {
        name: "invitations",
        check: invitations::check,
    },
    Target {
        name: "changes",
        check: changes::check,
    },
];

/// Lets a target live through the panics of Automerge that counting catches, and says nothing about them: libFuzzer's own
/// hook ends the process at any panic. One that nobody catches still ends it.
pub fn quieten() {
    std::panic::set_hook(Box::new(|panic| {
        let by_the_library = panic.location().is_some_and(|location| {
            let file = location.file();
            file.contains("/automerge-") || file.contains("/hexane-")
        });
        if !by_the_library {
            eprintln!("{panic}");
        }
    }));
}
