//! What a hub counts for itself, beside its events: kilograms of coffee, repaired bicycles, litres of rain.

use interhub_domain::registry::check_slug;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{CommandError, Commands};
use crate::clock::random_bytes;
use crate::store::catalogue::counter::{CounterId, CounterKey, CounterRow, EntryId, TallyKey, TallyRow};

/// Most counters of one hub.
pub const MAX_COUNTERS: usize = 100;
/// Most entries of one counter: one an hour for eleven years.
const MAX_ENTRIES: usize = 100_000;
/// Longest name in characters.
const MAX_NAME: usize = 100;
/// Longest unit in characters.
const MAX_UNIT: usize = 20;
/// Longest note in characters.
const MAX_NOTE: usize = 500;
/// The largest amount of one entry either way, thousandths.
const MAX_THOUSANDTHS: i64 = 1_000_000_000_000;
/// Years that entries may be of.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2200;

/// Something that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// What is known of it.
    pub row: CounterRow,
    /// Entries it has.
    pub entries: u64,
    /// All of them together, thousandths of its unit.
    pub thousandths: i64,
}

/// An amount that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is called by.
    pub id: EntryId,
    /// The day for which it counts.
    pub day: Date,
    /// How much, and why.
    pub row: TallyRow,
}

/// A year of a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterYear {
    /// The counter.
    pub row: CounterRow,
    /// Entries of that year.
    pub entries: u64,
    /// All of them together, thousandths of its unit.
    pub total: i64,
    /// The same by month, from January on.
    pub by_month: [i64; 12],
}

impl Commands {
    /// Begins to count something, or gives what is counted already another name and unit.
    pub async fn define_counter(&self, slug: String, name: String, unit: String) -> Result<Counter, CommandError> {
        self.blocking("counter define", move |this| {
            let slug = slug.trim().to_owned();
            check_slug(&slug).map_err(|error| CommandError::usage(error.to_string()))?;
            let name = one_line("name", &name, MAX_NAME)?;
            let unit = one_line("unit", &unit, MAX_UNIT)?;
            let _alone = this.counting.lock();
            let all = this.ledger.local_rows::<CounterKey>(&[])?;
            let known = all.iter().find(|(_, row)| row.slug == slug);
            if known.is_none() && all.len() >= MAX_COUNTERS {
                return Err(CommandError::refused(format!(
                    "there are {MAX_COUNTERS} counters already; `interhub counter delete` ends one"
                )));
            }
            let (key, created_ms) = known.map_or_else(
                || (CounterKey(CounterId(random_bytes(&*this.clock))), this.clock.now_ms()),
                |(key, row)| (*key, row.created_ms),
            );
            let row = CounterRow {
                name: if name.is_empty() { slug.clone() } else { name },
                slug,
                unit,
                created_ms,
            };
            this.ledger.put_local_row(&key, &row)?;
            this.ledger.make_durable()?;
            this.summed(key.0, row)
        })
        .await
    }

    /// Everything that is counted, by name.
    pub async fn counters(&self) -> Result<Vec<Counter>, CommandError> {
        self.blocking("counter list", |this| {
            let rows = this.ledger.local_rows::<CounterKey>(&[])?.into_iter();
            let mut all: Vec<Counter> = rows
                .map(|(CounterKey(id), row)| this.summed(id, row))
                .collect::<Result<_, _>>()?;
            all.sort_by(|one, other| (&one.row.name, &one.row.slug).cmp(&(&other.row.name, &other.row.slug)));
            Ok(all)
        })
        .await
    }

    /// Counts something no more, and forgets everything that was counted.
    pub async fn delete_counter(&self, slug: String) -> Result<Counter, CommandError> {
        self.blocking("counter delete", move |this| {
            let _alone = this.counting.lock();
            let (id, row) = this.known_counter(&slug)?;
            let gone = this.summed(id, row)?;
            this.ledger.drop_counter(id)?;
            this.ledger.make_durable()?;
            Ok(gone)
        })
        .await
    }

