//! The zones of an import: which zone a TZID means, and what a time is on the wall clock of another.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span as Period, Timestamp};

use super::component::{End, When};
use super::text::Calendar;
use super::vtimezone;
use crate::event::{LocalTime, Schedule, Zone};

/// Most bytes of zone definitions given to the events of one file together: each event carries its own copy.
const MAX_DEFINITION_BYTES: usize = 64 * 1024 * 1024;

/// Longest TZID shown in a message, in characters.
const SHOWN_CHARS: usize = 60;

/// A zone as it is stored, and as it is calculated with.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) zone: Zone,
    pub(super) tz: TimeZone,
}

impl Resolved {
    fn utc() -> Self {
        Self {
            zone: Zone::Named("UTC".to_owned()),
            tz: TimeZone::UTC,
        }
    }

    /// Whether wall times in it are UTC, whatever it is called.
    fn is_utc(&self) -> bool {
        matches!(&self.zone, Zone::Named(name) if is_utc(name))
    }
}

/// Whether an IANA name is one of UTC's.
pub(super) fn is_utc(name: &str) -> bool {
    matches!(
        name,
        "UTC" | "Etc/UTC" | "Etc/UCT" | "UCT" | "Zulu" | "Etc/Zulu" | "Universal" | "Etc/Universal"
    )
}

/// Zones of one file.
pub(super) struct Zones<'a> {
    calendars: &'a [Calendar],
    default: Rc<Resolved>,
    /// By calendar and TZID: a zone is looked up once for the file.
    known: BTreeMap<usize, BTreeMap<String, Result<Rc<Resolved>, String>>>,
    definition_bytes: usize,
}

impl<'a> Zones<'a> {
    pub(super) fn new(calendars: &'a [Calendar], default_zone: &str) -> Self {
        let default = Rc::new(iana(default_zone).unwrap_or_else(Resolved::utc));
        Self {
            calendars,
            default,
            known: BTreeMap::new(),
            definition_bytes: 0,
        }
    }

    /// The zone of times that name none: X-WR-TIMEZONE, or else the hub's.
    fn default_of(&mut self, calendar: usize) -> Rc<Resolved> {
        let named = self.calendars.get(calendar).and_then(|calendar| calendar.zone.clone());
        named
            .and_then(|name| self.by_tzid(&name, calendar).ok())
            .unwrap_or_else(|| Rc::clone(&self.default))
    }

    /// The zone of this TZID. The error is for the operator.
    fn by_tzid(&mut self, tzid: &str, calendar: usize) -> Result<Rc<Resolved>, String> {
        if let Some(known) = self.known.get(&calendar).and_then(|known| known.get(tzid)) {
            return known.clone();
        }
        let found = self.look_up(tzid, calendar).map(Rc::new);
        self.known
            .entry(calendar)
            .or_default()
            .insert(tzid.to_owned(), found.clone());
        found
    }

    fn look_up(&self, tzid: &str, calendar: usize) -> Result<Resolved, String> {
        if let Some(resolved) = iana(tzid) {
            return Ok(resolved);
        }
        let shown: String = tzid
            .chars()
            .filter(|char| !char.is_control())
            .take(SHOWN_CHARS)
            .collect();
        let Some(definition) = self
            .calendars
            .get(calendar)
            .and_then(|calendar| calendar.zones.get(tzid))
        else {
            return Err(format!(
                "its time zone {shown:?} is unknown and not defined in the file: use a name like Europe/Vienna"
            ));
        };
        if let Some(resolved) = vtimezone::location(definition).and_then(|name| iana(&name)) {
            return Ok(resolved);
        }
        let name = vtimezone::clean_name(tzid);
        let definition = vtimezone::sanitize(definition)
            .map(|definition| vtimezone::named(&definition, &name))
            .filter(|definition| definition.len() <= vtimezone::MAX_DEFINITION_BYTES)
            .ok_or_else(|| format!("the definition of its time zone {shown:?} cannot be used"))?;
        let zone = Zone::Custom { name, definition };
        let tz = super::zone::lookup(&zone)
            .ok_or_else(|| format!("the definition of its time zone {shown:?} cannot be used"))?;
        Ok(Resolved { zone, tz })
    }

    /// The zone in which an event with this start is kept.
    pub(super) fn of_schedule(
        &mut self,
        start: &When,
        own: Option<&str>,
        series: bool,
        calendar: usize,
    ) -> Result<Rc<Resolved>, String> {
        let resolved = match start {
            When::Zoned(_, tzid) => self.by_tzid(tzid, calendar)?,
            _ => match own.and_then(|name| self.by_tzid(name, calendar).ok()) {
                // What an Interhub wrote itself is taken as it stands.
                Some(resolved) => return Ok(resolved),
                None if matches!(start, When::Instant(_)) => Rc::new(Resolved::utc()),
                None => self.default_of(calendar),
            },
        };
        let instant = matches!(start, When::Instant(_)) || (resolved.is_utc() && matches!(start, When::Zoned(..)));
        let resolved = if instant && !series {
            self.default_of(calendar)
        } else {
            resolved
        };
        if let Zone::Custom { definition, .. } = &resolved.zone {
            self.definition_bytes += definition.len();
            if self.definition_bytes > MAX_DEFINITION_BYTES {
                return Err("too many events of the file use time zones of their own: use IANA names".to_owned());
            }
        }
        Ok(resolved)
    }

