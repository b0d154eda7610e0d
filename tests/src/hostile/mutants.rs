//! Every way to alter one byte.

use super::chunk::repair;

/// A change with one byte altered and its checksum made right again.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// Which byte.
    pub at: usize,
    /// What it is now.
    pub value: u8,
    /// The whole.
    pub bytes: Vec<u8>,
}

/// Every one-byte mutant of a change chunk behind its checksum, which is repaired: 255 for each byte.
pub fn mutants(honest: &[u8]) -> impl Iterator<Item = Mutant> {
    altered(honest).filter(|mutant| mutant.at >= 8).map(|mut mutant| {
        repair(&mut mutant.bytes);
        mutant
    })
}

/// Every one-byte mutant of any bytes.
pub fn altered(honest: &[u8]) -> impl Iterator<Item = Mutant> {
    (0..honest.len()).flat_map(move |at| {
        (0..=u8::MAX)
            .filter(move |value| *value != honest[at])
            .map(move |value| {
                let mut bytes = honest.to_vec();
                bytes[at] = value;
                Mutant { at, value, bytes }
            })
    })
}

/// Which of the other 255 values of each byte are tried.
#[derive(Debug, Clone, Copy)]
pub enum Share {
    /// Two for each byte: one bit is the other way round, and another value that depends on the place.
    Few,
    /// One for each byte.
    One,
    /// One of so many parts, which together are all of them.
    Part(u8, u8),
}

/// Nothing altered.
pub const UNALTERED: Alteration = (0, 0);

/// One byte altered: where, and the bits that change.
pub type Alteration = (usize, u8);

impl Share {
    /// Less of it: one value in place of two, and a quarter of a part.
    #[must_use]
    pub const fn thin(self) -> Self {
        match self {
            Self::Few | Self::One => Self::One,
            Self::Part(part, of) => Self::Part(part, of.saturating_mul(4)),
        }
    }

    /// The alterations of so many bytes that are tried.
    pub fn of(self, length: usize) -> impl Iterator<Item = Alteration> {
        (0..length)
            .flat_map(|at| (1..=u8::MAX).map(move |bits| (at, bits)))
            .filter(move |(at, bits)| match self {
                Self::Few => *bits == 1 << (at % 8) || usize::from(*bits) == 1 + (at * 89 + 100) % 255,
                Self::One => *bits == 1 << (at % 8),
                Self::Part(part, of) => *bits % of == part,
            })
    }
}

/// The bytes, altered.
pub fn alter(honest: &[u8], (at, bits): Alteration) -> Vec<u8> {
    let mut bytes = honest.to_vec();
    bytes[at] ^= bits;
    bytes
}

/// A change chunk, altered, and its checksum made right again.
pub fn alter_chunk(honest: &[u8], alteration: Alteration) -> Vec<u8> {
    let mut bytes = alter(honest, alteration);
    repair(&mut bytes);
    bytes
}
