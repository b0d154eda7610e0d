//! What a calendar that is read again and again says now, against what it said before.
//!
//! [`plan`] pairs the events of a download with those known from earlier ones and says which are gone. It is pure, and the
//! order of events in a download does not matter. What was measured on 8 real calendars over 178 downloads, and what follows:
//!
//! - **UIDs change.** Outlook gives new ones with an update, some exporters with every download (one made 858 new UIDs of
//!   the same events in 48 versions). What has no UID in common is paired by title, start and place.
//! - **What has begun stays.** Many calendars list only what is still to begin.
//! - **Calendars have a horizon**: "the next 20 events". What began after everything that the calendar has now fell off its
//!   end, and is not cancelled; most of it comes back.
//! - **Calendars flicker.** One, collected from a web page, left out 102 events for hours or days that then came back, and 29
//!   that did not. A calendar in which [`FLICKERS`] events came back is given as long as the longest of them was away.
//! - **Downloads fail.** One without events, or cut short, cancels nothing. One cut short changes no series either: the
//!   exceptions that are missing from it may be in the rest. If more than half of what was to come is gone at once, it is
//!   cancelled only when the next download says so too.
//! - **What comes back** is no longer cancelled, and is the same event as before.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::{Event, LocalTime, Override, Status};
use crate::ids::hash16;

use super::expand::{self, Window};
use super::import::{ImportedEvent, MAX_OVERRIDES};
use super::zone;

/// So many events have to come back before a calendar is given time.
pub const FLICKERS: u32 = 3;

/// The longest time a calendar is given, milliseconds: three days.
pub const MAX_PATIENCE_MS: i64 = 3 * 86_400_000;

/// So many coming events and more are too many to be gone at once, if they are more than half of all.
pub const MASS: usize = 5;

/// What is compared of an event, from one download to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traits {
    /// Of the calendar's UID of it, [`uid_hash`]: a UID may be a person's text, and is to be kept nowhere else.
    pub uid: [u8; 16],
    /// Equal for events that read the same in title, start and place.
    pub likeness: [u8; 16],
    /// As [`ImportedEvent::fingerprint`].
    pub fingerprint: [u8; 32],
    /// Its first start, Unix milliseconds.
    pub start_ms: i64,
    /// Its last end, Unix milliseconds; the largest number for a series without end.
    pub end_ms: i64,
    /// Whether it has more than one occurrence.
    pub is_series: bool,
}

impl Traits {
    /// Those of an event just read.
    pub fn of(imported: &ImportedEvent) -> Self {
        let event = &imported.event;
        let start_ms = zone::instant_ms(event.schedule.start, &zone::resolve(&event.schedule.zone));
        Self {
            uid: uid_hash(&event.uid),
            likeness: likeness(event, start_ms),
            fingerprint: imported.fingerprint,
            start_ms,
            end_ms: expand::last_end_ms(&event.schedule).unwrap_or(i64::MAX),
            is_series: event.schedule.is_series(),
        }
    }
}

/// What stands for a calendar's UID.
pub fn uid_hash(uid: &str) -> [u8; 16] {
    hash16("interhub/v1/feed-uid", &[uid.as_bytes()])
}

fn likeness(event: &Event, start_ms: i64) -> [u8; 16] {
    let place = event.location.as_ref().map_or("", |location| &location.name);
    let form = [u8::from(event.schedule.all_day())];
    let texts = [folded(&event.title), folded(place)];
    let parts: [&[u8]; 4] = [texts[0].as_bytes(), &start_ms.to_be_bytes(), &form, texts[1].as_bytes()];
    hash16("interhub/v1/feed-likeness", &parts)
}

/// Lower case, letters and digits only, one space between words: what is left when a text is only written differently.
fn folded(text: &str) -> String {
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// An event of earlier downloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// As it was when it was last in a download.
    pub traits: Traits,
    /// It was cancelled because it was gone.
    pub gone: bool,
    /// Since when downloads did not have it although they should, Unix milliseconds.
    pub missing_since_ms: Option<i64>,
}

