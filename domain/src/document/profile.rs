//! The hub profile as a document.

use automerge::{AutoCommit, AutomergeError, ROOT};

use super::fields::{float, put_float, put_string, put_text, text};
use crate::profile::{HubProfile, Point};

const MAX_NAME: usize = 200;
const MAX_FIELD: usize = 200;
const MAX_URL: usize = 2_000;
const MAX_DESCRIPTION: usize = 8_000;

pub(super) fn write(doc: &mut AutoCommit, profile: &HubProfile) -> Result<(), AutomergeError> {
    put_string(doc, &ROOT, "name", &profile.name)?;
    put_string(doc, &ROOT, "timezone", &profile.timezone)?;
    put_string(doc, &ROOT, "locality", &profile.locality)?;
    put_string(doc, &ROOT, "country", &profile.country)?;
    put_float(doc, &ROOT, "lat", profile.at.map(|at| at.lat))?;
    put_float(doc, &ROOT, "lon", profile.at.map(|at| at.lon))?;
    put_string(doc, &ROOT, "web_url", &profile.web_url)?;
    put_text(doc, &ROOT, "description", &profile.description)
}

pub(super) fn read(doc: &AutoCommit) -> HubProfile {
    let at = float(doc, &ROOT, "lat").zip(float(doc, &ROOT, "lon"));
    HubProfile {
        name: text(doc, &ROOT, "name", MAX_NAME),
        timezone: text(doc, &ROOT, "timezone", MAX_FIELD),
        locality: text(doc, &ROOT, "locality", MAX_FIELD),
        country: text(doc, &ROOT, "country", MAX_FIELD),
        at: at.and_then(|(lat, lon)| Point::new(lat, lon)),
        web_url: text(doc, &ROOT, "web_url", MAX_URL),
        description: text(doc, &ROOT, "description", MAX_DESCRIPTION),
    }
}

/// Whether a profile is one that [`read`] can give.
pub(super) fn is_within_limits(profile: &HubProfile) -> bool {
    let short = |text: &str, most: usize| text.chars().nth(most).is_none();
    short(&profile.name, MAX_NAME)
        && [&profile.timezone, &profile.locality, &profile.country]
            .into_iter()
            .all(|text| short(text, MAX_FIELD))
        && profile.at.is_none_or(|at| Point::new(at.lat, at.lon).is_some())
        && short(&profile.web_url, MAX_URL)
        && short(&profile.description, MAX_DESCRIPTION)
}

pub(super) fn check(doc: &AutoCommit) -> Result<(), &'static str> {
    if read(doc).name.is_empty() {
        Err("a hub needs a name")
    } else {
        Ok(())
    }
}
