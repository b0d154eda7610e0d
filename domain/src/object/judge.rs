//! What one held envelope is worth, given what is known of its object.

use std::collections::{BTreeMap, VecDeque};

use super::{
    Consented, Created, FIRST_GENERATION, HeldBody, MAX_WRITERS, Object, SettleError, Settled, State, WaitFor,
    WaitingRoom, check_tombstone,
};
use crate::body::{Consent, Content, Genesis, Grant, Squash, Tombstone};
use crate::document::{self, CountOutcome, CountRequest, Counter, Refusal, Shown, Unjudged, Weight};
use crate::envelope::Kind;
use crate::ids::{DocumentKind, HubId, NetworkId, ObjectId, ThingId};

/// Whether the envelopes taken are all there are, in the order of [`order_of_kind`]; then nothing rewrites the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    All,
    Some,
}

/// Tombstones, then beginnings (the highest generation first, of these the smallest hash), then what freezes, then
/// grants, consents and the rest.
pub(super) const fn order_of_kind(kind: Kind) -> u8 {
    match kind {
        Kind::Tombstone => 0,
        Kind::Genesis | Kind::Squash => 1,
        Kind::Unknown(_) => 2,
        Kind::Grant => 3,
        Kind::Consent => 4,
        _ => 5,
    }
}

enum Verdict {
    State(State),
    /// The generation begins; `fresh` if nothing was known before.
    Began(Box<Shown>),
    Counted {
        change: [u8; 32],
        now: Box<Shown>,
    },
    /// Who may write, or is shown as a host, changed: what waits for this is to be looked at again.
    Writers(WaitFor),
    Recount,
    Unjudged(Unjudged),
}

const fn refused(refusal: Refusal) -> Verdict {
    Verdict::State(State::Refused(refusal))
}

const fn waits(what: WaitFor) -> Verdict {
    Verdict::State(State::Waiting(what))
}

/// A genesis or a squash as one: what begins a generation.
struct Beginning<'a> {
    kind: u32,
    thing: &'a [u8],
    change: &'a [u8],
    writers: &'a [Vec<u8>],
}

impl<'a> Beginning<'a> {
    const fn of_genesis(genesis: &'a Genesis) -> Self {
        Self {
            kind: genesis.kind,
            thing: genesis.thing.as_slice(),
            change: genesis.change.as_slice(),
            writers: genesis.writers.as_slice(),
        }
    }

    const fn of_squash(squash: &'a Squash) -> Self {
        Self {
            kind: squash.kind,
            thing: squash.thing.as_slice(),
            change: squash.change.as_slice(),
            writers: squash.writers.as_slice(),
        }
    }

    /// Who may write besides the owner, sorted; `None` if an id is malformed or there are too many.
    fn writers(&self, owner: HubId) -> Option<Vec<HubId>> {
        let mut writers = Vec::with_capacity(self.writers.len());
        for bytes in self.writers {
            writers.push(HubId::from_slice(bytes)?);
        }
        writers.retain(|hub| *hub != owner);
        writers.sort_unstable();
        writers.dedup();
        (writers.len() <= MAX_WRITERS).then_some(writers)
    }
}

/// What a beginning says of the object, if the object's id is made of it and the signer may create it.
pub(super) fn identity(
    network: NetworkId,
    object: ObjectId,
    body: &HeldBody,
    kind: u32,
    thing: &[u8],
) -> Result<Created, Refusal> {
    let (Some(thing), Ok(kind)) = (ThingId::from_slice(thing), u8::try_from(kind)) else {
        return Err(Refusal::Body);
    };
    let kind = DocumentKind::from_code(kind);
    let may_create = match kind {
        DocumentKind::HubProfile => thing.0 == body.hub.0,
        DocumentKind::Event | DocumentKind::Member => thing.belongs_to(body.hub),
        DocumentKind::Other(_) => true,
    };
    let own_generation = match body.kind {
        Kind::Squash => body.generation > FIRST_GENERATION,
        _ => body.generation == FIRST_GENERATION,
    };
    if !may_create || !own_generation || ObjectId::derive(network, body.hub, body.log, kind, thing) != object {
        return Err(Refusal::Object);
    }
    Ok(Created {
        beginning: body.hash,
        owner: body.hub,
        log: body.log,
        kind,
        thing,
        generation: body.generation,
    })
}

