//! Automerge change chunks, byte by byte: what no honest library writes.

use sha2::{Digest, Sha256};

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// Column specifications of the operations of a change: id in the upper bits, type in the lower four.
pub mod column {
    #![allow(missing_docs, reason = "names of the format")]
    pub const OBJECT_ACTOR: u64 = 0x01;
    pub const OBJECT_COUNTER: u64 = 0x02;
    pub const KEY_ACTOR: u64 = 0x11;
    pub const KEY_COUNTER: u64 = 0x13;
    pub const KEY_TEXT: u64 = 0x15;
    pub const INSERT: u64 = 0x34;
    pub const ACTION: u64 = 0x42;
    pub const VALUE_META: u64 = 0x56;
    pub const VALUE: u64 = 0x57;
    pub const PREDECESSORS: u64 = 0x70;
    pub const PREDECESSOR_ACTOR: u64 = 0x71;
    pub const PREDECESSOR_COUNTER: u64 = 0x73;
    pub const EXPAND: u64 = 0x94;
    pub const MARK_NAME: u64 = 0xa5;
}

/// Codes of actions.
pub mod action {
    #![allow(missing_docs, reason = "names of the format")]
    pub const MAKE_MAP: u64 = 0;
    pub const SET: u64 = 1;
    pub const MAKE_LIST: u64 = 2;
    pub const DELETE: u64 = 3;
    pub const MAKE_TEXT: u64 = 4;
    pub const INCREMENT: u64 = 5;
    pub const MARK: u64 = 7;
}

/// One change chunk to be made.
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    /// Hashes it builds on.
    pub dependencies: Vec<[u8; 32]>,
    /// Who made it.
    pub actor: Vec<u8>,
    /// Its number among the actor's.
    pub seq: u64,
    /// Number of its first operation.
    pub start_op: u64,
    /// A time.
    pub time: i64,
    /// A message.
    pub message: Vec<u8>,
    /// Other actors.
    pub actors: Vec<Vec<u8>>,
    /// Columns in ascending order: specification, bytes.
    pub columns: Vec<(u64, Vec<u8>)>,
    /// What lies behind them.
    pub trailing: Vec<u8>,
}

impl Chunk {
    /// With one more column.
    pub fn with(mut self, specification: u64, bytes: Vec<u8>) -> Self {
        self.columns.push((specification, bytes));
        self
    }

    /// The bytes, with a right length and checksum.
    pub fn bytes(&self) -> Vec<u8> {
        chunk(1, &self.body())
    }

    /// The same as a compressed chunk.
    pub fn deflated(&self) -> Vec<u8> {
        deflated_chunk(&self.body())
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        unsigned(&mut body, self.dependencies.len() as u64);
        self.dependencies.iter().for_each(|hash| body.extend(hash));
        put(&mut body, &self.actor);
        unsigned(&mut body, self.seq);
        unsigned(&mut body, self.start_op);
        signed(&mut body, self.time);
        put(&mut body, &self.message);
        unsigned(&mut body, self.actors.len() as u64);
        self.actors.iter().for_each(|actor| put(&mut body, actor));
        unsigned(&mut body, self.columns.len() as u64);
        for (specification, bytes) in &self.columns {
            unsigned(&mut body, *specification);
            unsigned(&mut body, bytes.len() as u64);
        }
        self.columns.iter().for_each(|(_, bytes)| body.extend(bytes));
        body.extend(&self.trailing);
        body
    }
}

/// A chunk of this type, with a right length and checksum.
pub fn chunk(chunk_type: u8, body: &[u8]) -> Vec<u8> {
    let mut hashed = vec![chunk_type];
    put(&mut hashed, body);
    let mut out = MAGIC.to_vec();
    out.extend(&Sha256::digest(&hashed)[..4]);
    out.extend(hashed);
    out
}

/// A compressed change: type 2, with the checksum of what it unpacks to.
pub fn deflated_chunk(body: &[u8]) -> Vec<u8> {
    let mut out = chunk(2, &deflated(body));
    let checksum: [u8; 4] = chunk(1, body)[4..8].try_into().unwrap_or_default();
    out[4..8].copy_from_slice(&checksum);
    out
}

/// The same bytes, compressed.
pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes).unwrap_or_else(|error| panic!("{error}"));
    packed.finish().unwrap_or_else(|error| panic!("{error}"))
}

/// A compressed change that unpacks to so many zeros, which nobody has to hold to make it. Its checksum is wrong: Automerge
/// does not look at it.
pub fn deflated_zeros(count: usize) -> Vec<u8> {
    use std::io::Write as _;
    let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    let mut left = count;
    while left > 0 {
        let some = left.min(zeros.len());
        packed
            .write_all(&zeros[..some])
            .unwrap_or_else(|error| panic!("{error}"));
        left -= some;
    }
    chunk(2, &packed.finish().unwrap_or_else(|error| panic!("{error}")))
}

/// Puts the right checksum into a chunk that was altered.
pub fn repair(bytes: &mut [u8]) {
    if bytes.len() > 8 {
        let hash = Sha256::digest(&bytes[8..]);
        bytes[4..8].copy_from_slice(&hash[..4]);
    }
}

/// A number, LEB128.
pub fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// A signed number, LEB128.
pub fn signed(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        let done = (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0);
        if done {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Bytes behind their length.
pub fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    unsigned(out, bytes.len() as u64);
    out.extend(bytes);
}

/// One run of the same number.
pub fn run(times: i64, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    signed(&mut out, times);
    unsigned(&mut out, value);
    out
}

/// One run of the same difference.
pub fn steps(times: i64, difference: i64) -> Vec<u8> {
    let mut out = Vec::new();
    signed(&mut out, times);
    signed(&mut out, difference);
    out
}

/// One run of the same text.
pub fn texts(times: i64, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    signed(&mut out, times);
    put(&mut out, text);
    out
}

/// So many rows without a value.
pub fn nulls(times: u64) -> Vec<u8> {
    let mut out = vec![0];
    unsigned(&mut out, times);
    out
}
