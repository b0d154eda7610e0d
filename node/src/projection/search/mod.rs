//! Text search over events. The index is a disposable cache: it stores ids only, follows the database by a list of
//! things to do that is written in the commit's own batch, and rebuilds itself whenever it does not fit the database.
//!
//! An event matches if every word of the question is in its title, summary, description, place, tags, translations or in
//! what single occurrences change of these: as it is written, in another form of the word (in its language), with one slip
//! in words of five letters and more and two from nine on, or as the beginning of a word for the last one, which may
//! still be being typed. Case, accents and umlauts do not matter. Lists are ordered by time, so nothing is ranked.

pub mod memory;
pub mod tantivy;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::HEXLOWER;
use interhub_domain::ids::ThingId;

pub use self::words::{Text, TextQuery, Word, folded};
use super::rows::decode_events;
use super::write::{last_change, number, times_dropped};
use crate::store::catalogue::meta::{MetaKey, MetaValue, SearchTodoKey};
use crate::store::catalogue::{Key, delete, put, scan_prefix};
use crate::store::{Batch, Direction, Family, Store, StoreError};

/// Things renewed in one step; a step of new events takes a tenth of a second.
const THINGS_PER_STEP: usize = 2_000;
/// Answers that are remembered, for the pages of one question.
const ANSWERS_KEPT: usize = 16;
/// Most ids that one remembered answer holds; larger ones are asked again.
const ANSWER_IDS_KEPT: usize = 50_000;

/// Why text search failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index failed: a full disk, a damaged file. Deleting the folder `search/` makes it be rebuilt at the next start.
    #[error("text search failed while {doing}: {reason}; delete the folder search/ and start again if this stays")]
    Index {
        /// What was being done.
        doing: &'static str,
        /// The engine's own words.
        reason: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Up to where an index has followed which database. Kept inside the index, in its last commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The database: random bytes drawn when it was made.
    pub database: [u8; 16],
    /// How often its projections had been dropped.
    pub dropped: u64,
    /// The last change taken in.
    pub change: u64,
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "1:{}:{}:{}:{}",
            words::ANALYSIS,
            HEXLOWER.encode(&self.database),
            self.dropped,
            self.change
        )
    }
}

/// A payload that no version of this index writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mark of this index")]
pub struct ParseMarkError;

impl FromStr for Mark {
    type Err = ParseMarkError;

    fn from_str(text: &str) -> Result<Self, ParseMarkError> {
        let mut parts = text.split(':');
        let mut next = || parts.next().ok_or(ParseMarkError);
        let (version, analysis, database) = (next()?, next()?, next()?);
        let (dropped, change) = (next()?, next()?);
        if version != "1" || analysis != words::ANALYSIS.to_string() {
            return Err(ParseMarkError);
        }
        let database = HEXLOWER
            .decode(database.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            database: database.ok_or(ParseMarkError)?,
            dropped: dropped.parse().map_err(|_| ParseMarkError)?,
            change: change.parse().map_err(|_| ParseMarkError)?,
        })
    }
}

/// An index of words. Laws: what [`TextIndex::apply`] was given is found by the next [`TextIndex::find`], and after a crash
/// of the process either all of one `apply` is there with its mark, or nothing of it; a removed text is nowhere in the
/// index's files when `apply` returns.
pub trait TextIndex: Send + Sync + 'static {
    /// The mark of the last `apply`; `None` if there was none, or the index is damaged.
    fn mark(&self) -> Option<Mark>;

    /// Replaces the texts of some things, or removes them; then remembers the mark.
    fn apply(&self, changes: &BTreeMap<ThingId, Option<Text>>, mark: Option<Mark>) -> Result<(), SearchError>;

    /// Forgets everything, the mark included.
    fn clear(&self) -> Result<(), SearchError>;

    /// All things that match, sorted.
    fn find(&self, query: &TextQuery) -> Result<Vec<ThingId>, SearchError>;
}

/// What one step of [`Search::follow`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Followed {
    /// Things whose entry was renewed.
    pub things: usize,
    /// There is more to do at once.
    pub more: bool,
    /// The index is being rebuilt, and finds only part of what there is.
    pub rebuilding: bool,
}

/// The text index together with the database it follows.
pub struct Search {
    store: Store,
    index: Box<dyn TextIndex>,
    database: [u8; 16],
    state: Mutex<State>,
    /// Grows with every step, so that remembered answers are known to be old.
    version: AtomicU64,
    answers: Mutex<Vec<Answer>>,
}

