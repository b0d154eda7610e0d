//! What can be decided, as it is read and written: total over whatever bytes come, strict about what counts.

use std::collections::BTreeSet;

use super::check::{RegistryError, check_slug};
use crate::body;
use crate::cut::RemovalCut;
use crate::ids::{Epoch, HeaderHash, HubId, LogId};

/// Decisions one decision may name in `after`, lift or adopt: concurrent ones are few, because voters' nodes sign one of each
/// proposer and ask for one that names all. More than a network has voters, so that it can go on after the worst: a
/// decision of each of them, passed while they were apart.
pub const MAX_NAMED: usize = 192;
/// Own proposals that may be undecided at once: whoever is offline must not propose more than others could name in one.
pub const MAX_UNDECIDED: usize = 64;
/// Envelopes one decision may name in `left`: a bound on what one statement makes a node compute.
pub const MAX_LEFT: usize = 256;
/// Ends of logs one removal may name, so that it fits the 64 KiB of a statement.
pub const MAX_ENDS: usize = 600;
/// Longest reason in characters.
pub const MAX_REASON: usize = 500;
/// Most guests a rule may allow each voter.
pub const MAX_GUESTS_PER_VOTER: u32 = 1_000;

/// What a decision changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A guest becomes a voter.
    Seat {
        /// The guest.
        hub: HubId,
        /// Its slug from now on.
        slug: String,
        /// The counter of its accept.
        counter: u32,
    },
    /// A hub is removed.
    Remove {
        /// The hub.
        hub: HubId,
        /// Why, for people.
        reason: String,
        /// How far its shared logs count.
        ends: RemovalCut,
    },
    /// A removed hub is taken back.
    Readmit {
        /// The hub.
        hub: HubId,
        /// The removals that are lifted.
        removals: BTreeSet<HeaderHash>,
    },
    /// A hub gets another key.
    ReplaceKey {
        /// The hub.
        hub: HubId,
        /// Its next signing key.
        public_key: [u8; 32],
        /// Its next recovery key.
        recovery_key: [u8; 32],
    },
    /// Other rules for all.
    Rules {
        /// Guests a voter may have at once.
        guests_per_voter: u32,
    },
    /// Refused decisions are taken after all.
    Adopt(BTreeSet<HeaderHash>),
}

/// What makes two decisions decisions for the same change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKey {
    /// Seating a hub under a slug.
    Seat(HubId, String),
    /// Removing a hub, whatever the reason and the cut.
    Remove(HubId),
    /// Lifting these removals of a hub.
    Readmit(HubId, BTreeSet<HeaderHash>),
    /// Giving a hub these keys.
    ReplaceKey(HubId, [u8; 32], [u8; 32]),
    /// This rule.
    Rules(u32),
    /// Adopting these decisions.
    Adopt(BTreeSet<HeaderHash>),
}

/// A decision as it is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The newest decisions its proposer has taken.
    pub after: BTreeSet<HeaderHash>,
    /// The envelopes in which voters of its past have left.
    pub left: BTreeSet<HeaderHash>,
    /// What it changes.
    pub change: Change,
}

impl Change {
    /// What makes this the same change as another one.
    pub fn key(&self) -> ChangeKey {
        match self {
            Self::Seat { hub, slug, .. } => ChangeKey::Seat(*hub, slug.clone()),
            Self::Remove { hub, .. } => ChangeKey::Remove(*hub),
            Self::Readmit { hub, removals } => ChangeKey::Readmit(*hub, removals.clone()),
            Self::ReplaceKey {
                hub,
                public_key,
                recovery_key,
            } => ChangeKey::ReplaceKey(*hub, *public_key, *recovery_key),
            Self::Rules { guests_per_voter } => ChangeKey::Rules(*guests_per_voter),
            Self::Adopt(decisions) => ChangeKey::Adopt(decisions.clone()),
        }
    }

    /// The hub it concerns.
    pub const fn hub(&self) -> Option<HubId> {
        match self {
            Self::Seat { hub, .. }
            | Self::Remove { hub, .. }
            | Self::Readmit { hub, .. }
            | Self::ReplaceKey { hub, .. } => Some(*hub),
            Self::Rules { .. } | Self::Adopt(_) => None,
        }
    }
}

/// A reason for people: one line of 1 to 500 characters.
pub fn check_reason(reason: &str) -> Result<(), RegistryError> {
    let length = reason.chars().count();
    if (1..=MAX_REASON).contains(&length) && !reason.chars().any(char::is_control) && !reason.trim().is_empty() {
        return Ok(());
    }
    Err(field("reason", "1 to 500 characters on one line"))
}

const fn field(field: &'static str, rule: &'static str) -> RegistryError {
    RegistryError::Field { field, rule }
}

