//! How many events there are of each kind: by tag, hub, language and way to take part, so that a reader can narrow a list
//! step by step.
//!
//! A kind is counted over what the same question finds without its own part: with `tag=food` the tags are those of all
//! events that the rest of the question lets through, so that another tag can be chosen instead ("drill sideways").

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::ids::HubId;
use interhub_domain::query::{EventQuery, fold_tag};

use super::entries::{MAX_HOSTS, MAX_TAGS};
use super::read::{QueryError, Views};
use super::{EventRow, takes_place};

/// Most events looked at for one kind; counts are lower bounds when there are more. One question takes at most five such
/// looks: one for all kinds, and one for each of the four that is part of the question.
pub const MAX_EVENTS_COUNTED: usize = 5_000;
/// Most values of one kind that are told; the rarest are left out.
pub const MAX_VALUES: usize = 50;
/// What one look may cost, in the units of a page of a list: that many events, and as many dates of series again.
pub(super) const BUDGET: usize = 50_000;
/// Longest language subtag that is told; those of RFC 5646 are shorter.
const MAX_SUBTAG_BYTES: usize = 8;

/// The counts for one question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// Events that the whole question finds, a series counted once.
    pub events: usize,
    /// Whether those are all; if not, there are more.
    pub complete: bool,
    /// Tags, as the first event says them.
    pub tags: Facet<String>,
    /// Hubs, all that host an event.
    pub hubs: Facet<HubId>,
    /// Primary language subtags, lower case: what `lang` finds with them. An event counts in each language it speaks.
    pub languages: Facet<String>,
    /// Ways to take part; one event may have both.
    pub ways: Facet<Way>,
}

/// One kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet<V> {
    /// The most frequent first, then in the values' own order; at most [`MAX_VALUES`].
    pub values: Vec<Counted<V>>,
    /// Whether all events were counted; if not, the counts are lower bounds.
    pub complete: bool,
}

/// A value and how many events have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted<V> {
    /// The value.
    pub value: V,
    /// Events with it, a series counted once.
    pub events: usize,
}

/// A way to take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// By going there.
    InPlace,
    /// From anywhere.
    Online,
}

impl<V> Default for Facet<V> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            complete: true,
        }
    }
}

impl Views {
    /// Counts the events that meet the query by their kinds. Limit and cursor are not looked at; a query without `from`
    /// begins now, as a list does.
    pub fn facets(&self, query: &EventQuery, now_ms: i64) -> Result<Facets, QueryError> {
        sideways(query, |query| {
            let mut tally = Tally::default();
            let limits = (MAX_EVENTS_COUNTED, BUDGET);
            let complete = self.each_event(query, now_ms, limits, &mut |listed| tally.add(&listed.row))?;
            Ok((tally, complete))
        })
    }
}

/// Asks for the whole question, and again without each kind that is part of it.
pub(crate) fn sideways<E>(
    query: &EventQuery,
    mut look: impl FnMut(&EventQuery) -> Result<(Tally, bool), E>,
) -> Result<Facets, E> {
    let (all, complete) = look(query)?;
    let mut facets = Facets {
        events: all.events,
        complete,
        tags: all.tags.facet(complete),
        hubs: all.hubs.facet(complete),
        languages: all.languages.facet(complete),
        ways: all.ways.facet(complete),
    };
    if query.tag.is_some() {
        let (tally, complete) = look(&with(query, |query| query.tag = None))?;
        facets.tags = tally.tags.facet(complete);
    }
    if query.hub.is_some() {
        let (tally, complete) = look(&with(query, |query| query.hub = None))?;
        facets.hubs = tally.hubs.facet(complete);
    }
    if query.language.is_some() {
        let (tally, complete) = look(&with(query, |query| query.language = None))?;
        facets.languages = tally.languages.facet(complete);
    }
    if query.online || query.in_place {
        let (tally, complete) = look(&with(query, |query| (query.online, query.in_place) = (false, false)))?;
        facets.ways = tally.ways.facet(complete);
    }
    Ok(facets)
}

