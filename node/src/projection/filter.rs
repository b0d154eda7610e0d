//! One question, ready to be put to rows: which occurrences it lets through.

use std::collections::BTreeSet;
use std::sync::Arc;

use interhub_domain::event::Occurrence;
use interhub_domain::ids::{HubId, ThingId};
use interhub_domain::profile::Point;
use interhub_domain::query::{DEFAULT_WITHIN_KM, EventQuery, fold_tag, language_matches};

use super::covered::reach;
use super::entries::{MAX_HOSTS, MAX_TAGS};
use super::keys::{Around, Place};
use super::rows::{Facts, Slot, language_head};
use super::{EventRow, location_of, takes_place};

/// An [`EventQuery`] with its names looked up and its defaults filled in.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    /// Occurrences end after this.
    pub(super) from_ms: i64,
    /// Single events start before this.
    pub(super) to_ms: i64,
    /// Occurrences of series start before this.
    pub(super) series_to_ms: i64,
    pub(super) hub: Option<HubId>,
    /// Folded.
    pub(super) tag: Option<String>,
    pub(super) near: Option<(Point, f64)>,
    /// The cells that can be near; absent if any can.
    pub(super) around: Option<Around>,
    language: Option<String>,
    online: bool,
    in_place: bool,
    network: bool,
    drafts: bool,
    /// Sorted; what the text index found.
    pub(super) text: Option<Arc<Vec<ThingId>>>,
    /// What this hub's operator does not want in any answer.
    pub(super) hidden: Arc<BTreeSet<ThingId>>,
}

impl Filter {
    pub(super) fn new(
        query: &EventQuery,
        from_ms: i64,
        covered_to_ms: i64,
        hub: Option<HubId>,
        text: Option<Arc<Vec<ThingId>>>,
    ) -> Self {
        let near = query
            .near
            .map(|near| (near, query.within_km.unwrap_or(DEFAULT_WITHIN_KM)));
        Self {
            from_ms,
            to_ms: query.to_ms.unwrap_or(i64::MAX),
            // What goes on at the beginning is listed also when that lies beyond the covered years.
            series_to_ms: query.to_ms.unwrap_or(covered_to_ms.max(from_ms.saturating_add(1))),
            hub,
            tag: query.tag.as_deref().map(fold_tag),
            around: near.and_then(|(near, within_km)| Around::new(near, within_km)),
            near,
            language: query.language.clone(),
            online: query.online,
            in_place: query.in_place,
            network: query.network,
            drafts: query.drafts,
            text,
            hidden: Arc::default(),
        }
    }

    /// Whether an index entry may belong to the answer; a no is certain, a yes has to be checked on the row.
    pub(super) fn slot_may_match(&self, place: &Place, slot: &Slot) -> bool {
        self.time_matches(place.start_ms, slot.end_ms, place.name[0] != 0)
            && self.visible(slot.facts)
            && (!self.online || slot.facts.online())
            && self
                .language
                .as_deref()
                .is_none_or(|language| slot.facts.language_may_be(language_head(language)))
            && self.around.is_none_or(|around| around.holds(slot.cell))
            && self.text_matches(place.thing)
    }

    /// Whether an event may have occurrences in the answer: all that does not depend on time and place.
    pub(super) fn row_matches(&self, row: &EventRow) -> bool {
        let hosted_by = |hub| row.hub == hub || row.hosts.iter().take(MAX_HOSTS).any(|host| *host == hub);
        let tagged = |wanted: &String| row.event.tags.iter().take(MAX_TAGS).any(|tag| fold_tag(tag) == *wanted);
        self.visible(Facts::of(row))
            && !self.hidden.contains(&row.thing)
            && (!self.online || !row.event.online_url.is_empty())
            && (!self.in_place || takes_place(&row.event))
            && self.hub.is_none_or(hosted_by)
            && self.tag.as_ref().is_none_or(tagged)
            && self
                .language
                .as_deref()
                .is_none_or(|wanted| row.event.languages().any(|language| language_matches(language, wanted)))
            && self.text_matches(row.thing)
    }

    /// Whether an occurrence lies in the window and near the place asked for.
    pub(super) fn occurrence_matches(&self, row: &EventRow, occurrence: &Occurrence) -> bool {
        let near = |(near, within_km): (Point, f64)| {
            let at = location_of(&row.event, occurrence).and_then(|location| location.at);
            at.is_some_and(|at| at.distance_km(near) <= within_km)
        };
        self.time_matches(
            occurrence.start_ms,
            occurrence.end_ms,
            occurrence.recurrence_id.is_some(),
        ) && self.near.is_none_or(near)
    }

    /// The end of the window, for an occurrence of a series or a single event.
    pub(super) fn end_of_window(&self, of_series: bool) -> i64 {
        if of_series { self.series_to_ms } else { self.to_ms }
    }

    fn time_matches(&self, start_ms: i64, end_ms: i64, of_series: bool) -> bool {
        start_ms < self.end_of_window(of_series) && reach(start_ms, end_ms) > self.from_ms
    }

    fn visible(&self, facts: Facts) -> bool {
        if facts.public() {
            return true;
        }
        if facts.network() { self.network } else { self.drafts }
    }

    fn text_matches(&self, thing: ThingId) -> bool {
        self.text
            .as_ref()
            .is_none_or(|things| things.binary_search(&thing).is_ok())
    }
}
