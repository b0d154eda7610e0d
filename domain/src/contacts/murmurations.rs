//! Members as profiles for Murmurations, an index of people and organisations: `people_schema-v0.1.0` and
//! `organizations_schema-v1.0.0` of its library.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::member::said::{one_line, plain_text};
use crate::member::{Kind, Member, Status};

/// Longest tag, in characters, and most of them (`fields/tags.json` of the library).
const MAX_TAG: usize = 100;

/// Profiles, each to be put at an address of its own, from which the index fetches it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profiles {
    /// By the member's id.
    pub profiles: Vec<(String, Value)>,
    /// By the member's id, and what of that which the schema requires is not public.
    pub left_out: Vec<(String, &'static str)>,
}

/// Makes a profile of each member of whom a name is public; of a person a link and a skill have to be too. The members are those
/// that everybody sees (`seen_by(Audience::Public)`): whatever is in them is published. Offers and wants have no place in it, nor
/// has the photo, which would have to be an address.
pub fn to_murmurations(members: &[(String, &Member)]) -> Profiles {
    let mut out = Profiles::default();
    for (id, member) in members {
        match profile(member) {
            Ok(profile) => out.profiles.push((id.clone(), profile)),
            Err(missing) => out.left_out.push((id.clone(), missing)),
        }
    }
    out
}

fn profile(member: &Member) -> Result<Value, &'static str> {
    if member.status == Status::MovedOn {
        return Err("they moved on");
    }
    if member.name.is_empty() {
        return Err("there is no name");
    }
    let person = member.kind == Kind::Person;
    let schema = if person {
        "people_schema-v0.1.0"
    } else {
        "organizations_schema-v1.0.0"
    };
    let mut out = json!({"linked_schemas": [schema], "name": member.name});
    let tags = tags(&member.skills);
    match (member.links.first(), person) {
        (Some(link), _) => out["primary_url"] = json!(link.url),
        (None, true) => return Err("there is no link"),
        (None, false) => {}
    }
    match (tags.is_empty(), person) {
        (false, _) => out["tags"] = json!(tags),
        (true, true) => return Err("there is no skill"),
        (true, false) => {}
    }
    let texts = [one_line(&member.headline), plain_text(&member.biography)];
    let texts: Vec<&str> = texts
        .iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    if !texts.is_empty() {
        out["description"] = json!(texts.join("\n\n"));
    }
    let mut seen = BTreeSet::new();
    let others = member
        .links
        .iter()
        .skip(1)
        .filter(|link| seen.insert((&link.label, &link.url)));
    let urls: Vec<Value> = others
        .map(|link| json!({"name": link.label, "url": link.url}))
        .collect();
    if !urls.is_empty() {
        out["urls"] = json!(urls);
    }
    if person && !member.languages.is_empty() {
        out["knows_language"] = json!(member.languages);
    }
    Ok(out)
}

/// Skills that are short enough, each once.
fn tags(skills: &[String]) -> Vec<&String> {
    let mut seen = BTreeSet::new();
    let short = skills.iter().filter(|skill| skill.chars().nth(MAX_TAG).is_none());
    short.filter(|skill| seen.insert(*skill)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::Link;
    use crate::member::tests::sample;

    #[test]
    fn profiles_have_what_their_schema_requires() {
        let mut ada = sample();
        ada.links.push(Link {
            label: "Blog".into(),
            url: "https://blog.example".into(),
        });
        ada.skills.push("x".repeat(MAX_TAG + 1));
        let mut firm = Member {
            kind: Kind::Organisation,
            name: "Press & Co".into(),
            ..Member::default()
        };
        let bob = Member {
            name: "Bob".into(),
            ..Member::default()
        };
        let made = to_murmurations(&[("a".into(), &ada), ("b".into(), &bob), ("c".into(), &firm)]);
        let expected = json!({
            "linked_schemas": ["people_schema-v0.1.0"],
            "name": "Ada Example",
            "primary_url": "https://shop.example",
            "tags": ["screen printing", "binding"],
            "description": "Printmaker\n\nPrints since 1998.",
            "urls": [{"name": "Blog", "url": "https://blog.example"}],
            "knows_language": ["en", "cy"],
        });
        let firms = json!({"linked_schemas": ["organizations_schema-v1.0.0"], "name": "Press & Co"});
        assert_eq!(made.profiles, [("a".to_owned(), expected), ("c".to_owned(), firms)]);
        assert_eq!(made.left_out, [("b".to_owned(), "there is no link")]);
        firm.status = Status::MovedOn;
        assert_eq!(to_murmurations(&[("c".into(), &firm)]).profiles, []);
        let everything = to_murmurations(&[("a".into(), &ada)]).profiles[0].1.to_string();
        for private in ["ada@mail.example", "+44 1", "key 7", "0017"] {
            assert!(!everything.contains(private), "{private}");
        }
    }
}
