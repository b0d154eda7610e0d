//! Who may receive what: pure functions over the roster and the known groups.
//!
//! They are asked three times: when a log is chosen at write, when a frontier is filtered at send, and at receipt.
//! A `local` log never leaves its hub, not even its numbers. The answers are the same whichever of two hubs asks about
//! the other, because both compare digests over what both may see.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{HubId, LogId, NetworkId};
use crate::registry::{Roster, Standing};

/// Where the envelopes of a log may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Statements about who belongs: any hub that is or was in the network.
    Registry,
    /// Any hub of the network, and anyone over HTTP.
    Public,
    /// Any hub of the network.
    Network,
    /// The two hubs of a visit, the lower id first.
    Pair(HubId, HubId),
    /// The hubs named by the group's id.
    Group(&'a BTreeSet<HubId>),
    /// Nobody: never leaves the hub.
    Local,
    /// A log id this node cannot place. It is not sent; a received envelope of it is left to the intake, because the
    /// `open` of a new group carries the members that explain the id.
    Unknown,
}

/// What may be done with an envelope that a peer delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// The peer may have it, and may give it to us.
    Allowed,
    /// Not for this peer to deliver, without ill intent: its hub left, or the log cannot be placed from a row alone.
    Dropped,
    /// Something that must never be on this stream: a `local` log, or a pair or group without the sender.
    Breach(&'static str),
}

/// The roster as far as access goes, and the groups known. Built anew whenever one of them changes.
#[derive(Debug, Clone)]
pub struct Access {
    own: HubId,
    hubs: BTreeMap<HubId, Standing>,
    pairs: BTreeMap<LogId, (HubId, HubId)>,
    groups: BTreeMap<LogId, BTreeSet<HubId>>,
}

impl Access {
    /// From the roster and the groups known, by log id.
    pub fn of_roster(
        network: NetworkId,
        own: HubId,
        roster: &Roster,
        groups: &BTreeMap<LogId, BTreeSet<HubId>>,
    ) -> Self {
        let hubs = roster
            .members
            .iter()
            .map(|(hub, member)| (*hub, member.standing))
            .collect();
        Self::new(network, own, &hubs, groups)
    }

    /// From the hubs of the network (the own hub is added as active if it is missing) and the groups known, by log id.
    ///
    /// Costs one hash for each pair of hubs, so that a log of two others is recognised for what it is.
    pub fn new(
        network: NetworkId,
        own: HubId,
        hubs: &BTreeMap<HubId, Standing>,
        groups: &BTreeMap<LogId, BTreeSet<HubId>>,
    ) -> Self {
        let mut hubs = hubs.clone();
        hubs.entry(own).or_insert(Standing::Active);
        let mut pairs = BTreeMap::new();
        for (index, low) in hubs.keys().enumerate() {
            for high in hubs.keys().skip(index + 1) {
                pairs.insert(LogId::pair(network, *low, *high), (*low, *high));
            }
        }
        Self {
            own,
            hubs,
            pairs,
            groups: groups.clone(),
        }
    }

    /// The hub whose node this is.
    pub fn own(&self) -> HubId {
        self.own
    }

    /// How a hub stands; `None` for one that was never in the network.
    pub fn standing(&self, hub: HubId) -> Option<Standing> {
        self.hubs.get(&hub).copied()
    }

    /// Whether the hub belongs to the network now.
    pub fn is_active(&self, hub: HubId) -> bool {
        self.standing(hub) == Some(Standing::Active)
    }

