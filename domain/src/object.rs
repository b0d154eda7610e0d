//! From held envelopes to a document: which of them count, and what the document says.
//!
//! [`Object::settle`] takes envelopes of one object in any order and gives each a [`State`]. What comes out is a
//! pure function of the set taken: an envelope that needs another one is parked under what it waits for and taken up
//! again when that arrives. What rewrites the past is answered by [`Settled::Recount`], upon which the caller starts
//! from an empty state with all envelopes of the object: a beginning that beats the known one, a tombstone, a kind this
//! version must not ignore.
//!
//! A document is shown in one generation: the highest that has a **beginning** (the genesis begins generation 1, a
//! squash any later one) which counts, is not erased and not void. A beginning stands alone: its object's id is made of
//! what it says and its change has no dependencies, so it is judged without anything else. Of several beginnings of one
//! generation the smallest hash counts. Whatever belongs to an earlier generation is covered.
//!
//! The owner writes, and the **writers**: whom the beginning lists and whom the owner's grants add. A writer's changes
//! count once a consent of that hub that says yes is held. A consent that says no takes nothing back, because others
//! may have built on those changes and would wait for ever; it ends the hub's being shown as a host
//! ([`ObjectState::hosts`]), and its own node then no longer writes.

mod judge;
pub mod late;
mod room;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use crate::body::{Content, Tombstone};
use crate::document::{Counter, Refusal, Shown, Unjudged, Weight};
use crate::envelope::Kind;
use crate::ids::{DocumentKind, Epoch, HeaderHash, HubId, LogId, NetworkId, ObjectId, ThingId};
use room::InMemory;

/// The generation a genesis begins.
pub const FIRST_GENERATION: u32 = 1;
/// Most hubs that a beginning lists, and that grants add: each is a host under which the event is indexed, and a network
/// has some hundred hubs. A beginning that lists more is refused; of more grants those with the smallest hashes count.
pub const MAX_WRITERS: usize = 64;

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
    /// The signer's own word that it is a host.
    Consent,
    /// The beginning of its generation.
    Generation,
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

impl SettleError<Infallible> {
    /// The same over another room: this one cannot fail.
    fn within<E>(self) -> SettleError<E> {
        match self {
            Self::Room(never) => match never {},
            Self::Unjudged(unjudged) => SettleError::Unjudged(unjudged),
        }
    }
}

/// What one writer's consents come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consented {
    /// The highest counter held.
    pub counter: u32,
    /// The envelope that says it; of several with this counter the one with the largest hash.
    pub speaks: HeaderHash,
    /// What that one says: whether the hub is shown as a host.
    pub agreed: bool,
    /// Whether any of them says yes: then the hub's changes count.
    pub ever: bool,
}

/// What is known of one object apart from its snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectState {
    /// The object.
    pub object: ObjectId,
    /// What the beginning of the shown generation says, once one counts.
    pub created: Option<Created>,
    /// Writers besides the owner that the beginning lists, sorted.
    pub writers: Vec<HubId>,
    /// Writers that counted grants add, by grant.
    pub grants: BTreeMap<HeaderHash, HubId>,
    /// What the writers themselves say.
    pub consents: BTreeMap<HubId, Consented>,
    /// Heads of the counted changes, sorted.
    pub heads: Vec<[u8; 32]>,
    /// What the counted changes come to together.
    pub weight: Weight,
    /// Largest hybrid clock among the counted envelopes.
    pub clock: u64,
    /// Everything up to this generation is erased.
    pub erased_through: Option<u32>,
    /// The changes of this generation come to too much together ([`Weight::is_too_much`]), or could not be merged by a bug
    /// of ours. Then none of them counts, and the document says what its beginning says, until the owner's next one.
    pub stuck: bool,
    /// The owner used a kind this version must not ignore.
    pub frozen: bool,
}

/// What the beginning of a generation (a genesis, or a squash) says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// The envelope.
    pub beginning: HeaderHash,
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
        /// What the document says now; `None` if neither that nor its hosts changed.
        shown: Option<Box<Shown>>,
    },
    /// The past changed: start again from [`Object::new`] with every envelope of the object.
    Recount,
}

