//! Every stored key and value, in one place. `docs/storage.md` is the same for readers.
//!
//! Keys are fixed-width fields one after the other, numbers big-endian, so that bytewise order is the order of the
//! fields and a range of keys is a prefix. A value begins with the version of its format. No key holds a person's text.
//!
//! By room: what hubs said ([`log`]), what became of it ([`document`]), who is there ([`network`]), and the node's own
//! notes ([`meta`]).

pub mod access;
mod bytes;
pub mod change;
pub mod counter;
pub mod document;
pub mod erasure;
pub mod event;
pub mod feed;
pub mod left_out;
pub mod log;
pub mod meta;
pub mod network;
pub mod object;
pub mod own_page;
pub mod picture;
pub mod quarantine;
mod short;
pub mod webhook;

#[cfg(test)]
mod golden;

use std::ops::ControlFlow;

use super::{Backend, Batch, Direction, Family, StoreError};
pub use bytes::{Reader, decode_row, encode_row};

/// A key of the catalogue.
///
/// Laws: `decode(family(), encode())` gives the key back; bytewise order of encoded keys is the order of their fields as
/// `docs/storage.md` lists them; anything else than an encoded key decodes to `None`.
pub trait Key: Sized {
    /// What is stored under it.
    type Value: Value;

    /// The family it lies in.
    fn family(&self) -> Family;

    /// The bytes.
    fn encode(&self) -> Vec<u8>;

    /// From the bytes of a key in this family.
    fn decode(family: Family, bytes: &[u8]) -> Option<Self>;
}

/// A value of the catalogue: a version byte, then the fields.
///
/// Laws: `decode(encode())` gives the value back; bytes of every version that was ever released decode; other bytes
/// give `None`.
pub trait Value: Sized {
    /// What it is called in an error.
    const WHAT: &'static str;

    /// The bytes, in the newest version.
    fn encode(&self) -> Vec<u8>;

    /// From the bytes of any version.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// The value of a key.
pub fn get<K: Key>(store: &dyn Backend, key: &K) -> Result<Option<K::Value>, StoreError> {
    match store.get(key.family(), &key.encode())? {
        None => Ok(None),
        Some(bytes) => Ok(Some(decode_value(&bytes)?)),
    }
}

/// Whether a key is there.
pub fn contains<K: Key>(store: &dyn Backend, key: &K) -> Result<bool, StoreError> {
    Ok(store.get(key.family(), &key.encode())?.is_some())
}

/// Sets a key in a batch.
pub fn put<K: Key>(batch: &mut Batch, key: &K, value: &K::Value) {
    batch.put(key.family(), key.encode(), value.encode());
}

/// Removes a key in a batch.
pub fn delete<K: Key>(batch: &mut Batch, key: &K) {
    batch.delete(key.family(), key.encode());
}

/// Visits the keys of a family that begin with a prefix (empty: all), until the visitor breaks. Consistent, like
/// [`Backend::scan`], whose limit of time holds too.
pub fn scan_prefix<K: Key>(
    store: &dyn Backend,
    family: Family,
    prefix: &[u8],
    direction: Direction,
    visit: impl FnMut(K, K::Value) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    scan_range(store, family, prefix, &prefix_end(prefix), direction, visit)
}

/// Visits the keys of a family in `from..to` (an empty `to` means: to the end), until the visitor breaks.
pub fn scan_range<K: Key>(
    store: &dyn Backend,
    family: Family,
    from: &[u8],
    to: &[u8],
    direction: Direction,
    mut visit: impl FnMut(K, K::Value) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut damaged = None;
    store.scan(
        family,
        from,
        to,
        direction,
        &mut |key, value| match decode_pair(family, key, value) {
            Ok((key, value)) => visit(key, value),
            Err(error) => {
                damaged = Some(error);
                ControlFlow::Break(())
            }
        },
    )?;
    damaged.map_or(Ok(()), Err)
}

/// Visits a whole family in pages of this many rows, each page a consistent view of its own: for walks that may take
/// longer than a scan may. A row written meanwhile is seen or not.
pub fn scan_paged<K: Key>(
    store: &dyn Backend,
    family: Family,
    page: usize,
    mut visit: impl FnMut(K, K::Value) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut from = Vec::new();
    loop {
        let mut rows = Vec::new();
        store.scan(family, &from, &[], Direction::Forward, &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            if rows.len() == page {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        // The smallest key after the last one.
        from.clone_from(last);
        from.push(0);
        for (key, value) in rows {
            let (key, value) = decode_pair(family, &key, &value)?;
            visit(key, value)?;
        }
    }
}

/// The end of the range of all keys with a prefix: empty (no end) for a prefix of nothing but 0xff.
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            break;
        }
    }
    end
}

