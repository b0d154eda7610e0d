//! Occurrences in the order of lists, drawn from several places and merged: stretches of an index, and series that are
//! worked out on the spot.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use interhub_domain::calendar::expand::{Window, occurrences};
use interhub_domain::event::Occurrence;
use interhub_domain::ids::ThingId;

use super::covered::{CoveredYears, reach};
use super::keys::{CLASSES, PLACE_LEN, Place, ordered};
use super::rows::{Facts, Slot, place_of};
use super::{EventRow, location_of};
use crate::store::{Direction, Family, Store, StoreError};

/// Index entries read at a time, at first and at most: a page needs few, a sparse filter many.
const FIRST_CHUNK: usize = 32;
const LARGEST_CHUNK: usize = 1_024;
/// Occurrences of a series worked out at a time, at first and at most.
const FIRST_EXPANSION: usize = 16;
const LARGEST_EXPANSION: usize = 16_384;

/// Most occurrences of one event that are listed on one day (UTC), the first of it. A rule that says more, by a slip or by
/// ill will, would fill every list: its own page tells the rule.
pub(super) const MOST_A_DAY: usize = 24;
const DAY_MS: i64 = 86_400_000;

/// One occurrence on its way into a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) place: Place,
    pub(super) slot: Slot,
    /// It comes from an index and has to be checked against its row.
    pub(super) indexed: bool,
}

/// The part of time that a stream covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// Occurrences reach beyond this.
    pub(super) from_ms: i64,
    /// Occurrences start before this.
    pub(super) to_ms: i64,
    /// Only what comes after this place.
    pub(super) after: Option<Place>,
}

/// One stretch of an index: one prefix, one length class.
struct IndexSource {
    store: Store,
    family: Family,
    /// Length of prefix and class.
    head: usize,
    next: Vec<u8>,
    end: Vec<u8>,
    from_ms: i64,
    chunk: usize,
    exhausted: bool,
}

impl IndexSource {
    fn new(store: &Store, family: Family, prefix: &[u8], class: u8, longest_ms: i64, span: &Span) -> Self {
        let mut head = prefix.to_vec();
        head.push(class);
        let earliest = ordered(span.from_ms.saturating_sub(longest_ms));
        let mut next = [head.as_slice(), &earliest].concat();
        if let Some(after) = span.after {
            let resumed = [head.as_slice(), &after.to_bytes(), &[0]].concat();
            next = next.max(resumed);
        }
        let end = [head.as_slice(), &ordered(span.to_ms)].concat();
        let exhausted = next >= end;
        let head = head.len();
        Self {
            store: Arc::clone(store),
            family,
            head,
            next,
            end,
            from_ms: span.from_ms,
            chunk: FIRST_CHUNK,
            exhausted,
        }
    }

    /// Reads on; an empty answer means that there is nothing more.
    fn fill(&mut self, buffer: &mut VecDeque<Hit>) -> Result<(), StoreError> {
        while buffer.is_empty() && !self.exhausted {
            let mut last: Vec<u8> = Vec::new();
            let mut read = 0;
            let mut bad = None;
            let (head, chunk, from_ms) = (self.head, self.chunk, self.from_ms);
            self.store.scan(
                self.family,
                &self.next,
                &self.end,
                Direction::Forward,
                &mut |key, value| {
                    match read_entry(&key[head.min(key.len())..], value) {
                        Ok(hit) if reach(hit.place.start_ms, hit.slot.end_ms) > from_ms => buffer.push_back(hit),
                        Ok(_) => {}
                        Err(error) => bad = Some(error),
                    }
                    read += 1;
                    if read >= chunk || bad.is_some() {
                        last = key.to_vec();
                        return ControlFlow::Break(());
                    }
                    ControlFlow::Continue(())
                },
            )?;
            if let Some(error) = bad {
                return Err(error);
            }
            self.exhausted = last.is_empty();
            last.push(0);
            self.next = last;
            self.chunk = (self.chunk * 2).min(LARGEST_CHUNK);
        }
        Ok(())
    }
}

