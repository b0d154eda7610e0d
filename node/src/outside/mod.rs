//! Calls to servers that are no hubs: calendars, pictures, whoever wants to be told of changes, and the one that takes mail.
//!
//! [`guard`] says which addresses a node never calls, [`call`] makes the call, [`mail`] hands over a letter. Nothing here knows what it is for; no error
//! repeats an address, which may hold a secret.

pub mod call;
pub mod guard;
pub mod mail;
