//! A hub's own edits that the document leaves out, so that none is lost silently.
//!
//! A squash leaves out what its author did not hold, a fork voids what lies beyond it. Whoever made such an edit finds it
//! here, with what it altered, and says it again as one new change; nobody else does. What this finds is a pure function
//! of the envelopes held.

use std::collections::{BTreeMap, BTreeSet};

use super::room::InMemory;
use super::{HeldBody, ObjectState, SettleError, State, judge, recount};
use crate::body::{Content, Squash};
use crate::document::{Counter, Reading, Unjudged, read_at, read_saved};
use crate::envelope::Kind;
use crate::event::Event;
use crate::ids::{DocumentKind, HeaderHash, HubId, NetworkId, ObjectId};
use crate::scan::scan;

/// Hash of an Automerge change.
type ChangeHash = [u8; 32];

/// An own edit that the document leaves out.
#[derive(Debug, Clone, PartialEq)]
pub struct LateEdit {
    /// The envelope.
    pub hash: HeaderHash,
    /// Its hybrid clock.
    pub clock: u64,
    /// What the event said to its author.
    pub before: Box<Event>,
    /// What the edit made of it.
    pub after: Box<Event>,
    /// Fields that squashes since have withdrawn: what it altered there is not said again.
    pub withdrawn: BTreeSet<String>,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Late {
    /// In the order in which they were made.
    pub edits: Vec<LateEdit>,
    /// Whether their author is a host now and every squash since lists it: then it says them again by itself. Who was
    /// taken away and asked again later decides itself.
    pub may_take_over: bool,
}

/// An own document whose very beginning is void.
#[derive(Debug, Clone, PartialEq)]
pub struct LostDocument {
    /// What it said, all own changes included.
    pub reading: Reading,
    /// The own envelopes that said so.
    pub hashes: Vec<HeaderHash>,
}

/// What [`late`] and [`lost`] are asked about.
pub struct Question<'a> {
    /// The network.
    pub network: NetworkId,
    /// The document.
    pub object: ObjectId,
    /// Who asks.
    pub own: HubId,
    /// Everything held of the document whose body is there.
    pub bodies: &'a [HeldBody],
    /// Own envelopes that are void because of a fork; what is void for another reason is not said again.
    pub forked: &'a BTreeSet<HeaderHash>,
    /// Judges changes of generations that are not shown any more.
    pub counter: &'a dyn Counter,
}

/// The changes of a document and what each builds on; a squash builds on the heads it includes.
struct Graph {
    below: BTreeMap<ChangeHash, Vec<ChangeHash>>,
    of: BTreeMap<HeaderHash, ChangeHash>,
}

fn change_of(body: &HeldBody) -> Option<&[u8]> {
    match body.content.as_ref()? {
        Content::Genesis(genesis) => Some(&genesis.change),
        Content::Squash(squash) => Some(&squash.change),
        Content::Change(change) => Some(&change.change),
        _ => None,
    }
}

fn heads_of(squash: &Squash) -> Vec<ChangeHash> {
    let heads = squash.heads.iter();
    heads.filter_map(|head| head.as_slice().try_into().ok()).collect()
}

impl Graph {
    fn of(bodies: &[HeldBody]) -> Self {
        let mut graph = Self {
            below: BTreeMap::new(),
            of: BTreeMap::new(),
        };
        for body in bodies {
            let Some(Ok(scanned)) = change_of(body).map(scan) else {
                continue;
            };
            let mut below = scanned.dependencies;
            if let Some(Content::Squash(squash)) = &body.content {
                below.extend(heads_of(squash));
            }
            graph.below.insert(scanned.hash, below);
            graph.of.insert(body.hash, scanned.hash);
        }
        graph
    }

    /// These changes and everything below them.
    fn closure(&self, from: impl IntoIterator<Item = ChangeHash>) -> BTreeSet<ChangeHash> {
        let mut open: Vec<ChangeHash> = from.into_iter().collect();
        let mut closed = BTreeSet::new();
        while let Some(next) = open.pop() {
            if closed.insert(next) {
                open.extend(self.below.get(&next).into_iter().flatten());
            }
        }
        closed
    }
}