    /// Counts an amount, for this day (`YYYY-MM-DD`; without one: today, where the hub is).
    pub async fn count_amount(
        &self,
        slug: String,
        thousandths: i64,
        day: Option<String>,
        note: String,
    ) -> Result<Entry, CommandError> {
        self.blocking("counter add", move |this| {
            if thousandths == 0 || !(-MAX_THOUSANDTHS..=MAX_THOUSANDTHS).contains(&thousandths) {
                return Err(CommandError::usage(
                    "an amount is not zero and at most 1,000,000,000, with at most three decimals",
                ));
            }
            let note = one_line("note", &note, MAX_NOTE)?;
            let day = match day {
                Some(text) => parsed_day(text.trim())?,
                None => this.today(),
            };
            let _alone = this.counting.lock();
            let (counter, row) = this.known_counter(&slug)?;
            if this.summed(counter, row)?.entries >= MAX_ENTRIES as u64 {
                return Err(CommandError::refused(format!(
                    "this counter has {MAX_ENTRIES} entries; begin another one with `interhub counter define`"
                )));
            }
            let key = TallyKey {
                counter,
                day: number_of(day),
                entry: EntryId(random_bytes(&*this.clock)),
            };
            let row = TallyRow {
                thousandths,
                note,
                at_ms: this.clock.now_ms(),
            };
            this.ledger.put_local_row(&key, &row)?;
            this.ledger.make_durable()?;
            Ok(Entry {
                id: key.entry,
                day,
                row,
            })
        })
        .await
    }

    /// What was counted in a year, the oldest day first.
    pub async fn counted(&self, slug: String, year: i32) -> Result<Vec<Entry>, CommandError> {
        self.blocking("counter entries", move |this| {
            let year = checked_year(year)?;
            let (id, _) = this.known_counter(&slug)?;
            let mut all = this.entries_of(id)?;
            all.retain(|entry| entry.day.year() == year);
            all.sort_by_key(|entry| (entry.day, entry.row.at_ms, entry.id));
            Ok(all)
        })
        .await
    }

    /// Takes an entry back.
    pub async fn uncount(&self, slug: String, entry: String) -> Result<Entry, CommandError> {
        self.blocking("counter remove", move |this| {
            let _alone = this.counting.lock();
            let (counter, _) = this.known_counter(&slug)?;
            let unknown = || {
                CommandError::not_found(format!(
                    "the counter {slug} has no such entry; `interhub counter entries {slug}` shows them"
                ))
            };
            let id: EntryId = entry.trim().parse().map_err(|()| unknown())?;
            let found = this.entries_of(counter)?.into_iter().find(|one| one.id == id);
            let found = found.ok_or_else(unknown)?;
            let key = TallyKey {
                counter,
                day: number_of(found.day),
                entry: id,
            };
            this.ledger.drop_local_rows(&[key])?;
            this.ledger.make_durable()?;
            Ok(found)
        })
        .await
    }

    /// A year of everything that is counted, by name; what has no entry in it is left out.
    pub(super) fn counter_years(&self, year: i32) -> Result<Vec<CounterYear>, CommandError> {
        let year = checked_year(year)?;
        let mut years = Vec::new();
        for (CounterKey(id), row) in self.ledger.local_rows::<CounterKey>(&[])? {
            let mut of = CounterYear {
                row,
                entries: 0,
                total: 0,
                by_month: [0; 12],
            };
            for entry in self
                .entries_of(id)?
                .into_iter()
                .filter(|entry| entry.day.year() == year)
            {
                of.entries += 1;
                of.total = of.total.saturating_add(entry.row.thousandths);
                let month = usize::try_from(entry.day.month() - 1).unwrap_or_default();
                if let Some(sum) = of.by_month.get_mut(month) {
                    *sum = sum.saturating_add(entry.row.thousandths);
                }
            }
            if of.entries > 0 {
                years.push(of);
            }
        }
        years.sort_by(|one, other| (&one.row.name, &one.row.slug).cmp(&(&other.row.name, &other.row.slug)));
        Ok(years)
    }

    fn known_counter(&self, slug: &str) -> Result<(CounterId, CounterRow), CommandError> {
        let all = self.ledger.local_rows::<CounterKey>(&[])?;
        let found = all.into_iter().find(|(_, row)| row.slug == slug.trim());
        let (CounterKey(id), row) = found.ok_or_else(|| {
            CommandError::not_found(format!(
                "nothing is counted under {slug:.80?}; `interhub counter list` shows what is, `interhub counter define` begins"
            ))
        })?;
        Ok((id, row))
    }

