//! The read side: what pages, feeds, gRPC and the command line show. Nothing here loads a document.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use interhub_domain::event::Occurrence;
use interhub_domain::ids::{HubId, ThingId};
use interhub_domain::query::{DEFAULT_LIMIT, EventQuery, QueryParseError};

use super::covered::CoveredYears;
use super::entries::{DENSE, THIN, repeats, series_of_key};
use super::filter::Filter;
use super::keys::{Around, PLACE_LEN, Place, Todo, tag_prefix, todo_prefix, uid_prefix};
use super::member_index::{MemberChanges, MemberIndex};
use super::rows::{SeriesRow, decode_events, decode_hub};
use super::search::{Search, SearchError};
use super::stream::{Hit, Merged, Span, Wanted};
use super::write::{covered_years, last_change};
use super::{EventRow, HubRow, Listed, Page};
use crate::store::catalogue::event::{HiddenKey, HiddenRow};
use crate::store::catalogue::picture::{PictureKey, Thumbnail};
use crate::store::catalogue::{get, scan_prefix};
use crate::store::{Direction, Family, Store, StoreError};

/// Most events of one feed: some 20 MB of iCalendar.
pub const MAX_FEED_EVENTS: usize = 10_000;
/// How much of its past a feed keeps that cannot keep all: a calendar that looks once a month still hears of a cancellation.
pub const FEED_PAST_MS: i64 = 31 * 86_400_000;
/// Most occurrences of one event that are worked out for its page.
pub const MAX_OCCURRENCES: usize = 1_000;
/// Most events that are listed for a host to decide about; those beyond come when some are decided.
pub const MAX_TODO: usize = 1_000;
/// Most hubs that are listed; a network has hundreds.
const MAX_HUBS: usize = 10_000;
/// Most series that one question works out for itself. Those beyond are not listed outside the covered years.
const MAX_SERIES_EXPANDED: usize = 5_000;
/// A text that fewer events match than this is answered from those events alone.
const FEW_MATCHES: usize = 200;
/// How far the planner looks into each index it may use.
const PROBE: usize = 64;
/// How much one page, and one feed, may cost: an index entry costs 1, a row [`ROW_COST`]. A page that stops here says
/// where to go on, so nothing is lost.
const PAGE_BUDGET: usize = 400_000;
const FEED_BUDGET: usize = 4_000_000;
const ROW_COST: usize = 8;
/// How many events are looked at for news, at most, and at one go.
const MAX_NEWS_LOOKED: usize = 20_000;
const NEWS_STEP: usize = 100;
/// Most bytes of encoded rows whose decoded form is kept.
const CACHE_BYTES: usize = 8 << 20;

/// The events of a feed.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    /// Each once, in the order of the first occurrence that meets the query.
    pub events: Vec<Arc<EventRow>>,
    /// There are more than fit: the last of these begins then, Unix milliseconds.
    pub ends_ms: Option<i64>,
}

