//! Automerge behind types of our own: make a change, judge a foreign one, read what a document says.
//!
//! A document is loaded, changed, saved and dropped; none stays in memory. [`count`] is the one function that gives
//! foreign bytes to Automerge. It is pure, so that it can run in another process: see [`Counter`].

mod answer;
mod bytes;
mod conflict;
mod details;
mod event;
mod fields;
mod fresh;
mod history;
mod member;
mod operations;
pub mod patch;
mod profile;
mod size;
mod tree;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Change, ChangeHash, ObjId, ObjType, Prop, ROOT, ReadDoc, Value, ValueRef};
use serde::{Deserialize, Serialize};

pub use answer::check_outcome;
pub use conflict::{Concurrent, Conflict};
pub use history::last_edit;

use crate::event::Event;
use crate::ids::{DocumentKind, Epoch, HubId};
use crate::member::Member;
use crate::profile::HubProfile;
use crate::scan::{self, ACTOR_LEN, MAX_EXTRA_ROWS, MAX_OPERATION_NUMBER, MAX_OPERATIONS};

/// Most changes in one generation of a document.
pub const MAX_CHANGES: usize = 2_000;
/// Largest saved document in bytes.
pub const MAX_SAVED: usize = 256 * 1024;
/// Largest document when it is unpacked: texts that repeat themselves pack a thousand to one.
pub const MAX_UNPACKED: usize = 4 * 1024 * 1024;
/// Most operations in one generation of a document, those that delete included. What Automerge does for each costs time
/// and memory however well they pack: a document of four times as many takes a second to judge, and 100 MB.
pub const MAX_DOCUMENT_OPERATIONS: u64 = 1 << 18;
/// What concurrent changes, each within the limits by itself, may come to together: so many times as much.
const MERGED: u64 = 4;
/// Largest saved document of concurrent changes. Whatever stays within [`Weight::is_too_much`] is far below it.
pub const MAX_MERGED: usize = 4 * 1024 * 1024;
/// Most values at one place that nobody has chosen between. Whoever sets such a place replaces all of them, in one
/// operation with as many predecessors: far fewer than a change may have too many.
pub const MAX_VALUES: usize = 256;
/// Deepest nesting of maps and lists in a document.
pub const MAX_NESTING: usize = 16;

/// What the counted changes of a generation come to together: sums over the set of them, so that every node that holds
/// the same arrives at the same, in whatever order they came. The size of a saved document would not do: it depends on
/// the order in which changes were merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Weight {
    /// Changes, the beginning included.
    pub changes: u64,
    /// Rows of their longest columns: operations, or what they replace.
    pub rows: u64,
    /// Bytes of their columns.
    pub content: u64,
}

impl Weight {
    /// Of one change, by the scan; nothing for one that the scan refuses.
    pub fn of(change: &[u8]) -> Self {
        scan::scan(change).map_or_else(
            |_| Self::default(),
            |scanned| Self {
                changes: 1,
                rows: scanned.rows,
                content: scanned.content,
            },
        )
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            changes: self.changes.saturating_add(other.changes),
            rows: self.rows.saturating_add(other.rows),
            content: self.content.saturating_add(other.content),
        }
    }

    /// Whether this is more than a document may be made of: four times what one line of changes may come to.
    pub const fn is_too_much(self) -> bool {
        self.exceeds(MERGED, 1)
    }

    /// Whether this comes to three quarters of that: time for a new generation.
    pub const fn is_much(self) -> bool {
        self.exceeds(MERGED * 3, 4)
    }

    const fn exceeds(self, times: u64, of: u64) -> bool {
        self.changes > MAX_CHANGES as u64 * times / of
            || self.rows > MAX_DOCUMENT_OPERATIONS * times / of
            || self.content > MAX_SAVED as u64 * times / of
    }
}