    fn entries_of(&self, id: CounterId) -> Result<Vec<Entry>, CommandError> {
        let rows = self.ledger.local_rows::<TallyKey>(&id.0)?;
        let entry = |(key, row): (TallyKey, TallyRow)| Entry {
            id: key.entry,
            day: day_of(key.day),
            row,
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    fn summed(&self, id: CounterId, row: CounterRow) -> Result<Counter, CommandError> {
        let all = self.entries_of(id)?;
        let amounts = all.iter().map(|entry| entry.row.thousandths);
        Ok(Counter {
            row,
            entries: all.len() as u64,
            thousandths: amounts.fold(0, i64::saturating_add),
        })
    }

    pub(super) fn today(&self) -> Date {
        let zone = TimeZone::get(&self.timezone).unwrap_or(TimeZone::UTC);
        let now = jiff::Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
        now.to_zoned(zone).date()
    }
}

/// An amount as people write it, `12.5` or `-3`, in thousandths. At most three decimals, a point or a comma before them.
pub fn parsed_amount(text: &str) -> Option<i64> {
    let (sign, digits) = text
        .trim()
        .strip_prefix('-')
        .map_or((1, text.trim()), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(decimals) || decimals.len() > 3 {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let thousandths: i64 = format!("{decimals:0<3}").parse().ok()?;
    Some(sign * whole.checked_mul(1_000)?.checked_add(thousandths)?)
}

/// Thousandths as people read them: `12.5`.
pub fn amount_text(thousandths: i64) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, rest) = (thousandths.unsigned_abs() / 1_000, thousandths.unsigned_abs() % 1_000);
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    let decimals = format!("{rest:03}");
    format!("{sign}{whole}.{}", decimals.trim_end_matches('0'))
}

fn one_line(what: &str, text: &str, most: usize) -> Result<String, CommandError> {
    let text = text.trim();
    if text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(CommandError::usage(format!(
            "a {what} has at most {most} characters, on one line"
        )));
    }
    Ok(text.to_owned())
}

fn parsed_day(text: &str) -> Result<Date, CommandError> {
    let day = text
        .parse::<Date>()
        .ok()
        .filter(|day| YEARS.contains(&day.year()) && text.len() == 10);
    day.ok_or_else(|| {
        CommandError::usage(format!(
            "{text:.40?} is not a day; write it like 2026-03-31, from 1970 to 2200"
        ))
    })
}

fn checked_year(year: i32) -> Result<i16, CommandError> {
    let checked = i16::try_from(year).ok().filter(|year| YEARS.contains(year));
    checked.ok_or_else(|| CommandError::usage(format!("{year} is not a year from 1970 to 2200")))
}

/// Days since 0001-01-01.
fn number_of(day: Date) -> u32 {
    let days = (day - Date::constant(1, 1, 1)).get_days();
    u32::try_from(days).unwrap_or_default()
}

fn day_of(number: u32) -> Date {
    let days = jiff::Span::new().try_days(number).ok();
    let day = days.and_then(|days| Date::constant(1, 1, 1).checked_add(days).ok());
    day.unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::Class;
    use super::*;
    use crate::command::testing::birmingham;
    use crate::task::{Blocking, Tasks};

    /// 2026-11-29 23:30 in London.
    const NOW_MS: i64 = 1_795_995_000_000;

    async fn hub() -> Commands {
        let (commands, _) = birmingham(&Tasks::new(Blocking::Inline), NOW_MS);
        let made = commands
            .define_counter("coffee".into(), "Coffee".into(), "kg".into())
            .await
            .unwrap();
        assert_eq!((made.entries, made.thousandths), (0, 0));
        commands
    }

    #[tokio::test]
    async fn amounts_are_counted_by_day_and_summed_by_month() {
        let commands = hub().await;
        let count = async |amount: i64, day: Option<&str>| {
            let day = day.map(str::to_owned);
            commands
                .count_amount("coffee".into(), amount, day, " beans ".into())
                .await
                .unwrap()
        };
        assert_eq!(count(500, None).await.day, Date::constant(2026, 11, 29));
        count(12_500, Some("2026-03-31")).await;
        let wrong = count(99_000, Some("2026-03-01")).await;
        count(-250, Some("2026-03-31")).await;
        count(1, Some("2025-12-31")).await;
        assert_eq!(wrong.row.note, "beans");
        let taken = commands.uncount("coffee".into(), wrong.id.to_string()).await.unwrap();
        assert_eq!(taken, wrong);
        commands
            .define_counter("bikes".into(), String::new(), String::new())
            .await
            .unwrap();

        let report = commands.report(2026).await.unwrap();
        let [coffee] = &report.counters[..] else {
            panic!("{:?}", report.counters)
        };
        assert_eq!(
            (coffee.row.name.as_str(), coffee.entries, coffee.total),
            ("Coffee", 3, 12_750)
        );
        assert_eq!(
            (coffee.by_month[2], coffee.by_month[10], coffee.by_month[0]),
            (12_250, 500, 0)
        );
        let all = commands.counters().await.unwrap();
        let names: Vec<_> = all
            .iter()
            .map(|one| (one.row.name.as_str(), one.entries, one.thousandths))
            .collect();
        assert_eq!(names, [("Coffee", 4, 12_751), ("bikes", 0, 0)]);
        let march = commands.counted("coffee".into(), 2026).await.unwrap();
        let days: Vec<_> = march
            .iter()
            .map(|entry| (entry.day.to_string(), entry.row.thousandths))
            .collect();
        let expected = [("2026-03-31", 12_500), ("2026-03-31", -250), ("2026-11-29", 500)];
        assert_eq!(days, expected.map(|(day, amount)| (day.to_owned(), amount)));

        // Another name, and everything is still there.
        let renamed = commands
            .define_counter("coffee".into(), "Kaffee".into(), "kg".into())
            .await
            .unwrap();
        assert_eq!((renamed.row.name.as_str(), renamed.entries), ("Kaffee", 4));
        assert_eq!(commands.delete_counter("coffee".into()).await.unwrap().entries, 4);
        assert_eq!(commands.report(2026).await.unwrap().counters, []);
        let anew = commands
            .define_counter("coffee".into(), String::new(), String::new())
            .await
            .unwrap();
        assert_eq!((anew.row.name.as_str(), anew.entries), ("coffee", 0));
    }

    #[tokio::test]
    async fn what_cannot_be_counted_is_refused_in_words() {
        let commands = hub().await;
        let long = "x".repeat(101);
        for (slug, name, unit) in [
            ("", "", ""),
            ("X y", "", ""),
            ("tea", long.as_str(), ""),
            ("tea", "", &long[..21]),
            ("tea", "a\nb", ""),
        ] {
            let error = commands
                .define_counter(slug.into(), name.into(), unit.into())
                .await
                .unwrap_err();
            assert_eq!(error.class, Class::Usage, "{slug} {error}");
        }
        for (amount, day) in [
            (0, None),
            (MAX_THOUSANDTHS + 1, None),
            (i64::MIN, None),
            (1, Some("")),
            (1, Some("tomorrow")),
            (1, Some("2026-02-30")),
            (1, Some("1969-12-31")),
            (1, Some("20260301")),
            (1, Some("+002026-03-01")),
        ] {
            let day = day.map(str::to_owned);
            let error = commands
                .count_amount("coffee".into(), amount, day.clone(), String::new())
                .await
                .unwrap_err();
            assert_eq!(error.class, Class::Usage, "{amount} {day:?} {error}");
        }
        let unknown = commands
            .count_amount("tea".into(), 1, None, String::new())
            .await
            .unwrap_err();
        assert_eq!(unknown.class, Class::NotFound);
        assert_eq!(
            commands
                .uncount("coffee".into(), "0000000000000000".into())
                .await
                .unwrap_err()
                .class,
            Class::NotFound
        );
        assert_eq!(
            commands.uncount("coffee".into(), "x".into()).await.unwrap_err().class,
            Class::NotFound
        );
        assert_eq!(
            commands.delete_counter("tea".into()).await.unwrap_err().class,
            Class::NotFound
        );
        assert_eq!(
            commands.counted("coffee".into(), 0).await.unwrap_err().class,
            Class::Usage
        );
    }

    #[test]
    fn amounts_are_read_and_written_as_people_do() {
        for (text, thousandths) in [
            ("12.5", 12_500),
            ("12,5", 12_500),
            ("0.001", 1),
            ("-3", -3_000),
            (" 7 ", 7_000),
            ("-0.25", -250),
            ("1000000000", MAX_THOUSANDTHS),
        ] {
            assert_eq!(parsed_amount(text), Some(thousandths), "{text}");
        }
        for wrong in [
            "",
            "-",
            ".5",
            "1.2345",
            "1e3",
            "1 000",
            "x",
            "--1",
            "1.2.3",
            "99999999999999999999",
            "٣",
        ] {
            assert_eq!(parsed_amount(wrong), None, "{wrong}");
        }
        let texts = [12_500, 1, -3_000, -250, 0, 1_010].map(amount_text);
        assert_eq!(texts, ["12.5", "0.001", "-3", "-0.25", "0", "1.01"]);
    }

    #[test]
    fn days_have_numbers() {
        for text in ["1970-01-01", "2000-02-29", "2026-11-29", "2200-12-31"] {
            let day: Date = text.parse().unwrap();
            assert_eq!(day_of(number_of(day)), day);
        }
        assert_eq!(number_of(Date::constant(1970, 1, 1)), 719_162);
        assert_eq!(day_of(u32::MAX), Date::MAX);
    }
}
