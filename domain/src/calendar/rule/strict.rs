//! A rule as the strictest reader wants it (RFC 5545 3.3.10), with the same starts as here.
//!
//! Reading is liberal, so a rule that is followed here can be one that another program refuses, or reads otherwise. What
//! goes out is put right; a rule that is right as it stands keeps its text, so that no reader sees a change without one.
//!
//! - UNTIL is of DTSTART's kind: a date for whole days, else an instant in UTC.
//! - Of COUNT and UNTIL the one stays that ends the series.
//! - What is passed over here is left out: parts that RFC 5545 does not know, ordinals where they mean nothing, times of
//!   day for whole days, a leap second, BYSETPOS that picks from one.
//! - Parts that the standard forbids for a frequency, and that limit the days here, go to a frequency that allows them.
//!   Only where the length of the periods matters too (INTERVAL, BYSETPOS, or hours and less) there is none: these stay.
//! - A rule that gives nothing says that the first start is the only one.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::walk::{Budget, Span, Walk};
use super::{ByDay, Frequency, Rule, Skip, Until};
use crate::calendar::days::{self, DAY};
use crate::calendar::expand::{MAX_INSTANCES, MAX_STEPS};
use crate::calendar::zone;
use crate::event::LocalTime;

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// The first day that a year of four digits has and every program knows.
const FIRST_DAY: Date = Date::constant(1, 1, 1);

impl Until {
    /// The last day of a series of whole days.
    pub(crate) fn day(self, tz: &TimeZone) -> Date {
        match self {
            Self::Date(date) => date,
            Self::Local(at) => at.date(),
            // Many programs write the date so.
            Self::Utc(at) if at.time() == Time::midnight() => at.date(),
            Self::Utc(at) => zone::local_at(utc_ms(at), tz).date(),
        }
    }

    /// Whether the series had ended when this would start.
    pub(crate) fn is_before(self, start: LocalTime, tz: &TimeZone) -> bool {
        match (start, self) {
            (LocalTime::Date(start), until) => until.day(tz) < start,
            (LocalTime::DateTime(start), Self::Date(last)) => last < start.date(),
            (LocalTime::DateTime(start), Self::Local(last)) => days::seconds(last) < days::seconds(start),
            (LocalTime::DateTime(_), Self::Utc(last)) => utc_ms(last) < zone::instant_ms(start, tz),
        }
    }
}

fn utc_ms(at: DateTime) -> i64 {
    days::seconds(at).saturating_mul(1_000)
}

/// A rule with what it counts from.
struct Series<'a> {
    rule: Rule,
    start: LocalTime,
    tz: &'a TimeZone,
}

/// The rule of a series that begins at `start` in the zone `tz`; `None` for one that cannot be read.
pub(crate) fn rule(text: &str, start: LocalTime, tz: &TimeZone) -> Option<Rule> {
    let rule: Rule = text.parse().ok()?;
    let mut series = Series { rule, start, tz };
    series.end_once();
    if !series.leave_out() {
        series.rule = Rule {
            count: None,
            until: series.rule.until.filter(|until| until.is_before(start, tz)),
            ..Rule::every(Frequency::Daily)
        };
        if series.rule.until.is_none() {
            series.rule.count = Some(1);
        }
    }
    if let Some(until) = series.rule.until {
        series.rule.until = Some(series.last(until));
    }
    series.allow_parts();
    Some(series.rule)
}

/// The same, written down.
pub(crate) fn text(text: &str, start: LocalTime, tz: &TimeZone) -> Option<String> {
    let parts = parts(&rule(text, start, tz)?);
    if is_written(text, &parts) {
        return Some(text.to_owned());
    }
    let parts: Vec<String> = parts
        .iter()
        .filter(|(name, values)| !is_default(name, &values[0]))
        .map(|(name, values)| format!("{name}={}", values.join(",")))
        .collect();
    Some(parts.join(";"))
}

