//! From text to words: the same for what is indexed and what is asked, and the same for every index.

use std::collections::BTreeSet;

use interhub_domain::event::Event;
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, SimpleTokenizer, Stemmer, TextAnalyzer, TokenStream,
};
use whatlang::Lang;

/// Version of the analysis; an index made with another one is rebuilt.
pub(super) const ANALYSIS: u32 = 3;

/// Longest word, in bytes; the rest of a longer one is not looked at.
const MAX_WORD_BYTES: usize = 64;
/// Most words of a question; further ones are not looked at.
const MAX_QUERY_WORDS: usize = 16;
/// Words shorter than this are taken as they are: one slip in them makes another word.
const FUZZY_FROM_CHARS: usize = 5;
/// From this length on a second slip is forgiven, too.
const TWO_SLIPS_FROM_CHARS: usize = 9;
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

/// As much of a text as its language is guessed from, in bytes.
const GUESSED_FROM: usize = 2_000;
/// What a short text is taken for that does not say its language: most calendars do not. These are the languages of the pages.
const SUPPOSED: [&str; 4] = ["en", "de", "nl", "es"];

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
        let text = parts.join("\n");
        if event.language.is_empty() {
            for language in guessed(&text) {
                out.add_stems(&text, language);
            }
        }
        out.add(&text, &event.language);
        for (language, translation) in &event.translations {
            out.add(&format!("{}\n{}", translation.title, translation.summary), language);
        }
        out
    }

    /// Adds a text and the forms of its words in its language.
    fn add(&mut self, text: &str, language: &str) {
        self.add_stems(text, language);
        self.words.extend(analyze(folding(), &indexed(text)));
    }

    fn add_stems(&mut self, text: &str, language: &str) {
        if let Some((code, language)) = language_of(language) {
            let stems = analyze(stemming(language), &indexed(text));
            self.stems
                .extend(stems.into_iter().map(|stem| format!("{code}:{stem}")));
        }
    }
}

/// A text as it is taken apart.
fn indexed(text: &str) -> String {
    let mut text = composed(text);
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    text
}

/// The languages that a text may be in.
fn guessed(text: &str) -> Vec<&'static str> {
    let known = text
        .get(..text.floor_char_boundary(GUESSED_FROM))
        .and_then(whatlang::detect)
        .filter(whatlang::Info::is_reliable);
    let Some(known) = known else {
        return SUPPOSED.to_vec();
    };
    let code = match known.lang() {
        Lang::Ara => "ar",
        Lang::Dan => "da",
        Lang::Deu => "de",
        Lang::Ell => "el",
        Lang::Eng => "en",
        Lang::Spa => "es",
        Lang::Fin => "fi",
        Lang::Fra => "fr",
        Lang::Hun => "hu",
        Lang::Ita => "it",
        Lang::Nld => "nl",
        Lang::Nob => "no",
        Lang::Por => "pt",
        Lang::Ron => "ro",
        Lang::Rus => "ru",
        Lang::Swe => "sv",
        Lang::Tam => "ta",
        Lang::Tur => "tr",
        // The forms of its words are not known.
        _ => return Vec::new(),
    };
    vec![code]
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
    /// Among [`Text::words`], with at most so many slips: a character changed, added, left out, or two neighbours swapped.
    pub fuzzy: Option<(String, u8)>,
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
                fuzzy: slips(chars).map(|slips| (word.clone(), slips)),
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

/// How many slips are forgiven in a word of this length.
fn slips(chars: usize) -> Option<u8> {
    match chars {
        ..FUZZY_FROM_CHARS => None,
        FUZZY_FROM_CHARS..TWO_SLIPS_FROM_CHARS => Some(1),
        _ => Some(2),
    }
}

/// Whether two words differ by at most so many slips: a character changed, added or left out, or two neighbours swapped
/// (optimal string alignment: no part of a word slips twice).
pub(super) fn within_slips(one: &str, other: &str, most: u8) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let most = usize::from(most);
    if one.len().abs_diff(other.len()) > most {
        return false;
    }
    // Slips from each beginning of `one`, by rows, to each beginning of `other`.
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (at, character) in one.iter().enumerate() {
        let above = &rows[at];
        let mut row = vec![at + 1];
        for (beside, against) in other.iter().enumerate() {
            let changed = above[beside] + usize::from(character != against);
            let mut least = changed.min(above[beside + 1] + 1).min(row[beside] + 1);
            if at > 0 && beside > 0 && *character == other[beside - 1] && one[at - 1] == *against {
                least = least.min(rows[at - 1][beside - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()] <= most
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

/// The words of a text in order, in small letters and without accents.
pub fn folded(text: &str) -> Vec<String> {
    analyze(folding(), &composed(text))
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
    fn one_slip() {
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
            assert_eq!(within_slips(one, other, 1), close, "{one} {other}");
            assert_eq!(within_slips(other, one, 1), close, "{other} {one}");
        }
    }

    #[test]
    fn two_slips() {
        for (one, other, close) in [
            ("accessible", "acessibel", true),
            ("accessible", "acccessxble", true),
            ("nachbarschaft", "nachbrshaft", true),
            ("neighbourhood", "neighbxurhxod", true),
            ("neighbourhood", "nieghbourhxod", true),
            ("neighbourhood", "neighbxrhxxd", false),
            ("ab", "", true),
            ("abc", "", false),
            ("ca", "abc", false),
        ] {
            assert_eq!(within_slips(one, other, 2), close, "{one} {other}");
            assert_eq!(within_slips(other, one, 2), close, "{other} {one}");
        }
        assert_eq!([4, 5, 8, 9, 60].map(slips), [None, Some(1), Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn a_text_that_does_not_say_its_language_is_guessed() {
        let german = "Wir treffen uns jeden Donnerstag in der Werkstatt und reparieren gemeinsam alte Fahrräder, \
                      damit sie noch lange fahren. Werkzeug ist vorhanden, Kuchen auch.";
        let spanish = "Todos los jueves nos reunimos en el taller para reparar bicicletas viejas entre vecinos y vecinas. \
                       Hay herramientas y también tarta para quien quiera venir.";
        assert_eq!(guessed(german), ["de"]);
        assert_eq!(guessed(spanish), ["es"]);
        assert_eq!(guessed("Repair café"), SUPPOSED);
        assert_eq!(guessed(""), SUPPOSED);
        let polish =
            "Spotykamy się w każdy czwartek w warsztacie, żeby razem naprawiać stare rowery i pić herbatę z ciastem.";
        assert_eq!(guessed(polish), Vec::<&str>::new(), "no forms of its words are known");
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