/// How long this calendar's events have been away and come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// How many.
    pub count: u32,
    /// The longest, milliseconds.
    pub longest_ms: i64,
}

impl Gaps {
    /// One that is there again.
    pub fn add(&mut self, known: &Known, now_ms: i64) {
        if let Some(since_ms) = known.missing_since_ms {
            self.count = self.count.saturating_add(1);
            self.longest_ms = self.longest_ms.max(now_ms.saturating_sub(since_ms));
        }
    }

    /// So long an event has to be missing before it is cancelled, milliseconds.
    pub fn patience_ms(self) -> i64 {
        if self.count >= FLICKERS {
            self.longest_ms.min(MAX_PATIENCE_MS)
        } else {
            0
        }
    }
}

/// What becomes of an event of the download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It was never there.
    New,
    /// It is this known one and says what it said, under another UID perhaps; or what it says cannot be believed yet.
    Same(usize),
    /// It is this known one, and says something else, or is back.
    Differs(usize),
}

/// What becomes of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// For each event of the download, in its order.
    pub steps: Vec<Step>,
    /// Known ones that are gone, and to be cancelled.
    pub gone: Vec<usize>,
    /// Known ones that should be there and are not, and are not cancelled yet.
    pub awaited: Vec<usize>,
    /// Known ones that are not there, and need not be: over, begun, beyond the calendar's end, gone before.
    pub absent: Vec<usize>,
    /// So many would be cancelled if this download were believed at once.
    pub held_back: usize,
}

/// What a calendar said when it was last read.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// Its events.
    pub read: &'a [Traits],
    /// UIDs of events that could not be read: these are not gone.
    pub unread: &'a BTreeSet<[u8; 16]>,
    /// Whether it ends as a calendar ends.
    pub complete: bool,
    /// What its events did before.
    pub gaps: Gaps,
}

/// What a download says against what is known.
pub fn plan(known: &[Known], download: Download<'_>, now_ms: i64) -> Plan {
    let Download {
        read,
        unread,
        complete,
        gaps,
    } = download;
    let pairs = pair(known, read);
    let steps: Vec<Step> = pairs
        .iter()
        .zip(read)
        .map(|(pair, traits)| match *pair {
            None => Step::New,
            Some(index) if known[index].gone => Step::Differs(index),
            Some(index) if known[index].traits.fingerprint == traits.fingerprint => Step::Same(index),
            // Without the exceptions that were cut off, dates that were cancelled or moved would be shown again.
            Some(index) if !complete && (known[index].traits.is_series || traits.is_series) => Step::Same(index),
            Some(index) => Step::Differs(index),
        })
        .collect();
    let there: BTreeSet<usize> = pairs.into_iter().flatten().collect();
    let is_missing = |index: &usize| !there.contains(index) && !unread.contains(&known[*index].traits.uid);
    let missing: Vec<usize> = (0..known.len()).filter(is_missing).collect();
    let mut plan = Plan {
        steps,
        ..Plan::default()
    };
    // What says nothing about the rest says nothing about what is missing either.
    let Some(horizon_ms) = read.iter().map(|traits| traits.start_ms).max().filter(|_| complete) else {
        return plan;
    };
    let coming = |known: &Known| !known.gone && is_to_come(&known.traits, now_ms);
    let all = known.iter().filter(|known| coming(known)).count();
    let (should, absent): (Vec<usize>, Vec<usize>) = missing
        .into_iter()
        .partition(|index| coming(&known[*index]) && known[*index].traits.start_ms <= horizon_ms);
    let is_mass = should.len() >= MASS && should.len() * 2 > all;
    let patience_ms = gaps.patience_ms();
    let is_over_due = |index: &usize| {
        let since_ms = known[*index].missing_since_ms;
        let waited = now_ms.saturating_sub(since_ms.unwrap_or(now_ms)) >= patience_ms;
        waited && (since_ms.is_some() || !is_mass)
    };
    (plan.gone, plan.awaited) = should.into_iter().partition(is_over_due);
    plan.absent = absent;
    let first = |index: &&usize| known[**index].missing_since_ms.is_none();
    plan.held_back = if is_mass {
        plan.awaited.iter().filter(first).count()
    } else {
        0
    };
    plan
}

