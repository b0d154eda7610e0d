//! Small copies of the pictures that events name: a cache, made again from their addresses.

use serde::{Deserialize, Serialize};

use super::{Key, Value, decode_row, encode_row};
use crate::store::Family;

/// Family `picture`: what is known of a picture, by a hash of its address. 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PictureKey(pub [u8; 16]);

impl PictureKey {
    /// Of the picture at an address.
    pub fn of(address: &str) -> Self {
        let mut hash = [0; 16];
        let mut reader = blake3::Hasher::new_derive_key("Interhub 2026-11 address of a picture")
            .update(address.as_bytes())
            .finalize_xof();
        reader.fill(&mut hash);
        Self(hash)
    }
}

impl Key for PictureKey {
    type Value = PictureRow;

    fn family(&self) -> Family {
        Family::Picture
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn decode(_: Family, bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// Value of `picture`. All times in Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureRow {
    /// The small copy; `None` if there is none, or not yet.
    pub thumbnail: Option<Thumbnail>,
    /// When it was last asked for.
    pub tried_ms: i64,
    /// When it is asked for next.
    pub next_ms: i64,
    /// HTTP ETag, and Last-Modified, of what the copy was made of.
    pub etag: String,
    /// See `etag`.
    pub last_modified: String,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// Why the last one did, in words; empty if it did not.
    pub error: String,
}

/// A small copy of a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// Pixels across.
    pub width: u16,
    /// Pixels down.
    pub height: u16,
    /// A JPEG file without any metadata.
    pub jpeg: Vec<u8>,
}

impl Value for PictureRow {
    const WHAT: &'static str = "picture";

    fn encode(&self) -> Vec<u8> {
        encode_row(1, self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_row(1, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn golden_picture() {
        check::key(&PictureKey([1; 16]), Family::Picture, &"01".repeat(16));
        assert_ne!(
            PictureKey::of("https://a.example/1"),
            PictureKey::of("https://a.example/2")
        );
        let row = PictureRow {
            thumbnail: Some(Thumbnail {
                width: 300,
                height: 2,
                jpeg: vec![0xff, 0xd8],
            }),
            tried_ms: 1,
            next_ms: 2,
            etag: "e".into(),
            last_modified: String::new(),
            failures: 1,
            error: "x".into(),
        };
        check::value(&row, "0101ac020202ffd8020401650001 0178".replace(' ', "").as_str());
    }
}
