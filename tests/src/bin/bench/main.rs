//! How fast and how small, held against what it cannot be faster or smaller than, both measured in this run.
//!
//! Prints one table (figure, target, limit) and writes `bench.json` into the target folder. Nothing here fails on a slow
//! machine. `INTERHUB_BENCH_DOCUMENTS` says how large the large folder is (58,000 if absent),
//! `INTERHUB_BENCH_OCCURRENCES` in how many occurrences things are looked up (1,000,000).
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a measuring program, not a server"
)]

mod commit;
mod flood;
mod hostile;
mod large;
mod members;
mod query;
mod reconnect;
mod table;

fn main() {
    let size = |name: &str, usual: usize| -> usize {
        let said = std::env::var(name).ok().and_then(|text| text.parse().ok());
        said.unwrap_or(usual)
    };
    let documents = size("INTERHUB_BENCH_DOCUMENTS", 58_000);
    let folder = tempfile::tempdir().unwrap();
    let mut rows = Vec::new();
    eprintln!("making a hub of {documents} events ...");
    let large = large::make(folder.path(), documents);
    large::bench_disk(&large, documents, &mut rows);
    reconnect::bench(folder.path(), &large, documents, &mut rows);
    large::bench_start_and_memory(&large, documents, &mut rows);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    eprintln!("commit and propagate ...");
    commit::bench(&runtime, folder.path(), &mut rows);
    eprintln!("hostile changes ...");
    hostile::bench(&mut rows);
    eprintln!("a flood of hostile changes ...");
    flood::bench(&runtime, &mut rows);
    let occurrences = size("INTERHUB_BENCH_OCCURRENCES", 1_000_000);
    eprintln!("{occurrences} occurrences ...");
    query::bench(&runtime, folder.path(), occurrences, &mut rows);
    eprintln!("members ...");
    members::bench(folder.path(), &mut rows);
    table::print(&rows);
}
