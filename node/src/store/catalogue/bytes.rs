//! Reading fixed-width fields, and rows of mixed fields behind a version byte.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Takes fields off the front of some bytes.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Begins at the front.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Begins after a leading version byte, if that is this version.
    pub fn of_version(bytes: &'a [u8], version: u8) -> Option<Self> {
        let (first, rest) = bytes.split_first()?;
        (*first == version).then_some(Self(rest))
    }

    /// The next `N` bytes; `None` if there are fewer.
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    /// The next two bytes as a number.
    pub fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    /// The next four bytes as a number.
    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    /// The next eight bytes as a number.
    pub fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    /// All that is left.
    pub const fn rest(self) -> &'a [u8] {
        self.0
    }

    /// `Some` if nothing is left: a longer value is as wrong as a shorter one.
    pub fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// A row of mixed fields: the version, then its fields in postcard's encoding.
///
/// Rows are our own plain types, for which postcard cannot fail; should it all the same, the row is empty and every
/// reader calls it damaged.
pub fn encode_row<T: Serialize>(version: u8, row: &T) -> Vec<u8> {
    postcard::to_extend(row, vec![version]).unwrap_or_default()
}

/// The row behind the version byte, if that is this version, and nothing but the row.
pub fn decode_row<T: DeserializeOwned>(version: u8, bytes: &[u8]) -> Option<T> {
    let rest = Reader::of_version(bytes, version)?.rest();
    let (row, left) = postcard::take_from_bytes(rest).ok()?;
    left.is_empty().then_some(row)
}
