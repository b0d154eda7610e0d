//! Members as JSON for programs: everything a reader of the audience may see, under names that stay.

use data_encoding::BASE64;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::member::{Consent, Field, Link, Listing, Member};

/// Writes `{"members": [...]}`, one object a member. Every key is there in each of them:
///
/// - `id`, `kind` (`person`, `organisation`), `name`, `headline`, `biography`, `role`, `tier`, `status` (`active`, `paused`,
///   `moved_on`): texts, perhaps empty; `valid_until`: a date or null;
/// - `skills`, `languages` (BCP 47), `projects`, `programmes`: lists of texts;
/// - `offers`, `wants`: lists of `what`, `way` (`sell`, `give`, `lend`, `teach`, `swap` or null), `until` (a date or null);
/// - `links`: a list of `label`, `url`; `photo`: base64 or null;
/// - `audiences`: from a field to whom it is chosen to be shown to (`private`, `hub`, `network`, `public`), all fields where the
///   audience is the staff, and none for others;
/// - `local`: `mail`, `phone`, `notes`, `number`;
/// - `consents`: a list of `id`, `at`, `audience`, `fields`, `text_version`, `channel`, `recorded_by`, `withdrawn` (a time or null);
/// - `created`, `updated`: times in UTC (RFC 3339), null if not known.
pub fn to_json(members: &[(String, &Member)]) -> String {
    let mut out = "{\"members\": [".to_owned();
    for (number, (id, member)) in members.iter().enumerate() {
        out.push_str(if number == 0 { "\n" } else { ",\n" });
        out.push_str(&object(id, member).to_string());
    }
    out.push_str("\n]}\n");
    out
}

fn object(id: &str, member: &Member) -> Value {
    let local = &member.local;
    json!({
        "id": id,
        "kind": member.kind.name(),
        "name": member.name,
        "headline": member.headline,
        "biography": member.biography,
        "skills": member.skills,
        "offers": listings(&member.offers),
        "wants": listings(&member.wants),
        "languages": member.languages,
        "links": member.links.iter().map(link).collect::<Vec<_>>(),
        "photo": (!member.photo.is_empty()).then(|| BASE64.encode(&member.photo)),
        "role": member.role,
        "projects": member.projects,
        "programmes": member.programmes,
        "tier": member.tier,
        "status": member.status.name(),
        "valid_until": member.valid_until.map(|day| day.to_string()),
        "audiences": audiences(member),
        "local": {"mail": local.mail, "phone": local.phone, "notes": local.notes, "number": local.number},
        "consents": member.consents.iter().map(consent).collect::<Vec<_>>(),
        "created": time(member.created_ms),
        "updated": time(member.updated_ms),
    })
}

fn listings(all: &[Listing]) -> Vec<Value> {
    let one = |one: &Listing| {
        json!({
            "what": one.what,
            "way": one.way.map(crate::member::Way::name),
            "until": one.until.map(|day| day.to_string()),
        })
    };
    all.iter().map(one).collect()
}

fn link(link: &Link) -> Value {
    json!({"label": link.label, "url": link.url})
}

/// What was chosen, also where nobody did: of a record that is whole. What others see says nothing about whom else it is shown to.
fn audiences(member: &Member) -> Map<String, Value> {
    let whole = member.created_ms != 0 || !member.audiences.is_empty() || !member.consents.is_empty();
    let fields = Field::ALL.into_iter().filter(|_| whole);
    fields
        .map(|field| (field.name().to_owned(), json!(member.chosen(field).name())))
        .collect()
}

fn consent((id, one): (&String, &Consent)) -> Value {
    json!({
        "id": id,
        "at": time(one.at_ms),
        "audience": one.audience.name(),
        "fields": one.fields.iter().map(|field| field.name()).collect::<Vec<_>>(),
        "text_version": one.text_version,
        "channel": one.channel,
        "recorded_by": one.recorded_by,
        "withdrawn": one.withdrawn_ms.and_then(time),
    })
}

/// Unix milliseconds as RFC 3339; none for zero, which stands for not known.
fn time(ms: i64) -> Option<String> {
    let instant = Timestamp::from_millisecond(ms).ok().filter(|_| ms != 0)?;
    Some(instant.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use super::*;
    use crate::member::Audience;
    use crate::member::tests::sample;

    #[test]
    fn everything_of_a_record_is_there() {
        let mut ada = sample();
        ada.audiences.insert(Field::Skills, Audience::Network);
        let agreed = Consent {
            at_ms: 5_000,
            audience: Audience::Network,
            fields: BTreeSet::from([Field::Name, Field::Skills]),
            text_version: "2026-11".into(),
            channel: "paper".into(),
            recorded_by: "desk".into(),
            withdrawn_ms: Some(7_000),
        };
        ada.consents.insert("c1".into(), agreed);
        let text = to_json(&[("m1".into(), &ada), ("m2".into(), &Member::default())]);
        let value: Value = serde_json::from_str(&text).unwrap();
        let member = &value["members"][0];
        assert_eq!(
            (&member["id"], &member["valid_until"]),
            (&json!("m1"), &json!("2027-12-31"))
        );
        assert_eq!(
            member["offers"],
            json!([{"what": "a press", "way": "lend", "until": "2027-05-01"}])
        );
        assert_eq!(member["wants"], json!([{"what": "paper", "way": null, "until": null}]));
        assert_eq!(
            (&member["photo"], &member["local"]["number"]),
            (&json!("AQID"), &json!("0017"))
        );
        assert_eq!(
            (&member["audiences"]["skills"], &member["audiences"]["tier"]),
            (&json!("network"), &json!("private"))
        );
        assert_eq!(
            member["consents"],
            json!([{
                "id": "c1", "at": "1970-01-01T00:00:05Z", "audience": "network", "fields": ["name", "skills"],
                "text_version": "2026-11", "channel": "paper", "recorded_by": "desk", "withdrawn": "1970-01-01T00:00:07Z",
            }])
        );
        let keys = |at: usize| {
            value["members"][at]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(0), keys(1));
        assert_eq!(
            (&value["members"][1]["audiences"], &value["members"][1]["created"]),
            (&json!({}), &Value::Null)
        );
    }
}
