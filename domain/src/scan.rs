//! A look at an Automerge change without Automerge: nothing foreign is given to the library before this has passed.
//!
//! A change of 73 bytes can claim 134 million operations by run lengths, and a compressed one can unpack to gigabytes.
//! So the chunk is walked here by its published layout (Automerge binary format, change chunks): chunk type 1 only,
//! checksum right, no compressed column, every count inside the limits. What a change can unfold to is bounded here, by
//! numbers and not by a clock, so that every node judges alike; the child process that counts is only a backstop.

mod column;
mod reader;

use sha2::{Digest, Sha256};

use column::Columns;
use reader::Reader;

/// Most operations in one change.
pub const MAX_OPERATIONS: u64 = 65_536;
/// Highest operation number in a document; beyond it an honest edit could overflow the library's counters.
pub const MAX_OPERATION_NUMBER: u64 = 1 << 31;
/// Most bytes that the keys and other names of one change unfold to: one long name can be said to apply to every operation.
pub const MAX_NAMES: u64 = 1 << 20;
/// So many more entries than operations may name what they replace: a value that concurrent edits set several times
/// has several predecessors.
pub const MAX_EXTRA_ROWS: u64 = 1_024;
/// Most dependencies of one change: concurrent heads of a document are few.
pub const MAX_DEPENDENCIES: u64 = 256;
/// Most other actors named by one change.
const MAX_ACTORS: u64 = 1_024;
/// Length of an actor id: hub id and epoch.
pub const ACTOR_LEN: usize = 24;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// What a change says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// The change's hash, which later changes name as a dependency.
    pub hash: [u8; 32],
    /// Hashes of the changes it builds on.
    pub dependencies: Vec<[u8; 32]>,
    /// Who made it.
    pub actor: [u8; ACTOR_LEN],
    /// Its number among the actor's changes to this document, from 1.
    pub seq: u64,
    /// Number of its first operation.
    pub start_op: u64,
    /// Rows of its longest column: its operations, or what they replace.
    pub rows: u64,
    /// Bytes of its columns: what it says, without whom and what it builds on.
    pub content: u64,
}

/// Why a change is refused before Automerge sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// Not one change chunk of type 1 with a right length and checksum.
    #[error("not an uncompressed Automerge change")]
    NotAChange,
    /// It ends before it should, or a number in it is malformed.
    #[error("the change is malformed")]
    Malformed,
    /// A count or a run length is over its limit.
    #[error("the change is over a limit: {0}")]
    TooMuch(&'static str),
    /// It carries a message, a time or trailing bytes, or its actor is not a hub and an epoch.
    #[error("the change carries {0}")]
    Unexpected(&'static str),
}

/// Walks one change chunk. Takes time linear in its length.
pub fn scan(bytes: &[u8]) -> Result<Scanned, ScanError> {
    let mut chunk = Reader(bytes);
    if chunk.bytes(4).map_err(|_| ScanError::NotAChange)? != MAGIC {
        return Err(ScanError::NotAChange);
    }
    let checksum = chunk.bytes(4)?;
    let hashed = chunk.0;
    if chunk.byte()? != 1 {
        return Err(ScanError::NotAChange);
    }
    if chunk.length()? != chunk.0.len() {
        return Err(ScanError::NotAChange);
    }
    let hash: [u8; 32] = Sha256::digest(hashed).into();
    if checksum != &hash[..4] {
        return Err(ScanError::NotAChange);
    }

    let dependency_count = chunk.unsigned()?;
    if dependency_count > MAX_DEPENDENCIES {
        return Err(ScanError::TooMuch("dependencies"));
    }
    let mut dependencies = Vec::new();
    for _ in 0..dependency_count {
        dependencies.push(chunk.bytes(32)?.try_into().map_err(|_| ScanError::Malformed)?);
    }
    let actor_len = chunk.length()?;
    let actor = chunk
        .bytes(actor_len)?
        .try_into()
        .map_err(|_| ScanError::Unexpected("a foreign actor id"))?;
    let seq = chunk.unsigned()?;
    let start_op = chunk.unsigned()?;
    if start_op == 0 || start_op >= MAX_OPERATION_NUMBER {
        return Err(ScanError::TooMuch("operation number"));
    }
    if chunk.signed()? != 0 {
        return Err(ScanError::Unexpected("a time"));
    }
    if chunk.unsigned()? != 0 {
        return Err(ScanError::Unexpected("a message"));
    }
    let actor_count = chunk.unsigned()?;
    if actor_count > MAX_ACTORS {
        return Err(ScanError::TooMuch("actors"));
    }
    for _ in 0..actor_count {
        let len = chunk.length()?;
        if len > ACTOR_LEN {
            return Err(ScanError::Unexpected("a foreign actor id"));
        }
        chunk.bytes(len)?;
    }
    let columns = Columns::read(&mut chunk, actor_count)?;
    let rows = columns.scan()?;
    if !chunk.0.is_empty() {
        return Err(ScanError::Unexpected("bytes that mean nothing"));
    }
    Ok(Scanned {
        hash,
        dependencies,
        actor,
        seq,
        start_op,
        rows,
        content: columns.bytes(),
    })
}

#[cfg(test)]
mod tests;
