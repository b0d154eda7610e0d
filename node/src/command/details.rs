//! Translations, features, capacity and postponement of an event.

use interhub_domain::event::{Event, MAX_CAPACITY, MAX_SUMMARY, MAX_TITLE, MAX_TRANSLATIONS, Status, Translation};
use interhub_domain::query::language_matches;
use interhub_domain::{feature, language};

use super::event::{EventFields, edit, set_text};
use super::{Class, CommandError, Commands, ShownEvent};

/// Texts in one other language. Absent: as it is; empty: not translated (any more).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TranslationFields {
    /// BCP 47.
    pub language: String,
    /// One line.
    pub title: Option<String>,
    /// One or two sentences.
    pub summary: Option<String>,
}

impl Commands {
    /// Says that the date of an event of this hub is off and that there is no new one yet.
    pub async fn postpone_event(&self, id: String) -> Result<ShownEvent, CommandError> {
        self.blocking("event postpone", move |this| {
            let row = this.hosted_event(&id)?;
            if row.event.status == Status::Cancelled {
                let line =
                    "this event is cancelled, and so has no date to postpone; make a new one with `interhub event add`";
                return Err(CommandError::new(Class::Precondition, line));
            }
            let mut event = row.event.clone();
            event.postpone();
            if event == row.event {
                return this.show_thing(row.thing);
            }
            this.touch(&mut event, &row.event);
            this.ledger.write(vec![edit(&row, event)])?;
            this.show_thing(row.thing)
        })
        .await
    }
}

/// Gives an event what these fields say of its details.
pub(super) fn apply(event: &mut Event, fields: &EventFields) -> Result<(), CommandError> {
    for translation in &fields.translations {
        translate(event, translation)?;
    }
    for word in &fields.remove_features {
        event.features.remove(word.trim());
    }
    for word in &fields.add_features {
        event.features.insert(known_feature(word)?);
    }
    match fields.capacity {
        None => {}
        Some(0) => event.capacity = None,
        Some(number) if number <= MAX_CAPACITY => event.capacity = Some(number),
        Some(number) => {
            return Err(CommandError::usage(format!(
                "the capacity is {number}; at most {MAX_CAPACITY} is kept"
            )));
        }
    }
    // A postponed event that is given a date takes place again.
    if event.postponed && fields.start.is_some() {
        (event.status, event.postponed) = (Status::Confirmed, false);
    }
    Ok(())
}

fn translate(event: &mut Event, fields: &TranslationFields) -> Result<(), CommandError> {
    let tag = language::canonical(&fields.language).ok_or_else(|| {
        CommandError::usage(format!(
            "a translation needs its language, such as de or pt-BR, not {:.40?}",
            fields.language
        ))
    })?;
    let known = event.translations.get(&tag).cloned().unwrap_or_default();
    let mut translation = known.clone();
    let title = fields.title.as_deref();
    set_text(&format!("title in {tag}"), &mut translation.title, title, MAX_TITLE)?;
    if translation.title.contains(['\n', '\r']) {
        return Err(CommandError::usage(format!("the title in {tag} is one line")));
    }
    let summary = fields.summary.as_deref();
    set_text(
        &format!("summary in {tag}"),
        &mut translation.summary,
        summary,
        MAX_SUMMARY,
    )?;
    if translation == known {
        return Ok(());
    }
    if translation == Translation::default() {
        event.translations.remove(&tag);
        return Ok(());
    }
    if language_matches(&event.language, &tag) {
        return Err(CommandError::usage(format!(
            "the event itself is in {}; change its own title and summary instead of translating them",
            event.language
        )));
    }
    if event.translations.len() >= MAX_TRANSLATIONS && !event.translations.contains_key(&tag) {
        return Err(CommandError::usage(format!(
            "an event has at most {MAX_TRANSLATIONS} translations; take one away first, by an empty title and an empty summary"
        )));
    }
    event.translations.insert(tag, translation);
    Ok(())
}

