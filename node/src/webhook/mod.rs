//! Tells other programs of changes, over HTTP, as they happen.
//!
//! [`message`] is what is sent and how it is signed; [`deliver`] is the task that sends it, again and again until it arrives.
//! Nothing is queued: the log of changes is the queue, and each receiver has a place in it. A message says what changed and not
//! how it reads now: whoever may know that asks for it, and no copy lies where an erasure does not reach.

pub mod deliver;
pub mod message;
