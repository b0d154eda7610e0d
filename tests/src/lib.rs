//! Whole-system tests: real programs on this machine, driven from outside as an operator would.
//!
//! [`hub::Hub`] is one `interhubd` process with its data folder; [`cluster::Cluster`] is several of them in one network.
//! The programs are those of the same build, found beside the test.

#![allow(
    clippy::missing_panics_doc,
    clippy::return_self_not_must_use,
    reason = "a test harness: it panics where a test fails"
)]

pub mod calendar_server;
pub mod cluster;
pub mod hostile;
pub mod hub;
pub mod mounts;
pub mod receiver;
