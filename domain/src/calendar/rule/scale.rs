//! Rules that count in another calendar than the Gregorian one, or that say what becomes of a day that is not there
//! (RFC 7529: RSCALE and SKIP), by years and by months.
//!
//! - The calendars are those of CLDR that [`icu_calendar`] computes. A leap month is written `5L`: the one after the fifth.
//! - What is not there is left out (OMIT), or is the next month or day (FORWARD), or the one before (BACKWARD): first the month,
//!   then the day in it. A day that comes twice by that comes once.
//! - Years are walked through one by one: other calendars' years have no fixed length.

use icu_calendar::types::{Month, RataDie};
use icu_calendar::{AnyCalendar, AnyCalendarKind, Date};

use super::plan::Set;
use super::walk::{Budget, Span};
use super::{Frequency, Rule};
use crate::calendar::days::{self, DAY};

/// What RFC 7529 calls day 0 of the count of days that calendars are computed by (rata die), as a day number.
const RATA_DIE_OF_1970: i64 = 719_163;

/// Calendars by the names that RFC 7529 takes from CLDR. `ISLAMIC` alone and `ISLAMIC-RGSA` depend on a sighting of the moon
/// and are none.
const SCALES: [(&str, AnyCalendarKind); 17] = [
    ("GREGORIAN", AnyCalendarKind::Gregorian),
    ("GREGORY", AnyCalendarKind::Gregorian),
    ("BUDDHIST", AnyCalendarKind::Buddhist),
    ("CHINESE", AnyCalendarKind::Chinese),
    ("COPTIC", AnyCalendarKind::Coptic),
    ("DANGI", AnyCalendarKind::Dangi),
    ("ETHIOAA", AnyCalendarKind::EthiopianAmeteAlem),
    ("ETHIOPIC", AnyCalendarKind::Ethiopian),
    ("HEBREW", AnyCalendarKind::Hebrew),
    ("INDIAN", AnyCalendarKind::Indian),
    ("ISLAMIC-CIVIL", AnyCalendarKind::HijriTabularTypeIIFriday),
    ("ISLAMICC", AnyCalendarKind::HijriTabularTypeIIFriday),
    ("ISLAMIC-TBLA", AnyCalendarKind::HijriTabularTypeIIThursday),
    ("ISLAMIC-UMALQURA", AnyCalendarKind::HijriUmmAlQura),
    ("JAPANESE", AnyCalendarKind::Japanese),
    ("PERSIAN", AnyCalendarKind::Persian),
    ("ROC", AnyCalendarKind::Roc),
];

/// The calendar that a rule counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale(AnyCalendarKind);

impl Scale {
    /// The calendar of everyday life, which holds where a rule names none.
    pub const GREGORIAN: Self = Self(AnyCalendarKind::Gregorian);

    /// By its name in capitals; `None` for one that cannot be computed.
    pub(super) fn named(name: &str) -> Option<Self> {
        let found = SCALES.iter().find(|(known, _)| *known == name);
        found.map(|(_, kind)| Self(*kind))
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        let found = SCALES.iter().find(|(_, kind)| *kind == self.0);
        found.map_or("GREGORIAN", |(name, _)| name)
    }

    pub(crate) fn is_gregorian(self) -> bool {
        self == Self::GREGORIAN
    }
}

/// What becomes of a month or day that a year or month has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Skip {
    /// There is none.
    #[default]
    Omit,
    /// The one after it.
    Forward,
    /// The one before it.
    Backward,
}

impl Skip {
    /// All of them, by name.
    pub(crate) const NAMES: [(&'static str, Self); 3] = [
        ("OMIT", Self::Omit),
        ("FORWARD", Self::Forward),
        ("BACKWARD", Self::Backward),
    ];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Omit => "OMIT",
            Self::Forward => "FORWARD",
            Self::Backward => "BACKWARD",
        }
    }
}

/// A month of a year: what it is called, its first day, and how many it has.
#[derive(Debug, Clone, Copy)]
struct MonthAt {
    name: Month,
    first: i64,
    length: i64,
}

/// A year in some calendar, with its months in order.
#[derive(Debug)]
struct Year {
    first: i64,
    length: i64,
    months: Vec<MonthAt>,
}