struct Answer {
    text: String,
    version: u64,
    things: Arc<Vec<ThingId>>,
}

/// What the next step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Takes from the list.
    Following,
    /// Reads all rows, going on after this thing, and remembers the mark that was current at the beginning.
    Rebuilding { after: Option<ThingId>, mark: Mark },
}

impl Search {
    /// Opens search over a database. `database` are the random bytes drawn when it was made
    /// ([`MetaKey::DatabaseId`]): an index of another database is not believed. Nothing long is done here; whatever has
    /// to be done, [`Search::follow`] does.
    pub fn open(store: Store, index: Box<dyn TextIndex>, database: [u8; 16]) -> Result<Self, SearchError> {
        let mark = index.mark();
        let search = Self {
            store,
            index,
            database,
            state: Mutex::new(State::Following),
            version: AtomicU64::new(0),
            answers: Mutex::default(),
        };
        if !search.fits(mark)? {
            search.rebuild()?;
        }
        Ok(search)
    }

    /// Whether the list of things to do leads from this mark to the present.
    fn fits(&self, mark: Option<Mark>) -> Result<bool, SearchError> {
        let Some(mark) = mark else {
            return Ok(false);
        };
        let same = mark.database == self.database && mark.dropped == times_dropped(&self.store)?;
        // Behind what was removed from the list, or ahead of the database: one of the two was restored, or lost power.
        let behind = mark.change < self.done()?;
        let ahead = mark.change > last_change(&self.store)?;
        Ok(same && !behind && !ahead)
    }

    /// Forgets the index and begins it anew; [`Search::follow`] does the work, in steps.
    pub fn rebuild(&self) -> Result<(), SearchError> {
        let mut state = self.lock_state();
        self.begin_rebuild(&mut state)
    }

    fn begin_rebuild(&self, state: &mut State) -> Result<(), SearchError> {
        let change = last_change(&self.store)?;
        let mark = self.mark(times_dropped(&self.store)?, change);
        self.index.clear()?;
        // What the rebuild reads is at least as new as what the list says up to here. Should it not come to its end, the
        // index has no mark, and the next start begins again.
        let mut batch = Batch::new();
        let next = SearchTodoKey(change.saturating_add(1));
        batch.delete_range(Family::SearchTodo, [], next.encode());
        put(&mut batch, &MetaKey::SearchDone, &MetaValue::of_number(change));
        self.store.write(&batch)?;
        self.version.fetch_add(1, Ordering::Relaxed);
        *state = State::Rebuilding { after: None, mark };
        Ok(())
    }

    /// One bounded step of bringing the index up to date. The owner's task calls it after commits, and at once again
    /// while there is more.
    pub fn follow(&self) -> Result<Followed, SearchError> {
        let mut state = self.lock_state();
        let followed = match *state {
            State::Rebuilding { after, mark } => {
                if mark.dropped == times_dropped(&self.store)? {
                    self.rebuild_step(&mut state, after, mark)?
                } else {
                    self.begin_rebuild(&mut state)?;
                    Followed {
                        things: 0,
                        more: true,
                        rebuilding: true,
                    }
                }
            }
            State::Following => self.follow_step(&mut state)?,
        };
        if followed.things > 0 {
            self.version.fetch_add(1, Ordering::Relaxed);
        }
        Ok(followed)
    }

    /// Follows until nothing is left to do.
    pub fn follow_all(&self) -> Result<(), SearchError> {
        while self.follow()?.more {}
        Ok(())
    }

    /// Whether everything committed is in the index.
    pub fn is_current(&self) -> Result<bool, SearchError> {
        if *self.lock_state() != State::Following {
            return Ok(false);
        }
        Ok(self.todo(1)?.is_empty())
    }

