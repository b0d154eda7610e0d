//! Small copies of the pictures that events name by their addresses: what pages of this node show, so that nobody who reads them
//! calls a server elsewhere.
//!
//! [`thumbnail`] makes a copy of what was downloaded, [`poll`] is the task that downloads. What is known of each address is
//! noted by `command::picture`. A copy has no metadata: where a photograph was taken stays with whoever took it.

pub mod poll;
pub mod thumbnail;