impl Year {
    /// The year that a day lies in.
    fn of(calendar: AnyCalendarKind, day: i64) -> Self {
        let first = day - i64::from(date(calendar, day).day_of_year().0) + 1;
        let length = i64::from(date(calendar, first).days_in_year()).max(1);
        let mut months = Vec::with_capacity(13);
        let mut at = first;
        while at < first + length {
            let here = date(calendar, at);
            let month = MonthAt {
                name: here.month().to_input(),
                first: at,
                length: i64::from(here.days_in_month()).max(1),
            };
            at += month.length;
            months.push(month);
        }
        Self { first, length, months }
    }

    /// The months that a rule means by this name.
    fn named(&self, name: Month, skip: Skip) -> Option<MonthAt> {
        let there = |wanted: Month| self.months.iter().find(|month| month.name == wanted).copied();
        if let Some(found) = there(name) {
            return Some(found);
        }
        match skip {
            _ if !name.is_leap() => None,
            Skip::Omit => None,
            Skip::Forward => there(Month::new(name.number() + 1)),
            Skip::Backward => there(Month::new(name.number())),
        }
    }
}

fn date(calendar: AnyCalendarKind, day: i64) -> Date<AnyCalendar> {
    Date::from_rata_die(RataDie::new(day + RATA_DIE_OF_1970), AnyCalendar::new(calendar))
}

/// The day at a place, counted from 1, or from -1 backwards, of so many days.
fn place(at: i64, first: i64, length: i64, skip: Skip) -> Option<i64> {
    let of = if at > 0 { at } else { length + 1 + at };
    match skip {
        _ if (1..=length).contains(&of) => Some(first + of - 1),
        Skip::Omit => None,
        Skip::Forward if of > length => Some(first + length),
        Skip::Forward => Some(first),
        Skip::Backward if of > length => Some(first + length - 1),
        Skip::Backward => Some(first - 1),
    }
}

/// The days of such a rule, period by period.
#[derive(Debug)]
pub(super) struct Scaled {
    calendar: AnyCalendarKind,
    skip: Skip,
    by_year: bool,
    interval: u32,
    months: Vec<Month>,
    month_days: Vec<i64>,
    year_days: Vec<i64>,
    /// For each weekday, Monday first, whether every one fits, and which ordinals do.
    weekdays: [(bool, Set); 7],
    has_weekdays: bool,
    ordinals_in_year: bool,
    year: Year,
    /// The current month's place in the year, for rules by months.
    month: usize,
    /// Nothing was given yet.
    is_new: bool,
    /// The last day given.
    last: i64,
}

impl Scaled {
    /// `None` for a rule that counts as all others do.
    pub(super) fn new(rule: &Rule, span: Span) -> Option<Self> {
        let plain = rule.scale.is_gregorian() && rule.skip == Skip::Omit && rule.leap_months.is_empty();
        if plain || rule.frequency < Frequency::Monthly {
            return None;
        }
        let calendar = rule.scale.0;
        let start = span.start.div_euclid(DAY);
        let first = date(calendar, start);
        let year = Year::of(calendar, start);
        let number = |number: i16| Month::new(u8::try_from(number).unwrap_or(0));
        let leap = |number: i16| Month::leap(u8::try_from(number).unwrap_or(0));
        let mut months: Vec<Month> = rule.months.iter().map(|month| number(*month)).collect();
        months.extend(rule.leap_months.iter().map(|month| leap(*month)));
        let numbers = |list: &[i16]| list.iter().map(|day| i64::from(*day)).collect::<Vec<i64>>();
        let mut weekdays = [(false, Set::default()); 7];
        for (weekday, entry) in weekdays.iter_mut().enumerate() {
            let given = rule.weekdays.iter().filter(|day| {
                usize::try_from(day.weekday.to_monday_zero_offset()).is_ok_and(|offset| offset == weekday)
            });
            let ordinals: Vec<i64> = given.map(|day| i64::from(day.ordinal)).collect();
            *entry = (
                ordinals.contains(&0),
                Set::of(ordinals.into_iter().filter(|ordinal| *ordinal != 0)),
            );
        }
        let by_year = rule.frequency == Frequency::Yearly;
        let mut scaled = Self {
            calendar,
            skip: rule.skip,
            by_year,
            interval: rule.interval.max(1),
            ordinals_in_year: by_year && months.is_empty(),
            months,
            month_days: numbers(&rule.month_days),
            year_days: numbers(&rule.year_days),
            weekdays,
            has_weekdays: !rule.weekdays.is_empty(),
            month: usize::from(first.month().ordinal.max(1)) - 1,
            year,
            is_new: true,
            last: i64::MIN,
        };
        if !scaled.has_weekdays && scaled.year_days.is_empty() {
            if by_year && scaled.months.is_empty() {
                scaled.months.push(first.month().to_input());
            }
            if scaled.month_days.is_empty() {
                scaled.month_days.push(i64::from(first.day_of_month().0));
            }
        }
        Some(scaled)
    }

