//! The keys of the projections. All are fixed-width, big-endian, and hold no text: tags and UIDs are hashed, because a
//! database keeps keys in places where nothing erases them.
//!
//! | Family | Key |
//! |---|---|
//! | `EventRow` | thing |
//! | `OccurrenceByTime` | slot |
//! | `OccurrenceByHub` | hub, slot |
//! | `OccurrenceByTag` | hash of the folded tag, slot |
//! | `OccurrenceByPlace` | cell, slot |
//! | `Series` | kind (written, or too dense to be), thing |
//! | `EventByUid` | hub, hash of the UID, thing |
//! | `EventByUpdate` | last change, thing |
//! | `HubRow` | hub |
//! | `HostTodo` | what for (offer, conflict), hub, thing |
//! | `SearchTodo` | counter |
//!
//! A slot is (length class, start, thing, name of the occurrence). The class keeps long occurrences apart from short
//! ones, so that "what goes on at this moment" need not look a year back for the sake of one long exhibition: within a
//! class nothing that began earlier than the longest length of the class before the window can reach into it.

use interhub_domain::event::LocalTime;
use interhub_domain::ids::{HubId, ThingId, hash16};
use interhub_domain::profile::Point;
use interhub_domain::query::fold_tag;
use jiff::civil::{Date, DateTime, Time};

const DAY_MS: i64 = 86_400_000;

/// The longest occurrence of each length class, milliseconds. The first holds a day with a change to winter time.
pub(super) const CLASSES: [i64; 6] = [
    DAY_MS + 7_200_000,
    4 * DAY_MS,
    16 * DAY_MS,
    64 * DAY_MS,
    256 * DAY_MS,
    i64::MAX,
];

/// Which length class an occurrence belongs to.
pub(super) fn class_of(start_ms: i64, end_ms: i64) -> u8 {
    let length = end_ms.saturating_sub(start_ms);
    let class = CLASSES.iter().position(|longest| length <= *longest);
    class.and_then(|class| u8::try_from(class).ok()).unwrap_or(0)
}

/// Milliseconds as bytes that sort as the numbers do.
pub(super) fn ordered(ms: i64) -> [u8; 8] {
    (ms.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// Undoes [`ordered`].
pub(super) fn from_ordered(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed()
}

/// A wall time or date as a number that sorts as the times do.
pub(super) fn pack(time: LocalTime) -> u64 {
    let wall = time.date_time();
    let year = u64::from((i32::from(wall.year()) + 10_000).unsigned_abs());
    let fields = [wall.month(), wall.day(), wall.hour(), wall.minute(), wall.second()];
    fields
        .iter()
        .fold(year, |packed, field| packed << 8 | u64::from(field.unsigned_abs()))
}

/// Undoes [`pack`]; `None` for what it never returns.
pub(super) fn unpack(packed: u64, is_date: bool) -> Option<LocalTime> {
    let field = |place: u32| i8::try_from(packed >> (8 * place) & 0xff).ok();
    let year = i16::try_from(i64::try_from(packed >> 40).ok()? - 10_000).ok()?;
    let date = Date::new(year, field(4)?, field(3)?).ok()?;
    if is_date {
        return Some(LocalTime::Date(date));
    }
    let time = Time::new(field(2)?, field(1)?, field(0)?, 0).ok()?;
    Some(LocalTime::DateTime(DateTime::from_parts(date, time)))
}

/// The name of an occurrence within its event: its recurrence id, or zeros for a single event.
pub(super) type Name = [u8; 9];

pub(super) fn name_of(recurrence_id: Option<LocalTime>) -> Name {
    let mut name = Name::default();
    if let Some(time) = recurrence_id {
        name[0] = if time.is_date() { 1 } else { 2 };
        name[1..].copy_from_slice(&pack(time).to_be_bytes());
    }
    name
}

/// Undoes [`name_of`]; the outer `None` for what it never returns.
#[expect(clippy::option_option, reason = "damaged, single, or of a series")]
pub(super) fn recurrence_id_of(name: Name) -> Option<Option<LocalTime>> {
    let [kind, packed @ ..] = name;
    match kind {
        0 => Some(None),
        1 | 2 => unpack(u64::from_be_bytes(packed), kind == 1).map(Some),
        _ => None,
    }
}

/// The place of an occurrence in every list: start, then thing, then name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) start_ms: i64,
    pub(super) thing: ThingId,
    pub(super) name: Name,
}

/// Length of a [`Place`] in bytes.
pub(super) const PLACE_LEN: usize = 8 + ThingId::LEN + 9;

impl Place {
    pub(super) fn to_bytes(self) -> [u8; PLACE_LEN] {
        let mut bytes = [0; PLACE_LEN];
        bytes[..8].copy_from_slice(&ordered(self.start_ms));
        bytes[8..24].copy_from_slice(self.thing.as_bytes());
        bytes[24..].copy_from_slice(&self.name);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (start, rest) = bytes.split_first_chunk::<8>()?;
        let (thing, name) = rest.split_first_chunk::<16>()?;
        Some(Self {
            start_ms: from_ordered(*start),
            thing: ThingId(*thing),
            name: name.try_into().ok()?,
        })
    }
}

/// The key of an occurrence in an index: prefix, class, place.
pub(super) fn slot(prefix: &[u8], class: u8, place: Place) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + 1 + PLACE_LEN);
    key.extend_from_slice(prefix);
    key.push(class);
    key.extend_from_slice(&place.to_bytes());
    key
}

