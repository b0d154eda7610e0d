//! From text to words: the same for what is indexed and what is asked, and the same for every index.

use std::collections::BTreeSet;

use interhub_domain::event::Event;
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, SimpleTokenizer, Stemmer, TextAnalyzer, TokenStream,
};

/// Version of the analysis; an index made with another one is rebuilt.
pub(super) const ANALYSIS: u32 = 2;

/// Longest word, in bytes; the rest of a longer one is not looked at.
const MAX_WORD_BYTES: usize = 64;
/// Most words of a question; further ones are not looked at.
const MAX_QUERY_WORDS: usize = 16;
/// Words shorter than this are taken as they are: one slip in them makes another word.
const FUZZY_FROM_CHARS: usize = 5;
/// Beginnings shorter than this would match nearly everything.
const PREFIX_FROM_CHARS: usize = 2;
/// Most of one event's text in one language that is indexed, in bytes; a document holds no more.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// The languages whose forms of words are known, by their BCP 47 primary subtag.
const LANGUAGES: [(&str, Language); 18] = [
    ("ar", Language::Arabic),
    ("da", Language::Danish),
    ("de", Language::German),
    ("el", Language::Greek),
    ("en", Language::English),
    ("es", Language::Spanish),
    ("fi", Language::Finnish),
    ("fr", Language::French),
    ("hu", Language::Hungarian),
    ("it", Language::Italian),
    ("nl", Language::Dutch),
    ("no", Language::Norwegian),
    ("pt", Language::Portuguese),
    ("ro", Language::Romanian),
    ("ru", Language::Russian),
    ("sv", Language::Swedish),
    ("ta", Language::Tamil),
    ("tr", Language::Turkish),
];

/// The words of one event, as an index takes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// Lower case, without accents; each once.
    pub words: BTreeSet<String>,
    /// Stems in the language of each text, behind the language and a colon; none of those whose language is not known.
    pub stems: BTreeSet<String>,
}

impl Text {
    /// The words of an event.
    pub fn of(event: &Event) -> Self {
        let mut parts = vec![event.title.as_str(), &event.summary, &event.description];
        parts.extend(event.location.iter().map(|location| location.name.as_str()));
        parts.extend(event.tags.iter().map(String::as_str));
        for change in &event.schedule.overrides {
            parts.extend(change.title.as_deref());
            parts.extend(change.description.as_deref());
            parts.extend(change.location.iter().map(|location| location.name.as_str()));
        }
        let mut out = Self::default();
        out.add(&parts.join("\n"), &event.language);
        for (language, translation) in &event.translations {
            out.add(&format!("{}\n{}", translation.title, translation.summary), language);
        }
        out
    }

    /// Adds a text and the forms of its words in its language.
    fn add(&mut self, text: &str, language: &str) {
        let text = composed(text);
        let text = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
        if let Some((code, language)) = language_of(language) {
            let stems = analyze(stemming(language), text);
            self.stems
                .extend(stems.into_iter().map(|stem| format!("{code}:{stem}")));
        }
        self.words.extend(analyze(folding(), text));
    }
}

/// A question, ready to be put to an index: every word has to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextQuery {
    words: Vec<Word>,
}

/// One word of a question; any of its readings will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// It, and other ways to write it, to be found among [`Text::words`].
    pub exact: BTreeSet<String>,
    /// Its stems in all languages, to be found among [`Text::stems`].
    pub stems: BTreeSet<String>,
    /// Among [`Text::words`], with at most one character changed, added, left out, or two neighbours swapped.
    pub fuzzy: Option<String>,
    /// The beginning of one of [`Text::words`].
    pub prefix: Option<String>,
}

impl TextQuery {
    /// Splits a question into words. Text without letters or digits has none.
    pub fn new(text: &str) -> Self {
        let text = composed(text);
        let mut plain = analyze(folding(), &text);
        plain.truncate(MAX_QUERY_WORDS);
        let count = plain.len();
        let stems: Vec<(&str, Vec<String>)> = LANGUAGES
            .iter()
            .map(|(code, language)| (*code, analyze(stemming(*language), &text)))
            .collect();
        let word = |(index, word): (usize, String)| {
            let chars = word.chars().count();
            let stems = stems
                .iter()
                .filter_map(|(code, stems)| Some(format!("{code}:{}", stems.get(index)?)));
            Word {
                stems: stems.collect(),
                fuzzy: (chars >= FUZZY_FROM_CHARS).then(|| word.clone()),
                prefix: (index + 1 == count && chars >= PREFIX_FROM_CHARS).then(|| word.clone()),
                exact: spellings(word),
            }
        };
        Self {
            words: plain.into_iter().enumerate().map(word).collect(),
        }
    }