    /// The days of the next period, ascending; `None` at the end of the budget, or where no later period has one up to `to`
    /// (in civil seconds).
    pub(super) fn next_period(&mut self, to: i64, budget: &mut Budget) -> Option<Vec<i64>> {
        if !std::mem::take(&mut self.is_new) {
            for _ in 0..self.interval {
                self.advance(to, budget)?;
            }
        }
        budget.step()?;
        let mut found = if self.by_year { self.of_year() } else { self.of_month() };
        found.sort_unstable();
        found.dedup();
        found.retain(|day| *day > self.last);
        self.last = found.last().copied().unwrap_or(self.last);
        Some(found)
    }

    fn advance(&mut self, to: i64, budget: &mut Budget) -> Option<()> {
        budget.step()?;
        self.month += 1;
        if self.by_year || self.month >= self.year.months.len() {
            let next = self.year.first + self.year.length;
            // A day that is not there can be the last one of the year before.
            if (next - 1).checked_mul(DAY)? > to || next > days::LAST / DAY {
                return None;
            }
            self.year = Year::of(self.calendar, next);
            self.month = 0;
        }
        Some(())
    }

    fn of_year(&self) -> Vec<i64> {
        let year = &self.year;
        let whole = MonthAt {
            name: Month::new(0),
            first: year.first,
            length: year.length,
        };
        if !self.year_days.is_empty() {
            let days = self.year_days.iter();
            let mut found: Vec<i64> = days
                .filter_map(|at| place(*at, year.first, year.length, self.skip))
                .collect();
            found.retain(|day| self.fits_month(*day) && self.fits_month_days(*day) && self.fits_weekday(*day, whole));
            return found;
        }
        if self.months.is_empty() {
            // By weekdays alone, or by days of every month.
            if self.month_days.is_empty() {
                return (year.first..year.first + year.length)
                    .filter(|day| self.fits_weekday(*day, whole))
                    .collect();
            }
            return year.months.iter().flat_map(|month| self.of(*month)).collect();
        }
        let meant = self.months.iter().filter_map(|name| year.named(*name, self.skip));
        meant.flat_map(|month| self.of(month)).collect()
    }

    fn of_month(&self) -> Vec<i64> {
        let Some(month) = self.year.months.get(self.month) else {
            return Vec::new();
        };
        let mut found = if self.year_days.is_empty() {
            self.of(*month)
        } else {
            let days = self.year_days.iter();
            let places = days.filter_map(|at| place(*at, self.year.first, self.year.length, self.skip));
            let here = |day: &i64| (month.first..month.first + month.length).contains(day);
            places
                .filter(here)
                .filter(|day| self.fits_month_days(*day) && self.fits_weekday(*day, *month))
                .collect()
        };
        let is_meant = self.months.is_empty()
            || self
                .months
                .iter()
                .filter_map(|name| self.year.named(*name, self.skip))
                .any(|meant| meant.first == month.first);
        if !is_meant {
            found.clear();
        }
        found
    }

    /// The days of a month that fit.
    fn of(&self, month: MonthAt) -> Vec<i64> {
        let all = month.first..month.first + month.length;
        let candidates: Vec<i64> = if self.month_days.is_empty() {
            all.collect()
        } else {
            let days = self.month_days.iter();
            days.filter_map(|at| place(*at, month.first, month.length, self.skip))
                .collect()
        };
        let within = if self.ordinals_in_year {
            MonthAt {
                first: self.year.first,
                length: self.year.length,
                ..month
            }
        } else {
            month
        };
        candidates
            .into_iter()
            .filter(|day| self.fits_weekday(*day, within))
            .collect()
    }

    fn fits_weekday(&self, day: i64, within: MonthAt) -> bool {
        if !self.has_weekdays {
            return true;
        }
        let weekday = usize::try_from(days::weekday_of(day)).unwrap_or(0);
        let Some((every, ordinals)) = self.weekdays.get(weekday) else {
            return false;
        };
        let (at, length) = (day - within.first + 1, within.length);
        let (from_start, from_end) = ((at - 1).div_euclid(7) + 1, (length - at).div_euclid(7) + 1);
        *every || ordinals.has(from_start, from_start + from_end - 1)
    }

    fn fits_month(&self, day: i64) -> bool {
        self.months.is_empty() || self.months.contains(&date(self.calendar, day).month().to_input())
    }

