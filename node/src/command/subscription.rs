//! Following calendars elsewhere: looked at again and again, each look applied as a difference.

use std::collections::BTreeSet;
use std::time::Duration;

use interhub_domain::calendar::follow::{self, Download, Gaps, Known, Step, Traits, uid_hash};
use interhub_domain::calendar::import::{Import, ImportedEvent, RefusedEvent};
use interhub_domain::event::Status;
use interhub_domain::ids::ThingId;

use super::event::edit;
use super::import::{ImportError, ImportOptions, Imported, Outcome};
use super::{Class, CommandError, Commands};
use crate::clock::random_bytes;
use crate::feed::fetch::{FetchError, Fetched, Validators, read_file};
use crate::feed::source::{Source, SourceError};
use crate::projection::HubRow;
use crate::store::catalogue::feed::{FeedId, FeedItemKey, FeedItemRow, FeedRow};
use crate::sync::WriteError;

/// Most calendars one hub follows.
pub const MAX_FEEDS: usize = 500;
/// A calendar is looked at this often if nobody says otherwise, seconds.
pub const EVERY_S: u32 = 900;
/// Least and most of that, seconds.
const EVERY_RANGE_S: std::ops::RangeInclusive<u32> = 60..=7 * 86_400;
/// Longest pause after failures.
const MAX_PAUSE: Duration = Duration::from_hours(24);
/// Longest error kept, in characters.
const MAX_ERROR: usize = 500;
/// What was over this long ago and is not in the calendar any more is not compared with it any more.
const FORGOTTEN_AFTER_MS: i64 = 400 * 86_400_000;
/// What a node's own feed names as the program that wrote it, and how far from the beginning.
const NODE: &[u8] = b"PRODID:-//Interhub//";
const NODE_WITHIN: usize = 512;
/// Events written between two waits for the disk.
const EVENTS_PER_SYNC: usize = 200;

/// A calendar that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// What it is called by.
    pub id: FeedId,
    /// What is known of it.
    pub row: FeedRow,
}

/// What came of one look at a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The calendar, as it is known now.
    pub subscription: Subscription,
    /// What changed here; `None` if the calendar is what it was.
    pub imported: Option<Imported>,
}

/// What was downloaded does not stand for what the calendar has.
struct NotBelieved(String);

impl Commands {
    /// Follows a calendar, and looks at it at once; one that cannot be read is not followed. Of one that is followed already
    /// only how often it is looked at changes.
    pub async fn subscribe(&self, source: String, every_s: Option<u32>) -> Result<Looked, CommandError> {
        if self.ledger.network().is_none() {
            return Err(WriteError::NoNetwork.into());
        }
        let source = source.trim().to_owned();
        let parsed = Source::parse(&source).map_err(|error| CommandError::usage(error.to_string()))?;
        if let Some(every_s) = every_s.filter(|every_s| !EVERY_RANGE_S.contains(every_s)) {
            return Err(CommandError::usage(format!(
                "a calendar is looked at every minute at most and every week at least, not every {every_s} seconds"
            )));
        }
        let known = self.subscriptions().await?;
        let same = |one: &&Subscription| Source::parse(&one.row.source) == Ok(parsed.clone());
        let (id, before) = match known.iter().find(same) {
            Some(Subscription { id, row }) => (*id, Some(row.clone())),
            None if known.len() >= MAX_FEEDS => {
                return Err(CommandError::refused(format!(
                    "this hub follows {MAX_FEEDS} calendars already; end one with `interhub event unsubscribe`"
                )));
            }
            None => (FeedId(random_bytes(&*self.clock)), None),
        };
        let is_new = before.is_none();
        let mut row = before.unwrap_or_else(|| FeedRow {
            source,
            name: String::new(),
            every_s: EVERY_S,
            added_ms: self.clock.now_ms(),
            last_ms: None,
            good_ms: None,
            next_ms: 0,
            etag: String::new(),
            last_modified: String::new(),
            failures: 0,
            error: String::new(),
            events: 0,
            gaps: Gaps::default(),
        });
        row.every_s = every_s.unwrap_or(row.every_s);
        let looked = self.look(id, row).await?;
        let row = &looked.subscription.row;
        if is_new && row.failures > 0 {
            self.blocking("event unsubscribe", move |this| Ok(this.ledger.drop_feed(id)?))
                .await?;
            return Err(CommandError::new(
                Class::Failed,
                format!("not subscribed: {}", row.error),
            ));
        }
        self.feeds_changed.notify_one();
        Ok(looked)
    }

