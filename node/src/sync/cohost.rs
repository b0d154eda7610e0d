//! Writing documents that several hubs write: edits, grants, consents, squashes.

use interhub_domain::body::{Change, Consent, Content, Grant, Squash};
use interhub_domain::document::{self, Choice, EditError, MAX_CHANGES, MAX_SAVED, Made, Reading, Refusal, patch};
use interhub_domain::envelope::Kind;
use interhub_domain::event::Event;
use interhub_domain::ids::{HubId, NetworkId, ObjectId};
use interhub_domain::object::{Created, Object, ObjectState};
use interhub_domain::scan::ACTOR_LEN;

use super::author::{Place, Prepared, WriteError};
use super::ledger::{Inner, Ledger, LedgerError};
use crate::store::catalogue::object::AuthorCount;

/// At this many changes an owner's node starts a new generation by itself: three quarters of what a generation may
/// have, so that co-hosts who are away have room.
const SQUASH_AT_CHANGES: u64 = MAX_CHANGES as u64 / 4 * 3;
/// The same for the size of the saved document.
const SQUASH_AT_BYTES: usize = MAX_SAVED / 4 * 3;
/// A new generation for the sake of size has to bring the document below this, or it would be made at every edit.
const SQUASH_BELOW_BYTES: usize = MAX_SAVED / 2;

impl Ledger {
    /// What is known of a document: its writers and hosts.
    pub fn object_state(&self, object: ObjectId) -> Result<ObjectState, LedgerError> {
        Ok(self.load_object(object)?.0.state)
    }

    /// A change: what `make` makes of the document. `replaces`: own earlier edits it says again.
    pub(super) fn prepare_change(
        &self,
        object: ObjectId,
        replaces: Vec<Vec<u8>>,
        make: impl FnOnce(&[u8], [u8; ACTOR_LEN]) -> Result<Option<Made>, EditError>,
    ) -> Result<Prepared, WriteError> {
        let (known, authors) = self.load_object(object)?;
        let created = shown(&known)?;
        if !known.state.is_host(self.own_id) {
            return Err(WriteError::NotAHost);
        }
        if known.state.stuck {
            return Err(WriteError::Refused(Refusal::Together.to_string()));
        }
        let saved = known.snapshot.as_deref().unwrap_or_default();
        self.leave_a_lost_branch(saved, created.generation, &authors)?;
        let actor = document::actor(self.own_id, self.epoch());
        let content = make(saved, actor)?.map(|made| {
            Content::Change(Change {
                change: made.change,
                replaces,
            })
        });
        let place = place(object, &created, Kind::Change, created.generation);
        Ok(Prepared { place, content })
    }

    /// Changes of this run that the document does not have (they build on a void change, or on a squash that lost) have
    /// used up numbers. Only another run can go on then.
    fn leave_a_lost_branch(&self, saved: &[u8], generation: u32, authors: &[AuthorCount]) -> Result<(), WriteError> {
        let this_run =
            |one: &&AuthorCount| one.hub == self.own_id && one.epoch == self.epoch() && one.generation == generation;
        let written = authors.iter().find(this_run).map_or(0, |one| one.count);
        if written > 0 && document::changes_by(saved, document::actor(self.own_id, self.epoch()))? != written {
            self.begin_epoch()?;
        }
        Ok(())
    }

    pub(super) fn prepare_edit(&self, object: ObjectId, before: &Event, after: &Event) -> Result<Prepared, WriteError> {
        self.prepare_change(object, Vec::new(), |saved, actor| {
            let kind = interhub_domain::ids::DocumentKind::Event;
            let Reading::Event(now) = document::read_saved(saved, kind)? else {
                return Ok(None);
            };
            let event = patch::carry_over(before, after, &now, &std::collections::BTreeSet::new());
            document::edit(Some(saved), actor, &Reading::Event(Box::new(event)))
        })
    }

    pub(super) fn prepare_choice(
        &self,
        object: ObjectId,
        field: &str,
        choice: &Choice,
    ) -> Result<Prepared, WriteError> {
        let now_ms = self.clock.now_ms();
        let prepared = self.prepare_change(object, Vec::new(), |saved, actor| {
            document::resolve(saved, actor, field, choice, now_ms)
        })?;
        if prepared.content.is_none() {
            return Err(WriteError::NoConflict);
        }
        Ok(prepared)
    }

    pub(super) fn prepare_grant(&self, object: ObjectId, writer: HubId) -> Result<Prepared, WriteError> {
        let known = self.load_object(object)?.0;
        let created = shown(&known)?;
        let place = place(object, &created, Kind::Grant, created.generation);
        let grant = Grant {
            writer: writer.0.to_vec(),
        };
        Ok(prepared(place, Content::Grant(grant)))
    }

