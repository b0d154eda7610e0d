//! Holding an envelope that has passed every check: what it is worth, and everything that follows, is one batch.

use std::collections::BTreeSet;

use interhub_domain::body::{Body, Content, Tombstone};
use interhub_domain::cut::{opening, stands_alone};
use interhub_domain::document::Counter;
use interhub_domain::envelope::{Envelope, Header, Kind};
use interhub_domain::frontier::{Head, RowKey};
use interhub_domain::ids::{DocumentKind, HubId, NetworkId, ObjectId};
use interhub_domain::object::{State, check_tombstone};

use super::count::Outcome;
use super::judge::Judge;
use super::ledger::{Inner, Ledger, LedgerError, Notice};
use super::quarantine;
use super::worth::Staged;
use crate::store::Batch;
use crate::store::catalogue;
use crate::store::catalogue::document::WholeEnvelope;
use crate::store::catalogue::log::{BeyondKey, BodyKey, LogKey, LogRow, PositionKey, Received, Standing};
use crate::store::catalogue::object::ObjectKey;

/// A foreign clock further ahead than this does not move ours, and is told to operators. Milliseconds.
pub(super) const MAX_CLOCK_AHEAD_MS: i64 = 10 * 60 * 1000;

impl Ledger {
    pub(super) fn is_erased(&self, header: &Header) -> Result<bool, LedgerError> {
        // A consent belongs to no generation: it ends with the last of them.
        let generation = match header.kind {
            Kind::Consent if header.generation == 0 => u32::MAX,
            _ => header.generation,
        };
        let row = catalogue::get(&*self.store, &ObjectKey(header.object))?;
        Ok(row
            .and_then(|row| row.state.erased_through)
            .is_some_and(|through| generation <= through))
    }

    /// Whether a body may hold a person's data: that is known by the kind of its document, and by what begins or erases one. A body
    /// whose document nobody knows yet may.
    fn may_be_personal(&self, header: &Header, body: Option<&Body>) -> Result<bool, LedgerError> {
        if header.object == ObjectId::ZERO {
            return Ok(false);
        }
        let row = catalogue::get(&*self.store, &ObjectKey(header.object))?;
        if let Some(created) = row.and_then(|row| row.state.created) {
            return Ok(created.kind.is_personal());
        }
        let kind = match body.and_then(|body| body.content.as_ref()) {
            Some(Content::Genesis(genesis)) => genesis.kind,
            Some(Content::Squash(squash)) => squash.kind,
            Some(Content::Tombstone(tombstone)) => tombstone.kind,
            _ => return Ok(true),
        };
        let kind = u8::try_from(kind).map(DocumentKind::from_code);
        Ok(kind.map_or(true, |kind| {
            kind.is_personal() || matches!(kind, DocumentKind::Other(_))
        }))
    }

    /// Holds an envelope that has passed every check: everything that follows from it is one batch. An own one that
    /// would be refused is not held at all; the reason comes back, and nothing is written.
    pub(super) fn hold(
        &self,
        inner: &mut Inner,
        envelope: &Envelope,
        whose: Whose,
        counter: &dyn Counter,
    ) -> Result<Result<Head, String>, LedgerError> {
        let head = Head {
            seq: envelope.header.seq,
            hash: envelope.hash(),
        };
        let held = self.hold_all(inner, std::slice::from_ref(envelope), whose, counter)?;
        Ok(held.map(|()| head))
    }

    /// The same for several envelopes, all of them in one batch, or none: statements one after the other, or envelopes about
    /// one thing, each in a log and a document of its own.
    pub(super) fn hold_all(
        &self,
        inner: &mut Inner,
        envelopes: &[Envelope],
        whose: Whose,
        counter: &dyn Counter,
    ) -> Result<Result<(), String>, LedgerError> {
        let mut batch = Batch::new();
        let mut counted = Outcome::default();
        for envelope in envelopes {
            match self.stage(inner, &mut batch, envelope, whose, counter)? {
                Ok(outcome) => counted.add(outcome),
                Err(reason) => return Ok(Err(reason)),
            }
        }
        self.put_sum(inner, &mut batch, &mut counted)?;
        self.commit(&batch)?;
        for envelope in envelopes {
            self.was_held(inner, envelope, whose)?;
        }
        self.counted(inner, counted)?;
        let rows: BTreeSet<RowKey> = envelopes.iter().map(|envelope| RowKey::of(&envelope.header)).collect();
        let shown: Vec<(RowKey, Head)> = rows
            .into_iter()
            .filter_map(|row| Some((row, inner.frontier.head(&row)?)))
            .collect();
        if !shown.is_empty() {
            self.notify(Notice::Heads(shown.into()));
        }
        Ok(Ok(()))
    }

