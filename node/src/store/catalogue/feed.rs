//! Calendars elsewhere that this hub follows: never sent, and not made again from anything.

use interhub_domain::calendar::follow::Gaps;
use interhub_domain::ids::ThingId;
use serde::{Deserialize, Serialize};

use super::short::{short_id, short_key};
use super::{Key, Value, decode_row, encode_row};
use crate::store::Family;

short_id! {
    /// What a subscription is called by: random, because its address may be a secret.
    FeedId
}

short_key! {
    /// Family `feed`: a calendar that is followed. 8 bytes.
    FeedKey(FeedId) => Feed, FeedRow
}

/// Value of `feed`. All times in Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRow {
    /// As the operator named it. It may hold a secret: it is shown to operators, and to nobody else.
    pub source: String,
    /// What the calendar calls itself; empty if it says nothing.
    pub name: String,
    /// How often it is looked at, seconds.
    pub every_s: u32,
    /// Since when it is followed.
    pub added_ms: i64,
    /// When it was last looked at.
    pub last_ms: Option<i64>,
    /// When it was last read without a fault.
    pub good_ms: Option<i64>,
    /// When it is looked at next.
    pub next_ms: i64,
    /// HTTP ETag, and Last-Modified, of what was last read whole.
    pub etag: String,
    /// See `etag`.
    pub last_modified: String,
    /// Looks in a row that failed.
    pub failures: u32,
    /// What is wrong with it, in words; empty if nothing is.
    pub error: String,
    /// Events in it when it was last read.
    pub events: u32,
    /// How long events of it were away and came back.
    pub gaps: Gaps,
}

impl Value for FeedRow {
    const WHAT: &'static str = "calendar subscription";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}

/// Family `feed_item`: an event of such a calendar, by a hash of its UID there. 8 + 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedItemKey {
    /// The subscription.
    pub feed: FeedId,
    /// `interhub_domain::calendar::follow::uid_hash`.
    pub uid: [u8; 16],
}

impl Key for FeedItemKey {
    type Value = FeedItemRow;

    fn family(&self) -> Family {
        Family::FeedItem
    }

    fn encode(&self) -> Vec<u8> {
        [&self.feed.0[..], &self.uid].concat()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        Some(Self {
            feed: FeedId(bytes.get(..8)?.try_into().ok()?),
            uid: bytes.get(8..)?.try_into().ok()?,
        })
    }
}

/// Value of `feed_item`: what is compared with the next download, none of it text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedItemRow {
    /// The event here.
    pub thing: ThingId,
    /// Equal for events with one title, start and place.
    pub likeness: [u8; 16],
    /// Of what it said when it was last there.
    pub fingerprint: [u8; 32],
    /// Its first start, Unix milliseconds.
    pub start_ms: i64,
    /// Its last end, Unix milliseconds.
    pub end_ms: i64,
    /// Whether it has more than one occurrence.
    pub is_series: bool,
    /// It was cancelled because it was gone.
    pub gone: bool,
    /// Since when downloads do not have it although they should.
    pub missing_since_ms: Option<i64>,
}

impl Value for FeedItemRow {
    const WHAT: &'static str = "event of a calendar subscription";

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
    fn golden_feed() {
        let id: FeedId = "0102030405060708".parse().unwrap();
        assert_eq!(id.to_string(), "0102030405060708");
        assert!("01".parse::<FeedId>().is_err() && "xyz".parse::<FeedId>().is_err());
        check::key(&FeedKey(id), Family::Feed, "0102030405060708");
        let row = FeedRow {
            source: "/a".into(),
            name: "N".into(),
            every_s: 900,
            added_ms: 1,
            last_ms: Some(2),
            good_ms: None,
            next_ms: 3,
            etag: "\"e\"".into(),
            last_modified: "m".into(),
            failures: 1,
            error: "x".into(),
            events: 5,
            gaps: Gaps {
                count: 2,
                longest_ms: 3,
            },
        };
        check::value(
            &row,
            "01022f61014e840702010400060322652201 6d010178050206"
                .replace(' ', "")
                .as_str(),
        );
    }

    #[test]
    fn golden_feed_item() {
        let key = FeedItemKey {
            feed: FeedId([1; 8]),
            uid: [2; 16],
        };
        check::key(&key, Family::FeedItem, &("01".repeat(8) + &"02".repeat(16)));
        let row = FeedItemRow {
            thing: ThingId([3; 16]),
            likeness: [4; 16],
            fingerprint: [5; 32],
            start_ms: 1,
            end_ms: 2,
            is_series: true,
            gone: false,
            missing_since_ms: Some(3),
        };
        let fixed = "10".to_owned() + &"03".repeat(16) + &"04".repeat(16) + &"05".repeat(32);
        check::value(&row, &format!("01{fixed}020401000106"));
    }
}