impl ObjectState {
    /// The generation shown; the first if nothing is.
    pub fn generation(&self) -> u32 {
        self.created.map_or(FIRST_GENERATION, |created| created.generation)
    }

    /// Whether a hub may write the shown generation once it consents; the owner always may.
    pub fn is_writer(&self, hub: HubId) -> bool {
        self.created.is_some_and(|created| created.owner == hub)
            || self.writers.binary_search(&hub).is_ok()
            || self.grants.values().any(|granted| *granted == hub)
    }

    /// Writers besides the owner, sorted.
    pub fn co_writers(&self) -> BTreeSet<HubId> {
        self.writers.iter().chain(self.grants.values()).copied().collect()
    }

    /// Writers besides the owner whose last word is not no: those whom a new beginning lists.
    pub fn remaining_writers(&self) -> Vec<HubId> {
        let said_no = |hub: &HubId| self.consents.get(hub).is_some_and(|said| !said.agreed);
        self.co_writers().into_iter().filter(|hub| !said_no(hub)).collect()
    }

    /// Whether a hub's changes to the shown generation count.
    pub fn may_write(&self, hub: HubId) -> bool {
        let owner = self.created.is_some_and(|created| created.owner == hub);
        owner || (self.is_writer(hub) && self.consents.get(&hub).is_some_and(|consent| consent.ever))
    }

    /// Whether a hub is a host by its own last word; the owner always is.
    pub fn is_host(&self, hub: HubId) -> bool {
        let owner = self.created.is_some_and(|created| created.owner == hub);
        owner || (self.is_writer(hub) && self.consents.get(&hub).is_some_and(|consent| consent.agreed))
    }

    /// Who was asked to be a host and has said neither yes nor no, sorted.
    pub fn invited(&self) -> Vec<HubId> {
        let writers = self.co_writers().into_iter();
        writers.filter(|hub| !self.consents.contains_key(hub)).collect()
    }

    /// Who is shown as host: the owner, then the writers whose last word is yes, sorted.
    pub fn hosts(&self) -> Vec<HubId> {
        let owner = self.created.map(|created| created.owner);
        let others = self.co_writers().into_iter().filter(|hub| self.is_host(*hub));
        owner.into_iter().chain(others).collect()
    }
}

impl Object {
    /// An object nothing is known of.
    pub fn new(object: ObjectId) -> Self {
        let state = ObjectState {
            object,
            created: None,
            writers: Vec::new(),
            grants: BTreeMap::new(),
            consents: BTreeMap::new(),
            heads: Vec::new(),
            weight: Weight::default(),
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
        self.take(network, bodies, room, counter, judge::Set::Some)
    }
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
/// Bodies may come in any order and repeat. Used by a rebuild, and as the answer to [`Settled::Recount`]. `room` is empty.
pub fn recount<W: WaitingRoom>(
    network: NetworkId,
    object: ObjectId,
    mut bodies: Vec<HeldBody>,
    room: &mut W,
    counter: &dyn Counter,
) -> Result<(Object, BTreeMap<HeaderHash, State>, Option<Box<Shown>>), SettleError<W::Error>> {
    bodies.sort_by_key(|body| (judge::order_of_kind(body.kind), u32::MAX - body.generation, body.hash));
    let mut seen = BTreeSet::new();
    bodies.retain(|body| seen.insert(body.hash));
    // Whether all changes together are too much is known only once they are counted: then once more, without them.
    for stuck in [false, true] {
        let mut out = Object::new(object);
        out.state.stuck = stuck;
        let mut waiting = InMemory::default();
        let settled = out.take(network, bodies.clone(), &mut waiting, counter, judge::Set::All);
        match settled.map_err(SettleError::within)? {
            Settled::States { states, shown } => {
                waiting.move_to(room)?;
                let shown = shown.filter(|_| out.is_shown());
                return Ok((out, states, shown));
            }
            // Tombstones come first, then the beginning that counts, then what freezes: nothing else rewrites the past.
            Settled::Recount => {}
        }
    }
    Ok((Object::new(object), BTreeMap::new(), None))
}

#[cfg(test)]
mod tests;
