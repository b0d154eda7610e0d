//! Between the wire and the node's own types: [`ask`] on the way in, [`answer`] on the way out.

pub mod answer;
pub mod ask;
pub mod counter;
pub mod member;
pub mod token;
pub mod webhook;