    /// A time on the wall clock of a zone.
    pub(super) fn local(&mut self, when: &When, zone: &Resolved, calendar: usize) -> Result<LocalTime, String> {
        let out_of_range = |_| "a time is out of range".to_owned();
        let instant = match when {
            When::Date(date) => return Ok(LocalTime::Date(*date)),
            When::Floating(wall) => return Ok(LocalTime::DateTime(*wall)),
            When::Instant(instant) => *instant,
            When::Zoned(wall, tzid) => {
                let from = self.by_tzid(tzid, calendar)?;
                if from.zone == zone.zone {
                    return Ok(LocalTime::DateTime(*wall));
                }
                from.tz.to_timestamp(*wall).map_err(out_of_range)?
            }
        };
        Ok(LocalTime::DateTime(zone.tz.to_datetime(instant)))
    }

    /// Seconds since 1970, to compare times that may be in different zones. Unknown zones read as UTC.
    pub(super) fn second(&mut self, when: &When, calendar: usize) -> i64 {
        let utc = |wall: DateTime| TimeZone::UTC.to_timestamp(wall).unwrap_or(Timestamp::MAX);
        let instant = match when {
            When::Date(date) => utc(date.to_datetime(Time::midnight())),
            When::Floating(wall) => utc(*wall),
            When::Instant(instant) => *instant,
            When::Zoned(wall, tzid) => match self.by_tzid(tzid, calendar) {
                Ok(zone) => zone.tz.to_timestamp(*wall).unwrap_or(Timestamp::MAX),
                Err(_) => utc(*wall),
            },
        };
        instant.as_second()
    }
}

fn iana(name: &str) -> Option<Resolved> {
    let zone = Zone::Named(super::zone::find_iana(name)?);
    let tz = super::zone::lookup(&zone)?;
    Some(Resolved { zone, tz })
}

/// A start with its end, both in the zone of the schedule.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) start: LocalTime,
    pub(super) end: LocalTime,
    pub(super) warning: Option<String>,
}

impl Span {
    /// Works out the end. It is never before the start; a day has at least one day.
    pub(super) fn read(
        zones: &mut Zones<'_>,
        start: &When,
        end: &End,
        zone: &Resolved,
        calendar: usize,
    ) -> Result<Self, String> {
        let start = zones.local(start, zone, calendar)?;
        let end = match end {
            End::At(when) => Some(zones.local(when, zone, calendar)?),
            End::After { days, seconds } => Some(after(start, *days, *seconds, zone)?),
            End::Unsaid => None,
        };
        match start {
            LocalTime::Date(first) => {
                let next = first.tomorrow().map_err(|_| "its start is out of range")?;
                let last = match end {
                    None => next,
                    Some(LocalTime::Date(date)) => date,
                    Some(LocalTime::DateTime(wall)) if wall.time() == Time::midnight() => wall.date(),
                    Some(LocalTime::DateTime(wall)) => wall.date().tomorrow().map_err(|_| "its end is out of range")?,
                };
                let warning = (last < first).then(|| "its end is before its start: read as one day".to_owned());
                Ok(Self {
                    start,
                    end: LocalTime::Date(last.max(next)),
                    warning,
                })
            }
            LocalTime::DateTime(first) => {
                let last = end.map_or(first, LocalTime::date_time);
                let warning =
                    (last < first).then(|| "its end is before its start: read as ending when it starts".to_owned());
                Ok(Self {
                    start,
                    end: LocalTime::DateTime(last.max(first)),
                    warning,
                })
            }
        }
    }
}

/// A start plus a duration: days on the wall clock, then seconds that pass.
fn after(start: LocalTime, days: i64, seconds: i64, zone: &Resolved) -> Result<LocalTime, String> {
    let too_long = |_| "its DURATION is out of range".to_owned();
    let days = Period::new().try_days(days).map_err(too_long)?;
    match start {
        LocalTime::Date(date) => {
            // Hours make no sense for a whole day; a part of a day counts as one.
            let more = Period::new()
                .try_days((seconds + 86_399).div_euclid(86_400))
                .map_err(too_long)?;
            let end = date
                .checked_add(days)
                .and_then(|date| date.checked_add(more))
                .map_err(too_long)?;
            Ok(LocalTime::Date(end))
        }
        LocalTime::DateTime(wall) => {
            let wall = wall.checked_add(days).map_err(too_long)?;
            let instant = zone.tz.to_timestamp(wall).map_err(too_long)?;
            let end = instant
                .checked_add(SignedDuration::from_secs(seconds))
                .map_err(too_long)?;
            Ok(LocalTime::DateTime(zone.tz.to_datetime(end)))
        }
    }
}

/// The end of an occurrence with this start that lasts as long as the first one, on the wall clock.
pub(super) fn shifted_end(schedule: &Schedule, start: LocalTime) -> LocalTime {
    match (start, schedule.start, schedule.end) {
        (LocalTime::Date(date), LocalTime::Date(first), LocalTime::Date(last)) => date
            .checked_add(last.duration_since(first))
            .map_or(start, LocalTime::Date),
        (_, first, last) => {
            let length = last.date_time().duration_since(first.date_time());
            start.date_time().checked_add(length).map_or(start, LocalTime::DateTime)
        }
    }
}
