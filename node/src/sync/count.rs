//! From a held envelope to states, document and projections, inside the batch that holds it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use interhub_domain::body::Content;
use interhub_domain::document::{Conflict, Counter, Reading, Refusal, Shown as ShownDocument};
use interhub_domain::envelope::{Envelope, Kind};
use interhub_domain::event::{Event, Status};
use interhub_domain::ids::{DocumentKind, Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::object::{self, Created, HeldBody, Object, ObjectState, Settled, State, WaitFor};
use interhub_domain::profile::HubProfile;
use interhub_domain::registry::HeldStatement;

use super::erase::{self, KeptTombstone};
use super::hold::{MAX_CLOCK_AHEAD_MS, standing};
use super::ledger::{Inner, Ledger, LedgerError, Notice, Totals};
use super::quarantine;
use super::registry;
use super::waiting::StoreRoom;
use super::watch;
use super::worth::{NextRoster, Staged};
use crate::projection::EventRow;
use crate::projection::members::MemberRow;
use crate::projection::write::Shown;
use crate::store::catalogue::change::ChangeKind;
use crate::store::catalogue::document::{OriginalKey, SavedDocument, SnapshotKey};
use crate::store::catalogue::event::{ErasedUidKey, ErasedUidRow};
use crate::store::catalogue::left_out::LeftOutKey;
use crate::store::catalogue::log::{BodyKey, LogKey, LogRow, PositionKey, Standing};
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::catalogue::object::{AuthorCount, ObjectKey, ObjectRow};
use crate::store::catalogue::{self, prefix_end};
use crate::store::{Batch, Direction, Family, StoreError};

/// What a batch changed in memory, applied once it is written.
#[derive(Default)]
pub(super) struct Outcome {
    changes: Vec<(Standing, i64)>,
    documents: i64,
    stuck: i64,
    pub(super) change: Option<(ChangeKind, ThingId)>,
    /// Statements that counted.
    pub(super) statements: Vec<HeldStatement>,
    /// The roster with them.
    pub(super) roster: Option<NextRoster>,
    /// The rows of these statements, which the batch writes.
    pub(super) staged: Vec<Staged>,
    pub(super) profile: Option<(HubId, HubProfile)>,
    /// A document that may leave out own edits since.
    left_out: Option<ObjectId>,
    /// Erased documents, and the things they were about: their bytes are to be forced out of the files.
    pub(super) erased: Vec<(ObjectId, ThingId)>,
    /// Tombstones that are kept from now on, each with the one that is not any more.
    pub(super) kept: Vec<KeptTombstone>,
    /// Documents of members that say something else.
    members: Vec<ObjectId>,
    /// Members of this hub whose card was erased for good.
    cards_erased: Vec<ThingId>,
}

impl Outcome {
    /// What another envelope of the same batch did, after this. Both are about one thing: watchers hear of the last.
    pub(super) fn add(&mut self, later: Self) {
        self.changes.extend(later.changes);
        self.documents += later.documents;
        self.stuck += later.stuck;
        self.change = later.change.or(self.change);
        self.statements.extend(later.statements);
        self.staged.extend(later.staged);
        self.profile = later.profile.or(self.profile.take());
        self.erased.extend(later.erased);
        self.kept.extend(later.kept);
        self.members.extend(later.members);
        self.cards_erased.extend(later.cards_erased);
        self.left_out = later.left_out.or(self.left_out);
    }

    fn applied_to(&self, mut totals: Totals) -> Totals {
        for (standing, by) in &self.changes {
            let counter = match standing {
                Standing::Waiting => &mut totals.waiting,
                Standing::Refused => &mut totals.refused,
                Standing::Void => &mut totals.void,
                Standing::Counted | Standing::Covered => continue,
            };
            *counter = counter.saturating_add_signed(*by);
        }
        totals.documents = totals.documents.saturating_add_signed(self.documents);
        totals.stuck = totals.stuck.saturating_add_signed(self.stuck);
        totals
    }
}

impl Ledger {
    /// Judges an envelope and writes what follows into the batch. `entry` is its own log row, absent for a tombstone
    /// that came ahead of its log. `counter` judges its change, and those it wakes.
    pub(super) fn count(
        &self,
        inner: &mut Inner,
        batch: &mut Batch,
        network: NetworkId,
        envelope: &Envelope,
        entry: Option<(LogKey, &mut LogRow)>,
        counter: &dyn Counter,
    ) -> Result<Outcome, LedgerError> {
        let mut outcome = Outcome::default();
        let kind = envelope.header.kind;
        let about_none = envelope.header.object == ObjectId::ZERO;
        if kind == Kind::Statement && about_none {
            outcome.change = Some((ChangeKind::RosterChanged, ThingId::ZERO));
            let state = registry::count_statement(envelope, &mut outcome);
            if let Some((_, entry)) = entry {
                (entry.standing, entry.reason) = standing(&state);
                outcome.changes.push((entry.standing, 1));
            }
            return Ok(outcome);
        }
        if about_none {
            let state = match kind {
                Kind::Open if envelope.header.seq == 0 => State::Counted,
                Kind::Open => State::Refused(Refusal::Place),
                Kind::Unknown(_) => State::Waiting(WaitFor::Upgrade),
                _ => State::Refused(Refusal::Object),
            };
            if let Some((_, entry)) = entry {
                (entry.standing, entry.reason) = standing(&state);
                outcome.changes.push((entry.standing, 1));
            }
            return Ok(outcome);
        }
        self.count_object(batch, network, envelope, entry, counter, &mut outcome)?;
        if let Some((hub, profile)) = outcome.profile.clone() {
            registry::write_hub_row(self, inner, batch, hub, Some(profile))?;
        }
        Ok(outcome)
    }

    /// Counts an envelope in its document as it is now, and keeps nothing but what the counter remembers.
    pub(super) fn try_out(
        &self,
        network: NetworkId,
        envelope: &Envelope,
        counter: &dyn Counter,
    ) -> Result<(), LedgerError> {
        let header = &envelope.header;
        let (mut known, mut authors) = self.load_object(header.object)?;
        let nth = count_author(&mut authors, header.hub, header.epoch, header.generation);
        if let Some(body) = self.held_body(envelope, nth) {
            let mut room = StoreRoom::new(self, header.object);
            known.settle(network, vec![body], &mut room, counter)?;
        }
        Ok(())
    }

    fn count_object(
        &self,
        batch: &mut Batch,
        network: NetworkId,
        envelope: &Envelope,
        entry: Option<(LogKey, &mut LogRow)>,
        counter: &dyn Counter,
        outcome: &mut Outcome,
    ) -> Result<(), LedgerError> {
        let header = &envelope.header;
        let id = header.object;
        let (mut known, mut authors) = self.load_object(id)?;
        let shown_before = known.is_shown();
        let stuck_before = known.state.stuck;
        let carries_state = matches!(header.kind, Kind::Genesis | Kind::Change | Kind::Squash);
        let nth = if carries_state && entry.is_some() {
            count_author(&mut authors, header.hub, header.epoch, header.generation)
        } else {
            0
        };

        let hash = header.hash();
        let created_before = known.state.created;
        let by_this_run = header.hub == self.own_id && header.epoch == self.epoch();
        let written_now = by_this_run && entry.as_ref().is_some_and(|(_, row)| row.received.peer == self.own_id);
        let taken = match header.kind {
            Kind::Tombstone if header.hub == self.own_id && !written_now => known.snapshot.clone(),
            _ => None,
        };
        let generation_before = known.state.generation();
        let mut room = StoreRoom::new(self, id);
        let mut states = BTreeMap::new();
        let mut shown = None;
        let mut recounted = false;
        match self.held_body(envelope, nth) {
            None => drop(states.insert(hash, State::Covered)),
            Some(body) => match known.settle(network, vec![body.clone()], &mut room, counter)? {
                Settled::States {
                    states: new,
                    shown: now,
                } => (states, shown) = (new, now),
                Settled::Recount => {
                    recounted = true;
                    room = StoreRoom::emptied(self, id)?;
                    let mut bodies = self.bodies_and_tombstone_of(network, id)?;
                    bodies.push(body);
                    (known, states, shown) = object::recount(network, id, bodies, &mut room, counter)?;
                }
            },
        }
        room.write(batch);
        let erased = header.kind == Kind::Tombstone && known.state.erased_through.is_some();
        if erased {
            for gone in self.erase_bodies(batch, &known)? {
                states.entry(gone).or_insert(State::Covered);
            }
        }
        let left_out = recounted
            || (header.kind == Kind::Change && states.get(&hash) != Some(&State::Counted))
            || matches!(header.kind, Kind::Grant | Kind::Consent);
        let may_leave_out = left_out && authors.iter().any(|one| one.hub == self.own_id);
        self.note_left_out(batch, &known, may_leave_out, outcome)?;
        if erased && !known.is_erased(u32::MAX) {
            self.note_left_behind(batch, (network, id), envelope, created_before, taken, counter)?;
        }
        self.write_states(batch, &states, hash, entry, outcome)?;
        write_object(batch, &known, authors, generation_before);
        // One that does not count says nothing: it may name anybody's document.
        let counts = states.get(&hash) == Some(&State::Counted);
        let said = || self.created_by_tombstone(envelope).filter(|_| counts);
        let created_before = created_before.or_else(said);
        if let Some(created) = created_before.filter(|_| erased) {
            outcome.erased.push((id, created.thing));
            if known.is_erased(u32::MAX) {
                self.forget_left_behind(batch, created.thing, outcome)?;
            }
        }
        self.project_shown(batch, &known, created_before, shown, outcome)?;
        outcome.documents = i64::from(known.is_shown()) - i64::from(shown_before);
        outcome.stuck = i64::from(known.state.stuck) - i64::from(stuck_before);
        Ok(())
    }

    /// Notes that a document may leave out now what this hub has written in it; of an erased one nothing is said again, and
    /// nothing of it is kept.
    fn note_left_out(
        &self,
        batch: &mut Batch,
        known: &Object,
        may_leave_out: bool,
        outcome: &mut Outcome,
    ) -> Result<(), StoreError> {
        let object = known.state.object;
        if known.is_erased(u32::MAX) {
            catalogue::delete(batch, &LeftOutKey(object));
        } else if self.is_large(known) || may_leave_out {
            self.note_to_replay(batch, object)?;
            outcome.left_out = Some(object);
        }
        Ok(())
    }

    pub(super) fn load_object(&self, id: ObjectId) -> Result<(Object, Vec<AuthorCount>), StoreError> {
        let Some(row) = catalogue::get(&*self.store, &ObjectKey(id))? else {
            return Ok((Object::new(id), Vec::new()));
        };
        let key = SnapshotKey {
            personal: row.state.created.is_some_and(|created| created.kind.is_personal()),
            object: id,
            generation: row.state.generation(),
        };
        let snapshot = catalogue::get(&*self.store, &key)?.map(|saved| saved.0);
        Ok((
            Object {
                state: row.state,
                snapshot,
            },
            row.authors,
        ))
    }

    /// Every held envelope of an object whose body is there, as counting sees them.
    pub(super) fn bodies_of(&self, network: NetworkId, id: ObjectId) -> Result<Vec<HeldBody>, StoreError> {
        let mut hashes: Vec<HeaderHash> = Vec::new();
        for family in [Family::Body, Family::BodyPersonal] {
            let visit = |key: BodyKey, _| {
                hashes.push(key.hash);
                ControlFlow::Continue(())
            };
            catalogue::scan_prefix(&*self.store, family, &id.0, Direction::Forward, visit)?;
        }
        let mut keys: Vec<LogKey> = Vec::new();
        for hash in hashes {
            keys.extend(catalogue::get(&*self.store, &PositionKey(hash))?);
        }
        // Log order, so that each run's envelopes are numbered as they were when they came.
        keys.sort_unstable();
        let mut authors = Vec::new();
        let mut out = Vec::new();
        for key in keys {
            let Some(row) = catalogue::get(&*self.store, &key)? else {
                continue;
            };
            let envelope = self.assemble(network, &key, &row)?;
            let carries_state = matches!(envelope.header.kind, Kind::Genesis | Kind::Change | Kind::Squash);
            let nth = if carries_state {
                count_author(
                    &mut authors,
                    envelope.header.hub,
                    envelope.header.epoch,
                    envelope.header.generation,
                )
            } else {
                0
            };
            out.extend(self.held_body(&envelope, nth));
        }
        Ok(out)
    }

    /// Deletes what a tombstone covers; returns the envelopes whose bodies went. Headers stay, and tombstones whole.
    pub(super) fn erase_bodies(&self, batch: &mut Batch, known: &Object) -> Result<Vec<HeaderHash>, StoreError> {
        let Some(through) = known.state.erased_through else {
            return Ok(Vec::new());
        };
        let id = known.state.object;
        let mut gone = Vec::new();
        for family in [Family::Body, Family::BodyPersonal] {
            let visit = |key: BodyKey, _| {
                if key.generation <= through {
                    gone.push(key);
                }
                ControlFlow::Continue(())
            };
            catalogue::scan_prefix(&*self.store, family, &id.0, Direction::Forward, visit)?;
        }
        let mut covered = Vec::with_capacity(gone.len());
        for key in gone {
            let position = catalogue::get(&*self.store, &PositionKey(key.hash))?;
            let row: Option<LogRow> = match position {
                Some(position) => catalogue::get(&*self.store, &position)?,
                None => None,
            };
            // A consent belongs to no generation: it goes with the last of them.
            let stays = |kind| kind == Kind::Tombstone || (kind == Kind::Consent && through < u32::MAX);
            if row.is_some_and(|row| !stays(row.kind)) {
                catalogue::delete(batch, &key);
                covered.push(key.hash);
            }
        }
        let from = SnapshotKey {
            personal: false,
            object: id,
            generation: 0,
        };
        let to = match through.checked_add(1) {
            Some(next) => catalogue::Key::encode(&SnapshotKey {
                generation: next,
                ..from
            }),
            None => prefix_end(&id.0),
        };
        for family in [Family::Snapshot, Family::SnapshotPersonal] {
            batch.delete_range(family, catalogue::Key::encode(&from), to.clone());
        }
        Ok(covered)
    }

    fn write_states(
        &self,
        batch: &mut Batch,
        states: &BTreeMap<HeaderHash, State>,
        own_hash: HeaderHash,
        entry: Option<(LogKey, &mut LogRow)>,
        outcome: &mut Outcome,
    ) -> Result<(), StoreError> {
        for (hash, state) in states.iter().filter(|(hash, _)| **hash != own_hash) {
            self.set_standing(batch, *hash, state, outcome)?;
        }
        if let (Some((key, entry)), Some(state)) = (entry, states.get(&own_hash)) {
            (entry.standing, entry.reason) = self.standing_at(&key, state);
            outcome.changes.push((entry.standing, 1));
        }
        Ok(())
    }

    pub(super) fn set_standing(
        &self,
        batch: &mut Batch,
        hash: HeaderHash,
        state: &State,
        outcome: &mut Outcome,
    ) -> Result<(), StoreError> {
        if let Some((key, row)) = self.row_of_hash(hash)? {
            restate(batch, (&key, row), self.standing_at(&key, state), outcome);
        }
        Ok(())
    }

    /// State and reason as they are stored and shown, for the envelope at this position.
    pub(super) fn standing_at(&self, key: &LogKey, state: &State) -> (Standing, String) {
        match state {
            State::Void => (Standing::Void, self.cuts().reason(&key.row(), key.seq).to_owned()),
            state => standing(state),
        }
    }

    /// Counts one document anew from everything held of it, and writes what follows as one batch.
    pub(super) fn recount_object(
        &self,
        inner: &mut Inner,
        network: NetworkId,
        id: ObjectId,
    ) -> Result<(), LedgerError> {
        let mut batch = Batch::new();
        let mut outcome = Outcome::default();
        let before = self.load_object(id)?.0;
        let mut room = StoreRoom::emptied(self, id)?;
        let bodies = self.bodies_and_tombstone_of(network, id)?;
        let authors = self.authors_of(&bodies, id)?;
        let own = bodies.iter().any(|body| body.hub == self.own_id);
        let (known, states, shown) = object::recount(network, id, bodies, &mut room, &*self.counter)?;
        room.write(&mut batch);
        self.erase_bodies(&mut batch, &known)?;
        for (hash, state) in &states {
            self.set_standing(&mut batch, *hash, state, &mut outcome)?;
        }
        self.note_left_out(&mut batch, &known, own, &mut outcome)?;
        write_object(&mut batch, &known, authors, before.state.generation());
        self.project_shown(&mut batch, &known, before.state.created, shown, &mut outcome)?;
        if let Some((hub, profile)) = outcome.profile.clone() {
            registry::write_hub_row(self, inner, &mut batch, hub, Some(profile))?;
        }
        outcome.documents = i64::from(known.is_shown()) - i64::from(before.is_shown());
        outcome.stuck = i64::from(known.state.stuck) - i64::from(before.state.stuck);
        self.put_sum(inner, &mut batch, &mut outcome)?;
        self.commit(&batch)?;
        self.counted(inner, outcome)
    }

    /// The projections of a document as it reads now. `created_before` says what it was, if it is no more.
    pub(super) fn project_shown(
        &self,
        batch: &mut Batch,
        known: &Object,
        created_before: Option<Created>,
        shown: Option<Box<ShownDocument>>,
        outcome: &mut Outcome,
    ) -> Result<(), LedgerError> {
        let id = known.state.object;
        let Some(created) = known.state.created.or(created_before) else {
            return Ok(());
        };
        if created.kind == DocumentKind::Event {
            let row = match shown.map(|shown| *shown) {
                _ if !known.is_shown() => None,
                Some(ShownDocument {
                    reading: Reading::Event(event),
                    conflicts,
                }) => Some(self.event_row(&known.state, &created, *event, conflicts)),
                _ => return Ok(()),
            };
            let shown = self.projector.event_changed(batch, created.thing, id, row.as_ref())?;
            outcome.change = change_of(&shown).map(|kind| (kind, created.thing));
            if known.state.erased_through.is_some() && shown.after.is_none() {
                self.forget_import(batch, created.thing, shown.before.as_ref());
                let picture = shown
                    .before
                    .as_ref()
                    .map_or("", |before| before.event.image_url.as_str());
                Self::forget_picture(batch, picture, outcome);
            }
            return Ok(());
        }
        if created.kind == DocumentKind::Member {
            let row = match shown.map(|shown| shown.reading) {
                _ if !known.is_shown() => None,
                Some(Reading::Member(member)) => MemberRow::of(created.thing, id, created.owner, created.log, *member),
                _ => return Ok(()),
            };
            self.projector.member_changed(batch, id, row.as_ref())?;
            if created.log == LogId::LOCAL && known.state.erased_through.is_some() && row.is_none() {
                catalogue::delete(batch, &OriginalKey(created.thing));
            }
            outcome.members.push(id);
            let is_own_card = created.log == LogId::NETWORK && created.owner == self.own_id;
            if is_own_card && known.state.erased_through == Some(u32::MAX) {
                outcome.cards_erased.push(created.thing);
            }
            return Ok(());
        }
        let profile = match shown.map(|shown| shown.reading) {
            _ if created.kind != DocumentKind::HubProfile || created.thing.0 != created.owner.0 => None,
            // Its page is the one in the public log: of several it would be the last that came.
            _ if created.log != LogId::PUBLIC => None,
            Some(Reading::HubProfile(profile)) if known.is_shown() => Some(profile),
            // What it said became void.
            _ if !known.is_shown() => Some(HubProfile::default()),
            _ => None,
        };
        if let Some(profile) = profile {
            outcome.profile = Some((created.owner, profile));
            outcome.change = Some((ChangeKind::HubChanged, created.thing));
        }
        Ok(())
    }

    /// The row of an event as its document reads now.
    fn event_row(&self, state: &ObjectState, created: &Created, event: Event, conflicts: Vec<Conflict>) -> EventRow {
        let now_ms = self.clock.now_ms();
        let is_ahead = event.updated_ms > now_ms.saturating_add(MAX_CLOCK_AHEAD_MS);
        EventRow {
            thing: created.thing,
            object: state.object,
            hub: created.owner,
            log: created.log,
            draft: !created.log.is_shared(),
            hosts: state.hosts(),
            invited: state.invited(),
            conflicts,
            seen_ms: is_ahead.then_some(now_ms),
            event,
        }
    }

    /// Nothing is left of an erased event: its imported text goes, and the next import of its source must not bring it
    /// back unasked.
    fn forget_import(&self, batch: &mut Batch, thing: ThingId, before: Option<&EventRow>) {
        catalogue::delete(batch, &OriginalKey(thing));
        if let Some(row) = before.filter(|row| row.hub == self.own_id) {
            let at_ms = self.clock.now_ms();
            catalogue::put(batch, &ErasedUidKey::of(&row.event.uid), &ErasedUidRow { thing, at_ms });
        }
    }

    /// What a tombstone says of a document this node knows nothing else of.
    fn created_by_tombstone(&self, envelope: &Envelope) -> Option<Created> {
        let body = self.held_body(envelope, 0)?;
        let Some(Content::Tombstone(tombstone)) = body.content else {
            return None;
        };
        Some(Created {
            beginning: HeaderHash::ZERO,
            owner: HubId::from_slice(&tombstone.owner)?,
            log: LogId::from_slice(&tombstone.log)?,
            kind: DocumentKind::from_code(u8::try_from(tombstone.kind).ok()?),
            thing: ThingId::from_slice(&tombstone.thing)?,
            generation: object::FIRST_GENERATION,
        })
    }

    /// Writes what a whole batch comes to: the roster if statements counted, the totals as they will be, what watchers are
    /// to be told, and whose bytes are to be forced out.
    pub(super) fn put_sum(&self, inner: &Inner, batch: &mut Batch, outcome: &mut Outcome) -> Result<(), LedgerError> {
        if !outcome.statements.is_empty() {
            outcome.roster = Some(self.count_roster(inner, batch, outcome)?);
        }
        if !outcome.erased.is_empty() {
            let all = [inner.to_force_out.as_slice(), &outcome.erased].concat();
            erase::put_to_force_out(batch, &all);
        }
        if let Some((kind, thing)) = outcome.change {
            watch::put_change(batch, inner.next_change, kind, thing, self.clock.now_ms());
        }
        let totals = outcome.applied_to(inner.totals);
        if totals != inner.totals {
            let value = MetaValue(catalogue::encode_row(1, &totals));
            catalogue::put(batch, &MetaKey::Totals, &value);
        }
        Ok(())
    }

    /// Applies to memory what a written batch changed, and tells watchers.
    pub(super) fn counted(&self, inner: &mut Inner, outcome: Outcome) -> Result<(), LedgerError> {
        inner.totals = outcome.applied_to(inner.totals);
        inner.left_out.extend(outcome.left_out);
        for kept in outcome.kept {
            self.tombstone_kept(inner, kept);
        }
        self.projector.members().changed(&outcome.members);
        for thing in outcome.cards_erased {
            inner.orphans.card_erased(thing);
        }
        if !outcome.erased.is_empty() {
            inner.to_force_out.extend(outcome.erased);
            self.notify(Notice::Erased);
        }
        if outcome.change.is_some() {
            inner.next_change += 1;
            self.notify(Notice::Changed);
        }
        if let Some(roster) = outcome.roster {
            self.statements_counted(inner, outcome.statements, roster);
            self.refresh_cuts(inner)?;
        }
        Ok(())
    }

    pub(super) fn load_totals(&self, inner: &mut Inner) -> Result<(), StoreError> {
        if let Some(MetaValue(bytes)) = catalogue::get(&*self.store, &MetaKey::Totals)? {
            inner.totals = catalogue::decode_row(1, &bytes).unwrap_or_default();
        }
        // The newest envelope of every log says how fresh its hub's data is.
        let Some(network) = self.network() else { return Ok(()) };
        let rows: Vec<_> = inner.held.rows().collect();
        for (row, head) in rows {
            let key = LogKey {
                hub: row.hub,
                log: row.log,
                epoch: row.epoch,
                seq: head.seq,
            };
            let Some(entry) = catalogue::get(&*self.store, &key)? else {
                continue;
            };
            let envelope = self.assemble(network, &key, &entry)?;
            if let Some(body) = self.held_body(&envelope, 0) {
                self.heard(inner, row.hub, body.clock);
            }
        }
        Ok(())
    }
}

/// Writes another state into the row of an envelope, if it is another one.
pub(super) fn restate(
    batch: &mut Batch,
    (key, mut row): (&LogKey, LogRow),
    (standing, reason): (Standing, String),
    outcome: &mut Outcome,
) {
    if row.standing == standing && row.reason == reason {
        return;
    }
    outcome.changes.push((row.standing, -1));
    outcome.changes.push((standing, 1));
    let before = Some(row.standing);
    (row.standing, row.reason) = (standing, reason);
    quarantine::note(batch, key, before, &row);
    catalogue::put(batch, key, &row);
}

/// What watchers are told of an event.
fn change_of(shown: &Shown) -> Option<ChangeKind> {
    if shown.before == shown.after {
        return None;
    }
    Some(match (&shown.before, &shown.after) {
        (_, None) => ChangeKind::EventRemoved,
        (_, Some(row)) if row.event.status == Status::Cancelled => ChangeKind::EventCancelled,
        (None, Some(_)) => ChangeKind::EventAdded,
        (Some(_), Some(_)) => ChangeKind::EventChanged,
    })
}

/// `generation_before` is the one that was shown: its snapshot is of no use any more if another one is shown now.
pub(super) fn write_object(batch: &mut Batch, known: &Object, authors: Vec<AuthorCount>, generation_before: u32) {
    let state = known.state.clone();
    let key = |personal, generation| SnapshotKey {
        personal,
        object: state.object,
        generation,
    };
    let generation = known.state.generation();
    // Of one whose beginning does not count any more nobody can tell where it lay.
    let families: &[bool] = match state.created {
        Some(created) if created.kind.is_personal() => &[true],
        Some(_) => &[false],
        None => &[false, true],
    };
    for personal in families.iter().copied() {
        if generation_before != generation {
            catalogue::delete(batch, &key(personal, generation_before));
        }
        match &known.snapshot {
            Some(saved) => catalogue::put(batch, &key(personal, generation), &SavedDocument(saved.clone())),
            None => catalogue::delete(batch, &key(personal, generation)),
        }
    }
    catalogue::put(batch, &ObjectKey(state.object), &ObjectRow { state, authors });
}

/// Counts an envelope of its author; returns which one it is, from 1.
pub(super) fn count_author(authors: &mut Vec<AuthorCount>, hub: HubId, epoch: Epoch, generation: u32) -> u64 {
    let same = |known: &&mut AuthorCount| known.hub == hub && known.epoch == epoch && known.generation == generation;
    if let Some(known) = authors.iter_mut().find(same) {
        known.count += 1;
        return known.count;
    }
    authors.push(AuthorCount {
        hub,
        epoch,
        generation,
        count: 1,
    });
    1
}
