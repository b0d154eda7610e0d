//! Groups: learnt from the `open`s of their logs, which are held like everything else; nothing of them is stored apart.

use std::collections::BTreeSet;
use std::sync::Arc;

use interhub_domain::access::{Access, Receipt, Scope};
use interhub_domain::body::Open;
use interhub_domain::envelope::{Envelope, Header};
use interhub_domain::group::{Group, UnknownLog, members_of, on_receipt_of_unknown, opened_by};
use interhub_domain::ids::{HubId, LogId, NetworkId};

use super::author::WriteError;
use super::intake::Refused;
use super::ledger::{Inner, Ledger, LedgerError, Notice};
use crate::clock::random_bytes;

/// Groups that one hub may open with this one: an honest one has as many as there are sets of hosts.
const MAX_GROUPS_OF_HUB: usize = 1_024;

/// The group of a log, also one that was drawn and not written to yet.
pub(super) fn group_in(inner: &Inner, log: LogId) -> Option<&Group> {
    inner.groups.get(&log).or_else(|| inner.new_groups.get(&log))
}

impl Ledger {
    /// Reads the groups from the first envelopes of their logs.
    pub(super) fn load_groups(&self, inner: &mut Inner) -> Result<(), LedgerError> {
        let Some(network) = self.network() else { return Ok(()) };
        let rows: Vec<_> = inner.held.rows().map(|(row, _)| row).collect();
        for row in rows
            .into_iter()
            .filter(|row| !row.log.is_shared() && row.log != LogId::LOCAL)
        {
            for first in self.read_log(row, 0, usize::MAX, 1)? {
                if let Some(group) = opened_by(network, &first) {
                    inner.groups.insert(row.log, group);
                }
            }
        }
        Ok(())
    }

    /// Who may receive what, from the roster and the groups known.
    pub(super) fn refresh_access(&self, inner: &mut Inner) {
        let Some(network) = self.network() else { return };
        let members = members_of(&inner.groups);
        inner.access = Arc::new(Access::of_roster(network, self.own_id, &inner.roster, &members));
    }

    /// An `open` was held: perhaps the first of a group, of which sessions have to know before its log is sent.
    pub(super) fn learn_group(&self, inner: &mut Inner, header: &Header, open: &Open) {
        if header.log.is_shared() || inner.groups.contains_key(&header.log) {
            return;
        }
        if let Some(group) = Group::read(header.network, header.log, open) {
            inner.new_groups.remove(&header.log);
            inner.groups.insert(header.log, group);
            self.refresh_access(inner);
            self.notify(Notice::Roster);
        }
    }

    /// Whether an envelope may be here at all, by the log it is in: the last of the three checks. Without a sender it is
    /// one of a registry that an inviter handed over.
    pub(super) fn check_scope(
        inner: &Inner,
        network: NetworkId,
        own: HubId,
        envelope: &Envelope,
        sender: Option<HubId>,
    ) -> Result<(), Refused> {
        let header = &envelope.header;
        if inner.access.scope(header.log) != Scope::Unknown {
            let receipt = sender.map(|sender| inner.access.on_receipt(header.log, header.hub, sender));
            return match receipt {
                Some(Receipt::Breach(what)) => Err(Refused::Breach(what)),
                _ if header.log == LogId::LOCAL => Err(Refused::Breach("a local log was sent")),
                _ => Ok(()),
            };
        }
        match on_receipt_of_unknown(network, own, envelope, sender.unwrap_or(header.hub)) {
            UnknownLog::Early => Err(Refused::Gap),
            UnknownLog::Not(Receipt::Breach(what)) => Err(Refused::Breach(what)),
            UnknownLog::Not(_) => Err(Refused::Fault("its log is none that this hub has a part in")),
            UnknownLog::Opens(_) => {
                let opened: BTreeSet<LogId> = inner
                    .held
                    .rows()
                    .map(|(row, _)| row)
                    .filter(|row| row.hub == header.hub && inner.groups.contains_key(&row.log))
                    .map(|row| row.log)
                    .collect();
                if opened.len() < MAX_GROUPS_OF_HUB {
                    Ok(())
                } else {
                    Err(Refused::Fault("its hub has opened too many groups"))
                }
            }
        }
    }

    /// The log in which this hub shares drafts with exactly these others: one that is there, or a new one.
    pub fn group_with(&self, others: &BTreeSet<HubId>) -> Result<LogId, WriteError> {
        let network = self.network().ok_or(WriteError::NoNetwork)?;
        let mut members = others.clone();
        members.insert(self.own_id);
        let mut inner = self.lock();
        let same = |(log, group): (&LogId, &Group)| (group.members == members).then_some(*log);
        if let Some(log) = inner.groups.iter().chain(&inner.new_groups).find_map(same) {
            return Ok(log);
        }
        let group = Group {
            nonce: random_bytes(&*self.clock),
            members,
        };
        let log = group.log(network);
        inner.new_groups.insert(log, group);
        Ok(log)
    }

    /// The members of a group's log.
    pub fn members_of_group(&self, log: LogId) -> Option<BTreeSet<HubId>> {
        let inner = self.lock();
        inner.groups.get(&log).map(|group| group.members.clone())
    }

    /// Whether this hub may make documents in a log: the first of the three checks.
    pub(super) fn may_write(&self, inner: &Inner, log: LogId) -> bool {
        let known = interhub_domain::group::may_write(inner.access.scope(log), self.own_id);
        known
            || inner
                .new_groups
                .get(&log)
                .is_some_and(|group| group.members.contains(&self.own_id))
    }
}