impl Object {
    pub(super) fn take<W: WaitingRoom>(
        &mut self,
        network: NetworkId,
        bodies: Vec<HeldBody>,
        room: &mut W,
        counter: &dyn Counter,
        set: Set,
    ) -> Result<Settled, SettleError<W::Error>> {
        let mut queue: VecDeque<HeldBody> = bodies.into();
        let mut states = BTreeMap::new();
        let mut shown = None;
        let hosts_before = (self.state.hosts(), self.state.invited());
        while let Some(body) = queue.pop_front() {
            let state = match self.judge(network, &body, counter, set) {
                Verdict::Recount => return Ok(Settled::Recount),
                Verdict::Unjudged(unjudged) => return Err(SettleError::Unjudged(unjudged)),
                Verdict::Began(now) => {
                    shown = Some(now);
                    queue.extend(room.wake(WaitFor::Genesis)?);
                    queue.extend(room.wake(WaitFor::Generation)?);
                    State::Counted
                }
                Verdict::Counted { change, now } => {
                    shown = Some(now);
                    queue.extend(room.wake(WaitFor::Change(change))?);
                    State::Counted
                }
                Verdict::Writers(what) => {
                    queue.extend(room.wake(what)?);
                    State::Counted
                }
                Verdict::State(State::Waiting(what)) => {
                    room.park(what, &body)?;
                    State::Waiting(what)
                }
                Verdict::State(state) => state,
            };
            states.insert(body.hash, state);
        }
        if shown.is_none() && self.is_shown() && (self.state.hosts(), self.state.invited()) != hosts_before {
            shown = self.read();
        }
        Ok(Settled::States { states, shown })
    }

    /// What the document says; every change in it was judged before.
    fn read(&self) -> Option<Box<Shown>> {
        let kind = self.state.created?.kind;
        document::show_saved(self.snapshot.as_deref()?, kind).ok().map(Box::new)
    }

    fn judge(&mut self, network: NetworkId, body: &HeldBody, counter: &dyn Counter, set: Set) -> Verdict {
        if let (Kind::Tombstone, Some(Content::Tombstone(tombstone))) = (body.kind, &body.content) {
            return self.erase(network, body, tombstone, set);
        }
        if body.kind == Kind::Tombstone {
            // Nothing erases a tombstone, one that cannot be read no less.
            return refused(Refusal::Body);
        }
        // A consent belongs to no generation: it ends with the last of them.
        let covered = if body.kind == Kind::Consent && body.generation == 0 {
            self.is_erased(u32::MAX)
        } else {
            self.is_erased(body.generation)
        };
        if covered {
            return Verdict::State(State::Covered);
        }
        if matches!(body.kind, Kind::Open | Kind::Statement) {
            // These are about no document, and what they say is read where they are in their place.
            return refused(Refusal::Place);
        }
        if body.void {
            return Verdict::State(State::Void);
        }
        match (body.kind, &body.content) {
            (Kind::Genesis, Some(Content::Genesis(genesis))) => {
                self.begin(network, body, &Beginning::of_genesis(genesis), counter)
            }
            (Kind::Squash, Some(Content::Squash(squash))) => {
                let nothing_yet = self.state.created.is_none();
                match self.begin(network, body, &Beginning::of_squash(squash), counter) {
                    // A genesis that was refused before this came is covered, as if this had come first.
                    Verdict::Began(_) if nothing_yet && set == Set::Some => Verdict::Recount,
                    verdict => verdict,
                }
            }
            (Kind::Change, Some(Content::Change(change))) => self.change(body, &change.change, counter),
            (Kind::Grant, Some(Content::Grant(grant))) => self.grant(body, grant),
            (Kind::Consent, Some(Content::Consent(consent))) => self.consent(body, *consent),
            (Kind::Unknown(_), _) if body.kind.is_critical() => self.freeze(body, set),
            (Kind::Unknown(_), _) => waits(WaitFor::Upgrade),
            _ => refused(Refusal::Body),
        }
    }

