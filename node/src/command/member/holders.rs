//! Which other hubs hold a member's card.

use interhub_domain::ids::{HubId, LogId};
use interhub_domain::registry::{Member, Standing};

use super::is_there;
use crate::command::event::parse_thing;
use crate::command::{CommandError, Commands};

/// A hub that holds a member's card, or may: every hub of the network gets it once it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardHolder {
    /// Its slug.
    pub slug: String,
    /// It has acknowledged everything there is: it holds the card as it is now.
    pub current: bool,
    /// When it was last heard, Unix milliseconds, if it ever was.
    pub heard_ms: Option<i64>,
}

impl Commands {
    /// The hubs that hold the card of a member of this hub, or may hold it, by slug; none if there is no card.
    pub async fn card_holders(&self, id: String) -> Result<Vec<CardHolder>, CommandError> {
        self.blocking("member card", move |this| {
            let thing = parse_thing(&id)?;
            this.record(thing)?;
            let card = this.ledger.object_state(this.member_document(LogId::NETWORK, thing)?)?;
            if !is_there(&card) {
                return Ok(Vec::new());
            }
            let (own, roster, peers) = (this.ledger.own_id(), this.ledger.roster(), this.peer_status());
            let others = roster
                .members
                .iter()
                .filter(|(hub, member)| **hub != own && member.standing == Standing::Active);
            let holder = |(hub, member): (&HubId, &Member)| {
                let peer = peers.iter().find(|peer| peer.hub == *hub);
                CardHolder {
                    slug: member.shown_slug.clone(),
                    current: peer.is_some_and(|peer| peer.connected && peer.lag_envelopes == Some(0)),
                    heard_ms: peer.and_then(|peer| peer.last_heard_ms).or(this.ledger.heard_ms(*hub)),
                }
            };
            let mut holders: Vec<CardHolder> = others.map(holder).collect();
            holders.sort_by(|one, other| one.slug.cmp(&other.slug));
            Ok(holders)
        })
        .await
    }
}