/// Why a question is not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// A value of the query cannot be used.
    #[error(transparent)]
    Invalid(#[from] QueryParseError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The text index failed; without words to search for, the same question is answered.
    #[error(transparent)]
    Search(#[from] SearchError),
}

/// The projections, to be read. Cheap to share; every call reads what is committed at that moment.
pub struct Views {
    store: Store,
    search: Arc<Search>,
    cache: Mutex<Cache>,
    /// What the operator hid, as of this version of the projections.
    hidden: Mutex<Option<(u64, Arc<BTreeSet<ThingId>>)>>,
    directory: Mutex<MemberIndex>,
    /// Which members have changed since the directory was last read; without it, it is read anew each time.
    member_changes: Option<Arc<MemberChanges>>,
}

impl Views {
    /// Where the rows are.
    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    /// Reads from this store, and finds words with this text index.
    pub fn new(store: Store, search: Arc<Search>) -> Self {
        Self {
            store,
            search,
            cache: Mutex::default(),
            hidden: Mutex::default(),
            directory: Mutex::default(),
            member_changes: None,
        }
    }

    /// Keeps the directory of members in step with what the ledger writes.
    #[must_use]
    pub fn following(self, changes: Arc<MemberChanges>) -> Self {
        Self {
            member_changes: Some(changes),
            ..self
        }
    }

    pub(super) const fn directory(&self) -> &Mutex<MemberIndex> {
        &self.directory
    }

    pub(super) fn member_changes(&self) -> Option<&MemberChanges> {
        self.member_changes.as_deref()
    }

    /// A number that differs whenever anything shown may differ, except for what only time changes. For ETags.
    pub fn version(&self) -> Result<u64, QueryError> {
        Ok(last_change(&self.store)?)
    }

    /// One page of occurrences that meet every part of the query, ordered by start, then thing, then occurrence.
    ///
    /// Following `next` with the same query walks all of them, each once, as long as nothing changes. A page can be
    /// shorter than the limit and still have a next one, when much had to be looked at for little.
    pub fn list(&self, query: &EventQuery, now_ms: i64) -> Result<Page, QueryError> {
        query.check()?;
        let after = query.cursor.as_deref().map(decode_cursor).transpose()?;
        let from_ms = query.from_ms.unwrap_or(now_ms);
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
        let mut walk = self.walk(query, from_ms, after, PAGE_BUDGET)?;
        let mut page = Page::default();
        let mut last = after;
        while let Some((place, listed)) = walk.next()? {
            if page.items.len() == limit {
                page.next = last.map(encode_cursor);
                return Ok(page);
            }
            last = Some(place);
            page.items.push(listed);
        }
        if walk.stopped {
            page.next = walk.position.map(encode_cursor);
        }
        Ok(page)
    }

    /// The events with an occurrence that meets the query, for a feed: series whole, cancelled ones kept, each once, in
    /// the order of their first such occurrence. Limit and cursor are not looked at; at most [`MAX_FEED_EVENTS`], and it is
    /// said where they end. What a
    /// query without `from` finds begins with the covered years, so that a feed keeps its past; if that is too much for one
    /// feed, it begins [`FEED_PAST_MS`] ago, so that it does not end before today.
    pub fn feed(&self, query: &EventQuery, now_ms: i64) -> Result<Feed, QueryError> {
        query.check()?;
        if let Some(from_ms) = query.from_ms {
            return self.feed_from(query, from_ms);
        }
        let whole = self.feed_from(query, CoveredYears::at(now_ms).from_ms())?;
        if whole.ends_ms.is_none() {
            return Ok(whole);
        }
        self.feed_from(query, now_ms.saturating_sub(FEED_PAST_MS))
    }

    fn feed_from(&self, query: &EventQuery, from_ms: i64) -> Result<Feed, QueryError> {
        let mut walk = self.walk(query, from_ms, None, FEED_BUDGET)?;
        let (mut feed, mut last_ms) = (Feed::default(), from_ms);
        while let Some((_, listed)) = walk.next()? {
            if feed.events.len() == MAX_FEED_EVENTS {
                feed.ends_ms = Some(last_ms);
                return Ok(feed);
            }
            last_ms = listed.occurrence.start_ms;
            walk.end(listed.row.thing);
            feed.events.push(listed.row);
        }
        feed.ends_ms = walk.stopped.then_some(last_ms);
        Ok(feed)
    }

    /// The events that a feed of this query would hold if it had room for all of them, those that were changed last first; at
    /// most `most`.
    pub fn news(&self, query: &EventQuery, now_ms: i64, most: usize) -> Result<Vec<Arc<EventRow>>, QueryError> {
        let feed = self.feed(query, now_ms)?;
        let mut news = match feed.ends_ms {
            None => feed.events,
            Some(_) => self.changed_last(query, now_ms, most)?,
        };
        news.sort_by_key(|row| (Reverse(row.event.updated_ms), row.thing));
        news.truncate(most);
        Ok(news)
    }

    /// The same where so many events meet the query that those among the last changed ones are soon found.
    fn changed_last(&self, query: &EventQuery, now_ms: i64, most: usize) -> Result<Vec<Arc<EventRow>>, QueryError> {
        let from_ms = query.from_ms.unwrap_or_else(|| CoveredYears::at(now_ms).from_ms());
        let (mut found, mut last, mut looked) = (Vec::new(), Vec::new(), 0);
        while found.len() < most && looked < MAX_NEWS_LOOKED {
            let mut things = Vec::with_capacity(NEWS_STEP);
            let before = std::mem::take(&mut last);
            let visit = &mut |key: &[u8], _: &[u8]| {
                things.extend(key.get(8..).and_then(ThingId::from_slice));
                last = key.to_vec();
                if things.len() < NEWS_STEP {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            };
            self.store
                .scan(Family::EventByUpdate, &[], &before, Direction::Backward, visit)?;
            if things.is_empty() {
                break;
            }
            looked += things.len();
            let mut walk = self.unplanned(query, from_ms, FEED_BUDGET)?;
            walk.plan_few(&things, None)?;
            while let Some((_, listed)) = walk.next()? {
                walk.end(listed.row.thing);
                found.push(listed.row);
            }
        }
        Ok(found)
    }

    /// Visits each event with an occurrence that meets the query, once, at the first such occurrence and in their order; at
    /// most `most`, and as many as `budget` index entries and rows tell. Whether those were all. Limit and cursor are
    /// not looked at.
    pub fn each_event(
        &self,
        query: &EventQuery,
        now_ms: i64,
        (most, budget): (usize, usize),
        visit: &mut dyn FnMut(&Listed),
    ) -> Result<bool, QueryError> {
        query.check()?;
        let mut walk = self.walk(query, query.from_ms.unwrap_or(now_ms), None, budget)?;
        while let Some((_, listed)) = walk.next()? {
            if walk.done.len() == most {
                return Ok(false);
            }
            walk.end(listed.row.thing);
            visit(&listed);
        }
        Ok(!walk.stopped)
    }

    /// The row of an event, whoever may see it: the caller looks at [`EventRow::draft`] and [`EventRow::log`], or asks
    /// [`Views::public_event`].
    pub fn event(&self, thing: ThingId) -> Result<Option<Arc<EventRow>>, QueryError> {
        Ok(self.row(thing, last_change(&self.store)?)?)
    }

    /// The row of an event that anyone may see, and that is not hidden here.
    pub fn public_event(&self, thing: ThingId) -> Result<Option<Arc<EventRow>>, QueryError> {
        let row = self.event(thing)?;
        let hidden = self.hidden()?;
        Ok(row.filter(|row| super::rows::Facts::of(row).public() && !hidden.contains(&thing)))
    }

    /// The small copy of a picture that an event names, if this node has one.
    pub fn picture(&self, key: PictureKey) -> Result<Option<Thumbnail>, QueryError> {
        Ok(get(&*self.store, &key)?.and_then(|row| row.thumbnail))
    }

    /// The events that this hub's operator hid: in no list, feed or search of this node.
    pub fn hidden(&self) -> Result<Arc<BTreeSet<ThingId>>, QueryError> {
        let version = last_change(&self.store)?;
        let mut kept = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, things)) = kept.as_ref()
            && *at == version
        {
            return Ok(Arc::clone(things));
        }
        let mut things = BTreeSet::new();
        let visit = |HiddenKey(thing), row: HiddenRow| {
            if row.hidden {
                things.insert(thing);
            }
            ControlFlow::Continue(())
        };
        scan_prefix(&*self.store, Family::Hidden, &[], Direction::Forward, visit)?;
        let things = Arc::new(things);
        *kept = Some((version, Arc::clone(&things)));
        Ok(things)
    }

    /// The event of a hub with this UID; of several the one with the smallest thing id.
    pub fn event_by_uid(&self, hub: HubId, uid: &str) -> Result<Option<Arc<EventRow>>, QueryError> {
        match self.things_by_uid(hub, uid)?.first() {
            Some(thing) => self.event(*thing),
            None => Ok(None),
        }
    }

    /// All events of a hub with this UID, smallest thing id first; normally none or one. At most 100.
    pub fn things_by_uid(&self, hub: HubId, uid: &str) -> Result<Vec<ThingId>, QueryError> {
        let prefix = uid_prefix(hub, uid);
        let end = [prefix.as_slice(), &[0xff; ThingId::LEN + 1]].concat();
        let mut things = Vec::new();
        self.store
            .scan(Family::EventByUid, &prefix, &end, Direction::Forward, &mut |key, _| {
                things.extend(key.get(prefix.len()..).and_then(ThingId::from_slice));
                if things.len() < 100 {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
        Ok(things)
    }

    /// All events of a hub, each once, drafts included, in an order that depends on nothing but what they are; at most
    /// so many.
    pub fn events_of(&self, hub: HubId, most: usize) -> Result<Vec<Arc<EventRow>>, QueryError> {
        let end = [hub.as_bytes().as_slice(), &[0xff; 33]].concat();
        let mut things = Vec::new();
        let visit = &mut |key: &[u8], _: &[u8]| {
            things.extend(
                key.get(key.len().saturating_sub(ThingId::LEN)..)
                    .and_then(ThingId::from_slice),
            );
            if things.len() < most {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        self.store
            .scan(Family::EventByUid, hub.as_bytes(), &end, Direction::Forward, visit)?;
        let mut rows = Vec::with_capacity(things.len());
        for thing in things {
            rows.extend(self.event(thing)?);
        }
        Ok(rows)
    }

    /// The events a hub was asked to host and has not answered about, by thing; at most [`MAX_TODO`].
    pub fn offers_to(&self, hub: HubId) -> Result<Vec<Arc<EventRow>>, QueryError> {
        self.todo(Todo::Offer, hub)
    }

    /// The events this hub hosts in which a field has several concurrent values, by thing; at most [`MAX_TODO`].
    pub fn conflicts_of(&self, hub: HubId) -> Result<Vec<Arc<EventRow>>, QueryError> {
        self.todo(Todo::Conflict, hub)
    }

    fn todo(&self, what: Todo, hub: HubId) -> Result<Vec<Arc<EventRow>>, QueryError> {
        let prefix = todo_prefix(what, hub);
        let end = [prefix.as_slice(), &[0xff; ThingId::LEN + 1]].concat();
        let mut things = Vec::new();
        let visit = &mut |key: &[u8], _: &[u8]| {
            things.extend(key.get(prefix.len()..).and_then(ThingId::from_slice));
            if things.len() < MAX_TODO {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        self.store
            .scan(Family::HostTodo, &prefix, &end, Direction::Forward, visit)?;
        let mut rows = Vec::with_capacity(things.len());
        for thing in things {
            rows.extend(self.event(thing)?);
        }
        Ok(rows)
    }

    /// The occurrences of one event that end after `from_ms` and start before `to_ms`, in order; at most `limit` and
    /// [`MAX_OCCURRENCES`]. Empty if there is no such event.
    pub fn occurrences(
        &self,
        thing: ThingId,
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Vec<Listed>, QueryError> {
        let Some(row) = self.event(thing)? else {
            return Ok(Vec::new());
        };
        let limit = limit.min(MAX_OCCURRENCES);
        let mut merged = Merged::default();
        merged.add_expanded(
            Arc::clone(&row),
            Span {
                from_ms,
                to_ms,
                after: None,
            },
            Wanted::All,
        )?;
        let mut listed = Vec::new();
        while listed.len() < limit
            && let Some(hit) = merged.next()?
        {
            let occurrence = hit.slot.occurrence(&hit.place);
            listed.extend(occurrence.map(|occurrence| Listed {
                row: Arc::clone(&row),
                occurrence,
            }));
        }
        Ok(listed)
    }

    /// All hubs, by slug, then id.
    pub fn hubs(&self) -> Result<Vec<HubRow>, QueryError> {
        let mut rows = self.hub_rows()?;
        rows.sort_by(|one, other| (&one.slug, one.id).cmp(&(&other.slug, other.id)));
        Ok(rows)
    }

    /// The hub with this slug or id.
    pub fn hub(&self, slug_or_id: &str) -> Result<Option<HubRow>, QueryError> {
        let rows = self.hubs()?;
        let id = slug_or_id.parse::<HubId>().ok();
        let slug = slug_or_id.to_lowercase();
        let by_slug = rows.iter().position(|row| row.slug == slug);
        let found = by_slug.or_else(|| rows.iter().position(|row| Some(row.id) == id));
        Ok(found.and_then(|index| rows.into_iter().nth(index)))
    }

    /// How many events and series there are, all logs together.
    pub fn count_events(&self) -> Result<u64, QueryError> {
        let mut events = 0;
        self.store
            .scan(Family::EventRow, &[], &[], Direction::Forward, &mut |_, _| {
                events += 1;
                ControlFlow::Continue(())
            })?;
        Ok(events)
    }

    /// BLAKE3 over what all hubs show alike: the events in shared logs, and the hubs, without what only this node knows
    /// of them. Hubs that agree have the same digest.
    pub fn projections_digest(&self) -> Result<[u8; 32], QueryError> {
        let mut hasher = blake3::Hasher::new_derive_key("interhub/v1/projections");
        let mut bad = None;
        self.store.scan(
            Family::EventRow,
            &[],
            &[],
            Direction::Forward,
            &mut |_, value| match hash_events(&mut hasher, value) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    bad = Some(error);
                    ControlFlow::Break(())
                }
            },
        )?;
        if let Some(error) = bad {
            return Err(error.into());
        }
        for row in self.hub_rows()? {
            let shared = HubRow {
                own: false,
                as_of_ms: None,
                ..row
            };
            hash_part(&mut hasher, &super::rows::encode_hub(&shared));
        }
        Ok(*hasher.finalize().as_bytes())
    }

    /// The covered years as they are written now.
    pub fn covered_years(&self) -> Result<Option<CoveredYears>, QueryError> {
        Ok(covered_years(&self.store)?)
    }

    fn hub_rows(&self) -> Result<Vec<HubRow>, StoreError> {
        let mut rows = Vec::new();
        let mut bad = None;
        self.store
            .scan(Family::HubRow, &[], &[], Direction::Forward, &mut |_, value| {
                match decode_hub(value) {
                    Ok(row) => rows.push(row),
                    Err(error) => bad = Some(error),
                }
                if bad.is_some() || rows.len() >= MAX_HUBS {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
        bad.map_or(Ok(rows), Err)
    }

    fn hub_id(&self, slug_or_id: &str) -> Result<HubId, QueryError> {
        let row = self.hub(slug_or_id)?;
        let reason = "no hub has this slug or id".to_owned();
        Ok(row
            .ok_or(QueryParseError {
                parameter: "hub",
                reason,
            })?
            .id)
    }

    /// The shown row of a thing, from the cache if it is still what is stored.
    fn row(&self, thing: ThingId, version: u64) -> Result<Option<Arc<EventRow>>, StoreError> {
        let cached = self.lock_cache().get(thing);
        if let Some(entry) = &cached
            && entry.version == version
        {
            return Ok(Some(Arc::clone(&entry.row)));
        }
        let Some(bytes) = self.store.get(Family::EventRow, thing.as_bytes())? else {
            return Ok(None);
        };
        let row = match cached {
            Some(entry) if entry.bytes == bytes => Arc::clone(&entry.row),
            _ => match decode_events(&bytes)?.into_iter().next() {
                Some(row) => Arc::new(row.shown_here()),
                None => return Ok(None),
            },
        };
        self.lock_cache().put(
            thing,
            CacheEntry {
                row: Arc::clone(&row),
                bytes,
                version,
            },
        );
        Ok(Some(row))
    }

    fn lock_cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses where to look, and looks.
    fn walk(
        &self,
        query: &EventQuery,
        from_ms: i64,
        after: Option<Place>,
        budget: usize,
    ) -> Result<Walk<'_>, QueryError> {
        let mut walk = self.unplanned(query, from_ms, budget)?;
        walk.plan(after)?;
        Ok(walk)
    }

    fn unplanned(&self, query: &EventQuery, from_ms: i64, budget: usize) -> Result<Walk<'_>, QueryError> {
        let version = last_change(&self.store)?;
        let covered = covered_years(&self.store)?.unwrap_or(CoveredYears { first: 1, last: 0 });
        let hub = query.hub.as_deref().map(|name| self.hub_id(name)).transpose()?;
        let text = match &query.text {
            Some(text) => self.search.find(text)?,
            None => None,
        };
        let mut filter = Filter::new(query, from_ms, covered.to_ms(), hub, text);
        filter.hidden = self.hidden()?;
        Ok(Walk {
            views: self,
            filter,
            covered,
            version,
            merged: Merged::default(),
            budget,
            given: None,
            position: None,
            stopped: false,
            done: BTreeSet::new(),
        })
    }
}

/// One question being answered.
struct Walk<'a> {
    views: &'a Views,
    filter: Filter,
    covered: CoveredYears,
    version: u64,
    merged: Merged,
    budget: usize,
    /// The last place given: one occurrence can come from two sources, and is listed once.
    given: Option<Place>,
    /// The last place looked at.
    position: Option<Place>,
    /// The budget is spent.
    stopped: bool,
    /// Events of which no further occurrence is wanted.
    done: BTreeSet<ThingId>,
}

impl Walk<'_> {
    fn plan(&mut self, after: Option<Place>) -> Result<(), QueryError> {
        if let Some(things) = self.filter.text.clone()
            && things.len() < FEW_MATCHES
        {
            return self.plan_few(&things, after);
        }
        let span = Span {
            from_ms: self.filter.from_ms,
            to_ms: self.filter.to_ms,
            after,
        };
        let mut best: Option<(u64, Merged)> = None;
        let candidates = self.candidates();
        let only_one = candidates.len() == 1;
        for (family, prefixes) in candidates {
            let mut merged = Merged::default();
            for prefix in prefixes {
                merged.add_index(&self.views.store, family, &prefix, &span)?;
            }
            let selectivity = if only_one { 0 } else { merged.probe(PROBE)? };
            if best.as_ref().is_none_or(|(known, _)| selectivity > *known) {
                best = Some((selectivity, merged));
            }
        }
        self.merged = best.map(|(_, merged)| merged).unwrap_or_default();
        self.add_series(after)
    }

    /// The indexes that can answer, each with the prefixes to walk.
    fn candidates(&self) -> Vec<(Family, Vec<Vec<u8>>)> {
        let mut candidates = Vec::new();
        if let Some(cells) = self.filter.around.and_then(Around::cells) {
            candidates.push((
                Family::OccurrenceByPlace,
                cells.iter().map(|cell| cell.to_vec()).collect(),
            ));
        }
        if let Some(tag) = &self.filter.tag {
            candidates.push((Family::OccurrenceByTag, vec![tag_prefix(tag).to_vec()]));
        }
        if let Some(hub) = self.filter.hub {
            candidates.push((Family::OccurrenceByHub, vec![hub.as_bytes().to_vec()]));
        }
        if candidates.is_empty() {
            candidates.push((Family::OccurrenceByTime, vec![Vec::new()]));
        }
        candidates
    }

    /// Few events match the words: works out just those.
    fn plan_few(&mut self, things: &[ThingId], after: Option<Place>) -> Result<(), QueryError> {
        for thing in things {
            let Some(row) = self.views.row(*thing, self.version)? else {
                continue;
            };
            if self.filter.row_matches(&row) {
                let to_ms = self.filter.end_of_window(repeats(&row.event.schedule));
                let span = Span {
                    from_ms: self.filter.from_ms,
                    to_ms,
                    after,
                };
                self.merged.add_expanded(row, span, Wanted::All)?;
            }
        }
        Ok(())
    }

    /// Adds the series that are not, or not wholly, in the indexes for the window.
    fn add_series(&mut self, after: Option<Place>) -> Result<(), QueryError> {
        let (from_ms, to_ms) = (self.filter.from_ms, self.filter.series_to_ms);
        let begin = after.map_or(from_ms, |after| after.start_ms.max(from_ms));
        let beyond = begin < self.covered.from_ms() || to_ms > self.covered.to_ms();
        let mut found = self.series(DENSE, from_ms, to_ms)?;
        if beyond {
            found.extend(self.series(THIN, from_ms, to_ms)?);
        }
        for (thing, dense) in found {
            let Some(row) = self.views.row(thing, self.version)? else {
                continue;
            };
            if !self.filter.row_matches(&row) {
                continue;
            }
            if dense {
                self.merged
                    .add_expanded(row, Span { from_ms, to_ms, after }, Wanted::All)?;
                continue;
            }
            let wanted = Wanted::Outside(self.covered);
            let before = Span {
                from_ms,
                to_ms: to_ms.min(self.covered.from_ms()),
                after,
            };
            self.merged.add_expanded(Arc::clone(&row), before, wanted)?;
            let later = Span {
                from_ms: from_ms.max(self.covered.to_ms()),
                to_ms,
                after,
            };
            self.merged.add_expanded(row, later, wanted)?;
        }
        Ok(())
    }

    /// The series of one kind that may have occurrences in a window.
    fn series(&self, kind: u8, from_ms: i64, to_ms: i64) -> Result<Vec<(ThingId, bool)>, StoreError> {
        let mut found = Vec::new();
        let mut bad = None;
        self.views.store.scan(
            Family::Series,
            &[kind],
            &[kind + 1],
            Direction::Forward,
            &mut |key, value| {
                match (series_of_key(key), SeriesRow::decode(value)) {
                    (Some(thing), Ok(series)) => {
                        if series.begins_ms < to_ms && series.ends_ms > from_ms {
                            found.push((thing, kind == DENSE));
                        }
                    }
                    (_, Err(error)) => bad = Some(error),
                    (None, _) => bad = Some(StoreError::Damaged { what: "series key" }),
                }
                let enough = bad.is_some() || found.len() >= MAX_SERIES_EXPANDED;
                if enough {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        )?;
        bad.map_or(Ok(found), Err)
    }

    /// No further occurrence of this event is wanted.
    fn end(&mut self, thing: ThingId) {
        self.done.insert(thing);
        self.merged.end(thing);
    }

    fn next(&mut self) -> Result<Option<(Place, Listed)>, QueryError> {
        while let Some(hit) = self.merged.next()? {
            if self.budget == 0 {
                self.stopped = true;
                return Ok(None);
            }
            self.budget -= 1;
            self.position = Some(hit.place);
            if !self.filter.slot_may_match(&hit.place, &hit.slot) || self.done.contains(&hit.place.thing) {
                continue;
            }
            self.budget = self.budget.saturating_sub(ROW_COST);
            if self.given != Some(hit.place)
                && let Some(listed) = self.check(&hit)?
            {
                self.given = Some(hit.place);
                return Ok(Some((hit.place, listed)));
            }
        }
        Ok(None)
    }

    /// Reads the row of a hit and puts the question to it.
    fn check(&self, hit: &Hit) -> Result<Option<Listed>, QueryError> {
        let Some(row) = self.views.row(hit.place.thing, self.version)? else {
            return Ok(None);
        };
        let Some(occurrence) = hit.slot.occurrence(&hit.place) else {
            return Err(StoreError::Damaged { what: "occurrence" }.into());
        };
        let series = repeats(&row.event.schedule);
        // Outside the covered years an index may hold some of a series, while they are being moved: not all, so none.
        let counted = !hit.indexed || !series || self.covered.hold(hit.place.start_ms, hit.slot.end_ms);
        let current = series || is_single(&row, &occurrence);
        let matches = self.filter.row_matches(&row) && self.filter.occurrence_matches(&row, &occurrence);
        Ok((counted && current && matches).then_some(Listed { row, occurrence }))
    }
}

/// Whether this is the one occurrence of a single event as its row has it now.
fn is_single(row: &EventRow, occurrence: &Occurrence) -> bool {
    let schedule = &row.event.schedule;
    (occurrence.start, occurrence.end) == (schedule.start, schedule.end)
}

fn hash_part(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_be_bytes());
    hasher.update(part);
}

fn hash_events(hasher: &mut blake3::Hasher, value: &[u8]) -> Result<(), StoreError> {
    for row in decode_events(value)?.into_iter().filter(|row| row.log.is_shared()) {
        let shared = EventRow { seen_ms: None, ..row };
        hash_part(hasher, &super::rows::encode_events(&[shared]));
    }
    Ok(())
}

/// Version byte of cursors.
const CURSOR_VERSION: u8 = 1;

fn encode_cursor(place: Place) -> String {
    let mut bytes = vec![CURSOR_VERSION];
    bytes.extend_from_slice(&place.to_bytes());
    BASE64URL_NOPAD.encode(&bytes)
}

fn decode_cursor(text: &str) -> Result<Place, QueryParseError> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default();
    let place = match bytes.split_first() {
        Some((&CURSOR_VERSION, rest)) if rest.len() == PLACE_LEN => Place::from_bytes(rest),
        _ => None,
    };
    let reason = "not a cursor of this node; begin again without it";
    place.ok_or_else(|| QueryParseError {
        parameter: "cursor",
        reason: reason.to_owned(),
    })
}

struct CacheEntry {
    row: Arc<EventRow>,
    /// As stored; equal bytes are an equal row.
    bytes: Vec<u8>,
    /// The row was current when the projections had this version.
    version: u64,
}

/// Decoded rows, the recent half and the older half: when the recent one is full, the older one is dropped.
#[derive(Default)]
struct Cache {
    recent: BTreeMap<ThingId, Arc<CacheEntry>>,
    older: BTreeMap<ThingId, Arc<CacheEntry>>,
    recent_bytes: usize,
}

impl Cache {
    fn get(&self, thing: ThingId) -> Option<Arc<CacheEntry>> {
        self.recent.get(&thing).or_else(|| self.older.get(&thing)).cloned()
    }

    fn put(&mut self, thing: ThingId, entry: CacheEntry) {
        self.recent_bytes += entry.bytes.len();
        self.recent.insert(thing, Arc::new(entry));
        if self.recent_bytes > CACHE_BYTES / 2 {
            self.older = std::mem::take(&mut self.recent);
            self.recent_bytes = 0;
        }
    }
}