impl Series<'_> {
    /// Of COUNT and UNTIL keeps the one that ends it.
    fn end_once(&mut self) {
        if let (Some(_), Some(until)) = (self.rule.count, self.rule.until) {
            if self.counts_beyond(until) {
                self.rule.count = None;
            } else {
                self.rule.until = None;
            }
        }
    }

    /// Whether COUNT alone would let it go on after UNTIL. What is more than can be counted does.
    fn counts_beyond(&self, until: Until) -> bool {
        if until.is_before(self.start, self.tz) {
            return true;
        }
        let last = match until {
            Until::Utc(at) => zone::local_at(utc_ms(at), self.tz),
            Until::Local(at) => at,
            Until::Date(date) => date.at(23, 59, 59, 0),
        };
        let mut budget = Budget::new(MAX_STEPS, MAX_INSTANCES);
        // Around a clock change a later instant can have an earlier wall time.
        let mut walk = self.walk(days::seconds(last) - DAY, i64::MAX, &mut budget);
        while let Some(start) = walk.next(&mut budget) {
            if until.is_before(self.local(start), self.tz) {
                return true;
            }
        }
        budget.is_spent()
    }

    fn walk(&self, from: i64, to: i64, budget: &mut Budget) -> Walk {
        let span = Span {
            start: days::seconds(self.start.date_time()),
            from,
            to,
            whole_days: self.start.is_date(),
            counted: 0,
        };
        Walk::new(&self.rule, span.counting(&self.rule, budget))
    }

    fn local(&self, seconds: i64) -> LocalTime {
        let at = days::date_time(seconds);
        if self.start.is_date() {
            LocalTime::Date(at.date())
        } else {
            LocalTime::DateTime(at)
        }
    }

    /// Leaves out what is passed over. False if the rule gives nothing then.
    fn leave_out(&mut self) -> bool {
        let whole_days = self.start.is_date();
        let rule = &mut self.rule;
        if whole_days {
            for times in [&mut rule.hours, &mut rule.minutes, &mut rule.seconds] {
                times.clear();
            }
        }
        let given = !rule.seconds.is_empty();
        rule.seconds.retain(|second| *second < 60);
        if (whole_days && rule.frequency < Frequency::Daily) || (given && rule.seconds.is_empty()) {
            return false;
        }
        if rule.frequency < Frequency::Monthly || !rule.weeks.is_empty() {
            for day in &mut rule.weekdays {
                day.ordinal = 0;
            }
            rule.weekdays.dedup();
        }
        let positions = std::mem::take(&mut rule.positions);
        if positions.is_empty() {
            return true;
        }
        if rule.is_plain() {
            return positions.contains(&1) || positions.contains(&-1);
        }
        rule.positions = positions;
        true
    }

    /// Goes to a frequency for which all parts are allowed, if the days stay the same.
    fn allow_parts(&mut self) {
        let rule = &mut self.rule;
        let days_of_year = !rule.year_days.is_empty() || !rule.weeks.is_empty();
        let is_limited = (Frequency::Daily..Frequency::Yearly).contains(&rule.frequency)
            && (days_of_year || (rule.frequency == Frequency::Weekly && !rule.month_days.is_empty()));
        if !is_limited || rule.interval != 1 || !rule.positions.is_empty() {
            return;
        }
        if !days_of_year {
            rule.frequency = Frequency::Daily;
            return;
        }
        rule.frequency = Frequency::Yearly;
        if rule.month_days.is_empty() && rule.year_days.is_empty() && rule.weekdays.is_empty() {
            // In a year's rule a week alone means one day of it.
            rule.weekdays = WEEK.map(|weekday| ByDay { ordinal: 0, weekday }).to_vec();
        }
        if rule.months.is_empty() && rule.weekdays.iter().any(|day| day.ordinal != 0) {
            // Without months the ordinals would count in the year.
            rule.months = (1..=12).collect();
        }
    }

    /// UNTIL as a date for whole days, else in UTC.
    fn last(&self, until: Until) -> Until {
        if self.start.is_date() {
            return Until::Date(until.day(self.tz).max(FIRST_DAY));
        }
        let utc = match until {
            Until::Utc(at) => at,
            Until::Local(at) => self.instant(at),
            Until::Date(date) => self.instant(date.at(23, 59, 59, 0)),
        };
        Until::Utc(utc.max(FIRST_DAY.to_datetime(Time::midnight())))
    }

    /// In UTC, a moment that is not before a start up to this wall time, and before all others.
    fn instant(&self, wall: DateTime) -> DateTime {
        let in_utc =
            |wall: DateTime| zone::local_at(zone::instant_ms(LocalTime::DateTime(wall), self.tz), &TimeZone::UTC);
        let AmbiguousOffset::Gap { after, .. } = self.tz.to_ambiguous_timestamp(wall).offset() else {
            return in_utc(wall);
        };
        // The clock skips it: read as a later time, it could be after starts that come after it on the wall.
        let end = days::seconds(wall);
        let mut budget = Budget::new(MAX_STEPS, MAX_INSTANCES);
        let mut walk = self.walk(end - DAY, end, &mut budget);
        let mut last = Some(days::seconds(self.start.date_time())).filter(|start| (end - DAY..=end).contains(start));
        while let Some(start) = walk.next(&mut budget) {
            last = last.max(Some(start));
        }
        match last {
            Some(start) => in_utc(days::date_time(start)),
            None => Offset::UTC.to_datetime(after.to_timestamp(wall).unwrap_or(Timestamp::MIN)),
        }
    }
}

