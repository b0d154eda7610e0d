//! Reading and writing single fields, totally: a missing or odd value reads as `None`.

use automerge::transaction::Transactable;
use automerge::{AutoCommit, AutomergeError, ObjId, ObjType, Prop, ReadDoc, ScalarValue, Value};

/// The text of a field: a string, or an Automerge Text.
pub(super) fn string(doc: &AutoCommit, object: &ObjId, key: impl Into<Prop>) -> Option<String> {
    match doc.get(object, key).ok()?? {
        (Value::Scalar(value), _) => match value.as_ref() {
            ScalarValue::Str(text) => Some(text.to_string()),
            _ => None,
        },
        (Value::Object(ObjType::Text), id) => doc.text(&id).ok(),
        (Value::Object(_), _) => None,
    }
}

/// The text of a field cut to so many characters; empty if missing.
pub(super) fn text(doc: &AutoCommit, object: &ObjId, key: &str, max_chars: usize) -> String {
    cut(string(doc, object, key).unwrap_or_default(), max_chars)
}

/// Cuts a text to so many characters.
pub(super) fn cut(text: String, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => text[..end].to_string(),
        None => text,
    }
}

/// A whole number.
pub(super) fn integer(doc: &AutoCommit, object: &ObjId, key: &str) -> Option<i64> {
    match doc.get(object, key).ok()?? {
        (Value::Scalar(value), _) => value.as_i64(),
        (Value::Object(_), _) => None,
    }
}

/// A number.
pub(super) fn float(doc: &AutoCommit, object: &ObjId, key: &str) -> Option<f64> {
    match doc.get(object, key).ok()?? {
        (Value::Scalar(value), _) => value.as_f64(),
        (Value::Object(_), _) => None,
    }
}

/// A yes or no.
pub(super) fn boolean(doc: &AutoCommit, object: &ObjId, key: &str) -> Option<bool> {
    match doc.get(object, key).ok()?? {
        (Value::Scalar(value), _) => value.as_bool(),
        (Value::Object(_), _) => None,
    }
}

/// A map or list under a key.
pub(super) fn child(doc: &AutoCommit, object: &ObjId, key: &str, kind: ObjType) -> Option<ObjId> {
    match doc.get(object, key).ok()?? {
        (Value::Object(found), id) if found == kind => Some(id),
        _ => None,
    }
}

/// Every map under a key, the winner first: hubs that made it at the same time made one each.
pub(super) fn maps(doc: &AutoCommit, object: &ObjId, key: &str) -> Vec<ObjId> {
    let winner = doc.get(object, key).ok().flatten().map(|(_, id)| id);
    let all = doc.get_all(object, key).unwrap_or_default();
    let mut maps: Vec<ObjId> = all
        .into_iter()
        .rev()
        .filter(|(value, _)| matches!(value, Value::Object(ObjType::Map)))
        .map(|(_, id)| id)
        .collect();
    // A stable sort: the others stay in the order of their operations, the latest first.
    maps.sort_by_key(|id| Some(id) != winner.as_ref());
    maps
}

/// The strings of a list, at most so many.
pub(super) fn strings(doc: &AutoCommit, object: &ObjId, key: &str, most: usize) -> Vec<String> {
    let Some(list) = child(doc, object, key, ObjType::List) else {
        return Vec::new();
    };
    (0..doc.length(&list).min(most))
        .filter_map(|index| string(doc, &list, index))
        .collect()
}

/// Sets a string if it differs; an empty one is removed.
pub(super) fn put_string(doc: &mut AutoCommit, object: &ObjId, key: &str, new: &str) -> Result<(), AutomergeError> {
    let old = string(doc, object, key);
    match (old, new) {
        (None, "") => Ok(()),
        (Some(_), "") => doc.delete(object, key),
        (Some(old), new) if old == new => Ok(()),
        (_, new) => doc.put(object, key, new),
    }
}

/// Sets a scalar if it differs.
pub(super) fn put_integer(doc: &mut AutoCommit, object: &ObjId, key: &str, new: i64) -> Result<(), AutomergeError> {
    if integer(doc, object, key) == Some(new) {
        return Ok(());
    }
    doc.put(object, key, new)
}

/// Sets an optional number if it differs.
pub(super) fn put_float(
    doc: &mut AutoCommit,
    object: &ObjId,
    key: &str,
    new: Option<f64>,
) -> Result<(), AutomergeError> {
    match (float(doc, object, key), new) {
        (None, None) => Ok(()),
        (Some(_), None) => doc.delete(object, key),
        (Some(old), Some(new)) if old.to_bits() == new.to_bits() => Ok(()),
        (_, Some(new)) => doc.put(object, key, new),
    }
}

/// Replaces a list of strings if it differs; an empty one is removed.
pub(super) fn put_strings(
    doc: &mut AutoCommit,
    object: &ObjId,
    key: &str,
    new: &[String],
) -> Result<(), AutomergeError> {
    let present = doc.get(object, key)?.is_some();
    if new.is_empty() {
        return if present { doc.delete(object, key) } else { Ok(()) };
    }
    if strings(doc, object, key, usize::MAX) == new {
        return Ok(());
    }
    let list = doc.put_object(object, key, ObjType::List)?;
    for (index, item) in new.iter().enumerate() {
        doc.insert(&list, index, item.as_str())?;
    }
    Ok(())
}

/// Sets a long text, character by character where it differs, so that concurrent edits merge.
pub(super) fn put_text(doc: &mut AutoCommit, object: &ObjId, key: &str, new: &str) -> Result<(), AutomergeError> {
    match child(doc, object, key, ObjType::Text) {
        Some(id) if doc.text(&id)? == new => Ok(()),
        Some(id) => doc.update_text(&id, new),
        None if new.is_empty() => Ok(()),
        None => {
            let id = doc.put_object(object, key, ObjType::Text)?;
            doc.splice_text(&id, 0, 0, new)
        }
    }
}

/// The map under a key, made if it is not there.
pub(super) fn map(doc: &mut AutoCommit, object: &ObjId, key: &str) -> Result<ObjId, AutomergeError> {
    match child(doc, object, key, ObjType::Map) {
        Some(id) => Ok(id),
        None => doc.put_object(object, key, ObjType::Map),
    }
}

/// Removes a key if it is there.
pub(super) fn remove(doc: &mut AutoCommit, object: &ObjId, key: &str) -> Result<(), AutomergeError> {
    if doc.get(object, key)?.is_some() {
        doc.delete(object, key)
    } else {
        Ok(())
    }
}
