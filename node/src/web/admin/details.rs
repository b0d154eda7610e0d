//! What the event form asks beyond the usual: texts in other languages, what the event offers, how many people there is room
//! for, a picture.

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::event::{Event, MAX_CAPACITY, MAX_SUMMARY, MAX_TITLE, MAX_URL, Translation};
use interhub_domain::feature::KNOWN;

use super::super::words::{self, Words, fill};
use super::form::Form;
use super::typed::Errors;
use super::words::AdminWords;
use crate::command::details::TranslationFields;
use crate::command::event::EventFields;

/// Languages of one form: those of the pages, and those an event has beside them.
const MAX_LANGUAGES: usize = 12;

/// What these fields hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Details {
    /// Texts by language.
    pub(super) translations: BTreeMap<String, Translation>,
    pub(super) features: BTreeSet<String>,
    /// A number, as text; may be empty.
    pub(super) capacity: String,
    pub(super) image_url: String,
}

/// One language's fields.
pub(super) struct Language {
    pub(super) tag: String,
    /// What the language calls itself, or its tag.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) summary: String,
}

/// One feature to tick.
pub(super) struct FeatureBox {
    pub(super) word: String,
    pub(super) label: String,
    pub(super) ticked: bool,
}

impl Details {
    /// What an event says.
    pub(super) fn of(event: &Event) -> Self {
        Self {
            translations: event.translations.clone(),
            features: event.features.clone(),
            capacity: event.capacity.map_or_else(String::new, |capacity| capacity.to_string()),
            image_url: event.image_url.clone(),
        }
    }

    /// What was sent.
    pub(super) fn sent(form: &Form) -> Self {
        let languages = form.all("translation").take(MAX_LANGUAGES);
        let translation = |tag: &str| {
            let text = |name: &str| form.trimmed(&format!("{name}-{tag}")).to_owned();
            let translation = Translation {
                title: text("title"),
                summary: text("summary"),
            };
            (translation != Translation::default()).then(|| (tag.to_owned(), translation))
        };
        Self {
            translations: languages.filter_map(translation).collect(),
            features: form.all("feature").map(str::to_owned).collect(),
            capacity: form.trimmed("capacity").to_owned(),
            image_url: form.trimmed("image_url").to_owned(),
        }
    }

    /// Notes what is wrong.
    pub(super) fn check(&self, words: &AdminWords, errors: &mut Errors) {
        for translation in self.translations.values() {
            for (text, most) in [(&translation.title, MAX_TITLE), (&translation.summary, MAX_SUMMARY)] {
                let length = text.chars().count();
                if length > most {
                    let numbers = [("length", &*length.to_string()), ("most", &*most.to_string())];
                    errors.note("translations", fill(words.error_too_long, &numbers));
                }
            }
            if translation.title.contains('\n') {
                errors.note("translations", words.error_one_line);
            }
        }
        let capacity: Option<u32> = self.capacity.parse().ok();
        if !self.capacity.is_empty() && !capacity.is_some_and(|number| (1..=MAX_CAPACITY).contains(&number)) {
            errors.note("capacity", words.error_capacity);
        }
        if !self.image_url.is_empty()
            && (super::super::text::safe_link(&self.image_url).is_none() || self.image_url.chars().count() > MAX_URL)
        {
            errors.note("image_url", words.error_url);
        }
    }

    /// Adds what this changes to what commands take. What was checked fits.
    pub(super) fn apply(&self, before: Option<&Self>, fields: &mut EventFields) {
        let nothing = Self::default();
        let old = before.unwrap_or(&nothing);
        let tags: BTreeSet<&String> = old.translations.keys().chain(self.translations.keys()).collect();
        for tag in tags {
            let (theirs, mine) = (old.translations.get(tag), self.translations.get(tag));
            if theirs != mine {
                let mine = mine.cloned().unwrap_or_default();
                fields.translations.push(TranslationFields {
                    language: tag.clone(),
                    title: Some(mine.title),
                    summary: Some(mine.summary),
                });
            }
        }
        fields.add_features = self.features.difference(&old.features).cloned().collect();
        fields.remove_features = old.features.difference(&self.features).cloned().collect();
        if self.capacity != old.capacity {
            fields.capacity = Some(self.capacity.parse().unwrap_or(0));
        }
        if self.image_url != old.image_url {
            fields.image_url = Some(self.image_url.clone());
        }
    }

    /// The languages the form offers, in the order of the pages' own; that of the event itself is not among them.
    pub(super) fn languages(&self, own: &str) -> Vec<Language> {
        let offered = words::ALL.into_iter().map(|words| words.tag.to_owned());
        let mut tags: Vec<String> = offered.filter(|tag| tag != own).collect();
        tags.extend(
            self.translations
                .keys()
                .filter(|tag| words::by_tag(tag).is_none())
                .cloned(),
        );
        tags.truncate(MAX_LANGUAGES);
        let language = |tag: String| {
            let said = self.translations.get(&tag).cloned().unwrap_or_default();
            Language {
                name: words::by_tag(&tag).map_or_else(|| tag.clone(), |words| words.own_name.to_owned()),
                title: said.title,
                summary: said.summary,
                tag,
            }
        };
        tags.into_iter().map(language).collect()
    }

    /// The features to tick: those with words of ours, and those the event has beside them.
    pub(super) fn features(&self, words: &Words) -> Vec<FeatureBox> {
        let known = KNOWN.iter().zip(words.features).map(|(word, label)| (*word, label));
        let unknown = self.features.iter().filter(|word| !KNOWN.contains(&word.as_str()));
        let all = known.chain(unknown.map(|word| (word.as_str(), word.as_str())));
        let feature = |(word, label): (&str, &str)| FeatureBox {
            word: word.to_owned(),
            label: label.to_owned(),
            ticked: self.features.contains(word),
        };
        all.map(feature).collect()
    }
}
