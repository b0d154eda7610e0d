//! Members as JSContact.

use data_encoding::BASE64;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::vcard::media_type;
use crate::member::said::plain_text;
use crate::member::{Kind, Listing, Member};

/// Writes a list of cards, one a member. There are no audiences and no consents in it.
pub fn to_jscontact(members: &[(String, &Member)]) -> String {
    let mut out = "[".to_owned();
    for (number, (id, member)) in members.iter().enumerate() {
        out.push_str(if number == 0 { "\n" } else { ",\n" });
        out.push_str(&card(id, member).to_string());
    }
    out.push_str("\n]\n");
    out
}

fn card(id: &str, member: &Member) -> Value {
    let kind = match member.kind {
        Kind::Person => "individual",
        Kind::Organisation => "org",
    };
    let mut out = json!({
        "@type": "Card",
        "version": "1.0",
        "uid": id,
        "kind": kind,
        "updated": utc(member.updated_ms),
        "name": {"full": member.name},
        "interhub:status": member.status.name(),
    });
    let one = |id: &str, value: Value| json!({id: value});
    let local = &member.local;
    let filled = |text: &str| !text.is_empty();
    let texts = [
        (
            "titles",
            &member.headline,
            one("headline", json!({"kind": "title", "name": member.headline})),
        ),
        ("emails", &local.mail, one("mail", json!({"address": local.mail}))),
        ("phones", &local.phone, one("phone", json!({"number": local.phone}))),
        ("interhub:role", &member.role, json!(member.role)),
        ("interhub:tier", &member.tier, json!(member.tier)),
        ("interhub:number", &local.number, json!(local.number)),
    ];
    for (key, _, value) in texts.into_iter().filter(|(_, text, _)| filled(text)) {
        out[key] = value;
    }
    for (key, all) in [("projects", &member.projects), ("programmes", &member.programmes)] {
        if !all.is_empty() {
            out[format!("interhub:{key}")] = json!(all);
        }
    }
    for (key, all) in [("offers", &member.offers), ("wants", &member.wants)] {
        if !all.is_empty() {
            out[format!("interhub:{key}")] = all.iter().map(listing).collect();
        }
    }
    if let Some(day) = member.valid_until {
        out["interhub:validUntil"] = json!(day.to_string());
    }
    for (key, map) in maps(member) {
        if !map.is_empty() {
            out[key] = Value::Object(map);
        }
    }
    out
}

/// The properties that are maps with several entries.
fn maps(member: &Member) -> [(&'static str, Map<String, Value>); 5] {
    let mut notes = Map::new();
    let texts = [("biography", &member.biography), ("notes", &member.local.notes)];
    for (id, text) in texts.map(|(id, text)| (id, plain_text(text))) {
        if !text.is_empty() {
            notes.insert(id.to_owned(), json!({"note": text}));
        }
    }
    if let Some(biography) = notes.get_mut("biography") {
        biography["interhub:field"] = json!("biography");
    }
    let mut media = Map::new();
    if !member.photo.is_empty() {
        let kind = media_type(&member.photo);
        let uri = format!("data:{kind};base64,{}", BASE64.encode(&member.photo));
        media.insert(
            "photo".to_owned(),
            json!({"kind": "photo", "mediaType": kind, "uri": uri}),
        );
    }
    let skill = |(number, value): (usize, &String)| json!({"kind": "expertise", "value": value, "listAs": number});
    let language = |(number, tag): (usize, &String)| json!({"language": tag, "pref": number});
    let links = (1..).zip(&member.links).map(|(number, link)| {
        let mut value = json!({"uri": link.url, "pref": number});
        if !link.label.is_empty() {
            value["label"] = json!(link.label);
        }
        value
    });
    [
        ("notes", notes),
        ("media", media),
        ("personalInfo", numbered((1..).zip(&member.skills).map(skill))),
        (
            "preferredLanguages",
            numbered((1..).zip(&member.languages).map(language)),
        ),
        ("links", numbered(links)),
    ]
}

/// With ids that keep their order: `01`, `02`, ...
fn numbered(all: impl Iterator<Item = Value>) -> Map<String, Value> {
    let with_id = (1..).zip(all).map(|(number, value)| (format!("{number:02}"), value));
    with_id.collect()
}

fn listing(one: &Listing) -> Value {
    let mut out = json!({"what": one.what});
    if let Some(way) = one.way {
        out["way"] = json!(way.name());
    }
    if let Some(day) = one.until {
        out["until"] = json!(day.to_string());
    }
    out
}

/// UTCDateTime (RFC 9553 1.4.5).
fn utc(ms: i64) -> String {
    let instant = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
