//! A member as a document: the record in the hub's local log, and the card in the network's.
//!
//! Lists are written whole: two people of one hub's staff who change one list at the same time are one after the other at its
//! node. The biography is a text, which merges by character. Audiences and consents are maps, so that additions merge.

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::Transactable;
use automerge::{AutoCommit, AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};
use jiff::civil::Date;

use super::fields::{
    child, integer, map, put_integer, put_string, put_strings, put_text, remove, string, strings, text,
};
use crate::language;
use crate::member::{
    Audience, Consent, Field, Kind, Link, Listing, Local, MAX_CONSENTS, MAX_ENTRIES, MAX_LINE, MAX_PHOTO, MAX_TEXT,
    MAX_URL, Member, Status, Way,
};

/// Keys of the local part, in a map of its own.
pub(super) const LOCAL: &str = "local";
pub(super) const AUDIENCES: &str = "audiences";
pub(super) const CONSENTS: &str = "consents";
/// Longest id of a consent, in characters.
const MAX_ID: usize = 32;
/// Most entries of a map that are looked at.
const MAX_KEYS: usize = 2_000;

pub(super) fn write(doc: &mut AutoCommit, member: &Member) -> Result<(), AutomergeError> {
    let strings = [
        ("kind", member.kind.name()),
        ("name", &member.name),
        ("headline", &member.headline),
        ("role", &member.role),
        ("tier", &member.tier),
        ("status", member.status.name()),
    ];
    for (key, new) in strings {
        put_string(doc, &ROOT, key, new)?;
    }
    put_text(doc, &ROOT, "biography", &member.biography)?;
    let lists = [
        ("skills", &member.skills),
        ("languages", &member.languages),
        ("projects", &member.projects),
        ("programmes", &member.programmes),
    ];
    for (key, new) in lists {
        put_strings(doc, &ROOT, key, new)?;
    }
    put_listings(doc, "offers", &member.offers)?;
    put_listings(doc, "wants", &member.wants)?;
    put_links(doc, &member.links)?;
    put_photo(doc, &member.photo)?;
    put_string(doc, &ROOT, "valid_until", &date_text(member.valid_until))?;
    put_audiences(doc, &member.audiences)?;
    put_local(doc, &member.local)?;
    put_consents(doc, &member.consents)?;
    put_integer(doc, &ROOT, "created", member.created_ms)?;
    put_integer(doc, &ROOT, "updated", member.updated_ms)
}

pub(super) fn read(doc: &AutoCommit) -> Member {
    let line = |key| line(doc, &ROOT, key);
    Member {
        kind: one_of(Kind::ALL, Kind::name, &line("kind")),
        name: line("name"),
        headline: line("headline"),
        biography: text(doc, &ROOT, "biography", MAX_TEXT),
        skills: lines(doc, "skills"),
        offers: read_listings(doc, "offers"),
        wants: read_listings(doc, "wants"),
        languages: read_languages(doc),
        links: read_links(doc),
        photo: read_photo(doc),
        role: line("role"),
        projects: lines(doc, "projects"),
        programmes: lines(doc, "programmes"),
        tier: line("tier"),
        status: one_of(Status::ALL, Status::name, &line("status")),
        valid_until: line("valid_until").parse().ok(),
        audiences: read_audiences(doc),
        local: read_local(doc),
        consents: read_consents(doc),
        created_ms: integer(doc, &ROOT, "created").unwrap_or_default(),
        updated_ms: integer(doc, &ROOT, "updated").unwrap_or_default(),
    }
}

