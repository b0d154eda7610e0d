//! What this node writes by itself: own edits that a document leaves out are said again in it, or shown to the operator,
//! and an own document that co-hosts bring near a limit gets a new generation.
//!
//! What may have left one out is noted in the batch that does so ([`Ledger::note_to_replay`]), so that a crash in between
//! forgets nothing.
//! Saying it again is automatic writing: it waits for the first time that this node and another one hold the same, at
//! most ten minutes, and without other hubs not at all.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use interhub_domain::body::{Content, Genesis};
use interhub_domain::document::{self, Counter, Reading, patch};
use interhub_domain::envelope::{Envelope, Kind};
use interhub_domain::ids::{DocumentKind, HeaderHash, HubId, NetworkId, ObjectId, ThingId};
use interhub_domain::object::late::{self, LateEdit, Question};
use interhub_domain::object::{Created, FIRST_GENERATION, HeldBody};
use interhub_domain::registry::Standing;

use super::author::{Place, Prepared, WriteError};
use super::count::Outcome;
use super::hold::tombstone_of;
use super::ledger::{Inner, Ledger, LedgerError};
use crate::store::catalogue::left_out::{LeftOutField, LeftOutKey, LeftOutRow, SettledField};
use crate::store::catalogue::log::PositionKey;
use crate::store::catalogue::object::ObjectKey;
use crate::store::{Batch, Direction, Family, StoreError, catalogue};

/// Automatic writing waits so long for the first exchange. Milliseconds.
const WAIT_FOR_EXCHANGE_MS: i64 = 10 * 60 * 1000;

impl Ledger {
    /// Notes in a batch that an own edit of this document may have been left out by it.
    pub(super) fn note_to_replay(&self, batch: &mut Batch, object: ObjectId) -> Result<(), StoreError> {
        let known = catalogue::get(&*self.store, &LeftOutKey(object))?.unwrap_or_default();
        let erased =
            catalogue::get(&*self.store, &ObjectKey(object))?.is_some_and(|row| row.state.erased_through.is_some());
        // What was left behind before an erasure is not found a second time.
        let noted = if erased { known } else { known.to_be_looked_at() };
        catalogue::put(batch, &LeftOutKey(object), &noted);
        Ok(())
    }

    /// Lists in a batch what this hub wrote into a document that was taken to another log without it, before its bodies go:
    /// as a co-host, or as the owner with another copy of its folder. `taken`: what an own event says that another run took
    /// there, saved; see [`Ledger::bring_back`].
    pub(super) fn note_left_behind(
        &self,
        batch: &mut Batch,
        (network, object): (NetworkId, ObjectId),
        envelope: &Envelope,
        created: Option<Created>,
        taken: Option<Vec<u8>>,
        counter: &dyn Counter,
    ) -> Result<(), LedgerError> {
        let Some(created) = created.filter(|created| created.kind == DocumentKind::Event) else {
            return Ok(());
        };
        let tombstone = tombstone_of(envelope).unwrap_or_default();
        let heads = tombstone.heads;
        if heads.is_empty() {
            return Ok(());
        }
        let bodies = self.bodies_of(network, object)?;
        let question = Question {
            network,
            object,
            own: self.own_id,
            bodies: &bodies,
            forked: &BTreeSet::new(),
            counter,
        };
        let late = late::left_behind(&question, &heads, tombstone.through_generation).map_err(LedgerError::Unjudged)?;
        let taken = taken.and_then(|saved| match document::read_saved(&saved, created.kind) {
            Ok(Reading::Event(event)) => Some(*event),
            _ => None,
        });
        if !late.edits.is_empty() || taken.is_some() {
            let known = catalogue::get(&*self.store, &LeftOutKey(object))?.unwrap_or_default();
            let row = LeftOutRow {
                taken,
                ..listed(&created, &late.edits, known.settled)
            };
            catalogue::put(batch, &LeftOutKey(object), &row);
        }
        Ok(())
    }

    /// Forgets in a batch what was listed of this thing: it is erased for good.
    pub(super) fn forget_left_behind(
        &self,
        batch: &mut Batch,
        thing: ThingId,
        outcome: &mut Outcome,
    ) -> Result<(), StoreError> {
        for (LeftOutKey(object), _) in self.left_out_rows(|row| row.thing == thing)? {
            catalogue::delete(batch, &LeftOutKey(object));
            outcome.erased.push((object, thing));
        }
        Ok(())
    }

