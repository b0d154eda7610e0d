//! Who judges a change: this process its own, the counter for foreign ones all others.

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
