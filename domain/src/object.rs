//! From held envelopes to a document: which of them count, and what the document says.
//!
//! [`Object::settle`] takes envelopes of one object in any order and gives each a [`State`]. What comes out is a
//! pure function of the set taken: an envelope that needs another one is parked under what it waits for and taken up
//! again when that arrives. Two events rewrite the past and are answered by [`Settled::Recount`], upon which the caller
//! starts from an empty state with all envelopes of the object: an earlier genesis, and a kind this version must not
//! ignore.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::body::{Content, Genesis, Tombstone};
use crate::document::{self, CountOutcome, CountRequest, Counter, Reading, Refusal, Unjudged};
use crate::envelope::Kind;
use crate::ids::{DocumentKind, Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId, ThingId};

/// The generation a genesis begins.
pub const FIRST_GENERATION: u32 = 1;

/// What an envelope waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WaitFor {
    /// The document's genesis.
    Genesis,
    /// The Automerge change with this hash.
    Change([u8; 32]),
    /// The owner's word that the signer may write.
    Grant,
    /// A newer version of this software.
    Upgrade,
}

/// What a held envelope is worth. Kept with its reason, recomputed by a rebuild.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Part of the document, or of the roster.
    Counted,
    /// It would count, once what it waits for is there.
    Waiting(WaitFor),
    /// Never part of the document. Relayed all the same.
    Refused(Refusal),
    /// Its body is erased, or its generation superseded.
    Covered,
    /// Beyond a fork, a theft or a removal.
    Void,
}

/// One held envelope that concerns an object.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldBody {
    /// The envelope.
    pub hash: HeaderHash,
    /// Its signer.
    pub hub: HubId,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its log id.
    pub log: LogId,
    /// Its kind.
    pub kind: Kind,
    /// Its generation.
    pub generation: u32,
    /// Which of its log's state-carrying envelopes (genesis, squash, change) of this object and generation it is, from
    /// 1, in log order; 0 for other kinds.
    pub nth: u64,
    /// Its hybrid clock.
    pub clock: u64,
    /// Whether it lies beyond a cut; see [`crate::cut::Cuts::is_void`].
    pub void: bool,
    /// What it says; `None` if the body could not be read.
    pub content: Option<Content>,
}

/// Where the envelopes of one object wait. Implemented over storage and, in tests, over a map.
pub trait WaitingRoom {
    /// An error of the storage below.
    type Error;
    /// Parks an envelope. Parking twice under one reason is parking once.
    fn park(&mut self, what: WaitFor, body: &HeldBody) -> Result<(), Self::Error>;
    /// Takes out everything parked under this reason.
    fn wake(&mut self, what: WaitFor) -> Result<Vec<HeldBody>, Self::Error>;
    /// Takes out everything parked for this object.
    fn wake_all(&mut self) -> Result<Vec<HeldBody>, Self::Error>;
}

/// Why envelopes were not settled. Nothing of what was computed until then is to be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettleError<E> {
    /// The storage below failed.
    #[error(transparent)]
    Room(E),
    /// A change could not be judged now: to be tried again.
    #[error(transparent)]
    Unjudged(Unjudged),
}

impl<E> From<E> for SettleError<E> {
    fn from(error: E) -> Self {
        Self::Room(error)
    }
}

/// What is known of one object apart from its snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectState {
    /// The object.
    pub object: ObjectId,
    /// What its genesis says, once one counts.
    pub created: Option<Created>,
    /// Heads of the counted changes, sorted.
    pub heads: Vec<[u8; 32]>,
    /// Changes counted.
    pub changes: u32,
    /// Largest hybrid clock among the counted envelopes.
    pub clock: u64,
    /// Everything up to this generation is erased.
    pub erased_through: Option<u32>,
    /// The merged document could not be saved or read: a bug of ours; the last good state is shown.
    pub stuck: bool,
    /// The owner used a kind this version must not ignore.
    pub frozen: bool,
}

/// What a counted genesis says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// The genesis.
    pub genesis: HeaderHash,
    /// Who made it, and owns the document.
    pub owner: HubId,
    /// The log it is in.
    pub log: LogId,
    /// What it is about.
    pub kind: DocumentKind,
    /// The thing.
    pub thing: ThingId,
    /// The generation shown.
    pub generation: u32,
}

/// The state and the saved document of one object, together.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// What is known of it.
    pub state: ObjectState,
    /// The saved document; `None` before the genesis counts and after erasure.
    pub snapshot: Option<Vec<u8>>,
}

/// What became of a set of envelopes.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// The states of the envelopes taken, and of those they woke.
    States {
        /// By envelope; a later entry replaces an earlier one.
        states: BTreeMap<HeaderHash, State>,
        /// What the document says now; `None` if it did not change.
        reading: Option<Reading>,
        /// A tombstone was taken: bodies and snapshot are to be deleted, and every envelope of the object up to
        /// `erased_through`, tombstones excepted, is [`State::Covered`].
        erased: bool,
    },
    /// The past changed: start again from [`Object::new`] with every envelope of the object.
    Recount,
}