    pub(super) fn left_out_rows(
        &self,
        wanted: impl Fn(&LeftOutRow) -> bool,
    ) -> Result<Vec<(LeftOutKey, LeftOutRow)>, StoreError> {
        let mut out = Vec::new();
        let visit = |key: LeftOutKey, row: LeftOutRow| {
            if wanted(&row) {
                out.push((key, row));
            }
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::LeftOut, &[], Direction::Forward, visit)?;
        Ok(out)
    }

    /// Edits of this hub that documents leave out and that it may not say again.
    pub fn not_taken_over(&self) -> Result<Vec<LeftOutRow>, LedgerError> {
        let rows = self.left_out_rows(|row| !row.fields.is_empty())?;
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Takes a field of a thing off the list of what was not taken over: a person has decided what it is to say. Edits made
    /// later are listed again. Returns whether it was there.
    pub fn settle_left_out(&self, thing: ThingId, field: &str) -> Result<bool, LedgerError> {
        let inner = self.lock();
        let has_it = |row: &LeftOutRow| row.thing == thing && row.fields.iter().any(|one| one.field == field);
        let mut batch = Batch::new();
        for (key, mut row) in self.left_out_rows(has_it)? {
            let through_ms = row
                .fields
                .iter()
                .filter(|one| one.field == field)
                .map(|one| one.at_ms)
                .max();
            row.fields.retain(|one| one.field != field);
            row.settled.retain(|one| one.field != field);
            row.settled.extend(through_ms.map(|through_ms| SettledField {
                field: field.to_owned(),
                through_ms,
            }));
            catalogue::put(&mut batch, &key, &row);
        }
        if batch.is_empty() {
            return Ok(false);
        }
        self.commit(&batch)?;
        drop(inner);
        self.make_durable()?;
        Ok(true)
    }

    /// What was noted before this start.
    pub(super) fn load_left_out(&self, inner: &mut Inner) -> Result<(), StoreError> {
        let visit = |LeftOutKey(object), _: LeftOutRow| {
            inner.left_out.insert(object);
            ControlFlow::Continue(())
        };
        catalogue::scan_prefix(&*self.store, Family::LeftOut, &[], Direction::Forward, visit)
    }

    /// Looks at every document noted: own edits it leaves out are said again, or listed. Nothing before the first exchange
    /// with another hub.
    pub fn replay(&self) -> Result<(), LedgerError> {
        let Some(network) = self.network() else { return Ok(()) };
        let mut inner = self.lock();
        if inner.left_out.is_empty() || !self.may_write_by_itself(&inner) {
            return Ok(());
        }
        let mut due = std::mem::take(&mut inner.left_out);
        while let Some(object) = due.pop_first() {
            match self.replay_object(&mut inner, network, object) {
                Ok(()) => {}
                Err(WriteError::Ledger(error)) => {
                    inner.left_out.insert(object);
                    inner.left_out.append(&mut due);
                    return Err(error);
                }
                Err(error) => tracing::error!(object = %object.short(), %error, "an own edit could not be said again"),
            }
        }
        drop(inner);
        self.make_durable()?;
        Ok(())
    }

    /// The same where nobody waits for the outcome: what fails stays noted, and is tried again.
    pub(super) fn replay_now(&self) {
        if let Err(error) = self.replay() {
            tracing::error!(%error, "own edits that were left out could not be said again");
        }
    }

    /// Whether this node may write what nobody asked it for now: after a start it first hears what other hubs have of its own.
    /// A restored backup would say again, under new ids, what it has said since it was made.
    pub fn may_act_by_itself(&self) -> bool {
        self.may_write_by_itself(&self.lock())
    }

    fn may_write_by_itself(&self, inner: &Inner) -> bool {
        let another = |(hub, member): (&interhub_domain::ids::HubId, &interhub_domain::registry::Member)| {
            *hub != self.own_id && member.standing == Standing::Active
        };
        inner.exchanged
            || !inner.roster.members.iter().any(another)
            || self.clock.now_ms() >= self.started_ms.saturating_add(WAIT_FOR_EXCHANGE_MS)
    }

    fn replay_object(&self, inner: &mut Inner, network: NetworkId, object: ObjectId) -> Result<(), WriteError> {
        if self.is_large(&self.load_object(object)?.0) {
            self.squash_if_large(inner, network, object)?;
        }
        let mut noted = catalogue::get(&*self.store, &LeftOutKey(object))?.unwrap_or_default();
        let (thing, taken) = (noted.thing, noted.taken.take());
        let bodies = self.bodies_and_tombstone_of(network, object)?;
        let forked = self.forked(&bodies)?;
        let void: Vec<&HeldBody> = bodies.iter().filter(|body| forked.contains(&body.hash)).collect();
        self.say_who_writes_again(inner, network, object, &void)?;
        let question = Question {
            network,
            object,
            own: self.own_id,
            bodies: &bodies,
            forked: &forked,
            counter: &*self.counter,
        };
        let known = self.load_object(object)?.0;
        let unjudged = |unjudged| WriteError::Ledger(LedgerError::Unjudged(unjudged));
        let late = late::late(&question, &known.state).map_err(unjudged)?;
        let mut row = None;
        if !late.edits.is_empty() && late.may_take_over {
            let unsaid = self.say_edits_again(inner, network, object, &late.edits)?;
            if let Some(created) = known.state.created.filter(|_| !unsaid.is_empty()) {
                row = Some(listed(&created, &unsaid, noted.settled));
            }
        } else if let Some(created) = known.state.created.filter(|_| !late.edits.is_empty()) {
            row = Some(listed(&created, &late.edits, noted.settled));
        } else if let Some(lost) = late::lost(&question, &known.state).map_err(unjudged)? {
            let again = self.create_again(&bodies, object, &lost)?;
            self.publish(inner, network, vec![again])?;
            self.say_who_writes_again(inner, network, object, &void)?;
        } else if known.state.erased_through.is_some() && !noted.fields.is_empty() {
            // What was left behind when it was taken to another log: its bodies are gone, and this is all that tells of it.
            row = Some(noted);
        }
        if taken.is_some() {
            let known = row.unwrap_or(LeftOutRow {
                thing,
                ..LeftOutRow::default()
            });
            row = Some(LeftOutRow { taken, ..known });
        }
        let mut batch = Batch::new();
        match &row {
            Some(row) => catalogue::put(&mut batch, &LeftOutKey(object), row),
            None => catalogue::delete(&mut batch, &LeftOutKey(object)),
        }
        self.commit(&batch)?;
        inner.left_out.remove(&object);
        Ok(())
    }

    /// Own envelopes beyond a fork. What is void for another reason may come to count again, or must not be said again.
    fn forked(&self, bodies: &[HeldBody]) -> Result<BTreeSet<HeaderHash>, StoreError> {
        let cuts = self.cuts();
        let mut forked = BTreeSet::new();
        for body in bodies.iter().filter(|body| body.void && body.hub == self.own_id) {
            if let Some(key) = catalogue::get(&*self.store, &PositionKey(body.hash))?
                && cuts.fork(&key.row()).is_some_and(|fork| key.seq >= fork)
            {
                forked.insert(body.hash);
            }
        }
        Ok(forked)
    }

    /// Squashes, grants and consents of this hub that a fork made void, if there is a document.
    fn say_who_writes_again(
        &self,
        inner: &mut Inner,
        network: NetworkId,
        object: ObjectId,
        void: &[&HeldBody],
    ) -> Result<(), WriteError> {
        for again in [Self::squash_again, Self::grants_again, Self::consent_again] {
            if self.load_object(object)?.0.is_shown() {
                let prepared = again(self, object, void)?;
                self.publish(inner, network, prepared)?;
            }
        }
        Ok(())
    }

    /// The next generation, if a fork made one void that this hub began: of what is shown now, without the writers that
    /// the void one did not list.
    fn squash_again(&self, object: ObjectId, forked: &[&HeldBody]) -> Result<Vec<Prepared>, WriteError> {
        let known = self.load_object(object)?.0;
        let own = |created: &Created| created.owner == self.own_id;
        let Some(created) = known.state.created.filter(own) else {
            return Ok(Vec::new());
        };
        let squashes = forked.iter().filter_map(|body| match &body.content {
            Some(Content::Squash(squash)) if body.generation > created.generation => Some((body.generation, squash)),
            _ => None,
        });
        let Some((_, void)) = squashes.max_by_key(|(generation, _)| *generation) else {
            return Ok(Vec::new());
        };
        let stays = |hub: &HubId| void.writers.iter().any(|listed| *listed == hub.0);
        Ok(vec![self.prepare_squash_with(object, stays, &void.withdrawn)?])
    }

    /// Grants of the generation shown that a fork made void.
    fn grants_again(&self, object: ObjectId, forked: &[&HeldBody]) -> Result<Vec<Prepared>, WriteError> {
        let state = self.load_object(object)?.0.state;
        let mut writers = BTreeSet::new();
        for body in forked.iter().filter(|body| body.generation == state.generation()) {
            if let Some(Content::Grant(grant)) = &body.content {
                writers.extend(HubId::from_slice(&grant.writer).filter(|hub| !state.is_writer(*hub)));
            }
        }
        let grants = writers.into_iter().map(|writer| self.prepare_grant(object, writer));
        grants.collect()
    }

    /// This hub's own last word on being a host, if a fork made it void.
    fn consent_again(&self, object: ObjectId, forked: &[&HeldBody]) -> Result<Vec<Prepared>, WriteError> {
        let state = self.load_object(object)?.0.state;
        let consents = forked.iter().filter_map(|body| match &body.content {
            Some(Content::Consent(consent)) => Some((consent.counter, consent.agreed)),
            _ => None,
        });
        let said = state.consents.get(&self.own_id).map_or(0, |said| said.counter);
        let Some((counter, agreed)) = consents.max().filter(|(counter, _)| *counter > said) else {
            return Ok(Vec::new());
        };
        if !state.is_writer(self.own_id) {
            return Ok(Vec::new());
        }
        Ok(vec![self.prepare_consent_as(object, agreed, counter)?])
    }

    /// Says edits again, all in one change, or in several where one would be over a limit: each of them was within it. Returns
    /// those that the document has no room for even alone.
    fn say_edits_again(
        &self,
        inner: &mut Inner,
        network: NetworkId,
        object: ObjectId,
        edits: &[LateEdit],
    ) -> Result<Vec<LateEdit>, WriteError> {
        let mut unsaid = Vec::new();
        let mut parts = vec![edits];
        while let Some(part) = parts.pop() {
            let again = self.say_again(object, part)?;
            match self.publish(inner, network, vec![again]) {
                Ok(_) => {}
                Err(WriteError::Refused(_)) if part.len() > 1 => {
                    let (first, rest) = part.split_at(part.len() / 2);
                    parts.extend([rest, first]);
                }
                Err(WriteError::Refused(reason)) => {
                    tracing::warn!(object = %object.short(), reason, "an own edit that was left out cannot be said again");
                    unsaid.extend_from_slice(part);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(unsaid)
    }

    /// One change with what all of these altered, in their order, naming them.
    fn say_again(&self, object: ObjectId, edits: &[LateEdit]) -> Result<Prepared, WriteError> {
        let replaces = edits.iter().map(|edit| edit.hash.0.to_vec()).collect();
        let now_ms = self.clock.now_ms();
        tracing::info!(object = %object.short(), edits = edits.len(), "own edits were left out and are said again");
        self.prepare_change(object, replaces, |saved, actor| {
            let Reading::Event(mut event) = document::read_saved(saved, DocumentKind::Event)? else {
                return Ok(None);
            };
            for LateEdit {
                before,
                after,
                withdrawn,
                ..
            } in edits
            {
                *event = patch::carry_over(before, after, &event, withdrawn);
            }
            // So the change is never empty, and what it names is never said a second time.
            event.updated_ms = now_ms.max(event.updated_ms.saturating_add(1));
            document::edit(Some(saved), actor, &Reading::Event(event))
        })
    }

    fn create_again(
        &self,
        bodies: &[HeldBody],
        object: ObjectId,
        lost: &late::LostDocument,
    ) -> Result<Prepared, WriteError> {
        let genesis = bodies.iter().find_map(|body| match &body.content {
            Some(Content::Genesis(genesis)) if body.hub == self.own_id => Some((body.log, genesis)),
            _ => None,
        });
        let (log, genesis) = genesis.ok_or(WriteError::NotFound)?;
        let actor = document::actor(self.own_id, self.epoch());
        let made = document::edit(None, actor, &lost.reading)?.ok_or(WriteError::NotFound)?;
        let genesis = Genesis {
            change: made.change,
            replaces: lost.hashes.iter().map(|hash| hash.0.to_vec()).collect(),
            ..genesis.clone()
        };
        let place = Place {
            log,
            kind: Kind::Genesis,
            object,
            generation: FIRST_GENERATION,
        };
        tracing::info!(object = %object.short(), "an own event was made void by a fork and is created again");
        let content = Some(Content::Genesis(genesis));
        Ok(Prepared { place, content })
    }
}

/// What the operator sees of edits that nobody says again: of each field what the last of them gave it, without what is
/// settled.
fn listed(created: &Created, edits: &[LateEdit], settled: Vec<SettledField>) -> LeftOutRow {
    let mut fields: Vec<LeftOutField> = Vec::new();
    for edit in edits {
        let at_ms = Ledger::clock_ms(edit.clock);
        for (field, value) in patch::altered(&edit.before, &edit.after) {
            fields.retain(|known| known.field != field);
            fields.push(LeftOutField { field, value, at_ms });
        }
    }
    let is_settled = |one: &LeftOutField| {
        let same = settled.iter().find(|known| known.field == one.field);
        same.is_some_and(|known| one.at_ms <= known.through_ms)
    };
    fields.retain(|one| !is_settled(one));
    LeftOutRow {
        thing: created.thing,
        fields,
        settled,
        taken: None,
    }
}
