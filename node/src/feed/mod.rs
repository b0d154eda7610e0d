//! Calendars elsewhere that this hub follows: how they are downloaded.
//!
//! [`source`] says what an operator may name, [`fetch`] downloads. What a download changes is decided in
//! `interhub_domain::calendar::follow`, and written by `command::subscription`; [`poll`] is the task that does it again and
//! again.

pub mod fetch;
pub mod poll;
pub mod source;
