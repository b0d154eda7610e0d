//! Texts and addresses from calendars as people should see them: one line, plain, without markup, within limits.
//!
//! Every function gives its own output back unchanged, so that what was exported and comes in again is the same.

/// Rounds of decoding at most: texts have been seen escaped twice, not more often by accident.
const ROUNDS: usize = 16;

/// Longest tag looked at, in bytes: links with tracking parameters and style attributes, and room to spare.
const MAX_TAG_BYTES: usize = 4_096;

/// Longest address kept, in bytes: what browsers and proxies let pass.
pub(super) const MAX_URL_BYTES: usize = 2_048;

/// One line without markup: control characters and line breaks become single spaces.
pub(super) fn line(text: &str) -> String {
    let plain = if text.contains(['<', '&']) {
        plain(text)
    } else {
        text.to_owned()
    };
    let mut out = String::with_capacity(plain.len());
    for word in plain.split(|char: char| char.is_whitespace() || char.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Several lines without markup: HTML becomes its text, line ends become LF, no more than one empty line in a row.
pub(super) fn paragraphs(text: &str) -> String {
    let plain = if text.contains(['<', '&']) {
        plain(text)
    } else {
        text.to_owned()
    };
    let plain = plain.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(plain.len());
    let mut empty = 0;
    for line in plain.lines() {
        let line: String = line
            .chars()
            .filter(|&char| char == '\t' || !char.is_control())
            .collect();
        let line = line.trim_end();
        if line.trim().is_empty() {
            empty += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if empty > 0 { "\n\n" } else { "\n" });
        }
        empty = 0;
        out.push_str(line);
    }
    let start = out.len() - out.trim_start().len();
    out.split_off(start)
}

/// Cuts a text to so many bytes, at a character. Tells whether something was lost.
pub(super) fn cut(text: &mut String, max_bytes: usize) -> bool {
    if text.len() <= max_bytes {
        return false;
    }
    let mut at = max_bytes;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.truncate(at);
    let trimmed = text.trim_end().len();
    text.truncate(trimmed);
    true
}

/// HTML as plain text; text that is not HTML stays as it is.
fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..ROUNDS {
        let next = decode_entities(&strip_tags(&text));
        if next == text {
            break;
        }
        text = next;
    }
    text
}

/// Elements that start a new line.
const BLOCKS: [&str; 20] = [
    "p",
    "div",
    "br",
    "hr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "table",
    "tr",
    "blockquote",
    "section",
    "article",
    "header",
    "pre",
];

/// Other elements whose tags go. `<3` and `a < b` stay.
const INLINE: [&str; 41] = [
    "a",
    "abbr",
    "b",
    "big",
    "body",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "footer",
    "head",
    "html",
    "html-blob",
    "i",
    "iframe",
    "img",
    "ins",
    "main",
    "meta",
    "o:p",
    "s",
    "script",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "tbody",
    "td",
    "title",
    "u",
    "wbr",
];

fn strip_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Where the text of an open link starts in `out`, and where it leads.
    let mut link: Option<(usize, String)> = None;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = tag.strip_prefix("<!--") {
            // A comment, or what is left of one.
            rest = after.find("-->").map_or("", |end| &after[end + 3..]);
            continue;
        }
        let Some(inner) = tag_inside(tag) else {
            out.push('<');
            rest = &tag[1..];
            continue;
        };
        let closing = inner.starts_with('/');
        let name_end = inner
            .trim_start_matches('/')
            .find(|char: char| char.is_whitespace() || char == '/')
            .unwrap_or(inner.trim_start_matches('/').len());
        let name = inner.trim_start_matches('/')[..name_end].to_ascii_lowercase();
        let block = BLOCKS.contains(&name.as_str());
        if !block && !INLINE.contains(&name.as_str()) && !inner.starts_with("!DOCTYPE") {
            // Not markup: the sign stays, what follows is looked at.
            out.push('<');
            rest = &tag[1..];
            continue;
        }
        rest = &tag[inner.len() + 2..];
        match name.as_str() {
            "style" | "script" if !closing => {
                let close = format!("</{name}");
                rest = find_ignoring_case(rest, &close)
                    .map_or("", |at| rest[at..].find('>').map_or("", |end| &rest[at + end + 1..]));
            }
            "a" if !closing => link = attribute(inner, "href").map(|href| (out.len(), href)),
            "a" => {
                if let Some((start, href)) = link.take() {
                    close_link(&mut out, start, &href);
                }
            }
            "li" if !closing => out.push_str("\n- "),
            "li" => {}
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => out.push_str("\n\n"),
            "td" if !closing => out.push(' '),
            _ if block => out.push('\n'),
            _ => {}
        }
    }
    out.push_str(rest);
    out
}

/// What is between `<` and `>`, if that could be a tag.
fn tag_inside(tag: &str) -> Option<&str> {
    let inner = &tag[1..];
    if !inner.starts_with(|char: char| char.is_ascii_alphabetic() || char == '/' || char == '!') {
        return None;
    }
    // Stopping at the next `<` keeps a text of nothing but openings from being looked at again and again.
    let end = inner
        .bytes()
        .take(MAX_TAG_BYTES)
        .position(|byte| matches!(byte, b'<' | b'>'))?;
    inner.as_bytes()[end..].starts_with(b">").then(|| &inner[..end])
}

