//! What several hubs may add to an event at the same time without contradicting each other: languages and features.
//!
//! Both are maps, so that additions merge. Hubs that make the first entry at the same time make a map each; all of them are
//! read, as one. What is taken away is taken out entry by entry: what another hub says meanwhile is still said.

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::Transactable;
use automerge::{AutoCommit, AutomergeError, ObjId, ObjType, ROOT, ReadDoc};

use super::fields::{boolean, integer, maps, remove, text};
use crate::event::{MAX_CAPACITY, MAX_FEATURES, MAX_SUMMARY, MAX_TITLE, MAX_TRANSLATIONS, Translation};
use crate::{feature, language};

/// Most entries of one map that are looked at.
const MAX_KEYS: usize = 2_000;

pub(super) const TRANSLATIONS: &str = "translations";
pub(super) const FEATURES: &str = "features";
pub(super) const CAPACITY: &str = "capacity";

/// The maps of each language that is translated into, the winner first.
pub(super) fn languages(doc: &AutoCommit) -> BTreeMap<String, Vec<ObjId>> {
    let mut out: BTreeMap<String, Vec<ObjId>> = BTreeMap::new();
    for all in maps(doc, &ROOT, TRANSLATIONS) {
        for tag in doc.keys(&all).take(MAX_KEYS) {
            if language::canonical(&tag).as_ref() == Some(&tag) {
                let found = maps(doc, &all, &tag);
                out.entry(tag).or_default().extend(found);
            }
        }
    }
    out
}

/// Languages with something to read, in the order of their tags; of more than are allowed the first.
pub(super) fn read_translations(doc: &AutoCommit) -> BTreeMap<String, Translation> {
    let read = languages(doc).into_iter().map(|(tag, entries)| {
        let translation = Translation {
            title: first_text(doc, &entries, "title", MAX_TITLE),
            summary: first_text(doc, &entries, "summary", MAX_SUMMARY),
        };
        (tag, translation)
    });
    let said = read.filter(|(_, translation)| *translation != Translation::default());
    said.take(MAX_TRANSLATIONS).collect()
}

/// Of what several hubs say at the same time, everything counts that does not contradict.
fn first_text(doc: &AutoCommit, entries: &[ObjId], key: &str, most: usize) -> String {
    let mut all = entries.iter().map(|entry| text(doc, entry, key, most));
    all.find(|text| !text.is_empty()).unwrap_or_default()
}

pub(super) fn write_translations(
    doc: &mut AutoCommit,
    new: &BTreeMap<String, Translation>,
) -> Result<(), AutomergeError> {
    let before = read_translations(doc);
    let none = Translation::default();
    let tags: BTreeSet<&String> = before.keys().chain(new.keys()).collect();
    for tag in tags {
        let (old, new) = (before.get(tag).unwrap_or(&none), new.get(tag).unwrap_or(&none));
        if old != new {
            write_translation(doc, tag, new)?;
        }
    }
    Ok(())
}

fn write_translation(doc: &mut AutoCommit, tag: &str, new: &Translation) -> Result<(), AutomergeError> {
    let mut entries = languages(doc).remove(tag).unwrap_or_default();
    if entries.is_empty() {
        let all = first_map(doc, TRANSLATIONS)?;
        entries.push(doc.put_object(&all, tag, ObjType::Map)?);
    }
    for (key, new, most) in [("title", &new.title, MAX_TITLE), ("summary", &new.summary, MAX_SUMMARY)] {
        if first_text(doc, &entries, key, most) == *new {
            continue;
        }
        for entry in &entries {
            remove(doc, entry, key)?;
        }
        if let Some(entry) = entries.first().filter(|_| !new.is_empty()) {
            doc.put(entry, key, new.as_str())?;
        }
    }
    Ok(())
}

/// Words said by any hub; of more than are allowed those this version knows go first.
pub(super) fn read_features(doc: &AutoCommit) -> BTreeSet<String> {
    let mut words: Vec<String> = Vec::new();
    for all in maps(doc, &ROOT, FEATURES) {
        let keys = doc.keys(&all).take(MAX_KEYS);
        words.extend(keys.filter(|word| feature::is_word(word) && boolean(doc, &all, word) == Some(true)));
    }
    words.sort_by_cached_key(|word| (!feature::KNOWN.contains(&word.as_str()), word.clone()));
    words.dedup();
    words.truncate(MAX_FEATURES);
    words.into_iter().collect()
}

pub(super) fn write_features(doc: &mut AutoCommit, new: &BTreeSet<String>) -> Result<(), AutomergeError> {
    let before = read_features(doc);
    for word in before.difference(new) {
        for all in maps(doc, &ROOT, FEATURES) {
            remove(doc, &all, word)?;
        }
    }
    for word in new.difference(&before) {
        let all = first_map(doc, FEATURES)?;
        doc.put(&all, word.as_str(), true)?;
    }
    Ok(())
}

pub(super) fn read_capacity(doc: &AutoCommit) -> Option<u32> {
    let number = integer(doc, &ROOT, CAPACITY).and_then(|number| u32::try_from(number).ok());
    number.filter(|number| (1..=MAX_CAPACITY).contains(number))
}

pub(super) fn write_capacity(doc: &mut AutoCommit, new: Option<u32>) -> Result<(), AutomergeError> {
    if read_capacity(doc) == new {
        return Ok(());
    }
    match new {
        Some(number) => doc.put(ROOT, CAPACITY, i64::from(number)),
        None => remove(doc, &ROOT, CAPACITY),
    }
}

/// The map that speaks first under a key of the root, made if there is none.
fn first_map(doc: &mut AutoCommit, key: &str) -> Result<ObjId, AutomergeError> {
    match maps(doc, &ROOT, key).into_iter().next() {
        Some(known) => Ok(known),
        None => doc.put_object(ROOT, key, ObjType::Map),
    }
}

/// Whether these are ones that can be read.
pub(super) fn are_within_limits(
    translations: &BTreeMap<String, Translation>,
    features: &BTreeSet<String>,
    capacity: Option<u32>,
) -> bool {
    let short = |text: &str, most: usize| text.chars().nth(most).is_none();
    let translation_fits = |(tag, translation): (&String, &Translation)| {
        language::canonical(tag).as_ref() == Some(tag)
            && short(&translation.title, MAX_TITLE)
            && short(&translation.summary, MAX_SUMMARY)
    };
    translations.len() <= MAX_TRANSLATIONS
        && translations.iter().all(translation_fits)
        && features.len() <= MAX_FEATURES
        && features.iter().all(|word| feature::is_word(word))
        && capacity.is_none_or(|number| (1..=MAX_CAPACITY).contains(&number))
}
