//! How many events a list holds, and of what kinds: each kind a link that narrows the list to it, or widens it again.

use interhub_domain::query::{EventQuery, fold_tag, language_matches};

use super::super::answer::Problem;
use super::super::params::Params;
use super::super::words::{self, Words, fill};
use super::super::{colour, text};
use super::board::{Board, name_of};
use super::choices::is_on;
use crate::projection::facets::{Facets, Way};

/// Values of one kind that are shown.
const MAX_SHOWN: usize = 8;
/// A count from here on is shown as this and more: nobody reads so far.
const MAX_COUNT: usize = 1_000;
/// A tag is cut to this many characters.
const MAX_TAG_CHARS: usize = 60;

/// Languages by what they call themselves, for those the pages do not speak.
const LANGUAGES: [(&str, &str); 29] = [
    ("ar", "العربية"),
    ("bg", "Български"),
    ("ca", "Català"),
    ("cs", "Čeština"),
    ("da", "Dansk"),
    ("el", "Ελληνικά"),
    ("et", "Eesti"),
    ("fa", "فارسی"),
    ("fi", "Suomi"),
    ("fr", "Français"),
    ("he", "עברית"),
    ("hi", "हिन्दी"),
    ("hr", "Hrvatski"),
    ("hu", "Magyar"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("lt", "Lietuvių"),
    ("lv", "Latviešu"),
    ("no", "Norsk"),
    ("pl", "Polski"),
    ("pt", "Português"),
    ("ro", "Română"),
    ("ru", "Русский"),
    ("sk", "Slovenčina"),
    ("sv", "Svenska"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
    ("vi", "Tiếng Việt"),
    ("zh", "中文"),
];

/// What stands beside a list.
pub(super) struct Narrow {
    /// `37 events`.
    pub(super) found: String,
    pub(super) kinds: Vec<Kind>,
}

/// Tags, hubs, languages, ways to take part.
pub(super) struct Kind {
    pub(super) label: &'static str,
    pub(super) values: Vec<Value>,
}

/// One value of a kind.
pub(super) struct Value {
    pub(super) label: String,
    /// The language the label is written in, if it is its own.
    pub(super) language: Option<String>,
    /// Class with a hub's colour; empty for other kinds.
    pub(super) class: String,
    /// `12`, `1,000+`.
    pub(super) count: String,
    /// The list with this value, or without it if it is chosen.
    pub(super) href: String,
    pub(super) chosen: bool,
}

/// Counts what the query finds. `filters` are its parameters, for the links.
pub(super) fn narrow(board: &Board<'_>, query: &EventQuery, filters: &Params) -> Result<Narrow, Problem> {
    let facets = board.site.state.directory.facets(query, board.reader.now_ms)?;
    let words = board.words;
    let kinds = [
        tags(board, &facets, filters),
        hubs(board, &facets, filters),
        languages(board, &facets, filters),
        ways(board, &facets, filters),
    ];
    Ok(Narrow {
        found: found(words, facets.events, facets.complete),
        // One value that is not chosen is what all have: there is nothing to choose.
        kinds: kinds
            .into_iter()
            .filter(|kind| kind.values.len() > 1 || kind.values.iter().any(|value| value.chosen))
            .collect(),
    })
}

fn tags(board: &Board<'_>, facets: &Facets, filters: &Params) -> Kind {
    let chosen = filters.get("tag").map(fold_tag);
    let mut links = Links::new(board, filters, &["tag"], facets.tags.complete);
    for counted in &facets.tags.values {
        let is_chosen = chosen.as_ref() == Some(&fold_tag(&counted.value));
        links.add(("tag", &counted.value), counted.events, is_chosen, |value| {
            value.label = text::one_line(&counted.value, MAX_TAG_CHARS);
        });
    }
    links.kind(board.words.tags)
}

fn hubs(board: &Board<'_>, facets: &Facets, filters: &Params) -> Kind {
    let chosen = filters.get("hub");
    let mut links = Links::new(board, filters, &["hub"], facets.hubs.complete);
    for counted in &facets.hubs.values {
        let Some(hub) = board.hub(counted.value) else {
            continue;
        };
        let is_chosen = chosen.is_some_and(|chosen| chosen == hub.slug || chosen == hub.id.to_string());
        links.add(("hub", &hub.slug), counted.events, is_chosen, |value| {
            value.label = name_of(hub);
            value.class = colour::class(hub.id);
        });
    }
    links.kind(board.words.hubs)
}

fn languages(board: &Board<'_>, facets: &Facets, filters: &Params) -> Kind {
    let chosen = filters.get("lang");
    let mut links = Links::new(board, filters, &["lang"], facets.languages.complete);
    for counted in &facets.languages.values {
        // Chosen is also a variant of it, such as de-AT.
        let is_chosen = chosen.is_some_and(|chosen| language_matches(chosen, &counted.value));
        links.add(("lang", &counted.value), counted.events, is_chosen, |value| {
            value.label = language_name(&counted.value);
            value.language = Some(counted.value.clone());
        });
    }
    links.kind(board.words.language)
}

fn ways(board: &Board<'_>, facets: &Facets, filters: &Params) -> Kind {
    let mut links = Links::new(board, filters, &["online", "in_place"], facets.ways.complete);
    for counted in &facets.ways.values {
        let (name, label) = match counted.value {
            Way::InPlace => ("in_place", board.words.in_place),
            Way::Online => ("online", board.words.online),
        };
        let is_chosen = filters.get(name).is_some_and(is_on);
        links.add((name, "1"), counted.events, is_chosen, |value| {
            label.clone_into(&mut value.label);
        });
    }
    links.kind(board.words.ways)
}

/// The links of one kind.
struct Links<'a> {
    board: &'a Board<'a>,
    /// The filters without this kind.
    rest: Params,
    complete: bool,
    values: Vec<Value>,
}

impl<'a> Links<'a> {
    fn new(board: &'a Board<'a>, filters: &Params, names: &[&str], complete: bool) -> Self {
        Self {
            board,
            rest: filters.without(names),
            complete,
            values: Vec::new(),
        }
    }

    fn add(&mut self, (name, value): (&str, &str), events: usize, chosen: bool, name_it: impl FnOnce(&mut Value)) {
        let filters = if chosen {
            self.rest.clone()
        } else {
            self.rest.with(name, value)
        };
        let mut link = Value {
            label: String::new(),
            language: None,
            class: String::new(),
            count: count(self.board.words, events, self.complete),
            href: self.board.visit.link("/events", &filters),
            chosen,
        };
        name_it(&mut link);
        self.values.push(link);
    }

    /// The most frequent ones, and the chosen one wherever it stands.
    fn kind(self, label: &'static str) -> Kind {
        let values = self.values.into_iter().enumerate();
        let shown = values.filter(|(index, value)| *index < MAX_SHOWN || value.chosen);
        Kind {
            label,
            values: shown.map(|(_, value)| value).collect(),
        }
    }
}

/// `37 events`, `One event`.
pub(super) fn found(words: &Words, events: usize, complete: bool) -> String {
    if events == 1 && complete {
        return words.found_one.to_owned();
    }
    fill(words.found, &[("count", &count(words, events, complete))])
}

/// A count as people write it; with a plus if there may be more.
fn count(words: &Words, events: usize, complete: bool) -> String {
    let shown = events.min(MAX_COUNT);
    let more = if complete && shown == events { "" } else { "+" };
    if shown < 1_000 {
        format!("{shown}{more}")
    } else {
        format!("{}{}{:03}{more}", shown / 1_000, words.thousands, shown % 1_000)
    }
}

/// What speakers of a language call it; its code if that is not known.
fn language_name(tag: &str) -> String {
    if let Some(words) = words::by_tag(tag) {
        return words.own_name.to_owned();
    }
    let known = LANGUAGES.iter().find(|(known, _)| *known == tag);
    known.map_or_else(|| tag.to_owned(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn counts_say_when_there_may_be_more() {
        let [en, de] = ["en", "de"].map(|tag| words::by_tag(tag).unwrap());
        assert_eq!(count(en, 0, true), "0");
        assert_eq!(count(en, 37, false), "37+");
        assert_eq!(count(en, 1_000, true), "1,000");
        assert_eq!(count(de, 1_001, true), "1.000+");
        assert_eq!(count(en, 1_000, false), "1,000+");
    }

    #[test]
    fn languages_have_names() {
        assert_eq!(language_name("de"), "Deutsch");
        assert_eq!(language_name("uk"), "Українська");
        assert_eq!(language_name("tlh"), "tlh");
        assert!(LANGUAGES.is_sorted());
    }
}
