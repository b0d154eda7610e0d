//! What a hub counts for itself.

use interhub_proto::v1;
use serde::Serialize;

use super::{instant, present};

/// Something that is counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CounterDocument {
    /// What commands call it.
    pub slug: String,
    /// What reports call it.
    pub name: String,
    /// Of what.
    pub unit: Option<String>,
    /// Since when it is there.
    pub created: Option<String>,
    /// Entries it has.
    pub entries: u64,
    /// All of them together.
    pub total: f64,
}

impl From<v1::OwnCounter> for CounterDocument {
    fn from(counter: v1::OwnCounter) -> Self {
        Self {
            unit: present(&counter.unit),
            created: instant(counter.created.as_ref()),
            total: amount(counter.thousandths),
            slug: counter.slug,
            name: counter.name,
            entries: counter.entries,
        }
    }
}

/// `counter list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CountersDocument {
    /// By name.
    pub counters: Vec<CounterDocument>,
}

/// An amount that was counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EntryDocument {
    /// What it is called by.
    pub id: String,
    /// The day for which it counts.
    pub day: String,
    /// How much.
    pub amount: f64,
    /// Why.
    pub note: Option<String>,
    /// When it was entered.
    pub at: Option<String>,
}

impl From<v1::CounterEntry> for EntryDocument {
    fn from(entry: v1::CounterEntry) -> Self {
        Self {
            note: present(&entry.note),
            at: instant(entry.at.as_ref()),
            amount: amount(entry.thousandths),
            id: entry.id,
            day: entry.day,
        }
    }
}

/// `counter entries`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EntriesDocument {
    /// The oldest day first.
    pub entries: Vec<EntryDocument>,
}

/// A year of something that is counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CounterYearDocument {
    /// What commands call it.
    pub slug: String,
    /// What it is called.
    pub name: String,
    /// Of what.
    pub unit: Option<String>,
    /// Entries in this year.
    pub entries: u64,
    /// All of them together.
    pub total: f64,
    /// Twelve, from January on.
    pub by_month: Vec<f64>,
}

impl From<v1::ReportCounter> for CounterYearDocument {
    fn from(of: v1::ReportCounter) -> Self {
        Self {
            unit: present(&of.unit),
            total: amount(of.total),
            by_month: of.by_month.into_iter().map(amount).collect(),
            slug: of.slug,
            name: of.name,
            entries: of.entries,
        }
    }
}

/// Thousandths as a number. A node takes so little that no digit is lost.
fn amount(thousandths: i64) -> f64 {
    // Text and back: the nearest number to what people read.
    amount_text(thousandths).parse().unwrap_or_default()
}

/// Thousandths as people read them: `12.5`.
fn amount_text(thousandths: i64) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let all = thousandths.unsigned_abs();
    format!("{sign}{}.{:03}", all / 1_000, all % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_the_nearest_numbers() {
        let amounts = [12_500, -250, 1, 0, 1_000_000_000_000, -3_000].map(|it| amount(it).to_string());
        assert_eq!(amounts, ["12.5", "-0.25", "0.001", "0", "1000000000", "-3"]);
    }
}
