//! What a file says of a member, within limits.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::MAX_PHOTO_FILE;
use crate::language;
use crate::member::{Kind, Link, Listing, MAX_ENTRIES, MAX_LINE, MAX_TEXT, MAX_URL, Member, Status};

/// What a file says of one member, field by field. [`None`] where it says nothing; something empty where it says that there is
/// nothing, which only a table can: an empty cell in a column that is there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Said {
    /// A person or an organisation.
    pub kind: Option<Kind>,
    /// Never empty.
    pub name: Option<String>,
    /// One line.
    pub headline: Option<String>,
    /// Plain text.
    pub biography: Option<String>,
    /// One line each.
    pub skills: Option<Vec<String>>,
    /// What they offer.
    pub offers: Option<Vec<Listing>>,
    /// What they look for.
    pub wants: Option<Vec<Listing>>,
    /// BCP 47, canonical.
    pub languages: Option<Vec<String>>,
    /// Addresses on the web.
    pub links: Option<Vec<Link>>,
    /// What they are at the hub; one line.
    pub role: Option<String>,
    /// One line each.
    pub projects: Option<Vec<String>>,
    /// One line each.
    pub programmes: Option<Vec<String>>,
    /// What kind of membership; one line.
    pub tier: Option<String>,
    /// How it stands.
    pub status: Option<Status>,
    /// Its end.
    pub valid_until: Option<Until>,
    /// A picture as the file has it, in whatever format; at most [`MAX_PHOTO_FILE`] bytes, never empty.
    pub photo: Option<Vec<u8>>,
    /// Where to write to; one line.
    pub mail: Option<String>,
    /// Where to call; one line.
    pub phone: Option<String>,
    /// What the staff noted; plain text.
    pub notes: Option<String>,
    /// The number in the hub's own books; one line.
    pub number: Option<String>,
    /// Whether they wish to be seen by others. To be told, and nothing else: it is no consent.
    pub visible: Option<bool>,
}

/// When a membership ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// It does not.
    Open,
    /// After this day.
    Day(Date),
}

impl Until {
    /// As a member has it.
    pub const fn day(self) -> Option<Date> {
        match self {
            Self::Open => None,
            Self::Day(day) => Some(day),
        }
    }
}

impl Said {
    /// What a member's record says where it is not empty: what a reader of its vCard learns.
    pub fn of(member: &Member) -> Self {
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        let list = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
        let listings = |list: &Vec<Listing>| (!list.is_empty()).then(|| list.clone());
        Self {
            kind: Some(member.kind),
            name: text(&member.name),
            headline: text(&member.headline),
            biography: text(&plain_text(&member.biography)),
            skills: list(&member.skills),
            offers: listings(&member.offers),
            wants: listings(&member.wants),
            languages: list(&member.languages),
            links: (!member.links.is_empty()).then(|| member.links.clone()),
            role: text(&member.role),
            projects: list(&member.projects),
            programmes: list(&member.programmes),
            tier: text(&member.tier),
            status: Some(member.status),
            valid_until: member.valid_until.map(Until::Day),
            photo: (!member.photo.is_empty()).then(|| member.photo.clone()),
            mail: text(&member.local.mail),
            phone: text(&member.local.phone),
            notes: text(&plain_text(&member.local.notes)),
            number: text(&member.local.number),
            visible: None,
        }
    }
}

/// White space in a line is single spaces.
pub(super) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if !word.is_empty() && !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Lines end with LF; no control characters besides it and the tab, no white space around.
pub(super) fn plain_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.trim().chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            '\n' | '\t' => out.push(char),
            _ if char.is_control() => {}
            _ => out.push(char),
        }
    }
    let trimmed = out.trim();
    if trimmed.len() == out.len() {
        out
    } else {
        trimmed.to_owned()
    }
}

/// A single line of at most [`MAX_LINE`] characters.
pub(super) fn line(field: &str, text: &str) -> Result<String, String> {
    let text = one_line(text);
    at_most(field, &text, MAX_LINE)?;
    Ok(text)
}

/// Several lines, at most [`MAX_TEXT`] characters.
pub(super) fn paragraphs(field: &str, text: &str) -> Result<String, String> {
    let text = plain_text(text);
    at_most(field, &text, MAX_TEXT)?;
    Ok(text)
}

/// Single lines, none empty, each once, at most [`MAX_ENTRIES`].
pub(super) fn lines<T: AsRef<str>>(field: &str, texts: impl IntoIterator<Item = T>) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut seen = BTreeSet::new();
    for text in texts {
        let text = line(field, text.as_ref())?;
        if !text.is_empty() && seen.insert(text.clone()) {
            few(field, out.len())?;
            out.push(text);
        }
    }
    Ok(out)
}

