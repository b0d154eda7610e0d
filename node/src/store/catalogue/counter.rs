//! What a hub counts for itself, beside its events: never sent to another hub, and not made again from anything.

use serde::{Deserialize, Serialize};

use super::short::{short_id, short_key};
use super::{Key, Value, decode_row, encode_row};
use crate::store::Family;

short_id! {
    /// What an entry of a counter is called by.
    EntryId
}

short_id! {
    /// What a counter is called by inside: its name can change.
    CounterId
}

short_key! {
    /// Family `counter`: something that is counted. 8 bytes.
    CounterKey(CounterId) => Counter, CounterRow
}

/// Value of `counter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterRow {
    /// What commands call it.
    pub slug: String,
    /// What reports call it.
    pub name: String,
    /// What of, for instance kg; may be empty.
    pub unit: String,
    /// Since when it is there, Unix milliseconds.
    pub created_ms: i64,
}

impl Value for CounterRow {
    const WHAT: &'static str = "counter";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}

/// Family `tally`: an amount that was counted. 8 + 4 + 8 bytes: by counter and day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TallyKey {
    /// Of which counter.
    pub counter: CounterId,
    /// Days since 0001-01-01, for which it counts.
    pub day: u32,
    /// Which of that day.
    pub entry: EntryId,
}

impl Key for TallyKey {
    type Value = TallyRow;

    fn family(&self) -> Family {
        Family::Tally
    }

    fn encode(&self) -> Vec<u8> {
        [&self.counter.0[..], &self.day.to_be_bytes(), &self.entry.0].concat()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        let (counter, rest) = bytes.split_first_chunk()?;
        let (day, entry) = rest.split_first_chunk()?;
        Some(Self {
            counter: CounterId(*counter),
            day: u32::from_be_bytes(*day),
            entry: EntryId(entry.try_into().ok()?),
        })
    }
}

/// Value of `tally`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyRow {
    /// Thousandths of the counter's unit; below zero for what is taken back.
    pub thousandths: i64,
    /// What the operator noted; may be empty.
    pub note: String,
    /// When it was entered, Unix milliseconds.
    pub at_ms: i64,
}

impl Value for TallyRow {
    const WHAT: &'static str = "entry of a counter";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn golden_counter() {
        check::key(&CounterKey(CounterId([1; 8])), Family::Counter, &"01".repeat(8));
        let row = CounterRow {
            slug: "coffee".into(),
            name: "Coffee".into(),
            unit: "kg".into(),
            created_ms: 1,
        };
        check::value(&row, "0106636f6666656506436f66666565026b6702");
    }

    #[test]
    fn golden_tally() {
        let key = TallyKey {
            counter: CounterId([1; 8]),
            day: 0x000b_0203,
            entry: EntryId([4; 8]),
        };
        check::key(&key, Family::Tally, &("01".repeat(8) + "000b0203" + &"04".repeat(8)));
        let row = TallyRow {
            thousandths: -1_500,
            note: "n".into(),
            at_ms: 1,
        };
        check::value(&row, "01b717016e02");
    }
}
