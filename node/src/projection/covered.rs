//! The covered years: the span for which occurrences of series are written down.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Whole years, in UTC, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoveredYears {
    /// The first year.
    pub first: i16,
    /// The last year.
    pub last: i16,
}

impl CoveredYears {
    /// From last year to the one after next, as seen at this moment (Unix milliseconds).
    pub fn at(now_ms: i64) -> Self {
        let now = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let year = now.to_zoned(TimeZone::UTC).year();
        Self {
            first: year.saturating_sub(1),
            last: year.saturating_add(2),
        }
    }

    /// When the first year begins, Unix milliseconds.
    pub fn from_ms(self) -> i64 {
        new_year_ms(self.first)
    }

    /// When the last year has ended, Unix milliseconds.
    pub fn to_ms(self) -> i64 {
        new_year_ms(self.last.saturating_add(1))
    }

    /// Whether an occurrence belongs to the covered years: some of it lies in them.
    pub(super) fn hold(self, start_ms: i64, end_ms: i64) -> bool {
        self.first <= self.last && start_ms < self.to_ms() && reach(start_ms, end_ms) > self.from_ms()
    }
}

/// The end of an occurrence when it is asked whether it goes on after some moment: what takes no time lasts a
/// millisecond, or nothing would find it at its very start.
pub(super) fn reach(start_ms: i64, end_ms: i64) -> i64 {
    end_ms.max(start_ms.saturating_add(1))
}

fn new_year_ms(year: i16) -> i64 {
    let day = Date::new(year, 1, 1)
        .ok()
        .and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    day.map_or(if year < 0 { i64::MIN } else { i64::MAX }, |day| {
        day.timestamp().as_millisecond()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn four_years_around_now() {
        let now: Timestamp = "2026-12-31T23:59:59Z".parse().unwrap();
        let covered = CoveredYears::at(now.as_millisecond());
        assert_eq!(
            covered,
            CoveredYears {
                first: 2025,
                last: 2028
            }
        );
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(covered.from_ms(), ms("2025-01-01T00:00:00Z"));
        assert_eq!(covered.to_ms(), ms("2029-01-01T00:00:00Z"));
        assert_eq!(CoveredYears::at(now.as_millisecond() + 1_000).first, 2026);
    }

    #[test]
    fn an_occurrence_without_length_is_held() {
        let covered = CoveredYears {
            first: 2025,
            last: 2028,
        };
        assert!(covered.hold(covered.from_ms(), covered.from_ms()));
        assert!(!covered.hold(covered.to_ms(), covered.to_ms()));
        assert!(!covered.hold(covered.from_ms() - 10, covered.from_ms()));
    }
}
