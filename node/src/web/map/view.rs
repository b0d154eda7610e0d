//! Which part of the earth is shown, and where a place is on it.

use std::f64::consts::PI;

use interhub_domain::profile::Point;

/// Width and height of the drawing, in its own units. On a wide screen a unit is a little less than a pixel.
pub(crate) const WIDTH: f64 = 1_000.0;
pub(crate) const HEIGHT: f64 = 600.0;
/// At zoom 0 the width is once around the earth, and each step halves that. The outlines are not fine enough for more.
pub(crate) const MAX_ZOOM: u8 = 7;
/// How far in a view goes by itself: a place needs its surroundings to be known again.
const MAX_FITTED_ZOOM: u8 = 5;
/// Space that a view keeps around what it was made for, for marks and labels.
const MARGIN: (f64, f64) = (110.0, 70.0);
/// Mercator's projection has no poles; there are no outlines beyond these either.
const NORTH: f64 = 84.0;
const SOUTH: f64 = -60.0;

/// A place on the flat earth: from west to east and from north to south, the earth's whole width being 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Flat {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Flat {
    pub(super) fn of(lat: f64, lon: f64) -> Self {
        let angle = lat.clamp(-85.0, 85.0).to_radians();
        Self {
            x: lon / 360.0 + 0.5,
            y: 0.5 - (PI / 4.0 + angle / 2.0).tan().ln() / (2.0 * PI),
        }
    }

    fn point(self) -> Point {
        let lat = (2.0 * ((0.5 - self.y) * 2.0 * PI).exp().atan() - PI / 2.0).to_degrees();
        let lon = (self.x.rem_euclid(1.0) - 0.5) * 360.0;
        Point { lat, lon }
    }
}

/// A part of the earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct View {
    centre: Flat,
    pub(crate) zoom: u8,
}

impl View {
    /// Around a place; moved north or south where the earth would end within it.
    pub(crate) fn new(centre: Point, zoom: u8) -> Self {
        Self::around(Flat::of(centre.lat, centre.lon), zoom)
    }

    fn around(mut centre: Flat, zoom: u8) -> Self {
        let zoom = zoom.min(MAX_ZOOM);
        let half = HEIGHT / 2.0 / scale(zoom);
        let (top, bottom) = (Flat::of(NORTH, 0.0).y + half, Flat::of(SOUTH, 0.0).y - half);
        centre.y = if top < bottom {
            centre.y.clamp(top, bottom)
        } else {
            f64::midpoint(top, bottom)
        };
        Self { centre, zoom }
    }

    /// The closest view that shows all these places; the whole earth if there are none.
    pub(crate) fn of_all(points: &[Point]) -> Self {
        let flat: Vec<Flat> = points.iter().map(|at| Flat::of(at.lat, at.lon)).collect();
        let Some((west, width)) = shortest_arc(&flat) else {
            return Self::around(Flat { x: 0.5, y: 0.5 }, 0);
        };
        let top = flat.iter().map(|at| at.y).fold(f64::INFINITY, f64::min);
        let bottom = flat.iter().map(|at| at.y).fold(f64::NEG_INFINITY, f64::max);
        let fits = |zoom: u8| {
            let (room_x, room_y) = (WIDTH - 2.0 * MARGIN.0, HEIGHT - 2.0 * MARGIN.1);
            width * scale(zoom) <= room_x && (bottom - top) * scale(zoom) <= room_y
        };
        let zoom = (0..=MAX_FITTED_ZOOM).rev().find(|zoom| fits(*zoom)).unwrap_or(0);
        let centre = Flat {
            x: west + width / 2.0,
            y: f64::midpoint(top, bottom),
        };
        Self::around(centre, zoom)
    }

    /// The place in the middle.
    pub(crate) fn centre(self) -> Point {
        self.centre.point()
    }

    /// The view some parts of its width and height away, to the east and to the south.
    pub(crate) fn moved(self, east: f64, south: f64) -> Self {
        let centre = Flat {
            x: self.centre.x + east * WIDTH / scale(self.zoom),
            y: self.centre.y + south * HEIGHT / scale(self.zoom),
        };
        Self::around(centre, self.zoom)
    }

