//! Reading a rule.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time, Weekday};

use super::{ByDay, Frequency, MAX_RULE_BYTES, Rule, RuleError, Scale, Skip, Until};

/// How much of a refused value an error repeats, in characters.
const SHOWN: usize = 40;

const FREQ: &str = "FREQ";
const FREQ_TAKES: &str = "YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY or SECONDLY";
const MONTH: &str = "BYMONTH";
const MONTH_TAKES: &str =
    "numbers from 1 to 12; with RSCALE also 13, and leap months as `5L`, if the calendar has such";
/// Most months of a year in any calendar.
const MOST_MONTHS: i16 = 13;
const YEAR_DAY: &str = "BYYEARDAY";
const YEAR_DAY_TAKES: &str = "numbers from 1 to 366 or -1 to -366; with RSCALE to 385, if the calendar has so many";
/// Most days of a year in any calendar.
const MOST_DAYS: i16 = 385;
const SCALE_TAKES: &str = "the name of a calendar that can be computed, such as GREGORIAN, CHINESE, HEBREW, ISLAMIC-CIVIL, \
                           ETHIOPIC or PERSIAN";
const UNTIL_TAKES: &str = "a date or time such as 20271231 or 20271231T225959Z";
const DAY_TAKES: &str =
    "MO, TU, WE, TH, FR, SA or SU, each with a number from 1 to 53 or -1 to -53 before it if wanted";

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        if text.len() > MAX_RULE_BYTES {
            return Err(RuleError::TooLong);
        }
        let text = text.trim().to_ascii_uppercase();
        let text = text.strip_prefix("RRULE:").unwrap_or(&text);
        let mut reader = Reader {
            rule: Self::every(Frequency::Daily),
            seen: Vec::new(),
        };
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| RuleError::Form(shorten(part)))?;
            reader.part(name.trim(), value.trim())?;
        }
        if !reader.seen.contains(&FREQ) {
            return Err(RuleError::NoFrequency);
        }
        allow_scale(&mut reader.rule)?;
        Ok(reader.rule)
    }
}

/// Whether the calendar a rule counts in has what it names; a calendar that does not matter to it is none.
fn allow_scale(rule: &mut Rule) -> Result<(), RuleError> {
    if rule.scale.is_gregorian() {
        let month = rule.leap_months.first().map(|month| format!("{month}L"));
        let month = month.or_else(|| rule.months.iter().find(|month| **month > 12).map(ToString::to_string));
        if let Some(month) = month {
            return Err(refused(MONTH, &month, MONTH_TAKES));
        }
        if let Some(day) = rule.year_days.iter().find(|day| day.abs() > 366) {
            return Err(refused(YEAR_DAY, &day.to_string(), YEAR_DAY_TAKES));
        }
    }
    if rule.frequency < Frequency::Monthly {
        let counts = !rule.months.is_empty() || !rule.leap_months.is_empty();
        let counts = counts || !rule.month_days.is_empty() || !rule.year_days.is_empty();
        if !rule.scale.is_gregorian() && counts {
            let takes = "months and days of another calendar with FREQ=YEARLY or MONTHLY only";
            return Err(refused("RSCALE", rule.scale.name(), takes));
        }
        (rule.scale, rule.skip) = (Scale::GREGORIAN, Skip::Omit);
    }
    if !rule.weeks.is_empty() && (!rule.scale.is_gregorian() || rule.skip != Skip::Omit) {
        let weeks: Vec<String> = rule.weeks.iter().map(ToString::to_string).collect();
        return Err(refused("BYWEEKNO", &weeks.join(","), "no place beside RSCALE or SKIP"));
    }
    Ok(())
}

struct Reader {
    rule: Rule,
    seen: Vec<&'static str>,
}

