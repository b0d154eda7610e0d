//! Land and borders, from `data/outlines.txt` (see `data/SOURCES.md`), as SVG paths for one view.

use std::fmt::Write;
use std::sync::LazyLock;

use super::view::{Flat, HEIGHT, View, WIDTH};

/// Units of the file in a degree.
const UNITS: f64 = 100.0;
/// Lines are cut so far outside the drawing, in its units, that the cut is not seen.
const OUTSIDE: f64 = 6.0;

/// One line of the file.
struct Shape {
    is_land: bool,
    points: Vec<Flat>,
    /// West, north, east, south.
    frame: (f64, f64, f64, f64),
}

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let lines = include_str!("../../../data/outlines.txt").lines();
    lines.filter_map(read).collect()
});

/// What one view shows of the earth.
pub(crate) struct Outlines {
    /// Data of one path; a lake is a ring within a ring, so to be filled by the even-odd rule.
    pub(crate) land: String,
    /// Data of one path, not to be filled.
    pub(crate) borders: String,
}

impl Outlines {
    /// Draws a view, to a unit exactly.
    pub(crate) fn of(view: View) -> Self {
        let mut drawn = Self {
            land: String::new(),
            borders: String::new(),
        };
        for shape in &*SHAPES {
            // A view over the date line sees the ends of the earth side by side.
            for turn in [-1.0, 0.0, 1.0] {
                if is_seen(view, shape, turn) {
                    drawn.add(view, shape, turn);
                }
            }
        }
        drawn
    }

    fn add(&mut self, view: View, shape: &Shape, turn: f64) {
        let turned = |at: &Flat| {
            view.drawn(Flat {
                x: at.x + turn,
                y: at.y,
            })
        };
        let points: Vec<(f64, f64)> = shape.points.iter().map(turned).collect();
        if shape.is_land {
            let ring = whole(&clipped(points));
            if ring.len() > 2 {
                write_path(&mut self.land, &ring);
                self.land.push('z');
            }
            return;
        }
        for line in pieces(&points) {
            let line = whole(&line);
            if line.len() > 1 {
                write_path(&mut self.borders, &line);
            }
        }
    }
}

fn read(line: &str) -> Option<Shape> {
    let (kind, rest) = line.split_at_checked(1)?;
    // A minus parts two numbers as a space does.
    let rest = rest.replace('-', " -");
    let mut numbers = rest
        .split_ascii_whitespace()
        .map_while(|number| number.parse::<i32>().ok());
    let (mut lon, mut lat) = (0, 0);
    let mut points = Vec::new();
    while let (Some(east), Some(north)) = (numbers.next(), numbers.next()) {
        (lon, lat) = (lon + east, lat + north);
        points.push(Flat::of(f64::from(lat) / UNITS, f64::from(lon) / UNITS));
    }
    let start = (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    let frame = points.iter().fold(start, |(west, north, east, south), at| {
        (west.min(at.x), north.min(at.y), east.max(at.x), south.max(at.y))
    });
    (points.len() > 1).then_some(Shape {
        is_land: kind == "L",
        points,
        frame,
    })
}

fn is_seen(view: View, shape: &Shape, turn: f64) -> bool {
    let (west, north, east, south) = shape.frame;
    let (left, top) = view.drawn(Flat {
        x: west + turn,
        y: north,
    });
    let (right, bottom) = view.drawn(Flat {
        x: east + turn,
        y: south,
    });
    right >= 0.0 && left <= WIDTH && bottom >= 0.0 && top <= HEIGHT
}

/// One side of the frame at which shapes are cut.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
    Top,
    Bottom,
}

impl Side {
    /// How far inside a point is.
    fn inside(self, (x, y): (f64, f64)) -> f64 {
        match self {
            Self::Left => x + OUTSIDE,
            Self::Right => WIDTH + OUTSIDE - x,
            Self::Top => y + OUTSIDE,
            Self::Bottom => HEIGHT + OUTSIDE - y,
        }
    }
}

/// What of a ring lies in the frame (Sutherland and Hodgman, 1974). Parts that leave it and come back are joined along its
/// sides, where nobody sees it.
fn clipped(mut ring: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    for side in [Side::Left, Side::Right, Side::Top, Side::Bottom] {
        let mut kept = Vec::with_capacity(ring.len());
        let Some(mut before) = ring.last().copied() else {
            return kept;
        };
        for at in ring {
            let (was, is) = (side.inside(before), side.inside(at));
            if (was < 0.0) != (is < 0.0) {
                let part = was / (was - is);
                kept.push((before.0 + (at.0 - before.0) * part, before.1 + (at.1 - before.1) * part));
            }
            if is >= 0.0 {
                kept.push(at);
            }
            before = at;
        }
        ring = kept;
    }
    ring
}

