//! When an event takes place: from a schedule to its occurrences in a window of time.
//!
//! - The first start always counts, whether it fits the rules or not; it is the first of COUNT. It does not count if every
//!   rule ended before it (UNTIL): that is how Google leaves a series of which all was deleted.
//! - RDATE adds starts, EXDATE removes them. An EXDATE that is a date removes all starts of its day.
//! - An override belongs to the start its RECURRENCE-ID names, compared as an instant, whatever its SEQUENCE. It shows
//!   also when no rule gives that start, or an EXDATE removes it: its author wrote it down as an occurrence. Of several
//!   with one RECURRENCE-ID the last one holds.
//! - An override with RANGE=THISANDFUTURE moves later starts by as much wall time as it moved its own, and gives them its
//!   length and status, up to the next such override. An override of a single later occurrence still beats it.
//! - An occurrence lies in a window if it has any moment in common with it; one without length, if it starts in it. One
//!   that reaches over the border of two windows is in both.
//! - A timed occurrence lasts as many seconds as the first (RFC 5545 3.8.5.3), also across a clock change; one in whole
//!   days as many days. A whole day without an end is one day.
//! - Starts that a clock change makes the same instant are one occurrence.
//! - A rule that cannot be read gives nothing: the rest of the schedule still counts.
//!
//! Every call is bounded by [`MAX_STEPS`] and [`MAX_INSTANCES`]; what does not fit is left out and `truncated` says so.
//! The same input gives the same result on every machine.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::days::{self, DAY};
use super::rule::walk::{Budget, Span, Walk};
use super::rule::{Rule, Until};
use super::zone;
use crate::event::{LocalTime, Occurrence, Override, Schedule, Status};

/// How many days and periods one call looks at, over all rules of a schedule: some 2,700 years of days.
pub const MAX_STEPS: u64 = 1_000_000;

/// How many starts one call lets the rules of a schedule give, wanted or not.
pub const MAX_INSTANCES: u64 = 100_000;

/// How many rules of a schedule are followed; further ones are left out.
pub const MAX_RULES: usize = 16;

/// How far around an instant clock changes are looked for, in milliseconds: further than any change of the clock reaches.
const NEAR_MS: i64 = 2 * DAY * 1000;

/// A stretch of time: `from_ms` included, `to_ms` not. Unix milliseconds. Empty if `to_ms` is not after `from_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First instant.
    pub from_ms: i64,
    /// First instant after it.
    pub to_ms: i64,
}

impl Window {
    /// All time.
    pub const ALL: Self = Self {
        from_ms: i64::MIN,
        to_ms: i64::MAX,
    };

    fn meets(self, occurrence: &Occurrence) -> bool {
        let (start, end) = (occurrence.start_ms, occurrence.end_ms);
        start < self.to_ms && (end > self.from_ms || start >= self.from_ms)
    }
}

/// The occurrences found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expansion {
    /// Ordered by start, then by the start the rule gave.
    pub occurrences: Vec<Occurrence>,
    /// Whether there may be more: the limit was reached, or the work one call may do.
    pub truncated: bool,
}

/// The occurrences of an event that meet a window, the first `limit` of them.
///
/// `event_status` is the status of the whole event; `Cancelled` beats that of its overrides.
pub fn occurrences(schedule: &Schedule, event_status: Status, window: Window, limit: usize) -> Expansion {
    let expander = Expander::new(schedule, event_status);
    let mut found = Vec::new();
    let stop_after = if expander.shifts.is_empty() {
        limit.saturating_add(1)
    } else {
        usize::MAX
    };
    let more = expander.visit(window, stop_after, &mut |key, occurrence| found.push((key, occurrence)));
    found.sort_by_key(|(key, occurrence)| (occurrence.start_ms, *key));
    found.dedup_by_key(|(key, occurrence)| (occurrence.start_ms, *key));
    let truncated = more || found.len() > limit;
    Expansion {
        occurrences: found
            .into_iter()
            .take(limit)
            .map(|(_, occurrence)| occurrence)
            .collect(),
        truncated,
    }
}

/// When the last occurrence ends, Unix milliseconds; `None` if the series does not end, or not within the work one call
/// may do. The start of the series if all its occurrences are excluded.
pub fn last_end_ms(schedule: &Schedule) -> Option<i64> {
    let expander = Expander::new(schedule, Status::Confirmed);
    if expander.rules.iter().any(Rule::is_endless) {
        return None;
    }
    let mut last = expander.instant(schedule.start);
    let spent = expander.visit(Window::ALL, usize::MAX, &mut |_, occurrence| {
        last = last.max(occurrence.end_ms);
    });
    (!spent).then_some(last)
}

