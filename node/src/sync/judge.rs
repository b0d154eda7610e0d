//! Who judges a change: this process its own, the counter for foreign ones all others; those before the ledger is locked,
//! where that can be.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use interhub_domain::body::{Body, Content};
use interhub_domain::document::{CountOutcome, CountRequest, Counter, InProcessCounter, Unjudged};

use super::hold::Whose;

/// Judges the change that this node is making at this moment here, so that it can write even if no other process can be
/// had. Everything else, also what an own change wakes, is foreign until the counter has passed it.
pub(super) struct Judge<'a> {
    own: Option<&'a [u8]>,
    foreign: &'a dyn Counter,
}

impl<'a> Judge<'a> {
    /// For an envelope that is about to be held.
    pub(super) fn new(whose: Whose, body: Option<&'a Body>, foreign: &'a dyn Counter) -> Self {
        let content = body
            .filter(|_| whose == Whose::Own)
            .and_then(|body| body.content.as_ref());
        let own = content.and_then(|content| match content {
            Content::Genesis(genesis) => Some(genesis.change.as_slice()),
            Content::Change(change) => Some(change.change.as_slice()),
            Content::Squash(squash) => Some(squash.change.as_slice()),
            _ => None,
        });
        Self { own, foreign }
    }
}

impl Counter for Judge<'_> {
    fn count(&self, request: &CountRequest<'_>) -> Result<CountOutcome, Unjudged> {
        // The same bytes are the same change: they were made here a moment ago.
        if self.own == Some(request.change) {
            InProcessCounter.count(request)
        } else {
            self.foreign.count(request)
        }
    }
}

/// Remembers what was asked, and what came of it: an envelope is tried out before the ledger is locked, and held under the
/// lock. What is the same then need not be judged again, so that a change over which a process broods for a second keeps
/// nobody else from the ledger.
pub(super) struct Foreseen<'a> {
    counter: &'a dyn Counter,
    outcomes: Mutex<BTreeMap<[u8; 32], CountOutcome>>,
}

impl<'a> Foreseen<'a> {
    /// Nothing is known yet.
    pub(super) fn new(counter: &'a dyn Counter) -> Self {
        Self {
            counter,
            outcomes: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], CountOutcome>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name for everything an outcome depends on.
fn name_of(request: &CountRequest<'_>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[request.kind.code(), u8::from(request.snapshot.is_some())]);
    hasher.update(&request.actor).update(&request.seq.to_be_bytes());
    let snapshot = request.snapshot.unwrap_or_default();
    hasher.update(&(snapshot.len() as u64).to_be_bytes());
    hasher.update(snapshot).update(request.change);
    *hasher.finalize().as_bytes()
}

impl Counter for Foreseen<'_> {
    fn count(&self, request: &CountRequest<'_>) -> Result<CountOutcome, Unjudged> {
        let name = name_of(request);
        if let Some(outcome) = self.lock().get(&name) {
            return Ok(outcome.clone());
        }
        let outcome = self.counter.count(request)?;
        self.lock().insert(name, outcome.clone());
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use interhub_domain::document::Refusal;
    use interhub_domain::ids::DocumentKind;

    use super::*;

    /// Counts how often it is asked.
    struct Asked(AtomicU32);

    impl Counter for Asked {
        fn count(&self, request: &CountRequest<'_>) -> Result<CountOutcome, Unjudged> {
            if request.seq == 0 {
                return Err(Unjudged);
            }
            let times = self.0.fetch_add(1, Ordering::SeqCst);
            Ok(CountOutcome::Refused(Refusal::Scan(times.to_string())))
        }
    }

    #[test]
    fn what_differs_in_anything_is_judged_by_itself_and_what_was_not_judged_again() {
        let asked = Asked(AtomicU32::new(0));
        let foreseen = Foreseen::new(&asked);
        let base = CountRequest {
            kind: DocumentKind::Event,
            snapshot: None,
            change: b"abc",
            actor: [1; 24],
            seq: 1,
        };
        let others = [
            CountRequest {
                kind: DocumentKind::HubProfile,
                ..base.clone()
            },
            CountRequest {
                snapshot: Some(b""),
                ..base.clone()
            },
            CountRequest {
                snapshot: Some(b"a"),
                change: b"bc",
                ..base.clone()
            },
            CountRequest {
                snapshot: Some(b"ab"),
                change: b"c",
                ..base.clone()
            },
            CountRequest {
                actor: [2; 24],
                ..base.clone()
            },
            CountRequest { seq: 2, ..base.clone() },
        ];
        let first = foreseen.count(&base);
        for (number, other) in others.iter().enumerate() {
            let outcome = CountOutcome::Refused(Refusal::Scan((number + 1).to_string()));
            assert_eq!(foreseen.count(other), Ok(outcome.clone()));
            assert_eq!(foreseen.count(other), Ok(outcome));
        }
        assert_eq!(foreseen.count(&base), first);
        let unjudged = CountRequest { seq: 0, ..base };
        assert!(foreseen.count(&unjudged).is_err());
        assert!(foreseen.count(&unjudged).is_err());
    }
}