/// The parts of a line that may be seen: those of its steps that are not wholly beyond one side.
fn pieces(line: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut goes_on = false;
    for step in line.windows(2) {
        let [one, next] = step else {
            continue;
        };
        let sides = [Side::Left, Side::Right, Side::Top, Side::Bottom];
        let is_beyond = sides
            .iter()
            .any(|side| side.inside(*one) < 0.0 && side.inside(*next) < 0.0);
        if is_beyond {
            goes_on = false;
            continue;
        }
        match pieces.last_mut() {
            Some(piece) if goes_on => piece.push(*next),
            _ => pieces.push(vec![*one, *next]),
        }
        goes_on = true;
    }
    pieces
}

/// To whole units, each point once.
#[expect(
    clippy::cast_possible_truncation,
    reason = "near the drawing, and the cast saturates"
)]
fn whole(points: &[(f64, f64)]) -> Vec<(i32, i32)> {
    let mut whole: Vec<(i32, i32)> = points
        .iter()
        .map(|(x, y)| (x.round() as i32, y.round() as i32))
        .collect();
    whole.dedup();
    if whole.len() > 1 && whole.first() == whole.last() {
        whole.pop();
    }
    whole
}

/// `M12 3l4-5 6 7`: steps are shorter to write than places.
fn write_path(out: &mut String, points: &[(i32, i32)]) {
    let mut before = (0, 0);
    for (index, &(x, y)) in points.iter().enumerate() {
        let (east, south) = (x - before.0, y - before.1);
        let lead = match index {
            0 => "M",
            1 => "l",
            _ if east < 0 => "",
            _ => " ",
        };
        let between = if south < 0 { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(out, "{lead}{east}{between}{south}");
        before = (x, y);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use interhub_domain::profile::Point;

    use super::*;

    #[test]
    fn every_line_of_the_file_is_read() {
        let lines = include_str!("../../../data/outlines.txt").lines().count();
        assert_eq!(SHAPES.len(), lines);
        assert!(SHAPES.iter().all(|shape| shape.points.len() > 1));
        assert!(include_str!("../../../data/outlines.txt").len() < 150_000);
        let shape = read("B 1637 4820-10-5 3 4").unwrap();
        assert_eq!((shape.is_land, shape.points.len()), (false, 3));
        assert_eq!(shape.points[1], Flat::of(48.15, 16.27));
    }

    /// Whether a point of the drawing is on land, by the even-odd rule.
    fn is_land(path: &str, (x, y): (f64, f64)) -> bool {
        let mut crossings = 0;
        for ring in path.split('z').filter(|ring| !ring.is_empty()) {
            let text = ring.replace(['M', 'l'], " ").replace('-', " -");
            let numbers: Vec<f64> = text.split_ascii_whitespace().map(|one| one.parse().unwrap()).collect();
            let (mut at, mut points) = ((0.0, 0.0), Vec::new());
            for step in numbers.chunks(2) {
                at = (at.0 + step[0], at.1 + step[1]);
                points.push(at);
            }
            let mut before = *points.last().unwrap();
            for point in points {
                if (before.1 > y) != (point.1 > y) {
                    let crossing = before.0 + (point.0 - before.0) * (y - before.1) / (point.1 - before.1);
                    crossings += usize::from(crossing > x);
                }
                before = point;
            }
        }
        crossings % 2 == 1
    }

    #[test]
    fn land_is_where_it_is() {
        for (name, lat, lon, land) in [
            ("Vienna", 48.2, 16.37, true),
            ("Birmingham", 52.48, -1.89, true),
            ("Bloomington", 39.16, -86.53, true),
            ("Nairobi", -1.29, 36.82, true),
            ("the middle of Australia", -25.0, 134.0, true),
            ("Chukotka, beyond the date line", 66.5, -175.0, true),
            ("the Atlantic", 40.0, -40.0, false),
            ("the Caspian Sea", 42.0, 50.5, false),
            ("the North Sea", 56.0, 3.0, false),
            ("the Pacific", 0.0, -179.9, false),
        ] {
            for zoom in [0, 2, 4, 6] {
                let at = Point { lat, lon };
                let view = View::new(at, zoom);
                let outlines = Outlines::of(view);
                assert_eq!(
                    is_land(&outlines.land, view.position(at)),
                    land,
                    "{name} at zoom {zoom}"
                );
            }
        }
    }

    #[test]
    fn a_view_is_small_to_send() {
        for (lat, lon) in [(30.0, 10.0), (50.0, 10.0), (60.0, 100.0), (0.0, 180.0)] {
            for zoom in 0..=super::super::MAX_ZOOM {
                let outlines = Outlines::of(View::new(Point { lat, lon }, zoom));
                let bytes = outlines.land.len() + outlines.borders.len();
                assert!(bytes < 90_000, "{bytes} at zoom {zoom}");
                assert!(!outlines.land.contains("NaN"));
            }
        }
    }
}
