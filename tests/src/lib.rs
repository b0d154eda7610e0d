//! Whole-system tests: real programs on this machine, driven from outside as an operator would.
//!
//! [`hub::Hub`] is one `interhubd` process with its data folder; [`cluster::Cluster`] is several of them in one network.
//! The programs are those of the same build, found beside the test.

pub mod cluster;
pub mod hub;
