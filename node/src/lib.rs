//! The server a hub runs. The folders are the way data takes: peer → rpc → sync → store → projection → web.

pub mod child;
pub mod clock;
pub mod command;
pub mod config;
pub mod data_folder;
pub mod feed;
pub mod identity;
mod metrics;
pub mod node;
pub mod outside;
pub mod peer;
pub mod picture;
pub mod projection;
pub mod rpc;
pub mod store;
pub mod sync;
pub mod task;
pub mod telemetry;
mod turns;
pub mod way;
pub mod web;
pub mod webhook;
