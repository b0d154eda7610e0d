//! Where events take place: what a map shows.

use std::collections::BTreeMap;

use interhub_domain::profile::Point;
use interhub_domain::query::EventQuery;

use super::Listed;
use super::facets::{BUDGET, MAX_EVENTS_COUNTED};
use super::read::{QueryError, Views};

/// Most places that are told apart; events beyond are not placed.
pub const MAX_PLACES: usize = 2_000;
/// Places within this part of a degree, a kilometre or less, are one place.
const GRID_PER_DEGREE: f64 = 100.0;

/// The places of the events that one question finds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Places {
    /// Each with at least one event, from south to north.
    pub places: Vec<PlaceCount>,
    /// Events of which it is not known where on earth they take place.
    pub elsewhere: usize,
    /// Whether those are all events; if not, the counts are lower bounds.
    pub complete: bool,
}

/// One place.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceCount {
    /// Where: exactly so for one of its events, and within a kilometre or so for the others.
    pub at: Point,
    /// What that event calls the place; may be empty.
    pub name: String,
    /// Events there. A series is counted once, at the place of its next date.
    pub events: usize,
}

impl Views {
    /// Where the events take place that meet the query. Limit and cursor are not looked at; a query without `from` begins
    /// now, as a list does.
    pub fn places(&self, query: &EventQuery, now_ms: i64) -> Result<Places, QueryError> {
        let mut gathered = Gathered::default();
        let limits = (MAX_EVENTS_COUNTED, BUDGET);
        let complete = self.each_event(query, now_ms, limits, &mut |listed| gathered.add(listed))?;
        Ok(gathered.places(complete))
    }
}

/// Places by their field of the grid.
#[derive(Default)]
pub(crate) struct Gathered {
    by_field: BTreeMap<(i32, i32), PlaceCount>,
    elsewhere: usize,
    is_full: bool,
}

impl Gathered {
    /// One more event, at one of its dates.
    pub(crate) fn add(&mut self, listed: &Listed) {
        let location = listed.location();
        let Some((location, at)) = location.and_then(|location| Some((location, location.at?))) else {
            self.elsewhere += 1;
            return;
        };
        let field = (index(at.lat), index(at.lon));
        if self.by_field.len() >= MAX_PLACES && !self.by_field.contains_key(&field) {
            self.is_full = true;
            return;
        }
        let place = self.by_field.entry(field).or_insert_with(|| PlaceCount {
            at,
            name: location.name.clone(),
            events: 0,
        });
        place.events += 1;
    }

    /// All of them.
    pub(crate) fn places(self, complete: bool) -> Places {
        Places {
            places: self.by_field.into_values().collect(),
            elsewhere: self.elsewhere,
            complete: complete && !self.is_full,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "degrees times a hundred are small, and the cast saturates"
)]
fn index(degrees: f64) -> i32 {
    (degrees * GRID_PER_DEGREE).round() as i32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::projection::testing::{House, NOW_MS, at, event};

    #[test]
    fn events_are_gathered_where_they_take_place() {
        let house = House::new();
        for (number, place) in [
            (1, Some((48.2, 16.37))),
            (2, Some((48.2001, 16.3701))),
            (3, Some((-17.7, 179.99))),
            (4, None),
        ] {
            let mut row = event(number, "Event", &format!("2026-12-0{number}T18:00"));
            row.event.location = place.map(|(lat, lon)| at(lat, lon));
            row.event.schedule.rules = vec!["FREQ=WEEKLY;COUNT=3".into()];
            house.put(&row);
        }
        let places = house.views.places(&EventQuery::default(), NOW_MS).unwrap();
        let told: Vec<_> = places.places.iter().map(|place| (place.at.lat, place.events)).collect();
        assert_eq!(told, [(-17.7, 1), (48.2, 2)]);
        assert_eq!((places.elsewhere, places.complete), (1, true));
        // The same filters as a list.
        let query = EventQuery {
            near: Point::new(48.0, 16.0),
            within_km: Some(100.0),
            ..EventQuery::default()
        };
        let places = house.views.places(&query, NOW_MS).unwrap();
        assert_eq!((places.places.len(), places.elsewhere), (1, 0));
    }

    #[test]
    fn there_are_never_too_many() {
        let mut gathered = Gathered::default();
        let mut row = event(1, "Event", "2026-12-01T18:00");
        for number in 0..3_000_i32 {
            row.event.location = Some(at(f64::from(number / 100), f64::from(number % 100)));
            let occurrence = interhub_domain::calendar::expand::occurrences(
                &row.event.schedule,
                row.event.status,
                interhub_domain::calendar::expand::Window::ALL,
                1,
            );
            gathered.add(&Listed {
                row: std::sync::Arc::new(row.clone()),
                occurrence: occurrence.occurrences[0].clone(),
            });
        }
        let places = gathered.places(true);
        assert_eq!((places.places.len(), places.complete), (MAX_PLACES, false));
    }
}