/// Offers or wants, none empty, at most [`MAX_ENTRIES`].
pub(super) fn listings(field: &str, all: impl IntoIterator<Item = Listing>) -> Result<Vec<Listing>, String> {
    let mut out = Vec::new();
    for one in all {
        let what = line(field, &one.what)?;
        if !what.is_empty() {
            few(field, out.len())?;
            out.push(Listing { what, ..one });
        }
    }
    Ok(out)
}

/// Languages in one spelling, each once, at most [`MAX_ENTRIES`]. Gives those that are no language too.
pub(super) fn languages<T: AsRef<str>>(tags: impl IntoIterator<Item = T>) -> Result<(Vec<String>, bool), String> {
    let (mut out, mut odd): (Vec<String>, bool) = (Vec::new(), false);
    for tag in tags {
        let tag = tag.as_ref().trim();
        if tag.is_empty() {
            continue;
        }
        match language::canonical(&tag.replace('_', "-")) {
            Some(tag) if out.contains(&tag) => {}
            Some(tag) => {
                few("languages", out.len())?;
                out.push(tag);
            }
            None => odd = true,
        }
    }
    Ok((out, odd))
}

/// Links, at most [`MAX_ENTRIES`]. Tells whether one was no web address and is left out.
pub(super) fn links(all: impl IntoIterator<Item = Link>) -> Result<(Vec<Link>, bool), String> {
    let (mut out, mut odd): (Vec<Link>, bool) = (Vec::new(), false);
    for link in all {
        if link.url.trim().is_empty() {
            continue;
        }
        let Some(url) = web_address(&link.url) else {
            odd = true;
            continue;
        };
        at_most("links", &url, MAX_URL)?;
        few("links", out.len())?;
        let label = line("links", &link.label)?;
        out.push(Link { label, url });
    }
    Ok((out, odd))
}

/// A picture; [`None`] if there is nothing in it.
pub(super) fn photo(bytes: Vec<u8>) -> Result<Option<Vec<u8>>, String> {
    if bytes.len() > MAX_PHOTO_FILE {
        return Err(format!("photo: at most {MAX_PHOTO_FILE} bytes, it has {}", bytes.len()));
    }
    Ok((!bytes.is_empty()).then_some(bytes))
}

fn at_most(field: &str, text: &str, most: usize) -> Result<(), String> {
    // No character has less than one byte: most texts need no counting.
    if text.len() <= most || text.chars().nth(most).is_none() {
        return Ok(());
    }
    Err(format!(
        "{field}: at most {most} characters, it has {}",
        text.chars().count()
    ))
}

fn few(field: &str, so_far: usize) -> Result<(), String> {
    if so_far < MAX_ENTRIES {
        return Ok(());
    }
    Err(format!("{field}: at most {MAX_ENTRIES} entries"))
}

/// An address of the web, with `https://` put before what is plainly meant as one (`www.example.org`, `example.org/ada`).
fn web_address(text: &str) -> Option<String> {
    let text = text.trim();
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return None;
    }
    for scheme in ["https://", "http://"] {
        let begins = text
            .get(..scheme.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(scheme));
        if let (true, Some(rest)) = (begins, text.get(scheme.len()..)) {
            return (!rest.is_empty()).then(|| format!("{scheme}{rest}"));
        }
    }
    let host = text.split(['/', '?', '#']).next().unwrap_or_default();
    let of_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let (before, last) = host.rsplit_once('.')?;
    let named = !before.is_empty() && last.len() >= 2 && last.chars().all(char::is_alphabetic);
    (named && host.chars().all(of_host)).then(|| format!("https://{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_as_an_address_is_one() {
        for (text, address) in [
            ("https://a.example/x?y=1", Some("https://a.example/x?y=1")),
            ("HTTP://A.example", Some("http://A.example")),
            (" www.a.example ", Some("https://www.a.example")),
            ("a.example/ada", Some("https://a.example/ada")),
            ("@ada", None),
            ("ada@a.example", None),
            ("https://", None),
            ("1.5", None),
            ("javascript:alert(1)", None),
            ("a b.example", None),
        ] {
            assert_eq!(web_address(text).as_deref(), address, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_and_not_cut() {
        assert_eq!(
            line("name", &"ä".repeat(MAX_LINE)).map(|line| line.chars().count()),
            Ok(MAX_LINE)
        );
        assert!(line("name", &"a".repeat(MAX_LINE + 1)).is_err_and(|reason| reason.starts_with("name: at most 200")));
        assert!(paragraphs("notes", &"a".repeat(MAX_TEXT + 1)).is_err());
        let many = (0..=MAX_ENTRIES).map(|number| number.to_string());
        assert!(lines("skills", many).is_err());
        assert_eq!(
            lines("skills", ["a", " a ", "", "b\nc"]),
            Ok(vec!["a".to_owned(), "b c".to_owned()])
        );
        assert_eq!(plain_text(" a\r\nb\rc\0\t\u{85} "), "a\nb\nc");
    }
}