/// Whether a member is one that [`read`] can give.
pub(super) fn is_within_limits(member: &Member) -> bool {
    let is_line = |text: &String| short(text, MAX_LINE) && one_line(text) == *text;
    let are_lines =
        |texts: &Vec<String>| texts.len() <= MAX_ENTRIES && texts.iter().all(|text| !text.is_empty() && is_line(text));
    let are_listings = |all: &Vec<Listing>| {
        all.len() <= MAX_ENTRIES && all.iter().all(|one| !one.what.is_empty() && is_line(&one.what))
    };
    let is_link = |link: &Link| is_line(&link.label) && short(&link.url, MAX_URL) && is_web_address(&link.url);
    let is_language = |tag: &String| language::canonical(tag).as_ref() == Some(tag);
    let is_consent = |(id, consent): (&String, &Consent)| {
        is_id(id)
            && consent.audience.leaves_the_hub()
            && [&consent.text_version, &consent.channel, &consent.recorded_by]
                .into_iter()
                .all(is_line)
    };
    let local = [&member.local.mail, &member.local.phone, &member.local.number];
    [&member.name, &member.headline, &member.role, &member.tier]
        .into_iter()
        .all(is_line)
        && short(&member.biography, MAX_TEXT)
        && [&member.skills, &member.projects, &member.programmes]
            .into_iter()
            .all(are_lines)
        && are_listings(&member.offers)
        && are_listings(&member.wants)
        && member.languages.len() <= MAX_ENTRIES
        && member.languages.iter().all(is_language)
        && member.links.len() <= MAX_ENTRIES
        && member.links.iter().all(is_link)
        && member.photo.len() <= MAX_PHOTO
        && local.into_iter().all(is_line)
        && short(&member.local.notes, MAX_TEXT)
        && member.consents.len() <= MAX_CONSENTS
        && member.consents.iter().all(is_consent)
}

pub(super) fn check(doc: &AutoCommit) -> Result<(), &'static str> {
    if line(doc, &ROOT, "name").is_empty() {
        Err("a member needs a name")
    } else {
        Ok(())
    }
}

fn short(text: &str, most: usize) -> bool {
    text.chars().nth(most).is_none()
}

/// White space in a line is single spaces.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn line(doc: &AutoCommit, object: &ObjId, key: &str) -> String {
    // Cut first: what is cut may end in a space.
    one_line(&text(doc, object, key, MAX_LINE))
}

fn lines(doc: &AutoCommit, key: &str) -> Vec<String> {
    let all = strings(doc, &ROOT, key, MAX_ENTRIES).into_iter();
    let cut = all.map(|one| one_line(&super::fields::cut(one, MAX_LINE)));
    cut.filter(|one| !one.is_empty()).collect()
}

fn one_of<T: Copy + Default, const N: usize>(all: [T; N], name: impl Fn(T) -> &'static str, word: &str) -> T {
    all.into_iter().find(|one| name(*one) == word).unwrap_or_default()
}

pub(super) fn date_text(date: Option<Date>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

/// Whether an address is one that a page may lead to.
fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty()) && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// The maps in a list.
fn items(doc: &AutoCommit, key: &str) -> Vec<ObjId> {
    let Some(list) = child(doc, &ROOT, key, ObjType::List) else {
        return Vec::new();
    };
    let at = |index| match doc.get(&list, index).ok()?? {
        (Value::Object(ObjType::Map), id) => Some(id),
        _ => None,
    };
    (0..doc.length(&list).min(MAX_ENTRIES)).filter_map(at).collect()
}

/// A new list of so many empty maps in place of what is there.
fn put_items(doc: &mut AutoCommit, key: &str, count: usize) -> Result<Vec<ObjId>, AutomergeError> {
    if count == 0 {
        remove(doc, &ROOT, key)?;
        return Ok(Vec::new());
    }
    let list = doc.put_object(ROOT, key, ObjType::List)?;
    (0..count)
        .map(|index| doc.insert_object(&list, index, ObjType::Map))
        .collect()
}

fn read_listings(doc: &AutoCommit, key: &str) -> Vec<Listing> {
    let read = items(doc, key).into_iter().map(|item| {
        let way = line(doc, &item, "way");
        Listing {
            what: line(doc, &item, "what"),
            way: Way::ALL.into_iter().find(|one| one.name() == way),
            until: line(doc, &item, "until").parse().ok(),
        }
    });
    read.filter(|one| !one.what.is_empty()).collect()
}

fn put_listings(doc: &mut AutoCommit, key: &str, new: &[Listing]) -> Result<(), AutomergeError> {
    if read_listings(doc, key) == new {
        return Ok(());
    }
    let items = put_items(doc, key, new.len())?;
    for (item, listing) in items.iter().zip(new) {
        put_string(doc, item, "what", &listing.what)?;
        put_string(doc, item, "way", listing.way.map_or("", Way::name))?;
        put_string(doc, item, "until", &date_text(listing.until))?;
    }
    Ok(())
}

fn read_links(doc: &AutoCommit) -> Vec<Link> {
    let read = items(doc, "links").into_iter().map(|item| Link {
        label: line(doc, &item, "label"),
        url: string(doc, &item, "url").unwrap_or_default(),
    });
    read.filter(|link| short(&link.url, MAX_URL) && is_web_address(&link.url))
        .collect()
}