/// The actor id of a hub's changes in one epoch.
pub fn actor(hub: HubId, epoch: Epoch) -> [u8; ACTOR_LEN] {
    let mut out = [0; ACTOR_LEN];
    out[..16].copy_from_slice(&hub.0);
    out[16..].copy_from_slice(&epoch.0.to_be_bytes());
    out
}

/// What a document says, by its kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reading {
    /// An event.
    Event(Box<Event>),
    /// A hub's own page.
    HubProfile(HubProfile),
    /// A member, as the record or the card has them.
    Member(Box<Member>),
    /// A kind this version does not read.
    Unread,
}

/// What a document says, and where it says several things at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// What it says.
    pub reading: Reading,
    /// Fields that hubs gave different values at the same time.
    pub conflicts: Vec<Conflict>,
}

/// A change this node made itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The change chunk, for the envelope's body.
    pub change: Vec<u8>,
    /// Its hash.
    pub hash: [u8; 32],
}

/// An own edit that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The stored document does not load: our bug or a damaged disk.
    #[error("the stored document cannot be opened ({0}); run `interhubd rebuild`")]
    Load(String),
    /// Automerge refused an operation.
    #[error("the document cannot be changed: {0}")]
    Change(String),
}

impl From<automerge::AutomergeError> for EditError {
    fn from(error: automerge::AutomergeError) -> Self {
        Self::Change(error.to_string())
    }
}

/// Makes the change that turns a document (or nothing) into one that reads as `reading`, touching only what differs.
/// `None`: nothing differs.
pub fn edit(snapshot: Option<&[u8]>, actor: [u8; ACTOR_LEN], reading: &Reading) -> Result<Option<Made>, EditError> {
    let mut doc = match snapshot {
        Some(bytes) => load(bytes)?,
        None => AutoCommit::new(),
    };
    doc.set_actor(ActorId::from(&actor[..]));
    match reading {
        Reading::Event(event) if snapshot.is_none() => {
            let root = fresh::event(event, doc.text_encoding());
            doc.init_root_from_hydrate(&root)?;
        }
        Reading::Member(member) if snapshot.is_none() => {
            let root = fresh::member(member, doc.text_encoding());
            doc.init_root_from_hydrate(&root)?;
        }
        other => write(&mut doc, other)?,
    }
    commit(&mut doc)
}

/// Makes the first change of a new generation: everything a document says now, fields this version does not know
/// included, without history and without the fields of these names.
pub fn squash(
    snapshot: &[u8],
    actor: [u8; ACTOR_LEN],
    kind: DocumentKind,
    withdrawn: &[String],
) -> Result<Option<Made>, EditError> {
    let mut old = load(snapshot)?;
    let mut reading = read(&old, kind);
    if let Reading::Event(event) = &mut reading {
        patch::withdraw(event, withdrawn);
    }
    // Before the new generation begins: what is written into that and taken away again would still be in its bytes.
    write(&mut old, &reading)?;
    let mut doc = AutoCommit::new();
    doc.set_actor(ActorId::from(&actor[..]));
    tree::Node::of_document(&old).fill(&mut doc, &ROOT)?;
    // What a reading settles (a cancellation beside other statuses, dates that two hubs changed, maps that several made) is
    // settled in the new generation too.
    write(&mut doc, &reading)?;
    commit(&mut doc)
}

/// How a person settles a conflict.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// One of the concurrent values, as listed.
    Value(String),
    /// Another value: the event as who chose saw it, and with this value in the field.
    Other {
        /// As it was.
        before: Box<Event>,
        /// As it is to be.
        after: Box<Event>,
    },
}

