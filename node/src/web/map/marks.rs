//! Marks: what lies close is gathered into one, and labels go where there is room.

use interhub_domain::profile::Point;

use super::view::{HEIGHT, View, WIDTH};

/// Marks keep this distance, in units: on a phone, where a unit is a third of a pixel, a finger still hits one of them.
const APART: f64 = 84.0;
/// Radius of a mark: of one without events, and the smallest and largest of one with some.
const DOT: f64 = 9.0;
const SMALLEST: f64 = 16.0;
const LARGEST: f64 = 30.0;
/// Height of a line of text.
const LINE: f64 = 22.0;
/// Width of a character, taken rather wide: which font a reader has is not known.
const CHARACTER: f64 = 10.0;
/// Width of a character of the scripts that fill a square.
const SQUARE: f64 = 19.0;
/// Between a mark and its label.
const GAP: f64 = 5.0;
/// A label is cut to this many characters; the list beside the map has all of it.
const MAX_LABEL_CHARS: usize = 24;

/// One place to be marked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spot {
    pub(crate) at: Point,
    pub(crate) events: usize,
    /// A hub is there: marks stand where hubs are, and are named by them.
    pub(crate) is_hub: bool,
    pub(crate) name: String,
}

/// One mark, for one or several spots.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) radius: f64,
    /// Where the first of its spots is.
    pub(crate) at: Point,
    /// Which spots, by their index; the first one names it.
    pub(crate) spots: Vec<usize>,
    pub(crate) events: usize,
    /// From its place to the farthest of its spots.
    pub(crate) reach_km: f64,
    pub(crate) label: Option<Label>,
}

/// A name beside a mark.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub(crate) text: String,
    pub(crate) x: f64,
    /// Of the middle of the letters.
    pub(crate) y: f64,
    /// `start`, `middle` or `end`, as SVG's `text-anchor`.
    pub(crate) anchor: &'static str,
}

/// Gathers the spots that a view shows into marks: hubs first, then the places with most events. From north to south.
pub(crate) fn marks(view: View, spots: &[Spot]) -> Vec<Mark> {
    let mut order: Vec<usize> = (0..spots.len()).collect();
    order.sort_by_key(|&index| {
        let spot = &spots[index];
        (!spot.is_hub, std::cmp::Reverse(spot.events), index)
    });
    let mut marks: Vec<Mark> = Vec::new();
    for index in order {
        let spot = &spots[index];
        let (x, y) = view.position(spot.at);
        if !(0.0..=WIDTH).contains(&x) || !(0.0..=HEIGHT).contains(&y) {
            continue;
        }
        let distance = |mark: &Mark| (mark.x - x).hypot(mark.y - y);
        let near = marks
            .iter_mut()
            .min_by(|one, other| distance(one).total_cmp(&distance(other)));
        match near {
            Some(mark) if (mark.x - x).hypot(mark.y - y) < APART => {
                mark.spots.push(index);
                mark.events += spot.events;
                mark.reach_km = mark.reach_km.max(mark.at.distance_km(spot.at));
            }
            _ => marks.push(Mark {
                x,
                y,
                radius: DOT,
                at: spot.at,
                spots: vec![index],
                events: spot.events,
                reach_km: 0.0,
                label: None,
            }),
        }
    }
    for mark in &mut marks {
        mark.radius = radius(mark.events);
        (mark.x, mark.y) = (tenths(mark.x), tenths(mark.y));
    }
    marks.sort_by(|one, other| one.y.total_cmp(&other.y).then(one.x.total_cmp(&other.x)));
    place_labels(&mut marks, spots);
    marks
}

/// The area grows with the digits of the count: a mark with ten times the events is not ten times as loud.
fn radius(events: usize) -> f64 {
    match events.checked_ilog10().map_or(0, |log| log + 1) {
        0 => DOT,
        digits => (SMALLEST + 4.0 * f64::from(digits - 1)).min(LARGEST),
    }
}

/// A length that is short to write.
fn tenths(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

/// A stretch of the drawing: left, top, right, bottom.
#[derive(Clone, Copy)]
struct Frame(f64, f64, f64, f64);

impl Frame {
    fn meets(self, other: Self) -> bool {
        self.0 < other.2 && other.0 < self.2 && self.1 < other.3 && other.1 < self.3
    }

    fn is_inside(self) -> bool {
        self.0 >= 0.0 && self.1 >= 0.0 && self.2 <= WIDTH && self.3 <= HEIGHT
    }
}

/// Each mark gets its label to the right, to the left, below or above, where that meets no mark and no other label; the
/// largest marks first. Where there is no room it goes without.
fn place_labels(marks: &mut [Mark], spots: &[Spot]) {
    let mut taken: Vec<Frame> = marks
        .iter()
        .map(|mark| {
            let (x, y, radius) = (mark.x, mark.y, mark.radius + 2.0);
            Frame(x - radius, y - radius, x + radius, y + radius)
        })
        .collect();
    let mut order: Vec<usize> = (0..marks.len()).collect();
    order.sort_by_key(|&index| {
        (
            !spots[marks[index].spots[0]].is_hub,
            std::cmp::Reverse(marks[index].events),
            index,
        )
    });
    for index in order {
        let text = label_of(&marks[index], spots);
        if text.is_empty() {
            continue;
        }
        let mark = &mut marks[index];
        let found = candidates(mark, &text)
            .into_iter()
            .find(|(_, frame)| frame.is_inside() && !taken.iter().any(|other| frame.meets(*other)));
        if let Some((label, frame)) = found {
            taken.push(frame);
            mark.label = Some(label);
        }
    }
}

fn candidates(mark: &Mark, text: &str) -> [(Label, Frame); 4] {
    let (x, y, away) = (mark.x, mark.y, mark.radius + GAP);
    let width = width_of(text);
    let at = |x: f64, middle: f64, anchor: &'static str| {
        let left = match anchor {
            "start" => x,
            "end" => x - width,
            _ => x - width / 2.0,
        };
        let label = Label {
            text: text.to_owned(),
            x: tenths(x),
            y: tenths(middle),
            anchor,
        };
        (
            label,
            Frame(left, middle - LINE / 2.0, left + width, middle + LINE / 2.0),
        )
    };
    [
        at(x + away, y, "start"),
        at(x - away, y, "end"),
        at(x, y + away + LINE / 2.0, "middle"),
        at(x, y - away - LINE / 2.0, "middle"),
    ]
}

