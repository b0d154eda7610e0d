//! People's text made safe for a page: paragraphs, links, one-line cuts.

use std::fmt::Write;

/// Longest address that becomes a link.
const MAX_URL_BYTES: usize = 2_048;
/// A paragraph and link count beyond which the rest of a description stays one plain paragraph.
const MAX_LINKS: usize = 200;

/// Escapes for HTML text and for quoted attribute values.
pub(crate) fn escape_into(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // A page must not hold control characters; they have no reading anyway.
            '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {}
            other => out.push(other),
        }
    }
}

/// Plain text as HTML: blank lines part paragraphs, http and https addresses become links, everything else is escaped.
pub(crate) fn paragraphs(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(text.len() + 64);
    let mut links = 0;
    let mut open = false;
    for line in text.lines() {
        let line = line.trim_end();
        if line.trim().is_empty() {
            if open {
                out.push_str("</p>\n");
                open = false;
            }
            continue;
        }
        out.push_str(if open { "<br>\n" } else { "<p dir=\"auto\">" });
        open = true;
        link_line(&mut out, line, &mut links);
    }
    if open {
        out.push_str("</p>\n");
    }
    out
}

/// One line, addresses made into links.
fn link_line(out: &mut String, line: &str, links: &mut usize) {
    let mut rest = line;
    while let Some(start) = next_address(rest) {
        if *links == MAX_LINKS {
            break;
        }
        let (before, from_address) = rest.split_at(start);
        escape_into(out, before);
        let address = &from_address[..address_length(from_address)];
        if safe_link(address).is_some() {
            *links += 1;
            out.push_str("<a href=\"");
            escape_into(out, address);
            out.push_str("\" rel=\"nofollow noopener noreferrer ugc\">");
            escape_into(out, address);
            out.push_str("</a>");
        } else {
            escape_into(out, address);
        }
        rest = &from_address[address.len()..];
    }
    escape_into(out, rest);
}

/// Where the next `http://` or `https://` begins that does not continue a word.
fn next_address(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text[from..].find("http") {
        let at = from + found;
        let after = &text[at..];
        let part_of_word = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        if !part_of_word && (after.starts_with("http://") || after.starts_with("https://")) {
            return Some(at);
        }
        from = at + 4;
    }
    None
}

/// How much of the text is the address: up to white space or a quote, without closing punctuation of the sentence.
fn address_length(text: &str) -> usize {
    let stop =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '«' | '»' | '“' | '”' | '„');
    let mut address = &text[..text.find(stop).unwrap_or(text.len())];
    while let Some(last) = address.chars().next_back() {
        let unbalanced = |open: char| address.matches(last).count() > address.matches(open).count();
        let drop = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '’' => true,
            ')' => unbalanced('('),
            ']' => unbalanced('['),
            '}' => unbalanced('{'),
            _ => false,
        };
        if !drop {
            break;
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    address.len().max("http://".len())
}

/// An address a page may link to: http or https, with a host, without spaces or control characters.
pub(crate) fn safe_link(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    let clean = !url
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | '\\'));
    (clean && !host.is_empty() && url.len() <= MAX_URL_BYTES).then_some(url)
}

/// The host of an address, to show where a link leads.
pub(crate) fn link_host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit('@').next().unwrap_or("");
    host.strip_prefix("www.").unwrap_or(host)
}

/// A name that may run the other way, fenced off from the sentence around it (Unicode UAX 9, FSI and PDI).
pub(crate) fn isolate(name: &str) -> String {
    if name.is_ascii() {
        name.to_owned()
    } else {
        format!("\u{2068}{name}\u{2069}")
    }
}

/// Whether a character may stand in any document: XML 1.0 has no control characters, and no U+FFFE and U+FFFF.
fn is_written(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}')
}

/// White space collapsed, control characters dropped, cut to `max` characters with an ellipsis.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        if count > 0 {
            out.push(' ');
            count += 1;
        }
        for character in word.chars().filter(|c| is_written(*c)) {
            if count >= max {
                let kept = out.trim_end().len();
                out.truncate(kept);
                out.push('…');
                return out;
            }
            out.push(character);
            count += 1;
        }
    }
    out
}

/// A string as JSON that may stand inside a `<script>` data block: nothing in it can end the block.
pub(crate) fn json_for_script(value: &serde_json::Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a string cannot fail. These characters stand only inside JSON strings.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn links_stop_where_the_sentence_does() {
        let html = paragraphs("See https://example.org/a_(b)?x=1&y=2. (or http://example.org).\n\njavascript:alert(1)");
        assert!(
            html.contains("href=\"https://example.org/a_(b)?x=1&amp;y=2\""),
            "{html}"
        );
        assert!(html.contains(">http://example.org</a>)."), "{html}");
        assert!(html.contains("<p dir=\"auto\">javascript:alert(1)</p>"), "{html}");
    }

    #[test]
    fn markup_is_text() {
        let html = paragraphs("<script>alert(1)</script> https://x.org/\"onclick=alert(1)");
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("href=\"https://x.org/\" rel"), "{html}");
    }

    #[test]
    fn only_web_addresses_are_links() {
        assert!(safe_link("https://example.org/x").is_some());
        for bad in [
            "javascript:alert(1)",
            "https://",
            "http:// x",
            "ftp://x",
            "data:text/html,x",
            "https://a\nb",
        ] {
            assert!(safe_link(bad).is_none(), "{bad}");
        }
        assert_eq!(link_host("https://www.example.org:8/a?b"), "example.org:8");
        assert_eq!(link_host("https://bank.example@evil.example/"), "evil.example");
    }

    #[test]
    fn cuts_keep_characters_whole() {
        assert_eq!(one_line("Đêm  nhạc\n ở\u{0} phố", 10), "Đêm nhạc ở…");
        assert_eq!(one_line("short", 10), "short");
    }

    #[test]
    fn json_cannot_leave_its_script() {
        let json = json_for_script(&serde_json::json!({"name": "</script><script>&\u{2028}"}));
        assert_eq!(json, r#"{"name":"\u003c/script\u003e\u003cscript\u003e\u0026\u2028"}"#);
    }

    proptest! {
        #[test]
        fn nothing_unescaped_gets_through(text in "(\\PC|[<>\"'&\\n]|https?://|\\)|\\.){0,60}") {
            let html = paragraphs(&text);
            let stripped = html
                .replace("<p dir=\"auto\">", "").replace("</p>", "").replace("<br>", "").replace("</a>", "")
                .replace("\" rel=\"nofollow noopener noreferrer ugc\">", "").replace("<a href=\"http", "");
            prop_assert!(!stripped.contains(['<', '>', '"']), "{}", html);
        }

        #[test]
        fn cuts_are_short(text in "\\PC{0,80}", max in 1_usize..40) {
            prop_assert!(one_line(&text, max).chars().count() <= max + 1);
        }
    }
}