/// A single event that has not begun, or a series that goes on.
const fn is_to_come(traits: &Traits, now_ms: i64) -> bool {
    traits.start_ms > now_ms || (traits.is_series && traits.end_ms > now_ms)
}

/// For each event of the download the known one that it is, each at most once: by UID, then by likeness; of several alike
/// those that are not gone first.
fn pair(known: &[Known], read: &[Traits]) -> Vec<Option<usize>> {
    let by_uid: BTreeMap<[u8; 16], usize> = known.iter().enumerate().map(|(at, one)| (one.traits.uid, at)).collect();
    let mut pairs: Vec<Option<usize>> = read.iter().map(|one| by_uid.get(&one.uid).copied()).collect();
    let taken: BTreeSet<usize> = pairs.iter().flatten().copied().collect();
    let mut alike: BTreeMap<[u8; 16], Vec<usize>> = BTreeMap::new();
    for (at, one) in known.iter().enumerate().filter(|(at, _)| !taken.contains(at)) {
        alike.entry(one.traits.likeness).or_default().push(at);
    }
    for all in alike.values_mut() {
        // Taken from the end.
        all.sort_by_key(|at| (!known[*at].gone, Reverse(known[*at].traits.uid)));
    }
    let mut left: Vec<usize> = (0..read.len()).filter(|at| pairs[*at].is_none()).collect();
    left.sort_by_key(|at| read[*at].uid);
    for at in left {
        pairs[at] = alike.get_mut(&read[at].likeness).and_then(Vec::pop);
    }
    pairs
}

/// The event as it is shown once its calendar does not have it any more: what is over stays, the rest is cancelled.
pub fn cancelled(event: &Event, now_ms: i64) -> Event {
    let mut event = event.clone();
    let window = Window {
        from_ms: now_ms,
        to_ms: i64::MAX,
    };
    let starts_ms = zone::instant_ms(event.schedule.start, &zone::resolve(&event.schedule.zone));
    if !event.schedule.is_series() || starts_ms > now_ms {
        event.cancel();
        return event;
    }
    let coming = expand::occurrences(&event.schedule, event.status, window, MAX_OVERRIDES).occurrences;
    let coming = coming.into_iter().filter(|occurrence| occurrence.start_ms > now_ms);
    for from in coming.filter_map(|occurrence| occurrence.recurrence_id) {
        // One that is different by itself stays as it is, cancelled; the first that is not takes all others along.
        if cancel_from(&mut event.schedule.overrides, from) {
            break;
        }
    }
    event
}

/// Cancels one occurrence, and all later ones unless there is something else about this one.
fn cancel_from(overrides: &mut Vec<Override>, from: LocalTime) -> bool {
    if let Some(known) = overrides.iter_mut().find(|one| one.recurrence_id == from) {
        known.status = Some(Status::Cancelled);
        return known.this_and_future;
    }
    for later in overrides.iter_mut().filter(|one| one.recurrence_id > from) {
        later.status = Some(Status::Cancelled);
    }
    let at = overrides.partition_point(|one| one.recurrence_id < from);
    let cancelled = Override {
        recurrence_id: from,
        this_and_future: true,
        status: Some(Status::Cancelled),
        time: None,
        title: None,
        description: None,
        location: None,
        url: None,
    };
    overrides.insert(at, cancelled);
    true
}

#[cfg(test)]
mod tests;
