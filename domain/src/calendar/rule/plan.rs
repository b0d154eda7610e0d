//! A rule made ready for the walk: what the first start implies filled in, and which days and times fit.

use jiff::civil::Weekday;

use super::walk::Span;
use super::{Frequency, Rule};
use crate::calendar::days::{self, DAY};

/// A day and where it lies in its month and year.
#[derive(Debug)]
pub(super) struct Day {
    pub(super) number: i64,
    year: i64,
    month: i64,
    of_month: i64,
    month_length: i64,
    of_year: i64,
    year_length: i64,
}

impl Day {
    pub(super) const fn new(number: i64) -> Self {
        let (year, month, day) = days::civil_of(number);
        Self {
            number,
            year,
            month,
            of_month: day,
            month_length: days::month_length(year, month),
            of_year: number - days::day_of(year, 1, 1) + 1,
            year_length: days::year_length(year),
        }
    }

    const fn advance(&mut self) {
        if self.of_month == self.month_length {
            return self.next_month();
        }
        self.number += 1;
        self.of_month += 1;
        self.of_year += 1;
    }

    /// Goes to the first day of the next month.
    const fn next_month(&mut self) {
        let rest = self.month_length - self.of_month + 1;
        self.number += rest;
        self.of_year += rest;
        self.of_month = 1;
        self.month += 1;
        if self.month > 12 {
            self.month = 1;
            self.year += 1;
            self.of_year = 1;
            self.year_length = days::year_length(self.year);
        }
        self.month_length = days::month_length(self.year, self.month);
    }
}

/// In what an ordinal of BYDAY counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Nothing,
    Month,
    Year,
}

const fn bit(bits: u64, at: i64) -> bool {
    at >= 0 && at < 64 && (bits >> at) & 1 == 1
}

/// Numbers from -63 to 63 as a set.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Set {
    positive: u64,
    negative: u64,
}

impl Set {
    pub(super) fn of(values: impl IntoIterator<Item = i64>) -> Self {
        let mut set = Self::default();
        for value in values {
            let bits = if value < 0 {
                &mut set.negative
            } else {
                &mut set.positive
            };
            *bits |= 1_u64.checked_shl(u32::try_from(value.abs()).unwrap_or(64)).unwrap_or(0);
        }
        set
    }

    fn from_list(values: &[i16]) -> Self {
        Self::of(values.iter().map(|value| i64::from(*value)))
    }

    const fn is_empty(self) -> bool {
        self.positive | self.negative == 0
    }

    /// Whether it holds the place `at` of `length`, counted from either end, both from 1.
    pub(super) const fn has(self, at: i64, length: i64) -> bool {
        bit(self.positive, at) || bit(self.negative, length - at + 1)
    }
}

/// A rule made ready: what DTSTART implies filled in, lists turned into sets.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) frequency: Frequency,
    interval: i64,
    week_start: i64,
    months: Set,
    month_days: Set,
    year_days: Vec<i16>,
    weeks: Set,
    /// Weekdays that fit without an ordinal, Monday bit 0.
    weekdays: u8,
    /// For each weekday the ordinals that fit.
    ordinals: [Set; 7],
    has_weekdays: bool,
    scope: Scope,
    hours: Set,
    minutes: Set,
    seconds: Set,
    pub(super) positions: Vec<i16>,
    /// Seconds after the base at which instances start, ascending.
    pub(super) offsets: Vec<i64>,
    /// For rules finer than a day: the period of DTSTART, in civil seconds.
    pub(super) first: i64,
    /// For rules finer than a day: seconds from one period to the next.
    pub(super) step: i64,
    /// The period DTSTART lies in: year, month since year 0, first day of the week, or day.
    origin: i64,
    /// Seconds between instances if there are no BY parts and the frequency has a fixed length.
    pub(super) plain_step: Option<i64>,
    /// No start before this is needed.
    pub(super) from: i64,
}

