//! Part of a document as plain values: to write it again elsewhere, without its history.

use automerge::transaction::Transactable;
use automerge::{AutoCommit, AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};

use super::MAX_NESTING;

/// A value and everything below it. Of concurrent values the winner.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Scalar(ScalarValue),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn of(doc: &AutoCommit, value: &Value<'_>, id: &ObjId) -> Self {
        Self::at_depth(doc, value, id, 0)
    }

    /// The whole document.
    pub(super) fn of_document(doc: &AutoCommit) -> Self {
        Self::of(doc, &Value::Object(ObjType::Map), &ROOT)
    }

    /// A document that counts is never deeper than [`MAX_NESTING`]; what lies below is left out.
    fn at_depth(doc: &AutoCommit, value: &Value<'_>, id: &ObjId, depth: usize) -> Self {
        if depth > MAX_NESTING {
            return Self::Scalar(ScalarValue::Null);
        }
        match value {
            Value::Scalar(value) => Self::Scalar(value.as_ref().clone()),
            Value::Object(ObjType::Text) => Self::Text(doc.text(id).unwrap_or_default()),
            Value::Object(ObjType::List) => {
                let items = (0..doc.length(id)).filter_map(|index| doc.get(id, index).ok().flatten());
                Self::List(
                    items
                        .map(|(value, id)| Self::at_depth(doc, &value, &id, depth + 1))
                        .collect(),
                )
            }
            Value::Object(ObjType::Map | ObjType::Table) => {
                let keys: Vec<String> = doc.keys(id).collect();
                let mut entries = Vec::with_capacity(keys.len());
                for key in keys {
                    if let Ok(Some((value, child))) = doc.get(id, key.as_str()) {
                        let node = Self::at_depth(doc, &value, &child, depth + 1);
                        entries.push((key, node));
                    }
                }
                Self::Map(entries)
            }
        }
    }

    /// Writes it under a key, in the place of whatever is there.
    pub(super) fn put(&self, doc: &mut AutoCommit, object: &ObjId, key: &str) -> Result<(), AutomergeError> {
        match self {
            Self::Scalar(value) => doc.put(object, key, value.clone()),
            other => {
                let made = doc.put_object(object, key, other.object_type())?;
                other.fill(doc, &made)
            }
        }
    }

    /// Writes what lies in it into an empty object.
    pub(super) fn fill(&self, doc: &mut AutoCommit, object: &ObjId) -> Result<(), AutomergeError> {
        match self {
            Self::Scalar(_) => Ok(()),
            Self::Text(text) => doc.splice_text(object, 0, 0, text),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    match item {
                        Self::Scalar(value) => doc.insert(object, index, value.clone())?,
                        other => {
                            let made = doc.insert_object(object, index, other.object_type())?;
                            other.fill(doc, &made)?;
                        }
                    }
                }
                Ok(())
            }
            Self::Map(entries) => {
                for (key, node) in entries {
                    node.put(doc, object, key)?;
                }
                Ok(())
            }
        }
    }

    const fn object_type(&self) -> ObjType {
        match self {
            Self::Text(_) => ObjType::Text,
            Self::List(_) => ObjType::List,
            Self::Scalar(_) | Self::Map(_) => ObjType::Map,
        }
    }
}