impl Reader {
    fn part(&mut self, name: &str, value: &str) -> Result<(), RuleError> {
        let rule = &mut self.rule;
        let part = match name {
            "FREQ" => {
                rule.frequency = frequency(value).ok_or_else(|| refused(FREQ, value, FREQ_TAKES))?;
                FREQ
            }
            "INTERVAL" => {
                rule.interval = number("INTERVAL", value, "a whole number from 1 on")?;
                "INTERVAL"
            }
            "COUNT" => {
                rule.count = Some(number("COUNT", value, "a whole number from 1 on")?);
                "COUNT"
            }
            "UNTIL" => {
                rule.until = Some(until(value).ok_or_else(|| refused("UNTIL", value, UNTIL_TAKES))?);
                "UNTIL"
            }
            "WKST" => {
                let takes = "MO, TU, WE, TH, FR, SA or SU";
                rule.week_start = weekday(value).ok_or_else(|| refused("WKST", value, takes))?;
                "WKST"
            }
            "BYDAY" => {
                rule.weekdays = by_days(value).ok_or_else(|| refused("BYDAY", value, DAY_TAKES))?;
                "BYDAY"
            }
            "BYSECOND" => list("BYSECOND", value, (0, 60), "numbers from 0 to 60", &mut rule.seconds)?,
            "BYMINUTE" => list("BYMINUTE", value, (0, 59), "numbers from 0 to 59", &mut rule.minutes)?,
            "BYHOUR" => list("BYHOUR", value, (0, 23), "numbers from 0 to 23", &mut rule.hours)?,
            "BYMONTH" => {
                let leap = value.split(',').filter_map(|item| item.trim().strip_suffix('L'));
                let leap = leap.collect::<Vec<_>>().join(",");
                let plain = value.split(',').filter(|item| !item.trim().ends_with('L'));
                let plain = plain.collect::<Vec<_>>().join(",");
                for (given, into) in [(plain, &mut rule.months), (leap, &mut rule.leap_months)] {
                    if !given.is_empty() {
                        list(MONTH, &given, (1, MOST_MONTHS), MONTH_TAKES, into)?;
                    }
                }
                if rule.months.is_empty() && rule.leap_months.is_empty() {
                    return Err(refused(MONTH, value, MONTH_TAKES));
                }
                MONTH
            }
            "BYMONTHDAY" => list(
                "BYMONTHDAY",
                value,
                (-31, 31),
                "numbers from 1 to 31 or -1 to -31",
                &mut rule.month_days,
            )?,
            "BYYEARDAY" => list(
                YEAR_DAY,
                value,
                (-MOST_DAYS, MOST_DAYS),
                YEAR_DAY_TAKES,
                &mut rule.year_days,
            )?,
            "BYWEEKNO" => list(
                "BYWEEKNO",
                value,
                (-53, 53),
                "numbers from 1 to 53 or -1 to -53",
                &mut rule.weeks,
            )?,
            "BYSETPOS" => list(
                "BYSETPOS",
                value,
                (-366, 366),
                "numbers from 1 to 366 or -1 to -366",
                &mut rule.positions,
            )?,
            "RSCALE" => {
                rule.scale = Scale::named(value).ok_or_else(|| refused("RSCALE", value, SCALE_TAKES))?;
                "RSCALE"
            }
            "SKIP" => {
                let named = Skip::NAMES.into_iter().find(|(name, _)| *name == value);
                rule.skip = named
                    .ok_or_else(|| refused("SKIP", value, "OMIT, FORWARD or BACKWARD"))?
                    .1;
                "SKIP"
            }
            // Names of other programs' own; RFC 2445 allowed them.
            other if other.starts_with("X-") => return Ok(()),
            other => return Err(RuleError::UnknownPart(shorten(other))),
        };
        if self.seen.contains(&part) {
            return Err(RuleError::Twice(part));
        }
        self.seen.push(part);
        Ok(())
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

fn refused(part: &'static str, value: &str, takes: &'static str) -> RuleError {
    RuleError::Value {
        part,
        value: shorten(value),
        takes,
    }
}

fn frequency(value: &str) -> Option<Frequency> {
    Some(match value {
        "SECONDLY" => Frequency::Secondly,
        "MINUTELY" => Frequency::Minutely,
        "HOURLY" => Frequency::Hourly,
        "DAILY" => Frequency::Daily,
        "WEEKLY" => Frequency::Weekly,
        "MONTHLY" => Frequency::Monthly,
        "YEARLY" => Frequency::Yearly,
        _ => return None,
    })
}

fn weekday(value: &str) -> Option<Weekday> {
    Some(match value {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}

fn number(part: &'static str, value: &str, takes: &'static str) -> Result<u32, RuleError> {
    value
        .parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| refused(part, value, takes))
}

/// Reads a comma-separated list of numbers; 0 only where the range does not go below it.
fn list(
    part: &'static str,
    value: &str,
    (least, most): (i16, i16),
    takes: &'static str,
    into: &mut Vec<i16>,
) -> Result<&'static str, RuleError> {
    for item in value.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let read = item
            .parse()
            .ok()
            .filter(|number| (least..=most).contains(number) && (least >= 0 || *number != 0));
        into.push(read.ok_or_else(|| refused(part, item, takes))?);
    }
    if into.is_empty() {
        return Err(refused(part, value, takes));
    }
    into.sort_unstable();
    into.dedup();
    Ok(part)
}

fn by_days(value: &str) -> Option<Vec<ByDay>> {
    let mut days = Vec::new();
    for item in value.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let (ordinal, name) = item.split_at_checked(item.len().checked_sub(2)?)?;
        let ordinal = match ordinal.trim() {
            "" => 0,
            text => text
                .parse()
                .ok()
                .filter(|number| *number != 0 && (-53..=53).contains(number))?,
        };
        days.push(ByDay {
            ordinal,
            weekday: weekday(name)?,
        });
    }
    days.sort_by_key(|day| (day.weekday.to_monday_zero_offset(), day.ordinal));
    days.dedup();
    (!days.is_empty()).then_some(days)
}

