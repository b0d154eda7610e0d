//! Where an event says several things at once: values that hubs gave one field at the same time.
//!
//! Text merges by character, a cancellation wins, features add up, and what only counts up takes the largest: nothing of that
//! is listed.

use automerge::transaction::Transactable;
use automerge::{AutoCommit, AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};
use serde::{Deserialize, Serialize};

use super::details::{self, CAPACITY};
use super::event::{entries, is_cancelled, is_postponed};
use super::fields::{child, cut, float, maps, remove, string};
use super::tree;
use crate::ids::HubId;

/// Most characters of a value that are kept; an operator decides by its beginning.
const MAX_VALUE_CHARS: usize = 2_000;
/// Most conflicts of one document; each is a decision of a person.
const MAX_CONFLICTS: usize = 100;
/// Most concurrent values of one field: each writer gives one, and a document has few.
const MAX_VALUES: usize = 32;
/// Most items of a list that are looked at.
const MAX_ITEMS: usize = 2_000;

/// A field to which hubs gave different values at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Its name: that of the command line, `occurrence/START/NAME` for one date of a series, or `translations/LANG/NAME`.
    pub field: String,
    /// The values, different from each other, the one that is shown first.
    pub values: Vec<Concurrent>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrent {
    /// As text.
    pub value: String,
    /// The hub that gave it.
    pub hub: HubId,
    /// When, by that hub's clock, Unix milliseconds.
    pub at_ms: i64,
}

/// Whether a list of conflicts is within the limits of this page.
pub(super) fn are_within_limits(conflicts: &[Conflict]) -> bool {
    let short = |text: &str| text.chars().nth(MAX_VALUE_CHARS).is_none();
    let one_fits = |one: &Conflict| {
        short(&one.field) && one.values.len() <= MAX_VALUES && one.values.iter().all(|value| short(&value.value))
    };
    conflicts.len() <= MAX_CONFLICTS && conflicts.iter().all(one_fits)
}

/// The fields at the top of an event and the keys they are kept under.
const FIELDS: [(&str, &str); 10] = [
    ("title", "title"),
    ("summary", "summary"),
    ("description", "description"),
    ("status", "status"),
    ("language", "language"),
    ("tags", "tags"),
    ("url", "url"),
    ("online_url", "online_url"),
    ("image_url", "image_url"),
    ("capacity", CAPACITY),
];
/// The same inside the schedule.
const SCHEDULE: [(&str, &str); 6] = [
    ("start", "start"),
    ("end", "end"),
    ("timezone", "zone"),
    ("rrule", "rules"),
    ("extra_dates", "extra"),
    ("excluded_dates", "excluded"),
];
/// The same inside an override.
const OVERRIDE: [&str; 6] = ["status", "start", "end", "title", "description", "url"];

/// One field: a key in one map, or in each of several that hubs made at the same time.
struct Spot {
    field: String,
    objects: Vec<ObjId>,
    key: &'static str,
}

fn spots(doc: &AutoCommit) -> Vec<Spot> {
    let mut out = Vec::new();
    let mut add = |field: String, objects: Vec<ObjId>, key| out.push(Spot { field, objects, key });
    for (field, key) in FIELDS {
        add(field.to_owned(), vec![ROOT], key);
    }
    let places = maps(doc, &ROOT, "location");
    add("location".to_owned(), places.clone(), "name");
    add("at".to_owned(), places, "lat");
    let shown = details::read_translations(doc);
    for (tag, entries) in details::languages(doc) {
        if shown.contains_key(&tag) {
            add(format!("translations/{tag}/title"), entries.clone(), "title");
            add(format!("translations/{tag}/summary"), entries, "summary");
        }
    }
    let Some(at) = child(doc, &ROOT, "schedule", ObjType::Map) else {
        return out;
    };
    for (field, key) in SCHEDULE {
        add(field.to_owned(), vec![at.clone()], key);
    }
    for (start, entries) in entries(doc, &at) {
        for key in OVERRIDE {
            add(format!("occurrence/{start}/{key}"), entries.clone(), key);
        }
        let places: Vec<ObjId> = entries.iter().flat_map(|entry| maps(doc, entry, "location")).collect();
        add(format!("occurrence/{start}/location"), places.clone(), "name");
        add(format!("occurrence/{start}/at"), places, "lat");
    }
    out
}

/// A value of a field, and where it is kept.
struct Kept {
    object: ObjId,
    value: Value<'static>,
    id: ObjId,
    text: String,
}

/// The different values of a field, the one that is shown first.
fn values(doc: &AutoCommit, spot: &Spot) -> Vec<Kept> {
    let mut out: Vec<Kept> = Vec::new();
    for object in &spot.objects {
        let winner = doc.get(object, spot.key).ok().flatten().map(|(_, id)| id);
        let mut all = doc.get_all(object, spot.key).unwrap_or_default();
        all.reverse();
        all.sort_by_key(|(_, id)| Some(id) != winner.as_ref());
        for (value, id) in all {
            let text = text_of(doc, object, spot.key, &value, &id);
            if out.len() < MAX_VALUES && out.iter().all(|known| known.text != text) {
                let (object, value) = (object.clone(), value.into_owned());
                out.push(Kept {
                    object,
                    value,
                    id,
                    text,
                });
            }
        }
    }
    out
}