/// Makes the change that leaves one value in a field. `None`: the field has no conflict, or not this value.
pub fn resolve(
    snapshot: &[u8],
    actor: [u8; ACTOR_LEN],
    field: &str,
    choice: &Choice,
    updated_ms: i64,
) -> Result<Option<Made>, EditError> {
    let mut doc = load(snapshot)?;
    doc.set_actor(ActorId::from(&actor[..]));
    let event = match choice {
        Choice::Value(value) => {
            if !conflict::choose(&mut doc, field, value)? {
                return Ok(None);
            }
            event::read(&doc)
        }
        Choice::Other { before, after } => {
            if !conflict::clear(&mut doc, field)? {
                return Ok(None);
            }
            patch::carry_over(before, after, &event::read(&doc), &BTreeSet::new())
        }
    };
    let updated_ms = updated_ms.max(event.updated_ms.saturating_add(1));
    let event = Event { updated_ms, ..event };
    event::write(&mut doc, &event)?;
    commit(&mut doc)
}

/// What a document said at these changes of its history: what they and all below them say.
pub fn read_at(snapshot: &[u8], heads: &[[u8; 32]], kind: DocumentKind) -> Result<Reading, EditError> {
    let mut doc = load(snapshot)?;
    let heads: Vec<ChangeHash> = heads.iter().copied().map(ChangeHash).collect();
    Ok(read(&doc.fork_at(&heads)?, kind))
}

/// How many changes of this actor a document has.
pub fn changes_by(snapshot: &[u8], actor: [u8; ACTOR_LEN]) -> Result<u64, EditError> {
    let mut doc = load(snapshot)?;
    let actor = ActorId::from(&actor[..]);
    let by_actor = doc
        .get_changes_meta(&[])
        .into_iter()
        .filter(|meta| *meta.actor == actor);
    Ok(by_actor.map(|meta| meta.seq).max().unwrap_or(0))
}

fn load(snapshot: &[u8]) -> Result<AutoCommit, EditError> {
    AutoCommit::load(snapshot).map_err(|error| EditError::Load(error.to_string()))
}

fn write(doc: &mut AutoCommit, reading: &Reading) -> Result<(), EditError> {
    match reading {
        Reading::Event(event) => Ok(event::write(doc, event)?),
        Reading::HubProfile(profile) => Ok(profile::write(doc, profile)?),
        Reading::Member(member) => Ok(member::write(doc, member)?),
        Reading::Unread => Ok(()),
    }
}

fn commit(doc: &mut AutoCommit) -> Result<Option<Made>, EditError> {
    if doc.commit_with(CommitOptions::default().with_time(0)).is_none() {
        return Ok(None);
    }
    let change = doc
        .get_last_local_change()
        .ok_or_else(|| EditError::Change("the change was lost".into()))?;
    Ok(Some(Made {
        hash: change.hash().0,
        change: change.raw_bytes().to_vec(),
    }))
}

/// One change to be judged, and the document as counted so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountRequest<'a> {
    /// What the document is about.
    pub kind: DocumentKind,
    /// The saved document of all changes counted so far; `None` before the genesis counts.
    #[serde(borrow)]
    pub snapshot: Option<&'a [u8]>,
    /// The change chunk.
    pub change: &'a [u8],
    /// The actor it has to have: the signer's hub and epoch.
    pub actor: [u8; ACTOR_LEN],
    /// The sequence number it has to have.
    pub seq: u64,
}

