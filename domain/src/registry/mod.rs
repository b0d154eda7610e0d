//! Who belongs: the roster as a pure function of the statements held, the decisions taken and since when, and the clock.
//!
//! A network begins with a founding record; all else are statements in the registry logs. They count one by one: neither
//! their order nor a fork of the log that carries them changes anything. Founding hubs are voters. A voter's `admit`,
//! which carries the newcomer's own signed `accept`, makes a hub a guest: it shares everything, but neither votes nor
//! invites. A voter has at most ten guests, further ones wait.
//!
//! Everything else is decided: [`decision`] says what can be, [`ballots`] which decisions pass and which of them a node
//! takes, [`compute`] what follows from those, [`keys`] and [`replace`] which keys speak for a hub, [`worth`] which statements
//! say nothing, [`duty`] what a voter's node signs by itself.

pub mod ballots;
mod check;
mod compute;
pub mod decision;
pub mod duty;
mod heard;
pub mod keys;
mod opinion;
mod positions;
pub mod replace;
mod seals;
mod worth;

use std::collections::{BTreeMap, BTreeSet};

pub use self::ballots::{Ballots, Opinion, Since, State, Taken};
pub use self::check::{
    CheckedAccept, RegistryError, accept_message, check_address, check_slug, read_accept, read_founding,
};
pub use self::decision::{Change, ChangeKey, Proposal};
pub use self::keys::HubKeys;
pub use self::replace::Replacement;
pub use self::seals::Seals;
pub use self::worth::Unheard;
use crate::body::Said;
use crate::cut::RemovalCut;
use crate::ids::{Epoch, HeaderHash, HubId};

/// Guests a voter may have at once where neither the founding record nor a decision says otherwise.
pub const GUESTS_PER_VOTER: usize = 10;
/// Longest slug in characters.
pub const MAX_SLUG: usize = 40;
/// Longest network name in characters.
pub const MAX_NETWORK_NAME: usize = 80;
/// Longest address in bytes: a DNS name (253), a colon and a port.
pub const MAX_ADDRESS: usize = 260;
/// Founding hubs a record may name; a bound on what one record makes a node compute.
pub const MAX_FOUNDERS: usize = 64;
/// A decision whose past lacks one that was taken longer ago than this is refused. Milliseconds: 7 days, in which every
/// hub that is not lost has been in touch with another.
pub const FORWARD_ONLY_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// Where a hub stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It belongs.
    Active,
    /// Its admission waits: the admitting voter has its guests already.
    Pending,
    /// It left by its own statement.
    Left,
    /// It was removed by a decision, its admission was taken back, or it never was admitted by anybody who could.
    Removed,
}

/// One statement held: which envelope, who signed it, where it lies, when by its clock, what.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldStatement {
    /// The envelope.
    pub hash: HeaderHash,
    /// Its signer.
    pub hub: HubId,
    /// The number of the key it is signed with.
    pub key_number: u16,
    /// The run of the registry log it lies in.
    pub epoch: Epoch,
    /// Its number there.
    pub seq: u64,
    /// Its hybrid clock.
    pub clock: u64,
    /// What it says.
    pub said: Said,
    /// What came of verifying the signatures in that.
    pub seals: Seals,
}

/// One hub of the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The hub.
    pub id: HubId,
    /// Its keys, and the recovery key that speaks now.
    pub keys: HubKeys,
    /// The slug it asked for, or that was fixed when it was seated.
    pub slug: String,
    /// The slug shown: clashing guests carry four digits of their id.
    pub shown_slug: String,
    /// Where its node can be reached; empty behind NAT.
    pub address: String,
    /// Where it stands.
    pub standing: Standing,
    /// Whether it votes.
    pub voter: bool,
    /// The voter that admitted it, for guests.
    pub guest_of: Option<HubId>,
    /// The counter of the accept or leave that speaks for it now.
    pub counter: u32,
    /// How far its shared logs count, for a hub that was removed by a decision or never admitted.
    pub cut: Option<RemovalCut>,
}

impl Member {
    /// The key it signs with now, and its number.
    pub const fn current_key(&self) -> ([u8; 32], u16) {
        let (number, key) = self.keys.current;
        (key, number)
    }

    /// Whether it belongs and votes.
    pub fn votes(&self) -> bool {
        self.voter && self.standing == Standing::Active
    }
}

/// Who belongs, computed by [`Roster::compute`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roster {
    /// The network's name; empty before its founding record is held.
    pub name: String,
    /// The first founder of the record.
    pub founder: Option<HubId>,
    /// Guests a voter may have at once.
    pub guests_per_voter: usize,
    /// Every hub that was ever named by a founder or a voter.
    pub members: BTreeMap<HubId, Member>,
    /// The decisions held, and what became of them.
    pub ballots: Ballots,
    /// What became of the keys in those decisions that give a hub others.
    pub replacements: BTreeMap<HeaderHash, Replacement>,
    /// What stolen keys signed and nobody vouches for.
    void: BTreeSet<HeaderHash>,
}

impl Roster {
    /// The keys of a hub that go by this number, whatever its standing: what it once signed still verifies. It is one,
    /// unless two hands with one key named two.
    pub fn keys(&self, hub: HubId, number: u16) -> &[[u8; 32]] {
        let member = self.members.get(&hub);
        let keys = member.and_then(|member| member.keys.by_number.get(&number));
        keys.map(Vec::as_slice).unwrap_or_default()
    }

    /// The key that a hub's beacon of this number is checked with: none for a stolen one, which says nothing of now.
    pub fn beacon_key(&self, hub: HubId, number: u16) -> Option<[u8; 32]> {
        let keys = &self.members.get(&hub)?.keys;
        if keys.stolen.contains(&number) {
            return None;
        }
        let (current, key) = keys.current;
        if current == number {
            return Some(key);
        }
        self.keys(hub, number).first().copied()
    }

    /// Whether this hub belongs now.
    pub fn is_active(&self, hub: HubId) -> bool {
        self.members
            .get(&hub)
            .is_some_and(|member| member.standing == Standing::Active)
    }

    /// Whether this hub belongs and votes now.
    pub fn votes(&self, hub: HubId) -> bool {
        self.members.get(&hub).is_some_and(Member::votes)
    }

    /// The hub whose shown slug this is.
    pub fn by_slug(&self, slug: &str) -> Option<&Member> {
        self.members.values().find(|member| member.shown_slug == slug)
    }

    /// The member that has (or had) this public key.
    pub fn by_key(&self, public_key: &[u8; 32]) -> Option<&Member> {
        self.members
            .values()
            .find(|member| member.keys.all().any(|key| key == public_key))
    }

    /// Guests of this voter that are active now.
    pub fn guests_of(&self, voter: HubId) -> usize {
        let is_guest = |member: &&Member| member.guest_of == Some(voter) && member.standing == Standing::Active;
        self.members.values().filter(is_guest).count()
    }
}

#[cfg(test)]
mod tests;
