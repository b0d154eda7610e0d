//! Dates as people write them in tables. Day and month are told apart by the column as a whole, or not at all.

use jiff::civil::Date;

use crate::member::said::Until;

/// In which order a column with strokes has day and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    /// Nothing told yet: each date could be read both ways.
    #[default]
    Open,
    /// 31/12/2027.
    DayFirst,
    /// 12/31/2027.
    MonthFirst,
    /// Both are in the column.
    Mixed,
}

impl Order {
    /// What is known after one more cell.
    pub(super) fn and(self, cell: &str) -> Self {
        let Some(Parts::Unordered(first, second, _)) = parts(cell) else {
            return self;
        };
        let seen = match (first > 12, second > 12) {
            (true, false) => Self::DayFirst,
            (false, true) => Self::MonthFirst,
            _ => return self,
        };
        match self {
            Self::Open => seen,
            before if before == seen => before,
            _ => Self::Mixed,
        }
    }
}

enum Parts {
    /// Year, month, day.
    Ordered(i16, i8, i8),
    /// Day and month or month and day, and the year.
    Unordered(i8, i8, i16),
}

/// The last day in a cell, or that there is none.
pub(super) fn until(cell: &str, order: Order) -> Result<Until, String> {
    const OPEN: [&str; 13] = [
        "",
        "-",
        "open",
        "never",
        "none",
        "unlimited",
        "unbefristet",
        "offen",
        "nie",
        "onbeperkt",
        "illimite",
        "indefinido",
        "jamais",
    ];
    if OPEN.contains(&super::super::columns::unaccented(cell.trim()).as_str()) {
        return Ok(Until::Open);
    }
    let no_date = || format!("valid_until: {cell:.40} is no date; write it like 2027-12-31");
    let (year, month, day) = match parts(cell).ok_or_else(no_date)? {
        Parts::Ordered(year, month, day) => (year, month, day),
        Parts::Unordered(first, second, year) if first == second => (year, first, second),
        Parts::Unordered(first, second, year) => match order {
            Order::DayFirst => (year, second, first),
            Order::MonthFirst => (year, first, second),
            Order::Open => {
                return Err(format!(
                    "valid_until: {cell:.40} could be read as day and month or as month and day; write it like 2027-12-31"
                ));
            }
            Order::Mixed => {
                return Err(format!(
                    "valid_until: {cell:.40}: this column has dates with the day first and dates with the month first; \
                     write them like 2027-12-31"
                ));
            }
        },
    };
    Date::new(year, month, day).map(Until::Day).map_err(|_| no_date())
}

/// The numbers of a date, with its time of day left aside. A date with points has its day first.
fn parts(cell: &str) -> Option<Parts> {
    let text = cell.trim();
    let text = text.split([' ', 'T']).next().unwrap_or_default();
    let mark = text.chars().find(|char| !char.is_ascii_digit())?;
    if !matches!(mark, '-' | '/' | '.') {
        return None;
    }
    let mut numbers = text.splitn(3, mark);
    let (first, second, third) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let all_digits = [first, second, third]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if !all_digits || second.len() > 2 {
        return None;
    }
    match (first.len(), third.len()) {
        (4, 1..=2) => Some(Parts::Ordered(
            first.parse().ok()?,
            second.parse().ok()?,
            third.parse().ok()?,
        )),
        (1..=2, 4) if mark == '.' => Some(Parts::Ordered(
            third.parse().ok()?,
            second.parse().ok()?,
            first.parse().ok()?,
        )),
        (1..=2, 4) => Some(Parts::Unordered(
            first.parse().ok()?,
            second.parse().ok()?,
            third.parse().ok()?,
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn dates_are_read_where_there_is_one_reading() {
        let day = Ok(Until::Day(date(2027, 5, 1)));
        for text in [
            "2027-05-01",
            "2027-05-01 00:00",
            "2027-05-01T10:00:00Z",
            "2027/5/1",
            "1.5.2027",
            "01.05.2027",
        ] {
            assert_eq!(until(text, Order::Open), day, "{text}");
        }
        assert_eq!(until("1/5/2027", Order::DayFirst), day);
        assert_eq!(until("5/1/2027", Order::MonthFirst), day);
        assert_eq!(until("5-5-2027", Order::Open), Ok(Until::Day(date(2027, 5, 5))));
        assert_eq!(
            (until("", Order::Open), until("unbefristet", Order::Open)),
            (Ok(Until::Open), Ok(Until::Open))
        );
        for wrong in [
            "1/5/2027",
            "31.2.2027",
            "1.5.27",
            "soon",
            "2027",
            "1/2/3/4",
            "٣/٣/٢٠٢٧",
            "20270501",
        ] {
            assert!(until(wrong, Order::Open).is_err(), "{wrong}");
        }
        assert!(until("13/13/2027", Order::DayFirst).is_err());
    }

    #[test]
    fn the_order_is_that_of_the_column() {
        let order = |cells: &[&str]| cells.iter().fold(Order::Open, |order, cell| order.and(cell));
        assert_eq!(order(&["1/2/2027", "2027-01-31", "x"]), Order::Open);
        assert_eq!(order(&["1/2/2027", "31/1/2027"]), Order::DayFirst);
        assert_eq!(order(&["1/31/2027", "1/2/2027"]), Order::MonthFirst);
        assert_eq!(order(&["1/31/2027", "31/1/2027"]), Order::Mixed);
    }
}
