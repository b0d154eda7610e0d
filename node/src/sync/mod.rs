//! What to keep and what to send: the one place where envelopes enter the store.
//!
//! [`Ledger`] owns the logs. Foreign envelopes come in through [`Ledger::take`], own ones through [`Ledger::write`];
//! both end in one function that holds an envelope: log row, body, frontier, document, state and every projection in
//! one batch. Below it are the rules of `domain`, above it nothing that knows a key of storage.

mod access;
mod author;
mod beacon;
mod cohost;
mod count;
mod cuts;
mod decide;
mod erase;
mod feeds;
mod group;
mod hide;
mod hold;
mod host;
mod intake;
mod join;
mod judge;
mod keys;
mod ledger;
mod local;
mod moved;
mod own_page;
mod quarantine;
mod read;
mod rebuild;
mod receipts;
mod records;
mod registry;
mod rekey;
mod replay;
mod restored;
mod undo;
mod waiting;
mod watch;
mod worth;

pub use author::{Ahead, Write, WriteError, Written};
pub use decide::{DecideError, Removal};
pub use host::LedgerHost;
pub use intake::Refused;
pub use join::{JoinError, invitation_message};
pub use keys::{KeyError, KeyKeeper, NextIdentity, RecoveryRecord};
pub use ledger::{Ledger, LedgerError, LedgerOptions, Notice, OwnHub, Totals};
pub use local::LocalKey;
pub use quarantine::{HeldBack, HeldBackPage};
pub use receipts::Erasure;

#[cfg(test)]
mod tests;