    /// Downloads a calendar once.
    pub async fn download_calendar(&self, source: &str) -> Result<Vec<u8>, CommandError> {
        let source = match Source::parse(source) {
            Ok(source @ Source::Web { .. }) => source,
            Ok(Source::File(_)) => return Err(CommandError::usage(SourceError::Unknown.to_string())),
            Err(error) => return Err(CommandError::usage(error.to_string())),
        };
        match self.download(source, Validators::default()).await? {
            Ok(Fetched::New { bytes, .. }) => Ok(bytes),
            Ok(Fetched::Unchanged) => Ok(Vec::new()),
            Err(error) => {
                let class = match error {
                    FetchError::Unreachable { .. } | FetchError::Timeout { .. } => Class::Unreachable,
                    FetchError::Private => Class::Refused,
                    FetchError::Gone { .. } => Class::NotFound,
                    _ => Class::Failed,
                };
                Err(CommandError::new(class, error.to_string()))
            }
        }
    }

    async fn download(&self, source: Source, known: Validators) -> Result<Result<Fetched, FetchError>, CommandError> {
        match source {
            Source::Web { url, or_plain } => Ok(self.fetcher.fetch(&url, or_plain, &known).await),
            Source::File(path) => {
                self.blocking("calendar file", move |_| Ok(read_file(&path, &known)))
                    .await
            }
        }
    }