/// What stands beside a mark: of an address its first part, of several hubs one and how many more.
fn label_of(mark: &Mark, spots: &[Spot]) -> String {
    let spot = &spots[mark.spots[0]];
    let hubs = mark.spots.iter().filter(|&&index| spots[index].is_hub).count();
    let first = spot.name.split(',').next().unwrap_or("").trim();
    let name = if spot.is_hub || first.is_empty() {
        spot.name.trim()
    } else {
        first
    };
    let mut label: String = if name.chars().count() <= MAX_LABEL_CHARS {
        name.to_owned()
    } else {
        let cut: String = name.chars().take(MAX_LABEL_CHARS - 1).collect();
        format!("{}…", cut.trim_end())
    };
    if hubs > 1 && !label.is_empty() {
        label = format!("{label} +{}", hubs - 1);
    }
    label
}

fn width_of(text: &str) -> f64 {
    text.chars()
        .map(|character| if character >= '\u{1100}' { SQUARE } else { CHARACTER })
        .sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn spot(lat: f64, lon: f64, events: usize, name: &str) -> Spot {
        Spot {
            at: Point::new(lat, lon).unwrap(),
            events,
            is_hub: false,
            name: name.to_owned(),
        }
    }

    #[test]
    fn what_lies_close_is_one_mark() {
        let mut spots = [
            spot(48.21, 16.37, 3, "Wien"),
            spot(48.19, 16.35, 40, "Lindengasse, 1070 Wien"),
            spot(52.48, -1.89, 5, "Birmingham"),
        ];
        let points: Vec<Point> = spots.iter().map(|spot| spot.at).collect();
        let view = View::of_all(&points);
        let made = marks(view, &spots);
        let told: Vec<_> = made.iter().map(|mark| (mark.events, mark.spots.clone())).collect();
        assert_eq!(told, [(5, vec![2]), (43, vec![1, 0])]);
        assert!((2.0..4.0).contains(&made[1].reach_km), "{}", made[1].reach_km);
        assert_eq!(made[1].label.as_ref().unwrap().text, "Lindengasse");
        // A hub names its mark, however few its events.
        spots[0].is_hub = true;
        assert_eq!(marks(view, &spots)[1].label.as_ref().unwrap().text, "Wien");
        spots[1].is_hub = true;
        assert_eq!(
            marks(view, &spots)[1].label.as_ref().unwrap().text,
            "Lindengasse, 1070 Wien +1"
        );
        // What the view does not show has no mark.
        assert_eq!(marks(View::new(points[2], 6), &spots).len(), 1);
    }

    #[test]
    fn marks_grow_slowly() {
        let radii: Vec<f64> = [0, 1, 9, 10, 100, 5_000, usize::MAX]
            .iter()
            .map(|events| radius(*events))
            .collect();
        assert!(radii.is_sorted());
        assert!(radii.last().unwrap() <= &LARGEST && 2.0 * LARGEST < APART);
    }

    proptest! {
        #[test]
        fn nothing_covers_anything_else(
            places in proptest::collection::vec((30.0..60.0_f64, -10.0..30.0_f64, 0_usize..2_000, "\\PC{0,40}"), 0..80),
            zoom in 0_u8..7,
        ) {
            let spots: Vec<Spot> = places.iter().map(|(lat, lon, events, name)| spot(*lat, *lon, *events, name)).collect();
            let view = View::new(Point::new(45.0, 10.0).unwrap(), zoom);
            let marks = marks(view, &spots);
            for (index, mark) in marks.iter().enumerate() {
                for other in &marks[index + 1..] {
                    let distance = (mark.x - other.x).hypot(mark.y - other.y);
                    prop_assert!(distance >= mark.radius + other.radius, "{} {}", distance, index);
                }
            }
            let frames: Vec<(usize, Frame)> = marks
                .iter()
                .enumerate()
                .filter_map(|(index, mark)| {
                    let label = mark.label.as_ref()?;
                    let found = candidates(mark, &label.text).into_iter().find(|(one, _)| one == label);
                    Some((index, found?.1))
                })
                .collect();
            for (at, (index, frame)) in frames.iter().enumerate() {
                prop_assert!(frame.is_inside());
                prop_assert!(frames[at + 1..].iter().all(|(_, other)| !frame.meets(*other)));
                for (other, mark) in marks.iter().enumerate() {
                    let (x, y) = (mark.x.clamp(frame.0, frame.2), mark.y.clamp(frame.1, frame.3));
                    prop_assert!(other == *index || (x - mark.x).hypot(y - mark.y) >= mark.radius);
                }
            }
            // Each spot in the view is in exactly one mark.
            let mut marked: Vec<usize> = marks.iter().flat_map(|mark| mark.spots.iter().copied()).collect();
            marked.sort_unstable();
            let before = marked.len();
            marked.dedup();
            prop_assert_eq!(marked.len(), before);
        }
    }
}
