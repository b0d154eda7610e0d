//! The reader's own clock: which zones can be chosen, and the form in which they are.

use std::collections::BTreeSet;

use super::super::dates::zone;
use super::super::params::Params;
use super::super::visit::{TZ, UI};
use super::super::words::fill;
use super::board::Board;

/// Zones that are offered besides those of the hubs: each hour of the day, and the large cities.
const COMMON: [&str; 48] = [
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "Africa/Nairobi",
    "America/Anchorage",
    "America/Argentina/Buenos_Aires",
    "America/Bogota",
    "America/Chicago",
    "America/Denver",
    "America/Halifax",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/New_York",
    "America/Phoenix",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Toronto",
    "Asia/Bangkok",
    "Asia/Dhaka",
    "Asia/Dubai",
    "Asia/Hong_Kong",
    "Asia/Jakarta",
    "Asia/Karachi",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Manila",
    "Asia/Seoul",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Brisbane",
    "Australia/Perth",
    "Australia/Sydney",
    "Europe/Athens",
    "Europe/Berlin",
    "Europe/Istanbul",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Moscow",
    "Europe/Paris",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "UTC",
];

/// The form, and what a script needs to offer the browser's own zone.
pub(crate) struct Clock {
    /// The page itself.
    pub(crate) action: String,
    /// What else its address says.
    pub(crate) hidden: Vec<(String, String)>,
    pub(crate) choices: Vec<ClockChoice>,
    /// The zone of the times as they are shown.
    pub(crate) shown: String,
}

/// One zone to choose.
pub(crate) struct ClockChoice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) selected: bool,
}

/// The form on the page at `path` with these parameters.
pub(super) fn clock(board: &Board<'_>, path: &str, params: &Params) -> Clock {
    let params = match board.visit.ui {
        Some(ui) => params.with(UI, ui),
        None => params.clone(),
    };
    let asked = board.visit.zone.as_ref().and_then(|zone| zone.iana_name());
    let house = board.house().map_or("UTC", |house| house.profile.timezone.as_str());
    let mut names: BTreeSet<String> = COMMON.iter().map(|name| (*name).to_owned()).collect();
    let known = board.active().filter_map(|hub| zone(&hub.profile.timezone));
    names.extend(known.filter_map(|zone| zone.iana_name().map(str::to_owned)));
    names.extend(asked.map(str::to_owned));
    let mut choices = vec![ClockChoice {
        value: String::new(),
        label: fill(board.words.clock_of_house, &[("city", &board.city_of_house())]),
        selected: asked.is_none(),
    }];
    choices.extend(names.into_iter().map(|name| ClockChoice {
        label: name.replace('_', " "),
        selected: asked == Some(name.as_str()),
        value: name,
    }));
    Clock {
        action: path.to_owned(),
        hidden: params
            .without(&[TZ])
            .pairs()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        choices,
        shown: asked.unwrap_or(house).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_that_is_offered_is_known() {
        for name in COMMON {
            assert_eq!(zone(name).as_ref().and_then(|zone| zone.iana_name()), Some(name));
        }
    }
}