/// Own envelopes that a later own one says again. What a fork made void is said again itself; what is void for another reason is
/// as if it had not been said, and what it said again still has to be.
fn replaced(question: &Question<'_>) -> BTreeSet<HeaderHash> {
    let stands = |body: &&HeldBody| !body.void || question.forked.contains(&body.hash);
    let own = question
        .bodies
        .iter()
        .filter(|body| body.hub == question.own)
        .filter(stands);
    let named = own.flat_map(|body| match &body.content {
        Some(Content::Change(change)) => change.replaces.as_slice(),
        Some(Content::Genesis(genesis)) => genesis.replaces.as_slice(),
        _ => &[],
    });
    named.filter_map(|hash| HeaderHash::from_slice(hash)).collect()
}

/// The own edits that the document, as it is counted now, leaves out and will never take by itself. Only of events.
pub fn late(question: &Question<'_>, state: &ObjectState) -> Result<Late, Unjudged> {
    let Some(created) = state.created.filter(|created| created.kind == DocumentKind::Event) else {
        return Ok(Late::default());
    };
    let graph = Graph::of(question.bodies);
    let included = graph.closure(state.heads.iter().copied());
    let replaced = replaced(question);
    let dead = dead_ends(question, state, &graph);
    // Written when it was a host, by what became void since: nothing else lets a node write.
    let may_write = state.may_write(question.own);
    let unasked = |body: &HeldBody| body.generation == created.generation && !may_write;
    let is_late = |body: &&HeldBody| {
        let Some(change) = graph.of.get(&body.hash) else {
            return false;
        };
        let left_behind = body.generation < created.generation;
        let forked = question.forked.contains(&body.hash);
        let on_a_dead_end = body.generation >= created.generation && !dead.is_disjoint(&graph.closure([*change]));
        body.kind == Kind::Change
            && body.hub == question.own
            && !included.contains(change)
            && !replaced.contains(&body.hash)
            && (forked || (!body.void && (left_behind || on_a_dead_end || unasked(body))))
    };
    let mut found: Vec<&HeldBody> = question.bodies.iter().filter(is_late).collect();
    found.sort_by_key(|body| (body.clock, body.hash));
    let squashes: Vec<(u32, &Squash)> = question
        .bodies
        .iter()
        .filter(|body| graph.of.get(&body.hash).is_some_and(|change| included.contains(change)))
        .filter_map(|body| match &body.content {
            Some(Content::Squash(squash)) => Some((body.generation, squash)),
            _ => None,
        })
        .collect();
    let mut out = Late {
        edits: Vec::new(),
        may_take_over: state.is_host(question.own),
    };
    for body in found {
        let Some((before, after)) = altered(question, &graph, body)? else {
            continue;
        };
        let mut withdrawn = BTreeSet::new();
        for (generation, squash) in &squashes {
            if *generation > body.generation {
                withdrawn.extend(squash.withdrawn.iter().cloned());
                let listed = squash.writers.iter().any(|hub| *hub == question.own.0);
                out.may_take_over &= listed || created.owner == question.own;
            }
        }
        out.edits.push(LateEdit {
            hash: body.hash,
            clock: body.clock,
            before,
            after,
            withdrawn,
        });
    }
    Ok(out)
}

/// The own edits that did not go on when what the document says was taken to another log from these heads. Nobody says them
/// again: the owner alone decides who hosts what is there.
pub fn left_behind(question: &Question<'_>, heads: &[Vec<u8>], through: u32) -> Result<Late, Unjudged> {
    let graph = Graph::of(question.bodies);
    let heads = heads.iter().filter_map(|head| head.as_slice().try_into().ok());
    let included = graph.closure(heads);
    let replaced = replaced(question);
    let is_late = |body: &&HeldBody| {
        let change = graph.of.get(&body.hash);
        body.kind == Kind::Change
            && body.generation <= through
            && body.hub == question.own
            && !body.void
            && !replaced.contains(&body.hash)
            && change.is_some_and(|change| !included.contains(change))
    };
    let mut found: Vec<&HeldBody> = question.bodies.iter().filter(is_late).collect();
    found.sort_by_key(|body| (body.clock, body.hash));
    let since = question.bodies.iter().filter(|body| body.generation > through);
    let withdrawn: BTreeSet<String> = since
        .filter_map(|body| match &body.content {
            Some(Content::Squash(squash)) => Some(&squash.withdrawn),
            _ => None,
        })
        .flatten()
        .cloned()
        .collect();
    let mut late = Late::default();
    for body in found {
        late.edits
            .extend(altered(question, &graph, body)?.map(|(before, after)| LateEdit {
                hash: body.hash,
                clock: body.clock,
                before,
                after,
                withdrawn: withdrawn.clone(),
            }));
    }
    Ok(late)
}

