//! The values of the projections, and how they are read and written.
//!
//! Rows that hold what documents say begin with a version byte. The values of the indexes carry none: they are derived
//! from the rows, and all of them are rebuilt when [`FORMAT`] changes.

use std::cmp::Ordering;

use interhub_domain::event::{LocalTime, Occurrence, Status};
use interhub_domain::ids::LogId;
use interhub_domain::profile::Point;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::keys::{NO_CELL, Name, Place, cell_of, name_of, pack, recurrence_id_of, unpack};
use super::{EventRow, HubRow};
use crate::store::StoreError;
use crate::store::catalogue::{decode_row, encode_row};

/// The version of everything this folder writes: key layouts, index values, and how series are expanded; and of the index of
/// what is held back, which is made anew with it. A database with another number is rebuilt from its documents.
pub(super) const FORMAT: u64 = 6;

/// Version byte of event and hub rows. 1 knew neither offers nor conflicts, 2 no translations, features, capacity and
/// postponement, 3 not when a change was heard of whose author's clock is ahead.
const ROW_VERSION: u8 = 4;

fn damaged(what: &'static str) -> StoreError {
    StoreError::Damaged { what }
}

fn decode<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, StoreError> {
    decode_row(ROW_VERSION, bytes).ok_or(damaged(what))
}

/// All rows of one thing, the one that is shown first; see [`precedence`].
pub(super) fn encode_events(rows: &[EventRow]) -> Vec<u8> {
    encode_row(ROW_VERSION, &rows)
}

pub(super) fn decode_events(bytes: &[u8]) -> Result<Vec<EventRow>, StoreError> {
    decode(bytes, "event row")
}

pub(super) fn encode_hub(row: &HubRow) -> Vec<u8> {
    encode_row(ROW_VERSION, row)
}

pub(super) fn decode_hub(bytes: &[u8]) -> Result<HubRow, StoreError> {
    decode(bytes, "hub row")
}

/// Which of two documents of one thing is shown: the wider audience first, so that what is published beats its draft;
/// then by hub and document, so that all nodes choose the same.
pub(super) fn precedence(one: &EventRow, other: &EventRow) -> Ordering {
    let rank = |row: &EventRow| match row.log {
        LogId::PUBLIC => 0,
        LogId::NETWORK => 1,
        LogId::LOCAL => 3,
        _ => 2,
    };
    (rank(one), one.hub, one.object).cmp(&(rank(other), other.hub, other.object))
}

/// What is known of an event without reading its row; each bit can only rule an occurrence out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    bits: u8,
    /// First two bytes of the language, lower case; [`SEVERAL`] if there are several.
    language: [u8; 2],
}

/// Stands for more than one language; no tag begins so.
const SEVERAL: [u8; 2] = [0xff; 2];

const PUBLIC: u8 = 1;
const NETWORK: u8 = 2;
const ONLINE: u8 = 4;
const ALL_DAY: u8 = 8;

impl Facts {
    pub(super) fn of(row: &EventRow) -> Self {
        let audience = match row.log {
            _ if row.draft => 0,
            LogId::PUBLIC => PUBLIC,
            LogId::NETWORK => NETWORK,
            _ => 0,
        };
        let online = if row.event.online_url.is_empty() { 0 } else { ONLINE };
        let language = if row.event.translations.is_empty() {
            language_head(&row.event.language)
        } else {
            SEVERAL
        };
        Self {
            bits: audience | online,
            language,
        }
    }

    /// Anyone may see it.
    pub(super) fn public(self) -> bool {
        self.bits & PUBLIC != 0
    }

    /// Any hub of the network may see it.
    pub(super) fn network(self) -> bool {
        self.bits & NETWORK != 0
    }

    /// It can be joined online.
    pub(super) fn online(self) -> bool {
        self.bits & ONLINE != 0
    }

    /// Whether one of its languages may match one with this head.
    pub(super) fn language_may_be(self, head: [u8; 2]) -> bool {
        self.language == SEVERAL
            || head
                .iter()
                .zip(self.language)
                .all(|(wanted, byte)| *wanted == 0 || *wanted == byte)
    }
}

/// The first two bytes of a language, lower case, zeros where there are none.
pub(super) fn language_head(language: &str) -> [u8; 2] {
    let byte = |at: usize| language.as_bytes().get(at).map_or(0, u8::to_ascii_lowercase);
    [byte(0), byte(1)]
}

/// One occurrence as the indexes hold it: place and value together make an [`Occurrence`] again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slot {
    pub(super) end_ms: i64,
    pub(super) facts: Facts,
    /// Where it takes place, roughly.
    pub(super) cell: [u8; 4],
    start: u64,
    end: u64,
    status: Status,
    override_index: Option<u16>,
}

impl Slot {
    pub(super) fn of(facts: Facts, occurrence: &Occurrence, at: Option<Point>) -> Self {
        let all_day = if occurrence.start.is_date() { ALL_DAY } else { 0 };
        Self {
            end_ms: occurrence.end_ms,
            facts: Facts {
                bits: facts.bits | all_day,
                ..facts
            },
            cell: at.map_or(NO_CELL, cell_of),
            start: pack(occurrence.start),
            end: pack(occurrence.end),
            status: occurrence.status,
            override_index: occurrence.override_index.and_then(|index| u16::try_from(index).ok()),
        }
    }

    pub(super) fn occurrence(&self, place: &Place) -> Option<Occurrence> {
        let local = |packed: u64| -> Option<LocalTime> { unpack(packed, self.facts.bits & ALL_DAY != 0) };
        Some(Occurrence {
            start: local(self.start)?,
            end: local(self.end)?,
            start_ms: place.start_ms,
            end_ms: self.end_ms,
            recurrence_id: recurrence_id_of(place.name)?,
            status: self.status,
            override_index: self.override_index.map(usize::from),
        })
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, StoreError> {
        postcard::to_allocvec(self).map_err(|_| damaged("occurrence"))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        postcard::from_bytes(bytes).map_err(|_| damaged("occurrence"))
    }
}

/// The place of an occurrence of a thing.
pub(super) fn place_of(row: &EventRow, occurrence: &Occurrence) -> Place {
    let name: Name = name_of(occurrence.recurrence_id);
    Place {
        start_ms: occurrence.start_ms,
        thing: row.thing,
        name,
    }
}

/// What is kept of a series beside its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeriesRow {
    /// The covered years for which its occurrences are written.
    pub(super) first_year: i16,
    pub(super) last_year: i16,
    /// Nothing of it ends at or before this moment.
    pub(super) begins_ms: i64,
    /// Nothing of it starts at or after this moment; the largest number if it has no end.
    pub(super) ends_ms: i64,
}

impl SeriesRow {
    pub(super) fn encode(&self) -> Result<Vec<u8>, StoreError> {
        postcard::to_allocvec(self).map_err(|_| damaged("series"))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        postcard::from_bytes(bytes).map_err(|_| damaged("series"))
    }
}
