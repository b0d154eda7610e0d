//! One vCard as what it says of a member.

use std::collections::BTreeMap;

use calcard::vcard::{
    VCard, VCardEntry, VCardKind, VCardParameterName, VCardParameterValue, VCardProperty, VCardValue,
};
use calcard::{Entry, Parser};

use super::super::cells;
use super::FIELD;
use super::lines::Block;
use crate::member::said::{self, Said, Until, line, lines, paragraphs};
use crate::member::{Kind, Link, Listing, MAX_ENTRIES, Way};

/// Most properties of one card.
const MAX_PROPERTIES: usize = 5_000;

/// Reads one card: what the file knows it by, and what it says.
pub(super) fn card(block: &Block, notice: &mut dyn FnMut(&str)) -> Result<(String, Said), String> {
    if block.too_large {
        return Err(format!("it has more than {} bytes", super::super::MAX_CARD_BYTES));
    }
    if !block.ended {
        return Err("it is cut off: END:VCARD is missing".to_owned());
    }
    let Entry::VCard(card) = Parser::new(&block.text).entry() else {
        return Err("it is no vCard".to_owned());
    };
    if card.entries.len() > MAX_PROPERTIES {
        return Err(format!("it has more than {MAX_PROPERTIES} properties"));
    }
    Card { card: &card }.said(notice)
}

struct Card<'a> {
    card: &'a VCard,
}