fn decode_pair<K: Key>(family: Family, key: &[u8], value: &[u8]) -> Result<(K, K::Value), StoreError> {
    let key = K::decode(family, key).ok_or(StoreError::Damaged { what: "key" })?;
    Ok((key, decode_value(value)?))
}

fn decode_value<V: Value>(bytes: &[u8]) -> Result<V, StoreError> {
    V::decode(bytes).ok_or(StoreError::Damaged { what: V::WHAT })
}

/// What every key and value is tested with.
#[cfg(test)]
pub(crate) mod check {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Family, Key, Value};

    /// The key encodes to these bytes (hexadecimal) and back, and no shorter or longer bytes are taken for it.
    pub(crate) fn key<K: Key + PartialEq + std::fmt::Debug>(key: &K, family: Family, golden: &str) {
        let bytes = key.encode();
        assert_eq!(data_encoding::HEXLOWER.encode(&bytes), golden);
        assert_eq!(key.family(), family);
        assert_eq!(K::decode(family, &bytes).as_ref(), Some(key));
        assert_eq!(K::decode(family, &bytes[..bytes.len() - 1]), None);
        assert_eq!(K::decode(family, &[&bytes[..], &[0]].concat()), None);
    }

    /// The value encodes to these bytes and back; an unknown version and a cut value are refused.
    pub(crate) fn value<V: Value + PartialEq + std::fmt::Debug>(value: &V, golden: &str) {
        let bytes = value.encode();
        assert_eq!(data_encoding::HEXLOWER.encode(&bytes), golden);
        old_value(value, golden);
        let mut unknown = bytes.clone();
        unknown[0] = 0xee;
        assert_eq!(V::decode(&unknown), None);
        assert_eq!(V::decode(&[]), None);
    }

    /// Bytes of an earlier version still give this value.
    pub(crate) fn old_value<V: Value + PartialEq + std::fmt::Debug>(value: &V, golden: &str) {
        let bytes = data_encoding::HEXLOWER.decode(golden.as_bytes()).unwrap();
        assert_eq!(V::decode(&bytes).as_ref(), Some(value));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::memory::MemoryStore;
    use super::meta::SearchTodoKey;
    use super::*;
    use interhub_domain::ids::ThingId;

    #[test]
    fn a_prefix_ends_where_the_next_begins() {
        assert_eq!(prefix_end(b"ab"), b"ac");
        assert_eq!(prefix_end(b"a\xff\xff"), b"b");
        assert_eq!(prefix_end(b"\xff"), b"");
        assert_eq!(prefix_end(b""), b"");
    }

    fn filled() -> MemoryStore {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        for number in 0..10_u64 {
            put(&mut batch, &SearchTodoKey(number), &ThingId([7; 16]));
        }
        store.write(&batch).unwrap();
        store
    }

    #[test]
    fn pages_see_every_row_once() {
        let store = filled();
        for page in [1, 3, 10, 100] {
            let mut seen = Vec::new();
            scan_paged(&store, Family::SearchTodo, page, |SearchTodoKey(number), _| {
                seen.push(number);
                Ok(())
            })
            .unwrap();
            assert_eq!(seen, (0..10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn damage_is_named() {
        let store = filled();
        let mut batch = Batch::new();
        batch.put(Family::SearchTodo, SearchTodoKey(3).encode(), *b"rubbish");
        store.write(&batch).unwrap();
        let outcome = scan_prefix(
            &store,
            Family::SearchTodo,
            b"",
            Direction::Forward,
            |_: SearchTodoKey, _| ControlFlow::Continue(()),
        );
        assert!(matches!(outcome, Err(StoreError::Damaged { what: "search note" })));
        assert!(get(&store, &SearchTodoKey(3)).is_err());
        assert!(contains(&store, &SearchTodoKey(3)).unwrap());
    }
}
