//! Groups: the hubs that share a draft. A group's log id is made of its members and a nonce, so whoever is in it is fixed
//! for ever; other members are another group.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Receipt, Scope};
use crate::body::Open;
use crate::cut::opening;
use crate::envelope::Envelope;
use crate::ids::{HubId, LogId, NetworkId};

/// Most hubs of one group: each is named in every `open` of its log, and a draft has a handful of hosts.
pub const MAX_GROUP_MEMBERS: usize = 64;

/// One group, as the `open` of its log names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Random, so that the same hubs can have more than one group and nobody else can guess its log id.
    pub nonce: [u8; 16],
    /// The hubs, two at least.
    pub members: BTreeSet<HubId>,
}

impl Group {
    /// The log id that these members and this nonce make.
    pub fn log(&self, network: NetworkId) -> LogId {
        let members: Vec<HubId> = self.members.iter().copied().collect();
        LogId::group(network, &self.nonce, &members)
    }

    /// What an `open` names, if that is what this log id is made of.
    pub fn read(network: NetworkId, log: LogId, open: &Open) -> Option<Self> {
        if !(2..=MAX_GROUP_MEMBERS).contains(&open.members.len()) {
            return None;
        }
        let group = Self {
            nonce: open.nonce.as_slice().try_into().ok()?,
            members: open
                .members
                .iter()
                .map(|member| HubId::from_slice(member))
                .collect::<Option<_>>()?,
        };
        (group.members.len() == open.members.len() && group.log(network) == log).then_some(group)
    }

    /// What an `open` of its log has to name: the members in order, and the nonce.
    pub fn named(&self) -> (Vec<Vec<u8>>, Vec<u8>) {
        let members = self.members.iter().map(|member| member.0.to_vec());
        (members.collect(), self.nonce.to_vec())
    }
}

/// The groups known, by log id.
pub type Groups = BTreeMap<LogId, Group>;

/// The members of each group, as [`crate::access::Access`] asks for them.
pub fn members_of(groups: &Groups) -> BTreeMap<LogId, BTreeSet<HubId>> {
    groups
        .iter()
        .map(|(log, group)| (*log, group.members.clone()))
        .collect()
}

/// The group that an envelope is the first of, if that is what it is.
pub fn opened_by(network: NetworkId, envelope: &Envelope) -> Option<Group> {
    Group::read(network, envelope.header.log, &opening(envelope)?)
}

/// What to make of an envelope of a log that cannot be placed, delivered by `sender`: it may be the first of a group, or
/// come before the first, which then is asked for; everything else is not this hub's.
pub fn on_receipt_of_unknown(network: NetworkId, own: HubId, envelope: &Envelope, sender: HubId) -> UnknownLog {
    match opened_by(network, envelope) {
        None if envelope.header.seq > 0 => UnknownLog::Early,
        None => UnknownLog::Not(Receipt::Dropped),
        Some(group) => {
            let all_in = [own, envelope.header.hub, sender]
                .iter()
                .all(|hub| group.members.contains(hub));
            if all_in {
                UnknownLog::Opens(group)
            } else {
                UnknownLog::Not(Receipt::Breach("a group log was opened by or to a hub outside it"))
            }
        }
    }
}

/// What an envelope of a log that cannot be placed is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownLog {
    /// The first of a group of which all three are members.
    Opens(Group),
    /// Its log's first envelope has not come.
    Early,
    /// Not to be held.
    Not(Receipt),
}