impl<'a> Card<'a> {
    fn all(&self, name: VCardProperty) -> impl Iterator<Item = &'a VCardEntry> {
        self.card.entries.iter().filter(move |entry| entry.name == name)
    }

    /// Properties of our own, by the end of their name.
    fn ours(&self, name: &'static str) -> impl Iterator<Item = &'a VCardEntry> {
        self.card.entries.iter().filter(move |entry| match &entry.name {
            VCardProperty::Other(other) => {
                let head = other.get(.."X-INTERHUB-".len()).unwrap_or_default();
                let tail = other.get("X-INTERHUB-".len()..).unwrap_or_default();
                head.eq_ignore_ascii_case("X-INTERHUB-") && tail.eq_ignore_ascii_case(name)
            }
            _ => false,
        })
    }

    /// The one that is preferred, or else the first, of those with something in them.
    fn preferred(&self, name: VCardProperty) -> Option<&'a VCardEntry> {
        let filled = self.all(name).filter(|entry| !text(entry).trim().is_empty());
        filled.min_by_key(|entry| preference(entry))
    }

    fn said(&self, notice: &mut dyn FnMut(&str)) -> Result<(String, Said), String> {
        let (name, by_company) = self.name()?;
        let title = self
            .preferred(VCardProperty::Title)
            .or_else(|| self.preferred(VCardProperty::Role));
        for (property, word) in [(VCardProperty::Email, "EMAIL"), (VCardProperty::Tel, "TEL")] {
            if self
                .all(property)
                .filter(|entry| !text(entry).trim().is_empty())
                .count()
                > 1
            {
                notice(&format!(
                    "of several {word} the preferred one is taken, or else the first"
                ));
            }
        }
        if self.all(VCardProperty::Categories).next().is_some() {
            notice("CATEGORIES are left out: address books have their groups there");
        }
        let (biography, notes) = self.notes()?;
        let said = Said {
            kind: self.kind().or(by_company.then_some(Kind::Organisation)),
            name,
            headline: line_of("headline", title)?,
            biography,
            skills: lines_of("skills", self.all(VCardProperty::Expertise))?,
            offers: self.listings("offers", "OFFER")?,
            wants: self.listings("wants", "WANT")?,
            languages: self.languages(notice)?,
            links: self.links(notice)?,
            role: line_of("role", self.ours("ROLE").next())?,
            projects: lines_of("projects", self.ours("PROJECT"))?,
            programmes: lines_of("programmes", self.ours("PROGRAMME"))?,
            tier: line_of("tier", self.ours("TIER").next())?,
            status: self.ours("STATUS").next().and_then(|entry| cells::status(&text(entry))),
            valid_until: self.valid_until()?,
            photo: self.photo(notice)?,
            mail: line_of("mail", self.preferred(VCardProperty::Email))?,
            phone: self.phone()?,
            notes,
            number: line_of("number", self.ours("NUMBER").next())?,
            visible: None,
        };
        let uid = line_of("id", self.all(VCardProperty::Uid).next())?;
        Ok((uid.unwrap_or_default(), said))
    }

    /// FN, or N put together, or a nickname; or else the organisation's, and that it is one.
    fn name(&self) -> Result<(Option<String>, bool), String> {
        if let Some(name) = line_of("name", self.preferred(VCardProperty::Fn))? {
            return Ok((Some(name), false));
        }
        if let Some(entry) = self.all(VCardProperty::N).next() {
            let parts: Vec<String> = entry.values.iter().map(|value| value_text(value, " ")).collect();
            let part = |at: usize| parts.get(at).map_or("", String::as_str);
            // Family, given, additional, before, after (RFC 6350 6.2.2), in the order in which they are said.
            let said = [part(3), part(1), part(2), part(0), part(4)].join(" ");
            let name = line("name", &said)?;
            if !name.is_empty() {
                return Ok((Some(name), false));
            }
        }
        if let Some(name) = line_of("name", self.preferred(VCardProperty::Nickname))? {
            return Ok((Some(name), false));
        }
        let company = self
            .preferred(VCardProperty::Org)
            .and_then(|entry| entry.values.first());
        let company = company
            .map(|value| line("name", &value_text(value, ", ")))
            .transpose()?;
        let company = company.filter(|company| !company.is_empty());
        let by_company = company.is_some();
        Ok((company, by_company))
    }

    /// KIND, or what an Apple address book says in its place.
    fn kind(&self) -> Option<Kind> {
        let entry = self.all(VCardProperty::Kind).next();
        let said = entry.and_then(|entry| match entry.values.first()? {
            VCardValue::Kind(VCardKind::Individual) => Some(Kind::Person),
            VCardValue::Kind(VCardKind::Org | VCardKind::Group) => Some(Kind::Organisation),
            _ => None,
        });
        let company = self.card.entries.iter().any(|entry| {
            matches!(&entry.name, VCardProperty::Other(name) if name.eq_ignore_ascii_case("X-ABSHOWAS"))
                && text(entry).trim().eq_ignore_ascii_case("COMPANY")
        });
        said.or(company.then_some(Kind::Organisation))
    }

    /// The biography, and what was noted.
    fn notes(&self) -> Result<(Option<String>, Option<String>), String> {
        let of = |field: &str, biography: bool| {
            let all = self.all(VCardProperty::Note);
            let all =
                all.filter(|entry| parameter(entry, FIELD).is_some_and(|value| value == "biography") == biography);
            let texts: Vec<String> = all.map(|entry| said::plain_text(&text(entry))).collect();
            let filled: Vec<&str> = texts
                .iter()
                .map(String::as_str)
                .filter(|text| !text.is_empty())
                .collect();
            let said = paragraphs(field, &filled.join("\n\n"))?;
            Ok::<_, String>((!said.is_empty()).then_some(said))
        };
        Ok((of("biography", true)?, of("notes", false)?))
    }

    fn listings(&self, field: &str, name: &'static str) -> Result<Option<Vec<Listing>>, String> {
        let read = self.ours(name).map(|entry| Listing {
            what: text(entry),
            way: parameter(entry, "X-WAY")
                .and_then(|word| Way::ALL.into_iter().find(|way| way.name().eq_ignore_ascii_case(&word))),
            until: parameter(entry, "X-UNTIL").and_then(|day| day.parse().ok()),
        });
        let all = said::listings(field, read)?;
        Ok((!all.is_empty()).then_some(all))
    }

    fn languages(&self, notice: &mut dyn FnMut(&str)) -> Result<Option<Vec<String>>, String> {
        let mut entries: Vec<&VCardEntry> = self.all(VCardProperty::Lang).take(2 * MAX_ENTRIES).collect();
        entries.sort_by_key(|entry| preference(entry));
        let (tags, odd) = said::languages(entries.into_iter().map(text))?;
        if odd {
            notice("languages that are not written like en or pt-BR are left out");
        }
        Ok((!tags.is_empty()).then_some(tags))
    }

    /// URL, with the label that address books put beside it.
    fn links(&self, notice: &mut dyn FnMut(&str)) -> Result<Option<Vec<Link>>, String> {
        let mut labels: BTreeMap<&str, String> = BTreeMap::new();
        for entry in &self.card.entries {
            let label = matches!(&entry.name, VCardProperty::Other(name) if name.eq_ignore_ascii_case("X-ABLABEL"));
            if let (true, Some(group)) = (label, &entry.group) {
                labels.insert(group, text(entry));
            }
        }
        let read = self.all(VCardProperty::Url).map(|entry| {
            let label = entry.group.as_deref().and_then(|group| labels.get(group));
            // Apple writes its own words like this: _$!<HomePage>!$_
            let label = label.map_or("", String::as_str);
            let inside = label.strip_prefix("_$!<").and_then(|label| label.strip_suffix(">!$_"));
            Link {
                label: inside.unwrap_or(label).to_owned(),
                url: text(entry),
            }
        });
        let (all, odd) = said::links(read)?;
        if odd {
            notice("links that are no addresses on the web are left out");
        }
        Ok((!all.is_empty()).then_some(all))
    }

    fn valid_until(&self) -> Result<Option<Until>, String> {
        let Some(entry) = self.ours("VALID-UNTIL").next() else {
            return Ok(None);
        };
        let said = text(entry);
        let wrong = |_| format!("valid_until: {said:.40} is no date");
        said.trim().parse().map(|day| Some(Until::Day(day))).map_err(wrong)
    }

    fn phone(&self) -> Result<Option<String>, String> {
        let number = |entry: &VCardEntry| {
            let said = text(entry);
            // RFC 3966, which later cards may have.
            let is_address = said.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("tel:"));
            if is_address {
                said.get(4..).unwrap_or_default().to_owned()
            } else {
                said
            }
        };
        let is_fax = |entry: &&VCardEntry| {
            entry.params.iter().any(|one| {
                one.name == VCardParameterName::Type && parameter_text(&one.value).eq_ignore_ascii_case("fax")
            })
        };
        let all = || {
            self.all(VCardProperty::Tel)
                .filter(|entry| !text(entry).trim().is_empty())
        };
        let voice = all()
            .filter(|entry| !is_fax(entry))
            .min_by_key(|entry| preference(entry));
        let said = voice
            .or_else(|| all().next())
            .map(|entry| line("phone", &number(entry)))
            .transpose()?;
        Ok(said.filter(|text| !text.is_empty()))
    }

    /// The first picture that is in the card itself.
    fn photo(&self, notice: &mut dyn FnMut(&str)) -> Result<Option<Vec<u8>>, String> {
        for value in self.all(VCardProperty::Photo).flat_map(|entry| &entry.values) {
            match value {
                VCardValue::Binary(data) => {
                    if let Some(bytes) = said::photo(data.data.clone())? {
                        return Ok(Some(bytes));
                    }
                }
                VCardValue::Text(text) if text.trim().is_empty() => {}
                VCardValue::Text(_) => notice("photos that are not in the card itself are left out"),
                _ => {}
            }
        }
        Ok(None)
    }
}