/// Names and values of all parts, in their usual order.
fn parts(rule: &Rule) -> Vec<(&'static str, Vec<String>)> {
    let numbers = |numbers: &[i16]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>();
    // RFC 7529 wants the calendar named wherever SKIP is.
    let is_scaled = !rule.scale.is_gregorian() || rule.skip != Skip::Omit;
    let until = rule.until.map(|until| match until {
        Until::Date(date) => date.strftime("%Y%m%d").to_string(),
        Until::Local(at) => at.strftime("%Y%m%dT%H%M%S").to_string(),
        Until::Utc(at) => at.strftime("%Y%m%dT%H%M%SZ").to_string(),
    });
    let weekdays = rule.weekdays.iter().map(|day| match day.ordinal {
        0 => day_name(day.weekday).to_owned(),
        ordinal => format!("{ordinal}{}", day_name(day.weekday)),
    });
    let months = rule.months.iter().map(ToString::to_string);
    let leap_months = rule.leap_months.iter().map(|month| format!("{month}L"));
    let of_other = |name: &str| vec![name.to_owned()];
    let all = [
        ("FREQ", vec![frequency_name(rule.frequency).to_owned()]),
        ("INTERVAL", vec![rule.interval.to_string()]),
        ("COUNT", rule.count.iter().map(ToString::to_string).collect()),
        ("UNTIL", until.into_iter().collect()),
        ("BYMONTH", months.chain(leap_months).collect()),
        ("BYWEEKNO", numbers(&rule.weeks)),
        ("BYYEARDAY", numbers(&rule.year_days)),
        ("BYMONTHDAY", numbers(&rule.month_days)),
        ("BYDAY", weekdays.collect()),
        ("BYHOUR", numbers(&rule.hours)),
        ("BYMINUTE", numbers(&rule.minutes)),
        ("BYSECOND", numbers(&rule.seconds)),
        ("BYSETPOS", numbers(&rule.positions)),
        ("WKST", vec![day_name(rule.week_start).to_owned()]),
        (
            "RSCALE",
            if is_scaled {
                of_other(rule.scale.name())
            } else {
                Vec::new()
            },
        ),
        (
            "SKIP",
            if is_scaled {
                of_other(rule.skip.name())
            } else {
                Vec::new()
            },
        ),
    ];
    all.into_iter().filter(|(_, values)| !values.is_empty()).collect()
}

/// Whether it says what holds anyway.
fn is_default(name: &str, value: &str) -> bool {
    matches!((name, value), ("INTERVAL", "1") | ("WKST", "MO") | ("SKIP", "OMIT"))
}

/// Whether a text says these parts, each well spelt, in an order that may be another one but for FREQ, before
/// which RFC 7529 writes RSCALE.
fn is_written(text: &str, parts: &[(&'static str, Vec<String>)]) -> bool {
    let mut left: Vec<_> = parts.iter().collect();
    (text.starts_with("FREQ=") || text.starts_with("RSCALE="))
        && text.split(';').all(|part| {
            let Some((name, value)) = part.split_once('=') else {
                return false;
            };
            let Some(at) = left.iter().position(|(wanted, _)| *wanted == name) else {
                return false;
            };
            let (_, wanted) = left.swap_remove(at);
            let mut values: Vec<&str> = value.split(',').collect();
            let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            values.sort_unstable();
            wanted.sort_unstable();
            values == wanted
        })
        && left.iter().all(|(name, values)| is_default(name, &values[0]))
}

const fn frequency_name(frequency: Frequency) -> &'static str {
    match frequency {
        Frequency::Secondly => "SECONDLY",
        Frequency::Minutely => "MINUTELY",
        Frequency::Hourly => "HOURLY",
        Frequency::Daily => "DAILY",
        Frequency::Weekly => "WEEKLY",
        Frequency::Monthly => "MONTHLY",
        Frequency::Yearly => "YEARLY",
    }
}

/// As RFC 5545 writes it.
pub(crate) const fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "MO",
        Weekday::Tuesday => "TU",
        Weekday::Wednesday => "WE",
        Weekday::Thursday => "TH",
        Weekday::Friday => "FR",
        Weekday::Saturday => "SA",
        Weekday::Sunday => "SU",
    }
}
