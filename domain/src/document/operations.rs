//! What operations have to be beyond what Automerge asks of them.
//!
//! Automerge 0.12 takes an operation that inserts under a name in a map. The document saves, loads and reads, and panics in
//! whoever edits that name later: such an operation is put elsewhere than the others of its key.

use std::collections::BTreeMap;

use automerge::legacy::{ElementId, Key, ObjectId, OpType};
use automerge::{AutoCommit, ExpandedChange, ObjId, ObjType, ReadDoc as _};

use super::Refusal;

/// Checks that each operation of a change fits the object it is about: names in maps, where nothing is inserted, and elements
/// in lists and texts, where what comes first is inserted. `before`: the document the change builds on.
pub(super) fn check(change: &ExpandedChange, before: &AutoCommit) -> Result<(), Refusal> {
    let mut made: BTreeMap<u64, ObjType> = BTreeMap::new();
    for (counter, operation) in (change.start_op.get()..).zip(&change.operations) {
        let object = match &operation.obj {
            ObjectId::Root => Some(ObjType::Map),
            ObjectId::Id(id) if *id.actor() == change.actor_id && id.counter() >= change.start_op.get() => {
                made.get(&id.counter()).copied()
            }
            ObjectId::Id(id) => {
                let id = ObjId::Id(id.counter(), id.actor().clone(), 0);
                before.object_type(&id).ok()
            }
        };
        let Some(object) = object else {
            return Err(misplaced("an object that nobody made"));
        };
        let in_a_map = matches!(object, ObjType::Map | ObjType::Table);
        match &operation.key {
            Key::Map(_) if !in_a_map => return Err(misplaced("a name in a list")),
            Key::Map(_) if operation.insert => return Err(misplaced("an insertion into a map")),
            Key::Seq(_) if in_a_map => return Err(misplaced("an element of a map")),
            Key::Seq(ElementId::Head) if !operation.insert => return Err(misplaced("an element before the first")),
            Key::Map(_) | Key::Seq(_) => {}
        }
        if let OpType::Make(kind) = operation.action {
            made.insert(counter, kind);
        }
    }
    Ok(())
}

fn misplaced(what: &str) -> Refusal {
    Refusal::Schema(format!("it is about {what}"))
}
