//! A text index in memory, for simulation and tests: no threads, no files, the same answers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use interhub_domain::ids::ThingId;

use super::words::within_slips;
use super::{Mark, SearchError, Text, TextIndex, TextQuery, Word};

/// Looks through all texts for every question.
#[derive(Debug, Default)]
pub struct MemoryIndex {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    texts: BTreeMap<ThingId, Text>,
    mark: Option<Mark>,
}

impl MemoryIndex {
    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TextIndex for MemoryIndex {
    fn mark(&self) -> Option<Mark> {
        self.lock().mark
    }

    fn apply(&self, changes: &BTreeMap<ThingId, Option<Text>>, mark: Option<Mark>) -> Result<(), SearchError> {
        let mut state = self.lock();
        for (thing, text) in changes {
            match text {
                Some(text) => state.texts.insert(*thing, text.clone()),
                None => state.texts.remove(thing),
            };
        }
        state.mark = mark;
        Ok(())
    }

    fn clear(&self) -> Result<(), SearchError> {
        *self.lock() = State::default();
        Ok(())
    }

    fn find(&self, query: &TextQuery) -> Result<Vec<ThingId>, SearchError> {
        let state = self.lock();
        let matching = state
            .texts
            .iter()
            .filter(|(_, text)| query.words().iter().all(|word| matches(text, word)));
        Ok(matching.map(|(thing, _)| *thing).collect())
    }
}

fn matches(text: &Text, word: &Word) -> bool {
    if !word.exact.is_disjoint(&text.words) || !word.stems.is_disjoint(&text.stems) {
        return true;
    }
    let begins = |prefix: &String| {
        text.words
            .range(prefix.clone()..)
            .next()
            .is_some_and(|first| first.starts_with(prefix))
    };
    word.prefix.as_ref().is_some_and(begins)
        || word
            .fuzzy
            .as_ref()
            .is_some_and(|(fuzzy, slips)| text.words.iter().any(|other| within_slips(fuzzy, other, *slips)))
}
