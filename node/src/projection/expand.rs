//! The occurrences of a row's schedule.

use interhub_domain::event::{Occurrence, Schedule, Status, Zone};

/// Instants in Unix milliseconds, from inclusive, to exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

pub(super) struct Expansion {
    pub(super) occurrences: Vec<Occurrence>,
    pub(super) truncated: bool,
}

pub(super) fn last_end_ms(_: &Schedule) -> Option<i64> {
    None
}

pub(super) fn occurrences(schedule: &Schedule, status: Status, window: Window, _limit: usize) -> Expansion {
    let zone = match &schedule.zone {
        Zone::Named(name) => jiff::tz::TimeZone::get(name).unwrap_or(jiff::tz::TimeZone::UTC),
        Zone::Custom { .. } => jiff::tz::TimeZone::UTC,
    };
    let instant = |time: interhub_domain::event::LocalTime| {
        zone.to_ambiguous_timestamp(time.date_time())
            .compatible()
            .map_or(0, jiff::Timestamp::as_millisecond)
    };
    let (start_ms, end_ms) = (instant(schedule.start), instant(schedule.end));
    let occurrence = Occurrence {
        start: schedule.start,
        end: schedule.end,
        start_ms,
        end_ms,
        recurrence_id: schedule.is_series().then_some(schedule.start),
        status,
        override_index: None,
    };
    let inside = end_ms > window.from_ms && start_ms < window.to_ms;
    Expansion {
        occurrences: if inside { vec![occurrence] } else { vec![] },
        truncated: false,
    }
}