    fn erase(&mut self, network: NetworkId, body: &HeldBody, tombstone: &Tombstone, set: Set) -> Verdict {
        if check_tombstone(network, body.hub, self.state.object, tombstone).is_err() {
            return refused(Refusal::Object);
        }
        if self.is_erased(tombstone.through_generation) {
            return Verdict::State(State::Counted);
        }
        if set == Set::Some {
            // The same as if the tombstone had come first: what it covers was never known.
            return Verdict::Recount;
        }
        self.state.erased_through = Some(tombstone.through_generation);
        Verdict::State(State::Counted)
    }

    fn begin(&mut self, network: NetworkId, body: &HeldBody, begins: &Beginning<'_>, counter: &dyn Counter) -> Verdict {
        let created = match identity(network, self.state.object, body, begins.kind, begins.thing) {
            Ok(created) => created,
            Err(refusal) => return refused(refusal),
        };
        if self.is_superseded(body.generation) {
            return Verdict::State(State::Covered);
        }
        let Some(writers) = begins.writers(body.hub) else {
            return refused(Refusal::Limit(format!("{MAX_WRITERS} writers")));
        };
        let request = CountRequest {
            kind: created.kind,
            snapshot: None,
            change: begins.change,
            actor: document::actor(body.hub, body.epoch),
            seq: body.nth,
        };
        let counted = match counter.count(&request) {
            Ok(CountOutcome::Counted(counted)) => counted,
            Ok(CountOutcome::Waiting(_)) => return refused(Refusal::Genesis),
            Ok(CountOutcome::Refused(refusal)) => return refused(refusal),
            Err(unjudged) => return Verdict::Unjudged(unjudged),
        };
        match self.state.created {
            Some(known) if known.generation == body.generation && known.beginning < body.hash => {
                return refused(Refusal::Beginning);
            }
            Some(known) if known.beginning != body.hash => return Verdict::Recount,
            _ => {}
        }
        self.state.created = Some(created);
        self.state.writers = writers;
        self.state.heads = counted.heads;
        self.state.weight = Weight::of(begins.change);
        self.state.clock = body.clock;
        self.snapshot = Some(counted.snapshot);
        Verdict::Began(Box::new(counted.shown))
    }

    /// Whether a later generation is shown.
    fn is_superseded(&self, generation: u32) -> bool {
        self.state
            .created
            .is_some_and(|created| generation < created.generation)
    }

    /// What has to be so before anything that belongs to a generation is looked at: the document, in this log, and this
    /// generation of it.
    fn place(&self, body: &HeldBody) -> Result<Created, Verdict> {
        let Some(created) = self.state.created else {
            let begun_by_genesis = body.generation <= FIRST_GENERATION;
            let what = if begun_by_genesis {
                WaitFor::Genesis
            } else {
                WaitFor::Generation
            };
            return Err(waits(what));
        };
        if created.log != body.log {
            return Err(refused(Refusal::Object));
        }
        if body.generation < created.generation {
            return Err(Verdict::State(State::Covered));
        }
        if body.generation > created.generation {
            return Err(waits(WaitFor::Generation));
        }
        Ok(created)
    }

