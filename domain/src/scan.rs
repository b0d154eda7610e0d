//! A look at an Automerge change without Automerge: nothing foreign is given to the library before this has passed.
//!
//! A change of 73 bytes can claim 134 million operations by run lengths, and a compressed one can unpack to gigabytes.
//! So the chunk is walked here by its published layout (Automerge binary format, change chunks): chunk type 1 only,
//! checksum right, no compressed column, every run length inside the limits.

use sha2::{Digest, Sha256};

/// Most operations in one change.
pub const MAX_OPERATIONS: u64 = 65_536;
/// Highest operation number in a document; beyond it an honest edit could overflow the library's counters.
pub const MAX_OPERATION_NUMBER: u64 = 1 << 31;
/// Most dependencies of one change: concurrent heads of a document are few.
pub const MAX_DEPENDENCIES: u64 = 256;
/// Most other actors named by one change.
const MAX_ACTORS: u64 = 1_024;
/// Most columns; the format defines fewer than twenty.
const MAX_COLUMNS: u64 = 64;
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
    /// It carries a message or a time, or its actor is not a hub and an epoch.
    #[error("the change carries {0}")]
    Unexpected(&'static str),
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], ScanError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(ScanError::Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, ScanError> {
        Ok(self.bytes(1)?[0])
    }

    /// Unsigned LEB128 of at most 64 bits.
    fn unsigned(&mut self) -> Result<u64, ScanError> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                return Err(ScanError::Malformed);
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ScanError::Malformed)
    }

    /// Signed LEB128 of at most 64 bits.
    fn signed(&mut self) -> Result<i64, ScanError> {
        let mut value = 0i64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= i64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                let sign_bit = shift + 7;
                if byte & 0x40 != 0 && sign_bit < 64 {
                    value |= -1i64 << sign_bit;
                }
                return Ok(value);
            }
        }
        Err(ScanError::Malformed)
    }

    fn length(&mut self) -> Result<usize, ScanError> {
        usize::try_from(self.unsigned()?).map_err(|_| ScanError::Malformed)
    }
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
    scan_columns(&mut chunk)?;
    Ok(Scanned {
        hash,
        dependencies,
        actor,
        seq,
        start_op,
    })
}

fn scan_columns(chunk: &mut Reader<'_>) -> Result<(), ScanError> {
    let count = chunk.unsigned()?;
    if count > MAX_COLUMNS {
        return Err(ScanError::TooMuch("columns"));
    }
    let mut columns = Vec::new();
    for _ in 0..count {
        let specification = chunk.unsigned()?;
        if specification & 0b1000 != 0 {
            return Err(ScanError::Unexpected("a compressed column"));
        }
        columns.push((specification & 0b111, chunk.length()?));
    }
    for (column_type, length) in columns {
        scan_column(column_type, chunk.bytes(length)?)?;
    }
    Ok(())
}

/// Column types: 0 group, 1 actor, 2 unsigned, 3 delta, 4 boolean, 5 string, 6 value metadata, 7 raw values.
fn scan_column(column_type: u64, data: &[u8]) -> Result<(), ScanError> {
    let mut column = Reader(data);
    let mut rows = 0u64;
    let mut add = |run: u64| {
        rows = rows.saturating_add(run);
        if rows > MAX_OPERATIONS {
            Err(ScanError::TooMuch("operations"))
        } else {
            Ok(())
        }
    };
    match column_type {
        7 => {}
        4 => {
            while !column.0.is_empty() {
                add(column.unsigned()?)?;
            }
        }
        _ => {
            while !column.0.is_empty() {
                let run = column.signed()?;
                if run == 0 {
                    add(column.unsigned()?)?;
                    continue;
                }
                add(run.unsigned_abs())?;
                let literals = if run > 0 { 1 } else { run.unsigned_abs() };
                for _ in 0..literals {
                    skip_value(column_type, &mut column)?;
                }
            }
        }
    }
    Ok(())
}

fn skip_value(column_type: u64, column: &mut Reader<'_>) -> Result<(), ScanError> {
    match column_type {
        3 => column.signed().map(|_| ()),
        5 => {
            let len = column.length()?;
            column.bytes(len).map(|_| ())
        }
        _ => column.unsigned().map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use automerge::transaction::{CommitOptions, Transactable};
    use automerge::{ActorId, AutoCommit, ObjType, ROOT};
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        let mut doc = AutoCommit::new().with_actor(ActorId::from(&[7; ACTOR_LEN][..]));
        doc.put(ROOT, "title", "Open day").unwrap();
        let text = doc.put_object(ROOT, "description", ObjType::Text).unwrap();
        doc.splice_text(&text, 0, 0, "Everyone is welcome, bring a cake.")
            .unwrap();
        doc.put(ROOT, "online", true).unwrap();
        doc.put(ROOT, "count", -5_i64).unwrap();
        doc.commit_with(CommitOptions::default().with_time(0));
        doc.get_last_local_change().unwrap().raw_bytes().to_vec()
    }

    fn repair(bytes: &mut [u8]) {
        let hash = Sha256::digest(&bytes[8..]);
        bytes[4..8].copy_from_slice(&hash[..4]);
    }

    #[test]
    fn reads_what_automerge_writes() {
        let bytes = sample();
        let scanned = scan(&bytes).unwrap();
        let change = automerge::Change::from_bytes(bytes).unwrap();
        assert_eq!(scanned.hash, change.hash().0);
        assert_eq!(scanned.seq, 1);
        assert_eq!(scanned.start_op, 1);
        assert_eq!(scanned.actor, [7; ACTOR_LEN]);
    }

    #[test]
    fn refuses_a_wrong_checksum_a_time_and_a_message() {
        let mut bytes = sample();
        bytes[5] ^= 1;
        assert_eq!(scan(&bytes), Err(ScanError::NotAChange));
        let mut doc = AutoCommit::new().with_actor(ActorId::from(&[7; ACTOR_LEN][..]));
        doc.put(ROOT, "a", 1).unwrap();
        doc.commit_with(CommitOptions::default().with_time(12));
        let timed = doc.get_last_local_change().unwrap().raw_bytes().to_vec();
        assert_eq!(scan(&timed), Err(ScanError::Unexpected("a time")));
        doc.put(ROOT, "a", 2).unwrap();
        doc.commit_with(CommitOptions::default().with_time(0).with_message("hello"));
        let spoken = doc.get_last_local_change().unwrap().raw_bytes().to_vec();
        assert_eq!(scan(&spoken), Err(ScanError::Unexpected("a message")));
    }

    #[test]
    fn refuses_run_lengths_over_the_limit() {
        let mut column = vec![0x80, 0x80, 0x80, 0x80, 0x01, 0x05];
        assert_eq!(scan_column(2, &column), Err(ScanError::TooMuch("operations")));
        column[4] = 0x00;
        assert!(scan_column(2, &[0x05, 0x01]).is_ok());
        assert_eq!(
            scan_column(4, &[0xff, 0xff, 0xff, 0x7f]),
            Err(ScanError::TooMuch("operations"))
        );
    }

    #[test]
    fn every_one_byte_mutant_is_judged_without_panic() {
        let bytes = sample();
        for at in 8..bytes.len() {
            for value in [0u8, 1, 0x7f, 0x80, 0xff] {
                let mut mutant = bytes.clone();
                mutant[at] = value;
                repair(&mut mutant);
                let _ = scan(&mutant);
            }
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = scan(&bytes);
            if bytes.len() > 12 {
                bytes[..4].copy_from_slice(&MAGIC);
                bytes[8] = 1;
                repair(&mut bytes);
                let _ = scan(&bytes);
            }
        }
    }
}