    /// Where a place is in the drawing; beyond its edges if it is not shown.
    pub(crate) fn position(self, at: Point) -> (f64, f64) {
        let flat = Flat::of(at.lat, at.lon);
        let across = flat.x - self.centre.x;
        // Around the earth the shorter way.
        let across = across - across.round();
        self.drawn(Flat {
            x: self.centre.x + across,
            ..flat
        })
    }

    pub(super) fn drawn(self, at: Flat) -> (f64, f64) {
        let scale = scale(self.zoom);
        (
            WIDTH / 2.0 + (at.x - self.centre.x) * scale,
            HEIGHT / 2.0 + (at.y - self.centre.y) * scale,
        )
    }
}

/// Units of the drawing for once around the earth.
fn scale(zoom: u8) -> f64 {
    WIDTH * f64::from(1_u32 << zoom.min(MAX_ZOOM))
}

/// Where the shortest stretch around the earth that holds all of these begins in the west, and how wide it is.
fn shortest_arc(points: &[Flat]) -> Option<(f64, f64)> {
    let mut across: Vec<f64> = points.iter().map(|at| at.x.rem_euclid(1.0)).collect();
    across.sort_by(f64::total_cmp);
    let (first, last) = (*across.first()?, *across.last()?);
    // It begins behind the widest gap.
    let mut best = (first, first + 1.0 - last);
    for pair in across.windows(2) {
        if let [one, next] = pair
            && next - one > best.1
        {
            best = (*next, next - one);
        }
    }
    Some((best.0, 1.0 - best.1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn point(lat: f64, lon: f64) -> Point {
        Point::new(lat, lon).unwrap()
    }

    #[test]
    fn one_place_is_seen_in_its_surroundings() {
        let vienna = point(48.2, 16.37);
        let view = View::of_all(&[vienna]);
        assert_eq!(view.zoom, MAX_FITTED_ZOOM);
        let (x, y) = view.position(vienna);
        assert!((x - WIDTH / 2.0).abs() < 0.01 && (y - HEIGHT / 2.0).abs() < 0.01);
        let centre = view.centre();
        assert!((centre.lat - vienna.lat).abs() < 1e-6 && (centre.lon - vienna.lon).abs() < 1e-6);
    }

    #[test]
    fn the_date_line_parts_nothing() {
        let view = View::of_all(&[point(-18.1, 178.4), point(-13.8, -171.8)]);
        assert!(view.zoom >= 4, "{view:?}");
        let (fiji, samoa) = (view.position(point(-18.1, 178.4)), view.position(point(-13.8, -171.8)));
        assert!(fiji.0 < samoa.0 && samoa.0 - fiji.0 < WIDTH);
    }

    #[test]
    fn the_whole_earth_is_seen_when_there_is_nothing() {
        let view = View::of_all(&[]);
        assert_eq!(view.zoom, 0);
        let (_, north) = view.position(point(71.0, 25.0));
        let (_, south) = view.position(point(-52.0, -70.0));
        assert!(north > 0.0 && south < HEIGHT, "{north} {south}");
    }

    proptest! {
        #[test]
        fn all_places_are_seen(places in proptest::collection::vec((-55.0..75.0_f64, -180.0..180.0_f64), 1..20)) {
            let places: Vec<Point> = places.into_iter().map(|(lat, lon)| point(lat, lon)).collect();
            let view = View::of_all(&places);
            for place in places {
                let (x, y) = view.position(place);
                prop_assert!((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{:?} {} {}", view, x, y);
            }
        }

        #[test]
        fn no_view_leaves_the_earth(lat in -90.0..90.0_f64, lon in -180.0..180.0_f64, zoom in 0..=MAX_ZOOM, east in -1.0..1.0_f64, south in -1.0..1.0_f64) {
            let view = View::new(point(lat, lon), zoom).moved(east, south);
            let centre = view.centre();
            prop_assert!(Point::new(centre.lat, centre.lon).is_some(), "{:?}", centre);
            prop_assert!(centre.lat <= NORTH && centre.lat >= SOUTH);
        }
    }
}