    /// Writes one envelope, and what follows from it, into a batch.
    fn stage(
        &self,
        inner: &mut Inner,
        batch: &mut Batch,
        envelope: &Envelope,
        whose: Whose,
        counter: &dyn Counter,
    ) -> Result<Result<Outcome, String>, LedgerError> {
        let header = &envelope.header;
        let hash = envelope.hash();
        let key = LogKey::of(header);
        let mut entry = LogRow::counted(header, envelope.signature, self.received_now(whose));
        catalogue::put(batch, &PositionKey(hash), &key);
        let head = Head { seq: header.seq, hash };
        catalogue::put(batch, &key.row(), &head);
        let is_tombstone = header.kind == Kind::Tombstone;
        let kept = if is_tombstone {
            self.keep_tombstone(inner, batch, envelope)?
        } else {
            None
        };
        if self.is_beyond(&key)
            && stands_alone(header.kind)
            && let Some(whole) = WholeEnvelope::of(envelope)
        {
            catalogue::put(batch, &BeyondKey { row: key.row(), hash }, &whole);
        }
        let body = body_of(envelope);
        // A body that comes after its tombstone is not taken.
        let erased = !is_tombstone && self.is_erased(header)?;
        if let Some(sealed) = envelope.sealed.as_ref().filter(|_| !erased) {
            let body_key = BodyKey {
                personal: self.may_be_personal(header, body.as_ref())?,
                object: header.object,
                generation: header.generation,
                hash,
            };
            catalogue::put(batch, &body_key, sealed);
        }
        let judge = Judge::new(whose, body.as_ref(), counter);
        let mut counted = self.count(inner, batch, header.network, envelope, Some((key, &mut entry)), &judge)?;
        counted.kept.extend(kept);
        if whose == Whose::Own {
            match entry.standing {
                Standing::Refused => return Ok(Err(entry.reason)),
                Standing::Covered => return Ok(Err("the document was erased".to_owned())),
                Standing::Counted | Standing::Waiting | Standing::Void => {}
            }
        }
        quarantine::note(batch, &key, None, &entry);
        catalogue::put(batch, &key, &entry);
        counted.staged.extend(Staged::of(envelope, key, &entry));
        Ok(Ok(counted))
    }

    fn received_now(&self, whose: Whose) -> Received {
        let peer = match whose {
            Whose::Own => self.own_id,
            Whose::Foreign(sender) => sender.unwrap_or(HubId::ZERO),
        };
        Received {
            peer,
            at_ms: self.clock.now_ms(),
        }
    }

    /// What a batch that is written means for what is kept in memory.
    fn was_held(&self, inner: &mut Inner, envelope: &Envelope, whose: Whose) -> Result<(), LedgerError> {
        let header = &envelope.header;
        let row = LogKey::of(header).row();
        let head = Head {
            seq: header.seq,
            hash: envelope.hash(),
        };
        inner.held.put(row, head);
        if self.is_beyond(&LogKey::of(header)) && stands_alone(header.kind) {
            inner.beyond.entry(row).or_default().insert(head.hash);
        }
        let body = body_of(envelope);
        if let Some(body) = &body {
            self.heard(inner, header.hub, body.clock);
        }
        if let Some(open) = opening(envelope) {
            self.learn_group(inner, header, &open);
            self.opened(inner, header, &open)?;
        }
        if let (Whose::Foreign(_), Some(body)) = (whose, &body)
            && header.hub == self.own_id
        {
            self.heard_of_own_run(inner, header.epoch, body.clock);
        }
        self.show_row(inner, row)?;
        self.beacon_progress(inner, header);
        Ok(())
    }

    /// Whether a position lies at or after the end of a cut log: only a hub that is gone still writes there, to erase.
    fn is_beyond(&self, key: &LogKey) -> bool {
        self.cuts().end(&key.row()).is_some_and(|end| key.seq >= end)
    }

    /// A clock was seen: it moves ours unless it is far ahead, and says how fresh the hub's data is.
    pub(super) fn heard(&self, inner: &mut Inner, hub: HubId, clock: u64) {
        let ms = Self::clock_ms(clock);
        let now_ms = self.clock.now_ms();
        if ms <= now_ms.saturating_add(MAX_CLOCK_AHEAD_MS) {
            inner.hybrid = inner.hybrid.max(clock);
        }
        let newest = inner.heard_ms.entry(hub).or_insert(ms);
        *newest = (*newest).max(ms.min(now_ms));
    }
}

/// Who made an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// This node.
    Own,
    /// Another hub, or another run of this one; with the peer that delivered it, if it came on a stream.
    Foreign(Option<HubId>),
}

pub(super) fn body_of(envelope: &Envelope) -> Option<Body> {
    Body::decode_bytes(&envelope.sealed.as_ref()?.body).ok()
}

pub(super) fn tombstone_of(envelope: &Envelope) -> Option<Tombstone> {
    match body_of(envelope)?.content {
        Some(Content::Tombstone(tombstone)) => Some(tombstone),
        _ => None,
    }
}

/// Whether this is a tombstone that erases what it names, standing alone.
pub(super) fn is_good_tombstone(network: NetworkId, envelope: &Envelope) -> bool {
    let header = &envelope.header;
    header.kind == Kind::Tombstone
        && tombstone_of(envelope)
            .is_some_and(|tombstone| check_tombstone(network, header.hub, header.object, &tombstone).is_ok())
}

/// State and reason as they are stored and shown.
pub(super) fn standing(state: &State) -> (Standing, String) {
    match state {
        State::Counted => (Standing::Counted, String::new()),
        State::Waiting(what) => (Standing::Waiting, waiting_reason(what).into()),
        State::Refused(refusal) => (Standing::Refused, refusal.to_string()),
        State::Covered => (Standing::Covered, String::new()),
        // Where it lies says why: see `Ledger::standing_at`.
        State::Void => (Standing::Void, String::new()),
    }
}

const fn waiting_reason(what: &interhub_domain::object::WaitFor) -> &'static str {
    use interhub_domain::object::WaitFor;
    match what {
        WaitFor::Genesis => "waits for the document's first envelope",
        WaitFor::Change(_) => "waits for a change it builds on",
        WaitFor::Grant => "waits for the owner's leave to write",
        WaitFor::Upgrade => "waits for a newer version of this software",
        WaitFor::Consent => "waits for its author's own word that it is a co-host",
        WaitFor::Generation => "waits for the beginning of its generation",
    }
}