    /// All calendars that are followed, by how long.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, CommandError> {
        self.blocking("event subscriptions", |this| {
            let all = this.ledger.feeds()?.into_iter();
            let mut all: Vec<Subscription> = all.map(|(id, row)| Subscription { id, row }).collect();
            all.sort_by_key(|one| (one.row.added_ms, one.id));
            Ok(all)
        })
        .await
    }

    /// Ends following a calendar, named as it was subscribed to or by its id. Its events stay, as they are.
    pub async fn unsubscribe(&self, name: String) -> Result<Subscription, CommandError> {
        let name = name.trim().to_owned();
        let (id, source) = (name.parse::<FeedId>().ok(), Source::parse(&name).ok());
        let all = self.subscriptions().await?;
        let is_it = |one: &Subscription| {
            Some(one.id) == id
                || one.row.source == name
                || (source.is_some() && Source::parse(&one.row.source).ok() == source)
        };
        let found = all.into_iter().find(is_it).ok_or_else(|| {
            CommandError::not_found("this hub follows no such calendar; `interhub event subscriptions` lists them")
        })?;
        let id = found.id;
        // A look that is under way would write what is ended.
        let _alone = self.looking.lock().await;
        self.blocking("event unsubscribe", move |this| {
            this.ledger.drop_feed(id)?;
            Ok(this.ledger.make_durable()?)
        })
        .await?;
        Ok(found)
    }

    /// Looks at a calendar again if it is time; `None` if it is not, or it is not followed any more.
    pub async fn look_again(&self, id: FeedId) -> Result<Option<Looked>, CommandError> {
        let row = self.blocking("calendar", move |this| Ok(this.ledger.feed(id)?)).await?;
        match row.filter(|row| is_due(row, self.clock.now_ms())) {
            Some(row) => self.look(id, row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Looks at a calendar now, applies what it says, and notes how that went. Fails only if this node cannot go on.
    async fn look(&self, id: FeedId, mut row: FeedRow) -> Result<Looked, CommandError> {
        let known = Validators {
            etag: row.etag.clone(),
            last_modified: row.last_modified.clone(),
        };
        let fetched = match Source::parse(&row.source) {
            Ok(source) => self.download(source, known).await?.map_err(|error| {
                let pause = match &error {
                    FetchError::Busy { pause, .. } => *pause,
                    _ => None,
                };
                (error.to_string(), pause)
            }),
            Err(error) => Err((error.to_string(), None)),
        };
        // One at a time: each takes a whole calendar into memory, and two looks at one calendar would add an event twice.
        let _alone = self.looking.lock().await;
        self.blocking("calendar", move |this| {
            let now_ms = this.clock.now_ms();
            row.last_ms = Some(now_ms);
            let mut imported = None;
            let mut pause = None;
            let came = match fetched {
                Ok(Fetched::Unchanged) => Ok(()),
                Ok(Fetched::New { bytes, validators }) => match this.apply(id, &mut row, &bytes) {
                    // The node goes on, and so does the next look: a hub that left the network, for instance.
                    Err(error) if error.class != Class::Failed => Err(error.message),
                    Err(error) => return Err(error),
                    Ok(Ok((done, believed))) => {
                        // What is not believed yet has to be downloaded again.
                        let known = if believed { validators } else { Validators::default() };
                        (row.etag, row.last_modified) = (known.etag, known.last_modified);
                        imported = Some(done);
                        Ok(())
                    }
                    Ok(Err(NotBelieved(reason))) => Err(reason),
                },
                Err((reason, asked)) => {
                    pause = asked;
                    Err(reason)
                }
            };
            match came {
                Ok(()) => {
                    row.failures = 0;
                    row.good_ms = Some(now_ms);
                    if imported.is_none() {
                        row.error.clear();
                    }
                }
                Err(reason) => {
                    row.failures = row.failures.saturating_add(1);
                    row.error = reason.chars().take(MAX_ERROR).collect();
                }
            }
            let until = pause_of(&row, pause, random_bytes::<1>(&*this.clock)[0]);
            row.next_ms = now_ms.saturating_add(i64::try_from(until.as_millis()).unwrap_or(i64::MAX));
            this.ledger.put_feed(id, &row)?;
            this.ledger.make_durable()?;
            Ok(Looked {
                subscription: Subscription { id, row },
                imported,
            })
        })
        .await
    }

    /// Applies a download. Says what changed and whether all of it is believed; or why none of it is.
    fn apply(
        &self,
        id: FeedId,
        row: &mut FeedRow,
        bytes: &[u8],
    ) -> Result<Result<(Imported, bool), NotBelieved>, CommandError> {
        let mut read = match self.read_calendar(bytes) {
            Ok(read) => read,
            Err(error) => return Ok(Err(NotBelieved(format!("what was downloaded is no calendar: {error}")))),
        };
        if is_of_a_node(bytes) {
            self.leave_to_their_hubs(&mut read)?;
        }
        let items = self.ledger.feed_items(id)?;
        if items.is_empty() {
            self.warn_of_others(&mut read)?;
        }
        if read.events.is_empty() && read.refused.is_empty() && !items.is_empty() {
            let line = "the calendar is empty now; nothing is cancelled for that, what it had stays as it is";
            return Ok(Err(NotBelieved(line.to_owned())));
        }
        row.events = u32::try_from(read.events.len()).unwrap_or(u32::MAX);
        row.name = read.source_name.clone().unwrap_or_default();
        let complete = read.complete;
        let (done, awaited, held_back) = self.follow(id, &items, read, &mut row.gaps)?;
        row.error = match (complete, held_back) {
            (true, 0) => String::new(),
            (false, _) => "the calendar was cut short: nothing is cancelled for what is missing from it".to_owned(),
            (true, gone) => format!(
                "{gone} coming events, most of the calendar, are gone at once; if the next look finds that too, they are cancelled"
            ),
        };
        Ok(Ok((done, complete && awaited == 0)))
    }

    /// A node's feed has the events of other hubs of this network, which are here as theirs: as this hub's own they would be
    /// there twice.
    fn leave_to_their_hubs(&self, read: &mut Import) -> Result<(), CommandError> {
        let own = self.ledger.own_id();
        let hubs: Vec<HubRow> = self.views.hubs()?.into_iter().filter(|hub| hub.id != own).collect();
        let mut left = Vec::new();
        for imported in std::mem::take(&mut read.events) {
            let mut theirs = None;
            for hub in &hubs {
                if !self.views.things_by_uid(hub.id, &imported.event.uid)?.is_empty() {
                    theirs = Some(hub);
                    break;
                }
            }
            match theirs {
                None => left.push(imported),
                Some(hub) => read.refused.push(RefusedEvent {
                    uid: Some(imported.event.uid),
                    line: imported.line,
                    reason: format!("it is an event of {}, and is shown here as theirs", hub.slug),
                }),
            }
        }
        read.events = left;
        Ok(())
    }

    /// Applies the difference between a download and what is known of the calendar. Returns how many events are missing and not
    /// cancelled for that yet, and how many of these because they are too many at once.
    fn follow(
        &self,
        id: FeedId,
        items: &[(FeedItemKey, FeedItemRow)],
        read: Import,
        gaps: &mut Gaps,
    ) -> Result<(Imported, usize, usize), CommandError> {
        let known: Vec<Known> = items.iter().map(|(key, row)| known_of(*key, *row)).collect();
        let traits: Vec<Traits> = read.events.iter().map(Traits::of).collect();
        let unread: BTreeSet<[u8; 16]> = read
            .refused
            .iter()
            .filter_map(|one| one.uid.as_deref())
            .map(uid_hash)
            .collect();
        let download = Download {
            read: &traits,
            unread: &unread,
            complete: read.complete,
            gaps: *gaps,
        };
        let now_ms = self.clock.now_ms();
        let plan = follow::plan(&known, download, now_ms);
        let things = Things {
            of_this: items.iter().map(|(_, row)| row.thing).collect(),
            of_others: self.ledger.things_of_other_feeds(id)?,
        };
        let mut out = Imported {
            events: (read.events.len() + read.refused.len()) as u64,
            warnings: read.warnings,
            cut_short: !read.complete,
            ..Imported::default()
        };
        for refused in read.refused {
            out.refuse(refused.uid.unwrap_or_default(), refused.line, refused.reason);
        }
        let mut notes = Notes::default();
        for ((imported, traits), step) in read.events.into_iter().zip(&traits).zip(&plan.steps) {
            let about = (imported.event.uid.clone(), imported.line);
            let key = FeedItemKey {
                feed: id,
                uid: traits.uid,
            };
            let item = match *step {
                Step::New => None,
                Step::Same(index) | Step::Differs(index) => {
                    gaps.add(&known[index], now_ms);
                    Some(items[index])
                }
            };
            let outcome = match (*step, item) {
                (Step::Same(_), Some((_, row))) => {
                    if row.missing_since_ms.is_some() {
                        notes.put(key, traits, row.thing);
                    }
                    Ok(Outcome::Unchanged)
                }
                (_, Some((old, row))) => {
                    let done = match self.views.event(row.thing)? {
                        Some(shown) => self.import_again(&shown, imported, row.gone, false),
                        None => Err(ImportError::Erased(None)),
                    };
                    if old != key {
                        notes.dropped.push(old);
                    }
                    notes.put(key, traits, row.thing);
                    done
                }
                (_, None) => self.take_new(imported, &things).map(|(thing, outcome)| {
                    notes.put(key, traits, thing);
                    outcome
                }),
            };
            out.count(about, outcome)?;
            if notes.len() >= EVENTS_PER_SYNC {
                self.write_notes(&mut notes)?;
            }
        }
        let awaited = plan.awaited.len();
        for index in plan.awaited {
            let (key, mut row) = items[index];
            row.missing_since_ms.get_or_insert(now_ms);
            notes.put.push((key, row));
        }
        for index in plan.gone {
            let (key, mut row) = items[index];
            out.cancelled += u64::from(self.cancel_gone(row.thing)?);
            row.missing_since_ms.get_or_insert(now_ms);
            row.gone = true;
            notes.put.push((key, row));
            if notes.len() >= EVENTS_PER_SYNC {
                self.write_notes(&mut notes)?;
            }
        }
        for (key, mut row) in plan.absent.into_iter().map(|index| items[index]) {
            if row.end_ms < now_ms - FORGOTTEN_AFTER_MS {
                notes.dropped.push(key);
            } else if row.missing_since_ms.is_some() && !row.gone {
                // It began meanwhile, or the calendar ends before it now.
                row.missing_since_ms = None;
                notes.put.push((key, row));
            }
        }
        self.write_notes(&mut notes)?;
        Ok((out, awaited, plan.held_back))
    }

    /// An event the calendar did not have before. One that is here under its UID already is taken over, unless another
    /// calendar brought it, or it is another event of this one: calendars give UIDs anew.
    fn take_new(&self, mut imported: ImportedEvent, things: &Things) -> Result<(ThingId, Outcome), ImportError> {
        if let Some(row) = self.own_event_with_uid(&imported.event.uid)? {
            if things.of_others.contains(&row.thing) {
                return Err(ImportError::Refused(
                    "another calendar that this hub follows has this event too, and brings it".to_owned(),
                ));
            }
            if !things.of_this.contains(&row.thing) {
                let outcome = self.import_again(&row, imported, false, false)?;
                return Ok((row.thing, outcome));
            }
            let number = data_encoding::HEXLOWER.encode(&random_bytes::<8>(&*self.clock));
            imported.event.uid = format!("{number}@interhub");
        }
        let added = self.import_new(imported, ImportOptions::default())?;
        let thing = added.ok_or_else(|| ImportError::Refused("it was not added".to_owned()))?;
        Ok((thing, Outcome::Added))
    }

    /// Cancels an own event that its calendar does not have any more; whether there was something to cancel.
    fn cancel_gone(&self, thing: ThingId) -> Result<bool, CommandError> {
        let Some(row) = self.views.event(thing)?.filter(|row| row.hub == self.ledger.own_id()) else {
            return Ok(false);
        };
        if row.event.status == Status::Cancelled {
            return Ok(false);
        }
        let mut event = follow::cancelled(&row.event, self.clock.now_ms());
        if event == row.event {
            return Ok(false);
        }
        self.touch(&mut event, &row.event);
        match self.write_one(edit(&row, event)) {
            Ok(()) => Ok(true),
            Err(ImportError::Failed(error)) => Err(error),
            Err(ImportError::Refused(_) | ImportError::Erased(_)) => Ok(false),
        }
    }

    /// First the events, then what is noted of them: a crash in between costs a look, and doubles nothing.
    fn write_notes(&self, notes: &mut Notes) -> Result<(), CommandError> {
        self.ledger.make_durable()?;
        self.ledger.put_feed_items(&notes.dropped, &notes.put)?;
        notes.dropped.clear();
        notes.put.clear();
        Ok(())
    }
}

/// Whether a node of Interhub wrote this calendar: it says so at its beginning.
fn is_of_a_node(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(NODE_WITHIN)];
    head.windows(NODE.len()).any(|window| window == NODE)
}

/// Events that calendars brought.
struct Things {
    of_this: BTreeSet<ThingId>,
    of_others: BTreeSet<ThingId>,
}

/// What is to be noted of a calendar's events.
#[derive(Default)]
struct Notes {
    dropped: Vec<FeedItemKey>,
    put: Vec<(FeedItemKey, FeedItemRow)>,
}

impl Notes {
    fn len(&self) -> usize {
        self.dropped.len() + self.put.len()
    }

    fn put(&mut self, key: FeedItemKey, traits: &Traits, thing: ThingId) {
        let row = FeedItemRow {
            thing,
            likeness: traits.likeness,
            fingerprint: traits.fingerprint,
            start_ms: traits.start_ms,
            end_ms: traits.end_ms,
            is_series: traits.is_series,
            gone: false,
            missing_since_ms: None,
        };
        self.put.push((key, row));
    }
}

const fn known_of(key: FeedItemKey, row: FeedItemRow) -> Known {
    Known {
        traits: Traits {
            uid: key.uid,
            likeness: row.likeness,
            fingerprint: row.fingerprint,
            start_ms: row.start_ms,
            end_ms: row.end_ms,
            is_series: row.is_series,
        },
        gone: row.gone,
        missing_since_ms: row.missing_since_ms,
    }
}

/// Whether it is time to look at a calendar. A time further away than any pause is of a clock that was wrong.
pub fn is_due(row: &FeedRow, now_ms: i64) -> bool {
    let longest = MAX_PAUSE.max(Duration::from_secs(u64::from(row.every_s))) * 2;
    let longest_ms = i64::try_from(longest.as_millis()).unwrap_or(i64::MAX);
    row.next_ms <= now_ms || row.next_ms > now_ms.saturating_add(longest_ms)
}

/// Until the next look: twice as long after each failure in a row, at least what the server asks for, at most a day unless
/// the calendar is looked at less often; give or take a tenth, so that many nodes do not ask one server at one moment.
fn pause_of(row: &FeedRow, asked: Option<Duration>, random: u8) -> Duration {
    let every = Duration::from_secs(u64::from(row.every_s));
    let doubled = every.saturating_mul(1 << row.failures.min(16));
    let pause = if row.failures == 0 {
        every
    } else {
        doubled.min(MAX_PAUSE).max(every)
    };
    pause
        .max(asked.unwrap_or_default())
        .mul_f64(0.9 + f64::from(random) / 1_275.0)
}

#[cfg(test)]
mod tests;
