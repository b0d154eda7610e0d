//! The rules of Interhub, without IO.
//!
//! Nothing here reads a clock, draws a random number, opens a file or a socket: time and randomness come in as
//! arguments. That makes the one law testable: *what a node shows is a pure function of the envelopes it holds, its
//! roster and its software version*.
//!
//! Modules in reading order: what things are called ([`ids`]), what is signed ([`envelope`], [`body`]), what people
//! mean by it ([`event`], [`feature`], [`language`], [`member`], [`profile`]), who may receive it ([`access`]), where it stops counting
//! ([`cut`]) and how two nodes come to hold the same ([`frontier`], [`session`]), who has erased what ([`receipt`]), and how
//! calendars ([`calendar`]) and members ([`contacts`]) come in and go out.

pub mod access;
pub mod beacon;
pub mod body;
pub mod calendar;
pub mod contacts;
pub mod cut;
pub mod document;
pub mod envelope;
pub mod event;
pub mod feature;
pub mod frontier;
pub mod group;
pub mod ids;
pub mod invitation;
pub mod language;
pub mod member;
pub mod object;
pub mod profile;
pub mod query;
pub mod receipt;
pub mod registry;
pub mod scan;
pub mod session;
