//! How an event repeats, as a form asks for it: the few patterns people use, and every other as it is written.

use interhub_domain::calendar::zone;
use interhub_domain::event::{LocalTime, Schedule, Zone};
use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

/// The days of the week as RFC 5545 names them, Monday first.
pub(super) const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// The patterns, in the order in which they are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Pattern {
    #[default]
    Once,
    Daily,
    Weekly,
    Fortnightly,
    /// On the same day of the month.
    MonthlyDate,
    /// On the second Tuesday, say.
    MonthlyWeekday,
    /// On the last Tuesday, say.
    MonthlyLast,
    Yearly,
    /// As an RRULE says.
    Other,
}

impl Pattern {
    pub(super) const ALL: [Self; 9] = [
        Self::Once,
        Self::Daily,
        Self::Weekly,
        Self::Fortnightly,
        Self::MonthlyDate,
        Self::MonthlyWeekday,
        Self::MonthlyLast,
        Self::Yearly,
        Self::Other,
    ];

    /// As the form's field says it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Once => "",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Fortnightly => "fortnightly",
            Self::MonthlyDate => "monthly-date",
            Self::MonthlyWeekday => "monthly-weekday",
            Self::MonthlyLast => "monthly-last",
            Self::Yearly => "yearly",
            Self::Other => "other",
        }
    }

    /// The pattern of a name; a name that is none is the rule as it is written.
    pub(super) fn of_name(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|one| one.name() == name)
            .unwrap_or(Self::Other)
    }
}

/// How often, as the form shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Repeat {
    pub(super) pattern: Pattern,
    /// For weekly patterns: which days beside that of the start; Monday first.
    pub(super) days: [bool; 7],
    /// The last day, as a date; empty: without end.
    pub(super) until: String,
    /// For [`Pattern::Other`].
    pub(super) rule: String,
}

impl Repeat {
    /// How a schedule repeats.
    pub(super) fn of(schedule: &Schedule) -> Self {
        let rule = match schedule.rules.as_slice() {
            [] => return Self::default(),
            [rule] => rule,
            [rule, ..] => {
                return Self {
                    pattern: Pattern::Other,
                    rule: rule.clone(),
                    ..Self::default()
                };
            }
        };
        Self::simple(rule, schedule).unwrap_or_else(|| Self {
            pattern: Pattern::Other,
            rule: rule.clone(),
            ..Self::default()
        })
    }

    /// A rule that is one of the patterns, and says nothing beyond it.
    fn simple(rule: &str, schedule: &Schedule) -> Option<Self> {
        let (mut frequency, mut interval, mut repeat) = ("", "1", Self::default());
        let mut days: Vec<&str> = Vec::new();
        let start = schedule.start.date();
        for part in rule.split(';') {
            match part.split_once('=')? {
                ("FREQ", value) => frequency = value,
                ("INTERVAL", value) => interval = value,
                ("BYDAY", value) => days = value.split(',').collect(),
                ("BYMONTHDAY", value) if value == start.day().to_string() => {}
                ("WKST", "MO") => {}
                ("UNTIL", value) => repeat.until = last_day(value, &schedule.zone)?.to_string(),
                _ => return None,
            }
        }
        let own_day = DAYS[usize::from(start.weekday().to_monday_zero_offset().unsigned_abs())];
        repeat.pattern = match (frequency, interval, days.as_slice()) {
            ("DAILY", "1", []) => Pattern::Daily,
            ("WEEKLY", "1" | "2", named) => {
                for day in named {
                    *repeat.days.get_mut(DAYS.iter().position(|known| known == day)?)? = true;
                }
                // The day of the start is always one of them.
                if !named.is_empty() && !named.contains(&own_day) {
                    return None;
                }
                if interval == "1" {
                    Pattern::Weekly
                } else {
                    Pattern::Fortnightly
                }
            }
            ("MONTHLY", "1", []) => Pattern::MonthlyDate,
            ("MONTHLY", "1", [day]) if *day == format!("-1{own_day}") => Pattern::MonthlyLast,
            ("MONTHLY", "1", [day]) if *day == format!("{}{own_day}", week_of_month(start)) => Pattern::MonthlyWeekday,
            ("YEARLY", "1", []) => Pattern::Yearly,
            _ => return None,
        };
        Some(repeat)
    }

    /// The rule for an event that starts then; empty for one that takes place once. The last day, where it is given, is one that
    /// the caller has checked.
    pub(super) fn to_rule(&self, start: LocalTime, zone: &Zone) -> String {
        let date = start.date();
        let own_day = date.weekday();
        let mut rule = match self.pattern {
            Pattern::Once => return String::new(),
            Pattern::Other => return self.rule.trim().to_owned(),
            Pattern::Daily => "FREQ=DAILY".to_owned(),
            Pattern::Weekly => format!("FREQ=WEEKLY{}", self.by_day(own_day)),
            Pattern::Fortnightly => format!("FREQ=WEEKLY;INTERVAL=2{}", self.by_day(own_day)),
            Pattern::MonthlyDate => "FREQ=MONTHLY".to_owned(),
            Pattern::MonthlyWeekday if week_of_month(date) < 5 => {
                format!("FREQ=MONTHLY;BYDAY={}{}", week_of_month(date), name_of(own_day))
            }
            // A fifth Tuesday is the last one.
            Pattern::MonthlyWeekday | Pattern::MonthlyLast => format!("FREQ=MONTHLY;BYDAY=-1{}", name_of(own_day)),
            Pattern::Yearly => "FREQ=YEARLY".to_owned(),
        };
        if let Ok(until) = self.until.parse::<Date>() {
            rule.push_str(";UNTIL=");
            rule.push_str(&until_text(until, start, zone));
        }
        rule
    }

