//! What a hostile hub may send: change chunks made by hand, and every body with one byte altered; and the hub itself,
//! which signs them in its own name and sends them over the real protocol.

pub mod bodies;
pub mod chunk;
pub mod claims;
pub mod constructed;
pub mod documents;
pub mod line;
pub mod mutants;
mod places;
pub mod scene;
pub mod speaker;
pub mod statements;