/// Reads `20271231`, `20271231T225959` or `20271231T225959Z`, also with the separators of ISO 8601.
fn until(value: &str) -> Option<Until> {
    let text: String = value.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    if !text.is_ascii() {
        return None;
    }
    let (text, utc) = text
        .strip_suffix('Z')
        .map_or((text.as_str(), false), |rest| (rest, true));
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((day, time)) = text.split_once('T') else {
        return digits(text, 8).then(|| date(text)).flatten().map(Until::Date);
    };
    if !digits(day, 8) || !digits(time, 6) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| time.get(range)?.parse::<i8>().ok();
    // A leap second is the second before it, as far as a series' end goes.
    let second = part(4..6)?;
    let time = Time::new(part(0..2)?, part(2..4)?, if second == 60 { 59 } else { second }, 0).ok()?;
    let at = DateTime::from_parts(date(day)?, time);
    Some(if utc { Until::Utc(at) } else { Until::Local(at) })
}

fn date(digits: &str) -> Option<Date> {
    let year = digits.get(0..4)?.parse().ok()?;
    let month = digits.get(4..6)?.parse().ok()?;
    let day = digits.get(6..8)?.parse().ok()?;
    Date::new(year, month, day).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;
    use crate::calendar::rule::check;

    #[test]
    fn reads_all_parts_in_any_case_and_with_a_trailing_semicolon() {
        let rule: Rule = "freq=monthly;Interval=2; bymonth=3,1,3;BYDAY=-1su,+2MO,tu;BYHOUR=9;BYMINUTE=0,30;BYSECOND=5;\
                          BYMONTHDAY=-1,15;BYYEARDAY=-366,1;BYWEEKNO=53,-1;BYSETPOS=1,-1;WKST=SU;COUNT=7;"
            .parse()
            .unwrap();
        assert_eq!(rule.frequency, Frequency::Monthly);
        assert_eq!((rule.interval, rule.count, rule.until), (2, Some(7), None));
        assert_eq!(rule.months, [1, 3]);
        assert_eq!(
            rule.weekdays,
            [(2, Weekday::Monday), (0, Weekday::Tuesday), (-1, Weekday::Sunday)]
                .map(|(ordinal, weekday)| ByDay { ordinal, weekday })
        );
        assert_eq!(
            (rule.hours, rule.minutes, rule.seconds),
            (vec![9], vec![0, 30], vec![5])
        );
        assert_eq!((rule.month_days, rule.year_days), (vec![-1, 15], vec![-366, 1]));
        assert_eq!((rule.weeks, rule.positions), (vec![-1, 53], vec![-1, 1]));
        assert_eq!(rule.week_start, Weekday::Sunday);
    }

    #[test]
    fn reads_every_form_of_until() {
        let until = |text: &str| {
            format!("FREQ=DAILY;UNTIL={text}")
                .parse::<Rule>()
                .unwrap()
                .until
                .unwrap()
        };
        let day = Date::constant(2027, 12, 31);
        assert_eq!(until("20271231"), Until::Date(day));
        assert_eq!(until("2027-12-31"), Until::Date(day));
        assert_eq!(until("20271231T225960"), Until::Local(day.at(22, 59, 59, 0)));
        assert_eq!(until("20271231t225900z"), Until::Utc(day.at(22, 59, 0, 0)));
    }

    #[test]
    fn refusals_name_the_part_and_what_it_takes() {
        let message = |rule: &str| check(rule).unwrap_err().to_string();
        for (rule, named) in [
            ("", "no FREQ"),
            ("INTERVAL=2", "no FREQ"),
            ("FREQ=OFTEN", "FREQ=OFTEN"),
            ("FREQ=DAILY;FREQ=DAILY", "FREQ is given twice"),
            ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0"),
            ("FREQ=DAILY;COUNT=0", "COUNT=0"),
            ("FREQ=DAILY;COUNT=-1", "COUNT=-1"),
            ("FREQ=DAILY;COUNT=99999999999", "COUNT=99999999999"),
            ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL=TOMORROW"),
            ("FREQ=DAILY;UNTIL=20270231", "UNTIL=20270231"),
            ("FREQ=DAILY;BYMONTH=13", "BYMONTH=13"),
            ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY=0"),
            ("FREQ=DAILY;BYDAY=54MO", "BYDAY=54MO"),
            ("FREQ=DAILY;BYDAY=MONDAY", "BYDAY=MONDAY"),
            ("FREQ=DAILY;BYDAY=ÄÖ", "BYDAY="),
            ("FREQ=DAILY;BYDAY=", "BYDAY="),
            ("FREQ=DAILY;BYHOUR=24", "BYHOUR=24"),
            ("FREQ=DAILY;WKST=1", "WKST=1"),
            ("FREQ=DAILY;BYEASTER=0", "BYEASTER is not a part"),
            ("FREQ=DAILY;BYMONTH=5L", "BYMONTH=5L"),
            ("FREQ=YEARLY;BYMONTH=L", "BYMONTH="),
            ("FREQ=YEARLY;RSCALE=RUSSIAN", "RSCALE=RUSSIAN"),
            ("FREQ=YEARLY;RSCALE=CHINESE;BYMONTH=14", "BYMONTH=14"),
            ("FREQ=YEARLY;BYYEARDAY=370", "BYYEARDAY=370"),
            ("FREQ=DAILY;RSCALE=CHINESE;BYMONTH=1", "RSCALE=CHINESE"),
            ("FREQ=YEARLY;SKIP=SOMETIMES", "SKIP=SOMETIMES"),
            ("FREQ=YEARLY;SKIP=FORWARD;BYWEEKNO=1", "BYWEEKNO=1"),
            ("FREQ=DAILY;often", "`OFTEN`"),
        ] {
            assert!(message(rule).contains(named), "{rule}: {}", message(rule));
        }
        assert_eq!(check(&"X".repeat(MAX_RULE_BYTES + 1)), Err(RuleError::TooLong));
        assert!(message(&format!("FREQ=DAILY;COUNT={}", "9".repeat(300))).len() < 200);
        assert_eq!(
            check("FREQ=WEEKLY;X-EVOLUTION-ENDDATE=20270101T000000Z;RSCALE=GREGORIAN;SKIP=OMIT"),
            Ok(())
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".{0,120}", parts in "(FREQ|BYDAY|UNTIL|BYSETPOS)=[-+0-9A-Z,;TZ=]{0,60}") {
            let _ = check(&text);
            let _ = check(&parts);
        }
    }
}