fn read_entry(place: &[u8], value: &[u8]) -> Result<Hit, StoreError> {
    let place = Place::from_bytes(place).filter(|_| place.len() == PLACE_LEN);
    let place = place.ok_or(StoreError::Damaged { what: "occurrence key" })?;
    Ok(Hit {
        place,
        slot: Slot::decode(value)?,
        indexed: true,
    })
}

/// Which occurrences of an expanded event are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// All in the span.
    All,
    /// Those that are not in the indexes, because they lie outside these years.
    Outside(CoveredYears),
}

/// One event, worked out.
struct ExpandedSource {
    row: Arc<EventRow>,
    facts: Facts,
    span: Span,
    wanted: Wanted,
    limit: usize,
    exhausted: bool,
    /// Where the next reading begins, Unix milliseconds.
    from_ms: i64,
    /// The last place read, whether or not it was wanted: a reading that was cut begins with it once more.
    read: Option<Place>,
    /// The day that was read last, in days since 1970, and how many occurrences begin on it so far.
    day: (i64, usize),
}

impl ExpandedSource {
    fn new(row: Arc<EventRow>, span: Span, wanted: Wanted) -> Self {
        let resumed = span.after.map_or(i64::MIN, |after| after.start_ms);
        // From the beginning of the day, so that a list that is resumed has the same occurrences of that day; and one
        // millisecond early, for occurrences that take no time.
        let begins = span.from_ms.max(resumed).div_euclid(DAY_MS).saturating_mul(DAY_MS);
        Self {
            facts: Facts::of(&row),
            row,
            span,
            wanted,
            limit: FIRST_EXPANSION,
            exhausted: false,
            from_ms: begins.saturating_sub(1),
            read: None,
            day: (i64::MIN, 0),
        }
    }

    fn fill(&mut self, buffer: &mut VecDeque<Hit>) {
        while buffer.is_empty() && !self.exhausted {
            let window = Window {
                from_ms: self.from_ms,
                to_ms: self.span.to_ms,
            };
            let event = &self.row.event;
            let expansion = occurrences(&event.schedule, event.outward_status(), window, self.limit);
            // Truncated with nothing new: the work one call may do is done, or too much begins at one moment.
            let short = expansion.occurrences.len() < self.limit || self.limit >= LARGEST_EXPANSION;
            let mut found: Vec<(Place, Occurrence)> = expansion
                .occurrences
                .into_iter()
                .map(|occurrence| (place_of(&self.row, &occurrence), occurrence))
                .filter(|(place, _)| self.read.is_none_or(|read| *place > read))
                .collect();
            found.sort_by_key(|(place, _)| *place);
            self.exhausted = !expansion.truncated || (found.is_empty() && short);
            self.limit = (self.limit * 4).min(LARGEST_EXPANSION);
            let mut length_ms = 0;
            for (place, occurrence) in found {
                self.read = Some(place);
                self.from_ms = self.from_ms.max(place.start_ms.saturating_sub(1));
                length_ms = occurrence.end_ms.saturating_sub(occurrence.start_ms).max(0);
                let day = place.start_ms.div_euclid(DAY_MS);
                self.day = if day == self.day.0 {
                    (day, self.day.1 + 1)
                } else {
                    (day, 1)
                };
                if self.day.1 <= MOST_A_DAY {
                    buffer.extend(self.hit(&occurrence));
                }
            }
            // The rest of a day that is full need not be worked out: what begins on the next one ends so much later.
            if expansion.truncated && self.day.1 > MOST_A_DAY {
                let next_day = self.day.0.saturating_add(1).saturating_mul(DAY_MS);
                self.from_ms = self.from_ms.max(next_day.saturating_add(length_ms).saturating_sub(1));
                self.limit = 2 * MOST_A_DAY;
            }
        }
    }

