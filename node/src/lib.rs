//! The server a hub runs. The folders are the way data takes: peer → rpc → sync → store → projection → web.

pub mod projection;
pub mod store;