/// Why a change never counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    /// Refused by the scan, before Automerge saw it.
    #[error("{0}")]
    Scan(String),
    /// Its actor is not the signer's hub and epoch.
    #[error("its actor is not its signer")]
    Actor,
    /// Its sequence number does not follow.
    #[error("its sequence number does not follow the author's last change to this document")]
    Sequence,
    /// Its first operation number does not follow from its dependencies.
    #[error("its first operation number does not follow from its dependencies")]
    StartOperation,
    /// Automerge refuses it, or panics on it.
    #[error("it cannot be applied")]
    Apply,
    /// The document made of its dependencies and itself does not save and load again.
    #[error("the document does not survive saving")]
    Save,
    /// Over a limit.
    #[error("over the limit of {0}")]
    Limit(String),
    /// The document does not say what its kind must say.
    #[error("the document does not fit its kind: {0}")]
    Schema(String),
    /// A genesis with dependencies, or a second creation.
    #[error("a document is created by a change without dependencies")]
    Genesis,
    /// The signer may not write this document.
    #[error("its author may not write this document")]
    Writer,
    /// The body cannot be read, or does not match the header's kind.
    #[error("its body cannot be read")]
    Body,
    /// The object id is not made of what the genesis or tombstone says.
    #[error("its object id is not its own")]
    Object,
    /// Whoever judges it dies of it, again and again.
    #[error("it cannot be judged within the memory, stack and time of one change")]
    Deadly,
    /// Another beginning of the same generation has the smaller hash.
    #[error("another beginning of this generation counts")]
    Beginning,
    /// The changes of this generation come to more together than a document may be made of.
    #[error("the changes to this document are too much together; none counts until its owner begins a new generation")]
    Together,
    /// Its kind belongs elsewhere: an `open` that is not the first of its log, a statement in another log than the
    /// registry's, either of them with a document in its header.
    #[error("its kind has no place there")]
    Place,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CountOutcome {
    /// Part of the document.
    Counted(Box<Counted>),
    /// It builds on changes that do not count yet: their hashes.
    Waiting(Vec<[u8; 32]>),
    /// Never part of the document.
    Refused(Refusal),
}

/// A document after a change was counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// The change's hash.
    pub hash: [u8; 32],
    /// The saved document.
    #[serde(with = "bytes")]
    pub snapshot: Vec<u8>,
    /// Its heads, sorted.
    pub heads: Vec<[u8; 32]>,
    /// What it says now.
    pub shown: Shown,
    /// The merged document could not be saved or read again: our bug, not the author's. `snapshot` is then what it was
    /// before.
    pub stuck: bool,
}

/// A change could not be judged now, for a reason that is not in the change. Nothing follows from it; it is to be tried
/// again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a change cannot be judged now; it is tried again")]
pub struct Unjudged;

/// The seam behind which foreign changes are applied: in this process, or in a child that may die.
pub trait Counter: Send + Sync {
    /// Judges one change. Pure: whenever there is an outcome, it is that of [`count`] with the same request, or
    /// [`Refusal::Deadly`] where `count` would never come to one.
    fn count(&self, request: &CountRequest<'_>) -> Result<CountOutcome, Unjudged>;
}

/// Counts in the calling process, with panics caught: for this node's own changes, and for simulation.
#[derive(Debug, Clone, Copy, Default)]
pub struct InProcessCounter;

impl Counter for InProcessCounter {
    fn count(&self, request: &CountRequest<'_>) -> Result<CountOutcome, Unjudged> {
        Ok(count(request))
    }
}

/// Judges one change: a pure function of the request. What else the node holds plays no part in it.
pub fn count(request: &CountRequest<'_>) -> CountOutcome {
    match catch_unwind(AssertUnwindSafe(|| count_inner(request))) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(refusal)) => CountOutcome::Refused(refusal),
        Err(_) => CountOutcome::Refused(Refusal::Apply),
    }
}

