//! What a hostile hub may send: change chunks made by hand, and every body with one byte altered.

pub mod chunk;
pub mod constructed;
pub mod mutants;
