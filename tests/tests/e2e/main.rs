//! End-to-end: real programs, real ports, real disks.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod bad_trust_input;
mod cohosts;
mod copies;
mod decisions;
mod departed;
mod details;
mod disk;
mod faults;
mod keys;
mod member_files;
mod members;
mod network;
mod pictures;
mod quarantine;
mod registry;
mod report;
mod scopes;
mod subscription;
mod terminal;
mod tokens;
mod webhooks;
mod withdraw;
mod withholding;