    /// The things whose texts match, sorted; `None` if the text holds no word, and so does not restrict.
    pub fn find(&self, text: &str) -> Result<Option<Arc<Vec<ThingId>>>, SearchError> {
        let query = TextQuery::new(text);
        if query.words().is_empty() {
            return Ok(None);
        }
        let version = self.version.load(Ordering::Relaxed);
        let known = |answer: &&Answer| answer.version == version && answer.text == text;
        if let Some(answer) = self.lock_answers().iter().find(known) {
            return Ok(Some(Arc::clone(&answer.things)));
        }
        let things = Arc::new(self.index.find(&query)?);
        if things.len() <= ANSWER_IDS_KEPT {
            let mut answers = self.lock_answers();
            answers.retain(|answer| answer.version == version);
            if answers.len() >= ANSWERS_KEPT {
                answers.remove(0);
            }
            answers.push(Answer {
                text: text.to_owned(),
                version,
                things: Arc::clone(&things),
            });
        }
        Ok(Some(things))
    }

    fn rebuild_step(&self, state: &mut State, after: Option<ThingId>, mark: Mark) -> Result<Followed, SearchError> {
        let from = after.map_or(Vec::new(), |thing| [thing.as_bytes().as_slice(), &[0]].concat());
        let mut changes = BTreeMap::new();
        let mut bad = None;
        self.store
            .scan(Family::EventRow, &from, &[], Direction::Forward, &mut |key, value| {
                match (ThingId::from_slice(key), decode_events(value)) {
                    (Some(thing), Ok(rows)) => {
                        changes.insert(thing, rows.first().map(|row| Text::of(&row.event)));
                    }
                    (_, Err(error)) => bad = Some(error),
                    (None, _) => bad = Some(StoreError::Damaged { what: "event key" }),
                }
                let enough = bad.is_some() || changes.len() >= THINGS_PER_STEP;
                if enough {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
        if let Some(error) = bad {
            return Err(error.into());
        }
        let more = changes.len() >= THINGS_PER_STEP;
        // Without a mark the index does not count: a crash before the end begins again.
        self.index.apply(&changes, (!more).then_some(mark))?;
        *state = match changes.keys().next_back() {
            Some(last) if more => State::Rebuilding {
                after: Some(*last),
                mark,
            },
            _ => State::Following,
        };
        // What changed meanwhile is on the list.
        let more = more || !self.todo(1)?.is_empty();
        Ok(Followed {
            things: changes.len(),
            more,
            rebuilding: *state != State::Following,
        })
    }

    fn follow_step(&self, state: &mut State) -> Result<Followed, SearchError> {
        let dropped = times_dropped(&self.store)?;
        if self.index.mark().is_none_or(|mark| mark.dropped != dropped) {
            self.begin_rebuild(state)?;
            return Ok(Followed {
                things: 0,
                more: true,
                rebuilding: true,
            });
        }
        let todo = self.todo(THINGS_PER_STEP)?;
        let Some(last) = todo.iter().map(|(counter, _)| *counter).max() else {
            return Ok(Followed::default());
        };
        let things: BTreeSet<ThingId> = todo.iter().map(|(_, thing)| *thing).collect();
        let mut changes = BTreeMap::new();
        for thing in things {
            let value = self.store.get(Family::EventRow, thing.as_bytes())?;
            let rows = value
                .map(|value| decode_events(&value))
                .transpose()?
                .unwrap_or_default();
            changes.insert(thing, rows.first().map(|row| Text::of(&row.event)));
        }
        let done = last.max(self.done()?);
        self.index.apply(&changes, Some(self.mark(dropped, done)))?;
        let mut batch = Batch::new();
        for (counter, _) in &todo {
            delete(&mut batch, &SearchTodoKey(*counter));
        }
        put(&mut batch, &MetaKey::SearchDone, &MetaValue::of_number(done));
        self.store.write(&batch)?;
        let more = todo.len() >= THINGS_PER_STEP;
        Ok(Followed {
            things: changes.len(),
            more,
            rebuilding: false,
        })
    }

    /// The next things on the list.
    fn todo(&self, most: usize) -> Result<Vec<(u64, ThingId)>, SearchError> {
        let mut todo = Vec::new();
        let visit = |SearchTodoKey(counter), thing| {
            todo.push((counter, thing));
            if todo.len() < most {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        scan_prefix(&*self.store, Family::SearchTodo, &[], Direction::Forward, visit)?;
        Ok(todo)
    }

    fn done(&self) -> Result<u64, SearchError> {
        Ok(number(&self.store, MetaKey::SearchDone)?.unwrap_or(0))
    }

    fn mark(&self, dropped: u64, change: u64) -> Mark {
        Mark {
            database: self.database,
            dropped,
            change,
        }
    }

    fn lock_state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_answers(&self) -> std::sync::MutexGuard<'_, Vec<Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