fn put_links(doc: &mut AutoCommit, new: &[Link]) -> Result<(), AutomergeError> {
    if read_links(doc) == new {
        return Ok(());
    }
    let items = put_items(doc, "links", new.len())?;
    for (item, link) in items.iter().zip(new) {
        put_string(doc, item, "label", &link.label)?;
        put_string(doc, item, "url", &link.url)?;
    }
    Ok(())
}

fn read_languages(doc: &AutoCommit) -> Vec<String> {
    let all = strings(doc, &ROOT, "languages", MAX_ENTRIES).into_iter();
    let mut seen = BTreeSet::new();
    let canonical = all.filter_map(|tag| language::canonical(&tag));
    canonical.filter(|tag| seen.insert(tag.clone())).collect()
}

fn read_photo(doc: &AutoCommit) -> Vec<u8> {
    match doc.get(ROOT, "photo").ok().flatten() {
        Some((Value::Scalar(value), _)) => match value.as_ref() {
            ScalarValue::Bytes(bytes) if bytes.len() <= MAX_PHOTO => bytes.clone(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn put_photo(doc: &mut AutoCommit, new: &[u8]) -> Result<(), AutomergeError> {
    if read_photo(doc) == new {
        return Ok(());
    }
    if new.is_empty() {
        return remove(doc, &ROOT, "photo");
    }
    doc.put(ROOT, "photo", ScalarValue::Bytes(new.to_vec()))
}

fn read_audiences(doc: &AutoCommit) -> BTreeMap<Field, Audience> {
    let Some(all) = child(doc, &ROOT, AUDIENCES, ObjType::Map) else {
        return BTreeMap::new();
    };
    let read = Field::ALL.into_iter().filter_map(|field| {
        let word = string(doc, &all, field.name())?;
        Some((field, Audience::named(&word)?))
    });
    read.collect()
}

fn put_audiences(doc: &mut AutoCommit, new: &BTreeMap<Field, Audience>) -> Result<(), AutomergeError> {
    if read_audiences(doc) == *new {
        return Ok(());
    }
    let all = map(doc, &ROOT, AUDIENCES)?;
    for field in Field::ALL {
        put_string(
            doc,
            &all,
            field.name(),
            new.get(&field).map_or("", |audience| audience.name()),
        )?;
    }
    Ok(())
}

fn read_local(doc: &AutoCommit) -> Local {
    let Some(local) = child(doc, &ROOT, LOCAL, ObjType::Map) else {
        return Local::default();
    };
    Local {
        mail: line(doc, &local, "mail"),
        phone: line(doc, &local, "phone"),
        notes: text(doc, &local, "notes", MAX_TEXT),
        number: line(doc, &local, "number"),
    }
}

fn put_local(doc: &mut AutoCommit, new: &Local) -> Result<(), AutomergeError> {
    if read_local(doc) == *new {
        return Ok(());
    }
    let local = map(doc, &ROOT, LOCAL)?;
    put_string(doc, &local, "mail", &new.mail)?;
    put_string(doc, &local, "phone", &new.phone)?;
    put_string(doc, &local, "notes", &new.notes)?;
    put_string(doc, &local, "number", &new.number)
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn read_consents(doc: &AutoCommit) -> BTreeMap<String, Consent> {
    let Some(all) = child(doc, &ROOT, CONSENTS, ObjType::Map) else {
        return BTreeMap::new();
    };
    let ids = doc.keys(&all).take(MAX_KEYS).filter(|id| is_id(id));
    let read = ids.filter_map(|id| {
        let one = child(doc, &all, &id, ObjType::Map)?;
        let audience = Audience::named(&line(doc, &one, "audience"))?;
        let fields = child(doc, &one, "fields", ObjType::Map);
        let has = |field: &Field| {
            fields
                .as_ref()
                .is_some_and(|fields| doc.get(fields, field.name()).ok().flatten().is_some())
        };
        let consent = Consent {
            at_ms: integer(doc, &one, "at")?,
            audience,
            fields: Field::ALL.into_iter().filter(has).collect(),
            text_version: line(doc, &one, "text"),
            channel: line(doc, &one, "channel"),
            recorded_by: line(doc, &one, "by"),
            withdrawn_ms: integer(doc, &one, "withdrawn"),
        };
        audience.leaves_the_hub().then_some((id, consent))
    });
    read.take(MAX_CONSENTS).collect()
}

fn put_consents(doc: &mut AutoCommit, new: &BTreeMap<String, Consent>) -> Result<(), AutomergeError> {
    let before = read_consents(doc);
    if before == *new {
        return Ok(());
    }
    let all = map(doc, &ROOT, CONSENTS)?;
    for id in before.keys().filter(|id| !new.contains_key(*id)) {
        remove(doc, &all, id)?;
    }
    for (id, consent) in new {
        if before.get(id) == Some(consent) {
            continue;
        }
        let one = map(doc, &all, id)?;
        put_integer(doc, &one, "at", consent.at_ms)?;
        put_string(doc, &one, "audience", consent.audience.name())?;
        let fields = map(doc, &one, "fields")?;
        for field in Field::ALL {
            if !consent.fields.contains(&field) {
                remove(doc, &fields, field.name())?;
            } else if doc.get(&fields, field.name())?.is_none() {
                doc.put(&fields, field.name(), true)?;
            }
        }
        put_string(doc, &one, "text", &consent.text_version)?;
        put_string(doc, &one, "channel", &consent.channel)?;
        put_string(doc, &one, "by", &consent.recorded_by)?;
        match consent.withdrawn_ms {
            Some(at_ms) => put_integer(doc, &one, "withdrawn", at_ms)?,
            None => remove(doc, &one, "withdrawn")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;
    use crate::document::{CountOutcome, CountRequest, Reading, count, edit, read_saved, squash};
    use crate::ids::DocumentKind;
    use crate::member::tests::sample;
    use crate::scan::ACTOR_LEN;

    const ACTOR: [u8; ACTOR_LEN] = [1; ACTOR_LEN];

    fn saved(snapshot: Option<&[u8]>, seq: u64, member: &Member) -> Vec<u8> {
        let made = edit(snapshot, ACTOR, &Reading::Member(Box::new(member.clone())))
            .unwrap()
            .unwrap();
        let request = CountRequest {
            kind: DocumentKind::Member,
            snapshot,
            change: &made.change,
            actor: ACTOR,
            seq,
        };
        let outcome = count(&request);
        crate::document::check_outcome(&request, &outcome).unwrap();
        match outcome {
            CountOutcome::Counted(counted) => counted.snapshot,
            other => panic!("{other:?}"),
        }
    }

    fn reading(snapshot: &[u8]) -> Member {
        match read_saved(snapshot, DocumentKind::Member).unwrap() {
            Reading::Member(member) => *member,
            other => panic!("{other:?}"),
        }
    }

    fn full() -> Member {
        let mut ada = sample();
        ada.audiences.insert(Field::Name, Audience::Network);
        ada.consents.insert(
            "0a1b".into(),
            Consent {
                at_ms: 7,
                audience: Audience::Network,
                fields: [Field::Name, Field::Skills].into(),
                text_version: "2026-11".into(),
                channel: "paper".into(),
                recorded_by: "desk".into(),
                withdrawn_ms: None,
            },
        );
        ada
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else_changes() {
        let ada = full();
        let first = saved(None, 1, &ada);
        assert_eq!(reading(&first), ada);
        assert_eq!(
            edit(Some(&first), ACTOR, &Reading::Member(Box::new(ada.clone()))),
            Ok(None)
        );
        let mut later = ada.clone();
        later.skills.remove(0);
        later.photo.clear();
        later.offers.clear();
        later.valid_until = None;
        later.local.notes = "two\nlines".into();
        later.consents.get_mut("0a1b").unwrap().withdrawn_ms = Some(9);
        later.audiences.clear();
        let second = saved(Some(&first), 2, &later);
        assert_eq!(reading(&second), later);
        let bare = Member {
            name: "Bo".into(),
            ..Member::default()
        };
        assert_eq!(reading(&saved(Some(&second), 3, &bare)), bare);
    }

    #[test]
    fn a_new_generation_has_no_byte_of_what_was_taken_back() {
        let mut ada = full();
        ada.headline = "Unmistakeable".into();
        let first = saved(None, 1, &ada);
        ada.headline.clear();
        let second = saved(Some(&first), 2, &ada);
        let has = |bytes: &[u8]| {
            let doc = AutoCommit::load(bytes).unwrap().save_nocompress();
            doc.windows(13).any(|window| window == b"Unmistakeable")
        };
        assert!(has(&second));
        let next = squash(&second, ACTOR, DocumentKind::Member, &[]).unwrap().unwrap();
        assert!(!next.change.windows(13).any(|window| window == b"Unmistakeable"));
        let request = CountRequest {
            kind: DocumentKind::Member,
            snapshot: None,
            change: &next.change,
            actor: ACTOR,
            seq: 1,
        };
        let CountOutcome::Counted(counted) = count(&request) else {
            panic!("it counts")
        };
        assert!(!has(&counted.snapshot));
        assert_eq!(reading(&counted.snapshot), ada);
    }

    #[test]
    fn a_member_without_a_name_is_refused() {
        let nobody = Member {
            headline: "Printmaker".into(),
            ..Member::default()
        };
        let made = edit(None, ACTOR, &Reading::Member(Box::new(nobody))).unwrap().unwrap();
        let outcome = count(&CountRequest {
            kind: DocumentKind::Member,
            snapshot: None,
            change: &made.change,
            actor: ACTOR,
            seq: 1,
        });
        let refused = super::super::Refusal::Schema("a member needs a name".into());
        assert_eq!(outcome, CountOutcome::Refused(refused));
    }

    /// What no version of ours writes: other types, too long, too many, text that is no line, addresses that run scripts.
    fn odd_value() -> impl Strategy<Value = ScalarValue> {
        prop_oneof![
            any::<i64>().prop_map(ScalarValue::Int),
            any::<bool>().prop_map(ScalarValue::Boolean),
            ".{0,300}".prop_map(|text| ScalarValue::Str(text.into())),
            Just(ScalarValue::Str("javascript:alert(1)".into())),
            Just(ScalarValue::Str("2027-02-30".into())),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(ScalarValue::Bytes),
            Just(ScalarValue::Bytes(vec![0; MAX_PHOTO + 1])),
        ]
    }

    proptest! {
        #[test]
        fn any_document_reads_as_a_member_within_limits(
            values in prop::collection::vec((0..24_usize, 0..4_usize, odd_value()), 0..40),
        ) {
            const KEYS: [&str; 24] = [
                "kind", "name", "headline", "biography", "skills", "offers", "wants", "languages", "links", "photo", "role",
                "projects", "programmes", "tier", "status", "valid_until", AUDIENCES, LOCAL, CONSENTS, "created", "updated",
                "what", "url", "fields",
            ];
            let mut doc = AutoCommit::new();
            for (key, how, value) in values {
                let key = KEYS[key];
                match how {
                    0 => doc.put(ROOT, key, value).unwrap(),
                    1 => {
                        let list = doc.put_object(ROOT, key, ObjType::List).unwrap();
                        for index in 0..MAX_ENTRIES + 3 {
                            doc.insert(&list, index, value.clone()).unwrap();
                        }
                    }
                    2 => {
                        let list = doc.put_object(ROOT, key, ObjType::List).unwrap();
                        let item = doc.insert_object(&list, 0, ObjType::Map).unwrap();
                        for inner in ["what", "way", "until", "label", "url"] {
                            doc.put(&item, inner, value.clone()).unwrap();
                        }
                    }
                    _ => {
                        let all = doc.put_object(ROOT, key, ObjType::Map).unwrap();
                        for inner in ["name", "mail", "notes"] {
                            doc.put(&all, inner, value.clone()).unwrap();
                        }
                        let one = doc.put_object(&all, "a1", ObjType::Map).unwrap();
                        doc.put(&one, "audience", "network").unwrap();
                        doc.put(&one, "at", 3).unwrap();
                        doc.put(&one, "text", value).unwrap();
                    }
                }
            }
            let member = read(&doc);
            prop_assert!(is_within_limits(&member), "{member:?}");
            prop_assert!(is_within_limits(&member.clone().from_card()));
            // And what is read can be written, and then reads the same.
            let mut again = AutoCommit::new();
            write(&mut again, &member).unwrap();
            prop_assert_eq!(&read(&again), &member);
            // At once as field by field.
            let mut at_once = AutoCommit::new();
            let root = super::super::fresh::member(&member, at_once.text_encoding());
            at_once.init_root_from_hydrate(&root).unwrap();
            prop_assert_eq!(&read(&at_once), &member);
        }
    }
}
