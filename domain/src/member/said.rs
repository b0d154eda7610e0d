//! What somebody says of a member, field by field and within limits: an operator, or a file of another program.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, Link, Listing, MAX_ENTRIES, MAX_LINE, MAX_TEXT, MAX_URL, Member, Status};
use crate::language;

/// Largest photo that is handed on, in bytes.
pub const MAX_PHOTO_FILE: usize = 12 << 20;

/// What is said of one member. [`None`] where nothing is said; something empty where it is said that there is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Said {
    /// A person or an organisation.
    pub kind: Option<Kind>,
    /// One line; a member needs one.
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
    /// A picture in whatever format, at most [`MAX_PHOTO_FILE`] bytes.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

    /// The same with every line and list within the limits of a [`Member`]. Fails at the first that is not, or that is no
    /// language and no address, with the field and what to do.
    pub fn checked(self) -> Result<Self, String> {
        fn each<T>(
            field: &str,
            said: Option<T>,
            check: impl Fn(&str, T) -> Result<T, String>,
        ) -> Result<Option<T>, String> {
            said.map(|said| check(field, said)).transpose()
        }
        let one = |field: &str, said| each(field, said, |field, text: String| line(field, &text));
        let several = |field: &str, said| each(field, said, |field, text: String| paragraphs(field, &text));
        let list = |field: &str, said| each(field, said, |field, all: Vec<String>| lines(field, all));
        let listed = |field: &str, said| each(field, said, |field, all: Vec<Listing>| listings(field, all));
        Ok(Self {
            kind: self.kind,
            name: one("name", self.name)?,
            headline: one("headline", self.headline)?,
            biography: several("biography", self.biography)?,
            skills: list("skills", self.skills)?,
            offers: listed("offers", self.offers)?,
            wants: listed("wants", self.wants)?,
            languages: each("languages", self.languages, |field, all| {
                let (all, odd) = languages(all)?;
                let advice = || format!("{field}: one of them is no language; write it like en or pt-BR");
                if odd { Err(advice()) } else { Ok(all) }
            })?,
            links: each("links", self.links, |field, all| {
                let (all, odd) = links(all)?;
                let advice = || format!("{field}: an address begins with https:// or http:// and has no blanks");
                if odd { Err(advice()) } else { Ok(all) }
            })?,
            role: one("role", self.role)?,
            projects: list("projects", self.projects)?,
            programmes: list("programmes", self.programmes)?,
            tier: one("tier", self.tier)?,
            status: self.status,
            valid_until: self.valid_until,
            photo: each("photo", self.photo, |_, bytes| Ok(photo(bytes)?.unwrap_or_default()))?,
            mail: one("mail", self.mail)?,
            phone: one("phone", self.phone)?,
            notes: several("notes", self.notes)?,
            number: one("number", self.number)?,
            visible: self.visible,
        })
    }

    /// Puts it into a record; where nothing is said that stays as it is. A photo has to be a small one by then.
    pub fn put_into(self, record: &mut Member) {
        fn put<T>(kept: &mut T, said: Option<T>) {
            if let Some(said) = said {
                *kept = said;
            }
        }
        put(&mut record.kind, self.kind);
        put(&mut record.name, self.name);
        put(&mut record.headline, self.headline);
        put(&mut record.biography, self.biography);
        put(&mut record.skills, self.skills);
        put(&mut record.offers, self.offers);
        put(&mut record.wants, self.wants);
        put(&mut record.languages, self.languages);
        put(&mut record.links, self.links);
        put(&mut record.role, self.role);
        put(&mut record.projects, self.projects);
        put(&mut record.programmes, self.programmes);
        put(&mut record.tier, self.tier);
        put(&mut record.status, self.status);
        put(&mut record.valid_until, self.valid_until.map(Until::day));
        put(&mut record.photo, self.photo);
        put(&mut record.local.mail, self.mail);
        put(&mut record.local.phone, self.phone);
        put(&mut record.local.notes, self.notes);
        put(&mut record.local.number, self.number);
    }

    /// A print of each field of which something is said, under `salt`: enough to know it again, and nothing that could be read.
    pub fn prints(&self, salt: &[u8; 16]) -> Prints {
        let Ok(Value::Object(fields)) = serde_json::to_value(self) else {
            return Prints::new();
        };
        let said = fields.into_iter().filter(|(_, value)| !value.is_null());
        said.map(|(field, value)| {
            let print = print_of(salt, &field, &value);
            (field, print)
        })
        .collect()
    }

    /// What of it differs from what the same source said before, of which `before` are the prints. That there is nothing, where
    /// nothing was said before, is no difference: a table with an empty column takes nothing away that somebody else has written.
    #[must_use]
    pub fn since(self, before: &Prints, salt: &[u8; 16]) -> Self {
        let Ok(Value::Object(mut fields)) = serde_json::to_value(&self) else {
            return self;
        };
        for (field, value) in &mut fields {
            let is_known = match before.get(field) {
                Some(print) => *print == print_of(salt, field, value),
                None => is_nothing(value),
            };
            if is_known {
                *value = Value::Null;
            }
        }
        serde_json::from_value(Value::Object(fields)).unwrap_or(self)
    }
}

/// Prints of what a source said, by field.
pub type Prints = BTreeMap<String, [u8; 16]>;

fn print_of(salt: &[u8; 16], field: &str, value: &Value) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt).update(field.as_bytes()).update(&[0]);
    hasher.update(value.to_string().as_bytes());
    let mut print = [0; 16];
    hasher.finalize_xof().fill(&mut print);
    print
}

