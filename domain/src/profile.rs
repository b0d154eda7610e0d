//! The hub profile: what a hub says about itself, in its own document in the public log.

use serde::{Deserialize, Serialize};

/// A place on the earth, WGS 84 degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Degrees north, -90 to 90.
    pub lat: f64,
    /// Degrees east, -180 to 180.
    pub lon: f64,
}

impl Point {
    /// A point, if both numbers are finite and within range.
    pub fn new(lat: f64, lon: f64) -> Option<Self> {
        let valid = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
        valid.then_some(Self { lat, lon })
    }

    /// Great-circle distance in kilometres (haversine, mean earth radius 6,371 km).
    pub fn distance_km(self, other: Self) -> f64 {
        let (lat1, lat2) = (self.lat.to_radians(), other.lat.to_radians());
        let half_lat = ((lat2 - lat1) / 2.0).sin();
        let half_lon = ((other.lon - self.lon).to_radians() / 2.0).sin();
        let a = half_lat * half_lat + lat1.cos() * lat2.cos() * half_lon * half_lon;
        2.0 * 6371.0 * a.sqrt().min(1.0).asin()
    }
}

/// What a hub says about itself. Every field has a reading when it is missing: empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HubProfile {
    /// The name people use, for instance "Impact Hub Birmingham".
    pub name: String,
    /// IANA time zone, for instance `Europe/London`; empty reads as UTC.
    pub timezone: String,
    /// Town.
    pub locality: String,
    /// ISO 3166-1 alpha-2 country code.
    pub country: String,
    /// Where the hub is.
    pub at: Option<Point>,
    /// Address of the hub's public pages.
    pub web_url: String,
    /// A few sentences.
    pub description: String,
}
