//! Calls to servers that are no hubs: calendars, pictures, and whoever wants to be told of changes.
//!
//! [`guard`] says which addresses a node never calls, [`call`] makes the call. Nothing here knows what it is for; no error
//! repeats an address, which may hold a secret.

pub mod call;
pub mod guard;
