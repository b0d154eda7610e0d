//! The typed client of a node, and the `interhub` command built on it.
//!
//! Programs use [`node::Node`]: connect to a [`connect::Target`], call, get messages of `interhub.v1` or a
//! [`error::ClientError`]. The command line is [`args`] (what can be typed), [`command`] (what it does), [`document`] (the
//! JSON it answers with) and [`render`] (what people see).

pub mod args;
pub mod command;
pub mod connect;
pub mod document;
pub mod error;
pub mod node;
pub mod qr;
pub mod render;
mod tls;