    /// Consents belong to no generation: they say 0.
    pub(super) fn prepare_consent(&self, object: ObjectId, agreed: bool) -> Result<Prepared, WriteError> {
        let known = self.load_object(object)?.0;
        shown(&known)?;
        if !known.state.is_writer(self.own_id) {
            return Err(WriteError::NotAHost);
        }
        let said = known.state.consents.get(&self.own_id);
        let counter = said.map_or(1, |said| said.counter.saturating_add(1));
        self.prepare_consent_as(object, agreed, counter)
    }

    /// The same with this number.
    pub(super) fn prepare_consent_as(
        &self,
        object: ObjectId,
        agreed: bool,
        counter: u32,
    ) -> Result<Prepared, WriteError> {
        let created = shown(&self.load_object(object)?.0)?;
        let place = place(object, &created, Kind::Consent, 0);
        let consent = Consent { counter, agreed };
        Ok(prepared(place, Content::Consent(consent)))
    }

    /// Begins a new generation with what the document says now. Its writers are those of before, without `removed` and
    /// without those who said no.
    pub(super) fn prepare_squash(&self, object: ObjectId, removed: Option<HubId>) -> Result<Prepared, WriteError> {
        self.prepare_squash_with(object, |hub| Some(*hub) != removed, &[])
    }

    /// The same, with those of the writers that stay, and without the fields withdrawn.
    pub(super) fn prepare_squash_with(
        &self,
        object: ObjectId,
        stays: impl Fn(&HubId) -> bool,
        withdrawn: &[String],
    ) -> Result<Prepared, WriteError> {
        let known = self.load_object(object)?.0;
        let made = self.squashed(&known, withdrawn)?;
        squash_of(&known, made, stays, withdrawn)
    }

    /// The next generation of an own document, which says just this.
    pub(super) fn prepare_renewal(&self, object: ObjectId, reading: &Reading) -> Result<Prepared, WriteError> {
        let known = self.load_object(object)?.0;
        shown(&known)?;
        let actor = document::actor(self.own_id, self.epoch());
        let made = document::edit(None, actor, reading)?.ok_or(WriteError::NotFound)?;
        squash_of(&known, made, |_| true, &[])
    }

    fn squashed(&self, known: &Object, withdrawn: &[String]) -> Result<Made, WriteError> {
        let created = shown(known)?;
        let saved = known.snapshot.as_deref().unwrap_or_default();
        let actor = document::actor(self.own_id, self.epoch());
        document::squash(saved, actor, created.kind, withdrawn)?.ok_or(WriteError::NotFound)
    }

    /// Whether a document of this hub comes near a limit, or is beyond it.
    pub(super) fn is_large(&self, known: &Object) -> bool {
        let own = known.state.created.is_some_and(|created| created.owner == self.own_id);
        let bytes = known.snapshot.as_ref().map_or(0, Vec::len);
        own && (is_made_of_much(known) || bytes >= SQUASH_AT_BYTES)
    }

    /// Begins a new generation of an own document that comes near a limit.
    pub(super) fn squash_if_large(
        &self,
        inner: &mut Inner,
        network: NetworkId,
        object: ObjectId,
    ) -> Result<(), WriteError> {
        let known = self.load_object(object)?.0;
        shown(&known)?;
        if !self.is_large(&known) {
            return Ok(());
        }
        let many = is_made_of_much(&known);
        let made = self.squashed(&known, &[])?;
        if !many && made.change.len() >= SQUASH_BELOW_BYTES {
            return Ok(());
        }
        let squash = squash_of(&known, made, |_| true, &[])?;
        self.publish(inner, network, vec![squash])?;
        Ok(())
    }
}

/// Whether a document is made of so much that a new generation is certainly smaller.
const fn is_made_of_much(known: &Object) -> bool {
    let state = &known.state;
    state.stuck || state.weight.is_much() || state.weight.changes >= SQUASH_AT_CHANGES
}

fn squash_of(
    known: &Object,
    made: Made,
    stays: impl Fn(&HubId) -> bool,
    withdrawn: &[String],
) -> Result<Prepared, WriteError> {
    let state = &known.state;
    let created = shown(known)?;
    let next = created.generation.checked_add(1).ok_or(WriteError::NotFound)?;
    let squash = Squash {
        change: made.change,
        writers: state
            .remaining_writers()
            .iter()
            .filter(|hub| stays(hub))
            .map(|hub| hub.0.to_vec())
            .collect(),
        heads: state.heads.iter().map(|head| head.to_vec()).collect(),
        withdrawn: withdrawn.to_vec(),
        kind: u32::from(created.kind.code()),
        thing: created.thing.0.to_vec(),
    };
    let place = place(state.object, &created, Kind::Squash, next);
    Ok(prepared(place, Content::Squash(squash)))
}

const fn prepared(place: Place, content: Content) -> Prepared {
    let content = Some(content);
    Prepared { place, content }
}

fn shown(known: &Object) -> Result<Created, WriteError> {
    known
        .state
        .created
        .filter(|_| known.is_shown())
        .ok_or(WriteError::NotFound)
}

const fn place(object: ObjectId, created: &Created, kind: Kind, generation: u32) -> Place {
    Place {
        log: created.log,
        kind,
        object,
        generation,
    }
}