    fn change(&mut self, body: &HeldBody, change: &[u8], counter: &dyn Counter) -> Verdict {
        let created = match self.place(body) {
            Ok(created) => created,
            Err(verdict) => return verdict,
        };
        if self.state.frozen {
            return waits(WaitFor::Upgrade);
        }
        if self.state.stuck {
            return refused(Refusal::Together);
        }
        if !self.state.is_writer(body.hub) {
            return waits(WaitFor::Grant);
        }
        if !self.state.may_write(body.hub) {
            return waits(WaitFor::Consent);
        }
        let request = CountRequest {
            kind: created.kind,
            snapshot: self.snapshot.as_deref(),
            change,
            actor: document::actor(body.hub, body.epoch),
            seq: body.nth,
        };
        match counter.count(&request) {
            Ok(CountOutcome::Counted(counted)) => {
                let weight = self.state.weight.plus(Weight::of(change));
                if counted.stuck || weight.is_too_much() {
                    // Whichever of them came last: none of them counts.
                    return Verdict::Recount;
                }
                self.state.heads = counted.heads;
                self.state.weight = weight;
                self.state.clock = self.state.clock.max(body.clock);
                self.snapshot = Some(counted.snapshot);
                Verdict::Counted {
                    change: counted.hash,
                    now: Box::new(counted.shown),
                }
            }
            Ok(CountOutcome::Waiting(missing)) => {
                let first = missing.iter().min().copied().unwrap_or_default();
                waits(WaitFor::Change(first))
            }
            Ok(CountOutcome::Refused(refusal)) => refused(refusal),
            Err(unjudged) => Verdict::Unjudged(unjudged),
        }
    }

    fn grant(&mut self, body: &HeldBody, grant: &Grant) -> Verdict {
        let created = match self.place(body) {
            Ok(created) => created,
            Err(verdict) => return verdict,
        };
        let Some(writer) = HubId::from_slice(&grant.writer) else {
            return refused(Refusal::Body);
        };
        if body.hub != created.owner || writer == created.owner {
            return refused(Refusal::Writer);
        }
        if self.state.frozen {
            return waits(WaitFor::Upgrade);
        }
        if self.state.grants.len() >= MAX_WRITERS {
            let last = self.state.grants.last_key_value();
            return match last {
                Some((last, _)) if body.hash < *last => Verdict::Recount,
                _ => refused(Refusal::Limit(format!("{MAX_WRITERS} grants"))),
            };
        }
        self.state.grants.insert(body.hash, writer);
        Verdict::Writers(WaitFor::Grant)
    }

    fn consent(&mut self, body: &HeldBody, consent: Consent) -> Verdict {
        let Some(created) = self.state.created else {
            return waits(WaitFor::Genesis);
        };
        if created.log != body.log || body.generation != 0 {
            return refused(Refusal::Object);
        }
        if body.hub == created.owner {
            return refused(Refusal::Writer);
        }
        if self.state.frozen {
            return waits(WaitFor::Upgrade);
        }
        if !self.state.is_writer(body.hub) {
            return waits(WaitFor::Grant);
        }
        let said = Consented {
            counter: consent.counter,
            speaks: body.hash,
            agreed: consent.agreed,
            ever: consent.agreed,
        };
        let known = self.state.consents.entry(body.hub).or_insert(said);
        let ever = known.ever || said.ever;
        if (said.counter, said.speaks) > (known.counter, known.speaks) {
            *known = said;
        }
        known.ever = ever;
        Verdict::Writers(WaitFor::Consent)
    }

    /// A critical kind by the owner stops the whole object, whenever it comes; by anybody else it stops nothing.
    fn freeze(&mut self, body: &HeldBody, set: Set) -> Verdict {
        match self.state.created {
            None => waits(WaitFor::Genesis),
            Some(created) if created.owner == body.hub && !self.state.frozen => {
                if set == Set::Some {
                    return Verdict::Recount;
                }
                self.state.frozen = true;
                waits(WaitFor::Upgrade)
            }
            Some(_) => waits(WaitFor::Upgrade),
        }
    }
}