/// Adds where a link leads, unless its text says so already.
fn close_link(out: &mut String, start: usize, href: &str) {
    let Some(url) = web_address(&decode_entities(href)) else {
        return;
    };
    let shown = out.get(start..).unwrap_or_default().trim();
    let bare = |text: &str| {
        let text = text.trim_end_matches('/');
        text.strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .unwrap_or(text)
            .to_ascii_lowercase()
    };
    if shown.is_empty() {
        out.push_str(&url);
    } else if bare(shown) != bare(&url) && !shown.contains(&url) {
        out.push_str(" (");
        out.push_str(&url);
        out.push(')');
    }
}

fn find_ignoring_case(text: &str, ascii: &str) -> Option<usize> {
    let (text, what) = (text.as_bytes(), ascii.as_bytes());
    text.windows(what.len())
        .position(|part| part.eq_ignore_ascii_case(what))
}

/// The value of an attribute in the inside of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let at = find_ignoring_case(tag, &format!("{name}="))?;
    let value = &tag[at + name.len() + 1..];
    let quote = value.chars().next().filter(|char| matches!(char, '"' | '\''));
    let value = match quote {
        Some(quote) => value[1..].split(quote).next()?,
        None => value.split_whitespace().next()?,
    };
    Some(value.to_owned())
}

fn decode_entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        out.push_str(before);
        // The longest entity of the list has six letters, numbers have up to eight digits.
        let end = entity.bytes().take(12).position(|byte| byte == b';');
        let Some((end, char)) = end.and_then(|end| Some((end, entity_char(&entity[1..end])?))) else {
            out.push('&');
            rest = &entity[1..];
            continue;
        };
        out.push(char);
        rest = &entity[end + 1..];
        // Escaped more than once: `&amp;amp;`.
        while let (true, Some(after)) = (char == '&', rest.strip_prefix("amp;")) {
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn entity_char(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|char| !char.is_control() || char.is_whitespace());
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "laquo" => '«',
        "raquo" => '»',
        "hellip" => '…',
        "bull" => '•',
        "middot" => '·',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "euro" => '€',
        "pound" => '£',
        "deg" => '°',
        "frac12" => '½',
        "times" => '×',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "agrave" => 'à',
        "aacute" => 'á',
        "acirc" => 'â',
        "ccedil" => 'ç',
        "egrave" => 'è',
        "eacute" => 'é',
        "ecirc" => 'ê',
        "iacute" => 'í',
        "ntilde" => 'ñ',
        "oacute" => 'ó',
        "uacute" => 'ú',
        _ => return None,
    })
}

/// An http or https address within limits, or nothing: what a page may link to without thinking.
pub fn web_address(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match text.get(..4) {
        Some(www) if www.eq_ignore_ascii_case("www.") => format!("https://{text}"),
        _ => text.to_owned(),
    };
    let (scheme, rest) = text.split_once("://")?;
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let named = host.chars().any(char::is_alphanumeric);
    let odd = |char: char| char.is_whitespace() || char.is_control() || matches!(char, '<' | '>' | '"' | '\\' | '`');
    if !web || !named || text.len() > MAX_URL_BYTES || text.contains(odd) {
        return None;
    }
    Some(format!("{}://{rest}", scheme.to_ascii_lowercase()))
}

/// Hosts of online meetings. A name stands for itself and all names below it.
const MEETING_HOSTS: [&str; 12] = [
    "zoom.us",
    "zoomgov.com",
    "meet.google.com",
    "teams.microsoft.com",
    "teams.live.com",
    "webex.com",
    "meet.jit.si",
    "whereby.com",
    "gotomeeting.com",
    "gotowebinar.com",
    "bluejeans.com",
    "meet.goto.com",
];

/// Whether an address leads into an online meeting.
pub(super) fn is_meeting(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let host = rest
        .split(['/', '?', '#', ':'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    MEETING_HOSTS.iter().any(|name| {
        host.strip_suffix(name)
            .is_some_and(|below| below.is_empty() || below.ends_with('.'))
    })
}

/// Whether an address shows a place on a map.
pub(super) fn is_map(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    [
        "google.com/maps",
        "maps.google.",
        "goo.gl/maps",
        "maps.app.goo.gl",
        "maps.apple.com",
        "openstreetmap.org",
    ]
    .iter()
    .any(|part| lower.contains(part))
}

/// The first address of an online meeting in a text.
pub(super) fn meeting_in(text: &str) -> Option<String> {
    let ends = |char: char| char.is_whitespace() || matches!(char, '<' | '>' | '"' | '(' | ')' | '[' | ']' | '\\');
    text.split(ends)
        .filter_map(|word| word.find("http").map(|at| &word[at..]))
        .map(|word| word.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'']))
        .filter_map(web_address)
        .find(|url| is_meeting(url))
}

/// Whether an address ends like a picture.
pub(super) fn is_picture(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    [".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".svg"]
        .iter()
        .any(|end| path.ends_with(end))
}

/// A language tag (BCP 47) that could be one: letters, digits and hyphens, at most 35 characters. Empty otherwise.
pub(super) fn language(text: &str) -> String {
    let text = text.trim();
    let valid = text.len() <= 35
        && text.starts_with(|char: char| char.is_ascii_alphabetic())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || char == '-');
    if valid { text.to_owned() } else { String::new() }
}