fn count_inner(request: &CountRequest<'_>) -> Result<CountOutcome, Refusal> {
    let scanned = scan::scan(request.change).map_err(|error| Refusal::Scan(error.to_string()))?;
    if scanned.actor != request.actor {
        return Err(Refusal::Actor);
    }
    if scanned.seq != request.seq {
        return Err(Refusal::Sequence);
    }
    let mut doc = match request.snapshot {
        Some(bytes) => AutoCommit::load(bytes).map_err(|_| Refusal::Save)?,
        None if scanned.dependencies.is_empty() => AutoCommit::new(),
        None => return Err(Refusal::Genesis),
    };
    let dependencies: Vec<ChangeHash> = scanned.dependencies.iter().copied().map(ChangeHash).collect();
    let missing: Vec<[u8; 32]> = dependencies
        .iter()
        .filter(|hash| doc.get_change_meta_by_hash(hash).is_none())
        .map(|hash| hash.0)
        .collect();
    if !missing.is_empty() {
        return Ok(CountOutcome::Waiting(missing));
    }
    if request.snapshot.is_some() && dependencies.is_empty() {
        return Err(Refusal::Genesis);
    }
    let change = Change::from_bytes(request.change.to_vec()).map_err(|_| Refusal::Apply)?;
    let operations = change.len() as u64;
    if operations > MAX_OPERATIONS {
        return Err(Refusal::Limit(format!("{MAX_OPERATIONS} operations a change")));
    }
    if scanned.rows > operations + MAX_EXTRA_ROWS {
        return Err(Refusal::Limit(format!("{MAX_EXTRA_ROWS} predecessors too many")));
    }

    // The document made of its own dependencies and itself decides.
    let mut heads = doc.get_heads();
    heads.sort_unstable();
    let mut sorted = dependencies.clone();
    sorted.sort_unstable();
    let on_top = heads == sorted;
    let mut apart = if on_top {
        None
    } else {
        Some(doc.fork_at(&dependencies).map_err(|_| Refusal::Apply)?)
    };
    let own = apart.as_mut().unwrap_or(&mut doc);
    let (changes, max_op, before) = {
        let known = own.get_changes_meta(&[]);
        let sizes = known.iter().map(|meta| (meta.max_op + 1).saturating_sub(meta.start_op));
        let max_op = known.iter().map(|meta| meta.max_op).max().unwrap_or(0);
        (known.len(), max_op, sizes.fold(0u64, u64::saturating_add))
    };
    if changes >= MAX_CHANGES {
        return Err(Refusal::Limit(format!("{MAX_CHANGES} changes a document")));
    }
    if scanned.start_op != max_op + 1 || scanned.start_op + operations >= MAX_OPERATION_NUMBER {
        return Err(Refusal::StartOperation);
    }
    if before.saturating_add(operations) > MAX_DOCUMENT_OPERATIONS {
        return Err(Refusal::Limit(format!(
            "{MAX_DOCUMENT_OPERATIONS} operations a document"
        )));
    }
    operations::check(&change.decode(), own)?;
    own.apply_changes([change.clone()]).map_err(|_| Refusal::Apply)?;
    if own.get_change_meta_by_hash(&ChangeHash(scanned.hash)).is_none() {
        return Err(Refusal::Apply);
    }
    let (saved, shown) = save_and_read(own, request.kind)?;
    if on_top {
        return Ok(counted(scanned.hash, own, saved, shown, false));
    }
    Ok(merge(&mut doc, change, scanned.hash, request))
}

/// Adds a change that is good by itself to the merged document. A failure here is ours, and the document is stuck.
fn merge(doc: &mut AutoCommit, change: Change, hash: [u8; 32], request: &CountRequest<'_>) -> CountOutcome {
    let before = request.snapshot.unwrap_or_default().to_vec();
    let mut merged = doc.clone();
    let applied = catch_unwind(AssertUnwindSafe(|| {
        merged.apply_changes([change]).ok()?;
        let saved = merged.save();
        if saved.len() > MAX_MERGED {
            return None;
        }
        AutoCommit::load(&saved).ok()?;
        Some((show(&merged, request.kind), saved))
    }));
    if let Ok(Some((shown, saved))) = applied {
        return counted(hash, &mut merged, saved, shown, false);
    }
    let shown = show(doc, request.kind);
    counted(hash, doc, before, shown, true)
}

fn counted(hash: [u8; 32], doc: &mut AutoCommit, snapshot: Vec<u8>, shown: Shown, stuck: bool) -> CountOutcome {
    let mut heads: Vec<[u8; 32]> = doc.get_heads().into_iter().map(|head| head.0).collect();
    heads.sort_unstable();
    CountOutcome::Counted(Box::new(Counted {
        hash,
        snapshot,
        heads,
        shown,
        stuck,
    }))
}