impl Object {
    /// An object nothing is known of.
    pub fn new(object: ObjectId) -> Self {
        let state = ObjectState {
            object,
            created: None,
            heads: Vec::new(),
            changes: 0,
            clock: 0,
            erased_through: None,
            stuck: false,
            frozen: false,
        };
        Self { state, snapshot: None }
    }

    /// Whether a tombstone covers this generation.
    pub fn is_erased(&self, generation: u32) -> bool {
        self.state.erased_through.is_some_and(|through| generation <= through)
    }

    /// Whether there is a document to show.
    pub fn is_shown(&self) -> bool {
        self.snapshot.is_some() && !self.state.frozen
    }

    /// Takes envelopes, and those they wake, in whatever order they come.
    pub fn settle<W: WaitingRoom>(
        &mut self,
        network: NetworkId,
        bodies: Vec<HeldBody>,
        room: &mut W,
        counter: &dyn Counter,
    ) -> Result<Settled, SettleError<W::Error>> {
        let mut queue: VecDeque<HeldBody> = bodies.into();
        let mut states = BTreeMap::new();
        let mut reading = None;
        let mut erased = false;
        while let Some(body) = queue.pop_front() {
            let verdict = self.judge(network, &body, counter);
            let state = match verdict {
                Verdict::Recount => return Ok(Settled::Recount),
                Verdict::Unjudged(unjudged) => return Err(SettleError::Unjudged(unjudged)),
                Verdict::Erased => {
                    erased = true;
                    reading = None;
                    queue.extend(room.wake_all()?);
                    State::Counted
                }
                Verdict::Frozen => {
                    queue.extend(room.wake_all()?);
                    State::Waiting(WaitFor::Upgrade)
                }
                Verdict::Counted { change, now } => {
                    reading = Some(now);
                    self.state.clock = self.state.clock.max(body.clock);
                    queue.extend(room.wake(WaitFor::Change(change))?);
                    if body.kind == Kind::Genesis {
                        queue.extend(room.wake(WaitFor::Genesis)?);
                    }
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
        Ok(Settled::States {
            states,
            reading,
            erased,
        })
    }

    fn judge(&mut self, network: NetworkId, body: &HeldBody, counter: &dyn Counter) -> Verdict {
        if let (Kind::Tombstone, Some(Content::Tombstone(tombstone))) = (body.kind, &body.content) {
            return self.erase(network, body, tombstone);
        }
        if self.is_erased(body.generation) {
            return Verdict::State(State::Covered);
        }
        if body.void {
            return Verdict::State(State::Void);
        }
        match (body.kind, &body.content) {
            (Kind::Genesis, Some(Content::Genesis(genesis))) => self.create(network, body, genesis, counter),
            (Kind::Change, Some(Content::Change(change))) => self.change(body, &change.change, counter),
            (Kind::Unknown(_), _) if body.kind.is_critical() => self.freeze(body),
            (Kind::Unknown(_) | Kind::Grant | Kind::Consent | Kind::Squash, _) => {
                Verdict::State(State::Waiting(WaitFor::Upgrade))
            }
            _ => Verdict::State(State::Refused(Refusal::Body)),
        }
    }

    fn erase(&mut self, network: NetworkId, body: &HeldBody, tombstone: &Tombstone) -> Verdict {
        if check_tombstone(network, body.hub, self.state.object, tombstone).is_err() {
            return Verdict::State(State::Refused(Refusal::Object));
        }
        let through = self.state.erased_through.map_or(tombstone.through_generation, |known| {
            known.max(tombstone.through_generation)
        });
        self.state.erased_through = Some(through);
        let shown = self
            .state
            .created
            .map_or(FIRST_GENERATION, |created| created.generation);
        if self.is_erased(shown) {
            // The same as if the tombstone had come first: nothing of the document is known.
            self.snapshot = None;
            self.state.created = None;
            self.state.frozen = false;
            self.state.heads.clear();
            self.state.changes = 0;
            self.state.clock = 0;
            self.state.stuck = false;
        }
        Verdict::Erased
    }

    fn create(&mut self, network: NetworkId, body: &HeldBody, genesis: &Genesis, counter: &dyn Counter) -> Verdict {
        let refused = |refusal| Verdict::State(State::Refused(refusal));
        let (Some(thing), Ok(kind)) = (ThingId::from_slice(&genesis.thing), u8::try_from(genesis.kind)) else {
            return refused(Refusal::Body);
        };
        let kind = DocumentKind::from_code(kind);
        let may_create = match kind {
            DocumentKind::HubProfile => thing.0 == body.hub.0,
            DocumentKind::Event => thing.belongs_to(body.hub),
            DocumentKind::Other(_) => true,
        };
        let derived = ObjectId::derive(network, body.hub, body.log, kind, thing);
        if !may_create || derived != self.state.object || body.generation != FIRST_GENERATION {
            return refused(Refusal::Object);
        }
        let request = CountRequest {
            kind,
            snapshot: None,
            change: &genesis.change,
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
            Some(known) if known.genesis < body.hash => return refused(Refusal::Genesis),
            Some(known) if known.genesis > body.hash => return Verdict::Recount,
            _ => {}
        }
        let generation = FIRST_GENERATION;
        self.state.created = Some(Created {
            genesis: body.hash,
            owner: body.hub,
            log: body.log,
            kind,
            thing,
            generation,
        });
        self.state.heads = counted.heads;
        self.state.changes = 1;
        self.snapshot = Some(counted.snapshot);
        Verdict::Counted {
            change: counted.hash,
            now: counted.reading,
        }
    }

    fn change(&mut self, body: &HeldBody, change: &[u8], counter: &dyn Counter) -> Verdict {
        let (Some(created), Some(snapshot)) = (self.state.created, &self.snapshot) else {
            return Verdict::State(State::Waiting(WaitFor::Genesis));
        };
        if created.log != body.log {
            return Verdict::State(State::Refused(Refusal::Object));
        }
        if created.generation != body.generation {
            // A later generation needs its squash, which this version does not read yet.
            return Verdict::State(State::Waiting(WaitFor::Upgrade));
        }
        if created.owner != body.hub {
            return Verdict::State(State::Waiting(WaitFor::Grant));
        }
        if self.state.frozen {
            return Verdict::State(State::Waiting(WaitFor::Upgrade));
        }
        let request = CountRequest {
            kind: created.kind,
            snapshot: Some(snapshot),
            change,
            actor: document::actor(body.hub, body.epoch),
            seq: body.nth,
        };
        match counter.count(&request) {
            Ok(CountOutcome::Counted(counted)) => {
                self.state.heads = counted.heads;
                self.state.changes += 1;
                self.state.stuck |= counted.stuck;
                self.snapshot = Some(counted.snapshot);
                Verdict::Counted {
                    change: counted.hash,
                    now: counted.reading,
                }
            }
            Ok(CountOutcome::Waiting(missing)) => {
                let first = missing.iter().min().copied().unwrap_or_default();
                Verdict::State(State::Waiting(WaitFor::Change(first)))
            }
            Ok(CountOutcome::Refused(refusal)) => Verdict::State(State::Refused(refusal)),
            Err(unjudged) => Verdict::Unjudged(unjudged),
        }
    }

    /// A critical kind by the owner stops the whole object, whenever it comes; by anybody else it stops nothing.
    fn freeze(&mut self, body: &HeldBody) -> Verdict {
        let waits = Verdict::State(State::Waiting(WaitFor::Upgrade));
        match self.state.created {
            None => Verdict::State(State::Waiting(WaitFor::Genesis)),
            Some(created) if created.owner == body.hub && self.state.changes > 1 => Verdict::Recount,
            Some(created) if created.owner == body.hub => {
                self.state.frozen = true;
                Verdict::Frozen
            }
            Some(_) => waits,
        }
    }
}

enum Verdict {
    State(State),
    Counted { change: [u8; 32], now: Reading },
    Erased,
    Frozen,
    Recount,
    Unjudged(Unjudged),
}

/// Checks a tombstone standing alone: its object is made of what it says, and the owner (or, for a pair's log, either
/// hub of the pair) signed it.
pub fn check_tombstone(
    network: NetworkId,
    signer: HubId,
    object: ObjectId,
    tombstone: &Tombstone,
) -> Result<(), Refusal> {
    let (Some(thing), Some(owner), Some(log), Ok(kind)) = (
        ThingId::from_slice(&tombstone.thing),
        HubId::from_slice(&tombstone.owner),
        LogId::from_slice(&tombstone.log),
        u8::try_from(tombstone.kind),
    ) else {
        return Err(Refusal::Body);
    };
    let may_erase = signer == owner || LogId::pair(network, signer, owner) == log;
    if may_erase && ObjectId::derive(network, owner, log, DocumentKind::from_code(kind), thing) == object {
        Ok(())
    } else {
        Err(Refusal::Object)
    }
}

/// Everything about one object, computed from all its envelopes at once: what every order has to arrive at.
///
/// Bodies may come in any order and repeat. Used by a rebuild, and as the answer to [`Settled::Recount`].
pub fn recount<W: WaitingRoom>(
    network: NetworkId,
    object: ObjectId,
    mut bodies: Vec<HeldBody>,
    room: &mut W,
    counter: &dyn Counter,
) -> Result<(Object, BTreeMap<HeaderHash, State>, Option<Reading>), SettleError<W::Error>> {
    bodies.sort_by_key(|body| (order_of_kind(body.kind), body.hash));
    let mut seen = BTreeSet::new();
    bodies.retain(|body| seen.insert(body.hash));
    let mut out = Object::new(object);
    match out.settle(network, bodies, room, counter)? {
        Settled::States { states, reading, .. } => {
            let reading = reading.filter(|_| out.is_shown());
            Ok((out, states, reading))
        }
        // The smallest genesis comes first and a critical kind after it, so nothing rewrites the past here.
        Settled::Recount => Ok((out, BTreeMap::new(), None)),
    }
}

/// Tombstones, then geneses (the smallest hash first), then what freezes, then the rest.
const fn order_of_kind(kind: Kind) -> u8 {
    match kind {
        Kind::Tombstone => 0,
        Kind::Genesis => 1,
        Kind::Unknown(_) => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests;
