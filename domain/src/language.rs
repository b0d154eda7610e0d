//! Names of languages (BCP 47, RFC 5646), in one spelling.

use crate::query::MAX_LANGUAGE_CHARS;

/// Longest part of a tag between two hyphens.
const MAX_SUBTAG_CHARS: usize = 8;

/// A tag in the spelling RFC 5646 2.1.1 recommends (`de-at` is `de-AT`, `ZH-hant` is `zh-Hant`); `None` for what is no tag.
/// Whether such a language exists is not looked up.
pub fn canonical(tag: &str) -> Option<String> {
    let tag = tag.trim();
    let mut subtags = tag.split('-');
    let first = subtags.next().unwrap_or_default();
    let is_language = (2..=3).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !is_language || tag.len() > MAX_LANGUAGE_CHARS {
        return None;
    }
    let mut out = first.to_ascii_lowercase();
    let mut in_extension = false;
    for subtag in subtags {
        let valid =
            (1..=MAX_SUBTAG_CHARS).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !valid {
            return None;
        }
        let mut subtag = subtag.to_ascii_lowercase();
        in_extension |= subtag.len() == 1;
        let letters = subtag.bytes().all(|byte| byte.is_ascii_alphabetic());
        match subtag.len() {
            2 if letters && !in_extension => subtag.make_ascii_uppercase(),
            4 if letters && !in_extension => subtag[..1].make_ascii_uppercase(),
            _ => {}
        }
        out.push('-');
        out.push_str(&subtag);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn tags_have_one_spelling() {
        for (tag, expected) in [
            ("DE", "de"),
            ("de-at", "de-AT"),
            (" pt-BR ", "pt-BR"),
            ("ZH-hant-tw", "zh-Hant-TW"),
            ("de-1996", "de-1996"),
            ("sl-ROZAJ", "sl-rozaj"),
            ("en-u-CA-gregory", "en-u-ca-gregory"),
            ("nds", "nds"),
        ] {
            assert_eq!(canonical(tag).as_deref(), Some(expected), "{tag}");
            assert_eq!(canonical(expected).as_deref(), Some(expected), "{tag}");
        }
        for wrong in [
            "",
            "d",
            "d_e",
            "de-",
            "-de",
            "de--at",
            "12",
            "deutsch",
            "x-own",
            "de/title",
            "de-abcdefghi",
            "ü",
        ] {
            assert_eq!(canonical(wrong), None, "{wrong}");
        }
        assert_eq!(canonical(&format!("de{}", "-abcdefgh".repeat(5))), None);
    }
}
