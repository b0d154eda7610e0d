#![allow(clippy::unwrap_used, reason = "tests")]

use super::super::{Parsed, read};
use crate::member::{Kind, Link};

fn parsed(text: &str) -> Parsed {
    read(text.as_bytes(), None, &[]).unwrap()
}

/// A card as other programs write it.
const CARD: &str = r#"{
  "@type": "Card", "version": "1.0", "uid": "urn:uuid:2", "kind": "individual",
  "name": {"@type": "Name", "isOrdered": true, "components": [
    {"kind": "given", "value": "Ida"}, {"kind": "separator", "value": "van"}, {"kind": "surname", "value": "Invented"}]},
  "emails": {"e1": {"address": "work@mail.example"}, "e2": {"address": "ida@mail.example", "pref": 1}},
  "phones": {"p": {"number": "tel:+44-1", "features": {"mobile": true}}},
  "titles": {"t1": {"kind": "role", "name": "Artist"}, "t2": {"name": "Illustrator"}},
  "personalInfo": {"a": {"kind": "hobby", "value": "chess"}, "b": {"kind": "expertise", "value": "drawing", "listAs": 2},
    "c": {"kind": "expertise", "value": "riso", "listAs": 1}},
  "preferredLanguages": {"l1": {"language": "en"}, "l2": {"language": "DE", "pref": 1}},
  "onlineServices": {"s": {"service": "Mastodon", "uri": "https://social.example/@ida"}, "x": {"service": "XMPP", "user": "ida"}},
  "links": {"w": {"uri": "https://ida.example"}},
  "media": {"m": {"kind": "photo", "uri": "https://ida.example/p.jpg"}, "n": {"kind": "photo", "uri": "data:image/jpeg;base64,/9j/"}},
  "notes": {"n": {"note": "Met at the fair"}}, "keywords": {"vip": true}
}"#;

#[test]
fn a_card_of_others_is_read() {
    let parsed = parsed(CARD);
    let contact = &parsed.contacts[0];
    let said = &contact.said;
    assert_eq!(
        (contact.uid.as_str(), said.name.as_deref(), said.kind),
        ("urn:uuid:2", Some("Ida van Invented"), Some(Kind::Person))
    );
    assert_eq!(
        (said.mail.as_deref(), said.phone.as_deref()),
        (Some("ida@mail.example"), Some("+44-1"))
    );
    assert_eq!(
        (said.headline.as_deref(), said.notes.as_deref()),
        (Some("Illustrator"), Some("Met at the fair"))
    );
    assert_eq!(said.skills, Some(vec!["riso".to_owned(), "drawing".to_owned()]));
    assert_eq!(said.languages, Some(vec!["de".to_owned(), "en".to_owned()]));
    let links = [("", "https://ida.example"), ("Mastodon", "https://social.example/@ida")];
    let links = links.map(|(label, url)| Link {
        label: label.into(),
        url: url.into(),
    });
    assert_eq!(said.links.as_deref(), Some(&links[..]));
    assert_eq!(said.photo.as_deref(), Some(&[0xFF, 0xD8, 0xFF][..]));
    assert_eq!(parsed.notices.len(), 3, "{:?}", parsed.notices);
}

#[test]
fn lists_are_read_card_by_card_with_their_lines() {
    let text = format!(
        "{{\"state\": \"x\", \"list\": [\n{CARD},\n7,\n{{\"@type\": \"Group\"}},\n{{\"uid\": \"3\", \"name\": {{\"full\": \"B\"}}}}]}}"
    );
    let parsed = parsed(&text);
    let lines = CARD.lines().count() as u64;
    assert_eq!(
        parsed.contacts.iter().map(|one| one.line).collect::<Vec<_>>(),
        [2, lines + 4]
    );
    let refused: Vec<(u64, &str)> = parsed
        .refused
        .iter()
        .map(|one| (one.line, one.reason.as_str()))
        .collect();
    assert_eq!(
        refused,
        [
            (lines + 2, "it is no card: an object was expected"),
            (lines + 3, "it is no card but a Group")
        ]
    );
}

#[test]
fn what_is_of_another_type_says_nothing_and_what_is_too_deep_is_refused() {
    let text = r#"[{"uid": "1", "name": 5, "emails": [1], "notes": {"a": 7}, "interhub:offers": {"what": "x"}}]"#;
    let said = &parsed(text).contacts[0].said;
    assert_eq!(
        (said.name.as_ref(), said.mail.as_ref(), said.offers.as_ref()),
        (None, None, None)
    );
    let deep = format!("[{{\"uid\": \"1\", \"x\": {}{}}}]", "[".repeat(500), "]".repeat(500));
    assert!(parsed(&deep).refused[0].reason.starts_with("it cannot be read"));
    let endless = format!("[{}", "[".repeat(1_000_000));
    assert!(read(endless.as_bytes(), None, &[]).is_err());
}
