//! What an event offers for access and company, as words that programs agree on.
//!
//! The words say of an event what OpenStreetMap says of places (`wheelchair=yes`, `toilets:wheelchair`, `hearing_loop`,
//! `capacity:disabled`, `changing_table`, `dog`; wiki.openstreetmap.org, Map features) and schema.org of works
//! (`accessibilityFeature`: `signLanguage`, `captions`; the vocabulary of the W3C group Accessibility Discoverability). They
//! are lower case with hyphens, as in addresses. A word of a later version is kept and shown as it is.

/// The words this version knows, in the order in which pages list them. New ones are added at their place; none is renamed.
pub const KNOWN: [&str; 12] = [
    // The way in, the room and the toilet can be used in a wheelchair. OSM: wheelchair=yes, toilets:wheelchair=yes
    "wheelchair",
    "wheelchair-toilet",
    // A parking space for disabled people. OSM: capacity:disabled
    "disabled-parking",
    // An induction loop or the like. OSM: hearing_loop=yes
    "hearing-loop",
    // Interpreted into a sign language. schema.org: signLanguage
    "sign-language",
    // What is said can be read along. schema.org: captions
    "captions",
    // A room to withdraw to.
    "quiet-room",
    // A toilet for everybody. OSM: unisex=yes
    "unisex-toilet",
    // OSM: changing_table=yes
    "changing-table",
    // Somebody looks after children meanwhile.
    "childcare",
    // Children may come along.
    "children",
    // OSM: dog=yes
    "dogs",
];

/// Longest word, in bytes.
pub const MAX_FEATURE: usize = 40;

/// Whether something has the form of such a word, known or not: lower-case letters, digits, and hyphens between them.
pub fn is_word(word: &str) -> bool {
    let parts_are_filled = word.split('-').all(|part| !part.is_empty());
    let letters = word
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    parts_are_filled && letters && word.len() <= MAX_FEATURE
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, is_word};
    use crate::event::MAX_FEATURES;

    #[test]
    fn every_known_word_is_one() {
        for (index, word) in KNOWN.iter().enumerate() {
            assert!(is_word(word), "{word}");
            assert!(!KNOWN[..index].contains(word), "{word} is there twice");
        }
        assert!(KNOWN.len() < MAX_FEATURES);
        for wrong in ["", "-", "a-", "-a", "a--b", "Dogs", "a b", "é", "a_b", &"a".repeat(41)] {
            assert!(!is_word(wrong), "{wrong}");
        }
    }
}