    fn fits_month_days(&self, day: i64) -> bool {
        let here = date(self.calendar, day);
        let (at, length) = (i64::from(here.day_of_month().0), i64::from(here.days_in_month()));
        self.month_days.is_empty() || self.month_days.contains(&at) || self.month_days.contains(&(at - length - 1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use crate::calendar::expand::tests::{series, starts};

    fn first(rule: &str, start: &str, limit: usize) -> String {
        starts(&series(start, &[rule]), limit).0.join(" ")
    }

    #[test]
    fn holidays_of_other_calendars_come_when_they_are_kept() {
        for (rule, start, expected) in [
            (
                // Chinese new year.
                "RSCALE=CHINESE;FREQ=YEARLY;COUNT=5",
                "20230122",
                "20230122 20240210 20250129 20260217 20270206",
            ),
            (
                // Rosh Hashanah.
                "FREQ=YEARLY;RSCALE=HEBREW;COUNT=4",
                "20241003",
                "20241003 20250923 20260912 20271002",
            ),
            (
                // Nowruz.
                "FREQ=YEARLY;RSCALE=PERSIAN;COUNT=4",
                "20240320",
                "20240320 20250321 20260321 20270321",
            ),
            (
                // Enkutatash.
                "FREQ=YEARLY;RSCALE=ETHIOPIC;COUNT=4",
                "20220911",
                "20220911 20230912 20240911 20250911",
            ),
            (
                "RSCALE=GREGORIAN;SKIP=BACKWARD;FREQ=MONTHLY;BYMONTHDAY=30,31;COUNT=5",
                "20270130",
                "20270130 20270131 20270228 20270330 20270331",
            ),
            (
                "SKIP=FORWARD;FREQ=YEARLY;COUNT=4",
                "20240229",
                "20240229 20250301 20260301 20270301",
            ),
            (
                "RSCALE=GREGORIAN;SKIP=FORWARD;FREQ=MONTHLY;BYMONTHDAY=1,31;COUNT=6",
                "20270201",
                "20270201 20270301 20270331 20270401 20270501 20270531",
            ),
        ] {
            assert_eq!(first(rule, start, 50), expected, "{rule}");
        }
    }

    #[test]
    fn a_rule_in_years_of_no_fixed_length_ends_in_bounded_time() {
        for rule in [
            "RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=12L;BYMONTHDAY=30",
            "RSCALE=HEBREW;FREQ=MONTHLY;BYMONTHDAY=31;INTERVAL=4294967295",
            "RSCALE=ISLAMIC-UMALQURA;FREQ=YEARLY;BYMONTH=13",
        ] {
            let (found, _) = starts(&series("20270101", &[rule]), 10);
            assert!(found.len() <= 10, "{rule}: {found:?}");
        }
    }

    proptest! {
        /// Where nothing is missing, a rule with SKIP gives what it gives without: two ways to the same days.
        #[test]
        fn what_is_always_there_is_not_moved(
            by_year in any::<bool>(),
            interval in 1..4_u32,
            month_days in prop::collection::vec(1..29_i16, 0..3),
            months in prop::collection::vec(1..13_i16, 0..3),
            weekdays in prop::sample::subsequence(vec!["MO", "2TU", "-1FR", "SA"], 0..3),
            positions in prop::sample::select(vec!["", ";BYSETPOS=1", ";BYSETPOS=-1,2"]),
            day in 1..29_u32,
        ) {
            let join = |name: &str, list: Vec<String>| {
                if list.is_empty() { String::new() } else { format!(";{name}={}", list.join(",")) }
            };
            let text = |list: &[i16]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
            let rule = format!(
                "FREQ={};INTERVAL={interval}{}{}{}{}",
                if by_year { "YEARLY" } else { "MONTHLY" },
                join("BYMONTHDAY", text(&month_days)),
                join("BYMONTH", text(&months)),
                join("BYDAY", weekdays.iter().map(ToString::to_string).collect()),
                if month_days.is_empty() && weekdays.is_empty() { "" } else { positions },
            );
            let start = format!("202701{day:02}");
            let plain = starts(&series(&start, &[&rule]), 30).0;
            for skip in ["FORWARD", "BACKWARD"] {
                let skipping = format!("{rule};RSCALE=GREGORIAN;SKIP={skip}");
                prop_assert_eq!(&starts(&series(&start, &[&skipping]), 30).0, &plain, "{}", skipping);
            }
        }
    }
}
