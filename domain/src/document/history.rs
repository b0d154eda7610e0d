//! What a document said before.

use automerge::ChangeHash;

use super::{EditError, Reading, load, read};
use crate::ids::{DocumentKind, HubId};

/// What the newest change of a hub made of a document, as that hub saw it: what it said before that change, and after it. `None`:
/// the hub changed nothing in this generation, or only began it.
///
/// A hub's changes build on each other, so that the newest is the one whose operations have the largest numbers.
pub fn last_edit(snapshot: &[u8], hub: HubId, kind: DocumentKind) -> Result<Option<(Reading, Reading)>, EditError> {
    let mut doc = load(snapshot)?;
    let newest = doc
        .get_changes_meta(&[])
        .into_iter()
        .filter(|meta| meta.actor.to_bytes().starts_with(&hub.0))
        .max_by_key(|meta| (meta.max_op, meta.seq))
        .map(|meta| (meta.hash, meta.deps.clone()));
    let Some((hash, deps)) = newest.filter(|(_, deps)| !deps.is_empty()) else {
        return Ok(None);
    };
    let mut said = |heads: &[ChangeHash]| doc.fork_at(heads).map(|at| read(&at, kind));
    Ok(Some((said(&deps)?, said(&[hash])?)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::tests::sample_event;
    use super::super::{CountOutcome, CountRequest, actor, count, edit, patch};
    use super::*;
    use crate::event::Event;
    use crate::ids::Epoch;
    use std::collections::BTreeSet;

    const HERE: HubId = HubId([1; 16]);
    const THERE: HubId = HubId([2; 16]);

    fn saying(event: &Event) -> Reading {
        Reading::Event(Box::new(event.clone()))
    }

    fn edited(snapshot: Option<&[u8]>, hub: HubId, epoch: u64, seq: u64, event: &Event) -> Vec<u8> {
        let actor = actor(hub, Epoch(epoch));
        let made = edit(snapshot, actor, &saying(event)).unwrap().unwrap();
        let request = CountRequest {
            kind: DocumentKind::Event,
            snapshot,
            change: &made.change,
            actor,
            seq,
        };
        match count(&request) {
            CountOutcome::Counted(counted) => counted.snapshot,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn undoing_takes_back_what_one_hub_wrote_and_nothing_else() {
        let first = sample_event();
        let begun = edited(None, HERE, 1, 1, &first);
        assert_eq!(last_edit(&begun, HERE, DocumentKind::Event).unwrap(), None);
        assert_eq!(last_edit(&begun, THERE, DocumentKind::Event).unwrap(), None);
        let second = Event {
            title: "Open week".into(),
            ..first.clone()
        };
        let renamed = edited(Some(&begun), HERE, 2, 1, &second);
        let third = Event {
            summary: "All week long".into(),
            ..second.clone()
        };
        let both = edited(Some(&renamed), THERE, 1, 1, &third);
        let (before, after) = last_edit(&both, HERE, DocumentKind::Event).unwrap().unwrap();
        assert_eq!((&before, &after), (&saying(&first), &saying(&second)));
        let back = patch::carry_over(&second, &first, &third, &BTreeSet::new());
        assert_eq!(
            (back.title.as_str(), back.summary.as_str()),
            ("Open day", "All week long")
        );
        // Undoing is a change like any other, and can be undone.
        let undone = edited(Some(&both), HERE, 2, 2, &back);
        let (before, after) = last_edit(&undone, HERE, DocumentKind::Event).unwrap().unwrap();
        assert_eq!((before, after), (saying(&third), saying(&back)));
    }

    #[test]
    fn what_is_no_document_is_said_so() {
        assert!(matches!(
            last_edit(b"nonsense", HERE, DocumentKind::Event),
            Err(EditError::Load(_))
        ));
    }
}