impl Plan {
    pub(super) fn new(rule: &Rule, span: Span) -> Self {
        let start = Day::new(span.start.div_euclid(DAY));
        let of_day = if span.whole_days { 0 } else { span.start.rem_euclid(DAY) };
        let unit = unit(rule.frequency);
        let week_start = monday_zero(rule.week_start);
        let weekday_numbers = !rule.weeks.is_empty() || rule.frequency < Frequency::Monthly;
        let scope = match rule.frequency {
            Frequency::Yearly if !rule.weeks.is_empty() => Scope::Nothing,
            Frequency::Yearly if rule.months.is_empty() => Scope::Year,
            Frequency::Yearly | Frequency::Monthly => Scope::Month,
            _ => Scope::Nothing,
        };
        let mut plan = Self {
            frequency: rule.frequency,
            interval: i64::from(rule.interval.max(1)),
            week_start,
            months: Set::from_list(&rule.months),
            month_days: Set::from_list(&rule.month_days),
            year_days: rule.year_days.clone(),
            weeks: Set::from_list(&rule.weeks),
            weekdays: 0,
            ordinals: [Set::default(); 7],
            has_weekdays: !rule.weekdays.is_empty(),
            scope: if weekday_numbers { Scope::Nothing } else { scope },
            hours: Set::from_list(&rule.hours),
            minutes: Set::from_list(&rule.minutes),
            seconds: Set::from_list(&rule.seconds),
            positions: rule.positions.clone(),
            offsets: if span.whole_days {
                vec![0]
            } else {
                offsets(rule, of_day)
            },
            first: span.start.div_euclid(unit) * unit,
            step: unit * i64::from(rule.interval.max(1)),
            origin: 0,
            plain_step: None,
            from: span.from,
        };
        plan.take_weekdays(rule);
        plan.fill_in(&start);
        plan.origin = plan.period_of(&start);
        if rule.is_plain() && rule.frequency <= Frequency::Weekly {
            plan.plain_step = unit.checked_mul(plan.interval);
        }
        plan
    }

    fn take_weekdays(&mut self, rule: &Rule) {
        for weekday in 0..7_u8 {
            let given = rule
                .weekdays
                .iter()
                .filter(|day| monday_zero(day.weekday) == i64::from(weekday));
            let ordinals: Vec<i64> = given.map(|day| i64::from(day.ordinal)).collect();
            if ordinals.contains(&0) || (self.scope == Scope::Nothing && !ordinals.is_empty()) {
                self.weekdays |= 1 << weekday;
            }
            let counted = ordinals
                .into_iter()
                .filter(|ordinal| *ordinal != 0 && self.scope != Scope::Nothing);
            if let Some(set) = self.ordinals.get_mut(usize::from(weekday)) {
                *set = Set::of(counted);
            }
        }
    }

    /// What the first start says where the rule is silent.
    fn fill_in(&mut self, start: &Day) {
        let own_days = !self.month_days.is_empty() || self.has_weekdays || !self.year_days.is_empty();
        let weekday = match self.frequency {
            Frequency::Yearly if !self.weeks.is_empty() => !own_days,
            Frequency::Weekly => !own_days && self.weeks.is_empty(),
            _ => false,
        };
        if weekday {
            self.weekdays = 1 << days::weekday_of(start.number);
            self.has_weekdays = true;
            return;
        }
        if !self.weeks.is_empty() || self.has_weekdays || !self.year_days.is_empty() {
            return;
        }
        if self.frequency == Frequency::Yearly && self.months.is_empty() {
            self.months = Set::of([start.month]);
        }
        if self.frequency >= Frequency::Monthly && self.month_days.is_empty() {
            self.month_days = Set::of([start.of_month]);
        }
    }