    /// The scope of a log id.
    pub fn scope(&self, log: LogId) -> Scope<'_> {
        if log == LogId::REGISTRY {
            return Scope::Registry;
        }
        if log == LogId::PUBLIC {
            return Scope::Public;
        }
        if log == LogId::NETWORK {
            return Scope::Network;
        }
        if log == LogId::LOCAL {
            return Scope::Local;
        }
        if let Some((low, high)) = self.pairs.get(&log) {
            return Scope::Pair(*low, *high);
        }
        self.groups.get(&log).map_or(Scope::Unknown, Scope::Group)
    }

    /// Whether this node may tell `peer` of the log that `author` writes under this id: its numbers and its envelopes.
    pub fn may_send(&self, log: LogId, author: HubId, peer: HubId) -> bool {
        let Some(standing) = self.standing(peer) else {
            return false;
        };
        let both_active = standing == Standing::Active && self.is_active(self.own);
        match self.scope(log) {
            Scope::Registry => true,
            Scope::Public | Scope::Network => both_active,
            Scope::Pair(low, high) => {
                both_active && [self.own, author, peer].iter().all(|hub| *hub == low || *hub == high)
            }
            Scope::Group(members) => both_active && [self.own, author, peer].iter().all(|hub| members.contains(hub)),
            Scope::Local | Scope::Unknown => false,
        }
    }

    /// Whether between this hub and `peer` goes only what goes to and from hubs that are gone: one of the two left, was
    /// removed, or waits for a place. One that waits may have had one before the rules changed, and then it holds what others
    /// erase, and others hold what it erases.
    pub fn is_gone_between(&self, peer: HubId) -> bool {
        let (Some(own), Some(theirs)) = (self.standing(self.own), self.standing(peer)) else {
            return false;
        };
        own != Standing::Active || theirs != Standing::Active
    }

    /// Whether both hubs may know what was erased in a log: it is, or was, for both.
    pub fn share_tombstones(&self, log: LogId, peer: HubId) -> bool {
        match self.scope(log) {
            Scope::Public | Scope::Network => true,
            Scope::Pair(low, high) => [self.own, peer].iter().all(|hub| *hub == low || *hub == high),
            Scope::Group(members) => [self.own, peer].iter().all(|hub| members.contains(hub)),
            Scope::Registry | Scope::Local | Scope::Unknown => false,
        }
    }

    /// Whether this node may send `peer` a tombstone by this author although one of the two hubs is gone: what a hub once
    /// had it is to erase too, and what it had shared it may still erase everywhere. A hub that is gone sends its own.
    pub fn may_send_tombstone(&self, log: LogId, author: HubId, peer: HubId) -> bool {
        let is_between = self.is_gone_between(peer) && self.share_tombstones(log, peer);
        is_between && (self.is_active(self.own) || author == self.own)
    }

    /// The same for a proof of a fork: whoever holds what it makes void is to know. Only of logs that everybody had.
    pub fn may_send_proof(&self, log: LogId, author: HubId, peer: HubId) -> bool {
        let shared = matches!(self.scope(log), Scope::Public | Scope::Network);
        self.may_send(log, author, peer) || (shared && self.is_gone_between(peer))
    }

    /// What to make of a tombstone that `sender` delivered, which may be gone.
    pub fn on_receipt_of_tombstone(&self, log: LogId, author: HubId, sender: HubId) -> Receipt {
        let told = self.on_receipt(log, author, sender);
        let theirs = author == sender || self.is_active(sender);
        if told == Receipt::Dropped && theirs && self.is_gone_between(sender) && self.share_tombstones(log, sender) {
            return Receipt::Allowed;
        }
        told
    }

    /// What to make of an envelope (or a row) of this log and author that `sender` delivered.
    pub fn on_receipt(&self, log: LogId, author: HubId, sender: HubId) -> Receipt {
        let outside = match self.scope(log) {
            Scope::Local => return Receipt::Breach("a local log was sent"),
            Scope::Unknown => return Receipt::Allowed,
            Scope::Registry | Scope::Public | Scope::Network => false,
            Scope::Pair(low, high) => [self.own, author, sender].iter().any(|hub| *hub != low && *hub != high),
            Scope::Group(members) => [self.own, author, sender].iter().any(|hub| !members.contains(hub)),
        };
        if outside {
            return Receipt::Breach("a pair or group log was sent by or to a hub outside it");
        }
        if self.may_send(log, author, sender) {
            Receipt::Allowed
        } else {
            Receipt::Dropped
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: NetworkId = NetworkId([9; 16]);

    fn hub(number: u8) -> HubId {
        HubId([number; 16])
    }

    fn access(own: u8) -> Access {
        let hubs = [
            (hub(1), Standing::Active),
            (hub(2), Standing::Active),
            (hub(3), Standing::Active),
            (hub(4), Standing::Left),
        ];
        let group = LogId::group(NETWORK, &[7; 16], &[hub(1), hub(2)]);
        let groups = [(group, BTreeSet::from([hub(1), hub(2)]))];
        Access::new(NETWORK, hub(own), &hubs.into(), &groups.into())
    }

    #[test]
    fn local_never_leaves() {
        let access = access(1);
        for peer in 1..6 {
            assert!(!access.may_send(LogId::LOCAL, hub(1), hub(peer)));
            assert!(matches!(
                access.on_receipt(LogId::LOCAL, hub(peer), hub(peer)),
                Receipt::Breach(_)
            ));
        }
    }

    #[test]
    fn departed_hubs_get_the_registry_and_strangers_nothing() {
        let access = access(1);
        assert!(access.may_send(LogId::REGISTRY, hub(1), hub(4)));
        assert!(!access.may_send(LogId::PUBLIC, hub(1), hub(4)));
        assert_eq!(access.on_receipt(LogId::NETWORK, hub(4), hub(4)), Receipt::Dropped);
        assert!(!access.may_send(LogId::REGISTRY, hub(1), hub(5)));
    }

    #[test]
    fn no_third_hub_sees_or_relays_a_pair() {
        let own_pair = LogId::pair(NETWORK, hub(1), hub(2));
        let foreign_pair = LogId::pair(NETWORK, hub(2), hub(3));
        let access = access(1);
        assert!(access.may_send(own_pair, hub(1), hub(2)));
        assert!(access.may_send(own_pair, hub(2), hub(2)));
        assert!(!access.may_send(own_pair, hub(1), hub(3)));
        assert!(!access.may_send(foreign_pair, hub(2), hub(3)));
        assert!(matches!(
            access.on_receipt(foreign_pair, hub(2), hub(2)),
            Receipt::Breach(_)
        ));
        assert!(matches!(
            access.on_receipt(own_pair, hub(3), hub(2)),
            Receipt::Breach(_)
        ));
        assert!(matches!(
            access.on_receipt(own_pair, hub(2), hub(3)),
            Receipt::Breach(_)
        ));
        assert_eq!(access.on_receipt(own_pair, hub(2), hub(2)), Receipt::Allowed);
    }

    #[test]
    fn groups_stay_inside() {
        let group = LogId::group(NETWORK, &[7; 16], &[hub(1), hub(2)]);
        assert!(access(1).may_send(group, hub(1), hub(2)));
        assert!(!access(1).may_send(group, hub(1), hub(3)));
        assert!(matches!(
            access(3).on_receipt(group, hub(1), hub(1)),
            Receipt::Breach(_)
        ));
        assert_eq!(access(1).on_receipt(LogId([200; 16]), hub(2), hub(2)), Receipt::Allowed);
        assert!(!access(1).may_send(LogId([200; 16]), hub(1), hub(2)));
    }

    #[test]
    fn two_hubs_agree_on_what_both_may_see() {
        let logs = [
            LogId::REGISTRY,
            LogId::PUBLIC,
            LogId::NETWORK,
            LogId::LOCAL,
            LogId::pair(NETWORK, hub(1), hub(2)),
        ];
        for (one, other) in [(1, 2), (1, 3), (1, 4), (2, 4)] {
            for log in logs {
                for author in 1..5 {
                    assert_eq!(
                        access(one).may_send(log, hub(author), hub(other)),
                        access(other).may_send(log, hub(author), hub(one)),
                    );
                }
            }
        }
    }
}
