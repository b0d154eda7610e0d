//! Calendars in and out.

mod clean;
mod component;
pub mod export;
pub mod import;
mod text;
mod vtimezone;
mod zones;

pub use clean::web_address;

use crate::event::Zone;
use jiff::tz::TimeZone;

fn find_iana(name: &str) -> Option<String> {
    let name = name.trim();
    TimeZone::get(name).ok()?.iana_name().map(str::to_owned)
}

fn resolve_zone(zone: &Zone) -> Option<TimeZone> {
    match zone {
        Zone::Named(name) => TimeZone::get(name).ok(),
        Zone::Custom { .. } => Some(TimeZone::UTC),
    }
}

fn check_rule(_rule: &str) -> Result<(), String> {
    Ok(())
}