impl Proposal {
    /// Reads and checks a decision.
    pub fn read(decision: &body::Decision) -> Result<Self, RegistryError> {
        let decided = decision.decided.as_ref().ok_or(RegistryError::Encoding)?;
        Ok(Self {
            after: hashes("after", &decision.after, MAX_NAMED)?,
            left: hashes("left", &decision.left, MAX_LEFT)?,
            change: read_change(decided)?,
        })
    }

    /// The decision to be signed.
    pub fn write(&self) -> body::Decision {
        body::Decision {
            after: bytes_of(&self.after),
            left: bytes_of(&self.left),
            decided: Some(write_change(&self.change)),
        }
    }
}

fn read_change(decided: &body::Decided) -> Result<Change, RegistryError> {
    let hub = |bytes: &[u8]| HubId::from_slice(bytes).ok_or(field("hub", "16 bytes"));
    let key = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| field("key", "32 bytes"));
    Ok(match decided {
        body::Decided::Seat(seat) => {
            check_slug(&seat.slug)?;
            Change::Seat {
                hub: hub(&seat.hub)?,
                slug: seat.slug.clone(),
                counter: seat.counter,
            }
        }
        body::Decided::Remove(remove) => {
            check_reason(&remove.reason)?;
            Change::Remove {
                hub: hub(&remove.hub)?,
                reason: remove.reason.clone(),
                ends: read_ends(&remove.ends)?,
            }
        }
        body::Decided::Readmit(readmit) => Change::Readmit {
            hub: hub(&readmit.hub)?,
            removals: hashes("removals", &readmit.removals, MAX_NAMED)?,
        },
        body::Decided::ReplaceKey(replace) => Change::ReplaceKey {
            hub: hub(&replace.hub)?,
            public_key: key(&replace.public_key)?,
            recovery_key: key(&replace.recovery_key)?,
        },
        body::Decided::Rules(rules) => {
            if !(1..=MAX_GUESTS_PER_VOTER).contains(&rules.guests_per_voter) {
                return Err(field("guests per voter", "1 to 1,000"));
            }
            Change::Rules {
                guests_per_voter: rules.guests_per_voter,
            }
        }
        body::Decided::Adopt(adopt) => Change::Adopt(hashes("decisions", &adopt.decisions, MAX_NAMED)?),
    })
}

fn write_change(change: &Change) -> body::Decided {
    match change {
        Change::Seat { hub, slug, counter } => body::Decided::Seat(body::Seat {
            hub: hub.0.to_vec(),
            slug: slug.clone(),
            counter: *counter,
        }),
        Change::Remove { hub, reason, ends } => body::Decided::Remove(body::Remove {
            hub: hub.0.to_vec(),
            reason: reason.clone(),
            ends: write_ends(ends),
        }),
        Change::Readmit { hub, removals } => body::Decided::Readmit(body::Readmit {
            hub: hub.0.to_vec(),
            removals: bytes_of(removals),
        }),
        Change::ReplaceKey {
            hub,
            public_key,
            recovery_key,
        } => body::Decided::ReplaceKey(body::ReplaceKey {
            hub: hub.0.to_vec(),
            public_key: public_key.to_vec(),
            recovery_key: recovery_key.to_vec(),
        }),
        Change::Rules { guests_per_voter } => body::Decided::Rules(body::Rules {
            guests_per_voter: *guests_per_voter,
        }),
        Change::Adopt(decisions) => body::Decided::Adopt(body::Adopt {
            decisions: bytes_of(decisions),
        }),
    }
}

/// How far logs count, from its wire form.
pub(super) fn read_ends(ends: &[body::LogEnd]) -> Result<RemovalCut, RegistryError> {
    if ends.len() > MAX_ENDS {
        return Err(field("ends", "at most 600"));
    }
    let read = ends.iter().map(|end| {
        let log = LogId::from_slice(&end.log).ok_or(field("log", "16 bytes"))?;
        let hash = HeaderHash::from_slice(&end.hash).ok_or(field("hash", "32 bytes"))?;
        Ok(((log, Epoch(end.epoch)), (end.seq, hash)))
    });
    read.collect()
}

/// How far logs count, as statements carry it.
pub fn write_ends(ends: &RemovalCut) -> Vec<body::LogEnd> {
    let end = |((log, epoch), (seq, hash)): (&(LogId, Epoch), &(u64, HeaderHash))| body::LogEnd {
        log: log.0.to_vec(),
        epoch: epoch.0,
        seq: *seq,
        hash: hash.0.to_vec(),
    };
    ends.iter().map(end).collect()
}

fn hashes(name: &'static str, list: &[Vec<u8>], most: usize) -> Result<BTreeSet<HeaderHash>, RegistryError> {
    if list.len() > most {
        return Err(field(name, "fewer entries"));
    }
    list.iter()
        .map(|bytes| HeaderHash::from_slice(bytes).ok_or(field(name, "32 bytes each")))
        .collect()
}

fn bytes_of(hashes: &BTreeSet<HeaderHash>) -> Vec<Vec<u8>> {
    hashes.iter().map(|hash| hash.0.to_vec()).collect()
}