    fn period_of(&self, day: &Day) -> i64 {
        match self.frequency {
            Frequency::Yearly if !self.weeks.is_empty() => self.week_year(day).0,
            Frequency::Yearly => day.year,
            Frequency::Monthly => day.year * 12 + day.month - 1,
            Frequency::Weekly => self.week_of(day.number),
            _ => day.number,
        }
    }

    /// Number of a period that surely begins before `at`, at least 0.
    pub(super) fn period_before(&self, at: i64) -> i64 {
        if self.frequency < Frequency::Daily {
            return ((at - self.first).div_euclid(self.step) - 1).max(0);
        }
        let distance = self.period_of(&Day::new(at.div_euclid(DAY))) - self.origin;
        let length = if self.frequency == Frequency::Weekly { 7 } else { 1 };
        (distance.div_euclid(length * self.interval) - 1).max(0)
    }

    /// First and last day of a period; `None` beyond the years that can be written.
    pub(super) fn days_of(&self, period: i64) -> Option<(i64, i64)> {
        let length = if self.frequency == Frequency::Weekly { 7 } else { 1 };
        let at = period
            .checked_mul(self.interval)?
            .checked_mul(length)?
            .checked_add(self.origin)?;
        let (first, last) = match self.frequency {
            Frequency::Yearly if at > 9999 => return None,
            Frequency::Yearly if !self.weeks.is_empty() => (self.first_week(at), self.first_week(at + 1) - 1),
            Frequency::Yearly => (days::day_of(at, 1, 1), days::day_of(at, 12, 31)),
            Frequency::Monthly => {
                let (year, month) = (at.div_euclid(12), at.rem_euclid(12) + 1);
                if year > 9999 {
                    return None;
                }
                (
                    days::day_of(year, month, 1),
                    days::day_of(year, month, days::month_length(year, month)),
                )
            }
            Frequency::Weekly => (at, at + 6),
            _ => (at, at),
        };
        (first <= days::LAST / DAY).then_some((first, last))
    }

    /// First day of the week a day lies in.
    const fn week_of(&self, day: i64) -> i64 {
        day - (days::weekday_of(day) - self.week_start).rem_euclid(7)
    }

    /// First day of week 1 of a year: the week that holds 4 January has at least four days of the year.
    const fn first_week(&self, year: i64) -> i64 {
        self.week_of(days::day_of(year, 1, 4))
    }

    /// The year a day's week belongs to, the week's number in it, and how many weeks that year has.
    const fn week_year(&self, day: &Day) -> (i64, i64, i64) {
        let year = if day.number >= self.first_week(day.year + 1) {
            day.year + 1
        } else if day.number < self.first_week(day.year) {
            day.year - 1
        } else {
            day.year
        };
        let first = self.first_week(year);
        (
            year,
            (day.number - first) / 7 + 1,
            (self.first_week(year + 1) - first) / 7,
        )
    }

    /// Whether a day passes all the parts that speak of days.
    pub(super) fn fits(&self, day: &Day) -> bool {
        if !self.month_fits(day) {
            return false;
        }
        if !self.month_days.is_empty() && !self.month_days.has(day.of_month, day.month_length) {
            return false;
        }
        if self.has_weekdays && !self.weekday_fits(day) {
            return false;
        }
        if !self.year_days.is_empty() {
            let has =
                |number: i64| i16::try_from(number).is_ok_and(|number| self.year_days.binary_search(&number).is_ok());
            if !has(day.of_year) && !has(day.of_year - day.year_length - 1) {
                return false;
            }
        }
        if self.weeks.is_empty() {
            return true;
        }
        let (_, week, of) = self.week_year(day);
        self.weeks.has(week, of)
    }

    /// Goes on to the next day whose month fits, or at least to the next day.
    pub(super) fn next_day(&self, day: &mut Day) {
        day.advance();
        while !self.month_fits(day) {
            day.next_month();
        }
    }

    const fn month_fits(&self, day: &Day) -> bool {
        self.months.is_empty() || self.months.has(day.month, 12)
    }

