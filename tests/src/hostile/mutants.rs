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
