//! Time zones: names to rules, wall times to instants, and the definitions that calendars bring along.
//!
//! Only [`jiff`]'s bundled database is used, never the machine's own, so that every node of one version shows the same
//! instants.
//!
//! A wall time that a clock change skips reads as the time after the change by as much as it lies in the gap (02:30
//! becomes 03:30); one that comes twice reads as the first (RFC 5545 3.3.5). `jiff` calls that `compatible`.

mod custom;

use std::str::FromStr as _;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::event::{LocalTime, Zone};

pub use custom::MAX_DEFINITION_BYTES;
pub(super) use custom::{offset_seconds, onset};

/// The longest zone name looked up, in bytes; longer ones are unknown.
pub const MAX_NAME_BYTES: usize = 255;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone's rules; UTC if nothing is known of it (see [`lookup`] to tell the difference).
pub fn resolve(zone: &Zone) -> TimeZone {
    lookup(zone).unwrap_or(TimeZone::UTC)
}

/// The zone's rules, or `None` if its name is unknown and it has no definition that can be read.
///
/// A definition beats the name: its author knew which instants were meant.
pub fn lookup(zone: &Zone) -> Option<TimeZone> {
    match zone {
        Zone::Named(name) => named(name),
        Zone::Custom { name, definition } => custom::compile(name, definition).or_else(|| named(name)),
    }
}

fn named(name: &str) -> Option<TimeZone> {
    get(name).or_else(|| get(&find_iana(name)?))
}

fn get(name: &str) -> Option<TimeZone> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    DATABASE.get(name).ok()
}

/// The name in the IANA database, with its usual capitals, for a TZID as calendar programs write it.
///
/// Understands IANA names in any case, also behind a prefix (`/freeassociation.sourceforge.net/Europe/Berlin`) or spelt
/// `Europe-Berlin`, the zone names of Windows and Outlook (`W. Europe Standard Time`, `(UTC+01:00) Amsterdam, Berlin,
/// ...`), whole hours from UTC (`UTC+2`), and the abbreviations feeds use for a zone (`EDT`). All names of UTC read as
/// `UTC`.
pub fn find_iana(name: &str) -> Option<String> {
    let name = name.trim().trim_matches('"').trim();
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return None;
    }
    let zone = get(name)
        .or_else(|| behind_prefix(name))
        .or_else(|| hours_from_utc(name))
        .or_else(|| proprietary(name))
        .or_else(|| abbreviation(name))
        .or_else(|| get(&name.replacen('-', "/", 1).replace(' ', "_")))?;
    let found = zone.iana_name()?;
    let utc = [
        "UTC",
        "UCT",
        "Zulu",
        "Universal",
        "Etc/UTC",
        "Etc/UCT",
        "Etc/Zulu",
        "Etc/Universal",
    ];
    Some(if utc.contains(&found) {
        "UTC".to_owned()
    } else {
        found.to_owned()
    })
}

/// Takes the longest end of a path that is a zone.
fn behind_prefix(name: &str) -> Option<TimeZone> {
    name.match_indices('/')
        .filter_map(|(at, _)| name.get(at + 1..))
        .find_map(get)
}

/// Reads `UTC+2`, `GMT-0500`, `UTC+02:00` and `Z`.
fn hours_from_utc(name: &str) -> Option<TimeZone> {
    let upper = name.to_ascii_uppercase();
    if upper == "Z" {
        return get("UTC");
    }
    let offset = upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT"))?.trim();
    let (sign, digits) = match offset.split_at_checked(1)? {
        // The names in the database count west of Greenwich as positive.
        ("+", digits) => ('-', digits),
        ("-", digits) => ('+', digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "00"),
    };
    let hours: u8 = hours.parse().ok()?;
    match (hours, minutes) {
        (0, "00") => get("UTC"),
        (_, "00") => get(&format!("Etc/GMT{sign}{hours}")),
        _ => None,
    }
}

/// Looks in the map of Windows, Outlook and Lotus names that `calcard` carries.
fn proprietary(name: &str) -> Option<TimeZone> {
    let zone = calcard::common::timezone::Tz::from_str(name).ok()?;
    get(&zone.name()?)
}

/// Reads an abbreviation that is no name of the database. At the times of year for which it is right, so is the zone.
fn abbreviation(name: &str) -> Option<TimeZone> {
    get(match name {
        "EDT" => "America/New_York",
        "CDT" | "CST" => "America/Chicago",
        "MDT" => "America/Denver",
        "PDT" | "PST" => "America/Los_Angeles",
        "CEST" => "CET",
        "EEST" => "EET",
        "BST" => "Europe/London",
        "AEST" | "AEDT" => "Australia/Sydney",
        _ => return None,
    })
}

/// The instant of a wall time, Unix milliseconds; midnight for a date. Times beyond what [`jiff`] can count read as the
/// first or last instant there is.
pub fn instant_ms(local: LocalTime, tz: &TimeZone) -> i64 {
    let at = local.date_time();
    tz.to_ambiguous_timestamp(at).compatible().map_or_else(
        |_| {
            if at.year() < 0 {
                Timestamp::MIN.as_millisecond()
            } else {
                Timestamp::MAX.as_millisecond()
            }
        },
        Timestamp::as_millisecond,
    )
}

/// The wall time at an instant in Unix milliseconds, limited to the instants [`jiff`] can count.
pub fn local_at(ms: i64, tz: &TimeZone) -> DateTime {
    let limit = if ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    tz.to_datetime(Timestamp::from_millisecond(ms).unwrap_or(limit))
}

#[cfg(test)]
mod tests;