    fn weekday_fits(&self, day: &Day) -> bool {
        let weekday = days::weekday_of(day.number);
        if (self.weekdays >> weekday) & 1 == 1 {
            return true;
        }
        let Some(ordinals) = usize::try_from(weekday).ok().and_then(|index| self.ordinals.get(index)) else {
            return false;
        };
        if ordinals.is_empty() {
            return false;
        }
        let (at, length) = match self.scope {
            Scope::Nothing => return false,
            Scope::Month => (day.of_month, day.month_length),
            Scope::Year => (day.of_year, day.year_length),
        };
        let from_start = (at - 1) / 7 + 1;
        let from_end = (length - at) / 7 + 1;
        ordinals.has(from_start, from_start + from_end - 1)
    }

    /// For rules finer than a day: the first second of the day, not before `time`, at which BYHOUR, BYMINUTE and
    /// BYSECOND let a period begin.
    pub(super) fn next_fitting_time(&self, time: i64) -> Option<i64> {
        let mut time = time;
        if !self.hours.is_empty() {
            let hour = next_in(self.hours, time / 3600, 24)?;
            if hour != time / 3600 {
                time = hour * 3600;
            }
        }
        if self.frequency == Frequency::Hourly {
            return Some(time);
        }
        if !self.minutes.is_empty() {
            let Some(minute) = next_in(self.minutes, time / 60 % 60, 60) else {
                return Some((time / 3600 + 1) * 3600);
            };
            if minute != time / 60 % 60 {
                time = time / 3600 * 3600 + minute * 60;
            }
        }
        if self.frequency == Frequency::Minutely || self.seconds.is_empty() {
            return Some(time);
        }
        let Some(second) = next_in(self.seconds, time % 60, 60) else {
            return Some((time / 60 + 1) * 60);
        };
        Some(time / 60 * 60 + second)
    }
}

/// The least member of a set that is not below `from` and is below `end`.
fn next_in(set: Set, from: i64, end: i64) -> Option<i64> {
    let rest = set.positive.checked_shr(u32::try_from(from).ok()?)?;
    (rest != 0)
        .then(|| from + i64::from(rest.trailing_zeros()))
        .filter(|member| *member < end)
}

fn monday_zero(weekday: Weekday) -> i64 {
    i64::from(weekday.to_monday_zero_offset())
}

/// Seconds of a period, where its length is fixed.
const fn unit(frequency: Frequency) -> i64 {
    match frequency {
        Frequency::Secondly => 1,
        Frequency::Minutely => 60,
        Frequency::Hourly => 3600,
        Frequency::Weekly => 7 * DAY,
        Frequency::Daily | Frequency::Monthly | Frequency::Yearly => DAY,
    }
}

/// The times of day (or of the hour or minute, for finer rules) at which instances start.
fn offsets(rule: &Rule, of_day: i64) -> Vec<i64> {
    let or_start = |given: &[i16], start: i64| -> Vec<i64> {
        if given.is_empty() {
            vec![start]
        } else {
            given.iter().map(|value| i64::from(*value)).collect()
        }
    };
    let hours = if rule.frequency < Frequency::Daily {
        vec![0]
    } else {
        or_start(&rule.hours, of_day / 3600)
    };
    let minutes = if rule.frequency < Frequency::Hourly {
        vec![0]
    } else {
        or_start(&rule.minutes, of_day / 60 % 60)
    };
    let seconds = if rule.frequency == Frequency::Secondly {
        vec![0]
    } else {
        or_start(&rule.seconds, of_day % 60)
    };
    let mut offsets = Vec::with_capacity(hours.len() * minutes.len() * seconds.len());
    for hour in &hours {
        for minute in &minutes {
            for second in seconds.iter().filter(|second| **second < 60) {
                offsets.push(hour * 3600 + minute * 60 + second);
            }
        }
    }
    offsets
}