fn text_of(doc: &AutoCommit, object: &ObjId, key: &str, value: &Value<'_>, id: &ObjId) -> String {
    let text = match value {
        Value::Object(ObjType::Text) => doc.text(id).unwrap_or_default(),
        Value::Object(ObjType::List) => {
            let items = (0..doc.length(id).min(MAX_ITEMS)).filter_map(|index| string(doc, id, index));
            items.collect::<Vec<_>>().join(", ")
        }
        Value::Object(_) => String::new(),
        Value::Scalar(value) => match value.as_ref() {
            ScalarValue::Str(text) => text.to_string(),
            ScalarValue::F64(lat) if key == "lat" => format!("{lat},{}", lon_beside(doc, object, id)),
            other => other.to_string(),
        },
    };
    cut(text, MAX_VALUE_CHARS)
}

/// The longitude that the same hub gave together with a latitude, or the one that is shown.
fn lon_beside(doc: &AutoCommit, object: &ObjId, lat: &ObjId) -> f64 {
    let actor = |id: &ObjId| match id {
        ObjId::Id(_, actor, _) => Some(actor.clone()),
        ObjId::Root => None,
    };
    let all = doc.get_all(object, "lon").unwrap_or_default();
    let same = all.iter().find(|(_, id)| actor(id) == actor(lat));
    let given = same.and_then(|(value, _)| match value {
        Value::Scalar(value) => value.as_f64(),
        Value::Object(_) => None,
    });
    given.or_else(|| float(doc, object, "lon")).unwrap_or(0.0)
}

/// Every field with different concurrent values.
pub(super) fn find(doc: &AutoCommit) -> Vec<Conflict> {
    let mut out = Vec::new();
    for spot in spots(doc) {
        let settled = spot.key == "status" && spot.objects.iter().any(|object| is_settled(doc, object));
        if settled || out.len() == MAX_CONFLICTS {
            continue;
        }
        let values = values(doc, &spot);
        if values.len() > 1 {
            let values = values.into_iter().map(|kept| concurrent(doc, kept)).collect();
            out.push(Conflict {
                field: spot.field,
                values,
            });
        }
    }
    out
}

/// A cancellation beats every other status, and a postponement every other of the whole event.
fn is_settled(doc: &AutoCommit, object: &ObjId) -> bool {
    is_cancelled(doc, object) || (*object == ROOT && is_postponed(doc))
}

/// Who gave a value is the actor of its operation; when, what that hub's change says of the event's last update.
fn concurrent(doc: &AutoCommit, kept: Kept) -> Concurrent {
    let hub = match &kept.id {
        ObjId::Id(_, actor, _) => actor.to_bytes().get(..HubId::LEN).and_then(HubId::from_slice),
        ObjId::Root => None,
    };
    let updated = doc
        .hash_for_opid(&kept.id)
        .and_then(|hash| doc.get_at(ROOT, "updated", &[hash]).ok().flatten());
    let at_ms = updated.and_then(|(value, _)| match value {
        Value::Scalar(value) => value.as_i64(),
        Value::Object(_) => None,
    });
    Concurrent {
        value: kept.text,
        hub: hub.unwrap_or(HubId([0; 16])),
        at_ms: at_ms.unwrap_or(0),
    }
}

/// Writes one of the concurrent values of a field again, so that it alone is left. `false`: the field has no such
/// value, or no conflict.
pub(super) fn choose(doc: &mut AutoCommit, field: &str, value: &str) -> Result<bool, AutomergeError> {
    let Some(spot) = spots(doc).into_iter().find(|spot| spot.field == field) else {
        return Ok(false);
    };
    let all = values(doc, &spot);
    let value = cut(value.to_owned(), MAX_VALUE_CHARS);
    let Some(chosen) = all.iter().find(|kept| kept.text == value).filter(|_| all.len() > 1) else {
        return Ok(false);
    };
    let lon = (spot.key == "lat").then(|| lon_beside(doc, &chosen.object, &chosen.id));
    let Some(first) = spot.objects.first() else {
        return Ok(false);
    };
    let copy = tree::Node::of(doc, &chosen.value, &chosen.id);
    copy.put(doc, first, spot.key)?;
    if let Some(lon) = lon {
        doc.put(first, "lon", lon)?;
    }
    clear_in(doc, spot.objects.get(1..).unwrap_or_default(), spot.key)?;
    Ok(true)
}

/// Takes out every concurrent value of a field, so that what is written next is the only one. `false`: there is no
/// conflict.
pub(super) fn clear(doc: &mut AutoCommit, field: &str) -> Result<bool, AutomergeError> {
    let Some(spot) = spots(doc).into_iter().find(|spot| spot.field == field) else {
        return Ok(false);
    };
    if values(doc, &spot).len() < 2 {
        return Ok(false);
    }
    clear_in(doc, &spot.objects, spot.key)?;
    Ok(true)
}

fn clear_in(doc: &mut AutoCommit, objects: &[ObjId], key: &str) -> Result<(), AutomergeError> {
    for object in objects {
        remove(doc, object, key)?;
        if key == "lat" {
            remove(doc, object, "lon")?;
        }
    }
    Ok(())
}