fn save_and_read(doc: &mut AutoCommit, kind: DocumentKind) -> Result<(Vec<u8>, Shown), Refusal> {
    let saved = doc.save();
    size::check(doc, saved.len())?;
    let loaded = AutoCommit::load(&saved).map_err(|_| Refusal::Save)?;
    check_shape(&loaded)?;
    let fits = match kind {
        DocumentKind::Event => event::check(&loaded),
        DocumentKind::HubProfile => profile::check(&loaded),
        DocumentKind::Member => member::check(&loaded),
        DocumentKind::Other(_) => Ok(()),
    };
    fits.map_err(|reason| Refusal::Schema(reason.into()))?;
    Ok((saved, show(&loaded, kind)))
}

/// Walks the objects with a stack of our own: recursion over foreign data overflows the thread's. A place where
/// concurrent edits left several values is looked at closely; they may all be objects.
fn check_shape(doc: &AutoCommit) -> Result<(), Refusal> {
    let mut open = vec![(ROOT, ObjType::Map, 1)];
    let mut found: Vec<(Value<'_>, ObjId)> = Vec::new();
    while let Some((object, object_type, depth)) = open.pop() {
        if depth > MAX_NESTING {
            return Err(Refusal::Limit(format!("nesting {MAX_NESTING}")));
        }
        if object_type == ObjType::List {
            for item in doc.list_range(&object, ..) {
                if item.conflict {
                    found.extend(values_at(doc, &object, item.index)?);
                } else if let ValueRef::Object(kind) = item.value {
                    found.push((Value::Object(kind), item.id()));
                }
            }
        } else {
            for item in doc.map_range(&object, ..) {
                if item.conflict {
                    found.extend(values_at(doc, &object, item.key.as_ref())?);
                } else if let ValueRef::Object(kind) = item.value {
                    found.push((Value::Object(kind), item.id()));
                }
            }
        }
        for (value, id) in found.drain(..) {
            if let Value::Object(kind @ (ObjType::Map | ObjType::List | ObjType::Table)) = value {
                open.push((id, kind, depth + 1));
            }
        }
    }
    Ok(())
}

/// The values that concurrent edits left at one place.
fn values_at<'a>(doc: &'a AutoCommit, object: &ObjId, at: impl Into<Prop>) -> Result<Vec<(Value<'a>, ObjId)>, Refusal> {
    let values = doc.get_all(object, at).unwrap_or_default();
    if values.len() > MAX_VALUES {
        return Err(Refusal::Limit(format!("{MAX_VALUES} values at one place")));
    }
    Ok(values)
}

fn read(doc: &AutoCommit, kind: DocumentKind) -> Reading {
    match kind {
        DocumentKind::Event => Reading::Event(Box::new(event::read(doc))),
        DocumentKind::HubProfile => Reading::HubProfile(profile::read(doc)),
        DocumentKind::Member => Reading::Member(Box::new(member::read(doc))),
        DocumentKind::Other(_) => Reading::Unread,
    }
}

fn show(doc: &AutoCommit, kind: DocumentKind) -> Shown {
    let conflicts = match kind {
        DocumentKind::Event => conflict::find(doc),
        DocumentKind::HubProfile | DocumentKind::Member | DocumentKind::Other(_) => Vec::new(),
    };
    Shown {
        reading: read(doc, kind),
        conflicts,
    }
}

/// Reads a saved document of this node.
pub fn read_saved(snapshot: &[u8], kind: DocumentKind) -> Result<Reading, EditError> {
    Ok(read(&load(snapshot)?, kind))
}

/// The same, with its conflicts.
pub fn show_saved(snapshot: &[u8], kind: DocumentKind) -> Result<Shown, EditError> {
    Ok(show(&load(snapshot)?, kind))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::sample_event;