    fn hit(&self, occurrence: &Occurrence) -> Option<Hit> {
        let place = place_of(&self.row, occurrence);
        let outside = match self.wanted {
            Wanted::All => true,
            Wanted::Outside(covered) => !covered.hold(occurrence.start_ms, occurrence.end_ms),
        };
        let inside_span = occurrence.start_ms < self.span.to_ms
            && reach(occurrence.start_ms, occurrence.end_ms) > self.span.from_ms
            && self.span.after.is_none_or(|after| place > after);
        let at = location_of(&self.row.event, occurrence).and_then(|location| location.at);
        (outside && inside_span).then(|| Hit {
            place,
            slot: Slot::of(self.facts, occurrence, at),
            indexed: false,
        })
    }
}

enum Source {
    Index(IndexSource),
    Expanded(ExpandedSource),
    /// Read already.
    Read,
}

/// Several sources, merged into one list.
#[derive(Default)]
pub(super) struct Merged {
    sources: Vec<(Source, VecDeque<Hit>)>,
    heap: BinaryHeap<Reverse<(Place, usize)>>,
}

impl Merged {
    /// Adds all of one prefix of an index.
    pub(super) fn add_index(
        &mut self,
        store: &Store,
        family: Family,
        prefix: &[u8],
        span: &Span,
    ) -> Result<(), StoreError> {
        for (class, longest_ms) in (0_u8..).zip(CLASSES) {
            self.add(Source::Index(IndexSource::new(
                store, family, prefix, class, longest_ms, span,
            )))?;
        }
        Ok(())
    }

    /// Adds an event that is worked out on the spot.
    pub(super) fn add_expanded(&mut self, row: Arc<EventRow>, span: Span, wanted: Wanted) -> Result<(), StoreError> {
        if span.from_ms >= span.to_ms {
            return Ok(());
        }
        self.add(Source::Expanded(ExpandedSource::new(row, span, wanted)))
    }

    /// Nothing more of this event is worked out.
    pub(super) fn end(&mut self, thing: ThingId) {
        for (source, buffer) in &mut self.sources {
            if matches!(source, Source::Expanded(expanded) if expanded.row.thing == thing) {
                *source = Source::Read;
                buffer.clear();
            }
        }
    }

    fn add(&mut self, source: Source) -> Result<(), StoreError> {
        self.sources.push((source, VecDeque::new()));
        self.advance(self.sources.len() - 1)
    }

    /// Puts the head of a source into the heap, reading on if needed.
    fn advance(&mut self, index: usize) -> Result<(), StoreError> {
        let Some((source, buffer)) = self.sources.get_mut(index) else {
            return Ok(());
        };
        if buffer.is_empty() {
            match source {
                Source::Index(source) => source.fill(buffer)?,
                Source::Expanded(source) => source.fill(buffer),
                Source::Read => {}
            }
        }
        if let Some(hit) = buffer.front() {
            self.heap.push(Reverse((hit.place, index)));
        }
        Ok(())
    }

    /// The next occurrence.
    pub(super) fn next(&mut self) -> Result<Option<Hit>, StoreError> {
        while let Some(Reverse((_, index))) = self.heap.pop() {
            let hit = self.sources.get_mut(index).and_then(|(_, buffer)| buffer.pop_front());
            self.advance(index)?;
            if hit.is_some() {
                return Ok(hit);
            }
        }
        Ok(None)
    }

    /// Looks ahead to learn how dense this list is: how many milliseconds one occurrence takes on average, more being
    /// more selective. A list that ends within the look is the sparser the shorter it is. Nothing is taken from it.
    pub(super) fn probe(&mut self, look: usize) -> Result<u64, StoreError> {
        let mut ahead = VecDeque::new();
        while ahead.len() < look
            && let Some(hit) = self.next()?
        {
            ahead.push_back(hit);
        }
        let ended = ahead.len() < look;
        let count = ahead.len() as u64;
        let times = ahead.front().zip(ahead.back());
        let span = times.map_or(0, |(first, last)| last.place.start_ms.abs_diff(first.place.start_ms));
        self.sources.push((Source::Read, ahead));
        self.advance(self.sources.len() - 1)?;
        Ok(if ended { u64::MAX - count } else { span / count.max(1) })
    }
}
