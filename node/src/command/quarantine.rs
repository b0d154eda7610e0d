//! What is held and of no effect, also what has waited for long: `interhub quarantine`.

use data_encoding::BASE64URL_NOPAD;
use interhub_domain::ids::{HeaderHash, HubId};
use interhub_domain::query::{DEFAULT_LIMIT, MAX_LIMIT};

use super::{CommandError, Commands};
use crate::store::Family;
use crate::store::catalogue::Key;
use crate::store::catalogue::log::Standing;
use crate::store::catalogue::quarantine::QuarantineKey;

/// Version byte of cursors.
const CURSOR_VERSION: u8 = 1;

/// One envelope that is held and of no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedEnvelope {
    /// Which.
    pub hash: HeaderHash,
    /// Slug of who signed it.
    pub author: String,
    /// Slug of who delivered it; `None` for what this node wrote itself, and where it is not known.
    pub peer: Option<String>,
    /// Refused, void or waiting.
    pub standing: Standing,
    /// Why.
    pub reason: String,
    /// When this node took it, Unix milliseconds; `None` where it is not known.
    pub at_ms: Option<i64>,
    /// Its length as it travels.
    pub bytes: u64,
}

/// A page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinePage {
    /// The newest receipt first.
    pub items: Vec<QuarantinedEnvelope>,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl Commands {
    /// What is held and of no effect, the newest receipt first; 100 unless another limit is given, at most 1,000.
    pub async fn quarantine(&self, limit: Option<u32>, cursor: Option<String>) -> Result<QuarantinePage, CommandError> {
        let limit = limit.map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        if limit == 0 || limit > MAX_LIMIT {
            return Err(CommandError::usage(format!(
                "limit: expected a number from 1 to {MAX_LIMIT}"
            )));
        }
        let after = cursor.as_deref().map(decode_cursor).transpose()?;
        self.blocking("quarantine", move |this| {
            let page = this.ledger.quarantine(after.as_ref(), limit)?;
            let roster = this.ledger.roster();
            let slug = |hub: HubId| {
                let member = roster.members.get(&hub);
                member.map_or_else(|| hub.short(), |member| member.shown_slug.clone())
            };
            let items = page.items.into_iter().map(|held| QuarantinedEnvelope {
                hash: held.hash,
                author: slug(held.author),
                peer: held.peer.map(slug),
                standing: held.standing,
                reason: held.reason,
                at_ms: held.at_ms,
                bytes: held.bytes,
            });
            Ok(QuarantinePage {
                items: items.collect(),
                next: page.next.as_ref().map(encode_cursor),
            })
        })
        .await
    }
}

fn encode_cursor(key: &QuarantineKey) -> String {
    BASE64URL_NOPAD.encode(&[&[CURSOR_VERSION], key.encode().as_slice()].concat())
}

fn decode_cursor(text: &str) -> Result<QuarantineKey, CommandError> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default();
    let key = match bytes.split_first() {
        Some((&CURSOR_VERSION, key)) => QuarantineKey::decode(Family::Quarantine, key),
        _ => None,
    };
    key.ok_or_else(|| CommandError::usage("cursor: not a cursor of this node; begin again without it"))
}