/// How long an occurrence is.
#[derive(Debug, Clone, Copy)]
enum Length {
    Days(i64),
    Milliseconds(i64),
}

/// How THISANDFUTURE moves a start.
#[derive(Debug, Clone, Copy)]
enum Move {
    /// By so many seconds of wall time.
    Seconds(i64),
    /// By so many days, to a whole day.
    Days(i64),
    /// By so many days, to a time of day.
    DaysAt(i64, Time),
}

/// One override with THISANDFUTURE.
#[derive(Debug, Clone, Copy)]
struct Shift {
    index: usize,
    by: Move,
    length: Length,
    status: Option<Status>,
}

/// Receives each occurrence with the key of the start it comes from.
type Sink<'a> = dyn FnMut(i64, Occurrence) + 'a;

struct Expander<'a> {
    schedule: &'a Schedule,
    event_status: Status,
    tz: TimeZone,
    series: bool,
    length: Length,
    rules: Vec<Rule>,
    excluded: BTreeSet<i64>,
    excluded_days: BTreeSet<Date>,
    /// Overrides of one occurrence, by key.
    singles: BTreeMap<i64, usize>,
    /// Overrides with THISANDFUTURE, by key.
    shifts: BTreeMap<i64, Shift>,
}

impl<'a> Expander<'a> {
    fn new(schedule: &'a Schedule, event_status: Status) -> Self {
        let mut expander = Self {
            schedule,
            event_status,
            tz: zone::resolve(&schedule.zone),
            series: schedule.is_series() || !schedule.overrides.is_empty(),
            length: Length::Days(1),
            rules: schedule
                .rules
                .iter()
                .take(MAX_RULES)
                .filter_map(|rule| rule.parse().ok())
                .collect(),
            excluded: BTreeSet::new(),
            excluded_days: BTreeSet::new(),
            singles: BTreeMap::new(),
            shifts: BTreeMap::new(),
        };
        expander.length = expander.length_of(schedule.start, schedule.end);
        for excluded in &schedule.excluded {
            match excluded {
                LocalTime::Date(date) => {
                    expander.excluded_days.insert(*date);
                }
                LocalTime::DateTime(_) => {
                    expander.excluded.insert(expander.key(expander.same_form(*excluded)));
                }
            }
        }
        for (index, one) in schedule.overrides.iter().enumerate() {
            let named = expander.same_form(one.recurrence_id);
            let key = expander.key(named);
            if one.this_and_future {
                let shift = expander.shift(index, one, named);
                expander.shifts.insert(key, shift);
            } else {
                expander.singles.insert(key, index);
            }
        }
        expander
    }

    fn instant(&self, local: LocalTime) -> i64 {
        zone::instant_ms(local, &self.tz)
    }

    /// What tells starts apart: the instant, or the number of the day for whole days.
    fn key(&self, start: LocalTime) -> i64 {
        match start {
            LocalTime::Date(date) => days::number(date),
            LocalTime::DateTime(_) => self.instant(start),
        }
    }

    /// A date in a timed series is the start on that day; a time in a series of whole days is its day.
    fn same_form(&self, local: LocalTime) -> LocalTime {
        match (self.schedule.start, local) {
            (LocalTime::Date(_), LocalTime::DateTime(at)) => LocalTime::Date(at.date()),
            (LocalTime::DateTime(start), LocalTime::Date(date)) => LocalTime::DateTime(date.to_datetime(start.time())),
            _ => local,
        }
    }

    fn length_of(&self, start: LocalTime, end: LocalTime) -> Length {
        match (start, end) {
            (LocalTime::Date(start), end) => {
                let end = LocalTime::date(end);
                Length::Days((days::number(end) - days::number(start)).max(1))
            }
            _ => Length::Milliseconds(self.instant(end).saturating_sub(self.instant(start)).max(0)),
        }
    }

    fn shift(&self, index: usize, one: &Override, named: LocalTime) -> Shift {
        let (start, length) = one
            .time
            .map_or((named, self.length), |(start, end)| (start, self.length_of(start, end)));
        let days = days::number(start.date()) - days::number(named.date());
        let by = match (named, start) {
            (LocalTime::DateTime(named), LocalTime::DateTime(start)) => {
                Move::Seconds(days::seconds(start) - days::seconds(named))
            }
            (_, LocalTime::Date(_)) => Move::Days(days),
            (LocalTime::Date(_), LocalTime::DateTime(start)) => Move::DaysAt(days, start.time()),
        };
        Shift {
            index,
            by,
            length,
            status: one.status,
        }
    }