/// Whether a scope is one in which documents may be made by `own`.
pub fn may_write(scope: Scope<'_>, own: HubId) -> bool {
    match scope {
        Scope::Public | Scope::Network | Scope::Local => true,
        Scope::Pair(low, high) => own == low || own == high,
        Scope::Group(members) => members.contains(&own),
        Scope::Registry | Scope::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::body::{Body, Content};
    use crate::envelope::{Header, Kind, Sealed};
    use crate::ids::{Epoch, HeaderHash, ObjectId};

    const NETWORK: NetworkId = NetworkId([9; 16]);

    fn hub(number: u8) -> HubId {
        HubId([number; 16])
    }

    fn group(members: &[u8]) -> Group {
        Group {
            nonce: [7; 16],
            members: members.iter().map(|number| hub(*number)).collect(),
        }
    }

    fn open_of(group: &Group, log: LogId, author: u8, seq: u64) -> Envelope {
        let (members, nonce) = group.named();
        let open = Open {
            earlier: Vec::new(),
            members,
            nonce,
        };
        let body = Body {
            clock: 1,
            content: Some(Content::Open(open)),
        };
        Envelope {
            header: Header {
                network: NETWORK,
                hub: hub(author),
                key_number: 0,
                log,
                epoch: Epoch(1),
                seq,
                previous: HeaderHash::ZERO,
                kind: Kind::Open,
                object: ObjectId::ZERO,
                generation: 0,
                commitment: [0; 32],
            },
            signature: [0; 64],
            sealed: Some(Sealed {
                salt: [0; 32],
                body: body.encode_bytes(),
            }),
        }
    }

    #[test]
    fn golden_log_id_and_open() {
        let group = group(&[2, 1, 3]);
        assert_eq!(group.log(NETWORK).to_string(), "0c2583e66f5af29f3bad02b03eb5030a");
        let open = open_of(&group, group.log(NETWORK), 1, 0);
        let hex = data_encoding::HEXLOWER.encode(&open.sealed.unwrap().body);
        let members = ["01", "02", "03"]
            .map(|byte| format!("1210{}", byte.repeat(16)))
            .concat();
        assert_eq!(hex, format!("0901000000000000001248{members}1a10{}", "07".repeat(16)));
    }

    #[test]
    fn a_group_is_only_what_its_log_id_is_made_of() {
        let group = group(&[1, 2]);
        let log = group.log(NETWORK);
        let read = |members: &[HubId], nonce: &[u8]| {
            let members = members.iter().map(|member| member.0.to_vec()).collect();
            let open = Open {
                earlier: Vec::new(),
                members,
                nonce: nonce.to_vec(),
            };
            Group::read(NETWORK, log, &open)
        };
        assert_eq!(read(&[hub(1), hub(2)], &[7; 16]), Some(group.clone()));
        assert_eq!(read(&[hub(2), hub(1)], &[7; 16]), Some(group));
        assert_eq!(read(&[hub(1), hub(2), hub(3)], &[7; 16]), None, "a member more");
        assert_eq!(read(&[hub(1), hub(2), hub(2)], &[7; 16]), None, "one named twice");
        assert_eq!(read(&[hub(1)], &[7; 16]), None, "nobody to share with");
        assert_eq!(read(&[hub(1), hub(2)], &[8; 16]), None, "another nonce");
        assert_eq!(read(&[hub(1), hub(2)], &[7; 15]), None, "a short nonce");
        assert_eq!(read(&[hub(1); MAX_GROUP_MEMBERS + 1], &[7; 16]), None, "too many");
    }

    #[test]
    fn whoever_is_not_in_it_neither_opens_nor_brings_nor_takes_it() {
        let group = group(&[1, 2]);
        let log = group.log(NETWORK);
        let judge = |own, author, sender| {
            on_receipt_of_unknown(NETWORK, hub(own), &open_of(&group, log, author, 0), hub(sender))
        };
        assert_eq!(judge(1, 2, 2), UnknownLog::Opens(group.clone()));
        for (own, author, sender) in [(3, 2, 2), (1, 3, 2), (1, 2, 3)] {
            assert!(matches!(
                judge(own, author, sender),
                UnknownLog::Not(Receipt::Breach(_))
            ));
        }
        let early = open_of(&group, log, 2, 1);
        assert_eq!(
            on_receipt_of_unknown(NETWORK, hub(1), &early, hub(2)),
            UnknownLog::Early
        );
        let elsewhere = open_of(&group, LogId([200; 16]), 2, 0);
        let judged = on_receipt_of_unknown(NETWORK, hub(1), &elsewhere, hub(2));
        assert_eq!(judged, UnknownLog::Not(Receipt::Dropped));
    }
}