    /// The words, in the order given.
    pub fn words(&self) -> &[Word] {
        &self.words
    }
}

/// Whether two words differ by at most one slip: a character changed, added or left out, or two neighbours swapped.
pub(super) fn within_one_slip(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let (short, long) = if one.len() <= other.len() {
        (&one, &other)
    } else {
        (&other, &one)
    };
    let same = short.iter().zip(long.iter()).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    match (short, long) {
        ([], rest) => rest.len() <= 1,
        _ if short.len() < long.len() => *short == long[1..],
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([a, b, rest @ ..], [c, d, tail @ ..]) => a == d && b == c && rest == tail,
        _ => false,
    }
}

/// A word as it is, and with the umlauts that may have been spelled out: the text has `bucher` for Bücher, and people
/// without a German keyboard ask for buecher.
fn spellings(word: String) -> BTreeSet<String> {
    let joined = word.replace("ae", "a").replace("oe", "o").replace("ue", "u");
    BTreeSet::from([word, joined])
}

fn language_of(language: &str) -> Option<(&'static str, Language)> {
    let primary = language.split('-').next()?.to_ascii_lowercase();
    let primary = if primary == "nb" || primary == "nn" {
        "no"
    } else {
        primary.as_str()
    };
    LANGUAGES.into_iter().find(|(code, _)| *code == primary)
}

/// Accents written as characters of their own would split words: they are left out, as folding does with the others.
fn composed(text: &str) -> String {
    text.chars()
        .filter(|one| !('\u{300}'..='\u{36f}').contains(one))
        .collect()
}

fn folding() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .build()
}

fn stemming(language: Language) -> TextAnalyzer {
    let stemmer = Stemmer::new(language);
    let tokens = TextAnalyzer::builder(SimpleTokenizer::default()).filter(LowerCaser);
    tokens.filter(stemmer).filter(AsciiFoldingFilter).build()
}

/// The words of a text, in order.
fn analyze(mut analyzer: TextAnalyzer, text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut tokens = analyzer.token_stream(text);
    while tokens.advance() {
        let word = &tokens.token().text;
        words.push(word[..word.floor_char_boundary(MAX_WORD_BYTES)].to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips() {
        for (one, other, close) in [
            ("garden", "garden", true),
            ("garden", "gardn", true),
            ("garden", "gardens", true),
            ("garden", "gartden", true),
            ("garden", "gadren", true),
            ("garden", "harden", true),
            ("garden", "ergarden", false),
            ("garden", "gradne", false),
            ("garden", "", false),
            ("", "a", true),
            ("ab", "ba", true),
            ("abc", "cab", false),
            ("gärten", "garten", true),
        ] {
            assert_eq!(within_one_slip(one, other), close, "{one} {other}");
            assert_eq!(within_one_slip(other, one), close, "{other} {one}");
        }
    }

    #[test]
    fn words_are_folded() {
        let query = TextQuery::new("Café, BÜCHER-Flohmarkt! e\u{301}te\u{301}");
        let exact: Vec<_> = query
            .words()
            .iter()
            .filter_map(|word| word.exact.first().cloned())
            .collect();
        assert_eq!(exact, ["cafe", "bucher", "flohmarkt", "ete"]);
        assert!(query.words()[2].prefix.is_none());
        assert_eq!(query.words()[3].prefix.as_deref(), Some("ete"));
        assert!(query.words()[0].fuzzy.is_none());
        assert!(query.words()[1].stems.contains("de:buch"));
        assert!(TextQuery::new(" ?! ").words().is_empty());
    }

    #[test]
    fn long_words_are_cut_alike() {
        let long = "ä".repeat(200);
        let query = TextQuery::new(&long);
        assert_eq!(query.words()[0].exact.first().map(String::len), Some(MAX_WORD_BYTES));
        assert_eq!(TextQuery::new(&"a ".repeat(100)).words().len(), MAX_QUERY_WORDS);
    }
}