/// The prefix of a tag in `OccurrenceByTag`; equal for tags that compare equal.
pub(super) fn tag_prefix(tag: &str) -> [u8; 8] {
    let hash = hash16("interhub/v1/projection/tag", &[fold_tag(tag).as_bytes()]);
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&hash[..8]);
    prefix
}

/// The prefix of all events of a hub with one UID in `EventByUid`.
pub(super) fn uid_prefix(hub: HubId, uid: &str) -> Vec<u8> {
    let mut prefix = hub.as_bytes().to_vec();
    prefix.extend_from_slice(&hash16("interhub/v1/projection/uid", &[uid.as_bytes()]));
    prefix
}

/// The key of one event in `EventByUid`.
pub(super) fn uid_key(hub: HubId, uid: &str, thing: ThingId) -> Vec<u8> {
    let mut key = uid_prefix(hub, uid);
    key.extend_from_slice(thing.as_bytes());
    key
}

/// The key of one event in `EventByUpdate`.
pub(super) fn update_key(updated_ms: i64, thing: ThingId) -> [u8; 8 + ThingId::LEN] {
    let mut key = [0; 8 + ThingId::LEN];
    key[..8].copy_from_slice(&ordered(updated_ms));
    key[8..].copy_from_slice(thing.as_bytes());
    key
}

/// What a host has to decide about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Todo {
    /// Whether to host it.
    Offer,
    /// Which of several concurrent values is right.
    Conflict,
}

/// The prefix of all events about which a hub has to decide this.
pub(super) fn todo_prefix(what: Todo, hub: HubId) -> Vec<u8> {
    let code = match what {
        Todo::Offer => 1,
        Todo::Conflict => 2,
    };
    [&[code], hub.as_bytes().as_slice()].concat()
}

/// The key of one of them.
pub(super) fn todo_key(what: Todo, hub: HubId, thing: ThingId) -> Vec<u8> {
    [todo_prefix(what, hub).as_slice(), thing.as_bytes().as_slice()].concat()
}

/// Cells in one degree: a cell is half a degree high, 55 km.
const CELLS_PER_DEGREE: f64 = 2.0;
/// Cells around the earth.
const COLUMNS: i32 = 720;
/// Cells from pole to pole, the last one for the pole itself.
const ROWS: i32 = 361;

/// A field of the grid that covers the earth: row from the south, column from the west.
fn cell(row: i32, column: i32) -> [u8; 4] {
    let mut bytes = [0; 4];
    let row = u16::try_from(row.clamp(0, ROWS - 1)).unwrap_or(0);
    let column = u16::try_from(column.rem_euclid(COLUMNS)).unwrap_or(0);
    bytes[..2].copy_from_slice(&row.to_be_bytes());
    bytes[2..].copy_from_slice(&column.to_be_bytes());
    bytes
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "degrees times two are small, and the cast saturates"
)]
fn index(degrees: f64) -> i32 {
    (degrees * CELLS_PER_DEGREE).floor() as i32
}

/// The cell of what has no place; there is no such row.
pub(super) const NO_CELL: [u8; 4] = [0xff; 4];

/// The cell of a point.
pub(super) fn cell_of(point: Point) -> [u8; 4] {
    cell(index(point.lat + 90.0), index(point.lon + 180.0))
}

/// More cells than this are not walked one by one: the time index is then as good.
const MAX_CELLS: usize = 64;

/// The part of the grid that holds every point within some distance of a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    rows: (i32, i32),
    columns: (i32, i32),
}

impl Around {
    /// `None` if the circle holds a pole, where the grid is of no use.
    pub(super) fn new(near: Point, within_km: f64) -> Option<Self> {
        // A little more than the radius, so that rounding never leaves a cell out.
        let angle = within_km * 1.001 / 6371.0 + 1e-9;
        let lat_reach = angle.to_degrees();
        let (south, north) = (near.lat - lat_reach, near.lat + lat_reach);
        if south <= -90.0 || north >= 90.0 {
            return None;
        }
        // The circle is widest not at its centre but nearer to the pole.
        let ratio = angle.sin() / near.lat.to_radians().cos();
        if !(0.0..1.0).contains(&ratio) {
            return None;
        }
        let lon_reach = ratio.asin().to_degrees() + 1e-9;
        Some(Self {
            rows: (index(south + 90.0), index(north + 90.0)),
            columns: (index(near.lon - lon_reach + 180.0), index(near.lon + lon_reach + 180.0)),
        })
    }

