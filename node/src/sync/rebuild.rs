//! Rebuilding: states, documents and projections again from the log, which is the truth.

use std::collections::BTreeMap;

use interhub_domain::envelope::Kind;
use interhub_domain::ids::{NetworkId, ObjectId};
use interhub_domain::object::{self, HeldBody, State};

use super::count::{Outcome, count_author, write_object};
use super::ledger::{Inner, Ledger, LedgerError, Totals};
use super::registry;
use super::waiting::StoreRoom;
use crate::store::catalogue::document::TombstoneKey;
use crate::store::catalogue::log::{LogRow, PositionKey};
use crate::store::catalogue::meta::{MetaKey, MetaValue};
use crate::store::catalogue::object::{AuthorCount, ObjectKey};
use crate::store::{Batch, Family, StoreError, catalogue};

/// Objects and log rows read at a time.
const PAGE: usize = 1_000;

impl Ledger {
    /// Whether a rebuild has begun and not ended, or the projections are of another version.
    pub fn needs_rebuild(&self) -> Result<bool, LedgerError> {
        let unfinished = catalogue::get(&*self.store, &MetaKey::RebuildUnfinished)?;
        Ok(unfinished.is_some() || self.projector.is_outdated() || self.lock().cuts_outdated)
    }

    /// Computes every state, document and projection anew from the logs. Interrupted, it is finished by the next start.
    /// `progress` hears how many documents are done. Returns how many there are.
    pub fn rebuild(&self, progress: &mut dyn FnMut(u64)) -> Result<u64, LedgerError> {
        let mut inner = self.lock();
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &MetaKey::RebuildUnfinished, &MetaValue(Vec::new()));
        self.projector.clear_all(&mut batch, self.clock.now_ms())?;
        self.commit(&batch)?;
        let Some(network) = self.network() else {
            return self.rebuilt(0);
        };

        inner.totals = Totals::default();
        let mut objects: Vec<ObjectId> = Vec::new();
        catalogue::scan_paged(&*self.store, Family::Document, PAGE, |ObjectKey(id), _| {
            objects.push(id);
            Ok(())
        })?;
        for (index, id) in objects.iter().enumerate() {
            self.rebuild_object(&mut inner, network, *id)?;
            progress(index as u64 + 1);
        }
        self.rebuild_hubs(&inner)?;
        self.rebuild_quarantine(&mut inner)?;
        inner.cuts_outdated = false;
        let totals = MetaValue(catalogue::encode_row(1, &inner.totals));
        let mut batch = Batch::new();
        catalogue::put(&mut batch, &MetaKey::Totals, &totals);
        self.commit(&batch)?;
        self.rebuilt(objects.len() as u64)
    }

    fn rebuilt(&self, count: u64) -> Result<u64, LedgerError> {
        let mut batch = Batch::new();
        catalogue::delete(&mut batch, &MetaKey::RebuildUnfinished);
        self.put_cuts_applied(&mut batch);
        self.commit(&batch)?;
        self.make_durable()?;
        self.projector.members().everything_changed();
        Ok(count)
    }

    fn rebuild_object(&self, inner: &mut Inner, network: NetworkId, id: ObjectId) -> Result<(), LedgerError> {
        let mut batch = Batch::new();
        let mut room = StoreRoom::emptied(self, id)?;
        let bodies = self.bodies_and_tombstone_of(network, id)?;
        let authors = self.authors_of(&bodies, id)?;
        let before = self.load_object(id)?.0.state.generation();
        let (known, states, shown) = object::recount(network, id, bodies, &mut room, &*self.counter)?;
        room.write(&mut batch);
        self.erase_bodies(&mut batch, &known)?;
        write_object(&mut batch, &known, authors, before);
        self.write_standings(&mut batch, &states)?;
        inner.totals.documents += u64::from(known.is_shown());
        inner.totals.stuck += u64::from(known.state.stuck);
        let mut outcome = Outcome::default();
        self.project_shown(&mut batch, &known, known.state.created, shown, &mut outcome)?;
        self.commit(&batch)?;
        Ok(())
    }

    /// Everything held of an object whose body is there. A tombstone that came ahead of its log is in no log yet.
    pub(super) fn bodies_and_tombstone_of(
        &self,
        network: NetworkId,
        id: ObjectId,
    ) -> Result<Vec<HeldBody>, StoreError> {
        let mut bodies = self.bodies_of(network, id)?;
        if let Some(tombstone) = catalogue::get(&*self.store, &TombstoneKey(id))? {
            let ahead = self.held_body(&tombstone.envelope(), 0);
            bodies.extend(ahead.filter(|ahead| bodies.iter().all(|body| body.hash != ahead.hash)));
        }
        Ok(bodies)
    }

    /// How many state-carrying envelopes each run has. Erased ones are counted by what was known before: their bodies
    /// are gone, and nothing that comes after them in their generation can count.
    pub(super) fn authors_of(&self, bodies: &[HeldBody], id: ObjectId) -> Result<Vec<AuthorCount>, StoreError> {
        let before = catalogue::get(&*self.store, &ObjectKey(id))?
            .map(|row| row.authors)
            .unwrap_or_default();
        let mut authors = Vec::new();
        for body in bodies
            .iter()
            .filter(|body| matches!(body.kind, Kind::Genesis | Kind::Change | Kind::Squash))
        {
            count_author(&mut authors, body.hub, body.epoch, body.generation);
        }
        for known in before {
            let same = |one: &AuthorCount| {
                one.hub == known.hub && one.epoch == known.epoch && one.generation == known.generation
            };
            match authors.iter_mut().find(|one| same(one)) {
                Some(one) => one.count = one.count.max(known.count),
                None => authors.push(known),
            }
        }
        authors.sort_by_key(|one| (one.hub, one.epoch, one.generation));
        Ok(authors)
    }

    fn write_standings(
        &self,
        batch: &mut Batch,
        states: &BTreeMap<interhub_domain::ids::HeaderHash, State>,
    ) -> Result<(), StoreError> {
        for (hash, state) in states {
            let Some(key) = catalogue::get(&*self.store, &PositionKey(*hash))? else {
                continue;
            };
            let Some(row): Option<LogRow> = catalogue::get(&*self.store, &key)? else {
                continue;
            };
            let (standing, reason) = self.standing_at(&key, state);
            if row.standing != standing || row.reason != reason {
                catalogue::put(batch, &key, &row.standing(standing, reason));
            }
        }
        Ok(())
    }

    fn rebuild_hubs(&self, inner: &Inner) -> Result<(), LedgerError> {
        let mut batch = Batch::new();
        let hubs: Vec<_> = inner.roster.members.keys().copied().collect();
        for hub in hubs {
            registry::write_hub_row(self, inner, &mut batch, hub, None)?;
        }
        self.commit(&batch)?;
        Ok(())
    }
}