fn with(query: &EventQuery, change: impl FnOnce(&mut EventQuery)) -> EventQuery {
    let mut changed = query.clone();
    change(&mut changed);
    changed
}

/// Counts of one kind by a key, under which a value is kept as the first event has it.
struct Counts<K, V>(BTreeMap<K, Counted<V>>);

impl<K, V> Default for Counts<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, V> Counts<K, V> {
    fn add(&mut self, key: K, value: impl FnOnce() -> V) {
        let counted = self.0.entry(key).or_insert_with(|| Counted {
            value: value(),
            events: 0,
        });
        counted.events += 1;
    }

    fn facet(self, complete: bool) -> Facet<V> {
        let mut values: Vec<Counted<V>> = self.0.into_values().collect();
        // Stable: values with one count keep the order of their keys.
        values.sort_by_key(|counted| std::cmp::Reverse(counted.events));
        values.truncate(MAX_VALUES);
        Facet { values, complete }
    }
}

/// What was counted in one look.
#[derive(Default)]
pub(crate) struct Tally {
    events: usize,
    tags: Counts<String, String>,
    hubs: Counts<HubId, HubId>,
    languages: Counts<String, String>,
    ways: Counts<Way, Way>,
}

impl Tally {
    /// Counts one more event.
    pub(crate) fn add(&mut self, row: &EventRow) {
        let event = &row.event;
        self.events += 1;
        let tags: BTreeMap<String, &String> = event
            .tags
            .iter()
            .take(MAX_TAGS)
            .rev()
            .map(|tag| (fold_tag(tag), tag))
            .collect();
        for (key, tag) in tags {
            if !key.is_empty() {
                self.tags.add(key, || tag.clone());
            }
        }
        let hosts = std::iter::once(&row.hub).chain(row.hosts.iter().take(MAX_HOSTS));
        for hub in hosts.collect::<BTreeSet<_>>() {
            self.hubs.add(*hub, || *hub);
        }
        for language in event.languages().filter_map(primary_subtag).collect::<BTreeSet<_>>() {
            self.languages.add(language.clone(), || language);
        }
        if takes_place(event) {
            self.ways.add(Way::InPlace, || Way::InPlace);
        }
        if !event.online_url.is_empty() {
            self.ways.add(Way::Online, || Way::Online);
        }
    }
}

