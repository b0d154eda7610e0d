//! A year in numbers.

use interhub_proto::v1;
use serde::Serialize;

use super::CounterYearDocument;

/// Occurrences of events.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NumbersDocument {
    /// That took place.
    pub events: u64,
    /// That were cancelled.
    pub cancelled: u64,
    /// That are still to take place.
    pub coming: u64,
    /// Hours of those that took place, whole days left out.
    pub hours: f64,
}

impl From<v1::ReportNumbers> for NumbersDocument {
    fn from(numbers: v1::ReportNumbers) -> Self {
        // To the minute as two decimals tell it; no hub has so many minutes that this loses one.
        let minutes = u32::try_from(numbers.minutes).unwrap_or(u32::MAX);
        Self {
            events: numbers.held,
            cancelled: numbers.cancelled,
            coming: numbers.coming,
            hours: (f64::from(minutes) / 60.0 * 100.0).round() / 100.0,
        }
    }
}

/// One month.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MonthDocument {
    /// From 1 on.
    pub month: usize,
    /// What was in it.
    #[serde(flatten)]
    pub numbers: NumbersDocument,
}

/// Something that occurrences have in common.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct GroupDocument {
    /// A tag, or the slug of a hub.
    pub name: String,
    /// How many.
    #[serde(flatten)]
    pub numbers: NumbersDocument,
}

/// `report`. What this version does not count is null.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReportDocument {
    /// The year.
    pub year: i32,
    /// Members.
    pub members: Option<u64>,
    /// Events that took place, and the rest of the year's numbers.
    #[serde(flatten)]
    pub total: NumbersDocument,
    /// Visits of other hubs' members here.
    pub visits_hosted: Option<u64>,
    /// Visits of this hub's members elsewhere.
    pub visits_sent: Option<u64>,
    /// Twelve.
    pub by_month: Vec<MonthDocument>,
    /// Most first.
    pub by_tag: Vec<GroupDocument>,
    /// Most first.
    pub by_cohost: Vec<GroupDocument>,
    /// What the hub counts for itself, by name.
    pub counters: Vec<CounterYearDocument>,
}

impl From<v1::ReportResponse> for ReportDocument {
    fn from(report: v1::ReportResponse) -> Self {
        let groups = |groups: Vec<v1::ReportGroup>| {
            let group = |group: v1::ReportGroup| GroupDocument {
                name: group.name,
                numbers: group.numbers.unwrap_or_default().into(),
            };
            groups.into_iter().map(group).collect()
        };
        let months = report.by_month.into_iter().enumerate();
        Self {
            year: report.year,
            members: None,
            total: report.total.unwrap_or_default().into(),
            visits_hosted: None,
            visits_sent: None,
            by_month: months
                .map(|(index, numbers)| MonthDocument {
                    month: index + 1,
                    numbers: numbers.into(),
                })
                .collect(),
            by_tag: groups(report.by_tag),
            by_cohost: groups(report.by_cohost),
            counters: report.counters.into_iter().map(CounterYearDocument::from).collect(),
        }
    }
}