/// Whether it says that there is nothing. A membership without an end is such.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty() || text == "Open",
        Value::Array(all) => all.is_empty(),
        _ => false,
    }
}

/// White space in a line is single spaces.
pub(crate) fn one_line(text: &str) -> String {
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
pub(crate) fn plain_text(text: &str) -> String {
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

/// A single line of at most [`MAX_LINE`] characters, white space put right. Fails with the field and the limit.
pub fn line(field: &str, text: &str) -> Result<String, String> {
    let text = one_line(text);
    at_most(field, &text, MAX_LINE)?;
    Ok(text)
}

/// Several lines, at most [`MAX_TEXT`] characters.
pub(crate) fn paragraphs(field: &str, text: &str) -> Result<String, String> {
    let text = plain_text(text);
    at_most(field, &text, MAX_TEXT)?;
    Ok(text)
}

/// Single lines, none empty, each once, at most [`MAX_ENTRIES`].
pub(crate) fn lines<T: AsRef<str>>(field: &str, texts: impl IntoIterator<Item = T>) -> Result<Vec<String>, String> {
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
pub(crate) fn listings(field: &str, all: impl IntoIterator<Item = Listing>) -> Result<Vec<Listing>, String> {
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
pub(crate) fn languages<T: AsRef<str>>(tags: impl IntoIterator<Item = T>) -> Result<(Vec<String>, bool), String> {
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
pub(crate) fn links(all: impl IntoIterator<Item = Link>) -> Result<(Vec<Link>, bool), String> {
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
pub(crate) fn photo(bytes: Vec<u8>) -> Result<Option<Vec<u8>>, String> {
    if bytes.len() > MAX_PHOTO_FILE {
        let most = MAX_PHOTO_FILE >> 20;
        return Err(format!(
            "photo: at most {most} MiB, it has {} bytes; make it smaller",
            bytes.len()
        ));
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
    #![allow(clippy::unwrap_used, reason = "tests")]

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

    #[test]
    fn what_an_operator_says_is_put_right_or_refused_with_the_field() {
        let listing = |what: &str| Listing {
            what: what.into(),
            way: None,
            until: None,
        };
        let said = Said {
            name: Some(" Ada\nExample ".into()),
            skills: Some(vec!["a".into(), " a ".into(), String::new()]),
            offers: Some(vec![listing(" a  press "), listing(" ")]),
            languages: Some(vec!["EN".into()]),
            photo: Some(Vec::new()),
            ..Said::default()
        };
        let said = said.checked().unwrap();
        assert_eq!(
            (said.name.as_deref(), said.photo),
            (Some("Ada Example"), Some(Vec::new()))
        );
        assert_eq!(said.skills, Some(vec!["a".to_owned()]));
        assert_eq!(said.offers, Some(vec![listing("a press")]));
        assert_eq!(said.languages, Some(vec!["en".to_owned()]));
        let link = |url: &str| Link {
            label: String::new(),
            url: url.into(),
        };
        for (wrong, field) in [
            (
                Said {
                    mail: Some("a".repeat(201)),
                    ..Said::default()
                },
                "mail: at most 200",
            ),
            (
                Said {
                    notes: Some("a".repeat(8_001)),
                    ..Said::default()
                },
                "notes: at most 8000",
            ),
            (
                Said {
                    wants: Some(vec![listing("x"); 65]),
                    ..Said::default()
                },
                "wants: at most 64",
            ),
            (
                Said {
                    languages: Some(vec!["no language".into()]),
                    ..Said::default()
                },
                "languages: ",
            ),
            (
                Said {
                    links: Some(vec![link("javascript:x")]),
                    ..Said::default()
                },
                "links: ",
            ),
            (
                Said {
                    photo: Some(vec![0; MAX_PHOTO_FILE + 1]),
                    ..Said::default()
                },
                "photo: at most",
            ),
        ] {
            let refused = wrong.checked().unwrap_err();
            assert!(refused.starts_with(field), "{refused}");
        }
    }

    #[test]
    fn of_two_that_a_source_says_only_what_differs_is_new() {
        let salt = [7; 16];
        let first = Said {
            name: Some("Ada".into()),
            headline: Some("Printer".into()),
            tier: Some(String::new()),
            status: Some(Status::Paused),
            offers: Some(vec![Listing {
                what: "a press".into(),
                way: None,
                until: None,
            }]),
            valid_until: Some(Until::Day(jiff::civil::date(2027, 12, 31))),
            ..Said::default()
        };
        let prints = first.prints(&salt);
        assert_eq!(prints.len(), 6);
        assert_eq!(first.clone().since(&prints, &salt), Said::default());
        assert_ne!(first.prints(&[8; 16]), prints);
        assert_eq!(first.clone().since(&Prints::new(), &salt).tier, None);
        let later = Said {
            name: Some("Ada".into()),
            headline: Some(String::new()),
            skills: Some(Vec::new()),
            tier: Some("full".into()),
            valid_until: Some(Until::Open),
            kind: Some(Kind::Person),
            ..Said::default()
        };
        let new = later.since(&prints, &salt);
        let expected = Said {
            headline: Some(String::new()),
            tier: Some("full".into()),
            valid_until: Some(Until::Open),
            kind: Some(Kind::Person),
            ..Said::default()
        };
        assert_eq!(
            new, expected,
            "an empty column that was never filled takes nothing away"
        );
        let mut record = Member {
            headline: "Printmaker".into(),
            role: "Host".into(),
            ..Member::default()
        };
        new.put_into(&mut record);
        assert_eq!(
            (record.headline.as_str(), record.tier.as_str(), record.role.as_str()),
            ("", "full", "Host")
        );
    }
}
