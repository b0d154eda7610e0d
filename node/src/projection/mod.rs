//! Views computed from documents, kept in the commit's own batch, rebuildable at any time.
//!
//! The write side is one hook ([`write::Projector::event_changed`], [`write::Projector::hub_changed`]) called while the
//! batch of an envelope is being built. The read side is [`read::Views`]: what pages, feeds, gRPC and the command line
//! show. Text search alone is not in the batch: [`search::Search`] follows a list of things to do that is.
//!
//! Every row is a pure function of the documents that count now, the covered years and the software version; in which
//! order the documents came to be so never matters. Three rules make it so:
//!
//! - One thing may have several documents, for instance a draft in the local log and what was published of it in the
//!   public one. All their rows are kept under the thing; shown is one: public beats network, network beats any other
//!   log, the local log comes last; within one log the smaller hub id, then the smaller document id.
//! - Of two events of one hub with one UID both are listed, and [`read::Views::event_by_uid`] names the smaller thing.
//! - Occurrences of series are written for the covered years ([`covered::CoveredYears`]) and worked out when a question
//!   reaches beyond them. Single events are written whenever they are.
//!
//! Modules in reading order: how keys and values look (`keys`, `rows`), which index entries one event makes
//! (`entries`), what is written ([`mod@write`], [`covered`]), text ([`search`]), and what is read (`filter`, `stream`,
//! [`read`], [`facets`], [`places`]); and, apart from all of these, [`members`] and their
//! directory ([`member_index`]).

pub mod covered;
mod entries;
pub mod facets;
mod filter;
mod keys;
pub mod member_index;
pub mod members;
pub mod places;
pub mod read;
mod rows;
pub mod search;
mod stream;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod write;

use std::sync::Arc;

use interhub_domain::document::Conflict;
use interhub_domain::event::{Event, Location, Occurrence, Override};
use interhub_domain::ids::{HubId, LogId, ObjectId, ThingId};
use interhub_domain::profile::HubProfile;
use serde::{Deserialize, Serialize};

/// The projection of one event: everything a page or a feed needs, without loading its document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// The thing.
    pub thing: ThingId,
    /// Its document.
    pub object: ObjectId,
    /// The hub that owns the document.
    pub hub: HubId,
    /// The log the document is in: public, network, and for drafts a group's or the local one.
    pub log: LogId,
    /// A draft: in the hub's local log, or in that of a group of hubs.
    pub draft: bool,
    /// Hubs that host it together, the owner first.
    pub hosts: Vec<HubId>,
    /// Hubs the owner has asked to host it too, and that have not answered.
    pub invited: Vec<HubId>,
    /// Fields that hosts gave different values at the same time.
    pub conflicts: Vec<Conflict>,
    /// When this node learned of its last change, Unix milliseconds, where its author's clock was further ahead than clocks
    /// err: it is shown in place of the time that the change claims. No other node knows the same.
    pub seen_ms: Option<i64>,
    /// What the document says.
    pub event: Event,
}

impl EventRow {
    /// The row as it is shown: nothing was said after it was heard.
    pub(crate) fn shown_here(mut self) -> Self {
        if let Some(seen_ms) = self.seen_ms {
            self.event.updated_ms = self.event.updated_ms.min(seen_ms);
            self.event.created_ms = self.event.created_ms.min(seen_ms);
            for value in self.conflicts.iter_mut().flat_map(|conflict| &mut conflict.values) {
                value.at_ms = value.at_ms.min(seen_ms);
            }
        }
        self
    }
}

/// One line of a list: an occurrence and the event it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The event.
    pub row: Arc<EventRow>,
    /// When.
    pub occurrence: Occurrence,
}

impl Listed {
    /// What differs in this occurrence from the event, if anything.
    pub fn change(&self) -> Option<&Override> {
        self.row.event.schedule.overrides.get(self.occurrence.override_index?)
    }

    /// The title of this occurrence.
    pub fn title(&self) -> &str {
        self.change()
            .and_then(|change| change.title.as_deref())
            .unwrap_or(&self.row.event.title)
    }

    /// The description of this occurrence.
    pub fn description(&self) -> &str {
        self.change()
            .and_then(|change| change.description.as_deref())
            .unwrap_or(&self.row.event.description)
    }

    /// Where this occurrence takes place.
    pub fn location(&self) -> Option<&Location> {
        location_of(&self.row.event, &self.occurrence)
    }

    /// The page of this occurrence; empty for none.
    pub fn url(&self) -> &str {
        self.change()
            .and_then(|change| change.url.as_deref())
            .unwrap_or(&self.row.event.url)
    }
}

/// Where one occurrence of an event takes place.
fn location_of<'a>(event: &'a Event, occurrence: &Occurrence) -> Option<&'a Location> {
    let change = occurrence
        .override_index
        .and_then(|index| event.schedule.overrides.get(index));
    change
        .and_then(|change| change.location.as_ref())
        .or(event.location.as_ref())
}

/// Whether an event has a place to go to, at least at one of its dates.
fn takes_place(event: &Event) -> bool {
    let changed = event
        .schedule
        .overrides
        .iter()
        .filter_map(|change| change.location.as_ref());
    let mut places = event.location.iter().chain(changed);
    places.any(|place| place.at.is_some() || !place.name.trim().is_empty())
}

/// A page of a list, ordered by start, then thing, then occurrence.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The occurrences.
    pub items: Vec<Listed>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// The standing of a hub in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HubStatus {
    /// It belongs.
    Active,
    /// It was removed by a decision.
    Removed,
    /// It left by its own statement.
    Left,
    /// Its admission does not count yet.
    Pending,
}

/// The projection of one hub: registry and profile together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HubRow {
    /// The hub.
    pub id: HubId,
    /// Its slug, as shown (clashing guests carry four digits of their id).
    pub slug: String,
    /// Where it stands.
    pub status: HubStatus,
    /// Whether it votes.
    pub voter: bool,
    /// The voter that admitted it, for guests.
    pub guest_of: Option<HubId>,
    /// Whether it is this node's own hub.
    pub own: bool,
    /// Federation address, `host:port`.
    pub address: String,
    /// What it says about itself.
    pub profile: HubProfile,
    /// Everything the hub had published at this moment is here, Unix milliseconds; `None` before the first contact.
    pub as_of_ms: Option<i64>,
}