    /// Visits every occurrence that meets the window, in no particular order, each rule at most until it gave
    /// `stop_after` of them. True if there may be more: a rule gave that many, or the work one call may do is done.
    fn visit(&self, window: Window, stop_after: usize, sink: &mut Sink<'_>) -> bool {
        if window.to_ms <= window.from_ms {
            return false;
        }
        let mut give = |start: LocalTime| self.place(start, window, sink);
        if !self.ended_before_it_began() {
            give(self.schedule.start);
        }
        for extra in &self.schedule.extra {
            give(self.same_form(*extra));
        }
        let mut budget = Budget::new(MAX_STEPS, MAX_INSTANCES);
        let mut more = false;
        for rule in &self.rules {
            more |= self.follow(rule, window, stop_after, &mut budget, &mut give);
        }
        for (key, shift) in &self.shifts {
            if !self.singles.contains_key(key) {
                self.overridden(shift.index, window, sink);
            }
        }
        for index in self.singles.values() {
            self.overridden(*index, window, sink);
        }
        more || budget.is_spent()
    }

    /// Gives the starts of one rule. True if it was left before its end because it gave `stop_after` occurrences.
    fn follow(
        &self,
        rule: &Rule,
        window: Window,
        stop_after: usize,
        budget: &mut Budget,
        give: &mut dyn FnMut(LocalTime) -> bool,
    ) -> bool {
        let whole_days = self.schedule.all_day();
        let start = days::seconds(self.schedule.start.date_time());
        let (until, until_ms) = self.until(rule);
        let (from, to) = self.reach(window);
        let span = Span {
            start,
            from,
            to: to.min(until),
            whole_days,
            counted: 0,
        };
        let mut walk = Walk::new(rule, span.counting(rule, budget));
        let mut given = 0;
        while let Some(at) = walk.next(budget) {
            let at = days::date_time(at);
            let local = if whole_days {
                LocalTime::Date(at.date())
            } else {
                LocalTime::DateTime(at)
            };
            if until_ms.is_some_and(|until| self.instant(local) > until) {
                continue;
            }
            given += usize::from(give(local));
            if given >= stop_after {
                return true;
            }
        }
        false
    }

    fn ended_before_it_began(&self) -> bool {
        let start = self.schedule.start;
        let ended = |rule: &Rule| rule.until.is_some_and(|until| until.is_before(start, &self.tz));
        !self.rules.is_empty() && self.rules.iter().all(ended)
    }

    /// Where UNTIL lies in civil seconds, and as an instant where only that is exact.
    fn until(&self, rule: &Rule) -> (i64, Option<i64>) {
        let end_of = |date: Date| days::number(date) * DAY + DAY - 1;
        match rule.until {
            None => (i64::MAX, None),
            Some(until) if self.schedule.all_day() => (end_of(until.day(&self.tz)), None),
            Some(Until::Date(date)) => (end_of(date), None),
            Some(Until::Local(at)) => (days::seconds(at), None),
            Some(Until::Utc(at)) => {
                let ms = days::seconds(at).saturating_mul(1000);
                let local = zone::local_at(ms, &self.tz);
                (days::seconds(local) + self.slack(ms), Some(ms))
            }
        }
    }

    /// The civil seconds in which a start can lie whose occurrence meets the window.
    fn reach(&self, window: Window) -> (i64, i64) {
        let length = |length: Length| match length {
            Length::Days(days) => days.saturating_mul(DAY),
            Length::Milliseconds(ms) => ms / 1000 + 1,
        };
        let (mut back, mut ahead) = (length(self.length), 0);
        for shift in self.shifts.values() {
            let by = match shift.by {
                Move::Seconds(seconds) => seconds,
                Move::Days(days) | Move::DaysAt(days, _) => days.saturating_mul(DAY),
            };
            back = back.max(length(shift.length).saturating_add(by.max(0)));
            ahead = ahead.max(by.saturating_neg());
        }
        let local = |ms: i64| days::seconds(zone::local_at(ms, &self.tz));
        // A long occurrence can begin under another offset than the one at the window: its length in wall time is not
        // its length in instants then.
        let earliest_ms = window.from_ms.saturating_sub(back.saturating_mul(1000));
        let from = local(window.from_ms)
            .saturating_sub(back)
            .min(local(earliest_ms))
            .saturating_sub(self.slack(window.from_ms))
            .saturating_sub(self.slack(earliest_ms));
        (
            from,
            local(window.to_ms)
                .saturating_add(ahead)
                .saturating_add(self.slack(window.to_ms)),
        )
    }

