//! What an operator watches: status, and what changes.

use interhub_domain::ids::{Epoch, HeaderHash, HubId, NetworkId};

use super::{CommandError, Commands};
use crate::store::catalogue::change::ChangeRow;
use crate::sync::Totals;

/// Most changes given in one step of a watch.
pub const CHANGES_PER_STEP: usize = 500;

/// What `status` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// The own slug.
    pub slug: String,
    /// The own id.
    pub id: HubId,
    /// Version of this program.
    pub version: &'static str,
    /// Name and id of the network.
    pub network: Option<(String, NetworkId)>,
    /// What is counted.
    pub totals: Totals,
    /// Events shown.
    pub events: u64,
    /// Members that can be found here: this hub's, without those who moved on, and those of the others by their cards.
    pub members: u64,
    /// Other active hubs.
    pub peers: u32,
    /// Of those, the ones with a stream.
    pub connected: u32,
    /// Digest of all documents in public and network scope.
    pub shared_digest: [u8; 32],
    /// Digest of the shared projections.
    pub projections_digest: [u8; 32],
    /// This run.
    pub epoch: Epoch,
    /// Another node writes with this hub's key.
    pub another_node: bool,
    /// This folder is a copy, and no other hub has told yet what was erased since: members are not shown.
    pub restoring: bool,
    /// Decisions that wait for this hub's vote.
    pub votes_open: u32,
    /// Security events since the start: peers sent what must never be on their streams.
    pub breaches: u64,
    /// Everything that every active hub had published at this moment is here, Unix milliseconds; `None` if there is a
    /// hub nothing was ever heard of.
    pub as_of_ms: Option<i64>,
    /// Slug of the hub that decides it: the one whose data is oldest. `None` for a hub alone.
    pub oldest_hub: Option<String>,
    /// The registry names a key for this hub that this node does not have.
    pub key_replaced: bool,
    /// Decisions that will give this hub other keys unless it objects.
    pub key_decisions: Vec<HeaderHash>,
    /// Slugs of the hubs that signed two envelopes with one number.
    pub forked: Vec<String>,
    /// Slugs of the hubs whose clock is more than ten minutes ahead of this one's.
    pub clocks_ahead: Vec<String>,
    /// Why changes of other hubs cannot be judged now.
    pub counting_error: Option<String>,
}

/// One change for a watcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Where to go on after this one.
    pub token: String,
    /// What changed.
    pub change: ChangeRow,
}

impl Commands {
    /// How the node is.
    pub async fn status(&self) -> Result<NodeStatus, CommandError> {
        self.blocking("status", |this| {
            let roster = this.ledger.roster();
            let forks = this.ledger.forked_hubs();
            let slugs = |is_meant: &dyn Fn(HubId) -> bool| -> Vec<String> {
                let meant = roster.members.values().filter(|member| is_meant(member.id));
                meant.map(|member| member.shown_slug.clone()).collect()
            };
            let network = this.ledger.network().map(|id| (roster.name.clone(), id));
            let own = this.ledger.own_id();
            let slug = roster.members.get(&own).map(|member| member.shown_slug.clone());
            let peers = this.peer_status();
            let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            let active = peers.iter().filter(|peer| roster.is_active(peer.hub));
            let (shared_digest, _) = this.ledger.digests()?;
            let breaches = peers.iter().map(|peer| peer.breaches).sum();
            let others = roster.members.values().filter(|member| member.id != own);
            let oldest = others
                .filter(|member| roster.is_active(member.id))
                .map(|member| (this.as_of_ms(member.id), member.shown_slug.clone()))
                .min();
            let (as_of_ms, oldest_hub) = match oldest {
                Some((as_of_ms, slug)) => (as_of_ms, Some(slug)),
                None => (Some(this.clock.now_ms()), None),
            };
            Ok(NodeStatus {
                slug: slug.unwrap_or_else(|| this.ledger.own().slug.clone()),
                id: own,
                version: env!("CARGO_PKG_VERSION"),
                network,
                totals: this.ledger.totals(),
                events: this.views.count_events()?,
                members: this.count_members()?,
                peers: count(active.clone().count()),
                connected: count(active.filter(|peer| peer.connected).count()),
                shared_digest,
                projections_digest: this.views.projections_digest()?,
                epoch: this.ledger.epoch(),
                another_node: this.ledger.has_another_node(),
                restoring: this.ledger.is_restoring(),
                votes_open: count(roster.votes_open(own)),
                breaches,
                as_of_ms,
                oldest_hub,
                key_replaced: this.ledger.is_key_replaced(),
                key_decisions: roster.key_threats(own).map(|(id, _)| *id).collect(),
                forked: slugs(&|hub| forks.contains(&hub)),
                clocks_ahead: slugs(&|hub| this.ledger.clock_ahead_ms(hub).is_some()),
                counting_error: this.counter.as_ref().and_then(crate::child::ChildCounter::trouble),
            })
        })
        .await
    }

    fn count_members(&self) -> Result<u64, CommandError> {
        let (own, roster) = (self.ledger.own_id(), self.ledger.roster());
        let counts = self.views.member_counts(own)?.into_iter();
        let shown = counts.filter(|(hub, _)| *hub == own || roster.is_active(*hub));
        Ok(shown.map(|(_, count)| count).sum())
    }

    /// Changes after this number, oldest first, at most [`CHANGES_PER_STEP`]. When there are none, wait for the next
    /// [`crate::sync::Notice::Changed`] of [`crate::sync::Ledger::notices`] and ask again.
    pub async fn changes_after(&self, number: u64) -> Result<Vec<Watched>, CommandError> {
        self.blocking("watch", move |this| {
            if this.ledger.is_forgotten(number) {
                let advice = "this token is too old, changes after it are no longer kept; read everything again and watch without --from";
                return Err(CommandError::new(super::Class::Precondition, advice));
            }
            let changes = this.ledger.changes_after(number, CHANGES_PER_STEP)?;
            Ok(changes
                .into_iter()
                .map(|(number, change)| Watched { token: number.to_string(), change })
                .collect())
        })
        .await
    }

    /// The number in a token.
    pub fn parse_token(token: &str) -> Result<u64, CommandError> {
        token.parse().map_err(|_| {
            CommandError::usage(
                "this is not a token of `interhub watch`; leave --from out to begin with what happens now",
            )
        })
    }
}