/// The first part of a language tag, lower case; `None` if it is none.
fn primary_subtag(language: &str) -> Option<String> {
    let first = language.split('-').next().unwrap_or("");
    let is_subtag =
        (2..=MAX_SUBTAG_BYTES).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_subtag.then(|| first.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use interhub_domain::event::Translation;

    use super::*;
    use crate::projection::testing::{House, NOW_MS, at, event, hub, hub_row};

    fn house() -> House {
        let house = House::new();
        for number in 1..4 {
            house.put_hub(&hub_row(number));
        }
        for (number, owner, tags, language, online) in [
            (1, 1, vec!["Food", "Art"], "de", false),
            (2, 1, vec!["food", "FOOD"], "de-AT", true),
            (3, 2, vec!["Music"], "en", true),
            (4, 2, vec![], "", false),
        ] {
            let mut row = event(number, "Event", &format!("2026-12-0{number}T18:00"));
            (row.hub, row.hosts) = (hub(owner), vec![hub(owner), hub(owner), hub(3)]);
            row.event.tags = tags.into_iter().map(String::from).collect();
            row.event.language = language.to_owned();
            row.event.schedule.rules = vec!["FREQ=WEEKLY;COUNT=3".into()];
            if number == 1 {
                // Its own language once more, and another one.
                for language in ["de-CH", "nl"] {
                    row.event
                        .translations
                        .insert(language.to_owned(), Translation::default());
                }
            }
            if online {
                row.event.online_url = "https://example.org".to_owned();
            }
            if number != 3 {
                row.event.location = Some(at(48.2, 16.37));
            }
            house.put(&row);
        }
        house
    }

    fn told<V: Clone>(facet: &Facet<V>) -> Vec<(V, usize)> {
        facet.values.iter().map(|one| (one.value.clone(), one.events)).collect()
    }

    #[test]
    fn each_event_is_counted_once_in_each_kind() {
        let facets = house().views.facets(&EventQuery::default(), NOW_MS).unwrap();
        assert_eq!((facets.events, facets.complete), (4, true));
        let text = |facet: &Facet<String>| told(facet);
        assert_eq!(
            text(&facets.tags),
            [("Food".into(), 2), ("Art".into(), 1), ("Music".into(), 1)]
        );
        assert_eq!(told(&facets.hubs), [(hub(3), 4), (hub(1), 2), (hub(2), 2)]);
        assert_eq!(
            text(&facets.languages),
            [("de".into(), 2), ("en".into(), 1), ("nl".into(), 1)]
        );
        assert_eq!(told(&facets.ways), [(Way::InPlace, 3), (Way::Online, 2)]);
    }

    /// Every count is what the list shows when its link is followed.
    #[test]
    fn a_count_is_what_its_link_gives() {
        let house = house();
        let queries = [
            EventQuery::default(),
            EventQuery {
                tag: Some("food".into()),
                ..EventQuery::default()
            },
            EventQuery {
                hub: Some("hub2".into()),
                online: true,
                ..EventQuery::default()
            },
            EventQuery {
                language: Some("de".into()),
                in_place: true,
                ..EventQuery::default()
            },
            EventQuery {
                tag: Some("none".into()),
                hub: Some("hub1".into()),
                ..EventQuery::default()
            },
        ];
        for query in queries {
            let facets = house.views.facets(&query, NOW_MS).unwrap();
            let events = |query: EventQuery| {
                let (listed, _) = house.list_all(&query, NOW_MS);
                listed.iter().map(|one| one.row.thing).collect::<BTreeSet<_>>().len()
            };
            assert_eq!(facets.events, events(query.clone()), "{query:?}");
            for (tag, count) in told(&facets.tags) {
                let tag = Some(tag);
                assert_eq!(events(EventQuery { tag, ..query.clone() }), count, "{query:?}");
            }
            for (id, count) in told(&facets.hubs) {
                let hub = Some(id.to_string());
                assert_eq!(events(EventQuery { hub, ..query.clone() }), count, "{query:?}");
            }
            for (language, count) in told(&facets.languages) {
                let language = Some(language);
                assert_eq!(
                    events(EventQuery {
                        language,
                        ..query.clone()
                    }),
                    count,
                    "{query:?}"
                );
            }
            for (way, count) in told(&facets.ways) {
                let (online, in_place) = (way == Way::Online, way == Way::InPlace);
                let query = EventQuery {
                    online,
                    in_place,
                    ..query.clone()
                };
                assert_eq!(events(query.clone()), count, "{query:?}");
            }
        }
    }

    #[test]
    fn what_is_not_public_is_not_counted() {
        let house = house();
        let mut draft = event(9, "Draft", "2026-12-09T18:00");
        (draft.log, draft.draft) = (interhub_domain::ids::LogId::LOCAL, true);
        draft.event.tags = vec!["Secret".into()];
        house.put(&draft);
        let facets = house.views.facets(&EventQuery::default(), NOW_MS).unwrap();
        assert_eq!(facets.events, 4);
        assert!(facets.tags.values.iter().all(|one| one.value != "Secret"));
    }

    #[test]
    fn a_look_ends_and_says_so() {
        let house = house();
        let mut seen = 0;
        let mut complete = |limits| {
            let everything = EventQuery::default();
            house.views.each_event(&everything, NOW_MS, limits, &mut |_| seen += 1)
        };
        assert!(!complete((3, 1_000)).unwrap());
        assert!(complete((4, 1_000)).unwrap());
        assert!(!complete((4, 9)).unwrap());
        assert_eq!(seen, 3 + 4 + 1);
    }

    #[test]
    fn languages_are_told_by_their_first_part() {
        assert_eq!(primary_subtag("DE-at").as_deref(), Some("de"));
        for none in ["", "d", "d3", "-", "verylongtag", "ü"] {
            assert_eq!(primary_subtag(none), None, "{none}");
        }
    }
}