/// Changes of the generation shown that never count: what is void, and beginnings that lost. A later generation is one whole:
/// it would be shown if its beginning counted.
fn dead_ends(question: &Question<'_>, state: &ObjectState, graph: &Graph) -> BTreeSet<ChangeHash> {
    let Some(created) = state.created else {
        return BTreeSet::new();
    };
    let of_this_generation = question
        .bodies
        .iter()
        .filter(|body| body.generation >= created.generation);
    let dead = of_this_generation.filter(|body| {
        let begins = matches!(body.kind, Kind::Genesis | Kind::Squash);
        body.void || (begins && body.hash != created.beginning)
    });
    dead.filter_map(|body| graph.of.get(&body.hash).copied()).collect()
}

/// What an edit altered: the event at what it builds on, and with it. `None` while something below it is missing.
fn altered(
    question: &Question<'_>,
    graph: &Graph,
    late: &HeldBody,
) -> Result<Option<(Box<Event>, Box<Event>)>, Unjudged> {
    let Some(change) = graph.of.get(&late.hash) else {
        return Ok(None);
    };
    let Some(saved) = generation_below(question, graph, late.generation, *change)? else {
        return Ok(None);
    };
    let below = graph.below.get(change).cloned().unwrap_or_default();
    let at = |heads: &[ChangeHash]| match read_at(&saved, heads, DocumentKind::Event) {
        Ok(Reading::Event(event)) => Some(event),
        _ => None,
    };
    Ok(at(&below).zip(at(&[*change])))
}

/// The saved document of everything below a change in its own generation, whatever became of it since.
fn generation_below(
    question: &Question<'_>,
    graph: &Graph,
    generation: u32,
    change: ChangeHash,
) -> Result<Option<Vec<u8>>, Unjudged> {
    let below = graph.closure([change]);
    let needed = question.bodies.iter().filter(|body| match body.kind {
        Kind::Genesis | Kind::Squash | Kind::Change => {
            body.generation == generation && graph.of.get(&body.hash).is_some_and(|hash| below.contains(hash))
        }
        Kind::Grant => body.generation == generation,
        Kind::Consent => true,
        _ => false,
    });
    let bodies: Vec<HeldBody> = needed
        .map(|body| HeldBody {
            void: false,
            ..body.clone()
        })
        .collect();
    let counted = recount(
        question.network,
        question.object,
        bodies,
        &mut InMemory::default(),
        question.counter,
    );
    let (known, states, _) = match counted {
        Ok(counted) => counted,
        Err(SettleError::Unjudged(unjudged)) => return Err(unjudged),
        Err(SettleError::Room(never)) => match never {},
    };
    let late = graph
        .of
        .iter()
        .find(|(_, hash)| **hash == change)
        .map(|(hash, _)| *hash);
    let counts = late.is_some_and(|late| states.get(&late) == Some(&State::Counted));
    Ok(known.snapshot.filter(|_| counts))
}

/// An own event whose genesis is void because of a fork, if nothing of it counts and it was not said again.
pub fn lost(question: &Question<'_>, state: &ObjectState) -> Result<Option<LostDocument>, Unjudged> {
    if state.created.is_some() || state.erased_through.is_some() {
        return Ok(None);
    }
    let own: Vec<&HeldBody> = question
        .bodies
        .iter()
        .filter(|body| body.hub == question.own && question.forked.contains(&body.hash))
        .collect();
    let genesis = own.iter().find_map(|body| match &body.content {
        Some(Content::Genesis(genesis)) => {
            judge::identity(question.network, question.object, body, genesis.kind, &genesis.thing).ok()
        }
        _ => None,
    });
    let Some(created) = genesis.filter(|created| created.kind == DocumentKind::Event) else {
        return Ok(None);
    };
    let bodies = question.bodies.iter().map(|body| HeldBody {
        void: false,
        ..body.clone()
    });
    let counted = recount(
        question.network,
        question.object,
        bodies.collect(),
        &mut InMemory::default(),
        question.counter,
    );
    let known = match counted {
        Ok((known, ..)) => known,
        Err(SettleError::Unjudged(unjudged)) => return Err(unjudged),
        Err(SettleError::Room(never)) => match never {},
    };
    let reading = known.snapshot.and_then(|saved| read_saved(&saved, created.kind).ok());
    Ok(reading.map(|reading| LostDocument {
        reading,
        hashes: own.iter().map(|body| body.hash).collect(),
    }))
}
