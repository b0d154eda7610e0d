//! One card as what it says of a member.

use data_encoding::BASE64_NOPAD;
use serde_json::{Map, Value};

use super::super::cells;
use crate::member::said::MAX_PHOTO_FILE;
use crate::member::said::{self, Said, Until, line, lines, paragraphs};
use crate::member::{Kind, Link, Listing, Way};

/// Reads one card: what the file knows it by, and what it says.
pub(super) fn card(value: &Value, notice: &mut dyn FnMut(&str)) -> Result<(String, Said), String> {
    let Some(card) = value.as_object() else {
        return Err("it is no card: an object was expected".to_owned());
    };
    if let Some(other) = card.get("@type").and_then(Value::as_str).filter(|kind| *kind != "Card") {
        return Err(format!("it is no card but a {other:.40}"));
    }
    let (name, by_company) = name(card)?;
    let (languages, odd) = said::languages(all(card, "preferredLanguages").iter().map(|one| word(one, "language")))?;
    if odd {
        notice("languages that are not written like en or pt-BR are left out");
    }
    for key in ["emails", "phones"] {
        if all(card, key).len() > 1 {
            notice(&format!(
                "of several {key} the preferred one is taken, or else the first"
            ));
        }
    }
    if card.contains_key("keywords") {
        notice("keywords are left out: address books have their groups there");
    }
    let first = |key: &str, of: &str| {
        all(card, key)
            .first()
            .map(|one| word(one, of))
            .unwrap_or_default()
            .to_owned()
    };
    let number = first("phones", "number");
    let said = Said {
        kind: kind(card).or(by_company.then_some(Kind::Organisation)),
        name,
        headline: filled(line("headline", &headline(card))?),
        biography: notes(card, "biography", true)?,
        skills: list(lines("skills", skills(card))?),
        offers: listings(card, "interhub:offers")?,
        wants: listings(card, "interhub:wants")?,
        languages: list(languages),
        links: links(card, notice)?,
        role: own_line(card, "role")?,
        projects: own_lines(card, "projects")?,
        programmes: own_lines(card, "programmes")?,
        tier: own_line(card, "tier")?,
        status: card
            .get("interhub:status")
            .and_then(Value::as_str)
            .and_then(cells::status),
        valid_until: valid_until(card)?,
        photo: photo(card, notice)?,
        mail: filled(line("mail", &first("emails", "address"))?),
        phone: filled(line("phone", number.strip_prefix("tel:").unwrap_or(&number))?),
        notes: notes(card, "notes", false)?,
        number: own_line(card, "number")?,
        visible: None,
    };
    Ok((line("id", text(card.get("uid")))?, said))
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn word<'a>(one: &'a Map<String, Value>, key: &str) -> &'a str {
    text(one.get(key))
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn list(all: Vec<String>) -> Option<Vec<String>> {
    (!all.is_empty()).then_some(all)
}

/// What a map of the card holds, the preferred first (RFC 9553 1.5.4), then by their order in a list, then by id.
fn all<'a>(card: &'a Map<String, Value>, key: &str) -> Vec<&'a Map<String, Value>> {
    let Some(map) = card.get(key).and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut all: Vec<(&String, &Map<String, Value>)> = map
        .iter()
        .filter_map(|(id, one)| Some((id, one.as_object()?)))
        .collect();
    let number = |one: &Map<String, Value>, key: &str| one.get(key).and_then(Value::as_u64).unwrap_or(u64::MAX);
    all.sort_by_key(|(id, one)| (number(one, "pref"), number(one, "listAs"), *id));
    all.into_iter().map(|(_, one)| one).collect()
}

/// The whole name, or its parts, or a nickname; or else an organisation's, and that it is one.
fn name(card: &Map<String, Value>) -> Result<(Option<String>, bool), String> {
    let said = card.get("name").and_then(Value::as_object);
    let whole = said.map(|name| word(name, "full")).unwrap_or_default().to_owned();
    let of = |key: &str| {
        all(card, key)
            .first()
            .map(|one| word(one, "name"))
            .unwrap_or_default()
            .to_owned()
    };
    let parts = || said.map(put_together).unwrap_or_default();
    let candidates: [&dyn Fn() -> String; 3] = [&|| whole.clone(), &parts, &|| of("nicknames")];
    for candidate in candidates {
        let name = line("name", &candidate())?;
        if !name.is_empty() {
            return Ok((Some(name), false));
        }
    }
    let company = filled(line("name", &of("organizations"))?);
    let by_company = company.is_some();
    Ok((company, by_company))
}

/// The parts of a name (RFC 9553 2.2.1) in the order in which they are said.
fn put_together(name: &Map<String, Value>) -> String {
    let parts = name
        .get("components")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let parts: Vec<(&str, &str)> = parts
        .iter()
        .filter_map(Value::as_object)
        .map(|part| (word(part, "kind"), word(part, "value")))
        .collect();
    if name.get("isOrdered").and_then(Value::as_bool) == Some(true) {
        return parts.iter().map(|(_, value)| *value).collect::<Vec<_>>().join(" ");
    }
    let order = [
        "title",
        "given",
        "given2",
        "surname",
        "surname2",
        "generation",
        "credential",
    ];
    let in_order = order
        .iter()
        .flat_map(|kind| parts.iter().filter(move |(one, _)| one == kind));
    in_order.map(|(_, value)| *value).collect::<Vec<_>>().join(" ")
}