fn known_feature(word: &str) -> Result<String, CommandError> {
    let word = word.trim();
    if feature::KNOWN.contains(&word) {
        return Ok(word.to_owned());
    }
    Err(CommandError::usage(format!(
        "{word:.60?} is not a feature this version knows; those are {}",
        feature::KNOWN.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use interhub_domain::event::MAX_FEATURES;

    use super::super::event::tests::weekly;
    use super::*;

    fn one(language: &str, title: Option<&str>, summary: Option<&str>) -> EventFields {
        EventFields {
            translations: vec![TranslationFields {
                language: language.to_owned(),
                title: title.map(str::to_owned),
                summary: summary.map(str::to_owned),
            }],
            ..EventFields::default()
        }
    }

    fn refused(event: &mut Event, fields: &EventFields) -> String {
        let error = apply(event, fields).unwrap_err();
        assert_eq!(error.class, Class::Usage);
        error.message
    }

    #[test]
    fn translations_come_and_go_text_by_text() {
        let mut event = weekly();
        event.language = "en-GB".into();
        apply(&mut event, &one("DE", Some(" Reparatur-Café "), None)).unwrap();
        apply(&mut event, &one("de", None, Some("Bringt etwas mit."))).unwrap();
        let both = Translation {
            title: "Reparatur-Café".into(),
            summary: "Bringt etwas mit.".into(),
        };
        assert_eq!(event.translations["de"], both);
        apply(&mut event, &one("de", Some(""), None)).unwrap();
        assert_eq!(event.translations["de"].title, "");
        apply(&mut event, &one("de", None, Some(""))).unwrap();
        assert!(event.translations.is_empty());
        apply(&mut event, &one("nl", None, Some(""))).unwrap();
        assert!(event.translations.is_empty());
    }

    #[test]
    fn wrong_translations_say_what_is_wrong() {
        let mut event = weekly();
        event.language = "en-GB".into();
        for (fields, word) in [
            (one("", Some("x"), None), "language"),
            (one("d_e", Some("x"), None), "d_e"),
            (one("en", Some("x"), None), "en-GB"),
            (one("de", Some("a\nb"), None), "one line"),
            (one("de", Some(&"a".repeat(1_001)), None), "title in de has 1001"),
            (one("de", None, Some(&"a".repeat(2_001))), "summary in de has 2001"),
            (one("de", Some("a\u{0}b"), None), "control"),
        ] {
            let line = refused(&mut event, &fields);
            assert!(line.contains(word), "{line}");
        }
        for tag in ["de", "nl", "es", "fr", "it", "pt", "da", "sv"] {
            apply(&mut event, &one(tag, Some("x"), None)).unwrap();
        }
        let line = refused(&mut event, &one("fi", Some("x"), None));
        assert!(line.contains("at most 8"), "{line}");
        apply(&mut event, &one("de", Some("y"), None)).unwrap();
    }

    #[test]
    fn features_are_words_this_version_knows_or_found_there() {
        let mut event = weekly();
        event.features.insert("of-a-later-version".into());
        let mut fields = EventFields {
            add_features: feature::KNOWN.map(str::to_owned).to_vec(),
            ..EventFields::default()
        };
        apply(&mut event, &fields).unwrap();
        assert!(event.features.len() < MAX_FEATURES);
        fields.add_features = vec!["lions".into()];
        let line = refused(&mut event, &fields);
        assert!(line.contains("lions") && line.contains("hearing-loop"), "{line}");
        fields.add_features.clear();
        fields.remove_features = vec!["of-a-later-version".into(), "dogs".into(), "never there".into()];
        apply(&mut event, &fields).unwrap();
        assert_eq!(event.features.len(), feature::KNOWN.len() - 1);
    }

    #[test]
    fn a_capacity_is_a_number_or_nothing() {
        let mut event = weekly();
        let with = |number| EventFields {
            capacity: Some(number),
            ..EventFields::default()
        };
        apply(&mut event, &with(80)).unwrap();
        assert_eq!(event.capacity, Some(80));
        let line = refused(&mut event, &with(1_000_001));
        assert!(line.contains("capacity") && line.contains("1000000"), "{line}");
        apply(&mut event, &with(0)).unwrap();
        assert_eq!(event.capacity, None);
    }

    #[test]
    fn a_date_ends_a_postponement_and_nothing_else_does() {
        let mut event = weekly();
        event.postpone();
        apply(&mut event, &one("de", Some("x"), None)).unwrap();
        assert!(event.postponed);
        let fields = EventFields {
            start: Some("2027-06-03T18:30".into()),
            ..EventFields::default()
        };
        super::super::event::apply(&mut event, &fields).unwrap();
        assert_eq!((event.status, event.postponed), (Status::Confirmed, false));
    }
}
