//! Civil time as plain numbers: days and seconds since 1970-01-01T00:00:00, without a zone.
//!
//! Recurrence counts through millions of days; integers make that cheap and free of overflow within the years
//! [`jiff`] knows (-9999 to 9999).

use jiff::civil::{Date, DateTime, Time};

/// Seconds of a civil day.
pub(crate) const DAY: i64 = 86_400;

/// The last civil second of the year 9999.
pub(crate) const LAST: i64 = day_of(9999, 12, 31) * DAY + DAY - 1;

/// The first civil second of the year -9999.
pub(crate) const FIRST: i64 = day_of(-9999, 1, 1) * DAY;

/// Day number of a date of the proleptic Gregorian calendar. `month` is 1 to 12.
pub(crate) const fn day_of(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have the leap day at their end.
    let shifted = (month + 9) % 12;
    let year = if month <= 2 { year - 1 } else { year };
    let days_before = (153 * shifted + 2) / 5;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + days_before + day - 719_469
}

/// Year, month and day of a day number.
pub(crate) const fn civil_of(number: i64) -> (i64, i64, i64) {
    let since = number + 719_468;
    let era = since.div_euclid(146_097);
    let in_era = since.rem_euclid(146_097);
    let year_in_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_in_era + year_in_era / 4 - year_in_era / 100);
    let shifted = (5 * in_year + 2) / 153;
    let day = in_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_in_era;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// Weekday of a day number, Monday 0 to Sunday 6.
pub(crate) const fn weekday_of(number: i64) -> i64 {
    (number + 3).rem_euclid(7)
}

/// Days of a year.
pub(crate) const fn year_length(year: i64) -> i64 {
    day_of(year + 1, 1, 1) - day_of(year, 1, 1)
}

/// Days of a month.
pub(crate) const fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 => year_length(year) - 337,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Day number of a date.
pub(crate) fn number(date: Date) -> i64 {
    day_of(i64::from(date.year()), i64::from(date.month()), i64::from(date.day()))
}

/// Seconds of a wall-clock time; fractions are dropped.
pub(crate) fn seconds(at: DateTime) -> i64 {
    let time = i64::from(at.hour()) * 3600 + i64::from(at.minute()) * 60 + i64::from(at.second());
    number(at.date()) * DAY + time
}

/// The date of a day number; the first or last date there is if it lies outside the years -9999 to 9999.
pub(crate) fn date(number: i64) -> Date {
    let (year, month, day) = civil_of(number.clamp(FIRST / DAY, LAST / DAY));
    let parts = (i16::try_from(year), i8::try_from(month), i8::try_from(day));
    let (Ok(year), Ok(month), Ok(day)) = parts else {
        return Date::MAX;
    };
    Date::new(year, month, day).unwrap_or(Date::MAX)
}

/// The wall-clock time of civil seconds, limited like [`date`].
pub(crate) fn date_time(seconds: i64) -> DateTime {
    let seconds = seconds.clamp(FIRST, LAST);
    let day = seconds.div_euclid(DAY);
    let of_day = seconds.rem_euclid(DAY);
    let part = |value: i64| i8::try_from(value).unwrap_or_default();
    let time = Time::new(part(of_day / 3600), part(of_day / 60 % 60), part(of_day % 60), 0);
    DateTime::from_parts(date(day), time.unwrap_or_else(|_| Time::midnight()))
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    #[test]
    fn every_day_number_agrees_with_jiff() {
        let mut day = Date::constant(-9999, 1, 1);
        let mut count = number(day);
        assert_eq!(FIRST / DAY, count);
        while day < Date::MAX {
            assert_eq!(number(day), count, "{day}");
            assert_eq!(date(count), day);
            assert_eq!(
                weekday_of(count),
                i64::from(day.weekday().to_monday_zero_offset()),
                "{day}"
            );
            assert_eq!(
                month_length(i64::from(day.year()), i64::from(day.month())),
                i64::from(day.days_in_month())
            );
            let step = if day.year() < 1890 || day.year() > 2110 { 97 } else { 1 };
            let Ok(next) = day.checked_add(step.days()) else { break };
            day = next;
            count += step;
        }
        assert_eq!(number(Date::MAX), LAST / DAY);
        assert_eq!(number(Date::constant(1970, 1, 1)), 0);
    }

    #[test]
    fn seconds_go_there_and_back() {
        for at in [FIRST, -1, 0, 86_399, 1_700_000_000, LAST] {
            assert_eq!(seconds(date_time(at)), at);
        }
        assert_eq!(seconds(date_time(i64::MAX)), LAST);
        assert_eq!(seconds(date_time(i64::MIN)), FIRST);
    }
}