/// The text of a property as one line, if there is something in it.
fn line_of(field: &str, entry: Option<&VCardEntry>) -> Result<Option<String>, String> {
    let said = entry.map(|entry| line(field, &text(entry))).transpose()?;
    Ok(said.filter(|text| !text.is_empty()))
}

fn lines_of<'a>(field: &str, entries: impl Iterator<Item = &'a VCardEntry>) -> Result<Option<Vec<String>>, String> {
    let all = lines(field, entries.map(text))?;
    Ok((!all.is_empty()).then_some(all))
}

/// What is preferred comes first: PREF=1 before PREF=2 (RFC 6350 5.3), or TYPE=pref before the others (RFC 2426).
fn preference(entry: &VCardEntry) -> u32 {
    let of = |name: &VCardParameterName, value: &VCardParameterValue| match (name, value) {
        (VCardParameterName::Pref, VCardParameterValue::Integer(number)) => Some(*number),
        (VCardParameterName::Pref, _) => Some(1),
        (VCardParameterName::Type, value) if parameter_text(value).eq_ignore_ascii_case("pref") => Some(1),
        _ => None,
    };
    let said = entry.params.iter().filter_map(|one| of(&one.name, &one.value));
    said.min().unwrap_or(u32::MAX)
}

fn parameter_text(value: &VCardParameterValue) -> &str {
    match value {
        VCardParameterValue::Type(word) => calcard::common::IanaString::as_str(word),
        VCardParameterValue::Text(text) => text,
        _ => "",
    }
}

/// A parameter that the standard does not know.
fn parameter(entry: &VCardEntry, name: &str) -> Option<String> {
    let found = entry.params.iter().find(|one| match &one.name {
        VCardParameterName::Other(other) => other.eq_ignore_ascii_case(name),
        _ => false,
    });
    found.map(|one| parameter_text(&one.value).to_owned())
}

/// All values as one text; calcard splits some properties at a separator that may be part of the text.
fn text(entry: &VCardEntry) -> String {
    match entry.values.as_slice() {
        [one] => value_text(one, ","),
        all => all
            .iter()
            .map(|value| value_text(value, ","))
            .collect::<Vec<_>>()
            .join(","),
    }
}

fn value_text(value: &VCardValue, between: &str) -> String {
    match value {
        VCardValue::Text(text) => text.clone(),
        VCardValue::Component(parts) => parts.join(between),
        VCardValue::Integer(number) => number.to_string(),
        VCardValue::Float(number) => number.to_string(),
        _ => String::new(),
    }
}
