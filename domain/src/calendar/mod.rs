//! Calendars in and out, and when events take place.
//!
//! [`import`] and [`export`] read and write iCalendar, [`jscalendar`] writes JSCalendar. [`expand`] turns a schedule into occurrences, with [`rule`] for
//! recurrence rules and [`zone`] for time zones; [`follow`] says what a calendar that is read again and again changed.

mod clean;
mod component;
mod days;
pub mod expand;
pub mod export;
pub mod follow;
pub mod import;
pub mod jscalendar;
pub mod rule;
mod text;
mod vtimezone;
pub mod zone;
mod zones;

pub use clean::web_address;
