//! Recurrence rules (RFC 5545 3.3.10): reading one, and walking through the wall times it stands for.
//!
//! Reading is liberal where real calendars are careless (case, blanks, a trailing `;`, a date where a time belongs) and
//! strict where a guess would show wrong dates: an unknown part, a value out of range, two values for one part. What goes
//! out is strict throughout: [`strict`] puts it right.
//!
//! # Readings chosen where the standard leaves room
//!
//! Two are disputed between implementations; libical and this module agree on both:
//!
//! - `FREQ=YEARLY;BYMONTHDAY=29` without BYMONTH, BYDAY, BYYEARDAY and BYWEEKNO means the month of the first start. The
//!   table in RFC 5545 can also be read as every month of the year, which is what python-dateutil does.
//! - `FREQ=YEARLY;BYWEEKNO=1,2` without BYDAY, BYMONTHDAY and BYYEARDAY means the weekday of the first start. The other
//!   reading is all seven days of those weeks.
//!
//! Further:
//!
//! - A yearly rule with BYWEEKNO counts years as weeks do: 2024-12-31 belongs to week 1 of 2025, so INTERVAL and BYSETPOS
//!   count from 2025. (libical does the same if the first start fits the rule, else it counts from 2024.)
//! - An ordinal in BYDAY (`2MO`) counts in the month for MONTHLY, and for YEARLY with BYMONTH; in the year for YEARLY
//!   without. Elsewhere, and beside BYWEEKNO, the standard forbids ordinals; the ordinal is passed over.
//! - Parts the standard calls not applicable (`FREQ=DAILY;BYYEARDAY`) limit the days.
//! - BYSETPOS counts in the whole period, including the part before the first start.
//! - For whole days BYHOUR, BYMINUTE and BYSECOND are passed over, and a rule of HOURLY or finer gives nothing.
//! - BYSECOND=60, a leap second, never comes.
//! - COUNT and UNTIL together, which the standard forbids, end the series at whichever comes first.
//! - UNTIL as a date ends after that day. UNTIL in UTC for whole days: the date as written if its time is 00:00:00,
//!   else the date in the series' zone.
//! - SKIP without RSCALE (RFC 7529), which the standard forbids, is about the Gregorian calendar. Both matter to rules by years
//!   and months alone: what goes by weeks, days and less is the same in every calendar, so that a finer rule with months, days
//!   of the month or of the year of another calendar is refused, and BYWEEKNO beside either.

mod parse;
mod plan;
mod scale;
pub(crate) mod strict;
pub(crate) mod walk;

use jiff::civil::{Date, DateTime, Weekday};

pub use scale::{Scale, Skip};

/// The longest rule read, in bytes.
pub const MAX_RULE_BYTES: usize = 4096;

/// How often a rule repeats, before the BY parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frequency {
    /// Every second.
    Secondly,
    /// Every minute.
    Minutely,
    /// Every hour.
    Hourly,
    /// Every day.
    Daily,
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
    /// Every year.
    Yearly,
}

/// When a series ends, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Until {
    /// With this day.
    Date(Date),
    /// At this wall time in the series' zone.
    Local(DateTime),
    /// At this time in UTC.
    Utc(DateTime),
}

/// One value of BYDAY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByDay {
    /// Which one of the period: `1` the first, `-1` the last; 0 every one. -53 to 53.
    pub ordinal: i8,
    /// Which day.
    pub weekday: Weekday,
}

/// A recurrence rule as read. All lists are sorted and free of duplicates; an empty list means the part is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// FREQ.
    pub frequency: Frequency,
    /// INTERVAL, at least 1.
    pub interval: u32,
    /// COUNT, at least 1.
    pub count: Option<u32>,
    /// UNTIL.
    pub until: Option<Until>,
    /// BYSECOND, 0 to 60.
    pub seconds: Vec<i16>,
    /// BYMINUTE, 0 to 59.
    pub minutes: Vec<i16>,
    /// BYHOUR, 0 to 23.
    pub hours: Vec<i16>,
    /// BYDAY.
    pub weekdays: Vec<ByDay>,
    /// Leap months of BYMONTH (RFC 7529), by the month they come after.
    pub leap_months: Vec<i16>,
    /// BYMONTHDAY, 1 to 31 and -31 to -1.
    pub month_days: Vec<i16>,
    /// BYYEARDAY, 1 to 366 and -366 to -1, or to 385 in a calendar that has so many.
    pub year_days: Vec<i16>,
    /// BYWEEKNO, 1 to 53 and -53 to -1.
    pub weeks: Vec<i16>,
    /// BYMONTH, 1 to 12, or 13 in a calendar that has so many.
    pub months: Vec<i16>,
    /// BYSETPOS, 1 to 366 and -366 to -1.
    pub positions: Vec<i16>,
    /// WKST, Monday if absent.
    pub week_start: Weekday,
    /// RSCALE (RFC 7529).
    pub scale: Scale,
    /// SKIP (RFC 7529).
    pub skip: Skip,
}

impl Rule {
    /// A rule with this frequency and nothing else.
    pub const fn every(frequency: Frequency) -> Self {
        Self {
            frequency,
            interval: 1,
            count: None,
            until: None,
            seconds: Vec::new(),
            minutes: Vec::new(),
            hours: Vec::new(),
            weekdays: Vec::new(),
            month_days: Vec::new(),
            year_days: Vec::new(),
            weeks: Vec::new(),
            months: Vec::new(),
            leap_months: Vec::new(),
            positions: Vec::new(),
            week_start: Weekday::Monday,
            scale: Scale::GREGORIAN,
            skip: Skip::Omit,
        }
    }

    /// Whether nothing ends it.
    pub const fn is_endless(&self) -> bool {
        self.count.is_none() && self.until.is_none()
    }

    /// Whether no BY part is given, so that each instance follows the last by one interval.
    const fn is_plain(&self) -> bool {
        self.seconds.is_empty()
            && self.minutes.is_empty()
            && self.hours.is_empty()
            && self.weekdays.is_empty()
            && self.month_days.is_empty()
            && self.year_days.is_empty()
            && self.weeks.is_empty()
            && self.months.is_empty()
            && self.leap_months.is_empty()
            && self.positions.is_empty()
    }
}

/// Why a recurrence rule was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Longer than [`MAX_RULE_BYTES`].
    #[error("the recurrence rule is longer than {MAX_RULE_BYTES} bytes; shorten it")]
    TooLong,
    /// No FREQ.
    #[error(
        "the recurrence rule has no FREQ; add one of FREQ=YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY or SECONDLY"
    )]
    NoFrequency,
    /// Not `NAME=VALUE`.
    #[error("`{0}` in the recurrence rule is not of the form NAME=VALUE")]
    Form(String),
    /// A part RFC 5545 does not know.
    #[error("{0} is not a part of a recurrence rule; remove it")]
    UnknownPart(String),
    /// One part twice.
    #[error("{0} is given twice in the recurrence rule; keep one")]
    Twice(&'static str),
    /// A value that cannot be read.
    #[error("{part}={value} in the recurrence rule: {part} takes {takes}")]
    Value {
        /// The part.
        part: &'static str,
        /// What was given, shortened.
        value: String,
        /// What it takes.
        takes: &'static str,
    },
}

/// Checks a rule for import and for the command line, without the property name.
pub fn check(rule: &str) -> Result<(), RuleError> {
    rule.parse::<Rule>().map(|_| ())
}
