//! Who may see an event: the log its document is in. Another audience is another document of the same event.

use std::collections::BTreeSet;

use interhub_domain::document::Reading;
use interhub_domain::event::Event;
use interhub_domain::group::MAX_GROUP_MEMBERS;
use interhub_domain::ids::{DocumentKind, HubId, LogId, ObjectId};

use super::event::edit;
use super::{CommandError, Commands};
use crate::projection::{EventRow, HubStatus};
use crate::sync::{Write, WriteError};

/// Who is to see an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Anyone.
    Public,
    /// The hubs of the network: no page or feed shows it.
    Network,
    /// This hub and those with these slugs: a draft they share.
    Group(Vec<String>),
    /// This hub alone: a draft.
    Local,
}

/// Who sees an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownAudience {
    /// Anyone.
    Public,
    /// The hubs of the network.
    Network,
    /// Its owner and the hubs with these slugs.
    Group(Vec<String>),
    /// This hub alone.
    Local,
}

impl Commands {
    /// The log of an audience.
    pub(super) fn log_of(&self, audience: &Audience) -> Result<LogId, CommandError> {
        Ok(match audience {
            Audience::Public => LogId::PUBLIC,
            Audience::Network => LogId::NETWORK,
            Audience::Local => LogId::LOCAL,
            Audience::Group(slugs) => self.ledger.group_with(&self.hubs_named(slugs)?)?,
        })
    }

    fn hubs_named(&self, slugs: &[String]) -> Result<BTreeSet<HubId>, CommandError> {
        let hubs = self.views.hubs()?;
        let mut named = BTreeSet::new();
        for slug in slugs {
            let wanted = slug.trim().to_lowercase();
            let hub = hubs.iter().find(|hub| hub.slug == wanted).ok_or_else(|| {
                CommandError::not_found(format!(
                    "there is no hub {slug:.80?}; `interhub hub list` shows what there is"
                ))
            })?;
            if hub.own {
                return Err(CommandError::usage(
                    "a draft is always this hub's too; name the hubs to share it with",
                ));
            }
            if hub.status != HubStatus::Active {
                let line = format!("{wanted} does not belong to the network now; drafts are shared with hubs that do");
                return Err(CommandError::refused(line));
            }
            named.insert(hub.id);
        }
        if named.is_empty() {
            return Err(CommandError::usage("name the hubs to share the draft with"));
        }
        if named.len() >= MAX_GROUP_MEMBERS {
            let most = MAX_GROUP_MEMBERS - 1;
            return Err(CommandError::usage(format!(
                "a draft is shared with at most {most} hubs; publish it for the network instead"
            )));
        }
        Ok(named)
    }

    pub(super) fn audience_of(&self, row: &EventRow, slug_of: &dyn Fn(HubId) -> String) -> ShownAudience {
        match row.log {
            LogId::PUBLIC => ShownAudience::Public,
            LogId::NETWORK => ShownAudience::Network,
            LogId::LOCAL => ShownAudience::Local,
            group => {
                let members = self.ledger.members_of_group(group).unwrap_or_default();
                let others = members.into_iter().filter(|hub| *hub != row.hub);
                ShownAudience::Group(others.map(slug_of).collect())
            }
        }
    }

    /// What makes an event say this to this audience, and to no other.
    pub(super) fn writes_for(&self, row: &EventRow, log: LogId, event: Event) -> Result<Write, CommandError> {
        if log == row.log {
            return Ok(edit(row, event));
        }
        if row.hub != self.ledger.own_id() {
            let slug = self.slug_of(row.hub)?;
            return Err(CommandError::refused(format!(
                "this event belongs to {slug}; only its own hub decides who sees it"
            )));
        }
        let network = self.ledger.network().ok_or(WriteError::NoNetwork)?;
        let own = self.ledger.own_id();
        let target = ObjectId::derive(network, own, log, DocumentKind::Event, row.thing);
        let documents = self.ledger.own_event_documents(row.thing)?;
        let there: Vec<ObjectId> = documents
            .into_iter()
            .filter_map(|(object, there)| there.then_some(object))
            .collect();
        let reading = Reading::Event(Box::new(event));
        let (object, others) = (row.object, there.iter().filter(|object| **object != target));
        // The document of before goes in the same batch: the event is never gone, nor there twice. An earlier version
        // could leave a draft beside what was published of it.
        let (moved, withdrawn): (Write, Vec<ObjectId>) = if there.contains(&target) {
            let object = target;
            (Write::Change { object, reading }, others.copied().collect())
        } else {
            let rest = others.filter(|other| **other != object).copied().collect();
            (Write::Move { object, log, reading }, rest)
        };
        let withdrawn = withdrawn.into_iter().map(|object| Write::Withdraw { object });
        Ok(Write::Together(std::iter::once(moved).chain(withdrawn).collect()))
    }
}
