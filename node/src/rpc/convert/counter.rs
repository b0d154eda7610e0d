//! What a hub counts for itself, to the wire.

use interhub_proto::v1;

use super::answer::timestamp;
use crate::command::counter::{Counter, CounterYear, Entry};

/// Something that is counted.
pub fn counter(counter: Counter) -> v1::OwnCounter {
    v1::OwnCounter {
        slug: counter.row.slug,
        name: counter.row.name,
        unit: counter.row.unit,
        created: Some(timestamp(counter.row.created_ms)),
        entries: counter.entries,
        thousandths: counter.thousandths,
    }
}

/// An amount that was counted.
pub fn entry(entry: Entry) -> v1::CounterEntry {
    v1::CounterEntry {
        id: entry.id.to_string(),
        day: entry.day.to_string(),
        thousandths: entry.row.thousandths,
        note: entry.row.note,
        at: Some(timestamp(entry.row.at_ms)),
    }
}

/// A year of something that is counted.
pub fn year(of: CounterYear) -> v1::ReportCounter {
    v1::ReportCounter {
        slug: of.row.slug,
        name: of.row.name,
        unit: of.row.unit,
        entries: of.entries,
        total: of.total,
        by_month: of.by_month.to_vec(),
    }
}
