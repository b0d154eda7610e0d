//! What our own export says beyond iCalendar; see [`crate::calendar::export`].

use std::collections::{BTreeMap, BTreeSet};

use super::super::clean;
use crate::event::{MAX_CAPACITY, MAX_FEATURES, MAX_SUMMARY, MAX_TITLE, MAX_TRANSLATIONS, Status, Translation};
use crate::{feature, language};

/// The values of the X-INTERHUB properties of one VEVENT.
#[derive(Debug, Default)]
pub(in crate::calendar) struct Details {
    pub(in crate::calendar) translations: BTreeMap<String, Translation>,
    pub(in crate::calendar) features: BTreeSet<String>,
    pub(in crate::calendar) capacity: Option<u32>,
    /// X-INTERHUB-STATUS says POSTPONED.
    pub(in crate::calendar) postponed: bool,
    /// X-INTERHUB-STATUS says one of the others.
    pub(in crate::calendar) status: Option<Status>,
}

impl Details {
    /// Takes in one property. What is not as we write it is left out; the answer says so.
    pub(super) fn read(&mut self, name: &str, tag: &str, value: &str) -> Option<String> {
        match name {
            "X-INTERHUB-TITLE-IN" => self.translate(tag, value, MAX_TITLE, |translation| &mut translation.title),
            "X-INTERHUB-SUMMARY-IN" => self.translate(tag, value, MAX_SUMMARY, |translation| &mut translation.summary),
            "X-INTERHUB-FEATURES" => self.read_features(value),
            "X-INTERHUB-CAPACITY" => {
                let number = value.trim().parse().ok();
                self.capacity = number.filter(|number| (1..=MAX_CAPACITY).contains(number));
                let wrong = self.capacity.is_none();
                wrong.then(|| format!("X-INTERHUB-CAPACITY is not a number from 1 to {MAX_CAPACITY} and was left out"))
            }
            "X-INTERHUB-STATUS" => {
                self.postponed = value == "POSTPONED";
                self.status = match value {
                    "CONFIRMED" => Some(Status::Confirmed),
                    "TENTATIVE" => Some(Status::Tentative),
                    "CANCELLED" => Some(Status::Cancelled),
                    _ => None,
                };
                None
            }
            _ => None,
        }
    }

    fn translate(
        &mut self,
        tag: &str,
        value: &str,
        most_chars: usize,
        place: fn(&mut Translation) -> &mut String,
    ) -> Option<String> {
        let Some(tag) = language::canonical(tag) else {
            return Some("a translation without a language (LANGUAGE) was left out".to_owned());
        };
        // Before cleaning, so that a text of a megabyte costs nothing.
        let value: String = value.chars().take(20 * most_chars).collect();
        let text = clean::line(&value);
        if text.is_empty() {
            return None;
        }
        if text.chars().count() > most_chars {
            return Some(format!(
                "a translation of more than {most_chars} characters was left out"
            ));
        }
        if !self.translations.contains_key(&tag) && self.translations.len() == MAX_TRANSLATIONS {
            return Some(format!(
                "only the first {MAX_TRANSLATIONS} languages of its translations were kept"
            ));
        }
        *place(self.translations.entry(tag).or_default()) = text;
        None
    }

    fn read_features(&mut self, value: &str) -> Option<String> {
        let words = value.split([',', ';']).map(str::trim).filter(|word| !word.is_empty());
        for word in words {
            if !feature::is_word(word) {
                return Some("a feature that is no word was left out, and those after it".to_owned());
            }
            if self.features.len() == MAX_FEATURES {
                return Some(format!("only the first {MAX_FEATURES} features were kept"));
            }
            self.features.insert(word.to_owned());
        }
        None
    }
}