fn kind(card: &Map<String, Value>) -> Option<Kind> {
    match text(card.get("kind")) {
        "individual" => Some(Kind::Person),
        "org" | "group" => Some(Kind::Organisation),
        _ => None,
    }
}

/// A title, or else an occupation.
fn headline(card: &Map<String, Value>) -> String {
    let titles = all(card, "titles");
    let of = |role: bool| {
        titles
            .iter()
            .find(|one| (word(one, "kind") == "role") == role && !word(one, "name").is_empty())
    };
    of(false)
        .or_else(|| of(true))
        .map(|one| word(one, "name"))
        .unwrap_or_default()
        .to_owned()
}

fn skills(card: &Map<String, Value>) -> Vec<&str> {
    let all = all(card, "personalInfo").into_iter();
    all.filter(|one| word(one, "kind") == "expertise")
        .map(|one| word(one, "value"))
        .collect()
}

fn notes(card: &Map<String, Value>, field: &str, biography: bool) -> Result<Option<String>, String> {
    let all = all(card, "notes").into_iter();
    let all = all.filter(|one| (word(one, "interhub:field") == "biography") == biography);
    let texts: Vec<String> = all.map(|one| said::plain_text(word(one, "note"))).collect();
    let texts: Vec<&str> = texts
        .iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    Ok(filled(paragraphs(field, &texts.join("\n\n"))?))
}

fn own_line(card: &Map<String, Value>, field: &str) -> Result<Option<String>, String> {
    Ok(filled(line(field, text(card.get(&format!("interhub:{field}"))))?))
}

fn own_lines(card: &Map<String, Value>, field: &str) -> Result<Option<Vec<String>>, String> {
    let said = card.get(&format!("interhub:{field}")).and_then(Value::as_array);
    let all = said
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str);
    Ok(list(lines(field, all)?))
}

fn listings(card: &Map<String, Value>, key: &str) -> Result<Option<Vec<Listing>>, String> {
    let said = card
        .get(key)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let read = said.iter().filter_map(Value::as_object).map(|one| Listing {
        what: word(one, "what").to_owned(),
        way: Way::ALL.into_iter().find(|way| way.name() == word(one, "way")),
        until: word(one, "until").parse().ok(),
    });
    let all = said::listings(key.trim_start_matches("interhub:"), read)?;
    Ok((!all.is_empty()).then_some(all))
}

/// Links, and accounts elsewhere that have an address.
fn links(card: &Map<String, Value>, notice: &mut dyn FnMut(&str)) -> Result<Option<Vec<Link>>, String> {
    let link = |one: &Map<String, Value>, label: &str| Link {
        label: word(one, label).to_owned(),
        url: word(one, "uri").to_owned(),
    };
    let plain = all(card, "links").into_iter().map(|one| link(one, "label"));
    let services = all(card, "onlineServices").into_iter().map(|one| link(one, "service"));
    let (all, odd) = said::links(plain.chain(services))?;
    if odd {
        notice("links that are no addresses on the web are left out");
    }
    Ok((!all.is_empty()).then_some(all))
}

fn valid_until(card: &Map<String, Value>) -> Result<Option<Until>, String> {
    let said = text(card.get("interhub:validUntil"));
    if said.is_empty() {
        return Ok(None);
    }
    let wrong = |_| format!("valid_until: {said:.40} is no date");
    said.parse().map(|day| Some(Until::Day(day))).map_err(wrong)
}

/// The first picture that is in the card itself.
fn photo(card: &Map<String, Value>, notice: &mut dyn FnMut(&str)) -> Result<Option<Vec<u8>>, String> {
    for one in all(card, "media")
        .into_iter()
        .filter(|one| word(one, "kind") == "photo")
    {
        match data(word(one, "uri")) {
            Some(bytes) => {
                if let Some(photo) = said::photo(bytes)? {
                    return Ok(Some(photo));
                }
            }
            None => notice("photos that are not in the card itself are left out"),
        }
    }
    Ok(None)
}

/// What is in a data URI (RFC 2397) in base64. No more is decoded than it takes to see that it is too much.
fn data(uri: &str) -> Option<Vec<u8>> {
    let head = uri.get(..5).filter(|head| head.eq_ignore_ascii_case("data:"))?;
    let (kind, text) = uri.get(head.len()..)?.split_once(',')?;
    kind.to_ascii_lowercase().ends_with(";base64").then_some(())?;
    let plain = |byte: &u8| !byte.is_ascii_whitespace() && *byte != b'=';
    let most = (MAX_PHOTO_FILE / 3 + 2) * 4;
    let text: Vec<u8> = text.bytes().filter(plain).take(most).collect();
    BASE64_NOPAD.decode(&text).ok()
}