    /// Whether a cell is among them.
    pub(super) fn holds(self, cell: [u8; 4]) -> bool {
        let [a, b, c, d] = cell;
        let (row, column) = (
            i32::from(u16::from_be_bytes([a, b])),
            i32::from(u16::from_be_bytes([c, d])),
        );
        let (first, last) = self.columns;
        (self.rows.0..=self.rows.1).contains(&row) && (column - first).rem_euclid(COLUMNS) <= last - first
    }

    /// The cells; `None` if they are too many to walk one by one.
    pub(super) fn cells(self) -> Option<Vec<[u8; 4]>> {
        let rows = usize::try_from(self.rows.1 - self.rows.0 + 1).ok()?;
        let columns = usize::try_from(self.columns.1 - self.columns.0 + 1).ok()?;
        if rows.saturating_mul(columns) > MAX_CELLS {
            return None;
        }
        let mut cells = Vec::with_capacity(rows * columns);
        for row in self.rows.0..=self.rows.1 {
            for column in self.columns.0..=self.columns.1 {
                cells.push(cell(row, column));
            }
        }
        cells.sort_unstable();
        cells.dedup();
        Some(cells)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_pack_and_sort() {
        let texts = [
            "-0044-03-15T12:00:00",
            "1969-12-31T23:59:59",
            "2027-03-04T18:30:00",
            "2027-03-04T18:30:01",
        ];
        let times: Vec<_> = texts
            .iter()
            .map(|text| LocalTime::DateTime(text.replace("-0044", "-000044").parse().unwrap()))
            .collect();
        assert!(times.windows(2).all(|pair| pack(pair[0]) < pack(pair[1])));
        for time in times {
            assert_eq!(unpack(pack(time), false), Some(time));
            assert_eq!(recurrence_id_of(name_of(Some(time))), Some(Some(time)));
        }
        let day = LocalTime::Date("2027-03-04".parse().unwrap());
        assert_eq!(recurrence_id_of(name_of(Some(day))), Some(Some(day)));
        assert_eq!(recurrence_id_of(name_of(None)), Some(None));
        assert_eq!(recurrence_id_of([9; 9]), None);
    }

    #[test]
    fn lengths_have_classes() {
        assert_eq!(class_of(0, 0), 0);
        assert_eq!(class_of(0, DAY_MS), 0);
        assert_eq!(class_of(0, 3 * DAY_MS), 1);
        assert_eq!(class_of(0, 365 * DAY_MS), 5);
        assert_eq!(class_of(i64::MIN, i64::MAX), 5);
    }

    proptest! {
        #[test]
        fn places_sort_as_their_bytes(a in any::<(i64, [u8; 16])>(), b in any::<(i64, [u8; 16])>()) {
            let place = |(start_ms, thing): (i64, [u8; 16])| Place { start_ms, thing: ThingId(thing), name: [0; 9] };
            prop_assert_eq!(place(a).cmp(&place(b)), place(a).to_bytes().cmp(&place(b).to_bytes()));
            prop_assert_eq!(Place::from_bytes(&place(a).to_bytes()), Some(place(a)));
        }

        #[test]
        fn cells_hold_every_point_within(
            lat in -90.0..90.0_f64, lon in -180.0..180.0_f64, within in 0.1..400.0_f64,
            bearing in 0.0..6.3_f64, part in 0.0..1.0_f64,
        ) {
            let near = Point { lat, lon };
            let angle = within * part / 6371.0;
            let (lat1, lon1) = (lat.to_radians(), lon.to_radians());
            let lat2 = (lat1.sin() * angle.cos() + lat1.cos() * angle.sin() * bearing.cos()).asin();
            let lon2 = lon1 + (bearing.sin() * angle.sin() * lat1.cos()).atan2(angle.cos() - lat1.sin() * lat2.sin());
            let lon2 = (lon2.to_degrees() + 540.0).rem_euclid(360.0) - 180.0;
            let other = Point { lat: lat2.to_degrees(), lon: lon2 };
            prop_assume!(near.distance_km(other) <= within);
            if let Some(around) = Around::new(near, within) {
                prop_assert!(around.holds(cell_of(other)));
                prop_assert!(around.cells().is_none_or(|cells| cells.contains(&cell_of(other))));
            }
        }
    }
}