    /// By how many seconds the order of wall times and that of instants can differ around an instant.
    fn slack(&self, ms: i64) -> i64 {
        let offset = |ms: i64| days::seconds(zone::local_at(ms, &self.tz)) - ms.div_euclid(1000);
        let offsets = [ms.saturating_sub(NEAR_MS), ms, ms.saturating_add(NEAR_MS)].map(offset);
        let (least, most) = offsets.iter().fold((i64::MAX, i64::MIN), |(least, most), at| {
            (least.min(*at), most.max(*at))
        });
        (most - least).clamp(0, DAY) + 1
    }

    /// Passes on the occurrence of a start that a rule, RDATE or DTSTART gives, if it meets the window and is neither
    /// excluded nor overridden on its own. Tells whether it did.
    fn place(&self, start: LocalTime, window: Window, sink: &mut Sink<'_>) -> bool {
        let key = self.key(start);
        if self.excluded.contains(&key)
            || self.excluded_days.contains(&start.date())
            || self.singles.contains_key(&key)
            || self.shifts.contains_key(&key)
        {
            return false;
        }
        let shift = self.shift_at(key);
        let (from, length) = shift.map_or((start, self.length), |shift| (moved(start, shift.by), shift.length));
        let status = shift.and_then(|shift| shift.status);
        let occurrence = self.occurrence(start, from, length, status, shift.map(|shift| shift.index));
        let meets = window.meets(&occurrence);
        if meets {
            sink(key, occurrence);
        }
        meets
    }

    /// Passes on the occurrence an override describes, if it meets the window.
    fn overridden(&self, index: usize, window: Window, sink: &mut Sink<'_>) {
        let Some(one) = self.schedule.overrides.get(index) else {
            return;
        };
        let named = self.same_form(one.recurrence_id);
        let key = self.key(named);
        let shift = self.shift_at(key);
        let (start, length) = match (one.time, shift) {
            (Some((start, end)), _) => (start, self.length_of(start, end)),
            (None, Some(shift)) => (moved(named, shift.by), shift.length),
            (None, None) => (named, self.length),
        };
        let status = one.status.or_else(|| shift.and_then(|shift| shift.status));
        let occurrence = self.occurrence(named, start, length, status, Some(index));
        if window.meets(&occurrence) {
            sink(key, occurrence);
        }
    }

    fn shift_at(&self, key: i64) -> Option<&Shift> {
        self.shifts.range(..=key).next_back().map(|(_, shift)| shift)
    }

    fn occurrence(
        &self,
        named: LocalTime,
        start: LocalTime,
        length: Length,
        status: Option<Status>,
        override_index: Option<usize>,
    ) -> Occurrence {
        let start_ms = self.instant(start);
        let (end, end_ms) = match (start, length) {
            (LocalTime::Date(date), Length::Days(count)) => {
                let end = LocalTime::Date(days::date(days::number(date).saturating_add(count)));
                (end, self.instant(end).max(start_ms))
            }
            (_, Length::Milliseconds(ms)) => self.end_after(start_ms, ms),
            (LocalTime::DateTime(at), Length::Days(count)) => {
                let end = LocalTime::DateTime(days::date_time(days::seconds(at).saturating_add(count * DAY)));
                (end, self.instant(end).max(start_ms))
            }
        };
        let status = if self.event_status == Status::Cancelled {
            None
        } else {
            status
        };
        Occurrence {
            start,
            end,
            start_ms,
            end_ms,
            recurrence_id: self.series.then_some(named),
            status: status.unwrap_or(self.event_status),
            override_index,
        }
    }

    fn end_after(&self, start_ms: i64, length: i64) -> (LocalTime, i64) {
        let end: DateTime = zone::local_at(start_ms.saturating_add(length), &self.tz);
        (LocalTime::DateTime(end), start_ms.saturating_add(length))
    }
}

fn moved(start: LocalTime, by: Move) -> LocalTime {
    let day = |days: i64| days::date(days::number(start.date()).saturating_add(days));
    match by {
        Move::Seconds(seconds) => LocalTime::DateTime(days::date_time(
            days::seconds(start.date_time()).saturating_add(seconds),
        )),
        Move::Days(days) => LocalTime::Date(day(days)),
        Move::DaysAt(days, time) => LocalTime::DateTime(day(days).to_datetime(time)),
    }
}

#[cfg(test)]
mod examples;
#[cfg(test)]
pub(super) mod tests;