    fn by_day(&self, own_day: Weekday) -> String {
        let own = usize::from(own_day.to_monday_zero_offset().unsigned_abs());
        let days: Vec<&str> = (0..7)
            .filter(|day| self.days[*day] || *day == own)
            .map(|day| DAYS[day])
            .collect();
        if days.len() == 1 {
            String::new()
        } else {
            format!(";BYDAY={}", days.join(","))
        }
    }
}

fn name_of(day: Weekday) -> &'static str {
    DAYS[usize::from(day.to_monday_zero_offset().unsigned_abs())]
}

/// Which Tuesday of its month a Tuesday is, from 1 on.
fn week_of_month(date: Date) -> i8 {
    (date.day() - 1) / 7 + 1
}

/// UNTIL for a last day: a date for whole days, otherwise the end of that day in the event's zone, in UTC (RFC 5545 3.3.10).
fn until_text(last: Date, start: LocalTime, zone: &Zone) -> String {
    if start.is_date() {
        return last.strftime("%Y%m%d").to_string();
    }
    let end = LocalTime::DateTime(last.at(23, 59, 59, 0));
    let at_ms = zone::instant_ms(end, &zone::resolve(zone));
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::MAX);
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The last day that an UNTIL allows, in the event's zone.
fn last_day(until: &str, zone: &Zone) -> Option<Date> {
    let date = |text: &str| Date::strptime("%Y%m%d", text).ok();
    if until.len() == 8 {
        return date(until);
    }
    let utc = until.strip_suffix('Z')?;
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", utc).ok()?;
    let at_ms = TimeZone::UTC.to_timestamp(time).ok()?.as_millisecond();
    Some(zone::local_at(at_ms, &zone::resolve(zone)).date())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use jiff::civil::date;

    fn schedule(start: LocalTime, rule: &str) -> Schedule {
        Schedule {
            start,
            end: start,
            zone: Zone::Named("Europe/Vienna".into()),
            rules: if rule.is_empty() { Vec::new() } else { vec![rule.into()] },
            extra: Vec::new(),
            excluded: Vec::new(),
            overrides: Vec::new(),
        }
    }

    /// Thursday, the first of the month's.
    fn evening() -> LocalTime {
        LocalTime::DateTime(date(2027, 3, 4).at(18, 30, 0, 0))
    }

    #[test]
    fn every_pattern_reads_back() {
        let zone = Zone::Named("Europe/Vienna".into());
        for start in [
            evening(),
            LocalTime::Date(date(2027, 3, 4)),
            LocalTime::Date(date(2027, 3, 25)),
        ] {
            for pattern in Pattern::ALL {
                for until in ["", "2027-12-31", "2027-07-01"] {
                    let mut repeat = Repeat {
                        pattern,
                        until: until.into(),
                        ..Repeat::default()
                    };
                    match pattern {
                        Pattern::Once => repeat.until = String::new(),
                        Pattern::Other => (repeat.rule, repeat.until) = ("FREQ=WEEKLY;COUNT=3".into(), String::new()),
                        Pattern::Weekly | Pattern::Fortnightly => (repeat.days[0], repeat.days[3]) = (true, true),
                        _ => {}
                    }
                    let rule = repeat.to_rule(start, &zone);
                    if !rule.is_empty() {
                        interhub_domain::calendar::rule::check(&rule).unwrap();
                    }
                    assert_eq!(Repeat::of(&schedule(start, &rule)), repeat, "{rule}");
                }
            }
        }
    }

    #[test]
    fn the_last_day_is_meant_in_the_events_own_zone() {
        let repeat = Repeat {
            pattern: Pattern::Weekly,
            until: "2027-07-01".into(),
            ..Repeat::default()
        };
        let zone = Zone::Named("Europe/Vienna".into());
        assert_eq!(repeat.to_rule(evening(), &zone), "FREQ=WEEKLY;UNTIL=20270701T215959Z");
        let there = Zone::Named("Pacific/Auckland".into());
        assert_eq!(repeat.to_rule(evening(), &there), "FREQ=WEEKLY;UNTIL=20270701T115959Z");
    }

    #[test]
    fn what_is_no_pattern_stays_as_it_is_written() {
        for rule in [
            "FREQ=WEEKLY;COUNT=3",
            "FREQ=WEEKLY;BYDAY=MO",
            "FREQ=MONTHLY;BYDAY=2TH",
            "FREQ=DAILY;INTERVAL=3",
            "FREQ=MONTHLY;BYMONTHDAY=5",
            "FREQ=WEEKLY;UNTIL=soon",
            "nonsense",
        ] {
            let repeat = Repeat::of(&schedule(evening(), rule));
            assert_eq!((repeat.pattern, repeat.rule.as_str()), (Pattern::Other, rule));
        }
    }

    #[test]
    fn the_fifth_is_the_last() {
        let start = LocalTime::Date(date(2027, 4, 29));
        let repeat = Repeat {
            pattern: Pattern::MonthlyWeekday,
            ..Repeat::default()
        };
        assert_eq!(
            repeat.to_rule(start, &Zone::Named("UTC".into())),
            "FREQ=MONTHLY;BYDAY=-1TH"
        );
    }
}
