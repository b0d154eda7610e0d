//! Which hubs have erased what was taken back of a member, and a report of it that others can check.

use interhub_domain::ids::{HeaderHash, HubId, ThingId};
use interhub_domain::receipt::{Outcome, Receipt, SignedReceipt};
use interhub_domain::registry::Standing;
use serde_json::json;

use crate::command::event::parse_thing;
use crate::command::{CommandError, Commands};
use crate::sync::{Erasure, WriteError};

/// How far a hub is with an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureState {
    /// It says, signed, that nothing is left.
    Erased,
    /// It was told and has not said so yet.
    Pending,
    /// There is no line to it.
    Unreachable,
    /// It left the network or was removed, and has not said so. It is told whenever it calls.
    Removed,
    /// It says that it will not.
    Refused,
}

impl ErasureState {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Pending => "pending",
            Self::Unreachable => "unreachable",
            Self::Removed => "removed",
            Self::Refused => "refused",
        }
    }
}

/// One hub of those that may have held a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubErasure {
    /// Its slug.
    pub slug: String,
    /// How far it is.
    pub state: ErasureState,
    /// Since when that is so, Unix milliseconds, if that is known.
    pub at_ms: Option<i64>,
    /// Until when a backup of it may hold the card, Unix milliseconds; `None` if there is none that does.
    pub backups_until_ms: Option<i64>,
}

/// What was erased last of a member of this hub, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberReceipts {
    /// The member, who may be known by nothing else any more.
    pub thing: ThingId,
    /// When it was asked for, Unix milliseconds.
    pub requested_ms: i64,
    /// This hub first, then every other that may have held the card, by slug.
    pub hubs: Vec<HubErasure>,
    /// The same with every receipt as it was signed: JSON, signed by this hub.
    pub report: String,
}

impl Commands {
    /// Which hubs have erased what was taken back last of a member of this hub.
    pub async fn member_receipts(&self, id: String) -> Result<MemberReceipts, CommandError> {
        self.blocking("member receipts", move |this| {
            let thing = parse_thing(&id)?;
            let erasure = this.ledger.erasure(thing)?.ok_or_else(|| this.nothing_erased(thing))?;
            let mut hubs = vec![this.erased_here(&erasure)];
            let mut others: Vec<(HubId, HubErasure)> = erasure
                .row
                .hubs
                .iter()
                .map(|hub| (*hub, this.erased_there(*hub, &erasure)))
                .collect();
            others.sort_by(|(_, one), (_, other)| one.slug.cmp(&other.slug));
            let report = this.erasure_report(thing, &erasure, &others)?;
            hubs.extend(others.into_iter().map(|(_, hub)| hub));
            Ok(MemberReceipts {
                thing,
                requested_ms: erasure.row.requested_ms,
                hubs,
                report,
            })
        })
        .await
    }

    fn nothing_erased(&self, thing: ThingId) -> CommandError {
        match self.record(thing) {
            Ok(_) => CommandError::not_found("nothing was taken back of this member: no hub has anything to erase"),
            Err(error) => error,
        }
    }

    fn erased_here(&self, erasure: &Erasure) -> HubErasure {
        // What is shown still is no erasure of the whole, only of what the card said before.
        let state = if erasure.pending_here {
            ErasureState::Pending
        } else {
            ErasureState::Erased
        };
        HubErasure {
            slug: self.ledger.own().slug.clone(),
            state,
            at_ms: Some(erasure.row.requested_ms),
            backups_until_ms: None,
        }
    }

    fn erased_there(&self, hub: HubId, erasure: &Erasure) -> HubErasure {
        let roster = self.ledger.roster();
        let member = roster.members.get(&hub);
        let slug = member.map_or_else(|| hub.to_string(), |member| member.shown_slug.clone());
        let receipt = erasure.receipts.get(&hub).map(|(receipt, _)| receipt);
        let (state, at_ms) = match receipt {
            Some(Receipt {
                outcome: Outcome::Erased,
                at_ms,
                ..
            }) => (ErasureState::Erased, Some(*at_ms)),
            Some(Receipt { at_ms, .. }) => (ErasureState::Refused, Some(*at_ms)),
            None if member.is_none_or(|member| matches!(member.standing, Standing::Left | Standing::Removed)) => {
                (ErasureState::Removed, None)
            }
            None => {
                let peer = self.peer_status().into_iter().find(|peer| peer.hub == hub);
                if peer.as_ref().is_some_and(|peer| peer.connected) {
                    (ErasureState::Pending, Some(erasure.row.requested_ms))
                } else {
                    let heard_ms = peer.and_then(|peer| peer.last_heard_ms).or(self.ledger.heard_ms(hub));
                    (ErasureState::Unreachable, heard_ms)
                }
            }
        };
        HubErasure {
            slug,
            state,
            at_ms,
            backups_until_ms: receipt.and_then(|receipt| receipt.backups_until_ms),
        }
    }

    /// The report as `docs/protocol.md` (Receipts) describes it.
    fn erasure_report(
        &self,
        thing: ThingId,
        erasure: &Erasure,
        hubs: &[(HubId, HubErasure)],
    ) -> Result<String, CommandError> {
        let network = self.ledger.network().ok_or(WriteError::NoNetwork)?;
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let roster = self.ledger.roster();
        let time = |ms: Option<i64>| {
            ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
                .map(|at| at.to_string())
        };
        let receipt = |hub: &HubId| {
            let (receipt, SignedReceipt { statement, signature }) = erasure.receipts.get(hub)?;
            let key = roster.keys(*hub, receipt.key_number).first()?;
            Some(json!({ "statement": hex(statement), "signature": hex(signature), "key": hex(key) }))
        };
        let all: Vec<_> = hubs
            .iter()
            .map(|(hub, one)| {
                json!({
                    "hub": hub.to_string(), "slug": one.slug, "state": one.state.name(), "at": time(one.at_ms),
                    "backups_until": time(one.backups_until_ms), "receipt": receipt(hub),
                })
            })
            .collect();
        let tombstone = erasure.tombstone.as_ref().map(
            |tombstone| json!({ "header": hex(&tombstone.header.encode()), "signature": hex(&tombstone.signature) }),
        );
        let hash = erasure.row.card.map(|(_, HeaderHash(hash))| hex(&hash));
        let report = json!({
            "format": "interhub-erasure-report/1", "network": network.to_string(),
            "hub": self.ledger.own_id().to_string(), "member": thing.to_string(),
            "requested": time(Some(erasure.row.requested_ms)), "made": time(Some(self.clock.now_ms())),
            "erased_here": !erasure.pending_here, "tombstone": tombstone, "tombstone_hash": hash, "hubs": all,
        })
        .to_string();
        let (key, signature) = self.ledger.sign_report(report.as_bytes());
        let signed = json!({ "report": report, "key": hex(&key), "signature": hex(&signature) });
        Ok(format!("{signed:#}\n"))
    }
}
